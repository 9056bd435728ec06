"""Study folder to checks of what attempts left: results, points, what they printed and how they ended."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from promo.base.canonical import digest_bytes, exact_sum, from_exact
from promo.base.codec import value_digest
from promo.base.errors import PromoError
from promo.curves.replay import Replay, build_part
from promo.driver.anchor import ANCHORS, HEAD
from promo.driver.shared import SHARED
from promo.driver.study import AMENDMENTS, DATA, LEDGER, STREAMS, Sight, StudyFolder
from promo.driver.values import Check, Outcome
from promo.exchange.names import ENVIRONMENT, METADATA
from promo.ledger.bundles import MANIFEST, SIGNATURE
from promo.ledger.state import Attempt, AttemptState, State, StudyState
from promo.plans.values import Plan
from promo.report.words import plural
from promo.run.outside import EXECUTOR as OUTSIDE_EXECUTOR
from promo.run.outside import OUTSIDE, Outside, parse_outside
from promo.run.runners.recorded.answer import answer_part
from promo.run.store import (
    EXIT,
    NAMED,
    POINTS,
    PROGRAM,
    REQUEST,
    RESULT,
    STATES,
    attempt_folder,
    is_whole,
    parse_exit,
    parse_points,
    parse_request,
    plain,
    read_exit,
    read_whole,
    result_bytes,
)
from promo.run.values import Exit, Kept, Reason, Result, RunStatus
from promo.study.values import Study


def ended(state: State) -> list[Attempt]:
    """Attempts that have come to an end, with or without a result."""
    return [one for one in state.every_attempt() if one.state is not AttemptState.RUNNING]


def check_outside(sight: Sight) -> Iterator[Check]:
    """
    What somebody else's system trained: each result has a record of who did, and of every file that came with it.

    A result that was taken from a table follows from that table, which lies beside it.
    """
    folder, study, state = sight.folder, sight.study, sight.state
    bad, good = [], 0
    read: dict[tuple[str, str, str, str], Replay] = {}
    for attempt in ended(state):
        if state.replay or not _is_outside(study, attempt) or attempt.state is AttemptState.LOST:
            continue
        fault = _outside_fault(folder, study, attempt, read)
        bad += [f"{attempt.folder}{fault}"] if fault else []
        good += not fault
    if bad or good:
        words = listed(bad) or f"{plural(good, 'result')} trained outside, as accepted"
        yield Check("outside", Outcome.DIFFERS if bad else Outcome.MATCHES, words)


def _outside_fault(
    folder: StudyFolder, study: Study, attempt: Attempt, read: dict[tuple[str, str, str, str], Replay]
) -> str:
    """What is wrong with the record of who trained an attempt, to follow its folder; empty where nothing is."""
    content = folder.read(attempt.folder, OUTSIDE)
    if OUTSIDE not in attempt.witnesses:
        return f" has a result, and no {OUTSIDE} says who trained it"
    if content is None:
        return ""  # said among the files that are missing
    try:
        said = parse_outside(content)
    except ValueError as fault:
        return f"/{OUTSIDE}: {fault}"
    if said.is_lost or said.request != attempt.request or said.files[RESULT] != attempt.envelope:
        return f"/{OUTSIDE} is of another result"
    others = {name: one for name, one in said.files.items() if name not in NAMED and not STATES.fullmatch(name)}
    if others | {OUTSIDE: digest_bytes(content)} != dict(attempt.witnesses):
        return f"/{OUTSIDE} names other files than came with it"
    body = folder.result(attempt).body
    if body is not None and (body.recorded is None) is not (said.settings is None):
        return f"/{RESULT} was {'not ' * (body.recorded is None)}read from a table, and {OUTSIDE} says otherwise"
    return "" if said.settings is None else _table_fault(folder, study, attempt, said, read)


def _is_outside(study: Study, attempt: Attempt) -> bool:
    """Whether somebody else trains what its host has; that the plan has no such host is said in the history."""
    host = study.hosts.get(attempt.host)
    return host is not None and host.executor == OUTSIDE_EXECUTOR


def _table_fault(
    folder: StudyFolder,
    study: Study,
    attempt: Attempt,
    said: Outside,
    read: dict[tuple[str, str, str, str], Replay],
) -> str:
    """What is wrong with a result that was taken from a table."""
    assert said.table is not None and said.settings is not None and said.digest is not None
    table, request = folder.read(attempt.folder, said.table), folder.read(attempt.folder, REQUEST)
    if table is None or request is None:
        return ""  # said among the files that are missing
    key = (attempt.stage, attempt.host, said.digest, value_digest(said.settings))
    try:
        if key not in read:
            read[key] = build_part(study, key[:2], said.source, table, said.settings)
        body, _ = answer_part(read[key], parse_request(request), digest_bytes(request))
        same = result_bytes(body) == folder.read(attempt.folder, RESULT)
    except PromoError as fault:
        return f"/{said.table}: {fault.message}"
    except ValueError:
        return ""  # said among the requests
    return "" if same else f"/{RESULT} does not follow from {said.table}"


def check_results(sight: Sight) -> Iterator[Check]:
    """Result files, their points, and what the ledger repeats of them."""
    folder, study, state = sight.folder, sight.study, sight.state
    missing = sight.lacking
    without = {name.rpartition("/")[0] for name in missing}
    bad = [] if state.replay else [fault for one in ended(state) if (fault := _exit_fault(folder, one))]
    bad += [one.folder for one in ended(state) if not _ended_as_told(folder, one)]
    good = 0
    for attempt in ended(state):
        envelope = attempt.envelope or attempt.late
        if envelope is None or attempt.folder in without:
            continue
        result = folder.result(attempt)
        said = repeats(attempt, result) if attempt.envelope else attempt.late_status is result.status
        seen = state.replay or _is_outside(study, attempt)  # looked at where those are
        if result.digest != envelope or not said or not _could_count(folder, attempt, result, seen=seen):
            bad.append(attempt.folder)
        elif result.body is not None and (fault := _points_fault(folder, attempt, result.body.points)):
            bad.append(f"{attempt.folder}/{POINTS}{fault}")
        else:
            good += 1
    words = listed(bad) or f"{plural(good, 'result file')} as recorded"
    yield Check("results", Outcome.DIFFERS if bad else Outcome.MATCHES, words)
    if missing:
        yield Check("results", Outcome.MISSING, listed(missing))


def repeats(attempt: Attempt, result: Result) -> bool:
    """Whether the ledger says of a result what that says itself, for who reads the ledger alone."""
    status = RunStatus.OK if attempt.state is AttemptState.FLAGGED else attempt.status
    if (status, attempt.train_s) != (result.status, result.charged_s) or attempt.cause != result.cause:
        return False
    if status is not RunStatus.OK or result.body is None:
        return True
    body = result.body
    said = (dict(attempt.metrics), dict(attempt.seconds), attempt.work, attempt.contention)
    return said == (dict(body.metrics), dict(body.seconds), body.work, body.contention)


def _seen(folder: StudyFolder, attempt: Attempt) -> Exit | None:
    """How an attempt ended by its supervisor, as far as the ledger has that."""
    return read_exit(folder.disk, folder.path / attempt.folder) if EXIT in attempt.witnesses else None


def _exit_fault(folder: StudyFolder, attempt: Attempt) -> str:
    """
    What is wrong with the record of how an attempt ended; empty where nothing is.

    Whoever saw an attempt fail without a result wrote down how it ended.  Without such a record it was lost, unless its
    result shows that its budget was used up, which is looked at where results are.
    """
    if EXIT not in attempt.witnesses:
        failed = attempt.state is AttemptState.FAILED and attempt.envelope is None
        return f"{attempt.folder} failed, and no {EXIT} says how it ended" if failed else ""
    content = folder.read(attempt.folder, EXIT)
    if content is None:
        return ""  # said among the files that are missing
    try:
        parse_exit(content)
    except ValueError as fault:
        return f"{attempt.folder}/{EXIT}: {fault}"
    return ""


def _could_count(folder: StudyFolder, attempt: Attempt, result: Result, *, seen: bool) -> bool:
    """Whether a result that counts has a value, and is that of a whole run, as far as anybody saw the end."""
    if attempt.state not in (AttemptState.ACCEPTED, AttemptState.FLAGGED):
        return True
    asked, place = folder.request(attempt).metric, folder.path / attempt.folder
    gone = EXIT in attempt.witnesses and not (place / EXIT).is_file()  # said among the files that are missing
    whole = seen or gone or is_whole(folder.disk, place, result, _seen(folder, attempt))
    return result.body is not None and asked in result.body.metrics and whole


def _ended_as_told(folder: StudyFolder, attempt: Attempt) -> bool:
    """Whether the ledger says of an attempt without any result what its supervisor saw of its end."""
    if attempt.state is not AttemptState.FAILED or attempt.envelope or (folder.path / attempt.folder / RESULT).exists():
        return True
    return _seen(folder, attempt) is None or folder.result(attempt).status is attempt.status


def check_witnesses(sight: Sight) -> Iterator[Check]:
    """What each attempt printed, and how it ended, whether it left a result or not."""
    folder, state = sight.folder, sight.state
    bad, missing, good = [], [], 0
    for attempt in ended(state):
        for name, recorded in attempt.witnesses.items():
            content = _left(folder, attempt, name)
            if content is None:
                missing.append(f"{attempt.folder}/{name}")
            elif digest_bytes(content) != recorded:
                bad.append(f"{attempt.folder}/{name}")
            else:
                good += 1
    if bad or good:
        words = listed(bad) or f"{plural(good, 'file')} of what attempts printed and how they ended, as recorded"
        yield Check("logs", Outcome.DIFFERS if bad else Outcome.MATCHES, words)
    if missing:
        yield Check("logs", Outcome.MISSING, listed(missing))


def _left(folder: StudyFolder, attempt: Attempt, name: str) -> bytes | None:
    """A file by its recorded name, in which `%` may stand for bytes that are no printable ASCII; see `plain`."""
    content = folder.read(attempt.folder, name)
    if content is None and "%" in name:
        there = folder.disk.files(folder.path / attempt.folder)
        found = next((one for one in there if plain(one) == name), None)
        return None if found is None else folder.read(attempt.folder, found)
    return content


def _points_fault(folder: StudyFolder, attempt: Attempt, recorded: str) -> str:
    """What is wrong with the points of a result, to follow their name; empty where nothing is."""
    content = folder.read(attempt.folder, POINTS)
    if content is None or digest_bytes(content) != recorded:
        return " is not what was recorded"
    try:
        parse_points(content)
    except ValueError as fault:
        return f" {fault}"
    return ""


def listed(names: Sequence[str]) -> str:
    """The first of many names, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def check_unaccounted(sight: Sight) -> Iterator[Check]:
    """Files that no event accounts for, and results of attempts that the ledger calls lost."""
    folder, state = sight.folder, sight.state
    called_lost = [one.folder for one in ended(state) if _is_no_loss(folder, one)]
    unseen = [one for one in ended(state) if _came_afterwards(folder, one)]
    if unseen:
        seconds = exact_sum(_behind(folder, one) for one in unseen)
        words = (
            "came after they had been declared lost: on no record, and nothing of them counts, nor do the"
            f" {float(seconds):.0f} s that they took after they were last seen:"
            f" {listed([one.folder for one in unseen])}"
        )
        yield Check("late results", Outcome.MATCHES, words)
    if called_lost:
        words = f"declared lost, but they left a result: {listed(called_lost)}"
        yield Check("lost attempts", Outcome.DIFFERS, words)
    hidden = list(_left_out(folder, state))
    if hidden:
        words = f"another was numbered behind it, and neither the ledger nor a request tells of {listed(hidden)}"
        yield Check("attempts", Outcome.DIFFERS, words)
    strange = list(_strange(folder, sight.plan, state))
    words = f"no event accounts for {listed(strange)}" if strange else "every file is accounted for by an event"
    yield Check("files", Outcome.DIFFERS if strange else Outcome.MATCHES, words)


