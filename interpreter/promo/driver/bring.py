"""
A bundle into a study: what another machine has done counts here as if it had run here.

It is taken in only if plan, runner and text are those of the study here, the ledger there keeps to the protocol, every
file is the one that it recorded, and no run gets a second result.  Everything is looked at before anything is written.
"""

from collections.abc import Mapping
from pathlib import Path

from promo.base.canonical import digest_bytes
from promo.base.classes import evolve, frozen
from promo.base.codec import to_json
from promo.base.differences import differences
from promo.base.errors import Mismatch, PromoError
from promo.decision.protocol import breaches
from promo.driver.bundle import Bundle, goes_along, read_bundle
from promo.driver.left import repeats
from promo.driver.requests import Requests, shaped
from promo.driver.shared import see_shared
from promo.driver.signatures import signer
from promo.driver.study import LEDGER, StudyFolder
from promo.ledger.bundles import Arrival
from promo.ledger.chain import decode
from promo.ledger.journal import Journal
from promo.ledger.ports import Clock
from promo.ledger.sources import InputKind
from promo.ledger.state import Attempt, State, StudyState, state_of
from promo.ledger.values import (
    AttemptFailed,
    AttemptLost,
    AttemptStarted,
    BundleImported,
    Chain,
    Ended,
    Freezing,
    ResultAccepted,
    Start,
)
from promo.plans.values import PlannedRun
from promo.report.protocol import breach_words
from promo.run.locks import lock_study
from promo.run.store import POINTS, REQUEST, RESULT, attempt_folder, parse_request, parse_result
from promo.run.values import Request

SAME = "both machines run the same spec, promo and text"
KEPT = "imports"
"""Where a study keeps ledgers, manifests and signatures that bundles brought."""


@frozen
class Brought:
    """What an import did."""

    digest: str
    hosts: tuple[str, ...]
    taken: int
    known: int
    """Attempts that were here already, with the same results."""


Key = tuple[str, int]
"""(run, attempt)."""


@frozen
class _Theirs:
    """An attempt of a bundle: its start and its end in the ledger there, and what that adds up to."""

    start: AttemptStarted
    end: Ended
    there: Attempt


def import_bundle(folder: StudyFolder, path: Path, *, key: Path | None, clock: Clock) -> Brought:
    """
    Take the results of a bundle into a study.

    Everything is looked at before anything is written, so that a bundle that is refused leaves the study as it was.
    *key* is the OpenSSH public key that must have signed it; None takes it unsigned.

    Raises:
        Mismatch: it is of another study, plan, runner or text, was changed, or gives a run a second result.
        PromoError: it is not a bundle, or nothing was started here yet.
        Busy: a promo works on the study.
    """
    bundle = read_bundle(path)
    by = None if key is None else _signed_by(bundle, key)
    _checked(bundle, folder)
    with lock_study(folder.path, folder.disk):
        see_shared(folder.path)
        theirs, fresh = _checked(bundle, folder)
        if fresh:
            _take(folder, bundle, fresh, theirs, clock, by)
        hosts = tuple(sorted({one.start.host for one in theirs.values()}))
        return Brought(bundle.digest, hosts, len(fresh), len(theirs) - len(fresh))


def _signed_by(bundle: Bundle, key: Path) -> str:
    if bundle.signature is None:
        raise Mismatch(f"{bundle.path} is not signed", hint="have it signed with --key, or import it without")
    return signer(bundle.named, bundle.signature, key, str(bundle.path))


def _checked(bundle: Bundle, folder: StudyFolder) -> tuple[dict[Key, _Theirs], list[Key]]:
    """Attempts of a bundle that may be taken in, and those of them that are not here yet, in their order there."""
    if not folder.exists or (state := folder.state()).study is StudyState.EMPTY:
        raise PromoError(f"no study has begun in {folder.path}", hint="start it first: promo run SPEC --host HOST")
    if state.study is not StudyState.OPEN:
        raise Mismatch(f"the study in {folder.path} has ended, and imports nothing more")
    _same_study(bundle, state)
    chain = _ledger(bundle, folder)
    theirs = _attempts(bundle, chain)
    fresh = _fresh(bundle, state, theirs)
    _check_files(bundle, folder, theirs)
    _check_places(bundle, folder, [theirs[one] for one in fresh])
    return theirs, fresh


