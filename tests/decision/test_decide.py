"""Gates and rules: truth tables, exactness, and independence of everything that must not matter."""

import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promo.base.canonical import canonical
from promo.decision.decide import decide_gate, decide_rule
from promo.decision.values import Answer, Ground, Verdict, decision_to_json
from promo.evidence.values import Cell, Evidence, Row
from promo.report.words import gate_result, rule_result, standing_reason
from support import spec, study_of

CELLS = (("box", 1), ("box", 2))


def evidence(stage="short", status="timeout", **values):
    """Evidence from candidate=(value, value); None is a missing value with that status."""
    rows = []
    for name in sorted(values):
        cells = tuple(
            Cell(
                host,
                seed,
                f"{name}{seed}",
                "ok" if value is not None else status,
                value,
                1,
                None,
                "" if value else "boom",
            )
            for (host, seed), value in zip(CELLS, values[name], strict=True)
        )
        rows.append(Row(name, cells))
    return Evidence(stage, "loss", CELLS, tuple(rows))


def gate_of(**clauses):
    """The gate of the sound spec with clauses replaced: keep="top 2"."""
    text = spec()
    for clause, said in clauses.items():
        lines = [f"  {clause} {said}" if line.startswith(f"  {clause} ") else line for line in text.splitlines()]
        if clause not in ("rank", "keep", "always", "missing", "crash", "ties"):
            lines = [f"  {clause} {said}\n{line}" if line.startswith("  ties ") else line for line in lines]
        text = "\n".join(lines)
    study = study_of(text)
    return study, study.gates["pick"]


FOUR = {"base": ("2.0", "2.2"), "good": ("1.0", "1.2"), "fair": ("3.0", "3.0"), "poor": ("4.0", "4.4")}


def promoted(study, gate, found):
    return decide_gate(study, gate, found).promoted


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
    by_name = {one.candidate: one for one in decision.standings}

    assert [one.candidate for one in decision.standings] == ["good", "base", "fair", "poor"]
    assert [one.rank for one in decision.standings] == [1, 2, 3, 4]
    assert [one.ground for one in decision.standings] == [Ground.TOP, Ground.ALWAYS, Ground.CUT, Ground.CUT]
    assert by_name["good"].margin == "1.9"  # 3.0 - 1.1: the first behind the cut is fair
    assert by_name["fair"].margin == "-1.9"
    assert by_name["poor"].margin == "-3.1"
    assert by_name["base"].margin is None


def test_means_are_exact_where_floats_are_not():
    study, gate = gate_of()
    found = evidence(base=("9", "9"), good=("0.1", "0.2"), fair=("0.15", "0.15"), poor=("9", "9"))
    decision = decide_gate(study, gate, found)

    assert {one.candidate: one.statistic for one in decision.standings}["good"] == "0.15"
    assert decision.standings[0].tied_with == ("good",)  # equal, so the name decides: fair comes first
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
    good = next(one for one in decision.standings if one.candidate == "good")

    assert decision.promoted == ("base", "fair")
    assert (good.rank, good.statistic, good.ground) == (None, None, Ground.MISSING)
    assert "seed 2: boom" in standing_reason(good, decision, "pt")


def test_always_keeps_a_candidate_without_a_value():
    study, gate = gate_of()

    assert "base" in promoted(study, gate, evidence(**{**FOUR, "base": (None, None)}))


def test_missing_stop_stops_the_study_and_promotes_nobody():
    study, gate = gate_of(missing="stop")
    decision = decide_gate(study, gate, evidence(**{**FOUR, "poor": (None, "4")}))

    assert decision.promoted == ()
    assert "poor lacks a value at short" in decision.stopped
    assert {one.verdict for one in decision.standings} == {Verdict.DROPPED}


def test_a_gate_before_which_everyone_failed_keeps_only_always():
    study, gate = gate_of()

    assert promoted(study, gate, evidence(**dict.fromkeys(FOUR, (None, None)))) == ("base",)


values = st.integers(0, 4000).map(lambda n: str(n / 1000)) | st.none()
tables = st.fixed_dictionaries({name: st.tuples(values, values) for name in FOUR})


