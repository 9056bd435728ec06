"""A host as a value: what runs there, how much at once, and what its executor is told."""

from typing import Annotated, ClassVar

from promo.base.classes import frozen
from promo.base.fields import Remark, Silent
from promo.study.given import Level, Options, Several
from promo.study.money import Price
from promo.study.places import Where, place


@frozen
class HostOption:
    """One thing that a host's block says to its executor; *moves* where that may move a score."""

    ROW: ClassVar = True

    name: str
    value: Level
    moves: bool


@frozen
class Machine:
    """What of a host may move a score; *options* are those that its executor says may."""

    device: str
    system: str
    threads: int
    devices: Annotated[Several, Silent(1)]
    nodes: Annotated[Several, Silent(1)]
    options: Annotated[Options, Silent(())]


@frozen
class Host:
    """A kind of machine, how many runs it takes at once, and how many devices each of them has."""

    name: str
    device: str
    system: str
    slots: int
    threads: int
    devices: Annotated[Several, Silent(1)]
    """
    That a run has on each of its nodes, unless its stage says otherwise: of a GPU host GPUs, of a processor host
    processes that train together.
    """
    nodes: Annotated[Several, Silent(1)]
    """Machines that a run has at once."""
    price: Price | None
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
        return Machine(self.device, self.system, self.threads, self.devices, self.nodes, options)

    @property
    def room(self) -> int:
        """Devices of it that a study uses at once, counted on one of the nodes of a run: those of all its slots."""
        return self.slots * self.devices

    def at_once(self, devices: int) -> int:
        """Runs that fit at once where each has so many devices: never more than its slots; 0 where not one fits."""
        return min(self.slots, self.room // devices)

    @property
    def said(self) -> Options:
        """What its executor is told."""
        return tuple((one.name, one.value) for one in self.options)
