"""Budgets of somebody else's runs: what is charged, who knows, and what becomes of a run that missed its own."""

import os
import subprocess
import sys
import time

import pytest

from promo.driver.study import StudyFolder
from promo.run.values import Counter
from support import pin_runner, promo

SPEC = """promo 1

study trial {
  title    "Budgets"
  measure  val_loss in nats, lower is better
  runner   "RUNNER"
}

host box {
  device   "cpu" on any
  slots    SLOTS
}

factor way: kind in ["plain", "other"] default "plain"

candidate base as reference
candidate good { way = "other" }

stage short {
  train    base, good for BUDGET
  on       box
  seeds    1
  report   only
}
"""
FUNCTION = """
import time
from promo.run.function import runner


@runner(
    metrics={"val_loss": {"unit": "nats", "better": "lower"}},
    factors={"way": {"unit": "kind", "choices": ["plain", "other"], "default": "plain"}},
    budgets=["wall", "cpu", "steps", "tokens"],
    FILES
)
def train(way, seed, budget, record):
BODY
    return 2.0 - len(way) / 100
"""


def lay_out(place, body, budget="1s", slots=1, files=""):
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    (place / "mine.py").write_text(FUNCTION.replace("BODY", indented).replace("FILES", files), encoding="utf-8")
    text = SPEC.replace("RUNNER", "mine.py").replace("BUDGET", budget).replace("SLOTS", str(slots))
    path = place / "trial.promo"
    path.write_text(text, encoding="utf-8")
    pin_runner(path)
    return path


CLI = [sys.executable, "-c", "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"]


def endings(place):
    """Candidate -> how its last attempt ended, and what it used."""
    folder = StudyFolder(place / "trial.study")
    found = {}
    for attempt in folder.state().every_attempt():
        body = folder.result(attempt).body
        found[attempt.candidate] = (attempt.ending, attempt.cause, body.used if body else None)
    return found


MARKED = """
time.sleep(0.3)  # importing and reading
with record.training():
    time.sleep(1.0)
time.sleep(0.3)  # scoring
"""


LIAR = """
from promo.run.contract import Outcome
from promo.run.values import Counter, RunStatus, Used
from promo.study.values import BudgetKind
return Outcome(RunStatus.OK, {"val_loss": 2.0}, used=Used(BudgetKind.WALL, "3", None, Counter.COUNTER))
"""


@pytest.mark.parametrize("counter", ["TRAINER", "MARKED", "REPORTED", "WHOLE"])
def test_who_says_that_it_trained_for_longer_than_it_lived_is_not_believed(workplace, counter):
    lay_out(workplace, LIAR.replace("COUNTER", counter), budget="3s")
    promo("run", "trial.promo")

    ending, cause, _ = endings(workplace)["base"]
    assert ending == "invalid"
    assert cause.startswith("it says that it trained for 3 s, and its process lived for ")


CPU_LIAR = LIAR.replace("BudgetKind.WALL", "BudgetKind.CPU")
BY_POINTS = "record.point(step=3, charged_s=3600, val_loss=2.0)"
SPENT = """
import hashlib, threading
def work():
    while time.process_time() < end:
        hashlib.sha256(b"x" * 10_000_000).digest()
with record.training():
    end = time.process_time() + budget
    those = [threading.Thread(target=work) for _ in range(2)]
    [one.start() for one in those], [one.join() for one in those]
"""


def test_who_says_that_it_used_processors_for_longer_than_it_did_is_not_believed(workplace):
    lay_out(workplace, CPU_LIAR.replace("COUNTER", "REPORTED"), budget="3s cpu\n  cap 1min")
    promo("run", "trial.promo")

    ending, cause, _ = endings(workplace)["base"]
    assert ending == "invalid"
    assert cause.startswith("it says that it used 3 s of processors, and its processes used 0.")


def test_several_threads_use_more_processor_time_than_they_live(workplace):
    lay_out(workplace, SPENT, budget="1s cpu\n  cap 1min\n  tolerance 50%")
    promo("run", "trial.promo")

    assert [ending for ending, _, _ in endings(workplace).values()] == ["ok", "ok"]
    assert promo("verify", "trial.promo") == 3


