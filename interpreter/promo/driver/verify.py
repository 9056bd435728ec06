"""
Derive a study again from its bytes, hold its history to the protocol, and compare every step with what was recorded.

Each check says what it looked at and what it found.  What cannot be checked from inside is said too: a ledger that
someone rewrote as a whole, results and all, is consistent, so age is vouched for only by something outside the folder.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from os.path import isfile
from pathlib import Path

from promo.base.canonical import canonical, digest_bytes, exact_sum, from_exact
from promo.base.codec import to_json, value_digest
from promo.base.errors import Mismatch, PromoError, SpecError
from promo.curves.replay import SETTINGS
from promo.decision.values import Decision, verdict_of
from promo.driver.amend import only_its_own, other_wording_file
from promo.driver.begun import check_begun, vouchers
from promo.driver.frozen import changed_files, derived_files, due_files
from promo.driver.history import check_history
from promo.driver.left import check_outside, check_results, check_unaccounted, check_witnesses, ended, listed
from promo.driver.study import AMENDMENTS, DATA, PLAN, STREAMS, ReadOnce, Sight, StudyFolder, no_study
from promo.driver.values import Audit, Check, Outcome
from promo.evidence.estimates import EffectTable
from promo.evidence.values import Evidence
from promo.ledger.state import Attempt, AttemptState, State, StudyState, state_of
from promo.ledger.values import Amendment, Verdict
from promo.report.amendments import other_verdicts, wording
from promo.report.plan import device_words
from promo.report.words import error_words, plural
from promo.run.budgets import is_early, is_kept, outlived, told_s
from promo.run.runners.recorded.answer import answer
from promo.run.segments import Done, misfit
from promo.run.store import EXIT, RESULT, read_exit
from promo.study.closure import closure

MILLISECOND = Fraction(1, 1000)
"""The ledger's times are rounded to it."""
UNDERIVABLE = (Mismatch, KeyError, StopIteration)
"""Why something cannot be derived again: a file is not what it was, or an event names what the plan does not have,
which the history says."""


def verify_study(
    folder: StudyFolder,
    receipts: Sequence[Path] = (),
    keys: Sequence[Path] = (),
    authorities: Sequence[Path] = (),
) -> Audit:
    """
    Check everything a study folder holds.

    Args:
        folder: the study.
        receipts: files from outside that vouch for its checkpoints; see `promo.driver.receipts`.
        keys: public keys of people whose signatures count.
        authorities: certificates of time-stamping authorities that count.

    Raises:
        PromoError: there is no study there.
    """
    if not folder.exists:
        raise no_study(folder.path)
    folder = ReadOnce(folder.path)
    try:
        chain = folder.chain()
        state = state_of(chain.events)
    except Mismatch as fault:
        return Audit((Check("ledger", Outcome.DIFFERS, fault.message),), finished=False)
    if state.frozen is None:
        words = "it is empty" if not chain.events else "the study was not frozen first"
        return Audit((Check("ledger", Outcome.DIFFERS, words),), finished=False)
    torn = "; a torn last line is left out" if chain.torn else ""
    ledger = Check(
        "ledger", Outcome.MATCHES, f"{plural(len(chain.events), 'event')}, each follows the one before{torn}"
    )
    checks = [ledger, *_files(folder, state)]
    finished = state.study in (StudyState.CLOSED, StudyState.STOPPED)
    if any(check.outcome is not Outcome.MATCHES for check in checks):
        return Audit(tuple(checks), finished, replay=state.replay)
    try:
        compiled = folder.compiled()
        compiled.sound()
    except SpecError as fault:
        checks.append(Check("spec", Outcome.DIFFERS, f"it has errors for this promo: {error_words(fault)}"))
        return Audit(tuple(checks), finished, replay=state.replay)
    except PromoError as fault:
        checks.append(Check("spec", Outcome.DIFFERS, fault.message))
        return Audit(tuple(checks), finished, replay=state.replay)
    sight = Sight(folder, compiled, chain, state)
    for check in _READ + (_STORED if sight.lacking else _DERIVED):
        checks.extend(check(sight))
    said, reach = vouchers(folder, chain.events, receipts, keys, authorities)
    return Audit((*checks, *said), finished, reach, state.replay)


