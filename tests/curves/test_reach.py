"""A budget to a point: never beyond it, never made up."""

from fractions import Fraction

import pytest

from promo.curves.reach import reach
from promo.curves.values import Column, Curve, Point

STEP, SECONDS = Column.STEP, Column.SECONDS


def point(row: int, step: int, seconds: str, value: str) -> Point:
    return Point(row, {STEP: Fraction(step), SECONDS: Fraction(seconds)}, Fraction(value))


CURVE = Curve("a", "", "1", "a1", (point(2, 0, "0", "10"), point(3, 100, "7.5", "4"), point(4, 200, "15", "3")))


@pytest.mark.parametrize(
    ("column", "amount", "row", "value"),
    [
        (STEP, 100, 3, 4),
        (STEP, 199, 3, 4),
        (STEP, 200, 4, 3),
        (STEP, 299, 4, 3),
        (SECONDS, 8, 3, 4),
        (SECONDS, 15, 4, 3),
    ],
)
def test_the_last_point_at_or_before_the_budget_is_read(column, amount, row, value):
    found = reach(CURVE, column, amount, interpolate=False)

    assert (found.rows, found.value) == ((row,), value)
    assert found.used <= amount


@pytest.mark.parametrize(("column", "amount"), [(STEP, 300), (STEP, 9999), (SECONDS, 23)])
def test_a_run_that_broke_off_has_no_value_at_a_budget_that_it_never_came_near(column, amount):
    last = 200 if column is STEP else 15

    for linear in (False, True):
        said = reach(CURVE, column, amount, interpolate=linear)
        assert said == f"run 'a1' is recorded to {column.value} {last} and no further"


def test_an_untrained_model_is_not_read():
    assert reach(CURVE, STEP, 99, interpolate=False) == (
        "no point of run 'a1' lies between its start and step 99; the first is at 100"
    )
    assert isinstance(reach(CURVE, STEP, 99, interpolate=True), str)


def test_interpolation_is_linear_and_says_between_which_rows():
    found = reach(CURVE, STEP, 150, interpolate=True)

    assert found.value == Fraction("3.5")
    assert found.used == 150
    assert found.at[SECONDS] == Fraction("11.25")
    assert found.rows == (3, 4)
    assert found.points == CURVE.points[1:2]  # nothing beyond the budget


def test_interpolation_leaves_measured_points_and_the_end_alone():
    assert reach(CURVE, STEP, 100, interpolate=True) == reach(CURVE, STEP, 100, interpolate=False)
    assert reach(CURVE, STEP, 250, interpolate=True) == reach(CURVE, STEP, 250, interpolate=False)
