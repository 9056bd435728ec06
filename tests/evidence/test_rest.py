"""What a model leaves out: in the error, or listed beside it with the error of repeated runs."""

import math
import random
from fractions import Fraction

import pytest
from scipy import stats as reference

from evidence.test_published import FILTRATION, FOUR, measured, told
from fitted import fit_stage
from promo.evidence.estimates import Method
from promo.evidence.statements import NoError
from promo.evidence.values import Evidence, Row
from promo.study.design import standard_rows
from promo.study.families import Rest
from promo.study.values import Effects

np = pytest.importorskip("numpy")
ROWS = standard_rows(FOUR, {})


def fit(rest, values, *, pairs=False, terms=(), rows=ROWS):
    """Values by (row, host, seed); runs that are not there have none."""
    block, rate = ("host", "seed"), Fraction(5, 100)
    asked = Effects("all", ("s",), ("d",), pairs, terms, block, "all", rate, "", where={}, rest=rest)
    cells = tuple(dict.fromkeys((host, seed) for _, host, seed in values))
    points = {f"r_{number:02d}": row for number, row in enumerate(rows, start=1)}
    table = tuple(
        Row(name, tuple(measured(cell, values.get((number, *cell))) for cell in cells))
        for number, name in enumerate(points)
    )
    return fit_stage(asked, FOUR, points, Evidence("s", "y", cells, table))


def filtration():
    """One run of each row, Montgomery (2013), example 6.2."""
    return {(number, "box", 1): str(value) for number, value in enumerate(FILTRATION)}


def repeated(seed, *, lose=0.15):
    """Two hosts and two seeds, with two effects that only a model of three factors has; some runs are lost."""
    draw = random.Random(seed)
    return {
        (number, host, one): f"{row[0] + 2 * row[0] * row[1] * row[2] + row[1] * row[3] + draw.gauss(0, 0.3):.4f}"
        for number, row in enumerate(ROWS)
        for host in ("desk", "rack")
        for one in (1, 2)
        if draw.random() > lose
    }


def test_in_error_what_is_left_out_is_the_error_where_each_row_ran_once():
    """Montgomery (2013), table 6.12: without A, B, C, D, AC and AD, sums of squares of 156.06 are left, 9 degrees of
    freedom; Lenth's error is not asked for."""
    found = fit(Rest.ERROR, filtration(), terms=(("a", "c"), ("a", "d")))
    one = next(one for one in found.estimates if one.effect == ("a", "d"))
    width = math.sqrt(156.0625 / 9) * 2 / math.sqrt(16)

    assert (found.method, found.degrees, found.freedom) == (Method.LEAST_SQUARES, 9, "9")
    assert float(found.sigma) ** 2 == pytest.approx(156.0625 / 9, rel=1e-5)
    assert float(one.p) == pytest.approx(2 * reference.t.sf(16.625 / width, 9), rel=1e-4)


def test_in_error_a_model_that_takes_every_degree_of_freedom_has_none():
    """The half with d = abc: seven effects of eight rows."""
    half = {key: value for key, value in filtration().items() if math.prod(ROWS[key[0]]) > 0}

    found = fit(Rest.ERROR, half, pairs=True)

    assert NoError(perfect=False) in found.statements
    assert (found.method, found.degrees) == (Method.LEAST_SQUARES, 0)
    assert not any(one.p or one.discovered for one in found.estimates)


@pytest.mark.parametrize("seed", range(12))
def test_listed_is_estimated_with_the_model_and_the_error_is_that_of_repeated_runs(seed):
    values = repeated(seed)
    found = fit(Rest.LISTED, values)
    cells = sorted({key[1:] for key in values})
    lines = [
        [float(key[1:] == cell) for cell in cells] + [float(key[0] == row) for row in range(1, 16)] for key in values
    ]
    y = np.array([float(value) for value in values.values()])
    solved, *_ = np.linalg.lstsq(np.array(lines), y, rcond=None)
    means = np.array([0.0, *solved[len(cells) :]])
    left = float(((y - np.array(lines) @ solved) ** 2).sum())
    degrees = len(y) - np.linalg.matrix_rank(np.array(lines))

    assert found.degrees == degrees
    assert float(found.sigma) == pytest.approx(math.sqrt(left / degrees), rel=1e-5)
    assert len(found.estimates) + len(found.rest) == 15
    for one in (*found.estimates, *found.rest):
        signs = np.array([math.prod(row[FOUR.index(name)] for name in one.effect) for row in ROWS])
        assert float(one.value) == pytest.approx(signs @ means / 8, abs=1e-4)
    assert all(one.adjusted is None and not one.discovered for one in found.rest)
    assert ("a", "b", "c") in [one.effect for one in found.rest if float(one.p) < 0.001]


def test_listed_where_each_row_ran_once_the_error_is_lenths_and_the_family_is_the_models():
    usual, found = (fit(rest, filtration()) for rest in (Rest.USUAL, Rest.LISTED))

    assert found.method is Method.LENTH
    assert (found.pse, found.estimates) == (usual.pse, usual.estimates)
    assert {"".join(one.effect): float(one.value) for one in found.rest} == {
        name: size for name, size in told(fit(Rest.USUAL, filtration(), pairs=True)).items() if len(name) == 2
    } | {"abc": 1.875, "abd": 4.125, "acd": -1.625, "bcd": -2.625, "abcd": 1.375}


def test_what_is_left_out_raises_the_error_unless_it_is_listed():
    values = repeated(3, lose=0)
    usual, listed = (fit(rest, values) for rest in (Rest.USUAL, Rest.LISTED))

    assert (usual.degrees, listed.degrees) == (64 - 4 - 4, 64 - 4 - 15)
    assert float(usual.sigma) > 3 * float(listed.sigma)
