"""Everything a report is made from, and the sums over it that several sections need."""

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property

from promo.base.canonical import exact_sum, from_exact
from promo.base.classes import frozen
from promo.decision.agenda import Agenda
from promo.decision.counts import Count, Counts
from promo.decision.values import Comparison, Decision, Judgement
from promo.evidence.estimates import EffectTable
from promo.evidence.values import Evidence
from promo.ledger.state import Attempt, State
from promo.ledger.values import Start
from promo.plans.values import Plan
from promo.report.changed import beside, changes, planned
from promo.report.people import settled
from promo.run.outside import Outside
from promo.run.values import Counter, Point, Result
from promo.study.lock import Lock
from promo.study.values import Study


@frozen
class Record:
    """A study as read from its folder, with evidence and decisions derived anew."""

    study: Study
    plan: Plan
    lock: Lock | None
    state: State
    head: str
    """Digest of the ledger's last line."""
    evidence: Mapping[str, Evidence]
    """Stage -> evidence, for stages whose runs have ended."""
    decisions: Mapping[str, Decision]
    """Gate or rule -> decision."""
    effects: Mapping[str, EffectTable]
    """Effects -> what was estimated."""
    results: Mapping[tuple[str, int], Result]
    """(run, attempt) -> what it left."""
    points: Mapping[str, tuple[Point, ...]]
    """Run -> measured points of its accepted attempt."""
    others: Mapping[tuple[str, int], Decision]
    """(Gate or rule, wording) -> what a wording that does not count would have decided."""
    promo: str
    """Version of promo that made the report."""
    folder: str
    """The study folder, for the command lines."""
    meaning: str = ""
    """What the runner says its metric means."""
    starts: tuple[tuple[str, Start], ...] = ()
    """Every start of promo on the study: its time, and what the ledger recorded of it."""
    first_attempt: int | None = None
    """Number of the event that started the first attempt."""
    outside: Mapping[tuple[str, int], Outside] = {}
    """(run, attempt) -> who trained it, of what somebody else's system trained."""
    faults: tuple[str, ...] = ()
    """What could not be read or does not fit together; what depends on it is left out."""

    @cached_property
    def candidates(self) -> tuple[str, ...]:
        """Candidates that the plan may train, in declaration order."""
        return planned(self.study, self.plan)

    @cached_property
    def changed(self) -> Mapping[str, str]:
        """Candidate -> what changed in it; empty for the one that others are compared with."""
        return changes(self.study, self.candidates)

    def call(self, name: str) -> str:
        """A candidate as it is called, by its name and what changed: `shallow (depth 1)`."""
        return beside(name, self.changed.get(name, ""))

    def of_candidate(self, found: Judgement, one: Comparison) -> str:
        """`, good (lr 0.01)`: whose values a comparison has, where a rule is about more than one candidate."""
        return f", {self.call(one.candidate)}" if len(found.judged) > 1 else ""

    @cached_property
    def called(self) -> tuple[str, ...]:
        """Candidates by number, each with what changed: `shallow (depth 1)`."""
        return tuple(map(self.call, self.candidates))

    @property
    def verdicts(self) -> dict[str, Decision]:
        """Gate or rule -> decision, as it stands after any person's word."""
        return {name: settled(decision, self.state) for name, decision in self.decisions.items()}

    def size(self, candidate: str) -> int:
        """Parameters of a candidate at the end of its training: of its last shape, once that is settled."""
        follows = self.study.candidates[candidate].follows
        path = self.state.path(follows) if follows else ()
        return self.study.size_of(path[-1].candidate if path else candidate)

    def came(self, candidate: str, stage: str) -> tuple[Fraction | None, int]:
        """The mean over the cells of a candidate that have a value at a stage, and how many those are."""
        evidence = self.evidence.get(stage)
        row = evidence.row(candidate) if evidence is not None else None
        values = [from_exact(cell.value) for cell in row.cells if cell.value is not None] if row is not None else []
        return (exact_sum(values) / len(values) if values else None), len(values)

    def attempts(self, stage: str | None = None) -> list[Attempt]:
        """Attempts of one stage, or of all."""
        return list(self.state.every_attempt(stage))

    @cached_property
    def _seconds(self) -> dict[str, tuple[Fraction, Fraction]]:
        """Stage -> seconds of devices in training and in all phases; ten sentences of a report ask for these sums."""
        trained: dict[str, list[Fraction]] = {}
        device: dict[str, list[Fraction]] = {}
        for one in self.attempts():
            result = self.results.get((one.run, one.number))
            if result is not None and one.envelope is not None:  # what a lost attempt left is no measure of it
                seconds = from_exact(result.charged_s) * self.study.width(one.stage, one.host)
                trained.setdefault(one.stage, []).append(seconds)
            if one.device_s is not None:
                device.setdefault(one.stage, []).append(
                    from_exact(one.device_s) * self.study.width(one.stage, one.host)
                )
        return {
            stage: (exact_sum(trained.get(stage, ())), exact_sum(device.get(stage, ()))) for stage in trained | device
        }

    @cached_property
    def is_timed(self) -> bool:
        """Whether anybody kept the seconds of training: a table that was replayed may have no clock."""
        return not self.state.replay or any("train" in one.seconds for one in self.results.values())

    def training(self, *stages: str) -> str:
        """What seconds were spent in, at some stages or at all: simulated seconds may be more than slots were taken."""
        counts = [one for stage, one in self._simulated.items() if not stages or stage in stages]
        simulated, used = (sum(one[which] for one in counts) for which in (0, 1))
        if simulated and simulated == used:
            return "simulated training"
        return f"training{f' (simulated in {simulated} of {used} attempts)' if simulated else ''}"

    @cached_property
    def _simulated(self) -> dict[str, tuple[int, int]]:
        """Stage -> attempts whose seconds were simulated, and those that say whether they were."""
        found: dict[str, list[bool]] = {}
        for one in self.attempts():
            result = self.results.get((one.run, one.number)) if one.envelope is not None else None
            if result is not None and result.body is not None and result.body.used is not None:
                found.setdefault(one.stage, []).append(result.body.used.counter is Counter.SIMULATED)
        return {stage: (sum(simulated), len(simulated)) for stage, simulated in found.items()}

    def spent_s(self, stage: str | None = None) -> Fraction:
        """Seconds of devices in training, of every attempt that was measured, counted or not; lost ones are unknown."""
        return exact_sum(seconds for name, (seconds, _) in self._seconds.items() if stage in (None, name))

    def runs_s(self, stage: str) -> Fraction:
        """Seconds in which every attempt of a stage that was measured trained, however many devices it had."""
        attempts = (one for one in self.attempts(stage) if one.envelope is not None)
        results = (self.results.get((one.run, one.number)) for one in attempts)
        return exact_sum(from_exact(one.charged_s) for one in results if one is not None)

    def queued_s(self) -> Fraction | None:
        """Seconds that attempts waited in queues, as far as they are known; None where there are no queues."""
        waits = [one.queued_s for one in self.attempts() if one.queued_s is not None]
        return exact_sum(from_exact(text) for text in waits) if waits else None

    def slot_s(self, stage: str | None = None) -> Fraction:
        """Seconds that every attempt held its devices, all phases, as far as they are known."""
        return exact_sum(seconds for name, (_, seconds) in self._seconds.items() if stage in (None, name))

    @cached_property
    def _counts(self) -> Counts:
        return Counts(Agenda(self.study, self.plan))

    def runs(self, stage: str | None = None) -> Count:
        """Runs of a stage, or distinct runs of the study, and how many of them have a result that counts."""
        return self._counts.study(self.state) if stage is None else self._counts.stage(stage, self.state)
