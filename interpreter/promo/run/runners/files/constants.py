"""
A script with some of its constants replaced, and nothing else.

The places are found through the syntax tree and the text between them is kept as it is, so the difference to the
original is exactly what was declared.
"""

import ast
from collections.abc import Iterator, Mapping

from promo.run.program import Literal


class ScriptError(ValueError):
    """A script in which a declared constant cannot be found, or not once."""


def replaced(text: str, constants: Mapping[str, Literal], calls: Mapping[str, Literal]) -> str:
    """
    The script with new values.

    Args:
        text: Python source.
        constants: top-level name -> its new value; each is assigned exactly once.
        calls: dotted function such as `torch.manual_seed` -> its new first argument, in every call.

    Raises:
        ScriptError: the text is no Python, or a constant or call is not there.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as fault:
        raise ScriptError(f"it is no Python: {fault}") from fault
    edits = [(_only(tree, name), repr(value)) for name, value in constants.items()]
    for name, value in calls.items():
        edits += [(place, repr(value)) for place in _arguments(tree, name)]
    lines = text.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    content = b"".join(lines)
    for node, new in sorted(edits, key=lambda edit: (edit[0].lineno, edit[0].col_offset), reverse=True):
        assert node.end_lineno is not None and node.end_col_offset is not None
        start, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        content = content[:start] + new.encode() + content[end:]
    return content.decode()


def _only(tree: ast.Module, name: str) -> ast.expr:
    """The value that a top-level name is assigned; a second assignment anywhere would overrule the new one."""
    found = [value for target, value in _assignments(tree) if target == name]
    if not found:
        raise ScriptError(f"it has no top-level constant {name}")
    if len(found) > 1:
        raise ScriptError(f"it assigns {name} {len(found)} times")
    return found[0]


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from pairs(target, value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                yield name, value


def pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Names that a target binds, each with its own value: `LAYERS, HEADS = 3, 4` binds two."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        starred = any(isinstance(one, ast.Starred) for one in (*target.elts, *value.elts))
        if not starred and len(target.elts) == len(value.elts):
            for each, one in zip(target.elts, value.elts, strict=True):
                yield from pairs(each, one)


def _arguments(tree: ast.Module, name: str) -> list[ast.expr]:
    found = [
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) == name
    ]
    if not found:
        raise ScriptError(f"it never calls {name} with an argument")
    return found
