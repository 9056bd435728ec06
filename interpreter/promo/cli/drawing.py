"""A study at one moment to a drawing for a terminal."""

from collections.abc import Iterable, Mapping

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from promo.cli.seen import Seen, head_words
from promo.cli.terminal import expanded
from promo.ledger.state import Attempt
from promo.plans.values import Plan
from promo.report.plan import amount_text
from promo.report.progress import (
    DeciderProgress,
    HostProgress,
    Phase,
    StageProgress,
    badly_words,
    host_words,
)
from promo.report.words import number, span_text
from promo.study.values import Study

BAR = 16
ABOVE, SMALL = 3, 16
"""Rows for the last lines above the table, in a terminal that is not smaller than this."""
MOST_ROWS = 12
"""Stages, gates and running attempts beyond this many are counted instead of listed."""


def fitted(seen: Seen, study: Study, plan: Plan, console: Console) -> list[list[Segment]]:
    """The drawing in lines, fewer than a terminal has: of stages, gates and runs as many as have room."""
    high = console.size.height
    most = high - 1 - (ABOVE if high >= SMALL else 0)
    lines: list[list[Segment]] = []
    for rows in range(MOST_ROWS, 0, -1):
        lines = [_trimmed(line) for line in console.render_lines(drawing(seen, study, plan, rows), pad=False)]
        if len(lines) <= most:
            break
    return lines[:most]


def _trimmed(line: list[Segment]) -> list[Segment]:
    """A line without the blanks at its end, which some terminals break when they get narrower and others do not."""
    while line and not line[-1].text.strip() and not line[-1].control:
        line = line[:-1]
    return [*line[:-1], Segment(line[-1].text.rstrip(), line[-1].style)] if line else []


def drawing(seen: Seen, study: Study, plan: Plan, rows: int) -> RenderableType:
    """
    A study for a terminal: the whole, its stages, its gates, and what runs on each host.

    Args:
        seen: the study at one moment.
        study: what is declared.
        plan: its runs.
        rows: of stages, of gates and rules, and of running attempts, each at most; the others are counted.
    """
    progress = seen.progress
    first, *more = head_words(seen, plan)
    parts: list[RenderableType] = [
        as_shown(first),
        as_shown("; ".join(more)),
        _stages(progress.stages, plan, rows, replay=progress.replay),
    ]
    if progress.deciders:
        parts.append(_deciders(progress.deciders, rows))
    parts.append(_hosts(progress.hosts, seen, study, rows))
    return Group(*parts)


def _stages(stages: tuple[StageProgress, ...], plan: Plan, rows: int, *, replay: bool) -> RenderableType:
    table = _grid()
    shown = [stage for stage in stages if stage.phase is Phase.OPEN] if len(stages) > rows else list(stages)
    for stage in shown[:rows]:
        bar = ProgressBar(total=max(stage.runs, 1), completed=stage.done, width=BAR)
        running = f"{stage.running} running" if stage.running else ""
        ended = "ended" if stage.phase is Phase.CLOSED else ""
        note = ", ".join(filter(None, [stage.note, ended, running, badly_words(stage)]))
        amount = amount_text(stage.spent_s, plan)
        spent = f"{amount} recorded" if replay else f"{amount} of {amount_text(stage.budget_s, plan)}"
        cells: list[RenderableType] = [
            as_shown("stage", "dim"),
            as_shown(stage.name),
            bar,
            as_shown(f"{stage.done}/{stage.runs}"),
            as_shown(spent),
        ]
        table.add_row(*cells, as_shown(note, style="dim"))
    if len(shown) < len(stages) or len(shown) > rows:
        counts = {phase: sum(stage.phase is phase for stage in stages) for phase in Phase}
        words = f"{counts[Phase.CLOSED]} stages ended, {counts[Phase.OPEN]} open, {counts[Phase.WAITS]} wait"
        return _counted(table, words)
    return table


def _counted(table: Table, words: str) -> RenderableType:
    """A table, and what of it is only counted, below it."""
    return Group(table, Padding(as_shown(words, style="dim"), (0, 0, 0, 7)))


def _deciders(deciders: tuple[DeciderProgress, ...], rows: int) -> RenderableType:
    table = _grid()
    waiting = [one for one in deciders if not one.decided]
    shown = waiting if len(deciders) > rows else list(deciders)
    for one in shown[:rows]:
        table.add_row(as_shown(one.kind, "dim"), as_shown(one.name), as_shown(one.words, "" if one.decided else "dim"))
    if len(shown) < len(deciders) or len(shown) > rows:
        words = f"{len(deciders) - len(waiting)} of {len(deciders)} gates and rules have decided"
        return _counted(table, words)
    return table


def _hosts(hosts: tuple[HostProgress, ...], seen: Seen, study: Study, rows: int) -> RenderableType:
    table, running = _grid(), 0
    for host in hosts:
        if not host.running and not host.left and len(hosts) > 1:
            continue
        table.add_row(as_shown("host", "dim"), as_shown(host.name), as_shown(host_words(host)))
        for attempt in host.running:
            running += 1
            if running <= rows:
                table.add_row("", *_attempt(attempt, seen, study))
    if running > rows:
        return _counted(table, f"and {running - rows} more")
    return table


def _attempt(attempt: Attempt, seen: Seen, study: Study) -> Iterable[RenderableType]:
    """A running attempt: what it is, how far it has come, and the last value of the metric."""
    again = f", attempt {attempt.number}" if attempt.number > 1 else ""
    yield as_shown(f"{attempt.stage}: {seen.call(attempt.candidate)}, seed {attempt.seed}{again}")
    point = seen.points[attempt.folder]
    if "charged_s" not in point:  # a program need not say it, and has said nothing at first
        yield as_shown(_value(point, study.measure.metric), style="dim")
        return
    cap_s, trained = study.stages[attempt.stage].budget.cap_s, float(seen.reported[attempt.folder])
    yield ProgressBar(total=cap_s, completed=trained, width=BAR)
    yield as_shown(f"{span_text(trained)} of {span_text(cap_s)}")
    yield as_shown(_value(point, study.measure.metric), style="dim")


def _value(point: Mapping[str, str], metric: str) -> str:
    """The newest value of the study's metric, or that there is none yet; what else a run measures decides nothing."""
    if metric not in point:
        return f"no {metric} yet"
    try:
        return f"{metric} {number(str(point[metric]))}"
    except ValueError:  # not a finite number
        return f"{metric} {expanded(str(point[metric]))}"


def as_shown(words: str, style: str = "") -> Text:
    """Words as they may be put out."""
    return Text(expanded(words), style)


def _grid() -> Table:
    return Table.grid(padding=(0, 2))
