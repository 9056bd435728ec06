"""
What a ledger adds up to: a fold over its events.

Resuming, `promo status`, verifying and reporting all read this one value, so they cannot disagree about what has
happened.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from fractions import Fraction
from typing import assert_never

from promo.base.classes import define, field
from promo.base.errors import Mismatch
from promo.ledger.bundles import Arrival
from promo.ledger.losses import Loss
from promo.ledger.outcomes import Held, Stopped, Turn
from promo.ledger.sources import Input, Text
from promo.ledger.values import (
    Amendment,
    AttemptFailed,
    AttemptLate,
    AttemptLost,
    AttemptStarted,
    BudgetAmended,
    BundleImported,
    CellResult,
    ClockJumped,
    Decided,
    EffectsEstimated,
    Ended,
    Event,
    Freezing,
    OfStep,
    OfStudy,
    PersonDecided,
    Publication,
    Receipt,
    ResultAccepted,
    ResultFlagged,
    RunStatus,
    StageClosed,
    StageOpened,
    Start,
    StudyClosed,
    StudyStopped,
    TextPrepared,
    Work,
)


class AttemptState(Enum):
    """Where an attempt stands."""

    RUNNING = "running"
    ACCEPTED = "accepted"
    FLAGGED = "flagged"
    """It had a result, and a guard set it aside."""
    FAILED = "failed"
    LOST = "lost"


class StudyState(Enum):
    """Where a study stands."""

    EMPTY = "empty"
    OPEN = "open"
    STOPPED = "stopped"
    CLOSED = "closed"


@define
class Attempt:
    """One try at one run."""

    run: str
    number: int
    stage: str
    candidate: str
    host: str
    seed: int
    folder: str
    request: str = ""
    """Digest of its request."""
    state: AttemptState = AttemptState.RUNNING
    status: RunStatus | None = None
    """The run's own status once it ended with one."""
    loss: Loss | None = None
    """Why it was lost, if it was."""
    cause: str = ""
    """What the run, or who waited for it, said of its end."""
    flagged: ResultFlagged | None = None
    """How a guard set it aside, if one did."""
    envelope: str | None = None
    """Digest of its result envelope, if it wrote a sound one."""
    metrics: Mapping[str, str] = field(factory=dict)
    """Values of a result that was accepted, as the ledger repeats them; and how it went, for guards."""
    seconds: Mapping[str, str] = field(factory=dict)
    work: Work = Work()
    contention: str | None = None
    witnesses: Mapping[str, str] = field(factory=dict)
    """File -> digest of what it left beside its result: what it printed, and how it ended."""
    train_s: str | None = None
    """Seconds that its budget paid for, as exact text; None while unknown."""
    device_s: str | None = None
    """Seconds of the device's time it took, all phases, as exact text; None while unknown."""
    job: str | None = None
    """The name that its queue knows it by, if it has one."""
    queued_s: str | None = None
    """Seconds that it waited in a queue, as exact text; None where there is none."""
    started: str = ""
    """When it began, by the ledger of the machine that it ran on."""
    ended: str = ""
    device: str | None = None
    """The device it was given, by its lasting name."""
    co_tenants: tuple[str, ...] = ()
    """Programs that promo did not start and that computed on its device when it began."""
    late: str | None = None
    """Digest of an envelope that came when the attempt had been given up; it counts for nothing."""
    late_status: RunStatus | None = None
    """What that envelope says of its end."""
    bundle: str | None = None
    """The bundle that brought it; None for what ran here."""

    @property
    def ending(self) -> str:
        """How it stands in one word: its run's status once that is known, else its state."""
        if self.state in (AttemptState.FLAGGED, AttemptState.LOST) or self.status is None:
            return self.state.value
        return self.status.value


