"""Growth end to end with a runner that keeps no models: ways are tried, one is chosen, what grew is trained on."""

import json
import shutil

import pytest
from promo.templates import recheck

from promo.base.canonical import canonical, digest_bytes
from promo.base.classes import evolve
from promo.base.codec import to_json
from promo.driver.study import StudyFolder
from promo.ledger.values import AttemptStarted, ResultAccepted, RunStatus
from promo.run.store import REQUEST, RESULT, result_bytes
from promo.run.values import Grown, Kept
from promo.study.closure import closure
from support import SOUND, codes, plan_of, promo, rechecked, rewritten, spec, study_of

INLINE = SOUND["host"].replace("any\n", "any\n  executor inline\n")
CANDIDATES = """
candidate base as reference { quality = 2 }
candidate good like base { quality = 1 }
candidate spare like base { size = 32 }
"""
SAME = """
stage earlier {
  train base for 1s
  on box
  seeds 1, 2 shared
  report only
}
"""
SHORT = SOUND["stage short"].replace("seeds 1, 2", "seeds 1, 2\n  report only").replace("four", "two")
GROWTH = """
grow deeper {
  parent base at short
  stack size 8 -> 16 by [copy_top, interleave, identity]
  choose lowest loss after LAGsteps
  cap 3min
  becomes taller
}
stage grown {
  train taller, spare for 4s
  on box
  seeds 1, 2 shared
  report only
}
"""
AGAIN = """
grow still_deeper {
  parent taller at grown
  stack size 16 -> 24 by [copy_top, interleave]
  choose lowest loss after 20steps
  cap 3min
  becomes tallest
}
stage last {
  train tallest for 4s
  on box
  seeds 1, 2 shared
  report only
}
"""

AUDIT = """
stage audited {
  train taller, deeper_copy_top, deeper_interleave for 4s
  on box
  seeds 1, 2 shared
  report only
}
grow audited_deeper {
  parent deeper_copy_top at audited
  stack size 16 -> 24 by [interleave]
  choose lowest loss after 20steps
  cap 3min
  becomes tallest
}
"""

FEW = {"cohort": "cohort two { members base, good }", "stage_short": SHORT}


