"""
Invented evidence to operating characteristics: how often a study's gates keep what is truly best.

Each simulated study draws every planned value at once and goes through the gates in arrays.  A gate that asks for more
than the arrays can answer is put through `decide_gate` itself, study by study.  All runs succeed: crashes and reruns are
not simulated.
"""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from statistics import NormalDist

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from promo.base.canonical import exact
from promo.decision.decide import decide_gate, decide_rule
from promo.decision.values import Answer
from promo.evidence.values import OK, Cell, Evidence, Row
from promo.plan.values import Plan
from promo.spec.judgement import (
    LEADER,
    Best,
    Both,
    Bound,
    BoundKind,
    Condition,
    Difference,
    Either,
    First,
    Gate,
    Isnt,
    Level,
    Rule,
    Side,
    Statistic,
    TieBreak,
    Top,
    primitives,
)
from promo.spec.values import Study

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
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


@frozen
class Share:
    """A proportion and its Monte-Carlo standard error."""

    value: float
    error: float


@frozen
class GateFigures:
    """What a gate did over all simulated studies."""

    gate: str
    best_kept: Share
    kept: Mapping[str, Share]
    false_promotions: Share
    """Of the promoted that were not held by `always`, the share truly worse than one that was dropped."""
    stopped: Share
    promoted: float
    """Mean number."""
    by_arrays: bool
    best_kept_exactly: float | None
    """By formula, where one exists."""


@frozen
class Figures:
    """Operating characteristics."""

    draws: int
    seed: int
    best: str
    gates: tuple[GateFigures, ...]
    rules: Mapping[str, tuple[Share, Share]]
    """Rule -> share of studies in which it holds, and in which it is undecided."""
    best_at_end: Share
    near_at_end: Share
    """Someone within one *noise* of the best reaches the last stage."""
    expected_s: float
    planned_s: int
    most_s: int


def simulate(study: Study, plan: Plan, world: World, draws: int, seed: int) -> Figures:
    """
    Put *draws* invented studies through the gates and rules of a study.

    Args:
        study: the resolved study.
        plan: its plan.
        world: what is supposed to be true.
        draws: number of studies; at most `SLOW_DRAWS` are taken when a gate or rule is beyond the arrays.
        seed: of numpy's PCG64.
    """
    slow = any(not fast_gate(gate) for gate in study.gates.values())
    slow = slow or any(not fast_condition(rule.require) for rule in study.rules.values())
    draws = min(draws, SLOW_DRAWS) if slow else draws
    rng = np.random.default_rng(seed)
    tally = _Tally(study, plan, world)
    for start in range(0, draws, BATCH):
        tally.add(min(BATCH, draws - start), rng)
    return tally.figures(draws, seed)


def best_candidate(study: Study) -> str:
    """The one that is supposed to be best: the first that no gate keeps in any case."""
    held = {name for gate in study.gates.values() for name in gate.always}
    names = [name for stage in study.stages.values() for name in study.entrants[stage.name].possible]
    return next((name for name in names if name not in held), names[0])


