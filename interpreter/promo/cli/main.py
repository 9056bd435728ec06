"""
The command line: `promo COMMAND ...`.

Each command is imported when it is called, so that `promo check` never pays for what `promo run` needs.
"""

import argparse
import contextlib
import gc
import importlib
import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from promo import __version__
from promo.cli.options import OPTIONS

if TYPE_CHECKING:
    from promo.base.errors import PromoError

# promo speaks English, and so do the few words of argparse's own; for those of another language it would import
# `locale` and look for a catalogue, which is a fiftieth of `promo check`.
argparse._ = str  # type: ignore[attr-defined]

COMMANDS = {
    "new": ("new", "write", "draft a spec and a runner file for your own script"),
    "runner": ("runner", "write", "show what a runner can train, or run its conformance checks"),
    "executor": ("executor", "write", "list the executors, or run their conformance checks"),
    "check": ("check", "write", "find every mistake in a spec"),
    "explain": ("explain", "write", "explain a diagnostic code, or what a seal covers"),
    "fmt": ("spec", "write", "format a spec"),
    "read": ("spec", "write", "print every gate and rule as a sentence"),
    "completion": ("completion", "write", "print shell completion for bash, zsh or fish"),
    "lsp": ("lsp", "write", "run the language server: diagnostics, hover, completion and more"),
    "show": ("show", "write", "print a spec, plan, evidence or decision as promo sees it"),
    "design": ("design", "plan", "print a design: its rows, and which effects they cannot separate"),
    "plan": ("plan", "plan", "list the runs and what they cost; nothing runs"),
    "simulate": ("simulate", "plan", "estimate how often the gates keep the best candidate"),
    "freeze": ("freeze", "freeze", "seal frozen gates and rules"),
    "run": ("run", "run", "train, decide, promote; resumes where it stopped"),
    "replay": ("replay", "run", "apply the rules to recorded curves; nothing is trained"),
    "compare": ("compare", "run", "compare the spec's gates with random search, halving, Hyperband and ASHA"),
    "status": ("status", "run", "show what has happened so far"),
    "ask": ("outside", "run", "list or export the runs that an outside system is asked to train"),
    "accept": ("outside", "run", "check and import results from that system"),
    "stop": ("run", "run", "stop a running study cleanly, from another terminal"),
    "decide": ("person", "run", "record a person's decision where a gate waits for one"),
    "bundle": ("bundle", "run", "pack the results of a host into one file, for a machine it cannot reach"),
    "import": ("bundle", "run", "check a bundle and import its results"),
    "amend": ("amend", "run", "change a gate, a rule or the budget of a running study, on the record"),
    "report": ("audit", "report", "write the audit report of a study"),
    "why": ("why", "report", "explain why a candidate was kept or dropped"),
    "laws": ("laws", "report", "fit scaling laws to a study or to recorded curves, and list forecasts"),
    "serve": ("serve", "report", "show the report live, on this machine only"),
    "export": ("export", "report", "export a study or a gate: RO-Crate, registration, TensorBoard, MLflow"),
    "checkpoint": ("anchor", "verify", "write a checkpoint of the ledger for an outsider to sign or time-stamp"),
    "cosign": ("anchor", "verify", "sign another study's checkpoint as a witness"),
    "anchor": ("anchor", "verify", "record an outside attestation, or a value published after the freeze"),
    "verify": ("audit", "verify", "recompute every decision and compare"),
}
"""Command -> module in `promo.cli`, step of the workflow, and what it does."""

READING = ("check", "explain", "fmt", "read", "design", "plan")
"""Commands that read a text, print, and end."""

RESUMED = ("run", "replay")
"""Commands whose work lies in a study."""

FUNCTIONS = {"import": "bring"}
"""Command -> its function, where the word is taken by Python."""

STEPS = {
    "write": "write and check a spec",
    "plan": "plan",
    "freeze": "freeze the rules",
    "run": "run",
    "report": "report",
    "verify": "verify",
}

EXIT_CODES = {
    0: "done",
    1: "findings: errors in a spec, an unformatted file, stored bytes that do not match, faults in a table of curves",
    2: "cannot proceed: wrong usage, a missing file, device or package, a study that is busy or unfinished",
    3: "verify: everything matches, but no given receipt shows that the rules were frozen before the runs",
    4: "run: the study was stopped by its own rule (missing stop)",
    5: "run: a gate or rule is waiting for a person",
    6: "run: the remaining runs belong to other hosts",
    7: "run: the study's budget has no room for another attempt",
    8: "run: the remaining runs are trained outside; promo ask lists them",
    130: "interrupted; promo run resumes",
}


def entry() -> None:
    """
    The installed `promo` command.

    A short command makes many objects and throws nothing away: looking for garbage every 700 objects, and once more
    over all of them at the end, is a tenth of `promo check`.  Commands that live long still collect, less often.
    """
    gc.set_threshold(500_000, 20, 20)
    status = main(sys.argv[1:])
    if sys.argv[1:2] and sys.argv[1] in READING:
        _leave(status)
    gc.freeze()
    raise SystemExit(status)


