"""
Numbers to places along an axis, and to the numbers that stand beside it.

A place is a share of the axis: 0 at its low end, 1 at its high one; what lies outside the axis has a place outside of
that.  Ends and ticks are exact rationals, so that no range overflows, however large or small its floats are, and no
tick is named by a rounded number.  Points are many and are placed by floats that are first brought near 1.

Ticks are multiples of 1, 2 or 5 times a power of ten.

Source: Heckbert (1990), "Nice numbers for graph labels", in Graphics Gems, pages 61 to 63.
"""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

from promo.base.classes import frozen

STEPS = (1, 2, 5)
LEAST_PLAIN, MOST_PLAIN = Decimal("1e-3"), Decimal("1e7")
"""Sizes between which a number is written out; others as a multiple of a power of ten."""
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
DECADES = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500)
"""Between two ticks of a long logarithmic axis; floats span 632."""
FEWEST = 3
"""Multiples of powers of ten that a logarithmic axis is content with."""
FAR = 60
"""Points farther outside an axis than this power of two times its numbers are drawn that far outside."""
LARGEST = 1.7976931348623157e308
"""The largest float."""


@frozen
class Tick:
    """A number, or a name, and its place on an axis."""

    place: float
    label: str


@frozen
class Linear:
    """Equal differences are equally far apart."""

    low: Fraction
    high: Fraction
    """Greater than *low*."""

    def places(self, values: Iterable[float]) -> list[float]:
        """The places of finite numbers."""
        largest = max(abs(self.low), abs(self.high))
        power = largest.numerator.bit_length() - largest.denominator.bit_length() + 1
        unit = Fraction(2) ** power
        base, span = float(self.low / unit), float((self.high - self.low) / unit)
        rest = float(self.low / unit - Fraction(base))  # low is base + rest, so close numbers stay distinct
        far = math.ldexp(1.0, power + FAR) if power + FAR < 1024 else LARGEST
        return [(math.ldexp(min(max(value, -far), far), -power) - base - rest) / span for value in values]

    def ticks(self, most: int) -> tuple[Tick, ...]:
        """
        At least one tick and at most so many.

        Args:
            most: two or more.
        """
        power = _decade((self.high - self.low) / most)
        while True:
            for digit in STEPS:
                step = digit * Fraction(10) ** power
                first, last = math.ceil(self.low / step), math.floor(self.high / step)
                if last - first < most:
                    # Of five numbers in a row one is a multiple of 5, so the first coarse enough step has a tick.
                    return self._named([number * digit for number in range(first, last + 1)], power)
            power += 1

    def _named(self, numbers: Sequence[int], power: int) -> tuple[Tick, ...]:
        span = self.high - self.low
        places = [float((number * Fraction(10) ** power - self.low) / span) for number in numbers]
        return tuple(map(Tick, places, labels(numbers, power)))


