"""
How long effects of 613 and of 100,000 runs take, and `promo design` from a cold start.

    python tests/bench/effects.py [--runs N]

Prints one line a figure; processor time, the smallest of N repeats.  Sixteen conditions on two hosts, the last cell
incomplete; reading turns decimal text into numbers, estimating is all the rest of a fit.
"""

import argparse
import hashlib
import statistics
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

from promo.base.classes import evolve
from promo.evidence.effects import fit_observed
from promo.evidence.observed import observe
from promo.evidence.terms import Columns, columns_of
from promo.evidence.values import Cell, Evidence, Row
from promo.study.arrays import full_of
from promo.study.coding import of_two
from promo.study.design import standard_rows
from promo.study.space import Array, Trend
from promo.study.values import Effects

ROOT = Path(__file__).parents[2]
FACTORS = ("depth", "aspect", "matrix_lr", "total_batch", "warmdown")
HALF = {"warmdown": (1, ("depth", "aspect", "matrix_lr", "total_batch"))}
COLUMNS = Columns(of_two(FACTORS))
ASKED = Effects("e", ("s",), ("d",), True, (), ("host", "seed"), "main", Fraction(5, 100), "", where={})


def noise(*names: object) -> float:
    """A number between -1 and 1 that is the same every time."""
    return int.from_bytes(hashlib.sha256(repr(names).encode()).digest()[:4], "big") / 2**31 - 1


def table(runs: int) -> tuple[Evidence, dict[str, tuple[int, ...]]]:
    """Evidence of *runs* runs of sixteen conditions on two hosts; the last cell is incomplete."""
    points = {f"d_{number:02d}": row for number, row in enumerate(standard_rows(FACTORS, HALF), start=1)}
    seeds = -(-runs // (16 * 2))
    cells = tuple((host, seed) for seed in range(seeds) for host in ("a100", "l40s"))
    count, rows = 0, []
    found: dict[str, list[Cell]] = {name: [] for name in points}
    for host, seed in cells:
        for name, row in points.items():
            count += 1
            value = 1 + 0.02 * row[0] + 0.05 * row[3] - 0.01 * row[1] * row[3] + 0.01 * noise(name, host, seed)
            text = f"{value:.6f}" if count <= runs else None
            found[name].append(Cell(host, seed, "x", "ok" if text else "not run", text, 1, "e"))
    rows = [Row(name, tuple(those)) for name, those in found.items()]
    return Evidence("s", "val_bpb", cells, tuple(rows)), points


LEVELS = ("1", "2", "4")
GRID = Array("g", "full", ("lr", "width"), (tuple(map(Fraction, LEVELS)),) * 2, full_of([3, 3]), where={})
ASKED_OF_GRID = evolve(ASKED, designs=("g",), contrasts=(Trend("lr", log=True), Trend("width", log=True)))


def grid(runs: int) -> Evidence:
    """Evidence of *runs* runs of nine conditions on two hosts; the last cell is incomplete."""
    seeds = -(-runs // (9 * 2))
    cells = tuple((host, seed) for seed in range(seeds) for host in ("a100", "l40s"))
    last = 9 * len(cells) - runs
    rows = []
    for number, (name, row) in enumerate(GRID.points.items()):
        base = 1 + 0.02 * row[0] - 0.01 * row[1] ** 2
        texts = [f"{base + 0.01 * noise(name, host, seed):.6f}" for host, seed in cells]
        found = [Cell(*cell, "x", "ok", text, 1, "e") for cell, text in zip(cells, texts, strict=True)]
        if number >= 9 - last:
            found[-1] = evolve(found[-1], status="not run", value=None)
        rows.append(Row(name, tuple(found)))
    return Evidence("s", "val_bpb", cells, tuple(rows))


def of_grid(runs: int, repeats: int) -> float:
    """Milliseconds of estimating main effects and interactions of a grid of three by three levels."""
    evidence, estimated = grid(runs), float("inf")
    study = SimpleNamespace(designs={}, arrays={"g": GRID})
    columns = columns_of(study, ASKED_OF_GRID)
    for _ in range(repeats):
        seen = observe(evidence, GRID.points)
        began = time.process_time()
        fit_observed(ASKED_OF_GRID, columns, "s", seen)
        estimated = min(estimated, time.process_time() - began)
    return estimated * 1000


def timed(runs: int, repeats: int) -> tuple[float, float]:
    """Milliseconds of reading a table of runs, and of estimating the effects from it."""
    evidence, points = table(runs)
    read = estimated = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        seen = observe(evidence, points)
        between = time.process_time()
        fit_observed(ASKED, COLUMNS, "s", seen)
        read, estimated = min(read, between - began), min(estimated, time.process_time() - between)
    return read * 1000, estimated * 1000


def cold(repeats: int) -> float:
    """Milliseconds of processor time of `promo design`, from a cold start."""
    promo = Path(sys.executable).with_name("promo")
    words = [str(promo), "design", str(ROOT / "specs" / "staged_screening.promo"), "screen"]
    seen = []
    for _ in range(repeats):
        before = resource_s()
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        seen.append(resource_s() - before)
    return statistics.median(seen) * 1000


def resource_s() -> float:
    """Processor seconds of all children that ended."""
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print every figure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=10)
    repeats = options.parse_args().runs
    for runs in (613, 100_000):
        read, estimated = timed(runs, repeats)
        sys.stdout.write(f"effects of {runs:,} runs: read in {read:.1f} ms, estimated in {estimated:.1f} ms\n")
        sys.stdout.write(f"the same of a grid of three by three levels: {of_grid(runs, repeats):.1f} ms\n")
    sys.stdout.write(f"promo design, cold: {cold(repeats):.0f} ms\n")


if __name__ == "__main__":
    main()
