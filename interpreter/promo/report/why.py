"""
One candidate's verdict in plain sentences: what was measured and asked, by how much, and what happened on the way.

Survivors are explained as fully as the dropped: a narrow margin is news either way.
"""

from collections.abc import Iterator, Mapping
from typing import assert_never

from promo.base.canonical import Json, from_exact
from promo.base.classes import frozen
from promo.base.codec import to_json
from promo.decision.values import (
    Comparison,
    Decision,
    Finding,
    Fixing,
    Forecasting,
    Judgement,
    Ranking,
    Reducing,
    Scheduling,
    Standing,
    Verdict,
    Walking,
)
from promo.evidence.values import Cell
from promo.ledger.state import AttemptState
from promo.report.aloud import read_gate, read_reduction, read_rule
from promo.report.amendments import amended_lines, other_verdicts, wording
from promo.report.changed import called_list, fits
from promo.report.decided import (
    allowance_of,
    attempt_cause,
    because_words,
    demand_words,
    fate_words,
    finding_words,
    outcome_words,
    standing_reason,
)
from promo.report.declared import describe_level
from promo.report.growth import growth_of
from promo.report.people import result_words, settled
from promo.report.record import Record
from promo.report.reductions import seen_text
from promo.report.words import behind, between, listed, number, plural, size, value_text
from promo.study.judgement import Gate, Reduction, Rule, TieBreak
from promo.study.values import Grow, Measure, Study


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
    if decision is None:
        return None
    grow, found = record.study.grows.get(name), decision.found
    match found:
        case Ranking():
            if grow is not None and candidate == grow.becomes:
                return _of_growth(record, grow, decision, found)
            standing = next((one for one in found.standings if one.candidate == candidate), None)
            return None if standing is None else _of_gate(record, record.study.gates[name], decision, found, standing)
        case Judgement():
            rule = record.study.rules[name]
            return _of_rule(record, rule, decision, found) if candidate in (*found.judged, rule.reference) else None
        case Reducing():
            reduction = record.study.reductions[name]
            return _of_reduction(record, reduction, decision, found, candidate) if candidate in reduction.rows else None
        case Forecasting() | Scheduling():
            return _of_law(record, decision, found, candidate)
        case Walking():
            return None
        case _:
            assert_never(found)


def _of_law(record: Record, decision: Decision, found: Forecasting | Scheduling, candidate: str) -> Explanation | None:
    """What laws said of a candidate."""
    told = [one for one in found.foretold if one.candidate == candidate]
    if not told:
        return None
    lines = (
        *(f"Forecast at {one.stage}: {number(one.value)}, {number(one.low)} to {number(one.high)}." for one in told),
        *_outcome(record, decision, decision.kind),
        _digests(decision),
    )
    data: dict[str, Json] = {decision.kind: decision.name, "foretold": [to_json(one) for one in told]}
    return Explanation(
        decision.name, f"{result_words(decision, record.study, record.state, record.call)}.", lines, data
    )


def explanation_to_json(one: Explanation) -> dict[str, Json]:
    """An explanation for programs; the sentences are in it, too."""
    return {"name": one.name, "head": one.head, "sentences": list(one.lines), **one.data}


def _of_gate(record: Record, gate: Gate, decision: Decision, found: Ranking, standing: Standing) -> Explanation:
    study, state = record.study, record.state
    to = record.call(found.target) if gate.name in study.grows else found.target
    went = {Verdict.PROMOTED: f"was promoted to {to}", Verdict.DROPPED: f"was not promoted to {to}"}
    shown = _shown(record, decision, standing)
    called = record.call(standing.candidate)
    reason = standing_reason(shown, decision, study, record.call)
    head = f"{called} {went[shown.verdict]} by {gate.name}: {reason}."
    if decision.held and gate.name not in state.people:
        head = f"{gate.name} waits for a person, who decides whether {called} is promoted to {to}: {reason}."
    lines = (
        f"The rule: {read_gate(gate, study)}",
        *_cells(standing.cells, study.measure),
        *_rank(record, gate, found, standing),
        *_parts(standing.findings, record, allowance_of(decision, study)),
        *(f"Demanded before it may decide: {one}." for one in demand_words(decision, study, record.call)),
        *_outcome(record, decision, "gate"),
        *_runs(record, standing.candidate, found.stage),
        *amended_lines(study, state, gate.name, record.call),
        *_other_wordings(record, gate.name, standing.candidate),
        _digests(decision),
    )
    data: dict[str, Json] = {
        "gate": gate.name,
        "stage": found.stage,
        "standing": to_json(shown),
        "ties": [one.value for one in gate.ties],
        "runs": list(_attempts(record, standing.candidate, found.stage)),
        **_aside(record, gate.name),
    }
    return Explanation(gate.name, head, lines, data)


