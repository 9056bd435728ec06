"""Axes: every value has its place, ticks are the numbers they say, and no finite number is too large or too small."""

import math
import sys
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from promo.report.scales import Log, categories, labels, linear, logarithmic, named

FINITE = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=5e-324, max_value=sys.float_info.max)
VALUES = st.lists(FINITE, max_size=20)
POSITIVES = st.lists(POSITIVE, max_size=20)
MOST = st.integers(2, 12)
LARGEST = sys.float_info.max
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
NEAR = 1e-9


def said(label):
    """The number that a label says, exactly."""
    head, _, power = label.replace("−", "-").replace(",", "").partition("×10")
    if not power and head.startswith("10") and not head.isascii():
        head, power = "1", head.removeprefix("10")
    return Fraction(head) * Fraction(10) ** int(power.translate(SUPERSCRIPTS) or "0")


@given(VALUES, MOST)
@example([LARGEST, -LARGEST], 6)
@example([LARGEST], 6)
@example([5e-324], 6)
@example([5e-324, LARGEST], 6)
@example([1.0, 1.0000000000000002], 6)
@example([-0.0], 2)
@example([], 6)
def test_every_number_has_its_place_and_every_tick_is_the_number_it_says(values, most):
    scale = linear(values)
    ticks = scale.ticks(most)
    places = scale.places(values)

    assert all(0 < place < 1 for place in places)
    assert [place for _, place in sorted(zip(values, places, strict=True))] == sorted(places)
    assert 1 <= len(ticks) <= most
    for tick in ticks:
        exactly = (said(tick.label) - scale.low) / (scale.high - scale.low)
        assert 0 <= tick.place <= 1
        assert tick.place == pytest.approx(float(exactly), abs=NEAR)


@given(VALUES, MOST)
def test_ticks_are_equally_far_apart_by_1_2_or_5_times_a_power_of_ten(values, most):
    numbers = [said(tick.label) for tick in linear(values).ticks(most)]
    steps = {after - before for before, after in pairwise(numbers)}

    assert len(steps) <= 1
    for step in steps:
        power = math.floor(math.log10(step.numerator) - math.log10(step.denominator) + NEAR)
        assert step / Fraction(10) ** power in (1, 2, 5)
        assert numbers[0] % step == 0


@given(POSITIVES, MOST)
@example([5e-324, LARGEST], 7)
@example([LARGEST], 7)
@example([5e-324], 7)
@example([], 7)
def test_a_logarithmic_axis_keeps_the_same_promises(values, most):
    scale = logarithmic(values, below=1.2, above=1.1)
    ticks = scale.ticks(most)

    assert all(-NEAR < place < 1 + NEAR for place in scale.places(values))
    assert 1 <= len(ticks) <= most
    for tick in ticks:
        number = said(tick.label)
        place = (math.log10(number.numerator) - math.log10(number.denominator) - scale.low) / (scale.high - scale.low)
        assert -NEAR <= tick.place <= 1 + NEAR
        assert tick.place == pytest.approx(place, abs=1e-6)


@given(VALUES, FINITE)
def test_what_lies_outside_of_an_axis_has_a_place_outside(values, other):
    scale = linear(values)
    (place,) = scale.places([other])

    assert math.isfinite(place)
    assert (place < 0) <= (Fraction(other) < scale.low)
    assert (place > 1) <= (Fraction(other) > scale.high)


@pytest.mark.parametrize(
    ("values", "most", "seen"),
    [
        ([0.0, 1.0], 6, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([2.2, 3.55], 6, ["2.5", "3.0", "3.5"]),
        ([-0.21, 0.45], 6, ["−0.2", "0.0", "0.2", "0.4"]),
        ([105.0, 543.0], 7, ["100", "200", "300", "400", "500"]),  # the example of Heckbert's article
        ([0.0, 6_000_000.0], 5, ["0", "2,000,000", "4,000,000", "6,000,000"]),
        ([1e12, 3e12], 3, ["1×10¹²", "2×10¹²", "3×10¹²"]),
        ([1e-5, 3e-5], 3, ["1×10⁻⁵", "2×10⁻⁵", "3×10⁻⁵"]),
        ([0.0, LARGEST], 4, ["0", "0.5×10³⁰⁸", "1.0×10³⁰⁸", "1.5×10³⁰⁸"]),
    ],
)
def test_numbers_on_an_axis_are_written_as_people_write_them(values, most, seen):
    assert [tick.label for tick in linear(values).ticks(most)] == seen


@pytest.mark.parametrize(
    ("low", "high", "most", "seen"),
    [
        (0.1, 8.0, 9, ["0.1", "0.2", "0.5", "1", "2", "5"]),
        (1.0, 375.0, 9, ["1", "2", "5", "10", "20", "50", "100", "200"]),
        (1.0, 375.0, 4, ["1", "10", "100"]),
        (1e-6, 1e9, 6, ["10⁻⁶", "0.001", "1", "1,000", "1,000,000", "10⁹"]),
        (1.7, 2.2, 6, ["1.6", "1.8", "2.0", "2.2", "2.4"]),
        (2e7, 9e9, 9, ["2×10⁷", "5×10⁷", "10⁸", "2×10⁸", "5×10⁸", "10⁹", "2×10⁹", "5×10⁹"]),
    ],
)
def test_a_logarithmic_axis_has_1_2_and_5_or_powers_or_what_lies_between(low, high, most, seen):
    scale = logarithmic([low, high], below=1.2, above=1.1)

    assert [tick.label for tick in scale.ticks(most)] == seen


def test_equal_numbers_get_an_axis_around_them():
    assert linear([2.0, 2.0]).places([2.0]) == [0.5]
    assert [tick.label for tick in linear([0.0]).ticks(5)] == ["−0.04", "−0.02", "0.00", "0.02", "0.04"]


def test_numbers_of_one_axis_have_equally_many_decimals():
    assert labels([-5, 0, 5, 10], -2) == ["−0.05", "0.00", "0.05", "0.10"]
    assert labels([], 0) == []


def test_names_stand_at_whole_numbers():
    scale = categories(3, before=Fraction(1, 2), after=Fraction(1, 2))

    assert [(tick.place, tick.label) for tick in named(scale, ["a", "b", "c"])] == [
        (pytest.approx(1 / 6), "a"),
        (pytest.approx(3 / 6), "b"),
        (pytest.approx(5 / 6), "c"),
    ]


def test_a_place_on_a_logarithmic_axis_is_a_ratio():
    assert Log(0.0, 2.0).places([1.0, 10.0, 100.0]) == [0.0, 0.5, 1.0]
