"""
What the built-in runner `recorded` says of itself.

It stands for runs that others have trained, so that a spec can be checked, planned and frozen without their table;
`promo replay` brings the table along.  A condition is known there by a name, which is the factor `config`; or a spec
declares any other factors, and each is a column of the table.  How large a model was is said by a factor whose unit is
`parameters`: a column like the others, or beside `config` what the spec alone says.
"""

from collections.abc import Mapping
from typing import Final

from promo.base.canonical import exact
from promo.base.classes import evolve, frozen
from promo.study.given import Level
from promo.study.limits import BudgetKind
from promo.study.ports import ConditionError, Runner, RunnerFactor, RunnerMetric
from promo.study.values import Effective

FACTORS: Mapping[str, RunnerFactor] = {
    "config": RunnerFactor("label", "", meaning="name of the condition in the table of recorded curves"),
}

SIZE = "parameters"
"""Unit of a factor that tells how large a model is."""


@frozen
class RecordedRunner:
    """The runner as a spec sees it; without metrics of its own it measures what the table holds."""

    name: str = "recorded"
    version: int = 1
    factors: Mapping[str, RunnerFactor] = FACTORS
    metrics: Mapping[str, RunnerMetric] = {}
    trainer: str = ""
    needs_modules: tuple[str, ...] = ()
    needs_data: bool = False
    budgets: tuple[BudgetKind, ...] = (BudgetKind.WALL, BudgetKind.STEPS, BudgetKind.TOKENS)
    can_continue: bool = True

    def of_factors(self, declared: Mapping[str, RunnerFactor]) -> "RecordedRunner":
        """The runner for a text whose conditions are known by columns of the table, if none is called `config`."""
        if "config" in declared:
            sizes = {name: factor for name, factor in declared.items() if factor.unit == SIZE}
            return evolve(self, factors={**FACTORS, **sizes})
        return evolve(self, factors=declared) if declared else self

    def resolve(self, levels: Mapping[str, Level]) -> Effective:
        """
        The condition itself, as large as a factor of parameters says; operations are 0, for no table tells them.

        Raises:
            ConditionError: the condition has no name, or its size is no number of parameters.
        """
        if "config" in self.factors and not levels["config"]:
            raise ConditionError("config", "it names no config of a table", 'write: config = "NAME"')
        texts = {name: level if isinstance(level, str) else exact(level) for name, level in levels.items()}
        return Effective(tuple(sorted(texts.items())), parameters=self._size(levels), flops_per_token=0)

    def _size(self, levels: Mapping[str, Level]) -> int:
        """Parameters of a condition; 0 where no factor tells them."""
        telling = [name for name, factor in self.factors.items() if factor.unit == SIZE]
        if not telling:
            return 0
        if len(telling) > 1:
            raise ConditionError(telling[1], f"{telling[0]} tells the size of a model as well", "leave one of them out")
        level = levels[telling[0]]
        if isinstance(level, str) or level <= 0 or level.denominator != 1:
            raise ConditionError(telling[0], "a model has a whole number of parameters", "write a number: 190_354_176")
        return int(level)


RUNNER: Final[Runner] = RecordedRunner()
