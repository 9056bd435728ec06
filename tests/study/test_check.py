"""What a sound text means."""

from fractions import Fraction
from pathlib import Path

import pytest

from promo.base.errors import SpecError
from promo.base.source import Source
from promo.driver.pipeline import compile_source, read_lock
from promo.study.design import defining_relation, resolution, standard_rows
from promo.study.space import Interval
from promo.study.values import BudgetKind
from support import codes, compiled, spec, study_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["quickstart", "grow_small", "adaptive_shape", "staged_promotion"])
def test_the_example_specs_are_sound_and_sealed(name):
    path = ROOT / "specs" / f"{name}.promo"
    lock = read_lock(path.with_name(f"{name}.lock.json"))
    found = compile_source(Source(str(path), path.read_text(encoding="utf-8")), path.parent, lock)

    assert found.diagnostics == ()
    assert lock is not None
    assert {seal: lock.seals[seal].digest for seal in lock.seals} == dict(found.plan.seals)


def test_values_are_exact():
    study = study_of(
        spec(
            rule=(
                "frozen rule close {\n  judge good against base at long\n  require mean gap at most 0.1pt\n"
                "  missing stop\n  absent skip\n}"
            )
        )
    )

    assert study.rules["close"].require.bound.value == Fraction(1, 10)


def test_like_takes_what_it_does_not_change():
    study = study_of(spec())

    assert dict(study.candidates["good"].levels) == {
        **dict(study.candidates["base"].levels),
        "quality": Fraction(1),
    }


def test_declarations_may_come_in_any_order():
    parts = spec().removeprefix("promo 1").strip().split("\n\n")
    turned = "promo 1\n\n" + "\n\n".join(reversed(parts)) + "\n"

    assert compiled(turned).plan.digest == compiled(spec()).plan.digest or (
        set(compiled(turned).plan.seals.items()) == set(compiled(spec()).plan.seals.items())
    )


def test_named_values_are_used_in_any_order():
    text = spec(
        stage_short="stage short {\n  train four for shortest\n  on box\n  seeds 1, 2\n}",
        extra="let shortest = half * 2\nlet half = 1s / 2",
    )

    assert study_of(text).stages["short"].budget.amount == 1


def test_a_value_made_of_factors_is_documentation():
    assert "P0201" not in codes(spec(extra="let width = size * ratio"))


@pytest.mark.parametrize(
    ("said", "kind", "amount", "cap_s"),
    [
        ("for 90s", BudgetKind.WALL, 90, 90),
        ("for 2min", BudgetKind.WALL, 120, 120),
        ("for 30s cpu\n  cap 1min", BudgetKind.CPU, 30, 60),
        ("for 225steps\n  cap 20s", BudgetKind.STEPS, 225, 20),
        ("for 2_000tok\n  cap 20s", BudgetKind.TOKENS, 2000, 20),
        ("for 1e6flop\n  cap 20s", BudgetKind.FLOPS, 1_000_000, 20),
    ],
)
def test_budgets(said, kind, amount, cap_s):
    budget = (
        study_of(spec(stage_short=f"stage short {{\n  train four {said}\n  on box\n  seeds 1, 2\n}}"))
        .stages["short"]
        .budget
    )

    assert (budget.kind, budget.amount, budget.cap_s) == (kind, amount, cap_s)


@pytest.mark.parametrize(
    ("said", "seeds"), [("1, 2, 3", (1, 2, 3)), ("1..4", (1, 2, 3, 4)), ("1..7 step 3", (1, 4, 7))]
)
def test_seeds(said, seeds):
    text = spec(stage_short=f"stage short {{\n  train four for 1s\n  on box\n  seeds {said}\n}}").replace(
        "seeds 3, 4", "seeds 13, 14"
    )

    assert study_of(text).stages["short"].seeds == seeds


def test_the_same_seed_in_two_stages_can_be_waived():
    text = spec().replace("seeds 3, 4", "seeds 1, 2 shared")

    assert "P0504" not in codes(text)


def test_ranges_and_lists_of_levels():
    factors = study_of(spec(extra="")).factors

    assert factors["quality"].domain == Interval(Fraction(-100), Fraction(100))
    assert factors["size"].domain == tuple(Fraction(n) for n in range(1, 65))
    assert factors["ratio"].domain == (Fraction(1), Fraction(4))


def test_stages_come_in_an_order_in_which_they_can_run():
    study = study_of(spec())

    assert list(study.stages).index("short") < list(study.stages).index("long")
    assert study.entrants["long"].planned == 2
    assert study.entrants["long"].sure == frozenset({"base"})


