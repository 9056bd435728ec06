"""Specs as commands read and write them, their findings as they are shown; `promo fmt` and `promo read`."""

import sys
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from promo.base.classes import evolve
from promo.base.diagnostics import Diagnostic, Severity
from promo.base.errors import ExitCode
from promo.base.source import Source
from promo.cli.terminal import put, put_styled, put_wrapped, wants_colour
from promo.files import decode_source, read_source, write_given

if TYPE_CHECKING:  # laying a text out needs no pass but the parser
    from promo.driver.pipeline import Compiled
    from promo.study.alone import Alone


def compile_file(path: str) -> "Compiled":
    """A spec file through every pass."""
    from promo.driver.pipeline import compile_source, lock_path, read_lock

    place = Path(path)
    return compile_source(read_source(place, path), place.parent, read_lock(lock_path(place)))


def designs_alone(path: str) -> "Alone | None":
    """
    The designs of a file that has factors and designs and nothing else; None of any other.

    Raises:
        SpecError: it has errors.
    """
    from promo.driver.pipeline import designs_of

    return designs_of(read_source(Path(path), path), Path(path).parent)


def but_seals(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """What to tell somebody who did not ask whether a spec is ready: the first run seals what is frozen."""
    return [one for one in diagnostics if one.code != "P0414"]


def print_diagnostics(diagnostics: Iterable[Diagnostic], *, expected: bool = False) -> None:
    """Findings for people, on standard error; with all that was *expected* where reading stopped, if asked for."""
    found = tuple(diagnostics)
    if not found:
        return
    # Only a spec with findings pays for drawing them.
    from promo.cli.diagnostics import as_text

    colour = wants_colour(sys.stderr)
    for one in found:
        if expected and one.expected:
            one = evolve(one, notes=(*one.notes, f"here could stand: {', '.join(one.expected)}"))
        put_styled(as_text(one, colour=colour) + "\n", sys.stderr)
    put(counted(found), sys.stderr)


def counted(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`; empty when there is nothing."""
    counts = dict.fromkeys(Severity, 0)
    for found in diagnostics:
        counts[found.severity] += 1
    parts = [f"{count} {kind.value}{'s' if count > 1 else ''}" for kind, count in counts.items() if count]
    return ", ".join(parts)


def read(options: Namespace) -> int:
    """Say every gate and rule as one would aloud."""
    from promo.report.aloud import read_all

    for path in options.specs:
        study, _ = compile_file(path).priced()
        said = "\n\n".join(read_all(study)) or f"{path} has no gate and no rule"
        put_wrapped(said.split("\n"))
    return ExitCode.DONE


def fmt(options: Namespace) -> int:
    """Lay specs out; one that cannot be read is refused and stays as it is."""
    from promo.syntax.format import format_text

    unformatted = refused = 0
    for path in options.specs:
        source = standard_input() if path == "-" else read_source(Path(path), path)
        text = format_text(source)
        if text is None:
            refused += 1
            _refuse(source)
            continue
        changed = text != source.text
        unformatted += changed
        if options.diff:
            _print_difference(path, source.text, text)
        elif options.check:
            if changed:
                put(f"{path}: not formatted")
        elif path == "-":
            sys.stdout.write(text)
        elif changed:
            write_text(Path(path), text)
            put(f"{path}: formatted")
    return ExitCode.FINDINGS if refused or (unformatted and (options.check or options.diff)) else ExitCode.DONE


def _refuse(source: Source) -> None:
    """Say why a text cannot be laid out."""
    from promo.syntax.parse import parse

    print_diagnostics(parse(source).diagnostics)
    put(f"{source.name}: not formatted, because it cannot be read; nothing was changed", sys.stderr)


def standard_input() -> Source:
    """
    The spec on standard input.

    Raises:
        SpecError: the bytes are not UTF-8.
    """
    return decode_source("<stdin>", sys.stdin.buffer.read())


def _print_difference(path: str, before: str, after: str) -> None:
    from difflib import unified_diff

    lines = unified_diff(before.splitlines(True), after.splitlines(True), path, path)
    sys.stdout.writelines(line if line.endswith("\n") else line + "\n" for line in lines)


def write_text(path: Path, text: str) -> None:
    """Put a text file in place, or say why it cannot be."""
    write_given(path, text.encode())
