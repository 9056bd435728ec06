"""Finite numbers at the ends of what floats are: every condition answers, and its answer is stored and said."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promo.base.codec import from_json, to_json
from promo.decision.decide import decide_gate, decide_rule
from promo.decision.stats import half_width
from promo.decision.values import Decision
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.report.decided import decision_words, standing_reason
from support import spec, study_of

EXTREMES = st.one_of(
    st.sampled_from([1.797e308, 1.7976931348623157e308, -1.797e308, 1e300, -1e308, 1e154, 5e-324, -5e-324, 0.0, 2.5]),
    st.floats(allow_nan=False, allow_infinity=False),
)
KEEPS = [
    "top 1",
    "mean gap to base at most 0.5pt",
    "worst gap to leader at most 1pt",
    "every gap to base within 1pt",
    "median loss at most 2pt",
    "mean gap to base at most 0.5pt at 90% over cells",
    "mean gain to base at least 0.25pt at 80% over cells by sign_flip",
    "median gap to leader at most 2pt at 90% over cells by wilcoxon",
    "mean gap to base at most 1pt at 95% over cells with sigma 0.5pt",
    "equivalent to leader within 2.5pt at 90% over cells",
    "equivalent to base within 1pt at 90% over cells with sigma 0.5pt",
    "rank agreement of box, crate at least 0.5 and top 2",
    "first in every cell",
]
HOSTS = 'host box {\n  device "cpu" on any\n  slots 2\n}\n\nhost crate {\n  device "cpu" on any\n  slots 2\n}'
STUDIES = {}


def study(keep):
    if keep not in STUDIES:
        text = spec("use", host=HOSTS).replace("keep top 1", f"keep {keep}").replace("on box", "on box, crate")
        STUDIES[keep] = study_of(text)
    return STUDIES[keep]


@st.composite
def evidence(draw, one, stage):
    cells = one.stages[stage].cells
    names = sorted(one.entrants[stage].possible)

    def cell(host, seed):
        return Cell(host, seed, "", CellStatus.OK, repr(draw(EXTREMES)), 1, None)

    return Evidence(stage, "loss", tuple(cells), tuple(Row(name, tuple(cell(*at) for at in cells)) for name in names))


@pytest.mark.parametrize("keep", KEEPS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_gate_decides_and_its_decision_is_stored_and_said(keep, data):
    one = study(keep)
    decision = decide_gate(one, one.gates["pick"], data.draw(evidence(one, "short")), {})

    assert from_json(Decision, to_json(decision)) == decision
    assert decision_words(decision, one, str)
    assert all(standing_reason(standing, decision, one, str) for standing in decision.ranking.standings)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_rule_answers_and_its_answer_is_stored_and_said(data):
    one = study("top 1")
    decision = decide_rule(one, one.rules["close"], data.draw(evidence(one, "long")), {})

    assert from_json(Decision, to_json(decision)) == decision
    assert decision_words(decision, one, str)


@given(st.lists(EXTREMES.map(Fraction), min_size=2, max_size=8))
def test_half_a_width_is_finite(differences):
    for sigma in (None, Fraction(1), Fraction(10) ** 400):
        assert math.isfinite(half_width(differences, Fraction(9, 10), sigma))
