"""
Carrying out runs: slots, attempts, and what the ledger says about them.

The ledger knows of an attempt before its process exists and of a result only after its envelope lies on disk and was
read back.  Whether a run is made again is for the agenda to say; nothing here knows about gates.
"""

import contextlib
import sys
from collections import Counter, deque
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from promo.base.classes import define, evolve, frozen
from promo.base.errors import PromoError
from promo.ledger.journal import Journal
from promo.ledger.losses import Loss
from promo.ledger.moments import seconds_of
from promo.ledger.ports import Clock, Disk
from promo.ledger.state import Attempt, AttemptState, State, apply
from promo.ledger.values import AttemptLate, AttemptStarted, Event, Happening
from promo.plans.values import PlannedRun
from promo.run.ending import End, Wait, end_of
from promo.run.locks import BETWEEN
from promo.run.ports import Executor, Gathering, Place, Telling
from promo.run.program import OUTPUT_BYTES
from promo.run.store import (
    REQUEST,
    attempt_folder,
    checkpoint_of,
    read_whole,
    settle,
    write_request,
)
from promo.run.values import AttemptSpec, Ending, Exit, Phase, Reason, Request, Result, Resumed, Stand
from promo.study.limits import TIMED

T = TypeVar("T")
POLL_S = 0.05
POLL_SHARE = 0.02
"""Between two looks passes this share of the time since something last happened, and at most `POLL_S`."""
SOONEST_S, FAR_S = 0.0005, 0.025
"""And at the least: the second where nothing under way runs on this machine, for what is there is seen no sooner."""
MOST_UNBEGUN = 3
"""Jobs of a host that may end in a row before they have begun; no further one is started then."""


@frozen
class Task:
    """A run to be carried out: the request its worker gets; in a replay, the first recorded run that it reads."""

    run: PlannedRun
    request: Request
    """Without what is known only once an attempt is numbered: its number, and the state that it resumes."""
    recorded: int | None = None


@frozen
class Progress:
    """Something a display may want to show: an attempt began or ended."""

    task: Task
    result: Result | None
    """None when it began."""


