"""
The command line: `promo COMMAND ...`.

Each command is imported when it is called, so that `promo check` never pays for what `promo run` needs.
"""

import argparse
import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from promo import __version__
from promo.cli.options import OPTIONS

if TYPE_CHECKING:
    from promo.base.errors import PromoError

COMMANDS = {
    "new": ("new", "write", "draft a runner file and a first spec for your own script"),
    "runner": ("runner", "write", "tell what a runner can train, or run the conformance checks"),
    "executor": ("executor", "write", "tell what can start runs, or hold it to its port"),
    "check": ("check", "write", "find every mistake of a spec"),
    "explain": ("explain", "write", "tell what a diagnostic code means, or what a seal holds"),
    "fmt": ("spec", "write", "lay a spec out in its one layout"),
    "read": ("spec", "write", "say every gate and rule as one would aloud"),
    "completion": ("completion", "write", "print what bash, zsh or fish need to complete all this"),
    "lsp": ("lsp", "write", "serve an editor: diagnostics, hover, completion and more"),
    "show": ("show", "write", "print what promo made of a spec or study"),
    "design": ("design", "plan", "print a design: its rows, and what they cannot distinguish"),
    "plan": ("plan", "plan", "list the runs and price them before anything runs"),
    "simulate": ("simulate", "plan", "how often the gates would keep the best, in a supposed world"),
    "freeze": ("freeze", "freeze", "seal frozen gates and rules"),
    "run": ("run", "run", "train, decide, promote; resumes where it stopped"),
    "replay": ("replay", "run", "run the rules over recorded curves; nothing is trained"),
    "compare": ("compare", "run", "set the spec's gates beside random search, halving, Hyperband and ASHA"),
    "status": ("status", "run", "what has happened so far"),
    "ask": ("outside", "run", "list or write out what somebody else's system is asked to train"),
    "accept": ("outside", "run", "check what was trained there, and take it in"),
    "stop": ("run", "run", "end a running study cleanly, from another terminal"),
    "decide": ("person", "run", "record a person's verdict where a gate waits for one"),
    "bundle": ("bundle", "run", "write what a host has done into one file, for a machine it cannot reach"),
    "import": ("bundle", "run", "check such a file and take its results in"),
    "amend": ("amend", "run", "change a gate, a rule or the budget of a study that has begun, on the record"),
    "report": ("audit", "report", "write the audit report of a study"),
    "why": ("why", "report", "say why a candidate was kept or dropped"),
    "laws": ("laws", "report", "fit laws to a study or to recorded curves; the record of forecasts"),
    "serve": ("serve", "report", "show the report live, on this machine only"),
    "export": ("export", "report", "write a study or a gate for others: RO-Crate, registration, TensorBoard, MLflow"),
    "checkpoint": ("anchor", "verify", "write what somebody outside may sign or stamp"),
    "cosign": ("anchor", "verify", "sign somebody's checkpoint as a witness"),
    "anchor": ("anchor", "verify", "record an attestation from outside, or a value published since"),
    "verify": ("audit", "verify", "recompute every decision and compare"),
}
"""Command -> module in `promo.cli`, step of the workflow, and what it does."""

READING = ("check", "explain", "fmt", "read", "design", "plan")
"""Commands that read a text, print, and end."""

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

EXIT_CODES = """\
exit codes:
  0  done
  1  findings: errors in a spec, a file not formatted, stored bytes that do not match, faults in a table of curves
  2  cannot: wrong usage, a missing file, device or package, a study that is busy or unfinished
  3  verify: everything matches, but no given receipt attests to what was frozen before the runs
  4  run: the study stopped by its own rule (missing stop)
  5  run: a gate or rule waits for a person
  6  run: what is left belongs to hosts that are not here
  7  run: the study's budget has no room for another attempt
  8  run: what is left is trained outside; promo ask lists it
  130  interrupted; promo run resumes
"""


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

    Args:
        arguments: words behind `promo`.

    Returns:
        The exit status; see `promo.base.errors.ExitCode`.
    """
    options = _options(arguments)
    if options.command is None:
        sys.stdout.write(_help())
        return 0
    # Here, so that `--version`, `--help` and wrong usage need no values and no attrs.
    from promo.base.errors import ExitCode, PromoError, SpecError

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
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone; there is nobody left to tell
        return ExitCode.DONE
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; the same command resumes where it stopped\n")
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
    lines = [
        "promo: decide honestly which short training runs earn the next budget",
        "",
        "usage: promo COMMAND ...            promo COMMAND --help tells the options; promo --version",
        "",
    ]
    for step, title in STEPS.items():
        lines.append(f"{title}:")
        lines += [f"  {name:10} {does}" for name, (_, at, does) in COMMANDS.items() if at == step]
    return "\n".join([*lines, "", EXIT_CODES])


class _Page(argparse.HelpFormatter):
    """argparse's page of help; argparse makes one for every option it is told of, and would import shutil for it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    """How wide the terminal is; 80 where there is none."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


class _Parser(argparse.ArgumentParser):
    def format_help(self) -> str:
        """The overview for `promo --help`, argparse's own page for a command."""
        return super().format_help() if " " in self.prog else _help()


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
    options = argparse.ArgumentParser(f"promo {name}", description=does, allow_abbrev=False, formatter_class=_Page)
    options.set_defaults(command=name)
    OPTIONS[name](options)
    return options.parse_intermixed_args(arguments[1:])


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="promo", allow_abbrev=False, formatter_class=_Page)
    parser.add_argument("--version", action="version", version=f"promo {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=argparse.ArgumentParser)
    for name, (_, _, does) in COMMANDS.items():
        options = commands.add_parser(name, help=does, description=does, allow_abbrev=False, formatter_class=_Page)
        OPTIONS[name](options)
    return parser
