"""What is shown while a study runs: on a terminal, in a log, and from another terminal."""

import io
import json
import re
import shutil
import threading
from fractions import Fraction
from pathlib import Path

import pytest
from rich.console import Console

from promo.base.classes import evolve
from promo.cli.drawing import MOST_ROWS, drawing, fitted
from promo.cli.live import Lines
from promo.cli.screen import Screen
from promo.cli.seen import last_point, look
from promo.driver.requests import Requests
from promo.driver.study import StudyFolder
from promo.ledger.chain import GENESIS
from promo.ledger.outcomes import Held, Lacking
from promo.ledger.sources import Installed, Recording
from promo.ledger.state import state_of
from promo.ledger.values import AttemptStarted, Decided, Event, Freezing, ResultAccepted, StageOpened, Verdict, Work
from promo.report.progress import Phase, build_progress, progress_to_json, reported_s, spent_words
from promo.report.words import span_text
from promo.run.contract import Recorder
from promo.run.execute import Progress, Task
from promo.run.values import Body, Facts, Result, RunStatus
from support import compiled, crashed, plan_of, promo, spec, study_of, trained, without_escapes

ROOT = Path(__file__).parents[2]
NOW = "2026-01-01T00:00:00Z"
TIMED = spec(
    "use",
    host='host box {\n  device "cpu" on any\n  slots 2\n}',
    stage_short="stage short {\n  train four for 10min\n  on box\n  seeds 1, 2\n}",
    stage_long="stage long {\n  after pick\n  train promoted for 1h\n  on box\n  seeds 3, 4\n}",
)


def drawn(seen, study, plan, width=100):
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(drawing(seen, study, plan, MOST_ROWS))
    return console.file.getvalue()


def test_a_terminal_sees_stages_gates_hosts_and_hours_and_user_text_as_it_is(trial):
    said = without_escapes(trial[1])

    assert "[red]A[/red] <b>trial</b>" in said
    for words in (
        "stage  short",
        "gate  pick",
        "rule  close",
        "host  box",
        "2 slots",
        "a budget of",
        "a bound of",
        "expected end",
    ):
        assert words in said, words
    assert "crash: ValueError: the toy broke <b>on purpose</b>" in said
    assert "pick promoted" in said
    report, following = said.replace("\r", "").rstrip().split("\n")[-2:]
    assert report.endswith("report.html")
    assert following.startswith("next: promo verify ")


def test_before_anything_ran_the_end_is_the_plans_own():
    for name in ("quickstart", "staged_promotion", "screen_small"):
        text = (ROOT / "specs" / f"{name}.promo").read_text(encoding="utf-8")
        plan = plan_of(text)
        seen = build_progress(study_of(text), plan, told(), NOW)

        assert seen.left_s == plan.wall_s
        assert not seen.measured
        assert (seen.budget_s, seen.bound_s) == (plan.budget_s, plan.bound_s)
        assert {stage.phase for stage in seen.stages} == {Phase.WAITS}
        assert spent_words(seen, plan)[0].startswith("spent 0 ")


def test_the_end_is_spread_over_slots_by_what_runs_took():
    study, plan = study_of(TIMED), plan_of(TIMED)
    first, second, third = plan.stage("short").runs[:3]
    state = told(
        event(StageOpened("short", FOUR)), *ended(first), *ended(second), started(third, at="2025-12-31T23:56:40Z")
    )
    folder = state.attempts[third.id][0].folder
    seen = build_progress(study, plan, state, NOW, reported={folder: Fraction(150)})

    # Runs take 700 s, of which 600 are training.  One has 500 s to go; five more end at 700, 1200, 1400, 1900, 2100 s.
    # Then four runs of 3600 + 100 s on two slots: two rounds.
    assert seen.left_s == 2100 + 2 * 3700
    assert seen.measured
    assert (seen.done, seen.runs) == (2, 12)
    assert (seen.spent_s, seen.budget_s, seen.slot_s) == (2 * 600 + 150, 8 * 600 + 4 * 3600, 1400)
    assert spent_words(seen, plan) == (
        "spent 22 min 30 s of a budget of 5 h 20 min of slot time (7.0%)",
        f"taken in total: 23 min 20 s of a bound of {span_text(plan.bound_s)}",
    )
    simulated = spent_words(evolve(seen, slot_s=Fraction(900)), plan)
    assert simulated[0] == "simulated 22 min 30 s of a budget of 5 h 20 min of slot time (7.0%)"
    assert [(host.name, len(host.running), host.left) for host in seen.hosts] == [("box", 1, 5)]
    assert [(one.name, one.words) for one in seen.deciders] == [
        ("pick", "decides when short has ended"),
        ("close", "decides when long has ended"),
    ]


