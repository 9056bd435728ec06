"""
Stages, gates, rules and accounts: what happens in which order, and who decides.

A gate must say everything a decision needs (from, rank, keep, missing, ties); promo supplies no default for a
decision.
"""

from collections.abc import Mapping

from promo.base.diagnostics import Edit, Label, suggestion
from promo.base.units import HOUR, Dimension
from promo.spec.expressions import Expressions, unquoted
from promo.spec.names import Scope
from promo.spec.values import (
    Account,
    Bound,
    BoundKind,
    Budget,
    BudgetKind,
    Gate,
    Measure,
    Missing,
    Rule,
    Side,
    Stage,
    Statistic,
    Suppose,
    Then,
    TieBreak,
)
from promo.syntax.nodes import Node, Token

MOST_CELLS = 10_000
MOST_SEED = 2**31 - 1

STAGE_NEEDS = {"train": "train ... for 5min", "on": "on HOST", "seeds": "seeds 1, 2"}
GATE_NEEDS = {
    "route": "from STAGE to STAGE",
    "rank": "rank by mean METRIC over host, seed",
    "keep": "keep top 3",
    "missing": "missing rerun 1, then drop",
    "ties": "ties by name",
}
RULE_NEEDS = {
    "judge": "judge CANDIDATE against REFERENCE at STAGE",
    "require": "require mean gap at most 0.010bpb",
    "missing": "missing stop",
}
CELL_NAMES = ("host", "seed")
COUNTED = ("training", "host")

_COUNTED_BUDGETS = {
    Dimension.STEPS: BudgetKind.STEPS,
    Dimension.TOKENS: BudgetKind.TOKENS,
    Dimension.FLOPS: BudgetKind.FLOPS,
}


