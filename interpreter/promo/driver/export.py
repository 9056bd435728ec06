"""Study folder to what other tools read: event files, MLflow, an RO-Crate, a pre-registration."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from promo.base.errors import PromoError
from promo.base.reading import open_plain, place_of
from promo.driver.study import StudyFolder, check_names
from promo.exchange import mlflow as to_mlflow
from promo.exchange import tensorboard as to_tensorboard
from promo.exchange.runs import logged_run
from promo.exchange.values import LoggedRun
from promo.ledger.state import AttemptState
from promo.report.changed import changes, planned
from promo.report.people import settled
from promo.report.tables import answers, standings
from promo.run.store import read_points

SQLITE = b"SQLite format 3\x00"
"""How such a file begins: https://www.sqlite.org/fileformat.html, section 1.3."""
MLFLOW_SETTINGS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
"""What is asked of MLflow unless the user's environment says otherwise: not to report its use, and not to try a server
that does not answer for minutes."""


def logged_runs(folder: StudyFolder) -> Iterator[LoggedRun]:
    """Every attempt of a study that has ended, one after the other: curves of 10,000 need not be held at once."""
    state = folder.state()
    compiled = folder.compiled()
    study, plan = compiled.sound()
    check_names(plan, state)
    asked = [name for name in (*study.gates, *study.rules) if name in state.decisions]
    decided = [settled(folder.decision(compiled, state, name), state) for name in asked]
    ranked, judged = standings(decided), answers(decided)
    changed = changes(study, planned(study, plan))
    for attempt in state.every_attempt():
        if attempt.state is not AttemptState.RUNNING:
            points = read_points(folder.disk, folder.path / attempt.folder)
            where, result = (attempt.stage, attempt.candidate), folder.result(attempt)
            told = (changed[attempt.candidate], ranked.get(where, ("", "")), judged.get(where, {}))
            yield logged_run(study, plan, state, attempt, result, points, *told)


def write_tensorboard(folder: StudyFolder, out: Path) -> int:
    """
    Write an event file for every attempt that has ended; the same files again while nothing else has ended.

    Returns:
        How many files were written.

    Raises:
        PromoError: tensorboardX is not installed, or a file cannot be written.
    """
    count = 0
    for run in logged_runs(folder):
        try:
            parts, content = to_tensorboard.event_file(run)
        except ImportError as fault:
            raise _missing("tensorboardX", to_tensorboard.EXTRA) from fault
        write_file(out.joinpath(*parts), content)
        count += 1
    return count


def write_mlflow(folder: StudyFolder, place: str) -> tuple[int, int]:
    """
    Bring every attempt that has ended into MLflow.

    Args:
        folder: the study.
        place: a tracking URI, or the path of an SQLite database, which is made when it is not there.

    Returns:
        (written, known): how many runs were written, and how many were there already.

    Raises:
        PromoError: MLflow is not installed, or does not take them.
    """
    for name, value in MLFLOW_SETTINGS.items():
        os.environ.setdefault(name, value)  # before the import, which reads them
    address = tracking_uri(place)
    try:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param
        from mlflow.exceptions import MlflowException
    except ImportError as fault:
        raise _missing("MLflow", to_mlflow.EXTRA) from fault
    if "://" not in place:
        _can_be_written(Path(place))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    study, plan = folder.compiled().sound()
    about = to_mlflow.about_study(study.title, plan.digest)
    try:
        client = MlflowClient(tracking_uri=address)
        experiment = f"{study.name} {plan.digest[:12]}"
        return to_mlflow.log_runs(client, experiment, about, logged_runs(folder), metric=Metric, param=Param)
    except (MlflowException, OSError, *_database_faults()) as fault:
        raise PromoError(f"MLflow does not take the runs: {_first_line(fault)}") from fault


def _database_faults() -> tuple[type[Exception], ...]:
    """What the library may raise that MLflow reaches databases with, where it is installed."""
    try:
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        return ()
    return (SQLAlchemyError,)


def tracking_uri(place: str) -> str:
    """
    Where MLflow keeps runs: a URI as it is, a path as an SQLite database.

    Raises:
        PromoError: there is another file, or the path holds a letter that means something else in the address of a
            database.
    """
    if "://" in place:
        return place
    if Path(place).exists() and not _is_database(Path(place)):
        raise PromoError(f"{place} is there already and is not an SQLite database", hint="choose another --out")
    if any(letter in place for letter in "?#%"):
        raise PromoError(
            f"{place} cannot be the path of a database: it holds one of ? # %", hint="choose another --out"
        )
    return f"sqlite:///{Path(place).resolve()}"


def _can_be_written(path: Path) -> None:
    """Said here, because MLflow tries again for minutes."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
    except OSError as fault:
        raise PromoError(f"{path} cannot be written: {fault.strerror or fault}") from fault


def _is_database(path: Path) -> bool:
    """Whether a file is an SQLite database, or empty as a new one is."""
    try:
        with open_plain(path) as file:
            return file.read(len(SQLITE)) in (SQLITE, b"")
    except OSError:
        return False


def write_file(path: Path, content: bytes) -> None:
    """
    Write a file and the folders above it; nothing waits for the disk, for an export can be made again.

    Raises:
        PromoError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        place_of(path).write_bytes(content)
    except OSError as fault:
        raise PromoError(f"{path} cannot be written: {fault.strerror or fault}") from fault


def _missing(package: str, extra: str) -> PromoError:
    return PromoError(f"{package} is not installed", hint=f"pip install 'promo-lang[{extra}]'")


def _first_line(fault: Exception) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:300]