def _files(folder: StudyFolder, state: State) -> Iterator[Check]:
    assert state.frozen is not None
    due = due_files(state.frozen)
    for name in sorted(due ^ state.frozen.files.keys()):
        yield Check(name, Outcome.DIFFERS, "it was not frozen" if name in due else "it is no file that promo freezes")
    if due != state.frozen.files.keys():
        return
    changed = {one.name: one for one in changed_files(folder, state)}
    for name, recorded in state.frozen.files.items():
        if name not in changed:
            yield Check(name, Outcome.MATCHES, f"sha256:{recorded[:12]}, as frozen")
        elif changed[name].missing:
            yield Check(name, Outcome.MISSING, "the file is not there")
        else:
            words = "; ".join(("it was changed after the study was frozen", *changed[name].parts))
            yield Check(name, Outcome.DIFFERS, words)


def _plan(sight: Sight) -> Iterator[Check]:
    study, plan, lock = sight.study, sight.plan, sight.compiled.lock
    frozen_as = sight.state.frozen
    assert frozen_as is not None and lock is not None  # both were found among the files
    derived = derived_files(sight.compiled, lock)
    other = {name for name, content in derived.items() if sight.folder.read(name) != content}
    said = (frozen_as.plan, frozen_as.study, frozen_as.runner.name, frozen_as.runner.version)
    same = said == (plan.digest, study.name, study.runner.name, study.runner.version) and PLAN not in other
    words = f"compiled again: {plural(plan.run_count.planned, 'run')}, sha256:{plan.digest[:12]}"
    yield Check("plan", Outcome.MATCHES if same else Outcome.DIFFERS, words)
    sealed = {name: seal.digest for name, seal in lock.seals.items()}
    same = dict(frozen_as.seals) == dict(plan.seals) == sealed
    yield Check(
        "seals", Outcome.MATCHES if same else Outcome.DIFFERS, f"{plural(len(plan.seals), 'frozen rule')} hashed again"
    )
    for name in sorted(other - {PLAN}):
        yield Check(name, Outcome.DIFFERS, "it is not what promo writes of the same text and seals")


def _bundles(sight: Sight) -> Iterator[Check]:
    if sight.state.bundles:
        from promo.driver.brought import check_bundles  # few studies have any, and reading one takes much

        yield from check_bundles(sight)


def _text(sight: Sight) -> Iterator[Check]:
    """The prepared text, where the folder still keeps it; it can be read again from its source."""
    text = sight.state.text
    for number, name in enumerate(STREAMS) if text is not None else ():
        recorded = text.of_stream(number) if text is not None else None
        if recorded is None:
            continue
        found = sight.folder.disk.digest(sight.folder.path / DATA / name)
        if found is None:
            yield Check(f"{DATA}/{name}", Outcome.MATCHES, "not kept here; it can be read again from its source")
        else:
            same = found == recorded
            words = "as it was trained on" if same else "it is not the text that was trained on"
            yield Check(f"{DATA}/{name}", Outcome.MATCHES if same else Outcome.DIFFERS, words)


def _curves(sight: Sight) -> Iterator[Check]:
    """A replay: every result once more from the table; a result has one form in bytes, so values are compared."""
    frozen_as = sight.state.frozen.replay if sight.state.frozen else None
    if frozen_as is None:
        return
    try:
        replay = sight.replay
    except PromoError as fault:
        yield Check("curves", Outcome.DIFFERS, "; ".join([fault.message, *fault.details]))
        return
    bad, good = [], 0
    for attempt in ended(sight.state):
        asked, stored = sight.folder.asked(attempt.folder), sight.folder.result(attempt).body
        there = isfile(f"{sight.folder.path}/{attempt.folder}/{RESULT}")  # noqa: PTH113 - a path's own takes twice as long
        if asked.digest is None or not there:
            continue  # said among the results and requests
        try:
            same = answer(replay, asked.sound(), asked.digest)[0] == stored
        except (Mismatch, ValueError):
            same = False
        good += same
        bad += [] if same else [attempt.folder]
    as_frozen = frozen_as == replay.summary()
    as_frozen = as_frozen and sight.folder.read(SETTINGS) == replay.files()[SETTINGS]
    follow = f"{plural(good, 'result')} {'follows' if good == 1 else 'follow'} from {replay.name}"
    words = f"{follow}, sha256:{replay.digest[:12]}, read again row by row"
    if bad or not as_frozen:
        words = f"{listed(bad) or 'the reading'} does not follow from {replay.name}"
    yield Check("curves", Outcome.DIFFERS if bad or not as_frozen else Outcome.MATCHES, words)


