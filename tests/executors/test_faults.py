"""What goes wrong in a queue, on a pretended Slurm and a pretended Ray alike: what each fault comes to on record."""

import json
import time

import pytest

from clusters import attempts, command, endings, process, ran, request, sound, state, write_study
from promo.base.classes import frozen

ENGINES = {"slurm": "cluster", "ray": "ray_cluster"}
ENDS = {
    ("slurm", "preempted"): {"state": "PREEMPTED", "asks": True},
    ("slurm", "site limit"): {"state": "TIMEOUT", "asks": True},
    ("slurm", "called off"): {"state": "CANCELLED", "asks": True},
    ("slurm", "gone"): {"state": "PENDING", "asks": True},
    ("slurm", "node"): {"state": "NODE_FAIL"},
    ("slurm", "wordless"): {"state": "FAILED"},
    ("ray", "preempted"): {"state": "preempted"},
    ("ray", "node"): {"state": "node"},
    ("ray", "called off"): {"state": "killed"},
    ("ray", "gone"): {"state": "crashed"},
}
"""Engine and why an attempt is lost -> what its queue says then."""
SOON = {("slurm", "preempted"), ("ray", "node")}
BOTH = pytest.mark.parametrize("engine", ENGINES, indirect=True)
SLOW = pytest.mark.slow


@frozen
class Engine:
    name: str
    cluster: object
    place: object

    def study(self, **said):
        return write_study(self.place, self.name, **said)

    def process(self):
        return process("run", "trial.promo", folder=self.place)

    def ran(self, ends=0):
        return ran(self.place, ends)

    def running(self):
        return sum(job["state"] == "RUNNING" for job in self.cluster.jobs())


@pytest.fixture
def engine(request, place):
    return Engine(request.param, request.getfixturevalue(ENGINES[request.param]), place)


@BOTH
def test_a_study_goes_through_a_queue_and_the_wait_is_nobodys_device_time(engine):
    study = engine.study()
    engine.cluster.plan(slots=1, delay_s=1.1)
    engine.ran()

    assert sound(study)
    every = list(state(study).every_attempt())
    assert [one.ending for one in every] == ["ok"] * 4
    assert all(float(one.queued_s) > 1 for one in every)
    for one in every:
        said = json.loads((study / one.folder / "exit.json").read_text())["seconds"]
        assert float(one.device_s) == pytest.approx(float(said), abs=0.1)
    if engine.name == "ray":
        asked = (engine.cluster.folder / "asked").read_text()
        assert asked.count("start") == 4
        assert "list" in asked
        assert asked.count("get") == asked.count("kill")  # one call asks for all; who has not noticed its end is ended
    names = engine.cluster.names()
    assert len(set(names)) == len(names) == 4
    assert {one.job for one in every} == set(names)


@BOTH
def test_a_submission_that_answers_nothing_is_found_by_its_name_and_runs_once(engine):
    study = engine.study()
    engine.cluster.plan(doubt=2)
    engine.ran()

    assert sound(study)
    assert len(engine.cluster.names()) == 4
    assert endings(study) == ["ok"]


@BOTH
def test_a_job_that_vanishes_or_ends_before_it_has_begun_is_lost_and_another_attempt_is_made(engine):
    """Nobody begins either any more, so neither took any time of a device; and one bad node stops nothing."""
    study = engine.study(grace="2s")
    engine.cluster.plan(lose=2, blind=True, only=2)
    engine.ran()

    assert sound(study)
    lost = [one for one in state(study).every_attempt() if one.loss]
    assert sorted(one.loss.value for one in lost) == ["unbegun", "unknown"]
    assert all(one.device_s == "0" for one in lost)


@BOTH
def test_where_jobs_end_before_they_begin_promo_stops_before_their_attempts_are_used_up(engine):
    study = engine.study(grace="1s")
    engine.cluster.plan(blind=True)
    said = engine.ran(ends=2)
    lost = [one for one in state(study).every_attempt() if one.loss]
    assert {(one.loss.value, one.device_s) for one in lost} == {("unbegun", "0")}
    assert len(lost) == 4
    assert said.count("ended before it had begun: ") == 4
    assert {"slurm": "FAILED", "ray": "FileNotFoundError: supervisor.txt"}[engine.name] in said
    assert "4 jobs of host 'node' in a row ended before they had begun" in said

    engine.cluster.plan()
    engine.ran()
    assert sound(study)
    assert len([one for one in state(study).every_attempt() if one.loss]) == 4


@pytest.mark.parametrize(
    ("engine", "loss"),
    [pytest.param(*one, marks=() if one in SOON else SLOW) for one in ENDS],
    indirect=["engine"],
)
def test_what_a_queue_ends_is_lost_costs_what_it_used_and_is_resumed(engine, loss):
    study = engine.study(pause=60, slots=3, grace="2s")
    engine.cluster.plan(kill_after_s=1, kept="checkpoint.json", only=3, slots=3, **ENDS[engine.name, loss])
    engine.ran()

    assert sound(study)
    assert endings(study) == [loss, "ok"]
    first, second = attempts(study)
    assert 1 < float(first.device_s) < 20
    if engine.name == "ray":  # whose supervisor outlives its actor
        assert json.loads((study / first.folder / "exit.json").read_text())["reason"] == "cancelled"
    assert request(study, second)["resume"]["folder"] == first.folder
    assert not engine.cluster.alive()


