"""
Gates and rules on many studies at once, in arrays.

Axis 0 is studies, 1 candidates, 2 cells.  What the arrays cannot answer, sign flips over many cells, is put through
`decide_gate` and `decide_rule` themselves, study by study.  A test holds both ways together on random evidence.
"""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from promo.base.canonical import exact
from promo.base.classes import frozen
from promo.decision.confidence import Bools, Floats, agree, counted, reaches, speaks
from promo.decision.decide import decide_gate, decide_rule, lot
from promo.decision.values import Ground, Judgement, Ranking
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.study.judgement import (
    Agreement,
    Answer,
    Best,
    Both,
    Bound,
    BoundKind,
    Condition,
    Difference,
    Either,
    Equivalent,
    First,
    Gate,
    Isnt,
    Level,
    Projected,
    Rule,
    Side,
    Statistic,
    Then,
    TieBreak,
    Top,
    primitives,
)
from promo.study.values import Study
from promo.syntax.clauses import LEADER

FAST = frozenset({Statistic.MEAN, Statistic.MEDIAN, Statistic.WORST, Statistic.EVERY})
"""Statistics that the arrays know; any other one goes through `summarise`, study by study."""


def fast_condition(condition: Condition, cells: int) -> bool:
    """Whether arrays can answer a condition over so many cells."""
    parts = list(primitives(condition))
    known = all(part.statistic in FAST for part in parts if isinstance(part, Difference | Level))
    return known and all(
        part.test is None or counted(part.test, cells) for part in parts if isinstance(part, Difference)
    )


def fast_rule(rule: Rule, cells: int) -> bool:
    """Whether arrays can answer a rule over so many cells: one about a candidate that is known beforehand."""
    return isinstance(rule.judged, str) and fast_condition(rule.require, cells)


def fast_gate(gate: Gate, cells: int) -> bool:
    """Whether arrays can answer a gate over so many cells."""
    return gate.statistic in FAST and all(fast_condition(condition, cells) for condition in gate.asked)


@frozen
class _Table:
    """Axis 0: studies, 1: candidates, 2: cells.  *better* times a value: smaller is better."""

    names: list[str]
    hosts: tuple[str, ...]
    """Host of each cell."""
    values: Floats
    alive: Bools
    contenders: Bools
    asked: Bools
    """About whom it matters what a test says."""
    leader: NDArray[np.intp]
    rank_by: Statistic
    order: list[int]
    """Columns in tie order."""
    better: float
    allowance: float
    reference: str | None
    stages: Mapping[str, tuple[Floats, Bools]]
    """Stage -> values and who is there, for this stage and those before it."""


def apply_gate(
    study: Study, gate: Gate, names: list[str], values: Mapping[str, Floats], alive: Mapping[str, Bools]
) -> tuple[Bools, Bools, Bools]:
    """
    Who is promoted in each study, which of them only as a sample of the dropped, and which studies stop.

    Args:
        study: the resolved study.
        gate: one of its gates.
        names: candidates, in the order of axis 1.
        values: stage -> shape (studies, candidates, cells), in the measure's unit.
        alive: stage -> who entered it, shape (studies, candidates).

    Returns:
        Promoted and sampled, both of shape (studies, candidates), and stopped or held, shape (studies,).
    """
    if not fast_gate(gate, values[gate.source].shape[2]):
        return _slow_gate(study, gate, names, values, alive)
    keys: dict[TieBreak, Callable[[str], int | str]] = {
        TieBreak.NAME: lambda name: name,
        TieBreak.ORDER: list(study.candidates).index,
        TieBreak.PARAMETERS: study.size_of,
    }
    order = sorted(range(len(names)), key=lambda place: tuple(keys[tie](names[place]) for tie in gate.ties))
    there = alive[gate.source]
    always = np.array([name in gate.always for name in names])
    allowance, contenders = float(gate.allowance), there & ~always
    table = _table(
        study, gate.source, names, values, alive, contenders, contenders, gate.statistic, order, allowance, None
    )
    yes, no, stopped = _demanded(gate, table)
    stopped |= (contenders & ~yes & ~no).any(axis=1)
    drawn = _drawn(gate, names, contenders & ~yes)
    going = there & ~stopped[:, None]
    return going & (yes | always | drawn), going & drawn, stopped


