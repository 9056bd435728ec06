"""Slurm, as a fake cluster plays it: what of a queue is Slurm's own.  What goes wrong in any is in `test_faults.py`."""

import json
import os
from fractions import Fraction
from pathlib import Path

import pytest

from clusters import command, endings, process, ran, request, sound, state, write_study
from promo.base.errors import PromoError
from promo.driver.shared import share
from promo.ledger.losses import Loss
from promo.run.executors.slurm import _sbatch, gpus_of
from promo.run.mounts import mount_of
from support import rechecked


def test_it_keeps_to_the_port(cluster, place):
    cluster.plan(slots=2)
    code, said = command("executor", "slurm", "--try", folder=place)

    assert code == 0, said
    assert said.rstrip().endswith("all conformance checks passed")
    assert [len(words) for words in map(arrays_of, cluster.submitted())] == [2, 2, 1, 1]


def arrays_of(words):
    """Places of an array that was submitted; one that is alone has none."""
    found = [word.partition("=")[2].split(",") for word in words if word.startswith("--array=")]
    return found[0] if found else [""]


def test_what_a_host_block_says_becomes_words_of_sbatch(cluster, place):
    write_study(place, "slurm", partition='"short"', time="90s", memory='"2G"', gres='"gpu:1"', grace="2min")
    ran(place)

    for words in cluster.submitted():
        assert {"--partition=short", "--time=2", "--mem=2G", "--gres=gpu:1", "--cpus-per-task=1"} <= set(words)
        assert {"--parsable", "--no-requeue", "--nodes=1", "--ntasks-per-node=1", "--export=ALL"} <= set(words)
        assert not any(word.startswith("--grace") for word in words)


def test_an_image_and_what_it_sees_are_words_of_sbatch_and_are_sealed_where_they_may_move_a_score(cluster, place):
    image = {"image": '"nvcr.io#nvidia/pytorch:25.01-py3"', "mounts": '"/scratch:/scratch,/venv:/venv:ro"'}
    write_study(place, "slurm", nodes='"n[1-4]"', constraint='"h100&ib"', exclude='"n[7-9],n12"', **image)
    ran(place)
    for words in cluster.submitted():
        assert {"--container-image=nvcr.io#nvidia/pytorch:25.01-py3", "--nodelist=n[1-4]"} <= set(words)
        assert {"--container-mounts=/scratch:/scratch,/venv:/venv:ro", "--constraint=h100&ib"} <= set(words)
        assert "--exclude=n[7-9],n12" in words
    said = (place / "trial.promo").read_text(encoding="utf-8")
    for old, new, changed in (("/venv:ro", "/venv", 0), ("25.01", "25.02", 1)):
        (place / "trial.promo").write_text(said.replace(old, new), encoding="utf-8")
        assert command("check", "trial.promo", folder=place)[0] == changed


def test_what_a_site_prints_around_an_answer_changes_nothing(cluster, place):
    """A greeting, a line with a number in it, and bytes that are no UTF-8."""
    study = write_study(place, "slurm")
    cluster.plan(says="*** caf\xe9 | cluster | of 2026 ***\n\n7 days until maintenance\n17|")
    ran(place)

    assert sound(study)
    assert [one.ending for one in state(study).every_attempt()] == ["ok"] * 4
    last, words = max(job["number"] for job in cluster.jobs()), ["--job-name=one", "--chdir=/", "--output=/dev/null"]
    assert _sbatch(words, b"#!/bin/sh\n", {"PATH": os.environ["PATH"]}) == str(last + 1)


@pytest.mark.parametrize(
    ("says", "refuse", "code"),
    [
        ("sbatch: error: name an account, then try again: no connection to a project", "Unspecified error", 2),
        ("sbatch: error: no such account", "Socket timed out on send/recv operation", None),
        ("sbatch: error: Unable to contact slurm controller (connect failure)", "", None),
    ],
)
def test_slurm_s_own_line_says_whether_a_job_was_refused_and_not_what_a_site_says_before_it(
    cluster, tmp_path, says, refuse, code
):
    (tmp_path / "tools" / "sbatch").write_text(
        f"#!/bin/sh\necho '{says}' >&2\n"
        + (f"echo 'sbatch: error: Batch job submission failed: {refuse}' >&2\n" if refuse else "")
        + "exit 1\n"
    )
    environment = {"PATH": os.environ["PATH"]}
    if code is None:
        assert _sbatch([], b"", environment) is None
    else:
        with pytest.raises(PromoError, match="name an account") as found:
            _sbatch([], b"", environment)
        assert found.value.exit_code == code


