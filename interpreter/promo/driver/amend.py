"""
Amendments: the only way to change a gate or rule once its study has begun.

An amendment is an event like any other, so it can only add: decisions that were made stay as they were made, with the
wording they were made by.  An amendment of a gate that has not decided yet decides in its place; one that comes later
decides nothing and is shown beside what happened.  Either way both verdicts are kept.
"""

from collections.abc import Mapping, Sequence

from attrs import frozen

from promo.base.canonical import Json, canonical, digest, digest_bytes
from promo.base.diagnostics import suggestion
from promo.base.differences import differences
from promo.base.errors import PromoError
from promo.decision.values import Decision, RuleDecision, StepDecision, decision_digest, decision_to_json
from promo.driver.pipeline import Compiled
from promo.driver.study import AMENDMENTS, LEDGER, StudyFolder
from promo.files import FolderLock, RealDisk
from promo.ledger.journal import Journal
from promo.ledger.ports import Clock
from promo.ledger.state import State
from promo.ledger.values import EventKind
from promo.plan.values import Plan
from promo.study.judgement import Deciding
from promo.study.lock import Seal, closure, reseal
from promo.study.values import Study

FIXED = ("from", "to", "judge", "into")
"""Clauses that say what a gate or rule is about; another subject is another rule."""


@frozen
class Amended:
    """What an amendment gives: the event's content, and the spec with its new seal."""

    data: Mapping[str, Json]
    text: str
    seal: Seal
    fresh: bool
    """Whether it was recorded now; False when it stood in the ledger already."""


def amend_study(
    folder: StudyFolder, compiled: Compiled, name: str, *, reason: str, by: str, commit: str | None, clock: Clock
) -> Amended:
    """
    Record that a gate or rule now reads as a changed spec words it.

    Args:
        folder: a study that has begun.
        compiled: the changed spec; its seal is broken by the change.
        name: the gate or rule.
        reason: why; it is kept and shown.
        by: who amends.
        commit: version-control commit of the changed spec.
        clock: time.

    Raises:
        PromoError: there is no such gate or rule, no reason, no change, or something else was changed too.
    """
    study, plan = compiled.amendable()
    _known(study, name)
    if not reason.strip() or not by.strip():
        raise PromoError("an amendment has an author and a reason", hint="add --reason TEXT, and --by NAME")
    with FolderLock(folder.path):
        chain_head, state = folder.chain().head, folder.state()
        original = folder.compiled()
        before_study, before_plan = _before(folder, original, state)
        only_its_own(name, before_plan, plan, before_study, study)
        old, new = (closure(one, rule_of(one, name)) for one in (before_study, study))
        if old == new:
            return _again(folder, state, study, compiled.source.text, name, commit)
        number = len(state.amendments) + 1
        stages = new["stage"]
        assert isinstance(stages, Mapping)
        seen = state.results_of(stages)
        now = clock.now()
        seal = Seal(name, digest(new), new, now, commit, len(seen), digest(old))
        text, _ = reseal(study, compiled.source.text, None, seal)
        data: dict[str, Json] = {
            "name": name,
            "number": number,
            "kind": _kind(study, name),
            "old": digest(old),
            "new": digest(new),
            "old_closure": old,
            "new_closure": new,
            "differences": list(differences(old, new)),
            "reason": reason,
            "by": by,
            "at": now,
            "head": chain_head,
            "seen": list(seen),
            "post_hoc": bool(seen),
            "decided_before": name in state.decisions,
            "text": digest_bytes(text.encode()),
        }
        disk = RealDisk()
        disk.make_folder(folder.path / AMENDMENTS)
        disk.write(folder.path / AMENDMENTS / f"{number}.promo", text.encode())
        if name in state.decisions:
            decision = folder.decision(original, state, name, number)
            disk.write(folder.path / beside_file(name, number), canonical(decision_to_json(decision)) + b"\n")
            data["beside"] = verdict_of(decision, number)
        event = Journal(folder.path / LEDGER, disk, clock).append(EventKind.RULE_AMENDED, data)
        return Amended(event.data, text, _recorded(seal, event.data, event.time), fresh=True)


