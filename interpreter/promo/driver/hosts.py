"""Which of a study's hosts this machine is, and how runs are started on it."""

import contextlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PureWindowsPath  # which takes both kinds of slashes apart

from promo import plugins
from promo.base.classes import frozen
from promo.base.errors import PromoError
from promo.curves.replay import Replay
from promo.ledger.ports import Disk
from promo.run.environment import worker_environment
from promo.run.executors.plugged import plugged
from promo.run.executors.recorded import RecordedExecutor
from promo.run.locks import BETWEEN, hold_processors, is_leased, lease_folder, others_on_processors
from promo.run.outside import EXECUTOR as OUTSIDE
from promo.run.ports import Executor, Place
from promo.run.runners.files.declare import FileRunner
from promo.study.given import Options
from promo.study.host import Host
from promo.study.ports import Runner
from promo.study.values import TIMED, Study

LESS = "in budgets of wall-clock seconds runs may get less done than they would alone"
SYSTEM_NAMES = {"linux": "Linux", "macos": "Darwin", "windows": "Windows"}


@frozen
class LocalPlace:
    """A host that is this machine."""

    executor: Executor
    slots: int
    threads: int
    names: tuple[str, ...]
    """CUDA devices by UUID, as many as it has room for; none for a processor host."""
    room: int
    """Devices at once; on a processor, processes."""
    outer: Mapping[str, str]
    declared: tuple[str, ...] = ()
    """Variables that the runner asks for."""
    options: Options = ()
    outside: bool = False

    @property
    def ahead(self) -> bool:
        """Whether a processor is left over for starting the next worker; otherwise it would slow down who trains."""
        return self.room * self.threads < (os.cpu_count() or 1)

    def devices(self, held: Sequence[int]) -> str | None:
        """The devices of these numbers, between commas."""
        return BETWEEN.join(self.names[number] for number in held) if self.names else None

    def is_free(self, number: int) -> bool:
        """Whether no other study of this machine has a device."""
        folder = lease_folder(self.outer)
        try:
            return not self.names or not is_leased(folder, self.names[number])
        except OSError as fault:
            message = f"the locks of devices in {folder} cannot be opened: {fault.strerror or fault}"
            raise PromoError(message, hint="set TMPDIR to a folder that all studies of this machine share") from fault

    def co_tenants(self, devices: str | None) -> tuple[str, ...]:
        """
        Who else computes there, before an attempt: programs on its devices, or studies on processors.

        Nothing of promo's is on a device then, for it is leased to one attempt at a time; processors are not.
        """
        if devices is not None:
            return tuple(dict.fromkeys(who for one in devices.split(BETWEEN) for who in programs_on(one)))
        return tuple(f"promo (process {number})" for number in others_on_processors(lease_folder(self.outer)))

    def environment(self, devices: str | None) -> Mapping[str, str]:
        """Environment of a worker on some devices."""
        return worker_environment(self.outer, threads=self.threads, cuda_device=devices, declared=self.declared)


class _Elsewhere:
    """A host that is not looked into from here."""

    __slots__ = ()

    def devices(self, held: Sequence[int]) -> None:
        """None: nobody knows them before the attempt begins; its result says which they were."""
        del held

    def is_free(self, number: int) -> bool:
        """Always: a queue waits for machines, and a table needs none."""
        del number
        return True

    def co_tenants(self, devices: str | None) -> tuple[str, ...]:
        """Nobody that could be seen from here."""
        del devices
        return ()


@frozen
class QueuedPlace(_Elsewhere):
    """A host that is reached through a queue: which machine and devices an attempt gets is for the queue to say."""

    executor: Executor
    slots: int
    """Attempts that are submitted and have not ended, at the most."""
    room: int
    """Devices that these ask for, at the most."""
    threads: int
    outer: Mapping[str, str]
    declared: tuple[str, ...]
    options: Options
    outside: bool
    ahead: bool = False

    def environment(self, devices: str | None) -> Mapping[str, str]:
        """Environment of a worker, but for the devices that its queue gives it."""
        del devices
        worker = worker_environment(self.outer, threads=self.threads, cuda_device=None, declared=self.declared)
        return {name: value for name, value in worker.items() if name != "CUDA_VISIBLE_DEVICES"}


@frozen
class RecordedPlace(_Elsewhere):
    """A host whose runs were recorded, wherever that was."""

    executor: Executor
    room: int
    slots: int = 1
    ahead: bool = False
    options: Options = ()
    outside: bool = False

    def environment(self, devices: str | None) -> Mapping[str, str]:
        """Nothing: no worker is started."""
        del devices
        return {}


def recorded_places(study: Study, replay: Replay, disk: Disk) -> dict[str, Place]:
    """How to reach every host of a replay: through its table."""
    executor = RecordedExecutor(replay, disk)
    return {name: RecordedPlace(executor, host.room) for name, host in study.hosts.items()}


