"""Spec or study to the registration of one rule; and a registration against the study that came of it."""

from collections.abc import Iterator
from pathlib import Path

from promo.base.canonical import canonical, digest_bytes, parse_json
from promo.base.classes import fields
from promo.base.codec import from_json, to_json, value_digest
from promo.base.diagnostics import did_you_mean
from promo.base.errors import PromoError, SpecError
from promo.driver.export import write_file
from promo.driver.pipeline import Compiled
from promo.driver.study import StudyFolder
from promo.driver.values import Check, Outcome
from promo.exchange.registration import Begun, Registration, registration, registration_markdown
from promo.files import read_given
from promo.ledger.state import State, state_of
from promo.ledger.values import Amendment, CellResult, Chain
from promo.report.words import error_words, plural
from promo.study.closure import closure
from promo.study.lock import Seal, seal_of
from promo.study.values import Study

LARGEST = 16 * 2**20


def register_spec(compiled: Compiled, name: str) -> Registration:
    """
    The registration of a rule of a spec that nobody has started yet.

    Raises:
        SpecError: the spec has errors.
        PromoError: there is no such rule, or it is not sealed.
    """
    study, plan = compiled.sound()
    _frozen(study, name)
    seal = compiled.lock.seals.get(name) if compiled.lock else None
    if seal is None or seal.digest != value_digest(closure(study, study.deciding[name])):
        raise PromoError(f"'{name}' is not sealed yet", hint=f"promo freeze {compiled.source.name}")
    spec = digest_bytes(compiled.source.text.encode())
    return registration(study, plan, study.deciding[name], seal, spec, None)


def register_study(folder: StudyFolder, name: str) -> Registration:
    """
    The registration of a rule of a study, in the wording that is in force.

    Raises:
        PromoError: there is no such rule, or it is not frozen.
    """
    chain = folder.chain()
    state = state_of(chain.events)
    _frozen(folder.compiled().sound()[0], name)
    return _register(folder, chain, state, name, state.in_force(name))


def _register(folder: StudyFolder, chain: Chain, state: State, name: str, version: int) -> Registration:
    compiled = folder.compiled()
    study, plan = compiled.sound()
    study = folder.wording(study, name, version)
    seal = _amended(chain, name, version) if version else (compiled.lock.seals.get(name) if compiled.lock else None)
    if seal is None:
        raise PromoError(f"'{name}' is not sealed in {folder.path}")
    first = chain.events[1].prev if len(chain.events) > 1 else chain.head
    spec = digest_bytes(compiled.source.text.encode())
    return registration(study, plan, study.deciding[name], seal, spec, Begun(state, first, chain.head), version)


def _amended(chain: Chain, name: str, version: int) -> Seal:
    """The seal that an amendment made, as the ledger has it."""
    made = ((event.time, event.event) for event in chain.events if isinstance(event.event, Amendment))
    time, one = next((time, one) for time, one in made if one.number == version)
    return seal_of(name, one.new, time, None, len(one.seen), value_digest(one.old))


def _frozen(study: Study, name: str) -> None:
    rule = study.deciding.get(name)
    if rule is None:
        hint = did_you_mean(name, study.deciding, f"there are: {', '.join(study.deciding) or 'none'}")
        raise PromoError(f"the study has no gate and no rule '{name}'", hint=hint)
    if not rule.frozen:
        message = f"'{name}' is not frozen, so it may be changed at any time and nothing is registered"
        raise PromoError(message, hint="write 'frozen' before it, and run: promo freeze")


def write_registration(made: Registration, out: Path) -> tuple[Path, Path]:
    """
    Write a registration for programs and for people; where both lie.

    Raises:
        PromoError: a file cannot be written.
    """
    page = out.with_suffix(".md")
    if page == out:
        raise PromoError(f"{out} is where the page for people goes", hint="let --out end in .json")
    write_file(out, canonical(to_json(made)) + b"\n")
    write_file(page, registration_markdown(made).encode())
    return out, page


# --- checking ----------------------------------------------------------------------------------------------------


def check_registration(folder: StudyFolder, path: Path) -> Iterator[Check]:
    """
    Whether a study is the one that a registration announced.

    A registration of another wording than the one in force is compared with its own, and the amendments since are
    told.

    Raises:
        PromoError: the file is not there, or is not a registration.
    """
    told = _read(path)
    name = f"registration of {told.name}"
    if value_digest(told.closure) != told.seal:
        yield Check(name, Outcome.DIFFERS, "its seal is not the digest of its own closure")
        return
    try:
        chain = folder.chain()
        state = state_of(chain.events)
        study, _ = folder.compiled().sound()
        version = told.amendment or 0
        if told.name not in study.deciding or version not in state.versions(told.name):
            yield Check(name, Outcome.DIFFERS, "the study has no such rule, or no such wording of it")
            return
        now = _register(folder, chain, state, told.name, version)
    except SpecError as fault:
        yield Check(name, Outcome.DIFFERS, f"the spec has errors for this promo: {error_words(fault)}")
        return
    except PromoError as fault:
        yield Check(name, Outcome.DIFFERS, fault.message)
        return
    changing = {"known", "receipts", "frozen"} | ({"sealed_at", "commit"} if told.frozen is None else set())
    then, today = to_json(told), to_json(now)
    lasting = [one.name for one in fields(Registration) if one.name not in changing]
    wrong = [name for name in lasting if then[name] != today[name]]
    wrong += _wrong_history(told, now, chain)
    if wrong:
        yield Check(name, Outcome.DIFFERS, f"the study says otherwise: {', '.join(wrong)}")
        return
    yield Check(name, Outcome.MATCHES, "; ".join(_found(told, state)))


def _wrong_history(told: Registration, now: Registration, chain: Chain) -> Iterator[str]:
    """What the ledger says against what a registration says was there when it was made."""
    if told.frozen is not None and told.frozen != now.frozen:
        yield "frozen"
    known, count = told.known, told.known.events
    heads = [*(event.prev for event in chain.events), chain.head]
    if count and (count >= len(heads) or heads[count] != known.head):
        yield "known: the ledger does not continue the one that it was made of"
    elif count and _known_at(chain, told, count) != (known.results, known.decided):
        yield "known"
    if now.receipts[: len(told.receipts)] != told.receipts:
        yield "receipts"


def _known_at(chain: Chain, told: Registration, count: int) -> tuple[tuple[CellResult, ...], bool]:
    state = state_of(chain.events[:count])
    return state.results_of(one.stage for one in told.reads), told.name in state.decisions


def _found(told: Registration, state: State) -> Iterator[str]:
    count, version = len(told.known.results), told.amendment or 0
    yield f"sealed sha256:{told.seal[:12]}, as announced"
    yield (
        f"made when {plural(count, 'result')} of its stages existed"
        if count
        else "made before any result of its stages"
    )
    later = [number for number in state.versions(told.name) if number > version]
    if later:
        yield f"amended since: {', '.join(map(str, later))}"


def _read(path: Path) -> Registration:
    try:
        return from_json(Registration, parse_json(read_given(path, LARGEST)))
    except ValueError as fault:
        raise PromoError(f"{path} is not a registration: {fault}") from fault
