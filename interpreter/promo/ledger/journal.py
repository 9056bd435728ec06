"""Writing the ledger: each event is on disk when `append` returns."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from promo.base.canonical import parse_canonical
from promo.base.codec import from_json
from promo.base.errors import ALLOWED, PromoError
from promo.ledger.chain import decode, encode, line_digest
from promo.ledger.moments import seconds_of
from promo.ledger.ports import Clock, Disk
from promo.ledger.values import ClockJumped, Event, Happening

JUMP_S = 60
"""Seconds that the wall clock may gain or lose between two events before that is an event of its own."""


class Journal:
    """
    The open ledger of a study; whoever holds it holds the study's lock.

    A torn last line, which a crash in the middle of a write leaves behind, is cut off when the ledger is opened.  What
    is there is flushed then: the process that wrote it may have died before that, and now it is acted on.
    """

    def __init__(self, path: Path, disk: Disk, clock: Clock) -> None:
        self._path, self._disk, self._clock = path, disk, clock
        self._failed = self._unsure = False
        self._held: list[bytes] | None = None
        self._behind = 0
        self._seen = (clock.now(), clock.monotonic())
        self._read()
        if self._events:  # the clock may have been set while nobody watched it; going on is no jump, going back is
            now, last = self._seen[0], self._events[-1].time
            self._behind = min(seconds_of(now) - seconds_of(last), 0)
        self.incarnation = 1 + max((event.incarnation for event in self._events), default=0)

    def _read(self) -> None:
        """Take over what is on disk, without a torn last line."""
        chain = decode(self._disk.read(self._path) or b"")
        if chain.torn:
            self._disk.truncate(self._path, chain.sound_bytes)
        try:
            self._disk.settle([self._path], [self._path.parent])
        except OSError as fault:
            raise self._refused(fault) from fault
        self._events = list(chain.events)
        self._head = chain.head
        self._unsure = False

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything recorded so far."""
        return tuple(self._events)

    @property
    def head(self) -> str:
        """Digest of the last line."""
        return self._head

    def append(self, happening: Happening) -> Event:
        """
        Record an event.

        Raises:
            ValueError: it could not be read again, and nothing was written.
            PromoError: the disk refused it, now or earlier; after a failed flush nothing more is believed.
        """
        if self._failed:
            raise PromoError("the ledger could not be written earlier, so nothing more is recorded")
        if self._unsure:
            self._read()
        jump = self._jump()
        if abs(jump) > JUMP_S:
            self._put(ClockJumped(jump))
        return self._put(happening)

    @contextmanager
    def together(self) -> Iterator[None]:
        """
        Write what is recorded inside with one flush, at the end.

        Nothing may act on it before that.  If it is left by an exception, nothing of it is written.
        """
        self._held = []
        try:
            yield
            lines, self._held = self._held, None
            if lines:
                self._write(b"".join(lines))
        except BaseException:
            self._held, self._unsure = None, True
            raise

    def _jump(self) -> int:
        """Seconds that the wall clock went beyond the monotonic one since it was last looked at."""
        (before, began), self._seen = self._seen, (self._clock.now(), self._clock.monotonic())
        behind, self._behind = self._behind, 0
        return behind + round(seconds_of(self._seen[0]) - seconds_of(before) - (self._seen[1] - began))

    def _put(self, happening: Happening) -> Event:
        event = Event(len(self._events), self._seen[0], self.incarnation, happening, self._head)
        line = encode(event)
        from_json(Event, parse_canonical(line))  # one that nobody can read again would take all others with it
        # An interruption may come at any instruction, also between the disk's answer and the lines below.
        self._unsure = True
        if self._held is None:
            self._write(line + b"\n")
        else:
            self._held.append(line + b"\n")
        self._events.append(event)
        self._head = line_digest(line)
        self._unsure = False
        return event

    def _write(self, lines: bytes) -> None:
        try:
            self._disk.append(self._path, lines)
        except OSError as fault:
            raise self._refused(fault) from fault

    def _refused(self, fault: OSError) -> PromoError:
        """After a failed write or flush nobody knows what is on disk, so nothing more is recorded."""
        self._failed = True
        hint = ALLOWED if isinstance(fault, PermissionError) else "free the disk"
        return PromoError(f"the ledger cannot be written: {fault.strerror or fault}", hint=hint)
