"""Study folder to report: read everything, derive decisions anew, build the view, write the file."""

from collections.abc import Mapping
from pathlib import Path

from promo import __version__
from promo.base.canonical import Json
from promo.base.errors import Mismatch, PromoError
from promo.decision.values import Decision, decision_digest
from promo.driver.pipeline import Compiled
from promo.driver.study import ReadOnce, StudyFolder
from promo.evidence.effects import EffectTable
from promo.evidence.values import Evidence
from promo.files import RealDisk
from promo.ledger.state import AttemptState, State, state_of
from promo.report.beside import BesideView, build_beside
from promo.report.record import Record
from promo.report.render import render_beside, render_csv, render_html, render_json, render_markdown
from promo.report.tables import DECISION_COLUMNS, RUN_COLUMNS, decision_rows, run_table
from promo.report.values import ReportView
from promo.report.view import build_view
from promo.run.store import read_points
from promo.run.values import Result
from promo.spec.values import Study


def record_of(folder: StudyFolder) -> Record:
    """
    Everything a report needs, with decisions derived anew.

    Raises:
        Mismatch: a derived decision is not the one the ledger recorded.
    """
    folder = ReadOnce(folder.path)
    chain = folder.chain()
    state = state_of(chain.events)
    compiled = folder.compiled()
    study, plan = compiled.sound()
    evidence: dict[str, Evidence] = {}
    for stage in state.opened:
        if stage in state.closed or any(_reads(study, name, stage) for name in state.decisions):
            evidence[stage] = folder.evidence(compiled, state, stage)
    decisions: dict[str, Decision] = {}
    others: dict[tuple[str, int], Decision] = {}
    for name, recorded in state.decisions.items():
        decision = folder.decision(compiled, state, name)
        if decision_digest(decision) != recorded["decision"]:
            raise Mismatch(
                f"the decision of '{name}' does not follow from the stored evidence",
                hint="promo verify tells what differs",
            )
        decisions[name] = decision
        for version in state.versions(name):
            if version != state.in_force(name):
                others[name, version] = folder.decision(compiled, state, name, version)
    results: dict[tuple[str, int], Result] = {}
    points: dict[str, tuple[Mapping[str, Json], ...]] = {}
    for run, tried in state.attempts.items():
        for attempt in tried:
            if attempt.state is not AttemptState.RUNNING:
                results[run, attempt.number] = folder.result(attempt)
            if attempt.state is AttemptState.ACCEPTED:
                points[run] = read_points(RealDisk(), folder.path / attempt.folder)
    current, _ = folder.in_force(compiled, state).sound()
    return Record(
        study=current,
        plan=plan,
        lock=compiled.lock,
        state=state,
        head=chain.head,
        evidence=evidence,
        decisions=decisions,
        others=others,
        effects=_effects(folder, compiled, state),
        results=results,
        points=points,
        promo=__version__,
        folder=str(folder.path),
    )


def _effects(folder: StudyFolder, compiled: Compiled, state: State) -> dict[str, EffectTable]:
    """Effects estimated anew."""
    effects: dict[str, EffectTable] = {}
    for name, recorded in state.effects.items():
        effects[name] = folder.effects(compiled, state, name)
        if effects[name].digest != recorded["effects"]:
            raise Mismatch(f"the effects of '{name}' do not follow from the stored evidence")
    return effects


def _reads(study: Study, name: str, stage: str) -> bool:
    return stage in study.deciding[name].sources


def write_beside(first: StudyFolder, second: StudyFolder, path: Path) -> BesideView:
    """
    Write two studies side by side.

    Raises:
        PromoError: the file cannot be written.
    """
    view = build_beside(record_of(first), record_of(second))
    try:
        RealDisk().write(path, render_beside(view).encode())
    except OSError as fault:
        raise PromoError(f"{path} cannot be written: {fault.strerror or fault}") from fault
    return view


FORMS = {"html": "report.html", "md": "report.md", "json": "report.json", "csv": "report.csv"}
"""Form of a report -> its usual file; CSV is two files, whose names end in `.decisions.csv` and `.runs.csv`."""


def write_report(folder: StudyFolder, path: Path, form: str = "html") -> tuple[ReportView, tuple[Path, ...]]:
    """
    Write the report of a study.

    Args:
        folder: the study.
        path: the file to write.
        form: one of `FORMS`.

    Returns:
        What it says, and the files that were written.

    Raises:
        PromoError: a file cannot be written.
    """
    record = record_of(folder)
    view = build_view(record)
    match form:
        case "html":
            files = {path: render_html(view)}
        case "md":
            files = {path: render_markdown(view)}
        case "json":
            files = {path: render_json(view)}
        case _:
            files = {
                path.with_suffix(".decisions.csv"): render_csv(DECISION_COLUMNS, decision_rows(record)),
                path.with_suffix(".runs.csv"): render_csv(RUN_COLUMNS, run_table(record)),
            }
    for file, content in files.items():
        try:
            RealDisk().write(file, content.encode())
        except OSError as fault:
            raise PromoError(f"{file} cannot be written: {fault.strerror or fault}") from fault
    return view, tuple(files)
