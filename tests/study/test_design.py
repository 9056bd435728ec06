"""Two-level designs against published tables; the sources stand beside the numbers."""

import json
from fractions import Fraction

import pytest

from promo.base.resources import design_table
from promo.report.design import design_json, design_text
from promo.study.aberration import known_fractions
from promo.study.design import (
    alias_chains,
    best_split,
    clear_pairs,
    correlations,
    defining_relation,
    flipped,
    folded,
    other_rows,
    standard_rows,
    word_lengths,
)
from study.fractions import table_text
from support import promo, spec, study_of

FIVE = ("a", "b", "c", "d", "e")
HALF = {"e": (1, ("a", "b", "c", "d"))}
SEVEN = tuple("abcdefg")
BICYCLE = {"d": (1, ("a", "b")), "e": (1, ("a", "c")), "f": (1, ("b", "c")), "g": (1, ("a", "b", "c"))}
"""Box, Hunter & Hunter (1978), section 12.3: seven variables of a bicycle in eight runs."""


def fraction(count: int, rows: int):
    """Names, aliases of promo's fraction of that size."""
    names = tuple(f"x{number}" for number in range(count))
    base = rows.bit_length() - 1
    columns = known_fractions(count, rows)[0]
    return names, {
        names[base + place]: (1, tuple(names[bit] for bit in range(base) if column >> bit & 1))
        for place, column in enumerate(columns)
    }


# Chen, Sun & Wu (1993), tables 1 to 3, and Wu & Hamada (2009), appendix 5A: (A3, A4, A5, A6) of minimum aberration.
PUBLISHED = {
    (5, 16): (0, 0, 1, 0),
    (6, 16): (0, 3, 0, 0),
    (7, 16): (0, 7, 0, 0),
    (8, 16): (0, 14, 0, 0),
    (9, 16): (4, 14, 8, 0),
    (10, 16): (8, 18, 16, 8),
    (6, 32): (0, 0, 0, 1),
    (7, 32): (0, 1, 2, 0),
    (8, 32): (0, 3, 4, 0),
    (9, 32): (0, 6, 8, 0),
    (10, 32): (0, 10, 16, 0),
    (11, 32): (0, 25, 0, 27),
    (8, 64): (0, 0, 2, 1),
    (9, 64): (0, 1, 4, 2),
    (10, 64): (0, 2, 8, 4),
    (11, 64): (0, 4, 14, 8),
    (9, 128): (0, 0, 0, 3),
    (10, 128): (0, 0, 3, 3),
    (11, 128): (0, 0, 6, 6),
}


@pytest.mark.parametrize(("count", "rows"), PUBLISHED)
def test_the_chosen_fraction_has_the_published_word_lengths(count, rows):
    names, aliases = fraction(count, rows)

    lengths = word_lengths(standard_rows(names, aliases), regular=True)

    assert tuple(map(int, (*lengths, 0)[3:7])) == PUBLISHED[count, rows]


def test_the_table_of_fractions_is_what_the_search_finds():
    assert table_text() == design_table().read_text(encoding="utf-8")


def test_word_lengths_from_distances_count_the_words_of_the_defining_relation():
    for count, rows in PUBLISHED:
        names, aliases = fraction(count, rows)
        words = defining_relation(names, aliases)
        counted = [sum(len(word) == length for _, word in words) for length in range(1, count + 1)]

        assert [Fraction(one) for one in counted] == list(word_lengths(standard_rows(names, aliases), regular=True))[1:]


def test_word_lengths_of_a_regular_fraction_need_one_row_only():
    rows = standard_rows(SEVEN, BICYCLE)

    assert word_lengths(rows, regular=True) == word_lengths(rows, regular=False)


def test_aliases_of_the_half_fraction_of_the_filtration_experiment():
    """Montgomery (2013), example 8.1: D = ABC, so A = BCD ... and AB = CD, AC = BD, AD = BC."""
    factors = ("a", "b", "c", "d")
    rows = standard_rows(factors, {"d": (1, ("a", "b", "c"))})

    assert alias_chains(factors, rows)[4:] == (
        ((1, ("a", "b")), (1, ("c", "d"))),
        ((1, ("a", "c")), (1, ("b", "d"))),
        ((1, ("a", "d")), (1, ("b", "c"))),
    )


