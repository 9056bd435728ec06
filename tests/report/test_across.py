"""What flips from one stage to the next, and how it is said."""

from fractions import Fraction

import pytest

from fitted import fit_stage
from promo.base.classes import evolve
from promo.evidence.across import Move, Turn, moves, turns
from promo.evidence.estimates import EffectTable
from promo.evidence.values import Cell, Evidence, Row
from promo.report.across import flip_lines
from promo.study.design import standard_rows
from promo.study.values import Effects

FACTORS = ("a", "b", "c")
POINTS = {f"r_{number}": row for number, row in enumerate(standard_rows(FACTORS, {}))}


ASKED = Effects("e", ("s0", "s1"), ("d",), False, (), ("host", "seed"), "main", Fraction(5, 100), "", where={})


def table(*stages, noise=0.0, model=False):
    """Effects at stages that have these ones, with a noise that two seeds have with opposite signs."""
    asked = evolve(ASKED, pairs=model)
    fits = []
    for place, effects in enumerate(stages):
        rows = []
        for number, (name, row) in enumerate(POINTS.items()):
            value = sum(level * one / 2 for level, one in zip(row, effects, strict=True))
            odd = noise * (-1) ** (number.bit_count() + number // 3)
            cells = (
                Cell("h", seed, "x", "ok", f"{value + sign * odd:.4f}", 1, "e") for seed, sign in ((1, 1), (2, -1))
            )
            rows.append(Row(name, tuple(cells)))
        evidence = Evidence(f"s{place}", "y", (("h", 1), ("h", 2)), tuple(rows))
        fits.append(fit_stage(asked, FACTORS, POINTS, evidence))
    return EffectTable("e", tuple(fits), (), {})


def test_an_effect_that_changes_its_sign_is_named_with_both_values():
    found = list(turns(table((2, 1, 0.5), (1.5, -1, 0.5), noise=0.1)))

    assert found == [Turn(("b",), "s0", "s1", "1", "-1", clear=True)]


def test_a_turn_that_noise_may_have_made_is_said_not_to_be_clear():
    found = list(turns(table((2, 1, 0.05), (2, 1, -0.05), noise=0.4)))

    assert found == [Turn(("c",), "s0", "s1", "0.05", "-0.05", clear=False)]


def test_an_effect_that_is_zero_at_a_stage_does_not_turn():
    assert list(turns(table((2, 1, 0), (2, 1, -0.5), (2, 1, 0.0)))) == []


def test_places_by_size_are_among_the_family_and_stage_by_stage():
    found = list(moves(table((2, 1, 0.5), (1, -2, 0.5), (1, -2, 0.5)), "main"))

    assert found == [Move(("a",), "s0", "s1", 1, 2, 3), Move(("b",), "s0", "s1", 2, 1, 3)]


@pytest.mark.parametrize("family", ["pairs", "all"])
def test_effects_of_one_size_share_a_place(family):
    found = list(moves(table((1, 1, 0.5), (1, 0.5, 0.25), model=True), family))

    assert [one for one in found if len(one.effect) == 1] == (
        [Move(("b",), "s0", "s1", 1, 2, 6)] if family == "all" else []
    )


def said(found):
    """Sentences about a table."""
    return list(flip_lines(ASKED, found))


def test_flips_are_said_in_sentences():
    assert said(table((2, 1, 0.5), (1, -2, 0.5), noise=0.1)) == [
        "b changes its sign: +1.0000 at s0, -2.0000 at s1; both intervals exclude zero.",
        "Of 3 effects by size, a from place 1 to 2 and b from place 2 to 1, between s0 and s1.",
    ]
    assert said(table((2, 1, 0.5), (2, 1, 0.5))) == [
        "No effect changes its sign or its place in the order of sizes from stage to stage."
    ]
    assert said(table((2, 1, 0.5))) == []
