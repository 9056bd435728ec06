"""
One more process of a run in Python that has several devices: `python -m promo.run.rank FOLDER`.

It calls the trainer of the request as the first process does, keeps no points and leaves no result.

`python -m promo.run.rank -- COMMAND` is what Slurm's `srun` starts on each node, for that has names of its own for
which process is which: it says that it is there, waits until all are, and becomes the command; where the run has its
first process already, it ends instead.
"""

import gc
import importlib
import os
import sys
import time
from pathlib import Path

from promo.run.contract import Recorder
from promo.run.ranks import HERE_I_AM, STEP
from promo.run.store import REQUEST, parse_request

STUDY_ABOVE = 3
"""An attempt lies in STUDY/runs/STAGE/CELL/ATTEMPT."""
OF_SLURM = {"SLURM_PROCID": "RANK", "SLURM_LOCALID": "LOCAL_RANK", "SLURM_NODEID": "NODE_RANK"}


def main(folder: Path) -> int:
    """Take part in the attempt of a folder."""
    request = parse_request((folder / REQUEST).read_bytes())
    module, _, function = request.trainer.partition(":")
    gc.disable()  # as a worker does
    trainer = getattr(importlib.import_module(module), function)
    gc.freeze()
    gc.enable()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        trainer(request, Recorder(nowhere, time.monotonic(), folder.parents[STUDY_ABOVE], folder))
    return 0


def become(argv: list[str]) -> int:
    """Go on as a command, as the process that `srun` says it is."""
    os.environ.update({name: os.environ[told] for told, name in OF_SLURM.items()})
    os.write(1, HERE_I_AM + b"\n")
    while os.read(0, STEP):  # to its end, which tells that all are there
        pass
    if os.environ["RANK"] != "0":
        os.execvp(argv[0], argv)  # noqa: S606 - a list of words, and no shell
    return 0


if __name__ == "__main__":
    raise SystemExit(become(sys.argv[2:]) if sys.argv[1] == "--" else main(Path(sys.argv[1])))
