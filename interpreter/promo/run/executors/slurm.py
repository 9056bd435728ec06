"""
Attempts as jobs of Slurm: plain `sbatch` of a fixed script, one `squeue` for all, `scancel` to end them.

What becomes due together and asks for the same is one array, which is one `sbatch`: its name is the stem of the
attempts' names, and an element's number is the rest of its own.  A site that has no arrays gets a job for each.

Slurm never requeues a job of promo's: a second copy would run beside the first (it has been seen to).  Its own time
limit lies behind promo's, unless the host's block says otherwise.  `sacct` may tell why a job that is no longer listed
ended; nothing rests on it, for it needs a database that many sites do not have.

No word of a spec reaches a shell: options become `--name=value` words of `sbatch`, the script is fixed, and everything
else is read from the attempt's folder.
"""

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence, Set
from math import ceil
from typing import ClassVar

from promo.base.errors import KEPT, PromoError
from promo.base.units import is_digits
from promo.ledger.losses import Loss
from promo.run.disk import DISK
from promo.run.executors.queued import (
    GRACE,
    Job,
    Listed,
    QueueExecutor,
    Row,
    job_of,
    own_environment,
    stem_of,
    text_of,
)
from promo.run.executors.slurm_reasons import told
from promo.run.executors.tools import ANEW_S, Tools
from promo.run.store import REQUEST, SUPERVISOR, parse_request
from promo.run.values import AttemptSpec
from promo.study.given import Level
from promo.study.ports import DEVICES, WORD, ExecutorOption, OptionKind

SCRIPT = b'#!/bin/sh\nexec "$PROMO_PYTHON" -P -m promo.run.attend "$PROMO_ATTEMPT"\n'
ARRAY = b"""#!/bin/sh
folder=$(printenv "PROMO_ATTEMPT_$SLURM_ARRAY_TASK_ID") && cd "$folder" || exit 2
exec "$PROMO_PYTHON" -P -m promo.run.attend "$folder" >>supervisor.txt 2>&1
"""
AFTER_S = 120
"""Seconds that Slurm's time limit lies behind promo's, for the supervisor to start and to clear up."""
TOOL_S = 90
"""How long `sbatch` may take to answer."""
IN_DOUBT = (
    "unable to contact",
    "connection",
    "communication",
    "socket",
    "zero bytes",
    "temporarily",
    "timed out",
    "again",
)
"""Words of a refusal that leave open whether the job was taken, or is no refusal of the job."""
REFUSED = "submission failed"
"""What the line has in which Slurm itself says why; lines before it may be a site's own, in any words."""
LONGEST_REFUSAL = 2000
ANSWER = re.compile(r"([0-9]+)(;\S*)?")
"""The line of an answer that `--parsable` asks for: number, and cluster; a wrapper may print others around it."""
NO_ARRAYS = "array"
"""A word of the refusal of a site that bounds arrays, or has none."""
WAITS = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD"})
RUNS = frozenset({"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"})
LOSSES: Mapping[str, Loss] = {
    "PREEMPTED": Loss.PREEMPTED,
    "NODE_FAIL": Loss.NODE,
    "BOOT_FAIL": Loss.NODE,
    "SPECIAL_EXIT": Loss.NODE,
    "TIMEOUT": Loss.SITE_LIMIT,
    "DEADLINE": Loss.SITE_LIMIT,
    "CANCELLED": Loss.CALLED_OFF,
    "REVOKED": Loss.CALLED_OFF,
}
"""State of a job that has ended -> why its attempt is lost, where its supervisor did not see it to its end."""


NODE = re.compile(r"[A-Za-z0-9_.-]+")
"""The name of one node; of several it is a list."""
NODES = r"[A-Za-z0-9_.,\[\]-]{1,1000}"
CONSTRAINT = r"[A-Za-z0-9_.:=+&|,*!()\[\]-]{1,200}"
PATHS = r"[A-Za-z0-9_.:/@#,=+~-]{1,1000}"
GRES = r"([A-Za-z0-9_.:,=@+-]|\{devices\}){1,200}"


