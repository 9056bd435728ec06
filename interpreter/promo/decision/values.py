"""
Decisions: who was promoted, what was judged, and the numbers that made it so.

Numbers are exact where they can be: statistics, gaps and margins are rationals kept as text.  A decision holds nothing
that does not follow from its rule and its evidence, so that anyone can derive it again and compare bytes.
"""

from enum import Enum

from attrs import frozen

from promo.base.canonical import Json, digest
from promo.evidence.values import Cell


class Verdict(Enum):
    """What a gate does with a candidate."""

    PROMOTED = "promoted"
    DROPPED = "dropped"


class Ground(Enum):
    """Why."""

    TOP = "among the best"
    MET = "the condition holds"
    ALWAYS = "always kept"
    SAMPLE = "drawn from the dropped"
    CUT = "behind the cut"
    NOT_MET = "the condition does not hold"
    MISSING = "a value is missing"
    CRASHED = "a run failed by its own fault"
    STOPPED = "the gate stopped the study"
    HELD = "a person has to decide"
    PERSON = "a person decided"


@frozen
class Finding:
    """One condition on one candidate: whether it holds (None: it cannot be told) and by how much."""

    condition: str
    holds: bool | None
    statistic: str | None = None
    margin: str | None = None
    """How far inside its bound; negative beyond it."""
    details: tuple[tuple[str, str], ...] = ()


@frozen
class Standing:
    """A candidate before a gate."""

    candidate: str
    cells: tuple[Cell, ...]
    statistic: str | None
    """Exact, in the measure's unit; None when a cell has no value."""
    rank: int | None
    """Place among all candidates that can be ranked, 1 is best; ties are broken as the gate says."""
    verdict: Verdict
    ground: Ground
    margin: str | None
    """Margin of the gate's condition where that is a single one."""
    tied_with: tuple[str, ...]
    """Candidates of equal statistic, which the gate's `ties` clause told apart."""
    findings: tuple[Finding, ...]


@frozen
class GateDecision:
    """What a gate decided."""

    gate: str
    seal: str | None
    """Digest of the frozen gate's closure; None for a gate that is not frozen."""
    stage: str
    target: str
    evidence: str
    """Digest of the evidence."""
    rule: tuple[tuple[str, str], ...]
    """The gate's clauses in canonical words."""
    demands: tuple[Finding, ...]
    kept_by: str
    """The condition that candidates were kept by, in words."""
    standings: tuple[Standing, ...]
    """Best first; those without a statistic last, by name."""
    promoted: tuple[str, ...]
    stopped: str
    """Why the study cannot go on; empty when it can."""
    held: str
    """Why a person has to decide; empty when nobody has to."""


class Answer(Enum):
    """What a rule found."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"


@frozen
class Comparison:
    """One cell of a rule: both values and how much worse the judged candidate is."""

    candidate: str
    host: str
    seed: int
    judged: str | None
    reference: str | None
    difference: str | None


@frozen
class RuleDecision:
    """What a rule found."""

    rule: str
    seal: str | None
    stage: str
    evidence: str
    clauses: tuple[tuple[str, str], ...]
    judged: tuple[str, ...]
    """Whom it was about, sorted; nobody when all who could be promoted were dropped."""
    comparisons: tuple[Comparison, ...]
    findings: tuple[Finding, ...]
    answer: Answer
    why: str
    """Why it is undecided; empty otherwise."""
    stopped: str
    held: str


@frozen
class Fixing:
    """A factor before a reduction: fixed at a level, or left in the search, and why."""

    factor: str
    level: str | None
    """Where it is fixed; None when it stays free."""
    why: str
    seen: tuple[tuple[str, str | None, str | None, bool], ...]
    """Stage, estimated effect, adjusted p and whether it was discovered there."""


@frozen
class ReduceDecision:
    """What a reduction fixed, and which rows go on."""

    reduction: str
    seal: str | None
    effects: str
    """Digest of the table of effects that was read."""
    stages: tuple[tuple[str, str], ...]
    """Stage -> digest of its evidence, for those that the effects are of."""
    around: tuple[str, ...]
    """Candidates whose neighbours may go on, where that is for a gate to say; sorted."""
    clauses: tuple[tuple[str, str], ...]
    factors: tuple[Fixing, ...]
    into: str
    promoted: tuple[str, ...]
    left: tuple[str, ...]
    """Rows that do not agree with what is fixed."""
    stopped: str
    held: str

    @property
    def fixed(self) -> tuple[Fixing, ...]:
        """Factors that are out of the search."""
        return tuple(one for one in self.factors if one.level is not None)

    @property
    def stage(self) -> str:
        """The stages it read, in words."""
        return ", ".join(stage for stage, _ in self.stages)

    @property
    def evidence(self) -> str:
        """Digest of what was read."""
        return self.effects


@frozen
class StepDecision:
    """How far a greedy walk has come, and what it tries next; nobody when it has ended."""

    step: str
    baseline: str
    stages: tuple[tuple[str, str], ...]
    """Stage -> digest of its evidence."""
    place: str
    statistic: str | None
    moves: tuple[str, ...]
    promoted: tuple[str, ...]
    seal: None = None
    stopped: str = ""
    held: str = ""

    @property
    def stage(self) -> str:
        """The last step that it read."""
        return self.stages[-1][0]

    @property
    def evidence(self) -> str:
        """Digest of the last evidence that it read."""
        return self.stages[-1][1]


Decision = GateDecision | RuleDecision | ReduceDecision | StepDecision


def decision_digest(decision: Decision) -> str:
    """Digest of a decision's canonical form."""
    return digest(decision_to_json(decision))


