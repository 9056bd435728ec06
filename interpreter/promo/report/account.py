"""
What gates saved and what they may have cost: spent, supposed, and the audit sample of the dropped.

Supposed hours are the plan's arithmetic and nothing more.  Whether a drop was wrong is known only of candidates that
really went on: those that a `sample` clause drew.
"""

from collections.abc import Iterator
from fractions import Fraction

from attrs import frozen

from promo.base.canonical import Json, exact, from_exact
from promo.decision.conditions import complete
from promo.decision.stats import sampled_interval, summarise
from promo.decision.values import Decision, Ground, Ranking, Verdict
from promo.evidence.values import Evidence
from promo.report.plan import amount_text, amount_unit, share_text
from promo.report.record import Record
from promo.report.words import listed, number
from promo.study.judgement import Gate

CONFIDENCE = Fraction(95, 100)


@frozen
class GateAccount:
    """One decided gate: what its target stage cost, and would have cost with everyone who entered the gate."""

    gate: str
    target: str
    entered: int
    went_on: int
    cells: int
    cap_s: int
    spent_s: Fraction
    """Trained in the whole study, every attempt."""

    @property
    def branch_s(self) -> int:
        """Priced: those who went on, at the target's cap."""
        return self.went_on * self.cells * self.cap_s

    @property
    def supposed_s(self) -> int:
        """Priced: everyone, at the target's cap."""
        return self.entered * self.cells * self.cap_s


@frozen
class Sampled:
    """What the audit sample of a gate showed at its target stage."""

    gate: str
    target: str
    dropped: int
    """Contenders that the gate's condition did not keep, those drawn included."""
    drawn: tuple[str, ...]
    known: tuple[str, ...]
    """Drawn, and with every value at the target."""
    wrong: tuple[str, ...]
    """Known, and better there than the worst candidate that the condition kept."""
    regret: str | None
    """How much better the best known one is than the best kept, not below 0, exact; None when nothing is known."""
    interval: tuple[int, int] | None
    """Fewest and most wrong drops among all dropped, 95% exact; None when nothing is known."""


def gate_accounts(record: Record) -> Iterator[GateAccount]:
    """Gates whose target stage was opened, in the order of decisions."""
    for decision, found in _decided(record):
        if found.target in record.state.opened:
            stage = record.study.stages[found.target]
            went_on = len(record.state.opened[found.target])
            yield GateAccount(
                gate=decision.name,
                target=found.target,
                entered=len(found.standings),
                went_on=went_on,
                cells=len(stage.cells),
                cap_s=stage.budget.cap_s,
                spent_s=record.trained_s(),
            )


def samples(record: Record) -> Iterator[Sampled]:
    """Gates that drew some of the dropped, and whose target stage has ended."""
    for decision, found in _decided(record):
        gate = record.study.gates[decision.name]
        evidence = record.evidence.get(found.target)
        drawn = tuple(one.candidate for one in found.standings if one.ground is Ground.SAMPLE)
        if drawn and evidence is not None and found.target in record.state.closed:
            yield _sampled(record, gate, found, drawn, evidence)


def _decided(record: Record) -> list[tuple[Decision, Ranking]]:
    """Decided gates, each with what it found; a growth compares ways and leads to no stage."""
    verdicts = (one for name, one in record.verdicts.items() if name not in record.study.grows)
    return [(one, one.ranking) for one in verdicts if one.ranking is not None]


def _sampled(record: Record, gate: Gate, decision: Ranking, drawn: tuple[str, ...], evidence: Evidence) -> Sampled:
    kept_by_condition = (Ground.TOP, Ground.MET)
    scores = {name: _score(record, gate, evidence, name) for name in (one.candidate for one in decision.standings)}
    kept = [one.candidate for one in decision.standings if one.ground in kept_by_condition]
    measured = [score for name in kept if (score := scores[name]) is not None]
    behind = (Ground.SAMPLE, Ground.CUT, Ground.NOT_MET)
    dropped = sum(one.ground in behind for one in decision.standings)
    known = tuple(name for name in drawn if scores[name] is not None) if measured else ()
    values = {name: score for name in known if (score := scores[name]) is not None}
    wrong = tuple(name for name in known if values[name] < max(measured))
    regret = max(min(measured) - min(values.values()), Fraction(0)) if values else None
    return Sampled(
        gate=gate.name,
        target=decision.target,
        dropped=dropped,
        drawn=drawn,
        known=known,
        wrong=wrong,
        regret=None if regret is None else exact(regret),
        interval=sampled_interval(len(wrong), len(known), dropped, CONFIDENCE) if known else None,
    )


