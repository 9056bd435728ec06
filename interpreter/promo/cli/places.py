"""Which study a command means: a study folder, a spec whose study lies in its usual place, or the only one here."""

from pathlib import Path

from promo.base.errors import PromoError
from promo.driver.study import SUFFIX, StudyFolder, study_folder


def study_of(place: str | None, chosen: str | None) -> StudyFolder:
    """
    The study that a command line names.

    Raises:
        PromoError: there is none, or several could be meant.
    """
    if chosen:
        return _existing(StudyFolder(Path(chosen)))
    if place is None:
        found = [*Path().glob(f"*{SUFFIX}"), *Path().glob(f"*/*{SUFFIX}")]
        here = [StudyFolder(path) for path in sorted(found) if StudyFolder(path).exists]
        if len(here) != 1:
            names = ", ".join(str(folder.path) for folder in here)
            message = f"several studies are here: {names}" if here else "there is no study here"
            raise PromoError(message, hint="name a spec or a study folder")
        return here[0]
    path = Path(place)
    if not path.exists():
        raise PromoError(f"there is no spec and no study {place}")
    return _existing(StudyFolder(path) if path.is_dir() else study_folder(path, None))


def _existing(folder: StudyFolder) -> StudyFolder:
    if not folder.exists:
        raise PromoError(f"there is no study in {folder.path}", hint="start one with: promo run SPEC")
    return folder
