"""Truth tables of every condition, alone and combined, and of what a gate demands, allows and samples."""

import pytest

from promo.decision.decide import decide_gate, decide_rule
from promo.decision.values import Ground, Input, LeastAgreement
from promo.ledger.outcomes import Held, Incomparable, Settled, Stopped, Unmet
from promo.report.decided import demand_words, detail_words, outcome_words, standing_reason
from promo.study.judgement import Answer, Top
from support import spec, study_of
from verdicts import BASE, FOUR, SPLIT, evidence, gate_of, judged, promoted, two_hosts


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("best 30%", {"good"}),  # 0.9 of three contenders, rounded up
        ("best 60%", {"good", "fair"}),
        ("mean loss at most 3pt", {"good", "fair"}),
        ("mean loss at least 3pt", {"fair", "poor"}),
        ("mean gap to base at most 1pt", {"good", "fair"}),
        ("mean gap to base within 1pt", {"good", "fair"}),
        ("mean gap to base within 0.95pt", {"fair"}),
        ("mean gain to base at least 0.5pt", {"good"}),
        ("mean gap to leader at most 2pt", {"good", "fair"}),
        ("every gap to base at most 0.9pt", {"good"}),
        ("every gap to base at most 1pt", {"good", "fair"}),
        ("worst gap to base at most 0.9pt", {"good"}),
        ("median gap to base at most 0.9pt", {"good", "fair"}),
        ("first in every cell", {"good"}),
        ("not first in every cell", {"fair", "poor"}),
        ("top 1 or mean loss at least 4pt", {"good", "poor"}),
        ("top 2 and mean loss at least 2pt", {"fair"}),
        ("top 2 and not (mean gap to leader at most 0pt)", {"fair"}),
        ("mean gap to base at most 0.95pt at 80% over cells with sigma 0.1pt", {"good"}),
        ("mean gap to base at most 1.2pt at 80% over cells with sigma 0.1pt", {"good", "fair"}),
        ("mean gap to base at most 0.95pt at 75% over cells", {"good"}),
        ("mean gap to base at most 1.1pt at 75% over cells by sign_flip", {"good", "fair"}),
        ("median gap to base at most 1.1pt at 75% over cells by wilcoxon", {"good", "fair"}),
        ("equivalent to base within 1.1pt at 75% over cells", {"good", "fair"}),
        ("equivalent to base within 0.95pt at 75% over cells", set()),
    ],
)
def test_conditions_on_candidates(keep, kept):
    """base (2.0, 2.2), good (1.0, 1.2), fair (3.0, 3.0), poor (4.0, 4.4); base is always kept."""
    study, gate = gate_of(keep=keep)
    decision = decide_gate(study, gate, evidence(**FOUR))

    assert set(decision.promoted) == kept | {"base"}
    for standing in decision.ranking.standings:
        assert standing.findings
        assert standing_reason(standing, decision, study, str)


def test_an_allowance_widens_every_margin():
    narrow, wide = (
        gate_of(keep="mean gap to base at most 0.9pt"),
        gate_of(keep="mean gap to base at most 0.9pt", allow="0.1pt"),
    )

    # fair lies exactly 0.9 behind on the mean, poor 2.1
    assert set(promoted(*narrow, evidence(**FOUR))) == {"base", "good", "fair"}
    assert set(promoted(*wide, evidence(**{**FOUR, "fair": ("3.1", "3.1")}))) == {"base", "good", "fair"}


def test_leaders_of_each_host_are_kept():
    study, gate = gate_of(keep="top 1 per host")

    assert set(promoted(study, gate, two_hosts(**SPLIT))) == {"base", "good", "poor"}


@pytest.mark.parametrize(("bound", "met"), [("-0.4", True), ("0", True), ("0.5", False)])
def test_a_demand_for_agreement_of_hosts(bound, met):
    """Rankings good, fair, poor, base and poor, fair, good, base: 3 pairs agree and 3 do not, so tau-b is 0."""
    text = (
        spec()
        .replace("  on box\n  seeds 1, 2", "  on box, rack\n  seeds 1")
        .replace("host box {", 'host rack {\n  device "cpu" on any\n  slots 1\n}\nhost box {')
        .replace("ties by name", f"demand rank agreement of box, rack at least {bound} else hold\n  ties by name", 1)
    )
    study = study_of(text)
    decision = decide_gate(study, study.gates["pick"], two_hosts(**SPLIT))

    assert decision.ranking.demands[0].statistic == "0"
    assert decision.ranking.demands[0].details == (LeastAgreement("box", "rack", undefined=False),)
    assert decision.outcome == (Settled() if met else Held(Unmet(0)))
    assert decision.promoted == (("base", "fair") if met else ())


