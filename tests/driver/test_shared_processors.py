"""Who shares processors while seconds of the clock are the budget is told so, at the start and in the report."""

import os
import subprocess
import sys

import pytest

from promo.driver.hosts import crowded, places
from promo.driver.study import StudyFolder
from promo.run.locks import hold_processors, lease_folder, others_on_processors
from promo.study.values import BudgetKind
from support import compiled, promo

RUNNER = """promo_runner = 1
name = "own"
budgets = ["wall", "cpu", "steps"]

[metrics.loss]
unit = "pt"
better = "lower"

[factors.quality]
unit = "points"
default = 0

[command]
argv = ["{python}", "{program}/train.py", "{quality}", "{budget}", "{result}"]
files = ["train.py"]
"""
TRAIN = """import json, sys, time
time.sleep(1)
told = {"steps": int(sys.argv[2])} if sys.argv[2] == "100" else {"train_s": 1}
json.dump({"metrics": {"loss": float(sys.argv[1])}, **told}, open(sys.argv[3], "w"))
"""
SPEC = """promo 1

study trial {
  title    "A program"
  measure  loss in pt, lower is better
  runner   "own.toml"
}

host box {
  device   "cpu" on any
  slots    1
}

factor quality: points in 0..9 default 1

candidate base as reference
candidate good like base { quality = 2 }

stage short {
  train    base, good for BUDGET
  on       box
  seeds    1
}

frozen rule close {
  judge    good against base at short
  require  mean gain at least 0pt
  missing  hold
}
"""
HOLD = """import os, sys
from promo.run.locks import hold_processors, lease_folder
lock = hold_processors(lease_folder(os.environ))
print("held", flush=True)
sys.stdin.read()
"""
TOLD = "the processors of this machine are shared with another study, promo (process "


@pytest.fixture
def other():
    """Another process that trains on the processors of this machine."""
    words = [sys.executable, "-c", HOLD]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.stdin.close()


def run(place, budget):
    (place / "own.toml").write_text(RUNNER, encoding="utf-8")
    (place / "train.py").write_text(TRAIN, encoding="utf-8")
    (place / "trial.promo").write_text(SPEC.replace("BUDGET", budget), encoding="utf-8")
    assert promo("check", "trial.promo", "--fix") == 0
    assert promo("run", "trial.promo", "--plain") in (0, 5)
    assert promo("report", "trial.study", "--format", "md", "--out", "r.md") == 0
    state = StudyFolder(place / "trial.study").state()
    tried = [one for each in state.attempts.values() for one in each]
    return tried, (place / "r.md").read_text(encoding="utf-8")


def test_a_study_that_shares_processors_by_the_clock_is_told_so(workplace, other, capsys):
    tried, report = run(workplace, "1s")
    said = capsys.readouterr().out

    assert {one.co_tenants for one in tried} == {(f"promo (process {other.pid})",)}
    assert said.count(f"warning: {TOLD}{other.pid})") == 1
    assert f"{len(tried)} attempts started while another study trained on the same processors" in report
    assert promo("verify", "trial.study") == 3


@pytest.mark.parametrize("budget", ["100steps\n  cap 1min"])
def test_nothing_is_said_where_seconds_of_the_clock_are_no_budget(workplace, other, capsys, budget):
    tried, report = run(workplace, budget)

    assert other.poll() is None
    assert {one.co_tenants for one in tried} == {()}
    assert "another study" not in capsys.readouterr().out
    assert "another study" not in report


def test_a_study_alone_is_told_nothing(workplace, capsys):
    tried, report = run(workplace, "1s")

    assert {one.co_tenants for one in tried} == {()}
    assert "another study" not in capsys.readouterr().out + report


def test_who_has_ended_is_not_counted_and_its_lock_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    folder = lease_folder(os.environ)
    mine = hold_processors(folder)
    (folder / "processors-999999999").touch()

    assert mine is not None
    assert others_on_processors(folder) == ()
    assert not (folder / "processors-999999999").exists()
    mine.close()


def test_slots_with_more_threads_than_processors_are_told_so():
    slots = 2 * (os.cpu_count() or 1)
    text = SPEC.replace('runner   "own.toml"', "runner toy").replace("slots    1", f"slots    {slots}")
    text = text.replace("factor quality: points in 0..9 default 1", "factor quality: points in -100..100 default 0")
    for budget, kinds in (("1s", {BudgetKind.WALL}), ("100steps\n  cap 1min", {BudgetKind.STEPS})):
        made = compiled(text.replace("BUDGET", budget))
        study = made.study
        assert {stage.budget.kind for stage in study.stages.values()} == kinds
        said = crowded(places(study, made.runner, os.environ), study)

        assert (f"{slots} slots" in said) is (BudgetKind.WALL in kinds)
