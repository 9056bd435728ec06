"""
Lines to a checkpoint: one small text that stands for a ledger up to some event, for others to sign or stamp.

The text has the lines of a C2SP checkpoint: whose ledger, how many events, and the root of the Merkle tree whose leaves
are the ledger's lines.  It carries no signature itself; whoever vouches for it signs the file as it is.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence

from promo.base.classes import frozen
from promo.base.units import is_digits
from promo.ledger.chain import LEAF

NODE = b"\x01"
PREFIX = "promo/"
PARTS = 3


@frozen
class Checkpoint:
    """A ledger up to an event."""

    study: str
    size: int
    """Events it covers, from the first."""
    root: bytes
    """Merkle root, 32 bytes."""


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """
    Root of the Merkle tree over some leaves, 32 bytes.

    Pairs are joined level by level and a last one without a partner goes up as it is, which gives the same tree as
    splitting at the largest power of two.

    Source:
        RFC 6962, section 2.1.
    """
    level = [hashlib.sha256(LEAF + leaf).digest() for leaf in leaves]
    if not level:
        return hashlib.sha256().digest()
    while len(level) > 1:
        joined = [
            hashlib.sha256(NODE + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        level = joined + level[2 * len(joined) :]
    return level[0]


def checkpoint_of(study: str, lines: Sequence[bytes]) -> Checkpoint:
    """The checkpoint of a study whose ledger has these lines, without newlines."""
    return Checkpoint(study, len(lines), merkle_root(lines))


def to_note(checkpoint: Checkpoint) -> bytes:
    """
    The text that others vouch for.

    Source:
        C2SP tlog-checkpoint: origin, size, root.
    """
    root = base64.b64encode(checkpoint.root).decode()
    return f"{PREFIX}{checkpoint.study}\n{checkpoint.size}\n{root}\n".encode()


def from_note(note: bytes) -> Checkpoint:
    """
    Read such a text.

    Raises:
        ValueError: it is none, byte for byte.
    """
    lines = note.decode("utf-8").split("\n")
    if len(lines) != PARTS + 1 or not is_digits(lines[1]):
        raise ValueError("it is not a checkpoint")
    try:
        found = Checkpoint(lines[0].removeprefix(PREFIX), int(lines[1]), base64.b64decode(lines[2], validate=True))
    except binascii.Error as fault:
        raise ValueError("it is not a checkpoint") from fault
    if to_note(found) != note:
        raise ValueError("it is not a checkpoint")
    return found
