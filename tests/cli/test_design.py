"""`promo design`: of studies, and of files that hold factors and designs and nothing else."""

import json

import pytest

from support import promo

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
