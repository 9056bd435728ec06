"""
Two of the real `promo run` at once on one study, again and again: `raced.py SPEC RACES [unlocked]`.

They are forked from one process that has imported everything, and begin together.  A line of JSON per race: exit
statuses and incarnations, or what is wrong with the ledger.  `unlocked` takes the lock away, so that one can see that
it is needed: who comes to the lock waits for the other one there, then both go on.  The first race that goes wrong is
then the last.
"""

import contextlib
import json
import multiprocessing
import os
import sys
import threading
from pathlib import Path

from promo.base.errors import Mismatch
from promo.cli.main import main
from promo.driver.study import StudyFolder
from promo.run import locks


def without_the_lock(both):
    """A lock that everybody gets, once both have come to their first one."""
    met = []

    def locked(handle):
        if not met:
            met.append(handle)
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(10)
        return True

    return locked


def together(spec, folder):
    """Start two, and wait for both."""
    if "unlocked" in sys.argv:
        locks.locked = without_the_lock(multiprocessing.Barrier(2))
    reading, writing = os.pipe()
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # until the other one is there too
            try:
                code = main(["run", spec, "--quiet", "--study", folder])
            except BaseException:
                code = 70
            os._exit(code)
        children.append(child)
    os.close(writing)
    os.close(reading)
    return sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


def race(spec, number):
    """One race, and what came of it."""
    folder = StudyFolder(Path(f"race-{number}"))
    codes = together(spec, str(folder.path))
    try:
        state = folder.state()
    except (Mismatch, KeyError) as fault:
        return {"codes": codes, "fault": str(fault)}
    tries = [len(tried) for tried in state.attempts.values()]
    return {"codes": codes, "study": state.study.value, "incarnations": state.incarnations, "tries": tries}


if __name__ == "__main__":
    said = sys.stdout
    sys.stderr = sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    main(["run", sys.argv[1], "--quiet", "--study", "first"])
    for number in range(int(sys.argv[2])):
        found = race(sys.argv[1], number)
        print(json.dumps(found), file=said, flush=True)
        if "unlocked" in sys.argv and found["codes"] != [0, 2]:
            break
