"""
Whether an attempt is still in hand: a lock in its folder, which the system lets go when its holder dies.

A promo that starts again finds out here which attempts of an earlier one are still under way.
"""

import contextlib
import os
import sys
from pathlib import Path

HELD = "held"


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

    def __init__(self, folder: Path) -> None:
        self._handle = os.open(folder / HELD, os.O_RDWR | os.O_CREAT, 0o600)
        locked(self._handle)
        with contextlib.suppress(OSError):
            os.write(self._handle, str(os.getpid()).encode())

    def close(self) -> None:
        """Let go."""
        os.close(self._handle)


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
