"""A job's supervisor and its worker: a copy of it, or a process of its own, and nobody can tell which."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from made import request
from promo.base.canonical import canonical
from promo.base.codec import to_json
from promo.run.disk import RealDisk
from promo.run.environment import worker_environment
from promo.run.store import EXIT, LOG, POINTS, REQUEST, RESULT, read_exit, read_result
from promo.run.supervise import TOLD_S
from promo.run.values import Reason, RunStatus
from promo.study.limits import Budget, BudgetKind

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")
ATTEND = ["-P", "-m", "promo.run.attend"]
COPY = pytest.param(
    ATTEND, id="copy", marks=pytest.mark.skipif(sys.platform != "linux", reason="copies are made there")
)
OWN = pytest.param(["-B", *ATTEND], id="own")
"""Words of Python with which a supervisor starts a worker as a process of its own."""
TELLING = """
import gc
import json
import locale
import os
import resource
import signal
import sys
import threading
from multiprocessing import get_context
from pathlib import Path

from promo_toy.train import train as toy


def main():
    found = sys.modules["__main__"]
    return [found.__name__, found.__spec__.name, Path(found.__file__).name]


def of_its_own(kind):
    with get_context(kind).Pool(1) as pool:
        return pool.apply(main)


def kind(place):
    return "pipe" if place.startswith("pipe:") else place


LIBRARY = 1 << 31 | 1 << 32
# Signals 32 and 33 are those of the C library, which takes them when it needs them.


