"""What is written where: colours only on a terminal that wants them, columns that line up."""

import os
import sys
from typing import TextIO

TAB = 4
STYLES = {"error": "\033[1;31m", "warning": "\033[1;33m", "dim": "\033[2m", "bold": "\033[1m", "good": "\033[32m"}
PLAIN = "\033[0m"


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour: a terminal, and no `NO_COLOR` (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str, *, colour: bool) -> str:
    """Text in a style, or as it is."""
    return f"{STYLES[style]}{text}{PLAIN}" if colour and text else text


def put(text: str, stream: TextIO | None = None) -> None:
    """Write a text and a newline; characters the stream cannot show become escapes."""
    stream = stream or sys.stdout
    line = text + "\n"
    encoding = stream.encoding or "utf-8"
    stream.write(line.encode(encoding, errors="backslashreplace").decode(encoding))


def expanded(text: str) -> str:
    """A source line as shown: tabs as spaces, control characters as symbols."""
    shown = []
    for letter in text:
        if letter == "\t":
            shown.append(" " * TAB)
        elif letter.isprintable():
            shown.append(letter)
        else:
            shown.append("\N{REPLACEMENT CHARACTER}")
    return "".join(shown)


def columns(text: str) -> int:
    """Terminal columns a shown text takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # the tables of Unicode, read only for text that needs them

    return cell_len(text)
