"""Effects of published experiments, to the digits in print; each test names where the numbers stand."""

import math
from fractions import Fraction
from itertools import combinations

import pytest

from fitted import fit_stage
from promo.evidence.estimates import Method
from promo.evidence.statements import HostsAliased, RunsLost, SameCondition
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.study.design import alias_chains, best_split, folded, standard_rows
from promo.study.values import Effects


def fit(factors, rows, runs, block=("host", "seed"), *, pairs=True, terms=()):
    """Main effects and pairs; *runs* are (row number, host, seed, value)."""
    asked = Effects("all", ("s",), ("d",), pairs, terms, block, "all", Fraction(5, 100), "", where={})
    cells = tuple(dict.fromkeys((host, seed) for _, host, seed, _ in runs))
    values = {(number, host, seed): str(value) for number, host, seed, value in runs}
    points = {f"r_{number:02d}": row for number, row in enumerate(rows, start=1)}
    table = tuple(
        Row(name, tuple(measured(cell, values.get((number, *cell))) for cell in cells))
        for number, name in enumerate(points)
    )
    return fit_stage(asked, factors, points, Evidence("s", "y", cells, table))


def measured(cell, value):
    """A cell with its value, or one that was not run."""
    return Cell(*cell, "x", CellStatus.NOT_RUN if value is None else CellStatus.OK, value, 1, "e")


def once(factors, rows, values):
    """One run of each row, in order."""
    return fit(factors, rows, [(number, "box", 1, value) for number, value in enumerate(values)])


def told(found):
    """Estimates by name, one letter a factor."""
    return {"".join(one.effect): float(one.value) for one in found.estimates if one.value is not None}


FOUR, FIVE, SIX, SEVEN = "abcd", "abcde", "abcdef", "abcdefg"

# Montgomery (2013), example 6.2: filtration rate, 2^4 in standard order.
FILTRATION = (45, 71, 48, 65, 68, 60, 80, 65, 43, 100, 45, 104, 75, 86, 70, 96)


def test_the_half_fraction_of_the_filtration_experiment():
    """Montgomery (2013), example 8.1: D = ABC; [A] = 19.00, [B] = 1.50, [C] = 14.00, [D] = 16.50, [AB] = -1.00,
    [AC] = -18.50, [AD] = 19.00, where AB = CD, AC = BD and AD = BC."""
    rows = standard_rows(FOUR, {"d": (1, ("a", "b", "c"))})
    full = dict(zip(standard_rows(FOUR, {}), FILTRATION, strict=True))

    found = once(FOUR, rows, [full[row] for row in rows])

    assert told(found) == {"a": 19, "b": 1.5, "c": 14, "d": 16.5, "ab": -1, "ac": -18.5, "ad": 19}
    assert found.estimates[6].chain == ((1, ("a", "d")), (1, ("b", "c")))


def test_the_other_half_of_the_filtration_experiment_has_negative_aliases():
    """Montgomery (2013), section 8.2: with D = -ABC each estimate is of a difference, A - BCD, AB - CD and so on; both
    halves together give the full factorial's A = 21.625 and AD = 16.625."""
    rows = standard_rows(FOUR, {"d": (-1, ("a", "b", "c"))})
    full = dict(zip(standard_rows(FOUR, {}), FILTRATION, strict=True))

    found = once(FOUR, rows, [full[row] for row in rows])
    values = told(found)

    assert found.estimates[6].chain == ((1, ("a", "d")), (-1, ("b", "c")))
    assert ((19 + values["a"]) / 2, (19 + values["ad"]) / 2) == (21.625, 16.625)


