"""
What one machine has done of a study, in a file; `promo.driver.bring` takes it into a study on another machine.

Two machines that never meet freeze the same spec: equal plans have equal digests, and a plan names every run that may
ever happen.  A bundle holds attempts that ended on one machine, with all files they left, and the ledger that they
stand in.

A bundle is a tar of plain files in a fixed order with fixed dates, so equal contents are equal bytes.  Its manifest
names the digest of every other file; whoever signs the manifest signs all of it.  Files are streamed both ways, so that
a bundle takes the memory of its largest record and not its own size.
"""

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, ClassVar

from promo.base.canonical import canonical, digest_bytes, parse_canonical
from promo.base.classes import frozen
from promo.base.codec import from_json, to_json
from promo.base.errors import Mismatch, PromoError
from promo.base.fields import Digest
from promo.base.reading import open_plain, place_of
from promo.driver.signatures import sign
from promo.driver.study import LEDGER, RECHECK, StudyFolder
from promo.ledger.bundles import MANIFEST, SIGNATURE, Taken
from promo.ledger.ports import Disk
from promo.ledger.sources import Installed
from promo.ledger.state import Attempt, AttemptState, State, state_of
from promo.run.store import POINTS, REQUEST, RESULT, STATES, plain

NAME = re.compile(
    r"runs/[a-z0-9_]{1,80}/[a-z0-9_]{1,200}-[a-z0-9_]{1,80}-s[0-9]{1,20}/attempt-[0-9]{1,6}"
    r"(/(?!\.{1,2}(/|$))[ -.0-\[\]-~]{1,255}){1,64}"
)
"""Names of files that an attempt left, those of its program and in folders among them; see `Left` of the ledger."""
ALONG = re.compile(
    r"(spec\.promo|plan\.json|lock\.json|imports\.json|recheck\.py|curves\.[a-z0-9.]{1,20})"
    r"|(evidence|decisions)/[a-z0-9_]{1,64}(\.[a-z0-9-]{1,40})?\.json|amendments/[0-9]{1,6}\.promo"
)
"""Names of what makes an unpacked bundle a study folder that can be checked by itself; nothing of it is taken in."""
MOST_FILES = 200_000
LARGEST_RECORD = 64 * 2**20
"""Bytes of a file that is read as a whole: a manifest, a ledger, a request, a result."""
STEP = 2**20
LEFT_OUT = (".safetensors", ".state", ".part")
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
    named: bytes
    """The manifest as it was read: what is signed and kept are these bytes, whatever lies in the archive by then."""
    signature: bytes | None
    digest: str
    """Digest of the manifest, which covers everything."""

    def read(self, name: str) -> bytes:
        """
        A file of it; empty where there is none.

        Raises:
            PromoError: it is larger than any record is.
            Mismatch: it is not the file that it was when the bundle was opened.
        """
        begin, size = self.places.get(name, (0, 0))
        if size > LARGEST_RECORD:
            raise PromoError(f"{self.path} holds a {name} that is larger than any may be")
        with self.path.open("rb") as file:
            file.seek(begin)
            content = file.read(size)
        self._same(name, digest_bytes(content))
        return content

    def copy(self, name: str, target: Path) -> None:
        """
        Put a file of it in its place, which is empty until then.

        Raises:
            Mismatch: it is not the file that it was when the bundle was opened; nothing is in its place then.
        """
        begin, size = self.places[name]
        whole, value = target.with_name(target.name + ".part"), hashlib.sha256()
        try:
            with self.path.open("rb") as file, whole.open("xb") as out:
                file.seek(begin)
                for part in _parts(file, size):
                    value.update(part)
                    out.write(part)
            self._same(name, value.hexdigest())
        except (EOFError, Mismatch) as fault:
            whole.unlink()
            raise self._other(name) from fault
        whole.replace(target)

    def _same(self, name: str, found: str) -> None:
        if self.manifest.files.get(name, found) != found:
            raise self._other(name)

    def _other(self, name: str) -> Mismatch:
        return Mismatch(f"{self.path} was changed while it was read: {name} is another file now", hint="fetch it again")


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
        raise PromoError("nothing has ended here yet" + (f" on {host}" if host else ""), hint="promo status shows more")
    files: dict[str, bytes | Path] = {LEDGER: content[: chain.sound_bytes]}
    for attempt in attempts:
        place = folder.path / attempt.folder
        for name in folder.disk.files(place):
            if goes_along(plain(name), attempt.witnesses):
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
                files={name: _digest(folder.disk, data) for name, data in files.items()},
            )
        )
    )
    signature = {SIGNATURE: sign(manifest, key)} if key else {}
    _pack(folder.disk, path, {MANIFEST: manifest, **signature, **files})
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


def _digest(disk: Disk, data: bytes | Path) -> str:
    return digest_bytes(data) if isinstance(data, bytes) else disk.digest(data) or ""


def goes_along(name: str, witnesses: Mapping[str, str]) -> bool:
    """Whether a file of an attempt is part of a bundle: what the ledger has of it, but no large states of models."""
    known = name in witnesses or name in (REQUEST, RESULT, POINTS) or STATES.fullmatch(name) is not None
    return known and not name.endswith(LEFT_OUT)


def _pack(disk: Disk, path: Path, files: Mapping[str, bytes | Path]) -> None:
    try:
        place = place_of(path)
        whole = place.with_name(place.name + ".part")
        with whole.open("wb") as out, tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name in sorted(files):
                data, entry = files[name], tarfile.TarInfo(name)
                entry.size, entry.mode = len(data) if isinstance(data, bytes) else data.stat().st_size, 0o600
                with io.BytesIO(data) if isinstance(data, bytes) else data.open("rb") as content:
                    tar.addfile(entry, content)
        disk.settle([whole], [])
        whole.replace(place)
        disk.settle([], [place.parent])
    except OSError as fault:
        raise PromoError(f"{path} cannot be written: {fault.strerror or fault}") from fault


# --- reading -----------------------------------------------------------------------------------------------------


def read_bundle(path: Path) -> Bundle:
    """
    A bundle whose files are those its manifest names.

    Raises:
        PromoError: there is no such file, or it is not a bundle.
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
    bare = Bundle(path, _NOTHING, places, b"", None, "")
    content, signature = bare.read(MANIFEST), bare.read(SIGNATURE) or None
    if MANIFEST not in places:
        raise PromoError(f"{path} is not a bundle: it has no {MANIFEST}")
    try:
        manifest = from_json(Manifest, parse_canonical(content))
    except ValueError as fault:
        raise PromoError(f"{path} is not a bundle that this promo reads: {MANIFEST}: {fault}") from fault
    above = {folder.as_posix() for name in places for folder in PurePosixPath(name).parents} & set(places)
    if above:
        raise PromoError(f"{path} holds something that no bundle holds: {sorted(above)[0][:80]!r}, a file and a folder")
    held = {name: value for name, value in found.items() if name not in (MANIFEST, SIGNATURE)}
    wrong = [name for name in {*manifest.files, *held} if held.get(name) != manifest.files.get(name)]
    if wrong:
        raise Mismatch(f"{path} was changed: {sorted(wrong)[0]} is not what was packed", hint="fetch it again")
    return Bundle(path, manifest, places, content, signature, digest_bytes(content))


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
        raise PromoError(f"{path} is not a bundle: {fault}") from fault


def _parts(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0:
        part = file.read(min(size, STEP))
        if not part:
            raise EOFError("it is cut short")
        size -= len(part)
        yield part
