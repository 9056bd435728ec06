"""
Forecasts and what came of them: one study's, and the record over several.

What counts is what was put down in a ledger before its stage opened, by a forecast or a schedule; the stage that tests
a law counts for nothing here, since that was written down nowhere beforehand.  A law that two of them asked the same of
has said it once.  Outcomes of one study hang together, so many of one study say less than as many of several.
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import assert_never

from promo.base.canonical import Json, exact, from_exact, rounded
from promo.base.classes import frozen
from promo.decision.values import Forecasting, Judgement, Ranking, Reducing, Scheduling, Told, Walking
from promo.report.changed import beside
from promo.report.record import Record
from promo.report.words import NONE, PLACES, number, percent, plural
from promo.study.laws import LEVEL

WITHIN = {True: "yes", False: "no", None: NONE}
"""Whether an outcome lies in its interval -> the word for that."""
COLUMNS = ("study", "by", "candidate", "stage", "forecast", f"{LEVEL:.0%} interval", "outcome", "missed by", "inside")


@frozen
class Scored:
    """What a law said of a candidate at a stage, and what came (None: nothing yet)."""

    study: str
    law: str
    by: str
    """The forecast or schedule that put it down."""
    told: Told
    changed: str
    """What changed in the candidate."""
    came: Fraction | None
    """Mean over the cells with a value."""
    runs: int
    replayed: bool
    """Whether the values were there before, in a table."""

    @property
    def called(self) -> str:
        """The candidate with what changed."""
        return beside(self.told.candidate, self.changed)

    @property
    def inside(self) -> bool | None:
        """Whether what came lies within the interval; None where nothing came, or the runs tell no interval."""
        if self.came is None or not self.spread:
            return None
        return from_exact(self.told.low) <= self.came <= from_exact(self.told.high)

    @property
    def spread(self) -> bool:
        """Whether the forecast has an interval: runs through which a law goes exactly tell none."""
        return self.told.low != self.told.high

    @property
    def missed_by(self) -> float | None:
        """What came less what was foretold, as a share of what came."""
        if self.came is None:
            return None
        return float((self.came - from_exact(self.told.value)) / self.came) if self.came else 0.0


@frozen
class Tally:
    """How often outcomes lie within their interval, and by how much they miss what was foretold."""

    outcomes: int
    inside: int
    told: int
    """Outcomes whose forecast has an interval."""
    mean: float
    """Signed, as a share of what came; above zero where more came."""
    spread: float | None
    """Standard deviation of the misses; None of one."""
    studies: int


def scored(record: Record, law: str, by: str, told: Told) -> Scored:
    """What was foretold, beside what came."""
    came, runs = record.came(told.candidate, told.stage)
    return Scored(
        record.folder, law, by, told, record.changed.get(told.candidate, ""), came, runs, bool(record.state.replay)
    )


def scored_in(record: Record) -> Iterator[Scored]:
    """Everything that a study put down before a stage opened, each once."""
    seen = set[tuple[str, str, str]]()
    for name, decision in record.decisions.items():
        match decision.found:
            case Forecasting() as found:
                law = record.study.forecasts[name].law
            case Scheduling() as found:
                law = record.study.schedules[name].law
            case Ranking() | Judgement() | Reducing() | Walking():
                continue
            case _:
                assert_never(decision.found)
        for told in found.foretold:
            key = (law, told.candidate, told.stage)
            if key not in seen:
                seen.add(key)
                yield scored(record, law, name, told)


def tally(found: Iterable[Scored]) -> Tally | None:
    """The record of those of which something came; None where nothing did."""
    known = list({_same(one): one for one in found if one.came is not None}.values())
    misses = [one.missed_by for one in known if one.missed_by is not None]
    if not misses:
        return None
    mean = sum(misses) / len(misses)
    around = sum((one - mean) ** 2 for one in misses)
    return Tally(
        outcomes=len(known),
        inside=sum(one.inside is True for one in known),
        told=sum(one.spread for one in known),
        mean=mean,
        spread=(around / (len(misses) - 1)) ** 0.5 if len(misses) > 1 else None,
        studies=len({one.study for one in known}),
    )


def _same(one: Scored) -> tuple[object, ...]:
    """What one forecast and one outcome have in common: a schedule that keeps a shape says again what that was told."""
    return one.study, one.law, one.told.stage, one.told.value, one.told.low, one.told.high, one.came


# --- words ---------------------------------------------------------------------------------------------------------


def outcome_cells(one: Scored) -> tuple[str, ...]:
    """What was foretold, its interval, what came, by how much that misses, and whether it is within."""
    told = one.told
    said = (number(told.value), f"{number(told.low)} to {number(told.high)}" if one.spread else NONE)
    if one.came is None or one.missed_by is None:
        return (*said, NONE, NONE, NONE)
    return (*said, rounded(one.came, PLACES), percent(one.missed_by), WITHIN[one.inside])


def tally_words(found: Sequence[Scored]) -> Iterator[str]:
    """The record in sentences; nothing where nothing came."""
    known = tally(found)
    if known is None:
        return
    spread = "" if known.spread is None else f" (standard deviation {known.spread:.2%})"
    over = f" of {known.studies} studies" if known.studies > 1 else ""
    within = (
        f"{known.inside} of {plural(known.told, 'outcome')}{over} inside the {LEVEL:.0%} interval of the forecast"
        if known.told
        else f"None of the forecasts of {plural(known.outcomes, 'outcome')}{over} has an interval"
    )
    yield (f"{within}; outcomes differ from forecasts by {percent(known.mean)} on average{spread}.")


def forecasts_text(found: Sequence[Scored]) -> str:
    """The forecasts of studies for a terminal: a row each, and the record."""
    from tabulate import tabulate  # which reports do without

    if not found:
        return "No forecast and no schedule has recorded anything."
    rows = [(one.study, one.by, one.called, one.told.stage, *outcome_cells(one)) for one in found]
    return "\n".join((tabulate(rows, headers=COLUMNS, disable_numparse=True), *_notes(found)))


def _notes(found: Sequence[Scored]) -> Iterator[str]:
    yield from tally_words(found)
    waiting = sum(one.came is None for one in found)
    if waiting:
        yield f"{waiting} of {plural(len(found), 'forecast')} {'has' if waiting == 1 else 'have'} no outcome yet."
    replayed = len({one.study for one in found if one.replayed})
    if replayed:
        which = "One study was" if replayed == 1 else f"{replayed} studies were"
        yield f"{which} replayed from recorded curves: the outcomes were there before the forecasts."


def forecasts_json(found: Sequence[Scored]) -> dict[str, Json]:
    """The same for programs."""
    known = tally(found)
    return {
        "forecasts": [
            {
                "study": one.study,
                "law": one.law,
                "by": one.by,
                "candidate": one.told.candidate,
                "changed": one.changed or None,
                "stage": one.told.stage,
                "value": one.told.value,
                "low": one.told.low,
                "high": one.told.high,
                "came": None if one.came is None else exact(one.came),
                "inside": one.inside,
            }
            for one in found
        ],
        "record": None
        if known is None
        else {
            "outcomes": known.outcomes,
            "inside": known.inside,
            "missed_by": f"{known.mean:.6g}",
            "spread": None if known.spread is None else f"{known.spread:.6g}",
            "studies": known.studies,
        },
    }