def _budgets(sight: Sight) -> Iterator[Check]:
    """Which accepted runs used the budget that they were given, and for which nobody knows."""
    study = sight.study
    over, kept, unknown, early = [], 0, 0, 0
    outliving = [one.folder for one in ended(sight.state) if _outlives(sight, one)]
    for attempt in ended(sight.state):
        if attempt.state is not AttemptState.ACCEPTED or attempt.stage not in study.stages:
            continue
        body = sight.folder.result(attempt).body
        if body is None or body.used is None:
            unknown += 1
            continue
        budget = study.stages[attempt.stage].budget
        within, before = is_kept(body.used, budget), is_early(body.used, budget)
        within = within and (
            not before or sight.state.replay
        )  # what was trained outside is no record of what there was
        kept, early = kept + (within and not before), early + before
        over += [] if within else [attempt.folder]
    words = f"kept for {kept} of {kept + unknown + early} accepted runs, not known for {unknown}"
    words = listed(over) or words + (f", read from the table before it was used for {early}" if early else "")
    if outliving and not over:
        words = f"{listed(outliving)} trained for longer than all attempts of the run took"
    yield Check("budgets", Outcome.DIFFERS if over or outliving else Outcome.MATCHES, words)


def _outlives(sight: Sight, one: Attempt) -> bool:
    """Whether an accepted result says more time of training than its run was on a device, earlier attempts included."""
    body = sight.folder.result(one).body if one.state is AttemptState.ACCEPTED else None
    if body is None or sight.state.replay:
        return False
    lived = [attempt.device_s for attempt in sight.state.attempts[one.run]]
    seconds = {name: from_exact(text) for name, text in body.seconds.items()}
    total_s = exact_sum(from_exact(text) for text in lived if text is not None)
    return None not in lived and outlived(told_s(body.used, seconds, body.facts.machine.get("cores")), total_s)


def _segments(sight: Sight) -> Iterator[Check]:
    """Whether runs that were asked to change their shape did so where they were asked, and no others did."""
    bad, good = [], 0
    for attempt in ended(sight.state):
        body = sight.folder.result(attempt).body if attempt.state is AttemptState.ACCEPTED else None
        request = sight.folder.asked(attempt.folder).said
        if body is None or body.recorded is not None or isinstance(request, str):
            continue  # what is no request is said among those
        bad += [attempt.folder] if misfit(request, Done(body.segments, body.work, body.used)) else []
        good += bool(request.changes)
    if bad or good:
        words = listed(bad) or f"those of {good} accepted runs fit the changes of shape that were asked for"
        yield Check("segments", Outcome.DIFFERS if bad else Outcome.MATCHES, words)


# --- what is derived again -----------------------------------------------------------------------------------------


def _same_file(folder: StudyFolder, name: str, value: Evidence | EffectTable | Decision) -> bool | None:
    """Whether a file holds a value in its one form; None where there is no file."""
    stored = folder.read(name)
    return None if stored is None else stored == canonical(to_json(value)) + b"\n"


def _evidence(sight: Sight) -> Iterator[Check]:
    bad, absent, good = [], [], 0
    for stage, closed in sight.state.closed.items():
        name = f"evidence/{stage}.json"
        try:
            evidence = sight.folder.evidence(sight.compiled, sight.state, stage)
        except UNDERIVABLE:
            bad.append(stage)
            continue
        same = _same_file(sight.folder, name, evidence)
        missing = sum(len(row.missing) for row in evidence.rows)
        if evidence.digest != closed.evidence or missing != closed.missing or same is False:
            bad.append(stage)
        elif same is None:
            absent.append(name)
        else:
            good += 1
    words = listed(bad) or f"{plural(good, 'stage')} collected again"
    yield Check("evidence", Outcome.DIFFERS if bad else Outcome.MATCHES, words)
    if absent:
        yield Check("evidence", Outcome.MISSING, f"{listed(absent)} is not there; what was recorded follows")


