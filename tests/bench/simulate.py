"""
Simulated studies by the hundred thousand, in whole processes: of the published spec, and of one with many tests.

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


def tested() -> str:
    """A spec of six candidates in eight cells, whose rules ask for every kind of confidence."""
    names = [f"c{number}" for number in range(6)]
    labels = ", ".join(f'"{name}"' for name in names)
    hosts = "".join(f'host {name} {{\n  device   "{name}" on linux\n  slots    1\n}}\n\n' for name in ("one", "two"))
    others = "".join(f'candidate {name} like c0 {{\n  config = "{name}"\n}}\n\n' for name in names[1:])
    claims = {
        "by_t": "mean gap at most 0.001nats at 95% over cells",
        "by_flips": "mean gap at most 0.001nats at 95% over cells by sign_flip",
        "by_ranks": "median gap at most 0.001nats at 95% over cells by wilcoxon",
        "by_sigma": "mean gap at most 0.001nats at 95% over cells with sigma 0.002nats",
        "the_same": "equivalent within 0.003nats at 95% over cells",
    }
    rules = "".join(
        f"rule {name} {{\n  judge    c1 against c0 at long\n  require  {claim}\n"
        "  missing  skip\n  absent   skip\n}\n\n"
        for name, claim in claims.items()
    )
    stage = "  cap      1min\n  on       one, two\n"
    return (
        'promo 1\n\nstudy tested {\n  title    "Tested"\n'
        "  measure  val_loss in nats, lower is better\n  runner   recorded\n}\n\n"
        f'{hosts}factor config: label in [{labels}] default "c0"\n\ncandidate c0 as reference\n\n{others}'
        f"cohort all {{\n  members  {', '.join(names)}\n}}\n\n"
        f"stage short {{\n  train    all for 100steps\n{stage}  seeds    1..4\n}}\n\n"
        f"stage long {{\n  after    pick\n  train    promoted for 200steps\n{stage}  seeds    11..14\n}}\n\n"
        "gate pick {\n  from     short to long\n  rank     by mean val_loss over host, seed\n"
        "  keep     mean gap to c0 at most 0.002nats at 90% over cells by sign_flip\n  always   c0\n"
        "  demand   rank agreement of one, two at least 0 else keep top 3\n  sample   1 dropped seed 9\n"
        f"  missing  drop\n  crash    as missing\n  ties     by name\n}}\n\n{rules}"
    )


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
        spec, other = "specs/staged_promotion.promo", Path(folder) / "tested.promo"
        other.write_text(tested(), encoding="utf-8")
        commands = {
            "promo --version": [promo, "--version"],
            f"promo simulate, {asked.draws:,} studies": [
                promo, "simulate", spec, "--noise", "0.004", "--draws", str(asked.draws),
            ],
            "the same, a spec with many tests": [
                promo, "simulate", other, "--noise", "0.002", "--draws", str(asked.draws),
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
