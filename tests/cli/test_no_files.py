"""Whatever stands where a file is expected: one message with its path, within a second, in little memory."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from promo.driver.study import StudyFolder
from support import promo, recorded, spec

MEMORY = 1_200 * 2**20
"""Bytes of addresses that a command may have; a file of 24 GB does not go into them."""
LONGEST_S = 20
"""By the wall clock of a busy machine; one that waits for a pipe never ends."""
PROCESSOR_S = 3.0
HUGE = 24 * 2**30
OFTEN = ("check trial.promo", "plan trial.promo", "status trial.study", "verify trial.study")
"""Commands that are carried out once before any is forked, and leave nothing behind."""
RUNNER = """promo_runner = 1

[metrics.loss]
unit = "pt"
better = "lower"

[factors.quality]
unit = "points"
low = -100
high = 100
default = 0

[command]
argv = ["{python}", "{program}/train.py"]
files = ["train.py"]
"""


def pipe(path):
    os.mkfifo(path)


def link_to_a_pipe(path):
    os.mkfifo(path.with_name("a_pipe"))
    path.symlink_to("a_pipe")


def zeros(path):
    path.symlink_to("/dev/zero")


def terminal(path):
    path.symlink_to("/dev/ptmx")


def folder(path):
    path.mkdir()


def huge(path):
    with path.open("wb") as file:
        file.truncate(HUGE)  # holes take no room


def link_to_a_huge_file(path):
    huge(path.with_name("a_huge_file"))
    path.symlink_to("a_huge_file")


def itself(path):
    path.symlink_to(path.name)


NO_FILES = (pipe, link_to_a_pipe, zeros, terminal, folder, huge, link_to_a_huge_file, itself)
FEW = (link_to_a_pipe, zeros, huge)
"""One that waits, one that never ends and one that is too large, for readers that share the way in which they read."""


@pytest.fixture(scope="module")
def asked(finished):
    """Ask for a command with little memory and little time; its exit status, and what it said."""
    words = [sys.executable, str(Path(__file__).with_name("forked.py")), str(MEMORY), str(LONGEST_S), *OFTEN]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, cwd=finished, text=True, **pipes) as server:

        def ask(place, *words, program=""):
            server.stdin.write(json.dumps([str(place), str(program), [*map(str, words)]]) + "\n")
            server.stdin.flush()
            found = json.loads(server.stdout.readline())

            assert "Traceback" not in found["said"]
            assert found["status"] >= 0, f"ended by signal {-found['status']}: {found['said']}"
            assert found["cpu_s"] < PROCESSOR_S
            return found["status"], found["said"]

        yield ask
        server.stdin.close()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study that has run, a bundle of it, and a note that may be signed."""
    place = tmp_path_factory.mktemp("finished")
    host = 'host box {\n  device "cpu" on any\n  slots 2\n  executor inline\n}'
    (place / "trial.promo").write_text(spec(host=host), encoding="utf-8")
    assert promo("run", place / "trial.promo", "--quiet") == 0
    assert promo("bundle", place / "trial.promo", "--out", place / "trial.bundle") == 0
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / "own"], check=True)
    assert promo("bundle", place / "trial.promo", "--out", place / "signed.bundle", "--key", place / "own") == 0
    assert promo("checkpoint", place / "trial.study") == 0
    shutil.copy(next((place / "trial.study" / "anchors").glob("*.note")), place / "1.note")
    return place


@pytest.fixture
def place(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "here"))


def with_runner(place):
    """A spec whose runner is a file, and that file."""
    text = spec().replace("runner toy", 'runner "own.toml"')
    text = text[: text.index("candidate spare")] + text[text.index("cohort four") : text.index("stage aside")]
    for line in ("factor size: units in 1..64 step 1 default 8\n", "factor ratio: units in [1, 4] default 1\n"):
        text = text.replace(line, "")
    (place / "own.promo").write_text(text, encoding="utf-8")
    (place / "own.toml").write_text(RUNNER, encoding="utf-8")
    (place / "train.py").write_text("", encoding="utf-8")


