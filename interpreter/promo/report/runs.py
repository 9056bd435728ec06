"""Rows about single runs, and the facts it takes to derive a report again."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from promo.base.canonical import exact_sum, from_exact, rounded
from promo.base.classes import evolve
from promo.base.codec import to_json
from promo.ledger.sources import Recording, Text, TokenText
from promo.ledger.state import Attempt, AttemptState
from promo.report.decided import attempt_cause
from promo.report.describe import describe_runner
from promo.report.environment import Environments
from promo.report.record import Record
from promo.report.values import RunsView, RunView
from promo.report.words import NONE, number
from promo.run.corpora import MOST_OVERLAP
from promo.run.values import Facts, Result, Work

LONG_S = 1
"""Seconds of a phase that a page tells; results and tables have all."""
MOST_RUNS = 1000
"""Runs that a page lists one by one."""
COUNTED = ("stage", "host", "status", "runs", "attempts", "mean s trained", "lowest result", "highest result")


def runs_view(record: Record) -> RunsView:
    """All runs, one by one or counted by stage, host and status."""
    if len(record.state.attempts) <= MOST_RUNS:
        phases = _phases(record)
        rows = tuple(run_rows(record, phases))
        return RunsView(rows, _common(rows), phases, ())
    return RunsView((), {}, (), tuple(_counted(record)))


def _phases(record: Record) -> tuple[str, ...]:
    """What took `LONG_S` or more anywhere, beside training, in the order of the alphabet."""
    seconds = [one.seconds for one in record.results.values()]
    names = sorted({name for one in seconds for name in one} - {"total", "train"})
    return tuple(name for name in names if any(from_exact(one.get(name, "0")) >= LONG_S for one in seconds))


def _common(rows: Sequence[RunView]) -> dict[str, str]:
    """Column -> what stands there in every row; none of a single row, which has everything in common."""
    columns: dict[str, set[str]] = {
        "host": {one.host for one in rows},
        "status": {f"{one.status} {one.cause}".strip() for one in rows},
        "attempts": {one.attempts for one in rows},
        "environment": {one.environment for one in rows},
    }
    return {name: found.pop() for name, found in columns.items() if len(found) == 1 < len(rows)}


def _counted(record: Record) -> Iterable[tuple[str, ...]]:
    groups: dict[tuple[str, str, str], list[tuple[Attempt, int]]] = {}
    for run, tried in record.state.attempts.items():
        shown = record.state.accepted(run) or tried[-1]
        status = shown.ending
        groups.setdefault((tried[0].stage, shown.host, status), []).append((shown, len(tried)))
    order = {stage.name: place for place, stage in enumerate(record.plan.stages)}
    for key in sorted(groups, key=lambda one: (order[one[0]], one)):
        members = groups[key]
        results = [record.results.get((one.run, one.number)) for one, _ in members]
        trained = [from_exact(one.seconds["train"]) for one in results if one is not None and "train" in one.seconds]
        metric = record.study.measure.metric
        scores = [from_exact(text) for one in results if one is not None and (text := one.metrics.get(metric))]
        yield (
            *key,
            f"{len(members):,}",
            f"{sum(count for _, count in members):,}",
            rounded(exact_sum(trained) / len(trained), 2) if trained else NONE,
            *(
                number(str(end)) if end is not None else NONE
                for end in (min(scores, default=None), max(scores, default=None))
            ),
        )


def run_rows(record: Record, phases: Sequence[str]) -> Iterable[RunView]:
    """Every run that was tried, stage by stage."""
    colours = {name: index for index, name in enumerate(record.candidates)}
    places = Environments(record)
    for stage in record.plan.stages:
        for run in sorted(stage.runs, key=lambda one: (colours[one.candidate], one.host, one.seed)):
            tried = record.state.attempts.get(run.id)
            if tried and tried[0].stage == stage.name:  # a run that two stages share is listed where it was made
                shown = record.state.accepted(run.id) or tried[-1]
                result = record.results.get((run.id, shown.number))
                place = places.number(shown)
                own = _row(record, colours[run.candidate], shown, tried, result, NONE if place is None else str(place))
                yield evolve(own, phases=_seconds(result, phases))


def _seconds(result: Result | None, phases: Sequence[str]) -> tuple[str, ...]:
    seconds = result.seconds if result else {}
    return tuple(rounded(from_exact(seconds[name]), 1) if name in seconds else NONE for name in phases)


def _row(
    record: Record, colour: int, shown: Attempt, tried: list[Attempt], result: Result | None, place: str
) -> RunView:
    seconds = result.seconds if result else {}
    work = result.body.work if result and result.body else Work()
    facts = result.body.facts if result and result.body else Facts()
    peak = facts.peak_device_bytes or facts.peak_rss_bytes
    return RunView(
        stage=shown.stage,
        candidate=shown.candidate,
        colour=colour,
        host=shown.host,
        seed=str(shown.seed),
        status=shown.ending,
        good=shown.state is AttemptState.ACCEPTED,
        value=number(result.metrics.get(record.study.measure.metric)) if result else NONE,
        steps=NONE if work.steps is None else str(work.steps),
        tokens=NONE if work.tokens is None else f"{work.tokens:,}",
        trained=rounded(from_exact(seconds["train"]), 2) if "train" in seconds else NONE,
        phases=(),
        speed=NONE if work.tokens_per_s is None else f"{float(work.tokens_per_s):,.0f}",
        memory=f"{peak / 2**20:,.0f}" if peak else NONE,
        attempts=str(len(tried)),
        cause="; ".join([*_outside(record, shown), *_causes(record, tried)]),
        run=shown.run,
        environment=place,
    )


def _causes(record: Record, tried: list[Attempt]) -> Iterable[str]:
    """How attempts ended that have something to say of it."""
    for one in tried:
        if cause := attempt_cause(one, record.study):
            yield f"attempt {one.number}: {one.ending}, {cause}"


def _outside(record: Record, attempt: Attempt) -> Iterable[str]:
    """Who trained an attempt, where that was somebody else's system, and which file said so."""
    said = record.outside.get((attempt.run, attempt.number))
    if said is not None:
        yield f"trained outside by {said.by}, taken from {said.source}"


