"""
What a ledger adds up to: a fold over its events.

Resuming, `promo status`, verifying and reporting all read this one value, so they cannot disagree about what has
happened.
"""

from collections.abc import Iterable, Mapping
from enum import Enum

from attrs import define, field

from promo.base.canonical import Json
from promo.ledger.values import Event, EventKind


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
    status: str = ""
    """The run's own status once it ended: ok, nan, oom, timeout, ..."""
    cause: str = ""
    again: bool = False
    """A guard set it aside, and the run is to be tried again."""
    envelope: str | None = None
    """Digest of its result envelope, if it wrote a sound one."""
    metrics: Mapping[str, Json] = field(factory=dict)
    """Values of a result that was accepted, as the ledger repeats them."""
    left: Mapping[str, Json] = field(factory=dict)
    """File -> digest of what it left beside its result: what it printed, and how it ended."""
    train_s: str | None = None
    """Seconds that its budget paid for, as exact text; None while unknown."""
    device_s: str | None = None
    """Seconds of the device's time it took, all phases, as exact text; None while unknown."""
    started: str = ""
    ended: str = ""
    device: str | None = None
    """The device it was given, by its lasting name."""
    beside: tuple[str, ...] = ()
    """Programs that promo did not start and that computed on its device when it began."""
    late: str | None = None
    """Digest of an envelope that came when the attempt had been given up; it counts for nothing."""


@define
class State:
    """A study at some point of its ledger."""

    study: StudyState = StudyState.EMPTY
    frozen: Mapping[str, Json] = field(factory=dict)
    frozen_at: str = ""
    data: Mapping[str, Json] | None = None
    opened: dict[str, tuple[str, ...]] = field(factory=dict)
    """Stage -> its entrants."""
    closed: set[str] = field(factory=set)
    attempts: dict[str, list[Attempt]] = field(factory=dict)
    """Run -> its attempts in order."""
    decisions: dict[str, Mapping[str, Json]] = field(factory=dict)
    """Gate or rule -> its recorded decision event."""
    effects: dict[str, Mapping[str, Json]] = field(factory=dict)
    """Effects -> the recorded event of their estimate."""
    people: dict[str, Mapping[str, Json]] = field(factory=dict)
    """Gate or rule that waited for a person -> what that person decided."""
    amendments: list[Mapping[str, Json]] = field(factory=list)
    """Amendments of gates and rules, oldest first; the first has the number 1."""
    decided_as: dict[str, int] = field(factory=dict)
    """Gate or rule -> number of the amendment that was in force when it decided; 0: as it was frozen."""
    receipts: list[Mapping[str, Json]] = field(factory=list)
    """Receipts from outside, oldest first."""
    published: str | None = None
    """The value from after the freeze that seeds are drawn from, once it is recorded."""
    bundles: list[Mapping[str, Json]] = field(factory=list)
    """What was brought in from other machines, oldest first."""
    ended: Mapping[str, Json] | None = None
    incarnations: int = 0
    events: int = 0
    last_time: str = ""

    def accepted(self, run: str) -> Attempt | None:
        """The attempt of a run whose result counts: the first that was accepted."""
        tried = self.attempts.get(run, ())
        return next((attempt for attempt in tried if attempt.state is AttemptState.ACCEPTED), None)

    def failures(self, run: str, among: frozenset[str] | None = None) -> int:
        """How many attempts of a run failed, with any status or one of *among*; lost ones do not count."""
        failed = (one for one in self.attempts.get(run, ()) if one.state is AttemptState.FAILED)
        return sum(among is None or one.status in among for one in failed)

    def flagged(self, run: str) -> int:
        """How many results of a run a guard set aside."""
        return sum(attempt.state is AttemptState.FLAGGED for attempt in self.attempts.get(run, ()))

    def promoted(self, name: str) -> tuple[str, ...]:
        """Whom a gate or reduction let on, by its own verdict or by that of a person; nobody before it has decided."""
        named = self.people.get(name, self.decisions.get(name, {})).get("promoted")
        return tuple(str(one) for one in named) if isinstance(named, list) else ()

    def ended_badly(self, run: str) -> int:
        """How many attempts of a run ended without a result that counts; lost ones have not ended."""
        return self.failures(run) + self.flagged(run)

    def waiting(self) -> tuple[str, ...]:
        """Gates and rules that wait for a person."""
        return tuple(name for name, one in self.decisions.items() if one.get("held") and name not in self.people)

    def versions(self, name: str) -> tuple[int, ...]:
        """Every wording of a gate or rule, oldest first: 0 as it was frozen, then the numbers of its amendments."""
        numbers = (number for number, one in enumerate(self.amendments, 1) if one["name"] == name)
        return (0, *numbers)

    def in_force(self, name: str) -> int:
        """The wording that decides: the one a decision was made by, before that the newest."""
        return self.decided_as.get(name, self.versions(name)[-1])

    def results_of(self, stages: Iterable[str]) -> tuple[str, ...]:
        """Cells of some stages that have a result, counted or set aside, in words."""
        wanted = set(stages)
        seen = (one for tried in self.attempts.values() for one in tried if one.stage in wanted and one.envelope)
        return tuple(sorted({f"{one.stage}: {one.candidate} on {one.host}, seed {one.seed}" for one in seen}))

    def running(self) -> tuple[Attempt, ...]:
        """Attempts that were started and have not ended."""
        every = (attempt for tried in self.attempts.values() for attempt in tried)
        return tuple(attempt for attempt in every if attempt.state is AttemptState.RUNNING)


