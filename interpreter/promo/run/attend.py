"""
The supervisor of one attempt that a queue starts on some machine: `python -m promo.run.attend FOLDER`.

The attempt's folder is enough: its request says what is trained and for how long at the most.  What a queue decides, as
which devices the job may use, is in the job's own environment; whatever else a site puts there, a worker does not see,
but for Slurm's own variables where its run has several nodes.

The attempt is begun by one process alone: a job that a queue starts twice, or after promo has given it up, ends at once
and touches nothing.  When the queue asks the job to end, by SIGTERM, the run is ended and the end is written down.
"""

import io
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from promo.run.copied import ASKED, LETTERS, WORDS, can_copy, copied, settings
from promo.run.environment import worker_environment
from promo.run.locks import claim_alone
from promo.run.program import OUTPUT_BYTES
from promo.run.store import REQUEST, parse_request
from promo.run.supervise import EXIT, Supervisor, Worker, adopt_orphans, started
from promo.run.values import Request

TEMPORARY = ("TMPDIR", "TEMP", "TMP")
NOBODY, NO_FOLDER = 3, 2
"""Exit status of a job whose attempt is somebody else's, and of one that sees no attempt."""


def attend(folder: Path) -> int:
    """Carry out the attempt of a folder, to its end or its limit; 0 when its end is written there."""
    try:
        request = parse_request((folder / REQUEST).read_bytes())
    except (OSError, ValueError) as fault:
        sys.stderr.write(f"no attempt can be read in {folder}: {fault}\n")
        return NO_FOLDER
    adopt_orphans()
    before, letters = settings(os.environ), os.environ.get(LETTERS)
    _take_environment(request)
    supervisor = Supervisor(io.BytesIO(), finish=True, alone=True)
    for number in ASKED:
        signal.signal(number, lambda *_: supervisor.stop())
    taken = claim_alone(folder)
    if taken is None:
        return 0 if (folder / EXIT).exists() else NOBODY
    alike = can_copy() and before == settings(os.environ)
    process = copied() if alike else started(request.trainer)
    if process is None:
        _work(request.trainer, letters)
    worker = Worker(request.trainer, process, supervisor.seen)
    supervisor.seen.put(("left", None))  # nobody asks for a second one
    try:
        output_bytes = OUTPUT_BYTES if request.program is None else request.program.output_bytes
        supervisor.go(folder, taken, worker, request.budget.limit_s, output_bytes)
        supervisor.serve()
    finally:
        supervisor.close()
    return 0 if (folder / EXIT).exists() else NOBODY


def _work(trainer: str, letters: str | None) -> NoReturn:
    """Be a worker, as a process is that was started as one: Python sets the *letters* where no locale says them."""
    if letters is not None:
        os.environ[LETTERS] = letters
    from promo.run import worker

    main = sys.modules["__main__"]  # what starts this program again looks there, and processes of Python's own
    main.__spec__, main.__file__ = worker.__spec__, worker.__file__
    sys.argv[:] = [worker.__file__, trainer]
    sys.orig_argv[:] = [sys.executable, *WORDS, worker.__name__, trainer]
    raise SystemExit(worker.serve(trainer, keep=False))


def _take_environment(request: Request) -> None:
    """Put the environment of a worker in place of the job's; the devices are those that the queue gave."""
    outer = {name: value for name, value in os.environ.items() if name not in TEMPORARY or Path(value).is_dir()}
    devices = os.environ.get("CUDA_VISIBLE_DEVICES") if request.device != "cpu" else None
    declared = () if request.program is None else request.program.environment
    inner = worker_environment(outer, threads=request.threads, cuda_device=devices, declared=declared)
    if request.nodes > 1:  # what starts processes on the other nodes of the job
        inner |= {name: value for name, value in outer.items() if name.startswith("SLURM_")}
    os.environ.clear()
    os.environ.update(inner)


if __name__ == "__main__":
    os._exit(attend(Path(sys.argv[1])))  # as a supervisor ends
