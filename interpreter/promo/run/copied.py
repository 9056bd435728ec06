"""
A worker that begins as a copy of its supervisor, so that what both import is imported once.

That is half of what a job costs which does nothing else.  A copy is only made where nothing can tell it from a process
that was started: of a supervisor that has one thread and one attempt, has imported nothing of a trainer's, and began
with the settings of a worker.  A copy has nothing of it open but the two pipes to it.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

SETTINGS = ("GLIBC_", "LANG", "LC_", "LD_", "MALLOC_", "PYTHON", "TZ")
"""What begins the names of variables that a process reads when it starts, and not again."""
LETTERS, COERCED = "LC_CTYPE", ("C.UTF-8", "C.utf8", "UTF-8")
"""The variable by which Python says what letters are where no locale does, and what it may say (PEP 538)."""
NOWHERE = ("", "C", "POSIX")
"""What LANG is where no locale says it either."""
WORDS = ["-P", "-m"]
"""With what Python is started to be a worker, and nothing else but the module."""
ASKED = (signal.SIGTERM, signal.SIGINT)
"""Signals by which a queue asks a job to end."""
OPEN, THREADS = Path("/proc/self/fd"), Path("/proc/self/task")


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What the start of a process in an environment depends on, but for what Python itself sets when it starts."""
    found = {name: value for name, value in environment.items() if name.startswith(SETTINGS)}
    nowhere = not found.get("LC_ALL") and found.get("LANG", "") in NOWHERE
    if sys.flags.utf8_mode and nowhere and found.get(LETTERS) in COERCED:
        del found[LETTERS]
    return found


class Copy:
    """A copy of this process: as much of a `subprocess.Popen` as its supervisor needs."""

    def __init__(self, pid: int, stdin: int, stderr: int) -> None:
        """*stdin*, *stderr*: the ends of the pipes to it that are not its own."""
        self.pid = pid
        self.stdin, self.stderr = os.fdopen(stdin, "wb"), os.fdopen(stderr, "rb")
        self.returncode: int | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        status = 0
        with contextlib.suppress(ChildProcessError):  # who began the job ignores children: `Popen` says 0 then too
            status = os.waitpid(self.pid, 0)[1]
        self.returncode = os.waitstatus_to_exitcode(status)
        self._ended.set()

    def poll(self) -> int | None:
        """How it ended; None while it goes on."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, when it has."""
        if not self._ended.wait(timeout):
            import subprocess

            raise subprocess.TimeoutExpired([], timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        """Ask it to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Make it end."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def can_copy() -> bool:
    """Whether a copy of this process is a worker like any other; macOS copies badly, and Windows not at all."""
    if sys.platform != "linux" or sys.orig_argv[1:3] != WORDS or not OPEN.is_dir():
        return False
    return None not in (sys.stdin, sys.stdout, sys.stderr) and len(list(THREADS.iterdir())) == 1


def copied() -> Copy | None:
    """Copy this process, as `can_copy` allows; None in the copy."""
    (inner_in, outer_in), (outer_err, inner_err) = os.pipe(), os.pipe()
    if pid := _forked():
        os.close(inner_in)
        os.close(inner_err)
        return Copy(pid, outer_in, outer_err)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for place, handle in enumerate((inner_in, nowhere, inner_err)):
        os.dup2(handle, place)
    for handle in [int(one.name) for one in OPEN.iterdir()]:
        if handle > 2:
            with contextlib.suppress(OSError):  # that of the list itself
                os.close(handle)
    return None


def _forked() -> int:
    """The number of a copy of this process, and 0 in the copy, which a signal ends that comes to it at once."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ASKED)
    try:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