@define
class _Live:
    """An attempt in flight."""

    run: str
    host: str
    number: int
    held: tuple[int, ...]
    """Numbers of the devices that it has there."""
    folder: str
    handle: object
    task: Task | None
    """None while an earlier promo's attempt has not been asked for again."""
    waits: Wait | None
    """How long it has waited in a queue, so far; None where there is no queue, or nobody saw it."""
    began: float | None = None
    """When it was first seen to run, by promo's monotonic clock; None until then, and where nobody saw it begin."""
    looked: bool = False
    """Whether this promo has looked where it stands."""


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
        devices: Callable[[str, str], int] = lambda stage, host: 1,
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
            devices: devices that a run of a stage has on a host.
            finish: whether attempts go on to their end when this process dies.
        """
        self._study, self._journal, self.state = study, journal, state
        self._disk, self._clock, self._places, self._watch = disk, clock, places, watch
        self._waiting: dict[str, deque[Task]] = {host: deque() for host in places}
        self._live: list[_Live] = []
        self._finish, self._last, self._ended, self._fits = finish, clock.monotonic(), ended, fits
        self._devices = devices
        self._refused = ""
        self._unbegun: Counter[str] = Counter()
        """Jobs of a host that ended before they had begun, since one did."""
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
        """
        Whether anything runs, or waits for no more than a slot and its devices.

        What the budget has no room for waits in vain, and so does what only results from outside make room for.
        """
        if self._under_way:
            return True
        for host, tasks in self._waiting.items():
            slots, free = self._left(host) if tasks else (0, [])
            first = next((task for task in tasks if self._fits(task.run)), None) if slots else None
            if first is not None and self._needs(first) <= len(free):
                return True
        return False

    def go_on(self) -> None:
        """
        Look once at everything that runs, start what fits, and wait a moment if nothing happened.

        What ended and what is about to start goes to disk with one flush, before anything starts.
        """
        self._stop_where_none_begins()
        ended: list[Progress] = []
        with self._journal.together():
            for live, stand in self._looked():
                if isinstance(stand, Phase):
                    self._note_phase(live, stand)
                else:
                    ended += self._end(live, stand)
            begun = [self._announce(task, held) for task, held in self._fitting()]
        for progress in ended:
            self._watch(progress)
        if self._refused:
            message = f"the disk refused what the run in {self._refused} had to write"
            raise PromoError(message, hint="free or fix the disk, then run again")
        for executor, those in self._by_executor(begun, lambda one: one[0].host):
            self._launch(executor, those)
        if ended or begun:
            self._last = self._clock.monotonic()
        else:
            still = self._clock.monotonic() - self._last
            here = any(self._places[live.host].executor.here for live in self._live)
            self._clock.sleep(min(max(POLL_SHARE * still, SOONEST_S if here else FAR_S), POLL_S))

    def _stop_where_none_begins(self) -> None:
        """
        What else runs comes to its end first.

        Raises:
            PromoError: jobs of a host end before they begin, and nothing else is under way.
        """
        held = [host for host, waiting in self._waiting.items() if waiting and self._is_held(host)]
        if held and not self._under_way:
            message = f"{self._unbegun[held[0]]} jobs of host '{held[0]}' in a row ended before they had begun"
            hint = f"see that its nodes have {self._study.resolve()} and {sys.executable}, then run again"
            raise PromoError(message, hint=hint)

    @property
    def _under_way(self) -> bool:
        """Whether anything runs that is waited for: somebody else's system is not."""
        return any(not (live.looked and self._places[live.host].outside) for live in self._live)

    def _is_held(self, host: str) -> bool:
        """Whether no more is started on a host, whose jobs would use up the attempts of their runs for nothing."""
        return self._unbegun[host] >= MOST_UNBEGUN

    def news(self) -> list[str]:
        """What executors have come upon that whoever runs the study ought to know, once."""
        executors = {id(place.executor): place.executor for place in self._places.values()}
        return [line for one in executors.values() if isinstance(one, Telling) for line in one.news()]

    def cancel(self, *, outside: bool = False) -> None:
        """
        End everything that runs, and then say so; those attempts are lost, not failed.

        Who may go on all the same stays under way, so that the next promo takes it up.  Whoever trains outside is left
        alone.  Where nothing is taken up any more (*outside*), both are lost too.

        Raises:
            PromoError: an executor cannot; what the others have is ended all the same.
        """
        ended: list[_Live] = []
        faults: list[PromoError] = []
        for executor, those in self._by_executor(self._live, lambda one: one.host):
            asked = [live for live in those if outside or not self._places[live.host].outside]
            try:
                going = executor.cancel([live.handle for live in asked]) or ()
            except PromoError as fault:
                faults.append(fault)
                continue
            ended += [live for live in asked if outside or all(live.handle is not one for one in going)]
        for live in ended:
            # Of who had a queue, its supervisor alone knows that nobody writes in its folder any more.
            for progress in self._end(live, Exit(None, Reason.CANCELLED) if live.waits is None else Loss.GONE):
                self._watch(progress)
        for waiting in self._waiting.values():
            waiting.clear()
        if faults:
            raise faults[0]
        self._settle_unseen()  # an attempt whose process could not be started stands in the ledger alone

    def close(self) -> None:
        """
        Nothing more is started.

        Raises:
            PromoError: an executor cannot clear up; all others have.
        """
        with contextlib.ExitStack() as all_of_them:
            for executor in {id(place.executor): place.executor for place in self._places.values()}.values():
                all_of_them.callback(executor.close)

    def _by_executor(self, those: Iterable[T], host: Callable[[T], str]) -> list[tuple[Executor, list[T]]]:
        """Attempts by who has them in hand: hosts may share an executor, and one look is enough for all."""
        found: dict[int, tuple[Executor, list[T]]] = {}
        for one in those:
            executor = self._places[host(one)].executor
            found.setdefault(id(executor), (executor, []))[1].append(one)
        return list(found.values())

    def _looked(self) -> Iterable[tuple[_Live, Stand]]:
        """Where everything in flight stands: one look for each executor."""
        for executor, those in self._by_executor(self._live, lambda one: one.host):
            yield from zip(those, executor.look([live.handle for live in those]), strict=True)

    def _note_phase(self, live: _Live, phase: Phase) -> None:
        """Time in a queue ends, and time of a device begins, when an attempt is first seen to run."""
        now = self._clock.monotonic()
        live.looked = True
        if live.waits is not None:
            live.waits.note(phase, now)
            if phase is Phase.RUNNING and live.began is None and live.waits.seen:
                live.began = now

    # --- one attempt -------------------------------------------------------------------------------------

    def _fitting(self) -> Iterable[tuple[Task, tuple[int, ...]]]:
        running = {live.run for live in self._live}
        for host, waiting in self._waiting.items():
            if self._is_held(host):
                continue
            slots, free = self._left(host) if waiting else (0, [])
            free = [number for number in free if self._is_free(host, number)] if slots else []
            while slots and free and (task := self._next(waiting, running, len(free))) is not None:
                running.add(task.run.id)
                held, free = tuple(free[: self._needs(task)]), free[self._needs(task) :]
                slots -= 1
                yield task, held

    def _left(self, host: str) -> tuple[int, list[int]]:
        """Slots of a host that no attempt of this study has, how many, and devices, by their numbers."""
        place, there = self._places[host], [live for live in self._live if live.host == host]
        taken = {number for live in there for number in live.held}
        return place.slots - len(there), [number for number in range(place.room) if number not in taken]

    def _needs(self, task: Task) -> int:
        return self._devices(task.run.stage, task.run.host)

    def _is_free(self, host: str, number: int) -> bool:
        """Whether a device is not another study's; who waits for one is told once."""
        place, free = self._places[host], self._places[host].is_free(number)
        device = place.devices((number,))
        if device is not None:
            self.elsewhere = self.elsewhere - {device} if free else self.elsewhere | {device}
        return free

    def _next(self, waiting: deque[Task], running: Container[str], free: int) -> Task | None:
        """
        The next task to start, of those that the study's budget has room for.

        A run that two stages have in common is trained once, for whoever asked first.  One that needs more devices
        than are free is waited for, so that those which need fewer do not hold it up for ever.
        """
        for _ in range(len(waiting)):
            task = waiting.popleft()
            if task.run.id in running or not self._fits(task.run):
                waiting.append(task)
            elif not self._ended(task.run):
                if self._needs(task) <= free:
                    return task
                waiting.appendleft(task)
                break
        return None

    def _announce(self, task: Task, held: tuple[int, ...]) -> tuple[_Live, AttemptSpec]:
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
        device = place.devices(held)
        others = place.co_tenants(device) if device is not None or request.budget.kind in TIMED else ()
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
                job=(job := place.executor.name(self._study / folder)),
            )
        )
        spec = AttemptSpec(
            folder=self._study / folder,
            environment=place.environment(device),
            limit_s=request.budget.limit_s,
            trainer=request.trainer,
            finish=self._finish,
            device=device,
            output_bytes=OUTPUT_BYTES if request.program is None else request.program.output_bytes,
            job=job,
            options=place.options,
            threads=request.threads,
        )
        waits = None if job is None else Wait(self._clock.monotonic())
        return _Live(run.id, run.host, number, held, folder, None, task, waits), spec

    def _launch(self, executor: Executor, begun: list[tuple[_Live, AttemptSpec]]) -> None:
        """Start what was announced: all of it at once where that is better, else one after the other."""
        if isinstance(executor, Gathering):
            for (live, _), handle in zip(begun, executor.start_all([spec for _, spec in begun]), strict=True):
                self._launched(live, handle)
            return
        for live, spec in begun:
            if live.waits is None and not self._places[live.host].outside:  # it has its device from now on
                live.began = self._clock.monotonic()
            self._launched(live, executor.start(spec))

    def _launched(self, live: _Live, handle: object) -> None:
        live.handle, place = handle, self._places[live.host]
        self._live.append(live)
        assert live.task is not None
        coming = self._waiting[live.host]
        if place.ahead and coming and self._needs(coming[0]) == len(live.held):  # it may have the same devices
            place.executor.prepare(live.handle)
        self._watch(Progress(live.task, None))

    def _kept(self, run: str) -> Resumed | None:
        """The state that the last attempt left behind if nobody saw its end; a failed one is begun anew."""
        tried = self.state.attempts.get(run, ())
        if not tried or tried[-1].state is not AttemptState.LOST:
            return None
        state = checkpoint_of(self._disk, self._study / tried[-1].folder)
        return None if state is None else Resumed(tried[-1].folder, state)

    def _end(self, live: _Live, said: Ending) -> list[Progress]:
        """Record how an attempt ended; what a display may want to show of it."""
        self._live.remove(live)
        now = self._clock.monotonic()
        seen_s = None if live.began is None else now - live.began
        of, wait = (live.run, live.number, live.folder), live.waits
        # A supervisor of this machine that is gone has taken its worker with it.
        gone = self._places[live.host].executor.here
        note = not self.state.replay
        end = end_of(self._disk, self._study, of, said, seen_s=seen_s, wait=wait, now=now, gone=gone, note=note)
        self._refused = live.folder if end.disk_full else self._refused
        self._unbegun[live.host] = self._unbegun[live.host] + 1 if end.loss is Loss.UNBEGUN else 0
        self._settle(end)
        if live.task is None:
            return []
        if self.state.accepted(live.run) is None:
            self.add([live.task])
        shown = end.result.digest is not None or not end.called_off
        return [Progress(live.task, end.result)] if shown else []

    def _settle(self, end: End) -> None:
        """Record an end; what is of a part of a run, or was written too late to be believed, is on record too."""
        self.record(end.happening)
        if end.beside is not None:
            self.record(AttemptLate(end.run, end.number, *end.beside))

    def _settle_unseen(self) -> None:
        """
        Attempts that an earlier promo started and did not see the end of, and results that came after all.

        Those of hosts that are not carried out now may go on in somebody's hands; who has their host settles them.
        """
        for attempt in self.state.running():
            place = self._places.get(attempt.host)
            if place is None:
                continue
            handle = place.executor.find(self._study / attempt.folder, attempt.job, place.options)
            if handle is not None:
                self._live.append(self._adopted(attempt, handle))
                continue
            of = (attempt.run, attempt.number, attempt.folder)
            self._settle(end_of(self._disk, self._study, of, None))
        self.note_late()

    def _adopted(self, attempt: Attempt, handle: object) -> _Live:
        """An attempt that an earlier promo started, taken up."""
        ago_s = seconds_of(self._clock.now()) - seconds_of(attempt.started)
        waits = None if attempt.job is None else Wait(self._clock.monotonic() - max(ago_s, 0), seen=False)
        return _Live(
            attempt.run, attempt.host, attempt.number, self._held(attempt), attempt.folder, handle, None, waits
        )

    def _held(self, attempt: Attempt) -> tuple[int, ...]:
        """Numbers of the devices of an attempt that goes on: those that it holds by their names, if they have names."""
        place, names = self._places[attempt.host], set((attempt.device or "").split(BETWEEN))
        _, free = self._left(attempt.host)
        mine = [number for number in free if place.devices((number,)) in names]
        return tuple(mine or free[: self._devices(attempt.stage, attempt.host)])

    def note_late(self) -> None:
        """Results of attempts that had been given up: they are recorded, and never count."""
        for attempt in self.state.every_attempt():
            given_up = attempt.state in (AttemptState.LOST, AttemptState.FAILED) and attempt.envelope is None
            if not given_up or attempt.late is not None:
                continue
            result = read_whole(self._disk, self._study / attempt.folder, None)
            if result.digest is not None:
                self.record(AttemptLate(attempt.run, attempt.number, result.digest, result.status))
