"""
The process that trains: take a folder, read the request in it, call the trainer, leave a result.

It is started with the trainer's name, imports it, and waits for its folder on standard input; nothing touches a
device before that, so it can be started while another run trains.  Whatever happens to the trainer ends in one result
file with a cause, as long as the process itself lives; when it does not, the supervisor's record and the log tell.
When standard input closes, its supervisor is dead, and it ends itself and everything it started.
"""

import contextlib
import gc
import importlib
import math
import os
import queue
import signal
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path

from promo.base.canonical import digest_bytes, from_exact
from promo.base.classes import evolve, frozen
from promo.base.errors import PromoError
from promo.run.budgets import is_kept, is_used_up, lived_words, missed, outlived, processor_words, told_s
from promo.run.contract import Outcome, Recorder, Trainer, seconds_as_text
from promo.run.disk import DISK, REFUSED
from promo.run.provenance import peak_memory_bytes, processor_seconds, software, where_it_runs
from promo.run.ranks import RankError, UnbegunError, together
from promo.run.redact import redact_text
from promo.run.segments import Done, misfit
from promo.run.store import (
    POINTS,
    PROGRAM,
    REQUEST,
    RESULT,
    paid_by,
    parse_request,
    read_points,
    result_bytes,
    seconds_paid,
)
from promo.run.values import NO_DISK, NO_PEERS, TRAIN, Body, Counter, Facts, Request, RunStatus, Used
from promo.study.limits import BudgetKind

STUDY_ABOVE = 3
"""An attempt lies in STUDY/runs/STAGE/CELL/ATTEMPT."""
OUT_OF_MEMORY = ("OutOfMemoryError", "MemoryError")
OUT_OF_MEMORY_WORDS = ("can't allocate memory", "out of memory", "not enough memory")
ORPHANED = 97
"""Exit status of a worker whose supervisor died."""


ASKING = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGXCPU", "SIGUSR1", "SIGUSR2")
"""Signals by which people, shells and schedulers ask a process to end."""


class Heard:
    """
    Signals that came to this process and were caught, whoever caught them.

    One that nobody catches ends the process, which its supervisor sees.  One that a trainer catches, to end in order,
    is seen here: the interpreter writes the number of each into a pipe.  What comes to a trainer that takes this pipe
    away, as an event loop with handlers of its own does, is not seen; and neither is a signal to a program that was
    started from here, of which the system tells nobody.
    """

    def __init__(self) -> None:
        self._numbers, end = os.pipe()
        if sys.platform != "win32":  # which asks nobody to end by a signal
            os.set_blocking(self._numbers, False)
            os.set_blocking(end, False)
            signal.set_wakeup_fd(end, warn_on_full_buffer=False)

    def begin(self) -> None:
        """What came before an attempt is none of its concern."""
        self._read()

    def to_end(self) -> int | None:
        """The first signal since then that asked it to end."""
        asking = {int(getattr(signal, name)) for name in ASKING if hasattr(signal, name)}
        return next((number for number in self._read() if number in asking), None)

    def _read(self) -> bytes:
        found = b""
        if sys.platform != "win32":
            with contextlib.suppress(BlockingIOError):
                while more := os.read(self._numbers, 4096):
                    found += more
        return found


@frozen
class Ready:
    """What happened before a worker had its folder, on the monotonic clock."""

    born: float
    imports_from: float
    imports_to: float
    trainer: Trainer | Exception
    """Or why it could not be imported, which is how its attempt will end."""

    def phases(self, told: float) -> dict[str, float]:
        """Seconds of starting and importing that an attempt waited for, which was given to it at *told*."""
        marks = [max(mark, told) for mark in (self.born, self.imports_from, self.imports_to)]
        return {"start": marks[1] - marks[0], "import": marks[2] - marks[1]}


def serve(name: str, *, keep: bool) -> int:
    """Be a worker for the trainer of that name: for one attempt, or until nobody has another."""
    born = time.monotonic() - _age()
    lifeline, home, heard = os.dup(0), Path.cwd(), Heard()
    _replace((0,), os.open(os.devnull, os.O_RDONLY))
    os.dup2(2, 1)
    folders: queue.SimpleQueue[tuple[float, str, Path] | None] = queue.SimpleQueue()
    busy = threading.Event()
    threading.Thread(target=_listen, args=(lifeline, folders, busy), daemon=True).start()
    ready = _imported(name, born)
    while (given := folders.get()) is not None:
        told, token, place = given
        folder = home / place
        os.chdir(_own_folder(folder))
        status = carry_out(folder, ready, told, heard)
        if status:
            return status
        busy.clear()
        if not keep:
            return 0
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.write(2, f"\0{token}\n".encode())  # where its output ends
    return 0


def _own_folder(folder: Path) -> Path:
    """Where a run reads and writes what it names without a folder: a place of its own, whoever started promo where."""
    own = folder / PROGRAM
    own.mkdir(exist_ok=True)
    return own


