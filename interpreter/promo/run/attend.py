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

from promo.run.executors.local import worker_environment
from promo.run.locks import claim_alone
from promo.run.program import OUTPUT_BYTES
from promo.run.store import REQUEST, parse_request
from promo.run.supervise import EXIT, Supervisor, adopt_orphans
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
    program = request.program
    _take_environment(request)
    supervisor = Supervisor(io.BytesIO(), keep=False, finish=True, take=claim_alone)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())
    output_bytes = OUTPUT_BYTES if program is None else program.output_bytes
    supervisor.seen.put(("left", None))  # nobody asks for a second one
    try:
        supervisor.begin(folder, request.trainer, request.budget.limit_s, output_bytes)
        supervisor.serve()
    finally:
        supervisor.close()
    return 0 if (folder / EXIT).exists() else NOBODY


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
