"""The toy trainer: a score made of quality and seed, or one of the ways in which a run fails."""

import os
import signal
import sys
import time
from pathlib import Path

from promo.run.contract import Outcome
from promo.run.values import RunStatus


class OutOfMemoryError(RuntimeError):
    pass


def train(request, recorder):
    settings, seed = request["settings"], request["run"]["seed"]
    behaviour = settings["behaviour"]
    amount = float(request["budget"]["amount"])
    with recorder.phase("build"):
        pass
    if behaviour == "once" and request["attempt"] == 1:
        behaviour = "crash"
    if behaviour == "slow":
        time.sleep(0.4)
    value = float(settings["quality"]) + ((seed * 7919) % 101 - 50) / 1000 + 1.0 / amount
    recorder.point(step=1, tokens=10, charged_s=amount / 2, train_bpb=value + 0.5)
    FAILURES.get(behaviour, lambda: None)()
    recorder.add("train", amount)
    recorder.point(step=2, tokens=20, charged_s=amount, loss=value)
    if behaviour == "nan":
        value = float("nan")
    used = amount * 3 if behaviour == "worse" else amount
    details = {
        "work": {"steps": 2, "tokens": 20, "tokens_per_s": "10.0"},
        "budget": {"kind": "wall", "amount": str(int(amount)), "used": repr(used), "last_step": "0.0"},
        "memory": {"peak_rss_bytes": 1024, "peak_device_bytes": None},
    }
    if behaviour == "forged":
        return Outcome(RunStatus.OK, {"other": value}, details)
    return Outcome(RunStatus.OK, {"loss": value, "gain": -value}, details)


def crash():
    raise ValueError("the toy broke <b>on purpose</b>")


def oom():
    raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


def memory():
    raise MemoryError


def hang():
    # A grandchild in a session of its own that ignores polite requests, as real trainers have them.
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        Path(os.environ.get("TMPDIR", "/tmp"), f"toy-orphan-{os.getppid()}").write_text(str(os.getpid()))
        time.sleep(600)
    time.sleep(600)


def leave():
    sys.stdout.write("last words\n")
    sys.stdout.flush()
    os._exit(7)


def leak():
    sys.stdout.write("logging in with hf_CanaryCanaryCanary1234\ntotal_tokens: 499\n")
    raise ValueError("401 for https://me:canary7f3a@example.org, api_key='canary7f3a'")


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def nothing():
    os._exit(0)


FAILURES = {
    "crash": crash,
    "oom": oom,
    "memory": memory,
    "hang": hang,
    "exit": leave,
    "kill": kill,
    "leak": leak,
    "nothing": nothing,
}
