"""
An unfinished line to what can be written next.

The parser says which keywords and whether a name can stand at the cursor; the keyword before it says what kind of
name.  Only the declaration around the cursor is read again, so that the answer does not wait for a long file.
"""

import re
from collections.abc import Iterator

from attrs import frozen
from lsprotocol import types

from promo import plugins
from promo.base.units import UNITS
from promo.server.document import Document
from promo.server.names import IMPORT, kinds_at, leading
from promo.study.judgement import LEADER, Method, TieBreak
from promo.study.ladder import COUNTED
from promo.study.names import KINDS
from promo.study.recorded import COLUMNS, TOOLS, WAYS
from promo.study.rules import CELL_NAMES
from promo.study.setting import SYSTEMS
from promo.syntax.lex import COMMENT, NAME, Lexeme, grammar, lexemes
from promo.syntax.parse import Expected, expected

HEADER = "promo 1\n"
UNNAMED = ("frozen", "study", "account", "curves", "use")
"""Words that begin a declaration and give no name that others could use."""
PARTIAL = re.compile(r"[A-Za-z0-9_.%]*\Z")
NUMBER = re.compile(r"[0-9][0-9_]*(\.[0-9][0-9_]*)?(?=[A-Za-z_]*\Z)")

REPEATED = frozenset({"vary", "alias", "rows", "members", "demand", "guard", "suppose", "note", "column", "label"})
"""Words of clauses that a block may have more than once."""

WORDS_AT = {
    ("host", "on"): SYSTEMS,
    ("gate", "over"): CELL_NAMES,
    ("gate", "per"): CELL_NAMES[:1],
    ("rule", "per"): CELL_NAMES[:1],
    ("gate", "by"): tuple(one.value for one in (*TieBreak, Method.SIGN_FLIP, Method.WILCOXON)),
    ("rule", "by"): (Method.SIGN_FLIP.value, Method.WILCOXON.value),
    ("gate", "to"): (LEADER,),
    ("account", "count"): COUNTED,
    ("curves", "from"): TOOLS,
    ("curves", "column"): COLUMNS,
    ("curves", "by"): WAYS,
    ("effects", "block"): CELL_NAMES,
}
"""Declaration and keyword -> words that may follow and are declared nowhere."""

METRIC_AT = frozenset(
    {
        *((kind, statistic) for kind in ("gate", "rule") for statistic in ("mean", "median", "worst", "every")),
        ("grow", "lowest"),
        ("grow", "highest"),
    }
)


@frozen
class _Place:
    """Where the cursor is: the characters already written of a word, and what the grammar takes there."""

    declaration: str
    keyword: str
    partial: str
    expected: Expected
    starts_line: bool


def complete(document: Document, text: str, offset: int) -> list[types.CompletionItem]:
    """
    What can be written at a place.

    Args:
        document: the last version that was compiled; its names are offered.
        text: the text as it is now.
        offset: where the cursor is in *text*.
    """
    place = _place(text, offset)
    if place is None:
        return []
    number = NUMBER.match(place.partial)
    if number:
        return list(_units(document, number.group()))
    if place.partial[:1].isdigit():
        return []
    starts_clause = bool(place.expected.block) and place.starts_line
    said = _said(text, offset) - REPEATED if starts_clause else frozenset()
    found = [*_names(document, place, said), *_words(place, said)]
    return list({item.label: item for item in reversed(found)}.values())[::-1]


def _place(text: str, offset: int) -> _Place | None:
    """The place in words; None inside a comment or a text in quotes."""
    start = _declaration_start(text, offset)
    before = text[start:offset]
    last = next(reversed(list(lexemes(before))), None)
    if last is not None and last[3] == len(before) and (last[0] == COMMENT or last[1].startswith('"')):
        return None
    found = PARTIAL.search(before)
    partial = found.group() if found else ""
    before = before[: len(before) - len(partial)]
    if ".." in partial:
        before, partial = before + partial[: partial.rindex("..") + 2], partial[partial.rindex("..") + 2 :]
    there = expected(before if start == 0 else HEADER + before)
    opening = there.block or there.line
    declaration = next((word for _, word, _, _ in opening if word != "frozen"), "")
    inside = there.line
    if there.block and inside == there.block:  # a block that is written on one line
        brace = next(index for index, lexeme in enumerate(inside) if lexeme[1] == "{")
        inside = inside[brace + 1 :]
    return _Place(declaration, _keyword(inside), partial, there, not inside)


