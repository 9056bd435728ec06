"""Rules: whether a claim holds, cell by cell, and what follows when it cannot be told."""

import pytest

from promo.decision.decide import decide_rule
from promo.ledger.outcomes import Absent, Answer, Failed, Held, Lacking, Settled, Stopped
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
