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

HERE = Path(__file__).parent
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


def within(fault, folder, seconds=240, script=__file__, *, hear=True):
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


def shell(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def until(wanted, seconds=60):
    end = time.monotonic() + seconds
    while not (found := wanted()):
        assert time.monotonic() < end, f"never: {[' '.join(words[:3]) for words in processes().values()]}"
        time.sleep(0.1)
    return found


def processes():
    """Everything alive in the namespace: number -> words."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (place / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if words[0] and (place / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found[int(place.name)] = words
    return found


def number_of(*parts):
    """Numbers of processes whose words have all these parts."""
    return [number for number, words in processes().items() if all(part in " ".join(words) for part in parts)]


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
        }
        self.head()
        for address in NODES:
            self.node(address)

    def head(self):
        fixed = [f"--port={PORT}", "--num-cpus=0", "--include-dashboard=false", "--object-store-memory=80000000"]
        where = [f"--node-ip-address={HEAD}", f"--temp-dir={self.run}", f"--system-config={json.dumps(SOONER)}"]
        ray("start", "--head", *fixed, *where)

    def node(self, address, *before):
        kind = NODES[address]
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


def ended(process, code=0):
    said = process.communicate(timeout=150)[0]
    assert process.returncode == code, said
    return said


class Faults:
    """What goes wrong; each is given the study and promo under way, and says how the long candidate's attempts end."""

    def __init__(self, cluster, study, clusters):
        self.cluster, self.study, self.clusters = cluster, study, clusters
        self.place = study.parent
        self.run = ("run", "trial.promo")

    # --- what they share ---

    def _promo(self, *words):
        return self.clusters.process(*(words or self.run), folder=self.place)

    def _started(self):
        """promo under way, and the long candidate alone in training."""
        promo = self._promo()
        until(lambda: [one for one in self.clusters.attempts(self.study) if self._begun(one)] or None)
        until(lambda: len(number_of("ray::Attempt")) == len(number_of("promo.run.supervise")) == 1)
        return promo

    def _begun(self, attempt):
        return (self.study / attempt.folder / "checkpoint.json").exists()

    def _first(self):
        return self.clusters.attempts(self.study)[0]

    def _actor(self):
        (number,) = number_of("ray::Attempt")
        return number

    def _raylet(self):
        """Of the node on which the one attempt runs."""
        return int(Path(f"/proc/{self._actor()}/stat").read_text().rpartition(")")[2].split()[1])

    # --- promo ---

    def nothing(self):
        ended(self._promo())
        return ["ok"]

    def promo_killed(self):
        """Its actors go on; another promo finds them."""
        promo = self._started()
        promo.kill()
        promo.communicate()
        until(lambda: not number_of("ray_driver"))
        assert number_of("promo.run.supervise")
        ended(self._promo())
        return ["ok"]

    def promo_killed_while_they_wait(self):
        promo = self._promo()
        until(lambda: len(named()) == 3)
        promo.kill()
        promo.communicate()
        assert len(list(self.study.glob("runs/*/*/*/claim"))) < 3
        ended(self._promo())
        return ["ok"]

    def promo_killed_and_they_end(self):
        """Nobody looks on when an attempt ends: its actor leaves all the same, and its result counts."""
        promo = self._started()
        promo.kill()
        promo.communicate()
        until(lambda: not number_of("ray::Attempt"))
        ended(self._promo())
        return ["ok"]

    def stopped(self):
        promo = self._started()
        code, said = self.clusters.command("stop", "trial.promo", folder=self.place)
        assert code == 0, said
        promo.communicate(timeout=60)
        assert not named()
        assert not number_of("promo.run.supervise")
        assert not number_of("promo.run.worker")
        ended(self._promo())
        return ["gone", "ok"]

    def two_promos(self):
        promo = self._started()
        code, said = self.clusters.command(*self.run, folder=self.place)
        assert code != 0
        assert "another promo process" in said
        ended(promo)
        return ["ok"]

    # --- Ray ---

    def killed_behind_its_back(self):
        """Somebody kills the actor by Ray's own means: its supervisor outlives it, ends the run and says so."""
        promo = self._started()
        named([self._first().job])
        ended(promo)
        written = json.loads((self.study / self._first().folder / "exit.json").read_text())
        assert written["reason"] == "cancelled"
        return ["called off", "ok"]

    def actor_killed(self):
        """As the system does that is short of memory: the run ends with its actor."""
        promo = self._started()
        os.kill(self._actor(), signal.SIGKILL)
        until(
            lambda: not [one for one in number_of("promo.run.") if self._first().folder in " ".join(processes()[one])]
        )
        ended(promo)
        return ["gone", "ok"]

    def supervisor_killed(self):
        """Its worker ends itself, and its actor leaves."""
        promo = self._started()
        os.kill(*number_of("promo.run.supervise"), signal.SIGKILL)
        ended(promo)
        return ["wordless", "ok"]

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
        self.cluster.drain(raylet)
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
        self.cluster.up()
        ended(promo)
        return ["gone", "ok"]

    # --- files ---

    def disk_full(self):
        """Where runs lie there is no room for a result; the study stops, and goes on where there is."""
        shared = self.place / "scratch"
        shared.mkdir()
        shell("mount", "-t", "tmpfs", "-o", "size=2m", "none", str(shared))
        self.run = (*self.run, "--shared", "scratch")
        promo = self._started()
        with contextlib.suppress(OSError), (shared / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))
        said = promo.communicate(timeout=120)[0]
        assert promo.returncode != 0, said
        assert "disk" in said or "space" in said, said
        (shared / "ballast").unlink()
        ended(self._promo())
        lost = [one.loss.value for one in self.clusters.state(self.study).every_attempt() if one.loss]
        assert set(lost) <= {"disk", "gone", "unknown", "wordless"}, lost  # there was no room for its last words either
        assert self.clusters.endings(self.study)[-1] == "ok"

    def folder_not_seen(self):
        """A node on which the study's folder is another one: whoever is sent there never begins."""
        address, kept = list(NODES)
        os.kill(self.cluster.raylet(address), signal.SIGKILL)
        hide = f'mount -t tmpfs none "{self.place}" && exec "$@"'
        self.cluster.node(address, "unshare", "--mount", "sh", "-c", hide, "sh")
        promo = self._promo()
        until(lambda: any(one.loss for one in self.clusters.state(self.study).every_attempt()))
        os.kill(self.cluster.raylet(address), signal.SIGKILL)
        ended(promo)
        lost = [one for one in self.clusters.state(self.study).every_attempt() if one.loss]
        assert {one.loss.value for one in lost} <= {"wordless", "node"}
        assert all(one.device_s is None for one in lost)
        assert number_of("/raylet/raylet ", kept)
        return

    def placed(self):
        """Only one of the nodes has what the host's block asks for."""
        promo = self._started()
        assert f"--node_ip_address={list(NODES)[1]}" in processes()[self._raylet()]
        ended(promo)
        return ["ok"]

    def conforms(self):
        """What anyone's executor is held to, and then a study."""
        given = [f"--option=address={ADDRESS}", f"--option=token={self.cluster.run}/token", "--option=grace=3s"]
        assert "it keeps to its port" in ended(self._promo("executor", "ray", "--try", *given))
        return self.nothing()

    def refused(self):
        """A token that others may read, and one that is another cluster's, are named."""
        own = self.cluster.run / "own"
        own.write_text(secrets.token_hex(32))
        own.chmod(0o644)
        assert "others may read" in ended(self._promo(), 2)
        own.chmod(0o600)
        assert "does not take the token" in ended(self._promo(), 2)
        own.write_text((self.cluster.run / "token").read_text())
        ended(self._promo())
        lost = [one for one in self.clusters.state(self.study).every_attempt() if one.loss]
        assert all((one.loss.value, one.device_s) == ("gone", None) for one in lost)
        assert self.clusters.endings(self.study)[-1] == "ok"


