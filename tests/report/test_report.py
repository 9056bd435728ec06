"""The report: everything in it, nothing that runs, and user texts that stay texts."""

import csv
import io
import itertools
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from promo_toy.declare import METRICS

from promo.base.classes import evolve
from promo.base.resources import template_folder
from promo.driver.report import record_of
from promo.driver.study import StudyFolder
from promo.report.curves import curves_view
from promo.report.environment import Environments
from promo.report.pictures import Curve, Panel, curves_svg
from promo.report.ranks import flow_view
from promo.report.render import digest_of_script, render_csv, render_html, render_json, render_markdown
from promo.report.tables import DECISION_COLUMNS, decision_rows, run_columns, run_table
from promo.report.view import build_view
from promo.run.disk import RealDisk
from promo.run.store import read_points
from promo.run.values import Counter
from support import promo, spec

HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)> {{ 7 * 7 }} {% raw %} \\"quoted\\" \u202egnol'
INLINE = 'host box {\n  device "cpu" on any\n  slots 1\n  executor inline\n}'
TEXT = (
    spec(
        host=INLINE,
        study=(
            f"## <b>bold</b> {{{{ doc }}}}\n"
            f'study trial {{\n  title "{HOSTILE}"\n  measure loss in pt, lower is better\n  '
            "  runner toy\n}"
        ),
        extra='account {\n  count training\n  suppose all pick continue to long costs 0cpu_h\n  note "<i>note</i>"\n}',
    )
    .replace(
        "candidate poor like base { quality = 4 }",
        'candidate poor like base {\n  quality = 4\n  behaviour = "crash"\n}',
    )
    .replace("costs 0cpu_h", "costs 1cpu_h / 450")
)


