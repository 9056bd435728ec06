"""
What running is made of: requests, attempts, and the result of each.

A request and a result are JSON files in an attempt's own folder; nothing is pickled and nothing is passed through
the environment or a shell.  Measured numbers are kept as decimal text, so that what was written is what is read.
"""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, ClassVar

from promo.base.classes import field, frozen
from promo.base.fields import Amount, Count, Digest, Free, Large, Measured, Name, Seconds, Silent, Upward
from promo.ledger.attempts import OWN_FAULT, Folder, RunStatus, Work
from promo.ledger.bundles import Number
from promo.ledger.losses import Loss
from promo.ledger.sources import Said
from promo.run.program import OUTPUT_BYTES, Program
from promo.study.given import Level, Options, Several
from promo.study.limits import Budget, BudgetKind

__all__ = ["OWN_FAULT", "RunStatus", "Work"]

NO_DISK = 96
"""Exit status of a worker whose disk is full or fails: nobody's fault but the machine's."""
NO_PEERS = 95
"""Exit status of a worker whose run could not be started on all of its nodes: no fault of the run either."""

# --- requests ----------------------------------------------------------------------------------------------------


@frozen
class RunOf:
    """The run that is asked for; *seed* seeds it, and *label* is what the plan calls that seed where it was drawn."""

    id: Name
    stage: str
    candidate: str
    host: str
    seed: int
    label: int | None


@frozen
class TextOf:
    """
    The prepared text: paths below the study's folder, its digest, and the windows that score a model.

    Where tokens are not bytes, *token_lengths* is a file of the bytes that each token stands for, 32 bits each, and
    *token_width* the bytes that each takes in the streams.
    """

    train: str
    validation: str
    digest: Digest
    score_tokens: Count
    window: Count
    token_lengths: str | None
    token_width: Count


class Kept(Enum):
    """A state that a run leaves: at its end, or at the end of its constant-rate trunk."""

    CHECKPOINT = "checkpoint"
    TRUNK = "trunk"


@frozen
class Keeping:
    """Which states a run keeps: at its end, for another one, and every so many seconds, for itself."""

    at_end: bool
    every_s: Count


@frozen
class Trunk:
    """Where a constant rate ends, in the budget's unit, and whether the state there is kept."""

    at: Large
    keep: bool


@frozen
class Continued:
    """
    The trained run that a run carries on: where its state lies, and what it has spent in the budget's unit.

    Folder and state are None where that run has no result; *recorded* is which recorded run of its cell it was.
    """

    folder: Folder | None
    state: Digest | None
    earlier: Large
    recorded: Count | None


@frozen
class Resumed:
    """A state that an attempt of the same run kept before it was lost."""

    folder: Folder
    state: Digest


@frozen
class Grown:
    """The state that a run begins from; *way* while ways to grow are tried, where it is that of a smaller model."""

    folder: Folder | None
    state: Digest | None
    kept: Kept
    way: str | None


@frozen
class Change:
    """
    A shape that training goes on with, from the first step end at or beyond *at*.

    *at* is in the budget's unit and of the run's whole budget, with what an earlier run spent; a change beyond that is
    not reached, as in a first stage that a later one carries on.
    """

    at: Large
    way: str | None
    """How the model grows; None where no weights change, as for another context or total batch."""
    settings: Mapping[str, int | str]
    parameters: Large
    flops_per_token: Large


@frozen
class Request:
    """
    Everything that an attempt is asked, and all that its training depends on.

    It does not depend on where its study lies, and knows nothing of gates: equal requests are equal runs.
    """

    FORM: ClassVar = ("promo_request", 2)

    study: str
    plan: Digest
    run: RunOf
    attempt: Number
    trainer: str
    """`module:function`."""
    settings: Mapping[str, int | str]
    """The effective configuration, as the runner resolves it."""
    parameters: Large
    flops_per_token: Large
    metric: str
    budget: Budget
    data: TextOf | None
    checkpoint: Keeping
    trunk: Trunk | None
    """Only in a stage that cools down."""
    continues: Continued | None
    resume: Resumed | None
    grow: Grown | None
    changes: tuple[Change, ...]
    """In order of their places; none for a run that keeps its shape."""
    device: str
    """`cpu` or `cuda`."""
    threads: Count
    program: Program | None
    """A runner that is kept in files: what its file declares."""
    levels: Mapping[str, Level] | None
    """The candidate's own levels, for such a runner."""
    curves: Digest | None
    """The table that a replay reads."""
    recorded: Count | None
    """Which recorded run of its cell it reads."""
    devices: Annotated[Several, Silent(1)] = 1
    """That it has on each of its nodes; on a processor, processes that train together."""
    nodes: Annotated[Several, Silent(1)] = 1
    """Machines that it has."""

    @property
    def width(self) -> int:
        """Devices that it has in all, and processes where each has one."""
        return self.devices * self.nodes


# --- attempts ----------------------------------------------------------------------------------------------------


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
    output_bytes: int = OUTPUT_BYTES
    """How much of what it prints is kept."""
    job: str | None = None
    """The name that its queue is to know it by; None where there is no queue."""
    options: Options = ()
    """What its host's block says to the executor, by name."""
    threads: int = 1
    """Processor threads that it may use."""


class Phase(Enum):
    """Where an attempt stands that has not ended."""

    QUEUED = "queued"
    """It has been submitted, and waits for a machine."""
    RUNNING = "running"
    UNKNOWN = "unknown"
    """Its queue does not answer, or does not know it yet; that is not to say that it never ran."""


class Reason(Enum):
    """Why an attempt came to its end, as whoever had it in hand saw it."""

    ITSELF = "itself"
    LIMIT = "limit"
    CANCELLED = "cancelled"
    SUPERVISOR = "supervisor"
    """Its supervisor was killed, and it ended with it."""
    BUSY = "busy"
    """Its device was taken by another study."""
    GIVEN_UP = "given up"
    """It had been given up before it began."""


