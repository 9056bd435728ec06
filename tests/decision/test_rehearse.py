"""A study carried out in memory: its decisions are those of the deciders, and it goes as far as it can alone."""

import pytest

from promo.decision.agenda import Agenda
from promo.decision.decide import decide_gate, decide_rule
from promo.decision.rehearse import Rehearsal
from promo.decision.values import Ground
from promo.ledger.chain import GENESIS
from promo.ledger.outcomes import Held, Lacking, Settled, Stopped
from promo.ledger.state import StudyState
from promo.ledger.values import AttemptFailed, ResultAccepted, RunStatus, Work
from promo.study.judgement import Answer
from support import plan_of, spec, study_of

VALUES = {"base": "2", "good": "1", "fair": "3", "poor": "4", "spare": "0"}
GUARD = "  guard throughput at least 50% of candidate, rerun 1, then drop\n  ties by name"
LACKING = Lacking(("poor",), "short", crashed=False)


def rehearsed(text: str, *, failing=(), slow=()) -> Rehearsal:
    """The study of a text; runs of the *failing* always time out, and first attempts of the *slow* with seed 1 are."""
    study = study_of(text)

    def answer(run, number):
        if run.candidate in failing:
            return AttemptFailed(run.id, number, RunStatus.TIMEOUT, "", None, None, None, {}, None)
        speed = "10" if run.candidate in slow and (run.seed, number) == (1, 1) else "100"
        metrics, work = {"loss": VALUES[run.candidate]}, Work(tokens_per_s=speed)
        return ResultAccepted(run.id, number, GENESIS, metrics, {}, work, None, None, {}, None)

    return Rehearsal(Agenda(study, plan_of(text)), answer).carry_out()


def test_it_ends_with_the_decisions_that_its_evidence_gives():
    found = rehearsed(spec())
    study = found.agenda.study

    assert found.state.study is StudyState.CLOSED
    assert found.state.promoted("pick") == ("base", "good")
    assert found.state.opened["long"] == ("base", "good")
    assert found.state.decisions["close"].verdict.answer is Answer.HOLDS
    assert found.decisions["pick"] == decide_gate(study, study.gates["pick"], found.evidence["short"])
    assert found.decisions["close"] == decide_rule(study, study.rules["close"], found.evidence["long"])
    assert {len(tried) for tried in found.state.attempts.values()} == {1}


def test_a_run_that_fails_is_tried_again_as_often_as_its_gate_says():
    found = rehearsed(spec(), failing=["poor"])

    tried = {one.candidate: one.number for one in found.state.every_attempt("short")}
    assert tried == {"base": 1, "good": 1, "fair": 1, "poor": 2}
    poor = next(one for one in found.decisions["pick"].ranking.standings if one.candidate == "poor")
    assert poor.ground is Ground.MISSING


@pytest.mark.parametrize(
    ("then", "outcome", "state"), [("stop", Stopped, StudyState.STOPPED), ("hold", Held, StudyState.OPEN)]
)
def test_it_ends_where_a_gate_stops_and_waits_where_a_person_is_asked(then, outcome, state):
    found = rehearsed(spec().replace("then drop", f"then {then}"), failing=["poor"])

    assert found.decisions["pick"].outcome == outcome(LACKING)
    assert found.state.study is state
    assert "long" not in found.state.opened
    assert found.state.waiting() == (("pick",) if then == "hold" else ())
    assert found.state.stopped_by == ("pick" if then == "stop" else None)


def test_a_result_that_a_guard_excludes_is_made_again_and_the_second_one_counts():
    found = rehearsed(spec().replace("  ties by name", GUARD), slow=["good"])

    (flagged,) = [one for one in found.state.every_attempt() if one.flagged is not None]
    assert (flagged.candidate, flagged.seed, flagged.number) == ("good", 1, 1)
    assert (flagged.flagged.value, flagged.flagged.limit, flagged.flagged.again) == (10, 55, True)
    assert found.state.accepted(flagged.run).number == 2
    assert found.decisions["pick"].outcome == Settled()
    assert found.state.promoted("pick") == ("base", "good")
