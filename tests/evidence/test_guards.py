"""Guards: what a machine did to a run, distinguished from what a candidate costs."""

from fractions import Fraction

import pytest

from promo.evidence.guards import flags
from promo.ledger.state import Attempt, AttemptState
from promo.ledger.values import ResultFlagged, RunStatus, Work
from promo.report.decided import flag_words
from promo.report.describe import describe_guard
from promo.study.judgement import Against, Bound, BoundKind, Guard, Handling, Then, Watched
from verdicts import gate_of

DROP = Handling(0, Then.DROP)
SPEEDS = {
    # two candidates of different size on one host: the large one is slow by right, its third run is throttled
    ("small", 1): "100", ("small", 2): "101", ("small", 3): "99",
    ("large", 1): "50", ("large", 2): "51", ("large", 3): "20",
}  # fmt: skip


def guard(against, kind=BoundKind.WITHIN, share="0.2", watched=Watched.THROUGHPUT):
    phase = "train" if watched is Watched.SECONDS else ""
    return Guard(watched, phase, Bound(kind, Fraction(share)), against, DROP)


def accepted(candidate, seed, speed, **known):
    """An accepted attempt with what the ledger says of how it went."""
    run = f"{candidate}{seed}"
    known = known or {
        "seconds": {"train": speed} if speed is not None else {},
        "work": Work(tokens_per_s=speed),
        "contention": speed,
    }
    return Attempt(
        run, 1, "short", candidate, "box", seed, run, state=AttemptState.ACCEPTED, status=RunStatus.OK, **known
    )


def flagged(one, table=SPEEDS):
    """Run -> what was watched and what it was held against."""
    found = flags([one], [accepted(candidate, seed, speed) for (candidate, seed), speed in table.items()])

    assert all((flag.attempt, flag.guard) == (1, one) for flag in found)
    return {flag.run: (flag.value, flag.limit) for flag in found}


def test_of_candidate_finds_the_throttled_run_and_not_the_large_candidate():
    assert flagged(guard(Against.CANDIDATE)) == {"large3": (20, 50)}


def test_of_host_takes_a_large_candidate_for_a_slow_machine():
    """The median over the host is 75: everything lies outside 20 % of it, which is why there are two readings."""
    found = flagged(guard(Against.HOST))

    assert set(found) == {"small1", "small2", "small3", "large1", "large2", "large3"}
    assert {limit for _, limit in found.values()} == {75}


def test_of_host_finds_a_slow_run_where_each_candidate_has_one():
    table = {(name, 1): speed for name, speed in (("a", "100"), ("b", "98"), ("c", "102"), ("d", "40"))}

    assert flagged(guard(Against.HOST), table) == {"d1": (40, 99)}
    assert flagged(guard(Against.CANDIDATE), table) == {}  # one run is its own median; check refuses this


@pytest.mark.parametrize(
    ("kind", "share", "who"),
    [(BoundKind.AT_LEAST, "0.8", {"large3"}), (BoundKind.AT_MOST, "1.005", {"small2", "large2"})],
)
def test_one_sided_guards(kind, share, who):
    assert set(flagged(guard(Against.CANDIDATE, kind, share))) == who


@pytest.mark.parametrize("watched", Watched)
def test_whatever_is_watched_is_what_the_ledger_says_of_it(watched):
    assert flagged(guard(Against.CANDIDATE, watched=watched)) == {"large3": (20, 50)}


def test_steps_are_throughput_where_no_tokens_are_counted():
    steps = [accepted("a", seed, None, work=Work(steps_per_s=speed)) for seed, speed in enumerate(("9", "9.5", "3"))]

    assert [(one.run, one.value, one.limit) for one in flags([guard(Against.CANDIDATE)], steps)] == [("a2", 3, 9)]


def test_a_run_that_says_nothing_is_not_flagged():
    assert flagged(guard(Against.CANDIDATE), {("a", 1): None, ("a", 2): "1", ("a", 3): "1"}) == {}


def test_a_bound_of_its_own_is_the_limit():
    one = guard(None, BoundKind.AT_MOST, "0.25", Watched.CONTENTION)

    assert flagged(one, {("a", 1): "0.25", ("a", 2): "0.26"}) == {"a2": (Fraction("0.26"), Fraction("0.25"))}


def test_a_result_is_flagged_in_words_with_its_numbers():
    study, gate = gate_of(guard="throughput within 20% of host, drop")
    said = ResultFlagged("d1", 1, gate.name, 0, Fraction(40), Fraction(99), again=False)

    assert flag_words(said, study) == "throughput within 20% of host: 40.000 against 99.000"


def test_both_readings_have_words_of_their_own():
    assert describe_guard(guard(Against.HOST)) == "throughput within 20% of host, drop"
    assert describe_guard(guard(Against.CANDIDATE)) == "throughput within 20% of candidate, drop"
