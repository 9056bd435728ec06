"""Forecasts against what really came: times of a real run of the quickstart, replayed at the moment of each result."""

import csv
from datetime import datetime
from pathlib import Path

import pytest

from promo.ledger.chain import GENESIS
from promo.ledger.state import state_of
from promo.ledger.values import (
    Amendment,
    AttemptFailed,
    AttemptStarted,
    Event,
    ResultAccepted,
    RunStatus,
    StageClosed,
    StageOpened,
    Work,
)
from promo.report.progress import build_progress, host_words
from promo.report.spending import short_of_budget
from promo.study.closure import closure
from support import plan_of, spec, study_of

ROOT = Path(__file__).parents[2]
TIMES = {
    "idle": Path(__file__).with_name("quickstart_times.csv"),
    "busy": Path(__file__).with_name("quickstart_times_busy.csv"),
}
"""One run on two idle cores, and one beside twenty-five other processes, which trained four to six times as long."""
WHOLE = 16


@pytest.fixture(scope="module")
def quickstart():
    text = (ROOT / "specs" / "quickstart.promo").read_text(encoding="utf-8")
    return study_of(text), plan_of(text)


@pytest.fixture(scope="module", params=TIMES)
def times(request):
    with TIMES[request.param].open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def at(moment, times, plan):
    """The state when so many results had come, and the time then."""
    ends = sorted(row["ended"] for row in times)
    now = ends[moment - 1]
    told = []
    for stage in plan.stages:
        mine = [row for row in times if row["stage"] == stage.name]
        if min(row["started"] for row in mine) <= now:
            entrants = tuple(sorted({row["candidate"] for row in mine}))
            told.append((min(row["started"] for row in mine), 0, StageOpened(stage.name, entrants)))
        if max(row["ended"] for row in mine) <= now:
            told.append((max(row["ended"] for row in mine), 3, StageClosed(stage.name, GENESIS, 0)))
        runs = {(run.candidate, str(run.seed)): run for run in stage.runs}
        for row in mine:
            run = runs[row["candidate"], row["seed"]]
            cell = (run.stage, run.candidate, run.host, run.seed)
            begun = AttemptStarted(run.id, 1, *cell, run.id, GENESIS, None, (), None)
            seconds, device_s = {"train": row["train_s"]}, row["device_s"]
            ended = ResultAccepted(run.id, 1, GENESIS, {}, seconds, Work(), None, device_s, {}, None)
            told += [(row["started"], 1, begun)] if row["started"] <= now else []
            told += [(row["ended"], 2, ended)] if row["ended"] <= now else []
    told.sort(key=lambda one: one[:2])
    return state_of(Event(seq, time, 1, one, GENESIS) for seq, (time, _, one) in enumerate(told)), now


def truth(times, now):
    """Seconds that really went by from then to the end."""
    end = max(row["ended"] for row in times)
    return (datetime.fromisoformat(end) - datetime.fromisoformat(now)).total_seconds()


@pytest.mark.parametrize("moment", range(1, 15))
def test_the_end_is_foreseen_to_a_third_from_the_first_run_on(moment, quickstart, times):
    study, plan = quickstart
    state, now = at(moment, times, plan)
    seen = build_progress(study, plan, state, now)
    really = truth(times, now)

    assert len(state.sound) >= moment
    assert seen.runs == WHOLE
    assert seen.left_s == pytest.approx(really, rel=1 / 3)


