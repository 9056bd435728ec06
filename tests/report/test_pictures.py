"""Pictures: whatever finite numbers they get, nothing in them is cut off, and the same input is the same bytes."""

import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promo.base.classes import evolve
from promo.base.floats import nearest
from promo.base.resources import template_folder
from promo.report.axes import Plot
from promo.report.canvas import (
    CROSS,
    FONT,
    LEAST_PT,
    LEAST_PX,
    SHAPES,
    WIDTH,
    Look,
    document,
    legend,
    marks_svg,
    text,
    width_of,
)
from promo.report.curves import MOST_MARKS
from promo.report.flows import BROKEN, Rung, ladder_svgs, ranks_svg
from promo.report.pictures import (
    ENDS,
    KINDS,
    MARKED,
    Bar,
    Contrast,
    Course,
    Curve,
    Margins,
    Panel,
    Trend,
    Trends,
    Turning,
    courses_svg,
    curves_svg,
    effects_svg,
    half_normal_svg,
    trends_drawn,
    trends_svg,
)
from promo.report.scales import linear
from whole import FINITE, NAME, NAMES, Picture, whole

LARGEST = sys.float_info.max
POSITIVE = st.floats(min_value=5e-324, max_value=LARGEST)
SIZE = st.floats(min_value=0.0, max_value=LARGEST)
POINTS = st.lists(st.tuples(POSITIVE, FINITE), max_size=12).map(tuple)
CURVES = st.lists(st.builds(Curve, st.integers(0, 4), POINTS), max_size=6).map(tuple)
INTERVAL = st.none() | st.tuples(FINITE, FINITE).map(lambda ends: (min(ends), max(ends)))
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


# --- any finite numbers ---------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(CURVES, max_size=5), NAME, NAME)
@example([(Curve(0, ((5e-324, -LARGEST), (LARGEST, LARGEST))),)], "x", "y")
@example([(Curve(0, ((1.0, LARGEST), (1.5, 5e-324), (2.0, -LARGEST))),)], "x", "y")
@example([(Curve(0, ((1.0, 2.0),)),)], "x", "y")
@example([(Curve(0, ((1e-10, 1e-10), (1e10, 1e12))),)], "x", "y")
@example([(Curve(0, ((5.9999, 1.0),)), Curve(0, ((10.0, 1.0),)))], "x", "y")
def test_curves_of_any_finite_numbers_are_whole(hosts, x_label, y_label):
    panels = [Panel(f"host {number}", curves) for number, curves in enumerate(hosts)]
    picture = whole(curves_svg(panels, x_label, y_label, "What it shows", NAMES))

    points = [(curve.candidate, x) for curves in hosts for curve in curves for x, _ in curve.points]
    end = max((x for _, x in points), default=0.0) * ENDS
    enlarged = any(x < end for _, x in points)
    for candidate in range(5):
        own = [x for one, x in points if one == candidate]
        expected = len(own) + enlarged * sum(x >= end for x in own)
        assert len(picture.marks(candidate)) == expected  # none is left out


def test_of_long_lines_the_last_point_is_marked_in_the_whole_and_in_the_enlarged_end():
    line = tuple((step + 1.0, 9.0 / (step + 1)) for step in range(2 * MARKED))
    picture = whole(curves_svg([Panel("box", (Curve(0, line),))], "x", "y", "What it shows", NAMES))

    assert len(picture.marks(0)) == 2
    assert "the end enlarged" in picture.words


COURSE = st.builds(Course, st.integers(0, 4), POINTS, POINTS, st.lists(POINTS, max_size=3).map(tuple))
TURNING = st.builds(
    lambda name, ends: Turning(name, *(sorted(ends)[place] for place in (1, 0, 2))), NAME, st.tuples(*[POSITIVE] * 3)
)
FAR = ((5e-324, -LARGEST), (LARGEST, LARGEST))


