"""Growth and schedules of shapes: declared, checked and priced; this version cannot carry them out yet."""

from collections.abc import Mapping

from promo.base.diagnostics import suggestion
from promo.base.units import Dimension
from promo.spec.conditions import Conditions
from promo.spec.expressions import Expressions
from promo.spec.names import Scope
from promo.spec.space import Level
from promo.spec.values import Budget, BudgetKind, Grow, Schedule, Stage
from promo.syntax.nodes import Node, Token

STRATEGIES = (
    "copy_top",
    "copy_middle",
    "copy_bottom",
    "copy_block",
    "interleave",
    "identity",
    "random_top",
    "zero_pad",
)
GROW_NEEDS = {
    "parent": "parent CANDIDATE at STAGE",
    "stack": "stack depth 10 -> 16 by [copy_top, interleave]",
    "choose": "choose lowest METRIC after 200steps",
    "cap": "cap 3min",
    "becomes": "becomes NAME",
}
SCHEDULE_NEEDS = {
    "shape": "shape aspect 32 -> 48",
    "change": "change at equal slope of laws from STAGE, STAGE, STAGE",
    "limit": "limit 1 changes",
    "otherwise": "else hold",
}
FEWEST_BUDGETS = 3


class Growth:
    """Reads growth and schedules of one text."""

    def __init__(self, scope: Scope, expressions: Expressions, conditions: Conditions, metric: str) -> None:
        self.scope, self.expressions, self.conditions, self.metric = scope, expressions, conditions, metric
        self.grows: dict[str, Grow] = {}
        self.schedules: dict[str, Schedule] = {}

    def read_schedules(self) -> None:
        """Schedules come before the candidates that follow them."""
        for block in self.scope.of_kind("schedule"):
            self.scope.guard(block, self._schedule)

    def read_grows(self) -> None:
        """What grows becomes a candidate, so this comes before cohorts."""
        for block in self.scope.of_kind("grow"):
            self.scope.guard(block, self._grow)

    def check_stages(self, stages: Mapping[str, Stage], reach: Mapping[str, frozenset[str]]) -> None:
        """What growth and schedules say of stages, once those are known."""
        for grow in self.grows.values():
            if grow.stage in reach and grow.parent not in reach[grow.stage]:
                message = f"'{grow.parent}' is never trained at '{grow.stage}', so nothing grows from it"
                self.scope.report("P0801", message, grow.where["parent"], "name a stage that it enters")
        for schedule in self.schedules.values():
            budgets = {stages[name].budget.amount for name in schedule.laws_from if name in stages}
            if len(schedule.laws_from) < FEWEST_BUDGETS or (budgets and len(budgets) < FEWEST_BUDGETS):
                message = f"a law fitted to fewer than {FEWEST_BUDGETS} budgets is not determined"
                self.scope.warn("P0803", message, schedule.where["change"], "name stages of three budgets or more")

    def _grow(self, block: Node) -> Grow | None:
        scope = self.scope
        clauses = scope.clauses(block, GROW_NEEDS)
        scope.report("P0910", "this version cannot grow a trained model yet", scope.naming(block))
        if not clauses.complete:
            return None
        parent_name, stage_name = clauses.one("parent").tokens("NAME")
        parent, stage = scope.refer(parent_name, "candidate"), scope.refer(stage_name, "stage")
        stack = clauses.one("stack")
        factor = scope.refer(stack.token("NAME"), "factor")
        listed = stack.node("list")
        assert listed is not None
        ways = self._strategies(listed)
        lag = self._lag(clauses.one("choose").children[-1], clauses.one("cap"))
        if parent is None or stage is None or factor is None or ways is None or lag is None:
            return None
        levels = self._levels(factor, [child for child in stack.children[1:] if child is not listed])
        candidate = self.conditions.candidates.get(parent)
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
        becomes = clauses.one("becomes").token("NAME")
        grow = Grow(
            name=block.token("NAME").text,
            parent=parent,
            stage=stage,
            factor=factor,
            old=old,
            new=new,
            strategies=ways,
            lowest=clauses.one("choose").token("BEST").text == "lowest",
            lag=lag,
            becomes=becomes.text,
            where=scope.where(block),
        )
        self.grows[grow.name] = grow
        self.conditions.grown(grow, becomes, block)
        return grow

    def _strategies(self, listed: Node) -> tuple[str, ...] | None:
        found = []
        for part in listed.children:
            name = part.text if isinstance(part, Token) and part.kind == "NAME" else ""
            if name not in STRATEGIES:
                near = suggestion(name, STRATEGIES)
                hint = f"did you mean '{near}'?" if near else f"use: {', '.join(STRATEGIES)}"
                self.scope.report("P0805", "there is no such way to grow", part, hint)
                return None
            found.append(name)
        if not found or len(set(found)) != len(found):
            self.scope.report("P0805", "name each way to grow once", listed)
            return None
        return tuple(found)

    def _lag(self, part: Node | Token, cap: Node) -> Budget | None:
        steps = self.expressions.amount(part, Dimension.STEPS, example="200steps")
        cap_s = self.expressions.seconds(cap.children[0], Dimension.TIME, example="3min")
        if steps is None or cap_s is None:
            return None
        if steps.denominator != 1 or steps < 0:
            self.scope.report("P0302", "a lag is a whole number of steps", part)
            return None
        return Budget(BudgetKind.STEPS, int(steps), cap_s)

    def _levels(self, factor: str, parts: list[Node | Token]) -> tuple[Level, ...] | None:
        levels = [self.conditions.level(factor, part) for part in parts]
        sound = tuple(level for level in levels if level is not None)
        return sound if len(sound) == len(levels) else None

    def _schedule(self, block: Node) -> Schedule | None:
        scope = self.scope
        clauses = scope.clauses(block, SCHEDULE_NEEDS)
        scope.report("P0910", "this version cannot change a model's shape while it trains yet", scope.naming(block))
        if not clauses.complete:
            return None
        shape = clauses.one("shape")
        factor = scope.refer(shape.token("NAME"), "factor")
        stages = scope.refer_all(clauses.one("change").tokens("NAME"), "stage")
        limit = self.expressions.count(clauses.one("limit").token("INT"), what="the number of changes")
        levels = self._levels(factor, list(shape.children[1:])) if factor else None
        if factor is None or levels is None or limit is None:
            return None
        word = clauses.one("otherwise").token("NAME")
        if word.text != "hold":
            message = f"'{word.text}' is nothing that a shape can do when no change is due"
            scope.report("P0412", message, word, "write: else hold")
            return None
        if limit > len(levels) - 1:
            message = f"{len(levels)} shapes allow {len(levels) - 1} changes, not {limit}"
            scope.report("P0804", message, clauses.one("limit"), f"write: limit {len(levels) - 1} changes")
            return None
        schedule = Schedule(
            name=block.token("NAME").text,
            factor=factor,
            shapes=levels,
            laws_from=stages,
            limit=limit,
            otherwise=word.text,
            where=scope.where(block),
        )
        self.schedules[schedule.name] = schedule
        return schedule
