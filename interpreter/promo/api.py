"""
A study as tables, and a spec as a plan, for scripts and notebooks: `import promo; promo.load("x.study").runs()`.

Everything is read and nothing is written.  Decisions, evidence and effects are derived anew from the bytes of the
study, as a report does it, so a table never says what does not follow from them.  Rows are tidy: a column holds one
kind of thing, and a field one value.  `import promo` finds these names only when they are asked for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from promo.base.canonical import from_exact
from promo.base.classes import fields, frozen
from promo.base.diagnostics import Diagnostic
from promo.base.errors import PromoError, SpecError
from promo.driver.pipeline import compile_source, lock_path, read_lock
from promo.driver.report import record_of
from promo.driver.study import StudyFolder, study_folder
from promo.files import read_source
from promo.report.changed import changes, planned
from promo.report.effect_table import effect_rows
from promo.report.tables import FACTOR, RUN_COLUMNS, cell_rows, decision_rows, point_rows, run_table

if TYPE_CHECKING:
    from promo.report.record import Record

__all__ = [
    "Cell",
    "Decision",
    "Effect",
    "Finding",
    "Plan",
    "PlannedRun",
    "Point",
    "PromoError",
    "Run",
    "SpecError",
    "Study",
    "Table",
    "check",
    "load",
    "plan",
]


# --- rows --------------------------------------------------------------------------------------------------------


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
    """`promoted` or `dropped`, where a gate has read the stage."""
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
    machine: str | None
    device: str | None
    software: str | None
    factors: Mapping[str, float | str]
    """Factor -> its level; a column `factor_NAME` each in a data frame."""


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
    """Of a gate `promoted` or `dropped`; of a rule its answer; of a factor its outcome."""
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
    factors: Mapping[str, float | str]


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


class Table(Sequence[Row], Generic[Row]):
    """Rows of one kind, in order; a tuple with two ways out to data frames."""

    def __init__(self, kind: type[Row], rows: Iterable[Row], factors: Sequence[str] = ()) -> None:
        self._kind, self._rows, self._factors = kind, tuple(rows), tuple(factors)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> "Table[Row]": ...
    def __getitem__(self, index: int | slice) -> "Row | Table[Row]":
        if isinstance(index, slice):
            return Table(self._kind, self._rows[index], self._factors)
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
        own = (one.name for one in fields(self._kind) if one.name != "factors")
        return (*own, *(f"{FACTOR}{name}" for name in self._factors))

    def to_dicts(self) -> list[dict[str, Any]]:
        """A dictionary a row, of `columns`."""
        return [self._flat(row) for row in self._rows]

    def _flat(self, row: Row) -> dict[str, Any]:
        flat = {one.name: getattr(row, one.name) for one in fields(row)}
        levels = flat.pop("factors", {})
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


# --- a study -----------------------------------------------------------------------------------------------------


class Study:
    """A study folder, as it was when its first table was asked for; `load` it again to see what came since."""

    def __init__(self, folder: StudyFolder) -> None:
        self._folder = folder

    @cached_property
    def _record(self) -> "Record":
        return record_of(self._folder)

    def __repr__(self) -> str:
        return f"<study {self._folder.path}>"

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self._folder.path

    @property
    def name(self) -> str:
        """As its spec calls it."""
        return self._record.study.name

    @property
    def title(self) -> str:
        """What its report is headed by."""
        return self._record.study.title

    @property
    def state(self) -> str:
        """How far it has come: `running`, `closed`, `stopped` and so on."""
        return self._record.state.study.value

    @property
    def metric(self) -> str:
        """What decides."""
        return self._record.study.measure.metric

    @property
    def unit(self) -> str:
        """In which unit."""
        return self._record.study.measure.unit

    @property
    def lower_is_better(self) -> bool:
        """Which way."""
        return self._record.study.measure.lower_is_better

    def runs(self) -> Table[Run]:
        """Every attempt at a run, in the order in which they were started."""
        factors, width = tuple(self._record.study.factors), len(RUN_COLUMNS)
        rows = run_table(self._record)
        return Table(Run, (_row(Run, row[:width], _levels(factors, row[width:])) for row in rows), factors)

    def points(self) -> Table[Point]:
        """Every value that runs with an accepted result measured on their way: their learning curves."""
        return Table(Point, (_row(Point, row) for row in point_rows(self._record)))

    def decisions(self) -> Table[Decision]:
        """What gates, rules and reductions decided, a row for each candidate and condition."""
        return Table(Decision, (_row(Decision, row) for row in decision_rows(self._record)))

    def cells(self) -> Table[Cell]:
        """The values that gates and rules decided from."""
        return Table(Cell, (_row(Cell, row) for row in cell_rows(self._record)))

    def effects(self) -> Table[Effect]:
        """Estimated effects, contrasts, terms, steps, curvatures and changes."""
        return Table(Effect, (_row(Effect, row) for row in effect_rows(self._record)))


def load(path: str | Path) -> Study:
    """
    A study that has been started.

    Args:
        path: its folder, or the spec beside which it lies.

    Raises:
        PromoError: there is none, or (once a table is asked for) it is damaged.
        SpecError: this promo reads its spec no more.
    """
    place = Path(path)
    folder = StudyFolder(place) if place.is_dir() else study_folder(place, None)
    if not folder.exists:
        raise PromoError(f"there is no study in {folder.path}", hint="start one with: promo run SPEC")
    return Study(folder)


def _levels(factors: Sequence[str], texts: Sequence[str]) -> dict[str, float | str]:
    return {name: _level(text) for name, text in zip(factors, texts, strict=True) if text}


def _level(text: str) -> float | str:
    try:
        return float(from_exact(text))
    except (ValueError, ArithmeticError):
        return text


_READ: Mapping[object, Callable[[str], object]] = {
    str: str,
    int: int,
    float: lambda text: float(from_exact(text)),
    bool: lambda text: text == "yes",
}
"""Kind of a column -> how its text is read; of a kind that may be None, an empty text is."""


def _row(kind: type[Row], texts: Sequence[str], factors: Mapping[str, float | str] | None = None) -> Row:
    """A row of a table, from its texts."""
    own = [one for one in fields(kind) if one.name != "factors"]
    given = {one.name: _value(one.type, text) for one, text in zip(own, texts, strict=True)}
    made: Callable[..., Row] = kind
    return made(**given) if factors is None else made(**given, factors=factors)


def _value(kind: Any, text: str) -> object:
    plain = getattr(kind, "__args__", (kind,))[0]
    return None if text == "" and plain is not kind else _READ[plain](text)


# --- a spec ------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Plan:
    """What a spec would run and cost: whole seconds of slots."""

    digest: str
    budget_s: int
    """What its stages ask for: every planned run, trained up to its cap."""
    bound_s: int
    """What no course of the study exceeds."""
    wall_s: int
    """Seconds by the clock with the declared slots, by budgets alone."""
    price: float | None
    """Of that budget, without spot prices, in *currency*; None where no host has a price."""
    currency: str
    planned_runs: int
    runs: Table[PlannedRun]
    """Every run that may happen, in the order in which they would be started."""


def plan(path: str | Path) -> Plan:
    """
    The plan of a spec, as `promo plan` prices it; nothing runs.

    Raises:
        PromoError: there is no such file.
        SpecError: the spec has errors; *diagnostics* has them.
    """
    place = Path(path)
    compiled = compile_source(read_source(place), place.parent, read_lock(lock_path(place)))
    study, priced = compiled.priced()
    levels = {name: dict(one.levels) for name, one in study.candidates.items()}
    changed = changes(study, planned(study, priced))
    rows = (
        PlannedRun(
            run=run.id,
            stage=run.stage,
            candidate=run.candidate,
            changed=changed[run.candidate] or None,
            host=run.host,
            seed=run.seed,
            factors={name: one if isinstance(one, str) else float(one) for name, one in levels[run.candidate].items()},
        )
        for stage in priced.stages
        for run in stage.runs
    )
    return Plan(
        digest=priced.digest,
        budget_s=priced.budget_s,
        bound_s=priced.bound_s,
        wall_s=priced.wall_s,
        price=None if priced.money is None else float(priced.money.budget),
        currency="" if priced.money is None else priced.money.currency,
        planned_runs=priced.run_count.planned,
        runs=Table(PlannedRun, rows, tuple(study.factors)),
    )


def check(path: str | Path) -> tuple[Finding, ...]:
    """
    Every mistake of a spec, in the order of the text; none where it is sound.

    Raises:
        PromoError: there is no such file.
    """
    place = Path(path)
    try:
        found = compile_source(read_source(place), place.parent, read_lock(lock_path(place))).diagnostics
    except SpecError as fault:
        found = fault.diagnostics
    return tuple(_finding(one) for one in found)


def _finding(found: Diagnostic) -> Finding:
    source = found.span.source
    line, column = source.position(found.span.start)
    return Finding(
        code=found.code, severity=found.severity.value, message=found.message, hint=found.hint,
        file=source.name, line=line, column=column,
    )  # fmt: skip
