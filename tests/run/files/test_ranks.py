"""Runs of somebody else's programs with several devices: who is started, what each is told, and what ends them."""

import json
import os
import subprocess
import sys
import time
from argparse import Namespace

import pytest
from promo.templates import recheck

from promo.base.canonical import canonical
from promo.base.classes import evolve
from promo.base.codec import to_json
from promo.driver.study import StudyFolder
from promo.ledger.values import RunStatus
from promo.run.program import Command
from promo.run.ranks import failing_s, free_port, leaving_s
from support import pin_runner, promo

SPEC = """promo 1

study trial {
  title    "Ranks"
  measure  val_loss in nats, lower is better
  runner   "RUNNER"
}

host box {
  device   "cpu" on any
  slots    1
  devices  2
}

factor way: kind in ["plain", "dies", "first"] default "plain"

candidate base as reference { way = "WAY" }

stage short {
  train    base for 1steps
  cap      1min
  allowance 10s
  on       box
  seeds    1
  report   only
}
"""
TOGETHER = """
import json, os, signal, socket, sys, time

RANK, WORLD = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
assert os.environ["LOCAL_RANK"] == str(RANK) and os.environ["LOCAL_WORLD_SIZE"] == str(WORLD)
PLACE = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])


def met(way):
    if RANK == 0:
        with socket.create_server(PLACE) as server:
            if way == "first":
                time.sleep(0.3)
                sys.exit(3)
            other, _ = server.accept()
            return int(other.recv(10))
    if way == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    for _ in range(500):
        try:
            with socket.create_connection(PLACE) as first:
                first.sendall(b"%d" % (RANK + WORLD))
                return 0
        except ConnectionRefusedError:
            time.sleep(0.02)
"""
PROGRAM = (
    TOGETHER
    + """
found = met(sys.argv[2])
if RANK == 0:
    with open(sys.argv[1], "w") as out:
        json.dump({"metrics": {"val_loss": found}, "steps": 1}, out)
"""
)
ONCE = """
import json, os, sys

assert "RANK" not in os.environ
with open(sys.argv[1], "w") as out:
    json.dump({"metrics": {"val_loss": int(sys.argv[3])}, "steps": 1}, out)
assert int(sys.argv[4]) == int(os.environ["MASTER_PORT"]) > 0
"""
TABLE = """
promo_runner = 1
name = "mine"
budgets = ["steps"]

[metrics.val_loss]
unit = "nats"
better = "lower"

[factors.way]
unit = "kind"
choices = ["plain", "dies", "first"]
default = "plain"

[command]
argv = ["{python}", "{program}/go.py", "{result}", "{way}", "{devices}", "{port}"]
files = ["go.py"]
"""
FUNCTION = (
    TOGETHER
    + """
from promo.run.function import runner


@runner(
    metrics={"val_loss": {"unit": "nats", "better": "lower"}},
    factors={"way": {"unit": "kind", "choices": ["plain", "dies", "first"], "default": "plain"}},
    budgets=["steps"],
)
def train(way, record):
    found = met(way)
    record.point(step=1)
    return found
"""
)
RUNNERS = {
    "command": {"mine.toml": TABLE, "go.py": PROGRAM},
    "once": {"mine.toml": TABLE + "once = true\n", "go.py": ONCE},
    "function": {"mine.py": FUNCTION},
}


def test_processes_wait_for_each_other_no_longer_than_a_share_of_what_their_attempt_may_take():
    assert [failing_s(seconds) for seconds in (0, 20, 300)] == [0, 2, 10]
    assert [leaving_s(seconds) for seconds in (0, 20, 300)] == [0, 10, 30]


def by_stage(text):
    """The same, where the stage says how many devices a run has, and the host has as many slots."""
    return text.replace("  slots    1\n  devices  2\n", "  slots    2\n").replace(
        "  on       box\n", "  on       box\n  devices  2\n"
    )


