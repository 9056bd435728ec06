"""Where a shape changes, and the loss along a way through several shapes, against every place that could be chosen."""

import math
from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promo.evidence.laws import FittedLaw
from promo.evidence.switching import loss_along, switch, switches
from promo.study.laws import Form


def law(floor, factor, exponent):
    return FittedLaw(Form.COMPUTE, (floor, factor, exponent), 0.0, ())


SMALL, LARGE, HUGE = law(1.0, 30.0, 0.5), law(0.5, 90.0, 0.55), law(0.4, 200.0, 0.6)


def test_the_place_is_where_both_laws_fall_equally_fast_at_equal_loss():
    at = switch(SMALL, LARGE, 1.0, 1e9)
    loss = SMALL.loss(at)

    assert at == pytest.approx(1147.9, rel=1e-3)
    assert SMALL.price(loss) == pytest.approx(LARGE.price(loss), rel=1e-9)


def test_no_other_places_to_change_at_end_lower():
    budget, places = 40_000.0, [10 ** (k / 40) for k in range(60, 185)]
    laws = [SMALL, LARGE, HUGE]
    chosen = switches(laws, 1.0, 1e9)
    best = min(
        one
        for first, second in combinations_with_replacement(places, 2)
        if first < second < budget and (one := loss_along(laws, [0, first, second], budget)) is not None
    )

    assert loss_along(laws, [0, *chosen], budget) <= best + 1e-9


@given(
    st.tuples(st.floats(0.5, 1.5), st.floats(5, 300), st.floats(0.1, 0.8)),
    st.tuples(st.floats(0.2, 1.5), st.floats(5, 300), st.floats(0.1, 0.8)),
)
def test_the_way_is_never_worse_than_both_shapes_that_are_kept(one, other):
    laws, budget = [law(*one), law(*other)], 1e6
    (at,) = switches(laws, 1e-3, 1e12)
    turns = [0.0, at]
    along = loss_along(laws, turns, budget) if at < budget else laws[0].loss(budget)

    if 0 < at < budget and along is not None:
        assert along <= laws[0].loss(budget) * (1 + 1e-9)


def test_a_budget_that_ends_before_a_change_is_spent_by_the_shapes_until_then():
    assert loss_along([SMALL, LARGE], [0, 1000], 500) == SMALL.loss(500)
    assert loss_along([SMALL, LARGE], [0, 1000], 1000) == SMALL.loss(1000)


def test_no_law_comes_below_its_floor():
    assert loss_along([SMALL, law(2.0, 30.0, 0.5)], [0, 1e6], 2e6) is None


def test_a_shape_that_is_cheaper_from_the_beginning_and_one_that_never_is():
    better = law(0.9, 20.0, 0.5)

    assert switches([SMALL, better], 1.0, 1e9) == (0.0,)
    assert switches([better, SMALL], 1.0, 1e9) == (math.inf,)
    assert switches([SMALL, better, HUGE], 1.0, 1e9)[0] == 0.0
    assert switches([better, SMALL, HUGE], 1.0, 1e9) == (math.inf, math.inf)
