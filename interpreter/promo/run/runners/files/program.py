"""
Request to outcome through somebody else's program: its files copied, its constants replaced, its figures read.

Nothing reaches a shell.  Files are those that the study froze, byte for byte; the differences that replacing makes are
part of the result.
"""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import IO, assert_never

from promo.base.canonical import SAFE_INTEGER, Json, digest_bytes, exact
from promo.base.classes import evolve
from promo.base.reading import read_plain
from promo.base.units import float_of, in_digits, whole_of
from promo.run.budgets import is_kept, lived_words, outlived
from promo.run.contract import Outcome, Recorder
from promo.run.output import STEP, Output
from promo.run.program import LONGEST_FILE, Command, Literal, Program, Script
from promo.run.ranks import Peers, RankError, UnbegunError, environments, free_port
from promo.run.runners.files.beginning import Beginning
from promo.run.runners.files.figures import Lines, Said, from_file, points_fault, points_of
from promo.run.runners.files.states import Cpu, Keeper, StateError
from promo.run.store import OUTPUT, PROGRAM, PROGRAM_POINTS
from promo.run.values import TRAIN, Counter, Request, RunStatus, Used, Work
from promo.study.limits import BudgetKind

RESULT = "program.result.json"
UNREAD = "others."
"""Begins the names that other processes than the first are told for these: what they write there, nobody reads."""
MOST_CHANGED_LINES = 200
KILL = 9
"""The signal that a system out of memory sends, among others."""
OUT_OF_MEMORY = ("outofmemoryerror", "out of memory", "memoryerror")
LONGEST_LINE = 100_000
LAST_WORDS_S = 5.0
"""For how long what a program left running is still heard once its own process has ended."""
PORT = "{port}"
PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


class ProgramError(RuntimeError):
    """A program whose files or output are not what the runner file says."""


def train(request: Request, recorder: Recorder) -> Outcome:
    """Run the program of a request."""
    program, attempt = program_of(request), recorder.attempt
    assert isinstance(program.does, Command | Script)
    place = attempt / PROGRAM
    if request.continues is not None and request.continues.folder is None:
        return Outcome(RunStatus.INVALID, {}, cause="the run that it carries on has no result")
    try:
        with recorder.phase("restore" if request.resume or request.continues else "build"):
            begin = Beginning(request, program, recorder.study, place, PROGRAM_POINTS)
    except StateError as fault:  # what it carries on was changed, which is no fault of the candidate
        return Outcome(RunStatus.INVALID, {}, cause=str(fault))
    variables = environments(request) if request.width > 1 else ()
    port = variables[0]["MASTER_PORT"] if variables else free_port() if PORT in " ".join(program.does.argv) else ""
    values = {**_values(request, attempt, place, port), **begin.values(place)}
    with recorder.phase("build"):
        changes = put_files(program, recorder.study / PROGRAM, place, values)
    argv = (*program.does.argv, *begin.resume)
    heard = _Heard(attempt / OUTPUT, program)
    before, began = _children_s(), time.monotonic()
    code, lost = _run(argv, request, program.does, values, heard, variables, begin.keeper)
    elapsed, processor_s = time.monotonic() - began, _children_s() - before
    said = heard.end(attempt / RESULT)
    said.unread = said.unread or points_fault(attempt / PROGRAM_POINTS)
    for point in points_of(attempt / PROGRAM_POINTS):
        _point(recorder, begin.whole(point))
    for name in (RESULT, PROGRAM_POINTS):
        _without_link(attempt / name)
    _believable(said, begin.lived_s(elapsed))
    total = begin.total(said.figures, elapsed, processor_s)
    spent = begin.in_stage(total)
    charged = spent.get("train_s", spent["wall_s"])
    recorder.add(TRAIN, max(float(charged), 0.0))
    recorder.add("outside", max(float(spent["wall_s"] - charged), 0.0))
    outcome = _outcome(code, said, heard) if lost is None else _lost(lost, heard)
    used = _used(request, spent)
    state, without = None, ""
    if _is_over(outcome, used, request):
        state, without = begin.leave(total, wanted=outcome.status is RunStatus.OK)
    if without:
        outcome = Outcome(RunStatus.INVALID, {}, cause=without)
    details: dict[str, Json] = {
        "command": argv_without_paths(_all_filled(argv, values), attempt),
        "reported": {name: str(value) for name, value in said.other.items()},
        "changes": changes,
        **begin.told(),
    }
    peak = said.figures.get("peak_device_bytes")
    return evolve(
        outcome,
        details=details,
        used=used,
        work=_work(spent),
        checkpoint=state,
        device={"kind": request.device},
        peak_device_bytes=None if peak is None else int(peak),
    )


