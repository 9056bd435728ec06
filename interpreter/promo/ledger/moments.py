"""The text of a moment to seconds."""

from calendar import timegm
from functools import lru_cache


@lru_cache(64)
def seconds_of(moment: str) -> int:
    """Seconds since 1970 of a time that a `Clock` gave."""
    day, _, time = moment.rstrip("Z").partition("T")
    year, month, number = map(int, day.split("-"))
    hour, minute, second = map(int, time.split(":"))
    return timegm((year, month, number, hour, minute, second))
