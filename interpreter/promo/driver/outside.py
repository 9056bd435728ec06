"""
Files that somebody else's system made to results of the attempts that it was asked for.

Everything is looked at before anything is written: a result answers a request by its digest, or stands in a table under
its candidate, host and seed; it used the budget that it was given, and has the value that was asked for.  What was
taken in lies in the attempt's folder with a record of who trained it and of every file's digest, and `promo run` goes
on from there.  The ledger is not touched here, so a promo that runs meanwhile is not disturbed.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from promo.base.canonical import digest_bytes, from_exact, parse_canonical
from promo.base.classes import frozen
from promo.base.codec import from_json, to_json
from promo.base.differences import differences
from promo.base.errors import Mismatch, PromoError
from promo.curves.read import LARGEST, suffix_of
from promo.curves.replay import Replay, build_part, strangers
from promo.curves.values import Settings
from promo.driver.delivered import beside, deliver, digest_of, links_and_others
from promo.driver.shared import see_shared
from promo.driver.study import StudyFolder
from promo.files import read_given
from promo.ledger.state import Attempt, AttemptState, State, StudyState
from promo.report.words import amount_words, span_text
from promo.run.budgets import is_early, is_kept, is_used_up, missed
from promo.run.locks import lock_intake
from promo.run.outside import EXECUTOR, OUTSIDE, Outside, is_there, read_outside
from promo.run.runners.recorded.answer import answer_part
from promo.run.segments import Done, misfit
from promo.run.store import (
    CHECKPOINT,
    EXIT,
    POINTS,
    REQUEST,
    RESULT,
    TRUNK,
    parse_exit,
    parse_points,
    parse_request,
    parse_result,
    result_bytes,
)
from promo.run.values import Body, Envelope, Reason, Request, RunStatus
from promo.study.values import Study

LARGEST_RESULT = 64 * 1024 * 1024
A_STATE = re.compile(rb"(?:checkpoint|trunk)-[0-9a-f]{16}\.(?:safetensors|state)")
"""A file of a state, in which the digest of its bytes begins."""
ASK = "promo ask lists the requests"
SOME = 5
"""Runs that a message names."""


@frozen
class Accepted:
    """What one call took in."""

    taken: tuple[str, ...]
    """Folders of attempts."""
    known: tuple[str, ...]
    """Folders of attempts whose same results were here already."""
    left_out: tuple[str, ...]
    """Runs of a table that have not come to their end, each with what is lacking, and what is no plain file."""


@frozen
class _Offer:
    """A result for one attempt, looked at and not yet written."""

    attempt: Attempt
    said: Outside
    contents: Mapping[str, bytes | Path]
    """Name in the attempt's folder -> its bytes, or the file to copy."""


def asked_for(study: Study, state: State) -> tuple[Attempt, ...]:
    """Attempts that somebody else's system was asked to train, and of which the ledger has no end."""
    return tuple(one for one in state.running() if study.hosts[one.host].executor == EXECUTOR)


def open_requests(folder: StudyFolder, study: Study, state: State) -> tuple[Attempt, ...]:
    """Those for which nothing has been taken in yet."""
    return tuple(one for one in asked_for(study, state) if not _is_answered(folder, one))


def _is_answered(folder: StudyFolder, attempt: Attempt) -> bool:
    place = folder.path / attempt.folder
    said = read_outside(folder.disk, place)
    return said is not None and is_there(folder.disk, place, said)


def accept(
    folder: StudyFolder, given: Sequence[Path], settings: Settings, *, by: str, lost: Sequence[str] = ()
) -> Accepted:
    """
    Take in results that were trained outside.

    Args:
        folder: the study.
        given: folders with `result.json` in them or below, and tables.
        settings: how tables are read.
        by: who trained them.
        lost: folders of attempts that nobody will train, as `promo ask` names them.

    Raises:
        Busy: somebody else takes results in, and does not come to an end.
        Mismatch: a result is none, or answers nothing that was asked for; nothing was written.
        BadTable: a table has faults; nothing was written.
        PromoError: a file cannot be read, or the study takes nothing in.
    """
    with lock_intake(folder.path):
        return _accept(folder, given, settings, by, lost)


