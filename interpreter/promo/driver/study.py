"""
A study folder: where everything of a study lies, and reading it back.

Nothing here needs the lock: the ledger is read up to its last whole line, which is a state the study really was in.
"""

from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from promo.base.canonical import Json, parse_json
from promo.base.errors import Mismatch, PromoError
from promo.decision.decide import decide_gate, decide_rule
from promo.decision.values import Decision
from promo.driver.pipeline import Compiled, compile_source, read_lock
from promo.evidence.collect import collect
from promo.evidence.effects import EffectTable, estimate_effects
from promo.evidence.values import Evidence
from promo.files import RealDisk, decode_source
from promo.ledger.chain import decode
from promo.ledger.state import Attempt, State, state_of
from promo.ledger.values import Chain
from promo.run.store import read_result
from promo.run.values import Result
from promo.spec.judgement import Agreement, Condition, primitives

SPEC = "spec.promo"
LOCK = "lock.json"
PLAN = "plan.json"
LEDGER = "ledger.jsonl"
REPORT = "report.html"
DATA = "data"
IMPORTS = "imports.json"
RUNS = "runs"
SUFFIX = ".study"
STREAMS = {"train.bytes": "train_digest", "validation.bytes": "validation_digest"}
"""Prepared text in the folder of data -> where its manifest keeps its digest."""


@frozen
class StudyFolder:
    """A study on disk."""

    path: Path

    @property
    def exists(self) -> bool:
        """Whether a study was ever started here."""
        return (self.path / LEDGER).exists()

    def chain(self) -> Chain:
        """
        The ledger.

        Raises:
            PromoError: there is none.
            Mismatch: it is damaged.
        """
        content = RealDisk().read(self.path / LEDGER)
        if content is None:
            raise PromoError(f"there is no study in {self.path}", hint="start one with: promo run SPEC")
        return decode(content)

    def state(self) -> State:
        """What the ledger adds up to."""
        return state_of(self.chain().events)

    def compiled(self) -> Compiled:
        """The study's own copy of its spec, through every pass."""
        content = RealDisk().read(self.path / SPEC)
        if content is None:
            raise Mismatch(f"{self.path / SPEC} is missing", hint="restore it from a copy of the study")
        source = decode_source(str(self.path / SPEC), content)
        return compile_source(source, self.path, read_lock(self.path / LOCK), self._imports())

    def _imports(self) -> dict[str, str]:
        """Texts of the files that the spec uses, as they were when the study was frozen."""
        content = RealDisk().read(self.path / IMPORTS)
        if content is None:
            return {}
        try:
            stored = parse_json(content)
        except ValueError as fault:
            raise Mismatch(f"{self.path / IMPORTS} is damaged: {fault}") from fault
        assert isinstance(stored, dict)
        return {name: str(text) for name, text in stored.items()}

    def unknown_runs(self, state: State) -> tuple[str, ...]:
        """Attempt folders with more than a request in them that the ledger does not know."""
        known = {attempt.folder for tried in state.attempts.values() for attempt in tried}
        found = sorted(self.path.glob(f"{RUNS}/*/*/attempt-*"))
        names = [path.relative_to(self.path).as_posix() for path in found if len(list(path.iterdir())) > 1]
        return tuple(name for name in names if name not in known)

    def stored_plan(self) -> Json:
        """The plan file."""
        content = RealDisk().read(self.path / PLAN)
        if content is None:
            raise Mismatch(f"{self.path / PLAN} is missing", hint="restore it from a copy of the study")
        try:
            return parse_json(content)
        except ValueError as fault:
            raise Mismatch(f"{self.path / PLAN} is damaged: {fault}") from fault

    def result(self, attempt: Attempt) -> Result:
        """What an attempt left behind."""
        return read_result(RealDisk(), self.path / attempt.folder, None)

    def evidence(self, compiled: Compiled, state: State, stage: str) -> Evidence:
        """The evidence of a stage, read from its result files."""
        study, plan = compiled.sound()
        entrants = state.opened.get(stage, ())
        return collect(plan.stage(stage), entrants, study.measure.metric, state, self.result)

    def decision(self, compiled: Compiled, state: State, name: str) -> Decision:
        """A gate's or rule's decision, derived anew from the evidence."""
        study, _ = compiled.sound()
        if name in study.gates:
            gate = study.gates[name]
            asked = [gate.keep, *(demand.condition for demand in gate.demands)]
            others = self._others(compiled, state, asked)
            return decide_gate(study, gate, self.evidence(compiled, state, gate.source), others)
        rule = study.rules[name]
        others = self._others(compiled, state, [rule.require])
        return decide_rule(study, rule, self.evidence(compiled, state, rule.stage), others)

    def effects(self, compiled: Compiled, state: State, name: str) -> EffectTable:
        """Effects, estimated anew from the evidence of their stages."""
        study, _ = compiled.sound()
        asked = study.effects[name]
        return estimate_effects(study, asked, {stage: self.evidence(compiled, state, stage) for stage in asked.stages})

    def _others(self, compiled: Compiled, state: State, asked: Iterable[Condition]) -> dict[str, Evidence]:
        """Evidence of every stage that conditions compare rankings with."""
        parts = (part for condition in asked for part in primitives(condition))
        names = {name for part in parts if isinstance(part, Agreement) and not part.of_hosts for name in part.between}
        return {name: self.evidence(compiled, state, name) for name in sorted(names)}


def study_folder(spec: Path, chosen: Path | None) -> StudyFolder:
    """Where the study of a spec lives: the chosen folder, or beside the spec, under its name and `.study`."""
    return StudyFolder(chosen or spec.with_suffix(SUFFIX))
