"""Rules: whether a claim holds, cell by cell, and what follows when it cannot be told."""

import pytest

from promo.base.classes import evolve
from promo.decision.decide import decide_rule
from promo.decision.values import About
from promo.ledger.outcomes import Absent, Failed, Held, Lacking, NobodyPromoted, Settled, Stopped
from promo.study.judgement import Answer
from support import spec, study_of
from verdicts import BASE, evidence, judged


@pytest.mark.parametrize(
    ("require", "good", "answer", "statistic", "margin"),
    [
        # gap: how much worse; lower is better, so larger values are worse
        ("mean gap at most 0.5pt", ("2.5", "3.5"), Answer.HOLDS, "0.5", "0"),
        ("mean gap at most 0.5pt", ("2.6", "3.5"), Answer.FAILS, "0.55", "-0.05"),
        ("mean gap at most 0.5pt", ("1.0", "1.0"), Answer.HOLDS, "-1.5", "2"),
        ("mean gap within 0.5pt", ("1.0", "1.0"), Answer.FAILS, "-1.5", "-1"),
        ("mean gap within 0.5pt", ("2.4", "2.6"), Answer.HOLDS, "0", "0.5"),
        ("mean gap at least 0.5pt", ("2.5", "3.5"), Answer.HOLDS, "0.5", "0"),
        ("mean gain at least 0.5pt", ("1.5", "2.5"), Answer.HOLDS, "0.5", "0"),
        ("mean gain at least 0.5pt", ("2.5", "2.0"), Answer.FAILS, "0.25", "-0.25"),
        ("every gap at most 0.5pt", ("2.5", "3.6"), Answer.FAILS, "0.6", "-0.1"),
        ("every gap at most 0.5pt", ("2.5", "3.4"), Answer.HOLDS, "0.5", "0"),
        ("every gap within 0.5pt", ("1.4", "3.0"), Answer.FAILS, "-0.6", "-0.1"),
        ("every gain at least 0pt", ("2.0", "2.9"), Answer.HOLDS, "0", "0"),
        ("worst gap at most 0.5pt", ("1.0", "3.6"), Answer.FAILS, "0.6", "-0.1"),
        ("worst gain at least 0.5pt", ("1.0", "2.6"), Answer.FAILS, "0.4", "-0.1"),
        ("median gap at most 0.5pt", ("2.0", "4.0"), Answer.HOLDS, "0.5", "0"),
        ("mean loss at most 3pt", ("2.0", "4.0"), Answer.HOLDS, "3", "0"),
        ("worst loss at most 3pt", ("2.0", "4.0"), Answer.FAILS, "4", "-1"),
        ("first in every cell", ("1.0", "2.0"), Answer.HOLDS, None, "1"),
        ("first in every cell", ("1.0", "3.0"), Answer.FAILS, None, "0"),
        ("not first in every cell", ("1.0", "3.0"), Answer.HOLDS, None, "0"),
    ],
)
def test_rules(require, good, answer, statistic, margin):
    decision = decide_rule(*judged(require, good, BASE))
    (finding,) = decision.judgement.findings

    assert (decision.judgement.answer, finding.statistic, finding.margin) == (answer, statistic, margin)


def test_a_rule_lists_every_cell():
    decision = decide_rule(*judged("every gap at most 0.5pt", ("2.5", "3.6"), BASE))

    assert [(one.host, one.seed, one.difference) for one in decision.judgement.comparisons] == [
        ("box", 1, "0.5"),
        ("box", 2, "0.6"),
    ]


LACKING, ABSENT = Lacking(("good",), "long", crashed=False), Absent(("good",), "long")


@pytest.mark.parametrize(
    ("good", "clauses", "why", "outcome"),
    [
        (("1", None), {}, LACKING, Stopped(LACKING)),
        (("1", None), {"missing": "skip"}, LACKING, Settled()),
        (("1", None), {"missing": "hold"}, LACKING, Held(LACKING)),
        (None, {}, ABSENT, Settled()),
        (None, {"absent": "stop"}, ABSENT, Stopped(ABSENT)),
        (None, {"absent": "hold"}, ABSENT, Held(ABSENT)),
    ],
)
def test_a_rule_without_its_values_is_undecided_and_may_stop_or_hold(good, clauses, why, outcome):
    decision = decide_rule(*judged("mean gap at most 0.5pt", good, BASE, **clauses))

    assert (decision.judgement.answer, decision.judgement.undecided) == (Answer.UNDECIDED, why)
    assert decision.outcome == outcome
    assert (decision.stopped, decision.held) == (isinstance(outcome, Stopped), isinstance(outcome, Held))
    assert decision.promoted == decision.judgement.findings == ()


@pytest.mark.parametrize(("then", "outcome"), [("stop", Stopped(Failed())), ("hold", Held(Failed()))])
def test_a_rule_that_does_not_hold_may_stop_or_hold_the_study(then, outcome):
    text = spec().replace("  absent skip\n}", f"  absent skip\n  else {then}\n}}")
    study = study_of(text)
    failing = decide_rule(study, study.rules["close"], evidence("long", good=("9", "9"), base=BASE))
    holding = decide_rule(study, study.rules["close"], evidence("long", good=("1", "1"), base=BASE))

    assert (failing.judgement.answer, failing.outcome) == (Answer.FAILS, outcome)
    assert (holding.judgement.answer, holding.outcome) == (Answer.HOLDS, Settled())
    assert failing.judgement.undecided is None


