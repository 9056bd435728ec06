"""Rows to a table of at most 80 columns: no cell is cut and no word broken."""

import re
from collections.abc import Iterator, Sequence
from textwrap import wrap

WIDTH = 80
GAP = 2
"""Columns of a terminal between two of a table."""
TIE = "\0"
"""Stands for a space at which no line ends."""
LEAST = 28
"""Columns that the first has at least, before others move into a table below."""


def narrow_table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    """
    A table whose first column is at the left, and all others are at the right.

    Texts of the first column are wrapped at spaces where that makes it fit.  Columns that still do not fit stand in
    further tables below it, each with the first column again.  Only a word that is longer than all that goes beyond.
    """
    sizes = [_width([header, *cells]) + GAP for header, cells in zip(headers, _columns(rows, headers), strict=True)]
    room = max(WIDTH + GAP - sum(sizes[1:]), LEAST + GAP)
    firsts = ["\n  ".join(lines_of(row[0], room - GAP, GAP)) for row in rows]
    first = max(_width([headers[0], *firsts]) + GAP, GAP)
    return "\n\n".join(_table(rows, headers, firsts, places) for places in _blocks(sizes, first))


def lines_of(text: str, wide: int, under: int = 0) -> list[str]:
    """
    A text in lines that fit a width when all but the first are indented by *under*; words stay whole.

    A line ends behind a comma or before a bracket, so that a factor stands beside its level where the two fit.
    """
    parts = re.sub(r"(?<!,) (?!\()", TIE, text).split(" ")
    bound = " ".join(part if len(part) + under <= wide else part.replace(TIE, " ") for part in parts)
    lines = wrap(bound, wide, subsequent_indent=" " * under, break_long_words=False, break_on_hyphens=False)
    return [line.strip().replace(TIE, " ") for line in lines]


def _columns(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> list[list[str]]:
    return [[row[place] for row in rows] for place in range(len(headers))]


def _width(texts: Sequence[str]) -> int:
    return max(len(line) for text in texts for line in text.split("\n"))


def _blocks(sizes: Sequence[int], first: int) -> Iterator[list[int]]:
    """The columns of each table; every one has at least one beside the first."""
    block, taken = [0], first
    for place, size in enumerate(sizes[1:], 1):
        if len(block) > 1 and taken + size > WIDTH + GAP:
            yield block
            block, taken = [0], first
        block.append(place)
        taken += size
    yield block


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str], firsts: Sequence[str], places: Sequence[int]) -> str:
    from tabulate import tabulate

    shown = [[first, *(row[place] for place in places[1:])] for first, row in zip(firsts, rows, strict=True)]
    align = ["left"] + ["right"] * (len(places) - 1)
    some = [headers[place] for place in places]
    return str(tabulate(shown, some, tablefmt="simple", disable_numparse=True, colalign=align))
