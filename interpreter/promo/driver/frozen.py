"""
What a study froze, as files; and where one of them was changed since, which parts, from what to what.

The ledger keeps digests alone.  What stood in a file is therefore derived again: from the spec beside the study, or
from those frozen files that are still what they were.  A change whose former wording stands nowhere is named as far as
it can be.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from promo.base.canonical import Json, canonical, digest_bytes, parse_json
from promo.base.classes import evolve, frozen
from promo.base.codec import to_json
from promo.base.differences import differences, line_differences
from promo.base.errors import PromoError, SpecError
from promo.base.resources import second_verifier
from promo.curves.replay import SETTINGS, Replay, table_file
from promo.driver.pipeline import Compiled
from promo.driver.study import IMPORTS, LOCK, PLAN, RECHECK, SPEC, StudyFolder
from promo.ledger.state import State
from promo.ledger.values import Freezing
from promo.plans.values import Plan, plan_from_json
from promo.report.change import plan_changes
from promo.report.words import error_words
from promo.study.closure import closure
from promo.study.lock import Lock, frozen_rules, lock_from_json, seal_of

MOST = 12
"""Parts of one file that are told; a file that was rewritten has hundreds."""
UNKNOWN = "what it said before stands nowhere else in the study, so the part cannot be named"


@frozen
class Changed:
    """A frozen file that is not what the ledger says: it is missing, or differs in *parts*."""

    name: str
    missing: bool
    parts: tuple[str, ...] = ()


def first_lock(compiled: Compiled, now: str, commit: str | None) -> Lock:
    """The spec's own seals where they fit; what was never sealed is sealed by starting."""
    study, plan = compiled.amendable()
    before = compiled.lock.seals if compiled.lock else {}
    seals = {}
    for rule in frozen_rules(study):
        old = before.get(rule.name)
        fits = old is not None and old.digest == plan.seals[rule.name]
        seals[rule.name] = old if fits and old else seal_of(rule.name, closure(study, rule), now, commit, 0)
    return Lock(study.name, seals)


def frozen_files(compiled: Compiled, lock: Lock, replay: Replay | None) -> dict[str, bytes]:
    """Every file that starting puts into the folder, by name; their digests are the ledger's first event."""
    return {
        SPEC: compiled.source.text.encode(),
        **derived_files(compiled, lock),
        RECHECK: second_verifier(),
        **(replay.files() if replay else {}),
    }


def derived_files(compiled: Compiled, lock: Lock) -> dict[str, bytes]:
    """Those of them that follow from what the text means and from what was sealed, each in the one form that it has."""
    _, plan = compiled.amendable()
    values = {PLAN: to_json(plan), LOCK: to_json(lock), IMPORTS: dict(compiled.used)}
    return {name: canonical(value) + b"\n" for name, value in values.items()}


def recorded_files(state: State) -> Mapping[str, str]:
    """Frozen file -> its digest, as the ledger's first event says."""
    return {} if state.frozen is None else state.frozen.files


def due_files(frozen_as: Freezing) -> frozenset[str]:
    """Names of the files that starting such a study puts into the folder."""
    table = () if frozen_as.replay is None else (SETTINGS, table_file(frozen_as.replay.table))
    return frozenset({SPEC, PLAN, LOCK, IMPORTS, RECHECK, *table})


def changed_files(
    folder: StudyFolder, state: State, given: Compiled | None = None, replay: Replay | None = None
) -> Iterator[Changed]:
    """Frozen files that are not what they were; *given* is the spec that a study is gone on with, if it is."""
    files = recorded_files(state)
    found = {name: folder.read(name) for name in files}
    other = [name for name, content in found.items() if content is None or digest_bytes(content) != files[name]]
    if not other:
        return
    before = _Before(folder, state, given, replay)
    for name in other:
        content = found[name]
        if content is None:
            yield Changed(name, missing=True)
            continue
        parts = tuple(dict.fromkeys(before.parts(name, content)))
        more = (f"and {len(parts) - MOST} parts more",) if len(parts) > MOST else ()
        yield Changed(name, missing=False, parts=(*parts[:MOST], *more))


