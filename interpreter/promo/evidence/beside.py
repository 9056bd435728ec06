"""
Runs and a model to what lies beside it: what has to be said of the runs first, what the model leaves out, and what of
that is worth a follow-up.

Where the rest is listed it is estimated together with the model, so that none of it is in the error: that is what runs
of one row differ by, blocks taken out.  Contrasts are listed where all of them and the model can be estimated together;
where they cannot, the alias matrix says how much of each the estimates take up.

Source: Montgomery (2013), "Design and analysis of experiments", sections 6.5 and 11.2, for pure error and lack of fit;
Box & Meyer (1986), "An analysis for unreplicated fractional factorials", for why contrasts are looked at at all.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction

from promo.base.floats import root
from promo.base.least_squares import Blocks, Moments, Solved, solve
from promo.base.tails import t_quantile
from promo.evidence.observed import Levels, Observed
from promo.evidence.statements import CellEmpty, Name, RunsLost, SameCondition, Statement
from promo.study.coding import Coding
from promo.study.design import contrasts

Column = Sequence[int]


def said_of_runs(seen: Observed) -> Iterable[Statement]:
    """Of every host how many runs have no value, and the cells without any."""
    lacking = {cell: len(gone) for gone, cells in seen.patterns.items() for cell in cells}
    for host in dict.fromkeys(host for host, _ in seen.cells) if seen.names else ():
        cells = [cell for cell, one in enumerate(seen.cells) if one[0] == host]
        planned, lost = len(seen.names) * len(cells), sum(lacking[cell] for cell in cells)
        if lost:
            yield RunsLost(host, lost, planned)
    for cell, (host, seed) in enumerate(seen.cells) if seen.names else ():
        if lacking[cell] == len(seen.names):
            yield CellEmpty(host, seed)


def said_of_rows(corners: Observed) -> Iterable[Statement]:
    """Candidates that are one condition."""
    named: dict[Levels, list[str]] = {}
    for candidate, row in zip(corners.names, corners.rows, strict=True):
        named.setdefault(row, []).append(candidate)
    for same in named.values():
        if len(same) > 1:
            yield SameCondition(tuple(same))


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


def beside(coding: Coding, corners: Sequence[Levels], left_out: Sequence[Name], taken: Collection[Name]) -> list[Name]:
    """
    Contrasts beside the model: of two levels all others, if the rows are a whole design; else those of pairs.

    Args:
        coding: the columns.
        corners: rows that differ, without those at the centre.
        left_out: interactions of two factors that the model leaves out.
        taken: effects that it has.
    """
    named = contrasts(coding.factors, corners) if coding.plain else {}
    balanced = all(2 * column.bit_count() == len(corners) for column in named)
    if coding.plain and balanced and len(named) == len(corners) - 1:
        return [effects[0] for effects in named.values() if not any(effect in taken for effect in effects)]
    return [name for name in left_out if name not in taken]


def beyond_their_margin(
    names: Sequence[tuple[int, Name]], solved: Solved, room: int, coding: Coding, rate: Fraction
) -> list[tuple[Name, Fraction]]:
    """
    Of contrasts beside a model those beyond their margin, by what runs of one condition differ, with their sizes.

    Args:
        names: of contrasts, with the number of the column of each.
        solved: the model with these columns behind it.
        room: runs less blocks.
        coding: the columns.
        rate: of any false alarm among them.
    """
    freedom = room - solved.rank
    lost = {number for vector in solved.null for number, one in enumerate(vector) if one}
    if freedom <= 0 or not solved.residual or (lost and not coding.plain):
        return []
    spread = root(solved.residual / freedom)
    reach = t_quantile((1 + (1 - float(rate)) ** (1 / len(names))) / 2, freedom)
    found = []
    for number, name in names:
        scale = coding.scale(name)
        size, width = scale * solved.coefficients[number], root(scale**2 * solved.variances[number])
        if number not in lost and abs(float(size)) > reach * spread * width:
            found.append((name, size))
    return found
