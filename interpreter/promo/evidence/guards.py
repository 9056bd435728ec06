"""
Runs that their machine did not serve well: found by declared clauses, before any gate looks at a score.

A guard looks at how a run went, never at what it scored.  It is asked once all runs of a stage have ended, so the
medians do not depend on the order of arrival.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import assert_never

from promo.base.canonical import from_exact
from promo.base.classes import frozen
from promo.ledger.state import Attempt
from promo.study.judgement import Against, BoundKind, Guard, Watched


@frozen
class Flag:
    """A run that a guard sets aside."""

    run: str
    attempt: int
    guard: Guard
    value: Fraction
    """What was watched, in its unit."""
    limit: Fraction
    """What it was held against: the bound itself, or a median that the bound is a share of."""


def flags(guards: Iterable[Guard], attempts: Iterable[Attempt]) -> tuple[Flag, ...]:
    """
    Which of the accepted attempts of a stage a guard sets aside.

    Returns:
        One flag a run, by the first guard that it fails, in the order of runs.
    """
    known = sorted(attempts, key=lambda one: one.run)
    found: dict[str, Flag] = {}
    for guard in guards:
        values = {attempt.run: _value(guard, attempt) for attempt in known}
        for attempt in known:
            value = values[attempt.run]
            limit = _limit(guard, attempt, known, values)
            if value is None or limit is None or attempt.run in found or _inside(guard, value, limit):
                continue
            found[attempt.run] = Flag(attempt.run, attempt.number, guard, value, limit)
    return tuple(found[run] for run in sorted(found))


def _value(guard: Guard, attempt: Attempt) -> Fraction | None:
    match guard.watched:
        case Watched.THROUGHPUT:
            text = attempt.work.tokens_per_s or attempt.work.steps_per_s  # a recorded table may count steps alone
        case Watched.CONTENTION:
            text = attempt.contention
        case Watched.SECONDS:
            text = attempt.seconds.get(guard.phase)
        case _:
            assert_never(guard.watched)
    return None if text is None else from_exact(text)


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
        case _:
            assert_never(guard.bound.kind)
