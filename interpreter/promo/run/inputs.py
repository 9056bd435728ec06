"""
Runner file to what its runs rest on and the study did not freeze: programs, modules and variables of this machine.

They are recorded at each start of promo, files by their digest and variables by their value, and a study goes on only
with the same.  Which files these are, the texts that are known tell: the file of a runner and the files that it names
first, and then each file of code that was found through them.

- What the command line starts, by a path or on PATH, and code that lies beside it; interpreters that a script names.
- Code whose absolute path stands in such a text, and code beside that.
- Modules of PYTHONPATH whose names stand in such a text.

Code is told by its ending.  What a program reads besides, for example data, nobody can tell from outside: `promo check`
warns of a runner that starts what is not frozen, and the report says it among the limitations.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import assert_never

from promo.base.canonical import digest_bytes
from promo.base.reading import read_plain
from promo.ledger.sources import Input, InputKind
from promo.run.disk import DISK
from promo.run.program import Command, Function, Script
from promo.run.redact import redact_text
from promo.run.runners.files.declare import FileRunner

CODE = re.compile(r"\.(bash|bat|c|cc|cpp|cu|cuh|h|jar|jl|js|lua|mjs|pl|ps1|py|pyx|r|rb|sh|so|ts|zsh)", re.IGNORECASE)
"""Endings of files that are carried out or compiled."""
SETTINGS = re.compile(r"\.(cfg|ini|json|toml|ya?ml)", re.IGNORECASE)
"""Endings of files that a text names by their path to steer a program; beside code they may be what it writes."""
SHELLS = (".sh", ".bash", ".zsh")
PROGRAM_FOLDERS = frozenset({"bin", "sbin", "scripts"})
"""Where programs lie that have nothing to do with each other."""
NOT_CODE = frozenset({"__pycache__", "node_modules", "site-packages"})
MOST_FILES, MOST_SEEN = 500, 5_000
"""Files of code that are recorded in all, and names that are looked at in one folder and those below."""
MOST_BYTES = 2**30
"""Of a file whose digest is taken; a larger one is known by its size."""
LONGEST_VALUE = 4_096
"""Characters of a variable that are shown; its digest is of all of them."""
LONGEST = 4_000_000
"""Bytes of a file that is searched for names of others."""
PATH = re.compile(r"(?<![\w./~-])/[^\s\"'`;|&()<>${},:=\[\]]+")
INTERPRETER = re.compile(r"\b(?:accelerate|bash|conda|julia|node|perl|python[0-9.]*|Rscript|ruby|sh|torchrun|uv)\b")
"""What a script may hand its work to."""
KERNEL = re.compile(r"/(dev/(?!shm/)|proc/|sys/)")


def inputs_of(runner: FileRunner, environment: Mapping[str, str]) -> tuple[Input, ...]:
    """
    What runs of a runner rest on, and the study did not freeze, as it is now.

    Args:
        runner: kept in files.
        environment: promo's own, of which workers get PATH, PYTHONPATH and what the runner declares.

    Returns:
        Sorted; of a file that cannot be read the digest is None, as is the value of a variable that is not set.
    """
    found = _Search(environment)
    for text in runner.files.values():
        found.read(text)
    match runner.program.does:
        case Command() | Script() as does:
            found.start(does.argv)
        case Function():
            pass
        case _:
            assert_never(runner.program.does)
    variables = (_variable(name, environment.get(name)) for name in dict.fromkeys(runner.program.environment))
    return tuple(sorted((*found.inputs(), *variables), key=lambda one: (one.kind.value, one.name)))


def _variable(name: str, value: str | None) -> Input:
    """A variable; what looks like a key is starred, and known by its digest alone."""
    if value is None:
        return Input(InputKind.VARIABLE, name, None, None)
    shown = redact_text(f"{name}={value}").partition("=")[2]
    digest = digest_bytes(value.encode(errors="surrogateescape"))
    return Input(InputKind.VARIABLE, name, digest, _text_of(shown[:LONGEST_VALUE]))


def _text_of(name: str) -> str:
    """What the system calls something, as text that can be stored, whatever bytes it is made of."""
    return name.encode(errors="backslashreplace").decode()


class _Search:
    """Files that were found so far, and what their texts name."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._path = environment.get("PATH", os.defpath)
        self._files: dict[Path, tuple[InputKind, str]] = {}
        self._read: set[Path] = set()
        self._words: set[str] = set()
        self._modules = _modules(environment.get("PYTHONPATH", ""))

    def inputs(self) -> Iterator[Input]:
        """Every file that was found, with its digest."""
        for path, (kind, name) in self._files.items():
            try:
                size = path.stat().st_size
                large = size > MOST_BYTES
                yield Input(
                    kind, _text_of(name), None if large else DISK.digest(path), f"{size} bytes" if large else None
                )
            except OSError:
                yield Input(kind, _text_of(name), None, None)

    def start(self, argv: Sequence[str]) -> None:
        """Take in what a command line starts."""
        for number, word in enumerate(argv):
            path = Path(word)
            if "{" in word or "\0" in word:
                continue
            if path.is_absolute():
                if path.is_file() and (number < 2 or _is_code(path) or SETTINGS.fullmatch(path.suffix)):
                    self._take_beside(path)
            elif number == 0 and os.sep not in word:
                self._take_programs([word])

    def _take_programs(self, names: Sequence[str]) -> None:
        for name in dict.fromkeys(names):
            there = shutil.which(name, path=self._path)
            if there is not None:
                self._take(Path(there), InputKind.PROGRAM, name)

    def read(self, text: str) -> None:
        """Take in what a text names: code by its path, modules by their names."""
        for named in dict.fromkeys(PATH.findall(text)):
            path = Path(named)
            code = _is_code(path) or SETTINGS.fullmatch(path.suffix)
            if not KERNEL.match(named) and _is_file(path) and code:
                self._take_beside(path)
        self._words.update(re.findall(r"[A-Za-z_]\w*", text))
        for name in sorted(self._modules.keys() & self._words):
            there = self._modules.pop(name, ())  # its own texts may have led there already
            first, files = next(((place, files) for place in there if (files := _files_of(place))), (Path(), ()))
            for path in files:
                self._take(path, InputKind.MODULE, path.relative_to(first.parent).as_posix())

    def _take_beside(self, path: Path) -> None:
        self._take(path, InputKind.FILE, str(path))
        alone = str(path.parent) in self._path.split(os.pathsep) or path.parent.name.lower() in PROGRAM_FOLDERS
        if not alone and CODE.fullmatch(path.suffix):
            for other in _code_below(path.parent):
                self._take(other, InputKind.FILE, str(other))

    def _take(self, path: Path, kind: InputKind, name: str) -> None:
        if path in self._files or len(self._files) >= MOST_FILES:
            return
        self._files[path] = kind, name
        if CODE.fullmatch(path.suffix) or kind is InputKind.FILE:
            text = _text(path)
            if text is not None:
                self.read(text)
                if text.startswith("#!") or path.suffix in SHELLS:
                    self._take_programs(INTERPRETER.findall(text))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _is_code(path: Path) -> bool:
    return bool(CODE.fullmatch(path.suffix)) or os.access(path, os.X_OK)


