"""Real processes: limits are kept, nobody is left behind, and every end has its cause."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from promo.base.canonical import canonical
from promo.files import RealDisk
from promo.run.executors.local import LocalExecutor, worker_environment
from promo.run.store import EXIT, REQUEST, read_exit, read_result
from promo.run.values import AttemptSpec, RunStatus


def request(behaviour, attempt=1):
    return {
        "promo_request": 1,
        "study": "trial",
        "run": {"id": "r", "stage": "short", "candidate": "base", "host": "box", "seed": 1},
        "attempt": attempt,
        "trainer": "promo_toy.train:train",
        "settings": {"behaviour": behaviour, "quality": "2", "size": 8},
        "parameters": 80,
        "flops_per_token": 8,
        "metric": "loss",
        "budget": {"kind": "wall", "amount": 1, "cap_s": 1},
        "data": {},
        "device": "cpu",
        "threads": 1,
    }


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "runs" / "short" / "base-box-s1" / "attempt-1"
    inside.mkdir(parents=True)
    return inside


def start(folder, behaviour, limit_s=30, **more):
    (folder / REQUEST).write_bytes(canonical({**request(behaviour), **more}))
    environment = worker_environment({**os.environ, "TMPDIR": str(folder)}, threads=1, cuda_device=None)
    executor = LocalExecutor()
    return executor, executor.start(AttemptSpec(folder, environment, limit_s))


def finish(executor, handle, patience_s=40):
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        exit_ = executor.poll(handle)
        if exit_ is not None:
            return exit_
        time.sleep(0.02)
    raise AssertionError("it never ended")


@pytest.mark.parametrize(
    ("behaviour", "status", "words"),
    [
        ("ok", RunStatus.OK, ""),
        ("nan", RunStatus.NAN, "loss is nan"),
        ("crash", RunStatus.CRASH, "ValueError: the toy broke <b>on purpose</b>"),
        ("oom", RunStatus.OOM, "CUDA out of memory"),
        ("memory", RunStatus.OOM, "MemoryError"),
        ("exit", RunStatus.CRASH, "code 7 and no result: last words"),
        ("nothing", RunStatus.CRASH, "code 0 and no result"),
        ("kill", RunStatus.KILLED, "signal 9"),
        ("forged", RunStatus.INVALID, "gave no 'loss'"),
    ],
)
def test_every_end_has_its_cause(folder, behaviour, status, words):
    result = read_result(RealDisk(), folder, finish(*start(folder, behaviour)))

    assert (result.status, words in result.cause) == (status, True), result.cause


def test_a_result_records_seconds_by_phase_and_where_it_ran(folder):
    executor, handle = start(folder, "ok")
    result = read_result(RealDisk(), folder, finish(executor, handle))

    assert {"start", "import", "build", "train", "total"} <= set(result.seconds)
    assert float(result.seconds["total"]) >= float(result.seconds["start"])
    assert {"software", "machine", "points", "work", "budget"} <= set(result.details)


def descendants_of(pid):
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def orphan(folder):
    """The grandchild that the hanging toy leaves in a session of its own."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for note in folder.glob("toy-orphan-*"):
            if note.read_text():
                return int(note.read_text())
        time.sleep(0.02)
    raise AssertionError("the toy did not fork")


def gone(pid, patience_s=15):
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_a_hanging_run_is_ended_at_its_limit_with_all_it_started(folder):
    executor, handle = start(folder, "hang", limit_s=2)
    child = orphan(folder)
    result = read_result(RealDisk(), folder, finish(executor, handle))

    assert result.status is RunStatus.TIMEOUT
    assert gone(child)


def test_cancelling_ends_a_run_with_all_it_started(folder):
    executor, handle = start(folder, "hang", limit_s=600)
    child = orphan(folder)
    executor.cancel(handle)

    assert gone(child)
    assert read_exit(RealDisk(), folder).reason == "cancelled"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_killing_promo_ends_its_runs(folder):
    """The kernel closes the pipe to the supervisor, whatever way promo dies."""
    (folder / REQUEST).write_bytes(canonical(request("hang")))
    code = (
        "import os, time\nfrom pathlib import Path\n"
        "from promo.run.executors.local import LocalExecutor, worker_environment\n"
        "from promo.run.values import AttemptSpec\n"
        f"folder = Path({str(folder)!r})\n"
        "environment = worker_environment({**os.environ, 'TMPDIR': str(folder)}, threads=1, cuda_device=None)\n"
        "LocalExecutor().start(AttemptSpec(folder, environment, 600))\ntime.sleep(600)\n"
    )
    promo = subprocess.Popen([sys.executable, "-c", code])
    child = orphan(folder)
    promo.send_signal(signal.SIGKILL)
    promo.wait()

    assert gone(child)
    assert (folder / EXIT).exists() or gone(child)


def test_a_worker_sees_only_the_variables_it_may():
    outer = {"PATH": "/bin", "HOME": "/h", "AWS_SECRET_ACCESS_KEY": "canary", "PYTHONPATH": "/p", "TOKEN": "canary"}

    inner = worker_environment(outer, threads=3, cuda_device=None)

    assert "canary" not in inner.values()
    assert inner["OMP_NUM_THREADS"] == "3"
    assert inner["CUDA_VISIBLE_DEVICES"] == ""
    assert worker_environment(outer, threads=1, cuda_device="GPU-abc")["CUDA_VISIBLE_DEVICES"] == "GPU-abc"
