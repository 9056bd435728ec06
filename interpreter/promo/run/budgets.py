"""
Budget and what a run used of it: whether the two are the same training.

A stage may say by which share its runs may miss their budget.  Where it does not: nobody can stop in the middle of a
step, so a run may miss its budget by the last one; what was only timed may miss it by 5%.  A run beyond that, in either
direction, trained something else than was asked, and its score is no evidence.
"""

from collections.abc import Mapping
from fractions import Fraction

from promo.base.canonical import Json, exact, from_exact, rounded
from promo.base.classes import evolve
from promo.run.values import TRAIN, Counter, Used
from promo.study.limits import TOLERANCE, Budget, BudgetKind

TIMED = frozenset({BudgetKind.WALL, BudgetKind.CPU, BudgetKind.UPSTREAM})
"""Budgets of seconds."""
UNITS = {BudgetKind.STEPS: "steps", BudgetKind.TOKENS: "tokens", BudgetKind.FLOPS: "operations"}
HOW = {
    Counter.TRAINER: "as its trainer counted",
    Counter.MARKED: "in what it marked as training",
    Counter.REPORTED: "as it reported",
    Counter.WHOLE: "for all of it is charged",
    Counter.SIMULATED: "in time that was simulated",
    Counter.RECORDED: "as was recorded",
}

HINTS = {Counter.WHOLE: "; a function can mark what is training (record.training()), and a program can report train_s"}


def is_kept(used: Used, budget: Budget) -> bool:
    """
    Whether a run used its budget: no more and no less, but for the tolerance of its stage, or one step, or a share.

    What was read from a table is what had been recorded by then, so it may be less.
    """
    amount = Fraction(budget.amount)
    if used.kind is not budget.kind:
        return False
    if used.counter is Counter.RECORDED:
        return from_exact(used.used) <= amount
    return abs(from_exact(used.used) - amount) <= _margin(used, budget)


def is_early(used: Used, budget: Budget) -> bool:
    """
    Whether a value was read from a table before its run had used the budget, by more than a run may miss it.

    Seconds in a table are only timed, whatever step it tells.
    """
    short = Fraction(budget.amount) - from_exact(used.used)
    as_known = evolve(used, last_step=None) if used.kind in TIMED else used
    return used.counter is Counter.RECORDED and short > _margin(as_known, budget)


def is_used_up(used: Used, budget: Budget) -> bool:
    """
    Whether a run came to the end of its budget: all of it, or so far that its next step would have ended beyond.

    A tolerance is for runs that end by themselves: what was cut short at 96% is a part of a run, and no inexact one.
    """
    return used.kind is budget.kind and from_exact(used.used) + from_exact(used.last_step or "0") >= budget.amount


def _margin(used: Used, budget: Budget) -> Fraction:
    """By how much a run may miss its budget, in the budget's unit."""
    if budget.tolerance is None and used.last_step is not None:
        return from_exact(used.last_step)
    return (TOLERANCE if budget.tolerance is None else budget.tolerance) * Fraction(budget.amount)


LATE_S = Fraction(1, 2)
"""How much longer than its process lived a run may say that it trained, for clocks are rounded."""


def outlived(seconds: Fraction, lived_s: float | Fraction) -> bool:
    """Whether a run says that it trained for longer than its process lived: one of the two is wrong."""
    return seconds > Fraction(lived_s) + LATE_S


def told_s(used: Used | None, seconds: Mapping[str, Fraction], cores: Json = None) -> Fraction:
    """
    Seconds by the clock that a run says it trained, at least; 0 of time that is none of this machine's.

    Args:
        used: what it used of its budget.
        seconds: its phases.
        cores: how many processors its machine has, as far as that is known; no run uses more of them at once.
    """
    if used is None:
        return seconds.get(TRAIN, Fraction(0))
    if used.counter in (Counter.SIMULATED, Counter.RECORDED):
        return Fraction(0)
    by_clock = Fraction(0)
    if used.kind in (BudgetKind.WALL, BudgetKind.UPSTREAM):
        by_clock = from_exact(used.used)
    elif used.kind is BudgetKind.CPU and isinstance(cores, int) and cores > 0:
        by_clock = from_exact(used.used) / cores
    return max(by_clock, seconds.get(TRAIN, Fraction(0)))


def lived_words(seconds: Fraction, lived_s: float) -> str:
    """Why such a run is not believed."""
    return f"it says that it trained for {float(seconds):g} s, and its process lived for {lived_s:.3f} s"


def processor_words(seconds: Fraction, taken_s: Fraction) -> str:
    """Why such a run is not believed where its budget is of processor time."""
    return f"it says that it used {float(seconds):g} s of processors, and its processes used {float(taken_s):.3f} s"


def missed(used: Used, budget: Budget) -> str:
    """In words: by how much a run missed its budget, and who knows."""
    said, asked = _amount(from_exact(used.used), budget.kind), _amount(Fraction(budget.amount), budget.kind)
    by = f" (tolerance {exact(budget.tolerance * 100)}%)" if budget.tolerance is not None else ""
    return f"it used {said} of a budget of {asked}{by}, {HOW[used.counter]}{HINTS.get(used.counter, '')}"


def _amount(amount: Fraction, kind: BudgetKind) -> str:
    return f"{rounded(amount, 3)} s" if kind in TIMED else f"{exact(amount)} {UNITS[kind]}"
