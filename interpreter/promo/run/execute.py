"""
Carrying out runs: slots, attempts, and what the ledger says about them.

The ledger knows of an attempt before its process exists and of a result only after its envelope lies on disk and was
read back.  Failed attempts are tried again as often as the task allows; an attempt that nobody saw the end of is
lost, which costs nothing of that allowance.  Nothing here knows about gates.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from attrs import define, frozen

from promo.base.canonical import Json
from promo.ledger.journal import Journal
from promo.ledger.ports import Clock, Disk
from promo.ledger.state import AttemptState, State, apply
from promo.ledger.values import Event, EventKind
from promo.run.ports import Executor
from promo.run.store import attempt_folder, checkpoint_of, read_result, write_request
from promo.run.values import OWN_FAULT, AttemptSpec, Exit, Result, RunStatus, Task

POLL_S = 0.05
ALLOWANCE_S = 300
"""Seconds beyond the training cap for start-up, warm-up and scoring before the supervisor steps in."""


class Place(Protocol):
    """A host as the orchestrator reaches it: its executor, and how a worker there is started."""

    @property
    def executor(self) -> Executor:
        """Starts attempts on this host."""

    @property
    def slots(self) -> int:
        """Runs at once."""

    def environment(self, slot: int) -> Mapping[str, str]:
        """Environment of a worker in a slot."""


@frozen
class Progress:
    """Something a display may want to show: an attempt began or ended."""

    task: Task
    slot: int
    result: Result | None
    """None when it began."""


@define
class _Live:
    """An attempt in flight."""

    task: Task
    number: int
    slot: int
    folder: str
    handle: object
    began: float


class Execution:
    """
    Runs tasks on hosts and keeps the ledger; the caller adds tasks and asks it to go on.

    *state* follows the ledger event by event.
    """

    def __init__(
        self,
        study: Path,
        journal: Journal,
        state: State,
        disk: Disk,
        clock: Clock,
        places: Mapping[str, Place],
        watch: Callable[[Progress], None],
    ) -> None:
        self._study, self._journal, self.state = study, journal, state
        self._disk, self._clock, self._places, self._watch = disk, clock, places, watch
        self._waiting: dict[str, deque[Task]] = {host: deque() for host in places}
        self._live: list[_Live] = []
        self._settle_unseen()

    def record(self, kind: EventKind, data: Mapping[str, Json]) -> Event:
        """Append an event to the ledger and take it into the state."""
        event = self._journal.append(kind, data)
        apply(self.state, event)
        return event

    def add(self, tasks: Iterable[Task]) -> None:
        """Queue those tasks that have not ended, in the given order."""
        for task in tasks:
            if not has_ended(self.state, task):
                self._waiting[task.run.host].append(task)

    def again(self, task: Task) -> None:
        """Queue a task although it had a result, because a guard set that aside."""
        self._waiting[task.run.host].append(task)

    @property
    def busy(self) -> bool:
        """Whether anything runs or waits."""
        return bool(self._live) or any(self._waiting.values())

    def go_on(self) -> None:
        """Start what fits, look once at everything that runs, and wait a moment if nothing ended."""
        for host, waiting in self._waiting.items():
            taken = {live.slot for live in self._live if live.task.run.host == host}
            free = [slot for slot in range(self._places[host].slots) if slot not in taken]
            while free and (task := self._next(waiting)) is not None:
                self._start(task, free.pop(0))
        if not any([self._look(live) for live in list(self._live)]):  # noqa: C419 - look at every one
            self._clock.sleep(POLL_S)

    def _next(self, waiting: deque[Task]) -> Task | None:
        """The next task to start; a run that two stages have in common is trained once, for whoever asked first."""
        running = {live.task.run.id for live in self._live}
        for _ in range(len(waiting)):
            task = waiting.popleft()
            if task.run.id in running:
                waiting.append(task)
            elif not has_ended(self.state, task):
                return task
        return None

    def cancel(self) -> None:
        """End everything that runs; those attempts are lost, not failed."""
        for live in list(self._live):
            self._places[live.task.run.host].executor.cancel(live.handle)
            self._end(live, Exit(None, "cancelled"), cancelled=True)
        self._settle_unseen()  # an attempt whose process could not be started stands in the ledger alone

    # --- one attempt -------------------------------------------------------------------------------------

    def _start(self, task: Task, slot: int) -> None:
        run, place = task.run, self._places[task.run.host]
        number = 1 + max((one.number for one in self.state.attempts.get(run.id, ())), default=0)
        folder = attempt_folder(run.stage, run.candidate, run.host, run.seed, number)
        while (self._study / folder).exists():  # left by a start that never reached the ledger
            number += 1
            folder = attempt_folder(run.stage, run.candidate, run.host, run.seed, number)
        request = {**task.request, "attempt": number, "resume": self._kept(run.id)}
        if task.recorded is not None:
            request["recorded"] = task.recorded + self.state.ended_badly(run.id)
        digest = write_request(self._disk, self._study / folder, request)
        self.record(
            EventKind.ATTEMPT_STARTED,
            {
                "run": run.id,
                "attempt": number,
                "stage": run.stage,
                "candidate": run.candidate,
                "host": run.host,
                "seed": run.seed,
                "folder": folder,
                "request": digest,
            },
        )
        budget = task.request["budget"]
        assert isinstance(budget, Mapping)
        cap_s = budget["cap_s"]
        assert isinstance(cap_s, int)
        spec = AttemptSpec(self._study / folder, place.environment(slot), 2 * cap_s + ALLOWANCE_S)
        began = self._clock.monotonic()
        handle = place.executor.start(spec)
        self._live.append(_Live(task, number, slot, folder, handle, began))
        self._watch(Progress(task, slot, None))

    def _kept(self, run: str) -> dict[str, Json] | None:
        """The state that the last attempt left behind if nobody saw its end; a failed one is begun anew."""
        tried = self.state.attempts.get(run, ())
        if not tried or tried[-1].state is not AttemptState.LOST:
            return None
        state = checkpoint_of(self._disk, self._study / tried[-1].folder)
        return None if state is None else {"folder": tried[-1].folder, "state": state}

    def _look(self, live: _Live) -> bool:
        """Whether an attempt has ended; if so it is settled."""
        exit_ = self._places[live.task.run.host].executor.poll(live.handle)
        if exit_ is None:
            return False
        self._end(live, exit_, cancelled=False)
        return True

    def _end(self, live: _Live, exit_: Exit, *, cancelled: bool) -> None:
        self._live.remove(live)
        result = read_result(self._disk, self._study / live.folder, exit_)
        # Reading a record takes no device's time: what the record says counts.
        taken_s = None if result.recorded else self._clock.monotonic() - live.began
        self._settle(live.task.run.id, live.number, live.folder, result, taken_s, lost=cancelled)
        if result.digest is not None or not cancelled:  # a run that was called off has no end worth showing
            self._watch(Progress(live.task, live.slot, result))
        if not cancelled and result.status is not RunStatus.OK:
            self.add([live.task])

    def _settle(self, run: str, number: int, folder: str, result: Result, taken_s: float | None, *, lost: bool) -> None:
        """Record how an attempt ended; a sound result counts even when nobody waited for it."""
        data: dict[str, Json] = {
            "run": run,
            "attempt": number,
            "status": result.status.value,
            "cause": result.cause,
            "envelope": result.digest,
            "train_s": result.charged_s,
            "device_s": result.seconds.get("total") if taken_s is None else f"{taken_s:.3f}",
        }
        if result.status is RunStatus.OK:
            self.record(EventKind.RESULT_ACCEPTED, {**data, "metrics": dict(result.metrics)})
        elif lost and result.digest is None:
            data["status"], data["cause"] = "lost", "promo ended before it did"
            self.record(EventKind.ATTEMPT_LOST, data)
        else:
            self.record(EventKind.ATTEMPT_FAILED, data)

    def _settle_unseen(self) -> None:
        """Attempts that an earlier promo started and did not see the end of."""
        for attempt in self.state.running():
            result = read_result(self._disk, self._study / attempt.folder, None)
            self._settle(attempt.run, attempt.number, attempt.folder, result, None, lost=True)


def has_ended(state: State, task: Task) -> bool:
    """Whether nothing more will happen to a task, unless a guard sets its result aside: a result, or no tries left."""
    run = task.run.id
    tried = state.attempts.get(run, ())
    if state.accepted(run) is not None:
        return True
    if tried and tried[-1].state is AttemptState.FLAGGED:
        return not tried[-1].again
    crashes = state.failures(run, OWN_FAULT)
    return (
        not may_repeat(state, task)
        or crashes > task.crash_reruns
        or state.failures(run) - crashes > task.missing_reruns
    )


def may_repeat(state: State, task: Task, *, after: int = 0) -> bool:
    """Whether there is a run left when *after* more have ended badly; in a replay there are those recorded."""
    return task.tries is None or state.ended_badly(task.run.id) + after < task.tries
