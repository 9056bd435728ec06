"""
What running is made of: requests, attempts, and the result of each.

A request and a result are JSON files in an attempt's own folder; nothing is pickled and nothing is passed through
the environment or a shell.  Measured numbers are kept as decimal text, so that what was written is what is read.
"""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from attrs import frozen

from promo.base.canonical import Json

CONTRACT = 1
"""Version of the request and result files."""
RECORDED = "recorded"
"""Provenance of a result that was read from a table; one that was trained names none."""


NO_DISK = 96
"""Exit status of a worker whose disk is full or fails: nobody's fault but the machine's."""


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


OWN_FAULT = frozenset({"nan", "diverged", "oom", "crash"})
"""Statuses of runs that failed by their own fault, as they would on any machine; all others are merely missing."""


@frozen
class AttemptSpec:
    """One try, ready to start."""

    folder: Path
    environment: Mapping[str, str]
    limit_s: int
    """Wall-clock seconds after which the supervisor ends it, whatever it is doing."""
    trainer: str
    """`module:function`, so that a worker can import it before it has read the request."""
    finish: bool = False
    """Whether it goes on to its end when promo dies; otherwise it ends with it."""
    device: str | None = None
    """Lasting name of the device that it holds while it runs; None for a processor."""


@frozen
class Exit:
    """How a worker process ended: its return code (negative: the signal), and why the supervisor stepped in."""

    returncode: int | None
    reason: str = ""
    seconds: str | None = None
    """How long its supervisor had it in hand, as exact text; None where nobody wrote it down."""


@frozen
class Result:
    """What an attempt left behind, checked."""

    status: RunStatus
    cause: str
    metrics: Mapping[str, str]
    """Metric -> value as exact decimal text."""
    seconds: Mapping[str, str]
    """Phase -> seconds; `train` is what the budget paid for."""
    details: Mapping[str, Json]
    """Everything else the worker recorded: work, memory, device, software, data."""
    digest: str | None
    """Digest of the envelope; None when the worker left none."""

    @property
    def recorded(self) -> bool:
        """Whether it was read from a table instead of trained."""
        return self.details.get("provenance") == RECORDED

    @property
    def charged_s(self) -> str:
        """Training seconds, which the budget paid for."""
        return self.seconds.get("train", "0")
