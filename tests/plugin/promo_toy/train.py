"""The toy trainer: a score made of quality and seed, or one of the ways in which a run fails."""

import os
import signal
import sys
import time
from pathlib import Path

from promo.base.canonical import digest_bytes
from promo.run.contract import Outcome
from promo.run.values import Counter, RunStatus, Used, Work
from promo_toy.shapes import pretended

GAINS = {"copy_top": 0.5, "interleave": -0.25, "identity": 0.0}
"""Points that a way to grow loses; by the last of them nothing comes out."""


class OutOfMemoryError(RuntimeError):
    pass


def train(request, recorder):
    settings, seed = request.settings, request.run.seed
    behaviour = settings["behaviour"]
    amount = float(request.budget.amount)
    with recorder.phase("build"):
        pass
    if behaviour in ("lawful", "noisy", "wild"):
        return along_laws(request, recorder)
    if behaviour == "once" and request.attempt == 1:
        behaviour = "crash"
    if behaviour == "slow":
        time.sleep(0.4)
    value = float(settings["quality"]) + ((seed * 7919) % 101 - 50) / 1000 + 1.0 / max(amount, 1.0)
    grow = request.grow
    if grow is not None:
        if grow.state is None:
            return Outcome(RunStatus.INVALID, {}, cause="there is nothing to grow from")
        value += GAINS[grow.way] if grow.way is not None else int(grow.state[:2], 16) / 1000
        behaviour = "nan" if grow.way == "identity" else behaviour
    if request.trunk is not None and request.continues is not None and request.continues.state is None:
        return Outcome(RunStatus.INVALID, {}, cause="there is nothing to carry on")
    value += later(request)
    recorder.point(step=1, tokens=10, charged_s=amount / 2, train_bpb=value + 0.5)
    FAILURES.get(behaviour, lambda: None)()
    if behaviour.startswith("asked"):  # somebody outside asks it to end, and it ends in order
        signal.signal(signal.SIGTERM, lambda *_: None)
        os.kill(os.getpid(), signal.SIGTERM)
    recorder.add("train", amount)
    recorder.point(step=2, tokens=20, charged_s=amount, loss=value)
    if behaviour == "nan":
        value = float("nan")
    used = amount * {"worse": 3, "asked": 0.97, "short": 0.97}.get(behaviour, 1)
    kept = None
    if request.checkpoint.at_end:  # what it would have kept; another run keeps another state
        kept = digest_bytes(f"{request.run.id} {value!r}".encode())
    if request.changes and behaviour != "worse":
        done = pretended(request, Counter.SIMULATED)
        metrics = {"loss": value, "gain": -value}
        return Outcome(RunStatus.OK, metrics, used=done.used, work=done.work, segments=done.segments, checkpoint=kept)
    return Outcome(
        RunStatus.OK,
        {"other": value} if behaviour == "forged" else {"loss": value, "gain": -value},
        used=Used(request.budget.kind, repr(used), "0.0" if used >= amount else None, Counter.SIMULATED),
        work=Work(steps=2, tokens=20, tokens_per_s="4.0" if settings["behaviour"] == "slow" else "10.0"),
        checkpoint=kept,
        trunk=digest_bytes(f"{request.run.id} trunk".encode()) if request.trunk is not None else None,
    )


def later(request):
    """What a way loses at a later look of its lag; with a parent of quality 1 the order turns at each look."""
    way = next((way for way in GAINS if request.run.candidate.endswith(f"_{way}")), None)
    if way is None or request.trunk is None or request.continues is None:
        return 0.0
    looks = request.continues.earlier // request.budget.amount
    return GAINS[way] * (-1 if request.settings["quality"] == "1" and looks % 2 else 1)


LAWS = {8: (1.0, 30.0, 0.5), 16: (0.5, 90.0, 0.55), 24: (0.4, 200.0, 0.6), 32: (0.3, 300.0, 0.62)}
"""Size -> floor, factor and exponent of its law in operations."""


def along_laws(request, recorder):
    """A loss that falls by the law of its size, and goes on by another one's where its shape changes."""
    done, loss, used, tokens = pretended(request, Counter.SIMULATED), float("inf"), 0.0, 0
    for shape, one in zip([request, *request.changes], done.segments, strict=False):
        floor, factor, exponent = LAWS[shape.settings["size"]]
        entered = ((loss - floor) / factor) ** (-1 / exponent) if used else 0.0
        loss, used = floor + factor * (entered + float(one.until) - used) ** -exponent, float(one.until)
        tokens += one.tokens
        recorder.point(tokens=tokens, charged_s=used, loss=loss)
    value = loss * (1 + ((request.run.seed * 7919) % 101 - 50) / 50_000)
    if request.settings["behaviour"] == "noisy":  # another noise for each run
        value *= 1 + (int(digest_bytes(request.run.id.encode())[:4], 16) / 2**16 - 0.5) / 50
    if request.settings["behaviour"] == "wild":
        value = 1e300 if request.run.seed % 2 else 1e-300
    return Outcome(
        RunStatus.OK,
        {"loss": value, "gain": -value},
        used=done.used,
        work=done.work,
        segments=done.segments if request.changes else (),
    )


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
