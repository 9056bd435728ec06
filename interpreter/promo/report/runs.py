"""Rows about single runs, and the facts it takes to derive a report again."""

from collections.abc import Iterable, Mapping

from promo.base.canonical import Json, from_exact, rounded
from promo.ledger.state import Attempt, AttemptState
from promo.report.record import Record, part
from promo.report.values import RunView
from promo.report.words import NONE, number
from promo.run.values import Result
from promo.spec.describe import describe_runner


def run_rows(record: Record) -> Iterable[RunView]:
    """Every run that was tried, stage by stage."""
    colours = {name: index for index, name in enumerate(record.candidates)}
    for stage in record.plan.stages:
        for run in sorted(stage.runs, key=lambda one: (colours[one.candidate], one.host, one.seed)):
            tried = record.state.attempts.get(run.id)
            if tried and tried[0].stage == stage.name:  # a run that two stages share is listed where it was made
                shown = record.state.accepted(run.id) or tried[-1]
                result = record.results.get((run.id, shown.number))
                yield _row(record, colours[run.candidate], shown, tried, result)


def _row(record: Record, colour: int, shown: Attempt, tried: list[Attempt], result: Result | None) -> RunView:
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
    )


def facts(record: Record) -> Iterable[tuple[str, str]]:
    """Digests, versions and machine."""
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
    first = next((result for result in record.results.values() if result.details), None)
    for group in ("machine", "device", "software") if first else ():
        for name, value in part(first.details if first else {}, group).items():
            yield f"{group}, {name}", _flat(value)


def _flat(value: Json) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_flat(inner)}" for name, inner in value.items() if inner not in (None, [], {}))
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return str(value)
