"""
What gates saved and what they may have cost: spent, supposed, and the audit sample of the dropped.

A saving compares what was spent with what the same basis would have spent: the mean of runs that were measured at the
stage in question; where none was, budgets with budgets.  Supposed times are arithmetic and nothing more.  Whether a
drop was wrong is known only of candidates that really went on: those that a `sample` clause drew.
"""

from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction
from itertools import takewhile

from promo.base.canonical import Json, exact, exact_sum, from_exact
from promo.base.classes import frozen
from promo.decision.conditions import complete
from promo.decision.stats import sampled_interval, summarise
from promo.decision.values import Decision, Ground, Ranking, Verdict
from promo.evidence.values import Evidence
from promo.plans.values import Plan
from promo.report.changed import Call, called_list
from promo.report.plan import amount_text, device_words, share_text
from promo.report.record import Record
from promo.report.words import between, number, plural, span_text
from promo.study.judgement import Gate

CONFIDENCE = Fraction(95, 100)


@frozen
class GateAccount:
    """One decided gate: what its target stage spent, and would have spent with everyone who entered the gate."""

    gate: str
    target: str
    entered: int
    went_on: int
    cells: int
    """Those of the target in which the gate's contenders had no such run yet."""
    had: int
    """The others: they cost nothing more."""
    width: Fraction
    """Devices of a run there, on the mean."""
    cap_s: int
    measured: int
    """Runs at the target that have a result and a training time."""
    weighted: bool
    """Whether those have different numbers of devices."""
    run_s: Fraction | None
    """Mean of those times, each weighted by the devices of its run; None where there is none."""
    spent_s: Fraction
    """Spent in training in the whole study, every attempt."""

    @property
    def branch_s(self) -> Fraction:
        """Those who went on, at that mean; at the target's cap where there is none."""
        return self.went_on * self.each_s

    @property
    def supposed_s(self) -> Fraction:
        """Everyone who entered the gate, on the same basis."""
        return self.entered * self.each_s

    @property
    def each_s(self) -> Fraction:
        """One candidate at the target, in all cells: seconds of devices."""
        return self.cells * self.width * (Fraction(self.cap_s) if self.run_s is None else self.run_s)

    @property
    def like_for_like(self) -> Fraction:
        """Share of the supposed branch that was saved: budgets, or spent times, of the same stage."""
        return 1 - Fraction(self.went_on, self.entered)

    @property
    def as_published(self) -> Fraction | None:
        """The same of everything spent; None where nothing says what the branch would have spent."""
        return 1 - self.spent_s / self.supposed_s if self.run_s is not None and self.supposed_s else None


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
            times = _times(record, stage.name)
            new = _new_cells(record, stage.name, {one.candidate for one in found.standings})
            yield GateAccount(
                gate=decision.name,
                target=found.target,
                entered=len(found.standings),
                went_on=len(record.state.opened[found.target]),
                cells=len(new),
                had=len(stage.cells) - len(new),
                width=Fraction(sum(record.study.width(stage.name, host) for host, _ in new), max(len(new), 1)),
                cap_s=stage.budget.cap_s,
                measured=len(times),
                weighted=len({devices for devices, _ in times}) > 1,
                run_s=_mean(times) if times else None,
                spent_s=record.spent_s(),
            )


def _new_cells(record: Record, stage: str, those: Collection[str]) -> set[tuple[str, int]]:
    """Cells of a stage in which some of *those* have a run that no stage that opened before asks for."""
    before: set[str] = set()
    for name in takewhile(lambda name: name != stage, record.state.opened):
        entrants = record.state.opened[name]
        before |= {run.id for run in record.plan.stage(name).runs if run.candidate in entrants}
    runs = (run for run in record.plan.stage(stage).runs if run.candidate in those)
    return {(run.host, run.seed) for run in runs if run.id not in before}