def test_a_demand_can_widen_the_cut_instead():
    study, gate = gate_of(demand="mean loss at most 3pt else keep top 2")

    calm = decide_gate(study, gate, evidence(**{**FOUR, "poor": ("3", "3")}))
    wild = decide_gate(study, gate, evidence(**FOUR))

    assert calm.promoted == ("base", "good")
    assert wild.promoted == ("base", "fair", "good")
    assert (calm.ranking.keep, wild.ranking.keep) == (gate.keep, Top(2, per_host=False))
    assert demand_words(calm, study, str) == ("mean loss at most 3 pt holds",)
    assert demand_words(wild, study, str) == (
        "mean loss at most 3 pt does not hold; so the gate kept top 2 in place of top 1",
    )


def test_a_demand_for_agreement_with_an_earlier_stage():
    early = (
        "gate early {\n  from aside to short\n  rank by mean loss over host, seed\n  keep top 3\n  always base\n"
        "  missing drop\n  crash as missing\n  ties by name\n}"
    )
    study = study_of(
        spec(
            "cohort",
            use="stage aside {\n  train base, good, fair, poor, spare for 1s\n  on box\n  seeds 9, 10\n}\n" + early,
            stage_short="stage short {\n  after early\n  train promoted for 1s\n  on box\n  seeds 1, 2\n}",
        ).replace("ties by name", "demand rank agreement of aside, short at least 1 else stop\n  ties by name", 1)
    )
    gate = study.gates["pick"]
    same = evidence("aside", base=("2", "2"), good=("1", "1"), fair=("3", "3"), spare=("0", "0"))
    other = evidence("aside", base=("2", "2"), good=("5", "5"), fair=("3", "3"), spare=("0", "0"))

    now = evidence(**FOUR)
    agreeing = decide_gate(study, gate, now, {"aside": same, "short": now})
    differing = decide_gate(study, gate, now, {"aside": other, "short": now})

    assert agreeing.outcome == Settled()
    assert differing.outcome == Stopped(Unmet(0))
    assert outcome_words("pick", differing.outcome, study, str) == (
        "the demand is not met: rank agreement of aside, short at least 1"
    )
    assert differing.inputs == (Input("short", now.digest), Input("aside", other.digest))


def test_a_sample_of_the_dropped_goes_on():
    study, gate = gate_of(sample="1 dropped seed 9")
    decision = decide_gate(study, gate, evidence(**FOUR))
    drawn = [one for one in decision.ranking.standings if one.ground is Ground.SAMPLE]

    assert len(drawn) == 1
    assert drawn[0].candidate in ("fair", "poor")
    assert drawn[0].candidate in decision.promoted
    draws = {
        next(
            one.candidate
            for one in decide_gate(*gate_of(sample=f"1 dropped seed {seed}"), evidence(**FOUR)).ranking.standings
            if one.ground is Ground.SAMPLE
        )
        for seed in range(12)
    }
    assert draws == {"fair", "poor"}


YES, NO, OPEN = "mean loss at most 9pt", "mean loss at most 0pt", "mean gap at most 9pt"


@pytest.mark.parametrize(
    ("require", "answer"),
    [
        (f"{YES} and {YES}", Answer.HOLDS),
        (f"{YES} and {NO}", Answer.FAILS),
        (f"{NO} and {YES}", Answer.FAILS),
        (f"{NO} and {NO}", Answer.FAILS),
        (f"{YES} or {YES}", Answer.HOLDS),
        (f"{YES} or {NO}", Answer.HOLDS),
        (f"{NO} or {YES}", Answer.HOLDS),
        (f"{NO} or {NO}", Answer.FAILS),
        (f"not {YES}", Answer.FAILS),
        (f"not {NO}", Answer.HOLDS),
        (f"not ({YES} and {NO})", Answer.HOLDS),
        (f"not ({YES} or {NO})", Answer.FAILS),
        (f"{NO} and {NO} or {YES}", Answer.HOLDS),
        (f"{NO} and ({NO} or {YES})", Answer.FAILS),
    ],
)
def test_truth_tables_of_and_or_not(require, answer):
    assert decide_rule(*judged(require, ("2", "2"), BASE)).judgement.answer is answer


