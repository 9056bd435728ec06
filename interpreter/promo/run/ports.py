"""What running asks of an executor, which may be any package's (nothing here is changed to add one), and of a host."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from promo.run.values import AttemptSpec, Stand
from promo.study.given import Options
from promo.study.ports import ExecutorOption


class Executor(Protocol):
    """
    Starts attempts somewhere.

    An executor never retries, and what it says is a hint: whether an attempt has a result is read from its folder, and
    how long it took its device from what the supervisor there wrote.
    """

    here: ClassVar[bool]
    """Whether attempts run on the machine that promo runs on: then devices are looked for and leased here."""
    spreads: ClassVar[bool]
    """Whether it can give a run several machines: then a host's block may say `nodes`.  Left out, it cannot."""
    options: ClassVar[Mapping[str, ExecutorOption]]
    """What a host's block may say to it: `option NAME = VALUE`."""

    def name(self, folder: Path) -> str | None:
        """
        A name that no other job has or had, for the attempt of a folder; None where there is no queue.

        It is recorded before the attempt is started, so that it can be looked up whatever happens then.
        """

    def start(self, attempt: AttemptSpec) -> object:
        """
        Start an attempt whose folder holds its request.

        Raises:
            PromoError: it was refused for good, as any other of this host would be.
        """

    def prepare(self, handle: Any) -> None:
        """
        While this attempt goes on, make ready for the next one in its place, without touching its device.

        An executor that cannot does nothing.
        """

    def find(self, folder: Path, job: str | None, options: Options) -> object | None:
        """
        A handle of an attempt that an earlier promo started and that may still go on.

        None only if it does not: then it is given up, and whoever was asked to begin it and has not must not any more.
        What is not known is no such thing; a handle then stands at `Phase.UNKNOWN` until something is.
        """

    def look(self, handles: Sequence[Any]) -> Sequence[Stand]:
        """
        Where each of these attempts stands, in their order: all that it has in hand.

        It is asked as often as promo likes, and asks its own engine no more often than that bears.
        """

    def cancel(self, handles: Sequence[Any]) -> Sequence[Any] | None:
        """
        End them and everything they started; returns when they are gone, or can no longer begin.

        Those that may go on all the same, for their engine has not said that they ended; None if there are none.
        """

    def close(self) -> None:
        """Nothing more will be started: clear up what was made ready."""


@runtime_checkable
class Gathering(Protocol):
    """An executor that is better asked for many attempts at once than for one after the other."""

    def start_all(self, attempts: Sequence[AttemptSpec]) -> Sequence[object]:
        """
        Start attempts that became due together; their handles, in their order.

        Raises:
            PromoError: one was refused for good; those that were started by then are found by their names.
        """


@runtime_checkable
class Telling(Protocol):
    """An executor that comes upon what whoever runs a study ought to know."""

    def news(self) -> Sequence[str]:
        """What came up since it was last asked, a line each."""


class Place(Protocol):
    """A host as the orchestrator reaches it: its executor, and how a worker there is started."""

    @property
    def executor(self) -> Executor:
        """Starts attempts on this host."""

    @property
    def slots(self) -> int:
        """Runs at once, at the most."""

    @property
    def room(self) -> int:
        """Devices at once, at the most, by their numbers from 0; what a run has of them is its stage's to say."""

    @property
    def options(self) -> Options:
        """What its block says to the executor."""

    @property
    def outside(self) -> bool:
        """Whether somebody else's system trains what runs on this host: nothing here waits for that, or ends it."""

    @property
    def ahead(self) -> bool:
        """Whether the next worker may be started while one trains, because processor time is to spare."""

    def devices(self, held: Sequence[int]) -> str | None:
        """The devices of these numbers by their lasting names, between commas; None for processors."""

    def is_free(self, number: int) -> bool:
        """Whether no other study of this machine has the device of that number."""

    def co_tenants(self, devices: str | None) -> tuple[str, ...]:
        """Who computes there besides this study: programs on those devices, or studies on processors."""

    def environment(self, devices: str | None) -> Mapping[str, str]:
        """Environment of a worker on those devices."""
