"""Guards, failures and reruns: what was declared for runs that go wrong, which did, and what followed."""

from collections.abc import Iterable

from promo.base.classes import frozen
from promo.decision.agenda import in_force
from promo.ledger.state import Attempt, AttemptState
from promo.report.decided import attempt_cause
from promo.report.describe import describe_guard, describe_handling
from promo.report.record import Record
from promo.report.words import NONE, plural

MOST_ROWS = 400


@frozen
class RerunsView:
    """Everything about runs that did not go as planned."""

    declared: tuple[str, ...]
    """What was declared before the runs, a sentence each."""
    said: str
    rows: tuple[tuple[str, ...], ...]
    """Stage, candidate, host, seed, attempt, how it ended, why, what followed."""
    rest: str
    """What is not in the table; empty when all is."""


def reruns_view(record: Record) -> RerunsView:
    """Guards and reruns of a study."""
    odd = [
        (attempt, tried)
        for tried in record.state.attempts.values()
        for attempt in tried
        if attempt.state not in (AttemptState.ACCEPTED, AttemptState.RUNNING)
    ]
    rows = tuple(_row(record, attempt, tried) for attempt, tried in odd[:MOST_ROWS])
    return RerunsView(
        declared=tuple(_declared(record)),
        said=_said(record, [attempt for attempt, _ in odd]),
        rows=rows,
        rest=f"The first {MOST_ROWS} of {len(odd):,} attempts; the table of runs as CSV has all."
        if odd[MOST_ROWS:]
        else "",
    )


def _declared(record: Record) -> Iterable[str]:
    for gate in record.study.gates.values():
        for guard in gate.guards:
            yield f"{gate.name} looks at runs of {gate.source} before it ranks: {describe_guard(guard)}."
        crash = f"; for one that failed through its own fault: {describe_handling(gate.crash)}" if gate.crash else ""
        yield f"{gate.name}, for a run without a value at {gate.source}: {describe_handling(gate.missing)}{crash}."


def _said(record: Record, odd: list[Attempt]) -> str:
    every = record.attempts()
    if not every:
        return "Nothing ran yet."
    if not odd:
        return f"None of {plural(len(every), 'attempt')} was excluded, failed or lost."
    flagged = sum(one.state is AttemptState.FLAGGED for one in odd)
    lost = sum(one.state is AttemptState.LOST for one in odd)
    again = sum(max(len(tried) - 1, 0) for tried in record.state.attempts.values())
    return (
        f"Of {plural(len(every), 'attempt')}, {flagged} were excluded by a guard, {len(odd) - flagged - lost} failed "
        f"and {lost} were lost with the machine or the process; {again} were repeats."
    )


def _row(record: Record, attempt: Attempt, tried: list[Attempt]) -> tuple[str, ...]:
    after = next((one for one in tried if one.number > attempt.number), None)
    accepted = record.state.accepted(attempt.run)
    if after is not None:
        followed = f"tried again: attempt {after.number}, {after.ending}"
    elif accepted is not None:
        followed = f"attempt {accepted.number} counts"
    else:
        used_up = (
            record.state.tries(attempt.run) >= in_force(record.study, record.state).allowance_at(attempt.stage).most
        )
        followed = "no value for its cell" + (": its attempts are used up" if used_up else "")
    how = "excluded" if attempt.state is AttemptState.FLAGGED else attempt.ending
    where = (attempt.stage, record.call(attempt.candidate), attempt.host, str(attempt.seed), str(attempt.number))
    return (*where, how, attempt_cause(attempt, record.study) or NONE, followed)
