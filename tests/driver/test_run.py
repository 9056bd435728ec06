"""Whole studies with the toy runner: real processes, real files, every way of ending."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import pytest
from promo.templates import recheck

from promo.base.canonical import canonical, digest_bytes, parse_canonical
from promo.base.classes import evolve
from promo.base.codec import from_json, to_json
from promo.decision.values import Decision
from promo.driver.study import StudyFolder
from promo.ledger.losses import Loss
from promo.ledger.outcomes import Lacking, Stopped
from promo.ledger.state import AttemptState, StudyState
from promo.ledger.values import (
    AttemptFailed,
    AttemptLost,
    AttemptStarted,
    Decided,
    ResultAccepted,
    RunStatus,
    StudyStopped,
)
from promo.report.decided import stop_words
from promo.run.disk import RealDisk
from promo.run.locks import lock_study
from promo.run.store import parse_request, parse_result, result_bytes
from promo.run.values import Envelope, Resumed
from promo.study.judgement import Answer
from support import INLINE, SOUND, crashed, promo, promoted_and_answers, rewritten, spec

TWO_HOSTS = INLINE + "\n\n" + INLINE.replace("host box", "host other")


NOBODY = Namespace(key=[], authority=[], anchor=[])


def write(workplace: Path, text: str, name: str = "trial.promo") -> Path:
    path = workplace / name
    path.write_text(text, encoding="utf-8")
    return path


def study(workplace: Path, name: str = "trial") -> StudyFolder:
    return StudyFolder(workplace / f"{name}.study")


def decisions(folder: StudyFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder.path / "decisions").glob("*.json"))}


def promoted_in(stored: dict[str, bytes]) -> dict[str, tuple[str, ...]]:
    return {name: from_json(Decision, parse_canonical(content.strip())).promoted for name, content in stored.items()}


def small(**parts) -> str:
    """The sound spec, without the stage that nobody reads."""
    return (
        spec("use", **parts)
        .replace('candidate spare like base {\n  size = 16\n  ratio = 4\n  behaviour = "ok"\n}', "")
        .replace("factor size: units in 1..64 step 1 default 8", "")
        .replace("factor ratio: units in [1, 4] default 1", "")
    )


def fewer(text: str) -> str:
    """With one seed at each stage: half of the runs, for tests in which each of them is a process."""
    return text.replace("seeds 1, 2", "seeds 1").replace("seeds 3, 4", "seeds 3")


def with_behaviour(host=SOUND["host"], **behaviours) -> str:
    """The sound spec with candidates that misbehave: good="nan"."""
    text = small(host=host)
    for name, behaviour in behaviours.items():
        text = (
            text.replace(
                f"candidate {name} like base {{ quality",
                f'candidate {name} like base {{\n  behaviour = "{behaviour}"\n  quality',
            )
            .replace("  quality = 1 }", "  quality = 1\n}")
            .replace("  quality = 3 }", "  quality = 3\n}")
            .replace("  quality = 4 }", "  quality = 4\n}")
        )
    return text


def test_a_study_runs_to_its_end(workplace, capsys):
    path = write(workplace, small())

    assert promo("run", path) == 0

    folder = study(workplace)
    state = folder.state()
    assert state.study is StudyState.CLOSED
    assert state.opened["long"] == ("base", "good")
    assert sum(len(tried) for tried in state.attempts.values()) == 12
    assert "pick promoted good (quality 1) and base to long" in capsys.readouterr().out
    assert (folder.path / "report.html").exists()
    assert promo("verify", path) == 3


def test_a_study_and_its_ledger_are_for_their_owner_alone(workplace):
    before = os.umask(0o022)
    try:
        promo("run", write(workplace, small(host=INLINE)), "--quiet")
    finally:
        os.umask(before)

    place = study(workplace).path
    assert [path.stat().st_mode & 0o777 for path in (place, place / "ledger.jsonl")] == [0o700, 0o600]


def test_secrets_of_the_calling_shell_reach_no_file_of_a_study(workplace, monkeypatch):
    canary = "canary-7f3a91"
    for name in ("API_TOKEN", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN"):
        monkeypatch.setenv(name, canary)
    promo("run", write(workplace, fewer(with_behaviour(poor="crash"))), "--quiet")

    files = [path for path in workplace.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files if canary.encode() in path.read_bytes()] == []


def test_running_a_finished_study_again_starts_nothing(workplace):
    path = write(workplace, small(host=INLINE))
    promo("run", path, "--quiet")
    ledger = (study(workplace).path / "ledger.jsonl").read_bytes()

    assert promo("run", path, "--quiet") == 0
    assert (study(workplace).path / "ledger.jsonl").read_bytes() == ledger


def test_a_failing_candidate_is_rerun_and_then_dropped(workplace):
    path = write(workplace, with_behaviour(INLINE, good="nan", fair="once"))

    assert promo("run", path, "--quiet") == 0

    state = study(workplace).state()
    good = [tried for tried in state.attempts.values() if tried[0].candidate == "good"]
    fair = [tried for tried in state.attempts.values() if tried[0].candidate == "fair" and tried[0].stage == "short"]
    assert [[one.status for one in tried] for tried in good] == [[RunStatus.NAN, RunStatus.NAN]] * 2
    assert [[one.status for one in tried] for tried in fair] == [[RunStatus.CRASH, RunStatus.OK]] * 2
    assert state.decisions["pick"].verdict.promoted == ("base", "fair")
    assert state.decisions["close"].verdict.answer is Answer.UNDECIDED


def test_missing_stop_stops_the_study_with_its_own_exit_code(workplace, capsys):
    path = write(workplace, with_behaviour(INLINE, poor="crash").replace("rerun 1, then drop", "stop"))

    assert promo("run", path, "--quiet") == 4

    folder = study(workplace)
    state = folder.state()
    assert state.study is StudyState.STOPPED
    assert state.stopped_by == "pick"
    assert state.decisions["pick"].verdict.outcome == Stopped(Lacking(("poor",), "short", crashed=False))
    assert "poor lacks a value at short" in stop_words(folder.compiled().sound()[0], state, str)
    assert "long" not in state.opened
    assert promo("run", path, "--quiet") == 4
    assert promo("verify", path) == 3
    assert "stopped the study" in capsys.readouterr().out


def test_a_stop_that_was_decided_just_before_a_crash_still_stops(workplace):
    path = write(workplace, with_behaviour(INLINE, poor="crash").replace("rerun 1, then drop", "stop"))
    promo("run", path, "--quiet")
    folder = study(workplace)
    ledger = folder.path / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    stopped = next(one.seq for one in folder.chain().events if isinstance(one.event, Decided))
    crashed(ledger, b"".join(lines[: stopped + 1]))

    assert promo("run", path, "--quiet") == 4
    assert study(workplace).state().study is StudyState.STOPPED


def test_what_runs_when_a_study_stops_is_ended_before_the_ledger_says_that_it_has_stopped(workplace, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(workplace))  # the toy that hangs leaves notes there
    text = spec().replace("rerun 1, then drop", "stop").replace('behaviour = "ok"\n}', 'behaviour = "hang"\n}')
    path = write(workplace, text.replace("poor like base { quality = 4", 'poor like base { behaviour = "crash"'))

    assert promo("run", path, "--quiet") == 4
    folder = study(workplace)
    *_, before, last = (event.event for event in folder.chain().events)
    assert folder.state().running() == ()
    assert isinstance(before, AttemptLost)
    assert last == StudyStopped("pick")


def test_attempts_of_a_host_that_is_not_carried_out_now_are_left_to_who_carries_it_out(workplace):
    path = write(workplace, small(stage_short=SOUND["stage short"].replace("on box", "on box, other"), host=TWO_HOSTS))
    assert promo("run", path, "--quiet") == 0
    folder = study(workplace)
    ledger = folder.path / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    begun = next(
        one.seq for one in folder.chain().events if isinstance(one.event, AttemptStarted) and one.event.host == "other"
    )
    crashed(ledger, b"".join(lines[: begun + 1]))
    (attempt,) = [one for one in folder.state().running() if one.host == "other"]
    for name in folder.unknown_runs(folder.state()):
        shutil.rmtree(folder.path / name)

    assert promo("run", path, "--quiet", "--host", "box") == 6
    assert [one.folder for one in folder.state().running()] == [attempt.folder]
    assert promo("run", path, "--quiet") == 0
    assert len(folder.state().attempts[attempt.run]) == 1


def orchestrator(workplace, path):
    command = [sys.executable, "-c", "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"]
    return subprocess.Popen([*command, "run", str(path), "--quiet"], cwd=workplace)


def wait_for(condition, patience_s=40.0):
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


def results(folder: StudyFolder) -> int:
    if not folder.exists:
        return 0
    state = folder.state()
    return sum(state.accepted(run) is not None for run in state.attempts)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A study that nobody disturbed, with its runs in this process."""
    place = tmp_path_factory.mktemp("unbroken")
    assert promo("run", write(place, fewer(small(host=INLINE))), "--quiet") == 0
    return study(place)


