"""
Exact numbers to floats that are always finite.

A metric may be any finite number, up to where floats end; differences, squares and errors of such numbers lie beyond
that end.  Whatever would lie there is the largest float of its sign, so that no figure that somebody measured can end
a decision, an estimate or a picture.
"""

import math
import sys
from fractions import Fraction

LARGEST = sys.float_info.max


def nearest(number: Fraction | float | str) -> float:
    """
    The float nearest to a number, or to the one that a text names; beyond the largest float, that one with its sign.

    Raises:
        ValueError: *number* is no number.
    """
    try:
        found = float(number)
    except OverflowError:
        return LARGEST if Fraction(number) > 0 else -LARGEST
    if math.isnan(found):
        raise ValueError("nan has no nearest float")
    return min(max(found, -LARGEST), LARGEST)


def root(number: Fraction) -> float:
    """The square root of a number that is not negative, also where no float is as large or as small as the number."""
    power = number.numerator.bit_length() - number.denominator.bit_length()
    if abs(power) < 900:
        return math.sqrt(number)
    half = power // 2
    return nearest(Fraction(math.sqrt(number / Fraction(4) ** half)) * Fraction(2) ** half)


def six_digits(number: Fraction | float) -> str:
    """A computed number as it is stored: six significant digits, the same on every machine."""
    return significant(number, 6)


def significant(number: Fraction | float, digits: int) -> str:
    """A number to so many significant digits."""
    text = f"{nearest(number):.{digits}g}"
    return "0" if text == "-0" else text
