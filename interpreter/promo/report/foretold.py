"""
Forecasts and schedules as a report tells them: what was put down before a stage opened, beside what came of it.

A saving is what a shape that is kept would have to spend to come to the loss that was measured: by its law, moved to
what it came to at equal budget, and it says so, for nobody has trained that long.  Beside it stands what was measured.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import assert_never

from attrs import evolve

from promo.base.canonical import from_exact
from promo.decision.values import (
    Decision,
    Forecasting,
    Grounds,
    Judgement,
    Ranking,
    Reducing,
    Scheduling,
    Told,
    Walking,
)
from promo.evidence.laws import FittedLaw
from promo.evidence.values import Row
from promo.report.declared import formula
from promo.report.record import Record
from promo.report.told import compute_text, schedule_words, switch_words, unit_of
from promo.report.values import LawView
from promo.report.words import number, percent, plural
from promo.study.laws import LEVEL, Forecast, Law, Otherwise, Schedule

HEADINGS = ("candidate", "stage", "foretold", f"{LEVEL:.0%} interval", "came", "runs", "missed by", "within")


# --- tables --------------------------------------------------------------------------------------------------------


def foretold_views(record: Record) -> Iterator[LawView]:
    """Every forecast and schedule that has said something."""
    for name, decision in record.decisions.items():
        match decision.found:
            case Forecasting() as found:
                yield _forecast_view(record, record.study.forecasts[name], found)
            case Scheduling() as found:
                yield _schedule_view(record, record.study.schedules[name], decision, found)
            case Ranking() | Judgement() | Reducing() | Walking():
                pass
            case _:
                assert_never(decision.found)


def _forecast_view(record: Record, forecast: Forecast, found: Forecasting) -> LawView:
    return LawView(
        name=forecast.name,
        documentation=forecast.documentation,
        sentence=(
            f"What {forecast.law} said of {forecast.stage}, put down in the ledger before that stage opened and never "
            "changed since."
        ),
        headings=HEADINGS,
        rows=tuple(_row(record, one) for one in found.foretold),
        statements=tuple(_record_of(record, found.foretold)),
    )


def _row(record: Record, one: Told) -> tuple[str, ...]:
    mean, runs = came(record, one.candidate, one.stage)
    said = (one.candidate, one.stage, number(one.value), f"{number(one.low)} to {number(one.high)}")
    if mean is None:
        return (*said, "", str(runs), "", "")
    missed = float((mean - from_exact(one.value)) / mean) if mean else 0.0
    within = from_exact(one.low) <= mean <= from_exact(one.high)
    return (*said, f"{float(mean):.4f}", str(runs), percent(missed), "yes" if within else "no")


def came(record: Record, candidate: str, stage: str) -> tuple[Fraction | None, int]:
    """The mean over the cells of a candidate that have a value at a stage, and how many those are."""
    evidence = record.evidence.get(stage)
    row: Row | None = evidence.row(candidate) if evidence is not None else None
    values = [from_exact(cell.value) for cell in row.cells if cell.value is not None] if row is not None else []
    return (sum(values, Fraction(0)) / len(values) if values else None), len(values)


def _record_of(record: Record, foretold: Iterable[Told]) -> Iterator[str]:
    known = [(one, mean) for one in foretold if (mean := came(record, one.candidate, one.stage)[0]) is not None]
    if known:
        inside = sum(from_exact(one.low) <= mean <= from_exact(one.high) for one, mean in known)
        signs = [mean - from_exact(one.value) for one, mean in known]
        average = float(sum(signs, Fraction(0)) / len(signs))
        unit = record.study.measure.unit
        yield (
            f"{inside} of {plural(len(known), 'outcome')} within the interval; on average what came is "
            f"{abs(average):.4f} {unit} {'above' if average >= 0 else 'below'} what was foretold."
        )


def _schedule_view(record: Record, schedule: Schedule, decision: Decision, found: Scheduling) -> LawView:
    study, law = record.study, record.study.laws[schedule.law]
    unit = unit_of(study, law)
    way = f" by {schedule.way}" if schedule.way else ""
    return LawView(
        name=schedule.name,
        documentation=schedule.documentation,
        sentence=(
            f"Training goes through {' -> '.join(schedule.shapes)}{way}, and changes where the laws of {law.name} fall "
            f"equally fast at equal loss. {_otherwise(schedule)}"
        ),
        headings=HEADINGS,
        rows=tuple(_row(record, one) for one in found.foretold),
        statements=(
            *(f"{one[0].upper()}{one[1:]}." for one in (schedule_words(decision, found, study),)),
            *(f"{switch_words(one, unit)}." for one in found.switches if found.grounds is Grounds.TOLD),
            *_laws(law, found),
            *_record_of(record, found.foretold),
            *_savings(record, schedule, law, found),
        ),
    )


def _otherwise(schedule: Schedule) -> str:
    told = "Where the laws do not tell that within a factor of two in compute, "
    match schedule.otherwise:
        case Otherwise.HOLD:
            return f"{told}a person says which shape is kept."
        case Otherwise.BEST:
            return f"{told}the shape is kept of which they foretell the best."
        case Otherwise.LARGEST:
            return f"{told}the largest shape is kept."
        case _:
            assert_never(schedule.otherwise)


def _laws(law: Law, found: Scheduling) -> Iterator[str]:
    for one in found.fits:
        fitted = _law_of(law, found, str(one.candidate))
        if fitted is not None:
            yield f"Law of {one.candidate}, from {plural(one.points, 'run')}: {formula(fitted)}."


def _law_of(law: Law, found: Scheduling, candidate: str) -> FittedLaw | None:
    fit = next((one for one in found.fits if one.candidate == candidate), None)
    if fit is None or not fit.parameters:
        return None
    return FittedLaw(law.form, tuple(float(one) for one in fit.parameters), 0.0, fit.unsure)


# --- what was saved ------------------------------------------------------------------------------------------------


def _savings(record: Record, schedule: Schedule, law: Law, found: Scheduling) -> Iterator[str]:
    """What was measured at equal budget against each shape that is kept, and what the laws say of equal loss."""
    study = record.study
    for stage, there in study.entrants.items():
        for name in study.followers(schedule.name):
            if name in there.possible and (mean := came(record, name, stage)[0]) is not None:
                yield from _against(record, law, found, schedule, name, stage, mean)


def _against(
    record: Record, law: Law, found: Scheduling, schedule: Schedule, name: str, stage: str, mean: Fraction
) -> Iterator[str]:
    study = record.study
    budget, unit = study.whole(stage), unit_of(study, law)
    statics = {shape: at for shape in schedule.shapes if (at := _at_equal_budget(record, shape, stage)) is not None}
    best = min(statics, key=lambda one: statics[one] * study.measure.sign, default=None)
    named = {"the largest shape": schedule.shapes[-1], **({"the best shape": best} if best else {})}
    for what, shape in sorted(named.items()):
        if shape in statics:
            lead = float(statics[shape] - mean) * study.measure.sign
            word = "ahead of" if lead > 0 else "behind"
            far = f"{abs(lead):.4f} {study.measure.unit} {word}" if lead else "level with"
            yield f"At {compute_text(budget, unit)} a run, {name} is {far} {shape}, {what} that is kept; measured."
    pilots = _pilots(record, law)
    for shape in dict.fromkeys((*((best,) if best else ()), schedule.shapes[-1])):
        fitted = _law_of(law, found, shape)
        if fitted is not None:
            there = statics.get(shape)
            moved = fitted if there is None else _through(fitted, float(budget), float(there))
            yield _saving(name, shape, moved, float(mean), budget, pilots, unit)


def _through(law: FittedLaw, budget: float, loss: float) -> FittedLaw:
    """A law with its floor moved so that it says of a budget what was measured there."""
    floor, *rest = law.parameters
    return evolve(law, parameters=(floor + loss - law.loss(budget), *rest))


def _saving(name: str, shape: str, law: FittedLaw, loss: float, budget: int, pilots: int, unit: str) -> str:
    """What a shape that is kept would have to spend to come to the same loss, by its law from what was measured on."""
    inferred = "inferred from its law, moved to what it came to"
    if loss <= law.parameters[0]:
        return f"No saving against {shape} can be named: it never comes to the loss of {name}; {inferred}."
    needs = law.compute(loss)
    share = 1 - budget / needs
    if share <= 0:
        return (
            f"There is no saving against {shape}, which comes to the loss of {name} with "
            f"{compute_text(repr(needs), unit)}; {inferred}."
        )
    with_pilots = 1 - (budget + pilots) / needs
    paid = f"{with_pilots:.0%} saved" if with_pilots > 0 else f"{-with_pilots:.0%} more than that"
    return (
        f"To the loss of {name} {shape} would need {compute_text(repr(needs), unit)}: {share:.0%} saved; with the "
        f"{compute_text(pilots, unit)} of the runs that the laws rest on, {paid} for one run; {inferred}."
    )


def _at_equal_budget(record: Record, shape: str, stage: str) -> Fraction | None:
    """What a shape that is kept came to at the budget of a stage, there or at another stage of that budget."""
    study = record.study
    kind, whole = study.stages[stage].budget.kind, study.whole(stage)
    for other in (stage, *study.stages):
        if study.stages[other].budget.kind is kind and study.whole(other) == whole:
            mean = came(record, shape, other)[0]
            if mean is not None:
                return mean
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