def test_reruns_that_an_amendment_allows_are_among_what_is_left():
    """As for the executor, the rules in force say what is still to come."""
    frozen = spec().replace("  runner toy\n", "  runner toy\n  budget 0.005cpu_h\n")
    lenient = frozen.replace("rerun 1, then drop", "rerun 2, then drop")
    study, plan = study_of(frozen), plan_of(frozen)
    old, new = (closure(one, one.gates["pick"]) for one in (study, study_of(lenient)))
    run, now = plan.stage("short").runs[0], "2026-01-02T03:04:05Z"
    told = [StageOpened("short", ("base", "fair", "good", "poor"))]
    for number in (1, 2):
        cell = (run.stage, run.candidate, run.host, run.seed)
        told.append(AttemptStarted(run.id, number, *cell, run.id, GENESIS, None, (), None))
        told.append(AttemptFailed(run.id, number, RunStatus.TIMEOUT, "", None, None, "9.5", {}, None))
    amended = Amendment("pick", 1, old, new, "so", "Ada", GENESIS, (), GENESIS, None)
    before, after = (
        state_of(Event(seq, now, 1, one, GENESIS) for seq, one in enumerate(events))
        for events in (told, [*told, amended])
    )

    assert [build_progress(study, plan, state, now).hosts[0].left for state in (before, after)] == [7, 8]
    assert short_of_budget(study, plan, after) is None


def test_a_run_that_several_stages_ask_for_is_expected_once():
    """Four runs in two slots, which `twin` asks for as well; then two candidates with two seeds, one of them new."""
    short = "stage short {\n  train four for 100s\n  on box\n  seeds 1 shared\n}"
    twin = "stage twin {\n  train four for 100s\n  on box\n  seeds 1 shared\n  report only\n}"
    longer = "stage long {\n  after pick\n  train promoted for 100s\n  on box\n  seeds 1, 2 shared\n}"
    text = spec("use", stage_short=f"{short}\n\n{twin}", stage_long=longer)
    study, plan, now = study_of(text), plan_of(text), "2026-01-02T03:04:05Z"
    told = [StageOpened(name, ("base", "fair", "good", "poor")) for name in ("short", "twin")]
    before, begun = (
        build_progress(study, plan, state_of(Event(seq, now, 1, one, GENESIS) for seq, one in enumerate(events)), now)
        for events in ([], told)
    )

    assert (before.left_s, begun.left_s) == (plan.wall_s, plan.wall_s) == (300, 300)
    assert [host.left for host in begun.hosts] == [4]
    assert (begun.done, begun.runs) == (0, 4 + 2)


def test_what_is_left_takes_the_devices_that_its_stage_gives():
    """Two slots: four runs of 100 s two by two, and then those of `long` one by one, for each takes both devices."""
    short = "stage short {\n  train four for 100s\n  on box\n  seeds 1\n}"
    longer = "stage long {\n  after pick\n  train promoted for 100s\n  on box\n  devices 2\n  seeds 3\n}"
    text = spec("use", stage_short=short, stage_long=longer)
    study, plan, now = study_of(text), plan_of(text), "2026-01-02T03:04:05Z"
    begun = [StageOpened("short", ("base", "fair", "good", "poor"))]
    for run in plan.stage("short").runs:
        cell = (run.stage, run.candidate, run.host, run.seed)
        begun.append(AttemptStarted(run.id, 1, *cell, run.id, GENESIS, None, (), None))
        begun.append(ResultAccepted(run.id, 1, GENESIS, {}, {"train": "100"}, Work(), None, "100", {}, None))
    run = next(one for one in plan.stage("long").runs if one.candidate == "good")
    cell = (run.stage, run.candidate, run.host, run.seed)
    later = [
        StageClosed("short", GENESIS, 0),
        StageOpened("long", ("base", "good")),
        AttemptStarted(run.id, 1, *cell, run.id, GENESIS, None, (), None),
    ]
    before, under_way = (
        build_progress(study, plan, state_of(Event(seq, now, 1, one, GENESIS) for seq, one in enumerate(events)), now)
        for events in ([], [*begun, *later])
    )

    assert before.left_s == plan.wall_s == 2 * 100 + 2 * 100
    assert under_way.left_s == 200  # the one that runs, and another one behind it
    assert host_words(under_way.hosts[0]) == "1 of 2 slots and 2 of 2 devices, 1 run to go"
    assert under_way.spent_s == 400
    assert {one.name: one.budget_s for one in under_way.stages} == {"short": 400, "long": 2 * 100 * 2}
    assert under_way.slot_s == 400
