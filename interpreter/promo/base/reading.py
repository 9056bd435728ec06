"""
Path to bytes, for every file that somebody else may have put there: plain files only, and no larger than they may be.

A pipe or a terminal in the place of a file keeps whoever opens it waiting, a device gives bytes for ever, and a file
of 24 GB takes all memory.  What a path leads to is therefore asked before it is opened, once more of what was opened,
and its size before a byte is read; a file that grows meanwhile is read to its bound and refused.
"""

import errno
import io
import os
import stat
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import BinaryIO

LINK, FOLDER = "a link", "a folder"
KINDS = (
    (stat.S_ISLNK, LINK),
    (stat.S_ISDIR, FOLDER),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
MIB = 2**20
SMALL, RECORD, LARGE = MIB // 16, 64 * MIB, 4096 * MIB
"""Most bytes of a key or receipt, of a lock, plan or tokenizer, and of a text that is trained on."""
AnyPath = Path | str
"""Of a file that is read; to make a path of a text takes as long as to read a small file."""
PIECE = 2**16
"""Bytes that are read at once."""
READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""How a file is opened: a pipe that took its place meanwhile keeps nobody waiting."""
NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class NotPlainError(OSError):
    """What a path leads to is no plain file, or is larger than such a file may be; `strerror` says which."""

    def __init__(self, path: AnyPath, words: str) -> None:
        super().__init__(errno.EINVAL, words, str(path))


def open_plain(path: AnyPath, most: int | None = None, *, links: bool = True) -> BinaryIO:
    """
    Open a plain file for reading.

    Args:
        path: the file.
        most: bytes that it may have; None: as many as it likes, for whoever reads a part at a time.
        links: whether what a link leads to counts; a link is refused otherwise.

    Raises:
        NotPlainError: it is a folder, pipe, device or socket, or larger than that.
        OSError: there is none, or it cannot be opened.
    """
    return os.fdopen(_opened(path, most, links=links), "rb")


def _opened(path: AnyPath, most: int | None, *, links: bool) -> int:
    try:
        name = os.fspath(path)
        _look(path, os.stat(name, follow_symlinks=links), most)  # noqa: PTH116 - half the time of a path's own
        handle = os.open(name, READING if links else READING | NO_LINK)
    except ValueError as fault:
        raise NotPlainError(path, "no file can have such a name") from fault
    try:
        _look(path, os.fstat(handle), most)
    except NotPlainError:
        os.close(handle)
        raise
    return handle


def _look(path: AnyPath, about: os.stat_result, most: int | None) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise NotPlainError(path, f"it is {_kind(about)}, not a file")
    if most is not None and about.st_size > most:
        raise _too_large(path, most)


def _kind(about: os.stat_result) -> str:
    """What something is that is no plain file; empty of a plain file."""
    if stat.S_ISREG(about.st_mode):
        return ""
    return next((words for is_kind, words in KINDS if is_kind(about.st_mode)), "something else")


def not_plain(folder: Path) -> Iterator[tuple[str, str]]:
    """What lies below a folder and is no plain file: its name there, with forward slashes, and what it is."""
    for place, folders, files in os.walk(folder):
        for path in (Path(place, name) for name in sorted((*folders, *files))):
            try:
                kind = _kind(path.lstat())
            except OSError:  # it has gone
                continue
            if kind:
                yield path.relative_to(folder).as_posix(), kind


def _too_large(path: AnyPath, most: int) -> NotPlainError:
    size = f"{most} bytes" if most % MIB else f"{most // MIB} MiB"
    return NotPlainError(path, f"it is larger than {size}, the most that is read of such a file")


def place_of(path: Path) -> Path:
    """
    Where that comes to lie which is written to a path: what a link leads to, so that the link stays one.

    Raises:
        NotPlainError: something is there that is no plain file, and that nothing may take the place of.
        OSError: nobody can tell.
    """
    try:
        _look(path, path.stat(), None)
    except FileNotFoundError:
        pass
    except ValueError as fault:
        raise NotPlainError(path, "no file can have such a name") from fault
    return Path(os.path.realpath(path))


def read_plain(path: AnyPath, most: int, *, links: bool = True) -> bytes:
    """
    The whole of a plain file of at most so many bytes; *links*: whether what a link leads to counts.

    Raises:
        NotPlainError: it is a folder, pipe, device or socket, or larger than that.
        OSError: there is none, or it cannot be read.
    """
    handle, pieces, left = _opened(path, most, links=links), list[bytes](), most + 1
    try:
        while piece := os.read(handle, min(PIECE, left)):
            pieces.append(piece)
            left -= len(piece)
    finally:
        os.close(handle)
    content = b"".join(pieces)
    if len(content) > most:
        raise _too_large(path, most)
    return content


def unpacked(content: bytes, most: int) -> bytes:
    """
    What a gzip file of at most so many bytes holds; of a larger one its first *most* + 1.

    Raises:
        ValueError: it is none, or no whole one.
    """
    import gzip
    import zlib

    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            return read_bounded(packed, most + 1)
    except (OSError, EOFError, zlib.error) as fault:
        raise ValueError(str(fault)) from fault


def read_bounded(file: BufferedIOBase | BinaryIO, most: int) -> bytes:
    """
    The rest of a file, and no more than its next *most* bytes, in memory that grows with what is there.

    `file.read(most)` would take memory for *most* bytes before it knows that there are ten.
    """
    content = io.BytesIO()
    while piece := file.read(min(PIECE, most - content.tell())):
        content.write(piece)
    return content.getvalue()
