"""
Gates and rules as a report shows them: the frozen sentence, the seal, and what was found for everybody.

A table of two dozen cells can be read; one of three hundred cannot.  Above that a report shows each host's mean and
range, and names the file beside it that holds every value.
"""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from promo.base.canonical import exact, exact_sum, from_exact
from promo.base.classes import evolve
from promo.decision.decide import side_of
from promo.decision.values import Comparison, Judgement, Reference, Standing, Verdict
from promo.evidence.values import Cell as Measured
from promo.report.aloud import read_gate, read_rule
from promo.report.amendments import amended_lines, moved_lines, undecided
from promo.report.decided import demand_words, finding_words, standing_reason, verdict_word
from promo.report.describe import describe_judged
from promo.report.gains import gain_picture
from promo.report.growth import growth_of
from promo.report.landscape import NOTHING, landscape_view
from promo.report.people import result_words, settled
from promo.report.record import Record
from promo.report.seal import SHOWN, seal_view
from promo.report.standing import standing_picture
from promo.report.values import (
    NO_PICTURE,
    Cell,
    ComparisonView,
    GateView,
    PictureView,
    RulesView,
    RuleView,
    StandingView,
)
from promo.report.words import NONE, number, plural
from promo.study.judgement import Gate, Rule, Side

MOST_CELLS = 24
"""Cells of a candidate that a table shows one by one."""
MOST_STANDINGS = 200
"""Candidates that a table shows."""
MOST_COMPARISONS = 40
"""Cells of a rule that a table shows one by one."""


def summarised(record: Record) -> bool:
    """Whether a table of a decision leaves values out that only the file beside the report has."""
    for decision in record.decisions.values():
        found, judgement = decision.ranking, decision.judgement
        if found is not None:
            cells = max((len(one.cells) for one in found.standings), default=0)
            if len(found.standings) > MOST_STANDINGS or cells > MOST_CELLS:
                return True
        if judgement is not None and len(judgement.comparisons) > MOST_COMPARISONS:
            return True
    return False


def _result(record: Record, name: str) -> str:
    decision = record.decisions.get(name)
    return (
        result_words(decision, record.study, record.state, record.call) + "." if decision else undecided(record, name)
    )


def gate_view(record: Record, gate: Gate) -> GateView:
    """Everything that is shown of a gate, or of a growth, which chooses as one."""
    grow = record.study.grows.get(gate.name)
    decision = record.decisions.get(gate.name)
    planned = record.plan.stage(gate.source)
    few = len(planned.hosts) * len(planned.seeds) <= MOST_CELLS
    shown_as = settled(decision, record.state) if decision else None
    standings = shown_as.ranking.standings if shown_as and shown_as.ranking else ()
    shown = standings[:MOST_STANDINGS]
    colours = {name: number for number, name in enumerate(record.candidates)}
    hidden = standings[MOST_STANDINGS:]
    promoted = sum(one.verdict is Verdict.PROMOTED for one in hidden)
    return GateView(
        name=gate.name,
        documentation=gate.documentation,
        sentence=read_gate(gate, record.study),
        seal=seal_view(record, gate),
        decided=decision is not None,
        result=_result(record, gate.name),
        statistic=gate.statistic.value,
        demands=demand_words(decision, record.study, record.call) if decision else (),
        columns=tuple(f"{host}, seed {seed}" for seed in planned.seeds for host in planned.hosts)
        if few
        else tuple(f"{host}: {what}" for host in planned.hosts for what in ("mean", "lowest", "highest", "missing")),
        standings=tuple(
            _standing(
                one,
                colours[one.candidate],
                verdict_word(one, shown_as),
                standing_reason(one, shown_as, record.study, record.call),
                () if few else planned.hosts,
            )
            for one in shown
        )
        if shown_as
        else (),
        rest=f"{len(hidden):,} more are not shown here ({promoted} promoted); the decisions as CSV have all."
        if hidden
        else "",
        evidence=decision.inputs[0].digest[:SHOWN] if decision else "",
        decision=decision.digest[:SHOWN] if decision else "",
        amended=(*amended_lines(record.study, record.state, gate.name, record.call), *moved_lines(record, gate.name)),
        kind="Gate" if grow is None else "Growth",
        told=() if grow is None else tuple(growth_of(record, grow)),
        landscape=NOTHING if grow is None else landscape_view(record, grow),
        picture=PictureView(*standing_picture(record, gate, shown_as)) if shown_as else NO_PICTURE,
    )


def _standing(standing: Standing, colour: int, verdict: str, reason: str, hosts: Sequence[str]) -> StandingView:
    """A candidate, cell by cell or, with *hosts*, host by host."""
    return StandingView(
        candidate=standing.candidate,
        colour=colour,
        rank=NONE if standing.rank is None else str(standing.rank),
        cells=tuple(
            Cell(number(one.value) if one.value else one.status.value, one.value is None) for one in standing.cells
        )
        if not hosts
        else tuple(_of_hosts(standing.cells, hosts)),
        statistic=number(standing.statistic),
        promoted=standing.verdict is Verdict.PROMOTED,
        verdict=verdict,
        reason=reason,
    )


def _of_hosts(cells: Iterable[Measured], hosts: Sequence[str]) -> Iterable[Cell]:
    """Mean, range and number of missing values of each host."""
    cells = tuple(cells)
    for host in hosts:
        values = [from_exact(one.value) for one in cells if one.host == host and one.value is not None]
        missing = sum(one.host == host and one.value is None for one in cells)
        figures = (_mean(values), min(values), max(values)) if values else (None, None, None)
        yield from (Cell(_text(figure), figure is None) for figure in figures)
        yield Cell(str(missing), missing > 0)


