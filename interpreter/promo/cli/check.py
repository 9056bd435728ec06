"""`promo check`: every mistake of some specs, in the form that is asked for; with `--fix`, fewer of them."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from promo.base.classes import evolve, frozen
from promo.base.diagnostics import Diagnostic, errors, in_text_order
from promo.base.edits import applicable, apply
from promo.base.errors import ExitCode, PromoError, SpecError
from promo.base.source import Source
from promo.cli.spec import counted, print_diagnostics, standard_input, write_text
from promo.cli.terminal import put
from promo.driver.pipeline import compile_source, lock_path, read_lock
from promo.files import read_source

ROUNDS = 8
"""How often a fixed text is read again; fixing one fault may bring another to light."""


@frozen
class Checked:
    """One spec: its text as fixed, what was fixed, and what is still found."""

    source: Source
    found: tuple[Diagnostic, ...]
    fixed: tuple[Diagnostic, ...] = ()


def check(options: Namespace) -> int:
    """Find every mistake of some specs."""
    if options.fix and "-" in options.specs and (options.format != "text" or len(options.specs) > 1):
        message = "a spec from standard input is fixed to standard output, which has no room for other findings"
        raise PromoError(message, hint="name a file, or leave out --format and the other specs")
    checked = [_checked(path, style=options.style, fix=options.fix) for path in options.specs]
    found = tuple(one for spec in checked for one in spec.found)
    fixed = tuple(one for spec in checked for one in spec.fixed)
    if options.format == "text":
        _say(options, checked)
    else:
        _exchange(options.format, found, fixed)
    return ExitCode.FINDINGS if any(errors(found)) else ExitCode.DONE


def _exchange(form: str, found: tuple[Diagnostic, ...], fixed: tuple[Diagnostic, ...]) -> None:
    from promo.cli.exchange import as_github, as_json, as_sarif

    if form == "github":
        for one in found:
            put(as_github(one, Path.cwd()))
        return
    made = as_json(found, fixed) if form == "json" else as_sarif(found, Path.cwd())
    put(json.dumps(made, indent=2, ensure_ascii=False))


def _say(options: Namespace, checked: list[Checked]) -> None:
    found = [one for spec in checked for one in spec.found]
    for spec in checked:
        for one in spec.fixed:
            line, column = one.span.source.position(one.span.start)
            put(f"{one.span.source.name}:{line}:{column}: fixed {one.code}: {one.message}", sys.stderr)
    print_diagnostics(found, expected=options.all)
    if options.fix and options.specs == ["-"]:
        sys.stdout.write(checked[0].source.text)
    elif not any(errors(found)):
        put(f"{', '.join(options.specs)}: sound" + (f", with {counted(found)}" if found else ""))


def _checked(path: str, *, style: bool, fix: bool) -> Checked:
    place = Path() if path == "-" else Path(path).parent
    try:
        source = standard_input() if path == "-" else read_source(Path(path), path)
    except SpecError as fault:
        return Checked(Source(path, ""), fault.diagnostics)
    lock = None if path == "-" else read_lock(lock_path(Path(path)))

    def read(text: Source) -> tuple[Diagnostic, ...]:
        found = compile_source(text, place, lock).diagnostics
        return in_text_order((*found, *_style(text))) if style else found

    if not fix:
        return Checked(source, read(source))
    checked = repair(source, read)
    checked = evolve(checked, found=_with_reasons(checked, read))
    if path != "-" and checked.source.text != source.text:
        write_text(Path(path), checked.source.text)
    return checked


PIN, BROKEN_SEAL = "P0205", "P0401"


def _with_reasons(checked: Checked, read: Callable[[Source], tuple[Diagnostic, ...]]) -> tuple[Diagnostic, ...]:
    """What is still found; a pin that was not written says why, where seals would not fit a text that has it."""
    found = []
    for one in checked.found:
        if one.code == PIN and one.edits:
            pinned = Source(checked.source.name, apply(checked.source.text, one.edits))
            broken = [each.message for each in read(pinned) if each.code == BROKEN_SEAL]
            if broken:
                why = (
                    f"not written by --fix, because it is not what was sealed: with it, {broken[0]}; "
                    "bring back what was sealed, or write it and seal anew"
                )
                one = evolve(one, notes=(*one.notes, why))
        found.append(one)
    return tuple(found)


def _style(source: Source) -> tuple[Diagnostic, ...]:
    from promo.syntax.format import unformatted

    found = unformatted(source)
    return (found,) if found else ()


def repair(source: Source, read: Callable[[Source], tuple[Diagnostic, ...]]) -> Checked:
    """
    A text with every sure edit carried out, as far as that leads in a few rounds.

    Returns:
        The text, what was fixed with its place in the text of that round, and what is still found.  No round leaves
        more errors than it found, and what comes back is the text with the fewest: one that is no better than the
        first is not among them.
    """
    from promo.driver.sure import weight

    best = here = Checked(source, read(source))
    for _ in range(ROUNDS):
        chosen = applicable(here.source, here.found)
        for some in (chosen, chosen[:1]):  # edits that do not go together are carried out one a round
            text = Source(source.name, apply(here.source.text, (edit for one in some for edit in one.edits)))
            found = read(text)
            if weight(found)[0] <= weight(here.found)[0]:
                break
        else:
            break
        if text == here.source:
            break
        here = Checked(text, found, (*here.fixed, *some))
        if weight(found) < weight(best.found):
            best = here
    return best
