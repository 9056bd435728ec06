"""Agreement of rankings against a case worked by hand: tau-b, the best in common, and what noise alone allows."""

import math

import pytest

from promo.evidence.values import Cell, Evidence, Row
from promo.report.ranks import Stability, means, ranking, stability, stability_words


def evidence(stage, **values):
    """A table: candidate -> its values, cell by cell; None for a cell without one."""
    seeds = range(len(next(iter(values.values()))))
    rows = (
        Row(name, tuple(Cell("box", seed, "", "ok", value, 1, None) for seed, value in zip(seeds, found, strict=True)))
        for name, found in values.items()
    )
    return Evidence(stage, "loss", tuple(("box", seed) for seed in seeds), tuple(rows))


BEFORE = evidence("short", a=("1", "2"), b=("3", "3"), c=("5", "7"))


def test_a_stage_agrees_with_itself_up_to_its_noise():
    # Means 1.5, 3 and 6; mean squares 10.5 between candidates and 0.5 left: reliability 1 - 0.5/10.5.
    found = stability(BEFORE, BEFORE, lower_is_better=True)

    assert (found.count, found.tau, found.few, found.shared) == (3, 1.0, 1, 1)
    assert found.ceiling == pytest.approx(2 / math.pi * math.asin(1 - 0.5 / 10.5), abs=1e-12)


def test_one_exchange_among_three_is_a_third():
    after = evidence("long", a=("2", "2"), b=("1", "1"), c=("9", "9"))
    found = stability(BEFORE, after, lower_is_better=True)

    assert found.tau == pytest.approx(1 / 3)
    assert found.shared == 0
    assert "do not agree on the best" in stability_words("short", "long", found, "candidates")


def test_the_way_of_the_metric_turns_the_best_and_not_the_agreement():
    after = evidence("long", a=("1", "1"), b=("3", "3"), c=("2", "2"))
    low, high = (stability(BEFORE, after, lower_is_better=way) for way in (True, False))

    assert low.tau == high.tau == pytest.approx(1 / 3)
    assert (low.shared, high.shared) == (1, 0)


def test_who_lacks_a_cell_is_not_ranked():
    after = evidence("long", a=("1", None), b=("2", "2"), c=("1", "1"))

    assert set(means(after)) == {"b", "c"}
    assert stability(BEFORE, after, lower_is_better=True).tau == -1
    assert stability(BEFORE, evidence("long", a=("1", "1")), lower_is_better=True) is None


def test_one_cell_says_nothing_of_noise():
    one = evidence("short", a=("1",), b=("2",), c=("3",))

    assert stability(one, one, lower_is_better=True).ceiling is None


def test_equal_means_stand_in_the_order_of_names():
    assert ranking(means(evidence("short", b=("1",), a=("1",), c=("0",))), lower_is_better=True) == ["c", "a", "b"]


def test_what_is_said_of_many_counts_the_best_in_common():
    words = stability_words("short", "long", Stability(12, 0.5, 3, 2, 0.9), "conditions")

    assert "12 conditions with Kendall's tau-b 0.50" in words
    assert "would still keep it near 0.90" in words
    assert "Of the best 3 they share 2; by chance 0.8." in words
