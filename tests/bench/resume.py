"""
How long `promo run` takes until it goes on with a study of many runs: `python tests/bench/resume.py [RUNS] [ROUNDS]`.

It carries out a study of the toy runner for real, without a process for each run and without flushing, cuts the ledger
behind the start of its last run and takes that run's result away, as a crash would, and times a fresh `promo run` from
its start until that run has been started again.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil

HERE = Path(__file__).parent
SEEDS = 10
CALL = "import sys; from promo.cli.main import entry; entry()"


def text(runs: int) -> str:
    """A spec with so many runs: candidates by ten seeds on one host."""
    names = [f"c{number}" for number in range(runs // SEEDS)]
    lines = ["promo 1", "", 'study many {\n  title "Many"\n  measure loss in pt, lower is better\n  runner toy\n}', ""]
    lines += ['host box {\n  device "cpu" on any\n  slots 1\n  executor inline\n}', ""]
    lines += [f"factor quality: points in 0..{len(names)} step 1 default 0", ""]
    lines += [f"candidate {name} {'as reference' if not at else 'like c0'} {{ quality = {at} }}"
              for at, name in enumerate(names)]  # fmt: skip
    lines += ["", f"cohort all_of_them {{\n  members {', '.join(names)}\n}}", ""]
    seeds = ", ".join(map(str, range(1, SEEDS + 1)))
    lines += [f"stage short {{\n  train all_of_them for 1s\n  on box\n  seeds {seeds}\n  report only\n}}"]
    return "\n".join(lines) + "\n"


def make(place: Path, runs: int) -> None:
    """Carry the study out."""
    (place / "many.promo").write_text(text(runs), encoding="utf-8")
    began = time.perf_counter()
    call = f"import os; os.fsync = lambda handle: None; {CALL}"
    subprocess.run([sys.executable, "-c", call, "run", "many.promo", "--quiet"], cwd=place, check=True)
    print(f"{runs} runs carried out in {time.perf_counter() - began:.0f} s")


def resumed(place: Path) -> tuple[float, float, float]:
    """Seconds from the start of `promo run` until it starts a run; its processor time until then; seconds in all."""
    ledger = place / "many.study" / "ledger.jsonl"
    whole = ledger.read_bytes()
    start = whole.rindex(b"\n", 0, whole.rindex(b'"kind":"attempt.started"')) + 1
    end = whole.index(b"\n", start) + 1
    ledger.write_bytes(whole[:end])
    (place / "many.study" / "checkpoint.note").unlink(missing_ok=True)
    (place / "many.study" / json.loads(whole[start:end])["data"]["folder"] / "result.json").unlink()
    began = time.perf_counter()
    process = psutil.Popen([sys.executable, "-c", CALL, "run", "many.promo", "--quiet"], cwd=place)
    ready = spent = 0.0
    while process.poll() is None:
        with ledger.open("rb") as file:
            file.seek(end)
            if not ready and b'"kind":"attempt.started"' in file.read():
                ready, spent = time.perf_counter() - began, sum(process.cpu_times()[:2])
        time.sleep(0.002)
    assert process.returncode == 0
    assert ready
    return ready, spent, time.perf_counter() - began


def main(runs: int, rounds: int) -> None:
    plugin = str((HERE.parent / "plugin").resolve())
    os.environ["PYTHONPATH"] = os.pathsep.join([plugin, *filter(None, [os.environ.get("PYTHONPATH", "")])])
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), runs)
        times = [resumed(Path(folder)) for _ in range(rounds)]
    for words, seen in zip(
        ("ready to go on", "its processor time", "whole command with its report"), zip(*times, strict=True), strict=True
    ):
        print(f"{words}: {median(seen):.2f} s, from {min(seen):.2f} to {max(seen):.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 5)