WITH_DATA = '{spec}\n\ndata words {{\n  source "{source}"\n  holdout 5%\n  score 64tok in windows of 32tok\n}}\n'
GIVEN = {
    "spec": ("x.promo", ("check", "x.promo"), 2),
    "spec to be run": ("x.promo", ("run", "x.promo"), 2),
    "spec to be formatted": ("x.promo", ("fmt", "x.promo"), 2),
    "spec that is used": ("used.promo", ("check", "using.promo"), 1),
    "runner": ("own.toml", ("check", "own.promo"), 1),
    "file of a runner": ("train.py", ("check", "own.promo"), 1),
    "runner that is told of": ("own.toml", ("runner", "own.toml"), 2),
    "lock": ("trial.lock.json", ("check", "trial.promo"), 2),
    "plan": ("x.json", ("run", "x.json"), 2),
    "plan to compare with": ("x.json", ("plan", "trial.promo", "--diff", "x.json"), 2),
    "curves": ("x.csv", ("replay", "trial.promo", "--study", "new", "--curves", "x.csv"), 2),
    "packed curves": ("x.csv.gz", ("replay", "trial.promo", "--study", "new", "--curves", "x.csv.gz"), 2),
    "mapping": (
        "x.json",
        ("replay", "trial.promo", "--study", "new", "--curves", "sound.csv", "--mapping", "x.json"),
        2,
    ),
    "bundle": ("x.bundle", ("import", "x.bundle", "trial.promo"), 2),
    "key of a bundle": ("x.pub", ("import", "signed.bundle", "trial.promo", "--key", "x.pub"), 2),
    "key that signs": ("x.key", ("bundle", "trial.promo", "--out", "y.bundle", "--key", "x.key"), 2),
    "receipt": ("1.note.sig", ("anchor", "trial.study", "1.note.sig", "--key", "sound.pub"), 2),
    "receipt to verify": ("1.note.sig", ("verify", "trial.study", "--anchor", "1.note.sig"), 1),
    "note": ("x.note", ("cosign", "x.note", "--key", "sound.pub", "--name", "me"), 2),
    "key of a witness": ("x.pem", ("cosign", "1.note", "--key", "x.pem", "--name", "me"), 2),
    "registration": ("x.json", ("verify", "trial.study", "--registration", "x.json"), 2),
    "ledger": ("trial.study/ledger.jsonl", ("verify", "trial.study"), 1),
    "ledger to be told of": ("trial.study/ledger.jsonl", ("status", "trial.study"), 1),
    "frozen spec": ("trial.study/spec.promo", ("verify", "trial.study"), 1),
    "frozen plan": ("trial.study/plan.json", ("verify", "trial.study"), 1),
}
"""What is given -> its file, the command that reads it, and the exit status."""


def prepared(place):
    with_runner(place)
    (place / "using.promo").write_text('promo 1\n\nuse factors from "used.promo"\n', encoding="utf-8")
    (place / "sound.csv").write_text("candidate,seed,step,loss\n", encoding="utf-8")
    (place / "sound.pub").write_text("ssh-ed25519 AAAA me\n", encoding="utf-8")


EVERY = [(what, make) for what in GIVEN for make in (NO_FILES if what in ("spec", "runner") else FEW)]


@pytest.mark.parametrize(("what", "make"), EVERY, ids=lambda one: getattr(one, "__name__", one))
def test_what_is_no_file_is_one_message(asked, place, what, make):
    name, words, status = GIVEN[what]
    prepared(place)
    (place / name).unlink(missing_ok=True)
    make(place / name)
    found, said = asked(place, *words)

    assert found == status, said
    assert Path(name).name in said
    assert len([line for line in said.splitlines() if "error" in line]) <= 2, said