@settings(max_examples=200, deadline=None)
@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_arrival_leaves_no_trace(table, shuffler):
    study, gate = gate_of()
    names = list(table)
    shuffler.shuffle(names)
    shuffled = evidence(**{name: table[name] for name in names})

    assert canonical(decision_to_json(decide_gate(study, gate, shuffled))) == canonical(
        decision_to_json(decide_gate(study, gate, evidence(**table)))
    )


@settings(max_examples=200, deadline=None)
@given(tables)
def test_raising_keep_never_drops_a_survivor(table):
    found = evidence(**table)

    assert set(promoted(*gate_of(keep="top 1"), found)) <= set(promoted(*gate_of(keep="top 2"), found))


@settings(max_examples=200, deadline=None)
@given(tables, st.sampled_from(sorted(FOUR)))
def test_a_better_value_never_drops_its_candidate(table, name):
    study, gate = gate_of()
    if None in table[name] or name not in promoted(study, gate, evidence(**table)):
        return
    better = {**table, name: tuple(str(Fraction(value) - 1) for value in table[name])}

    assert name in promoted(study, gate, evidence(**better))


def test_a_higher_is_better_measure_turns_everything_round():
    text = spec().replace("measure loss in pt, lower", "measure gain in pt, higher").replace("mean loss", "mean gain")
    study = study_of(text)
    found = Evidence("short", "gain", CELLS, evidence(**FOUR).rows)
    decision = decide_gate(study, study.gates["pick"], found)

    assert decision.promoted == ("base", "poor")
    assert decision.standings[0].margin == "1.2"


def test_decisions_do_not_depend_on_chance():
    rng = random.Random(3)
    study, gate = gate_of()
    table = {name: (str(rng.random()), str(rng.random())) for name in FOUR}

    assert decide_gate(study, gate, evidence(**table)) == decide_gate(study, gate, evidence(**table))


# --- what is kept by something else than places --------------------------------------------------------------


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
    for standing in decision.standings:
        assert standing.findings
        assert standing_reason(standing, decision, "pt")


def test_an_allowance_widens_every_margin():
    narrow, wide = (
        gate_of(keep="mean gap to base at most 0.9pt"),
        gate_of(keep="mean gap to base at most 0.9pt", allow="0.1pt"),
    )

    # fair lies exactly 0.9 behind on the mean, poor 2.1
    assert set(promoted(*narrow, evidence(**FOUR))) == {"base", "good", "fair"}
    assert set(promoted(*wide, evidence(**{**FOUR, "fair": ("3.1", "3.1")}))) == {"base", "good", "fair"}


def two_hosts(**values):
    """Evidence on two hosts with one seed each."""
    cells = (("box", 1), ("rack", 1))
    rows = tuple(
        Row(
            name,
            tuple(Cell(*cell, f"{name}{cell}", "ok", value, 1, None) for cell, value in zip(cells, both, strict=True)),
        )
        for name, both in sorted(values.items())
    )
    return Evidence("short", "loss", cells, rows)


def on_two_hosts(**clauses):
    study, gate = gate_of(**clauses)
    return study, gate


SPLIT = {"base": ("5", "5"), "good": ("1", "4"), "fair": ("2", "3"), "poor": ("4", "1")}


def test_leaders_of_each_host_are_kept():
    study, gate = gate_of(keep="top 1 per host")

    assert set(promoted(study, gate, two_hosts(**SPLIT))) == {"base", "good", "poor"}


@pytest.mark.parametrize(
    ("bound", "kept"), [("at least -0.4", {"base", "fair"}), ("at least 0.5", set()), ("at least 0", set())]
)
def test_a_demand_for_agreement_of_hosts(bound, kept):
    """Rankings good, fair, poor, base and poor, fair, good, base: 3 pairs agree and 3 do not, so tau-b is 0."""
    text = (
        spec()
        .replace("  on box\n  seeds 1, 2", "  on box, rack\n  seeds 1")
        .replace("host box {", 'host rack {\n  device "cpu" on any\n  slots 1\n}\nhost box {')
        .replace("ties by name", f"demand rank agreement of box, rack {bound} else hold\n  ties by name", 1)
    )
    study = study_of(text)
    decision = decide_gate(study, study.gates["pick"], two_hosts(**SPLIT))

    assert decision.demands[0].statistic == "0"
    assert (decision.held == "") == (bound != "at least 0.5")
    assert decision.promoted == (("base", "fair") if not decision.held else ())
    del kept


