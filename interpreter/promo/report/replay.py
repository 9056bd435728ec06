"""What a replay says of itself, wherever a study is shown: nothing was trained."""

from collections.abc import Iterable
from fractions import Fraction

from promo.base.canonical import from_exact, rounded
from promo.decision.agenda import in_force
from promo.ledger.state import State
from promo.report.record import Record
from promo.report.words import plural
from promo.run.values import OWN_FAULT


def replay_line(state: State) -> str:
    """One line for headers and status; empty for a study that trains."""
    said = state.frozen.replay if state.frozen else None
    if said is None:
        return ""
    between = "; values between points are interpolated linearly" if said.interpolate else ""
    return f"replay of recorded curves ({said.table}, sha256:{said.digest[:12]}): nothing was trained{between}"


def replay_limits(record: Record) -> Iterable[str]:
    """What a reader must not conclude from a replay."""
    said = record.state.frozen.replay if record.state.frozen else None
    assert said is not None
    yield (
        "Nothing was trained here: the values were recorded elsewhere, and nothing in this folder shows who trained "
        "what, on which machine, or whether the table holds every run that was made."
    )
    yield (
        "The rules were sealed after the curves were recorded, so the seal of a replay cannot show that the outcome "
        "was unknown."
    )
    yield (
        "A value at a short budget is an intermediate point of the recorded run, with that run's schedule; stages "
        "that read the same runs are not independent of each other."
    )
    if said.seeds_by == "order":
        yield "Seeds of the spec stand for recorded runs in the order of their labels; they seeded nothing."
    if said.interpolate:
        yield "Values between two recorded points were interpolated linearly; none of them was measured."
    if said.empty:
        yield f"For {plural(said.empty, 'cell')} of candidate, host and seed no run is recorded."
    yield from _not_repeated(record)
    yield from _short(record)


def _not_repeated(record: Record) -> Iterable[str]:
    """Reruns that a clause asked for and the table does not have."""
    state, study = record.state, in_force(record.study, record.state)
    for stage in record.plan.stages:
        allowed = study.allowance_at(stage.name)
        bad = [run.id for run in stage.runs if run.id in state.attempts and state.accepted(run.id) is None]
        count = 0
        for run in bad:
            crashes, flagged = state.failures(run, OWN_FAULT), state.flagged(run)
            others = state.failures(run) - crashes
            count += flagged <= allowed.guard if flagged else others <= allowed.missing and crashes <= allowed.crash
        if count:
            yield (
                f"At {stage.name}, {plural(count, 'run')} would have been tried again, but the table holds no "
                f"further run of their cells, so the last failure was handled at once."
            )


def _short(record: Record) -> Iterable[str]:
    """How far before their budgets points lie that were read."""
    for stage in record.plan.stages:
        amount = record.study.stages[stage.name].budget.amount
        used = [_used(record, run.id) for run in stage.runs]
        short = [amount - one for one in used if one is not None and one < amount]
        if short:
            share = rounded(100 * max(short) / amount, 1)
            yield f"At {stage.name}, points were read that lie before the budget, by up to {share}% of it."


def _used(record: Record, run: str) -> Fraction | None:
    accepted = record.state.accepted(run)
    if accepted is None:
        return None
    result = record.results.get((run, accepted.number))
    used = result.body.used if result and result.body else None
    return None if used is None else from_exact(used.used)
