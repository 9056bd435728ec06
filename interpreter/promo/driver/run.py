"""
The loop over stages: open what is ready, run it, collect, decide, go on.

Everything that has happened stands in the ledger, so starting and resuming are the same: read the state, and do what
is still to be done.
"""

import contextlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from os.path import relpath
from pathlib import Path

from promo import __version__
from promo.base.canonical import Json, canonical, digest_bytes
from promo.base.errors import ExitCode, Mismatch, PromoError
from promo.curves.replay import Replay
from promo.decision.values import GateDecision, ReduceDecision, StepDecision, decision_digest, decision_to_json
from promo.driver.amend import beside_file, verdict_of
from promo.driver.anchor import keep_head, may_start
from promo.driver.frozen import first_lock, frozen_files
from promo.driver.hosts import places, recorded_places
from promo.driver.pipeline import Compiled
from promo.driver.requests import Requests
from promo.driver.same import no_strangers, runner_here, same_runner, same_source, same_study
from promo.driver.starts import start_once
from promo.driver.study import DATA, LEDGER, STREAMS, StudyFolder
from promo.driver.values import Display, Ending, ending_of
from promo.evidence.effects import effects_to_json
from promo.evidence.guards import flags
from promo.evidence.values import evidence_to_json
from promo.files import FolderLock, Interrupts, RealDisk
from promo.ledger.journal import Journal
from promo.ledger.ports import Clock
from promo.ledger.state import State, StudyState, state_of
from promo.ledger.values import EventKind
from promo.run.corpora import MOST_OVERLAP, Prepared, changed_source, prepare
from promo.run.execute import Execution, Place, Progress, Task, has_ended, may_repeat
from promo.run.provenance import Origin
from promo.run.runners.files.declare import FileRunner
from promo.run.store import PROGRAM
from promo.study.ports import Runner
from promo.study.values import Stage

