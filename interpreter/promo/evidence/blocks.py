"""
Runs in blocks to what differs between these: an F test of the blocks' terms, how far each lies off, and their aliases.

Least squares take a term out for every block, so that whatever its runs share cancels.  What these terms explain,
beside the model, is what blocks differ by.  Where every block has all rows that difference is its own.  Where blocks
have different rows of a design, products of factors are constant within each: they are aliased with it, so that a
difference between blocks may be an effect of theirs.

Source: Montgomery (2013), "Design and analysis of experiments", chapter 7.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from promo.base.canonical import exact_sum
from promo.base.classes import frozen
from promo.base.least_squares import Blocks, Moments, Solved, solve
from promo.base.tails import f_tail, t_tails
from promo.evidence.digits import Digits
from promo.evidence.estimates import BlockShift, BlockTest
from promo.evidence.observed import Levels, Observed
from promo.evidence.statements import Name
from promo.study.design import contrasts

MOST_LISTED = 16
"""Blocks are listed one by one up to so many."""
MOST_ROWS = 128
"""Aliases of blocks are looked for in designs of up to so many rows."""

Key = tuple[str | None, int | None, int | None]
"""Host, seed, and the number of the stage, as far as blocks are told by them."""


@frozen
class Blocked:
    """Runs, and what they are compared within."""

    factors: Sequence[str]
    """Of two levels each, in the order of a row; none where a factor has more, and rows number its levels."""
    block: Sequence[str]
    """What a block has in common: of `host`, `seed` and `stage` none, some or all."""
    stages: Sequence[str]
    """By their numbers."""
    parts: Mapping[str, Observed]
    """Host -> its runs."""
    rows: Sequence[Levels]
    """The r rows that differ; kind p r + n is row n of part p."""
    moments: Moments

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return sum(len(some.totals) for some in self.moments.blocks)

    def test(
        self,
        columns: Sequence[Sequence[int]],
        solved: Solved,
        lenth: tuple[float, float] | None,
        digits: Digits,
        unit: Fraction,
    ) -> BlockTest | None:
        """
        What differs between blocks; None where there is one block or none.

        Args:
            columns: of the model, over kinds.
            solved: the model within blocks.
            lenth: the error of an effect and its degrees of freedom, where there is no other.
            digits: how numbers are kept.
            unit: so many units make one where digits are read.
        """
        if self.count < 2:
            return None
        added, f, p = self._tested(columns, solved)
        off = self._shifts(columns, solved) if self.count <= MOST_LISTED else {}
        if lenth is not None:
            f, p = _by_lenth([value / unit for value in off.values()], *lenth) or (None, None)
        return BlockTest(
            blocks=self.count,
            degrees=added,
            f=None if f is None else digits.bare(f),
            p=None if p is None else digits.bare(p),
            shifts=tuple(
                BlockShift(host, seed, None if stage is None else self.stages[stage], digits.estimate(value / unit))
                for (host, seed, stage), value in off.items()
            ),
            confounded=tuple(self._confounded()),
        )

    def _tested(self, columns: Sequence[Sequence[int]], solved: Solved) -> tuple[int, float | None, float | None]:
        """
        Degrees of freedom of the blocks' terms, F and p; no F without an error of runs.

        An effect that the blocks leave nothing of is no part of the model here, so that a difference between blocks is
        seen whether or not it may be that effect's.
        """
        moments = self.moments
        counts = {kind: count for kind, count in enumerate(moments.counts) if count}
        whole = (Blocks(counts, (sum(moments.sums),)),)
        gone = {max(number for number, one in enumerate(vector) if one) for vector in solved.null}
        kept = [column for number, column in enumerate(columns) if number not in gone]
        bare = solve(kept, Moments(moments.counts, moments.sums, moments.squares, whole), variances=False)
        added, degrees = self.count - 1, sum(moments.counts) - self.count - solved.rank
        if degrees <= 0 or not solved.residual:
            return added, None, None
        f = float((bare.residual - solved.residual) / added / (solved.residual / degrees))
        return added, f, f_tail(f, added, degrees)

    def _shifts(self, columns: Sequence[Sequence[int]], solved: Solved) -> dict[Key, Fraction]:
        """How far each block lies above the mean of all, the model taken out, in units; in the order of keys."""
        place = {row: number for number, row in enumerate(self.rows)}
        counts: dict[Key, Counter[int]] = {}
        totals: dict[Key, int] = {}
        for number, (host, part) in enumerate(self.parts.items()):
            first = number * len(self.rows)
            for gone, cells in part.patterns.items():
                kinds = Counter(first + place[row] for one, row in enumerate(part.rows) if one not in gone)
                for cell in cells if kinds else ():
                    key = self._key(host, part.cells[cell][1], part.stages[cell])
                    counts.setdefault(key, Counter()).update(kinds)
                    totals[key] = totals.get(key, 0) + part.totals[cell]
        levels = {key: (totals[key] - _fitted(solved, columns, there)) / there.total() for key, there in counts.items()}
        middle = exact_sum(levels.values()) / len(levels)
        return {key: levels[key] - middle for key in sorted(levels)}

    def _key(self, host: str, seed: int, stage: int) -> Key:
        return (
            host if "host" in self.block else None,
            seed if "seed" in self.block else None,
            stage if "stage" in self.block else None,
        )

    def _confounded(self) -> Iterator[tuple[Name, ...]]:
        """Products that are the same in every row of a block: each with all that share its column."""
        corners = [row for row in self.rows if 0 not in row]
        inside = [
            {row for kind in some.counts if 0 not in (row := self.rows[kind % len(self.rows)])}
            for some in self.moments.blocks
        ]
        if not self.factors or len(corners) > MOST_ROWS or any(len(there) == len(corners) for there in inside):
            return
        for effects in contrasts(self.factors, corners).values():
            places = [self.factors.index(factor) for factor in effects[0]]
            if all(len({sum(row[place] < 0 for place in places) % 2 for row in there}) < 2 for there in inside):
                yield tuple(effects)


def _fitted(solved: Solved, columns: Sequence[Sequence[int]], there: Mapping[int, int]) -> Fraction:
    """What the model alone adds to the sum of some runs, given as how many there are of each kind."""
    pairs = zip(solved.coefficients, columns, strict=True)
    sums = (much * sum(column[kind] * count for kind, count in there.items()) for much, column in pairs if much)
    return exact_sum(sums)


def _by_lenth(off: Sequence[Fraction], error: float, freedom: float) -> tuple[float, float] | None:
    """F and p of the difference of two blocks, by Lenth's error of an effect."""
    if len(off) != 2:
        return None
    t = float(off[1] - off[0]) / error
    return t * t, t_tails(t, freedom)