@pytest.mark.parametrize(
    ("require", "answer"),
    [
        ("mean gap at most 0pt at 95% over cells", Answer.HOLDS),  # no spread: the bound is the mean itself
        ("mean gap at most -0.1pt at 95% over cells", Answer.FAILS),
        ("equivalent within 0.1pt at 95% over cells", Answer.HOLDS),
        ("mean gap at most 0.1pt at 70% over cells by sign_flip", Answer.HOLDS),
        ("mean gap at most 0pt at 70% over cells by sign_flip", Answer.FAILS),  # all signs alike: p = 1
        ("median gap at most 0pt at 70% over cells by wilcoxon", Answer.FAILS),  # nothing differs: p = 1
        ("first in every cell", Answer.FAILS),
    ],
)
def test_rules_on_values_that_are_all_equal(require, answer):
    assert decide_rule(*judged(require, ("2", "3"), BASE)).judgement.answer is answer


# --- those who were promoted ---------------------------------------------------------------------------------

PROMOTED = spec().replace("judge good against", "judge promoted against").replace("keep top 1", "keep top 2")


def about_promoted(text=PROMOTED, **rows):
    study = study_of(text)
    return decide_rule(study, study.rules["close"], evidence("long", **rows))


@pytest.mark.parametrize(
    ("rows", "answer", "judged"),
    [
        ({"good": ("1", "1"), "fair": ("2", "3")}, Answer.HOLDS, ("fair", "good")),
        ({"good": ("1", "1"), "fair": ("4", "4")}, Answer.FAILS, ("fair", "good")),
        ({"good": ("9", "9"), "fair": ("9", "9")}, Answer.FAILS, ("fair", "good")),
        ({"good": ("1", "1")}, Answer.HOLDS, ("good",)),
        ({}, Answer.UNDECIDED, ()),
        ({"good": ("1", None), "fair": ("2", "3")}, Answer.UNDECIDED, ("fair", "good")),
    ],
)
def test_a_rule_about_the_promoted_holds_when_it_holds_for_each_of_them(rows, answer, judged):
    """The reference is always kept, so it was promoted too; nobody is judged against itself."""
    decision = about_promoted(base=BASE, **rows)

    assert (decision.judgement.answer, decision.judgement.judged) == (answer, judged)


def test_each_finding_and_comparison_says_whom_it_is_about():
    decision = about_promoted(base=BASE, good=("1", "1"), fair=("4", "4"))

    assert [(one.details[0], one.holds) for one in decision.judgement.findings] == [
        (About("fair"), False),
        (About("good"), True),
    ]
    assert [(one.candidate, one.difference) for one in decision.judgement.comparisons] == [
        ("fair", "2"),
        ("fair", "1"),
        ("good", "-1"),
        ("good", "-2"),
    ]


def test_when_nobody_was_promoted_the_rule_says_what_follows():
    decision = about_promoted(PROMOTED.replace("absent skip", "absent stop"), base=BASE)

    assert decision.outcome == Stopped(NobodyPromoted("long"))


def test_those_whom_the_stage_names_itself_were_not_promoted():
    text = PROMOTED.replace("train promoted for 2s", "train promoted, spare for 2s")

    assert about_promoted(text, base=BASE, good=("1", "1"), spare=("9", "9")).judgement.judged == ("good",)


# --- the best of a stage -------------------------------------------------------------------------------------

BEST = spec().replace("judge good against", "judge best of short against").replace("keep top 1", "keep top 2")
EARLIER = {"base": ("0", "0"), "good": ("2", "2"), "fair": ("1", "1"), "poor": ("3", "3")}


def about_best(short, text=BEST, **rows):
    study = study_of(text)
    return decide_rule(study, study.rules["close"], evidence("long", **rows), {"short": evidence("short", **short)})


@pytest.mark.parametrize(
    ("changed", "judged", "answer"),
    [
        ({}, ("fair",), Answer.FAILS),
        ({"good": ("1", "0")}, ("good",), Answer.HOLDS),
        ({"good": ("1", "1")}, ("fair",), Answer.FAILS),  # equals: the first by name
        ({"fair": ("0", None)}, ("good",), Answer.HOLDS),  # a mean over all cells, or none
        ({"good": (None, "0"), "fair": ("0", None), "poor": (None, None)}, (), Answer.UNDECIDED),
    ],
)
def test_the_best_of_a_stage_is_judged_on_another_and_the_reference_is_not_among_them(changed, judged, answer):
    decision = about_best({**EARLIER, **changed}, base=BASE, good=("1", "1"), fair=("4", "4"))

    assert (decision.judgement.judged, decision.judgement.answer) == (judged, answer)


def test_the_best_is_the_highest_where_higher_is_better():
    study = study_of(BEST)
    study = evolve(study, measure=evolve(study.measure, lower_is_better=False))
    there = evidence("long", base=BASE, good=("1", "1"), poor=("4", "4"))

    decision = decide_rule(study, study.rules["close"], there, {"short": evidence("short", **EARLIER)})

    assert decision.judgement.judged == ("poor",)


def test_a_best_that_was_not_promoted_is_absent():
    decision = about_best(EARLIER, BEST.replace("absent skip", "absent stop"), base=BASE, good=("1", "1"))

    assert decision.outcome == Stopped(Absent(("fair",), "long"))
