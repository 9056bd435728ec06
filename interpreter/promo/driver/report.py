"""
Study folder to report: read everything, derive decisions anew, build the view, write the file.

Whoever decides on a record (`why`, `show`, two studies side by side) needs a sound one.  A report is also wanted of a
study that is not sound, and then says at its top what is wrong with it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Literal, assert_never

from promo import __version__
from promo.base.canonical import digest_bytes
from promo.base.classes import frozen
from promo.base.diagnostics import errors
from promo.base.errors import Mismatch, OtherFormat, PromoError, SpecError
from promo.decision.values import Decision
from promo.driver.anchor import head_fault
from promo.driver.pipeline import Compiled
from promo.driver.study import LEDGER, LOCK, PLAN, SPEC, ReadOnce, StudyFolder, check_names, no_study
from promo.evidence.estimates import EffectTable
from promo.evidence.values import Evidence
from promo.files import write_given
from promo.ledger.chain import decode
from promo.ledger.state import AttemptState, State, state_of
from promo.ledger.values import AttemptStarted, Chain, Start
from promo.report.beside import BesideView, build_beside
from promo.report.effect_table import EFFECT_COLUMNS, effect_rows
from promo.report.record import Record
from promo.report.remains import RemainsView, remains_view
from promo.report.render import (
    render_beside,
    render_csv,
    render_html,
    render_json,
    render_markdown,
    render_remains,
    render_remains_markdown,
)
from promo.report.tables import CELL_COLUMNS, DECISION_COLUMNS, cell_rows, decision_rows, run_columns, run_table
from promo.report.view import CELLS_CSV, DECISIONS_CSV, EFFECTS_CSV, RUNS_CSV, build_view
from promo.run.outside import EXECUTOR, OUTSIDE, Outside, read_outside
from promo.run.store import POINTS, sound_points
from promo.run.values import Point, Result, RunStatus
from promo.study.values import Study


def record_of(folder: StudyFolder) -> Record:
    """
    Everything a report needs, with decisions derived anew.

    Raises:
        Mismatch: something is damaged, or a derived decision is not the one the ledger recorded.
        SpecError: the spec of the study has errors for this version of promo.
    """
    return _Reading(folder, lenient=False).record()


def legible(folder: StudyFolder) -> Record | RemainsView:
    """
    What can be read of a study that may be damaged: a record without what its faults took, or what little remains.

    Raises:
        OtherFormat: another promo wrote it.
        PromoError: there is no study in the folder, not even a part of one.
    """
    reading = _Reading(folder, lenient=True)
    try:
        return reading.record()
    except SpecError as fault:
        found = next(errors(fault.diagnostics))
        reading.faults.append(f"the spec cannot be read by promo {__version__}: {found.code}: {found.message}")
    except OtherFormat:
        raise
    except PromoError as fault:
        reading.faults.append(fault.message)
    names = sorted(path.name for path in folder.path.iterdir()) if folder.path.is_dir() else []
    if not {SPEC, LOCK, PLAN, LEDGER} & set(names):
        raise no_study(folder.path)
    empty = b"\n" not in (folder.read(LEDGER) or b"")
    return remains_view(str(folder.path), reading.state, tuple(reading.faults), tuple(names), empty=empty)


class _Reading:
    """A study folder being read; *lenient* notes faults and leaves out what they took."""

    def __init__(self, folder: StudyFolder, *, lenient: bool) -> None:
        self.folder, self.lenient = ReadOnce(folder.path), lenient
        self.faults: list[str] = []
        self.state = State()

    def record(self) -> Record:
        chain = self._chain()
        compiled = self.folder.compiled()
        study, plan = compiled.sound()
        check_names(plan, self.state)
        evidence: dict[str, Evidence] = {}
        for stage in self.state.opened:
            if stage in self.state.closed or any(stage in study.read_by(name) for name in self.state.decisions):
                with self._noting(f"the evidence of {stage} cannot be collected"):
                    evidence[stage] = self.folder.evidence(compiled, self.state, stage)
        results, points = self._results()
        decisions, others = self._decisions(compiled)
        effects = self._effects(compiled)
        current = study
        with self._noting("the amended wordings cannot be read"):
            current, _ = self.folder.in_force(compiled, self.state).sound()
        metric = compiled.runner.metrics.get(study.measure.metric) if compiled.runner else None
        starts = ((one.time, one.event) for one in chain.events if isinstance(one.event, Start))
        return Record(
            study=current,
            plan=plan,
            lock=compiled.lock,
            state=self.state,
            head=chain.head,
            evidence=evidence,
            decisions=decisions,
            others=others,
            effects=effects,
            results=results,
            points=points,
            promo=__version__,
            folder=quote(str(self.folder.path)),
            meaning=metric.meaning if metric else "",
            starts=tuple((time, one) for time, one in starts),
            outside=self._outside(study),
            first_attempt=next((one.seq for one in chain.events if isinstance(one.event, AttemptStarted)), None),
            faults=tuple(dict.fromkeys(self.faults)),
        )

    def _outside(self, study: Study) -> dict[tuple[str, int], Outside]:
        """Who trained what somebody else's system trained, by the records that the ledger has."""
        asked = [] if self.state.replay else [one for one in self.state.every_attempt() if OUTSIDE in one.witnesses]
        hosts = {name for name, host in study.hosts.items() if host.executor == EXECUTOR}
        place, disk = self.folder.path, self.folder.disk
        found: dict[tuple[str, int], Outside] = {}
        for one in asked if hosts else ():
            with self._noting(f"who trained {one.folder} cannot be read"):
                said = read_outside(disk, place / one.folder) if one.host in hosts else None
                found |= {} if said is None else {(one.run, one.number): said}
        return found

    @contextmanager
    def _noting(self, consequence: str) -> Iterator[None]:
        """Inside, a fault of the folder is noted when that is wanted, with what follows from it."""
        try:
            yield
        except SpecError as fault:
            if not self.lenient:
                raise
            self.faults.append(f"{consequence}: {next(errors(fault.diagnostics)).message}")
        except PromoError as fault:
            if not self.lenient:
                raise
            self.faults.append(f"{consequence}: {fault.message}")

    def _chain(self) -> Chain:
        """The ledger, or its sound beginning; what it adds up to is then the state."""
        try:
            chain = self.folder.chain()
        except Mismatch as fault:
            if not self.lenient:
                raise
            chain = _sound_beginning(self.folder.read(LEDGER) or b"")
            self.faults.append(f"{fault.message}; only the {len(chain.events)} events before are read")
        self.state = state_of(chain.events)
        if not chain.events:
            raise Mismatch(f"nothing can be read of the ledger in {self.folder.path}: no study is frozen in it")
        if self.lenient:
            self.faults.extend(_changed_files(self.folder, self.state))
            gone = "" if self.faults else head_fault(self.folder)
            self.faults.extend([f"the end of the ledger is not what it was: {gone}"] if gone else [])
        return chain

    def _results(self) -> tuple[dict[tuple[str, int], Result], dict[str, tuple[Point, ...]]]:
        results: dict[tuple[str, int], Result] = {}
        points: dict[str, tuple[Point, ...]] = {}
        for run, tried in self.state.attempts.items():
            for attempt in tried:
                if attempt.state is AttemptState.RUNNING:
                    continue
                result = self.folder.result(attempt)
                accepted = attempt.state is AttemptState.ACCEPTED
                if accepted and result.status is not RunStatus.OK and self.lenient:
                    self.faults.append(f"{attempt.folder}, whose result was accepted: {result.cause or 'it is gone'}")
                    continue
                results[run, attempt.number] = result
                if accepted:
                    with self._noting(f"the curve of {attempt.folder} is left out"):
                        points[run] = _points(self.folder, attempt.folder, result)
        return results, points

    def _decisions(self, compiled: Compiled) -> tuple[dict[str, Decision], dict[tuple[str, int], Decision]]:
        """Decisions derived anew, those that count and those of other wordings."""
        decisions: dict[str, Decision] = {}
        others: dict[tuple[str, int], Decision] = {}
        for name, recorded in self.state.decisions.items():
            with self._noting(f"the decision of '{name}' cannot be recomputed"):
                decision = self.folder.decision(compiled, self.state, name)
                if decision.digest != recorded.verdict.decision:
                    raise Mismatch(
                        f"the decision of '{name}' does not follow from the stored evidence",
                        hint="promo verify says what differs",
                    )
                decisions[name] = decision
            for version in self.state.versions(name):
                if version != self.state.in_force(name):
                    with self._noting(f"what another wording of '{name}' would have decided cannot be derived"):
                        others[name, version] = self.folder.decision(compiled, self.state, name, version)
        return decisions, others

    def _effects(self, compiled: Compiled) -> dict[str, EffectTable]:
        """Effects estimated anew."""
        effects: dict[str, EffectTable] = {}
        for name, recorded in self.state.effects.items():
            with self._noting(f"the effects of '{name}' cannot be estimated again"):
                table = self.folder.effects(compiled, self.state, name)
                if table.digest != recorded.effects:
                    raise Mismatch(f"the effects of '{name}' do not follow from the stored evidence")
                effects[name] = table
        return effects


