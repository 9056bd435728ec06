"""
Gates and rules from the tree: conditions, what is missing, what breaks ties.

A gate must say everything a decision needs (from, rank, keep, missing, crash, ties); promo supplies no default for a
decision.
"""

from fractions import Fraction

from promo.base.diagnostics import Edit, suggestion
from promo.base.units import Dimension
from promo.spec.expressions import Expressions
from promo.spec.judgement import (
    LEADER,
    Against,
    Agreement,
    Best,
    Both,
    Bound,
    BoundKind,
    Condition,
    Demand,
    Difference,
    Either,
    Equivalent,
    First,
    Gate,
    Guard,
    Handling,
    Isnt,
    Level,
    Method,
    Rule,
    Sample,
    Side,
    Statistic,
    Test,
    Then,
    TieBreak,
    Top,
    Watched,
    primitives,
)
from promo.spec.names import Clauses, Scope
from promo.spec.values import Measure
from promo.syntax.nodes import Node, Token

GATE_NEEDS = {
    "route": "from STAGE to STAGE",
    "rank": "rank by mean METRIC over host, seed",
    "keep": "keep top 3",
    "missing": "missing rerun 1, then drop",
    "crash": "crash as missing",
    "ties": "ties by name",
}
RULE_NEEDS = {
    "judge": "judge CANDIDATE against REFERENCE at STAGE",
    "require": "require mean gap at most 0.010bpb",
    "missing": "missing stop",
}
CELL_NAMES = ("host", "seed")
PHASES = ("start", "import", "data", "build", "warmup", "train", "evaluate", "total")
MOST_RERUNS = 9
MOST_CONDITIONS = 32

GATE_OUTCOMES = (Then.DROP, Then.STOP, Then.HOLD)
GATE_CRASHES = (Then.DROP, Then.STOP, Then.HOLD, Then.WORST)
RULE_OUTCOMES = (Then.STOP, Then.SKIP, Then.HOLD)
GUARD_OUTCOMES = (Then.DROP, Then.STOP)

HALF = Fraction(1, 2)


