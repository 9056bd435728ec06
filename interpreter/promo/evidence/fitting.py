"""
Points to a scaling law, and to the laws that other draws of the runs would have given.

The logarithm of a law is that of a sum of exponentials whose exponents are, but for a shift, linear in the parameters,
so gradient and curvature of a fit are exact and Newton's method ends it in a few steps.

What is minimised is the sum of Huber's function over differences of logarithms: beyond its *bend* a point pulls hardly
harder, however far away it lies.  Hardly, since with a pull that does not *rise* at all any law between two runs of a
place would do, and no two programs would find the same.  With a narrow bend that sum has many places where a search
comes to rest.  So the search begins at several exponents, for each of which floor and factors are a linear problem,
with a wide bend, and goes on with narrower ones, each from where the one before ended.

Everything is plain Python: fits are small (hundreds of points, five parameters), and whoever verifies a study should
need nothing else.

Source:
    Hoffmann et al. (2022), "Training compute-optimal large language models", approach 3; Besiroglu et al. (2024),
    "Chinchilla scaling: a replication attempt"; Huber (1964), "Robust estimation of a location parameter"; Golub &
    Pereyra (1973) for parameters that are linear once others are given.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import assert_never

from promo.base.draws import numbers
from promo.evidence.laws import FittedLaw, Point
from promo.study.laws import Form

BEND = 1e-2
"""
Difference of logarithms at which Huber's function turns from a parabola into a line.

Runs of one recipe lie 0.1 to 1% apart, and one that lies farther away is an outlier.  Hoffmann et al. take 1e-3: then
nearly every point is one, what is minimised is all but a sum of distances, and of few points many laws are as near.
"""
RISE = 2e-2
"""By how much more of its pull at the bend a point pulls that lies e times as far away."""
LOWEST, HIGHEST = 1e-3, 1.0
"""Exponents lie between; one that ends at a border is not told by the points."""
STARTS = (0.1, 0.25, 0.45, 0.8)
"""Exponents at which a search may begin."""
BEGUN = 3
"""Searches, from the best of the places where one may begin."""
NARROWER = 4.0
"""How many times narrower each bend is than the one before."""
STEPS = 100
"""Steps of Newton's method at one bend, at most."""
ENOUGH, ENOUGH_DRAWN, NEARLY = 1e-13, 1e-8, 1e-2
"""A step that improves the sum by less than this share ends a search: at the last bend, in a draw, at bends before."""

NOTHING = 1e-18
"""A gain below which points lie on a law."""
ROUGHLY = 1e-4
"""The same for the floor and the factors under way."""
NO_FLOOR = 1e-3
"""A floor below this share of the smallest loss is none: the points do not tell it."""
WIDEST = 0.1
"""The bend with which a search begins."""

Vector = list[float]
Matrix = list[list[float]]


# --- what is minimised ---------------------------------------------------------------------------------------------

