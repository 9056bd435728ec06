"""
What one machine has done of a study, in a file, and the way back into a study on another machine.

Two machines that never meet freeze the same spec: equal plans have equal digests, and a plan names every run that may
ever happen.  A bundle holds attempts that ended on one machine, with all files they left, and the ledger that they
stand in.  It is taken in only if plan, runner and text are those of the study here, every file is the one the ledger
there recorded, and no run gets a second result.  The gates here then see the cells as if they had run here.

A bundle is a tar of plain files in a fixed order with fixed dates, so equal contents are equal bytes.  Its manifest
names the digest of every other file; whoever signs the manifest signs all of it.
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

from attrs import frozen

from promo.base.canonical import Json, canonical, digest_bytes, parse_json
from promo.base.differences import differences
from promo.base.errors import Mismatch, PromoError
from promo.driver.study import LEDGER, RECHECK, StudyFolder, text_of
from promo.files import FolderLock, RealDisk
from promo.ledger.chain import decode
from promo.ledger.journal import Journal
from promo.ledger.ports import Clock
from promo.ledger.state import Attempt, AttemptState, State, StudyState, state_of
from promo.ledger.values import Event, EventKind
from promo.run.store import POINTS, parse_result

FORM = 1
MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
KEPT = "imports"
"""Where a study keeps the ledgers that bundles brought."""
NAMESPACE = "promo-bundle"
NAME = re.compile(r"runs/[a-z0-9_]{1,64}/[a-z0-9_]+-[a-z0-9_]+-s[0-9]+/attempt-[0-9]{1,6}/[a-z0-9][a-z0-9._-]{0,80}")
"""Names of files that an attempt left."""
BESIDE = re.compile(
    r"(spec\.promo|plan\.json|lock\.json|imports\.json|recheck\.py|curves\.[a-z0-9.]{1,20})"
    r"|(evidence|decisions)/[a-z0-9_]{1,64}(\.[a-z0-9-]{1,40})?\.json|amendments/[0-9]{1,6}\.promo"
)
"""Names of what makes an unpacked bundle a study folder that can be checked by itself; nothing of it is taken in."""
MOST_FILES = 200_000
MOST_BYTES = 4 * 2**30
LEFT_OUT = (".safetensors", ".part")
"""Endings of files that stay where they are: states of models are large, and no decision rests on them."""
STARTS = (EventKind.ATTEMPT_STARTED,)
ENDS = (EventKind.ATTEMPT_FAILED, EventKind.ATTEMPT_LOST, EventKind.RESULT_ACCEPTED)


@frozen
class Bundle:
    """A bundle as read: its manifest, its files, and whether a signature stands beside it."""

    manifest: Mapping[str, Json]
    files: Mapping[str, bytes]
    signature: bytes | None
    digest: str
    """Digest of the manifest, which vouches for everything."""


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
    content = RealDisk().read(folder.path / LEDGER)
    chain = folder.chain()
    state = state_of(chain.events)
    assert content is not None
    attempts = [one for one in _ended(state) if host in (None, one.host) and not _was_brought(state, one)]
    if not attempts:
        raise PromoError("nothing has ended here yet" + (f" on {host}" if host else ""), hint="promo status tells more")
    files = {LEDGER: content[: chain.sound_bytes]}
    for attempt in attempts:
        for file in sorted((folder.path / attempt.folder).iterdir()):
            if file.is_file() and not file.is_symlink() and not file.name.endswith(LEFT_OUT):
                files[f"{attempt.folder}/{file.name}"] = file.read_bytes()
    files |= _beside(folder, state)
    manifest = canonical(
        {
            "promo_bundle": FORM,
            "study": state.frozen["study"],
            "plan": state.frozen["plan"],
            "runner": state.frozen["runner"],
            "data": None if state.data is None else state.data["digest"],
            "head": chain.head,
            "attempts": [{"run": one.run, "attempt": one.number} for one in attempts],
            "files": {name: digest_bytes(data) for name, data in files.items()},
        }
    )
    signature = {SIGNATURE: _sign(manifest, key)} if key else {}
    packed = _packed({MANIFEST: manifest, **signature, **files})
    try:
        RealDisk().write(path, packed)
    except OSError as fault:
        raise PromoError(f"{path} cannot be written: {fault.strerror or fault}") from fault
    return digest_bytes(manifest), len(attempts)


def _beside(folder: StudyFolder, state: State) -> dict[str, bytes]:
    """What was frozen, the second verifier among it, and what was derived: whoever has only the bundle can check it."""
    frozen_files = state.frozen["files"]
    assert isinstance(frozen_files, Mapping)
    names = {*frozen_files, RECHECK}
    names |= {
        path.relative_to(folder.path).as_posix()
        for kind in ("evidence/*.json", "decisions/*.json", "amendments/*.promo")
        for path in folder.path.glob(kind)
    }
    found = {name: RealDisk().read(folder.path / name) for name in sorted(names) if BESIDE.fullmatch(name)}
    return {name: content for name, content in found.items() if content is not None}


def _ended(state: State) -> Iterator[Attempt]:
    every = (one for tried in state.attempts.values() for one in tried)
    return (one for one in every if one.state in (AttemptState.ACCEPTED, AttemptState.FAILED, AttemptState.LOST))


def _was_brought(state: State, attempt: Attempt) -> bool:
    """Whether an attempt came in a bundle itself; it is passed on by the machine it ran on only."""
    key = {"run": attempt.run, "attempt": attempt.number}
    taken = (bundle["taken"] for bundle in state.bundles)
    return any(isinstance(keys, list) and key in keys for keys in taken)


def _packed(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(files[name]), 0o600
            tar.addfile(entry, io.BytesIO(files[name]))
    return out.getvalue()


# --- reading -----------------------------------------------------------------------------------------------------


def read_bundle(path: Path) -> Bundle:
    """
    A bundle whose files are those its manifest names.

    Raises:
        PromoError: there is no such file, or it is no bundle.
        Mismatch: a file in it is not the one that was packed.
    """
    files = dict(_unpacked(path))
    manifest = files.pop(MANIFEST, None)
    signature = files.pop(SIGNATURE, None)
    if manifest is None:
        raise PromoError(f"{path} is no bundle: it has no {MANIFEST}")
    try:
        stored = parse_json(manifest)
        assert isinstance(stored, dict)
        assert canonical(stored) == manifest
        assert stored.get("promo_bundle") == FORM
        said = stored["files"]
        assert isinstance(said, dict)
    except (ValueError, KeyError, TypeError, AssertionError) as fault:
        raise PromoError(f"{path} is no bundle of form {FORM}") from fault
    wrong = [name for name in {*said, *files} if digest_bytes(files.get(name, b"")) != said.get(name)]
    if wrong:
        raise Mismatch(f"{path} was changed: {sorted(wrong)[0]} is not what was packed", hint="fetch it again")
    return Bundle(stored, files, signature, digest_bytes(manifest))


def _unpacked(path: Path) -> Iterator[tuple[str, bytes]]:
    """Plain files of expected names, one by one; anything else refuses the bundle."""
    try:
        with tarfile.open(path, "r:") as tar:
            size = 0
            for number, entry in enumerate(tar):
                size += entry.size
                if number >= MOST_FILES or size > MOST_BYTES:
                    raise PromoError(f"{path} is larger than any bundle may be")
                known = entry.name in (MANIFEST, SIGNATURE, LEDGER) or NAME.fullmatch(entry.name)
                known = known or BESIDE.fullmatch(entry.name)
                if not entry.isreg() or not known:
                    raise PromoError(f"{path} holds something that no bundle holds: {entry.name[:80]!r}")
                file = tar.extractfile(entry)
                assert file is not None
                yield entry.name, file.read()
    except FileNotFoundError as fault:
        raise PromoError(f"there is no file {path}") from fault
    except (OSError, tarfile.TarError, EOFError) as fault:
        raise PromoError(f"{path} is no bundle: {fault}") from fault


def import_bundle(folder: StudyFolder, path: Path, *, key: Path | None, clock: Clock) -> Brought:
    """
    Take the results of a bundle into a study.

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
    with FolderLock(folder.path):
        state = folder.state()
        if state.study is StudyState.EMPTY:
            raise PromoError(f"no study has begun in {folder.path}", hint="start it first: promo run SPEC --host HOST")
        _same_study(bundle, state, path)
        started, ended = _attempts(bundle, path)
        fresh = _fresh(bundle, state, started, ended, path)
        _check_files(bundle, folder, started, ended, path)
        if fresh:
            _take(folder, bundle, fresh, started, ended, clock, signer)
        hosts = tuple(sorted({str(started[one].data["host"]) for one in started}))
        return Brought(bundle.digest, hosts, len(fresh), len(started) - len(fresh))