def _came_afterwards(folder: StudyFolder, attempt: Attempt) -> bool:
    """
    Whether a job that its queue had lost sight of left a result after the ledger's last word of it.

    Nobody saw its end, or what it had left by then would be on record.
    """
    unseen = attempt.job is not None and attempt.state is AttemptState.LOST and not attempt.witnesses
    return unseen and attempt.late is None and folder.result(attempt).digest is not None


def _behind(folder: StudyFolder, attempt: Attempt) -> Fraction:
    """Seconds that such an attempt had its devices, as its supervisor wrote, less those that the ledger has of it."""
    exit_ = read_exit(folder.disk, folder.path / attempt.folder)
    if exit_ is None or exit_.seconds is None:
        return Fraction(0)
    return max(from_exact(exit_.seconds) - from_exact(attempt.device_s or "0"), Fraction(0))


def _is_no_loss(folder: StudyFolder, attempt: Attempt) -> bool:
    """
    Whether an attempt that was called lost, or failed without a result, has left one after all.

    A result that came late is on record as such, and never counts; but an attempt that had ended by itself when it was
    called lost was none.
    """
    given_up = attempt.state is AttemptState.LOST or (attempt.state is AttemptState.FAILED and not attempt.envelope)
    if not given_up:
        return False
    result = read_whole(folder.disk, folder.path / attempt.folder, None)
    if attempt.late is None:
        return result.digest is not None and not _came_afterwards(folder, attempt)
    exit_ = _seen(folder, attempt)
    by_itself = exit_ is not None and exit_.reason is Reason.ITSELF
    return (
        by_itself
        and result.status is RunStatus.OK
        and is_whole(folder.disk, folder.path / attempt.folder, result, exit_)
    )


