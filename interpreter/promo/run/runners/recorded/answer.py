"""
Request to result, read from a table instead of trained.

An answer follows from the request and the replay alone: `promo replay` writes it, and `promo verify` derives it again
and compares bytes.  What a table does not say is left out; no figure is made up.
"""

from collections.abc import Mapping
from fractions import Fraction

from attrs import frozen

from promo.base.canonical import SAFE_INTEGER, Json, canonical, digest, digest_bytes, exact, parse_json, rounded
from promo.curves.reach import COLUMN_OF, ended_before, reach
from promo.curves.replay import Replay
from promo.curves.values import Column, Curve, Point, Reading
from promo.run.values import CONTRACT, RECORDED, RunStatus
from promo.study.values import BudgetKind

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
class Found:
    """What a recorded run says to a budget."""

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
    number = int(str(request.get("recorded", 0)))
    curve = replay.curve(str(run["candidate"]), str(run["host"]), int(str(run["seed"])), number)
    question = _question(request)
    lost = _lost(request)
    found = lost or found_at(
        curve, question.column, question.amount, earlier=question.earlier, interpolate=replay.settings.interpolate
    )
    reading = found.reading
    points = b"".join(canonical(_point(one, question.metric)) + b"\n" for one in (reading.points if reading else ()))
    body: dict[str, Json] = {
        "promo_result": CONTRACT,
        "request": digest_bytes(content),
        "status": found.status.value,
        "cause": found.cause,
        "metrics": {question.metric: exact(reading.value)} if reading else {},
        "seconds": _seconds(found, curve, question.column, question.earlier),
        "points": digest_bytes(points),
        "provenance": RECORDED,
        "recorded": {"number": number, **_source(replay, curve, reading)},
        **(_details(question, reading) if reading else {}),
    }
    return body, points


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


def _lost(request: Mapping[str, Json]) -> Found | None:
    """A run that carries on another one has to have that one."""
    continued = request.get("continues")
    if isinstance(continued, Mapping) and continued.get("folder") is None:
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
    inside = [point for point in curve.points if point.at[column] <= amount]
    if ended_before(curve, column, amount):
        cause = f"run '{curve.run}' is recorded as {curve.status} before {column.value} {amount}"
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


def work_of(at: Mapping[Column, Fraction]) -> dict[str, Json]:
    """How much a run had done at a point, and how fast, for guards; what is not counted is left out."""
    counts = {"steps": at.get(Column.STEP), "tokens": at.get(Column.TOKENS)}
    whole = {name: count for name, count in counts.items() if count is not None}
    work: dict[str, Json] = {
        name: int(count) for name, count in whole.items() if count.denominator == 1 and count <= SAFE_INTEGER
    }
    seconds = at.get(Column.SECONDS)
    if seconds:
        work |= {f"{name}_per_s": rounded(count / seconds, 6) for name, count in whole.items()}
    return work


def _seconds(found: Found, curve: Curve | None, column: Column, earlier: int) -> dict[str, Json]:
    """Training time as recorded, to the microsecond; nothing where the table has no clock."""
    seconds = charged(found, curve, column, earlier)
    if seconds is None:
        return {}
    text = rounded(seconds, 6)
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
    details: dict[str, Json] = {
        "work": work_of(reading.points[-1].at),
        "budget": {"used": exact(reading.used - question.earlier), "last_step": "0"},
    }
    if question.keeps:
        details["checkpoint"] = digest(list(reading.rows))
    return details
