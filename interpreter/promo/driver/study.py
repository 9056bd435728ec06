"""
A study folder: where everything of a study lies, and reading it back.

Nothing here needs the lock: the ledger is read up to its last whole line, which is a state the study really was in.
"""

import os
from collections.abc import Mapping
from functools import cached_property
from os.path import exists
from pathlib import Path
from shlex import quote
from typing import Annotated

from promo.base.canonical import digest_bytes, parse_json
from promo.base.classes import evolve, field, frozen
from promo.base.codec import union_from_json
from promo.base.errors import Mismatch, OtherFormat, PromoError
from promo.base.fields import Form
from promo.curves.replay import SETTINGS, Replay, stored_replay
from promo.decision.by_name import decide
from promo.decision.values import Decision
from promo.driver.pipeline import Compiled, compile_source, read_lock
from promo.evidence.collect import collect
from promo.evidence.estimates import EffectTable
from promo.evidence.values import Evidence
from promo.files import LARGEST_SPEC, decode_source
from promo.ledger.chain import decode
from promo.ledger.ports import Disk
from promo.ledger.state import Attempt, AttemptState, State, state_of
from promo.ledger.values import Chain
from promo.plans.values import Plan, plan_from_json
from promo.report.words import listed
from promo.run.disk import RealDisk
from promo.run.store import POINTS, REQUEST, RESULT, parse_request, read_result
from promo.run.values import Request, Result
from promo.study.lock import Lock
from promo.study.values import Study

SPEC = "spec.promo"
LOCK = "lock.json"
PLAN = "plan.json"
LEDGER = "ledger.jsonl"
REPORT = "report.html"
DATA = "data"
IMPORTS = "imports.json"
Used = Mapping[str, Annotated[str, Form("text of a spec", longest=LARGEST_SPEC)]]
"""Texts of the files that a spec uses, by the names that it uses."""
RECHECK = "recheck.py"
"""The second verifier, which needs nothing but Python and travels with the study."""
AMENDMENTS = "amendments"
RUNS = "runs"
SUFFIX = ".study"
STREAMS = ("train.bytes", "validation.bytes", "token_lengths.bytes")
"""Files of a prepared text in the folder of data; the last only where there is a tokenizer."""


