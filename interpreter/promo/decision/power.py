"""
Effects as they are asked for, and a supposed noise, to their power: how often a real effect would be found.

Before a run is paid for, the rows, hosts and seeds of a stage say how wide the error of every effect will be, in units
of the noise, and with how many degrees of freedom that noise is estimated; so the power is that of Student's t, without
draws.  Where every condition runs once and Lenth's error takes over, it is counted (`unreplicated`).  It is that of
runs which all have a value, and whose noise is the same everywhere.

Whichever procedure a family shares its rate by, it finds an effect whenever its own p is at most the rate over the size
of the family, and never where p is above the rate.  So a test at each of these two levels bounds the power from below
and from above.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from promo.base.classes import evolve, frozen
from promo.base.floats import root
from promo.base.least_squares import Moments, Solved, solve
from promo.base.noncentral import found_with, two_sided_power
from promo.decision.unreplicated import found_by_lenth, power_by_lenth
from promo.evidence.estimates import ORDERS
from promo.evidence.lenth import FEWEST, contrasts_within, orthogonal
from promo.evidence.terms import columns_of
from promo.study.coding import Coding, coding_of, of_two, usual
from promo.study.design import Word
from promo.study.families import Rest
from promo.study.modelled import columns_in, modelled, once_each
from promo.study.space import Array, Comparing, Design, lineage
from promo.study.values import Effects, Stage, Study
from promo.study.varied import rows_of

MOST_SEEDS = 10_000
"""So many seeds are looked at for a wanted power."""
RATE = Fraction(5, 100)
"""Of effects that the spec does not ask for."""


@frozen
class Supposed:
    """What is supposed, and asked."""

    noise: float
    """Standard deviation of a run between seeds, in the metric's unit."""
    size: float | None
    """Of an effect, mean at the high level less mean at the low one; None: only the smallest that would be found."""
    wanted: float
    """Power for which seeds and sizes are sought."""
    hosts: int | None
    seeds: int | None
    """In place of the stage's."""


@frozen
class Power:
    """Of effects that have the same error."""

    chains: tuple[tuple[Word, ...], ...]
    family: bool
    """Whether they share the rate with others."""
    error: float
    """Standard error of each, in the metric's unit, as the noise makes it."""
    least: float | None
    """Power at the rate over the size of the family; None without a size or an error."""
    most: float | None
    """Power at the rate itself."""
    seeds_least: int | None
    """Seeds with which that power is as wanted; None without a size, or where `MOST_SEEDS` are not enough."""
    seeds_most: int | None
    smallest: float | None
    """Effect that is found with the wanted power at the rate; None where there is no error or no size is enough."""


@frozen
class Powers:
    """Power of everything that is estimated at one stage."""

    effects: Effects
    stages: tuple[str, ...]
    """One, or those that are estimated together; none where the spec says of no stage that effects are estimated."""
    hosts: int
    seeds: int
    runs: int
    sure: bool
    """Whether all these rows enter the stage in any case."""
    degrees: int
    """Of freedom of what runs leave over; 0 where Lenth's error is taken."""
    contrasts: int
    """Over which Lenth's error is taken; 0 where it is not."""
    family: int
    """Effects that share the rate."""
    lost: tuple[tuple[str, ...], ...]
    """Effects of the model that the rows do not separate from others."""
    found: tuple[Power, ...]


def powers(study: Study, designs: Sequence[str], supposed: Supposed) -> Iterator[Powers]:
    """Power of the effects that a study asks for of designs, stage by stage, and of those that it asks nothing of."""
    asking = [one for one in study.effects.values() if not set(designs).isdisjoint(one.designs)]
    for one in asking:
        for stages in (one.stages,) if one.pooled else ((stage,) for stage in one.stages):
            yield power_at(study, one, [study.stages[stage] for stage in stages], supposed)
    read = {name for one in asking for name in one.designs}
    every: dict[str, Design | Array] = {**study.designs, **study.arrays}
    yield from powers_unasked(every, [name for name in designs if name not in read], supposed)


def powers_unasked(every: Mapping[str, Design | Array], designs: Iterable[str], supposed: Supposed) -> Iterator[Powers]:
    """Power of the effects of designs that nothing is asked of; *every*: those too whose rows one follows."""
    of_two_levels = {name: one for name, one in every.items() if isinstance(one, Design)}
    for name in designs:
        design = every[name]
        followed = lineage(design, of_two_levels) if isinstance(design, Design) else (design,)
        effects = _unasked(design, tuple(one.name for one in followed))
        coding = of_two(design.factors) if isinstance(design, Design) else coding_of(design, effects.contrasts)
        rows = [row for one in followed for row in one.points.values()]
        yield power_of(effects, coding, [rows], supposed)


