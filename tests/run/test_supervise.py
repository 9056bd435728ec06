"""Real processes: limits are kept, nobody is left behind, and every end has its cause."""

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from made import request
from promo.base.canonical import canonical
from promo.base.codec import to_json
from promo.run.disk import RealDisk
from promo.run.environment import worker_environment
from promo.run.executors.local import LocalExecutor, WarmExecutor
from promo.run.locks import CLAIM, claim, give_up, is_claimed, is_leased, lease_folder
from promo.run.store import EXIT, LOG, REQUEST, read_exit, read_result
from promo.run.values import AttemptSpec, Exit, Phase, Reason, RunStatus
from promo.study.limits import ENDING_S

TRAINER = "promo_toy.train:train"


def asked(behaviour, **more):
    return canonical(to_json(request(settings={"behaviour": behaviour, "quality": "2", "size": 8}, **more)))


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "runs" / "short" / "base-box-s1" / "attempt-1"
    inside.mkdir(parents=True)
    return inside


def start(folder, behaviour, limit_s=30, **more):
    executor = LocalExecutor()
    return executor, further(executor, folder, behaviour, limit_s, **more)


def further(executor, folder, behaviour, limit_s=30, *, finish=False, trainer=TRAINER, device=None, **more):
    (folder / REQUEST).write_bytes(asked(behaviour, trainer=trainer, **more))
    outer = {**os.environ, "TMPDIR": str(folder.parent)}
    environment = worker_environment(outer, threads=1, cuda_device=None)
    return executor.start(AttemptSpec(folder, environment, limit_s, trainer, finish, device))


def wait_for(condition, patience_s=40):
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it did not come to that")


def ended_of(executor, handle):
    """How an attempt ended; None while it goes on."""
    (stand,) = executor.look([handle])
    return None if isinstance(stand, Phase) else stand


def found(executor, folder):
    return executor.find(folder, None, ())


def finish(executor, handle, patience_s=40):
    exit_ = wait_for(lambda: ended_of(executor, handle), patience_s)
    executor.close()
    return exit_


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
        ("short", RunStatus.OK, ""),
        ("asked", RunStatus.KILLED, "signal 15 asked it to end, and nothing shows that it had used its budget"),
        ("asked late", RunStatus.OK, ""),
    ],
)
def test_every_end_has_its_cause(folder, behaviour, status, words):
    result = read_result(RealDisk(), folder, finish(*start(folder, behaviour)))

    assert (result.status, words in result.cause) == (status, True), result.cause


def test_keys_that_a_run_prints_or_fails_with_are_made_unreadable(folder):
    finish(*start(folder, "leak"))

    kept = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    assert b"canary" not in kept.lower()
    log = (folder / LOG).read_text()
    assert log.startswith(f"logging in with hf_{'*' * 22}\ntotal_tokens: 499\n")
    cause = read_result(RealDisk(), folder, None).cause
    assert cause == f"ValueError: 401 for https://me:{'*' * 10}@example.org, api_key='{'*' * 10}'"


def test_a_result_records_seconds_by_phase_and_where_it_ran(folder):
    executor, handle = start(folder, "ok")
    result = read_result(RealDisk(), folder, finish(executor, handle))

    assert {"start", "import", "build", "train", "total"} <= set(result.seconds)
    assert float(result.seconds["total"]) >= float(result.seconds["start"])
    assert result.body.facts.software
    assert result.body.facts.machine
    assert result.body.work.steps == 2
    assert result.body.used.used == "1.0"


