"""Named values of a text, each read behind those that it needs."""

from collections.abc import Mapping

from promo.study.expressions import Expressions, Value
from promo.study.names import Scope
from promo.syntax.nodes import Node, Token


def read_lets(scope: Scope, expressions: Expressions, values: dict[str, Value]) -> None:
    """Put named values into *values*, in any order; one that factors enter is known for each candidate only."""
    blocks = {block.token("NAME").text: block for block in scope.of_kind("let")}
    needs = {name: [one for one in _names_in(block.children[1]) if one in blocks] for name, block in blocks.items()}
    for name in _in_order(scope, blocks, needs):
        block = blocks[name]
        names = _names_in(block.children[1])
        factors = [one for one in names if _is_factor(scope, one) or one in scope.derived]
        if name in scope.vague:
            continue
        if factors:
            scope.used.update(factors)
            scope.derived.add(name)
            continue
        value = expressions.value(block.children[1])
        if value is None:
            scope.vague.add(name)
        else:
            values[name] = value


def _names_in(part: Node | Token) -> list[str]:
    """Names an expression mentions, without recursion."""
    found: list[str] = []
    waiting = [part]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Node):
            waiting.extend(item.children)
        elif item.kind == "NAME":
            found.append(item.text)
    return found


def _in_order(scope: Scope, blocks: Mapping[str, Node], needs: Mapping[str, list[str]]) -> list[str]:
    """Named values, each behind those it needs; one that needs itself is a fault."""
    order: dict[str, None] = {}
    for start in blocks:
        opened = [] if start in order or start in scope.vague else [start]
        while opened:
            name = opened[-1]
            waiting = [one for one in needs[name] if one not in order and one not in scope.vague]
            if not waiting:
                order[opened.pop()] = None
            elif waiting[0] in opened:
                circle = [*opened[opened.index(waiting[0]) :], waiting[0]]
                message = f"values refer to each other in a circle: {' -> '.join(circle)}"
                scope.report("P0208", message, blocks[name].token("NAME"))
                scope.vague.update(opened)
                break
            else:
                opened.append(waiting[0])
    return list(order)


def _is_factor(scope: Scope, name: str) -> bool:
    declared = scope.declared.get(name)
    return declared is not None and declared.kind == "factor"
