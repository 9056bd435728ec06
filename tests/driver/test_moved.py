"""A study folder that is renamed while it runs is not begun anew in the old place; `promo stop` ends what ignores."""

import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from promo.driver.study import StudyFolder
from promo.ledger.state import StudyState
from support import promo

START = "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"
LONGEST_S = 60
PROGRAM = """promo_runner = 1
name = "own"

[metrics.loss]
unit = "pt"
better = "lower"

[factors.quality]
unit = "points"
default = 0

[command]
argv = ["{python}", "{program}/train.py"]
files = ["train.py"]
"""
FOREVER = "import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(600)\n"
OWN = """promo 1

study trial {
  title    "A program that takes long"
  measure  loss in pt, lower is better
  runner   "own.toml"
}

host box {
  device   "cpu" on any
  slots    2
}

factor quality: points in 0..9 default 1

candidate base as reference
candidate good like base { quality = 2 }

stage short {
  train    base, good for 300s
  on       box
  seeds    1, 2
}

frozen rule close {
  judge    good against base at short
  require  mean gain at least 0pt
  missing  hold
}
"""


def written(place):
    """A study whose runs take long, on a program."""
    (place / "own.toml").write_text(PROGRAM, encoding="utf-8")
    (place / "train.py").write_text(FOREVER, encoding="utf-8")
    (place / "trial.promo").write_text(OWN, encoding="utf-8")
    assert promo("check", place / "trial.promo", "--fix") == 0


def started(place, **how):
    """A promo in a process of its own, once a run is under way."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, "run", "trial.promo", "--plain"],
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )
    wait_for(lambda: len(list(place.glob("trial.study/runs/*/*/attempt-1/program/begun"))) == 2)
    return process


def wait_for(what):
    until = time.monotonic() + LONGEST_S
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def family(process):
    return [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]


def to_another_name(place):
    (place / "trial.study").rename(place / "moved.study")
    return place / "moved.study", place / "trial.study"


def behind_another_of_its_name(place):
    (place / "trial.study").rename(place / "moved.study")
    shutil.copytree(place / "moved.study", place / "trial.study", ignore=shutil.ignore_patterns("runs"))
    return place / "moved.study", place / "trial.study"


def with_the_folder_above(place):
    place.rename(place.with_name("elsewhere"))
    return place.with_name("elsewhere") / "trial.study", place


@pytest.mark.parametrize("move", [to_another_name, behind_another_of_its_name, with_the_folder_above])
def test_a_study_that_is_moved_while_it_runs_ends_and_leaves_nothing_behind(tmp_path, move):
    place = tmp_path / "here"
    place.mkdir()
    written(place)
    process = started(place)
    members = family(process)
    now, before = move(place)
    there = sorted(before.rglob("*")) if before.exists() else None
    _, said = process.communicate(timeout=LONGEST_S)

    assert process.returncode == 2
    assert "was moved or removed while promo worked on it" in said
    assert said.count("error") == 1
    assert "Traceback" not in said
    wait_for(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in members))
    assert (sorted(before.rglob("*")) if before.exists() else None) == there
    folder = StudyFolder(now)
    assert folder.state().running()  # nobody could say how they ended
    assert folder.state().study is StudyState.OPEN


@pytest.mark.parametrize("how", [{"process_group": 0}, {"start_new_session": True}])
def test_stop_ends_what_ignores_interrupts_in_another_group(tmp_path, how):
    written(tmp_path)
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell starts what it puts into the background
    try:
        process = started(tmp_path, **how)
    finally:
        signal.signal(signal.SIGINT, usual)
    members = family(process)
    began = time.monotonic()

    assert promo("stop", tmp_path / "trial.study") == 0
    assert time.monotonic() - began < LONGEST_S / 2
    assert process.wait(LONGEST_S) == 130
    process.stderr.close()
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in members)
    state = StudyFolder(tmp_path / "trial.study").state()
    assert not state.running()
    assert state.study is StudyState.OPEN


def test_stop_says_when_a_promo_does_not_end(tmp_path, monkeypatch, capsys):
    written(tmp_path)
    process = started(tmp_path)
    monkeypatch.setattr("promo.cli.run.STOP_S", 0.5)
    os.kill(process.pid, signal.SIGSTOP)
    try:
        assert promo("stop", tmp_path / "trial.study") == 2
        assert "still runs after" in capsys.readouterr().err
    finally:
        os.kill(process.pid, signal.SIGCONT)
        process.wait(LONGEST_S)
        process.stderr.close()


def test_looking_for_who_works_on_a_study_creates_nothing(tmp_path):
    written(tmp_path)
    assert promo("run", tmp_path / "trial.promo", "--freeze-only") == 0
    (tmp_path / "trial.study" / "lock").unlink()

    assert promo("stop", tmp_path / "trial.study") == 2
    assert not (tmp_path / "trial.study" / "lock").exists()
