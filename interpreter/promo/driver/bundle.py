"""
What one machine has done of a study, in a file, and the way back into a study on another machine.

Two machines that never meet freeze the same spec: equal plans have equal digests, and a plan names every run that may
ever happen.  A bundle holds attempts that ended on one machine, with all files they left, and the ledger that they
stand in.  It is taken in only if plan, runner and text are those of the study here, the ledger there keeps to the
protocol, every file is the one that it recorded, and no run gets a second result.  The gates here then see the cells as
if they had run here.

A bundle is a tar of plain files in a fixed order with fixed dates, so equal contents are equal bytes.  Its manifest
names the digest of every other file; whoever signs the manifest signs all of it.  Files are streamed both ways, so that
a bundle takes the memory of its largest record and not its own size.
"""

import base64
import hashlib
import io
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, ClassVar

from attrs import evolve, frozen

from promo.base.canonical import canonical, digest_bytes, parse_canonical
from promo.base.codec import Digest, from_json, to_json
from promo.base.differences import differences
from promo.base.errors import Mismatch, PromoError
from promo.base.reading import SMALL, open_plain
from promo.decision.protocol import breaches
from promo.driver.requests import Requests
from promo.driver.study import LEDGER, RECHECK, StudyFolder
from promo.files import read_given
from promo.ledger.chain import decode
from promo.ledger.journal import Journal
from promo.ledger.ports import Clock
from promo.ledger.state import Attempt, AttemptState, State, StudyState, state_of
from promo.ledger.values import (
    AttemptFailed,
    AttemptLost,
    AttemptStarted,
    BundleImported,
    Chain,
    Ended,
    Freezing,
    Installed,
    ResultAccepted,
    Taken,
)
from promo.plan.values import PlannedRun
from promo.report.protocol import breach_words
from promo.run.disk import DISK
from promo.run.locks import lock_study
from promo.run.store import POINTS, REQUEST, RESULT, STATES, parse_request, parse_result, plain
from promo.run.values import Request, Result

MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
KEPT = "imports"
"""Where a study keeps the ledgers that bundles brought."""
NAMESPACE = "promo-bundle"
NAME = re.compile(
    r"runs/[a-z0-9_]{1,80}/[a-z0-9_]{1,200}-[a-z0-9_]{1,80}-s[0-9]{1,20}/attempt-[0-9]{1,6}/[a-z0-9][a-z0-9._-]{0,80}"
)
"""Names of files that an attempt left."""
ALONG = re.compile(
    r"(spec\.promo|plan\.json|lock\.json|imports\.json|recheck\.py|curves\.[a-z0-9.]{1,20})"
    r"|(evidence|decisions)/[a-z0-9_]{1,64}(\.[a-z0-9-]{1,40})?\.json|amendments/[0-9]{1,6}\.promo"
)
"""Names of what makes an unpacked bundle a study folder that can be checked by itself; nothing of it is taken in."""
MOST_FILES = 200_000
LARGEST_RECORD = 64 * 2**20
"""Bytes of a file that is read as a whole: a manifest, a ledger, a request, a result."""
STEP = 2**20
LEFT_OUT = (".safetensors", ".part")
"""Endings of files that stay where they are: states of models are large, and no decision rests on them."""


@frozen
class Manifest:
    """What a bundle holds, and of which study."""

    FORM: ClassVar = ("promo_bundle", 2)

    study: str
    plan: Digest
    runner: Installed
    text: Digest | None
    head: Digest
    """Of the ledger."""
    attempts: tuple[Taken, ...]
    files: Mapping[str, Digest]


@frozen
class Bundle:
    """A bundle whose files are those that its manifest names, in its place on disk."""

    path: Path
    manifest: Manifest
    places: Mapping[str, tuple[int, int]]
    """File -> where its bytes begin in the archive, and how many they are."""
    signature: bytes | None
    digest: str
    """Digest of the manifest, which covers everything."""

    def read(self, name: str) -> bytes:
        """
        A file of it; empty where there is none.

        Raises:
            PromoError: it is larger than any record is.
        """
        begin, size = self.places.get(name, (0, 0))
        if size > LARGEST_RECORD:
            raise PromoError(f"{self.path} holds a {name} that is larger than any may be")
        with self.path.open("rb") as file:
            file.seek(begin)
            return file.read(size)

    def copy(self, name: str, target: Path) -> None:
        """Put a file of it in its place, which is empty until then."""
        begin, size = self.places[name]
        whole = target.with_name(target.name + ".part")
        with self.path.open("rb") as file, whole.open("xb") as out:
            file.seek(begin)
            for part in _parts(file, size):
                out.write(part)
        whole.replace(target)


