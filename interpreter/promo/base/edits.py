"""Edits of a text: which of those that diagnostics offer can be carried out together, and the text they give."""

from collections.abc import Iterable, Sequence

from promo.base.diagnostics import Confidence, Diagnostic, Edit
from promo.base.source import Source


def apply(text: str, edits: Iterable[Edit]) -> str:
    """A text with edits carried out; they must not overlap."""
    for edit in sorted(edits, key=lambda one: one.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def line_after(edits: Sequence[Edit]) -> str:
    """The line that edits of one line give, from its first word on, with single spaces: what a hint tells to write."""
    source, first = edits[0].span.source, min(edit.span.start for edit in edits)
    last = max(edit.span.end for edit in edits)
    start, end = source.text.rfind("\n", 0, first) + 1, source.text.find("\n", last)
    behind = len(source.text) - (end if end >= 0 else len(source.text))
    after = apply(source.text, edits)
    line = after[start : len(after) - behind]
    return " ".join((line if '"' in line else line.partition("#")[0]).split())


def applicable(source: Source, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """
    The diagnostics of one text whose edits are sure and do not overlap.

    Where two touch the same characters the earlier diagnostic of the sequence goes first, and the other has to wait
    until the text is read anew.  A diagnostic is taken with all of its edits or not at all.
    """
    taken: list[Diagnostic] = []
    occupied: list[Edit] = []
    for found in diagnostics:
        if found.confidence is not Confidence.SURE or not found.edits:
            continue
        here = all(edit.span.source == source for edit in found.edits)
        if here and not any(_touch(edit, other) for edit in found.edits for other in occupied):
            taken.append(found)
            occupied.extend(found.edits)
    return tuple(taken)


def _touch(one: Edit, other: Edit) -> bool:
    """Whether two edits share a character or a place; two insertions at one place have no order of their own."""
    return one.span.start <= other.span.end and other.span.start <= one.span.end
