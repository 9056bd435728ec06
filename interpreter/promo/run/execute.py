"""
Carrying out runs: slots, attempts, and what the ledger says about them.

The ledger knows of an attempt before its process exists and of a result only after its envelope lies on disk and was
read back.  Whether a run is made again is for the agenda to say; nothing here knows about gates.
"""

from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import Protocol, assert_never

from attrs import define, evolve, frozen

from promo.base.canonical import from_exact
from promo.base.errors import PromoError
from promo.ledger.journal import Journal
from promo.ledger.ports import Clock, Disk
from promo.ledger.state import Attempt, AttemptState, State, apply
from promo.ledger.values import (
    AttemptFailed,
    AttemptLate,
    AttemptLost,
    AttemptStarted,
    Event,
    Happening,
    Loss,
    ResultAccepted,
)
from promo.plan.values import PlannedRun
from promo.run.disk import refusal
from promo.run.ports import Executor
from promo.run.program import OUTPUT_BYTES
from promo.run.store import (
    REQUEST,
    attempt_folder,
    checkpoint_of,
    is_whole,
    read_exit,
    read_whole,
    seconds_spent,
    settle,
    witnesses,
    write_exit,
    write_request,
)
from promo.run.values import NO_DISK, AttemptSpec, Exit, Reason, Request, Result, Resumed, RunStatus
from promo.study.values import TIMED

POLL_S = 0.05
POLL_SHARE = 0.02
"""Between two looks passes this share of the time since something last happened, and at most `POLL_S`."""
SOONEST_S = 0.0005
PARTIAL = "it did not end by itself, and nothing shows that it had used its budget"
UNSEEN = frozenset({Reason.CANCELLED, Reason.BUSY, Reason.GIVEN_UP})
"""Reasons of attempts that ended before anything could be said of their candidate."""


@frozen
class Task:
    """A run to be carried out: the request its worker gets; in a replay, the first recorded run that it reads."""

    run: PlannedRun
    request: Request
    """Without what is known only once an attempt is numbered: its number, and the state that it resumes."""
    recorded: int | None = None


