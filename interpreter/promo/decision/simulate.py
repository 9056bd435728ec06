"""
Invented evidence to operating characteristics: how often a study's gates keep what is truly best.

Each simulated study draws every planned value at once and goes through the gates in arrays (`arrays`).  All runs
succeed: crashes and reruns are not simulated.  Every cell of every stage has random numbers of its own, so that two
settings of one question meet the same luck wherever they have the same cells; a run that several stages ask for is
drawn once.
"""

import math
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from promo.base.classes import evolve, frozen
from promo.decision.arrays import apply_gate, apply_rule, fast_gate, fast_rule
from promo.decision.confidence import Bools, Floats
from promo.decision.exactly import Supposed, chance
from promo.plans.values import Plan, StagePlan
from promo.study.judgement import Best, First, Gate, Rule, Statistic, Then, Top, primitives
from promo.study.values import Stage, Study
from promo.syntax.clauses import LEADER

BATCH = 20_000
SLOW_DRAWS = 500


@frozen
class World:
    """
    What is supposed to be true; all in the measure's unit.

    The best candidate is ahead of the others by *gap*; *spread* is the sd of true final values drawn anew for each
    study (0: all others are equal).  At a short stage each candidate bears a penalty ~ N(0, *relax*) times that
    stage's multiplier: (budget / first budget) ^ -*exponent*, less the same at the last stage.
    """

    noise: float
    gap: float
    spread: float = 0.0
    relax: float = 0.0
    exponent: float = 0.5
    shared: float = 0.0
    """Sd of noise that all candidates of a cell share."""
    host: float = 0.0
    """Sd of candidate x host noise, the same at all stages."""
    level: float | None = None
    """Where the true values of the others lie; None where nothing asks for a value itself."""


@frozen
class Share:
    """A proportion or a mean, and its Monte-Carlo standard error."""

    value: float
    error: float


@frozen
class GateFigures:
    """What a gate did over all simulated studies."""

    gate: str
    source: str
    target: str
    best_kept: Share
    kept: Mapping[str, Share]
    false_promotions: Share
    """Of those who took a place, by neither `always` nor `sample`, the share truly worse than one that was dropped."""
    stopped: Share
    promoted: Share
    """Mean number, those that were only sampled among them."""
    by_arrays: bool
    best_kept_exactly: float | None
    """By formula, where one exists."""


@frozen
class Figures:
    """Operating characteristics."""

    draws: int
    asked: int
    """Draws that were asked for; fewer are made where the full procedure decides study by study."""
    seed: int
    best: str
    by_arrays: bool
    gates: tuple[GateFigures, ...]
    rules: Mapping[str, tuple[Share, Share]]
    """Rule -> share of studies in which it holds, and in which it is undecided."""
    rules_exactly: Mapping[str, float | None]
    """Rule -> the former by formula, where one exists."""
    last: str
    """The last stage that is not there for its report only: `best_at_end` and what follows it are about that one."""
    best_at_end: Share
    regret: Share
    """Mean of how far the truly best of those at that stage is behind the best of all, in the measure's unit."""
    near: Share | None
    """Studies in which that is less than was asked about; None where nothing was."""
    expected_s: Share
    """Mean of what its stages come to ask for, in seconds, at the caps of all runs."""
    budget_s: int
    bound_s: int


def simulate(
    study: Study,
    plan: Plan,
    world: World,
    draws: int,
    seed: int,
    best: str | None = None,
    near: float | None = None,
) -> Figures:
    """
    Put *draws* invented studies through the gates and rules of a study.

    Args:
        study: the resolved study.
        plan: its plan.
        world: what is supposed to be true.
        draws: number of studies; at most `SLOW_DRAWS` are taken when a gate or rule is beyond the arrays.
        seed: of the draws.
        best: the candidate that is truly best; None takes the first that no gate keeps in any case.
        near: how close to the best counts as near, in the measure's unit; None asks nothing.
    """
    slow = any(not _fast(study, gate) for gate in study.gates.values())
    slow = slow or any(not fast_rule(rule, _cells(study, rule.stage)) for rule in study.rules.values())
    made = min(draws, SLOW_DRAWS) if slow else draws
    tally = _Tally(study, plan, world, best or best_candidate(study), near)
    for batch, start in enumerate(range(0, made, BATCH)):
        tally.add(min(BATCH, made - start), _Luck(seed, batch))
    return tally.figures(made, draws, seed, by_arrays=not slow)


