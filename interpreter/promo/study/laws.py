"""Laws as values: how a measure falls with the budget, fitted to the runs of stages; `scaling` reads them."""

from enum import Enum
from typing import assert_never

from attrs import frozen

from promo.base.fields import Count, Remark
from promo.base.shown import LEAN, Shown
from promo.study.places import Where, place


class Form(Enum):
    """What a law is a function of: a floor, and a power of compute, or one of size and one of data."""

    COMPUTE = "compute"
    SHIFTED = "shift"
    """Of compute with something added to it."""
    SIZE_AND_DATA = "size_data"

    @property
    def names(self) -> tuple[str, ...]:
        """Its parameters, in the order in which a fitted law has them."""
        match self:
            case Form.COMPUTE:
                return "E", "A", "b"
            case Form.SHIFTED:
                return "E", "A", "b", "d"
            case Form.SIZE_AND_DATA:
                return "E", "A", "a", "B", "b"
            case _:
                assert_never(self)

    @property
    def arguments(self) -> int:
        """How many numbers a loss is measured at: compute, or size and data."""
        return 2 if self is Form.SIZE_AND_DATA else 1


@frozen(**LEAN)
class Law(Shown):
    """
    How the measure falls with the budget, fitted to the runs of stages once those have closed.

    A law of compute is one for each candidate, in the unit of the stages' budgets; one of size and data is one for all
    candidates together.
    """

    name: str
    candidates: tuple[str, ...]
    stages: tuple[str, ...]
    """Whose runs are its points, without *held*."""
    form: Form
    held: str | None
    """A stage of a larger budget that the law foretells and is not fitted to."""
    reach: Count
    """How many times the largest budget it was fitted to it may be asked for."""
    draws: Count
    """How often it is fitted again to runs drawn with replacement."""
    seed: Count
    """Of those draws."""
    documentation: Remark
    where: Where = place()

    @property
    def every_stage(self) -> tuple[str, ...]:
        """The stages that it is fitted to, and the one that tests it."""
        return self.stages if self.held is None else (*self.stages, self.held)
