"""What a worker sees of the environment in which promo, or a job, was started."""

from collections.abc import Mapping, Sequence

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


def worker_environment(
    outer: Mapping[str, str], *, threads: int, cuda_device: str | None, declared: Sequence[str] = ()
) -> dict[str, str]:
    """
    The environment of a worker.

    Args:
        outer: promo's own environment.
        threads: processor threads a run may use.
        cuda_device: index or UUID of its device; None hides all of them.
        declared: further variables that its runner asks for.
    """
    inner = {name: outer[name] for name in (*INHERITED, *declared) if name in outer}
    inner |= {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    inner |= {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": cuda_device or "",
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
    }
    return inner