def _again(folder: StudyFolder, state: State, study: Study, text: str, name: str, commit: str | None) -> Amended:
    """The amendment stands in the ledger, and a crash kept its seal from the spec; or there is nothing to amend."""
    number = state.versions(name)[-1]
    rule = rule_of(study, name)
    content = closure(study, rule)
    fits = rule.seal is None or digest(content).startswith(rule.seal)
    if not number or fits:
        raise PromoError(f"'{name}' says what it said before, so there is nothing to amend", hint="change it first")
    event = next(
        one for one in folder.chain().events if one.kind is EventKind.RULE_AMENDED and one.data["number"] == number
    )
    data = event.data
    seen = data["seen"]
    assert isinstance(seen, Sequence)
    seal = Seal(name, digest(content), content, event.time, commit, len(seen), str(data["old"]))
    return Amended(data, reseal(study, text, None, seal)[0], _recorded(seal, data, event.time), fresh=False)


def _recorded(seal: Seal, data: Mapping[str, Json], time: str) -> Seal:
    note = {key: data[key] for key in ("number", "by", "reason", "post_hoc", "head")}
    return Seal(
        seal.name,
        seal.digest,
        seal.closure,
        time,
        seal.commit,
        seal.results_then,
        seal.replaces,
        {**note, "time": time},
    )


def _known(study: Study, name: str) -> None:
    names = tuple(study.deciding)
    if name not in names:
        near = suggestion(name, names)
        hint = f"did you mean '{near}'?" if near else f"there are: {', '.join(names)}"
        raise PromoError(f"there is no gate and no rule '{name}'", hint=hint)


def _before(folder: StudyFolder, original: Compiled, state: State) -> tuple[Study, Plan]:
    """The spec as the last amendment left it."""
    return folder.amended(len(state.amendments)).amendable() if state.amendments else original.sound()


def only_its_own(name: str, old_plan: Plan, new_plan: Plan, old: Study, new: Study) -> None:
    """Refuse a change of anything but the clauses of the one gate or rule, and of sums that follow from them."""
    kind = _kind(new, name)
    before, after = (_without(plan.parts, kind, name) for plan in (old_plan, new_plan))
    strange = list(differences(before, after))
    if name not in old.deciding:
        raise PromoError(f"'{name}' was not in the study when it was frozen", hint="start a new study with --study")
    one, other = rule_of(old, name), rule_of(new, name)
    if one.frozen is not other.frozen:
        strange.append(f"{kind} {name}, frozen: {'yes' if one.frozen else 'no'} -> {'yes' if other.frozen else 'no'}")
    was, now = (_clauses(plan, kind, name) for plan in (old_plan, new_plan))
    fixed = tuple(f"{kind} {name}, {clause}:" for clause in FIXED)
    strange += [line for line in differences(was, now, (kind, name)) if line.startswith(fixed)]
    if strange:
        raise PromoError(
            f"an amendment of '{name}' may change its own clauses and nothing else",
            hint="undo the rest: another budget, seed, candidate or stage is another study",
            details=tuple(strange),
        )


def _clauses(plan: Plan, kind: str, name: str) -> Mapping[str, Json]:
    group = plan.parts[kind]
    assert isinstance(group, Mapping)
    found = group[name]
    assert isinstance(found, Mapping)
    return found


def _without(parts: Mapping[str, Json], kind: str, name: str) -> Json:
    group = parts.get(kind)
    others = {key: value for key, value in group.items() if key != name} if isinstance(group, Mapping) else {}
    return {**{key: value for key, value in parts.items() if key != "account"}, kind: others}


def _kind(study: Study, name: str) -> str:
    """The word that declares it."""
    return "gate" if name in study.gates else "reduce" if name in study.reductions else "rule"


def rule_of(study: Study, name: str) -> Deciding:
    """The gate, rule or reduction of that name."""
    return study.deciding[name]


def beside_file(name: str, version: int) -> str:
    """Where the decision of another wording lies: `decisions/pick.frozen.json`, `decisions/pick.amendment-2.json`."""
    return f"decisions/{name}.{f'amendment-{version}' if version else 'frozen'}.json"


def verdict_of(decision: Decision, version: int) -> dict[str, Json]:
    """A decision of another wording as an event tells it."""
    said: dict[str, Json] = {"amendment": version, "decision": decision_digest(decision)}
    if isinstance(decision, RuleDecision):
        return {**said, "answer": decision.answer.value, "stopped": decision.stopped, "held": decision.held}
    assert not isinstance(decision, StepDecision), "a walk has no wording of its own"
    return {**said, "promoted": list(decision.promoted), "stopped": decision.stopped, "held": decision.held}
