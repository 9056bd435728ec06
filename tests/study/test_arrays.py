"""Orthogonal arrays: held to their definition, and in a spec."""

import json
import re
from collections import Counter
from fractions import Fraction
from itertools import combinations
from math import prod
from pathlib import Path

import pytest

from promo.report.design import array_json, array_text
from promo.study.arrays import SIX, TWELVE, array_of, full_of, lengths, sizes
from promo.study.design import standard_rows, word_lengths
from promo.study.meaning import pin_of
from promo.study.space import Array
from support import compiled, promo, spec, study_of

# The most that Hedayat, Sloane & Stufken (1999), table 12.7, and Taguchi's tables have of these sizes.
LARGEST = {
    8: [(2,) * 7, (4, 2, 2, 2, 2)],
    9: [(3,) * 4],
    12: [(2,) * 11],
    16: [(4,) * 5, (2,) * 15, (4, 4, *(2,) * 9)],
    18: [(2, *(3,) * 7), (6, *(3,) * 6)],
    25: [(5,) * 6],
    27: [(3,) * 13],
    36: [((2,) * 11 + (3,) * 12)],
}


@pytest.mark.parametrize(("rows", "levels"), [(rows, levels) for rows, those in LARGEST.items() for levels in those])
def test_any_two_levels_of_two_factors_meet_equally_often(rows, levels):
    array = array_of(rows, levels)

    assert {len(row) for row in array} == {len(levels)}
    for one, other in combinations(range(len(levels)), 2):
        met = Counter((row[one], row[other]) for row in array)
        assert met == dict.fromkeys(full_of((levels[one], levels[other])), rows // (levels[one] * levels[other]))
    assert array_of(rows, (*levels, max(levels))) is None


def test_every_size_is_tried():
    assert tuple(LARGEST) == sizes()


@pytest.mark.parametrize("scheme", [SIX, TWELVE])
def test_differences_of_a_scheme_hold_every_element_equally_often(scheme):
    for one, other in combinations(scheme, 2):
        differences = Counter((int(a) - int(b)) % 3 for a, b in zip(one, other, strict=True))
        assert set(differences.values()) == {len(scheme) // 3}


def test_generalised_word_lengths_are_those_of_two_levels_and_add_up():
    """Over distinct rows they add up to the number of combinations for each row (MacWilliams' identity at 1)."""
    rows = standard_rows(tuple("abcde"), {"d": (1, ("a", "b")), "e": (-1, ("a", "c"))})
    two = [tuple((level + 1) // 2 for level in row) for row in rows]

    assert lengths(two, (2,) * 5) == word_lengths(rows, regular=True)
    for count, levels in ((18, (2, 3, 3, 3)), (16, (4, 2, 2, 2)), (36, (3, 3, 3, 3, 2))):
        array = array_of(count, levels)
        assert len(set(array)) == count
        assert sum(lengths(array, levels)) == prod(levels) / count


MIXED = """
design mixed array 9 {
  vary     quality in [11, 12, 13]
  vary     size in [2, 4, 8]
}

design grid full {
  vary     quality in [11, 12, 13]
  vary     size low 16 high 32
}

cohort rowed {
  rows     mixed all
  rows     grid [2, 6]
  expect   11 candidates
}

stage more {
  train    rowed for 1s
  on       box
  seeds    50
  report   only
}
"""
TEXT = spec(extra=MIXED)


USING = spec(
    extra='use "other.promo" pinned sha256:PIN (mixed)\n\ncohort few { rows mixed [1, 9] }\n\n'
    "stage more {\n  train few for 1s\n  on box\n  seeds 50\n  report only\n}\n"
)


def test_rows_of_an_array_are_candidates_that_stages_train():
    study = study_of(TEXT)
    rows = [dict(study.candidates[f"mixed_{number}"].levels) for number in range(1, 10)]

    assert {(row["quality"], row["size"]) for row in rows} == {(a, b) for a in (11, 12, 13) for b in (2, 4, 8)}
    assert [dict(study.candidates[name].levels)["quality"] for name in ("grid_2", "grid_6")] == [12, 13]
    assert dict(study.candidates["grid_6"].levels)["size"] == 32
    assert (array_json(study.arrays["mixed"])["strength"], array_json(study.arrays["grid"])["strength"]) == (2, 2)
    assert "every combination of levels occurs equally often" in array_text(study.arrays["grid"])


def test_promo_design_prints_arrays_beside_other_designs(workplace, capsys):
    path = workplace / "trial.promo"
    path.write_text(TEXT, encoding="utf-8")

    assert promo("design", path, "mixed") == 0
    said = capsys.readouterr().out
    assert "every combination of levels occurs equally often" in said
    assert "design mixed: array, 9 rows, 2 factors of 3 x 3 levels" in said
    assert "mixed_9  13       8" in said
    assert promo("design", path, "--json") == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["mixed", "grid"]


def test_every_combination_has_its_limit():
    levels = {"quality": range(-100, 101), "size": range(1, 65), "ratio": range(1, 9)}
    vary = "".join(f"  vary     {name} in [{', '.join(map(str, those))}]\n" for name, those in levels.items())
    text = spec(factor_ratio="factor ratio: units in 1..8 step 1 default 1", extra=f"design grid full {{\n{vary}}}\n")

    assert [one.message for one in compiled(text).diagnostics if one.code == "P0703"] == [
        "these levels have 102912 combinations, and 65536 is the most"
    ]


def test_an_array_says_how_far_its_factors_can_be_told_apart():
    rows = array_of(9, (3, 3, 3))
    array = Array("nine", "array", tuple("abc"), (tuple(map(Fraction, range(3))),) * 3, rows, {})

    assert "strength: 2, so any 2 factors have all their combinations equally often" in array_text(array)
    assert "word lengths: A3 = 2" in array_text(array)


def test_an_array_is_brought_from_another_text(tmp_path):
    (tmp_path / "other.promo").write_text(TEXT, encoding="utf-8")
    pin = next(one for one in compiled(USING.replace("PIN", "0" * 12), tmp_path).diagnostics if one.code == "P0204")
    digest = re.search(r"sha256:(\w+)", pin.hint)[1]

    study = compiled(USING.replace("PIN", digest), tmp_path).sound()[0]

    assert study.arrays["mixed"].rows == study_of(TEXT).arrays["mixed"].rows
    assert study.cohorts["few"] == ("mixed_1", "mixed_9")


def test_a_pin_holds_on_to_rows_that_no_cohort_uses():
    rows = "design unused full {\n  vary quality low -20 high 20\n}\n\n"

    pins = {pin_of(study_of(spec(extra=text))) for text in ("", rows, rows.replace("high 20", "high 30"))}

    assert len(pins) == 3


# --- samples -------------------------------------------------------------------------------------------------

HYPERBAND = (Path(__file__).parents[1] / "cases" / "hyperband_81.promo").read_text(encoding="utf-8")
DRAWN = "design draws sample {count} seed {seed} {{\n  vary size\n  vary ratio\n  vary quality in -2..2 step 1/2\n}}\n"


def drawn(count: int, seed: int) -> Array:
    return study_of(spec(extra=DRAWN.format(count=count, seed=seed))).arrays["draws"]


def test_a_hundred_lines_say_a_bracket_of_hyperband():
    study = study_of(HYPERBAND)

    assert len(HYPERBAND.splitlines()) < 120
    assert len(study.cohorts["c81"]) == 81
    assert len({study.candidates[name].effective.settings for name in study.cohorts["c81"]}) == 81


def test_a_sample_is_the_same_every_time_and_another_one_with_another_seed():
    assert drawn(20, 7).rows == drawn(20, 7).rows
    assert drawn(20, 7).rows != drawn(20, 8).rows
    assert drawn(20, 7).rows[:10] == drawn(10, 7).rows


def test_every_level_of_a_sample_is_about_as_frequent_and_factors_are_drawn_apart():
    """Chi-squared over nine levels: 26.1 is passed in one of a thousand samples (8 degrees of freedom)."""
    array = drawn(500, 1)
    place = array.factors.index("quality")
    counts = Counter(row[place] for row in array.rows)
    expected = len(array.rows) / 9
    together = Counter((row[place] > 4, row[array.factors.index("size")] > 31) for row in array.rows)

    assert sum((counts[level] - expected) ** 2 / expected for level in range(9)) < 26.1
    assert min(together.values()) > 80


def test_levels_of_a_sample_are_those_of_its_ranges():
    array = drawn(20, 7)

    assert array.levels[array.factors.index("quality")] == tuple(Fraction(n, 2) for n in range(-4, 5))
    assert array.levels[array.factors.index("size")] == tuple(map(Fraction, range(1, 65)))
    assert array_text(array).startswith("design draws: sample, 20 rows")
    assert array_json(array)["word_lengths"] == []


def test_a_range_in_steps_is_a_list_of_levels_in_any_design_of_several():
    grid = "design grid full {\n  vary size in 8..32 times 2\n  vary ratio in [1, 4]\n}\n"

    assert study_of(spec(extra=grid)).arrays["grid"].levels == (
        (Fraction(8), Fraction(16), Fraction(32)),
        (Fraction(1), Fraction(4)),
    )
