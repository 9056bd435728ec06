"""`promo status`: what has happened so far, once or again and again."""

import json
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from promo.base.canonical import Json
from promo.base.codec import to_json
from promo.base.errors import ExitCode
from promo.cli.places import awaited, go_on, study_of
from promo.cli.seen import Seen, look
from promo.cli.terminal import expanded, put, put_wrapped
from promo.decision.counts import Count
from promo.driver.shared import where_words
from promo.driver.study import LEDGER, StudyFolder, check_names
from promo.ledger.state import Attempt, State, StudyState
from promo.plans.values import Plan
from promo.report.amendments import verdict_lines
from promo.report.changed import changes, fits, planned
from promo.report.decided import attempt_cause
from promo.report.design import effect_name
from promo.report.money import money_to_json
from promo.report.people import status_words, waiting_lines
from promo.report.progress import (
    Phase,
    StageProgress,
    badly_words,
    build_progress,
    count_words,
    end_words,
    host_words,
    progress_to_json,
    spent_words,
)
from promo.report.replay import replay_line
from promo.report.spending import AMEND, budget_lines, budget_to_json, budget_words, short_of_budget
from promo.report.words import span_text
from promo.run.clock import SystemClock
from promo.run.locks import has_begun, is_worked_on
from promo.run.outside import EXECUTOR as OUTSIDE
from promo.study.values import Study

WATCH_S = 1.0
PATIENCE = 5
"""Reading the ledger of a study of 10,000 runs takes most of a second; so many times that lie between two looks."""
WORDS = {
    StudyState.EMPTY: "has not started",
    StudyState.OPEN: "is not finished",
    StudyState.STOPPED: "was stopped by its own rule",
    StudyState.CLOSED: "is finished",
}


def status(options: Namespace) -> int:
    """What has happened so far; safe while the study runs."""
    folder = _awaited(options) if options.watch and not options.json else study_of(options.place, options.study)
    study, plan = folder.compiled().sound()
    state = folder.state()
    check_names(plan, state)
    if options.json:
        put(json.dumps(_json(study, plan, state), indent=1, sort_keys=True))
        return ExitCode.DONE
    if options.watch:
        _watch(folder, study, plan)
        state = folder.state()
    put_wrapped(_lines(folder, study, plan, state))
    options.follows = _follows(folder, state, options.study or options.place)
    return ExitCode.DONE


def _follows(folder: StudyFolder, state: State, place: str | None) -> str:
    """The command that carries a study on from where it is; its report where nothing does."""
    given = f" {quote(place)}" if place else ""
    if state.study in (StudyState.CLOSED, StudyState.STOPPED):
        return f"report{given}"
    if state.waiting():
        return ""  # its last line says how to decide
    if is_worked_on(folder.path):
        return f"status --watch{given}"
    return go_on(place, folder.path, replay=bool(state.replay))


def _awaited(options: Namespace) -> StudyFolder:
    """The study that is meant, however long it takes until it begins."""
    told = False

    def wait() -> None:
        nonlocal told
        if not told:
            put(f"waiting for {options.study or options.place or 'a study here'} to begin")
            sys.stdout.flush()
            told = True
        time.sleep(WATCH_S)

    return awaited(options.place, options.study, wait)


def _watch(folder: StudyFolder, study: Study, plan: Plan) -> None:
    """Follow a study until it ends or the user has seen enough: in place on a terminal, else in lines."""
    from promo.cli.screen import Screen  # with `rich`, which takes as long to import as to look once

    following = _Following(folder)
    screen = Screen(folder.path) if sys.stdout.isatty() else None
    told = -1
    try:
        if screen and following.state.study is StudyState.OPEN:
            screen.begin(study, plan, following.state)
        while following.state.study is StudyState.OPEN:
            if screen:
                screen.tick(following.state)
            elif following.state.events != told:
                put("\n".join([*_lines(folder, study, plan, following.state), ""]))
                sys.stdout.flush()
                told = following.state.events
            time.sleep(max(WATCH_S, PATIENCE * following.took_s))
            following.go_on()
    except KeyboardInterrupt:
        put("")
    finally:
        if screen:
            screen.close()


class _Following:
    """The state of a study, read again when its ledger has grown."""

    def __init__(self, folder: StudyFolder) -> None:
        self.folder, self.size, self.took_s = folder, -1, 0.0
        self.go_on()

    def go_on(self) -> None:
        size = Path(self.folder.path / LEDGER).stat().st_size
        if size != self.size:
            began = time.monotonic()
            self.state, self.size = self.folder.state(), size
            self.took_s = time.monotonic() - began