def places(study: Study, runner: Runner, environment: Mapping[str, str], only: str | None = None) -> dict[str, Place]:
    """
    How to reach every host of a study, or *only* one.

    Raises:
        PromoError: a host is not this machine, or what its runs need is not installed.
    """
    if only is not None and only not in study.hosts:
        raise PromoError(f"the study has no host '{only}'", hint=f"its hosts: {', '.join(study.hosts)}")
    wanted = study.hosts if only is None else {only: study.hosts[only]}
    trains = any(host.executor != OUTSIDE for host in wanted.values())
    if trains and not runner.trainer:
        raise PromoError(
            f"the runner '{runner.name}' trains nothing: it stands for runs that were recorded",
            hint="promo replay SPEC --curves FILE; or say of its hosts: executor outside",
        )
    absent = [name for name in runner.needs_modules if trains and importlib.util.find_spec(name) is None]
    if absent:
        message = f"the runner '{runner.name}' needs {' and '.join(absent)}, which is not installed"
        raise PromoError(message, hint="pip install 'promo-lang[train]'" if runner.name == "gpt" else "install it")
    declared = runner.program.environment if isinstance(runner, FileRunner) else ()
    executors = {host.executor: _executor(host) for host in wanted.values()}  # one of a kind asks its engine once
    return {
        name: _place(host, executors[host.executor], environment, declared)
        if executors[host.executor].here
        else _queued(host, executors[host.executor], environment, declared)
        for name, host in wanted.items()
    }


def _executor(host: Host) -> Executor:
    """
    A new executor of the kind that a host names.

    Raises:
        PromoError: there is none here, or it does not know what the host's block says to it.
    """
    executor = plugins.executor(host.executor)
    if executor is None:
        raise PromoError(f"host '{host.name}': no executor '{host.executor}' is installed")
    return executor if host.executor in plugins.EXECUTORS else plugged(host.executor, executor)


def _queued(host: Host, executor: Executor, environment: Mapping[str, str], declared: tuple[str, ...]) -> QueuedPlace:
    outside = host.executor == OUTSIDE
    return QueuedPlace(executor, host.slots, host.room, host.threads, environment, declared, host.said, outside)


def _place(host: Host, executor: Executor, environment: Mapping[str, str], declared: tuple[str, ...]) -> LocalPlace:
    if host.system != "any" and platform.system() != SYSTEM_NAMES[host.system]:
        message = f"host '{host.name}' runs {host.system}, and this machine runs {platform.system()}"
        raise PromoError(message, hint=_elsewhere(host))
    devices: tuple[str, ...] = ()
    if not host.is_cpu:
        found = cuda_devices()
        devices = tuple(uuid for uuid, name in found if _is_device(host.device, name))
        if len(devices) < host.room:
            seen = ", ".join(name for _, name in found) or "no CUDA device"
            sum_ = f" ({host.slots} slots of {host.devices} devices each)" if host.devices > 1 else ""
            message = f"host '{host.name}' needs {host.room} of '{host.device}'{sum_}, and this machine has {seen}"
            raise PromoError(message, hint=_elsewhere(host))
    held = devices[: host.room]
    return LocalPlace(executor, host.slots, host.threads, held, host.room, environment, declared, host.said)


@contextlib.contextmanager
def on_processors(here: Mapping[str, Place], environment: Mapping[str, str]) -> Iterator[None]:
    """Let other studies know, as long as this lasts, that runs train on the processors of this machine."""
    trains = any(isinstance(place, LocalPlace) and not place.names for place in here.values())
    lock = hold_processors(lease_folder(environment)) if trains else None
    try:
        yield
    finally:
        if lock is not None:
            lock.close()


def crowded(here: Mapping[str, Place], study: Study) -> str:
    """Who is told that slots share processors while seconds of the clock are the budget; empty where nobody is."""
    if not any(stage.budget.kind in TIMED for stage in study.stages.values()):
        return ""
    mine = [place for place in here.values() if isinstance(place, LocalPlace) and not place.names]
    threads, cores = sum(place.room * place.threads for place in mine), os.cpu_count() or 1
    if threads <= cores:
        return ""
    return f"{sum(place.slots for place in mine)} slots with {threads} threads share {cores} processors: {LESS}"


def _elsewhere(host: Host) -> str:
    return f"run its part there with --host {host.name}, the other parts here with --host, and exchange bundles"


def cuda_devices() -> tuple[tuple[str, str], ...]:
    """
    UUID and name of each CUDA device, as the driver's own tool lists them; none without it.

    An index may name another card after a restart of the machine; a UUID never does.
    """
    return tuple((uuid, name) for uuid, name in _told_by_driver("--query-gpu=uuid,name", 2))


def programs_on(device: str) -> tuple[str, ...]:
    """
    Programs that compute on a CUDA device now, `NAME (process NUMBER)`, as the driver's own tool lists them.

    Of a program only the name is told; where it lies is nobody's business.
    """
    rows = _told_by_driver("--query-compute-apps=gpu_uuid,pid,process_name", 3)
    return tuple(f"{PureWindowsPath(name).name} (process {pid})" for uuid, pid, name in rows if uuid == device)


def _told_by_driver(query: str, columns: int) -> list[list[str]]:
    """Rows of an answer of nvidia-smi; none without it, or where it does not answer."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    words = [tool, query, "--format=csv,noheader"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = ([part.strip() for part in line.split(",", columns - 1)] for line in done.stdout.splitlines())
    return [row for row in rows if len(row) == columns]


def _is_device(declared: str, real: str) -> bool:
    """Whether a device is the declared one: all words of the declaration, memory sizes aside, are in its name."""
    words = re.findall(r"[a-z0-9]+", declared.lower())
    have = set(re.findall(r"[a-z0-9]+", real.lower()))
    return all(word in have for word in words if not re.fullmatch(r"[0-9]+gb", word))
