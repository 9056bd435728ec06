"""
Attempts that somebody else's system trains: promo asks, and waits for no one.

To start one is to leave its request in its folder, for `promo ask` to hand out.  It ends when `promo accept` has put a
result there, or the word that none will come.  Nothing here starts, ends or hurries anything.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from promo.base.classes import define
from promo.ledger.losses import Loss
from promo.run.disk import DISK
from promo.run.outside import OUTSIDE, Outside, claim_outside, is_there, read_outside
from promo.run.store import REQUEST
from promo.run.values import AttemptSpec, Delivered, Phase, Stand
from promo.study.given import Options
from promo.study.ports import ExecutorOption

PAUSE_S = 0.5
"""Between two looks into the folders of attempts."""
NOBODY = "promo"
"""Who says that nobody will train what a study has stopped waiting for."""


@define(eq=False)
class Asked:
    """An attempt that somebody was asked to train."""

    folder: Path
    stand: Stand = Phase.UNKNOWN
    looked: bool = False


class OutsideExecutor:
    """See the module."""

    here: ClassVar[bool] = False
    options: ClassVar[Mapping[str, ExecutorOption]] = {}

    def __init__(self) -> None:
        self._next = 0.0

    def name(self, folder: Path) -> None:
        """There is no queue; the request is known by its digest."""
        del folder

    def start(self, attempt: AttemptSpec) -> Asked:
        """Its request is there."""
        return Asked(attempt.folder)

    def prepare(self, handle: Asked) -> None:
        """Nothing."""
        del handle

    def find(self, folder: Path, job: str | None, options: Options) -> Asked:
        """Whoever trains it goes on, whatever became of promo."""
        del job, options
        return Asked(folder)

    def look(self, handles: Sequence[Asked]) -> Sequence[Stand]:
        """Whether results have come: seen at once by who has not looked yet, and twice a second by who waits."""
        now = time.monotonic()
        due = now >= self._next
        self._next = now + PAUSE_S if due else self._next
        for one in handles:
            if one.stand is Phase.UNKNOWN and (due or not one.looked):
                one.stand, one.looked = _stand(one.folder), True
        return [one.stand for one in handles]

    def cancel(self, handles: Sequence[Asked]) -> None:
        """Take back what was asked for and has not come: no result is taken in any more."""
        for one in handles:
            if one.stand is Phase.UNKNOWN:
                request = DISK.digest(one.folder / REQUEST) or ""
                claim_outside(DISK, one.folder, Outside(request, NOBODY, "", None, {}, None))

    def close(self) -> None:
        """There is nothing to clear up."""


def _stand(folder: Path) -> Stand:
    if not (folder / OUTSIDE).exists():
        return Phase.UNKNOWN
    said = read_outside(DISK, folder)
    if said is None or not is_there(DISK, folder, said):
        return Phase.UNKNOWN  # whoever puts it there has not ended yet, or will be asked to do it again
    return Loss.OUTSIDE if said.is_lost else Delivered()
