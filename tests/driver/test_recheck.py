"""Two verifiers that share no code agree, on sound studies and on damaged ones, and say so by the same exit code."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from argparse import Namespace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from promo.templates import recheck

import studies
from promo.base.canonical import canonical
from promo.driver.study import StudyFolder
from promo.ledger.chain import decode, encode, line_digest
from promo.ledger.checkpoint import merkle_root
from promo.ledger.state import AttemptState
from promo.ledger.values import Event
from support import crashed, promo, unpacked
from tampered import tampered

FILE = Path(recheck.__file__)
MOST_CHARACTERS = 130
"""Of a line that it prints; lists of names may be longer."""


@pytest.fixture
def made(tmp_path_factory):
    """Leads to the folder of a study, which is made when it is first asked for."""
    return lambda name: studies.made(name, tmp_path_factory)


@pytest.fixture
def finished(made):
    return made("plain") / "trial.study"


@pytest.fixture
def copy(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "trial.study")
    return tmp_path / "trial.study"


def both(folder, key=None):
    """The exit code of both verifiers, and what the second one said."""
    said = []
    given = Namespace(key=[str(key)] if key else [], authority=[], anchor=[])
    codes = promo("verify", folder, *(["--key", key] if key else [])), recheck.check(folder, given, said.append)
    assert codes[0] == codes[1], (codes, said)
    return codes[0], "\n".join(said)


# --- one file --------------------------------------------------------------------------------------------------------


def test_it_is_one_file_that_needs_only_the_standard_library_and_lies_in_every_study(finished):
    for node in ast.walk(ast.parse(FILE.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert all(name.split(".")[0] in sys.stdlib_module_names for name in names)
    assert (finished / "recheck.py").read_bytes() == FILE.read_bytes()
    words = [sys.executable, "-I", "-S", finished / "recheck.py", finished]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 3, done.stdout
    assert "recomputed: 3 stages, 0 effects, 2 verdicts, 0 amendments" in done.stdout
    assert "13 requests recomputed" in done.stdout
    assert "plan, 17 runs and 2 seals recomputed from its study" in done.stdout


def test_it_holds_none_of_promos_lines():
    """No five lines in a row are those of a file of promo: it was written from what things mean."""
    root = FILE.parents[1] / "interpreter" / "promo"
    theirs = {lines for path in root.rglob("*.py") for lines in runs_of_lines(path.read_text(encoding="utf-8"))}

    assert not theirs & set(runs_of_lines(FILE.read_text(encoding="utf-8")))


def runs_of_lines(text, count=5):
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if len(line) > 12 and not line.startswith(("#", "import ", "from ", '"""'))]
    return [tuple(lines[place : place + count]) for place in range(len(lines) - count + 1)]


def test_a_bundle_that_is_unpacked_checks_itself(finished, tmp_path):
    assert promo("bundle", finished, "--out", tmp_path / "whole.bundle") == 0
    unpacked(tmp_path / "whole.bundle", tmp_path / "out")
    words = [sys.executable, "-I", "recheck.py", "."]
    done = subprocess.run(words, cwd=tmp_path / "out", capture_output=True, text=True, check=False)

    assert done.returncode == 3, done.stdout
    assert promo("verify", tmp_path / "out") == 3


