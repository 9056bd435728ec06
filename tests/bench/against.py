"""
Cold commands of two versions of promo in one run: those of a commit beside those of the working tree.

    python tests/bench/against.py --base f1ea68e [--runs 10] [--seeds 40]

Each version is installed from a wheel into a virtual environment of its own, and replays the same recorded curves into
a study of its own form.  Commands take turns; medians of processor time are printed, and what the working tree takes of
it for each second of the base.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from startup import ROOT, install, measured

CONFIGS = ("base", *(f"other_{number}" for number in range(7)))
STEPS = (100, 200)
HEAD = """promo 1

study trial {{
  title    "Recorded curves"
  measure  val_loss in nats, lower is better
  runner   recorded
}}

host box {{
  device   "cpu" on any
  slots    1
}}

factor config: label in [{labels}] default "base"

candidate base as reference
{candidates}
cohort all_of_them {{ members {names} }}

stage early {{
  train    all_of_them for 100steps
  cap      10min
  on       box
  seeds    0..{last}
}}

stage late {{
  after    pick
  train    promoted for 200steps
  cap      10min
  on       box
  seeds    0..{last} shared
  report   only
}}

frozen gate pick {{
  from     early to late
  rank     by mean val_loss over host, seed
  keep     top 4
  missing  drop
  crash    as missing
  ties     by name
}}
"""


def lay_out(place: Path, seeds: int) -> None:
    """A spec and its curves."""
    text = HEAD.format(
        labels=", ".join(f'"{one}"' for one in CONFIGS),
        candidates="\n".join(f'candidate {one} like base {{ config = "{one}" }}' for one in CONFIGS[1:]),
        names=", ".join(CONFIGS),
        last=seeds - 1,
    )
    (place / "trial.promo").write_text(text, encoding="utf-8")
    rows = ["config,run,step,val_loss"]
    for place_, name in enumerate(CONFIGS):
        for seed in range(seeds):
            rows += [f"{name},{seed},{step},{3 - step / 1000 + place_ / 100 + seed / 7000:.6f}" for step in STEPS]
    (place / "curves.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def version(place: Path, source: Path, seeds: int, environment: dict[str, str]) -> tuple[Path, Path]:
    """The promo of a source tree, and the folder in which it has frozen and replayed the study."""
    promo = install(place / "venv", source=source).with_name("promo")
    work = place / "work"
    work.mkdir()
    lay_out(work, seeds)
    for words in (["freeze", "trial.promo"], ["replay", "trial.promo", "--curves", "curves.csv"]):
        subprocess.run([promo, *words], cwd=work, env=environment, check=True, stdout=subprocess.DEVNULL)
    return promo, work


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--base", required=True)
    options.add_argument("--runs", type=int, default=10)
    options.add_argument("--seeds", type=int, default=40)
    asked = options.parse_args()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "source"
        base.mkdir()
        archive = subprocess.run(["git", "archive", asked.base], cwd=ROOT, check=True, stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x"], cwd=base, input=archive.stdout, check=True)
        both = {}
        for name, source in (("before", base), ("after", ROOT)):
            (Path(folder) / name).mkdir()
            both[name] = version(Path(folder) / name, source, asked.seeds, environment)
        commands = {
            "check": ["check", "trial.promo"],
            "plan": ["plan", "trial.promo"],
            "plan --json": ["plan", "trial.promo", "--json"],
            "verify": ["verify", "trial.promo"],
            "report": ["report", "trial.promo", "--out", "report.html"],
        }
        seen: dict[tuple[str, str], list[float]] = {(name, one): [] for name in commands for one in both}
        for turn in range(asked.runs + 1):
            for name, words in commands.items():
                for one, (promo, work) in both.items():
                    cpu = measured([str(promo), *words], environment, cwd=work, codes=(0, 3))[1]
                    if turn:
                        seen[name, one].append(cpu)
    print(
        f"{len(CONFIGS) * asked.seeds + 4 * asked.seeds} runs; milliseconds of processor time, medians of {asked.runs}"
    )
    print(f"{'command':12} {'before':>8} {'after':>8}   after / before")
    for name in commands:
        before, after = (statistics.median(seen[name, one]) for one in ("before", "after"))
        print(f"{name:12} {before:8.1f} {after:8.1f}   {after / before:6.2f}")


if __name__ == "__main__":
    main()