@define
class State:
    """A study at some point of its ledger."""

    study: StudyState = StudyState.EMPTY
    frozen: Freezing | None = None
    frozen_at: str = ""
    text: Text | None = None
    opened: dict[str, tuple[str, ...]] = field(factory=dict)
    """Stage -> its entrants."""
    closed: dict[str, StageClosed] = field(factory=dict)
    attempts: dict[str, list[Attempt]] = field(factory=dict)
    """Run -> its attempts in order."""
    sound: set[str] = field(factory=set)
    """Runs that have a result that counts."""
    decisions: dict[str, Decided] = field(factory=dict)
    """Gate, rule, reduction or step -> what it decided."""
    effects: dict[str, EffectsEstimated] = field(factory=dict)
    people: dict[str, PersonDecided] = field(factory=dict)
    """Gate or rule that waited for a person -> what that person decided."""
    amendments: list[Amendment] = field(factory=list)
    """Amendments of gates and rules, oldest first; the first has the number 1."""
    budgets: list[BudgetAmended] = field(factory=list)
    """Budgets that the study was given after it had begun, oldest first."""
    amended_at: list[str] = field(factory=list)
    """When each amendment was recorded."""
    decided_at: dict[str, str] = field(factory=dict)
    """Gate or rule -> when a person decided."""
    receipts: list[Receipt] = field(factory=list)
    """Receipts from outside, oldest first."""
    published: str | None = None
    """The value from after the freeze that seeds are drawn from, once it is recorded."""
    bundles: list[BundleImported] = field(factory=list)
    """What was brought in from other machines, oldest first."""
    arrivals: dict[tuple[str, int], Arrival] = field(factory=dict)
    """(run, attempt) -> when it began and ended elsewhere."""
    stopped_by: str | None = None
    """The gate or rule that ended the study."""
    starts: int = 0
    """How often a promo began to work on it."""
    inputs: tuple[Input, ...] | None = None
    """What its runs rest on and was not frozen, as it was at the first start; None before it."""
    incarnations: int = 0
    events: int = 0
    last_time: str = ""

    @property
    def plan(self) -> str:
        """Digest of the frozen plan; empty before anything was frozen."""
        return self.frozen.plan if self.frozen else ""

    @property
    def replay(self) -> bool:
        """Whether nothing is trained: values are read from recorded curves."""
        return self.frozen is not None and self.frozen.replay is not None

    @property
    def budget_s(self) -> int | None:
        """The study's budget of device time by its last amendment; None where that of the spec holds."""
        return next((one.budget_s for one in reversed(self.budgets) if one.budget_s is not None), None)

    @property
    def money(self) -> Fraction | None:
        """The study's budget of money by its last amendment; None where that of the spec holds."""
        return next((one.money for one in reversed(self.budgets) if one.money is not None), None)

    def accepted(self, run: str) -> Attempt | None:
        """The attempt of a run whose result counts: the first that was accepted."""
        tried = self.attempts.get(run, ())
        return next((attempt for attempt in tried if attempt.state is AttemptState.ACCEPTED), None)

    def every_attempt(self, stage: str | None = None) -> Iterable[Attempt]:
        """Attempts of one stage, or of all, run by run."""
        every = (attempt for tried in self.attempts.values() for attempt in tried)
        return every if stage is None else (attempt for attempt in every if attempt.stage == stage)

    def failures(self, run: str, among: frozenset[RunStatus] | None = None) -> int:
        """How many attempts of a run failed, with any status or one of *among*; lost ones do not count."""
        failed = (one for one in self.attempts.get(run, ()) if one.state is AttemptState.FAILED)
        return sum(among is None or one.status in among for one in failed)

    def flagged(self, run: str) -> int:
        """How many results of a run a guard set aside."""
        return sum(attempt.state is AttemptState.FLAGGED for attempt in self.attempts.get(run, ()))

    def lost(self, run: str) -> int:
        """How many attempts of a run were lost; one whose device was taken never began."""
        lost = (one for one in self.attempts.get(run, ()) if one.state is AttemptState.LOST)
        return sum(one.loss is not Loss.BUSY for one in lost)

    def promoted(self, name: str) -> tuple[str, ...]:
        """Whom a gate or reduction let on, by its own verdict or by that of a person; nobody before it has decided."""
        person, decided = self.people.get(name), self.decisions.get(name)
        if person is not None:
            return person.promoted or ()
        return decided.verdict.promoted if decided else ()

    def path(self, schedule: str) -> tuple[Turn, ...]:
        """The shapes that a schedule goes through, or the one that a person chose; none before that is decided."""
        person, decided = self.people.get(schedule), self.decisions.get(schedule)
        if person is not None:
            return tuple(Turn(name, 0) for name in person.promoted or ())
        return decided.verdict.path if decided else ()

    def ended_badly(self, run: str) -> int:
        """How many attempts of a run ended without a result that counts; lost ones have not ended."""
        return self.failures(run) + self.flagged(run)

    def tries(self, run: str) -> int:
        """How many attempts of a run have ended, lost ones included; one whose device was taken never began."""
        ended = (one for one in self.attempts.get(run, ()) if one.state is not AttemptState.RUNNING)
        return sum(one.loss is not Loss.BUSY for one in ended)

    def waiting(self) -> tuple[str, ...]:
        """Gates and rules that wait for a person."""
        held = (name for name, one in self.decisions.items() if isinstance(one.verdict.outcome, Held))
        return tuple(name for name in held if name not in self.people)

    def stopping(self) -> str | None:
        """The first gate or rule that says that the study stops, by its own verdict or by that of a person."""
        decided = (name for name, one in self.decisions.items() if isinstance(one.verdict.outcome, Stopped))
        return next(iter([*decided, *(name for name, one in self.people.items() if one.stopped)]), None)

    def versions(self, name: str) -> tuple[int, ...]:
        """Every wording of a gate or rule, oldest first: 0 as it was frozen, then the numbers of its amendments."""
        numbers = (number for number, one in enumerate(self.amendments, 1) if one.name == name)
        return (0, *numbers)

    def in_force(self, name: str) -> int:
        """The wording that decides: the one a decision was made by, before that the newest."""
        decided = self.decisions.get(name)
        return decided.verdict.wording if decided else self.versions(name)[-1]

    def results_of(self, stages: Iterable[str]) -> tuple[CellResult, ...]:
        """Cells of some stages that have a result, counted or set aside, sorted."""
        wanted = set(stages)
        seen = {
            (one.stage, one.candidate, one.host, one.seed)
            for one in self.every_attempt()
            if one.stage in wanted and one.envelope
        }
        return tuple(CellResult(*cell) for cell in sorted(seen))

    def running(self) -> tuple[Attempt, ...]:
        """Attempts that were started and have not ended."""
        return tuple(attempt for attempt in self.every_attempt() if attempt.state is AttemptState.RUNNING)


