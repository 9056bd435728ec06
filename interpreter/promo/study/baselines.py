"""
Baselines: other ways to choose from the same conditions, given exactly the budget of a stage.

Both draw from every combination of a design's levels, also those that a fraction leaves out, and train each condition
in the cells and for the budget of the matched stage.  A random baseline (`seed`) is one stage: its conditions are drawn
by hash before anything runs.  A greedy walk (`from default`) is a chain of stages of one condition each: who enters the
next follows from the values so far, and the plan lists everyone who could.
"""

import hashlib
from collections.abc import Mapping

from promo.base.classes import evolve
from promo.study.conditions import Conditions
from promo.study.design import standard_rows
from promo.study.expressions import Expressions
from promo.study.judgement import Step
from promo.study.names import Scope
from promo.study.rivals import Baseline
from promo.study.space import Design
from promo.study.values import Entrants, Stage
from promo.syntax.nodes import Node

MOST_FACTORS = 8
"""Of a walk: every condition that it could come to is resolved beforehand."""
MOST_DRAWN_FROM = 12
"""Factors of the space of a random baseline."""


class Baselines:
    """Reads the baselines of one text, once it is known who enters its stages."""

    def __init__(self, scope: Scope, expressions: Expressions, conditions: Conditions) -> None:
        self.scope, self.expressions, self.conditions = scope, expressions, conditions
        self.baselines: dict[str, Baseline] = {}
        self.steps: dict[str, Step] = {}

    def read(self, stages: dict[str, Stage], reach: dict[str, Entrants]) -> None:
        """Read everything, and put the stages that baselines come to behind the others."""
        for block in self.scope.of_kind("baseline"):
            self.scope.used.add(block.token("NAME").text)
            self.scope.guard(block, lambda one: self._baseline(one, stages, reach))

    def _baseline(self, block: Node, stages: dict[str, Stage], reach: dict[str, Entrants]) -> Baseline | None:
        scope = self.scope
        clauses = scope.clauses(block)
        if not clauses.complete:
            return None
        draw, walk = clauses.maybe("draw"), clauses.maybe("walk")
        if (draw is None) is (walk is None):
            message = "a baseline either draws at random or walks from the defaults"
            scope.report("P0725", message, scope.naming(block), "write one of: seed 7  or  from default")
            return None
        space, matched = scope.meant(clauses.one("space")), scope.meant(clauses.one("matched"))
        seed = self.expressions.count_given(draw, least=0, what="a seed") if draw else None
        if space is None or matched is None or (draw is not None and seed is None):
            return None
        design = self.conditions.designs.get(space)
        if design is None:
            mixed = space in self.conditions.arrays
            why = "has factors with more than two levels" if mixed else "has no rows to draw from"
            hint = "name a design of two levels" if mixed else "name a design with rows"
            scope.report("P0727" if mixed else "P0724", f"'{space}' {why}", clauses.one("space"), hint)
            return None
        if matched not in stages or matched not in reach:
            return None
        if stages[matched].continues is not None:
            message = f"'{matched}' continues runs, so fresh runs at its cost do not match it"
            scope.report("P0725", message, clauses.one("matched"), "match a stage that trains afresh")
            return None
        found = Baseline(
            name=block.token("NAME").text,
            space=space,
            matched=matched,
            seed=seed,
            stages=(),
            start=None,
            conditions={},
            documentation=scope.tree.documentation(block),
            where=scope.where(block),
        )
        count = reach[matched].planned
        if draw is not None:
            found_or_none = self._random(found, design, count, stages, reach)
        else:
            found_or_none = self._walk(found, design, count, stages, reach)
        if found_or_none is not None:
            self.baselines[found.name] = found_or_none
        return found_or_none

    def _random(
        self, found: Baseline, design: Design, count: int, stages: dict[str, Stage], reach: dict[str, Entrants]
    ) -> Baseline | None:
        size = 2 ** len(design.factors)
        if len(design.factors) > MOST_DRAWN_FROM or count > size:
            message = (
                f"{count} conditions of '{found.matched}' cannot be matched by drawing from the {size} of the space"
            )
            self.scope.report("P0725", message, found.where["space"], "name a space of at least as many, up to 2^12")
            return None
        rows = standard_rows(design.factors, {})

        def lot(number: int) -> str:
            return hashlib.sha256(f"{found.seed}/{found.name}/{number}".encode()).hexdigest()

        drawn = sorted(sorted(range(size), key=lot)[:count])
        names = [
            self.conditions.at(found.name, design, rows[number], number + 1, found.where["name"]) for number in drawn
        ]
        sound = {name: rows[number] for name, number in zip(names, drawn, strict=True) if name is not None}
        if len(sound) != len(names) or not self._free(found, found.name, stages):
            return None
        stages[found.name] = self._stage(found, stages[found.matched], found.name, None, tuple(sound))
        reach[found.name] = Entrants(tuple(sound), len(sound), len(sound), frozenset(sound))
        return evolve(found, stages=(found.name,), conditions=sound)

    def _walk(
        self, found: Baseline, design: Design, count: int, stages: dict[str, Stage], reach: dict[str, Entrants]
    ) -> Baseline | None:
        if len(design.factors) > MOST_FACTORS:
            message = f"a walk over {len(design.factors)} factors could reach too many conditions"
            self.scope.report("P0725", message, found.where["space"], f"walk over {MOST_FACTORS} factors at most")
            return None
        start = []
        for factor, low, high in zip(design.factors, design.low, design.high, strict=True):
            default = self.conditions.factors[factor].default
            if default not in (low, high):
                message = f"the default of '{factor}' is not a level of '{design.name}', so the walk cannot begin there"
                self.scope.report("P0725", message, found.where["walk"], "give the factor a default among its levels")
                return None
            start.append(1 if default == high else -1)
        rows = standard_rows(design.factors, {})
        at = found.where["name"]
        names = [self.conditions.at(found.name, design, row, number, at) for number, row in enumerate(rows, start=1)]
        sound = {name: row for name, row in zip(names, rows, strict=True) if name is not None}
        if len(sound) != len(rows):
            return None
        first = next(name for name, row in sound.items() if row == tuple(start))
        before: list[str] = []
        for number in range(1, count + 1):
            name = f"{found.name}_step_{number}"
            if not self._free(found, name, stages):
                return None
            possible = [one for one, row in sound.items() if 0 < _distance(row, tuple(start)) < number]
            after = name if number > 1 else None
            stages[name] = self._stage(found, stages[found.matched], name, after, (first,) if number == 1 else ())
            if number == 1:
                reach[name] = Entrants((first,), 1, 1, frozenset((first,)))
            else:
                reach[name] = Entrants(tuple(possible), min(1, len(possible)), min(1, len(possible)), frozenset())
                self.steps[name] = Step(name, found.name, tuple(before))
            before.append(name)
        return evolve(found, stages=tuple(before), start=first, conditions=sound)

    def _free(self, found: Baseline, name: str, stages: Mapping[str, Stage]) -> bool:
        taken = name in stages or (name != found.name and name in self.scope.declared)
        if taken:
            self.scope.report(
                "P0202",
                f"the baseline needs a stage '{name}', which is declared as something else",
                found.where["name"],
            )
        return not taken

    def _stage(
        self, found: Baseline, matched: Stage, name: str, after: str | None, candidates: tuple[str, ...]
    ) -> Stage:
        """A stage with the cells and the budget of the matched one; runs that both have are trained once."""
        return evolve(
            matched,
            name=name,
            after=after,
            promoted=after is not None,
            candidates=candidates,
            beside=matched.name,
            around=None,
            shared_seeds=True,
            report_only=True,
            expected_runs=None,
            documentation=found.documentation,
            where={"name": found.where["name"]},
        )


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))
