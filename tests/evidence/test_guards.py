"""Guards: what a machine did to a run, told apart from what a candidate costs."""

from fractions import Fraction

import pytest

from promo.evidence.guards import flags
from promo.ledger.state import Attempt, AttemptState
from promo.run.values import Result, RunStatus
from promo.study.describe import describe_guard
from promo.study.judgement import Against, Bound, BoundKind, Guard, Handling, Then, Watched

DROP = Handling(0, Then.DROP)
SPEEDS = {
    # two candidates of different size on one host: the large one is slow by right, its third run is throttled
    ("small", 1): "100", ("small", 2): "101", ("small", 3): "99",
    ("large", 1): "50", ("large", 2): "51", ("large", 3): "20",
}  # fmt: skip


def guard(against, kind=BoundKind.WITHIN, share="0.2", watched=Watched.THROUGHPUT):
    phase = "train" if watched is Watched.SECONDS else ""
    return Guard(watched, phase, Bound(kind, Fraction(share)), against, DROP)


def flagged(one, table=SPEEDS):
    attempts, results = [], {}
    for (candidate, seed), speed in table.items():
        run = f"{candidate}{seed}"
        attempts.append(Attempt(run, 1, "short", candidate, "box", seed, run, AttemptState.ACCEPTED, "ok"))
        results[run] = result(speed)
    return {flag.run: flag.words for flag in flags([one], attempts, lambda attempt: results[attempt.run])}


def result(speed):
    from attrs import fields

    known = {
        "status": RunStatus.OK,
        "cause": "",
        "metrics": {},
        "seconds": {"train": speed} if speed is not None else {},
        "charged_s": "1",
        "details": {"work": {"tokens_per_s": speed}} if speed is not None else {},
        "digest": None,
    }
    return Result(**{field.name: known[field.name] for field in fields(Result) if field.name in known})


def test_of_candidate_finds_the_throttled_run_and_not_the_large_candidate():
    assert set(flagged(guard(Against.CANDIDATE))) == {"large3"}


def test_of_host_takes_a_large_candidate_for_a_slow_machine():
    """The median over the host is 75: everything lies outside 20 % of it, which is why there are two readings."""
    assert set(flagged(guard(Against.HOST))) == {"small1", "small2", "small3", "large1", "large2", "large3"}


def test_of_host_finds_a_slow_run_where_each_candidate_has_one():
    table = {(name, 1): speed for name, speed in (("a", "100"), ("b", "98"), ("c", "102"), ("d", "40"))}

    assert set(flagged(guard(Against.HOST), table)) == {"d1"}
    assert flagged(guard(Against.CANDIDATE), table) == {}  # one run is its own median; check refuses this


@pytest.mark.parametrize(
    ("kind", "share", "who"),
    [(BoundKind.AT_LEAST, "0.8", {"large3"}), (BoundKind.AT_MOST, "1.005", {"small2", "large2"})],
)
def test_one_sided_guards(kind, share, who):
    assert set(flagged(guard(Against.CANDIDATE, kind, share))) == who


def test_seconds_of_a_phase_are_watched_too():
    assert set(flagged(guard(Against.CANDIDATE, watched=Watched.SECONDS))) == {"large3"}


def test_a_run_that_says_nothing_is_not_flagged():
    assert flagged(guard(Against.CANDIDATE), {("a", 1): None, ("a", 2): "1", ("a", 3): "1"}) == {}


def test_both_readings_have_words_of_their_own():
    assert describe_guard(guard(Against.HOST)) == "throughput within 20% of host, drop"
    assert describe_guard(guard(Against.CANDIDATE)) == "throughput within 20% of candidate, drop"
