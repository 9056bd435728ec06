"""
The process between promo and its workers: it enforces the limit and leaves nobody behind.

It is told on its standard input, a line of JSON each, to `run` an attempt's folder with a limit, to `prepare` a worker
for the next one, or to `cancel`; on its standard output it says how each attempt ended.  Every attempt has a worker of
its own, unless it was told to `keep` one.  A prepared worker imports the trainer and then waits for its folder.

When the limit is reached it ends the worker and everything that the worker started.  It does the same when its
standard input closes, which the kernel does for it when promo dies in whatever way; told to `finish`, it lets the
attempt in hand come to its end first.  As long as an attempt runs, its folder holds a lock, so that a later promo
knows; and it holds the attempt's device, so that no other study of this machine trains there meanwhile.

Told to be `alone`, it takes an attempt that supervisors of other machines may try to take; `apart`, it becomes nobody's
child, so that whoever ends its parent with all its children, as Ray does, leaves it the time to clear up.

Whoever ends a job tells its processes one by one, and those on other nodes later.  So a worker may die of the signal
that its supervisor is about to get: where one fails, it is waited for a moment whether that comes.
"""

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from promo.run.locks import Lock, claim, claim_alone, lease, lease_folder
from promo.run.output import STEP, Output
from promo.run.redact import redact_left

_JOBS: list[Any] = []
"""Windows: the job of this process, which must be kept as long as it lives."""
GRACE_S = 2.0
TOLD_S = 2.0
"""How long after a worker has failed its supervisor may be told that both of them are to end."""
EXIT, LOG, RESULT = "exit.json", "log.txt", "result.json"

if TYPE_CHECKING:
    import subprocess

    import psutil

    from promo.run.copied import Copy

    Process = subprocess.Popen[bytes] | Copy


