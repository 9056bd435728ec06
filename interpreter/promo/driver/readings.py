"""
Study and replay to readings: what every recorded run says at every budget, each looked up once.

Several methods, in hundreds of draws, ask the same few thousand questions of a table.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from promo.base.canonical import exact, exact_sum
from promo.base.classes import define, field, frozen
from promo.base.errors import PromoError
from promo.curves.reach import COLUMN_OF
from promo.curves.replay import Replay
from promo.curves.values import Column
from promo.decision.comparators import Board
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.run.runners.recorded.answer import charged, found_at, work_of
from promo.run.values import RunStatus, Work
from promo.study.values import Stage, Study


@frozen
class Seen:
    """A recorded run at a budget."""

    status: RunStatus
    value: Fraction | None
    seconds: Fraction
    """What it adds to what another stage has paid for already."""
    work: Work


@define
class Readings:
    """Readings of a study's curves; *asked* are other rungs than the budgets of its stages."""

    study: Study
    replay: Replay
    asked: tuple[int, ...] | None
    column: Column = field(init=False)
    rungs: tuple[int, ...] = field(init=False)
    cells: tuple[tuple[tuple[str, int], ...], ...] = field(init=False)
    """Host and seed, rung by rung: those of the stages with that budget, or with the next longer one."""
    widths: tuple[Mapping[tuple[str, int], int], ...] = field(init=False)
    """Devices of a run there; of the stage that is named first, where several have the cell."""
    groups: tuple[tuple[int, ...], ...] = field(init=False)
    """Seeds that stand at the same stages, and so for each other when they are drawn again."""
    names: list[str] = field(init=False)
    known: dict[tuple[object, ...], Seen] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        if self.study.reductions:
            message = f"{', '.join(self.study.reductions)} reads effects, which other methods have no counterpart for"
            raise PromoError(message, hint="compare a spec without the reduction")
        stages = list(self.study.stages.values())
        kinds = {stage.budget.kind: stage.name for stage in stages}
        if len(kinds) > 1:
            listed = ", ".join(f"{kind.value} ({name})" for kind, name in kinds.items())
            message = f"methods are compared along one kind of budget, and the stages have several: {listed}"
            raise PromoError(message, hint="give every stage a budget of one kind: the recorded curves are read at it")
        (kind,) = kinds
        self.column = COLUMN_OF[kind]
        budgets = sorted({self.whole(stage) for stage in stages})
        self.rungs = self.asked or tuple(budgets)
        if self.rungs[-1] != budgets[-1]:
            message = f"the last rung is {self.rungs[-1]}, and the largest budget of the spec is {budgets[-1]}"
            raise PromoError(message, hint="methods are compared at one full budget")
        self.widths = tuple(self._cells_at(min(one for one in budgets if one >= rung)) for rung in self.rungs)
        self.cells = tuple(tuple(there) for there in self.widths)
        self.groups = self._groups()
        possible = {name for entrants in self.study.entrants.values() for name in entrants.possible}
        self.names = [name for name in self.study.candidates if name in possible]
        curves = (curve for curves in self.replay.assignment.cells.values() for curve in curves)
        if any(Column.SECONDS not in point.at for curve in curves for point in curve.points[:1]):
            raise PromoError("methods are compared by their hours, and the table has no column of seconds")

    def _cells_at(self, amount: int) -> dict[tuple[str, int], int]:
        found: dict[tuple[str, int], int] = {}
        for stage in self.study.stages.values():
            if self.whole(stage) == amount:
                found = {cell: self.study.width(stage.name, cell[0]) for cell in stage.cells} | found
        return found

    def _groups(self) -> tuple[tuple[int, ...], ...]:
        stages: dict[int, list[str]] = {}
        for stage in self.study.stages.values():
            for seed in stage.seeds:
                stages.setdefault(seed, []).append(stage.name)
        groups: dict[tuple[str, ...], list[int]] = {}
        for seed, names in stages.items():
            groups.setdefault(tuple(names), []).append(seed)
        return tuple(tuple(group) for group in groups.values())

    def whole(self, stage: Stage) -> int:
        """A stage's budget with those that it carries on."""
        return self.study.whole(stage.name)

    def earlier(self, stage: Stage) -> int:
        """What the stages that a stage carries on have spent."""
        return self.study.earlier(stage.name)

    def recorded(self, name: str, host: str, seed: int) -> int:
        """How many runs are recorded for a cell."""
        return len(self.replay.assignment.cells.get((name, host, seed), ()))

    def read(self, name: str, host: str, seed: int, amount: int, earlier: int = 0, number: int = 0) -> Seen:
        """A cell at a budget, in its recorded run of that number."""
        key = (name, host, seed, amount, earlier, number)
        if key not in self.known:
            self.known[key] = self._look(name, host, seed, amount, earlier, number)
        return self.known[key]

    def _look(self, name: str, host: str, seed: int, amount: int, earlier: int, number: int) -> Seen:
        curve = self.replay.curve(name, host, seed, number)
        found = found_at(curve, self.column, amount, earlier=earlier, interpolate=self.replay.settings.interpolate)
        seconds = charged(found, curve, self.column, earlier)
        reading = found.reading
        work = work_of(reading.points[-1].at) if reading else Work()
        return Seen(
            found.status,
            reading.value if reading else None,
            seconds if seconds is not None else Fraction(0),
            work,
        )

    def board(self, drawn: Mapping[int, int]) -> Board:
        """
        Means over the cells of each rung with seeds as they were drawn, turned so that lower is better.

        What a cell takes is in its own seconds; the devices that it has at each rung stand beside them.
        """
        sign = self.study.measure.sign
        scores: dict[tuple[str, int], Fraction | None] = {}
        seconds: dict[tuple[str, int], dict[tuple[str, int], Fraction]] = {}
        for name in self.names:
            for rung, amount in enumerate(self.rungs):
                read = {(host, seed): self.read(name, host, drawn[seed], amount) for host, seed in self.cells[rung]}
                mean = mean_of(seen.value for seen in read.values())
                scores[name, rung] = None if mean is None else sign * mean
                seconds[name, rung] = {cell: seen.seconds for cell, seen in read.items()}
        return Board(len(self.rungs), scores, seconds, dict(enumerate(self.widths)))


