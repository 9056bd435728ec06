"""
Amendments: the only way to change a gate, a rule or the budget once a study has begun.

An amendment is an event like any other, so it can only add: decisions that were made stay as they were made, with the
wording they were made by.  An amendment of a gate that has not decided yet decides in its place; one that comes later
decides nothing and is shown beside what happened.  Either way both verdicts are kept.
"""

from collections.abc import Mapping
from fractions import Fraction

from promo.base.canonical import Json, canonical, digest_bytes, exact
from promo.base.classes import evolve, frozen
from promo.base.codec import to_json, value_digest
from promo.base.diagnostics import did_you_mean
from promo.base.differences import differences
from promo.base.errors import PromoError
from promo.decision.spending import Allowed, allowed
from promo.decision.values import verdict_of
from promo.driver.pipeline import Compiled
from promo.driver.study import AMENDMENTS, LEDGER, StudyFolder
from promo.ledger.journal import Journal
from promo.ledger.ports import Clock
from promo.ledger.state import State, StudyState
from promo.ledger.values import Amendment, BudgetAmended, Event
from promo.plans.values import Plan
from promo.report.describe import describe, describe_deciding
from promo.run.locks import lock_study
from promo.study.closure import closure
from promo.study.lock import Amending, Seal, reseal, seal_of
from promo.study.money import Money
from promo.study.values import Study

FIXED = ("from", "to", "judge", "into")
"""Clauses that say what a gate or rule is about; another subject is another rule."""


@frozen
class Amended:
    """What an amendment gives: the event and its time, and the spec with its new seal."""

    data: Amendment
    at: str
    text: str
    seal: Seal
    fresh: bool
    """Whether it was recorded now; False when it stood in the ledger already."""


def amend_study(
    folder: StudyFolder, compiled: Compiled, name: str, *, reason: str, by: str, commit: str | None, clock: Clock
) -> Amended:
    """
    Record that a gate or rule now reads as a changed spec words it, whose seal is broken by the change.

    Raises:
        PromoError: there is no such gate or rule, no reason, no change, or something else was changed too.
    """
    study, plan = compiled.amendable()
    _known(study, name)
    if not reason.strip() or not by.strip():
        raise PromoError("an amendment has an author and a reason", hint="add --reason TEXT, and --by NAME")
    with lock_study(folder.path, folder.disk):
        chain_head, state = folder.chain().head, folder.state()
        original = folder.compiled()
        before_study, before_plan = _before(folder, original, state)
        only_its_own(name, before_plan, plan, before_study, study)
        old, new = (closure(one, one.deciding[name]) for one in (before_study, study))
        if value_digest(old) == value_digest(new):
            return _again(folder, state, study, compiled.source.text, name, commit)
        number = len(state.amendments) + 1
        seen, now = state.results_of(new.stages), clock.now()
        note = Amending(number, by, reason, post_hoc=bool(seen), head=chain_head, time=now)
        seal = seal_of(name, new, now, commit, len(seen), value_digest(old), note)
        text, _ = reseal(study, compiled.source.text, None, seal)
        disk = folder.disk
        disk.make_folder(folder.path / AMENDMENTS)
        disk.write(folder.path / AMENDMENTS / f"{number}.promo", text.encode())
        verdict = None
        if name in state.decisions:
            decision = folder.decision(original, state, name, number)
            disk.write(folder.path / other_wording_file(name, number), canonical(to_json(decision)) + b"\n")
            verdict = verdict_of(decision, number)
        made = Amendment(name, number, old, new, reason, by, chain_head, seen, digest_bytes(text.encode()), verdict)
        event = Journal(folder.path / LEDGER, disk, clock).append(made)
        return Amended(made, event.time, text, _recorded(seal, made, event.time), fresh=True)


def amend_budget(folder: StudyFolder, new: int | Money, *, reason: str, by: str, clock: Clock) -> Event:
    """
    Record that a study that has begun has a larger budget; the spec keeps the one that was frozen.

    Args:
        folder: a study that has begun and has not ended.
        new: the new budget: seconds of devices, or money in the study's currency.
        reason: why; it is kept and shown.
        by: who amends.
        clock: time.

    Raises:
        PromoError: the study has no such budget, no smaller one, or has ended; there is no reason.
    """
    if not reason.strip() or not by.strip():
        raise PromoError("an amendment has an author and a reason", hint="add --reason TEXT, and --by NAME")
    with lock_study(folder.path, folder.disk):
        state = folder.state()
        study = folder.compiled().sound()[0]
        made = _larger(study, allowed(study, state), new, reason, by)
        if state.study is not StudyState.OPEN:
            raise PromoError("the study has ended, so nothing more is spent in it")
        return Journal(folder.path / LEDGER, folder.disk, clock).append(made)


