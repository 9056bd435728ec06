"""
Fits of laws, in processor seconds: 240 points of size and data, and 200 draws of their runs.

    python tests/bench/laws.py [--rounds 5]

The points are those of `tests/evidence/chinchilla.csv`.  Smallest and median of the rounds are printed.
"""

import argparse
import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from promo.evidence.fitting import fit, refits
from promo.evidence.laws import Point
from promo.study.laws import Form

POINTS = Path(__file__).parents[1] / "evidence" / "chinchilla.csv"
MUST_S = {"fit": 0.1, "200 draws": 3.0}


def points() -> list[Point]:
    """The runs that the published refit was made of."""
    with POINTS.open(encoding="utf-8", newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    highest = sorted(row["loss"] for row in rows)[-5]
    kept = [row for row in rows if row["loss"] < highest]
    return [
        Point((row["parameters"], row["flops"] / 6 / row["parameters"]), row["loss"], str(index))
        for index, row in enumerate(kept)
    ]


def timed(work: Callable[[], object], rounds: int) -> list[float]:
    """Processor seconds of each round."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return found


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds
    some = points()
    law = fit(some, Form.SIZE_AND_DATA)
    work = {
        "fit": lambda: fit(some, Form.SIZE_AND_DATA),
        "200 draws": lambda: refits(some, law, draws=200, seed=1),
    }
    for name, one in work.items():
        seconds = timed(one, rounds)
        print(f"{name}: {min(seconds):.3f} s, median {statistics.median(seconds):.3f} s (must: {MUST_S[name]} s)")


if __name__ == "__main__":
    main()