def _text(path: Path) -> str | None:
    """A file as text; None for what is too large, no text, or cannot be read."""
    try:
        content = read_plain(path, LONGEST)
    except OSError:
        return None
    return None if b"\0" in content[:1024] else content.decode(errors="replace")


def _code_below(folder: Path) -> tuple[Path, ...]:
    """Code in a folder and those below it; in a folder that holds very much, only what lies in it itself."""
    found: list[Path] = []
    seen = 0
    for place, folders, names in os.walk(folder):
        if seen and seen + len(names) > MOST_SEEN:
            return tuple(path for path in found if path.parent == folder)
        seen += len(names) + len(folders)
        folders[:] = sorted(name for name in folders if _is_looked_into(Path(place, name)))
        found += [Path(place, name) for name in sorted(names) if CODE.fullmatch(Path(name).suffix)]
    return tuple(found)


def _is_looked_into(folder: Path) -> bool:
    skipped = folder.name.startswith(".") or folder.name in NOT_CODE or folder.suffix == ".study"
    return not skipped and not (folder / "pyvenv.cfg").exists()


def _modules(search_path: str) -> dict[str, tuple[Path, ...]]:
    """Name -> what has it in the folders of PYTHONPATH, in their order; the first that has code counts."""
    own = Path(__file__).parents[1]
    found: dict[str, tuple[Path, ...]] = {}
    for place in map(Path, filter(None, search_path.split(os.pathsep))):
        with contextlib.suppress(OSError):
            for path in sorted(place.iterdir()):
                if path.resolve() != own:
                    name = path.name.partition(".")[0]
                    found[name] = (*found.get(name, ()), path)
    return found


def _files_of(module: Path) -> tuple[Path, ...]:
    """The code of a module, which is a folder or a file."""
    if module.is_dir() and "." not in module.name:
        return _code_below(module)
    return (module,) if _is_module(module) else ()


def _is_module(path: Path) -> bool:
    return path.suffix.lower() in (".py", ".so", ".pyd") and path.is_file()
