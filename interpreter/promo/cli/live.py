"""What a user sees while a study runs: a live table on a terminal, one line per event elsewhere."""

import sys
import time
from io import TextIOWrapper
from pathlib import Path

from rich.console import Console
from rich.segment import Segment, Segments
from rich.text import Text

from promo.cli.drawing import as_shown, fitted, look, whole_lines
from promo.cli.terminal import expanded, put
from promo.decision.agenda import Agenda
from promo.decision.counts import Counts
from promo.decision.values import Decision
from promo.ledger.state import State
from promo.plans.values import Plan, PlannedRun
from promo.report.changed import called
from promo.report.decided import decision_words
from promo.report.progress import count_words
from promo.report.words import number
from promo.run.execute import Progress
from promo.run.outside import EXECUTOR as OUTSIDE
from promo.run.values import RunStatus
from promo.study.values import Study

REDRAW_S = 0.5
SHARE = 20
"""A display may take one part in so many of the time; drawing a study of 10,000 runs takes a while."""
LINE_S = 30.0
"""Seconds between two lines of a log about the whole, while runs end; without an end, ten times as long."""


class Quiet:
    """Says nothing."""

    def begin(self, study: Study, plan: Plan, state: State) -> None:
        """Remember what is run, and what candidates are called."""
        self.study, self.plan = study, plan
        self.called = called(study, plan)

    def _name(self, run: PlannedRun) -> str:
        """A run in a line: its stage, its candidate with what changed, its host and seed."""
        return f"{run.stage}: {self.called[run.candidate]} on {run.host}, seed {run.seed}"

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
        self.say(decision_words(decision, self.study, self.called.__getitem__))

    def _count(self, state: State) -> str:
        return count_words(self.counts.study(state))

    def _whole(self, state: State) -> None:
        self.told, self.told_done = time.monotonic(), self.counts.study(state).done
        seen = look(self.study, self.plan, state, self.folder, self.here, recorded=self.recorded)
        for words in whole_lines(seen, self.plan):
            self.say(words)


class Screen(Quiet):
    """
    A table that follows the study, with finished decisions above it.

    It takes fewer rows than the terminal has.  Before each drawing the last one is erased, as many rows as it takes at
    the width that the terminal has by then: a terminal that was made narrower has broken its lines.
    """

    def __init__(self, folder: Path, here: str | None = None, *, recorded: bool = False) -> None:
        """*here*: the one host whose runs are carried out; None for all.  *recorded*: nothing is trained."""
        self.folder, self.here, self.recorded = folder, here, recorded
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that knows fewer letters than a title has
        self.console = Console()
        self.next_draw = 0.0
        self.lines: list[list[Segment]] = []
        """What is drawn now."""

    def begin(self, study: Study, plan: Plan, state: State) -> None:
        """Open the display."""
        super().begin(study, plan, state)
        self.console.print(Text.assemble((study.name, "bold"), "  ", expanded(study.title)))
        self.console.show_cursor(show=False)
        self.draw(state)

    def say(self, words: str) -> None:
        """A line above the table."""
        self._above(as_shown(words, style="dim"))

    def progress(self, progress: Progress, state: State) -> None:
        """Failures are worth a line; the table shows the rest."""
        if progress.result is not None and progress.result.status is not RunStatus.OK:
            name = self._name(progress.task.run)
            self._above(as_shown(f"{name}: {ended_words(progress, self.study)}", style="red"))
        self.tick(state)

    def tick(self, state: State) -> None:
        """Redraw twice a second, or less often where drawing takes long."""
        if time.monotonic() >= self.next_draw:
            self.draw(state)

    def decided(self, decision: Decision) -> None:
        """A line above the table."""
        self._above(as_shown(decision_words(decision, self.study, self.called.__getitem__), style="bold"))

    def end(self, state: State) -> None:
        """Close the display."""
        self.draw(state)
        self.close()

    def close(self) -> None:
        """Take the table away."""
        self._erase()
        self.lines = []
        self.console.show_cursor()

    def draw(self, state: State) -> None:
        """Draw the study as it is now."""
        began = time.monotonic()
        seen = look(self.study, self.plan, state, self.folder, self.here, recorded=self.recorded)
        self._erase()
        self.lines = fitted(seen, self.study, self.plan, self.console)
        self._put()
        ended = time.monotonic()
        self.next_draw = ended + max(REDRAW_S, SHARE * (ended - began))

    def _above(self, words: Text) -> None:
        """A line that stays, above the table."""
        self._erase()
        self.console.print(words)
        self._put()

    def _put(self) -> None:
        if not self.console.is_dumb_terminal:
            self.console.print(Segments([one for line in self.lines for one in (*line, Segment.line())]), end="")

    def _erase(self) -> None:
        """Erase what is drawn, of which no more than the terminal has rows can be reached."""
        if not self.lines or self.console.is_dumb_terminal:
            return
        wide, high = self.console.size
        rows = sum(max(-(-Segment.get_line_length(line) // wide), 1) for line in self.lines)
        self.console.file.write(f"\r\x1b[{min(rows, high - 1)}A\x1b[J")


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
