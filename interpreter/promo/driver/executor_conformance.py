"""
An executor to checks: does it keep to its port, in what it declares and, when asked, with attempts that train nothing.

Anyone's executor can be held to it: `promo executor NAME --try`.  Attempts lie below a folder that the caller names,
because workers on other machines have to see it.
"""

import contextlib
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import assert_never

from promo.base.classes import define, evolve, field
from promo.base.errors import PromoError
from promo.base.reading import read_plain
from promo.driver.conformance import A_TRY, Held
from promo.ledger.losses import Loss
from promo.ledger.ports import Disk
from promo.run.disk import RealDisk
from promo.run.ending import End, Wait, end_of
from promo.run.environment import worker_environment
from promo.run.executors.outside import OutsideExecutor
from promo.run.executors.plugged import METHODS, raised_words, stands_fault
from promo.run.locks import give_up, give_up_alone, is_given_up
from promo.run.outside import Outside, claim_outside
from promo.run.ports import Executor, Gathering
from promo.run.store import EXIT, LOG, attempt_folder, write_request
from promo.run.values import AttemptSpec, Delivered, Exit, Keeping, Phase, RunStatus, Stand
from promo.study.given import Options
from promo.study.ports import ExecutorOption, OptionKind
from promo.study.values import Budget, BudgetKind

SHORT_S, LONG_S, LIMIT_S = 1, 600, 900
LOOK_S = 0.05
LONGEST_LOOK_S = 60.0
"""promo looks at nothing else meanwhile, and hears no Ctrl-C."""
LAST_WORD_S, LONGEST_LOG = 15.0, 100_000
"""How long a supervisor may take to say how its run ended, if one is left; a run that goes on prints meanwhile."""
GRACE_S = 2
"""How long a queue that takes such an option may not know a job that nobody has submitted."""
A_WRITE = 8
"""Bytes that may have been on their way when it was cancelled."""


class _NoStands(Exception):
    """What an executor answers to a look is not where each attempt stands."""


def _looked(executor: Executor, handles: Sequence[object]) -> Sequence[Stand]:
    """
    Where attempts stand.

    Raises:
        _NoStands: it does not say that.
    """
    stands = executor.look(handles)
    fault = stands_fault(stands, len(handles))
    if fault:
        raise _NoStands(fault)
    return stands


def _guarded(name: str, part: Iterator[Held]) -> Iterator[Held]:
    """One part of the checks, which ends with what the executor does that no executor may."""
    try:
        yield from part
    except PromoError:
        raise  # it cannot be reached, or refuses: that is its own message
    except _NoStands as fault:
        yield Held(name, good=False, words=str(fault))
    except Exception as fault:
        yield Held(name, good=False, words=raised_words(fault))


def declared(make: Callable[[], Executor]) -> Iterator[Held]:
    """What can be checked without starting anything."""
    yield from _guarded("declared", _declared(make))


def _declared(make: Callable[[], Executor]) -> Iterator[Held]:
    executor = make()
    absent = [name for name in METHODS if not callable(getattr(executor, name, None))]
    yield Held("methods", not absent, f"it lacks {', '.join(absent)}" if absent else ", ".join(METHODS))
    odd = [f"'{name}' {fault}" for name, option in executor.options.items() if (fault := _odd(name, option))]
    yield Held("options", not odd, "; ".join(odd) or ", ".join(executor.options) or "it takes none")
    one, two, later = (of.name(Path("attempt-1")) for of in (executor, executor, make()))
    if isinstance(executor, OutsideExecutor):
        yield Held("names", one is None, "a request is known by its digest" if one is None else f"{one} does not exist")
    elif one is None:
        yield Held("names", executor.here, "it has no queue" if executor.here else "a queue's jobs need names")
    else:
        good = len({one, two, later}) == len((one, two, later))
        yield Held(
            "names", good, f"{one}, {two}" if good else f"it makes up {one if one in (two, later) else two} twice"
        )


