"""
Evidence to whole numbers: the values of a design's rows, all in one unit, and their sums as least squares need them.

Values are decimal text, so over a power of ten they are whole numbers, and sums of them are exact at the speed of the
interpreter's own loops.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import compress, repeat
from math import lcm
from operator import gt, lt, mul

from promo.base.canonical import from_exact
from promo.base.classes import field, frozen
from promo.base.least_squares import Blocks, Moments
from promo.evidence.values import Evidence

Levels = tuple[int, ...]
"""A row of the design: -1 and +1, and zeros at the centre; or of more levels, their numbers from 1."""

NONE: frozenset[int] = frozenset()


@frozen
class Observed:
    """Candidates that are rows of a design, with a value or none in every cell."""

    names: tuple[str, ...]
    rows: tuple[Levels, ...]
    """Of each candidate; shape (candidates, factors)."""
    cells: tuple[tuple[str, int], ...]
    values: tuple[Sequence[int], ...]
    """In units, shape (candidates, cells); zero where there is none."""
    absent: tuple[frozenset[int], ...]
    """For each candidate the cells where it has no value."""
    unit: int
    """So many units make one."""
    stages: tuple[int, ...]
    """Of each cell, where those of several stages are put together; else all zero."""
    patterns: Mapping[frozenset[int], Sequence[int]] = field(init=False)
    """Candidates without a value -> the cells that lack just these."""

    @patterns.default
    def _patterns(self) -> Mapping[frozenset[int], Sequence[int]]:
        lacking: dict[int, list[int]] = {}
        for number, cells in enumerate(self.absent):
            for cell in cells:
                lacking.setdefault(cell, []).append(number)
        found: dict[frozenset[int], list[int]] = {}
        if len(lacking) < len(self.cells):
            found[frozenset()] = [cell for cell in range(len(self.cells)) if cell not in lacking]
        for cell, numbers in sorted(lacking.items()):
            found.setdefault(frozenset(numbers), []).append(cell)
        return found

    @cached_property
    def totals(self) -> Sequence[int]:
        """Sum of each cell."""
        return list(map(sum, zip(*self.values, strict=True))) if self.values else [0] * len(self.cells)

    @property
    def runs(self) -> int:
        """Values there are."""
        return len(self.names) * len(self.cells) - sum(map(len, self.absent))

    @cached_property
    def squares(self) -> int:
        """Sum of all squared values."""
        return sum(sum(map(mul, values, values)) for values in self.values)

    def mean(self) -> Fraction | None:
        """Mean of all values there are."""
        return Fraction(sum(map(sum, self.values)), self.runs * self.unit) if self.runs else None

    def only(self, chosen: Sequence[bool]) -> "Observed":
        """Some of the candidates."""
        if all(chosen):
            return self
        return Observed(
            tuple(compress(self.names, chosen)),
            tuple(compress(self.rows, chosen)),
            self.cells,
            tuple(compress(self.values, chosen)),
            tuple(compress(self.absent, chosen)),
            self.unit,
            self.stages,
        )

    def gained(self, later: "Observed") -> "Observed":
        """What each run gained until a later stage, for runs that have a value at both; a run is its cell's."""
        at = {cell: number for number, cell in enumerate(later.cells)}
        cells = tuple(cell for cell in self.cells if cell in at)
        mine = [number for number, cell in enumerate(self.cells) if cell in at]
        theirs = [at[cell] for cell in cells]
        unit, rows = lcm(self.unit, later.unit), {name: place for place, name in enumerate(later.names)}
        names, values, absent = [], [], []
        for place, name in enumerate(self.names):
            other = rows.get(name)
            if other is None:
                continue
            lacking = frozenset(
                number
                for number, (one, two) in enumerate(zip(mine, theirs, strict=True))
                if one in self.absent[place] or two in later.absent[other]
            )
            times, before, after = (unit // self.unit, unit // later.unit), self.values[place], later.values[other]
            values.append(
                [
                    0 if number in lacking else times[1] * after[two] - times[0] * before[one]
                    for number, (one, two) in enumerate(zip(mine, theirs, strict=True))
                ]
            )
            names.append(place)
            absent.append(lacking)
        return Observed(
            tuple(self.names[place] for place in names),
            tuple(self.rows[place] for place in names),
            cells,
            tuple(values),
            tuple(absent),
            unit,
            tuple(self.stages[number] for number in mine),
        )

    def hosts(self) -> "dict[str, Observed]":
        """The runs of each host, for hosts that have one; in the order in which candidates have a value there."""
        first: dict[str, tuple[int, int]] = {}
        places: dict[str, list[int]] = {}
        for cell, (host, _) in enumerate(self.cells):
            places.setdefault(host, []).append(cell)
        for host, cells in places.items():
            there = ((n, c) for n, absent in enumerate(self.absent) for c in cells if c not in absent)
            if (found := next(there, None)) is not None:
                first[host] = found
        return {host: self._at(places[host]) for host in sorted(first, key=lambda one: first[one])}

    def _at(self, cells: Sequence[int]) -> "Observed":
        if len(cells) == len(self.cells):
            return self
        place = {cell: number for number, cell in enumerate(cells)}
        return Observed(
            self.names,
            self.rows,
            tuple(self.cells[cell] for cell in cells),
            tuple([values[cell] for cell in cells] for values in self.values),
            tuple(frozenset(place[cell] for cell in absent if cell in place) for absent in self.absent),
            self.unit,
            tuple(self.stages[cell] for cell in cells),
        )


def observe(evidence: Evidence, points: Mapping[str, Levels]) -> Observed:
    """
    The values of the candidates that are rows of a design.

    Args:
        evidence: a stage's table; its rows have their cells in the stage's order.
        points: candidate -> its row.
    """
    rows = [row for row in evidence.rows if row.candidate in points]
    names = tuple(row.candidate for row in rows)
    texts, absent = [], []
    for row in rows:
        there = [cell.value for cell in row.cells]
        absent.append(frozenset(number for number, text in enumerate(there) if text is None) if None in there else NONE)
        texts.append([text or "0" for text in there])
    values, unit = _whole(texts)
    rows_of, alone = tuple(points[name] for name in names), (0,) * len(evidence.cells)
    return Observed(names, rows_of, evidence.cells, values, tuple(absent), unit, alone)


def pool(some: Sequence[Observed]) -> Observed:
    """What was seen at several stages as one; a candidate has no value in the cells of a stage that it is not at."""
    unit = lcm(*(one.unit for one in some))
    points = {name: row for one in some for name, row in zip(one.names, one.rows, strict=True)}
    values: dict[str, list[int]] = {name: [] for name in points}
    absent: dict[str, list[int]] = {name: [] for name in points}
    done = 0
    for one in some:
        here = {name: place for place, name in enumerate(one.names)}
        for name in points:
            place = here.get(name)
            if place is None:
                values[name] += [0] * len(one.cells)
                absent[name] += range(done, done + len(one.cells))
            else:
                values[name] += [value * (unit // one.unit) for value in one.values[place]]
                absent[name] += sorted(done + cell for cell in one.absent[place])
        done += len(one.cells)
    return Observed(
        tuple(points),
        tuple(points.values()),
        tuple(cell for one in some for cell in one.cells),
        tuple(values.values()),
        tuple(map(frozenset, absent.values())),
        unit,
        tuple(number for number, one in enumerate(some) for _ in one.cells),
    )


def _whole(texts: Sequence[Sequence[str]]) -> tuple[tuple[list[int], ...], int]:
    """Decimal texts as whole numbers of one unit, and how many of it make one."""
    try:
        parts = [_digits(some) for some in texts]
    except ValueError:  # a power of ten behind an `e`, or a fraction
        exact = [[from_exact(text) for text in some] for some in texts]
        unit = lcm(*{one.denominator for some in exact for one in some})
        return tuple([one.numerator * (unit // one.denominator) for one in some] for some in exact), unit
    places = max((max(behind, default=0) for _, behind in parts), default=0)
    powers = [10 ** (places - one) for one in range(places + 1)]
    return tuple(list(map(mul, whole, map(powers.__getitem__, behind))) for whole, behind in parts), 10**places


def _digits(texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """All digits of each text as one whole number, and how many of them stand behind the point."""
    pointed = [text if "." in text else text + "." for text in texts]
    whole = list(map(int, map(str.replace, pointed, repeat("."), repeat(""))))
    return whole, [len(text) - text.find(".") - 1 for text in pointed]


def moments(parts: Sequence[Observed], rows: Sequence[Levels], block: Iterable[str]) -> Moments:
    """
    Sums over runs; a run's kind is the part and the row that it is of.

    Args:
        parts: the runs, host by host.
        rows: the r rows that differ; kind p r + n is row n of part p.
        block: what a block has in common: of `host`, `seed` and `stage` none, some or all.
    """
    place = {row: number for number, row in enumerate(rows)}
    counts, sums = [0] * (len(parts) * len(rows)), [0] * (len(parts) * len(rows))
    for number, part in enumerate(parts):
        for row, values, absent in zip(part.rows, part.values, part.absent, strict=True):
            counts[number * len(rows) + place[row]] += len(values) - len(absent)
            sums[number * len(rows) + place[row]] += sum(values)
    kinds = {
        (number, gone): Counter(number * len(rows) + place[row] for one, row in enumerate(part.rows) if one not in gone)
        for number, part in enumerate(parts)
        for gone in part.patterns
    }
    blocks = _cells(parts, kinds) if {*block} >= _cell_of(parts) else _larger(parts, kinds, {*block})
    return Moments(counts, sums, sum(part.squares for part in parts), tuple(one for one in blocks if one.counts))


def _cell_of(parts: Sequence[Observed]) -> set[str]:
    """What tells cells apart: by host and seed, and by stage where there are several."""
    several = any(number for part in parts for number in part.stages)
    return {"host", "seed", "stage"} if several else {"host", "seed"}


Kinds = Mapping[tuple[int, frozenset[int]], Counter[int]]
"""Part and candidates without a value -> kinds of the runs of a cell."""


def _cells(parts: Sequence[Observed], kinds: Kinds) -> Iterable[Blocks]:
    for (number, gone), counts in kinds.items():
        cells = parts[number].patterns[gone]
        yield Blocks(counts, [parts[number].totals[cell] for cell in cells])


def _larger(parts: Sequence[Observed], kinds: Kinds, block: set[str]) -> Iterable[Blocks]:
    """Blocks of several cells: those of a host, those of a seed, or all."""
    made: dict[tuple[object, ...], tuple[Counter[tuple[int, frozenset[int]]], list[int]]] = {}
    for number, gone in kinds:
        for cell in parts[number].patterns[gone]:
            said = {"host": number, "seed": parts[number].cells[cell][1], "stage": parts[number].stages[cell]}
            key = tuple(said[name] for name in sorted(block))
            there, totals = made.setdefault(key, (Counter(), []))
            there[number, gone] += 1
            totals.append(parts[number].totals[cell])
    alike: dict[frozenset[object], tuple[Counter[int], list[int]]] = {}
    for there, totals in made.values():
        same = frozenset(there.items())
        if same not in alike:
            counts: Counter[int] = Counter()
            for pattern, times in there.items():
                for kind, count in kinds[pattern].items():
                    counts[kind] += times * count
            alike[same] = counts, []
        alike[same][1].append(sum(totals))
    return [Blocks(counts, totals) for counts, totals in alike.values()]


class Signs:
    """In how many cells the runs alone say the same of an effect."""

    def __init__(self, seen: Observed) -> None:
        self.rows = seen.rows
        self.parts: list[tuple[dict[int, Sequence[int]], Sequence[int]]] = []
        """Candidates with their values, and the totals, of the cells that have values of the same candidates."""
        for gone, cells in seen.patterns.items():
            every = len(cells) == len(seen.cells)
            there = {
                number: values if every else [values[cell] for cell in cells]
                for number, values in enumerate(seen.values)
                if number not in gone
            }
            if there:
                self.parts.append((there, seen.totals if every else [seen.totals[cell] for cell in cells]))
        self.cells = sum(len(totals) for _, totals in self.parts)
        self.shares: dict[tuple[int, int, bool], list[int]] = {}

    def agreement(self, column: Mapping[Levels, int], value: Fraction) -> tuple[int, int]:
        """
        Cells whose plain contrast has the sign of an estimate, of how many that have one.

        Args:
            column: row -> the effect there.
            value: the estimate.
        """
        same = known = 0
        for part, (values, totals) in enumerate(self.parts):
            groups: dict[int, list[Sequence[int]]] = {}
            for number, some in values.items():
                groups.setdefault(column[self.rows[number]], []).append(some)
            if len(groups) < 2:
                continue
            known += len(totals)
            if not value:
                continue
            if len(groups) == 2:
                # mean(fewer) > mean(all) where n sum(fewer) > n_fewer total, so where sum(fewer) > n_fewer total / n.
                high = len(groups[max(groups)]) <= len(groups[min(groups)])
                fewer, up = groups[max(groups) if high else min(groups)], (value > 0) is high
                shares = self._shares(part, len(fewer), up)
                same += sum(map(gt if up else lt, map(sum, zip(*fewer, strict=True)), shares))
            else:
                same += _agreeing(groups, totals, positive=value > 0)
        return same, known

    def _shares(self, part: int, high: int, down: bool) -> list[int]:
        """Each cell's total times the share of runs that are high, rounded down or up."""
        key = part, high, down
        if key not in self.shares:
            values, totals = self.parts[part]
            count, sign = len(values), 1 if down else -1
            self.shares[key] = [sign * (sign * high * total // count) for total in totals]
        return self.shares[key]


def _agreeing(groups: Mapping[int, Sequence[Sequence[int]]], totals: Sequence[int], *, positive: bool) -> int:
    """Cells in which a column of more than two numbers has one sign; *groups* are the values where it has each."""
    base = max(groups, key=lambda code: len(groups[code]))
    count = sum(map(len, groups.values()))
    shift = sum((code - base) * len(some) for code, some in groups.items())
    # The column less its mean times the values: n sum of (code - base) y against the sum of (code - base) times total.
    parts = [(count * (code - base), some) for code, some in groups.items() if code != base]
    if not positive:
        parts, shift = [(-times, some) for times, some in parts], -shift
    (first, one), (second, two), *rest = ((times, map(sum, zip(*some, strict=True))) for times, some in parts)
    if not rest:
        triples = zip(one, two, totals, strict=True)
        return sum([first * x + second * y > shift * total for x, y, total in triples])
    found = [first * x + second * y for x, y in zip(one, two, strict=True)]
    for times, more in rest:
        found = [x + times * y for x, y in zip(found, more, strict=True)]
    return sum(map(gt, found, [shift * total for total in totals]))