def test_it_works_from_any_folder_and_says_what_it_needs(finished, tmp_path):
    done = subprocess.run([sys.executable, FILE], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "STUDY" in done.stderr
    gone = subprocess.run([sys.executable, FILE, "none"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert gone.returncode == 2
    assert "none is not there" in gone.stdout


# --- what both say ---------------------------------------------------------------------------------------------------


def test_a_result_that_came_late_is_recorded_counts_for_nothing_and_is_kept(made, tmp_path):
    folder = StudyFolder(shutil.copytree(made("belated") / "trial.study", tmp_path / "trial.study"))
    late = [one for tried in folder.state().attempts.values() for one in tried if one.late is not None]

    assert [one.state for one in late] == [AttemptState.LOST]
    assert folder.state().accepted(late[0].run).number == 2
    result = folder.path / late[0].folder / "result.json"
    result.write_bytes(result.read_bytes().replace(b'"status":"ok"', b'"status":"no"'))
    assert both(folder.path)[0] == 1
    result.unlink()
    assert both(folder.path)[0] == 2


@pytest.fixture
def anchored(made, tmp_path):
    shutil.copytree(made("anchored"), tmp_path, dirs_exist_ok=True)
    return tmp_path


def signed(place):
    """A receipt over the whole ledger, by the same witness."""
    folder = place / "trial.study"
    assert promo("checkpoint", folder) == 0
    note = max((folder / "anchors").glob("*.note"), key=lambda path: int(path.stem))
    studies.command("ssh-keygen", "-q", "-Y", "sign", "-n", "promo-checkpoint", "-f", place / "witness", note)
    return f"{note}.sig"


def judged(place, *, key=None, anchor=None):
    """Exit code and last line of the second verifier; the code is that of the first."""
    said = []
    given = Namespace(key=[str(key)] if key else [], authority=[], anchor=[str(anchor)] if anchor else [])
    code = recheck.check(place / "trial.study", given, said.append)
    words = [*(("--key", key) if key else ()), *(("--anchor", anchor) if anchor else ())]
    assert promo("verify", place / "trial.study", *words) == code
    return code, said[-1]


def test_the_verdict_says_what_a_receipt_from_outside_covers(anchored):
    key = anchored / "witness.pub"

    assert judged(anchored) == (3, recheck.ENDINGS[3, False])
    assert judged(anchored, key=key) == (0, recheck.ENDINGS[0, False])
    receipt = signed(anchored)
    assert judged(anchored, key=key, anchor=receipt) == (0, recheck.ENDINGS[0, True])
    assert judged(anchored, anchor=receipt)[0] == 1  # whoever gives a receipt names who made it
    tampered(anchored / "trial.study", lambda forger: forger.drop(*forger.places("anchor.received")))
    assert judged(anchored, key=key, anchor=receipt)[0] == 1


def test_a_receipt_over_the_end_alone_vouches_for_the_end(made, tmp_path):
    if not studies.SSH:
        pytest.skip("needs ssh-keygen")
    shutil.copytree(made("plain"), tmp_path, dirs_exist_ok=True)
    os.chdir(tmp_path)
    studies.command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "w", "-f", tmp_path / "witness")

    assert judged(tmp_path, key=tmp_path / "witness.pub", anchor=signed(tmp_path)) == (3, recheck.ENDINGS[3, True])


def test_what_cannot_be_read_as_a_key_ends_with_one_message(made, tmp_path):
    (tmp_path / "none.pub").write_bytes(b"\xff\x00 not a key")
    for path in (tmp_path / "none.pub", tmp_path / "gone.pub", tmp_path):
        said = []
        given = Namespace(key=[str(path)], authority=[], anchor=[])

        assert recheck.check(made("plain") / "trial.study", given, said.append) == 2
        assert "key" in said[-1]


@pytest.mark.parametrize("missing", ["ssh-keygen", "openssl"])
def test_a_program_that_is_not_installed_is_named(anchored, tmp_path, monkeypatch, missing):
    """Only where a receipt of its form is checked."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    said = []
    given = Namespace(key=[str(anchored / "witness.pub")], authority=[], anchor=[])
    code = recheck.check(anchored / "trial.study", given, said.append)

    assert (code, missing in said[-1]) == ((2, True) if missing == "ssh-keygen" else (2, False))


def test_both_find_the_same_root(finished):
    lines = (finished / "ledger.jsonl").read_bytes().split(b"\n")[:-1]

    for length in range(len(lines) + 1):
        assert recheck.root(lines[:length]) == merkle_root(lines[:length])


MISSING = [
    ("spec.promo", 2),
    ("plan.json", 2),
    ("recheck.py", 2),
    ("ledger.jsonl", 2),
    ("evidence/short.json", 2),
    ("decisions/pick.json", 2),
    ("runs/short/base-box-s1/attempt-1/result.json", 2),
    ("runs/short/base-box-s1/attempt-1/request.json", 2),
    ("runs/short/base-box-s1/attempt-1/points.jsonl", 2),
    ("checkpoint.note", 3),
    ("report.html", 3),
]


@pytest.mark.parametrize(("name", "code"), MISSING)
def test_both_call_a_study_without_one_of_its_files_incomplete(copy, name, code):
    (copy / name).unlink()

    assert both(copy)[0] == code


def test_a_change_counts_more_than_what_is_missing(copy):
    (copy / "runs/short/base-box-s1/attempt-1/result.json").unlink()
    decision = copy / "decisions" / "close.json"
    decision.write_bytes(decision.read_bytes().replace(b"holds", b"fails"))
    code, said = both(copy)

    assert code == 1
    assert "decisions/close.json is not what was recorded" in said


def test_verdicts_are_derived_also_where_a_result_is_gone(copy):
    """The ledger repeats what gates read, so a verdict that does not follow is found without it."""
    tampered(copy, lambda forger: forger.said("decided", name="pick")["verdict"].update(promoted=["base", "poor"]))
    (copy / "runs/short/base-box-s1/attempt-1/result.json").unlink()
    said = []

    assert recheck.check(copy, Namespace(key=[], authority=[], anchor=[]), said.append) == 1
    assert any("pick comes out otherwise at promoted" in line for line in said)


def test_many_faults_of_one_kind_are_counted_and_not_told(copy):
    for path in copy.rglob("points.jsonl"):
        path.write_bytes(b"")
    code, said = both(copy)

    assert code == 1
    assert said.count("points.jsonl is not what was recorded") == recheck.SHOWN
    assert "DIFFERS: results: and 8 more" in said


@pytest.mark.parametrize("name", ["plain", "stopped", "belated"])
def test_its_lines_are_as_long_as_lines_are(made, name):
    said = []
    recheck.check(made(name) / "trial.study", Namespace(key=[], authority=[], anchor=[]), said.append)

    assert max(map(len, said)) <= MOST_CHARACTERS
    assert not any(re.search(r"[A-Z]{3}\w*Error|Traceback", line) for line in said)


def test_a_torn_last_line_is_left_out_by_both(copy):
    content = (copy / "ledger.jsonl").read_bytes()
    for torn in (content + b'{"event":', content + b"\0" * 100):
        crashed(copy / "ledger.jsonl", torn)
        assert both(copy)[0] == 3


# --- a study that goes on only with what it was started with ---------------------------------------------------------

STARTED_WITH = {
    "runner version": ("version", "0", "runner version: 0 -> 1"),
    "code": ("code", "0" * 64, "runner code: 0000"),
    "a package": ("versions", {"python": "2.7"}, "runner versions, python: 2.7 -> 3."),
}


@pytest.mark.parametrize(("part", "other", "words"), STARTED_WITH.values(), ids=STARTED_WITH)
def test_a_study_goes_on_only_with_the_runner_that_it_was_started_with(made, copy, capsys, part, other, words):
    """Its ledger says that it was started with another one, and it is not finished."""

    def started_with(forger):
        forger.lines[0]["event"]["runner"][part] = int(other) if part == "version" else other
        del forger.lines[-1]

    tampered(copy, started_with)

    assert promo("run", made("plain") / "trial.promo", "--study", copy, "--quiet") == 1
    error = capsys.readouterr().err
    assert "is not the one this study was started with" in error
    assert words in error


CHANGED = {
    "a rule": ("spec.promo", "keep top 1", "keep top 2", "gate pick, keep: top 1 -> top 2"),
    "a comment": ("spec.promo", "keep top 1", "keep top 1 # or 2", "line 51: keep top 1 -> keep top 1 # or 2"),
    "no spec any more": ("spec.promo", "keep top 1", "keep", "line 51: keep top 1 -> keep"),
    "a budget": ("plan.json", '"cap_s":1', '"cap_s":3', "stages short, budget, cap_s: 1 -> 3"),
    "a seed": ("plan.json", '"good","box",1]', '"good","box",7]', "good, box, 1 -> "),
    "form alone": ("plan.json", "{", "{ ", "the same values in another form"),
    "a seal": (
        "lock.json",
        '"count":1,"is":"top"',
        '"count":2,"is":"top"',
        "seals pick, closure, rule, keep, count: 1 -> 2",
    ),
    "its time": ("lock.json", '"sealed_at":"2', '"sealed_at":"1', "seals close, sealed_at: 2"),
    "a used file": ("imports.json", "{}", '{"more.promo":""}', "more.promo is new"),
    "the second verifier": ("recheck.py", "import argparse", "import ast", "import argparse -> import ast"),
}
"""A frozen file, what is changed in it, and the part that is named."""


@pytest.mark.parametrize(("name", "old", "new", "words"), CHANGED.values(), ids=CHANGED)
def test_a_study_does_not_go_on_beside_frozen_files_that_were_changed_and_names_the_part(
    made, copy, capsys, name, old, new, words
):
    text = (copy / name).read_text(encoding="utf-8")
    assert old in text
    (copy / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    assert promo("run", made("plain") / "trial.promo", "--study", copy, "--quiet") == 1
    error = capsys.readouterr().err
    assert f"{name} was changed after the study was frozen" in error
    assert words in error
    assert both(copy)[0] == 1
    said = capsys.readouterr().out
    assert (
        "it was changed after" if words.startswith("line") else words
    ) in said  # no other copy of the text is at hand


def test_the_time_of_a_seal_is_named_though_freezing_was_recorded_some_seconds_later(made, copy, capsys):
    def later(forger):
        for line in forger.lines:
            line["time"] = f"{datetime.fromisoformat(line['time']) + timedelta(seconds=3):%Y-%m-%dT%H:%M:%SZ}"

    tampered(copy, later)
    text = (copy / "lock.json").read_text(encoding="utf-8")
    (copy / "lock.json").write_text(text.replace('"sealed_at":"2', '"sealed_at":"1', 1), encoding="utf-8")

    assert promo("run", made("plain") / "trial.promo", "--study", copy, "--quiet") == 1
    assert "seals close, sealed_at: 2" in capsys.readouterr().err


def test_several_frozen_files_that_were_changed_are_all_named(made, copy, capsys):
    (copy / "plan.json").write_text("[]", encoding="utf-8")
    (copy / "spec.promo").unlink()

    assert promo("run", made("plain") / "trial.promo", "--study", copy, "--quiet") == 1
    error = capsys.readouterr().err
    assert "2 files in " in error
    assert "plan.json: it holds something else altogether" in error
    assert "spec.promo: it is missing" in error


def test_the_forger_of_these_tests_leaves_a_study_that_nobody_changed_as_it_was(copy):
    """Otherwise a test could find the forger and not what was forged."""
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    tampered(copy, lambda forger: forger.refit())

    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
    events = decode((copy / "ledger.jsonl").read_bytes()).events
    assert all(isinstance(event, Event) for event in events)
    assert events[1].prev == line_digest(encode(events[0]))
    assert json.loads(canonical({"one": 1})) == {"one": 1}
