"""
Exact numbers to the digits that are kept of them.

Errors, tails and what comes of them have six digits.  An estimate is as exact as its runs, so it keeps one place more
than they have.  Where values are so large or so small that their squares leave the range of floats, everything is
counted in a power of ten of its own.
"""

import math
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from promo.base.canonical import exact
from promo.base.classes import frozen

MOST_EXPONENT = 100
"""Values from 10^-100 to 10^100 are counted as they are; squares of their sums are floats too."""


FIGURES = 6
"""Significant digits that are stored."""


@frozen
class Digits:
    """How numbers are counted and kept: *shift* is a power of ten, *places* those of the values, *figures* are kept."""

    shift: int
    places: int
    figures: int = FIGURES

    @classmethod
    def of(cls, values: Iterable[Iterable[int]], unit: int, figures: int = FIGURES) -> "Digits":
        """For values in lists, which are whole numbers of a unit of which so many make one."""
        lists = [some for one in values if (some := list(one))]
        largest = max((max(max(some), -min(some)) for some in lists), default=0)
        exponent = len(str(largest)) - len(str(unit)) if largest else 0
        return cls(exponent if abs(exponent) > MOST_EXPONENT else 0, len(str(unit)) - 1, figures)

    def count(self, number: Fraction) -> Fraction:
        """A number in the power of ten in which it is counted."""
        return number / Fraction(10) ** self.shift

    def bare(self, number: float) -> str:
        """A number without a unit, such as t or p."""
        text = f"{number:.{self.figures}g}"
        return "0" if text == "-0" else text

    def text(self, number: float) -> str:
        """A number that was counted so."""
        text = self.bare(number)
        return f"{Decimal(text).scaleb(self.shift):.{self.figures}g}" if self.shift and text != "0" else text

    def estimate(self, number: Fraction) -> str:
        """An estimate that was counted so, with the digits that the values support."""
        places = self.places + 1
        if self.shift or abs(number) * 10**places < 10**self.figures:
            return self.text(float(number))
        return exact(Fraction(round(number * 10**places), 10**places))


def root(number: Fraction) -> float:
    """The square root."""
    return math.sqrt(number)