def test_what_cannot_be_told_stays_open_unless_the_rest_settles_it():
    """The leader has a value and the gate's reference does not: an open part decides nothing by itself."""
    gap = "mean gap to base at most 9pt"
    table = {**FOUR, "base": (None, "2")}
    settled, unsettled = (
        decide_gate(*gate_of(keep=f"{gap} or mean loss at most 9pt"), evidence(**table)),
        decide_gate(*gate_of(keep=f"{gap} and mean loss at most 9pt"), evidence(**table)),
    )

    assert settled.outcome == Settled()
    assert set(settled.promoted) == {"base", "good", "fair", "poor"}
    assert decide_gate(*gate_of(keep=f"{gap} and mean loss at most 0pt"), evidence(**table)).outcome == Settled()
    assert unsettled.outcome == Stopped(Incomparable(("fair", "good", "poor"), "short"))


@pytest.mark.parametrize(
    ("require", "good", "answer"),
    [
        # not worse: some loss is allowed, and more is ruled out with confidence
        ("mean gap at most 0.5pt at 90% over cells with sigma 0.1pt", ("2.3", "3.3"), Answer.HOLDS),
        ("mean gap at most 0.5pt at 90% over cells with sigma 0.1pt", ("2.4", "3.4"), Answer.FAILS),
        ("mean gap at most 0.5pt at 90% over cells with sigma 0.1pt", ("1.0", "2.0"), Answer.HOLDS),
        # better: the same test against nothing
        ("mean gain at least 0pt at 90% over cells with sigma 0.1pt", ("1.8", "2.8"), Answer.HOLDS),
        ("mean gain at least 0pt at 90% over cells with sigma 0.1pt", ("1.9", "2.9"), Answer.FAILS),
        # equivalent: both sides
        ("equivalent within 0.5pt at 90% over cells with sigma 0.1pt", ("2.3", "3.3"), Answer.HOLDS),
        ("equivalent within 0.5pt at 90% over cells with sigma 0.1pt", ("1.0", "2.0"), Answer.FAILS),
        ("equivalent within 0.5pt at 90% over cells with sigma 0.1pt", ("1.6", "2.6"), Answer.FAILS),
    ],
)
def test_not_worse_better_and_equivalent_are_three_claims(require, good, answer):
    """One-sided 90% with sigma 0.1 over two cells: the bound lies 0.1282 from the mean."""
    assert decide_rule(*judged(require, good, BASE)).judgement.answer is answer


def test_not_worse_is_read_as_such():
    from promo.report.aloud import read_rule

    study, rule, _ = judged("mean gap at most 0.5pt at 90% over cells", ("2", "2"), BASE)
    assert "good is shown to be at most 0.5 pt worse than base on the mean over cells" in read_rule(rule, study)
    study, rule, _ = judged("mean gain at least 0.5pt at 90% over cells", ("2", "2"), BASE)
    assert "good is at least 0.5 pt better than base" in read_rule(rule, study)


def test_agreement_of_rankings_without_order_is_not_reached_and_says_why():
    text = (
        spec()
        .replace("  on box\n  seeds 1, 2", "  on box, rack\n  seeds 1")
        .replace("host box {", 'host rack {\n  device "cpu" on any\n  slots 1\n}\nhost box {')
        .replace("ties by name", "demand rank agreement of box, rack at least -1 else hold\n  ties by name", 1)
    )
    study = study_of(text)
    decision = decide_gate(study, study.gates["pick"], two_hosts(**dict.fromkeys(SPLIT, ("1", "1"))))

    finding = decision.ranking.demands[0]
    (undefined,) = finding.details
    assert decision.outcome == Held(Unmet(0))
    assert undefined == LeastAgreement("box", "rack", undefined=True)
    assert "one of them ranks fewer than two apart" in detail_words(undefined, finding, str)[1]
