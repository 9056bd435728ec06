"""
Record to tables for other programs: one row a decision, candidate and condition; one row a run.

Numbers are the exact texts of the evidence, not the rounded ones that people are shown.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

from promo.decision.values import (
    About,
    Decision,
    Finding,
    Forecasting,
    Judgement,
    Ranking,
    Reducing,
    Scheduling,
    Walking,
)
from promo.evidence.values import Cell
from promo.ledger.state import Attempt
from promo.report.changed import changes
from promo.report.decided import attempt_cause, because_words, fate_words
from promo.report.declared import describe_level
from promo.report.describe import describe_condition, describe_reduction
from promo.report.environment import Environments
from promo.report.foretold import foretold_rows
from promo.report.record import Record
from promo.run.values import Facts, Work
from promo.study.values import Study

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
    "changed",
    "host",
    "seed",
    "state",
    "status",
    "cause",
    "metric",
    "value",
    "spent_s",
    "slot_s",
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
    study = record.study
    for decision in record.verdicts.values():
        found = decision.found
        match found:
            case Ranking():
                yield from _gate(decision, found, study)
            case Reducing():
                yield from _reduction(decision, found, study)
            case Walking():
                trying = decision.promoted[0] if decision.promoted else ""
                seen = ("", found.statistic or "", "tries" if trying else "ended", f"stands at {found.place}")
                yield (*_head(decision, "baseline", found.stages[-1]), trying, *seen, "", "", "", "", "")
            case Judgement():
                yield from _rule(decision, found, study)
            case Forecasting() | Scheduling():
                for name, stage, value, interval, came in foretold_rows(decision, found, record):
                    said = (name, "", value, interval, came)
                    yield (*_head(decision, decision.kind, stage), *said, "", "", "", "", "")
            case _:
                assert_never(found)


def _gate(decision: Decision, found: Ranking, study: Study) -> Iterator[tuple[str, ...]]:
    keep = describe_condition(found.keep, study.measure)
    for standing in found.standings:
        findings: Iterable[Finding | None] = standing.findings or (None,)
        for finding in findings:
            yield (
                *_head(decision, "gate", found.stage),
                standing.candidate,
                "" if standing.rank is None else str(standing.rank),
                standing.statistic or "",
                standing.verdict.value,
                standing.ground.value,
                *_finding(finding, keep, standing.margin, study),
                _cells(standing.cells),
            )


def _rule(decision: Decision, found: Judgement, study: Study) -> Iterator[tuple[str, ...]]:
    pairs = (f"{one.host}/{one.seed}={one.judged or ''}:{one.reference or ''}" for one in found.comparisons)
    why = "" if found.undecided is None else because_words(decision.name, found.undecided, study)
    cells = " ".join(pairs)
    for finding in found.findings or (None,):
        about = [one.candidate for one in (finding.details if finding else ()) if isinstance(one, About)]
        judged = " ".join(about or found.judged)
        head = (*_head(decision, "rule", found.stage), judged, "", "", found.answer.value, why)
        yield (*head, *_finding(finding, "", None, study), cells)


def _reduction(decision: Decision, found: Reducing, study: Study) -> Iterator[tuple[str, ...]]:
    asked = str(describe_reduction(study.reductions[decision.name], study.measure)["fix"])
    for one in found.factors:
        verdict = "free" if one.level is None else f"fixed at {describe_level(one.level)}"
        for seen in one.seen:
            head = _head(decision, "reduce", seen.stage)
            condition = (asked, "yes" if seen.discovered else "no", "", "")
            effect, adjusted = seen.effect or "", f"adjusted_p={seen.adjusted or ''}"
            yield (*head, one.factor, "", effect, verdict, fate_words(one), *condition, adjusted)


def _head(decision: Decision, kind: str, stage: str) -> tuple[str, ...]:
    return decision.name, kind, stage, decision.seal or "", decision.inputs[0].digest


def _finding(finding: Finding | None, condition: str, margin: str | None, study: Study) -> tuple[str, str, str, str]:
    if finding is None:
        return condition, "", "", margin or ""
    holds = {True: "yes", False: "no", None: ""}[finding.holds]
    said = describe_condition(finding.condition, study.measure)
    return said, holds, finding.statistic or "", finding.margin or ""


def _cells(cells: tuple[Cell, ...]) -> str:
    return " ".join(f"{cell.host}/{cell.seed}={cell.value or cell.status.value}" for cell in cells)


def run_table(record: Record) -> Iterator[tuple[str, ...]]:
    """Rows of `RUN_COLUMNS`, one for each attempt, in the order in which they were started."""
    places, changed = Environments(record), changes(record.study, record.candidates)
    for attempt in record.attempts():
        place = places.number(attempt)
        where = ("" if place is None else str(place), *places.texts(attempt))
        yield (*_run(record, attempt, changed), attempt.started, attempt.ended, *where)


def _run(record: Record, attempt: Attempt, changed: Mapping[str, str]) -> tuple[str, ...]:
    result = record.results.get((attempt.run, attempt.number))
    facts = result.body.facts if result and result.body else Facts()
    work = result.body.work if result and result.body else Work()
    metric = record.study.measure.metric
    return (
        attempt.run,
        str(attempt.number),
        attempt.stage,
        attempt.candidate,
        changed.get(attempt.candidate, ""),
        attempt.host,
        str(attempt.seed),
        attempt.state.value,
        attempt.status.value if attempt.status else "",
        attempt_cause(attempt, record.study),
        metric,
        (result.metrics.get(metric) or "") if result else "",
        attempt.train_s or "",
        attempt.device_s or "",
        *(str(one or "") for one in (work.steps, work.tokens, work.tokens_per_s)),
        *(str(one or "") for one in (facts.peak_rss_bytes, facts.peak_device_bytes)),
        attempt.envelope or "",
    )
