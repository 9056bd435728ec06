"""Laws are fitted where published fits lie, and nothing is said that points do not tell."""

import csv
import math
import random
import statistics
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from promo.evidence.extrapolate import Fitted, fitted_to
from promo.evidence.fitting import fit, interval, refits, stretched
from promo.evidence.huber import Sum
from promo.evidence.laws import FittedLaw, Point
from promo.evidence.switching import switch
from promo.study.laws import Form, Law

OUTLIERS = 5
"""Points with the highest losses, which the replication left out."""


@pytest.fixture(scope="module")
def chinchilla():
    """
    Model size, tokens and loss of 240 runs.

    Source: read off figure 4 of Hoffmann et al. (2022) by Besiroglu et al. (2024), "Chinchilla scaling: a replication
    attempt", github.com/epoch-research/analyzing-chinchilla; tokens are flops / (6 parameters), as there.
    """
    with (Path(__file__).parent / "chinchilla.csv").open(encoding="utf-8", newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    highest = sorted(row["loss"] for row in rows)[-OUTLIERS]
    kept = [row for row in rows if row["loss"] < highest]
    return [
        Point((row["parameters"], row["flops"] / 6 / row["parameters"]), row["loss"], str(index))
        for index, row in enumerate(kept)
    ]


STATED = (1.81686, 482.00572, 0.34781, 2085.43420, 0.36585)
"""E, A, a, B and b as the notebook of the replication prints them."""
TABLE = (1.8172, 482.01, 0.3478, 2085.43, 0.3658)
"""
The same in the paper's table.

Its E is that of the notebook's other fit, with the usual bend (1.817236 there; 1.81722 at the minimum), and its b is
0.365854 cut off and not rounded.
"""
PUBLISHED = 1e-3
"""The bend that Hoffmann et al. use."""


BEND = 4.7e-9
"""Theirs: 1e-3 of a fitted scale."""


@pytest.fixture(scope="module")
def usual(chinchilla):
    """The law with the usual bend."""
    return fit(chinchilla, Form.SIZE_AND_DATA, bend=PUBLISHED, rise=0.0)


@pytest.fixture(scope="module")
def refitted(chinchilla):
    """The law with the bend of the replication."""
    return fit(chinchilla, Form.SIZE_AND_DATA, bend=BEND, rise=0.0)


def rounded(law: FittedLaw, digits: tuple[int, ...]) -> tuple[float, ...]:
    """Parameters as one prints them."""
    return tuple(round(one, n) for one, n in zip(law.parameters, digits, strict=True))


def test_the_refit_of_240_runs_comes_out_to_all_digits_that_its_authors_printed(chinchilla, refitted):
    """
    They fitted the scale of Huber's function as well, which bends at 1e-3 of it.

    Where nearly every point lies beyond the bend, the best scale is 1e-3 of the mean difference: the bend, 1e-6 of it.
    """
    away = statistics.fmean(abs(math.log(one.loss / refitted.loss(*one.at))) for one in chinchilla)

    assert len(chinchilla) == 240
    assert pytest.approx(PUBLISHED * PUBLISHED * away, rel=0.01) == BEND
    assert rounded(refitted, (5, 5, 5, 5, 5)) == STATED
    assert refitted.unsure == ()


def test_what_the_paper_prints_lies_farther_from_the_points(chinchilla, refitted, usual):
    """By half a per cent of the sum.  The paper's E is the one that the usual bend leads to."""
    total = Sum(Form.SIZE_AND_DATA, chinchilla, [1] * len(chinchilla), 0.0)
    table = total.value(total.inner(FittedLaw(Form.SIZE_AND_DATA, TABLE, 0, ())), BEND)

    assert table / refitted.lost - 1 == pytest.approx(0.0048, abs=0.0002)
    assert rounded(refitted, (4, 2, 4, 2, 4)) == (1.8169, *TABLE[1:4], 0.3659)
    assert math.floor(refitted.parameters[4] * 1e4) / 1e4 == TABLE[4]
    assert round(usual.parameters[0], 4) == TABLE[0]


def test_the_authors_own_search_ends_there_as_well(chinchilla):
    """BFGS from the parameters of Hoffmann et al., as in their notebook: log A, log B, log E, a, b and log scale."""
    sizes, tokens = (np.log([one.at[place] for one in chinchilla]) for place in (0, 1))
    losses = np.log([one.loss for one in chinchilla])

    def objective(at: np.ndarray) -> tuple[float, np.ndarray]:
        first, other, floor = np.exp(at[0] - at[3] * sizes), np.exp(at[1] - at[4] * tokens), np.exp(at[2])
        whole, scale = first + other + floor, np.exp(at[5])
        away = (losses - np.log(whole)) / scale
        lost = np.where(np.abs(away) <= PUBLISHED, away**2 / 2, PUBLISHED * (np.abs(away) - PUBLISHED / 2))
        pull = np.clip(away, -PUBLISHED, PUBLISHED)
        moved = [first, other, floor * np.ones_like(whole), -sizes * first, -tokens * other]
        slopes = [-(pull * one / whole).sum() / scale for one in moved]
        return float(lost.sum() + len(losses) * at[5]), np.array([*slopes, len(losses) - (pull * away).sum()])

    begun = [6.0073404, 6.0179186, 0.5267228, 0.33917084, 0.2849083, 0.0]
    log_a, log_b, log_e, a, b, scale = optimize.minimize(objective, begun, jac=True, method="BFGS").x
    found = FittedLaw(Form.SIZE_AND_DATA, (math.exp(log_e), math.exp(log_a), a, math.exp(log_b), b), 0, ())

    assert rounded(found, (5, 2, 5, 2, 5)) == (STATED[0], 482.01, STATED[2], 2085.43, STATED[4])
    assert pytest.approx(PUBLISHED * math.exp(scale), rel=2e-3) == BEND


def test_with_the_usual_bend_it_is_where_the_sum_is_smallest(usual):
    """The optimum that tight tolerances find from most of 4,500 starts; loose ones stop before it."""
    assert usual.lost == pytest.approx(0.00101827402, rel=1e-8)
    assert usual.parameters == pytest.approx((1.81722, 477.83, 0.34731, 2143.4, 0.36717), rel=2e-5)


def test_other_draws_of_the_runs_spread_as_was_published(chinchilla, usual):
    """Standard errors there: E 0.026, a 0.015, b 0.021, optimal exponent 0.020."""
    drawn = refits(chinchilla, usual, draws=100, seed=1, bend=PUBLISHED)
    spread = [statistics.stdev(column) for column in zip(*(one.parameters for one in drawn), strict=True)]
    optimal = [one.parameters[4] / (one.parameters[2] + one.parameters[4]) for one in drawn]

    assert spread[0] == pytest.approx(0.026, rel=0.25)
    assert spread[2] == pytest.approx(0.015, rel=0.25)
    assert spread[4] == pytest.approx(0.021, rel=0.25)
    assert statistics.stdev(optimal) == pytest.approx(0.020, rel=0.25)


PLACES = (1e10, 3e10, 1e11, 3e11, 1e12, 3e12)


def measured(law: FittedLaw, noise: float, seed: int, runs: int = 5, places=PLACES) -> list[Point]:
    draw = random.Random(seed)
    return [Point((c,), law.loss(c) * math.exp(draw.gauss(0, noise)), f"{c}-{k}") for c in places for k in range(runs)]


@given(
    floor=st.floats(0.5, 3),
    factor=st.floats(0.3, 3),
    exponent=st.floats(0.15, 0.8),
    shift=st.floats(0.05, 3),
)
@settings(deadline=None, max_examples=40)
def test_points_that_lie_on_a_law_give_that_law(floor, factor, exponent, shift):
    for form, parameters in (
        (Form.COMPUTE, (floor, factor * 1e10**exponent, exponent)),
        (Form.SHIFTED, (floor, factor * 1e10**exponent, exponent, shift * 1e10)),
    ):
        truth = FittedLaw(form, parameters, 0, ())
        found = fit(measured(truth, 0, 1, runs=1), form)

        assert [found.loss(c) for c in PLACES] == pytest.approx([truth.loss(c) for c in PLACES], rel=1e-5)


def test_a_law_of_a_shape_says_what_came_at_a_larger_budget_within_its_interval():
    truth, hits = FittedLaw(Form.SHIFTED, (2.0, 3e3, 0.35, 5e9), 0, ()), 0
    for seed in range(20):
        points = measured(truth, 0.001, seed)
        law = fit(points, Form.SHIFTED)
        low, high = interval([one.loss(1e13) for one in refits(points, law, draws=60, seed=seed)], 0.95)
        hits += low <= truth.loss(1e13) <= high

        assert law.loss(1e13) == pytest.approx(truth.loss(1e13), rel=0.005)
    assert hits >= 16


@pytest.mark.parametrize(("runs", "places"), [(2, 6), (3, 4), (5, 4), (1, 14)])
def test_the_mean_of_new_runs_lies_within_the_interval_about_as_often_as_it_says(runs, places):
    """
    60 tables of a known law, foretold at twice the largest budget, and three new runs there.

    Without the noise of the new runs, and with draws that spread as narrowly as draws of three do, it were 75 of 100.
    Of 300 tables 279 hold them with two runs at each of four places, 281 with two at each of six, 280 with three and
    270 with five at each of four, 292 with one at each of fourteen.
    """
    truth, inside = FittedLaw(Form.COMPUTE, (1.2, 30.0, 0.5), 0, ()), 0
    budgets = [1000.0 * 2 ** (3 * place / (places - 1)) for place in range(places)]
    for seed in range(60):
        draw = random.Random(1000 + seed)
        law = Law("falling", ("x",), ("s",), Form.COMPUTE, None, 2, 60, seed, None, where={})
        found = fitted_to(measured(truth, 0.003, seed, runs, budgets), law)
        came = statistics.fmean(truth.loss(16_000.0) * math.exp(draw.gauss(0, 0.003)) for _ in range(3))
        value, low, high = found.at(16_000.0, runs=3)
        inside += low <= came <= high

        assert low < value < high
    assert inside >= 53


@pytest.mark.parametrize(("runs", "places", "spare"), [(2, 4, 4), (3, 4, 8), (1, 14, 13)])
def test_what_few_runs_tell_is_stretched_by_the_variance_of_their_draws_and_by_students_t(runs, places, spare):
    """Each place takes one of its runs; runs that stand alone at their places take one together."""
    truth = FittedLaw(Form.COMPUTE, (1.2, 30.0, 0.5), 0, ())
    points = measured(truth, 0.003, 1, runs, [1000.0 * 2**place for place in range(places)])
    drawn = runs * places / spare

    assert stretched(points, 0.95) == pytest.approx(drawn**0.5 * stats.t.ppf(0.975, spare) / stats.norm.ppf(0.975))


def test_an_interval_ends_as_far_away_on_both_sides_as_its_draws_on_one():
    law = Fitted(None, 8, 4, True, FittedLaw(Form.COMPUTE, (1.0, 1.0, 0.5), 0, ()), (), (), (), 0.0, 5, 2.0)
    low, high = law.around(1.0, [0.99] * 30 + [1.03] * 30, 3)

    assert (low, high) == pytest.approx((1.03**-2, 1.03**2))


def test_one_wild_point_hardly_moves_a_law():
    truth = FittedLaw(Form.COMPUTE, (2.0, 3e3, 0.35), 0, ())
    points = measured(truth, 1e-5, 3)
    wild = [*points[:-1], Point(points[-1].at, 40.0, "wild")]

    assert fit(wild, Form.COMPUTE).loss(1e13) == pytest.approx(truth.loss(1e13), rel=5e-3)
    assert fit(wild, Form.COMPUTE, bend=10).loss(1e13) != pytest.approx(truth.loss(1e13), rel=0.05)


def test_an_exponent_at_its_border_is_named():
    steep = [Point((c,), 2 + (1e10 / c) ** 2.1, str(c)) for c in PLACES]

    assert fit(steep, Form.COMPUTE).unsure == ("b",)


def test_too_few_places_and_what_is_no_loss_are_refused():
    with pytest.raises(ValueError, match="2 places do not tell 3 parameters"):
        fit([Point((c,), 2.0, str(k)) for c in (1.0, 2.0) for k in range(9)], Form.COMPUTE)
    for bad in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="finite numbers above 0"):
            fit([Point((float(c),), bad, str(c)) for c in range(1, 9)], Form.COMPUTE)


