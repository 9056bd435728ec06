"""
Python source to the settings of a script: arguments of argparse and click, and constants at its top.

Only what stands there as a value is taken: literals, arithmetic of them, and names of constants.  Nothing is imported.
"""

import ast
import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from promo.base.classes import evolve
from promo.base.units import is_digits
from promo.run.runners.files.constants import pairs
from promo.sketch.commands import ROOT, Commands
from promo.sketch.values import SEEDS, Kind, Knob, Value, Way

CLICK = {"option", "argument"}
KINDS = {"int": Kind.WHOLE, "float": Kind.NUMBER, "str": Kind.TEXT, "click.INT": Kind.WHOLE, "click.FLOAT": Kind.NUMBER}
RANGES = {"IntRange": Kind.WHOLE, "FloatRange": Kind.NUMBER}
SUMS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
LARGEST = 10**18
VARIABLES = ("os.environ.get", "os.getenv", "environ.get", "getenv")
"""What reads a variable of the environment; a constant that is replaced is read from none."""
FLAG = "a flag, and promo passes only arguments that have a value"


def constants(tree: ast.Module) -> dict[str, tuple[ast.expr, int]]:
    """Names that are assigned once in the whole script, at its top: their values and lines."""
    stored: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            stored[node.id] = stored.get(node.id, 0) + 1
    found: dict[str, tuple[ast.expr, int]] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[target], value=value):
                found |= {name: (one, node.lineno) for name, one in pairs(target, value)}
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = (value, node.lineno)
            case _:
                continue
    return {name: one for name, one in found.items() if stored[name] == 1}


