"""
Diagnostics as text for people.

The lines of a source that matter are shown once each, in the order of the file: the fault under `^`, what explains it
under `-`, each with its words.  A fault that goes over several lines is marked on its first lines and its last.
Columns are those of the terminal, so carets stand under what they mean behind tabs, wide and combining characters.
"""

from collections.abc import Iterator

from promo.base.classes import frozen
from promo.base.diagnostics import Diagnostic
from promo.base.source import Source, Span
from promo.base.visible import visible
from promo.cli.terminal import columns, expanded, styled

LONGEST_LINE = 160
"""Characters of a source line that are shown; of a longer one, those around the mark."""
MOST_LINES = 4
"""Lines of one fault that are shown whole."""


@frozen
class _Mark:
    """Characters of one line to underline, counted from 0, and what to say of them."""

    line: int
    start: int
    end: int
    sign: str
    style: str
    text: str


def as_text(found: Diagnostic, *, colour: bool) -> str:
    """A diagnostic with its lines, carets, and what to do about it."""
    kind = found.severity.value
    head = styled(f"{kind}[{found.code}]", kind, colour=colour) + ": " + styled(found.message, "bold", colour=colour)
    lines = [head]
    marks = _by_source(found)
    width = max(len(str(mark.line)) for of_source in marks.values() for mark in of_source)
    for number, (source, of_source) in enumerate(marks.items()):
        arrow = ":::" if number else "-->"
        lines += _excerpt(source, of_source, arrow, " " * width, colour=colour)
    lines += [f"  = note: {visible(note)}" for note in found.notes]
    if found.hint:
        lines.append(f"  = help: {visible(found.hint)}")
    return "\n".join(lines)


def _by_source(found: Diagnostic) -> dict[Source, list[_Mark]]:
    """Source -> its marks, the fault's own source and mark first."""
    places = [(found.span, "^", found.severity.value, "")]
    places += [(label.span, "-", "dim", label.text) for label in found.labels]
    marks: dict[Source, list[_Mark]] = {}
    for span, sign, style, text in places:
        marks.setdefault(span.source, []).extend(_marks(span, sign, style, text))
    return marks


def _marks(span: Span, sign: str, style: str, text: str) -> Iterator[_Mark]:
    """One mark for each line to be shown of a span; its words stand on the last."""
    source = span.source
    first, column = source.position(span.start)
    last, last_column = source.position(max(span.end - 1, span.start))
    numbers = range(first, last + 1)
    shown = numbers if len(numbers) <= MOST_LINES else (*numbers[: MOST_LINES - 2], last)
    for number in shown:
        content = source.line(number)
        start = column - 1 if number == first else len(content) - len(content.lstrip())
        end = last_column if number == last else len(content)
        if content.strip() or number in (first, last):
            yield _Mark(number, start, end, sign, style, text if number == last else "")


def _excerpt(source: Source, marks: list[_Mark], arrow: str, margin: str, *, colour: bool) -> Iterator[str]:
    """The marked lines of one source, under the place of the first mark."""
    yield f"{margin}{arrow} {visible(source.name)}:{marks[0].line}:{marks[0].start + 1}"
    yield f"{margin} |"
    before = None
    for number in sorted({mark.line for mark in marks}):
        if before is not None and number == before + 2:
            yield _numbered(before + 1, source.line(before + 1)[:LONGEST_LINE], margin)
        elif before is not None and number > before + 2:
            yield "..."
        yield from _marked(source.line(number), [mark for mark in marks if mark.line == number], margin, colour=colour)
        before = number


def _marked(content: str, marks: list[_Mark], margin: str, *, colour: bool) -> Iterator[str]:
    """A line, and under it a row for each mark."""
    left, right = 0, len(content)
    if len(content) > LONGEST_LINE:
        left = max(marks[0].start - LONGEST_LINE // 2, 0)
        right = min(left + LONGEST_LINE, len(content))
    lead, tail = "..." if left else "", "..." if right < len(content) else ""
    yield _numbered(marks[0].line, lead + content[left:right] + tail, margin)
    for mark in marks:
        start, end = min(max(mark.start, left), right), min(max(mark.end, left), right)
        pad = " " * columns(expanded(lead + content[left:start]))
        signs = mark.sign * max(columns(expanded(content[start:end])), 1)
        words = f"{signs} {mark.text}" if mark.text else signs
        yield f"{margin} | {pad}{styled(words, mark.style, colour=colour)}"


def _numbered(number: int, content: str, margin: str) -> str:
    return f"{number:{len(margin)}} | {expanded(content)}".rstrip()
