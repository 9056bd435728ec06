"""The second verifier's own statistics, against an independent library, against counting, and against promo's."""

import itertools
import math
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from promo.templates import recheck
from scipy import stats as reference

from promo.base.canonical import exact
from promo.base.tails import f_tail, t_quantile, t_tails

DEGREES = (1, 2, 7 / 3, 3, 5, 15 / 3, 31 / 3, 45, 300, 5_000)
numbers = st.integers(-40, 40).map(lambda one: Fraction(one, 8))


@pytest.mark.parametrize("degrees", DEGREES)
@pytest.mark.parametrize("value", [0.0, 1e-6, 0.3, 1.0, 2.5, 12.0, 200.0])
def test_tails_of_t_are_those_of_the_library(degrees, value):
    found = recheck.t_both(value, degrees)

    assert found == pytest.approx(2 * reference.t.sf(value, degrees), rel=1e-9)
    if value != 1e-6:  # so near to zero one minus a share cancels in promo's
        assert found == pytest.approx(t_tails(value, degrees), rel=1e-9)


@pytest.mark.parametrize("degrees", DEGREES)
@pytest.mark.parametrize("confidence", [0.5001, 0.75, 0.95, 0.975, 0.999, 1 - 1e-9])
def test_points_of_t_are_those_of_the_library(degrees, confidence):
    found = recheck.t_point(confidence, degrees)

    assert found == pytest.approx(reference.t.ppf(confidence, degrees), rel=1e-8)
    if 0.51 < confidence < 0.9999:  # outside of that one minus a tail cancels in promo's
        assert found == pytest.approx(t_quantile(confidence, degrees), rel=1e-8)


@pytest.mark.parametrize(("upper", "lower"), [(1, 1), (1, 45), (3, 7), (2, 300), (40, 40)])
@pytest.mark.parametrize("value", [0.0, 0.01, 1.0, 4.0, 80.0])
def test_tails_of_f_are_those_of_the_library(upper, lower, value):
    found = recheck.f_beyond(value, upper, lower)

    assert found == pytest.approx(reference.f.sf(value, upper, lower), rel=1e-9)
    assert found == pytest.approx(f_tail(value, upper, lower), rel=1e-9)


@settings(deadline=None)
@given(st.lists(numbers, min_size=1, max_size=9))
def test_the_p_of_signs_is_the_share_of_all_patterns(values):
    patterns = itertools.product((1, -1), repeat=len(values))
    small = sum(sum(a * b for a, b in zip(signs, values, strict=True)) <= sum(values) for signs in patterns)

    assert recheck.by_signs(values) == Fraction(small, 2 ** len(values))


@settings(deadline=None)
@given(st.lists(numbers, min_size=1, max_size=9))
def test_the_p_of_ranks_is_the_share_of_all_patterns(values):
    sizes = sorted(abs(one) for one in values if one)
    ranks = {one: Fraction(sum(place for place, size in enumerate(sizes, 1) if size == one), sizes.count(one))
             for one in sizes}  # fmt: skip
    seen = sum((ranks[one] for one in values if one > 0), Fraction())
    patterns = itertools.product((0, 1), repeat=len(sizes))
    small = sum(sum(ranks[size] for size, up in zip(sizes, some, strict=True) if up) <= seen for some in patterns)

    assert recheck.by_ranks(values) == Fraction(small, 2 ** len(sizes))


@settings(deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=12))
def test_agreement_is_that_of_the_library(pairs):
    score, first, second = recheck.concord(pairs)
    if not first * second:
        return  # the library calls that no number

    due = reference.kendalltau([float(a) for a, _ in pairs], [float(b) for _, b in pairs]).statistic
    assert score / math.sqrt(first * second) == pytest.approx(due, abs=1e-12)


@settings(deadline=None)
@given(st.fractions(-1000, 1000), st.sampled_from([1, 10, 1000, 2**20, 5**9, 3]))
def test_exact_numbers_have_promos_text(number, divisor):
    assert recheck.exact(number / divisor) == exact(number / divisor)


def test_a_computed_number_is_the_same_only_within_its_sixth_digit():
    for value, said in ((0.12345649999999, "0.123456"), (0.1234565, "0.123457"), (0.1234565, "0.123456")):
        assert recheck.Near(value).is_stored_as(said)
    for value, said in (
        (0.1234567, "0.123456"),
        (0.123456, "0.123457"),
        (0.123456, "0.1234560"),
        (0.5, "x"),
        (0.5, None),
    ):
        assert not recheck.Near(value).is_stored_as(said)


def test_a_difference_that_cancels_is_as_near_as_what_it_is_of():
    assert recheck.Near(0.3 - 0.1 - 0.2, 0.3).is_stored_as("0")
    assert not recheck.Near(0.3 - 0.1 - 0.2, 0.3).is_stored_as("0.0001")


@pytest.mark.parametrize("seed", range(20))
def test_least_squares_are_those_of_dense_algebra(seed):
    """Coefficients, variances, the residual and what a further column gains, with columns that depend on others."""
    draw, numpy = random.Random(seed), pytest.importorskip("numpy")
    rows = [[Fraction(draw.choice((-1, 1))) for _ in range(3)] for _ in range(10)]
    rows = [[*row, row[0] * row[1], row[0] if seed % 3 == 0 else row[1] * row[2]] for row in rows]
    values = [Fraction(draw.randint(-50, 50), 10) for _ in rows]
    matrix = [[sum(row[a] * row[b] for row in rows) for b in range(5)] for a in range(5)]
    right = [sum(row[a] * value for row, value in zip(rows, values, strict=True)) for a in range(5)]
    solved = recheck.Solved(matrix, right, sum(one * one for one in values), 4, 0)
    kept = [place for place in range(4) if place in solved.kept]
    design = numpy.array([[float(row[place]) for place in kept] for row in rows])
    due, *_ = numpy.linalg.lstsq(design, numpy.array([float(one) for one in values]), rcond=None)
    inverse = numpy.linalg.inv(design.T @ design)

    assert len(kept) == numpy.linalg.matrix_rank(numpy.array([[float(one) for one in row[:4]] for row in rows]))
    assert [float(solved.coefficients[place]) for place in kept] == pytest.approx(list(due))
    assert [float(solved.variances[place]) for place in kept] == pytest.approx(list(inverse.diagonal()))
    left = numpy.array([float(one) for one in values]) - design @ due
    assert float(solved.residual) == pytest.approx(float(left @ left), abs=1e-9)
    rank, fall = solved.gain(range(4, 5))
    wider = numpy.array([[float(row[place]) for place in (*kept, 4)] for row in rows])
    more, *_ = numpy.linalg.lstsq(wider, numpy.array([float(one) for one in values]), rcond=None)
    rest = numpy.array([float(one) for one in values]) - wider @ more
    assert rank == numpy.linalg.matrix_rank(wider) - len(kept)
    assert float(solved.residual - fall) == pytest.approx(float(rest @ rest), abs=1e-9)
