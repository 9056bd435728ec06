"""What a lag is worth: against formulas, and against worlds drawn another way."""

import math
import random

import pytest

pytest.importorskip("numpy")

from promo.decision.lags import expected_lead, lag_chances

LEADS = {1: 0.0, 2: 0.56418958, 3: 0.84628438, 4: 1.02937537, 10: 1.53875273}
"""Expected largest of n standard normal values; Teichroew (1956), table I."""


def one(correlation, *, ways=4, spread=1.0, noise=0.0, cells=1, draws=40_000):
    (found,) = lag_chances(ways, spread, noise, cells, [correlation], draws=draws, seed=3)
    return found


@pytest.mark.parametrize("ways", LEADS)
def test_the_expected_lead_is_that_of_the_tables(ways):
    assert expected_lead(ways) == pytest.approx(LEADS[ways], abs=1e-8)


@pytest.mark.parametrize("correlation", [-1, -0.5, 0, 0.3, 0.8, 1])
def test_the_counted_chance_of_two_ways_is_that_of_the_formula(correlation):
    found = one(correlation, ways=2)

    assert found.exactly == pytest.approx(0.5 + math.asin(correlation) / math.pi)
    assert abs(found.best - found.exactly) <= 4 * max(found.error, 1e-9)


@pytest.mark.parametrize("ways", [2, 3, 5])
def test_a_lag_without_correlation_chooses_as_by_lot_and_a_perfect_one_never_errs(ways):
    by_lot, perfect = one(0.0, ways=ways), one(1.0, ways=ways)

    assert abs(by_lot.best - 1 / ways) <= 4 * by_lot.error
    assert by_lot.regret == pytest.approx(expected_lead(ways))
    assert (perfect.best, perfect.regret) == (1.0, 0.0)


def test_noise_makes_the_correlation_smaller_and_cells_make_up_for_it():
    quiet, noisy, many = one(0.8), one(0.8, noise=1.0), one(0.8, noise=2.0, cells=4)

    assert noisy.seen == pytest.approx(0.8 / math.sqrt(2))
    assert many.seen == pytest.approx(noisy.seen)
    assert quiet.best > noisy.best
    assert one(0.8, spread=5.0, noise=5.0).best == noisy.best
    assert one(0.8, spread=5.0, noise=5.0).regret == pytest.approx(5 * noisy.regret)


def test_chance_and_regret_are_those_of_worlds_that_are_drawn_run_by_run():
    """With a generator, a mean over cells and a comparison of its own."""
    ways, cells, spread, noise, correlation = 3, 2, 0.01, 0.008, 0.7
    drawn, right, lost = random.Random(11), 0, 0.0
    worlds = 20_000
    for _ in range(worlds):
        ends = [drawn.gauss(0, spread) for _ in range(ways)]
        lag = [correlation * end + math.sqrt(1 - correlation**2) * drawn.gauss(0, spread) for end in ends]
        seen = [sum(true + drawn.gauss(0, noise) for _ in range(cells)) / cells for true in lag]
        chosen = seen.index(min(seen))
        right += ends[chosen] == min(ends)
        lost += ends[chosen] - min(ends)
    found = one(correlation, ways=ways, spread=spread, noise=noise, cells=cells)

    assert abs(found.best - right / worlds) <= 5 * math.hypot(found.error, math.sqrt(0.25 / worlds))
    assert found.regret == pytest.approx(lost / worlds, rel=0.05)


def test_equal_input_gives_equal_figures_over_more_worlds_than_are_drawn_at_once():
    found = one(0.5, draws=100_001)

    assert found == one(0.5, draws=100_001)
    assert abs(found.best - one(0.5, draws=50_000).best) <= 5 * one(0.5, draws=50_000).error