def _score(record: Record, gate: Gate, evidence: Evidence, name: str) -> Fraction | None:
    """The gate's own statistic at the target stage, turned so that smaller is better."""
    row = evidence.row(name)
    values = complete(row) if row is not None else None
    if values is None:
        return None
    lower = record.study.measure.lower_is_better
    score = summarise(list(values.values()), gate.statistic, lower_is_better=lower)
    return score if lower else -score


def account_lines(record: Record) -> Iterator[str]:
    """The account in sentences."""
    plan, unit = record.plan, amount_unit(record.plan)
    for one in gate_accounts(record):
        if not one.supposed_s:
            continue
        supposed, branch = amount_text(one.supposed_s, plan), amount_text(one.branch_s, plan)
        yield (
            f"Had all {one.entered} of {one.gate} been promoted to {one.target}: {one.entered} x {one.cells} cells "
            f"x {amount_text(one.cap_s, plan)} = {supposed} {unit}, against {branch} for the {one.went_on} that did. "
            f"Saved like for like: {share_text(1 - Fraction(one.branch_s, one.supposed_s))}. As savings are often "
            f"published, everything trained ({amount_text(one.spent_s, plan)}) against that branch alone: "
            f"{_saved(1 - one.spent_s / one.supposed_s)}. Supposed, never run."
        )
    sampled = {one.gate: one for one in samples(record)}
    for decision, found in _decided(record):
        if decision.name in sampled:
            yield sampled_words(sampled[decision.name], record.study.measure.unit)
        elif any(one.verdict is Verdict.DROPPED for one in found.standings) and not decision.stopped:
            yield (
                f"Nobody that {decision.name} dropped was promoted all the same, so nothing bounds what its drops "
                "cost; a clause like "
                "'sample 1 dropped seed 9' would."
            )


def sampled_words(one: Sampled, unit: str) -> str:
    """What an audit sample showed."""
    head = f"Of {one.dropped} that {one.gate} dropped, {listed(one.drawn)} were promoted to {one.target} as a sample"
    if one.interval is None:
        return f"{head}; a value is missing there, so nothing is known about wrong drops."
    share = share_text(Fraction(len(one.wrong), len(one.known)))
    low, high = one.interval
    names = f" ({listed(one.wrong)})" if one.wrong else ""
    beaten = one.regret is not None and from_exact(one.regret) > 0
    regret = (
        f"The best of the sample beats the best kept by {number(one.regret)} {unit}: so much, at least, the drops cost"
        if beaten
        else "None of the sample beats the best kept, so dropping them cost nothing"
    )
    others = one.dropped - len(one.known)
    rest = f"; nothing bounds this for the {others} that were not." if others else "."
    return (
        f"{head}: {len(one.wrong)} of {len(one.known)}{names} did better there than the worst that was kept. Wrong "
        f"drops: {share}, exact 95% interval {low} to {high} of the {one.dropped}. {regret}{rest}"
    )


def _saved(share: Fraction) -> str:
    return f"{share_text(share)} saved" if share >= 0 else f"{share_text(-share)} more"


def account_to_json(record: Record) -> dict[str, Json]:
    """The account for programs; times are seconds."""
    gates: list[Json] = [
        {
            "gate": one.gate,
            "target": one.target,
            "entered": one.entered,
            "went_on": one.went_on,
            "cells": one.cells,
            "cap_s": one.cap_s,
            "supposed_s": one.supposed_s,
            "branch_s": one.branch_s,
            "saving_like_for_like": exact(1 - Fraction(one.branch_s, one.supposed_s)) if one.supposed_s else None,
            "saving_as_published": exact(1 - one.spent_s / one.supposed_s) if one.supposed_s else None,
        }
        for one in gate_accounts(record)
    ]
    audits: list[Json] = [
        {
            "gate": one.gate,
            "target": one.target,
            "dropped": one.dropped,
            "drawn": list(one.drawn),
            "known": list(one.known),
            "wrong": list(one.wrong),
            "regret": one.regret,
            "interval": None if one.interval is None else list(one.interval),
            "confidence": exact(CONFIDENCE),
        }
        for one in samples(record)
    ]
    return {"promo_account": 1, "trained_s": exact(record.trained_s()), "gates": gates, "samples": audits}