@pytest.mark.parametrize("after", [0, 1, 3, 5])
def test_a_killed_study_goes_on_and_decides_the_same(workplace, unbroken, after):
    path = write(workplace, fewer(small()))
    folder = study(workplace)
    process = orchestrator(workplace, path)
    wait_for(lambda: folder.exists and results(folder) >= after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    had = {run: folder.state().accepted(run) for run in folder.state().attempts}

    assert promo("run", path, "--quiet") == 0

    state = folder.state()
    assert state.study is StudyState.CLOSED
    for run, accepted in had.items():
        if accepted is not None:
            assert state.accepted(run).number == accepted.number
            assert len(state.attempts[run]) == accepted.number  # trained nothing twice
    assert all(sum(one.state is AttemptState.ACCEPTED for one in tried) == 1 for tried in state.attempts.values())
    for lost in (one for tried in state.attempts.values() for one in tried if one.state is AttemptState.LOST):
        assert lost.device_s is not None or not (folder.path / lost.folder / "exit.json").exists()
    assert promoted_and_answers(state) == promoted_and_answers(unbroken.state())
    assert promo("verify", path) == 3


def test_an_interrupted_study_says_so_and_goes_on(workplace):
    path = write(workplace, with_behaviour(good="slow", fair="slow", poor="slow"))
    folder = study(workplace)
    process = orchestrator(workplace, path)
    wait_for(lambda: results(folder) >= 1)
    process.send_signal(signal.SIGINT)

    assert process.wait() == 130
    assert not folder.state().running()
    ended = {one.state for tried in folder.state().attempts.values() for one in tried}
    assert ended <= {AttemptState.ACCEPTED, AttemptState.LOST}  # nobody's fault, so no rerun is used up
    assert promo("run", path, "--quiet") == 0
    assert folder.state().study is StudyState.CLOSED


@pytest.mark.parametrize("kind", ["attempt.started", "result.accepted", "stage.opened", "decided"])
def test_an_interrupt_while_an_event_is_written_waits_for_its_turn(workplace, monkeypatch, kind):
    path, folder, append = write(workplace, fewer(small())), study(workplace), RealDisk.append
    interrupted = []

    def interrupting(disk, place, data):
        append(disk, place, data)
        if not interrupted and f'"is":"{kind}"'.encode() in data:
            interrupted.append(kind)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(RealDisk, "append", interrupting)

    assert promo("run", path, "--quiet") == 130
    assert interrupted
    assert not folder.state().running()
    assert promo("run", path, "--quiet") == 0
    assert folder.state().study is StudyState.CLOSED


def test_a_lost_attempt_that_kept_its_state_is_taken_up(workplace):
    path = write(workplace, with_behaviour(good="slow", fair="slow", poor="slow"))
    folder = study(workplace)
    process = orchestrator(workplace, path)
    wait_for(lambda: results(folder) >= 1)
    process.send_signal(signal.SIGINT)
    process.wait()
    lost = [one for tried in folder.state().attempts.values() for one in tried if one.state is AttemptState.LOST]
    for attempt in lost:
        (folder.path / attempt.folder / "checkpoint.json").write_text("{}", encoding="utf-8")

    assert promo("run", path, "--quiet") == 0

    assert lost
    for attempt in lost:
        request = folder.request(folder.state().attempts[attempt.run][1])
        assert request.resume == Resumed(attempt.folder, digest_bytes(b"{}"))


def test_a_study_is_stopped_from_another_terminal_and_goes_on(workplace, capsys):
    path = write(workplace, with_behaviour(good="slow", fair="slow", poor="slow"))
    folder = study(workplace)
    process = orchestrator(workplace, path)
    wait_for(lambda: results(folder) >= 1)

    assert promo("stop", path) == 0
    assert process.wait() == 130
    assert not folder.state().running()
    assert promo("stop", path) == 2
    assert "no promo process on this machine is working on" in capsys.readouterr().err
    assert promo("run", path, "--quiet") == 0
    assert folder.state().study is StudyState.CLOSED


def test_stop_never_signals_a_process_that_only_has_the_number_of_the_old_one(workplace):
    path = write(workplace, small(host=INLINE))
    promo("run", path, "--quiet")
    folder = study(workplace)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    try:
        with lock_study(folder.path, folder.disk):
            (folder.path / "lock").write_text(f"{bystander.pid} 1.0\n", encoding="ascii")

            assert promo("stop", path) == 2
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_two_at_once_the_second_is_refused(workplace, capsys):
    path = write(workplace, with_behaviour(good="slow", fair="slow", poor="slow"))
    folder = study(workplace)
    process = orchestrator(workplace, path)
    wait_for(lambda: results(folder) >= 1)
    try:
        assert promo("run", path, "--quiet") == 2
        assert "another promo process" in capsys.readouterr().err
        assert promo("status", path) == 0
        assert "is not finished" in capsys.readouterr().out
    finally:
        assert process.wait() == 0


def test_a_changed_spec_is_refused_in_words_and_layout_is_not(workplace, capsys):
    path = write(workplace, small(host=INLINE))
    promo("run", path, "--quiet")
    capsys.readouterr()

    write(workplace, small(host=INLINE).replace("keep top 1", "keep   top 1  # the best one"))
    assert promo("run", path, "--quiet") == 0
    write(workplace, small(host=INLINE).replace("keep top 1", "keep top 2"))
    assert promo("run", path, "--quiet") == 1
    assert "gate pick, keep: top 1 -> top 2" in capsys.readouterr().err


def test_a_sealed_gate_that_was_changed_is_refused(workplace, capsys):
    path = write(workplace, small(host=INLINE))
    assert promo("freeze", path) == 0
    text = path.read_text(encoding="utf-8")
    assert promo("run", path, "--quiet") == 0
    path.write_text(text.replace("keep top 1", "keep top 2"), encoding="utf-8")
    capsys.readouterr()

    assert promo("run", path, "--quiet") == 1
    assert "gate pick, keep: top 1 -> top 2" in capsys.readouterr().err
    assert promo("freeze", "--again", path) == 2
    assert "results of its stage exist already" in capsys.readouterr().err


def test_freezing_after_a_run_keeps_the_time_of_the_run(workplace, capsys):
    path = write(workplace, small(host=INLINE))
    promo("run", path, "--quiet")

    assert promo("freeze", path) == 0
    assert "sealed before" in capsys.readouterr().out
    assert promo("check", path) == 0


def test_a_saved_plan_is_run_and_a_stale_one_is_refused(workplace, capsys):
    path = write(workplace, small(host=INLINE))
    assert promo("plan", path, "--out", "saved.json") == 0
    assert promo("run", "saved.json", "--quiet", "--study", "first") == 0
    write(workplace, small(host=INLINE).replace("quality = 4", "quality = 5"))
    capsys.readouterr()

    assert promo("run", "saved.json", "--quiet", "--study", "second") == 1
    assert "candidate poor, quality: 4 -> 5" in capsys.readouterr().err
    assert not Path("second").exists()


def test_a_saved_plan_starts_once_and_goes_on_where_it_was_started(workplace, capsys):
    path = write(workplace, small(host=INLINE))
    promo("plan", path, "--out", "saved.json")
    assert promo("run", "saved.json", "--quiet", "--study", "first", "--freeze-only") == 0
    capsys.readouterr()

    assert promo("run", "saved.json", "--quiet", "--study", "second") == 1
    error = capsys.readouterr().err
    assert "the plan saved.json starts once, and was started at 2" in error
    assert f"continue there with --study {workplace / 'first'}" in error
    assert not Path("second", "ledger.jsonl").exists()
    assert promo("run", "saved.json", "--quiet", "--study", "first") == 0
    ledger = Path("first", "ledger.jsonl").read_bytes()
    assert promo("run", "saved.json", "--quiet", "--study", "first") == 0
    assert Path("first", "ledger.jsonl").read_bytes() == ledger


def test_a_plan_that_is_saved_anew_is_another_start_and_so_is_another_host(workplace, capsys):
    two = small(stage_short=SOUND["stage short"].replace("on box", "on box, other"), host=TWO_HOSTS)
    path = write(workplace, two)
    promo("plan", path, "--out", "saved.json")
    assert promo("run", "saved.json", "--quiet", "--study", "here", "--host", "box") == 6
    assert promo("run", "saved.json", "--quiet", "--study", "there", "--host", "other") == 6
    assert promo("run", "saved.json", "--quiet", "--study", "again", "--host", "other") == 1
    assert promo("run", "saved.json", "--quiet", "--study", "again") == 1
    promo("plan", path, "--out", "more.json")
    assert promo("run", "more.json", "--quiet", "--study", "again", "--freeze-only") == 0
    Path("more.json.started").write_text("nonsense\n", encoding="utf-8")
    capsys.readouterr()

    assert promo("run", "more.json", "--quiet", "--study", "third") == 2
    assert "more.json.started is damaged" in capsys.readouterr().err


def test_a_start_that_was_refused_or_cut_short_leaves_the_plan_to_be_started(workplace, monkeypatch):
    path = write(workplace, small())
    promo("plan", path, "--out", "saved.json")
    assert promo("run", "saved.json", "--quiet", "--study", "first", "--host", "nowhere") == 2
    Path("saved.json.started").write_text('{"at":"2026', encoding="utf-8")

    assert promo("run", "saved.json", "--quiet", "--study", "second", "--freeze-only") == 0
    assert json.loads(Path("saved.json.started").read_text(encoding="utf-8"))["study"] == str(workplace / "second")


def test_seeds_and_identities_are_written_into_every_request(workplace):
    path = write(workplace, small(host=INLINE))
    promo("run", path, "--quiet")
    folder = study(workplace)
    for request in folder.path.glob("runs/*/*/*/request.json"):
        asked = parse_request(request.read_bytes())
        run = asked.run

        assert canonical(to_json(asked)) == request.read_bytes()
        assert request.parent.parent.name == f"{run.candidate}-{run.host}-s{run.seed}"
        assert folder.state().attempts[run.id][asked.attempt - 1].request == digest_bytes(request.read_bytes())
        assert str(workplace) not in request.read_text(encoding="utf-8")


# --- what is damaged or cut short --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    place = tmp_path_factory.mktemp("finished")
    path = write(place, fewer(small()))
    before = Path.cwd()
    os.chdir(place)
    try:
        assert promo("run", path, "--quiet") == 0
    finally:
        os.chdir(before)
    return place


@pytest.fixture
def copy(finished, workplace):
    shutil.copytree(finished, workplace, dirs_exist_ok=True)
    return study(workplace)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
def test_a_ledger_cut_short_at_any_event_leads_to_the_same_decisions(unbroken, workplace, share):
    """Whatever was the last thing on disk, going on ends with the same survivors."""
    shutil.copytree(unbroken.path.parent, workplace, dirs_exist_ok=True)
    copy = study(workplace)
    ledger = copy.path / "ledger.jsonl"
    expected = decisions(copy)
    lines = ledger.read_bytes().splitlines(keepends=True)
    kept = max(round(share * len(lines)), 1)
    crashed(ledger, b"".join(lines[:kept]) + b'{"torn')
    for folder in copy.unknown_runs(copy.state()):  # an attempt starts only once the ledger knows of it
        shutil.rmtree(copy.path / folder)

    assert promo("run", "trial.promo", "--quiet") == 0
    assert promoted_in(decisions(copy)) == promoted_in(expected) == {"pick.json": ("base", "good"), "close.json": ()}
    assert promo("verify", copy.path) == 3


def test_runs_that_the_ledger_does_not_know_are_refused(copy, capsys):
    """Whoever cuts the ledger to have a result again has to remove the result too, and its file's age shows it."""
    ledger = copy.path / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(lines[:3]))

    assert promo("run", "trial.promo", "--quiet") == 1
    assert "runs that its ledger does not know" in capsys.readouterr().err
    assert promo("verify", copy.path) == 1
    assert "no event accounts for runs/long/base-box-s3/attempt-1/" in capsys.readouterr().out


