"""
How long a device idles between two runs: `python tests/bench/idle.py [--budget SECONDS] [--runs N] [--not-ahead]`.

A study of the built-in trainer, one run at a time with one thread, on the processor.  The ledger is watched while it
grows, on the monotonic clock; each result says how many of its seconds its device was at work (warm-up, training,
scoring), and what lies between two starts beyond that is idle: start, `import torch`, reading, building, the result,
the ledger, handing over.  A stage of two minutes would train 120 / (120 + everything beside training) of the time.
`--not-ahead` keeps promo from starting the next process while one trains, for comparison.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

STAGE_S = 120
AT_WORK = ("warmup", "train", "free steps", "evaluate")
ENTRY = "from promo.cli.main import entry; entry()"
ALONE = f"from promo.driver import hosts; hosts.LocalPlace.ahead = property(lambda place: False); {ENTRY}"
SPEC = """promo 1

study idle {{
  title    "Runs one after the other"
  measure  val_bpb in bpb, lower is better
  runner   gpt
}}

data words {{
  source   "builtin:synth/1"
  holdout  5%
  score    8_192tok in windows of 128tok
}}

host here {{
  device   "cpu" on any
  slots    1
  threads  1
}}

factor head_size: channels in [32]
factor context: tokens in [128]
factor total_batch: tokens in [1024]
factor depth: layers in [2]
factor aspect: ratio in [32]
factor window: pattern in ["L"]

candidate only as reference

stage short {{
  train    only for {budget}s
  on       here
  seeds    {seeds}
  report   only
}}
"""


def watched(folder: Path, call: str) -> list[float]:
    """Carry the study out; the moments at which the ledger said that a run starts."""
    (folder / "log").touch()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-c", call, "run", "idle.promo", "--quiet"], cwd=folder, stderr=log)
    ledger, starts = folder / "idle.study" / "ledger.jsonl", []
    while process.poll() is None:
        seen = ledger.read_bytes().count(b'"kind":"attempt.started"') if ledger.exists() else 0
        starts += [time.monotonic()] * (seen - len(starts))
        time.sleep(0.005)
    assert process.returncode == 0, (folder / "log").read_text()
    return starts


def main(budget: int, runs: int, *, ahead: bool) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        seeds = ", ".join(str(number) for number in range(1, runs + 1))
        (folder / "idle.promo").write_text(SPEC.format(budget=budget, seeds=seeds), encoding="utf-8")
        starts = watched(folder, "import sys; " + (ENTRY if ahead else ALONE))
        lines = (folder / "idle.study" / "ledger.jsonl").read_bytes().splitlines()
        events = [one["data"] for one in map(json.loads, lines) if one["kind"] == "attempt.started"]
        bodies = [
            json.loads((folder / "idle.study" / one["folder"] / "result.json").read_bytes())["body"] for one in events
        ]
    spent = [{name: float(text) for name, text in body["seconds"].items()} for body in bodies]
    periods = [later - earlier for earlier, later in itertools.pairwise(starts)]
    # The first run waits for its own process; between the others the next one was, or was not, there already.
    idle = [
        period - sum(one.get(name, 0.0) for name in AT_WORK)
        for period, one in list(zip(periods, spent, strict=False))[1:]
    ]
    beside = [period - one["train"] for period, one in list(zip(periods, spent, strict=False))[1:]]
    for body, one in zip(bodies, spent, strict=True):
        phases = ", ".join(f"{name} {seconds:.2f}" for name, seconds in one.items())
        print(f"started {float(body['started_ahead_s']):.1f} s ahead; {phases}")
    print(f"device idle between two runs: {median(idle):.2f} s, from {min(idle):.2f} to {max(idle):.2f}")
    share = STAGE_S / (STAGE_S + median(beside))
    print(f"beside training: {median(beside):.2f} s a run; a stage of {STAGE_S} s would train {share:.1%} of the time")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--budget", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--not-ahead", action="store_true")
    given = parser.parse_args()
    main(given.budget, given.runs, ahead=not given.not_ahead)
