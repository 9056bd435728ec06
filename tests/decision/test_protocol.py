"""The order of a study: what the agenda lets happen is no breach, and whatever else happens is one, by its name."""

import base64
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import assert_never

import pytest

from promo.base.classes import evolve, frozen
from promo.base.source import Source
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
    in_force,
)
from promo.decision.protocol import Wrong, breaches
from promo.driver.pipeline import compile_source
from promo.ledger.bundles import Arrival
from promo.ledger.chain import GENESIS
from promo.ledger.losses import Loss
from promo.ledger.outcomes import Failed, Held, Lacking, Outcome, Settled, Stopped
from promo.ledger.sources import Input, InputKind, Installed, Text
from promo.ledger.state import State, apply
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
    Event,
    Freezing,
    Happening,
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
    Verdict,
    Work,
)
from promo.report.protocol import HAPPENED, WHY, breach_words
from promo.study.closure import closure
from promo.study.judgement import Answer
from support import compiled, spec

ROOT = Path(__file__).parents[2]
NOW, LATER, DAY_BEFORE = "2026-01-02T03:04:05Z", "2026-01-02T04:04:05Z", "2026-01-01T03:04:05Z"
FROZEN = Freezing("s", GENESIS, {}, {}, Installed("toy", 1, GENESIS, {}), "0", GENESIS, None, None)
STARTED = Start("0", None, ("promo", "run"), (), GENESIS, ())
PREPARED = TextPrepared(Text("builtin:synth/1", 1, 9, GENESIS, 5, GENESIS, 4, GENESIS, "0", None))
RECEIPT = Receipt("note", 1, base64.b64encode(b"root").decode(), "somebody", GENESIS, "")
BUNDLE = BundleImported(GENESIS, GENESIS, "bundles/one", GENESIS, None, ())
HOLD = Held(Lacking(("poor",), "short", crashed=False))


@frozen
class World:
    """What happens in a study, beyond what its agenda says."""

    text: str
    endings: tuple[str, ...] = ("ok",)
    """How the first, second, ... attempt of every run ends; the last also ends all after it."""
    outcomes: Mapping[str, Outcome] = {}
    """Gate or rule -> what its decision leads to; settled if it is not there."""
    slow: str = ""
    """Candidate whose first seed is slow, for guards."""


def ended(world: World, one: AttemptStarted) -> Happening:
    """How an attempt ends."""
    how = world.endings[min(one.attempt, len(world.endings)) - 1]
    if how == "lost":
        return AttemptLost(one.run, one.attempt, Loss.GONE, None, {}, one.bundle)
    if how == "ok":
        speed = "10" if one.candidate == world.slow and one.seed == 1 and one.attempt == 1 else "100"
        work = Work(tokens_per_s=speed)
        return ResultAccepted(
            one.run, one.attempt, GENESIS, {"loss": "1"}, {"train": "1"}, work, None, None, {}, one.bundle
        )
    return AttemptFailed(one.run, one.attempt, RunStatus(how), "", None, None, None, {}, one.bundle)


def began(run, number: int, bundle: str | None = None) -> AttemptStarted:
    folder = f"runs/{run.stage}/{run.candidate}-{run.host}-s{run.seed}/attempt-{number}"
    cell = (run.stage, run.candidate, run.host, run.seed)
    return AttemptStarted(run.id, number, *cell, folder, GENESIS, None, (), bundle)


def verdict(outcome, promoted=(), answer=None) -> Verdict:
    return Verdict(0, GENESIS, outcome, promoted if isinstance(outcome, Settled) else (), answer, (), ())


class Ledger:
    """Events of a study, and what they add up to."""

    def __init__(self) -> None:
        self.events, self.state = [], State()

    def put(self, happening: Happening, time: str = NOW) -> None:
        self.events.append(Event(len(self.events), time, 1, happening, GENESIS))
        apply(self.state, self.events[-1])


