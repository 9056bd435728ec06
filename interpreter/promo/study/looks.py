"""What grows, and how often it is looked at, as values: parts of a growth, which `growth` reads."""

from typing import Annotated

from promo.base.canonical import SAFE_INTEGER
from promo.base.classes import frozen
from promo.base.fields import Range
from promo.study.given import Level


@frozen
class Turn:
    """A factor of a trained model that takes another level when the model grows."""

    factor: str
    old: Level
    new: Level


MOST_LOOKS = 64
"""Looks of a lag: each is a stage."""


@frozen
class Looks:
    """A lag that ends for all ways but the best once their order has stayed the same for some looks in a row."""

    every: Annotated[int, Range(1, SAFE_INTEGER)]
    """Steps from one look to the next."""
    stable: Annotated[int, Range(1, MOST_LOOKS)]
    """Looks in a row at which the order has to be the same."""