def _keyword(line: tuple[Lexeme, ...]) -> str:
    """The leading keyword; behind `from STAGE to` another stage is wanted, not a candidate to compare with."""
    keyword = leading(line)
    return "from" if keyword == "to" and line[0][1] == "from" else keyword


def _declaration_start(text: str, offset: int) -> int:
    """Where the declaration around the cursor may begin: the last line before it that starts at its left edge."""
    at = text.rfind("\n", 0, offset) + 1
    while at and (text[at : at + 1] in (" ", "\t", "}", "\n", "\r", "#", "") or not _declares(text, at)):
        at = text.rfind("\n", 0, at - 1) + 1
    return at


def _declares(text: str, at: int) -> bool:
    word = re.compile(r"[a-z]+").match(text, at)
    return word is not None and (
        word.group() in KINDS or word.group() in ("frozen", "study", "account", "curves", "use")
    )


def _units(document: Document, number: str) -> Iterator[types.CompletionItem]:
    units = {unit: dimension.value for unit, (dimension, _) in UNITS.items()}
    study = document.compiled.study
    if study is not None:
        units[study.measure.unit] = f"an amount of {study.measure.metric}"
    for unit, meaning in units.items():
        yield types.CompletionItem(number + unit, kind=types.CompletionItemKind.Unit, detail=meaning)


def _names(document: Document, place: _Place, said: frozenset[str]) -> Iterator[types.CompletionItem]:
    """Names of the kinds that can stand there, and the words that are names of nothing declared."""
    if NAME not in place.expected.terminals or not place.declaration:
        return
    where = place.declaration, place.keyword
    kinds = kinds_at(*where)
    if place.keyword == place.declaration or where == ("grow", "becomes"):
        return  # a new name is being made up
    for declared in document.declared.values():
        if declared.name not in said and (declared.kind in kinds or (declared.kind == IMPORT and kinds)):
            yield types.CompletionItem(
                declared.name,
                kind=types.CompletionItemKind.Variable,
                detail=KINDS.get(declared.kind, "declared in another file"),
                documentation=document.compiled.tree.documentation(declared.node) or None,
                sort_text=f"0{declared.name}",
            )
    if "candidate" in kinds and document.compiled.study is not None:
        for name, candidate in document.compiled.study.candidates.items():
            if name not in document.declared:  # a row of a design
                kind = types.CompletionItemKind.Variable
                yield types.CompletionItem(name, kind=kind, detail=candidate.origin, sort_text=f"2{name}")
    for word in _plain(document, where):
        yield types.CompletionItem(word, kind=types.CompletionItemKind.EnumMember, sort_text=f"0{word}")


def _plain(document: Document, where: tuple[str, str]) -> tuple[str, ...]:
    study = document.compiled.study
    if where == ("study", "runner"):
        return plugins.runner_names()
    if where in METRIC_AT and study is not None:
        return (study.measure.metric,)
    return WORDS_AT.get(where, ())


def _words(place: _Place, said: frozenset[str]) -> Iterator[types.CompletionItem]:
    """Keywords that can stand there; at the start of a clause only those that the block does not have yet."""
    for word, terminals in grammar().words.items():
        if not word.isalpha() or place.expected.terminals.isdisjoint(terminals) or word in said:
            continue
        examples = grammar().examples.get(word, ()) if place.starts_line else ()
        mine = [one for one in examples if one.split()[0] == word]
        yield types.CompletionItem(
            word,
            kind=types.CompletionItemKind.Keyword,
            detail=mine[0] if mine else None,
            sort_text=f"1{word}",
        )


def _said(text: str, offset: int) -> frozenset[str]:
    """First words of the lines of the block around a place, its own line left out."""
    start = text.rfind("{", 0, offset) + 1
    ends = text.find("}", offset)
    line_start = max(text.rfind("\n", 0, offset) + 1, start)
    line_end = text.find("\n", offset)
    others = [text[start:line_start], text[line_end:ends] if 0 <= line_end < ends else ""]
    first = [line.split(None, 1)[0] for part in others for line in part.splitlines() if line.strip()]
    return frozenset(first)
