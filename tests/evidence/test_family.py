"""How the tests of a family are read together, against a worked example, another library, and counting."""

import random
from itertools import combinations

import pytest
from scipy import stats as reference

from promo.base.tails import adjust_down, adjust_up
from promo.evidence.family import adjusted, levels
from promo.evidence.spread import Screened, false_discoveries
from promo.study.families import Procedure


def test_the_worked_example_of_holm():
    """Wright (1992), "Adjusted p-values for simultaneous inference", Biometrics 48: p 0.005, 0.011, 0.02, 0.04, 0.13
    become .025, .044, .060, .080, .130 by Holm's steps, and the same by Hochberg's."""
    values = [0.005, 0.011, 0.02, 0.04, 0.13]

    assert adjust_down(values) == pytest.approx([0.025, 0.044, 0.060, 0.080, 0.130])
    assert adjust_up(values) == pytest.approx([0.025, 0.044, 0.060, 0.080, 0.130])


def families(seed):
    """Random p, some of them equal."""
    draw = random.Random(seed)
    for _ in range(120):
        values = [draw.random() ** draw.choice([1, 3, 6]) for _ in range(draw.randint(1, 7))]
        yield values + values[: draw.randint(0, 1)]


def test_benjamini_and_hochberg_are_those_of_another_library():
    for values in families(5):
        due = reference.false_discovery_control(values, method="bh")

        assert adjusted(values, Procedure.BENJAMINI_HOCHBERG) == pytest.approx(list(due))


def test_holm_is_what_bonferroni_says_of_every_set_of_tests():
    """Marcus, Peritz & Gabriel (1976): the closure of Bonferroni's test, the largest over all sets."""
    for values in families(6):
        places = range(len(values))
        every = [some for size in range(1, len(values) + 1) for some in combinations(places, size)]
        due = [
            max(min(len(some) * min(values[one] for one in some), 1.0) for some in every if place in some)
            for place in places
        ]

        assert adjusted(values, Procedure.HOLM) == pytest.approx(due)


def test_hochberg_rejects_up_to_the_last_p_below_its_level():
    for values in families(7):
        found, count = adjusted(values, Procedure.HOCHBERG), len(values)
        for rate in (0.01, 0.05, 0.2, 0.7):
            ordered = sorted(values)
            below = [one for rank, one in enumerate(ordered) if one <= rate / (count - rank)]

            assert [one <= rate for one in found] == [one <= max(below, default=-1) for one in values]


@pytest.mark.parametrize("procedure", list(Procedure))
def test_something_is_discovered_exactly_where_a_sorted_p_is_below_its_level(procedure):
    draw, seen = random.Random(6), set()
    for _ in range(400):
        values = [draw.random() ** 4 for _ in range(draw.randint(1, 8))]
        found = min(adjusted(values, procedure)) <= 0.05
        seen.add(found)
        reached = zip(sorted(values), levels(procedure, 0.05, len(values)), strict=True)

        assert found == any(value <= level for value, level in reached)
    assert seen == {True, False}


def test_hochberg_finds_what_holm_finds_and_both_less_than_benjamini_and_hochberg():
    draw = random.Random(7)
    for _ in range(300):
        values = [draw.random() ** 3 for _ in range(6)]
        rate, down, up = (adjusted(values, one) for one in Procedure)

        assert all(one <= two + 1e-15 <= three + 2e-15 for one, two, three in zip(rate, up, down, strict=True))


def test_without_an_effect_holm_has_the_rate_and_every_procedure_more_where_hosts_differ():
    """Of independent tests with many degrees of freedom some p is below 5% / 10 in 1 - 0.995^10 of studies."""
    size = Screened(conditions=64, hosts=2, seeds=40, model=10, family=10)
    shares = {one: [false_discoveries(size, 0.05, spread, one) for spread in (0, 1)] for one in Procedure}

    assert shares[Procedure.HOLM][0] == pytest.approx(1 - 0.995**10, abs=5e-4)
    assert shares[Procedure.HOLM][0] <= shares[Procedure.HOCHBERG][0] <= shares[Procedure.BENJAMINI_HOCHBERG][0]
    assert all(none < spread for none, spread in shares.values())