Pairs = tuple[tuple[int, int], ...]
"""Places on and above the diagonal of a matrix."""
Slopes = tuple[Vector, Matrix, Matrix]
SECOND: Mapping[Form, Pairs] = {
    Form.COMPUTE: ((0, 0), (1, 1), (1, 2), (2, 2)),
    Form.SHIFTED: ((0, 0), (1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)),
    Form.SIZE_AND_DATA: ((0, 0), (1, 1), (1, 2), (2, 2), (3, 3), (3, 4), (4, 4)),
}
"""Pairs of parameters that stand in one term."""
Term = tuple[float, tuple[tuple[int, float], ...]]
"""The logarithm of a term, and what it moves by with each parameter that is in it."""


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
        self.logs = [tuple(a - b for a, b in zip(row, self.middle, strict=True)) for row in logs]
        self.losses = [math.log(one.loss) for one in points]
        least = min(row[0] for row in self.logs)
        floor = min(self.losses) + math.log(NO_FLOOR), 300.0
        free, exponent, shift = (-300.0, 300.0), (LOWEST, HIGHEST), (least - 12.0, least + 2.0)
        more = {Form.COMPUTE: (), Form.SHIFTED: (shift,), Form.SIZE_AND_DATA: (free, exponent)}
        self.factors = (0, 1, 3) if form is Form.SIZE_AND_DATA else (0, 1)
        """Floor and factors among the parameters."""
        size = len(form.names)
        self.pairs: Pairs = tuple((row, column) for row in range(size) for column in range(row, size))
        self.second: Pairs = SECOND[form]
        self.bounds: tuple[tuple[float, float], ...] = (floor, free, exponent, *more[form])

    def terms(self, at: Vector, index: int) -> tuple[Term, ...]:
        """The terms of the law at a point."""
        floor = (at[0], ((0, 1.0),))
        match self.form:
            case Form.COMPUTE:
                x = self.logs[index][0]
                return floor, (at[1] - at[2] * x, ((1, 1.0), (2, -x)))
            case Form.SHIFTED:
                place, shift = math.exp(self.logs[index][0]), math.exp(at[3])
                x = math.log(place + shift)
                return floor, (at[1] - at[2] * x, ((1, 1.0), (2, -x), (3, -at[2] * shift / (place + shift))))
            case Form.SIZE_AND_DATA:
                x, y = self.logs[index]
                return floor, (at[1] - at[2] * x, ((1, 1.0), (2, -x))), (at[3] - at[4] * y, ((3, 1.0), (4, -y)))
            case _:
                assert_never(self.form)

    def value(self, at: Vector, bend: float) -> float:
        """The sum."""
        total = 0.0
        for index, count in enumerate(self.counts):
            away = abs(self.losses[index] - math.log(sum(math.exp(log) for log, _ in self.terms(at, index))))
            if away <= bend:
                total += 0.5 * count * away * away
            else:
                rising = self.rise * (away * math.log(away / bend) - away + bend)
                total += count * bend * (away - 0.5 * bend + rising)
        return total

    def descent(self, at: Vector, bend: float) -> Slopes:
        """Gradient and curvature of the sum, and the curvature of weighted squares, which is never negative."""
        size = len(at)
        gradient, tame = [0.0] * size, [0.0] * len(self.pairs)
        straight, bent = [0.0] * len(self.pairs), [0.0] * len(self.second)
        for index, count in enumerate(self.counts):
            whole, slope, second = self._moved_by(at, index)
            away = self.losses[index] - math.log(whole)
            if -bend <= away <= bend:
                pull, keep, held = count * away, count * (away + 1.0), float(count)
            else:
                pull = math.copysign(count * bend * (1 + self.rise * math.log(abs(away) / bend)), away)
                keep, held = pull + count * bend * self.rise / abs(away), pull / away
            for row, first in enumerate(slope):
                gradient[row] -= pull * first
            for place, (row, column) in enumerate(self.pairs):
                both = slope[row] * slope[column]
                straight[place] += keep * both
                tame[place] += held * both
            for place, by in enumerate(second):
                bent[place] -= pull * by
        return gradient, self._matrix((self.pairs, straight), (self.second, bent)), self._matrix((self.pairs, tame))

    def _matrix(self, *parts: tuple[Pairs, Vector]) -> Matrix:
        size = len(self.bounds)
        found = [[0.0] * size for _ in range(size)]
        for pairs, values in parts:
            for (row, column), value in zip(pairs, values, strict=True):
                found[row][column] += value
                if row != column:
                    found[column][row] += value
        return found

    def _moved_by(self, at: Vector, index: int) -> tuple[float, Vector, Vector]:
        """
        The law at a point, what its logarithm moves by, and the second moments of that among its terms.

        The latter are those of the pairs in *second*; a shift, in which its exponent is not linear, adds to its own.
        """
        floor = math.exp(at[0])
        match self.form:
            case Form.COMPUTE:
                x = self.logs[index][0]
                part = math.exp(at[1] - at[2] * x)
                whole = floor + part
                none, part = floor / whole, part / whole
                return whole, [none, part, -part * x], [none, part, -part * x, part * x * x]
            case Form.SHIFTED:
                place, shift = math.exp(self.logs[index][0]), math.exp(at[3])
                x, share = math.log(place + shift), shift / (place + shift)
                by = -at[2] * share
                part = math.exp(at[1] - at[2] * x)
                whole = floor + part
                none, part = floor / whole, part / whole
                own = (-x * by - share, by * by + by * (1 - share))
                second = [none, part, -part * x, part * by, part * x * x, part * own[0], part * own[1]]
                return whole, [none, part, -part * x, part * by], second
            case Form.SIZE_AND_DATA:
                x, y = self.logs[index]
                part, other = math.exp(at[1] - at[2] * x), math.exp(at[3] - at[4] * y)
                whole = floor + part + other
                none, part, other = floor / whole, part / whole, other / whole
                slope = [none, part, -part * x, other, -other * y]
                return whole, slope, [none, part, -part * x, part * x * x, other, -other * y, other * y * y]
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
        powers = [{b: [math.exp(-b * x) for x in column] for b in STARTS} for column in zip(*self.logs, strict=True)]
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
    for i in range(size):
        for j in range(i + 1):
            rest = square[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            if i == j:
                if not rest > 1e-14 * abs(square[i][i]):
                    return None
                lower[i][i] = math.sqrt(rest)
            else:
                lower[i][j] = rest / lower[j][j]
    half = [0.0] * size
    for i in range(size):
        half[i] = (right[i] - sum(lower[i][k] * half[k] for k in range(i))) / lower[i][i]
    found = [0.0] * size
    for i in reversed(range(size)):
        found[i] = (half[i] - sum(lower[k][i] * found[k] for k in range(i + 1, size))) / lower[i][i]
    return found


# --- the search ----------------------------------------------------------------------------------------------------


def _search(total: Sum, at: Vector, bend: float, enough: float) -> tuple[float, Vector]:
    """
    Newton's method from a place.

    Floor, factors and exponents lie in a long bent valley.  So after each step the floor and the factors are found anew
    for the exponents that it came to, and only then is it seen whether the sum became smaller.
    """
    everything, factors = range(len(at)), total.factors
    return _descended(total, at, bend, enough, everything, lambda trial: _factors(total, trial, bend, factors))


def _factors(total: Sum, at: Vector, bend: float, factors: Sequence[int]) -> tuple[float, Vector]:
    """The best floor and factors for given exponents."""
    return _descended(total, at, bend, ROUGHLY, factors, lambda trial: (total.value(trial, bend), trial), rough=True)


def _descended(
    total: Sum,
    at: Vector,
    bend: float,
    enough: float,
    moving: Sequence[int],
    settled: Callable[[Vector], tuple[float, Vector]],
    *,
    rough: bool = False,
) -> tuple[float, Vector]:
    """
    Steps of some parameters, each damped until the place where it *settled* is a better one.

    A step along the curvature that always is a bowl says nothing of how far it is to the bottom, so that a search ends
    only at a short step along the other; a *rough* one, on the way, ends at any.
    """
    (value, at), damping = settled(at), 1e-6
    for _ in range(STEPS):
        better, along = None, False
        slopes = total.descent(at, bend)
        while damping < 1e9 and better is None:
            for trial, own in _steps(total, at, slopes, damping, moving):
                found = settled(trial)
                if found[0] < value:
                    better, along = found, own
                    break
            damping = damping / 20 if better else max(damping, 1e-9) * 10
        if better is None:
            break
        gained, (value, at) = value - better[0], better
        if (along or rough) and gained <= enough * value + NOTHING:
            break
    return value, at


def _steps(
    total: Sum, at: Vector, slopes: Slopes, damping: float, moving: Sequence[int]
) -> Iterator[tuple[Vector, bool]]:
    """Where a damped step leads: along the curvature itself, if that is a bowl, and along the one that always is."""
    gradient, curved, tame = slopes
    inside = [
        k
        for k in moving
        if not (at[k] <= total.bounds[k][0] and gradient[k] > 0)
        and not (at[k] >= total.bounds[k][1] and gradient[k] < 0)
    ]
    if not inside:
        return
    scale = max(tame[k][k] for k in inside) or 1.0
    for own, matrix in ((True, curved), (False, tame)):
        square = [
            [matrix[i][j] + (damping * max(tame[i][i], 1e-9 * scale) if i == j else 0.0) for j in inside]
            for i in inside
        ]
        step = solve(square, [-gradient[k] for k in inside])
        if step is not None:
            moved = list(at)
            for k, by in zip(inside, step, strict=True):
                low, high = total.bounds[k]
                moved[k] = min(high, max(low, at[k] + max(-4.0, min(4.0, by))))
            yield moved, own


def fit(points: Sequence[Point], form: Form, *, bend: float = BEND, rise: float = RISE) -> FittedLaw:
    """
    The law that lies nearest to points.

    Args:
        points: as many as the law has parameters, or more.
        form: which law.
        bend: where Huber's function turns into a line, as a difference of logarithms.
        rise: how fast that line becomes steeper; 0 is Huber's own function, whose minimum may be no single place.

    Raises:
        ValueError: the places do not tell all parameters, or something is not finite or not above 0.
    """
    if not form.told_by(one.at for one in points):
        raise ValueError(f"{len({one.at for one in points})} places do not tell {len(form.names)} parameters")
    if any(not 0 < value < math.inf for one in points for value in (*one.at, one.loss)):
        raise ValueError("a law is of finite numbers above 0")
    total = Sum(form, points, [1] * len(points), rise)
    starts = sorted((total.value(at, WIDEST), at) for at in total.starts())
    return _ended(total, [_narrowed(total, at, bend) for _, at in starts[:BEGUN]])


def _narrowed(total: Sum, at: Vector, bend: float) -> tuple[float, Vector]:
    """Searches with narrower and narrower bends."""
    wide = max(bend, WIDEST)
    while wide > bend:
        _, at = _search(total, at, wide, NEARLY)
        wide = max(bend, wide / NARROWER)
    return _search(total, at, bend, ENOUGH)


def _ended(total: Sum, found: Sequence[tuple[float, Vector]]) -> FittedLaw:
    value, at = min(found, key=lambda one: one[0])
    borders = zip(at, total.bounds, total.form.names, strict=True)
    ended = {name for one, (low, high), name in borders if one <= low or one >= high}
    unsure = tuple(name for name in total.form.names if name in ended)
    return FittedLaw(total.form, total.named(at), value, unsure)


# --- how sure it is ------------------------------------------------------------------------------------------------


def refits(points: Sequence[Point], law: FittedLaw, *, draws: int, seed: int, bend: float = BEND) -> list[FittedLaw]:
    """
    The law fitted again to runs drawn with replacement, as many times as *draws* says.

    Points of one run are drawn together.  Where every place was measured by several runs, runs are drawn within their
    places, as the experiment would be repeated; otherwise among all.  A draw whose places do not
    tell all parameters is drawn again.  Each search begins at *law*.

    Args:
        points: those that the law was fitted to.
        law: the law.
        draws: how many.
        seed: of the numbers that draw, see `numbers`.
        bend: as in `fit`.

    Returns:
        One law for each draw.
    """
    drawn_at = numbers(seed)
    members: dict[str, list[int]] = {}
    for index, one in enumerate(points):
        members.setdefault(one.run, []).append(index)
    strata = _strata(points, members)
    found: list[FittedLaw] = []
    while len(found) < draws:
        counts = [0] * len(points)
        for runs in strata:
            for _ in runs:
                for index in members[runs[next(drawn_at) % len(runs)]]:
                    counts[index] += 1
        drawn = [(one, count) for one, count in zip(points, counts, strict=True) if count]
        if not law.form.told_by(one.at for one, _ in drawn):
            continue
        total = Sum(law.form, [one for one, _ in drawn], [count for _, count in drawn])
        found.append(_ended(total, [_search(total, total.inner(law), bend, ENOUGH_DRAWN)]))
    return found


def _strata(points: Sequence[Point], members: dict[str, list[int]]) -> list[list[str]]:
    """Runs that may stand for each other: those measured at the same places, if none is alone; else all."""
    alike: dict[tuple[tuple[float, ...], ...], list[str]] = {}
    for run, indices in members.items():
        alike.setdefault(tuple(sorted(points[index].at for index in indices)), []).append(run)
    return list(alike.values()) if all(len(runs) > 1 for runs in alike.values()) else [list(members)]


def interval(values: Sequence[float], level: float) -> tuple[float, float]:
    """
    The middle *level* of values, by the percentile method.

    Raises:
        ValueError: there are none, or *level* is outside of 0 to 1.
    """
    if not values or not 0 < level < 1:
        raise ValueError("an interval needs values, and a level between 0 and 1")
    ordered = sorted(values)

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        low = min(int(place), len(ordered) - 2) if len(ordered) > 1 else 0
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (place - low) * (ordered[high] - ordered[low])

    return at((1 - level) / 2), at((1 + level) / 2)
