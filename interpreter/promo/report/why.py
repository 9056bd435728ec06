"""
One candidate's verdict in plain sentences: what was measured and asked, by how much, and what happened on the way.

Survivors are explained as fully as the dropped: a narrow margin is news either way.
"""

from collections.abc import Iterator, Mapping

from attrs import frozen

from promo.base.canonical import Json
from promo.decision.values import (
    Finding,
    GateDecision,
    ReduceDecision,
    RuleDecision,
    Standing,
    Verdict,
    decision_digest,
    fixing_to_json,
    standing_to_json,
)
from promo.evidence.values import Cell
from promo.ledger.state import AttemptState
from promo.report.aloud import read_gate, read_reduction, read_rule
from promo.report.amendments import amended_lines, beside, dated, wording
from promo.report.growth import growth_of
from promo.report.people import result_words, settled_gate
from promo.report.record import Record
from promo.report.reductions import seen_text
from promo.report.words import (
    allowance_of,
    demand_words,
    finding_words,
    listed,
    number,
    of_candidate,
    plural,
    standing_reason,
)
from promo.study.describe import describe_level
from promo.study.judgement import Gate, Reduction, Rule, TieBreak
from promo.study.values import Grow, Study


@frozen
class Explanation:
    """Why a candidate fared as it did before one gate or rule."""

    name: str
    head: str
    lines: tuple[str, ...]
    data: Mapping[str, Json]


def explain(record: Record, candidate: str, name: str) -> Explanation | None:
    """
    The verdict of a gate or rule on a candidate.

    Args:
        record: the study as read from its folder.
        candidate: one of its candidates.
        name: one of its gates or rules.

    Returns:
        None when it has not decided yet, or was not about this candidate.
    """
    decision = record.decisions.get(name)
    grow = record.study.grows.get(name)
    if isinstance(decision, GateDecision) and grow is not None and candidate == grow.becomes:
        return _of_growth(record, grow, decision)
    if isinstance(decision, GateDecision):
        standing = next((one for one in decision.standings if one.candidate == candidate), None)
        return None if standing is None else _of_gate(record, record.study.gates[name], decision, standing)
    if isinstance(decision, RuleDecision):
        rule = record.study.rules[name]
        return _of_rule(record, rule, decision) if candidate in (*decision.judged, rule.reference) else None
    if isinstance(decision, ReduceDecision):
        reduction = record.study.reductions[name]
        return _of_reduction(record, reduction, decision, candidate) if candidate in reduction.rows else None
    return None


def explanation_to_json(one: Explanation) -> dict[str, Json]:
    """An explanation for programs; the sentences are in it, too."""
    return {"name": one.name, "head": one.head, "sentences": list(one.lines), **one.data}


def _of_gate(record: Record, gate: Gate, decision: GateDecision, standing: Standing) -> Explanation:
    unit = record.study.measure.unit
    went = {Verdict.PROMOTED: f"went on to {decision.target}", Verdict.DROPPED: f"did not go on to {decision.target}"}
    person = record.state.people.get(gate.name)
    shown = _shown(record, decision, standing)
    head = f"{standing.candidate} {went[shown.verdict]} by {gate.name}: {standing_reason(shown, decision, unit)}."
    lines = (
        f"The rule: {read_gate(gate, record.study)}",
        *_cells(standing.cells, unit),
        *_rank(record.study, gate, decision, standing),
        *_parts(standing.findings, unit, allowance_of(decision)),
        *(f"Demanded before it may decide: {one}." for one in demand_words(decision, unit)),
        *([f"The gate stopped the study: {decision.stopped}."] if decision.stopped else []),
        *([f"The gate {'waited' if person else 'waits'} for a person: {decision.held}."] if decision.held else []),
        *([f"A person decided, {person['by']}{dated(person)}: {person['reason']}."] if person else []),
        *_runs(record, standing.candidate, decision.stage),
        *amended_lines(record.state, gate.name),
        *_other_wordings(record, gate.name, standing.candidate),
        f"Evidence sha256:{decision.evidence[:12]}, decision sha256:{decision_digest(decision)[:12]}.",
    )
    data: dict[str, Json] = {
        "gate": gate.name,
        "stage": decision.stage,
        "standing": standing_to_json(shown),
        "person": dict(person) if person else None,
        "ties": [one.value for one in gate.ties],
        "runs": list(_attempts(record, standing.candidate, decision.stage)),
        "beside": [dict(one) for one in beside(record.state, gate.name)],
    }
    return Explanation(gate.name, head, lines, data)


