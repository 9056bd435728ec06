"""
Formulas of a runner file: exact arithmetic on the names of factors, and nothing else.

They are read by Python's own parser and never executed: what is no number, name, sign or one of `+ - * / // % **`
is refused, and sizes are bounded before anything is computed.
"""

import ast
from collections.abc import Mapping
from fractions import Fraction

LONGEST = 400
LARGEST_POWER = 64
MOST_BITS = 2048


class FormulaError(ValueError):
    """A formula that cannot be read or has no value."""


def names_in(text: str) -> frozenset[str]:
    """Names that a formula uses."""
    return frozenset(node.id for node in ast.walk(_parsed(text)) if isinstance(node, ast.Name))


def value_of(text: str, values: Mapping[str, Fraction]) -> Fraction:
    """
    The exact value of a formula.

    Args:
        text: such as `-(-depth * aspect // head_size) * head_size`.
        values: numbers by name.

    Raises:
        FormulaError: it says something else than arithmetic, names something unknown, or has no value.
    """
    return _value(_parsed(text), values)


def _parsed(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise FormulaError(f"a formula has at most {LONGEST} characters")
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as fault:
        raise FormulaError(f"'{text}' is no formula") from fault


def _value(node: ast.expr, values: Mapping[str, Fraction]) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return Fraction(repr(number))
        case ast.Name(id=name):
            if name not in values:
                raise FormulaError(f"'{name}' is no number that a formula can use")
            return values[name]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            inner = _value(operand, values)
            return -inner if isinstance(sign, ast.USub) else inner
        case ast.BinOp(left=left, op=operator, right=right):
            return _bounded(_combined(operator, _value(left, values), _value(right, values)))
    raise FormulaError(f"'{ast.unparse(node)}' is no arithmetic")


def _combined(operator: ast.operator, left: Fraction, right: Fraction) -> Fraction:
    try:
        match operator:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div():
                return left / right
            case ast.FloorDiv():
                return Fraction(left // right)
            case ast.Mod():
                return left % right
            case ast.Pow():
                if right.denominator != 1 or abs(right) > LARGEST_POWER:
                    raise FormulaError(f"an exponent is a whole number up to {LARGEST_POWER}")
                return left ** int(right)
    except ZeroDivisionError as fault:
        raise FormulaError("a formula divides by zero") from fault
    raise FormulaError("a formula has + - * / // % ** only")


def _bounded(value: Fraction) -> Fraction:
    if value.numerator.bit_length() > MOST_BITS or value.denominator.bit_length() > MOST_BITS:
        raise FormulaError("a formula gives a number that is too large")
    return value
