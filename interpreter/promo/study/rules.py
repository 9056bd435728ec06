"""
Gates and rules from the tree: whom they are about, what is missing, what breaks ties.

A gate must say everything a decision needs (from, rank, keep, missing, crash, ties); promo supplies no default for a
decision.
"""

from fractions import Fraction

from promo.base.diagnostics import Label, did_you_mean
from promo.study.criteria import Criteria
from promo.study.expressions import Expressions, unquoted
from promo.study.judgement import (
    Against,
    Answer,
    Best,
    BestOf,
    Condition,
    Demand,
    Difference,
    Equivalent,
    First,
    Gate,
    Guard,
    Handling,
    Judged,
    Promoted,
    Rule,
    Sample,
    Statistic,
    Then,
    TieBreak,
    Top,
    Watched,
    primitives,
)
from promo.study.names import Clauses, Scope
from promo.study.values import Measure
from promo.syntax.clauses import PHASES, words
from promo.syntax.nodes import Node, Token

MOST_RERUNS = 9

GATE_OUTCOMES = (Then.DROP, Then.STOP, Then.HOLD)
GATE_CRASHES = (Then.DROP, Then.STOP, Then.HOLD, Then.WORST)
RULE_OUTCOMES = (Then.STOP, Then.SKIP, Then.HOLD)
GUARD_OUTCOMES = (Then.DROP, Then.STOP)


class Rules:
    """Reads the gates and rules of one text."""

    def __init__(self, scope: Scope, expressions: Expressions, measure: Measure) -> None:
        self.scope, self.expressions, self.measure = scope, expressions, measure
        self.criteria = Criteria(scope, expressions, measure)
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
        clauses = scope.clauses(block)
        if not clauses.complete:
            return None
        source, target = (scope.meant(clauses.one("route"), place) for place in (0, 1))
        statistic = self._rank(clauses.one("rank"))
        keep = self.criteria.condition(clauses.one("keep").children[0], of_gate=True)
        allowance = self._allowance(clauses.maybe("allow"))
        always = clauses.maybe("always")
        kept = scope.all_meant(always) if always else ()
        demands = [self._demand(clause) for clause in clauses.all("demand")]
        guards = [self._guard(clause) for clause in clauses.all("guard")]
        sample, sound = self._sample(clauses.maybe("sample"))
        missing = self.handling(clauses.one("missing"), GATE_OUTCOMES, "a missing value")
        crash, crash_sound = self._crash(clauses.one("crash"), GATE_CRASHES)
        ties = self._ties(clauses.one("ties"))
        if source is None or target is None or statistic is None or keep is None or missing is None or ties is None:
            return None
        if allowance is None or not sound or not crash_sound or kept is None:
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
        statistic = self.criteria.statistic(clause)
        metric, *over = clause.tokens("NAME")
        sound = self.criteria.is_metric(metric)
        if statistic is Statistic.EVERY:
            message = "'every' gives no single number to rank by"
            scope.report("P0409", message, clause.token("STATISTIC"), "use mean, median or worst")
            sound = False
        cell = words("rank", 1)
        unknown = next((name for name in over if name.text not in cell), None)
        if unknown is not None:
            hint = did_you_mean(unknown.text, cell, "cells are made of host and seed")
            scope.report("P0408", f"cells have no part called '{unknown.text}'", unknown, hint)
            return None
        if {name.text for name in over} != set(cell) or len(over) != len(cell):
            scope.report("P0407", "a gate pools all cells of a stage", clause, "write: over host, seed")
            sound = False
        return statistic if sound else None

    def _allowance(self, clause: Node | None) -> Fraction | None:
        if clause is None:
            return Fraction(0)
        amount = self.expressions.given(clause)
        if amount is not None and amount < 0:
            hint = f"write it like this: allow 0.04{self.measure.unit}"
            self.scope.report("P0302", "an allowance is not negative", clause, hint)
            return None
        return amount

    def _demand(self, clause: Node) -> Demand | None:
        condition = self.criteria.condition(clause.children[0], of_gate=True)
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
        instead = self.criteria.condition(otherwise.children[0], of_gate=True)
        return None if instead is None else Demand(condition, instead)

    def _guard(self, clause: Node) -> Guard | None:
        name = clause.token("NAME")
        known = words("guard")
        if name.text not in known:
            hint = did_you_mean(name.text, known, f"use one of: {', '.join(known)}")
            self.scope.report("P0419", f"no run has a '{name.text}' to watch", name, hint)
            return None
        bound = self.criteria.bound(clause)
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
        number = self.expressions.count_given(clause, 0, what="the size of a sample")
        start = self.expressions.count_given(clause, 1, least=0, what="a seed")
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
            reruns = self.expressions.count_given(rerun, most=MOST_RERUNS, what="the number of reruns")
        if then not in allowed:
            words = " or ".join(one.value for one in allowed)
            self.scope.report("P0412", f"'{then.value}' is not an answer to {what} here", word, f"write: {words}")
            return None
        return None if reruns is None else Handling(reruns, then)

    def _ties(self, clause: Node) -> tuple[TieBreak, ...] | None:
        scope = self.scope
        known = words("ties")
        breaks: list[TieBreak] = []
        for name in clause.tokens("NAME"):
            if name.text not in known:
                hint = did_you_mean(name.text, known, f"use: {', '.join(known)}")
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
        clauses = scope.clauses(block)
        if not clauses.complete:
            return None
        judge = clauses.one("judge")
        against = judge.node("against")
        judged_at = judge.node("judged_at")
        assert judged_at is not None
        judged, stage = self._judged(judge), scope.meant(judged_at)
        reference = scope.meant(against) if against else None
        require = self.criteria.condition(clauses.one("require").children[0], of_gate=False)
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
            answers=self._answers(block, clauses),
            documentation=scope.tree.documentation(block),
            where=scope.where(block),
        )
        self.rules[rule.name] = rule
        return rule

    def _judged(self, judge: Node) -> Judged | None:
        """Whom a rule is about."""
        best = judge.node("best_of")
        if best is not None:
            stage = self.scope.meant(best)
            return None if stage is None else BestOf(stage)
        return Promoted() if judge.node("promoted") is not None else self.scope.meant(judge)

    def _absent(self, clauses: Clauses) -> tuple[Then | None, bool]:
        clause = clauses.maybe("absent")
        if clause is None:
            return None, True
        then = Then(clause.token("OUTCOME").text)
        if then not in RULE_OUTCOMES:
            message = f"'{then.value}' is not an answer to an absent candidate"
            self.scope.report("P0412", message, clause.token("OUTCOME"), "write: skip, stop or hold")
            return None, False
        return then, True

    def _answers(self, block: Node, clauses: Clauses) -> dict[Answer, str]:
        """What the spec has a report say, by what the rule finds."""
        scope = self.scope
        said: dict[Answer, Node] = {}
        for clause in clauses.all("answer"):
            token = clause.token("ANSWER")
            first = said.setdefault(Answer(token.text), clause)
            if first is not clause:
                label = Label(scope.span(first), "first given here")
                message = f"{scope.title(block)} says 'answer {token.text}' twice"
                scope.report("P0206", message, clause, "keep one of them", labels=(label,))
        return {answer: unquoted(clause.token("STRING")) for answer, clause in said.items()}

    @staticmethod
    def _stands_alone(condition: Condition) -> bool:
        return not any(
            isinstance(part, Difference | Equivalent) and part.reference is None for part in primitives(condition)
        )
