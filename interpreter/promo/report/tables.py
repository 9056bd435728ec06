"""
Record to tables for other programs: one row a decision, candidate and condition; one row a run.

Numbers are the exact texts of the evidence, not the rounded ones that people are shown.
"""

from collections.abc import Iterable, Iterator

from promo.decision.values import Decision, Finding, GateDecision, ReduceDecision, RuleDecision, StepDecision
from promo.evidence.values import Cell
from promo.ledger.state import Attempt
from promo.report.environment import Environments
from promo.report.record import Record, part

DECISION_COLUMNS = (
    "decision",
    "kind",
    "stage",
    "seal",
    "evidence",
    "candidate",
    "rank",
    "statistic",
    "verdict",
    "ground",
    "condition",
    "holds",
    "condition_statistic",
    "margin",
    "cells",
)
RUN_COLUMNS = (
    "run",
    "attempt",
    "stage",
    "candidate",
    "host",
    "seed",
    "state",
    "status",
    "cause",
    "metric",
    "value",
    "train_s",
    "device_s",
    "steps",
    "tokens",
    "tokens_per_s",
    "peak_rss_bytes",
    "peak_device_bytes",
    "envelope",
    "started",
    "ended",
    "environment",
    "machine",
    "device",
    "software",
)


def decision_rows(record: Record) -> Iterator[tuple[str, ...]]:
    """Rows of `DECISION_COLUMNS`; a gate has one for each candidate and condition, a rule one for each condition.

    A reduction has one for each factor and stage, with the factor in the place of the candidate.
    """
    for name, decision in record.verdicts.items():
        match decision:
            case GateDecision():
                yield from _gate(name, decision)
            case ReduceDecision():
                yield from _reduction(name, decision)
            case StepDecision():
                trying = decision.promoted[0] if decision.promoted else ""
                seen = ("", decision.statistic or "", "tries" if trying else "ended", f"stands at {decision.place}")
                yield (*_head(name, "baseline", decision), trying, *seen, "", "", "", "", "")
            case RuleDecision():
                yield from _rule(name, decision)


def _gate(name: str, decision: GateDecision) -> Iterator[tuple[str, ...]]:
    for standing in decision.standings:
        findings: Iterable[Finding | None] = standing.findings or (None,)
        for finding in findings:
            yield (
                *_head(name, "gate", decision),
                standing.candidate,
                "" if standing.rank is None else str(standing.rank),
                standing.statistic or "",
                standing.verdict.value,
                standing.ground.value,
                *_finding(finding, decision.kept_by, standing.margin),
                _cells(standing.cells),
            )


def _rule(name: str, decision: RuleDecision) -> Iterator[tuple[str, ...]]:
    pairs = (f"{one.host}/{one.seed}={one.judged or ''}:{one.reference or ''}" for one in decision.comparisons)
    cells = " ".join(pairs)
    for finding in decision.findings or (None,):
        about = dict(finding.details).get("candidate") if finding is not None else None
        yield (
            *_head(name, "rule", decision),
            about or " ".join(decision.judged),
            "",
            "",
            decision.answer.value,
            decision.why,
            *_finding(finding, "", None),
            cells,
        )


def _reduction(name: str, decision: ReduceDecision) -> Iterator[tuple[str, ...]]:
    asked = dict(decision.clauses)["fix"]
    for one in decision.factors:
        verdict = "free" if one.level is None else f"fixed at {one.level}"
        for stage, value, adjusted, found in one.seen:
            head = (name, "reduce", stage, decision.seal or "", decision.evidence)
            condition = (asked, "yes" if found else "no", "", "")
            yield (*head, one.factor, "", value or "", verdict, one.why, *condition, f"adjusted_p={adjusted or ''}")


def _head(name: str, kind: str, decision: Decision) -> tuple[str, ...]:
    return name, kind, decision.stage, decision.seal or "", decision.evidence


def _finding(finding: Finding | None, condition: str, margin: str | None) -> tuple[str, str, str, str]:
    if finding is None:
        return condition, "", "", margin or ""
    holds = {True: "yes", False: "no", None: ""}[finding.holds]
    return finding.condition, holds, finding.statistic or "", finding.margin or ""


def _cells(cells: tuple[Cell, ...]) -> str:
    return " ".join(f"{cell.host}/{cell.seed}={cell.value or cell.status}" for cell in cells)


def run_table(record: Record) -> Iterator[tuple[str, ...]]:
    """Rows of `RUN_COLUMNS`, one for each attempt, in the order in which they were started."""
    places = Environments(record)
    for attempt in record.attempts():
        place = places.number(attempt)
        where = ("" if place is None else str(place), *places.texts(attempt))
        yield (*_run(record, attempt), attempt.started, attempt.ended, *where)


def _run(record: Record, attempt: Attempt) -> tuple[str, ...]:
    result = record.results.get((attempt.run, attempt.number))
    details = result.details if result else {}
    work, memory = part(details, "work"), part(details, "memory")
    metric = record.study.measure.metric
    return (
        attempt.run,
        str(attempt.number),
        attempt.stage,
        attempt.candidate,
        attempt.host,
        str(attempt.seed),
        attempt.state.value,
        attempt.status,
        attempt.cause,
        metric,
        (result.metrics.get(metric) or "") if result else "",
        attempt.train_s or "",
        attempt.device_s or "",
        *(str(work.get(name) or "") for name in ("steps", "tokens", "tokens_per_s")),
        *(str(memory.get(name) or "") for name in ("peak_rss_bytes", "peak_device_bytes")),
        attempt.envelope or "",
    )