class Ladder:
    """Reads stages, gates, rules and the account of one text."""

    def __init__(
        self, scope: Scope, expressions: Expressions, measure: Measure, cohorts: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.scope, self.expressions, self.measure, self.cohorts = scope, expressions, measure, cohorts
        self.stages: dict[str, Stage] = {}
        self.gates: dict[str, Gate] = {}
        self.rules: dict[str, Rule] = {}
        self.account: Account | None = None

    def read(self) -> None:
        """Read everything, in the order of the text."""
        for kind, build in (("stage", self._stage), ("gate", self._gate), ("rule", self._rule)):
            for block in self.scope.of_kind(kind):
                self.scope.guard(block, build)
        accounts = [node for node in self.scope.tree.declarations if node.kind == "account"]
        for block in accounts[:1]:
            self.account = self._account(block)
        for block in accounts[1:]:
            label = Label(self.scope.span(accounts[0]), "first account")
            self.scope.report("P0202", "there are two accounts", block, "join them", labels=(label,))

    # --- stages ------------------------------------------------------------------------------------------

    def _stage(self, block: Node) -> Stage | None:
        scope = self.scope
        clauses = scope.clauses(block, STAGE_NEEDS)
        if not clauses.complete:
            return None
        train, after = clauses.one("train"), clauses.maybe("after")
        gate = scope.refer(after.token("NAME"), "gate") if after else None
        candidates = self._entrants(train, after, block)
        budget = self._budget(train, clauses.maybe("cap"))
        host_names = list(clauses.one("on").tokens("NAME"))
        hosts = scope.refer_all(host_names, "host")
        seeds = self._seeds(clauses.one("seeds"))
        if candidates is None or budget is None or seeds is None or len(hosts) != len(host_names):
            return None
        if after and gate is None:
            return None
        if len(hosts) * len(seeds) > MOST_CELLS:
            scope.report("P0308", f"the stage has more than {MOST_CELLS} cells", clauses.one("seeds"))
            return None
        stage = Stage(
            name=block.token("NAME").text,
            after=gate,
            candidates=candidates,
            budget=budget,
            hosts=hosts,
            seeds=seeds,
            shared_seeds=clauses.one("seeds").node("shared") is not None,
            report_only=clauses.maybe("report") is not None,
            expected_runs=self._expected_runs(clauses.maybe("expect_runs")),
            documentation=scope.tree.documentation(block),
            where=scope.where(block),
        )
        self.stages[stage.name] = stage
        return stage

    def _entrants(self, train: Node, after: Node | None, block: Node) -> tuple[str, ...] | None:
        """The candidates a stage names; none when it trains those that a gate promotes."""
        scope = self.scope
        promoted = train.node("promoted")
        if promoted is not None:
            if after is None:
                scope.report(
                    "P0501",
                    f"no gate leads to {scope.title(block)}, so nothing is promoted to it",
                    promoted,
                    "add 'after GATE', or name a cohort or candidates",
                )
                return None
            return ()
        if after is not None:
            message = "after a gate a stage trains what that gate promotes"
            scope.report("P0506", message, train, "write: train promoted for ...")
            return None
        names = list(train.tokens("NAME"))
        found: list[str] = []
        for name in names:
            known = scope.refer(name, "cohort", "candidate")
            if known is None:
                return None
            members = self.cohorts.get(known, (known,))
            for member in members:
                if member in found:
                    scope.report("P0210", f"'{member}' is trained twice in this stage", name, "name it once")
                else:
                    found.append(member)
        return tuple(found)

    def _budget(self, train: Node, cap: Node | None) -> Budget | None:
        spend = next(train.nodes("spend"))
        part, clock = spend.children[0], spend.node("clock")
        quantity = self.expressions.quantity(part)
        if quantity is None:
            return None
        cap_s = None
        if cap is not None:
            cap_s = self.expressions.seconds(cap.children[0], Dimension.TIME, example="3min")
            if cap_s is None:
                return None
        if quantity.dimension is Dimension.TIME:
            seconds = self.expressions.seconds(part, Dimension.TIME, example="5min")
            if seconds is None:
                return None
            if clock is not None:
                return self._counted(BudgetKind.CPU, seconds, cap_s, part)
            if cap is not None:
                self.scope.report("P0309", "a wall-clock budget is its own cap", cap, "remove the cap")
            return Budget(BudgetKind.WALL, seconds, seconds)
        kind = _COUNTED_BUDGETS.get(quantity.dimension)
        if kind is None or clock is not None:
            message = f"{quantity.dimension.value} is no training budget"
            self.scope.report("P0301", message, part, "write a duration, steps, tokens or operations: 5min, 200steps")
            return None
        if quantity.value.denominator != 1 or quantity.value < 1:
            self.scope.report("P0302", f"a budget of {kind.value} is a whole number from 1 up", part)
            return None
        return self._counted(kind, int(quantity.value), cap_s, part)

    def _counted(self, kind: BudgetKind, amount: int, cap_s: int | None, at: Node | Token) -> Budget | None:
        if cap_s is None:
            message = f"a budget in {kind.value} needs a cap in wall-clock time, so that its cost is bounded"
            self.scope.report("P0310", message, at, "add a clause: cap 3min")
            return None
        return Budget(kind, amount, cap_s)

    def _expected_runs(self, clause: Node | None) -> int | None:
        return self.expressions.count(clause.token("INT"), least=0, what="a number of runs") if clause else None

    def _seeds(self, clause: Node) -> tuple[int, ...] | None:
        span = clause.node("range")
        parts = [span] if span else [child for child in clause.children if not _is(child, "shared")]
        seeds: list[int] = []
        for part in parts:
            levels = self.expressions.domain(part) if isinstance(part, Node) and part.kind == "range" else None
            if span is not None:
                if isinstance(levels, tuple):
                    found = [int(level) for level in levels if not isinstance(level, str) and level.denominator == 1]
                elif levels is not None and levels.high - levels.low < MOST_CELLS:
                    found = list(range(int(levels.low), int(levels.high) + 1))
                else:
                    found = []
                if not found or not 0 <= found[0] <= found[-1] <= MOST_SEED:
                    self.scope.report("P0302", f"seeds are whole numbers from 0 to {MOST_SEED}", part)
                    return None
                seeds += found
                continue
            seed = self.expressions.count(part, least=0, most=MOST_SEED, what="a seed")
            if seed is None:
                return None
            seeds.append(seed)
        if len(set(seeds)) != len(seeds):
            self.scope.report("P0210", "a seed is listed twice", clause, "remove one")
            return None
        return tuple(seeds)

    # --- gates and rules ---------------------------------------------------------------------------------

    def _gate(self, block: Node) -> Gate | None:
        scope = self.scope
        clauses = scope.clauses(block, GATE_NEEDS)
        if not clauses.complete:
            return None
        source, target = (scope.refer(name, "stage") for name in clauses.one("route").tokens("NAME"))
        statistic = self._rank(clauses.one("rank"))
        keep = self.expressions.count(clauses.one("keep").children[0], what="the number to keep")
        always = clauses.maybe("always")
        always_names = list(always.tokens("NAME")) if always else []
        kept = scope.refer_all(always_names, "candidate")
        missing = self._missing(clauses.one("missing"), (Then.DROP, Then.STOP))
        ties = self._ties(clauses.one("ties"))
        if source is None or target is None or statistic is None or keep is None or len(kept) != len(always_names):
            return None
        if missing is None or ties is None:
            return None
        gate = Gate(
            name=block.token("NAME").text,
            frozen=block.node("frozen") is not None,
            seal=self._seal(block),
            source=source,
            target=target,
            statistic=statistic,
            metric=self.measure.metric,
            keep=keep,
            always=kept,
            missing=missing,
            ties=ties,
            documentation=scope.tree.documentation(block),
            where=scope.where(block),
        )
        self.gates[gate.name] = gate
        return gate

    def _seal(self, block: Node) -> str | None:
        sealed = block.node("sealed")
        if sealed is None:
            return None
        if block.node("frozen") is None:
            message = f"{self.scope.title(block)} has a seal but is not frozen"
            self.scope.report("P0411", message, sealed, f"write: frozen {block.kind} ...")
        return sealed.token("DIGEST").text.removeprefix("sha256:")

    def _rank(self, clause: Node) -> Statistic | None:
        scope = self.scope
        statistic = Statistic(clause.token("STATISTIC").text)
        metric, *over = clause.tokens("NAME")
        sound = True
        if statistic is Statistic.EVERY:
            message = "'every' gives no single number to rank by"
            scope.report("P0409", message, clause.token("STATISTIC"), "use mean, median or worst")
            sound = False
        if metric.text != self.measure.metric:
            edits = (Edit(scope.span(metric), self.measure.metric),)
            message = f"this study measures '{self.measure.metric}', not '{metric.text}'"
            scope.report(
                "P0410", message, metric, f"write: rank by {statistic.value} {self.measure.metric}", edits=edits
            )
            sound = False
        unknown = next((name for name in over if name.text not in CELL_NAMES), None)
        if unknown is not None:
            near = suggestion(unknown.text, CELL_NAMES)
            hint = f"did you mean '{near}'?" if near else "cells are made of host and seed"
            scope.report("P0408", f"cells have no part called '{unknown.text}'", unknown, hint)
            return None
        if {name.text for name in over} != set(CELL_NAMES) or len(over) != len(CELL_NAMES):
            scope.report("P0407", "a gate pools all cells of a stage", clause, "write: over host, seed")
            sound = False
        return statistic if sound else None

    def _missing(self, clause: Node, allowed: tuple[Then, ...]) -> Missing | None:
        word = clause.token("MISSING")
        then = Then(word.text)
        rerun = clause.node("rerun")
        reruns = 0
        if rerun is not None:
            number = self.expressions.count(rerun.token("INT"), least=1, most=9, what="the number of reruns")
            if number is None:
                return None
            reruns = number
        if then not in allowed:
            words = " or ".join(one.value for one in allowed)
            self.scope.report("P0412", f"'{then.value}' is no answer to a missing value here", word, f"write: {words}")
            return None
        return Missing(reruns, then)

    def _ties(self, clause: Node) -> tuple[TieBreak, ...] | None:
        scope = self.scope
        known = [one.value for one in TieBreak]
        breaks: list[TieBreak] = []
        for name in clause.tokens("NAME"):
            if name.text not in known:
                near = suggestion(name.text, known)
                hint = f"did you mean '{near}'?" if near else f"use: {', '.join(known)}"
                scope.report("P0413", f"ties cannot be broken by '{name.text}'", name, hint)
                return None
            breaks.append(TieBreak(name.text))
        if breaks[-1] is TieBreak.PARAMETERS:
            message = "two candidates may have equally many parameters, so this leaves ties"
            scope.report("P0413", message, clause, "end with name or order: ties by parameters, name")
            return None
        return tuple(breaks)

    def _rule(self, block: Node) -> Rule | None:
        scope = self.scope
        clauses = scope.clauses(block, RULE_NEEDS)
        if not clauses.complete:
            return None
        judge = list(clauses.one("judge").tokens("NAME"))
        judged, reference = (scope.refer(name, "candidate") for name in judge[:2])
        stage = scope.refer(judge[2], "stage")
        require = clauses.one("require")
        statistic, side = Statistic(require.token("STATISTIC").text), Side(require.token("SIDE").text)
        bound = self._bound(require)
        missing = self._missing(clauses.one("missing"), (Then.STOP, Then.SKIP))
        absent = clauses.maybe("absent")
        absent_then = Then(absent.token("MISSING").text) if absent else None
        if absent_then is Then.DROP:
            scope.report("P0412", "a rule drops nobody", absent or block, "write: absent skip  or  absent stop")
        if judged is None or reference is None or stage is None or bound is None or missing is None:
            return None
        if judged == reference:
            scope.report("P0404", f"'{judged}' is judged against itself", judge[1], "name another reference")
            return None
        rule = Rule(
            name=block.token("NAME").text,
            frozen=block.node("frozen") is not None,
            seal=self._seal(block),
            judged=judged,
            reference=reference,
            stage=stage,
            statistic=statistic,
            side=side,
            bound=bound,
            missing=missing,
            absent=absent_then,
            documentation=scope.tree.documentation(block),
            where=scope.where(block),
        )
        self.rules[rule.name] = rule
        return rule

    def _bound(self, require: Node) -> Bound | None:
        clause = next(child for child in require.children if isinstance(child, Node))
        kind = BoundKind(clause.kind.replace("_", " "))
        example = f"{kind.value} 0.010{self.measure.unit}"
        value = self.expressions.amount(clause.children[0], Dimension.METRIC, example=example)
        if value is not None and kind is BoundKind.WITHIN and value < 0:
            self.scope.report("P0404", "nothing lies within less than 0, so this can never hold", clause)
            return None
        return None if value is None else Bound(kind, value)

    # --- account -----------------------------------------------------------------------------------------

    def _account(self, block: Node) -> Account:
        scope = self.scope
        clauses = scope.clauses(block, {}, repeated=("suppose", "note"))
        count = clauses.maybe("count")
        counted = list(count.tokens("NAME")) if count else []
        for name in counted:
            if name.text not in COUNTED:
                scope.report(
                    "P0605", f"'{name.text}' is not something that is counted", name, f"use: {', '.join(COUNTED)}"
                )
        expect = clauses.maybe("expect_cost")
        expected = self._device_seconds(expect.children[0]) if expect else None
        supposes = [self._suppose(clause) for clause in clauses.all("suppose")]
        return Account(
            count=tuple(name.text for name in counted),
            supposes=tuple(suppose for suppose in supposes if suppose is not None),
            expected_s=expected,
            notes=tuple(unquoted(clause.token("STRING")) for clause in clauses.all("note")),
            where=scope.where(block),
        )

    def _suppose(self, clause: Node) -> Suppose | None:
        gate_name, stage_name = list(clause.tokens("NAME"))[:2]
        gate, stage = self.scope.refer(gate_name, "gate"), self.scope.refer(stage_name, "stage")
        costs = self._device_seconds(clause.children[-1])
        if gate is None or stage is None or costs is None:
            return None
        return Suppose(gate, stage, costs, where={"suppose": self.scope.span(clause)})

    def _device_seconds(self, part: Node | Token) -> int | None:
        """Device time in whole seconds."""
        amount = self.expressions.amount(part, Dimension.DEVICE_TIME, example="169.2gpu_h")
        if amount is not None and (amount.denominator != 1 or amount < 0):
            shortest = f"{HOUR}th of an hour"
            self.scope.report("P0302", f"device time is counted in whole seconds, the {shortest}", part)
            return None
        return None if amount is None else int(amount)


def _is(part: Node | Token, kind: str) -> bool:
    return isinstance(part, Node) and part.kind == kind
