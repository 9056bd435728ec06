"""
A program that trains, as the file of its runner describes it: it goes into every request, and nothing else of the file.

What is declared here is carried out by `promo.run.runners.files`.  Names of files begin at the folder of the runner
file.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, ClassVar

from promo.base.canonical import SAFE_INTEGER
from promo.base.classes import frozen
from promo.base.fields import Digest, Form, Range, Silent
from promo.ledger.attempts import RunStatus

OUTPUT_BYTES = 4_000_000
"""How much of what a run prints is kept, where nothing else is declared: its beginning and its end."""
LONGEST_FILE = 4_000_000
"""Bytes of a runner file, and of a program's file."""
STEP = "{step}"
"""What stands for a number in the name of a state."""
Literal = int | float | str
"""What a constant of a script becomes, and what is filled into an argument."""


class Which(Enum):
    """Which value counts of several that a program prints under one name; unless it is said, several are none."""

    FIRST = "first"
    LAST = "last"
    LOWEST = "lowest"
    HIGHEST = "highest"


@frozen
class Summary:
    """How values are read from lines that a program prints: a name, a separator, a value."""

    after: str
    """The summary stands behind the last line that is this; empty: anywhere."""
    separator: str
    within: bool
    """Whether name and value may stand anywhere in a line, as in `step 100 | val_loss: 2.31 | 3.2 s`."""
    which: Which | None
    metrics: Mapping[str, str]
    """Metric -> what it is called there."""
    figures: Mapping[str, str]
    """`train_s`, `steps`, `tokens` or `peak_device_bytes` -> what it is called, perhaps with a factor: `M * 1e6`."""
    failures: Mapping[str, RunStatus]
    """A line that is printed -> how the run has ended then."""


@frozen
class Function:
    """A Python function under promo's decorator."""

    TAG: ClassVar = "function"

    file: str
    name: str


@frozen
class Command:
    """A program that is started with arguments, in which names in braces are filled in."""

    TAG: ClassVar = "command"

    argv: tuple[str, ...]
    once: Annotated[bool, Silent(False)] = False
    """Whether it starts a process for each of its devices itself, as `torchrun` does; otherwise promo does."""


@frozen
class Script:
    """A Python script in which constants and first arguments of calls are replaced before it is started."""

    TAG: ClassVar = "script"

    argv: tuple[str, ...]
    file: str
    constants: Mapping[str, str]
    """Top-level name, perhaps behind `FILE/`, -> what it becomes."""
    calls: Mapping[str, str]
    """Dotted function, perhaps behind `FILE/`, -> what its first argument becomes."""
    once: Annotated[bool, Silent(False)] = False

    def by_file(self) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
        """Constants and calls by the file they stand in; `prepare.py/NAME` names another file than the script."""
        found: dict[str, tuple[dict[str, str], dict[str, str]]] = {self.file: ({}, {})}
        for place, part in enumerate((self.constants, self.calls)):
            for name, value in part.items():
                file, _, inner = name.rpartition("/")
                found.setdefault(file or self.file, ({}, {}))[place][inner] = value
        return found


@frozen
class States:
    """Where a program keeps its states, how it goes on from one, and which are kept."""

    path: Annotated[str, Form("name of a state", r"(?!/)(?!(.*/)?\.{1,2}(/|$))[!-\[\]-~ ]{1,512}", longest=512)]
    """Below the folder that it runs in; `{step}` stands for how far it had come."""
    resume: tuple[str, ...]
    """Further arguments by which it goes on from `{state}`."""
    keep: Annotated[int, Range(1, 99)]
    largest: Annotated[int, Range(1, SAFE_INTEGER)]
    """Bytes of one; a larger one is not kept."""
    restarts: tuple[str, ...]
    """Figures that it counts anew when it goes on; all others go on where they were."""


@frozen
class Program:
    """What is started, with which files, and how its values are read."""

    does: Function | Command | Script
    files: Mapping[str, Digest]
    """Every file that is put into the folder of a run before it begins."""
    summary: Summary | None
    """None: it writes a result file, or returns what it found."""
    environment: tuple[str, ...]
    """Variables of promo's environment that it gets as well."""
    output_bytes: Annotated[int, Range(1_000, 10**9)]
    state: Annotated[States | None, Silent(None)] = None
    """None: it keeps none, or none that another process could go on from."""
