"""
A Ray cluster that is a folder: the small part of Ray that promo speaks to, for tests, put in front by PYTHONPATH.

The folder is that of the token.  `plan.json` in it says what goes wrong:

    slots           actors at once (default 2)
    delay_s         how long an actor waits at least
    lose            every n-th actor is forgotten before it begins
    doubt           at every n-th one the client dies when the actor is registered, before it can say so
    refuse          the message with which every actor is refused
    down            as long as this file is there, clients die and none connects
    hangs           as long as this file is there, nobody is answered, and clients wait
    kill_after_s    the actor is ended after so long by SIGKILL, and dead for what `state` says
    kept            an actor is ended only when the file of this name lies in its folder, and so long after that
    blind           nodes do not see the folders of attempts: actors die where they would begin
    only            wrong things happen to the first so many actors only
    late            a dead actor goes on unseen: it is only called dead

State is in `jobs/NAME.json`; whoever asks moves the queue on.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

HOME = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", "/nowhere/token")).parent
JOBS = HOME / "jobs"
WHY = {
    "preempted": (True, "The actor is dead because its node has died. The node was preempted."),
    "node": (False, "The actor is dead because its node has died. Node Id: 0123"),
    "killed": (False, "The actor is dead because it was killed by `ray.kill`."),
    "blind": (False, "The actor died because of an error in its creation task\nFileNotFoundError: supervisor.txt"),
    "crashed": (False, "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR"),
}
RUN = "import os; os.getppid = lambda: 1; "  # a raylet that lives on
RUN += "from promo.run.executors.ray_driver import Attempt; import json, sys; Attempt(*json.loads(sys.argv[1])).over()"


class RayError(Exception):
    pass


class ActorDiedError(RayError):
    def __init__(self, preempted, words):
        super().__init__(words)
        self.preempted = preempted


class ActorUnavailableError(RayError):
    pass


def plan():
    path = HOME / "plan.json"
    return json.loads(path.read_text()) if path.exists() else {}


def read(name):
    return json.loads((JOBS / f"{name}.json").read_text())


def every():
    return sorted((read(path.stem) for path in JOBS.glob("*.json")), key=lambda job: job["number"])


def keep(job):
    path = JOBS / f"{job['name']}.json"
    path.with_suffix(".part").write_text(json.dumps(job))
    path.with_suffix(".part").replace(path)


def alive(job):
    with contextlib.suppress(ChildProcessError):
        os.waitpid(job["pid"], os.WNOHANG)
    try:
        fields = Path(f"/proc/{job['pid']}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z"


def strike(job):
    with contextlib.suppress(ProcessLookupError):
        os.kill(job["pid"], signal.SIGKILL)


def dead(job, why):
    job["state"], job["why"], job["ended"] = "DEAD", WHY[why], time.time()
    keep(job)


def begin(job):
    inner = {**os.environ, "CUDA_VISIBLE_DEVICES": "7"} if job["needs"]["num_gpus"] else dict(os.environ)
    words = [sys.executable, "-c", RUN, json.dumps(job["given"])]
    return subprocess.Popen(words, env=inner, stdin=subprocess.DEVNULL, start_new_session=True).pid


def since(job, wrong):
    """From when on an actor's time counts that is to be ended; never, where it has not come so far."""
    if "kept" not in wrong:
        return job["began"]
    path = Path(job["given"][2]["run"]) / wrong["kept"]
    return max(path.stat().st_mtime, job["began"]) if path.exists() else time.time()


