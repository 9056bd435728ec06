"""
Grammar and table of clauses to the files that editors colour by: `python tests/editors/written.py` writes them.

The TextMate grammar of VS Code is kept by hand but for its lists of words.  The syntax file of Vim is made whole, by
the same places of words; Vim goes through its patterns from the last to the first, so what stands further down is tried
first.

`promo.lark` to a grammar for tree-sitter, whose parsers give several editors their colours: the same rules and tree.

Both tools build LALR automata and take a word for a keyword only where one may stand, so nothing has to be thought
out anew.  Four things differ.  A rule that gives way to an only child (`?sum`) becomes a hidden rule beside a visible
one.  A template becomes a hidden rule for each of its uses.  A choice of words has no node of its own.  And a pattern
loses its lookahead; such patterns come last, for of two that match equally much the first is taken: `1e5` is a number.

The table of clauses adds what `promo.lark` does not say of a name: `declared` here, `known` without a declaration
(a metric, a unit, `by name`), or, as `name`, one that is declared elsewhere.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from textwrap import fill
from typing import Any

from promo.syntax.clauses import ARGUMENTS, BLOCKS, Argument
from promo.syntax.lex import grammar
from promo.syntax.tables import GRAMMAR, Tables

ROOT = Path(__file__).parents[2] / "grammar"
TEXTMATE = "editors/vscode/syntaxes/promo.tmLanguage.json"
VIM = "editors/vim/syntax/promo.vim"
TREE_SITTER = "editors/tree-sitter-promo"

# --- VS Code -------------------------------------------------------------------------------------------------


def word_lists(tables: Tables) -> dict[str, list[str]]:
    """Words that begin a `declaration`, words that begin a `clause`, and every `word` that stands elsewhere; sorted."""
    found: dict[str, set[str]] = {"declaration": set(), "clause": set(), "word": set()}
    for moves in tables.actions.every():
        between = moves.get("_NL", -1) >= 0
        place = "declaration" if "STUDY" in moves else "clause" if between and moves.get("RBRACE", -1) >= 0 else "word"
        taken = {terminal for terminal, move in moves.items() if move >= 0}
        found[place] |= {word for word, kinds in tables.words.items() if word.isalpha() and not taken.isdisjoint(kinds)}
    # The header has a rule of its own, and `frozen` stands in front of a declaration.
    quiet = {"declaration": {"promo", "frozen"}, "clause": set[str](), "word": {"promo"}}
    return {place: sorted(words - quiet[place]) for place, words in found.items()}


def coloured(textmate: str, tables: Tables) -> str:
    """A TextMate grammar with the word lists of its patterns brought up to date: the longest group of each."""
    grammar: dict[str, Any] = json.loads(textmate)
    for place, words in word_lists(tables).items():
        rule = grammar["repository"][place]
        longest: str = max(re.findall(r"\([a-z|]+\)", rule["match"]), key=len)
        rule["match"] = rule["match"].replace(longest, f"({'|'.join(words)})")
    return json.dumps(grammar, indent=2, ensure_ascii=False) + "\n"


# --- Vim -----------------------------------------------------------------------------------------------------

NAME = "[a-z][a-z0-9_]*"
NUMBER = r"\<[0-9][0-9_]*\%(\.[0-9][0-9_]*\)\?\%([eE][+-]\?[0-9]\+\)\?"
GROUPS = {
    "Comment": "Comment",
    "Documentation": "SpecialComment",
    "String": "String",
    "Escape": "SpecialChar",
    "Date": "Number",
    "Digest": "Constant",
    "Edition": "PreProc",
    "Frozen": "StorageClass",
    "Declaration": "Structure",
    "Name": "Type",
    "Setting": "Identifier",
    "Clause": "Statement",
    "Word": "Keyword",
    "Number": "Number",
    "Quantity": "Number",
    "Operator": "Operator",
}
"""Group of promo -> the group of Vim whose colours it has."""


def vim_syntax(tables: Tables) -> str:
    """The whole file."""
    lines = [
        '" Vim syntax file of promo, edition 1.  Written by python tests/editors/written.py; edit nothing here.',
        'if exists("b:current_syntax")',
        "  finish",
        "endif",
        "syntax case match",
        *(f"syntax match promo{group} {rest}" for group, rest in _matches(tables)),
        r'syntax match promoEscape /\\["\\nt]/ contained',
        r'syntax region promoString start=/"/ skip=/\\./ end=/"/ oneline contains=promoEscape',
        "syntax match promoComment /#.*$/ contains=@Spell",
        "syntax match promoDocumentation /##.*$/ contains=@Spell",
        *(f"highlight default link promo{group} {link}" for group, link in GROUPS.items()),
        'let b:current_syntax = "promo"',
    ]
    return "\n".join(lines) + "\n"


def _matches(tables: Tables) -> Iterator[tuple[str, str]]:
    """Group and pattern of everything that is one match."""
    words = {place: r"\|".join(found) for place, found in word_lists(tables).items()}
    yield "Operator", r"/->\|\.\.\|[-+*\/^=]/"
    yield "Word", rf"/\<\%({words['word']}\)\>/"
    yield "Number", rf"/{NUMBER}\>/"
    unit = r"\%([eE][+-]\?[0-9]\)\@![a-zA-Z][a-zA-Z0-9_]*"  # what follows the 1 of 1e-4 is none
    yield "Quantity", rf"/{NUMBER}\%(%\|{unit}\)/"
    yield "Clause", rf"/\%(^\s\+\|{{\s*\)\@<=\%({words['clause']}\)\>/"
    yield "Setting", rf"/\%(^\|{{\)\@<=\s*{NAME}\ze\s*=/"
    yield "Name", rf"/{NAME}/ contained"
    block = rf"\%({words['declaration']}\)\>\%(\s*=\)\@!"
    yield "Declaration", rf"/^{block}/ nextgroup=promoName skipwhite"
    yield "Declaration", rf"/\%(^frozen\s\+\)\@<={block}/ nextgroup=promoName skipwhite"
    yield "Frozen", rf"/^frozen\ze\s\+{block}/"
    yield "Edition", r"/^promo\ze\s\+[0-9]/"
    yield "Date", r"/\<[0-9]\{4}-[0-9]\{2}-[0-9]\{2}\>/"
    yield "Digest", r"/sha256:[0-9a-f]\{12,64}/"


# --- tree-sitter ---------------------------------------------------------------------------------------------

Form = dict[str, Any]
"""A rule as tree-sitter's `grammar.json` has it."""
WRITTEN = {"SYMBOL": "$.{name}", "STRING": '"{value}"', "PATTERN": "/{value}/", "BLANK": ""}
"""Kind of a form without parts -> what stands for it in `grammar.js`."""
HEAD = "Written by python tests/editors/written.py; edit nothing here."
LISTED = "_names"
"""The shared rule whose names are of the clause around it."""
LOOKAHEAD = re.compile(r"\(\?![^()]*\)")


