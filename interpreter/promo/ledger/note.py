"""
Signed notes: a text, an empty line, and a line for each signature.

A signature line names its signer and holds the identity of the key and the signature, in base64.  A witness's
cosignature also holds the time at which the witness saw the text, and signs it together with the text.

Source:
    C2SP signed-note and tlog-cosignature (cosignature/v1).
"""

import base64
import binascii
import hashlib
import re
from enum import Enum

from promo.base.classes import frozen
from promo.ledger.ed25519 import KEY_BYTES, verifies

LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/=]+)\n")
IDENTITY = 4
MOMENT = 8
SIGNATURE = 64


class Algorithm(Enum):
    """What a key of a note is for; the byte is part of the key."""

    SIGNATURE = 1
    COSIGNATURE = 4


@frozen
class NoteKey:
    """A public key as notes know it."""

    name: str
    algorithm: Algorithm
    public: bytes
    """32 bytes."""

    @property
    def identity(self) -> bytes:
        """Four bytes that stand before each signature of this key."""
        return hashlib.sha256(f"{self.name}\n".encode() + self.typed).digest()[:IDENTITY]

    @property
    def typed(self) -> bytes:
        """The key behind the byte that says what it is for."""
        return bytes([self.algorithm.value]) + self.public

    def __str__(self) -> str:
        return f"{self.name}+{self.identity.hex()}+{base64.b64encode(self.typed).decode()}"


@frozen
class Signature:
    """One line below a note."""

    name: str
    content: bytes
    """Identity of the key, for a cosignature the time, and the signature."""


def read_key(text: str) -> NoteKey:
    """
    A key as it is handed around: `NAME+IDENTITY+KEY`.

    Raises:
        ValueError: it is none, or its parts do not belong together.
    """
    name, _, rest = text.strip().partition("+")
    identity, _, encoded = rest.partition("+")
    try:
        typed = base64.b64decode(encoded, validate=True)
        key = NoteKey(name, Algorithm(typed[0]), typed[1:])
    except (binascii.Error, ValueError, IndexError) as fault:
        raise ValueError("it is no key of signed notes") from fault
    if not name or len(key.public) != KEY_BYTES or key.identity.hex() != identity:
        raise ValueError("it is no key of signed notes")
    return key


def split(content: bytes) -> tuple[bytes, tuple[Signature, ...]]:
    """
    A signed note's text and its signatures.

    Raises:
        ValueError: it is no signed note.
    """
    try:
        text, _, below = content.decode("utf-8").rpartition("\n\n")
    except UnicodeDecodeError as fault:
        raise ValueError("it is no signed note") from fault
    lines = LINE.findall(below)
    if not text or not lines or "".join(f"— {name} {encoded}\n" for name, encoded in lines) != below:
        raise ValueError("it is no signed note")
    try:
        found = tuple(Signature(name, base64.b64decode(encoded, validate=True)) for name, encoded in lines)
    except binascii.Error as fault:
        raise ValueError("it is no signed note") from fault
    return f"{text}\n".encode(), found


def joined(text: bytes, signatures: tuple[Signature, ...]) -> bytes:
    """A text with signatures below it."""
    lines = (f"— {one.name} {base64.b64encode(one.content).decode()}\n" for one in signatures)
    return text + b"\n" + "".join(lines).encode()


def signed_bytes(text: bytes, seconds: int | None) -> bytes:
    """What is signed: the text itself, or for a cosignature the time (seconds since 1970) and the text."""
    return text if seconds is None else f"cosignature/v1\ntime {seconds}\n".encode() + text


def seen_at(signature: Signature) -> int:
    """Seconds since 1970 at which a witness says it saw a note."""
    return int.from_bytes(signature.content[IDENTITY : IDENTITY + MOMENT], "big")


def signed_by(text: bytes, signatures: tuple[Signature, ...], key: NoteKey) -> Signature | None:
    """The signature that a key made over a text; None when there is none that holds."""
    cosigned = key.algorithm is Algorithm.COSIGNATURE
    length = IDENTITY + (MOMENT if cosigned else 0) + SIGNATURE
    for one in signatures:
        if one.name != key.name or one.content[:IDENTITY] != key.identity or len(one.content) != length:
            continue
        message = signed_bytes(text, seen_at(one) if cosigned else None)
        if verifies(key.public, message, one.content[-SIGNATURE:]):
            return one
    return None
