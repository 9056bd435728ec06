"""
Checkpoints of a ledger, and receipts from outside over them.

A receipt is a file that lies outside, or an event of the ledger itself: `promo anchor` checks it once and writes its
bytes down, so that the folder alone is enough to check it again.  Keys and authorities come from whoever verifies,
never from the study folder.
"""

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from promo.base.canonical import digest_bytes
from promo.base.classes import frozen
from promo.base.errors import Mismatch, PromoError
from promo.base.reading import SMALL, read_plain
from promo.driver.study import LEDGER, StudyFolder
from promo.files import read_given
from promo.ledger.checkpoint import Checkpoint, checkpoint_of, from_note, to_note
from promo.ledger.journal import Journal
from promo.ledger.ports import Clock
from promo.ledger.state import State
from promo.ledger.values import AttemptStarted, Event, Freezing, Receipt
from promo.run.locks import lock_study
from promo.study.values import Study

if TYPE_CHECKING:  # most studies have no receipt, and reading one takes much
    from promo.driver.receipts import Voucher

ANCHORS = "anchors"
HEAD = "checkpoint.note"
"""The checkpoint of the ledger as it was when promo last stopped working on the study."""


@frozen
class Anchor:
    """A receipt and what came of it."""

    receipt: str
    fault: str
    """Why it does not count; empty when it does."""
    size: int = 0
    """Events that its checkpoint covers."""
    by: str = ""
    """Who made it; empty when none of the given keys and authorities did."""
    before_runs: bool = False
    """Whether its checkpoint holds the freeze and no attempt."""


def ledger_lines(folder: StudyFolder) -> list[bytes]:
    """Whole lines of a sound ledger, without newlines."""
    sound = folder.chain().sound_bytes
    return ((folder.read(LEDGER) or b"")[:sound]).split(b"\n")[:-1]


def write_checkpoint(folder: StudyFolder) -> Path:
    """
    Put a checkpoint of the ledger as it is now into the folder; where it lies.

    Raises:
        PromoError: there is no study.
        Mismatch: its ledger is damaged.
    """
    note = to_note(made := _checkpoint(folder.chain().events, ledger_lines(folder)))
    place = folder.path / ANCHORS / f"{made.size}.note"
    folder.disk.make_folder(place.parent)
    folder.disk.write(place, note)
    return place


def keep_head(folder: StudyFolder) -> None:
    """
    Put the checkpoint of the whole ledger beside it.

    It finds accidents that a chain cannot: a last line that changed, and a tail that is gone.  Whoever edits on
    purpose edits it too, so it vouches for nothing.
    """
    folder.disk.write(folder.path / HEAD, to_note(_checkpoint(folder.chain().events, ledger_lines(folder))))


def head_fault(folder: StudyFolder) -> str:
    """What the checkpoint beside a ledger says against it; empty when it says nothing, or is not there."""
    note = folder.read(HEAD)
    if note is None:
        return ""
    try:
        checkpoint = from_note(note)
    except ValueError as fault:
        return str(fault)
    return uncovered(checkpoint, folder.chain().events, ledger_lines(folder))


def _checkpoint(events: Sequence[Event], lines: Sequence[bytes]) -> Checkpoint:
    """The checkpoint of a ledger's first lines."""
    return checkpoint_of(_study_of(events), lines)


def _study_of(events: Sequence[Event]) -> str:
    """The study that a ledger's first event names."""
    first = events[0].event if events else None
    return first.study if isinstance(first, Freezing) else ""


# --- receipts that lie outside -----------------------------------------------------------------------------------


def read_anchors(
    folder: StudyFolder, receipts: Sequence[Path], keys: Sequence[Path], authorities: Sequence[Path]
) -> tuple[Anchor, ...]:
    """
    What receipts say of a study whose ledger is sound.

    Args:
        folder: the study.
        receipts: their files, each beside the note it was made for unless it carries that note itself.
        keys: public keys of people outside.
        authorities: certificates of time-stamping authorities, PEM.

    Returns:
        One answer for each receipt.

    Raises:
        PromoError: a note is no file, a key is none, or ssh-keygen or openssl is needed and not installed.
    """
    if not receipts:
        return ()
    from promo.driver.receipts import MOST_BYTES, note_in

    lines, events = ledger_lines(folder), folder.chain().events
    found = []
    for receipt in receipts:
        try:
            content = read_plain(receipt, MOST_BYTES)
        except OSError as fault:
            gone = isinstance(fault, FileNotFoundError)
            found.append(Anchor(receipt.name, "it is not there" if gone else str(fault.strerror)))
            continue
        places = (receipt.with_suffix(""), folder.path / ANCHORS / receipt.stem)
        near = next((read_given(place, SMALL) for place in places if place.exists()), None)
        note = note_in(content) or near
        if note is None:
            found.append(Anchor(receipt.name, f"its note {receipt.with_suffix('').name} is not there"))
            continue
        one = _judged(receipt.name, content, note, events, lines, keys, authorities)
        by_none = not one.fault and not one.by
        found.append(Anchor(one.receipt, "none of the given keys and authorities made it") if by_none else one)
    return tuple(found)