def carried_out(place, kind, way="plain", said=str):
    for name, text in RUNNERS[kind].items():
        (place / name).write_text(text, encoding="utf-8")
    text = said(SPEC).replace("RUNNER", next(iter(RUNNERS[kind]))).replace("WAY", way)
    (place / "trial.promo").write_text(text, encoding="utf-8")
    pin_runner(place / "trial.promo")
    assert promo("run", "trial.promo", "--quiet") == 0
    folder = StudyFolder(place / "trial.study")
    (attempt,) = list(folder.state().every_attempt())[:1]
    return folder, attempt


@pytest.mark.parametrize("said", [str, by_stage])
@pytest.mark.parametrize(("kind", "value"), [("command", "3"), ("once", "2"), ("function", "3")])
def test_each_device_has_a_process_that_meets_the_first_or_one_process_that_starts_them(workplace, kind, value, said):
    folder, attempt = carried_out(workplace, kind, said=said)

    assert attempt.cause == ""
    assert float(attempt.metrics["val_loss"]) == float(value)
    request = json.loads((folder.path / attempt.folder / "request.json").read_text())
    assert request["devices"] == 2
    assert promo("verify", "trial.study") == 3
    assert recheck.check(folder.path, Namespace(key=[], authority=[], anchor=[]), [].append) == 3


@pytest.mark.parametrize("said", [str, by_stage])
@pytest.mark.parametrize(
    ("kind", "way", "status", "cause"),
    [
        ("command", "dies", RunStatus.KILLED, "process 1 of the run was ended by signal 9"),
        ("command", "first", RunStatus.CRASH, "it ended with code 3"),
        ("function", "dies", RunStatus.CRASH, "process 1 of the run was ended by signal 9, and the first one waits"),
        ("function", "first", RunStatus.CRASH, "it ended with code 3 and no result"),
    ],
)
def test_one_dead_process_ends_the_attempt(workplace, kind, way, status, cause, said):
    _, attempt = carried_out(workplace, kind, way, said)

    assert attempt.status is status
    assert cause in attempt.cause


UNMET = """
import json, os, signal, sys, time

RANK = int(os.environ["RANK"])


def met(way):
    if RANK:
        time.sleep(0.6 if way == "last" else 0)
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.6 if way == "soon" else 0)
    return 3
"""


@pytest.mark.parametrize("way", ["soon", "at once", "last"])
@pytest.mark.parametrize("kind", ["command", "function"])
def test_a_dead_process_ends_an_attempt_whose_first_one_never_asks_for_it(workplace, monkeypatch, kind, way):
    """Before, meanwhile, or when the first process had ended well: the same program, the same end."""
    ways = ('["plain", "dies", "first"]', '["plain", "soon", "at once", "last"]')
    parts = {name: text.replace(TOGETHER, UNMET).replace(*ways) for name, text in RUNNERS[kind].items()}
    monkeypatch.setitem(RUNNERS, kind, parts)
    _, attempt = carried_out(workplace, kind, way, lambda text: text.replace(*ways))

    assert attempt.status is RunStatus.KILLED
    assert attempt.cause == "process 1 of the run was ended by signal 9"
    assert not attempt.metrics


EACH = """
import json, os, sys, time

RANK = int(os.environ["RANK"])


def met(way):
    time.sleep(0.5 * (RANK if way == "later" else 1 - RANK))
    for path in (sys.argv[1], os.environ["PROMO_RESULT"]):
        with open(path, "w") as out:
            json.dump({"metrics": {"val_loss": RANK}, "steps": 1}, out)
    with open(os.environ["PROMO_POINTS"], "a") as points:
        points.write(json.dumps({"step": 1, "val_loss": RANK}) + "\\n")
    sys.exit()
"""