@frozen
class StudyFolder:
    """A study on disk."""

    path: Path
    disk: Disk = field(factory=RealDisk)
    """Handed down from here to all that reads and writes of it."""

    def read(self, *names: str) -> bytes | None:
        """A file of it, by the names that lead there; None when there is none."""
        return self.disk.read("/".join((str(self.path), *names)))

    @property
    def exists(self) -> bool:
        """Whether a study was ever started here."""
        return (self.path / LEDGER).exists()

    def chain(self) -> Chain:
        """
        The ledger.

        Raises:
            PromoError: there is none.
            OtherFormat: another promo wrote it.
            Mismatch: it is damaged.
        """
        content = self._ledger()
        while True:
            try:
                return decode(content)
            except Mismatch:
                # Not every file system shows a line that is being written all at once; damage stays as it is.
                before, content = content, self._ledger()
                if content == before:
                    self._of_this_format()
                    raise

    def _of_this_format(self) -> None:
        """What another promo wrote is not damaged."""
        try:
            self.lock()
        except OtherFormat:
            raise
        except PromoError:
            return  # the ledger is told of first

    def lock(self) -> Lock | None:
        """
        What was sealed when it was started.

        Raises:
            OtherFormat: another promo wrote it.
            PromoError: it is damaged.
        """
        try:
            return read_lock(self.path / LOCK)
        except OtherFormat as fault:
            hint = f"the {RECHECK} that it carries verifies it: python3 {self.path / RECHECK} {self.path}"
            raise OtherFormat(f"the study in {self.path}", fault.found, fault.wanted, hint=hint) from fault

    def _ledger(self) -> bytes:
        content = self.read(LEDGER)
        if content is None:
            raise no_study(self.path)
        return content

    def state(self) -> State:
        """What the ledger adds up to."""
        return state_of(self.chain().events)

    def compiled(self) -> Compiled:
        """The study's own copy of its spec, through every pass."""
        return self._compile(self.path / SPEC, self.lock())

    def worded(self) -> Compiled:
        """The study's own copy of its spec as it reads now, whatever its lock holds."""
        return self._compile(self.path / SPEC, None)

    def _compile(self, path: Path, lock: Lock | None) -> Compiled:
        content = self.disk.read(path)
        if content is None:
            raise Mismatch(f"{path} is missing", hint="restore it from a copy of the study")
        return compile_source(decode_source(str(path), content), self.path, lock, self._imports())

    def used_digests(self) -> frozenset[str]:
        """Digests of the frozen texts of what its spec uses, files of its runner among them."""
        try:
            return frozenset(digest_bytes(text.encode()) for text in self._imports().values())
        except Mismatch:
            return frozenset()  # said of the frozen file

    def _imports(self) -> dict[str, str]:
        """Texts of the files that the spec uses, as they were when the study was frozen."""
        content = self.read(IMPORTS)
        if content is None:
            return {}
        try:
            return dict(union_from_json(Used, parse_json(content)))
        except ValueError as fault:
            raise Mismatch(f"{self.path / IMPORTS} is damaged: {fault}") from fault

    def replay(self, study: Study, state: State) -> Replay:
        """
        The recorded curves that a replay keeps, read again.

        Raises:
            Mismatch: a file of it is gone or damaged.
            PromoError: the table cannot be read.
        """
        assert state.frozen is not None and state.frozen.replay is not None
        names = (SETTINGS, state.frozen.replay.file)
        return stored_replay(study, {name: self.read(name) for name in names})

    def unknown_runs(self, state: State) -> tuple[str, ...]:
        """Attempt folders with more than a request in them that the ledger does not know."""
        known = {attempt.folder for attempt in state.every_attempt()}
        cells = (self.path / RUNS).glob("*/*")
        found = (
            f"{RUNS}/{cell.parent.name}/{cell.name}/{name}"
            for cell in cells
            if cell.is_dir()
            for name in sorted(os.listdir(cell))  # noqa: PTH208 - a path for each of 10,000 takes seconds
            if name.startswith("attempt-")
        )
        unknown = sorted(name for name in found if name not in known)
        return tuple(name for name in unknown if len(list((self.path / name).iterdir())) > 1)

    def stored_plan(self) -> Plan:
        """
        The plan file.

        Raises:
            Mismatch: it is gone, damaged or of another version.
        """
        content = self.read(PLAN)
        if content is None:
            raise Mismatch(f"{self.path / PLAN} is missing", hint="restore it from a copy of the study")
        try:
            return plan_from_json(parse_json(content))
        except ValueError as fault:
            raise Mismatch(f"{self.path / PLAN} is damaged: {fault}") from fault

    def result(self, attempt: Attempt) -> Result:
        """What an attempt left behind."""
        return read_result(self.disk, f"{self.path}/{attempt.folder}", None)

    def request(self, attempt: Attempt) -> Request:
        """
        What an attempt was asked.

        Raises:
            Mismatch: the file is not the one that the ledger recorded.
        """
        asked = self.asked(attempt.folder)
        if asked.digest != attempt.request:
            raise Mismatch(f"the request in {attempt.folder} is not the one that was recorded")
        return asked.sound()

    def asked(self, folder: str) -> "Asked":
        """What lies in the folder of an attempt as its request."""
        content = self.read(folder, REQUEST)
        if content is None:
            return Asked(None, f"there is no request in {folder}")
        try:
            return Asked(digest_bytes(content), parse_request(content))
        except ValueError as fault:
            return Asked(digest_bytes(content), f"the request in {folder} is not valid: {fault}")

    def text(self, state: State) -> str | None:
        """Digest of the text that this study's runs train on, here or where a bundle came from; None before any."""
        if state.text is not None:
            return state.text.digest
        first = next((tried[0] for tried in state.attempts.values() if tried), None)
        return None if first is None else text_of(self.request(first))

    def evidence(self, compiled: Compiled, state: State, stage: str) -> Evidence:
        """The evidence of a stage, read from its result files."""
        study, plan = compiled.sound()
        entrants, metric = state.opened.get(stage, ()), study.measure.metric
        return collect(
            plan.stage(stage), entrants, metric, state, lambda attempt: self._counting(attempt).metrics.get(metric)
        )

    def _counting(self, attempt: Attempt) -> Result:
        """The result of an accepted attempt, from its file; the ledger's own copy of it is never read."""
        result, hint = self.result(attempt), "restore the file from a copy of the study"
        if result.digest is None:
            raise Mismatch(f"the result in {attempt.folder} is gone, or is no longer a sound result", hint=hint)
        if result.digest != attempt.envelope:
            raise Mismatch(f"the result in {attempt.folder} is not the one that was accepted", hint=hint)
        return result

    def amended(self, number: int) -> Compiled:
        """The spec as an amendment left it, through every pass."""
        return self._compile(self.path / AMENDMENTS / f"{number}.promo", None)

    def wording(self, study: Study, name: str, version: int) -> Study:
        """The study with one gate or rule as an amendment words it; everything else stays as it was frozen."""
        if not version:
            return study
        later, _ = self.amended(version).amendable()
        return study.with_rule(later.deciding[name])

    def in_force(self, compiled: Compiled, state: State) -> Compiled:
        """The study that goes on: the plan as frozen, each gate and rule as its newest amendment words it."""
        study, _ = compiled.sound()
        for name in dict.fromkeys(one.name for one in state.amendments):
            study = self.wording(study, name, state.in_force(name))
        return evolve(compiled, study=study)

    def decision(self, compiled: Compiled, state: State, name: str, version: int | None = None) -> Decision:
        """
        A gate's or rule's decision, derived anew from the evidence.

        *version* is 0 as it was frozen, else the number of an amendment; None: the one that decides.
        """
        frozen_study, _ = compiled.sound()
        study = self.wording(frozen_study, name, state.in_force(name) if version is None else version)
        return decide(
            study,
            name,
            lambda stage: self.evidence(compiled, state, stage),
            lambda effects: self.effects(compiled, state, effects),
            state,
            recorded=state.replay,
        )

    def effects(self, compiled: Compiled, state: State, name: str) -> EffectTable:
        """Effects, estimated anew from the evidence of their stages."""
        from promo.evidence.effects import estimate_effects  # few studies ask for any

        study, _ = compiled.sound()
        asked = study.effects[name]
        return estimate_effects(study, asked, {stage: self.evidence(compiled, state, stage) for stage in asked.stages})


