"""Stages and the account: what is trained, for how long, where, and what it is expected to cost."""

import math
from collections.abc import Mapping
from fractions import Fraction

from promo.base.classes import evolve
from promo.base.diagnostics import Confidence, Edit, Label
from promo.base.edits import line_after
from promo.base.source import Span
from promo.base.units import HOUR, Dimension
from promo.study.account import Account, Suppose
from promo.study.expressions import Expressions, unquoted
from promo.study.given import MOST
from promo.study.names import Clauses, Scope
from promo.study.neighbours import Neighbourhoods
from promo.study.space import Array, Design, Interval
from promo.study.values import Budget, BudgetKind, Stage, whole
from promo.syntax.clauses import words
from promo.syntax.nodes import Node, Token, names_in

MOST_CELLS = 10_000
MOST_SEED = 2**31 - 1
MOST_COUNTED = 10**30

RANGE_BY_MINUS = ["INT", "-", "INT"]
MOST_WRITTEN_OUT = 32

_COUNTED_BUDGETS = {
    Dimension.STEPS: BudgetKind.STEPS,
    Dimension.TOKENS: BudgetKind.TOKENS,
    Dimension.FLOPS: BudgetKind.FLOPS,
}


class Ladder:
    """Reads stages and the account of one text."""

    def __init__(
        self,
        scope: Scope,
        expressions: Expressions,
        cohorts: Mapping[str, tuple[str, ...]],
        near: Neighbourhoods,
        designs: Mapping[str, Design],
        arrays: Mapping[str, Array],
    ) -> None:
        self.scope, self.expressions, self.cohorts, self.near = scope, expressions, cohorts, near
        self.designs, self.arrays = designs, arrays
        self.stages: dict[str, Stage] = {}
        self.account: Account | None = None

    def read(self) -> None:
        """Read everything, in the order of the text."""
        blocks = self.scope.of_kind("stage")
        for block in [one for one in blocks if _carries_on(one) is None]:
            self.scope.guard(block, self._stage)
        for block in self._continuing_last(blocks):
            self.scope.guard(block, self._stage)
        accounts = [node for node in self.scope.tree.declarations if node.kind == "account"]
        for block in accounts[:1]:
            self.account = self._account(block)
        for block in accounts[1:]:
            label = Label(self.scope.span(accounts[0]), "first account")
            self.scope.report("P0202", "there are two accounts", block, "join them", labels=(label,))

    def _continuing_last(self, blocks: tuple[Node, ...]) -> list[Node]:
        """Stages that continue another one, each behind that one where there is such an order."""
        waiting = [block for block in blocks if _carries_on(block) is not None]
        ordered: list[Node] = []
        while waiting:
            names = {block.token("NAME").text for block in waiting}
            ready = [block for block in waiting if _continued(block) not in names]
            ordered += ready or waiting
            waiting = [block for block in waiting if block not in ordered]
        return ordered

    # --- stages ------------------------------------------------------------------------------------------

    def _stage(self, block: Node) -> Stage | None:
        scope = self.scope
        carried = _carries_on(block)
        clauses = scope.clauses(block)
        if not clauses.complete:
            return None
        if carried is not None:
            return self._continuing(block, clauses, carried)
        train, after = clauses.one("train"), clauses.maybe("after")
        gate = scope.meant(after) if after else None
        candidates, around = self._entrants(train, after, block) or (None, None)
        budget = self._with_limits(self._budget(train, clauses.maybe("cap")), clauses)
        hosts = scope.all_meant(clauses.one("on"))
        seeds, sound, devices = self._seeds(clauses.one("seeds")), *self._devices(clauses)
        if candidates is None or budget is None or seeds is None or hosts is None or not sound:
            return None
        cooldown = self._cooldown(clauses.maybe("cooldown"))
        if (after and gate is None) or cooldown == 0:
            return None
        if len(hosts) * len(seeds) > MOST_CELLS:
            scope.report("P0308", f"the stage has more than {MOST_CELLS} cells", clauses.one("seeds"))
            return None
        stage = Stage(
            name=block.token("NAME").text,
            after=gate,
            promoted=train.node("promoted") is not None,
            candidates=candidates,
            beside=None,
            around=around,
            budget=budget,
            hosts=hosts,
            seeds=seeds,
            shared_seeds=clauses.one("seeds").node("shared") is not None,
            report_only=clauses.maybe("report") is not None,
            expected_runs=self._expected_runs(clauses.maybe("expect_runs")),
            continues=None,
            documentation=scope.tree.documentation(block),
            where=scope.where(block),
            trunk=_trunk(budget.amount, cooldown),
            cooldown=cooldown,
            devices=devices,
        )
        return stage if self._added(block, stage) else None

    def _added(self, block: Node, stage: Stage) -> bool:
        """Keep a stage, or the stages that one in blocks is; false where there are none."""
        if block.node("blocked") is None:
            self.stages[stage.name] = stage
            return True
        # Only a text that has blocks pays for reading them.
        from promo.study.blocked import split_by_host

        parts = split_by_host(self.scope, block, stage, self.designs, self.arrays)
        if parts is not None:
            self.scope.blocked[stage.name] = tuple(one.name for one in parts)
            self.stages |= {one.name: one for one in parts}
        return parts is not None

    def _cooldown(self, clause: Node | None) -> Fraction | None:
        """Share of the budget that cools down; zero when what is written is none."""
        if clause is None:
            return None
        share = self.expressions.given(clause)
        if share is not None and 0 < share < 1:
            return share
        if share is not None:
            self.scope.report("P0302", "a cool-down is a share of the budget between 0% and 100%", clause)
        return Fraction(0)

    def _says_again(self, clauses: Clauses, clause: Node, what: str) -> bool:
        """Whether a stage says what it has from the one that it carries on; that is reported."""
        for kind in ("train", "continue", "cooldown", "on", "blocked", "seeds", "cap"):
            extra = clauses.maybe(kind)
            if extra is not None and extra is not clause:
                branches = clause.kind == "branch"
                shares = "hosts, seeds, cool-down and kind of budget" if branches else "hosts, seeds and kind of budget"
                doing = "branches from" if branches else "continues"
                message = f"a {what} has the {shares} of the stage it {doing}"
                self.scope.report("P0508", message, extra, "remove this clause")
                return True
        return False

    def _continuing(self, block: Node, clauses: Clauses, clause: Node) -> Stage | None:
        """A stage that carries the runs of another one on, in the same cells; only the added budget is paid."""
        scope, branches = self.scope, clause.kind == "branch"
        what = "branch" if branches else "continuation"
        after = clauses.maybe("after")
        if self._says_again(clauses, clause, what):
            return None
        gate, origin = scope.refer(after.token("NAME"), "gate") if after else None, _origin(clause)
        source_name = scope.meant(origin)
        candidates, _ = self._entrants(clause, after, block) or (None, None)
        source = self.stages.get(source_name or "")
        if source_name is not None and source is None and source_name not in scope.vague:
            scope.report("P0502", f"stage '{source_name}' waits for this one, which continues it", origin.token("NAME"))
        if source is None or candidates is None or (after is not None and gate is None):
            return None
        if branches is (source.trunk is None):
            has = f"'{source.name}' has no trunk" if branches else f"'{source.name}' has cooled down from a trunk"
            hint = f"give '{source.name}' a clause: cooldown 20%" if branches else "continue it: branch ... from ..."
            scope.report("P0508", f"{has}, so there is nothing to {clause.kind}", origin.token("NAME"), hint)
            return None
        until = self._spend(clause.children[-1], None, None, capped=False)
        if until is None:
            return None
        before = whole(self.stages, source)
        if until.kind is not source.budget.kind or until.amount <= before:
            message = f"'{source.name}' already trains that far, or is counted in something else"
            scope.report("P0508", message, clause.children[-1], "write the whole budget, larger than the first part")
            return None
        added = until.amount - (before if source.trunk is None else source.trunk)
        cap_s = added if until.kind is BudgetKind.WALL else source.budget.cap_s * added // source.budget.amount + 1
        budget = self._with_limits(evolve(source.budget, amount=added, cap_s=cap_s), clauses)
        sound, devices = self._devices(clauses)
        if budget is None or not sound:
            return None
        stage = Stage(
            name=block.token("NAME").text,
            after=gate,
            promoted=clause.node("promoted") is not None,
            candidates=candidates,
            beside=None,
            around=None,
            budget=budget,
            hosts=source.hosts,
            seeds=source.seeds,
            shared_seeds=True,
            report_only=clauses.maybe("report") is not None,
            expected_runs=self._expected_runs(clauses.maybe("expect_runs")),
            continues=source.name,
            documentation=scope.tree.documentation(block),
            where={**scope.where(block), "seeds": scope.span(clause)},
            trunk=_trunk(until.amount, source.cooldown),
            cooldown=source.cooldown,
            devices=source.devices if devices is None else devices,
        )
        self.stages[stage.name] = stage
        return stage

    def _entrants(self, train: Node, after: Node | None, block: Node) -> tuple[tuple[str, ...], str | None] | None:
        """The candidates a stage names, and the neighbourhood of those that its gate promotes, if it trains one."""
        scope = self.scope
        promoted = train.node("promoted")
        if promoted is not None and after is None:
            scope.report(
                "P0501",
                f"no gate leads to {scope.title(block)}, so nothing is promoted to it",
                promoted,
                "add 'after GATE', or name a cohort or candidates",
            )
            return None
        gate = after.token("NAME").text if after is not None else None
        found: dict[str, None] = {}  # in order; a list would look through thousands for each
        around: str | None = None
        for place, name in enumerate(names_in(train)):
            known = scope.meant(train, place)
            near = self.near.found.get(known or "")
            if known is None:
                return None
            if near is None and known in scope.declared and scope.declared[known].kind == "design":
                message = f"'{known}' is a design, and a stage trains candidates"
                scope.report("P0724", message, name, f"make candidates of its rows: cohort NAME {{ rows {known} all }}")
                return None
            if near is not None and near.gate:
                if near.of != gate:
                    message = f"'{known}' are neighbours of what '{near.of}' promotes, and the stage does not follow it"
                    scope.report("P0724", message, name, f"write: after {near.of}")
                    return None
                around = known
                continue
            members = near.of_any(near.near) if near is not None else self.cohorts.get(known, (known,))
            for member in members:
                if member in found and near is None:
                    scope.report("P0210", f"'{member}' is trained twice in this stage", name, "name it once")
                elif member not in found:
                    found[member] = None
        if after is not None and promoted is None and around is None:
            message = "after a gate a stage trains what that gate promotes"
            scope.report("P0506", message, train, "write: train promoted for ...")
            return None
        return tuple(found), around

    def _budget(self, train: Node, cap: Node | None) -> Budget | None:
        spend = next(train.nodes("spend"))
        return self._spend(spend.children[0], spend.node("clock"), cap)

    def _spend(self, part: Node | Token, clock: Node | None, cap: Node | None, *, capped: bool = True) -> Budget | None:
        """A budget from its quantity; *capped* is off where the cap is that of another stage."""
        quantity = self.expressions.quantity(part)
        if quantity is None:
            return None
        cap_s = None
        if cap is not None:
            cap_s = self.expressions.seconds_given(cap)
            if cap_s is None:
                return None
        if quantity.dimension is Dimension.TIME:
            seconds = self.expressions.seconds(part, Dimension.TIME, example="5min")
            if seconds is None:
                return None
            if clock is not None:
                return self._counted(BudgetKind(clock.token("CLOCK").text), seconds, cap_s, part)
            if cap is not None:
                self.scope.report("P0309", "a wall-clock budget is its own cap", cap, "remove the cap")
            return Budget(BudgetKind.WALL, seconds, seconds)
        kind = _COUNTED_BUDGETS.get(quantity.dimension)
        if kind is None or clock is not None:
            message = f"{quantity.dimension.value} is not a training budget"
            self.scope.report("P0301", message, part, "write a duration, steps, tokens or operations: 5min, 200steps")
            return None
        if quantity.value.denominator != 1 or not 1 <= quantity.value <= MOST_COUNTED:
            self.scope.report("P0302", f"a budget of {kind.value} is a whole number from 1 to 10^30", part)
            return None
        return self._counted(kind, int(quantity.value), cap_s if capped else 1, part)

    def _counted(self, kind: BudgetKind, amount: int, cap_s: int | None, at: Node | Token) -> Budget | None:
        if cap_s is None:
            message = f"a budget in {kind.value} needs a cap in wall-clock time, so that its cost is bounded"
            self.scope.report("P0310", message, at, "add a clause: cap 3min")
            return None
        return Budget(kind, amount, cap_s)

    def _with_limits(self, budget: Budget | None, clauses: Clauses) -> Budget | None:
        """A budget with what its stage says an attempt may take besides, and by how much a run may miss it."""
        allowance, tolerance = clauses.maybe("allowance"), clauses.maybe("tolerance")
        if budget is not None and allowance is not None:
            seconds = self.expressions.seconds_given(allowance)
            budget = None if seconds is None else evolve(budget, allowance_s=seconds)
        if budget is None or tolerance is None:
            return budget
        share = self.expressions.given(tolerance)
        if share is not None and not 0 <= share < 1:
            message = "a tolerance is a share of the budget, from 0% to less than 100%"
            self.scope.report("P0302", message, tolerance, "write it like this: tolerance 2%")
            share = None
        return None if share is None else evolve(budget, tolerance=share)

    def _devices(self, clauses: Clauses) -> tuple[bool, int | None]:
        """Whether what is said of a run's devices is sound, and how many it has by that; None where nothing is said."""
        clause = clauses.maybe("devices")
        if clause is None:
            return True, None
        many = self.expressions.count_given(clause, most=MOST, what="the number of devices of a run")
        return many is not None, many

    def _expected_runs(self, clause: Node | None) -> int | None:
        return self.expressions.count_given(clause, least=0, what="a number of runs") if clause else None

    def _seeds(self, clause: Node) -> tuple[int, ...] | None:
        span = clause.node("range")
        if span is not None:
            return self._seed_range(span)
        seeds = []
        for part in clause.children:
            if _is(part, "shared"):
                continue
            if self._no_seed(part, alone=sum(not _is(one, "shared") for one in clause.children) == 1):
                return None
            seed = self.expressions.count(part, least=0, most=MOST_SEED, what="a seed")
            if seed is None:
                return None
            seeds.append(seed)
        if len(set(seeds)) != len(seeds):
            self.scope.report("P0210", "a seed is listed twice", clause, "remove one")
            return None
        return tuple(seeds)

    def _no_seed(self, part: Node | Token, *, alone: bool) -> bool:
        """Whether `1-3` or `[1, 2]` stands where seeds do, which have one way to be written."""
        source = self.scope.tree.source
        span = self.scope.span(part)
        if _is(part, "list"):
            edits = [Edit(Span(source, at, at + 1), "") for at in (span.start, span.end - 1)]
            message = "seeds follow their word directly, without brackets"
        elif isinstance(part, Node) and part.kind == "sum" and [_kind(one) for one in part.children] == RANGE_BY_MINUS:
            low, _, high = part.children
            assert isinstance(low, Token) and isinstance(high, Token)
            count = int(high.text.replace("_", "")[:9]) - (first := int(low.text.replace("_", "")[:9])) + 1
            if not 1 < count <= (MOST_CELLS if alone else MOST_WRITTEN_OUT):
                return False
            written = f"{low.text}..{high.text}" if alone else ", ".join(str(first + more) for more in range(count))
            edits = [Edit(span, written)]
            message = f"{source.text[low.start : high.end]} is a difference, not a range of seeds"
        else:
            return False
        hint = f"write: {line_after(edits)}"
        self.scope.report("P0302", message, part, hint, edits=edits, confidence=Confidence.SURE)
        return True

    def _seed_range(self, span: Node) -> tuple[int, ...] | None:
        levels = self.expressions.domain(span, Dimension.NUMBER)
        if levels is None:
            return None
        if isinstance(levels, Interval):
            numbers = [levels.low + more for more in range(min(int(levels.high - levels.low), MOST_CELLS) + 1)]
        else:
            numbers = [level for level in levels if not isinstance(level, str)]
        if any(number.denominator != 1 for number in numbers) or not 0 <= numbers[0] <= numbers[-1] <= MOST_SEED:
            self.scope.report("P0302", f"seeds are whole numbers from 0 to {MOST_SEED}", span)
            return None
        return tuple(int(number) for number in numbers)

    # --- account -----------------------------------------------------------------------------------------

    def _account(self, block: Node) -> Account:
        scope = self.scope
        clauses = scope.clauses(block)
        count, known = clauses.maybe("count"), words("count")
        counted = list(count.tokens("NAME")) if count else []
        for name in counted:
            if name.text not in known:
                scope.report(
                    "P0605", f"'{name.text}' is not something that is counted", name, f"use: {', '.join(known)}"
                )
        expect = clauses.maybe("expect_cost")
        expected = self._device_seconds(expect) if expect else None
        supposes = [self._suppose(clause) for clause in clauses.all("suppose")]
        return Account(
            count=tuple(name.text for name in counted),
            supposes=tuple(suppose for suppose in supposes if suppose is not None),
            expected_s=expected,
            notes=tuple(unquoted(clause.token("STRING")) for clause in clauses.all("note")),
            where=scope.where(block),
        )

    def _suppose(self, clause: Node) -> Suppose | None:
        gate, stage = self.scope.meant(clause, 0), self.scope.meant(clause, 1)
        costs = self._device_seconds(clause)
        if gate is None or stage is None or costs is None:
            return None
        return Suppose(gate, stage, costs, where={"suppose": self.scope.span(clause)})

    def _device_seconds(self, clause: Node) -> int | None:
        """Device time in whole seconds."""
        amount = self.expressions.given(clause)
        if amount is not None and (amount.denominator != 1 or amount < 0):
            message = f"device time is counted in whole seconds, the {HOUR}th of an hour"
            self.scope.report("P0302", message, clause.children[-1])
            return None
        return None if amount is None else int(amount)


def _carries_on(block: Node) -> Node | None:
    """The clause by which a stage carries the runs of another one on: continue, or branch."""
    return block.node("continue") or block.node("branch")


def _origin(clause: Node) -> Node:
    """Which stage a clause carries on."""
    origin = clause.node("origin")
    assert origin is not None
    return origin


def _continued(block: Node) -> str:
    """Name of the stage that a stage carries on."""
    clause = _carries_on(block)
    assert clause is not None
    return _origin(clause).token("NAME").text


def _trunk(whole: int, cooldown: Fraction | None) -> int | None:
    """Where a constant rate ends that cools down over the last share of a whole budget."""
    return None if cooldown is None else math.ceil(whole * (1 - cooldown))


def _kind(part: Node | Token) -> str:
    return part.text if part.kind == "ADD" and isinstance(part, Token) else part.kind


def _is(part: Node | Token, kind: str) -> bool:
    return isinstance(part, Node) and part.kind == kind
