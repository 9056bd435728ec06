"""A tool of a queue that hangs, or is slow, holds up nobody for long; its answer is heard when it comes."""

import os
import time

import pytest

from promo.run.executors import tools
from promo.run.executors.queued import Listed
from promo.run.executors.slurm import SlurmExecutor
from promo.run.executors.submit import SubmitExecutor
from promo.run.executors.tools import Tools
from promo.run.values import Phase

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def until(wanted, seconds=30.0):
    end = time.monotonic() + seconds
    while not (found := wanted()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


@pytest.fixture
def brief(monkeypatch):
    monkeypatch.setattr(tools, "HOLD_S", 0.5)
    monkeypatch.setattr(tools, "ANEW_S", 0.2)


@pytest.fixture
def asking(brief):
    made = Tools()
    yield made
    made.close()


def tool(tmp_path, name, text):
    place = tmp_path / "own"
    place.mkdir(exist_ok=True)
    (place / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    (place / name).chmod(0o755)
    return str(place / name)


def alive(path):
    """Whether a process lives whose number stands in a file."""
    try:
        os.kill(int(path.read_text()), 0)
    except (ProcessLookupError, FileNotFoundError, ValueError):
        return False
    return True


def test_an_answer_that_is_late_is_heard_later_and_asked_for_once(asking, tmp_path):
    slow = tool(tmp_path, "slow", f"echo x >>{tmp_path}/asked; sleep 2; head -c 300000 /dev/zero; exit 3")
    assert asking.ask([slow], ENVIRONMENT) is None
    began = time.monotonic()
    assert asking.ask([slow], ENVIRONMENT) is None
    assert time.monotonic() - began < 0.4
    answer = until(lambda: asking.ask([slow], ENVIRONMENT))

    assert (answer.code, len(answer.said)) == (3, 300_000)
    assert (tmp_path / "asked").read_text() == "x\n"
    assert not asking.is_asked([slow])


def test_who_never_answers_is_ended_with_what_it_started_and_asked_again(asking, tmp_path, monkeypatch):
    monkeypatch.setattr(tools, "LONGEST_S", 0.5)
    never = tool(tmp_path, "never", f"sleep 600 & echo $! >{tmp_path}/child; wait")
    assert asking.ask([never], ENVIRONMENT) is None
    until(lambda: alive(tmp_path / "child"))
    until(lambda: asking.ask([never], ENVIRONMENT) is not None or not asking.is_asked([never]))

    until(lambda: not alive(tmp_path / "child"))


def test_what_was_asked_before_is_no_answer_where_jobs_are_ended(asking, tmp_path):
    (tmp_path / "says").write_text("old")
    told = tool(tmp_path, "told", f"cat {tmp_path}/says; sleep 0.8")
    assert asking.ask([told], ENVIRONMENT) is None
    (tmp_path / "says").write_text("new")
    answer = asking.ask([told], ENVIRONMENT, anew=True) or until(lambda: asking.ask([told], ENVIRONMENT))

    assert answer.said == b"new"


def test_a_squeue_that_hangs_holds_up_whoever_looks_briefly_and_once(cluster, tmp_path, brief):
    executor = SlurmExecutor()
    handles = [executor.find(tmp_path / "attempt-1", "promo-1-0", ())]
    (tmp_path / "attempt-1").mkdir()
    (tmp_path / "tools" / "squeue").write_text(f"#!/bin/sh\necho x >>{tmp_path}/asked\nexec sleep 600\n")
    held, until_s = [], time.monotonic() + 4
    while time.monotonic() < until_s:
        began = time.monotonic()
        assert executor.look(handles) == [Phase.UNKNOWN]
        held.append(time.monotonic() - began)
        time.sleep(0.02)
    began = time.monotonic()
    executor.cancel(handles)
    executor.close()

    assert sum(held) < 2.5
    assert sum(one > 0.4 for one in held) <= 2
    assert time.monotonic() - began < 30


def test_a_poll_of_one_job_that_hangs_holds_up_no_other_for_long(cluster, tmp_path, brief):
    asked = tool(tmp_path, "asked", '[ "$1" = 1 ] && exec sleep 600; echo "$1 r"')
    given = {"submit": "echo", "number": "x", "poll": f"{asked} {{number}}", "row": "(?P<number>[0-9]+) (?P<state>.+)"}
    given |= {"queued": "q", "running": "r", "cancel": "true {number}"}
    executor = SubmitExecutor()
    jobs = [executor.find(tmp_path / str(number), f"job-{number}", tuple(given.items())) for number in range(1, 20)]
    for number, job in enumerate(jobs, 1):
        job.number = str(number)
    began = time.monotonic()
    rows = executor.listed(jobs)
    took_s = time.monotonic() - began
    rows = until(lambda: (found := executor.listed(jobs))["job-2"].listed is Listed.RUNNING and found)
    executor.close()

    assert took_s < 2
    assert rows["job-1"].listed is Listed.SILENT
    assert {rows[f"job-{number}"].listed for number in range(2, 20)} == {Listed.RUNNING}


def test_a_cancel_that_hangs_keeps_no_other_from_being_asked_for(tmp_path, brief):
    ending = tool(tmp_path, "ending", f"[ $1 = 1 ] && exec sleep 600; echo $1 >>{tmp_path}/ended")
    executor = SubmitExecutor()
    jobs = [executor.find(tmp_path / str(number), f"job-{number}", ()) for number in range(1, 9)]
    for number, job in enumerate(jobs, 1):
        job.number, job.options = str(number), (("cancel", f"{ending} {{number}}"),)
    began = time.monotonic()
    executor.end(jobs)
    took_s = time.monotonic() - began
    executor.close()

    assert took_s < 5
    assert sorted((tmp_path / "ended").read_text().split()) == [str(number) for number in range(2, 9)]


def test_a_sacct_that_hangs_is_waited_for_once(tmp_path, monkeypatch):
    monkeypatch.setattr("promo.run.executors.slurm.ANEW_S", 0.5)
    tool(tmp_path, "sacct", f"echo x >>{tmp_path}/asked; exec sleep 600")
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "own"), os.environ["PATH"]]))
    executor = SlurmExecutor()
    job = executor.find(tmp_path / "attempt-1", "promo-1-0", ())

    assert [executor.why_gone(job) for _ in range(3)] == [None] * 3
    assert (tmp_path / "asked").read_text() == "x\n"
