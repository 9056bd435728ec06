"""
What is wrong with a spec, as values.

A pass yields diagnostics and goes on; nothing here prints.  Codes are grouped by area: P01 syntax, P02 names,
P03 units and types, P04 gates and seals, P05 stages, P06 cost, P07 designs, P08 growth and schedules, P09 style
and things this version cannot run yet.
"""

from collections.abc import Iterable, Iterator
from enum import Enum

from promo.base.classes import frozen
from promo.base.source import Span


class Severity(Enum):
    """How much a diagnostic weighs: an error stops every later command, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@frozen
class Label:
    """A second place that explains the first, such as the line that declared a name."""

    span: Span
    text: str


@frozen
class Edit:
    """Replace the characters of *span* by *text*."""

    span: Span
    text: str


class Confidence(Enum):
    """Whether edits may be carried out unread: a guess may repair the text and miss what was meant."""

    SURE = "sure"
    GUESS = "guess"


@frozen
class Diagnostic:
    """
    One fault of a spec.

    *message* states the fact in lower case without a full stop; *hint* starts with a verb and says what to do;
    *notes* give the arithmetic or the context.  *edits* together repair the fault; `promo check --fix` carries out
    only those that are sure, which leave no choice to make: a name that is nearly right stays a guess.  A pass claims
    that; whoever reads a whole text tries it (`promo.driver.sure`).
    """

    code: str
    message: str
    span: Span
    hint: str = ""
    severity: Severity = Severity.ERROR
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    confidence: Confidence = Confidence.GUESS
    expected: tuple[str, ...] = ()
    """All that could stand there, the likeliest first, where the message or the hint names some of it."""


def in_text_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Diagnostics sorted by source, place and code; a repeated one is kept once."""

    def key(found: Diagnostic) -> tuple[str, int, int, str, str]:
        return found.span.source.name, found.span.start, found.span.end, found.code, found.message

    return tuple({key(found): found for found in sorted(diagnostics, key=key)}.values())


def errors(diagnostics: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Those diagnostics that stop a command."""
    return (found for found in diagnostics if found.severity is Severity.ERROR)


def suggestion(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known word nearest to *word*, or None when none is near (difflib's ratio, at least *cutoff*)."""
    from difflib import get_close_matches  # imported only once something is already wrong

    near = get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return near[0] if near else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint about a word that is not known: the nearest one, or what else helps."""
    near = suggestion(word, known)
    return f"did you mean '{near}'?" if near else otherwise
