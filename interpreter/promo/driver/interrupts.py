"""Ctrl-C between an act and its record: held back until both are done."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Interrupts:
    """
    Ctrl-C, held back until `check` is called, so that nothing is interrupted between an act and its record.

    Python delivers it to the main thread alone, at any instruction; elsewhere, or where whoever started promo turned
    it off, this does nothing.
    """

    def __init__(self) -> None:
        self._asked = self._holding = False

    def __enter__(self) -> Self:
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if usual and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._note)
            self._holding = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._holding:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if fault is None:
            self.check()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

    def check(self) -> None:
        """
        Let a Ctrl-C that was held back happen.

        Raises:
            KeyboardInterrupt: there was one.
        """
        if self._asked:
            raise KeyboardInterrupt
