"""
A supposed spread of ways and a correlation to the chance that a lag chooses the best of them, and what it loses if not.

The ends of the ways are normal, independent, and lie *spread* apart; the value of a way at the end of its lag has the
same spread and a correlation with its own end; and the mean over the cells adds the noise of runs to that.  Nothing of
this depends on anything but the correlation between what is seen and the end: the supposed one, made smaller by noise.
The regret has a formula then, the chance of two ways has one, and the chance of more is counted over drawn worlds.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from promo.base.classes import frozen

AT_ONCE = 100_000
"""Worlds that are drawn at once."""
WIDEST, PARTS = 10.0, 4_000
"""Where the density of the largest is cut off, in standard deviations, and the parts of its integral."""


@frozen
class LagChance:
    """What a lag of one correlation comes to."""

    correlation: float
    """Of the true value at the end of the lag and at the end."""
    seen: float
    """The same with the noise of what is seen."""
    best: float
    """Share of the drawn worlds in which the best way at the end is chosen."""
    error: float
    """Standard error of that share."""
    exactly: float | None
    """The chance by formula; None for more ways than two."""
    regret: float
    """By how much the chosen way ends behind the best on the mean, exactly."""


def lag_chances(
    ways: int, spread: float, noise: float, cells: int, correlations: Sequence[float], *, draws: int, seed: int
) -> tuple[LagChance, ...]:
    """
    Chances for each correlation, over the same drawn worlds.

    Args:
        ways: how many there are, at least one.
        spread: standard deviation of the ways' true values, in the measure's unit; above zero.
        noise: standard deviation of a run at the end of the lag, likewise.
        cells: runs of a way, over which the lag takes the mean.
        correlations: from -1 to 1.
        draws: drawn worlds.
        seed: seeds the only generator used.

    Source:
        The conditional mean of a normal pair, for the regret; Sheppard (1899) for the chance of two ways.
    """
    shrink = 1.0 / math.hypot(1.0, noise / spread / math.sqrt(cells))
    right = [0] * len(correlations)
    for ends, others in _worlds(ways, draws, np.random.default_rng(seed)):
        best = ends.argmin(axis=1)
        for place, correlation in enumerate(correlations):
            seen = correlation * shrink
            there = seen * ends + math.sqrt(1.0 - seen * seen) * others
            right[place] += int(np.count_nonzero(there.argmin(axis=1) == best))
    ahead = expected_lead(ways)
    found = []
    for correlation, count in zip(correlations, right, strict=True):
        seen, share = correlation * shrink, count / draws
        found.append(
            LagChance(
                correlation=correlation,
                seen=seen,
                best=share,
                error=math.sqrt(share * (1.0 - share) / draws),
                exactly={1: 1.0, 2: 0.5 + math.asin(seen) / math.pi}.get(ways),
                regret=spread * ahead * (1.0 - seen),
            )
        )
    return tuple(found)


def _worlds(
    ways: int, draws: int, generator: np.random.Generator
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Ends of all ways, and what their lags have of their own, in standard deviations; shapes (worlds, ways)."""
    for begin in range(0, draws, AT_ONCE):
        shape = (min(AT_ONCE, draws - begin), ways)
        yield generator.standard_normal(shape), generator.standard_normal(shape)


def expected_lead(ways: int) -> float:
    """
    By how much the best of so many ways is ahead of a way taken at random on the mean, in standard deviations.

    It is the expected largest of as many standard normal values: n times the integral of x phi(x) Phi(x)^(n-1).

    Source:
        David & Nagaraja (2003), "Order statistics", section 3.1.
    """
    x = np.linspace(-WIDEST, WIDEST, PARTS + 1)
    density = np.exp(-x * x / 2.0) / math.sqrt(2.0 * math.pi)
    below = np.array([0.5 * math.erfc(-one / math.sqrt(2.0)) for one in x.tolist()])
    return float(ways * np.sum(x * density * below ** (ways - 1)) * (2.0 * WIDEST / PARTS))
