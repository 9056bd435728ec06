"""
Experiments that went on: fold-overs and arrays with partial aliases, to the digits in print.

Nested fold-overs are published as half of a fold-over inside the whole of it.  For the fold-over of a design together
with its own fold-over no published analysis was found; that one is held to dense algebra, on a published parent.
"""

import random
from fractions import Fraction

import pytest

from evidence.test_published import SEVEN, SIX, fit, once, told
from promo.study.design import folded, standard_rows

np = pytest.importorskip("numpy")

# Montgomery (2013), example 8.7: seconds that an eye needs to focus, a 2^(7-4) and then all of its signs reversed.
EYE = {"d": (1, ("a", "b")), "e": (1, ("a", "c")), "f": (1, ("b", "c")), "g": (1, ("a", "b", "c"))}
FOCUS, AGAIN = (85.5, 75.1, 93.2, 145.4, 83.7, 77.6, 95.0, 141.8), (91.3, 136.7, 82.4, 73.4, 94.1, 143.8, 87.3, 71.9)


def eye():
    """Rows of the first fraction and of its fold-over, in the order of the values."""
    first = standard_rows(SEVEN, EYE)
    return first, [tuple(-one for one in row) for row in first]


def test_the_eye_focus_experiment():
    """Montgomery (2013), example 8.7: 20.63, 38.38, -0.28, 28.88, -0.28, -0.63, -2.43."""
    found = once(SEVEN, eye()[0], FOCUS)

    assert list(told(found).values()) == pytest.approx([20.63, 38.38, -0.28, 28.88, -0.28, -0.63, -2.43], abs=0.0051)
    assert found.estimates[0].chain == ((1, ("a",)), (1, ("b", "d")), (1, ("c", "e")), (1, ("f", "g")))


def test_the_fold_over_of_the_eye_focus_experiment_alone():
    """Montgomery (2013), example 8.7: -17.68, 37.73, -3.33, 29.88, 0.53, 1.63, 2.68, each less its interactions."""
    found = once(SEVEN, eye()[1], AGAIN)

    assert list(told(found).values()) == pytest.approx([-17.68, 37.73, -3.33, 29.88, 0.53, 1.63, 2.68], abs=0.0051)
    assert found.estimates[0].chain == ((1, ("a",)), (-1, ("b", "d")), (-1, ("c", "e")), (-1, ("f", "g")))


def test_the_eye_focus_experiment_folded_over():
    """
    Montgomery (2013), example 8.7, both fractions: A 1.48, B 38.05, C -1.80, D 29.38, E 0.13, F 0.50, G 0.13; BD and
    its aliases 19.15, AD 0.33, AE 1.53, AB -0.50, AC -0.40, CD -2.55.  For BC the book prints -1.53, but the halves of
    its own two estimates give (-0.63 - 1.63) / 2 = -1.13.
    """
    first, again = eye()
    assert tuple(again) == folded(SEVEN, first, SEVEN)
    runs = [(number, "day", 1, value) for number, value in enumerate(FOCUS)]
    runs += [(8 + number, "day", 2, value) for number, value in enumerate(AGAIN)]

    found = fit(SEVEN, [*first, *again], runs, block=("seed",))
    values = told(found)

    printed = {"a": 1.48, "b": 38.05, "c": -1.80, "d": 29.38, "e": 0.13, "f": 0.50, "g": 0.13}
    printed |= {"bd": 19.15, "ad": 0.33, "ae": 1.53, "ab": -0.50, "ac": -0.40, "cd": -2.55, "bc": -1.13}
    chains = {"".join(effect): name for name in values for one in found.estimates if "".join(one.effect) == name
              for _, effect in one.chain}  # fmt: skip
    assert {name: values[chains[name]] for name in printed} == pytest.approx(printed, abs=0.0051)
    assert all(len(one.chain) == 1 for one in found.estimates if len(one.effect) == 1)
    assert found.blocks.blocks == 2


def test_a_fold_over_of_a_fold_over_is_fitted_as_by_dense_algebra():
    """Eight runs, their reversal, and all sixteen with `a` reversed, three blocks; the last sixteen values are made."""
    first, again = eye()
    more = folded(SEVEN, [*first, *again], "a")
    rows, draw = [*first, *again, *more], random.Random(8)
    made = [round(95 + 19 * row[1] + 14.7 * row[3] + 9.6 * row[1] * row[3] + draw.gauss(3, 2), 1) for row in more]
    values = [*FOCUS, *AGAIN, *made]
    days = [1] * 8 + [2] * 8 + [3] * 16
    found = fit(SEVEN, rows, [(n, "day", days[n], value) for n, value in enumerate(values)], block=("seed",))

    place = {name: number for number, name in enumerate(SEVEN)}
    columns = [[float(day == one) for day in days] for one in (1, 2, 3)]
    effects = [one.effect for one in found.estimates]
    columns += [[float(np.prod([row[place[name]] for name in effect])) for row in rows] for effect in effects]
    dense = np.array(columns).T
    solved = np.linalg.lstsq(dense, np.array(values))[0]
    free = 32 - np.linalg.matrix_rank(dense)
    sigma = (((np.array(values) - dense @ solved) ** 2).sum() / free) ** 0.5
    spread = np.linalg.pinv(dense.T @ dense)

    assert len(set(rows)) == 32
    assert found.degrees == free > 0
    assert float(found.sigma) == pytest.approx(sigma, rel=1e-5)
    for number, one in enumerate(found.estimates, start=3):
        assert float(one.value) == pytest.approx(2 * solved[number], rel=1e-5, abs=1e-5)
        assert float(one.error) == pytest.approx(2 * sigma * spread[number, number] ** 0.5, rel=1e-5)
    # With the second fold-over every interaction with `a` is alone in its chain.
    assert all(len(one.chain) == 1 for one in found.estimates if "a" in one.effect)
    assert max(len(one.chain) for one in found.estimates) > 1