SHARED = "{programs} computes on {device} too; promo did not start it, and runs there take longer than they would alone"


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

    Raises:
        SpecError: the spec has errors.
        Busy: another process works on the study.
        Mismatch: the spec, its frozen rules, the runner or the data are not those the study was started with.
        PromoError: a host is not here, or something cannot be read or written.
    """
    study, plan = compiled.sound()
    with FolderLock(folder.path):
        state = folder.state() if folder.exists else State()
        fresh = state.study is StudyState.EMPTY
        no_strangers(folder, state, fresh=fresh)
        if not fresh:
            same_source(folder, state, replay)
            same_study(folder, state, compiled, replay)
            compiled = folder.in_force(folder.compiled(), state) if state.amendments else compiled
            if state.study in (StudyState.CLOSED, StudyState.STOPPED):
                display.begin(study, plan, state)
                display.end(state)
                return ending_of(state)
        if not freeze_only and replay is None:
            may_start(study, state, folder)
        assert compiled.runner is not None
        here = recorded_places(study, replay) if replay else places(study, compiled.runner, environment, only)
        journal = Journal(folder.path / LEDGER, RealDisk(), clock)
        loop = _Loop(compiled, spec_folder, folder, journal, clock, here, display, origin, replay, finish)
        begin = partial(start_once, saved, plan.digest, folder.path, only) if saved and fresh else None
        ending = loop.run(begin, fresh=fresh, freeze_only=freeze_only)
        keep_head(folder)
        return ending


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
    ) -> None:
        self.compiled, self.spec_folder, self.folder = compiled, spec_folder, folder
        self.journal, self.clock, self.places, self.display, self.origin = journal, clock, here, display, origin
        self.study, self.plan = compiled.sound()
        assert compiled.runner is not None
        self.runner: Runner = compiled.runner
        self.replay, self.finish = replay, finish
        self.requests = Requests(compiled, folder, replay)
        self.disk = RealDisk()
        self.data: Mapping[str, Json] = {}
        self.tasks: dict[str, list[Task]] = {}
        """Tasks of opened stages, made once."""

    def run(self, begin: Callable[[str], None] | None, *, fresh: bool, freeze_only: bool) -> Ending:
        """Carry the study to its end, or to an interruption; *begin* may refuse a start, given the time."""
        state = state_of(self.journal.events)
        self.display.begin(self.study, self.plan, state)
        try:
            if not fresh:
                same_runner(state, self.runner)
            text = self._needed_text(state)  # whatever is wrong with it is said before anything is recorded
            if fresh:
                if begin is not None:
                    begin(self.clock.now())
                self._freeze()
                state = state_of(self.journal.events)
            if freeze_only:
                return Ending(ExitCode.DONE)
            with Interrupts() as interrupts:
                self.execution = Execution(
                    self.folder.path,
                    self.journal,
                    state,
                    self.disk,
                    self.clock,
                    self.places,
                    self._progress,
                    finish=self.finish,
                )
                self.execution.record(EventKind.ORCHESTRATOR_STARTED, {"promo": __version__, **self.origin.to_json()})
                try:
                    self._keep_text(text)
                    self._keep_program()
                    self._climb(interrupts)
                except BaseException:
                    with contextlib.suppress(PromoError):  # what stopped it is what is told
                        self.execution.cancel()
                    raise
                finally:
                    self.execution.close()
        finally:
            self.display.end(state)
        return ending_of(state)

    # --- beginning ---------------------------------------------------------------------------------------

    def _freeze(self) -> None:
        """Put spec, lock and plan into the folder, and record their digests before anything else."""
        lock = first_lock(self.compiled, self.clock.now(), self.origin.commit)
        files = frozen_files(self.compiled, lock, self.replay)
        for name, content in files.items():
            self.disk.write(self.folder.path / name, content)
        self.journal.append(
            EventKind.STUDY_FROZEN,
            {
                "study": self.study.name,
                "plan": self.plan.digest,
                "seals": dict(self.plan.seals),
                "files": {name: digest_bytes(content) for name, content in files.items()},
                "runner": runner_here(self.runner),
                "promo": __version__,
                "code": self.origin.code,
                "commit": self.origin.commit,
                **({"replay": self.replay.summary()} if self.replay else {}),
            },
        )

    def _needed_text(self, state: State) -> Prepared | None:
        """The study's text, read and split, unless it lies in the folder already."""
        if self.study.data is None or self.replay:
            return None
        if all(self._on_disk(state, name) for name in self._streams()):
            other = tuple(changed_source(self.study.data, state.data or {}, self.spec_folder))
            if other:
                raise self._other_text(other)
            return None
        self.display.say(f"reading the text '{self.study.data.source}'")
        prepared = prepare(self.study.data, self.spec_folder)
        if state.data is not None and dict(state.data) != prepared.manifest:
            before = state.data
            changed = (key for key, value in prepared.manifest.items() if before.get(key) != value)
            raise self._other_text(tuple(f"{key}: {before.get(key)} -> {prepared.manifest[key]}" for key in changed))
        shared = Fraction(str(prepared.manifest["overlap"]))
        if shared > MOST_OVERLAP:
            self.display.say(f"warning: {float(shared):.0%} of the held-out text also stands in the training text")
        elsewhere = self.folder.text(state)
        if elsewhere not in (None, prepared.manifest["digest"]):
            message = f"the text '{self.study.data.source}' is not the one that runs on other hosts were trained on"
            details = (f"digest: {prepared.manifest['digest']}, and there {elsewhere}",)
            hint = "each machine needs the same text, or a source that is the same everywhere: builtin:synth/1"
            raise Mismatch(message, hint=hint, details=details)
        return prepared

    def _other_text(self, details: tuple[str, ...]) -> Mismatch:
        assert self.study.data is not None
        message = f"the text '{self.study.data.source}' is not the one this study was started with"
        return Mismatch(message, hint="restore the text, or start a new study with --study", details=details)

    def _streams(self) -> tuple[str, ...]:
        """Files of the prepared text; how long tokens are is kept only where they are not bytes."""
        assert self.study.data is not None
        return tuple(STREAMS)[: 2 if self.study.data.tokens is None else 3]

    def _on_disk(self, state: State, name: str) -> bool:
        content = self.disk.read(self.folder.path / DATA / name)
        return content is not None and digest_bytes(content) == (state.data or {}).get(STREAMS[name])

    def _keep_text(self, text: Prepared | None) -> None:
        """Put the streams into the folder, and say in the ledger what they are."""
        if self.study.data is None or self.replay:
            return
        if text is not None:
            place = self.folder.path / DATA
            self.disk.make_folder(place)
            contents = (text.train, text.validation, *([] if text.lengths is None else [text.lengths]))
            for name, content in zip(self._streams(), contents, strict=True):
                self.disk.write(place / name, content)
            if self.execution.state.data is None:
                self.execution.record(EventKind.DATA_PREPARED, text.manifest)
        manifest = self.execution.state.data
        assert manifest is not None
        train, held, *lengths = (f"{DATA}/{name}" for name in self._streams())
        self.data = {
            "train": train,
            "validation": held,
            "digest": manifest["digest"],
            "score_tokens": self.study.data.score_tokens,
            "window": self.study.data.window,
            **({"token_lengths": lengths[0], "token_width": manifest["token_width"]} if lengths else {}),
        }

    def _keep_program(self) -> None:
        """Files of a runner that is kept in files, where workers find them."""
        if not isinstance(self.runner, FileRunner):
            return
        for name, text in self.runner.files.items():
            base = str(self.runner.program["folder"])
            place = self.folder.path / PROGRAM / relpath(name, base)
            self.disk.make_folder(place.parent)
            if self.disk.read(place) != text.encode():
                self.disk.write(place, text.encode())

    # --- the stages --------------------------------------------------------------------------------------

    def _climb(self, interrupts: Interrupts) -> None:
        state = self.execution.state
        queued: set[str] = set()
        while True:
            interrupts.check()
            self._stop_if_decided()
            if state.study is not StudyState.OPEN:
                return
            moved = False
            for stage in self.study.stages.values():
                if stage.name not in queued and self._is_ready(stage):
                    self._open(stage)
                    queued.add(stage.name)
                    moved = True
            for name in list(queued):
                if name not in state.closed and self._has_ended(name) and not self._flag(name):
                    self._close(self.study.stages[name])
                    moved = True
            self._estimate()
            self._stop_if_decided()
            if state.study is StudyState.OPEN and len(state.closed) == len(self.study.stages) and self._all_decided():
                self.execution.note_late()
                self.execution.record(EventKind.STUDY_CLOSED, {"stages": len(state.closed)})
                return
            if self.execution.busy:
                self._go_on()
                self.display.tick(state)
            elif not moved:
                return  # a person has to decide, or another host to run, before anything more can happen

    def _go_on(self) -> None:
        """One look at what runs; who else has a device is told once."""
        waited, shared = self.execution.elsewhere, dict(self.execution.shared)
        self.execution.go_on()
        for device in sorted(self.execution.elsewhere - waited):
            self.display.say(f"waiting for {device}, which another study has")
        for device, programs in self.execution.shared.items():
            if programs and programs != shared.get(device):
                self.display.say(f"warning: {SHARED.format(device=device, programs=', '.join(programs))}")

    def _stop_if_decided(self) -> None:
        """A gate or rule may have said that the study stops, perhaps just before a crash."""
        state = self.execution.state
        every = (*state.decisions.values(), *state.people.values())
        stopping = next((one for one in every if one.get("stopped")), None)
        if stopping is not None and state.study is StudyState.OPEN:
            self.execution.cancel()  # before it is said: a study that has stopped is never taken up again
            self.execution.record(EventKind.STUDY_STOPPED, {"by": stopping["name"], "why": stopping["stopped"]})

    def _flag(self, name: str) -> bool:
        """Set aside what guards object to; whether any of it is run again."""
        state = self.execution.state
        guards = [guard for gate in self.study.gates_from(name) for guard in gate.guards]
        if not guards:
            return False
        tasks = {task.run.id: task for task in self.tasks[name]}
        accepted = [one for run in tasks if (one := state.accepted(run)) is not None]
        found = flags(guards, accepted, self.folder.result)
        again = []
        for flag in found:
            cause = flag.words
            run = (task := tasks[flag.run]).run
            rerun = state.flagged(flag.run) < flag.guard.handling.reruns and may_repeat(state, task, after=1)
            data: dict[str, Json] = {"run": flag.run, "attempt": flag.attempt, "cause": cause, "again": rerun}
            self.execution.record(EventKind.RESULT_FLAGGED, data)
            self.display.say(f"{name}: {run.candidate} on {run.host}, seed {run.seed} is set aside: {cause}")
            if rerun:
                again.append(task)
        for task in again:
            self.execution.again(task)
        return bool(again)

    def _all_decided(self) -> bool:
        state = self.execution.state
        decided = all(name in state.decisions for name in (*self.study.deciding, *self.study.steps))
        return decided and not state.waiting()

    def _is_ready(self, stage: Stage) -> bool:
        state = self.execution.state
        if not state.closed.issuperset(self.study.waits_for(stage.name)):
            return False
        return stage.after is None or self._has_chosen(stage.after)

    def _has_chosen(self, name: str) -> bool:
        state = self.execution.state
        return name in state.decisions and name not in state.waiting()

    def _open(self, stage: Stage) -> None:
        state = self.execution.state
        if stage.name not in state.opened:
            entrants = self.study.entering(stage.name, state.promoted(stage.after or ""))
            self.execution.record(EventKind.STAGE_OPENED, {"stage": stage.name, "entrants": list(entrants)})
        self.tasks[stage.name] = self.requests.tasks(stage.name, state, self.data)
        self.execution.add(task for task in self.tasks[stage.name] if task.run.host in self.places)

    def _has_ended(self, stage: str) -> bool:
        return all(has_ended(self.execution.state, task) for task in self.tasks[stage])

    def _close(self, stage: Stage) -> None:
        """Evidence, then decisions, each on disk before the ledger says so."""
        state = self.execution.state
        evidence = self.folder.evidence(self.compiled, state, stage.name)
        self._store(f"evidence/{stage.name}.json", evidence_to_json(evidence))
        names = [gate.name for gate in self.study.gates_from(stage.name)]
        names += [rule.name for rule in self.study.rules_at(stage.name)]
        for name in names:
            self._decide(name)
        missing = sum(len(row.missing) for row in evidence.rows)
        self.execution.record(
            EventKind.STAGE_CLOSED, {"stage": stage.name, "evidence": evidence.digest, "missing": missing}
        )

    def _estimate(self) -> None:
        """Effects whose stages have all closed."""
        state = self.execution.state
        for effects in self.study.effects.values():
            if effects.name in state.effects or not state.closed.issuperset(effects.stages):
                continue
            table = self.folder.effects(self.compiled, state, effects.name)
            self._store(f"evidence/{effects.name}.json", effects_to_json(table))
            found: list[Json] = [[stage, list(table.discovered(stage))] for stage in effects.stages]
            data: dict[str, Json] = {"name": effects.name, "effects": table.digest, "discovered": found}
            self.execution.record(EventKind.EFFECTS_ESTIMATED, data)
            for stage in effects.stages:
                names = ", ".join(table.discovered(stage)) or "none"
                self.display.say(f"{effects.name}: effects discovered at {stage}: {names}")
        for step in self.study.steps.values():
            if state.closed.issuperset(step.sources):
                self._decide(step.name)
        for reduction in self.study.reductions.values():
            there = reduction.around is None or self._has_chosen(reduction.around)
            if reduction.effects in state.effects and there:
                self._decide(reduction.name)

    def _decide(self, name: str) -> None:
        """Decide by the wording in force; what every other wording would have decided is kept beside it."""
        state = self.execution.state
        if name in state.decisions:
            return
        as_frozen = self.folder.compiled() if state.amendments else self.compiled
        decision = self.folder.decision(as_frozen, state, name)
        beside: list[Json] = []
        for version in state.versions(name)[:-1]:
            other = self.folder.decision(as_frozen, state, name, version)
            self._store(beside_file(name, version), decision_to_json(other))
            beside.append(verdict_of(other, version))
        self._store(f"decisions/{name}.json", decision_to_json(decision))
        data: dict[str, Json] = {
            "name": name,
            "seal": decision.seal,
            "evidence": decision.evidence,
            "decision": decision_digest(decision),
            "stopped": decision.stopped,
            "held": decision.held,
            **({"amendment": state.in_force(name), "beside": beside} if beside else {}),
        }
        if isinstance(decision, StepDecision):
            self.execution.record(EventKind.BASELINE_MOVED, {**data, "promoted": list(decision.promoted)})
        elif isinstance(decision, GateDecision):
            self.execution.record(EventKind.GATE_DECIDED, {**data, "promoted": list(decision.promoted)})
        elif isinstance(decision, ReduceDecision):
            fixed: list[Json] = [[one.factor, one.level] for one in decision.fixed]
            more: dict[str, Json] = {"promoted": list(decision.promoted), "fixed": fixed}
            self.execution.record(EventKind.REDUCTION_DECIDED, {**data, **more})
        else:
            self.execution.record(EventKind.RULE_DECIDED, {**data, "answer": decision.answer.value})
        self.display.decided(decision)

    def _store(self, name: str, content: Mapping[str, Json]) -> None:
        path = self.folder.path / name
        self.disk.make_folder(path.parent)
        self.disk.write(path, canonical(content) + b"\n")

    def _progress(self, progress: Progress) -> None:
        self.display.progress(progress, self.execution.state)