def facts(record: Record) -> Iterable[tuple[str, str]]:
    """Digests and versions; machines are told run by run."""
    frozen, text = record.state.frozen, record.state.text
    assert frozen is not None
    yield "study frozen", record.state.frozen_at
    yield "plan", f"sha256:{record.plan.digest}"
    for name, value in frozen.files.items():
        yield f"file {name}", f"sha256:{value}"
    yield "ledger", f"{record.state.events} events, head sha256:{record.head}"
    yield "runner", f"{describe_runner(record.study.runner)}, code sha256:{frozen.runner.code}"
    yield "commit of the spec", frozen.commit or "not in version control"
    yield "promo", f"{frozen.promo} ran it, {record.promo} made this report"
    if text is not None:
        yield from _text_facts(text)
    for name, value in _flat(frozen.replay) if frozen.replay else ():
        yield f"curves, {name}", value


def _text_facts(text: Text) -> Iterable[tuple[str, str]]:
    """What is recorded of the text, with a warning where it trains on what it is scored on."""
    for name, value in (*_flat(text), *(_flat(text.tokens) if text.tokens else ())):
        if name == "overlap" and Fraction(text.overlap) > MOST_OVERLAP:
            value = f"{value}: a warning, this share of the held-out text is also in the training text"
        if name != "tokens":
            yield f"text, {name}", value


def _flat(value: Text | TokenText | Recording) -> Iterable[tuple[str, str]]:
    """Name and value of every field."""
    return ((str(name), str(one)) for name, one in to_json(value).items())
