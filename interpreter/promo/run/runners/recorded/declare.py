"""
What the built-in runner `recorded` says of itself.

It stands for runs that others have trained, so that a spec can be checked, planned and frozen without their table;
`promo replay` brings the table along.  A condition is known there by a name, which is the factor `config`; or a spec
declares any other factors, and each is a column of the table.
"""

from collections.abc import Mapping
from typing import Final

from attrs import evolve, frozen

from promo.base.canonical import exact
from promo.study.ports import ConditionError, Runner, RunnerFactor, RunnerMetric
from promo.study.space import Level
from promo.study.values import BudgetKind, Effective

FACTORS: Mapping[str, RunnerFactor] = {
    "config": RunnerFactor("label", "", meaning="name of the condition in the table of recorded curves"),
}


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
        return self if not declared or "config" in declared else evolve(self, factors=declared)

    def resolve(self, levels: Mapping[str, Level]) -> Effective:
        """
        The condition itself; how large it is a table does not say, so parameters and operations are 0.

        Raises:
            ConditionError: the condition has no name.
        """
        if "config" not in self.factors:
            texts = {name: level if isinstance(level, str) else exact(level) for name, level in levels.items()}
            return Effective(tuple(sorted(texts.items())), parameters=0, flops_per_token=0)
        config = str(levels["config"])
        if not config:
            raise ConditionError("config", "it names no config of a table", 'write: config = "NAME"')
        return Effective((("config", config),), parameters=0, flops_per_token=0)


RUNNER: Final[Runner] = RecordedRunner()
