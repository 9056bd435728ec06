"""
Readings to what a spec would have done: its agenda once more, in memory, with seeds as they were drawn.

It goes the way of `promo replay` and writes nothing, so that it can be asked hundreds of times; a test holds the two to
each other.
"""

from collections.abc import Mapping
from fractions import Fraction

from promo.base.canonical import exact, from_exact
from promo.base.classes import define, field
from promo.decision.agenda import Agenda
from promo.decision.comparators import Choice
from promo.decision.rehearse import Rehearsal
from promo.decision.values import Ground, Ranking
from promo.driver.readings import Readings, Seen, mean_of
from promo.ledger.state import State
from promo.ledger.values import AttemptFailed, Ended, ResultAccepted
from promo.plans.values import PlannedRun
from promo.run.values import RunStatus, Work


@define
class Retrace:
    """A study followed through its stages, with seeds as they were drawn."""

    readings: Readings
    agenda: Agenda
    drawn: Mapping[int, int]
    spent_s: Fraction = Fraction(0)
    """Seconds of devices."""
    rehearsal: Rehearsal = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.rehearsal = Rehearsal(self.agenda, self._end)

    @property
    def state(self) -> State:
        """How far it has come."""
        return self.rehearsal.state

    def follow(self) -> "Retrace":
        """Go through all stages that are reached."""
        self.rehearsal.carry_out()
        return self

    def _end(self, run: PlannedRun, number: int) -> Ended:
        """What the table says of an attempt; a rerun reads the next recorded run of the cell as it was drawn."""
        stage, readings = self.agenda.study.stages[run.stage], self.readings
        first = self.agenda.first_recorded(run, self.state)
        carried = None if stage.continues is None else self._accepted(stage.continues, run)
        if stage.continues is not None and carried is None:
            seen = Seen(RunStatus.INVALID, None, Fraction(0), Work())
        else:
            number_there = first + self.state.ended_badly(run.id)
            amount, earlier = readings.whole(stage), readings.earlier(stage)
            seen = readings.read(run.candidate, run.host, self.drawn[run.seed], amount, earlier, number_there)
        self.spent_s += seen.seconds * self.agenda.study.width(run.stage, run.host)
        if seen.status is not RunStatus.OK or seen.value is None:
            return AttemptFailed(run.id, number, seen.status, "", None, None, None, {}, None)
        seconds, metric = exact(seen.seconds), self.agenda.study.measure.metric
        times = {"train": seconds, "total": seconds}
        return ResultAccepted(run.id, number, "", {metric: exact(seen.value)}, times, seen.work, None, None, {}, None)

    def _accepted(self, stage: str, run: PlannedRun) -> object:
        return self.state.accepted(self.agenda.cells[stage, run.candidate, run.host, run.seed].id)

    def choice(self, *, lower_is_better: bool) -> Choice:
        """The best mean at the largest budget; who was dropped and only audited is paid for and not chosen."""
        full, rungs = self.readings.rungs[-1], self.readings.rungs
        study, sampled = self.agenda.study, self._sampled()
        scores: dict[str, Fraction] = {}
        for name in self.readings.names:
            cells = {
                (host, seed): self._value(stage.name, name, host, seed)
                for stage in study.stages.values()
                if self.readings.whole(stage) == full and name in self.state.opened.get(stage.name, ())
                for host, seed in stage.cells
            }
            mean = mean_of(cells.values())
            if mean is not None and name not in sampled:
                scores[name] = mean if lower_is_better else -mean
        reached: dict[str, frozenset[int]] = {}
        for stage in study.stages.values():
            below = [place for place, rung in enumerate(rungs) if rung <= self.readings.whole(stage)]
            for name in self.state.opened.get(stage.name, ()):
                reached[name] = reached.get(name, frozenset()) | {max(below, default=0)}
        best = min(scores, key=lambda name: (scores[name], self.readings.names.index(name)), default=None)
        return Choice(best, self.spent_s, reached)

    def _value(self, stage: str, name: str, host: str, seed: int) -> Fraction | None:
        accepted = self.state.accepted(self.agenda.cells[stage, name, host, seed].id)
        text = None if accepted is None else accepted.metrics.get(self.agenda.study.measure.metric)
        return None if text is None else from_exact(text)

    def _sampled(self) -> set[str]:
        """Dropped candidates that went on to be audited."""
        rankings = (one.found for one in self.rehearsal.decisions.values() if isinstance(one.found, Ranking))
        standings = (standing for ranking in rankings for standing in ranking.standings)
        return {one.candidate for one in standings if one.ground is Ground.SAMPLE}