def tree_sitter_files(grammar: str) -> dict[str, str]:
    """Every file that is written from the grammar and the table of clauses: its path -> its text."""
    form = tree_sitter_form(grammar)
    return {
        "grammar.js": _grammar_js(form),
        "queries/highlights.scm": _colours(form["rules"]),
        "queries/folds.scm": _query(f"{_nodes(BLOCKS)} @fold"),
    }


def tree_sitter_form(grammar: str) -> Form:
    """The grammar as tree-sitter's `grammar.json` has it: rules and terminals by name, first that of a whole text."""
    from lark import load_grammar

    loader: Any = load_grammar
    read = loader.load_grammar(grammar, GRAMMAR, [], False)[0]
    terminals = {str(name): _terminal(tree) for name, (tree, _) in read.term_defs}
    rules = _Reading(read.rule_defs, terminals).rules
    patterns = {name: form["value"] for name, form in terminals.items() if form["type"] == "PATTERN"}
    for name in sorted(patterns, key=lambda name: bool(LOOKAHEAD.search(patterns[name]))):
        rules[name.lower()] = {"type": "PATTERN", "value": LOOKAHEAD.sub("", patterns[name])}
    spaces = {name: rules.pop(name.lower()) for name in read.ignore if name.startswith("__")}
    extras = [spaces.get(name) or _symbol(name.lower()) for name in read.ignore]
    return {"name": "promo", "word": "name", "rules": rules, "extras": extras}


