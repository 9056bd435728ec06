"""
Events to lines and back.

A line is the canonical JSON of its event and holds the digest of the line before it:
SHA-256(0x00 || previous line).  Reading checks everything a reader can check without the outside: canonical bytes,
consecutive numbers, the chain.  A tail that a crash left behind was never acknowledged to anyone; it is reported as
torn and left out: a last line without its newline, or sectors of zeros where bytes should have come, and whatever
comes after them.  A whole chain rewritten by someone is not noticed here: only an anchor outside can show that.
"""

import hashlib
from functools import lru_cache

from promo.base.canonical import canonical, parse_canonical
from promo.base.codec import from_json, to_json
from promo.base.errors import Mismatch
from promo.ledger.values import Chain, Event

GENESIS = "0" * 64
SECTOR = 512
"""Bytes that a disk writes together or not at all."""
LARGEST_APPEND = 65_536
LEAF = b"\x00"  # RFC 6962 domain separation, so that a line can be a leaf of a Merkle tree as it is


def line_digest(line: bytes) -> str:
    """Digest of a line without its newline, 64 hex digits."""
    return hashlib.sha256(LEAF + line).hexdigest()


def encode(event: Event) -> bytes:
    """An event as one line, without its newline."""
    return canonical(to_json(event))


@lru_cache(maxsize=2)
def decode(data: bytes) -> Chain:
    """
    Read a ledger; the same bytes are read once, because every pass over a study asks for them.

    Args:
        data: the whole file.

    Raises:
        Mismatch: a line is not what its neighbours and its own form say it must be; the message names it.
    """
    sound = data.rfind(b"\n", 0, _unwritten(data)) + 1
    events: list[Event] = []
    head = GENESIS
    for number, line in enumerate(data[:sound].split(b"\n")[:-1]):
        event = _event(number, line)
        if event.prev != head:
            raise Mismatch(f"ledger line {number + 1} does not follow line {number}", hint=_HINT)
        events.append(event)
        head = line_digest(line)
    return Chain(tuple(events), head, sound, torn=sound < len(data))


def _unwritten(data: bytes) -> int:
    """
    Where bytes begin that a power failure kept from the disk although later ones are there; the end if nowhere.

    They read as zeros, from where a line begins or a sector does, up to where a sector or the file ends.  A zero
    anywhere else is damage, and so are zeros further from the end than anything is written at once.
    """
    begin = data.find(b"\0")
    if begin < 0 or len(data) - begin > LARGEST_APPEND:
        return len(data)
    end = len(data) - len(data[begin:].lstrip(b"\0"))
    starts = begin % SECTOR == 0 or data[begin - 1 : begin] == b"\n"
    return begin if starts and (end == len(data) or end % SECTOR == 0) else len(data)


_HINT = "the file was changed after it was written; restore it from a copy"


def _event(number: int, line: bytes) -> Event:
    try:
        event = from_json(Event, parse_canonical(line))
    except ValueError as fault:
        raise Mismatch(f"ledger line {number + 1} is damaged: {fault}", hint=_HINT) from fault
    if event.seq != number:
        raise Mismatch(f"ledger line {number + 1} is damaged: it has the number {event.seq}", hint=_HINT)
    return event
