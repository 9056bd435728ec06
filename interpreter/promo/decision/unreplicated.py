"""
One run of each condition to the power of its effects, which Lenth's error tests, by draws.

No formula is known: the error is a median of contrasts, the effect itself among them.  So all contrasts of a design
are drawn, without any effect but the one that is looked for, and it is counted how often that is found.  The draws
follow from a seed, and are the same for every size, so that power grows with the size and the smallest effect is found
by halving.  Where other contrasts are active too the error is larger, and the power is less.

Source: Lenth (1989), "Quick and easy analysis of unreplicated factorials", Technometrics 31; Haaland & O'Connell
(1995), "Inference for effect-saturated fractional factorials", Technometrics 37, who count the power of such tests.
"""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import islice

from promo.base.draws import normals
from promo.base.noncentral import least_with
from promo.base.tails import t_quantile

DRAWS = 10_000
"""Of a design; a share of them has a standard error of at most 0.005."""
SEED = 1989
CLOSE = 1e-3
"""The smallest effect is sought to so small a share of it; draws tell it no better."""


@cache
def _drawn(contrasts: int) -> tuple[tuple[float, tuple[float, ...]], ...]:
    """For every draw the noise of the contrast that is looked at, and the sizes of all others, smallest first."""
    stream = normals(SEED)
    return tuple((next(stream), tuple(sorted(map(abs, islice(stream, contrasts - 1))))) for _ in range(DRAWS))


def power_by_lenth(delta: float, contrasts: int, level: float) -> float:
    """
    The share of draws in which Lenth's error finds an effect.

    Args:
        delta: the effect over its standard error, were that known.
        contrasts: over which the error is taken, the effect's own among them; 3 or more.
        level: of the test of this effect.
    """
    bound = t_quantile(1 - level / 2, contrasts / 3)
    found = 0
    for noise, others in _drawn(contrasts):
        size = abs(delta + noise)
        found += size > bound * _error(others, size)
    return found / DRAWS


def _error(others: Sequence[float], size: float) -> float:
    """Lenth's pseudo standard error of sorted sizes and one more."""
    place = bisect_left(others, size)
    most = 2.5 * 1.5 * _middle(others, place, size, len(others) + 1)
    small = bisect_left(others, most) + (size < most)
    return 1.5 * _middle(others, place, size, small)


def _middle(others: Sequence[float], place: int, size: float, count: int) -> float:
    """The median of the first so many of sorted sizes, with one more put in at its place."""
    half = count // 2
    upper = others[half] if half < place else size if half == place else others[half - 1]
    if count % 2:
        return upper
    half -= 1
    return ((others[half] if half < place else size if half == place else others[half - 1]) + upper) / 2


@lru_cache(256)  # the effects of a design ask the same
def found_by_lenth(power: float, contrasts: int, level: float) -> float:
    """
    The effect, in its standard errors, that Lenth's error finds in such a share of draws; infinity where none is.

    Args:
        power: above *level* and below 1.
        contrasts: over which the error is taken; 3 or more.
        level: of the test.
    """
    return least_with(lambda effect: power_by_lenth(effect, contrasts, level) >= power, CLOSE)
