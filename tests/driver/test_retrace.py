"""What a spec would have done in memory is what `promo replay` does on disk."""

from fractions import Fraction

import pytest

from promo.curves.replay import build_replay
from promo.curves.values import Column, Settings
from promo.decision.agenda import Agenda
from promo.driver.readings import Readings
from promo.driver.requests import recorded_runs
from promo.driver.retrace import Retrace
from promo.driver.study import StudyFolder
from promo.plans.compile import compile_plan
from support import promo, promoted_and_answers, recorded, study_of

GATE = """stage short {
  train   four for 10s
  on      box
  seeds   1, 2, 3 shared
}

stage long {
  after   pick
  train   promoted for 30s
  on      box
  seeds   1, 2, 3 shared
}

stage last {
  after    final
  continue promoted from long to 60s
  report   only
}

frozen gate pick {
  from     short to long
  rank     by mean loss over host, seed
  keep     KEEP
CLAUSES  missing  MISSING
  crash    CRASH
  ties     by name
}

frozen gate final {
  from     long to last
  rank     by mean loss over host, seed
  keep     top 1
  missing  drop
  crash    as missing
  ties     by name
}
"""
VALUES = {"a": (4.0, 3.0, 2.0), "b": (3.0, 2.8, 2.6), "c": (5.0, 4.5, 4.0), "d": (6.0, 2.0, 1.0)}
CASES = {
    "plain": ("top 2", "", "drop", "as missing", ()),
    "a crash": ("top 2", "", "rerun 1, then drop", "as missing", (("b", 2, "crash"),)),
    "a crash with a second run": ("top 2", "", "rerun 1, then drop", "as missing", (("b", 2, "crash"), ("b", 2, "ok"))),
    "ranked last": ("top 3", "", "drop", "rerun 1, then worst", (("a", 1, "nan"), ("a", 1, "oom"))),
    "a stop": ("top 2", "", "stop", "as missing", (("c", 1, "killed"),)),
    "hold": ("top 2", "", "hold", "as missing", (("c", 1, "killed"),)),
    "a guard": ("top 2", "  guard    throughput within 20% of candidate, rerun 1, then drop\n", "drop", "as missing",
                (("b", 2, "slow"),)),
    "a guard and a second run": ("top 2", "  guard    throughput within 20% of candidate, rerun 1, then drop\n", "drop",
                                 "as missing", (("b", 2, "slow"), ("b", 2, "ok"))),
    "a sample": ("top 1", "  sample   1 dropped seed 9\n", "drop", "as missing", ()),
    "a demand": ("top 1", "  demand   mean loss at most 3pt else keep top 3\n", "drop", "as missing", ()),
}  # fmt: skip


def table(odd) -> str:
    """Four configs in three seeds; the cells of *odd* have the runs that it lists, one behind the other."""
    lines = ["config,seed,attempt,step,seconds,loss,status"]
    runs = [
        (config, seed, "ok") for config in VALUES for seed in (1, 2, 3) if (config, seed) not in {o[:2] for o in odd}
    ]
    counts: dict[tuple[str, int], int] = {}
    for config, seed, how in (*runs, *odd):
        number = counts[config, seed] = counts.get((config, seed), 0) + 1
        steps = 40 if how == "slow" else 100
        if how not in ("ok", "slow"):
            lines.append(f"{config},{seed},{number},500,5,9.5,{how}")
            continue
        for at, value in zip((10, 30, 60), VALUES[config], strict=True):
            lines.append(f"{config},{seed},{number},{at * steps},{at},{value + seed / 10 + number / 100:.2f},ok")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("case", CASES)
def test_a_retrace_promotes_and_spends_what_the_replay_does(workplace, case):
    keep, clauses, missing, crash, odd = CASES[case]
    body = GATE.replace("KEEP", keep).replace("CLAUSES", clauses).replace("MISSING", missing).replace("CRASH", crash)
    spec = recorded("four", body, one="a", two="b", three="c", four_="d")
    (workplace / "trial.promo").write_text(spec, encoding="utf-8")
    (workplace / "t.csv").write_text(table(odd))
    code = promo("replay", "trial.promo", "--curves", "t.csv", "--column", "status=status", "--quiet")
    assert code == {"a stop": 4, "hold": 5}.get(case, 0)
    state = StudyFolder(workplace / "trial.study").state()

    study = study_of(spec)
    settings = Settings(columns={Column.STATUS: "status"})
    replay = build_replay(study, "t.csv", (workplace / "t.csv").read_bytes(), settings)
    agenda = Agenda(study, compile_plan(study), recorded_runs(replay))
    found = Retrace(Readings(study, replay, None), agenda, {1: 1, 2: 2, 3: 3}).follow()

    assert found.state.opened == state.opened
    assert promoted_and_answers(found.state) == promoted_and_answers(state)
    assert [one.verdict.outcome for one in found.state.decisions.values()] == [
        one.verdict.outcome for one in state.decisions.values()
    ]
    assert (found.state.study, found.state.waiting()) == (state.study, state.waiting())
    spent = sum(Fraction(one.train_s or "0") for one in state.every_attempt())
    assert found.spent_s == spent
    flagged = [run for run in state.attempts if state.flagged(run)]
    assert [run for run in found.state.attempts if found.state.flagged(run)] == flagged
    assert bool(flagged) == case.startswith("a guard")


def test_a_run_that_two_stages_have_in_common_is_charged_once(workplace):
    """`promo compare` asks what the spec spends; the same runs at a second stage cost nothing more."""
    body = (
        GATE.replace("KEEP", "top 2").replace("CLAUSES", "").replace("MISSING", "drop").replace("CRASH", "as missing")
    )
    twin = "stage twin {\n  train   four for 10s\n  on      box\n  seeds   1, 2, 3 shared\n  report  only\n}\n\n"
    spent = {}
    for name, text in (("alone", body), ("with a twin", twin + body)):
        study = study_of(recorded("four", text, one="a", two="b", three="c", four_="d"))
        replay = build_replay(study, "t.csv", table(()).encode(), Settings(columns={Column.STATUS: "status"}))
        agenda = Agenda(study, compile_plan(study), recorded_runs(replay))
        found = Retrace(Readings(study, replay, None), agenda, {1: 1, 2: 2, 3: 3}).follow()
        spent[name] = found.spent_s, len(found.state.attempts), len(found.state.opened)

    assert spent["with a twin"] == (*spent["alone"][:2], spent["alone"][2] + 1)
    assert spent["alone"][0] > 0
