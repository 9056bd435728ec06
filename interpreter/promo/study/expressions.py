"""
Expressions: exact arithmetic on quantities.

Numbers never pass through floating point.  A quantity only meets its own dimension; plain numbers scale any of
them.  Sizes are bounded before anything is computed, so that `2^(2^100)` is a message and not a full memory.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor

from promo.base.canonical import from_exact
from promo.base.diagnostics import Confidence, Edit
from promo.base.edits import line_after
from promo.base.units import UNITS, Dimension, Quantity, is_digits
from promo.study.given import Level
from promo.study.names import Scope
from promo.study.space import Interval
from promo.syntax.clauses import ARGUMENTS, Argument
from promo.syntax.nodes import Node, Token, values_in

_LEADING_NUMBER = re.compile(r"[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][+-]?[0-9]+)?(?![eE][+-]?[0-9])")

MOST_DIGITS = 40
MOST_BITS = 1024
MOST_LEVELS = 10_000
MOST_SECONDS = 10**9

Value = Quantity | str
"""What an expression comes to; words (window patterns) are values too."""


class Expressions:
    """Evaluates the expressions of one text; the study's own unit and named values are known to it."""

    def __init__(self, scope: Scope, metric_unit: str | None, values: Mapping[str, Value]) -> None:
        self.scope = scope
        self.metric_unit = metric_unit
        self.values = values

    def value(self, part: Node | Token) -> Value | None:
        """The value of an expression, or None once its fault has been reported."""
        if isinstance(part, Token):
            return self._token(part)
        match part.kind:
            case "named":
                return self._named(part.token("NAME"))
            case "neg":
                operand = self.quantity(part.children[-1])
                return None if operand is None else Quantity(-operand.value, operand.dimension)
            case "pow":
                return self._power(part)
            case "sum" | "product":
                return self._chain(part)
        self.scope.report("P0301", "a list cannot be used here", part, "write one value")
        return None

    def quantity(self, part: Node | Token) -> Quantity | None:
        """The value of an expression that has to be a number."""
        value = self.value(part)
        if isinstance(value, str):
            self.scope.report("P0301", f'the text "{value}" is used where a number is expected', part)
            return None
        return value

    def amount(self, part: Node | Token, *wanted: Dimension, example: str) -> Fraction | None:
        """The amount of a quantity of one of the *wanted* dimensions, in its base unit."""
        quantity = self.quantity(part)
        if quantity is None:
            return None
        if quantity.dimension in wanted:
            return quantity.value
        names = " or ".join(dimension.value for dimension in wanted)
        message = f"this is {quantity.dimension.value}, but {names} is expected"
        self.scope.report("P0301", message, part, f"write it like this: {example}")
        return None

    def given(self, clause: Node, place: int = 0) -> Fraction | None:
        """The amount that a clause gives at a place of its values, of what the table of clauses says it measures."""
        value = ARGUMENTS[clause.kind].value(place)
        return self.amount(values_in(clause)[place], *value.dimensions, example=self.example(value))

    def example(self, value: Argument) -> str:
        """An example of a value, with the study's own unit where it is of the measure."""
        return value.example + (self.metric_unit or "" if Dimension.METRIC in value.dimensions else "")

    def count_given(self, clause: Node, place: int = 0, *, least: int = 1, most: int = 10**9, what: str) -> int | None:
        """The whole number that a clause gives at a place of its values."""
        return self.count(values_in(clause)[place], least=least, most=most, what=what)

    def seconds_given(self, clause: Node) -> int | None:
        """The span of time that a clause gives, in whole seconds."""
        value = ARGUMENTS[clause.kind].value(0)
        return self.seconds(values_in(clause)[0], *value.dimensions, example=self.example(value))

    def count(self, part: Node | Token, *, least: int = 1, most: int = 10**9, what: str) -> int | None:
        """A whole plain number between *least* and *most*."""
        amount = self.amount(part, Dimension.NUMBER, example=str(max(least, 2)))
        if amount is None:
            return None
        if amount.denominator != 1 or not least <= amount <= most:
            limit = f"from {least} to {most}" if most < 10**9 else f"from {least} up"
            self.scope.report("P0302", f"{what} is a whole number {limit}", part)
            return None
        return int(amount)

    def seconds(self, part: Node | Token, *wanted: Dimension, example: str) -> int | None:
        """A span of time in whole seconds, at least one."""
        amount = self.amount(part, *wanted, example=example)
        if amount is None:
            return None
        if amount.denominator != 1 or not 1 <= amount <= MOST_SECONDS:
            message = "times are whole seconds, from 1s to 10^9s"
            self.scope.report("P0307", message, part, _rounded(amount))
            return None
        return int(amount)

    def domain(self, part: Node, *wanted: Dimension) -> Interval | tuple[Level, ...] | None:
        """The values of a list or range, each a word or a quantity of one of the *wanted* dimensions."""
        if part.kind == "list":
            levels = [self.level(item, *wanted) for item in part.children]
            sound = [level for level in levels if level is not None]
            if not part.children:
                self.scope.report("P0303", "the list is empty", part, "name at least one value")
            if len(set(sound)) != len(sound):
                self.scope.report("P0303", "a value is listed twice", part, "remove one")
            return tuple(sound) if sound and len(sound) == len(levels) else None
        return self._range(part, wanted)

    def level(self, part: Node | Token, *wanted: Dimension) -> Level | None:
        """A factor's value: a number in its base unit, or a word."""
        value = self.value(part)
        if not isinstance(value, Quantity):
            return value
        if value.dimension not in wanted:
            names = " or ".join(dimension.value for dimension in wanted)
            self.scope.report("P0301", f"this is {value.dimension.value}, but {names} is expected", part)
            return None
        return value.value

    def _range(self, part: Node, wanted: tuple[Dimension, ...]) -> Interval | tuple[Level, ...] | None:
        low, high = (self.amount(child, *wanted, example="4..16 step 2") for child in part.children[:2])
        if low is None or high is None:
            return None
        if low > high:
            self.scope.report("P0303", "the range runs backwards", part, "write the smaller end first")
            return None
        step = part.node("step")
        return Interval(low, high) if step is None else self._steps(low, high, step, wanted)

    def _steps(
        self, low: Fraction, high: Fraction, step: Node, wanted: tuple[Dimension, ...]
    ) -> tuple[Level, ...] | None:
        by_factor = step.token("STEP").text == "times"
        kinds = (Dimension.NUMBER,) if by_factor else wanted
        size = self.amount(step.children[1], *kinds, example="times 2" if by_factor else "step 2")
        if size is None:
            return None
        if size <= (1 if by_factor else 0) or (by_factor and low <= 0):
            self.scope.report("P0303", "these steps never reach the end of the range", step)
            return None
        levels: list[Level] = []
        at = low
        while at <= high:
            if len(levels) == MOST_LEVELS or at.denominator.bit_length() > 4 * MOST_BITS:
                self.scope.report("P0308", f"the range has more than {MOST_LEVELS} values", step, "take larger steps")
                return None
            levels.append(at)
            at = at * size if by_factor else at + size
        return tuple(levels)

    def _token(self, token: Token) -> Value | None:
        return unquoted(token) if token.kind == "STRING" else self._number(token)

    def _named(self, token: Token) -> Value | None:
        if token.text in self.values:
            self.scope.used.add(token.text)
            return self.values[token.text]
        if token.text in self.scope.derived:
            message = f"'{token.text}' depends on factors, so it has a value for each candidate only"
            self.scope.report("P0222", message, token, "write a value that is the same for all")
            return None
        if token.text not in self.scope.vague:
            self.scope.refer(token, "let")
        return None

    def _number(self, token: Token) -> Quantity | None:
        text, unit = split_unit(token.text)
        mantissa, _, exponent = text.lower().partition("e")
        if len(mantissa) > MOST_DIGITS or len(exponent) > 3:
            self.scope.report("P0308", "the number is too long", token)
            return None
        number = from_exact(text)
        if not unit:
            return Quantity(number, Dimension.NUMBER)
        if unit == self.metric_unit:
            return Quantity(number, Dimension.METRIC)
        if unit in UNITS:
            dimension, size = UNITS[unit]
            if dimension is Dimension.MONEY:
                self.scope.currencies.setdefault(unit, token)
            return Quantity(number * size, dimension)
        self._unknown_unit(token, text, unit)
        return None

    def _unknown_unit(self, token: Token, number: str, unit: str) -> None:
        from promo.base.unit_slips import proposal  # only a text with such a fault pays for it

        known = [*UNITS, *([self.metric_unit] if self.metric_unit else [])]
        meant = proposal(token.text, number, unit, self.metric_unit)
        hint = f"write {meant.text}" if meant else f"use one of: {', '.join(known)}"
        edits = (Edit(self.scope.span(token), meant.text),) if meant else ()
        notes = ("m could be minutes, months or thousandths, so it is not a unit",) if unit == "m" else ()
        confidence = Confidence.SURE if meant and meant.sure else Confidence.GUESS
        message = f"there is no unit '{unit}'"
        self.scope.report("P0306", message, token, hint, notes=notes, edits=edits, confidence=confidence)

    def _chain(self, part: Node) -> Quantity | None:
        total = self.quantity(part.children[0])
        for sign, operand in zip(part.children[1::2], part.children[2::2], strict=True):
            right = self.quantity(operand)
            if total is None or right is None:
                return None
            assert isinstance(sign, Token)
            total = self._combine(total, sign.text, right, part)
        return total

    def _combine(self, left: Quantity, sign: str, right: Quantity, at: Node) -> Quantity | None:
        plain = Dimension.NUMBER
        if sign in "+-":
            if left.dimension != right.dimension:
                message = f"{left.dimension.value} and {right.dimension.value} do not add up"
                self.scope.report("P0301", message, at)
                return None
            value = left.value + right.value if sign == "+" else left.value - right.value
            return Quantity(value, left.dimension)
        if sign == "/" and not right.value:
            self.scope.report("P0304", "this divides by zero", at)
            return None
        value = left.value * right.value if sign == "*" else left.value / right.value
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > 4 * MOST_BITS:
            self.scope.report("P0308", "the number is too large", at)
            return None
        if right.dimension is plain:
            return Quantity(value, left.dimension)
        if sign == "/" and left.dimension is right.dimension:
            return Quantity(value, plain)
        if sign == "*" and left.dimension is plain:
            return Quantity(value, right.dimension)
        verb = "multiplied by" if sign == "*" else "divided by"
        self.scope.report("P0301", f"{left.dimension.value} {verb} {right.dimension.value} means nothing here", at)
        return None

    def _power(self, part: Node) -> Quantity | None:
        base, exponent = (self.quantity(child) for child in part.children)
        if base is None or exponent is None:
            return None
        if base.dimension is not Dimension.NUMBER or exponent.dimension is not Dimension.NUMBER:
            self._power_with_unit(part, base)
            return None
        if exponent.value.denominator != 1:
            self.scope.report("P0302", "an exponent is a whole number", part)
            return None
        power = int(exponent.value)
        bits = max(base.value.numerator.bit_length(), base.value.denominator.bit_length())
        if abs(power) * bits > MOST_BITS:
            self.scope.report("P0308", "the number is too large", part)
            return None
        if power < 0 and not base.value:
            self.scope.report("P0304", "this divides by zero", part)
            return None
        return Quantity(base.value**power, Dimension.NUMBER)

    def _power_with_unit(self, part: Node, base: Quantity) -> None:
        """`2^16tok`: a unit belongs to a number, not to an exponent."""
        exponent = part.children[1]
        if not isinstance(exponent, Token) or exponent.kind != "QUANTITY":
            self.scope.report("P0301", "only plain numbers have powers", part)
            return
        text, unit = split_unit(exponent.text)
        whole = is_digits(text) and base.dimension is Dimension.NUMBER and base.value.denominator == 1
        size = base.value.numerator.bit_length() * int(text[:MOST_DIGITS]) if whole else MOST_BITS
        edits: tuple[Edit, ...] = ()
        if size < MOST_BITS and len(power := str(base.value.numerator ** int(text))) <= MOST_DIGITS:
            edits = (Edit(self.scope.span(part), f"{int(power):_}{unit}"),)
        hint = f"write: {line_after(edits)}" if edits else "write the unit after the number that it counts"
        message = f"only plain numbers have powers, and '{exponent.text}' has a unit"
        self.scope.report("P0301", message, part, hint, edits=edits, confidence=Confidence.SURE)


def split_unit(text: str) -> tuple[str, str]:
    """A quantity's number and unit: `1_0e3tok` is `10e3` and `tok`."""
    number = _LEADING_NUMBER.match(text)
    end = number.end() if number else 0
    return text[:end].replace("_", ""), text[end:]


def unquoted(token: Token) -> str:
    """The characters of a text token."""
    inner = token.text[1:-1]
    if "\\" not in inner:
        return inner
    escapes = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
    letters = iter(inner)
    return "".join(escapes[next(letters)] if letter == "\\" else letter for letter in letters)


def _rounded(seconds: Fraction) -> str:
    """What to do about a time that is no whole number of seconds, or too short or long; of the size that it had."""
    if seconds < 1:
        return "give at least one second"
    if seconds > MOST_SECONDS:
        return "give 10^9 seconds at most"
    return f"round it to {floor(seconds)} or {ceil(seconds)} seconds"
