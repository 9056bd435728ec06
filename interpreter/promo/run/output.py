"""
What a run prints, kept up to a size: its beginning and its end, and a line that says how much is left out between.

What is kept lies on disk as it comes, never more than twice the size that was asked for, so that a kill loses nothing
and memory stays flat however much is printed.
"""

from pathlib import Path
from typing import BinaryIO

from promo.run.redact import redact_file

STEP = 65_536
"""Bytes that are read at once."""


class Output:
    """A file that grows as something is printed, and is cut back in its middle."""

    def __init__(self, path: Path, most: int) -> None:
        """*most*: bytes that are kept, half of them from the beginning."""
        self._file: BinaryIO = path.open("w+b")
        self._path, self._half = path, most // 2
        self._size = self._left_out = self._behind = 0

    def write(self, data: bytes) -> None:
        """Take what was printed."""
        self._file.write(data)
        self._file.flush()
        self._size += len(data)
        if self._size > 4 * self._half:
            self._cut()

    def close(self) -> None:
        """Cut it to its size, and make unreadable what looks like a secret."""
        if self._size > 2 * self._half + self._behind:
            self._cut()
        self._file.close()
        redact_file(self._path)

    def _cut(self) -> None:
        """Leave the middle out; *behind* is the length of the line that says so."""
        file, half = self._file, self._half
        self._left_out += self._size - 2 * half - self._behind
        said = f"\n[promo left out {self._left_out} bytes here]\n".encode()
        file.seek(self._size - half)
        end = file.read(half)
        file.seek(half)
        file.write(said + end)
        file.truncate()
        file.flush()
        self._behind, self._size = len(said), 2 * half + len(said)
