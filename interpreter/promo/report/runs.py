"""Rows about single runs, and the facts it takes to derive a report again."""

from collections.abc import Iterable

from promo.base.canonical import from_exact, rounded
from promo.ledger.state import Attempt, AttemptState
from promo.report.environment import Environments
from promo.report.record import Record, part
from promo.report.values import RunView
from promo.report.words import NONE, number
from promo.run.values import Result
from promo.spec.describe import describe_runner


def run_rows(record: Record) -> Iterable[RunView]:
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
                yield _row(record, colours[run.candidate], shown, tried, result, NONE if place is None else str(place))


def _row(
    record: Record, colour: int, shown: Attempt, tried: list[Attempt], result: Result | None, place: str
) -> RunView:
    details = result.details if result else {}
    seconds = result.seconds if result else {}
    work, memory = part(details, "work"), part(details, "memory")
    peak = memory.get("peak_device_bytes") or memory.get("peak_rss_bytes")
    phases = (f"{name} {rounded(from_exact(text), 1)} s" for name, text in seconds.items() if name != "total")
    return RunView(
        stage=shown.stage,
        candidate=shown.candidate,
        colour=colour,
        host=shown.host,
        seed=str(shown.seed),
        status=shown.status or shown.state.value,
        good=shown.state is AttemptState.ACCEPTED,
        value=number(result.metrics.get(record.study.measure.metric)) if result else NONE,
        steps=str(work.get("steps", NONE)),
        tokens=f"{int(str(work['tokens'])):,}" if "tokens" in work else NONE,
        trained=rounded(from_exact(seconds["train"]), 2) if "train" in seconds else NONE,
        phases=", ".join(phases),
        speed=f"{float(str(work['tokens_per_s'])):,.0f}" if "tokens_per_s" in work else NONE,
        memory=f"{int(str(peak)) / 2**20:,.0f} MiB" if peak else NONE,
        attempts=str(len(tried)),
        cause="; ".join(f"attempt {one.number}: {one.status}, {one.cause}" for one in tried if one.cause),
        run=shown.run,
        environment=place,
    )


def facts(record: Record) -> Iterable[tuple[str, str]]:
    """Digests and versions; machines are told run by run."""
    frozen = record.state.frozen
    yield "study frozen", record.state.frozen_at
    yield "plan", f"sha256:{record.plan.digest}"
    for name, value in part(frozen, "files").items():
        yield f"file {name}", f"sha256:{value}"
    yield "ledger", f"{record.state.events} events, head sha256:{record.head}"
    code = part(frozen, "runner").get("code")
    yield "runner", f"{describe_runner(record.study.runner)}, code sha256:{code}"
    yield "commit of the spec", str(frozen.get("commit") or "not in version control")
    yield "promo", f"{frozen.get('promo')} ran it, {record.promo} made this report"
    for name, value in (record.state.data or {}).items():
        yield f"text, {name}", str(value)
    for name, value in part(frozen, "replay").items():
        yield f"curves, {name}", str(value)
