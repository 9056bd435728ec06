"""Text of an editor to document: the passes every command runs, and where the names stand."""

from pathlib import Path

from promo.base.errors import PromoError
from promo.base.source import Source
from promo.driver.pipeline import Compiled, compile_source, lock_path, read_lock
from promo.server.names import declared, occurrences
from promo.server.values import Document, Positions
from promo.syntax.parse import parse


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
    found = occurrences(compiled.tree)
    known = declared(compiled.tree, found)
    return Document(uri, version, compiled, Positions(source.text, encoding), trouble, found, known)


def _sound(text: str) -> str:
    """The text without halves of characters, which JSON can carry and no file can hold."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
