"""
Small runs foretell large ones as was published, and checkpoints of runs that were yet to decay foretell worse.

Sixteen runs of 190M to 1.3B parameters, each trained to its own end at 1, 2, 5 or 10 times 20 tokens a parameter,
foretell 7B parameters at 3.9T tokens and 13B at 5T: 83 and 202 times the compute of the largest of them.
"""

import csv
import statistics
from pathlib import Path

import pytest

from promo.evidence.fitting import fit, interval, refits
from promo.evidence.laws import FittedLaw, Point
from promo.study.laws import Form

SMALL = ("190M", "370M", "760M", "1B")
TIMES = ("1xC", "2xC", "5xC", "10xC")
SHORTEST = "0.5xC"
"""In the tables, and in none of the published fits."""
BEND = 1e-3
"""Where Huber's function bends in the published fits."""

PUBLISHED = {
    "mmlu": (0.001774516344317021, 0.00459955846280895),
    "hellaswag": (-0.011736859704110904, 0.002564809550553303),
    "arc_challenge": (0.09444838036363072, 0.004845000187424237),
    "arc_easy": (0.15978783071060298, 0.011775123423672772),
    "piqa": (-0.026696073643929813, 0.003104357884309965),
    "csqa": (-0.18464475469975295, 0.010454759586642956),
    "socialiqa": (0.03628869124414146, 0.005396831679934047),
    "openbookqa": (0.0093476208355563, 0.00594152057987821),
}
"""Bits per byte of each task: how far what was foretold of the 13B model lay off, and the mean miss of the points."""

PUBLISHED_C4 = (-0.03834843641316423, 0.0024730743790536483)
"""The same for cross entropy on C4."""
PUBLISHED_C4_PRINTED = {"7B-4T": 2.0, "13B-5T": 3.8}
"""Percent, regardless of sign."""