def _accept(folder: StudyFolder, given: Sequence[Path], settings: Settings, by: str, lost: Sequence[str]) -> Accepted:
    state = folder.state()
    if state.study is not StudyState.OPEN or state.replay:
        why = "is a replay, and trains nothing" if state.replay else "has ended"
        raise Mismatch(f"the study in {folder.path} {why}: it accepts nothing")
    if not by.strip():
        raise PromoError("it is not said who trained these", hint='write --by "..."')
    see_shared(folder.path)
    study, _ = folder.compiled().sound()
    desk = _Desk(folder, study, state, by.strip())
    offers: list[_Offer] = []
    for path in given:
        offers += desk.table(path, settings) if suffix_of(path.name) else desk.results(path)
    offers += [desk.given_up(name) for name in lost]
    _once(offers)
    fresh = [one for one in offers if desk.is_new(one)]
    for one in fresh:
        deliver(folder.disk, folder.path, one.attempt.folder, one.said, one.contents)
    known = tuple(one.attempt.folder for one in offers if one not in fresh)
    return Accepted(tuple(one.attempt.folder for one in fresh), known, tuple(desk.left_out))


def _once(offers: Iterable[_Offer]) -> None:
    seen: dict[str, _Offer] = {}
    for one in offers:
        first = seen.setdefault(one.attempt.folder, one)
        if first is not one:
            both = f"{first.said.source or '--lost'} and {one.said.source or '--lost'}"
            message = f"two answers are given for one attempt, {one.attempt.folder}: {both}"
            raise Mismatch(message, hint="give the one that was trained for it")


