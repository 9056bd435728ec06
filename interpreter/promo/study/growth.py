"""
Growth from the tree.

A growth comes to three things that the rest of promo knows already: a candidate for each way to grow, a stage of the
growth's name in which they train for the lag, and a gate of that name which chooses one.  A stage that trains what the
growth becomes waits for it.

A lag that ends by rule is a stage for each look, each carrying on the trunks of the one before, and a gate behind each
look from which the order can have been the same for long enough: it keeps the best way if the rankings of those looks
agree, and else all of them.  So what is stopped is really stopped, and the best way is trained to the end of the lag.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from promo.base.canonical import exact
from promo.base.classes import evolve
from promo.base.diagnostics import did_you_mean
from promo.study.conditions import Conditions
from promo.study.criteria import Criteria
from promo.study.expressions import Expressions
from promo.study.given import Level
from promo.study.judgement import (
    Agreement,
    Bound,
    BoundKind,
    Demand,
    Gate,
    Handling,
    Statistic,
    Then,
    TieBreak,
    Top,
)
from promo.study.levels import shown
from promo.study.looks import MOST_LOOKS, Looks, Turn
from promo.study.names import Scope, ways_in
from promo.study.values import Budget, BudgetKind, Candidate, Effective, Entrants, Grow, Measure, Stage
from promo.syntax.clauses import WAYS_TO_GROW
from promo.syntax.nodes import Node, Token, values_in


def _parent(block: Node) -> str:
    clause = block.node("parent")
    return clause.token("NAME").text if clause is not None else ""


def _made(block: Node) -> set[str]:
    """Candidates that a growth makes, if it is sound."""
    becomes = block.node("becomes")
    return {*ways_in(block), *((becomes.token("NAME").text,) if becomes is not None else ())}


def _listed(turns: tuple[Turn, ...]) -> str:
    return " and ".join(shown(one.old) for one in turns)


def _gates(grow: Grow, measure: Measure) -> dict[str, Gate]:
    """The choice of a growth as the gate that it is, behind those of its looks."""
    found = {grow.name: _gate(grow, measure, grow.name, grow.becomes)}
    if grow.looks is not None:
        stable = grow.looks.stable
        for place in range(stable, len(grow.stages)):
            before, after = grow.stages[place - 1], grow.stages[place]
            same = Agreement(grow.stages[place - stable : place], False, Bound(BoundKind.AT_LEAST, Fraction(1)))
            asked = Demand(same, Top(len(grow.strategies)))
            found[before] = evolve(_gate(grow, measure, before, after), demands=(asked,))
    return found


def _gate(grow: Grow, measure: Measure, source: str, target: str) -> Gate:
    """What keeps the way with the best mean."""
    return Gate(
        name=source,
        frozen=False,
        seal=None,
        source=source,
        target=target,
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
            stages.update((stage.name, stage) for stage in self._lag_stages(grow, parent))
        trying = {name for grow in self.grows.values() for name in grow.stages}
        for name, stage in list(stages.items()):
            needed = tuple(grow.name for grow in self.grows.values() if set(grow.grown) & set(stage.candidates))
            if needed and not stage.continues and name not in trying:
                stages[name] = evolve(stage, grown_at=needed)

    def _lag_stages(self, grow: Grow, parent: Stage) -> Iterator[Stage]:
        """The stage in which ways are tried, or one for each look; each look keeps its trunk, for the next one."""
        choose, name = grow.where["choose"], grow.where["name"]
        whole = evolve(grow.lag, allowance_s=parent.budget.allowance_s, tolerance=parent.budget.tolerance)
        every, gates = grow.looks.every if grow.looks else grow.lag.amount, self.gates
        for place, stage in enumerate(grow.stages):
            before = grow.stages[place - 1] if place else None
            gate = before if before in gates else None
            yield evolve(
                parent,
                name=stage,
                after=gate,
                promoted=gate is not None,
                candidates=() if gate else tuple(grow.ways),
                beside=None,
                around=None,
                budget=evolve(whole, amount=every),
                shared_seeds=True,
                report_only=True,
                expected_runs=None,
                continues=before,
                documentation="",
                where={"name": name, "train": choose, "seeds": name, "branch": choose, "after": choose},
                trunk=every * (place + 1) if grow.looks else None,
                cooldown=None,
                grown_at=() if before else (grow.stage,),
            )

    @property
    def gates(self) -> dict[str, Gate]:
        """What chooses a way: the best mean over all cells; a way with a missing value is out."""
        return {name: gate for grow in self.grows.values() for name, gate in _gates(grow, self.measure).items()}

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
                message = f"'{grow.stage}' is a stage of another study, and a study keeps only its own model states"
                self.scope.report("P0801", message, at, "train the parent in this study")
            for stage in stages.values():
                there = reach.get(stage.name)
                if there is None or stage.continues or stage.name in grow.stages:
                    continue
                self._dropped(grow, stage, there)
                for name in (one for one in grow.grown if one in there.possible):
                    self._cells(name, grow, stage, stages)
                    break

    def _dropped(self, grow: Grow, stage: Stage, there: Entrants) -> None:
        """A way that stopped at an early look has no state of the end of the lag."""
        early = next((name for name in grow.ways if name in there.possible), None) if grow.looks else None
        if early is not None:
            message = f"'{early}' may have been stopped before the end of its lag, and then has nothing to start from"
            hint = f"train {grow.becomes} alone, or let every way have its whole lag: after {grow.lag.amount}steps"
            self.scope.report("P0808", message, stage.where["train"], hint)

    def _cells(self, name: str, grow: Grow, stage: Stage, stages: Mapping[str, Stage]) -> None:
        """What grew in a cell is trained on in that cell, and nowhere else."""
        parent = stages.get(grow.stage)
        missing = [cell for cell in stage.cells if parent is not None and cell not in parent.cells]
        if missing and parent is not None:
            host, seed = missing[0]
            message = f"'{name}' has nothing to start from on {host} with seed {seed}"
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
        listed = stack.node("list")
        assert listed is not None
        ways = self._strategies(listed)
        lag = self._lag(clauses.one("choose"), clauses.one("cap"), ways or ())
        turns = self._turns(stack)
        if parent is None or stage is None or turns is None or ways is None or lag is None:
            return None
        candidate = self.conditions.candidates.get(parent)
        if candidate is None:
            message = f"'{parent}' would grow from itself, so there is nothing to start from"
            scope.report("P0801", message, clauses.one("parent"), "name a candidate that is trained before")
        if candidate is not None and candidate.follows is not None:
            message = f"'{parent}' follows {candidate.follows}, and its final shape is not known in advance"
            scope.report("P0801", message, clauses.one("parent"), "grow a candidate that keeps its shape")
            return None
        if candidate is None or not self._begins_from(candidate, turns, stack):
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
        if not self._can_grow(turns, ways, stack, looks=lag[1] is not None):
            return None
        grow = Grow(
            name=block.token("NAME").text,
            parent=parent,
            stage=stage,
            stack=turns,
            strategies=ways,
            lowest=lowest,
            lag=lag[0],
            looks=lag[1],
            becomes=becomes.text,
            where=scope.where(block),
        )
        self.grows[grow.name] = grow
        self.conditions.grown(grow, becomes, block)
        grown = self.conditions.candidates.get(grow.becomes)
        if grown is not None:
            self._is_larger(candidate.effective, grown.effective, turns, stack)
        self._names_are_free(grow, block)
        return grow

    def _names_are_free(self, grow: Grow, block: Node) -> None:
        for name in grow.stages[:-1]:
            if name in self.scope.declared or name in self.conditions.candidates:
                message = f"a look of the growth would be called '{name}', which is declared as something else"
                self.scope.report("P0202", message, self.scope.naming(block), "rename the other one")

    def _begins_from(self, candidate: Candidate, turns: tuple[Turn, ...], stack: Node) -> bool:
        """Whether the levels that a growth begins from are its parent's, and the factor of its ways grows."""
        scope = self.scope
        for turn, node in zip(turns, stack.nodes("turn"), strict=True):
            if dict(candidate.levels)[turn.factor] != turn.old:
                message = f"'{candidate.name}' has another {turn.factor} than this"
                scope.report("P0806", message, node.children[1], "write the parent's own level first")
                return False
        old, new = turns[0].old, turns[0].new
        if isinstance(old, str) or isinstance(new, str) or new <= old:
            scope.report("P0802", "growing makes a model larger", stack, "write the smaller level first")
            return False
        return True

    def _is_larger(self, old: Effective, new: Effective, turns: tuple[Turn, ...], stack: Node) -> None:
        """A model that grows is another one, and no part of it becomes smaller."""
        if old.trained == new.trained:
            with_new = " and ".join(f"{one.factor} {shown(one.new)}" for one in turns)
            message = f"with {with_new} the runner makes the same model as with {_listed(turns)}"
            self.scope.report("P0807", message, stack, "grow to a larger level")
        for name, size in new.trained.items():
            was = old.trained.get(name)
            if isinstance(size, int) and isinstance(was, int) and size < was:
                message = f"growing makes a model larger, and its {name} would fall from {was} to {size}"
                self.scope.report("P0802", message, stack, "write larger levels")
                return

    def _turns(self, stack: Node) -> tuple[Turn, ...] | None:
        """The factors that change, each named once; None when one of them is at fault."""
        found: dict[str, Turn] = {}
        for node in stack.nodes("turn"):
            factor = self.scope.meant(node)
            levels = self._levels(factor, values_in(node)) if factor is not None else None
            if factor is None or levels is None:
                return None
            if factor in found:
                self.scope.report("P0210", f"'{factor}' is listed twice", node, "remove one")
                return None
            found[factor] = Turn(factor, *levels)
        return tuple(found.values())

    def _can_grow(self, turns: tuple[Turn, ...], ways: tuple[str, ...], stack: Node, *, looks: bool) -> bool:
        """Whether the runner says that it can carry all of this out."""
        runner = self.conditions.runner
        known: Mapping[str, tuple[str, ...]] = getattr(runner, "ways", {})  # a runner of before has none
        if not runner.name:
            return True  # the runner itself is at fault, which is said elsewhere
        if not known:
            message = f"the runner '{runner.name}' cannot grow a trained model"
            self.scope.report("P0807", message, stack, "grow with: runner gpt")
            return False
        factor = turns[0].factor
        if looks and not getattr(runner, "cooldown_factor", ""):
            message = f"the runner '{runner.name}' keeps no constant-rate trunk, which every look of a lag continues"
            self.scope.report("P0807", message, stack, "let every way have its whole lag: after 320steps")
            return False
        strangers = [one.factor for one in turns if one.factor not in known]
        if strangers:
            message = f"the runner '{runner.name}' cannot grow a model by its {strangers[0]}"
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

    def _lag(self, choose: Node, cap: Node, ways: tuple[str, ...]) -> tuple[Budget, Looks | None] | None:
        cap_s, stable = self.expressions.seconds_given(cap), choose.node("stable")
        if stable is not None:
            looks = self._looks(stable, ways)
            return None if looks is None or cap_s is None else (Budget(BudgetKind.STEPS, looks[0], cap_s), looks[1])
        steps = self.expressions.given(choose)
        if steps is None or cap_s is None:
            return None
        if steps.denominator != 1 or steps < 0:
            self.scope.report("P0302", "a lag is a whole number of steps", choose.children[-1])
            return None
        return Budget(BudgetKind.STEPS, int(steps), cap_s), None

    def _looks(self, stable: Node, ways: tuple[str, ...]) -> tuple[int, Looks] | None:
        """The whole lag and its looks: whole numbers of steps, and more looks than have to agree."""
        amounts = values_in(stable)[1:]
        looks = self.expressions.count_given(stable, least=2, what="looks in a row")
        every, most = (self.expressions.given(stable, place) for place in (1, 2))
        if looks is None or every is None or most is None:
            return None
        fault, at = "", amounts[1]
        if every.denominator != 1 or every < 1:
            fault, at = "looks are a whole number of steps apart, at least one", amounts[0]
        elif (most / every).denominator != 1:
            fault = f"a lag that ends by rule is a whole number of looks of {exact(every)} steps"
        elif most / every <= looks:
            fault = f"of {exact(most / every)} looks, {looks} can be stable only at the last one: nothing is saved"
        elif most / every > MOST_LOOKS:
            fault = f"a lag has at most {MOST_LOOKS} looks, since each is a stage"
        elif len(ways) == 1:
            fault, at = "one way has no order that could be stable", stable
        if fault:
            self.scope.report("P0302", fault, at, f"write, for example: at most {exact(every * (looks + 1))}steps")
            return None
        return int(most), Looks(int(every), looks)

    def _levels(self, factor: str, parts: list[Node | Token]) -> tuple[Level, ...] | None:
        levels = [self.conditions.levels.level(factor, part) for part in parts]
        sound = tuple(level for level in levels if level is not None)
        return sound if len(sound) == len(levels) else None
