"""Laws fitted by promo and by the second verifier: the same, and the same intervals, to the digits that are stated."""

import math
import random

import pytest
from promo.templates import recheck

from promo.evidence.fitting import fit, interval, refits
from promo.evidence.laws import Point
from promo.study.laws import LEVEL, Form

DRAWS = 20
LARGEST = 4
"""How many times the largest place both are asked about."""


def drawn(seed: int) -> tuple[Form, list[tuple[tuple[float, ...], float, str]]]:
    """Runs around some law with 0.2 or 2% of noise, one to four at a place: many floors lie near their border."""
    draw = random.Random(seed)
    form, noise = draw.choice([Form.COMPUTE, Form.COMPUTE, Form.SHIFTED, Form.SIZE_AND_DATA]), draw.choice([2e-3, 2e-2])
    floor, exponent, found = draw.uniform(1, 3), draw.uniform(0.15, 0.6), []
    for place in range(draw.randint(6, 8)):
        compute = 10 ** draw.uniform(9, 12)
        size = 10.0 ** (4 + place % 3)
        for run in range(draw.randint(1, 4)):
            if form is Form.SIZE_AND_DATA:
                at = (size, compute / 6 / size)
                loss = floor + 50 * at[0] ** -exponent + 200 * at[1] ** -0.3
            else:
                at, loss = (compute,), floor + 10 * (compute / 1e9) ** -exponent
            found.append((at, loss * math.exp(draw.gauss(0, noise)), f"{place}-{run}"))
    return form, found


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_both_fit_the_same_law_where_the_two_runs_of_every_place_lie_farther_apart_than_the_bend(seed):
    """By Huber's own function any law between them would do."""
    draw = random.Random(seed)
    runs = [
        (
            (10.0**place,),
            (2 + 10 * 10 ** (-0.3 * (place - 9))) * math.exp(sign * draw.uniform(0.012, 0.04)),
            f"{place}{sign}",
        )
        for place in (9, 9.5, 10, 10.5, 11, 11.5)
        for sign in (-1, 1)
    ]
    law = fit([Point(*one) for one in runs], Form.COMPUTE)
    again = refits([Point(*one) for one in runs], law, draws=DRAWS, seed=seed)
    other, others = recheck.fitted([recheck.Measured(*one) for one in runs], "compute", DRAWS, seed)

    for one, theirs in zip([law, *again], [other, *others], strict=True):
        assert theirs.values == pytest.approx(one.parameters, rel=recheck.STATED)


@pytest.mark.parametrize("seed", range(8))
def test_both_fit_the_same_law_and_the_same_interval(seed):
    form, runs = drawn(seed)
    points = [Point(*one) for one in runs]
    law = fit(points, form)
    again = refits(points, law, draws=DRAWS, seed=seed)
    other, others = recheck.fitted([recheck.Measured(*one) for one in runs], form.value, DRAWS, seed)

    assert set(law.unsure) == other.unsure
    for place in (runs[0][0], tuple(LARGEST * one for one in runs[-1][0])):
        low, high = interval([one.loss(*place) for one in again], LEVEL)
        theirs = [one.loss(place) for one in others]
        ends = [recheck.share_of(theirs, share) for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2)]

        assert [other.loss(place), *ends] == pytest.approx([law.loss(*place), low, high], rel=recheck.STATED)
