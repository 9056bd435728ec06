"""
The reading commands, cold, from an installed wheel: check, fmt, plan; beside a dry run of snakemake where there is one.

    python tests/bench/language.py [--runs 5] [--python PYTHON] [--snakemake PATH]

A wheel is built and installed into a virtual environment of its own, with byte code; `--python` takes one that has
promo already.  Specs of 124 (the published one), 1,000 and 10,000 runs and of 10,000 lines are written and compiled;
snakemake plans 10,000 jobs in the same number of stages, each behind a job that waits for the stage before.
Commands take turns.  Figures are processor milliseconds (user and system) of the whole
process, smallest and median, and the largest resident memory.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from startup import HEAD, ROOT, install

GATE = """
gate pick_{n} {{
  from     stage_{before} to stage_{n}
  rank     by mean val_bpb over host, seed
  keep     top {keep}
  missing  rerun 1, then drop
  crash    as missing
  ties     by name
}}
"""

STAGE = """
stage stage_{n} {{
{source}
  on       a100
  seeds    {seeds}
{last}}}
"""

SMK = """
STAGES, KEPT = 5, {kept}
rule all:
    input: [f"s{{stage}}/{{name}}.done" for stage in range(STAGES) for name in range(KEPT[stage])]
"""

SMK_RULE = """
rule stage_{n}:
    input: {source}
    output: "s{n}/{{name}}.done"
    shell: "touch {{output}}"
"""

SMK_GATE = """
rule gate_{n}:
    input: [f"s{before}/{{name}}.done" for name in range(KEPT[{before}])]
    output: "gate_{n}.done"
    shell: "touch {{output}}"
"""


def kept(entrants: int) -> list[int]:
    """How that many entrants fall to five stages: each gate keeps about a half."""
    shares = [16, 8, 4, 2, 1]
    counts = [entrants * share // sum(shares) for share in shares]
    counts[0] += entrants - sum(counts)
    return counts


def wide(runs: int, seeds: int) -> str:
    """A spec of that many planned runs in five gated stages, each candidate trained with so many seeds."""
    counts = kept(runs // seeds)
    parts = [HEAD.format(name="wide", title="Five gated stages")]
    for n in range(counts[0]):
        parts.append(f"\ncandidate c{n} {{\n  depth = {n % 90 + 1}\n  matrix_lr = {n + 1}e-4\n}}\n")
    names = ", ".join(f"c{n}" for n in range(counts[0]))
    parts.append(f"\ncohort everyone {{\n  members  {names}\n  expect   {counts[0]} candidates\n}}\n")
    for n, keep in enumerate(counts):
        source = f"  after    pick_{n}\n  train    promoted for {n + 1}h" if n else "  train    everyone for 5min"
        if n:
            parts.append(GATE.format(n=n, before=n - 1, keep=keep))
        words = ", ".join(str(100 * n + seed) for seed in range(seeds))
        parts.append(STAGE.format(n=n, source=source, seeds=words, last="  report   only\n" if n == 4 else ""))
    return "".join(parts)


def snakefile(jobs: int) -> str:
    """As many jobs in five stages behind four gates, each gate one job more."""
    counts = kept(jobs)
    parts = [SMK.format(kept=counts)]
    for n in range(5):
        if n:
            parts.append(SMK_GATE.format(n=n, before=n - 1))
        parts.append(SMK_RULE.format(n=n, source=f'"gate_{n}.done"' if n else ""))
    return "".join(parts)


def measured(words: list[str], environment: dict[str, str], folder: Path) -> tuple[float, float]:
    """Processor milliseconds and largest resident MB of one process."""
    quiet = subprocess.DEVNULL
    started = subprocess.Popen(words, cwd=folder, env=environment, stdout=quiet, stderr=quiet)
    _, status, used = os.wait4(started.pid, 0)
    if started.returncode is None:
        started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode:
        raise SystemExit(f"{words} ended with {started.returncode}")
    return (used.ru_utime + used.ru_stime) * 1e3, used.ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--python", type=Path)
    options.add_argument("--snakemake", type=Path, help="the snakemake program of another environment")
    chosen = options.parse_args()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = chosen.python or install(folder / "venv")
        commands = _commands(python, folder)
        if chosen.snakemake:
            (folder / "Snakefile").write_text(snakefile(10_000), encoding="utf-8")
            commands["snakemake -n -q, 10,000 jobs"] = [str(chosen.snakemake.absolute()), "-n", "-q"]
        seen: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for turn in range(chosen.runs + 1):
            for name, words in commands.items():
                if name.startswith("snakemake") and turn > 2:
                    continue
                figures = measured(words, environment, folder)
                if turn or name.startswith("snakemake"):
                    seen[name].append(figures)
    base = statistics.median(cpu for cpu, _ in seen["python -c pass"])
    print(f"{'command':30} {'cpu min':>9} {'median':>9} {'MB':>6}   median / pass")
    for name, figures in seen.items():
        cpu, memory = zip(*figures, strict=True)
        middle = statistics.median(cpu)
        print(f"{name:30} {min(cpu):9.1f} {middle:9.1f} {max(memory):6.0f}   {middle / base:6.1f}")


def _commands(python: Path, folder: Path) -> dict[str, list[str]]:
    from lsp import spec as ladders

    published = ROOT / "specs" / "staged_promotion.promo"
    for runs, seeds in ((1_000, 10), (10_000, 10), (10_000, 2)):
        (folder / f"wide-{runs}-{seeds}.promo").write_text(wide(runs, seeds), encoding="utf-8")
    (folder / "long.promo").write_text(ladders(10_000), encoding="utf-8")
    promo = [str(python), str(python.with_name("promo"))]
    return {
        "python -c pass": [str(python), "-c", "pass"],
        "check, the published spec": [*promo, "check", str(published)],
        "plan, 124 runs": [*promo, "plan", str(published)],
        "plan, 1,000 runs": [*promo, "plan", "wide-1000-10.promo"],
        "plan, 10,000 runs, 10 seeds": [*promo, "plan", "wide-10000-10.promo"],
        "plan, 10,000 runs, 2 seeds": [*promo, "plan", "wide-10000-2.promo"],
        "check, 10,000 lines": [*promo, "check", "long.promo"],
        "fmt --check, 10,000 lines": [*promo, "fmt", "--check", "long.promo"],
    }


if __name__ == "__main__":
    sys.exit(main())
