"""
Factors of a design to columns: what every effect is in each row, in whole numbers.

A factor of two levels has one column, -1 and +1.  One of s levels has s - 1, which together are all that its levels can
do: the parts of a trend (linear, quadratic, ...), that is orthogonal polynomials of its levels or of their logarithms,
or each level against one of them.  Every column sums to zero over the levels, so that a main effect is the mean over
the levels of the others; the column of an interaction is the product.

An effect is counted so that all kinds mean what that of two levels means.  A column's coefficient times its range (its
largest value less its smallest) is how far it goes over the levels: high less low, one level less the other, the fitted
line from the lowest level to the highest, or how far the bent part lies at its highest above its lowest.  Of an
interaction it is half of what one difference changes by another, so the ranges are multiplied and halved.

Source: Fisher & Yates (1938), "Statistical tables", for orthogonal polynomials; Robson (1959), "A simple method for
constructing orthogonal polynomials when the independent variable is unequally spaced", Biometrics 15; Wu & Hamada
(2009), "Experiments", section 6.6, for products of linear and quadratic contrasts.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache, reduce
from itertools import combinations, pairwise, product
from typing import assert_never

from promo.base.canonical import exact
from promo.base.classes import frozen
from promo.study.design import Word, chains_of
from promo.study.given import Level
from promo.study.space import Against, Array, Comparing, Trend

CODE_DIGITS = 12
"""Digits that are kept of the numbers of a column; those of evenly spaced levels have few."""
DEGREES = ("linear", "quadratic", "cubic", "quartic")
"""Parts of a trend, from the first degree on."""
LOG_DIGITS = 12
"""Digits that are kept of where a logarithm lies between the least and the largest."""
MARK = ":"
"""Between a factor and what of it an effect is: `width:linear`, `width:256`."""
Effect = tuple[str, ...]
"""Names of contrasts, of factors that differ; a factor of two levels is its own contrast."""
Pair = tuple[str, Level, Level]
"""A factor, and two of its levels, the lower one first."""


@frozen
class Contrast:
    """One column of a factor: what it is called, the factor's place in a row, and a whole number for every level."""

    name: str
    place: int
    codes: Mapping[int, int]
    """What stands for the level in a row -> its number."""

    @property
    def range(self) -> int:
        """The largest number less the smallest."""
        return max(self.codes.values()) - min(self.codes.values())


class Coding:
    """
    The columns of a design.

    Args:
        factors: in the order of a row.
        contrasts: of each factor, in the same order.
        plain: every factor has two levels, and rows are of -1 and +1 themselves.
    """

    def __init__(self, factors: Sequence[str], contrasts: Sequence[Sequence[Contrast]], *, plain: bool) -> None:
        self.factors, self.plain = tuple(factors), plain
        self.of = dict(zip(self.factors, contrasts, strict=True))
        self._named = {one.name: one for some in contrasts for one in some}

    def named(self, factors: Effect) -> list[Effect]:
        """Every effect of some factors: products of one contrast of each."""
        return [tuple(one.name for one in some) for some in product(*(self.of[factor] for factor in factors))]

    def up_to(self, order: int) -> list[Effect]:
        """Main effects, then interactions of two factors and so on."""
        sizes = range(1, order + 1)
        return [one for size in sizes for some in combinations(self.factors, size) for one in self.named(some)]

    def column(self, effect: Effect, rows: Iterable[Sequence[int]]) -> list[int]:
        """An effect in every row; 0 at the centre."""
        if self.plain:
            places = [self._named[name].place for name in effect]
            return [math.prod(row[place] for place in places) for row in rows]
        parts = [self._named[name] for name in effect]
        return [math.prod(one.codes[row[one.place]] for one in parts) for row in rows]

    def scale(self, effect: Effect) -> Fraction:
        """An effect in units of its column's coefficient."""
        if self.plain:
            return Fraction(2)
        return Fraction(math.prod(self._named[name].range for name in effect), 1 << len(effect) - 1)

    def chains(self, rows: Sequence[tuple[int, ...]], effects: Sequence[Effect]) -> tuple[tuple[Word, ...], ...]:
        """
        Effects that the rows cannot tell apart because they have one column, as counted; see `chains_of`.

        Those that are the same in every row stand behind the empty effect.
        """
        if self.plain:
            return chains_of(self.factors, rows, effects)
        found: dict[tuple[Fraction, ...], list[Word]] = {(): [(1, ())]}
        for effect in effects:
            column, scale = self.column(effect, rows), self.scale(effect)
            sign = -1 if next(filter(None, column), 1) < 0 else 1
            constant = len(set(column)) == 1
            key = () if constant else tuple(sign * one / scale for one in column)
            found.setdefault(key, []).append((sign, effect))
        chains = [tuple((chain[0][0] * sign, effect) for sign, effect in chain) for chain in found.values()]
        return tuple(chain for chain in chains if chain[0][1] or len(chain) > 1)


def usual(factor: str, levels: Sequence[Level], default: Level | None) -> Comparing:
    """What the effects of a factor are where nothing is said: a trend of numbers, words against the *default*."""
    if all(isinstance(level, Fraction) for level in levels):
        return Trend(factor, is_geometric(levels))
    return Against(factor, default if default in levels and default is not None else levels[0])


def of_two(factors: Sequence[str]) -> Coding:
    """The columns of a design of two levels, whose rows have -1, +1, and 0 for the centre."""
    codes = {-1: -1, 0: 0, 1: 1}
    return Coding(factors, [(Contrast(name, place, codes),) for place, name in enumerate(factors)], plain=True)


