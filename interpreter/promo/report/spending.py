"""What is left of a study's budget while it runs, in words and figures."""

from collections.abc import Iterator

from promo.base.canonical import Json, exact
from promo.base.codec import to_json
from promo.decision.agenda import Agenda, AwaitBudget, in_force
from promo.decision.spending import allowed_s, spent_s
from promo.ledger.state import State, StudyState
from promo.plan.values import Plan
from promo.report.plan import amount_text, amount_unit
from promo.study.values import Study

AMEND = "give the study another budget: promo amend SPEC --budget AMOUNT --reason TEXT"


def short_of_budget(study: Study, plan: Plan, state: State) -> AwaitBudget | None:
    """What waits for a larger budget, where nothing more starts for want of one; by the rules in force."""
    if state.study is not StudyState.OPEN or state.replay or state.stopping() is not None:
        return None
    steps = Agenda(in_force(study, state), plan).attempts(state)
    return next((one for one in steps if isinstance(one, AwaitBudget)), None)


def budget_words(short: AwaitBudget, study: Study, plan: Plan) -> str:
    """Why nothing more starts, with its figures."""
    run, unit = short.run, amount_unit(plan)
    spent, budget = amount_text(short.spent_s, plan), amount_text(short.budget_s, plan)
    cap = amount_text(study.stages[run.stage].budget.cap_s, plan)
    return (
        f"nothing more starts: {spent} of the study's budget of {budget} {unit} are used up, and the next attempt "
        f"({run.candidate} on {run.host}, seed {run.seed}, at {run.stage}) may spend {cap}"
    )


def budget_lines(study: Study, plan: Plan, state: State) -> Iterator[str]:
    """What was used up of the study's budget, if it has one, and how it was amended."""
    budget_s = allowed_s(study, state)
    if budget_s is None or state.replay:
        return
    used, unit = spent_s(study, state), amount_unit(plan)
    yield (
        f"Of the study's budget of {amount_text(budget_s, plan)} {unit}, {amount_text(used, plan)} are used up, "
        "running attempts with their caps; an attempt begins only if its cap is left."
    )
    for one in state.budgets:
        budget = amount_text(one.budget_s, plan)
        yield f"{one.by} gave the study a budget of {budget} {unit} after it had begun: {one.reason}"


def budget_to_json(study: Study, plan: Plan, state: State) -> dict[str, Json] | None:
    """The same for programs, in seconds; None for a study without a budget, and for a replay."""
    budget_s = allowed_s(study, state)
    if budget_s is None or state.replay:
        return None
    return {
        "budget_s": budget_s,
        "used_s": exact(spent_s(study, state)),
        "exhausted": short_of_budget(study, plan, state) is not None,
        "amendments": [to_json(one) for one in state.budgets],
    }
