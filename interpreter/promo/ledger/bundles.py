"""Attempts that travel between machines in a bundle: which ones it holds, and when each was made."""

from typing import Annotated, ClassVar

from attrs import frozen

from promo.base.fields import Moment, Name, Range
from promo.base.shown import LEAN, Shown

Number = Annotated[int, Range(1, 999_999)]
"""Of an attempt of a run, or of an amendment."""


@frozen(**LEAN)
class Taken(Shown):
    """An attempt that a bundle holds."""

    ROW: ClassVar = True

    run: Name
    attempt: Number


@frozen(**LEAN)
class Arrival(Shown):
    """An attempt that a bundle brought, and when it began and ended: it has the price of the day on which it ran."""

    ROW: ClassVar = True

    run: Name
    attempt: Number
    started: Moment
    """By the ledger of the machine that it ran on, and so by the clock of that."""
    ended: Moment
