"""
Request to result, read from a table instead of trained.

An answer follows from the request and the replay alone: `promo replay` writes it, and `promo verify` derives it again
and compares bytes.  What a table does not say is left out; no figure is made up.
"""

from collections.abc import Mapping
from fractions import Fraction

from promo.base.canonical import canonical, digest, digest_bytes, exact, rounded
from promo.base.classes import evolve, frozen
from promo.base.codec import to_json
from promo.curves.reach import COLUMN_OF, ended_before, reach
from promo.curves.replay import Replay
from promo.curves.values import Column, Curve, Point, Reading
from promo.run.values import Body, Counter, Facts, RecordedAs, Request, RunStatus, Used, Work
from promo.run.values import Point as MeasuredPoint


@frozen
class _Question:
    """What a request asks of a table; *earlier* and *amount* count from the start of the run."""

    column: Column
    earlier: int
    amount: int
    metric: str
    keeps: bool
    """Whether another stage carries the run on."""


@frozen
class Found:
    """What a recorded run says to a budget."""

    status: RunStatus
    cause: str
    reading: Reading | None = None
    spent: Point | None = None
    """How far a run had come that failed."""


def answer_part(replay: Replay, request: Request, said: str) -> tuple[Body, bytes]:
    """As `answer`, from a table of runs that somebody else's system trained for the attempt that was asked for."""
    run = request.run
    seed = run.seed if run.label is None else run.label
    return _answer(replay, request, said, seed, replay.of_attempt(run.candidate, run.host, seed, request.attempt))


def answer(replay: Replay, request: Request, said: str) -> tuple[Body, bytes]:
    """
    The body of a result and the file of points that a request gets.

    Args:
        replay: the table with its cells.
        request: what is asked.
        said: its digest.

    Returns:
        (body, points): values as exact text; the rows they come from are named.
    """
    return _answer(replay, request, said, request.run.seed, request.recorded or 0)


def _answer(replay: Replay, request: Request, said: str, seed: int, number: int) -> tuple[Body, bytes]:
    """The answer of one recorded run of a cell; *seed* is what the plan calls it."""
    curve = replay.curve(request.run.candidate, request.run.host, seed, number)
    question = _question(request)
    found = _lost(request) or found_at(
        curve, question.column, question.amount, earlier=question.earlier, interpolate=replay.settings.interpolate
    )
    reading = found.reading
    points = b"".join(
        canonical(to_json(_point(one, question.metric))) + b"\n" for one in (reading.points if reading else ())
    )
    used = None if reading is None else exact(reading.used - question.earlier)
    body = Body(
        request=said,
        status=found.status,
        cause=found.cause,
        metrics={question.metric: exact(reading.value)} if reading else {},
        seconds=_seconds(found, curve, question.column, question.earlier),
        points=digest_bytes(points),
        used=None if used is None else Used(request.budget.kind, used, "0", Counter.RECORDED),
        work=work_of(reading.points[-1].at) if reading else Work(),
        segments=(),
        checkpoint=digest(list(reading.rows)) if reading and question.keeps else None,
        trunk=None,
        contention=None,
        facts=Facts(),
        recorded=_source(replay, curve, reading, number),
        details={},
    )
    return body, points


def _question(request: Request) -> _Question:
    earlier = request.continues.earlier if request.continues else 0
    return _Question(
        column=COLUMN_OF[request.budget.kind],
        earlier=earlier,
        amount=earlier + request.budget.amount,
        metric=request.metric,
        keeps=request.checkpoint.at_end,
    )


def _lost(request: Request) -> Found | None:
    """A run that carries on another one has to have that one."""
    if request.continues is not None and request.continues.folder is None:
        return Found(RunStatus.INVALID, "the run that it carries on has no result")
    return None


def found_at(curve: Curve | None, column: Column, amount: int, *, earlier: int, interpolate: bool) -> Found:
    """
    What a recorded run says to a budget.

    Args:
        curve: the run; None where none is recorded.
        column: what the budget counts.
        amount: the budget from the start of the run.
        earlier: how much of it another stage has seen already.
        interpolate: whether a value between two points was declared to be linear.
    """
    if curve is None:
        return Found(RunStatus.INVALID, "no run is recorded for this cell, and a replay trains none")
    if ended_before(curve, column, amount):
        cause = f"run '{curve.run}' is recorded as {curve.status} before {column.value} {amount}"
        inside = [point for point in curve.points if point.at[column] <= amount]
        return Found(RunStatus(curve.status), cause, spent=inside[-1] if inside else None)
    reading = reach(curve, column, amount, interpolate=interpolate)
    if isinstance(reading, str):
        return Found(RunStatus.INVALID, reading)
    if reading.used <= earlier:
        return Found(RunStatus.INVALID, f"no point of run '{curve.run}' lies behind {column.value} {earlier}")
    return Found(RunStatus.OK, "", reading)


def charged(found: Found, curve: Curve | None, column: Column, earlier: int) -> Fraction | None:
    """Training seconds as recorded, less those of the stage that is carried on; None without a clock."""
    at = found.reading.at if found.reading else found.spent.at if found.spent else {}
    if curve is None or Column.SECONDS not in at:
        return None
    before = Fraction(0)
    if earlier:
        reading = reach(curve, column, earlier, interpolate=False)
        before = Fraction(0) if isinstance(reading, str) else reading.at[Column.SECONDS]
    return max(at[Column.SECONDS] - before, Fraction(0))


def work_of(at: Mapping[Column, Fraction]) -> Work:
    """How much a run had done at a point, and how fast, for guards; what is not counted is left out."""
    steps, tokens, seconds = at.get(Column.STEP), at.get(Column.TOKENS), at.get(Column.SECONDS)
    return Work(
        steps=_whole(steps),
        tokens=_whole(tokens),
        steps_per_s=rounded(steps / seconds, 6) if seconds and steps is not None else None,
        tokens_per_s=rounded(tokens / seconds, 6) if seconds and tokens is not None else None,
    )


def _whole(count: Fraction | None) -> int | None:
    return None if count is None or count.denominator != 1 else int(count)


def _seconds(found: Found, curve: Curve | None, column: Column, earlier: int) -> dict[str, str]:
    """Training time as recorded, to the microsecond; nothing where the table has no clock."""
    seconds = charged(found, curve, column, earlier)
    if seconds is None:
        return {}
    text = rounded(seconds, 6)
    return {"train": text, "total": text}


def _point(point: Point, metric: str) -> MeasuredPoint:
    step, tokens, seconds = (point.at.get(column) for column in (Column.STEP, Column.TOKENS, Column.SECONDS))
    return MeasuredPoint(
        _whole(step), _whole(tokens), None if seconds is None else exact(seconds), {metric: exact(point.value)}
    )


def _source(replay: Replay, curve: Curve | None, reading: Reading | None, number: int) -> RecordedAs:
    source = RecordedAs(number, replay.digest, replay.name)
    if curve is not None:
        source = evolve(source, config=curve.config, host=curve.host, seed=curve.seed, run=curve.run)
    if reading is not None:
        source = evolve(source, rows=tuple(reading.rows), value=exact(reading.value))
    return source