@frozen
class Log:
    """Equal ratios are equally far apart; numbers are positive."""

    low: float
    high: float
    """Decimal logarithms of the ends; the second is the larger one."""

    def places(self, values: Iterable[float]) -> list[float]:
        """The places of positive finite numbers."""
        span = self.high - self.low
        return [(math.log10(value) - self.low) / span for value in values]

    def ticks(self, most: int) -> tuple[Tick, ...]:
        """
        At most so many ticks: 1, 2 and 5 in every decade, powers of ten only, or those of a short linear axis.

        Args:
            most: two or more.
        """
        first, last = math.floor(self.low), math.floor(self.high)
        for digits, apart in [(STEPS, 1), *(((1,), apart) for apart in DECADES)]:
            found = [
                (digit, power)
                for power in range(-(-first // apart) * apart, last + 1, apart)
                for digit in digits
                if self.low <= power + math.log10(digit) <= self.high
            ]
            if digits == STEPS and len(found) < FEWEST:
                return self._linear(most)
            if len(found) <= most:
                break
        return tuple(
            Tick((power + math.log10(digit) - self.low) / (self.high - self.low), _one(digit, power))
            for digit, power in found
        )

    def _linear(self, most: int) -> tuple[Tick, ...]:
        """Ticks of less than a decade or so."""
        low, high = _tenth_power(self.low), _tenth_power(self.high)
        span = self.high - self.low
        ticks = Linear(low, high).ticks(most)
        ratios = (1 + (high / low - 1) * Fraction(tick.place) for tick in ticks)
        return tuple(Tick(math.log10(ratio) / span, tick.label) for ratio, tick in zip(ratios, ticks, strict=True))


Scale = Linear | Log


def linear(
    values: Iterable[float | Fraction], *, below: Fraction = Fraction(1, 20), above: Fraction = Fraction(1, 20)
) -> Linear:
    """
    An axis on which all *values* lie.

    Args:
        values: finite numbers; from 0 to 1 where there are none.
        below: room under the least, as a share of their range.
        above: room over the greatest.
    """
    ends = list(values) or [Fraction(0), Fraction(1)]
    low, high = Fraction(min(ends)), Fraction(max(ends))
    room = (high - low) or abs(high) / 10 or Fraction(1)
    return Linear(low - below * room, high + above * room)


def logarithmic(values: Iterable[float], *, below: float, above: float) -> Log:
    """
    A logarithmic axis on which all *values* lie.

    Args:
        values: positive finite numbers; from 1 to 10 where there are none.
        below: the least over the low end, more than 1.
        above: the high end over the greatest, more than 1.
    """
    ends = list(values) or [1.0, 10.0]
    return Log(math.log10(min(ends)) - math.log10(below), math.log10(max(ends)) + math.log10(above))


def categories(count: int, *, before: Fraction, after: Fraction) -> Linear:
    """
    An axis with numbered names at 0, 1, 2 and so on.

    Args:
        count: of names.
        before: room in front of the first, in steps from name to name.
        after: room behind the last.
    """
    return Linear(-before, max(count - 1, 0) + after)


def named(scale: Linear, names: Sequence[str]) -> tuple[Tick, ...]:
    """Ticks with names at 0, 1, 2 and so on."""
    return tuple(map(Tick, scale.places(map(float, range(len(names)))), names))


def labels(numbers: Sequence[int], power: int) -> list[str]:
    """
    The numbers of one axis as text, all in one form and with equally many decimals.

    Args:
        numbers: in units of 10^*power*.
        power: of ten.
    """
    values = [Decimal(number).scaleb(power) for number in numbers]
    largest = max((abs(value) for value in values), default=Decimal(0))
    if not largest or LEAST_PLAIN <= largest < MOST_PLAIN:
        return [_signed(f"{value:,.{max(-power, 0)}f}") for value in values]
    shift = largest.adjusted()
    return [
        _signed(f"{value.scaleb(-shift):.{max(shift - power, 0)}f}×{_power(shift)}") if value else "0"
        for value in values
    ]


def _one(digit: int, power: int) -> str:
    """A number of a logarithmic axis, which is written by itself."""
    value = Decimal(digit).scaleb(power)
    if LEAST_PLAIN <= value < MOST_PLAIN:
        return f"{value:,.{max(-power, 0)}f}"
    return _power(power) if digit == 1 else f"{digit}×{_power(power)}"


def _power(power: int) -> str:
    return "10" + str(power).translate(SUPERSCRIPTS)


def _signed(text: str) -> str:
    return text.replace("-", "−")


def _decade(number: Fraction) -> int:
    """The largest power of ten that is not above a positive number, as its exponent."""
    guess = len(str(number.numerator)) - len(str(number.denominator))
    return guess if Fraction(10) ** guess <= number else guess - 1


def _tenth_power(exponent: float) -> Fraction:
    """Ten to a power that may lie beyond all floats."""
    whole = math.floor(exponent)
    return Fraction(10) ** whole * Fraction(10.0 ** (exponent - whole))
