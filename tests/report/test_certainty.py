"""t, degrees of freedom and p beside a confidence bound, against another library on the differences themselves."""

import random
from fractions import Fraction

import pytest
from scipy import stats as reference

from promo.decision.conditions import _tested
from promo.decision.values import Bounded, Finding
from promo.report.certainty import certainty
from promo.study.judgement import Bound, BoundKind, Difference, Method, Side, Statistic
from promo.study.judgement import Test as Sure


def asked(kind, limit, method, confidence="95/100", sigma=None):
    test = Sure(Fraction(confidence), method, sigma)
    bound = Bound(kind, Fraction(limit))
    return Difference(Statistic.MEAN, Side.GAP, bound, None, test), test, bound


def found(values, kind, limit, method=Method.T, sigma=None):
    condition, test, bound = asked(kind, limit, method, sigma=sigma)
    finding = _tested(condition, test, [Fraction(str(value)) for value in values], bound, ())
    return finding, certainty(finding, finding.details[-1])


@pytest.mark.parametrize("kind", [BoundKind.AT_MOST, BoundKind.AT_LEAST])
def test_they_are_those_of_a_one_sided_t_test_of_the_limit(kind):
    draw = random.Random(3)
    for _ in range(60):
        values = [round(draw.gauss(0, 1), 3) for _ in range(draw.randint(2, 9))]
        limit = round(draw.gauss(0, 1), 2)
        side = "less" if kind is BoundKind.AT_MOST else "greater"
        due = reference.ttest_1samp(values, limit, alternative=side)

        finding, (t, freedom, p) = found(values, kind, str(limit))
        assert float(t.removeprefix("t ")) == pytest.approx(due.statistic, abs=0.006, rel=2e-3)
        assert freedom == f"df {len(values) - 1}"
        assert float(p.removeprefix("p ").removeprefix("<")) == pytest.approx(due.pvalue, rel=2e-3, abs=1.1e-4)
        assert (due.pvalue <= 0.05) == finding.holds


def test_where_sigma_is_known_they_are_z_and_its_p():
    """Four cells, sigma 0.1: a mean of paired differences has 0.1 sqrt(2 / 4)."""
    _, words = found([0.01, 0.03, 0.02, 0.02], BoundKind.AT_MOST, "0.12", Method.SIGMA, Fraction(1, 10))
    z = (0.02 - 0.12) / (0.1 * 0.5**0.5)

    assert words == (f"z {z:.2f}", f"p {reference.norm.cdf(z):.4f}")


def test_cells_that_agree_exactly_have_none():
    finding, words = found([0.5, 0.5, 0.5], BoundKind.AT_MOST, "1")

    assert finding.holds
    assert words == ()


def test_what_was_not_tested_has_none():
    finding, _ = found([0.1, 0.2], BoundKind.AT_MOST, "1")
    bare = Finding(finding.condition, holds=None, details=())

    assert certainty(bare, Bounded(True, Fraction(1, 2), "1", 2)) == ()
