"""
Attempts as jobs of any launcher that has a command to submit, one to look and one to cancel.

A host's block gives the three command lines and the patterns that read their answers:

    executor submit
    option   submit = "qsub -terse -V -N {name} -wd {folder} -b y {attend}"
    option   number = "(?P<number>[0-9]+)"
    option   poll = "qstat -u me"
    option   row = " *(?P<number>[0-9]+) +[^ ]+ +[^ ]+ +[^ ]+ +(?P<state>[^ ]+) .*"
    option   queued = "qw|hqw"
    option   running = "r|t|Rr|dr"
    option   cancel = "qdel {number}"

A line is split at its spaces, and places are filled in afterwards, so that no value becomes a second word and no shell
sees any of it.  `{attend}` is the command of the job, several words; `{devices}` and `{nodes}` are what its stage or
host gives a run.  Where `poll` names a job, it is asked for each.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from promo.base.errors import KEPT, PromoError
from promo.ledger.losses import Loss
from promo.run.disk import DISK
from promo.run.executors.queued import GRACE, Job, Listed, QueueExecutor, Row, own_environment, text_of
from promo.run.executors.tools import Answer, Tools
from promo.run.locks import has_begun
from promo.run.store import REQUEST, parse_request
from promo.run.values import AttemptSpec
from promo.study.given import Options
from promo.study.ports import DEVICES, NODES, ExecutorOption, OptionKind, no_fault

LINE = r" *[!-~][ -~]{0,1999}"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]{0,60}"
TOOL_S = 90
AFTER_S = 120
"""Seconds that a supervisor may take longer than the limit of its attempt."""
LONGEST = 10_000_000
"""Bytes of an answer that are read."""
LONGEST_REASON = 300
COLOURS = re.compile(r"\x1b\[[0-9;?]*[@-~]|\x1b\([A-Z0-9]")
"""Source: ECMA-48, control sequences; and what `tput sgr0` prints besides."""
LOSSES = {
    "cancelled": Loss.CALLED_OFF,
    "limit": Loss.SITE_LIMIT,
    "node": Loss.NODE,
    "preempted": Loss.PREEMPTED,
}
"""Option with the states of jobs that ended early -> why their attempts are lost."""


def _attends(line: str) -> str:
    return "" if "{attend}" in line.split() else "does not have {attend}, the job's own command, as a word of its own"


def _names_a_job(line: str) -> str:
    return "" if "{number}" in line or "{name}" in line else "names no job: {number} or {name}"


def _finds(*wanted: tuple[str, ...]) -> Callable[[str], str]:
    """What is wrong with a pattern that has to find so much, one of each kind, in groups of those names."""

    def fault(text: str) -> str:
        try:
            found = re.compile(text).groupindex
        except re.error as wrong:
            return f"is no regular expression: {wrong}"
        absent = [kind for kind in wanted if not found.keys() & set(kind)]
        return f"has no group {' or '.join(f'(?P<{name}>...)' for name in absent[0])}" if absent else ""

    return fault


def _line(example: str, meaning: str, fault: Callable[[str], str] = no_fault) -> ExecutorOption:
    return ExecutorOption(OptionKind.TEXT, example, meaning, form=LINE, needed=True, fault=fault)


def _pattern_of(example: str, meaning: str, *wanted: tuple[str, ...], needed: bool = False) -> ExecutorOption:
    return ExecutorOption(OptionKind.TEXT, example, meaning, form=LINE, needed=needed, fault=_finds(*wanted))


class SubmitExecutor(QueueExecutor):
    """See the module."""

    spreads: ClassVar[bool] = True
    options: ClassVar[Mapping[str, ExecutorOption]] = {
        "cancel": _line('"qdel {number}"', "ends a job", _names_a_job),
        "cancelled": _pattern_of('"CANCELLED"', "states of jobs that somebody cancelled, a pattern"),
        "doubt": _pattern_of('".*timed out.*"', "answers of `submit` that leave open whether it was taken, a pattern"),
        "grace": GRACE,
        "image": ExecutorOption(
            OptionKind.TEXT, '"lab/train:3"', "what `{image}` stands for in `submit`", moves=True, form=LINE
        ),
        "limit": _pattern_of('"TIMEOUT"', "states of jobs that the site's own limit ended, a pattern"),
        "node": _pattern_of('"NODE_FAIL"', "states of jobs whose machine failed, a pattern"),
        "number": _pattern_of(
            '"(?P<number>[0-9]+)"',
            "finds the job's number in what `submit` answers, a pattern",
            ("number",),
            needed=True,
        ),
        "poll": _line('"qstat -u me"', "lists jobs; with `{number}` or `{name}`, one"),
        "preempted": _pattern_of('"PREEMPTED"', "states of jobs that made room for others, a pattern"),
        "queued": _pattern_of('"qw|hqw"', "states of jobs that wait, a pattern", needed=True),
        "row": _pattern_of(
            '"(?P<number>[0-9]+) (?P<state>.+)"',
            "a line of what `poll` answers: number or name, state, and perhaps reason",
            ("number", "name"),
            ("state",),
            needed=True,
        ),
        "running": _pattern_of('"r|t"', "states of jobs that run, a pattern; any other has ended", needed=True),
        "submit": ExecutorOption(
            OptionKind.TEXT,
            '"qsub -terse -N {name} -b y {attend}"',
            "submits `{attend}` as a job",
            form=LINE,
            places=(DEVICES, NODES),
            needed=True,
            fault=_attends,
        ),
        "variables": ExecutorOption(
            OptionKind.TEXT,
            '"SGE_ROOT,SGE_CELL"',
            "variables that the three commands need, of those that promo has itself",
            form=rf"{VARIABLE}(,{VARIABLE}){{0,19}}",
        ),
    }

    def __init__(self) -> None:
        super().__init__()
        self._tools = Tools()
        self._numbers: dict[str, Path] = {}
        """Folder of the attempt whose job was given each number last."""

    def submit(self, attempt: AttemptSpec, name: str) -> str | None:
        """
        Run the host's own command.

        Raises:
            PromoError: it was refused, or its number is that of another job, so that neither can be known by it.
        """
        given = text_of(attempt.options)
        folder = str(attempt.folder.resolve())
        attend = [sys.executable, "-P", "-m", "promo.run.attend", folder]
        request = parse_request(DISK.read(attempt.folder / REQUEST) or b"")
        places = {"name": name, "folder": folder, "image": given.get("image", ""), "threads": str(attempt.threads)}
        places |= {"devices": str(request.devices), "nodes": str(request.nodes)}
        words = _words(given, "submit", places, attend)
        done = _run(words, {**attempt.environment, **_environment(given)})
        if done is None:
            return None
        code, said = done
        if code == 0:
            found = _pattern(given, "number").search(said)
            return None if found is None else self._of_its_own(found["number"], attempt.folder)
        if "doubt" in given and _pattern(given, "doubt").search(said):
            return None
        told = f": {said.strip()[-500:]}" if said.strip() else ", and says nothing"
        raise PromoError(f"the job is refused: '{words[0]}' ends with status {code}{told}", hint=KEPT)

    def _of_its_own(self, number: str, folder: Path) -> str:
        """A number that no other job has which may go on; empty ones say nothing."""
        ended = {job.folder for job in self._jobs if job.stand is not None}
        before = self._numbers.get(number)
        if number and before is not None and before not in ended:
            for job in self._jobs:
                job.number = None if job.number == number else job.number
            message = f"option number finds '{number}' in the answers for two jobs, those of {before} and {folder}"
            hint = "have submit print what differs from job to job, then run again; another pattern is another study"
            raise PromoError(message, hint=hint)
        self._numbers[number] = folder
        return number

    def why_waiting(self, said: str) -> str:
        """Whatever stands in a row as its reason."""
        return f"its queue says {said}" if said else ""

    def listed(self, jobs: Sequence[Job]) -> Mapping[str, Row] | None:
        """One question for all jobs of a host, or one for each where its command names a job."""
        groups: dict[tuple[str, ...], tuple[Options, list[Job]]] = {}
        for job in jobs:
            given = text_of(job.options)
            places = {"number": job.number or "", "name": job.name}
            groups.setdefault((*_words(given, "poll", places), ""), (job.options, []))[1].append(job)
        rows = {job.name: Row("", Listed.SILENT) for job in jobs if _cannot_be_seen(job)}
        silent = False
        for (*words, _), (options, those) in groups.items():
            known = self._tools.is_asked(words)
            answer = self._asked(words, options, anew=self._stopping) if known or not silent else None
            silent = silent or (answer is None and not known)  # the next one is asked when it is looked again
            if answer is None or answer.code != 0:
                rows |= {job.name: Row(job.number or "", Listed.SILENT) for job in those}
            else:
                rows |= _read(_text(answer.said), text_of(options), those)
        return rows

    def _asked(
        self, words: Sequence[str], options: Options, *, anew: bool = False, hurry: bool = False
    ) -> Answer | None:
        try:
            return self._tools.ask(words, _environment(text_of(options)), anew=anew, hurry=hurry)
        except OSError as fault:
            raise _unstartable(words, fault) from fault

    def close(self) -> None:
        """No command is waited for any more."""
        super().close()
        self._tools.close()

    def end(self, jobs: Sequence[Job]) -> None:
        """One command for each; once one does not answer, none is waited for."""
        hurry = False
        for job in jobs:
            given = text_of(job.options)
            if job.number or "{name}" in given.get("cancel", ""):
                places = {"number": job.number or "", "name": job.name}
                answer = self._asked(_words(given, "cancel", places), job.options, hurry=hurry)
                hurry = hurry or answer is None


def _cannot_be_seen(job: Job) -> bool:
    """
    Whether an attempt is under way whose job is known by its name alone, as after a crash, while rows have numbers.

    Its supervisor ends it at its limit and says so; who is silent for longer is gone.
    """
    given = text_of(job.options)
    by_name = "name" in _pattern(given, "row").groupindex or "{name}" in given["poll"]
    if job.number or by_name or not has_begun(job.folder):
        return False
    limit_s = parse_request(DISK.read(job.folder / REQUEST) or b"").budget.limit_s
    return time.monotonic() - job.since < limit_s + AFTER_S


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    """What its commands see of promo's own environment."""
    return own_environment(*filter(None, given.get("variables", "").split(",")))


