"""A moment to another one."""

import time

from promo.ledger.moments import seconds_of


def later(moment: str, seconds: int) -> str:
    """The moment so many seconds later, as `SystemClock.now` writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds_of(moment) + seconds))