def _left_out(folder: StudyFolder, state: State) -> Iterator[str]:
    """Attempts that were passed over in the count; a start leaves out those whose request it found."""
    for tried in state.attempts.values():
        before = 0
        for one in tried:
            place = one.folder.rpartition("-")[0]
            missing = (f"{place}-{number}" for number in range(before + 1, one.number))
            before = one.number
            yield from (name for name in missing if not one.bundle and not (folder.path / name / REQUEST).is_file())


OWN_FILES = frozenset({LEDGER, "lock", HEAD, ENVIRONMENT, METADATA, MANIFEST, SIGNATURE})
"""A crate and a bundle that were unpacked are study folders too."""
OWN_PLACES = re.compile(rf"{ANCHORS}/[0-9]+\.note(\.[A-Za-z0-9.]+)?|{DATA}/({'|'.join(map(re.escape, STREAMS))})")
"""Notes with their receipts, and the prepared text, whose bytes are looked at where they are used."""
MADE = re.compile(r"report[a-z0-9._-]*|[a-z0-9._-]*\.(html|md|csv|svg)")
"""Reports, which anybody may make again."""


def _strange(folder: StudyFolder, plan: Plan, state: State) -> Iterator[str]:
    """
    Files of a study folder that no event accounts for.

    A crash may keep the event from the ledger that a file was written for: the request of a planned run, whose attempt
    gets another number then, the next amendment, and what is derived while the study goes on.  It may also leave a part
    of any file.

    A link in the folder that a run works in, as `latest.ckpt` often is one, has no bytes, and nothing rests on it.
    """
    assert state.frozen is not None
    known = {*OWN_FILES, *state.frozen.files, *(name for one in state.bundles for name in one.files)}
    known |= {f"evidence/{stage}.json" for stage in state.closed} | {f"evidence/{name}.json" for name in state.effects}
    following = len(state.amendments) + 1
    known |= {f"{AMENDMENTS}/{number}.promo" for number in range(1, following + 1)}
    for name in state.decisions:
        known |= {f"decisions/{name}.json", f"decisions/{name}.frozen.json"}
        known |= {f"decisions/{name}.amendment-{version}.json" for version in (*state.versions(name)[1:], following)}
    attempts = {one.folder: one for one in state.every_attempt()}
    unfinished, used = state.study is StudyState.OPEN, folder.used_digests()
    shared = [name for name in SHARED if (folder.path / name).is_symlink()]
    for name in sorted(name for top in ("", *shared) for name in _files_in(folder.path, top)):
        if name in shared:
            continue
        whole = name.removesuffix(".part")
        place, _, file = whole.rpartition("/")
        if whole in known or OWN_PLACES.fullmatch(whole) or (not place and MADE.fullmatch(whole)):
            continue
        if name.startswith(f"{PROGRAM}/") and (name != whole or folder.disk.digest(folder.path / name) in used):
            continue
        attempt = next((attempts[each] for each in (place, *_above(place)) if each in attempts), None)
        if attempt is not None:
            inside = plain(whole.removeprefix(f"{attempt.folder}/"))
            begun = name != whole and inside == EXIT  # promo died while it wrote down how it had ended
            if begun or _is_of(inside, folder, attempt):
                continue
            if inside.startswith(f"{PROGRAM}/") and (folder.path / name).is_symlink():
                continue
        asked = attempt is None and file == REQUEST and _is_unstarted(folder, plan, place, part=name != whole)
        derived = unfinished and name.startswith(("evidence/", "decisions/"))
        if attempt is not None or not (asked or derived):
            yield name