def move_on():
    """One step of the queue."""
    wrong, now = plan(), time.time()
    for job in every():
        if job["state"] != "RUNNING":
            continue
        struck = job["number"] <= wrong.get("only", 10**9) and "kill_after_s" in wrong
        if not alive(job):
            dead(job, "crashed")
        elif struck and now - since(job, wrong) > wrong["kill_after_s"]:
            if not wrong.get("late"):
                strike(job)
            dead(job, wrong["state"])
    running = sum(job["state"] == "RUNNING" for job in every())
    for job in every():
        if job["state"] != "PENDING" or running >= wrong.get("slots", 2):
            continue
        if now - job["submitted"] < wrong.get("delay_s", 0):
            continue
        if job["number"] <= wrong.get("only", 10**9) and wrong.get("lose") and job["number"] % wrong["lose"] == 0:
            (JOBS / f"{job['name']}.json").unlink()
            continue
        if job["number"] <= wrong.get("only", 10**9) and wrong.get("blind"):
            dead(job, "blind")
            continue
        job["pid"], job["state"], job["began"] = begin(job), "RUNNING", now
        keep(job)
        running += 1


def hang():
    while (HOME / "hangs").exists():
        time.sleep(0.05)


@contextlib.contextmanager
def at_work(call):
    """Alone with the cluster, which has moved on."""
    JOBS.mkdir(parents=True, exist_ok=True)
    hang()
    if (HOME / "down").exists():
        os._exit(1)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with (HOME / "asked").open("a") as log:
            log.write(f"{call}\n")
        move_on()
        yield


# --- what promo speaks to --------------------------------------------------------------------------------------------


def init(address, namespace, log_to_driver, configure_logging):
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert not log_to_driver
    assert not configure_logging
    hang()
    if (HOME / "down").exists():
        os._exit(1)
    if plan().get("unlike"):
        raise RuntimeError(plan()["unlike"])


class Actor:
    def __init__(self, name):
        self.over = SimpleNamespace(remote=lambda: name)
        self.name = name


class Made:
    def options(self, *, name, lifetime, max_restarts, max_task_retries, **needs):
        assert (lifetime, max_restarts, max_task_retries) == ("detached", 0, 0)
        self.name, self.needs = name, needs
        return self

    def remote(self, *given):
        wrong = plan()
        with (HOME / "submitted.jsonl").open("a") as log:
            log.write(json.dumps({"name": self.name, **self.needs}) + "\n")
        if "refuse" in wrong:
            raise ValueError(wrong["refuse"])
        with at_work("start"):
            assert not (JOBS / f"{self.name}.json").exists(), "a name is taken once"
            number = 1 + int((HOME / "last").read_text() if (HOME / "last").exists() else 0)
            (HOME / "last").write_text(str(number))
            job = {"number": number, "id": self.name, "name": self.name, "state": "PENDING", "submitted": time.time()}
            keep(job | {"needs": self.needs, "given": given})
        if wrong.get("doubt") and number % wrong["doubt"] == 0 and number <= wrong.get("only", 10**9):
            os._exit(1)
        return Actor(self.name)


def remote(kind):
    assert kind.__name__ == "Attempt"
    return Made()


def list_named_actors():
    with at_work("list"):
        return [job["name"] for job in every() if job["state"] != "DEAD"]


def get_actor(name):
    with at_work("get"):
        if not (JOBS / f"{name}.json").exists() or read(name)["state"] == "DEAD":
            raise ValueError(f"Failed to look up actor with name '{name}'")
    return Actor(name)


def kill(actor, no_restart):
    assert no_restart
    with at_work("kill"):
        job = read(actor.name)
        if job["state"] == "RUNNING":
            strike(job)
        dead(job, "killed")


def wait(names, num_returns, timeout):
    assert num_returns == len(names)
    assert timeout == 0
    ended = [name for name in names if (JOBS / f"{name}.json").exists() and read(name)["state"] == "DEAD"]
    return ended, [name for name in names if name not in ended]


def get(name):
    raise ActorDiedError(*read(name)["why"])


def exit_actor():
    raise SystemExit(0)


actor = SimpleNamespace(exit_actor=exit_actor)
exceptions = SimpleNamespace(RayError=RayError, ActorUnavailableError=ActorUnavailableError)
util = SimpleNamespace(list_named_actors=list_named_actors)
