"""Amounts of the measure are written alike in every sentence of a report: number, space, unit."""

import re
from pathlib import Path

import pytest

from promo.driver.report import record_of
from promo.driver.study import StudyFolder
from promo.report.render import render_html, render_markdown
from promo.report.view import build_view
from promo.report.words import UNSAID, behind, between
from support import promo

REPORTS = sorted((Path(__file__).parents[1] / "golden" / "steady").glob("*.report.md"))
"""What `driver/test_steady.py` compares with the reports that are made."""


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.name)
def test_every_amount_of_the_measure_in_a_report_stands_apart_from_its_unit(path):
    text = path.read_text(encoding="utf-8")
    unit = re.search(r"^\S+ · \S+ in (\S+), (?:lower|higher) is better", text, re.MULTILINE)[1]

    assert re.findall(rf"\S*\d{unit}\b", text) == []
    assert re.search(rf"\d {unit}\b", text)


SCRIPT = """
import math, random
LR, STEPS, SEED = 0.1, 5, 1
random.seed(SEED)
print("{name}:", round(0.8 + math.log(1 + LR / 10) + random.random() / 100, 4))
"""


def said_of(capsys, name, spec, unit=""):
    """All that is said of one study, page by page, whose measure may have another unit than was drafted."""
    Path("one.py").write_text(SCRIPT.replace("{name}", name), encoding="utf-8")
    assert promo("new", "--from", "one.py", "--takes", "30s") == 0
    path = Path("one.promo")
    path.write_text(path.read_text(encoding="utf-8").replace("at least 0", "at least 0.001"), encoding="utf-8")
    assert spec in path.read_text(encoding="utf-8")
    for drafted in (path, Path("one.toml")) if unit else ():
        text = drafted.read_text(encoding="utf-8").replace("share", unit)
        drafted.write_text(re.sub(r"sha256:\w+", "sha256:000000000000", text), encoding="utf-8")
    if unit:
        assert promo("check", "one.promo") == 1
        (pin,) = re.findall(r"it is (sha256:\w+) now", capsys.readouterr().err)
        path.write_text(path.read_text(encoding="utf-8").replace("sha256:000000000000", pin), encoding="utf-8")
    said = {}
    for words in (
        ("read", "one.promo"),
        ("simulate", "one.promo", "--noise", "0.01", "--draws", "50"),
        ("run", "one.promo", "--plain"),
        ("status", "one.promo"),
        *(("why", name) for name in ("base", "lr_0_03", "lr_0_3")),
    ):
        assert promo(*words) == 0, capsys.readouterr()
        said[words] = capsys.readouterr().out
    view = build_view(record_of(StudyFolder(Path("one.study"))))
    return said | {("report",): render_markdown(view), ("page",): render_html(view)}


def test_a_unit_that_only_says_what_kind_of_number_it_is_stands_behind_no_number(workplace, capsys):
    said = said_of(capsys, "val_acc", "measure  val_acc in share, higher is better")

    assert {
        words: found for words, text in said.items() if (found := re.findall(r".*(?:[\d)]| in) share\b.*", text))
    } == {}
    assert re.search(r"seed 1: val_acc 0\.\d{4} after", said["run", "one.promo", "--plain"])
    assert "On here with seed 1: val_acc 0." in said["why", "base"]
    assert re.search(r"lr_0_3 leads base by 0\.0\d+(,| \()", " ".join(said["report",].split()))


def test_any_other_unit_stands_behind_each_number(workplace, capsys):
    said = said_of(capsys, "val_loss", "measure  val_loss in nats, lower is better")

    assert [words for words, text in said.items() if not re.search(r"\d nats\b", text)] == [("status", "one.promo")]
    assert re.search(r"leads \w+ by 0\.0\d+ nats", said["report",])
    assert [behind(unit) for unit in ("pt", "bpb", "points", "")] == [" pt", " bpb", " points", ""]
    assert {behind(unit) for unit in UNSAID} == {""}


def test_differences_of_per_cent_are_percentage_points(workplace, capsys):
    said = said_of(capsys, "val_acc", "measure  val_acc in share, higher is better", "percent")
    texts = {words: " ".join(text.split()) for words, text in said.items()}

    assert re.search(r"leads \w+ by 0\.0\d+ percentage points", texts["report",])
    assert "at least 0.001 percentage points" in texts["read", "one.promo"]
    assert "sd 0.01 percentage points" in texts["simulate", "one.promo", "--noise", "0.01", "--draws", "50"]
    assert re.search(r"seed 1: 0\.\d{4} percent after", texts["run", "one.promo", "--plain"])
    assert re.search(r"gain in percentage points: right of 0 is better", texts["page",])
    strange = re.compile(r"[^.]*\b(?:gain|gap|leads|lead|ahead|by|±|sd|at least|within) [+-]?[\d.]+ percent\b")
    assert {words: found for words, text in texts.items() if (found := strange.findall(text))} == {}


def test_a_difference_of_per_cent_and_a_level_are_told_apart():
    assert [between(text, "percent") for text in ("1", "+1", "-1", "1.0000", "0.5")] == [
        "1 percentage point",
        "+1 percentage point",
        "-1 percentage point",
        "1.0000 percentage points",
        "0.5 percentage points",
    ]
    assert [between("1", unit) for unit in ("bpb", "share")] == ["1 bpb", "1"]
