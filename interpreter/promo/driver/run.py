"""
The agenda, carried out: whatever is due is done and recorded, and attempts are started where they fit.

Everything that has happened stands in the ledger, so starting and resuming are the same: read the state, and do what
is due.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from os.path import relpath
from pathlib import Path
from typing import assert_never

from promo import __version__
from promo.base.canonical import canonical, digest_bytes
from promo.base.classes import evolve
from promo.base.codec import to_json
from promo.base.differences import differences
from promo.base.errors import ExitCode, Mismatch, PromoError
from promo.curves.replay import Replay
from promo.decision.agenda import AwaitBudget, Close, Decide, Estimate, Finish, Make, Open, SetAside, Step, Stop, Wait
from promo.decision.spending import Allowed
from promo.decision.values import Decision, verdict_of
from promo.driver.amend import other_wording_file
from promo.driver.anchor import keep_head, may_start
from promo.driver.frozen import first_lock, frozen_files
from promo.driver.hosts import LESS, crowded, on_processors, places, recorded_places
from promo.driver.interrupts import Interrupts
from promo.driver.pipeline import Compiled
from promo.driver.requests import Requests
from promo.driver.same import inputs_here, no_strangers, runner_here, same_inputs, same_runner, same_source, same_study
from promo.driver.shared import TRIED, see_shared, share, where_words
from promo.driver.starts import start_once
from promo.driver.study import DATA, LEDGER, STREAMS, StudyFolder
from promo.driver.values import Display, Ending, ending_of
from promo.evidence.estimates import EffectTable
from promo.evidence.values import Evidence
from promo.ledger.journal import Journal
from promo.ledger.moments import seconds_of
from promo.ledger.ports import Clock
from promo.ledger.sources import Input, Text
from promo.ledger.state import State, StudyState, apply, state_of
from promo.ledger.values import (
    Decided,
    EffectsEstimated,
    Freezing,
    ResultFlagged,
    StageClosed,
    StageOpened,
    Start,
    StudyClosed,
    StudyStopped,
    TextPrepared,
    Verdict,
)
from promo.plans.values import PlannedRun
from promo.report.changed import caller
from promo.report.decided import attempts_words, flag_words
from promo.report.design import effect_name
from promo.run.corpora import MOST_OVERLAP, Prepared, changed_source, prepare
from promo.run.execute import Execution, Progress
from promo.run.locks import Lock, lock_study
from promo.run.moved import AnchoredDisk
from promo.run.ports import Place
from promo.run.provenance import Origin
from promo.run.runners.files.declare import FileRunner
from promo.run.store import PROGRAM
from promo.study.ports import Runner
from promo.study.values import Study

MINUTE = 60
PROCESSORS = f"the processors of this machine are shared with another study, {{programs}}: {LESS}"
SHARED = "{device} is shared with {programs}, which promo did not start: runs there take longer than they would alone"


def run_study(
    compiled: Compiled,
    spec_folder: Path,
    folder: StudyFolder,
    *,
    clock: Clock,
    environment: Mapping[str, str],
    display: Display,
    origin: Origin,
    only: str | None = None,
    freeze_only: bool = False,
    replay: Replay | None = None,
    finish: bool = False,
    saved: Path | None = None,
    shared: Path | None = None,
) -> Ending:
    """
    Start a study, or go on with it.

    Args:
        compiled: the spec through every pass.
        spec_folder: paths in the spec start here.
        folder: where the study lives.
        clock: time.
        environment: promo's own environment, of which workers see a part.
        display: what the user sees.
        origin: where the command came from.
        only: the one host whose runs are carried out; None for all.
        freeze_only: record what is frozen and stop there, so that somebody can vouch for it before anything runs.
        replay: recorded curves that stand for its runs; without them, runs are trained.
        finish: whether runs that train go on to their end when this process dies; they end with it otherwise.
        saved: the plan file that it is started by, which starts once.
        shared: a folder that workers on other machines see, where a study that begins keeps its runs.

    Raises:
        SpecError: the spec has errors.
        Busy: another process works on the study.
        Mismatch: the spec, its frozen rules, the runner or the data are not those the study was started with.
        PromoError: a host is not here, or something cannot be read or written.
    """
    study, plan = compiled.sound()
    with lock_study(folder.path, folder.disk) as lock:
        folder, disk, state = _entered(folder, lock, shared, display)
        fresh = state.study is StudyState.EMPTY
        if not fresh:
            compiled = _as_begun(folder, state, compiled, replay)
            if state.study in (StudyState.CLOSED, StudyState.STOPPED):
                return _shown_again(display, compiled, state)
        if not freeze_only and replay is None:
            may_start(study, state, folder)
        assert compiled.runner is not None
        here = _places(study, compiled.runner, replay, disk, environment, only)
        journal = Journal(folder.path / LEDGER, disk, clock)
        drawn = (replay, finish, inputs_here(compiled.runner, environment) if replay is None else (), disk.look)
        loop = _Loop(compiled, spec_folder, folder, journal, clock, here, display, origin, *drawn)
        begin = partial(start_once, saved, plan.digest, folder, only) if saved and fresh else None
        with on_processors(here, environment), disk.looked_at():
            ending = loop.run(begin, fresh=fresh, freeze_only=freeze_only)
        keep_head(folder)
        return ending


def _places(
    study: Study,
    runner: Runner,
    replay: Replay | None,
    disk: AnchoredDisk,
    environment: Mapping[str, str],
    only: str | None,
) -> Mapping[str, Place]:
    """How to reach each host: through its table in a replay."""
    return recorded_places(study, replay, disk) if replay else places(study, runner, environment, only)


def _entered(
    folder: StudyFolder, lock: Lock, shared: Path | None, display: Display
) -> tuple[StudyFolder, AnchoredDisk, State]:
    """A study folder whose lock is held, with a disk that stays with it, and what its ledger adds up to."""
    folder = evolve(folder, disk=(disk := AnchoredDisk(folder.disk, folder.path, lock)))
    state = folder.state() if folder.exists else State()
    fresh = state.study is StudyState.EMPTY
    no_strangers(folder, state, fresh=fresh)
    if shared is not None and fresh:
        share(folder.path, shared)
        display.say(f"{where_words(folder.path)}: {TRIED}")
    see_shared(folder.path)
    return folder, disk, state


def _as_begun(folder: StudyFolder, state: State, compiled: Compiled, replay: Replay | None) -> Compiled:
    """A study that has begun, with its rules as they are in force; what is at hand is what it was begun with."""
    same_source(folder, state, replay)
    same_study(folder, state, compiled, replay)
    return folder.in_force(folder.compiled(), state) if state.amendments else compiled


def _shown_again(display: Display, compiled: Compiled, state: State) -> Ending:
    """A study that has ended is shown, and nothing of it goes on."""
    study, plan = compiled.sound()
    display.begin(study, plan, state)
    display.end(state)
    return ending_of(study, plan, state)


class _Loop:
    def __init__(
        self,
        compiled: Compiled,
        spec_folder: Path,
        folder: StudyFolder,
        journal: Journal,
        clock: Clock,
        here: Mapping[str, Place],
        display: Display,
        origin: Origin,
        replay: Replay | None,
        finish: bool,
        inputs: tuple[Input, ...],
        look: Callable[[], None],
    ) -> None:
        self.compiled, self.spec_folder, self.folder = compiled, spec_folder, folder
        self.journal, self.clock, self.places, self.display, self.origin = journal, clock, here, display, origin
        self.study, self.plan = compiled.sound()
        assert compiled.runner is not None
        self.runner: Runner = compiled.runner
        self.replay, self.finish, self.inputs = replay, finish, inputs
        self.requests = Requests(compiled, folder, replay)
        self.agenda = self.requests.agenda
        self._room = (-1, Allowed())
        """Events of the ledger, and what was left of the budgets then."""
        self.disk, self.look = folder.disk, look
        self.call = caller(self.study, self.plan)

    def run(self, begin: Callable[[str], None] | None, *, fresh: bool, freeze_only: bool) -> Ending:
        """Carry the study to its end, or to an interruption; *begin* may refuse a start, given the time."""
        state = state_of(self.journal.events)
        self.display.begin(self.study, self.plan, state)
        try:
            if not fresh:
                same_runner(state, self.runner)
                same_inputs(self.folder, state, self.inputs)
            text = self._needed_text(state)  # whatever is wrong with it is said before anything is recorded
            if fresh:
                if begin is not None:
                    begin(self.clock.now())
                self._freeze()
                state = state_of(self.journal.events)
            if freeze_only:
                return Ending(ExitCode.DONE)
            with Interrupts() as interrupts:
                self._start(state)
                self._say_crowded()
                try:
                    self._keep_text(text)
                    self._keep_program()
                    self._carry_out(interrupts)
                except BaseException as fault:
                    for last in (self.execution.cancel, self._say_news, self.execution.close):
                        with contextlib.suppress(PromoError):  # what stopped it is what is told
                            last()
                    if interrupts.asked and isinstance(fault, PromoError):  # it was waited for, and told to end
                        self.display.say(f"warning: {fault}")
                        interrupts.check()
                    raise
                self.execution.close()
        finally:
            self.display.end(state)
        return ending_of(self.study, self.plan, state)

    # --- beginning ---------------------------------------------------------------------------------------

    def _start(self, state: State) -> None:
        """Say who works on the study from here on, before anything else is recorded, and take up what is under way."""
        origin = self.origin
        begun = Start(__version__, origin.commit, origin.command, origin.packages, origin.code, self.inputs)
        apply(state, self.journal.append(begun))
        self.execution = Execution(
            self.folder.path,
            self.journal,
            state,
            self.disk,
            self.clock,
            self.places,
            self._progress,
            lambda run: self.agenda.run_has_ended(run, state),
            lambda run: self._fits(run, state),
            self.study.devices,
            finish=self.finish,
        )

    def _fits(self, run: PlannedRun, state: State) -> bool:
        """
        Whether the study's budgets have room for another attempt; what is left moves with events alone.

        The attempt is priced by the time at which its start is recorded, which may fall on the day after now's.
        """
        if self._room[0] != state.events:
            self._room = (state.events, self.agenda.room(state))
        room = self._room[1]
        if room.money is None:  # nothing depends on the day
            return room.fits(self.agenda.needs(run.stage, run.host, ""))
        now = self.clock.now()
        return all(room.fits(self.agenda.needs(run.stage, run.host, moment)) for moment in (now, _later(now, MINUTE)))

    def _say_crowded(self) -> None:
        words = crowded(self.places, self.study)
        if words:
            self.display.say(f"warning: {words}")

    def _freeze(self) -> None:
        """Put spec, lock and plan into the folder, and record their digests before anything else."""
        lock = first_lock(self.compiled, self.clock.now(), self.origin.commit)
        files = frozen_files(self.compiled, lock, self.replay)
        for name, content in files.items():
            self.disk.write(self.folder.path / name, content)
        self.journal.append(
            Freezing(
                study=self.study.name,
                plan=self.plan.digest,
                seals=dict(self.plan.seals),
                files={name: digest_bytes(content) for name, content in files.items()},
                runner=runner_here(self.runner),
                promo=__version__,
                code=self.origin.code,
                commit=self.origin.commit,
                replay=self.replay.summary() if self.replay else None,
            )
        )

    def _needed_text(self, state: State) -> Prepared | None:
        """The study's text, read and split, unless it lies in the folder already."""
        if self.study.data is None or self.replay:
            return None
        if state.text is not None and all(self._on_disk(state.text, number) for number in self._streams()):
            other = tuple(changed_source(self.study.data, state.text, self.spec_folder))
            if other:
                raise self._other_text(other)
            return None
        self.display.say(f"reading the text '{self.study.data.source}'")
        prepared = prepare(self.study.data, self.spec_folder)
        if state.text is not None and state.text != prepared.manifest:
            raise self._other_text(tuple(differences(to_json(state.text), to_json(prepared.manifest), ("text",))))
        shared = Fraction(prepared.manifest.overlap)
        if shared > MOST_OVERLAP:
            self.display.say(f"warning: {float(shared):.0%} of the held-out text is also in the training text")
        elsewhere = self.folder.text(state)
        if elsewhere not in (None, prepared.manifest.digest):
            message = f"the text '{self.study.data.source}' is not the one that runs on other hosts were trained on"
            details = (f"digest: {prepared.manifest.digest}, and there {elsewhere}",)
            hint = "each machine needs the same text, or a source that is the same everywhere: builtin:synth/1"
            raise Mismatch(message, hint=hint, details=details)
        return prepared

    def _other_text(self, details: tuple[str, ...]) -> Mismatch:
        assert self.study.data is not None
        message = f"the text '{self.study.data.source}' is not the one this study was started with"
        return Mismatch(message, hint="restore the text, or start a new study with --study", details=details)

    def _streams(self) -> range:
        """Files of the prepared text, by their place among `STREAMS`; lengths only where tokens are not bytes."""
        assert self.study.data is not None
        return range(2 if self.study.data.tokens is None else 3)

    def _on_disk(self, text: Text, number: int) -> bool:
        return self.disk.digest(self.folder.path / DATA / STREAMS[number]) == text.of_stream(number)

    def _keep_text(self, text: Prepared | None) -> None:
        """Put the streams into the folder, and say in the ledger what they are."""
        if text is None:
            return
        place = self.folder.path / DATA
        self.disk.make_folder(place)
        contents = (text.train, text.validation, *([] if text.lengths is None else [text.lengths]))
        for name, content in zip(STREAMS, contents, strict=False):
            self.disk.write(place / name, content)
        if self.execution.state.text is None:
            self.execution.record(TextPrepared(text.manifest))

    def _keep_program(self) -> None:
        """Files of a runner that is kept in files, where workers find them."""
        if not isinstance(self.runner, FileRunner):
            return
        for name, text in self.runner.files.items():
            place = self.folder.path / PROGRAM / relpath(name, self.runner.folder)
            self.disk.make_folder(place.parent)
            if self.disk.read(place) != text.encode():
                self.disk.write(place, text.encode())

    # --- the agenda --------------------------------------------------------------------------------------

    def _carry_out(self, interrupts: Interrupts) -> None:
        state = self.execution.state
        for stage in state.opened:
            if stage not in state.closed:
                self._queue(stage)
        while state.study is StudyState.OPEN:
            interrupts.check()
            self.look()
            step = next(iter(self.agenda.moves(state)), None)
            if step is not None:
                self._do(step)
            elif self.execution.busy:
                self._go_on()
                self.display.tick(state)
            else:
                return  # a person has to decide, another host to run, or the budget to be amended

    def _do(self, step: Step) -> None:
        match step:
            case Open():
                self.execution.record(StageOpened(step.stage, step.entrants))
                self._queue(step.stage)
            case SetAside():
                self._set_aside(step)
            case Decide():
                self._decide(step.name)
            case Close():
                self._close(step.stage)
            case Estimate():
                self._estimate(step.name)
            case Stop():
                self.execution.cancel(outside=True)  # first: a study that has stopped is never taken up again
                self.execution.record(StudyStopped(step.by))
            case Finish():
                self.execution.note_late()
                self.execution.record(StudyClosed(len(self.execution.state.closed)))
            case Make() | Wait() | AwaitBudget():
                raise AssertionError("attempts are started where they fit, and people decide when they like")
            case _:
                assert_never(step)

    def _queue(self, stage: str) -> None:
        tasks = self.requests.tasks(stage, self.execution.state)
        self.execution.add(task for task in tasks if task.run.host in self.places)

    def _go_on(self) -> None:
        """One look at what runs; who else has a device is told once."""
        waited, shared = self.execution.elsewhere, dict(self.execution.shared)
        self.execution.go_on()
        self._say_news()
        for device in sorted(self.execution.elsewhere - waited):
            self.display.say(f"waiting for {device}, which another study has")
        for where, programs in self.execution.shared.items():
            if programs and programs != shared.get(where):
                words = PROCESSORS if where is None else SHARED
                self.display.say(f"warning: {words.format(device=where, programs=', '.join(programs))}")

    def _say_news(self) -> None:
        for line in self.execution.news():
            self.display.say(f"warning: {line}")

    def _set_aside(self, step: SetAside) -> None:
        """Set a result aside that a guard objects to; the run is made again if its clause says so."""
        flagged = ResultFlagged(step.run, step.attempt, step.gate, step.guard, step.value, step.limit, step.again)
        self.execution.record(flagged)
        run = next(one for one in self.agenda.runs[self.study.gates[step.gate].source] if one.id == step.run)
        cause = flag_words(flagged, self.study)
        self.display.say(f"{run.stage}: {self.call(run.candidate)} on {run.host}, seed {run.seed} is excluded: {cause}")
        if step.again and run.host in self.places:
            tasks = self.requests.tasks(run.stage, self.execution.state)
            self.execution.add(task for task in tasks if task.run.id == step.run)

    def _close(self, stage: str) -> None:
        """The evidence is on disk before the ledger says so."""
        for run in self.agenda.out_of_attempts(stage, self.execution.state):
            self.display.say(attempts_words(run, self.execution.state, self.call))
        evidence = self.folder.evidence(self.compiled, self.execution.state, stage)
        self._store(f"evidence/{stage}.json", evidence)
        missing = sum(len(row.missing) for row in evidence.rows)
        self.execution.record(StageClosed(stage, evidence.digest, missing))

    def _estimate(self, name: str) -> None:
        table = self.folder.effects(self.compiled, self.execution.state, name)
        self._store(f"evidence/{name}.json", table)
        found = tuple((fit.stage, table.discovered(fit.stage)) for fit in table.fits)
        self.execution.record(EffectsEstimated(name, table.digest, found))
        for stage, effects in found:
            names = ", ".join(map(effect_name, effects)) or "none"
            self.display.say(f"{name}: effects discovered at {stage}: {names}")

    def _decide(self, name: str) -> None:
        """Decide by the wording in force; what every other wording would have decided is kept beside it."""
        state = self.execution.state
        as_frozen = self.folder.compiled() if state.amendments else self.compiled
        decision, wording = self.folder.decision(as_frozen, state, name), state.in_force(name)
        others: list[Verdict] = []
        for version in state.versions(name)[:-1]:
            other = self.folder.decision(as_frozen, state, name, version)
            self._store(other_wording_file(name, version), other)
            others.append(verdict_of(other, version))
        self._store(f"decisions/{name}.json", decision)
        self.execution.record(Decided(name, decision.seal, verdict_of(decision, wording), tuple(others)))
        self.display.decided(decision)

    def _store(self, name: str, value: Evidence | EffectTable | Decision) -> None:
        path = self.folder.path / name
        self.disk.make_folder(path.parent)
        self.disk.write(path, canonical(to_json(value)) + b"\n")

    def _progress(self, progress: Progress) -> None:
        self.display.progress(progress, self.execution.state)


def _later(moment: str, seconds: int) -> str:
    """The moment so many seconds later, as a `Clock` writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds_of(moment) + seconds))
