"""
A saved plan starts once: where it was started stands in a file beside it, a line for each start.

Whoever starts one plan twice has two studies to choose from, and nobody sees the one that is not shown.  A plan that
was started goes on where it was started.  Parts of it that are carried out on other hosts are starts of their own.
"""

import os
from pathlib import Path

from promo.base.canonical import canonical, parse_json
from promo.base.classes import frozen
from promo.base.codec import from_json, to_json
from promo.base.errors import Mismatch, PromoError
from promo.base.fields import Digest, Moment
from promo.base.reading import open_plain
from promo.driver.study import StudyFolder
from promo.run.locks import locked

STARTED = ".started"
"""Ending of the file beside a plan that holds its starts."""


@frozen
class PlanStarted:
    """A saved plan was started in a folder, for all hosts or for one."""

    plan: Digest
    study: str
    host: str | None
    at: Moment

    def overlaps(self, other: "PlanStarted") -> bool:
        """Whether both carry out runs of one host."""
        return self.host is None or other.host is None or self.host == other.host


def start_once(saved: Path, plan: str, folder: StudyFolder, only: str | None, now: str) -> None:
    """
    Record that a saved plan is started in a folder, durably and before anything else is.

    Args:
        saved: the plan file.
        plan: the plan's digest; another plan that is saved under the same name may start.
        folder: where its study will live, and where nothing was started yet.
        only: the one host whose runs are carried out; None for all.
        now: UTC time in ISO 8601.

    Raises:
        Mismatch: it was started in another folder.
        PromoError: the start cannot be recorded.
    """
    path = saved.with_name(saved.name + STARTED)
    entry = PlanStarted(plan, str(folder.path.resolve()), only, now)
    try:
        if path.exists():
            open_plain(path).close()
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            if not locked(handle):
                raise PromoError(f"the plan {saved} is being started by another promo process", hint="try again")
            _record(handle, saved, entry)
            folder.disk.settle((), (path.parent,))
        finally:
            os.close(handle)
    except OSError as fault:
        message = f"the start of the plan {saved} cannot be recorded in {path}: {fault.strerror or fault}"
        raise PromoError(message, hint="copy the plan to a folder that can be written, or run its spec") from fault


def _record(handle: int, saved: Path, entry: PlanStarted) -> None:
    """Append a start, unless it stands there already; under the lock of the file."""
    content = b"".join(iter(lambda: os.read(handle, 65_536), b""))
    whole = content[: content.rfind(b"\n") + 1]  # a line that a crash cut short started nothing
    for line in whole.splitlines():
        before = _start(saved, line)
        if before.plan != entry.plan or not before.overlaps(entry):
            continue
        if before.study == entry.study:
            return
        raise Mismatch(
            f"the plan {saved} starts once, and was started at {before.at} in {before.study}",
            hint=f"continue there with --study {before.study}, or save another plan: promo plan SPEC --out FILE",
        )
    os.ftruncate(handle, len(whole))
    os.lseek(handle, len(whole), os.SEEK_SET)
    os.write(handle, canonical(to_json(entry)) + b"\n")
    os.fsync(handle)


def _start(saved: Path, line: bytes) -> PlanStarted:
    try:
        return from_json(PlanStarted, parse_json(line))
    except ValueError as fault:
        path = saved.with_name(saved.name + STARTED)
        raise PromoError(f"{path} is damaged: {fault}", hint="restore it from a copy") from fault