def flip(path: Path, place: int = -5) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))


DAMAGE = {
    "ledger": lambda folder: flip(folder / "ledger.jsonl", 100),
    "a result": lambda folder: flip(next(folder.glob("runs/short/good*/attempt-1/result.json")), 60),
    "points": lambda folder: flip(next(folder.glob("runs/short/good*/attempt-1/points.jsonl"))),
    "the spec": lambda folder: flip(folder / "spec.promo", 12),
    "the plan": lambda folder: flip(folder / "plan.json"),
    "the lock": lambda folder: flip(folder / "lock.json"),
    "evidence": lambda folder: flip(folder / "evidence" / "short.json"),
    "a decision": lambda folder: flip(folder / "decisions" / "pick.json"),
    "a swapped result": lambda folder: next(folder.glob("runs/short/good-box-s1/attempt-1/result.json")).write_bytes(
        next(folder.glob("runs/short/poor-box-s1/attempt-1/result.json")).read_bytes()
    ),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_every_damage_is_found(copy, damage, capsys):
    damage(copy.path)

    assert promo("verify", copy.path) == 1
    assert "MISMATCH" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["log.txt", "exit.json"])
def test_what_a_run_printed_and_how_it_ended_is_vouched_for(copy, name, capsys):
    path = copy.path / "runs/short/good-box-s1/attempt-1" / name
    path.write_bytes(path.read_bytes() + b" ")
    said = []

    assert promo("verify", copy.path) == recheck.check(copy.path, NOBODY, said.append) == 1
    assert f"attempt-1/{name}" in capsys.readouterr().out
    assert f"attempt-1/{name} is not what was recorded" in "\n".join(said)
    path.unlink()
    assert promo("verify", copy.path) == recheck.check(copy.path, NOBODY, said.append) == 2


