"""
Evidence: the candidate-by-cell table that a gate or rule reads.

A cell either has a value, as the exact decimal text that the worker wrote, or says why it has none.
"""

from enum import Enum
from functools import cached_property
from typing import ClassVar

from promo.base.classes import frozen
from promo.base.codec import value_digest
from promo.base.fields import Count, Digest, Measured
from promo.ledger.values import OWN_FAULT


class CellStatus(Enum):
    """Whether a cell has a value, or why it has none."""

    OK = "ok"
    NAN = "nan"
    DIVERGED = "diverged"
    OOM = "oom"
    TIMEOUT = "timeout"
    KILLED = "killed"
    CRASH = "crash"
    INVALID = "invalid"
    FLAGGED = "flagged"
    """It had one, and a guard set it aside."""
    LOST = "lost"
    """Nobody saw the end of its last attempt."""
    RUNNING = "running"
    NOT_RUN = "not run"

    @property
    def own_fault(self) -> bool:
        """Whether its run failed by its own fault, as it would on any machine."""
        return self.value in {one.value for one in OWN_FAULT}


@frozen
class Cell:
    """One candidate on one host with one seed."""

    host: str
    seed: int
    run: str
    status: CellStatus
    """How its last attempt ended, where none counts."""
    value: Measured | None
    attempt: Count | None
    envelope: Digest | None
    """Digest of the result file that the value was read from."""
    cause: str = ""


@frozen
class Row:
    """A candidate's cells, in the order of the stage's cells."""

    candidate: str
    cells: tuple[Cell, ...]

    @property
    def missing(self) -> tuple[Cell, ...]:
        """Cells without a value."""
        return tuple(cell for cell in self.cells if cell.value is None)


@frozen
class Evidence:
    """What is known after a stage."""

    FORM: ClassVar = ("promo_evidence", 2)

    stage: str
    metric: str
    cells: tuple[tuple[str, int], ...]
    rows: tuple[Row, ...]
    """Sorted by candidate, so that the order of arrival leaves no trace."""

    def row(self, candidate: str) -> Row | None:
        """A candidate's row; None when it did not enter the stage."""
        return next((row for row in self.rows if row.candidate == candidate), None)

    @cached_property
    def digest(self) -> str:
        """Digest of its stored form."""
        return value_digest(self)
