"""
Budgets to texts that are read and compared with nothing: large numbers are rounded there.

The difference of two studies, exports and registrations keep every digit (`describe`).
"""

from typing import assert_never

from promo.base.units import duration
from promo.report.describe import COUNT_UNITS, describe_budget
from promo.report.words import MOST_WRITTEN, short_count, span_text
from promo.study.values import Budget, BudgetKind, Study


def budget_text(budget: Budget) -> str:
    """The same as `describe_budget` for a place that is read and compared with nothing: large numbers are rounded."""
    if budget.kind not in COUNT_UNITS or budget.amount < MOST_WRITTEN:
        return describe_budget(budget)
    return f"{short_count(budget.amount)}{COUNT_UNITS[budget.kind]}, cap {duration(budget.cap_s)}"


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
