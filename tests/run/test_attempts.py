"""How often a run is tried: reruns for each reason apart, and all attempts together, over every start of promo."""

from fractions import Fraction
from pathlib import Path
from random import Random

import pytest
from attrs import asdict

from lossy import LossyKernel
from made import body, budget, request
from promo.base.canonical import canonical, digest_bytes
from promo.base.classes import evolve
from promo.base.codec import to_json
from promo.decision.agenda import Agenda
from promo.ledger.journal import Journal
from promo.ledger.losses import Loss
from promo.ledger.state import Attempt, AttemptState, State, state_of
from promo.ledger.values import ResultFlagged, RunStatus
from promo.plans.values import PlannedRun
from promo.run.disk import RealDisk
from promo.run.execute import Execution, Task
from promo.run.store import EXIT, POINTS, RESULT, result_bytes
from promo.run.store import REQUEST as REQUEST_FILE
from promo.run.values import Counter, Exit, Phase, Reason, Used
from promo.study.limits import ATTEMPTS, Allowance
from promo.study.values import BudgetKind
from support import compiled, spec

RUN = PlannedRun("run0", "short", "c0", "box", 1)
REQUEST = request(budget=budget(BudgetKind.WALL, 7, 7))
STUDY = Path("study")
STUDY_OF, PLAN = compiled(spec()).sound()


def ended(*endings):
    """A run whose attempts ended like this: a status, `lost`, `busy`, or `flagged`."""
    return State(attempts={RUN.id: [attempt(number, one) for number, one in enumerate(endings, 1)]})


def attempt(number, ending):
    tried = Attempt(RUN.id, number, "short", "c0", "box", 1, "", state=AttemptState.FAILED)
    match ending:
        case "ok":
            return evolve(tried, state=AttemptState.ACCEPTED, status=RunStatus.OK)
        case "flagged":
            again = ResultFlagged(RUN.id, number, "pick", 0, Fraction(1), Fraction(0), again=True)
            return evolve(tried, state=AttemptState.FLAGGED, status=RunStatus.OK, flagged=again)
        case "lost" | "busy":
            return evolve(tried, state=AttemptState.LOST, loss=Loss.GONE if ending == "lost" else Loss.BUSY)
        case _:
            return evolve(tried, status=RunStatus(ending))


def allowing(**words):
    """The agenda of a study whose gates and rules allow so much."""
    agenda = Agenda(STUDY_OF, PLAN)
    agenda.allowances = {"short": Allowance(**{"missing": 0, "crash": 0, "guard": 0, "attempts": 5, **words})}
    return agenda


def has_ended(agenda, *endings):
    return agenda.run_has_ended(RUN, ended(*endings))


def test_reruns_of_a_missing_value_and_of_a_crash_are_counted_apart_and_both_befall_one_run():
    agenda = allowing(missing=2, crash=2)
    tried = ["timeout", "nan", "killed", "oom"]

    assert [has_ended(agenda, *tried[:count]) for count in range(5)] == [False] * 5
    assert has_ended(agenda, *tried, "nan")
    assert has_ended(agenda, *tried, "killed")
    assert has_ended(agenda, "nan", "nan", "nan")


def test_a_lost_attempt_uses_up_no_rerun_and_counts_among_the_attempts():
    agenda = allowing(attempts=3)

    assert not has_ended(agenda, "lost", "lost")
    assert has_ended(agenda, "lost", "lost", "lost")
    assert has_ended(agenda, "lost", "nan")


def test_an_attempt_whose_device_another_study_took_never_began_and_counts_for_nothing():
    agenda = allowing(attempts=3)

    assert not has_ended(agenda, *["busy"] * 9)
    assert has_ended(agenda, "busy", "lost", "busy", "lost", "busy", "lost")


def test_a_guard_repeats_nothing_that_may_not_be_tried_again():
    agenda = allowing(guard=1, attempts=2)

    assert agenda.may_repeat(RUN, ended("ok"), after=1)
    assert not agenda.may_repeat(RUN, ended("lost", "ok"), after=1)


def test_what_gates_allow_is_allowed_even_where_it_is_more_than_the_study_says():
    assert Allowance(missing=3, crash=2, guard=2, attempts=5).most == 8
    assert Allowance(missing=1, crash=1, guard=0, attempts=5).most == 5