def text(lag=50, extra=""):
    return spec(
        "use",
        "gate",
        "rule",
        "stage long",
        "candidate",
        host=INLINE,
        **FEW,
        extra=CANDIDATES + GROWTH.replace("LAG", str(lag)) + extra,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished study with two growths, the second from what the first became."""
    place = tmp_path_factory.mktemp("growth")
    (place / "trial.promo").write_text(text(extra=AGAIN), encoding="utf-8")
    assert promo("run", place / "trial.promo", "--quiet") == 0
    return StudyFolder(place / "trial.study")


def attempts(folder):
    return [one for tried in folder.state().attempts.values() for one in tried]


def test_ways_are_priced_as_a_stage_in_the_cells_of_the_parent():
    plan = plan_of(text(extra=AGAIN))

    assert [stage.name for stage in plan.stages].index("deeper") < [stage.name for stage in plan.stages].index("grown")
    assert plan.stage("deeper").run_count.planned == 3 * 2
    assert plan.stage("deeper").budget_s == 3 * 2 * 180
    assert plan.stage("grown").run_count.planned == 2 * 2


def test_a_trainer_is_asked_for_what_its_runner_resolved_and_nothing_of_where_it_comes_from(made):
    """A trainer that reads its settings strictly, as the runner gpt does, has no use for a setting more."""
    asked = [made.request(one) for one in attempts(made)]

    assert {frozenset(one.settings) for one in asked} == {frozenset({"size", "quality", "behaviour"})}
    assert {one.settings["size"] for one in asked if one.grow is not None} == {16, 24}


def test_a_way_that_a_stage_trains_begins_from_what_its_own_lag_left(workplace, capsys):
    """Chosen or not; it can be the parent of another growth, and both verifiers derive all of it again."""
    (workplace / "trial.promo").write_text(text(extra=AUDIT), encoding="utf-8")

    assert promo("run", "trial.promo", "--quiet") == 0
    folder = StudyFolder(workplace / "trial.study")
    tried = {(one.stage, one.candidate, one.seed): one for one in attempts(folder)}

    def begun(*cell):
        return folder.request(tried[cell]).grow

    def left(way, *cell):
        return Grown(tried[cell].folder, folder.result(tried[cell]).body.checkpoint, Kept.CHECKPOINT, way)

    for seed in (1, 2):
        for way in ("deeper_copy_top", "deeper_interleave"):
            assert begun("audited", way, seed) == left(None, "deeper", way, seed)
        assert begun("grown", "taller", seed) == left(None, "deeper", "deeper_interleave", seed)
        parent = left("interleave", "audited", "deeper_copy_top", seed)
        assert begun("audited_deeper", "audited_deeper_interleave", seed) == parent
    assert promo("verify", "trial.promo") == 3
    done = rechecked(folder.path)
    assert done.returncode == 3, done.stdout


def test_a_way_trained_on_for_as_long_as_its_lag_is_another_run():
    plan = plan_of(text(extra=AUDIT.replace("for 4s", "for 50steps\n  cap 3min")))
    lag = {(one.candidate, one.seed): one.id for one in plan.stage("deeper").runs}
    after = {(one.candidate, one.seed): one.id for one in plan.stage("audited").runs}

    assert ("deeper_copy_top", 1) in lag.keys() & after.keys()
    assert not set(lag.values()) & set(after.values())


def test_a_rule_on_a_way_is_sealed_with_its_growth():
    judged = AUDIT.replace("  report only\n", "") + (
        "frozen rule pays {\n  judge deeper_copy_top against deeper_interleave at audited\n"
        "  require mean gain at least 0pt\n  missing stop\n}\n"
    )

    def sealed(lag):
        study = study_of(text(lag, judged))
        return closure(study, study.rules["pays"])

    assert sealed(50).grows.keys() == {"deeper"}
    assert {"short", "deeper", "audited"} <= set(sealed(50).stages)
    assert sealed(50) != sealed(60)


def test_growths_may_be_declared_in_any_order():
    blocks = text(extra=AGAIN).split("\ngrow ")

    assert codes("\ngrow ".join([blocks[0] + "\n", blocks[2], blocks[1]])) == codes(text(extra=AGAIN))


@pytest.mark.parametrize("change", [("after 50steps", "after 60steps"), ("[copy_top, ", "["), ("for 1s", "for 2s")])
def test_what_grew_is_another_run_when_anything_behind_it_is_another(change):
    old, new = change

    def run(plan):
        return {(one.candidate, one.seed): one.id for one in plan.stage("grown").runs}

    before, after = run(plan_of(text())), run(plan_of(text().replace(old, new)))

    assert before["taller", 1] != after["taller", 1]
    assert before["spare", 1] == after["spare", 1]


def test_what_grew_begins_from_the_chosen_way_in_its_cell(made):
    """Ways that fail are out; the lag is paid for; the child of a child begins from the child."""
    state = made.state()
    grown = {(one.stage, one.candidate, one.seed): made.request(one).grow for one in attempts(made)}
    tried = {(one.stage, one.candidate, one.seed): one for one in attempts(made)}

    def kept(way, *cell):
        body = made.result(tried[cell]).body
        return Grown(tried[cell].folder, body.checkpoint, Kept.CHECKPOINT, way)

    assert state.promoted("deeper") == ("deeper_interleave",)
    assert state.promoted("still_deeper") == ("still_deeper_interleave",)
    for seed in (1, 2):
        assert grown["deeper", "deeper_copy_top", seed] == kept("copy_top", "short", "base", seed)
        assert grown["grown", "taller", seed] == kept(None, "deeper", "deeper_interleave", seed)
        assert grown["grown", "spare", seed] is None
        assert grown["still_deeper", "still_deeper_copy_top", seed] == kept("copy_top", "grown", "taller", seed)
    assert all(one.train_s == "50.000000" for one in attempts(made) if one.stage == "deeper")


def test_both_verifiers_derive_the_choice_and_every_beginning_again(made, capsys):
    grown = [one for one in attempts(made) if made.request(one).grow is not None]
    assert len(grown) == 14
    assert promo("verify", made.path) == 3
    assert f"requests: {len(attempts(made))} requests recomputed" in capsys.readouterr().out
    done = rechecked(made.path)
    assert done.returncode == 3, done.stdout
    assert f"\n{len(attempts(made))} requests recomputed\n" in done.stdout
    assert "\nrecomputed: 5 stages, 0 effects, 2 verdicts, 0 amendments\n" in done.stdout


@pytest.mark.parametrize("candidate", ["taller", "deeper_interleave"])
def test_both_verifiers_find_what_grew_from_another_way(workplace, tmp_path, capsys, candidate):
    """A forger who trains on from the way that lost, or from another than its own, and fits every digest to it."""
    (workplace / "trial.promo").write_text(text(extra=AUDIT), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 0
    made = StudyFolder(workplace / "trial.study")
    copy = tmp_path / "copy"
    shutil.copytree(made.path, copy)
    those = [one for one in attempts(made) if (one.candidate, one.seed) == (candidate, 1) and one.stage != "deeper"]
    victim = those[0]
    loser = next(one for one in attempts(made) if (one.candidate, one.seed) == ("deeper_copy_top", 1))
    state = made.result(loser).body.checkpoint
    request = evolve(made.request(victim), grow=Grown(loser.folder, state, Kept.CHECKPOINT, None))
    asked = canonical(to_json(request))
    envelope = result_bytes(evolve(made.result(victim).body, request=digest_bytes(asked)))
    (copy / victim.folder / REQUEST).write_bytes(asked)
    (copy / victim.folder / RESULT).write_bytes(envelope)

    def fitted(event):
        match event.event:
            case AttemptStarted() as one if one.request == victim.request:
                return evolve(one, request=digest_bytes(asked))
            case ResultAccepted() as one if one.envelope == victim.envelope:
                return evolve(one, envelope=digest_bytes(envelope))
            case one:
                return one

    rewritten(copy / "ledger.jsonl", fitted)

    assert promo("verify", copy) == 1
    assert f"DIFFERS  requests: {victim.folder}/{REQUEST}\n" in capsys.readouterr().out
    done = rechecked(copy)
    assert f"DIFFERS: requests: {victim.folder}/{REQUEST} asks for another grow than was due" in done.stdout


def test_the_report_tells_ways_choice_and_the_budget_with_the_parents(made, tmp_path, capsys):
    for form in ("md", "json", "html", "csv"):
        assert promo("report", made.path, "--format", form, "--out", tmp_path / f"told.{form}") == 0
    said = (tmp_path / "told.md").read_text(encoding="utf-8")

    assert "deeper chose interleave for taller (size 16), before copy_top and identity." in said.replace("\\", "")
    assert "in 3 ways and trained each for 50 steps in 2 cells" in said
    assert "after 1.00 s of base at short and 50.00 s of the lag: 55.00 s in all." in said
    # The second growth tried one other way for its lag of 20 seconds; the whole is 79 seconds.
    assert "1 min 19 s in all. Trying the other ways took another 20.00 s a cell, 25% of that." in said
    assert "after 55.00 s of taller (size 16) at grown and 20.00 s of the lag: 1 min 19 s in all." in said
    story = json.loads((tmp_path / "told.json").read_bytes())["story"]
    assert any("of the lag: 55.00 s in all" in sentence for sentence in story)
    assert "deeper_copy_top" in (tmp_path / "told.decisions.csv").read_text(encoding="utf-8")
    assert "of the lag: 55.00 s in all" in (tmp_path / "told.html").read_text(encoding="utf-8")
    capsys.readouterr()
    assert promo("why", "taller", "--study", made.path) == 0
    assert "taller (size 16) comes from deeper: deeper chose interleave" in capsys.readouterr().out
    assert promo("why", "deeper_identity", "--study", made.path) == 0
    assert "deeper_identity (size 16) was not promoted to taller (size 16) by deeper" in capsys.readouterr().out


LOOKS = "once stable for 2 looks of 10steps, at most 50steps"


def by_rule(parent="base", ways="copy_top, interleave, identity"):
    """A study whose lag ends by its own course."""
    said = text(extra=AGAIN).replace("runner toy", "runner trunk").replace("after LAGsteps", LOOKS)
    said = said.replace("choose lowest loss after 50steps", f"choose lowest loss {LOOKS}")
    return said.replace("parent base at", f"parent {parent} at").replace("copy_top, interleave, identity", ways)


def looked_at(folder):
    """Stage of the lag -> the ways that were trained there."""
    found = {}
    for one in attempts(folder):
        if one.stage.startswith("deeper"):
            found.setdefault(one.stage, set()).add(one.candidate.removeprefix("deeper_"))
    return found


def test_a_lag_by_rule_prices_every_look_of_every_way():
    plan = plan_of(by_rule())

    names = [stage.name for stage in plan.stages if stage.name.startswith("deeper")]
    assert names == ["deeper_at_10", "deeper_at_20", "deeper_at_30", "deeper_at_40", "deeper"]
    assert [plan.stage(name).run_count.planned for name in names] == [3 * 2] * 5
    assert {plan.stage(name).budget.amount for name in names} == {10}


def test_a_lag_by_rule_stops_all_but_the_best_once_their_order_has_stayed(workplace, capsys):
    """Identity leaves no value; the other two keep their order, so the rule speaks after the second look."""
    (workplace / "trial.promo").write_text(by_rule(), encoding="utf-8")

    assert promo("run", "trial.promo", "--quiet") == 0
    made = StudyFolder(workplace / "trial.study")
    seen = looked_at(made)
    assert seen["deeper_at_20"] >= {"copy_top", "interleave"}
    assert [seen[name] for name in ("deeper_at_30", "deeper_at_40", "deeper")] == [{"interleave"}] * 3
    assert made.state().promoted("deeper") == ("deeper_interleave",)
    grown = next(one for one in attempts(made) if (one.stage, one.candidate) == ("grown", "taller"))
    last = next(one for one in attempts(made) if (one.stage, one.seed) == ("deeper", grown.seed))
    assert made.request(grown).grow == Grown(last.folder, made.result(last).body.trunk, Kept.TRUNK, None)
    assert promo("verify", "trial.promo") == 3
    done = rechecked(made.path)
    assert done.returncode == 3, done.stdout
    assert promo("report", made.path, "--format", "md", "--out", workplace / "told.md") == 0
    said = (workplace / "told.md").read_text(encoding="utf-8")
    assert "The order of the ways was stable for 2 looks after 20 steps; 1 other way stopped there" in said
    assert "which saved 30 steps in each cell. Whether the order would have changed later is not known." in said
    assert "50.00 s of the lag" in said


def test_a_lag_by_rule_whose_order_keeps_turning_goes_on_to_its_end(workplace):
    (workplace / "trial.promo").write_text(by_rule("good", "copy_top, interleave"), encoding="utf-8")

    assert promo("run", "trial.promo", "--quiet") == 0
    made = StudyFolder(workplace / "trial.study")
    assert list(looked_at(made).values()) == [{"copy_top", "interleave"}] * 5
    assert made.state().promoted("deeper") == ("deeper_interleave",)
    assert promo("report", made.path, "--format", "md", "--out", workplace / "told.md") == 0
    said = (workplace / "told.md").read_text(encoding="utf-8")
    assert "The order of the ways was never stable for 2 looks, so all had the whole lag." in said
    assert promo("verify", "trial.promo") == 3
    done = rechecked(made.path)
    assert done.returncode == 3, done.stdout


CHANGES = {
    "keeps": (("gates", "deeper_at_20", "keep", "count"), 2, "asks for something else"),
    "demand": (("gates", "deeper_at_30", "demands"), [], "asks for something else"),
    "budget": (("stages", "deeper_at_30", "budget", "amount"), "20", "is no look of 10 steps"),
    "chain": (("stages", "deeper_at_30", "after"), None, "does not carry on the look before it"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_second_verifier_holds_looks_to_their_rule(change):
    """A plan in which a look is something else than its growth says; `promo verify` compiles the spec again."""
    stored = json.loads(canonical(to_json(plan_of(by_rule()))))
    path, value, says = CHANGES[change]

    assert [*recheck.Plan(stored).loose()] == []
    *folders, last = path
    at = stored["study"]
    for name in folders:
        at = at[name]
    at[last] = value

    assert says in "".join(recheck.Plan(stored).loose())


def test_a_lag_of_nothing_chooses_right_after_growing(workplace):
    (workplace / "trial.promo").write_text(text(lag=0), encoding="utf-8")

    assert promo("run", "trial.promo", "--quiet") == 0
    assert StudyFolder(workplace / "trial.study").state().promoted("deeper") == ("deeper_interleave",)


def test_where_every_way_fails_nothing_begins_and_nothing_breaks(workplace):
    only = text().replace("[copy_top, interleave, identity]", "[identity]")
    (workplace / "trial.promo").write_text(only, encoding="utf-8")

    assert promo("run", "trial.promo", "--quiet") == 0
    folder = StudyFolder(workplace / "trial.study")
    assert {one.status for one in attempts(folder) if one.candidate == "taller"} == {RunStatus.INVALID}
    assert promo("verify", "trial.promo") == 3


def test_a_parent_whose_run_another_stage_asked_for_first_has_kept_its_state(workplace):
    (workplace / "trial.promo").write_text(text().replace("stage short {", SAME + "stage short {"), encoding="utf-8")

    assert promo("run", "trial.promo", "--quiet") == 0
    folder = StudyFolder(workplace / "trial.study")
    assert {one.stage for one in attempts(folder) if one.candidate == "base"} == {"earlier"}
    assert folder.state().promoted("deeper") == ("deeper_interleave",)
    assert promo("verify", "trial.promo") == 3
    done = rechecked(folder.path)
    assert done.returncode == 3, done.stdout


@pytest.mark.parametrize("command", ["replay", "compare"])
def test_what_has_no_models_refuses_a_growth_in_one_sentence(workplace, capsys, command):
    (workplace / "trial.promo").write_text(text(), encoding="utf-8")

    assert promo(command, "trial.promo", "--curves", "none.csv") == 2
    assert "deeper grows a trained model" in capsys.readouterr().err


def test_a_rule_on_what_grew_is_sealed_with_the_growth():
    """A change of the lag breaks the seal of a rule that judges what came out of it."""
    judged = GROWTH.replace("  report only\n", "") + (
        "frozen rule pays {\n  judge taller against spare at grown\n"
        "  require mean gain at least 0pt\n  missing stop\n}\n"
    )

    def sealed(lag):
        study = study_of(text(lag).replace(GROWTH.replace("LAG", str(lag)), judged.replace("LAG", str(lag))))
        return closure(study, study.rules["pays"])

    assert sealed(50).grows["deeper"].becomes == "taller"
    assert {"short", "deeper", "grown"} <= set(sealed(50).stages)
    assert sealed(50) != sealed(60)