def _judged(
    name: str,
    receipt: bytes,
    note: bytes,
    events: Sequence[Event],
    lines: Sequence[bytes],
    keys: Sequence[Path],
    authorities: Sequence[Path],
) -> Anchor:
    try:
        checkpoint = from_note(note)
    except ValueError as fault:
        return Anchor(name, f"its note: {fault}")
    wrong = uncovered(checkpoint, events, lines)
    if wrong:
        return Anchor(name, wrong)
    from promo.driver.receipts import vouched

    voucher = vouched(note, receipt, keys, authorities)
    if voucher is None:
        return Anchor(name, "", checkpoint.size)
    return Anchor(name, "", checkpoint.size, voucher.by, _before_runs(events, checkpoint, voucher))


def uncovered(checkpoint: Checkpoint, events: Sequence[Event], lines: Sequence[bytes]) -> str:
    """Why a checkpoint is none of a ledger; empty when it is one of its beginnings."""
    if checkpoint.size > len(lines):
        return f"the note covers {checkpoint.size} events, and the ledger has {len(lines)}"
    if not checkpoint.size or checkpoint != _checkpoint(events, lines[: checkpoint.size]):
        return "the ledger is not the one it attests to"
    return ""


def _before_runs(events: Sequence[Event], checkpoint: Checkpoint, voucher: "Voucher") -> bool:
    """No run is covered, and a time that was vouched for is not later than the first run either."""
    first = next((event for event in events if isinstance(event.event, AttemptStarted)), None)
    if first is None or first.seq < checkpoint.size:
        return first is None
    return voucher.at <= first.time


# --- receipts in the ledger --------------------------------------------------------------------------------------


def record_receipt(
    folder: StudyFolder, receipt: Path, keys: Sequence[Path], authorities: Sequence[Path], clock: Clock
) -> Anchor:
    """
    Check a receipt and write it into the ledger.

    Raises:
        Mismatch: it is not over this ledger, or none of the given keys and authorities made it.
        PromoError: it cannot be read, or is too large to be a receipt.
        Busy: a promo works on the study.
    """
    from promo.driver.receipts import MOST_BYTES, form_of

    content = read_given(receipt, MOST_BYTES)
    form = form_of(content)
    if form is None:
        raise PromoError(f"{receipt} is not a receipt", hint="promo checkpoint says how an outside party makes one")
    if not keys and not authorities:
        raise PromoError(f"no possible signer of {receipt} is named", hint="give --key PUB or --authority PEM")
    with lock_study(folder.path, folder.disk):
        anchor = read_anchors(folder, [receipt], keys, authorities)[0]
        if anchor.fault:
            raise Mismatch(f"{receipt} does not attest to this study: {anchor.fault}")
        state = folder.state()
        if any(one.digest == digest_bytes(content) for one in state.receipts):
            raise PromoError(f"{receipt} is recorded already")
        root = _checkpoint(folder.chain().events, ledger_lines(folder)[: anchor.size]).root
        recorded = Receipt(
            form=form.value,
            size=anchor.size,
            root=base64.b64encode(root).decode(),
            by=anchor.by,
            digest=digest_bytes(content),
            receipt=base64.b64encode(content).decode(),
        )
        Journal(folder.path / LEDGER, folder.disk, clock).append(recorded)
    return anchor


def recorded_anchors(
    events: Sequence[Event], lines: Sequence[bytes], keys: Sequence[Path], authorities: Sequence[Path]
) -> tuple[Anchor, ...]:
    """
    What the receipts in a ledger say of it.

    An answer without a fault and without a maker is sound as far as can be told without that maker's key.
    """
    study = _study_of(events)
    found = []
    for event in events:
        one = event.event
        if not isinstance(one, Receipt):
            continue
        from promo.driver.receipts import note_in

        name = f"receipt in event {event.seq}"
        try:
            content = base64.b64decode(one.receipt, validate=True)
            note = to_note(Checkpoint(study, one.size, base64.b64decode(one.root, validate=True)))
        except (ValueError, binascii.Error):
            found.append(Anchor(name, "it is damaged"))
            continue
        same = digest_bytes(content) == one.digest and note_in(content) in (None, note)
        if not same or one.size > event.seq:
            found.append(Anchor(name, "it is not what it says it is"))
            continue
        found.append(_judged(name, content, note, events, lines, keys, authorities))
    return tuple(found)


# --- before the first run ----------------------------------------------------------------------------------------


def may_start(study: Study, state: State, folder: StudyFolder) -> None:
    """
    Refuse to train what has to be vouched for first, or what has no seeds yet.

    Raises:
        PromoError: a receipt or a published value is missing; the details say step by step how it gets there.
    """
    if state.attempts:
        return
    vouched_for = bool(state.receipts) or not (study.anchor or (study.draw is not None and not study.draw.published))
    published = study.draw is None or not study.draw.published or state.published is not None
    if vouched_for and published:
        return
    spec = f"{folder.path.name.removesuffix('.study')}.promo"
    note = folder.path / ANCHORS / "1.note"
    steps = [f"promo run --freeze-only {spec}" if not state.frozen else f"promo checkpoint {spec}"]
    if not vouched_for:
        steps += [
            f"have an outside party sign or time-stamp {note}: promo checkpoint {spec} prints how",
            f"promo anchor {spec} RECEIPT --key THEIRS.pub    (a time stamp: --authority CA.pem)",
        ]
    if not published and study.draw is not None:
        steps.append(f"promo anchor {spec} --value VALUE    (the value is: {study.draw.published})")
    steps.append(f"promo run {spec}")
    what = "no receipt from outside over what was frozen" if not vouched_for else "no published value for the seeds"
    numbered = tuple(f"{number}. {step}" for number, step in enumerate(steps, 1))
    raise PromoError(f"nothing may run yet: the ledger holds {what}", hint="do these in order", details=numbered)
