"""
A real Ray of three raylets with pretended GPUs, in private namespaces of this machine, and what goes wrong on it.

`python tests/ray_here.py FAULT FOLDER`, started by `within`, brings the cluster up, runs a study on it while one thing
goes wrong, and ends when both verifiers agree about what is left.  Ray listens on every interface there is: the namespace
has a loopback alone, and all that was started dies with it.
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


def within(fault, folder, seconds=240, script=__file__):
    """What a fault came to, in namespaces of its own: exit status and what was said."""
    short = tempfile.mkdtemp(prefix="pr-", dir="/tmp")  # Ray's sockets bear no long names
    words = ["timeout", "-s", "KILL", str(seconds), "unshare", *NAMESPACES, sys.executable, str(script)]
    try:
        done = subprocess.run(
            [*words, fault, str(folder), short], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    finally:
        shutil.rmtree(short, ignore_errors=True)
    return done.returncode, done.stdout + done.stderr


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
    return shell(sys.executable, "-c", "from ray.scripts.scripts import main; main()", *words)


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

    def node(self, address):
        kind = NODES[address]
        what = ["--num-cpus=1", f'--resources={{"{kind}": 1}}', f"--labels=kind={kind}"]
        ray("start", f"--address={ADDRESS}", f"--node-ip-address={address}", "--object-store-memory=80000000", *what)

    def raylet(self, address):
        (number,) = number_of("/raylet/raylet ", f"--node_ip_address={address}")
        return number


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

    def _promo(self, *words):
        return self.clusters.process(*words, folder=self.place)

    def _started(self):
        promo = self._promo("run", "trial.promo")
        until(lambda: [one for one in self.clusters.attempts(self.study) if self._begun(one)] or None)
        return promo

    def _begun(self, attempt):
        return (self.study / attempt.folder / "checkpoint.json").exists()

    def _first(self):
        return self.clusters.attempts(self.study)[0]

    def _node(self):
        """Where the first attempt of the long candidate runs."""
        (supervisor,) = number_of("promo.run.attend", self._first().folder)
        return supervisor

    def nothing(self):
        ended(self._promo("run", "trial.promo"))
        return ["ok"]


PAUSES = {"nothing": 0}
"""How long the first attempt of one candidate takes longer than it has to, in seconds; 5 minutes by default."""
OPTIONS = {}


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
    options = {"address": f'"{ADDRESS}"', "grace": "3s", "token": f'"{short}/token"', **OPTIONS.get(fault, {})}
    study = clusters.write_study(place, "ray", pause=PAUSES.get(fault, 300), **options)
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
