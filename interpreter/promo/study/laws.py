"""Laws as values: how a measure falls with the budget, what they foretell, and shapes that change by them."""

from collections.abc import Iterable
from enum import Enum
from typing import TypeVar, assert_never

from promo.base.classes import frozen
from promo.base.fields import Count, Remark
from promo.study.places import Where, place

LEVEL = 0.95
"""Of the intervals of what laws foretell."""


POWER_AND_FLOOR = 3
"""Parameters of one power beside a floor."""
T = TypeVar("T")


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

    def told_by(self, places: Iterable[tuple[T, ...]]) -> bool:
        """
        Whether losses at these places can tell all parameters.

        Each power beside a floor needs three places of its own argument, or other floors do as well; and where every
        size has one amount of data, the two powers may stand for each other.
        """
        known = set(places)
        each = [len({place[number] for place in known}) for number in range(self.arguments)]
        crossed = self.arguments == 1 or len(known) > each[0]
        return len(known) >= len(self.names) and min(each) >= POWER_AND_FLOOR and crossed


@frozen
class Law:
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
    """How many times beyond its points, on either side and in each argument, it may be asked."""
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


@frozen
class Forecast:
    """What a law foretells of candidates at a stage, put down before that stage opens."""

    name: str
    law: str
    candidates: tuple[str, ...]
    stage: str
    documentation: Remark
    where: Where = place()


class Otherwise(Enum):
    """What a candidate that follows a schedule trains where the laws do not tell when to change."""

    HOLD = "hold"
    """A person says."""
    BEST = "best"
    """The shape of which the law foretells the best at the stage's budget, all the way."""
    LARGEST = "largest"
    """The largest shape, all the way."""


@frozen
class Schedule:
    """
    Shapes that a model goes through while it trains, each until the next one's law falls as fast at equal loss.

    The shapes are those of candidates that keep theirs, which are also what else could have been trained; *way* is how
    the weights grow from one to the next, None where none change.
    """

    name: str
    shapes: tuple[str, ...]
    way: str | None
    law: str
    otherwise: Otherwise
    documentation: Remark
    where: Where = place()
