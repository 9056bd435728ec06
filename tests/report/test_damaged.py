"""A report of a study that is damaged, empty or only begun: it is written, says so at its top, and ends with a code."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from promo.driver.report import RemainsView, legible, record_of
from promo.driver.study import StudyFolder
from promo.report.view import build_view
from support import promo, spec

INLINE = 'host box {\n  device "cpu" on any\n  slots 1\n  executor inline\n}'


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    place = tmp_path_factory.mktemp("damaged")
    (place / "trial.promo").write_text(spec(host=INLINE), encoding="utf-8")
    before = Path.cwd()
    os.chdir(place)
    try:
        assert promo("run", "trial.promo", "--quiet") == 0
    finally:
        os.chdir(before)
    return place / "trial.study"


@pytest.fixture
def study(whole, workplace):
    shutil.copytree(whole, workplace / "copy.study")
    return workplace / "copy.study"


def cut(path, keep):
    path.write_bytes(path.read_bytes()[:keep])


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))


def replace(path, old, new):
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


def result_of(study, candidate):
    return next(study.glob(f"runs/short/{candidate}-box-s1/attempt-1/result.json"))


def text_of(path):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", path.read_text(encoding="utf-8")))


DAMAGES = {
    "a result is gone": (lambda study: result_of(study, "good").unlink(), "runs/short/good-box-s1/attempt-1"),
    "a result is changed": (lambda study: flip(result_of(study, "good"), 60), "runs/short/good-box-s1/attempt-1"),
    "a curve is changed": (
        lambda study: flip(next(study.glob("runs/short/good-box-s1/attempt-1/points.jsonl")), 40),
        "the curve of runs/short/good-box-s1/attempt-1 is left out",
    ),
    "a ledger line is changed": (lambda study: flip(study / "ledger.jsonl", 3000), "events before are read"),
    "the lock is gone": (lambda study: (study / "lock.json").unlink(), "lock.json is gone"),
    "the spec is changed": (
        lambda study: (study / "spec.promo").write_text(
            (study / "spec.promo").read_text().replace('title "A trial"', 'title "Another"')
        ),
        "spec.promo is not the file that was frozen",
    ),
    "the spec is gone": (lambda study: (study / "spec.promo").unlink(), "spec.promo is missing"),
    "the spec is no spec": (lambda study: (study / "spec.promo").write_text("promo 1\nstudy {"), "cannot be read by"),
    "the ledger is empty": (lambda study: cut(study / "ledger.jsonl", 0), "empty: nothing was frozen here"),
    "the tail of the ledger is cut": (
        lambda study: cut(study / "ledger.jsonl", (study / "ledger.jsonl").read_bytes()[:-1].rfind(b"\n") + 1),
        "the end of the ledger is not what it was",
    ),
    "the ledger is gone": (lambda study: (study / "ledger.jsonl").unlink(), "there is no study"),
    "the first line is changed": (
        lambda study: replace(study / "ledger.jsonl", b'"study":"trial"', b'"study":"trail"'),
        "ledger line 2 does not follow line 1",
    ),
    "the first line is none": (lambda study: flip(study / "ledger.jsonl", 10), "ledger line 1 is damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_study_gets_a_report_that_says_so(study, capsys, damage):
    harm, words = DAMAGES[damage]
    harm(study)

    assert promo("report", study) == 1
    said = capsys.readouterr()
    assert f"report: {study / 'report.html'}" in said.out
    assert "not whole: " in said.err
    page = text_of(study / "report.html")
    top = page[: re.search("In short|How do we know", page).start()]
    assert words in top
    assert "damaged" in top or "empty" in top


def test_what_a_damage_does_not_touch_is_still_derived(study):
    result_of(study, "poor").unlink()
    record = legible(StudyFolder(study))
    view = build_view(record)

    assert view.state.startswith("damaged")
    assert not view.finished
    assert view.gates[0].result.startswith(
        "The ledger records: promotes base and good (quality 1). This cannot be recomputed"
    )
    assert view.rules[0].rules[0].decided
    assert view.stages[0].runs == "8 of 8"


def test_the_beginning_of_a_damaged_ledger_is_read(study):
    lines = (study / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    lines[10] = lines[10].replace(b"2", b"3", 1)
    (study / "ledger.jsonl").write_bytes(b"".join(lines))
    record = legible(StudyFolder(study))

    assert record.state.events == 10
    assert any("only the 10 events before are read" in one for one in record.faults)


def test_a_study_that_is_whole_is_read_alike_both_ways(whole):
    assert legible(StudyFolder(whole)) == record_of(StudyFolder(whole))


def test_what_is_left_has_every_form(study):
    (study / "spec.promo").unlink()

    for form in ("html", "md", "json", "csv"):
        assert promo("report", study, "--format", form) == 1
    assert json.loads((study / "report.json").read_text())["state"] == "damaged, or not readable here"
    assert "spec.promo is missing" in (study / "report.md").read_text()
    assert isinstance(legible(StudyFolder(study)), RemainsView)


def test_a_folder_without_any_part_of_a_study_gets_none(workplace, capsys):
    (workplace / "other").mkdir()

    assert promo("report", workplace / "other") == 2
    assert "there is no study" in capsys.readouterr().err
    assert list((workplace / "other").iterdir()) == []


def test_a_study_that_is_only_frozen_says_so(workplace):
    (workplace / "trial.promo").write_text(spec(host=INLINE), encoding="utf-8")
    assert promo("run", "trial.promo", "--freeze-only") == 0

    assert promo("report", "trial.promo") == 0
    assert "Nothing has been trained yet" in text_of(workplace / "trial.study" / "report.html")
