"""Reductions: factors fixed by their effects, from the spec to the audit, with real processes."""

import re
import shutil
from argparse import Namespace
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest
from promo.templates import recheck

from promo.base.canonical import canonical, parse_json
from promo.base.classes import evolve
from promo.base.codec import from_json, to_json
from promo.cli.spec import compile_file
from promo.decision.values import Decision, Fate, Reducing, verdict_of
from promo.driver.study import StudyFolder
from promo.evidence.estimates import EffectTable
from promo.ledger.outcomes import RunsLacking, Stopped
from promo.ledger.state import StudyState
from promo.ledger.values import Decided, EffectsEstimated, RunStatus
from promo.report.decided import decision_words, fate_words
from promo.report.planned import plan_text
from support import pin_runner, promo, rewritten

# Three factors: a costs at its high level, b gains there, c does nothing; the noise is that of a hash.
TRAIN = """
import hashlib

from promo.run.contract import Outcome
from promo.run.function import runner
from promo.run.values import Counter, RunStatus, Used
from promo.study.values import BudgetKind


@runner(
    metrics={"loss": {"unit": "pt", "better": "lower"}},
    factors={
        "a": {"unit": "points", "default": 0, "low": -9, "high": 9},
        "b": {"unit": "points", "default": 0, "low": -9, "high": 9},
        "c": {"unit": "points", "default": 0, "low": -9, "high": 9},
    },
)
def train(a, b, c, seed, budget, record):
    noise = hashlib.sha256(f"{a}/{b}/{c}/{seed}/{budget}".encode()).digest()[0] / 2550
    value = 5 + a - (3 * b if budget < 4 else TURNED) + noise
    record.point(step=1, charged_s=budget, loss=value)
    if FAILS:
        raise ValueError("it broke on purpose")
    used = Used(BudgetKind.WALL, str(budget), None, Counter.SIMULATED)
    return Outcome(RunStatus.OK, {"loss": value}, used=used)
"""

SPEC = """promo 1

study trial {
  title    "A trial"
  measure  loss in pt, lower is better
  runner   "train.py"
}

host box {
  device   "cpu" on any
  slots    2
  executor inline
}

factor a: points in 0..1 step 1 default 0

factor b: points in 0..1 step 1 default 0

factor c: points in 0..1 step 1 default 0

design screen fraction 2^(3 - 1) {
  vary     a low 0 high 1
  vary     b low 0 high 1
  vary     c low 0 high 1
}

design refine full {
  vary     a low 0 high 1
  vary     b low 0 high 1
  vary     c low 0 high 1
}

cohort half {
  rows     screen all
}

stage short {
  train    half for 1s
  on       box
  seeds    1, 2
}

stage longer {
  train    half for 2s
  on       box
  seeds    3, 4
}

stage refined {
  after    fewer
  train    promoted for 3s
  on       box
  seeds    5
  report   only
}

effects penalties {
  from     short, longer
  model    main
  family   main
  rate     5%
}

frozen reduce fewer {
  from     penalties
  fix      factor when discovered and effect at least 0.5pt
  to       better level
  into     refine
  missing  rerun 1, then stop
}
"""


def write(place: Path, text: str = SPEC, turned: str = "3 * b", fails: str = "False") -> Path:
    """Writes the study with its trainer, pinned, and gives its path."""
    train = TRAIN.replace("TURNED", turned).replace("FAILS", fails)
    (place / "train.py").write_text(train, encoding="utf-8")
    path = place / "trial.promo"
    path.write_text(text, encoding="utf-8")
    pin_runner(path)
    return path


@pytest.fixture
def started(workplace):
    return partial(write, workplace)


def reduced(path: Path, file: str = "fewer.json") -> tuple[Decision, Reducing]:
    """A decision of the reduction as it is stored, and what it found."""
    decision = from_json(Decision, parse_json((path.with_suffix(".study") / "decisions" / file).read_bytes()))
    assert decision.reducing is not None
    return decision, decision.reducing


def levels(found: Reducing) -> list[object]:
    """Where each factor is fixed; None where it is not."""
    return [one.level for one in found.factors]


def rechecked(folder: Path) -> tuple[int, list[str]]:
    """What the second verifier says of a study."""
    said: list[str] = []
    return recheck.check(folder, Namespace(key=[], authority=[], anchor=[]), said.append), said