def _unasked(design: Design | Array, together: tuple[str, ...]) -> Effects:
    """Main effects, and interactions of two factors where no two of them share a column."""
    contrasts: tuple[Comparing, ...] = ()
    if isinstance(design, Design):
        pairs = design.resolution is None or design.resolution > 4
    else:
        pairs = design.kind == "full"
        some = zip(design.factors, design.levels, strict=True)
        contrasts = tuple(usual(factor, levels, levels[0]) for factor, levels in some if len(levels) > 2)
    family = "all" if pairs else "main"
    block = ("host", "seed")
    return Effects("", (), together, pairs, (), block, family, RATE, "", where={}, contrasts=contrasts)


def power_at(study: Study, effects: Effects, stages: Sequence[Stage], supposed: Supposed) -> Powers:
    """Power of effects at one stage, or at several together, with the fewest hosts and seeds of any."""
    points = rows_of(study, effects)
    entrants = [study.entrants[stage.name] for stage in stages]
    there = [[name for name in points if name in one.possible] for one in entrants]
    return power_of(
        effects,
        columns_of(study, effects).coding,
        [[points[name] for name in names] for names in there],
        supposed,
        stages,
        sure=all(one.sure.issuperset(names) for one, names in zip(entrants, there, strict=True)),
    )


def power_of(
    effects: Effects,
    coding: Coding,
    parts: Sequence[Sequence[tuple[int, ...]]],
    supposed: Supposed,
    stages: Sequence[Stage] = (),
    *,
    sure: bool = True,
) -> Powers:
    """
    Power of effects of some rows.

    Args:
        effects: model, blocks, family and rate.
        coding: the columns of effects.
        parts: the rows of each stage, or of none.
        supposed: noise, size, and the power that is wanted; hosts and seeds, where there are no stages.
        stages: that run them.
        sure: whether all these rows enter in any case.
    """
    hosts = supposed.hosts or min((len(stage.hosts) for stage in stages), default=1)
    seeds = supposed.seeds or min((len(stage.seeds) for stage in stages), default=1)
    rows = [row for part in parts for row in part]
    chains, columns, moments = chains_and_runs(effects, coding, parts)
    solved = solve(columns, moments)
    gone = {place for vector in solved.null for place, much in enumerate(vector[: len(chains)]) if much}
    kept = [place for place in range(len(chains)) if place not in gone]
    sizes = ORDERS[effects.family]
    family = [place for place in kept if len(chains[place][0][1]) in sizes]

    error = _error(effects, coding, parts, columns, moments, solved, hosts)
    alike: dict[tuple[Fraction, bool], list[tuple[Word, ...]]] = {}
    for place in kept:
        much = solved.variances[place] * coding.scale(chains[place][0][1]) ** 2
        alike.setdefault((much, place in family), []).append(chains[place])
    found = [
        _power(
            Power(tuple(some), inside, supposed.noise * root(variance), None, None, None, None, None),
            _Test(supposed, float(effects.rate), len(family) if inside else 1, error),
            seeds,
        )
        for (variance, inside), some in alike.items()
    ]
    lost = tuple(chains[place][0][1] for place in sorted(gone))
    names = tuple(stage.name for stage in stages)
    return Powers(
        effects,
        names,
        hosts,
        seeds,
        len(rows) * hosts * seeds,
        sure,
        error.degrees(seeds),
        error.contrasts if seeds == 1 else 0,
        len(family),
        lost,
        tuple(found),
    )


def _error(
    effects: Effects,
    coding: Coding,
    parts: Sequence[Sequence[tuple[int, ...]]],
    columns: Sequence[Sequence[int]],
    moments: Moments,
    solved: Solved,
    hosts: int,
) -> "_Error":
    """What the effects would be tested against."""
    rows, rest = [row for part in parts for row in part], effects.rest
    rank = _rank_of_rows(parts) if rest is Rest.LISTED else solved.rank

    def degrees(count: int) -> int:
        return len(rows) * hosts * count - len(parts) * _blocks(effects, hosts, count) - rank

    taken: int | None = None
    if hosts == 1 and len(set(rows)) == len(rows) and rest is not Rest.ERROR:
        left = len(rows) - len(parts) - solved.rank
        if coding.plain and (len(parts) == 1 or degrees(1) <= 0):
            taken = _contrasts(coding, parts)
        elif not coding.plain and left <= 0 and orthogonal(columns, moments, solved):
            taken = len(columns)
    contrasts = taken if taken is not None and taken >= FEWEST else 0
    return _Error(hosts, lambda count: degrees(count) if taken is None or count > 1 else 0, contrasts)


