"""Where and with what a run was made: facts for the record, gathered without importing a training library."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from promo.base.canonical import Json, digest, digest_bytes
from promo.base.classes import frozen
from promo.run.redact import redact_text

PACKAGES = ("promo-lang", "torch", "numpy")
INSTALLED = (".dist-info", ".egg-info")
RECORDED_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "PYTHONHASHSEED",
)
"""The only environment variables that enter a record."""
DEVICE_FACTS = {
    "driver": "driver_version",
    "uuid": "uuid",
    "clock_mhz": "clocks.sm",
    "clock_max_mhz": "clocks.max.sm",
    "power_limit_w": "power.limit",
}
"""What is recorded of a device -> what nvidia-smi calls it."""


@frozen
class Origin:
    """Where a `promo run` came from: what every run that it starts has in common."""

    commit: str | None = None
    """Version-control commit of the spec."""
    command: tuple[str, ...] = ()
    """Its words; of an absolute path only the name, for where it lies is nobody's business."""
    packages: tuple[str, ...] = ()
    """`NAME-VERSION` of everything that is installed."""
    code: str = ""
    """Digest of promo itself: the code that decides."""


def origin_of(folder: Path, environment: Mapping[str, str], words: Sequence[str]) -> Origin:
    """The origin of a command that was given for a spec in a folder."""
    command = tuple(redact_text(Path(word).name if Path(word).is_absolute() else word) for word in words)
    return Origin(commit_of(folder, environment), command, installed_packages(), own_code())


def own_code() -> str:
    """Digest of promo's source files as they are installed; a version number stays while somebody edits them."""
    folder = Path(__file__).parents[1]
    return _code_of(folder, tuple(sorted(_sources(str(folder), ""))))


def _sources(folder: str, below: str) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of every source file below a folder."""
    with os.scandir(folder) as entries:
        for one in entries:
            if one.name.endswith(".py"):
                seen = one.stat()
                yield f"{below}{one.name}", seen.st_size, seen.st_mtime_ns
            elif one.name != "__pycache__" and one.is_dir(follow_symlinks=False):
                yield from _sources(one.path, f"{below}{one.name}/")


@lru_cache(2)
def _code_of(folder: Path, files: tuple[tuple[str, int, int], ...]) -> str:
    """Digest of files of these names; a process that starts many studies reads them once, as long as they stay."""
    return digest([[name, digest_bytes((folder / name).read_bytes())] for name, *_ in files])


def installed_packages() -> tuple[str, ...]:
    """Every installed package with its version."""
    return tuple(sorted({f"{name}-{version}" for name, version in _installed()}, key=str.lower))


@lru_cache(1)
def _installed() -> tuple[tuple[str, str], ...]:
    """
    (name, version) from the names of folders, in the order of the search path.

    Reading what lies in them would take 100 ms, and the library that does it 20 ms more to import.
    """
    found: dict[str, None] = {}
    for place in dict.fromkeys(sys.path):
        with contextlib.suppress(OSError):
            names = sorted(path.name for path in Path(place or ".").iterdir())
            found |= dict.fromkeys(name for name in names if name.endswith(INSTALLED))
    parts = (name.rpartition(".")[0].split("-") for name in found)
    return tuple((part[0], part[1]) for part in parts if len(part) > 1)


def software() -> dict[str, Json]:
    """Python and package versions, and the variables that steer them."""
    versions: dict[str, Json] = {"python": sys.version.split()[0]}
    versions |= {name: installed_version(name) for name in PACKAGES}
    return {
        "versions": versions,
        "environment": {name: os.environ.get(name) for name in RECORDED_VARIABLES},
    }


def installed_version(package: str) -> str | None:
    """Version of an installed package; None when it is not there."""

    def plain(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    return next((version for name, version in _installed() if plain(name) == plain(package)), None)


def where_it_runs() -> dict[str, Json]:
    """Operating system, processor and cores; no host or user name."""
    system, release, architecture = _system()
    return {
        "system": f"{system} {release}",
        "architecture": architecture,
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "clock_mhz": _processor_line("cpu MHz"),
    }


def _system() -> tuple[str, str, str]:
    """Operating system, its release, and the architecture; `platform` says the same after 5 ms of compiling."""
    if sys.platform != "win32":
        said = os.uname()
        return said.sysname, said.release, said.machine
    import platform

    return platform.system(), platform.release(), platform.machine()


def processor_seconds() -> float:
    """Processor time of this process and of all that it started, as far as they live or it waited for them."""
    import psutil

    total = sum(os.times()[:4])
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            total += sum(child.cpu_times()[:4])
    return total


@lru_cache(1)
def processor_name() -> str:
    """The processor's model, as the system names it."""
    named = _processor_line("model name")
    if named:
        return named
    import platform

    return platform.processor() or platform.machine()


def _processor_line(name: str) -> str | None:
    """What Linux says of the first processor; None elsewhere, or where it says nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)


def peak_memory_bytes() -> int:
    """Most memory that this process, or one it started and waited for, had at once."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def device_facts() -> dict[str, Json]:
    """
    Identity, driver and clocks of the NVIDIA device this process sees, as its own tool says; empty without it.

    Clocks are those at the moment of asking, in MHz.
    """
    import shutil
    import subprocess  # late, for a worker on a processor needs neither

    tool = shutil.which("nvidia-smi")
    if tool is None:
        return {}
    words = [tool, f"--query-gpu={','.join(DEVICE_FACTS.values())}", "--format=csv,noheader,nounits"]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").partition(",")[0]
    words += [f"--id={visible}"] if visible else []
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    parts = [part.strip() for part in done.stdout.partition("\n")[0].split(",")]
    if done.returncode or len(parts) != len(DEVICE_FACTS):
        return {}
    return dict(zip(DEVICE_FACTS, parts, strict=True))


def busy_seconds() -> float | None:
    """Processor seconds used by everything on this machine since it started (Linux); None elsewhere."""
    try:
        first = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()
    except OSError:
        return None
    ticks = [int(part) for part in first[1:]]
    idle = ticks[3] + ticks[4]
    return (sum(ticks[:8]) - idle) / os.sysconf("SC_CLK_TCK")


def _has_git(folder: Path) -> bool:
    """Whether git may call a folder the top of a working tree, or a repository without one."""
    return (folder / ".git").exists() or (folder / "HEAD").exists()


def commit_of(folder: Path, environment: Mapping[str, str]) -> str | None:
    """The git commit a folder is at, with `+` when its files differ from it; None outside of git."""
    if "GIT_DIR" not in environment and not any(map(_has_git, (folder.resolve() / "of").parents)):
        return None  # no process has to be started to find that out

    import subprocess

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *words],  # noqa: S607
                capture_output=True,
                text=True,
                timeout=10,
                env=dict(environment),
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if commit is None:
        return None
    return commit + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
