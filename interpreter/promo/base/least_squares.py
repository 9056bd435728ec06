"""
Sums over runs to coefficients: least squares exact, so that rank deficiency is found, not guessed.

Runs with the same regressors are of one kind, and all that least squares need of a kind is how many runs it has and
their sum.  A term for each block is projected out first (Frisch, Waugh, Lovell): of a block only its total and the
kinds of its runs matter, and blocks with the same kinds of runs share one product.  What is left is a square matrix as
wide as there are effects, of whole numbers, whatever the number of runs.

It is eliminated without fractions (Bareiss): every number on the way is a determinant, so every division comes out
even, and a column that depends on earlier ones shows as a pivot of zero.

Source: Frisch & Waugh (1933); Lovell (1963); Bareiss (1968), "Sylvester's identity and multistep integer-preserving
Gaussian elimination"; Box & Wilson (1951) for the alias matrix.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import islice, repeat
from math import lcm
from operator import mul

from promo.base.classes import frozen

Lines = list[list[int]]


@frozen
class Blocks:
    """Blocks that have the same kinds of runs."""

    counts: Mapping[int, int]
    """Kind -> how many runs of it each of these blocks has; no zeros."""
    totals: Sequence[int]
    """Sum of the values of each block."""


@frozen
class Moments:
    """What least squares need to know of runs; values are whole numbers."""

    counts: Sequence[int]
    """How many runs each kind has, shape (kinds,)."""
    sums: Sequence[int]
    """Sum of the values of each kind, shape (kinds,)."""
    squares: int
    """Sum of all squared values."""
    blocks: Sequence[Blocks]


@frozen
class Solved:
    """Normal equations, solved exactly; values count in the unit of the moments."""

    coefficients: tuple[Fraction, ...]
    """Zero for columns left out."""
    variances: tuple[Fraction, ...]
    """Diagonal of the inverse; zero for columns left out."""
    rank: int
    """Of the columns beside the blocks."""
    residual: Fraction
    """Sum of squares."""
    null: tuple[tuple[Fraction, ...], ...]
    """Combinations of columns that are constant within every block."""
    gains: tuple[tuple[int, Fraction], ...]
    """Rank that each of the further sets of columns adds, and by how much the residual falls."""
    biases: tuple[tuple[Fraction, ...], ...] = ()
    """For each column that is left out of the model, how much of its effect every coefficient takes up: a row of the
    alias matrix (X'X)^-1 X'Z, zero for columns passed over."""


def solve(
    columns: Sequence[Sequence[int]],
    moments: Moments,
    *,
    variances: bool = True,
    further: Sequence[Sequence[Sequence[int]]] = (),
    omitted: Sequence[Sequence[int]] = (),
) -> Solved:
    """
    Least squares on *columns* beside a term for each block.

    Columns that depend on earlier ones and on the blocks are left out, and what they depend on is kept.

    Args:
        columns: shape (p, kinds), each column's value for every kind of run.
        moments: of the runs.
        variances: whether they are asked for.
        further: sets of columns, each of shape (any, kinds) and each added to *columns* for itself.
        omitted: columns that are not in the model, of which is asked what they would do to its coefficients.
    """
    size = len(columns)
    every = [*columns, *(column for some in further for column in some), *omitted]
    scale, lines = _normal(every, moments)
    before, left, how = _eliminate(lines, size)
    kept = [number for number in range(size) if lines[number][0]]
    known = _unknowns(lines, kept, size, left, -1)
    spread = [0] * size
    for number in kept if variances else ():
        spread[number] = _inverse(lines, before, how, left, number)
    gains, start = [], size
    for some in further:
        rank, fall = _gain(lines, range(start, start + len(some)))
        gains.append((rank, fall / (left * scale)))
        start += len(some)
    places = range(start, start + len(omitted))
    biases = (_unknowns(lines, kept, size, left, place) for place in places)
    return Solved(
        coefficients=tuple(Fraction(one, left) for one in known),
        variances=tuple(Fraction(one * scale, left) for one in spread),
        rank=len(kept),
        residual=Fraction(lines[-1][0], left * scale),
        null=tuple(_null(how[free], before[free], size) for free in range(size) if free not in kept),
        gains=tuple(gains),
        biases=tuple(tuple(Fraction(one, left) for one in some) for some in biases),
    )


def _normal(columns: Sequence[Sequence[int]], moments: Moments) -> tuple[int, Lines]:
    """A scale, and by it the upper triangle of the projected normal equations, bordered by the values."""
    sizes = [sum(some.counts.values()) for some in moments.blocks]
    scale = lcm(*sizes)
    shares = [scale // size for size in sizes]
    # One product gives a whole entry: over kinds, less that over blocks, where a column is its sum inside of a block.
    inside = [list(map(some.counts.get, range(len(moments.counts)), repeat(0))) for some in moments.blocks]
    long = [[*column, *(sum(map(mul, column, counts)) for counts in inside)] for column in columns]
    less = [-share * len(some.totals) for share, some in zip(shares, moments.blocks, strict=True)]
    weights = [*(scale * count for count in moments.counts), *less]
    less = [-share * sum(some.totals) for share, some in zip(shares, moments.blocks, strict=True)]
    values = [*(scale * one for one in moments.sums), *less]
    lines = []
    for number, column in enumerate(long):
        weighted = list(map(mul, weights, column))
        line = [sum(map(mul, weighted, other)) for other in islice(long, number, None)]
        lines.append([*line, sum(map(mul, values, column))])
    squares = (
        share * sum(map(mul, some.totals, some.totals)) for share, some in zip(shares, moments.blocks, strict=True)
    )
    return scale, [*lines, [scale * moments.squares - sum(squares)]]


def _eliminate(lines: Lines, count: int) -> tuple[list[int], int, Lines]:
    """
    Eliminate the first *count* columns in place; one that depends on earlier ones is passed over.

    Args:
        lines: upper triangle of a symmetric matrix that has no negative eigenvalue.
        count: how many columns.

    Returns:
        For each column the pivot before its turn; the last pivot; and for each column the multiples of earlier ones
        that were added to it, times the pivot before its turn.
    """
    last = 1
    before: list[int] = []
    how: Lines = [[] for _ in range(count)]
    for number in range(count):
        line, before = lines[number], [*before, last]
        pivot = line[0]
        if not pivot:
            for other in range(number + 1, count):
                how[other].append(0)
            continue
        for other in range(number + 1, len(lines)):
            factor = line[other - number]
            pairs = zip(lines[other], islice(line, other - number, None), strict=True)
            lines[other] = [(pivot * one - factor * more) // last for one, more in pairs]
            if other < count:
                pairs = zip(how[other], how[number], strict=True)
                how[other] = [(pivot * one - factor * more) // last for one, more in pairs]
                how[other].append(-factor)
        last = pivot
    return before, last, how


def _unknowns(lines: Lines, kept: Sequence[int], size: int, left: int, right: int) -> list[int]:
    """All unknowns, times the determinant *left*, where the right-hand side is the column at a place of the lines."""
    known = [0] * size
    for number in reversed(kept):
        value = lines[number][right if right < 0 else right - number]
        known[number] = _substituted(lines[number], number, left, value, known)
    return known


def _substituted(line: Sequence[int], number: int, left: int, value: int, known: Sequence[int]) -> int:
    """One unknown, times the determinant *left*, from those behind it."""
    behind: int = sum(map(mul, islice(line, 1, None), islice(known, number + 1, None)))
    return (left * value - behind) // line[0]


def _inverse(lines: Lines, before: Sequence[int], how: Lines, left: int, wanted: int) -> int:
    """A diagonal entry of the inverse, times the determinant *left*."""
    known = [0] * len(how)
    for number in range(len(how) - 1, wanted - 1, -1):
        if lines[number][0]:
            value = before[number] if number == wanted else how[number][wanted]
            known[number] = _substituted(lines[number], number, left, value, known)
    return known[wanted]


def _null(how: Sequence[int], before: int, size: int) -> tuple[Fraction, ...]:
    """The combination of columns that a pivot of zero has found."""
    found = [*(Fraction(one, before) for one in how), Fraction(1)]
    return (*found, *[Fraction(0)] * (size - len(found)))


def _gain(lines: Lines, places: range) -> tuple[int, Fraction]:
    """The rank that some columns add to those eliminated, and by how much the border falls with them."""
    if not places:
        return 0, Fraction(0)
    some = [[*(lines[one][other - one] for other in places if other >= one), lines[one][-1]] for one in places]
    some.append(list(lines[-1]))
    _, left, _ = _eliminate(some, len(places))
    return sum(1 for line in some[:-1] if line[0]), lines[-1][0] - Fraction(some[-1][0], left)
