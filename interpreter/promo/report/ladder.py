"""The ladder: who stood where at each stage and whom its gates let on, as a picture and in numbers."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from promo.base.canonical import exact_sum, from_exact
from promo.base.classes import frozen
from promo.evidence.values import Evidence
from promo.plans.values import StagePlan
from promo.report.amounts import a_run_words, cap_words
from promo.report.flows import BROKEN, Rung, ladder_svgs
from promo.report.plan import device_words
from promo.report.record import Record
from promo.report.words import NONE, listed, number, short_number

MOST = 40
"""Candidates that one stage of the picture names."""


@frozen
class LadderView:
    """The ladder."""

    picture: str
    """SVG of the stages that gates join; empty before any of them has ended."""
    broken: bool
    """Whether a band of it leads to another row."""
    apart: str
    """SVG of the other stages; empty where there are none that have ended."""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Candidate, and what it was and became at each stage."""


def ranked(record: Record, stage: str) -> list[str]:
    """
    Candidates of a stage by their mean, best first.

    Behind them come those that lack a value somewhere, since a mean over other cells compares with nobody's; last those
    without any.
    """
    evidence = record.evidence.get(stage)
    if evidence is None:
        return []
    rows = {row.candidate: row for row in evidence.rows}
    means = {name: mean(evidence, name) for name in rows}
    way = record.study.measure.sign

    def key(name: str) -> tuple[bool, bool, Fraction, str]:
        value = means[name]
        return value is None, bool(rows[name].missing), way * (value or Fraction(0)), name

    return sorted(means, key=key)


def mean(evidence: Evidence, candidate: str) -> Fraction | None:
    """Mean over the cells of a candidate that have a value."""
    row = evidence.row(candidate)
    values = [from_exact(cell.value) for cell in row.cells if cell.value is not None] if row else []
    return exact_sum(values) / len(values) if values else None


def ladder_view(record: Record) -> LadderView:
    """The ladder of a study as far as it has come."""
    shown = [stage for stage in record.plan.stages if stage.name in record.evidence]
    if not shown:
        return LadderView("", False, "", (), ())
    orders = {stage.name: ranked(record, stage.name) for stage in shown}
    on = {stage.name: _let_on(record, stage.name) for stage in shown}
    joined = {name for gate in record.study.gates.values() for name in (gate.source, gate.target)}
    ladder = _together(record, [stage for stage in shown if stage.name in joined])
    apart = [stage for stage in shown if stage.name not in joined]
    names = [name for name in record.candidates if any(name in order for order in orders.values())]
    picture = _picture(record, ladder, "Candidates by mean at each stage that gates join, best first.")
    return LadderView(
        picture=picture,
        broken=BROKEN in picture,
        apart=_picture(record, apart, "Candidates by mean at each stage that no gate joins, best first."),
        columns=("candidate", *(stage.name for stage in shown)),
        rows=tuple((record.call(name), *_places(record, shown, name, orders, on)) for name in names),
    )


def _together(record: Record, stages: Sequence[StagePlan]) -> list[StagePlan]:
    """Stages in order, those that gates join beside each other."""
    first = {stage.name: index for index, stage in enumerate(stages)}
    gates = [gate for gate in record.study.gates.values() if {gate.source, gate.target} <= first.keys()]
    for _ in gates:
        for gate in gates:
            first[gate.source] = first[gate.target] = min(first[gate.source], first[gate.target])
    return sorted(stages, key=lambda stage: first[stage.name])


def _places(
    record: Record,
    stages: Sequence[StagePlan],
    name: str,
    orders: Mapping[str, Sequence[str]],
    on: Mapping[str, frozenset[str] | None],
) -> Iterable[str]:
    return (_place(record, stage.name, name, orders[stage.name], on[stage.name]) for stage in stages)


def _picture(record: Record, stages: Sequence[StagePlan], said: str) -> str:
    """Some stages as rungs; empty where there are none."""
    if not stages:
        return ""
    orders = [ranked(record, stage.name) for stage in stages]
    rungs = [
        _rung(record, stage, stages, order, _let_on(record, stage.name))
        for stage, order in zip(stages, orders, strict=True)
    ]
    words = "; ".join(
        f"{stage.name}: {listed([f'{record.called[one]} {value}' for one, value in rung.entries])}"
        for stage, rung in zip(stages, rungs, strict=True)
    )
    changed = [record.changed[name] for name in record.candidates]
    return "".join(ladder_svgs(rungs, record.candidates, changed, f"{said} {words}"))


def _let_on(record: Record, stage: str) -> frozenset[str] | None:
    """Whom the gates behind a stage let on; None when none has decided."""
    gates = [gate.name for gate in record.study.gates_from(stage)]
    decided = [name for name in gates if name in record.decisions and not record.verdicts[name].held]
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
    return Rung(
        title=stage.name,
        subtitle=_beneath(record, stage),
        order=tuple(number_of[name] for name in named),
        values=tuple(_value(record, stage.name, name) for name in named),
        more=len(order) - len(named),
        goes_on=frozenset(number_of[name] for name in on or ()),
        decided=on is not None,
        target=targets[-1] if targets else None,
        weight=float(share),
    )


def _beneath(record: Record, stage: StagePlan) -> str:
    """What a run of a stage is given, and below that what all of them may take."""
    asked = record.study.stages[stage.name]
    amount = device_words(stage.budget_s, record.plan)
    return f"{a_run_words(asked, ' a run', capped=False)}\n{'; '.join(filter(None, (cap_words(asked), amount)))}"


def _value(record: Record, stage: str, name: str) -> str:
    """A candidate's mean beside its mark, and over how many cells it is where some have no value."""
    value, cells = mean(record.evidence[stage], name), _lacking(record, stage, name)
    return NONE if value is None else short_number(value) + (f" ({cells})" if cells else "")


def _lacking(record: Record, stage: str, name: str) -> str:
    """`1 of 2 cells`: in how many a candidate has a value, if not in all of them."""
    row = record.evidence[stage].row(name)
    return f"{len(row.cells) - len(row.missing)} of {len(row.cells)} cells" if row and row.missing else ""


def _place(record: Record, stage: str, name: str, order: Sequence[str], on: frozenset[str] | None) -> str:
    if name not in order:
        return NONE
    decided = [record.decisions[gate.name] for gate in record.study.gates_from(stage) if gate.name in record.decisions]
    rankings = (one.ranking for one in decided if one.ranking is not None)
    entered = any(standing.candidate == name for ranking in rankings for standing in ranking.standings)
    fate = "" if on is None or not entered else ", promoted" if name in on else ", dropped"
    value, cells = mean(record.evidence[stage], name), _lacking(record, stage, name)
    if value is None:
        return f"{NONE}{fate}"
    rank = NONE if cells else str(order.index(name) + 1)
    return f"{rank} ({', '.join(filter(None, (number(str(value)), cells)))}){fate}"
