"""
Study folder and what is at hand to a refusal, when a study is gone on with and something is not what it was.

A study goes on only with the files, the spec and the source of values that it was started with.
"""

import platform
from collections.abc import Mapping

from promo import plugins
from promo.base.canonical import Json, digest_bytes
from promo.base.differences import differences
from promo.base.errors import Mismatch
from promo.curves.replay import Replay
from promo.driver.anchor import head_fault
from promo.driver.study import StudyFolder
from promo.files import RealDisk
from promo.ledger.state import State
from promo.plan.store import plan_to_json, stale
from promo.plan.values import Plan
from promo.run.provenance import installed_version
from promo.run.runners.files.declare import FileRunner
from promo.spec.ports import Runner


def no_strangers(folder: StudyFolder, state: State, *, fresh: bool) -> None:
    """Refuse to work beside runs that no ledger knows: somebody removed or cut the ledger."""
    if fresh and folder.exists and folder.chain().sound_bytes == 0 and folder.chain().torn:
        raise Mismatch(f"the ledger in {folder.path} is damaged", hint="restore it from a copy of the study")
    unknown = folder.unknown_runs(state)
    if unknown:
        raise Mismatch(
            f"{folder.path} holds runs that its ledger does not know",
            hint="restore the ledger from a copy, or start a new study with --study",
            details=unknown[:5],
        )
    fault = "" if fresh else head_fault(folder)
    if fault:
        raise Mismatch(
            f"the ledger in {folder.path} does not fit the checkpoint beside it: {fault}",
            hint="somebody cut or changed one of them; restore both from a copy of the study",
        )


def same_source(folder: StudyFolder, state: State, replay: Replay | None) -> None:
    """Refuse to train what was begun as a replay, to replay what was trained, and to read another table."""
    before = state.frozen.get("replay")
    hint = "undo the change, or start a new study with --study"
    if (before is None) is not (replay is None):
        what = "runs that are trained" if before is None else "a replay of recorded curves"
        raise Mismatch(f"the study in {folder.path} was started with {what}", hint=hint)
    if replay is not None:
        changed = list(differences(before, replay.summary(), ("curves",)))
        kept = {name: RealDisk().read(folder.path / name) for name in replay.files()}
        changed += [f"{name} differs" for name, content in replay.files().items() if kept[name] != content]
        if changed:
            message = f"the study in {folder.path} was started with other curves, or read them in another way"
            raise Mismatch(message, hint=hint, details=tuple(changed))


def same_study(folder: StudyFolder, state: State, plan: Plan) -> None:
    """Refuse to go on with a study whose files or spec have changed, and say what changed."""
    files = state.frozen.get("files")
    for name, recorded in files.items() if isinstance(files, Mapping) else ():
        content = RealDisk().read(folder.path / name)
        if content is None or digest_bytes(content) != recorded:
            what = "is missing" if content is None else "was changed"
            hint = "restore it from a copy of the study"
            raise Mismatch(f"{folder.path / name} {what} after the study was frozen", hint=hint)
    stored = folder.stored_plan()
    if state.amendments:
        stored = plan_to_json(folder.amended(len(state.amendments)).amendable()[1])
    changed = tuple(stale(stored, plan))
    if changed:
        raise Mismatch(
            f"the study in {folder.path} was started with another spec",
            hint="undo the change, or start a new study with --study",
            details=changed,
        )


def runner_here(runner: Runner) -> dict[str, Json]:
    """The runner as it is installed here: its version, its code, and what it trains with."""
    versions: dict[str, Json] = {"python": platform.python_version()}
    versions |= {name: installed_version(name) for name in runner.needs_modules}
    code = runner.digest if isinstance(runner, FileRunner) else plugins.code_digest(runner)
    return {"name": runner.name, "version": runner.version, "code": code, "versions": versions}


def same_runner(state: State, runner: Runner) -> None:
    """Refuse to go on with another runner than the study was started with, and say what is other."""
    changed = tuple(differences(state.frozen.get("runner"), runner_here(runner), ("runner",)))
    if changed:
        raise Mismatch(
            f"the runner '{runner.name}' is not the one this study was started with",
            hint="install the promo it was started with, or start a new study with --study",
            details=changed,
        )