def test_of_hosts_elsewhere_nothing_is_expected_here():
    text = TIMED.replace("  on box\n  seeds 1, 2", "  on box, other\n  seeds 1, 2")
    text = spec_with_host(text)
    study, plan = study_of(text), plan_of(text)
    state = told(event(StageOpened("short", FOUR)))

    assert build_progress(study, plan, state, NOW, here="box").left_s == 4 * 600
    assert build_progress(study, plan, state, NOW).left_s == 8 * 600 + 2 * 3600


def test_of_a_run_that_carries_another_on_only_what_it_adds_is_spent():
    text = TIMED.replace("train promoted for 1h\n  on box\n  seeds 3, 4", "continue promoted from short to 1h")
    study, plan = study_of(text), plan_of(text)
    before, run = plan.stage("short").runs[0], plan.stage("long").runs[0]
    state = told(*ended(before), started(run))
    attempt = state.attempts[run.id][0]

    assert reported_s(study, state, attempt, Fraction(1500)) == 900
    assert reported_s(study, state, attempt, Fraction(590)) == 0
    assert reported_s(study, state, attempt, Fraction(3700)) == 3000
    fresh = started(before)
    assert reported_s(study, state, told(fresh).attempts[before.id][0], Fraction(590)) == 590


def test_of_a_replay_no_end_is_expected_and_nothing_is_trained():
    study, plan = study_of(TIMED), plan_of(TIMED)
    table = Recording("t.csv", "curves.csv", GENESIS, interpolate=False, seeds_by="order", cells=0, empty=0, repeated=0)
    replayed = state_of([event(frozen(table))])

    for seen in (
        build_progress(study, plan, replayed, NOW),
        build_progress(study, plan, state_of([]), NOW, recorded=True),
    ):
        assert seen.left_s is None
        read = "no time of training read from the record, and the stages ask for 5 h 20 min"
        assert spent_words(seen, plan) == ("nothing trained", read)
        assert (progress_to_json(seen)["bound_s"], progress_to_json(seen)["slot_s"]) == (None, None)


def test_a_log_counts_a_run_once_whichever_stages_have_it(tmp_path, capsys):
    twin = "stage twin {\n  train four for 10min\n  on box\n  seeds 1, 2\n  report only\n}"
    same = TIMED.replace("frozen gate", f"{twin}\n\nfrozen gate").replace("seeds 1, 2", "seeds 1, 2 shared")
    study, plan = study_of(same), plan_of(same)
    run = plan.stage("short").runs[0]
    opened = [event(StageOpened(stage, FOUR)) for stage in ("short", "twin")]
    log = Lines(tmp_path)
    log.begin(study, plan, told(*opened))
    log.progress(Progress(task(same, run), RESULT), told(*opened, *ended(run)))

    assert "(1 of 12 runs)" in capsys.readouterr().out


def test_two_runs_that_end_in_one_look_are_counted_by_the_state_that_both_have_led_to(tmp_path, capsys):
    plan = plan_of(TIMED)
    first, other = plan.stage("short").runs[:2]
    opened = event(StageOpened("short", FOUR))
    log = Lines(tmp_path)
    log.begin(study_of(TIMED), plan, told(opened))
    both = told(opened, *ended(first), *ended(other))
    for run in (first, other):
        log.progress(Progress(task(TIMED, run), RESULT), both)

    assert capsys.readouterr().out.count("(2 of 12 runs)") == 2


def test_who_waits_for_a_person_has_no_expected_end():
    study, plan = study_of(TIMED), plan_of(TIMED)
    verdict = Verdict(0, GENESIS, Held(Lacking(("good",), "short", crashed=False)), (), None, (), ())
    seen = build_progress(study, plan, told(event(Decided("pick", None, verdict, ()))), NOW)

    assert seen.left_s is None
    assert seen.deciders[0].words == (
        "waits for a person: good lacks a value at short, and the gate says: missing hold"
    )
    assert not seen.deciders[0].decided


