"""Study folder to checks of what attempts left: results, points, what they printed and how they ended."""

from collections.abc import Iterator

from promo.base.canonical import Json, digest_bytes, parse_json
from promo.driver.pipeline import Compiled
from promo.driver.study import StudyFolder
from promo.driver.values import Check, Outcome
from promo.evidence.values import OK
from promo.files import RealDisk
from promo.ledger.state import Attempt, AttemptState, State
from promo.run.store import POINTS, REQUEST, RESULT
from promo.run.values import Result


def ended(state: State) -> list[Attempt]:
    """Attempts that have come to an end, with or without a result."""
    every = (one for tried in state.attempts.values() for one in tried)
    return [one for one in every if one.state is not AttemptState.RUNNING]


def lacking(folder: StudyFolder, state: State) -> list[str]:
    """Files of attempts with a result that are not there; what rests on results cannot be derived without them."""
    files = (
        f"{one.folder}/{name}" for one in ended(state) if one.envelope or one.late for name in (RESULT, REQUEST, POINTS)
    )
    return [name for name in files if not (folder.path / name).is_file() and not _never_had(folder, name)]


def _never_had(folder: StudyFolder, name: str) -> bool:
    """Whether these are the points of a result that never had any."""
    if not name.endswith(POINTS):
        return False
    stored = parse_json(RealDisk().read(folder.path / name.removesuffix(POINTS) / RESULT) or b"null")
    return isinstance(stored, dict) and "points" not in stored["body"]


def check_results(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    """Result files, their points, and what the ledger repeats of them."""
    del compiled
    missing = lacking(folder, state)
    without = {name.rpartition("/")[0] for name in missing}
    bad, good = [], 0
    for attempt in ended(state):
        envelope = attempt.envelope or attempt.late
        if envelope is None or attempt.folder in without:
            continue
        result = folder.result(attempt)
        if result.digest != envelope or (attempt.envelope and not repeats(attempt, result)):
            bad.append(attempt.folder)
        elif not _points_match(folder, attempt, result.details.get("points")):
            bad.append(f"{attempt.folder}/{POINTS}")
        else:
            good += 1
    words = listed(bad) or f"{good} result files as recorded"
    yield Check("results", Outcome.DIFFERS if bad else Outcome.MATCHES, words)
    if missing:
        yield Check("results", Outcome.MISSING, listed(missing))


def repeats(attempt: Attempt, result: Result) -> bool:
    """Whether the ledger says of a result what that says itself, for who reads the ledger alone."""
    flagged = attempt.state is AttemptState.FLAGGED  # a guard sets sound results aside, and has its own cause
    if (OK if flagged else attempt.status, attempt.train_s) != (result.status.value, result.charged_s):
        return False
    if not flagged and attempt.cause != result.cause:
        return False
    counted = flagged or attempt.state is AttemptState.ACCEPTED
    return not counted or dict(attempt.metrics) == dict(result.metrics)


def check_witnesses(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    """What each attempt printed, and how it ended, whether it left a result or not."""
    del compiled
    bad, missing, good = [], [], 0
    for attempt in ended(state):
        for name, recorded in attempt.left.items():
            content = RealDisk().read(folder.path / attempt.folder / name)
            if content is None:
                missing.append(f"{attempt.folder}/{name}")
            elif digest_bytes(content) != recorded:
                bad.append(f"{attempt.folder}/{name}")
            else:
                good += 1
    if bad or good:
        words = listed(bad) or f"{good} files of what attempts printed and how they ended, as recorded"
        yield Check("logs", Outcome.DIFFERS if bad else Outcome.MATCHES, words)
    if missing:
        yield Check("logs", Outcome.MISSING, listed(missing))


def _points_match(folder: StudyFolder, attempt: Attempt, recorded: Json) -> bool:
    content = RealDisk().read(folder.path / attempt.folder / "points.jsonl")
    return recorded is None or (content is not None and digest_bytes(content) == recorded)


def listed(names: list[str]) -> str:
    """The first of many names, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
