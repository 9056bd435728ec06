"""
The one place where bytes are made durable: the order of writing, flushing and moving.

What is written here is on disk when a call returns: a file is flushed, moved into place, and its folder is flushed
too, because a new name is an entry of the folder and is lost with it.  The calls to the system below are a port of
their own, so that tests can put a file system there that loses and reorders everything it may.
"""

import errno
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol

from promo.base.errors import ALLOWED, Mismatch, PromoError
from promo.base.reading import AnyPath, NotPlainError, open_plain, read_plain

FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
REFUSED = FULL | {errno.EROFS, errno.EIO}
"""What a disk answers when it is to blame, and not who writes to it."""


STEP = 1 << 20
"""Bytes that are read at once."""
MOST = 1 << 30
"""Bytes that a file may have which is read as a whole."""
THREAD_S = 0.0001
"""What it takes to start a thread, about."""
NO_DIGEST = ""
"""Of a pipe, a device or a folder where a file ought to be: it is the digest of nothing that was recorded."""


class Access(Enum):
    """What a file is opened for."""

    APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    WHOLE = os.O_WRONLY | os.O_TRUNC | os.O_CREAT
    CHANGE = os.O_RDWR
    FOLDER = os.O_RDONLY


class Kernel(Protocol):
    """What a disk asks of the system; each call may fail with OSError, and none but `flush` promises anything."""

    def open(self, path: Path, access: Access) -> int:
        """A handle of a file, or of a folder to be flushed."""

    def write(self, handle: int, data: bytes) -> int:
        """Write at the handle's place; how many bytes were taken."""

    def cut(self, handle: int, size: int) -> None:
        """Shorten a file."""

    def flush(self, handle: int) -> None:
        """Returns when the file's bytes, or the folder's names, are on disk."""

    def flush_all(self, handles: Sequence[int]) -> None:
        """Flush several at once."""

    def close(self, handle: int) -> None:
        """Give the handle back."""

    def rename(self, old: Path, new: Path) -> None:
        """Move a file to another name of the same folder, in the place of what was there."""

    def make(self, path: Path) -> bool:
        """Create one folder; False when it is there already."""

    def exists(self, path: Path) -> bool:
        """Whether there is a file or folder."""

    def read(self, path: AnyPath) -> bytes | None:
        """A whole file, or None when there is none."""

    def files(self, folder: Path) -> tuple[str, ...]:
        """Names of all files below a folder, sorted."""

    def digest(self, path: Path) -> str | None:
        """SHA-256 of a whole file, None when there is none, and `NO_DIGEST` of what is no plain file."""


class SystemKernel:
    """The calls of this machine's system."""

    flush_s = math.inf
    """How long flushes take of late: the last one, but for a single one that a busy machine held up."""

    def open(self, path: Path, access: Access) -> int:
        """A handle; a file that is made to be appended to may be read by its owner alone."""
        binary = getattr(os, "O_BINARY", 0)
        return os.open(path, access.value | binary, 0o600 if access is Access.APPEND else 0o666)

    def write(self, handle: int, data: bytes) -> int:
        """Write."""
        return os.write(handle, data)

    def cut(self, handle: int, size: int) -> None:
        """Shorten a file."""
        os.ftruncate(handle, size)

    def flush(self, handle: int) -> None:
        """Flush."""
        began = time.perf_counter()
        os.fsync(handle)
        self.flush_s = min(time.perf_counter() - began, 2 * self.flush_s)

    def flush_all(self, handles: Sequence[int]) -> None:
        """
        Flush side by side: a disk that takes a while for each takes little longer for many.

        Where the last flush took less than a thread does, as in memory, one after the other.
        """
        side_by_side = self.flush_s >= THREAD_S
        faults: list[OSError] = []

        def flush(handle: int) -> None:
            try:
                self.flush(handle)
            except OSError as fault:
                faults.append(fault)

        apart = handles[1:] if side_by_side else ()
        others = [threading.Thread(target=flush, args=(handle,)) for handle in apart]
        for thread in others:
            thread.start()
        for handle in handles[: len(handles) - len(apart)]:
            flush(handle)
        for thread in others:
            thread.join()
        if faults:
            raise faults[0]

    def close(self, handle: int) -> None:
        """Close."""
        os.close(handle)

    def rename(self, old: Path, new: Path) -> None:
        """Move."""
        os.replace(old, new)  # noqa: PTH105 - what is called is what can be made to fail

    def make(self, path: Path) -> bool:
        """Create a folder."""
        try:
            os.mkdir(path)  # noqa: PTH102 - as above
        except FileExistsError:
            if path.is_dir():
                return False
            raise
        return True

    def exists(self, path: Path) -> bool:
        """Look for it."""
        return path.exists()

    def read(self, path: AnyPath) -> bytes | None:
        """Read."""
        try:
            return read_plain(path, MOST)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def files(self, folder: Path) -> tuple[str, ...]:
        """Names of all files below a folder, sorted."""
        found = []
        for place, _, names in os.walk(folder):
            paths = (Path(place, name) for name in names)
            found += [path.relative_to(folder).as_posix() for path in paths if path.is_file() and not path.is_symlink()]
        return tuple(sorted(found))

    def digest(self, path: Path) -> str | None:
        """SHA-256, a part at a time."""
        import hashlib  # late, for a supervisor needs none of it, and it brings all of OpenSSL

        found = hashlib.sha256()
        try:
            with open_plain(path) as file:
                while part := file.read(STEP):
                    found.update(part)
        except FileNotFoundError:
            return None
        except NotPlainError:
            return NO_DIGEST
        return found.hexdigest()


