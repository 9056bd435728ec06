"""
Baselines: other ways to choose from the same conditions, given exactly the budget of a stage.

Both draw from every combination of a design's levels, also those that a fraction leaves out, and train each condition
in the cells and for the budget of the matched stage.  A random baseline (`seed`) is one stage: its conditions are drawn
by hash before anything runs.  A greedy walk (`from default`) is a chain of stages of one condition each: who enters the
next follows from the values so far, and the plan lists everyone who could.
"""

import hashlib

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

    def __init__(
        self,
        scope: Scope,
        expressions: Expressions,
        conditions: Conditions,
        stages: dict[str, Stage],
        reach: dict[str, Entrants],
    ) -> None:
        """*stages* and *reach* take the stages that baselines come to, and who enters those."""
        self.scope, self.expressions, self.conditions = scope, expressions, conditions
        self.stages, self.reach = stages, reach
        self.baselines: dict[str, Baseline] = {}
        self.steps: dict[str, Step] = {}

    def read(self) -> None:
        """Read everything, and put the stages that baselines come to behind the others."""
        for block in self.scope.of_kind("baseline"):
            self.scope.used.add(block.token("NAME").text)
            self.scope.guard(block, self._baseline)

    def _baseline(self, block: Node) -> Baseline | None:
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
        if matched not in self.stages or matched not in self.reach:
            return None
        if self.stages[matched].continues is not None:
            message = f"'{matched}' continues runs, so fresh runs at its cost do not match it"
            scope.report("P0725", message, clauses.one("matched"), "match a stage that trains from scratch")
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
        count = self.reach[matched].planned
        made = self._walk(found, design, count) if draw is None else self._random(found, design, count)
        if made is not None:
            self.baselines[found.name] = made
        return made

    def _random(self, found: Baseline, design: Design, count: int) -> Baseline | None:
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
        if len(sound) != len(names) or not self._free(found, found.name):
            return None
        self.stages[found.name] = self._stage(found, found.name, None, tuple(sound))
        self.reach[found.name] = Entrants(tuple(sound), len(sound), len(sound), frozenset(sound))
        return evolve(found, stages=(found.name,), conditions=sound)

    def _walk(self, found: Baseline, design: Design, count: int) -> Baseline | None:
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
            if not self._free(found, name):
                return None
            apart = {one: sum(a != b for a, b in zip(row, start, strict=True)) for one, row in sound.items()}
            possible = [one for one, steps in apart.items() if 0 < steps < number]
            after = name if number > 1 else None
            self.stages[name] = self._stage(found, name, after, (first,) if number == 1 else ())
            if number == 1:
                self.reach[name] = Entrants((first,), 1, 1, frozenset((first,)))
            else:
                self.reach[name] = Entrants(tuple(possible), min(1, len(possible)), min(1, len(possible)), frozenset())
                self.steps[name] = Step(name, found.name, tuple(before))
            before.append(name)
        return evolve(found, stages=tuple(before), start=first, conditions=sound)

    def _free(self, found: Baseline, name: str) -> bool:
        taken = name in self.stages or (name != found.name and name in self.scope.declared)
        if taken:
            self.scope.report(
                "P0202",
                f"the baseline needs a stage '{name}', which is declared as something else",
                found.where["name"],
            )
        return not taken

    def _stage(self, found: Baseline, name: str, after: str | None, candidates: tuple[str, ...]) -> Stage:
        """A stage with the cells and the budget of the matched one; runs that both have are trained once."""
        matched = self.stages[found.matched]
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
