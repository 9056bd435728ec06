"""
Scaling laws: how a loss falls as compute, or size and data, grow.

A law is a floor and one or two powers.  `fitting` makes one of points; what laws of several shapes say together is said
in `switching`.
"""

import math
from typing import assert_never

from promo.base.classes import frozen
from promo.study.laws import Form


@frozen
class Point:
    """What was measured: at which compute (or size and data), and the loss; all above 0, points of one run together."""

    at: tuple[float, ...]
    loss: float
    run: str


@frozen
class FittedLaw:
    """
    A fitted law.

    *parameters* are in the order of `Form.names`; *lost* is the sum that was minimised; *unsure* names what ended at a
    border of what it may be, so that the points do not tell it.
    """

    form: Form
    parameters: tuple[float, ...]
    lost: float
    unsure: tuple[str, ...]

    def loss(self, *at: float) -> float:
        """The loss at a place, in the unit of the points."""
        floor, factor, exponent, *rest = self.parameters
        match self.form:
            case Form.COMPUTE:
                return floor + factor * math.pow(at[0], -exponent)
            case Form.SHIFTED:
                return floor + factor * math.pow(at[0] + rest[0], -exponent)
            case Form.SIZE_AND_DATA:
                return floor + factor * math.pow(at[0], -exponent) + rest[0] * math.pow(at[1], -rest[1])
            case _:
                assert_never(self.form)

    def compute(self, loss: float) -> float:
        """
        The compute at which a law of compute comes to a loss.

        Raises:
            ValueError: the loss is not above the floor.
        """
        floor, factor, exponent, *rest = self.parameters
        if loss <= floor:
            raise ValueError("a law does not come down to its floor")
        return math.pow((loss - floor) / factor, -1 / exponent) - (rest[0] if rest else 0.0)

    def price(self, loss: float) -> float:
        """Compute that a unit of loss costs at a loss, by a law of compute; infinite where it does not come."""
        floor, factor, exponent, *_ = self.parameters
        if loss <= floor:
            return math.inf
        return math.pow((loss - floor) / factor, -1 / exponent - 1) / (factor * exponent)
