"""
The processes of a run that has several devices: which of them one is, how the others are started, and what ends them.

There is one process for each device.  The first, rank 0, is the run's own: it writes the result and the points, and the
others are its children, told by the variables that `torchrun` sets (RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE,
NODE_RANK, MASTER_ADDR, MASTER_PORT).  All of them see all devices of the run; LOCAL_RANK says which one is whose.  One
that ends badly ends the run, and whoever is left when rank 0 has ended is ended by the supervisor.

On several nodes the others are started by Slurm's `srun`, which must be there.  Each says through it that it is there,
and none of them becomes the run's own program before all have: a start that fails before that is no fault of the run.
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType

from promo.run.values import NO_PEERS, Request

NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT")
HERE = "127.0.0.1"
POLL_S = 0.02
LEAVING_S, LEAVING_SHARE = 30.0, 0.5
"""How long the others may take to end by themselves once the first has; and as a share of the run's allowance."""
FAILING_S, FAILING_SHARE = 10.0, 0.1
"""How long the first may take to fail by itself once another one has; and as a share of its allowance."""
LOST = 98
"""Exit status of a first process that was ended because another one had failed."""
HERE_I_AM = b"promo: this process of the run is there"
"""What each process of several nodes says, on a line of its own, before it becomes the run's own program."""
STEP = 65_536


class RankError(RuntimeError):
    """Another process of the run ended badly."""

    def __init__(self, rank: int, code: int) -> None:
        self.rank, self.code = rank, code
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        super().__init__(f"process {rank} of the run {how}")


class UnbegunError(RankError):
    """Processes on other nodes could not all be started, so that nothing of the run's own was."""

    def __str__(self) -> str:
        """What happened, in words."""
        return f"the run's processes could not be started on all of its nodes (srun ended with code {self.code})"


_MARKS: list[object] = []
"""Of the ports that this process was told."""


def own_rank() -> int:
    """Which process of its run this is; 0 where there is one alone."""
    return int(os.environ.get("RANK", "0"))


def free_port(address: str = HERE) -> str:
    """A port of this machine that is free now, and that, on Linux, no other process was told that still goes on."""
    import socket

    while True:
        with socket.socket() as free:
            free.bind((address, 0))
            number = free.getsockname()[1]
        mark = socket.socket(socket.AF_UNIX) if sys.platform == "linux" else None
        try:
            if mark is not None:
                mark.bind(f"\0promo port {number}")  # a name without a file, which ends with this process
                _MARKS.append(mark)
            return str(number)
        except OSError:  # the system gives a port again at once where nobody has it yet
            assert mark is not None
            mark.close()


def environments(request: Request) -> tuple[dict[str, str], ...]:
    """Variables of each process of a run, in the order of ranks; they meet at a port of the first that is free now."""
    import socket  # late, as below: nearly every worker is alone, and its start is what a short run costs

    address, port = (HERE, free_port()) if request.nodes == 1 else (socket.gethostname(), free_port(""))
    return tuple(
        {
            "RANK": str(rank),
            "WORLD_SIZE": str(request.width),
            "LOCAL_RANK": str(rank % request.devices),
            "LOCAL_WORLD_SIZE": str(request.devices),
            "NODE_RANK": str(rank // request.devices),
            "MASTER_ADDR": address,
            "MASTER_PORT": port,
        }
        for rank in range(request.width)
    )


class Peers:
    """The other processes of a run, watched as long as this lasts."""

    def __init__(
        self,
        argv: Sequence[str],
        request: Request,
        variables: Sequence[Mapping[str, str]],
        *,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        failed: Callable[[RankError], None],
    ) -> None:
        """
        Start them.

        Args:
            argv: what each of them is.
            request: of their run.
            variables: of each process of the run, in the order of ranks.
            cwd: where they start; None: here.
            environment: all other variables; None: those of this process.
            failed: told, in a thread of its own, of the first that ends badly.
        """
        import subprocess

        outer = os.environ if environment is None else environment
        spread = request.nodes > 1
        words = [*_spread(request), *argv] if spread else list(argv)
        apart = [_common(variables[0])] if spread else variables[1:]
        self._failed, self._leaving, self._all_there = failed, threading.Event(), not spread
        self._patience_s = leaving_s(request.budget.allowance_s)
        self.fault: RankError | None = None
        given, heard = (subprocess.PIPE, subprocess.PIPE) if spread else (subprocess.DEVNULL, sys.stderr)
        self._processes = [
            subprocess.Popen(words, bufsize=0, cwd=cwd, env={**outer, **each}, stdin=given, stdout=heard)
            for each in apart
        ]
        self._hearing = threading.Thread(target=self._hear, args=(request.width,), daemon=True)
        if spread:
            self._hearing.start()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def _hear(self, width: int) -> None:
        """Pass on what `srun` prints; when all processes have said that they are there, they may begin."""
        (srun,) = self._processes
        assert srun.stdout is not None
        assert srun.stdin is not None
        absent = width
        with srun.stdout as said:
            while absent and (line := said.readline()):
                if line.rstrip() == HERE_I_AM:
                    absent -= 1
                else:
                    _print(line)
            self._all_there = not absent
            srun.stdin.close()  # which they wait for
            while more := os.read(said.fileno(), STEP):
                _print(more)

    def _hear_out(self) -> None:
        if self._hearing.ident is not None:
            self._hearing.join(1.0)

    def _blame(self, rank: int, code: int) -> RankError:
        """Who ended badly; what was printed before that is heard first."""
        self._hear_out()
        return RankError(rank, code) if self._all_there else UnbegunError(rank, code)

    def _look(self) -> None:
        going = list(enumerate(self._processes, 1))
        while going and not self._leaving.is_set():
            for rank, process in going:
                code = process.poll()
                if code:
                    self.fault = self._blame(rank, code)
                    self._failed(self.fault)
                    return
            going = [(rank, process) for rank, process in going if process.returncode is None]
            self._leaving.wait(POLL_S)

    def why(self) -> RankError | None:
        """Who ended badly, if somebody did; a moment is given to whoever is about to."""
        self._watch.join(1.0)
        return self.fault

    def hurry(self) -> None:
        """Whoever is left is not waited for."""
        self._patience_s = 0.0

    def __enter__(self) -> "Peers":
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        """Wait for all of them, who are given no time where the first one failed, and take note of who ended badly."""
        import subprocess

        until = time.monotonic() + (self._patience_s if kind is None else 0.0)
        self._leaving.set()
        self._watch.join()
        for rank, process in enumerate(self._processes, 1):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(until - time.monotonic(), 0.0))
            code = process.poll()
            if code is None:  # it is ended here, which is no fault of its own
                process.kill()
                process.wait()
            elif code and self.fault is None:
                self.fault = self._blame(rank, code)
        self._hear_out()