# Montgomery (2013), section 8.7.2: thickness of photoresist, a 2^(6-2), and the same with the sign of `a` reversed.
COATER = {"e": (1, ("a", "b", "c")), "f": (1, ("b", "c", "d"))}
COATED = (4524, 4657, 4293, 4516, 4508, 4432, 4197, 4515, 4521, 4610, 4295, 4560, 4487, 4485, 4195, 4510)
RECOATED = (4615, 4445, 4475, 4285, 4610, 4325, 4330, 4425, 4655, 4525, 4485, 4310, 4620, 4335, 4345, 4305)


def coater(*, half):
    """Parent and fold-over in two blocks; of the latter all runs, or those with `a` low."""
    first = standard_rows(SIX, COATER)
    rows, values = [*first, *folded(SIX, first, "a")], [*COATED, *RECOATED]
    runs = [(number, "fab", 1 + (number >= 16), value) for number, value in enumerate(values)]
    return fit(SIX, rows, [run for run in runs if run[0] < 16 or not half or rows[run[0]][0] < 0], block=("seed",))


def test_the_spin_coater_folded_over_on_one_factor():
    """Montgomery (2013), 8.7.2: mains alone, nine pairs alone, BC + DF, BD + CF, BF + CD; 0.18 sigma; A 152.81."""
    found = coater(half=False)

    chains = {"".join(one.effect): ["".join(effect) for _, effect in one.chain] for one in found.estimates}
    pairs = [effects for effects in chains.values() if len(effects[0]) == 2]
    assert all(chains[name] == [name] for name in SIX)
    assert sum(len(effects) == 1 for effects in pairs) == 9
    assert [effects for effects in pairs if len(effects) > 1] == [["bc", "df"], ["bd", "cf"], ["bf", "cd"]]
    assert max(map(abs, told(found).values())) == told(found)["a"] == pytest.approx(152.81, abs=0.0051)
    of_sigma = {float(one.error) / 2 / float(found.sigma) for one in found.estimates}
    assert {round(one, 2) for one in of_sigma} == {0.18}


def test_the_spin_coater_with_half_of_its_fold_over():
    """Montgomery (2013), 8.7.2: standard errors of coefficients from 0.20 to 0.25 sigma; A 158.13."""
    found = coater(half=True)

    assert found.runs == 24
    assert told(found)["a"] == pytest.approx(158.13, abs=0.0051)
    of_sigma = [float(one.error) / 2 / float(found.sigma) for one in found.estimates]
    assert (round(min(of_sigma), 2), round(max(of_sigma), 2)) == (0.20, 0.25)
    assert {len(one.chain) for one in found.estimates} == {1, 2}
    assert [tuple(map("".join, (one.effect, one.chain[-1][1]))) for one in found.estimates if len(one.chain) == 2] == [
        ("bc", "df"),
        ("bd", "cf"),
        ("bf", "cd"),
    ]


# Montgomery (2013), example 8.8: made data in the twelve runs of Plackett and Burman; its rows are shifts of the first.
BURMAN, MADE = "++-+++---+-", (231, 207, 230, 217, 175, 176, 183, 185, 181, 220, 229, 168)


def test_twelve_runs_of_plackett_and_burman():
    """Montgomery (2013), table 8.26: sums of squares, 3 times the square of an effect, and D 34.000."""
    names = "abcdefghjkl"
    row = tuple(1 if sign == "+" else -1 for sign in BURMAN)
    rows = [row[11 - shift :] + row[: 11 - shift] for shift in range(11)] + [(-1,) * 11]
    mains = fit(tuple(names), rows, [(n, "box", 1, value) for n, value in enumerate(MADE)], pairs=False)
    values = told(mains)

    printed = (481.333, 533.333, 560.333, 3468.0, 560.333, 3.0, 16.333, 27.0, 481.333, 408.333, 0.333)
    assert [3 * values[name] ** 2 for name in names] == pytest.approx(printed, abs=6e-4, rel=1e-5)
    assert values["d"] == 34
    # Each main effect takes up a third of the 45 interactions of the others, and of none of its own.
    for one in mains.estimates:
        assert len(one.aliases) == 45
        assert {abs(much) for much, _ in one.aliases} == {Fraction(1, 3)}
        assert all(one.effect[0] not in effect for _, effect in one.aliases)
