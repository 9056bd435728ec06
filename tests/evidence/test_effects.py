"""Effects against published worked examples; sources stand beside the numbers."""

import random
from fractions import Fraction

import pytest
from scipy import stats as reference

from promo.base.tails import adjust
from promo.evidence.effects import fit_stage
from promo.evidence.estimates import Method
from promo.evidence.statements import AllEqual, Constant, LenthError, RunsLost
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.report.statements import statement_words
from promo.study.design import standard_rows
from promo.study.values import Effects

FACTORS = ("a", "b", "c", "d")
# Montgomery (2013), example 6.2: filtration rate, 2^4 without replication, standard order.
FILTRATION = (45, 71, 48, 65, 68, 60, 80, 65, 43, 100, 45, 104, 75, 86, 70, 96)
POINTS = {f"r_{number:02d}": row for number, row in enumerate(standard_rows(FACTORS, {}), start=1)}
ASKED = Effects("all", ("s",), ("d",), True, (), ("host", "seed"), "all", Fraction(5, 100), "", where={})


def evidence(values, cells=(("box", 1),)):
    rows = (Row(name, tuple(measured(cell, v) for cell in cells)) for name, v in zip(POINTS, values, strict=True))
    return Evidence("s", "y", cells, tuple(rows))


def measured(cell, value):
    """A cell with its value, or one that was not run."""
    status = CellStatus.NOT_RUN if value is None else CellStatus.OK
    return Cell(*cell, "x", status, None if value is None else str(value), 1, "e")


def test_the_filtration_experiment_has_its_published_effects_and_lenth_error():
    """Effects of Montgomery's table 6.12; PSE 2.625, margin 6.748 and 13.699 as in section 6.5."""
    fit = fit_stage(ASKED, FACTORS, POINTS, evidence(FILTRATION))
    values = {one.effect: one.value for one in fit.estimates}

    assert (fit.method, fit.statements) == (Method.LENTH, (LenthError(15),))
    assert (fit.pse, fit.margin, fit.simultaneous) == ("2.625", "6.74778", "13.699")
    assert (values["a",], values["c",], values["d",]) == ("21.625", "9.875", "14.625")
    assert (values["a", "c"], values["a", "d"]) == ("-18.125", "16.625")


def test_a_constant_response_is_said_to_show_nothing():
    fit = fit_stage(ASKED, FACTORS, POINTS, evidence([7] * 16))

    assert fit.statements == (AllEqual(),)
    assert statement_words(AllEqual()) == "every run has the same value: there is nothing to estimate"


def test_lost_runs_name_the_effects_that_cannot_be_distinguished():
    fit = fit_stage(ASKED, FACTORS, POINTS, evidence([*FILTRATION[:8], *[None] * 8]))

    lost, constant, error = fit.statements
    assert (lost, constant, error) == (RunsLost("box", 8, 16), Constant((("d",),)), LenthError(7))
    assert statement_words(lost) == "8 of 16 runs on box have no value; estimates rest on the others"
    assert statement_words(constant) == "the same in every run, so not estimable: d"


# Benjamini & Hochberg (1995), section 3.2: fifteen p-values of a study of myocardial infarction.
THROMBOLYSIS = (
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
)  # fmt: skip


def test_adjusted_p_values_are_those_of_the_published_procedure():
    """At a rate of 5% the paper rejects the four smallest, where Bonferroni rejects three."""
    adjusted = adjust(THROMBOLYSIS)

    assert sum(p <= 0.05 for p in adjusted) == 4
    assert sum(p * 15 <= 0.05 for p in THROMBOLYSIS) == 3
    assert adjusted == pytest.approx(reference.false_discovery_control(THROMBOLYSIS))


@pytest.mark.parametrize("seed", range(5))
def test_adjusted_p_values_are_those_of_scipy_in_any_order_and_with_ties(seed):
    draw = random.Random(seed)
    values = [round(draw.random() ** 3, 2) for _ in range(draw.randint(1, 12))]

    assert adjust(values) == pytest.approx(reference.false_discovery_control(values))