def test_less_of_a_devices_time_than_the_attempts_took_is_found_though_every_digest_was_made_to_fit(copy, capsys):
    crashed(copy.path / "ledger.jsonl", (copy.path / "ledger.jsonl").read_bytes())
    assert promo("verify", copy.path) == 3
    assert "as recorded by supervisors" in capsys.readouterr().out

    def shortened(event):
        ended = isinstance(event.event, ResultAccepted | AttemptFailed | AttemptLost)
        return evolve(event.event, device_s="0.001") if ended else event.event

    rewritten(copy.path / "ledger.jsonl", shortened)
    said = []

    assert promo("verify", copy.path) == 1
    assert "less time of slots was recorded than the attempts themselves took" in capsys.readouterr().out
    assert recheck.check(copy.path, NOBODY, said.append) == 1
    assert "took more of its device's time than the ledger says" in "\n".join(said)


def test_a_run_that_had_more_than_its_budget_and_one_step_is_found_though_every_digest_was_made_to_fit(copy, capsys):
    assert promo("verify", copy.path) == 3
    assert "ok       budgets: kept for 6 of 6 accepted runs, not known for 0\n" in capsys.readouterr().out
    attempt = next(one for one in copy.state().every_attempt("short") if one.candidate == "good")
    body = copy.result(attempt).body
    left = result_bytes(evolve(body, used=evolve(body.used, used="1.5", last_step="0.25")))
    (copy.path / attempt.folder / "result.json").write_bytes(left)

    def fitted(event):
        counts = isinstance(event.event, ResultAccepted) and event.event.envelope == attempt.envelope
        return evolve(event.event, envelope=digest_bytes(left)) if counts else event.event

    rewritten(copy.path / "ledger.jsonl", fitted)
    said = []

    assert promo("verify", copy.path) == 1
    assert f"DIFFERS  budgets: {attempt.folder}\n" in capsys.readouterr().out
    assert recheck.check(copy.path, NOBODY, said.append) == 1
    assert any(attempt.folder in line and "budget" in line for line in said), said


