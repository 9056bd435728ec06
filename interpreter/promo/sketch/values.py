"""A training script as far as its source tells, and the study that is drafted for it."""

import re
from collections.abc import Mapping
from enum import Enum

from promo.base.classes import frozen

Value = int | float | str


SEEDS = re.compile(r"(random_|rng_|manual_|global_|train_)?seed|random_state")
"""Names of a setting that starts the random numbers."""


class SketchError(ValueError):
    """No study can be drafted from a script; the message says why, *hint* what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(message)


class Way(Enum):
    """How a script takes its settings."""

    ARGUMENTS = "arguments"
    CONSTANTS = "constants"


class Kind(Enum):
    """What a setting may be."""

    WHOLE = "whole"
    NUMBER = "number"
    CHOICE = "choice"
    TEXT = "text"


@frozen
class Knob:
    """A setting of a script: an argument of its command line, or a constant at its top."""

    name: str
    """As a name of promo: `batch_size`."""
    word: str
    """As the script says it: `--batch-size`, `BATCH_SIZE`, `optim.lr=`; of an argument without dashes its name."""
    way: Way
    kind: Kind
    default: Value | None
    line: int
    choices: tuple[str, ...] = ()
    low: Value | None = None
    high: Value | None = None
    required: bool = False
    meaning: str = ""
    before: bool = False
    """Whether it stands before the subcommand."""
    follows: frozenset[str] = frozenset()
    """Constants that its default is computed from, directly or through others, by the script's words."""

    @property
    def is_positional(self) -> bool:
        """Whether its place on the command line says what it is."""
        return self.way is Way.ARGUMENTS and not self.word.startswith("-") and not self.word.endswith("=")

    @property
    def shown(self) -> str:
        """The word as a sentence has it."""
        return self.word.removesuffix("=")


@frozen
class Every:
    """That something happens only where a remainder is zero: `step % 100 == 0`."""

    counter: str
    """What is counted, as source."""
    by: str
    """By what it is divided, as source."""
    from_zero: bool
    """Whether it counts from 0, so that the first time is before any training."""


@frozen
class Printed:
    """A number that a script prints behind a name."""

    key: str
    separator: str
    expression: str
    """What is printed there, as source."""
    line: int
    alone: bool
    """Whether name and number are all of their line."""
    plain: bool = True
    """Whether the number is one that is read: no comma, no percent sign, nothing that touches it."""
    before: str = ""
    """What its line says before the name, where there is more of it."""
    every: tuple[Every, ...] = ()
    """How often it is printed, as far as the source around it says."""


@frozen
class Script:
    """What the source of a script tells; nothing of it was run or imported."""

    file: str
    command: str
    """The subcommand that trains; empty where it has none."""
    knobs: tuple[Knob, ...]
    unread: Mapping[str, str]
    """Setting that no factor can be -> why."""
    module_knobs: tuple[Knob, ...]
    """Constants of its own modules, by the file and the name: `prepare.py/TIME_BUDGET`."""
    seeded: tuple[str, ...]
    """Functions that it seeds with a number written there."""
    seeds: frozenset[str]
    """Names whose value it hands to what takes a seed."""
    printed: tuple[Printed, ...]
    files: tuple[str, ...]
    """Modules and small texts beside it that it uses."""
    elsewhere: tuple[str, ...]
    """What it names beside it that is no small text: folders, binary and large files."""
    in_nats: bool
    """Whether it computes a cross-entropy, or another loss by logarithms."""
    modules: tuple[str, ...]
    """Packages that it cannot start without."""
    variables: tuple[str, ...]
    """Variables of the environment that it cannot start without."""


@frozen
class Wish:
    """What the user says, where the source leaves something open; empty: as promo guesses."""

    metric: str = ""
    better: str = ""
    vary: str = ""
    levels: tuple[str, ...] = ()
    takes: str = "10min"
    given: Mapping[str, str] = {}
    """Setting -> its value in every run, or its default if it is a factor."""


@frozen
class Draft:
    """Everything that the two files say."""

    name: str
    """Of the files, without an ending."""
    script: Script
    metric: str
    unit: str
    lower_is_better: bool
    printed: Printed
    factors: tuple[Knob, ...]
    varied: Knob
    levels: tuple[Value, ...]
    """Values of the varied factor, the default first."""
    duration: Knob | None
    """The setting that says for how long it trains; None: it trains as long as it does."""
    seconds: bool
    """Whether that is counted in seconds."""
    own: int
    """For how long it trains by itself."""
    whole: int
    """What the long stage asks for: that, or more where the short one has all of it already."""
    short: int
    """What the short stage asks for: about a fifth of what is its own, or more."""
    seed: Knob | None
    device: Knob | None
    fixed: Mapping[str, str]
    """Word of a setting -> what it is in every run."""
    takes: str
