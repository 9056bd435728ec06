"""Laws from the tree: which runs they are fitted to, what they are a function of, and how far they may be asked."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from promo.study.conditions import Conditions
from promo.study.expressions import Expressions
from promo.study.foretelling import lies_on_none, place
from promo.study.laws import Form, Law
from promo.study.names import Clauses, Scope
from promo.study.values import BudgetKind, Entrants, Measure, Mode, Stage, whole
from promo.syntax.clauses import words
from promo.syntax.nodes import Node

FORMS = {
    ("compute",): Form.COMPUTE,
    ("compute", "shift"): Form.SHIFTED,
    ("data", "size"): Form.SIZE_AND_DATA,
}
"""Words of a form, sorted -> what they mean."""
TELLS_TOKENS = frozenset({BudgetKind.TOKENS, BudgetKind.FLOPS})
"""Budgets that say how many tokens a model sees."""


class Scaling:
    """Reads the laws of one text."""

    def __init__(
        self,
        scope: Scope,
        expressions: Expressions,
        conditions: Conditions,
        measure: Measure,
        stages: Mapping[str, Stage],
        reach: Mapping[str, Entrants],
    ) -> None:
        """*reach*: who can enter the stages."""
        self.scope, self.expressions, self.conditions, self.measure = scope, expressions, conditions, measure
        self.stages, self.reach = stages, reach
        self.laws: dict[str, Law] = {}

    def read(self) -> dict[str, Law]:
        """All laws that are sound, by name."""
        for block in self.scope.of_kind("law"):
            self.scope.used.add(block.token("NAME").text)
            self.scope.guard(block, self._law)
        return self.laws

    def _law(self, block: Node) -> Law | None:
        scope, clauses = self.scope, self.scope.clauses(block)
        if not clauses.complete:
            return None
        of, named = scope.all_meant(clauses.one("fitted_to")), scope.all_meant(clauses.one("stages"))
        held_out = clauses.maybe("held_out")
        held = None if held_out is None else scope.meant(held_out)
        form, numbers = self._form(clauses.one("form")), self._numbers(clauses)
        if of is None or named is None or form is None or numbers is None or (held_out and held is None):
            return None
        candidates = tuple(dict.fromkeys(self.conditions.members(of)))
        if any(name not in self.stages or name not in self.reach for name in (*named, *((held,) if held else ()))):
            return None
        law = Law(
            name=block.token("NAME").text,
            candidates=candidates,
            stages=named,
            form=form,
            held=held,
            reach=numbers[0],
            draws=numbers[1],
            seed=numbers[2],
            documentation=scope.tree.documentation(block),
            where=scope.where(block),
        )
        sound = self._sound_stages(law, clauses) and self._enter(law, clauses)
        if not sound or not self._enough(law, clauses):
            return None
        self.laws[law.name] = law
        return law

    def _form(self, clause: Node) -> Form | None:
        known, said = words(clause.kind), list(clause.tokens("NAME"))
        form = FORMS.get(tuple(sorted({word.text for word in said})))
        if form is None:
            strange = next((word for word in said if word.text not in known), clause)
            self.scope.report("P0810", "a law is of compute, or of size and data", strange, "write: form compute")
        return form

    def _numbers(self, clauses: Clauses) -> tuple[int, int, int] | None:
        reach = self.expressions.count(clauses.one("reach").token("INT"), least=1, what="a reach")
        draws, seed = clauses.one("draws").tokens("INT")
        count = self.expressions.count(draws, least=1, what="the number of draws")
        of = self.expressions.count(seed, least=0, what="a seed")
        return None if reach is None or count is None or of is None else (reach, count, of)

    def _sound_stages(self, law: Law, clauses: Clauses) -> bool:
        """Runs of one kind: each trained afresh, or cooled down from a trunk, on budgets of one unit."""
        scope, stages, at, read = self.scope, self.stages, clauses.one("stages"), law.every_stage
        if not self.measure.lower_is_better:
            scope.report(
                "P0811", "a law is of a measure that falls during training", clauses.one("form"), "rank a loss"
            )
            return False
        for name in read:
            if stages[name].mode is Mode.CONTINUE:
                message = f"runs of '{name}' continue runs whose rate had decayed, so they are not points of one law"
                scope.report("P0811", message, at, "take stages that train from scratch, or branch from a trunk")
                return False
        kinds = {stages[name].budget.kind for name in read}
        if len(kinds) > 1:
            scope.report("P0811", "the stages of a law have budgets of different units", at, "take stages of one unit")
            return False
        if len({stages[name].cooldown for name in read}) > 1:
            message = "the runs of a law cool down by different shares, so they do not lie on one"
            scope.report("P0811", message, at, "take stages of one share: cooldown 25%")
            return False
        if law.form is Form.SIZE_AND_DATA and not kinds <= TELLS_TOKENS:
            message = "a law of size and data needs budgets of tokens or operations"
            scope.report("P0811", message, at, "write: train ... for 10Mtok")
            return False
        sizes = [self.conditions.candidates[name].effective for name in law.candidates]
        if law.form is Form.SIZE_AND_DATA and any(one.parameters <= 0 for one in sizes):
            message = "a law of size and data needs the size of each model, and nothing gives it"
            hint = "write: form compute; or, of recorded curves, declare a factor whose unit is parameters"
            scope.report("P0811", message, clauses.one("form"), hint)
            return False
        return True

    def _enter(self, law: Law, clauses: Clauses) -> bool:
        """Every candidate may enter a stage of the law, and its runs there are points of one."""
        strange = next(filter(None, (lies_on_none(self.conditions.candidates[name]) for name in law.candidates)), "")
        if strange:
            hint = "fit the law to candidates that train from scratch and keep their shape"
            self.scope.report("P0811", strange, clauses.one("fitted_to"), hint)
            return False
        there = {name for stage in law.stages for name in self.reach[stage].possible}
        absent = next((name for name in law.candidates if name not in there), None)
        if absent is not None:
            message = f"'{absent}' enters no stage that the law is fitted to"
            self.scope.report("P0811", message, clauses.one("fitted_to"), "train it there, or leave it out")
        return absent is None

    def _places(self, law: Law) -> Iterator[tuple[Fraction, ...]]:
        """Where its runs are measured, if all of them are: at a budget, or at size and data."""
        for stage in law.stages:
            for name in self.reach[stage].possible:
                if name in law.candidates:
                    yield place(self.stages, stage, self.conditions.candidates[name], law.form)

    def _enough(self, law: Law, clauses: Clauses) -> bool:
        """As many places as parameters, and a test that lies beyond them."""
        scope, stages = self.scope, self.stages
        budgets = [whole(stages, stages[name]) for name in law.stages]
        places, needed = set(self._places(law)), len(law.form.names)
        if not law.form.told_by(places):
            message = f"a law of {needed} parameters needs {needed} budgets, and there are {len(places)}"
            hint = "name stages of more budgets"
            if law.form is Form.SIZE_AND_DATA:
                message = (
                    "a law of size and data needs three sizes and three amounts of data, and a size at two amounts"
                )
                hint = "name candidates of more sizes, or stages of more budgets"
            scope.report("P0813", message, clauses.one("stages"), hint)
            return False
        if law.held is not None and not max(budgets) < whole(stages, stages[law.held]) <= law.reach * max(budgets):
            message = f"a test lies beyond the budgets of a law, and within its reach of {law.reach} times"
            at = clauses.one("held_out")
            scope.report("P0812", message, at, "name a stage of a larger budget, or a longer reach")
            return False
        return True
