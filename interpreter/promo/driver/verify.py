"""
Derive a study again from its bytes, and compare every step with what was recorded.

Each check says what it looked at and what it found.  What cannot be checked from inside is said too: a ledger that
someone rewrote as a whole is consistent, so age is vouched for only by something outside the folder.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from promo.base.canonical import Json, canonical, digest, digest_bytes, from_exact, rounded
from promo.base.diagnostics import SpecError
from promo.base.differences import differences
from promo.base.errors import Mismatch, PromoError
from promo.base.units import HOUR
from promo.decision.values import Decision, decision_digest, decision_to_json
from promo.driver.amend import beside_file, only_its_own, rule_of, verdict_of
from promo.driver.begun import check_begun, vouchers
from promo.driver.frozen import changed_files
from promo.driver.left import check_results, check_witnesses, ended, lacking, listed
from promo.driver.pipeline import Compiled
from promo.driver.requests import Requests
from promo.driver.study import AMENDMENTS, DATA, PLAN, STREAMS, ReadOnce, StudyFolder
from promo.driver.values import Audit, Check, Outcome
from promo.evidence.effects import effects_to_json
from promo.evidence.values import evidence_to_json
from promo.files import RealDisk
from promo.ledger.chain import decode
from promo.ledger.state import Attempt, AttemptState, State, StudyState, state_of
from promo.ledger.values import Event, EventKind
from promo.plan.store import plan_to_json
from promo.plan.values import PlannedRun
from promo.report.amendments import beside, wording
from promo.run.runners.recorded.answer import answer
from promo.run.store import EXIT, REQUEST, RESULT, read_exit, result_bytes
from promo.run.values import Result
from promo.study.lock import closure
from promo.study.values import Study

MILLISECOND = Fraction(1, 1000)
"""The ledger's times are rounded to it."""


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
        raise PromoError(f"there is no study in {folder.path}", hint="start one with: promo run SPEC")
    folder = ReadOnce(folder.path)
    checks: list[Check] = []
    try:
        chain = folder.chain()
        state = state_of(chain.events)
    except Mismatch as fault:
        return Audit((Check("ledger", Outcome.DIFFERS, fault.message),), finished=False)
    except (AssertionError, KeyError, StopIteration):
        return Audit((Check("ledger", Outcome.DIFFERS, "its events contradict each other"),), finished=False)
    torn = "; a torn last line is left out" if chain.torn else ""
    checks.append(Check("ledger", Outcome.MATCHES, f"{len(chain.events)} events, each follows the one before{torn}"))
    finished = state.study in (StudyState.CLOSED, StudyState.STOPPED)
    replay = "replay" in state.frozen
    checks.extend(_files(folder, state))
    if any(check.outcome is not Outcome.MATCHES for check in checks):
        return Audit(tuple(checks), finished, replay=replay)
    try:
        compiled = folder.compiled()
        compiled.sound()
    except SpecError as fault:
        checks.append(Check("spec", Outcome.DIFFERS, f"it has {len(fault.diagnostics)} errors for this promo"))
        return Audit(tuple(checks), finished, replay=replay)
    except PromoError as fault:
        checks.append(Check("spec", Outcome.DIFFERS, fault.message))
        return Audit(tuple(checks), finished, replay=replay)
    for check in _READ + (_STORED if lacking(folder, state) else _DERIVED):
        checks.extend(check(folder, compiled, state))
    said, anchored = vouchers(folder, chain.events, receipts, keys, authorities)
    return Audit((*checks, *said), finished, anchored, replay)


def _files(folder: StudyFolder, state: State) -> Iterator[Check]:
    files = state.frozen.get("files")
    if not isinstance(files, Mapping):
        yield Check("files", Outcome.MISSING, "the ledger records no frozen files")
        return
    changed = {one.name: one for one in changed_files(folder, state)}
    for name, recorded in files.items():
        if name not in changed:
            yield Check(name, Outcome.MATCHES, f"sha256:{str(recorded)[:12]}, as frozen")
        elif changed[name].missing:
            yield Check(name, Outcome.MISSING, "the file is not there")
        else:
            words = "; ".join(("it was changed after the study was frozen", *changed[name].parts))
            yield Check(name, Outcome.DIFFERS, words)


