"""
The files of an attempt: request, points, log, result.

A result counts only as a whole: it is written beside its place, flushed, moved into place, and carries a digest of
its own body and of the request it answers.  A folder is used by one attempt only, so that a process that was given
up and goes on can spoil nothing.
"""

from collections.abc import Mapping
from pathlib import Path

from promo.base.canonical import Json, canonical, digest, digest_bytes, parse_json
from promo.ledger.ports import Disk
from promo.run.values import CONTRACT, Exit, Result, RunStatus

REQUEST = "request.json"
RESULT = "result.json"
EXIT = "exit.json"
POINTS = "points.jsonl"
LOG = "log.txt"
CHECKPOINT = "checkpoint.json"
WITNESSES = (LOG, EXIT)
TRUNK = "trunk.json"
"""The state at the end of a constant-rate trunk, from which later stages branch."""
PROGRAM = "program"
"""Where a study keeps the files of a runner that is kept in files."""
TAIL = 12


def attempt_folder(stage: str, candidate: str, host: str, seed: int, number: int) -> str:
    """Where an attempt lives inside a study, with forward slashes."""
    return f"runs/{stage}/{candidate}-{host}-s{seed}/attempt-{number}"


def write_request(disk: Disk, folder: Path, request: Mapping[str, Json]) -> str:
    """Put the request into a new attempt folder; its digest.  It need not last before the result does."""
    disk.draft_folder(folder)
    content = canonical(request)
    disk.draft(folder / REQUEST, content)
    return digest_bytes(content)


def settle(disk: Disk, study: Path, folder: str) -> None:
    """Make durable what an attempt left, whoever wrote it, with every folder from the study down to it: one flush."""
    place = study / folder
    names = [study.joinpath(*folder.split("/")[:depth]) for depth in range(folder.count("/") + 2)]
    disk.settle([place / name for name in (REQUEST, POINTS, RESULT, *WITNESSES)], names)


def witnesses(disk: Disk, folder: Path) -> dict[str, Json]:
    """
    Name -> digest of what tells how an attempt went, beside its result: what it printed, and how it ended.

    Empty as long as no supervisor has written how it ended, for until then somebody may be printing.
    """
    found = {name: disk.read(folder / name) for name in WITNESSES}
    if found[EXIT] is None:
        return {}
    return {name: digest_bytes(content) for name, content in found.items() if content is not None}


def result_bytes(body: Mapping[str, Json]) -> bytes:
    """A result envelope: the body and its digest."""
    return canonical({"body": body, "digest": digest(body)})


def checkpoint_of(disk: Disk, folder: Path) -> str | None:
    """Digest of the state that an attempt kept, which names its tensors by theirs; None without one."""
    content = disk.read(folder / CHECKPOINT)
    return None if content is None else digest_bytes(content)


def read_result(disk: Disk, folder: Path, exit_: Exit | None) -> Result:
    """
    What an attempt left: its envelope if that is sound, otherwise what its exit tells.

    Args:
        disk: the file system.
        folder: the attempt's folder.
        exit_: how the process ended, if that is known.
    """
    content = disk.read(folder / RESULT)
    if content is not None:
        try:
            return parse_result(content, digest_bytes(disk.read(folder / REQUEST) or b""))
        except ValueError as fault:
            return _failure(RunStatus.INVALID, f"its result is damaged: {fault}")
    return _without_result(disk, folder, exit_)


def read_whole(disk: Disk, folder: Path, exit_: Exit | None) -> Result:
    """What an attempt left, as `read_result`; without the points that its envelope names, the envelope is not sound."""
    result = read_result(disk, folder, exit_)
    points = result.details.get("points")
    if points is None or points == digest_bytes(disk.read(folder / POINTS) or b""):
        return result
    return _failure(RunStatus.INVALID, "its result is damaged: its points are not those it was written with")


def parse_result(content: bytes, request_digest: str) -> Result:
    """
    Read a result envelope.

    Raises:
        ValueError: it is not canonical, its digest is wrong, or it answers another request.
    """
    stored = parse_json(content)
    if not isinstance(stored, dict) or canonical(stored) != content:
        raise ValueError("it is not in canonical form")
    body = stored.get("body")
    if not isinstance(body, dict) or digest(body) != stored.get("digest"):
        raise ValueError("its digest does not fit")
    if body.get("promo_result") != CONTRACT:
        raise ValueError(f"it is no result of contract {CONTRACT}")
    if body.get("request") != request_digest:
        raise ValueError("it answers another request")
    return Result(
        status=RunStatus(body["status"]),
        cause=str(body["cause"]),
        metrics=_texts(body["metrics"]),
        seconds=_texts(body["seconds"]),
        details={key: value for key, value in body.items() if key not in _OWN_FIELDS},
        digest=digest_bytes(content),
    )


_OWN_FIELDS = frozenset({"promo_result", "request", "status", "cause", "metrics", "seconds"})


def _texts(stored: Json) -> dict[str, str]:
    if not isinstance(stored, dict) or not all(isinstance(value, str) for value in stored.values()):
        raise ValueError("its numbers are not kept as text")
    return {key: str(value) for key, value in stored.items()}


def _without_result(disk: Disk, folder: Path, exit_: Exit | None) -> Result:
    """A worker that left no result: tell from its exit and its log what happened."""
    exit_ = read_exit(disk, folder) or exit_  # the supervisor was nearer than whoever waited for it
    if exit_ is None:
        return _failure(RunStatus.KILLED, "it ended without a trace")
    if exit_.reason == "limit":
        return _failure(RunStatus.TIMEOUT, "it was ended at its wall-clock limit")
    if exit_.reason == "supervisor":
        return _failure(RunStatus.KILLED, "its supervisor was killed, and it ended with it")
    if exit_.returncode is not None and exit_.returncode < 0:
        hint = "; the system may have run out of memory" if exit_.returncode == -9 else ""
        return _failure(RunStatus.KILLED, f"signal {-exit_.returncode} ended it{hint}")
    last = log_tail(disk, folder)
    words = f": {last[-1]}" if last else ""
    return _failure(RunStatus.CRASH, f"it ended with code {exit_.returncode} and no result{words}")


def _failure(status: RunStatus, cause: str) -> Result:
    return Result(status, cause, {}, {}, {}, None)


def read_exit(disk: Disk, folder: Path) -> Exit | None:
    """What the supervisor wrote about the end of an attempt."""
    content = disk.read(folder / EXIT)
    if content is None:
        return None
    try:
        stored = parse_json(content)
    except ValueError:
        return None
    assert isinstance(stored, dict)
    code = stored.get("returncode")
    return Exit(code if isinstance(code, int) else None, str(stored.get("reason", "")))


def log_tail(disk: Disk, folder: Path) -> tuple[str, ...]:
    """The last lines an attempt printed."""
    content = disk.read(folder / LOG) or b""
    lines = content[-8192:].decode(errors="replace").splitlines()
    return tuple(line.rstrip() for line in lines if line.strip())[-TAIL:]


def read_points(disk: Disk, folder: Path) -> tuple[Mapping[str, Json], ...]:
    """Measured points of an attempt in order; a line cut short by a crash is left out."""
    points = []
    for line in (disk.read(folder / POINTS) or b"").splitlines():
        try:
            point = parse_json(line)
        except ValueError:
            continue
        if isinstance(point, dict):
            points.append(point)
    return tuple(points)
