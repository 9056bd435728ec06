"""
Speaks to a Ray cluster for promo: `python -m promo.run.executors.ray_driver ADDRESS NAMESPACE`.

Ray's client lives and dies with its cluster: it keeps threads, takes signals over, knows one cluster, and ends its
process when the head has been away for a minute.  So it has a process of its own, which is told by lines of JSON on its
standard input and answers each by one on its standard output, and which ends when nobody can ask any more.

    {"start": NAME, "needs": {...}, "argv": [...], "environment": {...}, "run": {...}}        {"started": true}
    {"look": [NAME, ...]}                              {"alive": [NAME, ...], "dead": {NAME: [preempted, words]}}
    {"end": [NAME, ...]}                                                                      {"ended": true}
    {"offers": true}                    {"offers": [{"address": TEXT, "resources": {...}, "labels": {...}}, ...]}

Whatever it does not expect ends it, and its asker knows no more than before.
"""

import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promo.run.attend import TEMPORARY
from promo.run.store import SUPERVISOR

DEVICES = "CUDA_VISIBLE_DEVICES"
LEAVING_S, LOOK_S = 5.0, 1.0
"""How long an actor may take to leave, and how often it looks whether its raylet lives."""


class Attempt:
    """
    The actor: as long as its process lives, promo's supervisor does, and the other way round.

    It is pickled by its value, so a node needs Ray and promo's own environment, and nothing else.
    """

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], run: Mapping[str, Any], has_gpus: bool
    ) -> None:
        """Start the supervisor, which leaves this process, so that Ray does not kill both at once, and tell it."""
        inner = {name: value for name, value in environment.items() if name not in TEMPORARY or Path(value).is_dir()}
        if has_gpus:  # those that Ray gave this actor
            inner[DEVICES] = os.environ.get(DEVICES, "")
        with (Path(run["run"]) / SUPERVISOR).open("ab") as errors:
            process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=run["run"], env=inner
            )
        assert process.stdin is not None
        assert process.stdout is not None
        self._lifeline, self._said = process.stdin, process.stdout
        self._over, self._watched = threading.Event(), False
        with contextlib.suppress(OSError):  # it could not start, and is over
            self._lifeline.write(json.dumps(run).encode() + b"\n")
            self._lifeline.flush()
        threading.Thread(target=self._wait, daemon=True).start()
        process.wait()

    def _wait(self) -> None:
        """
        See the supervisor end, and this process soon after, whether anybody looks on or not.

        Its raylet is its parent.  When that dies Ray lets an actor live whose call does not return, on a device that
        the next raylet gives away.
        """
        said, raylet = self._said.fileno(), os.getppid()
        while True:
            if not select.select([said], [], [], LOOK_S)[0]:
                if os.getppid() != raylet:
                    os._exit(1)
            elif os.read(said, 4096):  # how the attempt ended, of which its folder has the same
                self._lifeline.close()
            else:
                break
        self._over.set()
        if self._watched:
            time.sleep(LEAVING_S)
        os._exit(0)

    def over(self) -> None:
        """Wait until the attempt is over, and leave as Ray would have it."""
        import ray

        self._watched = True
        self._over.wait()
        ray.actor.exit_actor()


class Cluster:
    """A cluster that has been connected to."""

    def __init__(self, address: str, namespace: str) -> None:
        import ray

        self._ray = ray
        ray.init(address=address, namespace=namespace, log_to_driver=False, configure_logging=False)
        self._actor = ray.remote(Attempt)
        self._actors: dict[str, Any] = {}
        self._ends: dict[str, Any] = {}
        """The end of each actor, not come yet."""
        self._dead: dict[str, tuple[bool, str]] = {}

    def start(self, name: str, needs: Mapping[str, Any], given: Sequence[Any]) -> dict[str, object]:
        """Register an actor."""
        fixed = {"lifetime": "detached", "max_restarts": 0, "max_task_retries": 0}
        try:
            actor = self._actor.options(name=name, **fixed, **needs).remote(*given)
        except (TypeError, ValueError) as fault:
            return {"refused": _line(fault)}
        self._actors[name], self._ends[name] = actor, actor.over.remote()
        return {"started": True}

    def look(self, names: Sequence[str]) -> dict[str, object]:
        """Who is registered, and what is known of the dead."""
        listed = set(self._ray.util.list_named_actors())
        for name in listed.intersection(names).difference(self._ends, self._dead):
            with contextlib.suppress(ValueError):  # it has ended meanwhile
                self._actors[name] = self._ray.get_actor(name)
                self._ends[name] = self._actors[name].over.remote()
        self._see([name for name in names if name in self._ends])
        dead = {name: self._dead[name] for name in names if name in self._dead}
        return {"alive": [name for name in names if name in listed and name not in dead], "dead": dead}

    def _see(self, names: Sequence[str]) -> None:
        """Take note of ends that have come."""
        watched = {self._ends[name]: name for name in names}
        if not watched:
            return
        ended, _ = self._ray.wait(list(watched), num_returns=len(watched), timeout=0)
        for one in ended:
            name = watched[one]
            del self._ends[name]
            try:
                self._ray.get(one)
            except self._ray.exceptions.ActorUnavailableError:
                self._ends[name] = self._actors[name].over.remote()  # asked again: its name is gone with its node
            except self._ray.exceptions.RayError as fault:
                self._dead[name] = (bool(getattr(fault, "preempted", False)), str(fault)[-2000:])

    def end(self, names: Sequence[str]) -> dict[str, object]:
        """Kill actors, whether they have begun or not."""
        for name in names:
            with contextlib.suppress(ValueError):  # it is no more
                self._ray.kill(self._ray.get_actor(name), no_restart=True)
        return {"ended": True}

    def offers(self) -> dict[str, object]:
        """What each living node has in all, whoever uses it now."""
        alive = [node for node in self._ray.nodes() if node["Alive"]]
        names = {"address": "NodeManagerAddress", "resources": "Resources", "labels": "Labels"}
        return {"offers": [{name: node.get(own) or {} for name, own in names.items()} for node in alive]}

    def answer(self, asked: Mapping[str, Any]) -> dict[str, object]:
        """Do what is asked."""
        if "start" in asked:
            given = (asked["argv"], asked["environment"], asked["run"], asked["needs"]["num_gpus"] > 0)
            return self.start(asked["start"], asked["needs"], given)
        if "offers" in asked:
            return self.offers()
        return self.look(asked["look"]) if "look" in asked else self.end(asked["end"])


def _line(fault: Exception) -> str:
    """What went wrong, in a line."""
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:500]


def _read(lines: "queue.SimpleQueue[bytes]") -> None:
    rest = b""
    while more := os.read(0, 65_536):
        *whole, rest = (rest + more).split(b"\n")
        for line in whole:
            lines.put(line)
    os._exit(0)  # nobody asks any more, whatever Ray is waiting for


def main(address: str, namespace: str) -> int:
    """Serve until standard input closes."""
    say = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever Ray prints is no answer
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()

    def tell(answer: Mapping[str, object]) -> None:
        say.write(json.dumps(answer).encode() + b"\n")
        say.flush()

    import ray

    try:
        cluster = Cluster(address, namespace)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as fault:
        tell({"refused": _line(fault)})
        return 1
    tell({"connected": True})
    while True:
        tell(cluster.answer(json.loads(lines.get())))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
