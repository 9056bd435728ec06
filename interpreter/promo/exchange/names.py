"""
Names for places that do not take every text: files, and metrics of MLflow.

Both ways are percent-encoding with another set of plain letters and another sign; the sign itself is always encoded,
so that two texts never get one name.
"""

import hashlib
import re

METADATA = "ro-crate-metadata.json"
ENVIRONMENT = "environment.json"
"""Files of a research crate beside those of its study."""
PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789_-."
"""Letters that stay as they are in a file name; capitals do not, for some file systems take `A` for `a`."""
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
"""Names that Windows keeps for devices."""
LONGEST = 120
"""Letters of a file name, and of a metric's: Linux takes 255 bytes, MLflow 250."""


def file_name(text: str) -> str:
    """
    A text as the name of a file or folder on any system.

    Letters outside `PLAIN`, dots at either end, and the first letter of a reserved name become `%` and two digits for
    each byte.  A name that would be too long is cut and ends in a digest of the whole text.
    """
    shown = _encoded(text, PLAIN, "%")
    if shown.startswith("."):
        shown = "%2e" + shown[1:]
    if shown.endswith("."):
        shown = shown[:-1] + "%2e"
    if RESERVED.fullmatch(shown):
        shown = f"%{ord(shown[0]):02x}{shown[1:]}"
    return _short(shown or "%", text, "%")


def metric_name(text: str) -> str:
    """A text as the name of a metric or setting in MLflow: letters, digits and `_-. :`, and no dot at the beginning."""
    shown = _encoded(text, PLAIN + PLAIN.upper() + " ", ":")
    shown = f":2e{shown[1:]}" if shown.startswith(".") else shown
    return _short(shown or ":", text, ":")


def _encoded(text: str, plain: str, sign: str) -> str:
    parts = (letter if letter in plain else _bytes(letter, sign) for letter in text)
    return "".join(parts)


def _bytes(letter: str, sign: str) -> str:
    return "".join(f"{sign}{byte:02x}" for byte in letter.encode("utf-8", errors="surrogatepass"))


def _short(shown: str, text: str, sign: str) -> str:
    if len(shown) <= LONGEST:
        return shown
    digest = hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()[:16]
    return f"{shown[: LONGEST - 18]}{sign}{sign}{digest}"
