"""States of somebody's program: kept as declared, taken up when a run was lost, carried on by a stage, and bounded."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest

from promo.base.canonical import digest_bytes
from promo.base.classes import evolve
from promo.driver.executor_conformance import _REQUEST
from promo.driver.study import StudyFolder
from promo.run.program import States
from promo.run.runners.files.beginning import Beginning
from promo.run.runners.files.declare import read_runner
from promo.run.runners.files.states import Amounts, Keeper, KeptState, StateError, pattern_of, take_up
from promo.run.runners.files.table import RunnerFileError
from promo.run.store import CHECKPOINT, checkpoint_of
from promo.run.values import Continued
from promo.study.values import Budget, BudgetKind
from studies import FOLDER, KEEPER, KEEPS, keeping, run
from support import promo, rechecked

CODE = "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def body(folder):
    return json.loads((FOLDER / folder / "result.json").read_bytes())["body"]


def printed(folder):
    return (FOLDER / folder / "output.txt").read_text(encoding="utf-8")


def names(folder):
    return sorted(path.name for path in (FOLDER / folder).rglob("*") if (path.is_file() and "ckpt" in path.name)
                  or path.suffix == ".state" or path.name == CHECKPOINT)  # fmt: skip


def ended_in_its_middle(text, attempt=1):
    """promo killed once both runs have kept a state of this attempt's own; what runs ends with it."""
    Path("trial.promo").write_text(text, encoding="utf-8")
    process = subprocess.Popen([sys.executable, "-c", CODE, "run", "trial.promo", "--quiet"])
    wanted = [FOLDER / f"runs/short/{name}-box-s1/attempt-{attempt}" for name in ("base", "good")]
    until = time.monotonic() + 60
    while not all(has_kept(one) for one in wanted):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def has_kept(folder):
    """Whether a state lies there that was not there when the attempt began."""
    if not (folder / CHECKPOINT).exists():
        return False
    kept = json.loads((folder / CHECKPOINT).read_bytes())
    return kept["states"][0][4]["known"].get("steps") != kept["base"]["known"].get("steps")


ANEW = (
    KEEPS.replace("step, loss, (kind", "loss, (kind")
    .replace('kept["step"], kept["loss"]', 'kept["loss"]')
    .replace("a.pause if a.resume is None else 0", "a.pause")
    .replace('"loss": loss}) +', '"loss": loss, "charged_s": step / 1000}) +')
)
"""A program that counts its steps and seconds from nothing each time it is started, and is told what is left."""


