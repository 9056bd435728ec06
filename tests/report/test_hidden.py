"""Characters that steer or hide: in none of the outputs for people is one left, whatever a text from outside holds."""

import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from promo.templates import recheck
from rich.console import Console

from promo.base.classes import evolve
from promo.base.diagnostics import Diagnostic
from promo.base.source import Source, Span
from promo.base.visible import on_one_line, visible
from promo.cli.diagnostics import as_text
from promo.cli.drawing import as_shown
from promo.cli.terminal import expanded, put, styled
from promo.driver.report import record_of
from promo.driver.study import StudyFolder
from promo.report.beside import build_beside
from promo.report.canvas import document, svg, text, width_of
from promo.report.render import render_beside, render_csv, render_html, render_live, render_markdown, render_notice
from promo.report.view import build_view
from support import promo, spec

TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
STEERING = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), *"\u061c\u200b\u200e\u200f\u2028\u2029\ufeff\ud800"]
STEERING += [chr(code) for code in range(0x2020, 0x2070) if unicodedata.bidirectional(chr(code)) in TURNING]
FROM_OUTSIDE = st.lists(st.one_of(st.sampled_from(STEERING), st.characters()), max_size=30).map("".join)
LETTERS = st.text(st.characters(categories=["L", "M", "N", "P", "S"], exclude_characters="\ufffd"))


def hidden(shown: str) -> set[str]:
    """By Unicode's own tables: what steers, ends lines or turns them, but for tabs and ordinary ends of lines."""
    bad = (one for one in shown if unicodedata.category(one) in ("Cc", "Zl", "Zp", "Cs"))
    turned = (
        one for one in shown if unicodedata.bidirectional(one) in TURNING or one in "\u061c\u200e\u200f\u200b\ufeff"
    )
    return {*bad, *turned} - {"\n", "\t"}


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    place = tmp_path_factory.mktemp("plain") / "trial.promo"
    host = 'host box {\n  device "cpu" on any\n  slots 1\n  executor inline\n}'
    place.write_text(spec(host=host), encoding="utf-8")
    assert promo("run", place, "--quiet") == 0
    return record_of(StudyFolder(place.with_suffix(".study")))


@pytest.fixture(scope="module")
def view(record):
    return build_view(record)


@given(FROM_OUTSIDE)
def test_the_function_leaves_none_and_changes_nothing_else(outside):
    shown = visible(outside)

    assert hidden(shown) == set()
    assert "\n" not in on_one_line(outside)
    assert visible(shown) == shown


@given(LETTERS)
def test_scripts_stay_as_they_are(words):
    assert visible(words) == words
    assert visible("नमस्\u200d\u200cते\n\t") == "नमस्\u200d\u200cते\n\t"


@given(FROM_OUTSIDE)
def test_a_terminal_gets_none(outside):
    plain, coloured = io.StringIO(), io.StringIO()
    put(f"it is called {outside}", plain)
    Console(file=coloured, width=200, force_terminal=False).print(as_shown(outside))

    assert hidden(plain.getvalue()) == set()
    assert hidden(coloured.getvalue()) == set()
    assert hidden(expanded(outside)) == set()
    assert styled(outside, "error", colour=True).count("\x1b") in (0, 2)


@given(FROM_OUTSIDE)
def test_a_diagnostic_has_none(outside):
    source = Source(f"{outside}.promo", f"study {outside}\n")
    found = Diagnostic("P0201", outside, Span(source, 0, 5), outside, notes=(outside,))

    assert hidden(as_text(found, colour=False)) == set()


@given(FROM_OUTSIDE)
def test_a_table_has_none(outside):
    assert hidden(render_csv((outside, "b"), [(outside, f"x{outside}")]).replace("\r\n", "\n")) == set()


@given(FROM_OUTSIDE)
def test_a_picture_has_none_and_room_for_what_it_says(outside):
    drawn = text((0, 0), outside)

    assert hidden(drawn + svg((10, 10), outside, drawn) + document((10, 10), outside, outside, drawn)) == set()
    assert width_of(outside) == width_of(on_one_line(outside))


@settings(max_examples=15, deadline=None)
@given(FROM_OUTSIDE)
def test_a_report_and_every_other_page_have_none(view, outside):
    gates = tuple(evolve(one, sentence=outside) for one in view.gates)
    runs = evolve(view.runs, rows=tuple(evolve(one, cause=outside) for one in view.runs.rows))
    facts = ((outside, outside),)
    told = evolve(view, title=outside, documentation=outside, notes=(outside,), gates=gates, runs=runs, facts=facts)
    pages = [render_html(told), render_markdown(told), render_notice(outside, outside, 3)]
    pages += [render_live(outside, [outside], "1", going=True, refresh_s=1)]

    for page in pages:
        assert hidden(page) == set()


def test_two_studies_beside_each_other_have_none(record):
    beside = build_beside(evolve(record, study=evolve(record.study, title="a\u202eb\x1b[2J")), record)

    assert hidden(render_beside(beside)) == set()


@given(FROM_OUTSIDE)
def test_the_second_verifier_says_none(outside):
    assert hidden(recheck.printable(outside)) == set()
