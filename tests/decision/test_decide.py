"""Gates: who is kept, how ties and values that are missing are settled, and what is said of it."""

import random

import pytest

from promo.base.classes import evolve
from promo.base.codec import value_digest
from promo.base.diagnostics import errors
from promo.decision.decide import decide_gate, decide_rule
from promo.decision.values import Ground, Input, Verdict, verdict_of
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.ledger.outcomes import Held, Incomparable, Lacking, Settled, Stopped
from promo.report.decided import decision_words, outcome_words, standing_reason
from promo.study.closure import closure
from promo.study.judgement import Answer, Statistic
from support import compiled, spec, study_of
from verdicts import BASE, CELLS, FOUR, evidence, gate_of, judged, promoted


def test_the_best_are_kept_and_always_takes_no_place():
    study, gate = gate_of()

    assert promoted(study, gate, evidence(**FOUR)) == ("base", "good")


@pytest.mark.parametrize(("keep", "kept"), [("top 1", {"good"}), ("top 2", {"good", "fair"})])
def test_keep_counts_those_that_are_not_always_kept(keep, kept):
    study, gate = gate_of(keep=keep)

    assert set(promoted(study, gate, evidence(**FOUR))) == kept | {"base"}


def test_every_candidate_has_a_rank_a_reason_and_a_margin():
    study, gate = gate_of()
    decision = decide_gate(study, gate, evidence(**FOUR))
    by_name = {one.candidate: one for one in decision.ranking.standings}

    assert [one.candidate for one in decision.ranking.standings] == ["good", "base", "fair", "poor"]
    assert [one.rank for one in decision.ranking.standings] == [1, 2, 3, 4]
    assert [one.ground for one in decision.ranking.standings] == [Ground.TOP, Ground.ALWAYS, Ground.CUT, Ground.CUT]
    assert by_name["good"].margin == "1.9"  # 3.0 - 1.1: the first below the cut is fair
    assert by_name["fair"].margin == "-1.9"
    assert by_name["poor"].margin == "-3.1"
    assert by_name["base"].margin is None


def test_means_are_exact_where_floats_are_not():
    study, gate = gate_of()
    found = evidence(base=("9", "9"), good=("0.1", "0.2"), fair=("0.15", "0.15"), poor=("9", "9"))
    decision = decide_gate(study, gate, found)

    assert {one.candidate: one.statistic for one in decision.ranking.standings}["good"] == "0.15"
    assert decision.ranking.standings[0].tied_with == ("good",)  # equal, so the name decides: fair comes first
    assert decision.promoted == ("base", "fair")


@pytest.mark.parametrize(
    ("ties", "winner"), [("by name", "fair"), ("by order", "good"), ("by parameters, name", "fair")]
)
def test_ties_are_broken_as_declared(ties, winner):
    study, gate = gate_of(ties=ties)
    found = evidence(base=("9", "9"), good=("1", "1"), fair=("1", "1"), poor=("9", "9"))

    assert winner in promoted(study, gate, found)


def test_a_candidate_without_a_value_is_dropped_and_the_next_one_moves_up():
    study, gate = gate_of()
    decision = decide_gate(study, gate, evidence(**{**FOUR, "good": ("1.0", None)}))
    good = next(one for one in decision.ranking.standings if one.candidate == "good")

    assert decision.promoted == ("base", "fair")
    assert (good.rank, good.statistic, good.ground) == (None, None, Ground.MISSING)
    assert "seed 2: boom" in standing_reason(good, decision, study, str)


def test_always_keeps_a_candidate_without_a_value():
    study, gate = gate_of()

    assert "base" in promoted(study, gate, evidence(**{**FOUR, "base": (None, None)}))


def test_missing_stop_stops_the_study_and_promotes_nobody():
    study, gate = gate_of(missing="stop")
    decision = decide_gate(study, gate, evidence(**{**FOUR, "poor": (None, "4")}))

    assert decision.promoted == ()
    assert decision.outcome == Stopped(Lacking(("poor",), "short", crashed=False))
    assert outcome_words("pick", decision.outcome, study, str) == (
        "poor lacks a value at short, and the gate says: missing stop"
    )
    assert {(one.verdict, one.ground) for one in decision.ranking.standings if one.candidate != "poor"} == {
        (Verdict.DROPPED, Ground.STOPPED)
    }
    assert {one.verdict for one in decision.ranking.standings} == {Verdict.DROPPED}
    said = decision_words(evolve(decision, outcome=Settled()), study, str)
    assert said == "pick promoted no candidate to long; dropped good, base, fair and poor"


