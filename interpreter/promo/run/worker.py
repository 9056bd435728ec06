"""
The process that trains: read the request, call the trainer, leave a result.

Whatever happens to the trainer ends in one result file with a cause, as long as the process itself lives; when it
does not, the supervisor's record and the log tell.
"""

import importlib
import math
import os
import sys
import time
from pathlib import Path

from promo.base.canonical import Json, digest_bytes, parse_json
from promo.run.contract import Outcome, Recorder, Request, seconds_as_text
from promo.run.provenance import peak_memory_bytes, software, where_it_runs
from promo.run.store import POINTS, REQUEST, RESULT, result_bytes
from promo.run.values import CONTRACT, RunStatus

STUDY_ABOVE = 3
"""An attempt lies in STUDY/runs/STAGE/CELL/ATTEMPT."""
OUT_OF_MEMORY = ("OutOfMemoryError", "MemoryError")
OUT_OF_MEMORY_WORDS = ("can't allocate memory", "out of memory", "not enough memory")


def main(folder: Path) -> int:
    """Carry out the request in *folder*; 0 when a result was written, whatever it says."""
    content = (folder / REQUEST).read_bytes()
    request = parse_json(content)
    assert isinstance(request, dict)
    request["study_folder"] = str(folder.resolve().parents[STUDY_ABOVE])
    request["attempt_folder"] = str(folder.resolve())
    began = time.monotonic() - _age()
    with (folder / POINTS).open("w", encoding="utf-8") as points:
        recorder = Recorder(points, began)
        recorder.add("start", time.monotonic() - began)
        try:
            outcome = _checked(_trainer(request, recorder)(request, recorder), request)
        except Exception as fault:
            _leave(folder, content, _failed(fault), recorder)
            raise
        _leave(folder, content, outcome, recorder)
    return 0


def _age() -> float:
    """Seconds since this process was started, from its own record in the kernel."""
    import psutil

    return float(max(time.time() - psutil.Process().create_time(), 0.0))


def _trainer(request: Request, recorder: Recorder):  # type: ignore[no-untyped-def]
    module, _, name = str(request["trainer"]).partition(":")
    with recorder.phase("import"):
        return getattr(importlib.import_module(module), name)


def _checked(outcome: Outcome, request: Request) -> Outcome:
    """A result without a finite value of the study's metric is no result."""
    if outcome.status is not RunStatus.OK:
        return outcome
    value = outcome.metrics.get(str(request["metric"]))
    if value is None:
        return Outcome(RunStatus.INVALID, {}, outcome.details, f"the trainer gave no '{request['metric']}'")
    if not math.isfinite(value):
        return Outcome(RunStatus.NAN, {}, outcome.details, f"{request['metric']} is {value}")
    return outcome


def _failed(fault: Exception) -> Outcome:
    words = str(fault).strip().splitlines() or [type(fault).__name__]
    memory = type(fault).__name__ in OUT_OF_MEMORY or any(part in str(fault) for part in OUT_OF_MEMORY_WORDS)
    status = RunStatus.OOM if memory else RunStatus.CRASH
    return Outcome(status, {}, {}, f"{type(fault).__name__}: {words[0][:300]}")


def _leave(folder: Path, request: bytes, outcome: Outcome, recorder: Recorder) -> None:
    """Write the result beside its place, flush it, and move it there."""
    recorder.seconds["total"] = recorder.total()
    points = (folder / POINTS).read_bytes()
    body: dict[str, Json] = {
        "promo_result": CONTRACT,
        "request": digest_bytes(request),
        "status": outcome.status.value,
        "cause": outcome.cause,
        "metrics": {name: repr(float(value)) for name, value in outcome.metrics.items() if math.isfinite(value)},
        "seconds": seconds_as_text(recorder.seconds),
        "points": digest_bytes(points),
        "software": software(),
        "machine": where_it_runs(),
        "memory": {"peak_rss_bytes": peak_memory_bytes(), "peak_device_bytes": None},
        **outcome.details,
    }
    beside = folder / "result.part"
    with beside.open("wb") as file:
        file.write(result_bytes(body))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / RESULT)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