def program_of(request: Request) -> Program:
    """What the file of a runner declares, as the request of one of its runs carries it."""
    assert request.program is not None
    return request.program


def _without_link(path: Path) -> None:
    """What stands where a program should have written and is no file was not read, has no bytes, and is not kept."""
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        path.unlink(missing_ok=True)


# --- the budget --------------------------------------------------------------------------------------------------


def _believable(said: Said, lived: float) -> None:
    """A program that trained for longer than it lived has told a wrong time, and nothing is charged by it."""
    seconds = said.figures.get("train_s")
    if seconds is not None and outlived(seconds, lived):
        said.unread = said.unread or lived_words(seconds, lived)
        del said.figures["train_s"]


def _is_over(outcome: Outcome, used: Used | None, request: Request) -> bool:
    """Whether nobody takes a run up again; one that a queue ends may fail of that before its supervisor hears of it."""
    kept = used is None or is_kept(used, request.budget)
    return outcome.status is RunStatus.NAN or (outcome.status is RunStatus.OK and kept)


def _used(request: Request, spent: Mapping[str, Fraction]) -> Used | None:
    """How much of the budget the program used, and who knows: the program, its process, or nobody."""
    kind = request.budget.kind
    match kind:
        case BudgetKind.WALL | BudgetKind.UPSTREAM:
            if "train_s" in spent:
                return Used(kind, exact(spent["train_s"]), None, Counter.REPORTED)
            return Used(kind, f"{float(spent['wall_s']):.6f}", None, Counter.WHOLE)
        case BudgetKind.CPU:
            return Used(kind, f"{float(spent['cpu_s']):.6f}", None, Counter.WHOLE)
        case BudgetKind.STEPS:
            steps = spent.get("steps")
            return None if steps is None else Used(kind, exact(steps), "1", Counter.REPORTED)
        case BudgetKind.TOKENS:
            tokens = spent.get("tokens")
            return None if tokens is None else Used(kind, exact(tokens), None, Counter.REPORTED)
        case BudgetKind.FLOPS:
            tokens = spent.get("tokens")
            if tokens is None or not request.flops_per_token:
                return None
            return Used(kind, exact(tokens * request.flops_per_token), None, Counter.REPORTED)
        case _:
            assert_never(kind)


def _children_s() -> float:
    """Processor seconds of the processes that this one has started and that have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system


def _work(figures: Mapping[str, Fraction]) -> Work:
    steps, tokens, seconds = (figures.get(name) for name in ("steps", "tokens", "train_s"))
    return Work(
        steps=None if steps is None else int(steps),
        tokens=None if tokens is None else int(tokens),
        tokens_per_s=f"{float(tokens / seconds):.1f}" if tokens is not None and seconds else None,
    )


def _point(recorder: Recorder, point: Mapping[str, float]) -> None:
    known = dict(point)
    step, tokens = (_count(known.pop(name, None)) for name in ("step", "tokens"))
    seconds = known.pop("charged_s", None)
    recorder.point(step, tokens, None if seconds is None or seconds < 0 else seconds, **known)


def _count(figure: float | None) -> int | None:
    """How often, if it can be that."""
    return int(figure) if figure is not None and 0 <= figure <= SAFE_INTEGER else None


# --- files and arguments -----------------------------------------------------------------------------------------


def _values(request: Request, attempt: Path, place: Path, port: str) -> dict[str, Literal]:
    return {
        "devices": request.devices,
        "nodes": request.nodes,
        "port": port,
        **settings_of(request),
        "python": sys.executable,
        "program": str(place),
        "request": str(attempt / "request.json"),
        "result": str(attempt / RESULT),
        "points": str(attempt / PROGRAM_POINTS),
        "seed": request.run.seed,
        "budget": request.budget.amount,
        "budget_kind": request.budget.kind.value,
        "device": request.device,
    }


def settings_of(request: Request) -> dict[str, Literal]:
    """Levels and effective settings, by name, as literals of Python."""
    return {name: literal(value) for name, value in {**(request.levels or {}), **request.settings}.items()}


def literal(value: int | str | Fraction) -> Literal:
    """A setting as a literal of Python: exact numbers and texts of them become numbers."""
    if isinstance(value, int):
        return value
    try:
        number = Fraction(in_digits(value) if isinstance(value, str) else value)
    except (ValueError, ZeroDivisionError):
        return str(value)
    return int(number) if number.denominator == 1 else float(number)


def _filled(text: str, values: Mapping[str, Literal]) -> str:
    """Places of a text filled in, once: what is filled in stays as it is, whatever it looks like."""
    return PLACE.sub(lambda found: str(values[found[1]]) if found[1] in values else found[0], text)


def _all_filled(argv: Sequence[str], values: Mapping[str, Literal]) -> list[str]:
    return [_filled(argument, values) for argument in argv]


def put_files(program: Program, source: Path, place: Path, values: Mapping[str, Literal]) -> list[Json]:
    """Copy the program's files into the folder of its run, replacing constants; the changed lines."""
    attempt = place.parent
    changed = program.does.by_file() if isinstance(program.does, Script) else {}
    changes: list[str] = []
    for name, expected in program.files.items():
        content = read_plain(source / name, LONGEST_FILE)
        if digest_bytes(content) != expected:
            raise ProgramError(f"the program file {name} is not the one the study was frozen with")
        if name in changed:
            constants, calls = ({key: _value(said, values) for key, said in part.items()} for part in changed[name])
            new, lines = _replaced(content.decode(), constants, calls)
            changes += lines
            content = new.encode()
        target = place / name
        _make_below(attempt, target.parent)
        target.write_bytes(content)
    _make_below(attempt, place)
    return list(changes[:MOST_CHANGED_LINES])


