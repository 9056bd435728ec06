"""A report of many runs: what a page cannot hold is summarised, said to be, and lies whole beside it."""

import copy
import csv
import io
import os
from pathlib import Path

import pytest

from promo.base.classes import evolve
from promo.driver.report import record_of, write_report
from promo.driver.study import StudyFolder
from promo.report.curves import drawn_runs, thinned
from promo.report.runs import MOST_RUNS, runs_view
from promo.report.view import build_view
from promo.report.words import MOST_LISTED, listed, seeds_text
from support import promo, spec

FIRST = "those of the lowest of 26 seeds and 3 candidates, those that were promoted first"
SHORT, LONG = 26, 41
"""Seeds of the two stages."""
INLINE = 'host box {\n  device "cpu" on any\n  slots 1\n  executor inline\n}'


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    place = tmp_path_factory.mktemp("large")
    long = f"stage long {{\n  after pick\n  train promoted for 2s\n  on box\n  seeds 101..{100 + LONG}\n}}"
    wide = "cohort four { members base, good, fair, poor, spare }"
    short = f"stage short {{\n  train four for 1s\n  on box\n  seeds 1..{SHORT}\n}}"
    parts = {"host": INLINE, "cohort": wide, "stage_short": short, "stage_long": long}
    (place / "trial.promo").write_text(spec("use", **parts), encoding="utf-8")
    before = Path.cwd()
    os.chdir(place)
    try:
        assert promo("run", "trial.promo", "--quiet") == 0
    finally:
        os.chdir(before)
    return StudyFolder(place / "trial.study")


def test_cells_too_many_to_read_are_a_mean_and_a_range(study):
    view = build_view(record_of(study))
    gate, rule = view.gates[0], view.rules[0].rules[0]
    good = next(one for one in gate.standings if one.candidate == "good")

    assert gate.columns == ("box: mean", "box: lowest", "box: highest", "box: missing")
    assert good.cells[0].text == good.statistic
    assert float(good.cells[1].text) < float(good.cells[0].text) < float(good.cells[2].text)
    assert good.cells[3].text == "0"
    assert [one.cell for one in rule.comparisons] == [
        f"box, {LONG} cells: {what}" for what in ("mean", "lowest", "highest")
    ]
    assert rule.comparisons[0].difference == "-1.0000"


def test_what_is_summarised_lies_beside_the_page_and_the_page_says_so(study, tmp_path):
    written = write_report(study, tmp_path / "page.html")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "page.cells.csv").read_text(encoding="utf-8"))))

    assert written.files == tuple(tmp_path / f"page.{end}" for end in ("html", "cells.csv", "decisions.csv"))
    assert "in full they are beside this file" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert sum(row["candidate"] == "good" and row["decision"] == "pick" for row in rows) == SHORT


@pytest.mark.parametrize(
    ("room", "names", "seeds", "said"),
    [
        (60, 5, 12, "Drawn: 60 of 130 runs, those of the 12 lowest of 26 seeds."),
        (5, 5, 1, "Drawn: 5 of 130 runs, those of the lowest of 26 seeds."),
        (3, 3, 1, f"Drawn: 3 of 130 runs, {FIRST}."),
    ],
)
def test_a_picture_of_too_many_runs_shows_the_lowest_seeds_and_says_so(study, room, names, seeds, said):
    record = record_of(study)
    stage = record.plan.stages[0]
    drawn, words = drawn_runs(record, stage, stage.runs, room)

    assert words == (said,)
    assert {run.seed for run in drawn} == set(range(1, seeds + 1))
    assert len({run.candidate for run in drawn}) == names
    assert {"good", "base"} <= {run.candidate for run in drawn}  # they went on
    assert drawn_runs(record, stage, stage.runs, 130) == (list(stage.runs), ())


def test_runs_too_many_to_list_are_counted(study):
    record = record_of(study)
    assert runs_view(record).counted == ()
    state = copy.copy(record.state)
    tried = next(iter(state.attempts.values()))
    state.attempts = {f"run {number}": tried for number in range(MOST_RUNS + 1)}
    view = runs_view(evolve(record, state=state))

    assert view.rows == ()
    assert [row[:5] for row in view.counted] == [("short", "box", "ok", "1,001", "1,001")]


def test_a_thinned_line_keeps_its_ends_and_its_shape():
    line = tuple((float(x), 1 / x) for x in range(1, 5001))
    few = thinned(line, 50)

    assert (few[0], few[-1]) == (line[0], line[-1])
    assert 30 <= len(few) <= 50
    assert set(few) <= set(line)
    assert list(few) == sorted(few)
    assert thinned(line[:50], 50) == line[:50]
    assert thinned(((1.0, 1.0),) * 60, 10)[-1] == (1.0, 1.0)


def test_names_and_seeds_too_many_to_say_are_shortened():
    names = [f"c{number}" for number in range(100)]

    assert listed(names).endswith(f"c{MOST_LISTED - 2} and {100 - MOST_LISTED + 1} more")
    assert listed(names[:MOST_LISTED]).endswith(f"and c{MOST_LISTED - 1}")
    assert seeds_text((1, 2, 3, 5, 7, 8)) == "1..3, 5, 7, 8"
    assert seeds_text(()) == ""