def test_the_filtration_experiment_in_two_blocks():
    """Montgomery (2013), example 7.2: ABCD is the block, and block 1 came out 20 lower; effects as without blocks, and
    the error of the four interactions of three factors, 1.875, 4.125, -1.625 and -2.625."""
    rows = standard_rows(FOUR, {})
    inside = [row[0] * row[1] * row[2] * row[3] > 0 for row in rows]

    runs = [
        (number, "first" if low else "second", 1, value - 20 * low)
        for number, (value, low) in enumerate(zip(FILTRATION, inside, strict=True))
    ]
    found = fit(FOUR, rows, runs)
    values = told(found)

    assert [values[name] for name in ("a", "b", "c", "d")] == [21.625, 3.125, 9.875, 14.625]
    assert [values[name] for name in ("ab", "ac", "ad", "bc", "bd", "cd")] == [
        0.125, -18.125, 16.625, 2.375, -0.375, -1.125,
    ]  # fmt: skip
    left = 4 * sum(one**2 for one in (1.875, 4.125, -1.625, -2.625))
    assert (found.degrees, float(found.sigma) ** 2) == (4, pytest.approx(left / 4, rel=1e-5))
    assert found.statements == (RunsLost("first", 8, 16), RunsLost("second", 8, 16))


def test_the_block_of_the_filtration_experiment():
    """Montgomery (2013), example 7.2: the block effect, a difference of -18.625, is mixed with ABCD; with A, C, D, AC
    and AD in the model its sum of squares is 1387.5625, and 187.5625 with 9 degrees of freedom are left."""
    rows = standard_rows(FOUR, {})
    inside = [row[0] * row[1] * row[2] * row[3] > 0 for row in rows]
    runs = [
        (number, "first" if low else "second", 1, value - 20 * low)
        for number, (value, low) in enumerate(zip(FILTRATION, inside, strict=True))
    ]
    without_b = [row[:1] + row[2:] for row in rows]

    all_pairs, found = fit(FOUR, rows, runs).blocks, fit("acd", without_b, runs)
    first, second = (float(one.value) for one in found.blocks.shifts)

    assert [one.host for one in found.blocks.shifts] == ["first", "second"]
    assert first - second == pytest.approx(-18.625)
    assert all_pairs.confounded == (((tuple("abcd")),),)
    assert all_pairs.shifts == found.blocks.shifts
    square = 16 / 4 * (first - second) ** 2
    assert square == pytest.approx(1387.5625)
    assert float(found.blocks.f) == pytest.approx(square / float(found.sigma) ** 2, rel=1e-4)
    # CD, 5.0625, is in this model, and ACD, 10.5625, is not.
    assert float(found.sigma) ** 2 * found.degrees == pytest.approx(187.5625 - 5.0625, rel=1e-5)


# Montgomery (2013), example 8.6: deviation of a turbine blade from its profile, a 2^(8-3) on four spindles of a CNC
# machine; F = ABC, G = ABD, H = BCDE, standard order.  The response is the logarithm.
SPINDLES = "32411423142332412314413241322314"
DEVIATION = (
    2.76, 6.18, 2.43, 4.01, 2.48, 5.91, 2.39, 3.35, 4.40, 4.10, 3.22, 3.78, 5.32, 3.87, 3.03, 2.95,
    2.64, 5.50, 2.24, 4.28, 2.57, 5.37, 2.11, 4.18, 3.96, 3.27, 3.41, 4.30, 4.44, 3.65, 4.41, 3.40,
)  # fmt: skip