WRITTEN = {
    "plan": ("plan", "trial.promo", "--out", "x.out"),
    "report": ("report", "trial.study", "--out", "x.out"),
    "bundle": ("bundle", "trial.promo", "--out", "x.out"),
    "page of a comparison": ("compare", "replay.promo", "--curves", "few.csv", "--draws", "2", "--html", "x.out"),
    "registration": ("export", "trial.promo", "--to", "registration", "--gate", "pick", "--out", "x.out"),
}
"""What a command writes where it is told to -> the command."""
REPORT_ONLY = "stage short {\n  train two for 1s\n  on box\n  seeds 1\n  report only\n}\n"


@pytest.mark.parametrize("make", [pipe, zeros, link_to_a_pipe, folder], ids=lambda make: make.__name__)
@pytest.mark.parametrize("what", WRITTEN)
def test_what_is_no_file_is_not_replaced_by_one(asked, place, what, make):
    """As the administrator `--out /dev/null` would take the device away from everybody."""
    (place / "replay.promo").write_text(recorded("two", REPORT_ONLY, base="a", early="b"), encoding="utf-8")
    (place / "few.csv").write_text("config,seed,seconds,loss\na,1,1,2\nb,1,1,3\n", encoding="utf-8")
    make(place / "x.out")
    was = (place / "x.out").lstat()
    found, said = asked(place, *WRITTEN[what])

    assert found == 2, said
    assert "x.out cannot be written: it is a" in said
    now = (place / "x.out").lstat()
    assert (now.st_mode, now.st_ino) == (was.st_mode, was.st_ino)


def test_what_is_written_to_a_link_goes_where_it_leads(asked, place):
    (place / "deep").mkdir()
    (place / "deep" / "real.promo").write_text((place / "trial.promo").read_text(encoding="utf-8"), encoding="utf-8")
    (place / "link.promo").symlink_to("deep/real.promo")
    found, said = asked(place, "fmt", "link.promo")

    assert found == 0, said
    assert (place / "link.promo").is_symlink()
    assert asked(place, "fmt", "--check", "deep/real.promo")[0] == 0


@pytest.mark.parametrize("make", FEW, ids=lambda make: make.__name__)
@pytest.mark.parametrize("source", ["words.txt", "words.txt.gz", "words.jsonl", "words.parquet"])
def test_a_text_that_is_no_file_is_one_message(asked, place, source, make):
    make(place / source)
    (place / "x.promo").write_text(WITH_DATA.format(spec=spec(), source=source), encoding="utf-8")
    found, said = asked(place, "run", "x.promo")

    assert found == 2, said
    assert source in said


@pytest.mark.parametrize("make", FEW, ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", ["", "ledger.jsonl", "plan.json", "evidence/short.json"])
def test_the_second_verifier_takes_no_other_thing_for_a_file(asked, place, name, make):
    where = place / "x.study"
    if name:
        shutil.copytree(place / "trial.study", where)
        (where / name).unlink()
    make(where / name)
    found, said = asked(place, "x.study", program=place / "trial.study" / "recheck.py")

    assert found in (1, 2), said
    assert (name or "x.study") in said


RUN = "runs/short/base-box-s1/attempt-1"
STORED = (
    "lock.json",
    "checkpoint.note",
    "evidence/short.json",
    "program/strange.py",
    *(f"{RUN}/{name}" for name in ("request.json", "result.json", "points.jsonl", "log.txt")),
)


@pytest.mark.parametrize("make", [pipe, zeros], ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", STORED)
def test_both_verifiers_say_that_something_differs_where_a_file_is_none(asked, place, name, make):
    study = place / "trial.study"
    (study / name).unlink(missing_ok=True)
    (study / name).parent.mkdir(exist_ok=True)
    make(study / name)
    first, said = asked(place, "verify", "trial.study")
    second, more = asked(place, "trial.study", program=study / "recheck.py")

    assert (first, second) == (1, 1), said + more
    assert name in said
    assert name in more


def test_a_study_is_not_locked_by_a_pipe(asked, place):
    (place / "trial.study" / "lock").unlink()
    os.mkfifo(place / "trial.study" / "lock")
    found, _ = asked(place, "stop", "trial.study")

    assert found == 2
    assert StudyFolder(place / "trial.study").exists
