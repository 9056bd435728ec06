"""
Attempts as actors of a Ray cluster: one detached, named actor for each, which holds promo's own supervisor.

Ray never restarts an actor of promo's and never repeats its calls: a second copy would train unseen.  A name is taken
once in a namespace, and one call asks for all attempts.  What Ray says of a dead actor tells a lost node from a
cancelled one; whether an attempt has begun and how it ended is read from its folder, as for any queue.

Ray's own client is kept out of promo's process (see `promo.run.executors.ray_driver`): it may hang, or die with the
head of its cluster, and is then started again.  Nothing of Ray is imported here.  A head may also hang whose machine
still takes connections: promo waits for it only briefly, goes on with all else, and hears later what it has to say.

A cluster that takes anybody's word runs anybody's code, so promo speaks to it with a token alone, from a file that only
its owner may read.
"""

import contextlib
import importlib.util
import json
import os
import queue
import re
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, ClassVar

from promo.base.classes import frozen
from promo.base.errors import KEPT, PromoError
from promo.ledger.losses import Loss
from promo.run.disk import DISK
from promo.run.executors.queued import GRACE, Job, Listed, QueueExecutor, Row, own_environment, text_of
from promo.run.locks import has_begun
from promo.run.store import REQUEST, parse_request, read_exit
from promo.run.values import AttemptSpec, Request
from promo.study.given import Options
from promo.study.ports import ExecutorOption, OptionKind, no_fault

NAMESPACE = "promo"
TOKEN = "~/.ray/auth_token"  # noqa: S105 - where Ray itself looks for one
REACH_S, HOLD_S, CONNECT_S, ANSWER_S = 5, 10, 40, 90
"""
How long promo waits for a cluster to be reached at all, for an answer, and for the first connection to a cluster.

And how long a driver may owe an answer until another one takes its place.
"""
PLACE_S = 30.0
"""How long an actor waits until promo asks whether any node could ever hold it, and again after as long."""
LAST_WORDS_S = 10.0
"""How long supervisors may take to end their runs when their actors are gone."""
AMOUNT = r"[A-Za-z0-9_.-]{1,60}=([0-9]{1,6}(\.[0-9]{1,3})?|\{devices\})"
LABEL = r"[A-Za-z0-9_./-]{1,60}=[A-Za-z0-9_.-]{1,60}"
NODE = "ray.io/node-id"
OWN = frozenset({"memory", "object_store_memory"})
"""Resources of a node that are bytes, and of which a run asks for the first alone."""
OF_RAY = {"CPU": "cpus", "GPU": "gpus", "memory": "memory"}
"""What Ray takes in no list of resources -> the option that asks for it."""
PORT = r"(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
SIZES = {"M": 2**20, "G": 2**30, "T": 2**40}
LOSSES = {"node has died": Loss.NODE, "node was": Loss.NODE, "ray.kill": Loss.CALLED_OFF}
"""Words with which Ray says why an actor is dead -> why its attempt is lost."""


def _text(
    example: str, meaning: str, form: str, *, moves: bool = False, fault: Callable[[str], str] = no_fault
) -> ExecutorOption:
    return ExecutorOption(OptionKind.TEXT, example, meaning, moves, form, fault=fault)


def _no_pairs(text: str) -> str:
    """What is wrong with names and what they are: the last of two would count, and what no node has begins nowhere."""
    named = [pair.partition("=")[0] for pair in text.split(",")]
    if NODE in named:
        return f"has '{NODE}', which Ray makes up anew each time a node starts; label nodes with: ray start --labels"
    twice = next((name for name in named if named.count(name) > 1), None)
    return "" if twice is None else f"has '{twice}' twice"


def _no_resources(text: str) -> str:
    """What is wrong with resources: some have options of their own, and none of one asks for nothing."""
    of_ray = next((name for name in OF_RAY if re.search(rf"(^|,){name}=", text)), None)
    if of_ray is not None:
        return f"has '{of_ray}', which is asked for by the option {OF_RAY[of_ray]}"
    return "asks for none of a resource" if re.search(r"=0+(\.0*)?(,|$)", text) else _no_pairs(text)


