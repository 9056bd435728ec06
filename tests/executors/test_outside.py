"""Runs that somebody else's system trains: asked for, taken in, or refused and nothing changed."""

import csv
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from promo.driver.study import StudyFolder
from promo.ledger.losses import Loss
from promo.run import disk
from promo.run.disk import DISK
from promo.run.executors.outside import OutsideExecutor
from promo.run.locks import lock_intake
from promo.run.outside import OUTSIDE, is_there, read_outside
from studies import FOLDER, KEEPS, LAB, MIXED, attended, keeping, run
from support import promo, rechecked

S1, S2 = "runs/short/base-lab-s1/attempt-1", "runs/short/base-lab-s2/attempt-1"
GOOD = "runs/short/good-lab-s1/attempt-1"


@pytest.fixture
def study(begun, tmp_path, monkeypatch):
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return StudyFolder(FOLDER)


def table(*rows, name="theirs.csv", header="config,seed,seconds,loss"):
    Path(name).write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return name


def everything(folder=FOLDER):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(capsys, *words, code=1):
    """What a call says that is refused, and changes nothing."""
    before = everything()
    capsys.readouterr()
    found = promo("accept", "trial.promo", *words, "--by", "Lab B")

    assert found == code
    assert everything() == before
    return capsys.readouterr().err


def body_of(folder):
    return json.loads((Path("sent") / folder / "result.json").read_bytes())["body"]


def rewritten(folder, **said):
    """Another result, whose digests fit."""
    from promo.base.canonical import canonical, digest_bytes

    body = {**body_of(folder), **said}
    path = Path("sent") / folder / "result.json"
    path.write_bytes(canonical({"body": body, "digest": digest_bytes(canonical(body))}))


# --- asking ----------------------------------------------------------------------------------------------------------


def test_promo_carries_on_with_its_own_hosts_and_says_what_it_waits_for(study, capsys):
    ended = {one.host for one in study.state().every_attempt() if one.state.value == "accepted"}
    capsys.readouterr()

    assert promo("run", "trial.promo", "--quiet") == 8
    assert ended == {"box"}
    said = capsys.readouterr().out
    assert "4 runs requested from outside: promo ask trial.study --out FOLDER" in said
    assert "promo accept trial.study FILE --by" in said


def test_who_waits_for_others_makes_no_second_request(study):
    before = len(study.chain().events)
    assert promo("run", "trial.promo", "--quiet") == 8

    assert [one.event.TAG for one in study.chain().events[before:]] == ["orchestrator.started"]


def test_what_is_sent_is_enough_to_train_it(study):
    rows = list(csv.DictReader(Path("sent/asked.csv").read_text(encoding="utf-8").splitlines()))

    assert {(row["candidate"], row["host"], row["seed"], row["budget"], row["in"]) for row in rows} == {
        (name, "lab", seed, "1", "seconds of training") for name in ("base", "good") for seed in "12"
    }
    assert {row["candidate"]: row["quality"] for row in rows} == {"base": "2", "good": "1"}
    for row in rows:
        assert (Path("sent") / row["folder"] / "request.json").read_bytes() == study.read(row["folder"], "request.json")


