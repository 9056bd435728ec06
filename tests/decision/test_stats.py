"""Every statistic against an independent library or a published worked example."""

import math
import random
from fractions import Fraction

import pytest
from scipy import stats as reference

from promo.base.tails import f_tail, t_cumulative, t_quantile, t_tails
from promo.decision.stats import (
    half_width,
    sampled_interval,
    sign_flip_p,
    spearman,
    summarise,
    tau_b,
    tau_is_at_least,
    wilcoxon_p,
)
from promo.study.judgement import Statistic


def exactly(*numbers):
    return [Fraction(str(number)) for number in numbers]


# Student (1908): extra hours of sleep of ten patients under two drugs.
SLEEP_FIRST = exactly(0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0)
SLEEP_SECOND = exactly(1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4)
# Box, Hunter & Hunter (2005), table 3.5: wear of boys' shoes, material A and B on either foot.
SHOES_A = exactly(13.2, 8.2, 10.9, 14.3, 10.7, 6.6, 9.5, 10.8, 8.8, 13.3)
SHOES_B = exactly(14.0, 8.8, 11.2, 14.2, 11.8, 6.4, 9.8, 11.3, 9.3, 13.6)


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


def test_every_is_no_statistic_and_nothing_has_none():
    with pytest.raises(ValueError):
        summarise([Fraction(1)], Statistic.EVERY, lower_is_better=True)
    with pytest.raises(ValueError):
        summarise([], Statistic.MEAN, lower_is_better=True)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 15, 45, 200])
@pytest.mark.parametrize("probability", [0.51, 0.75, 0.9, 0.95, 0.975, 0.99, 0.999])
def test_t_quantiles_are_those_of_scipy(probability, degrees):
    assert t_quantile(probability, degrees) == pytest.approx(reference.t.ppf(probability, degrees), rel=1e-9)


def test_t_probabilities_are_those_of_scipy():
    for degrees in (1, 3, 10, 60):
        for value in (0.0, 0.3, 1.0, 2.353, 12.7):
            assert t_cumulative(value, degrees) == pytest.approx(reference.t.cdf(value, degrees), abs=1e-12)


def test_the_table_value_of_three_degrees():
    """Four host-seed cells: the one-sided 95 % quantile is 2.353 (any t table)."""
    assert round(t_quantile(0.95, 3), 3) == 2.353


def test_the_interval_of_students_sleep_data():
    """Paired difference 1.58, standard error 0.389; the 90 % interval reaches from 0.867 to 2.293."""
    differences = [second - first for first, second in zip(SLEEP_FIRST, SLEEP_SECOND, strict=True)]
    reach = half_width(differences, Fraction(95, 100), None)
    found = reference.ttest_rel([float(x) for x in SLEEP_SECOND], [float(x) for x in SLEEP_FIRST])
    low, high = found.confidence_interval(0.90)

    assert float(sum(differences) / 10) - reach == pytest.approx(low, rel=1e-9)
    assert float(sum(differences) / 10) + reach == pytest.approx(high, rel=1e-9)
    assert (round(low, 3), round(high, 3)) == (0.867, 2.293)


def test_a_known_sigma_gives_the_normal_interval_of_a_difference():
    differences = exactly(0.1, 0.2, 0.3, 0.4)
    reach = half_width(differences, Fraction(95, 100), Fraction("0.0013"))

    assert reach == pytest.approx(reference.norm.ppf(0.95) * 0.0013 * math.sqrt(2 / 4), rel=1e-9)


def test_the_sign_flip_test_of_the_shoes():
    """Fisher's permutation test on the boys' shoes: 7 of 1024 assignments are as extreme (one-sided)."""
    differences = [a - b for a, b in zip(SHOES_A, SHOES_B, strict=True)]

    assert sign_flip_p(differences) == Fraction(7, 1024)


