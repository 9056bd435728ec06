"""The machine's clocks."""

import time

from promo.ledger.moments import seconds_of


class SystemClock:
    """The machine's clocks; see `promo.ledger.ports.Clock`."""

    def now(self) -> str:
        """UTC in ISO 8601, whole seconds."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def later(moment: str, seconds: int) -> str:
    """The moment so many seconds later, as `SystemClock.now` writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds_of(moment) + seconds))