def _leave(status: int) -> None:
    """
    End at once: taking a hundred modules apart is a twentieth of `promo check`.

    Only for commands that start no thread and no process, and whose files are closed by now.  What they printed has to
    be out first; where that fails, Python's own way of ending says so.
    """
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main(arguments: Sequence[str]) -> int:
    """
    Run one command.

    Returns:
        The exit status; see `promo.base.errors.ExitCode`.
    """
    options = _options(arguments)
    if options.command is None:
        sys.stdout.write(_help())
        return 0
    # Here, so that `--version`, `--help` and wrong usage need no values.
    from promo.base.errors import ExitCode, PromoError, SpecError, denied

    module = importlib.import_module(f"promo.cli.{COMMANDS[options.command][0]}")
    try:
        code = int(getattr(module, FUNCTIONS.get(options.command, options.command))(options))
        if sys.stdout.isatty() or options.command == "new":
            from promo.cli.following import say_next

            say_next(options, code)
        return code
    except SpecError as fault:
        from promo.cli.spec import print_diagnostics

        print_diagnostics(fault.diagnostics)
        return ExitCode.FINDINGS
    except PromoError as fault:
        _complain(fault)
        return fault.exit_code
    except PermissionError as fault:
        _complain(denied(fault))
        return ExitCode.CANNOT
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone; there is nobody left to tell
        return ExitCode.DONE
    except KeyboardInterrupt:
        resumes = "; the same command resumes where it stopped" if options.command in RESUMED else ""
        sys.stderr.write(f"\ninterrupted{resumes}\n")
        return ExitCode.INTERRUPTED


def _complain(fault: "PromoError") -> None:
    from promo.base.visible import visible
    from promo.cli.terminal import put, put_styled, styled, wants_colour

    colour = wants_colour(sys.stderr)
    put_styled(f"{styled('error', 'error', colour=colour)}: {visible(fault.message)}", sys.stderr)
    for detail in fault.details:
        put(f"  - {detail}", sys.stderr)
    if fault.hint:
        put(f"  = help: {fault.hint}", sys.stderr)


def _help() -> str:
    lines = _folded("promo: decide honestly which short training runs earn the next budget", 2)
    lines += ["", "usage: promo COMMAND ..."]
    lines += _folded("       promo COMMAND --help  lists the options of a command", 29)
    lines += ["       promo --version", "", "start with: promo new --from train.py", ""]
    for step, title in STEPS.items():
        lines.append(f"{title}:")
        for name, (_, at, does) in COMMANDS.items():
            lines += _folded(f"  {name:10} {does}", 13) if at == step else []
    lines += ["", "exit codes:"]
    for code, means in EXIT_CODES.items():
        lines += _folded(f"  {code:<3}  {means}", 7)
    return "\n".join([*lines, ""])


def _folded(text: str, indent: int) -> list[str]:
    """A text in lines that fit, no word broken; all but the first are indented."""
    from textwrap import wrap

    return wrap(text, _columns(), subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


class _Page(argparse.HelpFormatter):
    """argparse's page of help; argparse makes one for every option it is told of, and would import shutil for it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)

    def _split_lines(self, text: str, width: int) -> list[str]:
        from textwrap import wrap

        return wrap(" ".join(text.split()), width, break_long_words=False, break_on_hyphens=False)


WIDTH = 80


def _columns() -> int:
    """How wide help is: as the terminal where that is narrower than 80 columns."""
    told = os.environ.get("COLUMNS", "")
    if not told.strip("0123456789") and int(told or "0"):
        return min(int(told), WIDTH)
    try:
        return min(os.get_terminal_size(1).columns or WIDTH, WIDTH)
    except OSError:
        return WIDTH


class _Parser(argparse.ArgumentParser):
    def format_help(self) -> str:
        """The overview for `promo --help`, argparse's own page for a command."""
        return super().format_help() if " " in self.prog else _help()


class _Command(argparse.ArgumentParser):
    """The parser of one command: what it refuses ends with what helps."""

    def error(self, message: str) -> NoReturn:
        """End with the usage, what is wrong, and the word that was meant, or where words are listed."""
        from promo.base.diagnostics import did_you_mean

        words = re.search(
            r"unrecognized arguments: (.* )?(-[^ =]+)|invalid choice: '(.*?)' \(choose from (.*)\)", message
        )
        known = re.findall("[^', ]+", words[4] or "") if words else []
        known = known or [flag for flag in self._option_string_actions if flag.startswith("--")]
        hint = did_you_mean(words[2] or words[3] if words else "", known, f"{self.prog} --help lists the options")
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: error: {message}\n  = help: {hint}\n")


def _unknown(word: str) -> NoReturn:
    """End with the one thing to say of a word that is no command."""
    from promo.base.diagnostics import did_you_mean

    sys.stderr.write(f"error: there is no command '{word}'\n")
    sys.stderr.write(f"  = help: {did_you_mean(word, COMMANDS, 'promo --help lists the commands')}\n")
    raise SystemExit(2)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read by the parser of the command that comes first; those of the others cost time to set up."""
    if arguments and arguments[0] not in COMMANDS and not arguments[0].startswith("-"):
        _unknown(arguments[0])
    if not arguments or arguments[0] not in COMMANDS:
        return _parser().parse_args(arguments)
    name, (_, _, does) = arguments[0], COMMANDS[arguments[0]]
    options = _Command(f"promo {name}", description=does, allow_abbrev=False, formatter_class=_Page)
    options.set_defaults(command=name)
    OPTIONS[name](options)
    # Words with options between them take two passes, and a page of usage that is made for an error to come.
    mixed = any(word.startswith("-") for word in arguments[1:])
    return (options.parse_intermixed_args if mixed else options.parse_args)(arguments[1:])


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="promo", allow_abbrev=False, formatter_class=_Page)
    parser.add_argument("--version", action="version", version=f"promo {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=argparse.ArgumentParser)
    for name, (_, _, does) in COMMANDS.items():
        options = commands.add_parser(name, help=does, description=does, allow_abbrev=False, formatter_class=_Page)
        OPTIONS[name](options)
    return parser
