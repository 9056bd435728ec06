"""Rules about candidates that a gate or a stage finds: a whole study, both verifiers, and what is said of it."""

import json
from argparse import Namespace

import pytest
from promo.templates import recheck

from support import SOUND, promo, spec

INLINE = SOUND["host"].replace("any\n", "any\n  executor inline\n")


def run(place, judge: str) -> None:
    rule = SOUND["rule"].replace("judge good", f"judge {judge}").replace("at most 0.5pt", "at most 0pt")
    text = spec(host=INLINE, rule=rule).replace("keep top 1", "keep top 2")
    (place / "trial.promo").write_text(text, encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 0


def decision(place) -> dict:
    (found,) = (place / "trial.study" / "decisions").glob("close*.json")
    return json.loads(found.read_bytes())


@pytest.mark.parametrize(
    ("judge", "judged", "answer"), [("promoted", ["fair", "good"], "fails"), ("best of short", ["good"], "holds")]
)
def test_who_is_judged_is_recorded_verified_and_told(workplace, capsys, judge, judged, answer):
    """good is better than base by one point, fair worse by one."""
    run(workplace, judge)

    decided = decision(workplace)["found"]
    assert (decided["judged"], decided["answer"]) == (judged, answer)
    assert promo("verify", "trial.study") == 3  # consistent, and nobody outside vouches for it
    given = Namespace(key=[], authority=[], anchor=[])
    assert recheck.check(workplace / "trial.study", given, lambda line: None) == 3
    capsys.readouterr()
    assert promo("why", judged[0], "close", "--study", "trial.study") == 0
    told = capsys.readouterr().out
    called = " and ".join({"fair": "fair (quality 3)", "good": "good (quality 1)"}[name] for name in judged)
    assert f"close {answer} for {called} against base" in told
    whose = ", fair (quality 3)" if len(judged) > 1 else ""
    assert f"On box with seed 3{whose}: " in told