def test_a_large_study_fits_a_narrow_terminal():
    study, plan, state = busy()
    shown = drawn(look(study, plan, state, Path("nowhere")), study, plan, width=60)

    assert max(map(len, shown.splitlines())) <= 60
    assert "and 18 more" in shown
    assert "30 running" in shown
    assert " ".join(shown.split()).startswith(
        f"0 of {plan.run_count.planned} runs; spent 0 of a budget of 169.2 GPU-hours (0.0%)"
    )


def busy():
    """A large study with thirty runs in hand."""
    text = (ROOT / "specs" / "staged_promotion.promo").read_text(encoding="utf-8")
    study, plan = study_of(text), plan_of(text)
    runs = plan.stages[0].runs
    entrants = tuple(sorted({run.candidate for run in runs}))
    return study, plan, told(event(StageOpened(plan.stages[0].name, entrants)), *map(started, runs[:30]))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 16), (40, 12), (200, 50), (20, 4)])
def test_the_live_view_leaves_a_row_free_and_has_a_part_of_everything_where_there_is_room(width, height):
    study, plan, state = busy()
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True)
    lines = fitted(look(study, plan, state, Path("nowhere")), study, plan, console)
    said = ["".join(one.text for one in line).rstrip() for line in lines]

    assert len(said) < height
    assert max(map(len, said)) <= width
    if height >= 24:
        for words in ("stage  screen_2min", "gate  pick_nine", "host", "screen_2min: bridge, seed 1", " more"):
            assert any(words in line for line in said), words


class Glass:
    """A terminal of 24 rows: what it shows after what it got, at a width that may change, which breaks lines anew."""

    def __init__(self, width):
        self.width, self.rows, self.at, self.top = width, [""], (0, 0), 0

    @property
    def shown(self):
        return "\n".join(self.rows[self.top : self.top + 24])

    def resize(self, width):
        whole = [row[begin : begin + width] for row in self.rows for begin in range(0, max(len(row), 1), width)]
        self.width, self.rows, self.at = width, whole, (len(whole) - 1, 0)
        self.top = max(self.top, len(whole) - 24)

    def feed(self, text):
        for part in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
            row, column = self.at
            if part == "\r":
                self.at = (row, 0)
            elif part == "\n":
                self.rows += [""] * (row + 2 - len(self.rows))
                self.at = (row + 1, column)
                self.top = max(self.top, row + 1 - 23)
            elif part.endswith("A"):
                self.at = (max(row - int(part[2:-1]), self.top), column)
            elif part.endswith("J"):
                self.rows[row:] = [self.rows[row][:column]]
            elif part[0] != "\x1b":
                assert column + len(part) <= self.width
                self.rows[row] = self.rows[row][:column].ljust(column) + part
                self.at = (row, column + len(part))


def test_a_drawing_takes_the_place_of_the_last_one_in_a_terminal_of_another_width(tmp_path):
    study, plan, state = busy()
    screen, glass = Screen(tmp_path), Glass(100)
    for width in (100, 60, 140, 70):
        glass.resize(width)
        screen.console = Console(file=io.StringIO(), width=width, height=24, force_terminal=True, color_system=None)
        if width == 100:
            screen.begin(study, plan, state)
        screen.draw(state)
        screen.say(f"a line at {width}")
        glass.feed(screen.console.file.getvalue().replace("\n", "\r\n"))

        assert glass.shown.count("124 runs") == 1
        assert glass.shown.count(f"a line at {width}") == 1
        assert glass.shown.count("host  ") == 1
    screen.close()
    glass.feed(screen.console.file.getvalue().rpartition("\n")[2])

    assert "124 runs" not in glass.shown
    assert "a line at 70" in glass.shown


def test_of_a_running_attempt_the_metric_is_shown_and_not_what_else_it_measures(tmp_path):
    study, plan = study_of(TIMED), plan_of(TIMED)
    state = told(event(StageOpened("short", FOUR)), started(plan.stage("short").runs[0]))
    (attempt,) = state.running()
    path = tmp_path / attempt.folder / "points.jsonl"
    path.parent.mkdir(parents=True)
    with path.open("w", encoding="utf-8") as points:
        recorder = Recorder(points, 0.0, tmp_path, tmp_path)
        recorder.point(charged_s=0.5, train_loss=9.25)
        points.flush()
        assert "no loss yet" in drawn(look(study, plan, state, tmp_path), study, plan)
        recorder.point(charged_s=1.0, loss=0.25)
        recorder.point(charged_s=90.0, train_loss=9.5)
    shown = drawn(look(study, plan, state, tmp_path), study, plan)

    assert "1 min 30 s of 10 min" in shown
    assert "loss 0.2500" in shown
    assert "9.5" not in shown


