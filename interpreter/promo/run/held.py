"""
What is in hand: locks that the system lets go when their holder dies.

A promo that starts again finds out from the lock in an attempt's folder whether it is still under way.  A device is in
hand of one attempt at a time, whatever study that belongs to: its lock has the device's lasting name and lies in a
folder that all users of a machine share.
"""

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

HELD = "held"
GIVEN_UP = b"given up"
LEASES = "promo-devices"
TAKEN_AGAIN_S = (0.0, 0.02, 0.1, 0.3)
"""Waits between tries for a lock: who only looks whether it is free holds it for a moment."""


def locked(handle: int) -> bool:
    """Take the system's lock on an open file, if nobody has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class Held:
    """Held by this process until closed, or until the process ends in whatever way."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def close(self) -> None:
        """Let go."""
        os.close(self._handle)


def hold(folder: Path) -> Held | None:
    """Take the attempt of a folder in hand; None if it has been given up, or somebody has it."""
    handle = os.open(folder / HELD, os.O_RDWR | os.O_CREAT, 0o600)
    for wait_s in TAKEN_AGAIN_S:
        time.sleep(wait_s)
        if locked(handle):
            break
    else:
        os.close(handle)
        return None
    if os.read(handle, len(GIVEN_UP)) == GIVEN_UP:
        os.close(handle)
        return None
    os.write(handle, str(os.getpid()).encode())
    return Held(handle)


def give_up(folder: Path) -> bool:
    """
    See to it that nobody takes the attempt of a folder in hand any more; False if somebody has it.

    A promo may die between asking for an attempt and its beginning: who was asked would begin it after the next promo
    had called it lost.
    """
    try:
        handle = os.open(folder / HELD, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:  # nothing can begin where nothing can be written
        return True
    try:
        if not locked(handle):
            return False
        with contextlib.suppress(OSError):
            os.truncate(handle, 0)
            os.write(handle, GIVEN_UP)
        return True
    finally:
        os.close(handle)


def is_held(folder: Path) -> bool:
    """Whether a process of this machine has the attempt of a folder in hand."""
    try:
        handle = os.open(folder / HELD, os.O_RDWR)
    except OSError:
        return False
    try:
        return not locked(handle)
    finally:
        os.close(handle)


def holder(folder: Path) -> int | None:
    """Number of the process that has it in hand; read while it is held, it is the right one."""
    try:
        number = int((folder / HELD).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return number if is_held(folder) else None


def lease_folder(environment: Mapping[str, str]) -> Path:
    """Where the locks of a machine's devices lie; who has another TMPDIR does not see them."""
    return Path(environment.get("TMPDIR") or "/tmp") / LEASES  # noqa: S108 - to be shared, and nothing is read from it


class Lease:
    """A device held by this process until closed, or until the process ends in whatever way."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def close(self) -> None:
        """Let go."""
        os.close(self._handle)


def take(folder: Path, device: str) -> Lease | None:
    """Hold a device, if nobody does."""
    with _opened(folder, device) as handle:
        for wait_s in TAKEN_AGAIN_S:
            time.sleep(wait_s)
            if locked(handle):
                return Lease(os.dup(handle))
    return None


def is_taken(folder: Path, device: str) -> bool:
    """Whether an attempt of this machine holds a device."""
    with _opened(folder, device) as handle:
        return not locked(handle)


@contextlib.contextmanager
def _opened(folder: Path, device: str) -> Iterator[int]:
    """The lock of a device, made if there is none, for every user to open and for nobody to read anything from."""
    if not folder.is_dir():
        folder.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):  # somebody else has just made it
            folder.chmod(0o1777)
    path = folder / re.sub(r"[^A-Za-z0-9-]", "_", device)
    follow = getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(path, os.O_RDONLY | follow)
    except FileNotFoundError:
        handle = os.open(path, os.O_RDONLY | os.O_CREAT | follow, 0o644)
    try:
        yield handle
    finally:
        os.close(handle)
