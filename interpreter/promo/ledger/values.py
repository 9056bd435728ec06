"""
Events of a study, in the order in which they became true.

An event is written and flushed to disk before anything acts on it.  *time* is for people; order is *seq* alone.  What
can happen is a closed union, `Happening`; each member says all there is to say, as values.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, ClassVar

from promo.base.classes import frozen
from promo.base.fields import Count, Digest, Form, Measured, Moment, Name, Range, Seconds, Silent
from promo.ledger.attempts import OWN_FAULT, Folder, RunStatus, Work
from promo.ledger.bundles import Arrival, Number
from promo.ledger.losses import Loss
from promo.ledger.outcomes import Outcome, Turn
from promo.ledger.sources import Input, Installed, Recording, Said, Text
from promo.study.closure import Closure
from promo.study.given import Level
from promo.study.judgement import Answer

__all__ = ["OWN_FAULT", "Folder", "RunStatus", "Work"]

Left = Annotated[
    str,
    Form("name of a file below the folder of an attempt", r"(?!(.*/)?\.{1,2}(/|$))[!-\[\]-~ ]+(?<!/)", longest=1024),
]
"""A file that an attempt left, with forward slashes; `promo.run.store.plain` makes such names of any."""
Imported = Annotated[str, Form("place of another ledger", r"imports/[0-9a-f]{1,64}\.jsonl", longest=128)]
Queued = Annotated[Seconds | None, Silent(None)]
"""Seconds in a queue; None where there is none."""
Base64 = Annotated[str, Form("base64 text", "[A-Za-z0-9+/]*={0,2}", longest=1_048_576)]


# --- the study ---------------------------------------------------------------------------------------------------


@frozen
class Freezing:
    """What was frozen: the plan, and the digest of every file."""

    TAG: ClassVar = "study.frozen"

    study: str
    plan: Digest
    seals: Mapping[str, Digest]
    files: Mapping[str, Digest]
    runner: Installed
    promo: str
    code: str
    """Digest of promo's own code."""
    commit: str | None
    replay: Recording | None


@frozen
class Receipt:
    """Somebody outside vouches for the ledger as it was; their bytes are in the event."""

    TAG: ClassVar = "anchor.received"

    form: str
    size: Count
    """Events it covers, from the first."""
    root: Base64
    by: str
    digest: Digest
    receipt: Base64


@frozen
class Publication:
    """The value from after the freeze that seeds are drawn from."""

    TAG: ClassVar = "value.published"

    source: str
    value: str


@frozen
class Start:
    """A promo began to work on the study."""

    TAG: ClassVar = "orchestrator.started"

    promo: str
    commit: str | None
    command: tuple[str, ...]
    packages: tuple[str, ...]
    code: str
    inputs: tuple[Input, ...]
    """The same at every start."""


@frozen
class TextPrepared:
    """The study's text lies in its folder."""

    TAG: ClassVar = "data.prepared"

    text: Text


@frozen
class StageOpened:
    """A stage began, with these candidates."""

    TAG: ClassVar = "stage.opened"

    stage: str
    entrants: tuple[str, ...]
    """Sorted."""


@frozen
class StageClosed:
    """Every run of a stage has ended."""

    TAG: ClassVar = "stage.closed"

    stage: str
    evidence: Digest
    missing: Count
    """Cells without a value."""


@frozen
class EffectsEstimated:
    """Effects were estimated from the evidence of their stages."""

    TAG: ClassVar = "effects.estimated"

    name: str
    effects: Digest
    discovered: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    """Stage -> effects that are discovered there, each as its factors."""


@frozen
class BudgetAmended:
    """Somebody gave a study that had begun another budget, of device time or of money: one of the two."""

    TAG: ClassVar = "budget.amended"

    budget_s: Annotated[int, Range(1, 10**9)] | None
    reason: Said
    by: Said
    money: Fraction | None = None
    """In the study's currency."""


@frozen
class StudyStopped:
    """The study ended by its own rule, or by the word of a person about that rule."""

    TAG: ClassVar = "study.stopped"

    by: str


@frozen
class StudyClosed:
    """The study came to its end."""

    TAG: ClassVar = "study.closed"

    stages: Count


@frozen
class ClockJumped:
    """The wall clock moved against the monotonic one by more than a minute: set, or the machine slept."""

    TAG: ClassVar = "clock.jumped"

    seconds: int


# --- attempts ----------------------------------------------------------------------------------------------------


@frozen
class AttemptStarted:
    """An attempt is about to begin."""

    TAG: ClassVar = "attempt.started"

    run: Name
    attempt: Number
    stage: str
    candidate: str
    host: str
    seed: int
    folder: Folder
    request: Digest
    device: str | None
    """Lasting name of the device it was given."""
    co_tenants: tuple[str, ...]
    """Programs that promo did not start and that computed on its device then."""
    bundle: Digest | None
    """The bundle that brought it; None for what ran here."""
    job: Annotated[Name | None, Silent(None)] = None
    """The name that its queue knows it by, made up before it was submitted; None where there is no queue."""


@frozen
class ResultAccepted:
    """An attempt left a sound result, which counts; everything that gates and guards read of it is repeated here."""

    TAG: ClassVar = "result.accepted"

    run: Name
    attempt: Number
    envelope: Digest
    metrics: Mapping[str, Measured]
    seconds: Mapping[str, Seconds]
    """Phase -> seconds; `train` is what its budget paid for."""
    work: Work
    contention: Measured | None
    device_s: Seconds | None
    """Seconds of the device's time it took, all phases; None while unknown."""
    witnesses: Mapping[Left, Digest]
    """File -> digest of what it left beside its result."""
    bundle: Digest | None
    queued_s: Queued = None
    """Seconds that it waited in a queue, which are nobody's device time; None where there is no queue."""


