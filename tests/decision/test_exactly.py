"""Exact chances against published power calculations, an independent library, and the simulation itself."""

import math
from fractions import Fraction

import numpy
import pytest
from scipy import stats as reference

from promo.base.tails import t_quantile
from promo.decision.confidence import rank_sum_limit, speaks
from promo.decision.exactly import Supposed, chance, equivalence, noncentral_t, signed_ranks, slippage
from promo.decision.simulate import World, simulate
from promo.study import judgement
from promo.study.judgement import Bound, BoundKind, Difference, Equivalent, First, Method, Side, Statistic
from support import compiled, spec


def test_the_power_of_rs_worked_example():
    """R, help of power.t.test: n = 20 a group, delta = 1, sd = 1, 5% two-sided has power 0.8689528."""
    degrees, shift = 38, math.sqrt(20 / 2)

    assert 1 - noncentral_t(t_quantile(0.975, degrees), degrees, shift) == pytest.approx(0.8689528, abs=5e-8)


@pytest.mark.parametrize("degrees", [1, 2, 3, 7, 39])
def test_noncentral_t_is_that_of_scipy(degrees):
    for value, shift in ((-3, 0), (0, 2), (1.5, -1), (2.353, 3), (4, 5)):
        assert noncentral_t(value, degrees, shift) == pytest.approx(reference.nct.cdf(value, degrees, shift), abs=1e-7)


@pytest.mark.parametrize(("k", "lead"), [(2, 2.326), (3, 2.710), (4, 2.916), (5, 3.055), (10, 3.418)])
def test_selection_of_the_best_has_bechhofers_table(k, lead):
    """Bechhofer (1954), table I, t = 1: the lead in standard errors at which the best of k is first with 95%."""
    assert slippage(k, 1, lead) == pytest.approx(0.95, abs=2e-4)


def test_ahead_in_every_cell_is_a_binomial_with_all_successes():
    """k equal candidates: a named one is first in all n cells with probability k^-n."""
    equal = Supposed(lead=0, noise=1, hosts=2, seeds=2, rivals=3)
    ahead = Difference(Statistic.EVERY, Side.GAIN, "base", Bound(BoundKind.AT_LEAST, Fraction(0)))

    assert chance(First(), equal) == pytest.approx(3**-4, abs=1e-9)
    assert chance(ahead, equal) == pytest.approx(reference.binom.pmf(4, 4, 0.5), abs=1e-12)


LONG = "stage long {\n  after pick\n  train promoted for 2s\n  on box\n  seeds 3, 4\n  report only\n}"


@pytest.mark.parametrize(
    "require",
    [
        "mean gap at most 0.25pt",
        "mean gap at least 0.1pt",
        "mean gain within 0.5pt",
        "every gap at most 0.8pt",
        "first in every cell",
        "mean gain at least -0.25pt at 90% over cells",
        "equivalent within 2pt at 90% over cells",
        "mean gain at least -0.3pt at 60% over cells by sign_flip",
        "median gap at most 0.1pt at 70% over cells by wilcoxon",
        "mean loss at most 3.8pt",
        "every loss at most 4.2pt",
    ],
)
def test_what_is_exact_is_what_the_simulation_counts(require):
    against = "" if require.startswith(("first", "mean loss", "every loss")) else " against base"
    rule = (
        f"frozen rule close {{\n  judge good{against} at short\n  require {require}\n  missing stop\n  absent skip\n}}"
    )
    study, plan = compiled(spec(rule=rule, stage_long=LONG)).sound()

    figures = simulate(study, plan, World(noise=0.5, gap=0.3, level=4.0), 20_000, 11, best="good")

    found, exact = figures.rules["close"][0], figures.rules_exactly["close"]
    assert exact is not None
    assert abs(found.value - exact) < 4 * found.error


