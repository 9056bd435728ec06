"""Ways to grow judged by where they ended, against cases worked by hand, and what is said of a whole study."""

import re
from fractions import Fraction

import pytest

from promo.base.classes import evolve
from promo.driver.report import record_of
from promo.driver.study import StudyFolder
from promo.report.growth import growth_in_short, growth_of
from promo.report.landscape import Look, judged, landscape_lines, landscape_view
from promo.report.render import render_html, render_markdown
from promo.report.view import build_view
from steady import carried_out, score
from studies import made

ENDS = {"identity": (9, 9), "block": (5, 6), "interleave": (4, 5), "top": (6, 8)}
AT_ONCE = {"identity": (1, 1), "block": (2, 2), "interleave": (3, 3), "top": (9, 4)}
LATER = {"identity": (6, 6), "block": (5, 5), "interleave": (4, 4), "top": (5, 5)}


def table(values):
    return {
        name: {("box", seed): Fraction(value) for seed, value in enumerate(cells)} for name, cells in values.items()
    }


def looks(*, lower_is_better=True, tried=4):
    given = [Look(0, table(AT_ONCE)), Look(40, table(LATER))]
    return judged(given, table(ENDS), tried, lower_is_better=lower_is_better)


def test_each_look_is_judged_by_the_end():
    # Means at the end: interleave 4.5, block 5.5, top 7, identity 9: ranks 1, 2, 3, 4.
    # At once: identity, block, interleave, top, whose ranks at the end are 4, 2, 1, 3.
    # Squares of differences of ranks: 9 + 0 + 4 + 1 = 14; 1 - 6 * 14 / (4 * 15) = -0.4.
    # Of six pairs (interleave, top) and (block, top) agree and four do not: (2 - 4) / 6.
    first, _ = looks()

    assert first.ranks == {"identity": 1, "block": 2, "interleave": 3, "top": 4}
    assert (first.first, first.regret, first.extra) == ("identity", Fraction(9, 2), 0)
    assert first.rho == pytest.approx(-0.4)
    assert first.tau == pytest.approx(-1 / 3)


def test_equal_ways_share_the_middle_of_their_ranks():
    # Ranks 4, 2.5, 1, 2.5 against 4, 2, 1, 3; less 2.5: products 2.25 + 0 + 2.25 + 0 = 4.5; squares 4.5 and 5.
    # Pairs: 5 agree, 1 is tied at the look: tau-b 5 / sqrt(5 * 6).
    _, second = looks()

    assert (second.first, second.regret, second.extra) == ("interleave", 0, 3 * 40)
    assert second.rho == pytest.approx(4.5 / (4.5 * 5) ** 0.5)
    assert second.tau == pytest.approx(5 / 30**0.5)


def test_cells_are_judged_one_by_one():
    # In the first cell the ends 9, 5, 4, 6 have ranks 4, 2, 1, 3 and the look 1, 2, 3, 9 has 1, 2, 3, 4: -0.4 again.
    # In the second the ends 9, 6, 5, 8 have 4, 2, 1, 3 and the look 1, 2, 3, 4 the same.
    assert looks()[0].by_cell == (pytest.approx(-0.4), pytest.approx(-0.4))


def test_where_higher_is_better_another_way_leads_and_the_coefficients_stay():
    first, _ = looks(lower_is_better=False)

    assert first.first == "top"
    assert first.regret == 2  # 9 less 7
    assert first.rho == pytest.approx(-0.4)


def test_a_look_at_which_all_are_equal_agrees_with_nothing():
    equal = dict.fromkeys(ENDS, (1, 1))
    (found,) = judged([Look(0, table(equal))], table(ENDS), 4, lower_is_better=True)

    assert (found.rho, found.tau, found.by_cell) == (None, None, (None, None))


def test_ways_that_came_to_no_end_cost_their_steps_too():
    assert looks(tried=6)[1].extra == 5 * 40


# --- a whole study -------------------------------------------------------------------------------------------

LAG = {"identity": 2.737, "copy_block": 2.739, "interleave": 2.747, "copy_top": 2.762}
END = {"identity": 2.22, "copy_block": 2.19, "interleave": 2.1875, "copy_top": 2.188}


