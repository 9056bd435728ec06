"""
What a run did in each shape, against the changes that it was asked for: whether it can be so.

Nobody can stop in the middle of a step, so a change stands at the first step end at or beyond its place.  Steps, tokens
and operations are derived from the segments and the request; where seconds are the budget, they rest on what the run
wrote down.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise

from promo.base.canonical import from_exact
from promo.base.classes import frozen
from promo.run.values import Change, Request, Segment, Used, Work
from promo.study.limits import BudgetKind

DOUBLE = 2**51
"""What doubles and their decimals round away of an amount is a smaller part of it than one in so many."""


@frozen
class Done:
    """What a run says that it did."""

    segments: tuple[Segment, ...]
    work: Work
    used: Used | None


def misfit(request: Request, done: Done) -> str:
    """
    Why this cannot be what a whole run did whose shape was changed as it was asked; empty where it can.

    Not of what was read from a table, which tells of no segments.
    """
    found, changes = done.segments, request.changes
    if not changes:
        return "it reports segments, but no change of shape was requested" if found else ""
    if not 0 < len(found) <= len(changes) + 1:
        return f"it reports {len(found)} segments, but {len(changes)} changes of shape were requested"
    return _sums(request, done) or misplaced(found, changes) or _end(request, done)


def misplaced(found: Sequence[Segment], changes: Sequence[Change]) -> str:
    """
    Which change does not stand at the first step end at or beyond its place; empty where all of them do.

    The last of *found* is where the run stands: the change behind it, if there is one, was not due before its last
    step.
    """
    for number, (segment, change) in enumerate(zip(found, changes, strict=False), 1):
        until, before = from_exact(segment.until), from_exact(segment.before)
        last = number == len(found)
        if not (before < change.at and (last or change.at <= until)):
            where = "was not made" if last else f"was made at {segment.until}"
            return f"change {number} was requested at {change.at}, and {where}"
    return ""


def _sums(request: Request, done: Done) -> str:
    """Whether the segments add up to the work that is told, and to the budget's own count."""
    found, work = done.segments, done.work
    each = [request.flops_per_token, *(one.flops_per_token for one in request.changes)]
    flops = [one.tokens * per_token for one, per_token in zip(found, each, strict=False)]
    steps, tokens = [one.steps for one in found], [one.tokens for one in found]
    if (work.steps, work.tokens, work.flops) != (sum(steps), sum(tokens), sum(flops)):
        return "its segments do not add up to the work that it reports"
    counted: Mapping[BudgetKind, Sequence[int]] = {
        BudgetKind.STEPS: steps,
        BudgetKind.TOKENS: tokens,
        BudgetKind.FLOPS: flops,
    }
    amounts = counted.get(request.budget.kind)
    if amounts is not None and [from_exact(one.until) for one in found] != list(accumulate(amounts)):
        return "its segments end elsewhere than where their work comes to"
    return "" if all(_ordered(found)) else "its segments do not follow each other"


def _ordered(found: Sequence[Segment]) -> Iterator[bool]:
    """Whether each segment begins where the one before ended; one without a step is where that one was."""
    first = found[0]
    yield first.steps > 0 and 0 <= from_exact(first.before) <= from_exact(first.until)
    for one, following in pairwise(found):
        stood = (following.until, following.before) == (one.until, one.before)
        went_on = from_exact(one.until) <= from_exact(following.before) <= from_exact(following.until)
        yield went_on if following.steps else stood


def _end(request: Request, done: Done) -> str:
    """Whether the last segment ends where the run says that it ended, and by a step as large as it says."""
    used, last = done.used, done.segments[-1]
    if used is None or used.last_step is None:
        return "it does not report what it used"
    until, spent = from_exact(last.until), from_exact(used.used)
    whole = abs(until - spent) * DOUBLE <= until if request.continues is None else until >= spent
    step = abs(until - from_exact(last.before) - from_exact(used.last_step)) * DOUBLE <= until
    return "" if whole and step else "its last segment ends elsewhere than the run"
