"""
Money as a study declares it: an amount in one currency, and what a device costs for an hour.

A study counts in one currency, which its spec names; nothing converts one into another, and no price is fetched.  A
spot price holds to the end of its day in UTC, and the price beside it from then on.
"""

from fractions import Fraction
from typing import Annotated

from promo.base.classes import frozen
from promo.base.fields import Form, Silent
from promo.base.units import HOUR

Day = Annotated[str, Form("day as YYYY-MM-DD", r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", longest=10)]
"""A day of the calendar, in UTC; days compare as texts."""


@frozen
class Money:
    """An amount of money."""

    amount: Fraction
    currency: str


@frozen
class Spot:
    """A lower price of a device for an hour, to the end of the day *until*."""

    hour: Fraction
    until: Day


@frozen
class Price:
    """What one device costs for an hour, in *currency*."""

    hour: Fraction
    currency: str
    spot: Annotated[Spot | None, Silent(None)]

    def on(self, moment: str) -> Fraction:
        """
        What per device hour costs that begins at a moment.

        Args:
            moment: time in UTC, or a day, as `YYYY-MM-DD...`; empty for the price without spot.
        """
        if self.spot is None or not moment or moment[:10] > self.spot.until:
            return self.hour
        return self.spot.hour

    @property
    def least(self) -> Fraction:
        """What an hour costs at the very least."""
        return self.hour if self.spot is None else min(self.hour, self.spot.hour)


def of_devices(seconds: Fraction | int, hour: Fraction) -> Fraction:
    """What seconds of devices cost at so much an hour."""
    return hour * seconds / HOUR


def is_day(said: str) -> bool:
    """Whether the calendar has a day, of the form `YYYY-MM-DD`."""
    year, month, day = _parts(said)
    return year > 0 and 1 <= month <= 12 and 1 <= day <= _length(year, month)


def why_no_day(said: str) -> str:
    """What to write in place of a day of that form that the calendar does not have."""
    year, month, day = _parts(said)
    if year > 0 and 1 <= month <= 12 and day:
        return f"the last day of that month is {said[:8]}{_length(year, month)}"
    return "write year, month and day in this order: 2026-12-31"


def _parts(said: str) -> tuple[int, int, int]:
    year, month, day = map(int, said.split("-"))
    return year, month, day


def _length(year: int, month: int) -> int:
    """How many days a month has."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
