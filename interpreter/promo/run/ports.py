"""What running asks of an executor."""

from pathlib import Path
from typing import Any, Protocol

from promo.run.values import AttemptSpec, Exit


class Executor(Protocol):
    """
    Starts attempts somewhere.

    An executor never retries, and what it says is a hint: whether an attempt has a result is read from its folder.
    """

    def start(self, attempt: AttemptSpec) -> object:
        """Start an attempt whose folder holds its request."""

    def prepare(self, handle: Any) -> None:
        """
        While this attempt goes on, make ready for the next one in its place, without touching its device.

        An executor that cannot does nothing.
        """

    def find(self, folder: Path) -> object | None:
        """
        A handle of an attempt that an earlier promo started and that still goes on.

        None if it does not; then it is given up, and whoever was asked to begin it and has not must not any more.
        """

    def poll(self, handle: Any) -> Exit | None:
        """How it ended, or None while it runs."""

    def cancel(self, handle: Any) -> None:
        """End it and everything it started; returns when it is gone."""

    def close(self) -> None:
        """Nothing more will be started: clear up what was made ready."""
