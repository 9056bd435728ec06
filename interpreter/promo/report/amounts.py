"""
Budgets to texts that are read and compared with nothing: large numbers are rounded there.

The difference of two studies, exports and registrations keep every digit (`describe`).
"""

from typing import assert_never

from promo.base.units import duration
from promo.report.describe import COUNT_UNITS, describe_budget
from promo.report.words import MOST_WRITTEN, plural, short_count, span_text
from promo.study.values import Budget, BudgetKind, Stage, Study


def budget_text(budget: Budget) -> str:
    """The same as `describe_budget` for a place that is read and compared with nothing: large numbers are rounded."""
    if budget.kind not in COUNT_UNITS or budget.amount < MOST_WRITTEN:
        return describe_budget(budget)
    return f"{short_count(budget.amount)}{COUNT_UNITS[budget.kind]}, cap {duration(budget.cap_s)}"


def a_run_text(stage: Stage) -> str:
    """`1h on 8 devices`: what a run of a stage is given, with its devices where the stage says how many."""
    devices = "" if stage.devices is None else f" on {plural(stage.devices, 'device')}"
    return f"{budget_text(stage.budget)}{devices}"


def after_words(study: Study, stage: str) -> str:
    """`after 30 s of processor time`: all that runs of a stage have trained at its end, with what they carry on."""
    kind, amount = study.stages[stage].budget.kind, study.whole(stage)
    match kind:
        case BudgetKind.WALL | BudgetKind.UPSTREAM:
            return f"after {span_text(amount)}"
        case BudgetKind.CPU:
            return f"after {span_text(amount)} of processor time"
        case BudgetKind.STEPS:
            return f"after {short_count(amount)} {'step' if amount == 1 else 'steps'}"
        case BudgetKind.TOKENS:
            return f"after {short_count(amount)} tokens"
        case BudgetKind.FLOPS:
            return f"after {short_count(amount)} FLOPs"
        case _:
            assert_never(kind)
