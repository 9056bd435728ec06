"""What becomes due together is one array of Slurm: found by its elements, cancelled one by one, given up one by one."""

import pytest

from made import budget, request
from promo.base.errors import PromoError
from promo.ledger.losses import Loss
from promo.run.disk import DISK
from promo.run.environment import worker_environment
from promo.run.executors.queued import PATIENCE_S, Job, Listed, Machines, Row
from promo.run.executors.slurm import SlurmExecutor
from promo.run.locks import give_up_alone, has_begun, is_given_up
from promo.run.store import RESULT, write_request
from promo.run.values import AttemptSpec, Exit, Phase, Reason
from promo.study.values import BudgetKind


def attempt(executor, study, number, seconds=1, **options):
    """An attempt that was announced, and takes so many seconds."""
    folder = study / "runs" / "short" / "base-box-s1" / f"attempt-{number}"
    asked = request(attempt=number, trainer="promo.run.tried:train", budget=budget(BudgetKind.WALL, seconds))
    write_request(DISK, folder, asked)
    environment = worker_environment({}, threads=1, cuda_device=None)
    name, given = executor.name(folder), tuple(sorted(options.items()))
    return AttemptSpec(folder, environment, asked.budget.limit_s, asked.trainer, job=name, options=given)


def seen(cluster, executor, handles, wanted):
    """Look until they stand as wanted."""
    stands = []

    def look():
        stands[:] = executor.look(handles)
        return wanted(stands)

    cluster.until(look)
    return stands


def arrays(cluster):
    return [word.partition("=")[2] for words in cluster.submitted() for word in words if word.startswith("--array=")]


def over(stands):
    return not any(isinstance(one, Phase) for one in stands)


def itself(stands):
    return [isinstance(one, Exit) and one.reason is Reason.ITSELF for one in stands]


def test_what_becomes_due_together_is_submitted_once_and_each_ends_by_itself(cluster, tmp_path):
    cluster.plan(slots=3)
    executor = SlurmExecutor()
    handles = executor.start_all([attempt(executor, tmp_path, number) for number in (1, 2, 3)])
    stands = seen(cluster, executor, handles, over)

    assert itself(stands) == [True] * 3
    assert all((one.folder / RESULT).exists() for one in handles)
    assert arrays(cluster) == ["0,1,2"]
    assert len(cluster.submitted()) == 1
    assert [one.name for one in handles] == cluster.names()
    assert [one.number for one in handles] == ["1_0", "1_1", "1_2"]


def test_what_asks_for_something_else_is_an_array_of_its_own(cluster, tmp_path):
    cluster.plan(slots=4, delay_s=600)
    executor, more = SlurmExecutor(), {"partition": "long"}
    asked = [attempt(executor, tmp_path, number, **(more if number % 2 else {})) for number in (1, 2, 3, 4, 5)]
    asked[4:] = [attempt(executor, tmp_path, 6, partition="other")]
    handles = executor.start_all(asked)

    assert arrays(cluster) == ["0,2", "1,3"]
    assert [one.name for one in handles] == [one.job for one in asked]
    assert {"--partition=long"} <= set(cluster.submitted()[0])
    assert sorted(cluster.names()) == sorted(one.job for one in asked)
    names = {executor.name(tmp_path) for _ in range(300)}
    assert len(names | set(cluster.names())) == 305  # whatever is named later has another name


def test_one_element_is_cancelled_and_the_others_go_on(cluster, tmp_path):
    cluster.plan(slots=2)
    executor = SlurmExecutor()
    asked = [attempt(executor, tmp_path, number, seconds) for number, seconds in enumerate((60, 1, 60), 1)]
    handles = executor.start_all(asked)
    seen(cluster, executor, handles, lambda stands: has_begun(asked[0].folder))
    executor.cancel([handles[0], handles[2]])
    (stand,) = seen(cluster, executor, handles[1:2], over)

    assert itself([stand]) == [True]
    assert {job["id"] for job in cluster.jobs() if job["state"] == "CANCELLED"} == {"1_0", "1_2"}
    assert [is_given_up(one.folder) for one in asked] == [False, False, True]


