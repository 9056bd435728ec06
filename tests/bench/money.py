"""
A plan over hosts of eight GPUs with money beside the same plan without either, and beside an earlier promo's.

    python tests/bench/money.py [--turns 7] [--python PYTHON] [--before PYTHON]

A wheel is built and installed into a virtual environment of its own, unless `--python` names one that has promo;
`--before` is one that has an earlier promo, which plans the spec without devices and prices.  10,000 runs in five gated
stages, cold.  Commands take turns; figures are processor milliseconds of the whole process, and ratios are of the
smallest, because other work on the machine only adds.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from language import measured, wide
from startup import install

MUST = 1.05
"""Times as long as without devices and money, at the most."""
HOST = "  slots    1\n"
PAID = "  slots    1\n  devices  8\n  price    2.10usd\n  spot     0.80usd until 2026-12-31\n"
STUDY = "  runner   gpt\n"
ALLOWED = "  runner   gpt\n  budget   9_000_000usd\n"


def main() -> int:
    """Measure and print; 1 where it takes too long."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--turns", type=int, default=7)
    options.add_argument("--python", type=Path)
    options.add_argument("--before", type=Path)
    chosen = options.parse_args()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = chosen.python or install(folder / "venv")
        plain = wide(10_000, 10)
        (folder / "plain.promo").write_text(plain, encoding="utf-8")
        paid = plain.replace(HOST, PAID).replace(STUDY, ALLOWED)
        (folder / "paid.promo").write_text(paid, encoding="utf-8")
        commands = {"without": (python, "plain.promo"), "eight GPUs and money": (python, "paid.promo")}
        if chosen.before:
            commands["without, before"] = (chosen.before, "plain.promo")
        seen: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(chosen.turns + 1):
            for name, (who, spec) in commands.items():
                cpu_ms, _ = measured([str(who), str(who.with_name("promo")), "plan", spec], environment, folder)
                seen[name] += [cpu_ms] if turn else []
    for name, figures in seen.items():
        print(f"{name:22} {min(figures):7.1f} ms smallest, {statistics.median(figures):7.1f} ms median")
    last = "without, before" if chosen.before else "without"
    ratio = min(seen["eight GPUs and money"]) / min(seen[last])
    print(f"{ratio:.3f} times {last}; must be {MUST} at the most")
    return int(ratio > MUST)


if __name__ == "__main__":
    sys.exit(main())
