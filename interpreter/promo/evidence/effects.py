"""
Evidence to effects: what each factor of a design does, stage by stage.

Least squares on the runs that have a value, with a term of its own for every block (by default each cell of host and
seed), so that whatever runs of a cell share cancels.  An effect is mean(high) - mean(low), twice its coefficient.
Coefficients, residual sums of squares and ranks are exact rationals: values come as decimal text and columns are +1
and -1, so rank deficiency is found, not guessed, and nothing cancels.  Only roots and tails are floats, kept to six
digits.

What the runs cannot tell apart is named: effects with one column are a chain, and an effect that depends on others or
on the blocks is listed as not estimable and left out of its family.

A stage with one run of each condition has no error of its own; there Lenth's pseudo standard error over all contrasts
takes its place.

Source: Montgomery (2013), "Design and analysis of experiments", chapters 6 and 8; Benjamini & Hochberg (1995); Lenth
(1989), "Quick and easy analysis of unreplicated factorials".
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import ClassVar

from attrs import evolve, frozen

from promo.base.codec import Count, Digest, Measured, value_digest
from promo.base.least_squares import Solved, solve
from promo.base.tails import adjust, f_tail, t_quantile, t_tails
from promo.evidence.observed import Levels, Observed, Signs, moments, observe
from promo.evidence.statements import (
    AllEqual,
    CellEmpty,
    Constant,
    DiffersBetweenHosts,
    LenthError,
    Name,
    NoError,
    NotDistinguished,
    PartOfDesign,
    RunsLost,
    SameCondition,
    Statement,
    Together,
    TooFew,
    TooFewContrasts,
)
from promo.evidence.values import Evidence
from promo.study.design import Word, alias_chains, contrasts
from promo.study.values import Effects, Study

HOST_ALPHA = 0.05
"""A factor whose effect differs between hosts at this level is to be read host by host."""

ORDERS = {"main": (1,), "pairs": (2,), "all": (1, 2)}
"""Family -> how many factors its effects have."""


class Method(Enum):
    """Where the error of effects comes from."""

    LEAST_SQUARES = "least squares"
    LENTH = "lenth"


@frozen
class Estimate:
    """One effect at one stage; numbers are decimal text of six digits, None where there is none."""

    effect: Name
    chain: tuple[Word, ...]
    """Effects with the same column, this one first; the estimate is of their signed sum."""
    value: Measured | None
    error: Measured | None
    t: Measured | None
    p: Measured | None
    adjusted: Measured | None
    """p after Benjamini and Hochberg inside the family; None outside of it."""
    low: Measured | None
    high: Measured | None
    hosts: tuple[tuple[str, Measured | None], ...]
    """Estimate on each host alone; for main effects where there are two hosts or more."""
    host_p: Measured | None
    """p of the F test that the effect is the same on every host."""
    agree: tuple[Count, Count] | None
    """Cells in which the plain contrast has the sign of the estimate, of how many."""
    discovered: bool


@frozen
class Fit:
    """The effects at one stage."""

    stage: str
    runs: int
    planned: int
    degrees: int
    """Of freedom left for the error."""
    sigma: Measured | None
    """Standard deviation of a run, within blocks."""
    method: Method
    pse: Measured | None
    margin: Measured | None
    """Lenth's margin of error, and for all contrasts at once."""
    simultaneous: Measured | None
    contrasts: tuple[tuple[Name, Measured], ...]
    """Lenth: every contrast with its size, smallest first."""
    estimates: tuple[Estimate, ...]
    curvature: Measured | None
    """Mean of the design's corners less the mean of its centre."""
    statements: tuple[Statement, ...]


@frozen
class Relaxation:
    """How an effect changed from one stage to the next; the two stages are taken as independent."""

    effect: Name
    before: str
    after: str
    change: Measured
    error: Measured | None


@frozen
class EffectTable:
    """Everything that `effects` estimates."""

    FORM: ClassVar = ("promo_effects", 2)

    name: str
    fits: tuple[Fit, ...]
    relaxations: tuple[Relaxation, ...]
    evidence: Mapping[str, Digest]
    """Stage -> digest of the evidence that was read."""

    @property
    def digest(self) -> str:
        """Digest of its stored form."""
        return value_digest(self)

    def discovered(self, stage: str) -> tuple[Name, ...]:
        """Effects that are discovered at a stage."""
        fit = next(fit for fit in self.fits if fit.stage == stage)
        return tuple(one.effect for one in fit.estimates if one.discovered)