@cache
def study_and_plan(text: str):
    place = ROOT / "specs" / text
    if text.endswith(".promo"):
        return compile_source(Source(text, place.read_text(encoding="utf-8")), place.parent, None).sound()
    return compiled(text).sound()


def followed(world: World) -> tuple[Event, ...]:
    """The ledger of a study that does what its agenda says, one step at a time."""
    study, plan = study_and_plan(world.text)
    agenda, ledger = Agenda(study, plan), Ledger()
    for first in (FROZEN, STARTED, *([PREPARED] if study.data else [])):
        ledger.put(first)
    while (step := next(agenda.steps(ledger.state), None)) is not None:
        ledger.put(offered(world, study, ledger.state, step))
        if isinstance(step, Make):
            ledger.put(ended(world, ledger.events[-1].event))
    return tuple(ledger.events)


def offered(world: World, study, state: State, step: Step) -> Happening:
    """What happens when a step is taken; an attempt only begins."""
    match step:
        case Open():
            return StageOpened(step.stage, step.entrants)
        case Make():
            return began(step.run, 1 + len(state.attempts.get(step.run.id, ())))
        case SetAside():
            return ResultFlagged(step.run, step.attempt, step.gate, step.guard, step.value, step.limit, step.again)
        case Decide():
            return decided(world, study, state, step.name)
        case Close():
            return StageClosed(step.stage, GENESIS, 0)
        case Estimate():
            return EffectsEstimated(step.name, GENESIS, ())
        case AwaitBudget():
            return BudgetAmended(int(step.budget.seconds) + 12, "one more", "Ada")
        case Wait():
            promoted = tuple(sorted(study.gates[step.name].always)) if step.name in study.gates else None
            return PersonDecided(step.name, "Ada", "why not", promoted, stopped=False)
        case Stop():
            return StudyStopped(step.by)
        case Finish():
            return StudyClosed(len(state.closed))
        case _:
            assert_never(step)


def decided(world: World, study, state: State, name: str) -> Decided:
    """A verdict that somebody could have reached; whether it is right is looked at elsewhere."""
    outcome = world.outcomes.get(name, Settled())
    if name in study.rules:
        answer = Answer.HOLDS if isinstance(outcome, Settled) else Answer.FAILS
        return Decided(name, None, verdict(outcome, answer=answer), ())
    there = (*study.reductions[name].rows,) if name in study.reductions else ()
    if name in study.gates:
        gate = study.gates[name]
        there = tuple(sorted({*gate.always, *state.opened[gate.source][:1]}))
    return Decided(name, None, verdict(outcome, there), ())


def found(world: World, events) -> list:
    """Breaches of events that are numbered as they stand."""
    study, plan = study_and_plan(world.text)
    return list(breaches(study, plan, [evolve(one, seq=seq) for seq, one in enumerate(events)]))


GUARDED = spec().replace(
    "  ties by name", "  guard throughput within 20% of candidate, rerun 1, then drop\n  ties by name"
)
ASKING = spec().replace("missing rerun 1, then drop", "missing rerun 1, then hold")
SPARING = spec().replace("  runner toy\n", "  runner toy\n  budget 0.005cpu_h\n")
"""A budget of 18 s for runs that ask for 17 s."""
DRAWING = spec().replace("  runner toy\n", '  runner toy\n  draw seeds from "drand"\n')
WORLDS = {
    "all is well": World(spec()),
    "every run is lost once": World(spec(), ("lost", "ok")),
    "every run fails once": World(spec(), ("timeout", "ok")),
    "every run fails": World(spec(), ("nan",)),
    "every run is lost": World(spec(), ("lost",)),
    "a guard asks for another run": World(GUARDED, slow="good"),
    "a gate stops": World(spec(), outcomes={"pick": Stopped(Lacking(("poor",), "short", crashed=False))}),
    "a rule stops": World(spec(), outcomes={"close": Stopped(Failed())}),
    "a person decides": World(ASKING, outcomes={"pick": HOLD}),
    "a budget is used up": World(SPARING, ("timeout", "ok")),
    "seeds are drawn from a value": World(DRAWING),
    "a text, and growth": World("grow_small.promo"),
    "effects and a reduction": World("screen_small.promo"),
    "the published study": World("staged_promotion.promo"),
}