def test_a_reduction_is_planned_at_its_worst_and_decided_from_effects(started, capsys):
    path = started()

    assert promo("freeze", path) == 0
    assert promo("plan", path) == 0
    assert "is fixed at its better level" in " ".join(capsys.readouterr().out.split())
    assert promo("run", path, "--quiet") == 0

    folder = StudyFolder(path.with_suffix(".study"))
    state = folder.state()
    decision, found = reduced(path)
    assert state.decisions["fewer"].verdict.fixed == (("a", 0), ("b", 1))
    assert state.opened["refined"] == decision.promoted == ("refine_7", "screen_3")
    assert levels(found) == [0, 1, None]
    assert (found.factors[2].fate, found.factors[2].at) == (Fate.NOT_DISCOVERED, "short")
    assert fate_words(found.factors[2]) == "not discovered at short"
    assert sorted(one.of for one in decision.inputs) == ["longer", "penalties", "short"]
    assert promo("verify", path) == 3
    code, said = rechecked(folder.path)
    assert (code, "recomputed: 3 stages, 1 effect, 1 verdict, 0 amendments" in said) == (3, True), said


def test_a_reduction_is_told_in_why_status_and_every_report(started, capsys):
    path = started()
    promo("run", path, "--quiet")
    capsys.readouterr()

    promo("why", "screen_1", "--study", path.with_suffix(".study"))
    said = capsys.readouterr().out
    assert "screen_1 is not promoted by fewer: b is fixed at 1, and it has 0" in said
    assert "c stays in the search: not discovered at short" in said
    for form, expected in {"html": "fixed at 1", "md": "| b | -", "json": '"fixed at 1"', "csv": ""}.items():
        target = path.with_name(f"out.{form}")
        assert promo("report", path, "--format", form, "--out", target) == 0
        table = path.with_name("out.decisions.csv") if form == "csv" else target
        assert (expected or "fewer,reduce,short") in table.read_text(encoding="utf-8")
    promo("status", path)
    assert "fewer: fixed a at 0, b at 1; promoted refine_7 (b 1) and screen_3 (b 1, c 0)" in capsys.readouterr().out


def test_while_a_reduction_waits_for_a_person_nobody_is_promoted_or_dropped(started, capsys):
    path = started(SPEC.replace("rerun 1, then stop", "hold"), fails="budget == 2 and a == b == 1")
    assert promo("run", path, "--quiet") == 5
    page, target = path.with_suffix(".study") / "report.html", path.with_name("out.md")
    assert promo("report", path, "--format", "md", "--out", target) == 0
    for told in (page, target):
        assert "Open until a person has decided." in told.read_text(encoding="utf-8")
        assert "Dropped: " not in told.read_text(encoding="utf-8")
    capsys.readouterr()
    assert promo("why", "screen_1", "fewer", "--study", path.with_suffix(".study")) == 0
    assert "screen_1 is not promoted yet by fewer" in capsys.readouterr().out

    words = ("decide", path, "fewer", "--promote", "refine_7", "--by", "Ada", "--reason", "enough")
    assert promo(*words) == 0
    assert promo("report", path, "--format", "md", "--out", target) == 0
    assert re.search(r"(?m)^Promoted: refine.{1,2}7 .*Dropped: .*screen", target.read_text(encoding="utf-8"))


def test_a_factor_that_turns_around_stays_in_the_search(started):
    path = started(SPEC.replace("for 2s", "for 5s"), turned="-3 * b")
    promo("run", path, "--quiet")

    decision, found = reduced(path)
    assert levels(found) == [0, None, None]
    assert found.factors[1].fate is Fate.INCONSISTENT
    assert fate_words(found.factors[1]) == "its better level is not the same at every stage"
    assert len(decision.promoted) == 4
    page = (path.with_suffix(".study") / "report.html").read_text(encoding="utf-8")
    assert re.search(r"b changes its sign: -[\d.]+ at short, \+[\d.]+ at longer; both intervals exclude zero", page)
    for picture in ("Effects from short and longer: ", "Ranks of conditions, best first. short: "):
        assert f'role="img" aria-label="{picture}' in page


STEPS = "  vary     a low -1 high 0\n  vary     c low 0 high 1\n}\n\ncohort"
NEAR = (
    SPEC.replace("a: points in 0..1 step 1", "a: points in -1..1 step 1")
    .replace("design refine full", "design near neighbours of pick")
    .replace("  vary     a low 0 high 1\n  vary     b low 0 high 1\n  vary     c low 0 high 1\n}\n\ncohort", STEPS)
    .replace("after    fewer\n  train    promoted for", "after    pick\n  train    promoted, near for")
    .replace("into     refine", "into     near")
    + """
stage last {
  after    fewer
  train    promoted, half for 4s
  on       box
  seeds    6
  report   only
}

gate pick {
  from     longer to refined
  rank     by mean loss over host, seed
  keep     top 1
  missing  drop
  crash    as missing
  ties     by name
}
"""
)