def _effects(sight: Sight) -> Iterator[Check]:
    for name, recorded in sight.state.effects.items():
        try:
            table = sight.folder.effects(sight.compiled, sight.state, name)
        except UNDERIVABLE as fault:
            yield Check(name, Outcome.DIFFERS, f"it cannot be recomputed: {fault}")
            continue
        found = tuple((fit.stage, table.discovered(fit.stage)) for fit in table.fits)
        if (table.digest, found) != (recorded.effects, recorded.discovered):
            yield Check(name, Outcome.DIFFERS, "the recorded effects do not follow from the evidence")
        else:
            words = f"effects estimated again, sha256:{table.digest[:12]}"
            yield _stored_as(sight.folder, name, f"evidence/{name}.json", table, words)


def _stored_as(folder: StudyFolder, name: str, file: str, value: EffectTable | Decision, words: str) -> Check:
    """What was recorded follows; whether the file beside it says the same."""
    same = _same_file(folder, file, value)
    if same is None:
        return Check(name, Outcome.MISSING, f"{file} is not there; what was recorded follows")
    if not same:
        return Check(name, Outcome.DIFFERS, f"{file} was changed; what was recorded follows")
    return Check(name, Outcome.MATCHES, words)


def _decisions(sight: Sight) -> Iterator[Check]:
    for name, recorded in sight.state.decisions.items():
        said = {recorded.verdict.wording: recorded.verdict, **{one.wording: one for one in recorded.others}}
        said |= {one.wording: one for one in other_verdicts(sight.state, name)}
        before = [one for one in sight.state.versions(name) if one < recorded.verdict.wording]
        if [one.wording for one in recorded.others] != before:
            yield Check(name, Outcome.DIFFERS, "it tells of other wordings than those that it had then")
        for version in sight.state.versions(name):
            title = name if version == recorded.verdict.wording else f"{name}, {wording(version)}"
            yield _decision(sight, name, title, version, said.get(version))


def _decision(sight: Sight, name: str, title: str, version: int, recorded: Verdict | None) -> Check:
    try:
        decision = sight.folder.decision(sight.compiled, sight.state, name, version)
    except UNDERIVABLE as fault:
        return Check(title, Outcome.DIFFERS, f"it cannot be recomputed: {fault}")
    counts = sight.state.decisions[name].verdict is recorded
    file = f"decisions/{name}.json" if counts else other_wording_file(name, version)
    if sight.study.laws:
        from promo.driver.alike import as_stored

        decision = as_stored(decision, sight.folder.read(file))
    seal = sight.state.decisions[name].seal if counts else decision.seal
    if recorded is None or recorded != verdict_of(decision, version) or seal != decision.seal:
        return Check(title, Outcome.DIFFERS, "what was recorded does not follow from the evidence")
    words = f"decided again, sha256:{decision.digest[:12]}" if counts else "decided again; it decides nothing"
    return _stored_as(sight.folder, title, file, decision, words)


def _amendments(sight: Sight) -> Iterator[Check]:
    """Each amendment from its own text: what it changed, what was known then, and that nothing else moved."""
    before, plan = sight.study, sight.plan
    for event in sight.chain.events:
        said = event.event
        if not isinstance(said, Amendment):
            continue
        title = f"amendment {said.number}"
        try:
            content = sight.folder.read(AMENDMENTS, f"{said.number}.promo")
            if content is None:
                yield Check(title, Outcome.MISSING, f"{AMENDMENTS}/{said.number}.promo is not there")
                return
            after, new_plan = sight.folder.amended(said.number).amendable()
            only_its_own(said.name, plan, new_plan, before, after)
        except SpecError:
            yield Check(title, Outcome.DIFFERS, "its text has errors for this promo")
            return
        except PromoError as fault:
            yield Check(title, Outcome.DIFFERS, "; ".join([fault.message, *fault.details]))
            return
        then = state_of(sight.chain.events[: event.seq])
        old, new = (closure(one, one.deciding[said.name]) for one in (before, after))
        same = (
            digest_bytes(content) == said.text
            and [value_digest(one) for one in (old, new)] == [value_digest(one) for one in (said.old, said.new)]
            and said.seen == then.results_of(new.stages)
            and (said.verdict is not None) is (said.name in then.decisions)
        )
        known = f"{plural(len(said.seen), 'result')} {'was' if len(said.seen) == 1 else 'were'} known then"
        words = f"{said.name}: {'post hoc, ' if said.seen else ''}{known}"
        yield Check(title, Outcome.MATCHES if same else Outcome.DIFFERS, words)
        before, plan = after, new_plan


