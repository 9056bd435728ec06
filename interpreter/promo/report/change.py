"""Two plans to words: what changed from one to the other, and what that does to the budget."""

from collections.abc import Iterator

from promo.base.canonical import Json
from promo.base.differences import differences
from promo.plans.values import Plan, StagePlan
from promo.report.describe import describe
from promo.report.plan import device_words
from promo.report.words import plural


def plan_changes(old: Plan, new: Plan) -> Iterator[str]:
    """What makes a plan another one than an earlier one; nothing when they agree."""
    if old.digest == new.digest:
        return
    found = list(differences(_words(old), _words(new)))
    found += list(differences(dict(old.seals), dict(new.seals), ("seal",))) if not found else []
    yield from found or ["the runs it lists are not those that the spec gives"]


def _words(plan: Plan) -> dict[str, Json]:
    return {**describe(plan.study), "order": None if plan.order is None else list(plan.order)}


def plan_change(old: Plan, new: Plan) -> str:
    """
    What changed between two plans.

    Returns:
        One line a change, then runs and budget of each stage that has others than before, then the totals.
    """
    changes = list(plan_changes(old, new))
    if not changes:
        return f"nothing changed: plan sha256:{new.digest[:12]}"
    lines = [f"{plural(len(changes), 'change')}:", *(f"  {change}" for change in changes), "", "budget:"]
    lines += [f"  {line}" for line in _costs(old, new)]
    return "\n".join(lines)


def _costs(old: Plan, new: Plan) -> Iterator[str]:
    before, after = ({stage.name: _size(stage) for stage in plan.stages} for plan in (old, new))
    for name in [*after, *(gone for gone in before if gone not in after)]:
        one, two = before.get(name), after.get(name)
        if one != two:
            yield f"{name}: {_amount(one, new)} -> {_amount(two, new)}"
    whole = [_size(plan) for plan in (old, new)]
    more = whole[1][1] - whole[0][1]
    sign = "+" if more > 0 else "-" if more < 0 else ""
    difference = f", {sign}{device_words(abs(more), new, of_what=False)}" if more else ", the same time"
    yield f"together: {_amount(whole[0], new)} -> {_amount(whole[1], new)}{difference}"


def _size(one: Plan | StagePlan) -> tuple[int, int]:
    """Planned runs, and their budget in seconds."""
    return one.run_count.planned, one.budget_s


def _amount(amount: tuple[int, int] | None, plan: Plan) -> str:
    if amount is None:
        return "none"
    return f"{plural(amount[0], 'run')}, {device_words(amount[1], plan, of_what=False)}"
