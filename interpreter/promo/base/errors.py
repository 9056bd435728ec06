"""
The exceptions promo raises on purpose, and the exit code of each::

    Exception
    +-- SpecError        the spec is wrong: diagnostics with places           exit 1
    +-- PromoError       a command cannot be carried out                      exit 2
        +-- Mismatch     stored bytes or frozen meanings differ               exit 1
        +-- OtherFormat  a study or a lock is of another format               exit 2
        +-- BadTable     a table of recorded curves has faults                exit 1
        +-- Busy         another promo process holds the study                exit 2

A file that nobody lets promo read or write is one message too (`denied`).  Anything else that escapes is a fault of
promo and keeps its traceback.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promo.base.diagnostics import Diagnostic

__all__ = [
    "ALLOWED",
    "KEPT",
    "BadTable",
    "Busy",
    "ExitCode",
    "Mismatch",
    "OtherFormat",
    "PromoError",
    "SpecError",
    "denied",
]


class ExitCode(IntEnum):
    """What a command's exit status means; the table stands in `docs/commands.md` too."""

    DONE = 0
    """The command did what it says; `verify`: all matches, and a receipt from outside covers the freeze and no run."""
    FINDINGS = 1
    """The spec has errors, a file is not formatted, or stored bytes do not match."""
    CANNOT = 2
    """The command cannot be carried out: usage, files, devices, a busy study."""
    UNANCHORED = 3
    """`verify`: everything matches, but no given receipt attests to what was frozen before the runs."""
    STOPPED = 4
    """`run`: the study stopped by its own rule, for example `missing stop`."""
    HELD = 5
    """`run`: a gate or rule waits for a person; see `promo decide`."""
    ELSEWHERE = 6
    """`run`: the remaining runs belong to other hosts; see `promo bundle` and `promo import`."""
    SPENT = 7
    """`run`: what is left of the study's budget is too little for another attempt; see `promo amend --budget`."""
    ASKED = 8
    """`run`: what is left is trained by somebody else's system; see `promo ask` and `promo accept`."""
    INTERRUPTED = 130
    """Stopped by the user; `promo run` continues."""


class SpecError(Exception):
    """The spec is wrong; carries every diagnostic found, in the order of the text, and says the errors among them."""

    def __init__(self, diagnostics: "Iterable[Diagnostic]") -> None:
        from promo.base.diagnostics import in_text_order  # late, for who raises none needs no values

        self.diagnostics = in_text_order(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        from promo.base.diagnostics import errors

        spans = [(one, one.span.source) for one in errors(self.diagnostics)]
        lines = [
            f"{source.name}:{source.position(one.span.start)[0]}: {one.code}: {one.message}" for one, source in spans
        ]
        return "\n".join(lines)


class PromoError(Exception):
    """A command cannot be carried out; the message says why and *hint* what to do."""

    exit_code = ExitCode.CANNOT

    def __init__(self, message: str, *, hint: str = "", details: tuple[str, ...] = ()) -> None:
        self.message = message
        self.hint = hint
        self.details = details
        super().__init__(message)


class Mismatch(PromoError):
    """Something that was frozen or stored is not what is there now; *details* name the parts."""

    exit_code = ExitCode.FINDINGS


class OtherFormat(PromoError):
    """A study or a lock is of a format that another promo wrote; nothing says that it is damaged."""

    def __init__(self, what: str, found: int, wanted: int, *, hint: str) -> None:
        self.found, self.wanted = found, wanted
        super().__init__(f"{what} is of format {found}, and this promo reads format {wanted}", hint=hint)


class BadTable(PromoError):
    """A table of recorded curves cannot be used; *details* are its faults, each with its row."""

    exit_code = ExitCode.FINDINGS


class Busy(PromoError):
    """Another promo process holds this study."""


ALLOWED = "have its owner allow that, then run again"
KEPT = "have it taken as it is, then run again; a study keeps its hosts' options: others need a new one (--study)"


def denied(fault: PermissionError) -> PromoError:
    """
    What to say where the system lets promo not do something with a file.

    Raises:
        PermissionError: it is of no file, and is raised again.
    """
    if fault.filename is None:
        raise fault
    return PromoError(f"{fault.filename} cannot be used: {fault.strerror}", hint=ALLOWED)
