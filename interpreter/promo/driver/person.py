"""A person's verdict on a gate or rule that waits for one; the ledger keeps it beside what the rule itself found."""

from promo.base.errors import PromoError
from promo.driver.study import LEDGER, StudyFolder
from promo.ledger.journal import Journal
from promo.ledger.ports import Clock
from promo.ledger.values import PersonDecided
from promo.run.locks import lock_study


def record_verdict(
    folder: StudyFolder,
    name: str,
    *,
    promote: tuple[str, ...] | None,
    stop: bool,
    by: str,
    reason: str,
    clock: Clock,
) -> None:
    """
    Record what a person decided; *promote* are the candidates that go on, and None for a rule.

    Raises:
        PromoError: nothing waits under that name, or the verdict does not fit it.
    """
    study, _ = folder.compiled().sound()
    with lock_study(folder.path, folder.disk):
        state = folder.state()
        if name not in state.waiting():
            waiting = ", ".join(state.waiting()) or "nothing"
            raise PromoError(f"'{name}' does not wait for a person", hint=f"waiting: {waiting}")
        if not by.strip() or not reason.strip():
            raise PromoError("a verdict has an author and a reason", hint="add --by NAME --reason TEXT")
        promoted: tuple[str, ...] | None = None
        if stop:
            pass
        elif name in study.gates:
            source = study.gates[name].source
            promoted = _promoted(name, f"did not enter {source}", promote, state.opened[source])
        elif name in study.reductions:
            into = study.reductions[name]
            promoted = _promoted(name, f"is not a row of {into.into}", promote, into.rows)
        elif name in study.schedules:
            shapes = study.schedules[name].shapes
            promoted = _promoted(name, f"is not a shape of {name}", promote, shapes)
            if len(promoted) != 1:
                raise PromoError(f"'{name}' trains one shape where laws tell no change", hint="name one with --promote")
        elif promote is not None:
            raise PromoError(f"'{name}' is a rule and promotes no candidate", hint="use --continue or --stop")
        said = PersonDecided(name, by, reason, promoted, stop)
        Journal(folder.path / LEDGER, folder.disk, clock).append(said)


def _promoted(gate: str, unlike: str, promote: tuple[str, ...] | None, possible: tuple[str, ...]) -> tuple[str, ...]:
    if promote is None:
        raise PromoError(f"'{gate}' promotes: say who is promoted", hint="use --promote NAME,NAME or --stop")
    strangers = [name for name in promote if name not in possible]
    if strangers:
        raise PromoError(f"{', '.join(strangers)} {unlike}", hint=f"there are: {', '.join(possible)}")
    return tuple(sorted(set(promote)))
