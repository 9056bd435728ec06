"""What had to be there before the first run, checked again: receipts from outside, and the seeds that were drawn."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from promo.base.errors import Mismatch
from promo.driver.anchor import HEAD, Anchor, head_fault, ledger_lines, read_anchors, recorded_anchors
from promo.driver.seeds import seed_of, value_of
from promo.driver.study import Sight, StudyFolder
from promo.driver.values import Check, Outcome, Reach
from promo.ledger.chain import decode
from promo.ledger.state import Attempt, State, state_of
from promo.ledger.values import AttemptStarted, ClockJumped, Event, Receipt
from promo.report.words import plural
from promo.run.values import RunOf


def vouchers(
    folder: StudyFolder,
    events: Sequence[Event],
    receipts: Sequence[Path],
    keys: Sequence[Path],
    authorities: Sequence[Path],
) -> tuple[list[Check], Reach]:
    """Every receipt, given or recorded; and what those cover whose makers were named."""
    fault = head_fault(folder)
    checks = [Check(HEAD, Outcome.DIFFERS, fault)] if fault else []
    found = list(read_anchors(folder, receipts, keys, authorities))
    found += recorded_anchors(events, ledger_lines(folder), keys, authorities)
    checks += [_vouched(one, len(events)) for one in found]
    last = max((event.seq for event in events if not isinstance(event.event, Receipt | ClockJumped)), default=0)
    named = [one for one in found if one.by and not one.fault]
    return checks, Reach(any(one.before_runs for one in named), any(one.size > last for one in named))


def _vouched(anchor: Anchor, events: int) -> Check:
    if anchor.fault:
        return Check(anchor.receipt, Outcome.DIFFERS, anchor.fault)
    if not anchor.by:
        words = f"over {anchor.size} of {events} events; by no key or certificate that was given"
        return Check(anchor.receipt, Outcome.MATCHES, words)
    reach = "what was frozen and no run" if anchor.before_runs else f"{anchor.size} of {events} events"
    return Check(anchor.receipt, Outcome.MATCHES, f"{anchor.by} attests to {reach}")


def check_begun(sight: Sight) -> Iterator[Check]:
    """Nothing ran before the receipt that the study requires, and every run got the seed that was drawn for it."""
    folder, study, state = sight.folder, sight.study, sight.state
    if state.replay or (not study.anchor and study.draw is None):
        return
    ledgers = {None: (sight.chain.events, state), **_brought(folder, state)}
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
            same = drawn == (asked.seed, asked.label)
            good += same
            bad += [] if same else [attempt.folder]
        words = ", ".join(bad[:5]) or f"{plural(good, 'request')} with the seeds that were drawn"
        yield Check("drawn seeds", Outcome.DIFFERS if bad else Outcome.MATCHES, words)


def _ran_before_receipt(events: Sequence[Event]) -> bool:
    for event in events:
        if isinstance(event.event, Receipt):
            return False
        if isinstance(event.event, AttemptStarted) and event.event.bundle is None:
            return True
    return False


def _brought(folder: StudyFolder, state: State) -> dict[str | None, tuple[tuple[Event, ...], State]]:
    """Ledgers that bundles brought, by their files; a damaged one is said elsewhere."""
    found: dict[str | None, tuple[tuple[Event, ...], State]] = {}
    for bundle in state.bundles:
        name = bundle.ledger
        try:
            events = decode(folder.read(name) or b"").events
        except Mismatch:
            events = ()
        found[name] = (events, state_of(events))
    return found


def _ledger_of(state: State, attempt: Attempt) -> str | None:
    """The ledger that an attempt was first recorded in: a bundle's, or None for the study's own."""
    key = (attempt.run, attempt.number)
    brought = (bundle for bundle in state.bundles if any((one.run, one.attempt) == key for one in bundle.taken))
    return next((bundle.ledger for bundle in brought), None)


def _requests(folder: StudyFolder, state: State) -> Iterator[tuple[Attempt, RunOf]]:
    """What each attempt was asked about its run; a request that is not the recorded one is said elsewhere."""
    for one in state.every_attempt():
        try:
            yield one, folder.request(one).run
        except Mismatch:
            continue
