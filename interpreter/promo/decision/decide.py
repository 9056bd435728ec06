"""
Rule and evidence to decision.

Pure: the same gate and the same evidence give the same decision, byte for byte, in whatever order results arrived.
"""

from collections.abc import Mapping
from fractions import Fraction

from promo.base.canonical import Json, digest, exact, from_exact
from promo.decision.stats import summarise
from promo.decision.values import (
    Answer,
    Comparison,
    GateDecision,
    Ground,
    RuleDecision,
    Standing,
    Verdict,
)
from promo.evidence.values import Evidence, Row
from promo.spec.describe import describe_gate, describe_rule
from promo.spec.lock import closure
from promo.spec.values import BoundKind, Gate, Rule, Side, Statistic, Study, Then, TieBreak


def decide_gate(study: Study, gate: Gate, evidence: Evidence) -> GateDecision:
    """
    Apply a gate.

    Candidates named by `always` are kept whatever their rank and take none of the places that `keep` gives; the
    others are ranked by their statistic and the best are kept.  A candidate with a missing value has no statistic:
    it is dropped, or the study stops, as the gate says.

    Args:
        study: the resolved study.
        gate: one of its gates.
        evidence: of the gate's own stage.
    """
    better = 1 if study.measure.lower_is_better else -1
    statistics = {row.candidate: _statistic(row, gate.statistic, study) for row in evidence.rows}
    incomplete = [row.candidate for row in evidence.rows if statistics[row.candidate] is None]
    ranked = sorted(
        (name for name, value in statistics.items() if value is not None),
        key=lambda name: (better * _known(statistics[name]), *_tie_key(study, gate, name)),
    )
    contenders = [name for name in ranked if name not in gate.always]
    kept, behind = contenders[: gate.keep], contenders[gate.keep :]
    stopped = ""
    if incomplete and gate.missing.then is Then.STOP:
        stopped = f"{_listed(incomplete)} {_lack(incomplete)} a value at {gate.source}, and the gate says: missing stop"
    standings = []
    for name in [*ranked, *sorted(incomplete)]:
        row = evidence.row(name)
        assert row is not None
        value = statistics[name]
        verdict, ground = _verdict(name, gate, kept, incomplete, stopped=bool(stopped))
        standings.append(
            Standing(
                candidate=name,
                cells=row.cells,
                statistic=None if value is None else exact(value),
                rank=ranked.index(name) + 1 if name in ranked else None,
                verdict=verdict,
                ground=ground,
                margin=_margin(name, value, kept, behind, statistics, better),
                tied_with=tuple(o for o in ranked if o != name and statistics[o] == value and value is not None),
            )
        )
    promoted = [one.candidate for one in standings if one.verdict is Verdict.PROMOTED]
    return GateDecision(
        gate=gate.name,
        seal=digest(closure(study, gate)) if gate.frozen else None,
        stage=gate.source,
        target=gate.target,
        evidence=evidence.digest,
        rule=_clauses(describe_gate(gate)),
        standings=tuple(standings),
        promoted=tuple(sorted(promoted)),
        stopped=stopped,
    )


def _statistic(row: Row, statistic: Statistic, study: Study) -> Fraction | None:
    if row.missing:
        return None
    values = [from_exact(cell.value) for cell in row.cells if cell.value is not None]
    return summarise(values, statistic, lower_is_better=study.measure.lower_is_better)


def _known(value: Fraction | None) -> Fraction:
    assert value is not None
    return value


def _tie_key(study: Study, gate: Gate, name: str) -> tuple[int | str, ...]:
    keys: list[int | str] = []
    for tie in gate.ties:
        match tie:
            case TieBreak.NAME:
                keys.append(name)
            case TieBreak.ORDER:
                keys.append(list(study.candidates).index(name))
            case TieBreak.PARAMETERS:
                keys.append(study.candidates[name].effective.parameters)
    return tuple(keys)


def _verdict(name: str, gate: Gate, kept: list[str], incomplete: list[str], *, stopped: bool) -> tuple[Verdict, Ground]:
    if stopped:
        return Verdict.DROPPED, Ground.MISSING if name in incomplete else Ground.STOPPED
    if name in gate.always:
        return Verdict.PROMOTED, Ground.ALWAYS
    if name in incomplete:
        return Verdict.DROPPED, Ground.MISSING
    return (Verdict.PROMOTED, Ground.TOP) if name in kept else (Verdict.DROPPED, Ground.CUT)