def _listen(lifeline: int, folders: "queue.SimpleQueue[tuple[float, str, Path] | None]", busy: threading.Event) -> None:
    rest = b""
    while more := os.read(lifeline, 65_536):
        *lines, rest = (rest + more).split(b"\n")
        for line in lines:
            told, token, folder = line.decode().split(" ", 2)
            busy.set()  # here and not where it is taken up: the end of input may follow at once
            folders.put((float(told), token, Path(folder)))
    folders.put(None)
    if busy.is_set():
        import psutil

        for child in psutil.Process().children(recursive=True):
            child.kill()
        os._exit(ORPHANED)


def _replace(numbers: tuple[int, ...], handle: int) -> None:
    for number in numbers:
        os.dup2(handle, number)
    os.close(handle)


def _imported(name: str, born: float) -> Ready:
    began = time.monotonic()
    gc.disable()  # what is imported stays: to look it through for garbage costs torch a fifth of a second meanwhile,
    try:
        module, _, function = name.partition(":")
        trainer: Trainer | Exception = getattr(importlib.import_module(module), function)
    except Exception as fault:
        trainer = fault
    gc.freeze()  # and half a second at the end
    gc.enable()
    return Ready(born, began, time.monotonic(), trainer)


def main(folder: Path) -> int:
    """Carry out the request in *folder* here and now; 0 when a result was written, whatever it says."""
    now = time.monotonic()
    request = parse_request((folder / REQUEST).read_bytes())
    return carry_out(folder, _imported(request.trainer, now), now)


def carry_out(folder: Path, ready: Ready, told: float, heard: "Heard | None" = None) -> int:
    """
    Leave a result in an attempt's folder, and raise what the trainer raised; 0 when there is one.

    Where the disk refuses to take anything, or other nodes to start it, which is no fault of the run, the exit status.
    """
    try:
        _carry_out(folder, ready, told, heard)
    except UnbegunError as fault:
        sys.stderr.write(f"{fault}\n")
        return NO_PEERS
    except (OSError, PromoError) as fault:
        cause = fault.__cause__ if isinstance(fault, PromoError) else fault
        if isinstance(cause, OSError) and cause.errno in REFUSED:
            return NO_DISK
        raise
    return 0


def _carry_out(folder: Path, ready: Ready, told: float, heard: "Heard | None") -> None:
    content = (folder / REQUEST).read_bytes()
    request, place = parse_request(content), folder.resolve()
    began = max(ready.born, told)
    processor_s = processor_seconds() if request.budget.kind is BudgetKind.CPU else 0.0
    if heard is not None:
        heard.begin()
    with (folder / POINTS).open("w", encoding="utf-8") as points:
        recorder = Recorder(points, began, place.parents[STUDY_ABOVE], place)
        for phase, seconds in ready.phases(told).items():
            recorder.add(phase, seconds)
        try:
            if isinstance(ready.trainer, Exception):
                raise ready.trainer
            outcome = _checked(_trained(ready.trainer, request, recorder), request, recorder, processor_s)
            asked = None if heard is None else heard.to_end()
            outcome = outcome if asked is None else _unless_used_up(outcome, request, asked)
        except Exception as fault:
            if isinstance(fault, UnbegunError) or (isinstance(fault, OSError) and fault.errno in REFUSED):
                raise
            _count_training(recorder)
            _leave(folder, content, _failed(fault), recorder, told - ready.born)
            raise
        _leave(folder, content, outcome, recorder, told - ready.born)


def _trained(trainer: Trainer, request: Request, recorder: Recorder) -> Outcome:
    """What a trainer says, with a process for each device of the run; programs start theirs themselves."""
    with together(recorder.attempt, request) if request.program is None else contextlib.nullcontext():
        return trainer(request, recorder)


