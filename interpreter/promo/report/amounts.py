"""
Budgets to texts that are read and compared with nothing: large numbers are rounded there.

The difference of two studies, exports and registrations keep every digit (`describe`).
"""

from promo.base.units import duration
from promo.report.describe import COUNT_UNITS, describe_budget
from promo.report.words import MOST_WRITTEN, amount_words, plural, short_count, span_text
from promo.study.values import Budget, BudgetKind, Stage, Study


def budget_text(budget: Budget) -> str:
    """The same as `describe_budget` for a place that is read and compared with nothing: large numbers are rounded."""
    if budget.kind not in COUNT_UNITS or budget.amount < MOST_WRITTEN:
        return describe_budget(budget)
    return f"{short_count(budget.amount)}{COUNT_UNITS[budget.kind]}, cap {duration(budget.cap_s)}"


def a_run_text(stage: Stage) -> str:
    """`30s cpu, cap 60s on 8 devices`: what a run of a stage is given, as a spec writes it, for a narrow column."""
    return f"{budget_text(stage.budget)}{_devices(stage)}"


def a_run_words(stage: Stage, each: str = "", *, capped: bool = True) -> str:
    """`1 h on 8 devices`, `2 s of processor time a run, cap 20 s`: the same in a sentence; *each* says of what."""
    cap = cap_words(stage) if capped else ""
    return f"{amount_words(stage.budget.kind, stage.budget.amount)}{_devices(stage)}{each}{cap and f', {cap}'}"


def cap_words(stage: Stage) -> str:
    """`cap 20 s`; empty where the budget is its own cap."""
    budget = stage.budget
    return "" if budget.kind is BudgetKind.WALL else f"cap {span_text(budget.cap_s)}"


def _devices(stage: Stage) -> str:
    return "" if stage.devices is None else f" on {plural(stage.devices, 'device')}"


def after_words(study: Study, stage: str) -> str:
    """`after 30 s of processor time`: all that runs of a stage have trained at its end, with what they carry on."""
    return f"after {amount_words(study.stages[stage].budget.kind, study.whole(stage))}"
