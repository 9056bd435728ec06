"""Files of specs to texts: what is none, or is too large, is said in one sentence."""

from pathlib import Path

from promo.base.diagnostics import Diagnostic, SpecError
from promo.base.errors import PromoError
from promo.base.source import Source, Span

LARGEST_SPEC = 16 * 1024 * 1024


def read_source(path: Path, shown: str | None = None) -> Source:
    """
    Read a spec.

    Args:
        path: the file.
        shown: the name to show for it, if not its path.

    Raises:
        PromoError: there is no such file, it is a folder, too large, or cannot be read.
        SpecError: it is not UTF-8 text.
    """
    name = shown or str(path)
    try:
        if path.is_dir():
            raise PromoError(f"{name} is a folder, not a spec", hint="name a .promo file in it")
        if path.stat().st_size > LARGEST_SPEC:
            raise PromoError(f"{name} is larger than {LARGEST_SPEC // 2**20} MiB")
        content = path.read_bytes()
    except FileNotFoundError as fault:
        raise PromoError(f"there is no file {name}", hint=_near_file(path)) from fault
    except OSError as fault:
        raise PromoError(f"{name} cannot be read: {fault.strerror or fault}") from fault
    return decode_source(name, content)


def decode_source(name: str, content: bytes) -> Source:
    """
    Decode a spec's bytes; a byte order mark is left out.

    Raises:
        SpecError: the bytes are not UTF-8.
    """
    try:
        return Source(name, content.decode("utf-8-sig"))
    except UnicodeDecodeError as fault:
        sound = Source(name, content[: fault.start].decode("utf-8", errors="replace") + "\ufffd")
        end = len(sound.text)
        found = Diagnostic(
            "P0117",
            f"the file is not UTF-8: byte {fault.start} is 0x{content[fault.start]:02x}",
            Span(sound, end - 1, end),
            "save it as UTF-8",
        )
        raise SpecError([found]) from fault


def _near_file(path: Path) -> str:
    from promo.base.diagnostics import suggestion

    try:
        known = [other.name for other in path.parent.glob("*.promo")]
    except OSError:
        return ""
    near = suggestion(path.name, known)
    return f"did you mean {path.parent / near}?" if near else ""
