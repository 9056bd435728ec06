"""Comparators, worked by hand."""

from fractions import Fraction

import pytest

from promo.decision.comparators import (
    Board,
    asha,
    at_equal_cost,
    brackets,
    greedy_walk,
    hyperband,
    integer_rungs,
    percentile_interval,
    random_search,
    successive_halving,
)


def board(scores: dict[str, tuple[int | None, ...]], budgets: tuple[int, ...] = (1, 3, 9)) -> Board:
    return Board(
        len(budgets),
        {
            (name, k): None if one is None else Fraction(one)
            for name, row in scores.items()
            for k, one in enumerate(row)
        },
        {(name, k): {("box", 1): Fraction(budgets[k])} for name in scores for k in range(len(budgets))},
    )


STEADY = {f"c{i}": (i, i, i) for i in range(9)}
"""Nine candidates in the same order at every rung."""
NAMES = tuple(STEADY)
LATE = {**STEADY, "c8": (8, 0, -1)}
"""The last at first is the best in the end."""


def test_rungs_are_counted_with_whole_numbers():
    assert integer_rungs(1, 243, 3) == (1, 3, 9, 27, 81, 243)
    assert integer_rungs(2, 2, 3) == (2,)


@pytest.mark.parametrize(("least", "most", "eta"), [(1, 80, 3), (0, 9, 3), (1, 9, 1), (9, 3, 3)])
def test_budgets_that_are_no_powers_are_refused(least, most, eta):
    with pytest.raises(ValueError, match=r"eta|power"):
        integer_rungs(least, most, eta)


HYPERBAND_81 = (
    ((81, 1), (27, 3), (9, 9), (3, 27), (1, 81)),
    ((27, 3), (9, 9), (3, 27), (1, 81)),
    ((9, 9), (3, 27), (1, 81)),
    ((6, 27), (2, 81)),
    ((5, 81),),
)
"""
Candidates and budget at every rung, from s = 4 down to 0.

Source:
    Li et al. (2018), Hyperband, JMLR 18(185), table 1, R = 81 and eta = 3.  Algorithm 1 of the paper, as printed,
    rounds otherwise: ceil(5 / (s + 1) * 3^s) gives 81, 34, 15, 8 and 5.
"""


def test_hyperband_has_the_published_brackets_for_81_and_3():
    budgets = integer_rungs(1, 81, 3)
    names = [f"c{number}" for number in range(81 + 27 + 9 + 6 + 5)]
    scores = {(name, rung): Fraction(place) for place, name in enumerate(names) for rung in range(5)}
    level = Board(5, scores, {key: {("box", 1): Fraction(budgets[key[1]])} for key in scores})
    left, found = list(names), []
    for count, first in brackets(5, 3):
        drawn, left = left[:count], left[count:]
        cut = {(name, rung - first): score for (name, rung), score in scores.items() if rung >= first}
        inside = Board(5 - first, cut, {(name, rung - first): one for (name, rung), one in level.seconds.items()})
        reached = successive_halving(inside, drawn, 3).reached
        sizes = [sum(rung >= at for rung in reached.values()) for at in range(5 - first)]
        found.append(tuple(zip(sizes, budgets[first:], strict=True)))

    assert tuple(found) == HYPERBAND_81
    assert left == []
    whole = hyperband(level, names, 3).reached
    assert [sum(rung >= at for rung in whole.values()) for at in range(5)] == [
        sum(count for bracket in HYPERBAND_81 for count, budget in bracket if budget == budgets[at])
        + sum(bracket[0][0] for bracket in HYPERBAND_81 if bracket[0][1] > budgets[at])
        for at in range(5)
    ]


def test_successive_halving_pays_for_what_it_adds():
    found = successive_halving(board(STEADY), NAMES, 3)

    # 9 candidates for 1 s; 3 of them go on to 3 s: 2 s more each; 1 of them goes on to 9 s: 6 s more.
    assert (found.candidate, found.spent_s, found.trained) == ("c0", 9 + 3 * 2 + 6, 9)


def test_successive_halving_drops_a_late_bloomer():
    assert successive_halving(board(LATE), NAMES, 3).candidate == "c0"


def test_hyperband_serves_the_later_brackets_from_what_is_left():
    names = tuple(f"c{i}" for i in range(15))
    found = hyperband(board({name: (15 - i, 15 - i, 15 - i) for i, name in enumerate(names)}), names, 3)

    # Three rungs: 9 from 1 s (9 + 3 x 2 + 6 = 21 s), then 3 from 3 s (3 x 3 + 6 = 15 s), then 3 at 9 s (27 s).
    assert brackets(3, 3) == ((9, 0), (3, 1), (3, 2))
    assert (found.candidate, found.spent_s, found.trained) == ("c14", 21 + 15 + 27, 15)


