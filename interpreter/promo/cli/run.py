"""`promo run`, `promo status` and `promo stop`."""

import json
import os
import sys
import time
from argparse import Namespace
from pathlib import Path

from promo.base.canonical import Json, parse_json
from promo.base.errors import Busy, ExitCode, Mismatch, PromoError
from promo.cli.places import study_of
from promo.cli.spec import compile_file, print_diagnostics
from promo.cli.terminal import put
from promo.driver.pipeline import Compiled
from promo.driver.run import run_study
from promo.driver.study import REPORT, StudyFolder, study_folder
from promo.driver.values import Display
from promo.files import FolderLock, SystemClock, interrupt_holder
from promo.ledger.state import State, StudyState
from promo.plan.store import stale
from promo.report.amendments import verdict_lines
from promo.report.replay import replay_line
from promo.report.words import span_text
from promo.run.provenance import origin_of

STOP_S = 60
"""Longer than the supervisors take to end what they started."""
WATCH_S = 2.0
CLEAR = "\033[H\033[2J"


def run(options: Namespace) -> int:
    """Start a study or go on with it, and write its report at the end."""
    spec, plan = _spec_and_plan(Path(options.spec))
    compiled = compile_file(str(spec))
    compiled.sound()
    print_diagnostics(one for one in compiled.diagnostics if one.code != "P0414")
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
    )
    if options.freeze_only and not folder.state().attempts:
        from promo.cli.anchor import checkpoint

        return checkpoint(Namespace(place=str(folder.path), study=None))
    print_end(folder)
    if ending.exit_code is ExitCode.ELSEWHERE:
        put(f"{ending.why}: exchange what was done with promo bundle and promo import, then run again")
    return ending.exit_code


def _spec_and_plan(path: Path) -> tuple[Path, Json | None]:
    """A spec is run as it is; a plan file names its spec and is compared with it."""
    if path.suffix != ".json":
        return path, None
    try:
        plan = parse_json(path.read_bytes())
        assert isinstance(plan, dict)
        return Path(str(plan["spec"])), plan
    except FileNotFoundError as fault:
        raise PromoError(f"there is no file {path}") from fault
    except (OSError, ValueError, KeyError, AssertionError) as fault:
        raise PromoError(f"{path} is no plan file", hint="write one with: promo plan SPEC --out FILE") from fault


def _refuse_stale(path: str, plan: Json, compiled: Compiled) -> None:
    _, now = compiled.sound()
    changed = tuple(stale(plan, now))
    if changed:
        hint = "plan again, or undo the change"
        raise Mismatch(f"the plan {path} is stale: the spec says something else now", hint=hint, details=changed)


def display_of(options: Namespace, folder: StudyFolder) -> Display:
    """What a user wants to see while a study runs."""
    from promo.cli.live import Lines, Quiet, Screen

    if options.quiet:
        return Quiet()
    if options.plain or not sys.stdout.isatty():
        return Lines()
    return Screen(folder.path)


def print_end(folder: StudyFolder) -> None:
    """Decisions, time spent, and where the report is."""
    from promo.driver.report import write_report

    written = write_report(folder, folder.path / REPORT)
    put("")
    put("\n".join(written.story))
    put(f"report: {folder.path / REPORT}")


def stop(options: Namespace) -> int:
    """End a study that another promo process is working on; what has a result keeps it."""
    folder = study_of(options.place, options.study)
    if not interrupt_holder(folder.path):
        raise PromoError(f"no promo process on this machine is working on {folder.path}")
    clock = SystemClock()
    until = clock.monotonic() + STOP_S
    while clock.monotonic() < until:
        try:
            FolderLock(folder.path).close()
        except Busy:
            clock.sleep(0.1)
        else:
            put("stopped; promo run goes on")
            return ExitCode.DONE
    raise PromoError(f"it was asked to end and still runs after {STOP_S} s", hint="watch it with: promo status")


