"""
Cold start of the reading commands, from an installed wheel, beside `python -c pass` in the same run.

    python tests/bench/startup.py [--runs 20]

A wheel is built and installed without extras into a virtual environment of its own, with byte code, because that is
what users have.  Commands take turns, so that a change of the machine's speed meets all of them; the smallest and the
median of wall-clock and processor time are printed, and the ratio of medians to `python -c pass`.  The published spec
has a design and five seals; the plain one is the quickstart, with two.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

HEAD = """promo 1

study {name} {{
  title    "{title}"
  measure  val_bpb in bpb, lower is better
  runner   gpt
}}

data text {{
  source   "stdlib"
  holdout  5%
  score    65_536tok in windows of 128tok
}}

host a100 {{
  device   "NVIDIA A100 80GB" on any
  slots    1
}}

factor depth: layers in 1..96 step 1 default 8
factor matrix_lr: rate in 0.0..10.0 default 0.04
"""
"""All that a spec needs before its candidates."""


def measured(
    words: list[str], environment: dict[str, str], cwd: Path = ROOT, codes: tuple[int, ...] = (0,)
) -> tuple[float, float]:
    """Wall-clock and processor milliseconds of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(words, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, check=False)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in codes:
        raise SystemExit(f"{words} ended with {done.returncode}")
    return wall * 1e3, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def install(folder: Path, extra: str = "", source: Path = ROOT) -> Path:
    """The Python of a virtual environment with the wheel of a *source* tree in it, and an *extra* such as `[lsp]`."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    constraints = source / "interpreter" / "constraints.txt"
    words = [python, "-m", "pip", "install", "-q", "-c", constraints, "--no-warn-script-location", f"{source}{extra}"]
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    subprocess.run([python, "-m", "compileall", "-q", folder / "lib"], check=False, stdout=subprocess.DEVNULL)
    return python


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=20)
    runs = options.parse_args().runs
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as folder:
        python = install(Path(folder))
        promo = python.with_name("promo")
        spec, plain = "specs/staged_promotion.promo", "specs/quickstart.promo"
        commands = {
            "python -c pass": [python, "-c", "pass"],
            "promo --version": [promo, "--version"],
            "promo check": [promo, "check", spec],
            "promo check, plain": [promo, "check", plain],
            "promo fmt --check": [promo, "fmt", "--check", spec],
            "promo plan": [promo, "plan", spec],
            "promo plan --json": [promo, "plan", "--json", spec],
            "supervisor, imports": [python, "-P", "-c", "import promo.run.supervise"],
            "worker, imports": [python, "-P", "-c", "import promo.run.worker"],
            "attend, imports": [python, "-P", "-c", "import promo.run.attend"],
        }
        seen: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for turn in range(runs + 1):
            for name, words in commands.items():
                figures = measured([str(word) for word in words], environment)
                if turn:
                    seen[name].append(figures)
    base = statistics.median(cpu for _, cpu in seen["python -c pass"])
    print(f"{'command':20} {'wall min':>9} {'median':>8} {'cpu min':>9} {'median':>8}   cpu / pass")
    for name, figures in seen.items():
        wall, cpu = zip(*figures, strict=True)
        middle = statistics.median(cpu)
        row = f"{min(wall):9.1f} {statistics.median(wall):8.1f} {min(cpu):9.1f} {middle:8.1f}   {middle / base:6.1f}"
        print(f"{name:20} {row}")


if __name__ == "__main__":
    main()