class _Desk:
    """Looks at what is given."""

    def __init__(self, folder: StudyFolder, study: Study, state: State, by: str) -> None:
        self._folder, self._study, self._state, self._by = folder, study, state, by
        self._of = {one.request: one for one in state.every_attempt()}
        self.left_out: list[str] = []

    # --- results in promo's own form -------------------------------------------------------------------------

    def results(self, path: Path) -> Iterator[_Offer]:
        """Every result below a folder, or that of a file called result.json."""
        alone = [path] if path.name == RESULT and path.exists() else []
        found = sorted(path.rglob(RESULT)) if path.is_dir() else alone
        if not found and not path.exists():
            raise PromoError(f"there is no file or folder {path}")
        if not found:
            hint = "give folders with a result.json in them, or tables: .csv, .tsv, .parquet"
            raise PromoError(f"{path} holds no {RESULT} and is not a table", hint=hint)
        for one in found:
            yield self._result(one, path.resolve().name)
        self.left_out += links_and_others(path if path.is_dir() else path.parent)

    def _result(self, path: Path, source: str) -> _Offer:
        content = read_given(path, LARGEST_RESULT, links=False)
        body = _body(path, content)
        attempt = self._asked(path, body)
        request, asked = self._request(attempt)
        found = beside(self._folder.disk, path)
        contents: dict[str, bytes | Path] = {RESULT: content, **found}
        points = read_given(path.with_name(POINTS), LARGEST_RESULT, links=False) if POINTS in contents else b""
        contents[POINTS] = points
        if body.recorded is not None:
            raise Mismatch(f"{path} was read from a table by promo", hint="give the table itself")
        fault = (
            _fault(body, points, request, digest_bytes(asked), content)
            or self._not_whole(path, body, request)
            or self._stateless(path, body, found)
        )
        if fault:
            raise Mismatch(f"{path} is not a result for {attempt.folder}: {fault}")
        return self._offer(attempt, source, digest_bytes(content), contents, None)

    def _not_whole(self, path: Path, body: Body, request: Request) -> str:
        """Why a result is that of a part of a run, as its supervisor there wrote; empty where it is not."""
        there = self._folder.disk.read(path.with_name(EXIT))
        if there is None:
            return ""
        try:
            exit_ = parse_exit(there)
        except ValueError as fault:
            return f"its {EXIT} is not valid: {fault}"
        late = _too_long(() if exit_.seconds is None else (exit_.seconds,), request)
        if late or body.status is not RunStatus.OK:
            return late
        by_itself = exit_.reason is Reason.ITSELF and exit_.returncode == 0
        whole = by_itself or (body.used is not None and is_used_up(body.used, request.budget))
        return "" if whole else "it did not end by itself, and nothing shows that it had used its budget"

    def _stateless(self, path: Path, body: Body, found: Container[str]) -> str:
        """Which state that a result says it kept did not come with it, whole; empty where none is lacking."""
        for note, digest in ((CHECKPOINT, body.checkpoint), (TRUNK, body.trunk)):
            content = self._folder.disk.read(path.with_name(note)) or b""
            if digest not in (None, digest_bytes(content)):
                return f"the {note} that it was written with did not come with it"
            named = [path.with_name(name) for name in map(bytes.decode, A_STATE.findall(content)) if name in found]
            if digest and not any((self._folder.disk.digest(one) or "absent")[:16] in one.name for one in named):
                return f"no state that its {note} names came with it whole"
        return ""

    def _asked(self, path: Path, body: Body) -> Attempt:
        """The attempt that a result answers."""
        attempt = self._of.get(body.request)
        if attempt is None:
            raise self._stranger(path)
        if self._study.hosts[attempt.host].executor != EXECUTOR or attempt.bundle is not None:
            message = f"{path} answers {attempt.folder}, which is not trained outside: it runs on {attempt.host}"
            raise Mismatch(message, hint=ASK)
        if attempt.state is AttemptState.LOST:
            message = (
                f"{path} came too late: {attempt.folder} had been given up, and whatever it says counts for nothing"
            )
            raise Mismatch(message, hint=ASK)
        return attempt

    def _stranger(self, path: Path) -> Mismatch:
        """What is wrong with a result that answers no request, as far as the request beside it tells."""
        content = self._folder.disk.read(path.with_name(REQUEST))
        try:
            theirs = parse_request(content or b"")
        except ValueError:
            return Mismatch(f"{path} answers a request that this study did not make", hint=ASK)
        run = theirs.run
        cell = (run.stage, run.candidate, run.host)
        near = [one for one in self._state.every_attempt() if (one.stage, one.candidate, one.host) == cell]
        near.sort(key=lambda one: (one.seed != run.seed, one.number != theirs.attempt))
        if not near:
            message = f"{path} is of {run.candidate} on {run.host} at {run.stage}, which was not requested"
            return Mismatch(message, hint=ASK)
        mine, _ = self._request(near[0])
        changed = tuple(differences(to_json(mine), to_json(theirs)))[:8]
        return Mismatch(f"{path} answers another request than {near[0].folder}", hint=ASK, details=changed)

    def _request(self, attempt: Attempt) -> tuple[Request, bytes]:
        content = self._folder.read(attempt.folder, REQUEST) or b""
        if digest_bytes(content) != attempt.request:
            raise Mismatch(f"{attempt.folder}/{REQUEST} is not what was recorded")
        return parse_request(content), content

    # --- tables ------------------------------------------------------------------------------------------------

    def table(self, path: Path, settings: Settings) -> Iterator[_Offer]:
        """What a table has of the runs that were asked for."""
        content = read_given(path, min(LARGEST, LARGEST_RESULT))
        parts: dict[tuple[str, str], Replay] = {}
        offers, others = list[_Offer](), list[str]()
        answered: dict[tuple[str, ...], str] = {}
        for attempt in self._of_outside():
            cells = (attempt.stage, attempt.host)
            if cells not in parts:
                parts[cells] = build_part(self._study, cells, path.name, content, settings)
            body, points = answer_part(parts[cells], self._request(attempt)[0], attempt.request)
            offer = self._read(attempt, parts[cells], path, body, points)
            offers += [] if offer is None else [offer]
            others += [attempt.folder] if offer is None else []
            if offer is not None:
                first = answered.setdefault((attempt.stage, *_curve(body)), attempt.folder)
                _refuse_both(path, first, attempt.folder)
        if not offers:
            message = f"{path} has no requested run that reached the end of its budget"
            details = (*self.left_out, f"asked for: {', '.join(others[:SOME]) or 'nothing'}")
            raise Mismatch(message, hint="name its columns and labels with --column and --map", details=details)
        self._leave_out(path, strangers(self._study, path.name, content, settings))
        yield from offers

    def _leave_out(self, path: Path, runs: Sequence[str]) -> None:
        """Tell of runs that a table has and the study does not, as after a slip in a name or a seed."""
        if runs:
            more = f" and {len(runs) - SOME} more" if len(runs) > SOME else ""
            named = ", ".join(f"'{one}'" for one in runs[:SOME])
            self.left_out.append(f"{path.name}: the study has no such run: {named}{more}")

    def _of_outside(self) -> Iterator[Attempt]:
        """Attempts that a table may answer: asked for, or answered while their stage goes on."""
        for one in (tried[-1] for tried in self._state.attempts.values()):
            outside = self._study.hosts[one.host].executor == EXECUTOR and one.bundle is None
            if outside and one.stage not in self._state.closed and one.state is not AttemptState.LOST:
                yield one

    def _read(self, attempt: Attempt, part: Replay, path: Path, body: Body, points: bytes) -> _Offer | None:
        request, asked = self._request(attempt)
        if body.recorded is None or body.recorded.run is None:
            return None
        result = result_bytes(body)
        fault = (
            body.cause
            if body.status is RunStatus.INVALID
            else _fault(body, points, request, digest_bytes(asked), result) or self._told_before(attempt, body)
        )
        if fault:
            self.left_out += [f"{attempt.folder}: {fault}"] if attempt.state is AttemptState.RUNNING else []
            return None
        contents: dict[str, bytes | Path] = {
            RESULT: result,
            POINTS: points,
            f"table{suffix_of(path.name)}": part.content,
        }
        return self._offer(attempt, path.name, part.digest, contents, part.settings)

    def _told_before(self, attempt: Attempt, body: Body) -> str:
        """Why a recorded run is no answer: an earlier attempt had it, and a run that is repeated is another one."""
        for one in self._state.attempts[attempt.run]:
            content = self._folder.read(one.folder, RESULT) if one.number < attempt.number else None
            if content is not None and _told(from_json(Envelope, parse_canonical(content)).body) == _told(body):
                hint = "a column of attempts tells them apart, --column attempt=NAME"
                return f"run '{_curve(body)[-1]}' is the one that {one.folder} was; {hint}"
        return ""

    # --- both ----------------------------------------------------------------------------------------------------

    def given_up(self, name: str) -> _Offer:
        """An attempt that nobody will train."""
        attempt = next((one for one in asked_for(self._study, self._state) if one.folder == name.strip("/")), None)
        if attempt is None:
            raise PromoError(f"{name} is not requested from outside", hint=ASK)
        return _Offer(attempt, Outside(attempt.request, self._by, "", None, {}, None), {})

    def _offer(
        self,
        attempt: Attempt,
        source: str,
        digest: str,
        contents: Mapping[str, bytes | Path],
        settings: Settings | None,
    ) -> _Offer:
        files = {name: digest_of(self._folder.disk, one) for name, one in contents.items()}
        return _Offer(attempt, Outside(attempt.request, self._by, source, digest, files, settings), contents)

    def is_new(self, offer: _Offer) -> bool:
        """
        Whether something is to be written for an offer.

        Raises:
            Mismatch: the attempt has another result.
        """
        place, said = self._folder.path / offer.attempt.folder, offer.said
        before = read_outside(self._folder.disk, place)
        if before is None and (place / OUTSIDE).exists():
            raise Mismatch(f"{place / OUTSIDE} is damaged", hint="remove it, and accept the result again")
        if before is None:
            return True
        lacking = offer.attempt.state is AttemptState.RUNNING and not is_there(self._folder.disk, place, before)
        if (before.files, before.settings) == (said.files, said.settings):
            return lacking
        if lacking and said.is_lost:  # what was cut short, and cannot be completed
            return True
        if not (lacking or before.is_lost or said.is_lost) and _gist(
            self._folder.read(offer.attempt.folder, RESULT)
        ) == _gist(offer.contents[RESULT]):
            return False
        if before.is_lost:
            raise Mismatch(f"{offer.attempt.folder} was given up, and whatever comes now is too late", hint=ASK)
        message = (
            f"{said.source or 'this'} gives {offer.attempt.folder} another result than the one from {before.source}"
        )
        raise Mismatch(message, hint="the first one counts; nothing was changed")


