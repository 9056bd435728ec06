"""
Results that somebody else's system trained: the record of one that was taken in, beside it in its attempt's folder.

The record is put there first, and by whoever is first: it is the claim to answer the request, and names every file that
comes with it by its digest.  The result counts once all of them are there, so that a taking in which was cut short is
completed by the same files and by no others.
"""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from promo.base.canonical import canonical, parse_canonical
from promo.base.classes import frozen
from promo.base.codec import from_json, to_json
from promo.base.fields import Digest
from promo.curves.read import suffix_of
from promo.curves.values import Settings
from promo.ledger.ports import Disk
from promo.ledger.sources import Said
from promo.ledger.values import Left

OUTSIDE = "outside.json"
EXECUTOR = "outside"
"""The executor of hosts whose runs are trained so."""


@frozen
class Outside:
    """Who trained what was asked for, and which file said so; or that nobody will."""

    FORM: ClassVar = ("promo_outside", 1)

    request: Digest
    by: Said
    source: Said
    """Name of the table or folder that was given, without where it lay; empty where nothing was."""
    digest: Digest | None
    """Of that table, or of the result in that folder; None where nothing was taken in."""
    files: Mapping[Left, Digest]
    """Everything that came with it, by its name in the attempt's folder."""
    settings: Settings | None
    """How the table was read that the result was taken from; None for a result in promo's own form."""

    @property
    def is_lost(self) -> bool:
        """Whether it says that no result will come."""
        return self.digest is None

    @property
    def table(self) -> str | None:
        """The table's name in the attempt's folder."""
        return None if self.settings is None else f"table{suffix_of(self.source)}"


def parse_outside(content: bytes) -> Outside:
    """
    Read such a record.

    Raises:
        ValueError: it is none, byte for byte, or contradicts itself.
    """
    said = from_json(Outside, parse_canonical(content))
    if not said.by.strip():
        raise ValueError("it does not say who trained it")
    if said.is_lost != (not said.files) or said.is_lost != (not said.source) or (said.is_lost and said.settings):
        raise ValueError("it says of nothing that it was taken in")
    named = {"result.json", "points.jsonl"} if said.table is None else {"result.json", "points.jsonl", said.table}
    if not said.is_lost and not named <= said.files.keys():
        raise ValueError(f"it does not name {', '.join(sorted(named - said.files.keys()))}")
    if said.table is not None and said.files[said.table] != said.digest:
        raise ValueError("its table is not the file that it names")
    return said


def read_outside(disk: Disk, folder: Path) -> Outside | None:
    """The record in an attempt's folder; None where there is none, or nothing that is one."""
    content = disk.read(folder / OUTSIDE)
    if content is None:
        return None
    with contextlib.suppress(ValueError):
        return parse_outside(content)
    return None


def is_there(disk: Disk, folder: Path, said: Outside) -> bool:
    """Whether everything that a record names lies beside it."""
    return all(disk.digest(folder / name) == digest for name, digest in said.files.items())


def claim_outside(disk: Disk, folder: Path, said: Outside) -> bool:
    """
    Put a record into an attempt's folder, whole and at once; False where there is another one already.

    Raises:
        OSError: the disk refuses it.
    """
    content, place, beside = canonical(to_json(said)), folder / OUTSIDE, folder / f"{OUTSIDE}.part"
    beside.write_bytes(content)
    disk.settle([beside], [])
    try:
        os.link(beside, place)
    except FileExistsError:
        pass
    except OSError:  # a file system without links: whoever is first has it, and a part of it is none
        with contextlib.suppress(FileExistsError), place.open("xb") as file:
            file.write(content)
    beside.unlink(missing_ok=True)
    disk.settle([place], [folder])
    return disk.read(place) == content