def _larger(study: Study, before: Allowed, new: int | Money, reason: str, by: str) -> BudgetAmended:
    """The event, if the study has a smaller budget of that kind."""
    kind, had = ("device time", before.seconds) if isinstance(new, int) else ("money", before.money)
    amount = Fraction(new) if isinstance(new, int) else new.amount
    unit = "s" if isinstance(new, int) else new.currency
    if had is None:
        raise PromoError(f"the study has no budget of {kind} that could be amended", hint="it runs without one")
    if isinstance(new, Money) and new.currency != study.currency:
        raise PromoError(f"the study counts in {study.currency}, not in {new.currency}")
    if amount <= had:
        hint = "promo stop ends a study that is to spend less"
        message = f"the study has a budget of {exact(had)} {unit} already, and {exact(amount)} {unit} are no more"
        raise PromoError(message, hint=hint)
    return BudgetAmended(new, reason, by) if isinstance(new, int) else BudgetAmended(None, reason, by, new.amount)


def _again(folder: StudyFolder, state: State, study: Study, text: str, name: str, commit: str | None) -> Amended:
    """The amendment stands in the ledger, and a crash kept its seal from the spec; or there is nothing to amend."""
    number = state.versions(name)[-1]
    rule = study.deciding[name]
    content = closure(study, rule)
    fits = rule.seal is None or value_digest(content).startswith(rule.seal)
    if not number or fits:
        raise PromoError(f"'{name}' says what it said before, so there is nothing to amend", hint="change it first")
    made, at = state.amendments[number - 1], state.amended_at[number - 1]
    seal = seal_of(name, content, at, commit, len(made.seen), value_digest(made.old))
    return Amended(made, at, reseal(study, text, None, seal)[0], _recorded(seal, made, at), fresh=False)


def _recorded(seal: Seal, made: Amendment, time: str) -> Seal:
    """The seal as of the time that the ledger says."""
    note = Amending(made.number, made.by, made.reason, made.post_hoc, made.head, time)
    return evolve(seal, sealed_at=time, amendment=note)


def _known(study: Study, name: str) -> None:
    names = tuple(study.deciding)
    if name not in names:
        hint = did_you_mean(name, names, f"there are: {', '.join(names)}")
        raise PromoError(f"there is no gate and no rule '{name}'", hint=hint)


def _before(folder: StudyFolder, original: Compiled, state: State) -> tuple[Study, Plan]:
    """The spec as the last amendment left it."""
    return folder.amended(len(state.amendments)).amendable() if state.amendments else original.sound()


def only_its_own(name: str, old_plan: Plan, new_plan: Plan, old: Study, new: Study) -> None:
    """Refuse a change of anything but the clauses of the one gate or rule, and of sums that follow from them."""
    kind = _kind(new, name)
    before, after = (_without(describe(plan.study), kind, name) for plan in (old_plan, new_plan))
    strange = list(differences(before, after))
    if name not in old.deciding:
        raise PromoError(f"'{name}' was not in the study when it was frozen", hint="start a new study with --study")
    one, other = old.deciding[name], new.deciding[name]
    if one.frozen is not other.frozen:
        strange.append(f"{kind} {name}, frozen: {'yes' if one.frozen else 'no'} -> {'yes' if other.frozen else 'no'}")
    was, now = (describe_deciding(rule, study.measure) for rule, study in ((one, old), (other, new)))
    fixed = tuple(f"{kind} {name}, {clause}:" for clause in FIXED)
    strange += [line for line in differences(was, now, (kind, name)) if line.startswith(fixed)]
    if strange:
        raise PromoError(
            f"an amendment of '{name}' may change only its own clauses",
            hint="undo the rest: another budget, seed, candidate or stage is another study",
            details=tuple(strange),
        )


def _without(parts: Mapping[str, Json], kind: str, name: str) -> Json:
    group = parts.get(kind)
    others = {key: value for key, value in group.items() if key != name} if isinstance(group, Mapping) else {}
    return {**{key: value for key, value in parts.items() if key != "account"}, kind: others}


def _kind(study: Study, name: str) -> str:
    """The word that declares it."""
    return "gate" if name in study.gates else "reduce" if name in study.reductions else "rule"


def other_wording_file(name: str, version: int) -> str:
    """Where the decision of another wording lies: `decisions/pick.frozen.json`, `decisions/pick.amendment-2.json`."""
    return f"decisions/{name}.{f'amendment-{version}' if version else 'frozen'}.json"