def _replaced(text: str, constants: Mapping[str, Literal], calls: Mapping[str, Literal]) -> tuple[str, list[str]]:
    """The script with new values, and the lines that differ; only scripts pay for parsing Python."""
    import difflib

    from promo.run.runners.files.constants import replaced

    new = replaced(text, constants, calls)
    lines = difflib.unified_diff(text.splitlines(), new.splitlines(), lineterm="", n=0)
    return new, [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def _make_below(attempt: Path, folder: Path) -> None:
    """Create a folder in that of an attempt, which is never created anew: somebody may have moved its study away."""
    for part in reversed((folder, *folder.parents)):
        if part.is_relative_to(attempt) and part != attempt:
            part.mkdir(exist_ok=True)


def _value(said: str, values: Mapping[str, Literal]) -> Literal:
    """`{name}` alone keeps the kind of its value; anything else is text, or a number if it reads as one."""
    if said.startswith("{") and said.endswith("}") and said[1:-1] in values:
        return values[said[1:-1]]
    text = _filled(said, values)
    for kind in (whole_of, float_of):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def argv_without_paths(argv: list[str], attempt: Path) -> list[Json]:
    """The command as recorded: where the study lies is nobody's business and differs between machines."""
    return [part.replace(str(attempt), "{attempt}").replace(sys.executable, "{python}") for part in argv]


# --- the process -------------------------------------------------------------------------------------------------


class _Heard:
    """What a program prints: kept up to its size, its summary read on the way, and its last line remembered."""

    def __init__(self, path: Path, program: Program) -> None:
        self.output = Output(path, program.output_bytes)
        self._lines = None if program.summary is None else Lines(program.summary)
        self._rest = b""
        self.last = ""
        self.memory = False
        """Whether something in it speaks of memory that ran out."""
        self._hearing, self._over = threading.Lock(), False
        self._fault: OSError | None = None

    def listen(self, pipe: IO[bytes]) -> None:
        """Read until nobody can print any more; *pipe* is closed then, and where the disk takes no more."""
        with pipe:
            while more := os.read(pipe.fileno(), STEP):
                with self._hearing:
                    if not self._take(more):
                        return

    def _take(self, more: bytes) -> bool:
        """Keep what was printed; False once nothing more is kept."""
        if self._over:
            return False
        try:
            self.output.write(more)
        except OSError as fault:
            self._fault = fault
            return False
        *lines, rest = (self._rest + more).split(b"\n")
        for line in lines:
            self._line(line)
        self._rest = rest[-LONGEST_LINE:]
        return True

    def code(self, process: "subprocess.Popen[bytes]", listener: threading.Thread) -> int:
        """
        Wait for a program; its exit status, once all that it printed was heard.

        What it left running may hold its output open for as long as it lives, so it is heard for a while and no longer.

        Raises:
            OSError: the disk took no more of it.
        """
        code = process.wait()
        listener.join(LAST_WORDS_S)
        with self._hearing:
            self._over = True
        if self._fault is not None:
            raise self._fault
        return code

    def _line(self, line: bytes) -> None:
        text = line.decode(errors="replace")
        words = any(map(str.isalnum, text))  # and no rule, as torchrun draws one below what happened
        if words or (text.strip() and not any(map(str.isalnum, self.last))):
            self.last = text.strip()[:300]
        self.memory = self.memory or any(words in text.lower() for words in OUT_OF_MEMORY)
        if self._lines is not None:
            self._lines.line(text)

    def end(self, result: Path) -> Said:
        """What it reported, in print or in its result file."""
        self._line(self._rest)
        self.output.close()
        return from_file(result) if self._lines is None else self._lines.end()


def _run(
    argv: Sequence[str],
    request: Request,
    does: Command | Script,
    values: Mapping[str, Literal],
    heard: _Heard,
    variables: Sequence[Mapping[str, str]],
    keeper: Keeper | None,
) -> tuple[int, RankError | None]:
    """
    The exit status of a program, and which other process of it ended badly, if one did.

    With several devices it is started once for each of them, unless it does that itself; the first is heard.

    Raises:
        UnbegunError: the others were not all started.
    """
    place = Path(str(values["program"]))
    first = dict(variables[0]) if variables else {}
    if does.once:
        first = {name: value for name, value in first.items() if name.startswith("MASTER_")}
    try:
        process = subprocess.Popen(
            _all_filled(argv, values),
            cwd=place,
            env={**_environment(values), **first},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as fault:
        raise ProgramError(f"{argv[0]} cannot be started: {fault.strerror or fault}") from fault
    assert process.stdout is not None
    if keeper is not None:
        keeper.start(Cpu(process.pid))
    listener = threading.Thread(target=heard.listen, args=(process.stdout,), daemon=True)
    listener.start()
    try:
        if does.once or not variables:
            return heard.code(process, listener), None
        end = partial(_end, process)
        apart = {"result": f"{UNREAD}{RESULT}", "points": f"{UNREAD}{PROGRAM_POINTS}"}
        theirs = {**values, **{name: str(place.parent / file) for name, file in apart.items()}}
        words, environment = _all_filled(argv, theirs), _environment(theirs)
        with Peers(words, request, variables, cwd=place, environment=environment, failed=end) as peers:
            code = heard.code(process, listener)
            if code:
                peers.why()
                peers.hurry()
        if isinstance(peers.fault, UnbegunError):
            raise peers.fault
        return code, peers.fault
    except BaseException:  # the others cannot be started, and it would wait for them
        process.kill()
        raise
    finally:
        process.wait()
        if keeper is not None:
            keeper.stop(by_itself=process.returncode == 0)


def _environment(values: Mapping[str, Literal]) -> dict[str, str]:
    told = {f"PROMO_{name.upper()}": str(values[name]) for name in ("request", "result", "points")}
    return {**os.environ, **told, "PYTHONDONTWRITEBYTECODE": "1"}


def _end(process: "subprocess.Popen[bytes]", fault: RankError) -> None:
    """One of several processes ended badly, so the first one has nobody to train with."""
    del fault
    process.kill()


def _lost(fault: RankError, heard: _Heard) -> Outcome:
    status = RunStatus.OOM if heard.memory else RunStatus.KILLED if fault.code < 0 else RunStatus.CRASH
    return Outcome(status, {}, cause=f"{fault}; the last line of the first: {heard.last}" if heard.last else str(fault))


def _outcome(code: int, said: Said, heard: _Heard) -> Outcome:
    last = heard.last
    if said.status is not None and said.status is not RunStatus.OK:
        return Outcome(said.status, {}, cause=said.cause or last)
    if code:
        status = RunStatus.OOM if heard.memory else RunStatus.KILLED if code == -KILL else RunStatus.CRASH
        how = f"signal {-code} ended it" if code < 0 else f"it ended with code {code}"
        return Outcome(status, {}, cause=f"{how}: {last}" if last else how)
    if said.unread or not said.metrics:
        cause = said.unread or "it reported no metric"
        return Outcome(RunStatus.INVALID, {}, cause=f"{cause}; its last line: {last}" if last else cause)
    return Outcome(RunStatus.OK, said.metrics)