def _read(said: str, given: Mapping[str, str], jobs: Sequence[Job]) -> dict[str, Row]:
    """Rows of jobs that an answer has, by their names."""
    pattern, names = _pattern(given, "row"), {job.number: job.name for job in jobs if job.number}
    ours, found = {job.name for job in jobs}, dict[str, Row]()
    for line in said.splitlines():
        match = pattern.fullmatch(line)
        if match is None:
            continue
        parts = {"number": "", "name": "", "state": "", "reason": "", **match.groupdict()}
        name = parts["name"] if parts["name"] in ours else names.get(parts["number"])
        if name is not None:
            number = parts["number"] or next(job.number or "" for job in jobs if job.name == name)
            found[name] = _row(number, parts["state"] or "", given, (parts["reason"] or "")[:LONGEST_REASON])
    return found


def _row(number: str, state: str, given: Mapping[str, str], reason: str) -> Row:
    for option, listed in (("queued", Listed.QUEUED), ("running", Listed.RUNNING)):
        if option in given and _pattern(given, option).fullmatch(state):
            return Row(number, listed, said=reason)
    losses = (loss for option, loss in LOSSES.items() if option in given and _pattern(given, option).fullmatch(state))
    return Row(number, Listed.ENDED, next(losses, None), f"{state}, {reason}" if reason else state)


