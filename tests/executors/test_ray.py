"""Ray, as a fake cluster plays it: what of a queue is Ray's own.  What goes wrong in any is in `test_faults.py`."""

import socket
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest

from clusters import HERE, command, process, ran, sound, state, write_study
from promo.base.errors import PromoError
from promo.ledger.losses import Loss
from promo.run.executors.ray import Cluster, amounts, connected, could_hold, in_words, needs, why


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