def test_a_result_that_was_called_lost_is_found(copy, capsys):
    """Whoever trains a run again because its result was not the one that was hoped for."""
    attempt = next(one for one in copy.state().every_attempt("short") if one.candidate == "good")

    def lost(event):
        one = event.event
        if isinstance(one, ResultAccepted) and one.envelope == attempt.envelope:
            return AttemptLost(one.run, one.attempt, Loss.GONE, one.device_s, one.witnesses, None)
        return one

    rewritten(copy.path / "ledger.jsonl", lost)
    said = []

    assert promo("verify", copy.path) == 1
    assert (
        f"DIFFERS  lost attempts: declared lost, but they left a result: {attempt.folder}\n" in capsys.readouterr().out
    )
    assert recheck.check(copy.path, NOBODY, said.append) == 1
    assert any(attempt.folder in line and "lost" in line for line in said), said


@pytest.mark.parametrize("name", ["spec.promo", "plan.json", "lock.json"])
def test_a_missing_file_is_incomplete(copy, name, capsys):
    (copy.path / name).unlink()

    assert promo("verify", copy.path) == 2
    assert "missing" in capsys.readouterr().out


def test_a_missing_result_is_found(copy):
    next(copy.path.glob("runs/short/good*/attempt-1/result.json")).unlink()

    assert promo("verify", copy.path) in (1, 2)


