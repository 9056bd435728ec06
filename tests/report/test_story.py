"""The story of a study: five sentences at most, whatever it decided."""

import os
import re
from pathlib import Path

import pytest

from promo.driver.report import record_of
from promo.driver.study import StudyFolder
from promo.report.view import build_view
from support import promo, spec

INLINE = 'host box {\n  device "cpu" on any\n  slots 1\n  executor inline\n}'
CLAIM = """frozen rule claim_{number} {{
  judge {who} against base at long
  require mean gap at most {most}pt
  missing stop
  absent skip
}}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    place = tmp_path_factory.mktemp("story")
    asked = [("good", 0.5), ("good", 3), ("good", -3), ("fair", 1), ("poor", 1)]
    rules = "\n".join(CLAIM.format(number=number, who=who, most=most) for number, (who, most) in enumerate(asked))
    (place / "trial.promo").write_text(spec("rule", host=INLINE, extra=rules), encoding="utf-8")
    before = Path.cwd()
    os.chdir(place)
    try:
        assert promo("run", "trial.promo", "--quiet") == 0
    finally:
        os.chdir(before)
    return build_view(record_of(StudyFolder(place / "trial.study")))


def test_many_decisions_are_five_sentences_and_each_has_its_own_too(study):
    assert len(study.story) > 5
    assert len(study.short) <= 5
    assert study.short[0].startswith("Candidates trained: 4 at short for 1 s; 2 at long for 2 s")
    assert (
        study.short[1]
        == "pick promoted good (quality 1) and base to long; dropped fair (quality 3) and poor (quality 4)."
    )
    assert study.short[2] == "Of 5 rules, claim_0 and claim_1 hold; claim_2 fails; claim_3 and claim_4 are undecided."
    assert "runs spent 17 s in simulated training of a budget of 17 s" in study.short[-1]
    for rule in range(5):
        assert any(re.match(f"claim_{rule} ", sentence) for sentence in study.story)
