"""
Python source to the numbers that it prints behind a name: `print(f"val_loss: {loss:.4f}")`.

A printed line is text with holes.  promo reads a line that is a name, a separator and a number, so a hole counts when
it ends its line and everything before it is such a name; one in a longer line is found too, to be told.
"""

import ast
import re
from collections.abc import Iterator, Sequence

from promo.sketch.values import Printed

PRINTERS = {"print", "click.echo", "typer.echo", "tqdm.write", "tqdm.tqdm.write", "sys.stdout.write"}
PERCENT = re.compile(r"%(?:\(\w*\))?[#0\- +]*[\d*]*(?:\.[\d*]+)?([a-zA-Z%])")
BRACES = re.compile(r"\{[^{}!:]*(?:![rsa])?(?::([^{}]*))?\}")
SEPARATED = re.compile(r"(.*?)\s*(->|=>|[:=|])\s*", re.DOTALL)
"""A name and what parts it from its number."""
SPACED = re.compile(r"(\S+)\s+", re.DOTALL)
NAMED = re.compile(r"([A-Za-z][\w/@-]*(?: [A-Za-z][\w/@-]*)?)\s*(?:->|=>|[:=|])?\s*\Z")
"""The name right before a hole of a longer line."""

Part = str | tuple[str, bool]
"""Text, or a hole: its source, and whether the way it is formatted leaves a plain number."""


def printed_by(tree: ast.Module) -> Iterator[Printed]:
    """Every number behind a name, in the order of the source."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in PRINTERS:
            yield from _of_call(node)


def _of_call(call: ast.Call) -> Iterator[Printed]:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    separator = given.get("sep")
    between = separator.value if isinstance(separator, ast.Constant) and isinstance(separator.value, str) else " "
    parts: list[Part] = []
    for number, argument in enumerate(call.args):
        parts += [*([between] if number else []), *_parts(argument)]
    for line in _lines(parts):
        yield from _of_line(line, call.end_lineno or call.lineno, whole="end" not in given)


def _parts(node: ast.expr) -> list[Part]:
    """A text as it is put together: literals and holes."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            return [part for value in values for part in _parts(value)]
        case ast.FormattedValue(value=value, format_spec=form):
            return [(ast.unparse(value), _is_plain(ast.unparse(form) if form is not None else ""))]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [*_parts(left), *_parts(right)]
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=right):
            values = right.elts if isinstance(right, ast.Tuple) else [right]
            return _filled(text, PERCENT, values)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format"), args=values):
            return _filled(text, BRACES, values)
        case ast.Call(func=ast.Name(id="str"), args=[value]):
            return [(ast.unparse(value), True)]
        case _:
            return [(ast.unparse(node), True)]


def _filled(text: str, pattern: re.Pattern[str], values: Sequence[ast.expr]) -> list[Part]:
    """A template with places, filled in from the left."""
    parts: list[Part] = []
    at, waiting = 0, list(values)
    for place in pattern.finditer(text):
        parts.append(text[at : place.start()])
        at = place.end()
        if place[1] == "%":
            parts.append("%")
        else:
            parts.append((ast.unparse(waiting.pop(0)) if waiting else "", _is_plain(place[1] or "")))
    return [*parts, text[at:].replace("%%", "%") if pattern is PERCENT else text[at:]]


def _is_plain(form: str) -> bool:
    """Whether a format leaves a number with neither thousands nor a percent sign."""
    return not {",", "%"} & set(form) and not form.rstrip("'\"}").endswith(("_", "x", "b", "o"))


def _lines(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """The lines that are printed at once."""
    line: list[Part] = []
    for part in parts:
        if isinstance(part, tuple):
            line.append(part)
            continue
        first, *others = part.split("\n")
        line.append(first)
        for other in others:
            yield line
            line = [other]
    yield line


def _of_line(line: Sequence[Part], number: int, *, whole: bool) -> Iterator[Printed]:
    holes = [at for at, part in enumerate(line) if isinstance(part, tuple)]
    for at in holes:
        part = line[at]
        assert isinstance(part, tuple)
        source, plain = part
        before = "".join(one for one in line[:at] if isinstance(one, str))
        behind = "".join(one for one in line[at + 1 :] if isinstance(one, str))
        named = _name(before) if len(holes) == 1 and not behind.strip() and plain and whole else None
        if named is not None:
            yield Printed(*named, source, number, alone=True)
            continue
        previous = line[at - 1] if at else ""
        near = NAMED.search(previous) if isinstance(previous, str) else None
        if near is not None and not behind.startswith("/"):  # of `3/10` nobody wants the 3
            said = "".join(one for one in line[: at - 1] if isinstance(one, str)) + str(previous)[: near.start()]
            yield Printed(near[1].strip(), ":", source, number, alone=False, before=said)


def _name(text: str) -> tuple[str, str] | None:
    """Name and separator of a line that begins with *text* and goes on with a number."""
    for pattern in (SEPARATED, SPACED):
        found = pattern.fullmatch(text.lstrip())
        if found is not None and found[1].strip():
            key = found[1].strip()
            separator = found[2] if pattern is SEPARATED else " "
            return None if separator in key or not key.isprintable() else (key, separator)
    return None