class _Reading:
    """The rules of a grammar as Lark reads them, and what has been made of them so far."""

    def __init__(self, defined: list[Any], terminals: dict[str, Form]) -> None:
        self.defined = {str(name): (params, tree, options.expand1) for name, params, tree, options in defined}
        self.terminals = terminals
        self.rules: dict[str, Form] = {}
        for name, (params, tree, gives_way) in self.defined.items():
            if gives_way:
                self._giving_way(name, tree)
            elif not params and name != LISTED:
                self.rules[name] = {}  # in its place in the order
                self.rules[name] = self._form(tree, name, count(), {})

    def _giving_way(self, name: str, tree: Any) -> None:
        """A rule whose node is left out where it would have one child: hidden, beside those whose nodes stay."""
        kept: dict[str, Form] = {}
        choices = []
        for way in tree.children:
            body, named = (way.children[0], str(way.children[1].name)) if way.data == "alias" else (way, name)
            form = self._form(body, name, count(), {})
            if way.data != "alias" and form["type"] == "SEQ":  # x (y)*
                first, rest = form["members"]
                choices.append(first)
                form = _several("SEQ", [first, {**rest, "type": "REPEAT1"}])
            if form["type"] == "SEQ":
                kept[named] = form
                form = _symbol(named)
            choices.append(form)
        self.rules |= {f"_{name}": _several("CHOICE", choices), **kept}

    def _form(self, part: Any, rule: str, places: Iterator[int], given: dict[str, Form]) -> Form:
        """
        What tree-sitter has for a part of a rule.

        Args:
            part: Lark's tree, or a symbol in it.
            rule: the rule that it stands in.
            places: of its names that follow.
            given: what a template's own words stand for.
        """

        def of(inner: Any) -> Form:
            return self._form(inner, rule, places, given)

        kind = getattr(part, "data", None)
        if kind == "literal":
            return {"type": "STRING", "value": str(part.children[0])[1:-1]}
        if kind == "template_usage":
            return self._instance(str(part.children[0].name), of(part.children[1]))
        if kind == "expr":
            content = of(part.children[0])
            how = {"*": "REPEAT", "+": "REPEAT1"}.get(str(part.children[1]))
            return {"type": how, "content": content} if how else _optional(content)
        if kind == "maybe":
            return _optional(of(part.children[0]))
        if kind is not None:
            return _several("CHOICE" if kind == "expansions" else "SEQ", [of(inner) for inner in part.children])
        return self._reference(str(part.name), rule, places, given)

    def _reference(self, name: str, rule: str, places: Iterator[int], given: dict[str, Form]) -> Form:
        """A symbol: a template's own word, a choice of words, a name by what it is, or another rule."""
        if name in given:
            return given[name]
        if name == LISTED:
            return self._form(self.defined[name][1], rule, places, given)
        if name == "NAME":
            return _name(rule, next(places))
        if name in self.terminals:
            form = self.terminals[name]
            return _symbol(name.lower()) if form["type"] == "PATTERN" else form
        return _symbol(f"_{name}" if self.defined[name][2] else name)

    def _instance(self, template: str, of: Form) -> Form:
        """The hidden rule of a template for what it is used with."""
        name = f"{template}_{of['name'].strip('_')}"
        if name not in self.rules:
            self.rules[name] = {}  # it may use itself
            (word,), tree, _ = self.defined[template]
            self.rules[name] = self._form(tree, template, count(), {word: of})
        return _symbol(name)


def _terminal(tree: Any) -> Form:
    ways = [way.children[0].children[0].children[0] for way in tree.children]
    kind = "PATTERN" if ways[0].type == "REGEXP" else "STRING"
    return _several("CHOICE", [{"type": kind, "value": str(way)[1:-1]} for way in ways])


def _name(rule: str, place: int) -> Form:
    what = ARGUMENTS[rule].name(place) if rule in ARGUMENTS and ARGUMENTS[rule].names else Argument()
    if what.declares not in ("", "import"):
        return _alias("declared")
    return _alias("known") if not what.kinds and (what.words or what.known) else _symbol("name")


def _alias(value: str) -> Form:
    return {"type": "ALIAS", "content": _symbol("name"), "named": True, "value": value}


def _symbol(name: str) -> Form:
    return {"type": "SYMBOL", "name": name}