Key = tuple[str, int]
"""(run, attempt)."""


def _same_study(bundle: Bundle, state: State, path: Path) -> None:
    here: dict[str, Json] = {name: state.frozen.get(name) for name in ("study", "plan", "runner")}
    there = {name: bundle.manifest.get(name) for name in here}
    if state.data is not None and bundle.manifest.get("data") is not None:
        here["text"], there["text"] = state.data["digest"], bundle.manifest["data"]
    changed = tuple(differences(here, there))
    if changed:
        message = f"{path} is of another study than the one here"
        raise Mismatch(message, hint="both machines run the same spec, promo and text", details=changed)


def _attempts(bundle: Bundle, path: Path) -> tuple[dict[Key, Event], dict[Key, Event]]:
    """Start and end of each attempt of the bundle, from the ledger that it carries."""
    chain = decode(bundle.files.get(LEDGER, b""))
    if chain.head != bundle.manifest.get("head") or chain.torn:
        raise Mismatch(f"{path} was changed: its ledger does not end where the manifest says")
    first = chain.events[0] if chain.events else None
    frozen = first.data if first is not None and first.kind is EventKind.STUDY_FROZEN else {}
    if frozen.get("plan") != bundle.manifest.get("plan") or frozen.get("runner") != bundle.manifest.get("runner"):
        raise Mismatch(f"{path} was changed: its ledger is of another study than its manifest")
    files = frozen.get("files")
    for name, recorded in files.items() if isinstance(files, Mapping) else ():
        if name in bundle.files and digest_bytes(bundle.files[name]) != recorded:
            raise Mismatch(f"{path} was changed: its {name} is not the one that was frozen")
    wanted = bundle.manifest.get("attempts")
    assert isinstance(wanted, list | tuple)
    keys = {(str(one["run"]), int(str(one["attempt"]))) for one in wanted if isinstance(one, Mapping)}
    started, ended = (
        {
            (str(event.data["run"]), int(str(event.data["attempt"]))): event
            for event in chain.events
            if event.kind in kinds and (str(event.data["run"]), int(str(event.data["attempt"]))) in keys
        }
        for kinds in (STARTS, ENDS)
    )
    if set(started) != keys or set(ended) != keys:
        raise Mismatch(f"{path} was changed: its ledger does not tell of every attempt it holds")
    return started, ended


