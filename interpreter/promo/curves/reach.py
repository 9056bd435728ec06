"""
Curve and budget to reading: the last point at or before the budget.

Nothing is read beyond the budget, and nothing at the very start, where a model is still untrained.  Between two points
a value exists only if linear interpolation was declared; it never reaches back over the start of a run, where the loss
of an untrained model would enter.
"""

from fractions import Fraction
from itertools import pairwise

from promo.base.canonical import exact
from promo.curves.values import OK, Column, Curve, Point, Reading
from promo.study.values import BudgetKind

COLUMN_OF = {BudgetKind.WALL: Column.SECONDS, BudgetKind.STEPS: Column.STEP, BudgetKind.TOKENS: Column.TOKENS}
"""Budget -> the column that it is held against; processor time and operations are recorded by no table."""


def reach(curve: Curve, column: Column, amount: int, *, interpolate: bool) -> Reading | str:
    """
    What a budget reaches on a curve; in words why it reaches nothing.

    Args:
        curve: a recorded run.
        column: steps, seconds or tokens, which its table has.
        amount: the budget, in that column's unit and from the start of the run.
        interpolate: whether a value between two points was declared to be linear.
    """
    inside = tuple(point for point in curve.points if 0 < point.at[column] <= amount)
    beyond = next((point for point in curve.points if point.at[column] > amount), None)
    if not inside:
        after = f"; the first is at {exact(beyond.at[column])}" if beyond else ""
        return f"no point of run '{curve.run}' lies between its start and {column.value} {amount}{after}"
    last = inside[-1]
    if beyond is None and amount - last.at[column] >= longest_gap(curve, column):
        return f"run '{curve.run}' is recorded to {column.value} {exact(last.at[column])} and no further"
    if interpolate and beyond is not None and last.at[column] < amount:
        return _between(last, beyond, column, amount, inside)
    return Reading(last.value, last.at[column], last.at, (last.row,), inside)


def longest_gap(curve: Curve, column: Column) -> Fraction:
    """
    The longest way between two points of a run, its start among them.

    A run that breaks off further than that before a budget has not come there, and its last value is no value at the
    budget; any nearer, and the budget may lie between its last point and one that was never due.
    """
    places = [Fraction(0), *(point.at[column] for point in curve.points)]
    return max(second - first for first, second in pairwise(places))


def ended_before(curve: Curve, column: Column, amount: int) -> bool:
    """Whether a run that failed did so before it reached a budget."""
    return curve.status != OK and not any(point.at[column] >= amount for point in curve.points)


def _between(left: Point, right: Point, column: Column, amount: int, inside: tuple[Point, ...]) -> Reading:
    share = (amount - left.at[column]) / (right.at[column] - left.at[column])
    at = {one: left.at[one] + share * (right.at[one] - left.at[one]) for one in left.at}
    value = left.value + share * (right.value - left.value)
    return Reading(value, at[column], at, (left.row, right.row), inside)
