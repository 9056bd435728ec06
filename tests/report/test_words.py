"""Numbers with a sign: what rounds to nothing has none."""

from fractions import Fraction

import pytest

from promo.report.words import number, percent, whole_percent, with_sign


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
    ],
)
def test_what_rounds_to_nothing_has_no_sign(said, shown):
    assert said == shown
