"""
Effects of several stages to how they change from one to the next.

Where stages share runs (the same candidate in the same cell, trained on or trained again with the same seed), what runs
have in common cancels in what each of them gained, and a change is estimated from these gains like an effect.  Where
they share none the stages are independent, and the errors of both add up.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from promo.base.canonical import from_exact
from promo.base.classes import evolve
from promo.base.tails import t_quantile, t_tails
from promo.evidence.digits import Digits
from promo.evidence.estimates import Change, Estimate, Fit
from promo.evidence.observed import Observed
from promo.study.values import Effects


def changes(
    effects: Effects, fits: Sequence[Fit], seen: Mapping[str, Observed], gained: Callable[[str, Observed], Fit]
) -> Iterable[Change]:
    """Changes of every effect that is estimated at two consecutive stages, and stands for the same there."""
    for before, after in pairwise(fits):
        gains = seen[before.stage].gained(seen[after.stage])
        if gains.runs:
            yield from _paired(before, gained(after.stage, gains), gains.runs)
        else:
            yield from _independent(before, after, 1 - float(effects.rate) / 2)


def _paired(before: Fit, gains: Fit, runs: int) -> Iterable[Change]:
    for one in gains.estimates:
        if one.value is not None:
            tests = (one.error, gains.freedom if one.error else None, one.t, one.p, one.low, one.high)
            yield Change(one.effect, before.stage, gains.stage, one.value, *tests, runs)


def _independent(before: Fit, after: Fit, level: float) -> Iterable[Change]:
    known = {one.effect: one for one in before.estimates}
    for one in after.estimates:
        first = known.get(one.effect)
        if first is None or first.value is None or one.value is None or _stands_for(first) != _stands_for(one):
            continue
        texts = (first.value, one.value, first.error or "0", one.error or "0")
        numbers = [from_exact(text) for text in texts]
        unit = math.lcm(*(number.denominator for number in numbers[:2]))
        digits = Digits.of([[int(number * unit) for number in numbers]], unit)
        start, end, *errors = map(digits.count, numbers)
        change = end - start
        kept = evolve(digits, places=digits.places - 1).estimate(change)
        bare = Change(one.effect, before.stage, after.stage, kept, *(None,) * 6, 0)
        if not all(errors) or not before.freedom or not after.freedom:
            yield bare
            continue
        error, freedom = _summed([float(one) for one in errors], [float(before.freedom), float(after.freedom)])
        reach = t_quantile(level, freedom) * error
        yield evolve(
            bare,
            error=digits.text(error),
            freedom=digits.bare(freedom),
            t=digits.bare(float(change) / error),
            p=digits.bare(t_tails(float(change) / error, freedom)),
            low=digits.text(float(change) - reach),
            high=digits.text(float(change) + reach),
        )


def _summed(errors: Sequence[float], freedoms: Sequence[float]) -> tuple[float, float]:
    """
    The error of a difference of independent estimates, and its degrees of freedom.

    Source:
        Welch (1947), "The generalization of Student's problem", Biometrika 34.
    """
    error = math.hypot(*errors)
    shares = [(one / error) ** 2 for one in errors]
    return error, 1 / sum(share**2 / freedom for share, freedom in zip(shares, freedoms, strict=True))


def _stands_for(one: Estimate) -> tuple[object, object]:
    return one.chain, one.aliases
