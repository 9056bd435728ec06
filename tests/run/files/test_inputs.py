"""What runs rest on and no study freezes: found, recorded at each start, and the same at each."""

import json
import os
import shutil

import pytest

from promo.base.canonical import canonical
from promo.base.codec import to_json
from promo.driver.report import record_of
from promo.driver.study import StudyFolder
from promo.ledger.sources import Input, InputKind
from promo.report.inputs import input_limits
from promo.run.inputs import inputs_of
from promo.run.runners.files.declare import read_runner
from support import promo

HEAD = """promo_runner = 1
budgets = ["steps"]
env = [ENV]

[metrics.loss]
unit = "pt"
better = "lower"

[factors.quality]
unit = "points"
default = 0

[command]
argv = [ARGV]
files = [FILES]
"""
SPEC = """promo 1

study trial {
  title    "Somebody's program"
  measure  loss in pt, lower is better
  runner   "own.toml"
}

host box {
  device   "cpu" on any
  slots    1
  executor inline
}

factor quality: points in 0..9 default 1

candidate base as reference
candidate good like base { quality = 2 }

stage short {
  train    base, good for 100steps
  cap      1min
  on       box
  seeds    1
}

frozen rule close {
  judge    good against base at short
  require  mean gain at least 0pt
  missing  hold
}
"""
TRAIN = """import json, os, sys, helper
loss = helper.loss(sys.argv[1]) if os.environ["DATA_DIR"] == "/data/a" else 0.0
json.dump({"metrics": {"loss": loss}, "steps": 100}, open(sys.argv[2], "w"))
"""
HELPER = "def loss(quality):\n    return 10 - float(quality)\n"


def runner(place, argv, files="", env=""):
    text = HEAD.replace("ARGV", argv).replace("FILES", files).replace("ENV", env)
    (place / "own.toml").write_text(text, encoding="utf-8")
    return read_runner("own.toml", lambda name: (place / name).read_bytes())


def names(found, kind):
    return [one.name for one in found if one.kind is kind]


def outside(place):
    """A program that lies outside of the study, in two files."""
    lab = place / "lab"
    lab.mkdir()
    (lab / "train.py").write_text(TRAIN, encoding="utf-8")
    (lab / "helper.py").write_text(HELPER, encoding="utf-8")
    (lab / "notes.txt").write_text("written by every run", encoding="utf-8")
    return lab


def test_a_program_by_its_path_is_recorded_with_the_code_beside_it(tmp_path):
    lab = outside(tmp_path)
    found = inputs_of(runner(tmp_path, f'"{{python}}", "{lab}/train.py"'), {})

    assert names(found, InputKind.FILE) == [f"{lab}/helper.py", f"{lab}/train.py"]


def test_a_script_leads_to_what_it_starts(tmp_path):
    lab = outside(tmp_path)
    (tmp_path / "start").mkdir()
    script = tmp_path / "start" / "go.sh"
    script.write_text(f'#!/bin/sh\nexec python3 {lab}/train.py "$@"\n', encoding="utf-8")
    found = inputs_of(runner(tmp_path, f'"sh", "{script}"'), {"PATH": "/usr/bin:/bin"})

    assert {str(script), f"{lab}/helper.py", f"{lab}/train.py"} <= set(names(found, InputKind.FILE))
    assert "sh" in names(found, InputKind.PROGRAM)


def test_an_interpreter_on_path_is_known_by_its_bytes(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "trainer").write_text("#!/nothing\n", encoding="utf-8")
    (folder / "other.sh").write_text("", encoding="utf-8")
    (folder / "trainer").chmod(0o755)
    own = runner(tmp_path, '"trainer", "{quality}"')
    first = inputs_of(own, {"PATH": str(folder)})
    (folder / "trainer").write_text("#!/nothing\n# changed\n", encoding="utf-8")
    second = inputs_of(own, {"PATH": str(folder)})

    assert names(first, InputKind.PROGRAM) == ["trainer"]
    assert first != second
    assert names(first, InputKind.FILE) == []


def test_modules_of_the_search_path_count_when_a_pinned_file_names_them(tmp_path):
    place = tmp_path / "modules"
    (place / "deep").mkdir(parents=True)
    for name in ("near.py", "far.py", "stranger.py", "deep/__init__.py", "deep/more.py"):
        (place / name).write_text("", encoding="utf-8")
    (place / "near.py").write_text("import far, deep.more\n", encoding="utf-8")
    (tmp_path / "train.py").write_text("import near\n", encoding="utf-8")
    own = runner(tmp_path, '"{python}", "{program}/train.py"', '"train.py"')

    assert names(inputs_of(own, {"PYTHONPATH": str(place)}), InputKind.MODULE) == [
        "deep/__init__.py",
        "deep/more.py",
        "far.py",
        "near.py",
    ]
    assert inputs_of(own, {}) == ()