def estimate_effects(study: Study, effects: Effects, evidence: Mapping[str, Evidence]) -> EffectTable:
    """
    Estimate effects from the evidence of their stages.

    Args:
        study: for the rows of the designs.
        effects: what is asked for.
        evidence: stage -> evidence, for every stage that is read.
    """
    points: dict[str, Levels] = {}
    for name in effects.designs:
        points |= study.designs[name].points
    factors = study.designs[effects.designs[0]].factors
    fits = tuple(fit_stage(effects, factors, points, evidence[stage]) for stage in effects.stages)
    read = {stage: evidence[stage].digest for stage in effects.stages}
    return EffectTable(effects.name, fits, tuple(_relaxations(fits)), read)


def fit_stage(effects: Effects, factors: Sequence[str], points: Mapping[str, Levels], evidence: Evidence) -> Fit:
    """
    Effects at one stage.

    Args:
        effects: model, blocks, family and rate.
        factors: the k factors.
        points: candidate -> its row, shape (k,) of -1 and +1; zeros for a centre point.
        evidence: the stage's table.
    """
    return fit_observed(effects, factors, evidence.stage, observe(evidence, points))


def fit_observed(effects: Effects, factors: Sequence[str], stage: str, seen: Observed) -> Fit:
    """The same, from values that have been read."""
    there = [len(absent) < len(seen.cells) for absent in seen.absent]
    corners = seen.only([any(row) and some for row, some in zip(seen.rows, there, strict=True)])
    statements = [*_said_of_runs(seen), *_said_of_rows(corners)]
    empty = Fit(
        stage=stage,
        runs=corners.runs,
        planned=len(seen.names) * len(seen.cells),
        degrees=0,
        sigma=None,
        method=Method.LEAST_SQUARES,
        pse=None,
        margin=None,
        simultaneous=None,
        contrasts=(),
        estimates=(),
        curvature=None,
        statements=tuple(statements),
    )
    if len(set(corners.rows)) < 2:
        return evolve(empty, statements=(*statements, TooFew()))
    if corners.runs * corners.squares == sum(corners.totals) ** 2:
        return evolve(empty, statements=(*statements, AllEqual()))
    fit = _Fit(effects, factors, corners).fit(empty)
    centre = seen.only([not any(row) for row in seen.rows]).mean()
    outside = corners.mean()
    return fit if centre is None or outside is None else evolve(fit, curvature=_text(outside - centre))


def _said_of_runs(seen: Observed) -> Iterable[Statement]:
    lacking = {cell: len(gone) for gone, cells in seen.patterns.items() for cell in cells}
    for host in dict.fromkeys(host for host, _ in seen.cells) if seen.names else ():
        cells = [cell for cell, one in enumerate(seen.cells) if one[0] == host]
        planned, lost = len(seen.names) * len(cells), sum(lacking[cell] for cell in cells)
        if lost:
            yield RunsLost(host, lost, planned)
    for cell, (host, seed) in enumerate(seen.cells) if seen.names else ():
        if lacking[cell] == len(seen.names):
            yield CellEmpty(host, seed)


def _said_of_rows(corners: Observed) -> Iterable[Statement]:
    named: dict[Levels, list[str]] = {}
    for candidate, row in zip(corners.names, corners.rows, strict=True):
        named.setdefault(row, []).append(candidate)
    for same in named.values():
        if len(same) > 1:
            yield SameCondition(tuple(same))


