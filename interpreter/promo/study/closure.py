"""
A frozen gate, rule or reduction to everything its verdict rests on: the value that its seal is the digest of.

The closure holds the rule's own clauses, the measure, the data, the runner, the stages it reads (budget and cells), the
machines of their hosts, and what every candidate trains that can come before it.  Layout, comments, order of
declarations, titles, prices and roles are left out: they cannot move a verdict.  Slots and executors of hosts may move
how much a timed run trains; they are left to the digest of the plan, so that a seal holds on fewer cores or in a queue.
"""

from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction
from typing import Annotated, ClassVar, assert_never

from promo.base.classes import evolve, frozen
from promo.base.fields import Silent
from promo.study.data import Data
from promo.study.given import Several
from promo.study.host import Machine
from promo.study.judgement import (
    Agreement,
    BestOf,
    Deciding,
    First,
    Gate,
    Projected,
    Promoted,
    Reduction,
    Rule,
    TieBreak,
    also_read,
    primitives,
)
from promo.study.laws import Law, Schedule
from promo.study.meaning import gate_meaning
from promo.study.space import Neighbourhood
from promo.study.values import Budget, Draw, Effects, Grow, Measure, Mode, RunnerChoice, Stage, Study

Settings = Mapping[str, int | str]
"""What a candidate really trains, as its runner resolves it."""


@frozen
class Reading:
    """What of a stage its evidence rests on: who enters, from where, with which budget, in which cells."""

    after: str | None
    promoted: bool
    around: str | None
    candidates: tuple[str, ...]
    mode: Mode
    continues: str | None
    budget: Budget
    cooldown: Fraction | None
    hosts: tuple[str, ...]
    seeds: tuple[int, ...]
    devices: Annotated[Several | None, Silent(None)]
    report_only: bool


@frozen
class Start:
    """What has to be there before the first run, and what seeds and the order of runs are drawn from."""

    anchor: bool
    draw: Draw | None
    order_seed: int | None


@frozen
class Closure:
    """Everything that the verdict of *rule* rests on."""

    FORM: ClassVar = ("promo_seal", 2)

    rule: Gate | Rule | Reduction
    measure: Measure
    runner: RunnerChoice
    data: Data | None
    stages: Mapping[str, Reading]
    machines: Mapping[str, Machine]
    candidates: Mapping[str, Settings]
    grows: Mapping[str, Grow]
    schedules: Mapping[str, Schedule]
    laws: Mapping[str, Law]
    """Of those schedules, and those that are asked."""
    effects: Effects | None
    """What a reduction reads."""
    neighbours: Neighbourhood | None
    """What a reduction lets on, where that is a neighbourhood."""
    around: Gate | None
    """The gate whose promoted that neighbourhood is of."""
    order: tuple[str, ...] | None
    """Candidates as declared, where ties are broken by that."""
    start: Start
    attempts: int
    """How often a run is tried in all, before it has no value."""


def closure(study: Study, rule: Deciding) -> Closure:
    """What the verdict of a gate, rule or reduction rests on."""
    if isinstance(rule, Reduction):
        return _of_reduction(study, rule)
    if isinstance(rule, Gate):
        candidates = study.entrants[rule.source].possible
        rule = gate_meaning(rule)
    else:
        candidates = _about(study, rule)
    found = _rests_on(study, rule, {*rule.sources, *also_read(rule)}, candidates)
    if isinstance(rule, Gate) and TieBreak.ORDER in rule.ties:
        return evolve(found, order=tuple(name for name in study.candidates if name in set(candidates)))
    return found


def _about(study: Study, rule: Rule) -> tuple[str, ...]:
    """Candidates whose values a rule may read; first place and agreement are about everyone who is there."""
    there = study.entrants[rule.stage].possible
    about_all = any(isinstance(part, First | Agreement) for part in primitives(rule.require))
    match rule.judged:
        case str():
            return there if about_all else tuple(name for name in (rule.judged, rule.reference) if name is not None)
        case Promoted():
            return there
        case BestOf():
            return tuple(dict.fromkeys((*there, *study.entrants[rule.judged.stage].possible)))
        case _:
            assert_never(rule.judged)


def _of_reduction(study: Study, rule: Reduction) -> Closure:
    """Its clauses, the effects it reads and all that these rest on, and the rows that may go on."""
    effects = study.effects[rule.effects]
    points = {name for design in effects.designs for name in study.designs[design].points}
    seen = {name for stage in rule.sources for name in study.entrants[stage].possible if name in points}
    around = study.gates.get(rule.around or "")
    return evolve(
        _rests_on(study, rule, set(rule.needs), seen | set(rule.rows)),
        effects=evolve(effects, block=tuple(sorted(effects.block))),
        neighbours=study.neighbourhoods.get(rule.into),
        around=gate_meaning(around) if around is not None and rule.into in study.neighbourhoods else None,
    )


def _rests_on(study: Study, rule: Deciding, stages: set[str], candidates: Collection[str]) -> Closure:
    """Everything behind the evidence of some stages."""
    followed = {study.candidates[name].follows for name in candidates}
    schedules = {name: one for name, one in study.schedules.items() if name in followed}
    laws = {name: study.laws[name] for name in (*(one.law for one in schedules.values()), *_laws_asked(rule))}
    grows = _grows(study, stages, set(candidates))
    trained = stages | {name for grow in grows for name in (*grow.stages, grow.stage)}
    trained |= {name for law in laws.values() for name in law.stages}
    read = trained | {before.name for name in trained for before in study.carried_on(name)}
    named = {*candidates, *(name for grow in grows for name in (grow.parent, *grow.ways))}
    named |= {name for one in schedules.values() for name in one.shapes}
    hosts = {host for name in read for host in study.stages[name].hosts}
    return Closure(
        rule=rule,
        measure=study.measure,
        runner=study.runner,
        data=study.data,
        stages={name: reading(study.stages[name]) for name in read},
        machines={host: study.hosts[host].machine for host in hosts},
        candidates={name: dict(study.candidates[name].effective.settings) for name in named},
        grows={grow.name: grow for grow in grows},
        schedules=schedules,
        laws=laws,
        effects=None,
        neighbours=None,
        around=None,
        order=None,
        start=Start(study.anchor, study.draw, study.order_seed),
        attempts=study.attempts,
    )


def _laws_asked(rule: Deciding) -> Iterator[str]:
    if not isinstance(rule, Reduction):
        for condition in rule.asked if isinstance(rule, Gate) else (rule.require,):
            yield from (part.law for part in primitives(condition) if isinstance(part, Projected))


def reading(stage: Stage) -> Reading:
    """What of a stage its evidence rests on, in one order."""
    return Reading(
        after=stage.after,
        promoted=stage.promoted,
        around=stage.around,
        candidates=tuple(sorted(stage.candidates)),
        mode=stage.mode,
        continues=stage.continues,
        budget=stage.budget,
        cooldown=stage.cooldown,
        hosts=tuple(sorted(stage.hosts)),
        seeds=tuple(sorted(stage.seeds)),
        devices=stage.devices,
        report_only=stage.report_only,
    )


def _grows(study: Study, stages: set[str], candidates: set[str]) -> tuple[Grow, ...]:
    """Growths that what is read comes from, also through others."""
    said = [
        one for one in study.grows.values() if candidates.intersection(one.grown) or stages.intersection(one.stages)
    ]
    before = {grow.stage for grow in said} | stages
    parents = {grow.parent for grow in said} | candidates
    if before == stages and parents == candidates:
        return tuple(said)
    return _grows(study, before, parents)
