"""
Conditions from the tree: what gates and rules ask of candidates.

A gate names the candidate that a gap is measured to; a rule has one in its `judge` clause.
"""

from fractions import Fraction

from promo.base.diagnostics import Edit, did_you_mean
from promo.base.edits import line_after
from promo.base.source import Span
from promo.study.expressions import Expressions
from promo.study.judgement import (
    Agreement,
    Best,
    Both,
    Bound,
    BoundKind,
    Condition,
    Difference,
    Either,
    Equivalent,
    First,
    Isnt,
    Level,
    Method,
    Projected,
    Side,
    Statistic,
    Test,
    Top,
)
from promo.study.names import Scope
from promo.study.values import Measure
from promo.syntax.clauses import ARGUMENTS, LEADER, words
from promo.syntax.nodes import Node, Token

MOST_CONDITIONS = 32
MOST_KEPT = 10**9
HALF = Fraction(1, 2)


class Criteria:
    """Reads the conditions of one text."""

    def __init__(self, scope: Scope, expressions: Expressions, measure: Measure) -> None:
        self.scope, self.expressions, self.measure = scope, expressions, measure

    def condition(self, part: Node | Token, *, of_gate: bool) -> Condition | None:
        """What a clause asks of a candidate; *of_gate* where there is no `judge` clause that names a reference."""
        assert isinstance(part, Node)
        match part.kind:
            case "either" | "both":
                parts = [self.condition(child, of_gate=of_gate) for child in part.children]
                sound = tuple(one for one in parts if one is not None)
                if len(sound) != len(parts):
                    return None
                if len(sound) > MOST_CONDITIONS:
                    self.scope.report("P0308", f"more than {MOST_CONDITIONS} conditions in one", part)
                    return None
                return Either(sound) if part.kind == "either" else Both(sound)
            case "isnt":
                inner = self.condition(part.children[0], of_gate=of_gate)
                return None if inner is None else Isnt(inner)
            case "top" | "best":
                return self._place(part, of_gate=of_gate)
            case "level":
                sound_metric = self.is_metric(part.token("NAME"))
                bound = self.bound(part)
                statistic = self.statistic(part)
                return Level(statistic, bound) if bound and sound_metric else None
            case "difference":
                return self._difference(part, of_gate=of_gate)
            case "equivalent":
                return self._equivalent(part, of_gate=of_gate)
            case "agreement":
                return self._agreement(part)
            case "first":
                return First()
            case "projected":
                return self._projected(part)
        raise AssertionError(f"no condition is called {part.kind}")

    def statistic(self, part: Node) -> Statistic:
        """How the values of cells become one number."""
        return Statistic(part.token("STATISTIC").text)

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
        number = self.expressions.given(part)
        if number is None:
            return None
        counts, shares = number.denominator == 1 and 1 <= number <= MOST_KEPT, 0 < number < 1
        if counts if part.kind == "top" else shares:
            return Top(int(number), per is not None) if part.kind == "top" else Best(number, per is not None)
        self._no_place(part, "best" if shares else "top" if counts else "")
        return None

    def _no_place(self, part: Node, other: str) -> None:
        """A number that `top` or `best` cannot take; *other* is the word that can."""
        value = part.children[0]
        message = "the number to keep is a whole number from 1 up"
        if part.kind == "best":
            message = "the share to keep lies between 0% and 100%"
        if not other:
            self.scope.report("P0302", message, value, "write: top 3" if part.kind == "top" else "write: best 25%")
            return
        span = self.scope.span(part)
        edits = (Edit(Span(span.source, span.start, span.start + len(part.kind)), other),)
        self.scope.report("P0302", message, value, f"write: {line_after(edits)}", edits=edits)

    def _difference(self, part: Node, *, of_gate: bool) -> Difference | None:
        statistic, side = self.statistic(part), Side(part.token("SIDE").text)
        reference, sound = self._reference(part, of_gate=of_gate)
        bound = self.bound(part)
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
        bound = self.bound(part)
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
        found = self.scope.meant(to)
        return found, found is not None

    def _agreement(self, part: Node) -> Agreement | None:
        found = self.scope.all_meant(part)
        bound = self.bound(part)
        if bound is None or found is None:
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

    def _projected(self, part: Node) -> Projected | None:
        stage, by, bound = self.scope.meant(part), part.node("by_law_of"), self.bound(part)
        assert by is not None
        law = self.scope.meant(by)
        if stage is None or law is None or bound is None:
            return None
        if bound.kind is BoundKind.WITHIN:
            message = "the forecast of a law is compared with one side of a bound"
            self.scope.report("P0803", message, part, "write: at most, or at least")
            return None
        clauses = self.scope.declared[law].nodes("stages")
        return Projected(law, tuple(name.text for one in clauses for name in one.tokens("NAME")), stage, bound)

    def bound(self, part: Node) -> Bound | None:
        """The bound in a clause, of what the table of clauses says it is of."""
        clause = part.node("within") or part.node("at_most") or part.node("at_least")
        assert clause is not None
        kind = BoundKind(clause.kind.replace("_", " "))
        of = ARGUMENTS[part.kind].bound
        assert of is not None
        value = self.expressions.amount(clause.children[0], *of.dimensions, example=self.expressions.example(of))
        if value is not None and kind is BoundKind.WITHIN and value < 0:
            self.scope.report("P0404", "nothing lies within less than 0, so this can never hold", clause)
            return None
        return None if value is None else Bound(kind, value)

    def _test(self, part: Node, statistic: Statistic) -> Test | None:
        confidence = self.expressions.given(part)
        if confidence is None:
            return None
        if not HALF < confidence < 1:
            self.scope.report("P0302", "confidence lies between 50% and 100%", part, "write: at 95% over cells")
            return None
        sigma_node, method_node = part.node("sigma"), part.node("method")
        sigma = None
        if sigma_node is not None:
            sigma = self.expressions.given(sigma_node)
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
        known = words("method")
        if name.text not in known:
            hint = did_you_mean(name.text, known, f"use one of: {', '.join(known)}")
            self.scope.report("P0417", f"there is no test called '{name.text}'", name, hint)
            return None
        return Method(name.text)

    def _fitting(self, part: Node, statistic: Statistic, test: Test) -> Test | None:
        """A test must be about the statistic that the condition names."""
        wanted = Statistic.MEDIAN if test.method is Method.WILCOXON else Statistic.MEAN
        if statistic is not wanted:
            message = f"{test.method.value} tests the {wanted.value}, not the {statistic.value}"
            self.scope.report("P0417", message, part, f"write: {wanted.value} ...")
            return None
        if test.sigma is not None and test.method is not Method.SIGMA:
            hint = "remove 'by ...' or 'with sigma ...'"
            self.scope.report("P0417", f"{test.method.value} needs no sigma", part, hint)
            return None
        return test

    def is_metric(self, name: Token) -> bool:
        """Whether a name is that of the measured metric."""
        if name.text == self.measure.metric:
            return True
        edits = (Edit(self.scope.span(name), self.measure.metric),)
        message = f"this study measures '{self.measure.metric}', not '{name.text}'"
        self.scope.report("P0410", message, name, f"write {self.measure.metric}", edits=edits)
        return False