def _same_study(bundle: Bundle, state: State) -> None:
    assert state.frozen is not None
    manifest, frozen_here = bundle.manifest, state.frozen
    here = {"study": frozen_here.study, "plan": frozen_here.plan, "runner": to_json(frozen_here.runner)}
    there = {"study": manifest.study, "plan": manifest.plan, "runner": to_json(manifest.runner)}
    if state.text is not None and manifest.text is not None:
        here["text"], there["text"] = state.text.digest, manifest.text
    changed = tuple(differences(here, there))
    if changed:
        message = f"{bundle.path} is from another study than the one here"
        raise Mismatch(message, hint=SAME, details=changed)


def _ledger(bundle: Bundle, folder: StudyFolder) -> Chain:
    """The ledger of a bundle, which keeps to the protocol and is of the study that the manifest names."""
    try:
        chain = decode(bundle.read(LEDGER))
    except Mismatch as fault:
        raise Mismatch(f"{bundle.path} was changed: its {fault.message}") from fault
    if chain.head != bundle.manifest.head or chain.torn:
        raise Mismatch(f"{bundle.path} was changed: its ledger does not end where the manifest says")
    first = chain.events[0].event if chain.events else None
    if not isinstance(first, Freezing) or (first.plan, first.runner) != (bundle.manifest.plan, bundle.manifest.runner):
        raise Mismatch(f"{bundle.path} was changed: its ledger is of another study than its manifest")
    for name, recorded in first.files.items():
        if name in bundle.manifest.files and bundle.manifest.files[name] != recorded:
            raise Mismatch(f"{bundle.path} was changed: its {name} is not the one that was frozen")
    other = other_origin(folder.chain(), chain)
    if other:
        raise Mismatch(f"{bundle.path} was made with another {other} than this study", hint=SAME)
    study, plan = folder.compiled().sound()
    wrong = next(breaches(study, plan, chain.events), None)
    if wrong is not None:
        raise Mismatch(f"{bundle.path}: the ledger in it does not keep to the protocol: {breach_words(wrong)}")
    return chain


def other_origin(here: Chain, there: Chain) -> str:
    """
    What a ledger from another machine was made with that is not what this study was; empty where all of it is.

    Both were frozen as the same plan, by the same promo and runner.  What runs rest on beside that lies elsewhere on
    another machine, and may be none there; but files and modules of one name are the same.
    """
    first, other = (chain.events[0].event if chain.events else None for chain in (here, there))
    if not isinstance(first, Freezing) or not isinstance(other, Freezing):
        return "freezing"
    for what in ("study", "plan", "seals", "runner", "promo", "code"):
        if getattr(first, what) != getattr(other, what):
            return "promo" if what == "code" else what
    known, found = (_files_of(chain) for chain in (here, there))
    return next((name for name in sorted(known.keys() & found.keys()) if known[name].isdisjoint(found[name])), "")


def _files_of(chain: Chain) -> dict[str, set[str | None]]:
    """Modules that runs rest on, by name, and files, by the last part of their paths: all digests under one name."""
    names: dict[str, set[str | None]] = {}
    starts = (one.event for one in chain.events if isinstance(one.event, Start))
    for one in (each for start in starts for each in start.inputs):
        if one.kind in (InputKind.FILE, InputKind.MODULE):
            name = one.name.rpartition("/")[2] if one.kind is InputKind.FILE else one.name
            names.setdefault(name, set()).add(one.digest)
    return names


