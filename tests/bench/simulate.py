"""
Simulated studies of the published spec, by the hundred thousand, in whole processes.

    python tests/bench/simulate.py [--here] [--runs 5] [--draws 100000]

`--here` takes the Python that runs this instead of a wheel with `[simulate]` in a virtual environment of its own.
Smallest and median of wall-clock and processor milliseconds; `promo --version` beside it shows what starting costs.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from startup import install, measured


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--here", action="store_true")
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--draws", type=int, default=100_000)
    asked = options.parse_args()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as folder:
        python = Path(sys.executable) if asked.here else install(Path(folder), "[simulate]")
        promo = python.with_name("promo")
        spec = "specs/staged_promotion.promo"
        commands = {
            "promo --version": [promo, "--version"],
            f"promo simulate, {asked.draws:,} studies": [
                promo, "simulate", spec, "--noise", "0.004", "--draws", str(asked.draws),
            ],
        }  # fmt: skip
        seen: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(asked.runs):
            for name, words in commands.items():
                seen[name].append(measured([str(word) for word in words], environment))
    for name, pairs in seen.items():
        wall, processor = zip(*pairs, strict=True)
        print(
            f"{name:40} wall {min(wall):7.0f} / {statistics.median(wall):7.0f} ms"
            f"   processor {min(processor):7.0f} / {statistics.median(processor):7.0f} ms"
        )


if __name__ == "__main__":
    main()
