"""What is left of a study that cannot be read as one: its faults, and what its ledger still says."""

from collections import Counter
from collections.abc import Iterator
from typing import assert_never

from promo.base.classes import frozen
from promo.ledger.outcomes import Held, Settled, Stopped
from promo.ledger.state import State, StudyState
from promo.ledger.values import Verdict
from promo.report.words import listed, plural


@frozen
class RemainsView:
    """Everything that can be said of such a study."""

    name: str
    state: str
    story: tuple[str, ...]
    faults: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    """What it is, and its value."""


def remains_view(
    folder: str, state: State, faults: tuple[str, ...], files: tuple[str, ...], *, empty: bool
) -> RemainsView:
    """
    Say what is left.

    Args:
        folder: the study folder.
        state: what the readable part of its ledger adds up to.
        faults: why it cannot be read as a study.
        files: names of what lies in the folder.
        empty: there is no ledger, or not one line in it.
    """
    return RemainsView(
        name=state.frozen.study if state.frozen else folder,
        state="empty: nothing was frozen here" if empty else "damaged, or not readable here",
        story=tuple(_story(empty=empty)),
        faults=tuple(dict.fromkeys(faults)),
        facts=tuple(_facts(state, files)),
    )


def _story(*, empty: bool) -> Iterator[str]:
    if empty:
        yield "This folder holds parts of a study but no ledger, so nothing shows what was frozen or run."
    else:
        yield "This study cannot be read completely, so nothing is recomputed; the rest is what was recorded."
    yield (
        "Where files are damaged, restore the folder from a copy; where a runner or an extra is missing, install it. "
        "Then make the report again; promo verify says what does not match."
    )


def _facts(state: State, files: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    yield "files", listed(files)
    if state.study is StudyState.EMPTY:
        return
    yield "study frozen", state.frozen_at
    yield "events that can be read", str(state.events)
    for stage, entrants in state.opened.items():
        yield (
            f"stage {stage}",
            f"{plural(len(entrants), 'entrant')}; {'ended' if stage in state.closed else 'not ended'}",
        )
    counts = Counter(attempt.state.value for attempt in state.every_attempt())
    yield "attempts", ", ".join(f"{number} {name}" for name, number in sorted(counts.items())) or "none"
    for name, recorded in state.decisions.items():
        yield f"recorded decision of {name}", _verdict(recorded.verdict)
    if state.study in (StudyState.CLOSED, StudyState.STOPPED):
        yield "ended", "to its end" if state.stopped_by is None else f"stopped by {state.stopped_by}"


def _verdict(verdict: Verdict) -> str:
    """What a recorded decision said, as far as that needs no spec."""
    match verdict.outcome:
        case Stopped():
            return "stop"
        case Held():
            return "hold"
        case Settled():
            promoted = listed(verdict.promoted) if verdict.promoted else "no candidate"
            return f"promotes {promoted}" if verdict.answer is None else verdict.answer.value
        case _:
            assert_never(verdict.outcome)
