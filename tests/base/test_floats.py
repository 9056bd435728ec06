"""Floats that are always finite: nearest ones, roots and their six digits, at both ends of what floats are."""

import math
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promo.base.floats import LARGEST, nearest, root, six_digits

WIDE = st.builds(
    lambda a, b, power: Fraction(a, b) * Fraction(10) ** power, *[st.integers(1, 10**20)] * 2, st.integers(-700, 700)
)


@given(WIDE)
def test_beyond_the_last_float_is_that_float_and_the_rest_is_as_python_has_it(number):
    inside = number <= Fraction(LARGEST)

    assert nearest(number) == (float(number) if inside else LARGEST)
    assert nearest(-number) == -nearest(number)
    assert nearest(float(six_digits(number))) == float(six_digits(number))


@given(WIDE)
def test_a_root_squared_is_the_number_to_the_last_digits(number):
    found = root(number)

    if 0 < found < LARGEST and number > Fraction(sys.float_info.min) ** 2:
        assert abs(Fraction(found) ** 2 / number - 1) < 1e-14


@given(st.fractions(min_value=Fraction(1, 10**9), max_value=10**9))
def test_a_root_of_an_ordinary_number_is_pythons(number):
    assert root(number) == math.sqrt(number)


def test_of_nothing_there_is_a_root_and_of_nan_no_float():
    assert root(Fraction(0)) == 0
    assert nearest(math.inf) == LARGEST
    with pytest.raises(ValueError, match="nan"):
        nearest(math.nan)
    assert six_digits(-0.0) == "0"
    assert six_digits(Fraction(10) ** 400) == "1.79769e+308"
