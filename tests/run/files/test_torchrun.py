"""A program that torchrun starts on the devices of its run: two processes train what one does with the same batch."""

import json
import os
import socket
import sys
from pathlib import Path

import pytest

from promo.driver.study import StudyFolder
from promo.ledger.values import RunStatus
from support import pin_runner, promo

torch = pytest.importorskip("torch")

SPEC = """promo 1

study trial {
  title    "torchrun"
  measure  val_loss in nats, lower is better
  runner   "mine.toml"
}

host two {
  device   "cpu" on any
  slots    1
  devices  2
}

factor batch: rows in 2..64 step 2 default 16

candidate base as reference { batch = 16 }

stage short {
  train    base for 20steps
  cap      2min
  on       two
  seeds    1
  report   only
}
"""
TABLE = """
promo_runner = 1
name = "mine"
budgets = ["steps"]

[metrics.val_loss]
unit = "nats"
better = "lower"

[factors.batch]
unit = "rows"
default = 16
low = 2
high = 64
whole = true

[command]
argv = ["torchrun", "--nnodes=1", "--nproc-per-node={devices}", "--master-port={port}", "{program}/go.py",
        "{result}", "{batch}", "{seed}", "{budget}", "{devices}"]
files = ["go.py"]
once = true
"""
GO = """
import json, sys
import torch
import torch.distributed as dist

result, batch, seed, steps = sys.argv[1], *map(int, sys.argv[2:5])
dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
assert world == int(sys.argv[5])
torch.manual_seed(seed)
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
draw = torch.Generator().manual_seed(seed)
for _ in range(steps):
    rows = torch.randn(batch, 8, generator=draw)  # of all processes, in the same order
    mine = rows[rank::world]
    loss = ((model(mine) - mine.sum(1, keepdim=True)) ** 2).mean()
    for one, grad in zip(model.parameters(), torch.autograd.grad(loss, list(model.parameters()))):
        dist.all_reduce(grad)
        one.data -= 0.1 * grad / world
test = torch.randn(64, 8, generator=draw)
with torch.no_grad():
    final = ((model(test) - test.sum(1, keepdim=True)) ** 2).mean().item()
if rank == 0:
    with open(result, "w") as out:
        json.dump({"metrics": {"val_loss": final}, "steps": steps}, out)
dist.destroy_process_group()
"""


@pytest.fixture(autouse=True)
def found(monkeypatch):
    """`torchrun` is found where this Python is, also in an environment that nobody has activated."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def trained(place, table=TABLE):
    """The first attempt of the study."""
    for name, text in (("mine.toml", table), ("go.py", GO), ("trial.promo", SPEC)):
        (place / name).write_text(text, encoding="utf-8")
    pin_runner(place / "trial.promo")
    assert promo("run", "trial.promo", "--quiet") == 0
    return next(one for one in StudyFolder(Path("trial.study")).state().every_attempt() if one.number == 1)


def alone(place, monkeypatch):
    """What the program comes to by itself, in the process of the test, which has imported torch."""
    group = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    for name, value in group.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["go.py", str(place / "alone.json"), "16", "1", "20", "1"])
    exec(compile(GO, "go.py", "exec"), {"__name__": "__main__"})
    return json.loads((place / "alone.json").read_text())["metrics"]["val_loss"]


def test_two_processes_of_torchrun_come_to_the_loss_of_one_with_the_same_batch(workplace, monkeypatch):
    two = trained(workplace)
    one = alone(workplace, monkeypatch)
    assert two.cause == ""
    assert 0 < one < 8

    assert float(two.metrics["val_loss"]) == pytest.approx(one, rel=1e-5)
    assert promo("verify", "trial.study") == 3


def test_a_port_that_somebody_else_has_is_a_failed_attempt_with_its_cause(workplace):
    """It was free when promo chose it; here it never was."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        table = TABLE.replace("{port}", str(held.getsockname()[1]))
        two = trained(workplace, table)

    assert two.status is RunStatus.CRASH
    assert "it ended with code 1" in two.cause
