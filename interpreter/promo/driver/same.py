"""
Study folder and what is at hand to a refusal, when a study is gone on with and something is not what it was.

A study goes on only with the files, the spec and the source of values that it was started with.
"""

import platform
from collections.abc import Mapping, Sequence

from promo import plugins
from promo.base.canonical import digest_bytes
from promo.base.codec import to_json
from promo.base.differences import differences
from promo.base.errors import Mismatch
from promo.curves.replay import Replay
from promo.driver.anchor import head_fault
from promo.driver.frozen import MOST, Changed, changed_files, recorded_files, text_changes
from promo.driver.pipeline import Compiled
from promo.driver.study import StudyFolder
from promo.ledger.sources import Input, Installed
from promo.ledger.state import State
from promo.report.change import plan_changes
from promo.report.inputs import input_state, input_words
from promo.run.inputs import inputs_of
from promo.run.provenance import installed_version
from promo.run.runners.files.declare import FileRunner
from promo.study.ports import Runner


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
    before = state.frozen.replay if state.frozen else None
    hint = "undo the change, or start a new study with --study"
    if (before is None) is not (replay is None):
        what = "runs that are trained" if before is None else "a replay of recorded curves"
        raise Mismatch(f"the study in {folder.path} was started with {what}", hint=hint)
    if replay is not None:
        changed = list(differences(to_json(before), to_json(replay.summary()), ("curves",)))
        for name, content in replay.files().items():
            kept = folder.read(name)
            if kept is not None and digest_bytes(kept) == recorded_files(state).get(name) and kept != content:
                changed += [f"{name}, {line}" for line in text_changes(kept, content)][:MOST]
        if changed:
            message = f"the study in {folder.path} was started with other curves, or read them in another way"
            raise Mismatch(message, hint=hint, details=tuple(changed))


def same_study(folder: StudyFolder, state: State, compiled: Compiled, replay: Replay | None) -> None:
    """Refuse to go on with a study whose files or spec have changed, and say what changed."""
    changed = tuple(changed_files(folder, state, compiled, replay))
    if changed:
        raise Mismatch(
            _changed_words(folder, changed), hint="restore it from a copy of the study", details=_parts(changed)
        )
    _, plan = compiled.sound()
    stored = folder.amended(len(state.amendments)).amendable()[1] if state.amendments else folder.stored_plan()
    other = tuple(plan_changes(stored, plan))
    if other:
        raise Mismatch(
            f"the study in {folder.path} was started with another spec",
            hint="undo the change, or start a new study with --study",
            details=other,
        )


def _changed_words(folder: StudyFolder, changed: Sequence[Changed]) -> str:
    if len(changed) > 1:
        return f"{len(changed)} files in {folder.path} are not what they were when the study was frozen"
    one = changed[0]
    return f"{folder.path / one.name} {'is missing' if one.missing else 'was changed after the study was frozen'}"


def _parts(changed: Sequence[Changed]) -> tuple[str, ...]:
    """What differs in each file, from what was frozen to what is there."""
    said = [(one.name, part) for one in changed for part in (("it is missing",) if one.missing else one.parts)]
    if len(changed) == 1:
        return () if changed[0].missing else changed[0].parts
    return tuple(f"{name}: {part}" for name, part in said)


def runner_here(runner: Runner) -> Installed:
    """The runner as it is installed here: its version, its code, and what it trains with."""
    versions = {"python": platform.python_version()} | {name: installed_version(name) for name in runner.needs_modules}
    code = runner.digest if isinstance(runner, FileRunner) else plugins.code_digest(runner)
    return Installed(runner.name, runner.version, code, versions)


def inputs_here(runner: Runner, environment: Mapping[str, str]) -> tuple[Input, ...]:
    """What runs rest on and no study freezes, as it is here now."""
    return inputs_of(runner, environment) if isinstance(runner, FileRunner) else ()


def same_inputs(folder: StudyFolder, state: State, here: Sequence[Input]) -> None:
    """Refuse to go on when something that was not frozen is not what it was at the first start, and name it."""
    if state.inputs is None:
        return
    before, now = ({(one.kind, one.name): one for one in those} for those in (state.inputs, here))
    changed = [one for one in dict.fromkeys((*before, *now)) if before.get(one) != now.get(one)]
    if changed:
        name = input_words(*changed[0])
        more = f", and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise Mismatch(
            f"{name}{more} changed since the study in {folder.path} was started",
            hint="undo the change, or start a new study with --study",
            details=tuple(
                f"{input_words(*one)}: {input_state(before.get(one))} -> {input_state(now.get(one))}"
                for one in changed[:MOST]
            ),
        )


def same_runner(state: State, runner: Runner) -> None:
    """Refuse to go on with another runner than the study was started with, and say what is other."""
    assert state.frozen is not None
    changed = tuple(differences(to_json(state.frozen.runner), to_json(runner_here(runner)), ("runner",)))
    if changed:
        raise Mismatch(
            f"the runner '{runner.name}' is not the one this study was started with",
            hint="install the promo it was started with, or start a new study with --study",
            details=changed,
        )