def test_asha_does_as_halving_does_when_the_best_are_drawn_first():
    found = asha(board(STEADY), NAMES, 3)

    # c0 goes on at three, c1 at six, c2 at nine; of those three c0 goes on.
    assert (found.candidate, found.spent_s, found.trained) == ("c0", 9 + 3 * 2 + 6, 9)


def test_asha_promotes_more_when_the_worst_are_drawn_first():
    found = asha(board(STEADY), tuple(reversed(NAMES)), 3)

    # From the third draw on each new candidate is the best and goes on: c6 to c0, seven of them.  From the third of
    # those on, c4, each is the best at the second rung and goes on too: c4 to c0, five of them.
    assert (found.candidate, found.spent_s, found.trained) == ("c0", 9 + 7 * 2 + 5 * 6, 9)


def test_random_search_stops_at_its_allowance_and_trains_one_in_any_case():
    assert random_search(board(LATE), NAMES, Fraction(20)).spent_s == 18
    assert random_search(board(LATE), NAMES, Fraction(1)).trained == 1
    assert random_search(board(LATE), NAMES, Fraction(81)).candidate == "c8"


def halved(board, order):
    return successive_halving(board, order, 3)


def test_at_equal_cost_a_method_trains_on_whom_it_left_behind():
    # By its rungs 21 s; c1 at 3 s is next, and costs 6 s more to the end; then c2, and then c3 from 1 s, 8 s more.
    found = at_equal_cost(board(LATE), NAMES, halved, Fraction(21 + 6 + 6 + 8))

    assert found.spent_s == 21 + 6 + 6 + 8
    assert {name for name, rung in found.reached.items() if rung == 2} == {"c0", "c1", "c2", "c3"}
    assert at_equal_cost(board(LATE), NAMES, halved, Fraction(21 + 5)).spent_s == 21


def test_at_equal_cost_a_method_begins_with_as_many_as_its_hours_pay_for():
    # Eight candidates: 8 s, two of them 2 s more, one of those 6 s more; that leaves a second, too little for anything.
    found = at_equal_cost(board(STEADY), NAMES, halved, Fraction(19))

    assert (found.trained, found.spent_s) == (8, 8 + 2 * 2 + 6)
    assert at_equal_cost(board(STEADY), NAMES, halved, Fraction(1)).trained == 1


GRID = {f"{x}{y}": {"x": x, "y": y} for x in "ab" for y in "123"}


def test_a_greedy_walk_changes_one_factor_at_a_time():
    # a1 = 5, then in the order drawn: b3 is two factors away; a3 = 3 is better, and b3 = 1 is next to it.
    scores = {"a1": 5, "a2": 6, "a3": 3, "b1": 4, "b2": 9, "b3": 1}
    found = greedy_walk(board({name: (one,) * 3 for name, one in scores.items()}), ("b3", "a3", "b1", "a2", "b2"), GRID,
                        "a1", Fraction(999))  # fmt: skip

    assert (found.candidate, found.spent_s, found.trained) == ("b3", 5 * 9, 5)  # a1 a3 b3 b1 b2; a2 is never near

    short = greedy_walk(
        board({name: (one,) * 3 for name, one in scores.items()}), ("b3", "a3"), GRID, "a1", Fraction(18)
    )
    assert (short.candidate, short.spent_s) == ("a3", 18)


def test_a_greedy_walk_stays_in_a_hollow_and_passes_over_who_has_no_score():
    scores = {"a1": 5, "a2": 6, "a3": None, "b1": 7, "b2": 0, "b3": 0}
    rows = {name: (one,) * 3 for name, one in scores.items()}

    found = greedy_walk(board(rows), ("a2", "a3", "b1", "b2", "b3"), GRID, "a1", Fraction(999))

    assert (found.candidate, found.trained) == ("a1", 4)  # b2 is the best, and two factors away from a1


def test_a_candidate_without_a_score_is_not_chosen():
    scores = {"a": (None, None, None), "b": (5, 5, None), "c": (6, 6, 6)}

    assert successive_halving(board(scores), ("a", "b", "c"), 3).candidate == "c"  # b went on, and failed
    assert random_search(board(scores), ("a", "b", "c"), Fraction(99)).candidate == "c"
    assert random_search(board({"a": (None, None, None)}), ("a",), Fraction(99)).candidate is None


def test_a_percentile_interval_leaves_out_as_much_on_both_sides():
    assert percentile_interval([Fraction(one) for one in range(40)], Fraction(95, 100)) == (1, 38)
    assert percentile_interval([Fraction(7)], Fraction(95, 100)) == (7, 7)
