"""While a gate waits for a person nobody is promoted or dropped, in whatever tells of it."""

from pathlib import Path

import pytest

from promo.api import load
from promo.driver.report import record_of
from promo.driver.study import StudyFolder
from promo.report.render import render_html, render_markdown
from promo.report.view import build_view
from studies import behaving
from support import INLINE, SOUND, promo, spec

HOLDS = SOUND["gate"].replace("rerun 1, then drop", "hold")


@pytest.fixture
def study(workplace):
    """One of four has no value at its first stage, and its gate asks a person what to do."""
    text = spec("use", host=INLINE, gate=HOLDS, candidate=behaving("fair", "crash"))
    (workplace / "trial.promo").write_text(text, encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 5
    return StudyFolder(Path("trial.study"))


def verdicts():
    """Of all candidates, in each table of the study that has them."""
    told = load("trial.study")
    return {
        "runs": {one.candidate: one.verdict for one in told.runs() if one.stage == "short"},
        "decisions": {one.candidate: one.verdict for one in told.decisions() if one.decision == "pick"},
        "report": {
            one.candidate: one.verdict
            for one in build_view(record_of(StudyFolder(Path("trial.study")))).gates[0].standings
        },
    }


def test_nobody_is_promoted_or_dropped_until_a_person_has_decided(study, capsys):
    record = record_of(study)
    view = build_view(record)
    capsys.readouterr()

    assert verdicts() == dict.fromkeys(
        ("runs", "decisions", "report"), dict.fromkeys(("base", "fair", "good", "poor"), "open")
    )
    for page in (render_html(view), render_markdown(view)):
        assert ", dropped" not in page
        assert "not continued" not in page
    assert "dropped" not in view.gates[0].picture.svg
    for name in ("good", "fair"):
        assert promo("why", name, "pick", "--study", "trial.study") == 0
        told = capsys.readouterr().out
        assert told.startswith(f"pick waits for a person, who decides whether {name} (quality ")
        assert "was not promoted" not in told


def test_once_a_person_has_decided_that_is_what_is_told(study, capsys):
    assert promo("decide", "trial.promo", "pick", "--promote", "good,base", "--by", "Ada", "--reason", "enough") == 0
    capsys.readouterr()
    found = {"base": "promoted", "fair": "dropped", "good": "promoted", "poor": "dropped"}

    assert verdicts() == dict.fromkeys(("runs", "decisions", "report"), found)
    assert ", dropped" in render_markdown(build_view(record_of(study)))
    assert promo("why", "fair", "pick", "--study", "trial.study") == 0
    assert capsys.readouterr().out.startswith("fair (quality 3, behaviour crash) was not promoted to long by pick")
