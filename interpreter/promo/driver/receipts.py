"""
What outside parties make of a checkpoint, and whether one of the given keys or authorities made it.

A receipt is a few bytes of one of four forms, told apart by how they begin: an OpenSSH signature (`ssh-keygen -Y sign
-n promo-checkpoint`), the reply of an RFC 3161 time-stamping authority, a signed note with the lines of C2SP, or a git
tag that OpenSSH signed and whose message is the checkpoint (`git cat-file tag NAME`).  OpenSSH signatures are checked
by ssh-keygen, time stamps by openssl, notes here.  A signature tells who vouches and not when; a time stamp and a
witness's cosignature also tell when, in the words of whoever made them.
"""

import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import assert_never

from promo.base.classes import frozen
from promo.base.errors import PromoError
from promo.base.reading import RECORD, SMALL
from promo.files import read_given
from promo.ledger.note import Algorithm, NoteKey, read_key, seen_at, signed_by, split

NAMESPACE = "promo-checkpoint"
PATIENCE_S = 60
MOST_BYTES = 64 * 1024
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ARMOUR = b"-----BEGIN SSH SIGNATURE-----"
NEVER = "9999-12-31T23:59:59Z"
"""Later than every event: a time that cannot be read vouches for nothing."""


class Form(Enum):
    """What a receipt is."""

    SSH = "OpenSSH signature"
    STAMP = "RFC 3161 time stamp"
    NOTE = "signed note"
    TAG = "signed git tag"


@frozen
class Voucher:
    """Who made a receipt, and when they say so; *at* is empty where the form tells no time."""

    by: str
    at: str = ""


def form_of(receipt: bytes) -> Form | None:
    """The form of a receipt; None when it is of no known one."""
    if receipt.startswith(ARMOUR):
        return Form.SSH
    if receipt.startswith(b"object "):
        return Form.TAG
    if receipt.startswith(b"\x30"):
        return Form.STAMP
    return Form.NOTE if "\n\n— ".encode() in receipt else None


def note_in(receipt: bytes) -> bytes | None:
    """The checkpoint that a receipt carries itself; None for forms that lie beside theirs."""
    match form_of(receipt):
        case Form.NOTE:
            try:
                return split(receipt)[0]
            except ValueError:
                return None
        case Form.TAG:
            signed, found, _ = receipt.partition(ARMOUR)
            return signed.partition(b"\n\n")[2] if found else None
        case Form.SSH | Form.STAMP | None:
            return None
        case _ as form:
            assert_never(form)


def vouched(note: bytes, receipt: bytes, keys: Sequence[Path], authorities: Sequence[Path]) -> Voucher | None:
    """
    Who vouches for a checkpoint.

    Args:
        note: the text of the checkpoint.
        receipt: bytes of one of the four forms.
        keys: public keys, as ssh-keygen writes them or as signed notes know them.
        authorities: certificates of time-stamping authorities, PEM.

    Returns:
        None when none of the given keys and authorities made it over this checkpoint.

    Raises:
        PromoError: a key is none, or the program that checks this form is not installed.
    """
    form = form_of(receipt)
    if form is Form.STAMP:
        return _stamped_by(note, receipt, authorities)
    if form is Form.NOTE:
        return _noted_by(note, receipt, keys)
    if form is Form.TAG and note_in(receipt) != note:
        return None
    signed, armour, rest = receipt.partition(ARMOUR)
    message, namespace = (note, NAMESPACE) if form is Form.SSH else (signed, "git")
    return _signed_by(message, armour + rest, namespace, keys)


def _keys(paths: Sequence[Path]) -> list[tuple[Path, str, NoteKey | None]]:
    """Each key with its OpenSSH form, or as notes know it."""
    found: list[tuple[Path, str, NoteKey | None]] = []
    for path in paths:
        text = read_given(path, SMALL).decode("utf-8", errors="replace").strip()
        parts = text.split()
        if len(parts) > 1 and re.fullmatch(r"(sk-)?(ssh|ecdsa)-[a-z0-9@.-]+", parts[0]):
            found.append((path, f"{parts[0]} {parts[1]}", None))
            continue
        try:
            found.append((path, "", read_key(text)))
        except ValueError as fault:
            hint = "give the .pub file that ssh-keygen wrote, or a file with NAME+IDENTITY+KEY of signed notes"
            raise PromoError(f"{path} is not a public key", hint=hint) from fault
    return found


def _signed_by(message: bytes, armoured: bytes, namespace: str, keys: Sequence[Path]) -> Voucher | None:
    for path, public, _ in _keys(keys):
        if not public:
            continue
        with tempfile.TemporaryDirectory(prefix="promo-") as scratch:
            signers, signature = Path(scratch) / "signers", Path(scratch) / "signature"
            signers.write_text(f'witness namespaces="{namespace}" {public}\n', encoding="utf-8")
            signature.write_bytes(armoured)
            words = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", "witness", "-n", namespace]
            if _succeeds([*words, "-s", str(signature)], message):
                return Voucher(f"the key {path.name}")
    return None


def _noted_by(note: bytes, receipt: bytes, keys: Sequence[Path]) -> Voucher | None:
    try:
        text, signatures = split(receipt)
    except ValueError:
        return None
    if text != note:
        return None
    for _, _, key in _keys(keys):
        one = None if key is None else signed_by(text, signatures, key)
        if key is not None and one is not None:
            cosigned = key.algorithm is Algorithm.COSIGNATURE
            return Voucher(f"the key of {key.name}", _utc(seen_at(one)) if cosigned else "")
    return None


def _utc(seconds: int) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (OverflowError, OSError, ValueError):
        return NEVER


def _stamped_by(note: bytes, receipt: bytes, authorities: Sequence[Path]) -> Voucher | None:
    with tempfile.TemporaryDirectory(prefix="promo-") as scratch:
        text, reply = Path(scratch) / "note", Path(scratch) / "reply"
        text.write_bytes(note)
        reply.write_bytes(receipt)
        for authority in authorities:
            read_given(authority, RECORD)  # openssl would wait for a pipe
            words = ["openssl", "ts", "-verify", "-data", str(text), "-in", str(reply)]
            if _succeeds([*words, "-CAfile", str(authority.resolve())], b""):
                return Voucher(f"the authority {authority.name}", _stamped_at(reply))
    return None


def _stamped_at(reply: Path) -> str:
    """UTC of a time stamp in ISO 8601, rounded down to seconds; after every time when openssl words it differently."""
    words = ["openssl", "ts", "-reply", "-in", str(reply), "-text"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    found = re.search(r"Time stamp: (\w{3}) +([0-9]+) ([0-9:]{8})\S* ([0-9]{4}) GMT", done.stdout)
    if found is None or found[1] not in MONTHS:
        return NEVER
    month = 1 + MONTHS.index(found[1])
    return f"{found[4]}-{month:02}-{int(found[2]):02}T{found[3]}Z"


def _succeeds(words: list[str], given: bytes) -> bool:
    try:
        done = subprocess.run(words, input=given, capture_output=True, timeout=PATIENCE_S, check=False)
    except FileNotFoundError as fault:
        raise PromoError(f"{words[0]} is not installed", hint=f"install it to check receipts by {words[0]}") from fault
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
