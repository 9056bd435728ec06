"""
Amounts of a plan as text, its stages as a table shows them, and what suppositions would save.

Every amount is time of slots.  It is called GPU time where each slot is a GPU, and slot time elsewhere; it is never
processor time, which a budget may count and no plan adds up.
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import groupby

from promo.base.canonical import exact, rounded
from promo.base.units import HOUR
from promo.plans.values import Plan, Supposition
from promo.report.describe import (
    time_of_slots,
)
from promo.report.words import span_text
from promo.study.values import Study


def hours_text(seconds: int | Fraction) -> str:
    """Seconds as hours: exact when three decimals suffice, else rounded to three."""
    hours = Fraction(seconds) / HOUR
    text = exact(hours)
    return text if "/" not in text and len(text.partition(".")[2]) <= 3 else rounded(hours, 3)


def amount_text(seconds: int | Fraction, plan: Plan) -> str:
    """Time of slots of a plan's size: hours for plans of hours, minutes and seconds for small ones."""
    return span_text(Fraction(seconds)) if plan.budget_s < HOUR else hours_text(seconds)


def amount_unit(plan: Plan) -> str:
    """What stands over a column of such amounts."""
    return time_word(plan) if plan.budget_s < HOUR else plan.device_unit


def time_word(plan: Plan) -> str:
    """What time of a plan's slots is called."""
    return time_of_slots(plan.study)


def wall_text(seconds: int, plan: Plan) -> str:
    """Wall-clock time of a plan's size."""
    return span_text(seconds) if plan.budget_s < HOUR else f"{hours_text(seconds)} h"


def share_text(share: Fraction) -> str:
    """A share as a percentage with one decimal."""
    return f"{rounded(share * 100, 1)}%"


def stage_rows(study: Study, names: Iterable[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Stages as a table shows them, by what they are called there: the steps of a walk are one row."""
    walks = (baseline for baseline in study.baselines.values() if len(baseline.stages) > 1)
    called = {step: f"{walk.name}, {len(walk.stages)} steps" for walk in walks for step in walk.stages}
    return [(row, tuple(those)) for row, those in groupby(names, key=lambda name: called.get(name, name))]


def savings(one: Supposition, plan: Plan) -> list[tuple[str, str, str, str]]:
    """Name, formula, share and meaning of each saving against a supposition: budgets against budgets."""
    budget, cost = plan.budget_s, one.costs_s
    all_in, less = one.kept_s + cost - one.shared_s, f" - {hours_text(one.shared_s)}" if one.shared_s else ""
    return [
        (
            "as published",
            f"1 - {hours_text(budget)} / {hours_text(cost)}",
            share_text(1 - Fraction(budget, cost)),
            "the whole budget against that branch alone",
        ),
        (
            "like for like",
            f"1 - {hours_text(one.branch_s)} / {hours_text(cost)}",
            share_text(1 - Fraction(one.branch_s, cost)),
            f"the {one.stage} branch against the same branch",
        ),
        (
            "all in",
            f"1 - {hours_text(budget)} / ({hours_text(one.kept_s)} + {hours_text(cost)}{less})",
            share_text(1 - Fraction(budget, all_in)),
            "the whole budget against all that would then be asked for" + (", shared runs once" if less else ""),
        ),
    ]
