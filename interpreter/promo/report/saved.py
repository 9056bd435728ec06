"""
What a changing shape saved against the static shapes: the best and the largest of them, at equal loss.

What was measured is how far it is ahead at equal budget, with the interval that its cells give.  A saving is what the
other shape would have to spend to come to the same loss: by its law, moved to what it came to at equal budget, and it
says so, for nobody has trained that long.  A lead that seeds alone may make is no saving, and that is said first.
"""

import math
from collections.abc import Iterator
from fractions import Fraction

from promo.base.canonical import from_exact
from promo.base.classes import evolve, frozen
from promo.decision.stats import half_width
from promo.decision.values import Scheduling
from promo.evidence.laws import FittedLaw
from promo.report.record import Record
from promo.report.told import compute_text, law_of, unit_of
from promo.report.values import TableView
from promo.report.words import NONE, between, plural, size, whole_percent, with_sign
from promo.study.laws import LEVEL, Law, Schedule
from promo.study.values import Study

BEST, LARGEST = "best", "largest"
COLUMNS = (
    "candidate", "static shape", "which is the", "gain", f"{LEVEL:.0%} interval", "needs for the same loss", "saving",
    f"{LEVEL:.0%} interval", "with the runs for the laws",
)  # fmt: skip
INFERRED = "inferred from its law, shifted to its measured loss"


@frozen
class Against:
    """What a candidate that follows a schedule came to at a stage, beside a static shape."""

    candidate: str
    shape: str
    which: tuple[str, ...]
    """`best`, `largest` or both, of the static shapes."""
    lead: Fraction | None
    """By how much it is ahead at equal budget, in the unit of the measure; None where the shape was not trained."""
    far: Fraction | None
    """Half the width of the interval of that; None where there are no two cells with a value of both."""
    cells: int
    """With a value of both."""
    needs: tuple[float, float, float] | None
    """What the shape would spend for the same loss, and for the losses at the ends of the interval; None: no law."""
    budget: int
    pilots: int
    """What the runs that the laws rest on were given to spend."""

    @property
    def shown(self) -> bool:
        """Whether it is ahead by more than seeds alone may make."""
        return self.lead is not None and self.lead > 0 and (self.far is None or self.lead > self.far)

    def share(self, need: float) -> float:
        """What was saved of a need."""
        return 1.0 if math.isinf(need) else 1 - self.budget / need


def against(record: Record, schedule: Schedule, law: Law, found: Scheduling) -> Iterator[Against]:
    """Everything that followed a schedule to the end of a stage, beside the best and the largest static shape."""
    study = record.study
    for stage, there in study.entrants.items():
        for name in study.followers(schedule.name):
            if name in there.possible and (mean := record.came(name, stage)[0]) is not None:
                trained = {one: at for one in schedule.shapes if (at := _equal(record, one, stage)) is not None}
                best = min(trained, key=lambda one: trained[one][1] * study.measure.sign, default=None)
                for shape in dict.fromkeys((*((best,) if best else ()), schedule.shapes[-1])):
                    which = (BEST,) * (shape == best) + (LARGEST,) * (shape == schedule.shapes[-1])
                    fitted = law_of(law, found, shape)
                    yield _beside(record, law, fitted, (name, stage, mean), (shape, which, trained.get(shape)))


def _beside(
    record: Record,
    law: Law,
    fitted: FittedLaw | None,
    own: tuple[str, str, Fraction],
    other: tuple[str, tuple[str, ...], tuple[str, Fraction] | None],
) -> Against:
    (name, stage, mean), (shape, which, there) = own, other
    study = record.study
    budget = study.whole(stage)
    gains = [] if there is None or there[0] != stage else _gains(record, name, shape, stage)
    far = Fraction(half_width(gains, Fraction(1 + LEVEL) / 2, None)) if len(gains) > 1 else None
    moved = fitted if fitted is None or there is None else _through(fitted, float(budget), float(there[1]))
    ends = (mean, mean + (far or 0) * study.measure.sign, mean - (far or 0) * study.measure.sign)
    return Against(
        candidate=record.call(name),
        shape=record.call(shape),
        which=which,
        lead=None if there is None else (there[1] - mean) * study.measure.sign,
        far=far,
        cells=len(gains),
        needs=None if moved is None else (_need(moved, ends[0]), _need(moved, ends[1]), _need(moved, ends[2])),
        budget=budget,
        pilots=_pilots(record, law),
    )


def _gains(record: Record, name: str, shape: str, stage: str) -> list[Fraction]:
    """By how much a candidate is ahead of another in each cell that has a value of both."""
    evidence, sign = record.evidence[stage], record.study.measure.sign
    rows = [evidence.row(one) for one in (shape, name)]
    values = [
        {(cell.host, cell.seed): from_exact(cell.value) for cell in row.cells if cell.value is not None}
        for row in rows
        if row is not None
    ]
    return [(values[0][cell] - values[1][cell]) * sign for cell in values[0] if cell in values[1]]


def _need(law: FittedLaw, loss: Fraction) -> float:
    return law.compute(float(loss)) if float(loss) > law.parameters[0] else math.inf


def _through(law: FittedLaw, budget: float, loss: float) -> FittedLaw:
    """A law with its floor moved so that it says of a budget what was measured there."""
    floor, *rest = law.parameters
    return evolve(law, parameters=(floor + loss - law.loss(budget), *rest))


def _equal(record: Record, shape: str, stage: str) -> tuple[str, Fraction] | None:
    """Where a static shape was trained at the budget of a stage, there or at another stage, and what came."""
    study = record.study
    kind, whole = study.stages[stage].budget.kind, study.whole(stage)
    for other in (stage, *study.stages):
        if study.stages[other].budget.kind is kind and study.whole(other) == whole:
            mean = record.came(shape, other)[0]
            if mean is not None:
                return other, mean
    return None


