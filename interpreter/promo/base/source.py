"""
A text with a name, and places in it.

Offsets count code points of the decoded text, so that slicing needs no table; lines and columns are
worked out only when a place has to be shown to a person.
"""

from bisect import bisect_right
from functools import cached_property

from promo.base.classes import field, frozen


@frozen
class Source:
    """One spec text and the name it is shown under (a path, or `<stdin>`)."""

    name: str
    text: str = field(repr=False)

    @cached_property
    def line_starts(self) -> list[int]:
        """Offset of the first character of every line."""
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of *offset*, both counted from 1, the column in code points."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Text of line *number* (from 1) without its line end."""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


@frozen
class Span:
    """The characters of a source from *start* up to, not including, *end*."""

    source: Source = field(repr=False)
    start: int
    end: int
