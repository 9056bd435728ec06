"""
Seals: a frozen gate or rule, and everything its verdict rests on, as one digest.

The closure of a seal holds the rule's own clauses, the measure, the data, the runner, the stage it reads (budget and
cells), the machines of its hosts, and the definition of every candidate that can come before it.  Layout, comments,
order of declarations, titles, prices and slots are left out: they cannot move a verdict.  A lock file keeps the
closures, so that a broken seal can say in words what was changed.
"""

from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from promo.base.canonical import Json, digest
from promo.base.diagnostics import Diagnostic, Edit, Severity
from promo.base.edits import apply
from promo.base.errors import PromoError
from promo.base.shown import Shown
from promo.base.source import Span
from promo.study.describe import (
    describe_candidate,
    describe_data,
    describe_effects,
    describe_gate,
    describe_grow,
    describe_machine,
    describe_measure,
    describe_neighbours,
    describe_reduction,
    describe_rule,
    describe_runner,
    describe_stage,
    describe_start,
)
from promo.study.judgement import (
    Agreement,
    BestOf,
    Condition,
    Deciding,
    First,
    Gate,
    Reduction,
    Rule,
    TieBreak,
    primitives,
)
from promo.study.values import Grow, Study
from promo.syntax.nodes import Tree

TAG = "promo-seal-1"
"""Version of the closure's own form; part of every seal."""
SHOWN = 12
LOCK_VERSION = 1


@frozen(eq=False, repr=False, slots=False)
class Seal(Shown):
    """One sealed gate or rule: its digest, what went into it, and when."""

    name: str
    digest: str
    closure: Mapping[str, Json]
    sealed_at: str
    """UTC time in ISO 8601."""
    commit: str | None
    """Version-control commit of the spec at that time, if any."""
    results_then: int
    """Results of the stage it reads that existed at that time."""
    replaces: str | None = None
    """Digest of the seal this one took the place of."""
    amendment: Mapping[str, Json] | None = None
    """The amendment that made it: its number, time, author, reason, and whether results were known."""


@frozen(eq=False, repr=False, slots=False)
class Lock(Shown):
    """All seals of one spec."""

    study: str
    seals: Mapping[str, Seal]


def closure(study: Study, rule: Deciding) -> dict[str, Json]:
    """What the verdict of a gate, rule or reduction rests on, in canonical words."""
    if isinstance(rule, Reduction):
        return _closure_of_reduction(study, rule)
    if isinstance(rule, Gate):
        stage, said, kind = study.stages[rule.source], describe_gate(rule, study.measure), "gate"
        candidates = study.entrants[stage.name].possible
        asked = [rule.keep, *(demand.condition for demand in rule.demands)]
    else:
        stage, said, kind = study.stages[rule.stage], describe_rule(rule, study.measure), "rule"
        asked = [rule.require]
        # First place and agreement are about everyone who is there, the rest about the two that are named.
        about_all = any(isinstance(part, First | Agreement) for part in primitives(rule.require))
        pair = tuple(name for name in (rule.judged, rule.reference) if isinstance(name, str))
        about_all = about_all or not isinstance(rule.judged, str)
        candidates = study.entrants[stage.name].possible if about_all else pair
    read = {stage.name, *(name for condition in asked for name in _other_stages(condition))}
    if isinstance(rule, Rule) and isinstance(rule.judged, BestOf):
        read.add(rule.judged.stage)
        candidates = tuple(dict.fromkeys((*candidates, *study.entrants[rule.judged.stage].possible)))
    return {
        "seal": TAG,
        kind: {rule.name: said},
        **_rests_on(study, read, candidates),
        **_order(study, rule, candidates),
    }


def _closure_of_reduction(study: Study, rule: Reduction) -> dict[str, Json]:
    """Its clauses, the effects it reads and all that these rest on, and the rows that may go on."""
    effects = study.effects[rule.effects]
    points = {name for design in effects.designs for name in study.designs[design].points}
    seen = {name for stage in rule.sources for name in study.entrants[stage].possible if name in points}
    return {
        "seal": TAG,
        "reduce": {rule.name: describe_reduction(rule, study.measure)},
        "effects": {effects.name: describe_effects(effects)},
        **_middle_of(study, rule),
        **_rests_on(study, set(rule.needs), seen | set(rule.rows)),
    }


def _middle_of(study: Study, rule: Reduction) -> dict[str, Json]:
    """For the neighbourhood of a gate: how it is laid out, and that gate."""
    if rule.into not in study.neighbourhoods:
        return {}
    near = {"neighbours": {rule.into: describe_neighbours(study.neighbourhoods[rule.into])}}
    gate = study.gates.get(rule.around or "")
    return {**near, **({"gate": {gate.name: describe_gate(gate, study.measure)}} if gate else {})}


