"""A checkpoint to the same with one more signature below it; openssl holds the private key."""

import subprocess
import tempfile
from pathlib import Path

from promo.base.errors import PromoError
from promo.base.reading import SMALL
from promo.driver.receipts import PATIENCE_S
from promo.files import read_given
from promo.ledger.checkpoint import from_note
from promo.ledger.ed25519 import KEY_BYTES
from promo.ledger.note import MOMENT, Algorithm, NoteKey, Signature, joined, signed_by, signed_bytes, split


def cosigned(note: Path, private: Path, name: str, seconds: int | None) -> tuple[bytes, NoteKey]:
    """
    Sign a checkpoint.

    Args:
        note: the checkpoint, with or without signatures.
        private: Ed25519 private key in PEM.
        name: who signs.
        seconds: time that is signed with it, since 1970: a witness's cosignature; None: the text alone.

    Returns:
        The signed note, and the public key that checks it.

    Raises:
        PromoError: there is not a checkpoint, or the key cannot sign.
    """
    content = read_given(note, SMALL)
    read_given(private, SMALL)  # openssl would wait for a pipe
    try:
        text, signatures = split(content) if "\n\n— ".encode() in content else (content, ())
        from_note(text)
    except ValueError as fault:
        raise PromoError(f"{note} is not a checkpoint", hint="write one with: promo checkpoint") from fault
    if not name or any(letter.isspace() or letter == "+" for letter in name):
        raise PromoError("the name of a signer has no spaces and no plus")
    public = _openssl(["pkey", "-in", str(private), "-pubout", "-outform", "DER"], private)[-KEY_BYTES:]
    key = NoteKey(name, Algorithm.SIGNATURE if seconds is None else Algorithm.COSIGNATURE, public)
    with tempfile.TemporaryDirectory(prefix="promo-") as scratch:
        message = Path(scratch) / "message"
        message.write_bytes(signed_bytes(text, seconds))
        made = _openssl(["pkeyutl", "-sign", "-inkey", str(private), "-rawin", "-in", str(message)], private)
    moment = b"" if seconds is None else seconds.to_bytes(MOMENT, "big")
    one = Signature(name, key.identity + moment + made)
    if signed_by(text, (one,), key) is None:
        raise PromoError(f"{private} is not an Ed25519 key", hint="openssl genpkey -algorithm ed25519 -out KEY.pem")
    return joined(text, (*signatures, one)), key


def _openssl(words: list[str], private: Path) -> bytes:
    words = ["openssl", *words]
    try:
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE_S, check=False)
    except FileNotFoundError as fault:
        raise PromoError("openssl is not installed, and signing needs it") from fault
    except subprocess.TimeoutExpired as fault:
        raise PromoError("openssl does not answer; a key with a passphrase cannot be used here") from fault
    if done.returncode:
        hint = "openssl genpkey -algorithm ed25519 -out KEY.pem"
        raise PromoError(f"the key {private} cannot sign", hint=hint)
    return done.stdout