def started(trainer: str, *, keep: bool = False) -> "Process":
    """A process that is a worker and nothing else."""
    import subprocess  # which a supervisor does not need whose worker is a copy of it

    return subprocess.Popen(
        [sys.executable, "-P", "-m", "promo.run.worker", trainer, *(["keep"] if keep else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


class Worker:
    """A worker process: one that waits for a folder, or one that carries an attempt out."""

    def __init__(self, trainer: str, process: "Process", seen: "queue.SimpleQueue[tuple[str, Any]]") -> None:
        self.trainer, self.process = trainer, process
        self._seen = seen
        self._heard = threading.Lock()
        self._output: Output | None = None
        self._early = b""
        """What it printed before it had a folder."""
        self._end = b""
        """What it says when an attempt is done, where it is kept."""
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        self.process.wait()
        self._seen.put(("ended", self))

    def _listen(self) -> None:
        """Keep what is printed, and read on whatever becomes of it: who prints must not be made to wait."""
        assert self.process.stderr is not None
        handle = self.process.stderr.fileno()
        with contextlib.suppress(OSError):
            while more := os.read(handle, STEP):
                with self._heard:
                    self._hear(more)

    def _hear(self, more: bytes) -> None:
        if self._output is None:
            self._early = (self._early + more)[-STEP:]
            return
        before, end, after = (self._early + more).partition(self._end) if self._end else (more, b"", b"")
        waits = 0 if end or not self._end else len(self._end) - 1  # a part of that may have come already
        self._early = after if end else before[len(before) - waits :] if waits else b""
        self._keep(before[: len(before) - waits] if waits else before)
        if end:
            self._close()
            self._seen.put(("done", self))

    def _keep(self, printed: bytes) -> None:
        if self._output is not None and printed:
            with contextlib.suppress(OSError):  # a disk that refuses has its say where the result is written
                self._output.write(printed)

    def _close(self) -> None:
        if self._output is not None:
            with contextlib.suppress(OSError):
                self._output.close()
        self._output = None

    def go(self, folder: Path, output_bytes: int) -> None:
        """Give it its folder; what it printed so far begins the log."""
        token = os.urandom(16).hex()  # `secrets` would double what this process imports
        with self._heard:
            with contextlib.suppress(OSError):
                self._output = Output(folder / LOG, output_bytes)
            early, self._early = self._early, b""
            self._keep(early)
            self._end = f"\0{token}\n".encode()
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it died meanwhile, and that is how the attempt ends
            self.process.stdin.write(f"{time.monotonic()!r} {token} {folder}\n".encode())
            self.process.stdin.flush()

    def finish(self) -> None:
        """Wait for what it printed last; a process that nobody could end may hold on to it, and is not heard."""
        if not self.alive:
            self._listener.join(GRACE_S)
            with self._heard:
                self._keep(self._early)
                self._early = b""
                self._close()

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None


class Supervisor:
    """One attempt at a time."""

    def __init__(self, say: IO[bytes], *, keep: bool = False, finish: bool, alone: bool) -> None:
        self._say, self._keep, self._finish, self._alone = say, keep, finish, alone
        self.seen: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._spare: Worker | None = None
        self._worker: Worker | None = None
        self._folder = Path()
        self._claim: Lock | None = None
        self._leases: tuple[Lock, ...] = ()
        self._began = self._deadline = 0.0
        self._left = self._told = False

    def serve(self) -> None:
        """Do what is asked until nobody can ask any more."""
        while True:
            limit_s = max(self._deadline - time.monotonic(), 0) if self._worker else None
            try:
                what, value = self.seen.get(timeout=limit_s)
            except queue.Empty:
                self._end("limit")
                continue
            if what == "line":
                self._obey(value)
            elif what == "left":
                self._left = True
                if not self._finish:
                    self._end("cancelled")
            elif what == "stop":
                self._end("cancelled")
            elif value is self._worker and self._worker is not None:
                self._ended("itself", None if what == "ended" else 0)
            if self._left and self._worker is None:
                return

    def stop(self) -> None:
        """End the attempt in hand, as whoever ends this process asks by a signal."""
        self._told = True
        self.seen.put(("stop", None))

    def close(self) -> None:
        """End what is left."""
        for worker in (self._worker, self._spare):
            if worker is not None:
                _end_tree(worker.process)
        _end_descendants(set())

    def _obey(self, line: bytes) -> None:
        asked = json.loads(line)
        if "prepare" in asked:
            if self._spare is None or not self._spare.alive:
                self._spare = self._new(asked["prepare"])
        elif "cancel" in asked:
            self._end("cancelled")
        else:
            much = (asked["limit_s"], asked["output_bytes"])
            self.begin(Path(asked["run"]), asked["trainer"], *much, device=asked.get("device"))

    def begin(self, folder: Path, trainer: str, limit_s: int, output_bytes: int, *, device: str | None = None) -> None:
        """Take the attempt of a folder in hand, for so many seconds at the most, and keep so much of what it prints."""
        self._leases = lease(lease_folder(os.environ), device) if device else ()
        if device and not self._leases:
            self._tell(folder, {"reason": "busy", "returncode": None, "seconds": None})
            return
        taken = claim_alone(folder) if self._alone else claim(folder)
        if taken is None:
            self._let_go()
            self._tell(folder, {"reason": "given up", "returncode": None, "seconds": None})
            return
        spare, self._spare = self._spare, None
        if spare is not None and (spare.trainer != trainer or not spare.alive):
            _end_tree(spare.process)
            spare = None
        self.go(folder, taken, spare or self._new(trainer), limit_s, output_bytes)

    def _new(self, trainer: str) -> Worker:
        return Worker(trainer, started(trainer, keep=self._keep), self.seen)

    def go(self, folder: Path, taken: Lock, worker: Worker, limit_s: int, output_bytes: int) -> None:
        """Have a worker carry out the attempt of a folder that was taken in hand."""
        self._folder, self._claim, self._told, self._worker = folder, taken, False, worker
        self._began = time.monotonic()
        self._deadline = self._began + limit_s
        self._worker.go(folder, output_bytes)

    def _end(self, reason: str) -> None:
        if self._worker is None:
            return
        _end_tree(self._worker.process)
        self._ended(reason, None)

    def _ended(self, reason: str, code: int | None) -> None:
        """Clear up behind an attempt, and say how it ended; a kept worker waits for the next."""
        assert self._worker is not None
        assert self._claim is not None
        code = self._worker.process.wait() if code is None else code
        kept = self._worker if self._keep and self._worker.alive else None
        _end_descendants({one.process.pid for one in (self._spare, kept) if one is not None})
        if kept is not None:
            self._spare = kept
        elif self._worker.alive:
            _end_tree(self._worker.process)
        end: dict[str, object] = {"returncode": code, "seconds": f"{time.monotonic() - self._began:.3f}"}
        end["reason"] = "cancelled" if reason == "itself" and self._is_ended_with_it(code) else reason
        self._worker.finish()
        _clean(self._folder)
        with contextlib.suppress(OSError):  # the folder may have been moved away
            _write(self._folder / EXIT, end)
        self._worker = None
        self._claim.close()
        self._let_go()
        self._tell(self._folder, end)

    def _is_ended_with_it(self, code: int) -> bool:
        """Whether what ended the worker, which failed, ends this process too; signals come while it sleeps."""
        if code == 0 and _came_to_its_end(self._folder):
            return False
        waits = self._alone or code == -signal.SIGTERM
        until = time.monotonic() + (TOLD_S if waits else 0.0)
        while not self._told and time.monotonic() < until:
            time.sleep(0.01)
        return self._told

    def _let_go(self) -> None:
        """Let go of the devices, for any study."""
        for one in self._leases:
            one.close()
        self._leases = ()

    def _tell(self, folder: Path, end: dict[str, object]) -> None:
        with contextlib.suppress(OSError):  # nobody may be left to hear it
            self._say.write(json.dumps({"run": str(folder), **end}).encode() + b"\n")
            self._say.flush()


def _came_to_its_end(attempt: Path) -> bool:
    """Whether a worker left a result of which no signal can be the cause; who reads it with care is somebody else."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        return json.loads((attempt / RESULT).read_bytes())["body"]["status"] in ("ok", "nan")
    return False


def _clean(attempt: Path) -> None:
    """Make unreadable what looks like a secret in the files that a run left where it ran."""
    with contextlib.suppress(OSError, ValueError):  # no request, or one that is not whole: nothing has run
        program = json.loads((attempt / "request.json").read_bytes())["program"]
        redact_left(attempt / "program", (program or {}).get("files", {}))


def main(words: list[str]) -> int:
    """Serve until standard input closes."""
    if "apart" in words:
        _leave()
    adopt_orphans()
    told = {name: name in words for name in ("keep", "finish", "alone")}
    supervisor = Supervisor(sys.stdout.buffer, **told)
    threading.Thread(target=_read, args=(supervisor.seen,), daemon=True).start()
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, lambda *_: supervisor.stop())
    try:
        supervisor.serve()
    finally:
        supervisor.close()
    return 0


def _leave() -> None:
    """Go on as nobody's child."""
    if os.fork():
        os._exit(0)
    os.setsid()


def _read(seen: "queue.SimpleQueue[tuple[str, Any]]") -> None:
    # The bare handle: a thread that waits inside sys.stdin would abort the interpreter when it ends.
    rest = b""
    with contextlib.suppress(OSError):
        while more := os.read(0, 65_536):
            *lines, rest = (rest + more).split(b"\n")
            for line in lines:
                seen.put(("line", line))
    seen.put(("left", None))


def adopt_orphans() -> None:
    """
    See to it that grandchildren whose parent dies can be ended too.

    On Linux this process becomes their parent; on Windows they are in its job.
    """
    if sys.platform == "win32":
        from promo.run.job import Job

        _JOBS.append(Job())
    elif sys.platform == "linux":
        import ctypes

        pr_set_child_subreaper = 36
        ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def _end_tree(worker: "Process") -> None:
    """Ask the worker and all it started to end, and make them."""
    import subprocess

    import psutil

    family = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(worker.pid).children(recursive=True)
    deadline = time.monotonic() + GRACE_S
    worker.terminate()
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        worker.wait(GRACE_S)  # not by psutil, which would take the exit status away from us
    _, alive = psutil.wait_procs(family, timeout=max(deadline - time.monotonic(), 0))
    for member in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    worker.kill()
    worker.wait()


def _end_descendants(spared: set[int]) -> None:
    """End what a worker left running; *spared* are workers that belong to no attempt yet."""
    if sys.platform == "linux" and not _children() - spared:
        return
    import psutil

    for child in _orphans(spared) if sys.platform == "win32" else psutil.Process().children():
        if child.pid in spared:
            continue
        with contextlib.suppress(psutil.NoSuchProcess):
            for member in [*child.children(recursive=True), child]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()


def _orphans(spared: set[int]) -> "list[psutil.Process]":
    """Members of this process's job that are neither spared nor started by who is (Windows)."""
    import psutil

    every: set[int] = set()
    if sys.platform == "win32":
        every = set().union(*(job.others() for job in _JOBS))
    found = []
    for number in every:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(number)
            above = {one.pid for one in process.parents()}
            found += [] if above & spared else [process]
    return found


def _children() -> set[int]:
    """Numbers of this process's children, adopted ones included, as the kernel lists them."""
    found: set[int] = set()
    try:
        for task in Path("/proc/self/task").iterdir():
            found |= {int(number) for number in (task / "children").read_text(encoding="ascii").split()}
    except OSError:
        return {0}  # not listed by this kernel: look for them in the slow way
    return found


def _write(path: Path, content: dict[str, object]) -> None:
    """A hint for whoever comes later; whether there is a result is read from the result, so it is not flushed."""
    beside = path.with_name(f"{path.name}.part")  # which both verifiers know as what a crash or a full disk leaves
    beside.write_bytes(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())
    beside.replace(path)


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))  # nothing here needs the clearing up that takes as long as half of the start
