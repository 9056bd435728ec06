"""
Neighbourhoods: conditions one step away from others, for local refinement.

The neighbours of a condition differ from it in one factor, at one of the levels that `vary` names.  Around a cohort
they are known from the text.  Around a gate, who stands in the middle is what the gate promotes; every neighbour of
everyone who may be promoted is resolved and listed beforehand, and the verdict only selects among them.
"""

from collections.abc import Iterable

from promo.base.classes import evolve
from promo.study.conditions import Conditions
from promo.study.given import Level
from promo.study.names import Scope
from promo.study.space import Neighbourhood
from promo.study.values import Candidate
from promo.syntax.nodes import Node


class Neighbourhoods:
    """Reads `design NAME neighbours of WHO` of one text."""

    def __init__(self, scope: Scope, conditions: Conditions) -> None:
        self.scope, self.conditions = scope, conditions
        self.found: dict[str, Neighbourhood] = {}

    def read(self) -> None:
        """Read everything; candidates and cohorts are known."""
        for block in self.scope.of_kind("design"):
            if block.node("neighbours") is not None:
                self.scope.guard(block, self._neighbourhood)

    def _neighbourhood(self, block: Node) -> Neighbourhood | None:
        scope = self.scope
        clauses = scope.clauses(block)
        near = block.node("neighbours")
        assert near is not None
        of = scope.meant(near)
        extra = next(
            (one for kind in ("alias", "clear", "without", "expect_resolution") for one in clauses.all(kind)), None
        )
        if extra is not None:
            message = "neighbours have no columns, so only 'vary' applies to them"
            scope.report("P0724", message, extra, "remove this clause")
            return None
        if of is None or not clauses.complete:
            return None
        levels: dict[str, tuple[Level, ...]] = {}
        for vary in clauses.all("vary"):
            name = scope.meant(vary)
            listed = vary.node("list")
            ends = vary.children[1:3] if listed is None else listed.children
            if name is not None and (vary.node("range") is not None or not ends):
                message = f"neighbours move '{name}' to levels that are named, one by one"
                scope.report("P0724", message, vary, f"write: vary {name} low ... high ..., or: in [ ... ]")
                return None
            parts = [*ends, *(one.children[0] for one in vary.nodes("centre"))]
            given = [self.conditions.levels.level(name, part) for part in parts] if name else [None]
            if name is None or name in levels or None in given:
                if name in levels:
                    scope.report("P0210", f"'{name}' is varied twice", vary.token("NAME"), "remove one")
                return None
            levels[name] = tuple(dict.fromkeys(level for level in given if level is not None))
        found = Neighbourhood(
            name=block.token("NAME").text,
            of=of,
            gate=scope.declared[of].kind == "gate",
            levels=tuple(levels.items()),
            near={},
            where=scope.where(block),
        )
        self.found[found.name] = found
        if not found.gate:
            self.around(found.name, self.conditions.cohorts.get(of, ()))
        return found

    def around(self, name: str, middles: Iterable[str]) -> Neighbourhood:
        """A neighbourhood with the neighbours of some candidates, which become candidates themselves."""
        known = self.found[name]
        made = dict(known.near)
        for middle in middles:
            if middle not in made and middle in self.conditions.candidates:
                made[middle] = self._neighbours(known, self.conditions.candidates[middle])
        self.found[name] = evolve(known, near=made)
        return self.found[name]

    def _neighbours(self, known: Neighbourhood, middle: Candidate) -> tuple[str, ...]:
        mine = dict(middle.levels)
        steps = [(factor, level) for factor, levels in known.levels for level in levels if level != mine[factor]]
        names = (self.conditions.beside(known.name, middle, *step, known.where["name"]) for step in steps)
        return tuple(name for name in names if name is not None)