def _rests_on(study: Study, stages: set[str], candidates: Iterable[str]) -> dict[str, Json]:
    """Everything behind the evidence of some stages."""
    grows = _grows(study, stages, set(candidates))
    trained = stages | {name for grow in grows for name in (grow.name, grow.stage)}
    read = trained | {before.name for name in trained for before in study.carried_on(name)}
    named = {*candidates, *(name for grow in grows for name in (grow.parent, *grow.ways))}
    hosts = {host for name in read for host in study.stages[name].hosts}
    return {
        "measure": describe_measure(study.measure),
        "runner": describe_runner(study.runner),
        "data": describe_data(study.data),
        "stage": {name: describe_stage(study.stages[name]) for name in sorted(read)},
        "host": {host: describe_machine(study.hosts[host]) for host in sorted(hosts)},
        "candidate": {name: _trained(study, name) for name in sorted(named)},
        **({"grow": {grow.name: describe_grow(grow) for grow in grows}} if grows else {}),
        **describe_start(study),
    }


def _grows(study: Study, stages: set[str], candidates: set[str]) -> tuple[Grow, ...]:
    """Growths that what is read comes from, also through others."""
    said = [grow for grow in study.grows.values() if grow.becomes in candidates or grow.name in stages]
    before = {grow.stage for grow in said} | stages
    parents = {grow.parent for grow in said} | candidates
    if before == stages and parents == candidates:
        return tuple(said)
    return _grows(study, before, parents)


def _trained(study: Study, name: str) -> dict[str, Json]:
    """What a candidate trains; its role moves no verdict."""
    return {key: value for key, value in describe_candidate(study.candidates[name]).items() if key != "role"}


def _order(study: Study, rule: Gate | Rule, candidates: Iterable[str]) -> dict[str, Json]:
    """The order of declarations, for a gate whose ties it breaks."""
    if isinstance(rule, Gate) and TieBreak.ORDER in rule.ties:
        return {"order": [name for name in study.candidates if name in set(candidates)]}
    return {}


def _other_stages(condition: Condition) -> Iterator[str]:
    """Stages whose evidence a condition reads besides its own."""
    for part in primitives(condition):
        if isinstance(part, Agreement) and not part.of_hosts:
            yield from part.between


def frozen_rules(study: Study) -> Iterator[Deciding]:
    """Frozen gates, rules and reductions, in declaration order."""
    return (rule for rule in study.deciding.values() if rule.frozen)


AFTERWARDS = "a rule that is chosen after its results is no frozen rule; promo amend records a change, and why"
"""What there is to do where results exist already."""


def check_seals(study: Study, lock: Lock | None, seals: Mapping[str, str]) -> Iterator[Diagnostic]:
    """
    A seal in the text that does not fit what the text now means; with the lock, what changed in words.

    Args:
        study: what the text means.
        lock: what was sealed before, if anything.
        seals: frozen rule -> digest of its closure now.
    """
    for rule in frozen_rules(study):
        if rule.seal is None or seals[rule.name].startswith(rule.seal):
            continue
        before = lock.seals.get(rule.name) if lock else None
        known = before is not None and before.digest.startswith(rule.seal)
        notes = _changed(before, closure(study, rule)) if before and known else ()
        yield Diagnostic(
            "P0401",
            f"'{rule.name}' was changed after it was sealed",
            rule.where["sealed"],
            "undo the change; 'promo freeze --again' seals it anew before any result exists, 'promo amend' after that",
            notes=notes or ("no lock file holds what was sealed, so the change cannot be named",),
        )


def unsealed(study: Study) -> Iterator[Diagnostic]:
    """Frozen gates and rules that carry no seal yet."""
    for rule in frozen_rules(study):
        if rule.seal is None:
            yield Diagnostic(
                "P0414",
                f"'{rule.name}' is frozen but not sealed yet",
                rule.where["name"],
                "run: promo freeze",
                severity=Severity.WARNING,
            )


@frozen(eq=False, repr=False, slots=False)
class Frozen(Shown):
    """What freezing a spec gives: the new text, the new lock, and the names that were sealed now."""

    text: str
    lock: Lock
    sealed: tuple[str, ...]