def test_a_negative_generator_keeps_its_sign_in_every_alias():
    factors = ("a", "b", "c", "d")
    aliases = {"d": (-1, ("a", "b", "c"))}
    rows = standard_rows(factors, aliases)

    assert defining_relation(factors, aliases) == ((-1, ("a", "b", "c", "d")),)
    assert alias_chains(factors, rows)[4] == ((1, ("a", "b")), (-1, ("c", "d")))
    assert all(row[0] * row[1] * row[2] * row[3] == -1 for row in rows)


def test_injection_moulding_has_its_published_aliases():
    """Montgomery (2013), example 8.4: 2^(6-2), E = ABC, F = BCD; AB = CE, AC = BE, AD = EF, AE = BC = DF, AF = DE,
    BD = CF, BF = CD."""
    factors = tuple("abcdef")
    aliases = {"e": (1, ("a", "b", "c")), "f": (1, ("b", "c", "d"))}
    chains = {
        frozenset(effect for _, effect in chain)
        for chain in alias_chains(factors, standard_rows(factors, aliases))
        if len(chain) > 1
    }

    assert {word for _, word in defining_relation(factors, aliases)} == {tuple("abce"), tuple("bcdf"), tuple("adef")}
    assert chains == {
        frozenset({("a", "b"), ("c", "e")}),
        frozenset({("a", "c"), ("b", "e")}),
        frozenset({("a", "d"), ("e", "f")}),
        frozenset({("a", "e"), ("b", "c"), ("d", "f")}),
        frozenset({("a", "f"), ("d", "e")}),
        frozenset({("b", "d"), ("c", "f")}),
        frozenset({("b", "f"), ("c", "d")}),
    }


def test_folding_over_the_bicycle_experiment_frees_its_main_effects():
    """Box, Hunter & Hunter (1978), section 12.6: 2^(7-4) of resolution III with its fold-over has resolution IV, and
    seven words of four letters."""
    rows = standard_rows(SEVEN, BICYCLE)
    both = (*rows, *folded(SEVEN, rows, SEVEN))
    lengths = word_lengths(both, regular=False)
    kept = set(defining_relation(SEVEN, BICYCLE)) & set(flipped(defining_relation(SEVEN, BICYCLE), SEVEN))

    assert [str(one) for one in word_lengths(rows, regular=True)] == ["1", "0", "0", "7", "7", "0", "0", "1"]
    assert [str(one) for one in lengths] == ["1", "0", "0", "0", "7", "0", "0", "0"]
    assert {len(word) for _, word in kept} == {4}
    assert len(kept) == 7


def test_the_other_half_completes_a_half_fraction():
    rows = standard_rows(FIVE, HALF)

    assert set(other_rows(5, rows)) == set(standard_rows(FIVE, {"e": (-1, ("a", "b", "c", "d"))}))


def test_a_half_fraction_of_five_cannot_be_split_over_two_hosts_without_losing_an_interaction():
    """15 degrees of freedom hold 5 main effects and 10 interactions: none is left for the hosts."""
    split = best_split(FIVE, standard_rows(FIVE, HALF), 2)

    assert split.lost == (("d", "e"),)
    assert best_split(FIVE, standard_rows(FIVE, HALF), 2, [("d", "e")]).lost == (("c", "e"),)


# Montgomery (2013), table 7.9, suggested blocking: the orders of the words that are given up.
BLOCKS = {(3, 2): [3], (3, 4): [2, 2, 2], (4, 2): [4], (4, 4): [2, 3, 3], (5, 2): [5], (5, 4): [3, 3, 4]}


@pytest.mark.parametrize(("count", "parts"), BLOCKS)
def test_full_factorials_are_split_as_published(count, parts):
    names = FIVE[:count]

    split = best_split(names, standard_rows(names, {}), parts)

    assert sorted(map(len, split.words)) == BLOCKS[count, parts]


def test_clear_interactions_of_a_design_of_resolution_v_are_all():
    assert len(clear_pairs(FIVE, standard_rows(FIVE, HALF))) == 10
    assert clear_pairs(SEVEN, standard_rows(SEVEN, BICYCLE)) == ()


def test_a_design_that_lost_rows_is_no_longer_orthogonal():
    rows = [row for row in standard_rows(("a", "b"), {}) if row != (1, 1)]

    assert correlations(("a", "b"), rows)[0] == (("a",), ("b",), Fraction(-1, 3))


# --- in a spec -----------------------------------------------------------------------------------------------

