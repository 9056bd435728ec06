"""
Decisions: who was promoted, what was judged, and the numbers that made it so.

Numbers are exact: statistics, gaps and margins are rationals kept as text.  A decision holds nothing that does not
follow from its rule and its evidence, so that anyone can derive it again and compare bytes.
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
    ALWAYS = "always kept"
    CUT = "behind the cut"
    MISSING = "a value is missing"
    STOPPED = "the gate stopped the study"


@frozen
class Standing:
    """A candidate before a gate."""

    candidate: str
    cells: tuple[Cell, ...]
    statistic: str | None
    """Exact, in the measure's unit; None when a cell has no value."""
    rank: int | None
    """Place among all candidates with a statistic, 1 is best; ties are broken as the gate says."""
    verdict: Verdict
    ground: Ground
    margin: str | None
    """Exact distance to the other side of the cut: positive for those kept, negative or 0 for those behind it."""
    tied_with: tuple[str, ...]
    """Candidates of equal statistic, which the gate's `ties` clause told apart."""


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
    standings: tuple[Standing, ...]
    """Best first; those without a statistic last, by name."""
    promoted: tuple[str, ...]
    stopped: str
    """Why the study cannot go on; empty when it can."""


class Answer(Enum):
    """What a rule found."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"


@frozen
class Comparison:
    """One cell of a rule: both values and their difference in the rule's direction."""

    host: str
    seed: int
    judged: str | None
    reference: str | None
    difference: str | None
    holds: bool | None
    """For rules over every cell: whether this one is inside the bound."""


@frozen
class RuleDecision:
    """What a rule found."""

    rule: str
    seal: str | None
    stage: str
    evidence: str
    clauses: tuple[tuple[str, str], ...]
    comparisons: tuple[Comparison, ...]
    statistic: str | None
    """Exact; for rules over every cell the one nearest to, or furthest beyond, the bound."""
    margin: str | None
    """How far inside the bound; negative when beyond it."""
    answer: Answer
    why: str
    """Why it is undecided; empty otherwise."""
    stopped: str


Decision = GateDecision | RuleDecision


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
            "standings": [_standing(standing) for standing in decision.standings],
            "promoted": list(decision.promoted),
            "stopped": decision.stopped,
        }
    return {
        "promo_decision": 1,
        "rule": decision.rule,
        "seal": decision.seal,
        "stage": decision.stage,
        "evidence": decision.evidence,
        "clauses": dict(decision.clauses),
        "comparisons": [
            {
                "host": one.host,
                "seed": one.seed,
                "judged": one.judged,
                "reference": one.reference,
                "difference": one.difference,
                "holds": one.holds,
            }
            for one in decision.comparisons
        ],
        "statistic": decision.statistic,
        "margin": decision.margin,
        "answer": decision.answer.value,
        "why": decision.why,
        "stopped": decision.stopped,
    }


def _standing(standing: Standing) -> dict[str, Json]:
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
    }
