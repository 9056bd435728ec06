"""Two verifiers that share no code agree, on sound studies and on damaged ones, and say so by the same exit code."""

import ast
import json
import os
import shutil
import subprocess
import sys
import tarfile
from argparse import Namespace
from pathlib import Path

import pytest
from promo.templates import recheck

from promo.base.canonical import canonical
from promo.driver.study import StudyFolder
from promo.ledger.chain import decode
from promo.ledger.checkpoint import merkle_root
from promo.ledger.state import AttemptState
from support import SOUND, crashed, promo, recorded, rewritten, spec

FILE = Path(recheck.__file__)
INLINE = SOUND["host"].replace("any\n", "any\n  executor inline\n")
SSH = shutil.which("ssh-keygen")


def command(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


def plain(place):
    (place / "trial.promo").write_text(spec(host=INLINE), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 0


def anchored(place):
    """Vouched for, and with seeds that were drawn."""
    study = SOUND["study"].replace("runner toy", "runner toy\n  anchor required\n  draw seeds from receipt")
    (place / "trial.promo").write_text(spec(host=INLINE, study=study), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet", "--freeze-only") == 0
    command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "w", "-f", "witness")
    command("ssh-keygen", "-q", "-Y", "sign", "-n", "promo-checkpoint", "-f", "witness", "trial.study/anchors/1.note")
    assert promo("anchor", "trial.promo", "trial.study/anchors/1.note.sig", "--key", "witness.pub") == 0
    assert promo("run", "trial.promo", "--quiet") == 0


def held(place):
    """Waits for a person, and was amended before."""
    rule = SOUND["rule"].replace("  absent skip", "  absent skip\n  else hold").replace("at most 0.5pt", "at most -5pt")
    (place / "trial.promo").write_text(spec(host=INLINE, rule=rule), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 5


def failing(place):
    """Runs crash and have no number, the study stops by its own rule."""
    crash = SOUND["candidate"].replace("good like base { quality = 1 }", 'good like base { behaviour = "nan" }')
    (place / "trial.promo").write_text(spec(host=INLINE, candidate=crash), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") in (0, 4)


def replayed(place):
    rest = (
        "stage short {\n  train two for 10s\n  on box\n  seeds 1, 2 shared\n}\n\n"
        "frozen rule close {\n  judge early against base at short\n  require mean gap at most 9pt\n"
        "  missing skip\n  absent skip\n}\n"
    )
    (place / "trial.promo").write_text(recorded("two", rest, base="a", early="b"), encoding="utf-8")
    rows = [f"{config},{seed},{at},{value - at / 100}" for config, value in (("a", 4.0), ("b", 3.0))
            for seed in (1, 2) for at in (5, 10)]  # fmt: skip
    (place / "curves.csv").write_text("config,seed,seconds,loss\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert promo("replay", "trial.promo", "--curves", "curves.csv", "--quiet") == 0


def belated(place):
    """The first attempt was given up, and left a result when another one had been counted already."""
    plain(place)
    ledger = place / "trial.study" / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    kinds = [event.kind.value for event in decode(b"".join(lines)).events]
    first = decode(b"".join(lines)).events[kinds.index("attempt.started")].data["folder"]
    result = place / "trial.study" / first / "result.json"
    kept = result.read_bytes()
    result.unlink()
    shutil.move(result.parent, place / "first")
    for name in ("runs", "evidence", "decisions"):
        shutil.rmtree(place / "trial.study" / name)
    result.parent.parent.mkdir(parents=True)
    shutil.move(place / "first", result.parent)
    crashed(ledger, b"".join(lines[: kinds.index("attempt.started") + 1]))
    assert promo("run", "trial.promo", "--quiet") == 0
    crashed(ledger, b"".join(ledger.read_bytes().splitlines(keepends=True)[:-1]))
    result.write_bytes(kept)
    assert promo("run", "trial.promo", "--quiet") == 0


STUDIES = {plain: 3, belated: 3, anchored: 3, held: 2, failing: 3, replayed: 3}
"""Real studies, and the code that both verifiers give them without a key."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Every study once."""
    places, before = {}, Path.cwd()
    try:
        for make in STUDIES:
            if make is anchored and not SSH:
                continue
            places[make] = tmp_path_factory.mktemp(make.__name__)
            os.chdir(places[make])
            make(places[make])
    finally:
        os.chdir(before)
    return places


@pytest.fixture
def finished(made):
    return made[plain] / "trial.study"


def both(folder, key=None):
    """The exit code of both verifiers, and what the second one said."""
    said = []
    given = Namespace(key=[str(key)] if key else [], authority=[], anchor=[])
    codes = promo("verify", folder, *(["--key", key] if key else [])), recheck.check(folder, given, said.append)
    assert codes[0] == codes[1], (codes, said)
    return codes[0], "\n".join(said)


@pytest.mark.parametrize("make", STUDIES)
def test_both_give_a_real_study_the_same_code(made, make):
    if make not in made:
        pytest.skip("needs ssh-keygen")
    code, said = both(made[make] / "trial.study")

    assert code == STUDIES[make], said


def test_a_result_that_came_late_is_recorded_counts_for_nothing_and_is_kept(made, tmp_path):
    folder = StudyFolder(shutil.copytree(made[belated] / "trial.study", tmp_path / "trial.study"))
    late = [one for tried in folder.state().attempts.values() for one in tried if one.late is not None]

    assert [one.state for one in late] == [AttemptState.LOST]
    assert folder.state().accepted(late[0].run).number == 2
    result = folder.path / late[0].folder / "result.json"
    result.write_bytes(result.read_bytes().replace(b'"status":"ok"', b'"status":"no"'))
    assert both(folder.path)[0] == 1
    result.unlink()
    assert both(folder.path)[0] == 2


@pytest.mark.skipif(not SSH, reason="needs ssh-keygen")
def test_both_verify_what_a_given_key_vouches_for(made):
    place = made[anchored]

    assert both(place / "trial.study", place / "witness.pub")[0] == 0


def test_it_is_one_file_that_needs_only_the_standard_library_and_lies_in_every_study(finished):
    for node in ast.walk(ast.parse(FILE.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert all(name.split(".")[0] in sys.stdlib_module_names for name in names)
    assert (finished / "recheck.py").read_bytes() == FILE.read_bytes()
    words = [sys.executable, "-I", finished / "recheck.py", finished]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 3, done.stdout
    assert "pick: decided again" in done.stdout
    assert "close: decided again" in done.stdout


def test_a_bundle_that_is_unpacked_checks_itself(finished, tmp_path):
    assert promo("bundle", finished, "--out", tmp_path / "whole.bundle") == 0
    with tarfile.open(tmp_path / "whole.bundle") as tar:
        tar.extractall(tmp_path / "out", filter="data")
    words = [sys.executable, "-I", "recheck.py", "."]
    done = subprocess.run(words, cwd=tmp_path / "out", capture_output=True, text=True, check=False)

    assert done.returncode == 3, done.stdout
    assert promo("verify", tmp_path / "out") == 3


def test_both_find_the_same_root(finished):
    lines = (finished / "ledger.jsonl").read_bytes().split(b"\n")[:-1]

    for length in range(len(lines) + 1):
        assert recheck.root(lines[:length]) == merkle_root(lines[:length])


@pytest.fixture
def copy(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "trial.study")
    return tmp_path / "trial.study"


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


def promoted_poor(event):
    return {**event.data, "promoted": ["base", "poor"]} if event.kind.value == "gate.decided" else event.data


def other_seed(event):
    return {**event.data, "seed": 2} if event.data.get("folder") == "runs/short/base-box-s1/attempt-1" else event.data


def other_plan(event):
    return {**event.data, "plan": "0" * 64} if event.seq == 0 else event.data


def other_value(event):
    return {**event.data, "metrics": {"loss": "0.5"}} if "metrics" in event.data else event.data


def other_seconds(event):
    return {**event.data, "train_s": "0.5"} if "train_s" in event.data else event.data


def entered(event):
    return {**event.data, "entrants": ["base", "fair"]} if event.data.get("stage") == "long" else event.data


@pytest.mark.parametrize("change", [promoted_poor, other_seed, other_plan, other_value, other_seconds, entered])
def test_both_find_what_does_not_follow_though_every_digest_was_made_to_fit(copy, change):
    rewritten(copy / "ledger.jsonl", change)
    (copy / "checkpoint.note").unlink()

    assert both(copy)[0] == 1


STARTED_WITH = {
    "runner version": ("version", "0", "runner version: 0 -> 1"),
    "code": ("code", "0" * 64, "runner code: 0000"),
    "a package": ("versions", {"python": "2.7"}, "runner versions, python: 2.7 -> 3."),
}


@pytest.mark.parametrize(("part", "other", "words"), STARTED_WITH.values(), ids=STARTED_WITH)
def test_a_study_goes_on_only_with_the_runner_that_it_was_started_with(made, copy, capsys, part, other, words):
    """Its ledger says that it was started with another one, and it is not finished."""

    def started_with(event):
        frozen = event.seq == 0
        return {**event.data, "runner": {**event.data["runner"], part: other}} if frozen else event.data

    rewritten(copy / "ledger.jsonl", started_with)
    crashed(copy / "ledger.jsonl", b"".join((copy / "ledger.jsonl").read_bytes().splitlines(keepends=True)[:-1]))

    assert promo("run", made[plain] / "trial.promo", "--study", copy, "--quiet") == 1
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
    "a seal": ("lock.json", "top 1", "top 2", "seals pick, closure, gate, pick, keep: top 1 -> top 2"),
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

    assert promo("run", made[plain] / "trial.promo", "--study", copy, "--quiet") == 1
    error = capsys.readouterr().err
    assert f"{name} was changed after the study was frozen" in error
    assert words in error
    assert promo("verify", copy) == 1
    said = capsys.readouterr().out
    assert (
        "it was changed after" if words.startswith("line") else words
    ) in said  # no other copy of the text is at hand


def test_several_frozen_files_that_were_changed_are_all_named(made, copy, capsys):
    (copy / "plan.json").write_text("[]", encoding="utf-8")
    (copy / "spec.promo").unlink()

    assert promo("run", made[plain] / "trial.promo", "--study", copy, "--quiet") == 1
    error = capsys.readouterr().err
    assert "2 files in " in error
    assert "plan.json: it holds something else altogether" in error
    assert "spec.promo: it is missing" in error


def test_both_take_runs_that_no_ledger_knows_for_a_fault(copy):
    shutil.copytree(copy / "runs/short/base-box-s1/attempt-1", copy / "runs/short/base-box-s1/attempt-2")

    code, said = both(copy)
    assert code == 1
    assert "attempt-2 is not in the ledger" in said


def test_both_find_a_budget_that_was_exceeded(copy):
    """A result that says so in every digest, as a dishonest runner's would."""
    place = copy / "runs/short/base-box-s1/attempt-1/result.json"
    body = json.loads(place.read_bytes())["body"]
    old = recheck.sha(place.read_bytes())
    body["budget"]["used"] = "99"
    place.write_bytes(canonical({"body": body, "digest": recheck.sha(canonical(body))}))
    new = recheck.sha(place.read_bytes())
    rewritten(
        copy / "ledger.jsonl",
        lambda event: {**event.data, "envelope": new} if event.data.get("envelope") == old else event.data,
    )
    (copy / "checkpoint.note").unlink()

    assert "more than its budget" in both(copy)[1]