@pytest.mark.parametrize("engine", ["slurm"], indirect=True)
def test_a_job_that_is_to_begin_anew_and_whose_supervisor_left_no_word_is_not_waited_for_without_end(engine):
    study = engine.study(pause=60, slots=3, grace="2s")
    engine.cluster.plan(kill_after_s=1, kept="checkpoint.json", only=3, slots=3, state="PENDING")
    engine.ran()

    assert sound(study)
    assert endings(study) == ["wordless", "ok"]
    assert not (study / attempts(study)[0].folder / "exit.json").exists()


@SLOW
@BOTH
def test_who_was_called_dead_and_finishes_late_is_recorded_and_never_counts(engine):
    study = engine.study(pause=8, slots=3, grace="1s")
    state_ = ENDS[engine.name, "node"]["state"]
    engine.cluster.plan(kill_after_s=1, kept="checkpoint.json", only=3, slots=3, state=state_, late=True)
    first = engine.process()
    engine.cluster.until(lambda: len(engine.cluster.jobs()) > 3)  # it was called lost, and is made again
    assert attempts(study)[0].loss
    first.kill()  # who comes later finds the result
    first.communicate()
    engine.cluster.until((study / attempts(study)[0].folder / "result.json").exists)
    engine.ran()

    assert endings(study) == ["node", "ok"]
    assert attempts(study)[0].late is not None
    assert sound(study)


@pytest.mark.parametrize("when", ["queued", pytest.param("running", marks=SLOW)])
@BOTH
def test_a_killed_promo_finds_its_jobs_again_and_submits_none_twice(engine, when):
    study = engine.study(pause=4 if when == "running" else 0)
    engine.cluster.plan(delay_s=600 if when == "queued" else 0)
    first, wanted = engine.process(), "PENDING" if when == "queued" else "RUNNING"
    engine.cluster.until(lambda: sum(job["state"] == wanted for job in engine.cluster.jobs()) >= 2)
    first.kill()
    first.communicate()
    engine.cluster.plan()
    engine.ran()

    assert sound(study)
    assert len(engine.cluster.names()) == 4
    assert [one.ending for one in state(study).every_attempt()] == ["ok"] * 4


@BOTH
def test_a_study_that_is_stopped_cancels_its_jobs_and_goes_on_later(engine):
    study = engine.study(pause=60, slots=3)
    engine.cluster.plan(slots=3)
    first = engine.process()
    engine.cluster.until(lambda: len(list(study.glob("runs/*/good*/*/checkpoint.json"))) == 1)
    assert command("stop", "trial.promo", folder=engine.place)[0] == 0
    first.communicate(timeout=60)

    assert not engine.cluster.alive()
    assert not {"PENDING", "RUNNING"} & {job["state"] for job in engine.cluster.jobs()}
    begun = [claim.parent for claim in study.glob("runs/*/*/*/claim") if claim.read_bytes() != b"given up"]
    assert begun
    assert all((folder / "exit.json").exists() for folder in begun)
    engine.ran()
    assert sound(study)
    assert "gone" in endings(study)


@BOTH
def test_what_cannot_be_cancelled_for_its_engine_is_silent_stays_under_way_and_is_taken_up(engine):
    """Else it would write behind the back of a ledger that calls it ended."""
    study = engine.study(pause=600, slots=3)
    engine.cluster.plan(slots=3)
    first = engine.process()
    engine.cluster.until(lambda: (study / "runs/short/good-node-s1/attempt-1/checkpoint.json").exists())
    engine.cluster.until(lambda: engine.running() == 1)  # the others have ended
    (engine.cluster.folder / "down").touch()
    code, stopped = command("stop", "trial.promo", folder=engine.place)
    said = first.communicate(timeout=60)[0]

    assert (code, first.returncode) == (0, 130), said
    (left,) = attempts(study)
    assert left.ending == "running"
    assert f"has not said that these jobs have ended; promo run takes them up: {left.job}" in stopped
    assert "have ended, so that they may go on: " + left.job in said
    assert engine.cluster.alive()
    (engine.cluster.folder / "down").unlink()
    again = engine.process()
    assert again.stdout.readline()  # it has the study, and takes up what is under way
    time.sleep(5)
    assert command("stop", "trial.promo", folder=engine.place)[0] == 0
    again.communicate(timeout=60)
    assert not engine.cluster.alive()
    engine.ran()
    assert sound(study)
    assert endings(study) == ["gone", "ok"]


@SLOW
@BOTH
def test_an_engine_that_does_not_answer_for_a_while_loses_nothing(engine):
    study = engine.study(pause=6, grace="1s", slots=3)
    engine.cluster.plan(slots=3)
    first = engine.process()
    engine.cluster.until(lambda: engine.running() == 3)
    (engine.cluster.folder / "down").touch()
    time.sleep(4)
    (engine.cluster.folder / "down").unlink()
    said = first.communicate(timeout=120)[0]

    assert first.returncode == 0, said
    assert sound(study)
    assert endings(study) == ["ok"]
