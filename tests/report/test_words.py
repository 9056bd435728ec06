"""Numbers with a sign: what rounds to nothing has none."""

from fractions import Fraction

import pytest

from promo.report.aloud import read_gate
from promo.report.describe import describe_condition
from promo.report.figures import statistic
from promo.report.told import compute_text
from promo.report.words import (
    NONE,
    behind,
    counted_in,
    number,
    percent,
    share_text,
    size,
    two_places,
    whole_percent,
    with_sign,
    within,
)
from support import spec, study_of


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (with_sign(Fraction(1, 10**6)), "0.0000"),
        (with_sign(Fraction(-1, 10**6)), "0.0000"),
        (with_sign(Fraction(1, 2)), "+0.5000"),
        (with_sign(Fraction(-1, 2)), "-0.5000"),
        (with_sign(Fraction(-1, 1000), 2), "0.00"),
        (number("0.00001", signed=True), "0.0000"),
        (number("-0.00001", signed=True), "0.0000"),
        (number("0.25", signed=True), "+0.2500"),
        (percent(-1e-6), "0.00%"),
        (percent(1e-6), "0.00%"),
        (percent(-0.0125), "-1.25%"),
        (whole_percent(-0.004), "0%"),
        (whole_percent(-0.06), "-6%"),
        (two_places(-1 / 435), "0.00"),
        (two_places(-0.995), "-0.99"),
    ],
)
def test_what_rounds_to_nothing_has_no_sign(said, shown):
    assert said == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("2.5", "2.5 flop"),
        ("1160.4", "1,160 flop"),
        (40_000, "40,000 flop"),
        ("118000000000", "1.18e11 flop"),
        ("0.00001", "1e-5 flop"),
    ],
)
def test_an_amount_of_compute_has_three_digits_and_is_written_as_a_spec_writes_it(amount, shown):
    assert compute_text(amount, "flop") == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "0.0000"), ("0.00004", "less than 0.0001"), ("-0.00004", "less than 0.0001"), ("-0.5", "0.5000")],
)
def test_an_amount_that_is_there_is_never_said_to_be_nothing(amount, shown):
    assert size(Fraction(amount)) == shown


def test_a_share_that_has_no_end_in_per_cent_is_told_as_it_was_written():
    assert share_text(Fraction(1, 3)) == "1/3"
    assert share_text(Fraction(1, 8)) == "12.5%"
    assert share_text(Fraction(1)) == "100%"


@pytest.mark.parametrize("unit", ["number", "share", "none"])
def test_a_unit_that_stands_behind_no_amount_stands_behind_no_name_of_an_axis_either(unit):
    assert (behind(unit), within(unit), counted_in(unit)) == ("", "", "")
    assert (behind("bpb"), within("bpb"), counted_in("bpb")) == (" bpb", " (bpb)", " in bpb")


def test_a_gate_that_keeps_a_third_says_so():
    study = study_of(spec().replace("keep top 1", "keep best 1/3"))
    gate = study.gates["pick"]

    assert "keep the best 1/3, always base" in read_gate(gate, study)
    assert describe_condition(gate.keep, study.measure) == "best 1/3"


def test_a_statistic_of_runs_that_hardly_differ_is_no_row_of_digits():
    assert (statistic("2.5"), statistic("-9999999"), statistic(None)) == ("2.50", "-9999999.00", NONE)
    assert statistic("275681000000000000.5") == "2.757e+17"
    assert statistic(str(-(10**400))) == "-1.798e+308"
