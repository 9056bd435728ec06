"""Power of the t test against the library's noncentral F, and against what is in print."""

import math

import pytest

from promo.base.noncentral import FARTHEST, found_with, two_sided_power
from promo.base.tails import t_quantile

reference = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize("degrees", (1, 2, 3.5, 10, 45, 500, 1e5))
@pytest.mark.parametrize("delta", (0.3, 1, 2.8, -2.8, 5, 12, 40, 200))
def test_power_is_the_upper_tail_of_the_noncentral_f(delta, degrees):
    for level in (0.05, 0.01, 0.05 / 15, 1e-6):
        bound = t_quantile(1 - level / 2, degrees)

        expected = reference.ncf.sf(bound * bound, 1, degrees, delta * delta)

        assert two_sided_power(delta, degrees, level) == pytest.approx(expected, abs=1e-9)


def test_nothing_is_found_as_often_as_the_level_says():
    assert two_sided_power(0, 7, 0.05) == pytest.approx(0.05, abs=1e-12)


def test_an_effect_beyond_the_farthest_counts_as_that():
    assert two_sided_power(1e9, 1, 1e-4) == two_sided_power(FARTHEST, 1, 1e-4)


def test_the_effect_that_is_found_with_a_power_has_that_power():
    assert two_sided_power(found_with(0.8, 10, 0.05), 10, 0.05) == pytest.approx(0.8, abs=1e-8)


def test_an_effect_that_no_size_reaches_is_infinite():
    assert found_with(0.8, 1, 1e-9) == math.inf
