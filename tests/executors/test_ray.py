"""Ray, as a fake cluster plays it that loses, delays and kills: what each fault comes to in the ledger."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clusters import HERE, attempts, command, endings, process, ran, request, sound, state, write_study
from promo.base.errors import PromoError
from promo.ledger.losses import Loss
from promo.run.executors.ray import Cluster, connected, why


def test_a_study_goes_through_actors_and_the_wait_is_nobodys_device_time(ray_cluster, place):
    study = write_study(place, "ray")
    ray_cluster.plan(slots=1, delay_s=1.5)
    ran(place)

    assert sound(study)
    every = list(state(study).every_attempt())
    assert [one.ending for one in every] == ["ok"] * 4
    assert all(float(one.queued_s) > 1 for one in every)
    for one in every:
        said = json.loads((study / one.folder / "exit.json").read_text())["seconds"]
        assert float(one.device_s) == pytest.approx(float(said), abs=0.1)
    assert {one.job for one in every} == {asked["name"] for asked in ray_cluster.submitted()}
    assert len(ray_cluster.submitted()) == 4
    asked = (ray_cluster.folder / "asked").read_text()
    assert asked.count("start") == 4
    assert "list" in asked
    assert "get" not in asked  # one call asks for all, and none for one alone


@pytest.mark.slow
def test_what_a_host_block_says_becomes_what_an_actor_takes(ray_cluster, place):
    given = {"resources": '"h100=1,fast=0.5"', "labels": '"zone=a,ray.io/node=b"', "memory": '"2G"', "cpus": 3}
    write_study(place, "ray", gpus=2, **given)
    ran(place)

    wanted = {
        "num_cpus": 3,
        "num_gpus": 2,
        "resources": {"h100": 1.0, "fast": 0.5},
        "label_selector": {"zone": "a", "ray.io/node": "b"},
        "memory": 2 * 2**30,
    }
    assert [{**asked, "name": ""} for asked in ray_cluster.submitted()] == [{**wanted, "name": ""}] * 4


def test_an_actor_takes_a_gpu_for_each_device_and_its_run_sees_those_that_ray_gave(ray_cluster, place):
    """No GPU is here, so the run fails; what its worker was told is what counts."""
    study = write_study(place, "ray", slots=1, wide="  devices  2\n  threads  4\n")
    text = (place / "trial.promo").read_text(encoding="utf-8").replace('device   "cpu"', 'device   "H100"')
    (place / "trial.promo").write_text(text, encoding="utf-8")
    command("freeze", "trial.promo", "--again", folder=place)
    ray_cluster.plan(delay_s=600)
    promo = process("run", "trial.promo", folder=place)
    ray_cluster.until(lambda: (ray_cluster.folder / "submitted.jsonl").exists())
    promo.kill()
    promo.communicate()

    (asked,) = ray_cluster.submitted()
    assert (asked["num_cpus"], asked["num_gpus"]) == (8, 2)
    assert study.exists()


def test_an_actor_of_a_later_stage_takes_what_that_stage_gives_its_runs(ray_cluster, place):
    study = write_study(place, "ray", slots=2, later="  devices  2\n")
    ran(place)

    assert sound(study)
    assert [asked["num_cpus"] for asked in ray_cluster.submitted()] == [1, 1, 1, 2]
    (last,) = state(study).every_attempt("long")
    met = {path.name for path in (study / last.folder / "program").glob("node-*")}
    assert met == {"node-0-0-of-2", "node-0-1-of-2"}


def test_a_refusal_is_said_in_a_line_and_the_study_goes_on_later(ray_cluster, place):
    study = write_study(place, "ray")
    ray_cluster.plan(refuse="The resource name is reserved")
    assert "Ray refuses the actor: The resource name is reserved" in ran(place, ends=2)
    ray_cluster.plan(unlike="Version mismatch: the cluster was started with Ray: 2.52.0")
    assert "Version mismatch" in ran(place, ends=2)
    (ray_cluster.folder / "down").touch()
    assert "no Ray answers at this machine" in ran(place, ends=2)
    (ray_cluster.folder / "down").unlink()
    ray_cluster.plan()
    ran(place)

    assert sound(study)


@pytest.fixture
def some_ray(monkeypatch):
    """A Ray that is installed, whether one is or not."""
    monkeypatch.syspath_prepend(str(HERE / "fake_ray"))


@pytest.mark.usefixtures("some_ray")
def test_a_token_that_is_not_there_or_that_others_may_read_is_none(tmp_path):
    token = tmp_path / "token"
    with pytest.raises(PromoError, match="no token of Ray can be read"):
        connected(Cluster(None, "promo", token))
    token.touch(mode=0o644)
    token.chmod(0o644)
    with pytest.raises(PromoError, match="others may read the token") as refused:
        connected(Cluster(None, "promo", token))

    assert refused.value.hint == f"chmod 600 {token}"


@pytest.mark.usefixtures("some_ray")
def test_an_address_at_which_nobody_listens_is_told_at_once(tmp_path):
    """Ray's own client would wait for minutes."""
    (tmp_path / "token").touch(mode=0o600)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    began = time.monotonic()

    assert connected(Cluster(address, "promo", tmp_path / "token")) is None
    assert time.monotonic() - began < 30


def test_without_ray_there_is_one_line_that_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PromoError, match="executor ray needs Ray, which is not installed") as refused:
        connected(Cluster(None, "promo", tmp_path / "token"))

    assert refused.value.hint == "pip install 'promo-lang[ray]'"


