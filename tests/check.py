"""
The whole gate: layout, lint, types, import contracts, tests.  `python tests/check.py` here and in CI.

Each step prints its name and time; the first that fails gives the exit status.  What takes one processor each goes
side by side, and the tests are collected there once: pytest writes their assertions anew and keeps that as bytecode,
which each of its workers would otherwise do by itself.  The types are looked at all the while, and told at the end.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {
    "promo": ROOT / "interpreter" / "promo",
    "promo/grammar": ROOT / "grammar",
    "promo/templates": ROOT / "templates",
}

SPECS = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "specs").glob("*.promo"))]

WORKERS = (os.cpu_count() or 1) + 2
"""Two more than there are processors, since tests also wait."""

STEPS = {
    "layout": ["ruff", "format", "--check", "--quiet", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "import contracts": ["importlinter.cli", "lint"],
    "specs": ["promo", "check", *SPECS],
    "spec layout": ["promo", "fmt", "--check", *SPECS],
    "collection": ["pytest", "-qq", "--collect-only"],
}
"""What goes side by side, before the tests."""

TYPES = {"types": ["mypy"]}
TESTS = {
    "tests": ["pytest", "-q", "--durations=5", "-n", str(WORKERS), "--dist", "worksteal"],
}

MEMORY = Path("/dev/shm")  # a file system in memory, where flushing a file costs nothing
ROOM = 4 << 30
"""Bytes that the tests' folders have to have there; they need about a quarter."""


def installed_differs() -> str:
    """Name of a file whose installed copy is not the one in this tree; empty when all are."""
    import promo
    from promo.base.resources import grammar_file, template_folder

    places = {
        "promo": Path(promo.__file__).parent,
        "promo/grammar": grammar_file("promo.lark").parent,
        "promo/templates": template_folder(),
    }
    for name, source in SOURCES.items():
        for path in sorted(source.rglob("*")):
            if path.suffix not in (".py", ".lark", ".json", ".jsonl", ".j2", ".css"):
                continue
            if "editors" in path.relative_to(source).parts:
                continue  # not part of the package
            copy = places[name] / path.relative_to(source)
            if not copy.exists() or copy.read_bytes() != path.read_bytes():
                return str(path.relative_to(ROOT))
    return ""


def command(words: list[str]) -> list[str]:
    """How a step is started with this Python."""
    if words[0] == "promo":
        return [
            sys.executable,
            "-c",
            "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))",
            *words[1:],
        ]
    if words[0] == "importlinter.cli":
        return [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    return [sys.executable, "-m", *words]


@contextmanager
def folders_in_memory() -> Iterator[dict[str, str]]:
    """An environment whose temporary folders lie in memory, where there is room: a study flushes thousands of files."""
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        yield dict(os.environ)
        return
    with tempfile.TemporaryDirectory(prefix="p-", dir=MEMORY) as place:
        yield {**os.environ, "TMPDIR": place}


def started(
    steps: dict[str, list[str]], environment: dict[str, str], *, heard: bool = False
) -> dict[str, "subprocess.Popen[bytes]"]:
    """Start steps side by side; what is *heard* prints as it goes, and all else when it is waited for."""
    out, err = (None, None) if heard else (subprocess.PIPE, subprocess.STDOUT)
    return {
        name: subprocess.Popen(command(words), cwd=ROOT, env=environment, stdout=out, stderr=err)
        for name, words in steps.items()
    }


def ended(steps: "dict[str, subprocess.Popen[bytes]]", began: float) -> int:
    """Wait for steps, and print what they said; the exit status of the first that failed, in their order."""
    failed = 0
    for name, process in steps.items():
        print(f"--- {name}", flush=True)
        said, _ = process.communicate()
        if said and (process.returncode or name != "collection"):
            print(said.decode(errors="replace").rstrip(), flush=True)
        print(f"    {name}: {time.monotonic() - began:.1f} s", flush=True)
        if process.returncode:
            failed = failed or process.returncode
            print(f"failed: {name}", flush=True)
    return failed


def main() -> int:
    """Carry out every step."""
    stale = installed_differs()
    if stale:
        print(f"the installed promo is not this tree ({stale} differs): pip install -e '.[train,test]'")
        return 2
    began = time.monotonic()
    with folders_in_memory() as environment:
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or every process compiles all that it imports again
        types = started(TYPES, environment)
        failed = ended(started(STEPS, environment), began)
        failed = failed or ended(started(TESTS, environment, heard=True), began)
        return ended(types, began) or failed


if __name__ == "__main__":
    raise SystemExit(main())
