"""
A plan as text: stages, hosts, budget and bound, and what the suppositions would have cost.

Every amount is time of slots.  It is called GPU time where each slot is a GPU, and slot time elsewhere; it is never
processor time, which a budget may count and no plan adds up.
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import groupby

from promo.base.canonical import exact, rounded
from promo.base.units import HOUR
from promo.plan.values import Plan, StagePlan, Supposition
from promo.report.aloud import read_all
from promo.report.describe import (
    describe_budget,
    describe_measure,
    describe_mode,
    describe_runner,
    describe_tolerance,
    time_of_slots,
)
from promo.report.words import plural, span_text
from promo.study.limits import TOLERANCE
from promo.study.values import BudgetKind, Study


def hours_text(seconds: int | Fraction) -> str:
    """Seconds as hours: exact when three decimals suffice, else rounded to three."""
    hours = Fraction(seconds) / HOUR
    text = exact(hours)
    return text if "/" not in text and len(text.partition(".")[2]) <= 3 else rounded(hours, 3)


def amount_text(seconds: int | Fraction, plan: Plan) -> str:
    """Time of slots of a plan's size: hours for plans of hours, minutes and seconds for small ones."""
    return span_text(Fraction(seconds)) if plan.budget_s < HOUR else hours_text(seconds)


def amount_unit(plan: Plan) -> str:
    """What stands over a column of such amounts."""
    return time_word(plan) if plan.budget_s < HOUR else plan.device_unit


def time_word(plan: Plan) -> str:
    """What time of a plan's slots is called."""
    return time_of_slots(plan.study)


def wall_text(seconds: int, plan: Plan) -> str:
    """Wall-clock time of a plan's size."""
    return span_text(seconds) if plan.budget_s < HOUR else f"{hours_text(seconds)} h"


def share_text(share: Fraction) -> str:
    """A share as a percentage with one decimal."""
    return f"{rounded(share * 100, 1)}%"


def plan_text(study: Study, plan: Plan) -> str:
    """The plan for a terminal."""
    parts = [
        f"{study.name}: {study.title}",
        f"{describe_measure(study.measure)}; runner {describe_runner(study.runner)}",
        "",
        _stage_table(study, plan),
        "",
        *_host_tables(study, plan),
        "",
        *_bounds(study, plan),
        *_rules(study),
    ]
    for supposition in plan.suppositions:
        parts += ["", *supposition_lines(study, plan, supposition)]
    if study.account and study.account.notes:
        parts += ["", *study.account.notes]
    parts += ["", f"plan sha256:{plan.digest[:12]}"]
    return "\n".join(parts)


def _table(rows: list[list[str]], headers: list[str], right: set[str]) -> str:
    from tabulate import tabulate

    align = ["right" if header in right else "left" for header in headers]
    return str(tabulate(rows, headers, tablefmt="simple", disable_numparse=True, colalign=align))


