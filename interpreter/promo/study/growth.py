"""
Growth from the tree.

A growth comes to three things that the rest of promo knows already: a candidate for each way to grow, a stage of the
growth's name in which they train for the lag, and a gate of that name which chooses one.  A stage that trains what the
growth becomes waits for it.
"""

from collections.abc import Mapping
from fractions import Fraction

from attrs import evolve

from promo.base.canonical import exact
from promo.base.diagnostics import did_you_mean
from promo.study.conditions import Conditions
from promo.study.criteria import Criteria
from promo.study.expressions import Expressions
from promo.study.judgement import Gate, Handling, Statistic, Then, TieBreak, Top
from promo.study.names import Scope, ways_in
from promo.study.space import Level
from promo.study.values import Budget, BudgetKind, Effective, Entrants, Grow, Measure, Stage
from promo.syntax.clauses import WAYS_TO_GROW
from promo.syntax.nodes import Node, Token


def _parent(block: Node) -> str:
    clause = block.node("parent")
    return clause.token("NAME").text if clause is not None else ""


def _made(block: Node) -> set[str]:
    """Candidates that a growth makes, if it is sound."""
    becomes = block.node("becomes")
    return {*ways_in(block), *((becomes.token("NAME").text,) if becomes is not None else ())}


def _model(effective: Effective) -> tuple[tuple[str, int | str], ...]:
    """What a runner trains, without where it comes from."""
    return tuple(one for one in effective.settings if one[0] != "grown")


def _gate(grow: Grow, measure: Measure) -> Gate:
    """The choice of a growth as the gate that it is."""
    return Gate(
        name=grow.name,
        frozen=False,
        seal=None,
        source=grow.name,
        target=grow.becomes,
        statistic=Statistic.MEAN,
        metric=measure.metric,
        keep=Top(1),
        allowance=Fraction(0),
        always=(),
        demands=(),
        guards=(),
        sample=None,
        missing=Handling(0, Then.DROP),
        crash=None,
        ties=(TieBreak.NAME,),
        documentation="",
        where=grow.where,
    )


