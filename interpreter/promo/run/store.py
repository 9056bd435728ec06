"""
The files of an attempt: request, points, log, result.

A result counts only as a whole: it is written beside its place, flushed, moved into place, and carries a digest of
its own body and of the request it answers.  A folder is used by one attempt only, so that a process that was given
up and goes on can spoil nothing.
"""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import takewhile
from pathlib import Path

from promo.base.canonical import canonical, digest_bytes, from_exact, parse_canonical
from promo.base.codec import from_json, to_json, value_digest
from promo.base.reading import AnyPath
from promo.ledger.ports import Disk
from promo.run.budgets import is_used_up
from promo.run.locks import CLAIM
from promo.run.values import Body, Envelope, Exit, Point, Reason, Request, Result, RunStatus

REQUEST = "request.json"
RESULT = "result.json"
EXIT = "exit.json"
POINTS = "points.jsonl"
LOG = "log.txt"
CHECKPOINT = "checkpoint.json"
OUTPUT = "output.txt"
"""What somebody else's program printed."""
PROGRAM_POINTS = "program.points.jsonl"
"""Points that it writes while it runs; they are among the run's own once it has ended."""
SUPERVISOR = "supervisor.txt"
"""What the supervisor of its first attempt printed, which may go on with others."""
STATES = re.compile(r"(checkpoint|trunk)(-[0-9a-f]{1,64}\.(safetensors|state)|\.json)(\.part)?")
"""Kept states of a model: the result names them by digest, and each names its tensors."""
BODY = slice(len('{"body":'), -len(f',"digest":"{"0" * 64}"}}'))
"""Where the body stands in a result file."""
BACKSLASH = 0x5C
MOST_FILES = 10_000
"""Files that one attempt may leave."""
TRUNK = "trunk.json"
"""The state at the end of a constant-rate trunk, from which later stages branch."""
NAMED = frozenset({REQUEST, RESULT, POINTS, CLAIM, SUPERVISOR})
"""Files of an attempt that the ledger names by themselves, and two that locks and supervisors use."""
PROGRAM = "program"
"""Where a study keeps the files of a runner that is kept in files."""
TAIL = 12


def attempt_folder(stage: str, candidate: str, host: str, seed: int, number: int) -> str:
    """Where an attempt lives inside a study, with forward slashes."""
    return f"runs/{stage}/{candidate}-{host}-s{seed}/attempt-{number}"


def write_request(disk: Disk, folder: Path, request: Request) -> str:
    """Put the request into a new attempt folder; its digest.  It need not last before the result does."""
    disk.draft_folder(folder)
    content = canonical(to_json(request))
    disk.draft(folder / REQUEST, content)
    return digest_bytes(content)


def parse_request(content: bytes) -> Request:
    """
    Read a request.

    Raises:
        ValueError: it is none, byte for byte.
    """
    return from_json(Request, parse_canonical(content))


def is_whole(disk: Disk, folder: AnyPath, result: Result, exit_: Exit | None) -> bool:
    """
    Whether a sound result is that of a run that came to its own end.

    What an attempt writes after it was asked to end, or before it was killed, may be a part of a run; it counts only
    where it shows that its budget was used up.  The tolerance of its stage is not for such a one.
    """
    if exit_ is not None and exit_.reason is Reason.ITSELF and exit_.returncode == 0:
        return True
    if result.body is None or result.body.used is None:
        return False
    return is_used_up(result.body.used, parse_request(disk.read(f"{folder}/{REQUEST}") or b"").budget)


def settle(disk: Disk, study: Path, folder: str) -> None:
    """Make durable what an attempt left, whoever wrote it, with every folder from the study down to it: one flush."""
    place = study / folder
    names = [study.joinpath(*folder.split("/")[:depth]) for depth in range(folder.count("/") + 2)]
    disk.settle([place / name for name in (REQUEST, POINTS, RESULT, LOG, OUTPUT, EXIT)], names)


