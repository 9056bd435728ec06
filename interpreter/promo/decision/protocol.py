"""
Ledger to breaches: every event that the agenda did not allow where it stands.

The events are taken in one by one, as they were when the study ran, and each is held against what might happen at that
point.  What is missing shows by what follows: a stage that closes before its last run, a gate that decides before its
results, a study that ends before its end.  Nothing here reads a file; whether results, tables and verdicts are what the
ledger says is looked at elsewhere.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import assert_never

from promo.base.classes import define, field, frozen
from promo.base.errors import Mismatch
from promo.decision.agenda import Agenda, Cell, Close, Decide, Estimate, SetAside, in_force
from promo.decision.spending import Allowed, Spending, allowed, needed
from promo.ledger.moments import seconds_of
from promo.ledger.state import AttemptState, State, StudyState, apply
from promo.ledger.values import (
    Amendment,
    AttemptFailed,
    AttemptLate,
    AttemptLost,
    AttemptStarted,
    BudgetAmended,
    BundleImported,
    ClockJumped,
    Decided,
    EffectsEstimated,
    Ended,
    Event,
    Freezing,
    Happening,
    OfStudy,
    PersonDecided,
    Publication,
    Receipt,
    ResultAccepted,
    ResultFlagged,
    StageClosed,
    StageOpened,
    Start,
    StudyClosed,
    StudyStopped,
    TextPrepared,
)
from promo.plans.values import Plan
from promo.study.values import Study

BACK_S = 60
"""Seconds that the wall clock may go back without a word: it is set right now and then."""


class Wrong(Enum):
    """In which way an event is not allowed where it stands."""

    NOT_FROZEN = "not frozen"
    """Something happened before the study was frozen."""
    FROZEN_TWICE = "frozen twice"
    """The study was frozen before."""
    AFTER_END = "after end"
    """The study had ended."""
    AFTER_STOP = "after stop"
    """A rule had stopped the study, so nothing more begins."""
    NO_START = "no start"
    """No start of promo is recorded for it."""
    STARTED_TWICE = "started twice"
    """One promo starts once."""
    INPUTS = "inputs"
    """What its runs rest on had changed since the first start."""
    INCARNATION = "incarnation"
    """The number of starts goes back or leaves some out."""
    TIME = "time"
    """Its time goes back, and no jump of the clock is recorded."""
    UNKNOWN = "unknown"
    """The plan has no such name."""
    TWICE = "twice"
    """It happened before."""
    NOT_DUE = "not due"
    """It was not due yet."""
    ENTRANTS = "entrants"
    """Others may enter."""
    RUN = "run"
    """The plan has no such run."""
    FOLDER = "folder"
    """Its folder is not that of its run and number."""
    NUMBER = "number"
    """Its number is not higher than that of the attempt before."""
    UNDER_WAY = "under way"
    """Another attempt of the run was under way."""
    NO_SLOT = "no slot"
    """Every slot of its host was taken."""
    RUN_OVER = "run over"
    """Nothing more was due for its run."""
    STAGE_SHUT = "stage shut"
    """Its stage was not open, or it is none of those who entered."""
    NO_BUDGET = "no budget"
    """The study's budget had no room for it."""
    NO_TEXT = "no text"
    """The text that it needs was not prepared."""
    NEVER_STARTED = "never started"
    """That attempt was never started, or had ended."""
    COUNTED_TWICE = "counted twice"
    """The run had a result that counts."""
    NOT_GIVEN_UP = "not given up"
    """That attempt had not been given up."""
    GUARD = "guard"
    """No guard sets this result aside so."""
    NOT_ASKED = "not asked"
    """Nobody waited for a person there."""
    NO_REASON = "no reason"
    """What a person decides or amends has an author and a reason."""
    NO_BUNDLE = "no bundle"
    """No bundle that was taken in holds it."""
    AHEAD = "ahead"
    """It is about events that come later."""


@frozen
class Breach:
    """An event that was not allowed where it stands."""

    seq: int
    kind: str
    """What it says happened, by its tag."""
    wrong: Wrong
    about: str
    """The stage, run, gate or effects that it is about; empty for the study as a whole."""


STILL_ALLOWED = (Receipt, Amendment, ClockJumped)
"""What may be recorded of a study that has ended."""
UNATTENDED = (
    Freezing,
    Receipt,
    Publication,
    Start,
    Amendment,
    BudgetAmended,
    PersonDecided,
    BundleImported,
    ClockJumped,
)
"""What is recorded by commands that do not run the study."""


