"""
A study whose ledger lies on a disk of this machine, and whose runs lie where workers on other machines see them.

Three folders of the study are then links to folders of their own on the file system that workers share; everything
else, the ledger and its lock before all, stays where locks hold.  A worker is given the real path of its attempt, and
finds the text and the program from there, for they lie beside `runs` there too.
"""

import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from promo.base.errors import PromoError
from promo.driver.study import DATA, RUNS
from promo.run.mounts import STORES, mount_of
from promo.run.store import PROGRAM

SHARED = (RUNS, DATA, PROGRAM)
"""Folders of a study that workers read and write."""
OTHER = "choose another folder with --shared"
UNNAMED = "a file system that is not named here"
TRIED = "a file was made there by one alone, and another was whole after a rename"
"""What `share` has seen, from this machine."""


def share(study: Path, place: Path) -> None:
    """
    Put what workers need of a study that has not begun below *place*, and links to it into the study's folder.

    Raises:
        PromoError: *place* cannot be written or is none for files, or the study has such folders of its own already.
    """
    links = [study / name for name in SHARED]
    made = [link for link in links if link.is_symlink()]
    own = [link for link in links if link.exists() and not link.is_symlink()]
    if own:
        message = f"the study folder {study} has '{own[0].name}' in it, so it cannot be put into {place}"
        raise PromoError(message, hint="start a new study with --study")
    kind = mount_of(place).kind
    if kind in STORES:
        raise PromoError(f"{place} lies in an object store ({kind}), where files are not whole when they are there")
    root = made[0].resolve().parent if made else place.resolve() / f"{study.name}-{secrets.token_hex(4)}"
    folders = [root / link.name for link in links]
    absent = [one for one in (*folders, root, *root.parents) if not one.exists()]
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        _try(root)
        for link in links:
            if not link.is_symlink():
                link.symlink_to(root / link.name, target_is_directory=True)
    except (OSError, PromoError) as fault:
        _remove([link for link in links if link not in made], absent)
        if isinstance(fault, PromoError):
            raise
        raise PromoError(f"{place} cannot hold the study's runs: {fault.strerror or fault}") from fault


def _remove(links: Sequence[Path], folders: Sequence[Path]) -> None:
    """Take away links, and folders as far as they are empty, the innermost first."""
    for link in links:
        with contextlib.suppress(OSError):
            link.unlink()
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _try(root: Path) -> None:
    """
    Do once what attempts rely on: a file is made by one alone, and another is whole under its name after a rename.

    Raises:
        PromoError: it is not so here, on this machine.
    """
    claim, new = (root / f"try-{secrets.token_hex(4)}-{name}" for name in ("claim", "new"))
    try:
        os.close(os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.suppress(FileExistsError):
            os.close(os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            raise PromoError(f"two can make the same file in {root}, each as if alone", hint=OTHER)
        new.write_bytes(b"whole")
        new.replace(claim)
        if claim.read_bytes() != b"whole":
            raise PromoError(f"a file in {root} is not whole after a rename", hint=OTHER)
    finally:
        for one in (claim, new):
            one.unlink(missing_ok=True)


def see_shared(study: Path) -> None:
    """
    See whether the folders that a study shares with workers are there: a job that is not seen is not lost.

    Raises:
        PromoError: one is not.
    """
    gone = _gone(study)
    if gone is not None:
        raise PromoError(
            f"the runs of {study} are shared with workers in {gone.parent}, and '{gone.name}' is not there",
            hint=f"mount or restore it; if it was moved, let the links {', '.join(SHARED)} of the study lead there",
        )


def _gone(study: Path) -> Path | None:
    """Where a shared folder of a study should be, and is not."""
    links = (study / name for name in SHARED)
    return next((link.resolve() for link in links if link.is_symlink() and not link.is_dir()), None)


def where_words(study: Path) -> str:
    """Where attempts lie and the ledger, and on which file systems, where that is not one folder; empty where it is."""
    runs = study / RUNS
    if not runs.is_symlink():
        return ""
    there, here = mount_of(runs), mount_of(study)
    if not runs.is_dir():
        return f"attempts lay in {runs.resolve().parent}, which is not there; the ledger lies on {here.kind or UNNAMED}"
    locks = ", whose locks promo does not rely on" if there.lacks else ""
    root = runs.resolve().parent
    return f"attempts lie in {root} on {there.kind or UNNAMED}{locks}, the ledger on {here.kind or UNNAMED}"