@settings(deadline=None)
@given(st.lists(COURSE, max_size=5), st.lists(TURNING, max_size=3), NAME, NAME)
@example([Course(0, FAR, FAR, (FAR,))], [Turning("a to b", 1.0, 5e-324, LARGEST)], "x", "y")
@example([Course(0, (), (), (FAR,))], [Turning("a to b", 1.0, 1.0, 1.0)], "x", "y")
@example([Course(0, ((1.0, 2.0),), ((1.0, 2.0),), ())], [], "x", "y")
@example([], [Turning(f"of {'two' * 9}\nlines", 1.0, 1.0, 2.0)], "x", "y")
@example([], [Turning("w" * 120, 1.0, 1.0, 2.0)], "x", "y")
def test_loss_against_compute_of_any_finite_numbers_is_whole(courses, turnings, x_label, y_label):
    picture = whole(courses_svg(courses, turnings, x_label, y_label, "What it shows", NAMES))

    for candidate in range(5):
        expected = sum(len(one.ends) for one in courses if one.candidate == candidate)
        assert len(picture.marks(candidate)) == expected  # none is left out
    bands = [one for one in picture.root.iter() if one.get("class") == "span"]
    assert len(bands) == len(turnings)


@settings(deadline=None)
@given(st.lists(st.builds(Bar, NAME, FINITE, INTERVAL, st.booleans(), NAME), max_size=12), NAME)
@example([Bar("a", -LARGEST, (-LARGEST, LARGEST)), Bar("b", 5e-324, None)], "x")
@example([Bar("a", 0.0, (0.0, 0.0))], "x")
def test_effects_of_any_finite_numbers_are_whole(bars, label):
    picture = whole(effects_svg(bars, label, "What it shows"))

    assert sum(map(len, map(picture.marks, (0, 1, 6)))) == len(bars) + len({bar.look for bar in bars})
    assert {name for look, name in KINDS.items() if any(bar.look == look for bar in bars)} <= set(picture.words)


@settings(deadline=None)
@given(st.lists(st.builds(Contrast, NAME, SIZE, st.booleans()), min_size=1, max_size=12), SIZE, SIZE)
@example([Contrast("a", 5e-324, False), Contrast("b", LARGEST, True)], LARGEST, LARGEST)
@example([Contrast("a", 0.0, False)], 0.0, 0.0)
def test_half_normal_plots_of_any_finite_numbers_are_whole(sizes, pse, margin):
    sizes = sorted(sizes, key=lambda one: one.size)
    quantiles = [(number + 0.5) / len(sizes) * 3 for number in range(len(sizes))]
    picture = whole(half_normal_svg(sizes, quantiles, Margins(pse, margin / 2, margin), "size", "What it shows"))

    found = sum(one.discovered for one in sizes)
    assert (len(picture.marks(0)), len(picture.marks(1))) == (len(sizes) - found + 1, found + 1)
    keys = {"not discovered", "discovered", "Lenth's pseudo standard error", "margin of one contrast"}
    assert keys | {"margin of all at once"} <= set(picture.words)


@settings(deadline=None)
@given(
    st.lists(NAME, min_size=1, max_size=6),
    st.lists(st.lists(st.tuples(FINITE, INTERVAL), max_size=6), max_size=5),
    NAME,
)
def test_trends_of_any_finite_numbers_are_whole(stages, lines, counts):
    trends = tuple(
        Trend(f"line {number} {counts}", tuple((at, *point) for at, point in enumerate(line[: len(stages)])))
        for number, line in enumerate(lines)
    )
    picture = whole(trends_svg(Trends(counts, tuple(stages), trends), "What it shows"))

    named = [one.partition(" ")[2][:1] for one in picture.words if one.startswith("line ")]
    assert {str(number) for number in range(len(lines))} <= set(named)


@settings(deadline=None)
@given(
    st.lists(st.text("abc_ w\n", min_size=1, max_size=30), min_size=1, max_size=6),
    st.lists(
        st.tuples(st.integers(0, 4), st.lists(st.none() | st.integers(1, 3000), min_size=6, max_size=6)), max_size=5
    ),
)
def test_ranks_of_any_height_are_whole(stages, lines):
    lines = list({candidate: (candidate, ranks[: len(stages)]) for candidate, ranks in lines}.values())
    picture = whole(ranks_svg(stages, lines, NAMES, "What it shows"))

    ranked = {NAMES[candidate] for candidate, ranks in lines if any(ranks)}
    assert ranked <= set(picture.words)


