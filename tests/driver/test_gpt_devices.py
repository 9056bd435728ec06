"""A study whose later stage trains on more devices: one process first, then two that train each model together."""

import json
from argparse import Namespace
from fractions import Fraction

import pytest

from support import TWO_MODELS, promo

pytest.importorskip("torch")

from promo.templates import recheck

from promo.driver.study import StudyFolder

WIDTHS = {"one": 1, "two": 2}
"""Stage -> devices of its runs."""
SPEC = (
    """promo 1

study tiny {
  title    "Does the wider one stay ahead on two devices?"
  measure  val_bpb in bpb, lower is better
  runner   gpt
  budget   10usd
}

"""
    + TWO_MODELS.replace("  slots    1\n", "  slots    2\n  price    36usd\n")
    + """
stage one {
  train    wide, narrow for 6steps
  cap      30s
  on       here
  seeds    1
}

stage two {
  after    pick
  continue promoted from one to 12steps
  devices  2
}

frozen gate pick {
  from     one to two
  rank     by mean val_bpb over host, seed
  keep     top 1
  missing  rerun 1, then drop
  crash    as missing
  ties     by name
}

frozen rule level {
  judge    promoted at two
  require  mean val_bpb at most 9bpb
  missing  stop
}
"""
)


def test_one_process_and_then_two_are_trained_priced_and_verified(workplace, capsys):
    (workplace / "tiny.promo").write_text(SPEC, encoding="utf-8")
    assert promo("run", "tiny.promo", "--quiet") == 0

    folder = StudyFolder(workplace / "tiny.study")
    state = folder.state()
    (who,) = state.promoted("pick")
    ended = {one.stage: one for one in state.every_attempt() if one.candidate == who}
    bodies = {stage: folder.result(one).body for stage, one in ended.items()}
    assert {stage: folder.request(one).devices for stage, one in ended.items()} == WIDTHS
    assert {stage: one.details.get("processes", 1) for stage, one in bodies.items()} == WIDTHS
    assert folder.request(ended["two"]).continues.state == bodies["one"].checkpoint

    capsys.readouterr()
    assert promo("status", "tiny.promo", "--json") == 0
    money = json.loads(capsys.readouterr().out)["money"]
    paid = sum(Fraction(one.device_s) * WIDTHS[one.stage] for one in state.every_attempt()) * 36 / 3600
    assert Fraction(money["spent"]) == paid
    assert promo("verify", "tiny.promo") == 3
    assert recheck.check(folder.path, Namespace(key=[], authority=[], anchor=[]), [].append) == 3
