"""
Agenda to outcome, in memory: a study carried out without a ledger on disk, by asking for the end of each attempt.

Comparisons and invented studies go this way hundreds of times, by the same agenda and the same deciders as a study that
trains; nothing is written.
"""

from collections.abc import Callable
from typing import assert_never

from promo.base.classes import define, field
from promo.decision.agenda import (
    Agenda,
    AwaitBudget,
    Close,
    Decide,
    Estimate,
    Finish,
    Make,
    Open,
    SetAside,
    Step,
    Stop,
    Wait,
)
from promo.decision.decide import decide_gate, decide_rule
from promo.decision.foretell import decide_by_law
from promo.decision.reduce import decide_reduction
from promo.decision.values import Decision, verdict_of
from promo.decision.walk import decide_step
from promo.evidence.collect import collect
from promo.evidence.effects import estimate_effects
from promo.evidence.estimates import EffectTable
from promo.evidence.values import Evidence
from promo.ledger.state import State, StudyState, apply
from promo.ledger.values import (
    AttemptStarted,
    Decided,
    EffectsEstimated,
    Ended,
    Event,
    Happening,
    ResultFlagged,
    StageClosed,
    StageOpened,
    StudyClosed,
    StudyStopped,
)
from promo.plans.values import PlannedRun
from promo.study.judgement import Gate, Reduction, Rule, also_read

Answer = Callable[[PlannedRun, int], Ended]
"""How an attempt of a run ends; attempts count from 1."""


@define
class Rehearsal:
    """A study carried out in memory, as far as it goes without a person."""

    agenda: Agenda
    answer: Answer
    state: State = field(factory=lambda: State(study=StudyState.OPEN))
    evidence: dict[str, Evidence] = field(factory=dict)
    """Stage -> evidence, once it has been asked for with all runs ended."""
    effects: dict[str, EffectTable] = field(factory=dict)
    decisions: dict[str, Decision] = field(factory=dict)

    def carry_out(self) -> "Rehearsal":
        """Do what is due until nothing is, or only a person could go on."""
        while True:
            due = [step for step in self.agenda.steps(self.state) if not isinstance(step, Wait | AwaitBudget)]
            if not due:
                return self
            for step in due if isinstance(due[0], Make) else due[:1]:
                self._do(step)

    def _happened(self, happening: Happening) -> None:
        apply(self.state, Event(self.state.events, "", 1, happening, ""))

    def _do(self, step: Step) -> None:
        match step:
            case Make():
                self._make(step.run)
            case Open():
                self._happened(StageOpened(step.stage, step.entrants))
            case SetAside():
                self.evidence.clear()
                flagged = (step.run, step.attempt, step.gate, step.guard, step.value, step.limit, step.again)
                self._happened(ResultFlagged(*flagged))
            case Decide():
                decision = self.decisions[step.name] = self._decide(step.name)
                self._happened(Decided(step.name, decision.seal, verdict_of(decision, 0), ()))
            case Close():
                self._happened(StageClosed(step.stage, "", 0))
            case Estimate():
                asked = self.agenda.study.effects[step.name]
                seen = {stage: self._evidence(stage) for stage in asked.stages}
                self.effects[step.name] = estimate_effects(self.agenda.study, asked, seen)
                self._happened(EffectsEstimated(step.name, "", ()))
            case Stop():
                self._happened(StudyStopped(step.by))
            case Finish():
                self._happened(StudyClosed(len(self.state.closed)))
            case Wait() | AwaitBudget():
                raise AssertionError("nobody is there to be waited for")
            case _:
                assert_never(step)

    def _make(self, run: PlannedRun) -> None:
        if self.state.attempts.get(run.id) and self.agenda.run_has_ended(run, self.state):
            return  # two stages have it in common
        number = 1 + len(self.state.attempts.get(run.id, ()))
        cell = (run.stage, run.candidate, run.host, run.seed)
        self._happened(AttemptStarted(run.id, number, *cell, "", "", None, (), None))
        self._happened(self.answer(run, number))

    def _evidence(self, stage: str) -> Evidence:
        if stage not in self.evidence:
            metric = self.agenda.study.measure.metric
            planned, entrants = self.agenda.plan.stage(stage), self.state.opened.get(stage, ())
            self.evidence[stage] = collect(
                planned, entrants, metric, self.state, lambda attempt: attempt.metrics.get(metric)
            )
        return self.evidence[stage]

    def _decide(self, name: str) -> Decision:
        study, recorded = self.agenda.study, self.agenda.recorded is not None
        if name in study.steps:
            step = study.steps[name]
            return decide_step(study, step, {stage: self._evidence(stage) for stage in step.sources})
        if name in study.told_by:
            seen = {stage: self._evidence(stage) for stage in study.told_by[name].stages}
            return decide_by_law(study, name, seen, recorded=recorded)
        rule = study.deciding[name]
        match rule:
            case Gate():
                return decide_gate(study, rule, self._evidence(rule.source), self._others(rule), recorded=recorded)
            case Rule():
                return decide_rule(study, rule, self._evidence(rule.stage), self._others(rule), recorded=recorded)
            case Reduction():
                seen = {stage: self._evidence(stage) for stage in rule.sources}
                around = self.state.promoted(rule.around) if rule.around else ()
                return decide_reduction(study, rule, self.effects[rule.effects], seen, around)
            case _:
                assert_never(rule)

    def _others(self, rule: Gate | Rule) -> dict[str, Evidence]:
        """Evidence of the stages that a gate or rule reads besides its own."""
        return {name: self._evidence(name) for name in also_read(rule)}