def _fresh(
    bundle: Bundle, state: State, started: Mapping[Key, Event], ended: Mapping[Key, Event], path: Path
) -> list[Key]:
    """Attempts that are not here yet, in the order in which they were started there."""
    del bundle
    fresh = []
    for key in sorted(started, key=lambda one: started[one].seq):
        run, number = key
        tried = state.attempts.get(run, [])
        here = next((one for one in tried if one.number == number), None)
        if here is not None:
            if here.envelope != ended[key].data.get("envelope"):
                raise Mismatch(f"{path} gives run {run} another result than the one that is here")
            continue
        if state.accepted(run) is not None and ended[key].kind is EventKind.RESULT_ACCEPTED:
            raise Mismatch(f"{path} gives run {run} a second result")
        fresh.append(key)
    return fresh


def _check_files(
    bundle: Bundle, folder: StudyFolder, started: Mapping[Key, Event], ended: Mapping[Key, Event], path: Path
) -> None:
    """Every attempt is of the plan, in its own cell, and left the files that the ledger there recorded."""
    _, plan = folder.compiled().sound()
    known = {run.id: run for stage in plan.stages for run in stage.runs}
    text = folder.text(folder.state())
    for key, event in started.items():
        run = known.get(key[0])
        cell = tuple(event.data[name] for name in ("stage", "candidate", "host", "seed"))
        place = str(event.data["folder"])
        if run is None or cell != (run.stage, run.candidate, run.host, run.seed):
            raise Mismatch(f"{path} holds a run that the plan does not have: {key[0]}")
        request = bundle.files.get(f"{place}/request.json", b"")
        if digest_bytes(request) != event.data["request"]:
            raise Mismatch(f"{path} was changed: the request in {place} is not the recorded one")
        left = ended[key].data.get("left")
        for name, digest in left.items() if isinstance(left, Mapping) else ():
            if digest_bytes(bundle.files.get(f"{place}/{name}", b"")) != digest:
                raise Mismatch(f"{path} was changed: {name} in {place} is not the recorded one")
        trained_on = text_of(_object(request))
        text = trained_on if text is None else text
        if trained_on != text:
            raise Mismatch(
                f"{path} holds runs that were trained on another text",
                hint="each machine needs the same text, or a source that is the same everywhere: builtin:synth/1",
                details=(f"{place}: {trained_on}, and here {text}",),
            )
        envelope = ended[key].data.get("envelope")
        if envelope is None:
            continue
        content = bundle.files.get(f"{place}/result.json", b"")
        try:
            result = parse_result(content, digest_bytes(request))
        except (ValueError, KeyError) as fault:
            raise Mismatch(f"{path} was changed: the result in {place} is not sound") from fault
        said = ended[key].data
        same = result.digest == envelope and result.status.value == said.get("status")
        same = same and result.charged_s == said.get("train_s")
        if not same or dict(result.metrics) != said.get("metrics", dict(result.metrics)):
            raise Mismatch(f"{path} was changed: the result in {place} is not the recorded one")
        points = result.details.get("points")
        if points is not None and digest_bytes(bundle.files.get(f"{place}/{POINTS}", b"")) != points:
            raise Mismatch(f"{path} was changed: the points in {place} are not those of its result")


