"""
Python source to the numbers that it prints behind a name: `print(f"step {step} | val_loss: {loss:.4f}")`.

A printed line is text with holes, and the name of a hole is what stands right before it.  What a logger says, what a
bar of tqdm shows beside itself, and a printed dict are such lines too.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from promo.base.classes import evolve
from promo.sketch.every import remainders
from promo.sketch.values import Printed

PRINTERS = re.compile(
    r"(.*\.)?(print\w*|pprint|echo|secho)|(tqdm\.|tqdm\.tqdm\.|sys\.stdout\.|sys\.stderr\.)write|"
    r"(.*\.)?\w*(logging|logger|log)(\(.*\))?\.(info|warning|error|critical|debug|success)|"
    r".*\.set_(description|description_str|postfix_str)",
    re.IGNORECASE,
)
"""Functions whose text is seen, by their dotted name."""
LOGS = re.compile(r".*\.(info|warning|error|critical|debug|success)")
AMID = re.compile(r".*\.(info|warning|error|critical|debug|success|set_\w+)")
"""Functions whose text is a part of its line."""
BARS = re.compile(r".*\.set_postfix")
"""Functions whose keywords are seen as `name=value`."""
PERCENT = re.compile(r"%(?:\(\w*\))?[#0\- +]*[0-9*]*(?:\.[0-9*]+)?([a-zA-Z%])")
BRACES = re.compile(r"\{[^{}!:]*(?:![rsa])?(?::([^{}]*))?\}")
SEPARATED = re.compile(r"(.*?)\s*(->|=>|[:=|])\s*", re.DOTALL)
"""A name and what parts it from its number."""
SPACED = re.compile(r"(\S+)\s+", re.DOTALL)
NAMED = re.compile(r"(?<![\w/.-])([A-Za-z][\w/@-]*(?: [A-Za-z][\w/@-]*)?)[\"']?\s*(->|=>|[:=|])?\s*\Z")
"""The name right before a hole of a longer line, and what parts the two."""
ENDS = re.compile(r"[\s,;|)\]}\"']|[.:]?\s*\Z|[.:]\s")
"""How a text goes on behind a number that is read."""

Part = str | tuple[str, bool]
"""Text, or a hole: its source, and whether the way it is formatted leaves a plain number."""


def printed_by(tree: ast.Module) -> Iterator[Printed]:
    """Every number behind a name, in the order of the source."""
    known, every = _tables(tree), remainders(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            found: Iterator[Printed] = iter(())
            if PRINTERS.fullmatch(name):
                found = _of_call(node, known, logged=LOGS.fullmatch(name) is not None)
            elif BARS.fullmatch(name):
                found = _of_bar(node, known)
            yield from (evolve(one, every=every.get(node, ())) for one in found)


Tables = Mapping[str, ast.expr]
"""Name -> the dict that it is, as source."""


def _tables(tree: ast.Module) -> dict[str, ast.expr]:
    """Names that are a dict written out, wherever that is."""
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    return {
        target.id: node.value
        for node in assigned
        for target in node.targets
        if isinstance(target, ast.Name) and _pairs(node.value, {}) is not None
    }


def _pairs(node: ast.expr, known: Tables) -> list[tuple[str, ast.expr]] | None:
    """Names and values of a dict that is written out; None for anything else."""
    match node:
        case ast.Dict(keys=keys, values=values):
            named = zip(keys, values, strict=True)
            return [(str(one.value), value) for one, value in named if isinstance(one, ast.Constant)]
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=given):
            return [(one.arg, one.value) for one in given if one.arg]
        case ast.Call(func=ast.Attribute(attr="dumps"), args=[inner, *_]):
            return _pairs(inner, known)
        case ast.Name(id=name) if name in known:
            return _pairs(known[name], {})
        case _:
            return None


def _of_call(call: ast.Call, known: Tables, *, logged: bool) -> Iterator[Printed]:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if "file" in given and ast.unparse(given["file"]) not in ("sys.stdout", "sys.stderr"):
        return
    whole = "end" not in given and not AMID.fullmatch(ast.unparse(call.func))
    separator = given.get("sep")
    between = separator.value if isinstance(separator, ast.Constant) and isinstance(separator.value, str) else " "
    parts: list[Part] = []
    for number, argument in enumerate(_said(call.args) if logged else call.args):
        parts += [*([between] if number else []), *_parts(argument, known)]
    for line in _lines(parts):
        yield from _of_line(line, call.end_lineno or call.lineno, whole=whole)


def _said(arguments: Sequence[ast.expr]) -> Sequence[ast.expr]:
    """What a logger puts together of a template and its values, in the two ways that loggers have."""
    match arguments:
        case [ast.Constant(value=str(text)) as template, *values] if values and "{" in text:
            return [ast.Call(ast.Attribute(template, "format"), list(values), [])]
        case [ast.Constant(value=str()) as template, *values] if values:
            return [ast.BinOp(template, ast.Mod(), ast.Tuple(list(values)))]
        case _:
            return arguments


def _of_bar(call: ast.Call, known: Tables) -> Iterator[Printed]:
    """What `set_postfix` shows: `loss=2.31, lr=0.1`."""
    pairs = [pair for one in call.args for pair in _pairs(one, known) or ()]
    pairs += [(one.arg, one.value) for one in call.keywords if one.arg and one.arg != "refresh"]
    for name, value in pairs:
        for part in _parts(value, known)[:1]:
            if isinstance(part, tuple):
                yield Printed(name, "=", part[0], call.end_lineno or call.lineno, alone=False, plain=part[1])


def _parts(node: ast.expr, known: Tables) -> list[Part]:
    """A text as it is put together: literals and holes."""
    pairs = _pairs(node, known)
    if pairs is not None:
        shown = [part for name, value in pairs for part in (f"'{name}': ", *_parts(value, known), ", ")]
        return ["{", *shown[:-1], "}"]
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            return [part for value in values for part in _parts(value, known)]
        case ast.FormattedValue(value=value, format_spec=form):
            return [(ast.unparse(value), _is_plain(ast.unparse(form) if form is not None else ""))]
        case ast.BinOp(left=left, op=ast.Add(), right=right) if _is_text(left) or _is_text(right):
            return [*_parts(left, known), *_parts(right, known)]
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=right):
            values = right.elts if isinstance(right, ast.Tuple) else [right]
            return _filled(text, PERCENT, values)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format"), args=values):
            return _filled(text, BRACES, values)
        case ast.Call(func=ast.Name(id="str"), args=[value]):
            return [(ast.unparse(value), True)]
        case _:
            return [(ast.unparse(node), True)]


def _is_text(node: ast.expr) -> bool:
    """Whether an operand of a sum is text, so that the sum puts texts together and adds no numbers."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, str)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _is_text(right) or _is_text(left)
        case ast.BinOp(left=left, op=ast.Mod()):
            return _is_text(left)
        case ast.Call(func=func):
            name = ast.unparse(func)
            return name == "str" or name.endswith(".format")
        case _:
            return isinstance(node, ast.JoinedStr)


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
        near = NAMED.search(_text_before(line, at))
        touching = line[at + 1] if at + 1 < len(line) else ""
        ends = isinstance(touching, str) and (not touching or ENDS.match(touching) is not None)
        if near is not None and not behind.startswith("/"):  # of `3/10` nobody wants the 3
            said = before[: len(before) - len(near[0])]
            yield Printed(
                near[1].strip(), near[2] or " ", source, number, alone=False, plain=plain and ends, before=said
            )


def _text_before(line: Sequence[Part], at: int) -> str:
    """The text right before a hole; another hole before that may end in a letter."""
    texts = []
    for part in reversed(line[:at]):
        if isinstance(part, tuple):
            texts.append("0")
            break
        texts.append(part)
    return "".join(reversed(texts))


def _name(text: str) -> tuple[str, str] | None:
    """Name and separator of a line that begins with *text* and goes on with a number."""
    for pattern in (SEPARATED, SPACED):
        found = pattern.fullmatch(text.lstrip())
        if found is not None and found[1].strip():
            key = found[1].strip()
            separator = found[2] if pattern is SEPARATED else " "
            return None if separator in key or not key.isprintable() else (key, separator)
    return None
