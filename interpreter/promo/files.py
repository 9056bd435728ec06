"""Files that a command is given, and their bytes: what is none, or is too large, is said in one sentence."""

from codecs import BOM_UTF8
from pathlib import Path

from promo.base.diagnostics import Diagnostic
from promo.base.errors import PromoError, SpecError
from promo.base.reading import NotPlainError, place_of, read_plain
from promo.base.source import Source, Span

LARGEST_SPEC = 16 * 1024 * 1024


def read_source(path: Path, shown: str | None = None) -> Source:
    """
    Read a spec.

    Args:
        path: the file.
        shown: the name to show for it, if not its path.

    Raises:
        PromoError: there is no such file, it is a folder, a pipe or a device, too large, or cannot be read.
        SpecError: it is not UTF-8 text.
    """
    name = shown or str(path)
    try:
        content = read_plain(path, LARGEST_SPEC)
    except NotPlainError as fault:
        hint = "name a .promo file in it" if path.is_dir() else "name a .promo file; for standard input write -"
        raise PromoError(f"{name} cannot be read: {fault.strerror}", hint=hint) from fault
    except FileNotFoundError as fault:
        raise PromoError(f"there is no file {name}", hint=near_file(path)) from fault
    except OSError as fault:
        raise PromoError(f"{name} cannot be read: {fault.strerror or fault}") from fault
    return decode_source(name, content)


def read_given(path: Path, most: int, *, links: bool = True) -> bytes:
    """
    A file that a command was given, of at most so many bytes; *links*: whether what a link leads to counts.

    Raises:
        PromoError: there is no such file, it is no plain one, too large, or cannot be read.
    """
    try:
        return read_plain(path, most, links=links)
    except FileNotFoundError as fault:
        raise PromoError(f"there is no file {path}", hint=near_file(path)) from fault
    except OSError as fault:
        raise PromoError(f"{path} cannot be read: {fault.strerror or fault}") from fault


def write_given(path: Path, content: bytes) -> None:
    """
    Put a whole file where a command was told to: through a link, and never in the place of what is no file.

    Raises:
        PromoError: there is a folder, a pipe or a device, or it cannot be written.
    """
    from promo.run.disk import RealDisk  # a command that only reads has no need of it

    try:
        RealDisk().write(place_of(path), content)
    except OSError as fault:
        raise PromoError(f"{path} cannot be written: {fault.strerror or fault}") from fault


def decode_source(name: str, content: bytes) -> Source:
    """
    Decode a spec's bytes; a byte order mark is left out.

    Raises:
        SpecError: the bytes are not UTF-8.
    """
    text = content.removeprefix(BOM_UTF8)
    try:
        return Source(name, text.decode())
    except UnicodeDecodeError as fault:
        sound = Source(name, text[: fault.start].decode() + "\ufffd")
        end, place = len(sound.text), len(content) - len(text) + fault.start
        found = Diagnostic(
            "P0117",
            f"the file is not UTF-8: byte {place} is 0x{content[place]:02x}",
            Span(sound, end - 1, end),
            "save it as UTF-8",
        )
        raise SpecError([found]) from fault


def near_file(path: Path) -> str:
    """What helps where there is no such file: the one of that kind whose name is nearest, or nothing."""
    from promo.base.diagnostics import suggestion

    try:
        known = [other.name for other in path.parent.iterdir() if other.suffix == (path.suffix or ".promo")]
    except OSError:
        return ""
    near = suggestion(path.name, known)
    return f"did you mean {path.parent / near}?" if near else ""