@pytest.mark.parametrize("seed", range(8))
def test_sign_flips_are_those_of_scipys_enumeration(seed):
    draw = random.Random(seed)
    numbers = [round(draw.gauss(-0.3, 1), 2) for _ in range(draw.randint(2, 9))]
    found = reference.permutation_test(
        ([*numbers],),
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        alternative="less",
        n_resamples=10**6,
    )

    assert float(sign_flip_p(exactly(*numbers))) == pytest.approx(found.pvalue, abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_signed_ranks_are_those_of_scipy_where_nothing_is_tied(seed):
    draw = random.Random(seed)
    numbers = draw.sample([n / 7 for n in range(-30, 40) if n], draw.randint(3, 12))
    numbers = [number for place, number in enumerate(numbers) if abs(number) not in map(abs, numbers[:place])]
    found = reference.wilcoxon(numbers, alternative="less", method="exact")

    assert float(wilcoxon_p([Fraction(number) for number in numbers])) == pytest.approx(found.pvalue, abs=1e-12)


def test_the_signed_rank_test_of_the_depression_scores():
    """Hollander & Wolfe (1973), table 3.1, as in R's help of wilcox.test: V = 40, one-sided p = 0.01953."""
    first = exactly(1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30)
    second = exactly(0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29)

    assert wilcoxon_p([after - before for before, after in zip(first, second, strict=True)]) == Fraction(10, 512)


def test_signed_ranks_with_ties_and_zeros_are_counted_as_they_are():
    """By hand: zeros go, sizes 1, 1, 2 have ranks 1.5, 1.5, 3; only -1, -1, -2 lies as low as nothing positive."""
    assert wilcoxon_p(exactly(0, -1, -1, -2)) == Fraction(1, 8)
    assert wilcoxon_p(exactly(-1, 1, -2)) == Fraction(3, 8)  # sums 0, 1.5 and 1.5 of eight
    assert wilcoxon_p(exactly(0, 0)) == 1


def test_tau_b_of_agrestis_table():
    """Agresti's table of income and job satisfaction among 104 people: tau-b = 0.152."""
    table = [[1, 3, 10, 6], [2, 3, 10, 7], [1, 6, 14, 12], [0, 1, 9, 11]]
    first, second = [], []
    for row, counts in enumerate(table):
        for column, count in enumerate(counts):
            first += [Fraction(row)] * count
            second += [Fraction(column)] * count
    score, one, other = tau_b(first, second)

    assert round(score / math.sqrt(one * other), 3) == 0.152
    assert score / math.sqrt(one * other) == pytest.approx(
        reference.kendalltau([*map(int, first)], [*map(int, second)])[0]
    )


@pytest.mark.parametrize("seed", range(10))
def test_tau_b_is_that_of_scipy(seed):
    draw = random.Random(seed)
    first = [draw.randint(0, 5) for _ in range(9)]
    second = [draw.randint(0, 5) for _ in range(9)]
    score, one, other = tau_b([Fraction(x) for x in first], [Fraction(x) for x in second])

    assert score / math.sqrt(one * other) == pytest.approx(reference.kendalltau(first, second)[0], abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_spearman_is_that_of_scipy(seed):
    draw = random.Random(seed)
    first = [draw.randint(0, 5) for _ in range(9)]
    second = [draw.randint(0, 5) for _ in range(9)]
    product, one, other = spearman([Fraction(x) for x in first], [Fraction(x) for x in second])

    assert product / math.sqrt(one * other) == pytest.approx(reference.spearmanr(first, second)[0], abs=1e-12)


def test_spearman_of_one_exchange_worked_by_hand():
    # Ranks 1, 2, 3 against 1, 3, 2: less 2 and doubled -2, 0, 2 and -2, 2, 0: products 4, squares 8: a half.
    assert spearman(exactly(1, 2, 3), exactly("0.1", "0.3", "0.2")) == (4, 8, 8)
    assert spearman(exactly(1, 1), exactly(1, 2)) == (0, 0, 2)


@pytest.mark.parametrize(
    ("parts", "bound", "reached"),
    [
        ((6, 6, 6), Fraction(1), True),
        ((5, 6, 6), Fraction(1), False),
        ((-6, 6, 6), Fraction(-1), True),
        ((-5, 6, 6), Fraction(-4, 5), False),
        ((-4, 6, 6), Fraction(-4, 5), True),
        ((0, 6, 6), Fraction(0), True),
        ((-1, 6, 6), Fraction(0), False),
        ((3, 4, 9), Fraction(1, 2), True),
        ((3, 4, 9), Fraction(51, 100), False),
        ((0, 0, 6), Fraction(-1), False),
    ],
)
def test_tau_is_compared_without_a_root(parts, bound, reached):
    assert tau_is_at_least(parts, bound) is reached


def test_equal_differences_have_no_spread():
    assert half_width(exactly(0.1, 0.1, 0.1), Fraction(95, 100), None) == 0.0


@pytest.mark.parametrize(("found", "drawn", "total"), [(0, 1, 2), (1, 1, 3), (0, 3, 8), (2, 5, 20), (7, 10, 12)])
def test_intervals_of_a_finite_group_invert_scipys_hypergeometric_tails(found, drawn, total):
    low, high = sampled_interval(found, drawn, total, Fraction(95, 100))
    fits = [
        number
        for number in range(total + 1)
        if reference.hypergeom.sf(found - 1, total, number, drawn) > 0.025
        and reference.hypergeom.cdf(found, total, number, drawn) > 0.025
    ]

    assert (low, high) == (min(fits), max(fits))


def test_a_sample_of_everyone_leaves_no_doubt():
    assert sampled_interval(2, 7, 7, Fraction(95, 100)) == (2, 2)


def test_the_interval_of_a_large_group_is_clopper_and_pearsons():
    """2 of 10: 2.52 % to 55.61 % (Clopper & Pearson, 95 %)."""
    low, high = sampled_interval(2, 10, 10_000, Fraction(95, 100))
    expected = reference.binomtest(2, 10).proportion_ci(0.95, "exact")

    assert low / 10_000 == pytest.approx(expected.low, abs=2e-3)
    assert high / 10_000 == pytest.approx(expected.high, abs=2e-3)


@pytest.mark.parametrize(("found", "drawn", "total"), [(2, 1, 3), (0, 0, 3), (1, 4, 3)])
def test_what_is_no_sample_is_refused(found, drawn, total):
    with pytest.raises(ValueError):
        sampled_interval(found, drawn, total, Fraction(95, 100))


@pytest.mark.parametrize("degrees", [1, 5 / 3, 5, 45])
def test_tails_of_t_and_f_agree_with_scipy(degrees):
    for value in (0.0, 0.3, 2.571, 40.0):
        assert t_tails(-value, degrees) == pytest.approx(2 * reference.t.sf(value, degrees), rel=1e-9)
        assert f_tail(value, 3, degrees) == pytest.approx(reference.f.sf(value, 3, degrees), rel=1e-9)
