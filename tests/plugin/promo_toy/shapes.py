"""What a run that trains nothing would say that it did in each shape, so that it fits the changes it was asked for."""

from promo.base.classes import frozen
from promo.run.values import Segment, Used, Work
from promo.study.limits import BudgetKind


@frozen
class Pretended:
    """Segments, and the work and the budget that they come to."""

    segments: tuple[Segment, ...]
    work: Work
    used: Used


def pretended(request, counter):
    """
    Each shape ends where the next begins, or the budget; in one step each, where steps are not the budget.

    A budget in operations ends at the token that uses it up.
    """
    kind, earlier = request.budget.kind, request.continues.earlier if request.continues else 0
    whole = request.budget.amount + earlier
    reached = [one for one in request.changes if one.at < whole]
    each = [request.flops_per_token, *(one.flops_per_token for one in reached)]
    segments, at, work = [], 0, [0, 0, 0]
    for bound, per_token in zip([*(one.at for one in reached), whole], each, strict=True):
        if bound <= at and segments:  # a change where the one before stood: this shape takes no step
            segments.append(Segment(0, 0, segments[-1].until, segments[-1].before))
            continue
        steps = bound - at if kind is BudgetKind.STEPS else 1
        tokens = {BudgetKind.TOKENS: bound - at, BudgetKind.FLOPS: -(-(bound - at) // max(per_token, 1))}.get(kind, 10)
        until = at + tokens * per_token if kind is BudgetKind.FLOPS else bound
        before = bound - 1 if kind is BudgetKind.STEPS else at
        segments.append(Segment(steps, tokens, str(until), str(before)))
        work, at = [work[0] + steps, work[1] + tokens, work[2] + tokens * per_token], until
    last = segments[-1]
    used = Used(kind, repr(float(at - earlier)), repr(float(at - int(last.before))), counter)
    return Pretended(tuple(segments), Work(*work, "10.0"), used)
