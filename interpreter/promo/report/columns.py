"""Rows and headings as a table for a terminal."""

from collections.abc import Sequence

ROOM = 2
"""How much wider than its heading a column is at least."""


def table(rows: Sequence[Sequence[str]], headings: Sequence[str], sides: str = "") -> str:
    """Columns under their headings; *sides* has `<` or `>` for each, and without it all stand to the left."""
    sides = sides or "<" * len(headings)
    columns = list(zip(*rows, strict=True)) or [()] * len(headings)
    widths = [max([len(head) + ROOM, *map(len, column)]) for head, column in zip(headings, columns, strict=True)]
    lines = [headings, ["-" * width for width in widths], *rows]
    laid = ([f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in laid)