def _outcome(record: Record, decision: Decision, kind: str) -> Iterator[str]:
    """Whether it stopped the study or waited for a person, and what that person decided."""
    person = record.state.people.get(decision.name)
    why = outcome_words(decision.name, decision.outcome, record.study, record.call)
    if decision.stopped:
        yield f"The {kind} stopped the study: {why}."
    if decision.held:
        yield f"The {kind} {'waited' if person else 'waits'} for a person: {why}."
    if person is not None:
        yield f"A person decided, {person.by} on {record.state.decided_at[decision.name]}: {person.reason}."


def _digests(decision: Decision) -> str:
    read = decision.inputs[0]
    return f"Read {read.of} sha256:{read.digest[:12]}, decision sha256:{decision.digest[:12]}."


def _aside(record: Record, name: str) -> dict[str, Json]:
    """What a person decided, and what other wordings would have."""
    person, others = record.state.people.get(name), other_verdicts(record.state, name)
    return {"person": None if person is None else to_json(person), "other_wordings": [to_json(one) for one in others]}


def _of_growth(record: Record, grow: Grow, decision: Decision, found: Ranking) -> Explanation:
    """Where a grown candidate comes from."""
    said = result_words(decision, record.study, record.state, record.call)
    head = f"{record.call(grow.becomes)} comes from {grow.name}: {said}."
    lines = (
        f"The rule: {read_gate(record.study.gates[grow.name], record.study)}",
        *growth_of(record, grow),
        _digests(decision),
    )
    data: dict[str, Json] = {
        "grow": grow.name,
        "parent": grow.parent,
        "stage": grow.stage,
        "chosen": list(decision.promoted),
        "standings": [to_json(one) for one in found.standings],
    }
    return Explanation(grow.name, head, lines, data)


def _shown(record: Record, decision: Decision, standing: Standing) -> Standing:
    """The same standing after a person's verdict, if there was one."""
    ranking = settled(decision, record.state).ranking
    assert ranking is not None
    return next(one for one in ranking.standings if one.candidate == standing.candidate)


def _of_rule(record: Record, rule: Rule, decision: Decision, found: Judgement) -> Explanation:
    study = record.study
    why = "" if found.undecided is None else because_words(rule.name, found.undecided, study, record.call)
    pair = [name for name in (*found.judged, rule.reference) if name]
    lines = (
        f"The rule: {read_rule(rule, study)}",
        *(f"{_compared(record, one, found, rule)}." for one in found.comparisons),
        *_parts(found.findings, record),
        *_outcome(record, decision, "rule"),
        *(line for name in pair for line in _runs(record, name, found.stage)),
        *amended_lines(study, record.state, rule.name, record.call),
        _digests(decision),
    )
    data: dict[str, Json] = {
        "rule": rule.name,
        "stage": found.stage,
        "answer": found.answer.value,
        "why": why,
        "runs": [one for name in pair for one in _attempts(record, name, found.stage)],
        **_aside(record, rule.name),
    }
    return Explanation(rule.name, result_words(decision, study, record.state, record.call) + ".", lines, data)


def _compared(record: Record, one: Comparison, found: Judgement, rule: Rule) -> str:
    where = f"On {one.host} with seed {one.seed}{record.of_candidate(found, one)}"
    said = f"{where}: {number(one.judged)}{behind(record.study.measure.unit)}"
    if not rule.reference:
        return said
    return f"{said} against {number(one.reference)}, difference {number(one.difference, signed=True)}"


def _of_reduction(
    record: Record, reduction: Reduction, decision: Decision, found: Reducing, candidate: str
) -> Explanation:
    study, person = record.study, record.state.people.get(reduction.name)
    on = record.state.promoted(reduction.name)
    waits = decision.held and person is None
    went = "is promoted" if candidate in on else "is not promoted yet" if waits else "is not promoted"
    levels = dict(study.candidates[candidate].levels)
    against = [one for one in found.fixed if one.level is not None and levels[one.factor] != one.level]
    why = [
        f"{one.factor} is fixed at {describe_level(one.level)}, and it has {describe_level(levels[one.factor])}"
        for one in against
        if one.level is not None
    ]
    if decision.stopped or decision.held:
        settled_by = f"{person.by} decided" if person else ""
        why = [settled_by or outcome_words(reduction.name, decision.outcome, study, record.call)]
    agrees = ["it agrees with every factor that is fixed" if found.fixed else "no factor is fixed"]
    lines = (
        f"The rule: {read_reduction(reduction, study)}",
        f"What it did: {result_words(decision, study, record.state, record.call)}.",
        *(f"{_fixing(one)}." for one in found.factors),
        *_outcome(record, decision, "reduction"),
        *amended_lines(study, record.state, reduction.name, record.call),
        _digests(decision),
    )
    data: dict[str, Json] = {
        "reduce": reduction.name,
        "stages": list(reduction.sources),
        "promoted": candidate in on,
        "factors": [to_json(one) for one in found.factors],
        **_aside(record, reduction.name),
    }
    head = f"{record.call(candidate)} {went} by {reduction.name}: {'; '.join(why or agrees)}."
    return Explanation(reduction.name, head, lines, data)


