"""A cluster that is a folder, with the tools of Slurm, those of a launcher that nobody knows, or Ray's client."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from clusters import HERE

FAKE_RAY = HERE / "fake_ray"
STUB = f"""#!{sys.executable} -IS
import sys

sys.path.insert(0, {str(HERE)!r})
import fake_slurm

fake_slurm.main()
"""
"""A tool: a module is compiled once, and a script each time."""
TOOLS = ("srun", "sbatch", "squeue", "scancel", "scontrol", "sacct", "site-submit", "site-jobs", "site-cancel")


class Cluster:
    def __init__(self, folder):
        self.folder = folder

    def plan(self, **wrong):
        (self.folder / "plan.json").write_text(json.dumps(wrong), encoding="utf-8")

    def jobs(self):
        return [json.loads(path.read_text()) for path in (self.folder / "jobs").glob("*.json")]

    def submitted(self):
        """The words of each `sbatch`, or what each actor was to have."""
        return [json.loads(line) for line in (self.folder / "submitted.jsonl").read_text().splitlines()]

    def names(self):
        """The name of each job that was asked for, those of an array by their places."""
        found = []
        for words in self.submitted():
            if isinstance(words, dict):
                found.append(words["name"])
                continue
            said = dict(word[2:].split("=", 1) for word in words if "=" in word)
            name, array = said["job-name"], said.get("array")
            found += [name] if array is None else [f"{name}-{place}" for place in array.split(",")]
        return found

    def alive(self):
        """Ids of jobs whose process lives."""
        found = []
        for job in self.jobs():
            path = Path(f"/proc/{job.get('pid', 0)}/stat")
            if path.exists() and path.read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(job["id"])
        return found

    def end(self):
        alive = set(self.alive())
        for job in self.jobs():
            if job["id"] in alive:
                os.kill(job["pid"], signal.SIGKILL)

    def until(self, wanted, seconds=60):
        end = time.monotonic() + seconds
        while not wanted():
            assert time.monotonic() < end, f"never: {[(job['name'], job['state']) for job in self.jobs()]}"
            time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A cluster that is a folder, with its tools in front of everything else."""
    home, tools = tmp_path / "cluster", tmp_path / "tools"
    for one in (home, tools):
        one.mkdir()
    for tool in TOOLS:
        (tools / tool).write_text(STUB, encoding="utf-8")
        (tools / tool).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tools), os.environ["PATH"]]))
    monkeypatch.setenv("SLURM_CONF", str(home))
    made = Cluster(home)
    yield made
    made.end()


@pytest.fixture
def ray_cluster(tmp_path, monkeypatch):
    """A cluster that is a folder, with a pretended Ray in front of any other."""
    home = tmp_path / "ray"
    home.mkdir()
    (home / "token").touch(mode=0o600)
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FAKE_RAY), *([before] if before else [])]))
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "token"))
    made = Cluster(home)
    yield made
    made.end()


@pytest.fixture
def place(tmp_path):
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A study whose own runs have ended, the requests that it sent outside, and two of those trained."""
    from studies import MIXED, attended, run  # late: tests on a real engine need none of them
    from support import promo

    place = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        run(MIXED + "\n", code=8)
        assert promo("ask", "trial.promo", "--out", "sent") == 0
        for seed in (1, 2):
            attended(f"runs/short/base-lab-s{seed}/attempt-1")
    return place
