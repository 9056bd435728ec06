"""
Receipts from outside to what they vouch for.

A receipt is a file beside the checkpoint it was made for: `N.note.sig`, made by somebody else's `ssh-keygen -Y sign -n
promo-checkpoint`, or `N.note.tsr`, the reply of an RFC 3161 time-stamping authority.  Keys and authorities come from
whoever verifies, never from the study folder.  A signature tells who vouches and not when; a time stamp tells when.
"""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from promo.base.errors import PromoError
from promo.driver.study import LEDGER, StudyFolder
from promo.files import RealDisk
from promo.ledger.checkpoint import Checkpoint, checkpoint_of, from_note, to_note
from promo.ledger.state import state_of
from promo.ledger.values import Event, EventKind

ANCHORS = "anchors"
NAMESPACE = "promo-checkpoint"
PATIENCE_S = 60
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@frozen
class Anchor:
    """A receipt and what came of it."""

    receipt: str
    fault: str
    """Why it does not count; empty when it does."""
    size: int = 0
    """Events that its checkpoint covers."""
    by: str = ""
    before_runs: bool = False
    """Whether its checkpoint holds the freeze and no attempt."""


def ledger_lines(folder: StudyFolder) -> list[bytes]:
    """Whole lines of a sound ledger, without newlines."""
    sound = folder.chain().sound_bytes
    return ((RealDisk().read(folder.path / LEDGER) or b"")[:sound]).split(b"\n")[:-1]


def write_checkpoint(folder: StudyFolder) -> Path:
    """
    Put a checkpoint of the ledger as it is now into the folder; where it lies.

    Raises:
        PromoError: there is no study.
        Mismatch: its ledger is damaged.
    """
    frozen_ = state_of(folder.chain().events).frozen
    note = to_note(made := checkpoint_of(str(frozen_.get("study", "")), ledger_lines(folder)))
    place = folder.path / ANCHORS / f"{made.size}.note"
    RealDisk().make_folder(place.parent)
    RealDisk().write(place, note)
    return place


def read_anchors(
    folder: StudyFolder, receipts: Sequence[Path], keys: Sequence[Path], authorities: Sequence[Path]
) -> tuple[Anchor, ...]:
    """
    What receipts say of a study whose ledger is sound.

    Args:
        folder: the study.
        receipts: files `NOTE.sig` or `NOTE.tsr`, each beside its NOTE.
        keys: public keys of people outside, as ssh-keygen writes them.
        authorities: certificates (PEM) of time-stamping authorities.
    """
    lines = ledger_lines(folder)
    return tuple(_anchor(folder, receipt, lines, keys, authorities) for receipt in receipts)


def _anchor(
    folder: StudyFolder, receipt: Path, lines: list[bytes], keys: Sequence[Path], authorities: Sequence[Path]
) -> Anchor:
    place = receipt.with_suffix("")
    note, vouched = RealDisk().read(place), RealDisk().read(receipt)
    if note is None or vouched is None:
        return Anchor(receipt.name, f"{place if note is None else receipt} is not there")
    try:
        checkpoint = from_note(note)
    except ValueError as fault:
        return Anchor(receipt.name, f"{place.name}: {fault}")
    events = folder.chain().events
    if checkpoint.size > len(lines):
        return Anchor(receipt.name, f"it covers {checkpoint.size} events, and the ledger has {len(lines)}")
    study = str(state_of(events).frozen.get("study", ""))
    if not checkpoint.size or checkpoint != checkpoint_of(study, lines[: checkpoint.size]):
        return Anchor(receipt.name, "the ledger is not the one it vouches for")
    by = _stamped_by(place, receipt, authorities) if receipt.suffix == ".tsr" else _signed_by(note, receipt, keys)
    if not by:
        return Anchor(receipt.name, "none of the given keys and authorities made it")
    return Anchor(receipt.name, "", checkpoint.size, by, _before_runs(events, checkpoint, receipt))


def _before_runs(events: tuple[Event, ...], checkpoint: Checkpoint, receipt: Path) -> bool:
    """No run is covered, and a time stamp is not later than the first run either."""
    first = next((event for event in events if event.kind is EventKind.ATTEMPT_STARTED), None)
    if first is None or first.seq < checkpoint.size:
        return first is None
    return receipt.suffix != ".tsr" or _stamped_at(receipt) <= first.time


def _stamped_at(receipt: Path) -> str:
    """UTC of a time stamp in ISO 8601, rounded down to seconds; after every time when openssl words it differently."""
    words = ["openssl", "ts", "-reply", "-in", str(receipt.resolve()), "-text"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    found = re.search(r"Time stamp: (\w{3}) +(\d+) ([\d:]{8})\S* (\d{4}) GMT", done.stdout)
    if found is None:
        return "unknown"
    month = 1 + MONTHS.index(found[1])
    return f"{found[4]}-{month:02}-{int(found[2]):02}T{found[3]}Z"


def _signed_by(note: bytes, receipt: Path, keys: Sequence[Path]) -> str:
    """The key that signed a note; empty when none of *keys* did."""
    for key in keys:
        public = (RealDisk().read(key) or b"").decode("utf-8", errors="replace").split()
        if len(public) < 2:
            raise PromoError(f"{key} is no public key", hint="give the .pub file that ssh-keygen wrote")
        with tempfile.TemporaryDirectory() as scratch:
            signers = Path(scratch) / "signers"
            signers.write_text(f'witness namespaces="{NAMESPACE}" {public[0]} {public[1]}\n', encoding="utf-8")
            words = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", "witness", "-n", NAMESPACE]
            if _succeeds([*words, "-s", str(receipt.resolve())], note):
                return f"the key {key.name}"
    return ""


def _stamped_by(note: Path, receipt: Path, authorities: Sequence[Path]) -> str:
    """The authority that stamped a note; empty when none of *authorities* did."""
    for authority in authorities:
        words = ["openssl", "ts", "-verify", "-data", str(note.resolve()), "-in", str(receipt.resolve())]
        if _succeeds([*words, "-CAfile", str(authority.resolve())], b""):
            return f"the authority {authority.name}"
    return ""


def _succeeds(words: list[str], given: bytes) -> bool:
    try:
        done = subprocess.run(words, input=given, capture_output=True, timeout=PATIENCE_S, check=False)
    except FileNotFoundError as fault:
        raise PromoError(f"{words[0]} is not installed", hint=f"install it to check receipts by {words[0]}") from fault
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