RUNG = st.builds(
    Rung,
    title=st.text("abc_", max_size=50),
    subtitle=st.text("abc 1\n", max_size=50),
    order=st.lists(st.integers(0, 4), unique=True).map(tuple),
    values=st.just(()),
    more=st.integers(0, 10**6),
    goes_on=st.frozensets(st.integers(0, 4)),
    decided=st.booleans(),
    target=st.none() | st.integers(0, 7),
    weight=st.floats(0, 1),
).map(lambda rung: evolve(rung, values=tuple(f"{one}.7591" for one in rung.order)))
CHANGED = ["", "depth 1, aspect 64", "<b>", "total_batch 524288, matrix_lr 0.02, 2 more", ""]


@settings(deadline=None)
@given(st.lists(RUNG, max_size=8))
def test_ladders_of_any_shape_are_whole_and_no_wider_than_their_widest_stage(rungs):
    rungs = [evolve(rung, target=later(at, rung.target, rungs)) for at, rung in enumerate(rungs)]
    drawn = ladder_svgs(rungs, NAMES, CHANGED, "What it shows")
    labels = ["What it shows", *["The ladder, continued from stage"] * len(drawn)]
    pictures = [whole(one, label) for one, label in zip(drawn, labels, strict=False)]

    words = [word for picture in pictures for word in picture.words]
    assert sum(words.count(name) for name in NAMES) == sum(len(rung.order) for rung in rungs)
    assert all(picture.right <= max(WIDTH, 2 * 50 * FONT * 1.15) for picture in pictures)


def test_a_band_to_another_picture_has_an_end_in_each():
    wide = "s" * 40
    rungs = [
        Rung(f"{wide}_{at}", "s", (0, 1), ("1", "2"), 0, frozenset({0}), True, at + 1 if at < 5 else None, 0.5)
        for at in range(6)
    ]
    pictures = ladder_svgs(rungs, NAMES, CHANGED, "What it shows")

    assert len(pictures) > 1
    assert sum(one.count('band"') for one in pictures) == 5 + len(pictures) - 1
    assert [one.count(f'{BROKEN}"') for one in pictures] == [1, *[2] * (len(pictures) - 2), 1]
    assert BROKEN not in "".join(
        ladder_svgs([evolve(rungs[0], title="s"), evolve(rungs[1], title="t", target=None)], NAMES, CHANGED, "It")
    )


def test_chains_that_no_gate_joins_stand_in_pictures_of_their_own():
    rungs = [
        Rung(name, "s", (0, 1), ("1", "2"), 0, frozenset({0}), True, target, 0.5)
        for name, target in (("early", 1), ("after_early", None), ("late", 3), ("after_late", None))
    ]
    pictures = [whole(one, "") for one in ladder_svgs(rungs, NAMES, CHANGED, "")]

    assert [{"early", "late", "after_early", "after_late"} & {*one.words} for one in pictures] == [
        {"early", "after_early"},
        {"late", "after_late"},
    ]


def later(at, target, rungs):
    """A rung leads to a later one or to none."""
    return target if target is not None and at < target < len(rungs) else None


@given(POINTS, POINTS)
@example(((1.0, LARGEST), (2.0, -LARGEST)), ((1.0, 1.0), (2.0, 2.0)))
def test_a_line_stays_inside_of_its_plot(line, axis):
    plot = Plot(40.0, 10.0, 300.0, 200.0, linear([x for x, _ in axis]), linear([y for _, y in axis]))
    numbers = [float(number) for number in NUMBER.findall(plot.line(line))]

    assert all(plot.left - 0.05 <= x <= plot.right + 0.05 for x in numbers[::2])
    assert all(plot.top - 0.05 <= y <= plot.bottom + 0.05 for y in numbers[1::2])


