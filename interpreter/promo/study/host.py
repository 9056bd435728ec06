"""A host as a value: what runs there, how much at once, and what its executor is told."""

from fractions import Fraction
from typing import Annotated, ClassVar

from attrs import frozen

from promo.base.fields import Remark, Silent
from promo.base.shown import LEAN, Shown
from promo.study.places import Where, place
from promo.study.space import Level

Options = tuple[tuple[str, Level], ...]
"""What an executor is told: name and value, sorted by name; durations are seconds."""


@frozen(**LEAN)
class HostOption(Shown):
    """One thing that a host's block says to its executor; *moves* where that may move a score."""

    ROW: ClassVar = True

    name: str
    value: Level
    moves: bool


@frozen(**LEAN)
class Machine(Shown):
    """What of a host may move a score; *options* are those that its executor says may."""

    device: str
    system: str
    threads: int
    options: Annotated[Options, Silent(())]


@frozen(**LEAN)
class Host(Shown):
    """A kind of machine and how many runs it takes at once; *price* is in dollars an hour and slot."""

    name: str
    device: str
    system: str
    slots: int
    threads: int
    price: Fraction | None
    executor: str
    options: Annotated[tuple[HostOption, ...], Silent(())]
    """Sorted by name."""
    documentation: Remark
    where: Where = place()

    @property
    def is_cpu(self) -> bool:
        """Whether runs here train on the processor."""
        return self.device.lower() == "cpu"

    @property
    def machine(self) -> Machine:
        """What of it may move a score: not its slots, executor or price."""
        options = tuple((one.name, one.value) for one in self.options if one.moves)
        return Machine(self.device, self.system, self.threads, options)

    @property
    def said(self) -> Options:
        """What its executor is told."""
        return tuple((one.name, one.value) for one in self.options)
