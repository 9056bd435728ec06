"""
The file system and the clock, as the rest of promo sees them.

Durable writing is `promo.run.disk`'s.  Study folders are locked by the operating system while a promo process works
on them.
"""

import contextlib
import os
import signal
import stat
import sys
import threading
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

from promo.base.diagnostics import Diagnostic, SpecError
from promo.base.errors import Busy, PromoError
from promo.base.source import Source, Span
from promo.run.disk import RealDisk

__all__ = ["FolderLock", "RealDisk", "SystemClock", "decode_source", "interrupt_holder", "is_worked_on", "read_source"]

LARGEST_SPEC = 16 * 1024 * 1024
NETWORKS = frozenset({"afs", "cifs", "davfs", "fuse.davfs2", "fuse.sshfs", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"})
"""File systems of other machines, whose locks may be granted to two at once, or lost with the connection."""
NOTED_S = 1.0
"""How long whoever took a lock has to write beside it who it is."""
SAME_START_S = 0.05
"""The system counts the start of a process in hundredths of a second."""


def read_source(path: Path, shown: str | None = None) -> Source:
    """
    Read a spec.

    Args:
        path: the file.
        shown: the name to show for it, if not its path.

    Raises:
        PromoError: there is no such file, it is a folder, too large, or cannot be read.
        SpecError: it is not UTF-8 text.
    """
    name = shown or str(path)
    try:
        if path.is_dir():
            raise PromoError(f"{name} is a folder, not a spec", hint="name a .promo file in it")
        if path.stat().st_size > LARGEST_SPEC:
            raise PromoError(f"{name} is larger than {LARGEST_SPEC // 2**20} MiB")
        content = path.read_bytes()
    except FileNotFoundError as fault:
        raise PromoError(f"there is no file {name}", hint=_near_file(path)) from fault
    except OSError as fault:
        raise PromoError(f"{name} cannot be read: {fault.strerror or fault}") from fault
    return decode_source(name, content)


def decode_source(name: str, content: bytes) -> Source:
    """
    Decode a spec's bytes; a byte order mark is left out.

    Raises:
        SpecError: the bytes are not UTF-8.
    """
    try:
        return Source(name, content.decode("utf-8-sig"))
    except UnicodeDecodeError as fault:
        sound = Source(name, content[: fault.start].decode("utf-8", errors="replace") + "\ufffd")
        end = len(sound.text)
        found = Diagnostic(
            "P0117",
            f"the file is not UTF-8: byte {fault.start} is 0x{content[fault.start]:02x}",
            Span(sound, end - 1, end),
            "save it as UTF-8",
        )
        raise SpecError([found]) from fault


def _near_file(path: Path) -> str:
    from promo.base.diagnostics import suggestion

    try:
        known = [other.name for other in path.parent.glob("*.promo")]
    except OSError:
        return ""
    near = suggestion(path.name, known)
    return f"did you mean {path.parent / near}?" if near else ""


def _private(path: Path) -> IO[bytes]:
    """Open a file to append to; when it is made, only its owner may read it."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


class SystemClock:
    """The machine's clocks; see `promo.ledger.ports.Clock`."""

    def now(self) -> str:
        """UTC in ISO 8601, whole seconds."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class FolderLock:
    """An operating-system lock on a study folder, held until closed or until the process ends in whatever way."""

    def __init__(self, folder: Path) -> None:
        """
        Take the lock.

        Raises:
            Busy: another process holds it.
            PromoError: the folder cannot be written.
        """
        try:
            if not folder.exists():
                RealDisk().make_folder(folder.parent)
                folder.mkdir(mode=0o700, exist_ok=True)
            RealDisk().make_folder(folder)
            self._file: IO[bytes] = _private(folder / "lock")
        except OSError as fault:
            message = f"the study folder {folder} cannot be written: {fault.strerror or fault}"
            raise PromoError(message, hint="choose another one with --study") from fault
        kind = file_system(folder)
        if kind in NETWORKS:
            self._file.close()
            message = f"the study folder {folder} lies on a network file system ({kind}), whose locks cannot be trusted"
            raise PromoError(
                message, hint="choose a folder of this machine with --study; promo bundle carries it further"
            )
        if sys.platform != "win32" and folder.stat().st_mode & stat.S_IWOTH:
            self._file.close()
            raise PromoError(f"everybody may write in the study folder {folder}", hint=f"chmod o-w {folder}")
        if not _lock(self._file):
            self._file.close()
            message = f"another promo process is working on {folder}"
            raise Busy(message, hint="wait for it, watch it with: promo status, or end it with: promo stop")
        with contextlib.suppress(OSError):  # the lock holds without it; only `promo stop` wants to know
            self._file.truncate(0)
            self._file.write(f"{os.getpid()} {_began(os.getpid())}\n".encode())
            self._file.flush()

    def close(self) -> None:
        """Let go of the lock."""
        self._file.close()

    def __enter__(self) -> "FolderLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def file_system(folder: Path) -> str:
    """Kind of the file system that a folder lies on, as the system names it; empty where it does not tell."""
    import psutil

    place = folder.resolve()
    mounts = [one for one in psutil.disk_partitions(all=True) if place.is_relative_to(one.mountpoint)]
    return max(mounts, key=lambda one: len(one.mountpoint)).fstype if mounts else ""


def _began(pid: int) -> float:
    """When a process began, as the system tells it; with the number it names one process for ever."""
    import psutil

    return float(psutil.Process(pid).create_time())


class Interrupts:
    """
    Ctrl-C, held back until `check` is called, so that nothing is interrupted between an act and its record.

    Python delivers it to the main thread alone, at any instruction; elsewhere, or where whoever started promo turned
    it off, this does nothing.
    """

    def __init__(self) -> None:
        self._asked = self._holding = False

    def __enter__(self) -> Self:
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if usual and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._note)
            self._holding = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._holding:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if fault is None:
            self.check()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

    def check(self) -> None:
        """
        Let a Ctrl-C that was held back happen.

        Raises:
            KeyboardInterrupt: there was one.
        """
        if self._asked:
            raise KeyboardInterrupt


def interrupt_holder(folder: Path) -> bool:
    """
    Ask the process that holds a folder's lock to end, as Ctrl-C would.

    Returns:
        False when nobody holds it, or when its holder is not a process of this machine that can be asked.
    """
    try:
        FolderLock(folder).close()
    except Busy:
        pass
    else:
        return False
    until = time.monotonic() + NOTED_S
    while (holder := _holder(folder)) is None:
        if time.monotonic() > until:
            return False
        time.sleep(0.02)  # whoever has just taken the lock has not said yet who it is
    with contextlib.suppress(OSError):
        os.kill(holder, signal.SIGINT)
        return True
    return False


def is_worked_on(folder: Path) -> bool:
    """Whether a process of this machine works on a study, as its lock's note says; the lock itself is left alone."""
    return _holder(folder) is not None


def _holder(folder: Path) -> int | None:
    """The living process that took a folder's lock last; None when it has ended or runs on another machine."""
    import psutil

    try:
        number, began = (folder / "lock").read_text(encoding="ascii").split()
        return int(number) if abs(_began(int(number)) - float(began)) <= SAME_START_S else None
    except (OSError, ValueError, psutil.Error):
        return None


def _lock(file: IO[bytes]) -> bool:
    if sys.platform == "win32":
        import msvcrt

        with contextlib.suppress(OSError):
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            return True
        return False
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