def _files_in(study: Path, top: str) -> Iterator[str]:
    """What is no folder below one of the study, links to folders among it, as paths from the folder of the study."""
    waiting = [top]
    for place in waiting:  # which grows meanwhile
        with suppress(OSError), os.scandir(f"{study}/{place}") as found:
            for one in found:
                name = f"{place}/{one.name}" if place else one.name
                if one.is_dir(follow_symlinks=False):
                    waiting.append(name)
                else:
                    yield name


def _above(place: str) -> Iterator[str]:
    while "/" in place:
        place = place.rpartition("/")[0]
        yield place


def _is_unstarted(folder: StudyFolder, plan: Plan, place: str, *, part: bool) -> bool:
    """
    Whether the request in a folder, or a *part* of it, is that of a planned run whose start never reached the ledger.

    After a crash of the machine there may be nothing in it, or only zeros.
    """
    content = b"" if part else folder.read(place, REQUEST) or b""
    cell, _, number = place.rpartition("/attempt-")
    cells = {
        attempt_folder(run.stage, run.candidate, run.host, run.seed, 1).rpartition("/")[0]: run
        for stage in plan.stages
        for run in stage.runs
    }
    run = cells.get(cell)
    if run is None or not re.fullmatch(r"[1-9][0-9]{0,5}", number):
        return False
    if not content.strip(b"\0"):
        return True
    try:
        asked = parse_request(content)
    except ValueError:
        return False
    seed = asked.run.seed if asked.run.label is None else asked.run.label
    due = (run.id, run.stage, run.candidate, run.host, run.seed, int(number))
    return due == (asked.run.id, asked.run.stage, asked.run.candidate, asked.run.host, seed, asked.attempt)


