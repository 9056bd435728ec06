"""
Study and recorded curves to a comparison: what the spec's own gates choose and spend, beside the usual methods.

Everybody reads the same recorded runs and pays for them by the same clock.  In each draw the seeds are resampled, the
same for every candidate and method, and the candidates are shuffled anew; a choice is judged by what all recorded
seeds say at the full budget.
"""

import random
from collections.abc import Iterable, Mapping
from fractions import Fraction

from attrs import define, field, frozen

from promo.base.canonical import exact
from promo.base.errors import PromoError
from promo.curves.reach import COLUMN_OF, ended_before, reach
from promo.curves.replay import Replay
from promo.curves.values import Column
from promo.decision.comparators import (
    Board,
    Choice,
    asha,
    greedy_walk,
    hyperband,
    percentile_interval,
    random_search,
    successive_halving,
)
from promo.decision.decide import decide_gate
from promo.evidence.values import OK, Cell, Evidence, Row
from promo.spec.judgement import Agreement, Gate, primitives
from promo.spec.values import Level, Role, Stage, Study

LEVEL = Fraction(95, 100)


@frozen
class MethodResult:
    """A method over all draws."""

    name: str
    regret: Fraction
    """Mean of how much worse its choice is than the best at the full budget, in the metric's unit."""
    regret_interval: tuple[Fraction, Fraction]
    spent_s: Fraction
    """Mean device time in seconds."""
    spent_interval: tuple[Fraction, Fraction]
    trained: Fraction
    """Mean number of candidates it looked at."""
    without: int
    """Draws in which it had nothing to choose; they are left out of the regret."""


@frozen
class Comparison:
    """All methods beside each other."""

    best: str
    rungs: tuple[int, ...]
    cells: int
    draws: int
    methods: tuple[MethodResult, ...]


def compare_methods(
    study: Study, replay: Replay, *, eta: int, draws: int, seed: int, rungs: tuple[int, ...] | None = None
) -> Comparison:
    """
    Let every method choose in every draw.

    Args:
        study: its gates are the spec's own method; its stages name the hosts, the seeds and the budgets.
        replay: the recorded curves, assigned to the study.
        eta: what share of a rung goes on: one in *eta*.
        draws: how often seeds are resampled and candidates shuffled.
        seed: seeds the only generator used; equal input, equal comparison.
        rungs: budgets of the methods, smallest first; None takes the budgets of the stages.

    Raises:
        PromoError: the table has no clock, stages have budgets of several kinds or other cells, or no candidate has
            a value at the full budget.
    """
    desk = _Desk(study, replay, rungs)
    same = {one: one for one in desk.seeds}
    truth = desk.board(same)
    final = {name: score for name in desk.names if (score := truth.scores[name, truth.top]) is not None}
    if not final:
        raise PromoError(f"no candidate has a value in every cell at the full budget of {desk.rungs[-1]}")
    best = min(final, key=lambda name: (final[name], desk.names.index(name)))
    generator = random.Random(seed)  # noqa: S311 - draws, not secrets
    seen: dict[str, list[Choice]] = {}
    for _ in range(draws):
        drawn = dict(zip(desk.seeds, generator.choices(desk.seeds, k=len(desk.seeds)), strict=True))
        order = generator.sample(desk.names, len(desk.names))
        for name, choice in _choices(desk, drawn, order, eta).items():
            seen.setdefault(name, []).append(choice)
    methods = tuple(_result(name, choices, final, best) for name, choices in seen.items())
    return Comparison(best, desk.rungs, len(desk.cells), draws, methods)


def _choices(desk: "_Desk", drawn: Mapping[int, int], order: list[str], eta: int) -> dict[str, Choice]:
    board = desk.board(drawn)
    own = desk.own(drawn, board)
    return {
        "this spec": own,
        "random search": random_search(board, order, own.spent_s),
        "greedy walk": greedy_walk(board, order, desk.levels, desk.start, own.spent_s),
        "successive halving": successive_halving(board, order, eta),
        "hyperband": hyperband(board, order, eta),
        "asha": asha(board, order, eta),
    }