def breaches(
    study: Study,
    plan: Plan,
    events: Iterable[Event],
    recorded: Mapping[Cell, int] | None = None,
    look: Callable[[Event, State], None] = lambda event, state: None,
) -> Iterator[Breach]:
    """
    Every event of a ledger that was not allowed where it stands.

    Args:
        study: as frozen.
        plan: its plan.
        events: the whole ledger.
        recorded: in a replay, how many runs are recorded for each candidate, host and seed.
        look: sees each event with the state before it.
    """
    protocol = _Protocol(study, plan, recorded)
    for event in events:
        wrong = protocol.wrong(event)
        if wrong is not None:
            yield Breach(event.seq, event.event.TAG, wrong, _about(event))
        look(event, protocol.state)
        protocol.take_in(event)


def _about(event: Event) -> str:
    named = (getattr(event.event, name, None) for name in ("folder", "run", "stage", "name", "by"))
    return next((found for found in named if isinstance(found, str)), "")


@define
class _Protocol:
    study: Study
    plan: Plan
    recorded: Mapping[Cell, int] | None
    state: State = field(factory=State)
    agenda: Agenda = field(init=False)
    started: int = 0
    """The incarnation whose start is recorded."""
    taken: dict[str, frozenset[tuple[str, int]]] = field(factory=dict)
    """Bundle -> attempts that it brought."""
    going: dict[str, dict[tuple[str, int], int]] = field(factory=dict)
    """Host -> (run, attempt) of what goes on there, and its devices; what a bundle brought had its slot elsewhere."""
    spending: Spending = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.spending = Spending(self.study)
        self.agenda = Agenda(in_force(self.study, self.state), self.plan, self.recorded)

    def take_in(self, event: Event) -> None:
        """Go on to the next event, as if this one had been allowed; nothing is known of an attempt that never began."""
        try:
            apply(self.state, event)
        except Mismatch:
            return
        self._seat(event.event)
        match event.event:
            case AttemptStarted() | ResultAccepted() | AttemptFailed() | AttemptLost() | ResultFlagged() as one:
                tried = self.state.attempts[one.run]
                self.spending.note(next(each for each in tried if each.number == one.attempt))
            case Start():
                self.started = event.incarnation
            case BundleImported() as one:
                self.taken[one.bundle] = frozenset((each.run, each.attempt) for each in one.taken)
            case Amendment():
                self.agenda = Agenda(in_force(self.study, self.state), self.plan, self.recorded)
            case _:
                pass

    def _seat(self, one: Happening) -> None:
        """Who has a slot from here on."""
        if isinstance(one, AttemptStarted) and one.bundle is None:
            devices = self.study.devices(one.stage, one.host) if one.host in self.study.hosts else 0
            self.going.setdefault(one.host, {})[one.run, one.attempt] = devices
        elif isinstance(one, Ended):
            for going in self.going.values():
                going.pop((one.run, one.attempt), None)

    def wrong(self, event: Event) -> Wrong | None:
        """In which way an event is not allowed now; None if it is."""
        state, one = self.state, event.event
        if isinstance(one, Freezing):
            return None if event.seq == 0 and event.incarnation == 1 else Wrong.FROZEN_TWICE
        if state.study is StudyState.EMPTY:
            return Wrong.NOT_FROZEN
        if not state.incarnations <= event.incarnation <= state.incarnations + 1:
            return Wrong.INCARNATION
        jump = one.seconds if isinstance(one, ClockJumped) else 0  # as far back as it says, and no further
        if seconds_of(event.time) < seconds_of(state.last_time) + min(jump, 0) - BACK_S:
            return Wrong.TIME
        if state.study is not StudyState.OPEN and not isinstance(one, STILL_ALLOWED):
            return Wrong.AFTER_END
        attended = not isinstance(one, UNATTENDED) and getattr(one, "bundle", None) is None
        if attended and self.started != event.incarnation:
            return Wrong.NO_START
        return self._of_kind(event)

    def _of_kind(self, event: Event) -> Wrong | None:
        match event.event:
            case AttemptStarted() as one:
                return self._attempt(one, event.time)
            case ResultAccepted() | AttemptFailed() | AttemptLost() as one:
                return self._end(one)
            case AttemptLate() as one:
                tried = self.state.attempts.get(one.run, ())
                late = next((each for each in tried if each.number == one.attempt), None)
                given_up = late is not None and late.state in (AttemptState.LOST, AttemptState.FAILED)
                return None if late and given_up and late.envelope is None and not late.late else Wrong.NOT_GIVEN_UP
            case ResultFlagged() as one:
                return self._flag(one)
            case StageOpened() as one:
                return self._open(one)
            case StageClosed() as one:
                return self._step(one.stage, one.stage in self.state.closed, Close(one.stage))
            case Decided() as one:
                return self._step(one.name, one.name in self.state.decisions, Decide(one.name))
            case EffectsEstimated() as one:
                return self._step(one.name, one.name in self.state.effects, Estimate(one.name))
            case _ as one:
                return self._of_study(one, event)

    def _of_study(self, one: OfStudy, event: Event) -> Wrong | None:
        state = self.state
        match one:
            case Start():
                if self.started == event.incarnation:
                    return Wrong.STARTED_TWICE
                return Wrong.INPUTS if state.inputs not in (None, one.inputs) else None
            case TextPrepared():
                return Wrong.TWICE if state.text is not None else None
            case PersonDecided():
                return self._person(one)
            case Receipt():
                return None if one.size <= event.seq else Wrong.AHEAD
            case Publication():
                return self._published(one)
            case Amendment():
                return self._amended(one, event)
            case StudyStopped():
                return None if one.by == state.stopping() else Wrong.NOT_DUE
            case StudyClosed():
                done = self.agenda.is_finished(state) and one.stages == len(state.closed)
                return None if done and state.stopping() is None else Wrong.NOT_DUE
            case BudgetAmended() as one:
                if not _is_larger(one, allowed(self.study, state)):
                    return Wrong.NOT_DUE
                return None if _is_signed(one) else Wrong.NO_REASON
            case BundleImported():
                return Wrong.TWICE if one.bundle in self.taken else None
            case ClockJumped():
                return None
            case Freezing():
                return Wrong.FROZEN_TWICE
            case _:
                assert_never(one)

    def _published(self, one: Publication) -> Wrong | None:
        if self.state.published is not None:
            return Wrong.TWICE
        if self.state.attempts:
            return Wrong.NOT_DUE
        draw = self.study.draw
        return None if draw is not None and draw.published == one.source else Wrong.UNKNOWN

    def _amended(self, one: Amendment, event: Event) -> Wrong | None:
        if one.name not in self.agenda.study.deciding:
            return Wrong.UNKNOWN
        if one.number != len(self.state.amendments) + 1 or one.head != event.prev:
            return Wrong.NOT_DUE
        return None if _is_signed(one) else Wrong.NO_REASON

    def _person(self, one: PersonDecided) -> Wrong | None:
        """Whether a person was asked, and lets on whom they may."""
        if one.name not in self.state.waiting():
            return Wrong.NOT_ASKED
        if not _is_signed(one):
            return Wrong.NO_REASON
        study = self.agenda.study
        schedule = study.schedules.get(one.name)
        if schedule is not None and not one.stopped:
            chosen = one.promoted or ()
            return None if len(chosen) == 1 and chosen[0] in schedule.shapes else Wrong.ENTRANTS
        gate, reduction = study.gates.get(one.name), study.reductions.get(one.name)
        if one.stopped or (gate is None and reduction is None):
            return None if one.promoted is None else Wrong.ENTRANTS
        possible = self.state.opened.get(gate.source, ()) if gate is not None else reduction.rows if reduction else ()
        going = one.promoted
        sound = going is not None and list(going) == sorted(set(going)) and set(going) <= set(possible)
        return None if sound else Wrong.ENTRANTS

    def _step(self, name: str, done: bool, step: Close | Decide | Estimate) -> Wrong | None:
        """A step of the agenda: it is due exactly once."""
        study = self.agenda.study
        if name not in {**study.stages, **study.deciding, **study.steps, **study.effects, **study.told_by}:
            return Wrong.UNKNOWN
        if done:
            return Wrong.TWICE
        if self.state.stopping() is not None:
            return Wrong.AFTER_STOP
        return None if self._is_due(step) else Wrong.NOT_DUE

    def _is_due(self, step: Close | Decide | Estimate) -> bool:
        study, state = self.agenda.study, self.state
        match step:
            case Close():
                stage = study.stages.get(step.stage)
            case Decide():
                read = study.gates.get(step.name) or study.rules.get(step.name)
                stage = None if read is None else study.stages[read.sources[0]]
            case Estimate():
                stage = None
            case _:
                assert_never(step)
        if stage is None:
            return step in self.agenda.after_stages(state)
        there = stage.name in state.opened and stage.name not in state.closed
        return there and step in self.agenda.closing(stage, state)

    def _open(self, one: StageOpened) -> Wrong | None:
        stage = self.agenda.study.stages.get(one.stage)
        if stage is None:
            return Wrong.UNKNOWN
        if one.stage in self.state.opened:
            return Wrong.TWICE
        if self.state.stopping() is not None:
            return Wrong.AFTER_STOP
        if not self.agenda.is_ready(stage, self.state):
            return Wrong.NOT_DUE
        return None if one.entrants == self.agenda.entrants(stage, self.state) else Wrong.ENTRANTS

    def _has_room(self, one: AttemptStarted) -> bool:
        """Whether a slot of its host is free, and as many devices as it has."""
        host, going = self.study.hosts[one.host], self.going.get(one.host, {})
        devices = sum(going.values()) + self.study.devices(one.stage, one.host)
        return len(going) < host.slots and devices <= host.room

    def _attempt(self, one: AttemptStarted, time: str) -> Wrong | None:
        state = self.state
        run = self.agenda.cells.get((one.stage, one.candidate, one.host, one.seed))
        if run is None or run.id != one.run:
            return Wrong.RUN
        if one.folder != f"runs/{one.stage}/{one.candidate}-{one.host}-s{one.seed}/attempt-{one.attempt}":
            return Wrong.FOLDER
        tried = state.attempts.get(one.run, [])
        if tried and one.attempt <= max(each.number for each in tried):
            return Wrong.NUMBER
        if one.bundle is not None:
            taken = self.taken.get(one.bundle, frozenset())
            return None if (one.run, one.attempt) in taken else Wrong.NO_BUNDLE
        if tried and tried[-1].state is AttemptState.RUNNING:
            return Wrong.UNDER_WAY
        if state.stopping() is not None:
            return Wrong.AFTER_STOP
        shut = one.stage not in state.opened or one.stage in state.closed
        if shut or one.candidate not in state.opened[one.stage]:
            return Wrong.STAGE_SHUT
        if not self._has_room(one):
            return Wrong.NO_SLOT
        if self.agenda.run_has_ended(run, state):
            return Wrong.RUN_OVER
        room = Allowed() if state.replay else allowed(self.study, state).without(self.spending.spent)
        if not room.fits(needed(self.study, one.stage, one.host, time)):
            return Wrong.NO_BUDGET
        needs_text = self.agenda.study.data is not None and not state.replay
        return Wrong.NO_TEXT if needs_text and state.text is None else None

    def _end(self, one: Ended) -> Wrong | None:
        tried = self.state.attempts.get(one.run, [])
        attempt = next((each for each in tried if each.number == one.attempt), None)
        if attempt is None or attempt.state is not AttemptState.RUNNING:
            return Wrong.NEVER_STARTED
        if attempt.bundle != one.bundle:
            return Wrong.NO_BUNDLE
        again = isinstance(one, ResultAccepted) and self.state.accepted(one.run) is not None
        return Wrong.COUNTED_TWICE if again else None

    def _flag(self, one: ResultFlagged) -> Wrong | None:
        due = SetAside(one.run, one.attempt, one.gate, one.guard, one.value, one.limit, one.again)
        gate = self.agenda.study.gates.get(one.gate)
        if gate is None:
            return Wrong.UNKNOWN
        there = gate.source in self.state.opened and gate.source not in self.state.closed
        if not there or not self.agenda.has_ended(gate.source, self.state):
            return Wrong.NOT_DUE
        return None if due in self.agenda.set_aside(gate.source, self.state) else Wrong.GUARD


def _is_larger(one: BudgetAmended, before: Allowed) -> bool:
    """Whether an amendment raises one of the budgets that the study has, and no other."""
    both = ((one.budget_s, before.seconds), (one.money, before.money))
    raised = [(new, old) for new, old in both if new is not None]
    return len(raised) == 1 and all(old is not None and new > old for new, old in raised)


def _is_signed(one: PersonDecided | Amendment | BudgetAmended) -> bool:
    return bool(one.by.strip() and one.reason.strip())
