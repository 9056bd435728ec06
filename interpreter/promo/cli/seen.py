"""A study at one moment, and the lines of a log about the whole."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

from promo.base.canonical import from_exact, parse_json
from promo.base.classes import frozen
from promo.base.codec import from_json
from promo.base.reading import open_plain
from promo.decision.counts import Count
from promo.ledger.state import State
from promo.plans.values import Plan
from promo.report.changed import Call, caller
from promo.report.money import money_words
from promo.report.progress import (
    StudyProgress,
    build_progress,
    count_words,
    end_words,
    host_words,
    reported_s,
    spent_words,
)
from promo.run.clock import SystemClock
from promo.run.runners.files.figures import point_of
from promo.run.store import POINTS, PROGRAM_POINTS
from promo.run.values import Point
from promo.study.values import Study

TAIL = 16_384
"""Bytes at the end of a run's points in which its newest value is looked for."""


@frozen
class Seen:
    """A study at one moment: its progress, and what its running attempts have reported."""

    progress: StudyProgress
    points: Mapping[str, Mapping[str, str]]
    """Folder of a running attempt -> its last point."""
    reported: Mapping[str, Fraction]
    """Folder of a running attempt -> training seconds that it has spent of its budget."""
    ends_at: str
    """The local clock at the expected end."""
    call: Call
    """Calls candidates by what changed in them."""
    paid: str
    """What it has cost, in words; empty where nothing has a price."""


def look(
    study: Study, plan: Plan, state: State, folder: Path, here: str | None = None, *, recorded: bool = False
) -> Seen:
    """Where a study stands now, by its ledger and by what its running attempts have reported."""
    running = state.running()
    points = {one.folder: last_point(folder / one.folder, study.measure.metric) for one in running}
    reported = {one.folder: reported_s(study, state, one, _charged(points[one.folder])) for one in running}
    now = SystemClock().now()
    call = caller(study, plan)
    progress = build_progress(study, plan, state, now, reported=reported, here=here, recorded=recorded, call=call)
    ends_at = "" if progress.left_s is None else clock_text(progress.left_s)
    paid = "" if recorded else money_words(study, state)
    return Seen(progress, points, reported, ends_at, call, paid)


def clock_text(seconds: float) -> str:
    """What the clock here will show in so many seconds; with the day when that is another one."""
    now = datetime.now().astimezone()
    then = now + timedelta(seconds=seconds)
    return then.strftime("%H:%M" if then.date() == now.date() else "%a %d %b, %H:%M")


def last_point(attempt: Path, metric: str) -> Mapping[str, str]:
    """
    Figures of the last measured point of a running attempt, with the newest value of a metric.

    Args:
        attempt: its folder.  Points of somebody else's program come into the run's own only when it has ended.
        metric: most points of a run may be without it.

    Returns:
        No figures while there is no point, or none whole.
    """
    return _last(attempt / POINTS, metric, _recorded) or _last(attempt / PROGRAM_POINTS, metric, _written)


def _last(path: Path, metric: str, read: Callable[[bytes], Mapping[str, str]]) -> Mapping[str, str]:
    try:
        with open_plain(path, links=False) as file:
            file.seek(0, 2)
            file.seek(max(file.tell() - TAIL, 0))
            lines = file.read().splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in reversed(lines):
        figures = read(line)
        found = found or dict(figures)
        if metric in figures:
            return {**found, metric: figures[metric]}
    return found


def _recorded(line: bytes) -> Mapping[str, str]:
    try:
        return from_json(Point, parse_json(line)).figures
    except ValueError:
        return {}


def _written(line: bytes) -> Mapping[str, str]:
    return {name: str(value) for name, value in (point_of(line) or {}).items()}


def _charged(point: Mapping[str, str]) -> Fraction:
    try:
        return from_exact(str(point.get("charged_s", "0")))
    except ValueError:
        return Fraction(0)


def whole_lines(seen: Seen, plan: Plan) -> Iterable[str]:
    """A study in lines for a log: how much is done, what runs where, when it may end."""
    progress = seen.progress
    yield "; ".join(head_words(seen, plan))
    busy = [f"{host.name}: {host_words(host)}" for host in progress.hosts if host.running or host.left]
    if busy:
        yield "; ".join(busy)


def head_words(seen: Seen, plan: Plan) -> tuple[str, ...]:
    """How much is done, what it took, and when it may end."""
    trained, taken = spent_words(seen.progress, plan)
    end = end_words(seen.progress, seen.ends_at)
    counted = count_words(Count(seen.progress.done, seen.progress.runs))
    return (f"{counted}; {trained}", taken, *(words for words in (seen.paid, end) if words))