def _curve(body: Body) -> tuple[str, ...]:
    """Labels of the recorded run that a result was read from; none of what was not read from a table."""
    source = body.recorded
    return () if source is None else tuple(one or "" for one in (source.config, source.host, source.seed, source.run))


def _told(body: Body) -> object:
    """All that a table says of a run, wherever in it that stands."""
    return (*_curve(body), body.status, body.cause, dict(body.metrics), dict(body.seconds), body.points, body.used)


def _refuse_both(path: Path, first: str, second: str) -> None:
    if first != second:
        message = f"{path} has one recorded run for both {first} and {second}"
        hint = "each was asked for: name the columns that tell them apart with --column, or map their labels with --map"
        raise Mismatch(message, hint=hint)


def _gist(content: bytes | Path | None) -> object:
    """What a result says, whichever file says so."""
    if not isinstance(content, bytes):
        return None
    body = from_json(Envelope, parse_canonical(content)).body
    return (body.request, body.status, dict(body.metrics), body.used, body.work)


def _body(path: Path, content: bytes) -> Body:
    try:
        return from_json(Envelope, parse_canonical(content)).body
    except ValueError as fault:
        raise Mismatch(
            f"{path} is not a result written by promo: {fault}", hint="or give a table of what was measured"
        ) from fault


