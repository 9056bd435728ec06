"""What a user sees while a study runs: a live table on a terminal, one line per event elsewhere."""

import sys
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from io import TextIOWrapper
from pathlib import Path

from attrs import frozen
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from promo.base.canonical import from_exact, parse_json
from promo.base.codec import from_json
from promo.base.reading import open_plain
from promo.cli.terminal import expanded, put
from promo.decision.agenda import Agenda
from promo.decision.counts import Count, Counts
from promo.decision.values import Decision
from promo.ledger.state import Attempt, State
from promo.plan.values import Plan, PlannedRun
from promo.report.changed import beside, changes
from promo.report.decided import decision_words
from promo.report.money import money_words
from promo.report.plan import amount_text
from promo.report.progress import (
    DeciderProgress,
    HostProgress,
    Phase,
    StageProgress,
    StudyProgress,
    badly_words,
    build_progress,
    count_words,
    end_words,
    host_words,
    reported_s,
    spent_words,
)
from promo.report.words import number, span_text
from promo.run.clock import SystemClock
from promo.run.execute import Progress
from promo.run.outside import EXECUTOR as OUTSIDE
from promo.run.store import POINTS
from promo.run.values import Point, RunStatus
from promo.study.values import Study

REDRAW_S = 0.5
SHARE = 20
"""A display may take one part in so many of the time; drawing a study of 10,000 runs takes a while."""
LINE_S = 30.0
"""Seconds between two lines of a log about the whole, while runs end; without an end, ten times as long."""
BAR = 24
MOST_ROWS = 12
"""Stages, gates and running attempts beyond this many are counted instead of listed."""
CLOCK_NAMES = ("step", "tokens", "charged_s")


class Quiet:
    """Says nothing."""

    def begin(self, study: Study, plan: Plan, state: State) -> None:
        """Remember what is run, and what candidates are called."""
        self.study, self.plan = study, plan
        self.changed = changes(study, dict.fromkeys(run.candidate for stage in plan.stages for run in stage.runs))

    def _name(self, run: PlannedRun) -> str:
        """A run in a line: its stage, its candidate with what changed, its host and seed."""
        called = beside(run.candidate, self.changed[run.candidate])
        return f"{run.stage}: {called} on {run.host}, seed {run.seed}"

    def say(self, words: str) -> None:
        """Nothing."""

    def progress(self, progress: Progress, state: State) -> None:
        """Nothing."""

    def tick(self, state: State) -> None:
        """Nothing."""

    def decided(self, decision: Decision) -> None:
        """Nothing."""

    def end(self, state: State) -> None:
        """Nothing."""


class Lines(Quiet):
    """One line per event, for logs, and now and then one about the whole."""

    def __init__(self, folder: Path, here: str | None = None, *, recorded: bool = False) -> None:
        """*here*: the one host whose runs are carried out; None for all.  *recorded*: nothing is trained."""
        self.folder, self.here, self.recorded = folder, here, recorded
        self.told, self.told_done = 0.0, -1

    def say(self, words: str) -> None:
        """A line."""
        put(f"{time.strftime('%H:%M:%S')}  {expanded(words)}")
        sys.stdout.flush()

    def begin(self, study: Study, plan: Plan, state: State) -> None:
        """What is run, and how much of it is done."""
        super().begin(study, plan, state)
        self.counts = Counts(Agenda(study, plan))
        self.say(f"{study.name}: {self._count(state)}")
        self._whole(state)

    def progress(self, progress: Progress, state: State) -> None:
        """An attempt began or ended."""
        name = self._name(progress.task.run)
        if progress.result is None and progress.task.recorded is None:
            outside = self.study.hosts[progress.task.run.host].executor == OUTSIDE
            self.say(f"{name}: {'asked for outside' if outside else 'started'}")
        elif progress.result is not None:
            self.say(f"{name}: {ended_words(progress, self.study)} ({self._count(state)})")

    def tick(self, state: State) -> None:
        """A line about the whole when the last one is old."""
        age, done = time.monotonic() - self.told, self.counts.study(state).done
        if age > LINE_S and (done != self.told_done or age > 10 * LINE_S):
            self._whole(state)

    def decided(self, decision: Decision) -> None:
        """A gate or rule has decided."""
        self.say(decision_words(decision, self.study))

    def _count(self, state: State) -> str:
        return count_words(self.counts.study(state))

    def _whole(self, state: State) -> None:
        self.told, self.told_done = time.monotonic(), self.counts.study(state).done
        seen = look(self.study, self.plan, state, self.folder, self.here, recorded=self.recorded)
        for words in whole_lines(seen, self.plan):
            self.say(words)