def _points(study: StudyFolder, folder: str, result: Result) -> tuple[Point, ...]:
    """Points of an accepted attempt, if they are those that its result names."""
    content = study.disk.read(f"{study.path}/{folder}/{POINTS}") or b""
    if result.body is not None and result.body.points != digest_bytes(content):
        raise Mismatch(f"the points in {folder} are not those that the result was written with")
    return sound_points(content)


def _sound_beginning(content: bytes) -> Chain:
    """
    The longest beginning of a damaged ledger whose every line is vouched for by the line after it.

    A line that was changed and is still in canonical form is only noticed at the next one, so the last one is left out.
    """
    lines = content.splitlines(keepends=True)
    sound, damaged = 0, len(lines)
    while damaged - sound > 1:
        middle = (sound + damaged) // 2
        try:
            decode(b"".join(lines[:middle]))
            sound = middle
        except Mismatch:
            damaged = middle
    return decode(b"".join(lines[: max(sound - 1, 0)]))


def _changed_files(folder: StudyFolder, state: State) -> Iterator[str]:
    """Files that were frozen and are others now."""
    for name, digest in state.frozen.files.items() if state.frozen else ():
        content = folder.read(name)
        if content is None or digest_bytes(content) != digest:
            yield f"{name} is {'gone' if content is None else 'not the file that was frozen'}"


