"""Two plans to words: what changed from one to the other, and what that does to the budget."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from promo.base.units import HOUR
from promo.plan.store import stale
from promo.plan.values import Plan
from promo.report.plan import hours_text
from promo.report.words import plural, span_text


def plan_change(old: Mapping[str, Any], plan: Plan, new: Mapping[str, Any]) -> str:
    """
    What changed between two plans.

    Args:
        old: an earlier plan as stored.
        plan: the plan of today.
        new: the same as stored.

    Returns:
        One line a change, then runs and budget of each stage that has others than before, then the totals.
    """
    changes = list(stale(old, plan))
    if not changes:
        return f"nothing changed: plan sha256:{plan.digest[:12]}"
    lines = [f"{plural(len(changes), 'change')}:", *(f"  {change}" for change in changes), "", "budget:"]
    lines += [f"  {line}" for line in _costs(old, new)]
    return "\n".join(lines)


def _costs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = _stages(old), _stages(new)
    unit = str(new["device_unit"])
    for name in [*after, *(gone for gone in before if gone not in after)]:
        one, two = before.get(name), after.get(name)
        if one != two:
            yield f"{name}: {_amount(one, unit)} -> {_amount(two, unit)}"
    whole = [(int(plan["runs"]["planned"]), int(plan["budget_s"])) for plan in (old, new)]
    more = whole[1][1] - whole[0][1]
    sign = "+" if more > 0 else "-" if more < 0 else ""
    difference = f", {sign}{_time(abs(more), unit)}" if more else ", the same time"
    yield f"together: {_amount(whole[0], unit)} -> {_amount(whole[1], unit)}{difference}"


def _stages(plan: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    stages: Sequence[Mapping[str, Any]] = plan.get("stages", ())
    return {str(one["name"]): (int(one["runs"]["planned"]), int(one["budget_s"])) for one in stages}


def _amount(amount: tuple[int, int] | None, unit: str) -> str:
    return "none" if amount is None else f"{plural(amount[0], 'run')}, {_time(amount[1], unit)}"


def _time(seconds: int, unit: str) -> str:
    return f"{hours_text(seconds)} {unit}" if seconds >= HOUR else span_text(seconds)