class Screen(Quiet):
    """A table that follows the study, with finished decisions above it."""

    def __init__(self, folder: Path, here: str | None = None, *, recorded: bool = False) -> None:
        """*here*: the one host whose runs are carried out; None for all.  *recorded*: nothing is trained."""
        self.folder, self.here, self.recorded = folder, here, recorded
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that knows fewer letters than a title has
        self.console = Console()
        self.live = Live(console=self.console, auto_refresh=False, transient=True, vertical_overflow="crop")
        self.next_draw = 0.0

    def begin(self, study: Study, plan: Plan, state: State) -> None:
        """Open the display."""
        super().begin(study, plan, state)
        self.console.print(Text.assemble((study.name, "bold"), "  ", expanded(study.title)))
        self.live.start()
        self.draw(state)

    def say(self, words: str) -> None:
        """A line above the table."""
        self.live.console.print(as_shown(words, style="dim"))

    def progress(self, progress: Progress, state: State) -> None:
        """Failures are worth a line; the table shows the rest."""
        if progress.result is not None and progress.result.status is not RunStatus.OK:
            name = self._name(progress.task.run)
            words = f"{name}: {ended_words(progress, self.study)}"
            self.live.console.print(as_shown(words, style="red"))
        self.tick(state)

    def tick(self, state: State) -> None:
        """Redraw twice a second, or less often where drawing takes long."""
        if time.monotonic() >= self.next_draw:
            self.draw(state)

    def decided(self, decision: Decision) -> None:
        """A line above the table."""
        self.live.console.print(as_shown(decision_words(decision, self.study), style="bold"))

    def end(self, state: State) -> None:
        """Close the display."""
        self.draw(state)
        self.live.stop()

    def draw(self, state: State) -> None:
        """Draw the study as it is now."""
        began = time.monotonic()
        seen = look(self.study, self.plan, state, self.folder, self.here, recorded=self.recorded)
        self.live.update(drawing(seen, self.study, self.plan), refresh=True)
        ended = time.monotonic()
        self.next_draw = ended + max(REDRAW_S, SHARE * (ended - began))


@frozen
class Seen:
    """A study at one moment: its progress, and what its running attempts have reported."""

    progress: StudyProgress
    points: Mapping[str, Mapping[str, str]]
    """Folder of a running attempt -> its last point."""
    reported: Mapping[str, Fraction]
    """Folder of a running attempt -> training seconds that it has spent of its budget."""
    ends_at: str
    """The local clock at the expected end."""
    paid: str
    """What it has cost, in words; empty where nothing has a price."""


def look(
    study: Study, plan: Plan, state: State, folder: Path, here: str | None = None, *, recorded: bool = False
) -> Seen:
    """Where a study stands now, by its ledger and by what its running attempts have reported."""
    running = state.running()
    points = {one.folder: last_point(folder / one.folder / POINTS) for one in running}
    reported = {one.folder: reported_s(study, state, one, _charged(points[one.folder])) for one in running}
    now = SystemClock().now()
    progress = build_progress(study, plan, state, now, reported=reported, here=here, recorded=recorded)
    ends_at = "" if progress.left_s is None else clock_text(progress.left_s)
    return Seen(progress, points, reported, ends_at, "" if recorded else money_words(study, state))


def clock_text(seconds: float) -> str:
    """What the clock here will show in so many seconds; with the day when that is another one."""
    now = datetime.now().astimezone()
    then = now + timedelta(seconds=seconds)
    return then.strftime("%H:%M" if then.date() == now.date() else "%a %d %b, %H:%M")


def whole_lines(seen: Seen, plan: Plan) -> Iterable[str]:
    """A study in lines for a log: how much is done, what runs where, when it may end."""
    progress = seen.progress
    yield "; ".join(_head(seen, plan))
    busy = [f"{host.name}: {host_words(host)}" for host in progress.hosts if host.running or host.left]
    if busy:
        yield "; ".join(busy)


def _head(seen: Seen, plan: Plan) -> tuple[str, ...]:
    """How much is done, what it took, and when it may end."""
    trained, taken = spent_words(seen.progress, plan)
    end = end_words(seen.progress, seen.ends_at)
    counted = count_words(Count(seen.progress.done, seen.progress.runs))
    return (f"{counted}; {trained}", taken, *(words for words in (seen.paid, end) if words))


def drawing(seen: Seen, study: Study, plan: Plan) -> RenderableType:
    """A study for a terminal: the whole, its stages, its gates, and what runs on each host."""
    progress = seen.progress
    first, *more = _head(seen, plan)
    parts: list[RenderableType] = [
        as_shown(first),
        as_shown("; ".join(more)),
        _stages(progress.stages, plan, replay=progress.replay),
    ]
    if progress.deciders:
        parts.append(_deciders(progress.deciders))
    parts.append(_hosts(progress.hosts, seen, study))
    return Group(*parts)


