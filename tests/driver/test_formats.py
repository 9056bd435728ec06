"""HTML, Markdown, JSON and CSV say the same of effects: aliases, contrasts, errors, family, hosts and changes."""

import csv
import html
import json
import math
import random
import re
from html.parser import HTMLParser

import pytest

from promo.report.figures import figure, interval, plain, short
from promo.report.words import number
from support import promo, study_of

HEAD = """promo 1

study trial {{
  title "A factorial that was recorded"
  measure y in u, higher is better
  runner recorded
}}

host desk {{
  device "cpu" on any
  slots 1
}}

host rack {{
  device "cpu" on any
  slots 1
}}

{factors}

cohort all_rows {{
  rows screen all
}}
"""
TWO = "".join(f"factor {name}: x in [-1, 0, 1] default -1\n" for name in "abcd")
THREE = "".join(f"factor {name}: x in [1, 2, 4]\n" for name in "abc")
HALF = (
    "design screen fraction 2^(4 - 1) {\n"
    + "".join(f"  vary {name} low -1 high 1\n" for name in "abcd")
    + "  alias d = a * b * c\n}"
)
CENTRED = "design screen full {\n  vary a low -1 high 1 centre 0\n  vary b low -1 high 1 centre 0\n}"
EIGHT = "design screen array 8 {\n" + "".join(f"  vary {name} in [-1, 1]\n" for name in "abcd") + "}"
NINE = "design screen array 9 {\n" + "".join(f"  vary {name} in [1, 2, 4]\n" for name in "abc") + "}"


OF_MAIN = "family main\n  rate 5%"


def stage(name, hosts, seeds, budget=10):
    return f"stage {name} {{\n  train all_rows for {budget}s\n  on {hosts}\n  seeds {seeds}\n  report only\n}}\n"


def effects(stages, model, more="family all\n  rate 5%"):
    return f"effects found {{\n  from {stages}\n  model {model}\n  {more}\n}}\n"


CASES = {
    "two hosts and two stages": (
        TWO, HALF, stage("s", "desk, rack", "1, 2 shared") + stage("t", "desk, rack", "1, 2 shared", 20),
        effects("s, t", "main, pairs", "family main\n  rate 5% by holm"), 0,
    ),
    "one run of each row": (TWO, HALF, stage("s", "desk", "1"), effects("s", "main", OF_MAIN), 0),
    "the rest is listed": (
        TWO, HALF, stage("s", "desk, rack", "1"), effects("s", "main", f"rest listed\n  {OF_MAIN}"), 0
    ),
    "lost runs and centres": (TWO, CENTRED, stage("s", "desk, rack", "1, 2, 3"), effects("s", "main, pairs"), 4),
    "hosts that run different rows": (
        TWO, CENTRED.replace(" centre 0", ""), stage("s", "desk, rack\n  block on host by a * b", "1, 2, 3"),
        effects("s", "main", f"block host, seed\n  {OF_MAIN}"), 0,
    ),
    "an array of two levels": (TWO, EIGHT, stage("s", "desk, rack", "1, 2"), effects("s", "main", OF_MAIN), 0),
    "an array": (THREE, NINE, stage("s", "desk, rack", "1"), effects("s", "main", f"{OF_MAIN} by hochberg"), 0),
}  # fmt: skip


class Tables(HTMLParser):
    """Rows of every table of a page as their texts, and all text."""

    def __init__(self):
        super().__init__()
        self.rows, self.text, self.row, self.hidden = [], [], None, 0

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in ("svg", "script", "style")
        if tag == "tr":
            self.row = []
        elif tag in ("td", "th") and self.row is not None:
            self.row.append("")

    def handle_endtag(self, tag):
        self.hidden -= tag in ("svg", "script", "style")
        if tag == "tr":
            self.rows.append(tuple(one.removesuffix("discovered").strip() for one in self.row))
            self.row = None

    def handle_data(self, data):
        if not self.hidden:
            self.text.append(data)
            if self.row:
                self.row[-1] += data


def table(study, lost, draw):
    """A table of all runs at their longest budget, of which a few broke off; the hosts differ in b."""
    names = tuple(study.factors)
    lines = [",".join(("seed", "host", "seconds", "status", "y", *names))]
    for stage_ in study.stages.values():
        for candidate in study.entrants[stage_.name].possible:
            levels = {name: float(level) for name, level in study.candidates[candidate].levels}
            for host, seed in stage_.cells:
                value = 3 * levels["a"] + levels["b"] * (2 if host == "desk" else -2) + levels["a"] * levels["b"]
                value += draw.gauss(0, 0.3) + stage_.budget.cap_s / 10
                broken = lost and draw.random() < 0.3
                lost -= bool(broken)
                said = (seed, host, stage_.budget.cap_s, "crash" if broken else "ok", "" if broken else f"{value:.3f}")
                lines.append(",".join(map(str, (*said, *(f"{levels[name]:g}" for name in names)))))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module", params=CASES)
