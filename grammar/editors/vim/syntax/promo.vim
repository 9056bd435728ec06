" Vim syntax file of promo, edition 1.  Written by python tests/editors/written.py; edit nothing here.
if exists("b:current_syntax")
  finish
endif
syntax case match
syntax match promoOperator /->\|\.\.\|[-+*\/^=]/
syntax match promoWord /\<\%(after\|against\|agreement\|all\|and\|array\|as\|at\|best\|better\|by\|candidate\|candidates\|cell\|cells\|centre\|comparator\|completion\|continue\|control\|costs\|cpu\|default\|discovered\|drop\|dropped\|effect\|else\|equivalent\|error\|every\|factor\|fails\|first\|foldover\|follows\|for\|fraction\|from\|full\|gain\|gap\|gate\|high\|higher\|highest\|hold\|holds\|host\|in\|is\|keep\|least\|level\|like\|linear\|listed\|log\|looks\|low\|lower\|lowest\|mean\|median\|missing\|most\|neighbours\|not\|of\|on\|once\|only\|or\|over\|per\|pinned\|projected\|promoted\|rank\|receipt\|reduce\|reference\|required\|rerun\|resolution\|rule\|runs\|sample\|sealed\|seed\|seeds\|semifold\|sentinel\|shared\|sigma\|skip\|stable\|step\|stop\|then\|times\|to\|top\|trend\|undecided\|until\|upstream\|when\|windows\|with\|within\|worst\)\>/
syntax match promoNumber /\<[0-9][0-9_]*\%(\.[0-9][0-9_]*\)\?\%([eE][+-]\?[0-9]\+\)\?\>/
syntax match promoQuantity /\<[0-9][0-9_]*\%(\.[0-9][0-9_]*\)\?\%([eE][+-]\?[0-9]\+\)\?\%(%\|\%([eE][+-]\?[0-9]\)\@![a-zA-Z][a-zA-Z0-9_]*\)/
syntax match promoClause /\%(^\s\+\|{\s*\)\@<=\%(absent\|after\|alias\|allow\|allowance\|always\|anchor\|answer\|at\|attempts\|becomes\|block\|branch\|budget\|cap\|choose\|clear\|column\|continue\|contrast\|cooldown\|count\|crash\|demand\|device\|devices\|draw\|draws\|else\|executor\|expect\|family\|fix\|form\|from\|guard\|holdout\|interpolate\|into\|judge\|keep\|label\|law\|matched\|measure\|members\|missing\|model\|nodes\|noise\|note\|of\|on\|option\|order\|parent\|price\|rank\|rate\|reach\|report\|require\|rest\|rows\|runner\|sample\|score\|seed\|seeds\|shapes\|slots\|source\|space\|spot\|stack\|suppose\|test\|threads\|ties\|title\|to\|tokenizer\|tolerance\|train\|vary\|without\)\>/
syntax match promoSetting /\%(^\|{\)\@<=\s*[a-z][a-z0-9_]*\ze\s*=/
syntax match promoName /[a-z][a-z0-9_]*/ contained
syntax match promoDeclaration /^\%(account\|baseline\|candidate\|cohort\|curves\|data\|design\|effects\|factor\|forecast\|gate\|grow\|host\|law\|let\|reduce\|rule\|schedule\|stage\|study\|use\)\>\%(\s*=\)\@!/ nextgroup=promoName skipwhite
syntax match promoDeclaration /\%(^frozen\s\+\)\@<=\%(account\|baseline\|candidate\|cohort\|curves\|data\|design\|effects\|factor\|forecast\|gate\|grow\|host\|law\|let\|reduce\|rule\|schedule\|stage\|study\|use\)\>\%(\s*=\)\@!/ nextgroup=promoName skipwhite
syntax match promoFrozen /^frozen\ze\s\+\%(account\|baseline\|candidate\|cohort\|curves\|data\|design\|effects\|factor\|forecast\|gate\|grow\|host\|law\|let\|reduce\|rule\|schedule\|stage\|study\|use\)\>\%(\s*=\)\@!/
syntax match promoEdition /^promo\ze\s\+[0-9]/
syntax match promoDate /\<[0-9]\{4}-[0-9]\{2}-[0-9]\{2}\>/
syntax match promoDigest /sha256:[0-9a-f]\{12,64}/
syntax match promoEscape /\\["\\nt]/ contained
syntax region promoString start=/"/ skip=/\\./ end=/"/ oneline contains=promoEscape
syntax match promoComment /#.*$/ contains=@Spell
syntax match promoDocumentation /##.*$/ contains=@Spell
highlight default link promoComment Comment
highlight default link promoDocumentation SpecialComment
highlight default link promoString String
highlight default link promoEscape SpecialChar
highlight default link promoDate Number
highlight default link promoDigest Constant
highlight default link promoEdition PreProc
highlight default link promoFrozen StorageClass
highlight default link promoDeclaration Structure
highlight default link promoName Type
highlight default link promoSetting Identifier
highlight default link promoClause Statement
highlight default link promoWord Keyword
highlight default link promoNumber Number
highlight default link promoQuantity Number
highlight default link promoOperator Operator
let b:current_syntax = "promo"