STRANGE = (
    "notes.txt",
    "runs/short/good-box-s1/attempt-1/more.txt",
    "runs/short/good-box-s1/attempt-2/result.json",
    "runs/short/good-box-s1/attempt-2/request.json/result.json",
    "runs/request.json",
    "evidence/other.json",
    "decisions/other.json",
    "amendments/2.promo",
    "imports/0123456789abcdef.jsonl",
)


@pytest.mark.parametrize("name", STRANGE)
def test_a_file_that_no_event_accounts_for_is_found(copy, name, capsys):
    path = copy.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}", encoding="utf-8")

    assert promo("verify", copy.path) == 1
    assert f"DIFFERS  files: no event accounts for {name}\n" in capsys.readouterr().out


def test_links_are_a_runs_own_in_the_folder_it_works_in_and_strange_elsewhere(copy):
    attempt = copy.path / "runs/short/good-box-s1/attempt-1"
    (attempt / "program" / "deep").mkdir(parents=True)
    for name, target in (("latest.ckpt", "step-1.ckpt"), ("latest-run", "deep"), ("deep/gone", "nowhere")):
        (attempt / "program" / name).symlink_to(target)

    assert promo("verify", copy.path) == recheck.check(copy.path, NOBODY, print) == 3
    (attempt / "latest.ckpt").symlink_to("program/latest.ckpt")
    assert promo("verify", copy.path) == recheck.check(copy.path, NOBODY, print) == 1


