"""
Python source to the subcommand of a script that trains, and whose arguments are whose.

Subcommands of argparse are known by the names of their parsers, those of click by the function that they decorate.
"""

import ast
from collections.abc import Iterator, Mapping

from promo.base.classes import frozen

TRAINING = ("train", "pretrain", "fit", "finetune", "fine-tune", "run")
"""What a subcommand that trains is called, the likeliest first."""
ROOT = ""
GROUPS = ("add_argument_group", "add_mutually_exclusive_group")

Owners = Mapping[str, frozenset[str]]
"""Name of a parser, or of a function that click decorates -> subcommands that it is of; `ROOT` is the script itself."""


@frozen
class Commands:
    """The subcommands of a script."""

    words: tuple[str, ...]
    owners: Owners

    @property
    def chosen(self) -> str | None:
        """The one that trains by its name, or the only one; None where that is not clear."""
        if len(self.words) == 1:
            return self.words[0]
        return next((word for word in TRAINING if word in self.words), None)

    def owns(self, owner: str) -> frozenset[str]:
        """Whose arguments those of a parser or function are."""
        return self.owners.get(owner, frozenset({ROOT}))


def commands_of(tree: ast.Module) -> Commands | None:
    """The subcommands of a script; None where it has none."""
    found = {**dict(_parsers(tree)), **dict(_functions(tree))}
    words = tuple(dict.fromkeys(word for one in found.values() for word in sorted(one) if word != ROOT))
    return Commands(words, found) if words else None


# --- argparse ----------------------------------------------------------------------------------------------------


def _parsers(tree: ast.Module) -> Iterator[tuple[str, frozenset[str]]]:
    made, same = dict[str, set[str]](), dict[str, set[str]]()
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Attribute(attr="add_parser")) as call):
                for word in _text(call):
                    made.setdefault(name, set()).add(word)
                    for parent in _parents(call):
                        made.setdefault(parent, set()).add(word)
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=ast.Attribute(attr=attribute, value=ast.Name(id=parser))),
            ) if attribute in GROUPS:
                same.setdefault(name, set()).add(parser)
            case ast.For(target=ast.Name(id=name), iter=ast.Tuple(elts=several) | ast.List(elts=several)):
                same.setdefault(name, set()).update(one.id for one in several if isinstance(one, ast.Name))
            case _:
                continue
    if made:
        for name, parser in _given(tree):
            same.setdefault(name, set()).add(parser)
        yield from ((name, frozenset(_owned(name, made, same, ()))) for name in (*made, *same))


def _given(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Parameters of functions of the script, and the names that are given for them."""
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in functions:
            for parameter, given in zip(functions[call.func.id].args.args, call.args, strict=False):
                if isinstance(given, ast.Name):
                    yield parameter.arg, given.id


def _owned(name: str, made: Mapping[str, set[str]], same: Mapping[str, set[str]], seen: tuple[str, ...]) -> set[str]:
    if name in seen:
        return set()
    own = set(made.get(name, ()))
    for parser in same.get(name, ()):
        own |= _owned(parser, made, same, (*seen, name))
    return own or {ROOT}


def _parents(call: ast.Call) -> Iterator[str]:
    """Parsers whose arguments a subcommand has, too."""
    for keyword in call.keywords:
        if keyword.arg == "parents" and isinstance(keyword.value, ast.List | ast.Tuple):
            yield from (one.id for one in keyword.value.elts if isinstance(one, ast.Name))


def _text(call: ast.Call) -> Iterator[str]:
    if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str):
        yield call.args[0].value


# --- click -------------------------------------------------------------------------------------------------------


def _functions(tree: ast.Module) -> Iterator[tuple[str, frozenset[str]]]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    groups = {node.name for node in functions if any(_last(one) == "group" for one in node.decorator_list)}
    groups |= {app for app, own in apps(tree).items() if len(own) > 1}  # a single command of typer has no word
    for node in functions:
        for one in node.decorator_list:
            call = one.func if isinstance(one, ast.Call) else one
            if isinstance(call, ast.Attribute) and call.attr == "command" and ast.unparse(call.value) in groups:
                named = list(_text(one)) if isinstance(one, ast.Call) else []
                yield node.name, frozenset({named[0] if named else node.name.replace("_", "-")})


def apps(tree: ast.Module) -> Mapping[str, tuple[ast.FunctionDef, ...]]:
    """Names of what `typer.Typer()` made -> the functions that are its commands."""
    made = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)]
    names = [ast.unparse(node.targets[0]) for node in made if _last(node.value) == "Typer"]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {name: tuple(node for node in functions if _is_decorated(node, f"{name}.command")) for name in names}


def _is_decorated(node: ast.FunctionDef, by: str) -> bool:
    return any(ast.unparse(one.func if isinstance(one, ast.Call) else one) == by for one in node.decorator_list)


def _last(node: ast.expr) -> str:
    """The last part of a decorator's name."""
    return ast.unparse(node.func if isinstance(node, ast.Call) else node).rpartition(".")[2]