def write_beside(first: StudyFolder, second: StudyFolder, path: Path) -> BesideView:
    """
    Write two studies side by side.

    Raises:
        PromoError: the file cannot be written.
    """
    view = build_beside(record_of(first), record_of(second))
    _write({path: render_beside(view)})
    return view


@frozen
class Written:
    """A report that was written."""

    story: tuple[str, ...]
    """The answer, and a sentence for everything."""
    files: tuple[Path, ...]
    faults: tuple[str, ...]
    """What is damaged in the study; empty when it is whole."""


Form = Literal["html", "md", "json", "csv"]
"""What a report is written as."""
FORMS: Mapping[Form, str] = {"html": "report.html", "md": "report.md", "json": "report.json", "csv": "report.csv"}
"""Form of a report -> its usual file; those of CSV end in `.cells.csv`, `.decisions.csv` and so on."""


def write_report(folder: StudyFolder, path: Path, form: Form = "html") -> Written:
    """
    Write the report of a study, whatever state it is in.

    Raises:
        PromoError: there is no study in the folder, or a file cannot be written.
    """
    record = legible(folder)
    if isinstance(record, RemainsView):
        _write({path: _remains(record, form)})
        return Written(record.story, (path,), record.faults)
    view = build_view(record)
    match form:
        case "html":
            files = {path: render_html(view)} | {
                path.with_suffix(f".{end}"): _table(record, end) for end in view.beside
            }
        case "md":
            files = {path: render_markdown(view)}
        case "json":
            files = {path: render_json(view)}
        case "csv":
            ends = (CELLS_CSV, DECISIONS_CSV, *((EFFECTS_CSV,) if record.effects else ()), RUNS_CSV)
            files = {path.with_suffix(f".{end}"): _table(record, end) for end in ends}
        case _:
            assert_never(form)
    _write(files)
    return Written((view.answer.headline, *view.story), tuple(files), view.faults)


def page(folder: StudyFolder) -> str:
    """
    The report of a study as HTML, whatever state it is in.

    Raises:
        PromoError: there is no study in the folder.
    """
    record = legible(folder)
    return render_remains(record) if isinstance(record, RemainsView) else render_html(build_view(record))


def _table(record: Record, end: str) -> str:
    """A table of a record as CSV; *end* is that of its file's name."""
    if end == RUNS_CSV:
        return render_csv(run_columns(record), run_table(record))
    if end == CELLS_CSV:
        return render_csv(CELL_COLUMNS, cell_rows(record))
    if end == EFFECTS_CSV:
        return render_csv(EFFECT_COLUMNS, effect_rows(record))
    return render_csv(DECISION_COLUMNS, decision_rows(record))


def _remains(view: RemainsView, form: Form) -> str:
    match form:
        case "html":
            return render_remains(view)
        case "json":
            return render_json(view)
        case "md":
            return render_remains_markdown(view)
        case "csv":
            return render_csv(("what", "is"), view.facts)
        case _:
            assert_never(form)


def _write(files: Mapping[Path, str]) -> None:
    for file, content in files.items():
        write_given(file, content.encode())
