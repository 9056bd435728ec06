"""
Budgets to texts that are read and compared with nothing: large numbers are rounded there.

The difference of two studies, exports and registrations keep every digit (`describe`).
"""

from promo.report.words import amount_words, plural, span_text
from promo.study.values import Budget, BudgetKind, Stage, Study

NARROW = {BudgetKind.CPU: "cpu", BudgetKind.UPSTREAM: "upstream"}
"""Words of a spec for kinds of seconds that a sentence says at length."""


def budget_text(budget: Budget) -> str:
    """`30 s cpu, cap 1 min`: what a run is given, for a narrow column."""
    amount = amount_words(budget.kind, budget.amount)
    if budget.kind in NARROW:
        amount = f"{span_text(budget.amount)} {NARROW[budget.kind]}"
    return ", ".join(filter(None, (amount, _cap(budget))))


def a_run_text(stage: Stage) -> str:
    """`30 s cpu, cap 1 min on 8 devices`: the same of a run of a stage."""
    return f"{budget_text(stage.budget)}{_devices(stage)}"


def a_run_words(stage: Stage, each: str = "", *, capped: bool = True) -> str:
    """`1 h on 8 devices`, `2 s of processor time a run, cap 20 s`: the same in a sentence; *each* says of what."""
    cap = cap_words(stage) if capped else ""
    return f"{amount_words(stage.budget.kind, stage.budget.amount)}{_devices(stage)}{each}{cap and f', {cap}'}"


def cap_words(stage: Stage) -> str:
    """`cap 20 s`; empty where the budget is its own cap."""
    return _cap(stage.budget)


def _cap(budget: Budget) -> str:
    return "" if budget.kind is BudgetKind.WALL else f"cap {span_text(budget.cap_s)}"


def _devices(stage: Stage) -> str:
    return "" if stage.devices is None else f" on {plural(stage.devices, 'device')}"


def after_words(study: Study, stage: str) -> str:
    """`after 30 s of processor time`: all that runs of a stage have trained at its end, with what they carry on."""
    return f"after {amount_words(study.stages[stage].budget.kind, study.whole(stage))}"
