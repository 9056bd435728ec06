"""
Forecasts and schedules as a report tells them: what was put down before a stage opened, beside what came of it.

What followed a schedule is drawn and tabled beside the shapes that are kept, with what that saved.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import assert_never

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
from promo.report.courses import course_view
from promo.report.declared import formula
from promo.report.record import Record
from promo.report.saved import against, saved_table, saved_words
from promo.report.told import law_of, schedule_words, switch_words, unit_of
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
    mean, runs = record.came(one.candidate, one.stage)
    said = (one.candidate, one.stage, number(one.value), f"{number(one.low)} to {number(one.high)}")
    if mean is None:
        return (*said, "", str(runs), "", "")
    missed = float((mean - from_exact(one.value)) / mean) if mean else 0.0
    within = from_exact(one.low) <= mean <= from_exact(one.high)
    return (*said, f"{float(mean):.4f}", str(runs), percent(missed), "yes" if within else "no")


def _record_of(record: Record, foretold: Iterable[Told]) -> Iterator[str]:
    known = [(one, mean) for one in foretold if (mean := record.came(one.candidate, one.stage)[0]) is not None]
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
    unit, beside = unit_of(study, law), tuple(against(record, schedule, law, found))
    course = course_view(record, schedule, law, found)
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
            *saved_words(study, law, beside),
        ),
        tables=(
            *((saved_table(study, law, beside),) if beside else ()),
            *((course.table,) if course.table.rows else ()),
        ),
        picture=course.picture,
        caption=course.caption,
        candidates=course.candidates,
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
        fitted = law_of(law, found, str(one.candidate))
        if fitted is not None:
            yield f"Law of {one.candidate}, from {plural(one.points, 'run')}: {formula(fitted)}."