def _age() -> float:
    """Seconds since this process was started, from its own record in the kernel."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        after_name = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return max(time.clock_gettime(time.CLOCK_BOOTTIME) - int(after_name[19]) / os.sysconf("SC_CLK_TCK"), 0.0)
    import psutil  # on Linux it counts from a boot known to the second only

    return float(max(time.time() - psutil.Process().create_time(), 0.0))


def _checked(outcome: Outcome, request: Request, recorder: Recorder, processor_s: float) -> Outcome:
    """
    A result without a finite value of the study's metric is none, and neither is one of another budget or shape.

    A run that says that it trained for longer than its process lived, or used more processor time than that used, is
    not believed.
    """
    if outcome.status is not RunStatus.OK:
        return outcome
    value, used = outcome.metrics.get(request.metric), outcome.used
    if value is not None and not math.isfinite(value):
        return evolve(outcome, status=RunStatus.NAN, metrics={}, cause=f"{request.metric} is {value}")
    if value is None:
        cause = f"the trainer gave no '{request.metric}'"
    elif used is not None and not is_kept(used, request.budget):
        cause = missed(used, request.budget)
    else:
        cause = _untrue(used, request, recorder, processor_s)
        cause = cause or misfit(request, Done(outcome.segments, outcome.work, used))
    return evolve(outcome, status=RunStatus.INVALID, metrics={}, cause=cause) if cause else outcome


def _untrue(used: Used | None, request: Request, recorder: Recorder, processor_s: float) -> str:
    """
    Why the time that a run says it trained cannot be; empty where it can.

    What it resumes was trained in earlier attempts: for as long as their points say, which were looked at in the same
    way.  Points of a run that carries another one on begin with that one's.  How long earlier processes of a program
    lived stands with its state, and was looked at there.
    """
    resumed = request.resume
    if resumed is not None and request.program is not None:
        return ""
    earlier = None if resumed is None else paid_by(read_points(DISK, recorder.study / resumed.folder))
    lived_s = Fraction(recorder.total()) + (earlier or 0)
    told = told_s(used, {TRAIN: Fraction(recorder.seconds.get(TRAIN, 0.0))})
    if recorder.last is not None and request.continues is None and not _is_simulated(used):
        told = max(told, paid_by([recorder.last]) or Fraction(0))
    if outlived(told, lived_s):
        return lived_words(told, float(lived_s))
    if used is None or used.kind is not BudgetKind.CPU or resumed is not None or _is_simulated(used):
        return ""
    taken_s = Fraction(processor_seconds() - processor_s)
    return processor_words(from_exact(used.used), taken_s) if outlived(from_exact(used.used), taken_s) else ""


def _is_simulated(used: Used | None) -> bool:
    return used is not None and used.counter in (Counter.SIMULATED, Counter.RECORDED)


def _unless_used_up(outcome: Outcome, request: Request, asked: int) -> Outcome:
    """What a run says that was asked to end, and caught that, counts only where its budget was used up by then."""
    used_up = outcome.used is not None and is_used_up(outcome.used, request.budget)
    if outcome.status is not RunStatus.OK or used_up:
        return outcome
    cause = f"signal {asked} asked it to end, and nothing shows that it had used its budget"
    return evolve(outcome, status=RunStatus.KILLED, metrics={}, cause=cause)


def _count_training(recorder: Recorder) -> None:
    """
    A trainer that failed before it said how long it had trained: its last point says that, and it is paid for.

    A point that speaks of longer than its process lived is not believed; simulated time is none.
    """
    if TRAIN not in recorder.seconds:
        paid = seconds_paid(DISK, recorder.study, str(recorder.attempt.relative_to(recorder.study)))
        if paid and not outlived(paid, Fraction(recorder.total())):
            recorder.add(TRAIN, float(paid))


def _failed(fault: Exception) -> Outcome:
    words = redact_text(str(fault)).strip().splitlines() or [type(fault).__name__]
    if isinstance(fault, RankError) and fault.code < 0:
        return Outcome(RunStatus.KILLED, {}, cause=words[0])
    memory = type(fault).__name__ in OUT_OF_MEMORY or any(part in str(fault) for part in OUT_OF_MEMORY_WORDS)
    status = RunStatus.OOM if memory else RunStatus.CRASH
    return Outcome(status, {}, cause=f"{type(fault).__name__}: {words[0][:300]}")


def _leave(folder: Path, request: bytes, outcome: Outcome, recorder: Recorder, waited: float) -> None:
    """
    Write the result; *waited*: how long before its attempt this process was started.

    Whoever counts it makes it durable first, with one flush of everything in the folder.  Until then the machine may
    lose it, and the attempt with it.
    """
    recorder.seconds["total"] = recorder.total()
    points = (folder / POINTS).read_bytes()
    body = Body(
        request=digest_bytes(request),
        status=outcome.status,
        cause=outcome.cause,
        metrics={name: repr(float(value)) for name, value in outcome.metrics.items() if math.isfinite(value)},
        seconds=seconds_as_text(recorder.seconds),
        points=digest_bytes(points),
        used=outcome.used,
        work=outcome.work,
        segments=outcome.segments,
        checkpoint=outcome.checkpoint,
        trunk=outcome.trunk,
        contention=outcome.contention,
        facts=Facts(
            machine=where_it_runs(),
            device=outcome.device,
            software=software(),
            peak_rss_bytes=peak_memory_bytes(),
            peak_device_bytes=outcome.peak_device_bytes,
            started_ahead_s=f"{max(waited, 0.0):.6f}",
        ),
        recorded=None,
        details=outcome.details,
    )
    DISK.draft(folder / RESULT, result_bytes(body))


if __name__ == "__main__":
    raise SystemExit(serve(sys.argv[1], keep="keep" in sys.argv[2:]))