class _Tally:
    def __init__(self, study: Study, plan: Plan, world: World) -> None:
        self.study, self.plan, self.world = study, plan, world
        self.names = sorted({name for stage in plan.stages for name in study.entrants[stage.name].possible})
        self.best = best_candidate(study)
        self.kept = {gate: np.zeros(len(self.names)) for gate in study.gates}
        self.top = dict.fromkeys(study.gates, 0)
        self.wrong = dict.fromkeys(study.gates, 0)
        self.free = dict.fromkeys(study.gates, 0)
        self.stopped = dict.fromkeys(study.gates, 0)
        self.rules = {rule: [0, 0] for rule in study.rules}
        self.end = self.near = 0
        self.seconds = 0.0
        self.last = [stage for stage in plan.stages if not stage.report_only][-1].name

    def add(self, count: int, rng: np.random.Generator) -> None:
        """Simulate *count* more studies."""
        study, world, names = self.study, self.world, self.names
        better = 1.0 if study.measure.lower_is_better else -1.0
        final = rng.standard_normal((count, len(names))) * world.spread
        best = names.index(self.best)
        others = np.delete(final, best, axis=1)
        final[:, best] = (others.min(axis=1) if others.size else 0.0) - world.gap
        penalty = rng.standard_normal((count, len(names))) * world.relax
        by_host = {name: rng.standard_normal((count, len(names))) * world.host for name in study.hosts}
        alive: dict[str, Bools] = {}
        promoted: dict[str, Bools] = {}
        values: dict[str, Floats] = {}
        for stage in self.plan.stages:
            if stage.after is not None:
                alive[stage.name] = promoted[stage.after]
            elif stage.continues is not None:
                alive[stage.name] = alive[stage.continues]
            else:
                possible = set(study.entrants[stage.name].possible)
                alive[stage.name] = np.tile(np.array([name in possible for name in names]), (count, 1))
            cells = study.stages[stage.name].cells
            true = final + penalty * self._multiplier(stage.name)
            drawn = true[:, :, None] + rng.standard_normal((count, len(names), len(cells))) * world.noise
            drawn += rng.standard_normal((count, 1, len(cells))) * world.shared
            for place, (host, _) in enumerate(cells):
                drawn[:, :, place] += by_host[host]
            values[stage.name] = better * drawn
            self.seconds += float(alive[stage.name].sum()) * len(cells) * stage.budget.cap_s
            for gate in study.gates.values():
                if gate.source == stage.name:
                    kept, stopped = apply_gate(study, gate, names, values, alive)
                    promoted[gate.name] = kept
                    self._count(gate, alive[stage.name], kept, stopped, final)
        for rule in study.rules.values():
            holds, known = apply_rule(study, rule, names, values, alive)
            self.rules[rule.name][0] += int(holds.sum())
            self.rules[rule.name][1] += int((~known).sum())
        there = alive[self.last]
        self.end += int(there[:, best].sum())
        self.near += int((there & (final <= final[:, [best]] + world.noise)).any(axis=1).sum())

    def _multiplier(self, name: str) -> float:
        first, last = self.plan.stages[0].budget.cap_s, self.plan.stage(self.last).budget.cap_s
        here = self.plan.stage(name).budget.cap_s
        power = -self.world.exponent
        return (here / first) ** power - (last / first) ** power

    def _count(self, gate: Gate, there: Bools, kept: Bools, stopped: Bools, final: Floats) -> None:
        self.kept[gate.name] += kept.sum(axis=0)
        self.top[gate.name] += int(kept[:, self.names.index(self.best)].sum())
        free = kept & ~np.array([name in gate.always for name in self.names])
        ousted = np.where(there & ~kept, final, np.inf).min(axis=1, keepdims=True)
        self.wrong[gate.name] += int((free & (final > ousted)).sum())
        self.free[gate.name] += int(free.sum())
        self.stopped[gate.name] += int(stopped.sum())

    def figures(self, draws: int, seed: int) -> Figures:
        gates = []
        for name, gate in self.study.gates.items():
            gates.append(
                GateFigures(
                    gate=name,
                    best_kept=_share(self.top[name], draws),
                    kept={
                        who: _share(int(self.kept[name][place]), draws)
                        for place, who in enumerate(self.names)
                        if who in self.study.entrants[gate.source].possible
                    },
                    false_promotions=_share(self.wrong[name], self.free[name]),
                    stopped=_share(self.stopped[name], draws),
                    promoted=float(self.kept[name].sum()) / draws,
                    by_arrays=fast_gate(gate),
                    best_kept_exactly=self._exactly(gate),
                )
            )
        return Figures(
            draws=draws,
            seed=seed,
            best=self.best,
            gates=tuple(gates),
            rules={name: (_share(a, draws), _share(b, draws)) for name, (a, b) in self.rules.items()},
            best_at_end=_share(self.end, draws),
            near_at_end=_share(self.near, draws),
            expected_s=self.seconds / draws,
            planned_s=self.plan.device_s.planned,
            most_s=self.plan.device_s.most,
        )

    def _exactly(self, gate: Gate) -> float | None:
        """Keep-top-m at a first stage, when one candidate is ahead of equals and noise is all that differs."""
        stage, world = self.study.stages[gate.source], self.world
        plain = isinstance(gate.keep, Top) and not gate.keep.per_host and gate.statistic is Statistic.MEAN
        plain = plain and not gate.demands and gate.sample is None and not stage.after and not stage.continues
        if not plain or world.spread or world.relax or world.noise <= 0 or self.best in gate.always:
            return None
        assert isinstance(gate.keep, Top)
        rivals = [name for name in self.study.entrants[gate.source].possible if name not in gate.always]
        if self.best not in rivals:
            return None
        hosts, cells = len(stage.hosts), len(stage.cells)
        sd = math.sqrt(world.noise**2 / cells + world.host**2 / hosts)
        return slippage(len(rivals), gate.keep.count, world.gap / sd)