def coding_of(array: Array, comparing: Iterable[Comparing]) -> Coding:
    """
    The columns of a design whose factors may have more levels; its rows number the levels from 1.

    Args:
        array: its factors with their levels.
        comparing: for every factor of more than two levels what its effects are.
    """
    known = {one.factor: one for one in comparing}
    contrasts: list[tuple[Contrast, ...]] = []
    for place, (factor, levels) in enumerate(zip(array.factors, array.levels, strict=True)):
        if len(levels) == 2:
            contrasts.append((Contrast(factor, place, {1: -1, 2: 1}),))
        else:
            contrasts.append(tuple(_contrasts(place, known[factor], levels)))
    return Coding(array.factors, contrasts, plain=False)


def steps_of(array: Array, comparing: Iterable[Comparing]) -> tuple[Coding, Mapping[str, Pair]]:
    """The same with every trend as the differences of levels that follow each other, from the lowest up; and those."""
    plain = coding_of(array, comparing)
    trends = {one.factor for one in comparing if isinstance(one, Trend)}
    contrasts: list[tuple[Contrast, ...]] = []
    pairs: dict[str, Pair] = {}
    for place, (factor, levels) in enumerate(zip(array.factors, array.levels, strict=True)):
        if factor not in trends:
            contrasts.append(tuple(plain.of[factor]))
            continue
        order, found = ascending(levels), []
        for step, (low, high) in enumerate(pairwise(order), start=1):
            codes = {one: len(order) * (order.index(one) >= step) - (len(order) - step) for one in order}
            found.append(Contrast(f"{factor}{MARK}{low}{MARK}{high}", place, codes))
            pairs[found[-1].name] = factor, levels[low - 1], levels[high - 1]
        contrasts.append(tuple(found))
    return Coding(array.factors, contrasts, plain=False), pairs


def ascending(levels: Sequence[Level]) -> list[int]:
    """Numbers of the levels of a trend, from 1, the lowest level first."""
    return sorted(range(1, len(levels) + 1), key=lambda number: Fraction(levels[number - 1]))


def _contrasts(place: int, comparing: Comparing, levels: Sequence[Level]) -> Iterable[Contrast]:
    match comparing:
        case Against():
            last = levels.index(comparing.level) + 1
            for number, level in enumerate(levels, start=1):
                if number != last:
                    codes = {one: len(levels) * (one == number) - 1 for one in range(1, len(levels) + 1)}
                    yield Contrast(f"{comparing.factor}{MARK}{level_key(level)}", place, codes)
        case Trend():
            places = scaled(levels, log=comparing.log)
            for degree, column in enumerate(_polynomials(tuple(places)), start=1):
                codes = dict(enumerate(column, start=1))
                yield Contrast(f"{comparing.factor}{MARK}{degree_key(degree)}", place, codes)
        case _:
            assert_never(comparing)


def level_key(level: Level) -> str:
    """A level in the name of a contrast."""
    return level if isinstance(level, str) else exact(level)


def degree_key(degree: int) -> str:
    """A part of a trend in the name of a contrast."""
    return DEGREES[degree - 1] if degree <= len(DEGREES) else f"power{degree}"


def scaled(levels: Sequence[Level], *, log: bool) -> list[Fraction]:
    """
    Where levels lie on the scale of a trend.

    Logarithms of levels in a constant ratio lie evenly, exactly; others are kept to `LOG_DIGITS` digits of the way from
    the least to the largest.
    """
    numbers = [Fraction(level) for level in levels]
    if not log:
        return numbers
    order = sorted(numbers)
    if is_geometric(levels):
        return [Fraction(order.index(one)) for one in numbers]
    logs = [math.log(one.numerator) - math.log(one.denominator) for one in numbers]
    low, high = min(logs), max(logs)
    power: int = 10**LOG_DIGITS
    return [Fraction(round((one - low) / (high - low) * power), power) for one in logs]


def is_geometric(levels: Sequence[Level]) -> bool:
    """Whether levels are numbers above zero, and each is the same multiple of the next smaller one."""
    if any(isinstance(level, str) for level in levels):
        return False
    order = sorted(Fraction(level) for level in levels)
    return order[0] > 0 and len({high / low for low, high in pairwise(order)}) == 1


@lru_cache(256)
def _polynomials(places: tuple[Fraction, ...]) -> tuple[tuple[int, ...], ...]:
    """
    Orthogonal polynomials of places, from the first degree on, as whole numbers, which sum to zero.

    An analysis asks for the columns of a factor several times, and factors often lie alike.
    """
    found: list[list[Fraction]] = [[Fraction(1)] * len(places)]
    for _ in range(len(places) - 1):
        column = [one * place for one, place in zip(found[-1], places, strict=True)]
        for other in found:
            share = sum(map(Fraction.__mul__, column, other), Fraction()) / sum(one * one for one in other)
            column = [one - share * more for one, more in zip(column, other, strict=True)]
        found.append(column)
    return tuple(tuple(_whole(column)) for column in found[1:])


def _whole(column: Sequence[Fraction]) -> list[int]:
    """Without a common divisor; where that takes more than `CODE_DIGITS` digits, rounded, and still a sum of zero."""
    unit = math.lcm(*(one.denominator for one in column))
    whole = [int(one * unit) for one in column]
    divisor = reduce(math.gcd, whole)
    codes = [one // divisor for one in whole]
    most = max(codes) - min(codes)
    if most < 10**CODE_DIGITS:
        return codes
    codes = [round(Fraction(one * 10**CODE_DIGITS, most)) for one in codes]
    codes[codes.index(max(codes))] -= sum(codes)
    return codes