def test_what_is_sent_says_on_how_many_devices_each_run_is_trained(tmp_path, monkeypatch):
    """Those of its stage, for which the study pays."""
    monkeypatch.chdir(tmp_path)
    run(MIXED.replace("  seeds 1, 2\n", "  seeds 1, 2\n  devices 2\n") + "\n", code=8)
    assert promo("ask", "trial.promo", "--out", "sent") == 0

    rows = list(csv.DictReader(Path("sent/asked.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["devices"], row["nodes"]) for row in rows] == [("2", "1")] * 4
    assert "on how many devices" in Path("sent/README.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("budget", "amount"), [("1s", 1), ("40steps\n  cap 9s", 40), ("4tok\n  cap 9s", 4)])
def test_a_table_with_the_columns_that_a_stranger_is_told_of_is_taken_in(tmp_path, monkeypatch, capsys, budget, amount):
    """And what it has besides is named: whoever slips in a seed or a name would wait for that run for ever."""
    monkeypatch.chdir(tmp_path)
    run(MIXED.replace("for 1s", f"for {budget}") + "\n", code=8)
    assert promo("ask", "trial.promo", "--out", "sent") == 0
    told = " ".join(Path("sent/README.txt").read_text(encoding="utf-8").split())
    columns, metric = re.search(r"with the columns (.*) \(how far the run had come\), and (\w+);", told).groups()
    header = ",".join((re.sub(r" \(.*?\)", "", columns).replace(" ", ""), metric))
    rows = [f"{name},lab,{seed},{amount},1.5" for name in ("base", "good") for seed in (1, 2)]
    capsys.readouterr()
    assert promo("accept", "trial.promo", table(*rows, "good,lab,21,1,1.5", header=header), "--by", "Lab C") == 0

    said = capsys.readouterr().out
    assert "4 answers imported" in said
    assert "left out: theirs.csv: the study has no such run: 'good/lab/21'\n" in said


def test_nothing_is_written_over(study, capsys):
    assert promo("ask", "trial.promo", "--out", "sent") == 2
    assert "sent is there already" in capsys.readouterr().err


# --- taking in -------------------------------------------------------------------------------------------------------


def test_both_kinds_of_results_are_taken_in_and_the_study_ends(study, capsys):
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    rows = [f"good,{seed},{at},{3 - at}" for seed in (1, 2) for at in (0.5, 1)]
    assert promo("accept", "trial.promo", table(*rows), "--by", "Lab C") == 0
    assert "left out" not in capsys.readouterr().out
    assert promo("run", "trial.promo", "--quiet") == 0
    assert promo("verify", "trial.promo") == 3
    capsys.readouterr()
    assert promo("report", "trial.promo", "--format", "md", "--out", "report.md") == 0

    report = Path("report.md").read_text(encoding="utf-8")
    assert "ok (trained outside by Lab B, taken from sent)" in report
    assert "ok (trained outside by Lab C, taken from theirs.csv)" in report
    assert "4 of 8 results were trained outside, by Lab B and Lab C, and taken from sent and theirs.csv" in report
    recheck = rechecked(FOLDER)
    assert "4 results trained outside" in recheck.stdout
    assert recheck.returncode == 3


def test_a_table_of_another_tool_is_read_as_in_a_replay(study):
    history = table(
        *(f"good,{step},{step / 2},{3 - step / 10}" for step in (0, 1, 2)), header="run,_step,_runtime,loss"
    )
    assert promo("accept", "trial.promo", history, "--by", "C", "--from", "wandb", "--seeds", "order") == 0

    assert read_outside(DISK, FOLDER / GOOD).settings.layout == "wandb"


def test_a_column_of_an_export_is_the_one_that_was_named(study):
    """W&B calls runs by names that it makes up, and keeps what was trained as a parameter."""
    rows = [f"fancy-{seed},{at},{3 - at},good,{seed}" for seed in (1, 2) for at in (0.5, 1)]
    export = table(*rows, header="Name,_runtime,loss,config,seed")
    assert promo("accept", "trial.promo", export, "--from", "wandb", "--column", "config=config", "--by", "C") == 0

    assert {one.folder for one in study.state().running() if study.result(one).body} >= {GOOD}


@pytest.mark.parametrize(
    "words",
    [
        ("--column", "config=x"),
        ("--unit", "seconds=min"),
        ("--map", "good=x"),
        ("--mapping", "map.toml"),
        ("--from", "wandb"),
        ("--seeds", "order"),
        ("--interpolate", "linear"),
    ],
)
def test_how_a_table_is_read_is_not_said_where_none_is_given(study, capsys, words):
    assert f"{words[0]} says how a table is read, and no table is given" in refused(capsys, "sent", *words, code=2)


@pytest.mark.parametrize(("option", "name"), [("--column", "config"), ("--unit", "seconds"), ("--map", "good")])
def test_nothing_is_said_twice_of_one_name(study, capsys, option, name):
    words = (table("good,1,1,2"), option, f"{name}=s", option, f"{name}=min")

    assert f"{option} says two things of '{name}': s and min" in refused(capsys, *words, code=2)


def test_the_same_results_are_taken_in_once(study, capsys):
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    before = everything()
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    assert "nothing is new" in capsys.readouterr().out
    assert everything() == before
    assert promo("run", "trial.promo", "--quiet") == 8  # and once the ledger has them too
    before = everything()
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    assert everything() == before


def test_a_table_that_grows_is_taken_in_as_far_as_it_is_new(study, capsys):
    first = [f"good,1,{at},{3 - at}" for at in (0.5, 1)]
    assert promo("accept", "trial.promo", table(*first), "--by", "C") == 0
    assert promo("accept", "trial.promo", table(*first, "good,2,0.4,2.9"), "--by", "C") == 0
    said = capsys.readouterr().out
    assert "0 answers imported; 1 were here already" in said
    assert "left out: runs/short/good-lab-s2/attempt-1: run 'good/2' is recorded to seconds 0.4 and no further" in said
    assert promo("accept", "trial.promo", table(*first, "good,2,0.4,2.9", "good,2,1,2.8"), "--by", "C") == 0

    assert "1 answer imported; 1 were here already" in capsys.readouterr().out


def test_a_run_that_failed_outside_is_a_failure_and_is_asked_for_again(study):
    rows = [f"good,{seed},{at},{3 - at},ok" for seed in (1, 2) for at in (0.5, 1)]
    rows[1] = "good,1,0.8,,oom"
    words = ("accept", "trial.promo", table(*rows, header="config,seed,seconds,loss,status"))
    assert promo(*words, "--by", "C", "--column", "status=status") == 0
    assert promo("run", "trial.promo", "--quiet") == 8
    first, second = study.state().attempts[next(one.run for one in study.state().every_attempt() if one.folder == GOOD)]
    assert (first.ending, second.ending) == ("oom", "running")
    again = [f"good,1,{at},{3 - at}" for at in (0.5, 1)]
    assert promo("accept", "trial.promo", table(*again, name="again.csv"), "sent", "--by", "C") == 0
    assert promo("run", "trial.promo", "--quiet") == 0

    assert promo("verify", "trial.promo") == 3


def test_what_nobody_will_train_is_asked_for_again(study, capsys):
    assert promo("accept", "trial.promo", "--lost", S1, "--by", "Lab B") == 0
    assert promo("run", "trial.promo", "--quiet") == 8
    told = [one.ending for one in study.state().every_attempt() if "base-lab-s1" in one.folder]
    assert told == ["lost", "running"]
    message = refused(capsys, "sent")

    assert f"sent/{S1}/result.json came too late: {S1} had been given up" in message


def test_the_study_that_ended_takes_nothing_in(study, capsys):
    rows = [f"good,{seed},{at},{3 - at}" for seed in (1, 2) for at in (0.5, 1)]
    assert promo("accept", "trial.promo", "sent", table(*rows), "--by", "C") == 0
    assert promo("run", "trial.promo", "--quiet") == 0

    ended = "error: the study in trial.study has ended: it accepts nothing\n"
    assert refused(capsys, "sent") == refused(capsys, "--lost", S1) == refused(capsys, "theirs.csv") == ended


# --- refused ---------------------------------------------------------------------------------------------------------


def test_another_budget_is_refused(study, capsys):
    rewritten(S1, used={**body_of(S1)["used"], "used": "0.5"})

    assert "it is of another budget: it used 0.500 s of a budget of 1.000 s" in refused(capsys, "sent")


def test_a_result_without_the_metric_is_refused(study, capsys):
    rewritten(S1, metrics={"accuracy": "0.5"})

    assert "it has no loss" in refused(capsys, "sent")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda asked: asked["settings"].update(quality="9"), "settings quality: 2 -> 9"),
        (lambda asked: asked["run"].update(seed=7), "run seed: 1 -> 7"),
        (lambda asked: asked["budget"].update(amount="2"), "budget amount: 1 -> 2"),
        (lambda asked: asked["run"].update(candidate="poor"), "which was not requested"),
        (lambda asked: asked.update(plan="0" * 64), "plan"),
    ],
)
def test_an_answer_to_another_request_is_refused_and_what_differs_is_said(study, capsys, change, words):
    from promo.base.canonical import canonical, digest_bytes

    path = Path("sent") / S1 / "request.json"
    asked = json.loads(path.read_bytes())
    change(asked)
    path.write_bytes(canonical(asked))
    rewritten(S1, request=digest_bytes(canonical(asked)))

    assert words in refused(capsys, "sent")


def test_an_answer_to_nothing_is_refused(study, capsys):
    (Path("sent") / S1 / "request.json").unlink()
    rewritten(S1, request="0" * 64)

    assert f"sent/{S1}/result.json answers a request that this study did not make" in refused(capsys, "sent")


def test_a_result_of_a_run_that_was_made_here_is_refused(study, capsys):
    own = "runs/short/base-box-s1/attempt-1"

    assert f"answers {own}, which is not trained outside: it runs on box" in refused(capsys, FOLDER / own)


def test_two_results_for_one_attempt_are_refused(study, capsys):
    rows = [f"{name},1,{at},{3 - at}" for name in ("base", "good") for at in (0.5, 1)]

    assert f"two answers are given for one attempt, {S1}" in refused(capsys, "sent", table(*rows))


def test_a_second_result_is_refused_before_and_after_it_stands_in_the_ledger(study, capsys):
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    other = table("base,1,0.5,1", "base,1,1,1")
    words = f"theirs.csv gives {S1} another result than the one from sent"
    assert words in refused(capsys, other)
    assert promo("run", "trial.promo", "--quiet") == 8

    assert words in refused(capsys, other)


def test_damaged_results_are_refused(study, capsys):
    path = Path("sent") / S1 / "result.json"
    whole = path.read_bytes()
    for content in (whole[:-3], whole.replace(b'"loss":"', b'"loss":"1'), b"{}", b""):
        path.write_bytes(content)
        assert f"sent/{S1}/result.json is not a result" in refused(capsys, "sent")
    path.write_bytes(whole)
    points = path.with_name("points.jsonl")
    points.write_bytes(points.read_bytes() + b"{}\n")

    assert "its points.jsonl is not the one that it was written with" in refused(capsys, "sent")


def test_a_part_of_a_run_is_refused(study, capsys):
    Path("sent", S1, "exit.json").write_bytes(b'{"reason":"cancelled","returncode":-15,"seconds":"0.500"}')
    rewritten(S1, used={**body_of(S1)["used"], "used": "0.97", "last_step": "0.02"})
    rewritten(S1, used={**body_of(S1)["used"], "last_step": None})

    assert "it did not end by itself" in refused(capsys, "sent")


def test_a_table_with_faults_is_told_with_its_rows(study, capsys):
    said = refused(capsys, table("good,1,0.5,2.5", "good,1,0.5,2.4", "good,2,1,nan"))
    assert "theirs.csv, row 3" in said
    assert "theirs.csv, row 4" in said


@pytest.mark.parametrize("words", [("nowhere",), (), ("trial.promo",), ("--lost", "runs/short/x-lab-s1/attempt-1")])
def test_what_is_no_result_is_named(study, capsys, words):
    assert refused(capsys, *words, code=2).startswith("error: ")


def no_file(kind, path, whole=b"key"):
    """Something that is no plain file, where one may be expected; of a link, what it leads to has those bytes."""
    path.unlink(missing_ok=True)
    beside = Path("elsewhere").resolve()
    match kind:
        case "link":
            beside.write_bytes(whole)
            path.symlink_to(beside)
        case "dangling":
            path.symlink_to(beside)
        case "link to a folder":
            beside.mkdir()
            (beside / "secret").write_bytes(b"key")
            path.symlink_to(beside)
        case "pipe":
            os.mkfifo(path)
        case "device":
            os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # zeros for ever
        case _:
            path.mkdir()


NO_FILES = {"link": "a link", "dangling": "a link", "link to a folder": "a link", "pipe": "a pipe"}
NO_FILES |= {"device": "a device"} if os.geteuid() == 0 else {}


@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_not_opened_and_is_named(study, capsys, kind):
    path = Path("sent", S1, "notes.txt")
    no_file(kind, path)
    capsys.readouterr()
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    assert f"left out: {path}: {NO_FILES[kind]}\n" in capsys.readouterr().out

    assert not os.path.lexists(FOLDER / S1 / "notes.txt")


@pytest.mark.parametrize("name", ["notes.txt", "result.json"])
def test_a_link_to_nothing_is_named(study, capsys, name):
    no_file("dangling", Path("sent", S1, name))
    capsys.readouterr()
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0

    assert f"left out: sent/{S1}/{name}: a link\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name in ("result.json", "points.jsonl", "exit.json", "checkpoint.json")
        for kind in (*NO_FILES, "folder")
        if (name, kind) != ("result.json", "dangling")  # then nothing there is a result
    ],
)
def test_what_stands_in_the_place_of_a_file_that_says_something_of_a_result_is_refused(study, capsys, kind, name):
    path = Path("sent", S1, name)
    no_file(kind, path, path.read_bytes() if path.exists() else b"")
    said = refused(capsys, "sent", code=2)

    assert said == f"error: {path} cannot be read: it is {NO_FILES.get(kind, 'a folder')}, not a file\n"


