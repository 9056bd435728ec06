"""
From a name to where it is declared, to where it is used, and to another name.

A rename is tried before it is offered: the changed text goes through every pass, and what then would be wrong (a
seal that no longer fits, a factor that the runner does not have, a name that a keyword swallows) refuses it.  The
seals are compared by the passes themselves, so a rename is refused exactly where it would break one.
"""

import re
from pathlib import Path

from lsprotocol import types

from promo.base.diagnostics import Diagnostic, Edit, errors
from promo.base.edits import apply
from promo.base.errors import PromoError, SpecError
from promo.base.source import Source, Span
from promo.files import read_source
from promo.server.document import Document, open_document
from promo.server.names import declared, occurrences
from promo.server.values import Declared, Occurrence, Positions
from promo.study.expressions import unquoted
from promo.study.names import LONGEST_NAME
from promo.syntax.clauses import SPOKEN
from promo.syntax.parse import parse

NAME = re.compile(r"[a-z][a-z0-9_]*")
BROKEN_SEAL = "P0401"


class Refused(Exception):
    """A rename that cannot be carried out; the message says why."""


def definition(document: Document, offset: int, path: Path | None) -> types.Location | None:
    """Where the name at an offset is declared, in this text or in a file that it uses."""
    found = _named(document, offset)
    if found is None:
        return None
    declaration = found[1]
    if declaration.kind == "import":
        return _in_used_file(document, declaration, path)
    return types.Location(document.uri, document.positions.range(declaration.start, declaration.end))


def references(document: Document, offset: int, *, declaration: bool) -> list[types.Location]:
    """Every place of this text that means the same as the name at an offset."""
    found = _named(document, offset)
    if found is None:
        return []
    return [
        types.Location(document.uri, document.positions.range(one.start, one.end))
        for one in _same(document, found[1])
        if declaration or one.declares is None
    ]


def renameable(document: Document, offset: int) -> types.Range:
    """
    The range of the name at an offset.

    Raises:
        Refused: nothing there has a name of its own.
    """
    occurrence, declaration = _renamed(document, offset)
    _own(declaration)
    return document.positions.range(occurrence.start, occurrence.end)


def rename(document: Document, offset: int, new: str, path: Path | None) -> types.WorkspaceEdit:
    """
    Give the name at an offset another spelling everywhere in this text.

    Args:
        document: the text.
        offset: a place in the name.
        new: the new name.
        path: the file the text belongs to, for its lock and the files it uses.

    Raises:
        Refused: it is no name or taken, it would break a seal, or the text would not be sound any more.
    """
    _, declaration = _renamed(document, offset)
    _own(declaration)
    if new == declaration.name:
        return types.WorkspaceEdit({})
    _spelled(new)
    taken = document.declared.get(new)
    if taken is not None:
        line = document.compiled.source.position(taken.start)[0]
        raise Refused(f"'{new}' is already declared in line {line}")
    places = _same(document, declaration)
    _tried(document, declaration, places, new, path)
    edits = [types.TextEdit(document.positions.range(one.start, one.end), new) for one in places]
    return types.WorkspaceEdit({document.uri: edits})


def _named(document: Document, offset: int) -> tuple[Occurrence, Declared] | None:
    occurrence = document.occurrence(offset)
    declaration = document.meant(occurrence) if occurrence else None
    return (occurrence, declaration) if occurrence and declaration else None


def _same(document: Document, declaration: Declared) -> list[Occurrence]:
    return [one for one in document.occurrences if one.name == declaration.name and document.meant(one) is declaration]


def _renamed(document: Document, offset: int) -> tuple[Occurrence, Declared]:
    found = _named(document, offset)
    if found is None:
        raise Refused("there is no declared name here")
    if found[0].name != found[1].name:
        raise Refused(f"'{found[0].name}' is a row of '{found[1].name}', and is called after it")
    return found


def _own(declaration: Declared) -> None:
    if declaration.kind == "import":
        raise Refused(f"'{declaration.name}' is declared in another file; rename it there, and pin that file anew")
    if declaration.kind == "factor":
        raise Refused(f"'{declaration.name}' is a factor: its name is the runner's")


def _spelled(new: str) -> None:
    if NAME.fullmatch(new) is None:
        raise Refused(f"'{new}' is not a name: names are a-z, 0-9 and _, and begin with a letter")
    if len(new) > LONGEST_NAME:
        raise Refused(f"a name has at most {LONGEST_NAME} characters")


def _tried(document: Document, old: Declared, places: list[Occurrence], new: str, path: Path | None) -> None:
    """Refuse a rename that the passes do not take."""
    source = document.compiled.source
    sealed = [one.name for one in document.declared.values() if one.sealed]
    if document.compiled.plan is None and sealed:
        raise Refused(f"fix the errors first: whether the seal of '{sealed[0]}' would hold cannot be checked")
    edits = [Edit(Span(source, one.start, one.end), new) for one in places]
    after = open_document(document.uri, path, apply(source.text, edits), None)
    before = {(found.code, found.message.replace(old.name, new)) for found in errors(document.compiled.diagnostics)}
    caused = [
        found
        for found in errors(after.compiled.diagnostics)
        if (found.code, found.message.replace(old.name, new)) not in before
    ]
    broken = [found for found in caused if found.code == BROKEN_SEAL]
    if broken:
        raise Refused(_breaks(old, new, broken))
    if caused:
        raise Refused(f"'{new}' cannot be the name of this {SPOKEN[old.kind]}: {caused[0].message}")
    shifted = [one.start + index * (len(new) - len(old.name)) for index, one in enumerate(places)]
    if [one.start for one in after.occurrences if one.name == new] != shifted:
        raise Refused(f"'{new}' would mean something else in one of its places")


def _breaks(old: Declared, new: str, broken: list[Diagnostic]) -> str:
    """The refusal: whose seals would no longer fit, by the names they have now."""
    rules = [found.message.split("'")[1] for found in broken]
    named = ", ".join(f"'{old.name if rule == new else rule}'" for rule in rules)
    return (
        f"'{old.name}' is part of what is sealed: renaming it would break the seal of {named}; before any result "
        "exists, rename by hand and run: promo freeze --again"
    )


def _in_used_file(document: Document, declaration: Declared, path: Path | None) -> types.Location | None:
    """The declaration in the file that a `use` line names; None when it cannot be read."""
    if path is None:
        return None
    place = (path.parent / unquoted(declaration.node.token("STRING"))).resolve()
    try:
        source: Source = read_source(place)
    except (PromoError, SpecError):
        return None
    tree = parse(source).tree
    there = declared(tree, occurrences(tree)).get(declaration.name)
    if there is None:
        return None
    return types.Location(
        place.as_uri(), Positions(source.text, document.positions.encoding).range(there.start, there.end)
    )
