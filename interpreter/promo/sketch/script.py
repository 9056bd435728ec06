"""
The file of a script to what its source tells: settings, seeds, printed numbers, and what it needs beside it.

Files are read through a function that is given, and the modules of the script's own folder are followed; nothing is
imported and nothing runs.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from promo.base.classes import evolve
from promo.sketch.commands import commands_of
from promo.sketch.hydra import overrides
from promo.sketch.prints import printed_by
from promo.sketch.settings import arguments, constant_knobs, constants, named, value_of
from promo.sketch.signatures import signatures
from promo.sketch.values import SEEDS, Script, SketchError

Read = Callable[[str], str | None]
"""Name of a file beside the script -> its text; None where there is none that is a small text."""
MOST_FILES = 200
LONGEST_NAME = 200
SEEDING = {"seed", "manual_seed", "manual_seed_all", "set_seed", "seed_everything", "default_rng", "Random"}
SEEDING |= {"PRNGKey", "set_random_seed", "RandomState"}
NATS = re.compile(
    r"(.*\.)?(\w*cross_?entropy\w*|nll\w*|log_softmax|logsumexp|log_loss)|"
    r"(math|np|numpy|jnp|torch|tf\.math)\.log(1p)?|.*\.from_pretrained",
    re.IGNORECASE,
)
"""What computes a loss in nats when it is called, or has one that does."""
HAND = "write the runner file by hand: interpreter/README.md, Writing a runner"


def read_script(file: str, read: Read, is_there: Callable[[str], bool]) -> Script:
    """
    What a script tells of itself.

    Args:
        file: its name in its folder.
        read: text of a file of that folder; None when it is not there, or no text of a size that a study keeps.
        is_there: whether something of that name lies there.

    Raises:
        SketchError: it is no Python, or its command line cannot be used.
    """
    text = read(file)
    if text is None:
        raise SketchError(f"{file} is not UTF-8 text")
    try:
        return _read(file, _parsed(file, text), read, is_there)
    except RecursionError as fault:
        raise SketchError(f"{file} nests too deep to be read") from fault


def _read(file: str, tree: ast.Module, read: Read, is_there: Callable[[str], bool]) -> Script:
    commands = commands_of(tree)
    if commands is not None and commands.chosen is None:
        words = ", ".join(commands.words)
        raise SketchError(f"{file} has the subcommands {words}, and promo cannot tell which of them trains", HAND)
    own = _modules(tree, read, PurePosixPath(""))
    trees = [tree, *own.values()]
    knobs, unread = arguments(tree, commands)
    more, others = signatures(tree, commands)
    composed, beside = overrides(tree, read)
    literal = sorted(_literal_names(trees) - {file, *own})
    texts = tuple(name for name in literal if read(name) is not None)
    return Script(
        file=file,
        command="" if commands is None else str(commands.chosen),
        knobs=(*knobs, *more, *composed, *constant_knobs(tree)),
        module_knobs=tuple(
            evolve(knob, word=f"{path}/{knob.word}", follows=frozenset(f"{path}/{name}" for name in knob.follows))
            for path, one in own.items()
            for knob in constant_knobs(one)
        ),
        unread={**unread, **others},
        seeded=_seeded(tree),
        seeds=frozenset(name for each in trees for name in _seeds(each)),
        printed=tuple(one for each in trees for one in printed_by(each)),
        files=tuple(dict.fromkeys((*own, *texts, *beside))),
        elsewhere=tuple(
            name
            for name in literal
            if name not in texts and is_there(name) and not any(path.startswith(f"{name}/") for path in beside)
        ),
        in_nats=any(NATS.fullmatch(ast.unparse(call.func)) for each in trees for call in _calls(each)),
        modules=_needed(trees, own),
        variables=tuple(sorted({name for each in trees for name in _variables(each)})),
    )


def _parsed(file: str, text: str) -> ast.Module:
    try:
        return ast.parse(text.removeprefix("\ufeff"))
    except SyntaxError as fault:
        message = f"{file} does not parse: line {fault.lineno}: {fault.msg}"
        raise SketchError(message, f"see: python -m py_compile {file}") from fault
    except (ValueError, RecursionError, MemoryError) as fault:
        raise SketchError(f"{file} does not parse: {fault}") from fault


def _modules(tree: ast.Module, read: Read, folder: PurePosixPath) -> dict[str, ast.Module]:
    """Modules of the script's own folder that it imports, directly or through others: path -> tree."""
    found: dict[str, ast.Module] = {}
    waiting = [(tree, folder)]
    while waiting and len(found) < MOST_FILES:
        here, folder = waiting.pop()
        for name in _imported(here, folder):
            for path in _places(name):
                text = None if path in found else read(path)
                if text is not None:
                    found[path] = _parsed(path, text)
                    waiting.append((found[path], PurePosixPath(path).parent))
    return found


