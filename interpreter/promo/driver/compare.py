"""
Study and recorded curves to a comparison: what the spec's own gates choose and spend, beside the usual methods.

Everybody reads the same recorded runs, in the hosts and seeds that the spec has at a budget, and pays for them by the
same clock.  In each draw the seeds are resampled, the same for every candidate and method, and the candidates are
shuffled anew; a choice is judged by what all recorded cells of the full budget say.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from promo.base.canonical import exact_sum
from promo.base.errors import PromoError
from promo.curves.replay import Replay
from promo.decision.agenda import Agenda
from promo.decision.comparators import (
    Board,
    Choice,
    Comparison,
    MethodResult,
    asha,
    at_equal_cost,
    greedy_walk,
    hyperband,
    percentile_interval,
    random_search,
    successive_halving,
)
from promo.driver.readings import Readings
from promo.driver.requests import recorded_runs
from promo.driver.retrace import Retrace
from promo.ledger.state import State, StudyState
from promo.plans.compile import compile_plan
from promo.study.values import Role, Study

LEVEL = Fraction(95, 100)
OWN = "this spec"
OWN_HOURS = ", rungs alone"
"""Behind a method that spends what its rungs ask for, whatever the spec spends."""


def compare_methods(
    study: Study, replay: Replay, *, eta: int, draws: int, seed: int, rungs: tuple[int, ...] | None = None
) -> Comparison:
    """
    Let every method choose in every draw.

    Args:
        study: its gates are the spec's own method; its stages name the hosts, the seeds and the budgets.
        replay: the recorded curves, assigned to the study.
        eta: what share of a rung goes on: one in *eta*.
        draws: how often seeds are resampled and candidates shuffled.
        seed: seeds the only generator used; equal input, equal comparison.
        rungs: budgets of the methods, smallest first; None takes the budgets of the stages.

    Raises:
        PromoError: the table has no clock, stages have budgets of several kinds, or no candidate has a value at the
            full budget.
    """
    readings = Readings(study, replay, rungs)
    truth = readings.board({one: one for group in readings.groups for one in group})
    final = {name: score for name in readings.names if (score := truth.scores[name, truth.top]) is not None}
    if not final:
        raise PromoError(f"no candidate has a value in every cell at the full budget of {readings.rungs[-1]}")
    best = min(final, key=lambda name: (final[name], readings.names.index(name)))
    generator = random.Random(seed)  # noqa: S311 - draws, not secrets
    seen: dict[str, list[Choice]] = {}
    endings: list[str] = []
    agenda = Agenda(study, compile_plan(study), recorded_runs(replay))
    for _ in range(draws):
        drawn = {
            one: other
            for group in readings.groups
            for one, other in zip(group, generator.choices(group, k=len(group)), strict=True)
        }
        order = generator.sample(readings.names, len(readings.names))
        followed = Retrace(readings, agenda, drawn).follow()
        endings.append(_ending(followed.state))
        own = followed.choice(lower_is_better=study.measure.lower_is_better)
        for name, choice in _choices(readings, drawn, order, eta, own).items():
            seen.setdefault(name, []).append(choice)
    return Comparison(
        best=best,
        rungs=readings.rungs,
        cells=tuple(len(cells) for cells in readings.cells),
        draws=draws,
        methods=tuple(_result(name, choices, seen[OWN], final, best) for name, choices in seen.items()),
        unknown=tuple(name for name in readings.names if name not in final),
        stopped=endings.count("stopped"),
        held=endings.count("held"),
    )


def _ending(state: State) -> str:
    return "stopped" if state.study is StudyState.STOPPED else "held" if state.waiting() else ""


def _choices(
    readings: Readings, drawn: Mapping[int, int], order: list[str], eta: int, own: Choice
) -> dict[str, Choice]:
    board, study = readings.board(drawn), readings.study
    levels = {name: dict(study.candidates[name].levels) for name in readings.names}
    reference = (name for name in readings.names if study.candidates[name].role is Role.REFERENCE)
    start = next(reference, readings.names[0])
    halving: dict[str, Callable[[Board, Sequence[str]], Choice]] = {
        "successive halving": lambda board, order: successive_halving(board, order, eta),
        "hyperband": lambda board, order: hyperband(board, order, eta),
        "asha": lambda board, order: asha(board, order, eta),
    }
    return {
        OWN: own,
        "random search": random_search(board, order, own.spent_s),
        "greedy walk": greedy_walk(board, order, levels, start, own.spent_s),
        **{name: at_equal_cost(board, order, method, own.spent_s) for name, method in halving.items()},
        **{f"{name}{OWN_HOURS}": method(board, order) for name, method in halving.items()},
    }


def _result(
    name: str, choices: list[Choice], own: list[Choice], final: Mapping[str, Fraction], best: str
) -> MethodResult:
    scores = [final.get(one.candidate) if one.candidate is not None else None for one in choices]
    own_scores = [final.get(one.candidate) if one.candidate is not None else None for one in own]
    regrets = [score - final[best] for score in scores if score is not None]
    pairs = zip(scores, own_scores, strict=True)
    over = [one - other for one, other in pairs if one is not None and other is not None]
    spent = [one.spent_s for one in choices]
    return MethodResult(
        name=name,
        regret=exact_sum(regrets) / len(regrets) if regrets else None,
        regret_interval=percentile_interval(regrets, LEVEL) if regrets else None,
        spent_s=exact_sum(spent) / len(spent),
        spent_interval=percentile_interval(spent, LEVEL),
        trained=Fraction(sum(one.trained for one in choices), len(choices)),
        without=len(choices) - len(regrets),
        over_spec=exact_sum(over) / len(over) if over else None,
        over_spec_interval=percentile_interval(over, LEVEL) if over else None,
    )
