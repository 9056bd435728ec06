"""
The rows of `promo.api`, and the table that holds them.

A row is a frozen class; its attributes are columns, in this order.  A mapping is spread over columns of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from promo.base.classes import fields, frozen
from promo.report.tables import FACTOR


@frozen(kw_only=True)
class Run:
    """An attempt at a run; None where nothing is known."""

    run: str
    """Identity of what it trains, for how long, on what; the same in every study that trains it."""
    attempt: int
    stage: str
    candidate: str
    changed: str | None
    """By what it differs from the reference, in words."""
    host: str
    seed: int
    state: str
    """`accepted` counts; `failed`, `lost`, `flagged` (excluded by a guard) and `running` do not."""
    status: str | None
    """How it ended: `ok`, `nan`, `diverged`, `oom`, `timeout`, `killed`, `crash` or `invalid`."""
    cause: str | None
    metric: str
    value: float | None
    """Of the metric, in the study's unit."""
    rank: int | None
    """Of its candidate at this stage, 1 is best, where a gate has read it."""
    verdict: str | None
    """`promoted` or `dropped`, where a gate has read the stage; `open` while that waits for a person."""
    spent_s: float | None
    """Seconds of training."""
    slot_s: float | None
    """Seconds that it had its slot, all phases."""
    devices: int
    """That it had meanwhile; an hour of it is so many hours of devices."""
    paid: float | None
    """For those, by the declared prices, in the study's currency; None where its host has none."""
    steps: int | None
    tokens: int | None
    tokens_per_s: float | None
    peak_rss_bytes: int | None
    peak_device_bytes: int | None
    envelope: str | None
    """Digest of its result file."""
    started: str | None
    """UTC, as ISO 8601; so is *ended*."""
    ended: str | None
    environment: int | None
    """Number of the environment it ran in, as in the report."""
    machine_system: str | None
    """`Linux`; *machine_release* is its release."""
    machine_release: str | None
    machine_architecture: str | None
    """As the system names it: `x86_64`."""
    machine_processor: str | None
    """Model of the processor."""
    machine_cores: int | None
    """Logical processors."""
    machine_clock_mhz: float | None
    """Of the first processor, at the end of the run."""
    device_kind: str | None
    """`cpu` or `cuda`."""
    device_name: str | None
    """Model of the accelerator; None on processors, as most of what follows."""
    device_memory_bytes: int | None
    device_capability: str | None
    """Compute capability: `9.0`."""
    device_threads: int | None
    """Of the process that trained."""
    device_compute: str | None
    """Type of the matrix products: `bfloat16`."""
    device_instructions: str | None
    """Vector instructions of the processor that torch uses: `AVX2`."""
    device_compiled: bool | None
    """Whether the model was compiled."""
    device_cuda: str | None
    """CUDA version that torch was built with."""
    device_driver: str | None
    device_uuid: str | None
    device_clock_mhz: float | None
    device_clock_max_mhz: float | None
    device_power_limit_w: float | None
    software_python: str | None
    """Version of Python; the three below are versions of packages."""
    software_promo: str | None
    software_numpy: str | None
    software_torch: str | None
    facts: Mapping[str, str]
    """What else is recorded: environment variables as `variable_NAME`, and what its runner adds; a column each."""
    factors: Mapping[str, int | float | str]
    """Factor -> its level, whole where all of the factor's are; a column `factor_NAME` each in a data frame."""


@frozen(kw_only=True)
class Point:
    """One value that a run measured on its way."""

    run: str
    stage: str
    candidate: str
    changed: str | None
    host: str
    seed: int
    step: int | None
    tokens: int | None
    charged_s: float | None
    """Seconds of training that had been charged by then."""
    name: str
    """What was measured, such as `val_bpb`."""
    value: float


@frozen(kw_only=True)
class Decision:
    """What a gate, rule or reduction found of one candidate (a reduction: of one factor) under one condition."""

    decision: str
    kind: str
    """`gate`, `rule`, `reduce` or `baseline`."""
    stage: str
    seal: str | None
    """Digest of what was frozen; None where it was not."""
    evidence: str
    """Digest of what it read."""
    candidate: str | None
    changed: str | None
    rank: int | None
    statistic: float | None
    """What it was ranked by, in the measure's unit; of a factor its effect."""
    verdict: str | None
    """Of a gate `promoted`, `dropped`, or `open` while it waits for a person; of a rule its answer; of a factor its
    outcome."""
    ground: str | None
    """Why, in a word or two."""
    condition: str | None
    holds: bool | None
    condition_statistic: float | None
    margin: float | None
    """How far inside its bound; negative beyond it."""
    adjusted_p: float | None