def _times(record: Record, stage: str) -> list[tuple[int, Fraction]]:
    """Devices and training seconds of the runs of a stage that count; a record without a clock has no seconds."""
    counting = (one for one in record.attempts(stage) if record.state.accepted(one.run) is one)
    results = ((one, record.results.get((one.run, one.number))) for one in counting)
    times = (
        (record.study.width(one.stage, one.host), from_exact(result.charged_s))
        for one, result in results
        if result is not None
    )
    return [(width, seconds) for width, seconds in times if seconds]


def _mean(times: Sequence[tuple[int, Fraction]]) -> Fraction:
    """Seconds a run trained, such that their number times the mean of devices is what all devices took."""
    return exact_sum(devices * seconds for devices, seconds in times) / sum(devices for devices, _ in times)


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
    verdicts = (one for name, one in record.verdicts.items() if record.study.growth_at(name) is None)
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
    for one in gate_accounts(record):
        if one.entered:
            yield _saving(one, record.plan)
    sampled = {one.gate: one for one in samples(record)}
    for decision, found in _decided(record):
        if decision.name in sampled:
            yield sampled_words(sampled[decision.name], record.study.measure.unit, record.call)
        elif any(one.verdict is Verdict.DROPPED for one in found.standings) and not (decision.stopped or decision.held):
            yield (
                f"No candidate that {decision.name} dropped was trained any further, so the cost of its drops is not "
                f"known; a clause such as 'sample 1 dropped seed 9' bounds it."
            )


def _saving(one: GateAccount, plan: Plan) -> str:
    """What a gate saved: spent times against spent times, or budgets against budgets where nothing was measured."""
    if not one.cells:
        return (
            f"{one.gate} saved nothing: all {one.entered} that entered it have runs of earlier stages in every cell of "
            f"{one.target}."
        )
    supposed, branch = device_words(one.supposed_s, plan), amount_text(one.branch_s, plan)
    if one.run_s is None:
        each, verb = f"{span_text(one.cap_s)} (the cap of a run)", "allowed for"
    else:
        weights = ", each weighted by its devices" if one.weighted else ""
        runs = f"the mean of the {plural(one.measured, 'run')} there{weights}"
        each, verb = f"{span_text(one.run_s)} ({runs})", "spent in training"
    devices = "" if one.width == 1 else f"{exact(one.width)} devices x "
    published = (
        ""
        if one.as_published is None
        else (
            f" Counted as savings are often published, everything spent "
            f"({device_words(one.spent_s, plan, of_what=False)}) against that branch alone: {_saved(one.as_published)}."
        )
    )
    where = plural(one.cells, "cell") + (" in which they had no such run" if one.had else "")
    return (
        f"Had all {one.entered} that entered {one.gate} continued to {one.target}, {one.entered} x {where} "
        f"x {devices}{each} = {supposed} would have been {verb}, against {branch} for the "
        f"{one.went_on} that did: {share_text(one.like_for_like)} saved, like for like.{published} Hypothetical: these "
        f"runs were never made."
    )


def sampled_words(one: Sampled, unit: str, call: Call) -> str:
    """What an audit sample showed."""
    drawn = called_list(one.drawn, call)
    head = f"Of {one.dropped} that {one.gate} dropped, {drawn} were promoted to {one.target} as a sample"
    if one.interval is None:
        return f"{head}; a value is missing there, so nothing is known about wrong drops."
    share = share_text(Fraction(len(one.wrong), len(one.known)))
    low, high = one.interval
    names = f" ({called_list(one.wrong, call)})" if one.wrong else ""
    beaten = one.regret is not None and from_exact(one.regret) > 0
    regret = (
        f"The best of the sample beats the best kept by {between(number(one.regret), unit)}: the drops cost at least "
        f"that much"
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
            "basis": "budget" if one.run_s is None else "spent",
            "run_s": exact(one.cap_s if one.run_s is None else one.run_s),
            "supposed_s": exact(one.supposed_s),
            "branch_s": exact(one.branch_s),
            "saving_like_for_like": exact(one.like_for_like) if one.entered else None,
            "saving_as_published": None if one.as_published is None else exact(one.as_published),
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
    return {"promo_account": 2, "spent_s": exact(record.spent_s()), "gates": gates, "samples": audits}