def test_the_cnc_experiment_in_four_blocks():
    """Montgomery (2013), tables 8.17 and 8.18: effects of A to H and of AD + BG; blocks are mixed with EH, ABE and ABH,
    and have a sum of squares of 0.0201 with 3 degrees of freedom; A, B, D and AD leave 0.4099 with 24."""
    names = "abcdefgh"
    rows = standard_rows(names, {"f": (1, tuple("abc")), "g": (1, tuple("abd")), "h": (1, tuple("bcde"))})
    runs = [
        (number, f"spindle_{spindle}", 1, f"{math.log(value):.12f}")
        for number, (value, spindle) in enumerate(zip(DEVIATION, SPINDLES, strict=True))
    ]

    found = fit(names, rows, runs)
    chosen = fit("abd", [(row[0], row[1], row[3]) for row in rows], runs, pairs=False, terms=(("a", "d"),))
    values = told(found)
    printed = {"a": 0.29026, "b": -0.20054, "c": -0.02576, "d": 0.10813, "e": -0.0005063, "f": -0.03871, "g": 0.11608}

    assert {name: values[name] for name in printed} == pytest.approx(printed, abs=6e-6)
    assert values["h"] == pytest.approx(0.01417, abs=6e-6)
    assert 8 * values["ad"] ** 2 == pytest.approx(1.1197, abs=6e-5)
    assert next(one for one in found.estimates if one.effect == ("a", "d")).chain[1] == (1, ("b", "g"))
    assert (found.blocks.blocks, found.blocks.degrees) == (4, 3)
    named = [{frozenset(effect) for effect in column} for column in found.blocks.confounded]
    assert all(any(frozenset(word) in column for column in named) for word in ("eh", "abe", "abh"))
    assert 8 * sum(float(one.value) ** 2 for one in found.blocks.shifts) == pytest.approx(0.0201, abs=6e-5)
    assert (chosen.degrees, float(chosen.sigma) ** 2) == (24, pytest.approx(0.4099 / 24, rel=5e-4))
    assert float(chosen.estimates[0].t) ** 2 == pytest.approx(0.6740 / (0.4099 / 24), rel=1e-3)
    assert float(chosen.blocks.f) == pytest.approx(0.0201 / 3 / (0.4099 / 24), rel=5e-3)


# NIST/SEMATECH e-Handbook, section 5.4.7.2 (CATAPULT.DAT): how far a ball flies, a 2^(5-1) with two runs at each of two
# centres (one rubber band, or two); height, start, bands, length, stop as signs, and the distance.
CATAPULT = (
    "----+ 28", "00+00 99", "+++++ 126.5", "+-++- 126.5", "-+++- 45", "+---- 35", "00-00 45", "++--+ 28.25", "+--++ 85",
    "-+--- 8", "++-+- 36.5", "---+- 33", "00+00 84.5", "+++-- 28.5", "--+-- 33.5", "-++-+ 36", "+-+-+ 84", "-+-++ 45",
    "00-00 37.5", "--+++ 106",
)  # fmt: skip


def test_the_catapult_experiment_with_its_centre_points():
    """
    The handbook fits all pairs to all twenty runs, without a term for the centre: h 13.4844, s -11.0781, l 20.1406,
    e 12.0469, bl 7.6094, halves of effects; and b from all runs, 19.4125, with a standard deviation of 13.28 and 4
    degrees of freedom.  Here the centre has a term of its own, the curvature, which takes one of those.
    """
    levels = {"-": -1, "0": 0, "+": 1}
    points = [(tuple(levels[sign] for sign in line[:5]), float(line[6:])) for line in CATAPULT]
    rows = list(dict.fromkeys(row for row, _ in points))
    seen: dict = {}
    runs = []
    for row, value in points:
        seen[row] = seen.get(row, 0) + 1
        runs.append((rows.index(row), "lab", seen[row], value))

    found = fit("hsble", rows, runs, block=())
    values, (one, *_) = told(found), found.estimates
    left = {row: [value for other, value in points if other == row] for row in rows}
    corners = [some[0] for row, some in left.items() if 0 not in row]
    centre = [value for row, some in left.items() if 0 in row for value in some]

    printed = {"h": 13.4844, "s": -11.0781, "l": 20.1406, "e": 12.0469, "hs": -2.7656, "bl": 7.6094, "le": 3.1406}
    assert {name: values[name] / 2 for name in printed} == pytest.approx(printed, abs=6e-5)
    assert (found.runs, found.degrees, found.curvature.runs) == (20, 3, 4)
    assert float(found.curvature.value) == pytest.approx(sum(corners) / 16 - sum(centre) / 4, rel=1e-5)
    residual = 4 * 13.28**2  # of the handbook, its digits
    share = float(found.curvature.value) ** 2 / (1 / 16 + 1 / 4)
    assert float(found.sigma) ** 2 * 3 == pytest.approx(residual - share, rel=2e-3)
    assert float(one.error) == pytest.approx(2 * float(found.sigma) / 16**0.5, rel=1e-5)


