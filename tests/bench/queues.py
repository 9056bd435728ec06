"""
What promo itself costs where runs wait in a queue: `python tests/bench/queues.py [--runs N N ...] [--wait S]`.

A fake Slurm of small shell scripts and of one process, in a folder in memory where there is one: it answers `squeue`
from a file, holds every job for `--wait` seconds, and then leaves what a worker and its supervisor would.  Counted are
the processor seconds of `promo run` itself, from its start to its end with the report, and apart from them those of the
tools that it starts; what a run costs is (long study - short study) / further runs.  Files are not flushed, unless
`--flush` says so.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from resume import text

HERE = Path(__file__).parents[1]
sys.path[:0] = [str(HERE), str(HERE / "plugin")]

SBATCH = """#!/bin/sh
cat >/dev/null
number=$(($(cat "$SLURM_CONF/last") + 1000))
echo $number >"$SLURM_CONF/last"
{ echo "$*"; env | grep '^PROMO_ATTEMPT'; } >"$SLURM_CONF/new/$number.part"
mv "$SLURM_CONF/new/$number.part" "$SLURM_CONF/new/$number"
echo $number
"""
SQUEUE = '#!/bin/sh\necho x >>"$SLURM_CONF/asked"\ncat "$SLURM_CONF/listed"\n'
TOOLS = {"sbatch": SBATCH, "squeue": SQUEUE, "scancel": "#!/bin/sh\n", "sacct": "#!/bin/sh\nexit 1\n"}
CALL = """
import os, resource, sys
{fsync}
from promo.cli.main import main
main(["run", "many.promo", "--quiet"])
for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
    print(*resource.getrusage(who)[:2])
"""
MEMORY = Path("/dev/shm")


def finished(folder: Path) -> None:
    """Leave in an attempt's folder what its worker and its supervisor would."""
    from promo.base.canonical import canonical, digest_bytes
    from promo.base.codec import to_json
    from promo.ledger.values import RunStatus, Work
    from promo.run.store import EXIT, POINTS, REQUEST, RESULT, parse_request, result_bytes
    from promo.run.values import Body, Counter, Exit, Facts, Reason, Used

    content = (folder / REQUEST).read_bytes()
    request = parse_request(content)
    body = Body(
        request=digest_bytes(content),
        status=RunStatus.OK,
        cause="",
        metrics={request.metric: "1.5"},
        seconds={"start": "0.100000", "train": "1.000000", "total": "1.200000"},
        points=digest_bytes(b""),
        used=Used(request.budget.kind, str(request.budget.amount), "0.1", Counter.TRAINER),
        work=Work(steps=2, tokens=200, tokens_per_s="100.0"),
        segments=(),
        checkpoint=None,
        trunk=None,
        contention=None,
        facts=Facts(machine={"cores": 2}, device={}, software={"queues": "1"}),
        recorded=None,
        details={},
    )
    (folder / "claim").write_text("node 1")
    (folder / POINTS).write_bytes(b"")
    (folder / RESULT).write_bytes(result_bytes(body))
    (folder / "exit.part").write_bytes(canonical(to_json(Exit(0, Reason.ITSELF, "1.250"))))
    (folder / "exit.part").replace(folder / EXIT)


def play(home: Path, wait_s: float) -> None:
    """The cluster: take what was submitted, hold it, finish it, and list all that."""
    waiting: list[tuple[float, str, str, Path]] = []
    while not (home / "over").exists():
        now, rows = time.monotonic(), []
        for path in sorted((home / "new").glob("*[0-9]")):
            words, *folders = path.read_text().splitlines()
            name = next(word.partition("=")[2] for word in words.split() if word.startswith("--job-name="))
            for one in folders:
                place, _, folder = one.removeprefix("PROMO_ATTEMPT").removeprefix("_").partition("=")
                number = f"{path.name}_{place}" if place else path.name
                waiting.append((now, number, f"{name}|{{}}|{place or 'N/A'}", Path(folder)))
            path.unlink()
        for began, number, row, folder in waiting:
            ended = now - began >= wait_s
            if ended:
                finished(folder)
            rows.append(f"{number}|{row.format('COMPLETED' if ended else 'PENDING')}\n")
        waiting = [one for one in waiting if now - one[0] < wait_s]
        (home / "listed.part").write_text("".join(rows))
        (home / "listed.part").replace(home / "listed")
        time.sleep(0.02)


def carried_out(runs: int, slots: int, wait_s: float, *, flush: bool) -> tuple[float, float, int, int]:
    """Processor seconds of promo and of its tools and how often it submitted and asked."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        place, home = Path(name), Path(name) / "cluster"
        (home / "new").mkdir(parents=True)
        (home / "last").write_text("0")
        (home / "listed").touch()
        (home / "asked").touch()
        for tool, script in TOOLS.items():
            (place / tool).write_text(script)
            (place / tool).chmod(0o755)
        spec = text(runs).replace("slots 1\n  executor inline", f"slots {slots}\n  executor slurm")
        (place / "many.promo").write_text(spec)
        environment = {**os.environ, "SLURM_CONF": str(home), "PATH": f"{place}{os.pathsep}{os.environ['PATH']}"}
        environment["PYTHONPATH"] = str(HERE / "plugin")
        words = [sys.executable, __file__, "--play", str(home), "--wait", str(wait_s)]
        cluster = subprocess.Popen(words, env=environment)
        call = CALL.format(fsync="" if flush else "os.fsync = lambda handle: None")
        promo = [sys.executable, "-c", call]
        done = subprocess.run(promo, cwd=place, env=environment, capture_output=True, text=True, check=False)
        (home / "over").touch()
        cluster.wait()
        assert done.returncode == 0, done.stdout + done.stderr
        own, tools = (sum(map(float, line.split())) for line in done.stdout.splitlines()[-2:])
        ledger = (place / "many.study" / "ledger.jsonl").read_text().splitlines()
        kinds = [json.loads(line)["event"]["is"] for line in ledger]
        assert kinds.count("result.accepted") == runs == kinds.count("attempt.started"), done.stdout
        submitted = int((home / "last").read_text()) // 1000
        shutil.rmtree(place / "many.study")
        return own, tools, submitted, len((home / "asked").read_text().split())


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--runs", type=int, nargs="+", default=[100, 1_000, 3_000, 10_000])
    words.add_argument("--slots", type=int, default=1_000)
    words.add_argument("--wait", type=float, default=1.0)
    words.add_argument("--flush", action="store_true", help="flush files, which is a second figure of the disk's")
    words.add_argument("--play", type=Path)
    said = words.parse_args()
    if said.play:
        play(said.play, said.wait)
        return
    first = None
    for runs in said.runs:
        began = time.monotonic()
        own, tools, submitted, asked = carried_out(runs, said.slots, said.wait, flush=said.flush)
        first = first or (runs, own)
        further = f", {1000 * (own - first[1]) / (runs - first[0]):.2f} ms a further run" if runs > first[0] else ""
        print(
            f"{runs} runs: promo {own:.1f} s of processor time{further}; its tools {tools:.1f} s;"
            f" {submitted} submissions, {asked} questions, {time.monotonic() - began:.0f} s in all",
            flush=True,
        )


if __name__ == "__main__":
    main()
