"""Attempts that are read from a table: each has ended when it has been started."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from promo.base.canonical import digest_bytes
from promo.curves.replay import Replay
from promo.ledger.ports import Disk
from promo.run.runners.recorded.answer import answer
from promo.run.store import POINTS, REQUEST, RESULT, parse_request, result_bytes
from promo.run.values import AttemptSpec, Exit, Stand
from promo.study.given import Options
from promo.study.ports import ExecutorOption


class RecordedExecutor:
    """Writes results from a replay; it starts no process and trains nothing."""

    def __init__(self, replay: Replay, disk: Disk) -> None:
        self._replay, self._disk = replay, disk

    here: ClassVar[bool] = True
    spreads: ClassVar[bool] = True
    """It reads what was recorded, wherever that was."""
    options: ClassVar[Mapping[str, ExecutorOption]] = {}

    def name(self, folder: Path) -> None:
        """There is no queue."""
        del folder

    def start(self, attempt: AttemptSpec) -> None:
        """Answer the request in the attempt's folder; the result is written last."""
        content = self._disk.read(attempt.folder / REQUEST)
        assert content is not None
        body, points = answer(self._replay, parse_request(content), digest_bytes(content))
        self._disk.write(attempt.folder / POINTS, points)
        self._disk.write(attempt.folder / RESULT, result_bytes(body))

    def look(self, handles: Sequence[object]) -> Sequence[Stand]:
        """They have ended."""
        return [Exit(0) for _ in handles]

    def cancel(self, handles: Sequence[object]) -> None:
        """There is nothing to end."""

    def prepare(self, handle: object) -> None:
        """There is nothing to make ready."""
        del handle

    def find(self, folder: Path, job: str | None, options: Options) -> None:
        """Nothing goes on by itself."""
        del folder, job, options

    def close(self) -> None:
        """There is nothing to clear up."""
