"""
Student's t where the null is false: the probability that a two-sided test finds an effect of a given size.

A mean that lies *delta* standard errors from zero has t beyond a bound as often as the noncentral t distribution says.
Its square is a noncentral F, a mixture of incomplete beta functions by the weights of a Poisson distribution, and all
terms of that sum are positive: nothing cancels, and what is left out has less weight than a float resolves.
"""

import math
from collections.abc import Callable

from promo.base.tails import incomplete_beta, t_quantile

FARTHEST = 1000.0
"""Effects of more standard errors count as these; their power is at least what is told."""


def two_sided_power(delta: float, degrees: float, level: float) -> float:
    """
    Probability that a two-sided t test rejects.

    Args:
        delta: the effect over its standard error, were that known; beyond `FARTHEST` it counts as that.
        degrees: of freedom of the error, more than 0.
        level: of the test, between 0 and 1; an effect of nothing is found so often.

    Source:
        Johnson, Kotz & Balakrishnan (1995), "Continuous univariate distributions" 2, equation 30.10: distribution of
        the noncentral F by incomplete beta functions; DLMF 8.17.20 for their recurrence.
    """
    bound = t_quantile(1 - level / 2, degrees)
    share, rest = bound * bound / (degrees + bound * bound), degrees / (degrees + bound * bound)
    mean, b = min(abs(delta), FARTHEST) ** 2 / 2, degrees / 2
    reach = 12 * math.sqrt(mean) + 40
    first, last = max(0, int(mean - reach)), int(mean + reach)
    inside = 1 - incomplete_beta(b, last + 0.5, rest)
    total = _weight(last, mean) * inside
    for number in range(last - 1, first - 1, -1):
        inside += _step(number + 0.5, b, math.log(share), math.log(rest))
        total += _weight(number, mean) * inside
    return min(max(1 - total, 0.0), 1.0)


def _weight(count: int, mean: float) -> float:
    """Poisson probability of a count."""
    if not mean:
        return float(count == 0)
    return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))


def _step(a: float, b: float, log_x: float, log_rest: float) -> float:
    """By how much I_x(a, b) exceeds I_x(a + 1, b); logarithms of x and of 1 - x."""
    return math.exp(math.lgamma(a + b) - math.lgamma(a + 1) - math.lgamma(b) + a * log_x + b * log_rest)


def found_with(power: float, degrees: float, level: float) -> float:
    """
    The effect, in its standard errors, that a two-sided t test finds with some probability.

    Args:
        power: above *level* and below 1.
        degrees: of freedom of the error, more than 0.
        level: of the test.

    Returns:
        Infinity where even `FARTHEST` standard errors are not enough.
    """
    return least_with(lambda effect: two_sided_power(effect, degrees, level) >= power, 1e-9)


def least_with(enough: Callable[[float], bool], close: float) -> float:
    """
    The least effect, in standard errors, that is *enough*, as any larger one is; to a share *close* of itself.

    Returns:
        Infinity where even `FARTHEST` is not.
    """
    low, high = 0.0, 1.0
    while not enough(high):
        if high >= FARTHEST:
            return math.inf
        low, high = high, min(2 * high, FARTHEST)
    while high - low > close * high:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
