"""
Results to evidence.

Values are read from the result files themselves, never from the ledger's copies; a file whose digest is not the one
the ledger recorded when it accepted the result stops everything.
"""

from collections.abc import Callable, Iterable

from promo.base.errors import Mismatch
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.ledger.state import Attempt, State
from promo.plan.values import StagePlan
from promo.run.values import Result


def collect(
    stage: StagePlan, entrants: Iterable[str], metric: str, state: State, read: Callable[[Attempt], Result]
) -> Evidence:
    """
    The evidence of a stage whose runs have all ended.

    Args:
        stage: the planned stage.
        entrants: candidates that really entered it.
        metric: the study's metric.
        state: what the ledger says of every run.
        read: reads the result of an attempt from its folder.

    Raises:
        Mismatch: an accepted result is not the file that was accepted.
    """
    wanted = set(entrants)
    runs = {(run.candidate, run.host, run.seed): run.id for run in stage.runs if run.candidate in wanted}
    cells = tuple((host, seed) for seed in stage.seeds for host in stage.hosts)
    rows = []
    for candidate in sorted(wanted):
        found = (_cell(host, seed, runs[candidate, host, seed], metric, state, read) for host, seed in cells)
        rows.append(Row(candidate, tuple(found)))
    return Evidence(stage.name, metric, cells, tuple(rows))


def _cell(host: str, seed: int, run: str, metric: str, state: State, read: Callable[[Attempt], Result]) -> Cell:
    accepted = state.accepted(run)
    if accepted is None:
        tried = state.attempts.get(run, [])
        last = tried[-1] if tried else None
        if last is None:
            return Cell(host, seed, run, CellStatus.NOT_RUN, None, None, None)
        return Cell(host, seed, run, CellStatus(last.ending), None, last.number, last.envelope, last.cause)
    result = read(accepted)
    if result.digest is None:
        message = f"the result in {accepted.folder} is gone, or is no sound result any more"
        raise Mismatch(message, hint="restore the file from a copy of the study")
    if result.digest != accepted.envelope:
        raise Mismatch(
            f"the result in {accepted.folder} is not the one that was accepted",
            hint="restore the file from a copy of the study",
        )
    return Cell(host, seed, run, CellStatus.OK, result.metrics.get(metric), accepted.number, accepted.envelope)