def _words(given: Mapping[str, str], option: str, places: Mapping[str, str], attend: Sequence[str] = ()) -> list[str]:
    """The words of a command line, with its places filled in."""
    words: list[str] = []
    for word in given[option].split():
        if word == "{attend}":
            words += attend
        else:
            words.append(re.sub(r"\{(\w+)\}", lambda found: places.get(found[1], found[0]), word))
    return words


def _pattern(given: Mapping[str, str], option: str) -> re.Pattern[str]:
    """A pattern of the host's block, which was checked."""
    return re.compile(given[option])


def _unstartable(words: Sequence[str], fault: OSError) -> PromoError:
    message = f"'{words[0]}' cannot be started: {fault.strerror}"
    return PromoError(message, hint="install it, or change the option")


def _run(words: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str] | None:
    """Exit status and answer of a command; None where it gives none in time."""
    inner, nothing = dict(environment), subprocess.DEVNULL
    try:
        done = subprocess.run(words, env=inner, stdin=nothing, capture_output=True, timeout=TOOL_S, check=False)
    except subprocess.TimeoutExpired:
        return None
    except OSError as fault:
        raise _unstartable(words, fault) from fault
    said = done.stdout if done.returncode == 0 else done.stdout + done.stderr
    return done.returncode, _text(said)


def _text(said: bytes) -> str:
    """An answer without the signs that colour it on a terminal: some launchers print them always."""
    return COLOURS.sub("", said[:LONGEST].decode(errors="replace"))