def test_a_folder_that_a_link_leads_to_is_not_looked_into(study, capsys):
    Path("sent", S1).rename("elsewhere")
    Path("sent", S1).symlink_to(Path("elsewhere").resolve())
    capsys.readouterr()
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    said = capsys.readouterr().out

    assert f"left out: sent/{S1}: a link\n1 answer imported\n" in said
    assert not (FOLDER / S1 / OUTSIDE).exists()


@pytest.mark.parametrize("when", ["before it was copied", "while it was copied"])
def test_a_file_that_changes_while_it_is_taken_in_is_refused_and_taken_in_later(study, monkeypatch, capsys, when):
    """Whatever it becomes: nothing is on record that no file can complete."""
    path, copied = Path("sent", S1, "log.txt"), shutil.copyfileobj

    def changing(source, target):
        copied(source, target)
        if target.name.endswith("log.txt.part"):
            target.write(b"more")

    digest = disk.RealDisk.digest

    def replaced(self, asked):
        found = digest(self, asked)
        if asked == path:
            no_file("link", path, path.read_bytes())
        return found

    whole = path.read_bytes()
    with monkeypatch.context() as patch:
        if when.startswith("while"):
            patch.setattr("shutil.copyfileobj", changing)
        else:
            patch.setattr(disk.RealDisk, "digest", replaced)
        assert promo("accept", "trial.promo", "sent", "--by", "Lab B") != 0
    assert "Traceback" not in capsys.readouterr().err
    assert not (FOLDER / S1 / OUTSIDE).exists()
    path.unlink()
    path.write_bytes(whole + b"another line")
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0

    assert is_there(DISK, FOLDER / S1, read_outside(DISK, FOLDER / S1))