def _several(kind: str, members: list[Form]) -> Form:
    """Members in a row, or one of them; those that are such a form themselves as if they were written out."""
    flat = [inner for one in members for inner in (one["members"] if one["type"] == kind else [one])]
    return flat[0] if len(flat) == 1 else {"type": kind, "members": flat}


def _optional(content: Form) -> Form:
    return {"type": "CHOICE", "members": [content, {"type": "BLANK"}]}


def _grammar_js(form: Form) -> str:
    lines = [
        f"// {HEAD}",
        "module.exports = grammar({",
        f'  name: "{form["name"]}",',
        f"  word: $ => $.{form['word']},",
        f"  extras: $ => [{', '.join(map(_javascript, form['extras']))}],",
        "  rules: {",
        *(f"    {name}: $ => {_javascript(rule)}," for name, rule in form["rules"].items()),
        "  },",
        "});",
    ]
    return "\n".join(lines) + "\n"


def _javascript(form: Form) -> str:
    kind, inner = form["type"], [_javascript(one) for one in _parts(form)]
    if kind in WRITTEN:
        return WRITTEN[kind].format_map(form)
    if kind == "ALIAS":
        return f"alias({inner[0]}, $.{form['value']})"
    if inner[-1] == "":
        return f"optional({inner[0]})"
    return f"{kind.lower()}({', '.join(inner)})"


def _parts(form: Form) -> list[Form]:
    content: list[Form] = form.get("members", [form["content"]] if "content" in form else [])
    return content


BRACKETS, DELIMITERS = "()[]{}", ",:"
COLOURS = {
    "(declared)": "@type.definition",
    "(known)": "@constant.builtin",
    "(setting . (name) @variable.member)": "",
    "(string)": "@string",
    "(digest)": "@constant",
    "[(int) (float) (quantity) (date)]": "@constant.numeric",
    "(frozen)": "@keyword.modifier",
    '((comment) @comment (#not-match? @comment "^##"))': "",
    '((comment) @comment.documentation (#match? @comment.documentation "^##"))': "",
}
"""
What is coloured by its kind -> how.

Nothing is coloured twice, for editors differ in which colour would count.  An editor that does not know the end of a
name goes by its beginning: Helix has no `number`, so numbers are a `constant.numeric`, for others a `constant`.
"""


def _colours(rules: dict[str, Form]) -> str:
    """How nodes are coloured, and words and signs that have none of their own."""
    said = Counter(word for rule in rules.values() for word in _strings(rule))
    alone = [name for name, rule in rules.items() if rule["type"] == "STRING" and said[rule["value"]] == 1]
    words = said.keys() - {rules[name]["value"] for name in alone}
    listed = {
        "@keyword": sorted(word for word in words if word.isalpha()),
        "@punctuation.bracket": sorted(words & {*BRACKETS}),
        "@punctuation.delimiter": sorted(words & {*DELIMITERS}),
        "@operator": sorted(word for word in words if not word.isalpha() and word not in BRACKETS + DELIMITERS),
    }
    patterns = {**COLOURS, _nodes(sorted({*alone} - {"frozen"})): "@keyword"}
    patterns |= {"[" + " ".join(f'"{one}"' for one in these) + "]": colour for colour, these in listed.items()}
    return _query(*(f"{pattern} {colour}".rstrip() for pattern, colour in patterns.items()))


def _strings(form: Form) -> Iterator[str]:
    """The words and signs in a rule."""
    if form["type"] == "STRING":
        yield form["value"]
    for inner in _parts(form):
        yield from _strings(inner)


def _nodes(kinds: Iterable[str]) -> str:
    return f"[{' '.join(f'({kind})' for kind in kinds)}]"


def _query(*patterns: str) -> str:
    lines = (fill(pattern, 110, subsequent_indent="  ", break_on_hyphens=False) for pattern in patterns)
    return "\n".join([f"; {HEAD}", *lines]) + "\n"


def write() -> None:
    """Write every file; the parse tables are those of the grammar by then."""
    textmate = (ROOT / TEXTMATE).read_text(encoding="utf-8")
    files = {TEXTMATE: coloured(textmate, grammar()), VIM: vim_syntax(grammar())}
    trees = tree_sitter_files((ROOT / GRAMMAR).read_text(encoding="utf-8"))
    files |= {f"{TREE_SITTER}/{name}": text for name, text in trees.items()}
    for name, text in files.items():
        (ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