def _share(count: int, of: int) -> Share:
    value = count / of if of else 0.0
    return Share(value, math.sqrt(value * (1 - value) / of) if of else 0.0)


def slippage(k: int, keep: int, shift: float) -> float:
    """
    Probability that the one better candidate of *k* is among the best *keep*.

    Args:
        k: candidates, all equal but one.
        keep: places.
        shift: lead of the better one in standard errors of one candidate's mean.

    Source:
        Bechhofer (1954), indifference-zone selection; integrated by the trapezoid rule on -9..9.
    """
    if keep >= k:
        return 1.0
    normal, step = NormalDist(), 1 / 64
    total = 0.0
    for place in range(-9 * 64, 9 * 64 + 1):
        z = place * step
        ahead = normal.cdf(z - shift)
        few = sum(math.comb(k - 1, j) * ahead**j * (1 - ahead) ** (k - 1 - j) for j in range(keep))
        total += normal.pdf(z) * few * step
    return total


# --- gates and rules in arrays ----------------------------------------------------------------------------


def fast_condition(condition: Condition) -> bool:
    """Whether arrays can answer a condition."""
    return all(
        isinstance(part, Top | Best | Level | First) or (isinstance(part, Difference) and part.test is None)
        for part in primitives(condition)
    )


def fast_gate(gate: Gate) -> bool:
    """Whether arrays can answer a gate."""
    return fast_condition(gate.keep) and not gate.demands and gate.sample is None


@frozen
class _Table:
    """Axis 0: studies, 1: candidates, 2: cells.  *better* times a value: smaller is better."""

    names: list[str]
    hosts: tuple[str, ...]
    """Host of each cell."""
    values: Floats
    alive: Bools
    contenders: Bools
    leader: NDArray[np.intp]
    rank_by: Statistic
    order: list[int]
    """Columns in tie order."""
    better: float
    allowance: float
    reference: str | None


def apply_gate(
    study: Study, gate: Gate, names: list[str], values: Mapping[str, Floats], alive: Mapping[str, Bools]
) -> tuple[Bools, Bools]:
    """
    Who is promoted in each study, shape (studies, candidates), and which studies stop, shape (studies,).

    Args:
        study: the resolved study.
        gate: one of its gates.
        names: candidates, in the order of axis 1.
        values: stage -> shape (studies, candidates, cells), in the measure's unit.
        alive: stage -> who entered it, shape (studies, candidates).
    """
    if not fast_gate(gate):
        return _slow_gate(study, gate, names, values, alive)
    keys: dict[TieBreak, Callable[[str], int | str]] = {
        TieBreak.NAME: lambda name: name,
        TieBreak.ORDER: list(study.candidates).index,
        TieBreak.PARAMETERS: lambda name: study.candidates[name].effective.parameters,
    }
    order = sorted(range(len(names)), key=lambda place: tuple(keys[tie](names[place]) for tie in gate.ties))
    there = alive[gate.source]
    always = np.array([name in gate.always for name in names])
    table = _table(
        study, gate.source, names, values, there, there & ~always, gate.statistic, order, float(gate.allowance), None
    )
    yes, no = _holds(gate.keep, table)
    stopped = (table.contenders & ~yes & ~no).any(axis=1)
    kept = there & (yes | always) & ~stopped[:, None]
    return kept, stopped


