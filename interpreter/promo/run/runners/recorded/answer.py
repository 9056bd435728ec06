"""
Request to result, read from a table instead of trained.

An answer follows from the request and the replay alone: `promo replay` writes it, and `promo verify` derives it again
and compares bytes.  What a table does not say is left out; no figure is made up.
"""

from collections.abc import Mapping
from fractions import Fraction

from attrs import evolve, frozen

from promo.base.canonical import SAFE_INTEGER, Json, canonical, digest, digest_bytes, exact, parse_json, rounded
from promo.curves.reach import COLUMN_OF, ended_before, reach
from promo.curves.replay import Replay
from promo.curves.values import Column, Curve, Point, Reading
from promo.run.values import CONTRACT, RECORDED, RunStatus, Task
from promo.spec.values import BudgetKind

_NAMES = {Column.STEP: "step", Column.TOKENS: "tokens", Column.SECONDS: "charged_s"}


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
class _Found:
    """What the table says to it."""

    status: RunStatus
    cause: str
    reading: Reading | None = None
    spent: Point | None = None
    """How far a run had come that failed."""


def answer(replay: Replay, content: bytes) -> tuple[dict[str, Json], bytes]:
    """
    The body of a result and the file of points that a request gets.

    Args:
        replay: the table with its cells.
        content: bytes of the request.

    Returns:
        (body, points): values as exact text, rows and table named under `recorded`.
    """
    request = parse_json(content)
    assert isinstance(request, dict)
    run = _part(request, "run")
    number = int(str(request["recorded"]))
    curve = replay.curve(str(run["candidate"]), str(run["host"]), int(str(run["seed"])), number)
    question = _question(request)
    lost = _lost(request)
    found = lost if lost else _look(curve, question, interpolate=replay.settings.interpolate)
    reading = found.reading
    points = b"".join(canonical(_point(one, question.metric)) + b"\n" for one in (reading.points if reading else ()))
    body: dict[str, Json] = {
        "promo_result": CONTRACT,
        "request": digest_bytes(content),
        "status": found.status.value,
        "cause": found.cause,
        "metrics": {question.metric: exact(reading.value)} if reading else {},
        "seconds": _seconds(curve, question, found),
        "points": digest_bytes(points),
        "provenance": RECORDED,
        "recorded": {"number": number, **_source(replay, curve, reading)},
        **(_details(question, reading) if reading else {}),
    }
    return body, points


def recorded_task(task: Task, replay: Replay) -> Task:
    """
    A task with the recorded runs that it may read.

    A rerun reads the next recorded run of the cell, and where there is none nothing is read again: the same numbers
    under a new name would be no second run.  Who carries a run on reads on in that run.
    """
    first = int(str(_part(task.request, "continues").get("recorded", 0)))
    run = task.run
    there = len(replay.assignment.cells.get((run.candidate, run.host, run.seed), ()))
    return evolve(task, recorded=first, tries=max(1, there - first))


def recorded_number(details: Mapping[str, Json]) -> int:
    """Which recorded run of its cell a result was read from, counted from 0."""
    return int(str(_part(details, "recorded")["number"]))


def _part(request: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    value = request.get(key)
    return value if isinstance(value, Mapping) else {}


def _question(request: Mapping[str, Json]) -> _Question:
    budget = _part(request, "budget")
    earlier = int(str(_part(request, "continues").get("earlier", "0")))
    return _Question(
        column=COLUMN_OF[BudgetKind(str(budget["kind"]))],
        earlier=earlier,
        amount=earlier + int(str(budget["amount"])),
        metric=str(request["metric"]),
        keeps=_part(request, "checkpoint").get("at_end") is True,
    )


def _lost(request: Mapping[str, Json]) -> _Found | None:
    """A run that carries on another one has to have that one."""
    continued = request.get("continues")
    if isinstance(continued, Mapping) and continued.get("folder") is None:
        return _Found(RunStatus.INVALID, "the run that it carries on has no result")
    return None


def _look(curve: Curve | None, question: _Question, *, interpolate: bool) -> _Found:
    if curve is None:
        return _Found(RunStatus.INVALID, "no run is recorded for this cell, and a replay trains none")
    inside = [point for point in curve.points if point.at[question.column] <= question.amount]
    if ended_before(curve, question.column, question.amount):
        cause = f"run '{curve.run}' is recorded as {curve.status} before {question.column.value} {question.amount}"
        return _Found(RunStatus(curve.status), cause, spent=inside[-1] if inside else None)
    reading = reach(curve, question.column, question.amount, interpolate=interpolate)
    if isinstance(reading, str):
        return _Found(RunStatus.INVALID, reading)
    if reading.used <= question.earlier:
        cause = f"no point of run '{curve.run}' lies behind {question.column.value} {question.earlier}"
        return _Found(RunStatus.INVALID, cause)
    return _Found(RunStatus.OK, "", reading)


def _seconds(curve: Curve | None, question: _Question, found: _Found) -> dict[str, Json]:
    """Training time as recorded, to the microsecond; nothing where the table has no clock."""
    at = found.reading.at if found.reading else found.spent.at if found.spent else {}
    if curve is None or Column.SECONDS not in at:
        return {}
    before = Fraction(0)
    if question.earlier:
        earlier = reach(curve, question.column, question.earlier, interpolate=False)
        before = Fraction(0) if isinstance(earlier, str) else earlier.at[Column.SECONDS]
    text = rounded(max(at[Column.SECONDS] - before, Fraction(0)), 6)
    return {"train": text, "total": text}


def _point(point: Point, metric: str) -> dict[str, Json]:
    return {**{_NAMES[column]: exact(at) for column, at in point.at.items()}, metric: exact(point.value)}


def _source(replay: Replay, curve: Curve | None, reading: Reading | None) -> dict[str, Json]:
    source: dict[str, Json] = {"table": replay.digest, "name": replay.name}
    if curve is not None:
        source |= {"config": curve.config, "host": curve.host, "seed": curve.seed, "run": curve.run}
    if reading is not None:
        source |= {"rows": list(reading.rows), "how": reading.how, "value": exact(reading.value)}
    return source


def _details(question: _Question, reading: Reading) -> dict[str, Json]:
    """How far the run had come at the last recorded point, and how much of the budget that is."""
    last = reading.points[-1].at
    counts = {"steps": last.get(Column.STEP), "tokens": last.get(Column.TOKENS)}
    whole = {name: at for name, at in counts.items() if at is not None and at.denominator == 1 and at <= SAFE_INTEGER}
    details: dict[str, Json] = {
        "work": {name: int(at) for name, at in whole.items()},
        "budget": {"used": exact(reading.used - question.earlier), "last_step": "0"},
    }
    if question.keeps:
        details["checkpoint"] = digest(list(reading.rows))
    return details