def test_fits_and_draws_repeat_to_the_last_bit():
    points = measured(FittedLaw(Form.SHIFTED, (2.0, 3e3, 0.35, 5e9), 0, ()), 0.01, 8)
    law = fit(points, Form.SHIFTED)

    assert fit(points, Form.SHIFTED) == law
    assert refits(points, law, draws=20, seed=5) == refits(points, law, draws=20, seed=5)
    assert refits(points, law, draws=20, seed=5) != refits(points, law, draws=20, seed=6)


def test_the_order_of_points_moves_the_law_by_rounding_alone():
    points = measured(FittedLaw(Form.SHIFTED, (2.0, 3e3, 0.35, 5e9), 0, ()), 0.01, 8)
    turned = fit(points[::-1], Form.SHIFTED)

    assert turned.loss(1e13) == pytest.approx(fit(points, Form.SHIFTED).loss(1e13), rel=1e-7)


SMALL, LARGE = FittedLaw(Form.COMPUTE, (2.2, 200.0, 0.3), 0, ()), FittedLaw(Form.COMPUTE, (2.0, 900.0, 0.33), 0, ())


def test_the_switch_is_where_the_way_to_a_loss_is_cheapest_and_not_where_the_curves_cross():
    """Compute to a loss, over every place to switch: what the small shape used, and what the large one still needs."""
    goal, places = 2.25, [10 ** (k / 500) for k in range(3000, 6500)]

    def whole(place: float) -> float:
        return place + LARGE.compute(goal) - LARGE.compute(SMALL.loss(place))

    cheapest = min(places, key=whole)
    found = switch(SMALL, LARGE, 1e6, 1e14)
    crossing = next(place for place in places if LARGE.loss(place) < SMALL.loss(place))

    assert found == pytest.approx(cheapest, rel=0.01)
    assert whole(found) < 0.95 * LARGE.compute(goal)
    assert whole(crossing) == pytest.approx(LARGE.compute(goal), rel=0.01)


