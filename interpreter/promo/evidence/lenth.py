"""
Values of one run a condition to an error: Lenth's pseudo standard error over all contrasts within blocks.

Where every condition ran once, nothing is left that is error alone.  But of all contrasts between the rows few are
active, so the small ones tell how far an effect that is none strays.  In several blocks the contrasts that differ
between blocks are left out.

Contrasts of more than two levels have errors of several sizes.  Where the model takes all degrees of freedom and its
columns are orthogonal, each is divided by its own error for a run of standard deviation one; then they have one.

Source: Lenth (1989), "Quick and easy analysis of unreplicated factorials", Technometrics 31.
"""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from statistics import median

from promo.base.canonical import exact_sum
from promo.base.classes import frozen
from promo.base.least_squares import Moments, Solved, solve
from promo.base.tails import t_quantile
from promo.evidence.statements import LenthError, Name, PartOfDesign, Statement, TooFewContrasts
from promo.study.design import contrasts

Row = tuple[int, ...]
FEWEST = 3
"""Contrasts that have a median to speak of."""
ALONE = Fraction(1, 10**12)
"""By so small a share of its own a column's variance may grow beside others that count as orthogonal to it."""


@frozen
class Contrasts:
    """The error, its degrees of freedom, both margins, and every contrast with its size, smallest first."""

    pse: float
    freedom: float
    margin: float
    simultaneous: float
    sizes: tuple[tuple[Name, Fraction], ...]


def lenth(
    factors: Sequence[str], values: Mapping[Row, Fraction], blocks: Sequence[Sequence[Row]], rate: float
) -> tuple[Contrasts | None, Statement]:
    """
    Lenth's error, and what is to be said of it; None where contrasts are not all there, or too few of them are small.

    Args:
        factors: the k factors.
        values: row -> its one value, shape of a row (k,).
        blocks: the rows of every block.
        rate: of false alarms, for the margins.
    """
    rows = list(values)
    within = contrasts_within(factors, rows, blocks)
    if within is None:
        return None, PartOfDesign()
    found = []
    for name, signs in within:
        total = exact_sum(sign * values[row] for sign, row in zip(signs, rows, strict=True))
        found.append((name, 2 * total / len(rows)))
    return pseudo_error(found, rate)


def contrasts_within(
    factors: Sequence[str], rows: Sequence[Row], blocks: Sequence[Sequence[Row]]
) -> list[tuple[Name, list[int]]] | None:
    """
    Every contrast between rows that no difference between blocks enters, with its signs; None: not all are there.

    Args:
        factors: the k factors.
        rows: each once.
        blocks: the rows of every block.
    """
    found = []
    for effects in contrasts(factors, rows).values():
        places = [factors.index(factor) for factor in effects[0]]
        signs = {row: math.prod(row[place] for place in places) for row in rows}
        if not any(sum(signs[row] for row in block) for block in blocks):
            found.append((effects[0], list(signs.values())))
    return found if len(found) == len(rows) - len(blocks) else None


def orthogonal(columns: Sequence[Sequence[int]], moments: Moments, solved: Solved) -> bool:
    """
    Whether every column is estimated as if it were alone, as far as columns are exact.

    Args:
        columns: of the model, over kinds.
        moments: of the runs.
        solved: the model.
    """
    if solved.null:
        return False
    alone = (solve([column], moments).variances[0] for column in columns)
    return all(other - one <= ALONE * one for one, other in zip(alone, solved.variances, strict=True))


def pseudo_error(found: Sequence[tuple[Name, Fraction]], rate: float) -> tuple[Contrasts | None, Statement]:
    """
    Lenth's error of contrasts that have one error, and what is to be said of it; None where too few of them are small.

    Args:
        found: every contrast with its size.
        rate: of false alarms, for the margins.
    """
    sizes = [abs(float(size)) for _, size in found]
    first = 1.5 * median(sizes) if sizes else 0.0
    small = [size for size in sizes if size < 2.5 * first]
    if len(sizes) < FEWEST or not small or not median(small):
        return None, TooFewContrasts()
    pse, freedom = 1.5 * median(small), len(sizes) / 3
    ordered = sorted(found, key=lambda one: (abs(float(one[1])), " * ".join(one[0])))
    return (
        Contrasts(
            pse=pse,
            freedom=freedom,
            margin=t_quantile(1 - rate / 2, freedom) * pse,
            simultaneous=t_quantile((1 + (1 - rate) ** (1 / len(sizes))) / 2, freedom) * pse,
            sizes=tuple(ordered),
        ),
        LenthError(len(sizes)),
    )
