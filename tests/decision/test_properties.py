"""What holds of every decision on whatever evidence: order, monotony, and the mirror of gap and gain."""

import hashlib
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from promo.base.canonical import canonical, parse_canonical
from promo.base.classes import evolve
from promo.base.codec import from_json, to_json
from promo.decision.decide import decide_gate, decide_rule
from promo.evidence.collect import collect
from promo.evidence.values import CellStatus
from promo.ledger.state import Attempt, AttemptState, State
from promo.ledger.values import RunStatus
from promo.plans.compile import compile_plan
from promo.study.judgement import Answer
from verdicts import FOUR, evidence, gate_of, judged, promoted

values = st.integers(0, 4000).map(lambda n: str(n / 1000)) | st.none()
tables = st.fixed_dictionaries({name: st.tuples(values, values) for name in FOUR})


WORDINGS = (
    {},
    {"keep": "best 60%"},
    {"keep": "mean loss at most 2pt", "sample": "1 dropped seed 9"},
    {"keep": "mean gap to base at most 0.5pt or top 1", "allow": "0.2pt", "missing": "hold"},
    {"keep": "every gap to leader at most 1pt", "crash": "worst"},
    {"keep": "mean gap to base at most 1pt at 75% over cells"},
    {"keep": "mean gain to base at least 0pt at 75% over cells by sign_flip", "missing": "stop"},
    {"keep": "median gap to leader at most 1pt at 75% over cells by wilcoxon", "ties": "by order"},
    {"keep": "equivalent to base within 2pt at 75% over cells", "ties": "by parameters, name"},
    {"keep": "not first in every cell", "demand": "mean loss at most 3pt else keep top 1"},
)
"""Gates of every kind, as clauses of the sound one."""


def arrived(study, order, table, statuses):
    """Evidence of results that came in some order: runs, their attempts, and rows of the ledger's state."""
    stage = compile_plan(study).stage("short")
    runs = {run.id: run for run in stage.runs}
    state = State()
    for place in order:
        run = runs[sorted(runs)[place]]
        value, status = table[run.candidate][run.seed - 1], statuses[place]
        kept = AttemptState.ACCEPTED if value is not None else AttemptState.FAILED
        state.attempts[run.id] = [
            Attempt(
                run=run.id,
                number=1,
                stage="short",
                candidate=run.candidate,
                host=run.host,
                seed=run.seed,
                folder=run.id,
                state=kept,
                status=RunStatus.OK if value is not None else status,
                metrics={"loss": value or "0"},
                envelope=hashlib.sha256(run.id.encode()).hexdigest(),
            )
        ]
    entrants = [runs[sorted(runs)[place]].candidate for place in order]
    return collect(stage, entrants, "loss", state, lambda attempt: attempt.metrics["loss"])


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(WORDINGS),
    tables,
    st.permutations(range(8)),
    st.lists(
        st.sampled_from([RunStatus.TIMEOUT, RunStatus.NAN, RunStatus.OOM, RunStatus.KILLED]), min_size=8, max_size=8
    ),
)
def test_the_order_of_arrival_leaves_no_trace(clauses, table, order, statuses):
    study, gate = gate_of(**clauses)
    known = arrived(study, range(8), table, statuses)
    mixed = arrived(study, order, table, statuses)

    assert mixed.digest == known.digest
    one, other = decide_gate(study, gate, mixed), decide_gate(study, gate, known)
    assert canonical(to_json(one)) == canonical(to_json(other))
    assert one.digest == other.digest


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(WORDINGS), tables, st.sampled_from([one for one in CellStatus if one is not CellStatus.OK]))
def test_evidence_and_decisions_survive_their_stored_form(clauses, table, status):
    found = evidence(status=status, **table)
    for value in (found, decide_gate(*gate_of(**clauses), found)):
        assert from_json(type(value), parse_canonical(canonical(to_json(value)))) == value


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(WORDINGS), tables, st.permutations(sorted(FOUR)))
def test_the_order_of_rows_moves_no_verdict(clauses, table, order):
    study, gate = gate_of(**clauses)
    found = evidence(**table)
    mixed = evolve(found, rows=tuple(found.row(name) for name in order))

    one, other = decide_gate(study, gate, found), decide_gate(study, gate, mixed)

    assert one == evolve(other, inputs=one.inputs)  # the table in another order has another digest