def test_rows_of_a_design_become_candidates():
    text = spec(
        extra=(
            "design screen full {\n  vary quality low 11 high 12\n  vary size low 20 high 40\n}\n"
            "cohort rowed {\n  rows screen [1, 2, 4]\n  expect 3 candidates\n}\n"
            "stage more {\n  train rowed for 1s\n  on box\n  seeds 50\n  report only\n}"
        )
    )
    study = study_of(text)

    assert study.cohorts["rowed"] == ("screen_1", "screen_2", "screen_4")
    assert dict(study.candidates["screen_2"].levels)["quality"] == 12
    assert dict(study.candidates["screen_2"].levels)["size"] == 20


def test_a_half_fraction_is_that_of_the_textbook():
    """2^(5-1) with E = ABCD: Box, Hunter & Hunter (2005), table 6.6: resolution V, I = ABCDE."""
    factors = ("A", "B", "C", "D", "E")
    aliases = {"E": (1, ("A", "B", "C", "D"))}
    rows, words = standard_rows(factors, aliases), defining_relation(factors, aliases)

    assert len(rows) == 16
    assert rows[0] == (-1, -1, -1, -1, 1)
    assert rows[1] == (1, -1, -1, -1, -1)
    assert words == ((1, factors),)
    assert resolution(words) == 5


def test_signs_of_generators_are_kept():
    """D = -ABC, where two published libraries print no alias at all: the word ABCD equals -1 in every row."""
    factors = ("A", "B", "C", "D")
    aliases = {"D": (-1, ("A", "B", "C"))}
    rows, words = standard_rows(factors, aliases), defining_relation(factors, aliases)

    assert words == ((-1, factors),)
    assert all(a * b * c * d == -1 for a, b, c, d in rows)


def test_two_generators_give_three_words():
    """2^(5-2) with D = AB, E = AC: I = ABD = ACE = BCDE (Montgomery, Design and Analysis, section 8.4)."""
    factors = ("A", "B", "C", "D", "E")
    words = defining_relation(factors, {"D": (1, ("A", "B")), "E": (1, ("A", "C"))})

    assert [factors for _, factors in words] == [("A", "B", "D"), ("A", "C", "E"), ("B", "C", "D", "E")]
    assert resolution(words) == 3


def test_a_text_with_errors_has_no_plan():
    with pytest.raises(SpecError):
        compiled(spec().replace("keep top 1", "keep top 9")).sound()


def test_a_stage_carries_on_what_it_names_to_a_named_value():
    text = spec(extra=("let far = 3s\nstage onward {\n  continue spare from aside to far\n  report only\n}")).replace(
        "  seeds 9\n  report only\n", "  seeds 9\n"
    )
    study = study_of(text)

    assert study.stages["onward"].continues == "aside"
    assert study.stages["onward"].candidates == ("spare",)


ROWS = (Path(__file__).parents[1] / "cases" / "rows_as_reference.promo").read_text(encoding="utf-8")


def test_a_row_of_a_design_is_a_name_wherever_a_candidate_is():
    study = study_of(ROWS)

    assert study.gates["to_5min"].always == ("screen_12",)
    assert (study.rules["same"].judged, study.rules["same"].reference) == ("screen_3", "screen_12")
    assert study.entrants["s1h"].sure == frozenset({"screen_12"})


def test_a_row_that_no_cohort_lists_is_made_where_it_is_named():
    design = "design screen full {\n  vary quality low 11 high 12\n  vary size low 20 high 40\n}\n"
    likes = "candidate near like screen_2 {\n  ratio = 4\n}\ncandidate twin as control of screen_4 like screen_4\n"
    stage = "stage more {\n  train near, screen_1, twin for 1s\n  on box\n  seeds 50\n  report only\n}\n"

    study = study_of(spec(extra=design + likes + stage))

    assert dict(study.candidates["near"].levels) == {**dict(study.candidates["screen_2"].levels), "ratio": 4}
    assert study.candidates["twin"].control_of == "screen_4"
    assert study.entrants["more"].possible == ("near", "screen_1", "twin")


def test_naming_a_row_that_a_cohort_lists_changes_nothing_about_who_is_trained():
    without = ROWS.replace("  always   screen_12\n", "").split("frozen rule")[0]
    without = without.replace("  seeds    31, 32, 33\n", "  seeds    31, 32, 33\n  report   only\n")

    assert study_of(ROWS).cohorts == study_of(without).cohorts
    assert list(study_of(ROWS).candidates) == list(study_of(without).candidates)