def _demanded(gate: Gate, table: _Table) -> tuple[Bools, Bools, Bools]:
    """Whom the gate keeps once its demands are met, or by what the first unmet one says; and which studies end."""
    yes, no = _holds(gate.keep, table)
    ended: Bools = np.zeros(len(yes), dtype=np.bool_)
    unsettled: Bools = np.ones(len(yes), dtype=np.bool_)
    for demand in gate.demands:
        met, _ = _holds(demand.condition, table)
        every = met[:, 0] if isinstance(demand.condition, Agreement) else (met | ~table.contenders).all(axis=1)
        unmet = unsettled & ~every
        if isinstance(demand.otherwise, Then):
            ended |= unmet
        else:
            other_yes, other_no = _holds(demand.otherwise, table)
            yes, no = np.where(unmet[:, None], other_yes, yes), np.where(unmet[:, None], other_no, no)
        unsettled &= ~unmet
    return yes, no, ended


def _drawn(gate: Gate, names: list[str], dropped: Bools) -> Bools:
    """The sample of the dropped, in the order of their lots."""
    drawn = np.zeros_like(dropped)
    if gate.sample is not None:
        order = sorted(range(len(names)), key=lambda place: lot(gate, names[place]))
        before = np.cumsum(dropped[:, order], axis=1)
        drawn[:, order] = dropped[:, order] & (before <= gate.sample.count)
    return drawn


def apply_rule(
    study: Study, rule: Rule, names: list[str], values: Mapping[str, Floats], alive: Mapping[str, Bools]
) -> tuple[Bools, Bools]:
    """Whether a rule holds in each study, and whether it is decided; both of shape (studies,)."""
    there = alive[rule.stage]
    if not isinstance(rule.judged, str) or not fast_rule(rule, values[rule.stage].shape[2]):
        return _slow_rule(study, rule, names, values, alive)
    needed = [names.index(name) for name in (rule.judged, rule.reference) if name is not None]
    known = there[:, needed].all(axis=1)
    order = sorted(range(len(names)), key=lambda place: names[place])
    judged = names.index(rule.judged)
    asked = there & (np.arange(len(names)) == judged)
    table = _table(study, rule.stage, names, values, alive, there, asked, Statistic.MEAN, order, 0.0, rule.reference)
    yes, no = _holds(rule.require, table)
    return yes[:, judged] & known, known & (yes | no)[:, judged]


def _table(
    study: Study,
    stage: str,
    names: list[str],
    values: Mapping[str, Floats],
    alive: Mapping[str, Bools],
    contenders: Bools,
    asked: Bools,
    rank_by: Statistic,
    order: list[int],
    allowance: float,
    reference: str | None,
) -> _Table:
    better = 1.0 if study.measure.lower_is_better else -1.0
    hosts = tuple(host for host, _ in study.stages[stage].cells)
    there = alive[stage]
    scores = np.where(there, better * _summary(values[stage], rank_by, better), np.inf)
    leader = np.array(order)[np.argmin(scores[:, order], axis=1)]
    stages = {name: (values[name], alive[name]) for name in values}
    return _Table(
        names,
        hosts,
        values[stage],
        there,
        contenders,
        asked,
        leader,
        rank_by,
        order,
        better,
        allowance,
        reference,
        stages,
    )


def _summary(values: Floats, statistic: Statistic, worst_is_large: float) -> Floats:
    match statistic:
        case Statistic.MEAN:
            return np.asarray(values.mean(axis=2))
        case Statistic.MEDIAN:
            return np.asarray(np.median(values, axis=2))
        case Statistic.WORST:
            return np.asarray(values.max(axis=2) if worst_is_large > 0 else values.min(axis=2))
        case Statistic.EVERY:
            raise AssertionError("'every' gives one number per cell")
        case _:
            assert_never(statistic)


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
        case Equivalent():
            return _equivalent(condition, table)
        case Agreement():
            reached = _agreement(condition, table)[:, None] & np.ones_like(table.alive)
            return reached, ~reached
        case First():
            yes = _first(table)
        case Projected():
            raise AssertionError("an invented world has no laws")
        case _:
            assert_never(condition)
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


