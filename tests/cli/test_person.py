"""`promo decide`: a person's verdict is shown wherever the gate or rule is, beside what it found by itself."""

import json
import re
from pathlib import Path

from promo.driver.study import StudyFolder
from support import promo, recorded

WHY = ("--by", "Ada", "--reason", "the early leader often fades")

SPEC = recorded(
    "three",
    """stage short {
  train   three for 10s
  on      box
  seeds   1 shared
}

stage long {
  after   pick
  train   promoted for 30s
  on      box
  seeds   1 shared
}

frozen gate pick {
  from     short to long
  rank     by mean loss over host, seed
  keep     top 1
  always   base
  demand   mean loss at most 1pt else hold
  missing  drop
  crash    as missing
  ties     by name
}

frozen rule early_holds {
  judge    early against base at long
  require  mean gain at least 0pt
  missing  skip
  absent   skip
  else     hold
}
""",
    base="a",
    early="b",
    poor="c",
)
"""Nobody meets the gate's demand; at 10 s `early` leads, at 30 s it does not."""

CURVES = """config,run,seed,seconds,loss
a,a1,1,9.5,4.0
a,a1,1,29.5,2.0
b,b1,1,9.5,3.0
b,b1,1,29.5,2.6
c,c1,1,9.5,5.0
c,c1,1,29.5,4.0
"""


def held(place: Path) -> tuple[Path, Path]:
    """A study whose gate waits."""
    path, curves = place / "trial.promo", place / "t.csv"
    path.write_text(SPEC, encoding="utf-8")
    curves.write_text(CURVES, encoding="utf-8")
    assert promo("replay", path, "--curves", curves, "--quiet") == 5
    return path, curves


def said(capsys, *words: object) -> str:
    capsys.readouterr()
    assert promo(*words) == 0
    return capsys.readouterr().out


def test_whoever_is_waited_for_is_told_how_to_decide(workplace, capsys):
    path, _ = held(workplace)

    out = capsys.readouterr().out
    assert "pick waits for a person: the demand is not met: mean loss at most 1 pt." in out
    assert f"promo decide {path.with_suffix('.study')} pick --promote NAMES (or --stop)" in out
    assert f"promo decide {path.with_suffix('.study')} pick --promote NAMES" in said(capsys, "status", path)
    assert "pick: waits for a person" in said(capsys, "status", path)
    assert f"next: promo replay {path} --curves FILE" in said(
        capsys, "decide", path, "pick", "--promote", "base,poor", *WHY
    )


def test_a_persons_verdict_on_a_gate_is_what_is_shown_and_what_it_found_stays(workplace, capsys):
    path, curves = held(workplace)
    folder = StudyFolder(workplace / "trial.study")
    recorded = folder.state().decisions["pick"]

    assert promo("decide", path, "pick", "--promote", "base,poor", *WHY) == 0
    out = said(capsys, "replay", path, "--curves", curves, "--quiet")
    assert "pick promoted base and poor (config c) to long; dropped early (config b); decided by Ada (the early" in out
    assert "waits for a person" not in out
    assert folder.state().decisions["pick"] == recorded
    assert "pick: promoted base and poor (config c); decided by Ada" in said(capsys, "status", path)
    told = said(capsys, "why", "poor", "pick", "--study", path)
    assert told.startswith("poor (config c) was promoted to long by pick: decided by a person.")
    assert "The gate waited for a person: the demand is not met" in told
    assert said(capsys, "why", "early", "pick", "--study", path).startswith("early (config b) was not promoted to long")
    (verdict,) = json.loads(said(capsys, "why", "poor", "pick", "--study", path, "--json"))["verdicts"]
    assert (verdict["standing"]["verdict"], verdict["person"]["by"]) == ("promoted", "Ada")
    assert promo("report", path, "--format", "csv") == 0
    rows = (folder.path / "report.decisions.csv").read_text().splitlines()
    assert any(",poor," in row and ",promoted,person," in row for row in rows)
    assert promo("verify", path) == 3


def test_a_persons_verdict_on_a_rule_stands_behind_what_the_rule_found(workplace, capsys):
    path, curves = held(workplace)
    assert promo("decide", path, "pick", "--promote", "base,early", *WHY) == 0
    assert promo("replay", path, "--curves", curves, "--quiet") == 5
    out = capsys.readouterr().out
    assert "inside the bound; it waits for a person." not in out
    assert "beyond the bound; it waits for a person." in out
    assert f"promo decide {path.with_suffix('.study')} early_holds --continue (or --stop)" in out

    assert promo("decide", path, "early_holds", "--continue", "--by", "Bob", "--reason", "noted") == 0
    out = said(capsys, "replay", path, "--curves", curves, "--quiet")
    assert "beyond the bound; continuing was decided by Bob (noted)." in out
    told = said(capsys, "why", "early", "early_holds", "--study", path)
    assert "The rule waited for a person: early_holds does not hold" in told
    assert re.search(r"A person decided, Bob on \S+: noted\.", told)


def test_a_person_may_stop_the_study(workplace, capsys):
    path, _ = held(workplace)

    assert promo("decide", path, "pick", "--stop", *WHY) == 0
    assert "pick: stopped the study: Ada decided to stop" in said(capsys, "status", path)
    told = said(capsys, "why", "poor", "pick", "--study", path)
    assert told.startswith("poor (config c) was not promoted to long by pick: the study stopped before anyone")
    assert re.search(r"A person decided, Ada on 20\d\d-\S+Z: the early leader often fades\.", told)
