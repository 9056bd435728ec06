"""
Evidence to forecasts, and to where a shape changes in training: what laws say before a stage opens.

Like `decide` this is pure and reads the evidence of its law's stages and nothing else.  Numbers are stated to as many
digits as whoever fits the law again will find as well, on whatever machine; where training changes shape follows from
the stated number.  A change is carried out only if the laws tell it: its interval may span a factor of two in compute.
Where they do not, training keeps one shape or a person says which, as the schedule has it.
"""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import assert_never

from promo.base.canonical import from_exact
from promo.base.classes import define, field
from promo.base.floats import significant
from promo.decision.conditions import TOLD_DIGITS, Foretell
from promo.decision.values import Decision, FitOf, Forecasting, Grounds, Input, Scheduling, Switch, Told
from promo.evidence.extrapolate import Fitted, fit_laws, place_of
from promo.evidence.laws import FittedLaw
from promo.evidence.switching import loss_along, switches
from promo.evidence.values import Evidence
from promo.ledger.outcomes import Held, NotTold, Outcome, Settled, Turn
from promo.study.laws import LEVEL, Forecast, Law, Otherwise, Schedule
from promo.study.values import Study

TURN_DIGITS = 3
"""Of the place where a shape changes: laws hardly ever tell more."""
WIDEST = 2.0
"""How many times its lower end the upper end of a change's interval may be."""


def decide_by_law(study: Study, name: str, evidence: Mapping[str, Evidence], *, recorded: bool) -> Decision:
    """What the forecast or schedule of a name says; arguments as for either."""
    if name in study.forecasts:
        return decide_forecast(study, study.forecasts[name], evidence, recorded=recorded)
    return decide_schedule(study, study.schedules[name], evidence, recorded=recorded)


def decide_forecast(study: Study, forecast: Forecast, evidence: Mapping[str, Evidence], *, recorded: bool) -> Decision:
    """Say what a law foretells."""
    law = study.laws[forecast.law]
    fits = _fits(study, law, evidence, recorded=recorded)
    told = []
    for name in forecast.candidates:
        one = fits.get(None) or fits.get(name)
        if one is not None and one.law is not None:
            place = place_of(study, law, forecast.stage, name)
            told.append(_told(name, forecast.stage, *one.at(*place, runs=len(study.stages[forecast.stage].cells))))
    return Decision(
        name=forecast.name,
        seal=None,
        inputs=_inputs(law, evidence),
        outcome=Settled(),
        promoted=(),
        found=Forecasting(law.stages, tuple(map(_fit_of, fits.values())), tuple(told)),
    )


def decide_schedule(study: Study, schedule: Schedule, evidence: Mapping[str, Evidence], *, recorded: bool) -> Decision:
    """Say where a shape changes."""
    law = study.laws[schedule.law]
    fits = _fits(study, law, evidence, recorded=recorded)
    found = _Scheduler(study, schedule, law, [fits[name] for name in schedule.shapes])
    outcome: Outcome = Settled() if found.path else Held(NotTold(schedule.name))
    return Decision(
        name=schedule.name,
        seal=None,
        inputs=_inputs(law, evidence),
        outcome=outcome,
        promoted=(),
        found=Scheduling(
            stages=law.stages,
            fits=tuple(map(_fit_of, found.fits)),
            switches=found.switches,
            grounds=found.grounds,
            path=found.path,
            foretold=found.foretold(),
        ),
    )


def foretelling(study: Study, seen: Mapping[str, Evidence], *, recorded: bool) -> Foretell:
    """What laws say of a candidate at a stage; each law is fitted when it is first asked."""

    @cache
    def fits(name: str) -> dict[str | None, Fitted]:
        return _fits(study, study.laws[name], seen, recorded=recorded)

    def told(law: str, stage: str, candidate: str) -> tuple[float, float, float, int] | None:
        found = fits(law).get(None) or fits(law).get(candidate)
        if found is None or found.law is None or found.unsure:
            return None
        place = place_of(study, study.laws[law], stage, candidate)
        return *found.at(*place, runs=len(study.stages[stage].cells)), found.points

    return told


def _fits(study: Study, law: Law, evidence: Mapping[str, Evidence], *, recorded: bool) -> dict[str | None, Fitted]:
    seen = {stage: evidence[stage] for stage in law.stages}
    return {one.candidate: one for one in fit_laws(study, law, seen, recorded=recorded)}


def _inputs(law: Law, evidence: Mapping[str, Evidence]) -> tuple[Input, ...]:
    return tuple(Input(stage, evidence[stage].digest) for stage in law.stages)


def _fit_of(one: Fitted) -> FitOf:
    parameters = () if one.law is None else tuple(stated(value) for value in one.law.parameters)
    return FitOf(one.candidate, one.points, parameters, one.unsure)


def _told(candidate: str, stage: str, value: float, low: float, high: float) -> Told:
    return Told(candidate, stage, stated(value), stated(low), stated(high))


def stated(value: float, digits: int = TOLD_DIGITS) -> str:
    """A number to so many digits."""
    return significant(value, digits)


def _turn(compute: float) -> int:
    """Where a shape changes, in whole units of the budget; never before the first of them has been used."""
    return max(1, round(from_exact(stated(compute, TURN_DIGITS))))