def _fault(body: Body, points: bytes, request: Request, digest: str, content: bytes) -> str:
    """Why a result is none for a request; empty where it is one."""
    try:
        parse_result(content, digest)
    except ValueError as fault:
        return str(fault)
    if body.points != digest_bytes(points):
        return f"its {POINTS} is not the one that it was written with"
    try:
        parse_points(points)
    except ValueError as fault:
        return f"its {POINTS}: {fault}"
    late = _too_long(body.seconds.values(), request)
    if late or body.status is not RunStatus.OK:
        return late
    if request.metric not in body.metrics:
        return f"it has no {request.metric}"
    if body.used is not None and not is_kept(body.used, request.budget):
        return f"it is of another budget: {missed(body.used, request.budget)}"
    if body.used is not None and is_early(body.used, request.budget):
        return f"its last point lies before {amount_words(request.budget.kind, request.budget.amount)}, its budget"
    return "" if body.recorded is not None else misfit(request, Done(body.segments, body.work, body.used))


def _too_long(seconds: Iterable[str], request: Request) -> str:
    """Why an attempt took longer than any may, which is what the study's bound rests on; empty where it did not."""
    longest_s, took_s = request.budget.longest_s, max(map(from_exact, seconds), default=Fraction(0))
    limit = span_text(Fraction(request.budget.limit_s))
    return f"it took {span_text(took_s)}, and an attempt is ended after {limit}" if took_s > longest_s else ""