@pytest.mark.parametrize("name", WORLDS)
def test_a_study_that_follows_its_agenda_keeps_to_the_protocol(name):
    events = followed(WORLDS[name])

    assert found(WORLDS[name], events) == []
    assert isinstance(events[-1].event, StudyStopped if name.endswith("stops") else StudyClosed)


@pytest.mark.parametrize("name", [name for name in WORLDS if name != "the published study" and "stops" not in name])
def test_an_event_that_is_left_out_shows_by_what_follows(name):
    """All but the last, for a ledger may end anywhere; where a study stops, what was beside that may be missing."""
    events = followed(WORLDS[name])
    for gone in range(len(events) - 1):
        left = [*events[:gone], *events[gone + 1 :]]

        assert found(WORLDS[name], left), events[gone]


@pytest.mark.parametrize("name", [name for name in WORLDS if name != "the published study"])
def test_an_event_that_is_there_twice_is_found(name):
    events = followed(WORLDS[name])
    for twice in range(len(events)):
        doubled = [*events[: twice + 1], *events[twice:]]

        assert found(WORLDS[name], doubled)[0].seq == twice + 1, events[twice]


def test_every_event_and_every_breach_has_words():
    assert set(HAPPENED) == {kind.TAG for kind in Happening.__args__}
    assert set(WHY) == set(Wrong)


# --- each way to break it ------------------------------------------------------------------------------------------

STUDY, PLAN = study_and_plan(spec())
FIRST = PLAN.stage("short").runs[0]


def brought(number: int) -> BundleImported:
    """A bundle with one attempt of the first run."""
    return evolve(BUNDLE, taken=(Arrival(FIRST.id, number, NOW, NOW),))


AMENDMENT = Amendment(
    name="pick",
    number=1,
    old=closure(STUDY, STUDY.gates["pick"]),
    new=closure(STUDY, STUDY.gates["pick"]),
    reason="",
    by="Ada",
    head=GENESIS,
    seen=(),
    text=GENESIS,
    verdict=None,
)


def place(events, kind, **said) -> int:
    """Where the first event of a kind stands, of those that say this."""
    return next(
        one.seq
        for one in events
        if isinstance(one.event, kind) and all(getattr(one.event, name) == value for name, value in said.items())
    )


def put_in(events, at: int, *more: Happening, **about):
    """Events with more of them from some place on."""
    new = [evolve(events[at - 1], event=one, **about) for one in more]
    return [*events[:at], *new, *events[at:]]


def changed(events, at: int, **about):
    return [*events[:at], evolve(events[at], **about), *events[at + 1 :]]


def said(events, at: int, **what):
    return changed(events, at, event=evolve(events[at].event, **what))