def _attempts(bundle: Bundle, chain: Chain) -> dict[Key, _Theirs]:
    """Start and end of each attempt of the bundle, from the ledger that it carries."""
    keys = {(one.run, one.attempt) for one in bundle.manifest.attempts}
    started: dict[Key, AttemptStarted] = {}
    ends: dict[Key, Ended] = {}
    for event in chain.events:
        match event.event:
            case AttemptStarted() as one if (one.run, one.attempt) in keys:
                started[one.run, one.attempt] = one
            case ResultAccepted() | AttemptFailed() | AttemptLost() as one if (one.run, one.attempt) in keys:
                ends[one.run, one.attempt] = one
            case _:
                pass
    if set(started) != keys or set(ends) != keys or len(keys) != len(bundle.manifest.attempts):
        raise Mismatch(f"{bundle.path} was changed: its ledger does not record every attempt it holds")
    there = {(one.run, one.number): one for one in state_of(chain.events).every_attempt()}
    return {key: _Theirs(start, ends[key], there[key]) for key, start in started.items()}


def arrival(one: Attempt) -> Arrival:
    """When an attempt began and ended by the ledger that it was brought by; there too, where it ran."""
    return Arrival(one.run, one.number, one.started, one.ended)


def _fresh(bundle: Bundle, state: State, theirs: Mapping[Key, _Theirs]) -> list[Key]:
    """Attempts that are not here yet, in the order in which they were started there."""
    fresh = []
    for key, one in theirs.items():
        run, number = key
        tried = state.attempts.get(run, [])
        here = next((each for each in tried if each.number == number), None)
        if here is not None:
            if here.envelope != one.there.envelope:
                raise Mismatch(f"{bundle.path} gives run {run} another result than the one here")
            continue
        if state.accepted(run) is not None and isinstance(one.end, ResultAccepted):
            raise Mismatch(f"{bundle.path} gives run {run} a second result")
        if tried and number < max(each.number for each in tried):
            raise Mismatch(f"{bundle.path} holds attempt {number} of run {run}, and later ones are here")
        fresh.append(key)
    return fresh


def _check_files(bundle: Bundle, folder: StudyFolder, theirs: Mapping[Key, _Theirs]) -> None:
    """Every attempt is of the plan, in its own cell, was asked what was due, and left what the ledger recorded."""
    compiled, state = folder.compiled(), folder.state()
    requests = Requests(compiled, folder, None)
    text = folder.text(state)
    for one in theirs.values():
        start, place = one.start, _place(one.start)
        run = requests.agenda.cells.get((start.stage, start.candidate, start.host, start.seed))
        if run is None or run.id != start.run:
            raise Mismatch(f"{bundle.path} holds a run that the plan does not have: {start.run}")
        content = bundle.read(f"{place}/{REQUEST}")
        if digest_bytes(content) != start.request:
            raise Mismatch(f"{bundle.path} was changed: the request in {place} is not the recorded one")
        try:
            request = parse_request(content)
        except ValueError as fault:
            raise Mismatch(f"{bundle.path}: the request in {place} is not valid: {fault}") from fault
        trained_on = None if request.data is None else request.data.digest
        text = trained_on if text is None else text
        if trained_on != text:
            raise Mismatch(
                f"{bundle.path} holds runs that were trained on another text",
                hint="each machine needs the same text, or a source that is the same everywhere: builtin:synth/1",
                details=(f"{place}: {trained_on}, and here {text}",),
            )
        _check_request(bundle, requests, request, run, start, state)
        for name, digest in one.end.witnesses.items():
            if bundle.manifest.files.get(f"{place}/{name}") != digest:
                raise Mismatch(f"{bundle.path} was changed: {name} in {place} is not the recorded one")
        _check_result(bundle, one.there, place)


def _check_request(
    bundle: Bundle, requests: Requests, request: Request, run: PlannedRun, start: AttemptStarted, state: State
) -> None:
    """What was asked is what the plan asks, as far as that does not rest on results that lie on the other machine."""
    # Each machine draws seeds from its own receipt; verification draws them again.
    drawn = None if requests.study.draw is None else (request.run.seed, request.run.label)
    planned = requests.of(run, state, drawn)
    if requests.is_untold(run.candidate, state):  # verification looks again, once its schedule has settled here too
        planned = shaped(planned, request)
    asked, due = (
        evolve(one, continues=None, resume=None, grow=None, data=None, attempt=start.attempt)
        for one in (request, planned)
    )
    if asked != due or request.attempt != start.attempt:
        changed = tuple(differences(to_json(planned), to_json(evolve(request, attempt=1))))
        message = f"{bundle.path} holds a run whose request differs from the plan: {_place(start)}"
        raise Mismatch(message, details=changed[:5])