def _fast(study: Study, gate: Gate) -> bool:
    return fast_gate(gate, _cells(study, gate.source))


def _cells(study: Study, stage: str) -> int:
    return len(study.stages[stage].cells)


def best_candidate(study: Study) -> str:
    """The one that is supposed to be best: the first that no gate keeps in any case."""
    held = {name for gate in study.gates.values() for name in gate.always}
    names = [name for stage in study.stages.values() for name in study.entrants[stage.name].possible]
    return next((name for name in names if name not in held), names[0])


class _Luck:
    """Standard normal numbers by name, independent of each other and of how many others are asked for."""

    def __init__(self, seed: int, batch: int) -> None:
        self.seed, self.batch = seed, batch

    def draw(self, shape: tuple[int, ...], *place: int) -> Floats:
        """The numbers of a place."""
        return np.random.default_rng([self.seed, self.batch, *place]).standard_normal(shape)


TRUE, PENALTY, HOST, RUN, CELL = range(5)


def _ends(rule: Rule, holds: Bools, known: Bools) -> Bools:
    """Where a rule ends a study, or waits for a person; what it cannot answer lacks a candidate, since no run fails."""
    fails = known & ~holds if rule.otherwise not in (None, Then.SKIP) else np.zeros_like(known)
    return np.asarray(fails | ~known if (rule.absent or rule.missing.then) is not Then.SKIP else fails)


@frozen(eq=False)
class Courses:
    """What happens in invented studies; axis 0 is studies, axis 1 candidates in the order of *names*, axis 2 cells."""

    names: list[str]
    final: Floats
    """True final values, lower is better."""
    reached: dict[str, Bools]
    """Stage -> where it begins at all."""
    alive: dict[str, Bools]
    """Stage -> who is there."""
    values: dict[str, Floats]
    """Stage -> what is measured of everybody who could be."""
    gates: dict[str, tuple[Bools, Bools, Bools]]
    """Gate -> who is promoted, who of these was only drawn, and where it stops."""
    rules: dict[str, tuple[Bools, Bools]]
    """Rule -> where it holds, and where it is decided."""
    seconds: Floats
    """What the stages come to ask for, at the caps of all runs."""


Asked = tuple[tuple[str, int], ...]
"""Stages that ask for a run, each with the place of the candidate for which it does."""


def _listed(plan: Plan, place: Mapping[str, int]) -> dict[str, Counter[tuple[int, Asked]]]:
    """Stage -> devices of its runs that several stages ask for, by its candidate and the earlier ones of them."""
    asked: dict[str, Asked] = {}
    found: dict[str, Counter[tuple[int, Asked]]] = {}
    for stage in plan.stages:
        found[stage.name] = Counter()
        for run in stage.runs:
            if before := asked.get(run.id):
                found[stage.name][place[run.candidate], before] += plan.study.width(run.stage, run.host)
        asked |= {run.id: (*asked.get(run.id, ()), (stage.name, place[run.candidate])) for run in stage.runs}
    return found


def _places(study: Study, plan: Plan) -> dict[tuple[str, str, int], tuple[int, int, int]]:
    """Stage, host and seed -> what its luck is drawn by: the first stage that asks for such runs, host and seed."""
    hosts, first = list(study.hosts), dict[str, tuple[int, int, int]]()
    found: dict[tuple[str, str, int], tuple[int, int, int]] = {}
    for number, stage in enumerate(plan.stages):
        for run in stage.runs:
            own = (number, hosts.index(run.host), stage.seeds.index(run.seed))
            cell = (stage.name, run.host, run.seed)
            found[cell] = min(found.get(cell, own), first.setdefault(run.id, own))
    return found


