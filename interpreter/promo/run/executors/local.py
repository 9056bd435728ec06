"""Attempts as processes on this machine, each in the hands of a supervisor."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from promo.base.classes import define, field
from promo.base.codec import from_json
from promo.run.disk import DISK
from promo.run.locks import claimant, give_up, is_claimed
from promo.run.store import SUPERVISOR, read_exit
from promo.run.values import AttemptSpec, Exit, Phase, Reason, Stand
from promo.study.given import Options
from promo.study.ports import ExecutorOption

STOP_S = 20.0


@define(eq=False)
class Supervised:
    """A supervisor process, and what it said."""

    process: "subprocess.Popen[bytes]"
    kind: tuple[object, ...]
    """What it can be used for: environment and what it was told to do at promo's death."""
    said: "queue.SimpleQueue[bytes]" = field(factory=queue.SimpleQueue)
    idle: bool = True
    listener: threading.Thread = field(factory=threading.Thread)

    def tell(self, words: Mapping[str, object]) -> None:
        """Ask it for something; if it is dead, `poll` will say so."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.write(json.dumps(words).encode() + b"\n")
            self.process.stdin.flush()

    def listen(self) -> None:
        """Keep what it says, until it ends."""
        assert self.process.stdout is not None
        with self.process.stdout as words:
            for line in words:
                self.said.put(line)


@define(eq=False)
class LocalHandle:
    """An attempt in the hands of a supervisor."""

    supervisor: Supervised
    trainer: str
    exit: Exit | None = None


@define(eq=False)
class Adopted:
    """An attempt that an earlier promo started and its supervisor still has in hand."""

    folder: Path


class LocalExecutor:
    """One fresh process per attempt."""

    here: ClassVar[bool] = True
    spreads: ClassVar[bool] = False
    options: ClassVar[Mapping[str, ExecutorOption]] = {}
    keep = False

    def __init__(self) -> None:
        self._supervisors: list[Supervised] = []

    def name(self, folder: Path) -> None:
        """There is no queue: the folder itself tells whether its attempt goes on."""
        del folder

    def start(self, attempt: AttemptSpec) -> LocalHandle:
        """Hand the attempt to a supervisor; the pipe to it is its lifeline."""
        kind = (tuple(sorted(attempt.environment.items())), attempt.finish)
        known = (one for one in self._supervisors if one.idle and one.kind == kind and one.process.poll() is None)
        supervisor = next(known, None) or self._new(attempt, kind)
        supervisor.idle = False
        asked = {"run": str(attempt.folder), "limit_s": attempt.limit_s, "trainer": attempt.trainer}
        supervisor.tell({**asked, "device": attempt.device, "output_bytes": attempt.output_bytes})
        return LocalHandle(supervisor, attempt.trainer)

    def _new(self, attempt: AttemptSpec, kind: tuple[object, ...]) -> Supervised:
        words = [name for name, wanted in (("keep", self.keep), ("finish", attempt.finish)) if wanted]
        with (attempt.folder / SUPERVISOR).open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "promo.run.supervise", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=dict(attempt.environment),
                start_new_session=True,  # Windows takes the next line instead
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        made = Supervised(process, kind)
        made.listener = threading.Thread(target=made.listen, daemon=True)
        made.listener.start()
        self._supervisors.append(made)
        return made

    def prepare(self, handle: object) -> None:
        """Have the worker for the next attempt started, while this one goes on; it imports, and touches no device."""
        if isinstance(handle, LocalHandle) and not self.keep:
            handle.supervisor.tell({"prepare": handle.trainer})

    def find(self, folder: Path, job: str | None, options: Options) -> Adopted | None:
        """An attempt that is still in hand although the promo that started it is gone; if not, it never will be."""
        del job, options
        return None if give_up(folder) else Adopted(folder)

    def look(self, handles: Sequence[LocalHandle | Adopted]) -> Sequence[Stand]:
        """Whether each worker has ended, as its supervisor says."""
        return [self._ended(handle) or Phase.RUNNING for handle in handles]

    def _ended(self, handle: LocalHandle | Adopted) -> Exit | None:
        """The worker's end, as its supervisor says it; None while it goes on."""
        if isinstance(handle, Adopted):
            # When nobody wrote how it ended, nobody saw it, and it is lost.
            return None if is_claimed(handle.folder) else read_exit(DISK, handle.folder) or Exit(None, Reason.CANCELLED)
        if handle.exit is None:
            supervisor = handle.supervisor
            dead = supervisor.process.poll()  # before listening, so that its last words are not missed
            if dead is not None:
                self._forget(supervisor)
            try:
                said = json.loads(supervisor.said.get(timeout=1.0 if dead is not None else 0.0))
            except queue.Empty:
                return None if dead is None else Exit(dead or 1, Reason.SUPERVISOR)
            handle.exit = _exit_of(said)
            supervisor.idle = True
        return handle.exit

    def cancel(self, handles: Sequence[LocalHandle | Adopted]) -> None:
        """Have them ended, and wait until they are gone."""
        for handle in handles:
            self._cancel(handle)

    def _cancel(self, handle: LocalHandle | Adopted) -> None:
        if isinstance(handle, Adopted):
            self._cancel_adopted(handle)
            return
        if self._ended(handle) is not None:
            return
        supervisor = handle.supervisor
        supervisor.tell({"cancel": True})
        try:
            said = json.loads(supervisor.said.get(timeout=STOP_S))
            handle.exit = _exit_of(said)
            supervisor.idle = True
        except queue.Empty:
            supervisor.process.kill()
            self._forget(supervisor)

    @staticmethod
    def _cancel_adopted(handle: Adopted) -> None:
        until, asked = time.monotonic() + STOP_S, False
        while is_claimed(handle.folder):
            number = claimant(handle.folder)  # none as long as who has just taken it has not said who it is
            late = time.monotonic() > until
            if number is not None and (late or not asked):
                with contextlib.suppress(ProcessLookupError):  # it held the lock a moment ago: the number is its own
                    os.kill(number, getattr(signal, "SIGKILL", signal.SIGTERM) if late else signal.SIGTERM)
                asked = True
            time.sleep(0.02)

    def close(self) -> None:
        """Nothing more will be started: let go of supervisors and of workers that were prepared."""
        for supervisor in list(self._supervisors):
            self._forget(supervisor)

    def _forget(self, supervisor: Supervised) -> None:
        if supervisor in self._supervisors:
            self._supervisors.remove(supervisor)
        if supervisor.process.stdin is not None:
            with contextlib.suppress(OSError):
                supervisor.process.stdin.close()
        try:
            supervisor.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            supervisor.process.kill()
            supervisor.process.wait()
        supervisor.listener.join(STOP_S)


def _exit_of(said: Mapping[str, object]) -> Exit:
    """How an attempt ended, from what its supervisor says of it."""
    return from_json(Exit, {key: value for key, value in said.items() if key != "run"})


class WarmExecutor(LocalExecutor):
    """One process for many attempts, one after the other: where nothing that a run leaves in it can matter."""

    keep = True
