"""Plan against what the spec says it costs: budget, expectations and supposed continuations."""

from collections.abc import Iterator
from fractions import Fraction

from promo.base.canonical import exact, exact_sum, rounded
from promo.base.diagnostics import Diagnostic, Severity
from promo.base.units import HOUR
from promo.plans.sharing import budget_of
from promo.plans.values import Bill, Plan, StagePlan
from promo.study.values import Stage, Study


def hours(seconds: int) -> str:
    """A span exactly: in hours where four decimals hold it (`169.2 h`), else in seconds (`17 s`)."""
    text = exact(Fraction(seconds, HOUR))
    return f"{text} h" if "/" not in text and len(text.partition(".")[2]) <= 4 else f"{seconds} s"


def beside_hours(seconds: int) -> str:
    """A span that is compared with hours: exactly, and where that is in seconds, in rounded hours as well."""
    text = hours(seconds)
    return text if text.endswith(" h") else f"{text} ({rounded(Fraction(seconds, HOUR), 3)} h)"


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
                formula = f"{found.candidates} candidates x {found.cells} cells x {hours(cap_s)}{wide}"
                yield Diagnostic(
                    "P0602",
                    f"the spec says {hours(said.costs_s)}, and this costs {beside_hours(found.costs_s)}",
                    said.where["suppose"],
                    notes=(f"{formula} = {hours(found.costs_s)}",),
                )


def _formula(plan: Plan) -> str:
    parts = [(stage.name, stage.added_s) for stage in plan.stages if stage.added_s]
    total = " + ".join(hours(seconds) for _, seconds in parts)
    return f"{total} = {hours(plan.budget_s)} over {', '.join(name for name, _ in parts)}"


def _budget(study: Study, plan: Plan) -> Iterator[Diagnostic]:
    if study.budget_s is None:
        return
    at, allowed = study.where["budget"], hours(study.budget_s)
    again = budget_of(study, plan.stages, lambda name: 1 + plan.stage(name).allowance.reruns)
    if plan.budget_s > study.budget_s:
        message = f"the stages ask for {beside_hours(plan.budget_s)}, and the study allows {allowed}"
        yield Diagnostic("P0601", message, at, "allow a larger budget, or train less", notes=(_formula(plan),))
    elif again > study.budget_s:
        message = f"with every allowed rerun the stages ask for {beside_hours(again)}, and the study allows {allowed}"
        note = f"without reruns they ask for {beside_hours(plan.budget_s)}"
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
    message = f"{hours(account.expected_s)} are expected, and the stages ask for {beside_hours(plan.budget_s)}"
    yield Diagnostic("P0602", message, account.where["expect_cost"], notes=(_formula(plan),))


def _expected_runs(stage: Stage, planned: StagePlan) -> Iterator[Diagnostic]:
    if stage.expected_runs is None or stage.expected_runs == planned.run_count.planned:
        return
    formula = f"{planned.entrants.planned} candidates x {len(stage.hosts)} hosts x {len(stage.seeds)} seeds"
    message = f"{stage.expected_runs} runs are expected, and the stage has {planned.run_count.planned}"
    yield Diagnostic("P0602", message, stage.where["expect_runs"], notes=(f"{formula} = {planned.run_count.planned}",))