def formats(request, tmp_path_factory):
    """What the four formats hold of the effects of a replayed study."""
    with pytest.MonkeyPatch.context() as patch:
        workplace = tmp_path_factory.mktemp("formats")
        patch.chdir(workplace)
        found = written(workplace, *CASES[request.param])
    needed = {
        "two hosts and two stages": "changes aliases hosts",
        "one run of each row": "contrasts",
        "the rest is listed": "rest aliases",
        "lost runs and centres": "curvature statements hosts",
        "hosts that run different rows": "blocks",
        "an array of two levels": "blocks terms",
        "an array": "terms steps aliases",
    }
    met = {key for fit in found[0]["fits"] for key in fit if fit[key]} | {key for key in found[0] if found[0][key]}
    assert {*needed[request.param].split()} <= met
    return found


def written(workplace, factors, design, stages, asked, lost):
    """A study, replayed and reported in every format."""
    text = HEAD.format(factors=factors + "\n" + design) + "\n" + stages + "\n" + asked
    (workplace / "trial.promo").write_text(text, encoding="utf-8")
    (workplace / "table.csv").write_text(table(study_of(text), lost, random.Random(7)), encoding="utf-8")
    columns = ("--column", "status=status")
    assert promo("replay", "trial.promo", "--curves", "table.csv", "--quiet", *columns) == 0
    for form in ("html", "md", "json", "csv"):
        assert promo("report", "trial.study", "--format", form) == 0
    folder = workplace / "trial.study"
    page = Tables()
    page.feed((folder / "report.html").read_text(encoding="utf-8"))
    rows = list(csv.DictReader((folder / "report.effects.csv").read_text(encoding="utf-8").splitlines()))
    view = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    view = {**view["effects"][0], "headline": view["answer"]["headline"]}
    return view, page, unescaped((folder / "report.md").read_text(encoding="utf-8")), rows


def unescaped(text):
    return html.unescape(re.sub(r"\\(.)", r"\1", text))


def rows_of(view):
    """Every row of a table that JSON has, with the place it stands in."""
    for fit in view["fits"]:
        for key in ("rows", "terms", "rest", "steps", "contrasts"):
            yield from (tuple(row) for row in fit[key])
    yield from map(tuple, view["changes"])


def sentences(view):
    """Every sentence that JSON has."""
    yield view["sentence"]
    for fit in view["fits"]:
        yield from (one for one in (fit["summary"], fit["verdict"], fit["blocks"], fit["curvature"]) if one)
        yield from fit["statements"]
        yield from fit["aliases"]
    yield from (*view["hosts"], *view["flips"], *view["ranks"])


def test_every_row_and_sentence_of_json_stands_in_html_and_markdown(formats):
    view, page, markdown, _ = formats
    words = " ".join("".join(page.text).split())
    told = " ".join(markdown.split())
    lines = {tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in markdown.splitlines()}

    assert set(rows_of(view)) <= set(page.rows)
    assert set(rows_of(view)) <= lines
    assert [one for one in sentences(view) if one not in words] == []
    assert [one for one in sentences(view) if one not in told] == []


def test_the_first_sentence_names_the_host_whose_rows_it_compares(formats):
    view, page, markdown, _ = formats
    split = view["fits"][0]["stage"].endswith(" together")

    assert "so no lead is tested" in view["headline"]
    assert (", of those that ran at s_rack on rack alone, " in view["headline"]) == split
    assert view["headline"] in " ".join("".join(page.text).split())
    assert view["headline"] in " ".join(markdown.split())


def of_csv(rows, kind, stage_):
    return [one for one in rows if one["kind"] == kind and one["stage"] == stage_]


def cell(text, show=figure, **how):
    return show(text or None, **how)