def _contrasts(coding: Coding, parts: Sequence[Sequence[tuple[int, ...]]]) -> int | None:
    """Contrasts of two levels over which Lenth's error would be taken; None where they are not all there."""
    blocks = [[row for row in part if 0 not in row] for part in parts]
    found = contrasts_within(coding.factors, [row for part in blocks for row in part], blocks)
    return None if found is None else len(found)


def _blocks(effects: Effects, hosts: int, seeds: int) -> int:
    """Blocks in which the runs of one stage are compared."""
    return (hosts if "host" in effects.block else 1) * (seeds if "seed" in effects.block else 1)


def _rank_of_rows(parts: Sequence[Sequence[tuple[int, ...]]]) -> int:
    """Of an indicator of each row that differs, beside the parts; parts that share rows count as one."""
    groups: list[set[tuple[int, ...]]] = []
    for part in parts:
        met = [group for group in groups if not group.isdisjoint(part)]
        groups = [group for group in groups if group.isdisjoint(part)]
        groups.append(set(part).union(*met))
    return sum(map(len, groups)) - len(groups)


def chains_and_runs(
    effects: Effects, coding: Coding, parts: Sequence[Sequence[tuple[int, ...]]]
) -> tuple[list[tuple[Word, ...]], list[list[int]], Moments]:
    """
    Chains of the model, their columns, and one run of each row; a last column for runs at the centre.

    Each of the parts is a block: in one of several all blocks have the same rows, so that the rest do not matter.
    """
    rows = [row for part in parts for row in part]
    corners = [row for row in rows if 0 not in row]
    terms = [effect for term in modelled(effects, coding.factors) for effect in coding.named(term)]
    chains = [chain for chain in coding.chains(corners, terms) if chain[0][1]]
    return chains, columns_in(coding, [chain[0][1] for chain in chains], rows), once_each(parts)


@frozen
class _Error:
    """What effects would be tested against with any number of seeds."""

    hosts: int
    degrees: Callable[[int], int]
    """Of freedom that so many seeds leave."""
    contrasts: int
    """Of one seed, where Lenth's error is taken over them; else 0."""

    def there(self, seeds: int) -> bool:
        """Whether there is any error."""
        return self.degrees(seeds) > 0 or (seeds == 1 and self.contrasts > 0)

    def power(self, delta: float, seeds: int, level: float) -> float:
        """Of an effect of so many standard errors."""
        free = self.degrees(seeds)
        if free > 0:
            return two_sided_power(delta, free, level)
        return power_by_lenth(delta, self.contrasts, level) if self.there(seeds) else 0.0

    def smallest(self, power: float, seeds: int, level: float) -> float:
        """The effect, in its standard errors, that is found with some power; infinity where none is."""
        free = self.degrees(seeds)
        if free > 0:
            return found_with(power, free, level)
        return found_by_lenth(power, self.contrasts, level) if self.there(seeds) else math.inf


@frozen
class _Test:
    """The two tests of an effect, with any number of seeds."""

    supposed: Supposed
    rate: float
    family: int
    error: _Error

    def power(self, error: float, seeds: int, level: float) -> float:
        """Of the supposed size; *error* is that of one run of each row."""
        return self.error.power((self.supposed.size or 0.0) * math.sqrt(self.error.hosts * seeds) / error, seeds, level)

    def seeds(self, error: float, level: float) -> int | None:
        """Fewest seeds with the wanted power, which more seeds never lower."""
        enough = 1
        while self.power(error, enough, level) < self.supposed.wanted:
            if enough >= MOST_SEEDS:
                return None
            enough = min(2 * enough, MOST_SEEDS)
        low = enough // 2
        while enough - low > 1:
            middle = (low + enough) // 2
            low, enough = (
                (low, middle) if self.power(error, middle, level) >= self.supposed.wanted else (middle, enough)
            )
        return enough


def _power(one: Power, test: _Test, seeds: int) -> Power:
    """Fill in the power; the error comes as that of one run of each row."""
    levels = test.rate / test.family, test.rate
    error = one.error / math.sqrt(test.error.hosts * seeds)
    times = test.error.smallest(test.supposed.wanted, seeds, test.rate)
    found = evolve(one, error=error, smallest=times * error if times < math.inf else None)
    if test.supposed.size is None:
        return found
    least, most = (test.power(one.error, seeds, level) if test.error.there(seeds) else None for level in levels)
    few, many = (test.seeds(one.error, level) for level in levels)
    return evolve(found, least=least, most=most, seeds_least=few, seeds_most=many)
