"""Killed at every flush, rename, folder and start of a process, a study goes on with the same decisions."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from promo.driver.study import StudyFolder
from promo.ledger.state import AttemptState, StudyState
from support import promo, spec

DRIVER = Path(__file__).with_name("killed_at.py")
STRIDE = 37
"""Of all points, the quick test takes one in so many; the slow one takes all."""


def text():
    """The sound spec, made small: three candidates, one seed in each stage."""
    return (
        spec("use")
        .replace("members base, good, fair, poor", "members base, good, fair")
        .replace("candidate poor like base { quality = 4 }\n", "")
        .replace('candidate spare like base {\n  size = 16\n  ratio = 4\n  behaviour = "ok"\n}', "")
        .replace("factor size: units in 1..64 step 1 default 8", "")
        .replace("factor ratio: units in [1, 4] default 1", "")
        .replace("seeds 1, 2", "seeds 1")
        .replace("seeds 3, 4", "seeds 3")
    )


def killed_run(deadline, study):
    words = [sys.executable, str(DRIVER), str(deadline), "run", "trial.promo", "--quiet", "--study", study]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def promoted_and_answers(study):
    decisions = StudyFolder(Path(study)).state().decisions
    return {name: one.get("promoted", one.get("answer")) for name, one in decisions.items()}


def killed_everywhere(workplace, stride):
    (workplace / "trial.promo").write_text(text(), encoding="utf-8")
    whole = killed_run(0, "whole")
    assert whole.returncode == 0, whole.stderr
    points = int(whole.stderr.split()[-1])
    expected = promoted_and_answers("whole")
    values = json.loads(Path("whole/evidence/short.json").read_bytes())["rows"]
    for deadline in range(1, points + 1, stride):
        folder = StudyFolder(workplace / f"at-{deadline}")
        assert killed_run(deadline, str(folder.path)).returncode == 99
        before = folder.state() if folder.exists else None
        assert promo("run", "trial.promo", "--quiet", "--study", folder.path) == 0, deadline

        state = folder.state()
        assert state.study is StudyState.CLOSED
        assert promoted_and_answers(folder.path) == expected
        rows = json.loads((folder.path / "evidence" / "short.json").read_bytes())["rows"]
        assert {name: [one["value"] for one in row] for name, row in rows.items()} == {
            name: [one["value"] for one in row] for name, row in values.items()
        }
        for run, tried in state.attempts.items():
            assert sum(one.state is AttemptState.ACCEPTED for one in tried) == 1  # counted once
            had = before.accepted(run) if before else None
            assert had is None or state.accepted(run).envelope == had.envelope  # what was acknowledged is kept
        assert promo("verify", folder.path) == 3
    return points


def test_a_study_killed_at_some_points_decides_the_same(workplace):
    assert killed_everywhere(workplace, STRIDE) > 100


@pytest.mark.slow
def test_a_study_killed_at_every_point_decides_the_same(workplace):
    assert killed_everywhere(workplace, 1) > 100