def test_a_demand_can_widen_the_cut_instead():
    study, gate = gate_of(demand="mean loss at most 3pt else keep top 2")

    calm = decide_gate(study, gate, evidence(**{**FOUR, "poor": ("3", "3")}))
    wild = decide_gate(study, gate, evidence(**FOUR))

    assert calm.promoted == ("base", "good")
    assert wild.promoted == ("base", "fair", "good")
    assert wild.kept_by == "top 2"


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

    assert decide_gate(study, gate, evidence(**FOUR), {"aside": same}).stopped == ""
    assert "rank agreement" in decide_gate(study, gate, evidence(**FOUR), {"aside": other}).stopped


def test_a_sample_of_the_dropped_goes_on():
    study, gate = gate_of(sample="1 dropped seed 9")
    decision = decide_gate(study, gate, evidence(**FOUR))
    drawn = [one for one in decision.standings if one.ground is Ground.SAMPLE]

    assert len(drawn) == 1
    assert drawn[0].candidate in ("fair", "poor")
    assert drawn[0].candidate in decision.promoted
    draws = {
        next(
            one.candidate
            for one in decide_gate(*gate_of(sample=f"1 dropped seed {seed}"), evidence(**FOUR)).standings
            if one.ground is Ground.SAMPLE
        )
        for seed in range(12)
    }
    assert draws == {"fair", "poor"}


@pytest.mark.parametrize(
    ("crash", "status", "ground", "rank"),
    [
        ("as missing", "nan", Ground.CRASHED, None),
        ("drop", "nan", Ground.CRASHED, None),
        ("worst", "nan", Ground.CUT, 4),
        ("worst", "oom", Ground.CUT, 4),
        ("worst", "timeout", Ground.MISSING, None),
    ],
)
def test_crashes_and_missing_values_are_told_apart(crash, status, ground, rank):
    study, gate = gate_of(crash=crash)
    decision = decide_gate(study, gate, evidence(status=status, **{**FOUR, "good": (None, "1")}))
    good = next(one for one in decision.standings if one.candidate == "good")

    assert (good.ground, good.rank) == (ground, rank)
    assert decision.promoted == ("base", "fair")


@pytest.mark.parametrize(("clause", "status"), [("missing", "timeout"), ("crash", "diverged")])
@pytest.mark.parametrize("then", ["stop", "hold"])
def test_the_whole_gate_may_stop_or_hold(clause, status, then):
    study, gate = gate_of(**{clause: then})
    decision = decide_gate(study, gate, evidence(status=status, **{**FOUR, "poor": (None, None)}))

    assert bool(decision.stopped) == (then == "stop")
    assert bool(decision.held) == (then == "hold")
    assert decision.promoted == ()


def test_a_reference_without_a_value_ends_the_gate():
    study, gate = gate_of(keep="mean gap to base at most 1pt")
    decision = decide_gate(study, gate, evidence(**{**FOUR, "base": (None, "2")}))

    assert "a value of the reference is missing" in decision.stopped
    assert decision.promoted == ()


# --- rules ---------------------------------------------------------------------------------------------------


def judged(require, good, base, **clauses):
    """A rule over two candidates with these cell values."""
    text = spec().replace("require mean gap at most 0.5pt", f"require {require}")
    for clause, said in clauses.items():
        text = text.replace(f"  {clause} " + ("stop" if clause == "missing" else "skip"), f"  {clause} {said}")
    study = study_of(text)
    rows = {}
    if good is not None:
        rows["good"] = good
    if base is not None:
        rows["base"] = base
    return study, study.rules["close"], evidence("long", **rows)


BASE = ("2.0", "3.0")


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
    (finding,) = decision.findings

    assert (decision.answer, finding.statistic, finding.margin) == (answer, statistic, margin)


def test_a_rule_lists_every_cell():
    decision = decide_rule(*judged("every gap at most 0.5pt", ("2.5", "3.6"), BASE))

    assert [(one.host, one.seed, one.difference) for one in decision.comparisons] == [
        ("box", 1, "0.5"),
        ("box", 2, "0.6"),
    ]


