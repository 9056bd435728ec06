"""Declarations beside gates and rules in words: growths, schedules, baselines, effects, recorded curves, laws."""

from typing import TYPE_CHECKING, assert_never

from promo.base.canonical import Json, exact
from promo.base.units import duration
from promo.report.words import share_text
from promo.study.data import Curves
from promo.study.families import Procedure, Rest
from promo.study.given import Level
from promo.study.laws import Forecast, Form, Law, Schedule
from promo.study.rivals import Baseline
from promo.study.space import Against, Comparing, Trend
from promo.study.values import Effects, Grow

if TYPE_CHECKING:  # whoever reads a text describes laws, and fits none
    from promo.evidence.laws import FittedLaw


def describe_form(form: Form) -> str:
    """The formula of a law."""
    match form:
        case Form.COMPUTE:
            return "a law of compute, E + A C^-b"
        case Form.SHIFTED:
            return "a law of compute, E + A (C + d)^-b"
        case Form.SIZE_AND_DATA:
            return "a law of size and data, E + A N^-a + B D^-b"
        case _:
            assert_never(form)


def describe_law(law: Law) -> dict[str, Json]:
    """Every clause of a law."""
    return {
        "of": ", ".join(law.candidates),
        "from": ", ".join(law.stages),
        "form": describe_form(law.form),
        "test": law.held,
        "reach": f"{law.reach} times",
        "draws": f"{law.draws} seed {law.seed}",
    }


def formula(law: "FittedLaw") -> str:
    """A law with its numbers; a law is told by its predictions, so three digits are enough."""
    floor, factor, exponent, *rest = (f"{value:.3g}" for value in law.parameters)
    match law.form:
        case Form.COMPUTE:
            return f"{floor} + {factor} C^-{exponent}"
        case Form.SHIFTED:
            return f"{floor} + {factor} (C + {rest[0]})^-{exponent}"
        case Form.SIZE_AND_DATA:
            return f"{floor} + {factor} N^-{exponent} + {rest[0]} D^-{rest[1]}"
        case _:
            assert_never(law.form)


def stack_words(grow: Grow) -> str:
    """What of a model becomes larger: `depth 2 to 4`, `depth 2 to 4 and aspect 8 to 16`."""
    turns = [f"{one.factor} {describe_level(one.old)} to {describe_level(one.new)}" for one in grow.stack]
    return " and ".join(turns)


def describe_grow(grow: Grow) -> dict[str, Json]:
    """Every clause of a growth."""
    best = "lowest" if grow.lowest else "highest"
    lag = f"after {grow.lag.amount}steps"
    if grow.looks is not None:
        looks = f"{grow.looks.stable} looks of {grow.looks.every}steps"
        lag = f"once stable for {looks}, at most {grow.lag.amount}steps"
    return {
        "parent": f"{grow.parent} at {grow.stage}",
        "stack": ", ".join(
            f"{one.factor} {describe_level(one.old)} -> {describe_level(one.new)}" for one in grow.stack
        ),
        "by": ", ".join(grow.strategies),
        "choose": f"{best} {lag}, cap {duration(grow.lag.cap_s)}",
        "becomes": grow.becomes,
    }


def describe_schedule(schedule: Schedule) -> dict[str, Json]:
    """Every clause of a schedule."""
    way = f" by {schedule.way}" if schedule.way else ""
    return {
        "shapes": f"{' -> '.join(schedule.shapes)}{way}",
        "law": schedule.law,
        "else": schedule.otherwise.value,
    }


def describe_forecast(forecast: Forecast) -> dict[str, Json]:
    """Every clause of a forecast."""
    return {"of": ", ".join(forecast.candidates), "at": forecast.stage, "law": forecast.law}


def describe_baseline(baseline: Baseline) -> dict[str, Json]:
    """Every clause of a baseline."""
    way = "from default" if baseline.seed is None else f"seed {baseline.seed}"
    return {"space": baseline.space, "matched": baseline.matched, "by": way}


REST = {Rest.ERROR: "in error", Rest.LISTED: "listed"}
"""As it is written; where nothing is said it is neither."""


def describe_effects(effects: Effects) -> dict[str, Json]:
    """Every clause of effects, and the designs they are read from."""
    return {
        "from": ", ".join(effects.stages),
        "designs": ", ".join(effects.designs),
        "model": ", ".join(["main", *(["pairs"] if effects.pairs else []), *map(" * ".join, effects.terms)]),
        **({"rest": REST[effects.rest]} if effects.rest in REST else {}),
        **({"contrast": [comparing_words(one) for one in effects.contrasts]} if effects.contrasts else {}),
        "block": ", ".join(sorted(effects.block)) or "none",
        "family": effects.family,
        "rate": f"{share_text(effects.rate)}{_by(effects.procedure)}",
    }


def _by(procedure: Procedure) -> str:
    return "" if procedure is Procedure.BENJAMINI_HOCHBERG else f" by {procedure.value}"


def comparing_words(one: Comparing) -> str:
    """What the effects of a factor are, as it is written: `width log trend`, `act against relu`."""
    match one:
        case Trend():
            return f"{one.factor} {'log ' if one.log else ''}trend"
        case Against():
            return f"{one.factor} against {describe_level(one.level)}"
        case _:
            assert_never(one)


def describe_curves(curves: Curves) -> Json:
    """How recorded curves are read."""
    return {
        "from": curves.layout,
        "column": {
            word: name + (f" in {curves.units[word]}" if word in curves.units else "")
            for word, name in curves.columns.items()
        },
        "label": dict(curves.labels),
        "seeds": curves.seeds_by,
        "interpolate": curves.interpolate,
    }


def describe_level(level: Level) -> str:
    """A level, exactly."""
    return level if isinstance(level, str) else exact(level)