def test_a_log_gets_a_line_an_event_and_now_and_then_one_about_the_whole(capsys):
    study, plan = study_of(TIMED), plan_of(TIMED)
    run = plan.stage("short").runs[0]
    opened = event(StageOpened("short", FOUR))
    log, asked = Lines(Path("nowhere")), task(TIMED, run)
    log.begin(study, plan, told(opened))
    log.progress(Progress(asked, None), told(opened, started(run)))
    log.progress(Progress(asked, RESULT), told(opened, *ended(run)))
    log.tick(told(opened, *ended(run)))
    log.told -= 60
    log.tick(told(opened, *ended(run)))
    said = [line[10:] for line in capsys.readouterr().out.splitlines()]
    called = {"base": "base", "good": "good (quality 1)", "fair": "fair (quality 3)", "poor": "poor (quality 4)"}
    name = f"short: {called[run.candidate]} on box, seed 1"

    assert said[:2] == ["trial: 0 of 12 runs", said[1]]
    assert said[1].startswith(
        "0 of 12 runs; spent 0 s of a budget of 5 h 20 min of slot time (0.0%); taken in total: 0 s of"
    )
    assert said[2:5] == [
        "box: 0 of 2 slots, 8 runs to go",
        f"{name}: started",
        f"{name}: 1.5000 pt after 600.0 s of training (1 of 12 runs)",
    ]
    assert said[5].startswith(
        "1 of 12 runs; spent 10 min of a budget of 5 h 20 min of slot time (3.1%); taken in total: 11 min 40 s"
    )
    assert "; expected end " in said[5]
    assert len(said) == 7


def test_a_finished_study_that_is_run_again_says_so_in_a_log(trial, capsys):
    assert promo("run", trial[0].path.with_name("trial.promo")) == 0
    said = capsys.readouterr().out

    assert said == without_escapes(said)
    assert "  trial: 13 of 13 runs\n" in said


def test_status_of_a_study_that_nobody_works_on_says_what_is_left(trial, tmp_path, capsys):
    folder = partly(trial[0], tmp_path, Decided)
    (folder.path / "lock").unlink()

    assert promo("status", folder.path) == 0
    said = capsys.readouterr().out
    assert "short: 8 of 8 runs, 2 failed attempts" in said
    assert "long: waits, after pick" in said
    assert "pick: promoted base and good (quality 1)" in said
    assert "no promo process of this machine works on it; promo run resumes it, for about" in said
    assert promo("status", folder.path, "--json") == 0
    progress = json.loads(capsys.readouterr().out)["progress"]
    assert (progress["done"], progress["runs"], progress["budget_s"]) == (9, 13, 17)
    assert {key for key in progress if key.endswith("_s")} == {
        "spent_s",
        "budget_s",
        "bound_s",
        "slot_s",
        "expected_left_s",
    }
    assert (progress["spent_s"], progress["bound_s"]) == (str(trained(folder)), plan_of(spec()).bound_s)


def test_watching_goes_on_until_the_study_ends(trial, tmp_path, on_a_terminal):
    whole = (trial[0].path / "ledger.jsonl").read_bytes()
    folder = partly(trial[0], tmp_path, Decided)
    later = threading.Timer(0.3, (folder.path / "ledger.jsonl").write_bytes, [whole])
    later.start()
    status, got = on_a_terminal("status", folder.path, "--watch")
    later.join()
    said = without_escapes(got)

    assert status == 0
    assert "after pick" in said
    assert "trial is finished" in said


def test_a_terminal_that_knows_few_letters_gets_the_others_as_escapes(trial, tmp_path, monkeypatch, on_a_terminal):
    text = trial[0].path.with_name("trial.promo").read_text(encoding="utf-8")
    (tmp_path / "trial.promo").write_text(text.replace("[red]A[/red]", "Größe 中"), encoding="utf-8")
    monkeypatch.setenv("TERM", "xterm")
    status, got = on_a_terminal("run", tmp_path / "trial.promo", "--freeze-only", encoding="ascii")

    assert status == 0
    assert "Gr\\xf6\\xdfe \\u4e2d <b>trial</b>" in got
    assert "stage  short" in without_escapes(got)


