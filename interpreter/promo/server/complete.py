"""
An unfinished line to what can be written next.

The parser says which keywords can stand at the cursor, and what a name or a number there would be; the table of
clauses says what that may refer to.  Only the declaration around the cursor is read again, so that the answer does
not wait for a long file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from lsprotocol import types

from promo import plugins
from promo.base.classes import frozen
from promo.base.errors import PromoError
from promo.base.units import UNITS, Dimension, is_digits
from promo.server.document import Document
from promo.server.names import IMPORT
from promo.study.ports import Runner, shapes_of
from promo.study.space import Array, Design
from promo.study.values import Study
from promo.syntax.clauses import BLOCKS, SPOKEN, WAYS_TO_GROW, Argument, Known
from promo.syntax.fault import clause_words, examples, first_word
from promo.syntax.lex import COMMENT, NAME, grammar, lexemes
from promo.syntax.parse import declaration_words
from promo.syntax.place import Place, place_at_end

HEADER = "promo 1\n"
MOST_ROWS = 64
"""Of a design whose rows are offered though nothing trains them."""
PARTIAL = re.compile(r"[A-Za-z0-9_.%]*\Z")
NUMBER = re.compile(r"[0-9][0-9_]*(\.[0-9][0-9_]*)?(?=[A-Za-z_]*\Z)")


@frozen
class _Here:
    """Where the cursor is: in which declaration, behind which characters of a word, and what can stand there."""

    declaration: str
    partial: str
    place: Place
    starts_line: bool


def complete(document: Document, text: str, offset: int) -> list[types.CompletionItem]:
    """
    What can be written at a place.

    Args:
        document: the last version that was compiled; its names are offered.
        text: the text as it is now.
        offset: where the cursor is in *text*.
    """
    here = _here(text, offset)
    if here is None:
        return []
    number = NUMBER.match(here.partial)
    if number:
        return list(_units(document, here.place.number, number.group()))
    if is_digits(here.partial[:1]):
        return []
    starts_clause = bool(here.place.block) and here.starts_line
    said = _said(text, offset) if starts_clause else frozenset()
    found = [*_names(document, here, said), *_words(here, said, starts_clause=starts_clause)]
    return list({item.label: item for item in reversed(found)}.values())[::-1]


def _here(text: str, offset: int) -> _Here | None:
    """The place in words; None inside a comment or a text in quotes."""
    start = _declaration_start(text, offset)
    before = text[start:offset]
    last = next(reversed(lexemes(before)), None)
    if last is not None and last[3] == len(before) and (last[0] == COMMENT or last[1].startswith('"')):
        return None
    found = PARTIAL.search(before)
    partial = found.group() if found else ""
    before = before[: len(before) - len(partial)]
    if ".." in partial:
        before, partial = before + partial[: partial.rindex("..") + 2], partial[partial.rindex("..") + 2 :]
    there = place_at_end(before if start == 0 else HEADER + before)
    opening = there.block or there.line
    declaration = next((word for _, word, _, _ in opening if word != "frozen"), "")
    inside = there.line
    if there.block and inside == there.block:  # a block that is written on one line
        brace = next(index for index, lexeme in enumerate(inside) if lexeme[1] == "{")
        inside = inside[brace + 1 :]
    return _Here(declaration, partial, there, not inside)


def _declaration_start(text: str, offset: int) -> int:
    """Where the declaration around the cursor may begin: the last line before it that starts at its left edge."""
    at = text.rfind("\n", 0, offset) + 1
    while at and (text[at : at + 1] in (" ", "\t", "}", "\n", "\r", "#", "") or not _declares(text, at)):
        at = text.rfind("\n", 0, at - 1) + 1
    return at


def _declares(text: str, at: int) -> bool:
    word = re.compile(r"[a-z]+").match(text, at)
    return word is not None and word.group() in declaration_words()


def _units(document: Document, given: Argument | None, number: str) -> Iterator[types.CompletionItem]:
    """The units of what is measured there; all of them where anything may be."""
    wanted = given.dimensions if given is not None else ()
    units = {unit: dimension.value for unit, (dimension, _) in UNITS.items() if not wanted or dimension in wanted}
    study = document.compiled.study
    if study is not None and (not wanted or Dimension.METRIC in wanted):
        units[study.measure.unit] = f"an amount of {study.measure.metric}"
    for unit, meaning in units.items():
        yield types.CompletionItem(number + unit, kind=types.CompletionItemKind.Unit, detail=meaning)


def _names(document: Document, here: _Here, said: frozenset[str]) -> Iterator[types.CompletionItem]:
    """Names of the kinds that can stand there, and the words that are names of nothing declared."""
    wanted = here.place.name
    if wanted is None or wanted.declares:
        return  # no name, or a new one that is being made up
    kinds, words = wanted.kinds, (*wanted.words, *_known(document, here, wanted.known))
    for declared in document.declared.values():
        if wanted.stays and declared.kind == "candidate" and declared.node.node("follows") is not None:
            continue
        if declared.name not in said and (declared.kind in kinds or (declared.kind == IMPORT and kinds)):
            yield types.CompletionItem(
                declared.name,
                kind=types.CompletionItemKind.Variable,
                detail=SPOKEN.get(declared.kind, "declared in another file"),
                documentation=document.compiled.tree.documentation(declared.node) or None,
                sort_text=f"0{declared.name}",
            )
    if "candidate" in kinds and document.compiled.study is not None:
        for name, origin in _made(document.compiled.study).items():
            if name not in document.declared:
                kind = types.CompletionItemKind.Variable
                yield types.CompletionItem(name, kind=kind, detail=origin, sort_text=f"2{name}")
    for word in words:
        yield types.CompletionItem(word, kind=types.CompletionItemKind.EnumMember, sort_text=f"0{word}")


def _made(study: Study) -> dict[str, str]:
    """Candidates and rows of small designs, which are candidates where they are named -> where they come from."""
    made = {name: candidate.origin for name, candidate in study.candidates.items()}
    designs: list[Design | Array] = [*study.designs.values(), *study.arrays.values()]
    for design in designs:
        if len(design.rows) <= MOST_ROWS:
            made |= design.titles
    return made


def _known(document: Document, here: _Here, what: Known | None) -> tuple[str, ...]:
    """Names that the study, its runner or the installation knows."""
    study = document.compiled.study
    match what:
        case Known.METRIC:
            return (study.measure.metric,) if study is not None else ()
        case Known.RUNNER:
            return plugins.runner_names()
        case Known.EXECUTOR:
            return plugins.executor_names()
        case Known.OPTION:
            named = () if study is None else tuple(host.executor for host in study.hosts.values())
            return tuple(option for name in named for option in plugins.executor_options(name) or ())
        case Known.WAY:
            return _ways(document, here)
        case Known.UNIT | None:
            return ()
        case _:
            assert_never(what)


def _ways(document: Document, here: _Here) -> tuple[str, ...]:
    """Ways to grow what a growth or a schedule changes, of those that the runner has; all where it is not known."""
    runner = _runner(document)
    if runner is None:
        return WAYS_TO_GROW
    grows = here.declaration == "grow"
    having: Mapping[str, tuple[str, ...]] = getattr(runner, "ways", {}) if grows else shapes_of(runner)
    written = [word for kind, word, _, _ in here.place.line if kind == NAME]
    changing = [name for name in (written if grows else _differing(document, written)) if name in having]
    return tuple(dict.fromkeys(way for name in changing or having for way in having[name]))


def _differing(document: Document, shapes: Sequence[str]) -> list[str]:
    """Factors in which candidates differ that are named; none where they are not known."""
    study = document.compiled.study
    known = [dict(study.candidates[name].levels) for name in shapes if name in study.candidates] if study else []
    return [factor for factor in known[0] if len({one[factor] for one in known}) > 1] if known else []


def _runner(document: Document) -> Runner | None:
    """The installed runner that the text names, be it sound or not."""
    block = next((node for node in document.compiled.tree.declarations if node.kind == "study"), None)
    clause = None if block is None else block.node("runner")
    named = None if clause is None else next(iter(clause.tokens("NAME")), None)
    try:
        return None if named is None else plugins.runner(named.text)
    except PromoError:  # it is installed and cannot be loaded, which is said where it is named
        return None


def _words(here: _Here, said: frozenset[str], *, starts_clause: bool) -> Iterator[types.CompletionItem]:
    """Keywords that can stand there, the likeliest first; of clauses only those that the block may still take."""
    clauses = BLOCKS.get(here.declaration, {}) if starts_clause else {}
    again = {first_word(rule) for rule, clause in clauses.items() if clause.repeats}
    likely = clause_words(here.declaration, said) if starts_clause else ()
    order = {word: place for place, word in enumerate(dict.fromkeys([*likely, *grammar().words]))}
    for word in order:
        terminals = grammar().words.get(word, ())
        if not word.isalpha() or here.place.terminals.isdisjoint(terminals) or (word in said and word not in again):
            continue
        mine = examples(word, here.declaration if starts_clause else "") if here.starts_line else ()
        yield types.CompletionItem(
            word,
            kind=types.CompletionItemKind.Keyword,
            detail=mine[0] if mine else None,
            sort_text=f"1{order[word]:03}",
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
