"""
Report of a study of many runs: seconds cold, size, memory.

    python tests/bench/report.py [--runs 613 10000] [--candidates 16]

A study of the toy runner is carried out first, in this process, so that the folder is a real one; then `promo report`
and `promo verify` are timed as processes of their own.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLUGIN = str(HERE.parent / "plugin")
sys.path.insert(0, PLUGIN)

COMMAND = "from promo.cli.main import entry; entry()"  # as the installed `promo` does


def spec(runs: int, candidates: int = 16) -> str:
    """A study of about so many runs: its candidates on one host, two stages, one gate."""
    seeds = max(round(runs / (candidates + 5)), 1)
    qualities = [(number, 100 * number / candidates) for number in range(1, candidates)]
    members = "\n".join(f"candidate c{number} like base {{ quality = {value:.3f} }}" for number, value in qualities)
    names = ", ".join(["base", *(f"c{number}" for number in range(1, candidates))])
    return f"""promo 1

study bench {{
  title    "Many runs"
  measure  loss in pt, lower is better
  runner   toy
}}

host box {{
  device   "cpu" on any
  slots    1
  executor inline
}}

factor quality: points in 0..100 default 0

candidate base as reference
{members}

cohort all_of_them {{ members {names} }}

stage first {{
  train    all_of_them for 1s
  on       box
  seeds    1..{seeds}
}}

stage second {{
  after    pick
  train    promoted for 2s
  on       box
  seeds    {seeds + 1}..{2 * seeds}
}}

frozen gate pick {{
  from     first to second
  rank     by mean loss over host, seed
  keep     top 4
  always   base
  missing  drop
  crash    as missing
  ties     by name
}}

frozen rule close {{
  judge    c1 against base at second
  require  mean gap at most 2pt
  missing  stop
  absent   skip
}}
"""


def timed(words: list[str], folder: Path) -> tuple[float, float, int]:
    """Wall-clock and processor seconds of a process, and its peak memory in MiB."""
    environment = {**os.environ, "PYTHONPATH": PLUGIN}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", COMMAND, *words], cwd=folder, env=environment, check=False, capture_output=True
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss // 1024


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    options.add_argument("--runs", type=int, nargs="+", default=[613])
    options.add_argument("--candidates", type=int, default=16)
    chosen = options.parse_args()
    print(f"{'runs':>8} {'command':16} {'wall s':>8} {'cpu s':>8} {'MiB':>6} {'file MB':>8}")
    for runs in chosen.runs:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "bench.promo").write_text(spec(runs, chosen.candidates), encoding="utf-8")
            for words in (["run", "bench.promo", "--quiet"], ["report", "bench.promo"], ["verify", "bench.promo"]):
                wall, cpu, memory = timed(words, folder)
                report = folder / "bench.study" / "report.html"
                size = report.stat().st_size / 1e6 if report.exists() else 0.0
                print(f"{runs:>8} {words[0]:16} {wall:8.2f} {cpu:8.2f} {memory:6} {size:8.2f}", flush=True)


if __name__ == "__main__":
    main()