def _mean(values: Sequence[Fraction]) -> Fraction:
    return exact_sum(values) / len(values)


def _text(value: Fraction | None, *, signed: bool = False) -> str:
    return NONE if value is None else number(str(value), signed=signed)


def rule_view(record: Record, rule: Rule) -> RuleView:
    """Everything that is shown of a rule."""
    decision = record.decisions.get(rule.name)
    found = decision.judgement if decision else None
    reference = _reference(rule, found)
    leads = reference is not None and rule.reference is None
    return RuleView(
        name=rule.name,
        documentation=rule.documentation,
        sentence=read_rule(rule, record.study),
        seal=seal_view(record, rule),
        decided=decision is not None,
        answer=found.answer.value if found else "open",
        result=_result(record, rule.name),
        judged=record.call(describe_judged(rule.judged)),
        reference=f"leader, {record.call(reference)}" if reference and leads else record.call(reference or ""),
        side=side_of(rule).value,
        findings=tuple(finding_words(one, record.study, record.call) for one in found.findings) if found else (),
        comparisons=_comparisons(record, _beside(record, rule, found, reference)) if found else (),
        evidence=decision.inputs[0].digest[:SHOWN] if decision else "",
        decision=decision.digest[:SHOWN] if decision else "",
        amended=(*amended_lines(record.study, record.state, rule.name, record.call), *moved_lines(record, rule.name)),
    )


def rules_views(record: Record) -> tuple[RulesView, ...]:
    """Every rule of a study, those together that ask the same of the same candidates."""
    groups: dict[tuple[str, str, str], list[tuple[Rule, RuleView]]] = {}
    for rule in record.study.rules.values():
        view = rule_view(record, rule)
        groups.setdefault((view.judged, view.reference, view.side), []).append((rule, view))
    return tuple(
        RulesView(*key, tuple(view for _, view in those), _gains(record, [rule for rule, _ in those]))
        for key, those in groups.items()
    )


def _gains(record: Record, rules: Iterable[Rule]) -> PictureView:
    """The picture of rules that share a table."""
    found = [(rule, record.decisions[rule.name].judgement) for rule in rules if rule.name in record.decisions]
    seen = [(rule, _beside(record, rule, one, _reference(rule, one))) for rule, one in found if one is not None]
    return PictureView(*gain_picture(record, seen))


def _reference(rule: Rule, found: Judgement | None) -> str | None:
    """Whom a rule compares with: named by it, or the leader, whoever that was; None where it is nobody, or several."""
    if rule.reference is not None or found is None or len(found.judged) != 1:
        return rule.reference
    names = {one.candidate for finding in found.findings for one in finding.details if isinstance(one, Reference)}
    return names.pop() if len(names) == 1 else None


def _beside(record: Record, rule: Rule, found: Judgement, reference: str | None) -> Judgement:
    """What was found, with the values of a leader beside those of the candidate that is judged."""
    evidence = record.evidence.get(rule.stage)
    row = evidence.row(reference) if evidence is not None and reference is not None else None
    if rule.reference is not None or row is None:
        return found
    sign = record.study.measure.sign * (-1 if side_of(rule) is Side.GAIN else 1)
    values = {(cell.host, cell.seed): cell.value for cell in row.cells}
    return evolve(
        found,
        comparisons=tuple(
            evolve(one, reference=other, difference=_apart(sign, one.judged, other))
            for one in found.comparisons
            for other in [values[one.host, one.seed]]
        ),
    )


def _apart(sign: int, mine: str | None, other: str | None) -> str | None:
    return None if mine is None or other is None else exact(sign * (from_exact(mine) - from_exact(other)))


def _comparisons(record: Record, found: Judgement) -> tuple[ComparisonView, ...]:
    if len(found.comparisons) <= MOST_COMPARISONS:
        return tuple(_comparison(record, found, one) for one in found.comparisons)
    return tuple(_of_rule(record, found))


def _comparison(record: Record, found: Judgement, one: Comparison) -> ComparisonView:
    difference = number(one.difference, signed=True)
    cell = f"{one.host}, seed {one.seed}{record.of_candidate(found, one)}"
    return ComparisonView(cell, number(one.judged), number(one.reference), difference)


def _of_rule(record: Record, found: Judgement) -> Iterable[ComparisonView]:
    """Mean and range of each host, for each candidate."""
    figures: tuple[tuple[str, Callable[[Sequence[Fraction]], Fraction]], ...] = (
        ("mean", _mean),
        ("lowest", min),
        ("highest", max),
    )
    for candidate, host in dict.fromkeys((one.candidate, one.host) for one in found.comparisons):
        own = [one for one in found.comparisons if (one.candidate, one.host) == (candidate, host)]
        for name, figure in figures:
            columns = ([one.judged for one in own], [one.reference for one in own], [one.difference for one in own])
            known = [[from_exact(text) for text in column if text is not None] for column in columns]
            judged, reference, difference = (figure(values) if values else None for values in known)
            cell = f"{host}{record.of_candidate(found, own[0])}, {plural(len(own), 'cell')}: {name}"
            yield ComparisonView(cell, _text(judged), _text(reference), _text(difference, signed=True))