def test_a_gate_before_which_everyone_failed_keeps_only_always():
    study, gate = gate_of()

    assert promoted(study, gate, evidence(**dict.fromkeys(FOUR, (None, None)))) == ("base",)


def test_a_higher_is_better_measure_turns_everything_round():
    text = spec().replace("measure loss in pt, lower", "measure gain in pt, higher").replace("mean loss", "mean gain")
    study = study_of(text)
    found = Evidence("short", "gain", CELLS, evidence(**FOUR).rows)
    decision = decide_gate(study, study.gates["pick"], found)

    assert decision.promoted == ("base", "poor")
    assert decision.ranking.standings[0].margin == "1.2"


def test_decisions_do_not_depend_on_chance():
    rng = random.Random(3)
    study, gate = gate_of()
    table = {name: (str(rng.random()), str(rng.random())) for name in FOUR}

    assert decide_gate(study, gate, evidence(**table)) == decide_gate(study, gate, evidence(**table))


@pytest.mark.parametrize(
    ("crash", "status", "ground", "rank"),
    [
        ("as missing", CellStatus.NAN, Ground.CRASHED, None),
        ("drop", CellStatus.NAN, Ground.CRASHED, None),
        ("worst", CellStatus.NAN, Ground.CUT, 4),
        ("worst", CellStatus.OOM, Ground.CUT, 4),
        ("worst", CellStatus.TIMEOUT, Ground.MISSING, None),
    ],
)
def test_crashes_and_missing_values_are_distinguished(crash, status, ground, rank):
    study, gate = gate_of(crash=crash)
    decision = decide_gate(study, gate, evidence(status=status, **{**FOUR, "good": (None, "1")}))
    good = next(one for one in decision.ranking.standings if one.candidate == "good")

    assert (good.ground, good.rank) == (ground, rank)
    assert decision.promoted == ("base", "fair")


@pytest.mark.parametrize(
    ("clause", "status", "crashed"),
    [
        ("missing", CellStatus.TIMEOUT, False),
        ("missing", CellStatus.DIVERGED, False),
        ("crash", CellStatus.DIVERGED, True),
    ],
)
@pytest.mark.parametrize(("then", "outcome"), [("stop", Stopped), ("hold", Held)])
def test_the_whole_gate_may_stop_or_hold(clause, status, crashed, then, outcome):
    study, gate = gate_of(**{clause: then})
    decision = decide_gate(study, gate, evidence(status=status, **{**FOUR, "poor": (None, None)}))

    assert decision.outcome == outcome(Lacking(("poor",), "short", crashed=crashed))
    assert (decision.stopped, decision.held) == (then == "stop", then == "hold")
    assert decision.promoted == ()
    assert outcome_words("pick", decision.outcome, study, str) == (
        f"poor lacks a value at short, and the gate says: {clause} {then}"
    )


def test_a_reference_without_a_value_ends_the_gate():
    study, gate = gate_of(keep="mean gap to base at most 1pt")
    decision = decide_gate(study, gate, evidence(**{**FOUR, "base": (None, "2")}))

    assert decision.outcome == Stopped(Incomparable(("fair", "good", "poor"), "short"))
    assert outcome_words("pick", decision.outcome, study, str) == (
        "fair, good and poor cannot be compared: a value of the reference is missing at short"
    )
    assert decision.promoted == ()


def test_decisions_can_be_said_aloud():
    study, gate = gate_of()
    decision = decide_gate(study, gate, evidence(**FOUR))
    found = judged("mean gap at most 0.5pt", ("2.6", "3.5"), BASE)

    assert decision_words(decision, study, str) == "pick promoted good and base to long; dropped fair and poor"
    assert decision_words(decide_rule(*found), found[0], str) == (
        "close fails for good against base: required mean gap at most 0.5 pt, seen +0.5500 pt, 0.0500 beyond the bound"
    )