def descendants_of(pid):
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def orphan(folder):
    """The grandchild that the hanging toy leaves in a session of its own."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for note in folder.parent.glob("toy-orphan-*"):
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
    began = time.monotonic()
    executor, handle = start(folder, "hang", limit_s=2)
    child = orphan(folder)
    result = read_result(RealDisk(), folder, finish(executor, handle))
    taken_s = time.monotonic() - began  # as promo's own clock has it, which is what the bound is about

    assert result.status is RunStatus.TIMEOUT
    assert gone(child)
    assert taken_s <= 2 + ENDING_S


def test_a_limit_holds_on_a_busy_machine(folder):
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        began = time.monotonic()
        executor, handle = start(folder, "hang", limit_s=1)
        result = read_result(RealDisk(), folder, finish(executor, handle))
        taken_s = time.monotonic() - began
    finally:
        for one in burning:
            one.kill()
            one.wait()

    assert result.status is RunStatus.TIMEOUT
    assert taken_s <= 1 + ENDING_S


def test_cancelling_ends_a_run_with_all_it_started(folder):
    executor, handle = start(folder, "hang", limit_s=600)
    child = orphan(folder)
    executor.cancel([handle])
    executor.close()

    assert gone(child)
    assert read_exit(RealDisk(), folder).reason is Reason.CANCELLED


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_killing_promo_ends_its_runs(folder):
    """The kernel closes the pipe to the supervisor, whatever way promo dies."""
    (folder / REQUEST).write_bytes(asked("hang"))
    code = (
        "import os, time\nfrom pathlib import Path\n"
        "from promo.run.environment import worker_environment\n"
        "from promo.run.executors.local import LocalExecutor\n"
        "from promo.run.values import AttemptSpec\n"
        f"folder = Path({str(folder)!r})\n"
        "environment = worker_environment({**os.environ, 'TMPDIR': str(folder.parent)}, threads=1, cuda_device=None)\n"
        f"LocalExecutor().start(AttemptSpec(folder, environment, 600, {TRAINER!r}))\ntime.sleep(600)\n"
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


# --- one supervisor, many attempts -------------------------------------------------------------------------------


@pytest.fixture
def attempts(tmp_path):
    folders = [tmp_path / "runs" / "short" / "base-box-s1" / f"attempt-{number}" for number in (1, 2, 3)]
    for one in folders:
        one.mkdir(parents=True)
    return folders


@pytest.fixture(params=[LocalExecutor, WarmExecutor])
def executor(request):
    made = request.param()
    yield made
    made.close()


def ended(executor, handle, folder):
    return read_result(RealDisk(), folder, wait_for(lambda: ended_of(executor, handle)))


def waits(process, looks=35):
    """Whether a worker has imported everything and waits: it sleeps at every look, and an import hardly ever does."""
    try:
        for _ in range(looks):
            if process.status() != psutil.STATUS_SLEEPING:
                return False
            time.sleep(0.01)
    except psutil.NoSuchProcess:
        return False
    return True


def workers(handle):
    return psutil.Process(handle.supervisor.process.pid).children()


def test_a_worker_started_ahead_imports_waits_and_takes_the_next_attempt(attempts):
    executor = LocalExecutor()
    handle = further(executor, attempts[0], "ok")
    wait_for(lambda: (attempts[0] / LOG).exists())  # so the spare is not the one that takes this attempt
    executor.prepare(handle)
    first = ended(executor, handle, attempts[0])
    (spare,) = wait_for(lambda: [one.pid for one in workers(handle) if waits(one)])

    handle = further(executor, attempts[1], "ok")
    assert [one.pid for one in workers(handle)] in ([spare], [])
    second = ended(executor, handle, attempts[1])
    executor.close()

    assert (first.status, second.status) == (RunStatus.OK, RunStatus.OK)
    assert float(second.body.facts.started_ahead_s) > 0.3  # as long as `waits` looked on
    assert float(second.seconds["start"]) == float(second.seconds["import"]) == 0  # it waited for neither
    assert not psutil.pid_exists(spare)


def test_a_worker_started_ahead_is_ended_when_nobody_needs_it(attempts):
    executor = LocalExecutor()
    handle = further(executor, attempts[0], "ok")
    executor.prepare(handle)
    ended(executor, handle, attempts[0])
    (spare,) = wait_for(lambda: workers(handle))
    executor.close()

    assert gone(spare.pid)
    assert handle.supervisor.process.returncode == 0


def test_a_worker_started_ahead_that_died_is_replaced(attempts):
    executor = LocalExecutor()
    handle = further(executor, attempts[0], "ok")
    executor.prepare(handle)
    ended(executor, handle, attempts[0])
    spare = wait_for(lambda: workers(handle))[0]
    spare.kill()
    wait_for(lambda: not psutil.pid_exists(spare.pid))  # its supervisor has seen it end
    second = ended(executor, further(executor, attempts[1], "ok"), attempts[1])
    executor.close()

    assert second.status is RunStatus.OK


def test_a_trainer_that_cannot_be_imported_is_a_crash_with_its_cause(attempts, executor):
    handle = further(executor, attempts[0], "ok", trainer="promo_toy.absent:train")
    executor.prepare(handle)
    for folder in attempts[:2]:
        result = ended(executor, handle, folder)
        assert (result.status, "promo_toy.absent" in result.cause) == (RunStatus.CRASH, True)
        handle = further(executor, attempts[1], "ok", trainer="promo_toy.absent:train")
    executor.cancel([handle])


def test_attempts_one_after_the_other_have_logs_and_ends_of_their_own(attempts, executor):
    for folder, behaviour in zip(attempts, ("exit", "nan", "ok"), strict=True):
        result = ended(executor, further(executor, folder, behaviour), folder)
        assert result.status is {"exit": RunStatus.CRASH, "nan": RunStatus.NAN, "ok": RunStatus.OK}[behaviour]

    assert "last words" in (attempts[0] / "log.txt").read_text()
    assert "last words" not in (attempts[2] / "log.txt").read_text()


def test_a_warm_worker_is_one_process_and_a_fresh_one_is_not(attempts):
    seen = {}
    for kind in (LocalExecutor, WarmExecutor):
        executor = kind()
        found = set()
        for number in (0, 1):
            folder = attempts[number] if kind is LocalExecutor else attempts[number].with_name(f"attempt-{number + 8}")
            folder.mkdir(exist_ok=True)
            handle = further(executor, folder, "slow")
            found.add(wait_for(lambda handle=handle: workers(handle))[0].pid)
            assert ended(executor, handle, folder).status is RunStatus.OK
        seen[kind] = len(found)
        executor.close()

    assert seen == {LocalExecutor: 2, WarmExecutor: 1}


def test_a_warm_worker_is_ended_at_the_limit_and_replaced(attempts):
    executor = WarmExecutor()
    ended(executor, further(executor, attempts[0], "ok"), attempts[0])
    handle = further(executor, attempts[1], "hang", limit_s=0.5)
    assert ended(executor, handle, attempts[1]).status is RunStatus.TIMEOUT
    assert ended(executor, further(executor, attempts[2], "ok"), attempts[2]).status is RunStatus.OK
    executor.close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_killing_the_supervisor_ends_its_run_and_is_nobodys_fault(attempts):
    executor = LocalExecutor()
    handle = further(executor, attempts[0], "hang", limit_s=600)
    child = orphan(attempts[0])
    handle.supervisor.process.kill()
    result = ended(executor, handle, attempts[0])

    assert (result.status, "supervisor" in result.cause) == (RunStatus.KILLED, True)
    assert gone(child)
    assert ended(executor, further(executor, attempts[1], "ok"), attempts[1]).status is RunStatus.OK
    executor.close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("finish", "status"), [(False, RunStatus.KILLED), (True, RunStatus.OK)])
def test_at_the_death_of_promo_a_run_ends_or_finishes_as_was_asked(attempts, finish, status):
    folder = attempts[0]
    (folder / REQUEST).write_bytes(asked("slow"))
    code = (
        "import os, time\nfrom pathlib import Path\n"
        "from promo.run.environment import worker_environment\n"
        "from promo.run.executors.local import LocalExecutor\n"
        "from promo.run.values import AttemptSpec\n"
        f"folder = Path({str(folder)!r})\n"
        "environment = worker_environment(os.environ, threads=1, cuda_device=None)\n"
        f"LocalExecutor().start(AttemptSpec(folder, environment, 600, {TRAINER!r}, {finish}))\ntime.sleep(600)\n"
    )
    promo = subprocess.Popen([sys.executable, "-c", code])
    wait_for(lambda: (folder / "points.jsonl").exists())
    promo.send_signal(signal.SIGKILL)
    promo.wait()
    later = LocalExecutor()
    handle = found(later, folder)
    assert handle is not None
    assert ended(later, handle, folder).status is status
    assert found(later, folder) is None


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_run_that_was_adopted_can_be_called_off(attempts):
    executor = LocalExecutor()
    handle = further(executor, attempts[0], "hang", limit_s=600, finish=True)
    child = orphan(attempts[0])
    later = LocalExecutor()
    later.cancel([found(later, attempts[0])])

    assert found(later, attempts[0]) is None
    assert gone(child)
    assert read_exit(RealDisk(), attempts[0]).reason is Reason.CANCELLED
    executor.cancel([handle])
    executor.close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_who_took_an_attempt_in_hand_and_has_not_yet_said_who_it_is_is_called_off_too(folder):
    code = (
        "import fcntl, os, sys, time\n"
        "handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)\n"
        "fcntl.flock(handle, fcntl.LOCK_EX)\n"
        "time.sleep(0.3)\n"
        "os.write(handle, str(os.getpid()).encode())\n"
        "time.sleep(600)\n"
    )
    slow = subprocess.Popen([sys.executable, "-c", code, str(folder / CLAIM)])
    wait_for(lambda: is_claimed(folder))
    try:
        executor = LocalExecutor()
        executor.cancel([found(executor, folder)])

        assert slow.wait(timeout=40) == -signal.SIGTERM
        assert not is_claimed(folder)
    finally:
        slow.kill()
        slow.wait()


def test_an_attempt_that_was_given_up_before_it_began_is_never_begun(folder):
    """Promo may die between asking for an attempt and its beginning; the next promo calls it lost."""
    place = lease_folder({"TMPDIR": str(folder.parent)})
    assert found(LocalExecutor(), folder) is None
    executor, handle = start(folder, "ok", finish=True, device="GPU-1")
    assert wait_for(lambda: ended_of(executor, handle)).reason is Reason.GIVEN_UP
    assert not is_leased(place, "GPU-1")
    assert {one.name for one in folder.iterdir()} == {CLAIM, REQUEST, "supervisor.txt"}
    executor.close()


def test_who_looks_whether_an_attempt_is_in_hand_keeps_nobody_from_taking_it(folder):
    seen = []
    looking = threading.Thread(target=lambda: seen.extend(is_claimed(folder) for _ in range(3_000)))
    looking.start()
    for _ in range(100):
        held = claim(folder)
        assert held is not None
        assert not give_up(folder)
        held.close()
    looking.join()
    assert give_up(folder)
    assert claim(folder) is None


# --- devices -----------------------------------------------------------------------------------------------------


def test_a_device_is_in_hand_of_one_attempt_and_let_go_with_it(folder):
    place, other = lease_folder({"TMPDIR": str(folder.parent)}), folder.with_name("attempt-2")
    other.mkdir()
    executor, handle = start(folder, "hang", device="GPU-1/2")
    wait_for(lambda: is_leased(place, "GPU-1/2"))

    second = further(executor, other, "ok", device="GPU-1/2")

    assert wait_for(lambda: ended_of(executor, second)) == Exit(None, Reason.BUSY)
    assert not (other / LOG).exists()  # no worker was started
    assert not is_leased(place, "GPU-3")
    executor.cancel([handle])
    assert not is_leased(place, "GPU-1/2")
    third = further(executor, other, "ok", device="GPU-1/2")
    assert finish(executor, third).returncode == 0


def test_a_device_is_free_again_when_its_supervisor_is_killed(folder):
    place = lease_folder({"TMPDIR": str(folder.parent)})
    executor, handle = start(folder, "hang", device="GPU-1")
    wait_for(lambda: is_leased(place, "GPU-1"))
    worker = wait_for(lambda: workers(handle))[0].pid

    handle.supervisor.process.kill()  # perhaps before the worker has taken up what it was told

    wait_for(lambda: not is_leased(place, "GPU-1"))
    executor.close()
    wait_for(lambda: not psutil.pid_exists(worker) or psutil.Process(worker).status() == "zombie")