def _margin(
    name: str,
    value: Fraction | None,
    kept: list[str],
    behind: list[str],
    statistics: Mapping[str, Fraction | None],
    better: int,
) -> str | None:
    """Distance to the nearest candidate on the other side of the cut, in the measure's unit."""
    if value is None or (name in kept and not behind) or (name in behind and not kept):
        return None
    if name in kept:
        return exact(better * (_known(statistics[behind[0]]) - value))
    if name in behind:
        return exact(better * (_known(statistics[kept[-1]]) - value))
    return None


def decide_rule(study: Study, rule: Rule, evidence: Evidence) -> RuleDecision:
    """
    Judge one candidate against another, cell by cell.

    Args:
        study: the resolved study.
        rule: one of its rules.
        evidence: of the rule's own stage.
    """
    judged, reference = evidence.row(rule.judged), evidence.row(rule.reference)
    absent = [name for name, row in ((rule.judged, judged), (rule.reference, reference)) if row is None]
    comparisons = _compare(study, rule, judged, reference) if judged and reference else ()
    differences = [from_exact(one.difference) for one in comparisons if one.difference is not None]
    why, then = "", None
    if absent:
        why = f"{_listed(absent)} {'was' if len(absent) == 1 else 'were'} not promoted to {rule.stage}"
        then = rule.absent or rule.missing.then
    elif len(differences) < len(comparisons):
        lacking = [row.candidate for row in (judged, reference) if row is not None and row.missing]
        why = f"{_listed(lacking)} {_lack(lacking)} a value at {rule.stage}"
        then = rule.missing.then
    statistic, margin, answer = None, None, Answer.UNDECIDED
    if not why:
        statistic, margin = _measured(study, rule, differences)
        answer = Answer.HOLDS if margin >= 0 else Answer.FAILS
    return RuleDecision(
        rule=rule.name,
        seal=digest(closure(study, rule)) if rule.frozen else None,
        stage=rule.stage,
        evidence=evidence.digest,
        clauses=_clauses(describe_rule(rule, study.measure)),
        comparisons=comparisons,
        statistic=None if statistic is None else exact(statistic),
        margin=None if margin is None else exact(margin),
        answer=answer,
        why=why,
        stopped=f"{why}, and the rule says: stop" if then is Then.STOP else "",
    )


def _compare(study: Study, rule: Rule, judged: Row, reference: Row) -> tuple[Comparison, ...]:
    # gap: how much worse than the reference; gain: how much better.
    sign = 1 if study.measure.lower_is_better else -1
    sign = -sign if rule.side is Side.GAIN else sign
    found = []
    for mine, other in zip(judged.cells, reference.cells, strict=True):
        difference = None
        if mine.value is not None and other.value is not None:
            difference = sign * (from_exact(mine.value) - from_exact(other.value))
        holds = None if difference is None else _inside(rule, difference) >= 0
        found.append(
            Comparison(
                host=mine.host,
                seed=mine.seed,
                judged=mine.value,
                reference=other.value,
                difference=None if difference is None else exact(difference),
                holds=holds if rule.statistic is Statistic.EVERY else None,
            )
        )
    return tuple(found)


def _measured(study: Study, rule: Rule, differences: list[Fraction]) -> tuple[Fraction, Fraction]:
    """The rule's statistic over the cells, and how far inside its bound that lies."""
    if rule.statistic is Statistic.EVERY:
        nearest = min(differences, key=lambda one: _inside(rule, one))
        return nearest, _inside(rule, nearest)
    # Of gaps the largest is the worst, of gains the smallest.
    value = summarise(differences, rule.statistic, lower_is_better=rule.side is Side.GAP)
    return value, _inside(rule, value)


def _inside(rule: Rule, difference: Fraction) -> Fraction:
    """How far a difference lies inside the bound; negative beyond it."""
    match rule.bound.kind:
        case BoundKind.WITHIN:
            return rule.bound.value - abs(difference)
        case BoundKind.AT_MOST:
            return rule.bound.value - difference
        case BoundKind.AT_LEAST:
            return difference - rule.bound.value


def _clauses(said: Mapping[str, Json]) -> tuple[tuple[str, str], ...]:
    return tuple((word, str(value)) for word, value in said.items() if value is not None)


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _lack(names: list[str]) -> str:
    return "lacks" if len(names) == 1 else "lack"
