"""
The command line: `promo COMMAND ...`.

Each command is imported when it is called, so that `promo check` never pays for what `promo run` needs.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

from promo import __version__
from promo.base.diagnostics import SpecError
from promo.base.errors import ExitCode, PromoError

COMMANDS = {
    "check": ("spec", "write", "find every mistake of a spec"),
    "fmt": ("spec", "write", "lay a spec out in its one layout"),
    "show": ("show", "write", "print what promo made of a spec or study"),
    "plan": ("plan", "plan", "list the runs and price them before anything runs"),
    "simulate": ("simulate", "plan", "how often the gates would keep the best, in a supposed world"),
    "freeze": ("freeze", "freeze", "seal frozen gates and rules"),
    "run": ("run", "run", "train, decide, promote; or go on where it stopped"),
    "status": ("run", "run", "what has happened so far"),
    "decide": ("person", "run", "record a person's verdict where a gate waits for one"),
    "report": ("audit", "report", "write the audit report of a study"),
    "verify": ("audit", "verify", "derive every decision anew and compare"),
}
"""Command -> module in `promo.cli`, step of the workflow, and what it does."""

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
  1  findings: errors in a spec, a file not formatted, stored bytes that do not match
  2  cannot: wrong usage, a missing file, device or package, a study that is busy or unfinished
  3  verify: everything matches, but nothing outside the study folder vouches for its age
  4  run: the study stopped by its own rule (missing stop)
  5  run: a gate or rule waits for a person
  130  interrupted; promo run goes on
"""


def entry() -> None:
    """The installed `promo` command."""
    raise SystemExit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """
    Run one command.

    Args:
        arguments: words behind `promo`.

    Returns:
        The exit status; see `promo.base.errors.ExitCode`.
    """
    options = _parser(arguments).parse_args(arguments)
    if options.command is None:
        sys.stdout.write(_help())
        return ExitCode.DONE
    module = importlib.import_module(f"promo.cli.{COMMANDS[options.command][0]}")
    try:
        return int(getattr(module, options.command)(options))
    except SpecError as fault:
        from promo.cli.spec import print_diagnostics

        print_diagnostics(fault.diagnostics, "text")
        return ExitCode.FINDINGS
    except PromoError as fault:
        _complain(fault)
        return fault.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone; there is nobody left to tell
        return ExitCode.DONE
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; the same command goes on where it stopped\n")
        return ExitCode.INTERRUPTED


def _complain(fault: PromoError) -> None:
    from promo.cli.terminal import put, styled, wants_colour

    colour = wants_colour(sys.stderr)
    put(f"{styled('error', 'error', colour=colour)}: {fault.message}", sys.stderr)
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
        lines += [f"  {name:8} {does}" for name, (_, at, does) in COMMANDS.items() if at == step]
    return "\n".join([*lines, "", EXIT_CODES])