@pytest.mark.parametrize(
    ("good", "clauses", "stopped", "held"),
    [
        (("1", None), {}, True, False),
        (("1", None), {"missing": "skip"}, False, False),
        (("1", None), {"missing": "hold"}, False, True),
        (None, {}, False, False),
        (None, {"absent": "stop"}, True, False),
        (None, {"absent": "hold"}, False, True),
    ],
)
def test_a_rule_without_its_values_is_undecided_and_may_stop_or_hold(good, clauses, stopped, held):
    decision = decide_rule(*judged("mean gap at most 0.5pt", good, BASE, **clauses))

    assert decision.answer is Answer.UNDECIDED
    assert decision.why
    assert (bool(decision.stopped), bool(decision.held)) == (stopped, held)


@pytest.mark.parametrize("then", ["stop", "hold"])
def test_a_rule_that_does_not_hold_may_stop_or_hold_the_study(then):
    text = spec().replace("  absent skip\n}", f"  absent skip\n  else {then}\n}}")
    study = study_of(text)
    failing = decide_rule(study, study.rules["close"], evidence("long", good=("9", "9"), base=BASE))
    holding = decide_rule(study, study.rules["close"], evidence("long", good=("1", "1"), base=BASE))

    assert (bool(failing.stopped), bool(failing.held)) == (then == "stop", then == "hold")
    assert (holding.stopped, holding.held) == ("", "")


@settings(max_examples=100, deadline=None)
@given(st.tuples(values, values), st.tuples(values, values))
def test_gap_and_gain_are_mirror_images(good, base):
    if None in (*good, *base):
        return
    gap = decide_rule(*judged("mean gap at most 0.5pt", good, base))
    gain = decide_rule(*judged("mean gain at least -0.5pt", good, base))

    assert gap.answer is gain.answer
    assert Fraction(gap.findings[0].statistic) == -Fraction(gain.findings[0].statistic)


@settings(max_examples=100, deadline=None)
@given(st.tuples(values, values), st.tuples(values, values))
def test_a_smaller_margin_never_makes_a_rule_hold(good, base):
    if None in (*good, *base):
        return
    for form in (
        "mean gap within {}pt",
        "equivalent within {}pt at 90% over cells",
        "mean gap at most {}pt at 90% over cells",
    ):
        wide = decide_rule(*judged(form.format("0.5"), good, base))
        narrow = decide_rule(*judged(form.format("0.25"), good, base))

        assert not (narrow.answer is Answer.HOLDS and wide.answer is Answer.FAILS)


@settings(max_examples=100, deadline=None)
@given(st.tuples(values, values), st.tuples(values, values))
def test_not_turns_an_answer_round(good, base):
    if None in (*good, *base):
        return
    plain = decide_rule(*judged("mean gap at most 0.5pt", good, base)).answer
    turned = decide_rule(*judged("not mean gap at most 0.5pt", good, base)).answer

    assert {plain, turned} == {Answer.HOLDS, Answer.FAILS}


def test_decisions_can_be_said_aloud():
    study, gate = gate_of()
    decision = decide_gate(study, gate, evidence(**FOUR))
    found = judged("mean gap at most 0.5pt", ("2.6", "3.5"), BASE)

    assert gate_result(decision) == "pick promoted good and base to long; dropped fair and poor"
    assert rule_result(decide_rule(*found), found[1], found[0]) == (
        "close fails for good against base: required mean gap at most 0.5pt, seen +0.5500 pt, 0.0500 beyond the bound"
    )


# --- truth tables of what combines -----------------------------------------------------------------------------------

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
    assert decide_rule(*judged(require, ("2", "2"), BASE)).answer is answer


def test_what_cannot_be_told_stays_open_unless_the_rest_settles_it():
    """The leader has a value and the gate's reference does not: an open part decides nothing by itself."""
    gap = "mean gap to base at most 9pt"
    table = {**FOUR, "base": (None, "2")}
    settled, _ = (
        decide_gate(*gate_of(keep=f"{gap} or mean loss at most 9pt"), evidence(**table)),
        decide_gate(*gate_of(keep=f"{gap} and mean loss at most 9pt"), evidence(**table)),
    )

    assert settled.stopped == ""
    assert set(settled.promoted) == {"base", "good", "fair", "poor"}
    assert decide_gate(*gate_of(keep=f"{gap} and mean loss at most 0pt"), evidence(**table)).stopped == ""
    assert (
        "cannot be compared"
        in decide_gate(*gate_of(keep=f"{gap} and mean loss at most 9pt"), evidence(**table)).stopped
    )


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
    assert decide_rule(*judged(require, good, BASE)).answer is answer