def test_neighbours_of_the_promoted_enter_with_them_and_a_reduction_takes_those_that_agree(started, capsys):
    path = started(NEAR)
    empty = path.with_name("empty.promo")
    empty.write_text(path.read_text(encoding="utf-8").replace("  vary     c low 0 high 1\n}\n\ncohort", "}\n\ncohort"))
    plan = compile_file(str(path)).sound()[1]
    assert promo("run", path, "--quiet") == 0

    state = StudyFolder(path.with_suffix(".study")).state()
    assert state.promoted("pick") == ("screen_3",)
    near = [name for name in state.opened["refined"] if name.startswith("near_")]
    assert state.opened["refined"] == (*near, "screen_3")
    assert len(near) == 2
    assert plan.stage("refined").entrants.planned == 4  # one of four, and its three neighbours at most
    decision, found = reduced(path)
    assert found.around == ("screen_3",)
    assert len(decision.promoted) == 1
    assert set(state.opened["last"]) == {*decision.promoted, "screen_1", "screen_2", "screen_3", "screen_4"}
    assert promo("verify", path) == 3
    assert promo("run", empty, "--quiet") == 0  # its one neighbour does not agree, so there is nothing to refine
    assert reduced(empty)[0].promoted == ()


BASELINES = (
    SPEC
    + """
baseline drawn {
  space    screen
  matched  short
  seed     7
}

baseline walked {
  space    screen
  matched  short
  from     default
}
"""
)


def test_baselines_spend_what_the_matched_stage_does_and_say_where_they_came_out(started, capsys):
    path = started(BASELINES)
    plan = compile_file(str(path)).sound()[1]
    assert promo("run", path, "--quiet") == 0
    said = capsys.readouterr().out

    steps = [f"walked_step_{number}" for number in range(1, 5)]
    priced = {stage.name: stage.budget_s for stage in plan.stages}
    assert priced["drawn"] == priced["short"] == sum(priced[step] for step in steps) == 8
    folder = StudyFolder(path.with_suffix(".study"))
    state = folder.state()
    assert len(state.opened["drawn"]) == 4
    study = compile_file(str(path)).sound()[0]
    tried = [dict(study.candidates[state.opened[step][0]].levels) for step in steps]
    assert [tuple(map(int, one.values())) for one in tried] == [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 1, 1)]
    assert "drawn drew 4 conditions of the 8 of screen with seed 7, with the budget of short, 8 s" in said
    assert "1 at each of 4 steps of walked for 1 s" in said
    assert "   walked, 4 steps  " in plan_text(study, plan)
    assert "walked_step_2" not in plan_text(study, plan)
    assert f"tried 4 conditions of the 8 of screen and moved to {state.opened['walked_step_3'][0]}" in said
    assert promo("verify", path) == 3
    assert rechecked(folder.path)[0] == 3


def test_missing_runs_stop_the_study_or_are_skipped_as_the_reduction_says(started, capsys):
    path = started(fails="(a, b) == (1, 1) and budget == 2")
    assert promo("run", path, "--quiet") == 4

    folder = StudyFolder(path.with_suffix(".study"))
    state = folder.state()
    tried = [one for one in state.every_attempt("longer") if one.status is RunStatus.CRASH]
    assert state.study is StudyState.STOPPED
    assert len(tried) == 4  # two cells, each tried again once
    assert state.decisions["fewer"].verdict.outcome == Stopped(RunsLacking(2, "longer"))
    said = decision_words(reduced(path)[0], folder.compiled().sound()[0], str)
    assert said == "fewer stopped the study: 2 runs lack a value at longer, and the reduction says: missing stop"

    other = path.with_name("other.promo")
    other.write_text(path.read_text(encoding="utf-8").replace("rerun 1, then stop", "skip"), encoding="utf-8")
    assert promo("run", other, "--quiet") == 0
    assert reduced(other)[0].promoted


