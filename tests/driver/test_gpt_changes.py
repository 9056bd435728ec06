"""A study for each thing that the built-in runner changes during a run: killed behind the change, taken up, "
"verified."""

import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

from promo_toy.lawful import UNIT

from promo.base.canonical import from_exact, parse_json
from promo.base.classes import evolve
from promo.decision.values import Grounds
from promo.driver.study import StudyFolder
from promo.ledger.state import AttemptState
from promo.run.contract import Recorder
from promo.run.runners.gpt.train import train
from support import promo

pytestmark = pytest.mark.slow

TEXT = """promo 1

study changes {
  title   "Changes"
  measure val_bpb in bpb, lower is better
  runner  lawful_gpt
}

data words {
  source   "builtin:synth/1"
  holdout  5%
  score    2_048tok in windows of 32tok
}

host here {
  device   "cpu" on any
  slots    2
  executor warm
}

factor depth: layers in [1, 2] default 1
factor aspect: ratio in [8, 16, 32] default 16
factor head_size: channels in [16]
factor context: tokens in [16, 32] default 16
factor total_batch: tokens in [256, 512] default 256
factor window: pattern in ["L"]

candidate first as reference
candidate second { LEVELS }
candidate moving follows growing
"""
STAGE = """
stage {name} {{
  train    {who} for {flop}flop
  cooldown 25%
  cap      2min
  on       here
  seeds    {seeds}
  report   only
}}
"""
LAW = """
law falling {
  of    first, second
  from  s0, s1, s2, s3
  form  compute
  reach 2 times
  draws 5 seed 1
}

schedule growing {
  shapes first -> secondWAY
  law    falling
  else   hold
}
"""
KINDS = {
    "depth": ("depth = 2\n aspect = 8", " by interleave", "depth"),
    "width": ("aspect = 32", " by zero_pad", "width"),
    "depth and width": ("depth = 2", " by copy_top", "width"),
    "context": ("context = 32", "", "context"),
    "total batch": ("total_batch = 512", "", "total_batch"),
}
"""Levels of the second shape, the way to it, and a setting that is another one then."""
BUDGETS = (400, 800, 1600, 2400)
WHOLE = 3500
SWITCH = 1150
"""In units of the laws, see `promo_toy.lawful`."""
PATIENCE_S = 300


def spec(levels, way):
    text = TEXT.replace("LEVELS", levels)
    for number, units in enumerate(BUDGETS):
        text += STAGE.format(name=f"s{number}", who="first, second", flop=units * UNIT, seeds=number + 1)
    text += LAW.replace("WAY", way)
    return text + STAGE.format(name="whole", who="moving, first, second", flop=WHOLE * UNIT, seeds="10, 11")


def waiting(folder, seed):
    """Whether the run of a seed waits behind its change, with its state kept."""
    kept = Path(folder.path) / "runs" / "whole" / f"moving-here-s{seed}" / "attempt-1" / "checkpoint.json"
    return kept.exists() and bool(parse_json(kept.read_bytes())["state"]["clock"]["ended"])


def killed_behind_the_change(spec_file, folder):
    """`promo run` until one run waits behind its change, and then killed."""
    command = "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen([sys.executable, "-c", command, "run", str(spec_file), "--quiet"])
    until = time.monotonic() + PATIENCE_S
    while not waiting(folder, 11):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()


def unbroken(folder, attempt, request):
    """What the run comes to that nobody breaks off."""
    recorder = Recorder(io.StringIO(), time.monotonic(), folder.path, folder.path / attempt.folder)
    return train(evolve(request, resume=None), recorder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_study_that_is_killed_behind_a_change_of_shape_ends_as_the_unbroken_one(tmp_path, kind):
    levels, way, moved = KINDS[kind]
    file = tmp_path / "trial.promo"
    file.write_text(spec(levels, way), encoding="utf-8")
    folder = StudyFolder(tmp_path / "trial.study")
    killed_behind_the_change(file, folder)
    assert promo("run", file, "--quiet") == 0

    state = folder.state()
    found = folder.decision(folder.compiled(), state, "growing").found
    assert found.grounds is Grounds.TOLD
    at = found.path[1].at
    assert at == pytest.approx(SWITCH * UNIT, rel=0.01)
    lost, again = next(tried for tried in state.attempts.values() if len(tried) == 2)
    assert (lost.state, again.state) == (AttemptState.LOST, AttemptState.ACCEPTED)
    request, body = folder.request(again), folder.result(again).body
    assert request.resume.folder == lost.folder
    (change,) = request.changes
    before, after = body.segments
    assert (change.at, change.settings[moved] != request.settings[moved]) == (at, True)
    assert from_exact(before.before) < at <= from_exact(before.until) < from_exact(after.until)
    whole = unbroken(folder, again, request)
    assert from_exact(body.metrics["val_bpb"]) == from_exact(repr(whole.metrics["val_bpb"]))
    assert [one.tokens for one in body.segments] == [one.tokens for one in whole.segments]
    assert promo("verify", folder.path) == 3
    second = subprocess.run(
        [sys.executable, folder.path / "recheck.py", folder.path], capture_output=True, text=True, check=False
    )
    assert second.returncode == 3, second.stdout
