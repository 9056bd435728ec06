"""
Python source to how often a call is made: `if step % 100 == 0:` around it, or `if step % 100: continue` before it.

So the short stage of a drafted study is as long as the script needs to print a value, and ends where it prints one.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence

from promo.sketch.values import Every


def remainders(tree: ast.Module) -> Mapping[ast.Call, tuple[Every, ...]]:
    """Call -> the remainders that must be zero where it is made."""
    return dict(_within(tree.body, (), frozenset()))


Found = Iterator[tuple[ast.Call, tuple[Every, ...]]]


def _within(body: Sequence[ast.stmt], every: tuple[Every, ...], from_zero: frozenset[str]) -> Found:
    """The calls of some statements."""
    for node in body:
        inner, counters = every, from_zero
        match node:
            case ast.If(test=test, body=[ast.Continue()]):
                every += tuple(_asked(test, from_zero))
            case ast.If(test=test):
                inner += tuple(_asked(test, from_zero))
            case ast.For(target=target, iter=ast.Call() as made):
                counters |= frozenset(_from_zero(target, made))
            case _:
                pass
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.expr):
                yield from ((one, every) for one in ast.walk(part) if isinstance(one, ast.Call))
        for name in ("body", "orelse", "finalbody"):
            yield from _within(getattr(node, name, []), inner if name == "body" else every, counters)
        for handler in getattr(node, "handlers", []):
            yield from _within(handler.body, every, from_zero)
        for case in getattr(node, "cases", []):
            yield from _within(case.body, every, from_zero)


def _asked(test: ast.expr, from_zero: frozenset[str]) -> Iterator[Every]:
    """The remainders in a condition; none where another condition does as well, such as that it is the last step."""
    match test:
        case ast.BoolOp(op=ast.And(), values=parts):
            for part in parts:
                yield from _asked(part, from_zero)
        case ast.UnaryOp(op=ast.Not(), operand=ast.BinOp(op=ast.Mod()) as division) | (
            ast.BinOp(op=ast.Mod()) as division
        ):
            yield _every(division, from_zero)
        case ast.Compare(left=ast.BinOp(op=ast.Mod()) as division, comparators=[ast.Constant(value=rest)]):
            yield _every(division, from_zero if rest == 0 else frozenset())
        case _:
            return


def _every(division: ast.BinOp, from_zero: frozenset[str]) -> Every:
    counter = ast.unparse(division.left)
    return Every(counter, ast.unparse(division.right), counter in from_zero)


def _from_zero(target: ast.expr, made: ast.Call) -> Iterator[str]:
    """The name that counts from 0 in `for step in range(steps)` or `for step, batch in enumerate(batches)`."""
    match ast.unparse(made.func).rpartition(".")[2], made.args, target:
        case "tqdm", [ast.Call() as inner, *_], _:
            yield from _from_zero(target, inner)
        case "range" | "trange", [ast.Name() | ast.Attribute() | ast.Constant()], _:
            yield ast.unparse(target)
        case "enumerate", [_], ast.Tuple(elts=[first, *_]) if not made.keywords:
            yield ast.unparse(first)
        case _:
            return