# --- cut short -------------------------------------------------------------------------------------------------------


def test_what_was_cut_short_is_completed_by_the_same_files_and_no_others(study, capsys):
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    (FOLDER / S1 / "result.json").unlink()
    assert promo("run", "trial.promo", "--quiet") == 8
    states = {one.folder: one.ending for one in study.state().every_attempt()}
    assert (states[S1], states[S2]) == ("running", "ok")
    assert "another result" in refused(capsys, table("base,1,0.5,1", "base,1,1,1"))
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    assert promo("run", "trial.promo", "--quiet") == 8

    assert {one.ending for one in study.state().every_attempt() if "base-lab" in one.folder} == {"ok"}


def test_what_was_cut_short_and_cannot_be_completed_is_given_up_and_asked_for_again(study, capsys):
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    assert "another result" in refused(capsys, "--lost", S1)  # it is whole
    (FOLDER / S1 / "result.json").unlink()
    assert promo("accept", "trial.promo", "--lost", S1, "--by", "Lab B") == 0
    assert promo("run", "trial.promo", "--quiet") == 8
    attempts = {one.folder: one for one in study.state().every_attempt()}
    assert (attempts[S1].ending, attempts[S1].loss) == ("lost", Loss.OUTSIDE)
    assert attempts[S1.replace("attempt-1", "attempt-2")].ending == "running"
    assert f"{S1} had been given up" in refused(capsys, "sent")

    assert promo("verify", "trial.promo") == 2  # three runs are asked for, and nothing differs
    assert rechecked(FOLDER).returncode == 2


