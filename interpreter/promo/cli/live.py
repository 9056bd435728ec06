"""What a user sees while a study runs: a live table on a terminal, one line per event elsewhere."""

import json
import sys
import time
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from promo.decision.values import Decision, GateDecision, ReduceDecision, StepDecision
from promo.ledger.state import AttemptState, State
from promo.plan.values import Plan
from promo.report.words import gate_result, number, reduction_result, rule_result, span_text, step_result
from promo.run.execute import Progress
from promo.run.store import POINTS
from promo.run.values import RunStatus
from promo.spec.values import Study


class Quiet:
    """Says nothing."""

    def begin(self, study: Study, plan: Plan, state: State) -> None:
        """Remember what is run."""
        self.study, self.plan = study, plan

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
    """One line per event, for logs."""

    def say(self, words: str) -> None:
        """A line."""
        sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {words}\n")
        sys.stdout.flush()

    def begin(self, study: Study, plan: Plan, state: State) -> None:
        """What is run, and how much of it is done."""
        super().begin(study, plan, state)
        done = _accepted(state)
        self.say(f"{study.name}: {plan.run_count.planned} runs planned, {done} done")

    def progress(self, progress: Progress, state: State) -> None:
        """An attempt began or ended."""
        run = progress.task.run
        name = f"{run.stage}: {run.candidate} on {run.host}, seed {run.seed}"
        if progress.result is None and progress.task.recorded is None:
            self.say(f"{name}: started")
        elif progress.result is not None:
            count = f"{_accepted(state)} of {self.plan.run_count.planned} runs"
            self.say(f"{name}: {ended_words(progress, self.study)} ({count})")

    def decided(self, decision: Decision) -> None:
        """A gate or rule has decided."""
        self.say(decision_words(decision, self.study))


class Screen(Quiet):
    """A table that follows the study, with finished decisions above it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.console = Console()
        self.live = Live(console=self.console, refresh_per_second=4, transient=True)
        self.began = time.monotonic()
        self.drawn = 0.0

    def begin(self, study: Study, plan: Plan, state: State) -> None:
        """Open the display."""
        super().begin(study, plan, state)
        self.console.print(Text.assemble((study.name, "bold"), "  ", study.title))
        self.live.start()
        self._draw(state)

    def say(self, words: str) -> None:
        """A line above the table."""
        self.live.console.print(Text(words, style="dim"))

    def progress(self, progress: Progress, state: State) -> None:
        """Failures are worth a line; the table shows the rest."""
        if progress.result is not None and progress.result.status is not RunStatus.OK:
            run = progress.task.run
            name = f"{run.stage}: {run.candidate} on {run.host}, seed {run.seed}"
            self.live.console.print(Text(f"{name}: {ended_words(progress, self.study)}", style="red"))
        self._draw(state)

    def tick(self, state: State) -> None:
        """Redraw twice a second."""
        if time.monotonic() - self.drawn > 0.5:
            self._draw(state)

    def decided(self, decision: Decision) -> None:
        """A line above the table."""
        self.live.console.print(Text(decision_words(decision, self.study), style="bold"))

    def end(self, state: State) -> None:
        """Close the display."""
        self._draw(state)
        self.live.stop()

    def _draw(self, state: State) -> None:
        self.drawn = time.monotonic()
        self.live.update(Group(self._stages(state), self._running(state), self._foot(state)), refresh=True)

    def _stages(self, state: State) -> Table:
        table = Table.grid(padding=(0, 2))
        for stage in self.plan.stages:
            ids = {run.id for run in stage.runs}
            done = sum(state.accepted(run) is not None for run in ids)
            planned = stage.run_count.planned
            if stage.name in state.opened:
                planned = len(state.opened[stage.name]) * len(stage.hosts) * len(stage.seeds)
            note = "" if stage.name in state.opened else f"after {stage.after}" if stage.after else ""
            mark = "✓" if stage.name in state.closed else " "
            bar = ProgressBar(total=max(planned, 1), completed=done, width=24)
            table.add_row(mark, stage.name, bar, f"{done}/{planned}", Text(note, style="dim"))
        return table

    def _running(self, state: State) -> Table:
        table = Table.grid(padding=(0, 2))
        for attempt in state.running():
            stage = self.study.stages[attempt.stage]
            point = _last_point(self.folder / attempt.folder / POINTS)
            trained = float(point.get("charged_s", 0.0))
            value = point.get("train_bpb")
            table.add_row(
                Text("  running", style="dim"),
                f"{attempt.candidate} on {attempt.host}, seed {attempt.seed}",
                f"{trained:.1f} of {stage.budget.cap_s} s" if point else "starting",
                f"{float(value):.3f} {self.study.measure.unit} (training)" if value else "",
            )
        return table

    def _foot(self, state: State) -> Text:
        spent = spent_s(state)
        elapsed = time.monotonic() - self.began
        return Text(f"  {span_text(elapsed)} elapsed; {span_text(spent)} of device time, all phases", style="dim")


def spent_s(state: State) -> float:
    """Device seconds of all ended attempts, all phases."""
    return sum(float(attempt.device_s or 0) for tried in state.attempts.values() for attempt in tried)


def _accepted(state: State) -> int:
    return sum(any(attempt.state is AttemptState.ACCEPTED for attempt in tried) for tried in state.attempts.values())


def ended_words(progress: Progress, study: Study) -> str:
    """How an attempt ended, in words."""
    result = progress.result
    assert result is not None
    if result.status is not RunStatus.OK:
        return f"{result.status.value}: {result.cause}"
    value = number(result.metrics.get(study.measure.metric))
    return f"{value} {study.measure.unit} after {float(result.charged_s):.1f} s of training"


def decision_words(decision: Decision, study: Study) -> str:
    """A decision as one line."""
    if isinstance(decision, GateDecision):
        return gate_result(decision)
    if isinstance(decision, StepDecision):
        return step_result(decision)
    if isinstance(decision, ReduceDecision):
        return reduction_result(decision)
    return rule_result(decision, study.rules[decision.rule], study)


def _last_point(path: Path) -> dict[str, str]:
    """The last measured point of a running attempt; none yet, or none whole, is an empty one."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(file.tell() - 2048, 0))
            lines = file.read().splitlines()
    except OSError:
        return {}
    for line in reversed(lines):
        try:
            point = json.loads(line)
        except ValueError:
            continue
        if isinstance(point, dict) and "train_bpb" in point:
            return point
    return {}
