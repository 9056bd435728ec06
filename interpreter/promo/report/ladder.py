"""The ladder: who stood where at each stage and whom its gates let on, as a picture and in numbers."""

from collections.abc import Sequence
from fractions import Fraction

from attrs import frozen

from promo.base.canonical import from_exact
from promo.evidence.values import Evidence
from promo.plan.values import StagePlan
from promo.report.amounts import budget_text
from promo.report.flows import Rung, ladder_svg
from promo.report.plan import amount_text, amount_unit
from promo.report.record import Record
from promo.report.words import NONE, listed, number

MOST = 40
"""Candidates that one stage of the picture names."""


@frozen
class LadderView:
    """The ladder."""

    picture: str
    """SVG; empty before any stage has ended."""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Candidate, and what it was and became at each stage."""


def ranked(record: Record, stage: str) -> list[str]:
    """Candidates of a stage by their mean, best first; those without a value last."""
    evidence = record.evidence.get(stage)
    if evidence is None:
        return []
    means = {row.candidate: mean(evidence, row.candidate) for row in evidence.rows}
    way = record.study.measure.sign

    def key(name: str) -> tuple[bool, Fraction, str]:
        value = means[name]
        return value is None, way * (value or Fraction(0)), name

    return sorted(means, key=key)


def mean(evidence: Evidence, candidate: str) -> Fraction | None:
    """Mean over the cells of a candidate that have a value."""
    row = evidence.row(candidate)
    values = [from_exact(cell.value) for cell in row.cells if cell.value is not None] if row else []
    return sum(values, Fraction(0)) / len(values) if values else None


def ladder_view(record: Record) -> LadderView:
    """The ladder of a study as far as it has come."""
    shown = [stage for stage in record.plan.stages if stage.name in record.evidence]
    if not shown:
        return LadderView("", (), ())
    orders = {stage.name: ranked(record, stage.name) for stage in shown}
    on = {stage.name: _let_on(record, stage.name) for stage in shown}
    rungs = [_rung(record, stage, shown, orders[stage.name], on[stage.name]) for stage in shown]
    words = "; ".join(f"{name}: {listed(order[:MOST])}" for name, order in orders.items())
    names = [name for name in record.candidates if any(name in order for order in orders.values())]
    return LadderView(
        picture=ladder_svg(rungs, record.candidates, f"Candidates by rank at each stage, best first. {words}"),
        columns=("candidate", *(stage.name for stage in shown)),
        rows=tuple(
            (name, *(_place(record, stage.name, name, orders[stage.name], on[stage.name]) for stage in shown))
            for name in names
        ),
    )


def _let_on(record: Record, stage: str) -> frozenset[str] | None:
    """Whom the gates behind a stage let on; None when none has decided."""
    decided = [gate.name for gate in record.study.gates_from(stage) if gate.name in record.decisions]
    return frozenset(name for gate in decided for name in record.state.promoted(gate)) if decided else None


def _rung(
    record: Record, stage: StagePlan, shown: Sequence[StagePlan], order: Sequence[str], on: frozenset[str] | None
) -> Rung:
    place = {one.name: index for index, one in enumerate(shown)}
    number_of = {name: index for index, name in enumerate(record.candidates)}
    decided = [gate for gate in record.study.gates_from(stage.name) if gate.name in record.decisions]
    targets = [place[gate.target] for gate in decided if gate.target in place]
    named = [name for name in order if name in (on or ())][:MOST]
    named = sorted({*named, *order[: MOST - len(named)]}, key=order.index)
    share = Fraction(stage.budget_s, max(record.plan.budget_s, 1)) / max(len(order), 1)
    amount = amount_text(stage.budget_s, record.plan)
    return Rung(
        title=stage.name,
        subtitle=f"{budget_text(stage.budget)} a run\n{amount} {amount_unit(record.plan)}",
        order=tuple(number_of[name] for name in named),
        more=len(order) - len(named),
        goes_on=frozenset(number_of[name] for name in on or ()),
        decided=on is not None,
        target=targets[-1] if targets else None,
        weight=float(share),
    )


def _place(record: Record, stage: str, name: str, order: Sequence[str], on: frozenset[str] | None) -> str:
    if name not in order:
        return NONE
    decided = [record.decisions[gate.name] for gate in record.study.gates_from(stage) if gate.name in record.decisions]
    rankings = (one.ranking for one in decided if one.ranking is not None)
    entered = any(standing.candidate == name for ranking in rankings for standing in ranking.standings)
    fate = "" if on is None or not entered else ", promoted" if name in on else ", dropped"
    value = mean(record.evidence[stage], name)
    return f"{order.index(name) + 1} ({NONE if value is None else number(str(value))}){fate}"