class Rules:
    """Reads the gates and rules of one text."""

    def __init__(self, scope: Scope, expressions: Expressions, measure: Measure) -> None:
        self.scope, self.expressions, self.measure = scope, expressions, measure
        self.gates: dict[str, Gate] = {}
        self.rules: dict[str, Rule] = {}

    def read(self) -> None:
        """Read everything, in the order of the text."""
        for kind, build in (("gate", self._gate), ("rule", self._rule)):
            for block in self.scope.of_kind(kind):
                self.scope.guard(block, build)

    # --- gates -------------------------------------------------------------------------------------------

    def _gate(self, block: Node) -> Gate | None:
        scope = self.scope
        clauses = scope.clauses(block, GATE_NEEDS, repeated=("demand", "guard"))
        if not clauses.complete:
            return None
        source, target = (scope.refer(name, "stage") for name in clauses.one("route").tokens("NAME"))
        statistic = self._rank(clauses.one("rank"))
        keep = self._condition(clauses.one("keep").children[0], of_gate=True)
        allowance = self._allowance(clauses.maybe("allow"))
        always = clauses.maybe("always")
        always_names = list(always.tokens("NAME")) if always else []
        kept = scope.refer_all(always_names, "candidate")
        demands = [self._demand(clause) for clause in clauses.all("demand")]
        guards = [self._guard(clause) for clause in clauses.all("guard")]
        sample, sound = self._sample(clauses.maybe("sample"))
        missing = self.handling(clauses.one("missing"), GATE_OUTCOMES, "a missing value")
        crash, crash_sound = self._crash(clauses.one("crash"), GATE_CRASHES)
        ties = self._ties(clauses.one("ties"))
        if source is None or target is None or statistic is None or keep is None or missing is None or ties is None:
            return None
        if allowance is None or not sound or not crash_sound or len(kept) != len(always_names):
            return None
        if None in demands or None in guards:
            return None
        gate = Gate(
            name=block.token("NAME").text,
            frozen=block.node("frozen") is not None,
            seal=self.seal(block),
            source=source,
            target=target,
            statistic=statistic,
            metric=self.measure.metric,
            keep=keep,
            allowance=allowance,
            always=kept,
            demands=tuple(demand for demand in demands if demand is not None),
            guards=tuple(guard for guard in guards if guard is not None),
            sample=sample,
            missing=missing,
            crash=crash,
            ties=ties,
            documentation=scope.tree.documentation(block),
            where=scope.where(block),
        )
        self.gates[gate.name] = gate
        return gate

    def seal(self, block: Node) -> str | None:
        """The digest that a block is sealed with."""
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
        sound = self._is_metric(metric)
        if statistic is Statistic.EVERY:
            message = "'every' gives no single number to rank by"
            scope.report("P0409", message, clause.token("STATISTIC"), "use mean, median or worst")
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

    def _is_metric(self, name: Token) -> bool:
        if name.text == self.measure.metric:
            return True
        edits = (Edit(self.scope.span(name), self.measure.metric),)
        message = f"this study measures '{self.measure.metric}', not '{name.text}'"
        self.scope.report("P0410", message, name, f"write {self.measure.metric}", edits=edits)
        return False

    def _allowance(self, clause: Node | None) -> Fraction | None:
        if clause is None:
            return Fraction(0)
        example = f"allow 0.04{self.measure.unit}"
        amount = self.expressions.amount(clause.children[0], Dimension.METRIC, example=example)
        if amount is not None and amount < 0:
            self.scope.report("P0302", "an allowance is not negative", clause, f"write it like this: {example}")
            return None
        return amount

    def _demand(self, clause: Node) -> Demand | None:
        condition = self._condition(clause.children[0], of_gate=True)
        if condition is None:
            return None
        if any(isinstance(part, Top | Best | First) for part in primitives(condition)):
            message = "a demand is about the evidence as a whole, not about single candidates"
            self.scope.report(
                "P0418", message, clause, "demand, for example: rank agreement of HOST, HOST at least 0.6"
            )
            return None
        otherwise = clause.children[1]
        if isinstance(otherwise, Token):
            return Demand(condition, Then(otherwise.text))
        instead = self._condition(otherwise.children[0], of_gate=True)
        return None if instead is None else Demand(condition, instead)

    def _guard(self, clause: Node) -> Guard | None:
        name = clause.token("NAME")
        known = (Watched.THROUGHPUT.value, Watched.CONTENTION.value, *PHASES)
        if name.text not in known:
            near = suggestion(name.text, known)
            hint = f"did you mean '{near}'?" if near else f"use one of: {', '.join(known)}"
            self.scope.report("P0419", f"no run has a '{name.text}' to watch", name, hint)
            return None
        bound = self.bound(clause, Dimension.NUMBER, Dimension.TIME, example="within 20% of host")
        handling = self.handling(clause, GUARD_OUTCOMES, "a flagged run")
        if bound is None or handling is None:
            return None
        watched = Watched(name.text) if name.text not in PHASES else Watched.SECONDS
        against = Against.HOST if clause.node("of_host") else Against.CANDIDATE if clause.node("of_own") else None
        if watched is Watched.CONTENTION and against:
            hint = f"remove: of {against.value}"
            self.scope.report("P0419", "contention is a share of the machine by itself", clause, hint)
            return None
        if watched is Watched.THROUGHPUT and against is None:
            message = "a throughput is a share of a median, and this does not say of which"
            self.scope.report("P0419", message, clause, "write: within 20% of candidate, or: of host")
            return None
        return Guard(watched, name.text if watched is Watched.SECONDS else "", bound, against, handling)

    def _sample(self, clause: Node | None) -> tuple[Sample | None, bool]:
        if clause is None:
            return None, True
        count, seed = clause.tokens("INT")
        number = self.expressions.count(count, what="the size of a sample")
        start = self.expressions.count(seed, least=0, what="a seed")
        if number is None or start is None:
            return None, False
        return Sample(number, start), True

    def _crash(self, clause: Node | None, allowed: tuple[Then, ...]) -> tuple[Handling | None, bool]:
        if clause is None or clause.node("as_missing") is not None:
            return None, True
        handling = self.handling(clause, allowed, "a crash")
        return handling, handling is not None

    def handling(self, clause: Node, allowed: tuple[Then, ...], what: str) -> Handling | None:
        """What follows when something is missing."""
        word = clause.token("OUTCOME")
        then = Then(word.text)
        rerun = clause.node("rerun")
        reruns: int | None = 0
        if rerun is not None:
            reruns = self.expressions.count(rerun.token("INT"), most=MOST_RERUNS, what="the number of reruns")
        if then not in allowed:
            words = " or ".join(one.value for one in allowed)
            self.scope.report("P0412", f"'{then.value}' is no answer to {what} here", word, f"write: {words}")
            return None
        return None if reruns is None else Handling(reruns, then)

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

    # --- rules -------------------------------------------------------------------------------------------

    def _rule(self, block: Node) -> Rule | None:
        scope = self.scope
        clauses = scope.clauses(block, RULE_NEEDS)
        if not clauses.complete:
            return None
        judge = clauses.one("judge")
        judged_name, stage_name = judge.tokens("NAME")
        against = judge.node("against")
        judged = scope.refer(judged_name, "candidate")
        reference = scope.refer(against.token("NAME"), "candidate") if against else None
        stage = scope.refer(stage_name, "stage")
        require = self._condition(clauses.one("require").children[0], of_gate=False)
        missing = self.handling(clauses.one("missing"), RULE_OUTCOMES, "a missing value")
        crash, sound = self._crash(clauses.maybe("crash"), RULE_OUTCOMES)
        absent, absent_sound = self._absent(clauses)
        if judged is None or stage is None or require is None or missing is None or not sound or not absent_sound:
            return None
        if against is not None and reference is None:
            return None
        if judged == reference:
            scope.report("P0404", f"'{judged}' is judged against itself", judge, "name another reference")
            return None
        if reference is None and not self._stands_alone(require):
            message = "this compares with a reference, and the rule names none"
            scope.report("P0420", message, judge, "write: judge CANDIDATE against REFERENCE at STAGE")
            return None
        otherwise = clauses.maybe("otherwise_do")
        rule = Rule(
            name=block.token("NAME").text,
            frozen=block.node("frozen") is not None,
            seal=self.seal(block),
            judged=judged,
            reference=reference,
            stage=stage,
            require=require,
            missing=missing,
            crash=crash,
            absent=absent,
            otherwise=Then(otherwise.token("OTHERWISE").text) if otherwise else None,
            documentation=scope.tree.documentation(block),
            where=scope.where(block),
        )
        self.rules[rule.name] = rule
        return rule

    def _absent(self, clauses: Clauses) -> tuple[Then | None, bool]:
        clause = clauses.maybe("absent")
        if clause is None:
            return None, True
        then = Then(clause.token("OUTCOME").text)
        if then not in RULE_OUTCOMES:
            message = f"'{then.value}' is no answer to an absent candidate"
            self.scope.report("P0412", message, clause.token("OUTCOME"), "write: skip, stop or hold")
            return None, False
        return then, True

    @staticmethod
    def _stands_alone(condition: Condition) -> bool:
        return not any(
            isinstance(part, Difference | Equivalent) and part.reference is None for part in primitives(condition)
        )

    # --- conditions --------------------------------------------------------------------------------------

    def _condition(self, part: Node | Token, *, of_gate: bool) -> Condition | None:
        assert isinstance(part, Node)
        match part.kind:
            case "either" | "both":
                parts = [self._condition(child, of_gate=of_gate) for child in part.children]
                sound = tuple(one for one in parts if one is not None)
                if len(sound) != len(parts):
                    return None
                if len(sound) > MOST_CONDITIONS:
                    self.scope.report("P0308", f"more than {MOST_CONDITIONS} conditions in one", part)
                    return None
                return Either(sound) if part.kind == "either" else Both(sound)
            case "isnt":
                inner = self._condition(part.children[0], of_gate=of_gate)
                return None if inner is None else Isnt(inner)
            case "top" | "best":
                return self._place(part, of_gate=of_gate)
            case "level":
                sound_metric = self._is_metric(part.token("NAME"))
                bound = self.bound(part, Dimension.METRIC, example=f"at most 1.05{self.measure.unit}")
                statistic = Statistic(part.token("STATISTIC").text)
                return Level(statistic, bound) if bound and sound_metric else None
            case "difference":
                return self._difference(part, of_gate=of_gate)
            case "equivalent":
                return self._equivalent(part, of_gate=of_gate)
            case "agreement":
                return self._agreement(part)
            case _:
                return First()

    def _place(self, part: Node, *, of_gate: bool) -> Condition | None:
        """`top 3` and `best 25%`, with or without `per host`."""
        if not of_gate:
            hint = "rules judge by: gap, gain, a level, equivalent, rank agreement, first in every cell"
            self.scope.report("P0418", "places are given by gates, not by rules", part, hint)
            return None
        per = part.node("per")
        if per is not None and per.token("NAME").text != "host":
            self.scope.report("P0408", "places are given overall or per host", per, "write: per host")
            return None
        value = part.children[0]
        if part.kind == "top":
            count = self.expressions.count(value, what="the number to keep")
            return None if count is None else Top(count, per is not None)
        share = self.expressions.amount(value, Dimension.NUMBER, example="best 25%")
        if share is not None and not 0 < share < 1:
            self.scope.report("P0302", "the share to keep lies between 0% and 100%", value, "write: best 25%")
            return None
        return None if share is None else Best(share, per is not None)

    def _difference(self, part: Node, *, of_gate: bool) -> Difference | None:
        statistic, side = Statistic(part.token("STATISTIC").text), Side(part.token("SIDE").text)
        reference, sound = self._reference(part, of_gate=of_gate)
        bound = self.bound(part, Dimension.METRIC, example=f"at most 0.010{self.measure.unit}")
        test_node = part.node("test")
        test = self._test(test_node, statistic) if test_node else None
        if bound is None or not sound or (test_node is not None and test is None):
            return None
        if bound.kind is BoundKind.WITHIN and test_node is not None:
            hint = f"write: equivalent within {part.node('within') and 'MARGIN'} at 95% over cells"
            self.scope.report("P0417", "confidence in both directions is equivalence", test_node, hint)
            return None
        return Difference(statistic, side, reference, bound, test)

    def _equivalent(self, part: Node, *, of_gate: bool) -> Equivalent | None:
        reference, sound = self._reference(part, of_gate=of_gate)
        bound = self.bound(part, Dimension.METRIC, example=f"within 0.010{self.measure.unit}")
        test_node = part.node("test")
        assert test_node is not None
        test = self._test(test_node, Statistic.MEAN)
        if bound is None or test is None or not sound:
            return None
        if bound.value <= 0:
            self.scope.report("P0404", "no difference is known to lie within less than this", part, "widen the margin")
            return None
        if test.method not in (Method.T, Method.SIGMA):
            hint = "remove 'by ...', or declare sigma"
            self.scope.report("P0417", "equivalence is two one-sided t tests", test_node, hint)
            return None
        return Equivalent(reference, bound.value, test)

    def _reference(self, part: Node, *, of_gate: bool) -> tuple[str | None, bool]:
        """Whom a condition compares with; a gate must say, a rule says it in `judge`."""
        to = part.node("to")
        if to is None:
            if of_gate:
                hint = f"write: {part.kind} ... to {LEADER}, or to a candidate that is always kept"
                self.scope.report("P0420", "a gate must say what a gap is measured to", part, hint)
            return None, not of_gate
        name = to.token("NAME")
        if name.text == LEADER and LEADER not in self.scope.declared:
            return LEADER, True
        found = self.scope.refer(name, "candidate")
        return found, found is not None

    def _agreement(self, part: Node) -> Agreement | None:
        names = list(part.tokens("NAME"))
        found = self.scope.refer_all(names, "host", "stage")
        bound = self.bound(part, Dimension.NUMBER, example="at least 0.6")
        if bound is None or len(found) != len(names):
            return None
        kinds = {self.scope.declared[name].kind for name in found}
        if len(found) < 2 or len(kinds) != 1:
            hint = "write: rank agreement of HOST, HOST at least 0.6"
            self.scope.report("P0421", "rankings agree between two or more hosts, or stages", part, hint)
            return None
        if bound.kind is not BoundKind.AT_LEAST or not -1 <= bound.value <= 1:
            self.scope.report("P0421", "agreement (tau-b) lies between -1 and 1", part, "write: at least 0.6")
            return None
        return Agreement(found, kinds == {"host"}, bound)

    def bound(self, part: Node, *wanted: Dimension, example: str) -> Bound | None:
        """A bound of a quantity."""
        clause = part.node("within") or part.node("at_most") or part.node("at_least")
        assert clause is not None
        kind = BoundKind(clause.kind.replace("_", " "))
        value = self.expressions.amount(clause.children[0], *wanted, example=example)
        if value is not None and kind is BoundKind.WITHIN and value < 0:
            self.scope.report("P0404", "nothing lies within less than 0, so this can never hold", clause)
            return None
        return None if value is None else Bound(kind, value)

    def _test(self, part: Node, statistic: Statistic) -> Test | None:
        confidence = self.expressions.amount(part.children[0], Dimension.NUMBER, example="at 95% over cells")
        if confidence is None:
            return None
        if not HALF < confidence < 1:
            self.scope.report("P0302", "confidence lies between 50% and 100%", part, "write: at 95% over cells")
            return None
        sigma_node, method_node = part.node("sigma"), part.node("method")
        sigma = None
        if sigma_node is not None:
            example = f"with sigma 0.0013{self.measure.unit}"
            sigma = self.expressions.amount(sigma_node.children[0], Dimension.METRIC, example=example)
            if sigma is None or sigma <= 0:
                if sigma is not None:
                    self.scope.report("P0302", "a standard deviation is positive", sigma_node)
                return None
        method = self._method(method_node) if method_node else Method.SIGMA if sigma else Method.T
        if method is None:
            return None
        return self._fitting(part, statistic, Test(confidence, method, sigma))

    def _method(self, part: Node) -> Method | None:
        name = part.token("NAME")
        known = [one.value for one in Method if one is not Method.SIGMA]
        if name.text not in known:
            near = suggestion(name.text, known)
            hint = f"did you mean '{near}'?" if near else f"use one of: {', '.join(known)}"
            self.scope.report("P0417", f"there is no test called '{name.text}'", name, hint)
            return None
        return Method(name.text)

    def _fitting(self, part: Node, statistic: Statistic, test: Test) -> Test | None:
        """A test must be about the statistic that the condition names."""
        wanted = Statistic.MEDIAN if test.method is Method.WILCOXON else Statistic.MEAN
        if statistic is not wanted:
            message = f"{test.method.value} speaks of the {wanted.value}, not of the {statistic.value}"
            self.scope.report("P0417", message, part, f"write: {wanted.value} ...")
            return None
        if test.sigma is not None and test.method is not Method.SIGMA:
            hint = "remove 'by ...' or 'with sigma ...'"
            self.scope.report("P0417", f"{test.method.value} needs no sigma", part, hint)
            return None
        return test
