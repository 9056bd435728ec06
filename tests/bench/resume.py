"""
How long `promo run` takes until it goes on with a study of many runs: `python tests/bench/resume.py [RUNS] [ROUNDS]`.

It carries out a study of the toy runner for real, without a process for each run and without flushing, cuts the ledger
behind the start of its last run, as a crash would, and times a fresh `promo run` from its start until the next event
of that run stands in the ledger.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

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


def resumed(place: Path) -> tuple[float, float]:
    """Seconds from the start of `promo run` until it starts a run, and until it has ended."""
    ledger = place / "many.study" / "ledger.jsonl"
    whole = ledger.read_bytes()
    cut = whole.rindex(b"\n", 0, whole.rindex(b'"kind":"attempt.started"')) + 1
    cut = whole.index(b"\n", cut) + 1
    ledger.write_bytes(whole[:cut])
    (place / "many.study" / "checkpoint.note").unlink(missing_ok=True)
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", CALL, "run", "many.promo", "--quiet"], cwd=place)
    ready = 0.0
    while process.poll() is None:
        with ledger.open("rb") as file:
            file.seek(cut)
            if not ready and file.read().count(b"\n") > 1:  # one says that promo has started, the next what it does
                ready = time.perf_counter() - began
        time.sleep(0.002)
    assert process.returncode == 0
    assert ready
    return ready, time.perf_counter() - began


def main(runs: int, rounds: int) -> None:
    plugin = str((HERE.parent / "plugin").resolve())
    os.environ["PYTHONPATH"] = os.pathsep.join([plugin, *filter(None, [os.environ.get("PYTHONPATH", "")])])
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), runs)
        times = [resumed(Path(folder)) for _ in range(rounds)]
    print(f"ready to go on: {median(one for one, _ in times):.2f} s, from {min(times)[0]:.2f} to {max(times)[0]:.2f}")
    print(f"whole command with its report: {median(all_ for _, all_ in times):.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 5)