def freeze(
    study: Study,
    tree: Tree,
    lock: Lock | None,
    *,
    now: str,
    commit: str | None,
    results: Mapping[str, int],
    again: bool,
) -> Frozen:
    """
    Write the seal of every frozen gate and rule into the text.

    Args:
        study: what the text means.
        tree: the text.
        lock: seals made before, for the spec or by a study that was started with it.
        now: UTC time in ISO 8601.
        commit: version-control commit of the spec.
        results: stage -> results that exist already.
        again: seal changed rules anew.

    Returns:
        The text with seals, and the lock; seals that still fit keep their time.

    Raises:
        PromoError: nothing is frozen, a seal is broken and *again* is off, or results exist already.
    """
    rules = list(frozen_rules(study))
    if not rules:
        raise PromoError("nothing in this spec is frozen", hint="write 'frozen' before a gate or rule")
    seals = dict(lock.seals) if lock else {}
    edits: list[Edit] = []
    made: list[str] = []
    for rule in rules:
        content = closure(study, rule)
        value = digest(content)
        old = seals.get(rule.name)
        fits = rule.seal is not None and value.startswith(rule.seal)
        if old is None or old.digest != value:
            finished = sum(results.get(stage, 0) for stage in rule.sources)
            _may_seal(
                rule, broken=not fits and rule.seal is not None, again=again, finished=finished, old=old, now=content
            )
            made.append(rule.name)
            seals[rule.name] = Seal(rule.name, value, content, now, commit, finished, old.digest if old else None)
        if not fits:
            edits.append(_edit(rule, value))
    names = {rule.name for rule in rules}
    kept = {name: seal for name, seal in sorted(seals.items()) if name in names}
    return Frozen(apply(tree.source.text, edits), Lock(study.name, kept), tuple(made))


def _changed(before: Seal, now: Mapping[str, Json]) -> tuple[str, ...]:
    """What changed since a seal was made, in words; nearly always nothing did, so it is imported here."""
    from promo.base.differences import differences

    return tuple(differences(before.closure, now))


def _may_seal(
    rule: Deciding, *, broken: bool, again: bool, finished: int, old: Seal | None, now: Mapping[str, Json]
) -> None:
    changed = _changed(old, now) if old else ()
    if finished:
        message = f"'{rule.name}' cannot be sealed: {finished} results of its stage exist already"
        raise PromoError(message, hint=AFTERWARDS, details=changed)
    if broken and not again:
        message = f"'{rule.name}' was changed after it was sealed"
        raise PromoError(message, hint="undo the change, or seal it anew with --again", details=changed)


def reseal(study: Study, text: str, lock: Lock | None, seal: Seal) -> tuple[str, Lock]:
    """A text and its lock with the seal of an amended gate or rule; unfrozen ones carry none in the text."""
    rule = study.deciding[seal.name]
    seals = {**(lock.seals if lock else {}), seal.name: seal}
    fits = rule.seal is not None and seal.digest.startswith(rule.seal)
    edits = [_edit(rule, seal.digest)] if rule.frozen and not fits else []
    return apply(text, edits), Lock(study.name, dict(sorted(seals.items())))


def _edit(rule: Deciding, value: str) -> Edit:
    shown = f"sealed sha256:{value[:SHOWN]}"
    if "sealed" in rule.where:
        return Edit(rule.where["sealed"], shown)
    name = rule.where["name"]
    return Edit(Span(name.source, name.end, name.end), f" {shown}")


def lock_to_json(lock: Lock) -> dict[str, Json]:
    """A lock as stored."""
    return {
        "promo_lock": LOCK_VERSION,
        "study": lock.study,
        "seals": {
            name: {
                "digest": seal.digest,
                "sealed_at": seal.sealed_at,
                "commit": seal.commit,
                "results_then": seal.results_then,
                "replaces": seal.replaces,
                "closure": seal.closure,
                **({"amendment": seal.amendment} if seal.amendment else {}),
            }
            for name, seal in lock.seals.items()
        },
    }


def lock_from_json(stored: Json) -> Lock:
    """
    Read a stored lock.

    Raises:
        ValueError: it is not a lock, of another version, or a closure does not have the digest beside it.
    """
    if not isinstance(stored, Mapping) or stored.get("promo_lock") != LOCK_VERSION:
        raise ValueError(f"this is no lock of version {LOCK_VERSION}")
    try:
        seals = {str(name): Seal(name=name, **entry) for name, entry in stored["seals"].items()}  # type: ignore
        study = str(stored["study"])
    except (AttributeError, KeyError, TypeError) as fault:
        raise ValueError("the lock is damaged") from fault
    for seal in seals.values():
        if digest(seal.closure) != seal.digest:
            raise ValueError(f"the seal of '{seal.name}' does not fit its own closure")
    return Lock(study, seals)
