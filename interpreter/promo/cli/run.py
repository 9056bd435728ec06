"""`promo run` and `promo stop`."""

import os
import sys
from argparse import Namespace
from pathlib import Path

from promo.base.canonical import parse_json
from promo.base.errors import ExitCode, Mismatch, PromoError
from promo.base.reading import RECORD
from promo.cli.places import study_of
from promo.cli.spec import but_seals, compile_file, print_diagnostics
from promo.cli.terminal import put, put_wrapped
from promo.driver.pipeline import Compiled
from promo.driver.run import run_study
from promo.driver.study import REPORT, StudyFolder, study_folder
from promo.driver.values import Display
from promo.files import read_given
from promo.ledger.state import StudyState
from promo.plans.values import Plan, saved_from_json
from promo.report.spending import AMEND
from promo.report.words import plural
from promo.run.clock import SystemClock
from promo.run.locks import interrupt_holder, is_locked
from promo.run.provenance import origin_of

STOP_S = 60
"""Longer than the supervisors take to end what they started."""


def run(options: Namespace) -> int:
    """Start a study or go on with it, and write its report at the end."""
    spec, plan = _spec_and_plan(Path(options.spec))
    compiled = compile_file(str(spec))
    compiled.sound()
    print_diagnostics(but_seals(compiled.diagnostics))
    if plan is not None:
        _refuse_stale(options.spec, plan, compiled)
    folder = study_folder(spec, Path(options.study) if options.study else None)
    ending = run_study(
        compiled,
        spec.parent,
        folder,
        clock=SystemClock(),
        environment=os.environ,
        display=display_of(options, folder),
        origin=origin_of(spec.parent, os.environ, sys.argv[1:]),
        only=options.host,
        freeze_only=options.freeze_only,
        finish=options.on_orchestrator_death == "finish",
        saved=None if plan is None else Path(options.spec),
        shared=Path(options.shared) if options.shared else None,
    )
    if options.freeze_only and not folder.state().attempts:
        from promo.cli.anchor import checkpoint

        return checkpoint(Namespace(place=str(folder.path), study=None))
    print_end(folder)
    if ending.asked:
        put(
            f"{plural(ending.asked, 'run')} requested from outside: promo ask {folder.path} --out FOLDER writes the "
            f"requests"
        )
        put(f'accept results with: promo accept {folder.path} FILE --by "who trained them"; then run again')
    elif ending.exit_code is ExitCode.ELSEWHERE:
        put(f"{ending.why}: exchange what was done with promo bundle and promo import, then run again")
    if ending.exit_code is ExitCode.SPENT:
        put(f"{ending.why}: {AMEND}")
    return ending.exit_code


def _spec_and_plan(path: Path) -> tuple[Path, Plan | None]:
    """A spec is run as it is; a plan file names its spec and is compared with it."""
    if path.suffix != ".json":
        return path, None
    try:
        saved = saved_from_json(parse_json(read_given(path, RECORD)))
    except ValueError as fault:
        hint = "write one with: promo plan SPEC --out FILE"
        raise PromoError(f"{path} is not a plan file that this promo reads: {fault}", hint=hint) from fault
    return Path(saved.spec), saved.plan


def _refuse_stale(path: str, plan: Plan, compiled: Compiled) -> None:
    from promo.report.change import plan_changes

    _, now = compiled.sound()
    changed = tuple(plan_changes(plan, now))
    if changed:
        hint = "plan again, or undo the change"
        raise Mismatch(f"the plan {path} is stale: the spec says something else now", hint=hint, details=changed)


def display_of(options: Namespace, folder: StudyFolder) -> Display:
    """What a user wants to see while a study runs."""
    from promo.cli.live import Lines, Quiet

    here, recorded = getattr(options, "host", None), options.command == "replay"
    if options.quiet:
        return Quiet()
    if options.plain or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return Lines(folder.path, here, recorded=recorded)
    from promo.cli.screen import Screen

    return Screen(folder.path, here, recorded=recorded)


def print_end(folder: StudyFolder) -> None:
    """Decisions, time spent, and where the report is."""
    from promo.driver.report import write_report

    written = write_report(folder, folder.path / REPORT)
    put("")
    put_wrapped(written.story)
    put(f"report: {folder.path / REPORT}")


def stop(options: Namespace) -> int:
    """End a study that another promo process is working on; what has a result keeps it."""
    folder = study_of(options.place, options.study)
    if not interrupt_holder(folder.path):
        raise PromoError(f"no promo process on this machine is working on {folder.path}")
    clock = SystemClock()
    until = clock.monotonic() + STOP_S
    while clock.monotonic() < until:
        if is_locked(folder.path):
            clock.sleep(0.1)
        else:
            over = folder.state().study in (StudyState.CLOSED, StudyState.STOPPED)
            put("it had come to its end by itself" if over else "stopped; promo run resumes it")
            left = [one.job for one in folder.state().running() if one.job is not None]
            if left:
                put(f"their queue has not said that these jobs have ended; promo run takes them up: {', '.join(left)}")
            return ExitCode.DONE
    raise PromoError(f"it was asked to end and still runs after {STOP_S} s", hint="watch it with: promo status")
