"""
A page of Markdown to what a reader does with it: files to write, changes to make, commands to give, and what these say.

A block whose first line names a file (` ```python train.py `) is that file, ` ```diff train.promo ` a change of one;
` ```console ` has commands behind `$ ` with what they print, ` ```sh ` commands alone, and ` ```pycon ` a session of
Python.  A line `...` in what is printed stands for any lines.  What differs from run to run is declared in `VARIES`.
"""

import contextlib
import doctest
import importlib.util
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from promo.base.classes import evolve, field, frozen
from support import promo

FENCE = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"[|&;<>$`*()]|^\w+=")
"""What only a shell understands; any other command of promo is carried out in this process, which is sooner."""
LENGTH = r"\d[\d.]* (?:s|ms|min|h)(?: \d+ (?:s|min))?"
VARIES = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "WHEN"),
    (r"\b\d\d:\d\d(:\d\d)?\b", "TIME"),
    (r"\bin \d+ h( \d+ min)?, by budgets", "in LONG, by budgets"),
    (r"sha256:[0-9a-f]{6,}", "sha256:DIGEST"),
    (r"SHA256:[A-Za-z0-9+/]{43}", "SHA256:KEY"),
    (r"Merkle root \S+", "Merkle root ROOT"),
    (rf"\b(after|spent|took|taken in total:) {LENGTH}", r"\1 LONG"),
    (r"\(\d[\d.]*%\)", "(SHARE)"),
    (r"taken in total: \d[\d.]* of", "taken in total: LONG of"),
    (r"spent \d[\d.]* of a budget", "spent LONG of a budget"),
    (r"(?m)^[A-Za-z0-9+/]{43}=$", "ROOT"),
    (r"\b(build|import|outside|start|total|train) \d[\d.]* s", r"\1 LONG"),
    (rf"{LENGTH} of slot time spent in training, {LENGTH} with", "LONG of slot time spent in training, LONG with"),
    (rf"{LENGTH} of training; {LENGTH} of slot time", "LONG of training; LONG of slot time"),
    (r"\b\d[\d.]* [kM]?B\b", "SIZE"),
)
"""What no two runs have in common -> what is compared in its place."""
COMES_AND_GOES = re.compile(r"TIME  \d+ of \d+ runs; spent .*\n")
"""Lines that depend on how long something takes."""


LONGEST_S = 120


@frozen
class Step:
    """One thing that a reader does."""

    kind: str
    """`file`, `diff`, `command` or `session`."""
    text: str
    says: str | None = None
    """What is printed, as the page has it; None where it shows nothing."""
    name: str = ""
    """Of a file."""
    place: tuple[int, int] = (0, 0)
    """Where in the page that is which is printed."""


@frozen
class Page:
    """A page and the steps on it."""

    path: Path
    text: str
    steps: tuple[Step, ...] = field(init=False)

    @steps.default
    def _steps(self) -> tuple[Step, ...]:
        return tuple(step for block in FENCE.finditer(self.text) for step in _of_block(block))


def read_page(path: Path) -> Page:
    """A page of the repository."""
    return Page(path, path.read_text(encoding="utf-8"))


def _of_block(block):
    language, name, body = block.groups()
    if language == "diff" and name:
        yield Step("diff", body, name=name)
    elif language == "pycon":
        yield Step("session", body)
    elif language == "console":
        yield from _commands(body, block.start(3))
    elif language == "sh":
        text = re.sub(r"\\\n", " ", body)
        yield from (Step("command", one.split("  #")[0].strip()) for one in text.splitlines() if one.strip())
    elif name:
        yield Step("file", body, name=name)


def _commands(body, start):
    for found in re.finditer(r"^\$ (.*\n(?:> .*\n)*)((?:(?!\$ ).*\n)*)", body, re.MULTILINE):
        command = found[1].replace("\n> ", "\n").strip()
        yield Step("command", command, says=found[2] or None, place=(start + found.start(2), start + found.end(2)))


# --- carried out -------------------------------------------------------------------------------------------------


def carried_out(page: Page, skipped: dict[str, str], *, update: bool) -> Page:
    """
    Do what the page says, in the folder where this process is.

    Args:
        page: what to do.
        skipped: beginnings of commands that are not given -> why.
        update: put what was printed into the page, where it differs, instead of failing.

    Returns:
        The page, with what was printed.
    """
    text, names = page.text, {}
    for step in reversed([_done(step, skipped, names, update=update) for step in page.steps]):
        if step.says is not None:
            begin, end = step.place
            text = text[:begin] + step.says + text[end:]
    return evolve(page, text=text)


def _done(step, skipped, names, *, update):
    match step.kind:
        case "file":
            Path(step.name).parent.mkdir(parents=True, exist_ok=True)
            Path(step.name).write_text(step.text, encoding="utf-8")
        case "diff":
            _changed(step)
        case "session":
            _session(step.text, names)
        case _ if any(step.text.startswith(one) for one in skipped):
            return evolve(step, says=None)
        case _:
            status, said = given(step.text)
            assert status == 0, f"$ {step.text}\n{said}\nended with {status}"
            if step.says is not None and not matches(step.says, said):
                assert update, f"$ {step.text}\nprinted:\n{said}\nand the page shows:\n{step.says}"
                return evolve(step, says=said)
    return step


def _changed(step):
    lines = step.text.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    content = Path(step.name).read_text(encoding="utf-8")
    assert content.count(before) == 1, f"{step.name} has not these lines once:\n{before}\nbut:\n{content}"
    Path(step.name).write_text(content.replace(before, after), encoding="utf-8")


def _session(text, names):
    """A session in one process; one that imports what is not installed is left out."""
    imported = re.findall(r"^>>> import (\w+)|to_(pandas|polars)\(", text, re.MULTILINE)
    if any(importlib.util.find_spec(name) is None for name in filter(None, sum(imported, ()))):
        return
    session = doctest.DocTestParser().get_doctest(text, names, "page", None, 0)
    said = io.StringIO()
    failed = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(
        session, out=said.write, clear_globs=False
    )
    names.update(session.globs)
    assert not failed.failed, said.getvalue()


def given(command: str) -> tuple[int, str]:
    """Give a command; how it ended, and what it printed."""
    if command.startswith("promo ") and not SHELL.search(command):
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = promo(*shlex.split(command)[1:])
        return status, said.getvalue()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        ["sh", "-c", command],
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LONGEST_S,
    )
    return done.returncode, done.stdout


def settled(text: str) -> str:
    """A text without what varies."""
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text)
    text = text.replace(str(Path().resolve()), "FOLDER")
    return COMES_AND_GOES.sub("", re.sub(r"[ \t]+$", "", text.strip("\n") + "\n", flags=re.MULTILINE))


def matches(shown: str, said: str) -> bool:
    """Whether what is shown, with `...` for any lines, is what was printed."""
    pattern = re.sub(r"(?m)^\\\.\\\.\\\.\n", "(?:.*\n)*?", re.escape(settled(shown)).replace("\\\n", "\n"))
    return re.fullmatch(pattern, settled(said)) is not None
