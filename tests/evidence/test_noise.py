"""What seeds alone make of the values of a stage."""

from fractions import Fraction

import pytest

from promo.evidence.noise import seed_noise
from promo.evidence.values import Cell, CellStatus, Evidence, Row


def table(**rows):
    """Candidates -> values by host and seed; None for a cell without one."""
    cells = tuple((host, seed) for host in ("a", "b") for seed in (1, 2, 3))

    def cell(place, value):
        status = CellStatus.CRASH if value is None else CellStatus.OK
        return Cell(*cells[place], "run", status, None if value is None else str(value), 1, None)

    made = (Row(name, tuple(cell(*one) for one in enumerate(values))) for name, values in rows.items())
    return Evidence("short", "loss", cells, tuple(made))


def test_variances_are_pooled_by_degrees_of_freedom_within_candidates_and_hosts():
    """By hand: squares 2 + 8 + 0 about three means, over 2 + 2 + 1 degrees of freedom."""
    found = seed_noise(table(one=[1, 2, 3, 12, 10, 14], two=[5, 5, None, 7, None, None]), None)

    assert found is not None
    assert (found.variance, found.degrees, found.groups) == (Fraction(10, 5), 5, 3)
    assert not found.declared


def test_the_error_of_a_difference_of_means_is_that_of_two_means():
    found = seed_noise(table(one=[1, 2, 3, 12, 10, 14]), None)

    assert found is not None
    assert float(found.error(4)) == pytest.approx((2 * (2 + 8) / 4 / 4) ** 0.5, rel=1e-12)


def test_a_host_that_is_worse_is_no_noise_of_seeds():
    near, far = table(one=[1, 2, 3, 1, 2, 3]), table(one=[1, 2, 3, 1001, 1002, 1003])

    assert seed_noise(near, None) == seed_noise(far, None)


def test_too_few_repeated_seeds_leave_it_unknown_or_declared():
    few = table(one=[1, 2, None, 3, None, None], two=[1, 2, None, 3, None, None])

    assert seed_noise(few, None) is None
    declared = seed_noise(few, Fraction(3))
    assert declared is not None
    assert declared.declared
    assert declared.error(2) == 3


def test_numbers_at_the_ends_of_floats_are_no_fault():
    found = seed_noise(table(one=[10**308, -(10**308), 0, 1, 2, 3]), None)

    assert found is not None
    assert found.error(1) > 10**308
