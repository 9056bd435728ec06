"""
The space of a study: factors with the levels they may take, designs over them, neighbourhoods in it.

Levels are exact, and in declaration order.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import ClassVar

from promo.base.classes import frozen
from promo.base.fields import Remark
from promo.study.given import Level
from promo.study.places import Where, place


@frozen
class Interval:
    """Every number from *low* to *high*, both included."""

    low: Fraction
    high: Fraction

    def __contains__(self, level: object) -> bool:
        return isinstance(level, Fraction) and self.low <= level <= self.high


@frozen
class Factor:
    """Something that may differ between runs, the values it may take, and the one it takes unless told."""

    name: str
    unit: str
    domain: Interval | tuple[Level, ...]
    default: Level
    documentation: Remark
    where: Where = place()


@frozen
class Design:
    """
    A two-level design; *rows* hold +1 (high) and -1 (low) for each factor.

    A design that follows a *parent* (fold-over, semifold, completion) has the further rows only; what is estimated is
    estimated from both, and from those that the parent follows.
    """

    name: str
    factors: tuple[str, ...]
    low: tuple[Level, ...]
    high: tuple[Level, ...]
    numbers: tuple[int, ...]
    """Number of each row in standard order; a constraint leaves gaps."""
    rows: tuple[tuple[int, ...], ...]
    centre: tuple[Level, ...] | None
    """Levels at the centre, if there is one; of a factor that has no middle level its low one."""
    middles: tuple[tuple[int, ...], ...]
    """Rows at the centre: 0 for factors at their middle level, and every combination of the others."""
    words: tuple[tuple[int, tuple[str, ...]], ...]
    """Defining relation: (sign, factors whose product is that sign in every row)."""
    generators: tuple[tuple[str, tuple[int, tuple[str, ...]]], ...]
    """Factor -> the signed product of others that its column is."""
    chosen: bool
    """The generators were chosen by promo, for minimum aberration."""
    clear: tuple[tuple[str, str], ...]
    """Interactions that must be clear."""
    kind: str
    """`fraction`, `full`, `foldover`, `semifold` or `completion`."""
    parent: str | None
    resolution: int | None
    """Of the rows, together with the parent's; None for a full factorial."""
    where: Where = place()

    @property
    def points(self) -> Mapping[str, tuple[int, ...]]:
        """Candidate -> its row; at the centre factors with a middle level have a zero."""
        found = {f"{self.name}_{number}": row for number, row in zip(self.numbers, self.rows, strict=True)}
        return found | dict(zip(self._centres, self.middles, strict=True))

    @property
    def _centres(self) -> tuple[str, ...]:
        """Candidates at the centre."""
        if len(self.middles) == 1:
            return (f"{self.name}_centre",)
        return tuple(f"{self.name}_centre_{number}" for number in range(1, len(self.middles) + 1))

    @property
    def titles(self) -> Mapping[str, str]:
        """Candidate -> which row it is, in words."""
        found = {f"{self.name}_{number}": f"row {number} of {self.name}" for number in self.numbers}
        if len(self.middles) == 1:
            return found | {f"{self.name}_centre": f"centre of {self.name}"}
        numbered = enumerate(self._centres, start=1)
        return found | {name: f"centre {number} of {self.name}" for number, name in numbered}

    def levels_at(self, point: str) -> Mapping[str, Level]:
        """The varied factors' levels at a row or the centre."""
        middle = self.centre or self.low
        by_sign = zip(self.factors, middle, self.high, self.low, self.points[point], strict=True)
        return {factor: three[sign] for factor, *three, sign in by_sign}

    @property
    def full_regular(self) -> bool:
        """Whether the rows are a whole fraction or factorial, as laid out."""
        return self.kind in ("fraction", "full") and self.numbers == tuple(range(1, len(self.rows) + 1))


def lineage(design: Design, designs: Mapping[str, Design]) -> tuple[Design, ...]:
    """A design behind those that it follows, the first of them first: what is estimated is estimated from all."""
    found = [design]
    while found[0].parent is not None:
        found.insert(0, designs[found[0].parent])
    return tuple(found)


@frozen
class Array:
    """A design whose factors may have more than two levels: an orthogonal array, every combination, or a sample."""

    name: str
    kind: str
    """`array`, `full` or `sample`."""
    factors: tuple[str, ...]
    levels: tuple[tuple[Level, ...], ...]
    """Of each factor, shape (k, any)."""
    rows: tuple[tuple[int, ...], ...]
    """Shape (n, k): which of its levels each factor has."""
    where: Where = place()

    @property
    def numbers(self) -> tuple[int, ...]:
        """Number of each row."""
        return tuple(range(1, len(self.rows) + 1))

    @property
    def points(self) -> Mapping[str, tuple[int, ...]]:
        """Candidate -> its row, of levels numbered from 1, since a row with a 0 is one at the centre."""
        return {f"{self.name}_{number}": tuple(one + 1 for one in row) for number, row in enumerate(self.rows, start=1)}

    @property
    def titles(self) -> Mapping[str, str]:
        """Candidate -> which row it is, in words."""
        return {f"{self.name}_{number}": f"row {number} of {self.name}" for number in self.numbers}

    def levels_at(self, point: str) -> Mapping[str, Level]:
        """The varied factors' levels at a row."""
        row = self.rows[int(point.rpartition("_")[2]) - 1]
        return {factor: levels[number] for factor, levels, number in zip(self.factors, self.levels, row, strict=True)}


@frozen
class Trend:
    """A factor of numbers, whose effect is a trend over its levels, or over their logarithms."""

    TAG: ClassVar = "trend"

    factor: str
    log: bool


@frozen
class Against:
    """A factor whose other levels are each held against one of them."""

    TAG: ClassVar = "against"

    factor: str
    level: Level


Comparing = Trend | Against


@frozen
class Neighbourhood:
    """Conditions that differ from others in one factor."""

    name: str
    of: str
    """A cohort, or a gate whose promoted are meant."""
    gate: bool
    levels: tuple[tuple[str, tuple[Level, ...]], ...]
    """Factor -> the levels it takes in neighbours."""
    near: Mapping[str, tuple[str, ...]]
    """Candidate that may stand in the middle -> its neighbours, as candidates."""
    where: Where = place()

    def of_any(self, middles: Iterable[str]) -> tuple[str, ...]:
        """Neighbours of some candidates, each once."""
        return tuple(dict.fromkeys(name for middle in middles for name in self.near.get(middle, ())))
