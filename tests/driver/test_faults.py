"""Full disks, disks that fail, two at once, and readers while a study runs: no false result, one clear message."""

import errno
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from promo.driver.study import StudyFolder
from promo.ledger.state import AttemptState, StudyState
from promo.run.locks import lease, lease_folder
from support import promo, promoted_and_answers, trivial

RACED = Path(__file__).with_name("raced.py")
CLI = [sys.executable, "-c", "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"]


TOOL = """#!/bin/sh
case "$1" in
--query-gpu=*) echo 'GPU-77aa, NVIDIA H100 80GB HBM3' ;;
--query-compute-apps=*) echo 'GPU-0000, 1, game'; echo 'GPU-77aa, 4242, /opt/other, bin/python3' ;;
esac
"""


def written(place, executor="inline"):
    path = place / "trial.promo"
    path.write_text(trivial(executor), encoding="utf-8")
    return path


# --- disks -------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own with 1 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)]
    try:
        done = subprocess.run(words, capture_output=True, check=False)
    except FileNotFoundError:
        done = None
    if done is None or done.returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def mounted_again(place, how):
    subprocess.run(["mount", "-o", f"remount,{how}", str(place)], check=True)


@pytest.mark.parametrize(("executor", "left"), [("inline", 4096), ("inline", 24_576), ("local", 49_152)])
def test_a_full_disk_stops_a_study_with_one_message_and_it_goes_on_later(workplace, small_disk, executor, left, capsys):
    path = written(workplace, executor)
    assert promo("run", path, "--quiet", "--study", "whole") == 0
    ballast = small_disk / "ballast"
    free = os.statvfs(small_disk)
    ballast.write_bytes(bytes(max(free.f_bavail * free.f_frsize - left, 0)))
    capsys.readouterr()

    folder = StudyFolder(small_disk / "trial.study")
    assert promo("run", path, "--quiet", "--study", folder.path) == 2
    error = capsys.readouterr().err
    assert error.count("error:") == 1
    assert "No space left" in error or "refused" in error
    if folder.exists:
        ended = {one.state for tried in folder.state().attempts.values() for one in tried}
        assert AttemptState.FAILED not in ended  # a full disk is no candidate's fault

    ballast.unlink()
    assert promo("run", path, "--quiet", "--study", folder.path) == 0
    assert promoted_and_answers(folder.state()) == promoted_and_answers(StudyFolder(Path("whole")).state())
    assert promo("verify", folder.path) == 3


def test_a_read_only_disk_is_one_message(workplace, small_disk, capsys):
    path = written(workplace)
    folder = StudyFolder(small_disk / "trial.study")
    mounted_again(small_disk, "ro")
    assert promo("run", path, "--quiet", "--study", folder.path) == 2
    assert "cannot be written: Read-only" in capsys.readouterr().err

    mounted_again(small_disk, "rw")
    assert promo("run", path, "--quiet", "--study", folder.path) == 0
    mounted_again(small_disk, "ro")
    for command in ("status", "verify"):  # who only reads may go on reading
        assert promo(command, folder.path) in (0, 3)
    assert promo("run", path, "--quiet", "--study", folder.path) == 2
    mounted_again(small_disk, "rw")


def failing_at(number, flush=os.fsync):
    """The n-th flush fails, and every later one works: as Linux does it, the bytes are gone meanwhile."""
    count = itertools.count(1)

    def flushed(handle):
        if next(count) == number:
            raise OSError(errno.EIO, "Input/output error")
        flush(handle)

    return flushed


def test_after_any_failed_flush_nothing_more_is_believed_and_a_later_run_ends_well(workplace, monkeypatch, capsys):
    path = written(workplace)
    assert promo("run", path, "--quiet", "--study", "whole") == 0
    expected = promoted_and_answers(StudyFolder(Path("whole")).state())
    for fails_at in (4, 9, 17, 24, 35):
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", failing_at(fails_at))
            capsys.readouterr()
            folder = StudyFolder(workplace / f"failing-{fails_at}")
            assert promo("run", path, "--quiet", "--study", folder.path) == 2, fails_at
            error = capsys.readouterr().err
            assert "Input/output error" in error or "the disk refused" in error
        had = {run: folder.state().accepted(run) for run in folder.state().attempts} if folder.exists else {}

        assert promo("run", path, "--quiet", "--study", folder.path) == 0
        state = folder.state()
        assert promoted_and_answers(state) == expected
        assert all(state.accepted(run).envelope == one.envelope for run, one in had.items() if one is not None)


# --- two at once, and readers ------------------------------------------------------------------------------------


def races(workplace, number, *more):
    written(workplace)
    words = [sys.executable, str(RACED), "trial.promo", str(number), *more]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def is_sound(race):
    """One did the work; the other was refused, or came when it was done."""
    whole = race.get("study") == "closed" and set(race["tries"]) == {1}
    return whole and race["codes"] in ([0, 2], [0, 0]) and race["incarnations"] == 1