@pytest.mark.parametrize("method", [Method.T, Method.SIGMA])
@pytest.mark.parametrize(
    ("side", "bound"),
    [
        (Side.GAP, Bound(BoundKind.AT_MOST, Fraction(1, 5))),
        (Side.GAIN, Bound(BoundKind.AT_LEAST, Fraction(-1, 5))),
    ],
)
def test_tests_have_the_power_that_drawn_differences_show(method, side, bound):
    """100,000 draws of four paired differences; the bound of each is made as `half_width` makes it."""
    test = judgement.Test(Fraction(9, 10), method, Fraction(1, 2) if method is Method.SIGMA else None)
    condition = Difference(Statistic.MEAN, side, "base", bound, test)
    gaps = numpy.random.default_rng(3).normal(-0.3, 0.5 * math.sqrt(2), (100_000, 4))
    spread = gaps.std(axis=1, ddof=1) / 2
    reach = t_quantile(0.9, 3) * spread if method is Method.T else reference.norm.ppf(0.9) * 0.5 * math.sqrt(2 / 4)
    share = (gaps.mean(axis=1) + reach <= 0.2).mean()

    exact = chance(condition, Supposed(lead=0.3, noise=0.5, hosts=1, seeds=4, rivals=4))

    assert exact is not None
    assert abs(share - exact) < 4 * math.sqrt(exact * (1 - exact) / 100_000)


def test_equivalence_with_a_known_sigma_is_a_window_of_the_normal():
    test = judgement.Test(Fraction(9, 10), Method.SIGMA, Fraction(1, 2))
    error = 0.5 * math.sqrt(2 / 4)
    room = 0.9 - reference.norm.ppf(0.9) * error

    found = chance(Equivalent("base", Fraction(9, 10), test), Supposed(0.3, 0.5, hosts=2, seeds=2, rivals=4))

    assert found == pytest.approx(reference.norm.cdf(room, -0.3, error) - reference.norm.cdf(-room, -0.3, error))


def test_equivalence_by_t_has_the_power_of_powertost():
    """
    R, PowerTOST, sampleN.TOST(CV = 0.20, theta0 = 0.95, design = "2x2"): n = 20 has power 0.8346802.

    A 2x2 crossover on the log scale: sd sqrt(log(1 + CV^2)), n - 2 degrees of freedom, margins 0.80 to 1.25.
    """
    error = math.sqrt(math.log(1 + 0.20**2)) * math.sqrt(2 / 20)

    found = equivalence(t_quantile(0.95, 18), 18, math.log(0.95), math.log(1.25), error)

    assert found == pytest.approx(0.8346802, abs=5e-7)


@pytest.mark.parametrize("cells", [4, 6, 9, 20])
def test_among_numbers_around_zero_signed_ranks_are_the_null_distribution(cells):
    """Every subset of the ranks is as likely to be positive: subsets counted by an independent library."""
    limit = rank_sum_limit(cells, Fraction(1, 20))
    signs = (numpy.arange(2 ** min(cells, 9))[:, None] >> numpy.arange(min(cells, 9))) & 1
    sums = (signs * numpy.arange(1, min(cells, 9) + 1)).sum(axis=1)

    if cells <= 9:
        assert signed_ranks(cells, 0.0, limit) == pytest.approx((sums <= limit).mean(), abs=1e-6)
        assert (sums <= limit).mean() <= 0.05 < (sums <= limit + 1).mean()
    else:
        assert (limit, rank_sum_limit(cells, Fraction(1, 40))) == (60, 52)  # Wilcoxon's table for n = 20


@pytest.mark.parametrize("method", [Method.SIGN_FLIP, Method.WILCOXON])
@pytest.mark.parametrize("cells", [4, 5, 6])
def test_permutation_tests_have_the_power_that_drawn_differences_show(method, cells):
    test = judgement.Test(Fraction(95, 100), method)
    statistic = Statistic.MEAN if method is Method.SIGN_FLIP else Statistic.MEDIAN
    bound = Bound(BoundKind.AT_MOST, Fraction(1, 5))
    gaps = numpy.random.default_rng(5).normal(-0.3, 0.5 * math.sqrt(2), (40_000, cells))
    share = speaks(test, gaps, bound).mean()

    exact = chance(
        Difference(statistic, Side.GAP, "base", bound, test), Supposed(0.3, 0.5, hosts=1, seeds=cells, rivals=4)
    )

    assert exact is not None
    assert (exact == 0) == (cells == 4)
    assert abs(share - exact) <= 4 * math.sqrt(exact * (1 - exact) / 40_000)