def test_an_array_that_was_taken_and_not_answered_for_is_found_by_another_promo(cluster, tmp_path):
    cluster.plan(slots=3, doubt=2)
    first = SlurmExecutor()
    asked = [attempt(first, tmp_path, number) for number in (1, 2, 3)]
    assert [one.number for one in first.start_all(asked)] == [None] * 3
    later = SlurmExecutor()
    handles = [later.find(one.folder, one.job, one.options) for one in asked]
    stands = seen(cluster, later, handles, over)

    assert itself(stands) == [True] * 3
    assert len(cluster.submitted()) == 1


def test_a_lost_element_is_given_up_and_the_others_count(cluster, tmp_path):
    cluster.plan(slots=3, lose=2)
    executor = SlurmExecutor()
    handles = executor.start_all([attempt(executor, tmp_path, number, grace=1) for number in (1, 2, 3)])
    stands = seen(cluster, executor, handles, over)

    assert itself(stands) == [True, False, True]
    assert is_given_up(handles[1].folder)


def test_accounts_tell_why_an_element_has_gone_that_the_queue_forgot(cluster, tmp_path):
    cluster.plan(slots=2, lose=1, accounts="NODE_FAIL")
    executor = SlurmExecutor()
    handles = executor.start_all([attempt(executor, tmp_path, number, grace=1) for number in (1, 2)])
    alone = executor.start(attempt(executor, tmp_path, 3, grace=1))

    assert seen(cluster, executor, [*handles, alone], over) == [Loss.NODE] * 3


def test_a_site_without_arrays_gets_a_job_for_each(cluster, tmp_path):
    cluster.plan(slots=3, arrays=False)
    executor = SlurmExecutor()
    handles = executor.start_all([attempt(executor, tmp_path, number) for number in (1, 2, 3)])
    assert itself(seen(cluster, executor, handles, over)) == [True] * 3

    assert len(cluster.submitted()) == 4
    assert set(cluster.names()[3:]) == {one.name for one in handles}
    executor.start_all([attempt(executor, tmp_path, number) for number in (4, 5)])
    assert len(cluster.submitted()) == 6  # it is asked once


def test_a_refused_array_is_begun_by_nobody_and_neither_is_what_was_to_follow_it(cluster, tmp_path):
    cluster.plan(refuse="Invalid account or account/partition combination specified")
    executor = SlurmExecutor()
    asked = [attempt(executor, tmp_path, number, **({} if number < 3 else {"qos": "x"})) for number in (1, 2, 3, 4)]
    with pytest.raises(PromoError, match="Invalid account"):
        executor.start_all(asked)

    assert len(cluster.submitted()) == 1
    assert [executor.find(one.folder, one.job, one.options) for one in asked] == [None] * 4
    assert all(is_given_up(one.folder) for one in asked)


def test_who_was_given_up_before_it_began_is_waited_for_no_longer_than_its_job(cluster, tmp_path):
    executor = SlurmExecutor()
    begun, never = (attempt(executor, tmp_path, number) for number in (1, 2))
    give_up_alone(never.folder)
    jobs = [Job(one.folder, one.job, "1", one.options) for one in (begun, never)]
    for job in jobs:
        executor._note(job, Row("1", Listed.ENDED), now=100.0)

    assert [job.stand for job in jobs] == [None, Loss.WORDLESS]


def test_who_has_begun_and_ended_is_seen_without_another_question(cluster, tmp_path):
    executor = SlurmExecutor()
    handles = executor.start_all([attempt(executor, tmp_path, 1)])
    executor._next_question = float("inf")

    assert itself(seen(cluster, executor, handles, over)) == [True]
    assert not (cluster.folder / "asked").exists()


