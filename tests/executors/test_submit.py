"""Any launcher with three commands, as a fake cluster plays it: the same faults come to the same ends."""

import pytest

import made
from clusters import attempts, endings, process, ran, request, sound, state, write_study
from promo.run.disk import DISK
from promo.run.environment import worker_environment
from promo.run.executors.submit import SubmitExecutor, _text
from promo.run.locks import has_begun
from promo.run.store import read_exit, write_request
from promo.run.values import AttemptSpec
from promo.study.values import BudgetKind

SITE = {
    "submit": '"site-submit {name} {folder} {attend}"',
    "number": '"^(?P<number>[0-9]+)"',
    "row": '"(?P<number>[0-9]+)[|](?P<name>[^|]+)[|](?P<state>.*)"',
    "queued": '"PENDING"',
    "running": '"RUNNING"',
    "preempted": '"PREEMPTED"',
    "node": '"NODE_FAIL"',
    "doubt": '"timed out"',
    "cancel": '"site-cancel {number}"',
    "grace": "2s",
}
ALL, EACH = '"site-jobs"', '"site-jobs {number}"'


@pytest.mark.parametrize("poll", [ALL, pytest.param(EACH, marks=pytest.mark.slow)])
def test_a_study_goes_through_the_launcher_of_a_site(cluster, place, poll):
    study = write_study(place, "submit", poll=poll, **SITE)
    cluster.plan(doubt=3, delay_s=0.5)
    ran(place)

    assert sound(study)
    assert [one.ending for one in state(study).every_attempt()] == ["ok"] * 4
    assert len(set(cluster.names())) == len(cluster.names()) == 4


@pytest.mark.parametrize("at_once", [1, 2])
def test_one_number_for_two_jobs_is_told_and_nothing_is_concluded_of_either(cluster, place, tmp_path, at_once):
    tool = tmp_path / "tools" / "odd-submit"
    tool.write_text('#!/bin/sh\nsite-submit "$@" >/dev/null && echo 5\n', encoding="utf-8")
    tool.chmod(0o755)
    odd = {**SITE, "submit": SITE["submit"].replace("site-submit", "odd-submit"), "variables": '"SLURM_CONF"'}
    study = write_study(place, "submit", poll=ALL, slots=2, pause=6, **odd)
    cluster.plan(slots=at_once)
    said = ran(place, ends=2)
    assert said.count("error: ") == 1
    assert "option number finds '5' in the answers for two jobs, those of " in said
    tool.write_text('#!/bin/sh\nexec site-submit "$@"\n', encoding="utf-8")
    ran(place)

    assert sound(study)
    assert {(one.loss.value, one.device_s) for one in state(study).every_attempt() if one.loss} == {("gone", "0")}


def test_a_launcher_that_colours_what_it_prints_is_read_all_the_same():
    """As some do whether or not a terminal is there; a pattern that fits no row would have every job given up."""
    coloured = b"\x1b[1;32m17\x1b[0m|promo-1-0|\x1b[38;5;2mRUNNING\x1b(B\x1b[m\x1b[K\n"

    assert _text(coloured) == "17|promo-1-0|RUNNING\n"


def test_a_job_whose_row_has_no_name_is_found_by_its_folder_by_the_promo_after_the_one_that_was_killed(cluster, place):
    """As with Grid Engine, whose rows have a number and too short a name."""
    words = {**SITE, "row": '"(?P<number>[0-9]+)[|][^|]+[|](?P<state>.*)"', "grace": "1s"}
    study = write_study(place, "submit", poll=ALL, pause=8, slots=3, **words)
    cluster.plan(slots=3)
    first = process("run", "trial.promo", folder=place)
    cluster.until((study / "runs/short/good-node-s1/attempt-1/checkpoint.json").exists)
    first.kill()
    first.communicate()
    ran(place)

    assert sound(study)
    assert endings(study) == ["ok"]


def test_the_devices_in_its_words_are_those_of_the_stage(cluster, place):
    words = {**SITE, "submit": SITE["submit"].replace("{name}", "--ntasks-per-node={devices} {name}")}
    study = write_study(place, "submit", poll=ALL, later="  devices  2\n", **words)
    cluster.plan()
    ran(place)

    assert sound(study)
    assert [words[-1] for words in cluster.submitted()] == [*["--ntasks-per-node=1"] * 3, "--ntasks-per-node=2"]
    (last,) = state(study).every_attempt("long")
    assert request(study, last)["devices"] == 2