@frozen
class Brought:
    """What an import did."""

    digest: str
    hosts: tuple[str, ...]
    taken: int
    known: int
    """Attempts that were here already, with the same results."""


# --- writing -----------------------------------------------------------------------------------------------------


def write_bundle(folder: StudyFolder, path: Path, *, host: str | None, key: Path | None) -> tuple[str, int]:
    """
    Write what ran here, or only on one host, into a file.

    Args:
        folder: the study.
        path: the bundle.
        host: only this host's attempts; None for all that ran here.
        key: OpenSSH private key that signs it.

    Returns:
        Digest of the bundle's manifest, and how many attempts it holds.

    Raises:
        PromoError: there is nothing to write, or the file or signature cannot be written.
    """
    content = folder.read(LEDGER)
    chain = folder.chain()
    state = state_of(chain.events)
    assert content is not None and state.frozen is not None
    attempts = [one for one in _ended(state) if host in (None, one.host) and one.bundle is None]
    if not attempts:
        raise PromoError("nothing has ended here yet" + (f" on {host}" if host else ""), hint="promo status tells more")
    files: dict[str, bytes | Path] = {LEDGER: content[: chain.sound_bytes]}
    for attempt in attempts:
        place = folder.path / attempt.folder
        for name in folder.disk.files(place):
            if _goes_along(plain(name), attempt.witnesses):
                files[f"{attempt.folder}/{plain(name)}"] = place / name
    files |= _along(folder, state)
    manifest = canonical(
        to_json(
            Manifest(
                study=state.frozen.study,
                plan=state.frozen.plan,
                runner=state.frozen.runner,
                text=None if state.text is None else state.text.digest,
                head=chain.head,
                attempts=tuple(Taken(one.run, one.number) for one in attempts),
                files={name: _digest(data) for name, data in files.items()},
            )
        )
    )
    signature = {SIGNATURE: _sign(manifest, key)} if key else {}
    _pack(path, {MANIFEST: manifest, **signature, **files})
    return digest_bytes(manifest), len(attempts)


def _along(folder: StudyFolder, state: State) -> dict[str, bytes | Path]:
    """What was frozen, the second verifier among it, and what was derived: whoever has only the bundle can check it."""
    assert state.frozen is not None
    names = {*state.frozen.files, RECHECK}
    names |= {
        path.relative_to(folder.path).as_posix()
        for kind in ("evidence/*.json", "decisions/*.json", "amendments/*.promo")
        for path in folder.path.glob(kind)
    }
    there = (name for name in sorted(names) if ALONG.fullmatch(name) and (folder.path / name).is_file())
    return {name: folder.path / name for name in there}


def _ended(state: State) -> Iterator[Attempt]:
    ends = (AttemptState.ACCEPTED, AttemptState.FAILED, AttemptState.LOST)
    return (one for one in state.every_attempt() if one.state in ends)


def _digest(data: bytes | Path) -> str:
    if isinstance(data, bytes):
        return digest_bytes(data)
    found = hashlib.sha256()
    with data.open("rb") as file:
        for part in iter(lambda: file.read(STEP), b""):
            found.update(part)
    return found.hexdigest()


def _pack(path: Path, files: Mapping[str, bytes | Path]) -> None:
    whole = path.with_name(path.name + ".part")
    try:
        with whole.open("wb") as out, tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name in sorted(files):
                data, entry = files[name], tarfile.TarInfo(name)
                entry.size, entry.mode = len(data) if isinstance(data, bytes) else data.stat().st_size, 0o600
                with io.BytesIO(data) if isinstance(data, bytes) else data.open("rb") as content:
                    tar.addfile(entry, content)
        DISK.settle([whole], [])
        whole.replace(path)
        DISK.settle([], [path.parent])
    except OSError as fault:
        raise PromoError(f"{path} cannot be written: {fault.strerror or fault}") from fault


