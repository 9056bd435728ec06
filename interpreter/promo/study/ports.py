"""
What the check asks of the world outside the text: runners and files.

A runner describes itself here without its training library: its factors, its metrics, and what a condition
really trains.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from fractions import Fraction
from typing import Protocol

from promo.base.classes import frozen
from promo.base.diagnostics import Diagnostic
from promo.base.source import Source
from promo.study.given import Level
from promo.study.values import BudgetKind, Effective, Study


@frozen
class RunnerFactor:
    """A knob of a runner: unit, default, and the values it can take (*choices*, or numbers between the bounds)."""

    unit: str
    default: Level
    low: Fraction | None = None
    high: Fraction | None = None
    whole: bool = False
    choices: tuple[str, ...] = ()
    meaning: str = ""
    declared: bool = False
    """It is the text's own: its runner takes any factor, and has no default for it."""


@frozen
class RunnerMetric:
    """A number a runner measures."""

    unit: str
    lower_is_better: bool
    meaning: str = ""


class ConditionError(ValueError):
    """A condition that the runner cannot build; *factor* is the knob to turn."""

    def __init__(self, factor: str, message: str, hint: str = "") -> None:
        self.factor, self.message, self.hint = factor, message, hint
        super().__init__(message)


class Runner(Protocol):
    """What a runner says of itself before anything is trained."""

    @property
    def name(self) -> str:
        """The name a spec uses."""

    @property
    def version(self) -> int:
        """Raised whenever the same request may give another result."""

    @property
    def factors(self) -> Mapping[str, RunnerFactor]:
        """Its knobs."""

    @property
    def metrics(self) -> Mapping[str, RunnerMetric]:
        """What it measures; none for a runner that measures whatever the study names."""

    @property
    def trainer(self) -> str:
        """Where its trainer is, as `module:function`; imported in worker processes only.  Empty: it trains nothing."""

    @property
    def needs_modules(self) -> tuple[str, ...]:
        """What its trainer imports, so that its absence is noticed before anything starts."""

    @property
    def budgets(self) -> tuple[BudgetKind, ...]:
        """Kinds of budgets that its trainer keeps to."""

    @property
    def can_continue(self) -> bool:
        """Whether its trainer can carry a trained run on."""

    @property
    def needs_data(self) -> bool:
        """Whether a spec must say what is trained on."""

    def resolve(self, levels: Mapping[str, Level]) -> Effective:
        """
        What a condition trains; every factor of the runner has a level.

        Raises:
            ConditionError: no model can be built from it.
        """


def shapes_of(runner: Runner) -> Mapping[str, tuple[str, ...]]:
    """
    Factors that a runner can change during a run, each with the ways in which a trained model takes its new level.

    No way is needed where no weights change.  A runner whose declaration has no `shapes` changes nothing.
    """
    found: Mapping[str, tuple[str, ...]] = getattr(runner, "shapes", {})
    return found


@frozen
class RunnerInFile:
    """A runner that a file declares."""

    runner: Runner
    digest: str
    """Of the file and all that it names."""
    not_frozen: tuple[str, ...]
    """Words of its command line that start what that digest does not cover."""
    keyed: tuple[str, ...] = ()
    """Files with what looks like a key."""


class OptionKind(Enum):
    """What the value of an executor's option is."""

    TEXT = "text"
    COUNT = "count"
    TIME = "time"


WORD = r"[A-Za-z0-9_.:,=@+-]{1,200}"


def no_fault(text: str) -> str:
    """Nothing is wrong with any text of its form."""
    del text
    return ""


@frozen
class ExecutorOption:
    """What a host's block may say to an executor; *form*: what a text has to match as a whole, a regular expression."""

    kind: OptionKind
    example: str
    """As one would write it in a spec."""
    meaning: str
    moves: bool = False
    """Whether it may move a score; then it is part of what is sealed."""
    form: str = WORD
    fixed: Callable[[Level], int | None] | None = None
    """
    Of an option that asks for GPUs and the like, in place of what `devices` would: how many on each node a value asks
    for whatever a run has; None where it asks for none, or for as many as the run has.
    """
    places: tuple[str, ...] = ()
    """
    Of `devices` and `nodes`, those that an engine is told of by this text alone, where it has them in braces.
    """
    needed: bool = False
    """Whether nothing can be started without it."""
    fault: Callable[[str], str] = no_fault
    """What is wrong with a text that has its form, behind the name of the option; empty where nothing is."""


DEVICES, NODES = "devices", "nodes"
"""What of a run's size a text of an option may have in braces."""


class World(Protocol):
    """The outside of a spec."""

    def runner(self, name: str) -> Runner | None:
        """The installed runner of that name."""

    def runner_names(self) -> tuple[str, ...]:
        """All installed runners."""

    def knows_executor(self, name: str) -> bool:
        """Whether an executor of that name is installed."""

    def executor_names(self) -> tuple[str, ...]:
        """All installed executors."""

    def executor_options(self, name: str) -> "Mapping[str, ExecutorOption] | None":
        """What a host's block may say to an executor; None when none of that name is installed."""

    def executor_spreads(self, name: str) -> bool:
        """Whether one of its runs can have several machines; of one that is not installed nobody knows it isn't so."""

    def runner_file(self, path: str) -> "RunnerInFile | str":
        """The runner that a file beside the spec declares; or what is wrong."""

    def load(self, path: str) -> "tuple[Source, Study | None, tuple[Diagnostic, ...]] | str":
        """Another spec, relative to this one, through the check; or why it cannot be read."""