def status():
    lines = (line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    found = {name: value.strip() for name, value in lines}
    masks = {name: int(found[name], 16) & ~LIBRARY for name in ("SigBlk", "SigIgn", "SigCgt")}
    return {**masks, **{name: found[name] for name in ("Umask", "NoNewPrivs", "Seccomp")}}


def train(request, recorder):
    places = [(number, os.readlink(f"/proc/self/fd/{number}")) for number in os.listdir("/proc/self/fd")
              if os.path.exists(f"/proc/self/fd/{number}")]
    told = {
        "environment": dict(os.environ),
        "path": sys.path,
        "argv": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "words of Python": sys.orig_argv,
        "main": [main(), *map(of_its_own, ("fork", "spawn"))],
        "flags": [sys.flags.safe_path, sys.flags.hash_randomization, sys.flags.isolated, sys.flags.utf8_mode],
        "hash": hash("a word"),
        "letters": [locale.setlocale(locale.LC_ALL), sys.getfilesystemencoding(), sys.stdout.encoding],
        "open": sorted((int(number) if int(number) < 3 else 3, kind(place)) for number, place in places),
        "status": status(),
        "handlers": [str(signal.getsignal(number)).split(" at ")[0] for number in sorted(signal.valid_signals())],
        "threads": threading.active_count(),
        "streams": [(one.line_buffering, one.write_through, str(type(one.buffer))) for one in (sys.stdout, sys.stderr)],
        "read": sys.stdin.read(),
        "limits": [resource.getrlimit(number) for number in range(16)],
        "place": os.path.basename(os.getcwd()),
        "session": [os.getsid(0) == os.getsid(os.getppid()), os.getpgid(0) == os.getpgid(os.getppid())],
        "nice": [os.nice(0), sorted(os.sched_getaffinity(0))],
        "kept out of the search for rubbish": gc.get_freeze_count() > 1000,
    }
    Path("told.json").write_text(json.dumps(told))
    Path("words").write_bytes(Path("/proc/self/cmdline").read_bytes())
    sys.stdout.write("to standard output, ")
    sys.stderr.write("to standard error, ")
    os.write(1, b"and beside Python\\n")
    return toy(request, recorder)
"""


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "runs" / "short" / "base-box-s1" / "attempt-1"
    inside.mkdir(parents=True)
    return inside


def environment(folder, **more):
    paths = os.pathsep.join([str(folder.parent), *filter(None, [os.environ.get("PYTHONPATH", "")])])
    outer = {**os.environ, "LANG": "C.UTF-8", "PYTHONPATH": paths, "TMPDIR": str(folder.parent)}
    return {**worker_environment(outer, threads=1, cuda_device=None), "SITES_OWN": "x", **more}


def job(folder, words, behaviour="ok", *, limit_s=60, without=(), given=(), **more):
    """A job under way that attends to an attempt."""
    settings = {"behaviour": behaviour, "quality": "2", "size": 8}
    asked = request(settings=settings, **more)
    (folder / REQUEST).write_bytes(canonical(to_json(asked)))
    inner = {name: value for name, value in environment(folder, **dict(given)).items() if name not in without}
    return subprocess.Popen([sys.executable, *words, str(folder)], cwd=folder, env=inner, stdin=subprocess.DEVNULL)


def wait_for(condition, patience_s=40):
    until = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.01)
    return found


def gone(number):
    """Whether a process has ended."""
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def orphan(folder):
    """The grandchild that the hanging toy leaves in a session of its own."""
    return int(wait_for(lambda: [text for one in folder.parent.glob("toy-orphan-*") if (text := one.read_text())])[0])


def at_its_start(folder, code):
    """Have each process of a job run some code before anything else."""
    (folder.parent / "sitecustomize.py").write_text(code)


def told(folder, words, **more):
    """What a worker sees of itself and of where it is, the module that its words name, and its log."""
    (folder.parent / "telling.py").write_text(TELLING)
    assert job(folder, words, trainer="telling:train", **more).wait(timeout=40) == 0
    assert read_result(RealDisk(), folder, read_exit(RealDisk(), folder)).status is RunStatus.OK
    own = folder / "program"
    module = next(word for word in (own / "words").read_text().split("\0") if word.startswith("promo.run."))
    return json.loads((own / "told.json").read_text()), module, (folder / LOG).read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="copies are made there")
@pytest.mark.parametrize("without", [(), ("LANG",)], ids=["letters", "no letters"])
def test_a_copy_is_a_worker_like_any_other(tmp_path, without):
    found = []
    for name, words in (("copy", ATTEND), ("own", ["-B", *ATTEND])):
        folder = tmp_path / name / "runs" / "short" / "base-box-s1" / "attempt-1"
        folder.mkdir(parents=True)
        said, module, log = told(folder, words, without=without)
        found.append((module, json.loads(json.dumps(said).replace(f"/{name}/", "/it/")), log))
    (copy, seen, log), (own, expected, own_log) = found

    assert (copy, own) == ("promo.run.attend", "promo.run.worker")
    assert {name: value for name, value in seen.items() if value != expected[name]} == {}
    assert "SITES_OWN" not in seen["environment"]
    assert seen["main"][0] == ["__main__", "promo.run.worker", "worker.py"]
    assert log == own_log == "to standard output, to standard error, and beside Python\n"


@pytest.mark.parametrize(
    ("words", "without"),
    [(ATTEND, ("PYTHONHASHSEED",)), (ATTEND, ("PYTHONUNBUFFERED",)), (ATTEND[1:], ()), (["-O", *ATTEND], ())],
    ids=["hashes", "buffers", "path", "asserts"],
)
def test_a_supervisor_that_began_otherwise_than_a_worker_starts_one(folder, words, without):
    said, module, _ = told(folder, words, without=without)

    assert module == "promo.run.worker"
    assert (said["flags"][0], said["environment"]["PYTHONHASHSEED"]) == (True, "0")
    assert str(folder) not in said["path"]


@pytest.mark.parametrize("given", [{"LC_CTYPE": "C"}, {"LC_CTYPE": "C.UTF-8", "LC_ALL": "C"}], ids=["letters", "all"])
def test_letters_that_only_the_job_was_told_are_not_those_of_its_worker(folder, given):
    said, module, _ = told(folder, ATTEND, given=given)

    assert module == "promo.run.worker"
    assert ("LC_CTYPE" in said["environment"], said["flags"][3]) == (False, "LC_ALL" in given)


@pytest.mark.skipif(sys.platform != "linux", reason="copies are made there")
def test_a_supervisor_that_has_another_thread_starts_a_worker(folder):
    at_its_start(folder, "import _thread, time\n_thread.start_new_thread(time.sleep, (1000,))\n")

    assert told(folder, ATTEND)[1] == "promo.run.worker"


@pytest.mark.skipif(sys.platform != "linux", reason="copies are made there")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_copy_that_is_asked_to_end_as_it_begins_ends(folder, number):
    at_its_start(folder, f"import os\nos.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), {number}))\n")

    assert job(folder, ATTEND).wait(timeout=40) == 0
    assert read_exit(RealDisk(), folder).returncode == -number
    assert not (folder / RESULT).exists()


@pytest.mark.parametrize("words", [COPY, OWN])
@pytest.mark.parametrize(("behaviour", "status"), [("ok", RunStatus.OK), ("crash", RunStatus.CRASH)])
def test_a_job_whose_children_are_ignored_by_who_began_it_comes_to_its_end(folder, words, behaviour, status):
    """Such a process is never told how a child ended: what the child left says it."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        began = job(folder, words, behaviour)
    finally:
        signal.signal(signal.SIGCHLD, before)

    assert began.wait(timeout=40) == 0
    assert read_result(RealDisk(), folder, read_exit(RealDisk(), folder)).status is status


@pytest.mark.parametrize("words", [COPY, OWN])
@pytest.mark.parametrize(
    ("behaviour", "status", "cause"),
    [
        ("crash", RunStatus.CRASH, "ValueError: the toy broke <b>on purpose</b>"),
        ("exit", RunStatus.CRASH, "code 7 and no result: last words"),
        ("nothing", RunStatus.CRASH, "code 0 and no result"),
        ("kill", RunStatus.KILLED, "signal 9"),
        ("asked", RunStatus.KILLED, "signal 15 asked it to end"),
    ],
)
def test_every_end_has_its_cause(folder, words, behaviour, status, cause):
    assert job(folder, words, behaviour).wait(timeout=40) == 0
    result = read_result(RealDisk(), folder, read_exit(RealDisk(), folder))

    assert (result.status, cause in result.cause) == (status, True), result.cause


@pytest.mark.parametrize("words", [COPY, OWN])
def test_a_run_is_ended_with_all_it_started_when_its_job_is(folder, words):
    began = job(folder, words, "hang")
    child = orphan(folder)
    began.terminate()

    assert began.wait(timeout=40) == 0
    assert gone(child)
    assert read_exit(RealDisk(), folder).reason is Reason.CANCELLED


@pytest.mark.parametrize("words", [COPY, OWN])
def test_when_a_supervisor_is_killed_its_worker_ends_with_all_it_started(folder, words):
    began = job(folder, words, "hang")
    child, (worker,) = orphan(folder), psutil.Process(began.pid).children()
    began.kill()
    began.wait()

    wait_for(lambda: gone(child) and gone(worker.pid))
    assert not (folder / EXIT).exists()


@pytest.mark.parametrize("words", [COPY, OWN])
@pytest.mark.parametrize(("behaviour", "both"), [("hang", True), ("hang", False), ("crash", True), ("crash", False)])
def test_a_run_that_fails_as_its_job_is_ended_was_cancelled_and_one_that_fails_alone_was_not(
    folder, words, behaviour, both
):
    """Slurm signals each process of a job: a worker may die of that, or of a peer on another node, before the word."""
    began = job(folder, words, behaviour)
    wait_for((folder / (POINTS if behaviour == "hang" else RESULT)).exists)
    if behaviour == "hang":
        orphan(folder)
        psutil.Process(began.pid).children()[0].terminate()
    time.sleep(0.3)
    assert read_exit(RealDisk(), folder) is None
    if both:
        began.terminate()

    assert began.wait(timeout=40) == 0
    ended = read_exit(RealDisk(), folder)
    assert ended.reason is (Reason.CANCELLED if both else Reason.ITSELF)
    assert float(ended.seconds) < TOLD_S


@pytest.mark.parametrize("words", [COPY, OWN])
def test_a_limit_ends_a_run_with_all_it_started(folder, words):
    began = job(folder, words, "hang", budget=Budget(BudgetKind.WALL, 1, 1, allowance_s=1))
    child = orphan(folder)

    assert began.wait(timeout=40) == 0
    assert gone(child)
    assert read_exit(RealDisk(), folder).reason is Reason.LIMIT


@pytest.mark.parametrize("words", [COPY, OWN])
def test_who_comes_second_to_an_attempt_begins_nothing(folder, words):
    assert job(folder, words).wait(timeout=40) == 0
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert job(folder, words).wait(timeout=40) == 0
    assert files == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