QUICK = ("conforms", "nothing", "folder_not_seen", "promo_killed_while_they_wait", "refused")
PAUSES = dict.fromkeys(QUICK, 0) | {
    "disk_full": 15,
    "placed": 6,
    "promo_killed": 15,
    "promo_killed_and_they_end": 6,
    "raylet_stopped": 60,
    "two_promos": 15,
}
"""How long the first attempt of one candidate takes longer than it has to, in seconds; 5 minutes by default."""
OPTIONS = {"placed": {"resources": '"l40s=0.5"', "labels": '"kind=l40s"'}, "refused": {"token": '"{short}/own"'}}
SLOTS = {"promo_killed_while_they_wait": 3}


def main(fault, folder, short):
    shell("ip", "link", "set", "lo", "up")
    for address in (HEAD, *NODES):
        shell("ip", "addr", "add", f"{address}/32", "dev", "lo")
    cluster = Ray(Path(short))
    cluster.up()
    sys.path.insert(0, str(HERE))
    import clusters

    place = Path(folder) / "work"
    place.mkdir()
    options = {"address": f'"{ADDRESS}"', "grace": "3s", "token": '"{short}/token"', **OPTIONS.get(fault, {})}
    options = {name: value.replace("{short}", short) for name, value in options.items()}
    study = clusters.write_study(place, "ray", pause=PAUSES.get(fault, 300), slots=SLOTS.get(fault, 2), **options)
    began = time.monotonic()
    expected = getattr(Faults(cluster, study, clusters), fault)()
    took = time.monotonic() - began
    clusters.sound(study)
    found = clusters.endings(study)
    assert expected in (None, found), found
    accepted = [one for one in clusters.state(study).every_attempt() if one.ending == "ok"]
    assert len(accepted) == 4
    until(lambda: not number_of("promo.run.") and not named())
    lost = [one for one in clusters.attempts(study) if one.loss]
    assert all(float(one.device_s or 0) > 0 for one in lost) or expected is None
    print(f"{fault}: {found}, device {[one.device_s for one in clusters.attempts(study)]}, {took:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
