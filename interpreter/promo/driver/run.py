"""
The loop over stages: open what is ready, run it, collect, decide, go on.

Everything that has happened stands in the ledger, so starting and resuming are the same: read the state, and do what
is still to be done.
"""

import platform
from collections.abc import Mapping
from os.path import relpath
from pathlib import Path

from promo import __version__, plugins
from promo.base.canonical import Json, canonical, digest_bytes, exact
from promo.base.differences import differences
from promo.base.errors import ExitCode, Mismatch
from promo.curves.replay import Replay
from promo.decision.values import GateDecision, decision_digest, decision_to_json
from promo.driver.amend import beside_file, verdict_of
from promo.driver.hosts import places, recorded_places
from promo.driver.pipeline import Compiled
from promo.driver.same import no_strangers, same_source, same_study
from promo.driver.study import DATA, IMPORTS, LEDGER, LOCK, PLAN, SPEC, STREAMS, StudyFolder
from promo.driver.values import Display, Ending
from promo.evidence.effects import effects_to_json
from promo.evidence.guards import flags
from promo.evidence.values import evidence_to_json
from promo.files import FolderLock, RealDisk
from promo.ledger.journal import Journal
from promo.ledger.ports import Clock
from promo.ledger.state import State, StudyState, state_of
from promo.ledger.values import EventKind
from promo.plan.store import plan_to_json
from promo.plan.values import PlannedRun
from promo.run.corpora import Prepared, prepare
from promo.run.execute import Execution, Place, Progress, has_ended
from promo.run.provenance import installed_version
from promo.run.runners.files.declare import FileRunner
from promo.run.store import PROGRAM
from promo.run.values import CONTRACT, Task
from promo.spec.lock import Lock, Seal, closure, frozen_rules, lock_to_json
from promo.spec.ports import Runner
from promo.spec.values import Candidate, Mode, Stage

CHECKPOINT_EVERY_S = 600
"""How often a trainer that can keep its state does so, in seconds of wall-clock time."""