def test_a_reduction_is_amended_like_a_gate_and_is_simulated_by_its_effects_alone(started, capsys):
    path = started()
    promo("run", path, "--quiet")
    path.write_text(path.read_text(encoding="utf-8").replace("at least 0.5pt", "at least 2pt"), encoding="utf-8")

    assert promo("amend", path, "--gate", "fewer", "--reason", "only what is large", "--by", "me") == 0
    assert promo("verify", path) == 3
    assert levels(reduced(path, "fewer.amendment-1.json")[1]) == [None, 1, None]
    capsys.readouterr()
    assert promo("simulate", path, "--noise", "1") == 0
    said = capsys.readouterr().out
    assert "gates are not simulated, because fewer looks at factors" in said
    assert "power of penalties at short: 1 host x 2 seeds, 8 runs" in said


def test_verify_finds_a_reduction_that_was_changed(started, capsys):
    path = started()
    promo("run", path, "--quiet")
    changed = evolve(reduced(path)[0], promoted=("screen_1",))
    stored = path.with_suffix(".study") / "decisions" / "fewer.json"
    stored.write_bytes(canonical(to_json(changed)) + b"\n")

    assert promo("verify", path) == 1
    assert "decisions/fewer.json was changed" in capsys.readouterr().out


WRONG = {"value": "0.9", "adjusted": "0.001", "discovered": False}
"""Of the effect of c at longer."""


def stored_anew(study: Path, file: str, value: EffectTable | Decision) -> None:
    (study / file).write_bytes(canonical(to_json(value)) + b"\n")


def by_both(study: Path, capsys: pytest.CaptureFixture[str]) -> list[tuple[int, list[str]]]:
    """What each verifier says of a study: its exit code, and what differs."""
    capsys.readouterr()
    codes = [promo("verify", study)]
    words = [capsys.readouterr().out.splitlines()]
    code, said = rechecked(study)
    return [
        (code, [line for line in lines if line.startswith("DIFFERS")])
        for code, lines in zip([*codes, code], [*words, said], strict=True)
    ]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study, made once."""
    path = write(tmp_path_factory.mktemp("finished"))
    assert promo("run", path, "--quiet") == 0
    return path.with_suffix(".study")


def test_it_is_said_how_many_runs_kept_their_budget(finished, capsys):
    assert promo("verify", finished) == 3
    assert "budgets: kept for 18 of 18 accepted runs, not known for 0\n" in capsys.readouterr().out


@pytest.mark.parametrize("field", WRONG)
def test_both_verifiers_find_effects_that_do_not_follow_though_every_digest_was_made_to_fit(
    finished, tmp_path, capsys, field
):
    study = shutil.copytree(finished, tmp_path / "copy.study")
    table = from_json(EffectTable, parse_json((study / "evidence/penalties.json").read_bytes()))
    wrong = evolve(table.fits[1].estimates[2], **{field: WRONG[field]})
    estimates = (*table.fits[1].estimates[:2], wrong)
    changed = evolve(table, fits=(table.fits[0], evolve(table.fits[1], estimates=estimates)))
    stored_anew(study, "evidence/penalties.json", changed)

    def fitted(event):
        if not isinstance(event.event, EffectsEstimated):
            return event.event
        found = tuple((fit.stage, changed.discovered(fit.stage)) for fit in changed.fits)
        return evolve(event.event, effects=changed.digest, discovered=found)

    assert [one.effect for one in table.fits[1].estimates] == [("a",), ("b",), ("c",)]
    rewritten(study / "ledger.jsonl", fitted)
    for code, said in by_both(study, capsys):
        assert code == 1
        assert any("penalties" in line for line in said), said


def test_both_verifiers_find_a_reduction_that_does_not_follow_though_every_digest_was_made_to_fit(
    finished, tmp_path, capsys
):
    study = shutil.copytree(finished, tmp_path / "copy.study")
    decision, found = reduced(study)
    factors = (*found.factors[:2], evolve(found.factors[2], level=Fraction(1), fate=Fate.FIXED, at=None))
    changed = evolve(decision, found=evolve(found, factors=factors))
    stored_anew(study, "decisions/fewer.json", changed)

    def fitted(event):
        fits = isinstance(event.event, Decided)
        return evolve(event.event, verdict=verdict_of(changed, 0)) if fits else event.event

    rewritten(study / "ledger.jsonl", fitted)
    for code, said in by_both(study, capsys):
        assert code == 1
        assert any("fewer" in line for line in said), said


def test_the_worst_case_of_a_reduction_is_that_nothing_is_fixed(started):
    plan = compile_file(str(started())).sound()[1]

    assert plan.stage("refined").entrants.planned == 8
    assert plan.stage("refined").entrants.fewest == 0
    assert plan.stage("longer").run_count.most == 8 * 5