def test_what_a_crash_left_beside_a_record_does_no_harm(study):
    (FOLDER / S1 / "outside.json.part").write_bytes(b"torn")
    (FOLDER / S1 / "log.txt.part").write_bytes(b"torn")
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    assert promo("run", "trial.promo", "--quiet") == 8
    assert not [*(FOLDER / S1).glob("*.part")]

    assert promo("verify", "trial.promo") == 2  # two runs are asked for, and nothing differs


def test_where_links_are_refused_the_first_record_counts(study, monkeypatch):
    def refused(*_):
        raise PermissionError(1, "links are not permitted")

    monkeypatch.setattr("os.link", refused)
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0

    assert read_outside(DISK, FOLDER / S1).by == "Lab B"


def test_a_full_disk_is_one_message_and_the_taking_in_is_completed_later(study, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfileobj", full)
        assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 2
    assert "No space left on device" in capsys.readouterr().err
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0

    assert is_there(DISK, FOLDER / S1, read_outside(DISK, FOLDER / S1))


PLAIN_USER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
"""In front of a command: root is let do no more than the owner of its files."""
DENIED = {
    "-R a-w .": {
        "run": "the study folder trial.study cannot be written: Permission denied",
        "accept": "what was accepted for runs/short/base-lab-s1/attempt-1 cannot be written: Permission denied",
        "report": "report.html cannot be written: Permission denied",
    },
    "a-w .": {
        "run": "trial.study/checkpoint.note cannot be written: Permission denied",
        "report": "report.html cannot be written: Permission denied",
    },
    "a-w ledger.jsonl": {"run": "the ledger cannot be written: Permission denied"},
    "-R a-w runs": {"accept": "base-lab-s1/attempt-1 cannot be written: Permission denied"},
    "0 .": {
        "run": "the study folder trial.study cannot be written: Permission denied",
        **dict.fromkeys(("accept", "status", "report"), "trial.study/ledger.jsonl cannot be used: Permission denied"),
    },
    "0 ledger.jsonl": dict.fromkeys(
        ("run", "accept", "status", "report"), "trial.study/ledger.jsonl cannot be used: Permission denied"
    ),
    "0 runs": dict.fromkeys(("run", "accept", "report"), "cannot be used: Permission denied"),
}
"""What nobody may do with which part of a study -> command -> the one message that it has; others are carried out."""
CARRIED_OUT = {"run": 8, "accept": 0, "status": 0, "report": 0}


@pytest.fixture(scope="module")
def asked():
    """Ask for a command in the name of somebody plain; its exit status, and what it said."""
    if PLAIN_USER and not shutil.which("setpriv"):
        pytest.skip("root may do everything, and there is no setpriv")
    server = Path(__file__).parents[1] / "cli" / "forked.py"
    words = [*PLAIN_USER, sys.executable, str(server), str(4 * 2**30), "60"]
    with subprocess.Popen(words, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as forking:

        def ask(*words):
            forking.stdin.write(json.dumps([str(Path.cwd()), "", words]) + "\n")
            forking.stdin.flush()
            found = json.loads(forking.stdout.readline())
            return found["status"], found["said"]

        yield ask
        forking.stdin.close()


@pytest.mark.parametrize("change", DENIED)
def test_a_study_that_somebody_may_not_read_or_write_is_one_message(study, asked, change):
    *words, name = change.split()
    shutil.copytree(FOLDER, "kept")
    for command in CARRIED_OUT:
        shutil.rmtree(FOLDER)
        shutil.copytree("kept", FOLDER)
        subprocess.run(["chmod", *words, FOLDER / name], check=True)
        more = {"accept": ("sent/" + S1, "--by", "C"), "run": ("--quiet",)}.get(command, ())
        code, said = asked(command, "trial.promo", *more)
        subprocess.run(["chmod", "-R", "u+rwX", FOLDER], check=True)

        message = DENIED[change].get(command)
        assert code == (CARRIED_OUT[command] if message is None else 2), (command, said)
        assert "Traceback" not in said, command
        assert said.count("error: ") == (message is not None), (command, said)
        assert (message or "") in said
        assert message is None or "  = help: " in said


def started(*more):
    """promo at work in a process of its own."""
    code = "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.Popen([sys.executable, "-c", code, "run", "trial.promo", "--quiet", *more])


def until(wanted, process):
    end = time.monotonic() + 60
    while not wanted():
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.1)


def test_results_are_taken_in_while_promo_trains_and_an_interrupt_leaves_alone_who_trains_outside(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    fast_outside = KEEPS.replace("if a.resume is None", "if '/sent/' not in os.getcwd()")
    assert fast_outside != KEEPS
    text = keeping("0.1", 60, fast_outside).replace("host box", f"{LAB}\n\nhost box")
    Path("trial.promo").write_text(text.replace("on       box", "on box, lab"), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet", "--host", "lab") == 8
    assert promo("ask", "trial.promo", "--out", "sent") == 0
    attended(S1)
    study, process = StudyFolder(FOLDER), started()

    def endings():
        return {one.folder: one.ending for one in study.state().every_attempt()}

    until(lambda: len(endings()) == 4, process)
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    until(lambda: endings()[S1] == "ok", process)
    process.send_signal(signal.SIGINT)

    assert process.wait() == 130
    assert endings() == {
        S1: "ok",
        GOOD: "running",
        "runs/short/base-box-s1/attempt-1": "lost",
        "runs/short/good-box-s1/attempt-1": "lost",
    }


KEPT = "runs/short/base-box-s1/attempt-1"


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "folder"])
def test_a_state_that_is_no_file_is_one_that_did_not_come(tmp_path, monkeypatch, capsys, kind):
    monkeypatch.chdir(tmp_path)
    run(keeping().replace("  slots   2\n", "  slots   2\n  executor outside\n"), code=8)
    assert promo("ask", "trial.promo", "--out", "sent") == 0
    attended(KEPT)
    (state,) = (Path("sent") / KEPT).glob("checkpoint-*.state")
    no_file(kind, state, state.read_bytes())

    assert "no state that its checkpoint.json names came with it whole" in refused(capsys, "sent")


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ("checkpoint.json", "the checkpoint.json that it was written with did not come with it"),
        ("checkpoint-*.state", "no state that its checkpoint.json names came with it whole"),
    ],
)
def test_a_result_without_the_state_that_it_kept_is_refused_and_a_later_stage_begins_from_one(
    tmp_path, monkeypatch, capsys, lost, words
):
    monkeypatch.chdir(tmp_path)
    text = keeping().replace("  slots   2\n", "  slots   2\n  executor outside\n")
    run(text, code=8)
    assert promo("ask", "trial.promo", "--out", "sent") == 0
    attended(KEPT)
    attended(KEPT.replace("base", "good"))
    (state,) = (Path("sent") / KEPT).glob(lost)
    whole = state.read_bytes()
    for content in (None, b"torn"):
        state.unlink() if content is None else state.write_bytes(content)
        assert f"is not a result for {KEPT}: {words}" in refused(capsys, "sent")
    state.write_bytes(whole)
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    assert promo("run", "trial.promo", "--quiet") == 8
    shutil.rmtree("sent")
    assert promo("ask", "trial.promo", "--out", "sent") == 0
    for name in ("base", "good"):
        attended(KEPT.replace("base", name).replace("short", "longer"))
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    assert promo("run", "trial.promo", "--quiet") == 0

    assert {one.ending for one in StudyFolder(FOLDER).state().every_attempt()} == {"ok"}
    assert (promo("verify", "trial.promo"), rechecked(FOLDER).returncode) == (3, 3)


