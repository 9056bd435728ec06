"""
What a run costs beside its training: `python tests/bench/overhead.py [--fsync MS] [--runs N] [--ray] [--syne-tune]`.

Trivial runs, one at a time: promo in its own process (`inline`, of the toy plug-in), with a worker that stays (`warm`)
and with a fresh process behind a supervisor for every run (`local`); Ray Tune with its default, a fresh actor for every
trial; Syne Tune's local backend.  promo's figures are (long study - short study) / further runs, so that what a study
costs once is left out; the peers' are (end - start of the tuner) / trials.  `--fsync` makes every flush of promo's
processes take at least so long, as on the disk that the musts speak of.  Ray listens on every interface: start the
whole as `unshare --net --pid --fork --mount-proc --kill-child sh -c 'ip link set lo up; ...'`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

HERE = Path(__file__).parents[1]
SHORT = 4
STAGE = "stage short {\n  train all for 1s\n  on box\n  seeds 1\n  report only\n}\n"

SLOW = """
import os, time
flush = os.fsync
def fsync(handle):
    began = time.perf_counter()
    flush(handle)
    time.sleep(max({ms} / 1000 - (time.perf_counter() - began), 0))
os.fsync = fsync
"""

RAY = """
import os, sys, time
import ray
from ray import tune
ray.init(_node_ip_address="127.0.0.2", num_cpus=2, include_dashboard=False, log_to_driver=False)
def trivial(config):
    tune.report({"loss": config["x"]})
def measured(trials):
    began = time.perf_counter()
    tune.Tuner(trivial, param_space={"x": tune.uniform(0, 1)},
               tune_config=tune.TuneConfig(num_samples=trials, max_concurrent_trials=1),
               run_config=tune.RunConfig(storage_path=os.getcwd() + "/ray", verbose=0)).fit()
    return (time.perf_counter() - began) / trials * 1000
measured(1)
print(measured(int(sys.argv[1])))
"""

SYNE = """
import sys, time
from pathlib import Path
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend import LocalBackend
from syne_tune.config_space import uniform
from syne_tune.optimizer.baselines import RandomSearch
Path("trivial.py").write_text(
    "from argparse import ArgumentParser\\nfrom syne_tune import Reporter\\n"
    "options = ArgumentParser()\\noptions.add_argument('--x', type=float)\\n"
    "Reporter()(loss=options.parse_known_args()[0].x)\\n")
trials = int(sys.argv[1])
tuner = Tuner(trial_backend=LocalBackend("trivial.py"),
              scheduler=RandomSearch({"x": uniform(0, 1)}, metrics=["loss"], do_minimize=True),
              stop_criterion=StoppingCriterion(max_num_trials_completed=trials), n_workers=1,
              sleep_time=0.01, print_update_interval=1e9, save_tuner=False)
began = time.perf_counter()
tuner.run()
print((time.perf_counter() - began) / trials * 1000)
"""


def spec(runs: int, executor: str) -> str:
    """A study of so many runs that nobody decides about."""
    others = "\n".join(f"candidate c{n} like base {{ quality = {n} }}" for n in range(1, runs))
    members = ", ".join(["base", *(f"c{n}" for n in range(1, runs))])
    return (
        textwrap.dedent(f"""\
        promo 1

        study trial {{
          title "Trivial runs"
          measure loss in pt, lower is better
          runner toy
        }}

        host box {{
          device "cpu" on any
          slots 1
          executor {executor}
        }}

        factor quality: points in 0..1000 default 0

        candidate base as reference {{ quality = 0 }}
        """)
        + f"{others}\n\ncohort all {{ members {members} }}\n\n{STAGE}"
    )


PROMO = "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"


def study_s(runs: int, executor: str, environment: dict[str, str]) -> float:
    """Seconds of a whole study."""
    Path("trial.promo").write_text(spec(runs, executor), encoding="utf-8")
    folder = tempfile.mkdtemp(prefix="study-", dir=".")
    words = [sys.executable, "-c", PROMO, "run", "trial.promo", "--quiet", "--study", folder]
    began = time.perf_counter()
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - began


def promo_ms(runs: int, executor: str, environment: dict[str, str], times: int = 3) -> float:
    """Milliseconds per run, the median of a few."""
    found = []
    for _ in range(times):
        short = study_s(SHORT, executor, environment)
        found.append((study_s(SHORT + runs, executor, environment) - short) / runs * 1000)
    return statistics.median(found)


def peer_ms(text: str, trials: int) -> float:
    """What a peer's script prints last."""
    done = subprocess.run([sys.executable, "-c", text, str(trials)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return float(done.stdout.split()[-1])


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--fsync", type=float, default=0.0, help="milliseconds")
    options.add_argument("--runs", type=int, default=60)
    options.add_argument("--ray", action="store_true")
    options.add_argument("--syne-tune", action="store_true")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="promo-bench-") as place:
        os.chdir(place)
        Path("site").mkdir()
        if asked.fsync:
            Path("site/sitecustomize.py").write_text(SLOW.format(ms=asked.fsync), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": f"{Path('site').resolve()}:{HERE / 'plugin'}"}
        print(f"milliseconds per trivial run, flushes of at least {asked.fsync:g} ms; load {os.getloadavg()}")
        for executor in ("inline", "warm", "local"):
            print(f"promo, {executor:10} {promo_ms(asked.runs, executor, environment):8.1f}", flush=True)
        if asked.ray:
            print(f"Ray Tune, actor   {peer_ms(RAY, asked.runs):8.1f}", flush=True)
        if asked.syne_tune:
            print(f"Syne Tune, local  {peer_ms(SYNE, asked.runs):8.1f}", flush=True)


if __name__ == "__main__":
    main()
