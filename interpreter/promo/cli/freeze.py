"""`promo freeze`: seal frozen gates and rules."""

import json
import os
from argparse import Namespace
from pathlib import Path

from promo.base.codec import to_json
from promo.base.diagnostics import errors
from promo.base.errors import ExitCode
from promo.cli.spec import compile_file, print_diagnostics, write_text
from promo.cli.terminal import put
from promo.driver.pipeline import closure_changes, lock_path
from promo.driver.study import StudyFolder, study_folder
from promo.ledger.state import AttemptState, State
from promo.report.seal import sealed_words
from promo.run.clock import SystemClock
from promo.run.provenance import commit_of
from promo.study.lock import Lock
from promo.study.lock import freeze as seal


def freeze(options: Namespace) -> int:
    """Seal every frozen gate and rule of a spec."""
    compiled = compile_file(options.spec)
    broken = {"P0401"}
    wrong = [found for found in errors(compiled.diagnostics) if found.code not in broken]
    if wrong or compiled.study is None:
        print_diagnostics(compiled.diagnostics)
        return ExitCode.FINDINGS
    path = Path(options.spec)
    folder = study_folder(path, Path(options.study) if options.study else None)
    results = _results(folder.state()) if folder.exists else {}
    made = seal(
        compiled.study,
        compiled.tree,
        _known_seals(compiled.lock, folder),
        now=SystemClock().now(),
        commit=commit_of(path.parent, os.environ),
        results=results,
        again=options.again,
        changes=closure_changes,
    )
    if made.text != compiled.source.text:
        write_text(path, made.text)
    if made.lock != compiled.lock:
        write_text(lock_path(path), json.dumps(to_json(made.lock), indent=2, sort_keys=True) + "\n")
    for name in made.lock.seals:
        seal_ = made.lock.seals[name]
        state = "sealed" if name in made.sealed else "sealed before"
        put(f"{name}: {state} sha256:{seal_.digest[:12]} at {sealed_words(seal_)}")
    return ExitCode.DONE


def _known_seals(lock: Lock | None, folder: StudyFolder) -> Lock | None:
    """Seals of the spec, and those that starting a study made."""
    started = folder.lock() if folder.exists else None
    if lock is None or started is None:
        return lock or started
    return Lock(lock.study, {**started.seals, **lock.seals})


def _results(state: State) -> dict[str, int]:
    """Stage -> results that exist already."""
    counts: dict[str, int] = {}
    for attempt in state.every_attempt():
        if attempt.state is AttemptState.ACCEPTED:
            counts[attempt.stage] = counts.get(attempt.stage, 0) + 1
    return counts
