"""
What stands for a measure or a runner that is at fault, so that the rest of the text can be checked against something.

Only a text without one pays for this.
"""

from collections.abc import Mapping
from fractions import Fraction

from promo.base.classes import evolve, frozen
from promo.base.units import RESEMBLING, UNITS
from promo.study.expressions import split_unit, unquoted
from promo.study.given import Level
from promo.study.names import Scope
from promo.study.ports import Runner, RunnerFactor, RunnerMetric
from promo.study.space import Factor
from promo.study.values import BudgetKind, Effective, Measure
from promo.syntax.nodes import Node


def assumed_measure(scope: Scope) -> Measure:
    """Stands for a measure that is not there: the metric and the unit that the rest of the text speaks of."""
    metric, unit, waiting = "", "", list(reversed(scope.tree.declarations))
    while waiting and not (metric and unit):
        node = waiting.pop()
        if node.kind in ("rank", "level"):
            metric = metric or node.token("NAME").text
        for token in node.tokens("QUANTITY"):
            own = split_unit(token.text)[1]
            unit = unit or ("" if own in UNITS or own in RESEMBLING else own)
        waiting.extend(child for child in reversed(node.children) if isinstance(child, Node))
    return Measure(metric, unit, True)


@frozen
class _StandIn:
    """A runner that accepts whatever a text declares, so that the rest of the text can be checked."""

    factors: Mapping[str, RunnerFactor]
    name: str = ""
    version: int = 0
    metrics: Mapping[str, RunnerMetric] = {}
    trainer: str = ""
    needs_modules: tuple[str, ...] = ()
    budgets: tuple[BudgetKind, ...] = tuple(BudgetKind)
    can_continue: bool = True
    cooldown_factor: str = "-"
    """It cools down, and no factor is in the way of that: no name has a hyphen."""
    needs_data: bool = False

    def of_factors(self, declared: Mapping[str, RunnerFactor]) -> "_StandIn":
        """The same once it is known which factors the text imports."""
        return evolve(self, factors=declared)

    def resolve(self, levels: Mapping[str, Level]) -> Effective:
        """The condition itself."""
        settings = tuple(sorted((name, f"{type(level).__name__} {level}") for name, level in levels.items()))
        return Effective(settings, 0, 0)


def stand_in(scope: Scope) -> Runner:
    """Stands for a runner that is not there: its factors and their words are those the text declares."""
    return _StandIn(declared_factors(scope, {}))


def declared_factors(scope: Scope, imported: Mapping[str, Factor]) -> dict[str, RunnerFactor]:
    """The factors that a text declares, for a runner that takes any; each has for default the first of its levels."""
    factors = {}
    for factor in imported.values():
        domain = factor.domain if isinstance(factor.domain, tuple) else ()
        words = tuple(level for level in domain if isinstance(level, str))
        factors[factor.name] = RunnerFactor(factor.unit, factor.default, choices=words, declared=True)
    for block in scope.of_kind("factor"):
        if block.token("NAME").text in imported:
            continue
        name, unit = block.tokens("NAME")
        words = tuple(unquoted(token) for listed in block.nodes("list") for token in listed.tokens("STRING"))
        factors[name.text] = RunnerFactor(unit.text, words[0] if words else Fraction(0), choices=words, declared=True)
    return factors