def test_points_of_a_running_attempt_are_read_as_far_as_they_are_whole(tmp_path):
    assert last_point(tmp_path, "loss") == {}
    with (tmp_path / "points.jsonl").open("w", encoding="utf-8") as points:
        recorder = Recorder(points, 0.0, tmp_path, tmp_path)
        recorder.point(charged_s=0.5, loss=0.5)
        recorder.point(step=3, charged_s=1.5, loss=0.25)
        points.write('{"charged_s":"2.')
    assert last_point(tmp_path, "loss") == {"step": "3", "charged_s": "1.5", "loss": "0.25"}


def test_points_that_a_program_writes_are_seen_while_it_runs(tmp_path):
    (tmp_path / "points.jsonl").write_text("", encoding="utf-8")  # they come here once it has ended
    lines = ['{"step": 1, "loss": 0.5}', "no point", '{"step": 2, "train_loss": 0.75}', '{"step": 3, "lo']
    (tmp_path / "program.points.jsonl").write_text("\n".join(lines), encoding="utf-8")

    assert last_point(tmp_path, "loss") == {"step": "2.0", "train_loss": "0.75", "loss": "0.5"}


@pytest.mark.parametrize(
    ("point", "shown"),
    [
        ("", "no loss yet"),
        ('{"train_loss": 2.5}', "no loss yet"),
        ('{"step": 1, "loss": 0.5, "train_loss": 2.5}', "loss 0.5000"),
        ('{"charged_s": 30, "loss": 0.5}', "30 s of 10 min  loss 0.5000"),
    ],
)
def test_a_running_program_is_shown_with_what_it_has_measured(tmp_path, point, shown):
    study, plan = study_of(TIMED), plan_of(TIMED)
    begun = started(plan.stage("short").runs[0])
    folder = tmp_path / begun.event.folder
    folder.mkdir(parents=True)
    (folder / "program.points.jsonl").write_text(point, encoding="utf-8")
    state = told(event(StageOpened("short", FOUR)), begun)
    lines = drawn(look(study, plan, state, tmp_path), study, plan).splitlines()
    [line] = [one for one in lines if one.lstrip().startswith("short: ") and "seed" in one]

    assert line.rstrip().endswith(shown)
    assert "2.5" not in line and "starting" not in line


# --- states to look at -------------------------------------------------------------------------------------------


FOUR = ("base", "fair", "good", "poor")
BODY = Body(
    request=GENESIS,
    status=RunStatus.OK,
    cause="",
    metrics={"loss": "1.5"},
    seconds={"train": "600"},
    points=GENESIS,
    used=None,
    work=Work(),
    segments=(),
    checkpoint=None,
    trunk=None,
    contention=None,
    facts=Facts(),
    recorded=None,
    details={},
)
RESULT = Result(BODY.status, BODY.cause, BODY, GENESIS)


def event(happening, at=NOW):
    return Event(0, at, 1, happening, GENESIS)


def frozen(replay=None):
    return Freezing(
        study="trial",
        plan=GENESIS,
        seals={},
        files={},
        runner=Installed("toy", 1, "", {}),
        promo="",
        code="",
        commit=None,
        replay=replay,
    )


def told(*events):
    return state_of([event(frozen()), *events])


def task(text, run):
    """A run of a spec as it is asked for."""
    return Task(run, Requests(compiled(text), StudyFolder(Path("nowhere")), None).of(run, told()))


def started(run, at=NOW):
    folder = f"runs/{run.stage}/{run.candidate}-{run.host}-s{run.seed}/attempt-1"
    cell = (run.stage, run.candidate, run.host, run.seed)
    return event(AttemptStarted(run.id, 1, *cell, folder, GENESIS, None, (), None), at)


def ended(run, train_s="600", device_s="700"):
    yield started(run)
    seconds = {"train": train_s}
    yield event(ResultAccepted(run.id, 1, GENESIS, {}, seconds, Work(), None, device_s, {}, None))


def spec_with_host(text):
    return text.replace("factor quality", 'host other {\n  device "cpu" on any\n  slots 1\n}\n\nfactor quality', 1)


def partly(folder, place, last):
    """A copy of a study and its spec as they were behind the first event of a kind."""
    copy = place / "trial.study"
    shutil.copytree(folder.path, copy)
    shutil.copy(folder.path.with_name("trial.promo"), place / "trial.promo")
    lines = (copy / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    seq = next(one.seq for one in folder.chain().events if isinstance(one.event, last))
    crashed(copy / "ledger.jsonl", b"".join(lines[: seq + 1]))
    return StudyFolder(copy)