@frozen
class Exit:
    """How a worker process ended: its return code (negative: the signal), and why the supervisor stepped in."""

    returncode: int | None
    reason: Reason = Reason.ITSELF
    seconds: Seconds | None = None
    """How long its supervisor had it in hand; None where nobody wrote it down."""


@frozen
class Delivered:
    """Its result was trained by somebody else's system, taken in, and lies in its folder."""


Ending = Exit | Loss | Delivered
Stand = Phase | Ending
"""Where an attempt stands, as its executor knows: it goes on, it has ended so, or nobody will hear its end."""


# --- results -----------------------------------------------------------------------------------------------------


TRAIN = "train"
"""The phase that the budget pays for."""


class Counter(Enum):
    """Who knows how much of its budget a run has used."""

    TRAINER = "trainer"
    """The trainer counted, and its clock stands still outside of training."""
    MARKED = "marked"
    """A function marked what is training, and was timed there."""
    REPORTED = "reported"
    """A program kept its own clock or counter and said so."""
    WHOLE = "whole"
    """Nobody marked what is training, so all of the function or process is charged."""
    SIMULATED = "simulated"
    """Nothing is trained, and time passes in a model of it, as in a surrogate benchmark."""
    RECORDED = "recorded"
    """A table of recorded curves says how far the run had come."""


@frozen
class Used:
    """How much of its budget a run has used, in the budget's unit, and who knows."""

    kind: BudgetKind
    used: Measured
    last_step: Measured | None
    """What the last step took of it; nobody can stop in the middle of one.  None for what was only timed."""
    counter: Counter


@frozen
class Segment:
    """What a run did in one shape; none of a run that is asked to keep its own."""

    steps: Count
    tokens: Large
    until: Measured
    """Amount used at its end, in the budget's unit, with what an earlier run spent."""
    before: Measured
    """Amount used before its last step; that of the segment before where it has no step."""


@frozen
class RecordedAs:
    """Where a result was read: a table, the run of it, and its row; two rows between which it was interpolated."""

    number: Count
    """Which recorded run of the cell, from 0."""
    table: Digest
    name: str
    config: str | None = None
    host: str | None = None
    seed: str | None = None
    run: str | None = None
    rows: tuple[int, ...] = ()
    value: Measured | None = None


@frozen
class Facts:
    """Where and with what a run was made."""

    machine: Mapping[str, Free] = field(factory=dict)
    device: Mapping[str, Free] = field(factory=dict)
    software: Mapping[str, Free] = field(factory=dict)
    peak_rss_bytes: Large | None = None
    peak_device_bytes: Large | None = None
    started_ahead_s: Seconds | None = None
    """How long before its attempt its process was born."""

    @property
    def parts(self) -> tuple[tuple[str, Mapping[str, Free]], ...]:
        """What says where it was made, each with its name; results that say the same share them."""
        return ("machine", self.machine), ("device", self.device), ("software", self.software)


@frozen
class Body:
    """What an attempt says of itself at its end."""

    FORM: ClassVar = ("promo_result", 2)

    request: Digest
    """Of the request that it answers."""
    status: RunStatus
    cause: Said
    metrics: Mapping[str, Measured]
    seconds: Mapping[str, Seconds]
    """Phase -> seconds; `train` is what the budget paid for, `total` all of it."""
    points: Digest
    """Of the file of measured points."""
    used: Used | None
    work: Work
    segments: tuple[Segment, ...]
    """One for each shape that it came to, in order; none where it was asked for no change."""
    checkpoint: Digest | None
    """The state at its end, if that was kept."""
    trunk: Digest | None
    contention: Measured | None
    """Processor cores that everything else on the machine kept busy meanwhile, on average."""
    facts: Facts
    recorded: RecordedAs | None
    """Set where it was read from a table; None for what was trained."""
    details: Mapping[str, Free]
    """What its runner says besides; nothing is decided by it."""

    def state(self, kept: Kept) -> str | None:
        """The state that it left, if it did."""
        return self.checkpoint if kept is Kept.CHECKPOINT else self.trunk


@frozen
class Envelope:
    """A result file: the body and its digest, so that a part of one is none."""

    body: Body
    digest: Digest


@frozen
class Result:
    """What an attempt left behind, checked."""

    status: RunStatus
    cause: str
    body: Body | None
    """None when the worker left none."""
    digest: str | None
    """Of the result file; None when the worker left none."""

    @property
    def metrics(self) -> Mapping[str, str]:
        """Metric -> value as exact decimal text."""
        return self.body.metrics if self.body else {}

    @property
    def seconds(self) -> Mapping[str, str]:
        """Phase -> seconds."""
        return self.body.seconds if self.body else {}

    @property
    def recorded(self) -> bool:
        """Whether it was read from a table instead of trained."""
        return self.body is not None and self.body.recorded is not None

    @property
    def charged_s(self) -> str:
        """Training seconds, which the budget paid for."""
        return self.seconds.get("train", "0")


@frozen
class Point:
    """A measured point of a run: what had been done by then, and what was measured."""

    step: Count | None
    tokens: Amount | None
    charged_s: Upward | None
    """Training seconds that had been charged by then."""
    metrics: Mapping[str, Measured]
    """Metrics, and `train_` with the end of the metric's name for what is measured while it trains."""

    @property
    def figures(self) -> Mapping[str, str]:
        """Everything that it says, by name."""
        counted = {"step": self.step, "tokens": self.tokens, "charged_s": self.charged_s}
        return {name: str(value) for name, value in counted.items() if value is not None} | dict(self.metrics)
