"""What the ledger and a worker both say of an attempt: where it lies, how it ended, how much it did."""

from enum import Enum
from typing import Annotated

from promo.base.classes import frozen
from promo.base.fields import Amount, Form, Upward

Folder = Annotated[
    str,
    Form("folder of an attempt", r"runs/[a-z0-9_]{1,80}/[a-z0-9_]{1,200}-[a-z0-9_]{1,80}-s\d{1,20}/attempt-\d{1,6}"),
]
"""Where an attempt lies inside its study."""


class RunStatus(Enum):
    """How an attempt ended; only `ok` has a value that a gate may read."""

    OK = "ok"
    NAN = "nan"
    """The loss or the metric was not a finite number."""
    DIVERGED = "diverged"
    """The model scored worse than guessing every byte."""
    OOM = "oom"
    """The device or the machine ran out of memory."""
    TIMEOUT = "timeout"
    """The supervisor ended it at its limit."""
    KILLED = "killed"
    """A signal from outside ended it."""
    CRASH = "crash"
    """It ended with an error, or without a result."""
    INVALID = "invalid"
    """Its request cannot be carried out, or its result contradicts the request."""


OWN_FAULT = frozenset({RunStatus.NAN, RunStatus.DIVERGED, RunStatus.OOM, RunStatus.CRASH})
"""Statuses of runs that failed by their own fault, as they would on any machine; all others are merely missing."""


@frozen
class Work:
    """How much a run did, and how fast; what is not counted is None."""

    steps: Amount | None = None
    tokens: Amount | None = None
    flops: Amount | None = None
    tokens_per_s: Upward | None = None
    steps_per_s: Upward | None = None
