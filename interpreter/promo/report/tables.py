"""
Record to tidy tables for other programs: a column holds one kind of thing, and a field one value.

A row is a run, a measured point, a decision on a candidate under a condition, or a cell that a decision read.  Numbers
are the exact texts of the evidence, not the rounded ones that people are shown.
"""

from collections.abc import Iterable, Iterator
from typing import assert_never

from promo.base.canonical import exact, from_exact
from promo.base.floats import nearest
from promo.decision.spending import paid
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
from promo.evidence.values import CellStatus
from promo.ledger.state import Attempt, AttemptState
from promo.report.decided import attempt_cause, because_words, fate_words, verdict_word
from promo.report.declared import describe_level
from promo.report.describe import describe_condition, describe_reduction
from promo.report.environment import Environments
from promo.report.places import COLUMNS as PLACE_COLUMNS
from promo.report.places import other_columns, places
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
    "changed",
    "rank",
    "statistic",
    "verdict",
    "ground",
    "condition",
    "holds",
    "condition_statistic",
    "margin",
    "adjusted_p",
)
CELL_COLUMNS = (
    "decision", "kind", "stage", "candidate", "changed", "host", "seed", "status", "value", "reference", "difference",
)  # fmt: skip
POINT_COLUMNS = (
    "run", "stage", "candidate", "changed", "host", "seed", "step", "tokens", "charged_s", "name", "value",
)  # fmt: skip
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
    "rank",
    "verdict",
    "spent_s",
    "slot_s",
    "devices",
    "paid",
    "steps",
    "tokens",
    "tokens_per_s",
    "peak_rss_bytes",
    "peak_device_bytes",
    "envelope",
    "started",
    "ended",
    "environment",
    *PLACE_COLUMNS,
)


MEASURED = frozenset(
    {"value", "reference", "difference", "statistic", "condition_statistic", "margin", "adjusted_p", "paid"}
)
"""Columns of numbers that may be exact fractions."""
SHORT = 15
"""Digits that a float always has: a number of no more is read back as it is written."""


def decimal(text: str) -> str:
    """An exact number for a file: the shortest text that is read back as the same float."""
    if "/" not in text and len(text) <= SHORT:
        return text
    return min(text, repr(nearest(from_exact(text))).removesuffix(".0"), key=lambda one: ("/" in one, len(one)))


FACTOR = "factor_"
"""How the columns of factors begin, so that none is called like another column."""


def decision_rows(record: Record) -> Iterator[tuple[str, ...]]:
    """Rows of `DECISION_COLUMNS`; a gate and a rule have one for each candidate and condition.

    A reduction has one for each factor and stage, with the factor in the place of the candidate.
    """
    study = record.study
    for decision in record.verdicts.values():
        found = decision.found
        match found:
            case Ranking():
                yield from _gate(record, decision, found)
            case Reducing():
                yield from _reduction(decision, found, study)
            case Walking():
                trying = decision.promoted[0] if decision.promoted else ""
                seen = ("", found.statistic or "", "tries" if trying else "ended", f"stands at {found.place}")
                yield (*_head(decision, "baseline", found.stages[-1]), *_who(record, trying), *seen, "", "", "", "", "")
            case Judgement():
                yield from _rule(record, decision, found)
            case Forecasting() | Scheduling():
                for told in found.foretold:
                    about = (*_head(decision, decision.kind, told.stage), *_who(record, told.candidate))
                    head = (*about, "", told.value, "foretold", "")
                    for end, value in (("low", told.low), ("high", told.high)):
                        yield (*head, f"{end} end of its interval", "", value, "", "")
            case _:
                assert_never(found)


def _who(record: Record, name: str) -> tuple[str, str]:
    """A candidate and what changed in it, in two columns."""
    return name, record.changed.get(name, "")


def _gate(record: Record, decision: Decision, found: Ranking) -> Iterator[tuple[str, ...]]:
    study = record.study
    keep = describe_condition(found.keep, study.measure)
    for standing in found.standings:
        findings: Iterable[Finding | None] = standing.findings or (None,)
        for finding in findings:
            yield (
                *_head(decision, "gate", found.stage),
                *_who(record, standing.candidate),
                "" if standing.rank is None else str(standing.rank),
                standing.statistic or "",
                verdict_word(standing, decision),
                standing.ground.value,
                *_finding(finding, keep, standing.margin, study),
                "",
            )


def _rule(record: Record, decision: Decision, found: Judgement) -> Iterator[tuple[str, ...]]:
    study = record.study
    why = "" if found.undecided is None else because_words(decision.name, found.undecided, study, str)
    for finding in found.findings or (None,):
        about = [one.candidate for one in (finding.details if finding else ()) if isinstance(one, About)]
        for judged in about or found.judged or ("",):
            head = (*_head(decision, "rule", found.stage), *_who(record, judged), "", "", found.answer.value, why)
            yield (*head, *_finding(finding, "", None, study), "")


def _reduction(decision: Decision, found: Reducing, study: Study) -> Iterator[tuple[str, ...]]:
    asked = str(describe_reduction(study.reductions[decision.name], study.measure)["fix"])
    for one in found.factors:
        verdict = "free" if one.level is None else f"fixed at {describe_level(one.level)}"
        for seen in one.seen:
            head = _head(decision, "reduce", seen.stage)
            condition = (asked, "yes" if seen.discovered else "no", "", "")
            yield (
                *head,
                one.factor,
                "",
                "",
                seen.effect or "",
                verdict,
                fate_words(one),
                *condition,
                seen.adjusted or "",
            )


def _head(decision: Decision, kind: str, stage: str) -> tuple[str, ...]:
    return decision.name, kind, stage, decision.seal or "", decision.inputs[0].digest