WELL, GUARD, GROWTH, ASKED, DRAWN = (
    "all is well", "a guard asks for another run", "a text, and growth", "a person decides",
    "seeds are drawn from a value",
)  # fmt: skip
SOUND, FLAGGED, TEXT, PERSON = (followed(WORLDS[name]) for name in (WELL, GUARD, GROWTH, ASKED))
STOPS, SPENT = "a gate stops", "a budget is used up"
STOPPED, POORER = followed(WORLDS[STOPS]), followed(WORLDS[SPENT])
MORE_MONEY = place(POORER, BudgetAmended)
SHORT, LONG = (place(SOUND, StageOpened, stage=name) for name in ("short", "long"))
AT, END = place(SOUND, AttemptStarted), len(SOUND)
PICK, SHUT = place(SOUND, Decided), place(SOUND, StageClosed, stage="short")
FLAG, ASK = place(FLAGGED, ResultFlagged), place(PERSON, PersonDecided)
STOP = place(STOPPED, StudyStopped)
GAVE_UP = AttemptLost(FIRST.id, 1, Loss.GONE, None, {}, None)
LATE = AttemptLate(FIRST.id, 1, GENESIS, RunStatus.OK)
POOR = next(run for run in PLAN.stage("long").runs if run.candidate == "poor")
ASIDE = PLAN.stage("aside").runs[0]
AGAIN = evolve(SOUND[AT + 1].event, attempt=2, bundle=GENESIS)
OTHER = evolve(STARTED, inputs=(Input(InputKind.FILE, "/opt/train.sh", GENESIS, None),))
STARTS = [one.event for one in SOUND if isinstance(one.event, AttemptStarted)]
BROKEN = {
    "a run that the budget has no room for": (
        SPENT,
        Wrong.NO_BUDGET,
        MORE_MONEY,
        put_in(POORER, MORE_MONEY, POORER[MORE_MONEY + 1].event),
    ),
    "a budget that is no larger": (SPENT, Wrong.NOT_DUE, 2, put_in(POORER, 2, BudgetAmended(18, "", "Ada"))),
    "a budget where there was none": (WELL, Wrong.NOT_DUE, 2, put_in(SOUND, 2, BudgetAmended(99, "", "Ada"))),
    "nothing was frozen": (WELL, Wrong.NOT_FROZEN, 0, SOUND[1:]),
    "frozen twice": (WELL, Wrong.FROZEN_TWICE, 2, put_in(SOUND, 2, FROZEN)),
    "frozen by a second start": (WELL, Wrong.FROZEN_TWICE, 0, changed(SOUND, 0, incarnation=2)),
    "a run behind the end": (WELL, Wrong.AFTER_END, END, put_in(SOUND, END, began(FIRST, 2))),
    "a start behind the end": (WELL, Wrong.AFTER_END, END, put_in(SOUND, END, STARTED, incarnation=2)),
    "a run behind a stop": (STOPS, Wrong.AFTER_STOP, STOP, put_in(STOPPED, STOP, began(ASIDE, 2))),
    "a stage behind a stop": (STOPS, Wrong.AFTER_STOP, STOP, put_in(STOPPED, STOP, StageOpened("long", ("base",)))),
    "an end of a stage behind a stop": (STOPS, Wrong.AFTER_STOP, STOP, put_in(STOPPED, STOP, SOUND[SHUT].event)),
    "no start": (WELL, Wrong.NO_START, 1, [SOUND[0], *SOUND[2:]]),
    "one start for two": (WELL, Wrong.NO_START, 4, [*SOUND[:4], *(evolve(one, incarnation=2) for one in SOUND[4:])]),
    "a start twice": (WELL, Wrong.STARTED_TWICE, 2, put_in(SOUND, 2, STARTED)),
    "a start that rests on something else": (WELL, Wrong.INPUTS, 2, put_in(SOUND, 2, OTHER, incarnation=2)),
    "starts go back": (WELL, Wrong.INCARNATION, 3, put_in(SOUND, 2, STARTED, incarnation=2)),
    "starts leave one out": (WELL, Wrong.INCARNATION, 2, put_in(SOUND, 2, STARTED, incarnation=3)),
    "time goes back": (WELL, Wrong.TIME, 2, changed(SOUND, 2, time=DAY_BEFORE)),
    "no such stage": (WELL, Wrong.UNKNOWN, SHORT, said(SOUND, SHORT, stage="none")),
    "no such gate": (WELL, Wrong.UNKNOWN, PICK, said(SOUND, PICK, name="none")),
    "no such gate amended": (WELL, Wrong.UNKNOWN, 2, put_in(SOUND, 2, evolve(AMENDMENT, name="none"))),
    "no such gate of a guard": (GUARD, Wrong.UNKNOWN, FLAG, said(FLAGGED, FLAG, gate="none")),
    "a stage opens twice": (WELL, Wrong.TWICE, SHORT + 1, put_in(SOUND, SHORT + 1, SOUND[SHORT].event)),
    "a gate decides twice": (WELL, Wrong.TWICE, PICK + 1, put_in(SOUND, PICK + 1, SOUND[PICK].event)),
    "a text twice": (GROWTH, Wrong.TWICE, 3, put_in(TEXT, 3, PREPARED)),
    "a value twice": (DRAWN, Wrong.TWICE, 3, put_in(SOUND, 2, Publication("drand", "a"), Publication("drand", "b"))),
    "a value that nobody draws from": (WELL, Wrong.UNKNOWN, 2, put_in(SOUND, 2, Publication("drand", "a"))),
    "a value from elsewhere": (DRAWN, Wrong.UNKNOWN, 2, put_in(SOUND, 2, Publication("a friend", "a"))),
    "a value behind an attempt": (DRAWN, Wrong.NOT_DUE, AT + 1, put_in(SOUND, AT + 1, Publication("drand", "a"))),
    "a stage opens early": (WELL, Wrong.NOT_DUE, AT, put_in(SOUND, AT, StageOpened("long", ("base", "good")))),
    "a gate decides early": (WELL, Wrong.NOT_DUE, AT, put_in(SOUND, AT, SOUND[PICK].event)),
    "a stage closes early": (WELL, Wrong.NOT_DUE, AT, put_in(SOUND, AT, StageClosed("short", GENESIS, 0))),
    "a stage closes before its gate decides": (WELL, Wrong.NOT_DUE, PICK, put_in(SOUND, PICK, SOUND[SHUT].event)),
    "the study closes early": (WELL, Wrong.NOT_DUE, AT, put_in(SOUND, AT, StudyClosed(0))),
    "fewer stages were closed": (WELL, Wrong.NOT_DUE, END - 1, said(SOUND, END - 1, stages=2)),
    "nobody said stop": (WELL, Wrong.NOT_DUE, END - 1, changed(SOUND, END - 1, event=StudyStopped("pick"))),
    "another one said stop": (STOPS, Wrong.NOT_DUE, STOP, said(STOPPED, STOP, by="close")),
    "it stopped and is closed": (STOPS, Wrong.NOT_DUE, STOP, changed(STOPPED, STOP, event=StudyClosed(0))),
    "an amendment of another head": (WELL, Wrong.NOT_DUE, 2, put_in(SOUND, 2, evolve(AMENDMENT, head="1" * 64))),
    "an amendment left out": (WELL, Wrong.NOT_DUE, 2, put_in(SOUND, 2, evolve(AMENDMENT, number=2))),
    "a guard early": (GUARD, Wrong.NOT_DUE, AT, put_in(FLAGGED, AT, FLAGGED[FLAG].event)),
    "fewer enter": (WELL, Wrong.ENTRANTS, SHORT, said(SOUND, SHORT, entrants=("base", "good"))),
    "one enters who was not promoted": (WELL, Wrong.ENTRANTS, LONG, said(SOUND, LONG, entrants=("base", "poor"))),
    "no such run": (WELL, Wrong.RUN, AT, said(SOUND, AT, run="f" * 16)),
    "a run of another cell": (WELL, Wrong.RUN, AT, said(SOUND, AT, seed=77)),
    "another folder": (WELL, Wrong.FOLDER, AT, said(SOUND, AT, folder=began(FIRST, 2).folder)),
    "a number again": (WELL, Wrong.NUMBER, AT + 2, put_in(SOUND, AT + 2, SOUND[AT].event)),
    "two attempts at once": (WELL, Wrong.UNDER_WAY, AT + 1, put_in(SOUND, AT + 1, began(FIRST, 2))),
    "three at once in two slots": (WELL, Wrong.NO_SLOT, AT + 2, put_in(SOUND, AT + 1, *STARTS[1:3])),
    "one attempt too many": (WELL, Wrong.RUN_OVER, AT + 2, put_in(SOUND, AT + 2, began(FIRST, 2))),
    "a run of a closed stage": (WELL, Wrong.STAGE_SHUT, SHUT + 1, put_in(SOUND, SHUT + 1, began(FIRST, 2))),
    "a run of a stage that never opened": (WELL, Wrong.STAGE_SHUT, 2, put_in(SOUND, 2, began(FIRST, 1))),
    "a run of one who did not enter": (WELL, Wrong.STAGE_SHUT, LONG + 1, put_in(SOUND, LONG + 1, began(POOR, 1))),
    "no text": (GROWTH, Wrong.NO_TEXT, place(TEXT, AttemptStarted) - 1, [*TEXT[:2], *TEXT[3:]]),
    "an end without a start": (WELL, Wrong.NEVER_STARTED, AT, put_in(SOUND, AT, SOUND[AT + 1].event)),
    "an end twice": (WELL, Wrong.NEVER_STARTED, AT + 2, put_in(SOUND, AT + 2, SOUND[AT + 1].event)),
    "a result twice": (
        WELL, Wrong.COUNTED_TWICE, AT + 4,
        put_in(SOUND, AT + 2, brought(2), began(FIRST, 2, GENESIS), AGAIN),
    ),
    "late and under way": (WELL, Wrong.NOT_GIVEN_UP, AT + 1, put_in(SOUND, AT + 1, LATE)),
    "late behind its result": (WELL, Wrong.NOT_GIVEN_UP, AT + 2, put_in(SOUND, AT + 2, LATE)),
    "late twice": (WELL, Wrong.NOT_GIVEN_UP, AT + 3, put_in(SOUND, AT + 1, GAVE_UP, LATE, LATE)),
    "a guard that objects to nothing": (
        GUARD, Wrong.GUARD, FLAG, said(FLAGGED, FLAG, value=FLAGGED[FLAG].event.limit),
    ),
    "a guard that lets nobody try again": (GUARD, Wrong.GUARD, FLAG, said(FLAGGED, FLAG, again=False)),
    "a person whom nobody asked": (WELL, Wrong.NOT_ASKED, AT, put_in(SOUND, AT, PERSON[ASK].event)),
    "a person twice": (ASKED, Wrong.NOT_ASKED, ASK + 1, put_in(PERSON, ASK + 1, PERSON[ASK].event)),
    "a person without a reason": (ASKED, Wrong.NO_REASON, ASK, said(PERSON, ASK, reason=" ")),
    "an attempt of no bundle": (WELL, Wrong.NO_BUNDLE, AT, put_in(SOUND, AT, began(FIRST, 1, GENESIS))),
    "an attempt that a bundle did not bring": (
        WELL, Wrong.NO_BUNDLE, AT + 1,
        put_in(SOUND, AT, brought(2), began(FIRST, 1, GENESIS)),
    ),
    "an end of another place": (
        WELL, Wrong.NO_BUNDLE, AT + 2,
        put_in(SOUND, AT, brought(1), began(FIRST, 1, GENESIS), SOUND[AT + 1].event),
    ),
    "a receipt of what comes later": (WELL, Wrong.AHEAD, 2, put_in(SOUND, 2, evolve(RECEIPT, size=3))),
}  # fmt: skip
"""In which study, in which way a ledger of it is wrong, where first, and its events."""


