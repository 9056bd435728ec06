"""
Published experiments with factors of more than two levels, to the digits in print; each test names where they stand.

Sums of squares in print that were made from rounded means are held to one unit of their last digit and a half.
"""

from fractions import Fraction
from statistics import median
from types import SimpleNamespace

import pytest

from promo.evidence.effects import estimate_effects
from promo.evidence.statements import LenthError
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.study.arrays import full_of
from promo.study.coding import DEGREES
from promo.study.space import Against, Array, Trend
from promo.study.values import Effects


def fit(levels, rows, values, contrasts, *, pairs=False, terms=()):
    """Effects of rows (levels from 0), each with its replicates; no blocks."""
    factors = tuple(levels)
    array = Array("x", "full", factors, tuple(levels.values()), tuple(rows), where={})
    asked = Effects(
        "e", ("s",), ("x",), pairs, terms, (), "all", Fraction(5, 100), "", where={}, contrasts=tuple(contrasts)
    )
    cells = tuple(("box", seed) for seed in range(1, len(values[0]) + 1))
    table = tuple(
        Row(name, tuple(Cell(*at, "x", CellStatus.OK, str(one), 1, "e") for at, one in zip(cells, some, strict=True)))
        for name, some in zip(array.points, values, strict=True)
    )
    study = SimpleNamespace(designs={}, arrays={"x": array})
    return estimate_effects(study, asked, {"s": Evidence("s", "y", cells, table)}).fits[0]


def squares(found):
    return {"".join(one.term): float(one.squares) for one in found.joints}


def values_of(found):
    return {" ".join(one.effect): float(one.value) for one in found.estimates if one.value is not None}


def numbers(*some):
    return tuple(map(Fraction, some))


# Montgomery (2013), table 5.1: life of batteries in hours, of three materials at 15, 70 and 125 degrees Fahrenheit.
BATTERIES = (
    (130, 155, 74, 180), (150, 188, 159, 126), (138, 110, 168, 160), (34, 40, 80, 75), (136, 122, 106, 115),
    (174, 120, 150, 139), (20, 70, 82, 58), (25, 70, 58, 45), (96, 104, 82, 60),
)  # fmt: skip


def test_the_battery_experiment():
    """Montgomery (2013), table 5.5: materials 10683.72, temperature 39118.72, their interaction 9613.78; F 7.91, 28.97
    and 3.56; error mean square 675.21 with 27 degrees of freedom.  Table 5.15: of the temperature 39042.67 are linear
    and 76.06 quadratic."""
    levels = {"m": ("one", "two", "three"), "t": numbers(15, 70, 125)}
    found = fit(levels, full_of([3, 3]), BATTERIES, [Against("m", "one"), Trend("t", log=False)], pairs=True)

    assert squares(found) == pytest.approx({"m": 10683.72, "t": 39118.72, "mt": 9613.78}, rel=5e-6)
    assert [float(one.f) for one in found.joints] == pytest.approx([7.91, 28.97, 3.56], abs=0.006)
    assert [one.degrees for one in found.joints] == [2, 2, 4]
    assert (found.degrees, float(found.sigma) ** 2) == (27, pytest.approx(675.21, abs=0.006))
    parts = [float(one.t) ** 2 * 675.213 for one in found.estimates if one.effect[0] in ("t:linear", "t:quadratic")]
    assert parts == pytest.approx([39042.67, 76.06], rel=1e-4)


def test_the_battery_experiment_has_its_means_as_steps():
    """Montgomery (2013), table 5.4: totals of twelve at each temperature 1738, 1291 and 770; of materials 998, 1300 and
    1501."""
    levels = {"m": ("one", "two", "three"), "t": numbers(15, 70, 125)}
    found = fit(levels, full_of([3, 3]), BATTERIES, [Against("m", "one"), Trend("t", log=False)], pairs=True)

    assert [(one.lower, one.upper) for one in found.steps] == [(15, 70), (70, 125)]
    assert [float(one.value) for one in found.steps] == pytest.approx([(1291 - 1738) / 12, (770 - 1291) / 12])
    assert values_of(found)["m:two"] == pytest.approx((1300 - 998) / 12, rel=5e-6)
    assert values_of(found)["m:three"] == pytest.approx((1501 - 998) / 12, rel=5e-6)