def _object(content: bytes) -> Mapping[str, Json]:
    stored = parse_json(content)
    return stored if isinstance(stored, Mapping) else {}


def _take(
    folder: StudyFolder,
    bundle: Bundle,
    fresh: list[Key],
    started: Mapping[Key, Event],
    ended: Mapping[Key, Event],
    clock: Clock,
    signer: str | None,
) -> None:
    """Files first, then the ledger: what it says is there once it says so."""
    disk = RealDisk()
    places = {str(started[key].data["folder"]) for key in fresh}
    for place in places:
        linked = [part for part in (folder.path / place, *(folder.path / place).parents) if part.is_symlink()]
        inside = [part for part in linked if part.is_relative_to(folder.path) and part != folder.path]
        if inside:
            raise PromoError(f"{inside[0]} is a link, and nothing is written through links", hint="remove it")
    for name, content in bundle.files.items():
        if name.rpartition("/")[0] in places:
            target = folder.path / name
            disk.make_folder(target.parent)
            disk.write(target, content)
    kept = f"{KEPT}/{bundle.digest[:16]}.jsonl"
    disk.make_folder(folder.path / KEPT)
    disk.write(folder.path / kept, bundle.files[LEDGER])
    journal = Journal(folder.path / LEDGER, disk, clock)
    journal.append(
        EventKind.BUNDLE_IMPORTED,
        {
            "bundle": bundle.digest,
            "head": bundle.manifest["head"],
            "ledger": kept,
            "ledger_digest": digest_bytes(bundle.files[LEDGER]),
            "signed": signer is not None,
            **({"signer": signer} if signer is not None else {}),
            "taken": [{"run": run, "attempt": number} for run, number in fresh],
        },
    )
    for key in fresh:
        journal.append(EventKind.ATTEMPT_STARTED, {**started[key].data, "bundle": bundle.digest})
        journal.append(ended[key].kind, {**ended[key].data, "bundle": bundle.digest})


# --- signatures --------------------------------------------------------------------------------------------------


def _sign(manifest: bytes, key: Path) -> bytes:
    """A detached OpenSSH signature over the manifest."""
    if not key.exists():
        raise PromoError(f"there is no key {key}")
    words = ["ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", str(key)]
    return _ssh(words, manifest, f"the key {key} cannot sign").stdout


def _signer(bundle: Bundle, key: Path, path: Path) -> str:
    """Fingerprint of a public key that was given on this side, and whose owner has signed the manifest."""
    if bundle.signature is None:
        raise Mismatch(f"{path} is not signed", hint="have it written with --key, or import it without")
    try:
        public = key.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise PromoError(f"the key {key} cannot be read") from fault
    if public.startswith("-----"):
        raise PromoError(f"{key} is a private key", hint="give the public one, which ends in .pub")
    with tempfile.TemporaryDirectory(prefix="promo-") as place:
        signers, signature = Path(place) / "signers", Path(place) / "signature"
        signers.write_text(f"promo {public}\n", encoding="utf-8")
        signature.write_bytes(bundle.signature)
        words = ["ssh-keygen", "-q", "-Y", "verify", "-n", NAMESPACE, "-I", "promo"]
        words += ["-f", str(signers), "-s", str(signature)]
        manifest = canonical(bundle.manifest)
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