@frozen
class Cluster:
    """A cluster as promo reaches it; *address*: None for the one that this machine belongs to."""

    address: str | None
    namespace: str
    token: Path


class RayExecutor(QueueExecutor):
    """See the module."""

    tells_who_waits: ClassVar[bool] = False
    options: ClassVar[Mapping[str, ExecutorOption]] = {
        "address": _text(
            '"10.0.0.1:6379"',
            "the cluster's head; the cluster that this machine belongs to by default",
            rf"[A-Za-z0-9_.-]{{1,200}}:{PORT}",
        ),
        "cpus": ExecutorOption(
            OptionKind.COUNT, "8", "processors of a device's process; as many as `threads` by default"
        ),
        "gpus": ExecutorOption(
            OptionKind.COUNT,
            "1",
            "GPUs of an actor; as many as its run has by default, unless the device is cpu",
            moves=True,
            fixed=int,
        ),
        "grace": GRACE,
        "labels": _text(
            '"zone=a,gpu=h100"', "labels that the node has", rf"{LABEL}(,{LABEL}){{0,9}}", moves=True, fault=_no_pairs
        ),
        "memory": _text(
            '"40G"', "main memory that Ray sets aside for an actor, and does not enforce", "[1-9][0-9]{0,5}[MGT]"
        ),
        "namespace": _text(f'"{NAMESPACE}"', "the namespace of the actors' names", r"[A-Za-z0-9_.-]{1,60}"),
        "resources": _text(
            '"h100={devices}"',
            "resources of the node that an actor takes; `{devices}`: as a run has",
            rf"{AMOUNT}(,{AMOUNT}){{0,9}}",
            moves=True,
            fault=_no_resources,
        ),
        "token": _text(
            '"~/.ray/token"', f"file of the cluster's token; {TOKEN} by default", r"[A-Za-z0-9_./~@+-]{1,300}"
        ),
    }

    def __init__(self) -> None:
        super().__init__()
        self._drivers: dict[Cluster, Driver] = {}
        self._reached: set[Cluster] = set()
        """Those that have answered this promo at least once."""
        self._next_offers = 0.0
        self._homeless: set[tuple[Cluster, Options]] = set()
        """Kinds of actors of which it was told that no node could hold them."""

    def submit(self, attempt: AttemptSpec, name: str) -> str | None:
        """Register the actor, which Ray starts where it has room."""
        cluster = _cluster(attempt.options)
        request = parse_request(DISK.read(attempt.folder / REQUEST) or b"")
        answer = self._answer(
            cluster,
            {
                "start": name,
                "needs": needs(attempt.options, request),
                "argv": [sys.executable, "-P", "-m", "promo.run.supervise", "alone", "apart"],
                "environment": dict(attempt.environment),
                "run": {
                    "run": str(attempt.folder.resolve()),
                    "limit_s": attempt.limit_s,
                    "trainer": attempt.trainer,
                    "output_bytes": attempt.output_bytes,
                },
            },
        )
        if answer is None and cluster not in self._reached:
            self._silent_since = self._silent_since or time.monotonic()
            where = cluster.address or "this machine"
            raise PromoError(f"no Ray answers at {where}", hint="start it there with: ray start, then run again")
        if answer is not None and "refused" in answer:
            raise PromoError(f"Ray refuses the actor: {answer['refused']}", hint=KEPT)
        return None if answer is None else name

    def listed(self, jobs: Sequence[Job]) -> Mapping[str, Row] | None:
        """All named actors of a cluster in one call."""
        groups: dict[Cluster, list[Job]] = {}
        for job in jobs:
            groups.setdefault(_cluster(job.options), []).append(job)
        rows: dict[str, Row] = {}
        for cluster, those in groups.items():
            patience_s = HOLD_S if self._stopping else 0
            answer = self._answer(cluster, {"look": [job.name for job in those]}, patience_s)
            if answer is None:
                rows |= {job.name: Row(job.name, Listed.SILENT) for job in those}
            else:
                rows |= {name: Row(name, Listed.QUEUED) for name in answer["alive"]}
                rows |= {name: _dead(name, *said) for name, said in answer["dead"].items()}
                self._look_for_room(cluster, [job for job in those if job.name in answer["alive"]])
        return rows

    def _look_for_room(self, cluster: Cluster, jobs: Sequence[Job]) -> None:
        """Ray lets an actor wait for ever for what no node has: who waits long is told what it asks, and who offers."""
        now = time.monotonic()
        waiting = [job for job in jobs if now - job.since >= PLACE_S and not has_begun(job.folder)]
        if not waiting or now < self._next_offers:
            return
        self._next_offers = now + PLACE_S
        nodes = (self._answer(cluster, {"offers": True}) or {"offers": None})["offers"]
        for job in waiting:
            wanted = needs(job.options, parse_request(DISK.read(job.folder / REQUEST) or b""))
            kind = (cluster, job.options)
            if nodes is None or kind in self._homeless or any(could_hold(one, wanted) for one in nodes):
                continue
            self._homeless.add(kind)
            offers = "; ".join(f"{one['address']}: {in_words(one['resources'], one['labels'])}" for one in nodes)
            self._news.append(
                f"no node of the Ray cluster can hold {job.folder}, which has waited for {now - job.since:.0f} s:"
                f" it asks for {in_words(amounts(wanted), wanted['label_selector'])};"
                f" nodes offer {offers or 'nothing'}; it waits until one does, or for: promo stop"
            )

    def end(self, jobs: Sequence[Job]) -> None:
        """Kill actors; their supervisors see that, end their runs and write it down."""
        groups: dict[Cluster, list[str]] = {}
        for job in jobs:
            groups.setdefault(_cluster(job.options), []).append(job.name)
        for cluster, names in groups.items():
            self._answer(cluster, {"end": names})

    def cancel(self, handles: Sequence[Job]) -> Sequence[Job]:
        """Have them ended, and wait for what their supervisors have left to say."""
        going = [job for job in handles if job.stand is None]
        left = super().cancel(handles)
        ending = [job for job in going if job not in left]
        until = time.monotonic() + LAST_WORDS_S
        while time.monotonic() < until and any(_has_last_words(job.folder) for job in ending):
            time.sleep(0.05)
        return [job for job in left if read_exit(DISK, job.folder) is None]

    def close(self) -> None:
        """Let go of the clusters, whose actors go on."""
        super().close()
        while self._drivers:
            self._drivers.popitem()[1].close()

    def _answer(self, cluster: Cluster, asked: Mapping[str, object], late_s: float = 0) -> dict[str, Any] | None:
        """
        What a cluster's driver answers; None where it does not, at least not soon.

        Args:
            cluster: whose.
            asked: the question.
            late_s: how long to wait for a cluster that is known to be silent.

        Raises:
            PromoError: it never will, as this machine is.
        """
        driver = self._drivers.get(cluster) or connecting(cluster)
        if driver is None:
            return None
        self._drivers[cluster] = driver
        try:
            return self._asked(cluster, driver, asked, late_s)
        finally:
            if not driver.connects:
                self._reached.add(cluster)
            if driver.is_over():
                self._drivers.pop(cluster).close()

    def _asked(
        self, cluster: Cluster, driver: "Driver", asked: Mapping[str, object], late_s: float
    ) -> dict[str, Any] | None:
        first = "start" in asked and cluster not in self._reached
        late = driver.is_late() or (driver.connects and self._silent_since is not None)
        patience_s = CONNECT_S if first else late_s if late else HOLD_S
        acts = not first and bool({"start", "end"} & set(asked))
        if (first or late) and not acts and not driver.settle(patience_s):
            return None  # another question would help nobody, and who cannot connect begins nothing
        return driver.ask(asked, patience_s)