def test_what_a_crash_kept_from_the_ledger_is_no_strange_file(copy, capsys):
    """A request whose attempt got another number, an amendment before its event, files that were half written."""
    left = ("runs/short/good-box-s1/attempt-2/request.json", "amendments/1.promo", "decisions/pick.amendment-1.json")
    parts = ("checkpoint.note.part", "evidence/short.json.part", "runs/short/good-box-s1/attempt-3/request.json.part")
    parts += ("runs/short/good-box-s1/attempt-1/exit.json.part",)
    asked = parse_request((copy.path / left[0].replace("attempt-2", "attempt-1")).read_bytes())
    for path in (copy.path / name for name in (*left, *parts)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    (copy.path / left[0]).write_bytes(canonical(to_json(evolve(asked, attempt=2))))

    assert promo("verify", copy.path) == 3
    assert "ok       files: every file is accounted for by an event" in capsys.readouterr().out
    assert recheck.check(copy.path, NOBODY, print) == 3


def test_every_bit_of_a_recorded_value_matters(copy):
    """A value changed consistently in its own file is still not the one that was accepted."""
    path = next(copy.path.glob("runs/short/good-box-s1/attempt-1/result.json"))
    body = from_json(Envelope, parse_canonical(path.read_bytes())).body
    path.write_bytes(result_bytes(evolve(body, metrics={**body.metrics, "loss": "0.001"})))
    assert parse_result(path.read_bytes(), body.request).metrics["loss"] == "0.001"  # it is sound in itself

    assert promo("verify", copy.path) == 1
    assert promo("report", copy.path) == 1


@pytest.mark.parametrize("command", ["status", "report", "show evidence", "show decision"])
def test_a_damaged_ledger_is_one_clear_message(copy, command, capsys):
    flip(copy.path / "ledger.jsonl", 100)

    assert promo(*command.split(), copy.path) == 1
    error = capsys.readouterr().err
    assert "ledger line" in error
    assert "Traceback" not in error


def test_a_damaged_ledger_is_not_run_on(copy, capsys):
    flip(copy.path / "ledger.jsonl", 100)

    assert promo("run", "trial.promo", "--quiet") == 1
    assert "ledger line" in capsys.readouterr().err


def test_what_is_shown_is_json(copy, capsys):
    for what in ("syntax", "spec", "plan", "evidence", "decision"):
        assert promo("show", what, copy.path) == 0
        json.loads(capsys.readouterr().out)


def test_a_status_for_programs(copy, capsys):
    assert promo("status", "--json", copy.path) == 0
    assert json.loads(capsys.readouterr().out)["study"] == "closed"
