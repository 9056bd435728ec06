"""A schedule of context with the built-in runner in a study: cooled down, branched across the change, verified."""

import subprocess
import sys

import pytest

from promo.base.canonical import from_exact
from promo.decision.values import Grounds
from promo.driver.study import StudyFolder
from support import promo

pytestmark = pytest.mark.slow

HEAD = """promo 1

study contexts {
  title   "Contexts"
  measure val_bpb in bpb, lower is better
  runner  gpt
}

data words {
  source   "builtin:synth/1"
  holdout  5%
  score    4_096tok in windows of 64tok
}

host here {
  device   "cpu" on any
  slots    2
  executor warm
}

factor depth: layers in [1]
factor aspect: ratio in [16]
factor head_size: channels in [16]
factor context: tokens in [8, 64] default 8
factor total_batch: tokens in [256]
factor window: pattern in ["L"]

candidate short as reference
candidate long { context = 64 }
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
  of    short, long
  from  s0, s1, s2, s3
  form  compute
  reach 8 times
  draws 1 seed 1
}

schedule growing {
  shapes short -> long
  law    falling
  else   largest
}

stage further {
  branch moving, short, long from whole to 4_800_000_000flop
  report only
}
"""
"""With one draw an interval is a place, so that few runs tell where the shape changes."""
CHANGE_AFTER = 2_400_000_000
"""What is trained before the stage that branches; the change comes behind it."""


@pytest.fixture(scope="module")
def branched(tmp_path_factory):
    pytest.importorskip("torch")
    place = tmp_path_factory.mktemp("contexts")
    text = HEAD
    for number in range(4):
        seeds = f"{100 * number + 200}, {100 * number + 201}"
        text += STAGE.format(name=f"s{number}", who="short, long", flop=200_000_000 * 2**number, seeds=seeds)
    text += STAGE.format(name="whole", who="moving, short, long", flop=CHANGE_AFTER, seeds="9000, 9001") + LAW
    (place / "trial.promo").write_text(text, encoding="utf-8")
    assert promo("run", place / "trial.promo", "--quiet") == 0
    return StudyFolder(place / "trial.study")


def test_a_change_of_context_behind_a_stage_is_made_in_the_branch_that_comes_to_it(branched):
    found = branched.decision(branched.compiled(), branched.state(), "growing").found
    attempts = {
        stage: [one for one in branched.state().every_attempt(stage) if one.candidate == "moving"]
        for stage in ("whole", "further")
    }

    assert found.grounds is Grounds.TOLD
    at = found.path[1].at
    assert CHANGE_AFTER < at < 4_800_000_000
    for one in attempts["whole"]:
        assert (branched.request(one).changes, branched.result(one).body.segments) == ((), ())
    for one in attempts["further"]:
        (change,) = branched.request(one).changes
        before, after = branched.result(one).body.segments
        assert (change.at, change.settings["context"], change.way) == (at, 64, None)
        assert from_exact(before.before) < at <= from_exact(before.until) < from_exact(after.until)
        assert after.tokens > 0


def test_both_verifiers_take_it_and_the_report_has_its_loss_against_compute(branched, tmp_path):
    assert promo("verify", branched.path) == 3
    again = subprocess.run(
        [sys.executable, branched.path / "recheck.py", branched.path], capture_output=True, text=True, check=False
    )
    assert again.returncode == 3, again.stdout
    assert promo("report", branched.path, "--format", "md", "--out", tmp_path / "it.md") == 0
    said = (tmp_path / "it.md").read_text(encoding="utf-8")
    assert "| moving | further, at its end | 4.8e9 flop |" in said
    assert "| moving | further, on the way |" in said
