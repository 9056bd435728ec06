"""
What a run costs on a Ray beside its training: `python tests/bench/on_ray.py [RUNS] [TURNS]`.

Trivial runs of the toy plug-in on a real Ray of three raylets in namespaces of its own (`tests/ray_here.py`), with one
processor on each of two nodes, all submitted at once.  Beside them, in turns: bare detached actors that do nothing and
leave, and ones that start a process of Python that does nothing, as a script of one's own would be started.  promo's
figures are (long study - short study) / further runs; the others' are of a client that is connected already.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parents[1]
sys.path[:0] = [str(HERE), str(HERE / "bench")]

from overhead import PROMO, SHORT, spec

import ray_here

BARE = """
import os, subprocess, sys, time
import ray
ray.init(address=sys.argv[1], namespace="bare", log_to_driver=False, configure_logging=False)
class Bare:
    def over(self, process):
        if process:
            subprocess.run([sys.executable, "-c", "pass"], check=True)
        ray.actor.exit_actor()
def measured(runs, process):
    began = time.perf_counter()
    fixed = dict(lifetime="detached", num_cpus=1, max_restarts=0, max_task_retries=0)
    made = [ray.remote(Bare).options(name=f"{began}-{n}", **fixed).remote() for n in range(runs)]
    ends = [one.over.remote(process) for one in made]
    while ray.util.list_named_actors():
        time.sleep(0.05)
    return (time.perf_counter() - began) / runs * 1000
measured(2, False)
print(measured(int(sys.argv[2]), False), measured(int(sys.argv[2]), True))
"""


def study_s(runs, token):
    """Seconds of a whole study."""
    told = f'executor ray\n  option address = "{ray_here.ADDRESS}"\n  option token = "{token}"'
    text = spec(runs, "ray").replace("executor ray", told).replace("slots 1", f"slots {runs}")
    Path("trial.promo").write_text(text, encoding="utf-8")
    words = [sys.executable, "-c", PROMO, "run", "trial.promo", "--quiet", "--study", tempfile.mkdtemp(dir=".")]
    environment = {**os.environ, "PYTHONPATH": str(HERE / "plugin")}
    began = time.perf_counter()
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - began


def inside(runs, place, short):
    """Bring the cluster up and take turns."""
    for address in (ray_here.HEAD, *ray_here.NODES):
        ray_here.shell("ip", "addr", "add", f"{address}/32", "dev", "lo")
    ray_here.shell("ip", "link", "set", "lo", "up")
    ray_here.Ray(Path(short)).up()
    os.chdir(place)
    count, turns = (int(word) for word in runs.split("x"))
    rows = []
    for _ in range(turns):
        before = study_s(SHORT, f"{short}/token")
        promo = (study_s(SHORT + count, f"{short}/token") - before) / count * 1000
        said = ray_here.shell(sys.executable, "-c", BARE, ray_here.ADDRESS, str(count)).split()
        rows.append((promo, *map(float, said)))
        print(*(f"{one:8.0f}" for one in rows[-1]), f"  load {os.getloadavg()[0]:.1f}", flush=True)
    promo, bare, process = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"median ms a run: promo {promo:.0f}, bare actor {bare:.0f}, actor with a process {process:.0f}")
    print(f"promo / bare {promo / bare:.2f}, promo / actor with a process {promo / process:.2f}")


def main():
    if len(sys.argv) == 4:
        inside(*sys.argv[1:])
        return
    runs, turns = [*sys.argv[1:], "20", "3"][:2] if len(sys.argv) != 2 else (sys.argv[1], "3")
    lacks = ray_here.absent()
    if lacks:
        sys.exit(lacks)
    with tempfile.TemporaryDirectory(prefix="promo-bench-") as place:
        print("milliseconds a run: promo, bare actor, actor with a process", flush=True)
        ray_here.within(f"{runs}x{turns}", place, seconds=1800, script=__file__, hear=False)


if __name__ == "__main__":
    main()
