"""
Reductions from the tree: the rule that takes factors out of a search once their effects are clear.

A reduction is a gate whose evidence is a table of effects.  What it may let on, the rows of its `into` design, is known
before anything runs, so that the plan lists and prices all of it; which rows go on is decided from the effects alone.
"""

from collections.abc import Mapping
from fractions import Fraction

from promo.base.canonical import exact
from promo.base.classes import evolve
from promo.study.conditions import Conditions
from promo.study.given import Level
from promo.study.judgement import BoundKind, Reduction, Then
from promo.study.names import Clauses, Scope
from promo.study.neighbours import Neighbourhoods
from promo.study.rules import Rules
from promo.study.values import Effects, Entrants
from promo.syntax.nodes import Node

OUTCOMES = (Then.STOP, Then.SKIP, Then.HOLD)


class Reductions:
    """Reads the reductions of one text."""

    def __init__(self, scope: Scope, conditions: Conditions, rules: Rules, near: Neighbourhoods) -> None:
        self.scope, self.conditions, self.rules, self.near = scope, conditions, rules, near
        self.reductions: dict[str, Reduction] = {}

    def read(self) -> None:
        """Read everything, in the order of the text."""
        for block in self.scope.of_kind("reduce"):
            self.scope.used.add(block.token("NAME").text)
            self.scope.guard(block, self._reduction)

    def _reduction(self, block: Node) -> Reduction | None:
        scope = self.scope
        clauses = scope.clauses(block)
        if not clauses.complete:
            return None
        effects, into = scope.meant(clauses.one("reads")), scope.meant(clauses.one("into"))
        least, sound = self._least(clauses)
        missing = self.rules.handling(clauses.one("missing"), OUTCOMES, "a missing value")
        seal = self.rules.seal(block)
        if effects is None or into is None or missing is None or not sound:
            return None
        near = self.near.found.get(into)
        around = self.rules.gates.get(near.of) if near is not None and near.gate else None
        if near is not None:
            rows: tuple[str, ...] | None = () if near.gate else near.of_any(near.near)
        else:
            rows = self.conditions.points_of(into, clauses.one("into"), reuse=True)
        if rows is None or (near is not None and near.gate and around is None):
            return None
        read = [name for clause in scope.declared[effects].nodes("stages") for name in clause.tokens("NAME")]
        sources = tuple(dict.fromkeys(one for name in read for one in scope.blocked.get(name.text, (name.text,))))
        found = Reduction(
            name=block.token("NAME").text,
            frozen=block.node("frozen") is not None,
            seal=seal,
            effects=effects,
            sources=sources,
            least=least,
            into=into,
            around=around.name if around else None,
            rows=rows,
            needs=(*sources, *((around.source,) if around and around.source not in sources else ())),
            missing=missing,
            documentation=scope.tree.documentation(block),
            where=scope.where(block),
        )
        self.reductions[found.name] = found
        return found

    def _least(self, clauses: Clauses) -> tuple[Fraction | None, bool]:
        """The smallest effect that fixes a factor; none when it only has to be discovered."""
        effect = clauses.one("fix").node("effect")
        if effect is None:
            return None, True
        bound = self.rules.criteria.bound(effect)
        if bound is None:
            return None, False
        if bound.kind is not BoundKind.AT_LEAST or bound.value <= 0:
            message = "a factor is fixed because its effect is large, so the bound is a least size above 0"
            self.scope.report("P0723", message, effect, "write: and effect at least 0.010bpb")
            return None, False
        return bound.value, True

    def settle(self, reach: Mapping[str, Entrants]) -> None:
        """Everyone who may go on around a gate, once it is known who comes before that gate."""
        for name, reduction in self.reductions.items():
            gate = self.rules.gates.get(reduction.around or "")
            if gate is not None and gate.source in reach:
                possible = reach[gate.source].possible
                rows = self.near.around(reduction.into, possible).of_any(possible)
                self.reductions[name] = evolve(reduction, rows=rows)

    def check(self, effects: Mapping[str, Effects]) -> None:
        """Each level that a factor may be fixed at is one that some row of the `into` design has."""
        for reduction in self.reductions.values():
            read = effects.get(reduction.effects)
            if read is None:
                continue
            design = self.conditions.designs.get(read.designs[0])
            if design is None:
                message = f"a reduction fixes factors of two levels, and '{read.designs[0]}' has others"
                hint = "promote rows with a gate instead"
                self.scope.report("P0727", message, reduction.where["reads"], hint)
                continue
            if reduction.into in self.near.found:
                continue
            there = [dict(self.conditions.candidates[name].levels) for name in reduction.rows]
            for factor, *levels in zip(design.factors, design.low, design.high, strict=True):
                lost: list[Level] = [level for level in levels if all(row[factor] != level for row in there)]
                if lost:
                    level = lost[0] if isinstance(lost[0], str) else exact(lost[0])
                    message = f"'{reduction.into}' has no row with {factor} {level}, where it may be fixed"
                    hint = "vary it there between the levels of the screen"
                    self.scope.report("P0723", message, reduction.where["into"], hint)
