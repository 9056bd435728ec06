"""
Locks that the system lets go when their holder dies: of a study folder, of an attempt, of a device.

A promo works on a study alone.  One that starts again finds out from the claim in an attempt's folder whether that is
still under way.  A device is leased to one attempt at a time, whatever study that belongs to: its lock has the device's
lasting name and lies in a folder that all users of a machine share.
"""

import contextlib
import os
import re
import signal
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from promo.base.errors import ALLOWED, Busy, PromoError
from promo.base.reading import open_plain, read_plain
from promo.ledger.ports import Disk
from promo.run.mounts import mount_of

LOCK = "lock"
NOTED_S = 1.0
"""How long whoever took a lock has to write beside it who it is."""
SAME_START_S = 0.05
"""The system counts the start of a process in hundredths of a second."""
NOTE_BYTES = 200
"""Longest note in a lock or claim."""
CLAIM = "claim"
GIVEN_UP = b"given up"
LEASES = "promo-devices"
PROCESSORS = "processors-"
"""Begins the name of the lock of each process that trains on processors; its number follows."""
INTAKE_S = 60.0
"""How long whoever takes results in waits for another one who does."""
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


class Lock:
    """Held by this process until closed, or until the process ends in whatever way."""

    def __init__(self, handle: int) -> None:
        """*handle*: an open file, locked."""
        self._handle = handle

    def lies_at(self, path: Path) -> bool:
        """Whether a path leads to the file that is locked."""
        try:
            return os.path.samestat(path.stat(), os.fstat(self._handle))
        except OSError:
            return False

    def close(self) -> None:
        """Let go."""
        os.close(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# --- attempts ----------------------------------------------------------------------------------------------------


def claim(folder: Path) -> Lock | None:
    """Take the attempt of a folder in hand; None if it has been given up, or somebody has it."""
    handle = os.open(folder / CLAIM, os.O_RDWR | os.O_CREAT, 0o600)
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
    return Lock(handle)


def give_up(folder: Path) -> bool:
    """
    See to it that nobody takes the attempt of a folder in hand any more; False if somebody has it.

    A promo may die between asking for an attempt and its beginning: who was asked would begin it after the next promo
    had called it lost.
    """
    try:
        handle = os.open(folder / CLAIM, os.O_RDWR | os.O_CREAT, 0o600)
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


def claim_alone(folder: Path) -> Lock | None:
    """
    Take the attempt of a folder in hand where several machines may try to, as `claim`.

    A lock proves life on its own machine only; who makes the file is one alone on every file system that workers share.
    """
    return _made(folder, f"{_node()} {os.getpid()}".encode())


def _node() -> str:
    """What this machine calls itself."""
    if sys.platform == "win32":
        import platform

        return platform.node()
    return os.uname().nodename


def give_up_alone(folder: Path) -> bool:
    """See to it that nobody on any machine begins the attempt of a folder any more; False if somebody has begun."""
    try:
        made = _made(folder, GIVEN_UP)
    except OSError:  # nothing can begin where nothing can be written
        return True
    if made is not None:
        made.close()
    return made is not None or read_plain(folder / CLAIM, NOTE_BYTES) == GIVEN_UP


def is_given_up(folder: Path) -> bool:
    """Whether nobody begins the attempt of a folder any more."""
    return _claim(folder) == GIVEN_UP


def has_begun(folder: Path) -> bool:
    """Whether somebody on any machine has taken the attempt of a folder in hand, whatever became of it."""
    return _claim(folder) not in (None, GIVEN_UP)


def _claim(folder: Path) -> bytes | None:
    """What stands in the claim of a folder; None where there is none."""
    try:
        return read_plain(folder / CLAIM, NOTE_BYTES)
    except OSError:
        return None


def _made(folder: Path, note: bytes) -> Lock | None:
    """The claim of a folder, made with a note in it; None where there is one."""
    try:
        handle = os.open(folder / CLAIM, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return None
    os.write(handle, note)
    return Lock(handle)


def is_claimed(folder: Path) -> bool:
    """Whether a process of this machine has the attempt of a folder in hand."""
    try:
        handle = os.open(folder / CLAIM, os.O_RDWR)
    except OSError:
        return False
    try:
        return not locked(handle)
    finally:
        os.close(handle)


def claimant(folder: Path) -> int | None:
    """Number of the process that has it in hand; read while it is claimed, it is the right one."""
    try:
        number = int(read_plain(folder / CLAIM, NOTE_BYTES))
    except (OSError, ValueError):
        return None
    return number if is_claimed(folder) else None


# --- devices -----------------------------------------------------------------------------------------------------


def lease_folder(environment: Mapping[str, str]) -> Path:
    """Where the locks of a machine's devices lie; who has another TMPDIR does not see them."""
    return Path(environment.get("TMPDIR") or "/tmp") / LEASES  # noqa: S108 - to be shared, and nothing is read from it


BETWEEN = ","
"""Stands between the names of several devices that an attempt has."""


def lease(folder: Path, devices: str) -> tuple[Lock, ...]:
    """Hold each of some devices, if nobody holds any of them; none of them otherwise."""
    held: list[Lock] = []
    for device in devices.split(BETWEEN):
        lock = _leased(folder, device)
        if lock is None:
            for one in held:
                one.close()
            return ()
        held.append(lock)
    return tuple(held)


def _leased(folder: Path, device: str) -> Lock | None:
    with _opened(folder, device) as handle:
        for wait_s in TAKEN_AGAIN_S:
            time.sleep(wait_s)
            if locked(handle):
                return Lock(os.dup(handle))
    return None


def is_leased(folder: Path, device: str) -> bool:
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


# --- processors --------------------------------------------------------------------------------------------------


def hold_processors(folder: Path) -> Lock | None:
    """Tell other studies, by a lock, that this process trains on the processors of this machine; None if it cannot."""
    path = folder / f"{PROCESSORS}{os.getpid()}"
    for wait_s in TAKEN_AGAIN_S:
        time.sleep(wait_s)
        with contextlib.suppress(OSError), _opened(folder, path.name) as handle:
            lock = Lock(os.dup(handle)) if locked(handle) else None
            if lock is not None and lock.lies_at(path):  # who takes it for an old one removes it
                return lock
    return None


def others_on_processors(folder: Path) -> tuple[int, ...]:
    """Numbers of other processes of promo that train on the processors of this machine now."""
    found = []
    with contextlib.suppress(OSError):
        for path in sorted(folder.glob(f"{PROCESSORS}*")):
            number = path.name.removeprefix(PROCESSORS)
            if re.fullmatch("[0-9]+", number) and int(number) != os.getpid() and _is_held(path):
                found.append(int(number))
    return tuple(found)


def _is_held(path: Path) -> bool:
    with contextlib.suppress(OSError), _opened(path.parent, path.name) as handle:
        if not locked(handle):
            return True
        path.unlink()  # its process ended without a word
    return False


# --- studies -----------------------------------------------------------------------------------------------------


def lock_study(folder: Path, disk: Disk) -> Lock:
    """
    Take the lock of a study folder, which is made if there is none.

    Raises:
        Busy: another process has it.
        PromoError: the folder cannot be written, or its lock could not be trusted.
    """
    try:
        if not folder.exists():
            disk.make_folder(folder.parent)
            folder.mkdir(mode=0o700, exist_ok=True)
        disk.make_folder(folder)
        # For reading too, because who opens a pipe for writing alone waits for a reader.
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as fault:
        message = f"the study folder {folder} cannot be written: {fault.strerror or fault}"
        raise PromoError(message, hint="choose another one with --study") from fault
    try:
        _trusted(folder)
        if not locked(handle):
            message = f"another promo process is working on {folder}"
            raise Busy(message, hint="wait for it, watch it with: promo status, or end it with: promo stop")
    except PromoError:
        os.close(handle)
        raise
    with contextlib.suppress(OSError):  # the lock holds without it; only `promo stop` wants to know
        os.truncate(handle, 0)
        os.write(handle, f"{os.getpid()} {_began(os.getpid())}\n".encode())
    return Lock(handle)


def lock_intake(folder: Path) -> Lock:
    """
    Take the right to put results into a study folder, whether or not a promo works on it; wait a while for who has it.

    It is on the folder itself, which needs no file; Windows has no such lock, and there nobody is kept waiting.

    Raises:
        Busy: somebody else has it for longer.
        PromoError: there is no such folder, or it cannot be opened.
    """
    if sys.platform == "win32":
        return Lock(os.open(os.devnull, os.O_RDONLY))
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as fault:
        raise PromoError(f"the study folder {folder} cannot be opened: {fault.strerror or fault}") from fault
    until = time.monotonic() + INTAKE_S
    while not locked(handle):
        if time.monotonic() > until:
            os.close(handle)
            raise Busy(f"another promo accept takes results into {folder}", hint="wait for it, then run this again")
        time.sleep(0.05)
    return Lock(handle)


def _trusted(folder: Path) -> None:
    lacks = mount_of(folder).lacks
    if lacks:
        hint = "choose a folder of this machine with --study, and one that workers see with --shared"
        raise PromoError(f"the study folder {folder} {lacks}", hint=hint)
    if sys.platform != "win32" and folder.stat().st_mode & stat.S_IWOTH:
        raise PromoError(f"everybody can write to the study folder {folder}", hint=f"chmod o-w {folder}")


def _began(pid: int) -> float:
    """When a process began, as the system tells it; with the number it names one process for ever."""
    import psutil

    return float(psutil.Process(pid).create_time())


def interrupt_holder(folder: Path) -> bool:
    """
    Ask the process that holds a folder's lock to end, as Ctrl-C would, by a signal that nobody ignores for it.

    Returns:
        False when nobody holds it, or when its holder is not a process of this machine that can be asked.
    """
    if not is_locked(folder):
        return False
    until = time.monotonic() + NOTED_S
    while (holder := _holder(folder)) is None:
        if time.monotonic() > until:
            return False
        time.sleep(0.02)  # whoever has just taken the lock has not said yet who it is
    with contextlib.suppress(OSError):
        os.kill(holder, signal.SIGINT if sys.platform == "win32" else signal.SIGTERM)
        return True
    return False


def is_locked(folder: Path) -> bool:
    """
    Whether a process has a folder's lock; nothing is created to find out.

    Raises:
        PromoError: the lock cannot be opened.
    """
    try:
        open_plain(folder / LOCK).close()
        handle = os.open(folder / LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError as fault:
        message = f"the lock of {folder} cannot be opened: {fault.strerror or fault}"
        raise PromoError(message, hint=ALLOWED if isinstance(fault, PermissionError) else "") from fault
    try:
        return not locked(handle)
    finally:
        os.close(handle)


def is_worked_on(folder: Path) -> bool:
    """Whether a process of this machine works on a study, as its lock's note says; the lock itself is left alone."""
    return _holder(folder) is not None


def _holder(folder: Path) -> int | None:
    """The living process that took a folder's lock last; None when it has ended or runs on another machine."""
    import psutil

    try:
        number, began = read_plain(folder / LOCK, NOTE_BYTES).split()
        return int(number) if abs(_began(int(number)) - float(began)) <= SAME_START_S else None
    except (OSError, ValueError, psutil.Error):
        return None
