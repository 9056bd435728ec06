"""
The real `promo run`, killed at its n-th effect and run again: for every n asked for, each in processes of their own.

Effects are writes, flushes, renames, cuts and folders on disk, starts of processes, and calls of an executor; there is
a point before and one after each.  Called with a spec, an executor's kind, a stride and an offset.  What is written
per point is a line of JSON: the point, and how the killed and the resumed run ended.
"""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

DIED = 99


def dying(effect, deadline, count):
    """An effect that ends the process at once when its turn has come, without any clearing up."""

    def carried_out(*words, **options):
        if next(count) == deadline:
            os._exit(DIED)
        done = effect(*words, **options)
        if next(count) == deadline:
            os._exit(DIED)
        return done

    return carried_out


def armed(deadline):
    """Put the points in place; the counter they share."""
    from promo_toy.inline import InlineExecutor

    from promo.run.executors.local import LocalExecutor

    count = itertools.count(1)
    places = [(os, name) for name in ("write", "fsync", "replace", "mkdir", "ftruncate")]
    places += [(subprocess.Popen, "__init__")]
    places += [(kind, name) for kind in (InlineExecutor, LocalExecutor) for name in ("start", "prepare", "close")]
    places += [(InlineExecutor, "look")]  # with real processes it is asked as often as it takes
    for place, name in places:
        setattr(place, name, dying(getattr(place, name), deadline, count))
    return count


def run(spec, folder, deadline):
    """`promo run` in a process of its own; its exit status, and how many points it passed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        from promo.cli.main import main

        really_write = os.write
        count = armed(deadline) if deadline is not None else itertools.count(1)
        code = main(["run", spec, "--quiet", "--study", folder])
        really_write(writing, str(next(count) - 1).encode())
        os._exit(code)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as words:
        return os.waitstatus_to_exitcode(status), int(words.read() or 0)


def sweep(spec, stride, offset):
    """Every stride-th point of a run."""
    code, points = run(spec, "whole", 0)
    print(json.dumps({"at": 0, "killed": code, "resumed": 0, "points": points}), flush=True)
    for at in range(1 + offset, points + 1, stride):
        folder = f"at-{at}"
        code, _ = run(spec, folder, at)
        ledger = Path(folder, "ledger.jsonl")
        before = ledger.read_bytes().rpartition(b"\n")[0] if ledger.exists() else b""
        resumed, _ = run(spec, folder, None)
        Path(folder, "before").write_bytes(before)
        print(json.dumps({"at": at, "killed": code, "resumed": resumed}), flush=True)


if __name__ == "__main__":
    from promo.cli.main import main

    sys.stderr = sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    assert main(["run", sys.argv[1], "--quiet", "--study", "first"]) == 0  # imports everything once, for all of them
    sys.stdout = sys.__stdout__
    sweep(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
