"""
Request to outcome through a program: fill in its arguments, run it, read what it says.

The program runs in a folder of its own below the attempt.  Its arguments are a list, never a shell line.  What it
prints is kept; figures are read from a result file that it writes, or from its summary as the runner file declares.
A program keeps its own clock: the training seconds it reports are what the budget is charged, and where it reports
none the whole process is.
"""

import difflib
import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from attrs import evolve

from promo.base.canonical import SAFE_INTEGER, Json, digest_bytes, parse_json
from promo.run.contract import Outcome, Recorder
from promo.run.runners.files.constants import Literal, replaced
from promo.run.runners.files.declare import by_file
from promo.run.store import OUTPUT, PROGRAM
from promo.run.values import Request, RunStatus, Work

RESULT = "program.result.json"
POINTS = "program.points.jsonl"
TAIL_BYTES = 65_536
MOST_CHANGED_LINES = 200
KILL = 9
"""The signal that a system out of memory sends, among others."""
OUT_OF_MEMORY = ("outofmemoryerror", "out of memory", "memoryerror")
FIGURES = ("train_s", "steps", "tokens", "peak_device_bytes")


PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


class ProgramError(RuntimeError):
    """A program whose files or output are not what the runner file says."""


def train(request: Request, recorder: Recorder) -> Outcome:
    """
    Run the program of a request.

    Args:
        request: see `promo.run.contract`; `program` is what the runner file declares.
        recorder: gets phases and the points that the program writes.
    """
    program, attempt = program_of(request), recorder.attempt
    place = attempt / PROGRAM
    values = _values(request, attempt, place)
    with recorder.phase("build"):
        changes = _put_files(program, recorder.study / PROGRAM, place, values)
    argv = [_filled(argument, values) for argument in program["argv"]]
    began = time.monotonic()
    code = _run(argv, place, attempt, values)
    elapsed = time.monotonic() - began
    printed = _tail(attempt / OUTPUT)
    said = _said(program["summary"], attempt / RESULT, printed)
    _points(attempt / POINTS, recorder)
    charged = said.figures.get("train_s")
    recorder.add("train", float(charged) if charged is not None else elapsed)
    recorder.add("outside", max(elapsed - float(charged), 0.0) if charged is not None else 0.0)
    details: dict[str, Json] = {
        "command": argv_without_paths(argv, attempt),
        "charging": "seconds that the program reports" if charged is not None else "the whole process",
        "reported": {name: str(value) for name, value in said.other.items()},
        "program": dict(program["files"]),
        "changes": changes,
    }
    peak = said.figures.get("peak_device_bytes")
    return evolve(
        _outcome(code, said, printed),
        details=details,
        work=_work(said.figures),
        device={"kind": request.device},
        peak_device_bytes=None if peak is None else int(peak),
    )


def _work(figures: Mapping[str, Fraction]) -> Work:
    steps, tokens, seconds = (figures.get(name) for name in ("steps", "tokens", "train_s"))
    return Work(
        steps=None if steps is None else int(steps),
        tokens=None if tokens is None else int(tokens),
        tokens_per_s=f"{float(tokens / seconds):.1f}" if tokens is not None and seconds else None,
    )


class _Said:
    """What a program reported."""

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}
        self.figures: dict[str, Fraction] = {}
        self.other: dict[str, str] = {}
        self.status: RunStatus | None = None
        self.cause = ""
        self.unread = ""
        """What of it is not what the runner file says."""


def _values(request: Request, attempt: Path, place: Path) -> dict[str, Literal]:
    return {
        **settings_of(request),
        "python": sys.executable,
        "program": str(place),
        "request": str(attempt / "request.json"),
        "result": str(attempt / RESULT),
        "points": str(attempt / POINTS),
        "seed": request.run.seed,
        "budget": request.budget.amount,
        "budget_kind": request.budget.kind.value,
        "device": request.device,
    }


def settings_of(request: Request) -> dict[str, Literal]:
    """Levels and effective settings, by name, as literals of Python."""
    return {name: literal(value) for name, value in {**(request.levels or {}), **request.settings}.items()}


def program_of(request: Request) -> Mapping[str, Any]:
    """What the file of a runner declares, as the request of one of its runs carries it."""
    assert isinstance(request.program, Mapping)
    return request.program


def literal(value: int | str | Fraction) -> Literal:
    """A setting as a literal of Python: exact numbers and texts of them become numbers."""
    if isinstance(value, int):
        return value
    try:
        number = Fraction(value)
    except (ValueError, ZeroDivisionError):
        return str(value)
    return int(number) if number.denominator == 1 else float(number)


def _filled(text: str, values: Mapping[str, Literal]) -> str:
    """Places of a text filled in, once: what is filled in stays as it is, whatever it looks like."""
    return PLACE.sub(lambda found: str(values[found[1]]) if found[1] in values else found[0], text)


def _put_files(program: Mapping[str, Any], source: Path, place: Path, values: Mapping[str, Literal]) -> list[Json]:
    """Copy the program's files, replacing constants; the changed lines."""
    changed = by_file(program) if program["kind"] == "script" else {}
    changes: list[str] = []
    for name, expected in program["files"].items():
        content = (source / name).read_bytes()
        if digest_bytes(content) != expected:
            raise ProgramError(f"the program file {name} is not the one the study was frozen with")
        text = content.decode()
        if name in changed:
            constants, calls = ({key: _value(said, values) for key, said in part.items()} for part in changed[name])
            new = replaced(text, constants, calls)
            lines = difflib.unified_diff(text.splitlines(), new.splitlines(), name, name, lineterm="", n=0)
            changes += [line for line in lines if not line.startswith(("---", "+++", "@@"))]
            text = new
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    place.mkdir(parents=True, exist_ok=True)
    return list(changes[:MOST_CHANGED_LINES])