def recorded_evidence(study: Study, replay: Replay, stages: Iterable[str]) -> dict[str, Evidence]:
    """Stage -> what the first recorded run of every cell says there, of everybody who may enter."""
    found = {}
    for name in stages:
        stage, metric = study.stages[name], study.measure.metric
        rows = []
        for candidate in sorted(study.entrants[name].possible):
            cells = (_recorded(study, replay, stage, candidate, cell) for cell in stage.cells)
            rows.append(Row(candidate, tuple(cells)))
        found[name] = Evidence(name, metric, stage.cells, tuple(rows))
    return found


def _recorded(study: Study, replay: Replay, stage: Stage, candidate: str, cell: tuple[str, int]) -> Cell:
    curve = replay.curve(candidate, *cell)
    seen = found_at(
        curve,
        COLUMN_OF[stage.budget.kind],
        study.whole(stage.name),
        earlier=study.earlier(stage.name),
        interpolate=replay.settings.interpolate,
    )
    value = None if seen.reading is None else exact(seen.reading.value)
    run = f"{candidate}-{cell[0]}-s{cell[1]}"
    return Cell(*cell, run, CellStatus(seen.status.value), value, None, None, seen.cause)


def mean_of(values: Iterable[Fraction | None]) -> Fraction | None:
    """The mean; None where a value is lacking."""
    every = list(values)
    there = [value for value in every if value is not None]
    return exact_sum(there) / len(there) if len(there) == len(every) > 0 else None