def test_points_that_tell_of_more_training_than_the_process_lived_are_not_believed(workplace):
    lay_out(workplace, BY_POINTS, budget="3steps\n  cap 1min")
    promo("run", "trial.promo")

    ending, cause, _ = endings(workplace)["base"]
    assert ending == "invalid"
    assert cause.startswith("it says that it trained for 3600 s, and its process lived for ")


def test_time_that_is_simulated_is_called_so(workplace):
    lay_out(workplace, LIAR.replace("COUNTER", "SIMULATED"), budget="3s")
    promo("run", "trial.promo")

    ending, _, used = endings(workplace)["base"]
    assert (ending, used.counter) == ("ok", Counter.SIMULATED)
    assert promo("verify", "trial.promo") == 3
    assert promo("report", "trial.promo", "--format", "md", "--out", "report.md") == 0
    words = "2 runs trained nothing: their reported time is simulated."
    assert words in (workplace / "report.md").read_text(encoding="utf-8")


def test_what_a_function_marks_as_training_is_charged_and_nothing_else(workplace):
    lay_out(workplace, MARKED, slots=2)

    assert promo("run", "trial.promo", "--quiet") == 0
    for ending, _, used in endings(workplace).values():
        assert (ending, used.counter) == ("ok", Counter.MARKED)
        assert 1.0 <= float(used.used) < 1.05
    assert promo("verify", "trial.promo") == 3


def test_without_marks_everything_is_charged_and_a_run_that_misses_its_budget_by_that_is_invalid(workplace, capsys):
    lay_out(workplace, "time.sleep(1.5)", slots=2)

    promo("run", "trial.promo", "--quiet")
    for ending, cause, used in endings(workplace).values():
        assert (ending, used.counter) == ("invalid", Counter.WHOLE)
        assert cause.startswith("it used 1.5")
        assert "of a budget of 1.000 s, for all of it is charged; a function can mark what is training" in cause
    capsys.readouterr()
    assert promo("verify", "trial.promo") == 3
    assert "budgets: kept for 0 of 0 accepted runs, not known for 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("budget", "body", "ending"),
    [
        ("100steps\n  cap 1min", "record.point(step=100)", "ok"),
        ("100steps\n  cap 1min", "record.point(step=101)", "ok"),
        ("100steps\n  cap 1min", "record.point(step=102)", "invalid"),
        ("100steps\n  cap 1min", "record.point(step=50)", "invalid"),
        ("100steps\n  cap 1min", "pass", "ok"),
        ("1_000tok\n  cap 1min", "record.point(tokens=1040)", "ok"),
        ("1_000tok\n  cap 1min", "record.point(tokens=1060)", "invalid"),
        ("1s cpu\n  cap 1min", "time.sleep(1.0)", "invalid"),
    ],
)
def test_a_budget_is_kept_but_for_a_step_or_a_share_and_nobody_may_know(workplace, budget, body, ending, capsys):
    lay_out(workplace, body, budget, slots=2 if "sleep" in body else 1)

    promo("run", "trial.promo", "--quiet")
    assert {how for how, _, _ in endings(workplace).values()} == {ending}
    capsys.readouterr()
    assert promo("verify", "trial.promo") == 3
    counted = {"ok": 2 if "point" in body else 0, "invalid": 0}[ending]
    unknown = 2 if body == "pass" else 0
    said = f"budgets: kept for {counted} of {counted + unknown} accepted runs, not known for {unknown}"
    assert said in capsys.readouterr().out


# --- a folder of its own ------------------------------------------------------------------------------------------


OWN = """
from pathlib import Path
assert Path("numbers.txt").read_text() == "7"
assert not Path("mine.txt").exists()
Path("mine.txt").write_text(way)
Path("deep").mkdir()
Path("deep/two.txt").write_text("2")
record.point(step=100)
"""