def test_a_line_ends_where_it_leaves_its_plot():
    plot = Plot(0.0, 0.0, 100.0, 100.0, linear([0.0, 1.0], below=Fraction(0), above=Fraction(0)), linear([0.0, 1.0]))
    plot = Plot(0.0, 0.0, 100.0, 100.0, plot.x, plot.x)

    assert plot.line([(0.0, 0.0), (1.0, 2.0)]) == "M0.0 100.0L50.0 0.0"
    assert plot.line([(0.0, 2.0), (0.5, 0.5), (1.0, -0.5)]) == "M33.3 0.0L50.0 50.0 75.0 100.0"
    assert plot.line([(0.0, 1.5), (1.0, 1.6)]) == ""
    assert plot.line([(0.0, 0.0), (0.0, 2.0), (1.0, 2.0), (1.0, 0.0)]) == "M0.0 100.0L0.0 0.0 M100.0 0.0L100.0 100.0"


def test_ten_thousand_marks_are_one_path_a_candidate_and_small():
    curves = tuple(
        Curve(number, tuple((step + 1.0, 3.0 + number / (step + 1)) for step in range(MOST_MARKS // 16)))
        for number in range(16)
    )
    picture = curves_svg(
        [Panel("box", curves)], "step", "loss", "What it shows", [f"c{number}" for number in range(16)]
    )

    assert sum(len(NUMBER.findall(path)) > 700 for path in Picture(picture).paths) == 16
    assert len(picture) < 64 * MOST_MARKS


def test_numbers_beyond_floats_are_drawn_where_floats_end():
    assert (nearest("1e400"), nearest("-1e400"), nearest("0.5")) == (LARGEST, -LARGEST, 0.5)


# --- what every picture keeps ---------------------------------------------------------------------------------------


def sweep(number):
    """Some picture, the same for the same number."""
    trend = Trend("line", tuple((at, math.sin(number + at), (-1.5, 1.5)) for at in range(4)))
    return trends_drawn([Trends("what", ("a", "b\nb", "c", "d"), (trend, trend))])


def test_the_same_input_is_the_same_bytes_in_another_process():
    code = (
        "from promo.report.pictures import *; from promo.report.flows import *\n"
        "curves = tuple(Curve(one, ((1.0, 2.0 + one), (2.0, 1.1))) for one in range(9))\n"
        "names = [f'c{one}' for one in range(9)]\n"
        "print(curves_svg([Panel('a', curves), Panel('b', curves)], 'x', 'y', 'w', names))\n"
        "print(*ladder_svgs([Rung('a', 's', (0, 1, 2), ('1', '2', '3'), 0, frozenset({0, 2}), True, 1, 0.5),"
        " Rung('b', 's', (2, 0), ('1', '2'), 0, frozenset(), False, None, 0.5)], names, names, 'w'))\n"
        "print(effects_svg([Bar('a', 1.0, (0.5, 1.5)), Bar('b', 1.0, None), Bar('c', 0.0, (-1.0, 1.0))], 'x', 'w'))\n"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(seen) == 1


def test_a_legend_wraps_and_says_how_high_it_is():
    entries = [(Look(number % 8, None, ""), f"name {number}") for number in range(20)]
    drawn, high = legend(entries, (0, 0), 400)
    rows = {float(y) for y in re.findall(r'<text x="[\d.]+" y="([\d.]+)"', drawn)}

    assert len(rows) > 3
    assert high == 20.0 * len(rows)
    assert all(f"name {number}<" in drawn for number in range(20))


def test_no_text_can_fall_below_the_least_size():
    size, drawn = sweep(1)
    page = (template_folder() / "report.css").read_text(encoding="utf-8")
    (least,) = re.findall(r"min-width: calc\(var\(--wide\) \* ([\d.]+)px\)", page)
    (printed,) = re.findall(r" width: calc\(var\(--wide\) \* ([\d.]+)px\)", page)
    style = (template_folder() / "picture.css").read_text(encoding="utf-8")

    assert f"--wide:{WIDTH:.0f}" in trends_svg(Trends("what", ("a",), ()), "w")
    assert FONT * float(least) >= LEAST_PX - 0.01
    assert FONT * float(printed) * 0.75 >= LEAST_PT
    assert re.findall(r"font-size: (\d+)px", style) == [f"{FONT:.0f}"]
    assert "font-size" not in drawn
    assert size[0] == WIDTH


def test_texts_are_escaped_and_what_cannot_be_shown_is_marked():
    shown = text((0, 0), "<b>&\x00\u202e")

    assert ">&lt;b&gt;&amp;[U+0000][U+202E]</text>" in shown


def contrast(one, other):
    """Contrast of two colours (WCAG 2.2, definition of contrast ratio)."""

    def light(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True)) + 0.05

    return max(light(one), light(other)) / min(light(one), light(other))


def test_every_colour_stands_out_from_light_and_from_dark_paper():
    picture, page = ((template_folder() / name).read_text(encoding="utf-8") for name in ("picture.css", "report.css"))
    papers = re.findall(r"--paper: (#[0-9a-f]{6})", page)
    colours = [re.findall(r"\.c\d \{ color: (#[0-9a-f]{6})", part) for part in picture.split("@media")[:2]]

    assert [len(part) for part in colours] == [8, 8]
    for paper, part in zip(papers, colours, strict=True):
        assert min(contrast(paper, colour) for colour in part) >= 3  # WCAG 2.2, 1.4.11: of graphical objects


def test_a_picture_that_is_a_file_has_a_title_words_and_its_style():
    size, drawn = sweep(2)
    root = ET.fromstring(document(size, "A <title>", "Its words", drawn).encode())
    parts = {one.tag.partition("}")[2]: one.text for one in root}

    assert parts["title"] == "A <title>"
    assert parts["desc"] == "Its words"
    assert ".c0 { color:" in parts["style"]
    assert root.get("role") == "img"


def test_candidates_look_alike_in_no_two_of_what_distinguishes_them():
    symbols = re.findall(r"<symbol.*?</symbol>", marks_svg(range(64)))
    looks = {re.sub(r' id="[^"]*"', "", symbol) for symbol in symbols}

    assert len(looks) == len(symbols) == 64


def corners(path):
    """Where a path turns, and its middle: a mark of straight lines as a polygon around (0, 0)."""
    start, *rest = re.split(r"(?=[lhvz])", path)
    x, y = map(float, NUMBER.findall(start))
    found = [(x, y)]
    for part in rest:
        steps = [float(one) for one in NUMBER.findall(part)]
        x += 0.0 if part[0] == "v" else sum(steps[:1])
        y += steps[0] if part[0] == "v" else sum(steps[1:])
        found.append((x, y))
    return found


def covers(polygon, x, y):
    """Whether a polygon has a place inside: an odd number of its sides lie to the right."""
    sides = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    crossed = [(a, b) for a, b in sides if (a[1] > y) != (b[1] > y)]
    return sum(x < a[0] + (y - a[1]) * (b[0] - a[0]) / (b[1] - a[1]) for a, b in crossed) % 2 == 1


def test_no_mark_of_a_candidate_is_the_cross_of_who_is_dropped():
    """A cross reaches into the corners and leaves the middle of each side free; `is_cross` sees one that is filled."""

    def is_cross(polygon):
        sides = [covers(polygon, x, y) for x, y in ((-3, 0), (3, 0), (0, -3), (0, 3))]
        return all(covers(polygon, x, y) for x in (-2.6, 2.6) for y in (-2.6, 2.6)) and not any(sides)

    filled = "0-2.1l2.4-2.4l2.1 2.1l-2.4 2.4l2.4 2.4l-2.1 2.1l-2.4-2.4l-2.4 2.4l-2.1-2.1l2.4-2.4l-2.4-2.4l2.1-2.1z"

    assert is_cross(corners(filled))
    assert [shape for shape in SHAPES[1:] if is_cross(corners(shape))] == []
    assert CROSS not in SHAPES
    assert len({*SHAPES}) == len(SHAPES)


@pytest.mark.parametrize("wide", ["w" * 30, "m_1" * 10, "Ünïcödé", "実験", "10⁻³²⁴"])
def test_a_long_text_is_taken_to_be_long(wide):
    assert width_of(wide) >= 0.4 * FONT * len(wide)
    assert width_of(wide, bold=True) > width_of(wide)