@pytest.mark.slow
def test_what_it_loses_is_tried_again_and_what_it_ends_is_resumed(cluster, place):
    study = write_study(place, "submit", poll=ALL, pause=60, slots=3, **SITE)
    cluster.plan(kill_after_s=1, kept="checkpoint.json", only=3, slots=3, state="PREEMPTED", asks=True)
    ran(place)

    assert sound(study)
    assert endings(study) == ["preempted", "ok"]
    first, second = attempts(study)
    assert request(study, second)["resume"]["folder"] == first.folder


def test_a_refusal_and_a_command_that_is_not_there_are_said(cluster, place):
    study = write_study(place, "submit", poll=ALL, **SITE)
    cluster.plan(refuse="no such project")
    assert "no such project" in ran(place, ends=2)
    cluster.plan()
    ran(place)
    assert sound(study)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('site-submit "$@" >/dev/null', ""),
        pytest.param('site-submit "$@"; printf "\\377\\376caf\\351\\n"', "", marks=pytest.mark.slow),
        ('site-submit "$@"; exit 3', "'odd-submit' ends with status 3: 1"),
        pytest.param("exit 4", "'odd-submit' ends with status 4, and says nothing", marks=pytest.mark.slow),
    ],
    ids=["no number", "no UTF-8", "taken, and a failure", "nothing"],
)
def test_a_launcher_that_answers_oddly_loses_nothing_and_is_told_of_in_one_message(
    cluster, place, tmp_path, script, words
):
    (tmp_path / "tools" / "odd-submit").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (tmp_path / "tools" / "odd-submit").chmod(0o755)
    odd = {**SITE, "submit": SITE["submit"].replace("site-submit", "odd-submit"), "variables": '"SLURM_CONF"'}
    study = write_study(place, "submit", poll=ALL, **odd)
    said = ran(place, ends=2 if words else 0)
    assert words in said
    assert said.count("error: ") == bool(words)
    (tmp_path / "tools" / "odd-submit").write_text('#!/bin/sh\nexec site-submit "$@"\n', encoding="utf-8")
    ran(place)

    assert sound(study)
    assert {one.device_s for one in state(study).every_attempt() if one.loss} <= {"0"}


def test_a_command_that_is_not_there_is_named(cluster, place):
    write_study(place, "submit", poll=ALL, **{**SITE, "submit": '"nowhere-submit {attend}"'})

    assert "'nowhere-submit' cannot be started" in ran(place, ends=2)


@pytest.mark.parametrize("poll", ["site-jobs", "site-jobs {number}"])
def test_a_job_for_which_a_launcher_does_not_answer_has_not_ended(cluster, tmp_path, poll):
    cluster.plan()
    executor = SubmitExecutor()
    write_request(
        DISK, tmp_path, made.request(trainer="promo.run.tried:train", budget=made.budget(BudgetKind.WALL, 60))
    )
    options = {name: value.strip('"') for name, value in SITE.items() if name != "grace"} | {"poll": poll}
    environment = worker_environment({}, threads=1, cuda_device=None)
    spec = AttemptSpec(tmp_path, environment, 60, "promo.run.tried:train", job="promo-1-0", options=(*options.items(),))
    handle = executor.start(spec)
    cluster.until(lambda: has_begun(tmp_path))
    (cluster.folder / "down").touch()
    silent = executor.cancel([handle])
    (cluster.folder / "down").unlink()

    assert silent == [handle]
    assert executor.cancel([handle]) == []
    cluster.until(lambda: read_exit(DISK, tmp_path) is not None)


@pytest.mark.parametrize(("named", "seen"), [({"variables": "SITE_ROOT,SITE_CELL"}, "17"), ({}, None)])
def test_its_commands_see_of_promo_s_environment_what_the_host_names(tmp_path, monkeypatch, named, seen):
    monkeypatch.setenv("SITE_ROOT", "17")
    write_request(DISK, tmp_path, made.request())
    given = {"submit": "printenv SITE_ROOT", "number": "(?P<number>[0-9]+)", "doubt": "", **named}
    spec = AttemptSpec(tmp_path, {}, 60, "promo.run.tried:train", options=tuple(sorted(given.items())))

    assert SubmitExecutor().submit(spec, "promo-1") == seen