def state_of(events: Iterable[Event]) -> State:
    """The state after some events."""
    state = State()
    for event in events:
        apply(state, event)
    return state


def apply(state: State, event: Event) -> None:
    """Take one more event into a state."""
    state.events = event.seq + 1
    state.incarnations = max(state.incarnations, event.incarnation)
    state.last_time = event.time
    match event.kind:
        case EventKind.ATTEMPT_STARTED:
            _start(state, event)
        case EventKind.ATTEMPT_FAILED | EventKind.ATTEMPT_LOST | EventKind.RESULT_ACCEPTED:
            _end(state, event)
        case EventKind.RESULT_FLAGGED:
            _flag(state, event)
        case EventKind.ANCHOR_RECEIVED:
            state.receipts.append(event.data)
        case EventKind.VALUE_PUBLISHED:
            state.published = _text(event.data, "value") if state.published is None else state.published
        case EventKind.ATTEMPT_LATE:
            _attempt(state, event).late = _text(event.data, "envelope")
        case _:
            _move(state, event)


def _move(state: State, event: Event) -> None:
    """Take in an event about the study as a whole."""
    data = event.data
    match event.kind:
        case EventKind.STUDY_FROZEN:
            state.study, state.frozen, state.frozen_at = StudyState.OPEN, data, event.time
        case EventKind.DATA_PREPARED:
            state.data = data
        case EventKind.STAGE_OPENED:
            state.opened[_text(data, "stage")] = tuple(str(name) for name in _list(data, "entrants"))
        case EventKind.STAGE_CLOSED:
            state.closed.add(_text(data, "stage"))
        case EventKind.GATE_DECIDED | EventKind.RULE_DECIDED | EventKind.REDUCTION_DECIDED | EventKind.BASELINE_MOVED:
            name = _text(data, "name")
            state.decided_as[name] = state.in_force(name)
            state.decisions[name] = data
        case EventKind.RULE_AMENDED:
            state.amendments.append(data)
        case EventKind.BUNDLE_IMPORTED:
            state.bundles.append(data)
        case EventKind.EFFECTS_ESTIMATED:
            state.effects[_text(data, "name")] = data
        case EventKind.PERSON_DECIDED:
            state.people[_text(data, "name")] = data
        case EventKind.STUDY_STOPPED:
            state.study, state.ended = StudyState.STOPPED, data
        case EventKind.STUDY_CLOSED:
            state.study, state.ended = StudyState.CLOSED, data


_ENDINGS = {
    EventKind.ATTEMPT_FAILED: AttemptState.FAILED,
    EventKind.ATTEMPT_LOST: AttemptState.LOST,
    EventKind.RESULT_ACCEPTED: AttemptState.ACCEPTED,
}


def _start(state: State, event: Event) -> None:
    data = event.data
    number, seed = data["attempt"], data["seed"]
    assert isinstance(number, int)
    assert isinstance(seed, int)
    attempt = Attempt(
        run=_text(data, "run"),
        number=number,
        stage=_text(data, "stage"),
        candidate=_text(data, "candidate"),
        host=_text(data, "host"),
        seed=seed,
        folder=_text(data, "folder"),
        request=_text(data, "request"),
        started=event.time,
        device=_maybe(data, "device"),
        beside=tuple(str(one) for one in _list(data, "beside")) if "beside" in data else (),
    )
    state.attempts.setdefault(attempt.run, []).append(attempt)


def _end(state: State, event: Event) -> None:
    data, attempt = event.data, _attempt(state, event)
    attempt.state = _ENDINGS[event.kind]
    attempt.status = str(data.get("status", ""))
    attempt.cause = str(data.get("cause", ""))
    attempt.device_s = _maybe(data, "device_s")
    attempt.train_s = _maybe(data, "train_s")
    attempt.ended = event.time
    attempt.envelope = _maybe(data, "envelope")
    attempt.metrics, attempt.left = _mapping(data, "metrics"), _mapping(data, "left")


def _flag(state: State, event: Event) -> None:
    attempt = _attempt(state, event)
    attempt.state, attempt.status, attempt.cause = AttemptState.FLAGGED, "flagged", _text(event.data, "cause")
    attempt.again = event.data.get("again") is True


def _attempt(state: State, event: Event) -> Attempt:
    """The attempt that an event is about."""
    tried = state.attempts[_text(event.data, "run")]
    return next(one for one in tried if one.number == event.data["attempt"])


def _text(data: Mapping[str, Json], key: str) -> str:
    value = data[key]
    assert isinstance(value, str)
    return value


def _maybe(data: Mapping[str, Json], key: str) -> str | None:
    value = data.get(key)
    return None if value is None else str(value)


def _mapping(data: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    value = data.get(key, {})
    assert isinstance(value, Mapping)
    return value


def _list(data: Mapping[str, Json], key: str) -> list[Json]:
    value = data[key]
    assert isinstance(value, list | tuple)
    return list(value)