def _result(name: str, choices: list[Choice], final: Mapping[str, Fraction], best: str) -> MethodResult:
    chosen = [one.candidate for one in choices if one.candidate is not None]
    regrets = [final[one] - final[best] for one in chosen if one in final]
    spent = [one.spent_s for one in choices]
    without = len(choices) - len(regrets)
    if not regrets:
        raise PromoError(f"{name} never had anything to choose: cells without a value leave nobody")
    return MethodResult(
        name,
        sum(regrets, Fraction(0)) / len(regrets),
        percentile_interval(regrets, LEVEL),
        sum(spent, Fraction(0)) / len(spent),
        percentile_interval(spent, LEVEL),
        Fraction(sum(one.trained for one in choices), len(choices)),
        without,
    )


@define
class _Desk:
    """Readings of a study's curves, each made once."""

    study: Study
    replay: Replay
    asked: tuple[int, ...] | None
    column: Column = field(init=False)
    rungs: tuple[int, ...] = field(init=False)
    cells: tuple[tuple[str, int], ...] = field(init=False)
    seeds: tuple[int, ...] = field(init=False)
    names: list[str] = field(init=False)
    known: dict[tuple[str, str, int, int], tuple[Fraction | None, Fraction]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        stages = self.study.stages.values()
        kinds, cells = {stage.budget.kind for stage in stages}, {stage.cells for stage in stages}
        if len(kinds) > 1 or len(cells) > 1:
            message = "methods are compared where all stages have one kind of budget and the same hosts and seeds"
            raise PromoError(message, hint="write the same seeds at every stage, shared")
        (kind,), (self.cells,) = kinds, cells
        self.column = COLUMN_OF[kind]
        budgets = sorted({self.whole(stage) for stage in stages})
        self.rungs = self.asked or tuple(budgets)
        if self.rungs[-1] != budgets[-1]:
            message = f"the last rung is {self.rungs[-1]}, and the largest budget of the spec is {budgets[-1]}"
            raise PromoError(message, hint="methods are compared at one full budget")
        self.seeds = tuple(dict.fromkeys(seed for _, seed in self.cells))
        possible = {name for entrants in self.study.entrants.values() for name in entrants.possible}
        self.names = [name for name in self.study.candidates if name in possible]
        curves = self.replay.assignment.cells.values()
        if any(Column.SECONDS not in point.at for curve in curves for point in curve.points[:1]):
            raise PromoError("methods are compared by their hours, and the table has no column of seconds")

    @property
    def levels(self) -> dict[str, Mapping[str, Level]]:
        """What each candidate is, factor by factor."""
        return {name: dict(self.study.candidates[name].levels) for name in self.names}

    @property
    def start(self) -> str:
        """Where a walk begins: at the study's reference, or with the first candidate."""
        roles = {name: self.study.candidates[name].role for name in self.names}
        return next((name for name, role in roles.items() if role is Role.REFERENCE), self.names[0])

    def whole(self, stage: Stage) -> int:
        """A stage's budget with those that it carries on."""
        return self.study.whole(stage.name)

    def read(self, name: str, host: str, seed: int, amount: int) -> tuple[Fraction | None, Fraction]:
        """Value and seconds of a cell at a budget; no value where nothing sound was recorded."""
        key = (name, host, seed, amount)
        if key not in self.known:
            self.known[key] = self._look(name, host, seed, amount)
        return self.known[key]

    def _look(self, name: str, host: str, seed: int, amount: int) -> tuple[Fraction | None, Fraction]:
        curve = self.replay.assignment.cells.get((name, host, seed))
        if curve is None:
            return None, Fraction(0)
        spent = [point.at[Column.SECONDS] for point in curve.points if point.at[self.column] <= amount]
        reading = reach(curve, self.column, amount, interpolate=self.replay.settings.interpolate)
        if isinstance(reading, str) or ended_before(curve, self.column, amount):
            return None, max(spent, default=Fraction(0))
        return reading.value, reading.at[Column.SECONDS]

    def board(self, drawn: Mapping[int, int]) -> Board:
        """Means over the cells with resampled seeds, turned so that lower is better."""
        sign = 1 if self.study.measure.lower_is_better else -1
        scores: dict[tuple[str, int], Fraction | None] = {}
        seconds: dict[tuple[str, int], Fraction] = {}
        for name in self.names:
            for rung, amount in enumerate(self.rungs):
                read = [self.read(name, host, drawn[seed], amount) for host, seed in self.cells]
                values = [value for value, _ in read if value is not None]
                whole = len(values) == len(read)
                scores[name, rung] = sign * sum(values, Fraction(0)) / len(values) if whole else None
                seconds[name, rung] = sum((spent for _, spent in read), Fraction(0))
        return Board(len(self.rungs), scores, seconds)

    # --- the spec's own gates ----------------------------------------------------------------------------

    def own(self, drawn: Mapping[int, int], board: Board) -> Choice:
        """
        What the spec's gates choose: the best mean among those that its largest budget was given to.

        Guards, reruns and samples of the dropped are left out; a gate that would hold or stop promotes nobody.
        """
        entered: dict[str, tuple[str, ...]] = {}
        for stage in _in_order(self.study):
            entered[stage.name] = self._entrants(stage, entered, drawn)
        paid: dict[tuple[str, int, bool], Fraction] = {}
        for stage in self.study.stages.values():
            for name in entered[stage.name]:
                paid[name, self.whole(stage), stage.continues is not None] = self._paid(name, stage, drawn)
        full = self.rungs[-1]
        last = {
            name for stage in self.study.stages.values() if self.whole(stage) == full for name in entered[stage.name]
        }
        ranked = board.ranked([one for one in self.names if one in last], board.top)
        scored = [name for name in ranked if board.scores[name, board.top] is not None]
        trained = {name for names in entered.values() for name in names}
        return Choice(scored[0] if scored else None, sum(paid.values(), Fraction(0)), len(trained))

    def _entrants(
        self, stage: Stage, entered: Mapping[str, tuple[str, ...]], drawn: Mapping[int, int]
    ) -> tuple[str, ...]:
        if stage.after is None:
            return tuple(stage.candidates)
        gate = self.study.gates[stage.after]
        decision = decide_gate(
            self.study,
            gate,
            self._evidence(gate.source, entered, drawn),
            {name: self._evidence(name, entered, drawn) for name in _others(gate)},
        )
        return () if decision.held or decision.stopped else tuple(decision.promoted)

    def _evidence(self, stage: str, entered: Mapping[str, tuple[str, ...]], drawn: Mapping[int, int]) -> Evidence:
        amount = self.whole(self.study.stages[stage])

        def cell(name: str, host: str, seed: int) -> Cell:
            value, _ = self.read(name, host, drawn[seed], amount)
            return Cell(
                host, seed, "", "invalid" if value is None else OK, None if value is None else exact(value), 1, ""
            )

        rows = (Row(name, tuple(cell(name, *one) for one in self.cells)) for name in sorted(entered[stage]))
        return Evidence(stage, self.study.measure.metric, self.cells, tuple(rows))

    def _paid(self, name: str, stage: Stage, drawn: Mapping[int, int]) -> Fraction:
        """Seconds of a candidate's runs at a stage; a run that is carried on costs what is added."""
        before = self.study.stages.get(stage.continues or "")

        def spent(host: str, seed: int) -> Fraction:
            _, whole = self.read(name, host, drawn[seed], self.whole(stage))
            return whole - (self.read(name, host, drawn[seed], self.whole(before))[1] if before else 0)

        return sum((spent(host, seed) for host, seed in self.cells), Fraction(0))


def _in_order(study: Study) -> Iterable[Stage]:
    """Stages, each behind the one that its gate reads."""
    waiting = list(study.stages.values())
    done: set[str] = set()
    while waiting:
        stage = next(one for one in waiting if one.after is None or study.gates[one.after].source in done)
        waiting.remove(stage)
        done.add(stage.name)
        yield stage


def _others(gate: Gate) -> set[str]:
    asked = (gate.keep, *(demand.condition for demand in gate.demands))
    parts = (part for condition in asked for part in primitives(condition))
    return {name for part in parts if isinstance(part, Agreement) and not part.of_hosts for name in part.between}
