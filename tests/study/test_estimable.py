"""What rows can tell, by their information matrix, against published designs and dense algebra."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promo.study.aberration import known_fractions
from promo.study.design import clear_pairs, effects_up_to, folded, resolution, standard_rows, word_lengths
from promo.study.estimable import Information, dependence_text, sum_text, webb_resolution

np = pytest.importorskip("numpy")

THREE, FOUR = ("a", "b", "c"), ("a", "b", "c", "d")
HALF = {"d": (1, ("a", "b", "c"))}
PARTLY = [row for row in standard_rows(THREE, {}) if row[:2] != (1, 1)]
"""Six rows, in which a * b = -1 - a - b."""


def clear_effects(factors, rows):
    """Effects of one or two factors that are estimated whatever the other such effects are."""
    every = effects_up_to(factors, 2)
    lost = Information(factors, rows).lost(every)
    return tuple(effect for effect in every if effect not in lost)


def dense(factors, rows, effects):
    """A column for the mean and each effect."""
    at = [[factors.index(one) for one in effect] for effect in ((), *effects)]
    return np.array([[np.prod([row[place] for place in places]) for places in at] for row in rows], float)


def test_three_of_four_rows_do_not_tell_an_interaction_from_its_factors():
    found = Information(THREE, PARTLY).dependences(effects_up_to(THREE, 2))

    assert [dependence_text(one, ("a", "b")) for one in found] == [("a * b", "-1 - a - b")]
    assert clear_effects(THREE, PARTLY) == (("c",), ("a", "c"), ("b", "c"))
    assert webb_resolution(THREE, PARTLY) == 3


def test_a_semifold_of_a_half_fraction_tells_every_interaction_and_is_not_orthogonal():
    """Mee & Peralta (2000), "Semifolding 2^(k-p) designs", Technometrics 42: half of the fold-over of a 2^(4-1) on one
    factor frees all interactions of two factors, in 12 rows; main effects alone are then mixed with them in part."""
    rows = standard_rows(FOUR, HALF)
    both = [*rows, *(row for row in folded(FOUR, rows, "a") if row[1] > 0)]
    information = Information(FOUR, both)
    aliases = information.aliases([(one,) for one in FOUR], effects_up_to(FOUR, 2))

    assert len(clear_effects(FOUR, both)) == 10
    assert webb_resolution(FOUR, both) == 5
    assert aliases["b",] == ()
    assert sum_text(aliases["a",]) == "1/3 a * b - 1/3 c * d"


@pytest.mark.parametrize(("count", "rows"), [(5, 16), (7, 16), (9, 16), (7, 32), (9, 32), (11, 32), (9, 64)])
def test_of_a_regular_fraction_it_is_what_the_words_say(count, rows):
    names = tuple(f"x{number}" for number in range(count))
    base = rows.bit_length() - 1
    for columns in known_fractions(count, rows):
        aliases = {
            names[base + place]: (1, tuple(names[bit] for bit in range(base) if column >> bit & 1))
            for place, column in enumerate(columns)
        }
        laid = standard_rows(names, aliases)
        shortest = next(place for place, one in enumerate(word_lengths(laid, regular=True)) if place and one)

        assert webb_resolution(names, laid) == shortest
        assert [one for one in clear_effects(names, laid) if len(one) == 2] == list(clear_pairs(names, laid))


def test_every_row_has_no_resolution():
    assert webb_resolution(THREE, standard_rows(THREE, {})) is None
    assert resolution(()) is None


FULL = standard_rows(FOUR, {})


@given(st.lists(st.sampled_from(FULL), min_size=2, max_size=20), st.integers(1, 2))
def test_any_rows_lose_what_dense_algebra_says_they_lose(rows, order):
    effects = effects_up_to(FOUR, order)
    matrix = dense(FOUR, rows, effects)
    rank = np.linalg.matrix_rank(matrix)
    lost = Information(FOUR, rows).lost(effects)

    for place, effect in enumerate(effects, start=1):
        estimable = np.linalg.matrix_rank(np.delete(matrix, place, axis=1)) == rank - 1
        assert (effect not in lost) == estimable
    assert len(Information(FOUR, rows).dependences(effects)) == len(effects) + 1 - rank


@given(st.lists(st.sampled_from(FULL), min_size=2, max_size=20))
def test_a_dependence_holds_in_every_row(rows):
    effects = effects_up_to(FOUR, 2)
    information = Information(FOUR, rows)

    for one in information.dependences(effects):
        columns = [[much * sign for sign in information.column(effect)] for much, effect in one.terms]
        assert {sum(some) for some in zip(*columns, strict=True)} == {one.constant}


@given(st.lists(st.sampled_from(FULL), min_size=5, max_size=20))
def test_aliases_and_errors_are_those_of_dense_algebra(rows):
    mains, pairs = effects_up_to(FOUR, 1), [one for one in effects_up_to(FOUR, 2) if len(one) == 2]
    information = Information(FOUR, rows)
    model = [effect for effect in mains if effect not in information.lost(mains)]
    first, other = dense(FOUR, rows, model), dense(FOUR, rows, pairs)[:, 1:]
    due = np.linalg.pinv(first) @ other
    spread = np.linalg.pinv(first.T @ first)

    for place, effect in enumerate(model, start=1):
        found = {pair: much for much, pair in information.aliases(model, pairs)[effect]}
        assert [float(found.get(pair, Fraction(0))) for pair in pairs] == pytest.approx(list(due[place]), abs=1e-9)
        width = information.widths(model)[effect]
        assert width == pytest.approx((spread[place, place] * len(rows)) ** 0.5, abs=1e-9)