@pytest.mark.parametrize("way", ["later", "sooner"])
def test_what_other_processes_than_the_first_write_is_neither_a_result_nor_points(workplace, monkeypatch, way):
    """As of a program for one device, each process of which writes what it finds."""
    ways = ('["plain", "dies", "first"]', '["plain", "later", "sooner"]')
    parts = {name: text.replace(TOGETHER, EACH).replace(*ways) for name, text in RUNNERS["command"].items()}
    monkeypatch.setitem(RUNNERS, "command", parts)
    folder, attempt = carried_out(workplace, "command", way, lambda text: text.replace(*ways))

    assert attempt.metrics == {"val_loss": "0.0"}
    points = (folder.path / attempt.folder / "points.jsonl").read_text().splitlines()
    assert [json.loads(line)["metrics"] for line in points] == [{"val_loss": "0.0"}]
    assert promo("verify", "trial.study") == 3


STAYS = """
import json, os, sys, time

RANK = int(os.environ["RANK"])


def met(way):
    time.sleep(100 * RANK)
    return 3
"""


@pytest.mark.parametrize("kind", ["command", "function"])
def test_a_run_whose_first_process_has_ended_counts_although_another_one_never_ends(workplace, monkeypatch, kind):
    """It is ended before the limit is, which its allowance of ten seconds sets."""
    parts = {name: text.replace(TOGETHER, STAYS) for name, text in RUNNERS[kind].items()}
    monkeypatch.setitem(RUNNERS, kind, parts)
    _, attempt = carried_out(workplace, kind, said=lambda text: text.replace("cap      1min", "cap      1s"))

    assert (attempt.status, attempt.metrics) == (RunStatus.OK, {"val_loss": "3.0"}), attempt.cause


def test_a_first_process_does_not_wait_for_others_that_cannot_be_started(workplace):
    """Of a run on two nodes, where there is no srun."""
    folder, attempt = carried_out(workplace, "command")
    request = folder.request(attempt)
    place = folder.path / "runs/short/base-box-s2/attempt-1"
    place.mkdir(parents=True)
    argv = (sys.executable, "-c", "import time; time.sleep(30)")
    program = evolve(request.program, does=Command(argv))
    (place / "request.json").write_bytes(canonical(to_json(evolve(request, nodes=2, program=program))))
    worker = [
        sys.executable,
        "-P",
        "-c",
        f"from pathlib import Path\nfrom promo.run.worker import main\nmain(Path({str(place)!r}))",
    ]
    began = time.monotonic()
    subprocess.run(worker, env={**os.environ, "PATH": ""}, capture_output=True, check=False)

    assert time.monotonic() - began < 20
    body = json.loads((place / "result.json").read_bytes())["body"]
    assert (body["status"], body["cause"]) == (
        "crash",
        "RuntimeError: the run has 2 nodes, and there is no srun to start processes on them",
    )


RULED = """
import json, os, sys, time


def met(way):
    time.sleep(60 * int(os.environ["RANK"]))
    print("Signal 9 (SIGKILL) received by PID 71")
    print("=" * 60)
    sys.exit(1)
"""


def test_the_last_line_of_a_program_that_failed_is_one_with_words(workplace, monkeypatch):
    """`torchrun` draws a rule below what happened."""
    parts = {name: text.replace(TOGETHER, RULED) for name, text in RUNNERS["command"].items()}
    monkeypatch.setitem(RUNNERS, "command", parts)
    _, attempt = carried_out(workplace, "command")

    assert attempt.cause == "it ended with code 1: Signal 9 (SIGKILL) received by PID 71"


@pytest.mark.skipif(sys.platform != "linux", reason="ports are marked on Linux")
def test_a_port_that_another_run_of_the_machine_was_told_is_not_told_again(monkeypatch):
    import socket

    words = "from promo.run.ranks import free_port; print(free_port(), flush=True); input()"
    with subprocess.Popen([sys.executable, "-P", "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        taken = int(other.stdout.readline())
        given, asked = socket.socket.bind, []

        def bind(self, address):
            """The system gives the same port a second time, as it may."""
            if self.family == socket.AF_INET:
                asked.append(address)
                address = (address[0], taken if len(asked) == 1 else address[1])
            given(self, address)

        monkeypatch.setattr(socket.socket, "bind", bind, raising=False)
        told = int(free_port())
        other.communicate(b"\n")

    assert told != taken
    assert len(asked) == 2