def test_however_attempts_end_there_are_no_more_than_allowed():
    random, reached = Random(1), 0
    for _ in range(2000):
        allowance = Allowance(*(random.randint(0, 3) for _ in range(3)), random.randint(1, 5))
        agenda, endings = allowing(**asdict(allowance)), []
        while not has_ended(agenda, *endings):
            endings.append(random.choice(("nan", "timeout", "lost", "ok")))
            again = endings.count("flagged") < allowance.guard and agenda.may_repeat(RUN, ended(*endings), after=1)
            if endings[-1] == "ok" and again:  # a guard set it aside, and it is tried again
                endings[-1:] = ["flagged", random.choice(("nan", "timeout", "lost"))]
        reached += len(endings) == allowance.most

        assert 1 <= len(endings) <= allowance.most
    assert reached > 100


class Clock:
    def now(self):
        return "2026-01-02T03:04:05Z"

    def monotonic(self):
        return 0.0

    def sleep(self, seconds):
        pass


class Box:
    """A host whose attempts begin and are never heard of again."""

    slots, room, ahead, options, here, outside = 1, 1, False, (), True, False

    def __init__(self):
        self.executor, self.started = self, []

    def devices(self, held):
        return None

    def is_free(self, number):
        return True

    def co_tenants(self, devices):
        return ()

    def environment(self, devices):
        return {}

    def start(self, attempt):
        self.started.append(attempt)

    def name(self, folder):
        return None

    def look(self, handles):
        return [Phase.RUNNING for _ in handles]

    def find(self, folder, job, options):
        return None


def execution(box, disk, agenda):
    journal = Journal(STUDY / "ledger.jsonl", disk, Clock())
    state = state_of(journal.events)
    watched = {"box": box}, print, lambda run: agenda.run_has_ended(run, state)
    return Execution(STUDY, journal, state, disk, Clock(), *watched)


def test_a_run_that_every_start_of_promo_loses_is_given_up_after_so_many_attempts():
    disk, box, agenda = RealDisk(LossyKernel()), Box(), allowing()
    disk.make_folder(STUDY)
    for _ in range(3 * ATTEMPTS):  # each of these is killed with its attempt under way
        begun = execution(box, disk, agenda)
        begun.add([Task(RUN, REQUEST)])
        if not begun.busy:
            break
        begun.go_on()

    assert len(box.started) == ATTEMPTS
    assert agenda.run_has_ended(RUN, begun.state)
    assert {one.loss for one in begun.state.attempts[RUN.id]} == {Loss.GONE}


class Ending(Box):
    """A host whose attempts are asked to end with promo, and leave a result of their part of the run."""

    def __init__(self, disk, said_s, supervised_s):
        super().__init__()
        self.disk, self.said_s, self.supervised_s = disk, said_s, supervised_s

    def start(self, attempt):
        super().start(attempt)
        asked = digest_bytes(self.disk.read(attempt.folder / REQUEST_FILE))
        used = Used(BudgetKind.WALL, "6.9", None, Counter.MARKED)
        seconds = {"train": "6.900000", "total": self.said_s}
        self.disk.write(attempt.folder / POINTS, b"")
        said = body(request=asked, points=digest_bytes(b""), used=used, seconds=seconds)
        self.disk.write(attempt.folder / RESULT, result_bytes(said))
        self.disk.write(attempt.folder / EXIT, canonical(to_json(Exit(0, Reason.CANCELLED, self.supervised_s))))


@pytest.mark.parametrize(("said_s", "supervised_s"), [("7.100000", "7.350"), ("7.350", "7.100000")])
def test_an_attempt_that_ended_with_promo_and_left_a_part_is_lost_and_took_the_time_that_its_supervisor_saw(
    said_s, supervised_s
):
    disk, agenda = RealDisk(LossyKernel()), allowing()
    box = Ending(disk, said_s, supervised_s)
    disk.make_folder(STUDY)
    for _ in range(2):  # the second finds what the first left
        begun = execution(box, disk, agenda)
        begun.add([Task(RUN, REQUEST)])
        begun.go_on()
    first = begun.state.attempts[RUN.id][0]

    assert (first.state, first.loss, first.device_s) == (AttemptState.LOST, Loss.GONE, "7.350")
    assert first.late is not None
    assert first.late_status is RunStatus.OK  # as it says itself, and as both verifiers read it


def test_the_supervisor_is_given_the_limit_that_the_bound_is_priced_with():
    disk, box = RealDisk(LossyKernel()), Box()
    disk.make_folder(STUDY)
    begun = execution(box, disk, allowing(attempts=1))
    begun.add([Task(RUN, REQUEST)])
    begun.go_on()

    assert box.started[0].limit_s == REQUEST.budget.limit_s == 7 + 300 < REQUEST.budget.longest_s