def test_a_client_that_dies_in_the_middle_is_started_again_and_no_actor_runs_twice(ray_cluster, place):
    study = write_study(place, "ray")
    ray_cluster.plan(doubt=2)
    ran(place)

    assert sound(study)
    assert len(ray_cluster.submitted()) == 4
    assert endings(study) == ["ok"]


def test_an_actor_that_is_forgotten_is_lost_and_another_attempt_is_made(ray_cluster, place):
    study = write_study(place, "ray", grace="2s")
    ray_cluster.plan(lose=1, only=2)
    ran(place)

    assert sound(study)
    lost = [one for one in state(study).every_attempt() if one.loss]
    assert [one.loss.value for one in lost] == ["unknown", "unknown"]
    assert all(one.device_s is None for one in lost)


FAULTS = {"preempted": "preempted", "node": "node", "killed": "called off", "crashed": "gone"}


@pytest.mark.parametrize("said", [pytest.param(one, marks=() if one == "node" else pytest.mark.slow) for one in FAULTS])
def test_what_ray_ends_is_lost_costs_what_it_used_and_is_resumed(ray_cluster, place, said):
    study = write_study(place, "ray", pause=60, slots=3, grace="2s")
    ray_cluster.plan(kill_after_s=4, only=3, slots=3, state=said)
    ran(place)

    assert sound(study)
    assert endings(study) == [FAULTS[said], "ok"]
    first, second = attempts(study)
    assert 1 < float(first.device_s) < 30
    assert json.loads((study / first.folder / "exit.json").read_text())["reason"] == "cancelled"
    assert request(study, second)["resume"]["folder"] == first.folder
    assert not ray_cluster.alive()


@pytest.mark.slow
def test_who_was_called_dead_and_finishes_late_is_recorded_and_never_counts(ray_cluster, place):
    study = write_study(place, "ray", pause=8, slots=3, grace="1s")
    ray_cluster.plan(kill_after_s=2, only=3, slots=3, state="node", late=True)
    first = process("run", "trial.promo", folder=place)
    ray_cluster.until(lambda: attempts(study) and attempts(study)[0].loss)
    first.kill()  # who comes later finds the result
    first.communicate()
    ray_cluster.until((study / attempts(study)[0].folder / "result.json").exists)
    ran(place)

    assert endings(study) == ["node", "ok"]
    assert attempts(study)[0].late is not None
    assert sound(study)


@pytest.mark.parametrize("when", ["queued", pytest.param("running", marks=pytest.mark.slow)])
def test_a_killed_promo_finds_its_actors_again_and_starts_none_twice(ray_cluster, place, when):
    study = write_study(place, "ray", pause=4 if when == "running" else 0)
    ray_cluster.plan(delay_s=4 if when == "queued" else 0)
    first = process("run", "trial.promo", folder=place)
    wanted = "PENDING" if when == "queued" else "RUNNING"
    ray_cluster.until(lambda: sum(job["state"] == wanted for job in ray_cluster.jobs()) >= 2)
    first.kill()
    first.communicate()
    ran(place)

    assert sound(study)
    assert len(ray_cluster.submitted()) == 4
    assert [one.ending for one in state(study).every_attempt()] == ["ok"] * 4


def test_a_study_that_is_stopped_kills_its_actors_and_goes_on_later(ray_cluster, place):
    study = write_study(place, "ray", pause=60, slots=3)
    ray_cluster.plan(slots=2)
    first = process("run", "trial.promo", folder=place)
    ray_cluster.until(lambda: len(list(study.glob("runs/*/good*/*/checkpoint.json"))) == 1)
    assert command("stop", "trial.promo", folder=place)[0] == 0
    first.communicate(timeout=60)

    assert not ray_cluster.alive()
    assert all(job["state"] == "DEAD" for job in ray_cluster.jobs())
    begun = [claim.parent for claim in study.glob("runs/*/*/*/claim") if claim.read_bytes() != b"given up"]
    assert all((folder / "exit.json").exists() for folder in begun)
    ran(place)
    assert sound(study)
    assert "gone" in endings(study)


@pytest.mark.slow
def test_a_head_that_does_not_answer_for_a_while_loses_nothing(ray_cluster, place):
    study = write_study(place, "ray", pause=6, grace="1s", slots=3)
    ray_cluster.plan(slots=3)
    first = process("run", "trial.promo", folder=place)
    ray_cluster.until(lambda: sum(job["state"] == "RUNNING" for job in ray_cluster.jobs()) == 3)
    (ray_cluster.folder / "down").touch()
    time.sleep(4)
    (ray_cluster.folder / "down").unlink()
    said = first.communicate(timeout=120)[0]

    assert first.returncode == 0, said
    assert sound(study)
    assert endings(study) == ["ok"]


@pytest.mark.parametrize(
    ("said", "loss"),
    [
        ((True, "The actor is dead because its node has died."), Loss.PREEMPTED),
        ((False, "The actor is dead because its node has died. Node Id: 7f"), Loss.NODE),
        ((False, "The actor is dead because it was killed by `ray.kill`."), Loss.CALLED_OFF),
        ((False, "The actor is dead because its worker process has died. exit_actor() is called."), None),
    ],
)
def test_why_an_attempt_is_lost_is_read_from_what_ray_says_of_its_actor(said, loss):
    assert why(*said) is loss


def test_nothing_of_ray_is_imported_by_promo_itself():
    """Only what is started as a process of its own knows Ray: reading commands stay as quick as they are."""
    code = "import sys, promo.run.executors.ray, promo.run.execute; sys.exit('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0
    assert "import ray\n" not in Path(why.__code__.co_filename).read_text(encoding="utf-8")
