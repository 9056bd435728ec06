"""
An executor to checks: does it keep to its port, in what it declares and, when asked, with attempts that train nothing.

Anyone's executor can be held to it: `promo executor NAME --try`.  Attempts lie below a folder that the caller names,
because workers on other machines have to see it.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import assert_never

from promo.base.classes import define, evolve, field
from promo.driver.conformance import A_TRY, Held
from promo.ledger.losses import Loss
from promo.ledger.ports import Disk
from promo.run.disk import RealDisk
from promo.run.ending import End, Wait, end_of
from promo.run.executors.local import worker_environment
from promo.run.executors.outside import OutsideExecutor
from promo.run.locks import give_up, give_up_alone
from promo.run.outside import Outside, claim_outside
from promo.run.ports import Executor, Gathering
from promo.run.store import EXIT, attempt_folder, write_request
from promo.run.values import AttemptSpec, Delivered, Exit, Keeping, Phase, RunStatus, Stand
from promo.study.host import Options
from promo.study.ports import OptionKind
from promo.study.values import Budget, BudgetKind

SHORT_S, LONG_S, LIMIT_S = 1, 600, 900
LOOK_S = 0.05


def declared(executor: Executor) -> Iterator[Held]:
    """What can be checked without starting anything."""
    kinds = {option.kind for option in executor.options.values()} <= set(OptionKind)
    names = [name for name in executor.options if not name.isidentifier()]
    words = ", ".join(executor.options) or "it takes none"
    yield Held("options", kinds and not names, f"no names: {', '.join(names)}" if names else words)
    one, two = executor.name(Path("attempt-1")), executor.name(Path("attempt-1"))
    if isinstance(executor, OutsideExecutor):
        yield Held("names", one is None, "a request is known by its digest" if one is None else f"{one} does not exist")
    elif one is None:
        yield Held("names", executor.here, "it has no queue" if executor.here else "a queue's jobs need names")
    else:
        yield Held("names", one != two, f"{one}, {two}" if one != two else f"it makes up {one} twice")


@define
class _Trial:
    """A try of one executor, in a folder of its own."""

    make: Callable[[], Executor]
    options: Options
    environment: Mapping[str, str]
    folder: Path
    patience_s: float
    disk: Disk = field(factory=RealDisk)
    number: int = 0

    def attempt(self, executor: Executor, seconds: int) -> AttemptSpec:
        """A new attempt that takes so many seconds, not started yet."""
        self.number += 1
        folder = self.folder / attempt_folder("try", "given", "here", 1, self.number)
        write_request(self.disk, folder, evolve(_REQUEST, attempt=self.number, budget=_budget(seconds)))
        worker = worker_environment(self.environment, threads=1, cuda_device=None)
        job = executor.name(folder)
        limit_s = _budget(seconds).limit_s
        return AttemptSpec(folder, worker, limit_s, _REQUEST.trainer, job=job, options=self.options)

    def wait(self, executor: Executor, handle: object, wanted: Callable[[Stand], bool]) -> Stand:
        """Where an attempt stands once it stands as wanted, or has ended; where it stood last if it never does."""
        until = time.monotonic() + self.patience_s
        while True:
            stand = executor.look([handle])[0]
            if wanted(stand) or _has_ended(stand) or time.monotonic() >= until:
                return stand
            time.sleep(LOOK_S)

    def end(self, attempt: AttemptSpec, stand: Stand, wait: Wait | None) -> End:
        """What the ledger would say of it."""
        said = None if isinstance(stand, Phase) else stand
        number = int(attempt.folder.name.rpartition("-")[2])
        of = ("0", number, attempt.folder.relative_to(self.folder).as_posix())
        return end_of(self.disk, self.folder, of, said, wait=wait, now=time.monotonic())


def tried(
    make: Callable[[], Executor],
    options: Options,
    environment: Mapping[str, str],
    place: Path,
    patience_s: float = 300,
) -> Iterator[Held]:
    """
    What attempts that train nothing show.

    Args:
        make: makes a new executor of the kind, as each start of promo does.
        options: what a host's block would say to it.
        environment: promo's own, of which workers see a part.
        place: a folder that its workers see; what is made there is removed.
        patience_s: how long an attempt may take to stand as it has to.
    """
    with tempfile.TemporaryDirectory(prefix="promo-executor-", dir=place) as name:
        trial = _Trial(make, options, environment, Path(name).resolve(), patience_s)
        if isinstance(make(), OutsideExecutor):
            yield from _asks(trial)
            return
        yield from _runs(trial)
        yield from _cancels(trial)
        yield from _is_found(trial)
        yield from _never_begins(trial)


def _asks(trial: _Trial) -> Iterator[Held]:
    """Somebody else's system trains: nothing ends here by itself, and what was taken back is given to nobody."""
    executor = trial.make()
    both = [trial.attempt(executor, SHORT_S) for _ in range(2)]
    handles = [executor.start(one) for one in both]
    waits = all(isinstance(one, Phase) for one in executor.look(handles))
    yield Held("asked for", waits, "both wait for somebody" if waits else "one ended without anybody's word")
    again = trial.make()
    found = [again.find(one.folder, one.job, trial.options) for one in both]
    waits = all(one is not None for one in found) and all(isinstance(one, Phase) for one in again.look(found))
    yield Held("found again", waits, "by another promo" if waits else "another promo knows nothing of them")
    lost = Outside("0" * 64, "nobody", "", None, {}, None)
    claimed = claim_outside(trial.disk, both[0].folder, lost)
    again.cancel(found[1:])
    stands = trial.make()
    ended = stands.look([stands.find(one.folder, one.job, trial.options) for one in both])
    good = claimed and all(one is Loss.OUTSIDE for one in ended)
    yield Held("given up", good, ", ".join(_said(one) for one in ended))
    late = claim_outside(trial.disk, both[1].folder, lost)
    yield Held(
        "taken back", not late, "nothing is taken in any more" if not late else "a result was taken in all the same"
    )