VARIED = """
  vary     quality low 11 high 13 centre 12
  vary     size low 4 high 8 centre 6
  vary     ratio low 1 high 4 centre 2
"""


def three(kind: str, more: str = "", after: str = "") -> str:
    factor = "factor ratio: units in [1, 2, 4] default 1"
    return spec(factor_ratio=factor, extra=f"design screen {kind} {{{VARIED}{more}}}\n{after}")


def test_a_fraction_without_aliases_is_chosen_and_said_to_be():
    design = study_of(three("fraction 2^(3 - 1)", "  expect resolution 3\n")).designs["screen"]

    assert design.chosen
    assert design.generators == (("ratio", (1, ("quality", "size"))),)
    assert "chosen by promo" in design_text(design, {}, 2)


def test_a_resolution_is_met_with_the_fewest_rows():
    design = study_of(three("resolution 3")).designs["screen"]

    assert len(design.rows) == 4
    assert len(study_of(three("resolution 5")).designs["screen"].rows) == 8


def test_an_interaction_that_must_be_clear_moves_factors_to_other_columns():
    names = ("quality", "size", "ratio")
    chosen = study_of(three("resolution 3", "  clear size * ratio\n")).designs["screen"]

    assert ("size", "ratio") in clear_pairs(names, chosen.rows)


def test_a_fold_over_and_what_it_follows_are_judged_together():
    after = "design more foldover of screen on ratio {\n}\n"
    designs = study_of(three("fraction 2^(3 - 1)", after=after)).designs
    shown = design_json(designs["more"], designs, 2)

    assert designs["more"].resolution is None
    assert len(shown["rows"]) == 4
    assert [chain for chain in shown["aliases"] if len(chain) > 1] == []


def test_a_semifold_takes_half_of_the_reversed_rows():
    after = "design more semifold of screen on ratio with size high {\n}\n"
    design = study_of(three("fraction 2^(3 - 1)", after=after)).designs["more"]

    assert len(design.rows) == 2
    assert {row[1] for row in design.rows} == {1}


def test_the_centre_is_a_candidate_of_all_rows():
    after = (
        "cohort rowed { rows screen all }\nstage more {\n  train rowed for 1s\n  on box\n  seeds 50\n  report only\n}\n"
    )
    study = study_of(three("fraction 2^(3 - 1)", after=after))

    assert study.cohorts["rowed"][-1] == "screen_centre"
    assert dict(study.candidates["screen_centre"].levels)["size"] == 6


def test_a_factor_without_a_middle_keeps_both_ends_at_the_centre():
    rows = '  vary quality low 11 high 13 centre 12\n  vary behaviour low "ok" high "slow"\n'
    stage = "stage more {\n  train rowed for 1s\n  on box\n  seeds 50\n  report only\n}\n"
    study = study_of(spec(extra=f"design screen full {{\n{rows}}}\ncohort rowed {{ rows screen all }}\n{stage}"))
    design, centre = study.designs["screen"], study.cohorts["rowed"][-2:]

    assert design.middles == ((0, -1), (0, 1))
    assert centre == ("screen_centre_1", "screen_centre_2")
    assert [dict(study.candidates[name].levels)["quality"] for name in centre] == [12, 12]
    assert [dict(study.candidates[name].levels)["behaviour"] for name in centre] == ["ok", "slow"]
    assert "screen_centre_2  12" in design_text(design, {}, 2)


def test_a_constraint_leaves_rows_out_and_keeps_their_numbers():
    design = study_of(three("full", "  without quality high, size high\n")).designs["screen"]

    assert design.numbers == (1, 2, 3, 5, 6, 7)
    told = design_text(design, {}, 2)
    assert design.resolution == 3
    assert "main effects: 1 of 3 clear; not clear: quality, size" in told
    assert "quality * size = -1 - quality - size" in told
    assert "clear interactions: 2 of 3: quality * ratio, size * ratio" in told
    assert "ratio: ratio - 1/3 quality * ratio - 1/3 size * ratio" in told


def test_promo_design_prints_text_and_json(workplace, capsys):
    path = workplace / "trial.promo"
    path.write_text(three("fraction 2^(3 - 1)"), encoding="utf-8")

    assert promo("design", path, "screen", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["words"] == [[1, ["quality", "size", "ratio"]]]
    assert promo("design", path) == 0
    assert "defining relation: I = quality * size * ratio" in capsys.readouterr().out
    assert promo("design", path, "other") == 2
