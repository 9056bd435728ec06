"""
A script of Hydra to its settings: the numbers in its main file of settings, and in the groups that this file names.

Only lines that give a number to a name are read, below the names that they are indented under; all else is Hydra's.
"""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator

from promo.base.units import is_digits
from promo.sketch.settings import kind_of, named
from promo.sketch.values import Knob, Value, Way

LINE = re.compile(r"( *)([A-Za-z_]\w*):(?: +([^#]*?))?(?: *#.*)?")
GROUP = re.compile(r" *- (?:override )?/?([a-z_][\w/]*): *([\w.-]+) *(?:#.*)?", re.IGNORECASE)
NUMBER = re.compile(r"[+-]?([0-9][0-9_]*)(\.[0-9]*)?(e[+-]?[0-9]+)?|[+-]?\.[0-9]+(e[+-]?[0-9]+)?", re.IGNORECASE)
PACKAGE = "@package"
"""A file of a group that says so stands under another name than its folder's."""


def overrides(tree: ast.Module, read: Callable[[str], str | None]) -> tuple[list[Knob], tuple[str, ...]]:
    """Settings that a command line may override as `optim.lr=0.1`, and the files that they stand in."""
    found: dict[str, tuple[Value, int]] = {}
    files = []
    for folder, name in _mains(tree):
        main = f"{folder}/{name.removesuffix('.yaml')}.yaml"
        text = read(main)
        if text is None:
            continue
        files.append(main)
        for group, choice in GROUP.findall(text):
            path = f"{folder}/{group}/{choice.removesuffix('.yaml')}.yaml"
            part = read(path)
            if part is not None:
                files.append(path)
                found |= {} if PACKAGE in part else dict(_numbers(part, tuple(group.split("/"))))
        found |= dict(_numbers(text, ()))
    leaves = Counter(word.rpartition(".")[2] for word in found)
    names = {word: leaf if leaves[leaf := word.rpartition(".")[2]] == 1 else word for word in found}
    knobs = [
        Knob(named(names[word]), f"{word}=", Way.ARGUMENTS, kind_of(value), value, line)
        for word, (value, line) in found.items()
    ]
    return knobs, tuple(dict.fromkeys(files))


def _mains(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Folder and name that `@hydra.main(...)` gives."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    for call in calls:
        if ast.unparse(call.func) == "hydra.main":
            given = {one.arg: one.value.value for one in call.keywords if isinstance(one.value, ast.Constant)}
            folder, name = given.get("config_path"), given.get("config_name")
            if isinstance(folder, str) and isinstance(name, str):
                yield folder.rstrip("/"), name


def _numbers(text: str, prefix: tuple[str, ...]) -> Iterator[tuple[str, tuple[Value, int]]]:
    """Dotted name -> number and line."""
    above: list[tuple[int, str]] = []
    for line, content in enumerate(text.splitlines(), 1):
        match = LINE.fullmatch(content)
        if match is None:
            continue
        indent, name, value = len(match[1]), match[2], match[3] or ""
        while above and above[-1][0] >= indent:
            above.pop()
        if NUMBER.fullmatch(value):
            whole = is_digits(value.lstrip("+-").replace("_", ""))
            yield ".".join((*prefix, *(one for _, one in above), name)), (int(value) if whole else float(value), line)
        above.append((indent, name))
