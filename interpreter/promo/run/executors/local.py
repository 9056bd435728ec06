"""Attempts as processes on this machine, each behind its own supervisor."""

import subprocess
import sys
from collections.abc import Mapping

from attrs import define

from promo.run.values import AttemptSpec, Exit

STOP_S = 20.0


@define
class LocalHandle:
    """A supervisor process."""

    process: "subprocess.Popen[bytes]"


class LocalExecutor:
    """One fresh process per attempt."""

    def start(self, attempt: AttemptSpec) -> LocalHandle:
        """Start the supervisor, which starts the worker; the pipe to it is its lifeline."""
        with (attempt.folder / "supervisor.txt").open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "promo.run.supervise", str(attempt.folder), str(attempt.limit_s)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=dict(attempt.environment),
                start_new_session=True,
            )
        return LocalHandle(process)

    def poll(self, handle: LocalHandle) -> Exit | None:
        """The worker's end, once the supervisor has ended too."""
        code = handle.process.poll()
        if code is None:
            return None
        self._let_go(handle)
        return Exit(code)

    def cancel(self, handle: LocalHandle) -> None:
        """Close the lifeline and wait."""
        self._let_go(handle)
        try:
            handle.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            handle.process.kill()
            handle.process.wait()

    @staticmethod
    def _let_go(handle: LocalHandle) -> None:
        if handle.process.stdin is not None:
            handle.process.stdin.close()


INHERITED = (
    "CUDA_HOME",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONPATH",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "TORCHINDUCTOR_CACHE_DIR",
    "TRITON_CACHE_DIR",
    "USERPROFILE",
    "VIRTUAL_ENV",
)
"""Variables a worker may see; secrets of the calling shell stay there."""


def worker_environment(outer: Mapping[str, str], *, threads: int, cuda_device: str | None) -> dict[str, str]:
    """
    The environment of a worker.

    Args:
        outer: promo's own environment.
        threads: processor threads a run may use.
        cuda_device: index or UUID of its device; None hides all of them.
    """
    inner = {name: outer[name] for name in INHERITED if name in outer}
    inner |= {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    inner |= {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": cuda_device or "",
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
    }
    return inner
