"""
Files that came with a result from outside, to the folder of the attempt that it answers.

Plain files alone: a link, a pipe or a device that somebody sent is not opened, and is named to whoever takes results
in.  Everything is copied and held to its digest before the record claims the attempt, so that a file which changes
meanwhile leaves no record that nothing can complete.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from promo.base.canonical import canonical, digest_bytes
from promo.base.codec import to_json
from promo.base.errors import Mismatch, PromoError
from promo.base.reading import FOLDER, not_plain, open_plain
from promo.ledger.ports import Disk
from promo.run.disk import refusal
from promo.run.outside import OUTSIDE, Outside, claim_outside, is_there, read_outside
from promo.run.store import CHECKPOINT, EXIT, MOST_FILES, NAMED, POINTS, REQUEST, RESULT, TRUNK, plain

LARGEST_FILE = 64 * 1024**3
"""Bytes of a file that comes with a result, such as a state."""
NOT_COPIED = NAMED - {RESULT, POINTS}
READ = frozenset({RESULT, POINTS, EXIT, REQUEST, CHECKPOINT, TRUNK})
"""Files that say something of a result."""


def links_and_others(folder: Path) -> list[str]:
    """What lies below a folder and is neither a plain file nor a folder, each with its kind: nothing of it is taken."""
    return [f"{folder / name}: {kind}" for name, kind in not_plain(folder) if kind != FOLDER]


def beside(disk: Disk, result: Path) -> dict[str, bytes | Path]:
    """
    Plain files that lie beside a result, by plain names.

    Raises:
        PromoError: what says something of the result is no plain file, or something there is more than may come.
    """
    folder, found, left_out = result.parent, dict[str, bytes | Path](), list[str]()
    for name, kind in not_plain(folder):
        if name in READ:
            raise PromoError(f"{folder / name} cannot be read: it is {kind}, not a file")
        left_out += (
            [] if (folder / name).is_dir() and not (folder / name).is_symlink() else [f"{folder / name}: {kind}"]
        )
    names = [one for one in disk.files(folder) if one not in NOT_COPIED and one != OUTSIDE]
    if len(names) > MOST_FILES:
        raise PromoError(f"{folder} has {len(names):,} files in it, and a result comes with {MOST_FILES:,} at most")
    for name in names:
        if (folder / name).stat().st_size > LARGEST_FILE:
            raise PromoError(f"{folder / name} is larger than {LARGEST_FILE // 2**30} GiB")
        if name != plain(name):
            raise PromoError(f"{folder / name} has a name that cannot be recorded", hint="rename or remove it")
        if name != RESULT:
            found[name] = folder / name
    return found


def digest_of(disk: Disk, content: bytes | Path) -> str:
    """
    Digest of what is to be taken in.

    Raises:
        PromoError: it cannot be read.
    """
    if isinstance(content, bytes):
        return digest_bytes(content)
    try:
        found = disk.digest(content)
    except OSError as fault:
        raise PromoError(f"{content} cannot be read: {fault.strerror or fault}") from fault
    if found is None:
        raise PromoError(f"{content} disappeared while it was being read")
    return found


def deliver(disk: Disk, study: Path, folder: str, said: Outside, contents: Mapping[str, bytes | Path]) -> None:
    """
    Copies first, then the record, which claims the attempt; the result last.  What was cut short is done again.

    Args:
        disk: the file system.
        study: its folder.
        folder: the attempt's, below it.
        said: the record.
        contents: name in the attempt's folder -> its bytes, or the file to copy.

    Raises:
        Mismatch: somebody else's result came a moment earlier, or a file changed meanwhile.
        PromoError: the disk refuses it.
    """
    try:
        _deliver(disk, study / folder, folder, said, contents)
    except OSError as fault:
        raise refusal(f"what was accepted for {folder}", fault) from fault


def _deliver(disk: Disk, place: Path, folder: str, said: Outside, contents: Mapping[str, bytes | Path]) -> None:
    for name, content in contents.items():
        disk.make_folder((place / name).parent)
        if isinstance(content, Path):
            _copy(disk, content, place / f"{name}.part", said.files[name])
    if not claim_outside(disk, place, said):
        before = read_outside(disk, place)
        if before is not None and said.is_lost and not is_there(disk, place, before):
            for name in before.files:  # as the exit of whoever trained it, which is none of an attempt that is lost
                (place / name).unlink(missing_ok=True)
            disk.write(place / OUTSIDE, canonical(to_json(said)))
        elif before is None or (before.files, before.settings) != (said.files, said.settings):
            raise Mismatch(f"{folder} has another result, which came a moment earlier")
    names = sorted(contents, key=lambda name: (name == RESULT, name))
    for name in names:
        content = contents[name]
        if isinstance(content, bytes):
            disk.write(place / name, content)
        else:
            (place / f"{name}.part").replace(place / name)
    disk.settle([place / name for name in names], [place])


def _copy(disk: Disk, source: Path, target: Path, digest: str) -> None:
    target.unlink(missing_ok=True)
    with open_plain(source, links=False) as file, target.open("xb") as copy:
        shutil.copyfileobj(file, copy)
    if disk.digest(target) != digest:
        target.unlink()
        raise Mismatch(f"{source} changed while it was being read", hint="accept it again once it is whole")