def test_runs_lie_where_workers_see_them_and_the_ledger_where_locks_hold(cluster, place, tmp_path):
    study, shared = write_study(place, "slurm"), tmp_path / "scratch"
    shared.mkdir()
    code, said = command("run", "trial.promo", "--shared", shared, folder=place)
    assert code == 0, said

    assert sound(study)
    (root,) = shared.iterdir()
    there, here = (mount_of(one).kind for one in (root, study))
    lines = " ".join(command("status", study, folder=place)[1].split())
    assert f" attempts lie in {root} on {there}, the ledger on {here} " in lines
    assert f"{root} on {there}, the ledger on {here}: a file was made there by one alone, and another was whole" in said
    assert sorted(one.name for one in root.iterdir()) == ["data", "program", "runs"]
    assert (study / "runs").resolve() == root / "runs"
    assert not (root / "ledger.jsonl").exists()
    assert all(Path(job["chdir"]).is_relative_to(root) for job in cluster.jobs())
    (root / "runs" / "stray.txt").write_text("x", encoding="utf-8")
    assert "no event accounts for runs/stray.txt" in command("verify", study, folder=place)[1]


def test_runs_whose_shared_folder_is_gone_are_neither_lost_nor_begun_again(cluster, place, tmp_path):
    """Jobs may go on where nodes see it: nothing is concluded until it is there again, in its place or another."""
    study, shared, moved = write_study(place, "slurm", pause=2), tmp_path / "scratch", tmp_path / "elsewhere"
    shared.mkdir()
    promo = process("run", "trial.promo", "--shared", shared, folder=place)
    cluster.until(lambda: len(list(study.glob("runs/*/*/*/claim"))) == 2)
    promo.kill()
    promo.communicate()
    (root,) = shared.iterdir()
    cluster.until(lambda: len(list(root.glob("runs/*/*/*/exit.json"))) == 2)
    ledger = study / "ledger.jsonl"
    before = ledger.read_bytes()
    shared.rename(moved)
    code, said = command("run", "trial.promo", folder=place)
    status = " ".join(command("status", study, folder=place)[1].split())
    _, verified = command("verify", study, folder=place)
    checked = rechecked(study)

    assert (code, ledger.read_bytes()) == (2, before)
    assert f"are shared with workers in {root}, and 'runs' is not there" in " ".join(said.split())
    assert f"attempts lay in {root}, which is not there; the ledger lies on " in status
    assert "INCOMPLETE" in verified
    assert "INCOMPLETE" in checked.stdout
    for name in ("runs", "data", "program"):
        (study / name).unlink()
        (study / name).symlink_to(moved / root.name / name)
    code, said = command("run", "trial.promo", folder=place)
    assert code == 0, said
    assert b'"attempt.lost"' not in ledger.read_bytes()
    assert sound(study)


def test_a_folder_whose_name_is_empty_is_refused(cluster, place):
    """As `--shared "$SCRATCH"` is where no such variable is set."""
    write_study(place, "slurm")

    for option in ("--shared", "--study"):
        with pytest.raises(SystemExit) as found:
            command("run", "trial.promo", option, "", folder=place)
        assert found.value.code == 2
    assert not cluster.jobs()


def test_attempts_that_wait_are_not_called_running(cluster, place):
    study = write_study(place, "slurm", pause=600)
    cluster.plan(slots=1)
    promo = process("run", "trial.promo", folder=place)
    cluster.until(lambda: len(list(study.glob("runs/*/*/*/claim"))) == 1 and len(cluster.jobs()) == 2)
    said = command("status", study, folder=place)[1].splitlines()
    command("stop", study, folder=place)
    promo.communicate(timeout=60)

    assert sorted(line.split(":")[0].strip() for line in said if "on node, seed 1" in line) == ["queued", "running"]


@pytest.mark.parametrize(
    ("lax", "words"), [("open", "two can make the same file"), ("replace", "is not whole after a rename")]
)
def test_a_shared_folder_that_cannot_hold_attempts_is_refused(cluster, place, tmp_path, monkeypatch, lax, words):
    """A file system of such a kind is played by the system's own calls."""
    study, made = write_study(place, "slurm"), os.open
    if lax == "open":
        monkeypatch.setattr(os, "open", lambda path, flags, *mode, **k: made(path, flags & ~os.O_EXCL, *mode, **k))
    else:
        monkeypatch.setattr(Path, "replace", lambda source, target: None)
    (tmp_path / "scratch").mkdir()
    code, said = command("run", "trial.promo", "--shared", tmp_path / "scratch" / "not" / "yet", folder=place)
    monkeypatch.undo()

    assert code == 2
    assert words in said
    assert not list((tmp_path / "scratch").iterdir())
    assert [one.name for one in study.iterdir()] == ["lock"]


