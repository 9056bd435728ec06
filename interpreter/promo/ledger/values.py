"""
Events of a study, in the order in which they became true.

An event is written and flushed to disk before anything acts on it.  *time* is for people; order is *seq* alone.
"""

from collections.abc import Mapping
from enum import Enum

from attrs import frozen

from promo.base.canonical import Json


class EventKind(Enum):
    """What can happen to a study."""

    STUDY_FROZEN = "study.frozen"
    ANCHOR_RECEIVED = "anchor.received"
    """Somebody outside vouches for the ledger as it was; their bytes are in the event."""
    VALUE_PUBLISHED = "value.published"
    """The value from after the freeze that seeds are drawn from."""
    ORCHESTRATOR_STARTED = "orchestrator.started"
    DATA_PREPARED = "data.prepared"
    STAGE_OPENED = "stage.opened"
    ATTEMPT_STARTED = "attempt.started"
    ATTEMPT_FAILED = "attempt.failed"
    ATTEMPT_LOST = "attempt.lost"
    ATTEMPT_LATE = "attempt.late"
    """An attempt that had been given up left a result after all; it is on record and never counts."""
    RESULT_ACCEPTED = "result.accepted"
    RESULT_FLAGGED = "result.flagged"
    STAGE_CLOSED = "stage.closed"
    EFFECTS_ESTIMATED = "effects.estimated"
    GATE_DECIDED = "gate.decided"
    RULE_DECIDED = "rule.decided"
    REDUCTION_DECIDED = "reduction.decided"
    BASELINE_MOVED = "baseline.moved"
    """A greedy walk has said what it tries next."""
    PERSON_DECIDED = "person.decided"
    RULE_AMENDED = "rule.amended"
    BUNDLE_IMPORTED = "bundle.imported"
    STUDY_STOPPED = "study.stopped"
    STUDY_CLOSED = "study.closed"
    CLOCK_JUMPED = "clock.jumped"
    """The wall clock moved against the monotonic one by more than a minute: set, or the machine slept."""


@frozen
class Event:
    """One line of the ledger."""

    seq: int
    kind: EventKind
    time: str
    """UTC, ISO 8601, for display."""
    incarnation: int
    """How many times an orchestrator had been started on this study, this one included."""
    data: Mapping[str, Json]
    previous: str
    """Digest of the line before; 64 zeros for the first."""


@frozen
class Chain:
    """A ledger as read: its events, the digest of its last line, and where a torn last line begins, if there is one."""

    events: tuple[Event, ...]
    head: str
    sound_bytes: int
    torn: bool