def test_the_bottling_experiment_of_mixed_levels():
    """Montgomery (2013), example 5.3: deviation of fill heights at three levels of carbonation, two of pressure and two
    of speed; sums of squares 252.750, 45.375, 22.042, 5.250, 0.583, 1.042 and 1.083, error 8.500 with 12 degrees of
    freedom; F 178.412, 64.059, 31.118, 3.706, 0.412, 1.471 and 0.765."""
    levels = {"a": numbers(10, 12, 14), "b": numbers(25, 30), "c": numbers(200, 250)}
    heights = (
        (-3, -1), (0, 1), (5, 4), (-1, 0), (2, 3), (7, 9), (-1, 0), (2, 1), (7, 6), (1, 1), (6, 5), (10, 11),
    )  # fmt: skip
    rows = full_of([3, 2, 2])
    found = fit(levels, rows, heights, [Trend("a", log=False)], pairs=True, terms=(("a", "b", "c"),))

    assert squares(found) == pytest.approx(
        {"a": 252.750, "b": 45.375, "c": 22.042, "ab": 5.250, "ac": 0.583, "bc": 1.042, "abc": 1.083}, abs=6e-4
    )
    assert found.degrees == 12
    assert float(found.sigma) ** 2 * 12 == pytest.approx(8.5, rel=1e-5)
    assert [float(one.f) for one in found.joints] == pytest.approx(
        [178.412, 64.059, 31.118, 3.706, 0.412, 1.471, 0.765], abs=6e-4
    )


# Tensile strength of a fibre in pounds per square inch at 15 to 35% of cotton, five pieces each.
STRENGTHS = (
    (7, 7, 15, 11, 9), (12, 17, 12, 18, 18), (14, 18, 18, 19, 19), (19, 25, 22, 19, 23), (7, 10, 11, 15, 11),
)  # fmt: skip


def test_the_tensile_strength_experiment():
    """Montgomery (2001), tables 3.1 and 3.4: of 475.76 between the percentages and an error of 161.20 with 20 degrees
    of freedom F is 14.76; 33.62 of it are linear, 343.21 quadratic, 64.98 cubic and 33.95 quartic."""
    levels = {"cotton": numbers(15, 20, 25, 30, 35)}
    found = fit(levels, full_of([5]), STRENGTHS, [Trend("cotton", log=False)])

    (joint,) = found.joints
    assert (joint.degrees, float(joint.squares)) == (4, pytest.approx(475.76))
    assert float(joint.f) == pytest.approx(14.76, abs=0.006)
    assert float(joint.p) == pytest.approx(9.1279e-6, rel=1e-4)
    assert (found.degrees, float(found.sigma) ** 2) == (20, pytest.approx(8.06, rel=1e-5))
    assert [one.effect[0] for one in found.estimates] == [f"cotton:{name}" for name in DEGREES[:4]]
    parts = [float(one.t) ** 2 * 8.06 for one in found.estimates]
    assert parts == pytest.approx([33.62, 343.21, 64.98, 33.95], abs=0.006)


NINE = ((1, 1, 1, 1), (1, 2, 2, 2), (1, 3, 3, 3), (2, 1, 2, 3), (2, 2, 3, 1), (2, 3, 1, 2), (3, 1, 3, 2), (3, 2, 1, 3),
        (3, 3, 2, 1))  # fmt: skip
ONE_TO_THREE = numbers(1, 2, 3)


def of_nine(columns, values):
    rows = [tuple(row["abcd".index(name)] - 1 for name in columns) for row in NINE]
    levels = dict.fromkeys(columns, ONE_TO_THREE)
    return fit(levels, rows, [(one,) for one in values], [Trend(name, log=False) for name in columns])


def test_an_orthogonal_array_of_nine_runs():
    """Yang & El-Haik (2003), "Design for Six Sigma", example 13.12: sums of squares 158.000, 2.667, 18.667, error 0.667
    with 2 degrees of freedom."""
    found = of_nine("abd", (8, 12, 9, 11, 12, 15, 21, 18, 20))

    assert squares(found) == pytest.approx({"a": 158, "b": 2.667, "d": 18.667}, abs=6e-4)
    assert (found.degrees, float(found.sigma) ** 2) == (2, pytest.approx(0.3333, abs=1e-4))


SIMPLE = (-20, -10, -30, -25, -45, -65, -45, -65, -70)