@contextlib.contextmanager
def together(folder: Path, request: Request) -> Iterator[None]:
    """
    Be the first process of a run in Python, as long as this lasts: the others call the same trainer.

    Raises:
        RankError: another one ended badly, which also ends this one if it takes too long over it.
    """
    if request.width == 1 or own_rank():
        yield
        return
    variables = environments(request)
    argv = [sys.executable, "-P", "-m", "promo.run.rank", str(folder.resolve())]
    before = {name: os.environ.get(name) for name in NAMES}
    os.environ.update(variables[0])
    over, patience_s = threading.Event(), failing_s(request.budget.allowance_s)
    try:
        with Peers(argv, request, variables, failed=partial(_give_up, over, patience_s)) as peers:
            try:
                yield
            except Exception as fault:  # whatever a trainer raises whose peer is gone: that one is the cause, if any is
                lost = peers.why()
                if lost is None:
                    raise
                raise lost from fault
        if peers.fault is not None:
            raise peers.fault
    finally:
        over.set()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _print(said: bytes) -> None:
    with contextlib.suppress(OSError):
        os.write(sys.stderr.fileno(), said)


def failing_s(allowance_s: int) -> float:
    """How long the first process may take to fail by itself once another one has, in seconds."""
    return min(FAILING_S, FAILING_SHARE * allowance_s)


def leaving_s(allowance_s: int) -> float:
    """How long the others may take to end once the first has, in seconds: its limit must not come before."""
    return min(LEAVING_S, LEAVING_SHARE * allowance_s)


def _give_up(over: threading.Event, patience_s: float, fault: RankError) -> None:
    """End this process, unless it fails by itself: who waits for somebody who is gone may wait for ever."""

    def end() -> None:
        if over.wait(patience_s):
            return
        sys.stderr.write(f"{fault}, and the first one waits for it\n")
        sys.stderr.flush()
        os._exit(NO_PEERS if isinstance(fault, UnbegunError) else LOST)

    threading.Thread(target=end, daemon=True).start()


def _spread(request: Request) -> list[str]:
    """The words that start a process for each device of all nodes of a job of Slurm."""
    import shutil

    if shutil.which("srun") is None:
        raise RuntimeError(f"the run has {request.nodes} nodes, and there is no srun to start processes on them")
    return [
        "srun",
        f"--nodes={request.nodes}",
        f"--ntasks={request.width}",
        f"--ntasks-per-node={request.devices}",
        "--kill-on-bad-exit=1",
        "--export=ALL",
        sys.executable,
        "-P",
        "-m",
        "promo.run.rank",
        "--",
    ]


def _common(first: Mapping[str, str]) -> dict[str, str]:
    """What all processes of several nodes are told; which of them each is, `srun` says (see `promo.run.rank`)."""
    return {name: value for name, value in first.items() if name not in ("RANK", "LOCAL_RANK", "NODE_RANK")}
