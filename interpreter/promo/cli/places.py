"""Which study a command means: a study folder, a spec whose study lies in its usual place, or the only one here."""

from collections.abc import Callable
from pathlib import Path
from shlex import quote

from promo.base.errors import PromoError
from promo.driver.study import SUFFIX, StudyFolder, no_study, study_folder
from promo.files import near_file


def study_of(place: str | None, chosen: str | None) -> StudyFolder:
    """
    The study that a command line names.

    Raises:
        PromoError: there is none, or several could be meant.
    """
    if chosen:
        return _existing(StudyFolder(Path(chosen)))
    if place is None:
        here = _here()
        if len(here) != 1:
            names = ", ".join(str(folder.path) for folder in here)
            message = f"several studies are here: {names}" if here else "there is no study here"
            raise PromoError(message, hint="name a spec or a study folder")
        return here[0]
    path = Path(place)
    if not path.exists():
        raise PromoError(f"there is no spec and no study {place}", hint=near_file(path))
    return _existing(StudyFolder(path) if path.is_dir() else study_folder(path, None))


def awaited(place: str | None, chosen: str | None, wait: Callable[[], None]) -> StudyFolder:
    """
    The study that a command line names, once it is there and frozen.

    Args:
        place: a spec, a study folder, or None for the only study here.
        chosen: a study folder that is named by itself.
        wait: called between two looks.

    Raises:
        PromoError: a spec is named that is not there, or several studies could be meant.
    """
    spec = None if place is None else Path(place)
    if spec is not None and not chosen and spec.suffix != SUFFIX and not spec.exists():
        return study_of(place, chosen)
    while True:
        folder = _coming(spec, chosen)
        if folder is not None and folder.exists and folder.state().frozen is not None:
            return folder
        wait()


def _coming(spec: Path | None, chosen: str | None) -> StudyFolder | None:
    """Where a study will be; None where only the folder here is known, and nothing lies in it yet."""
    if chosen:
        return StudyFolder(Path(chosen))
    if spec is not None:
        return StudyFolder(spec) if spec.is_dir() or spec.suffix == SUFFIX else study_folder(spec, None)
    return study_of(None, None) if _here() else None


def _here() -> list[StudyFolder]:
    """Studies in and below the working folder; one without a ledger has only been prepared, and is none yet."""
    found = [*Path().glob(f"*{SUFFIX}"), *Path().glob(f"*/*{SUFFIX}")]
    return [folder for path in sorted(found) if (folder := StudyFolder(path)).exists]


def _existing(folder: StudyFolder) -> StudyFolder:
    if not folder.exists:
        raise no_study(folder.path)
    return folder


def go_on(place: str | None, study: Path, *, replay: bool = False) -> str:
    """
    What carries a study on, behind `promo`: `run train.promo`; a study folder alone is nothing that can be run.

    Args:
        place: the spec or study that the command was given.
        study: its folder.
        replay: whether it reads recorded curves.
    """
    spec = Path(place) if place else study
    spec = spec.with_suffix(".promo") if spec.suffix == SUFFIX else spec
    name = quote(str(spec)) if spec.is_file() else "SPEC"
    words = f"replay {name} --curves FILE" if replay else f"run {name}"
    usual = spec.is_file() and study_folder(spec, None).path.absolute() == study.absolute()
    return f"{words}{'' if usual else f' --study {quote(str(study))}'}"
