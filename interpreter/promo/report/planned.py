"""
A plan as the first screen of `promo plan`: what it comes to, the ladder as a tree, hosts, money, risks, what is next.

Everything fits 80 columns, or those of a narrower terminal, and no word is broken; only a name that is longer than that
and the command at the end go beyond.  Three words for cost are never mixed: the budget is asked for, the bound cannot
be exceeded, and what is about a length of time is what the budgets of seconds come to when no run fails.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from textwrap import wrap
from typing import assert_never

from promo.base.canonical import exact, rounded
from promo.base.classes import frozen
from promo.base.units import span
from promo.plans.values import Plan, StagePlan
from promo.report.aloud import joined, kept, read_all
from promo.report.amounts import a_run_text
from promo.report.changed import caller
from promo.report.describe import describe_mode, describe_runner, describe_tolerance, measure_words
from promo.report.plan import (
    GPU_HOURS,
    amount_text,
    device_words,
    in_gpu_hours,
    rounded_up,
    savings,
    share_text,
    stage_rows,
    time_word,
)
from promo.report.prices import bill_text, cents_up, money_text
from promo.report.words import listed, plural, short_count, span_text
from promo.study.host import Host
from promo.study.judgement import Gate, Reduction, Step, Then
from promo.study.limits import TOLERANCE
from promo.study.values import TIMED, BudgetKind, Mode, Stage, Study

WIDTH = 80
NAMED = 30
"""Columns that names of stages and gates have, indented as they are; a longer one has a line of its own."""

DEEP = 12
"""Columns from where on a row that hangs alone stands in the column of the one above, so that long chains fit."""


@frozen
class Line:
    """A line of the screen: a heading, something in passing, or plain."""

    text: str
    style: str = ""
    """`bold`, `dim`, or empty."""
    under: str = ""
    """What its further lines begin with, where it is folded."""


def plan_lines(study: Study, plan: Plan, spec: str, today: str = "", wide: int = WIDTH) -> Iterator[Line]:
    """
    The screen, line by line.

    Args:
        study: what is planned.
        plan: its plan.
        spec: the file, for the commands at the end.
        today: the day whose prices are shown, in UTC; empty for those without spot.
        wide: columns of the terminal.
    """
    for line in _lines(study, plan, today, wide):
        yield from _folded(line, wide)
    yield Line(f"next: promo run {spec}", "bold")


def _lines(study: Study, plan: Plan, today: str, wide: int) -> Iterator[Line]:
    """The screen before its paragraphs are folded."""
    yield Line(f"{study.name}: {study.title}", "bold")
    yield from _plain(headline(study, plan))
    yield Line(f"{measure_words(study.measure)}; runner {describe_runner(study.runner)}", "dim")
    hours = f" (budgets in {GPU_HOURS})" if in_gpu_hours(plan) else ""
    parts: tuple[tuple[str, Iterable[Line]], ...] = (
        (f"Ladder{hours}", _ladder(study, plan, wide)),
        (f"Hosts{hours}", _hosts(study, plan, today, wide)),
        ("Cost", _plain(*_cost(study, plan, today))),
        ("What can go wrong", _items(_risks(study, plan))),
        ("What else is known", _items(_known(study, plan))),
        ("Rules", _items(read_all(study))),
        ("Supposed, never run", _suppositions(study, plan)),
        ("Notes", _plain(*(study.account.notes if study.account else ()))),
    )
    for title, lines in parts:
        shown = list(lines)
        if shown:
            yield from (Line(""), Line(title, "bold"), *shown)
    yield from (Line(""), Line(f"plan sha256:{plan.digest[:12]}", "dim"))


def plan_text(study: Study, plan: Plan, spec: str = "SPEC", today: str = "") -> str:
    """The screen as text; as `plan_lines`."""
    return "\n".join(line.text for line in plan_lines(study, plan, spec, today))


def headline(study: Study, plan: Plan) -> str:
    """`16 runs on 1 host: about 3 min 40 s, a budget of 15 min 20 s, never more than 8 h 10 min of slot time.`"""
    about = about_s(study, plan)
    likely = (
        ""
        if about is None or about == plan.budget_s
        else f"about {device_words(about, plan, of_what=False)} of training, "
    )
    budget, bound = device_words(plan.budget_s, plan, of_what=False), device_words(rounded_up(plan.bound_s, plan), plan)
    return (
        f"{plural(plan.run_count.planned, 'run')} on {plural(len(study.hosts), 'host')}: {likely}a budget of "
        f"{budget}, never more than {bound} with start-up, failures and reruns."
    )


def about_s(study: Study, plan: Plan) -> Fraction | None:
    """
    Seconds of devices in training that the planned runs come to, each once, where each of them uses its budget.

    None where that is not known: steps, tokens and operations take as long as they take, and a second of processor
    time is one of a slot on one thread of one process only.
    """
    total = Fraction(0)
    for stage in plan.stages:
        budget = stage.budget
        single = all(study.hosts[name].threads == study.width(stage.name, name) == 1 for name in stage.hosts)
        if budget.kind not in TIMED and not (budget.kind is BudgetKind.CPU and single):
            return None
        total += Fraction(stage.added_s, budget.cap_s) * budget.amount
    return total


# --- the ladder ----------------------------------------------------------------------------------------------------


@frozen
class _Row:
    """A line of the ladder: stages that it stands for, and where it hangs."""

    name: str
    stages: tuple[StagePlan, ...]
    parent: str | None
    """The row above it."""
    by: str
    """What leads from there to here, in words; empty for a row that begins by itself."""


def _ladder(study: Study, plan: Plan, wide: int) -> Iterator[Line]:
    rows = [
        _row(study, name, tuple(plan.stage(one) for one in those))
        for name, those in stage_rows(study, [stage.name for stage in plan.stages])
    ]
    named = {one.name: row.name for row in rows for one in row.stages}
    children: dict[str | None, list[_Row]] = {}
    for row in rows:
        parent = named.get(row.parent or "")
        children.setdefault(None if parent == row.name else parent, []).append(row)
    texts = [_figures(row, plan) for row in rows]
    widths = tuple(max(len(text[place]) for text in texts) for place in range(4))
    for row in children.get(None, ()):
        yield from _branch(row, "", "", children, widths, plan, wide)
    yield Line(f"total: {plural(plan.run_count.planned, 'run')}, {device_words(plan.budget_s, plan)}", "bold")


def _row(study: Study, name: str, stages: tuple[StagePlan, ...]) -> _Row:
    stage = study.stages[stages[0].name]
    chooser = study.chooser(stage.name)
    match chooser:
        case Gate():
            always = f", always {joined(chooser.always)}" if chooser.always else ""
            look = study.growth_at(chooser.name) is not None
            what = (
                "the best way if the order is stable, else all" if look else f"keep {kept(chooser.keep, study)}{always}"
            )
            return _Row(name, stages, chooser.source, f"{chooser.name}: {what}")
        case Reduction():
            return _Row(name, stages, chooser.sources[-1], f"{chooser.name}: fix factors, keep the rows that agree")
        case Step() | None:
            return _unchosen(study, name, stages, stage)
        case _:
            assert_never(chooser)


def _unchosen(study: Study, name: str, stages: tuple[StagePlan, ...], stage: Stage) -> _Row:
    """A row that no gate and no reduction leads to."""
    if stage.beside is not None:
        return _Row(name, stages, stage.beside, f"with the budget of {stage.beside}")
    if stage.continues is not None:
        branches = stage.mode is Mode.BRANCH and study.growth_at(stage.name) is None
        verb = "branches from" if branches else "continues"
        return _Row(name, stages, stage.continues, f"{verb} runs of {stage.continues}")
    if stage.grown_at:
        return _Row(name, stages, stage.grown_at[-1], f"grows what {listed(stage.grown_at)} trained")
    return _Row(name, stages, None, "")


def _figures(row: _Row, plan: Plan) -> tuple[str, str, str, str]:
    """Who and where, how long each, runs, budget."""
    first = row.stages[0]
    one_seed = [(stage.runs, len(stage.runs) // len(stage.seeds)) for stage in row.stages]  # each has all who may enter
    possible = len({run.candidate for runs, many in one_seed for run in runs[:many]})
    planned = first.entrants.planned
    who = f"{planned} of {possible}" if planned != possible else str(planned)
    cells = len(first.hosts) * len(first.seeds)
    runs = sum(stage.run_count.planned - stage.shared for stage in row.stages)
    amount = amount_text(sum(stage.added_s for stage in row.stages), plan)
    return f"{who} x {plural(cells, 'cell')}", a_run_text(plan.study.stages[first.name]), plural(runs, "run"), amount


def _branch(
    row: _Row,
    before: str,
    under: str,
    children: Mapping[str | None, Sequence[_Row]],
    widths: tuple[int, ...],
    plan: Plan,
    wide: int,
) -> Iterator[Line]:
    """A row and what hangs below it; *before* stands left of its first line, *under* left of all others."""
    if row.by:
        yield Line(f"{before}{row.by}", "dim", under)
    who, each, runs, amount = _figures(row, plan)
    figures = f"{who:<{widths[0]}}  {each:<{widths[1]}}  {runs:>{widths[2]}}  {amount:>{widths[3]}}"
    name = f"{under}{row.name}"
    room = max(wide - len(figures) - 1, 0)
    if len(name) < min(NAMED, room) or len(name) < room:
        yield Line(f"{name:<{min(NAMED, room)}} {figures}".rstrip())
    else:
        yield Line(name)
        indent = f"{under}  "
        yield Line(f"{indent}{who}  {each}  {runs}  {amount}", under=indent)
    below = children.get(row.name, ())
    for one in below:
        first, others = ("└─ ", "   ") if one is below[-1] else ("├─ ", "│  ")
        if len(below) == 1 and len(under) >= DEEP:
            first, others = "↓ ", ""
        yield from _branch(one, under + first, under + others, children, widths, plan, wide)


# --- hosts and money -----------------------------------------------------------------------------------------------


def _hosts(study: Study, plan: Plan, today: str, wide: int) -> Iterator[Line]:
    rows: list[tuple[str, str, str, str, str]] = []
    bills = plan.money.hosts if plan.money is not None else {}
    for host in study.hosts.values():
        asked = sum(stage.added_s_by_host.get(host.name, 0) for stage in plan.stages)
        bill = bills.get(host.name)
        price = "" if bill is None else bill_text(bill, study.currency, today)
        rows.append((host.name, _device(host), plural(host.slots, "slot"), amount_text(asked, plan), price))
    widths = [max(len(row[place]) for row in rows) for place in range(5)]
    for name, device, slots, amount, price in rows:
        figures = f"{device:<{widths[1]}}  {slots:>{widths[2]}}  {amount:>{widths[3]}}  {price}".rstrip()
        line = f"{name:<{widths[0]}}  {figures}"
        yield from ([Line(line)] if len(line) <= wide else [Line(name), *_plain(f"  {figures}")])


def _device(host: Host) -> str:
    """What a run has there, unless its stage says otherwise: `8 x NVIDIA H100`, `2 nodes of 8 x NVIDIA H100`."""
    each = host.device if host.devices == host.nodes == 1 else f"{host.devices} x {host.device}"
    return each if host.nodes == 1 else f"{host.nodes} nodes of {each}"


def _money(plan: Plan, today: str) -> Iterator[str]:
    """What budget and bound cost, and what the study allows."""
    if plan.money is None:
        yield "price: unknown, no host declares one"
        return
    bill, unit = plan.money, plan.money.currency
    some = "" if len(bill.hosts) == len(plan.study.hosts) else f" of {listed(list(bill.hosts))} alone"
    days = sorted({one.until for one in bill.hosts.values() if one.until is not None and one.is_spot(today)})
    spot = f" with spot prices to {listed(days)}; {money_text(bill.budget, unit)} without" if days else ""
    dated = f", as of {today[:10]}" if today else ""
    yield f"price of the budget{some}: {money_text(bill.on(today), unit)} at the declared hourly prices{spot}{dated}"
    yield f"price of the bound{some}: {money_text(cents_up(bill.bound), unit)}, without spot prices"
    if plan.study.money is not None:
        allowed = plan.study.money.amount
        yield (
            f"allowed: {money_text(allowed, unit)}; every second that an attempt holds its devices is paid from it, "
            f"and an attempt starts only if the money for the longest it can last is left"
        )


def _cost(study: Study, plan: Plan, today: str) -> Iterator[str]:
    """Budget and bound, what is sure to begin, and the price."""
    runs = plan.run_count
    yield (
        f"budget: {plural(runs.planned, 'run')}, {_sum(plan)} in training, up to its caps; "
        f"{span_text(plan.wall_s)} of wall-clock time with the declared slots"
    )
    bound = device_words(rounded_up(plan.bound_s, plan), plan)
    yield (f"bound: {bound}, start-up, compilation, warm-up, scoring, reruns and lost attempts included")
    yield f"at least: {plural(runs.fewest, 'attempt')}, whatever happens"
    shared = list[str]()
    for row, names in stage_rows(study, [*study.stages]):
        stages = [plan.stage(name) for name in names]
        again = sum(stage.shared for stage in stages)
        shared += [f"{again} of {sum(stage.run_count.planned for stage in stages)} at {row}"] if again else []
    if shared:
        yield f"runs of earlier stages, trained and paid there: {listed(shared)}"
    yield from _money(plan, today)
    if study.budget_s is not None:
        left = amount_text(study.budget_s - plan.budget_s, plan)
        yield (
            f"allowed: a budget of {device_words(study.budget_s, plan)}, {left} more than this; an attempt "
            f"starts only if its cap is left, and every failed, lost and repeated one counts"
        )


MOST_EQUAL = 2
"""Equal amounts in a row that a sum still writes out."""


def _sum(plan: Plan) -> str:
    """The amounts of the stages as a sum, where there are several."""
    amounts = [stage.added_s for stage in plan.stages if stage.added_s]
    groups: list[tuple[int, int]] = []
    for amount in amounts:
        same = groups and groups[-1][0] == amount
        groups = [*groups[:-1], (amount, groups[-1][1] + 1)] if same else [*groups, (amount, 1)]
    parts: list[str] = []
    for amount, times in groups:
        text = amount_text(amount, plan) if in_gpu_hours(plan) else span(amount)
        parts += [f"{times} x {text}"] if times > MOST_EQUAL else [text] * times
    total = device_words(plan.budget_s, plan) if in_gpu_hours(plan) else f"{span(plan.budget_s)} of {time_word(plan)}"
    return f"{' + '.join(parts)} = {total}" if len(amounts) > 1 else total


# --- risks ---------------------------------------------------------------------------------------------------------


def _risks(study: Study, plan: Plan) -> Iterator[str]:
    """What may end a study, make it wait, or cost more than its budget."""
    yield from _endings(study)
    yield (
        f"The bound holds whatever happens: at most {plan.run_count.most} attempts ({_attempts(plan)} for "
        f"each run, failed and lost ones included), each stopped at its cap plus {_allowances(plan)}."
    )
    more = {stage.name: stage.allowance for stage in plan.stages if stage.allowance.most > study.attempts}
    for row, names in stage_rows(study, more):
        yield (
            f"{row}: a run is tried up to {more[names[0]].most} times there and not {study.attempts}, because gates "
            f"and rules allow {plural(more[names[0]].reruns, 'rerun')} of it."
        )
    said = {one.name: one.budget.tolerance for one in plan.stages if one.budget.tolerance is not None}
    shares = [f"{describe_tolerance(said[names[0]] or Fraction(0))} at {row}" for row, names in stage_rows(study, said)]
    usual = f"one step, or {share_text(TOLERANCE)} where only time is known"
    others = [usual] if len(said) < len(plan.stages) else []
    yield f"A run is invalid if it misses its budget by more than {'; '.join([*shares, *others])}."
    capped = [stage.name for stage in plan.stages if stage.budget.kind is not BudgetKind.WALL]
    if capped:
        yield f"Priced at their caps; may need less: {_called(study, capped)}."
    if study.runner.digest is not None:
        yield (
            "The budget is charged for what the runner marks as training (record.training()) or reports as train_s; "
            "if it does neither, for everything, start-up and scoring included."
        )


def _endings(study: Study) -> Iterator[str]:
    """What stops the study, and what makes it wait for a person."""
    ends = {Then.STOP: "stops the study", Then.HOLD: "waits for a person"}
    for then, verb in ends.items():
        several = verb.replace("stops", "stop").replace("waits", "wait")
        lacking = [one.name for one in study.deciding.values() if then in (one.missing.then, one.on_crash.then)]
        if lacking:
            yield f"{listed(lacking)} {verb if len(lacking) == 1 else several} if a run leaves no value."
        unmet = [gate.name for gate in study.gates.values() if any(one.otherwise is then for one in gate.demands)]
        if unmet:
            yield f"{listed(unmet)} {verb if len(unmet) == 1 else several} if a demand is not met."
        failing = [rule.name for rule in study.rules.values() if rule.otherwise is then]
        if failing:
            yield f"{listed(failing)} {verb if len(failing) == 1 else several} if the claim fails."
        absent = [rule.name for rule in study.rules.values() if rule.absent is then]
        if absent:
            yield f"{listed(absent)} {verb if len(absent) == 1 else several} if a candidate was not promoted that far."


def _attempts(plan: Plan) -> str:
    """How many attempts of a run there may be at most, from stage to stage."""
    most = sorted({stage.allowance.most for stage in plan.stages})
    return str(most[0]) if len(most) == 1 else f"{most[0]} to {most[-1]}"


def _allowances(plan: Plan) -> str:
    """Seconds of an attempt besides its training, from stage to stage."""
    known = sorted({stage.budget.allowance_s for stage in plan.stages})
    least, most = span_text(known[0]), span_text(known[-1])
    return least if least == most else f"{least} to {most}"


REPEATING = (BudgetKind.STEPS, BudgetKind.TOKENS, BudgetKind.FLOPS)


def _known(study: Study, plan: Plan) -> Iterator[str]:
    """Where runs begin, what repeats bit for bit, and how large the largest model is."""
    modes = {stage.name: describe_mode(study, stage) for stage in study.stages.values()}
    other = {name: mode for name, mode in modes.items() if mode != "fresh"}
    yield from (f"{row}: {other[names[0]]}." for row, names in stage_rows(study, other))
    stages = study.stages.values()
    same = [one for one in stages if one.budget.kind in REPEATING and all(study.hosts[h].is_cpu for h in one.hosts)]
    if same:
        names = _called(study, [stage.name for stage in same])
        sure = "Deterministic on one machine with the same threads and versions"
        yield f"{'Deterministic if the script is' if study.runner.digest else sure}: {names}."
    moving = [stage.name for stage in stages if stage not in same]
    if moving:
        why = "the machine's speed decides how many steps fit, and GPUs do not repeat bit for bit"
        yield f"Not deterministic ({why}): {_called(study, moving)}."
    aside = [stage.name for stage in plan.stages if stage.report_only]
    if aside:
        yield f"Report only, so read by no gate and no rule: {_called(study, aside)}."
    largest = max(study.candidates.values(), key=lambda one: one.effective.fixed_bytes, default=None)
    if largest is not None and largest.effective.fixed_bytes:
        size = largest.effective
        yield (
            f"Largest model {caller(study, plan)(largest.name)}: {size.parameters:,} parameters, "
            f"{short_count(size.flops_per_token)} FLOPs per token, {_megabytes(size.fixed_bytes)} for weights, "
            f"gradients and optimizer, and {_megabytes(size.row_bytes)} for each row of a micro-batch, by formula."
        )


def _megabytes(count: int) -> str:
    return f"{rounded(Fraction(count, 2**20), 1)} MiB"


def _called(study: Study, names: Iterable[str]) -> str:
    return ", ".join(row.replace(", ", " in ") for row, _ in stage_rows(study, names))


# --- suppositions --------------------------------------------------------------------------------------------------


def _suppositions(study: Study, plan: Plan) -> Iterator[Line]:
    """Supposed continuations: their budget, and the saving in each of three ways, with its formula."""
    for one in plan.suppositions:
        cap_s = study.stages[one.stage].budget.cap_s
        devices = Fraction(one.costs_s, max(one.candidates * one.cells * cap_s, 1))
        wide = "" if devices == 1 else f"{exact(devices)} devices x "
        yield from _plain(
            f"all {one.candidates} that {one.gate} promotes continue to {one.stage}: {one.candidates} x "
            f"{plural(one.cells, 'cell')} x {wide}{span_text(cap_s)} = {device_words(one.costs_s, plan)}"
        )
        yield from _items(
            f"{name}: {formula} = {share}, {meaning}" for name, formula, share, meaning in savings(one, plan)
        )


# --- lines ---------------------------------------------------------------------------------------------------------


def _folded(line: Line, wide: int) -> Iterator[Line]:
    """A line in as many as fit the width, no word broken."""
    parts = wrap(line.text, wide, subsequent_indent=line.under, break_long_words=False, break_on_hyphens=False)
    yield from (Line(one, line.style) for one in parts or ("",))


def _plain(*texts: str) -> Iterator[Line]:
    yield from (Line(text, under="  ") for text in texts)


def _items(texts: Iterable[str]) -> Iterator[Line]:
    yield from (Line(f"- {text}", under="  ") for text in texts)