def told(tmp_path, monkeypatch, lag, end=END):
    """grow_small with these values after the lag, and others after it."""

    def scoring(request):
        way = next((one for one in LAG if request.run.candidate == f"taller_{one}"), None)
        if way is None:
            return score(request)
        return (lag if request.run.stage == "taller" else end)[way] + request.run.seed / 1000

    monkeypatch.setattr("steady.share", lambda *parts: 0.5)  # no run is unlucky
    record = record_of(carried_out("grow_small", tmp_path, monkeypatch, scoring))
    grow = record.study.grows["taller"]
    return record, grow, list(landscape_lines(record, grow, record.state.promoted("taller")[0]))


def test_a_wrong_choice_is_said_to_be_wrong_and_by_how_much(tmp_path, monkeypatch):
    record, grow, lines = told(tmp_path, monkeypatch, LAG)

    assert lines[0] == (
        "The choice after the lag was not right: at the end of children, identity ranks 4 of 4; interleave is 0.0325 "
        "bpb better on the mean, and better in 3 of 3 cells. That is not less than the largest range over the cells of "
        "one way (0.0020 bpb)."
    )
    assert lines[1] == "The lag changed nothing: identity was the best after 1 step as well."
    assert lines[2].startswith("Choosing after 160 steps cost 480 steps in each cell")
    view = landscape_view(record, grow)
    assert view.columns == ("way", "after 1 step", "after 2 steps", "after 160 steps", "at the end")
    assert view.rows[0] == ("interleave", "3 (3.2490)", "3 (2.9990)", "3 (2.7490)", "1 (2.1895)")
    # Ranks 1, 2, 3, 4 against 4, 3, 1, 2: 1 - 6 * (9 + 1 + 4 + 4) / 60, and one pair of six agrees.
    assert view.agreement[2] == (
        "after 160 steps",
        "identity",
        "-0.80",
        "-0.80, -0.80, -0.80",
        "-0.67",
        "0.0325",
        "480",
    )

    # Before the ways have come to their end nothing is said to be right or wrong.
    early = {name: one for name, one in record.evidence.items() if name != "children"}
    record = evolve(record, evidence=early)

    (line,) = landscape_lines(record, grow, "taller_identity")
    assert line.startswith("Whether taller chose right is not known")
    assert landscape_view(record, grow).rows == ()


def test_a_right_choice_is_said_to_be_right_and_how_sure_that_is(tmp_path, monkeypatch):
    record, _, lines = told(tmp_path, monkeypatch, {**LAG, "interleave": 2.6})

    assert lines[0] == (
        "The choice after the lag was right: at the end of children, interleave is the best of 4 ways, 0.0005 bpb "
        "better than copy_top on the mean, and better in 3 of 3 cells. That is less than the largest range over the "
        "cells of one way (0.0020 bpb)."
    )
    view = build_view(record)
    assert "ranks along the lag" in render_html(view).lower()
    assert "| interleave | 1 (3.1020) | 1 (2.8520) | 1 (2.6020) | 1 (2.1895) |" in render_markdown(view)
    assert not re.search(r"taller_copy_top.* not continued", render_markdown(view))


def test_two_ways_that_are_level_are_said_to_be_that(tmp_path, monkeypatch):
    level = {"identity": 2.5, "copy_block": 2.5, "interleave": 2.75, "copy_top": 2.75}
    record, grow, lines = told(tmp_path, monkeypatch, level, level)
    grown = list(growth_of(record, grow))

    assert lines[0] == (
        "The choice after the lag was not wrong: at the end of children, copy_block and identity are level on the "
        "mean, the best of 4 ways."
    )
    assert (
        "After the lag copy_block and identity are level; the largest range over the cells of one way is 0.0020 bpb."
    ) in grown


def test_a_way_without_a_value_is_named_apart_from_the_values_and_their_unit(tmp_path_factory):
    folder = StudyFolder(made("grown", tmp_path_factory) / "trial.study")
    said = " ".join(growth_in_short(record_of(folder)))

    assert "mean loss after the lag: interleave 1.7815 and copy_top 2.5315 pt; identity has no value." in said