# Box, Hunter & Hunter (1978), table 12.1, and (2005), table 6.4: reactor, 2^5 in standard order, percent reacted.
REACTOR = (
    61, 53, 63, 61, 53, 56, 54, 61, 69, 61, 94, 93, 66, 60, 95, 98,
    56, 63, 70, 65, 59, 55, 67, 65, 44, 45, 78, 77, 49, 42, 81, 82,
)  # fmt: skip


def test_the_reactor_experiment():
    """Box, Hunter & Hunter (1978), table 12.1b."""
    values = told(once(FIVE, standard_rows(FIVE, {}), REACTOR))

    assert [values[name] for name in FIVE] == [-1.375, 19.5, -0.625, 10.75, -6.25]
    pairs = {"ab": 1.375, "ac": 0.75, "ad": -0.875, "ae": 0.125, "bc": 0.875, "bd": 13.25, "be": 2.0}
    assert pairs | {"cd": 2.125, "ce": 0.875, "de": -11.0} == {name: values[name] for name in values if len(name) == 2}


def test_half_of_the_reactor_experiment():
    """Box, Hunter & Hunter (1978), table 12.2: 5 = 1234."""
    rows = standard_rows(FIVE, {"e": (1, tuple("abcd"))})
    full = dict(zip(standard_rows(FIVE, {}), REACTOR, strict=True))

    values = told(once(FIVE, rows, [full[row] for row in rows]))

    assert [values[name] for name in FIVE] == [-2.0, 20.5, 0.0, 12.25, -6.25]
    pairs = {"ab": 1.5, "ac": 0.5, "ad": -0.75, "ae": 1.25, "bc": 1.5, "bd": 10.75, "be": 1.25}
    assert pairs | {"cd": 0.25, "ce": 2.25, "de": -9.5} == {name: values[name] for name in values if len(name) == 2}


# Box, Hunter & Hunter (1978), table 10.2: pilot plant, two runs of each condition of a 2^3 in standard order.
PILOT = ((59, 61), (74, 70), (50, 58), (69, 67), (50, 54), (81, 85), (46, 44), (79, 81))


def test_the_pilot_plant_experiment():
    """Box, Hunter & Hunter (1978), section 10.3 and table 10.4: T 23.0, C -5.0, K 1.5, TC 1.5, TK 10.0, CK 0.0.  The
    variance within conditions is 8 with 8 degrees of freedom, and TCK = 0.5 joins it here."""
    rows = standard_rows(("t", "c", "k"), {})
    runs = [(number, "plant", again, value) for number, pair in enumerate(PILOT) for again, value in enumerate(pair)]

    found = fit(("t", "c", "k"), rows, runs, block=())

    assert told(found) == {"t": 23, "c": -5, "k": 1.5, "tc": 1.5, "tk": 10, "ck": 0}
    assert (found.degrees, float(found.sigma) ** 2) == (9, pytest.approx((8 * 8 + 4 * 0.5**2) / 9, rel=1e-5))
    assert [one.effect for one in found.estimates if one.discovered] == [("t",), ("c",), ("t", "k")]


def test_the_injection_moulding_experiment():
    """Montgomery (2013), example 8.4: shrinkage in a 2^(6-2) with E = ABC and F = BCD; the fitted line has 6.9375 A,
    17.8125 B and 5.9375 AB, halves of the effects, which are the largest three."""
    rows = standard_rows(SIX, {"e": (1, ("a", "b", "c")), "f": (1, ("b", "c", "d"))})

    found = once(SIX, rows, (6, 10, 32, 60, 4, 15, 26, 60, 8, 12, 34, 60, 16, 5, 37, 52))
    values = told(found)

    assert (values["a"] / 2, values["b"] / 2, values["ab"] / 2) == (6.9375, 17.8125, 5.9375)
    assert [effect for effect, _ in found.contrasts[-3:]] == [("a", "b"), ("a",), ("b",)]
    assert next(one for one in found.estimates if one.effect == ("a", "b")).chain[1] == (1, ("c", "e"))


# Box, Hunter & Hunter (1978), sections 12.3 and 12.5: seconds up a hill, 2^(7-4), then with the gear (4) reversed.
BICYCLE = {"d": (1, ("a", "b")), "e": (1, ("a", "c")), "f": (1, ("b", "c")), "g": (1, ("a", "b", "c"))}
FIRST, AGAIN = (69, 52, 60, 83, 71, 50, 59, 88), (47, 74, 84, 62, 53, 78, 87, 60)


