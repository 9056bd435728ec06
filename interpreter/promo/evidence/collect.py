"""Results to evidence: one value a cell, from the run whose result counts."""

from collections.abc import Callable, Iterable

from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.ledger.state import Attempt, State
from promo.plans.values import StagePlan


def collect(
    stage: StagePlan, entrants: Iterable[str], metric: str, state: State, value_of: Callable[[Attempt], str | None]
) -> Evidence:
    """The evidence of a stage whose runs have all ended."""
    wanted = set(entrants)
    runs = {(run.candidate, run.host, run.seed): run.id for run in stage.runs if run.candidate in wanted}
    cells = tuple((host, seed) for seed in stage.seeds for host in stage.hosts)
    rows = []
    for candidate in sorted(wanted):
        found = (_cell(host, seed, runs[candidate, host, seed], state, value_of) for host, seed in cells)
        rows.append(Row(candidate, tuple(found)))
    return Evidence(stage.name, metric, cells, tuple(rows))


def _cell(host: str, seed: int, run: str, state: State, value_of: Callable[[Attempt], str | None]) -> Cell:
    accepted = state.accepted(run)
    if accepted is None:
        tried = state.attempts.get(run, [])
        last = tried[-1] if tried else None
        if last is None:
            return Cell(host, seed, run, CellStatus.NOT_RUN, None, None, None)
        return Cell(host, seed, run, CellStatus(last.ending), None, last.number, last.envelope, last.cause)
    return Cell(host, seed, run, CellStatus.OK, value_of(accepted), accepted.number, accepted.envelope)
