"""Candidates are called by their names and what changed, in every table, picture, record and export."""

import csv
import io
import json
import re
from html import unescape

import pytest

from promo.api import load, plan
from promo.base.classes import evolve
from promo.cli.live import Lines
from promo.driver.export import logged_runs
from promo.driver.report import record_of
from promo.report.beside import build_beside
from promo.report.changed import called_list
from promo.report.render import render_csv, render_html, render_markdown
from promo.report.tables import CELL_COLUMNS, DECISION_COLUMNS, cell_rows, decision_rows, run_columns, run_table
from promo.report.view import build_view
from promo.report.why import explain
from steady import carried_out_once
from support import promo

NAMES = ("quickstart", "grow_small", "replay_prefix", "staged_promotion", "screen_small", "adaptive_shape")


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    return {name: carried_out_once(name, tmp_path_factory) for name in NAMES}


@pytest.fixture(scope="module")
def records(studies):
    return {name: record_of(folder) for name, folder in studies.items()}


@pytest.fixture(scope="module")
def views(records):
    return {name: build_view(record) for name, record in records.items()}


@pytest.fixture(scope="module")
def pages(views):
    return {name: render_html(view) for name, view in views.items()}


def bare(record):
    """Candidates whose names do not say what changed."""
    return {name for name in record.candidates if record.changed[name]}


def texts_of(page):
    """What stands in the fields of a page's tables, in its lists and where a mark is pointed at."""
    page = re.sub(r'<table class="legend">.*?</table>', "", page, flags=re.DOTALL)  # says what each of them is
    for tag in ("td", "th", "title", "li"):
        for inner in re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", page, re.DOTALL):
            yield tag, unescape(re.sub(r"<[^>]*>", " ", inner)).strip()


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_that_names_a_candidate_says_what_changed(records, pages, name):
    record = records[name]
    for picture in re.findall(r'<svg class="picture".*?</svg>', pages[name], re.DOTALL):
        texts = [unescape(one) for one in re.findall(r"<text\b[^>]*>(.*?)</text>", picture)]
        said = " ".join(texts)

        left = [one for one in texts if one in bare(record) and record.changed[one].split(",")[0] not in said]
        assert left == [], said


def test_another_row_of_the_ladder_is_told_of_only_where_a_band_leads_there(views, pages):
    view = views["quickstart"]

    assert view.ladder.picture and not view.ladder.broken
    assert "in another row" not in pages["quickstart"]
    assert "in another row" in render_html(evolve(view, ladder=evolve(view.ladder, broken=True)))


def test_stages_that_gates_join_stand_beside_each_other_in_the_ladder(views):
    pictures = views["replay_prefix"].ladder.picture.split("</svg>")
    titles = [re.findall(r'class="head"[^>]*>([^<]*)<', one) for one in pictures if one]

    assert titles == [["at_250", "after_250"], ["at_1000", "after_1000"]]


@pytest.mark.parametrize("name", NAMES)
def test_no_field_of_a_table_and_no_label_is_a_bare_name(records, views, pages, name):
    record = records[name]
    found = [(tag, text) for tag, text in texts_of(pages[name]) if text in bare(record)]
    lines = re.sub(r"## Candidates\n.*?\n## ", "", render_markdown(views[name]), flags=re.DOTALL).splitlines()
    fields = [field.strip() for line in lines if line[:1] == "|" for field in line.split("|")]

    assert found == [], found
    assert [field for field in fields if field in bare(record)] == []
    assert any(map(bare, records.values()))


