"""
Points to a scaling law, and to the laws that other draws of the runs would have given.

Gradient and curvature of a fit are exact (`huber`), and Newton's method ends it in a few steps.

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
from collections.abc import Callable, Iterator, Sequence
from statistics import NormalDist

from promo.base.draws import numbers
from promo.base.tails import t_quantile
from promo.evidence.huber import RISE, Slopes, Sum, Vector, solve
from promo.evidence.laws import FittedLaw, Point
from promo.study.laws import Form

BEND = 1e-2
"""
Difference of logarithms at which Huber's function turns from a parabola into a line.

Runs of one recipe lie 0.1 to 1% apart, and one that lies farther away is an outlier.  Hoffmann et al. take 1e-3: then
nearly every point is one, what is minimised is all but a sum of distances, and of few points many laws are as near.
"""
BEGUN = 3
"""Searches, from the best of the places where one may begin."""
NARROWER = 4.0
"""How many times narrower each bend is than the one before."""
STEPS = 100
"""Steps of Newton's method at one bend, at most."""
ENOUGH, ENOUGH_DRAWN, NEARLY = 1e-13, 1e-8, 1e-2
"""A step that improves the sum by less than this share ends a search: at the last bend, in a draw, at bends before."""

ROUGHLY = 1e-4
"""The same for the floor and the factors under way."""
NOTHING = 1e-18
"""A gain below which points lie on a law."""
UNSEEN = 1e-16
"""A gain below this share of the sum is lost in its rounding."""
WIDEST = 0.1
"""The bend with which a search begins."""


# --- the search ----------------------------------------------------------------------------------------------------


def _search(total: Sum, at: Vector, bend: float, enough: float) -> tuple[float, Vector]:
    """
    Newton's method from a place.

    Floor, factors and exponents lie in a long bent valley.  So after each step the floor and the factors are found anew
    for the exponents that it came to, and only then is it seen whether the sum became smaller.
    """
    everything, factors = tuple(range(len(at))), total.factors
    return _descended(total, at, bend, enough, everything, lambda trial: _factors(total, trial, bend, factors))


def _factors(total: Sum, at: Vector, bend: float, factors: tuple[int, ...]) -> tuple[float, Vector]:
    """The best floor and factors for given exponents."""
    return _descended(total, at, bend, ROUGHLY, factors, lambda trial: (total.value(trial, bend), trial), rough=True)


def _descended(
    total: Sum,
    at: Vector,
    bend: float,
    enough: float,
    moving: tuple[int, ...],
    settled: Callable[[Vector], tuple[float, Vector]],
    *,
    rough: bool = False,
) -> tuple[float, Vector]:
    """
    Steps of some parameters, each damped until the place where it *settled* is a better one.

    A step along the curvature that always is a bowl says nothing of how far it is to the bottom, so that a search ends
    only at a short step along the other; a *rough* one, on the way, ends at any.  Where no step promises a gain that
    could be seen, none that is damped more does, and the search ends: nearly every search comes to such a place.
    """
    (value, at), damping = settled(at), 1e-6
    for _ in range(STEPS):
        better, along = None, False
        slopes = total.descent(at, bend, moving)
        while damping < 1e9 and better is None:
            promising = []
            for trial, own in _steps(total, at, slopes, damping, moving):
                promised = sum(slopes[0][k] * (at[k] - trial[k]) for k in moving)
                promising.append(abs(promised) > UNSEEN * value)
                if promising[-1] and (found := settled(trial))[0] < value:
                    better, along = found, own
                    break
            damping = damping / 20 if better else max(damping, 1e-9) * 10
            if promising and not any(promising):
                break
        if better is None:
            break
        gained, (value, at) = value - better[0], better
        if (along or rough) and gained <= enough * value + NOTHING:
            break
    return value, at


def _steps(
    total: Sum, at: Vector, slopes: Slopes, damping: float, moving: tuple[int, ...]
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
        square = [[row[j] for j in inside] for row in map(matrix.__getitem__, inside)]
        for place, k in enumerate(inside):
            square[place][place] += damping * max(tame[k][k], 1e-9 * scale)
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
    members = _members(points)
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


def stretched(points: Sequence[Point], level: float) -> float:
    """
    How many times farther from a law the interval of new experiments ends than that of `refits`.

    Runs that are drawn with replacement spread as if the variance of few were divided by their number, not by one less:
    for three runs of a place by a third too little.  And that variance is itself told by few runs, of which each place
    takes one, so what is normal of many is Student's t of the others.

    Source:
        Efron & Tibshirani (1993), "An introduction to the bootstrap", sections 10 and 12.
    """
    members = _members(points)
    spare = len(members) - len(_strata(points, members))
    if not spare:
        return 1.0
    sure = (1 + level) / 2
    return math.sqrt(len(members) / spare) * t_quantile(sure, spare) / NormalDist().inv_cdf(sure)


def _members(points: Sequence[Point]) -> dict[str, list[int]]:
    members: dict[str, list[int]] = {}
    for index, one in enumerate(points):
        members.setdefault(one.run, []).append(index)
    return members


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