NAMED = {
    "cpus": "cpus-per-task",
    "gpus": "gpus-per-node",
    "image": "container-image",
    "memory": "mem",
    "mounts": "container-mounts",
    "nodes": "nodelist",
}
"""Options that `sbatch` has another word for."""


def gpus_of(value: Level) -> int | None:
    """GPUs that a list of resources asks for; None where it names none, or takes their number from the run."""
    parts = [one.replace("=", ":").split(":") for one in str(value).split(",")]
    gpus = [one for one in parts if one[0] in ("gpu", "gres/gpu") and one[-1] != "{devices}"]
    return sum(int(one[-1]) if is_digits(one[-1]) else 1 for one in gpus) or None


def _text(example: str, meaning: str, *, moves: bool = False, form: str = WORD) -> ExecutorOption:
    return ExecutorOption(OptionKind.TEXT, example, meaning, moves, form)


def _count(example: str, meaning: str, *, moves: bool = False) -> ExecutorOption:
    return ExecutorOption(OptionKind.COUNT, example, meaning, moves)


class SlurmExecutor(QueueExecutor):
    """See the module; a job for each attempt, on as many nodes as its host's block says."""

    spreads: ClassVar[bool] = True
    options: ClassVar[Mapping[str, ExecutorOption]] = {
        "account": _text('"lab"', "who is charged"),
        "constraint": _text('"h100&ib"', "features that the node has", moves=True, form=CONSTRAINT),
        "cpus": _count("8", "processors of a device's process; as many as `threads` by default"),
        "exclude": _text('"node[7-9]"', "nodes that are not used", form=NODES),
        "gpus": ExecutorOption(
            OptionKind.COUNT,
            "1",
            "GPUs of each node, by `--gpus-per-node` and not `--gres`; as many as each run has",
            moves=True,
            fixed=int,
        ),
        "grace": GRACE,
        "gres": ExecutorOption(
            OptionKind.TEXT,
            '"gpu:h100:{devices}"',
            "resources of each node, `gpu:{devices}` by default unless the device is cpu; `{devices}`: as a run has",
            moves=True,
            form=GRES,
            fixed=gpus_of,
            places=(DEVICES,),
        ),
        "image": _text(
            '"nvcr.io#nvidia/pytorch:25.01-py3"',
            "pyxis' `--container-image`, where it is installed",
            moves=True,
            form=PATHS,
        ),
        "memory": _text('"40G"', "main memory of a job"),
        "mounts": _text('"/shared:/shared"', "pyxis' `--container-mounts`: what `image` sees of the node", form=PATHS),
        "nodes": _text('"node[1-4]"', "nodes that may be used", form=NODES),
        "partition": _text('"gpu"', "the partition"),
        "qos": _text('"short"', "the quality of service"),
        "reservation": _text('"course"', "the reservation"),
        "time": ExecutorOption(
            OptionKind.TIME, "2h", "Slurm's time limit of a job; 2 minutes behind promo's own by default"
        ),
    }

    def __init__(self) -> None:
        super().__init__()
        self._tools = Tools()
        self._arrays = True
        """Whether this site has them, as far as is known."""
        self._accounts = True
        """Whether it has a `sacct` that answers, as far as is known."""

    def submit(self, attempt: AttemptSpec, name: str) -> str | None:
        """`sbatch`; in doubt the job is looked for by its name."""
        folder = str(attempt.folder.resolve())
        output = f"{folder}/{SUPERVISOR}".replace("%", "%%")
        words = [f"--job-name={name}", f"--chdir={folder}", f"--output={output}"]
        return self._submitted(words, attempt, SCRIPT, {"PROMO_ATTEMPT": folder})

    def batches(self, attempts: Sequence[AttemptSpec]) -> Sequence[Sequence[AttemptSpec]]:
        """By the stem of their names and by what they ask for."""
        found: dict[object, list[AttemptSpec]] = {}
        for one in attempts:
            asks = (stem_of(job_of(one))[0], *_words(one), *sorted(one.environment.items()))
            found.setdefault(asks, []).append(one)
        return list(found.values())

    def submit_batch(self, batch: Sequence[AttemptSpec]) -> Sequence[str | None]:
        """One `sbatch --array`, where there are several."""
        if len(batch) == 1 or not self._arrays:
            return super().submit_batch(batch)
        places = [stem_of(job_of(one)) for one in batch]
        array = f"--array={','.join(place for _, place in places)}"
        words = [f"--job-name={places[0][0]}", array, "--chdir=/", "--output=/dev/null"]
        folders = {
            f"PROMO_ATTEMPT_{place}": str(one.folder.resolve()) for one, (_, place) in zip(batch, places, strict=True)
        }
        try:
            number = self._submitted(words, batch[0], ARRAY, folders)
        except PromoError as fault:
            if NO_ARRAYS not in str(fault).lower():
                raise
            self._arrays = False
            return super().submit_batch(batch)
        return [None if number is None else f"{number}_{place}" for _, place in places]

    def _submitted(self, own: list[str], attempt: AttemptSpec, script: bytes, further: Mapping[str, str]) -> str | None:
        """
        What `sbatch` answers, as below, kept from bad nodes; where Slurm has no others, they are no longer avoided.

        Raises:
            PromoError: it was refused.
        """
        known, environment = self.machines.get(attempt.options), {**attempt.environment, **further}
        if known is not None and known.bad:
            try:
                return _sbatch([*own, *_words(attempt, known.bad)], script, environment)
            except PromoError:
                known.bad.clear()
        return _sbatch([*own, *_words(attempt)], script, environment)

    def avoid(self, bad: Set[str], jobs: Sequence[Job]) -> None:
        """`scontrol update`, once for all."""
        numbers = [job.number for job in jobs if job.number is not None]
        if numbers:
            nodes = _excluded(text_of(jobs[0].options), bad)
            _said(["scontrol", "update", f"JobId={','.join(numbers)}", f"ExcNodeList={nodes}"])

    def why_waiting(self, said: str) -> str:
        """Slurm's own word, and what it means where that is known."""
        return told(said)

    def listed(self, jobs: Sequence[Job]) -> Mapping[str, Row] | None:
        """`squeue`, once for all jobs of this user."""
        del jobs
        words = ["squeue", "--noheader", "--array", "--states=all", "--me", "--format=%i|%j|%T|%K|%N|%r"]
        with contextlib.suppress(OSError):
            answer = self._tools.ask(words, own_environment("SLURM_CONF"), anew=self._stopping)
            if answer is not None and answer.code == 0:
                return _rows(answer.said.decode(errors="replace"))
        return None

    def close(self) -> None:
        """No `squeue` is waited for any more."""
        super().close()
        self._tools.close()

    def end(self, jobs: Sequence[Job]) -> None:
        """`scancel`, once for all."""
        numbers = [job.number for job in jobs if job.number is not None]
        if numbers:
            _said(["scancel", "--quiet", *numbers])

    def why_gone(self, job: Job) -> Loss | None:
        """`sacct`, where there is one that answers."""
        stem, place = stem_of(job.name)
        fixed = ["sacct", "--noheader", "--parsable2", "--allocations", "--format=JobID,JobName,State"]
        asked = time.monotonic()
        said = _said([*fixed, f"--name={job.name},{stem}"]) if self._accounts else None
        self._accounts = self._accounts and time.monotonic() - asked < ANEW_S
        lines = [line.split("|") for line in (said or "").splitlines() if line.count("|") == 2]
        states = [state for number, name, state in lines if name == job.name or number.endswith(f"_{place}")]
        return LOSSES.get(states[-1].split()[0].rstrip("+")) if states and states[-1].strip() else None


