"""
Points and the form of a law to the sum that a fit makes smallest, with its gradient and its curvature.

The logarithm of a law is that of a sum of exponentials whose exponents are, but for a shift, linear in the parameters,
so gradient and curvature are exact.  What is summed is Huber's function of differences of logarithms, with a pull that
rises a little beyond its bend; `fitting` says why.  Points are worked on column by column, which takes half the time.

Source:
    Huber (1964), "Robust estimation of a location parameter"; Golub & Pereyra (1973) for parameters that are linear
    once others are given.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from operator import mul, sub, truediv
from typing import assert_never

from promo.evidence.laws import FittedLaw, Point
from promo.study.laws import Form

RISE = 2e-2
"""By how much more of its pull at the bend a point pulls that lies e times as far away."""
LOWEST, HIGHEST = 1e-3, 1.0
"""Exponents lie between; one that ends at a border is not told by the points."""
STARTS = (0.1, 0.25, 0.45, 0.8)
"""Exponents at which a search may begin."""
NO_FLOOR = 1e-3
"""A floor below this share of the smallest loss is none: the points do not tell it."""

Vector = list[float]
Matrix = list[list[float]]


Pairs = tuple[tuple[int, int], ...]
"""Places on and above the diagonal of a matrix."""
Slopes = tuple[Vector, Matrix, Matrix]
Seen = tuple[Vector, tuple[Vector, ...], Vector]
"""At some parameters, the law at every point, its powers there, and how far its logarithm lies below the point's."""
Moved = tuple[Mapping[int, Vector], list[tuple[tuple[int, int], Vector]]]
"""By parameter, how the law moves with it at every point; by pair of parameters, the second moments of that."""
SECOND: Mapping[Form, Pairs] = {
    Form.COMPUTE: ((0, 0), (1, 1), (1, 2), (2, 2)),
    Form.SHIFTED: ((0, 0), (1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)),
    Form.SIZE_AND_DATA: ((0, 0), (1, 1), (1, 2), (2, 2), (3, 3), (3, 4), (4, 4)),
}
"""Pairs of parameters that stand in one term."""