class _Fit:
    def __init__(self, effects: Effects, factors: Sequence[str], corners: Observed) -> None:
        self.effects, self.factors, self.corners = effects, tuple(factors), corners
        self.rows = list(dict.fromkeys(corners.rows))
        chains = alias_chains(self.factors, self.rows)
        self.fixed = [effect for chain in chains if not chain[0][1] for _, effect in chain if effect]
        most = 2 if effects.pairs else 1
        self.chains = [chain for chain in chains if 1 <= len(chain[0][1]) <= most]
        self.hosts = corners.hosts()
        self.signs = Signs(corners)

    def fit(self, empty: Fit) -> Fit:
        whole = moments(list(self.hosts.values()), self.rows, self.effects.block)
        once = self.signs.cells == 1 and self.corners.runs == len(self.rows)
        columns = [self._column(chain[0][1]) for chain in self.chains]
        apart = [
            self._apart(column) if len(chain[0][1]) == 1 else []
            for chain, column in zip(self.chains, columns, strict=True)
        ]
        solved = solve([column * len(self.hosts) for column in columns], whole, further=apart)
        degrees = self.corners.runs - sum(len(some.totals) for some in whole.blocks) - solved.rank
        said = list(empty.statements)
        lost = self._not_estimable(solved, said)
        fit = evolve(empty, degrees=degrees)
        residual = solved.residual / self.corners.unit**2
        if once:
            fit, spread, freedom = self._lenth(fit, said)
        elif degrees > 0 and residual > 0:
            spread, freedom = math.sqrt(residual / degrees), float(degrees)
            fit = evolve(fit, sigma=_text(spread))
        else:
            spread, freedom = None, 0.0
            said.append(NoError(perfect=bool(degrees)))
        reach = t_quantile(1 - float(self.effects.rate) / 2, freedom) if spread else 0.0
        alone = self._alone(columns)
        estimates = []
        for number, chain in enumerate(self.chains):
            if number in lost:
                estimates.append(self._absent(chain))
                continue
            value = 2 * solved.coefficients[number] / self.corners.unit
            error = spread if once else spread and 2 * spread * math.sqrt(solved.variances[number])
            one = self._estimate(chain, columns[number], value, error, freedom, reach)
            if alone and len(chain[0][1]) == 1:
                one = evolve(one, hosts=tuple((host, values[number]) for host, values in alone.items()))
                one = self._between(one, solved, number, degrees, said)
            estimates.append(one)
        found = self._judged(estimates)
        return evolve(fit, estimates=tuple(found), statements=tuple(said))

    def _column(self, effect: Name) -> list[int]:
        """An effect's sign in every row."""
        places = [self.factors.index(factor) for factor in effect]
        return [math.prod(row[place] for place in places) for row in self.rows]

    def _apart(self, column: list[int]) -> list[list[int]]:
        """An effect's columns on each host but the first."""
        count, zeros = len(self.hosts), [0] * len(self.rows)
        return [[*zeros * host, *column, *zeros * (count - host - 1)] for host in range(1, count)]

    def _not_estimable(self, solved: Solved, said: list[Statement]) -> set[int]:
        if self.fixed:
            said.append(Constant(tuple(self.fixed)))
        lost: set[int] = set()
        for vector in solved.null:
            terms = [number for number, one in enumerate(vector) if one]
            lost |= set(terms)
            said.append(NotDistinguished(tuple(self.chains[number][0][1] for number in terms)))
        for chain in self.chains:
            mains = [effect for _, effect in chain if len(effect) == 1]
            if len(mains) > 1:
                said.append(Together(tuple(mains)))
        return lost

    def _absent(self, chain: tuple[Word, ...]) -> Estimate:
        return Estimate(chain[0][1], chain, None, None, None, None, None, None, None, (), None, None, False)

    def _estimate(
        self,
        chain: tuple[Word, ...],
        column: Sequence[int],
        value: Fraction,
        error: float | None,
        degrees: float,
        reach: float,
    ) -> Estimate:
        agree = self.signs.agreement(dict(zip(self.rows, column, strict=True)), value)
        if not error:
            return evolve(self._absent(chain), value=_text(value), agree=agree)
        t = float(value) / error
        return Estimate(
            effect=chain[0][1],
            chain=chain,
            value=_text(value),
            error=_text(error),
            t=_text(t),
            p=_text(t_tails(t, degrees)),
            adjusted=None,
            low=_text(float(value) - reach * error),
            high=_text(float(value) + reach * error),
            hosts=(),
            host_p=None,
            agree=agree,
            discovered=False,
        )

    def _alone(self, columns: Sequence[Sequence[int]]) -> dict[str, list[str | None]]:
        """Every effect on each host alone, where there are two hosts or more."""
        found: dict[str, list[str | None]] = {}
        for host, part in self.hosts.items() if len(self.hosts) > 1 else ():
            solved = solve(columns, moments([part], self.rows, self.effects.block), variances=False)
            lost = {number for vector in solved.null for number, one in enumerate(vector) if one}
            found[host] = [
                None if number in lost else _text(2 * one / part.unit) for number, one in enumerate(solved.coefficients)
            ]
        return found

    def _between(self, one: Estimate, solved: Solved, number: int, degrees: int, said: list[Statement]) -> Estimate:
        """With the F test that an effect is one on all hosts."""
        added, fall = solved.gains[number]
        freedom, residual = degrees - added, solved.residual - fall
        if not added or freedom <= 0 or not residual:
            return one
        p = f_tail(float(fall / added / (residual / freedom)), added, freedom)
        if p < HOST_ALPHA:
            said.append(DiffersBetweenHosts(one.effect, _text(p)))
        return evolve(one, host_p=_text(p))

    # --- one run of each condition -------------------------------------------------------------------------

    def _lenth(self, fit: Fit, said: list[Statement]) -> tuple[Fit, float | None, float]:
        """Lenth's pseudo standard error over every contrast between the rows."""
        values = (Fraction(sum(some), self.corners.unit) for some in self.corners.values)
        value = dict(zip(self.corners.rows, values, strict=True))
        named = contrasts(self.factors, self.rows)
        if len(named) != len(self.rows) - 1:
            said.append(PartOfDesign())
            return fit, None, 0.0
        found: list[tuple[float, Name]] = []
        for effects in named.values():
            places = [self.factors.index(factor) for factor in effects[0]]
            total = sum((math.prod(row[p] for p in places) * value[row] for row in self.rows), Fraction(0))
            found.append((float(2 * total / len(self.rows)), effects[0]))
        sizes = [abs(size) for size, _ in found]
        first = 1.5 * median(sizes)
        small = [size for size in sizes if size < 2.5 * first]
        if len(sizes) < 3 or not small or not median(small):
            said.append(TooFewContrasts())
            return fit, None, 0.0
        pse, degrees, rate = 1.5 * median(small), len(sizes) / 3, float(self.effects.rate)
        each = t_quantile(1 - rate / 2, degrees) * pse
        every = t_quantile((1 + (1 - rate) ** (1 / len(sizes))) / 2, degrees) * pse
        said.append(LenthError(len(sizes)))
        shown = tuple((name, _text(size)) for size, name in sorted(found, key=lambda one: (abs(one[0]), _name(one[1]))))
        return (
            evolve(
                fit,
                method=Method.LENTH,
                pse=_text(pse),
                margin=_text(each),
                simultaneous=_text(every),
                contrasts=shown,
            ),
            pse,
            degrees,
        )

    # --- the family ----------------------------------------------------------------------------------------

    def _judged(self, estimates: Sequence[Estimate]) -> list[Estimate]:
        """P adjusted inside the family, and what is discovered at its rate."""
        sizes = ORDERS[self.effects.family]
        family = [n for n, one in enumerate(estimates) if len(one.effect) in sizes and one.p is not None]
        adjusted = adjust([float(estimates[number].p or 1) for number in family])
        found = list(estimates)
        for number, p in zip(family, adjusted, strict=True):
            found[number] = evolve(found[number], adjusted=_text(p), discovered=p <= float(self.effects.rate))
        return found


def _relaxations(fits: Sequence[Fit]) -> Iterable[Relaxation]:
    for before, after in pairwise(fits):
        known = {one.effect: one for one in before.estimates}
        for one in after.estimates:
            first = known.get(one.effect)
            if first is None or first.value is None or one.value is None or first.chain != one.chain:
                continue
            error = math.hypot(float(first.error), float(one.error)) if first.error and one.error else None
            change = float(one.value) - float(first.value)
            yield Relaxation(
                one.effect, before.stage, after.stage, _text(change), None if error is None else _text(error)
            )


def _name(effect: Name) -> str:
    return " * ".join(effect)


def _text(number: float | Fraction) -> str:
    """Six significant digits."""
    text = f"{float(number):.6g}"
    return "0" if text == "-0" else text
