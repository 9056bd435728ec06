"""
What a trivial run costs on a real Slurm beside a plain `sbatch`: `python tests/bench/on_slurm.py [--runs N]`.

The cluster is that of the tests, two nodes of one processor in namespaces of its own.  Beside each other stand jobs of
`python -c pass` that are submitted one by one with `sbatch`, as somebody would who has a loop and no promo, and a study
whose runs train nothing; all of them are submitted at once.  A figure is (many - few) / further ones, of wall-clock
time, and they take `--turns`.  The least of all turns says most on a machine that has other work.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from resume import CALL, text

HERE = Path(__file__).parents[1]
sys.path.insert(0, str(HERE))

from slurm_here import NAMESPACES, absent, jobs, shell, until, up

FEW = 10


def plain(count: int) -> float:
    """Seconds until so many jobs have been submitted and have ended."""
    began = time.monotonic()
    for _ in range(count):
        shell("sbatch", "--parsable", "--no-requeue", "--output=/dev/null", f"--wrap={sys.executable} -c pass")
    until(lambda: not jobs("PENDING,RUNNING,COMPLETING"), 300)
    return time.monotonic() - began


def study(count: int, place: Path) -> float:
    """Seconds of a study with so many runs, its report included."""
    place.mkdir()
    (place / "many.promo").write_text(
        text(count).replace("slots 1\n  executor inline", f"slots {count}\n  executor slurm")
    )
    began = time.monotonic()
    words = [sys.executable, "-c", CALL, "run", "many.promo", "--quiet"]
    subprocess.run(words, cwd=place, check=True, env={**os.environ, "PYTHONPATH": str(HERE / "plugin")})
    return time.monotonic() - began


def inside(folder: Path, runs: int, turns: int) -> None:
    up()
    found: dict[str, list[float]] = {"sbatch": [], "promo": []}
    for turn in range(turns):
        found["sbatch"].append((plain(FEW + runs) - plain(FEW)) / runs)
        few, many = folder / f"few-{turn}", folder / f"many-{turn}"
        found["promo"].append((study(FEW + runs, many) - study(FEW, few)) / runs)
        print(
            f"turn {turn + 1}: " + ", ".join(f"{name} {seen[-1]:.2f} s a run" for name, seen in found.items()),
            flush=True,
        )
    least = {name: min(seen) for name, seen in found.items()}
    print(
        f"least: sbatch {least['sbatch']:.2f}, promo {least['promo']:.2f} s a run,"
        f" {least['promo'] / least['sbatch']:.2f} times"
    )


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--runs", type=int, default=30, help="further runs, a multiple of ten")
    words.add_argument("--turns", type=int, default=3)
    words.add_argument("--inside", type=Path)
    said = words.parse_args()
    if said.inside:
        inside(said.inside, said.runs, said.turns)
        return
    if why := absent():
        sys.exit(why)
    with tempfile.TemporaryDirectory() as folder:
        own = [sys.executable, __file__, "--inside", folder, f"--runs={said.runs}", f"--turns={said.turns}"]
        subprocess.run(
            ["timeout", "-s", "KILL", "1800", "unshare", *NAMESPACES, *own], stdin=subprocess.DEVNULL, check=True
        )


if __name__ == "__main__":
    main()
