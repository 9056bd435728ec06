"""
What a trainer gets and gives: the runner contract, version 2.

The worker process imports the function that the request names as `trainer` and calls it with the `Request` and a
`Recorder`.  The trainer opens phases, reports points while it trains, and returns an `Outcome`.  Paths in a request
begin at the study's folder, which the recorder knows.  Nothing here imports torch.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from promo.base.canonical import Json, canonical
from promo.base.classes import field, frozen
from promo.base.codec import from_json, to_json
from promo.run.values import TRAIN, Point, Request, RunStatus, Segment, Used, Work

Trainer = Callable[["Request", "Recorder"], "Outcome"]


@frozen
class Outcome:
    """
    What a trainer found: metrics as floats, what it did, the states it kept, and details of its own.

    *used* says how much of the budget was used and who counted; a run that missed its budget is invalid.  None where
    nobody knows.  *segments* say what was done in each shape of a run that was asked to change it.  *details* are JSON
    whose numbers are whole or text; nothing is decided by them.
    """

    status: RunStatus
    metrics: Mapping[str, float]
    details: Mapping[str, Json] = field(factory=dict)
    cause: str = ""
    used: Used | None = None
    work: Work = field(factory=Work)
    segments: tuple[Segment, ...] = ()
    checkpoint: str | None = None
    trunk: str | None = None
    contention: str | None = None
    device: Mapping[str, Json] = field(factory=dict)
    peak_device_bytes: int | None = None


class Recorder:
    """Phases and points of one attempt, and where it and its study lie."""

    def __init__(self, points: IO[str], began: float, study: Path, attempt: Path) -> None:
        """*began*: monotonic time at which the process was started; *attempt*: its folder, below that of the study."""
        self._points = points
        self._began = began
        self.study, self.attempt = study, attempt
        self.seconds: dict[str, float] = {}
        self.marked = False
        """Whether the trainer marked what is training."""
        self.cpu_s = 0.0
        """Processor seconds of what it marked."""
        self.last: Point | None = None
        """The last point that it reported."""

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time spent inside counts as this phase; a phase may be entered again."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.add(name, time.monotonic() - start)

    @contextmanager
    def training(self) -> Iterator[None]:
        """
        What is spent inside is training, and charged to the budget; a function that marks nothing is charged whole.

        May be entered again, and not inside of itself.
        """
        began = time.process_time()
        self.marked = True
        with self.phase(TRAIN):
            yield
        self.cpu_s += time.process_time() - began

    def add(self, name: str, seconds: float) -> None:
        """Count seconds as a phase."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def point(
        self,
        /,
        step: int | None = None,
        tokens: int | None = None,
        charged_s: float | str | None = None,
        **metrics: float | str,
    ) -> None:
        """
        Record a measured point; a metric that is not finite is left out.

        Args:
            step: optimizer steps so far, a whole number.
            tokens: tokens trained on so far, a whole number.
            charged_s: training seconds so far.
            metrics: the runner's metrics, and `train_` with the end of a metric's name for a training loss.

        Raises:
            ValueError: a count is no whole number from 0, or the seconds are negative or not finite.
        """
        values = {name: repr(float(value)) for name, value in metrics.items() if math.isfinite(float(value))}
        seconds = None if charged_s is None else repr(float(charged_s))
        try:
            self.last = from_json(Point, to_json(Point(step, tokens, seconds, values)))
        except ValueError as fault:
            raise ValueError(f"no point: {fault}") from fault
        self._points.write(canonical(to_json(self.last)).decode() + "\n")
        self._points.flush()

    def total(self) -> float:
        """Seconds since the process was started."""
        return time.monotonic() - self._began


def seconds_as_text(seconds: Mapping[str, float]) -> dict[str, str]:
    """Seconds to the microsecond, as exact text."""
    return {name: f"{value:.6f}" for name, value in seconds.items()}
