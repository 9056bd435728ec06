"""
Runs that their machine did not serve well: found by declared clauses, before any gate looks at a score.

A guard looks at how a run went, never at what it scored.  It is asked once all runs of a stage have ended, so the
medians do not depend on the order of arrival.
"""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from attrs import frozen

from promo.base.canonical import from_exact, rounded
from promo.ledger.state import Attempt
from promo.run.values import Result
from promo.study.describe import describe_guard
from promo.study.judgement import Against, BoundKind, Guard, Watched

SPEEDS = ("tokens_per_s", "steps_per_s")
"""What throughput is, as far as a result says it: a recorded table may count steps alone."""


@frozen
class Flag:
    """A run that a guard sets aside."""

    run: str
    attempt: int
    guard: Guard
    words: str


def flags(guards: Iterable[Guard], attempts: Iterable[Attempt], read: Callable[[Attempt], Result]) -> tuple[Flag, ...]:
    """
    Which of the accepted attempts of a stage a guard sets aside.

    Args:
        guards: of the gates that read the stage.
        attempts: accepted attempts of the stage.
        read: what an attempt left behind.

    Returns:
        One flag a run, by the first guard that it fails, in the order of runs.
    """
    known = [(attempt, read(attempt)) for attempt in sorted(attempts, key=lambda one: one.run)]
    found: dict[str, Flag] = {}
    for guard in guards:
        values = {attempt.run: _value(guard, result) for attempt, result in known}
        for attempt, _ in known:
            value = values[attempt.run]
            limit = _limit(guard, attempt, [one for one, _ in known], values)
            if value is None or limit is None or attempt.run in found or _inside(guard, value, limit):
                continue
            words = f"{describe_guard(guard).partition(',')[0]}: {_shown(value)} against {_shown(limit)}"
            found[attempt.run] = Flag(attempt.run, attempt.number, guard, words)
    return tuple(found[run] for run in sorted(found))


def _value(guard: Guard, result: Result) -> Fraction | None:
    match guard.watched:
        case Watched.THROUGHPUT:
            work = result.details.get("work")
            speeds = [work.get(name) for name in SPEEDS] if isinstance(work, Mapping) else []
            text = next((one for one in speeds if one is not None), None)
        case Watched.CONTENTION:
            text = result.details.get("contention")
        case Watched.SECONDS:
            text = result.seconds.get(guard.phase)
    return None if text is None else from_exact(str(text))


def _limit(
    guard: Guard, attempt: Attempt, attempts: Iterable[Attempt], values: Mapping[str, Fraction | None]
) -> Fraction | None:
    """What a value is held against: the bound itself, or the median over the runs on that host that the guard names."""
    if guard.against is None:
        return guard.bound.value
    own = guard.against is Against.CANDIDATE
    alike = sorted(
        value
        for one in attempts
        if one.host == attempt.host
        and (not own or one.candidate == attempt.candidate)
        and (value := values[one.run]) is not None
    )
    if not alike:
        return None
    middle = len(alike) // 2
    return alike[middle] if len(alike) % 2 else (alike[middle - 1] + alike[middle]) / 2


def _inside(guard: Guard, value: Fraction, limit: Fraction) -> bool:
    if guard.against is None:
        return value <= limit if guard.bound.kind is not BoundKind.AT_LEAST else value >= limit
    room = guard.bound.value * limit
    match guard.bound.kind:
        case BoundKind.WITHIN:
            return abs(value - limit) <= room
        case BoundKind.AT_MOST:
            return value <= room
        case BoundKind.AT_LEAST:
            return value >= room


def _shown(value: Fraction) -> str:
    return rounded(value, 3 if abs(value) < 100 else 0)
