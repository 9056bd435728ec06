"""Recorded runs to cells: labels are matched and never guessed."""

from fractions import Fraction

import pytest

from promo.base.classes import evolve
from promo.curves.assign import assign
from promo.curves.values import Column, Curve, Point, Settings
from support import plan_of, recorded, study_of

SPEC = recorded(
    "both",
    """stage short {
  train   both for 10steps
  cap     1min
  on      box
  seeds   1, 2
  report  only
}
""",
    base="a",
    other="b",
)
STUDY = study_of(SPEC)


def curve(config: str, seed: str, *steps: int, host: str = "") -> Curve:
    points = tuple(Point(row, {Column.STEP: Fraction(step)}, Fraction(1)) for row, step in enumerate(steps or (10,), 2))
    return Curve(config, host, seed, f"{config}{seed}", points)


FOUR = [curve(config, seed) for config in "ab" for seed in "12"]


def runs(curves, settings: Settings = Settings()):  # noqa: B008
    found, faults = assign(STUDY, curves, settings)
    assert faults == ()
    return found, {(name, seed): one.run for (name, _, seed), (one, *_) in found.cells.items()}


def messages(curves, settings: Settings = Settings()):  # noqa: B008
    return [one.message for one in assign(STUDY, curves, settings)[1]]


def test_configs_and_seeds_are_matched_by_their_labels():
    found, cells = runs(FOUR)

    assert found.seeds_by == "label"
    assert cells == {("base", 1): "a1", ("base", 2): "a2", ("other", 1): "b1", ("other", 2): "b2"}


def test_other_labels_are_taken_in_the_order_of_their_numbers():
    found, cells = runs([curve(config, seed) for config in "ab" for seed in ("s10", "s9")])

    assert found.seeds_by == "order"
    assert cells["base", 1] == "as9"
    assert cells["base", 2] == "as10"


def test_a_mapping_goes_before_a_label():
    settings = Settings(candidates={"base": "b", "other": "a"}, seeds={1: "2", 2: "1"})

    assert runs(FOUR, settings)[1] == {("base", 1): "b2", ("base", 2): "b1", ("other", 1): "a2", ("other", 2): "a1"}


def test_a_cell_without_a_run_is_empty_and_no_fault():
    found, cells = runs(FOUR[:3], Settings(seeds_by="label"))

    assert found.empty == (("other", "box", 2),)
    assert ("other", 2) not in cells


def test_a_config_that_is_not_recorded_is_a_fault():
    assert messages([curve("a", "1"), curve("bb", "1")]) == [
        "no config 'b' is recorded for candidate 'other'; did you mean 'bb'?"
    ]


def test_a_host_that_is_not_recorded_is_a_fault_until_it_is_mapped():
    there = [evolve(one, host="8xH100") for one in FOUR]

    assert messages(there) == ["no run is recorded on host 'box' (recorded: 8xH100); map it with --map box=LABEL"]
    assert len(runs(there, Settings(hosts={"box": "8xH100"}))[1]) == 4


def test_two_runs_in_one_cell_are_a_fault_unless_they_are_numbered():
    hint = "; if one repeats the other, number them with --column attempt=NAME"
    again = evolve(FOUR[0], run="again")

    assert messages([*FOUR, again]) == [f"runs 'a1' and 'again' are both base on box with seed 1{hint}"]
    assert messages([*FOUR, evolve(again, attempt="2")]) == []
    assert messages([*FOUR, evolve(again, attempt="2"), evolve(again, run="more", attempt="2")]) == [
        "runs 'again' and 'more' are both base on box with seed 1 and attempt 2"
    ]


@pytest.mark.parametrize("by", ["label", "order"])
def test_numbered_attempts_of_a_cell_lie_behind_each_other(by):
    attempts = [evolve(FOUR[0], run=f"try{n}", attempt=str(n)) for n in (10, 2)]
    found, _ = assign(STUDY, [*attempts, *FOUR[1:]], Settings(seeds_by=by))

    assert [one.run for one in found.cells["base", "box", 1]] == ["try2", "try10"]
    assert [one.run for one in found.cells["base", "box", 2]] == ["a2"]


def test_a_budget_without_its_column_is_a_fault():
    clock = [evolve(one, points=(Point(2, {Column.SECONDS: Fraction(5)}, Fraction(1)),)) for one in FOUR]

    assert messages(clock) == ["stage 'short' needs a column of step; name it with --column step=NAME"]


def test_a_gap_is_a_fault_where_it_would_be_read():
    gap = [curve("a", "1", 5, 10, 15), curve("a", "2", 5, 15), *FOUR[2:]]
    (fault,) = assign(STUDY, gap, Settings())[1]

    assert (fault.row, fault.message) == (
        3,
        "run 'a2' goes from step 5 to 15, and other runs of base have a point at 10: points are missing",
    )


def test_a_gap_elsewhere_a_run_that_ends_early_and_declared_interpolation_are_no_faults():
    later = [curve("a", "1", 10, 15, 20), curve("a", "2", 10, 20), *FOUR[2:]]
    early = [curve("a", "1", 5, 10), curve("a", "2", 5), *FOUR[2:]]
    gap = [curve("a", "1", 5, 10, 15), curve("a", "2", 5, 15), *FOUR[2:]]

    assert messages(later) == messages(early) == messages(gap, Settings(interpolate=True)) == []


def test_a_spec_is_planned_without_its_table():
    assert plan_of(SPEC).run_count.planned == 4