class _Tally:
    def __init__(self, study: Study, plan: Plan, world: World, best: str, near: float | None) -> None:
        self.study, self.plan, self.world, self.limit = study, plan, world, near
        self.names = sorted({name for stage in plan.stages for name in study.entrants[stage.name].possible})
        self.best = best
        self.kept = {gate: np.zeros(len(self.names)) for gate in study.gates}
        self.going = {gate: np.zeros(2) for gate in study.gates}
        self.top = dict.fromkeys(study.gates, 0)
        self.wrong = {gate: np.zeros(5) for gate in study.gates}
        self.stopped = dict.fromkeys(study.gates, 0)
        self.rules = {rule: [0, 0] for rule in study.rules}
        self.end = self.near = self.reached = 0
        self.regrets = np.zeros(2)
        self.seconds = np.zeros(2)
        self.listed = _listed(plan, {name: place for place, name in enumerate(self.names)})
        self.places = _places(study, plan)
        self.last = [stage for stage in plan.stages if not stage.report_only][-1].name

    def add(self, count: int, luck: _Luck) -> None:
        """Simulate *count* more studies."""
        courses = self.courses(count, luck)
        best, final = self.names.index(self.best), courses.final
        for name, gate in self.study.gates.items():
            kept, drawn, stopped = courses.gates[name]
            self.going[name] += _squares(kept.sum(axis=1))
            self._count(gate, courses.alive[gate.source], kept & ~drawn, stopped, final)
        for name in self.study.rules:
            holds, known = courses.rules[name]
            self.rules[name][0] += int(holds.sum())
            self.rules[name][1] += int((~known).sum())
        self.seconds += _squares(courses.seconds)
        last = courses.alive[self.last]
        self.end += int(last[:, best].sum())
        left = np.where(last, final, np.inf).min(axis=1) - final.min(axis=1)
        left = left[np.isfinite(left)]
        self.reached += len(left)
        self.regrets += _squares(left)
        self.near += int((left < (self.limit or 0.0)).sum())

    def courses(self, count: int, luck: _Luck) -> Courses:
        """The courses of *count* invented studies."""
        study, names = self.study, self.names
        final = self._final(count, luck)
        penalty = luck.draw(final.shape, PENALTY) * self.world.relax
        hosts = enumerate(study.hosts)
        by_host = {name: luck.draw(final.shape, HOST, place) * self.world.host for place, name in hosts}
        found = Courses(names, final, {}, {}, {}, {}, {}, np.zeros(count))
        going: Bools = np.ones(count, dtype=np.bool_)
        for stage in self.plan.stages:
            found.alive[stage.name] = self._entrants(stage.name, found, going)
            true = final + penalty * self._multiplier(stage.name)
            found.values[stage.name] = self._values(stage.name, true, by_host, luck)
            found.seconds[:] += self._new(stage, found.alive) * float(stage.budget.cap_s)
            for gate in study.gates.values():
                if gate.source == stage.name:
                    found.gates[gate.name] = apply_gate(study, gate, names, found.values, found.alive)
                    going = going & ~(found.gates[gate.name][2] & found.reached[stage.name])
            for rule in study.rules.values():
                if rule.stage == stage.name:
                    holds, known = found.rules[rule.name] = apply_rule(study, rule, names, found.values, found.alive)
                    going = going & ~(_ends(rule, holds, known) & found.reached[stage.name])
        return found

    def _new(self, stage: StagePlan, alive: Mapping[str, Bools]) -> Floats:
        """Devices of the runs that a stage adds in each study: those of who is there that no earlier one has made."""
        here = alive[stage.name]
        count: Floats = here.sum(axis=1) * float(
            sum(self.study.width(stage.name, host) for host in stage.hosts) * len(stage.seeds)
        )
        for (who, before), runs in self.listed[stage.name].items():
            made = np.logical_or.reduce([alive[name][:, one] for name, one in before])
            count -= runs * (here[:, who] & made)
        return count

    def _final(self, count: int, luck: _Luck) -> Floats:
        """True final values, lower is better; the best one is ahead of all others."""
        final = luck.draw((count, len(self.names)), TRUE) * self.world.spread
        best = self.names.index(self.best)
        others = np.delete(final, best, axis=1)
        final[:, best] = (others.min(axis=1) if others.size else 0.0) - self.world.gap
        return final

    def _values(self, name: str, true: Floats, by_host: Mapping[str, Floats], luck: _Luck) -> Floats:
        """What is measured at a stage, shape (studies, candidates, cells)."""
        stage, world = self.study.stages[name], self.world
        drawn = np.empty((*true.shape, len(stage.cells)))
        for place, (host, seed) in enumerate(stage.cells):
            at = self.places[name, host, seed]
            drawn[:, :, place] = true + by_host[host] + luck.draw(true.shape, RUN, *at) * world.noise
            drawn[:, :, place] += luck.draw((len(true), 1), CELL, *at) * world.shared
        better = 1.0 if self.study.measure.lower_is_better else -1.0
        return better * drawn + (world.level or 0.0)

    def _entrants(self, name: str, found: Courses, going: Bools) -> Bools:
        """Who enters a stage, as `Study.entering` says, where it is reached; what waits for nothing begins at once."""
        said, before = self.study.stages[name], self.study.waits_for(name)
        there: Bools = np.tile(np.array([one in said.candidates for one in self.names]), (len(going), 1))
        reached = going if before else np.ones_like(going)
        for one in before:
            reached = reached & found.reached[one]
        if said.after is not None:
            promoted, _, stopped = found.gates[said.after]
            there, reached = there | (promoted if said.promoted else False), reached & ~stopped
        elif said.continues is not None:
            earlier = found.alive[said.continues]
            there = earlier & there if said.candidates else earlier
        found.reached[name] = reached
        return np.asarray(there & reached[:, None])

    def _multiplier(self, name: str) -> float:
        first, last, here = (self._whole(one) for one in (self.plan.stages[0].name, self.last, name))
        power = -self.world.exponent
        return float((here / first) ** power - (last / first) ** power)

    def _whole(self, name: str) -> int:
        """A stage's budget with what it carries on; in seconds where budgets are of several kinds."""
        if len({stage.budget.kind for stage in self.study.stages.values()}) == 1:
            return self.study.whole(name)
        return sum(stage.budget.cap_s for stage in (self.study.stages[name], *self.study.carried_on(name)))

    def _count(self, gate: Gate, there: Bools, kept: Bools, stopped: Bools, final: Floats) -> None:
        self.kept[gate.name] += kept.sum(axis=0)
        self.top[gate.name] += int(kept[:, self.names.index(self.best)].sum())
        free = kept & ~np.array([name in gate.always for name in self.names])
        ousted = np.where(there & ~kept, final, np.inf).min(axis=1, keepdims=True)
        self.wrong[gate.name] += _products((free & (final > ousted)).sum(axis=1), free.sum(axis=1))
        self.stopped[gate.name] += int((stopped & there.any(axis=1)).sum())

    def figures(self, draws: int, asked: int, seed: int, *, by_arrays: bool) -> Figures:
        """What was counted, as shares with their errors."""
        gates = []
        for name, gate in self.study.gates.items():
            gates.append(
                GateFigures(
                    gate=name,
                    source=gate.source,
                    target=gate.target,
                    best_kept=_share(self.top[name], draws),
                    kept={
                        who: _share(int(self.kept[name][place]), draws)
                        for place, who in enumerate(self.names)
                        if who in self.study.entrants[gate.source].possible
                    },
                    false_promotions=_ratio(self.wrong[name]),
                    stopped=_share(self.stopped[name], draws),
                    promoted=_mean(self.going[name], draws),
                    by_arrays=_fast(self.study, gate),
                    best_kept_exactly=self._exactly(gate),
                )
            )
        return Figures(
            draws=draws,
            asked=asked,
            seed=seed,
            best=self.best,
            by_arrays=by_arrays,
            gates=tuple(gates),
            rules={name: (_share(a, draws), _share(b, draws)) for name, (a, b) in self.rules.items()},
            rules_exactly={name: self._rule_exactly(rule) for name, rule in self.study.rules.items()},
            last=self.last,
            best_at_end=_share(self.end, draws),
            regret=_mean(self.regrets, self.reached),
            near=None if self.limit is None else _share(self.near, draws),
            expected_s=_mean(self.seconds, draws),
            budget_s=self.plan.budget_s,
            bound_s=self.plan.bound_s,
        )

    def _supposed(self, stage: Stage, name: str, reference: str | None, allowance: Fraction) -> Supposed | None:
        """What is true of a candidate at a stage where noise is all that differs; None where more does."""
        world = self.world
        if world.spread or world.relax or reference == name:
            return None
        lead = 0.0
        if name == self.best:
            lead = world.gap
        elif reference == self.best:
            lead = -world.gap
        value = (world.level or 0.0) - (lead if self.study.measure.lower_is_better else -lead)
        return Supposed(
            lead=lead,
            noise=world.noise,
            hosts=len(stage.hosts),
            seeds=len(stage.seeds),
            rivals=len(self.study.entrants[stage.name].possible),
            host=world.host,
            allowance=float(allowance),
            value=value,
            shared=world.shared,
        )

    def _exactly(self, gate: Gate) -> float | None:
        """The chance of the best at a gate over a first stage, where there is a formula."""
        stage = self.study.stages[gate.source]
        if gate.demands or stage.after or stage.continues or self.best in gate.always:
            return None
        there = self.study.entrants[gate.source].possible
        (asked, *more) = primitives(gate.keep)
        placed = isinstance(asked, Top | Best)
        if more or self.best not in there or (placed and gate.statistic is not Statistic.MEAN):
            return None
        reference = getattr(asked, "reference", None)
        if reference == LEADER:
            return None
        world = self._supposed(stage, self.best, reference, gate.allowance)
        if world is not None and placed:
            world = evolve(world, rivals=len([name for name in there if name not in gate.always]))
        return None if world is None else chance(gate.keep, world)

    def _rule_exactly(self, rule: Rule) -> float | None:
        """The chance that a rule holds whose candidates come to its stage in any case."""
        stage = self.study.stages[rule.stage]
        (required, *more) = primitives(rule.require)
        reference = getattr(required, "reference", None) or rule.reference
        if more or isinstance(required, Top | Best) or reference == LEADER or not isinstance(rule.judged, str):
            return None
        asked = [name for name in (rule.judged, rule.reference, reference) if name is not None]
        if not all(self._certain(stage, name) for name in asked):
            return None
        if isinstance(required, First) and (stage.after or rule.judged != self.best):
            return None  # who else is there depends on gates, or is not equally far behind
        world = self._supposed(stage, rule.judged, reference, Fraction(0))
        return None if world is None else chance(rule.require, world)

    def _certain(self, stage: Stage, name: str) -> bool:
        """Whether a candidate is at a stage whatever the values are."""
        if stage.after is not None:
            gate = self.study.gates.get(stage.after)
            ends = any(rule.otherwise not in (None, Then.SKIP) for rule in self.study.rules.values())
            if gate is None or gate.demands or ends or name not in gate.always:
                return False
            return self._certain(self.study.stages[gate.source], name)
        return name in self.study.entrants[stage.name].possible and stage.continues is None