@pytest.mark.parametrize("at", [".", "elsewhere"])
def test_a_run_has_a_folder_of_its_own_with_the_files_that_are_declared_wherever_promo_was_started(workplace, at):
    (workplace / "numbers.txt").write_text("7", encoding="utf-8")
    (workplace / "undeclared.txt").write_text("8", encoding="utf-8")
    (workplace / "elsewhere").mkdir()
    body = OWN + 'assert not Path("undeclared.txt").exists()'
    lay_out(workplace, body, "100steps\n  cap 1min", 2, 'files=["numbers.txt"],')
    (workplace / "elsewhere" / "numbers.txt").write_text("9", encoding="utf-8")

    spec = os.path.relpath(workplace / "trial.promo", workplace / at)
    subprocess.run([*CLI, "run", spec, "--quiet"], cwd=workplace / at, check=True, stdout=subprocess.DEVNULL)

    assert {how for how, _, _ in endings(workplace).values()} == {"ok"}
    folder = StudyFolder(workplace / "trial.study")
    for attempt in folder.state().every_attempt():
        assert {"program/mine.txt", "program/deep/two.txt", "program/numbers.txt", "log.txt"} <= set(attempt.witnesses)
    assert promo("verify", workplace / "trial.promo") == 3
    written = next(folder.path.rglob("two.txt"))
    written.write_text("3", encoding="utf-8")
    assert promo("verify", workplace / "trial.promo") == 1
    written.write_text("2", encoding="utf-8")
    written.with_name("planted.txt").write_text("", encoding="utf-8")
    assert promo("verify", workplace / "trial.promo") == 1