@pytest.mark.parametrize("name", BROKEN)
def test_what_may_not_happen_is_found_where_it_stands(name):
    world, wrong, at, events = BROKEN[name]

    first = found(WORLDS[world], events)[0]

    assert (first.wrong, first.seq) == (wrong, at)
    assert first.kind == events[at].event.TAG
    assert breach_words(first).startswith(f"event {at}, ")


def test_every_breach_has_a_ledger_that_shows_it():
    assert {wrong for _, wrong, _, _ in BROKEN.values()} == set(Wrong)


MORE = {
    "a clock that is set right": (WELL, 2, ClockJumped(86_400), {"time": LATER}),
    "a receipt": (WELL, 5, RECEIPT, {}),
    "a receipt behind the end": (WELL, END, RECEIPT, {}),
    "another start": (WELL, END - 1, STARTED, {"incarnation": 2}),
    "a value before the first attempt": (DRAWN, 2, Publication("drand", "a"), {}),
    "a bundle": (WELL, 3, BUNDLE, {}),
}


@pytest.mark.parametrize("name", MORE)
def test_what_may_be_recorded_at_any_time_is_no_breach(name):
    world, at, happening, about = MORE[name]
    events = put_in(SOUND, at, happening, **about)
    later = [evolve(one, **about) if seq > at else one for seq, one in enumerate(events)]

    assert found(WORLDS[world], later) == []