def _of_growth(record: Record, grow: Grow, decision: GateDecision) -> Explanation:
    """Where a grown candidate comes from."""
    head = f"{grow.becomes} comes from {grow.name}: {result_words(decision, record.study, record.state)}."
    lines = (
        f"The rule: {read_gate(record.study.gates[grow.name], record.study)}",
        *growth_of(record, grow),
        f"Evidence sha256:{decision.evidence[:12]}, decision sha256:{decision_digest(decision)[:12]}.",
    )
    data: dict[str, Json] = {
        "grow": grow.name,
        "parent": grow.parent,
        "stage": grow.stage,
        "chosen": list(decision.promoted),
        "standings": [standing_to_json(one) for one in decision.standings],
    }
    return Explanation(grow.name, head, lines, data)


def _shown(record: Record, decision: GateDecision, standing: Standing) -> Standing:
    """The same standing after a person's verdict, if there was one."""
    standings = settled_gate(decision, record.state).standings
    return next(one for one in standings if one.candidate == standing.candidate)


def _of_rule(record: Record, rule: Rule, decision: RuleDecision) -> Explanation:
    unit = record.study.measure.unit
    person = record.state.people.get(rule.name)
    pair = [name for name in (*decision.judged, rule.reference) if name]
    lines = (
        f"The rule: {read_rule(rule, record.study)}",
        *(
            f"On {one.host} with seed {one.seed}{of_candidate(decision, one)}: {number(one.judged)} {unit}"
            + (
                f" against {number(one.reference)}, difference {number(one.difference, signed=True)}"
                if rule.reference
                else ""
            )
            + "."
            for one in decision.comparisons
        ),
        *_parts(decision.findings, unit),
        *([f"The rule {'waited' if person else 'waits'} for a person: {decision.held}."] if decision.held else []),
        *([f"A person decided, {person['by']}{dated(person)}: {person['reason']}."] if person else []),
        *(line for name in pair for line in _runs(record, name, decision.stage)),
        *amended_lines(record.state, rule.name),
        f"Evidence sha256:{decision.evidence[:12]}, decision sha256:{decision_digest(decision)[:12]}.",
    )
    data: dict[str, Json] = {
        "rule": rule.name,
        "stage": decision.stage,
        "answer": decision.answer.value,
        "why": decision.why,
        "person": dict(person) if person else None,
        "runs": [one for name in pair for one in _attempts(record, name, decision.stage)],
        "beside": [dict(one) for one in beside(record.state, rule.name)],
    }
    return Explanation(rule.name, result_words(decision, record.study, record.state) + ".", lines, data)


def _of_reduction(record: Record, reduction: Reduction, decision: ReduceDecision, candidate: str) -> Explanation:
    person = record.state.people.get(reduction.name)
    on = record.state.promoted(reduction.name)
    went = "goes on" if candidate in on else "does not go on"
    levels = {factor: describe_level(level) for factor, level in record.study.candidates[candidate].levels}
    against = [one for one in decision.fixed if levels[one.factor] != one.level]
    why = [f"{one.factor} is fixed at {one.level}, and it has {levels[one.factor]}" for one in against]
    if decision.stopped or decision.held:
        why = [decision.stopped or (f"{person['by']} decided" if person else decision.held)]
    agrees = ["it agrees with every factor that is fixed" if decision.fixed else "no factor is fixed"]
    lines = (
        f"The rule: {read_reduction(reduction, record.study)}",
        f"What it did: {result_words(decision, record.study, record.state)}.",
        *(
            f"{one.factor} {'stays in the search' if one.level is None else f'is fixed at {one.level}'}: {one.why}; "
            + ", ".join(f"{stage} {seen_text(value, adjusted)}" for stage, value, adjusted, _ in one.seen)
            + "."
            for one in decision.factors
        ),
        *([f"A person decided, {person['by']}{dated(person)}: {person['reason']}."] if person else []),
        *amended_lines(record.state, reduction.name),
        f"Effects sha256:{decision.effects[:12]}, decision sha256:{decision_digest(decision)[:12]}.",
    )
    data: dict[str, Json] = {
        "reduce": reduction.name,
        "stages": list(reduction.sources),
        "promoted": candidate in on,
        "factors": [fixing_to_json(one) for one in decision.factors],
        "beside": [dict(one) for one in beside(record.state, reduction.name)],
    }
    head = f"{candidate} {went} by {reduction.name}: {'; '.join(why or agrees)}."
    return Explanation(reduction.name, head, lines, data)