def witnesses(disk: Disk, folder: Path) -> dict[str, str]:
    """
    Name -> digest of every file that an attempt left besides its request, its result, its points and kept states.

    Only of one that has ended, for until then somebody may be writing.  Names are below the attempt's folder, with
    forward slashes; links are not followed.
    """
    found: dict[str, str] = {}
    for name in disk.files(folder):
        digest = None if name in NAMED or STATES.fullmatch(name) else disk.digest(folder / name)
        if digest is not None and len(found) < MOST_FILES:
            found[plain(name)] = digest
    return found


def plain(name: str) -> str:
    """A file's name in printable ASCII, whatever a program called it: all other bytes as `%` and two hex digits."""
    if name.isascii() and name.isprintable() and "\\" not in name:
        return name
    raw = os.fsencode(name)
    return "".join(chr(one) if 0x20 <= one < 0x7F and one != BACKSLASH else f"%{one:02x}" for one in raw)


def result_bytes(body: Body) -> bytes:
    """A result file: the body and its digest."""
    return canonical(to_json(Envelope(body, value_digest(body))))


def checkpoint_of(disk: Disk, folder: Path) -> str | None:
    """Digest of the state that an attempt kept, which names its tensors by theirs; None without one."""
    content = disk.read(folder / CHECKPOINT)
    return None if content is None else digest_bytes(content)


def read_result(disk: Disk, folder: AnyPath, exit_: Exit | None, request: str | None = None) -> Result:
    """
    What an attempt left: its envelope if that is sound, otherwise what its exit tells.

    Args:
        disk: the file system.
        folder: the attempt's folder.
        exit_: how the process ended, if that is known.
        request: digest of what lies there as its request, if that is known.
    """
    content = disk.read(f"{folder}/{RESULT}")
    if content is not None:
        try:
            return parse_result(content, request or digest_bytes(disk.read(f"{folder}/{REQUEST}") or b""))
        except ValueError as fault:
            return _failure(RunStatus.INVALID, f"its result is damaged: {fault}")
    return _without_result(disk, folder, exit_)


def read_whole(disk: Disk, folder: AnyPath, exit_: Exit | None) -> Result:
    """What an attempt left, as `read_result`; without the points that its envelope names, the envelope is not sound."""
    result = read_result(disk, folder, exit_)
    if result.body is None:
        return result
    points = disk.read(f"{folder}/{POINTS}") or b""
    if result.body.points != digest_bytes(points):
        return _failure(RunStatus.INVALID, "its result is damaged: its points are not those it was written with")
    try:
        parse_points(points)
    except ValueError as fault:
        return _failure(RunStatus.INVALID, f"its result is damaged: {POINTS} {fault}")
    return result


def parse_result(content: bytes, request_digest: str) -> Result:
    """
    Read a result file.

    Raises:
        ValueError: it is not canonical, its digest is wrong, or it answers another request.
    """
    envelope = from_json(Envelope, parse_canonical(content))
    body = envelope.body
    if digest_bytes(content[BODY]) != envelope.digest:  # in canonical form, they are those of the body by itself
        raise ValueError("its digest does not fit")
    if body.request != request_digest:
        raise ValueError("it answers another request")
    if body.status is RunStatus.OK and body.cause:
        raise ValueError("a valid result has no cause")
    return Result(body.status, body.cause, body, digest_bytes(content))


def _without_result(disk: Disk, folder: AnyPath, exit_: Exit | None) -> Result:
    """A worker that left no result: tell from its exit and its log what happened."""
    exit_ = read_exit(disk, folder) or exit_  # the supervisor was nearer than whoever waited for it
    if exit_ is None:
        return _failure(RunStatus.KILLED, "it ended without a trace")
    if exit_.reason is Reason.LIMIT:
        return _failure(RunStatus.TIMEOUT, "it was ended at its wall-clock limit")
    if exit_.reason is Reason.SUPERVISOR:
        return _failure(RunStatus.KILLED, "its supervisor was killed, and it ended with it")
    if exit_.returncode is not None and exit_.returncode < 0:
        hint = "; the system may have run out of memory" if exit_.returncode == -9 else ""
        return _failure(RunStatus.KILLED, f"signal {-exit_.returncode} ended it{hint}")
    last = log_tail(disk, folder)
    words = f": {last[-1]}" if last else ""
    return _failure(RunStatus.CRASH, f"it ended with code {exit_.returncode} and no result{words}")