def test_no_switch_where_one_shape_is_always_the_better_one():
    better = FittedLaw(Form.COMPUTE, (2.0, 100.0, 0.3), 0, ())

    assert switch(better, FittedLaw(Form.COMPUTE, (2.1, 300.0, 0.3), 0, ()), 1e6, 1e14) == math.inf
    assert switch(FittedLaw(Form.COMPUTE, (2.1, 300.0, 0.3), 0, ()), better, 1e6, 1e14) == 0


def test_a_law_does_not_come_down_to_its_floor():
    with pytest.raises(ValueError, match="floor"):
        SMALL.compute(2.2)
    assert SMALL.price(2.2) == math.inf
    assert SMALL.compute(SMALL.loss(1e9)) == pytest.approx(1e9)


@pytest.mark.parametrize(
    ("sizes", "amounts", "told"),
    [
        ([1, 2, 4, 1, 2, 4, 1, 2, 4], [1, 1, 1, 2, 2, 2, 4, 4, 4], True),
        ([1, 2, 4, 4, 4], [1, 1, 1, 2, 4], True),
        ([1, 2] * 4, [1, 1, 2, 2, 4, 4, 8, 8], False),
        ([1, 2, 4, 8] * 2, [1] * 4 + [2] * 4, False),
        ([1, 2, 4, 8, 16], [20, 40, 80, 160, 320], False),
    ],
)
def test_a_law_of_size_and_data_is_told_by_three_of_both_that_are_not_tied(sizes, amounts, told):
    """Over two sizes another floor does as well; and where data grow as the size does, the powers change places."""
    assert Form.SIZE_AND_DATA.told_by(zip(sizes, amounts, strict=True)) is told
    points = [
        Point((float(n), float(d)), 1 + n**-0.3 + d**-0.4, f"{n}-{d}") for n, d in zip(sizes, amounts, strict=True)
    ]
    if not told:
        with pytest.raises(ValueError, match="do not tell 5 parameters"):
            fit(points, Form.SIZE_AND_DATA)
        return
    law = fit(points, Form.SIZE_AND_DATA)
    assert law.parameters == pytest.approx((1, 1, 0.3, 1, 0.4), rel=1e-3)
    assert all(one.lost < 1e-9 for one in refits(points, law, draws=3, seed=1))


