"""Where and with what a run was made: facts for the record, gathered without importing a training library."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from promo.base.canonical import Json

PACKAGES = ("promo-lang", "torch", "numpy")
RECORDED_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "PYTHONHASHSEED",
)
"""The only environment variables that enter a record."""


def software() -> dict[str, Json]:
    """Python and package versions, and the variables that steer them."""
    versions: dict[str, Json] = {"python": platform.python_version()}
    versions |= {name: installed_version(name) for name in PACKAGES}
    return {
        "versions": versions,
        "environment": {name: os.environ.get(name) for name in RECORDED_VARIABLES},
    }


def installed_version(package: str) -> str | None:
    """Version of an installed package; None when it is not there."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def where_it_runs() -> dict[str, Json]:
    """Operating system, processor and cores; no host or user name."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "processor": processor_name(),
        "cores": os.cpu_count(),
    }


def processor_name() -> str:
    """The processor's model, as the system names it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def peak_memory_bytes() -> int:
    """Most memory that this process, or one it started and waited for, had at once."""
    if platform.system() == "Windows":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if platform.system() == "Darwin" else 1024
    return unit * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def driver_version() -> str | None:
    """Version of the NVIDIA driver, as its own tool says it; None without it."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    words = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.splitlines()[0].strip() if done.returncode == 0 and done.stdout.strip() else None


def busy_seconds() -> float | None:
    """Processor seconds used by everything on this machine since it started (Linux); None elsewhere."""
    try:
        first = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()
    except OSError:
        return None
    ticks = [int(part) for part in first[1:]]
    idle = ticks[3] + ticks[4]
    return (sum(ticks[:8]) - idle) / os.sysconf("SC_CLK_TCK")


def commit_of(folder: Path, environment: Mapping[str, str]) -> str | None:
    """The git commit a folder is at, with `+` when its files differ from it; None outside of git."""

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
