"""
What looks like a secret, made unreadable: a second layer behind the allow-list of variables.

A worker never sees the shell's secrets, but a library may read a key from a file and print it.  Stars take the place of
what is taken out, one for each byte, so a log that a full disk holds can be cleaned where it lies.  No list of forms is
complete; numbers that training prints, such as `total_tokens: 1000`, are none of them.
"""

import contextlib
import os
import re
import stat
from collections.abc import Collection
from pathlib import Path

_NAMES = rb"(?:secret|passwd|password|api[_-]?key|access[_-]?key|private[_-]?key|(?:api|auth|access|bearer)[_-]?token)"
_SECRETS = re.compile(
    rb"\b(?:hf_|gh[pousr]_|github_pat_|glpat-|sk-|xox[abprs]-|xapp-|npm_|dckr_pat_|pypi-AgE|AIzaSy)(?P<known>[A-Za-z0-9_-]{16,})"
    rb"|\b(?:AKIA|ASIA)(?P<cloud>[0-9A-Z]{16})\b"
    rb"|\beyJ(?P<token>[A-Za-z0-9_-]{10,300}\.eyJ[A-Za-z0-9_-]{2,2048}\.[A-Za-z0-9_-]{10,1024})"
    rb"|://[^\s:/@]{1,64}:(?P<url>[^\s:/@]{1,256})@"
    rb"|\bBearer (?P<bearer>[A-Za-z0-9._~+/=-]{8,})"
    rb"|-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----(?P<key>[A-Za-z0-9+/=\s]{1,16384})"
    rb"|" + _NAMES + rb"[\"']?\s{0,4}[=:]\s{0,4}[\"']?(?P<named>[^\s\"',;}]{6,256})",
    re.IGNORECASE,
)
"""Forms that providers publish, web tokens, credentials in addresses, keys in armour, values beside telling names."""


LARGEST_TEXT = 64 * 2**20
"""Bytes of a file that a run left, above which it is not looked through."""
LOOKED_AT = 2**16
"""Bytes from its beginning that tell whether a file is text."""


def redact(content: bytes) -> bytes:
    """The same bytes with a star for each byte of what looks like a secret."""
    changed = bytearray(content)
    for found in _SECRETS.finditer(content):
        name = found.lastgroup
        if name is not None:
            start, end = found.span(name)
            changed[start:end] = b"*" * (end - start)
    return bytes(changed)


def redact_text(text: str) -> str:
    """The same text, cleaned."""
    return redact(text.encode(errors="surrogateescape")).decode(errors="surrogateescape")


def redact_file(path: Path) -> None:
    """Clean a file where it lies; nothing is written where nothing looks like a secret."""
    try:
        with path.open("r+b") as file:
            content = file.read()
            cleaned = redact(content)
            if cleaned != content:
                file.seek(0)
                file.write(cleaned)
    except FileNotFoundError:
        return


def redact_left(folder: Path, given: Collection[str]) -> None:
    """
    Clean the text files that a run left below its folder.

    Left alone are those that it was *given*, which are pinned, and what is no text, is a link, is shared with a kept
    state, or has more than `LARGEST_TEXT` bytes.
    """
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            with contextlib.suppress(OSError):  # a file that its owner protects stays as it is
                if path.relative_to(folder).as_posix() not in given and _is_own_text(path):
                    redact_file(path)


def _is_own_text(path: Path) -> bool:
    about = path.lstat()
    if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1 or about.st_size > LARGEST_TEXT:
        return False
    with path.open("rb") as file:
        return b"\0" not in file.read(LOOKED_AT)
