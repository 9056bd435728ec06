"""
Evidence: the candidate-by-cell table that a gate or rule reads.

A cell either has a value, as the exact decimal text that the worker wrote, or says why it has none.
"""

from collections.abc import Mapping

from attrs import frozen

from promo.base.canonical import Json, digest

OK = "ok"
FLAGGED = "flagged"


@frozen
class Cell:
    """One candidate on one host with one seed."""

    host: str
    seed: int
    run: str
    status: str
    """`ok`, or how its last attempt ended."""
    value: str | None
    attempt: int | None
    envelope: str | None
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

    stage: str
    metric: str
    cells: tuple[tuple[str, int], ...]
    rows: tuple[Row, ...]
    """Sorted by candidate, so that the order of arrival leaves no trace."""

    def row(self, candidate: str) -> Row | None:
        """A candidate's row; None when it did not enter the stage."""
        return next((row for row in self.rows if row.candidate == candidate), None)

    @property
    def digest(self) -> str:
        """Digest of the canonical form."""
        return digest(evidence_to_json(self))


def evidence_to_json(evidence: Evidence) -> dict[str, Json]:
    """The evidence as stored."""
    return {
        "promo_evidence": 1,
        "stage": evidence.stage,
        "metric": evidence.metric,
        "cells": [[host, seed] for host, seed in evidence.cells],
        "rows": {row.candidate: [_cell(cell) for cell in row.cells] for row in evidence.rows},
    }


def _cell(cell: Cell) -> Mapping[str, Json]:
    return {
        "host": cell.host,
        "seed": cell.seed,
        "run": cell.run,
        "status": cell.status,
        "value": cell.value,
        "attempt": cell.attempt,
        "envelope": cell.envelope,
        "cause": cell.cause,
    }
