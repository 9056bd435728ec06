"""
Agenda and state to counts: how many runs a study has, and how many of them have a result.

Live view, status, report and their JSON all show these numbers, and nobody counts events.  A run that several stages
have in common is one run of the study, and one of each of those stages.  A stage has the runs of those who entered it;
before it opens, as many as are planned.  The study has the distinct runs of the stages whose entrants are known, and of
any other stage as many as are planned beside those of earlier stages, or all possible ones that are not known if these
are fewer.  A result is
counted for a run of an entrant only, so that done is never more than runs.
"""

from promo.base.classes import define, field, frozen
from promo.decision.agenda import Agenda
from promo.ledger.state import AttemptState, State
from promo.plans.values import StagePlan


@frozen
class Count:
    """How many runs there are, and how many of them have a result that counts."""

    done: int
    runs: int


@frozen
class Attempts:
    """How many attempts stand how; each belongs to the stage that it was made for."""

    running: int
    failed: int
    excluded: int
    """Set aside by a guard."""
    lost: int


@define
class Counts:
    """Counts of one study."""

    agenda: Agenda
    _stages: int = field(init=False, default=-1)
    """How many stages had opened when runs were counted; nothing else moves them."""
    _begun: set[str] = field(init=False, factory=set)
    """Runs of those who entered these."""
    _runs: int = field(init=False, default=0)

    def study(self, state: State) -> Count:
        """Distinct runs of the whole study."""
        if self._stages != len(state.opened):
            self._stages = len(state.opened)
            self._begun = {run.id for name in state.opened for run in self.agenda.of_entrants(name, state)}
            self._runs = self._distinct(state)
        return Count(len(state.sound & self._begun), self._runs)

    def stage(self, name: str, state: State) -> Count:
        """Runs of a stage."""
        if name not in state.opened:
            return Count(0, self.agenda.plan.stage(name).run_count.planned)
        mine = [run.id for run in self.agenda.of_entrants(name, state)]
        return Count(sum(run in state.sound for run in mine), len(mine))

    def attempts(self, state: State, stage: str | None = None) -> Attempts:
        """Attempts that were made for a stage, or for any."""
        found = [one.state for one in state.every_attempt(stage)]
        counted = (AttemptState.RUNNING, AttemptState.FAILED, AttemptState.FLAGGED, AttemptState.LOST)
        return Attempts(*map(found.count, counted))

    def _distinct(self, state: State) -> int:
        """Runs of stages whose entrants are known, and at most so many more."""
        known, later = set(self._begun), list[StagePlan]()
        for stage in self.agenda.plan.stages:
            there = self.agenda.study.entrants[stage.name]
            if stage.name in state.opened:
                continue
            if there.sure == frozenset(there.possible):
                known.update(run.id for run in stage.runs)
            else:
                later.append(stage)
        return len(known) + sum(
            min(one.run_count.planned - one.shared, len({run.id for run in one.runs} - known)) for one in later
        )
