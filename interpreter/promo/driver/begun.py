"""What had to be there before the first run, checked again: receipts from outside, and the seeds that were drawn."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from promo.base.canonical import Json
from promo.base.errors import Mismatch
from promo.driver.anchor import HEAD, Anchor, head_fault, ledger_lines, read_anchors, recorded_anchors
from promo.driver.pipeline import Compiled
from promo.driver.seeds import seed_of, value_of
from promo.driver.study import StudyFolder
from promo.driver.values import Check, Outcome
from promo.files import RealDisk
from promo.ledger.chain import decode
from promo.ledger.state import Attempt, State, state_of
from promo.ledger.values import Event, EventKind


def vouchers(
    folder: StudyFolder,
    events: Sequence[Event],
    receipts: Sequence[Path],
    keys: Sequence[Path],
    authorities: Sequence[Path],
) -> tuple[list[Check], bool]:
    """Every receipt, given or recorded; and whether one of them vouches for what was frozen before anything ran."""
    fault = head_fault(folder)
    checks = [Check(HEAD, Outcome.DIFFERS, fault)] if fault else []
    found = list(read_anchors(folder, receipts, keys, authorities))
    found += recorded_anchors(events, ledger_lines(folder), keys, authorities)
    checks += [_vouched(one, len(events)) for one in found]
    return checks, any(one.before_runs for one in found)


def _vouched(anchor: Anchor, events: int) -> Check:
    if anchor.fault:
        return Check(anchor.receipt, Outcome.DIFFERS, anchor.fault)
    if not anchor.by:
        words = f"over {anchor.size} of {events} events; by nobody whose key or certificate was given"
        return Check(anchor.receipt, Outcome.MATCHES, words)
    reach = "what was frozen and no run" if anchor.before_runs else f"{anchor.size} of {events} events"
    return Check(anchor.receipt, Outcome.MATCHES, f"{anchor.by} vouches for {reach}")


def check_begun(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    """Nothing ran before the receipt that the study requires, and every run got the seed that was drawn for it."""
    study, _ = compiled.sound()
    if "replay" in state.frozen or (not study.anchor and study.draw is None):
        return
    ledgers = {None: (folder.chain().events, state), **_brought(folder, state)}
    if study.anchor:
        early = [name for name, (events, _) in ledgers.items() if _ran_before_receipt(events)]
        words = "nothing ran before it was recorded"
        if early:
            words = "; ".join(f"in {name or 'the ledger'} a run began before it" for name in early)
        yield Check("required receipt", Outcome.DIFFERS if early else Outcome.MATCHES, words)
    if study.draw is not None:
        bad, good = [], 0
        for attempt, asked in _requests(folder, state):
            there = ledgers[_ledger_of(state, attempt)][1]
            drawn = None if value_of(study, there) is None else seed_of(study, there, attempt.seed)
            same = drawn == {name: asked.get(name) for name in ("seed", "label")}
            good += same
            bad += [] if same else [attempt.folder]
        words = ", ".join(bad[:5]) or f"{good} requests have the seeds that were drawn"
        yield Check("drawn seeds", Outcome.DIFFERS if bad else Outcome.MATCHES, words)


def _ran_before_receipt(events: Sequence[Event]) -> bool:
    for event in events:
        if event.kind is EventKind.ANCHOR_RECEIVED:
            return False
        if event.kind is EventKind.ATTEMPT_STARTED and "bundle" not in event.data:
            return True
    return False


def _brought(folder: StudyFolder, state: State) -> dict[str | None, tuple[tuple[Event, ...], State]]:
    """Ledgers that bundles brought, by their files; a damaged one is said elsewhere."""
    found: dict[str | None, tuple[tuple[Event, ...], State]] = {}
    for bundle in state.bundles:
        name = str(bundle["ledger"])
        try:
            events = decode(RealDisk().read(folder.path / name) or b"").events
        except Mismatch:
            events = ()
        found[name] = (events, state_of(events))
    return found


def _ledger_of(state: State, attempt: Attempt) -> str | None:
    """The ledger that an attempt was first recorded in: a bundle's, or None for the study's own."""
    for bundle in state.bundles:
        taken = bundle["taken"]
        if isinstance(taken, list) and {"run": attempt.run, "attempt": attempt.number} in taken:
            return str(bundle["ledger"])
    return None


def _requests(folder: StudyFolder, state: State) -> Iterator[tuple[Attempt, Mapping[str, Json]]]:
    """What each attempt was asked about its run; a request that is not the recorded one is said elsewhere."""
    for one in (one for tried in state.attempts.values() for one in tried):
        try:
            asked = folder.request(one).get("run")
        except Mismatch:
            continue
        yield one, asked if isinstance(asked, Mapping) else {}
