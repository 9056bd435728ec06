"""Plan against what the spec says it costs: budget, expectations and supposed continuations."""

from collections.abc import Iterator
from fractions import Fraction

from promo.base.canonical import exact, exact_sum, rounded
from promo.base.diagnostics import Diagnostic, Severity
from promo.base.units import HOUR, span
from promo.plans.sharing import budget_of
from promo.plans.values import Bill, Plan, StagePlan
from promo.study.values import Stage, Study


def _time(seconds: int, study: Study) -> str:
    """Time of slots exactly: hours of GPUs as a spec counts them where four decimals do (`169.2 h`), else a span."""
    text = exact(Fraction(seconds, HOUR))
    decimal = study.on_gpus and "/" not in text and len(text.partition(".")[2]) <= 4
    return f"{text} h" if decimal else span(seconds)


def check_cost(study: Study, plan: Plan) -> Iterator[Diagnostic]:
    """Every statement about cost that the plan does not bear out; each names both sides and the formula."""
    yield from _budget(study, plan)
    yield from _money(study, plan)
    yield from _expected(study, plan)
    for stage in study.stages.values():
        yield from _expected_runs(stage, plan.stage(stage.name))
    if study.account:
        for said, found in zip(study.account.supposes, plan.suppositions, strict=True):
            if said.costs_s != found.costs_s:
                cap_s = study.stages[found.stage].budget.cap_s
                devices = Fraction(found.costs_s, max(found.candidates * found.cells * cap_s, 1))
                wide = "" if devices == 1 else f" x {exact(devices)} devices"
                formula = f"{found.candidates} candidates x {found.cells} cells x {span(cap_s)}{wide}"
                yield Diagnostic(
                    "P0602",
                    f"the spec says {_time(said.costs_s, study)}, and this costs {_time(found.costs_s, study)}",
                    said.where["suppose"],
                    notes=(f"{formula} = {_time(found.costs_s, study)}",),
                )


def _formula(plan: Plan) -> str:
    parts = [(stage.name, stage.added_s) for stage in plan.stages if stage.added_s]
    total = " + ".join(_time(seconds, plan.study) for _, seconds in parts)
    return f"{total} = {_time(plan.budget_s, plan.study)} over {', '.join(name for name, _ in parts)}"


def _budget(study: Study, plan: Plan) -> Iterator[Diagnostic]:
    if study.budget_s is None:
        return
    at, allowed = study.where["budget"], _time(study.budget_s, study)
    again = budget_of(study, plan.stages, lambda name: 1 + plan.stage(name).allowance.reruns)
    if plan.budget_s > study.budget_s:
        message = f"the stages ask for {_time(plan.budget_s, study)}, and the study allows {allowed}"
        yield Diagnostic("P0601", message, at, "allow a larger budget, or train less", notes=(_formula(plan),))
    elif again > study.budget_s:
        message = f"with every allowed rerun the stages ask for {_time(again, study)}, and the study allows {allowed}"
        note = f"without reruns they ask for {_time(plan.budget_s, study)}"
        yield Diagnostic("P0604", message, at, severity=Severity.WARNING, notes=(note,))


def _money(study: Study, plan: Plan) -> Iterator[Diagnostic]:
    """A budget of money against what the stages cost at their caps, at spot prices and without."""
    if study.money is None or plan.money is None:
        return
    unit, at = study.money.currency, study.where["money"]
    allowed = f"{exact(study.money.amount)} {unit}"
    least = exact_sum(min(one.budget, one.spot_budget or one.budget) for one in plan.money.hosts.values())
    if least > study.money.amount:
        message = f"the stages cost {rounded(least, 2)} {unit} at the lowest prices, and the study allows {allowed}"
        yield Diagnostic(
            "P0601", message, at, "allow a larger budget, or train less", notes=(_money_formula(plan.money),)
        )
    elif plan.money.budget > study.money.amount:
        full = rounded(plan.money.budget, 2)
        message = f"without spot prices the stages cost {full} {unit}, and the study allows {allowed}"
        yield Diagnostic("P0604", message, at, severity=Severity.WARNING, notes=(_money_formula(plan.money),))


def _money_formula(bill: Bill) -> str:
    parts = [(name, one) for name, one in bill.hosts.items() if one.budget]
    told = (f"{name} {rounded(one.budget, 2)} at {exact(one.hour)} per device hour" for name, one in parts)
    return f"without spot prices: {', '.join(told)}; together {rounded(bill.budget, 2)} {bill.currency}"


def _expected(study: Study, plan: Plan) -> Iterator[Diagnostic]:
    account = study.account
    if account is None or account.expected_s is None or account.expected_s == plan.budget_s:
        return
    message = f"{_time(account.expected_s, study)} are expected, and the stages ask for {_time(plan.budget_s, study)}"
    yield Diagnostic("P0602", message, account.where["expect_cost"], notes=(_formula(plan),))


def _expected_runs(stage: Stage, planned: StagePlan) -> Iterator[Diagnostic]:
    if stage.expected_runs is None or stage.expected_runs == planned.run_count.planned:
        return
    formula = f"{planned.entrants.planned} candidates x {len(stage.hosts)} hosts x {len(stage.seeds)} seeds"
    message = f"{stage.expected_runs} runs are expected, and the stage has {planned.run_count.planned}"
    yield Diagnostic("P0602", message, stage.where["expect_runs"], notes=(f"{formula} = {planned.run_count.planned}",))