def _stored(sight: Sight) -> Iterator[Check]:
    """What cannot be derived again without the results that are missing, against the digests of it that there are."""
    state = sight.state
    derived = {f"evidence/{one.stage}.json": one.evidence for one in state.closed.values()}
    derived |= {f"evidence/{name}.json": one.effects for name, one in state.effects.items()}
    for name, one in state.decisions.items():
        derived[f"decisions/{name}.json"] = one.verdict.decision
        for other in (*one.others, *other_verdicts(state, name)):
            derived[other_wording_file(name, other.wording)] = other.decision
    for file, recorded in derived.items():
        content = sight.folder.read(file)
        if content is None:
            yield Check(file, Outcome.MISSING, "it is not there, and results are missing that it follows from")
        elif not content.endswith(b"\n") or digest_bytes(content[:-1]) != recorded:
            yield Check(file, Outcome.DIFFERS, "it is not what was recorded")
        else:
            yield Check(file, Outcome.MISSING, "as recorded; not recomputed, because results are missing")


def _hours(sight: Sight) -> Iterator[Check]:
    study, plan = sight.study, sight.plan
    folder, state = sight.folder, sight.state
    measured = (one for one in ended(state) if one.envelope is not None)
    trained = exact_sum(from_exact(folder.result(one).charged_s) * study.width(one.stage, one.host) for one in measured)
    counts = dict.fromkeys(AttemptState, 0)
    for one in state.every_attempt():
        counts[one.state] += 1
    names = {AttemptState.RUNNING: "unfinished", AttemptState.FLAGGED: "excluded"}
    did = "read from the record" if state.replay else "spent in training"
    counted = ", ".join(f"{count} {names.get(kind, kind.value)}" for kind, count in counts.items() if count)
    words = f"{device_words(trained, plan)} {did}"
    if not state.replay:
        taken = ((study.width(one.stage, one.host), one.device_s) for one in ended(state) if one.device_s is not None)
        spent = exact_sum(from_exact(text) * width for width, text in taken)
        taken_in_all = device_words(spent, plan, of_what=False)
        words += f", {taken_in_all} with start-up, scoring and lost attempts, as recorded by supervisors"
    words += f"; attempts: {counted or 'none'}"
    short = [one.folder for one in ended(state) if _is_short(folder, one)]
    if short:
        words = f"less time of slots was recorded than the attempts themselves took: {listed(short)}"
    yield Check("hours", Outcome.DIFFERS if short else Outcome.MATCHES, words)


def _is_short(folder: StudyFolder, attempt: Attempt) -> bool:
    """
    Whether the ledger says less of an attempt's time than its worker, or without a result its supervisor, wrote down.

    Where neither wrote a word, it is how long promo saw it run, which nobody else saw.
    """
    if attempt.device_s is None:
        return False
    least = folder.result(attempt).seconds.get("total") if attempt.envelope else None
    if not attempt.envelope and EXIT in attempt.witnesses:
        exit_ = read_exit(folder.disk, folder.path / attempt.folder)
        least = None if exit_ is None else exit_.seconds
    return least is not None and from_exact(attempt.device_s) + MILLISECOND < from_exact(least)


Looks = tuple[Callable[[Sight], Iterator[Check]], ...]
_READ: Looks = (
    *(_plan, check_history, check_begun, _bundles, _text),
    *(check_results, check_outside, check_witnesses, check_unaccounted),
    *(_curves, _budgets, _segments, _amendments),
)
_DERIVED: Looks = (_evidence, _effects, _decisions, _hours)
_STORED: Looks = (_stored,)
"""What is looked at once the frozen files are those that were frozen, in the order of the arrow."""