def apply_rule(
    study: Study, rule: Rule, names: list[str], values: Mapping[str, Floats], alive: Mapping[str, Bools]
) -> tuple[Bools, Bools]:
    """Whether a rule holds in each study, and whether it is decided; both of shape (studies,)."""
    there = alive[rule.stage]
    needed = [names.index(name) for name in (rule.judged, rule.reference) if name is not None]
    known = there[:, needed].all(axis=1)
    if not fast_condition(rule.require):
        return _slow_rule(study, rule, names, values, alive)
    order = sorted(range(len(names)), key=lambda place: names[place])
    table = _table(study, rule.stage, names, values, there, there, Statistic.MEAN, order, 0.0, rule.reference)
    yes, no = _holds(rule.require, table)
    judged = names.index(rule.judged)
    return yes[:, judged] & known, known & (yes | no)[:, judged]


def _table(
    study: Study,
    stage: str,
    names: list[str],
    values: Mapping[str, Floats],
    there: Bools,
    contenders: Bools,
    rank_by: Statistic,
    order: list[int],
    allowance: float,
    reference: str | None,
) -> _Table:
    better = 1.0 if study.measure.lower_is_better else -1.0
    hosts = tuple(host for host, _ in study.stages[stage].cells)
    scores = np.where(there, better * _summary(values[stage], rank_by, better), np.inf)
    leader = np.array(order)[np.argmin(scores[:, order], axis=1)]
    return _Table(names, hosts, values[stage], there, contenders, leader, rank_by, order, better, allowance, reference)


def _summary(values: Floats, statistic: Statistic, worst_is_large: float) -> Floats:
    match statistic:
        case Statistic.MEAN:
            return np.asarray(values.mean(axis=2))
        case Statistic.MEDIAN:
            return np.asarray(np.median(values, axis=2))
        case _:
            return np.asarray(values.max(axis=2) if worst_is_large > 0 else values.min(axis=2))


def _holds(condition: Condition, table: _Table) -> tuple[Bools, Bools]:
    """Where a condition holds, and where it does not; neither where it cannot be told."""
    match condition:
        case Isnt():
            yes, no = _holds(condition.condition, table)
            return no, yes
        case Both() | Either():
            parts = [_holds(part, table) for part in condition.conditions]
            every, some = (0, 1) if isinstance(condition, Both) else (1, 0)
            answers = {
                every: np.logical_and.reduce([part[every] for part in parts]),
                some: np.logical_or.reduce([part[some] for part in parts]),
            }
            return answers[0], answers[1]
        case Top() | Best():
            yes = _placed(condition, table)
            return yes & table.alive, ~yes & table.alive
        case Level():
            yes = _against(condition.statistic, table.values, condition.bound, table.better)
        case Difference():
            return _difference(condition, table)
        case First():
            yes = _first(table)
        case _:
            raise AssertionError(condition)
    return yes & table.alive, ~yes & table.alive


def _placed(condition: Top | Best, table: _Table) -> Bools:
    sizes = table.contenders.sum(axis=1)
    if isinstance(condition, Top):
        count = np.full(len(sizes), condition.count)
    else:
        limits = [math.ceil(condition.share * size) for size in range(len(table.names) + 1)]
        count = np.array(limits)[sizes]
    kept = np.zeros_like(table.contenders)
    for host in dict.fromkeys(table.hosts) if condition.per_host else (None,):
        cells = [place for place, where in enumerate(table.hosts) if host in (None, where)]
        scores = table.better * _summary(table.values[:, :, cells], table.rank_by, table.better)
        scores = np.where(table.contenders, scores, np.inf)[:, table.order]
        behind = np.argsort(scores, axis=1, kind="stable")
        places = np.empty_like(behind)
        np.put_along_axis(places, behind, np.arange(len(table.names))[None, :], axis=1)
        inside = np.empty_like(kept)
        inside[:, table.order] = places < count[:, None]
        kept |= inside
    return np.asarray(kept & table.contenders)