@settings(max_examples=150, deadline=None)
@given(tables, st.sampled_from([("top 1", "top 2"), ("best 30%", "best 60%")]), st.sampled_from(["", " per host"]))
def test_raising_keep_never_drops_a_survivor(table, sizes, per_host):
    found = evidence(**table)
    few, more = (set(promoted(*gate_of(keep=size + per_host), found)) for size in sizes)

    assert few <= more


@settings(max_examples=150, deadline=None)
@given(tables, st.sampled_from(sorted(FOUR)))
def test_a_better_value_never_drops_its_candidate(table, name):
    study, gate = gate_of()
    if None in table[name] or name not in promoted(study, gate, evidence(**table)):
        return
    better = {**table, name: tuple(str(Fraction(value) - 1) for value in table[name])}

    assert name in promoted(study, gate, evidence(**better))


MARGINS = (
    "mean gap to base at most {}pt",
    "every gap to leader at most {}pt",
    "worst gap to base within {}pt",
    "mean gap to base at most {}pt at 75% over cells",
    "mean gap to base at most {}pt at 75% over cells by sign_flip",
    "median gap to base at most {}pt at 75% over cells by wilcoxon",
    "equivalent to leader within {}pt at 75% over cells",
)


@settings(max_examples=150, deadline=None)
@given(tables, st.sampled_from(MARGINS), st.sampled_from([("0.5", "1"), ("1", "2.5"), ("0.1", "4")]))
def test_a_smaller_margin_never_adds_a_survivor(table, form, margins):
    if None in table["base"]:
        return
    found = evidence(**table)
    narrow, wide = (set(promoted(*gate_of(keep=form.format(margin)), found)) for margin in margins)

    assert narrow <= wide


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from(MARGINS))
def test_an_allowance_never_drops_a_survivor(table, form):
    if None in table["base"]:
        return
    found = evidence(**table)
    strict, allowed = gate_of(keep=form.format("1")), gate_of(keep=form.format("1"), allow="0.5pt")

    assert set(promoted(*strict, found)) <= set(promoted(*allowed, found))


@settings(max_examples=100, deadline=None)
@given(st.tuples(values, values), st.tuples(values, values))
def test_gap_and_gain_are_mirror_images(good, base):
    if None in (*good, *base):
        return
    gap = decide_rule(*judged("mean gap at most 0.5pt", good, base))
    gain = decide_rule(*judged("mean gain at least -0.5pt", good, base))

    assert gap.judgement.answer is gain.judgement.answer
    assert Fraction(gap.judgement.findings[0].statistic) == -Fraction(gain.judgement.findings[0].statistic)


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

        assert not (narrow.judgement.answer is Answer.HOLDS and wide.judgement.answer is Answer.FAILS)


@settings(max_examples=100, deadline=None)
@given(st.tuples(values, values), st.tuples(values, values))
def test_not_turns_an_answer_round(good, base):
    if None in (*good, *base):
        return
    plain = decide_rule(*judged("mean gap at most 0.5pt", good, base)).judgement.answer
    turned = decide_rule(*judged("not mean gap at most 0.5pt", good, base)).judgement.answer

    assert {plain, turned} == {Answer.HOLDS, Answer.FAILS}


@settings(max_examples=60, deadline=None)
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
        answer = decide_rule(*judged("equivalent within 0.5pt at 90% over cells", good, base)).judgement.answer
        assert (answer is Answer.HOLDS) == (p <= 0.1)