def test_an_interval_is_the_middle_of_its_values():
    assert interval([float(k) for k in range(101)], 0.9) == pytest.approx((5.0, 95.0))
    assert interval([3.0], 0.9) == (3.0, 3.0)
    with pytest.raises(ValueError, match="level"):
        interval([1.0], 1.0)


@pytest.mark.parametrize("bend", [10.0, 1e-2])
@pytest.mark.parametrize(
    ("form", "at"),
    [
        (Form.COMPUTE, [0.1, 0.2, 0.4]),
        (Form.SHIFTED, [0.1, 0.2, 0.4, -1.0]),
        (Form.SIZE_AND_DATA, [0.1, 0.2, 0.4, 0.3, 0.5]),
    ],
)
def test_gradient_and_curvature_are_those_of_the_sum(form, at, bend):
    """By differences of the sum, and of its gradient."""
    draw, step = random.Random(4), 1e-6
    points = [
        Point(tuple(math.exp(draw.uniform(0, 5)) for _ in range(form.arguments)), draw.uniform(2, 4), str(k))
        for k in range(9)
    ]
    total = Sum(form, points, [1 + k % 3 for k in range(9)])
    everything = tuple(range(len(at)))
    gradient, curved, _ = total.descent(at, bend, everything)
    for k in range(len(at)):
        up, down = list(at), list(at)
        up[k] += step
        down[k] -= step
        by_sum = (total.value(up, bend) - total.value(down, bend)) / 2 / step
        pairs = zip(*(total.descent(one, bend, everything)[0] for one in (up, down)), strict=True)

        assert gradient[k] == pytest.approx(by_sum, rel=1e-5, abs=1e-6)
        assert total.descent(at, bend, (k,))[0][k] == gradient[k]
        assert curved[k] == pytest.approx([(one - other) / 2 / step for one, other in pairs], rel=1e-4, abs=1e-5)