class Growth:
    """Reads growth of one text."""

    def __init__(self, scope: Scope, expressions: Expressions, conditions: Conditions, measure: Measure) -> None:
        self.scope, self.expressions, self.conditions, self.measure = scope, expressions, conditions, measure
        self.criteria = Criteria(scope, expressions, measure)
        self.grows: dict[str, Grow] = {}

    def read_grows(self) -> None:
        """What grows becomes a candidate, so this comes before cohorts, and what it grows from goes first."""
        waiting = list(self.scope.of_kind("grow"))
        names = {name for block in waiting for name in _made(block)}
        while waiting:
            ready = [block for block in waiting if _parent(block) not in names - set(self.conditions.candidates)]
            for block in ready or waiting:  # those that grow from each other in a circle find no parent
                waiting.remove(block)
                self.scope.guard(block, self._grow)
                names -= _made(block)

    def settle(self, stages: dict[str, Stage]) -> None:
        """Put the stages in which ways are tried beside the others, and let what grows wait for what it needs."""
        for grow in self.grows.values():
            parent = stages.get(grow.stage)
            if parent is None:
                continue
            stages[grow.name] = evolve(
                parent,
                name=grow.name,
                after=None,
                promoted=False,
                candidates=tuple(grow.ways),
                beside=None,
                around=None,
                budget=evolve(grow.lag, allowance_s=parent.budget.allowance_s, tolerance=parent.budget.tolerance),
                shared_seeds=True,
                report_only=True,
                expected_runs=None,
                continues=None,
                documentation="",
                where={"name": grow.where["name"], "train": grow.where["choose"], "seeds": grow.where["name"]},
                trunk=None,
                cooldown=None,
                grown_at=(grow.stage,),
            )
        for name, stage in list(stages.items()):
            needed = tuple(grow.name for grow in self.grows.values() if set(grow.grown) & set(stage.candidates))
            if needed and not stage.continues and name not in self.grows:
                stages[name] = evolve(stage, grown_at=needed)

    @property
    def gates(self) -> dict[str, Gate]:
        """What chooses a way: the best mean over all cells; a way with a missing value is out."""
        return {grow.name: _gate(grow, self.measure) for grow in self.grows.values()}

    def check_stages(self, stages: Mapping[str, Stage], reach: Mapping[str, Entrants]) -> None:
        """What growth says of stages, once those are known."""
        for grow in self.grows.values():
            there, at = reach.get(grow.stage), grow.where["parent"]
            if there is not None and grow.parent not in there.possible:
                message = f"'{grow.parent}' is never trained at '{grow.stage}', so nothing grows from it"
                self.scope.report("P0801", message, at, "name a stage that it enters")
            elif there is not None and grow.parent not in there.sure:
                message = f"'{grow.parent}' may not reach '{grow.stage}', and nothing could grow from it then"
                self.scope.report("P0801", message, at, "name a stage that it enters in any case")
            elif grow.stage not in stages:
                message = f"'{grow.stage}' is a stage of another study, and states of models are kept by their own"
                self.scope.report("P0801", message, at, "train the parent in this study")
            for stage in stages.values():
                there = reach.get(stage.name)
                if there is None or stage.continues or stage.name == grow.name:
                    continue
                for name in (one for one in grow.grown if one in there.possible):
                    self._cells(name, grow, stage, stages)
                    break

    def _cells(self, name: str, grow: Grow, stage: Stage, stages: Mapping[str, Stage]) -> None:
        """What grew in a cell is trained on in that cell, and nowhere else."""
        parent = stages.get(grow.stage)
        missing = [cell for cell in stage.cells if parent is not None and cell not in parent.cells]
        if missing and parent is not None:
            host, seed = missing[0]
            message = f"'{name}' has nothing to begin from on {host} with seed {seed}"
            seeds = ", ".join(map(str, parent.seeds))
            hint = f"'{grow.parent}' is trained at '{grow.stage}' on {', '.join(parent.hosts)}: seeds {seeds} shared"
            self.scope.report("P0808", message, stage.where["seeds"], hint)

    def _grow(self, block: Node) -> Grow | None:
        scope = self.scope
        clauses = scope.clauses(block)
        if not clauses.complete:
            return None
        parent, stage = (scope.meant(clauses.one("parent"), place) for place in (0, 1))
        stack = clauses.one("stack")
        factor = scope.meant(stack)
        listed = stack.node("list")
        assert listed is not None
        ways = self._strategies(listed)
        lag = self._lag(clauses.one("choose"), clauses.one("cap"))
        if parent is None or stage is None or factor is None or ways is None or lag is None:
            return None
        levels = self._levels(factor, [child for child in stack.children[1:] if child is not listed])
        candidate = self.conditions.candidates.get(parent)
        if candidate is None:
            message = f"'{parent}' would grow from itself, so there is nothing to begin with"
            scope.report("P0801", message, clauses.one("parent"), "name a candidate that is trained before")
        if levels is None or candidate is None:
            return None
        old, new = levels
        if dict(candidate.levels)[factor] != old:
            message = f"'{parent}' has another {factor} than this"
            scope.report("P0806", message, stack.children[1], "write the parent's own level first")
            return None
        if isinstance(old, str) or isinstance(new, str) or new <= old:
            scope.report("P0802", "growing makes a model larger", stack, "write the smaller level first")
            return None
        choose, becomes = clauses.one("choose"), clauses.one("becomes").token("NAME")
        lowest = choose.token("BEST").text == "lowest"
        if not self.criteria.is_metric(choose.token("NAME")):
            return None
        if lowest is not self.measure.lower_is_better:
            better = "lower" if self.measure.lower_is_better else "higher"
            message = f"of {self.measure.metric}, {better} is better"
            scope.report("P0809", message, choose, f"write: choose {'highest' if lowest else 'lowest'}")
            return None
        if not self._can_grow(factor, ways, stack):
            return None
        grow = Grow(
            name=block.token("NAME").text,
            parent=parent,
            stage=stage,
            factor=factor,
            old=old,
            new=new,
            strategies=ways,
            lowest=lowest,
            lag=lag,
            becomes=becomes.text,
            where=scope.where(block),
        )
        self.grows[grow.name] = grow
        self.conditions.grown(grow, becomes, block)
        grown = self.conditions.candidates.get(grow.becomes)
        if grown is not None and _model(grown.effective) == _model(candidate.effective):
            message = f"with {factor} {exact(new)} the runner makes the same model as with {exact(old)}"
            scope.report("P0807", message, stack, "grow to a larger level")
        return grow

    def _can_grow(self, factor: str, ways: tuple[str, ...], stack: Node) -> bool:
        """Whether the runner says that it can carry all of this out."""
        runner = self.conditions.runner
        known: Mapping[str, tuple[str, ...]] = getattr(runner, "ways", {})  # a runner of before has none
        if not runner.name:
            return True  # the runner itself is at fault, which is said elsewhere
        if not known:
            message = f"the runner '{runner.name}' cannot grow a trained model"
            self.scope.report("P0807", message, stack, "grow with: runner gpt")
            return False
        if factor not in known:
            message = f"the runner '{runner.name}' cannot grow a model by its {factor}"
            self.scope.report("P0807", message, stack, f"it grows: {', '.join(known)}")
            return False
        strange = [way for way in ways if way not in known[factor]]
        if strange:
            message = f"the runner '{runner.name}' cannot grow {factor} by {', '.join(strange)}"
            self.scope.report("P0807", message, stack, f"{factor} grows by: {', '.join(known[factor])}")
        return not strange

    def _strategies(self, listed: Node) -> tuple[str, ...] | None:
        found = []
        for part in listed.children:
            name = part.token("NAME").text if isinstance(part, Node) and part.kind == "named" else ""
            if name not in WAYS_TO_GROW:
                hint = did_you_mean(name, WAYS_TO_GROW, f"use: {', '.join(WAYS_TO_GROW)}")
                self.scope.report("P0805", "there is no such way to grow", part, hint)
                return None
            found.append(name)
        if not found or len(set(found)) != len(found):
            self.scope.report("P0805", "name each way to grow once", listed)
            return None
        return tuple(found)

    def _lag(self, choose: Node, cap: Node) -> Budget | None:
        steps, cap_s = self.expressions.given(choose), self.expressions.seconds_given(cap)
        if steps is None or cap_s is None:
            return None
        if steps.denominator != 1 or steps < 0:
            self.scope.report("P0302", "a lag is a whole number of steps", choose.children[-1])
            return None
        return Budget(BudgetKind.STEPS, int(steps), cap_s)

    def _levels(self, factor: str, parts: list[Node | Token]) -> tuple[Level, ...] | None:
        levels = [self.conditions.levels.level(factor, part) for part in parts]
        sound = tuple(level for level in levels if level is not None)
        return sound if len(sound) == len(levels) else None
