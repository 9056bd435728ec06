"""Killed at every write, flush, rename, start of a process and call of an executor, a study decides the same."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from promo.base.canonical import parse_json
from promo.base.codec import from_json
from promo.driver.study import StudyFolder
from promo.evidence.values import Evidence
from promo.ledger.chain import decode
from promo.ledger.state import AttemptState, StudyState, state_of
from support import promo, promoted_and_answers, trivial

DRIVER = Path(__file__).with_name("killed_at.py")
STRIDE = {"inline": 150, "local": 74}
"""Of all points, the quick test takes one in so many; the slow one takes all."""


GROWTH = """
factor size: units in [8, 16] default 8
grow better {
  parent   base at short
  stack    size 8 -> 16 by [copy_top, interleave]
  choose   lowest loss after 9steps
  cap      1min
  becomes  grown
}
stage later {
  train    grown for 4s
  on       box
  seeds    1 shared
  report   only
}
"""
MORE = {"inline": GROWTH, "local": ""}


def values(folder):
    stored = parse_json((folder.path / "evidence" / "short.json").read_bytes())
    return {row.candidate: [one.value for one in row.cells] for row in from_json(Evidence, stored).rows}


def killed_everywhere(workplace, executor, stride):
    """How many points were tried; every one is held to the unbroken run."""
    (workplace / "trial.promo").write_text(trivial(executor) + MORE[executor], encoding="utf-8")
    words = [sys.executable, str(DRIVER), "trial.promo", str(stride), str(stride // 2)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert lines[0]["killed"] == 0
    whole = StudyFolder(workplace / "whole")
    expected, measured = promoted_and_answers(whole.state()), values(whole)
    for line in lines[1:]:
        folder = StudyFolder(workplace / f"at-{line['at']}")
        assert (line["killed"], line["resumed"]) == (99, 0), line
        content = (folder.path / "before").read_bytes()
        (folder.path / "before").unlink()
        before = state_of(decode(content + b"\n" * bool(content)).events)
        state = folder.state()
        assert state.study is StudyState.CLOSED
        assert promoted_and_answers(state) == expected
        assert values(folder) == measured
        for run, tried in state.attempts.items():
            assert sum(one.state is AttemptState.ACCEPTED for one in tried) == 1  # counted once
            had = before.accepted(run)
            assert had is None or state.accepted(run).envelope == had.envelope  # what was acknowledged is kept
            assert had is None or len(tried) == had.number  # and not trained again
        assert promo("verify", folder.path) == 3
    return len(lines) - 1, lines[0]["points"]


@pytest.mark.parametrize("executor", STRIDE)
def test_a_study_killed_at_some_points_decides_the_same(workplace, executor):
    tried, points = killed_everywhere(workplace, executor, STRIDE[executor])

    assert tried == len(range(1 + STRIDE[executor] // 2, points + 1, STRIDE[executor])) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("executor", STRIDE)
def test_a_study_killed_at_every_point_decides_the_same(workplace, executor):
    tried, points = killed_everywhere(workplace, executor, 1)

    print(f"{executor}: killed at {tried} of {points} points")
    assert tried == points > 100