def test_the_bicycle_experiment():
    """Box, Hunter & Hunter (1978), table 12.5: 3.5, 12.0, 1.0, 22.5, 0.5, 1.0, 2.5; the fourth is 4 + 12 + 37 + 56."""
    found = once(SEVEN, standard_rows(SEVEN, BICYCLE), FIRST)

    assert list(told(found).values()) == [3.5, 12.0, 1.0, 22.5, 0.5, 1.0, 2.5]
    assert found.estimates[3].chain == ((1, ("d",)), (1, ("a", "b")), (1, ("c", "g")), (1, ("e", "f")))


def test_the_bicycle_experiment_folded_over_on_the_gear():
    """Box, Hunter & Hunter (1978), section 12.5: with the second fraction the gear's effect is free of all interactions
    of two factors: (22.5 + 25.25) / 2 = 23.9; and so are these: 4 with any other factor."""
    first = standard_rows(SEVEN, BICYCLE)
    again = folded(SEVEN, first, "d")
    second = dict(zip(standard_rows(SEVEN, BICYCLE | {"d": (-1, ("a", "b"))}), AGAIN, strict=True))
    runs = [(number, "day", 1, value) for number, value in enumerate(FIRST)]
    runs += [(8 + number, "day", 2, second[row]) for number, row in enumerate(again)]

    found = fit(SEVEN, [*first, *again], runs, block=())
    chains = {one.effect: one.chain for one in found.estimates}

    assert round(told(found)["d"], 1) == 23.9
    assert round(told(found)["b"], 1) == 11.1
    assert all(len(chain) == 1 for effect, chain in chains.items() if "d" in effect)
    assert chains["a",] == ((1, ("a",)), (1, ("c", "e")), (1, ("f", "g")))


# NIST/SEMATECH e-Handbook, section 5.4.7.1 (CERAMIC.DAT): strength of ceramics, mean of 15, 2^5 in standard order.
CERAMIC = (
    680.45, 722.48, 702.14, 666.93, 703.67, 642.14, 692.98, 669.26, 491.58, 475.52, 478.76, 568.23, 444.72, 410.37,
    428.51, 491.47, 607.34, 620.80, 610.55, 638.04, 585.19, 586.17, 601.67, 608.31, 442.90, 434.41, 417.66, 510.84,
    392.11, 343.22, 385.52, 446.73,
)  # fmt: skip
SQUARES = {
    "a": 894, "b": 3497, "c": 12664, "d": 315133, "e": 33654, "ab": 4873, "ac": 1839, "ad": 1637, "ae": 465, "bc": 307,
    "bd": 1973, "be": 199, "cd": 3158, "ce": 29, "de": 1329, "abc": 357, "abd": 5896, "abe": 145, "acd": 2, "ace": 30,
    "ade": 545, "bcd": 44, "bce": 26, "bde": 167, "cde": 32,
}  # fmt: skip


def test_the_ceramic_strength_experiment_of_nist():
    """Its table of variance, with terms of up to three factors: in 32 runs a sum of squares is 8 times the effect
    squared; what is left has 6 degrees of freedom and a standard deviation of 17.81632."""
    found = once(FIVE, standard_rows(FIVE, {}), CERAMIC)
    sizes = {"".join(effect): abs(float(size)) for effect, size in found.contrasts}

    squares = {name: 8 * size**2 for name, size in sizes.items()}
    assert {name: squares[name] for name in SQUARES} == pytest.approx(SQUARES, abs=0.5, rel=5e-6)
    left = [squares["".join(word)] for size in (4, 5) for word in combinations(FIVE, size)]
    assert (sum(left) / len(left)) ** 0.5 == pytest.approx(17.81632, rel=1e-5)
    assert {name: abs(value) for name, value in told(found).items()} == {
        name: size for name, size in sizes.items() if len(name) < 3
    }
    assert told(found)["d"] < 0 < told(found)["b"]


