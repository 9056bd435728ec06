"""Bytes and a key to a detached OpenSSH signature, and back to whose it is; `ssh-keygen` does the arithmetic."""

import base64
import hashlib
import re
import subprocess
import tempfile
from pathlib import Path

from promo.base.errors import Mismatch, PromoError
from promo.base.reading import SMALL
from promo.files import read_given

NAMESPACE = "promo-bundle"
"""What a signature of ours is for; one over the same bytes for another use does not pass."""


def sign(content: bytes, key: Path) -> bytes:
    """
    A detached OpenSSH signature.

    Args:
        content: what is signed.
        key: OpenSSH private key.

    Raises:
        PromoError: there is no such key, or it cannot sign.
    """
    read_given(key, SMALL)  # ssh-keygen would wait for a pipe
    words = ["ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", str(key)]
    return _ssh(words, content, f"the key {key} cannot sign").stdout


def signer(content: bytes, signature: bytes, key: Path, called: str) -> str:
    """
    Fingerprint of a public key that was given on this side, and whose owner has signed.

    Args:
        content: what was signed.
        signature: detached.
        key: OpenSSH public key.
        called: what the signed thing is called in a message.

    Returns:
        In ssh-keygen's form, so that people find it beside their keys.

    Raises:
        Mismatch: somebody else has signed, or something else.
        PromoError: that is not a public key.
    """
    try:
        public = read_given(key, SMALL).decode("utf-8").strip()
    except UnicodeDecodeError as fault:
        raise PromoError(f"{key} is not a public key", hint="give the one that ends in .pub") from fault
    if public.startswith("-----"):
        raise PromoError(f"{key} is a private key", hint="give the public one, which ends in .pub")
    with tempfile.TemporaryDirectory(prefix="promo-") as place:
        signers, detached = Path(place) / "signers", Path(place) / "signature"
        signers.write_text(f"promo {public}\n", encoding="utf-8")
        detached.write_bytes(signature)
        words = ["ssh-keygen", "-q", "-Y", "verify", "-n", NAMESPACE, "-I", "promo"]
        words += ["-f", str(signers), "-s", str(detached)]
        try:
            _ssh(words, content, "")
        except _Refused as fault:
            raise Mismatch(f"{called} was not signed by the owner of {key}") from fault
    blob = base64.b64decode(public.split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def made_by(content: bytes, signature: bytes) -> str:
    """
    Fingerprint of the key that made a signature, whoever has it; empty where it is none over this content.

    Args:
        content: what was signed.
        signature: detached.

    Raises:
        PromoError: ssh-keygen is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="promo-") as place:
        detached = Path(place) / "signature"
        detached.write_bytes(signature)
        words = ["ssh-keygen", "-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(detached)]
        try:
            said = _ssh(words, content, "").stdout
        except _Refused:
            return ""
    found = re.search(rb"SHA256:[A-Za-z0-9+/]{43}", said)
    return found[0].decode() if found else ""


class _Refused(PromoError):
    """ssh-keygen said no."""


def _ssh(words: list[str], given: bytes, message: str) -> "subprocess.CompletedProcess[bytes]":
    try:
        done = subprocess.run(words, input=given, capture_output=True, timeout=60, check=False)
    except FileNotFoundError as fault:
        raise PromoError("ssh-keygen is not installed, and signatures need it") from fault
    except subprocess.TimeoutExpired as fault:
        raise PromoError("ssh-keygen does not answer; a key with a passphrase needs an agent") from fault
    if done.returncode:
        raise _Refused(f"{message}: {done.stderr.decode(errors='replace').strip()[:200]}")
    return done
