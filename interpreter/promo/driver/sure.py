"""
Edits that claim to be sure, to those that are: each was tried, and the text has no more errors with it.

A pass sees one fault and can only say that nothing else can be meant.  Whether the repair leaves the text better (and
does not, for instance, bring a line back that is wrong in two other ways) shows once the whole text is read with it.
Only a text with such a claim pays for that.
"""

from collections.abc import Callable, Sequence

from promo.base.classes import evolve
from promo.base.diagnostics import Confidence, Diagnostic, errors
from promo.base.edits import applicable, apply
from promo.base.source import Source

Read = Callable[[Source], tuple[Diagnostic, ...]]
"""What is wrong with a text."""

MOST_ALONE = 8
"""Up to so many edits are tried one by one; of more, parts of the whole, which take each other's word for it."""

MOST_TRIALS = 24
MOST_READ = 2_000_000
"""Readings of one text, and characters in all of them: a text with hundreds of claims keeps most as guesses."""


def weight(found: Sequence[Diagnostic]) -> tuple[int, int]:
    """How wrong a text is: by its errors, then by all that was found."""
    return sum(1 for _ in errors(found)), len(found)


def proven(source: Source, found: tuple[Diagnostic, ...], read: Read) -> tuple[Diagnostic, ...]:
    """
    The same diagnostics; one whose edits do not make the text better only guesses.

    The text is better with fewer errors.  It may have as many where the repair lets the passes see further, so that
    they tell of another fault that was there all along; not on the lines that the repair touches.
    """
    claims = [one for one in found if one.confidence is Confidence.SURE and one.edits]
    if not claims:
        return found
    trials = _Trials(source, found, read)
    together = applicable(source, claims)
    held = {id(one) for one in trials.held(together)}
    # Those that touch the same characters as another one wait for their turn in the text that it leaves.
    waiting = [one for one in claims if not any(one is other for other in together)]
    held |= {id(one) for one in waiting if trials.held((one,))}
    return tuple(
        evolve(one, confidence=Confidence.GUESS) if one.confidence is Confidence.SURE and id(one) not in held else one
        for one in found
    )


class _Trials:
    """Readings of one text with edits carried out, as many as its length allows."""

    def __init__(self, source: Source, found: Sequence[Diagnostic], read: Read) -> None:
        self.source, self.found, self.read = source, found, read
        self.left = min(MOST_TRIALS, max(MOST_READ // (len(source.text) + 1), 2))

    def held(self, tried: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Those of some diagnostics whose edits make the text better; none once there were too many trials."""
        if not tried or not self.left:
            return ()
        if len(tried) == 1 or len(tried) > MOST_ALONE:
            self.left -= 1
            edits = (edit for one in tried for edit in one.edits)
            text = Source(self.source.name, apply(self.source.text, edits))
            after = self.read(text)
            wanted = sum(1 for _ in errors(tried))
            if weight(after)[0] <= weight(self.found)[0] - wanted and weight(after) < weight(self.found):
                return tuple(tried)
            if len(tried) == 1:
                return tuple(tried) if _sees_further(self.found, tried[0], text, after) else ()
        middle = len(tried) // 2
        return (*self.held(tried[:middle]), *self.held(tried[middle:]))


def _sees_further(found: Sequence[Diagnostic], repaired: Diagnostic, text: Source, after: Sequence[Diagnostic]) -> bool:
    """Whether a text has as many errors after a repair, and those that are new stand on other lines."""
    if weight(after)[0] > weight(found)[0]:
        return False
    told = {(one.code, one.message) for one in found if one is not repaired}
    touched = _touched(repaired, text)
    new = [one for one in errors(after) if (one.code, one.message) not in told]
    lines = [text.position(one.span.start)[0] for one in new if one.span.source == text]
    return len(lines) == len(new) and touched.isdisjoint(lines)


def _touched(repaired: Diagnostic, text: Source) -> set[int]:
    """Lines of a text that the edits which led to it touched."""
    lines: set[int] = set()
    shift = 0
    for edit in sorted(repaired.edits, key=lambda one: one.span.start):
        start = edit.span.start + shift
        end = start + len(edit.text)
        shift += len(edit.text) - (edit.span.end - edit.span.start)
        lines.update(range(text.position(start)[0], text.position(min(end, len(text.text)))[0] + 1))
    return lines
