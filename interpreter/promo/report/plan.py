"""
Amounts of a plan as text, its stages as a table shows them, and what suppositions would save.

Every amount is time of slots.  It is called GPU time where each slot is a GPU, and slot time elsewhere; it is never
processor time, which a budget may count and no plan adds up.  Hours of GPUs are counted in GPU-hours, as everybody
does; every other length of time is said as people say it, `1 h 50 min`.
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import groupby
from math import ceil

from promo.base.canonical import exact, rounded
from promo.base.units import HOUR
from promo.plans.values import Plan, Supposition
from promo.report.describe import (
    time_of_slots,
)
from promo.report.words import span_text
from promo.study.values import Study

GPU_HOURS = "GPU-hours"


def hours_text(seconds: int | Fraction) -> str:
    """Seconds as hours: exact when three decimals suffice, else rounded to three."""
    hours = Fraction(seconds) / HOUR
    text = exact(hours)
    short = text if "/" not in text and len(text.partition(".")[2]) <= 3 else rounded(hours, 3)
    return short.rstrip("0").rstrip(".") if "." in short else short


def in_gpu_hours(plan: Plan) -> bool:
    """Whether amounts are numbers of GPU-hours: those of a plan of hours where each slot is a GPU."""
    return plan.study.on_gpus and plan.budget_s >= HOUR


def amount_text(seconds: int | Fraction, plan: Plan) -> str:
    """Time of slots of a plan's size, whose unit stands elsewhere: `1 h 50 min`, and `169.2` of GPU-hours."""
    return hours_text(seconds) if in_gpu_hours(plan) else span_text(Fraction(seconds))


def rounded_up(seconds: int | Fraction, plan: Plan) -> Fraction:
    """Seconds of a bound, rounded up to what is shown of them: no bound is said to be less than it is."""
    thousandth = Fraction(HOUR, 1000)
    if in_gpu_hours(plan):  # below an hour as seconds, or as a number of hours
        shown = thousandth if seconds >= HOUR else 5 * thousandth
    else:
        shown = Fraction(60 if seconds >= HOUR else 1)
    return ceil(seconds / shown) * shown


def amount_unit(plan: Plan) -> str:
    """What stands over a column of such amounts."""
    return GPU_HOURS if in_gpu_hours(plan) else time_word(plan)


def device_words(seconds: int | Fraction, plan: Plan, *, of_what: bool = True) -> str:
    """`169.2 GPU-hours`; `1 h 50 min of slot time`, and without the last words where *of_what* is known."""
    if in_gpu_hours(plan) and seconds >= HOUR:
        hours = hours_text(seconds)
        return "1 GPU-hour" if hours == "1" else f"{hours} {GPU_HOURS}"
    return span_text(Fraction(seconds)) + (f" of {time_word(plan)}" if of_what else "")


def time_word(plan: Plan) -> str:
    """What time of a plan's slots is called."""
    return time_of_slots(plan.study)


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
    asked, supposed, branch, kept = (amount_text(one, plan) for one in (budget, cost, one.branch_s, one.kept_s))
    all_in, less = one.kept_s + cost - one.shared_s, f" - {amount_text(one.shared_s, plan)}" if one.shared_s else ""
    return [
        (
            "as published",
            f"1 - {asked} / {supposed}",
            share_text(1 - Fraction(budget, cost)),
            "the whole budget against that branch alone",
        ),
        (
            "like for like",
            f"1 - {branch} / {supposed}",
            share_text(1 - Fraction(one.branch_s, cost)),
            f"the {one.stage} branch against the same branch",
        ),
        (
            "all in",
            f"1 - {asked} / ({kept} + {supposed}{less})",
            share_text(1 - Fraction(budget, all_in)),
            "the whole budget against all that would then be asked for" + (", shared runs once" if less else ""),
        ),
    ]