@pytest.mark.parametrize("fails_at", ["mkdir", "symlink_to"])
def test_a_shared_folder_that_is_refused_halfway_is_left_as_it_was(place, tmp_path, monkeypatch, fails_at):
    study, done, effect = write_study(place, "slurm"), [], getattr(Path, fails_at)

    def full(path, *words, **named):
        if "scratch" in str((path, *words)) and len(done) >= 2:
            raise OSError(28, "No space left on device")
        effect(path, *words, **named)
        done.append(path)

    (tmp_path / "scratch").mkdir()
    study.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(Path, fails_at, full)
        with pytest.raises(PromoError, match="cannot hold the study's runs: No space left on device"):
            share(study, tmp_path / "scratch")

    assert len(done) >= 2
    assert not list((tmp_path / "scratch").iterdir())
    assert not list(study.iterdir())
    share(study, tmp_path / "scratch")
    assert {one.name for one in study.iterdir()} == {"runs", "data", "program"}


@pytest.mark.slow
def test_one_question_is_asked_for_all_jobs(cluster, place):
    write_study(place, "slurm", slots=3)
    cluster.plan(slots=3, delay_s=2)
    ran(place)

    assert len((cluster.folder / "asked").read_text()) < 20


def test_a_refused_job_stops_the_study_with_what_slurm_says_and_it_goes_on_later(cluster, place):
    study = write_study(place, "slurm")
    cluster.plan(refuse="Invalid account or account/partition combination specified")
    said = ran(place, ends=2)
    assert "Slurm refuses the job" in said
    assert "Invalid account" in said

    cluster.plan()
    ran(place)
    assert sound(study)


@pytest.mark.slow
def test_a_second_copy_of_a_job_touches_nothing(cluster, place):
    study = write_study(place, "slurm", pause=1)
    cluster.plan(twice=1)
    ran(place)

    assert sound(study)
    assert endings(study) == ["ok"]


def test_a_run_of_several_devices_has_a_process_for_each_on_each_of_its_nodes(cluster, place):
    nodes = 2
    study = write_study(place, "slurm", slots=1, wide=f"  devices  2\n  nodes    {nodes}\n  price    36usd\n")
    cluster.plan(slots=1)
    ran(place)

    assert sound(study)
    words = {f"--nodes={nodes}", "--ntasks-per-node=2", "--cpus-per-task=1"}
    assert all(words <= set(one) for one in cluster.submitted())
    for one in state(study).every_attempt():
        met = {path.name for path in (study / one.folder / "program").glob("node-*")}
        assert met == {f"node-{node}-{device}-of-{2 * nodes}" for node in range(nodes) for device in range(2)}
    code, said = command("status", study, "--json", folder=place)
    assert code == 0, said
    money = json.loads(said)["money"]
    seconds = sum(Fraction(one.device_s) for one in state(study).every_attempt())
    assert Fraction(money["spent"]) == seconds * 2 * nodes * 36 / 3600


def first_ending(cluster, place, **wrong):
    """How the first attempt of a study of two nodes ended, and how many there were of its run."""
    study = write_study(place, "slurm", slots=1, wide="  nodes    2\n")
    cluster.plan(slots=1, **wrong)
    ran(place)
    first, *_ = state(study).every_attempt()
    log = (study / first.folder / "log.txt").read_text(encoding="utf-8")
    return first.loss, first.ending, len(state(study).attempts[first.run]), log


def test_a_run_that_is_not_started_on_all_of_its_nodes_is_lost(cluster, place):
    loss, _, attempts, log = first_ending(cluster, place, unlaunched=1)

    assert loss is Loss.NODE
    assert attempts == 2
    assert "Task launch for StepId=1.0 failed on node n2" in log
    assert "could not be started on all of its nodes (srun ended with code 1)" in log


def test_a_run_whose_process_on_another_node_dies_once_all_are_there_has_crashed(cluster, place):
    loss, ending, attempts, log = first_ending(cluster, place, broken=1)

    assert loss is None
    assert ending in ("crash", "killed")
    assert attempts == 1
    assert "could not be started on all of its nodes" not in log


