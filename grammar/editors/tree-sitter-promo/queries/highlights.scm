; Written by python tests/editors/written.py; edit nothing here.
(declared) @type.definition
(known) @constant.builtin
(setting . (name) @variable.member)
(string) @string
(digest) @constant
[(int) (float) (quantity) (date)] @constant.numeric
(frozen) @keyword.modifier
((comment) @comment (#not-match? @comment "^##"))
((comment) @comment.documentation (#match? @comment.documentation "^##"))
[(as_listed) (full) (log) (promoted) (receipt) (shared)] @keyword
["absent" "account" "after" "against" "agreement" "alias" "all" "allow" "allowance" "always" "anchor" "and"
  "answer" "array" "as" "at" "attempts" "baseline" "becomes" "best" "better" "block" "branch" "budget" "by"
  "candidate" "candidates" "cap" "cell" "cells" "centre" "choose" "clear" "cohort" "column" "comparator"
  "completion" "continue" "contrast" "control" "cooldown" "costs" "count" "cpu" "crash" "curves" "data"
  "default" "demand" "design" "device" "devices" "discovered" "draw" "draws" "drop" "dropped" "effect"
  "effects" "else" "equivalent" "error" "every" "executor" "expect" "factor" "fails" "family" "first" "fix"
  "foldover" "follows" "for" "forecast" "form" "fraction" "from" "gain" "gap" "gate" "grow" "guard" "high"
  "higher" "highest" "hold" "holdout" "holds" "host" "in" "interpolate" "into" "is" "judge" "keep" "label"
  "law" "least" "let" "level" "like" "linear" "looks" "low" "lower" "lowest" "matched" "mean" "measure"
  "median" "members" "missing" "model" "most" "neighbours" "nodes" "noise" "not" "note" "of" "on" "once"
  "only" "option" "or" "order" "over" "parent" "per" "pinned" "price" "projected" "promo" "rank" "rate"
  "reach" "reduce" "reference" "report" "require" "required" "rerun" "resolution" "rest" "rows" "rule"
  "runner" "runs" "sample" "schedule" "score" "sealed" "seed" "seeds" "semifold" "sentinel" "shapes" "sigma"
  "skip" "slots" "source" "space" "spot" "stable" "stack" "stage" "step" "stop" "study" "suppose" "test"
  "then" "threads" "ties" "times" "title" "to" "tokenizer" "tolerance" "top" "train" "trend" "undecided"
  "until" "upstream" "use" "vary" "when" "windows" "with" "within" "without" "worst"] @keyword
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":"] @punctuation.delimiter
["*" "+" "-" "->" ".." "/" "=" "^"] @operator
