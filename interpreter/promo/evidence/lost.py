"""Observed runs to what has to be said before anything is estimated: runs that are lost, and conditions that repeat."""

from collections.abc import Iterable

from promo.evidence.observed import Levels, Observed
from promo.evidence.statements import CellEmpty, RunsLost, SameCondition, Statement


def said_of_runs(seen: Observed) -> Iterable[Statement]:
    """Of every host how many runs have no value, and the cells without any."""
    lacking = {cell: len(gone) for gone, cells in seen.patterns.items() for cell in cells}
    for host in dict.fromkeys(host for host, _ in seen.cells) if seen.names else ():
        cells = [cell for cell, one in enumerate(seen.cells) if one[0] == host]
        planned, lost = len(seen.names) * len(cells), sum(lacking[cell] for cell in cells)
        if lost:
            yield RunsLost(host, lost, planned)
    for cell, (host, seed) in enumerate(seen.cells) if seen.names else ():
        if lacking[cell] == len(seen.names):
            yield CellEmpty(host, seed)


def said_of_rows(corners: Observed) -> Iterable[Statement]:
    """Candidates that are one condition."""
    named: dict[Levels, list[str]] = {}
    for candidate, row in zip(corners.names, corners.rows, strict=True):
        named.setdefault(row, []).append(candidate)
    for same in named.values():
        if len(same) > 1:
            yield SameCondition(tuple(same))