def _finding(finding: Finding | None, condition: str, margin: str | None, study: Study) -> tuple[str, str, str, str]:
    if finding is None:
        return condition, "", "", margin or ""
    holds = {True: "yes", False: "no", None: ""}[finding.holds]
    said = describe_condition(finding.condition, study.measure)
    return said, holds, finding.statistic or "", finding.margin or ""


def cell_rows(record: Record) -> Iterator[tuple[str, ...]]:
    """Rows of `CELL_COLUMNS`: every value that a gate ranked by or a rule compared, or why there is none."""
    for decision in record.verdicts.values():
        match decision.found:
            case Ranking() as found:
                for standing in found.standings:
                    for cell in standing.cells:
                        who = _who(record, standing.candidate)
                        about = ("gate", found.stage, *who, cell.host, str(cell.seed))
                        yield (decision.name, *about, cell.status.value, cell.value or "", "", "")
            case Judgement() as found:
                for one in found.comparisons:
                    who = _who(record, one.candidate)
                    about = ("rule", found.stage, *who, one.host, str(one.seed))
                    status = "" if one.judged is None else CellStatus.OK.value
                    yield (decision.name, *about, status, one.judged or "", one.reference or "", one.difference or "")
            case Reducing() | Walking() | Forecasting() | Scheduling():
                continue
            case _:
                assert_never(decision.found)


def standings(decisions: Iterable[Decision]) -> dict[tuple[str, str], tuple[str, str]]:
    """(Stage, candidate) -> its rank there, if it has one, and the verdict of the first gate that reads the stage."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for decision in decisions:
        if decision.ranking is not None:
            for one in decision.ranking.standings:
                rank = "" if one.rank is None else str(one.rank)
                found.setdefault((decision.ranking.stage, one.candidate), (rank, verdict_word(one, decision)))
    return found


def answers(decisions: Iterable[Decision]) -> dict[tuple[str, str], dict[str, str]]:
    """(Stage, candidate) -> each rule that judged it there, with what the rule found."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for decision in decisions:
        if isinstance(decision.found, Judgement):
            for name in decision.found.judged:
                found.setdefault((decision.found.stage, name), {})[decision.name] = decision.found.answer.value
    return found


def point_rows(record: Record) -> Iterator[tuple[str, ...]]:
    """Rows of `POINT_COLUMNS`: every value that a run with an accepted result measured on its way."""
    for attempt in record.attempts():
        if attempt.state is AttemptState.ACCEPTED:
            about = (attempt.run, attempt.stage, *_who(record, attempt.candidate), attempt.host, str(attempt.seed))
            for point in record.points.get(attempt.run, ()):
                at = ("" if one is None else str(one) for one in (point.step, point.tokens, point.charged_s))
                where = (*about, *at)
                yield from ((*where, name, value) for name, value in point.metrics.items())


def run_columns(record: Record) -> tuple[str, ...]:
    """`RUN_COLUMNS`, a column for each other fact of where runs were made, and one for each factor."""
    return (*RUN_COLUMNS, *fact_columns(record), *(f"{FACTOR}{name}" for name in record.study.factors))


def fact_columns(record: Record) -> tuple[str, ...]:
    """Facts of machine, device and software that only some studies have: recorded variables, what a runner adds."""
    return other_columns(places(record).values())


def run_table(record: Record) -> Iterator[tuple[str, ...]]:
    """Rows of `run_columns`, one for each attempt, in the order in which they were started."""
    numbers, ranked, made = Environments(record), standings(record.verdicts.values()), places(record)
    facts = (*PLACE_COLUMNS, *other_columns(made.values()))
    factors = {name: tuple(_factors(record.study, name)) for name in record.study.candidates}
    for attempt in record.attempts():
        number, seen = numbers.number(attempt), made.get((attempt.run, attempt.number), {})
        where = ("" if number is None else str(number), *(seen.get(name, "") for name in facts))
        standing = ranked.get((attempt.stage, attempt.candidate), ("", ""))
        yield (*_run(record, attempt, standing), attempt.started, attempt.ended, *where, *factors[attempt.candidate])


def _factors(study: Study, candidate: str) -> Iterator[str]:
    """A candidate's level of each factor; empty where it has none."""
    levels = dict(study.candidates[candidate].levels)
    return (describe_level(levels[name]) if name in levels else "" for name in study.factors)


def _paid(record: Record, attempt: Attempt) -> str:
    """What an ended attempt cost, in the study's currency; empty where its host has no price."""
    priced = record.study.hosts[attempt.host].price is not None and not record.state.replay
    return exact(paid(record.study, attempt)) if priced and attempt.state is not AttemptState.RUNNING else ""


def _run(record: Record, attempt: Attempt, standing: tuple[str, str]) -> tuple[str, ...]:
    result = record.results.get((attempt.run, attempt.number))
    facts = result.body.facts if result and result.body else Facts()
    work = result.body.work if result and result.body else Work()
    metric = record.study.measure.metric
    return (
        attempt.run,
        str(attempt.number),
        attempt.stage,
        *_who(record, attempt.candidate),
        attempt.host,
        str(attempt.seed),
        attempt.state.value,
        attempt.status.value if attempt.status else "",
        attempt_cause(attempt, record.study),
        metric,
        (result.metrics.get(metric) or "") if result else "",
        *standing,
        attempt.train_s or "",
        attempt.device_s or "",
        str(record.study.width(attempt.stage, attempt.host)),
        _paid(record, attempt),
        *(str(one or "") for one in (work.steps, work.tokens, work.tokens_per_s)),
        *(str(one or "") for one in (facts.peak_rss_bytes, facts.peak_device_bytes)),
        attempt.envelope or "",
    )
