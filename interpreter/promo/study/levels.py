"""Levels: what is written for a factor, against the values that it has and those that its runner can take."""

import math
from collections.abc import Mapping
from fractions import Fraction

from promo.base.canonical import exact
from promo.base.diagnostics import Label
from promo.base.source import Span
from promo.base.units import Dimension
from promo.study.expressions import MOST_LEVELS, Expressions
from promo.study.given import Level
from promo.study.names import Scope
from promo.study.ports import Runner, RunnerFactor
from promo.study.space import Factor, Interval
from promo.syntax.nodes import Node, Token

UNIT_DIMENSIONS = {
    "tokens": (Dimension.TOKENS, Dimension.NUMBER),
    "steps": (Dimension.STEPS, Dimension.NUMBER),
}
"""Factor unit -> what its levels may be written in; other units take plain numbers and words."""


class Levels:
    """Reads the levels of one text."""

    def __init__(self, scope: Scope, expressions: Expressions, runner: Runner, factors: Mapping[str, Factor]) -> None:
        self.scope, self.expressions, self.runner, self.factors = scope, expressions, runner, factors
        self._taken: dict[str, dict[str, Level]] = {}
        """Factor -> numbers as written -> levels found to belong to it; a long text writes them again and again."""

    def level(self, factor: str, part: Node | Token) -> Level | None:
        """A level written in the text, if it belongs to the factor of that name."""
        known = self.factors.get(factor)
        return None if known is None else self.of(known, part)

    def domain(self, name: str, written: Node | None) -> tuple[Level, ...] | None:
        """The levels of a range, or all that a factor has; a range without steps has them where they are whole."""
        factor, at = self.factors.get(name), written
        if factor is None:
            return None
        domain = factor.domain
        if written is not None:
            own = self.expressions.domain(written, *dimensions(factor.unit))
            if own is None:
                return None
            domain = own
        if isinstance(domain, Interval):
            if not self.runner.factors[name].whole:
                message = f"'{name}' takes any value of this range, and levels are drawn or combined one by one"
                ends = f"{exact(domain.low)}..{exact(domain.high)}"
                hint = f"give it steps: vary {name} in {ends} step ...  or  times ..."
                self.scope.report("P0303", message, at or factor.where["name"], hint)
                return None
            low, high = math.ceil(domain.low), math.floor(domain.high)
            if high - low >= MOST_LEVELS:
                self.scope.report("P0308", f"the range has more than {MOST_LEVELS} values", at or factor.where["name"])
                return None
            domain = tuple(Fraction(level) for level in range(low, high + 1))
        allowed = frozenset(factor.domain) if isinstance(factor.domain, tuple) else factor.domain
        outside = next((level for level in domain if level not in allowed), None)
        if outside is not None:
            message = f"{shown(outside)} is outside the values of '{name}': {domain_words(factor)}"
            self.scope.report("P0303", message, at or factor.where["name"], "choose other levels or widen the factor")
            return None
        sound = all(self.possible(name, level, at or factor.where["name"]) for level in domain)
        return domain if sound else None

    def of(self, factor: Factor, part: Node | Token) -> Level | None:
        """A level written in the text, if it belongs to the factor."""
        taken = self._taken.setdefault(factor.name, {})
        written = part.text if isinstance(part, Token) else ""
        if written in taken:
            return taken[written]
        value = self.expressions.value(part)
        if value is None:
            return None
        level = value if isinstance(value, str) else value.value
        if not isinstance(value, str) and value.dimension not in dimensions(factor.unit):
            message = f"this is {value.dimension.value}, and '{factor.name}' is counted in {factor.unit}"
            self.scope.report("P0301", message, part, "write a plain number")
            return None
        if level not in factor.domain:
            message = f"{shown(level)} is outside the values of '{factor.name}': {domain_words(factor)}"
            label = Label(factor.where["name"], "its values are declared here")
            self.scope.report("P0303", message, part, "choose another level or widen the factor", labels=(label,))
            return None
        if not self.possible(factor.name, level, part):
            return None
        if written:
            taken[written] = level
        return level

    def possible(self, name: str, level: Level, at: Node | Token | Span) -> bool:
        """Whether the runner can take a level at all."""
        fault = _impossible(self.runner.factors[name], level)
        if fault:
            self.scope.report(
                "P0303", f"the runner '{self.runner.name}' takes '{name}' {fault}, not {shown(level)}", at
            )
        return not fault


def dimensions(unit: str) -> tuple[Dimension, ...]:
    """What levels of a factor of that unit may be written in."""
    return UNIT_DIMENSIONS.get(unit, (Dimension.NUMBER,))


def _impossible(known: RunnerFactor, level: Level) -> str:
    """Why a runner's factor cannot take a level: the values it does take, in words; empty when it can."""
    if known.choices:
        return "" if level in known.choices else f"as one of {', '.join(known.choices)}"
    if isinstance(level, str):
        return "" if isinstance(known.default, str) else "as a number"
    if isinstance(known.default, str):
        return "as a text"
    if known.whole and level.denominator != 1:
        return "as a whole number"
    if (known.low is not None and level < known.low) or (known.high is not None and level > known.high):
        low = "" if known.low is None else f"from {exact(known.low)} "
        high = "up" if known.high is None else f"to {exact(known.high)}"
        return low + high
    return ""


def shown(level: Level) -> str:
    """A level as it is written."""
    return f'"{level}"' if isinstance(level, str) else exact(level)


def domain_words(factor: Factor) -> str:
    """The values of a factor, the first of many."""
    if isinstance(factor.domain, Interval):
        return f"{exact(factor.domain.low)}..{exact(factor.domain.high)}"
    first = [shown(level) for level in factor.domain[:12]]
    return ", ".join([*first, "..."] if len(factor.domain) > 12 else first)
