"""
Command-line tools that say where jobs stand, and may hang: an answer that does not come at once is heard later.

promo has other things to do meanwhile, other hosts' runs among them, and whoever ends it by Ctrl-C waits for it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from promo.base.classes import frozen

HOLD_S, AGAIN_S, ANEW_S = 2.0, 0.01, 20.0
"""How long an answer is waited for: when its tool is started, when it is looked for again, and when jobs are ended."""
LONGEST_S = 90.0
"""How long a tool may take to answer until it is ended."""


@frozen
class Answer:
    """What a tool answers: its exit status, and what it printed and complained of."""

    code: int
    said: bytes
    complaints: bytes


class Tools:
    """Questions to tools, by their words; none is asked a second time before the first was answered."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, ...], tuple[subprocess.Popen[bytes], float]] = {}

    def ask(
        self, words: Sequence[str], environment: Mapping[str, str], *, anew: bool = False, hurry: bool = False
    ) -> Answer | None:
        """
        What a tool answers; None where it has not yet.

        Args:
            words: its command line.
            environment: all that it sees of promo's.
            anew: whether what was asked earlier is no answer, and it may take longer.
            hurry: whether it is not waited for.

        Raises:
            OSError: it cannot be started.
        """
        key = tuple(words)
        if anew:
            self._end(key)
        hold_s = AGAIN_S if hurry or key in self._asked else ANEW_S if anew else HOLD_S
        if key not in self._asked:
            self._asked[key] = (_started(words, environment), time.monotonic())
        process, since = self._asked[key]
        try:
            said, complaints = process.communicate(timeout=hold_s)
        except subprocess.TimeoutExpired:
            if time.monotonic() - since >= LONGEST_S:
                self._end(key)
            return None
        del self._asked[key]
        return Answer(process.returncode, said, complaints)

    def is_asked(self, words: Sequence[str]) -> bool:
        """Whether an answer to this is awaited."""
        return tuple(words) in self._asked

    def close(self) -> None:
        """Nobody waits for an answer any more; what ends jobs may still do that for a moment."""
        until = time.monotonic() + HOLD_S
        for key, (process, _) in list(self._asked.items()):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=max(until - time.monotonic(), AGAIN_S))
            self._end(key)

    def _end(self, key: tuple[str, ...]) -> None:
        if key not in self._asked:
            return
        process, _ = self._asked.pop(key)
        with contextlib.suppress(OSError):
            _kill(process)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def _started(words: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """A tool in a session of its own, so that what interrupts promo does not, and all that it starts ends with it."""
    return subprocess.Popen(
        words,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
