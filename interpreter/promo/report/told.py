"""What laws told, in words: a forecast, and where a schedule changes shape."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from promo.base.canonical import from_exact
from promo.decision.values import Decision, Forecasting, Grounds, Scheduling, Switch, Told
from promo.evidence.laws import FittedLaw
from promo.ledger.outcomes import Turn
from promo.report.changed import Call, called_list
from promo.report.words import MOST_WRITTEN, listed, number
from promo.study.laws import LEVEL, Forecast, Law
from promo.study.values import BudgetKind, Study

UNITS = {BudgetKind.FLOPS: "flop", BudgetKind.WALL: "s", BudgetKind.CPU: "s cpu"}
"""Of budgets in which shapes are compared."""


def forecast_words(decision: Decision, found: Forecasting, study: Study, call: Call) -> str:
    """What a forecast says, in one sentence."""
    forecast = study.forecasts[decision.name]
    if not found.foretold:
        return f"{decision.name} makes no forecast of {forecast.stage}: {forecast.law} could not be fitted"
    said = (f"{call(one.candidate)} {number(one.value)} ({_around(one)})" for one in found.foretold)
    return f"{decision.name} forecasts at {forecast.stage}: {', '.join(said)}{_guessed(forecast, found, call)}"


def _around(one: Told) -> str:
    return f"{number(one.low)} to {number(one.high)}" if one.low != one.high else "no interval"


def _guessed(forecast: Forecast, found: Forecasting, call: Call) -> str:
    unsure = [one.candidate for one in found.fits if one.unsure and one.candidate in (None, *forecast.candidates)]
    if None in unsure:
        return "; a guess, since the runs do not identify the law"
    names = [name for name in unsure if name is not None]
    return f"; a guess for {called_list(names, call)}, whose runs do not identify a law" if names else ""


def guess_words(who: str, unsure: tuple[str, ...]) -> str:
    """That a law was fitted to points that do not tell it, in one sentence."""
    return f"The runs of {who} do not identify {listed(unsure)}: other values fit as well, so its forecast is a guess."


def schedule_words(decision: Decision, found: Scheduling, study: Study, call: Call, by: str = "") -> str:
    """Where a schedule changes shape, or why it does not and *by* whom that was settled, in one sentence."""
    unit = unit_of(study, study.laws[study.schedules[decision.name].law])
    if found.grounds is Grounds.TOLD:
        places = (f"to {call(one.candidate)} at {compute_text(one.at, unit)}" for one in found.path[1:])
        begins = f"{decision.name} begins with {call(found.path[0].candidate)} and changes {listed(list(places))}"
        return "; ".join((begins, *unreached_words(found, study, decision.name, call)))
    kept = (
        f"trains {call(found.path[0].candidate)} throughout"
        if found.path
        else "leaves it to a person which shape to train"
    )
    since = f", {by}, because " if by else ": "
    return f"{decision.name} {kept}{since}{grounds_words(found, unit, call)}"


def path_words(path: Sequence[Turn], unit: str, call: Call) -> str:
    """The shapes that are trained, and where each begins: `small -> deep (depth 4) at 2.5e11 flop`."""
    return " -> ".join(
        f"{call(one.candidate)} at {compute_text(one.at, unit)}" if one.at else call(one.candidate) for one in path
    )


def follower_words(study: Study, schedule: str, path: Sequence[Turn], call: Call) -> str:
    """What a candidate is that follows a schedule: the shapes that this goes through, as far as it is settled."""
    if not path:
        return f"follows {schedule}, which has not settled on its shapes"
    sizes = [study.candidates[one.candidate].effective.parameters for one in path]
    size = f"{' -> '.join(f'{one:,}' for one in sizes)} parameters" if all(sizes) else "size not known"
    return f"follows {schedule}: {' -> '.join(call(one.candidate) for one in path)}; {size}"


def grounds_words(found: Scheduling, unit: str, call: Call) -> str:
    """Why shapes change, or do not."""
    match found.grounds:
        case Grounds.TOLD:
            return "the laws tell where to change"
        case Grounds.FEW:
            return "a law has runs at too few budgets, or losses that no law fits"
        case Grounds.UNSURE:
            lacking = [one for one in found.fits if one.unsure]
            names = [str(one.candidate) for one in lacking]
            laws = "its law" if len(names) == 1 else "their laws"
            return f"the runs of {called_list(names, call)} do not identify {laws}"
        case Grounds.NOWHERE:
            return "; ".join(switch_words(one, unit, call) for one in found.switches)
        case Grounds.WIDE:
            wide = "; ".join(switch_words(one, unit, call) for one in found.switches)
            return f"the interval of the switch point spans more than a factor of two: {wide}"
        case _:
            assert_never(found.grounds)


def switch_words(one: Switch, unit: str, call: Call) -> str:
    """Where two laws fall equally fast at equal loss, with the interval of that."""
    low = "the beginning" if not from_exact(one.low) else compute_text(one.low, unit)
    high = "beyond reach" if one.high is None else compute_text(one.high, unit)
    where = "nowhere within reach" if one.at is None else f"at {compute_text(one.at, unit)}"
    if one.at is not None and not from_exact(one.at):
        where = "from the beginning"
    return (
        f"{call(one.after)} is the cheaper one after {call(one.before)} {where} ({LEVEL:.0%} interval: {low} to {high})"
    )


def law_of(law: Law, found: Scheduling, candidate: str) -> FittedLaw | None:
    """The law of a shape as a schedule had it; None where it was not fitted."""
    fit = next((one for one in found.fits if one.candidate == candidate), None)
    if fit is None or not fit.parameters:
        return None
    return FittedLaw(law.form, tuple(float(one) for one in fit.parameters), 0.0, fit.unsure)


def compute_text(amount: str | int, unit: str) -> str:
    """An amount of a budget, to three digits: `2.5 s`, `1,160 flop`, `1.18e11 flop`."""
    shown = f"{float(amount):.3g}"
    if 1000 <= float(shown) < MOST_WRITTEN:
        return f"{float(shown):,.0f} {unit}"
    digits, _, power = shown.partition("e")
    return f"{digits}e{int(power)} {unit}" if power else f"{digits} {unit}"


def unreached_words(found: Scheduling, study: Study, schedule: str, call: Call) -> Iterator[str]:
    """Stages of what follows a schedule that end before a change, each in one sentence."""
    unit = unit_of(study, study.laws[study.schedules[schedule].law])
    for name in study.followers(schedule):
        for stage, there in study.entrants.items():
            whole = study.whole(stage)
            ahead = next((one for one in found.path if one.at >= whole), None)
            if name in there.possible and ahead is not None:
                end = compute_text(whole, unit)
                change = f"the change to {call(ahead.candidate)}"
                yield f"{stage} ends at {end}, before {change}: {name} does not get that far"


def unit_of(study: Study, law: Law) -> str:
    """The unit in which a law measures compute."""
    kind = study.stages[law.stages[0]].budget.kind
    return UNITS.get(kind, kind.value)