def _share(count: int, of: int) -> Share:
    value = count / of if of else 0.0
    return Share(value, math.sqrt(value * (1 - value) / of) if of else 0.0)


def _squares(values: Floats) -> Floats:
    """The sum of some values and that of their squares."""
    return np.array([values.sum(), (values * values).sum()], dtype=np.float64)


def _mean(sums: Floats, count: int) -> Share:
    """A mean and its standard error, from the sums of values and of their squares."""
    if count < 2:
        return Share(float(sums[0]), 0.0)
    mean = float(sums[0]) / count
    return Share(mean, math.sqrt(max(float(sums[1]) / count - mean * mean, 0.0) / count))


def _products(
    part: "np.ndarray[tuple[int], np.dtype[np.int64]]", whole: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> Floats:
    """Sums over studies that a ratio and its error need."""
    sums = (part.sum(), whole.sum(), (part * part).sum(), (part * whole).sum(), (whole * whole).sum())
    return np.array(sums, dtype=np.float64)


def _ratio(sums: Floats) -> Share:
    """A ratio of sums over studies, with an error that takes the study as the unit (delta method)."""
    part, whole, squares, products, wholes = sums
    if not whole:
        return Share(0.0, 0.0)
    value = part / whole
    return Share(float(value), math.sqrt(max(squares - 2 * value * products + value * value * wholes, 0.0)) / whole)
