"""
Values so far to the next condition of a greedy walk: one factor at a time, kept only when the mean is better.

From the start the walk turns the factors over in the order of the design, again and again.  A condition with a
strictly better mean over its cells becomes the new place; every other is left, and so is one with a missing value.
What was tried is not tried again, and the walk has ended when every single change of its place has been.
"""

from collections.abc import Mapping
from fractions import Fraction

from promo.base.canonical import exact, exact_sum
from promo.base.classes import frozen
from promo.decision.conditions import complete
from promo.decision.values import Decision, Input, Walking
from promo.evidence.values import Evidence
from promo.ledger.outcomes import Settled
from promo.study.judgement import Step
from promo.study.values import Study

Row = tuple[int, ...]


@frozen
class Walk:
    """Where a walk stands: its place, the condition to try next (None: it has ended), and the moves it made."""

    place: Row
    next: Row | None
    moves: tuple[Row, ...]


def walk(start: Row, values: Mapping[Row, Fraction | None], *, lower_is_better: bool) -> Walk:
    """
    Follow a walk as far as values are known.

    Args:
        start: signs of the factors, shape (k,).
        values: mean of each condition that was tried; None where a value is missing.
        lower_is_better: which way is better.
    """
    if start not in values:
        return Walk(start, start, ())
    sign = 1 if lower_is_better else -1
    place, turned, since = start, 0, 0
    moves: list[Row] = []
    while since < len(start):
        factor = turned % len(start)
        turned, since = turned + 1, since + 1
        other = (*place[:factor], -place[factor], *place[factor + 1 :])
        if other not in values:
            return Walk(place, other, tuple(moves))
        here, there = values[place], values[other]
        if there is not None and (here is None or sign * there < sign * here):
            place, since = other, 0
            moves.append(other)
    return Walk(place, None, tuple(moves))


def decide_step(study: Study, step: Step, evidence: Mapping[str, Evidence]) -> Decision:
    """Who enters the next step of a walk."""
    baseline = study.baselines[step.baseline]
    assert baseline.start is not None
    names = {row: name for name, row in baseline.conditions.items()}
    values: dict[Row, Fraction | None] = {}
    for stage in step.sources:
        for row in evidence[stage].rows:
            there = complete(row)
            mean = exact_sum(there.values()) / len(there) if there else None
            values[baseline.conditions[row.candidate]] = mean
    found = walk(baseline.conditions[baseline.start], values, lower_is_better=study.measure.lower_is_better)
    value = values.get(found.place)
    return Decision(
        name=step.name,
        seal=None,
        inputs=tuple(Input(stage, evidence[stage].digest) for stage in step.sources),
        outcome=Settled(),
        promoted=() if found.next is None else (names[found.next],),
        found=Walking(
            stages=step.sources,
            baseline=baseline.name,
            place=names[found.place],
            statistic=None if value is None else exact(value),
            moves=tuple(names[row] for row in found.moves),
        ),
    )
