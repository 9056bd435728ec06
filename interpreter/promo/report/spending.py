"""What is left of a study's budget while it runs, in words and figures."""

from collections.abc import Iterator

from promo.base.canonical import Json, exact
from promo.base.codec import to_json
from promo.decision.agenda import Agenda, AwaitBudget, in_force
from promo.decision.spending import allowed, spent
from promo.ledger.state import State, StudyState
from promo.plans.values import Plan
from promo.report.changed import Call
from promo.report.money import money_lines
from promo.report.plan import amount_text, device_words
from promo.report.prices import money_text
from promo.study.values import Study

AMEND = "give the study another budget: promo amend SPEC --budget AMOUNT --reason TEXT"


def short_of_budget(study: Study, plan: Plan, state: State) -> AwaitBudget | None:
    """What waits for a larger budget, where nothing more starts for want of one; by the rules in force."""
    if state.study is not StudyState.OPEN or state.replay or state.stopping() is not None:
        return None
    steps = Agenda(in_force(study, state), plan).attempts(state)
    return next((one for one in steps if isinstance(one, AwaitBudget)), None)


def budget_words(short: AwaitBudget, study: Study, plan: Plan, call: Call) -> str:
    """Why nothing more starts, with its figures."""
    run, needs, used, budget = short.run, short.needs, short.spent, short.budget
    of_time = budget.seconds is not None and used.seconds + needs.seconds > budget.seconds
    if of_time and budget.seconds is not None:
        words, whole = amount_text(used.seconds, plan), device_words(budget.seconds, plan)
        more = f"spend {device_words(needs.seconds, plan, of_what=False)}"
    else:
        assert budget.money is not None
        words, whole = money_text(used.money, study.currency), money_text(budget.money, study.currency)
        more = f"cost {money_text(needs.money, study.currency)}"
    return (
        f"nothing more starts: {words} of the study's budget of {whole} are used up, and the next attempt "
        f"({call(run.candidate)} on {run.host}, seed {run.seed}, at {run.stage}) may {more}"
    )


def budget_lines(study: Study, plan: Plan, state: State) -> Iterator[str]:
    """What was used up of the study's budgets, if it has any, what it has cost, and how budgets were amended."""
    budget_s = allowed(study, state).seconds
    if state.replay:
        return
    if budget_s is not None:
        used = spent(study, state).seconds
        yield (
            f"Of the study's budget of {device_words(budget_s, plan)}, {amount_text(used, plan)} are used up, "
            "counting running attempts at their caps; an attempt starts only if its cap is left."
        )
    yield from money_lines(study, state)
    for one in state.budgets:
        new = device_words(one.budget_s, plan) if one.budget_s is not None else ""
        new = money_text(one.money, study.currency) if one.money is not None else new
        yield f"{one.by} gave the study a budget of {new} after it had begun: {one.reason}"


def budget_to_json(study: Study, plan: Plan, state: State) -> dict[str, Json] | None:
    """The same for programs, in seconds of devices; None for a study without a budget, and for a replay."""
    budget = allowed(study, state)
    if not budget or state.replay:
        return None
    used = spent(study, state)
    return {
        "budget_s": None if budget.seconds is None else int(budget.seconds),
        "used_s": exact(used.seconds),
        "money": None if budget.money is None else exact(budget.money),
        "used_money": None if budget.money is None else exact(used.money),
        "exhausted": short_of_budget(study, plan, state) is not None,
        "amendments": [to_json(one) for one in state.budgets],
    }
