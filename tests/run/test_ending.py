"""How long an attempt took that nobody saw end: what its points have paid for, as the ledger can keep it."""

import pytest

from made import NOTHING, budget, request
from promo.base.canonical import canonical
from promo.base.codec import from_json, to_json
from promo.ledger.values import AttemptLost, Event
from promo.run.disk import RealDisk
from promo.run.ending import end_of
from promo.run.locks import CLAIM
from promo.run.store import EXIT, POINTS, REQUEST
from promo.run.values import Continued, Exit, Point, Reason, Resumed
from promo.study.values import BudgetKind

LATER, EARLIER = "runs/long/base-box-s1/attempt-1", "runs/short/base-box-s1/attempt-1"


def left(study, folder, *charged, torn=b"", **asked):
    place = study / folder
    place.mkdir(parents=True)
    wall = budget(BudgetKind.WALL, 100)
    (place / REQUEST).write_bytes(canonical(to_json(request(budget=wall, **asked))))
    lines = [canonical(to_json(Point(step, None, seconds, {}))) + b"\n" for step, seconds in enumerate(charged)]
    (place / POINTS).write_bytes(b"".join(lines) + torn)


def ended(study, *, folder=LATER, said=None, seen_s=None):
    """How long it took, through an event and back."""
    happening = end_of(RealDisk(), study, ("0123456789abcdef", 1, folder), said, seen_s=seen_s).happening
    stored = canonical(to_json(Event(0, "2026-01-02T03:04:05Z", 1, happening, NOTHING)))
    again = from_json(Event, to_json(Event(0, "2026-01-02T03:04:05Z", 1, happening, NOTHING)))

    assert canonical(to_json(again)) == stored
    assert isinstance(happening, AttemptLost)
    return happening.device_s


def test_what_its_last_whole_point_paid_for_is_written_so_that_it_can_be_read_again(tmp_path):
    left(tmp_path, LATER, "1.5", "15.33628620406671", torn=b'{"charged_s":"9')

    assert ended(tmp_path) == "15.336"


@pytest.mark.parametrize(("said", "took"), [("1e+300", "360.000"), ("9" * 20, "360.000"), ("1/3", "0.333")])
def test_seconds_that_a_program_made_up_are_bounded_by_the_limit(tmp_path, said, took):
    left(tmp_path, LATER, said)

    assert ended(tmp_path) == took


def test_without_a_point_nobody_knows(tmp_path):
    left(tmp_path, LATER, None)

    assert ended(tmp_path) is None


@pytest.mark.parametrize(("claim", "took"), [(b"given up", "0"), (b"4711", None), (b"node-1 4711", None)])
def test_what_was_given_up_before_anybody_had_begun_it_took_nothing(tmp_path, claim, took):
    left(tmp_path, LATER)
    (tmp_path / LATER / CLAIM).write_bytes(claim)

    assert ended(tmp_path) == took


def test_the_supervisor_knows_better(tmp_path):
    left(tmp_path, LATER, "7.25")
    (tmp_path / LATER / EXIT).write_bytes(canonical(to_json(Exit(-15, Reason.CANCELLED, "12.000"))))

    assert ended(tmp_path) == "12.000"


@pytest.mark.parametrize(("seen_s", "took"), [(5.0, "9.000"), (11.0, "11.000"), (10_000.0, "360.000")])
def test_who_looks_seldom_has_seen_less_of_it_than_its_points_show(tmp_path, seen_s, took):
    left(tmp_path, LATER, "9")

    assert ended(tmp_path, seen_s=seen_s) == took


@pytest.mark.parametrize("how", ["resume", "continues"])
def test_points_of_the_attempt_that_it_goes_on_from_were_paid_there(tmp_path, how):
    left(tmp_path, EARLIER, "1", "2.5", "6.000001", "6.5")
    origin = {"resume": Resumed(EARLIER, NOTHING), "continues": Continued(EARLIER, NOTHING, 6, None)}[how]
    left(tmp_path, LATER, "1", "2.5", "6.000001", "8.25", **{how: origin})

    assert ended(tmp_path) == "2.250"


def test_who_could_not_take_up_what_was_kept_begins_with_points_of_its_own(tmp_path):
    left(tmp_path, EARLIER, "1", "2.5")
    left(tmp_path, LATER, "1.25", "2.75", resume=Resumed(EARLIER, NOTHING))

    assert ended(tmp_path) == "2.750"
