"""
The next sensible command behind every command: a line on a terminal, `next: promo plan train.promo`.

It is said where a person sees it, so that pipes and logs get what they always got; a command that was asked for JSON or
for quiet says nothing more.  What a command itself says of how to go on (`OWN`) is not said twice.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from shlex import quote

from promo.base.errors import ExitCode

Step = Callable[[Namespace, int], str]
"""Words of a command and how it ended -> the words behind `promo`; empty: nothing follows."""


def _given(options: Namespace) -> str:
    """The spec or study that a command was given, as a shell takes it; empty where it was left out."""
    for name in ("spec", "place", "places", "specs", "study"):
        found = getattr(options, name, None)
        found = found[0] if isinstance(found, list) and found else found
        if isinstance(found, str) and found and found != "-":
            return quote(found)
    return ""


def _with(word: str) -> Step:
    """The command of that word on the same spec or study."""
    return lambda options, _: f"{word} {_given(options)}".strip()


def _good(word: str, otherwise: str = "") -> Step:
    """That command where this one found nothing wrong, another where it did."""

    def step(options: Namespace, code: int) -> str:
        chosen = word if code == ExitCode.DONE else otherwise if code == ExitCode.FINDINGS else ""
        given = _given(options)
        return f"{chosen} {given}" if chosen and given else ""

    return step


def _check(options: Namespace, code: int) -> str:
    return _good("plan", "" if options.fix else "check --fix")(options, code)


def _runner(options: Namespace, _: int) -> str:
    if options.name is None:
        return "runner gpt"
    return (
        "check SPEC" if options.check or options.attempt or options.threads else f"runner {quote(options.name)} --try"
    )


def _explain(options: Namespace, _: int) -> str:
    words = options.words
    if not words:
        return "explain P0101"
    return f"check {quote(words[2]) if words[0] == 'seal' and len(words) > 2 else 'SPEC'}"


def _executor(options: Namespace, _: int) -> str:
    if options.name is None:
        return "executor slurm"
    return "check SPEC" if options.attempt else f"executor {quote(options.name)} --try"


def _ask(options: Namespace, _: int) -> str:
    given = _given(options)
    return f"accept {given} RESULTS --by WHO" if options.out else f"status {given}".strip()


AFTER_RUN: Mapping[int, str] = {
    ExitCode.DONE: "verify WHERE",
    ExitCode.STOPPED: "status WHERE",
    ExitCode.HELD: "decide WHERE NAME --by WHO --reason TEXT, with --promote NAMES, --continue or --stop",
    ExitCode.ELSEWHERE: "bundle WHERE",
    ExitCode.ASKED: "ask WHERE --out FOLDER",
    ExitCode.SPENT: "amend WHERE --budget AMOUNT --reason TEXT",
}
"""How a run of promo ended -> what follows."""


def _run(options: Namespace, code: int) -> str:
    where = f"{_given(options)}{f' --study {quote(options.study)}' if options.study else ''}"
    words = AFTER_RUN.get(code, "")
    return words.replace("WHERE", where)


def _verify(options: Namespace, code: int) -> str:
    given = _given(options)
    follows = {ExitCode.UNANCHORED: "checkpoint", ExitCode.FINDINGS: "report"}
    if code in follows:
        return f"{follows[ExitCode(code)]} {given}".strip()
    return f"export {given} --to rocrate".replace("  ", " ") if code == ExitCode.DONE else ""


NEXT: Mapping[str, Step] = {
    "new": _good("plan", "check"),
    "runner": _runner,
    "executor": _executor,
    "check": _check,
    "explain": _explain,
    "fmt": _good("check", "fmt"),
    "read": _good("plan"),
    "design": _good("plan"),
    "simulate": _good("freeze"),
    "freeze": _good("run"),
    "run": _run,
    "replay": _run,
    "compare": _good("simulate"),
    "status": lambda options, _: str(getattr(options, "follows", "")),
    "ask": _ask,
    "bundle": lambda options, _: (
        f"import {quote(options.out)} {_given(options) or 'SPEC'}, on the machine that it is for"
    ),
    "report": _with("verify"),
    "why": lambda options, _: f"report {quote(options.study)}" if options.study else "report",
    "laws": _with("report"),
    "serve": _with("report"),
    "cosign": lambda options, _: f"anchor SPEC {quote(options.out or options.note + '.cosigned')} --key NAME+ID+KEY",
    "anchor": _with("run"),
    "verify": _verify,
}
"""Command -> what follows it."""
OWN = {
    "plan": "its page ends with it",
    "completion": "its output is for a shell",
    "lsp": "it speaks to an editor",
    "show": "it prints JSON",
    "stop": "promo run resumes it",
    "accept": "go_on(",
    "decide": "go_on(",
    "import": "go_on(",
    "amend": "go_on(",
    "export": "look at them with",
    "checkpoint": "record it with: promo anchor",
}
"""Command that says by itself how to go on, or whose output is for a machine: the words, or why."""


def say_next(options: Namespace, code: int) -> None:
    """Say what follows; the caller asks only where a person looks."""
    step = NEXT.get(options.command)
    silent = (
        any(getattr(options, name, False) for name in ("json", "quiet")) or getattr(options, "format", "") in MACHINES
    )
    if step is None or silent:
        return
    words = step(options, code)
    if words:
        from promo.cli.terminal import put_styled, styled, wants_colour

        put_styled(styled(f"next: promo {words}", "dim", colour=wants_colour(sys.stdout)))


MACHINES = ("json", "sarif", "github", "csv")
"""Forms that no person reads."""
