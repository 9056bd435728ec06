"""
What a trainer gets and gives: the runner contract, version 1.

The worker process imports the function that the request names as `trainer` and calls it with the request and a
`Recorder`.  The trainer opens phases, reports points while it trains, and returns an `Outcome`.  Nothing here imports
torch.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from attrs import frozen

from promo.base.canonical import Json
from promo.run.values import RunStatus

Request = Mapping[str, Any]
"""
The request as JSON.  Keys: `study`, `run` (id, stage, candidate, host, seed), `attempt`, `trainer`, `settings` (the
effective configuration), `flops_per_token`, `parameters`, `metric`, `budget` (kind, amount, cap_s), `data` (train,
validation: paths below `study_folder`; digest; score_tokens; window; where tokens are not bytes, `token_width`, the
bytes each takes in these files, and `token_lengths`, a file of the bytes of text each stands for, 32 bits each),
`device` (cpu or cuda), `threads`, `checkpoint` (at_end, every_s), `continues` (folder of the accepted attempt whose
state is carried on, digest of that state, what was spent earlier; null for a fresh run), `trunk` (only in a stage
that cools down: the amount `at` which the constant rate ends, and whether to `keep` the state there), `resume`
(folder and state of an attempt that was lost; or null), `grow` (only in a run that grows: folder of the accepted
attempt whose kept state it begins from, digest of that `state`, `kept`: checkpoint or trunk; and `way` while ways are
tried, where the state is a smaller model's and the rates stay constant).  The worker adds `study_folder` and
`attempt_folder`, so that a request does not depend on where its study lies.  A runner kept in a file finds its
declaration under `program` and the candidate's levels under `levels`.
"""


@frozen
class Outcome:
    """What a trainer found: metrics as floats, and JSON details whose numbers are integers or text."""

    status: RunStatus
    metrics: Mapping[str, float]
    details: Mapping[str, Json]
    cause: str = ""


class Recorder:
    """Phases and points of one attempt."""

    def __init__(self, points: IO[str], began: float) -> None:
        """*began*: monotonic time at which the process was started."""
        self._points = points
        self._began = began
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time spent inside counts as this phase; a phase may be entered again."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.add(name, time.monotonic() - start)

    def add(self, name: str, seconds: float) -> None:
        """Count seconds as a phase."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def point(self, **values: float | int) -> None:
        """Record a measured point: `step`, `tokens`, `charged_s`, a metric, or `train_` and the end of its name."""
        stored = {name: value if isinstance(value, int) else repr(float(value)) for name, value in values.items()}
        self._points.write(json.dumps(stored, sort_keys=True, separators=(",", ":")) + "\n")
        self._points.flush()

    def total(self) -> float:
        """Seconds since the process was started."""
        return time.monotonic() - self._began


def seconds_as_text(seconds: Mapping[str, float]) -> dict[str, str]:
    """Seconds to the microsecond, as exact text."""
    return {name: f"{value:.6f}" for name, value in seconds.items()}