def needs(options: Options, request: Request) -> dict[str, Any]:
    """What an actor takes of its node, in Ray's own words."""
    given = text_of(options)
    resources = given.get("resources", "").replace("{devices}", str(request.devices))
    gpus = int(given.get("gpus", 0 if request.device == "cpu" else request.devices))
    wanted: dict[str, Any] = {
        "num_cpus": int(given.get("cpus", request.threads)) * request.devices,
        "num_gpus": gpus,
        "resources": {name: float(amount) for name, amount in _pairs(resources)},
        "label_selector": dict(_pairs(given.get("labels"))),
    }
    if "memory" in given:
        wanted["memory"] = int(given["memory"][:-1]) * SIZES[given["memory"][-1]]
    return wanted


def amounts(wanted: Mapping[str, Any]) -> dict[str, float]:
    """What an actor takes, by the names that nodes offer it under; what it takes none of is left out."""
    named = {"CPU": wanted["num_cpus"], "GPU": wanted["num_gpus"], "memory": wanted.get("memory", 0)}
    return {name: float(amount) for name, amount in {**named, **wanted["resources"]}.items() if amount}


def could_hold(node: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a node could hold an actor if nobody else were there."""
    enough = all(node["resources"].get(name, 0) >= amount for name, amount in amounts(wanted).items())
    return enough and wanted["label_selector"].items() <= node["labels"].items()


def in_words(resources: Mapping[str, float], labels: Mapping[str, str]) -> str:
    """Resources and labels in words, less those that Ray gives every node of itself."""
    said = [f"{amount:g} {name}" for name, amount in sorted(resources.items()) if ":" not in name and name not in OWN]
    said += [f"memory {amount / 2**30:.1f}G" for name, amount in resources.items() if name == "memory"]
    return ", ".join([*said, *(f"{name}={value}" for name, value in sorted(labels.items()) if name != NODE)])


def _pairs(text: str | None) -> list[tuple[str, str]]:
    parts = (one.partition("=") for one in (text or "").split(",") if one)
    return [(name, value) for name, _, value in parts]


def why(preempted: bool, words: str) -> Loss | None:
    """Why an attempt is lost whose actor is dead, where Ray tells."""
    if preempted:
        return Loss.PREEMPTED
    return next((loss for part, loss in LOSSES.items() if part in words), None)


def _dead(name: str, preempted: bool, words: str) -> Row:
    """A dead actor, and the end of what Ray says of that."""
    last = [line.strip() for line in words.splitlines() if line.strip()]
    return Row(name, Listed.ENDED, why(preempted, words), last[-1][:300] if last else "")


def _has_last_words(folder: Path) -> bool:
    """Whether a supervisor is still about to write how its attempt ended."""
    return has_begun(folder) and read_exit(DISK, folder) is None


def _cluster(options: Options) -> Cluster:
    given = text_of(options)
    token = given.get("token") or os.environ.get("RAY_AUTH_TOKEN_PATH") or TOKEN
    return Cluster(given.get("address"), given.get("namespace", NAMESPACE), Path(token).expanduser())


# --- drivers ---------------------------------------------------------------------------------------------------------


class Driver:
    """The process that speaks to a cluster: a line of JSON each way, answers in the order of their questions."""

    def __init__(self, cluster: Cluster) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this
        module = "promo.run.executors.ray_driver"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, cluster.address or "auto", cluster.namespace],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(cluster),
            start_new_session=True,  # what interrupts promo does not interrupt it
        )
        self._token = cluster.token
        self._said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._owed: deque[float] = deque([time.monotonic()])
        """When each question was asked that is not answered yet; the first is whether it is connected."""
        self.connects, self._ended = True, False
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._said.put(line)
        self._said.put(b"")

    def settle(self, patience_s: float) -> bool:
        """
        Whether it has nothing left to answer, at the latest after a time.

        Raises:
            PromoError: it cannot connect, and never will.
        """
        self._hear(patience_s)
        return not self._owed and not self._ended

    def ask(self, asked: Mapping[str, object], patience_s: float) -> dict[str, Any] | None:
        """
        Its answer; None where it gives none, or not soon: the question stays, and is answered to nobody.

        Raises:
            PromoError: it cannot connect, and never will.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            self._hear(patience_s)  # why it has ended
            self._ended = True
            return None
        self._owed.append(time.monotonic())
        answer = self._hear(patience_s)
        return None if self._owed else answer

    def is_late(self) -> bool:
        """Whether it owes an answer that was waited for."""
        self._hear(0)
        return bool(self._owed) and time.monotonic() - self._owed[0] >= HOLD_S

    def is_over(self) -> bool:
        """Whether there is nothing more to be had from it."""
        return self._ended or (bool(self._owed) and time.monotonic() - self._owed[0] >= ANSWER_S)

    def _hear(self, patience_s: float) -> dict[str, Any] | None:
        """The last of all answers that it owes, as far as they come in time."""
        until, answer = time.monotonic() + patience_s, None
        while self._owed and not self._ended:
            try:
                line = self._said.get(timeout=max(until - time.monotonic(), 0))
            except queue.Empty:
                break
            answer, self._ended = (json.loads(line), False) if line else (None, True)
            if self.connects:
                self._note_connected(answer)
            if line:
                self._owed.popleft()
        return answer

    def _note_connected(self, answer: dict[str, Any] | None) -> None:
        said = self._complaints()
        self._ended = answer != {"connected": True}
        self.connects = self._ended
        if self._ended and "InvalidAuthToken" in said:
            hint = "give every `ray start` of the cluster the same token, and name its file: option token"
            raise PromoError(f"Ray does not take the token in {self._token}", hint=hint)
        if self._ended and answer is not None:
            raise PromoError(f"Ray refuses the connection: {answer['refused']}", hint="put that right, then run again")

    def _complaints(self) -> str:
        """The end of what it and Ray complained of."""
        self._errors.seek(max(self._errors.seek(0, os.SEEK_END) - 4000, 0))
        return self._errors.read().decode(errors="replace")

    def close(self) -> None:
        """Be done with it."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._listener.join()
        self._errors.close()


def connecting(cluster: Cluster) -> Driver | None:
    """
    A driver that connects to a cluster; None where nobody is there.

    Raises:
        PromoError: Ray is not installed, or there is no token that can be used.
    """
    if importlib.util.find_spec("ray") is None:
        raise PromoError("executor ray needs Ray, which is not installed", hint="pip install 'promo-lang[ray]'")
    _check_token(cluster.token)
    return Driver(cluster) if _is_reached(cluster.address) else None


def _check_token(path: Path) -> None:
    """
    A token that others can read is none.

    Raises:
        PromoError: it is not there, or others may read it.
    """
    try:
        mode = path.stat().st_mode
    except OSError as fault:
        hint = "write one with: ray get-auth-token --generate, and give it to every ray start"
        raise PromoError(f"no token of Ray can be read in {path}: {fault.strerror}", hint=hint) from fault
    if sys.platform != "win32" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PromoError(f"others may read the token of Ray in {path}", hint=f"chmod 600 {path}")


def _is_reached(address: str | None) -> bool:
    """Whether anybody listens there; Ray's own client would wait for minutes to find out."""
    if address is None:
        return True
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=REACH_S):
        return True
    return False


def _environment(cluster: Cluster) -> dict[str, str]:
    """What Ray's client needs, and nothing that moves its actors elsewhere or sends word to anybody."""
    return own_environment("PYTHONPATH", "RAY_ADDRESS", "RAY_TMPDIR") | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(cluster.token),
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