def _gaps(reference: str | None, side: Side, table: _Table) -> tuple[Floats, Bools, Bools]:
    """Differences to a reference, of shape (studies, candidates, cells); who it is, and where both are there."""
    rows = np.arange(len(table.values))
    name = reference or table.reference
    other = table.leader if name == LEADER else np.full(len(rows), table.names.index(str(name)))
    sign = table.better if side is Side.GAP else -table.better
    itself = np.zeros_like(table.alive)
    itself[rows, other] = True
    known = table.alive & table.alive[rows, other][:, None]
    return sign * (table.values - table.values[rows, other][:, None, :]), itself, known


def _difference(condition: Difference, table: _Table) -> tuple[Bools, Bools]:
    gaps, itself, known = _gaps(condition.reference, condition.side, table)
    widen = -table.allowance if condition.bound.kind is BoundKind.AT_LEAST else table.allowance
    bound = Bound(condition.bound.kind, condition.bound.value + Fraction(widen))
    if condition.test is not None:
        asked = known & ~itself & table.asked
        yes = np.zeros_like(known)
        yes[asked] = speaks(condition.test, gaps[asked], bound)
    else:
        yes = _against(condition.statistic, gaps, bound, 1.0 if condition.side is Side.GAP else -1.0)
    yes = yes | itself
    return yes & known, ~yes & known


def _equivalent(condition: Equivalent, table: _Table) -> tuple[Bools, Bools]:
    gaps, _, known = _gaps(condition.reference, Side.GAP, table)
    margin = float(condition.margin) + table.allowance
    yes = np.abs(gaps.mean(axis=2)) + reaches(condition.test, gaps) <= margin
    return yes & known, ~yes & known


def _agreement(condition: Agreement, table: _Table) -> Bools:
    """Where the rankings of hosts or stages agree; shape (studies,)."""
    rankings = []
    for name in condition.between:
        if condition.of_hosts:
            cells = [place for place, host in enumerate(table.hosts) if host == name]
            values, there = table.values[:, :, cells], table.alive
        else:
            values, there = table.stages[name]
        rankings.append((_summary(values, table.rank_by, table.better), there))
    return agree(rankings, float(condition.bound.value))


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
        case _:
            assert_never(bound.kind)
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
            found = (Cell(h, s, "", CellStatus.OK, text, 1, None) for (h, s), text in zip(cells, texts, strict=True))
            rows.append(Row(name, tuple(found)))
    return Evidence(stage, study.measure.metric, tuple(cells), tuple(rows))


def _world_at(
    study: Study, names: list[str], values: Mapping[str, Floats], alive: Mapping[str, Bools], at: int
) -> dict[str, Evidence]:
    return {stage: evidence_of(study, stage, names, values[stage][at], alive[stage][at]) for stage in values}


def _slow_gate(
    study: Study, gate: Gate, names: list[str], values: Mapping[str, Floats], alive: Mapping[str, Bools]
) -> tuple[Bools, Bools, Bools]:
    kept, drawn = np.zeros_like(alive[gate.source]), np.zeros_like(alive[gate.source])
    stopped: Bools = np.zeros(len(kept), dtype=np.bool_)
    for at in range(len(kept)):
        known = _world_at(study, names, values, alive, at)
        decision = decide_gate(study, gate, known[gate.source], known)
        kept[at] = [name in decision.promoted for name in names]
        assert isinstance(decision.found, Ranking)
        sampled = {one.candidate for one in decision.found.standings if one.ground is Ground.SAMPLE}
        drawn[at] = [name in sampled for name in names]
        stopped[at] = decision.stopped or decision.held
    return kept, drawn, stopped


def _slow_rule(
    study: Study, rule: Rule, names: list[str], values: Mapping[str, Floats], alive: Mapping[str, Bools]
) -> tuple[Bools, Bools]:
    answers = []
    for at in range(len(alive[rule.stage])):
        known = _world_at(study, names, values, alive, at)
        found = decide_rule(study, rule, known[rule.stage], known).found
        assert isinstance(found, Judgement)
        answers.append(found.answer)
    holds = np.array([answer is Answer.HOLDS for answer in answers])
    return holds, np.array([answer is not Answer.UNDECIDED for answer in answers])
