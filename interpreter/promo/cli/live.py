"""What a user sees while a study runs where there is no terminal: one line per event, or nothing."""

import sys
import time
from pathlib import Path

from promo.cli.seen import look, whole_lines
from promo.cli.terminal import expanded, put
from promo.decision.agenda import Agenda
from promo.decision.counts import Counts
from promo.decision.values import Decision
from promo.ledger.state import State
from promo.plans.values import Plan, PlannedRun
from promo.report.changed import called
from promo.report.decided import decision_words
from promo.report.progress import count_words
from promo.report.words import number, value_text
from promo.run.execute import Progress
from promo.run.outside import EXECUTOR as OUTSIDE
from promo.run.values import RunStatus
from promo.study.values import Study

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


def ended_words(progress: Progress, study: Study) -> str:
    """How an attempt ended, in words."""
    result = progress.result
    assert result is not None
    if result.status is not RunStatus.OK:
        return f"{result.status.value}: {result.cause}"
    measure = study.measure
    shown = value_text(number(result.metrics.get(measure.metric)), measure.metric, measure.unit)
    if "train" not in result.seconds:  # read from a table without a clock
        return shown
    return f"{shown} after {float(result.charged_s):.1f} s of training"