def test_a_decision_names_its_rule_and_everything_it_read_by_digest():
    study, gate = gate_of()
    found = evidence(**FOUR)
    decision = decide_gate(study, gate, found)

    assert (decision.kind, decision.name) == ("gate", "pick")
    assert decision.seal == value_digest(closure(study, gate))
    assert decision.inputs == (Input("short", found.digest),)
    assert decide_gate(study, evolve(gate, frozen=False), found).seal is None


def test_an_event_tells_what_a_decision_led_to():
    study, gate = gate_of()
    decision = decide_gate(study, gate, evidence(**FOUR))
    rule = decide_rule(*judged("mean gap at most 0.5pt", ("2.6", "3.5"), BASE))

    told = verdict_of(decision, 2)
    assert (told.wording, told.decision, told.outcome) == (2, decision.digest, Settled())
    assert (told.promoted, told.answer, told.fixed) == (("base", "good"), None, ())
    assert (verdict_of(rule, 0).promoted, verdict_of(rule, 0).answer) == ((), Answer.FAILS)


# --- evidence that is not as one wishes ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [one for one in CellStatus if one is not CellStatus.OK])
def test_every_way_of_having_no_value_is_dropped_and_named(status):
    study, gate = gate_of()
    decision = decide_gate(study, gate, evidence(status=status, **{**FOUR, "good": (None, "1")}))
    good = next(one for one in decision.ranking.standings if one.candidate == "good")

    assert good.verdict is Verdict.DROPPED
    assert good.cells[0].status is status
    assert good.ground is (Ground.CRASHED if status.own_fault else Ground.MISSING)
    assert "box seed 1" in standing_reason(good, decision, study, str)


def test_when_all_are_equal_the_declared_tie_break_decides_and_says_so():
    study, gate = gate_of()
    decision = decide_gate(study, gate, evidence(**dict.fromkeys(FOUR, ("1", "1"))))

    assert decision.promoted == ("base", "fair")
    assert "tied with base, good and poor; the rule" in standing_reason(
        decision.ranking.standings[1], decision, study, str
    )


def test_a_host_that_is_missing_altogether_leaves_everyone_without_a_statistic():
    cells = (("box", 1), ("rack", 1))
    rows = tuple(
        Row(
            name,
            (
                Cell("box", 1, "a", CellStatus.OK, "1", 1, None),
                Cell("rack", 1, "b", CellStatus.NOT_RUN, None, None, None),
            ),
        )
        for name in sorted(FOUR)
    )
    study, gate = gate_of()
    decision = decide_gate(study, gate, Evidence("short", "loss", cells, rows))

    assert decision.promoted == ("base",)
    assert {one.rank for one in decision.ranking.standings} == {None}
    assert "rack seed 1: not run" in standing_reason(decision.ranking.standings[1], decision, study, str)


@pytest.mark.parametrize("cells", [1, 2, 3])
@pytest.mark.parametrize("statistic", Statistic)
def test_a_statistic_that_a_sound_gate_ranks_by_can_be_taken_of_its_cells(statistic, cells):
    """A statistic that so few cells do not have is refused by the checks, and never met by a decision."""
    seeds = ", ".join(str(seed) for seed in range(1, cells + 1))
    text = (
        spec().replace("rank by mean loss", f"rank by {statistic.value} loss").replace("seeds 1, 2", f"seeds {seeds}")
    )
    made = compiled(text.replace("seeds 3, 4", "seeds 13, 14"))
    if any(errors(made.diagnostics)):
        assert statistic not in (Statistic.MEAN, Statistic.MEDIAN, Statistic.WORST)
        return
    there = tuple(("box", seed) for seed in range(1, cells + 1))
    rows = [
        Row(name, tuple(Cell(*cell, f"{name}{cell}", CellStatus.OK, str(value + cell[1]), 1, None) for cell in there))
        for value, name in enumerate(["base", "fair", "good", "poor"])
    ]

    decision = decide_gate(made.study, made.study.gates["pick"], Evidence("short", "loss", there, tuple(rows)))

    assert decision.promoted == ("base", "fair")