def _failure(status: RunStatus, cause: str) -> Result:
    return Result(status, cause, None, None)


def write_exit(disk: Disk, folder: Path, exit_: Exit) -> None:
    """Put down how an attempt ended, where its executor had no supervisor who did; it need not last before a result."""
    disk.draft(folder / EXIT, canonical(to_json(exit_)))


def parse_exit(content: bytes) -> Exit:
    """
    Read what was written about the end of an attempt.

    Raises:
        ValueError: it is no such record, byte for byte.
    """
    return from_json(Exit, parse_canonical(content))


def read_exit(disk: Disk, folder: AnyPath) -> Exit | None:
    """What was written about the end of an attempt; None where nothing was, or nothing that says how it ended."""
    content = disk.read(f"{folder}/{EXIT}")
    if content is None:
        return None
    try:
        return parse_exit(content)
    except ValueError:
        return None


def seconds_paid(disk: Disk, study: Path, folder: str) -> Fraction | None:
    """
    Training seconds that the points of an attempt have paid for; None where none says.

    An attempt that goes on from another one begins with that one's points, which were paid there.
    """
    points, origin = read_points(disk, study / folder), _origin(disk, study / folder)
    before = () if origin is None else read_points(disk, study / origin)
    brought = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(points, before, strict=False)))
    total, earlier = paid_by(points), paid_by(points[:brought])
    return None if total is None else max(total - (earlier or 0), Fraction(0))


def paid_by(points: Iterable[Point]) -> Fraction | None:
    """Training seconds that the last point says were paid by then; None where none says."""
    charged = [one.charged_s for one in points if one.charged_s is not None]
    return from_exact(charged[-1]) if charged else None


def _origin(disk: Disk, folder: Path) -> str | None:
    """The attempt that an attempt goes on from."""
    try:
        request = parse_request(disk.read(f"{folder}/{REQUEST}") or b"")
    except ValueError:
        return None
    if request.resume is not None:
        return request.resume.folder
    return None if request.continues is None else request.continues.folder


def log_tail(disk: Disk, folder: AnyPath) -> tuple[str, ...]:
    """The last lines an attempt printed."""
    content = disk.read(f"{folder}/{LOG}") or b""
    lines = content[-8192:].decode(errors="replace").splitlines()
    return tuple(line.rstrip() for line in lines if line.strip())[-TAIL:]


def parse_points(content: bytes) -> tuple[Point, ...]:
    """
    Read measured points in order, one on each line.

    Raises:
        ValueError: a line is none, byte for byte, or the last one has no end; the message names the line.
    """
    return tuple(_points(content))


def read_points(disk: Disk, folder: AnyPath) -> tuple[Point, ...]:
    """Measured points of an attempt, as `sound_points`."""
    return sound_points(disk.read(f"{folder}/{POINTS}") or b"")


def sound_points(content: bytes) -> tuple[Point, ...]:
    """
    Measured points in order, up to the first line that is none.

    Only what an attempt without a result left may have such a line, where a crash cut it short: no result with others
    is taken, and both verifiers name the line.
    """
    found: list[Point] = []
    with contextlib.suppress(ValueError):
        found.extend(_points(content))
    return tuple(found)


def _points(content: bytes) -> Iterator[Point]:
    *lines, rest = content.split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            yield from_json(Point, parse_canonical(line))
        except ValueError as fault:
            raise ValueError(f"line {number}: {fault}") from fault
    if rest:
        raise ValueError(f"line {len(lines) + 1}: it has no end")