class Sum:
    """
    Points and a form to the sum, its gradient and its curvature.

    Parameters are log E, log A, a and so on, with compute, size and data measured in their middles, so that factors and
    exponents hardly depend on each other; a shift is the logarithm of its share of the middle.
    """

    def __init__(self, form: Form, points: Sequence[Point], counts: Sequence[int], rise: float = RISE) -> None:
        self.form, self.counts, self.rise = form, counts, rise
        logs = [tuple(map(math.log, one.at)) for one in points]
        self.middle = [sum(column) / len(points) for column in zip(*logs, strict=True)]
        self.columns = [
            [one - middle for one in column]
            for column, middle in zip(zip(*logs, strict=True), self.middle, strict=True)
        ]
        self.losses = [math.log(one.loss) for one in points]
        least = min(self.columns[0])
        floor = min(self.losses) + math.log(NO_FLOOR), 300.0
        free, exponent, shift = (-300.0, 300.0), (LOWEST, HIGHEST), (least - 12.0, least + 2.0)
        more = {Form.COMPUTE: (), Form.SHIFTED: (shift,), Form.SIZE_AND_DATA: (free, exponent)}
        self.factors: tuple[int, ...] = (0, 1, 3) if form is Form.SIZE_AND_DATA else (0, 1)
        """Floor and factors among the parameters."""
        self.bounds: tuple[tuple[float, float], ...] = (floor, free, exponent, *more[form])
        self._at: Vector = []
        self._there: Seen = [], (), []

    def value(self, at: Vector, bend: float) -> float:
        """The sum."""
        total, log = 0.0, math.log
        for count, away in zip(self.counts, map(abs, self._seen(at)[2]), strict=True):
            if away <= bend:
                total += 0.5 * count * away * away
            else:
                rising = self.rise * (away * log(away / bend) - away + bend)
                total += count * bend * (away - 0.5 * bend + rising)
        return total

    def descent(self, at: Vector, bend: float, moving: tuple[int, ...]) -> Slopes:
        """
        Gradient and curvature of the sum, and the curvature of weighted squares, which is never negative.

        Whatever is of parameters that do not move is left at 0.
        """
        pairs = _pairs(moving)
        wholes, powers, aways = self._seen(at)
        slopes, seconds = self._moved_by(at, wholes, powers, moving)
        pulls, keeps, holds = self._pulls(aways, bend)
        kept = {k: list(map(mul, keeps, slopes[k])) for k in moving}
        held = {k: list(map(mul, holds, slopes[k])) for k in moving}
        straight = [(pair, sum(map(mul, kept[pair[0]], slopes[pair[1]]))) for pair in pairs]
        tame = [(pair, sum(map(mul, held[pair[0]], slopes[pair[1]]))) for pair in pairs]
        bent = [(pair, -sum(map(mul, pulls, second))) for pair, second in seconds if pair in pairs]
        gradient = [-sum(map(mul, pulls, slopes[k])) if k in moving else 0.0 for k in range(len(at))]
        return gradient, self._matrix([*straight, *bent]), self._matrix(tame)

    def _seen(self, at: Vector) -> Seen:
        """What the value and its slopes both rest on; a search that has come to a place asks for its slopes next."""
        if at is not self._at:
            wholes, powers = self._columns(at)
            aways = list(map(sub, self.losses, map(math.log, wholes)))
            self._at, self._there = at, (wholes, powers, aways)
        return self._there

    def _pulls(self, aways: Vector, bend: float) -> tuple[Vector, Vector, Vector]:
        """What every point adds to the gradient, to the curvature, and to that of weighted squares."""
        pulls, keeps, holds, log = Vector(), Vector(), Vector(), math.log
        for count, away in zip(self.counts, aways, strict=True):
            if -bend <= away <= bend:
                pulls.append(count * away)
                keeps.append(count * (away + 1.0))
                holds.append(float(count))
            else:
                pull = math.copysign(count * bend * (1 + self.rise * log(abs(away) / bend)), away)
                pulls.append(pull)
                keeps.append(pull + count * bend * self.rise / abs(away))
                holds.append(pull / away)
        return pulls, keeps, holds

    def _matrix(self, parts: Sequence[tuple[tuple[int, int], float]]) -> Matrix:
        size = len(self.bounds)
        found = [[0.0] * size for _ in range(size)]
        for (row, column), value in parts:
            found[row][column] += value
            if row != column:
                found[column][row] += value
        return found

    def _columns(self, at: Vector) -> tuple[Vector, tuple[Vector, ...]]:
        """The law at every point, and its powers there."""
        floor, exp = math.exp(at[0]), math.exp
        xs = self.columns[0]
        match self.form:
            case Form.COMPUTE:
                powers = [exp(at[1] - at[2] * x) for x in xs]
                return [floor + one for one in powers], (powers,)
            case Form.SHIFTED:
                shift = exp(at[3])
                powers = [exp(at[1] - at[2] * math.log(exp(x) + shift)) for x in xs]
                return [floor + one for one in powers], (powers,)
            case Form.SIZE_AND_DATA:
                powers = [exp(at[1] - at[2] * x) for x in xs]
                others = [exp(at[3] - at[4] * y) for y in self.columns[1]]
                return [floor + one + other for one, other in zip(powers, others, strict=True)], (powers, others)
            case _:
                assert_never(self.form)

    def _moved_by(self, at: Vector, wholes: Vector, powers: tuple[Vector, ...], moving: tuple[int, ...]) -> Moved:
        """
        What the logarithm of the law moves by at every point, and the second moments of that among its terms.

        One column for each parameter, and one for each of the pairs in *second*.  In floor and factors alone a law is
        linear, and each of them has a term of its own.
        """
        floor = math.exp(at[0])
        none = [floor / whole for whole in wholes]
        shares = [list(map(truediv, one, wholes)) for one in powers]
        if moving == self.factors:
            alone = dict(zip(self.factors, (none, *shares), strict=True))
            return alone, [((factor, factor), slope) for factor, slope in alone.items()]
        slopes, seconds = self._by_all(at, none, shares)
        return dict(enumerate(slopes)), list(zip(SECOND[self.form], seconds, strict=True))

    def _by_all(self, at: Vector, none: Vector, shares: list[Vector]) -> tuple[list[Vector], list[Vector]]:
        """The columns of all parameters; a shift, in which its exponent is not linear, adds to its own."""
        match self.form:
            case Form.COMPUTE:
                slopes, seconds = _of_power(shares[0], self.columns[0])
                return [none, *slopes], [none, *slopes, seconds]
            case Form.SHIFTED:
                shift, places = math.exp(at[3]), [math.exp(x) for x in self.columns[0]]
                inner = [shift / (place + shift) for place in places]
                far = [math.log(place + shift) for place in places]
                slopes, seconds = _of_power(shares[0], far)
                by = [-at[2] * one for one in inner]
                twice = [-x * one - share for x, one, share in zip(far, by, inner, strict=True)]
                own = [one * one + one * (1 - share) for one, share in zip(by, inner, strict=True)]
                bent = [list(map(mul, shares[0], one)) for one in (by, twice, own)]
                return [none, *slopes, bent[0]], [none, *slopes, bent[0], seconds, *bent[1:]]
            case Form.SIZE_AND_DATA:
                first, other = (_of_power(*one) for one in zip(shares, self.columns, strict=True))
                return [none, *first[0], *other[0]], [none, *first[0], first[1], *other[0], other[1]]
            case _:
                assert_never(self.form)

    def named(self, at: Vector) -> tuple[float, ...]:
        """Parameters as a law has them."""
        floor, factor, exponent, *rest = at
        first = (math.exp(floor), math.exp(factor + exponent * self.middle[0]), exponent)
        match self.form:
            case Form.COMPUTE:
                return first
            case Form.SHIFTED:
                return (*first, math.exp(rest[0] + self.middle[0]))
            case Form.SIZE_AND_DATA:
                return (*first, math.exp(rest[0] + rest[1] * self.middle[1]), rest[1])
            case _:
                assert_never(self.form)

    def inner(self, law: FittedLaw) -> Vector:
        """Parameters of a law as the search has them, within their borders."""
        floor, factor, exponent, *rest = law.parameters
        found = [_log(floor), _log(factor) - exponent * self.middle[0], exponent]
        match self.form:
            case Form.COMPUTE:
                pass
            case Form.SHIFTED:
                found.append(_log(rest[0]) - self.middle[0])
            case Form.SIZE_AND_DATA:
                found += [_log(rest[0]) - rest[1] * self.middle[1], rest[1]]
            case _:
                assert_never(self.form)
        return [min(high, max(low, one)) for one, (low, high) in zip(found, self.bounds, strict=True)]

    def starts(self) -> list[Vector]:
        """Where searches begin: floor and factors by least squares, for each exponent."""
        found = []
        target = [math.exp(one) for one in self.losses]
        powers = [{b: [math.exp(-b * x) for x in column] for b in STARTS} for column in self.columns]
        for exponents in product(STARTS, repeat=self.form.arguments):
            chosen = (one[b] for one, b in zip(powers, exponents, strict=True))
            columns = [[1.0, *row] for row in zip(*chosen, strict=True)]
            linear = _least_squares(columns, target, self.counts)
            least = min(target) * 1e-3
            floor, *factors = (math.log(max(one, least)) for one in linear)
            match self.form:
                case Form.COMPUTE:
                    found.append([floor, factors[0], exponents[0]])
                case Form.SHIFTED:
                    low, high = self.bounds[3]
                    found += [[floor, factors[0], exponents[0], low + by * (high - low)] for by in (0.2, 0.8)]
                case Form.SIZE_AND_DATA:
                    found.append([floor, factors[0], exponents[0], factors[1], exponents[1]])
                case _:
                    assert_never(self.form)
        return found