class Cards(Box):
    """A host of four devices with names, whose attempts end when they are told to."""

    slots, room = 3, 4

    def __init__(self, taken=(), adopted=()):
        super().__init__()
        self.taken, self.adopted, self.over = set(taken), adopted, set()

    def devices(self, held):
        return ",".join(f"GPU-{number}" for number in held)

    def is_free(self, number):
        return number not in self.taken

    def start(self, attempt):
        super().start(attempt)
        return attempt.folder

    def find(self, folder, job, options):
        return folder if folder.name in self.adopted else None

    def look(self, handles):
        return [Exit(None, Reason.CANCELLED) if handle in self.over else Phase.RUNNING for handle in handles]


WIDE = [PlannedRun(f"run{number}", "long" if wide > 1 else "short", f"c{number}", "box", wide) for number, wide in
        enumerate((1, 1, 4, 1, 2, 2))]  # fmt: skip
"""Runs whose seed is how many devices they have."""


def on_cards(box, disk):
    """The execution of runs that have as many devices as their stage says (`box.wide`)."""
    disk.make_folder(STUDY)
    journal = Journal(STUDY / "ledger.jsonl", disk, Clock())
    state = state_of(journal.events)
    watched = {"box": box}, print, lambda run: bool(state.attempts.get(run.id)), lambda run: True
    return Execution(STUDY, journal, state, disk, Clock(), *watched, lambda stage, host: box.wide[stage])


def begun_on(execution, box):
    """What has begun since this was last asked, by its candidate: the devices that it has."""
    execution.go_on()
    found = {one.folder.parent.name.split("-")[0]: one.device for one in box.started}
    box.started.clear()
    return found


def test_a_run_with_more_devices_is_waited_for_and_none_that_is_due_later_overtakes_it():
    disk, box = RealDisk(LossyKernel()), Cards()
    box.wide = {"short": 1, "long": 4}
    execution = on_cards(box, disk)
    execution.add([Task(run, REQUEST) for run in WIDE[:4]])

    assert begun_on(execution, box) == {"c0": "GPU-0", "c1": "GPU-1"}
    folders = {run.candidate: STUDY / f"runs/{run.stage}/{run.candidate}-box-s{run.seed}/attempt-1" for run in WIDE}
    box.over.add(folders["c0"])
    assert begun_on(execution, box) == {}
    box.over.add(folders["c1"])
    assert begun_on(execution, box) == {"c2": "GPU-0,GPU-1,GPU-2,GPU-3"}
    assert execution.busy
    box.over.add(folders["c2"])
    assert begun_on(execution, box) == {"c3": "GPU-0"}


def test_runs_take_whichever_devices_are_free_and_no_more_of_them_than_slots():
    disk, box = RealDisk(LossyKernel()), Cards(taken={1})
    box.wide = {"short": 1, "long": 2}
    execution = on_cards(box, disk)
    execution.add([Task(run, REQUEST) for run in (WIDE[0], WIDE[4], WIDE[5])])

    assert begun_on(execution, box) == {"c0": "GPU-0", "c4": "GPU-2,GPU-3"}
    assert execution.elsewhere == {"GPU-1"}
    box.taken.clear()
    assert begun_on(execution, box) == {}
    box.over.add(STUDY / "runs/short/c0-box-s1/attempt-1")
    assert begun_on(execution, box) == {"c5": "GPU-0,GPU-1"}
    execution.add([Task(run, REQUEST) for run in (WIDE[1], WIDE[3])])
    assert begun_on(execution, box) == {}


def test_an_attempt_that_goes_on_keeps_the_devices_that_it_holds():
    disk, box = RealDisk(LossyKernel()), Cards()
    box.wide = {"short": 1, "long": 2}
    first = on_cards(box, disk)
    first.add([Task(run, REQUEST) for run in (WIDE[0], WIDE[4])])
    assert begun_on(first, box) == {"c0": "GPU-0", "c4": "GPU-1,GPU-2"}

    again = Cards(adopted=("attempt-1",))
    again.wide = box.wide
    again.over.add(STUDY / "runs/short/c0-box-s1/attempt-1")
    second = on_cards(again, disk)
    second.add([Task(WIDE[5], REQUEST)])
    assert begun_on(second, again) == {"c5": "GPU-0,GPU-3"}
