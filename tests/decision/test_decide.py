"""Gates and rules: truth tables, exactness, and independence of everything that must not matter."""

import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promo.base.canonical import canonical
from promo.decision.decide import decide_gate, decide_rule
from promo.decision.stats import summarise
from promo.decision.values import Answer, Ground, Verdict, decision_to_json
from promo.evidence.values import Cell, Evidence, Row
from promo.report.words import gate_result, rule_result, standing_reason
from promo.spec.values import Statistic
from support import spec, study_of

CELLS = (("box", 1), ("box", 2))


def evidence(stage="short", **values):
    """Evidence from candidate=(value, value); None is a missing value."""
    rows = []
    for name in sorted(values):
        cells = tuple(
            Cell(
                host,
                seed,
                f"{name}{seed}",
                "ok" if value is not None else "nan",
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


@pytest.mark.parametrize(
    ("statistic", "lower", "expected"),
    [
        (Statistic.MEAN, True, Fraction(7, 3)),
        (Statistic.MEDIAN, True, 2),
        (Statistic.WORST, True, 4),
        (Statistic.WORST, False, 1),
    ],
)
def test_statistics(statistic, lower, expected):
    numbers = [Fraction(4), Fraction(1), Fraction(2)]

    assert summarise(numbers, statistic, lower_is_better=lower) == expected


def test_the_median_of_an_even_number_is_between_the_middle_two():
    assert summarise([Fraction(n) for n in (1, 9, 2, 4)], Statistic.MEDIAN, lower_is_better=True) == 3


def test_a_higher_is_better_measure_turns_everything_round():
    text = spec().replace("measure loss in pt, lower", "measure gain in pt, higher").replace("mean loss", "mean gain")
    study = study_of(text)
    found = Evidence("short", "gain", CELLS, evidence(**FOUR).rows)
    decision = decide_gate(study, study.gates["pick"], found)

    assert decision.promoted == ("base", "poor")
    assert decision.standings[0].margin == "1.2"


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
    ],
)
def test_rules(require, good, answer, statistic, margin):
    decision = decide_rule(*judged(require, good, BASE))

    assert (decision.answer, decision.statistic, decision.margin) == (answer, statistic, margin)


def test_a_rule_lists_every_cell():
    decision = decide_rule(*judged("every gap at most 0.5pt", ("2.5", "3.6"), BASE))

    assert [(one.host, one.seed, one.difference, one.holds) for one in decision.comparisons] == [
        ("box", 1, "0.5", True),
        ("box", 2, "0.6", False),
    ]


@pytest.mark.parametrize(
    ("good", "clauses", "stopped"),
    [
        (("1", None), {}, True),
        (("1", None), {"missing": "skip"}, False),
        (None, {}, False),
        (None, {"absent": "stop"}, True),
    ],
)
def test_a_rule_without_its_values_is_undecided_or_stops(good, clauses, stopped):
    decision = decide_rule(*judged("mean gap at most 0.5pt", good, BASE, **clauses))

    assert decision.answer is Answer.UNDECIDED
    assert decision.why
    assert bool(decision.stopped) == stopped


@settings(max_examples=100, deadline=None)
@given(st.tuples(values, values), st.tuples(values, values))
def test_gap_and_gain_are_mirror_images(good, base):
    if None in (*good, *base):
        return
    gap = decide_rule(*judged("mean gap at most 0.5pt", good, base))
    gain = decide_rule(*judged("mean gain at least -0.5pt", good, base))

    assert gap.answer is gain.answer
    assert Fraction(gap.statistic) == -Fraction(gain.statistic)


@settings(max_examples=100, deadline=None)
@given(st.tuples(values, values), st.tuples(values, values))
def test_a_smaller_margin_never_makes_a_rule_hold(good, base):
    if None in (*good, *base):
        return
    wide = decide_rule(*judged("mean gap within 0.5pt", good, base))
    narrow = decide_rule(*judged("mean gap within 0.25pt", good, base))

    assert not (narrow.answer is Answer.HOLDS and wide.answer is Answer.FAILS)


def test_decisions_can_be_said_aloud():
    study, gate = gate_of()
    decision = decide_gate(study, gate, evidence(**FOUR))
    found = judged("mean gap at most 0.5pt", ("2.6", "3.5"), BASE)

    assert gate_result(decision) == "pick promoted good and base to long; dropped fair and poor"
    assert rule_result(decide_rule(*found), found[1], found[0]) == (
        "close fails: the mean gap of good to base is +0.5500 pt, 0.0500 beyond the bound (at most 0.5pt)"
    )


def test_decisions_do_not_depend_on_the_hash_seed():
    rng = random.Random(3)
    study, gate = gate_of()
    table = {name: (str(rng.random()), str(rng.random())) for name in FOUR}

    assert decide_gate(study, gate, evidence(**table)) == decide_gate(study, gate, evidence(**table))
