"""What a user sees on a terminal while a study runs: a live table.  Nothing else imports `rich`, which draws it."""

import sys
import time
from io import TextIOWrapper
from pathlib import Path

from rich.console import Console
from rich.segment import Segment, Segments
from rich.text import Text

from promo.cli.drawing import as_shown, fitted
from promo.cli.live import Quiet, ended_words
from promo.cli.seen import look
from promo.cli.terminal import expanded
from promo.decision.values import Decision
from promo.ledger.state import State
from promo.plans.values import Plan
from promo.report.decided import decision_words
from promo.run.execute import Progress
from promo.run.values import RunStatus
from promo.study.values import Study

REDRAW_S = 0.5
SHARE = 20
"""A display may take one part in so many of the time; drawing a study of 10,000 runs takes a while."""


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
