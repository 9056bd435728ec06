"""Ctrl-C, and a request to end, between an act and its record: held back until both are done."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupts:
    """
    SIGINT and SIGTERM, held back until `check` is called, so that nothing is interrupted between an act and its record.

    Python delivers them to the main thread alone, at any instruction; elsewhere this does nothing.  A shell that starts
    something in the background has SIGINT ignored there, and that stays so; `promo stop` asks by SIGTERM.
    """

    def __init__(self) -> None:
        self.asked = False
        """Whether somebody has asked for an end."""
        self._usual: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
                if signal.getsignal(number) == usual:
                    self._usual[number] = usual
                    signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, usual in self._usual.items():
            signal.signal(number, usual)
        if fault is None:
            self.check()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    def check(self) -> None:
        """
        Let what was held back happen.

        Raises:
            KeyboardInterrupt: there was something.
        """
        if self.asked:
            raise KeyboardInterrupt