def uncalled(record, line):
    """Candidates that a line names without what changed."""
    named = [name for name in bare(record) if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", line)]
    return [name for name in named if record.call(name) not in line]


@pytest.mark.parametrize("name", NAMES)
def test_a_line_of_status_or_of_a_log_that_stands_alone_calls_them_so(studies, records, name, capsys):
    folder, record = studies[name], records[name]
    assert promo("status", folder.path) == 0
    lines = capsys.readouterr().out.splitlines()
    log = Lines(folder.path)
    log.begin(record.study, record.plan, record.state)
    for decision in record.decisions.values():
        log.decided(decision)
    lines += capsys.readouterr().out.splitlines()

    assert len(lines) > len(record.decisions)
    assert [line for line in lines if uncalled(record, line)] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_and_the_sentences_below_it_call_them_so(records, views, name):
    record, view = records[name], views[name]
    told = [text for law in view.laws for text in law.statements]
    lines = [view.answer.headline, *(one.said for one in view.answer.facts), *view.story, *told]

    assert [line for line in lines if uncalled(record, line)] == []


READ_ALOUD = re.compile("(Frozen )?(gate|rule|Rule|Gate|Growth) |Training switches ")
"""What a text begins with that reads a decider of the spec aloud, whose words are the spec's."""


@pytest.mark.parametrize("name", NAMES)
def test_no_sentence_and_no_row_of_a_report_has_a_bare_name(records, pages, name):
    record = records[name]
    page = re.sub(r'<table class="legend">.*?</table>|<(svg|script|style)\b.*?</\1>', "", pages[name], flags=re.DOTALL)
    found = [
        re.sub(r"\s+", " ", unescape(re.sub("<[^>]*>", " ", inner)).strip())
        for tag in ("p", "li", "td", "summary", "figcaption")
        for inner in re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", page, re.DOTALL)
    ]
    spaced = {one.replace(" (", " ").rstrip(")") for one in record.called}
    words = [one.replace("as wide as", "") for one in found if one not in spaced and not READ_ALOUD.match(one)]

    assert len(words) > 50
    assert [one for one in words if uncalled(record, one)] == []


def explained(record, candidate):
    """What `promo why` says of a candidate, decider by decider."""
    names = (*record.study.deciding, *record.study.told_by)
    return [one for name in names if (one := explain(record, candidate, name)) is not None]


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_why_but_the_rule_calls_them_so(studies, records, name, capsys):
    """The command is carried out for one candidate, and for each of which nothing was decided."""
    record = records[name]
    told = {one: explained(record, one) for one in record.candidates}
    first = next(one for one, found in told.items() if found)
    for candidate in (first, *(one for one, found in told.items() if not found)):
        assert promo("why", candidate, "--study", studies[name].path) == 0
    said = capsys.readouterr().out.splitlines()
    lines = [line for found in told.values() for one in found for line in (one.head, *one.lines)]
    lines = [line for line in (*said, *lines) if not line.strip().startswith("The rule: ")]

    assert {one.head for one in told[first]} <= set(said)
    assert [one for one in lines if uncalled(record, one)] == []


def test_a_list_is_as_long_as_there_is_room_for_and_then_says_how_many_more_there_are():
    few, many = tuple("abcdef"), tuple("abcdefghijkl")
    short, long = (lambda name: f"{name} (x 1)"), (lambda name: f"{name} ({'x' * 50} 1)")

    assert called_list(few, short) == "a (x 1), b (x 1), c (x 1), d (x 1), e (x 1) and f (x 1)"
    assert called_list(many, short).endswith("k (x 1) and l (x 1)")
    assert called_list(few, long) == f"{', '.join(map(long, 'abcd'))} and 2 more"
    assert called_list(few[:5], long) == f"{', '.join(map(long, 'abcd'))} and {long('e')}"
    assert called_list(many * 2, str).endswith("k and l")
    assert called_list(many * 10, str).endswith("k and 97 more")


def test_status_and_why_list_many_a_line_each(studies, capsys):
    folder = studies["staged_promotion"]
    record = record_of(folder)
    assert promo("status", folder.path) == 0
    status = capsys.readouterr().out.splitlines()
    assert promo("why", "screen_13", "pick_nine", "--study", folder.path) == 0
    why = capsys.readouterr().out.splitlines()
    found = record.decisions["pick_nine"].ranking

    called = [record.call(one.candidate) for one in found.standings]
    ranks = [f"{place}. {name}" for place, name in enumerate(called, 1)]

    assert {f"    {record.call(name)}" for name in record.state.promoted("pick_nine")} <= set(status)
    assert "  pick_nine: promoted 9 candidates" in status
    assert [one.strip() for one in why if re.match(r" +\d+\. ", one)] == ranks


@pytest.mark.parametrize("name", NAMES)
def test_json_has_the_name_and_what_changed(studies, records, name, capsys):
    folder = studies[name]
    changed = {one: words for one, words in records[name].changed.items() if words}
    assert promo("status", "--json", folder.path) == 0
    status = json.loads(capsys.readouterr().out)

    assert status["changed"] == changed
    assert {(one["candidate"], one["changed"]) for one in status["attempts"]} == {
        (one.candidate, changed.get(one.candidate)) for one in load(folder.path).runs()
    }
    some = {one in changed: one for one in records[name].candidates}
    assert set(some) == {False, bool(changed)}
    for one in some.values():
        assert promo("why", one, "--json", "--study", folder.path) == 0
        assert json.loads(capsys.readouterr().out)["changed"] == changed.get(one)


def test_why_calls_them_so(studies, capsys):
    folder = studies["quickstart"]
    assert promo("why", "wide", "--study", folder.path) == 0

    assert capsys.readouterr().out.startswith("wide (aspect 21) was promoted to longer by pick_three: ")


def test_two_studies_beside_each_other_call_candidates_so(records):
    record = records["quickstart"]
    rows = build_beside(record, record).stages[0].rows

    assert "shallow (depth 1, aspect 32)" in [row.candidate for row in rows]
    assert not bare(record) & {row.candidate for row in rows}


def test_every_table_of_a_study_and_a_plan_tells_what_changed(studies, records, tmp_path):
    folder = studies["quickstart"]
    record, study = records["quickstart"], load(folder.path)
    spec = tmp_path / "quickstart.promo"
    spec.write_bytes((folder.path / "spec.promo").read_bytes())
    tables = (study.runs(), study.points(), study.decisions(), study.cells(), plan(spec).runs)

    for table in tables:
        assert {(one.candidate, one.changed or "") for one in table} >= set(record.changed.items()) - {("", "")}
        assert {one.changed for one in table if one.candidate == "shallow"} == {"depth 1, aspect 32"}


def test_runs_of_other_tools_are_called_so(studies):
    folder = studies["quickstart"]
    names = {run.settings["candidate"]: run.name for run in logged_runs(folder)}

    assert "shallow (depth 1, aspect 32)" in names["shallow"]


def test_a_plan_lists_and_a_simulation_counts_candidates_so(studies, capsys, tmp_path):
    spec = tmp_path / "quickstart.promo"
    spec.write_bytes((studies["quickstart"].path / "spec.promo").read_bytes())
    assert promo("plan", "--all", spec) == 0
    listed = capsys.readouterr().out
    assert promo("simulate", spec, "--draws", "50") == 0
    counted = capsys.readouterr().out

    assert "screen  shallow (depth 1, aspect 32)  laptop  seed 1" in listed
    assert re.search(r"^shallow \(depth 1, aspect 32\) +\d", counted, re.MULTILINE)


def test_csv_files_have_a_column_of_what_changed(records):
    record = records["quickstart"]
    files = (
        render_csv(run_columns(record), run_table(record)),
        render_csv(DECISION_COLUMNS, decision_rows(record)),
        render_csv(CELL_COLUMNS, cell_rows(record)),
    )

    for file in files:
        rows = list(csv.DictReader(io.StringIO(file)))
        assert {row["changed"] for row in rows if row["candidate"] == "shallow"} == {"depth 1, aspect 32"}
