"""
Runs and a model to what the model leaves out: which contrasts can be listed beside it, and the error of repeated runs.

Where the rest is listed it is estimated together with the model, so that none of it is in the error: that is what runs
of one row differ by, blocks taken out.  Contrasts are listed where all of them and the model can be estimated together;
where they cannot, the alias matrix says how much of each the estimates take up.

Source: Montgomery (2013), "Design and analysis of experiments", sections 6.5 and 11.2, for pure error and lack of fit.
"""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from promo.base.least_squares import Blocks, Moments, solve

Column = Sequence[int]


def listed_beside(model: Sequence[Column], others: Sequence[Column], moments: Moments) -> list[int]:
    """
    Which columns can be estimated beside a model, by their numbers; none where that would cost an effect of the model.

    Args:
        model: shape (p, kinds).
        others: shape (any, kinds).
        moments: of the runs.
    """
    solved = solve([*model, *others], moments, variances=False)
    lost = {number for vector in solved.null for number, one in enumerate(vector) if one}
    alone = {n for vector in solve(model, moments, variances=False).null for n, one in enumerate(vector) if one}
    if any(number < len(model) and number not in alone for number in lost):
        return []
    return [number for number in range(len(others)) if len(model) + number not in lost]


def pure_error(moments: Moments, rows: int) -> tuple[Fraction, int]:
    """
    What runs of the same row differ by beside their blocks: a sum of squares and its degrees of freedom.

    Args:
        moments: of the runs; the row of kind k is k modulo *rows*.
        rows: how many rows differ.
    """
    blocks = [(Counter[int](), total) for some in moments.blocks for total in some.totals]
    counts = [some.counts for some in moments.blocks for _ in some.totals]
    for (of_rows, _), kinds in zip(blocks, counts, strict=True):
        for kind, much in kinds.items():
            of_rows[kind % rows] += much
    there = [row for row in range(rows) if any(of_rows[row] for of_rows, _ in blocks)]
    runs = sum(moments.counts)
    if len(there) <= len(blocks):
        columns = [[int(kind % rows == row) for kind in range(len(moments.counts))] for row in there[1:]]
        solved = solve(columns, moments, variances=False)
        return solved.residual, runs - len(blocks) - solved.rank
    sums = [sum(moments.sums[row::rows]) for row in range(rows)]
    inside = tuple(
        Blocks({place: of[row] for place, (of, _) in enumerate(blocks) if of[row]}, (sums[row],)) for row in there
    )
    sizes, totals = [of.total() for of, _ in blocks], [total for _, total in blocks]
    columns = [[int(place == one) for place in range(len(blocks))] for one in range(1, len(blocks))]
    solved = solve(columns, Moments(sizes, totals, moments.squares, inside), variances=False)
    return solved.residual, runs - len(there) - solved.rank
