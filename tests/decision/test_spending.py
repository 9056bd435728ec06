"""A study's budget ends its spending: what every attempt counts for, and that runs which keep theirs never stop one."""

from fractions import Fraction

import pytest

from promo.decision.agenda import Agenda, AwaitBudget, Make, Open
from promo.decision.spending import Allowed, Amount, Spending, allowed, counted_s, spent
from promo.ledger.chain import GENESIS
from promo.ledger.losses import Loss
from promo.ledger.state import Attempt, AttemptState, State, StudyState, apply
from promo.ledger.values import (
    AttemptFailed,
    AttemptLost,
    AttemptStarted,
    BudgetAmended,
    Event,
    ResultAccepted,
    RunStatus,
    StageOpened,
    Work,
)
from support import SOUND, plan_of, spec, study_of

PLANNED_S = 8 * 1 + 4 * 2 + 1
"""What the stages of the sound spec ask for."""


def budgeted(budget: str, host: str = SOUND["host"]) -> str:
    clauses = f"  runner toy\n  {budget}\n}}"
    return spec(study='study trial {\n  title "A trial"\n  measure loss in pt, lower is better\n' + clauses, host=host)


def seconds_allowed(seconds: int) -> str:
    return budgeted(f"budget {seconds} / 3600 * 1cpu_h")


class Course:
    """A study that opens its stages and makes its attempts, each with an end that the test chooses."""

    def __init__(self, text: int | str, recorded=None) -> None:
        text = seconds_allowed(text) if isinstance(text, int) else text
        self.study, self.state = study_of(text), State(study=StudyState.OPEN)
        self.agenda = Agenda(self.study, plan_of(text), recorded)
        self.spending = Spending(self.study)
        (first,) = [step for step in self.agenda.steps(self.state) if isinstance(step, Open) and step.stage == "short"]
        self.time = ""
        self.happened = lambda what: apply(self.state, Event(self.state.events, self.time, 1, what, ""))
        self.happened(StageOpened(first.stage, first.entrants))

    def due(self) -> list:
        return [step for step in self.agenda.steps(self.state) if isinstance(step, Make | AwaitBudget)]

    def begin(self):
        step = self.due()[0]
        assert isinstance(step, Make)
        run, number = step.run, 1 + len(self.state.attempts.get(step.run.id, ()))
        cell = (run.stage, run.candidate, run.host, run.seed)
        self.happened(AttemptStarted(run.id, number, *cell, "", "", None, (), None))
        self._noted(run.id)
        return run.id, number

    def end(self, begun, what, **said):
        run, number = begun
        match what:
            case "ok":
                seconds = {"train": said["train"]}
                self.happened(
                    ResultAccepted(
                        run, number, GENESIS, {"loss": "1"}, seconds, Work(), None, said.get("device"), {}, None
                    )
                )
            case "failed":
                envelope = GENESIS if "train" in said else None
                train, device = said.get("train", "0"), said.get("device")
                failed = AttemptFailed(run, number, RunStatus.INVALID, "", envelope, train, device, {}, None)
                self.happened(failed)
            case "lost":
                self.happened(AttemptLost(run, number, said.get("loss", Loss.GONE), said.get("device"), {}, None))
        self._noted(run)

    def _noted(self, run):
        self.spending.note(self.state.attempts[run][-1])
        assert self.spending.spent == spent(self.study, self.state)


@pytest.mark.parametrize(
    ("what", "said", "counts"),
    [
        ("ok", {"train": "0.7"}, "0.7"),
        ("ok", {"train": "1.049"}, "1"),  # kept its budget, within its tolerance
        ("failed", {"train": "5.5"}, "5.5"),  # trained far more than it was given, and all of it was spent
        ("failed", {"device": "0.3"}, "0.3"),
        ("failed", {"device": "301"}, "1"),  # ended at its limit: nobody knows for how long it trained
        ("failed", {}, "1"),
        ("lost", {"device": "0.25"}, "0.25"),
        ("lost", {"device": "99"}, "1"),
        ("lost", {}, "1"),
        ("lost", {"loss": Loss.BUSY}, "0"),
    ],
)
def test_what_an_attempt_counts_for(what, said, counts):
    course = Course(100)
    begun = course.begin()
    assert spent(course.study, course.state).seconds == 1  # while it runs: its cap

    course.end(begun, what, **said)

    assert spent(course.study, course.state).seconds == Fraction(counts)


def test_a_result_that_a_guard_set_aside_was_spent_all_the_same():
    flagged = Attempt(
        "r", 1, "short", "good", "box", 1, "", state=AttemptState.FLAGGED, envelope=GENESIS, train_s="0.9"
    )

    assert counted_s(flagged, 1) == Fraction("0.9")


def test_runs_that_keep_their_budgets_within_the_tolerance_never_stop_a_study_that_asks_for_all_it_has():
    course = Course(PLANNED_S)
    for _ in range(8):
        course.end(course.begin(), "ok", train="1.05")

    assert spent(course.study, course.state).seconds == 8
    assert not course.due()


