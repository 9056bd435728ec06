"""Attempts that travel between machines in a bundle: which ones it holds, and when each was made."""

from typing import Annotated, ClassVar

from promo.base.classes import frozen
from promo.base.fields import Moment, Name, Range

MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
Number = Annotated[int, Range(1, 999_999)]
"""Of an attempt of a run, or of an amendment."""


@frozen
class Taken:
    """An attempt that a bundle holds."""

    ROW: ClassVar = True

    run: Name
    attempt: Number


@frozen
class Arrival:
    """An attempt that a bundle brought, and when it began and ended: it has the price of the day on which it ran."""

    ROW: ClassVar = True

    run: Name
    attempt: Number
    started: Moment
    """By the ledger of the machine that it ran on, and so by the clock of that."""
    ended: Moment