def run_study(
    compiled: Compiled,
    spec_folder: Path,
    folder: StudyFolder,
    *,
    clock: Clock,
    environment: Mapping[str, str],
    display: Display,
    commit: str | None,
    only: str | None = None,
    freeze_only: bool = False,
    replay: Replay | None = None,
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
        commit: version-control commit of the spec.
        only: the one host whose runs are carried out; None for all.
        freeze_only: record what is frozen and stop there, so that somebody can vouch for it before anything runs.
        replay: recorded curves that stand for its runs; without them, runs are trained.

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
            same_study(folder, state, plan)
            compiled = folder.in_force(folder.compiled(), state) if state.amendments else compiled
            if state.study in (StudyState.CLOSED, StudyState.STOPPED):
                display.begin(study, plan, state)
                display.end(state)
                return _ending(state)
        assert compiled.runner is not None
        here = recorded_places(study, replay) if replay else places(study, compiled.runner, environment, only)
        journal = Journal(folder.path / LEDGER, RealDisk(), clock)
        return _Loop(compiled, spec_folder, folder, journal, clock, here, display, commit, replay).run(
            fresh=fresh, freeze_only=freeze_only
        )


def _ending(state: State) -> Ending:
    if state.study is StudyState.STOPPED:
        return Ending(ExitCode.STOPPED, str((state.ended or {}).get("why", "")))
    if state.waiting():
        return Ending(ExitCode.HELD, f"{', '.join(state.waiting())} waits for a person")
    if state.study is StudyState.OPEN:
        return Ending(ExitCode.ELSEWHERE, "what is left belongs to hosts that are not here")
    return Ending(ExitCode.DONE)


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
        commit: str | None,
        replay: Replay | None,
    ) -> None:
        self.compiled, self.spec_folder, self.folder = compiled, spec_folder, folder
        self.journal, self.clock, self.places, self.display, self.commit = journal, clock, here, display, commit
        self.study, self.plan = compiled.sound()
        assert compiled.runner is not None
        self.runner: Runner = compiled.runner
        self.replay = replay
        self.disk = RealDisk()
        self.data: Mapping[str, Json] = {}
        self.tasks: dict[str, list[Task]] = {}
        """Tasks of opened stages, made once."""

    def run(self, *, fresh: bool, freeze_only: bool) -> Ending:
        """Carry the study to its end, or to an interruption."""
        state = state_of(self.journal.events)
        self.display.begin(self.study, self.plan, state)
        try:
            if not fresh:
                self._same_runner(state)
            text = self._needed_text(state)  # whatever is wrong with it is said before anything is recorded
            if fresh:
                self._freeze()
                state = state_of(self.journal.events)
            if freeze_only:
                return Ending(ExitCode.DONE)
            self.execution = Execution(
                self.folder.path, self.journal, state, self.disk, self.clock, self.places, self._progress
            )
            self.execution.record(EventKind.ORCHESTRATOR_STARTED, {"promo": __version__})
            try:
                self._keep_text(text)
                self._keep_program()
                self._climb()
            except BaseException:
                self.execution.cancel()
                raise
        finally:
            self.display.end(state)
        return _ending(state)

    # --- beginning ---------------------------------------------------------------------------------------

    def _freeze(self) -> None:
        """Put spec, lock and plan into the folder, and record their digests before anything else."""
        spec_bytes = self.compiled.source.text.encode()
        plan_bytes = canonical(plan_to_json(self.plan)) + b"\n"
        lock_bytes = canonical(lock_to_json(self._lock())) + b"\n"
        imports_bytes = canonical(dict(self.compiled.used)) + b"\n"
        files = {SPEC: spec_bytes, PLAN: plan_bytes, LOCK: lock_bytes, IMPORTS: imports_bytes}
        files |= self.replay.files() if self.replay else {}
        for name, content in files.items():
            self.disk.write(self.folder.path / name, content)
        self.journal.append(
            EventKind.STUDY_FROZEN,
            {
                "study": self.study.name,
                "plan": self.plan.digest,
                "seals": dict(self.plan.seals),
                "files": {name: digest_bytes(content) for name, content in files.items()},
                "runner": self._runner(),
                "promo": __version__,
                "commit": self.commit,
                **({"replay": self.replay.summary()} if self.replay else {}),
            },
        )

    def _lock(self) -> Lock:
        """The spec's own seals where they fit; what was never sealed is sealed by starting."""
        before = self.compiled.lock.seals if self.compiled.lock else {}
        now = self.clock.now()
        seals = {}
        for rule in frozen_rules(self.study):
            value = self.plan.seals[rule.name]
            old = before.get(rule.name)
            fits = old is not None and old.digest == value
            made = Seal(rule.name, value, closure(self.study, rule), now, self.commit, 0)
            seals[rule.name] = old if fits and old is not None else made
        return Lock(self.study.name, seals)

    def _runner(self) -> dict[str, Json]:
        runner = self.runner
        versions: dict[str, Json] = {"python": platform.python_version()}
        versions |= {name: installed_version(name) for name in runner.needs_modules}
        code = runner.digest if isinstance(runner, FileRunner) else plugins.code_digest(runner)
        return {"name": runner.name, "version": runner.version, "code": code, "versions": versions}

    def _same_runner(self, state: State) -> None:
        changed = tuple(differences(state.frozen.get("runner"), self._runner(), ("runner",)))
        if changed:
            raise Mismatch(
                f"the runner '{self.study.runner.name}' is not the one this study was started with",
                hint="install the promo it was started with, or start a new study with --study",
                details=changed,
            )

    def _needed_text(self, state: State) -> Prepared | None:
        """The study's text, read and split, unless it lies in the folder already."""
        if self.study.data is None or self.replay or all(self._on_disk(state, name) for name in STREAMS):
            return None
        self.display.say(f"reading the text '{self.study.data.source}'")
        prepared = prepare(self.study.data, self.spec_folder)
        if state.data is not None and dict(state.data) != prepared.manifest:
            before = state.data
            changed = (key for key, value in prepared.manifest.items() if before.get(key) != value)
            raise Mismatch(
                f"the text '{self.study.data.source}' is not the one this study was started with",
                hint="restore the text, or start a new study with --study",
                details=tuple(f"{key}: {before.get(key)} -> {prepared.manifest[key]}" for key in changed),
            )
        return prepared

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
            for name, content in zip(STREAMS, (text.train, text.validation), strict=True):
                self.disk.write(place / name, content)
            if self.execution.state.data is None:
                self.execution.record(EventKind.DATA_PREPARED, text.manifest)
        manifest = self.execution.state.data
        assert manifest is not None
        train, held = (f"{DATA}/{name}" for name in STREAMS)
        self.data = {
            "train": train,
            "validation": held,
            "digest": manifest["digest"],
            "score_tokens": self.study.data.score_tokens,
            "window": self.study.data.window,
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

    def _climb(self) -> None:
        state = self.execution.state
        queued: set[str] = set()
        while True:
            self._stop_if_decided()
            if state.study is not StudyState.OPEN:
                self.execution.cancel()
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
                self.execution.record(EventKind.STUDY_CLOSED, {"stages": len(state.closed)})
                return
            if self.execution.busy:
                self.execution.go_on()
                self.display.tick(state)
            elif not moved:
                return  # a person has to decide, or another host to run, before anything more can happen

    def _stop_if_decided(self) -> None:
        """A gate or rule may have said that the study stops, perhaps just before a crash."""
        state = self.execution.state
        every = (*state.decisions.values(), *state.people.values())
        stopping = next((one for one in every if one.get("stopped")), None)
        if stopping is not None and state.study is StudyState.OPEN:
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
            rerun = state.flagged(flag.run) < flag.guard.handling.reruns
            data: dict[str, Json] = {"run": flag.run, "attempt": flag.attempt, "cause": cause, "again": rerun}
            self.execution.record(EventKind.RESULT_FLAGGED, data)
            run = tasks[flag.run].run
            self.display.say(f"{name}: {run.candidate} on {run.host}, seed {run.seed} is set aside: {cause}")
            if rerun:
                again.append(tasks[flag.run])
        for task in again:
            self.execution.again(task)
        return bool(again)

    def _all_decided(self) -> bool:
        state = self.execution.state
        decided = all(name in state.decisions for name in (*self.study.gates, *self.study.rules))
        return decided and not state.waiting()

    def _is_ready(self, stage: Stage) -> bool:
        state = self.execution.state
        if stage.continues is not None and stage.continues not in state.closed:
            return False
        return stage.after is None or (stage.after in state.decisions and stage.after not in state.waiting())

    def _open(self, stage: Stage) -> None:
        state = self.execution.state
        if stage.name not in state.opened:
            entrants = stage.candidates if stage.after is None else self._promoted(stage.after)
            self.execution.record(EventKind.STAGE_OPENED, {"stage": stage.name, "entrants": sorted(entrants)})
        self.tasks[stage.name] = self._tasks(stage.name)
        self.execution.add(task for task in self.tasks[stage.name] if task.run.host in self.places)

    def _promoted(self, gate: str) -> tuple[str, ...]:
        state = self.execution.state
        promoted = state.people.get(gate, state.decisions[gate])["promoted"]
        assert isinstance(promoted, list)
        return tuple(str(name) for name in promoted)

    def _tasks(self, stage: str) -> list[Task]:
        """Tasks of a stage's real entrants, in the plan's order."""
        entrants = set(self.execution.state.opened[stage])
        missing, crash = self.study.missing_reruns_at(stage), self.study.crash_reruns_at(stage)
        runs = (run for run in self.plan.stage(stage).runs if run.candidate in entrants)
        return [Task(run, self._request(run), missing, crash) for run in runs]

    def _request(self, run: PlannedRun) -> dict[str, Json]:
        candidate, stage = self.study.candidates[run.candidate], self.study.stages[run.stage]
        host = self.study.hosts[run.host]
        return {
            "promo_request": CONTRACT,
            "study": self.study.name,
            "plan": self.plan.digest,
            "run": {
                "id": run.id,
                "stage": run.stage,
                "candidate": run.candidate,
                "host": run.host,
                "seed": run.seed,
            },
            "trainer": self.runner.trainer,
            "settings": dict(candidate.effective.settings),
            "parameters": candidate.effective.parameters,
            "flops_per_token": candidate.effective.flops_per_token,
            "metric": self.study.measure.metric,
            "budget": {
                "kind": stage.budget.kind.value,
                "amount": str(stage.budget.amount),
                "cap_s": stage.budget.cap_s,
            },
            "data": dict(self.data),
            "checkpoint": self._checkpoint(stage),
            **self._trunk(stage),
            "continues": self._continued(run, stage),
            "device": "cpu" if host.is_cpu else "cuda",
            "threads": host.threads,
            **self._program(candidate),
            **({"curves": self.replay.digest} if self.replay else {}),
        }

    def _checkpoint(self, stage: Stage) -> dict[str, Json]:
        """When a trainer that can keep its state does: at the end if another stage carries it on, and on long runs."""
        return {"at_end": stage.trunk is None and self._carried_on(stage), "every_s": CHECKPOINT_EVERY_S}

    def _carried_on(self, stage: Stage) -> bool:
        return any(other.continues == stage.name for other in self.study.stages.values())

    def _trunk(self, stage: Stage) -> dict[str, Json]:
        """Where a constant rate ends, and whether the state there is kept for stages that branch from it."""
        return {} if stage.trunk is None else {"trunk": {"at": str(stage.trunk), "keep": self._carried_on(stage)}}

    def _continued(self, run: PlannedRun, stage: Stage) -> dict[str, Json] | None:
        """The trained run that a run carries on: where its state lies, and what it has spent."""
        if stage.continues is None:
            return None
        same = (run.candidate, run.host, run.seed)
        before = next(
            one for one in self.plan.stage(stage.continues).runs if (one.candidate, one.host, one.seed) == same
        )
        accepted = self.execution.state.accepted(before.id)
        earlier = self.study.earlier(stage.name)
        if accepted is None:
            return {"folder": None, "earlier": str(earlier)}
        kept = self.folder.result(accepted).details.get("trunk" if stage.mode is Mode.BRANCH else "checkpoint")
        return {"folder": accepted.folder, "state": kept, "earlier": str(earlier)}

    def _program(self, candidate: Candidate) -> dict[str, Json]:
        """What a runner kept in a file needs beside the effective configuration: its declaration, and all levels."""
        if not isinstance(self.runner, FileRunner):
            return {}
        levels = {name: level if isinstance(level, str) else exact(level) for name, level in candidate.levels}
        return {"program": dict(self.runner.program), "levels": levels}

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
        if isinstance(decision, GateDecision):
            self.execution.record(EventKind.GATE_DECIDED, {**data, "promoted": list(decision.promoted)})
        else:
            self.execution.record(EventKind.RULE_DECIDED, {**data, "answer": decision.answer.value})
        self.display.decided(decision)

    def _store(self, name: str, content: Mapping[str, Json]) -> None:
        path = self.folder.path / name
        self.disk.make_folder(path.parent)
        self.disk.write(path, canonical(content) + b"\n")

    def _progress(self, progress: Progress) -> None:
        self.display.progress(progress, self.execution.state)