def test_two_slots_count_what_runs_with_its_cap_and_what_ends_early_makes_room():
    course = Course(PLANNED_S)
    course.end(course.begin(), "failed", train="14.5")
    begun = [course.begin(), course.begin()]

    assert course.due() == []  # half a second is left, and two are under way: nothing starts, and nothing ends yet
    course.end(begun[0], "ok", train="0.4")
    assert isinstance(course.due()[0], Make)
    course.end(begun[1], "ok", train="1")
    course.end(course.begin(), "ok", train="1")

    (short,) = course.due()
    assert (short.spent.seconds, short.budget.seconds) == (Fraction("16.9"), PLANNED_S)


def test_an_amended_budget_makes_room_for_what_waited():
    course = Course(PLANNED_S)
    course.end(course.begin(), "failed", train="17")
    assert [type(step) for step in course.due()] == [AwaitBudget]

    course.happened(BudgetAmended(PLANNED_S + 1, "one more", "Ada"))

    assert allowed(course.study, course.state) == Allowed(Fraction(PLANNED_S + 1))
    assert isinstance(course.due()[0], Make)


def test_a_replay_spends_nothing():
    cells = {(name, "box", seed): 9 for name in ("base", "good", "fair", "poor") for seed in (1, 2)}
    course = Course(PLANNED_S, cells)
    course.end(course.begin(), "failed", train="999")

    assert isinstance(course.due()[0], Make)


SPOT = SOUND["host"].replace("slots 2", "slots 2\n  devices 8\n  price 36usd\n  spot 18usd until 2026-12-31")
"""Eight devices a run: 0.08 dollars a second of a run, half of it at the spot price."""
LONGEST_S = 1 + 300 + 10
BEFORE, LAST_DAY, AFTER = "2026-12-30T10:00:00Z", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"


def paying(budget: str, time: str, host: str = SPOT) -> Course:
    course = Course(budgeted(budget, host))
    course.time = course.state.last_time = time
    return course


@pytest.mark.parametrize(("time", "each"), [(BEFORE, "0.04"), (LAST_DAY, "0.04"), (AFTER, "0.08")])
@pytest.mark.parametrize(
    ("what", "said", "held_s"),
    [
        ("ok", {"train": "1", "device": "3"}, "3"),  # start-up and scoring are paid as well
        ("failed", {"train": "5.5", "device": "6"}, "6"),
        ("failed", {}, LONGEST_S),  # nobody knows, so it is the longest that it can have been
        ("lost", {"device": "0.25"}, "0.25"),
        ("lost", {"loss": Loss.PREEMPTED, "device": "2"}, "2"),
        ("lost", {"loss": Loss.BUSY, "device": "2"}, "0"),
    ],
)
def test_money_is_paid_for_all_devices_by_the_second_at_the_price_of_the_day(time, each, what, said, held_s):
    course = paying("budget 400usd", time)
    begun = course.begin()
    assert spent(course.study, course.state).money == LONGEST_S * Fraction(each)

    course.time = AFTER  # what began before the end of the day keeps its price
    course.end(begun, what, **said)

    assert spent(course.study, course.state).money == Fraction(held_s) * Fraction(each)


def test_hours_are_those_of_all_devices():
    course = Course(budgeted("budget 17 * 8 / 3600 * 1cpu_h", SPOT))
    begun = course.begin()
    assert spent(course.study, course.state).seconds == 8

    course.end(begun, "ok", train="0.5", device="9")

    assert spent(course.study, course.state).seconds == 4


def test_no_attempt_begins_that_could_cost_more_than_is_left():
    course = paying(f"budget {LONGEST_S} * 0.04 * 2 * 1usd", BEFORE)
    first = course.begin()
    course.begin()
    assert course.due() == []  # two are under way, with all that they can cost
    course.end(first, "ok", train="1", device="1")
    assert course.due() == []

    course.end((course.state.running()[0].run, 1), "ok", train="1", device="1")

    assert isinstance(course.due()[0], Make)


def test_a_spot_price_that_is_over_may_end_a_study_and_an_amended_budget_goes_on():
    course = paying(f"budget {LONGEST_S} * 0.04 * 1usd", BEFORE)
    assert isinstance(course.due()[0], Make)
    course.state.last_time = AFTER
    (short,) = course.due()
    assert short.needs == Amount(Fraction(8), LONGEST_S * Fraction("0.08"))

    course.happened(BudgetAmended(None, "it is dearer", "Ada", LONGEST_S * Fraction("0.08")))

    assert isinstance(course.due()[0], Make)


@pytest.mark.parametrize(
    ("first", "time_s", "money"), [("money", 10**6, "2"), ("time", 17 * 8, "400"), ("neither", 10**6, "400")]
)
def test_whichever_budget_ends_first_ends_it(first, time_s, money):
    both = f"budget {time_s} / 3600 * 1cpu_h\n  budget {money}usd"
    course = paying(both, AFTER)
    if first == "money":
        assert isinstance(course.due()[0], AwaitBudget)  # an attempt may last 311 s, which cost 24.88 dollars
        return
    course.end(course.begin(), "failed", train="17", device="17")

    assert isinstance(course.due()[0], Make if first == "neither" else AwaitBudget)