def test_the_simplified_deposition_experiment_in_nine_runs():
    """Phadke (1989), "Quality engineering using robust design", chapter 3: means of the levels -20, -45, -60; -30, -40,
    -55; -50, -35, -40; -45, -40, -40.  All four factors leave nothing for an error, which is Lenth's, of a run: of the
    parts divided by theirs (roots of 1/1.5 and of 1/2 over 3 for a linear and a quadratic one)."""
    found = of_nine("abcd", SIMPLE)

    assert values_of(found) == pytest.approx(
        {
            "a:linear": -40, "a:quadratic": 5, "b:linear": -25, "b:quadratic": -2.5, "c:linear": 10,
            "c:quadratic": -10, "d:linear": 5, "d:quadratic": -2.5,
        }
    )  # fmt: skip
    assert [float(one.value) for one in found.steps] == pytest.approx([-25, -15, -10, -15, 15, -5, 5, 0], abs=1e-9)
    sizes = [abs(one) for one in values_of(found).values()]
    each = [size / (2 / 3 if place % 2 == 0 else 1 / 2) ** 0.5 for place, size in enumerate(sizes)]
    first = 1.5 * median(each)
    pse = 1.5 * median([one for one in each if one < 2.5 * first])
    assert found.statements[-1] == LenthError(8)
    assert (float(found.pse), float(found.freedom)) == (pytest.approx(pse, rel=1e-5), pytest.approx(8 / 3, rel=1e-5))
    assert float(found.estimates[0].error) == pytest.approx(pse * (2 / 3) ** 0.5, rel=1e-5)


def test_two_factors_of_the_simplified_deposition_experiment():
    """Phadke (1989), table 3.4: with the others pooled, sums of squares 2450 and 950, error 400 with 4 degrees of
    freedom, F 12.25 and 4.75."""
    found = of_nine("ab", SIMPLE)

    assert squares(found) == pytest.approx({"a": 2450, "b": 950})
    assert (found.degrees, float(found.sigma) ** 2) == (4, pytest.approx(100))
    assert [float(one.f) for one in found.joints] == pytest.approx([12.25, 4.75])


# Phadke (1989), tables 4.3 and 4.5: signal-to-noise ratio for surface defects in an L18; its first and seventh column
# are empty.  Temperature, pressure, nitrogen, silane, settling time, cleaning.
EIGHTEEN = (
    "111111", "122222", "133333", "211223", "222331", "233112", "312133", "323211", "331322", "113321", "121132",
    "132213", "212312", "223123", "231231", "313232", "321313", "332121",
)  # fmt: skip
DEFECTS = (
    0.51, -37.30, -45.17, -25.76, -62.54, -62.23, -59.88, -71.69, -68.15, -3.47, -5.08, -54.85, -49.38, -36.54,
    -64.18, -27.31, -71.51, -72.00,
)  # fmt: skip


def of_eighteen(columns):
    rows = [tuple(int(row["abcdef".index(name)]) - 1 for name in columns) for row in EIGHTEEN]
    levels = dict.fromkeys(columns, ONE_TO_THREE)
    return fit(levels, rows, [(one,) for one in DEFECTS], [Trend(name, log=False) for name in columns])


def test_the_deposition_experiment_in_eighteen_runs():
    """Phadke (1989), table 4.7: sums of squares 4427, 3416, 1030, 372, 378 and 164, error 405 with 5 degrees of
    freedom; of temperature and pressure the means are -24.23, -50.10, -61.76 and -27.55, -47.44, -61.10."""
    found = of_eighteen("abcdef")

    printed = {"a": 4427, "b": 3416, "c": 1030, "d": 372, "e": 378, "f": 164}
    assert squares(found) == pytest.approx(printed, abs=1.5)
    assert (found.degrees, float(found.sigma) ** 2 * 5) == (5, pytest.approx(405, abs=1.5))
    assert [one.degrees for one in found.joints] == [2] * 6
    steps = [float(one.value) for one in found.steps if one.factor in "ab"]
    assert steps == pytest.approx([-50.10 + 24.23, -61.76 + 50.10, -47.44 + 27.55, -61.10 + 47.44], abs=0.011)


def test_the_deposition_experiment_with_the_cleaning_in_its_error():
    """Phadke (1989), table 4.7: pooled error 569, 7 degrees of freedom, mean square 81; F 27, 21, 6.4, 2.3, 2.3."""
    found = of_eighteen("abcde")

    assert (found.degrees, float(found.sigma) ** 2) == (7, pytest.approx(81, abs=0.5))
    assert [float(one.f) for one in found.joints] == pytest.approx([27, 21, 6.4, 2.3, 2.3], abs=0.5)


def test_main_effects_of_eighteen_runs_say_how_much_of_each_interaction_is_in_them():
    """Every main contrast of an L18 is mixed in part with interactions of the other factors, and with none of its own
    factor: the array has strength two."""
    found = of_eighteen("abcdef")

    for one in found.estimates:
        factor = one.effect[0][0]
        assert one.aliases
        assert all(abs(much) < 2 for much, _ in one.aliases)
        assert all(factor not in {part[0] for part in effect} for _, effect in one.aliases)
