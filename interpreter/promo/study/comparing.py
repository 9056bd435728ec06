"""
Clauses to comparisons: what the effects of a factor of more than two levels are.

Where a text says nothing, numbers have a trend, over logarithms where the levels are in a constant ratio (1, 2, 4), and
words are held against the factor's default, or else the first of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction

from promo.base.canonical import exact
from promo.study.coding import scaled, usual
from promo.study.given import Level
from promo.study.names import Scope
from promo.study.space import Against, Array, Comparing, Factor, Trend
from promo.syntax.nodes import Node, Token

MOST_CONTRASTS = 120
"""Of all factors of a design together."""


class Comparisons:
    """Reads the contrasts of one text."""

    def __init__(
        self, scope: Scope, factors: Mapping[str, Factor], level: Callable[[str, Node | Token], Level | None]
    ) -> None:
        self.scope, self.factors, self.level = scope, factors, level

    def read(self, clauses: Iterable[Node], block: Node, array: Array) -> tuple[Comparing, ...] | None:
        """Of every factor of more than two levels, in the order of the factors."""
        levels = dict(zip(array.factors, array.levels, strict=True))
        total = sum(len(one) - 1 for one in array.levels)
        if total > MOST_CONTRASTS:
            message = f"the levels of '{array.name}' make {total} contrasts, and {MOST_CONTRASTS} is the most"
            self.scope.report("P0721", message, self.scope.where(block)["model"], "vary fewer levels")
            return None
        said: dict[str, Comparing] = {}
        for clause in clauses:
            one = self._one(clause, levels)
            if one is None:
                return None
            if one.factor in said:
                message = f"'{one.factor}' has a contrast already"
                self.scope.report("P0210", message, clause.token("NAME"), "remove one")
                return None
            said[one.factor] = one
        many = {factor: some for factor, some in levels.items() if len(some) > 2}
        return tuple(said.get(factor) or self._unsaid(factor, some) for factor, some in many.items())

    def _one(self, clause: Node, levels: Mapping[str, Sequence[Level]]) -> Comparing | None:
        name = self.scope.meant(clause)
        if name is None:
            return None
        some = levels.get(name, ())
        if len(some) < 3:
            message = f"'{name}' has two levels, and its effect is the second less the first"
            message = message if some else f"'{name}' is not varied here"
            self.scope.report("P0721", message, clause.token("NAME"), "remove it")
            return None
        trend = clause.node("trend")
        return self._against(name, clause, some) if trend is None else self._trend(name, trend, some)

    def _against(self, name: str, clause: Node, levels: Sequence[Level]) -> Against | None:
        at = clause.node("level_against")
        level = None if at is None else self.level(name, at.children[0])
        if at is None or level is None:
            return None
        if level not in levels:
            shown = level if isinstance(level, str) else exact(level)
            message = f"no row has {name} {shown}, so nothing can be compared with it"
            self.scope.report("P0721", message, at, "choose one of the levels that are varied")
            return None
        return Against(name, level)

    def _trend(self, name: str, clause: Node, levels: Sequence[Level]) -> Trend | None:
        log = clause.node("log") is not None
        fault = ""
        if any(isinstance(level, str) for level in levels):
            fault = f"'{name}' takes words, which have no trend"
        elif log and min(Fraction(level) for level in levels) <= 0:
            fault = f"a level of '{name}' is not above zero, and has no logarithm"
        elif len(set(scaled(levels, log=log))) < len(levels):
            fault = f"levels of '{name}' are too close together for a trend over logarithms"
        if fault:
            self.scope.report("P0721", fault, clause, "compare levels with one of them: contrast NAME against LEVEL")
            return None
        return Trend(name, log)

    def _unsaid(self, name: str, levels: Sequence[Level]) -> Comparing:
        default = self.factors[name].default if name in self.factors else None
        return usual(name, levels, default)
