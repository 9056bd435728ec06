"""
A resolved study in canonical words.

Each part becomes JSON whose texts read like the clauses of the language, in base units and without positions,
comments or order of declaration.  Seals hash these words, stored plans hold them, and when two of them differ the
difference can be read aloud.
"""

from promo.base.canonical import Json, exact
from promo.base.units import duration
from promo.spec.values import (
    Account,
    Bound,
    Budget,
    BudgetKind,
    Candidate,
    Data,
    Factor,
    Gate,
    Host,
    Interval,
    Level,
    Measure,
    Missing,
    Rule,
    RunnerChoice,
    Stage,
    Study,
)

COUNT_UNITS = {BudgetKind.STEPS: "steps", BudgetKind.TOKENS: "tok", BudgetKind.FLOPS: "flop"}


def describe(study: Study) -> dict[str, Json]:
    """Everything a study means, part by part."""
    return {
        "study": study.name,
        "title": study.title,
        "measure": describe_measure(study.measure),
        "runner": describe_runner(study.runner),
        "data": describe_data(study.data),
        "budget": None if study.budget_s is None else f"{study.budget_s}s of device time",
        "host": {name: describe_host(host) for name, host in study.hosts.items()},
        "factor": {name: describe_factor(factor) for name, factor in study.factors.items()},
        "candidate": {name: describe_candidate(candidate) for name, candidate in study.candidates.items()},
        "cohort": {name: list(members) for name, members in study.cohorts.items()},
        "stage": {name: describe_stage(stage) for name, stage in study.stages.items()},
        "gate": {name: describe_gate(gate) for name, gate in study.gates.items()},
        "rule": {name: describe_rule(rule, study.measure) for name, rule in study.rules.items()},
        "account": describe_account(study.account),
    }


def describe_measure(measure: Measure) -> str:
    """`val_bpb in bpb, lower is better`."""
    return f"{measure.metric} in {measure.unit}, {'lower' if measure.lower_is_better else 'higher'} is better"


def describe_runner(runner: RunnerChoice) -> str:
    """`gpt, version 1`."""
    return f"{runner.name}, version {runner.version}" + (f", {runner.digest}" if runner.digest else "")


def describe_data(data: Data | None) -> Json:
    """Source, holdout and scoring windows."""
    if data is None:
        return None
    return {
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
        "price": None if host.price is None else f"{exact(host.price)}usd an hour",
        "executor": host.executor,
    }


def describe_machine(host: Host) -> str:
    """What of a host may move a score: device, system and threads, not its slots or its price."""
    return f"{host.device} on {host.system}, {host.threads} threads"


def describe_level(level: Level) -> str:
    """A level, exactly."""
    return level if isinstance(level, str) else exact(level)


def describe_factor(factor: Factor) -> dict[str, Json]:
    """Unit, values and default."""
    if isinstance(factor.domain, Interval):
        values = f"{exact(factor.domain.low)}..{exact(factor.domain.high)}"
    else:
        values = ", ".join(describe_level(level) for level in factor.domain)
    return {"unit": factor.unit, "values": values, "default": describe_level(factor.default)}


def describe_candidate(candidate: Candidate) -> dict[str, Json]:
    """Role and effective settings: what is trained, not how it was written."""
    return {"role": candidate.role.value, **dict(candidate.effective.settings)}


def describe_budget(budget: Budget) -> str:
    """`5min`, `30s cpu, cap 60s`, `225steps, cap 20s`."""
    if budget.kind is BudgetKind.WALL:
        return duration(budget.amount)
    amount = (
        f"{duration(budget.amount)} cpu"
        if budget.kind is BudgetKind.CPU
        else f"{budget.amount}{COUNT_UNITS[budget.kind]}"
    )
    return f"{amount}, cap {duration(budget.cap_s)}"


def describe_stage(stage: Stage) -> dict[str, Json]:
    """Entrants, budget and cells."""
    return {
        "after": stage.after,
        "train": ", ".join(stage.candidates) if stage.after is None else "promoted",
        "for": describe_budget(stage.budget),
        "on": ", ".join(stage.hosts),
        "seeds": ", ".join(map(str, stage.seeds)),
        "report only": stage.report_only,
    }


def describe_missing(missing: Missing) -> str:
    """`rerun 1, then drop`."""
    return f"rerun {missing.reruns}, then {missing.then.value}" if missing.reruns else missing.then.value


def describe_gate(gate: Gate) -> dict[str, Json]:
    """Every clause of a gate."""
    return {
        "from": gate.source,
        "to": gate.target,
        "rank": f"by {gate.statistic.value} {gate.metric} over host, seed",
        "keep": f"top {gate.keep}",
        "always": ", ".join(sorted(gate.always)) or None,
        "missing": describe_missing(gate.missing),
        "ties": "by " + ", ".join(one.value for one in gate.ties),
    }


def describe_bound(bound: Bound, measure: Measure) -> str:
    """`at most 0.02bpb`."""
    return f"{bound.kind.value} {exact(bound.value)}{measure.unit}"


def describe_rule(rule: Rule, measure: Measure) -> dict[str, Json]:
    """Every clause of a rule."""
    return {
        "judge": f"{rule.judged} against {rule.reference} at {rule.stage}",
        "require": f"{rule.statistic.value} {rule.side.value} {describe_bound(rule.bound, measure)}",
        "missing": describe_missing(rule.missing),
        "absent": rule.absent.value if rule.absent else None,
    }


def describe_account(account: Account | None) -> Json:
    """What is counted, supposed and expected."""
    if account is None:
        return None
    return {
        "count": ", ".join(account.count),
        "expect": None if account.expected_s is None else f"{account.expected_s}s of device time",
        "suppose": [f"all {row.gate} continue to {row.stage} costs {row.costs_s}s" for row in account.supposes],
    }