def _check_result(bundle: Bundle, there: Attempt, place: str) -> None:
    if there.envelope is None:
        return
    try:
        result = parse_result(bundle.read(f"{place}/{RESULT}"), there.request)
    except ValueError as fault:
        raise Mismatch(f"{bundle.path} was changed: the result in {place} is not sound") from fault
    if result.digest != there.envelope or not repeats(there, result):
        raise Mismatch(f"{bundle.path} was changed: the result in {place} is not the recorded one")
    if result.body is not None and bundle.manifest.files.get(f"{place}/{POINTS}") != result.body.points:
        raise Mismatch(f"{bundle.path} was changed: the points in {place} are not those of its result")


def _place(start: AttemptStarted) -> str:
    """Where an attempt lies, by its cell and number; what its event says of a folder is not asked."""
    return attempt_folder(start.stage, start.candidate, start.host, start.seed, start.attempt)


def _check_places(bundle: Bundle, folder: StudyFolder, fresh: list[_Theirs]) -> None:
    """Nothing that is there is another file, and nothing is written through a link."""
    for one in fresh:
        place = _place(one.start)
        names = _names(bundle, place, one.end.witnesses)
        through = sorted({part for name in (f"{place}/.", *names) for part in (folder.path / name).parents})
        inside = [part for part in through if part.is_relative_to(folder.path) and part != folder.path]
        linked = next((part for part in inside if part.is_symlink()), None)
        if linked is not None:
            raise PromoError(f"{linked} is a link, and nothing is written through links", hint="remove it")
        for name in names:
            there = folder.path / name
            if there.is_symlink() or (there.exists() and not there.is_file()):
                raise PromoError(f"{there} exists and is not a file, so it is not replaced", hint="remove it")
            if there.is_file() and folder.disk.digest(there) != bundle.manifest.files[name]:
                raise Mismatch(f"{bundle.path} would overwrite {name}, which is different here")


def _names(bundle: Bundle, place: str, witnesses: Mapping[str, str]) -> list[str]:
    """Files of an attempt that a bundle holds and that may be written here."""
    inside = ((name, name.removeprefix(f"{place}/")) for name in bundle.manifest.files if name.startswith(f"{place}/"))
    return [name for name, rest in inside if goes_along(rest, witnesses)]


def _take(
    folder: StudyFolder,
    bundle: Bundle,
    fresh: list[Key],
    theirs: Mapping[Key, _Theirs],
    clock: Clock,
    by: str | None,
) -> None:
    """Files first, then the ledger: what it says is there once it says so."""
    disk = folder.disk
    for key in fresh:
        place = _place(theirs[key].start)
        disk.make_folder(folder.path / place)
        names = _names(bundle, place, theirs[key].end.witnesses)
        for name in names:
            disk.make_folder((folder.path / name).parent)
            if not (folder.path / name).exists():
                bundle.copy(name, folder.path / name)
        folders = sorted({(folder.path / name).parent for name in names} | {folder.path / place})
        disk.settle([folder.path / name for name in names], folders)
    kept = f"{KEPT}/{bundle.digest[:16]}.jsonl"
    head, ledger = bundle.manifest.head, bundle.manifest.files[LEDGER]
    event = BundleImported(bundle.digest, head, kept, ledger, by, tuple(arrival(theirs[key].there) for key in fresh))
    disk.make_folder(folder.path / KEPT)
    for name, content in zip(event.files, (bundle.read(LEDGER), bundle.named, bundle.signature or b""), strict=False):
        disk.write(folder.path / name, content)
    journal = Journal(folder.path / LEDGER, disk, clock)
    with journal.together():
        journal.append(event)
        for key in fresh:
            one = theirs[key]
            journal.append(evolve(one.start, folder=_place(one.start), bundle=bundle.digest))
            journal.append(evolve(one.end, bundle=bundle.digest))
