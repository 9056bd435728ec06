"""
A disk that writes into a study folder only as long as that folder is where it was.

Somebody may rename a study while promo works on it, or put another in its place.  Whoever then writes by the old path
would make a second beginning of the study there.  The lock that promo holds is a file of the folder, so it shows
whether the path still leads to it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from promo.base.errors import PromoError
from promo.base.reading import AnyPath
from promo.ledger.ports import Disk
from promo.run.locks import LOCK, Lock


class AnchoredDisk:
    """See `promo.ledger.ports.Disk`; everything that writes raises PromoError once the folder has gone."""

    def __init__(self, disk: Disk, folder: Path, lock: Lock) -> None:
        """*lock*: of the folder, held."""
        self._disk, self._folder, self._lock = disk, folder, lock
        self._place = folder.absolute() / LOCK

    def look(self) -> None:
        """
        See whether the folder is where it was.

        Raises:
            PromoError: it is not.
        """
        if not self._lock.lies_at(self._place):
            raise PromoError(
                f"the study folder {self._folder} was moved or removed while promo worked on it; its runs were ended",
                hint="continue in its new place: promo run SPEC --study FOLDER",
            )

    @contextmanager
    def looked_at(self) -> Iterator[None]:
        """What fails because the folder has gone is told as that."""
        try:
            yield
        except OSError:
            self.look()
            raise

    def read(self, path: AnyPath) -> bytes | None:
        """Read."""
        return self._disk.read(path)

    def files(self, folder: Path) -> tuple[str, ...]:
        """Look."""
        return self._disk.files(folder)

    def digest(self, path: Path) -> str | None:
        """Read."""
        return self._disk.digest(path)

    def append(self, path: Path, data: bytes) -> None:
        """Append."""
        self.look()
        self._disk.append(path, data)

    def truncate(self, path: Path, size: int) -> None:
        """Cut back."""
        self.look()
        self._disk.truncate(path, size)

    def write(self, path: Path, data: bytes) -> None:
        """Write."""
        self.look()
        self._disk.write(path, data)

    def make_folder(self, path: Path) -> None:
        """Create a folder."""
        self.look()
        self._disk.make_folder(path)

    def draft(self, path: Path, data: bytes) -> None:
        """Write."""
        self.look()
        self._disk.draft(path, data)

    def draft_folder(self, path: Path) -> None:
        """Create a folder."""
        self.look()
        self._disk.draft_folder(path)

    def settle(self, files: Iterable[Path], folders: Iterable[Path]) -> None:
        """Flush what is there."""
        self._disk.settle(files, folders)
