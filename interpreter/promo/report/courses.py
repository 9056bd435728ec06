"""
A schedule to loss against compute: what changes shape beside the static shapes, drawn and in numbers.

Marks are runs at the end of a budget, cooled down as their stage has it, and a line joins their means from budget to
budget.  What the runs of the schedule's own stages recorded on their way is drawn thin: rates are not cooled down
there, so it lies above what a run of that budget comes to.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from promo.base.canonical import exact_sum, from_exact, rounded
from promo.base.classes import frozen
from promo.decision.values import Grounds, Scheduling
from promo.ledger.outcomes import Turn
from promo.report.pictures import Course, Turning, courses_svg
from promo.report.record import Record
from promo.report.told import compute_text, unit_of
from promo.report.values import TableView
from promo.report.words import PLACES, listed, within
from promo.study.laws import Law, Schedule
from promo.study.values import BudgetKind, Stage

COLUMNS = ("candidate", "where", "compute", "mean", "lowest", "highest", "runs")
END = "at its end"
NEARLY = 0.99
"""A point from this share of the whole budget on is the end of its run."""
Way = tuple[tuple[float, float], ...]
"""What a run recorded on its way, and what it came to: compute and value."""


@frozen
class CourseView:
    """What a report shows of losses against compute."""

    picture: str
    """SVG; empty where nothing has come to an end."""
    caption: tuple[str, ...]
    candidates: tuple[int, ...]
    table: TableView


@frozen
class _Place:
    """The runs of one candidate at one place: a stage, how far along it, and what came."""

    candidate: str
    stage: str
    where: str
    compute: float
    values: tuple[Fraction, ...]

    @property
    def mean(self) -> Fraction:
        return exact_sum(self.values) / len(self.values)


def course_view(record: Record, schedule: Schedule, law: Law, found: Scheduling) -> CourseView:
    """
    Loss against compute of what follows a schedule and of each static shape.

    Args:
        record: the study.
        schedule: one of its schedules.
        law: the law that it asks.
        found: what it found.
    """
    study, unit = record.study, unit_of(record.study, law)
    names = (*schedule.shapes, *study.followers(schedule.name))
    own = [stage for stage, there in study.entrants.items() if set(study.followers(schedule.name)) & {*there.possible}]
    ends = [one for name in names for one in _ends(record, name, dict.fromkeys((*law.every_stage, *own)))]
    ways = {(name, stage): tuple(_ways(record, name, study.stages[stage])) for name in names for stage in own}
    along = [one for (name, stage), taken in ways.items() for one in _along(name, stage, taken)]
    rows = sorted((*along, *ends), key=lambda one: (names.index(one.candidate), one.compute))
    table = TableView("Loss against compute", COLUMNS, tuple(_row(record, one, unit) for one in rows), 2)
    taken = [name for name in names if name in record.candidates] if ends else []
    numbers = {name: record.candidates.index(name) for name in taken}
    courses = [_course(name, number, ends, along, ways) for name, number in numbers.items()]
    turnings = tuple(_turnings(found, unit))
    return CourseView(
        picture=_picture(record, courses, turnings, _said(ends, unit), unit) if courses else "",
        caption=tuple(_caption(own, turnings=bool(turnings), ways=any(map(any, ways.values())))) if courses else (),
        candidates=tuple(numbers.values()),
        table=table,
    )


def _picture(record: Record, courses: Sequence[Course], turnings: Sequence[Turning], said: str, unit: str) -> str:
    label = f"{record.study.measure.metric}{within(record.study.measure.unit)}"
    words = f"{label} against compute, one line per candidate. {said}"
    words += f" Shapes change: {listed([one.name for one in turnings])}." if turnings else ""
    return courses_svg(courses, turnings, f"compute of a run ({unit})", label, words, record.called)


def _ends(record: Record, name: str, stages: Iterable[str]) -> Iterator[_Place]:
    """The runs of a candidate at the end of each stage."""
    for stage in stages:
        evidence = record.evidence.get(stage)
        row = evidence.row(name) if evidence is not None else None
        values = tuple(from_exact(cell.value) for cell in row.cells if cell.value is not None) if row else ()
        if values:
            yield _Place(name, stage, f"{stage}, {END}", float(record.study.whole(stage)), values)


def _ways(record: Record, name: str, stage: Stage) -> Iterator[Way]:
    """What the runs of a candidate at a stage recorded, up to their end."""
    metric, whole = record.study.measure.metric, record.study.whole(stage.name)
    for run in record.plan.stage(stage.name).runs:
        accepted = record.state.accepted(run.id)
        if run.candidate != name or accepted is None:
            continue
        result = record.results.get((run.id, accepted.number))
        tokens = [one.tokens for one in result.body.segments] if result is not None and result.body else []
        each = [record.study.candidates[one.candidate].effective.flops_per_token for one in _path(record, name)]
        way: list[tuple[float, float]] = []
        for point in record.points.get(run.id, ()):
            at = None
            if stage.budget.kind is BudgetKind.FLOPS and point.tokens is not None and all(each):
                at = float(_flops(point.tokens, tokens, each))
            elif stage.budget.kind is BudgetKind.WALL and point.charged_s is not None:
                at = float(from_exact(point.charged_s))
            if at and metric in point.metrics and at < whole * NEARLY:
                way.append((at, float(from_exact(point.metrics[metric]))))
        if way and result is not None and metric in result.metrics:
            way.append((float(whole), float(from_exact(result.metrics[metric]))))
        yield tuple(way)


def _path(record: Record, name: str) -> Sequence[Turn]:
    """The shapes that a candidate goes through."""
    follows = record.study.candidates[name].follows
    return record.state.path(follows) if follows else (Turn(name, 0),)


def _flops(tokens: int, segments: Sequence[int], each: Sequence[int]) -> int:
    """Operations of so many tokens, by the shape that used them; what lies beyond the segments is of the last one."""
    used, left = 0, tokens
    for number, per_token in enumerate(each):
        last = number + 1 >= min(len(each), len(segments))
        taken = left if last else min(left, segments[number])
        used, left = used + taken * per_token, left - taken
        if last:
            break
    return used


def _along(name: str, stage: str, ways: Sequence[Way]) -> Iterator[_Place]:
    """The same points of every run before its end, those that all of them recorded."""
    for number in range(min(map(len, ways), default=0) - 1):
        at = sum(way[number][0] for way in ways) / len(ways)
        yield _Place(name, stage, f"{stage}, on the way", at, tuple(Fraction(way[number][1]) for way in ways))


def _row(record: Record, one: _Place, unit: str) -> tuple[str, ...]:
    shown = (rounded(value, PLACES) for value in (one.mean, min(one.values), max(one.values)))
    return record.call(one.candidate), one.where, compute_text(repr(one.compute), unit), *shown, str(len(one.values))


def _course(
    name: str,
    number: int,
    ends: Iterable[_Place],
    along: Iterable[_Place],
    ways: Mapping[tuple[str, str], Sequence[Way]],
) -> Course:
    """What is drawn of a candidate; one with a single budget has its line along what its runs recorded on the way."""
    own = sorted((one for one in ends if one.candidate == name), key=lambda one: one.compute)
    line = own if len(own) > 1 else [*(one for one in along if one.candidate == name), *own]
    return Course(
        candidate=number,
        means=tuple((one.compute, float(one.mean)) for one in line),
        ends=tuple((one.compute, float(value)) for one in own for value in one.values),
        ways=tuple(way for (who, _), taken in ways.items() if who == name for way in taken),
    )


def _turnings(found: Scheduling, unit: str) -> Iterator[Turning]:
    """Where the shape changes, where the laws tell that."""
    if found.grounds is not Grounds.TOLD:
        return
    for one in found.switches:
        if one.at is not None and one.high is not None:
            ends = (float(from_exact(end)) for end in (one.at, one.low, one.high))
            yield Turning(f"{one.before} to {one.after} at {compute_text(one.at, unit)}", *ends)


def _said(ends: Iterable[_Place], unit: str) -> str:
    last: dict[str, _Place] = {}
    for one in ends:
        if one.candidate not in last or one.compute >= last[one.candidate].compute:
            last[one.candidate] = one
    told = [
        f"{name} {rounded(one.mean, PLACES)} at {compute_text(repr(one.compute), unit)}" for name, one in last.items()
    ]
    return f"At the largest budget: {listed(told)}."


def _caption(own: Sequence[str], *, turnings: bool, ways: bool) -> Iterator[str]:
    yield "Marks: runs at the end of their budget, one per cell; a line joins the means of one candidate."
    if ways:
        yield (
            f"Thin lines: points that the runs of {listed(list(own))} recorded during training, before rates cooled "
            f"down; if a candidate has no other budget, its line joins their means."
        )
    if turnings:
        yield "Vertical line: the change of shape; the band is its 95% interval."