def test_of_two_at_once_one_works(workplace):
    assert all(is_sound(race) for race in races(workplace, 3))


@pytest.mark.slow
def test_of_two_at_once_one_works_in_200_races(workplace):
    found = races(workplace, 200)

    print(f"{len(found)} races, {sum(race['codes'] == [0, 2] for race in found)} with the second refused")
    assert [race for race in found if not is_sound(race)] == []
    assert len(found) == 200


def test_without_the_lock_two_at_once_are_found(workplace):
    assert not all(is_sound(race) for race in races(workplace, 200, "unlocked"))


def test_status_and_report_in_a_loop_read_what_the_study_was(workplace):
    path = written(workplace, "local")
    folder = StudyFolder(workplace / "trial.study")
    process = subprocess.Popen([*CLI, "run", str(path), "--quiet"], stdout=subprocess.DEVNULL)
    seen, reports = [], 0
    while process.poll() is None:
        if folder.exists and folder.chain().events:
            assert promo("report", folder.path, "--out", "seen.html") == 0
            reports += 1
            seen.append(folder.state().events)

    assert process.returncode == 0
    assert seen == sorted(seen)
    assert reports >= 2
    assert folder.state().study is StudyState.CLOSED


def test_a_study_waits_for_a_device_that_another_one_has(workplace, monkeypatch):
    """The driver's tool is made up: it lists a card, which the toy trainer leaves alone and somebody else does not."""
    tool = workplace / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(TOOL, encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(workplace))
    text = trivial("local").replace('device "cpu" on any', 'device "H100" on any')
    (workplace / "trial.promo").write_text(text, encoding="utf-8")
    (workplace / "file").touch()
    monkeypatch.setenv("TMPDIR", str(workplace / "file"))
    done = subprocess.run([*CLI, "run", "trial.promo", "--study", "none"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the locks of devices in" in done.stderr
    assert "Traceback" not in done.stderr
    monkeypatch.setenv("TMPDIR", str(workplace))
    (taken,) = lease(lease_folder(os.environ), "GPU-77aa")

    running = subprocess.Popen([*CLI, "run", "trial.promo", "--plain"], stdout=subprocess.PIPE, text=True)
    said = next(line for line in running.stdout if "waiting" in line)
    assert "waiting for GPU-77aa, which another study has" in said
    assert StudyFolder(workplace / "trial.study").state().attempts == {}
    taken.close()
    told, _ = running.communicate(timeout=60)

    assert running.returncode == 0
    state = StudyFolder(workplace / "trial.study").state()
    tried = [one for tried in state.attempts.values() for one in tried]
    assert {one.device for one in tried} == {"GPU-77aa"}
    assert {one.co_tenants for one in tried} == {("python3 (process 4242)",)}
    assert told.count("warning: GPU-77aa is shared with python3 (process 4242)") == 1
    assert promo("report", "trial.study", "--format", "md", "--out", "r.md") == 0
    words = f"{len(tried)} attempts shared their device with python3"
    assert words in (workplace / "r.md").read_text(encoding="utf-8")
    assert promo("verify", "trial.study") == 3


MOUNTS = {
    ("nfs4", "rw"): "lies on a network file system (nfs4)",
    ("fuse.gcsfuse", "rw"): "lies in an object store (fuse.gcsfuse), which has no locks",
    ("lustre", "rw,lazystatfs"): "lies on a file system (lustre) whose locks may hold on one machine only",
    ("lustre", "rw,localflock"): "lies on a file system (lustre) whose locks may hold on one machine only",
    ("beegfs", "rw"): "lies on a file system (beegfs) whose locks may hold on one machine only",
}


@pytest.mark.parametrize(("kind", "options"), MOUNTS)
def test_a_file_system_whose_locks_do_not_hold_is_refused(workplace, monkeypatch, capsys, kind, options):
    """The table of mounts is made up, with an automounter's mount under it; nothing was written when it is said."""
    mounts = [SimpleNamespace(mountpoint="/", fstype="ext4", opts="rw")]
    mounts.append(SimpleNamespace(mountpoint=str(workplace), fstype="autofs", opts="rw,direct"))
    mounts.append(SimpleNamespace(mountpoint=str(workplace), fstype=kind, opts=options))
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    written(workplace)

    assert promo("run", "trial.promo", "--quiet") == 2
    assert MOUNTS[kind, options] in capsys.readouterr().err
    assert not (workplace / "trial.study" / "ledger.jsonl").exists()


@pytest.mark.parametrize(("kind", "options"), [("xfs", "rw"), ("gpfs", "rw"), ("lustre", "rw,flock,lazystatfs")])
def test_one_whose_locks_hold_is_taken(workplace, monkeypatch, kind, options):
    mounts = [SimpleNamespace(mountpoint=at, fstype="nfs", opts="rw") for at in ("/", str(workplace))]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    written(workplace)
    mounts.append(SimpleNamespace(mountpoint=str(workplace / "trial.study"), fstype=kind, opts=options))

    assert promo("run", "trial.promo", "--quiet") == 0