def _fixing(one: Fixing) -> str:
    fate = "stays in the search" if one.level is None else f"is fixed at {describe_level(one.level)}"
    seen = ", ".join(f"{seen.stage} {seen_text(seen.effect, seen.adjusted)}" for seen in one.seen)
    return f"{one.factor} {fate}: {fate_words(one)}; {seen}"


def _cells(cells: tuple[Cell, ...], measure: Measure) -> Iterator[str]:
    for cell in cells:
        value = f"no value ({cell.cause or cell.status.value})"
        value = value if cell.value is None else value_text(number(cell.value), measure.metric, measure.unit)
        yield f"On {cell.host} with seed {cell.seed}: {value}."


def _rank(record: Record, gate: Gate, found: Ranking, standing: Standing) -> Iterator[str]:
    unit = record.study.measure.unit
    if standing.rank is None:
        yield "It has no rank, because a value is missing."
        return
    ranked = [one.candidate for one in found.standings if one.rank is not None]
    what = (
        f"{gate.statistic.value} {number(standing.statistic)}{behind(unit)}" if standing.statistic else "no statistic"
    )
    order = [record.call(name) for name in ranked]
    head = f"Rank {standing.rank} of the {len(ranked)} with a value at {found.stage}, by {what}:"
    if fits(order):
        yield f"{head} {listed(order)}."
    else:
        yield from (head, *(f"  {place}. {name}" for place, name in enumerate(order, 1)))
    competing = [name for name in ranked if name not in gate.always]
    if len(competing) < len(ranked):
        kept = called_list([name for name in ranked if name in gate.always], record.call)
        among = (
            f"the other {len(competing)} compete for the places: {called_list(competing, record.call)}"
            if competing
            else "no candidate competes"
        )
        yield f"{kept} {'is' if len(ranked) - len(competing) == 1 else 'are'} always kept; {among}."
    if standing.tied_with:
        by: dict[str, list[str]] = {}
        for other in standing.tied_with:
            by.setdefault(_distinguished(record.study, gate, standing.candidate, other), []).append(other)
        apart = ", ".join(f"from {called_list(names, record.call)} by {tie}" for tie, names in by.items())
        yield f"Tied with {called_list(standing.tied_with, record.call)}; distinguished {apart}."
    else:
        yield "No tie, so no tie-break was used."
    if standing.margin is not None:
        margin = from_exact(standing.margin)
        where = "beyond" if margin < 0 else "inside"
        yield f"Margin to the cut: {between(size(margin), unit)}, {where} it." if margin else "Level with the cut."


def _distinguished(study: Study, gate: Gate, one: str, other: str) -> str:
    """The first of a gate's tie-breaks in which two candidates differ, with what it found."""
    for tie in gate.ties:
        if tie is not TieBreak.PARAMETERS:
            return str(tie.value)
        sizes = [study.size_of(name) for name in (one, other)]
        if sizes[0] != sizes[1]:
            return f"{tie.value} ({sizes[0]:,} against {sizes[1]:,})"
    raise AssertionError("a gate's tie-breaks leave no tie")


def _parts(findings: tuple[Finding, ...], record: Record, allowance: str = "") -> Iterator[str]:
    for one in findings:
        yield f"Asked: {finding_words(one, record.study, record.call, allowance)}."


def _runs(record: Record, candidate: str, stage: str) -> Iterator[str]:
    """What happened to a candidate's runs besides a plain result: reruns, guards, failures."""
    tried = [one for one in record.attempts(stage) if one.candidate == candidate]
    odd = [one for one in tried if one.state is not AttemptState.ACCEPTED]
    for one in odd:
        what = "was excluded by a guard" if one.state is AttemptState.FLAGGED else f"ended as {one.ending}"
        cause = attempt_cause(one, record.study) or "no cause known"
        yield f"Attempt {one.number} on {one.host} with seed {one.seed} {what}: {cause}."
    cells = {(one.host, one.seed) for one in tried}
    extra = len(tried) - len(cells)
    counts = f"{plural(len(tried), 'attempt')} in {plural(len(cells), 'cell')}, {plural(extra, 'rerun')}"
    yield f"Runs of {record.call(candidate)} at {stage}: {counts}."


def _attempts(record: Record, candidate: str, stage: str) -> Iterator[dict[str, Json]]:
    for one in record.attempts(stage):
        if one.candidate == candidate:
            yield {
                "run": one.run,
                "attempt": one.number,
                "host": one.host,
                "seed": one.seed,
                "state": one.state.value,
                "status": one.ending,
                "cause": attempt_cause(one, record.study),
            }


def _other_wordings(record: Record, gate: str, candidate: str) -> Iterator[str]:
    for (name, version), decision in record.others.items():
        if name == gate and decision.ranking is not None:
            standing = next(one for one in decision.ranking.standings if one.candidate == candidate)
            reason = standing_reason(standing, decision, record.study, record.call)
            who = f"{wording(version).capitalize()}, {record.call(candidate)}"
            yield f"{who} would be {standing.verdict.value}: {reason}."