def test_after_its_stage_has_closed_nothing_is_taken_in_and_each_case_is_one_message(tmp_path, monkeypatch, capsys):
    """Of a study that goes on with its next stage: the same again, another result, one given up, a table."""
    monkeypatch.chdir(tmp_path)
    run(keeping().replace("  slots   2\n", "  slots   2\n  executor outside\n"), code=8)
    assert promo("ask", "trial.promo", "--out", "sent") == 0
    late, other = KEPT, KEPT.replace("base", "good")
    attended(late)
    attended(other)
    shutil.copytree("sent", "late")
    assert promo("accept", "trial.promo", "--lost", late, "--by", "Lab B") == 0
    assert promo("run", "trial.promo", "--quiet") == 8
    assert promo("ask", "trial.promo", "--out", "again") == 0
    attended(late.replace("attempt-1", "attempt-2"), "again")
    assert promo("accept", "trial.promo", "again", f"sent/{other}", "--by", "Lab B") == 0
    assert promo("run", "trial.promo", "--quiet") == 8
    assert set(StudyFolder(FOLDER).state().closed) == {"short"}
    events = len(StudyFolder(FOLDER).chain().events)

    steps = table("base,1,20,1", "base,1,40,1", header="config,seed,step,loss")
    assert f"late/{late}/result.json came too late: {late} had been given up" in refused(capsys, "late")
    assert f"{late} is not requested from outside" in refused(capsys, "--lost", late, code=2)
    assert f"{other} is not requested from outside" in refused(capsys, "--lost", other, code=2)
    assert "theirs.csv has no requested run that" in refused(capsys, steps)
    before = everything()
    assert promo("accept", "trial.promo", f"sent/{other}", "--by", "Lab B") == 0
    assert "0 answers imported; 1 were here already\nnothing is new\n" in capsys.readouterr().out
    rewritten(other, metrics={"loss": "0.5"})
    assert f"gives {other} another result than the one from" in refused(capsys, f"sent/{other}")
    assert everything() == before
    assert len(StudyFolder(FOLDER).chain().events) == events


