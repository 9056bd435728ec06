"""
Statistics over cells.

Means, gaps, ranks and permutation tests are exact: values are rationals, so no order of adding them changes a digit.
Quantiles of the t distribution and square roots are floats; what is stored of them is rounded to six digits, far
coarser than any difference between machines.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from statistics import NormalDist
from typing import assert_never

from promo.base.canonical import exact_sum
from promo.base.floats import nearest, root
from promo.base.tails import t_quantile
from promo.study.judgement import Statistic


def summarise(values: Sequence[Fraction], statistic: Statistic, *, lower_is_better: bool) -> Fraction:
    """
    One number for a candidate's cells.

    Args:
        values: shape (cells,), in the measure's unit; at least one.
        statistic: mean, median or worst.
        lower_is_better: direction of the measure; it decides which value is the worst.

    Returns:
        The statistic, exact; the median of an even number of values is the mean of the middle two.

    Raises:
        ValueError: no values, or a statistic that gives no single number.
    """
    if not values:
        raise ValueError("a statistic needs at least one value")
    match statistic:
        case Statistic.MEAN:
            return exact_sum(values) / len(values)
        case Statistic.MEDIAN:
            ordered = sorted(values)
            middle = len(ordered) // 2
            if len(ordered) % 2:
                return ordered[middle]
            return (ordered[middle - 1] + ordered[middle]) / 2
        case Statistic.WORST:
            return max(values) if lower_is_better else min(values)
        case Statistic.EVERY:
            raise ValueError("'every' gives one number per cell")
        case _:
            assert_never(statistic)


def half_width(differences: Sequence[Fraction], confidence: Fraction, sigma: Fraction | None) -> float:
    """
    How far a one-sided confidence bound lies from the mean of paired differences.

    Args:
        differences: shape (cells,), in the measure's unit; at least two unless *sigma* is given.
        confidence: one-sided, between 1/2 and 1.
        sigma: known standard deviation of a single run, in the measure's unit; None estimates the spread.

    Returns:
        Quantile times standard error, in the measure's unit: t with n - 1 degrees of freedom, or normal with standard
        error sigma x sqrt(2 / n), because each difference is of two runs.
    """
    count = len(differences)
    if sigma is not None:
        return nearest(NormalDist().inv_cdf(float(confidence)) * nearest(sigma) * math.sqrt(2 / count))
    mean = exact_sum(differences) / count
    variance = exact_sum((one - mean) ** 2 for one in differences) / (count - 1)
    return nearest(t_quantile(float(confidence), count - 1) * root(variance / count))


def sign_flip_p(differences: Sequence[Fraction]) -> Fraction:
    """
    Exact one-sided p that differences this small come from a mean of zero or more.

    Every assignment of signs is as likely; p is the share of assignments whose sum is at most the observed one.

    Args:
        differences: shape (cells,), at most some twenty.

    Source:
        Fisher (1935), "The design of experiments", section 21.
    """
    numbers = _integers(differences)
    observed = sum(numbers)
    left, right = _sign_sums(numbers[::2]), sorted(_sign_sums(numbers[1::2]))
    count = sum(bisect_right(right, observed - one) for one in left)
    return Fraction(count, 2 ** len(numbers))


def _integers(values: Sequence[Fraction]) -> list[int]:
    """The same values on a common denominator."""
    scale = math.lcm(*(value.denominator for value in values)) if values else 1
    return [int(value * scale) for value in values]


def _sign_sums(numbers: Sequence[int]) -> list[int]:
    sums = [0]
    for number in numbers:
        sums = [total + sign * number for total in sums for sign in (1, -1)]
    return sums


def wilcoxon_p(differences: Sequence[Fraction]) -> Fraction:
    """
    Exact one-sided p of the signed-rank test that the median is zero or more.

    Zeros are left out and tied sizes share their mean rank; the distribution is counted for the ranks as they are.

    Args:
        differences: shape (cells,).

    Returns:
        Probability of a positive rank sum as small as the observed one; 1 when nothing differs from zero.

    Source:
        Wilcoxon (1945); Pratt & Gibbons (1981) for ties.
    """
    sizes = sorted((abs(one), one > 0) for one in differences if one)
    if not sizes:
        return Fraction(1)
    doubled: list[int] = []
    place = 0
    while place < len(sizes):
        end = place
        while end < len(sizes) and sizes[end][0] == sizes[place][0]:
            end += 1
        doubled += [place + 1 + end] * (end - place)  # twice the mean of ranks place + 1 to end
        place = end
    observed = sum(rank for rank, (_, positive) in zip(doubled, sizes, strict=True) if positive)
    ways = [1] + [0] * sum(doubled)
    for rank in doubled:
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    return Fraction(sum(ways[: observed + 1]), 2 ** len(doubled))


def spearman(first: Sequence[Fraction], second: Sequence[Fraction]) -> tuple[int, int, int]:
    """
    Spearman's coefficient between two rankings, in whole numbers; equal values share the middle of their ranks.

    Args:
        first: shape (candidates,).
        second: shape (candidates,), of the same candidates.

    Returns:
        (sum of products, sum of squares of *first*, sum of squares of *second*), each of ranks less their mean, which
        are counted in halves; the coefficient is the first divided by the square root of the product of the others,
        and a ranking in which everything is tied has none.

    Source:
        Kendall & Gibbons (1990), Rank Correlation Methods, sections 1.14 and 3.9.
    """
    one, other = (
        [sum(_sign(value - rival) for rival in values) for value in values]  # twice the rank less its mean
        for values in (first, second)
    )
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product, sum(a * a for a in one), sum(b * b for b in other)


def tau_b(first: Sequence[Fraction], second: Sequence[Fraction]) -> tuple[int, int, int]:
    """
    Kendall's tau-b between two rankings, in whole numbers.

    Args:
        first: shape (candidates,).
        second: shape (candidates,), of the same candidates.

    Returns:
        (concordant - discordant pairs, pairs not tied in *first*, pairs not tied in *second*); tau-b is the first
        divided by the square root of the product of the others.

    Source:
        Kendall (1945), "The treatment of ties in ranking problems".
    """
    score = untied_first = untied_second = 0
    for one in range(len(first)):
        for other in range(one):
            a, b = _sign(first[one] - first[other]), _sign(second[one] - second[other])
            score += a * b
            untied_first += a != 0
            untied_second += b != 0
    return score, untied_first, untied_second


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


def tau_is_at_least(parts: tuple[int, int, int], bound: Fraction) -> bool:
    """Whether tau-b reaches a bound, without taking a root; a ranking in which everything is tied reaches nothing."""
    score, first, second = parts
    if not first or not second:
        return False
    if bound <= 0:
        return score >= 0 or score * score <= bound * bound * first * second
    return score > 0 and score * score >= bound * bound * first * second


def sampled_interval(found: int, drawn: int, total: int, confidence: Fraction) -> tuple[int, int]:
    """
    Exact interval for how many of a finite group have a property, from a sample without replacement.

    Args:
        found: how many of the sample have it.
        drawn: size of the sample, at least 1.
        total: size of the group.
        confidence: two-sided, each tail at most half of the rest.

    Returns:
        Fewest and most of the group that the sample does not speak against; the hypergeometric counterpart of
        Clopper & Pearson's interval, which is its limit for a large group.

    Raises:
        ValueError: the numbers are not those of a sample.

    Source:
        Clopper & Pearson (1934), Biometrika 26; Buonaccorsi (1987), The American Statistician 41, for finite groups.
    """
    if not 0 <= found <= drawn <= total or not drawn:
        raise ValueError(f"{found} of {drawn} from {total} is no sample")
    tail = (1 - confidence) / 2
    every = math.comb(total, drawn)

    def ways(number: int, low: int, high: int) -> int:
        return sum(math.comb(number, x) * math.comb(total - number, drawn - x) for x in range(low, high + 1))

    possible = range(found, total - drawn + found + 1)
    fewest = next(number for number in possible if Fraction(ways(number, found, drawn), every) > tail)
    most = next(number for number in reversed(possible) if Fraction(ways(number, 0, found), every) > tail)
    return fewest, most
