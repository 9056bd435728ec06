"""
What a recorded table is made of: a sheet of texts, the curves in it, and what is wrong with it.

Numbers are exact: the decimal text of a cell becomes a rational, and nothing is rounded on the way to a gate.
"""

from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from typing import Annotated, ClassVar

from promo.base.classes import frozen
from promo.base.fields import Form, Large


class Column(Enum):
    """What a column of a table says about a point."""

    CONFIG = "config"
    """Which condition was trained; it is matched with the spec's candidates."""
    RUN = "run"
    """Tells runs apart; without it a run is one config, host and seed."""
    SEED = "seed"
    HOST = "host"
    ATTEMPT = "attempt"
    """Counts the runs of one config, host and seed; without it there is one."""
    STEP = "step"
    SECONDS = "seconds"
    """Training time from the start of the run."""
    TOKENS = "tokens"
    VALUE = "value"
    """The measure at that point."""
    STATUS = "status"
    """How the run ended; read only when it is named."""


COORDINATES = (Column.STEP, Column.SECONDS, Column.TOKENS)
"""Columns that say how far a run had come; they rise along a run."""

OK = "ok"
STATUSES = (OK, "nan", "diverged", "oom", "timeout", "killed", "crash")
"""What a status column may say: the statuses of a run."""


@frozen
class Fault:
    """Something wrong with a table; *row* 0 means the table as a whole."""

    row: int
    message: str


@frozen
class Sheet:
    """A table as texts: *rows* are (row number in the file, column -> text), the header is row 1."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, str]], ...]
    faults: tuple[Fault, ...] = ()
    """Rows that do not fit under the header."""


@frozen
class Point:
    """A measured point: how far the run had come, and the measure there."""

    row: int
    at: Mapping[Column, Fraction]
    """Steps, seconds and tokens, as far as the table has them."""
    value: Fraction


@frozen
class Curve:
    """One recorded run; *seed* and *host* are the table's own labels, empty where it has none."""

    config: str
    host: str
    seed: str
    run: str
    points: tuple[Point, ...]
    attempt: str = ""
    """Which run of its config, host and seed it is."""
    status: str = OK
    row: int = 0
    """Its last row."""


@frozen
class Reading:
    """What a budget reaches on a curve."""

    value: Fraction
    used: Fraction
    """How far that point lies along the run, in the budget's unit; never beyond the budget."""
    at: Mapping[Column, Fraction]
    rows: tuple[int, ...]
    """The row that was read, or the two rows between which the value was interpolated."""
    points: tuple[Point, ...]
    """The curve as far as the budget reaches."""


Layout = Annotated[str, Form("layout of a table", "table|autoresearch|wandb|mlflow|optuna")]
SeedsBy = Annotated[str, Form("way to find seeds", "label|order|auto")]


@frozen
class Settings:
    """
    How a table is read, as it was asked for; the study keeps it.

    *columns* and *units* hold what was named; *candidates*, *hosts* and *seeds* lead from the spec's names to the
    table's labels.
    """

    layout: Layout = "table"
    columns: Mapping[Column, str] = {}
    units: Mapping[Column, str] = {}
    candidates: Mapping[str, str] = {}
    hosts: Mapping[str, str] = {}
    seeds: Mapping[Large, str] = {}
    seeds_by: SeedsBy = "auto"
    """`label`, `order`, or `auto`: labels where the table has every seed of the spec, else order."""
    interpolate: bool = False


@frozen
class TableUse:
    """What a study keeps of a table besides its bytes: its file's name, and how it is read."""

    FORM: ClassVar = ("promo_curves", 1)

    table: str
    settings: Settings
