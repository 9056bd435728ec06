"""
A real Ray of three raylets with pretended GPUs, in private namespaces of this machine, and what goes wrong on it.

`python tests/ray_here.py FAULT FOLDER`, started by `within`, brings the cluster up, runs a study on it while one thing
goes wrong, and ends when both verifiers agree about what is left.  Ray listens on every interface there is: the
namespace has a loopback alone, and all that was started dies with it.
"""

import contextlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import clusters
import faults
from faults import carried_out, ended, number_of, processes, shell, until
from promo.run.executors.queued import SILENCES
from promo.run.executors.ray import CONNECT_S, HOLD_S

NEEDED = ("unshare", "ip", "mount", "timeout")
NAMESPACES = ("--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
HEAD, NODES = "10.99.0.1", {"10.99.0.2": "a100", "10.99.0.3": "l40s"}
PORT = 26379
RAY = (sys.executable, "-c", "from ray.scripts.scripts import main; main()")
ADDRESS = f"{HEAD}:{PORT}"
SOONER = {
    "gcs_rpc_server_reconnect_timeout_s": 10,
    "health_check_failure_threshold": 3,
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 1000,
}
"""That a raylet or the head is gone is noticed in seconds, and not in a minute."""


def absent():
    """What this machine lacks for it; empty where it has everything."""
    if importlib.util.find_spec("ray") is None:
        return "no ray here (pip install 'promo-lang[ray]')"
    missing = [tool for tool in NEEDED if shutil.which(tool) is None]
    if missing:
        return f"no {missing[0]} here"
    tried = subprocess.run(["unshare", *NAMESPACES, "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "no namespaces here"


def within(fault, folder, seconds=420, script=__file__, *, hear=True):
    """What a fault came to, in namespaces of its own: exit status and what was said, where that is to be heard."""
    short = tempfile.mkdtemp(prefix="pr-", dir="/tmp")  # Ray's sockets bear no long names
    words = ["timeout", "-s", "KILL", str(seconds), "unshare", *NAMESPACES, sys.executable, str(script)]
    try:
        words += [fault, str(folder), short]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=hear, text=True, check=False)
    finally:
        shutil.rmtree(short, ignore_errors=True)
    return done.returncode, (done.stdout or "") + (done.stderr or "")


# --- inside ----------------------------------------------------------------------------------------------------------


def ray(*words):
    """A command of Ray's, as whoever runs the cluster gives it."""
    return shell(*RAY, *words)


class Ray:
    """The cluster."""

    def __init__(self, run):
        self.run = run

    def up(self):
        (self.run / "home").mkdir(exist_ok=True)
        token = self.run / "token"
        if not token.exists():
            token.touch(mode=0o600)
            token.write_text(secrets.token_hex(32))
        os.environ |= {
            "HOME": str(self.run / "home"),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_raylet_start_wait_time_s": "120",  # on a busy machine half a minute is not enough
        }
        self.head()
        for address in NODES:
            self.node(address)

    def head(self):
        fixed = [f"--port={PORT}", "--num-cpus=0", "--include-dashboard=false", "--object-store-memory=80000000"]
        where = [f"--node-ip-address={HEAD}", f"--temp-dir={self.run}", f"--system-config={json.dumps(SOONER)}"]
        ray("start", "--head", *fixed, *where)

    def node(self, address, *before, kind=None):
        kind = kind or NODES[address]
        what = ["--num-cpus=1", f'--resources={{"{kind}": 1}}', f"--labels=kind={kind}"]
        where = [f"--address={ADDRESS}", f"--node-ip-address={address}", "--object-store-memory=80000000"]
        shell(*before, *RAY, "start", *where, *what)

    def raylet(self, address):
        (number,) = number_of("/raylet/raylet ", f"--node_ip_address={address}")
        return number

    def drain(self, number):
        """Announce, as an autoscaler does, that a node of the cloud will be taken away."""
        (word,) = [word for word in processes()[number] if word.startswith("--node_id=")]
        reason = ["--reason=DRAIN_NODE_REASON_PREEMPTION", "--reason-message=spot", "--deadline-remaining-seconds=2"]
        ray("drain-node", f"--address={ADDRESS}", word.replace("node_id", "node-id"), *reason)


def named(names=None):
    """Names of promo's actors, or what a command of somebody else's does to one."""
    code = "import ray, sys\nray.init(address=sys.argv[1], namespace='promo', log_to_driver=False)\n"
    code += "print(*ray.util.list_named_actors())" if names is None else "ray.kill(ray.get_actor(sys.argv[2]))"
    return shell(sys.executable, "-c", code, ADDRESS, *(names or ())).split()


class Faults(faults.Faults):
    """What goes wrong on any engine, and on Ray alone."""

    _supervisor = "promo.run.supervise"
    _nodes = tuple(NODES)

    def _known(self):
        return named()

    def _call_off(self, attempt):
        named([attempt.job])

    def _alone(self):
        until(lambda: len(number_of("ray::Attempt")) == len(number_of(self._supervisor)) == 1)

    def _started(self):
        promo = super()._started()
        self._alone()
        return promo

    def _actor(self):
        (number,) = number_of("ray::Attempt")
        return number

    def _raylet(self):
        """Of the node on which the one attempt runs."""
        return int(Path(f"/proc/{self._actor()}/stat").read_text().rpartition(")")[2].split()[1])

    def _node_of(self, attempt):
        assert attempt == self._first()
        return next(one for one in NODES if self.run.raylet(one) == self._raylet())

    def _lose_sight(self, node):
        os.kill(self.run.raylet(node), signal.SIGSTOP)

    def _begin_node(self, node, *before):
        os.kill(self.run.raylet(node), signal.SIGKILL)
        self.run.node(node, *before)

    # --- Ray ---

    def actor_killed(self):
        """As the system does that is short of memory: the run ends with its actor."""
        promo = self._started()
        os.kill(self._actor(), signal.SIGKILL)
        until(lambda: not number_of("promo.run.", self._first().folder))
        ended(promo)
        return ["gone", "ok"]

    def raylet_killed(self):
        promo = self._started()
        os.kill(self._raylet(), signal.SIGKILL)
        ended(promo)
        return ["node", "ok"]

    def raylet_stopped(self):
        """Ray calls the node dead, while its attempt trains on and finishes late."""
        promo = self._started()
        raylet = self._raylet()
        os.kill(raylet, signal.SIGSTOP)
        until(lambda: self._first().loss)
        promo.kill()  # who comes later finds the result
        promo.communicate()
        until(lambda: (self.study / self._first().folder / "result.json").exists(), 120)
        ended(self._promo())
        os.kill(raylet, signal.SIGKILL)
        assert self._first().late is not None
        return ["node", "ok"]

    def preempted(self):
        """A spot machine is announced to be taken away, and is."""
        promo = self._started()
        raylet = self._raylet()
        self.run.drain(raylet)
        time.sleep(3)
        with contextlib.suppress(ProcessLookupError):
            os.kill(raylet, signal.SIGKILL)
        ended(promo)
        return ["preempted", "ok"]

    def head_lost(self):
        """All that the cluster knew is gone with it; somebody starts it anew, and the study goes on."""
        promo = self._started()
        os.kill(*number_of("/gcs/gcs_server "), signal.SIGKILL)
        until(lambda: not number_of("/raylet/raylet ") and not number_of("promo.run.supervise"), 120)
        assert promo.poll() is None
        self.run.up()
        ended(promo)
        return ["gone", "ok"]

    def head_hangs(self):
        """
        It is there and says nothing: the study can be stopped all the same, and what goes on is taken up.

        A study that is taken up meanwhile can be stopped by Ctrl-C, too.
        """
        promo = self._started()
        (head,) = number_of("/gcs/gcs_server ")
        os.kill(head, signal.SIGSTOP)
        began = time.monotonic()
        code, stopped = clusters.command("stop", "trial.promo", folder=self.place)
        assert code == 0, stopped
        said = ended(promo, 130)
        assert time.monotonic() - began < 60
        assert f"promo run takes them up: {self._first().job}" in stopped
        assert said.count("may go on: " + self._first().job) == 1, said
        assert self._first().ending == "running"
        again = self._promo()
        until(lambda: number_of("ray_driver"))  # from now on it connects, to a head that says nothing
        again.send_signal(signal.SIGINT)
        began = time.monotonic()
        said = ended(again, 130)
        assert time.monotonic() - began < CONNECT_S + SILENCES * HOLD_S + 30
        assert said.count("may go on: " + self._first().job) == 1, said
        assert self._first().ending == "running"
        os.kill(head, signal.SIGCONT)
        until(self._known)
        again = self._promo()
        until(lambda: number_of("ray_driver"))
        assert clusters.command("stop", "trial.promo", folder=self.place)[0] == 0
        again.communicate(timeout=60)
        until(lambda: not number_of(self._supervisor))
        ended(self._promo())
        return ["gone", "ok"]

    def host_gone(self):
        """All that a node did ends at once, as when its power fails."""
        promo = self._started()
        for one in (self._raylet(), self._actor(), *number_of("promo.run.supervise"), *number_of("promo.run.worker")):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        ended(promo)
        return ["node", "ok"]

    def one_bad_node(self):
        """A node does not see the study's folder: what is sent there is lost at no cost, and the other one does it."""
        hide = f'mount -t tmpfs none "{self.place}" && exec "$@"'
        bad = next(iter(NODES))
        self._begin_node(bad, "unshare", "--mount", "sh", "-c", hide, "sh")
        promo = self._promo()
        said = promo.communicate(timeout=150)[0]
        lost = self._lost()
        assert {(one.loss.value, one.device_s) for one in lost} == {("unbegun", "0")}
        if promo.returncode:  # Ray sent it too many in a row
            assert "in a row ended before they had begun" in said, said
            self._begin_node(bad)
            ended(self._promo())
            assert len(self._lost()) == len(lost)

    def driver_killed(self):
        """The process that speaks to the cluster for promo is another one from then on."""
        promo = self._started()
        (driver,) = number_of("ray_driver")
        os.kill(driver, signal.SIGKILL)
        until(lambda: set(number_of("ray_driver")) - {driver})
        ended(promo)
        return ["ok"]

    def head_lost_while_they_wait(self):
        """It has just taken actors, one of which waits; nobody has begun that, so it costs nothing."""
        promo = self._promo()
        until(lambda: len(number_of("ray::Attempt")) == len(NODES))
        os.kill(*number_of("/gcs/gcs_server "), signal.SIGKILL)
        until(lambda: not number_of("/raylet/raylet ") and not number_of("promo.run.supervise"), 120)
        assert promo.poll() is None
        self.run.up()
        ended(promo)
        assert [one.device_s for one in self._lost() if one.loss.value == "unknown"] == ["0"]

    def placed(self):
        """Only one of the nodes has what the host's block asks for."""
        promo = self._started()
        assert f"--node_ip_address={list(NODES)[1]}" in processes()[self._raylet()]
        ended(promo)
        return ["ok"]

    def conforms(self):
        """What anyone's executor is held to, and then a study."""
        given = [f"--option=address={ADDRESS}", f"--option=token={self.run.run}/token", "--option=grace=3s"]
        assert "all conformance checks passed" in ended(self._promo("executor", "ray", "--try", *given))
        return self.nothing()

    def refused(self):
        """A token that others may read, and one that is another cluster's, are named."""
        own = self.run.run / "own"
        own.write_text(secrets.token_hex(32))
        own.chmod(0o644)
        assert "others may read" in ended(self._promo(), 2)
        own.chmod(0o600)
        assert "does not take the token" in ended(self._promo(), 2)
        own.write_text((self.run.run / "token").read_text())
        ended(self._promo())
        lost = [one for one in clusters.state(self.study).every_attempt() if one.loss]
        assert all((one.loss.value, one.device_s) == ("gone", "0") for one in lost)
        assert clusters.endings(self.study)[-1] == "ok"

    def never_placed(self):
        """No node has what is asked for: promo says what that is and what there is; when a node comes, it goes on."""
        promo, said = self._promo(), ""
        while "can hold" not in said:
            line = promo.stdout.readline()
            assert line, said
            said += line
        assert "it asks for 1 CPU, 1 h200;" in said, said
        assert all(f"{address}: 1 CPU, 1 {kind}, memory" in said for address, kind in NODES.items()), said
        assert clusters.command("stop", "trial.promo", folder=self.place)[0] == 0
        promo.communicate(timeout=60)
        assert not named()
        node = next(iter(NODES))
        os.kill(self.run.raylet(node), signal.SIGKILL)
        self.run.node(node, kind="h200")
        ended(self._promo())
        assert {(one.loss.value, one.device_s) for one in self._lost()} == {("gone", "0")}


QUICK = (
    "clock_off",
    "conforms",
    "folder_not_seen",
    "head_lost_while_they_wait",
    "never_placed",
    "nothing",
    "one_bad_node",
    "promo_killed_while_they_wait",
    "refused",
)
PAUSES = dict.fromkeys((*QUICK, "two_studies"), 0) | {
    "disk_full": 15,
    "driver_killed": 30,
    "late_behind_the_end": 60,
    "placed": 6,
    "promo_killed": 15,
    "promo_killed_and_they_end": 6,
    "raylet_stopped": 60,
    "two_promos": 15,
}
"""How long the first attempt of one candidate takes longer than it has to, in seconds; 5 minutes by default."""
OPTIONS = {
    "never_placed": {"resources": '"h200=1"'},
    "placed": {"resources": '"l40s=0.5"', "labels": '"kind=l40s"'},
    "refused": {"token": '"{short}/own"'},
}
SLOTS = dict.fromkeys(("head_lost_while_they_wait", "promo_killed_while_they_wait"), 3)


def main(fault, folder, short):
    shell("ip", "link", "set", "lo", "up")
    for address in (HEAD, *NODES):
        shell("ip", "addr", "add", f"{address}/32", "dev", "lo")
    cluster = Ray(Path(short))
    cluster.up()
    options = {"address": f'"{ADDRESS}"', "grace": "3s", "token": '"{short}/token"', **OPTIONS.get(fault, {})}
    options = {name: value.replace("{short}", short) for name, value in options.items()}
    said = {"pause": PAUSES.get(fault, 300), "slots": SLOTS.get(fault, 2)}
    carried_out(Faults, "ray", fault, folder, cluster, options=options, **said)


if __name__ == "__main__":
    main(*sys.argv[1:])