class _Parser(argparse.ArgumentParser):
    def format_help(self) -> str:
        """The overview for `promo --help`, argparse's own page for a command."""
        return super().format_help() if " " in self.prog else _help()


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(prog="promo", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"promo {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=argparse.ArgumentParser)
    wanted = next((word for word in arguments if word in COMMANDS), None)
    for name, (_, _, does) in COMMANDS.items():
        if wanted in (None, name):
            options = commands.add_parser(name, help=does, description=does, allow_abbrev=False)
            _OPTIONS[name](options)
    return parser


def _add_spec(options: argparse.ArgumentParser) -> None:
    options.add_argument("spec", metavar="SPEC", help="a .promo file")


def _check(options: argparse.ArgumentParser) -> None:
    options.add_argument("specs", metavar="SPEC", nargs="+", help=".promo files")
    options.add_argument("--format", choices=("text", "json", "github"), default="text", help="form of the findings")


def _fmt(options: argparse.ArgumentParser) -> None:
    options.add_argument("specs", metavar="SPEC", nargs="+", help=".promo files, or - for standard input")
    options.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file is not formatted")
    options.add_argument("--diff", action="store_true", help="change nothing; print what would change")


def _show(options: argparse.ArgumentParser) -> None:
    what = ("syntax", "spec", "plan", "evidence", "decision")
    options.add_argument("what", choices=what, help="which value to print, as JSON")
    options.add_argument("place", metavar="SPEC|STUDY", help="a .promo file or a study folder")
    options.add_argument("name", nargs="?", help="evidence: a stage; decision: a gate or rule; default: all")
    _add_study(options)


def _plan(options: argparse.ArgumentParser) -> None:
    _add_spec(options)
    options.add_argument("--json", action="store_true", help="print the plan as JSON")
    options.add_argument("--all", action="store_true", help="list every possible run")
    options.add_argument("--out", metavar="FILE", help="write the plan to a file that promo run takes")


def _simulate(options: argparse.ArgumentParser) -> None:
    _add_spec(options)
    unit = "in the measure's unit"
    options.add_argument("--noise", type=float, metavar="SD", help=f"between seeds, {unit}; default: the spec's")
    options.add_argument("--gap", type=float, metavar="D", help="lead of the truly best; default: one noise sd")
    options.add_argument(
        "--spread", type=float, default=0.0, metavar="SD", help="of the others' true values; default: 0"
    )
    options.add_argument("--relax", type=float, default=0.0, metavar="SD", help="of short-budget penalties; default: 0")
    options.add_argument("--exponent", type=float, default=0.5, metavar="X", help="penalties fall as budget^-X; 0.5")
    options.add_argument("--shared", type=float, default=0.0, metavar="SD", help="noise shared in a cell; default: 0")
    options.add_argument("--host-noise", type=float, default=0.0, metavar="SD", help="candidate x host; default: 0")
    options.add_argument(
        "--vary", nargs=2, metavar=("WHAT", "VALUES"), help="noise, gap, relax: 0.5x,2x; seeds, keep: 1..4"
    )
    options.add_argument("--draws", type=int, default=20_000, metavar="N", help="simulated studies; default: 20000")
    options.add_argument("--seed", type=int, default=1, metavar="N", help="of the draws; default: 1")
    options.add_argument("--json", action="store_true", help="print the figures as JSON")


def _freeze(options: argparse.ArgumentParser) -> None:
    _add_spec(options)
    options.add_argument("--again", action="store_true", help="seal rules anew that were changed after sealing")
    _add_study(options)


def _run(options: argparse.ArgumentParser) -> None:
    options.add_argument("spec", metavar="SPEC|PLAN", help="a .promo file, or a plan that promo plan --out wrote")
    options.add_argument("--plain", action="store_true", help="one line per event instead of a live display")
    options.add_argument("--quiet", action="store_true", help="no progress, only the end")
    _add_study(options)


def _status(options: argparse.ArgumentParser) -> None:
    options.add_argument("place", metavar="SPEC|STUDY", nargs="?", help="default: the only study here")
    options.add_argument("--json", action="store_true", help="print it as JSON")
    _add_study(options)


def _decide(options: argparse.ArgumentParser) -> None:
    options.add_argument("place", metavar="SPEC|STUDY", help="a spec whose study waits, or a study folder")
    options.add_argument("name", metavar="GATE|RULE", help="what waits")
    verdict = options.add_mutually_exclusive_group(required=True)
    verdict.add_argument("--promote", metavar="NAMES", help="gate: candidates that go on, with commas; may be empty")
    verdict.add_argument("--go-on", action="store_true", help="rule: go on all the same")
    verdict.add_argument("--stop", action="store_true", help="end the study here")
    options.add_argument("--by", required=True, metavar="WHO", help="who decides")
    options.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept and shown")
    _add_study(options)


def _report(options: argparse.ArgumentParser) -> None:
    options.add_argument("place", metavar="SPEC|STUDY", nargs="?", help="default: the only study here")
    options.add_argument("--out", metavar="FILE", help="where to write it; default: report.html in the study")
    _add_study(options)


def _verify(options: argparse.ArgumentParser) -> None:
    options.add_argument("place", metavar="SPEC|STUDY", nargs="?", help="default: the only study here")
    options.add_argument("--json", action="store_true", help="print it as JSON")
    _add_study(options)


def _add_study(options: argparse.ArgumentParser) -> None:
    options.add_argument("--study", metavar="FOLDER", help="the study folder; default: NAME.study beside NAME.promo")


_OPTIONS = {
    "check": _check,
    "fmt": _fmt,
    "show": _show,
    "plan": _plan,
    "simulate": _simulate,
    "freeze": _freeze,
    "run": _run,
    "status": _status,
    "decide": _decide,
    "report": _report,
    "verify": _verify,
}