def _value(said: str, values: Mapping[str, Literal]) -> Literal:
    """`{name}` alone keeps the kind of its value; anything else is text, or a number if it reads as one."""
    if said.startswith("{") and said.endswith("}") and said[1:-1] in values:
        return values[said[1:-1]]
    text = _filled(said, values)
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _run(argv: list[str], place: Path, attempt: Path, values: Mapping[str, Literal]) -> int:
    environment = {
        **os.environ,
        **{f"PROMO_{name.upper()}": str(values[name]) for name in ("request", "result", "points")},
    }
    with (attempt / OUTPUT).open("wb") as output:
        try:
            done = subprocess.run(
                argv, cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
        except OSError as fault:
            raise ProgramError(f"{argv[0]} cannot be started: {fault.strerror or fault}") from fault
    return done.returncode


def argv_without_paths(argv: list[str], attempt: Path) -> list[Json]:
    """The command as recorded: where the study lies is nobody's business and differs between machines."""
    return [part.replace(str(attempt), "{attempt}").replace(sys.executable, "{python}") for part in argv]


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(file.tell() - TAIL_BYTES, 0))
        return file.read().decode(errors="replace")


def _said(summary: Mapping[str, Any], result: Path, printed: str) -> _Said:
    if summary:
        return _from_summary(summary, printed)
    if not result.exists():
        return _Said()
    return _from_file(result)


def _from_file(path: Path) -> _Said:
    said = _Said()
    try:
        stored = parse_json(path.read_bytes())
    except ValueError as fault:
        said.unread = f"its result file is no JSON: {fault}"
        return said
    if not isinstance(stored, dict) or not isinstance(stored.get("metrics"), dict):
        said.unread = 'its result file has no "metrics"'
        return said
    metrics = stored["metrics"]
    assert isinstance(metrics, Mapping)
    for name, value in metrics.items():
        _read_metric(said, str(name), str(value), f"'{name}: {value}' in its result file")
    for name in FIGURES:
        if name in stored:
            _read_figure(said, name, str(stored[name]), "", f"'{name}: {stored[name]}' in its result file")
    if stored.get("status") in {status.value for status in RunStatus}:
        said.status, said.cause = RunStatus(stored["status"]), str(stored.get("cause", ""))
    return said


def _read_metric(said: _Said, name: str, text: str, where: str) -> None:
    try:
        said.metrics[name] = float(text)
    except ValueError:
        said.unread = said.unread or f"{where} is no number"


def _read_figure(said: _Said, name: str, text: str, scale: str, where: str) -> None:
    try:
        said.figures[name] = Fraction(text.replace(",", "")) * Fraction(scale.strip() or "1")
    except (ValueError, ZeroDivisionError):
        said.unread = said.unread or f"{where} is no number"


def _from_summary(summary: Mapping[str, Any], printed: str) -> _Said:
    """`key separator value` lines behind the last line that equals *after*."""
    said = _Said()
    lines = [line.strip() for line in printed.splitlines()]
    for line in lines:
        if line in summary["failures"]:
            said.status, said.cause = RunStatus(summary["failures"][line]), f"it printed: {line}"
    if summary["after"]:
        starts = [number for number, line in enumerate(lines) if line == summary["after"]]
        if not starts:
            said.unread = f"it printed no line '{summary['after']}', behind which its summary would be"
        lines = lines[starts[-1] + 1 :] if starts else []
    found = {}
    for line in lines:
        key, separator, value = line.partition(summary["separator"])
        if separator:
            found[key.strip()] = value.strip()
    for name, key in summary["metrics"].items():
        if key in found:
            text = found.pop(key)
            _read_metric(said, name, text, f"'{key}{summary['separator']} {text}' in its summary")
    for name, said_as in summary["figures"].items():
        key, _, scale = said_as.partition("*")
        if key.strip() in found:
            text = found.pop(key.strip())
            _read_figure(said, name, text, scale, f"'{key.strip()}{summary['separator']} {text}' in its summary")
    said.other = found
    return said


def _points(path: Path, recorder: Recorder) -> None:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            point = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(point, dict):
            figures = {
                name: one for name, value in point.items() if name.isprintable() and (one := _figure(value)) is not None
            }
            step, tokens = (_count(figures.pop(name, None)) for name in ("step", "tokens"))
            recorder.point(step, tokens, figures.pop("charged_s", None), **figures)


def _figure(value: object) -> float | None:
    """A finite number that a program wrote; None for anything else."""
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _count(figure: float | None) -> int | None:
    """How often, if it can be that."""
    return int(figure) if figure is not None and 0 <= figure <= SAFE_INTEGER else None


def _outcome(code: int, said: _Said, printed: str) -> Outcome:
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    last = lines[-1][:300] if lines else ""
    if said.status is not None and said.status is not RunStatus.OK:
        return Outcome(said.status, {}, cause=said.cause or last)
    if code:
        memory = any(words in printed.lower() for words in OUT_OF_MEMORY)
        status = RunStatus.OOM if memory else RunStatus.KILLED if code == -KILL else RunStatus.CRASH
        how = f"signal {-code} ended it" if code < 0 else f"it ended with code {code}"
        return Outcome(status, {}, cause=f"{how}: {last}" if last else how)
    if said.unread or not said.metrics:
        cause = said.unread or "it reported no metric"
        return Outcome(RunStatus.INVALID, {}, cause=f"{cause}; its last line: {last}" if last else cause)
    return Outcome(RunStatus.OK, said.metrics)