def test_a_compiled_file_that_somebody_planted_is_not_what_runs(workplace):
    path = lay_out(workplace, "record.point(step=100)", "100steps\n  cap 1min")
    assert promo("run", path, "--freeze-only") == 0
    program = workplace / "trial.study" / "program"
    program.mkdir()
    other = workplace / "mine_other.py"
    other.write_text("def train(way, seed, budget, record):\n    return 0.001\n", encoding="utf-8")
    code = (
        "import importlib.util, os, py_compile, sys\n"
        f"source, kept = {str(workplace / 'mine.py')!r}, {str(program / 'mine.py')!r}\n"
        "cached = importlib.util.cache_from_source(kept)\n"
        "os.makedirs(os.path.dirname(cached), exist_ok=True)\n"
        f"py_compile.compile({str(other)!r}, cfile=cached, "
        "invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

    promo("run", path, "--quiet")
    folder = StudyFolder(workplace / "trial.study")
    values = [dict(attempt.metrics)["val_loss"] for attempt in folder.state().every_attempt()]
    assert sorted(values) == ["1.95", "1.95"]


@pytest.mark.parametrize("at", [".", "elsewhere"])
def test_a_module_among_the_files_is_the_frozen_one_wherever_promo_was_started(workplace, at):
    """Not that of the folder which promo was started in, nor what somebody compiled there."""
    (workplace / "elsewhere").mkdir()
    (workplace / "elsewhere" / "shapes.py").write_text("LOSS = 9.0\n", encoding="utf-8")
    (workplace / "shapes.py").write_text("LOSS = 7.0\n", encoding="utf-8")
    body = 'import shapes\nassert "attempt-1" in shapes.__file__\nrecord.point(step=100)\nreturn shapes.LOSS'
    lay_out(workplace, body, "100steps\n  cap 1min", files='files=["shapes.py"],')
    code = (
        "import importlib.util, os, py_compile\n"
        "cached = importlib.util.cache_from_source('shapes.py')\n"
        "os.makedirs(os.path.dirname(cached), exist_ok=True)\n"
        "py_compile.compile('elsewhere/shapes.py', cfile=cached, "
        "invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=workplace)
    spec = os.path.relpath(workplace / "trial.promo", workplace / at)
    subprocess.run([*CLI, "run", spec, "--quiet"], cwd=workplace / at, check=True, stdout=subprocess.DEVNULL)

    folder = StudyFolder(workplace / "trial.study")
    assert [dict(one.metrics)["val_loss"] for one in folder.state().every_attempt()] == ["7.0", "7.0"]


# --- parts of runs ------------------------------------------------------------------------------------------------

TOML = """promo_runner = 1
name = "parts"
budgets = ["steps", "wall"]
metrics.val_loss = { unit = "nats", better = "lower" }
factors.way = { unit = "kind", choices = ["plain", "other"], default = "plain" }

[command]
argv = ["{python}", "{program}/go.py", "{way}", "{budget}", "{result}"]
files = ["go.py"]
"""
GO = """
import json, os, signal, sys, time
way, budget, result = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def leave(*_):
    json.dump({"metrics": {"val_loss": 9.0 - done / 100}, SAID}, open(result, "w"))
    sys.exit(0)

signal.signal(signal.SIGTERM, leave)
signal.signal(signal.SIGINT, leave)
for done in range(1, budget + 1):
    if done == 10:
        open("begun", "w").close()
    time.sleep(0.1 * ("attempt-1" in os.getcwd()))
leave()
"""


def lay_out_program(place, go, budget):
    (place / "go.py").write_text(go, encoding="utf-8")
    (place / "parts.toml").write_text(TOML, encoding="utf-8")
    text = SPEC.replace("RUNNER", "parts.toml").replace("BUDGET", budget).replace("SLOTS", "2")
    (place / "trial.promo").write_text(text, encoding="utf-8")
    pin_runner(place / "trial.promo")


@pytest.mark.parametrize("said", ['"steps": done', '"cause": ""'])
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_program_that_writes_a_part_when_it_is_asked_to_end_is_run_again_as_a_whole(workplace, said, how):
    """Whether it says how far it had come or not."""
    lay_out_program(workplace, GO.replace("SAID", said), "300steps\n  cap 1min")
    running = subprocess.Popen([*CLI, "run", "trial.promo", "--quiet"], stdout=subprocess.DEVNULL)
    study = workplace / "trial.study"
    until = time.monotonic() + 60
    while len(list(study.glob("runs/short/*/attempt-1/program/begun"))) < 2:  # both stand in their middle
        assert time.monotonic() < until
        time.sleep(0.05)
    if how == "stop":
        assert promo("stop", study) == 0
    else:
        running.kill()
    running.wait()
    assert promo("run", "trial.promo", "--quiet") == 0

    folder = StudyFolder(study)
    counted = [one for one in folder.state().every_attempt() if one.state.value == "accepted"]
    assert [dict(one.metrics)["val_loss"] for one in counted] == ["6.0", "6.0"]
    lost = [one for one in folder.state().every_attempt() if one.state.value == "lost"]
    assert len(lost) == 2
    assert promo("verify", study) == 3


LEAVES_A_HELPER = """
import json, subprocess, sys
helper = "import time; print('helper', flush=True); time.sleep(40)"
subprocess.Popen([sys.executable, "-c", helper], start_new_session=True)
print("last words", flush=True)
json.dump({"metrics": {"val_loss": 2.0}, "steps": int(sys.argv[2])}, open(sys.argv[3], "w"))
"""


def test_a_program_has_ended_when_its_own_process_has_whatever_it_left_running(workplace):
    """A helper, as loggers start them, holds the program's output open for as long as it lives."""
    lay_out_program(workplace, LEAVES_A_HELPER, "300steps\n  cap 1min")
    assert promo("run", "trial.promo", "--quiet") == 0

    study = StudyFolder(workplace / "trial.study")
    for attempt in study.state().every_attempt():
        assert attempt.ending == "ok"
        assert float(attempt.device_s) < 20
        assert "last words" in (study.path / attempt.folder / "output.txt").read_text(encoding="utf-8")


LEAVES_A_KEY = """
import json, pathlib, sys
key = "ghp_" + "Canary" * 6
pathlib.Path("logs").mkdir()
pathlib.Path("logs/debug.log").write_text(f"logged in with {key}, step 1")
pathlib.Path("weights.bin").write_bytes(b"\\0" + key.encode())
json.dump({"metrics": {"val_loss": 2.0}, "steps": int(sys.argv[2])}, open(sys.argv[3], "w"))
"""


def test_keys_in_text_files_that_a_run_leaves_are_made_unreadable_before_they_are_recorded(workplace):
    lay_out_program(workplace, LEAVES_A_KEY, "300steps\n  cap 1min")
    assert promo("run", "trial.promo", "--quiet") == 0

    program = StudyFolder(workplace / "trial.study").path / "runs" / "short" / "base-box-s1" / "attempt-1" / "program"
    assert (program / "logs" / "debug.log").read_text() == f"logged in with ghp_{'*' * 36}, step 1"
    assert (program / "weights.bin").read_bytes() == b"\0ghp_" + b"Canary" * 6  # no text: nothing is written into it
    assert (program / "go.py").read_text(encoding="utf-8") == LEAVES_A_KEY  # pinned
    assert promo("verify", "trial.study") == 3