class Place(Protocol):
    """A host as the orchestrator reaches it: its executor, and how a worker there is started."""

    @property
    def executor(self) -> Executor:
        """Starts attempts on this host."""

    @property
    def slots(self) -> int:
        """Runs at once."""

    @property
    def ahead(self) -> bool:
        """Whether the next worker may be started while one trains, because processor time is to spare."""

    def device(self, slot: int) -> str | None:
        """The device that whoever has the slot holds, by its lasting name; None for a processor."""

    def is_free(self, slot: int) -> bool:
        """Whether no other study of this machine has the device of a slot."""

    def co_tenants(self, slot: int) -> tuple[str, ...]:
        """Who computes where a slot does, besides this study: programs on its device, or studies on processors."""

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

    run: str
    host: str
    number: int
    slot: int
    folder: str
    handle: object
    began: float
    task: Task | None
    """None while an earlier promo's attempt has not been asked for again."""
    adopted: bool = False
    """Whether an earlier promo started it."""


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
        ended: Callable[[PlannedRun], bool],
        fits: Callable[[PlannedRun], bool] = lambda run: True,
        *,
        finish: bool = False,
    ) -> None:
        """
        Take up a study.

        Args:
            study: its folder.
            journal: its ledger.
            state: what the ledger adds up to.
            disk: the file system.
            clock: time.
            places: the hosts that are here.
            watch: called when an attempt has begun or ended.
            ended: whether nothing more is due for a run, as *state* stands.
            fits: whether the study's budget has room for another attempt of a run, as *state* stands.
            finish: whether attempts go on to their end when this process dies.
        """
        self._study, self._journal, self.state = study, journal, state
        self._disk, self._clock, self._places, self._watch = disk, clock, places, watch
        self._waiting: dict[str, deque[Task]] = {host: deque() for host in places}
        self._live: list[_Live] = []
        self._finish, self._last, self._ended, self._fits = finish, clock.monotonic(), ended, fits
        self._refused = ""
        self.elsewhere: frozenset[str] = frozenset()
        """Devices that are waited for because another study has them."""
        self.shared: dict[str | None, tuple[str, ...]] = {}
        """
        Device -> programs that computed on it when the last attempt there began, and that promo did not start.

        None: the processors of this machine, and the other studies there; only where seconds of the clock are a budget.
        """
        self._settle_unseen()

    def record(self, happening: Happening) -> Event:
        """Append an event to the ledger and take it into the state."""
        event = self._journal.append(happening)
        apply(self.state, event)
        return event

    def add(self, tasks: Iterable[Task]) -> None:
        """Queue those tasks that have not ended, in the given order."""
        for task in tasks:
            live = next((one for one in self._live if one.run == task.run.id), None)
            if live is not None:
                live.task = task
            elif not self._ended(task.run):
                self._waiting[task.run.host].append(task)

    @property
    def busy(self) -> bool:
        """Whether anything runs, or waits for no more than a slot; what the budget has no room for waits in vain."""
        waiting = (task.run for tasks in self._waiting.values() for task in tasks)
        return bool(self._live) or any(self._fits(run) for run in waiting)

    def go_on(self) -> None:
        """
        Look once at everything that runs, start what fits, and wait a moment if nothing happened.

        What ended and what is about to start goes to disk with one flush, before anything starts.
        """
        ended: list[Progress] = []
        with self._journal.together():
            for live in list(self._live):
                exit_ = self._executor(live.host).poll(live.handle)
                if exit_ is not None:
                    ended += self._end(live, exit_)
            begun = [self._announce(task, slot) for task, slot in self._fitting()]
        for progress in ended:
            self._watch(progress)
        if self._refused:
            message = f"the disk refused what the run in {self._refused} had to write"
            raise PromoError(message, hint="free or fix the disk, then run again")
        for live, spec in begun:
            self._launch(live, spec)
        if ended or begun:
            self._last = self._clock.monotonic()
        else:
            still = self._clock.monotonic() - self._last
            self._clock.sleep(min(max(POLL_SHARE * still, SOONEST_S), POLL_S))

    def cancel(self) -> None:
        """End everything that runs, and then say so; those attempts are lost, not failed."""
        for live in self._live:
            self._executor(live.host).cancel(live.handle)
        for live in list(self._live):
            for progress in self._end(live, Exit(None, Reason.CANCELLED)):
                self._watch(progress)
        for waiting in self._waiting.values():
            waiting.clear()
        self._settle_unseen()  # an attempt whose process could not be started stands in the ledger alone

    def close(self) -> None:
        """Nothing more is started."""
        for place in self._places.values():
            place.executor.close()

    def _executor(self, host: str) -> Executor:
        return self._places[host].executor

    # --- one attempt -------------------------------------------------------------------------------------

    def _fitting(self) -> Iterable[tuple[Task, int]]:
        running = {live.run for live in self._live}
        for host, waiting in self._waiting.items():
            taken = {live.slot for live in self._live if live.host == host}
            free = [slot for slot in range(self._places[host].slots) if slot not in taken] if waiting else []
            free = [slot for slot in free if self._is_free(host, slot)]
            while free and (task := self._next(waiting, running)) is not None:
                running.add(task.run.id)
                yield task, free.pop(0)

    def _is_free(self, host: str, slot: int) -> bool:
        """Whether a slot's device is not another study's; who waits for one is told once."""
        place, free = self._places[host], self._places[host].is_free(slot)
        device = place.device(slot)
        if device is not None:
            self.elsewhere = self.elsewhere - {device} if free else self.elsewhere | {device}
        return free

    def _next(self, waiting: deque[Task], running: Container[str]) -> Task | None:
        """
        The next task to start, of those that the study's budget has room for.

        A run that two stages have in common is trained once, for whoever asked first.
        """
        for _ in range(len(waiting)):
            task = waiting.popleft()
            if task.run.id in running or not self._fits(task.run):
                waiting.append(task)
            elif not self._ended(task.run):
                return task
        return None

    def _announce(self, task: Task, slot: int) -> tuple[_Live, AttemptSpec]:
        """Write the request, and say in the ledger that the attempt is about to start."""
        run, place = task.run, self._places[task.run.host]
        number = 1 + max((one.number for one in self.state.attempts.get(run.id, ())), default=0)
        folder = attempt_folder(run.stage, run.candidate, run.host, run.seed, number)
        while (
            self._disk.read(self._study / folder / REQUEST) is not None
        ):  # left by a start that never reached the ledger, and kept, for it tells why a number is missing there
            settle(self._disk, self._study, folder)
            number += 1
            folder = attempt_folder(run.stage, run.candidate, run.host, run.seed, number)
        request = evolve(task.request, attempt=number, resume=self._kept(run.id))
        if task.recorded is not None:
            request = evolve(request, recorded=task.recorded + self.state.ended_badly(run.id))
        device = place.device(slot)
        others = place.co_tenants(slot) if device is not None or request.budget.kind in TIMED else ()
        self.shared[device] = others
        self.record(
            AttemptStarted(
                run=run.id,
                attempt=number,
                stage=run.stage,
                candidate=run.candidate,
                host=run.host,
                seed=run.seed,
                folder=folder,
                request=write_request(self._disk, self._study / folder, request),
                device=device,
                co_tenants=others,
                bundle=None,
            )
        )
        spec = AttemptSpec(
            folder=self._study / folder,
            environment=place.environment(slot),
            limit_s=request.budget.limit_s,
            trainer=request.trainer,
            finish=self._finish,
            device=device,
            output_bytes=OUTPUT_BYTES if request.program is None else request.program.output_bytes,
        )
        return _Live(run.id, run.host, number, slot, folder, None, 0.0, task), spec

    def _launch(self, live: _Live, spec: AttemptSpec) -> None:
        place = self._places[live.host]
        live.began = self._clock.monotonic()
        live.handle = place.executor.start(spec)
        self._live.append(live)
        if place.ahead and self._waiting[live.host]:
            place.executor.prepare(live.handle)
        assert live.task is not None
        self._watch(Progress(live.task, live.slot, None))

    def _kept(self, run: str) -> Resumed | None:
        """The state that the last attempt left behind if nobody saw its end; a failed one is begun anew."""
        tried = self.state.attempts.get(run, ())
        if not tried or tried[-1].state is not AttemptState.LOST:
            return None
        state = checkpoint_of(self._disk, self._study / tried[-1].folder)
        return None if state is None else Resumed(tried[-1].folder, state)

    def _end(self, live: _Live, exit_: Exit) -> list[Progress]:
        """Record how an attempt ended; what a display may want to show of it."""
        self._live.remove(live)
        exit_ = self._seen(live.folder, exit_)
        result = self._result(live.folder, exit_)
        full = exit_.returncode == NO_DISK and result.digest is None
        self._refused = live.folder if full else self._refused
        # Reading a record takes no device's time: what the record says counts.
        taken_s = None if result.recorded or live.adopted else self._clock.monotonic() - live.began
        self._settle(live.run, live.number, live.folder, result, taken_s, Loss.DISK if full else _loss(exit_))
        if live.task is None:
            return []
        if self.state.accepted(live.run) is None:
            self.add([live.task])
        seen = exit_.reason not in UNSEEN or result.digest is not None  # what was called off has no end worth showing
        return [Progress(live.task, live.slot, result)] if seen else []

    def _seen(self, folder: str, exit_: Exit) -> Exit:
        """How an attempt ended by its supervisor, who was nearer than we are; where none wrote it down, we do."""
        written = read_exit(self._disk, self._study / folder)
        if written is None and not self.state.replay and _loss(exit_) is None:
            write_exit(self._disk, self._study / folder, exit_)
        return written or exit_

    def _result(self, folder: str, exit_: Exit | None) -> Result:
        """What an attempt left; it is durable before anybody hears of it.  A part of a run is none of its results."""
        place = self._study / folder
        result = read_whole(self._disk, place, exit_)
        if result.status is RunStatus.OK and not is_whole(self._disk, place, result, exit_):
            result = evolve(result, status=RunStatus.KILLED, cause=PARTIAL)
        try:
            settle(self._disk, self._study, folder)
        except OSError as fault:
            raise refusal(f"what the run in {folder} left", fault) from fault
        return result

    def _settle(
        self,
        run: str,
        number: int,
        folder: str,
        result: Result,
        taken_s: float | None,
        loss: Loss | None,
        *,
        over: bool = True,
    ) -> None:
        """
        Record how an attempt ended: the sound result of a whole run counts, whoever called it off; nothing else does.

        *over*: whoever wrote in its folder is gone, so that its files can be recorded.
        """
        device_s = self._device_s(folder, result) if taken_s is None else f"{taken_s:.3f}"
        left = witnesses(self._disk, self._study / folder) if over else {}
        if result.status is RunStatus.OK:
            assert result.digest is not None and result.body is not None
            body = result.body
            self.record(
                ResultAccepted(
                    run=run,
                    attempt=number,
                    envelope=result.digest,
                    metrics=body.metrics,
                    seconds=body.seconds,
                    work=body.work,
                    contention=body.contention,
                    device_s=device_s,
                    witnesses=left,
                    bundle=None,
                )
            )
        elif loss is not None:
            self.record(AttemptLost(run, number, loss, device_s, left, None))
            if result.digest is not None:  # of a part of a run, or written too late to be believed
                self.record(AttemptLate(run, number, result.digest, result.status))
        else:
            cause, charged_s = result.cause, result.charged_s
            self.record(
                AttemptFailed(run, number, result.status, cause, result.digest, charged_s, device_s, left, None)
            )

    def _device_s(self, folder: str, result: Result) -> str | None:
        """
        Device time that an attempt took at least whose end nobody here saw, also where it was lost.

        A supervisor's clock encloses its worker's, so with a result the larger of the two counts.
        """
        place = self._study / folder
        if result.digest is None:
            return seconds_spent(self._disk, place)
        exit_ = read_exit(self._disk, place)
        written = (result.seconds.get("total"), None if exit_ is None else exit_.seconds)
        return max((one for one in written if one is not None), key=from_exact, default=None)

    def _settle_unseen(self) -> None:
        """
        Attempts that an earlier promo started and did not see the end of, and results that came after all.

        Those of hosts that are not carried out now may go on in somebody's hands; who has their host settles them.
        """
        for attempt in self.state.running():
            place = self._places.get(attempt.host)
            if place is None:
                continue
            handle = place.executor.find(self._study / attempt.folder)
            if handle is not None:
                run, host, number, folder = attempt.run, attempt.host, attempt.number, attempt.folder
                slot = self._slot_of(attempt)
                self._live.append(_Live(run, host, number, slot, folder, handle, 0.0, None, adopted=True))
                continue
            exit_ = read_exit(self._disk, self._study / attempt.folder)
            result = self._result(attempt.folder, exit_)
            loss = Loss.GONE if exit_ is None else _loss(exit_)
            self._settle(attempt.run, attempt.number, attempt.folder, result, None, loss, over=exit_ is not None)
        self.note_late()

    def _slot_of(self, attempt: Attempt) -> int:
        """The slot of an attempt that goes on: the one whose device it holds."""
        place = self._places[attempt.host]
        taken = {live.slot for live in self._live if live.host == attempt.host}
        free = [slot for slot in range(place.slots) if slot not in taken] or [place.slots]
        return next((slot for slot in free if place.device(slot) == attempt.device), free[0])

    def note_late(self) -> None:
        """Results of attempts that had been given up: they are recorded, and never count."""
        for attempt in self.state.every_attempt():
            given_up = attempt.state in (AttemptState.LOST, AttemptState.FAILED) and attempt.envelope is None
            if not given_up or attempt.late is not None:
                continue
            result = read_whole(self._disk, self._study / attempt.folder, None)
            if result.digest is not None:
                self.record(AttemptLate(attempt.run, attempt.number, result.digest, result.status))


def _loss(exit_: Exit) -> Loss | None:
    """Why nobody knows how an attempt would have ended; None where it came to an end of its own, or to its limit."""
    match exit_.reason:
        case Reason.ITSELF | Reason.LIMIT:
            return None
        case Reason.BUSY:
            return Loss.BUSY
        case Reason.CANCELLED | Reason.GIVEN_UP | Reason.SUPERVISOR:
            return Loss.GONE
        case _:
            assert_never(exit_.reason)