def _pilots(record: Record, law: Law) -> int:
    """What the runs that a law rests on were given to spend, in the unit of their budgets."""
    study, runs = record.study, set[str]()
    total = 0
    for stage in law.stages:
        for run in record.plan.stage(stage).runs:
            if run.candidate in law.candidates and run.id not in runs and record.state.accepted(run.id):
                runs.add(run.id)
                total += study.stages[stage].budget.amount
    return total


# --- words ---------------------------------------------------------------------------------------------------------


def saved_table(study: Study, law: Law, found: tuple[Against, ...]) -> TableView:
    """A row for each static shape that something is held against."""
    unit = unit_of(study, law)
    return TableView("Saved at equal loss", COLUMNS, tuple(_row(one, unit) for one in found), 3)


def _row(one: Against, unit: str) -> tuple[str, ...]:
    interval = NONE
    if one.lead is not None and one.far is not None:
        interval = f"{with_sign(one.lead - one.far)} to {with_sign(one.lead + one.far)}"
    lead = NONE if one.lead is None else with_sign(one.lead)
    who = (one.candidate, one.shape, _which(one), lead, interval)
    if one.needs is None:
        return (*who, NONE, NONE, NONE, NONE)
    need, low, high = one.needs
    between = NONE if one.far is None else f"{_share(one, low)} to {_share(one, high)}"
    paid = NONE if math.isinf(need) else _paid((one.budget + one.pilots) / need)
    return (*who, _need_text(need, unit), _share(one, need), between, paid)


def _paid(whole: float) -> str:
    """What was spent with the runs that the laws rest on, as a part of a need."""
    return whole_percent(1 - whole) if whole < 1 else f"{whole:.1f} times as much"


def _share(one: Against, need: float) -> str:
    return whole_percent(one.share(need))


def _need_text(need: float, unit: str) -> str:
    return "any amount would not do" if math.isinf(need) else compute_text(repr(need), unit)


def saved_words(study: Study, law: Law, found: tuple[Against, ...]) -> Iterator[str]:
    """What was measured, and what that saves; plainly where it saves nothing."""
    unit = unit_of(study, law)
    yield from _none(found)
    for one in found:
        if one.lead is not None:
            yield _measured(one, study, unit)
        yield _saving(one, unit)


def _measured(one: Against, study: Study, unit: str) -> str:
    assert one.lead is not None, "looked at before"
    far = f"{between(size(one.lead), study.measure.unit)} {'better' if one.lead > 0 else 'worse'} than"
    if not one.lead:
        far = "equal to"
    within = ""
    if one.far is not None:
        ends = f"{with_sign(one.lead - one.far)} to {with_sign(one.lead + one.far)}"
        within = f"; gain {with_sign(one.lead)}, {LEVEL:.0%} interval {ends}, paired over {plural(one.cells, 'cell')}"
    return f"Measured at {compute_text(one.budget, unit)} a run: {one.candidate} is {far} {_called(one)}{within}."


def _saving(one: Against, unit: str) -> str:
    """What a static shape would have to spend to come to the same loss."""
    if one.needs is None:
        return f"Whether anything is saved against {one.shape} cannot be told: its law was not fitted."
    need, low, high = one.needs
    if one.lead is not None and one.lead <= 0:
        return (
            f"There is no saving against {one.shape}, which reaches the loss of {one.candidate} with "
            f"{_need_text(need, unit)}; {INFERRED}."
        )
    if one.lead is not None and not one.shown:
        return (
            f"No saving against {one.shape} is shown: the interval of the gain includes 0, so seed noise alone may "
            f"explain it. Taken at face value the saving is {_share(one, need)} ({_share(one, low)} to "
            f"{_share(one, high)}); {INFERRED}."
        )
    if math.isinf(need):
        return f"{one.shape} never reaches the loss of {one.candidate}, so no saving can be stated; {INFERRED}."
    if one.share(need) <= 0:  # it was not trained at this budget, and its law says that it is better
        return f"There is no saving against {one.shape}, which would need {_need_text(need, unit)}; by its law."
    between = "" if one.far is None else f" ({_share(one, low)} to {_share(one, high)})"
    how = INFERRED if one.lead is not None else "by its law"
    return (
        f"To reach the loss of {one.candidate}, {one.shape} would need {_need_text(need, unit)}: a saving of "
        f"{_share(one, need)}{between}; {_with_pilots(one, need, unit)}; {how}."
    )


def _with_pilots(one: Against, need: float, unit: str) -> str:
    """The same with the runs that the laws rest on: for one run, and from how many runs on they pay."""
    whole = (one.budget + one.pilots) / need
    paid = f"saves {_paid(whole)}" if whole < 1 else f"costs {_paid(whole)}"
    runs = math.ceil(one.pilots / (need - one.budget))
    pays = "" if whole < 1 else f", so they pay off from {runs:,} runs on"
    pilots = compute_text(one.pilots, unit)
    return f"with the {pilots} of the runs that the laws were fitted to, one run {paid}{pays}"


def _none(found: tuple[Against, ...]) -> Iterator[str]:
    """Against whom nothing is saved, in one sentence."""
    none = [one for one in found if one.lead is not None and not one.shown]
    if none:
        yield f"This study shows no saving against {', or against '.join(map(_called, none))}."


def _called(one: Against) -> str:
    return f"{one.shape}, the {_which(one)} static shape"


def _which(one: Against) -> str:
    return " and the ".join(one.which)