def test_csv_has_the_numbers_of_every_table(formats):
    view, _, _, rows = formats
    for fit in view["fits"]:
        hosts = fit["columns"][8:-3]
        own = {key: of_csv(rows, key, fit["stage"]) for key in ("on a host", "factor x host", "cells that agree")}
        for shown, one in zip(fit["rows"], of_csv(rows, "effect", fit["stage"]), strict=True):
            by_host = {each["host"]: each["value"] for each in own["on a host"] if each["effect"] == one["effect"]}
            differs = next((each for each in own["factor x host"] if each["effect"] == one["effect"]), {})
            agree = next((each for each in own["cells that agree"] if each["effect"] == one["effect"]), None)

            assert shown == [
                one["effect"],
                cell(one["value"], signed=True) if one["value"] else "not estimable",
                cell(one["error"]),
                cell(one["degrees"], plain),
                number(one["t"] or None, places=2),
                cell(one["p"], short),
                cell(one["adjusted_p"], short),
                interval(one["low"], one["high"]),
                *(cell(by_host.get(host), signed=True) for host in hosts),
                cell(differs.get("p"), short),
                cell(differs.get("adjusted_p"), short),
                f"{agree['value']} of {agree['runs']}" if agree else "–",
            ]
            assert (one["discovered"] == "yes") == (one["effect"] in fit["discovered"])
        for shown, one in zip(fit["rest"], of_csv(rows, "listed", fit["stage"]), strict=True):
            assert (shown[0], shown[1], shown[5]) == (
                one["effect"], cell(one["value"], signed=True), cell(one["p"], short)
            )  # fmt: skip
        terms, steps = of_csv(rows, "term", fit["stage"]), of_csv(rows, "step", fit["stage"])
        assert [(one["effect"], cell(one["p"], short)) for one in terms] == [(one[0], one[4]) for one in fit["terms"]]
        assert [cell(one["value"], signed=True) for one in steps] == [one[2] for one in fit["steps"]]
        drawn = of_csv(rows, "contrast", fit["stage"])
        assert [(one["effect"], cell(one["value"], signed=True)) for one in drawn] == [
            (one[0], one[1]) for one in fit["contrasts"]
        ]
    changes = [one for one in rows if one["kind"] == "change"]
    assert [
        (one["effect"], f"{one['before']}, {one['stage']}", cell(one["value"], signed=True)) for one in changes
    ] == [tuple(one[:3]) for one in view["changes"]]


def test_csv_has_the_sentences_the_errors_and_the_family(formats):
    view, _, _, rows = formats
    said = {one["words"] for one in rows} | {one["stands_for"] for one in rows}
    tables = [one for fit in view["fits"] for one in (fit["blocks"], fit["curvature"])]

    assert [one for one in sentences(view) if one not in said and one not in tables] == []
    assert len({(one["family"], one["procedure"], one["rate"]) for one in rows}) == 1
    procedure = {"holm": "(Holm)", "hochberg": "(Hochberg)", "benjamini_hochberg": "(Benjamini and Hochberg)"}
    assert f"{float(rows[0]['rate']) * 100:g}% {procedure[rows[0]['procedure']]}" in view["sentence"]
    for fit in view["fits"]:
        (error,) = of_csv(rows, "error", fit["stage"])
        assert f"{figure(error['value'])}" in fit["summary"]
        assert f"{plain(error['degrees'])} degree" in fit["summary"]
        if fit["blocks"]:
            (blocks,) = of_csv(rows, "blocks", fit["stage"])
            by = "t" if error["method"] == "lenth" else "F"
            size = float(blocks["f"]) if by == "F" else math.sqrt(float(blocks["f"]))
            assert f"{by} {size:.4g}" in fit["blocks"] or f"{by} {size:.2f}" in fit["blocks"]
        if fit["curvature"]:
            (bent,) = of_csv(rows, "curvature", fit["stage"])
            assert figure(bent["value"], signed=True) in fit["curvature"]
            assert f"{bent['runs']} runs" in fit["curvature"]


def test_a_discovery_is_said_of_the_hosts_that_tell_it_alone(workplace):
    """On rack every run with a high broke off, so that nothing there says anything of a."""
    text = (
        HEAD.format(factors=TWO + "\n" + CENTRED.replace(" centre 0", "")) + "\n" + stage("s", "desk, rack", "1, 2, 3")
    )
    text += "\n" + effects("s", "main", OF_MAIN)
    (workplace / "trial.promo").write_text(text, encoding="utf-8")
    lines = table(study_of(text), 0, random.Random(7)).splitlines()
    lines = [re.sub(r",ok,[^,]*", ",crash,", one) if re.search(",rack,.*,1(,-?1){3}$", one) else one for one in lines]
    (workplace / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert promo("replay", "trial.promo", "--curves", "table.csv", "--quiet", "--column", "status=status") == 0
    assert promo("report", "trial.study", "--format", "json") == 0
    view = json.loads((workplace / "trial.study" / "report.json").read_text(encoding="utf-8"))

    assert view["effects"][0]["hosts"] == [
        "What found discovered at s holds on host desk; it says nothing about other hosts."
    ]