def test_the_power_of_signed_ranks_over_many_cells_is_what_scipy_finds_in_draws():
    limit = rank_sum_limit(9, Fraction(1, 20))
    rows = numpy.random.default_rng(6).normal(-0.6, 1, (1000, 9))
    found = reference.wilcoxon(rows, axis=1, alternative="less", method="exact").pvalue <= 0.05

    exact = signed_ranks(9, -0.6, limit)

    assert abs(found.mean() - exact) < 4 * math.sqrt(exact * (1 - exact) / 1000)


def test_sign_flips_over_more_cells_have_no_formula():
    test = judgement.Test(Fraction(95, 100), Method.SIGN_FLIP)
    ahead = Difference(Statistic.MEAN, Side.GAIN, "base", Bound(BoundKind.AT_LEAST, Fraction(0)), test)

    assert chance(ahead, Supposed(0.3, 0.5, hosts=1, seeds=7, rivals=4)) is None


@pytest.mark.parametrize(
    ("keep", "host"),
    [
        ("top 2", 0.4),
        ("mean gap to base at most -0.1pt", 0.4),
        ("every gap to base at most 0.4pt", 0.0),
        ("first in every cell", 0.0),
        ("not first in every cell", 0.0),
        ("best 30%", 0.4),
        ("top 1 per host", 0.4),
    ],
)
@pytest.mark.parametrize("allow", ["", "  allow 0.2pt\n  sample 1 dropped seed 9\n"])
def test_gates_over_a_first_stage_are_exact_too(keep, host, allow):
    gate = (
        "frozen gate pick {\n  from short to long\n  rank by mean loss over host, seed\n"
        f"  keep {keep}\n{allow}  missing drop\n  crash as missing\n  ties by name\n}}"
    )
    hosts = 'host box {\n  device "cpu" on any\n  slots 2\n}\n\nhost crate {\n  device "cpu" on any\n  slots 2\n}'
    study, plan = compiled(spec(gate=gate, host=hosts).replace("on box", "on box, crate")).sound()

    figures = simulate(study, plan, World(noise=0.5, gap=0.3, host=host), 20_000, 5, best="good")

    (found,) = figures.gates
    assert found.best_kept_exactly is not None
    assert abs(found.best_kept.value - found.best_kept_exactly) < 4 * found.best_kept.error


@pytest.mark.parametrize(("reference", "exact"), [("fair", True), ("good", True), ("leader", False)])
def test_a_rule_may_name_another_reference_than_its_own(reference, exact):
    rule = (
        f"frozen rule close {{\n  judge poor at short\n  require mean gap to {reference} at most 0.25pt\n"
        "  missing stop\n  absent skip\n}"
    )
    study, plan = compiled(spec(rule=rule, stage_long=LONG)).sound()

    figures = simulate(study, plan, World(noise=0.5, gap=0.3), 20_000, 13, best="good")

    found, chance_of_it = figures.rules["close"][0], figures.rules_exactly["close"]
    assert (chance_of_it is not None) == exact
    if chance_of_it is not None:
        assert abs(found.value - chance_of_it) < 4 * found.error


@pytest.mark.parametrize("world", [World(0.5, 0.3, spread=0.1), World(0.5, 0.3, relax=0.1)])
def test_nothing_is_called_exact_where_more_than_noise_differs(world):
    study, plan = compiled(spec()).sound()

    figures = simulate(study, plan, world, 100, 1)

    assert figures.gates[0].best_kept_exactly is None
    assert figures.rules_exactly == {"close": None}