def test_hundreds_that_wait_are_asked_for_with_one_question(cluster, tmp_path):
    cluster.plan(slots=0)
    executor = SlurmExecutor()
    handles = executor.start_all([attempt(executor, tmp_path, number) for number in range(1, 251)])
    assert len(cluster.submitted()) == 3

    asked = cluster.folder / "asked"
    cluster.until(lambda: executor.look(handles) == [Phase.QUEUED] * 250 and asked.exists())
    assert len(asked.read_text()) == 1


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("PartitionTimeLimit", "Slurm says PartitionTimeLimit (it asks for more time than its partition allows"),
        ("ReqNodeNotAvail, UnavailableNodes:n[1-2]", "Slurm says ReqNodeNotAvail, UnavailableNodes:n[1-2] (nodes that"),
        ("NeverHeardOf", "Slurm says NeverHeardOf; it waits until that changes, or for: promo stop"),
        ("Priority", ""),
    ],
)
def test_why_jobs_wait_that_may_wait_for_ever_is_told_once(cluster, tmp_path, why, said):
    cluster.plan(slots=0, why=why)
    executor = SlurmExecutor()
    handles = executor.start_all([attempt(executor, tmp_path, number) for number in (1, 2)])
    seen(cluster, executor, handles, lambda stands: executor._news or (stands and handles[0].said == why))
    early = executor.news()
    for handle in handles:
        handle.since -= PATIENCE_S
    asked = (cluster.folder / "asked").stat().st_size
    seen(cluster, executor, handles, lambda _: (cluster.folder / "asked").stat().st_size >= asked + 2)
    late = executor.news()
    executor.cancel(handles)

    assert early == []
    assert len(late) == bool(said)
    assert said in "".join(late)


def test_a_reason_that_differs_in_its_numbers_alone_is_not_told_again(cluster, tmp_path):
    executor = SlurmExecutor()
    cluster.plan(slots=0, why="Queued behind 12 jobs")
    handles = executor.start_all([attempt(executor, tmp_path, number) for number in (1, 2)])
    for handle in handles:
        handle.since -= PATIENCE_S
    seen(cluster, executor, handles, lambda _: executor._news)
    told = executor.news()
    cluster.plan(slots=0, why="Queued behind 11 jobs")
    seen(cluster, executor, handles, lambda _: {handle.said for handle in handles} == {"Queued behind 11 jobs"})
    again = executor.news()
    cluster.plan(slots=0, why="Frozen")
    seen(cluster, executor, handles, lambda _: executor._news)
    other = executor.news()
    executor.cancel(handles)

    assert ["behind 12 jobs" in one for one in told] == [True]
    assert again == []
    assert ["Slurm says Frozen" in one for one in other] == [True]


def test_ends_are_seen_and_silence_is_told_where_squeue_never_answers(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("promo.run.executors.queued.PATIENCE_S", 1.0)
    cluster.plan(slots=1)
    executor = SlurmExecutor()
    handles = executor.start_all([attempt(executor, tmp_path, number) for number in (1, 2)])
    (cluster.folder / "down").touch()
    stands = seen(cluster, executor, handles, lambda stands: isinstance(stands[0], Exit) and executor._news)
    told = executor.news()
    left = executor.cancel(handles)

    assert itself(stands) == [True, False]
    assert ["has not answered for" in line for line in told] == [True]
    assert left == []  # the other one has been given up before it began
    assert is_given_up(handles[1].folder)


def test_jobs_that_wait_are_kept_from_a_node_where_one_could_not_begin(cluster, tmp_path):
    cluster.plan(slots=1, bad="n1")
    executor = SlurmExecutor()
    handles = executor.start_all([attempt(executor, tmp_path, number, 3, grace=1) for number in (1, 2, 3)])

    def asked_and_over(stands):
        executor._next_question = 0.0  # on a busy machine it would be asked too rarely to see the second begin
        return over(stands)

    stands = seen(cluster, executor, handles, asked_and_over)
    (again,) = executor.start_all([attempt(executor, tmp_path, 4, grace=1)])
    seen(cluster, executor, [again], over)

    assert stands[0] is Loss.UNBEGUN
    assert itself(stands) == [False, True, True]
    nodes = {job["number"]: job["node"] for job in cluster.jobs()}
    assert nodes == {1: "n1", 2: "n2", 3: "n2", 4: "n2"}
    assert "--exclude=n1" in cluster.submitted()[-1]


def test_where_slurm_has_no_other_node_than_a_bad_one_that_is_tried_again(cluster, tmp_path):
    executor = SlurmExecutor()
    executor.machines[()] = Machines(bad={"n1", "n2"})
    (handle,) = executor.start_all([attempt(executor, tmp_path, 1)])
    stands = seen(cluster, executor, [handle], over)

    assert itself(stands) == [True]
    assert executor.machines[()].bad == set()
