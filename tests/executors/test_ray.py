"""Ray, as a fake cluster plays it: what of a queue is Ray's own.  What goes wrong in any is in `test_faults.py`."""

import signal
import socket
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest

from clusters import HERE, attempts, command, endings, process, ran, sound, state, write_study
from promo.base.errors import PromoError
from promo.ledger.losses import Loss
from promo.run.executors.ray import Cluster, RayExecutor, amounts, connecting, could_hold, in_words, needs, why
from promo.run.values import Phase


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


def test_an_actor_takes_processors_for_each_of_its_devices():
    run = SimpleNamespace(device="H100", devices=4, threads=2)
    wanted = needs((("cpus", Fraction(3)), ("resources", "h100={devices},fast=1")), run)

    assert (wanted["num_cpus"], wanted["num_gpus"]) == (12, 4)
    assert wanted["resources"] == {"h100": 4.0, "fast": 1.0}


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


def _begun_and_hung(ray_cluster, place, **said):
    """A study in training, whose head hangs from now on: it takes connections and answers nobody."""
    study = write_study(place, "ray", slots=3, **said)
    ray_cluster.plan(slots=3)
    promo = process("run", "trial.promo", folder=place)
    ray_cluster.until(lambda: (study / "runs/short/good-node-s1/attempt-1/checkpoint.json").exists())
    ray_cluster.until(lambda: [job["state"] for job in ray_cluster.jobs()].count("RUNNING") == 1)
    (ray_cluster.folder / "hangs").touch()
    return study, promo


@pytest.mark.parametrize("how", ["stop", pytest.param("Ctrl-C", marks=pytest.mark.slow)])
def test_a_study_whose_head_hangs_can_be_stopped_and_is_taken_up(ray_cluster, place, how):
    study, promo = _begun_and_hung(ray_cluster, place, pause=600)
    began = time.monotonic()
    if how == "stop":
        assert command("stop", "trial.promo", folder=place)[0] == 0
    else:
        promo.send_signal(signal.SIGINT)
    said = promo.communicate(timeout=60)[0]
    assert time.monotonic() - began < 60
    (left,) = attempts(study)
    assert (promo.returncode, left.ending) == (130, "running"), said
    assert said.count("may go on") == said.count("may go on: " + left.job) == 1
    assert ray_cluster.alive()

    again = process("run", "trial.promo", folder=place)  # it is stopped again before anybody has answered it
    time.sleep(5)
    again.send_signal(signal.SIGINT)
    assert again.communicate(timeout=60)[0].count("may go on: " + left.job) == 1
    assert [one.ending for one in attempts(study)] == ["running"]

    (ray_cluster.folder / "hangs").unlink()
    last = process("run", "trial.promo", folder=place)
    ray_cluster.until(lambda: "get" in (ray_cluster.folder / "asked").read_text())
    assert command("stop", "trial.promo", folder=place)[0] == 0
    last.communicate(timeout=60)
    assert not ray_cluster.alive()
    ran(place)
    assert sound(study)
    assert endings(study) == ["gone", "ok"]


@pytest.mark.slow
def test_a_head_that_hangs_for_a_while_is_told_of_once_and_loses_nothing(ray_cluster, place):
    """Ends are read from folders; actors that became due meanwhile are registered when it answers again."""
    study, promo = _begun_and_hung(ray_cluster, place, pause=6, grace="1s")
    time.sleep(50)
    (ray_cluster.folder / "hangs").unlink()
    said = promo.communicate(timeout=120)[0]

    assert promo.returncode == 0, said
    assert sound(study)
    assert said.count("the queue has not answered for") == 1
    assert [one.ending for one in state(study).every_attempt()] == ["ok"] * 4
    assert len(set(ray_cluster.names())) == len(ray_cluster.names()) == 4


@pytest.mark.usefixtures("some_ray")
def test_a_head_that_hangs_holds_up_whoever_looks_once_and_briefly(ray_cluster, place):
    (ray_cluster.folder / "hangs").touch()
    executor = RayExecutor()
    job = executor.find(place, "promo-0-0", ())
    looks = []
    while len(looks) < 20:
        began = time.monotonic()
        assert executor.look([job]) == [Phase.UNKNOWN]
        looks.append(time.monotonic() - began)
        time.sleep(0.1)
    (ray_cluster.folder / "hangs").unlink()
    ray_cluster.until(lambda: executor.look([job]) and (ray_cluster.folder / "asked").exists())
    executor.close()

    assert looks[0] < 15
    assert max(looks[1:]) < 1


@pytest.mark.usefixtures("some_ray")
def test_a_token_that_is_not_there_or_that_others_may_read_is_none(tmp_path):
    token = tmp_path / "token"
    with pytest.raises(PromoError, match="no token of Ray can be read"):
        connecting(Cluster(None, "promo", token))
    token.touch(mode=0o644)
    token.chmod(0o644)
    with pytest.raises(PromoError, match="others may read the token") as refused:
        connecting(Cluster(None, "promo", token))

    assert refused.value.hint == f"chmod 600 {token}"


@pytest.mark.usefixtures("some_ray")
def test_an_address_at_which_nobody_listens_is_told_at_once(tmp_path):
    """Ray's own client would wait for minutes."""
    (tmp_path / "token").touch(mode=0o600)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    began = time.monotonic()

    assert connecting(Cluster(address, "promo", tmp_path / "token")) is None
    assert time.monotonic() - began < 30


def test_without_ray_there_is_one_line_that_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PromoError, match="executor ray needs Ray, which is not installed") as refused:
        connecting(Cluster(None, "promo", tmp_path / "token"))

    assert refused.value.hint == "pip install 'promo-lang[ray]'"


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


NODE = {"resources": {"CPU": 8.0, "GPU": 1.0, "h100": 1.0, "memory": 2.0**34, "node:10.0.0.1": 1.0}}
NODE |= {"labels": {"zone": "a", "ray.io/node-id": "7f"}}


@pytest.mark.parametrize(
    ("given", "held", "words"),
    [
        ({}, True, "1 CPU"),
        ({"cpus": 8, "gpus": 1, "resources": "h100=0.5"}, True, "8 CPU, 1 GPU, 0.5 h100"),
        ({"cpus": 9}, False, "9 CPU"),
        ({"gpus": 2}, False, "1 CPU, 2 GPU"),
        ({"resources": "h200=1"}, False, "1 CPU, 1 h200"),
        ({"labels": "zone=a"}, True, "1 CPU, zone=a"),
        ({"labels": "zone=b"}, False, "1 CPU, zone=b"),
        ({"memory": "16G"}, True, "1 CPU, memory 16.0G"),
        ({"memory": "17G"}, False, "1 CPU, memory 17.0G"),
    ],
)
def test_whether_a_node_could_ever_hold_an_actor_is_told_from_what_it_has_in_all(given, held, words):
    wanted = needs(tuple(given.items()), SimpleNamespace(device="cpu", devices=1, threads=1))

    assert could_hold(NODE, wanted) is held
    assert in_words(amounts(wanted), wanted["label_selector"]) == words
    assert in_words(NODE["resources"], NODE["labels"]) == "8 CPU, 1 GPU, 1 h100, memory 16.0G, zone=a"


def test_nothing_of_ray_is_imported_by_promo_itself():
    """Only what is started as a process of its own knows Ray: reading commands stay as quick as they are."""
    code = "import sys, promo.run.executors.ray, promo.run.execute; sys.exit('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0
    assert "import ray\n" not in Path(why.__code__.co_filename).read_text(encoding="utf-8")
