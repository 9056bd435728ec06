"""
Text of an editor to document: what the passes every command runs made of it, and where its names stand.

Diagnostics need no names, so these are found when something else is asked: a keystroke does not pay for them.
"""

from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from lsprotocol import types

from promo.base.classes import frozen
from promo.base.errors import PromoError
from promo.base.source import Source, Span
from promo.driver.pipeline import Compiled, compile_source, lock_path, read_lock
from promo.server.names import declared, occurrences
from promo.server.values import Declared, Occurrence, Positions
from promo.syntax.nodes import Node
from promo.syntax.parse import parse


@frozen
class Document:
    """One version of an open text."""

    uri: str
    version: int | None
    compiled: Compiled
    positions: Positions
    trouble: str
    """Why the passes after the parser could not run, such as a damaged lock; empty when they could."""

    @cached_property
    def occurrences(self) -> tuple[Occurrence, ...]:
        """Every name of the sound lines, in the order of the text; found when first asked for."""
        return occurrences(self.compiled.tree)

    @cached_property
    def declared(self) -> Mapping[str, Declared]:
        """Name -> its first declaration."""
        return declared(self.compiled.tree, self.occurrences)

    @property
    def text(self) -> str:
        """The text itself."""
        return self.compiled.source.text

    def range(self, span: Span) -> types.Range:
        """A place of this text as the protocol counts."""
        return self.positions.range(span.start, span.end)

    def occurrence(self, offset: int) -> Occurrence | None:
        """The name that an offset touches."""
        at = bisect_right(self.occurrences, offset, key=lambda one: one.start) - 1
        if at < 0 or self.occurrences[at].end < offset:
            return None
        return self.occurrences[at]

    def meant(self, occurrence: Occurrence) -> Declared | None:
        """The declaration that a name refers to where it stands, or that it is part of; of a row, its design."""
        declared = self.declared.get(occurrence.name)
        if declared is None and "candidate" in occurrence.kinds:
            design = self.declared.get(occurrence.name.rpartition("_")[0])
            return design if design is not None and design.kind == "design" else None
        if declared is None or not (declared.kind == "import" or declared.kind in self._possible(occurrence)):
            return None
        return declared

    @staticmethod
    def _possible(occurrence: Occurrence) -> tuple[str, ...]:
        return occurrence.kinds if occurrence.declares is None else (occurrence.declares,)

    def declaration_at(self, offset: int) -> Node | None:
        """The declaration that an offset lies in."""
        declarations = self.compiled.tree.declarations
        at = bisect_right(declarations, offset, key=lambda node: node.start) - 1
        return declarations[at] if at >= 0 and offset <= declarations[at].end else None


def open_document(uri: str, path: Path | None, text: str, version: int | None, encoding: str = "utf-16") -> Document:
    """
    Compile a text as an editor holds it, saved or not.

    Args:
        uri: what the editor calls it.
        path: the file it belongs to; None for a text that was never saved.
        text: its characters.
        version: the editor's count of changes.
        encoding: how the editor counts columns.

    Returns:
        The document; a text with errors gives one, too.
    """
    source = Source(path.name if path else "untitled.promo", _sound(text))
    trouble = ""
    try:
        lock = read_lock(lock_path(path)) if path else None
        compiled = compile_source(source, path.parent if path else Path(), lock)
    except PromoError as fault:
        parsed = parse(source)
        compiled = Compiled(source, parsed.tree, None, None, None, parsed.diagnostics)
        trouble = f"{fault.message}; {fault.hint}" if fault.hint else fault.message
    return Document(uri, version, compiled, Positions(source.text, encoding), trouble)


def _sound(text: str) -> str:
    """The text without halves of characters, which JSON can carry and no file can hold."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
