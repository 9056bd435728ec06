"""
Sheet to curves, with everything that is wrong with the sheet.

A gate cannot tell a slip in a table from a result, so a table is held to its form before any value is read: numbers
are finite, every run moves forward in each of its coordinates, no point is there twice, no cell is empty.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

from promo.base.canonical import exact
from promo.base.classes import define, evolve, field
from promo.base.diagnostics import did_you_mean
from promo.base.units import UNITS, Dimension
from promo.curves.values import COORDINATES, OK, STATUSES, Column, Curve, Fault, Point, Settings, Sheet

USUAL = {
    Column.CONFIG: ("config", "candidate"),
    Column.RUN: ("run", "run_id"),
    Column.SEED: ("seed", "seed_index"),
    Column.HOST: ("host", "hardware"),
    Column.ATTEMPT: ("attempt",),
    Column.STEP: ("step",),
    Column.SECONDS: ("train_seconds", "seconds"),
    Column.TOKENS: ("tokens",),
}
"""Names by which a column is known without being told; the measure's column has the measure's name."""

_DIMENSIONS = {
    Column.SECONDS: Dimension.TIME,
    Column.STEP: Dimension.STEPS,
    Column.TOKENS: Dimension.TOKENS,
}
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_DIGITS = 64
MOST_LISTED = 24
"""Names of columns that a message lists."""
STAND_INS = frozenset(float(one) for one in ("1.7976931348623157e308", "3.4028234663852886e38", "3.4028235e38"))
"""The largest floats of 64 and 32 bits, also as the latter print themselves: what some stores make of infinity."""
_LABELS = (Column.CONFIG, Column.HOST, Column.SEED, Column.ATTEMPT, Column.RUN)


def named_columns(
    sheet: Sheet, settings: Settings, metric: str, unit: str
) -> tuple[dict[Column, str], tuple[Fault, ...]]:
    """Which column says what, as it was asked for or by its usual name, and what is wrong with that."""
    names: dict[Column, str] = {}
    faults = []
    for column in Column:
        asked = settings.columns.get(column)
        usual = (metric,) if column is Column.VALUE else USUAL.get(column, ())
        found = asked or next((name for name in usual if name in sheet.header), None)
        if found is None and column in (Column.CONFIG, Column.VALUE):
            hint = f"name it with --column {column.value}=NAME; the columns are: {_listed(sheet.header)}"
            wanted = " or ".join(f"'{name}'" for name in usual)
            faults.append(Fault(0, f"there is no column {wanted} for the {column.value}; {hint}"))
        elif found is not None and found not in sheet.header:
            hint = did_you_mean(found, sheet.header, f"the columns are: {_listed(sheet.header)}")
            faults.append(Fault(0, f"there is no column '{found}' for the {column.value}; {hint}"))
        elif found is not None:
            names[column] = found
    if not any(column in names for column in COORDINATES) and not faults:
        faults.append(Fault(0, "there is no column of steps, seconds or tokens; name one with --column seconds=NAME"))
    faults += list(_unit_faults(settings.units, names, unit))
    return names, tuple(faults)


def _listed(header: Sequence[str]) -> str:
    """Names of columns, of very many the first."""
    more = f" and {len(header) - MOST_LISTED:,} more" if len(header) > MOST_LISTED else ""
    return ", ".join(header[:MOST_LISTED]) + more


def _unit_faults(units: Mapping[Column, str], names: Mapping[Column, str], unit: str) -> Iterable[Fault]:
    for column, said in units.items():
        if column is Column.VALUE:
            if said != unit:
                yield Fault(0, f"the values are in {said}, and the study measures in {unit}")
        elif column not in _DIMENSIONS or column not in names:
            yield Fault(0, f"a unit is given for the {column.value}, which the table has no column of numbers for")
        elif said not in UNITS or UNITS[said][0] is not _DIMENSIONS[column]:
            known = ", ".join(name for name, (dimension, _) in UNITS.items() if dimension is _DIMENSIONS[column])
            yield Fault(0, f"'{said}' is not a unit of the {column.value}; use one of: {known}")


def collect_curves(
    sheet: Sheet, settings: Settings, metric: str, unit: str
) -> tuple[tuple[Curve, ...], tuple[Fault, ...]]:
    """
    Curves of a sheet, and every fault in it in the order of rows; the column of values is usually called as the metric.

    Returns:
        (curves in the order of their first rows, faults); curves are to be used only without faults.
    """
    names, faults = named_columns(sheet, settings, metric, unit)
    if faults:
        return (), faults
    return _Collection(names, settings.units).collect(sheet)


def in_order(sheet: Sheet, columns: Mapping[Column, str]) -> Sheet:
    """A sheet whose rows are steps in their order, where it has no column that says how far a run had come."""
    if any(columns.get(one) or any(name in sheet.header for name in USUAL[one]) for one in COORDINATES):
        return sheet
    (step,) = USUAL[Column.STEP]
    rows = tuple((row, {**cells, step: str(place)}) for place, (row, cells) in enumerate(sheet.rows, 1))
    return evolve(sheet, header=(*sheet.header, step), rows=rows)


@lru_cache(65_536)
def _read(said: str) -> Fraction | str:
    """A number as a table has it, or what is wrong with it, in words; the same few are said again and again."""
    if said.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return f"{said}, which is not finite"
    if len(said) > _DIGITS or not _NUMBER.fullmatch(said):
        return f"'{said[:40]}', which is no number"
    if not math.isfinite(float(said)):
        return f"{said}, which is larger than any floating number"
    if abs(float(said)) in STAND_INS:
        return f"{said}, which some tools write for infinity"
    return Fraction(said)


@define
class _Run:
    """A run as far as its rows were read."""

    first: Curve
    status: str
    row: int
    points: list[Point] = field(factory=list)

    def curve(self) -> Curve:
        """All of it."""
        return evolve(self.first, status=self.status, row=self.row, points=tuple(self.points))


class _Collection:
    """Goes through a sheet row by row; of wide tables there are millions, so that names are looked up beforehand."""

    def __init__(self, names: Mapping[Column, str], units: Mapping[Column, str]) -> None:
        scale = {column: UNITS[unit][1] for column, unit in units.items() if column in _DIMENSIONS}
        self.names = names
        self.labels = tuple(names.get(one) for one in _LABELS)
        self.coordinates = tuple((one, names[one], scale.get(one, 1)) for one in COORDINATES if one in names)
        self.value, self.status = names[Column.VALUE], names.get(Column.STATUS)
        self.by_run = Column.RUN in names
        self.runs: dict[tuple[str, ...], _Run] = {}
        self.faults: list[Fault] = []

    def collect(self, sheet: Sheet) -> tuple[tuple[Curve, ...], tuple[Fault, ...]]:
        for row, cells in sheet.rows:
            self._row(row, cells)
        curves = tuple(run.curve() for run in self.runs.values())
        return curves, tuple(sorted((*sheet.faults, *self.faults), key=lambda fault: fault.row))

    def _row(self, row: int, cells: Mapping[str, str]) -> None:
        said = ["" if name is None else cells[name] for name in self.labels]
        for name, text in zip(self.labels, said, strict=True):
            if name is not None and not text:
                self.faults.append(Fault(row, f"column '{name}' is empty"))
                return
        config, host, seed, attempt, run = said
        key = (config, run) if self.by_run else (config, host, seed, attempt)
        status = self._status(row, "" if self.status is None else cells[self.status])
        known = self.runs.get(key)
        if known is None:
            first = Curve(config, host, seed, run or "/".join(filter(None, key)), (), attempt)
            known = self.runs[key] = _Run(first, OK, row)
        elif (known.first.host, known.first.seed, known.first.attempt) != (host, seed, attempt):
            self.faults.append(Fault(row, f"run '{known.first.run}' changes its host, seed or attempt here"))
        known.status, known.row = status if status != OK else known.status, row
        point = self._point(row, cells, needed=status == OK)
        if point is not None and self._moves_on(known.first.run, point, known.points):
            known.points.append(point)

    def _status(self, row: int, said: str) -> str:
        if self.status is None or said in STATUSES:
            return said or OK
        self.faults.append(Fault(row, f"'{said}' is no status of a run; use: {', '.join(STATUSES)}"))
        return OK

    def _point(self, row: int, cells: Mapping[str, str], *, needed: bool) -> Point | None:
        """The point of a row; a run that failed may leave its value open."""
        if not needed and not cells[self.value]:
            return None
        at: dict[Column, Fraction] = {}
        for column, name, scale in self.coordinates:
            number = self._number(row, name, cells[name])
            if number is not None and number.numerator < 0:  # a rational compared with 0 takes ten times as long
                self.faults.append(Fault(row, f"column '{name}' is {cells[name]}, and a run starts at 0"))
            elif number is not None:
                at[column] = number if scale == 1 else number * scale
        value = self._number(row, self.value, cells[self.value])
        return None if value is None or len(at) != len(self.coordinates) else Point(row, at, value)

    def _number(self, row: int, name: str, said: str) -> Fraction | None:
        if not said:
            self.faults.append(Fault(row, f"column '{name}' is empty"))
            return None
        found = _read(said)
        if isinstance(found, str):
            self.faults.append(Fault(row, f"column '{name}' is {found}"))
            return None
        return found

    def _moves_on(self, run: str, point: Point, earlier: list[Point]) -> bool:
        if not earlier:
            return True
        before = earlier[-1]
        for column in point.at:
            now, then = point.at[column], before.at[column]
            if now > then:
                continue
            same = next((one for one in earlier if one.at[column] == now), None)
            what = (
                f"is there twice, first in row {same.row}" if same else f"falls from {exact(then)} in row {before.row}"
            )
            name = self.names[column]
            self.faults.append(Fault(point.row, f"run '{run}': {name} {exact(now)} {what}"))
            return False
        return True