# --- the executor ----------------------------------------------------------------------------------------------------


def test_stopping_leaves_alone_who_trains_outside(study):
    executor = OutsideExecutor()
    handle = executor.find((FOLDER / S1).resolve(), None, ())
    assert executor.look([handle])[0].value == "unknown"
    executor.cancel([handle])  # the study has stopped for good

    assert read_outside(DISK, FOLDER / S1).is_lost
    assert (FOLDER / S1 / OUTSIDE).exists()


# --- what would count twice, or take longer than anything may --------------------------------------------------------


FAR = LAB.replace("host lab", "host far")
"""A second system of somebody else's, with the same device."""


@pytest.fixture
def two_systems(tmp_path, monkeypatch):
    """A study of two hosts, both trained outside."""
    monkeypatch.chdir(tmp_path)
    run(MIXED.replace(LAB, f"{LAB}\n\n{FAR}").replace("on box, lab", "on box, lab, far") + "\n", code=8)
    return StudyFolder(FOLDER)


def of_hosts(*hosts, names=("base", "good")):
    return [
        f"{name},{host},{seed},{at},{3 - at}" for host in hosts for name in names for seed in (1, 2) for at in (0.5, 1)
    ]


BY_HOST = "config,host,seed,seconds,loss"


def test_a_recorded_run_counts_for_one_host_alone(two_systems, capsys):
    """Without a column of hosts, or with one of devices, each run would be evidence of both."""
    bare = [row.replace(",x,", ",") for row in of_hosts("x")]

    assert "has one recorded run for both" in refused(capsys, table(*bare))
    assert "has one recorded run for both" in refused(capsys, table(*of_hosts("cpu"), header=BY_HOST))
    both = table(*of_hosts("one"), header=BY_HOST)
    assert "has one recorded run for both" in refused(capsys, both, "--map", "lab=one", "--map", "far=one")
    told = promo("accept", "trial.promo", both, "--map", "lab=one", "--by", "C")
    assert told == 0
    assert promo("accept", "trial.promo", table(*of_hosts("far"), header=BY_HOST), "--by", "D") == 0
    assert promo("run", "trial.promo", "--quiet") == 0

    assert promo("verify", "trial.promo") == 3