def _plan(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    _, plan = compiled.sound()
    stored = RealDisk().read(folder.path / PLAN)
    same = plan.digest == state.frozen.get("plan") and stored == canonical(plan_to_json(plan)) + b"\n"
    words = f"compiled again: {plan.run_count.planned} runs, sha256:{plan.digest[:12]}"
    yield Check("plan", Outcome.MATCHES if same else Outcome.DIFFERS, words)
    seals = state.frozen.get("seals")
    same = seals == dict(plan.seals)
    yield Check("seals", Outcome.MATCHES if same else Outcome.DIFFERS, f"{len(plan.seals)} frozen rules hashed again")


def _order(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    """The ledger's own logic: frozen first, nothing outside the plan, nothing counted twice."""
    _, plan = compiled.sound()
    known: dict[str, set[tuple[str, str, str, int]]] = {}
    for run in (run for stage in plan.stages for run in stage.runs):
        known.setdefault(run.id, set()).add(_cell(run))  # stages with one budget and shared seeds have runs in common
    faults = []
    events = folder.chain().events
    if not events or events[0].kind is not EventKind.STUDY_FROZEN:
        faults.append("the study was not frozen first")
    for name, tried in state.attempts.items():
        if name not in known:
            faults.append(f"run {name} is not in the plan")
        elif any((one.stage, one.candidate, one.host, one.seed) not in known[name] for one in tried):
            faults.append(f"run {name} was recorded under another cell")
        if sum(one.state is AttemptState.ACCEPTED for one in tried) > 1:
            faults.append(f"run {name} was counted twice")
        numbers = [one.number for one in tried]
        if numbers != sorted(set(numbers)):
            faults.append(f"the attempts of run {name} are not numbered in order")
    faults += [f"{name} is not in the ledger" for name in folder.unknown_runs(state)]
    words = "; ".join(faults) or f"{len(state.attempts)} runs, all of the plan, none counted twice"
    yield Check("order of events", Outcome.DIFFERS if faults else Outcome.MATCHES, words)


def _bundles(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    """What bundles brought is what the ledgers that they carried say."""
    del compiled
    for bundle in state.bundles:
        name = f"bundle sha256:{str(bundle['bundle'])[:12]}"
        content = RealDisk().read(folder.path / str(bundle["ledger"]))
        if content is None:
            yield Check(name, Outcome.MISSING, f"{bundle['ledger']} is not there")
            continue
        try:
            chain = decode(content)
        except Mismatch as fault:
            yield Check(name, Outcome.DIFFERS, f"{bundle['ledger']}: {fault.message}")
            continue
        there = state_of(chain.events)
        taken = bundle["taken"]
        assert isinstance(taken, list)
        same = digest_bytes(content) == bundle["ledger_digest"] and chain.head == bundle["head"]
        for one in taken:
            assert isinstance(one, Mapping)
            mine, theirs = (_attempt(where, str(one["run"]), one["attempt"]) for where in (state, there))
            same = same and mine is not None and theirs is not None and mine.envelope == theirs.envelope
        words = f"{len(taken)} attempts as the ledger there says" if same else "it is not what that ledger says"
        yield Check(name, Outcome.MATCHES if same else Outcome.DIFFERS, words)


def _attempt(state: State, run: str, number: Json) -> Attempt | None:
    return next((one for one in state.attempts.get(run, ()) if one.number == number), None)


def _text(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    """The prepared text, where the folder still keeps it; it can be read again from its source."""
    del compiled
    if state.data is None:
        return
    for name, key in ((name, key) for name, key in STREAMS.items() if key in state.data):
        content = RealDisk().read(folder.path / DATA / name)
        if content is None:
            yield Check(f"{DATA}/{name}", Outcome.MATCHES, "not kept here; it can be read again from its source")
        else:
            same = digest_bytes(content) == state.data.get(key)
            words = "as it was trained on" if same else "it is not the text that was trained on"
            yield Check(f"{DATA}/{name}", Outcome.MATCHES if same else Outcome.DIFFERS, words)


def _cell(run: PlannedRun) -> tuple[str, str, str, int]:
    return run.stage, run.candidate, run.host, run.seed


def _states(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    """Runs that carry others on, or grow from them, began from the state that was accepted with those."""
    study, _ = compiled.sound()
    requests = Requests(compiled, folder, None) if study.grows else None
    accepted = [one for one in ended(state) if one.state is AttemptState.ACCEPTED]
    kept = {one.folder: _kept(folder.result(one)) for one in accepted}
    bad, good, grown = [], 0, 0
    for attempt in accepted:
        if not (folder.path / attempt.folder / REQUEST).is_file():
            continue  # said among the results
        try:
            asked = folder.request(attempt)
            continued = asked.get("continues")
        except Mismatch:
            bad.append(f"{attempt.folder}/request.json")
            continue
        if isinstance(continued, Mapping):
            same = continued.get("state") in kept.get(str(continued.get("folder")), ())
            good += same
            bad += [] if same else [attempt.folder]
        grow = None if requests is None else _grown(requests, attempt, state)
        if asked.get("grow") != grow:
            bad.append(attempt.folder)
        grown += grow is not None
    words = listed(bad) or "requests as recorded" + (f"; {good} runs carry on an accepted state" if good else "")
    words += f"; {grown} runs grow from the accepted state that they should" if grown and not bad else ""
    yield Check("requests", Outcome.DIFFERS if bad else Outcome.MATCHES, words)


def _grown(requests: Requests, attempt: Attempt, state: State) -> Json:
    """What an attempt had to grow from, derived again from plan, results and choices."""
    run = PlannedRun(attempt.run, attempt.stage, attempt.candidate, attempt.host, attempt.seed)
    return requests.grown(run, requests.study.stages[attempt.stage], state).get("grow")


def _kept(result: Result) -> tuple[Json, ...]:
    """Digests of the states that a run left: at its end, at the end of its trunk."""
    return tuple(one for name in ("checkpoint", "trunk") if (one := result.details.get(name)) is not None)


def _curves(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    """A replay: every result once more from the table, byte by byte."""
    if "replay" not in state.frozen:
        return
    study, _ = compiled.sound()
    try:
        replay = folder.replay(study, state)
    except PromoError as fault:
        yield Check("curves", Outcome.DIFFERS, "; ".join([fault.message, *fault.details]))
        return
    bad, good = [], 0
    for attempt in ended(state):
        place = folder.path / attempt.folder
        request, stored = RealDisk().read(place / REQUEST), RealDisk().read(place / RESULT)
        if request is None or stored is None:
            continue  # said among the results and requests
        good += (same := result_bytes(answer(replay, request)[0]) == stored)
        bad += [] if same else [attempt.folder]
    as_frozen = state.frozen["replay"] == replay.summary()
    words = f"{good} results follow from {replay.name}, sha256:{replay.digest[:12]}, read again row by row"
    if bad or not as_frozen:
        words = f"{listed(bad) or 'the reading'} does not follow from {replay.name}"
    yield Check("curves", Outcome.DIFFERS if bad or not as_frozen else Outcome.MATCHES, words)


def _budgets(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    """No accepted run was given more than its budget and one step."""
    study, _ = compiled.sound()
    over = []
    for attempt in ended(state):
        if attempt.state is not AttemptState.ACCEPTED:
            continue
        budget = folder.result(attempt).details.get("budget")
        if isinstance(budget, Mapping) and "used" in budget:
            used, last = from_exact(str(budget["used"])), from_exact(str(budget.get("last_step", "0")))
            if used > study.stages[attempt.stage].budget.amount + last:
                over.append(attempt.folder)
    words = listed(over) or "every accepted run stayed within its budget and one step"
    yield Check("budgets", Outcome.DIFFERS if over else Outcome.MATCHES, words)


def _evidence(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    bad, absent, good = [], [], 0
    for event in _closings(folder):
        stage = str(event.data["stage"])
        try:
            evidence = folder.evidence(compiled, state, stage)
        except Mismatch:
            bad.append(stage)
            continue
        stored = RealDisk().read(folder.path / f"evidence/{stage}.json")
        if evidence.digest != event.data["evidence"]:
            bad.append(stage)
        elif stored is None:
            absent.append(f"evidence/{stage}.json")
        elif stored != canonical(evidence_to_json(evidence)) + b"\n":
            bad.append(stage)
        else:
            good += 1
    yield Check(
        "evidence", Outcome.DIFFERS if bad else Outcome.MATCHES, listed(bad) or f"{good} stages collected again"
    )
    if absent:
        yield Check("evidence", Outcome.MISSING, f"{listed(absent)} is not there; what was recorded follows")


def _stored(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    """What cannot be derived again without the results that are missing, against the digests of it that there are."""
    del compiled
    derived = {f"evidence/{one.data['stage']}.json": one.data["evidence"] for one in _closings(folder)}
    derived |= {f"evidence/{name}.json": one["effects"] for name, one in state.effects.items()}
    for name, one in state.decisions.items():
        derived[f"decisions/{name}.json"] = one["decision"]
        derived |= {beside_file(name, int(str(other["amendment"]))): other["decision"] for other in beside(state, name)}
    for name, recorded in derived.items():
        content = RealDisk().read(folder.path / name)
        if content is None:
            yield Check(name, Outcome.MISSING, "it is not there, and results are missing that it follows from")
        elif not content.endswith(b"\n") or digest_bytes(content[:-1]) != recorded:
            yield Check(name, Outcome.DIFFERS, "it is not what was recorded")
        else:
            yield Check(name, Outcome.MISSING, "as recorded; not derived again, because results are missing")


def _closings(folder: StudyFolder) -> list[Event]:
    return [event for event in folder.chain().events if event.kind is EventKind.STAGE_CLOSED]


def _amendments(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    """Each amendment from its own text: what it changed, what was known then, and that nothing else moved."""
    study, plan = compiled.sound()
    events = folder.chain().events
    before: Study = study
    for event in events:
        if event.kind is not EventKind.RULE_AMENDED:
            continue
        data, number = event.data, int(str(event.data["number"]))
        title = f"amendment {number}"
        try:
            content = RealDisk().read(folder.path / AMENDMENTS / f"{number}.promo")
            if content is None:
                yield Check(title, Outcome.MISSING, f"{AMENDMENTS}/{number}.promo is not there")
                return
            after, new_plan = folder.amended(number).amendable()
            only_its_own(str(data["name"]), plan, new_plan, before, after)
        except SpecError:
            yield Check(title, Outcome.DIFFERS, "its text has errors for this promo")
            return
        except PromoError as fault:
            yield Check(title, Outcome.DIFFERS, "; ".join([fault.message, *fault.details]))
            return
        then = state_of(events[: event.seq])
        old, new = (closure(one, rule_of(one, str(data["name"]))) for one in (before, after))
        stages = new["stage"]
        seen = list(then.results_of(stages if isinstance(stages, Mapping) else ()))
        same = (
            digest_bytes(content) == data["text"]
            and (digest(old), digest(new)) == (data["old"], data["new"])
            and (old, new) == (data["old_closure"], data["new_closure"])
            and list(differences(old, new)) == data["differences"]
            and (seen, bool(seen)) == (data["seen"], data["post_hoc"])
            and (data["name"] in then.decisions) is data["decided_before"]
            and data["head"] == event.previous
        )
        words = f"{data['name']}: {'post hoc, ' if seen else ''}{len(seen)} results were known then"
        yield Check(title, Outcome.MATCHES if same else Outcome.DIFFERS, words)
        before, plan = after, new_plan


def _effects(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    study, _ = compiled.sound()
    for name in study.effects:
        recorded = state.effects.get(name)
        if recorded is None:
            if state.study is StudyState.CLOSED:
                yield Check(name, Outcome.MISSING, "the study has ended without these effects")
            continue
        try:
            table = folder.effects(compiled, state, name)
        except Mismatch as fault:
            yield Check(name, Outcome.DIFFERS, fault.message)
            continue
        stored = RealDisk().read(folder.path / f"evidence/{name}.json")
        if table.digest != recorded["effects"]:
            yield Check(name, Outcome.DIFFERS, "the recorded effects do not follow from the evidence")
        elif stored is None:
            yield Check(name, Outcome.MISSING, f"evidence/{name}.json is not there; what was recorded follows")
        elif stored != canonical(effects_to_json(table)) + b"\n":
            yield Check(name, Outcome.DIFFERS, f"evidence/{name}.json was changed; what was recorded follows")
        else:
            yield Check(name, Outcome.MATCHES, f"effects estimated again, sha256:{table.digest[:12]}")


def _decisions(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    for name, recorded in state.decisions.items():
        try:
            decision = folder.decision(compiled, state, name)
        except Mismatch as fault:
            yield Check(name, Outcome.DIFFERS, fault.message)
            continue
        stored = RealDisk().read(folder.path / f"decisions/{name}.json")
        yield _decision(name, decision, stored, recorded["decision"])
        yield from _beside(folder, compiled, state, name)
    yield from _followed(folder, compiled, state)


def _beside(folder: StudyFolder, compiled: Compiled, state: State, name: str) -> Iterator[Check]:
    """The verdicts of every other wording of an amended gate or rule."""
    recorded = {one["amendment"]: one for one in beside(state, name)}
    for version in state.versions(name):
        if version == state.in_force(name):
            continue
        decision = folder.decision(compiled, state, name, version)
        said = recorded.get(version)
        title = f"{name}, {wording(version)}"
        if said is None or said != verdict_of(decision, version):
            yield Check(title, Outcome.DIFFERS, "what was recorded does not follow from the evidence")
            continue
        stored = RealDisk().read(folder.path / beside_file(name, version))
        if stored is not None and stored != canonical(decision_to_json(decision)) + b"\n":
            yield Check(title, Outcome.DIFFERS, f"{beside_file(name, version)} was changed; what was recorded follows")
        elif stored is None:
            yield Check(title, Outcome.MISSING, f"{beside_file(name, version)} is not there; what was recorded follows")
        else:
            yield Check(title, Outcome.MATCHES, "decided again; it decides nothing")


def _decision(name: str, decision: Decision, stored: bytes | None, recorded: Json) -> Check:
    if decision_digest(decision) != recorded:
        return Check(name, Outcome.DIFFERS, "what was recorded does not follow from the evidence")
    if stored is None:
        return Check(name, Outcome.MISSING, f"decisions/{name}.json is not there; what was recorded follows")
    if stored != canonical(decision_to_json(decision)) + b"\n":
        return Check(name, Outcome.DIFFERS, f"decisions/{name}.json was changed; what was recorded follows")
    return Check(name, Outcome.MATCHES, f"decided again, sha256:{decision_digest(decision)[:12]}")


def _followed(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    """Whoever entered a stage is who its gate promoted."""
    del folder
    study, _ = compiled.sound()
    bad = []
    for name, entrants in state.opened.items():
        promoted = state.promoted(study.stages[name].after or "")
        if tuple(sorted(entrants)) != study.entering(name, promoted):
            bad.append(name)
    words = listed(bad) or "every stage was entered by those its gate promoted"
    yield Check("promotion", Outcome.DIFFERS if bad else Outcome.MATCHES, words)


def _hours(folder: StudyFolder, compiled: Compiled, state: State) -> Iterator[Check]:
    _, plan = compiled.sound()
    trained = sum((from_exact(folder.result(one).charged_s) for one in ended(state)), Fraction(0))
    counts = dict.fromkeys(AttemptState, 0)
    for tried in state.attempts.values():
        for one in tried:
            counts[one.state] += 1
    names = {AttemptState.RUNNING: "unfinished"}
    did = "read from the record" if "replay" in state.frozen else "spent in training"
    counted = ", ".join(f"{count} {names.get(kind, kind.value)}" for kind, count in counts.items() if count)
    words = f"{rounded(trained / HOUR, 4)} {plan.device_unit} {did}"
    if "replay" not in state.frozen:
        taken = (one.device_s for one in ended(state) if one.device_s is not None)
        spent = sum((from_exact(text) for text in taken), Fraction(0))
        words += f", {rounded(spent / HOUR, 4)} with start-up, scoring and lost attempts, as promo clocked it"
    words += f"; attempts: {counted or 'none'}"
    short = [one.folder for one in ended(state) if _is_short(folder, one)]
    if short:
        words = f"less time of slots was recorded than the attempts themselves took: {listed(short)}"
    yield Check("hours", Outcome.DIFFERS if short else Outcome.MATCHES, words)


def _is_short(folder: StudyFolder, attempt: Attempt) -> bool:
    """
    Whether the ledger says less of an attempt's time than its worker, or without a result its supervisor, wrote down.

    Promo's own clock encloses theirs, and nobody else has what it showed: more than that cannot be derived again.
    """
    if attempt.device_s is None:
        return False
    least = folder.result(attempt).seconds.get("total") if attempt.envelope else None
    if not attempt.envelope and EXIT in attempt.left:
        exit_ = read_exit(RealDisk(), folder.path / attempt.folder)
        least = None if exit_ is None else exit_.seconds
    return least is not None and from_exact(attempt.device_s) + MILLISECOND < from_exact(least)


_READ = (
    _plan,
    _order,
    check_begun,
    _bundles,
    _text,
    check_results,
    check_witnesses,
    _curves,
    _states,
    _budgets,
    _amendments,
)
_DERIVED = (_evidence, _effects, _decisions, _hours)
_STORED = (_stored, _followed)
"""What is looked at once the frozen files are those that were frozen, in the order of the arrow."""
