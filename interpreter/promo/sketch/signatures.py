"""
Python source to the arguments of a script whose command line is made from a function or a dataclass.

Libraries differ in how they write a field `max_steps` of a part `optim`: `--optim.max-steps`, `--optim.max_steps` or
`--max_steps`.  Sources: the documentation of tyro, pyrallis, draccus, simple-parsing, transformers, fire and typer.
"""

import ast
import re
from collections.abc import Iterator, Mapping

from promo.base.classes import frozen
from promo.sketch.commands import Commands, apps
from promo.sketch.settings import FLAG, constants, kind_of, named, value_of
from promo.sketch.values import SEEDS, Kind, Knob, Way

Sources = Mapping[str, ast.ClassDef | ast.FunctionDef]
KINDS = {"int": Kind.WHOLE, "float": Kind.NUMBER, "str": Kind.TEXT}
OPTIONAL = re.compile(r"(typing\.)?Optional\[|\]| \| None|None \| ")
"""What a type says beside the type of a value that is there."""
DEEPEST = 5
"""Dataclasses in dataclasses that are followed."""


@frozen
class Style:
    """How a library writes its arguments."""

    nested: bool
    """Whether the part that a field is of stands before it, with a dot."""
    hyphens: bool
    by_place: bool = False
    """Whether what has no default is known by its place, and not by its name."""


STYLES = {
    "tyro.cli": Style(nested=True, hyphens=True),
    "pyrallis.parse": Style(nested=True, hyphens=False),
    "draccus.parse": Style(nested=True, hyphens=False),
    "simple_parsing.parse": Style(nested=False, hyphens=False),
    "HfArgumentParser": Style(nested=False, hyphens=False),
    "transformers.HfArgumentParser": Style(nested=False, hyphens=False),
    "fire.Fire": Style(nested=False, hyphens=False),
    "typer.run": Style(nested=False, hyphens=True, by_place=True),
}
"""Function that makes a command line -> how it does."""


def signatures(tree: ast.Module, commands: Commands | None) -> tuple[list[Knob], dict[str, str]]:
    """Arguments that have a value, and those that cannot be factors, with why."""
    knobs, unread = dict[str, Knob](), dict[str, str]()
    sources = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    for source, style in (*_made(tree, sources), *_of_apps(tree, commands)):
        for made in _fields(source, style, sources, tree, ()):
            if isinstance(made, Knob):
                knobs.setdefault(made.name, made)
            else:
                unread.setdefault(*made)
    return list(knobs.values()), unread


def _made(tree: ast.Module, sources: Sources) -> Iterator[tuple[ast.ClassDef | ast.FunctionDef, Style]]:
    """What a call makes a command line from, and how."""
    for call in ast.walk(tree):
        style = STYLES.get(ast.unparse(call.func)) if isinstance(call, ast.Call) else None
        if style is not None and isinstance(call, ast.Call):
            yield from ((source, style) for source in _named_in(call, sources))


def _of_apps(tree: ast.Module, commands: Commands | None) -> Iterator[tuple[ast.FunctionDef, Style]]:
    """The function of typer that trains."""
    for source in (one for own in apps(tree).values() for one in own):
        if commands is None or commands.chosen in commands.owns(source.name):
            yield source, STYLES["typer.run"]


def _named_in(call: ast.Call, sources: Sources) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """What a command line is made from."""
    given = [*call.args[:1], *(one.value for one in call.keywords if one.arg == "config_class")]
    for one in given:
        several = one.elts if isinstance(one, ast.Tuple | ast.List) else [one]
        yield from (sources[name.id] for name in several if isinstance(name, ast.Name) and name.id in sources)


def _fields(
    source: ast.ClassDef | ast.FunctionDef, style: Style, sources: Sources, tree: ast.Module, parts: tuple[str, ...]
) -> Iterator[Knob | tuple[str, str]]:
    known = constants(tree)
    for name, kind, default, line in _declared(source):
        part = sources.get(kind)
        if part is not None and len(parts) < DEEPEST:
            yield from _fields(part, style, sources, tree, (*parts, name) if style.nested else parts)
            continue
        dashes = "" if default is None and style.by_place else "--"
        word = dashes + ".".join(one.replace("_", "-") if style.hyphens else one for one in (*parts, name))
        value = value_of(default, known)
        if kind == "bool" or isinstance(value, bool):
            yield word, FLAG
            continue
        found = named("_".join((*parts, name)))
        kind_is = KINDS.get(OPTIONAL.sub("", kind), kind_of(value))
        is_seed = kind_is is Kind.WHOLE and SEEDS.fullmatch(found) is not None
        if value is None and default is not None and not is_seed:
            yield word, "no default that stands in the source"
        else:
            yield Knob(found, word, Way.ARGUMENTS, kind_is, value, line, required=default is None)


def _declared(source: ast.ClassDef | ast.FunctionDef) -> Iterator[tuple[str, str, ast.expr | None, int]]:
    """Fields of a dataclass, or parameters of a function: name, type, default and line."""
    if isinstance(source, ast.ClassDef):
        for node in source.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield node.target.id, ast.unparse(node.annotation), _default(node.value), node.lineno
        return
    several = [*source.args.posonlyargs, *source.args.args]
    defaults = [*[None] * (len(several) - len(source.args.defaults)), *source.args.defaults]
    pairs = [*zip(several, defaults, strict=True)]
    pairs += zip(source.args.kwonlyargs, source.args.kw_defaults, strict=True)
    for one, default in pairs:
        yield one.arg, ast.unparse(one.annotation) if one.annotation else "", _default(default), one.lineno


def _default(value: ast.expr | None) -> ast.expr | None:
    """The default in `field(default=...)` and `typer.Option(...)`; of an own class that is made anew none is needed."""
    if isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] in ("field", "Option"):
        given = next((one.value for one in value.keywords if one.arg == "default"), None)
        return given or (value.args[0] if value.args else None)
    return value