def _imported(tree: ast.Module, folder: PurePosixPath) -> Iterator[str]:
    """Dotted names of everything that is imported somewhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        if isinstance(node, ast.ImportFrom):
            parts = folder.parts[: len(folder.parts) - node.level + 1] if node.level else ()
            base = ".".join((*parts, *([node.module] if node.module else [])))
            yield from filter(None, (base, *(f"{base}.{one.name}".strip(".") for one in node.names)))


def _places(name: str) -> Iterator[str]:
    """Where a module of that dotted name, and the packages around it, would lie."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        base = "/".join(parts[:count])
        yield f"{base}/__init__.py"
        yield f"{base}.py"


def _needed(trees: list[ast.Module], own: dict[str, ast.Module]) -> tuple[str, ...]:
    """Packages, not of Python itself, that are imported at the top of the script or of a module of its own."""
    local = {PurePosixPath(path).parts[0].removesuffix(".py") for path in own}
    names = {
        name.partition(".")[0]
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level)
        for name in ([one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    return tuple(sorted(names - local - sys.stdlib_module_names - {""}))


def _literal_names(trees: list[ast.Module]) -> set[str]:
    """Texts of the source that may be names of files which it reads."""
    written = {id(call.args[0]) for tree in trees for call in _calls(tree) if _writes(call)}
    texts = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    found = {node.value for node in texts if isinstance(node.value, str) and id(node) not in written}
    return {PurePosixPath(text).as_posix() for text in found if _may_be_a_file(text)}


def _may_be_a_file(text: str) -> bool:
    path = PurePosixPath(text)
    plain = 0 < len(text) <= LONGEST_NAME and text.isprintable() and not set(text) & set('{}*?"\\')
    return plain and not path.is_absolute() and ".." not in path.parts and path.as_posix() not in (".", "")


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)


def _writes(call: ast.Call) -> bool:
    """Whether it opens a file to write into it."""
    mode = call.args[1] if len(call.args) > 1 else next((one.value for one in call.keywords if one.arg == "mode"), None)
    words = isinstance(mode, ast.Constant) and isinstance(mode.value, str) and set("wax") & set(mode.value)
    return ast.unparse(call.func).rpartition(".")[2] == "open" and bool(words)


def _variables(tree: ast.Module) -> Iterator[str]:
    """Variables that are read as `os.environ["NAME"]`, which fails where there is none."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name)), ctx=ast.Load()):
                if ast.unparse(value) in ("os.environ", "environ"):
                    yield name
            case _:
                continue


def _seeded(tree: ast.Module) -> tuple[str, ...]:
    """Functions that every call of seeds with a number that stands there, by their dotted name."""
    known, sure = constants(tree), dict[str, bool]()
    for call in _calls(tree):
        name = ast.unparse(call.func)
        if name.rpartition(".")[2] in SEEDING and name.replace(".", "_").isidentifier():
            value = value_of(call.args[0], known)
            sure[name] = sure.get(name, True) and isinstance(value, int) and not isinstance(value, bool)
    return tuple(name for name, good in sure.items() if good)


def _seeds(tree: ast.Module) -> Iterator[str]:
    """Names whose value is handed to what takes a seed, as `state` of `random.Random(args.state)`."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        first = call.args[:1] if ast.unparse(call.func).rpartition(".")[2] in SEEDING else []
        for given in (*first, *(one.value for one in call.keywords if SEEDS.fullmatch(one.arg or ""))):
            if isinstance(given, ast.Name | ast.Attribute):
                yield named(given.id if isinstance(given, ast.Name) else given.attr)
