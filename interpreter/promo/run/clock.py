"""The machine's clocks."""

import time


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