def _odd(name: str, option: ExecutorOption) -> str:
    """What is wrong with how an option is declared; empty where nothing is."""
    if not name.isidentifier():
        return "is no name"
    try:
        pattern = re.compile(option.form)
    except re.error as fault:
        return f"has a form that is no regular expression: {fault}"
    example = option.example.strip('"')
    if option.kind is OptionKind.TEXT and (pattern.fullmatch(example) is None or option.fault(example)):
        return f"does not take its own example, {option.example}"
    return ""


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
    under_way: list[tuple[Executor, object, Path]] = field(factory=list)
    """What was started, as who started it calls it, and its folder."""

    def attempt(self, executor: Executor, seconds: int) -> AttemptSpec:
        """A new attempt that takes so many seconds, not started yet."""
        self.number += 1
        folder = self.folder / attempt_folder("try", "given", "here", 1, self.number)
        write_request(self.disk, folder, evolve(_REQUEST, attempt=self.number, budget=_budget(seconds)))
        worker = worker_environment(self.environment, threads=1, cuda_device=None)
        job = executor.name(folder)
        limit_s = _budget(seconds).limit_s
        return AttemptSpec(folder, worker, limit_s, _REQUEST.trainer, job=job, options=self.options)

    def start(self, executor: Executor, attempts: list[AttemptSpec]) -> Sequence[object]:
        """Handles of attempts that became due together."""
        if isinstance(executor, Gathering):
            handles = executor.start_all(attempts)
        else:
            handles = [executor.start(one) for one in attempts]
        self.under_way += [(executor, *one) for one in zip(handles, (each.folder for each in attempts), strict=False)]
        return handles

    def leave_nobody(self) -> None:
        """End what may be under way, whatever its executor says to that; without its folder none trains on either."""
        for executor, handle, folder in self.under_way:
            if not (folder / EXIT).exists():
                with contextlib.suppress(Exception):
                    executor.cancel([handle])
        self.under_way.clear()

    def wait(self, executor: Executor, handle: object, wanted: Callable[[Stand], bool]) -> Stand:
        """Where an attempt stands once it stands as wanted, or has ended; where it stood last if it never does."""
        until = time.monotonic() + self.patience_s
        while True:
            stand = _looked(executor, [handle])[0]
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
    with tempfile.TemporaryDirectory(prefix="promo-executor-", dir=place, ignore_cleanup_errors=True) as name:
        trial = _Trial(make, options, environment, Path(name).resolve(), patience_s)
        if isinstance(make(), OutsideExecutor):
            yield from _asks(trial)
            return
        parts = {
            "run": _runs,
            "cancel": _cancels,
            "look-up": _is_found,
            "never started": _is_missed,
            "given up": _never_begins,
        }
        for part, checks in parts.items():
            try:
                yield from _guarded(part, checks(trial))
            finally:
                trial.leave_nobody()


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
    handles = trial.start(executor, both)
    asked = time.monotonic()
    stands = _looked(executor, handles)
    took_s = time.monotonic() - asked
    words = f"{len(stands)} answers for {len(handles)} attempts in {took_s:.1f} s"
    yield Held("one look for all", took_s < LONGEST_LOOK_S, words)
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
    handle, beside = trial.start(executor, [attempt, other])
    seen = trial.wait(executor, handle, lambda stand: stand is Phase.RUNNING and _printed(attempt.folder) > 0)
    yield Held("seen to run", seen is Phase.RUNNING, _said(seen))
    left = executor.cancel([handle])
    end = trial.end(attempt, _looked(executor, [handle])[0], None)
    lost = end.loss is not None and end.result.status is not RunStatus.OK
    words = "it is lost" if lost else f"it ended as {end.result.status.value}"
    if lost and not left and _goes_on(attempt.folder):
        lost, words = False, "its run goes on"
    yield Held("cancel", lost and not left, "it cannot say that it is gone" if left else words)
    stand = _looked(executor, [beside])[0]
    yield Held("no other", isinstance(stand, Phase), f"the one beside it: {_said(stand)}")
    executor.cancel([beside])
    executor.close()


def _is_found(trial: _Trial) -> Iterator[Held]:
    """One that an earlier promo started is found by a new executor, or is known to have ended."""
    first = trial.make()
    attempt = trial.attempt(first, 2 * SHORT_S)
    (handle,) = trial.start(first, [evolve(attempt, finish=True)])
    trial.wait(first, handle, lambda stand: stand is not Phase.UNKNOWN and _lies(attempt))
    later = trial.make()
    found = later.find(attempt.folder, attempt.job, trial.options)
    if found is None:
        over = (attempt.folder / EXIT).exists()
        words = "it had ended" if over else "it says that the attempt will never begin or continue, and it continues"
        yield Held("look-up", over, words)
    else:
        stand = trial.wait(later, found, _has_ended)
        sound = trial.end(attempt, stand, None).result.status is RunStatus.OK
        yield Held("look-up", sound, f"found again: {_said(stand)}")
    first.close()
    later.close()


def _is_missed(trial: _Trial) -> Iterator[Held]:
    """One that was announced and never started, for promo was killed between the two, is not waited for for ever."""
    attempt, later = trial.attempt(trial.make(), SHORT_S), trial.make()
    options = dict(trial.options) | ({"grace": Fraction(GRACE_S)} if "grace" in later.options else {})
    found = later.find(attempt.folder, attempt.job, tuple(options.items()))
    stand = Loss.GONE if found is None else trial.wait(later, found, _has_ended)
    ended = _has_ended(stand) and trial.end(attempt, stand, None).result.digest is None
    words = f"it is lost: {_said(stand)}" if ended else f"it says that one is {_said(stand)} which nobody has started"
    yield Held("never started", ended, words)
    later.close()


def _lies(attempt: AttemptSpec) -> bool:
    """Whether somebody has taken an attempt in hand; the file is there a moment before who has it stands in it."""
    claim = attempt.folder / "claim"
    return claim.exists() and claim.stat().st_size > 0


def _never_begins(trial: _Trial) -> Iterator[Held]:
    """One that promo has given up begins no more, whoever was asked to begin it."""
    executor = trial.make()
    attempt = trial.attempt(executor, SHORT_S)
    (give_up if executor.here else give_up_alone)(attempt.folder)
    (handle,) = trial.start(executor, [attempt])
    stand = trial.wait(executor, handle, _has_ended)
    end = trial.end(attempt, stand, None)
    never = end.result.digest is None
    yield Held("given up", never, f"it never began: {_said(stand)}" if never else "it began all the same")
    executor.close()


def _goes_on(folder: Path) -> bool:
    """Whether somebody still trains in a folder: its supervisor has not said how that ended, and its run prints."""
    if is_given_up(folder) and not _printed(folder):
        return False  # nobody has begun it
    before, until = _printed(folder), time.monotonic() + LAST_WORD_S
    while not (folder / EXIT).exists() and time.monotonic() < until:
        if _printed(folder) > before + A_WRITE:
            return True
        time.sleep(LOOK_S)
    return False


def _printed(folder: Path) -> int:
    """Bytes that the run in a folder has printed."""
    try:
        return len(read_plain(folder / LOG, LONGEST_LOG))
    except OSError:
        return 0


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
    """With a wide tolerance, for the executor is tried, and not how punctual its machine is."""
    return Budget(BudgetKind.WALL, seconds, LIMIT_S, tolerance=Fraction(9, 10))


_REQUEST = evolve(A_TRY, study="executor", budget=_budget(SHORT_S), checkpoint=Keeping(at_end=False, every_s=LIMIT_S))