# --- what a table may look like --------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("C", "Q", "I", "T"), ("E", "S", "N", "O")])
def test_names_that_mean_something_elsewhere_are_names(names):
    found = once(names, standard_rows(names, {}), FILTRATION)

    assert {one.effect: one.value for one in found.estimates}[names[0],] == "21.625"
    assert alias_chains(names, standard_rows(names, {}))[0] == ((1, (names[0],)),)
    assert best_split(names, standard_rows(names, {}), 2).words == (names,)


def test_a_row_that_is_there_twice_counts_as_runs_of_one_condition():
    rows = [*standard_rows(FOUR, {}), (1, 1, 1, 1)]

    found = once(FOUR, rows, (*FILTRATION, 96))

    assert found.statements == (SameCondition(("r_16", "r_17")),)
    assert (found.runs, found.method) == (17, Method.LEAST_SQUARES)


def test_a_host_that_lost_half_its_cells_is_named_and_effects_rest_on_the_others():
    rows = standard_rows(FOUR, {})
    runs = [(number, "left", 1, value) for number, value in enumerate(FILTRATION)]
    runs += [(number, "right", 2, value + 7) for number, value in enumerate(FILTRATION) if number % 2]

    found = fit(FOUR, rows, runs)
    one = found.estimates[0]

    mixed = [HostsAliased((name,), (), (("a", name),)) for name in "bcd"]
    assert found.statements == (RunsLost("right", 8, 16), *mixed)
    assert (one.value, one.hosts) == ("21.625", (("left", "21.625"), ("right", None)))
    assert one.agree == (1, 1)


def told_with(factors, rows, values, block, terms=()):
    """A fit of replicates, each with a seed of its own; pairs and *terms* are in the model."""
    asked = Effects("all", ("s",), ("d",), True, terms, block, "all", Fraction(5, 100), "", where={})
    points = {f"r_{number:02d}": row for number, row in enumerate(rows, start=1)}
    cells = tuple(("box", seed) for seed in range(1, len(values[0]) + 1))
    table = tuple(
        Row(name, tuple(measured(cell, str(value)) for cell, value in zip(cells, some, strict=True)))
        for name, some in zip(points, values, strict=True)
    )
    return fit_stage(asked, factors, points, Evidence("s", "y", cells, table))


def test_the_plasma_etch_experiment():
    """Montgomery (2013), example 6.1: A -101.625, B 7.375, C 306.125, AB -24.875, AC -153.625, BC -2.125, ABC 5.625;
    error mean square 2252.56 with 8 degrees of freedom."""
    values = [(550, 604), (669, 650), (633, 601), (642, 635), (1037, 1052), (749, 868), (1075, 1063), (729, 860)]
    found = told_with("abc", standard_rows("abc", {}), values, (), (("a", "b", "c"),))

    assert told(found) == {
        "a": -101.625, "b": 7.375, "c": 306.125, "ab": -24.875, "ac": -153.625, "bc": -2.125, "abc": 5.625
    }  # fmt: skip
    assert (found.degrees, float(found.sigma) ** 2) == (8, pytest.approx(2252.56, rel=1e-5))


@pytest.mark.parametrize(("block", "degrees", "square", "f_of_a"), [((), 8, 3.92, 53.15), (("seed",), 6, 4.14, 50.32)])
def test_the_chemical_process_without_blocks_and_in_three(block, degrees, square, f_of_a):
    """Montgomery (2013), section 6.2 and example 7.1: A 8.33, B -5.00, AB 1.67; error mean square and F of A as in
    tables 6.1 and 7.1 (three batches of raw material)."""
    values = [(28, 25, 27), (36, 32, 32), (18, 19, 23), (31, 30, 29)]
    found = told_with("ab", standard_rows("ab", {}), values, block)

    assert told(found) == pytest.approx({"a": 8.33, "b": -5.00, "ab": 1.67}, abs=0.005)
    assert (found.degrees, float(found.sigma) ** 2) == (degrees, pytest.approx(square, abs=0.005))
    assert float(found.estimates[0].t) ** 2 == pytest.approx(f_of_a, abs=0.06)
