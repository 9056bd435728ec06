"""What running asks of an executor."""

from typing import Any, Protocol

from promo.run.values import AttemptSpec, Exit


class Executor(Protocol):
    """
    Starts attempts somewhere.

    An executor never retries, and what it says is a hint: whether an attempt has a result is read from its folder.
    """

    def start(self, attempt: AttemptSpec) -> object:
        """Start an attempt whose folder holds its request."""

    def poll(self, handle: Any) -> Exit | None:
        """How it ended, or None while it runs."""

    def cancel(self, handle: Any) -> None:
        """End it and everything it started; returns when it is gone."""