def state_of(events: Iterable[Event]) -> State:
    """
    The state after some events.

    Raises:
        Mismatch: an event is about an attempt that was never started.
    """
    state = State()
    for event in events:
        apply(state, event)
    return state


def apply(state: State, event: Event) -> None:
    """Take one more event into a state; as `state_of`."""
    state.events = event.seq + 1
    state.incarnations = max(state.incarnations, event.incarnation)
    state.last_time = event.time
    match event.event:
        case AttemptStarted() as one:
            there = state.arrivals.get((one.run, one.attempt)) if one.bundle else None
            _start(state, one, there.started if there else event.time)
        case ResultAccepted() | AttemptFailed() | AttemptLost() as one:
            there = state.arrivals.get((one.run, one.attempt)) if one.bundle else None
            _end(_attempt(state, one.run, one.attempt, event.seq), one, there.ended if there else event.time)
            _weigh(state, one.run)
        case ResultFlagged() as one:
            attempt = _attempt(state, one.run, one.attempt, event.seq)
            attempt.state, attempt.flagged = AttemptState.FLAGGED, one
            _weigh(state, one.run)
        case AttemptLate() as one:
            attempt = _attempt(state, one.run, one.attempt, event.seq)
            attempt.late, attempt.late_status = one.envelope, one.status
        case _ as one:
            _move(state, one, event.time)


def _move(state: State, one: OfStep | OfStudy, time: str) -> None:
    """Take in an event about the study as a whole, or a step of it."""
    match one:
        case Freezing():
            state.study, state.frozen, state.frozen_at = StudyState.OPEN, one, time
        case Receipt():
            state.receipts.append(one)
        case Publication():
            state.published = one.value if state.published is None else state.published
        case Start() as one:
            state.starts += 1
            state.inputs = one.inputs if state.inputs is None else state.inputs
        case TextPrepared():
            state.text = one.text
        case StageOpened():
            state.opened[one.stage] = one.entrants
        case StageClosed():
            state.closed[one.stage] = one
        case Decided():
            state.decisions[one.name] = one
        case PersonDecided():
            state.people[one.name], state.decided_at[one.name] = one, time
        case Amendment():
            state.amendments.append(one)
            state.amended_at.append(time)
        case BudgetAmended():
            state.budgets.append(one)
        case BundleImported():
            state.bundles.append(one)
            state.arrivals |= {(each.run, each.attempt): each for each in one.taken}
        case EffectsEstimated():
            state.effects[one.name] = one
        case StudyStopped():
            state.study, state.stopped_by = StudyState.STOPPED, one.by
        case StudyClosed():
            state.study = StudyState.CLOSED
        case ClockJumped():
            pass
        case _:
            assert_never(one)


def _start(state: State, one: AttemptStarted, time: str) -> None:
    attempt = Attempt(
        run=one.run,
        number=one.attempt,
        stage=one.stage,
        candidate=one.candidate,
        host=one.host,
        seed=one.seed,
        folder=one.folder,
        request=one.request,
        started=time,
        device=one.device,
        co_tenants=one.co_tenants,
        bundle=one.bundle,
        job=one.job,
    )
    state.attempts.setdefault(attempt.run, []).append(attempt)


def _end(attempt: Attempt, one: Ended, time: str) -> None:
    attempt.ended, attempt.device_s, attempt.witnesses = time, one.device_s, one.witnesses
    attempt.queued_s = one.queued_s
    match one:
        case ResultAccepted():
            attempt.state, attempt.status, attempt.metrics = AttemptState.ACCEPTED, RunStatus.OK, one.metrics
            attempt.envelope, attempt.train_s = one.envelope, one.seconds.get("train", "0")
            attempt.seconds, attempt.work, attempt.contention = one.seconds, one.work, one.contention
        case AttemptFailed():
            attempt.state, attempt.status, attempt.cause = AttemptState.FAILED, one.status, one.cause
            attempt.envelope, attempt.train_s = one.envelope, one.train_s
        case AttemptLost():
            attempt.state, attempt.loss = AttemptState.LOST, one.loss
        case _:
            assert_never(one)


def _weigh(state: State, run: str) -> None:
    """Note whether a run has a result that counts."""
    if state.accepted(run) is None:
        state.sound.discard(run)
    else:
        state.sound.add(run)


def _attempt(state: State, run: str, number: int, seq: int) -> Attempt:
    """The attempt that an event is about."""
    found = next((one for one in state.attempts.get(run, ()) if one.number == number), None)
    if found is None:
        raise Mismatch(f"event {seq} is about attempt {number} of run {run}, which was never started")
    return found