@define
class _Scheduler:
    study: Study
    schedule: Schedule
    law: Law
    fits: Sequence[Fitted]
    """Of the shapes, in order."""
    stages: tuple[str, ...] = field(init=False)
    """Those that train what follows the schedule."""
    switches: tuple[Switch, ...] = field(init=False)
    grounds: Grounds = field(init=False)
    path: tuple[Turn, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        study = self.study
        following = set(study.followers(self.schedule.name))
        self.stages = tuple(name for name, there in study.entrants.items() if following & set(there.possible))
        budgets = [study.whole(stage) for stage in self.law.stages]
        self.switches = self._switches(min(budgets) / self.law.reach, float(max(budgets) * self.law.reach))
        self.grounds = self._grounds()
        self.path = self._path()

    def _switches(self, least: float, most: float) -> tuple[Switch, ...]:
        laws = [one.law for one in self.fits if one.law is not None]
        if len(laws) < len(self.fits):
            return ()
        drawn = zip(*(one.drawn for one in self.fits), strict=True)
        others = list(zip(*(switches(one, least, most) for one in drawn), strict=True))
        shapes = self.schedule.shapes
        found = []
        for number, at in enumerate(switches(laws, least, most)):
            low, high = _stretched(at, *_middle(others[number]), max(one.wider for one in self.fits))
            said = (None if math.isinf(one) else stated(one, TURN_DIGITS) for one in (at, high))
            lower = stated(most if math.isinf(low) else low, TURN_DIGITS)
            found.append(Switch(shapes[number], shapes[number + 1], next(said), lower, next(said)))
        return tuple(found)

    def _grounds(self) -> Grounds:
        if not self.switches:
            return Grounds.FEW
        if any(one.unsure for one in self.fits):
            return Grounds.UNSURE
        if any(one.at is None or not from_exact(one.at) for one in self.switches):
            return Grounds.NOWHERE
        narrow = all(one.high is not None and _span(one.low, one.high) <= WIDEST for one in self.switches)
        return Grounds.TOLD if narrow else Grounds.WIDE

    def _path(self) -> tuple[Turn, ...]:
        shapes = self.schedule.shapes
        if self.grounds is Grounds.TOLD:
            turns = (_turn(float(one.at or 0)) for one in self.switches)
            return (Turn(shapes[0], 0), *(Turn(name, at) for name, at in zip(shapes[1:], turns, strict=True)))
        match self.schedule.otherwise:
            case Otherwise.HOLD:
                return ()
            case Otherwise.BEST:
                best = self._best()
                return () if best is None else (Turn(best, 0),)
            case Otherwise.LARGEST:
                return (Turn(shapes[-1], 0),)
            case _:
                assert_never(self.schedule.otherwise)

    def _best(self) -> str | None:
        """The shape that is foretold to be best at the largest budget of what follows; None where that is not told."""
        laws = [one.law for one in self.fits]
        budget = float(max((self.study.whole(stage) for stage in self.stages), default=0))
        if not budget or any(law is None for law in laws):
            return None
        losses = [law.loss(budget) for law in laws if law is not None]
        return self.schedule.shapes[losses.index(min(losses))]

    def foretold(self) -> tuple[Told, ...]:
        """What is foretold of each shape that is kept, and of what follows the schedule."""
        if not self.switches:
            return ()
        found = []
        for stage in self.stages:
            budget = float(self.study.whole(stage))
            for name, one in zip(self.schedule.shapes, self.fits, strict=True):
                found.append(_told(name, stage, *one.at(budget, runs=len(self.study.stages[stage].cells))))
            for name in self.study.followers(self.schedule.name):
                if name in self.study.entrants[stage].possible and self.path:
                    found += self._along(name, stage, budget)
        return tuple(found)

    def _along(self, candidate: str, stage: str, budget: float) -> Sequence[Told]:
        taken = {name: number for number, name in enumerate(self.schedule.shapes)}
        places, turns = [taken[one.candidate] for one in self.path], [float(one.at) for one in self.path]

        def said(laws: Sequence[FittedLaw | None]) -> float | None:
            along = [law for law in (laws[place] for place in places) if law is not None]
            return loss_along(along, turns, budget)

        value = said([one.law for one in self.fits])
        others = [said(one) for one in zip(*(one.drawn for one in self.fits), strict=True)]
        known = [one for one in others if one is not None]
        if value is None or len(known) < len(others):
            return ()
        ends = self.fits[places[-1]].around(value, known, len(self.study.stages[stage].cells))
        return (_told(candidate, stage, value, *ends),)


def _middle(values: Sequence[float]) -> tuple[float, float]:
    """The middle of values of which some are infinite: from one of them to another, nothing between two."""
    ordered, beyond = sorted(values), (1 - LEVEL) / 2 * (len(values) - 1)
    return ordered[math.floor(beyond)], ordered[math.ceil(len(values) - 1 - beyond)]


def _stretched(at: float, low: float, high: float, wider: float) -> tuple[float, float]:
    """An interval whose ends lie farther away, by a factor of logarithms; what is 0 or infinite stays."""
    if math.isinf(at) or not at:
        return low, high
    return (at * math.pow(min(low / at, 1.0), wider), at * math.pow(max(high / at, 1.0), wider))


def _span(low: str, high: str) -> Fraction | float:
    least, most = from_exact(low), from_exact(high)
    return most / least if least > 0 else math.inf
