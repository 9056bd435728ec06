"""
Budget and what a run used of it: whether the two are the same training.

Nobody can stop in the middle of a step, so a run may miss its budget by the last one; what was only timed, or counts in
larger units than steps, may miss it by a share.  A run beyond that, in either direction, trained something else than
was asked, and its score is no evidence.
"""

from fractions import Fraction

from promo.base.canonical import exact, from_exact, rounded
from promo.run.values import Counter, Used
from promo.study.values import Budget, BudgetKind

TOLERANCE = Fraction(5, 100)
"""Share of a budget by which a run may miss it where no step is known."""

TIMED = frozenset({BudgetKind.WALL, BudgetKind.CPU, BudgetKind.UPSTREAM})
"""Budgets of seconds."""
UNITS = {BudgetKind.STEPS: "steps", BudgetKind.TOKENS: "tokens", BudgetKind.FLOPS: "operations"}
HOW = {
    Counter.TRAINER: "as its trainer counted",
    Counter.MARKED: "in what it marked as training",
    Counter.REPORTED: "as it reported",
    Counter.WHOLE: "for all of it is charged",
    Counter.RECORDED: "as was recorded",
}

HINTS = {Counter.WHOLE: "; a function can mark what is training (record.training()), and a program can report train_s"}


def is_kept(used: Used, budget: Budget) -> bool:
    """
    Whether a run used its budget: no more and no less, but for one step or a share.

    What was read from a table is what had been recorded by then, so it may be less.
    """
    amount = Fraction(budget.amount)
    if used.counter is Counter.RECORDED:
        return from_exact(used.used) <= amount
    by = TOLERANCE * amount if used.last_step is None else from_exact(used.last_step)
    return abs(from_exact(used.used) - amount) <= by


def missed(used: Used, budget: Budget) -> str:
    """In words: by how much a run missed its budget, and who knows."""
    said, asked = _amount(from_exact(used.used), budget.kind), _amount(Fraction(budget.amount), budget.kind)
    return f"it used {said} of a budget of {asked}, {HOW[used.counter]}{HINTS.get(used.counter, '')}"


def _amount(amount: Fraction, kind: BudgetKind) -> str:
    return f"{rounded(amount, 3)} s" if kind in TIMED else f"{exact(amount)} {UNITS[kind]}"