@cache
def _pairs(moving: tuple[int, ...]) -> Pairs:
    """Every two of some parameters, and each with itself."""
    return tuple((row, column) for row in moving for column in moving if row <= column)


def _of_power(shares: Vector, xs: Vector) -> tuple[list[Vector], Vector]:
    """A power's share in its law, what moves by its factor and its exponent, and the second moment of the latter."""
    falling = [-share * x for share, x in zip(shares, xs, strict=True)]
    return [shares, falling], [-one * x for one, x in zip(falling, xs, strict=True)]


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _least_squares(rows: Sequence[Vector], target: Vector, counts: Sequence[int]) -> Vector:
    """Factors of the columns, relative to what is to be met, none below 0: the most negative one goes out at a time."""
    kept = list(range(len(rows[0])))
    while True:
        square = [[0.0] * len(kept) for _ in kept]
        right = [0.0] * len(kept)
        for row, goal, count in zip(rows, target, counts, strict=True):
            weight = count / (goal * goal)
            for i, first in enumerate(kept):
                right[i] += weight * row[first] * goal
                for j, second in enumerate(kept):
                    square[i][j] += weight * row[first] * row[second]
        for i in range(len(kept)):
            square[i][i] *= 1 + 1e-10
        solved = solve(square, right) or [0.0] * len(kept)
        lowest = min(range(len(kept)), key=solved.__getitem__)
        if solved[lowest] >= 0 or len(kept) == 1:
            found = dict(zip(kept, solved, strict=True))
            return [max(found.get(index, 0.0), 0.0) for index in range(len(rows[0]))]
        del kept[lowest]


def solve(square: Matrix, right: Vector) -> Vector | None:
    """A symmetric system by Cholesky's factors; None where the matrix is not positive definite."""
    size = len(right)
    lower = [[0.0] * size for _ in range(size)]
    for i, row in enumerate(lower):
        for j in range(i + 1):
            other, taken = lower[j], 0.0
            for k in range(j):
                taken += row[k] * other[k]
            rest = square[i][j] - taken
            if i != j:
                row[j] = rest / other[j]
            elif rest > 1e-14 * abs(square[i][i]):
                row[i] = math.sqrt(rest)
            else:
                return None
    half: Vector = []
    for row, wanted in zip(lower, right, strict=True):
        taken = 0.0
        for k, one in enumerate(half):
            taken += row[k] * one
        half.append((wanted - taken) / row[len(half)])
    found = half
    for i in reversed(range(size)):
        taken = 0.0
        for k in range(i + 1, size):
            taken += lower[k][i] * found[k]
        found[i] = (half[i] - taken) / lower[i][i]
    return found