@pytest.fixture(scope="module")
def table() -> list[dict[str, str]]:
    """
    Ends of runs, and checkpoints of the longest of each size, nearest to where its shorter ones ended.

    *c4* is cross entropy on C4 in nats; all after it are means of the last five scores of a run (of 7B there is one),
    as in the published fits: *c4_mean* of the same, the others in bits per byte.

    Source: Bhagia et al. (2024), "Establishing task scaling laws via compute-efficient model ladders".  Figures are
    from github.com/allenai/OLMo-ladder (Apache-2.0), commit 67a3f440f787, under src/scripts/paper: the table from
    `data/ladder-runs/*.csv`, where mmlu weighs its four parts as the paper does; parameters from `configs/final.json`,
    for 3B from src/scaling/utils.py.  What was published is from `figures/step1_main.csv`, `figures/step1_c4_main.csv`
    and, for 7B, the label in `figures/step1_c4_main.pdf`.
    """
    with (Path(__file__).parent / "olmo_ladder.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def points(table, column: str, sizes=SMALL, kind: str = "end", times=TIMES) -> list[Point]:
    """Points of some sizes."""
    return [
        Point((float(row["parameters"]), float(row["tokens"])), float(row[column]), row["run"])
        for row in table
        if row["point"] == kind
        and row["run"].partition("-")[0] in sizes
        and (kind != "end" or row["run"].partition("-")[2] in times)
    ]


def large(table, name: str, column: str) -> Point:
    """What came of a large model."""
    (row,) = [row for row in table if row["run"] == name]
    return Point((float(row["parameters"]), float(row["tokens"])), float(row[column]), name)


def missed(law: FittedLaw, one: Point) -> float:
    """What was foretold less what came, as a share of what came."""
    return law.loss(*one.at) / one.loss - 1


def law_of(table, column: str, **options: float) -> FittedLaw:
    return fit(points(table, column), Form.SIZE_AND_DATA, **options)


def off_by(law: FittedLaw, given: list[Point]) -> float:
    """Mean distance of points from a law, as a share."""
    return statistics.mean(abs(missed(law, one)) for one in given)


@pytest.mark.parametrize("task", [name for name in PUBLISHED if name != "csqa"])
def test_seven_tasks_of_the_larger_model_are_foretold_as_was_published(table, task):
    law = law_of(table, task, bend=BEND, rise=0.0)

    assert missed(law, large(table, "13B-5T", task)) == pytest.approx(PUBLISHED[task][0], abs=1e-6)
    assert off_by(law, points(table, task)) == pytest.approx(PUBLISHED[task][1], abs=1e-6)
    assert law.unsure == ()


def test_the_eighth_has_no_floor_and_that_is_said(table):
    """The published floor is 0 and ours just above, which moves what is foretold by 2 in 10,000."""
    law = law_of(table, "csqa", bend=BEND, rise=0.0)

    assert missed(law, large(table, "13B-5T", "csqa")) == pytest.approx(PUBLISHED["csqa"][0], abs=2e-4)
    assert law.unsure == ("E",)


def test_the_loss_of_both_large_models_is_foretold_as_was_published(table):
    law = law_of(table, "c4_mean", bend=BEND, rise=0.0)

    assert missed(law, large(table, "13B-5T", "c4_mean")) == pytest.approx(PUBLISHED_C4[0], abs=1e-7)
    assert off_by(law, points(table, "c4_mean")) == pytest.approx(PUBLISHED_C4[1], abs=1e-7)
    for name, printed in PUBLISHED_C4_PRINTED.items():
        assert round(100 * abs(missed(law, large(table, name, "c4_mean"))), 1) == printed


def test_with_our_own_bend_the_loss_is_foretold_within_the_published_error(table):
    law = law_of(table, "c4_mean")

    assert abs(missed(law, large(table, "13B-5T", "c4_mean"))) < abs(PUBLISHED_C4[0])
    assert round(100 * abs(missed(law, large(table, "7B-4T", "c4_mean"))), 1) < PUBLISHED_C4_PRINTED["7B-4T"]


def test_with_our_own_bend_tasks_are_foretold_no_worse_on_average(table):
    """Four of eight lie clearly nearer, and mmlu farther: 3.0% off where 0.2% was published."""
    ours = {task: abs(missed(law_of(table, task), large(table, "13B-5T", task))) for task in PUBLISHED}

    assert statistics.mean(ours.values()) < statistics.mean(abs(off) for off, _ in PUBLISHED.values())
    gained = {task: abs(PUBLISHED[task][0]) - off for task, off in ours.items()}
    assert {task for task in gained if gained[task] > 5e-3} == {"hellaswag", "arc_challenge", "arc_easy", "piqa"}
    assert {task for task in gained if gained[task] < -5e-3} == {"mmlu"}


def test_what_came_lies_within_the_intervals(table):
    given = points(table, "c4_mean")
    law = fit(given, Form.SIZE_AND_DATA)
    drawn = refits(given, law, draws=100, seed=1)

    for one in (*points(table, "c4_mean", ("3B",)), *(large(table, name, "c4_mean") for name in PUBLISHED_C4_PRINTED)):
        low, high = interval([other.loss(*one.at) for other in drawn], 0.95)
        assert low < one.loss < high
        assert high - low < 0.1 * one.loss


@pytest.mark.parametrize("size", [*SMALL, "3B"])
def test_shorter_runs_of_a_size_foretell_its_longest(table, size):
    """Four runs of 0.5 to 5 times 20 tokens a parameter, and a law of their tokens alone."""
    (came,) = points(table, "c4", (size,), times=("10xC",))
    given = [
        Point(one.at[1:], one.loss, one.run)
        for one in points(table, "c4", (size,), times=(SHORTEST, *TIMES))
        if one != came
    ]
    law = fit(given, Form.COMPUTE)
    low, high = interval([one.loss(came.at[1]) for one in refits(given, law, draws=100, seed=1)], 0.95)

    assert len(given) == 4
    assert law.loss(came.at[1]) == pytest.approx(came.loss, rel=0.0025)
    assert low < came.loss < high < 1.01 * low
    assert law.unsure == ()


def test_a_checkpoint_of_a_run_that_has_yet_to_decay_lies_above_the_run_that_ended_there(table):
    """By 1.4 to 2.0%, of the same size and at tokens within 5%; a run and its repetition are 0.03% apart there."""
    pairs = list(zip(points(table, "c4", times=TIMES[:-1]), points(table, "c4", kind="checkpoint"), strict=True))

    assert len(pairs) == 12
    for ended, there in pairs:
        assert there.at[0] == ended.at[0]
        assert there.at[1] == pytest.approx(ended.at[1], rel=0.05)
        assert 1.013 < there.loss / ended.loss < 1.021


@pytest.mark.parametrize("bend", [BEND, 1e-2])
def test_checkpoints_as_points_mislead_more_than_runs_that_ended_there(table, bend):
    """Of 3B parameters at four budgets, from 190M to 760M; the points of both laws have the same sizes and budgets."""
    sizes = SMALL[:-1]
    whole = points(table, "c4", sizes)
    cut = [*points(table, "c4", sizes, "checkpoint"), *points(table, "c4", sizes, times=("10xC",))]
    ends, checkpoints = (fit(given, Form.SIZE_AND_DATA, bend=bend) for given in (whole, cut))
    came = points(table, "c4", ("3B",))

    assert len(whole) == len(cut) == 12
    assert len(came) == 4
    assert max(abs(missed(ends, one)) for one in came) < 0.015
    assert max(abs(missed(checkpoints, one)) for one in came) > 0.018
    assert off_by(checkpoints, came) > 1.4 * off_by(ends, came)
    assert (ends.unsure, checkpoints.unsure) == ((), ("E",))


@pytest.mark.parametrize("name", ["7B-4T", "13B-5T"])
def test_checkpoints_mislead_more_about_large_models_as_well(table, name):
    whole = points(table, "c4")
    cut = [*points(table, "c4", kind="checkpoint"), *points(table, "c4", times=("10xC",))]
    ends, checkpoints = (missed(fit(given, Form.SIZE_AND_DATA), large(table, name, "c4")) for given in (whole, cut))

    assert checkpoints < 1.5 * ends < 0
