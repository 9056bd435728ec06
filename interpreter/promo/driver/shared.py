"""
A study whose ledger lies on a disk of this machine, and whose runs lie where workers on other machines see them.

Three folders of the study are then links to folders of their own on the file system that workers share; everything
else, the ledger and its lock before all, stays where locks hold.  A worker is given the real path of its attempt, and
finds the text and the program from there, for they lie beside `runs` there too.
"""

import secrets
from pathlib import Path

from promo.base.errors import PromoError
from promo.driver.study import DATA, RUNS
from promo.run.mounts import STORES, mount_of
from promo.run.store import PROGRAM

SHARED = (RUNS, DATA, PROGRAM)
"""Folders of a study that workers read and write."""


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
    try:
        for link in links:
            (root / link.name).mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(root / link.name, target_is_directory=True)
    except OSError as fault:
        raise PromoError(f"{place} cannot hold the study's runs: {fault.strerror or fault}") from fault
