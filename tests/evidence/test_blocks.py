"""What blocks differ by where no run is left for an error, and where every block has all rows."""

from fractions import Fraction
from statistics import median

import pytest
from scipy import stats as reference

from evidence.test_published import FILTRATION, FOUR, fit
from promo.evidence.estimates import Method
from promo.evidence.statements import LenthError
from promo.study.design import standard_rows

HALF = {"d": (1, ("a", "b", "c"))}


def halves(lift):
    """The half fraction of the filtration experiment, four rows on each host, one of which lies higher."""
    rows = standard_rows(FOUR, HALF)
    full = dict(zip(standard_rows(FOUR, {}), FILTRATION, strict=True))
    runs = [
        (number, "left" if row[0] * row[1] < 0 else "right", 1, full[row] + lift * (row[0] * row[1] > 0))
        for number, row in enumerate(rows)
    ]
    return fit(FOUR, rows, runs)


def test_without_an_error_of_runs_two_blocks_are_tested_by_lenths():
    """Of seven contrasts a * b = c * d is given up to the hosts, and the other six make the error."""
    found = halves(100)
    sizes = sorted(abs(float(size)) for _, size in found.contrasts)
    first = 1.5 * median(sizes)
    pse = 1.5 * median([size for size in sizes if size < 2.5 * first])
    left, right = (float(one.value) for one in found.blocks.shifts)
    t = (right - left) / pse

    assert found.method is Method.LENTH
    assert LenthError(6) in found.statements
    assert right - left == pytest.approx(100 - 1.0)  # the block and [AB] = -1 of Montgomery, example 8.1
    assert float(found.blocks.f) == pytest.approx(t * t, rel=1e-4)
    assert float(found.blocks.p) == pytest.approx(2 * reference.t.sf(abs(t), 6 / 3), rel=1e-4)
    assert found.blocks.confounded == ((("a", "b"), ("c", "d")),)


def test_the_effect_that_is_given_up_is_not_estimated_whatever_the_blocks_do():
    for lift in (0, 100):
        found = halves(lift)
        lost = next(one for one in found.estimates if one.effect == ("a", "b"))

        assert (lost.value, lost.p, lost.discovered) == (None, None, False)


def test_blocks_with_all_rows_are_mixed_with_nothing():
    """Two replicates of the whole design; the second day lies 3 higher."""
    rows = standard_rows(FOUR, {})
    runs = [(number, "lab", day, value + 3 * day) for day in (1, 2) for number, value in enumerate(FILTRATION)]

    found = fit(FOUR, rows, runs).blocks

    assert found.confounded == ()
    assert [(one.seed, Fraction(one.value)) for one in found.shifts] == [(1, Fraction(-3, 2)), (2, Fraction(3, 2))]


def test_one_block_has_no_test():
    assert (
        fit(FOUR, standard_rows(FOUR, {}), [(n, "lab", 1, value) for n, value in enumerate(FILTRATION)]).blocks is None
    )
