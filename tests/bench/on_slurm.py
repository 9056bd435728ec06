"""
What a trivial run costs on a real Slurm beside a plain `sbatch`: `python tests/bench/on_slurm.py`.

The cluster is that of the tests, two nodes of one processor in namespaces of its own, and each turn has a new one.
Beside each other stand jobs of `python -c pass` that are submitted one by one, as somebody would who has a loop and no
promo, and a study whose runs train nothing; all of them are submitted at once.  A figure is (many - few) / further
ones.  Both take a wheel that is installed into a virtual environment of its own, with byte code, unless `--python`
names one; processor time is that of everything in the namespaces, where the system accounts for it.

This Slurm looks for a free node's next job twice a second: its scheduler and its backfill scheduler each have a clock
of a second, and it only looks sooner where a site has an epilog (`--epilog`).  A node whose job ends between the two
has its next one half a second after the last, else a second after it.  So what a job takes depends on where the clocks
stand, which the start of the controller decides and which changes within minutes: an even distance costs nobody
anything, and at a small one a short job may fall between them where a longer one does not.  Therefore the controller is
held still at the beginning of each turn, so that the distance is another one in each and they are spread over the
second; the mean over turns is what jobs take in the long run.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from functools import partial
from pathlib import Path

HERE = Path(__file__).parents[1]
sys.path[:0] = [str(HERE), str(HERE / "bench")]

from resume import CALL, text
from startup import install
from used import account, done, spent

import slurm_here
from slurm_here import NAMESPACES, RUN, absent, jobs, shell, until, up

FEW = 10
NAMES = ("sbatch", "promo")
STARTED = "sched: Backfill scheduler plugin loaded"
"""The line of the controller's log when its clocks begin."""
AFTER_S = 0.05
"""How long after a clock the controller is held; and what is lost of a hold, for part of it would have been slept."""


def plain(python: str, count: int) -> None:
    """Submit so many jobs, and wait until they have ended."""
    for _ in range(count):
        shell("sbatch", "--parsable", "--no-requeue", "--output=/dev/null", f"--wrap={python} -c pass")
    until(lambda: not jobs("PENDING,RUNNING,COMPLETING"), 300)


def study(python: str, count: int) -> None:
    """A study with so many runs, its report included."""
    place = Path(tempfile.mkdtemp(dir="."))
    (place / "many.promo").write_text(
        text(count).replace("slots 1\n  executor inline", f"slots {count}\n  executor slurm")
    )
    words = [python, "-c", CALL, "run", "many.promo", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(HERE / "plugin")}
    subprocess.run(words, cwd=place, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def hold(distance_s: float) -> None:
    """Hold the controller, in two parts, while none of its clocks runs out but that of its scheduler."""
    controller = int((RUN / "slurmctld.pid").read_text())
    line = next(line for line in (RUN / "slurmctld.log").read_text().splitlines() if STARTED in line)
    began = datetime.fromisoformat(line[1:24]).timestamp()
    for _ in range(2):
        time.sleep(1 + AFTER_S - (time.time() - began) % 1)
        os.kill(controller, signal.SIGSTOP)
        time.sleep(distance_s / 2 + AFTER_S)
        os.kill(controller, signal.SIGCONT)


def inside(said: argparse.Namespace) -> None:
    """One turn: wall-clock and processor seconds of a further job by either way, in JSON."""
    account()
    slurm_here.CONF += f"SlurmctldDebug=verbose\n{'Epilog=/bin/true' if said.epilog else ''}\n"
    up()
    plain(said.python, 2)
    hold((said.turn + 0.5) / said.turns)
    found = {}
    for name in NAMES[:: 1 if said.turn % 2 else -1]:
        work = partial({"sbatch": plain, "promo": study}[name], said.python)
        few, many = (spent(partial(work, count)) for count in (FEW, FEW + said.runs))
        found[name] = [(more - less) / said.runs for less, more in zip(few, many, strict=True)]
    print(json.dumps(found))


def turn(said: argparse.Namespace, number: int) -> dict[str, list[float]]:
    """What a turn has found, in namespaces of its own."""
    with tempfile.TemporaryDirectory() as folder:
        own = [sys.executable, __file__, f"--turn={number}", f"--runs={said.runs}", f"--turns={said.turns}"]
        own += [f"--python={said.python}", *(["--epilog"] if said.epilog else [])]
        words = ["timeout", "-s", "KILL", "600", "unshare", *NAMESPACES, *own]
        ran = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(ran.stdout))


def told(rows: list[dict[str, list[float]]]) -> None:
    """Print what all turns come to."""
    for at, kind in enumerate(("wall-clock", "processor")):
        seen = {name: [row[name][at] for row in rows] for name in NAMES}
        mean = {name: statistics.mean(every) for name, every in seen.items()}
        if not mean["sbatch"]:
            continue
        words = (f"{name} {mean[name]:.3f} s ({min(every):.2f} to {max(every):.2f})" for name, every in seen.items())
        ratios = [row["promo"][at] / row["sbatch"][at] for row in rows]
        print(
            f"{kind}, mean of {len(rows)} turns: {', '.join(words)} a run: {mean['promo'] / mean['sbatch']:.2f} times;"
            f" of turns {min(ratios):.2f} to {max(ratios):.2f}, median {statistics.median(ratios):.2f}"
        )


def main() -> None:
    """Take turns."""
    words = argparse.ArgumentParser()
    words.add_argument("--runs", type=int, default=20, help="further runs, a multiple of ten")
    words.add_argument("--turns", type=int, default=10)
    words.add_argument("--turn", type=int)
    words.add_argument("--epilog", action="store_true")
    words.add_argument("--python", default="", help="one that has promo")
    said = words.parse_args()
    if said.turn is not None:
        inside(said)
        return
    if why := absent():
        sys.exit(why)
    with tempfile.TemporaryDirectory() as folder:
        said.python = said.python or str(install(Path(folder) / "venv"))
        rows = []
        for number in range(said.turns):
            rows.append(turn(said, number))
            one = ", ".join(f"{name} {wall:.2f} and {used:.3f} s" for name, (wall, used) in sorted(rows[-1].items()))
            print(
                f"turn {number + 1}: {one} a run, wall-clock and processor; load {os.getloadavg()[0]:.1f}", flush=True
            )
        told(rows)
    done()


if __name__ == "__main__":
    main()