@frozen
class AttemptFailed:
    """An attempt ended without a value."""

    TAG: ClassVar = "attempt.failed"

    run: Name
    attempt: Number
    status: RunStatus
    cause: Said
    envelope: Digest | None
    train_s: Seconds | None
    device_s: Seconds | None
    witnesses: Mapping[Left, Digest]
    bundle: Digest | None
    queued_s: Queued = None


@frozen
class AttemptLost:
    """Nobody saw how an attempt ended, or it was called off; that is no fault of its candidate."""

    TAG: ClassVar = "attempt.lost"

    run: Name
    attempt: Number
    loss: Loss
    device_s: Seconds | None
    witnesses: Mapping[Left, Digest]
    bundle: Digest | None
    queued_s: Queued = None


@frozen
class AttemptLate:
    """An attempt that had been given up left a result after all; it is on record and never counts."""

    TAG: ClassVar = "attempt.late"

    run: Name
    attempt: Number
    envelope: Digest
    status: RunStatus


@frozen
class ResultFlagged:
    """A guard of a gate sets a result aside, and the run is or is not tried again."""

    TAG: ClassVar = "result.flagged"

    run: Name
    attempt: Number
    gate: str
    guard: Count
    """Which of the gate's guards, from 0."""
    value: Fraction
    limit: Fraction
    again: bool


# --- decisions ---------------------------------------------------------------------------------------------------


@frozen
class Verdict:
    """What one wording of a decider decided; `decisions/` holds all of it."""

    wording: Count
    """0 as it was frozen, else the number of an amendment."""
    decision: Digest
    outcome: Outcome
    promoted: tuple[str, ...]
    answer: Answer | None
    """Of a rule."""
    fixed: tuple[tuple[str, Level], ...]
    """Of a reduction: factors that are out of the search, and where."""
    path: tuple[Turn, ...]
    """Of a schedule: shapes that are trained, and from where on."""


@frozen
class Decided:
    """A gate, rule, reduction or step of a walk decided by the wording in force."""

    TAG: ClassVar = "decided"

    name: str
    seal: Digest | None
    verdict: Verdict
    others: tuple[Verdict, ...]
    """What its earlier wordings would have decided; nothing follows from them."""


@frozen
class PersonDecided:
    """A person decided what a gate or rule left to one."""

    TAG: ClassVar = "person.decided"

    name: str
    by: Said
    reason: Said
    promoted: tuple[str, ...] | None
    """None for a rule, and where the study stops."""
    stopped: bool


@frozen
class CellResult:
    """A result by its cell."""

    ROW: ClassVar = True

    stage: str
    candidate: str
    host: str
    seed: int


@frozen
class Amendment:
    """A gate, rule or reduction reads otherwise from here on."""

    TAG: ClassVar = "rule.amended"

    name: str
    number: Number
    old: Closure
    new: Closure
    reason: Said
    by: Said
    head: Digest
    """The ledger's last line then."""
    seen: tuple[CellResult, ...]
    """Results of its stages that were known then; with any it is post hoc."""
    text: Digest
    """Of the amended spec."""
    verdict: Verdict | None
    """What this wording would have decided, where the rule had decided before."""

    @property
    def post_hoc(self) -> bool:
        """Whether results of its stages were known."""
        return bool(self.seen)


@frozen
class BundleImported:
    """What another machine did was taken in."""

    TAG: ClassVar = "bundle.imported"

    bundle: Digest
    head: Digest
    """Of the ledger there."""
    ledger: Imported
    """Where that is kept."""
    ledger_digest: Digest
    signer: str | None
    """Fingerprint of the key that was asked for and signed it; None for one that was taken unsigned."""
    taken: tuple[Arrival, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """Where that ledger, the bundle's manifest and, for one that was signed, its signature are kept."""
        manifest = f"{self.ledger.removesuffix('.jsonl')}.manifest.json"
        return (self.ledger, manifest, *[f"{manifest}.sig"] * (self.signer is not None))


Ended = ResultAccepted | AttemptFailed | AttemptLost
OfAttempt = AttemptStarted | Ended | AttemptLate | ResultFlagged
OfStep = StageOpened | StageClosed | EffectsEstimated | Decided
"""A step that the agenda of a study asks for."""
OfStudy = (
    Freezing
    | Receipt
    | Publication
    | Start
    | TextPrepared
    | StudyStopped
    | StudyClosed
    | ClockJumped
    | PersonDecided
    | Amendment
    | BudgetAmended
    | BundleImported
)
Happening = OfAttempt | OfStep | OfStudy


@frozen
class Event:
    """One line of the ledger."""

    seq: Count
    time: Moment
    """UTC, ISO 8601, for display."""
    incarnation: Count
    """How many times an orchestrator had been started on this study, this one included."""
    event: Happening
    prev: Digest
    """Digest of the line before; 64 zeros for the first."""


@frozen
class Chain:
    """A ledger as read: its events, the digest of its last line, and where a torn last line begins, if there is one."""

    events: tuple[Event, ...]
    head: str
    sound_bytes: int
    torn: bool
