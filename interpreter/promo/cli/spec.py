"""`promo check`, `promo fmt`, `promo freeze`: commands on the text of a spec."""

import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

from promo.base.diagnostics import Diagnostic, errors
from promo.base.errors import ExitCode, PromoError
from promo.base.source import Source
from promo.cli.diagnostics import as_github, as_json, as_text, summary
from promo.cli.terminal import put, wants_colour
from promo.driver.pipeline import Compiled, compile_source, lock_path, read_lock
from promo.files import RealDisk, decode_source, read_source


def compile_file(path: str) -> Compiled:
    """A spec file through every pass."""
    place = Path(path)
    return compile_source(read_source(place, path), place.parent, read_lock(lock_path(place)))


def print_diagnostics(diagnostics: Iterable[Diagnostic], form: str) -> None:
    """Findings for people go to standard error, for programs to standard output."""
    found = tuple(diagnostics)
    if form == "json":
        put(json.dumps(as_json(found), indent=2))
    elif form == "github":
        for one in found:
            put(as_github(one))
    else:
        colour = wants_colour(sys.stderr)
        for one in found:
            put(as_text(one, colour=colour) + "\n", sys.stderr)
        if found:
            put(summary(found), sys.stderr)


def check(options: Namespace) -> int:
    """Find every mistake of some specs."""
    found: list[Diagnostic] = []
    for path in options.specs:
        found.extend(compile_file(path).diagnostics)
    print_diagnostics(found, options.format)
    wrong = any(errors(found))
    if not wrong and options.format == "text":
        names = ", ".join(options.specs)
        put(f"{names}: sound" + (f", with {summary(found)}" if found else ""))
    return ExitCode.FINDINGS if wrong else ExitCode.DONE


def fmt(options: Namespace) -> int:
    """Lay specs out."""
    from promo.syntax.format import format_text

    unformatted = 0
    for path in options.specs:
        source = _standard_input() if path == "-" else read_source(Path(path), path)
        text = format_text(source)
        raw = source.text
        changed = text != raw
        unformatted += changed
        if options.diff:
            _print_difference(path, raw, text)
        elif options.check:
            if changed:
                put(f"{path}: not formatted")
        elif path == "-":
            sys.stdout.write(text)
        elif changed:
            _write(Path(path), text)
            put(f"{path}: formatted")
    return ExitCode.FINDINGS if unformatted and (options.check or options.diff) else ExitCode.DONE


def _standard_input() -> Source:
    return decode_source("<stdin>", sys.stdin.buffer.read())


def _print_difference(path: str, before: str, after: str) -> None:
    from difflib import unified_diff

    lines = unified_diff(before.splitlines(True), after.splitlines(True), path, path)
    sys.stdout.writelines(line if line.endswith("\n") else line + "\n" for line in lines)


def _write(path: Path, text: str) -> None:
    try:
        RealDisk().write(path, text.encode())
    except OSError as fault:
        raise PromoError(f"{path} cannot be written: {fault.strerror or fault}") from fault


def freeze(options: Namespace) -> int:
    """Seal every frozen gate and rule of a spec."""
    from promo.base.canonical import canonical
    from promo.driver.study import study_folder
    from promo.files import SystemClock
    from promo.run.provenance import commit_of
    from promo.spec.lock import freeze as seal
    from promo.spec.lock import lock_to_json

    compiled = compile_file(options.spec)
    broken = {"P0401"}
    wrong = [found for found in errors(compiled.diagnostics) if found.code not in broken]
    if wrong or compiled.study is None:
        print_diagnostics(compiled.diagnostics, "text")
        return ExitCode.FINDINGS
    path = Path(options.spec)
    folder = study_folder(path, Path(options.study) if options.study else None)
    results = _results(folder.state()) if folder.exists else {}
    made = seal(
        compiled.study,
        compiled.tree,
        compiled.lock,
        now=SystemClock().now(),
        commit=commit_of(path.parent, os.environ),
        results=results,
        again=options.again,
    )
    if made.text != compiled.source.text:
        _write(path, made.text)
    if made.sealed:
        _write(lock_path(path), json.dumps(lock_to_json(made.lock), indent=2, sort_keys=True) + "\n")
    for name in made.lock.seals:
        seal_ = made.lock.seals[name]
        state = "sealed" if name in made.sealed else f"sealed since {seal_.sealed_at}"
        put(f"{name}: {state} sha256:{seal_.digest[:12]}, {seal_.results_then} results of its stage then")
    canonical(lock_to_json(made.lock))
    return ExitCode.DONE


def _results(state: object) -> dict[str, int]:
    """Stage -> results that exist already."""
    from promo.ledger.state import AttemptState, State

    assert isinstance(state, State)
    counts: dict[str, int] = {}
    for tried in state.attempts.values():
        for attempt in tried:
            if attempt.state is AttemptState.ACCEPTED:
                counts[attempt.stage] = counts.get(attempt.stage, 0) + 1
    return counts
