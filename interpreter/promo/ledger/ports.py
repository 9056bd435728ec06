"""What the ledger and the store ask of a file system; tests put a lossy one in its place."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from promo.base.reading import AnyPath


class Disk(Protocol):
    """Files whose bytes are on disk when a call returns, drafts excepted."""

    def read(self, path: AnyPath) -> bytes | None:
        """The whole file, or None when there is none."""

    def files(self, folder: Path) -> tuple[str, ...]:
        """Names of all files below a folder, sorted, with forward slashes; links are left out and not followed."""

    def digest(self, path: Path) -> str | None:
        """SHA-256 of a whole file, None when there is none, and empty of what is no plain file; memory stays flat."""

    def append(self, path: Path, data: bytes) -> None:
        """Add bytes at the end of a file, and flush them."""

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file back to *size* bytes, and flush that."""

    def write(self, path: Path, data: bytes) -> None:
        """Put a whole file in place at once: old content or new, never a part."""

    def make_folder(self, path: Path) -> None:
        """Create a folder and those above it."""

    def draft(self, path: Path, data: bytes) -> None:
        """Put a whole file in place that is durable only once it is settled."""

    def draft_folder(self, path: Path) -> None:
        """Create a folder and those above it, durable only once they are settled."""

    def settle(self, files: Iterable[Path], folders: Iterable[Path]) -> None:
        """Returns when files, and names in folders, are on disk, whoever wrote them; what is absent is passed over."""


class Clock(Protocol):
    """Time, handed in so that tests can hold it."""

    def now(self) -> str:
        """UTC in ISO 8601, whole seconds, for people."""

    def monotonic(self) -> float:
        """Seconds that only go forward, for durations."""

    def sleep(self, seconds: float) -> None:
        """Wait."""
