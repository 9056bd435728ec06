"""Columns of a table that name a condition together, for specs of the runner `recorded`."""

import random
from argparse import Namespace
from fractions import Fraction

import pytest
from promo.templates import recheck

from promo.curves.conditions import by_factors, condition_of, tabled
from promo.curves.values import Sheet
from support import codes, promo, recorded, study_of

NOBODY = Namespace(key=[], authority=[], anchor=[])
FACTORIAL = """promo 1

study trial {
  title "A factorial that was recorded"
  measure y in u, higher is better
  runner recorded
}

host lab {
  device "cpu" on any
  slots 1
}

factor rate: x in [0.1, 0.25]
factor kind: word in ["relu", "ge lu"]

design screen full {
  vary rate low 0.1 high 0.25
  vary kind low "relu" high "ge lu"
}

cohort all_rows {
  rows screen all
}

stage s {
  train all_rows for 10s
  on lab
  seeds 1..3
  report only
}

effects of_both {
  from s
  model main
  family main
  rate 5%
}
"""
RATES, KINDS = ("0.10", "2.5e-1"), ("relu", "ge lu")


def table(noise=0.1, header="seconds,seed,kind,rate,y"):
    """Two real effects, of 3 and 1."""
    draw = random.Random(1)
    rows = [
        f"10,{seed},{kind},{rate},{3 * (kind != 'relu') + (rate != '0.10') + draw.gauss(0, noise):.3f}"
        for kind in KINDS
        for rate in RATES
        for seed in (1, 2, 3)
    ]
    return "\n".join([header, *rows]) + "\n"


@pytest.fixture
def replay(workplace):
    """Replays a table; what came of it."""

    def run(content, text=FACTORIAL):
        (workplace / "trial.promo").write_text(text, encoding="utf-8")
        (workplace / "table.csv").write_text(content, encoding="utf-8")
        return promo("replay", "trial.promo", "--curves", "table.csv", "--quiet")

    return run


def test_a_factorial_is_replayed_without_a_trainer_and_both_verify_it(replay, workplace, capsys):
    assert replay(table()) == 0
    said = capsys.readouterr().out
    told = []

    assert "rate: 0.25 better than 0.1 by 0.9567" in said
    assert "kind: ge lu better than relu by 2.9420" in said
    assert promo("verify", "trial.study") == 3
    assert recheck.check(workplace / "trial.study", NOBODY, told.append) == 3
    assert not any("read by promo verify alone" in line for line in told)


def test_a_number_is_one_level_however_it_is_written():
    sheet = Sheet("t", ("a", "b"), ((2, {"a": "+1.0", "b": "x"}), (3, {"a": "1e0", "b": "x"})))

    found, column, faults = by_factors(sheet, ("a", "b"))

    assert [cells[column] for _, cells in found.rows] == ["a=1 b=x"] * 2
    assert faults == ()


def test_levels_with_spaces_do_not_run_into_each_other():
    sheet = Sheet("t", ("a", "b"), ((2, {"a": "x b=y", "b": "z"}), (3, {"a": "x", "b": "y b=z"})))

    found, column, _ = by_factors(sheet, ("a", "b"))

    assert len({cells[column] for _, cells in found.rows}) == 2


def test_a_candidate_is_called_as_the_table_calls_it():
    study = study_of(FACTORIAL)

    assert tabled(study) == ("kind", "rate")
    assert [condition_of(study, name) for name in ("screen_1", "screen_4")] == [
        "kind=relu rate=0.1",
        "kind=ge%20lu rate=0.25",
    ]


def test_with_a_config_the_label_of_the_table_is_the_condition():
    stage = "stage s {\n  train both for 10steps\n  cap 1min\n  on box\n  seeds 1, 2\n  report only\n}\n"

    assert tabled(study_of(recorded("both", stage, base="a", other="b"))) == ()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (
            table(header="seconds,seed,kin,rate,y"),
            "there is no column 'kind' for the factor 'kind'; did you mean 'kin'?",
        ),
        (table().replace("1,relu", "1,"), "column 'kind' is empty"),
        (table().replace("0.10", "0.2"), "no config 'kind=relu rate=0.1' is recorded for candidate 'screen_1'"),
    ],
)
def test_a_table_that_lacks_a_level_is_refused_with_its_column(replay, capsys, content, complaint):
    assert replay(content) == 1
    assert complaint in capsys.readouterr().err


def test_a_factor_of_a_table_has_its_first_value_for_default():
    study = study_of(FACTORIAL)

    assert [study.factors[name].default for name in ("rate", "kind")] == [Fraction(1, 10), "relu"]


def test_config_and_other_factors_do_not_go_together():
    text = FACTORIAL.replace("factor rate", 'factor config: label in ["a"]\n\nfactor rate')

    assert "P0216" in codes(text)


@pytest.mark.parametrize(("runner", "found"), [("recorded", []), ("nobody", ["P0211"])])
def test_factors_may_be_imported_whoever_trains(workplace, runner, found):
    (workplace / "base.promo").write_text(FACTORIAL, encoding="utf-8")
    text = FACTORIAL.replace("factor rate: x in [0.1, 0.25]", "factor more: x in [1, 2]")
    text = text.replace('factor kind: word in ["relu", "ge lu"]\n', "").replace("runner recorded", f"runner {runner}")
    text = text.replace("promo 1\n", 'promo 1\n\nuse "base.promo" (rate, kind)\n')
    text = text.replace("design screen full {", "design screen full {\n  vary more low 1 high 2")

    assert sorted({*codes(text)} - {"P0205"}) == found