def decision_to_json(decision: Decision) -> dict[str, Json]:
    """A decision as stored."""
    if isinstance(decision, GateDecision):
        return {
            "promo_decision": 1,
            "gate": decision.gate,
            "seal": decision.seal,
            "stage": decision.stage,
            "target": decision.target,
            "evidence": decision.evidence,
            "rule": dict(decision.rule),
            "demands": [_finding(finding) for finding in decision.demands],
            "kept_by": decision.kept_by,
            "standings": [standing_to_json(standing) for standing in decision.standings],
            "promoted": list(decision.promoted),
            "stopped": decision.stopped,
            "held": decision.held,
        }
    if isinstance(decision, StepDecision):
        return {
            "promo_decision": 1,
            "baseline": decision.baseline,
            "step": decision.step,
            "evidence": dict(decision.stages),
            "place": decision.place,
            "statistic": decision.statistic,
            "moves": list(decision.moves),
            "promoted": list(decision.promoted),
        }
    if isinstance(decision, ReduceDecision):
        return {
            "promo_decision": 1,
            "reduce": decision.reduction,
            "seal": decision.seal,
            "effects": decision.effects,
            "evidence": dict(decision.stages),
            "around": list(decision.around),
            "clauses": dict(decision.clauses),
            "factors": [fixing_to_json(one) for one in decision.factors],
            "into": decision.into,
            "promoted": list(decision.promoted),
            "left": list(decision.left),
            "stopped": decision.stopped,
            "held": decision.held,
        }
    return {
        "promo_decision": 1,
        "rule": decision.rule,
        "seal": decision.seal,
        "stage": decision.stage,
        "evidence": decision.evidence,
        "clauses": dict(decision.clauses),
        "judged": list(decision.judged),
        "comparisons": [
            {
                "candidate": one.candidate,
                "host": one.host,
                "seed": one.seed,
                "judged": one.judged,
                "reference": one.reference,
                "difference": one.difference,
            }
            for one in decision.comparisons
        ],
        "findings": [_finding(finding) for finding in decision.findings],
        "answer": decision.answer.value,
        "why": decision.why,
        "stopped": decision.stopped,
        "held": decision.held,
    }


def standing_to_json(standing: Standing) -> dict[str, Json]:
    """A candidate's standing as stored."""
    return {
        "candidate": standing.candidate,
        "cells": [
            {"host": cell.host, "seed": cell.seed, "status": cell.status, "value": cell.value, "run": cell.run}
            for cell in standing.cells
        ],
        "statistic": standing.statistic,
        "rank": standing.rank,
        "verdict": standing.verdict.value,
        "ground": standing.ground.value,
        "margin": standing.margin,
        "tied_with": list(standing.tied_with),
        "findings": [_finding(finding) for finding in standing.findings],
    }


def fixing_to_json(one: Fixing) -> dict[str, Json]:
    """What became of a factor as stored."""
    seen: list[Json] = [
        {"stage": stage, "effect": value, "adjusted": adjusted, "discovered": discovered}
        for stage, value, adjusted, discovered in one.seen
    ]
    return {"factor": one.factor, "level": one.level, "why": one.why, "seen": seen}


def _finding(finding: Finding) -> dict[str, Json]:
    return {
        "condition": finding.condition,
        "holds": finding.holds,
        "statistic": finding.statistic,
        "margin": finding.margin,
        "details": dict(finding.details),
    }