def _runs(trial: _Trial) -> Iterator[Held]:
    """Two at once, to their ends: one look for both, results, and device time that is not the wait."""
    executor, began = trial.make(), time.monotonic()
    both = [trial.attempt(executor, SHORT_S) for _ in range(2)]
    handles = _started(executor, both)
    stands = executor.look(handles)
    yield Held("one look for all", len(stands) == len(handles), f"{len(stands)} answers for {len(handles)} attempts")
    for attempt, handle in zip(both, handles, strict=True):
        stand = trial.wait(executor, handle, _has_ended)
        queued = None if attempt.job is None else Wait(began)
        end = trial.end(attempt, stand, queued)
        sound = end.result.status is RunStatus.OK
        yield Held("run", sound, f"{_said(stand)}; {end.result.status.value} {end.result.cause}".strip())
        took = float(end.device_s or 0)
        words = f"{took:.1f} s of its device, {end.queued_s or 'none'} s in a queue"
        yield Held("device time", (attempt.folder / EXIT).exists() and took >= SHORT_S, words)
    executor.close()


def _cancels(trial: _Trial) -> Iterator[Held]:
    """One of two that is called off is gone, and what it left is no result; the other goes on until its turn comes."""
    executor = trial.make()
    attempt, other = (trial.attempt(executor, LONG_S) for _ in range(2))
    handle, beside = _started(executor, [attempt, other])
    seen = trial.wait(executor, handle, lambda stand: stand is Phase.RUNNING)
    yield Held("seen to run", seen is Phase.RUNNING, _said(seen))
    executor.cancel([handle])
    end = trial.end(attempt, executor.look([handle])[0], None)
    lost = end.loss is not None and end.result.status is not RunStatus.OK
    yield Held("cancel", lost, "it is lost" if lost else f"it ended as {end.result.status.value}")
    stand = executor.look([beside])[0]
    yield Held("no other", isinstance(stand, Phase), f"the one beside it: {_said(stand)}")
    executor.cancel([beside])
    executor.close()


def _is_found(trial: _Trial) -> Iterator[Held]:
    """One that an earlier promo started is found by a new executor, or is known to have ended."""
    first = trial.make()
    attempt = trial.attempt(first, 2 * SHORT_S)
    handle = first.start(evolve(attempt, finish=True))
    trial.wait(first, handle, lambda stand: stand is not Phase.UNKNOWN and _lies(attempt))
    later = trial.make()
    found = later.find(attempt.folder, attempt.job, trial.options)
    if found is None:
        words = "it says that the attempt will never begin or continue, and it continues"
        ended = _has_ended(trial.wait(first, handle, _has_ended)) and (attempt.folder / EXIT).exists()
        yield Held("look-up", ended if first.here else False, "it had ended" if ended else words)
    else:
        stand = trial.wait(later, found, _has_ended)
        sound = trial.end(attempt, stand, None).result.status is RunStatus.OK
        yield Held("look-up", sound, f"found again: {_said(stand)}")
    first.close()
    later.close()


def _started(executor: Executor, attempts: list[AttemptSpec]) -> Sequence[object]:
    """Handles of attempts that became due together."""
    if isinstance(executor, Gathering):
        return executor.start_all(attempts)
    return [executor.start(one) for one in attempts]


def _lies(attempt: AttemptSpec) -> bool:
    """Whether somebody has taken an attempt in hand; the file is there a moment before who has it stands in it."""
    claim = attempt.folder / "claim"
    return claim.exists() and claim.stat().st_size > 0


def _never_begins(trial: _Trial) -> Iterator[Held]:
    """One that promo has given up begins no more, whoever was asked to begin it."""
    executor = trial.make()
    attempt = trial.attempt(executor, SHORT_S)
    (give_up if executor.here else give_up_alone)(attempt.folder)
    stand = trial.wait(executor, executor.start(attempt), _has_ended)
    end = trial.end(attempt, stand, None)
    never = end.result.digest is None
    yield Held("given up", never, f"it never began: {_said(stand)}" if never else "it began all the same")
    executor.close()


def _has_ended(stand: Stand) -> bool:
    return not isinstance(stand, Phase)


def _said(stand: Stand) -> str:
    match stand:
        case Delivered():
            return "its result was taken in"
        case Exit():
            return f"ended: {stand.reason.value}"
        case Phase() | Loss():
            return str(stand.value)
        case _:
            assert_never(stand)


def _budget(seconds: int) -> Budget:
    return Budget(BudgetKind.WALL, seconds, LIMIT_S)


_REQUEST = evolve(A_TRY, study="executor", budget=_budget(SHORT_S), checkpoint=Keeping(at_end=False, every_s=LIMIT_S))