def stage_rows(study: Study, names: Iterable[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Stages as a table shows them, by what they are called there: the steps of a walk are one row."""
    walks = (baseline for baseline in study.baselines.values() if len(baseline.stages) > 1)
    called = {step: f"{walk.name}, {len(walk.stages)} steps" for walk in walks for step in walk.stages}
    return [(row, tuple(those)) for row, those in groupby(names, key=lambda name: called.get(name, name))]


def _stage_table(study: Study, plan: Plan) -> str:
    budget = f"budget, {amount_unit(plan)}"
    headers = ["stage", "entrants", "cells", "a run", "runs", budget, "starts at", "ends at"]
    rows = [
        [
            row,
            _entrants(those),
            f"{len(those[0].hosts)} x {len(those[0].seeds)}",
            describe_budget(those[0].budget),
            str(sum(stage.run_count.planned for stage in those)),
            amount_text(sum(stage.budget_s for stage in those), plan),
            wall_text(those[0].starts_s, plan),
            wall_text(those[-1].ends_s, plan),
        ]
        for row, those in _rows(study, plan)
    ]
    total = amount_text(plan.budget_s, plan)
    rows.append(["total", "", "", "", str(plan.run_count.planned), total, "", wall_text(plan.wall_s, plan)])
    return _table(rows, headers, {"entrants", "runs", budget, "starts at", "ends at"})


def _rows(study: Study, plan: Plan) -> list[tuple[str, list[StagePlan]]]:
    shown = stage_rows(study, [stage.name for stage in plan.stages])
    return [(row, [plan.stage(name) for name in names]) for row, names in shown]


def _entrants(stages: list[StagePlan]) -> str:
    possible, planned = len({run.candidate for stage in stages for run in stage.runs}), stages[0].entrants.planned
    return str(possible) if possible == planned else f"{planned} of {possible}"


def _host_tables(study: Study, plan: Plan) -> list[str]:
    """What each host is and has to do; with several of them, how every stage is spread over them."""
    budget, hosts = f"budget, {amount_unit(plan)}", study.hosts.values()
    by_host = {host.name: [stage.budget_s_by_host.get(host.name, 0) for stage in plan.stages] for host in hosts}
    rows = [[host.name, host.device, str(host.slots), amount_text(sum(by_host[host.name]), plan)] for host in hosts]
    tables = [_table(rows, ["host", "device", "slots", budget], {"slots", budget})]
    if len(by_host) > 1:
        rows = [
            [row, *(amount_text(asked, plan) if asked else "" for asked in _spread(those, by_host))]
            for row, those in _rows(study, plan)
        ]
        tables += ["", _table(rows, [f"{budget}, by host", *by_host], set(by_host))]
    return tables


def _spread(stages: list[StagePlan], hosts: Iterable[str]) -> list[int]:
    """Budget of some stages on each host."""
    return [sum(stage.budget_s_by_host.get(host, 0) for stage in stages) for host in hosts]


MOST_EQUAL = 2
"""Equal amounts in a row that a sum still writes out."""


def _sum(plan: Plan) -> str:
    amounts = [stage.budget_s for stage in plan.stages]
    parts = []
    for amount, equal in groupby(amounts):
        count, text = len(list(equal)), amount_text(amount, plan)
        parts += [f"{count} x {text}"] if count > MOST_EQUAL else [text] * count
    return f"{' + '.join(parts)} = {amount_text(plan.budget_s, plan)}"


def _bounds(study: Study, plan: Plan) -> list[str]:
    """Budget and bound, and what is sure to begin; what will have been spent nobody knows yet."""
    unit, runs = amount_unit(plan), plan.run_count
    lines = [
        f"budget: {runs.planned} runs, {_sum(plan)} {unit}; {wall_text(plan.wall_s, plan)} of wall-clock time with the "
        "declared slots",
        f"bound: {amount_text(plan.bound_s, plan)} {unit}, which no course of the study exceeds: at most {runs.most} "
        f"attempts ({_attempts(plan)} for each run, failed and lost ones included), each ended after its cap and "
        f"{_allowances(plan)} besides",
        f"at least: {plural(runs.fewest, 'attempt')} in any course of the study; how long these take is not known",
        "counted in the budget: training alone, up to its caps; in the bound: start-up, compilation, warm-up, scoring, "
        "reruns and lost attempts as well",
    ]
    if plan.price_usd is not None:
        lines.insert(1, f"price of the budget: {rounded(plan.price_usd, 2)} usd at the declared hourly prices")
    if study.budget_s is not None:
        left = amount_text(study.budget_s - plan.budget_s, plan)
        lines.append(
            f"allowed: a budget of {amount_text(study.budget_s, plan)} {unit}, {left} more than this; an attempt "
            "begins only while its cap is left of it, and every failed, lost and repeated one is paid from it"
        )
    capped = [stage.name for stage in plan.stages if stage.budget.kind is not BudgetKind.WALL]
    if capped:
        lines.append(f"in the budget by their caps, and may need less: {_called(study, capped)}")
    return [
        *lines,
        *_more_reruns(study, plan),
        _tolerated(study, plan),
        *_charged(study),
        *_modes(study),
        *_repeating(study),
        *_memory(study),
    ]


def _attempts(plan: Plan) -> str:
    """How many attempts of a run there may be at most, from stage to stage."""
    most = sorted({stage.allowance.most for stage in plan.stages})
    return str(most[0]) if len(most) == 1 else f"{most[0]} to {most[-1]}"


def _allowances(plan: Plan) -> str:
    """Seconds of an attempt besides its training, from stage to stage."""
    known = sorted({stage.budget.allowance_s for stage in plan.stages})
    least, most = span_text(known[0]), span_text(known[-1])
    return least if least == most else f"{least} to {most}"


def _more_reruns(study: Study, plan: Plan) -> list[str]:
    """Where gates and rules allow a run to be repeated more often than the study says: they hold."""
    more = {stage.name: stage.allowance for stage in plan.stages if stage.allowance.most > study.attempts}
    return [
        f"{row}: a run is tried up to {more[names[0]].most} times there and not {study.attempts}, because gates and "
        f"rules allow {plural(more[names[0]].reruns, 'rerun')} of it"
        for row, names in stage_rows(study, more)
    ]


def _tolerated(study: Study, plan: Plan) -> str:
    """By how much a run may miss its budget before it is invalid."""
    said = {one.name: one.budget.tolerance for one in plan.stages if one.budget.tolerance is not None}
    shares = [f"{describe_tolerance(said[names[0]] or Fraction(0))} at {row}" for row, names in stage_rows(study, said)]
    usual = f"one step, or {share_text(TOLERANCE)} where only time is known"
    others = [usual] if len(said) < len(plan.stages) else []
    return f"a run is invalid that misses its budget by more than {'; '.join([*shares, *others])}"


def _charged(study: Study) -> list[str]:
    """What is charged of a runner that is kept in a file, which no plan can look into."""
    if study.runner.digest is None:
        return []
    return [
        "charged: what the runner marks as training (record.training()) or reports as train_s; of a function or "
        "program that does neither, everything, start-up and scoring included"
    ]


REPEATING = (BudgetKind.STEPS, BudgetKind.TOKENS, BudgetKind.FLOPS)


def _modes(study: Study) -> list[str]:
    """Where the runs of each stage begin, unless all of them begin with nothing."""
    modes = {stage.name: describe_mode(study, stage) for stage in study.stages.values()}
    return (
        []
        if set(modes.values()) == {"fresh"}
        else [f"{row}: {modes[names[0]]}" for row, names in stage_rows(study, modes)]
    )


def _repeating(study: Study) -> list[str]:
    """Which budgets give the same bits again, and within which fingerprint."""
    stages = study.stages.values()
    same = [one for one in stages if one.budget.kind in REPEATING and all(study.hosts[h].is_cpu for h in one.hosts)]
    lines = []
    if same:
        names = [stage.name for stage in same]
        lines.append(f"deterministic on one machine with the same threads and versions: {_called(study, names)}")
    other = [stage.name for stage in stages if stage not in same]
    if other:
        why = "how fast the machine is decides how many steps fit, and a GPU promises no bits"
        lines.append(f"not deterministic ({why}): {_called(study, other)}")
    return lines


def _called(study: Study, names: Iterable[str]) -> str:
    return ", ".join(row.replace(", ", " in ") for row, _ in stage_rows(study, names))


def _memory(study: Study) -> list[str]:
    """What the runner's formulas say of the candidate that needs the most memory."""
    largest = max(study.candidates.values(), key=lambda one: one.effective.fixed_bytes, default=None)
    if largest is None or not largest.effective.fixed_bytes:
        return []
    size = largest.effective
    return [
        f"largest model {largest.name}: {size.parameters:,} parameters, {size.flops_per_token:,} FLOPs a token, "
        f"{_megabytes(size.fixed_bytes)} for weights, gradients and optimizer, and {_megabytes(size.row_bytes)} for "
        "each row at once, by formula"
    ]


def _megabytes(count: int) -> str:
    return f"{rounded(Fraction(count, 2**20), 1)} MiB"


def _rules(study: Study) -> list[str]:
    read = read_all(study)
    return ["", *read] if read else []


def supposition_lines(study: Study, plan: Plan, one: Supposition) -> list[str]:
    """A supposed continuation: its budget, and the saving in each of three ways, with its formula."""
    unit, cap_s = plan.device_unit, study.stages[one.stage].budget.cap_s
    return [
        f"supposed, never run: all {one.candidates} that {one.gate} promotes continue to {one.stage}: "
        f"{one.candidates} x {one.cells} cells x {hours_text(cap_s)} h = {hours_text(one.costs_s)} {unit}",
        *(f"  {name:14} {formula} = {share}  {meaning}" for name, formula, share, meaning in savings(one, plan)),
    ]


def savings(one: Supposition, plan: Plan) -> list[tuple[str, str, str, str]]:
    """Name, formula, share and meaning of each saving against a supposition: budgets against budgets."""
    budget, cost = plan.budget_s, one.costs_s
    all_in = one.kept_s + cost
    return [
        (
            "as published",
            f"1 - {hours_text(budget)} / {hours_text(cost)}",
            share_text(1 - Fraction(budget, cost)),
            "the whole budget against that branch alone",
        ),
        (
            "like for like",
            f"1 - {hours_text(one.branch_s)} / {hours_text(cost)}",
            share_text(1 - Fraction(one.branch_s, cost)),
            f"the {one.stage} branch against the same branch",
        ),
        (
            "all in",
            f"1 - {hours_text(budget)} / ({hours_text(one.kept_s)} + {hours_text(cost)})",
            share_text(1 - Fraction(budget, all_in)),
            "the whole budget against all that would then be asked for",
        ),
    ]