def test_a_program_that_counts_anew_is_killed_twice_and_has_the_curve_of_one_that_was_not():
    keeper = KEEPER.replace("{budget}", "{left}").replace("keep = 2", 'keep = 2\nrestarts = ["steps", "train_s"]')
    text = keeping(pause="0.03", steps=200, keeps=ANEW, keeper=keeper)
    for attempt in (1, 2):
        ended_in_its_middle(text, attempt)
    run(text)
    third = "runs/short/base-box-s1/attempt-3"
    points = [json.loads(line) for line in (FOLDER / third / "points.jsonl").read_bytes().splitlines()]
    assert [one["step"] for one in points] == list(range(10, 201, 10))
    seconds = [Fraction(one["charged_s"]) for one in points]
    assert seconds == sorted(seconds)
    assert seconds[0] == Fraction("0.01")
    assert body(third)["used"]["used"] == "200"
    later = (FOLDER / "runs/longer/base-box-s1/attempt-1/points.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["step"] for line in later] == [210, 220]
    broken = [(one["step"], one["metrics"]["loss"]) for one in points]
    assert promo("verify", FOLDER) == 3
    shutil.rmtree(FOLDER)
    run(text.replace("default 0.03", "default 0"))
    whole = (FOLDER / "runs/short/base-box-s1/attempt-1/points.jsonl").read_bytes().splitlines()

    assert broken == [(one["step"], one["metrics"]["loss"]) for one in map(json.loads, whole)]


def test_a_run_that_is_killed_goes_on_from_its_last_state_and_comes_to_the_same():
    text = keeping(pause="0.03", steps=100)
    ended_in_its_middle(text)
    run(text)
    first, second = "runs/short/base-box-s1/attempt-1", "runs/short/base-box-s1/attempt-2"
    kept = json.loads((FOLDER / first / CHECKPOINT).read_bytes())
    step = kept["states"][0][3]
    assert f"begins at {step}\n" in printed(second)
    assert step >= 10
    assert len(kept["states"]) <= 2
    told = body(second)["details"]["began_from"]
    assert told["steps"] == str(step)
    assert told["state"] == kept["states"][0][2]
    assert body(second)["used"] == {"kind": "steps", "used": "100", "last_step": "1", "counter": "reported"}
    points = [json.loads(line)["step"] for line in (FOLDER / second / "points.jsonl").read_bytes().splitlines()]
    assert points == list(range(10, 101, 10))
    broken = {name: body(f"runs/{name}/base-box-s1/attempt-{number}")["metrics"] for name, number in
              (("short", 2), ("longer", 1))}  # fmt: skip
    assert promo("verify", FOLDER) == 3
    recheck = rechecked(FOLDER)
    assert recheck.returncode == 3, recheck.stdout
    shutil.rmtree(FOLDER)
    run(text.replace("default 0.03", "default 0"))

    whole = {name: body(f"runs/{name}/base-box-s1/attempt-1")["metrics"] for name in ("short", "longer")}
    assert broken == whole


def test_a_stage_goes_on_from_the_end_of_another_and_nothing_else_is_left():
    run(keeping())
    short, longer = "runs/short/base-box-s1/attempt-1", "runs/longer/base-box-s1/attempt-1"
    assert "begins at 40\n" in printed(longer)
    assert body(longer)["used"]["used"] == "20"
    assert checkpoint_of(StudyFolder(FOLDER).disk, FOLDER / short) == body(short)["checkpoint"]
    kept = json.loads((FOLDER / short / CHECKPOINT).read_bytes())["states"]
    assert [one[3] for one in kept] == [40]

    assert names(short) == sorted([CHECKPOINT, kept[0][1]])
    assert names(longer) == []


def test_a_state_that_was_changed_is_not_carried_on():
    run(keeping().replace("  slots   2\n", "  slots   2\n  executor inline\n"))
    (state,) = (FOLDER / "runs/short/base-box-s1/attempt-1").glob("*.state")
    state.write_bytes(b"something else")
    with pytest.raises(StateError, match="whole"):
        kept = body("runs/short/base-box-s1/attempt-1")["checkpoint"]
        take_up(FOLDER.resolve(), "runs/short/base-box-s1/attempt-1", kept, Path("there").resolve())


def test_who_leaves_no_state_at_its_end_is_not_carried_on():
    text = keeping()
    Path("keeps.py").write_text(KEEPS.replace("step % 10 == 0 or step == a.steps", "step == 30"), encoding="utf-8")
    Path("trial.promo").write_text(text.split(" pinned")[0] + text.split(" pinned")[1][20:], encoding="utf-8")
    promo("check", "trial.promo", "--fix")
    assert promo("run", "trial.promo", "--quiet") == 4
    tried = next(one for one in StudyFolder(FOLDER).state().every_attempt() if one.stage == "short")

    assert (tried.status.value, tried.cause) == (
        "invalid",
        "its last state is that of step 30, and it ended at step 40",
    )


def test_a_runner_in_a_file_is_tried_with_its_states(capsys):
    keeping()
    assert promo("runner", "keeper.toml", "--try", "--set", "pause=0.02") == 0
    said = capsys.readouterr().out

    assert "ok     states: ended during a run, and continued: ok" in said
    assert "ok     resumption: the same bits as without" in said


@pytest.mark.slow
def test_a_program_that_begins_anew_is_found(capsys):
    keeping()
    Path("keeps.py").write_text(KEEPS.replace("if a.resume:", "if False:"), encoding="utf-8")
    Path("keeps.py").write_text(
        Path("keeps.py").read_text(encoding="utf-8").replace("random.Random(a.seed)", "random.Random()"),
        encoding="utf-8",
    )
    assert promo("runner", "keeper.toml", "--try", "--set", "pause=0.02") == 1

    assert "WRONG  resumption" in capsys.readouterr().out


# --- what is spent --------------------------------------------------------------------------------------------------


def beginning(kind, base, begun, restarts, earlier=0):
    """Where a run begins that had spent *base*, and *begun* where its stage began."""
    files = {"keeper.toml": KEEPER, "keeps.py": KEEPS}
    program = read_runner("keeper.toml", lambda name: files[name].encode()).program
    program = evolve(program, state=evolve(program.state, restarts=restarts))
    before = Continued("runs/short/a-box-s1/attempt-1", "0" * 64, earlier, None) if earlier else None
    request = evolve(_REQUEST, budget=Budget(kind, 100, 900), continues=None)
    made = Beginning(request, program, Path("study"), Path("study/runs/a/b-c-s1/attempt-1/program"), "points.jsonl")
    made._request = evolve(request, continues=before)
    made.base, made.begun = Amounts(base), Amounts(begun)
    made.state = KeptState("ckpt-40.pt", f"checkpoint-{'0' * 16}.state", "0" * 64, 40, made.base)
    return made


def numbers(values):
    return {name: value for name, value in values.items() if name != "state"}


def test_steps_go_on_where_they_were_and_a_clock_that_restarts_is_added_to():
    made = beginning(BudgetKind.STEPS, {"steps": "40", "wall_s": "8", "cpu_s": "7"}, {}, ("train_s",))
    total = made.total({"steps": Fraction(100), "train_s": Fraction(12)}, 13.0, 12.0)

    assert numbers(made.values(Path())) == {"budget": 100, "spent": 40, "left": 60}
    assert made.in_stage(total) == {"steps": 100, "train_s": 20, "wall_s": 21, "cpu_s": 19}


def test_a_stage_that_carries_on_is_charged_for_itself_alone():
    at_end = {"steps": "100", "wall_s": "20", "cpu_s": "19", "train_s": "18"}
    made = beginning(BudgetKind.STEPS, at_end, at_end, (), earlier=100)
    total = made.total({"steps": Fraction(200), "train_s": Fraction(36)}, 21.0, 20.0)

    assert numbers(made.values(Path())) == {"budget": 200, "spent": 0, "left": 100}
    assert made.in_stage(total) == {"steps": 100, "train_s": 18, "wall_s": 21, "cpu_s": 20}


def test_seconds_that_were_spent_before_a_loss_are_charged_once():
    made = beginning(BudgetKind.WALL, {"wall_s": "58", "cpu_s": "1", "steps": "40"}, {"wall_s": "18"}, ("train_s",))
    total = made.total({}, 60.0, 1.0)

    assert numbers(made.values(Path())) == {"budget": 100, "spent": 40, "left": 60}
    assert made.in_stage(total)["wall_s"] == 100
    assert made.lived_s(5.0) == 5.0
    assert beginning(BudgetKind.WALL, {"wall_s": "58"}, {}, ()).lived_s(5.0) == 63.0


# --- the keeper ----------------------------------------------------------------------------------------------------


STEPS = States("out/ckpt-{step}.pt", ("{state}",), 2, 100, ())
FIXED = States("last.pt", ("{state}",), 2, 100, ())


@pytest.fixture
def keeper(place):
    def make(states):
        (place / "attempt/program/out").mkdir(parents=True)
        return Keeper(states, place / "attempt/program", place / "attempt", "0123")

    return make


def wrote(keeper, name, content, times=3):
    (keeper.place / name).write_bytes(content)
    for _ in range(times):
        keeper.look(ended=True)


def test_the_newest_states_are_kept_and_older_files_are_removed(keeper):
    made = keeper(STEPS)
    for step in (5, 10, 100, 20):
        wrote(made, f"out/ckpt-{step}.pt", b"state %d" % step)

    assert [one.step for one in made.kept] == [100, 20]
    assert sorted(path.name for path in (made.place / "out").iterdir()) == ["ckpt-100.pt", "ckpt-20.pt"]
    assert len(list(made.attempt.glob("*.state"))) == 2
    assert json.loads((made.attempt / CHECKPOINT).read_bytes())["states"][0][0] == "out/ckpt-100.pt"


def test_who_counts_steps_anew_has_newer_states_than_the_one_that_it_began_from(keeper):
    """Of step 10 behind step 100, and again of a step of the same number."""
    made = evolve(keeper(evolve(STEPS, restarts=("steps",), keep=1)), base=Amounts({"steps": "100"}))
    (made.place / "out/ckpt-100.pt").write_bytes(b"begun from")
    digest = digest_bytes(b"begun from")
    file = f"checkpoint-{digest[:16]}.state"
    made.adopt(KeptState("out/ckpt-100.pt", file, digest, 100, Amounts({"steps": "100"})))
    for step in (10, 20):
        wrote(made, f"out/ckpt-{step}.pt", b"newer %d" % step)
    assert [(one.step, one.at.get("steps")) for one in made.kept] == [(20, 120)]
    assert sorted(path.name for path in (made.place / "out").iterdir()) == ["ckpt-20.pt"]
    wrote(made, "out/ckpt-100.pt", b"another of step 100")

    assert [(one.name, one.at.get("steps")) for one in made.kept] == [("out/ckpt-100.pt", 200)]
    assert [path.read_bytes() for path in made.attempt.glob("*.state")] == [b"another of step 100"]


def test_a_file_that_is_written_over_is_kept_as_it_was(keeper):
    made = keeper(FIXED)
    for content in (b"first", b"second", b"third"):
        wrote(made, "last.pt", content)
        os.utime(made.place / "last.pt", ns=(0, time.time_ns()))

    assert [(made.attempt / one.file).read_bytes() for one in made.kept][:1] == [b"third"]
    assert len(list(made.attempt.glob("*.state"))) <= 2


@pytest.mark.parametrize("how", ["in its place", "by another file"])
def test_a_state_that_is_written_again_under_its_name_takes_the_place_of_the_one_before(keeper, how):
    """As of an epoch that is saved several times."""
    made = keeper(STEPS)
    wrote(made, "out/ckpt-4.pt", b"before")
    for content in (b"first", b"second", b"third"):
        if how == "by another file":
            (made.place / "out/ckpt-5.pt").unlink(missing_ok=True)
        wrote(made, "out/ckpt-5.pt", content)
        os.utime(made.place / "out/ckpt-5.pt", ns=(0, time.time_ns()))

    assert [(one.step, (made.attempt / one.file).read_bytes()) for one in made.kept] == [(5, b"third"), (4, b"before")]
    assert len(list(made.attempt.glob("*.state"))) == 2


def test_what_still_changes_is_not_kept(keeper):
    made = keeper(STEPS)
    (made.place / "out/ckpt-5.pt").write_bytes(b"half")
    made.look()
    made.look()

    assert made.kept == []


def test_a_state_beyond_its_size_is_removed_and_said(keeper):
    made = keeper(STEPS)
    wrote(made, "out/ckpt-5.pt", b"x" * 101)
    assert made.kept == []
    assert not (made.place / "out/ckpt-5.pt").exists()

    assert made.refused == "out/ckpt-5.pt has 101 bytes, and a state has 100 at most"


KINDS = {
    "pipe": (os.mkfifo, "is a pipe, and a state is a file"),
    "folder": (os.mkdir, "is a folder, and a state is a file"),
    "link": (lambda path: path.symlink_to(path.parents[3] / "elsewhere"), "is a link, and a state is a file"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "is a link, and a state is a file"),
    "link to a folder": (lambda path: path.symlink_to(".."), "is a link, and a state is a file"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("states", [STEPS, FIXED])
def test_what_is_no_file_is_no_state_and_is_said(keeper, place, states, kind):
    make, words = KINDS[kind]
    (place / "elsewhere").write_bytes(b"somebody's")
    made = keeper(states)
    name = states.path.replace("{step}", "5")
    make(made.place / name)
    made.start(lambda: 0.0)
    made.stop()

    assert made.refused == f"{name} {words}"
    assert made.kept == []
    assert not list(made.attempt.glob("*.state*"))
    assert (place / "elsewhere").read_bytes() == b"somebody's"


@pytest.mark.parametrize("states", [STEPS, FIXED])
@pytest.mark.parametrize("kind", KINDS)
def test_a_state_that_becomes_something_else_while_it_is_kept_is_none(keeper, place, monkeypatch, states, kind):
    """Found as a file, and replaced before it is copied."""
    (place / "elsewhere").write_bytes(b"somebody's")
    made, name = keeper(states), states.path.replace("{step}", "5")
    (made.place / name).write_bytes(b"state")
    found = made._found()
    (made.place / name).unlink()
    KINDS[kind][0](made.place / name)
    made._keep(*found[0], (5, 0), 0.0)

    assert made.kept == []
    assert not list(made.attempt.glob("*.state*"))


def test_a_folder_of_states_that_is_a_link_is_said(keeper, place):
    made = keeper(STEPS)
    (place / "scratch").mkdir()
    (place / "scratch/ckpt-5.pt").write_bytes(b"state")
    (made.place / "out").rmdir()
    (made.place / "out").symlink_to(place / "scratch")
    made.start(lambda: 0.0)
    made.stop()

    assert made.refused == "out is a link, and states are looked for in the program's own folder"
    assert (place / "scratch/ckpt-5.pt").exists()


def test_the_older_state_is_taken_up_where_the_newest_is_damaged(keeper, place):
    made = keeper(STEPS)
    for step in (5, 10):
        wrote(made, f"out/ckpt-{step}.pt", b"state %d" % step)
    (made.attempt / made.kept[0].file).write_bytes(b"torn")
    digest = checkpoint_of(StudyFolder(place).disk, made.attempt)
    _, taken = take_up(place, "attempt", digest, place / "next")
    assert taken.step == 5
    assert (place / "next/out/ckpt-5.pt").read_bytes() == b"state 5"
    with pytest.raises(StateError, match="not the state that was asked for"):
        take_up(place, "attempt", "0" * 64, place / "next")


def test_a_state_never_leaves_the_folder_of_its_program(keeper, place):
    made = keeper(STEPS)
    wrote(made, "out/ckpt-5.pt", b"state")
    note = made.attempt / CHECKPOINT
    note.write_bytes(note.read_bytes().replace(b"out/ckpt-5.pt", b"../../../x"))
    with pytest.raises(StateError):
        take_up(place, "attempt", checkpoint_of(StudyFolder(place).disk, made.attempt), place / "a" / "b")

    assert not (place / "x").exists()


def test_names_of_states_are_matched_as_a_whole():
    pattern = pattern_of(STEPS)

    assert pattern.fullmatch("out/ckpt-12.pt")["step"] == "12"
    assert not any(map(pattern.fullmatch, ("out/ckpt-.pt", "out/ckpt-1.pt.tmp", "ckpt-1.pt", "out/ckpt-x.pt")))


# --- what is declared -----------------------------------------------------------------------------------------------

WRONG = {
    "no path": ('path = "ckpt-{step}.pt"\n', "", "state.path names a file"),
    "a path out of its folder": ("ckpt-{step}.pt", "../ckpt-{step}.pt", "state.path names a file"),
    "an absolute path": ("ckpt-{step}.pt", "/tmp/ckpt-{step}.pt", "state.path names a file"),
    "two steps": ("ckpt-{step}.pt", "{step}/ckpt-{step}.pt", "{step} may stand in it, once"),
    "another place": ("ckpt-{step}.pt", "ckpt-{seed}.pt", "{step} may stand in it, once"),
    "no state": ('"{state}"', '"last"', "state.resume does not say where {state} goes"),
    "an unknown place": ('"{state}"]', '"{state}", "{nothing}"]', "state.resume: there is no '{nothing}'"),
    "no size": ("largest = 1_000_000\n", "", "state.largest, in bytes, is a whole number"),
    "keeps none": ("keep = 2", "keep = 0", "state.keep is a whole number from 1 to 99"),
    "restarts": ("keep = 2", 'restarts = ["loss"]', "state.restarts: there is no 'loss'"),
    "a count anew of nobody knows what": ('ckpt-{step}.pt"\n', 'last.pt"\nrestarts = ["steps"]\n', "needs {step}"),
    "an unknown word": ("keep = 2", "kept = 2", "state.kept is no word of a runner file"),
}


@pytest.mark.parametrize(("old", "new", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_declaration_is_one_clear_message(old, new, words):
    files = {"keeper.toml": KEEPER.replace(old, new), "keeps.py": KEEPS}
    assert files["keeper.toml"] != KEEPER
    with pytest.raises(RunnerFileError) as refused:
        read_runner("keeper.toml", lambda name: files[name].encode())

    assert words in str(refused.value)


# --- who is ended before its supervisor is told ---------------------------------------------------------------------

ENDED = KEEPS.replace(
    '    if step % 10 == 0',
    '    if step == 35:\n'
    '        time.sleep(2)\n'
    '        Path("ckpt-35.pt").write_text("half of it")\n'
    '        HOW\n'
    '    if step % 10 == 0',
)  # fmt: skip
HOW = {
    "killed": ("os.kill(os.getpid(), 15)", "crash", [30, 20]),
    "caught": ("raise SystemExit(143)", "crash", [30, 20]),
    "in order": ("break", "invalid", [35, 30]),
}
"""What a signal of a queue makes of a program that is heard of before the signal is: what it does, status, states."""


@pytest.mark.parametrize("how", HOW)
def test_states_of_a_run_that_did_not_use_its_budget_stay_and_a_half_written_one_is_none(how):
    done, status, steps = HOW[how]
    text = keeping(keeps=ENDED.replace("HOW", done))
    Path("trial.promo").write_text(text, encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 4
    (attempt,) = [
        one for one in StudyFolder(FOLDER).state().every_attempt() if (one.stage, one.candidate) == ("short", "base")
    ]

    assert attempt.status.value == status
    states = json.loads((FOLDER / attempt.folder / CHECKPOINT).read_bytes())["states"]
    assert [one[3] for one in states] == steps
    assert all((FOLDER / attempt.folder / one[1]).exists() for one in states)
    assert promo("verify", FOLDER) == 3
    assert rechecked(FOLDER).returncode == 3