def _difference(condition: Difference, table: _Table) -> tuple[Bools, Bools]:
    rows = np.arange(len(table.values))
    name = condition.reference or table.reference
    other = table.leader if name == LEADER else np.full(len(rows), table.names.index(str(name)))
    sign = table.better if condition.side is Side.GAP else -table.better
    gaps = sign * (table.values - table.values[rows, other][:, None, :])
    widen = -table.allowance if condition.bound.kind is BoundKind.AT_LEAST else table.allowance
    bound = Bound(condition.bound.kind, condition.bound.value + Fraction(widen))
    yes = _against(condition.statistic, gaps, bound, 1.0 if condition.side is Side.GAP else -1.0)
    yes[rows, other] = True
    known = table.alive & table.alive[rows, other][:, None]
    return yes & known, ~yes & known


def _against(statistic: Statistic, values: Floats, bound: Bound, worst_is_large: float) -> Bools:
    every = statistic is Statistic.EVERY
    found = values if every else _summary(values, statistic, worst_is_large)
    limit = float(bound.value)
    match bound.kind:
        case BoundKind.WITHIN:
            inside = np.abs(found) <= limit
        case BoundKind.AT_MOST:
            inside = found <= limit
        case BoundKind.AT_LEAST:
            inside = found >= limit
    return np.asarray(inside.all(axis=2) if every else inside)


def _first(table: _Table) -> Bools:
    scores = np.where(table.alive[:, :, None], table.better * table.values, np.inf)
    least = scores.min(axis=1, keepdims=True)
    alone = (scores == least).sum(axis=1, keepdims=True) == 1
    return np.asarray(((scores == least) & alone).all(axis=2))


# --- gates and rules study by study -----------------------------------------------------------------------


def evidence_of(study: Study, stage: str, names: list[str], values: Floats, alive: Bools) -> Evidence:
    """One study's values, shape (candidates, cells), as evidence; values are kept to the last bit."""
    cells = study.stages[stage].cells
    rows = []
    for place, name in sorted(enumerate(names), key=lambda one: one[1]):
        if alive[place]:
            texts = [exact(Fraction(float(value))) for value in values[place]]
            found = (Cell(h, s, "", OK, text, 1, None) for (h, s), text in zip(cells, texts, strict=True))
            rows.append(Row(name, tuple(found)))
    return Evidence(stage, study.measure.metric, tuple(cells), tuple(rows))


def _world_at(
    study: Study, names: list[str], values: Mapping[str, Floats], alive: Mapping[str, Bools], at: int
) -> dict[str, Evidence]:
    return {stage: evidence_of(study, stage, names, values[stage][at], alive[stage][at]) for stage in values}


def _slow_gate(
    study: Study, gate: Gate, names: list[str], values: Mapping[str, Floats], alive: Mapping[str, Bools]
) -> tuple[Bools, Bools]:
    kept = np.zeros_like(alive[gate.source])
    stopped = np.zeros(len(kept), dtype=np.bool_)
    for at in range(len(kept)):
        known = _world_at(study, names, values, alive, at)
        decision = decide_gate(study, gate, known[gate.source], known)
        kept[at] = [name in decision.promoted for name in names]
        stopped[at] = bool(decision.stopped or decision.held)
    return kept, stopped


def _slow_rule(
    study: Study, rule: Rule, names: list[str], values: Mapping[str, Floats], alive: Mapping[str, Bools]
) -> tuple[Bools, Bools]:
    answers = []
    for at in range(len(alive[rule.stage])):
        known = _world_at(study, names, values, alive, at)
        answers.append(decide_rule(study, rule, known[rule.stage], known).answer)
    holds = np.array([answer is Answer.HOLDS for answer in answers])
    return holds, np.array([answer is not Answer.UNDECIDED for answer in answers])