def test_not_worse_is_read_as_such():
    from promo.report.aloud import read_rule

    study, rule, _ = judged("mean gap at most 0.5pt at 90% over cells", ("2", "2"), BASE)
    assert "good is shown to be not worse than base by more than 0.5pt on the mean over cells" in read_rule(rule, study)
    study, rule, _ = judged("mean gain at least 0.5pt at 90% over cells", ("2", "2"), BASE)
    assert "good is at least 0.5pt better than base" in read_rule(rule, study)


@settings(max_examples=100, deadline=None)
@given(tables, st.integers(0, 40), st.integers(0, 40))
def test_a_smaller_margin_never_adds_a_survivor(table, one, other):
    if None in table["base"]:
        return
    narrow, wide = sorted((one, other))
    found = evidence(**table)
    kept = [
        set(promoted(*gate_of(keep=f"mean gap to base at most {margin / 10}pt"), found)) for margin in (narrow, wide)
    ]

    assert kept[0] <= kept[1]


# --- evidence that is not as one wishes ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["nan", "diverged", "oom", "crash", "timeout", "killed", "invalid", "not run"])
def test_every_way_of_having_no_value_is_dropped_and_named(status):
    study, gate = gate_of()
    decision = decide_gate(study, gate, evidence(status=status, **{**FOUR, "good": (None, "1")}))
    good = next(one for one in decision.standings if one.candidate == "good")

    assert good.verdict is Verdict.DROPPED
    assert good.cells[0].status == status
    assert "box seed 1" in standing_reason(good, decision, "pt")


def test_when_all_are_equal_the_declared_tie_break_decides_and_says_so():
    study, gate = gate_of()
    decision = decide_gate(study, gate, evidence(**dict.fromkeys(FOUR, ("1", "1"))))

    assert decision.promoted == ("base", "fair")
    assert "tied with base, good and poor, told apart" in standing_reason(decision.standings[1], decision, "pt")


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
    assert decide_rule(*judged(require, ("2", "3"), BASE)).answer is answer


def test_agreement_of_rankings_without_order_is_not_reached_and_says_why():
    text = (
        spec()
        .replace("  on box\n  seeds 1, 2", "  on box, rack\n  seeds 1")
        .replace("host box {", 'host rack {\n  device "cpu" on any\n  slots 1\n}\nhost box {')
        .replace("ties by name", "demand rank agreement of box, rack at least -1 else hold\n  ties by name", 1)
    )
    study = study_of(text)
    decision = decide_gate(study, study.gates["pick"], two_hosts(**dict.fromkeys(SPLIT, ("1", "1"))))

    assert decision.held
    assert "fewer than two apart" in dict(decision.demands[0].details)["undefined"]


def test_a_host_that_is_missing_altogether_leaves_everyone_without_a_statistic():
    cells = (("box", 1), ("rack", 1))
    rows = tuple(
        Row(name, (Cell("box", 1, "a", "ok", "1", 1, None), Cell("rack", 1, "b", "not run", None, None, None)))
        for name in sorted(FOUR)
    )
    study, gate = gate_of()
    decision = decide_gate(study, gate, Evidence("short", "loss", cells, rows))

    assert decision.promoted == ("base",)
    assert {one.rank for one in decision.standings} == {None}
    assert "rack seed 1: not run" in standing_reason(decision.standings[1], decision, "pt")


@settings(max_examples=100, deadline=None)
@given(st.tuples(values, values), st.tuples(values, values))
def test_equivalence_is_two_one_sided_t_tests_as_scipy_makes_them(good, base):
    """Schuirmann (1987): equivalent at 90% when both one-sided tests against the margins reach 10%."""
    from scipy import stats as reference

    if None in (*good, *base):
        return
    gaps = [float(Fraction(mine) - Fraction(other)) for mine, other in zip(good, base, strict=True)]
    if abs(gaps[0] - gaps[1]) < 1e-9:
        return
    p = max(
        reference.ttest_1samp(gaps, -0.5, alternative="greater").pvalue,
        reference.ttest_1samp(gaps, 0.5, alternative="less").pvalue,
    )
    if abs(p - 0.1) > 1e-9:
        answer = decide_rule(*judged("equivalent within 0.5pt at 90% over cells", good, base)).answer
        assert (answer is Answer.HOLDS) == (p <= 0.1)
