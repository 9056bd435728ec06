"""
A study as tables, and a spec as a plan, for scripts and notebooks: `import promo; promo.load("x.study").runs()`.

Everything is read and nothing is written.  Decisions, evidence and effects are derived anew from the bytes of the
study, as a report does it, so a table never says what does not follow from them.  Rows are tidy: a column holds one
kind of thing, and a field one value.  `import promo` finds these names only when they are asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promo.base.classes import fields, frozen
from promo.base.diagnostics import Diagnostic
from promo.base.errors import PromoError, SpecError
from promo.driver.pipeline import compile_source, lock_path, read_lock
from promo.driver.report import record_of
from promo.driver.study import StudyFolder, no_study, study_folder
from promo.files import read_source
from promo.report.changed import changes, planned
from promo.report.effect_table import effect_rows
from promo.report.places import READ
from promo.report.tables import RUN_COLUMNS, cell_rows, decision_rows, fact_columns, point_rows, run_table
from promo.rows import SPREAD, Cell, Decision, Effect, Finding, Fixed, PlannedRun, Point, Row, Run, Table
from promo.study.given import Level
from promo.study.values import Study as Spec

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
        factors, facts = tuple(self._record.study.factors), fact_columns(self._record)
        levels, at = _levels(self._record.study), RUN_COLUMNS.index("candidate")
        own, more = len(RUN_COLUMNS), len(RUN_COLUMNS) + len(facts)
        rows = (
            _row(Run, row[:own], facts=_said(facts, row[own:more]), factors=levels[row[at]])
            for row in run_table(self._record)
        )
        return Table(Run, rows, factors, facts)

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
        raise no_study(folder.path)
    return Study(folder)


def _said(names: Sequence[str], texts: Sequence[str]) -> Fixed[str]:
    return Fixed((name, text) for name, text in zip(names, texts, strict=True) if text)


def _levels(study: Spec) -> dict[str, Fixed[int | float | str]]:
    """Candidate -> factor -> level; whole numbers where all that the factor lists or a candidate has are whole."""
    taken: dict[str, list[Level]] = {}
    for name, factor in study.factors.items():
        taken[name] = [factor.default, *(factor.domain if isinstance(factor.domain, tuple) else ())]
    for one in study.candidates.values():
        for name, level in one.levels:
            taken[name].append(level)
    whole = {name for name, levels in taken.items() if all(map(_is_whole, levels))}
    return {
        one.name: Fixed((name, _level(level, int if name in whole else float)) for name, level in one.levels)
        for one in study.candidates.values()
    }


def _is_whole(level: Level) -> bool:
    return isinstance(level, Fraction) and level.denominator == 1


def _level(level: Level, number: type[int] | type[float]) -> int | float | str:
    return level if isinstance(level, str) else number(level)


def _row(kind: type[Row], texts: Sequence[str], **spread: Mapping[str, Any]) -> Row:
    """A row of a table, from its texts and from what is spread over columns of its own."""
    own = [one for one in fields(kind) if one.name not in SPREAD]
    given = {one.name: _value(one.type, text) for one, text in zip(own, texts, strict=True)}
    made: Callable[..., Row] = kind
    return made(**given, **spread)


def _value(kind: Any, text: str) -> object:
    """What a text is; of a kind that may be None, an empty one is that."""
    plain = getattr(kind, "__args__", (kind,))[0]
    return None if text == "" and plain is not kind else READ[plain](text)


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
        SpecError: the spec has errors, which it says; *diagnostics* has the warnings too.
    """
    place = Path(path)
    compiled = compile_source(read_source(place), place.parent, read_lock(lock_path(place)))
    study, priced = compiled.priced()
    levels = _levels(study)
    changed = changes(study, planned(study, priced))
    rows = (
        PlannedRun(
            run=run.id,
            stage=run.stage,
            candidate=run.candidate,
            changed=changed[run.candidate] or None,
            host=run.host,
            seed=run.seed,
            factors=levels[run.candidate],
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
    Every error and warning of a spec, in the order of the text.

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
