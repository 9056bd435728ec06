"""How often a run is tried: reruns for each reason apart, and all attempts together, over every start of promo."""

from pathlib import Path
from random import Random

from lossy import LossyKernel
from promo.ledger.journal import Journal
from promo.ledger.state import Attempt, AttemptState, State, state_of
from promo.ledger.values import EventKind
from promo.plan.values import PlannedRun
from promo.run.disk import RealDisk
from promo.run.execute import Execution, Task, has_ended, may_repeat
from promo.study.limits import ATTEMPTS, Allowance, limit_s, longest_s

RUN = PlannedRun("run0", "short", "c0", "box", 1)
REQUEST = {"trainer": "m:f", "budget": {"cap_s": 7}}
STUDY = Path("study")


def ended(*endings):
    """A run whose attempts ended like this: a status, `lost`, or `flagged`."""
    states = {"lost": AttemptState.LOST, "ok": AttemptState.ACCEPTED, "flagged": AttemptState.FLAGGED}
    return State(
        attempts={
            RUN.id: [
                Attempt(
                    RUN.id, number, "short", "c0", "box", 1, "", state=states.get(one, AttemptState.FAILED), status=one
                )
                for number, one in enumerate(endings, 1)
            ]
        }
    )


def test_reruns_of_a_missing_value_and_of_a_crash_are_counted_apart_and_both_befall_one_run():
    task = Task(RUN, REQUEST, Allowance(missing=2, crash=2, guard=0, attempts=5))
    tried = ["timeout", "nan", "killed", "oom"]

    assert [has_ended(ended(*tried[:count]), task) for count in range(5)] == [False] * 5
    assert has_ended(ended(*tried, "nan"), task)
    assert has_ended(ended(*tried, "killed"), task)
    assert has_ended(ended("nan", "nan", "nan"), task)


def test_a_lost_attempt_uses_up_no_rerun_and_counts_among_the_attempts():
    task = Task(RUN, REQUEST, Allowance(missing=0, crash=0, guard=0, attempts=3))

    assert not has_ended(ended("lost", "lost"), task)
    assert has_ended(ended("lost", "lost", "lost"), task)
    assert has_ended(ended("lost", "nan"), task)


def test_a_guard_repeats_nothing_that_may_not_be_tried_again():
    task = Task(RUN, REQUEST, Allowance(missing=0, crash=0, guard=1, attempts=2))

    assert may_repeat(ended("ok"), task, after=1)
    assert not may_repeat(ended("lost", "ok"), task, after=1)


def test_what_gates_allow_is_allowed_even_where_it_is_more_than_the_study_says():
    assert Allowance(missing=3, crash=2, guard=2, attempts=5).most == 8
    assert Allowance(missing=1, crash=1, guard=0, attempts=5).most == 5


def test_however_attempts_end_there_are_no_more_than_allowed():
    random, reached = Random(1), 0
    for _ in range(2000):
        allowance = Allowance(*(random.randint(0, 3) for _ in range(3)), random.randint(1, 5))
        task, endings = Task(RUN, REQUEST, allowance), []
        while not has_ended(ended(*endings), task):
            endings.append(random.choice(("nan", "timeout", "lost", "ok")))
            again = endings.count("flagged") < allowance.guard and may_repeat(ended(*endings), task, after=1)
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

    slots, ahead = 1, False

    def __init__(self):
        self.executor, self.started = self, []

    def device(self, slot):
        return None

    def is_free(self, slot):
        return True

    def beside(self, slot):
        return ()

    def environment(self, slot):
        return {}

    def start(self, attempt):
        self.started.append(attempt)

    def poll(self, handle):
        return None

    def find(self, folder):
        return None


def test_a_run_that_every_start_of_promo_loses_is_given_up_after_so_many_attempts():
    disk, box = RealDisk(LossyKernel()), Box()
    disk.make_folder(STUDY)
    Journal(STUDY / "ledger.jsonl", disk, Clock()).append(EventKind.STUDY_FROZEN, {"study": "trial"})
    task = Task(RUN, REQUEST, Allowance(missing=0, crash=0, guard=0, attempts=ATTEMPTS))
    for _ in range(3 * ATTEMPTS):  # each of these is killed with its attempt under way
        journal = Journal(STUDY / "ledger.jsonl", disk, Clock())
        execution = Execution(STUDY, journal, state_of(journal.events), disk, Clock(), {"box": box}, print)
        execution.add([task])
        if not execution.busy:
            break
        execution.go_on()

    assert len(box.started) == ATTEMPTS
    assert has_ended(execution.state, task)
    assert {one.status for one in execution.state.attempts[RUN.id]} == {"lost"}


def test_the_supervisor_is_given_the_limit_that_the_bound_is_priced_with():
    disk, box = RealDisk(LossyKernel()), Box()
    disk.make_folder(STUDY)
    journal = Journal(STUDY / "ledger.jsonl", disk, Clock())
    execution = Execution(STUDY, journal, State(), disk, Clock(), {"box": box}, print)
    execution.add([Task(RUN, REQUEST, Allowance(0, 0, 0, 1))])
    execution.go_on()

    assert box.started[0].limit_s == limit_s(7) < longest_s(7)