class Page(HTMLParser):
    """Tags, attributes and visible text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.words, self.scripts = [], [], [], []
        self.in_script = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.in_script = tag == "script"
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        (self.scripts if self.in_script else self.words).append(data)

    def handle_endtag(self, tag):
        self.in_script = False

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    place = tmp_path_factory.mktemp("report")
    (place / "trial.promo").write_text(TEXT, encoding="utf-8")
    before = Path.cwd()
    os.chdir(place)
    try:
        assert promo("run", "trial.promo", "--quiet") == 0
        yield StudyFolder(place / "trial.study")
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def page(study):
    return Page((study.path / "report.html").read_text(encoding="utf-8"))


def test_texts_of_users_stay_texts(page):
    assert not {"img", "iframe", "object", "i", "link"} & set(page.tags)
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7 * 7 }}" in page.text
    assert "<b>on purpose</b>" in page.text  # the message of a run that crashed
    assert "<i>note</i>" in page.text


def test_a_curve_ends_where_a_lost_run_wrote_no_point(study, tmp_path):
    """A crash cuts its last line short; what stands behind a line that is none belongs to nothing."""
    record = record_of(study)
    stage = record.plan.stages[0]
    run = next(run for run in stage.runs if run.candidate == "good")
    odd = [
        '{"charged_s":"1.5","metrics":{"loss":"0.5"},"step":3,"tokens":null}',
        '{"charged_s":"x","metrics":{"loss":"nan"},"step":"<i>","tokens":null}',
        '{"charged_s":"2.5","metrics":{"loss":"0.25"},"step":4,"tokens":null}',
    ]
    (tmp_path / "points.jsonl").write_text("\n".join(odd), encoding="utf-8")
    view = curves_view(evolve(record, points={run.id: read_points(RealDisk(), tmp_path)}), stage, stage.runs)

    assert view.columns == ("candidate", "seed", "step", "seconds", "loss")  # one host, and no tokens
    assert [row[2:] for row in view.rows] == [("3", "1.50", "0.5000")]


@pytest.mark.parametrize(
    ("metric", "others", "beside", "kind"),
    [
        ("val_acc", ["train_acc", "train_loss"], "train_loss", "loss"),
        ("val_acc", ["training_loss"], "training_loss", "loss"),
        ("val_acc", ["train_acc"], "train_acc", "curve"),
        ("val_acc", ["loss"], "", "curve"),  # nobody says of what
        ("train_loss", [], "", "curve"),  # it decides
        ("val_wer", ["train_wer"], "train_wer", "curve"),  # the lower the better, and no loss
        ("val_bpb", ["train_bpb"], "train_bpb", "loss"),
    ],
)
def test_the_training_loss_is_apart_also_where_something_else_decides(study, tmp_path, metric, others, beside, kind):
    record = record_of(study)
    measure = evolve(record.study.measure, metric=metric, lower_is_better=metric != "val_acc")
    record = evolve(record, study=evolve(record.study, measure=measure))
    stage = record.plan.stages[0]
    told = ",".join(f'"{name}":"0.5"' for name in sorted([metric, *others]))
    lines = [f'{{"charged_s":"{at}","metrics":{{{told}}},"step":{at},"tokens":null}}' for at in (1, 2, 3)]
    (tmp_path / "points.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    view = curves_view(evolve(record, points={stage.runs[0].id: read_points(RealDisk(), tmp_path)}), stage, stage.runs)

    assert (view.beside, view.kind) == (beside, kind)
    assert (f"{beside} against" in view.trained) == bool(beside)
    assert view.columns[4:] == ((beside,) if beside else ()) + (metric,)


def test_no_text_turns_the_direction_of_ours(study, page):
    assert "[U+202E]gnol" in page.text
    assert "\u202e" not in (study.path / "report.html").read_text(encoding="utf-8")
    assert "\u202e" not in render_markdown(build_view(record_of(study)))


def test_the_only_script_is_our_own_and_the_policy_lets_no_other_run(page):
    own = (template_folder() / "report.js").read_text(encoding="utf-8")
    policy = [value for tag, name, value in page.attributes if tag == "meta" and "default-src" in str(value)]

    assert page.scripts == [own]
    assert policy == [f"default-src 'none'; style-src 'unsafe-inline'; script-src '{digest_of_script(own)}'"]
    assert "innerHTML" not in own  # texts of users never become markup


def test_nothing_is_fetched_and_nothing_runs(page):
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        if name in ("href", "src", "xlink:href"):
            assert value.startswith("#"), (tag, name, value)
    policy = [value for tag, name, value in page.attributes if tag == "meta" and name == "content"]
    assert any("default-src 'none'" in value for value in policy)


def test_it_says_what_a_reviewer_asks(page, study):
    view = build_view(record_of(study))

    assert view.finished
    for words in (
        "pick promoted good (quality 1) and base to long; dropped fair (quality 3) and poor (quality 4, behaviour",
        "when 0 of 8 results of short existed",
        "among the top 1; 2.0000 pt ahead of the first to miss the cut",
        "always kept; would rank 2",
        "poor",
        "no value for box seed 1 and box seed 2: ValueError: the toy broke",
        "like for like",
        "behaviour crash) were not continued to long; nothing here shows how they would have scored",
        "Hosts covered: box (cpu, any)",
        "promo verify",
        "sha256:",
    ):
        assert words in page.text, words


def test_every_table_has_headings_and_every_picture_words(page):
    assert page.tags.count("table") == page.tags.count("thead") + 2  # facts have row headings only
    labels = [value for tag, name, value in page.attributes if tag == "svg" and name == "aria-label"]
    pictures = [value for tag, name, value in page.attributes if tag == "svg" and name == "role"]
    hidden = [value for tag, name, value in page.attributes if tag == "svg" and name == "aria-hidden"]
    assert len(labels) == len(pictures) >= 3
    assert len(pictures) + len(hidden) == page.tags.count("svg")
    assert all(labels)


def test_pictures_take_their_colours_from_the_page(study):
    html = (study.path / "report.html").read_text(encoding="utf-8")
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)

    assert pictures
    for picture in pictures:
        assert not re.search(r"(stroke|fill): ?#[0-9a-f]{6}", picture)


def test_many_runs_of_a_candidate_are_one_line_and_say_whose():
    runs = [Curve(candidate, ((0.5, 2.0), (1.0, 1.0 + seed))) for candidate in (0, 1) for seed in range(300)]
    picture = curves_svg([Panel("box", tuple(runs))], "seconds", "loss", "Runs", ["<good>", "poor"])

    assert picture.count("<path") < 60
    assert picture.count('<g class="k k0"><title>&lt;good&gt;</title>') == 4  # lines and marks, of all and of the end
    assert (
        len(picture) < 5_000 * 4 + 4 * 80 * 600
    )  # 5 kB of overhead a series, and its 300 lines and marks in two plots


def test_pictures_on_one_page_share_no_identifier(study):
    html = (study.path / "report.html").read_text(encoding="utf-8")
    named = re.findall(r' id="([^"]+)"', html)

    assert len(named) == len(set(named)) > 10


def test_the_same_study_gives_the_same_bytes(study, workplace):
    first, second = workplace / "a.html", workplace / "b.html"

    assert promo("report", study.path, "--out", first) == 0
    assert promo("report", study.path, "--out", second) == 0
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    "values",
    [
        ("1.797e308", "-1.797e308", "5e-324"),
        ("5e-324", "1e-323"),
        ("2.0", "2.0"),
        ("1e-10", "1e10", "-1e12"),
    ],
)
def test_no_finite_value_ends_a_report(study, values):
    record = record_of(study)
    found = itertools.cycle(values)
    evidence = {
        stage: evolve(table, rows=tuple(evolve(row, cells=tuple(map(scored(found), row.cells))) for row in table.rows))
        for stage, table in record.evidence.items()
    }
    points = {
        run: tuple(evolve(one, metrics={"loss": next(found)}) for one in line) for run, line in record.points.items()
    }
    page = Page(render_html(build_view(evolve(record, evidence=evidence, points=points))))

    assert page.tags.count("figure") >= 3
    assert not {"nan", "inf"} & set(re.split(r"\W+", page.text.lower()))


def scored(values):
    """A cell with the next of some values, if it had one."""
    return lambda cell: cell if cell.value is None else evolve(cell, value=next(values))


def test_a_report_needs_no_library_for_its_pictures(study, workplace):
    words = ["report", str(study.path), "--out", str(workplace / "report.html")]
    code = (
        "import sys\nfrom promo.cli.main import main\n"
        f"code = main({words!r})\n"
        "sys.exit(f'{code} {heavy}' if (heavy := {'numpy', 'matplotlib', 'torch'} & set(sys.modules)) or code else 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert '<svg class="picture' in (workplace / "report.html").read_text(encoding="utf-8")


def test_an_unfinished_study_says_what_it_is(study, workplace):
    import shutil

    shutil.copytree(study.path, workplace / "half")
    ledger = workplace / "half" / "ledger.jsonl"
    (workplace / "half" / "checkpoint.note").unlink()  # as after a kill: it is written when promo ends by itself
    lines = ledger.read_bytes().splitlines(keepends=True)
    for kept in (1, 3, len(lines) // 3, len(lines) // 2, len(lines) - 2):
        ledger.write_bytes(b"".join(lines[:kept]))

        assert promo("report", workplace / "half") == 0, kept
        page = Page((workplace / "half" / "report.html").read_text(encoding="utf-8"))
        assert "not finished" in page.text


def test_how_candidates_move_is_drawn_and_counted(study, page):
    record = record_of(study)
    flow, shown = flow_view(record), build_view(record).flow

    assert (shown.said, shown.picture, shown.rows) == (flow.said, "", ())  # the ladder has drawn and told them
    assert flow.columns == ("candidate", "short: rank", "short: mean", "long: rank", "long: mean")
    assert [row[0] for row in flow.rows] == ["base", "good (quality 1)"]
    assert [row[1] for row in flow.rows] == [row[3] for row in flow.rows] == ["2", "1"]
    assert flow.said[0] == "short and long rank their two common candidates in the same order."
    assert "Ranks from stage to stage" in page.text


def test_what_failed_and_what_followed_is_told(study):
    reruns = build_view(record_of(study)).reruns

    assert reruns.declared == ("pick, for a run without a value at short: rerun 1, then drop.",)
    assert reruns.said.endswith(
        "0 were excluded by a guard, 4 failed and 0 were lost with the machine or the process; 2 were repeats."
    )
    assert [row[-1] for row in reruns.rows] == ["tried again: attempt 2, crash", "no value for its cell"] * 2
    assert {row[5] for row in reruns.rows} == {"crash"}


def test_every_picture_has_its_numbers_one_click_away(study):
    html = (study.path / "report.html").read_text(encoding="utf-8")
    after = [html[found.end() :] for found in re.finditer(r"</svg>\s*(?=<(?:/figure|ul|figcaption))", html)]

    assert len(after) == len(re.findall('role="img"', html)) >= 3
    for rest in after:
        assert "<table>" in rest[: rest.index("</section>")]
        decides = "<article" not in rest[: rest.index("</table>")]  # the picture of a gate or rule, with its table
        assert decides or "in numbers</summary>" in rest[: rest.index("</section>")]


def test_the_words_of_a_picture_are_those_of_the_runner(study, page):
    assert f"A mark is a run: loss in pt, {METRICS['loss'].meaning}." in page.text
    assert "bits per byte" not in page.text


# --- other forms -------------------------------------------------------------------------------------------------


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_one_row_a_decision_candidate_and_condition(study):
    record = record_of(study)
    rows = read(render_csv(DECISION_COLUMNS, decision_rows(record)))

    gate = [row for row in rows if row["decision"] == "pick"]
    assert [row["candidate"] for row in gate] == [one.candidate for one in record.decisions["pick"].ranking.standings]
    assert {row["verdict"] for row in gate} == {"promoted", "dropped"}
    assert next(row for row in gate if row["candidate"] == "good")["statistic"]
    assert [row["verdict"] for row in rows if row["kind"] == "rule"]


def test_one_row_an_attempt(study):
    record = record_of(study)
    rows = read(render_csv(run_columns(record), run_table(record)))

    assert len(rows) == sum(len(tried) for tried in record.state.attempts.values())
    assert {row["status"] for row in rows} == {"ok", "crash"}
    assert all(row["value"] for row in rows if row["state"] == "accepted")
    assert {row["verdict"] for row in rows if row["stage"] == "short"} == {"promoted", "dropped"}
    assert {row["factor_quality"] for row in rows if row["candidate"] == "base"} == {"2"}


def test_a_computed_number_is_the_shortest_text_that_is_read_back_the_same_and_no_text_is_changed():
    rows = [("2/3", "0.125", "2/3"), ("-1/300000", "0.82150000000000005", "a/b"), ("", "1" + "0" * 400, "0.50000")]
    text = render_csv(("paid", "statistic", "host"), rows)

    assert [list(row.values()) for row in read(text)] == [
        ["0.6666666666666666", "0.125", "2/3"],
        ["-3.3333333333333333e-06", "0.8215", "a/b"],
        ["", "1.7976931348623157e+308", "0.50000"],
    ]


def test_no_cell_is_a_formula():
    text = render_csv(("a",), [("=1+1",), ("+1",), ("@x",), ("-2.5",), ("-x",), ('plain, "quoted"',)])

    assert [row["a"] for row in read(text)] == ["'=1+1", "'+1", "'@x", "-2.5", "'-x", 'plain, "quoted"']


def test_markup_of_users_is_shown_and_not_obeyed(study):
    text = render_markdown(build_view(record_of(study)))

    assert "<script" not in text.replace("\\<script", "")
    assert "\\<script\\>alert(1)" in text
    assert "{{ 7" not in text.replace("\\{\\{ 7", "")


def test_the_view_as_json_is_the_same_facts(study):
    view = build_view(record_of(study))
    stored = json.loads(render_json(view))

    assert stored["title"] == view.title
    assert [gate["name"] for gate in stored["gates"]] == ["pick"]
    assert render_json(view) == render_json(build_view(record_of(study)))


@pytest.mark.parametrize(
    ("form", "files"),
    [
        ("html", ["report.html"]),
        ("md", ["report.md"]),
        ("json", ["report.json"]),
        ("csv", ["report.cells.csv", "report.decisions.csv", "report.runs.csv"]),
    ],
)
def test_every_form_is_written(study, capsys, form, files):
    assert promo("report", study.path, "--format", form) == 0

    said = capsys.readouterr().out
    for file in files:
        assert (study.path / file).stat().st_size > 100
        assert f"report: {study.path / file}" in said


def test_markdown_and_json_leave_nothing_of_the_page_out(study, page):
    view = build_view(record_of(study))
    text, stored = render_markdown(view), json.loads(render_json(view))

    for heading in (
        "The ladder",
        "Rules and decisions",
        "Stages",
        "Ranks from stage to stage",
        "Cost",
        "Guards, failures and reruns",
        "Limitations",
        "Runs",
        "Environments",
        "Attestations",
        "Reproduce",
    ):
        assert f"## {heading}" in text
        assert heading in page.text
    for run in view.runs.rows:
        assert f"`{run.run}`" in text
    assert len(stored["runs"]["rows"]) == len(view.runs.rows) > 8
    assert stored["reruns"]["rows"] == [list(row) for row in view.reruns.rows]
    assert stored["vouching"]["said"] == list(view.vouching.said)
    assert "<svg" not in render_json(view)


def test_every_run_says_where_it_ran(study):
    record = record_of(study)
    rows = read(render_csv(run_columns(record), run_table(record)))
    view = build_view(record)

    assert {row["environment"] for row in rows if row["status"] == "ok"} == {"1"}
    assert all(int(row["machine_cores"]) > 0 for row in rows if row["status"] == "ok")
    assert all(row["started"] and row["ended"] for row in rows)
    assert {run.environment for run in view.runs.rows if run.good} == {"1"}
    assert view.environments[0].runs.startswith(f"{sum(bool(row['environment']) for row in rows)} attempts on box at ")
    assert view.starts[0].promo


def test_runs_of_two_machines_are_told_apart(study):
    record = record_of(study)
    key, result = next((key, result) for key, result in record.results.items() if result.metrics)
    facts = evolve(result.body.facts, device={"kind": "other", "driver": "1"})
    moved = evolve(result, body=evolve(result.body, facts=facts))
    views = list(Environments(evolve(record, results={**record.results, key: moved})).views())

    assert len(views) == 2
    assert [one.runs.partition(" ")[0] for one in views if ("device, driver", "1") in one.rows] == ["1"]


# --- two studies -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    place = tmp_path_factory.mktemp("other")
    text = TEXT.replace("candidate good like base { quality = 1 }", "candidate good like base { quality = 9 }")
    (place / "other.promo").write_text(text, encoding="utf-8")
    before = Path.cwd()
    os.chdir(place)
    try:
        assert promo("run", "other.promo", "--quiet") == 0
    finally:
        os.chdir(before)
    return StudyFolder(place / "other.study")


def test_two_studies_stand_side_by_side(study, other, tmp_path, capsys):
    path = tmp_path / "beside.html"
    assert promo("report", study.path, other.path, "--out", path) == 0

    said = capsys.readouterr().out
    html = Page(path.read_text(encoding="utf-8"))
    assert "have different specs" in said
    assert "decided differently at pick" in said
    assert "candidate good, quality: 1 -> 9" in html.text
    assert "agree with tau-b" in html.text
    assert "Machines and software are of one kind in both" in said
    assert "Neither was amended" in said
    assert html.text.count("attempts on box at") == 2
    assert not {"img", "i"} & set(html.tags)
    assert len(html.scripts) == 1
    assert "<script>alert(1)</script>" in html.text


def test_a_study_beside_itself_is_the_same(study, capsys, tmp_path):
    assert promo("report", study.path, study.path, "--out", tmp_path / "x.html") == 0

    said = capsys.readouterr().out
    assert "of the same spec, with the same rules" in said
    assert "decisions are the same" in said


def test_three_studies_are_too_many(study, capsys):
    assert promo("report", study.path, study.path, study.path) == 2
    assert "two studies are shown" in capsys.readouterr().err


LARGE = (
    "candidate base as reference {\n  quality = 2\n  size = 32\n}\ncandidate good { quality = 1 }\n"
    "candidate poor { quality = 4 }\n"
    'candidate spare like base {\n  size = 16\n  ratio = 4\n  behaviour = "ok"\n}\n'
)


@pytest.mark.parametrize(
    ("more", "said", "unsaid"),
    [
        ("candidate fair { quality = 3 }", "No candidate is declared as control of base", "Matched to it in size"),
        (
            "candidate fair as control of base {\n  quality = 3\n  size = 32\n}",
            "Matched to it in size: fair",
            "No candidate is declared as control",
        ),
    ],
)
def test_a_reference_larger_than_its_rivals_is_named_and_so_is_what_has_its_size(workplace, more, said, unsaid):
    (workplace / "trial.promo").write_text(spec(candidate=LARGE + more, host=INLINE), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 0
    limits = build_view(record_of(StudyFolder(workplace / "trial.study"))).limits
    larger = [one for one in limits if one.startswith("The reference base")]

    assert len(larger) == 1
    assert "is larger than all of its rivals, 4.00 times the next" in larger[0]
    assert any(said in one for one in limits)
    assert not any(unsaid in one for one in limits)


def test_stages_that_share_seeds_are_not_said_to_differ(study, workplace):
    different = "The stages use different seeds"
    assert any(one.startswith(different) for one in build_view(record_of(study)).limits)
    shared = "stage long {\n  after pick\n  train promoted for 2s\n  on box\n  seeds 1, 2 shared\n}"
    (workplace / "trial.promo").write_text(spec("use", stage_long=shared, host=INLINE), encoding="utf-8")
    promo("run", "trial.promo", "--quiet")

    assert not any(
        one.startswith(different) for one in build_view(record_of(StudyFolder(workplace / "trial.study"))).limits
    )


def test_simulated_seconds_are_called_so_and_not_held_against_slots(study):
    record = record_of(study)
    view = build_view(record)
    (said,) = [one for one in view.story if " in simulated training of a budget of " in one]

    assert record.training() == "simulated training"
    assert all("spent in simulated training" in one.spent for one in view.stages)
    assert " in training" not in said
    key = next(key for key, result in record.results.items() if result.body and result.body.used)
    body = record.results[key].body
    real = evolve(record.results[key], body=evolve(body, used=evolve(body.used, counter=Counter.TRAINER)))
    mixed = evolve(record, results={**record.results, key: real})
    attempts = sum(bool(result.body and result.body.used) for result in record.results.values())
    assert mixed.training() == f"training (simulated in {attempts - 1} of {attempts} attempts)"
