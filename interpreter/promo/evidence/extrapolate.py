"""
Evidence and a declared law to fitted laws, and to what they foretell of a larger budget.

Points are the values of runs at the end of their budget, one a cell; of a recorded run, or of the branches of a trunk,
they depend on each other and are drawn together.  What is foretold is the mean of the runs that will be made there, and
has an interval: the middle of what laws say that were fitted to other draws of the runs, and the noise of the new ones.
Beyond its reach a law is not asked, and one that its points
do not tell apart from others says so.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

from promo.base.canonical import from_exact
from promo.base.classes import evolve, frozen
from promo.base.tails import t_quantile
from promo.evidence.fitting import fit, interval, refits, stretched
from promo.evidence.laws import FittedLaw, Point
from promo.evidence.values import Evidence
from promo.study.laws import LEVEL, Form, Law
from promo.study.values import BudgetKind, Study

UNSURE = 0.1
"""Share of draws with an exponent at its border from which on a law is not told by its points."""


LEAST, FARTHEST = 1e-100, 1e12
"""Losses below the first, or over its inverse, and losses that are more than so many times another, make no law."""
ANYTHING = 100.0
"""Logarithm of the factor around a foretold value that an interval ends at, at the latest."""


@frozen
class Foretold:
    """What a law says of a candidate at a stage it was not fitted to, and what came of it (None: nothing yet)."""

    stage: str
    candidate: str
    value: float
    low: float
    high: float
    came: float | None
    """Mean over the cells with a value."""
    cells: int

    @property
    def missed_by(self) -> float | None:
        """What came less what was foretold, as a share of what came."""
        return None if self.came is None else (self.came - self.value) / self.came


@frozen
class Fitted:
    """A law as fitted for one candidate, or for all where *candidate* is None; *law* is None without enough places."""

    candidate: str | None
    points: int
    places: int
    told: bool
    """Whether these places can tell its parameters."""
    law: FittedLaw | None
    unsure: tuple[str, ...]
    """Parameters that the points do not tell: at a border, or often in draws; of one run or no spare point, all."""
    foretold: tuple[Foretold, ...]
    drawn: tuple[FittedLaw, ...] = ()
    """Laws of other draws of the runs."""
    noise: float = 0.0
    """Standard deviation of a run around the law, as a difference of logarithms, by *degrees* of freedom."""
    degrees: int = 1
    wider: float = 1.0
    """How many times farther from the law its interval ends than the middle of its draws does."""

    def at(self, *place: float, runs: int) -> tuple[float, float, float]:
        """
        What it says of the mean of so many runs at a place; only of a law that was fitted.

        Returns:
            The value, and the ends of its interval.
        """
        assert self.law is not None, "there are too few places"
        value = self.law.loss(*place)
        return value, *self.around(value, [one.loss(*place) for one in self.drawn], runs)

    def around(self, value: float, drawn: Sequence[float], runs: int) -> tuple[float, float]:
        """
        The interval in which the mean of new runs is expected that a law puts at a value.

        It is as wide as what other draws of the law say, and what seeds do to the mean of the new runs, together.  Both
        are told by few runs, so both are wider than of a normal distribution, as Student's t is.  Both ends are as far
        away, as a factor, as the farther end of the draws: on which side few draws lie farther is chance.

        Args:
            value: by the law.
            drawn: the same by its other draws.
            runs: of which the mean is taken.
        """
        own = t_quantile((1 + LEVEL) / 2, self.degrees) * self.noise / math.sqrt(runs)
        low, high = interval(drawn, LEVEL)
        apart = math.hypot(own, self.wider * max(0.0, math.log(value / low), math.log(high / value)))
        factor = math.exp(min(apart, ANYTHING))
        return value / factor, value * factor


def fit_laws(study: Study, law: Law, evidence: Mapping[str, Evidence], *, recorded: bool = False) -> tuple[Fitted, ...]:
    """
    Fit a declared law.

    Args:
        study: the study that declares it.
        law: the declaration.
        evidence: stage -> evidence, for the stages that have closed.
        recorded: whether values were read from recorded curves, so that a cell is one run at every stage.

    Returns:
        One for each candidate, in order; one for all for a law of size and data.
    """
    together = law.form is Form.SIZE_AND_DATA
    groups: list[tuple[str, ...]] = [law.candidates] if together else [(name,) for name in law.candidates]
    reading = _Reading(study, law, evidence, recorded)
    return tuple(reading.fitted(group, None if together else group[0]) for group in groups)


@frozen
class _Reading:
    study: Study
    law: Law
    evidence: Mapping[str, Evidence]
    recorded: bool

    def fitted(self, group: tuple[str, ...], candidate: str | None) -> Fitted:
        law = self.law
        found = fitted_to([point for name in group for stage in law.stages for point in self.points(stage, name)], law)
        held = law.held if found.law is not None else None
        foretold = () if held is None else tuple(self.foretold(held, name, found) for name in group)
        return evolve(found, candidate=candidate, foretold=foretold)

    def points(self, stage: str, candidate: str) -> Iterator[Point]:
        row = self.evidence[stage].row(candidate) if stage in self.evidence else None
        one_run = self.recorded or self.study.stages[stage].trunk is not None
        for cell in row.cells if row else ():
            value = None if cell.value is None else float(from_exact(cell.value))
            if value is not None and value > 0:
                run = f"{candidate}-{cell.host}-{cell.seed}" if one_run else cell.run
                yield Point(place_of(self.study, self.law, stage, candidate), value, run)

    def foretold(self, stage: str, candidate: str, found: Fitted) -> Foretold:
        seen = [point.loss for point in self.points(stage, candidate)]
        runs = len(self.study.stages[stage].cells)
        told = found.at(*place_of(self.study, self.law, stage, candidate), runs=runs)
        return Foretold(stage, candidate, *told, sum(seen) / len(seen) if seen else None, len(seen))


def fitted_to(points: Sequence[Point], law: Law) -> Fitted:
    """A declared law as fitted to points, of no candidate."""
    places, told = len({one.at for one in points}), law.form.told_by(one.at for one in points)
    if not told or not _lie_together(points):
        return Fitted(None, len(points), places, told, None, (), ())
    found, again = _fits(tuple(points), law.form, law.draws, law.seed)
    often = {name for name in law.form.names if sum(name in one.unsure for one in again) > UNSURE * len(again)}
    same = len({one.run for one in points}) == 1 or len(points) <= len(law.form.names)  # every draw is the same law
    unsure = tuple(name for name in law.form.names if same or name in found.unsure or name in often)
    degrees = max(1, len(points) - len(law.form.names))
    off = math.fsum(math.log(one.loss / found.loss(*one.at)) ** 2 for one in points)
    noise, wider = math.sqrt(off / degrees), stretched(points, LEVEL)
    return Fitted(None, len(points), places, told, found, unsure, (), again, noise, degrees, wider)


@lru_cache(64)
def _fits(points: tuple[Point, ...], form: Form, draws: int, seed: int) -> tuple[FittedLaw, tuple[FittedLaw, ...]]:
    """A law, and those of other draws; forecasts, schedules and the report ask for the same ones."""
    found = fit(points, form)
    return found, tuple(refits(points, found, draws=draws, seed=seed))


def _lie_together(points: Sequence[Point]) -> bool:
    """Whether losses are those of one thing: none all but nothing or without end, or ever so far from the others."""
    losses = [one.loss for one in points]
    return min(losses) > LEAST and max(losses) < 1 / LEAST and max(losses) < FARTHEST * min(losses)


def place_of(study: Study, law: Law, stage: str, candidate: str) -> tuple[float, ...]:
    """Where a candidate's runs of a stage are measured: at their whole budget, or at size and tokens."""
    amount = Fraction(study.whole(stage))
    if law.form is not Form.SIZE_AND_DATA:
        return (float(amount),)
    effective = study.candidates[candidate].effective
    if study.stages[stage].budget.kind is BudgetKind.FLOPS:
        amount /= effective.flops_per_token
    return float(effective.parameters), float(amount)
