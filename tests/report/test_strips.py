"""Strip plots and gain plots: any finite numbers are whole, and what decides is in them."""

import os
import re
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import studies
from promo.base.classes import evolve
from promo.driver.report import record_of
from promo.driver.study import StudyFolder
from promo.report.canvas import WIDTH, width_of, wrapped
from promo.report.strips import MOST_MARKS, Bounds, Cut, Strip, Strips, sampled, strips_svg
from promo.report.view import build_view
from whole import FINITE, NAME, NAMES, whole

LARGEST = Fraction(sys.float_info.max)
NUMBERS = FINITE.map(Fraction)
END = st.none() | NUMBERS
BOUNDS = st.none() | st.builds(Bounds, END, END)
STRIPS = st.builds(
    Strip,
    candidate=st.integers(0, 4),
    name=NAME,
    beside=NAME,
    values=st.lists(st.tuples(st.integers(0, 2), NUMBERS), max_size=8).map(tuple),
    figure=END,
    reach=BOUNDS,
    asked=BOUNDS,
    said=st.lists(NAME, min_size=1, max_size=3).map(tuple),
    kept=st.booleans(),
)


def strip(candidate, *values, figure=None, kept=True, said=("said",), **more):
    parts = {"reach": None, "asked": None, **more}
    return Strip(
        candidate,
        NAMES[candidate],
        "",
        tuple((0, Fraction(one)) for one in values),
        figure,
        said=said,
        kept=kept,
        **parts,
    )


@settings(deadline=None, max_examples=40)
@given(
    st.lists(STRIPS, max_size=6).map(tuple),
    st.sampled_from([(), ("box",), ("box", "den", "far")]),
    st.none() | st.builds(Cut, NUMBERS, NAME),
    st.booleans(),
    NAME,
)
@example((strip(0, LARGEST, -LARGEST, figure=Fraction(0)),), ("box",), Cut(LARGEST, "cut"), True, "x")
@example((strip(0, Fraction(5e-324), figure=Fraction(5e-324)), strip(1, LARGEST, kept=False)), (), None, False, "x")
def test_strips_of_any_finite_numbers_are_whole(rows, hosts, cut, zero, label):
    strips = Strips(rows, hosts, label, "mean", "interval", cut, zero)
    svg, beyond = strips_svg(strips, "What it shows", NAMES)
    picture = whole(svg)

    assert beyond <= sum(len(row.values) for row in rows)
    assert {re.sub(r"\s+", " ", said) for row in rows for said in row.said} <= {
        re.sub(r"\s+", " ", word) for word in picture.words
    } or any(not said.isprintable() for row in rows for said in row.said)


def test_a_far_value_stands_at_the_edge_and_leaves_the_axis_to_what_decides():
    rows = (strip(0, 1, figure=Fraction(1)), strip(1, 2, figure=Fraction(2), kept=False), strip(2, 10**300, kept=False))
    svg, beyond = strips_svg(Strips(rows, ("box",), "loss", "mean", "", Cut(Fraction(3, 2), "cut")), "w", NAMES)
    near, far = (float(re.findall(rf'class="c{one} cell" d="M([\d.]+)', svg)[0]) for one in (0, 1))

    assert beyond == 1
    assert far - near > 100


def test_where_seeds_differ_by_more_than_candidates_do_all_of_both_are_on_the_axis():
    means = (Fraction(31732, 10**4), Fraction(31750, 10**4), Fraction(31879, 10**4), Fraction(32059, 10**4))
    seeds = [tuple((0, mean + Fraction(off, 1000)) for off in (-9, 1, 8)) for mean in means]
    rows = tuple(
        evolve(strip(place, 1, figure=mean, kept=not place), values=own)
        for place, (mean, own) in enumerate(zip(means, seeds, strict=True))
    )
    _, beyond = strips_svg(Strips(rows, ("box",), "loss", "mean", "", Cut(Fraction(31741, 10**4), "cut")), "w", NAMES)

    assert beyond == 0


def test_of_many_values_those_at_even_ranks_are_drawn_with_both_ends():
    values = [Fraction(one) for one in range(1000)]
    drawn = sampled(reversed(values), MOST_MARKS)

    assert len(drawn) == MOST_MARKS
    assert (drawn[0], drawn[-1]) == (0, 999)
    assert drawn == sorted(drawn)
    assert sampled([Fraction(2), Fraction(1)], MOST_MARKS) == [1, 2]


@given(st.text("abc ", max_size=80), st.floats(20, 200))
def test_wrapped_words_keep_their_order_and_no_line_of_several_is_too_wide(words, wide):
    lines = wrapped(words, wide)

    assert " ".join(lines) == " ".join(words.split())
    assert all(width_of(line) <= wide for line in lines if " " in line)


# --- of real studies ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    """The report of a study with gates and rules of many kinds."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("strips"))
    try:
        studies.rich()
        yield build_view(record_of(StudyFolder(Path("trial.study").absolute())))
    finally:
        os.chdir(before)


def cells(svg, colour):
    return sum(path.count("M") for path in re.findall(rf'class="c{colour} cell" d="([^"]*)"', svg))


def test_every_seed_and_host_before_a_gate_is_a_mark_and_who_went_on_is_said(view):
    (gate,) = view.gates

    for standing in gate.standings:
        assert cells(gate.picture.svg, standing.colour) == len(standing.cells) == 4
        assert f">{standing.statistic} {standing.verdict}<" in gate.picture.svg
    assert ">a seed on box<" in gate.picture.svg
    assert ">a seed on den<" in gate.picture.svg
    assert ">drawn from the dropped<" in gate.picture.svg


def test_a_rule_is_drawn_with_its_cells_its_interval_and_its_bound(view):
    gaps, gains = sorted(view.rules, key=lambda group: group.side, reverse=True)

    for group in (gaps, gains):
        for rule in group.rules:
            assert f">{rule.name}<" in group.picture.svg or rule.name == "stable"  # an agreement has no difference
    assert group.picture.svg.count('class="zone"') == 4
    assert ">the test&#x27;s interval<" in gaps.picture.svg
    assert "gap in pt: left of 0 is better than base" in gaps.picture.svg
    assert "gain in pt: right of 0 is better than base" in gains.picture.svg
    assert "shaded area" in gaps.picture.caption


def test_what_changed_stands_below_a_name_and_in_the_words_of_every_picture(view):
    (gate,) = view.gates

    assert ">quality 4<" in gate.picture.svg
    assert "poor (quality 4)" in gate.picture.svg
    assert ">quality 4<" in view.ladder.picture
    assert "poor (quality 4)" in view.ladder.picture


def test_a_picture_is_long_only_where_it_is_wider_than_others():
    """Its parts may add up to the least bit more than the width that they share."""
    for letters in range(1, 60):
        row = evolve(strip(0, 1, 2), name="n" * letters)
        picture, _ = strips_svg(Strips((row,), ("box",), "loss", "mean", ""), "words", NAMES)
        wide = int(re.search(r'viewBox="0 0 (\d+) ', picture)[1])

        assert (" long" in picture.partition(">")[0]) is (wide > WIDTH)