@frozen
class Asked:
    """What lies in the folder of an attempt as its request."""

    digest: str | None
    """Of its bytes; None where there is no file."""
    said: Request | str
    """The request, or why it is none."""

    def sound(self) -> Request:
        """
        The request.

        Raises:
            Mismatch: it is none.
        """
        if isinstance(self.said, str):
            raise Mismatch(self.said)
        return self.said


@frozen
class ReadOnce(StudyFolder):
    """
    A study whose requests and results are read once, and whose evidence is collected once.

    It is for passes that derive everything from bytes that stand still meanwhile.
    """

    _results: dict[str, Result] = field(factory=dict, init=False, eq=False, repr=False)
    _asked: dict[str, Asked] = field(factory=dict, init=False, eq=False, repr=False)
    _evidence: dict[tuple[str, int], Evidence] = field(factory=dict, init=False, eq=False, repr=False)

    def asked(self, folder: str) -> Asked:
        """What lay in the folder of an attempt as its request, when first asked for."""
        if folder not in self._asked:
            self._asked[folder] = StudyFolder.asked(self, folder)
        return self._asked[folder]

    def result(self, attempt: Attempt) -> Result:
        """What an attempt left behind, as it was when first asked for."""
        if attempt.folder not in self._results:
            request = self._asked[attempt.folder].digest if attempt.folder in self._asked else None
            self._results[attempt.folder] = read_result(self.disk, f"{self.path}/{attempt.folder}", None, request)
        return self._results[attempt.folder]

    def evidence(self, compiled: Compiled, state: State, stage: str) -> Evidence:
        """The evidence of a stage after so many events."""
        key = stage, state.events
        if key not in self._evidence:
            self._evidence[key] = StudyFolder.evidence(self, compiled, state, stage)
        return self._evidence[key]


@frozen
class Sight:
    """A study that is looked at: its folder, its spec through every pass, its ledger, and what that adds up to."""

    folder: StudyFolder
    compiled: Compiled
    """Without errors."""
    chain: Chain
    state: State

    @cached_property
    def replay(self) -> Replay:
        """
        The curves that it reads, and the cells that they were assigned to.

        Raises:
            PromoError: they are not there, or cannot be read.
        """
        return self.folder.replay(self.study, self.state)

    @cached_property
    def lacking(self) -> tuple[str, ...]:
        """Files of attempts with a result that are not there; what rests on results cannot be derived without them."""
        ended = (one for one in self.state.every_attempt() if one.state is not AttemptState.RUNNING)
        names = (
            f"{one.folder}/{name}" for one in ended if one.envelope or one.late for name in (RESULT, REQUEST, POINTS)
        )
        # A path's own `exists` takes twice as long.
        return tuple(name for name in names if not exists(f"{self.folder.path}/{name}"))  # noqa: PTH110

    @property
    def study(self) -> Study:
        """As it was frozen."""
        return self.compiled.sound()[0]

    @property
    def plan(self) -> Plan:
        """As it was frozen."""
        return self.compiled.sound()[1]


def text_of(request: Request) -> str | None:
    """Digest of the text that a request names; None where its runner trains on none."""
    return None if request.data is None else request.data.digest


def check_names(plan: Plan, state: State) -> None:
    """
    That a ledger names what the plan has; one that somebody made up may be whole and sound in every other way.

    Raises:
        Mismatch: it names a stage, a host or a candidate that the plan does not have.
    """
    attempts = list(state.every_attempt())
    named = {
        "stage": {*state.opened, *(one.stage for one in attempts)} - {one.name for one in plan.stages},
        "host": {one.host for one in attempts} - plan.study.hosts.keys(),
        "candidate": {one.candidate for one in attempts} - plan.study.candidates.keys(),
    }
    strange = [f"{kind} {one}" for kind, names in named.items() for one in sorted(names)]
    if strange:
        raise Mismatch(f"the ledger names {listed(strange)}, which the plan does not have")


def no_study(path: Path) -> PromoError:
    """That no study lies there, and how to start one: with the spec beside it, if there is one."""
    spec = path.with_suffix(".promo") if path.suffix == SUFFIX else path
    return PromoError(
        f"there is no study in {path}",
        hint=f"start one with: promo run {quote(str(spec)) if spec.is_file() else 'SPEC'}",
    )


def study_folder(spec: Path, chosen: Path | None) -> StudyFolder:
    """Where the study of a spec lives: the chosen folder, or beside the spec, under its name and `.study`."""
    return StudyFolder(chosen or spec.with_suffix(SUFFIX))
