"""Everything a report is made from, and the sums over it that several sections need."""

from collections.abc import Mapping
from fractions import Fraction

from attrs import frozen

from promo.base.canonical import Json, from_exact
from promo.decision.values import Decision
from promo.evidence.effects import EffectTable
from promo.evidence.values import Evidence
from promo.ledger.state import Attempt, State
from promo.plan.values import Plan
from promo.report.people import settled
from promo.run.values import Result
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
    points: Mapping[str, tuple[Mapping[str, Json], ...]]
    """Run -> measured points of its accepted attempt."""
    others: Mapping[tuple[str, int], Decision]
    """(Gate or rule, wording) -> what a wording that does not count would have decided."""
    promo: str
    """Version of promo that made the report."""
    folder: str
    """The study folder, for the command lines."""
    meaning: str = ""
    """What the runner says its metric means."""
    starts: tuple[tuple[str, Mapping[str, Json]], ...] = ()
    """Every start of promo on the study: its time, and what the ledger recorded of it."""
    first_attempt: int | None = None
    """Number of the event that started the first attempt."""
    faults: tuple[str, ...] = ()
    """What could not be read or does not fit together; what depends on it is left out."""

    @property
    def candidates(self) -> tuple[str, ...]:
        """Candidates that the plan may train, in declaration order."""
        planned = {run.candidate for stage in self.plan.stages for run in stage.runs}
        return tuple(name for name in self.study.candidates if name in planned)

    @property
    def verdicts(self) -> dict[str, Decision]:
        """Gate or rule -> decision, as it stands after any person's word."""
        return {name: settled(decision, self.state) for name, decision in self.decisions.items()}

    def attempts(self, stage: str | None = None) -> list[Attempt]:
        """Attempts of one stage, or of all."""
        every = (attempt for tried in self.state.attempts.values() for attempt in tried)
        return [attempt for attempt in every if stage is None or attempt.stage == stage]

    def spent_s(self, stage: str | None = None) -> Fraction:
        """Training seconds of every attempt, counted or not."""
        results = (self.results.get((one.run, one.number)) for one in self.attempts(stage))
        return sum((from_exact(result.charged_s) for result in results if result is not None), Fraction(0))

    def slot_s(self, stage: str | None = None) -> Fraction:
        """Seconds that every attempt held its slot, all phases, as far as they are known."""
        known = (one.device_s for one in self.attempts(stage) if one.device_s is not None)
        return sum((from_exact(text) for text in known), Fraction(0))

    def accepted(self, stage: str | None = None) -> int:
        """Runs that have a result."""
        return len({one.run for one in self.attempts(stage) if self.state.accepted(one.run) is one})


def part(value: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    """An object inside a stored value; empty when it is not there."""
    found = value.get(key)
    return found if isinstance(found, Mapping) else {}
