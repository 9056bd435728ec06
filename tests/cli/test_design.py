"""`promo design`: of studies, and of files that hold factors and designs and nothing else."""

import json
from itertools import combinations

import pytest

from support import promo, spec

FACTORS = "promo 1\n\nlet top = 1\n\nfactor a: level in [-1, 1]\nfactor b: level in [-1, 1]\nfactor c: level in 0..1\n"
DESIGN = "design cube full {\n  vary a low -1 high top\n  vary b low -1 high 1\n  vary c low 0 high 1\n}\n"
FOLD = "design again foldover of cube on a {\n}\n"
GRID = "factor rate: x in [1, 2, 3]\nfactor kind: word in ['relu', 'gelu']\n".replace("'", '"')
MIXED = 'design grid full {\n  vary rate in [1, 2, 3]\n  vary kind in ["relu", "gelu"]\n}\n'


@pytest.fixture
def written(workplace):
    """Writes a file, and says its name."""

    def write(*parts):
        (workplace / "alone.promo").write_text("\n".join(parts), encoding="utf-8")
        return "alone.promo"

    return write


def test_factors_and_a_design_are_enough(written, capsys):
    assert promo("design", written(FACTORS, DESIGN)) == 0
    said = capsys.readouterr().out

    assert said.startswith("design cube: full, 8 rows, 3 factors\n")
    assert "main effects: clear of each other and of every interaction of two factors" in said


def test_levels_may_be_words_and_more_than_two(written, capsys):
    assert promo("design", written(FACTORS, GRID, MIXED), "grid", "--json") == 0
    found = json.loads(capsys.readouterr().out)

    assert found["factors"] == {"rate": ["1", "2", "3"], "kind": ["relu", "gelu"]}


def test_power_of_such_a_design_has_no_unit(written, capsys):
    assert promo("design", written(FACTORS, DESIGN), "--power", "--noise", "2", "--size", "3", "--seeds", "2") == 0
    said = capsys.readouterr().out

    assert said.startswith("noise 2 between seeds (given)")
    assert "power of cube, which no effects read: 1 host x 2 seeds, 16 runs" in said


def test_what_is_wrong_with_it_is_said_as_in_a_study(written, capsys):
    assert promo("design", written(FACTORS, DESIGN.replace("high top", "high 2"))) == 1
    said = capsys.readouterr().err

    assert "error[P0303]" in said
    assert "declares no study" not in said


def test_a_text_that_says_more_wants_its_study(written, capsys):
    assert promo("design", written(FACTORS, DESIGN, "cohort all_rows {\n  rows cube all\n}\n")) == 1
    assert "the file declares no study" in capsys.readouterr().err


def test_check_still_wants_a_study(written, capsys):
    assert promo("check", written(FACTORS, DESIGN)) == 1
    assert "the file declares no study" in capsys.readouterr().err


RUNS = (
    "design cube full {{\n  vary quality low 0 high 1\n  vary size low 9 high 17\n  vary ratio low 1 high 4\n}}\n\n"
    "cohort rows {{\n  rows cube all\n}}\n\n"
    "stage s {{\n  train rows for 1s\n  on box\n  seeds {seeds}\n  report only\n}}\n"
    "\n"
    "effects asked {{\n  from s\n  model {model}\n  {rest}family main\n  rate 5%\n}}"
)


@pytest.mark.parametrize(
    ("model", "rest", "seeds", "degrees", "repeated", "words"),
    [
        (
            "main",
            "",
            "101..103",
            24 - 3 - 3,
            14,
            "part of the error: 18 degrees of freedom, 14 of them of repeated runs",
        ),
        ("main", "", "101", 0, 0, "the error is Lenth's"),
        ("main", "rest in error\n  ", "101", 4, 0, "declared to be error: 4 degrees of freedom, 0 of them"),
        ("main", "rest listed\n  ", "101..103", 14, 14, "that of repeated runs, 14 degrees of freedom"),
        ("main", "rest listed\n  ", "101", 0, 0, "the error is Lenth's"),
        ("main, pairs, quality * size * ratio", "rest in error\n  ", "101", 0, 0, "no error and no test"),
    ],
)
def test_a_design_tells_what_the_error_of_its_effects_will_be(
    written, capsys, model, rest, seeds, degrees, repeated, words
):
    text = spec(extra=RUNS.format(model=model, rest=rest, seeds=seeds))
    assert promo("design", written(text), "cube") == 0
    said = capsys.readouterr().out
    assert promo("design", "alone.promo", "cube", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["effects"]

    assert words in said
    assert (found["error_degrees"], found["repeated_degrees"]) == (degrees, repeated)


def test_an_array_tells_how_much_of_each_interaction_its_main_effects_take_up(written, capsys):
    """Of Plackett and Burman's twelve rows a main effect has a third of every interaction without it, + or -."""
    factors = "".join(f"factor {name}: level in [-1, 1]\n" for name in "abcde")
    array = "design screen array 12 {\n" + "".join(f"  vary {name} in [-1, 1]\n" for name in "abcde") + "}\n"
    assert promo("design", written("promo 1\n", factors, array), "screen", "--json") == 0
    parts = json.loads(capsys.readouterr().out)["partial_aliases"]

    assert [effect for effect, _ in parts] == [[name] for name in "abcde"]
    for (main,), some in parts:
        assert {much.lstrip("-") for much, _ in some} == {"1/3"}
        assert [pair for _, pair in some] == [list(pair) for pair in combinations("abcde", 2) if main not in pair]
