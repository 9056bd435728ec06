"""
Forecasts and schedules as a report tells them: what was put down before a stage opened, beside what came of it.

What followed a schedule is drawn and tabled beside the static shapes, with what that saved.
"""

from collections.abc import Iterable, Iterator
from typing import assert_never

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
from promo.report.forecasts import Scored, outcome_cells, scored, tally_words
from promo.report.people import result_words
from promo.report.record import Record
from promo.report.saved import against, saved_table, saved_words
from promo.report.told import guess_words, law_of, switch_words, unit_of
from promo.report.values import LawView
from promo.report.words import plural
from promo.study.laws import LEVEL, Forecast, Law, Otherwise, Schedule

Rows = tuple[tuple[str, ...], ...]
HEADINGS = ("candidate", "stage", "forecast", f"{LEVEL:.0%} interval", "outcome", "runs", "missed by", "inside")


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
    came, rows = _rows(record, forecast.law, forecast.name, found.foretold)
    return LawView(
        name=forecast.name,
        documentation=forecast.documentation,
        sentence=(
            f"What {forecast.law} forecast for {forecast.stage}, recorded in the ledger before that stage opened and "
            "not changed since."
        ),
        headings=HEADINGS,
        rows=rows,
        statements=(
            *(
                guess_words(_who(record, one.candidate), one.unsure)
                for one in found.fits
                if one.unsure and one.candidate in (None, *forecast.candidates)
            ),
            *tally_words(came),
        ),
    )


def _who(record: Record, candidate: str | None) -> str:
    return "all candidates together" if candidate is None else record.call(candidate)


def _rows(record: Record, law: str, by: str, foretold: Iterable[Told]) -> tuple[tuple[Scored, ...], Rows]:
    """What was foretold beside what came, and the same as rows."""
    found = tuple(scored(record, law, by, one) for one in foretold)
    return found, tuple(_row(one) for one in found)


def _row(one: Scored) -> tuple[str, ...]:
    foretold, interval, came, missed, within = outcome_cells(one)
    return one.called, one.told.stage, foretold, interval, came, str(one.runs), missed, within


def _schedule_view(record: Record, schedule: Schedule, decision: Decision, found: Scheduling) -> LawView:
    study, law = record.study, record.study.laws[schedule.law]
    unit, beside = unit_of(study, law), tuple(against(record, schedule, law, found))
    course = course_view(record, schedule, law, found)
    came, rows = _rows(record, law.name, schedule.name, found.foretold)
    way = f" by {schedule.way}" if schedule.way else ""
    return LawView(
        name=schedule.name,
        documentation=schedule.documentation,
        sentence=(
            f"Training switches {' -> '.join(schedule.shapes)}{way} where the laws of {law.name} fall equally fast at "
            f"equal loss. {_otherwise(schedule)}"
        ),
        headings=HEADINGS,
        rows=rows,
        statements=(
            f"{result_words(decision, study, record.state, record.call)}.",
            *(f"{switch_words(one, unit, record.call)}." for one in found.switches if found.grounds is Grounds.TOLD),
            *_laws(record, law, found),
            *tally_words(came),
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
    told = (
        "If a law is not identified, or a switch point lies at the beginning, beyond reach or in an interval of more "
        "than a factor of two in compute, "
    )
    match schedule.otherwise:
        case Otherwise.HOLD:
            return f"{told}a person decides which static shape to train."
        case Otherwise.BEST:
            return f"{told}the static shape with the best forecast is trained."
        case Otherwise.LARGEST:
            return f"{told}the largest static shape is trained."
        case _:
            assert_never(schedule.otherwise)


def _laws(record: Record, law: Law, found: Scheduling) -> Iterator[str]:
    for one in found.fits:
        fitted = law_of(law, found, str(one.candidate))
        if fitted is not None:
            yield f"Law of {record.call(str(one.candidate))}, from {plural(one.points, 'run')}: {formula(fitted)}."
