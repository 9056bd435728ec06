"""Attempts that are read from a table: each has ended when it has been started."""

from pathlib import Path

from promo.curves.replay import Replay
from promo.ledger.ports import Disk
from promo.run.runners.recorded.answer import answer
from promo.run.store import POINTS, REQUEST, RESULT, parse_request, result_bytes
from promo.run.values import AttemptSpec, Exit


class RecordedExecutor:
    """Writes results from a replay; it starts no process and trains nothing."""

    def __init__(self, replay: Replay, disk: Disk) -> None:
        self._replay, self._disk = replay, disk

    def start(self, attempt: AttemptSpec) -> None:
        """Answer the request in the attempt's folder; the result is written last."""
        content = self._disk.read(attempt.folder / REQUEST)
        assert content is not None
        body, points = answer(self._replay, parse_request(content))
        self._disk.write(attempt.folder / POINTS, points)
        self._disk.write(attempt.folder / RESULT, result_bytes(body))

    def poll(self, handle: object) -> Exit:
        """It has ended."""
        del handle
        return Exit(0)

    def cancel(self, handle: object) -> None:
        """There is nothing to end."""

    def prepare(self, handle: object) -> None:
        """There is nothing to make ready."""
        del handle

    def find(self, folder: Path) -> None:
        """Nothing goes on by itself."""
        del folder

    def close(self) -> None:
        """There is nothing to clear up."""
