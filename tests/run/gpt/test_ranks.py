"""Two processes that train one model together: the same run as one process with the same total batch."""

import io
import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

pytest.importorskip("torch")

from made import gpt_request, text_folder
from promo.base.canonical import canonical, parse_json
from promo.base.classes import evolve
from promo.base.codec import from_json, to_json
from promo.run.contract import Recorder
from promo.run.disk import DISK
from promo.run.runners.gpt.train import train
from promo.run.store import CHECKPOINT, POINTS, RESULT, checkpoint_of
from promo.run.values import Envelope, Keeping, Resumed, RunStatus
from promo.run.worker import main

FORKS = multiprocessing.get_context("forkserver")
"""Where first processes come from: it has imported torch once for all of them, and computed nothing."""
FORKS.set_forkserver_preload(["promo.run.runners.gpt.train", "promo.run.worker"])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        first = FORKS.Process()  # which starts the server, with this environment
        first.start()
        first.join()
    return text_folder(tmp_path_factory.mktemp("study"))


def attempt(study, name, request):
    folder = study / "runs" / "short" / f"{name}-box-s5" / "attempt-1"
    folder.mkdir(parents=True)
    (folder / "request.json").write_bytes(canonical(to_json(request)))
    return folder


def worker(folder):
    """The first process of a run; the others are its children."""
    process = FORKS.Process(target=main, args=(folder,))
    process.start()
    return process


def left_in(folder):
    return from_json(Envelope, parse_json((folder / RESULT).read_bytes())).body


def trained(study, name, request):
    folder = attempt(study, name, request)
    process = worker(folder)
    process.join(120)
    assert (folder / RESULT).exists(), process.exitcode
    body = left_in(folder)
    points = [json.loads(line) for line in (folder / POINTS).read_text().splitlines()]
    return body, points


ALONE = evolve(gpt_request("steps", 40), checkpoint=Keeping(at_end=False, every_s=0))
BOTH = evolve(ALONE, devices=2)


@pytest.fixture(scope="module")
def whole(study):
    """Two processes to their end, without a break."""
    return trained(study, "whole", BOTH)


def test_two_processes_train_as_one_with_the_same_total_batch(study, whole):
    same(trained(study, "whole-one", ALONE), whole)


def test_also_where_each_takes_its_rows_in_two_parts(study):
    request = gpt_request("tokens", 12 * 256, levels={"device_batch": 2, "depth": 2})
    same(trained(study, "rows-one", request), trained(study, "rows-two", evolve(request, devices=2)))


def same(one, two):
    """What one process and two came to, with their points."""
    (alone, alone_points), (both, both_points) = one, two

    assert alone.status is both.status is RunStatus.OK, both.cause
    assert both.details["processes"] == 2
    assert (alone.work.steps, alone.work.tokens, alone.work.flops) == (
        both.work.steps,
        both.work.tokens,
        both.work.flops,
    )
    assert float(both.metrics["val_bpb"]) == pytest.approx(float(alone.metrics["val_bpb"]), rel=1e-5)
    assert [one.keys() for one in alone_points] == [one.keys() for one in both_points]
    for one, two in zip(alone_points, both_points, strict=True):
        for metric in one["metrics"]:
            assert float(two["metrics"][metric]) == pytest.approx(float(one["metrics"][metric]), rel=1e-5)


def test_processor_seconds_are_those_of_both(study):
    both, _ = trained(study, "cpu", evolve(gpt_request("cpu", 1), devices=2))

    assert both.status is RunStatus.OK, both.cause
    assert both.details["cpu_s"] == f"{float(both.used.used):.6f}"
    assert float(both.used.used) == pytest.approx(1, abs=2 * float(both.used.last_step) + 0.1)


def test_a_run_goes_on_from_the_state_that_two_processes_kept(study, whole):
    folder = attempt(study, "broken", BOTH)
    process = worker(folder)
    wait_for(lambda: (folder / CHECKPOINT).exists() and _points(folder).count("\n") > 5)
    children = psutil.Process(process.pid).children()
    for one in (process, *children):
        one.kill()
    process.join()
    assert not (folder / RESULT).exists()

    state = checkpoint_of(DISK, folder)
    again, _ = trained(study, "again", evolve(BOTH, resume=Resumed(str(folder.relative_to(study)), state)))

    assert again.status is RunStatus.OK, again.cause
    assert again.metrics == whole[0].metrics
    assert "resume_rejected" not in again.details
    assert again.work.steps == 40


def test_a_total_batch_that_is_not_shared_evenly_is_no_fault_of_the_machine(study):
    request = evolve(gpt_request("steps", 4), devices=3)
    outcome = train(request, Recorder(io.StringIO(), time.monotonic(), study, study))

    assert outcome.status is RunStatus.INVALID
    assert outcome.cause == "steps of 8 rows are not shared evenly by 3 devices"


@pytest.mark.parametrize("which", ["another", "first"])
def test_one_dead_process_ends_the_attempt_and_leaves_nobody(study, which):
    folder = attempt(study, f"dies-{which}", evolve(gpt_request("wall", 60), devices=2))
    process = worker(folder)
    try:
        wait_for(lambda: "charged_s" in _points(folder))
        (other,) = psutil.Process(process.pid).children()
        victim = other.pid if which == "another" else process.pid
        os.kill(victim, signal.SIGKILL)
        process.join(30)
        _, alive = psutil.wait_procs([other], 30)
    finally:
        process.kill()

    assert not alive
    if which == "another":
        body = left_in(folder)
        assert body.status is RunStatus.KILLED
        assert body.cause == "process 1 of the run was ended by signal 9"
        said = [one["charged_s"] for one in map(json.loads, _points(folder).splitlines()) if "charged_s" in one]
        assert float(body.seconds["train"]) == pytest.approx(float(said[-1]), abs=1e-6) != 0  # what it trained is paid


def wait_for(condition, patience_s=60.0):
    until = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.02)


def _points(folder: Path) -> str:
    path = folder / POINTS
    return path.read_text() if path.exists() else ""