def _is_of(file: str, folder: StudyFolder, attempt: Attempt) -> bool:
    """
    Whether a file is one that an attempt leaves: its record, its states, and whatever else the ledger has of it.

    Of an attempt that runs, or whose end nobody wrote down, nothing else could be recorded.
    """
    unseen = attempt.state in (AttemptState.RUNNING, AttemptState.LOST) and not attempt.witnesses
    state = STATES.fullmatch(file) is not None and _is_state_of(file, folder, attempt)
    return unseen or file in NAMED or file in attempt.witnesses or state


def _is_state_of(file: str, folder: StudyFolder, attempt: Attempt) -> bool:
    """
    Whether a kept state is one that its attempt may have left: its result names it, and the state its tensors.

    Without a result it may have kept any on its way; and beside a result lies that which a run kept in its midst, where
    it lasted as long as it was to train before it keeps one.
    """
    if attempt.envelope is None or attempt.state is AttemptState.FAILED:
        return True
    kind = file.partition("-")[0].removesuffix(".json")
    state = folder.read(attempt.folder, f"{kind}.json")
    body = folder.result(attempt).body
    named = None if body is None else body.state(Kept(kind))
    long_s = folder.request(attempt).checkpoint.every_s
    lasted = attempt.device_s is None or from_exact(attempt.device_s) >= long_s
    due = state is not None and (digest_bytes(state) == named or (kind == Kept.CHECKPOINT.value and lasted))
    return due and (file.endswith(".json") or (state is not None and file.encode() in state))
