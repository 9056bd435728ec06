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
from promo.decision.by_name import decide
from promo.decision.values import Decision, verdict_of
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
                study, recorded = self.agenda.study, self.agenda.recorded is not None
                asked_of = (self._evidence, self.effects.__getitem__, self.state)
                decision = self.decisions[step.name] = decide(study, step.name, *asked_of, recorded=recorded)
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
