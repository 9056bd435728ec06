"""
What a run costs on a Ray beside its training: `python tests/bench/on_ray.py [RUNS] [TURNS]`.

Trivial runs of the toy plug-in on a real Ray of three raylets in namespaces of its own (`tests/ray_here.py`), with one
processor on each of two nodes, all submitted at once.  Beside them, in turns: bare detached actors that do nothing and
leave, and ones that start a process of Python that does nothing, as a script of one's own would be started.  All
figures are (many runs - few runs) / further runs, so that what a study or a client costs once is left out.  Where the
system accounts for groups of processes, processor time is told too, of everything that works in the namespace, less
what the cluster uses while nothing happens: on a busy machine that is the figure to look at.
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
from used import account, done, spent

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
fixed = dict(lifetime="detached", num_cpus=1, max_restarts=0, max_task_retries=0)
made = [ray.remote(Bare).options(name=f"{time.time()}-{n}", **fixed).remote() for n in range(int(sys.argv[2]))]
ends = [one.over.remote(len(sys.argv) > 3) for one in made]
while ray.util.list_named_actors():
    time.sleep(0.05)
"""
IDLE_S = 10


def study(runs, token):
    """A whole study."""
    told = f'executor ray\n  option address = "{ray_here.ADDRESS}"\n  option token = "{token}"'
    text = spec(runs, "ray").replace("executor ray", told).replace("slots 1", f"slots {runs}")
    Path("trial.promo").write_text(text, encoding="utf-8")
    words = [sys.executable, "-c", PROMO, "run", "trial.promo", "--quiet", "--study", tempfile.mkdtemp(dir=".")]
    environment = {**os.environ, "PYTHONPATH": str(HERE / "plugin")}
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def actors(runs, process):
    """Actors of a client of their own."""
    ray_here.shell(sys.executable, "-c", BARE, ray_here.ADDRESS, str(runs), *(["process"] if process else []))


def further(work, count, rate):
    """Milliseconds of each further run, wall-clock and processor."""
    short, long = spent(lambda: work(SHORT)), spent(lambda: work(SHORT + count))
    wall, used = long[0] - short[0], long[1] - short[1]
    return wall / count * 1000, max(used - rate * wall, 0.0) / count * 1000


def inside(runs, place, short):
    """Bring the cluster up and take turns."""
    for address in (ray_here.HEAD, *ray_here.NODES):
        ray_here.shell("ip", "addr", "add", f"{address}/32", "dev", "lo")
    ray_here.shell("ip", "link", "set", "lo", "up")
    account()
    ray_here.Ray(Path(short)).up()
    os.chdir(place)
    count, turns = (int(word) for word in runs.split("x"))
    actors(SHORT, False)
    time.sleep(IDLE_S)
    rate = spent(lambda: time.sleep(IDLE_S))[1] / IDLE_S
    works = (lambda n: study(n, f"{short}/token"), lambda n: actors(n, False), lambda n: actors(n, True))
    rows = []
    for _ in range(turns):
        rows.append([further(work, count, rate) for work in works])
        print(*(f"{wall:8.0f} {used:6.0f}" for wall, used in rows[-1]), f"  load {os.getloadavg()[0]:.1f}", flush=True)
    for which, name in enumerate(("wall-clock", "processor")):
        promo, bare, process = (statistics.median(row[at][which] for row in rows) for at in range(3))
        print(f"{name}: median ms a run: promo {promo:.0f}, bare actor {bare:.0f}, actor with a process {process:.0f}")
        if bare and process:
            print(f"  promo / bare {promo / bare:.2f}, promo / actor with a process {promo / process:.2f}")


def main():
    if len(sys.argv) == 4:
        inside(*sys.argv[1:])
        return
    runs, turns = [*sys.argv[1:], "20", "3"][:2] if len(sys.argv) != 2 else (sys.argv[1], "3")
    lacks = ray_here.absent()
    if lacks:
        sys.exit(lacks)
    with tempfile.TemporaryDirectory(prefix="promo-bench-") as place:
        print("milliseconds a run, wall-clock and processor: promo, bare actor, actor with a process", flush=True)
        ray_here.within(f"{runs}x{turns}", place, seconds=1800, script=__file__, hear=False)
    done()


if __name__ == "__main__":
    main()