# --- reading -----------------------------------------------------------------------------------------------------


def read_bundle(path: Path) -> Bundle:
    """
    A bundle whose files are those its manifest names.

    Raises:
        PromoError: there is no such file, or it is no bundle.
        Mismatch: a file in it is not the one that was packed.
    """
    try:
        open_plain(path).close()
    except FileNotFoundError as fault:
        raise PromoError(f"there is no file {path}") from fault
    except OSError as fault:
        raise PromoError(f"{path} cannot be read: {fault.strerror or fault}") from fault
    places, found = {}, {}
    for name, begin, size, value in _members(path):
        places[name], found[name] = (begin, size), value
    bare = Bundle(path, _NOTHING, places, None, "")
    content, signature = bare.read(MANIFEST), bare.read(SIGNATURE) or None
    if MANIFEST not in places:
        raise PromoError(f"{path} is no bundle: it has no {MANIFEST}")
    try:
        manifest = from_json(Manifest, parse_canonical(content))
    except ValueError as fault:
        raise PromoError(f"{path} is no bundle that this promo reads: {MANIFEST}: {fault}") from fault
    held = {name: value for name, value in found.items() if name not in (MANIFEST, SIGNATURE)}
    wrong = [name for name in {*manifest.files, *held} if held.get(name) != manifest.files.get(name)]
    if wrong:
        raise Mismatch(f"{path} was changed: {sorted(wrong)[0]} is not what was packed", hint="fetch it again")
    return Bundle(path, manifest, places, signature, digest_bytes(content))


_NOTHING = Manifest("", "", Installed("", 0, "", {}), None, "", (), {})


def _members(path: Path) -> Iterator[tuple[str, int, int, str]]:
    """Name, place, size and digest of plain files of expected names; anything else refuses the bundle."""
    whole = path.stat().st_size
    try:
        with tarfile.open(path, "r:") as tar, path.open("rb") as file:
            seen: set[str] = set()
            for entry in tar:
                known = entry.name in (MANIFEST, SIGNATURE, LEDGER) or NAME.fullmatch(entry.name)
                plain = entry.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not entry.pax_headers
                if not (known or ALONG.fullmatch(entry.name)) or not plain or entry.name in seen:
                    raise PromoError(f"{path} holds something that no bundle holds: {entry.name[:80]!r}")
                if not 0 <= entry.offset_data <= whole - entry.size:
                    raise EOFError(f"{entry.name} is longer than the file that it is in")
                seen.add(entry.name)
                if len(seen) > MOST_FILES:
                    raise PromoError(f"{path} holds more files than any bundle may")
                file.seek(entry.offset_data)
                value = hashlib.sha256()
                for part in _parts(file, entry.size):
                    value.update(part)
                yield entry.name, entry.offset_data, entry.size, value.hexdigest()
    except (OSError, tarfile.TarError, EOFError, ValueError, OverflowError) as fault:
        raise PromoError(f"{path} is no bundle: {fault}") from fault