def test_a_late_result_of_an_attempt_that_was_given_up_is_no_breach():
    lost = followed(WORLDS["every run is lost once"])
    at = place(lost, AttemptLost) + 1
    events = put_in(lost, at, AttemptLate(lost[at - 1].event.run, 1, GENESIS, RunStatus.OK))

    assert found(WORLDS["every run is lost once"], events) == []


def test_what_a_bundle_brought_is_no_breach():
    there = [evolve(SOUND[at].event, bundle=GENESIS) for at in (AT, AT + 1)]
    events = [
        *SOUND[:AT],
        *put_in(SOUND, AT, brought(1), *there)[AT : AT + 3],
        *SOUND[AT + 2 :],
    ]

    assert found(WORLDS[WELL], events) == []


def test_an_amended_gate_is_followed_from_then_on():
    """The amendment lets a run without a value be tried once more, so that is due behind it and not before."""
    lenient = study_and_plan(spec().replace("rerun 1, then drop", "rerun 2, then drop"))[0].gates["pick"]
    new = evolve(AMENDMENT.new, rule=lenient)
    failing = World(spec(), ("timeout",))
    events = followed(failing)
    over = place(events, AttemptFailed, run=FIRST.id, attempt=2) + 1
    again = began(FIRST, 3)

    before = put_in(events, over, again)
    after = put_in(events, over, evolve(AMENDMENT, new=new), again)

    assert [(one.wrong, one.seq) for one in found(failing, before)[:1]] == [(Wrong.RUN_OVER, over)]
    assert over + 1 not in [one.seq for one in found(failing, after)]


