"""
Tails of the t and F distributions, by the incomplete beta function, and how many tails are read together.

Floats: what is stored of them is rounded to six digits, far coarser than any difference between machines.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist


def t_quantile(probability: float, degrees: float) -> float:
    """
    Quantile of Student's t distribution.

    Newton's steps from the normal quantile, which lies below; the distribution function bends down there, so they come
    to the quantile from below as well.

    Args:
        probability: between 1/2 and 1.
        degrees: of freedom, more than 0.

    Source:
        Abramowitz & Stegun (1964), 26.7.1: tail probability by the incomplete beta function.
    """
    probability = min(probability, math.nextafter(1.0, 0.0))
    found = NormalDist().inv_cdf(probability)
    scale = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2) - 0.5 * math.log(degrees * math.pi)
    for _ in range(100):
        density = math.exp(scale - (degrees + 1) / 2 * math.log1p(found * found / degrees))
        step = (probability - t_cumulative(found, degrees)) / density
        found += step
        if step <= 1e-15 * found:
            break
    return found


def t_cumulative(value: float, degrees: float) -> float:
    """Probability that Student's t lies below *value*, which is not negative."""
    return 1.0 - 0.5 * incomplete_beta(degrees / 2, 0.5, degrees / (degrees + value * value))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """
    Regularised incomplete beta function I_x(a, b).

    Source:
        Lentz's method on the continued fraction of DLMF 8.17.22.
    """
    if x <= 0.0 or x >= 1.0:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - incomplete_beta(b, a, 1.0 - x)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)) / a
    tiny = 1e-300
    ratio, c, d = 1.0, 1.0, 0.0
    for step in range(400):
        half = step // 2
        if step == 0:
            numerator = 1.0
        elif step % 2 == 0:
            numerator = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        else:
            numerator = -((a + half) * (a + b + half) * x) / ((a + 2 * half) * (a + 2 * half + 1))
        d = 1.0 / (1.0 + numerator * d or tiny)
        c = 1.0 + numerator / c or tiny
        ratio *= c * d
        if abs(1.0 - c * d) < 1e-15:
            break
    return front * (ratio - 1.0)


def t_tails(value: float, degrees: float) -> float:
    """Probability that Student's t lies as far from zero as *value*, on either side."""
    return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + value * value))


def f_tail(value: float, numerator: float, denominator: float) -> float:
    """
    Probability that F with these degrees of freedom exceeds *value*.

    Source:
        Abramowitz & Stegun (1964), 26.6.2.
    """
    if value <= 0:
        return 1.0
    return incomplete_beta(denominator / 2, numerator / 2, denominator / (denominator + numerator * value))


def adjust(values: Sequence[float]) -> list[float]:
    """
    p-values adjusted for the false discovery rate.

    Source:
        Benjamini & Hochberg (1995): p_(i) n / i, made monotone from the largest down.
    """
    count = len(values)
    order = sorted(range(count), key=lambda number: values[number])
    adjusted, least = [1.0] * count, 1.0
    for rank in range(count, 0, -1):
        number = order[rank - 1]
        least = min(least, values[number] * count / rank)
        adjusted[number] = least
    return adjusted


def adjust_down(values: Sequence[float]) -> list[float]:
    """
    p-values adjusted so that any false discovery has the rate, whatever the tests have to do with each other.

    Source:
        Holm (1979), "A simple sequentially rejective multiple test procedure": p_(i) (n - i + 1), made monotone from
        the smallest up.
    """
    count = len(values)
    adjusted, most = [1.0] * count, 0.0
    for rank, number in enumerate(sorted(range(count), key=lambda number: values[number])):
        most = max(most, min(values[number] * (count - rank), 1.0))
        adjusted[number] = most
    return adjusted


def adjust_up(values: Sequence[float]) -> list[float]:
    """
    The same for tests that are independent or depend positively.

    Source:
        Hochberg (1988), "A sharper Bonferroni procedure for multiple tests of significance": p_(i) (n - i + 1), made
        monotone from the largest down.
    """
    count = len(values)
    adjusted, least = [1.0] * count, 1.0
    for behind, number in enumerate(sorted(range(count), key=lambda number: values[number], reverse=True)):
        least = min(least, values[number] * (behind + 1))
        adjusted[number] = least
    return adjusted


def half_normal(count: int) -> list[float]:
    """
    Positions of *count* sorted sizes on a half-normal plot, at probability (i - 0.5) / count.

    Source:
        Daniel (1959), "Use of half-normal plots in interpreting factorial two-level experiments".
    """
    return [NormalDist().inv_cdf((1 + (number + 0.5) / count) / 2) for number in range(count)]