def _stages(stages: tuple[StageProgress, ...], plan: Plan, *, replay: bool) -> Table:
    table = _grid()
    shown = [stage for stage in stages if stage.phase is Phase.OPEN] if len(stages) > MOST_ROWS else list(stages)
    for stage in shown[:MOST_ROWS]:
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
    if len(shown) < len(stages) or len(shown) > MOST_ROWS:
        counts = {phase: sum(stage.phase is phase for stage in stages) for phase in Phase}
        words = f"{counts[Phase.CLOSED]} stages ended, {counts[Phase.OPEN]} open, {counts[Phase.WAITS]} wait"
        table.add_row("", as_shown(words, style="dim"))
    return table


def _deciders(deciders: tuple[DeciderProgress, ...]) -> Table:
    table = _grid()
    waiting = [one for one in deciders if not one.decided]
    shown = waiting if len(deciders) > MOST_ROWS else list(deciders)
    for one in shown[:MOST_ROWS]:
        table.add_row(as_shown(one.kind, "dim"), as_shown(one.name), as_shown(one.words, "" if one.decided else "dim"))
    if len(shown) < len(deciders) or len(shown) > MOST_ROWS:
        words = f"{len(deciders) - len(waiting)} of {len(deciders)} gates and rules have decided"
        table.add_row("", as_shown(words, style="dim"))
    return table


def _hosts(hosts: tuple[HostProgress, ...], seen: Seen, study: Study) -> Table:
    table = _grid()
    rows = 0
    for host in hosts:
        if not host.running and not host.left and len(hosts) > 1:
            continue
        table.add_row(as_shown("host", "dim"), as_shown(host.name), as_shown(host_words(host)))
        for attempt in host.running:
            rows += 1
            if rows <= MOST_ROWS:
                table.add_row("", *_attempt(attempt, seen, study))
    if rows > MOST_ROWS:
        table.add_row("", as_shown(f"and {rows - MOST_ROWS} more", style="dim"))
    return table


def _attempt(attempt: Attempt, seen: Seen, study: Study) -> Iterable[RenderableType]:
    """A running attempt: what it is, how far it has come, and the last value it has reported."""
    again = f", attempt {attempt.number}" if attempt.number > 1 else ""
    yield as_shown(f"{attempt.stage}: {attempt.candidate}, seed {attempt.seed}{again}")
    point = seen.points[attempt.folder]
    if not point:
        yield as_shown("starting", style="dim")
        return
    cap_s, trained = study.stages[attempt.stage].budget.cap_s, float(seen.reported[attempt.folder])
    yield ProgressBar(total=cap_s, completed=trained, width=BAR)
    yield as_shown(f"{span_text(trained)} of {span_text(cap_s)}")
    value = _value(point, study.measure.metric)
    yield as_shown(value or "", style="dim")


def _value(point: Mapping[str, str], metric: str) -> str | None:
    """The newest value of a running attempt: the study's metric, or else what else it measures."""
    names = [metric, *(name for name in sorted(point) if name not in CLOCK_NAMES)]
    for name in names:
        if name in point:
            try:
                return f"{name} {number(str(point[name]))}"
            except ValueError:  # not a finite number
                return f"{name} {expanded(str(point[name]))}"
    return None


def as_shown(words: str, style: str = "") -> Text:
    """Words as they may be put out."""
    return Text(expanded(words), style)


def _grid() -> Table:
    return Table.grid(padding=(0, 2))


def _charged(point: Mapping[str, str]) -> Fraction:
    try:
        return from_exact(str(point.get("charged_s", "0")))
    except ValueError:
        return Fraction(0)


def ended_words(progress: Progress, study: Study) -> str:
    """How an attempt ended, in words."""
    result = progress.result
    assert result is not None
    if result.status is not RunStatus.OK:
        return f"{result.status.value}: {result.cause}"
    value = number(result.metrics.get(study.measure.metric))
    if "train" not in result.seconds:  # read from a table without a clock
        return f"{value} {study.measure.unit}"
    return f"{value} {study.measure.unit} after {float(result.charged_s):.1f} s of training"


def last_point(path: Path) -> Mapping[str, str]:
    """Figures of the last measured point of a running attempt; none while there is none, or none whole."""
    try:
        with open_plain(path) as file:
            file.seek(0, 2)
            file.seek(max(file.tell() - 2048, 0))
            lines = file.read().splitlines()
    except OSError:
        return {}
    for line in reversed(lines):
        try:
            return from_json(Point, parse_json(line)).figures
        except ValueError:
            continue
    return {}