@frozen(kw_only=True)
class Cell:
    """A value that a gate ranked by or a rule compared: one candidate on one host with one seed."""

    decision: str
    kind: str
    stage: str
    candidate: str
    changed: str | None
    host: str
    seed: int
    status: str | None
    """`ok`, or why there is no value."""
    value: float | None
    reference: float | None
    """Of a rule: the value of whom it is compared with, in the same cell."""
    difference: float | None
    """By how much the candidate is worse than that."""


@frozen(kw_only=True)
class Effect:
    """What is said of effects: an estimate, error, contrast, term, step, block, change, or a sentence, by its kind."""

    effects: str
    family: str
    """Of tests that share one rate, by the procedure."""
    procedure: str
    rate: float
    stage: str | None
    kind: str
    effect: str | None
    host: str | None
    """Of an estimate on one host, or of a block."""
    stands_for: str | None
    """What it is not separated from."""
    value: float | None
    error: float | None
    degrees: float | None
    t: float | None
    f: float | None
    """Of a factor or an interaction with all its contrasts."""
    p: float | None
    adjusted_p: float | None
    """Within the family."""
    low: float | None
    high: float | None
    discovered: bool | None
    method: str | None
    before: str | None
    """Of a change: the earlier stage."""
    runs: int | None
    words: str | None


@frozen(kw_only=True)
class PlannedRun:
    """A run that a plan may need."""

    run: str
    stage: str
    candidate: str
    changed: str | None
    host: str
    seed: int
    factors: Mapping[str, int | float | str]


@frozen(kw_only=True)
class Finding:
    """What `promo check` finds in a spec."""

    code: str
    severity: str
    """`error` or `warning`."""
    message: str
    hint: str
    file: str
    line: int
    column: int


Row = TypeVar("Row")
"""One of the classes above."""
Value = TypeVar("Value")
SPREAD = ("facts", "factors")
"""Attributes of rows that are mappings, and so columns of their own in data frames."""


class Fixed(dict[str, Value]):
    """A dictionary that nobody can change: the runs of a candidate share their levels."""

    def _refuse(self, *_: object, **__: object) -> Any:
        raise TypeError("rows are read-only; dict(...) of this is a copy that can be changed")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type["Fixed[Value]"], tuple[dict[str, Value]]]:
        return Fixed, (dict(self),)


class Table(Sequence[Row], Generic[Row]):
    """Rows of one kind, in order; a tuple with two ways out to data frames."""

    def __init__(
        self, kind: type[Row], rows: Iterable[Row], factors: Sequence[str] = (), facts: Sequence[str] = ()
    ) -> None:
        self._kind, self._rows, self._factors, self._facts = kind, tuple(rows), tuple(factors), tuple(facts)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> "Table[Row]": ...
    def __getitem__(self, index: int | slice) -> "Row | Table[Row]":
        if isinstance(index, slice):
            return Table(self._kind, self._rows[index], self._factors, self._facts)
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __repr__(self) -> str:
        return f"<{len(self)} rows: {', '.join(self.columns)}>"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        own = (one.name for one in fields(self._kind) if one.name not in SPREAD)
        return (*own, *self._facts, *(f"{FACTOR}{name}" for name in self._factors))

    def to_dicts(self) -> list[dict[str, Any]]:
        """A dictionary a row, of `columns`."""
        return [self._flat(row) for row in self._rows]

    def _flat(self, row: Row) -> dict[str, Any]:
        flat = {one.name: getattr(row, one.name) for one in fields(row)}
        facts, levels = (flat.pop(name, {}) for name in SPREAD)
        flat |= {name: facts.get(name) for name in self._facts}
        return flat | {f"{FACTOR}{name}": levels.get(name) for name in self._factors}

    def to_pandas(self) -> Any:
        """A pandas `DataFrame`; an `ImportError` where pandas, which promo does not bring, is not installed."""
        import pandas

        return pandas.DataFrame(self.to_dicts(), columns=list(self.columns))

    def to_polars(self) -> Any:
        """A polars `DataFrame`; an `ImportError` where polars, which promo does not bring, is not installed."""
        import polars

        rows = self.to_dicts()
        return polars.DataFrame({name: [row[name] for row in rows] for name in self.columns}, strict=False)