def _sbatch(words: list[str], script: bytes, environment: Mapping[str, str]) -> str | None:
    """
    What `sbatch` calls what it was given; None where nobody knows whether it was taken.

    Raises:
        PromoError: it was refused.
    """
    inner = {**environment, **own_environment("SLURM_CONF"), "PROMO_PYTHON": sys.executable}
    fixed = ["sbatch", "--parsable", "--no-requeue"]
    try:
        done = subprocess.run(
            [*fixed, *words], input=script, env=inner, capture_output=True, timeout=TOOL_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    except OSError as fault:
        message = f"sbatch cannot be started: {fault.strerror}"
        raise PromoError(message, hint="run promo on a machine that has Slurm's tools") from fault
    said = (done.stderr or done.stdout).decode(errors="replace").strip()
    if done.returncode == 0:
        answers = (ANSWER.fullmatch(line.strip()) for line in done.stdout.decode(errors="replace").splitlines())
        return next((found[1] for found in reversed([*answers]) if found is not None), None)
    why = next((line for line in said.splitlines() if REFUSED in line), said).lower()
    if any(word in why for word in IN_DOUBT):
        return None
    raise PromoError(f"Slurm refuses the job: {said[-LONGEST_REFUSAL:] or done.returncode}", hint=KEPT)


def _excluded(given: Mapping[str, str], bad: Iterable[str]) -> str:
    """Nodes that are not used: those of a host's block, and bad ones."""
    return ",".join([*filter(None, [given.get("exclude")]), *sorted(bad)])


def _words(attempt: AttemptSpec, bad: Iterable[str] = ()) -> list[str]:
    """What a host's block says, as words of `sbatch`, and nodes that turned out bad."""
    given = text_of(attempt.options)
    given.pop("grace", None)
    request = parse_request(DISK.read(attempt.folder / REQUEST) or b"")
    seconds = int(given.pop("time", attempt.limit_s + AFTER_S))
    if request.device != "cpu" and not given.keys() & {"gres", "gpus"}:
        given["gres"] = "gpu:{devices}"
    if "gres" in given:
        given["gres"] = given["gres"].replace("{devices}", str(request.devices))
    if bad:
        given["exclude"] = _excluded(given, bad)
    spread = [f"--nodes={request.nodes}", f"--ntasks-per-node={request.devices}"]
    fixed = [*spread, "--export=ALL", "--open-mode=append"]
    given.setdefault("cpus", str(attempt.threads))
    return [
        *fixed,
        f"--time={ceil(seconds / 60)}",
        *(f"--{NAMED.get(name, name)}={value}" for name, value in sorted(given.items())),
    ]


def _rows(said: str) -> dict[str, Row]:
    """Rows of `squeue`, by the names of jobs."""
    rows: dict[str, Row] = {}
    for line in said.splitlines():
        number, name, state, place, node, why = [*line.strip().split("|", 5), *[""] * 5][:6]
        name, row = (f"{name}-{place}" if is_digits(place) else name), _row(number, state, node, why)
        if name not in rows or rows[name].listed is Listed.ENDED:  # names need not be unique: who is alive counts
            rows[name] = row
    return rows


def _row(number: str, state: str, node: str, why: str) -> Row:
    state = state.split()[0].rstrip("+") if state.strip() else ""
    machine = node if NODE.fullmatch(node) else ""
    if state in WAITS:
        return Row(number, Listed.QUEUED, said=why)
    if state in RUNS:
        return Row(number, Listed.RUNNING, machine=machine)
    said = f"{state} on {node}" if node else state
    return Row(number, Listed.ENDED, LOSSES.get(state), said, machine)


def _said(words: list[str]) -> str | None:
    """What a tool of Slurm answers; None where it does not."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            words, env=own_environment("SLURM_CONF"), capture_output=True, timeout=ANEW_S, check=False
        )
        if done.returncode == 0:
            return done.stdout.decode(errors="replace")
    return None