def test_each_system_sends_a_table_of_its_own(two_systems):
    for host in ("far", "lab"):
        assert promo("accept", "trial.promo", table(*of_hosts(host), header=BY_HOST), "--by", host) == 0
    assert promo("run", "trial.promo", "--quiet") == 0

    assert promo("verify", "trial.promo") == 3
    assert rechecked(FOLDER).returncode == 3


def test_a_run_that_failed_is_not_read_again_as_its_own_repetition(study, capsys):
    rows = ["good,1,0.5,2.5,ok", "good,1,0.8,,oom"]
    words = ("trial.promo", table(*rows, header="config,seed,seconds,loss,status"), "--column", "status=status")
    assert promo("accept", *words, "--by", "C") == 0
    assert promo("run", "trial.promo", "--quiet") == 8
    message = refused(capsys, *words[1:])

    assert f"run 'good/1' is the one that {GOOD} was" in message
    more = [*(f"{row},1" for row in rows), "good,1,0.5,2.5,ok,2", "good,1,1,2,ok,2"]
    again = table(*more, header="config,seed,seconds,loss,status,attempt")
    assert promo("accept", "trial.promo", again, *words[2:], "--by", "C") == 0
    assert promo("run", "trial.promo", "--quiet") == 8
    assert [one.ending for one in study.state().every_attempt() if "good-lab-s1" in one.folder] == ["oom", "ok"]


@pytest.mark.parametrize("status", ["ok", "crash"])
def test_an_attempt_that_took_longer_than_any_may_is_refused(study, capsys, status):
    """The bound of the study, and what it may cost, rest on that."""
    metrics = {} if status == "crash" else body_of(S1)["metrics"]
    rewritten(S1, seconds={"total": "312", "train": "1"}, status=status, metrics=metrics)
    words = f"{S1}: it took 5 min 12 s, and an attempt is ended after 5 min 1 s"
    assert words in refused(capsys, f"sent/{S1}")
    rewritten(S1, seconds={"total": "311", "train": "1"}, status=status, metrics=metrics)
    (Path("sent") / S1 / "exit.json").write_bytes(b'{"reason":"itself","returncode":0,"seconds":"312"}')
    assert words in refused(capsys, f"sent/{S1}")
    (Path("sent") / S1 / "exit.json").write_bytes(b'{"reason":"itself","returncode":0,"seconds":"311"}')

    assert promo("accept", "trial.promo", f"sent/{S1}", "--by", "C") == 0


@pytest.mark.parametrize(
    ("what", "words"), [({"steps": "-3"}, "between 0 and"), ({"tokens_per_s": "-1.0"}, "is no number from 0")]
)
def test_less_than_nothing_was_not_done(study, capsys, what, words):
    rewritten(S1, work={**body_of(S1)["work"], **what})

    assert words in refused(capsys, f"sent/{S1}")


def test_one_who_takes_results_in_waits_for_another(study, monkeypatch, capsys):
    """Both write the same names; whoever comes second finds what is there."""
    monkeypatch.setattr("promo.run.locks.INTAKE_S", 0.2)
    with lock_intake(FOLDER):
        assert "another promo accept takes results into" in refused(capsys, "sent", code=2)
    monkeypatch.setattr("promo.run.locks.INTAKE_S", 60.0)
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(FOLDER)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
        assert Path("let_go").exists()


HOLDS = """
import pathlib, sys, time
from promo.run.locks import lock_intake
with lock_intake(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(0.5)
    pathlib.Path("let_go").touch()
"""
