"""
A resolved study in words.

Each part becomes texts that read like the clauses of the language, in base units and without positions, comments or
order of declaration, so that the difference of two studies can be read aloud.  Nothing reads them back: what is stored,
sealed and compared is the value itself.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import assert_never

from promo.base.canonical import Json, exact
from promo.base.differences import differences
from promo.base.units import duration
from promo.report.declared import (
    describe_baseline,
    describe_curves,
    describe_effects,
    describe_forecast,
    describe_grow,
    describe_law,
    describe_level,
    describe_schedule,
)
from promo.report.words import amount_words, behind, between, counted_in, plural, share_text
from promo.study.account import Account
from promo.study.closure import Closure, Reading, Start, reading
from promo.study.data import Data
from promo.study.host import Host, Machine
from promo.study.judgement import (
    Agreement,
    Best,
    BestOf,
    Both,
    Bound,
    Condition,
    Deciding,
    Demand,
    Difference,
    Either,
    Equivalent,
    First,
    Gate,
    Guard,
    Handling,
    Isnt,
    Judged,
    Level,
    Method,
    Projected,
    Promoted,
    Reduction,
    Rule,
    Test,
    Then,
    Top,
    Watched,
)
from promo.study.limits import ALLOWANCE_S, ATTEMPTS
from promo.study.meaning import gate_meaning, order_of
from promo.study.money import Price
from promo.study.space import Factor, Interval, Neighbourhood
from promo.study.values import Budget, BudgetKind, Candidate, Grow, Measure, Mode, RunnerChoice, Stage, Study

COUNT_UNITS = {BudgetKind.STEPS: "steps", BudgetKind.TOKENS: "tok", BudgetKind.FLOPS: "flop"}


def describe(study: Study) -> dict[str, Json]:
    """Everything a study means, part by part."""
    return {
        "study": study.name,
        "title": study.title,
        "measure": describe_measure(study.measure),
        "runner": describe_runner(study.runner),
        "data": describe_data(study.data),
        "budget": None if study.budget_s is None else f"{study.budget_s}s of {time_of_slots(study)}",
        **({} if study.money is None else {"money": f"{exact(study.money.amount)}{study.money.currency}"}),
        "host": {name: describe_host(host) for name, host in study.hosts.items()},
        "factor": {name: describe_factor(factor) for name, factor in study.factors.items()},
        "candidate": {name: describe_candidate(candidate) for name, candidate in study.candidates.items()},
        "cohort": {name: list(members) for name, members in study.cohorts.items()},
        "stage": {name: describe_stage(stage) for name, stage in study.stages.items()},
        "gate": {name: describe_gate(gate, study.measure) for name, gate in study.gates.items()},
        "rule": {name: describe_rule(rule, study.measure) for name, rule in study.rules.items()},
        "account": describe_account(study.account, time_of_slots(study)),
        "grow": {name: describe_grow(grow) for name, grow in study.grows.items()},
        "schedule": {name: describe_schedule(schedule) for name, schedule in study.schedules.items()},
        "baseline": {name: describe_baseline(baseline) for name, baseline in study.baselines.items()},
        # A study that estimates nothing keeps the words, and so the digest, that it has always had.
        **(
            {"neighbours": {n: describe_neighbours(x) for n, x in study.neighbourhoods.items()}}
            if study.neighbourhoods
            else {}
        ),
        **({"effects": {n: describe_effects(one) for n, one in study.effects.items()}} if study.effects else {}),
        **({"laws": {name: describe_law(law) for name, law in study.laws.items()}} if study.laws else {}),
        **({"forecasts": {n: describe_forecast(one) for n, one in study.forecasts.items()}} if study.forecasts else {}),
        **(
            {"reduce": {n: describe_reduction(r, study.measure) for n, r in study.reductions.items()}}
            if study.reductions
            else {}
        ),
        **({"curves": describe_curves(study.curves)} if study.curves else {}),
        "order": None if (order := order_of(study)) is None else list(order),
        "noise": None if study.noise is None else between(exact(study.noise), study.measure.unit),
        **_start(Start(study.anchor, study.draw, study.order_seed)),
        **_attempts(study.attempts),
    }


def describe_closure(closure: Closure) -> dict[str, Json]:
    """Everything that a verdict rests on, part by part."""
    rule, measure = closure.rule, closure.measure
    kind = {Gate: "gate", Rule: "rule", Reduction: "reduce"}[type(rule)]
    gates = {closure.around.name: describe_gate(closure.around, measure)} if closure.around else {}
    near, effects = closure.neighbours, closure.effects
    return {
        kind: {rule.name: describe_deciding(rule, measure)},
        **({"gate": gates} if gates else {}),
        **({"effects": {effects.name: describe_effects(effects)}} if effects else {}),
        **({"neighbours": {near.name: describe_neighbours(near)}} if near else {}),
        "measure": describe_measure(measure),
        "runner": describe_runner(closure.runner),
        "data": describe_data(closure.data),
        "stage": {name: describe_reading(one) for name, one in sorted(closure.stages.items())},
        "host": {name: describe_machine(one) for name, one in sorted(closure.machines.items())},
        "candidate": {name: dict(settings) for name, settings in sorted(closure.candidates.items())},
        **({"grow": {name: describe_grow(one) for name, one in closure.grows.items()}} if closure.grows else {}),
        **({"order": list(closure.order)} if closure.order is not None else {}),
        **_start(closure.start),
        **_attempts(closure.attempts),
    }


def describe_deciding(rule: Deciding, measure: Measure) -> dict[str, Json]:
    """Every clause of a gate, rule or reduction."""
    match rule:
        case Gate():
            return describe_gate(rule, measure)
        case Rule():
            return describe_rule(rule, measure)
        case Reduction():
            return describe_reduction(rule, measure)
        case _:
            assert_never(rule)


def closure_changes(old: Closure, new: Closure) -> Iterator[str]:
    """What a verdict rests on now that it did not before, and the other way round; one line each."""
    return differences(describe_closure(old), describe_closure(new))


def _start(start: Start) -> dict[str, Json]:
    """What has to be there before the first run; nothing for a study that asks for nothing."""
    said: dict[str, Json] = {"anchor": "required"} if start.anchor else {}
    if start.draw is not None:
        said["draw"] = "seeds from receipt" if start.draw.published is None else f"seeds from {start.draw.published}"
    if start.order_seed is not None:
        said["run_order"] = f"seed {start.order_seed}"
    return said


def _attempts(attempts: int) -> dict[str, Json]:
    """How often a run is tried in all, where that is not the usual number."""
    return {} if attempts == ATTEMPTS else {"attempts": attempts}


def measure_words(measure: Measure) -> str:
    """`val_bpb in bpb, lower is better`, and `val_acc, higher is better` where the unit is none to be said."""
    better = "lower" if measure.lower_is_better else "higher"
    return f"{measure.metric}{counted_in(measure.unit)}, {better} is better"


def describe_measure(measure: Measure) -> str:
    """`val_bpb in bpb, lower is better`."""
    return f"{measure.metric} in {measure.unit}, {'lower' if measure.lower_is_better else 'higher'} is better"


def describe_runner(runner: RunnerChoice) -> str:
    """`gpt, version 1`."""
    return f"{runner.name}, version {runner.version}" + (f", sha256:{runner.digest}" if runner.digest else "")


def describe_data(data: Data | None) -> Json:
    """Source, tokenizer if there is one, holdout and scoring windows."""
    if data is None:
        return None
    tokens = data.tokens
    named: dict[str, Json] = {}
    if tokens is not None:
        named = {"tokenizer": {"path": tokens.path, "pinned": tokens.pinned, "vocabulary": tokens.vocabulary}}
    return named | {
        "source": data.source,
        "pinned": data.pinned,
        "holdout": exact(data.holdout),
        "score": f"{data.score_tokens}tok in windows of {data.window}tok",
    }


def describe_host(host: Host) -> dict[str, Json]:
    """Everything about a host."""
    return {
        "device": f"{host.device} on {host.system}",
        "slots": host.slots,
        "threads": host.threads,
        **_wide(host),
        "price": None if host.price is None else describe_price(host.price),
        "executor": host.executor,
        **({"options": {one.name: describe_level(one.value) for one in host.options}} if host.options else {}),
    }


def describe_price(price: Price) -> str:
    """`2.1usd per device hour, 0.8usd until 2026-12-31`."""
    spot = "" if price.spot is None else f", {exact(price.spot.hour)}{price.currency} until {price.spot.until}"
    return f"{exact(price.hour)}{price.currency} per device hour{spot}"


def _wide(host: Host) -> dict[str, Json]:
    """Devices and nodes of a run, where there are several."""
    return {name: many for name, many in (("devices", host.devices), ("nodes", host.nodes)) if many > 1}


def describe_machine(machine: Machine) -> str:
    """What of a host may move a score: device, system, threads and some options, not its slots or its price."""
    options = "".join(f", {name} {describe_level(value)}" for name, value in machine.options)
    wide = "" if machine.devices == 1 else f"{machine.devices} x "
    nodes = "" if machine.nodes == 1 else f", {machine.nodes} nodes"
    return f"{wide}{machine.device} on {machine.system}{nodes}, {plural(machine.threads, 'thread')}{options}"


def describe_factor(factor: Factor) -> dict[str, Json]:
    """Unit, values and default."""
    if isinstance(factor.domain, Interval):
        values = f"{exact(factor.domain.low)}..{exact(factor.domain.high)}"
    else:
        values = ", ".join(describe_level(level) for level in factor.domain)
    return {"unit": factor.unit, "values": values, "default": describe_level(factor.default)}


def describe_candidate(candidate: Candidate) -> dict[str, Json]:
    """Role and effective settings: what is trained, not how it was written."""
    of = f" of {candidate.control_of}" if candidate.control_of else ""
    return {"role": candidate.role.value + of, **dict(candidate.effective.settings)}


def describe_budget(budget: Budget) -> str:
    """`5min`, `30s cpu, cap 60s`, `225steps, cap 20s`."""
    if budget.kind is BudgetKind.WALL:
        return duration(budget.amount)
    timed = budget.kind in (BudgetKind.CPU, BudgetKind.UPSTREAM)
    amount = f"{duration(budget.amount)} {budget.kind.value}" if timed else f"{budget.amount}{COUNT_UNITS[budget.kind]}"
    return f"{amount}, cap {duration(budget.cap_s)}"


def describe_mode(study: Study, stage: Stage) -> str:
    """`fresh`, `continues screen from 30steps`, or `branches from the trunk of screen at 480steps`."""
    kind = stage.budget.kind
    constant = ""
    grow = study.growth_at(stage.name)
    if grow is not None:
        what = f"each way from {grow.parent} {describe_kept(study, grow)}"
        if stage.continues is not None:
            what = f"continues each way from {stage.continues}, at {amount_words(kind, study.earlier(stage.name))}"
        return f"{what}, at a constant rate"
    if stage.trunk is not None:
        constant = f", constant rate up to {amount_words(kind, stage.trunk)}, then cooling down"
    begun = amount_words(kind, study.earlier(stage.name))
    match stage.mode:
        case Mode.FRESH if stage.grown_at:
            grown = {name for one in stage.grown_at for name in study.grows[one].grown}
            others = "" if grown.issuperset(study.entrants[stage.name].possible) else ", others fresh"
            return f"grown models begin where {' and '.join(stage.grown_at)} left them{others}{constant}"
        case Mode.FRESH:
            return f"fresh{constant}"
        case Mode.CONTINUE:
            return f"continues {stage.continues} from {begun}"
        case Mode.BRANCH:
            return f"branches from the trunk of {stage.continues} at {begun}{constant}"
        case _:
            assert_never(stage.mode)


def describe_kept(study: Study, grow: Grow) -> str:
    """The state that a growth begins from: `as screen left it`."""
    stage = study.stages[grow.stage]
    if stage.trunk is None:
        return f"as {stage.name} left it"
    return f"as it was at the end of the trunk of {stage.name}, {amount_words(stage.budget.kind, stage.trunk)}"


def describe_stage(stage: Stage) -> dict[str, Json]:
    """Entrants, budget and cells."""
    return describe_reading(reading(stage))


def describe_reading(stage: Reading) -> dict[str, Json]:
    """Entrants, budget and cells, as far as a verdict rests on them."""
    behind = (["promoted"] if stage.promoted else []) + ([f"neighbours {stage.around}"] if stage.around else [])
    who = ", ".join([*behind, *sorted(stage.candidates)])
    more = f"{stage.continues} and " if stage.continues else ""
    words = "train" if stage.mode is Mode.FRESH else stage.mode.value
    return {
        "after": stage.after,
        words: who,
        "for": f"{more}{describe_budget(stage.budget)}",
        **({"cooldown": f"{share_text(stage.cooldown)}"} if stage.cooldown is not None else {}),
        **_around(stage.budget),
        "on": ", ".join(sorted(stage.hosts)),
        **({} if stage.devices is None else {"devices": stage.devices}),
        "seeds": ", ".join(map(str, sorted(stage.seeds))),
        "report only": stage.report_only,
    }


def _around(budget: Budget) -> dict[str, Json]:
    """What a stage says of its attempts besides their training, where that is not as usual."""
    said: dict[str, Json] = {}
    if budget.allowance_s != ALLOWANCE_S:
        said["allowance"] = duration(budget.allowance_s)
    if budget.tolerance is not None:
        said["tolerance"] = describe_tolerance(budget.tolerance)
    return said


def describe_tolerance(share: Fraction) -> str:
    """`2%`."""
    return f"{share_text(share)}"


def describe_handling(handling: Handling) -> str:
    """`rerun 1, then drop`."""
    return f"rerun {handling.reruns}, then {handling.then.value}" if handling.reruns else handling.then.value


def describe_crash(crash: Handling | None) -> str:
    """`as missing`, or what follows."""
    return "as missing" if crash is None else describe_handling(crash)


def describe_gate(gate: Gate, measure: Measure) -> dict[str, Json]:
    """Every clause of a gate; what it does not say is left out."""
    said: dict[str, Json] = {
        "from": gate.source,
        "to": gate.target,
        "rank": f"by {gate.statistic.value} {gate.metric} over host, seed",
        "keep": describe_condition(gate.keep, measure),
        "always": ", ".join(sorted(gate.always)) or None,
        "allow": between(exact(gate.allowance), measure.unit) if gate.allowance else None,
        "demand": "; ".join(_demand(demand, measure) for demand in gate.demands) or None,
        "guard": "; ".join(describe_guard(guard) for guard in gate.guards) or None,
        "sample": f"{gate.sample.count} dropped seed {gate.sample.seed}" if gate.sample else None,
        "missing": describe_handling(gate.missing),
        "crash": describe_crash(gate.crash),
        "ties": "by " + ", ".join(one.value for one in gate_meaning(gate).ties),
    }
    return {clause: words for clause, words in said.items() if words is not None}


def _demand(demand: Demand, measure: Measure) -> str:
    if isinstance(demand.otherwise, Then):
        otherwise = demand.otherwise.value
    else:
        otherwise = f"keep {describe_condition(demand.otherwise, measure)}"
    return f"{describe_condition(demand.condition, measure)} else {otherwise}"


def describe_guard(guard: Guard) -> str:
    """`throughput within 20% of host, rerun 1, then drop`."""
    name = guard.phase or guard.watched.value
    of_whom = f" of {guard.against.value}" if guard.against else ""
    if guard.watched is Watched.SECONDS and guard.against is None:
        value = f"{exact(guard.bound.value)}s"
    else:
        value = f"{share_text(guard.bound.value)}"
    return f"{name} {guard.bound.kind.value} {value}{of_whom}, {describe_handling(guard.handling)}"


def describe_condition(condition: Condition, measure: Measure) -> str:
    """A condition as the language writes it, in base units."""
    match condition:
        case Top():
            return f"top {condition.count}" + (" per host" if condition.per_host else "")
        case Best():
            return f"best {share_text(condition.share)}" + (" per host" if condition.per_host else "")
        case Level():
            return f"{condition.statistic.value} {measure.metric} {describe_bound(condition.bound, measure)}"
        case Difference():
            bound = describe_distance(condition.bound, measure)
            test = f" {_test(condition.test, measure)}" if condition.test else ""
            return f"{condition.statistic.value} {condition.side.value}{_to(condition.reference)} {bound}{test}"
        case Equivalent():
            margin = f"within {between(exact(condition.margin), measure.unit)}"
            return f"equivalent{_to(condition.reference)} {margin} {_test(condition.test, measure)}"
        case Agreement():
            bound = f"{condition.bound.kind.value} {exact(condition.bound.value)}"
            return f"rank agreement of {', '.join(condition.between)} {bound}"
        case First():
            return "first in every cell"
        case Projected():
            return f"projected to {condition.stage} {describe_bound(condition.bound, measure)} by {condition.law}"
        case Isnt():
            return f"not {_grouped(condition.condition, measure)}"
        case Both():
            return " and ".join(_grouped(part, measure) for part in condition.conditions)
        case Either():
            return " or ".join(_grouped(part, measure) for part in condition.conditions)
        case _:
            assert_never(condition)


def _grouped(condition: Condition, measure: Measure) -> str:
    words = describe_condition(condition, measure)
    return f"({words})" if isinstance(condition, Both | Either) else words


def _to(reference: str | None) -> str:
    return f" to {reference}" if reference else ""


def _test(test: Test, measure: Measure) -> str:
    method = "" if test.method in (Method.T, Method.SIGMA) else f" by {test.method.value}"
    sigma = f" with sigma {between(exact(test.sigma), measure.unit)}" if test.sigma else ""
    return f"at {share_text(test.confidence)} over cells{method}{sigma}"


def describe_bound(bound: Bound, measure: Measure) -> str:
    """Of an amount: `at most 2.4 bpb`."""
    return f"{bound.kind.value} {exact(bound.value)}{behind(measure.unit)}"


def describe_distance(bound: Bound, measure: Measure) -> str:
    """Of a difference: `at most 0.02 bpb`, `at least 1 percentage point`."""
    return f"{bound.kind.value} {between(exact(bound.value), measure.unit)}"


def describe_rule(rule: Rule, measure: Measure) -> dict[str, Json]:
    """Every clause of a rule; what it does not say is left out."""
    against = f" against {rule.reference}" if rule.reference else ""
    said: dict[str, Json] = {
        "judge": f"{describe_judged(rule.judged)}{against} at {rule.stage}",
        "require": describe_condition(rule.require, measure),
        "missing": describe_handling(rule.missing),
        "crash": describe_crash(rule.crash),
        "absent": rule.absent.value if rule.absent else None,
        "else": rule.otherwise.value if rule.otherwise else None,
    }
    return {clause: words for clause, words in said.items() if words is not None}


def describe_judged(judged: Judged) -> str:
    """Whom a rule is about."""
    match judged:
        case str():
            return judged
        case Promoted():
            return "promoted"
        case BestOf():
            return f"best of {judged.stage}"
        case _:
            assert_never(judged)


def describe_neighbours(near: Neighbourhood) -> dict[str, Json]:
    """Whom it surrounds, and the levels that neighbours take."""
    levels = {factor: ", ".join(sorted(map(describe_level, those))) for factor, those in near.levels}
    return {"of": near.of, **levels}


def describe_reduction(reduction: Reduction, measure: Measure) -> dict[str, Json]:
    """Every clause of a reduction."""
    least = (
        f" and effect at least {between(exact(reduction.least), measure.unit)}" if reduction.least is not None else ""
    )
    return {
        "from": reduction.effects,
        "fix": f"factor when discovered{least}",
        "to": "better level",
        "into": reduction.into,
        "missing": describe_handling(reduction.missing),
    }


def time_of_slots(study: Study) -> str:
    """What budget, bound and spent are amounts of: `GPU time` where every slot is a GPU, else `slot time`."""
    return "GPU time" if study.on_gpus else "slot time"


def describe_account(account: Account | None, time: str) -> Json:
    """What is counted, supposed and expected; *time* is what its amounts are called."""
    if account is None:
        return None
    return {
        "count": ", ".join(account.count),
        "expect": None if account.expected_s is None else f"{account.expected_s}s of {time}",
        "suppose": [f"all {row.gate} continue to {row.stage} costs {row.costs_s}s" for row in account.supposes],
    }