def test_a_device_s_process_asks_for_gpus_by_their_number(cluster, place):
    """The job is refused here, for no node has one; the words of it are what counts."""
    study = write_study(place, "slurm", slots=1, wide="  devices  8\n  nodes    2\n")
    text = (place / "trial.promo").read_text(encoding="utf-8").replace('device   "cpu"', 'device   "H100"')
    (place / "trial.promo").write_text(text, encoding="utf-8")
    command("freeze", "trial.promo", "--again", folder=place)
    cluster.plan(refuse="Requested node configuration is not available")
    code, said = command("run", "trial.promo", folder=place)

    assert code == 2
    assert "Requested node configuration is not available" in said
    assert {"--nodes=2", "--ntasks-per-node=8", "--gres=gpu:8"} <= set(cluster.submitted()[0])
    assert study.exists()


@pytest.mark.parametrize(
    ("gres", "gpus"),
    [
        ("gpu", 1),
        ("gpu:4", 4),
        ("gpu:h100", 1),
        ("gpu:h100:4", 4),
        ("gpu:1g.10gb:3", 3),
        ("gres/gpu:2080ti=2", 2),
        ("gpu:a100:2,nvme:1,gpu:v100:1", 3),
        ("gpu:{devices}", None),
        ("gpu:h100:{devices},nvme:7", None),
        ("nvme:1", None),
    ],
)
def test_a_list_of_resources_tells_how_many_gpus_it_asks_for(gres, gpus):
    assert gpus_of(gres) == gpus


def test_a_number_of_gpus_is_of_each_node(cluster, place):
    write_study(place, "slurm", slots=1, wide="  devices  2\n  nodes    2\n", gpus=2)
    cluster.plan(refuse="Requested node configuration is not available")
    command("run", "trial.promo", folder=place)

    assert {"--nodes=2", "--gpus-per-node=2"} <= set(cluster.submitted()[0])


def test_a_kind_of_gpu_is_asked_for_as_often_as_a_run_has_devices(cluster, place):
    write_study(place, "slurm", slots=2, later="  devices  2\n", gres='"gpu:h100:{devices}"')
    ran(place)

    asked = [word for words in cluster.submitted() for word in words if word.startswith("--gres")]
    assert [*dict.fromkeys(asked)] == ["--gres=gpu:h100:1", "--gres=gpu:h100:2"]


def test_a_job_of_a_later_stage_asks_for_the_devices_of_that_stage(cluster, place):
    study = write_study(place, "slurm", slots=2, wide="  price    36usd\n", later="  devices  2\n")
    cluster.plan(slots=2)
    ran(place)

    assert sound(study)
    asked = [word for words in cluster.submitted() for word in words if word.startswith("--ntasks")]
    assert [*dict.fromkeys(asked)] == ["--ntasks-per-node=1", "--ntasks-per-node=2"]
    assert asked.count("--ntasks-per-node=2") == 1
    ended = list(state(study).every_attempt())
    assert [(one.stage, request(study, one).get("devices", 1)) for one in ended] == [*[("short", 1)] * 3, ("long", 2)]
    met = {path.name for path in (study / ended[-1].folder / "program").glob("node-*")}
    assert met == {"node-0-0-of-2", "node-0-1-of-2"}
    code, said = command("status", study, "--json", folder=place)
    assert code == 0, said
    spent = sum(Fraction(one.device_s) * (2 if one.stage == "long" else 1) for one in ended) * 36 / 3600
    assert Fraction(json.loads(said)["money"]["spent"]) == spent


@pytest.mark.slow
def test_a_node_where_a_job_could_not_begin_is_kept_from_those_that_wait_and_those_that_come(cluster, place):
    """Else it would take one after the other, for it is always free."""
    study = write_study(place, "slurm", pause=12, slots=3, grace="1s", exclude='"n9"')
    cluster.plan(bad="n1", slots=1)
    said = ran(place)

    assert sound(study)
    (lost,) = [one for one in state(study).every_attempt() if one.loss]
    assert lost.loss.value == "unbegun"
    assert "FAILED on n1" in said
    excluded = [word for words in cluster.submitted() for word in words if word.startswith("--exclude")]
    assert excluded == ["--exclude=n9", "--exclude=n9,n1", "--exclude=n9,n1"]
    assert [job["node"] for job in sorted(cluster.jobs(), key=lambda job: job["number"])] == ["n1", *["n2"] * 4]