SYSTEM = SystemKernel()


P = ParamSpec("P")


def _told(effect: Callable[Concatenate["RealDisk", Path, P], None]) -> Callable[Concatenate["RealDisk", Path, P], None]:
    """What the system refuses is said in words; nothing is tried again."""

    @wraps(effect)
    def carried_out(disk: "RealDisk", path: Path, /, *more: P.args, **named: P.kwargs) -> None:
        try:
            effect(disk, path, *more, **named)
        except OSError as fault:
            raise refusal(str(path), fault) from fault

    return carried_out


def refusal(what: str, fault: OSError) -> PromoError:
    """A disk that refused to write, in words."""
    hint = "free the disk, then run again" if fault.errno in FULL else "fix the disk, then run again"
    hint = ALLOWED if isinstance(fault, PermissionError) else hint
    return PromoError(f"{what} cannot be written: {fault.strerror or fault}", hint=hint)


class RealDisk:
    """Durable files; see `promo.ledger.ports.Disk`.  `append` and `settle` raise the system's OSError."""

    def __init__(self, kernel: Kernel = SYSTEM) -> None:
        self._kernel = kernel

    def read(self, path: AnyPath) -> bytes | None:
        """
        The whole file, or None when there is none.

        Raises:
            Mismatch: something else than a file is in its place, or one that is larger than any may be.
        """
        try:
            return self._kernel.read(path)
        except NotPlainError as fault:
            hint = "put the file back from a copy of the study"
            raise Mismatch(f"{path} cannot be read: {fault.strerror}", hint=hint) from fault

    def files(self, folder: Path) -> tuple[str, ...]:
        """Names of all files below a folder, sorted, with forward slashes; links are left out and not followed."""
        return self._kernel.files(folder)

    def digest(self, path: Path) -> str | None:
        """SHA-256 of a whole file, None when there is none, and `NO_DIGEST` of what is no plain file."""
        return self._kernel.digest(path)

    def append(self, path: Path, data: bytes) -> None:
        """Add bytes at the end of a file, and flush them."""
        new = not self._kernel.exists(path)
        self._put(path, Access.APPEND, data)
        if new:
            self._flush_folder(path.parent)

    @_told
    def truncate(self, path: Path, size: int) -> None:
        """Cut a file back, and flush that."""
        handle = self._kernel.open(path, Access.CHANGE)
        try:
            self._kernel.cut(handle, size)
            self._kernel.flush(handle)
        finally:
            self._kernel.close(handle)

    @_told
    def write(self, path: Path, data: bytes) -> None:
        """Put a whole file in place at once."""
        beside = path.with_name(path.name + ".part")
        self._put(beside, Access.WHOLE, data)
        self._kernel.rename(beside, path)
        self._flush_folder(path.parent)

    @_told
    def draft(self, path: Path, data: bytes) -> None:
        """Put a whole file in place at once; it is durable only once `settle` has returned."""
        beside = path.with_name(path.name + ".part")
        self._put(beside, Access.WHOLE, data, flush=False)
        self._kernel.rename(beside, path)

    @_told
    def make_folder(self, path: Path) -> None:
        """
        Create a folder and those above it.

        Its own entry is flushed even if it was there: whoever made it may have died before that.
        """
        missing = []
        while not self._kernel.exists(path):
            missing.append(path)
            path = path.parent
        for one in reversed(missing):
            self._kernel.make(one)
            self._flush_folder(one.parent)
        if not missing:
            self._flush_folder(path.parent)

    @_told
    def draft_folder(self, path: Path) -> None:
        """Create a folder and those above it; they are durable only once `settle` has returned."""
        if not self._kernel.exists(path):
            self.draft_folder(path.parent)
            self._kernel.make(path)

    def settle(self, files: Iterable[Path], folders: Iterable[Path]) -> None:
        """Flush what lies there, whoever wrote it; what does not exist is passed over."""
        every = [(path, Access.CHANGE) for path in files]
        every += [(path, Access.FOLDER) for path in folders] if sys.platform != "win32" else []
        handles = [self._kernel.open(path, access) for path, access in every if self._kernel.exists(path)]
        try:
            self._kernel.flush_all(handles)
        finally:
            for handle in handles:
                self._kernel.close(handle)

    def _put(self, path: Path, access: Access, data: bytes, *, flush: bool = True) -> None:
        handle = self._kernel.open(path, access)
        try:
            while data:
                data = data[self._kernel.write(handle, data) :]
            if flush:
                self._kernel.flush(handle)
        finally:
            self._kernel.close(handle)

    def _flush_folder(self, path: Path) -> None:
        if sys.platform == "win32":
            return  # NTFS journals names itself, and a folder cannot be opened for flushing
        handle = self._kernel.open(path, Access.FOLDER)
        try:
            self._kernel.flush(handle)
        finally:
            self._kernel.close(handle)


DISK = RealDisk()
"""The disk of this machine."""