# --- the agenda itself ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WORLDS)
def test_every_step_of_the_agenda_is_one_that_may_be_taken(name):
    """Not only the first: whatever it offers anywhere on the way, the protocol takes, once there is a slot for it."""
    world = WORLDS[name]
    study, plan = study_and_plan(world.text)
    events = followed(world)
    for length in range(3, len(events), max(1, len(events) // 12)):
        state = State()
        for one in events[:length]:
            apply(state, one)
        for step in Agenda(study, plan).steps(state):
            happening = offered(world, study, state, step)
            if isinstance(step, Make):
                going = [one for one in state.running() if one.host == step.run.host]
                if len(going) == study.hosts[step.run.host].slots:
                    continue
            extended = [*events[:length], evolve(events[length - 1], seq=length, event=happening)]

            assert found(world, extended) == [], step


def test_rules_in_force_are_those_of_the_newest_wording():
    lenient = study_and_plan(spec().replace("keep top 1", "keep top 2"))[0].gates["pick"]
    state = State(amendments=[evolve(AMENDMENT, new=evolve(AMENDMENT.new, rule=lenient))])

    assert in_force(STUDY, State()).gates == STUDY.gates
    assert in_force(STUDY, state).gates["pick"] == lenient
    state.decisions["pick"] = Decided("pick", None, verdict(Settled()), ())
    assert in_force(STUDY, state).gates["pick"] == STUDY.gates["pick"]  # it had decided by the frozen one
