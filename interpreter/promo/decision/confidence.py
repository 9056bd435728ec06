"""
Tests and rankings of many studies at once, in arrays; the last axis of differences is cells.

The bounds of Student's t and of a known sigma are formulas.  Permutation tests are counted: every assignment of signs
for sign flips, and the distribution of the positive rank sum for signed ranks.  What floats cannot settle by
themselves, tied sizes and zeros among signed ranks, goes through the exact test, row by row.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from promo.base.tails import t_quantile
from promo.decision.stats import wilcoxon_p
from promo.study.judgement import Bound, BoundKind, Method, Test

Floats: TypeAlias = NDArray[Any]
Bools: TypeAlias = NDArray[Any]

FLIPPED = 12
"""Most cells whose sign assignments are all counted for every study."""
CHUNK = 4_000_000
"""Most sums held at a time."""
NEAR = 1e-12
"""Relative difference below which two sums of the same numbers are one."""


def counted(test: Test, cells: int) -> bool:
    """Whether a test over so many cells is made in arrays."""
    return test.method is not Method.SIGN_FLIP or cells <= FLIPPED


def speaks(test: Test, differences: Floats, bound: Bound) -> Bools:
    """
    Where a one-sided demand for confidence is met.

    Args:
        test: the test.
        differences: shape (..., cells), in the measure's unit.
        bound: at most or at least.
    """
    below = bound.kind is BoundKind.AT_MOST
    limit = float(bound.value)
    if test.method in (Method.T, Method.SIGMA):
        mean, reach = differences.mean(axis=-1), reaches(test, differences)
        room = limit - mean - reach if below else mean - reach - limit
        return np.asarray(room >= -NEAR * (np.abs(mean) + abs(limit)))
    shifted = differences - limit if below else limit - differences
    rows = shifted.reshape(-1, shifted.shape[-1])
    found = _flips(rows, test) if test.method is Method.SIGN_FLIP else _ranks(rows, test)
    return found.reshape(shifted.shape[:-1])


def reaches(test: Test, differences: Floats) -> Floats:
    """
    How far a one-sided bound lies from the mean of each row of differences.

    Args:
        test: Student's t, or a known sigma.
        differences: shape (..., cells), in the measure's unit; at least two cells for t.

    Returns:
        Shape (...), in the measure's unit.
    """
    count = differences.shape[-1]
    if test.method is Method.SIGMA:
        assert test.sigma is not None
        reach = NormalDist().inv_cdf(float(test.confidence)) * float(test.sigma) * math.sqrt(2 / count)
        return np.full(differences.shape[:-1], reach)
    spread = differences.std(axis=-1, ddof=1) / math.sqrt(count)
    return np.asarray(t_quantile(float(test.confidence), count - 1) * spread)


def _flips(rows: Floats, test: Test) -> Bools:
    """Where the share of sign assignments with a sum as small as the observed one is small enough; shape (rows,)."""
    cells = rows.shape[1]
    most = math.floor((1 - test.confidence) * 2**cells)
    # One half of the assignments: those that leave the last cell as it is; the other half has the opposite sums.
    signs = 1.0 - 2.0 * ((np.arange(2 ** (cells - 1))[:, None] >> np.arange(cells)) & 1)  # (assignments, cells)
    found: Bools = np.zeros(len(rows), dtype=np.bool_)
    # A sum that is not negative is reached by half of all assignments or more, and no confidence is below one half.
    (negative,) = np.nonzero(rows.sum(axis=1) < 0)
    step = max(1, CHUNK // len(signs))
    for start in range(0, len(negative), step):
        places = negative[start : start + step]
        part = rows[places]
        sums = part @ signs.T  # (rows, assignments)
        observed = part.sum(axis=1, keepdims=True) + NEAR * np.abs(part).sum(axis=1, keepdims=True)
        # The other half has the opposite sums, and a sum is as small as the observed one in one of both at most.
        found[places] = np.count_nonzero(np.abs(sums) >= -observed, axis=1) <= most
    return found


def _ranks(rows: Floats, test: Test) -> Bools:
    """Where the positive rank sum is small enough; shape (rows,)."""
    cells = rows.shape[1]
    critical = rank_sum_limit(cells, 1 - test.confidence)
    sizes = np.abs(rows)
    order = np.argsort(sizes, axis=1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, cells + 1)[None, :], axis=1)
    found = (ranks * (rows > 0)).sum(axis=1) <= critical
    ordered = np.take_along_axis(sizes, order, axis=1)
    tied = (ordered[:, 0] == 0) | (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    for place in np.flatnonzero(tied):
        found[place] = wilcoxon_p([Fraction(float(one)) for one in rows[place]]) <= 1 - test.confidence
    return np.asarray(found)


def rank_sum_limit(cells: int, level: Fraction) -> int:
    """
    Largest positive rank sum of *cells* signed ranks that is significant at a one-sided level; -1 where none is.

    Source:
        Wilcoxon (1945): every subset of the ranks is as likely to be positive.
    """
    ways = [1] + [0] * (cells * (cells + 1) // 2)
    for rank in range(1, cells + 1):
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    most, total, limit = math.floor(level * 2**cells), 0, -1
    for value, count in enumerate(ways):
        total += count
        if total > most:
            break
        limit = value
    return limit


def agree(rankings: Sequence[tuple[Floats, Bools]], bound: float) -> Bools:
    """
    Where every two rankings agree, by Kendall's tau-b over those who are in both.

    Args:
        rankings: what candidates are ranked by and who is there, both of shape (studies, candidates).
        bound: least agreement.

    Returns:
        Shape (studies,); a ranking in which everything is tied reaches nothing.
    """
    reached: Bools = np.ones(len(rankings[0][0]), dtype=np.bool_)
    for (one, in_one), (other, in_other) in combinations(rankings, 2):
        both = in_one & in_other
        score, untied_one, untied_other = (np.zeros(len(one)) for _ in range(3))
        for first, second in combinations(range(one.shape[1]), 2):
            there = both[:, first] & both[:, second]
            a = np.sign(one[:, first] - one[:, second]) * there
            b = np.sign(other[:, first] - other[:, second]) * there
            score += a * b
            untied_one += a != 0
            untied_other += b != 0
        defined = (untied_one > 0) & (untied_other > 0)
        reached &= defined & (score >= bound * np.sqrt(untied_one * untied_other) - 1e-9)
    return reached