def value_of(node: ast.expr | None, known: Mapping[str, tuple[ast.expr, int]], depth: int = 0) -> Value | bool | None:
    """What an expression is, if that stands there; None where it does not, or is too large."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=name) if name in known and depth < 20:
            return value_of(known[name][0], known, depth + 1)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            number = value_of(operand, known, depth + 1)
            return -number if isinstance(number, int | float) else None
        case ast.Call(func=func, args=[_, default]) if ast.unparse(func) in VARIABLES:
            return value_of(default, known, depth + 1)
        case ast.Call(func=ast.Name(id="int" | "float" | "str" as kind), args=[inner]) if depth < 20:
            return _converted(kind, value_of(inner, known, depth + 1))
        case ast.Call(func=ast.Attribute(attr="dirname"), args=[inner]) if "__file__" in ast.unparse(inner):
            return "."  # the folder of the script, in which its names begin
        case ast.Call(func=ast.Attribute(attr="join"), args=parts) if parts and depth < 20:
            return _joined([value_of(part, known, depth + 1) for part in parts])
        case ast.BinOp(left=left, op=op, right=right) if depth < 20:
            return _sum(op, value_of(left, known, depth + 1), value_of(right, known, depth + 1))
        case _:
            return None


def _converted(kind: str, value: Value | bool | None) -> Value | None:
    """What `int(...)`, `float(...)` or `str(...)` makes of a value."""
    if value is None or isinstance(value, bool):
        return None
    try:
        made: Value = str(value) if kind == "str" else int(value) if kind == "int" else float(value)
    except (ValueError, OverflowError):
        return None
    return made if isinstance(made, str) or abs(made) < LARGEST else None


def _joined(parts: Sequence[Value | bool | None]) -> str | None:
    """Parts of a path as one, below the folder of the script; None where one of them is not known."""
    texts = [part for part in parts if isinstance(part, str)]
    return str(PurePosixPath(*texts)) if len(texts) == len(parts) else None


def _sum(op: ast.operator, left: Value | bool | None, right: Value | bool | None) -> Value | None:
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return None
    try:
        if isinstance(op, ast.Pow):
            made = left**right if abs(right) <= 64 and abs(left) <= 1024 else None
        else:
            made = SUMS[type(op)](left, right) if type(op) in SUMS else None
    except (ArithmeticError, ValueError):
        return None
    return made if isinstance(made, int | float) and abs(made) < LARGEST else None


# --- arguments ---------------------------------------------------------------------------------------------------


def arguments(tree: ast.Module, commands: Commands | None) -> tuple[list[Knob], dict[str, str]]:
    """Arguments of argparse and click that have a value, and those that cannot be factors, with why."""
    known, knobs, unread = constants(tree), dict[str, Knob](), dict[str, str]()
    for owner, call in _declarations(tree):
        own = {ROOT} if commands is None else commands.owns(owner)
        if commands is not None and not own & {ROOT, commands.chosen}:
            continue
        words = [word for word in (value_of(one, known) for one in call.args) if isinstance(word, str)]
        if not words or words in (["-h"], ["--help"]):
            continue
        made = _argument(call, words, known)
        if isinstance(made, str):
            unread[_shown(words)] = made
        elif made is not None:
            before = commands is not None and commands.chosen not in own
            knobs.setdefault(made.name, evolve(made, before=before))
    return list(knobs.values()), unread


def _declarations(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Calls that declare an argument, as they stand in the source, each with its parser or function."""
    found: list[tuple[str, ast.Call]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
            found.append((ast.unparse(node.func.value), node))
        if isinstance(node, ast.FunctionDef):
            calls = [one for one in node.decorator_list if isinstance(one, ast.Call)]
            declared = (one for one in calls if ast.unparse(one.func).removeprefix("click.") in CLICK)
            found += [(node.name, one) for one in declared]
    yield from sorted(found, key=lambda one: one[1].lineno)


def _shown(words: Sequence[str]) -> str:
    """The longest of the words of an argument, as one types it."""
    dashed = [word for word in words if word.startswith("-")]
    return max(dashed or words, key=len).partition("/")[0].strip()


def _argument(call: ast.Call, words: Sequence[str], known: Mapping[str, tuple[ast.expr, int]]) -> Knob | str | None:
    """The setting that a call declares; why it is none, or nothing where the script's default is all it needs."""
    given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    word = _shown(words)
    kind = given.get("type")
    flag = value_of(given.get("action"), known)
    if any("/" in one for one in words) or value_of(given.get("is_flag"), known) is True or isinstance(flag, str):
        return None if flag in ("version", "help") else FLAG
    if "action" in given or (kind is not None and ast.unparse(kind) in ("bool", "click.BOOL")):
        return FLAG
    if any(name in given for name in ("nargs", "multiple")):
        return "several values"
    default = value_of(given.get("default"), known)
    if isinstance(default, bool):
        return FLAG
    choices, found, low, high = _kind(kind, given.get("choices"), default, known)
    positional = not word.startswith("-")
    required = value_of(given.get("required"), known) is True or (positional and default is None)
    dest = value_of(given.get("dest"), known)
    name = named(dest if isinstance(dest, str) else word)
    needed = default is None and (required or "prompt" in given)
    if default is None and not needed and not (found is Kind.WHOLE and SEEDS.fullmatch(name)):
        return "no default that stands in the source"
    meaning = value_of(given.get("help"), known)
    return Knob(
        name=name,
        word=word,
        way=Way.ARGUMENTS,
        kind=found,
        default=default,
        line=call.lineno,
        choices=choices,
        low=low,
        high=high,
        required=needed,
        follows=computed_from(given.get("default"), known),
        meaning=" ".join(meaning.split()) if isinstance(meaning, str) else "",
    )


def _kind(
    kind: ast.expr | None, among: ast.expr | None, default: Value | None, known: Mapping[str, tuple[ast.expr, int]]
) -> tuple[tuple[str, ...], Kind, Value | None, Value | None]:
    """Choices, kind, lowest and highest value of an argument."""
    name = ast.unparse(kind) if kind is not None else ""
    low: Value | bool | None = None
    high: Value | bool | None = None
    if isinstance(kind, ast.Call):
        name = ast.unparse(kind.func).rpartition(".")[2]
        if name == "Choice" and kind.args:
            among = kind.args[0]
        if name in RANGES:
            given = {keyword.arg: keyword.value for keyword in kind.keywords}
            ends = [*kind.args, None, None]
            low = value_of(given.get("min", ends[0]), known)
            high = value_of(given.get("max", ends[1]), known)
    if isinstance(among, ast.List | ast.Tuple | ast.Set):
        words = [value_of(one, known) for one in among.elts]
        if words and all(isinstance(one, str) for one in words):
            return tuple(map(str, words)), Kind.CHOICE, None, None
    kinds = {**KINDS, **RANGES}
    return (), kinds.get(name, kind_of(default)), low, high


def kind_of(default: Value | bool | None) -> Kind:
    """What kind a default tells."""
    if isinstance(default, int):
        return Kind.WHOLE
    return Kind.NUMBER if isinstance(default, float) else Kind.TEXT


# --- constants ---------------------------------------------------------------------------------------------------


def constant_knobs(tree: ast.Module) -> list[Knob]:
    """Constants at the top of a script that are a number or a text."""
    known = constants(tree)
    found = []
    for name, (node, line) in known.items():
        value = value_of(node, known)
        if value is not None and not isinstance(value, bool) and not name.startswith("_"):
            follows = computed_from(node, known)
            found.append(Knob(named(name), name, Way.CONSTANTS, kind_of(value), value, line, follows=follows))
    return found


def computed_from(node: ast.expr | None, known: Mapping[str, tuple[ast.expr, int]]) -> frozenset[str]:
    """Constants that an expression names, and those that their own values name."""
    found: set[str] = set()
    waiting = [node] if node is not None else []
    while waiting:
        names = {one.id for one in ast.walk(waiting.pop()) if isinstance(one, ast.Name)}
        new = (names & known.keys()) - found
        found |= new
        waiting += [known[name][0] for name in new]
    return frozenset(found)


def named(word: str) -> str:
    """A word of a script as a name of promo; empty where nothing of it can be in one."""
    name = re.sub(r"[^a-z0-9]+", "_", word.lower()).strip("_")[:60]
    return f"x_{name}" if is_digits(name[:1]) else name
