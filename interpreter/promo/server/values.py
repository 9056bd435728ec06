"""
Names where they stand in a text, and places as an editor counts them.

An editor counts columns in units of an encoding (UTF-16 unless both sides agree on another); everything else here
counts code points.  `Positions` is the only place where one becomes the other.
"""

import re
from bisect import bisect_right
from functools import cached_property

from lsprotocol import types

from promo.base.classes import field, frozen
from promo.syntax.nodes import Node

LINE_END = re.compile(r"\r\n?|\n")

UNIT_BYTES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
"""Encoding -> bytes of the unit in which it counts."""


@frozen
class Positions:
    """Offsets of one text as lines and columns of the protocol, both from 0."""

    text: str = field(repr=False)
    encoding: str = "utf-16"

    @cached_property
    def line_starts(self) -> list[int]:
        """Offset of the first character of every line; the protocol knows three kinds of line ends."""
        return [0, *(found.end() for found in LINE_END.finditer(self.text))]

    def units(self, text: str) -> int:
        """How many columns *text* takes."""
        if text.isascii():
            return len(text)
        codec = self.encoding if self.encoding == "utf-8" else f"{self.encoding}-le"
        return len(text.encode(codec)) // UNIT_BYTES[self.encoding]

    def at(self, offset: int) -> types.Position:
        """The position of an offset."""
        line = bisect_right(self.line_starts, offset) - 1
        return types.Position(line, self.units(self.text[self.line_starts[line] : offset]))

    def offset(self, position: types.Position) -> int:
        """The offset of a position; one behind the end of its line, or of the text, is that end."""
        if position.line >= len(self.line_starts):
            return len(self.text)
        start = self.line_starts[position.line]
        ends = LINE_END.search(self.text, start)
        line = self.text[start : ends.start() if ends else len(self.text)]
        if line.isascii():
            return start + min(position.character, len(line))
        for column in range(len(line) + 1):
            if self.units(line[:column]) >= position.character:
                return start + column
        return start + len(line)

    def range(self, start: int, end: int) -> types.Range:
        """The range of the characters from *start* up to *end*."""
        return types.Range(self.at(start), self.at(end))

    def whole(self) -> types.Range:
        """The range of the whole text."""
        return self.range(0, len(self.text))


@frozen
class Occurrence:
    """A name where it stands; *kinds* are the declarations it may refer to there, *declares* the kind it declares."""

    name: str
    start: int
    end: int
    kinds: tuple[str, ...]
    declares: str | None = None


@frozen
class Declared:
    """A declaration with a name: its kind (`import` for a name of another file) and where both stand."""

    name: str
    kind: str
    node: Node
    start: int
    end: int

    @property
    def frozen(self) -> bool:
        """Whether it is a frozen gate, rule or reduction."""
        return self.node.node("frozen") is not None

    @property
    def sealed(self) -> bool:
        """Whether it carries a seal."""
        return self.node.node("sealed") is not None
