"""
Table and study to replay: everything that a recorded study reads, checked before the first value is used.

The same bytes under the same settings give the same replay, so that a study which keeps both can be derived again.
"""

from collections.abc import Iterable, Mapping

from promo.base.canonical import canonical, digest_bytes, parse_json
from promo.base.classes import evolve, frozen
from promo.base.codec import from_json, to_json
from promo.base.errors import BadTable, Mismatch
from promo.curves.assign import Assignment, assign
from promo.curves.collect import collect_curves, in_order
from promo.curves.conditions import by_factors, tabled
from promo.curves.layouts import rearranged
from promo.curves.read import read_sheet, suffix_of
from promo.curves.values import Column, Curve, Fault, Settings, TableUse
from promo.ledger.sources import Recording
from promo.study.values import Measure, Study

SETTINGS = "curves.json"
"""Where a study keeps how its table is read; the table itself is `curves` and the ending of its name."""
SHOWN = 20


@frozen
class Replay:
    """A table that stands for the runs of a study."""

    name: str
    """File name of the table, without its folder."""
    content: bytes
    settings: Settings
    assignment: Assignment

    @property
    def file(self) -> str:
        """Where a study keeps the table."""
        return table_file(self.name)

    @property
    def digest(self) -> str:
        """SHA-256 of the table's bytes."""
        return digest_bytes(self.content)

    def curve(self, candidate: str, host: str, seed: int, number: int = 0) -> Curve | None:
        """The run recorded for a cell; *number* counts from 0, for the runs that a rerun reads."""
        curves = self.assignment.cells.get((candidate, host, seed), ())
        return curves[number] if number < len(curves) else None

    def of_attempt(self, candidate: str, host: str, seed: int, attempt: int) -> int:
        """Which run of a cell is that of an attempt: the one of its number; the only one, where they have none."""
        curves = self.assignment.cells.get((candidate, host, seed), ())
        if len(curves) == 1 and not curves[0].attempt:
            return 0
        return next((place for place, one in enumerate(curves) if one.attempt == str(attempt)), len(curves))

    def files(self) -> dict[str, bytes]:
        """What a study keeps of it: the table as it is, and how it is read."""
        return {self.file: self.content, SETTINGS: canonical(to_json(TableUse(self.name, self.settings))) + b"\n"}

    def summary(self) -> Recording:
        """What the first event of a replay says of it."""
        return Recording(
            table=self.name,
            file=self.file,
            digest=self.digest,
            interpolate=self.settings.interpolate,
            seeds_by=self.assignment.seeds_by,
            cells=len(self.assignment.cells),
            empty=len(self.assignment.empty),
            repeated=sum(len(curves) - 1 for curves in self.assignment.cells.values()),
        )


def table_file(name: str) -> str:
    """Where a study keeps a table of that name."""
    return "curves" + suffix_of(name)


def build_replay(study: Study, name: str, content: bytes, settings: Settings) -> Replay:
    """
    Hold a table to its form, and fill the cells of a study from it.

    Raises:
        BadTable: it has faults; each is told with its row, twenty at most.
        PromoError: it cannot be read at all, or has not the columns of the tool it is said to come from.
    """
    curves = read_curves(study.measure, name, content, settings, factors=tabled(study))
    assignment, faults = assign(study, curves, settings)
    _refuse(name, faults)
    return Replay(name, content, settings, assignment)


def build_part(study: Study, cells: tuple[str, str], name: str, content: bytes, settings: Settings) -> Replay:
    """
    What a table has of the runs of one stage on one host; it need not have all of them.

    Raises:
        BadTable: it has faults; each is told with its row, twenty at most.
        PromoError: it cannot be read at all, or has not the columns of the tool it is said to come from.
    """
    curves = read_curves(study.measure, name, content, settings, factors=tabled(study))
    assignment, faults = assign(_part(study, *cells), curves, settings, part=True)
    _refuse(name, faults)
    return Replay(name, content, settings, assignment)