def status(options: Namespace) -> int:
    """What has happened so far; safe while the study runs."""
    folder = study_of(options.place, options.study)
    state = folder.state()
    if options.json:
        put(json.dumps(_status_json(state), indent=1, sort_keys=True))
        return ExitCode.DONE
    shown = ""
    while True:
        text = _status_text(folder, state)
        if text != shown:
            if options.watch and sys.stdout.isatty():
                sys.stdout.write(CLEAR)
            put(text)
            shown = text
        if not options.watch or state.study is not StudyState.OPEN:
            return ExitCode.DONE
        time.sleep(WATCH_S)
        state = folder.state()


def _status_text(folder: StudyFolder, state: State) -> str:
    study, plan = folder.compiled().sound()
    words = {
        StudyState.EMPTY: "has not started",
        StudyState.OPEN: "is not finished",
        StudyState.STOPPED: "was stopped by its own rule",
        StudyState.CLOSED: "is finished",
    }[state.study]
    lines = [f"{study.name} {words}; frozen {state.frozen_at}, last event {state.last_time}"]
    replay = replay_line(state)
    lines += [f"  {replay}"] if replay else []
    for stage in plan.stages:
        entrants = state.opened.get(stage.name)
        done = sum(state.accepted(run.id) is not None for run in stage.runs if run.candidate in (entrants or ()))
        if entrants is None:
            lines.append(f"  {stage.name}: waits for {stage.after}" if stage.after else f"  {stage.name}: not opened")
            continue
        total = len(entrants) * len(stage.hosts) * len(stage.seeds)
        failed = sum(state.failures(run.id) for run in stage.runs)
        lines.append(f"  {stage.name}: {done} of {total} runs" + (f", {failed} failed attempts" if failed else ""))
    lines += [
        f"  running: {attempt.stage}, {attempt.candidate} on {attempt.host}, seed {attempt.seed}"
        for attempt in state.running()
    ]
    for name, estimated in state.effects.items():
        discovered = estimated["discovered"]
        assert isinstance(discovered, list)
        for one in discovered:
            assert isinstance(one, list)
            stage_name, found = one
            assert isinstance(found, list)
            lines.append(f"  {name} at {stage_name}: {', '.join(map(str, found)) or 'no effect'} discovered")
    for name, decision in state.decisions.items():
        promoted, fixed = decision.get("promoted"), decision.get("fixed")
        answer = (
            f"promoted {', '.join(map(str, promoted)) or 'nobody'}"
            if isinstance(promoted, list)
            else decision.get("answer")
        )
        if isinstance(fixed, list):
            levels = ", ".join(f"{one[0]} at {one[1]}" for one in fixed if isinstance(one, list))
            answer = f"fixed {levels or 'no factor'}; {answer}"
        lines.append(f"  {name}: {answer}")
        lines += [f"    {line}" for line in verdict_lines(state, name)]
    lines += [
        f"  amendment {amendment['number']} of {amendment['name']}: {amendment['reason']}"
        for amendment in state.amendments
    ]
    from promo.cli.live import spent_s

    spent = span_text(spent_s(state))
    lines.append(
        f"  spent: {'nothing; ' + spent + ' as recorded' if replay else spent + ' of device time, all phases'}"
    )
    return "\n".join(lines)


def _status_json(state: State) -> dict[str, Json]:
    return {
        "promo_status": 1,
        "study": state.study.value,
        "replay": state.frozen.get("replay"),
        "frozen_at": state.frozen_at,
        "last_event": state.last_time,
        "events": state.events,
        "opened": {stage: list(entrants) for stage, entrants in state.opened.items()},
        "closed": sorted(state.closed),
        "attempts": [
            {
                "run": attempt.run,
                "attempt": attempt.number,
                "stage": attempt.stage,
                "candidate": attempt.candidate,
                "host": attempt.host,
                "seed": attempt.seed,
                "state": attempt.state.value,
                "status": attempt.status,
                "cause": attempt.cause,
            }
            for tried in state.attempts.values()
            for attempt in tried
        ],
        "effects": {name: dict(one) for name, one in state.effects.items()},
        "decisions": {name: dict(decision) for name, decision in state.decisions.items()},
        "amendments": [dict(one) for one in state.amendments],
    }