class _Before:
    """What the frozen files were, as far as that can be derived again."""

    def __init__(self, folder: StudyFolder, state: State, given: Compiled | None, replay: Replay | None) -> None:
        self._folder, self._state = folder, state
        self._recorded = files = recorded_files(state)
        self._now = _compiled(folder)
        known = (one for one in (given, self._now) if isinstance(one, Compiled) and self._is_frozen(one))
        self._meant = next(known, None)
        """A spec that means what was frozen."""
        self._exact: dict[str, bytes] = {}
        for compiled in (one for one in (given, self._meant) if one is not None and self._is_frozen(one)):
            for lock in self._locks(compiled):
                derived = frozen_files(compiled, lock, replay)
                self._exact |= {name: one for name, one in derived.items() if digest_bytes(one) == files.get(name)}

    def parts(self, name: str, content: bytes) -> Iterator[str]:
        """What differs in a file; at least one line."""
        if name in (SPEC, IMPORTS):
            yield from self._of_spec(name, content)
        elif name in self._exact and name not in (PLAN, LOCK):
            yield from text_changes(self._exact[name], content)
        elif name == PLAN and self._meant is not None:
            yield from _values(to_json(self._meant.amendable()[1]), content)
        elif name == LOCK and self._meant is not None:
            yield from self._of_lock(content)
        else:
            yield UNKNOWN

    @property
    def _commit(self) -> str | None:
        """Version-control commit of the spec when it was frozen."""
        return self._state.frozen.commit if self._state.frozen else None

    def _is_frozen(self, compiled: Compiled) -> bool:
        plan = compiled.plan
        return plan is not None and plan.digest == self._state.plan

    def _locks(self, compiled: Compiled) -> Iterator[Lock]:
        """The lock as starting made it; the second where only its times, commits and counts are not known."""
        made = first_lock(compiled, self._state.frozen_at, self._commit)
        yield made
        yield from (
            first_lock(compiled, _before(self._state.frozen_at, one), self._commit) for one in range(1, SOONER_S)
        )
        stored = _lock_of(self._folder.read(LOCK))
        if stored is not None:
            same = {name: stored.seals[name] for name in made.seals if name in stored.seals}
            yield evolve(made, seals={name: evolve(seal, sealed_at=same[name].sealed_at) if name in same else seal
                                      for name, seal in made.seals.items()})  # fmt: skip

    def _of_spec(self, name: str, content: bytes) -> Iterator[str]:
        """What the spec means otherwise than it did; and where that is the same, its lines."""
        lines = list(text_changes(self._exact[name], content)) if name == SPEC and name in self._exact else []
        if name == IMPORTS and name in self._exact:
            lines = list(_texts(self._exact[name], content))
        now = self._now
        if not isinstance(now, Compiled):
            yield from (now, *lines)
            return
        meanings = list(self._meanings(now))
        yield from meanings or lines or ["only its layout or comments: it means what it did"]

    def _meanings(self, now: Compiled) -> Iterator[str]:
        """Words of `promo plan --diff`, from what was frozen to what the copy in the folder says now."""
        assert now.plan is not None
        stored = self._folder.read(PLAN)
        if self._meant is not None:
            yield from plan_changes(self._meant.amendable()[1], now.plan)
        elif stored is not None and digest_bytes(stored) == self._recorded.get(PLAN):
            yield from self._since(stored, now.plan)
        else:
            yield UNKNOWN

    def _since(self, stored: bytes, now: Plan) -> Iterator[str]:
        """The same, from a plan file that is what was frozen; somebody may have frozen what is no plan."""
        try:
            before = plan_from_json(parse_json(stored))
        except ValueError:
            yield UNKNOWN
            return
        yield from plan_changes(before, now)

    def _of_lock(self, content: bytes) -> Iterator[str]:
        """Seals with digest and closure; when they were made only where that is known."""
        assert self._meant is not None
        if LOCK in self._exact:
            yield from _values(parse_json(self._exact[LOCK]), content)
            return
        derived = to_json(next(self._locks(self._meant)))
        sure = [line for line in _values(derived, content) if not any(f", {one}" in line for one in WITNESSED)]
        frozen_then = f"{self._state.frozen_at}, at commit {self._commit or 'none'}"
        yield from sure or [f"{', '.join(WITNESSED)} of a seal; the study was frozen at {frozen_then}"]


def _before(moment: str, seconds: int) -> str:
    """So many seconds before a time; the time itself where the calendar has no such one."""
    try:
        return (datetime.fromisoformat(moment) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        return moment


SOONER_S = 5
"""By fewer seconds than these a seal that starting made is older than the event that tells of it."""
WITNESSED = ("sealed_at", "commit", "results_then", "replaces")
"""Fields of a seal that follow from nothing but the lock."""


def _compiled(folder: StudyFolder) -> Compiled | str:
    """The study's copy of its spec as it is now; or why it cannot be read as one."""
    try:
        compiled = folder.worded()
        compiled.amendable()
    except SpecError as fault:
        return error_words(fault)
    except PromoError as fault:
        return fault.message
    return compiled


def _lock_of(content: bytes | None) -> Lock | None:
    try:
        return None if content is None else lock_from_json(parse_json(content))
    except ValueError:
        return None


def _values(before: Json, content: bytes) -> Iterator[str]:
    """Where a stored value is another one."""
    try:
        found = parse_json(content)
    except ValueError as fault:
        yield f"it cannot be read as JSON any more: {fault}"
        return
    if not isinstance(found, Mapping):
        yield "it holds something else altogether"
        return
    yield from list(differences(before, found, entries=True)) or ["the same values in another form"]


def _texts(before: bytes, content: bytes) -> Iterator[str]:
    """Where texts that are kept by name are others."""
    old = parse_json(before)
    try:
        new = parse_json(content)
    except ValueError as fault:
        yield f"it cannot be read as JSON any more: {fault}"
        return
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        yield "it holds no texts by name"
        return
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new or name not in old:
            yield f"{name} is {'gone' if name in old else 'new'}"
        else:
            yield from (f"{name}, {line}" for line in line_differences(str(old[name]), str(new[name])))


def text_changes(before: bytes, content: bytes) -> Iterator[str]:
    """Where a text has other lines."""
    old, new = before.decode(errors="replace"), content.decode(errors="replace")
    yield from list(line_differences(old, new)) or ["only its line ends or bytes that are no text"]