def _part(study: Study, stage: str, host: str) -> Study:
    """A study of one stage on one host."""
    only = {stage: evolve(study.stages[stage], hosts=(host,))}
    return evolve(study, stages=only, entrants={stage: study.entrants[stage]})


def strangers(study: Study, name: str, content: bytes, settings: Settings) -> tuple[str, ...]:
    """
    The recorded runs that stand for no run of a study on any of its hosts, as their table calls them.

    Raises:
        BadTable, PromoError: as `build_part` does.
    """
    curves = read_curves(study.measure, name, content, settings, factors=tabled(study))
    known: set[int] = set()
    for stage, host in ((one.name, host) for one in study.stages.values() for host in one.hosts):
        assignment, _ = assign(_part(study, stage, host), curves, settings, part=True)
        known |= {curve.row for every in assignment.cells.values() for curve in every}
    return tuple(curve.run for curve in curves if curve.row not in known)


def read_curves(
    measure: Measure,
    name: str,
    content: bytes,
    settings: Settings,
    *,
    ends: bool = False,
    factors: tuple[str, ...] = (),
) -> tuple[Curve, ...]:
    """
    The curves of a table, whoever's they are.

    Args:
        measure: what the values are.
        name: file name of the table; its ending tells the form.
        content: its bytes.
        settings: how it is read.
        factors: columns that name a condition together; none where one column does.
        ends: only the last value of each run is wanted, so that rows in their order do for a table without steps.

    Raises:
        BadTable: it has faults; each is told with its row, twenty at most.
        PromoError: it cannot be read at all, or has not the columns of the tool it is said to come from.
    """
    sheet, columns = read_sheet(name, content), settings.columns
    if settings.layout != "table":
        sheet, known = rearranged(settings.layout, sheet, measure.metric, columns.values())
        columns = {**known, **columns}
    if factors:
        _refuse(name, _needless(settings, factors))
        sheet, column, faults = by_factors(sheet, factors)
        _refuse(name, faults)
        columns = {**columns, Column.CONFIG: column}
    sheet = in_order(sheet, columns) if ends else sheet
    curves, faults = collect_curves(sheet, evolve(settings, columns=columns), measure.metric, measure.unit)
    _refuse(name, faults)
    return curves


def _needless(settings: Settings, factors: tuple[str, ...]) -> Iterable[Fault]:
    named = settings.columns.get(Column.CONFIG)
    if named is not None:
        words = ", ".join(f"'{one}'" for one in factors)
        message = f"column '{named}' is given for the config, and here conditions are named by their factors: {words}"
        yield Fault(0, f"{message}; leave it out")


def stored_replay(study: Study, kept: Mapping[str, bytes | None]) -> Replay:
    """
    The replay that a study keeps.

    Args:
        study: as frozen.
        kept: file of the study -> its bytes; `SETTINGS` and the table.

    Raises:
        Mismatch: a file is gone or damaged.
        PromoError: the table cannot be read.
    """
    stored = kept.get(SETTINGS)
    if stored is None:
        raise Mismatch(f"{SETTINGS} is missing", hint="restore it from a copy of the study")
    try:
        use = from_json(TableUse, parse_json(stored))
    except ValueError as fault:
        raise Mismatch(f"{SETTINGS} is damaged: {fault}") from fault
    content = kept.get(table_file(use.table))
    if content is None:
        raise Mismatch(f"{table_file(use.table)} is missing", hint="restore it from a copy of the study")
    return build_replay(study, use.table, content, use.settings)


def _refuse(name: str, faults: Iterable[Fault]) -> None:
    found = tuple(faults)
    if not found:
        return
    lines = [f"{name}, row {one.row}: {one.message}" if one.row else f"{name}: {one.message}" for one in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"and {len(found) - SHOWN} more")
    count = "a fault" if len(found) == 1 else f"{len(found)} faults"
    raise BadTable(f"the table {name} has {count}", details=tuple(lines))