def test_of_one_name_the_first_on_the_search_path_that_has_code_counts_and_no_other_folder_is_walked(
    tmp_path, monkeypatch
):
    for name in ("one/near/notes.txt", "one/unnamed/code.py", "two/near.py", "three/near.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "train.py").write_text("import near\n", encoding="utf-8")
    own = runner(tmp_path, '"{python}", "{program}/train.py"', '"train.py"')
    walked, walk = [], os.walk
    monkeypatch.setattr("os.walk", lambda place, *more: walked.append(place) or walk(place, *more))
    search = os.pathsep.join(str(tmp_path / name) for name in ("none", "one", "two", "three"))
    found = [one for one in inputs_of(own, {"PYTHONPATH": search}) if one.kind is InputKind.MODULE]

    assert [one.name for one in found] == ["near.py"]
    assert walked == [tmp_path / "one" / "near"]


def test_variables_are_recorded_and_keys_among_them_starred(tmp_path):
    own = runner(tmp_path, '"{python}", "-c", "pass"', env='"DATA_DIR", "HF_TOKEN", "UNSET"')
    key = "hf_abcdefghijklmnopqrstuvwxyz"
    found = {one.name: one for one in inputs_of(own, {"DATA_DIR": "/data/a", "HF_TOKEN": key, "OTHER": "x"})}

    assert found["DATA_DIR"].value == "/data/a"
    assert key not in str(found)
    assert "*" in found["HF_TOKEN"].value
    assert found["HF_TOKEN"].digest is not None
    assert found["UNSET"] == Input(InputKind.VARIABLE, "UNSET", None, None)
    assert set(found) == {"DATA_DIR", "HF_TOKEN", "UNSET"}


def test_a_folder_of_very_many_files_is_not_searched_to_its_end(tmp_path):
    lab = outside(tmp_path)
    for number in range(30):
        (lab / f"deep{number}").mkdir()
        for other in range(200):
            (lab / f"deep{number}" / f"{other}.py").touch()
    found = inputs_of(runner(tmp_path, f'"{{python}}", "{lab}/train.py"'), {})

    assert names(found, InputKind.FILE) == [f"{lab}/helper.py", f"{lab}/train.py"]


def test_a_file_that_is_very_large_is_known_by_its_size(tmp_path):
    with (tmp_path / "model").open("wb") as file:
        file.truncate(24 * 2**30)  # holes take no room
    found = inputs_of(runner(tmp_path, f'"{{python}}", "{tmp_path}/model"'), {})

    assert found == (Input(InputKind.FILE, f"{tmp_path}/model", None, "25769803776 bytes"),)


def test_a_name_that_is_no_text_is_recorded_all_the_same(tmp_path):
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "train.py").touch()
    (folder / os.fsdecode(b"odd-\xff.py")).touch()
    found = inputs_of(runner(tmp_path, f'"{{python}}", "{folder}/train.py"'), {})

    assert f"{folder}/odd-\\udcff.py" in names(found, InputKind.FILE)
    assert canonical(to_json(found[0]))


@pytest.fixture
def ready(workplace, monkeypatch):
    """A spec whose runner rests on a program outside and on a variable; where that program lies."""
    monkeypatch.setenv("DATA_DIR", "/data/a")
    lab = outside(workplace)
    runner(workplace, f'"{{python}}", "{lab}/train.py", "{{quality}}", "{{result}}"', env='"DATA_DIR"')
    (workplace / "trial.promo").write_text(SPEC, encoding="utf-8")
    assert promo("check", "trial.promo", "--fix") == 0
    return lab


def test_a_declared_variable_reaches_the_program(ready):
    """Also where its worker is a process of its own, which sees few variables."""
    spec = ready.parent / "trial.promo"
    text = spec.read_text(encoding="utf-8")
    assert "  executor inline\n" in text
    spec.write_text(text.replace("  executor inline\n", ""), encoding="utf-8")
    assert promo("run", "trial.promo", "--plain") == 0
    state = StudyFolder(ready.parent / "trial.study").state()

    assert [one.name for one in state.inputs] == [f"{ready}/helper.py", f"{ready}/train.py", "DATA_DIR"]
    assert {one.metrics["loss"] for tried in state.attempts.values() for one in tried} == {"9.0", "8.0"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lab, _: (lab / "helper.py").write_text("def loss(quality):\n    return -1.0\n"), "lab/helper.py"),
        (lambda lab, _: (lab / "extra.py").write_text(""), "lab/extra.py"),
        (lambda lab, _: (lab / "helper.py").unlink(), "lab/helper.py"),
        (lambda _, patch: patch.setenv("DATA_DIR", "/data/b"), "variable DATA_DIR: '/data/a' -> '/data/b'"),
    ],
)
def test_what_changed_between_starts_is_refused_by_its_name(ready, capsys, monkeypatch, change, said):
    assert promo("run", "trial.promo", "--plain") == 0
    study = ready.parent / "trial.study"
    reopen(study)
    change(ready, monkeypatch)
    capsys.readouterr()
    assert promo("run", "trial.promo", "--plain") == 1
    error = capsys.readouterr().err

    assert said in error
    assert "start a new study with --study" in error
    assert StudyFolder(study).state().starts == 1


def reopen(study):
    """Go back to before the second run, as a kill would leave it."""
    lines = (study / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    events = [json.loads(line)["event"] for line in lines]
    begins = [number for number, event in enumerate(events) if event["is"] == "attempt.started"]
    (study / "ledger.jsonl").write_bytes(b"".join(lines[: begins[1]]))
    (study / "checkpoint.note").unlink()
    shutil.rmtree(study / events[begins[1]]["folder"])
    for name in ("evidence", "decisions"):
        shutil.rmtree(study / name, ignore_errors=True)


def test_the_report_names_them_among_the_limitations(ready):
    assert promo("run", "trial.promo", "--plain") == 0
    said = input_limits(record_of(StudyFolder(ready.parent / "trial.study")))

    assert f"the file {ready}/helper.py" in said
    assert "the same at 1 start" in said
    assert promo("verify", "trial.study") == 3
