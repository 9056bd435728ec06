"""
Seals: a frozen gate or rule, and everything its verdict rests on, as one digest.

A seal is the digest of its rule's closure, a value; words are nowhere in it.  A lock file keeps the closures, so that a
broken seal can say what was changed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import ClassVar

from promo.base.canonical import digest
from promo.base.classes import frozen
from promo.base.codec import from_json, to_json
from promo.base.diagnostics import Diagnostic, Edit, Severity
from promo.base.edits import apply
from promo.base.errors import PromoError
from promo.base.fields import Count, Digest, Undecodable, Vouched
from promo.base.source import Span
from promo.study.closure import Closure, closure
from promo.study.judgement import Deciding
from promo.study.values import Study
from promo.syntax.nodes import Tree

SHOWN = 12
Changes = Callable[[Closure, Closure], Iterable[str]]
"""What changed between two closures, in words; those are made elsewhere."""


@frozen
class Amending:
    """The amendment that made a seal: its number, author, reason, and whether results were known."""

    number: Count
    by: str
    reason: str
    post_hoc: bool
    head: Digest
    time: str


@frozen
class Seal:
    """One sealed gate or rule: its digest, what went into it, and when."""

    name: str
    digest: Digest
    closure: Vouched
    """As it is stored."""
    sealed_at: str
    """UTC time in ISO 8601."""
    commit: str | None
    """Version-control commit of the spec at that time, if any."""
    results_then: Count
    """Results of the stage it reads that existed at that time."""
    replaces: Digest | None = None
    """Digest of the seal this one took the place of."""
    amendment: Amending | None = None

    @cached_property
    def content(self) -> Closure:
        """
        What the rule's verdict rests on, decoded when it is first asked for: a seal that fits the text is its digest.

        Raises:
            PromoError: it has the digest beside it and is no closure, as nothing that promo wrote.
        """
        try:
            return from_json(Closure, self.closure)
        except Undecodable as fault:
            said = f"the lock is damaged: what '{self.name}' was sealed with cannot be read: {fault}"
            raise PromoError(said, hint="restore the lock, or remove it and freeze again") from fault


def seal_of(
    name: str, content: Closure, at: str, commit: str | None, results: int,
    replaces: str | None = None, amendment: Amending | None = None,
) -> Seal:  # fmt: skip
    """A seal of what its verdict rests on; the others are as in `Seal`."""
    stored = to_json(content)
    return Seal(name, digest(stored), stored, at, commit, results, replaces, amendment)


@frozen
class Lock:
    """All seals of one spec."""

    FORM: ClassVar = ("promo_lock", 2)

    study: str
    seals: Mapping[str, Seal]


def frozen_rules(study: Study) -> Iterator[Deciding]:
    """Frozen gates, rules and reductions, in declaration order."""
    return (rule for rule in study.deciding.values() if rule.frozen)


AFTERWARDS = "a rule that is chosen after its results is not a frozen rule; promo amend records a change, and why"
"""What there is to do where results exist already."""


def check_seals(study: Study, lock: Lock | None, seals: Mapping[str, str], changes: Changes) -> Iterator[Diagnostic]:
    """
    A seal in the text that does not fit what the text now means; with the lock, what changed in words.

    Args:
        study: what the text means.
        lock: what was sealed before, if anything.
        seals: frozen rule -> digest of its closure now.
        changes: tells the difference of two closures.

    Raises:
        PromoError: the lock holds what is no closure; what has the digest of what the text means is that, undecoded.
    """
    kept = lock.seals if lock else {}
    others = {name: seal.content for name, seal in kept.items() if seal.digest != seals.get(name)}
    for rule in frozen_rules(study):
        if rule.seal is None or seals[rule.name].startswith(rule.seal):
            continue
        known = rule.name in others and kept[rule.name].digest.startswith(rule.seal)
        notes = tuple(changes(others[rule.name], closure(study, rule))) if known else ()
        yield Diagnostic(
            "P0401",
            f"'{rule.name}' was changed after it was sealed",
            rule.where["sealed"],
            "undo the change; 'promo freeze --again' seals it anew before any result exists, 'promo amend' after that",
            notes=notes or ("no lock file holds what was sealed, so the change cannot be named",),
        )


def unsealed(study: Study) -> Iterator[Diagnostic]:
    """Frozen gates and rules that carry no seal yet: one warning, at the first of them."""
    rules = [rule for rule in frozen_rules(study) if rule.seal is None]
    if rules:
        *others, last = (f"'{rule.name}'" for rule in rules)
        who, they = (f"{', '.join(others)} and {last} are", "them") if others else (f"{last} is", "it")
        yield Diagnostic(
            "P0414",
            f"{who} frozen but not sealed yet",
            rules[0].where["name"],
            f"leave {they}: promo run seals {they} before the first run; or seal {they} now: promo freeze",
            severity=Severity.WARNING,
        )


@frozen
class Frozen:
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
    changes: Changes,
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
        changes: tells the difference of two closures.

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
        old = seals.get(rule.name)
        fresh = seal_of(rule.name, content, now, commit, 0, old.digest if old else None)
        value = fresh.digest
        fits = rule.seal is not None and value.startswith(rule.seal)
        if old is None or old.digest != value:
            finished = sum(results.get(stage, 0) for stage in rule.sources)
            changed = tuple(changes(old.content, content)) if old else ()
            broken = not fits and rule.seal is not None
            _may_seal(rule, broken=broken, again=again, finished=finished, changed=changed)
            made.append(rule.name)
            seals[rule.name] = fresh
        if not fits:
            edits.append(_edit(rule, value))
    names = {rule.name for rule in rules}
    kept = {name: seal for name, seal in sorted(seals.items()) if name in names}
    return Frozen(apply(tree.source.text, edits), Lock(study.name, kept), tuple(made))


def _may_seal(rule: Deciding, *, broken: bool, again: bool, finished: int, changed: tuple[str, ...]) -> None:
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


def lock_from_json(stored: object) -> Lock:
    """
    Read a stored lock.

    Raises:
        ValueError: it is not a lock, of another version, or a closure does not have the digest beside it.
    """
    lock = from_json(Lock, stored)
    form, number = Closure.FORM
    for name, seal in lock.seals.items():
        if not isinstance(seal.closure, dict) or seal.closure.get(form) != number:
            from_json(Closure, seal.closure, f".seals.{name}.closure")  # which says what is wrong with it
        if not _vouched(seal) or seal.name != name:
            raise ValueError(f"the seal of '{name}' does not fit its own closure")
    return lock


def _vouched(seal: Seal) -> bool:
    try:
        return digest(seal.closure) == seal.digest
    except (RecursionError, TypeError, ValueError):  # it has no canonical form
        return False
