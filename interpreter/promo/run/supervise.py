"""
The process between promo and a worker: it enforces the limit and leaves nobody behind.

It starts the worker that the request names, waits, and writes how it ended.  It ends the worker and everything that
the worker started when the limit is reached, and also when its own standard input closes, which the kernel does for
it when promo dies in whatever way.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

GRACE_S = 2.0
STEP_S = 0.02


def main(folder: Path, limit_s: float) -> int:
    """Run the worker of an attempt folder to its end; the worker's exit status."""
    _adopt_orphans()
    released = threading.Event()
    threading.Thread(target=_wait_for_release, args=(released,), daemon=True).start()
    with (folder / "log.txt").open("ab") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "promo.run.worker", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    reason = ""
    deadline = time.monotonic() + limit_s
    while worker.poll() is None:
        if released.wait(STEP_S):
            reason = "cancelled"
        elif time.monotonic() > deadline:
            reason = "limit"
        if reason:
            _end_tree(worker)
    _end_descendants()
    _write(folder / "exit.json", {"reason": reason, "returncode": worker.returncode})
    return 0 if reason else worker.returncode


def _wait_for_release(released: threading.Event) -> None:
    # The bare handle: a thread that waits inside sys.stdin would abort the interpreter when it ends.
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    released.set()


def _adopt_orphans() -> None:
    """Become the parent of grandchildren whose parent dies (Linux), so that they can be ended too."""
    if sys.platform == "linux":
        import ctypes

        pr_set_child_subreaper = 36
        ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def _end_tree(worker: "subprocess.Popen[bytes]") -> None:
    """Ask the worker and all it started to end, and make them."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(worker.pid)
        family = [*root.children(recursive=True), root]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.terminate()
        _, alive = psutil.wait_procs(family, timeout=GRACE_S)
        for member in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
    worker.wait()


def _end_descendants() -> None:
    """End what the worker left running."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def _write(path: Path, content: dict[str, object]) -> None:
    beside = path.with_suffix(".part")
    with beside.open("wb") as file:
        file.write(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), float(sys.argv[2])))
