"""A gate's ranking to a strip plot: every cell of every candidate, what it was ranked by, the cut, who was promoted."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import assert_never

from promo.base.canonical import exact_sum, from_exact
from promo.decision.values import Decision, Ground, Ranking, Standing, Verdict
from promo.evidence.values import Row
from promo.report.decided import verdict_word
from promo.report.describe import describe_condition
from promo.report.record import Record
from promo.report.strips import MOST_MARKS, MOST_ROWS, Cut, Strip, Strips, strips_svg, words_of
from promo.report.words import NONE, counted_in, plural, short_number, within
from promo.study.judgement import (
    Agreement,
    Best,
    Both,
    BoundKind,
    Condition,
    Difference,
    Either,
    Equivalent,
    First,
    Gate,
    Isnt,
    Level,
    Projected,
    Side,
    Statistic,
    Top,
)
from promo.syntax.clauses import LEADER

MERIT = (Ground.TOP, Ground.MET)
"""Why somebody was kept who passed the cut."""
BEHIND = (Ground.CUT, Ground.NOT_MET)
WHY = {
    Ground.ALWAYS: "always kept",
    Ground.SAMPLE: "drawn from the dropped",
    Ground.PERSON: "by a person",
    Ground.MISSING: "a value is missing",
    Ground.CRASHED: "a run failed",
    Ground.HELD: "waits for a person",
    Ground.STOPPED: "the gate stopped the study",
}
"""Grounds that the picture has to say, since its cut does not."""


def standing_picture(record: Record, gate: Gate, decision: Decision) -> tuple[str, str]:
    """
    The picture of a gate that has ranked, and what has to be said of it.

    Args:
        record: the study.
        gate: one of its gates.
        decision: what it decided, as it stands after any person's word.
    """
    found = decision.ranking
    if found is None or not any(cell.value for one in found.standings for cell in one.cells):
        return "", ""
    shown = found.standings[:MOST_ROWS]
    hosts = tuple(dict.fromkeys(cell.host for one in shown for cell in one.cells))
    unit = record.study.measure.unit
    strips = Strips(
        rows=tuple(_strip(record, one, decision, hosts) for one in shown),
        hosts=hosts,
        counts=f"{gate.metric} at {found.stage}{within(unit)}, {_better(record)} is better",
        figure=f"{gate.statistic.value}, which the gate ranks by",
        interval="",
        cut=_cut(record, gate, found),
    )
    words = f"{gate.name}: values at {found.stage}, one row per candidate, best first. {words_of(strips, unit)}"
    picture, beyond = strips_svg(strips, words, record.called)
    return picture, " ".join(_said(strips, len(found.standings) - len(shown), beyond))


def stage_picture(record: Record, stage: str, order: Sequence[str]) -> tuple[str, str]:
    """
    Every run of a stage that no gate reads, by candidate, and what has to be said of the picture.

    Args:
        record: the study.
        stage: one that has ended.
        order: its candidates, best first.
    """
    evidence = record.evidence.get(stage)
    rows = [row for name in order[:MOST_ROWS] if (row := evidence.row(name) if evidence else None)]
    if not any(cell.value for row in rows for cell in row.cells):
        return "", ""
    hosts = tuple(dict.fromkeys(cell.host for row in rows for cell in row.cells))
    unit = record.study.measure.unit
    strips = Strips(
        rows=tuple(_run_strip(record, row, hosts) for row in rows),
        hosts=hosts,
        counts=f"{record.study.measure.metric}{within(unit)}, {_better(record)} is better",
        figure="mean",
        interval="",
    )
    picture, beyond = strips_svg(strips, f"Values at {stage}. {words_of(strips, unit)}", record.called)
    meaning = f", {record.meaning}" if record.meaning else ""
    said = f"A mark is a run: {record.study.measure.metric}{counted_in(unit)}{meaning}."
    return picture, " ".join((said, *sampling(strips, len(order) - len(rows), beyond, "candidate")))


def _run_strip(record: Record, row: Row, hosts: Sequence[str]) -> Strip:
    values = tuple((hosts.index(cell.host), from_exact(cell.value)) for cell in row.cells if cell.value is not None)
    mean = exact_sum(value for _, value in values) / len(values) if values else None
    return Strip(
        candidate=record.candidates.index(row.candidate),
        name=row.candidate,
        beside=record.changed[row.candidate],
        values=values,
        figure=mean,
        reach=None,
        asked=None,
        said=(NONE if mean is None else short_number(mean),),
        kept=True,
    )


def _better(record: Record) -> str:
    return "lower" if record.study.measure.lower_is_better else "higher"


def _strip(record: Record, one: Standing, decision: Decision, hosts: Sequence[str]) -> Strip:
    statistic = None if one.statistic is None else from_exact(one.statistic)
    value = NONE if statistic is None else short_number(statistic)
    return Strip(
        candidate=record.candidates.index(one.candidate),
        name=one.candidate,
        beside=record.changed[one.candidate],
        values=tuple((hosts.index(cell.host), from_exact(cell.value)) for cell in one.cells if cell.value is not None),
        figure=statistic,
        reach=None,
        asked=None,
        said=(f"{value} {verdict_word(one, decision)}", *([WHY[one.ground]] if one.ground in WHY else [])),
        kept=one.verdict is Verdict.PROMOTED,
    )


def _said(strips: Strips, hidden: int, beyond: int) -> Iterable[str]:
    """What is drawn, and what is not."""
    yield "A row is a candidate, a mark one of its runs."
    if strips.cut is not None:
        yield "Candidates on the better side of the dashed line pass the gate."
    elif any(row.kept for row in strips.rows) and not all(row.kept for row in strips.rows):
        yield "One line cannot show what this gate requires; the table has its reasons."
    yield from sampling(strips, hidden, beyond, "candidate")


def sampling(strips: Strips, hidden: int, beyond: int, row: str) -> Iterable[str]:
    """What of many rows, many marks and far values is drawn."""
    most = max((len(one.values) for one in strips.rows), default=0)
    if most > MOST_MARKS:
        yield f"Of {most:,} cells of a {row}, {MOST_MARKS} are drawn, at even ranks."
    if hidden:
        yield f"The first {len(strips.rows)} rows are drawn; {hidden:,} more are in the table or in its file."
    if beyond:
        yield f"{plural(beyond, 'mark')} beyond the axis: an arrow at its edge."


# --- the cut -------------------------------------------------------------------------------------------------------


def _cut(record: Record, gate: Gate, found: Ranking) -> Cut | None:
    """The line between who passed and who did not, where there is one on this axis."""
    exact = _bound(record, gate, found)
    if exact is not None:
        return Cut(exact, _label(record, found.keep))
    way = record.study.measure.sign
    passed = [way * from_exact(one.statistic) for one in _of(found, MERIT) if one.statistic is not None]
    failed = [way * from_exact(one.statistic) for one in _of(found, BEHIND) if one.statistic is not None]
    if not passed or not failed or max(passed) > min(failed):
        return None
    return Cut(way * (max(passed) + min(failed)) / 2, _label(record, found.keep))


def _of(found: Ranking, grounds: Sequence[Ground]) -> list[Standing]:
    return [one for one in found.standings if one.ground in grounds]


def _label(record: Record, keep: Condition) -> str:
    return f"cut: {describe_condition(keep, record.study.measure)}"


def _bound(record: Record, gate: Gate, found: Ranking) -> Fraction | None:
    """The bound itself, where the gate holds what it ranks by against one."""
    match found.keep:
        case Level(statistic=statistic, bound=bound):
            return bound.value if statistic is gate.statistic and bound.kind is not BoundKind.WITHIN else None
        case Difference() as asked:
            plain = asked.test is None and asked.statistic is gate.statistic is Statistic.MEAN
            name = found.standings[0].candidate if asked.reference == LEADER else asked.reference
            other = next((one.statistic for one in found.standings if one.candidate == name), None)
            return from_exact(other) + _apart(record, gate, asked) if plain and other is not None else None
        case Top() | Best() | Equivalent() | Agreement() | First() | Projected() | Isnt() | Both() | Either():
            return None
        case _:
            assert_never(found.keep)


def _apart(record: Record, gate: Gate, asked: Difference) -> Fraction:
    """How far from its reference a candidate may lie, on the axis of the metric."""
    least = asked.bound.kind is BoundKind.AT_LEAST
    bound = asked.bound.value + (-gate.allowance if least else gate.allowance)
    return record.study.measure.sign * (bound if asked.side is Side.GAP else -bound)