def _cells(cells: tuple[Cell, ...], unit: str) -> Iterator[str]:
    for cell in cells:
        value = f"{number(cell.value)} {unit}" if cell.value is not None else f"no value ({cell.cause or cell.status})"
        yield f"On {cell.host} with seed {cell.seed}: {value}."


def _rank(study: Study, gate: Gate, decision: GateDecision, standing: Standing) -> Iterator[str]:
    unit = study.measure.unit
    if standing.rank is None:
        yield "It has no rank, because a value is missing."
        return
    ranked = sum(one.rank is not None for one in decision.standings)
    what = f"{gate.statistic.value} {number(standing.statistic)} {unit}" if standing.statistic else "no statistic"
    yield f"Rank {standing.rank} of {ranked}, with {what}."
    if standing.tied_with:
        by: dict[str, list[str]] = {}
        for other in standing.tied_with:
            by.setdefault(_told_apart(study, gate, standing.candidate, other), []).append(other)
        apart = ", ".join(f"from {listed(names)} by {tie}" for tie, names in by.items())
        yield f"Tied with {listed(standing.tied_with)}; told apart {apart}."
    else:
        yield "Tied with nobody, so no tie-break was used."
    if standing.margin is not None:
        beyond = standing.margin.startswith("-")
        yield f"Margin to the cut: {number(standing.margin)} {unit}, {'beyond' if beyond else 'inside'} it."


def _told_apart(study: Study, gate: Gate, one: str, other: str) -> str:
    """The first of a gate's tie-breaks in which two candidates differ, with what it found."""
    for tie in gate.ties:
        if tie is not TieBreak.PARAMETERS:
            return str(tie.value)
        sizes = [study.candidates[name].effective.parameters for name in (one, other)]
        if sizes[0] != sizes[1]:
            return f"{tie.value} ({sizes[0]:,} against {sizes[1]:,})"
    raise AssertionError("a gate's tie-breaks leave no tie")


def _parts(findings: tuple[Finding, ...], unit: str, allowance: str = "") -> Iterator[str]:
    for one in findings:
        yield f"Asked: {finding_words(one, unit, allowance)}."


def _runs(record: Record, candidate: str, stage: str) -> Iterator[str]:
    """What happened to a candidate's runs besides a plain result: reruns, guards, failures."""
    tried = [one for one in record.attempts(stage) if one.candidate == candidate]
    odd = [one for one in tried if one.state is not AttemptState.ACCEPTED]
    for one in odd:
        what = (
            "was set aside by a guard"
            if one.state is AttemptState.FLAGGED
            else f"ended as {one.status or one.state.value}"
        )
        yield f"Attempt {one.number} on {one.host} with seed {one.seed} {what}: {one.cause or 'no cause known'}."
    cells = {(one.host, one.seed) for one in tried}
    extra = len(tried) - len(cells)
    counts = f"{plural(len(tried), 'attempt')} in {plural(len(cells), 'cell')}, {plural(extra, 'rerun')}"
    yield f"Runs of {candidate} at {stage}: {counts}."


def _attempts(record: Record, candidate: str, stage: str) -> Iterator[dict[str, Json]]:
    for one in record.attempts(stage):
        if one.candidate == candidate:
            yield {
                "run": one.run,
                "attempt": one.number,
                "host": one.host,
                "seed": one.seed,
                "state": one.state.value,
                "status": one.status,
                "cause": one.cause,
            }


def _other_wordings(record: Record, gate: str, candidate: str) -> Iterator[str]:
    for (name, version), decision in record.others.items():
        if name == gate and isinstance(decision, GateDecision):
            standing = next(one for one in decision.standings if one.candidate == candidate)
            reason = standing_reason(standing, decision, record.study.measure.unit)
            yield f"{wording(version).capitalize()}, {candidate} would be {standing.verdict.value}: {reason}."