def _lines(folder: StudyFolder, study: Study, plan: Plan, state: State) -> Iterator[str]:
    """A study in lines, for people."""
    yield f"{study.name} {WORDS[state.study]}; frozen {state.frozen_at}, last event {state.last_time}"
    replay = replay_line(state)
    if replay:
        yield f"  {replay}"
    where = where_words(folder.path)
    if where:
        yield f"  {where}"
    seen = look(study, plan, state, folder.path)
    for stage in seen.progress.stages:
        yield f"  {stage.name}: {_stage_words(stage)}"
    for host in seen.progress.hosts:
        if host.running or host.left:
            yield f"  {host.name}: {host_words(host)}"
    for attempt in state.running():
        how = _how(folder, study, state, attempt)
        yield f"  {how}: {attempt.stage}, {seen.call(attempt.candidate)} on {attempt.host}, seed {attempt.seed}"
    yield from _effects(state)
    for one in seen.progress.deciders:
        promoted = [seen.call(name) for name in state.promoted(one.name)] if one.decided else []
        in_lines = not fits(promoted)
        words = status_words(study, state, one.name, seen.call, in_lines=True) if in_lines else one.words
        yield f"  {one.name}: {expanded(words)}"
        yield from (f"    {name}" for name in promoted if in_lines)
        yield from (f"    {line}" for line in verdict_lines(study, state, one.name, seen.call))
    yield from (
        f"  amendment {amendment.number} of {amendment.name}: {expanded(amendment.reason)}"
        for amendment in state.amendments
    )
    yield from (f"  {expanded(line)}" for line in budget_lines(study, plan, state))
    yield from (f"  {line}" for line in _whole(seen, study, plan, folder, state))


def _how(folder: StudyFolder, study: Study, state: State, attempt: Attempt) -> str:
    """Where an attempt stands that has not ended, as its folder shows; why it waits only its queue could say."""
    if not state.replay and study.hosts[attempt.host].executor == OUTSIDE:
        return "asked for outside"
    return "queued" if attempt.job is not None and not has_begun(folder.path / attempt.folder) else "running"


def _stage_words(stage: StageProgress) -> str:
    if stage.phase is Phase.WAITS:
        return f"waits, {stage.note}" if stage.note else "not opened"
    badly = badly_words(stage)
    last = stage.lost or stage.excluded or stage.failed
    attempts = "attempt" if last == 1 else "attempts"
    return count_words(Count(stage.done, stage.runs)) + (f", {badly} {attempts}" if badly else "")


def _effects(state: State) -> Iterator[str]:
    for name, estimated in state.effects.items():
        for stage, found in estimated.discovered:
            yield f"  {name} at {stage}: {', '.join(map(effect_name, found)) or 'no effect'} discovered"


def _whole(seen: Seen, study: Study, plan: Plan, folder: StudyFolder, state: State) -> Iterator[str]:
    """The sums; an end is expected while somebody works on the study, and else told as what is left."""
    yield "; ".join(spent_words(seen.progress, plan))
    if state.study is not StudyState.OPEN:
        return
    short = short_of_budget(study, plan, state)
    if short is not None:
        yield f"{budget_words(short, study, plan, seen.call)}: {AMEND}"
    if state.waiting():
        yield from waiting_lines(study, state, quote(str(folder.path)))
    elif short is not None:
        return
    elif is_worked_on(folder.path):
        end = end_words(seen.progress, seen.ends_at)
        yield from [end] if end else []
    else:
        left = seen.progress.left_s
        more = "" if left is None else f", for about {span_text(left)}"
        yield f"no promo process of this machine works on it; promo run resumes it{more}"


def _json(study: Study, plan: Plan, state: State) -> dict[str, Json]:
    changed = changes(study, planned(study, plan))
    return {
        "promo_status": 2,
        "study": state.study.value,
        "replay": to_json(state.frozen.replay) if state.frozen and state.frozen.replay else None,
        "frozen_at": state.frozen_at,
        "last_event": state.last_time,
        "events": state.events,
        "opened": {stage: list(entrants) for stage, entrants in state.opened.items()},
        "closed": sorted(state.closed),
        "changed": {name: words for name, words in changed.items() if words},
        "attempts": [
            {
                "run": attempt.run,
                "attempt": attempt.number,
                "stage": attempt.stage,
                "candidate": attempt.candidate,
                "changed": changed.get(attempt.candidate) or None,
                "host": attempt.host,
                "seed": attempt.seed,
                "state": attempt.state.value,
                "status": attempt.ending,
                "cause": attempt_cause(attempt, study),
            }
            for attempt in state.every_attempt()
        ],
        "effects": {name: to_json(one) for name, one in state.effects.items()},
        "decisions": {name: to_json(one) for name, one in state.decisions.items()},
        "people": {name: to_json(one) for name, one in state.people.items()},
        "amendments": [to_json(one) for one in state.amendments],
        "budget": budget_to_json(study, plan, state),
        "money": money_to_json(study, state),
        "progress": progress_to_json(build_progress(study, plan, state, SystemClock().now())),
    }