def _parts(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0:
        part = file.read(min(size, STEP))
        if not part:
            raise EOFError("it is cut short")
        size -= len(part)
        yield part


# --- taking in ---------------------------------------------------------------------------------------------------

Key = tuple[str, int]
"""(run, attempt)."""


@frozen
class _Theirs:
    """An attempt of a bundle: its start and its end in the ledger there."""

    start: AttemptStarted
    end: Ended


def import_bundle(folder: StudyFolder, path: Path, *, key: Path | None, clock: Clock) -> Brought:
    """
    Take the results of a bundle into a study.

    Everything is looked at before anything is written, so that a bundle that is refused leaves the study as it was.

    Args:
        folder: the study; it was started here from the same spec.
        path: the bundle.
        key: OpenSSH public key that must have signed it; None takes it unsigned.
        clock: time.

    Raises:
        Mismatch: it is of another study, plan, runner or text, was changed, or gives a run a second result.
        PromoError: it is no bundle, or nothing was started here yet.
        Busy: a promo works on the study.
    """
    bundle = read_bundle(path)
    signer = None if key is None else _signer(bundle, key, path)
    _checked(bundle, folder, path)
    with lock_study(folder.path):
        theirs, fresh = _checked(bundle, folder, path)
        if fresh:
            _take(folder, bundle, fresh, theirs, clock, signer)
        hosts = tuple(sorted({one.start.host for one in theirs.values()}))
        return Brought(bundle.digest, hosts, len(fresh), len(theirs) - len(fresh))


def _checked(bundle: Bundle, folder: StudyFolder, path: Path) -> tuple[dict[Key, _Theirs], list[Key]]:
    """Attempts of a bundle that may be taken in, and those of them that are not here yet, in their order there."""
    if not folder.exists or (state := folder.state()).study is StudyState.EMPTY:
        raise PromoError(f"no study has begun in {folder.path}", hint="start it first: promo run SPEC --host HOST")
    if state.study is not StudyState.OPEN:
        raise Mismatch(f"the study in {folder.path} has ended, and takes nothing in")
    _same_study(bundle, state, path)
    chain = _ledger(bundle, folder, path)
    theirs = _attempts(bundle, chain, path)
    fresh = _fresh(state, theirs, path)
    _check_files(bundle, folder, theirs, path)
    _check_places(bundle, folder, [theirs[one] for one in fresh], path)
    return theirs, fresh


def _same_study(bundle: Bundle, state: State, path: Path) -> None:
    assert state.frozen is not None
    manifest, frozen_here = bundle.manifest, state.frozen
    here = {"study": frozen_here.study, "plan": frozen_here.plan, "runner": to_json(frozen_here.runner)}
    there = {"study": manifest.study, "plan": manifest.plan, "runner": to_json(manifest.runner)}
    if state.text is not None and manifest.text is not None:
        here["text"], there["text"] = state.text.digest, manifest.text
    changed = tuple(differences(here, there))
    if changed:
        message = f"{path} is of another study than the one here"
        raise Mismatch(message, hint="both machines run the same spec, promo and text", details=changed)


def _ledger(bundle: Bundle, folder: StudyFolder, path: Path) -> Chain:
    """The ledger of a bundle, which keeps to the protocol and is of the study that the manifest names."""
    try:
        chain = decode(bundle.read(LEDGER))
    except Mismatch as fault:
        raise Mismatch(f"{path} was changed: its {fault.message}") from fault
    if chain.head != bundle.manifest.head or chain.torn:
        raise Mismatch(f"{path} was changed: its ledger does not end where the manifest says")
    first = chain.events[0].event if chain.events else None
    if not isinstance(first, Freezing) or (first.plan, first.runner) != (bundle.manifest.plan, bundle.manifest.runner):
        raise Mismatch(f"{path} was changed: its ledger is of another study than its manifest")
    for name, recorded in first.files.items():
        if name in bundle.manifest.files and bundle.manifest.files[name] != recorded:
            raise Mismatch(f"{path} was changed: its {name} is not the one that was frozen")
    study, plan = folder.compiled().sound()
    wrong = next(breaches(study, plan, chain.events), None)
    if wrong is not None:
        raise Mismatch(f"{path}: the ledger in it does not keep to the protocol: {breach_words(wrong)}")
    return chain


def _attempts(bundle: Bundle, chain: Chain, path: Path) -> dict[Key, _Theirs]:
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
        raise Mismatch(f"{path} was changed: its ledger does not tell of every attempt it holds")
    return {key: _Theirs(start, ends[key]) for key, start in started.items()}


def _fresh(state: State, theirs: Mapping[Key, _Theirs], path: Path) -> list[Key]:
    """Attempts that are not here yet, in the order in which they were started there."""
    fresh = []
    for key, one in theirs.items():
        run, number = key
        tried = state.attempts.get(run, [])
        here = next((each for each in tried if each.number == number), None)
        if here is not None:
            if here.envelope != getattr(one.end, "envelope", None):
                raise Mismatch(f"{path} gives run {run} another result than the one that is here")
            continue
        if state.accepted(run) is not None and isinstance(one.end, ResultAccepted):
            raise Mismatch(f"{path} gives run {run} a second result")
        if tried and number < max(each.number for each in tried):
            raise Mismatch(f"{path} holds attempt {number} of run {run}, and later ones are here")
        fresh.append(key)
    return fresh


def _check_files(bundle: Bundle, folder: StudyFolder, theirs: Mapping[Key, _Theirs], path: Path) -> None:
    """Every attempt is of the plan, in its own cell, was asked what was due, and left what the ledger recorded."""
    compiled, state = folder.compiled(), folder.state()
    requests = Requests(compiled, folder, None)
    text = folder.text(state)
    for one in theirs.values():
        start, place = one.start, _place(one.start)
        run = requests.agenda.cells.get((start.stage, start.candidate, start.host, start.seed))
        if run is None or run.id != start.run:
            raise Mismatch(f"{path} holds a run that the plan does not have: {start.run}")
        content = bundle.read(f"{place}/{REQUEST}")
        if digest_bytes(content) != start.request:
            raise Mismatch(f"{path} was changed: the request in {place} is not the recorded one")
        try:
            request = parse_request(content)
        except ValueError as fault:
            raise Mismatch(f"{path}: the request in {place} is none: {fault}") from fault
        trained_on = None if request.data is None else request.data.digest
        text = trained_on if text is None else text
        if trained_on != text:
            raise Mismatch(
                f"{path} holds runs that were trained on another text",
                hint="each machine needs the same text, or a source that is the same everywhere: builtin:synth/1",
                details=(f"{place}: {trained_on}, and here {text}",),
            )
        _check_request(requests, request, run, start, state, path)
        for name, digest in one.end.witnesses.items():
            if bundle.manifest.files.get(f"{place}/{name}") != digest:
                raise Mismatch(f"{path} was changed: {name} in {place} is not the recorded one")
        _check_result(bundle, one.end, place, digest_bytes(content), path)


def _check_request(
    requests: Requests, request: Request, run: PlannedRun, start: AttemptStarted, state: State, path: Path
) -> None:
    """What was asked is what the plan asks, as far as that does not rest on results that lie on the other machine."""
    # Each machine draws seeds from its own receipt; verification draws them again.
    drawn = None if requests.study.draw is None else (request.run.seed, request.run.label)
    planned = requests.of(run, state, drawn)
    asked, due = (
        evolve(one, continues=None, resume=None, grow=None, data=None, attempt=start.attempt)
        for one in (request, planned)
    )
    if asked != due or request.attempt != start.attempt:
        changed = tuple(differences(to_json(planned), to_json(evolve(request, attempt=1))))
        message = f"{path} holds a run that was asked something else than the plan says: {_place(start)}"
        raise Mismatch(message, details=changed[:5])


def _check_result(bundle: Bundle, end: Ended, place: str, request: str, path: Path) -> None:
    envelope = None if isinstance(end, AttemptLost) else end.envelope
    if envelope is None:
        return
    try:
        result = parse_result(bundle.read(f"{place}/{RESULT}"), request)
    except ValueError as fault:
        raise Mismatch(f"{path} was changed: the result in {place} is not sound") from fault
    if result.digest != envelope or not _says(end, result):
        raise Mismatch(f"{path} was changed: the result in {place} is not the recorded one")
    if result.body is not None and bundle.manifest.files.get(f"{place}/{POINTS}") != result.body.points:
        raise Mismatch(f"{path} was changed: the points in {place} are not those of its result")


def _says(end: Ended, result: Result) -> bool:
    """Whether the ledger there says of a result what that says itself."""
    body = result.body
    match end:
        case ResultAccepted():
            return body is not None and (end.metrics, end.seconds, end.work, end.contention) == (
                body.metrics,
                body.seconds,
                body.work,
                body.contention,
            )
        case AttemptFailed():
            return (end.status, end.cause, end.train_s) == (result.status, result.cause, result.charged_s)
        case _:
            return False


def _place(start: AttemptStarted) -> str:
    """Where an attempt lies, by its cell and number; what its event says of a folder is not asked."""
    return f"runs/{start.stage}/{start.candidate}-{start.host}-s{start.seed}/attempt-{start.attempt}"


def _check_places(bundle: Bundle, folder: StudyFolder, fresh: list[_Theirs], path: Path) -> None:
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
                raise PromoError(f"{there} is there and no file, so nothing is written in its place", hint="remove it")
            if there.is_file() and _digest(there) != bundle.manifest.files[name]:
                raise Mismatch(f"{path} would overwrite {name}, which is here and another one")


def _goes_along(name: str, witnesses: Mapping[str, str]) -> bool:
    """Whether a file of an attempt is part of a bundle: what the ledger has of it, but no large states of models."""
    known = name in witnesses or name in (REQUEST, RESULT, POINTS) or STATES.fullmatch(name) is not None
    return known and not name.endswith(LEFT_OUT)


def _names(bundle: Bundle, place: str, witnesses: Mapping[str, str]) -> list[str]:
    """Files of an attempt that a bundle holds and that may be written here."""
    inside = ((name, name.removeprefix(f"{place}/")) for name in bundle.manifest.files if name.startswith(f"{place}/"))
    return [name for name, rest in inside if _goes_along(rest, witnesses)]


def _take(
    folder: StudyFolder,
    bundle: Bundle,
    fresh: list[Key],
    theirs: Mapping[Key, _Theirs],
    clock: Clock,
    signer: str | None,
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
        disk.settle([folder.path / name for name in names], [folder.path / place])
    kept = f"{KEPT}/{bundle.digest[:16]}.jsonl"
    disk.make_folder(folder.path / KEPT)
    disk.write(folder.path / kept, bundle.read(LEDGER))
    journal = Journal(folder.path / LEDGER, disk, clock)
    taken = tuple(Taken(*key) for key in fresh)
    head, ledger = bundle.manifest.head, bundle.manifest.files[LEDGER]
    with journal.together():
        journal.append(BundleImported(bundle.digest, head, kept, ledger, signer, taken))
        for key in fresh:
            one = theirs[key]
            journal.append(evolve(one.start, folder=_place(one.start), bundle=bundle.digest))
            journal.append(evolve(one.end, bundle=bundle.digest))


# --- signatures --------------------------------------------------------------------------------------------------


def _sign(manifest: bytes, key: Path) -> bytes:
    """A detached OpenSSH signature over the manifest."""
    read_given(key, SMALL)  # ssh-keygen would wait for a pipe
    words = ["ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", str(key)]
    return _ssh(words, manifest, f"the key {key} cannot sign").stdout


def _signer(bundle: Bundle, key: Path, path: Path) -> str:
    """Fingerprint of a public key that was given on this side, and whose owner has signed the manifest."""
    if bundle.signature is None:
        raise Mismatch(f"{path} is not signed", hint="have it written with --key, or import it without")
    try:
        public = read_given(key, SMALL).decode("utf-8").strip()
    except UnicodeDecodeError as fault:
        raise PromoError(f"{key} is no public key", hint="give the one that ends in .pub") from fault
    if public.startswith("-----"):
        raise PromoError(f"{key} is a private key", hint="give the public one, which ends in .pub")
    with tempfile.TemporaryDirectory(prefix="promo-") as place:
        signers, signature = Path(place) / "signers", Path(place) / "signature"
        signers.write_text(f"promo {public}\n", encoding="utf-8")
        signature.write_bytes(bundle.signature)
        words = ["ssh-keygen", "-q", "-Y", "verify", "-n", NAMESPACE, "-I", "promo"]
        words += ["-f", str(signers), "-s", str(signature)]
        manifest = bundle.read(MANIFEST)
        try:
            _ssh(words, manifest, "")
        except _Refused as fault:
            raise Mismatch(f"{path} was not signed by the owner of {key}") from fault
    # The form is ssh-keygen's, so that people find it beside their keys.
    blob = base64.b64decode(public.split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


class _Refused(PromoError):
    """ssh-keygen said no."""


def _ssh(words: list[str], given: bytes, message: str) -> "subprocess.CompletedProcess[bytes]":
    try:
        done = subprocess.run(words, input=given, capture_output=True, timeout=60, check=False)
    except FileNotFoundError as fault:
        raise PromoError("ssh-keygen is not installed, and signatures need it") from fault
    except subprocess.TimeoutExpired as fault:
        raise PromoError("ssh-keygen does not answer; a key with a passphrase needs an agent") from fault
    if done.returncode:
        raise _Refused(f"{message}: {done.stderr.decode(errors='replace').strip()[:200]}")
    return done
