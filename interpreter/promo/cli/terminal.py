"""What is written where: colours only on a terminal that wants them, columns that line up."""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from promo.base.visible import on_one_line, visible

WIDTH = 80
TAB = 4
NARROWEST = 10
"""Columns of a terminal that a column of a table keeps."""
STYLES = {"error": "\033[1;31m", "warning": "\033[1;33m", "dim": "\033[2m", "bold": "\033[1m", "good": "\033[32m"}
PLAIN = "\033[0m"
PLAIN_TREE = str.maketrans({"└": "`", "├": "|", "│": "|", "─": "-"})
"""Lines of a tree, for streams that may not have them."""


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour: a terminal, and no `NO_COLOR` (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str, *, colour: bool) -> str:
    """A text in a style, or as it is; what the text itself would tell a terminal is made visible."""
    shown = visible(text)
    return f"{STYLES[style]}{shown}{PLAIN}" if colour and text else shown


def put(text: str, stream: TextIO | None = None) -> None:
    """Write a text and a newline, with whatever would steer a terminal made visible."""
    put_styled(visible(text), stream)


def how_wide(otherwise: int) -> int:
    """How wide the terminal of standard output is; where that is none, as it is said."""
    if not sys.stdout.isatty():
        return otherwise
    from shutil import get_terminal_size

    return get_terminal_size().columns


def put_wrapped(lines: Iterable[str], stream: TextIO | None = None) -> None:
    """Write sentences, each on lines of its own; on a terminal no word is broken at its edge, and tables stay whole."""
    stream = stream or sys.stdout
    if not stream.isatty():
        put_styled("\n".join(map(visible, lines)), stream)
        return
    from shutil import get_terminal_size  # only a terminal needs them, and every command starts sooner
    from textwrap import fill

    wide = get_terminal_size().columns
    shown = []
    for line in map(visible, lines):
        rest = line.strip().partition("  ")[2].lstrip()  # behind a label, which keeps a column of its own
        under = " " * (len(line) - len(rest)) if rest else "    " if line.startswith(" ") else ""
        table = "  " in rest or len(under) > wide // 2
        shown.append(line if table else fill(line, wide, break_on_hyphens=False, subsequent_indent=under))
    put_styled("\n".join(shown), stream)


def put_folded(text: str, indent: str = "") -> None:
    """Write a paragraph in lines of 80 columns, or of the terminal's where it is narrower; what follows is indented."""
    from shutil import get_terminal_size
    from textwrap import fill

    wide = min(WIDTH, get_terminal_size().columns)
    put(fill(text, wide, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))


def put_table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> None:
    """Write a table; on a terminal its widest columns are wrapped until it fits."""
    from tabulate import tabulate

    widths: list[int] | None = None
    if sys.stdout.isatty():
        from shutil import get_terminal_size

        widths = [max(map(columns, column)) for column in zip(headers, *rows, strict=True)]
        room = get_terminal_size().columns - 2 * (len(headers) - 1)
        while sum(widths) > room and max(widths) > NARROWEST:
            widths[widths.index(max(widths))] -= 1
    put(tabulate(rows, headers=headers, disable_numparse=True, maxcolwidths=widths))


def put_styled(text: str, stream: TextIO | None = None) -> None:
    """Write a text that is made of styled and visible ones; characters the stream cannot show become escapes."""
    stream = stream or sys.stdout
    line = text + "\n"
    encoding = stream.encoding or "utf-8"
    if encoding.lower().replace("-", "") != "utf8":
        line = line.translate(PLAIN_TREE)
    stream.write(line.encode(encoding, errors="backslashreplace").decode(encoding))


def expanded(text: str) -> str:
    """A text on one line as shown: tabs as spaces, and what has no shape by its number."""
    return on_one_line(text.replace("\t", " " * TAB))


def columns(text: str) -> int:
    """Terminal columns a shown text takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # the tables of Unicode, read only for text that needs them

    return cell_len(text)
