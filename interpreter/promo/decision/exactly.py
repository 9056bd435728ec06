"""
A condition and a supposed lead to the probability that it holds, where there is a formula.

Runs differ by normal noise that is independent from run to run, and nothing else; then differences within a cell are
normal with a standard deviation of sqrt(2) times the noise, and the mean, Student's t, and a demand for every cell have
their textbook distributions.  Equivalence by t is an integral over the estimated deviation, signed ranks one over
their order.  Sign flips over more cells than a few have no such formula, and are left to the simulation.
"""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from promo.base.classes import frozen
from promo.base.tails import t_quantile
from promo.decision.confidence import rank_sum_limit
from promo.study.judgement import (
    Agreement,
    Best,
    Both,
    Bound,
    BoundKind,
    Condition,
    Difference,
    Either,
    Equivalent,
    First,
    Isnt,
    Level,
    Method,
    Projected,
    Side,
    Statistic,
    Test,
    Top,
)

NORMAL = NormalDist()


@frozen
class Supposed:
    """
    What is true of a candidate: *lead* is how much better it is than the reference, in the measure's unit.

    *rivals* compete with it, itself among them, and are worse by *lead* each; *noise* is the standard deviation of a
    run; *host* that of what a candidate shares over the seeds of a host; *shared* that of what all candidates of a cell
    share, which only the value itself shows, *value* being the true one.
    """

    lead: float
    noise: float
    hosts: int
    seeds: int
    rivals: int
    host: float = 0.0
    allowance: float = 0.0
    value: float = 0.0
    shared: float = 0.0

    @property
    def cells(self) -> int:
        """Hosts times seeds."""
        return self.hosts * self.seeds

    def error(self, runs: int) -> float:
        """Standard error of the mean over all cells of one run, or of a difference of two."""
        return math.sqrt(runs * (self.noise**2 / self.cells + self.host**2 / self.hosts))


def chance(condition: Condition, world: Supposed) -> float | None:
    """The probability that a condition holds; None where no formula is known."""
    if world.noise <= 0:
        return None
    match condition:
        case Isnt():
            found = chance(condition.condition, world)
            return None if found is None else 1 - found
        case Top():
            return _placed(condition.count, condition.per_host, world)
        case Best():
            return _placed(math.ceil(condition.share * world.rivals), condition.per_host, world)
        case First() if not world.host:
            return slippage(world.rivals, 1, world.lead / world.noise) ** world.cells
        case Difference(test=None, statistic=Statistic.MEAN):
            return _inside(condition, world, world.error(2))
        case Difference(test=None, statistic=Statistic.EVERY) if not world.host:
            return _inside(condition, world, math.sqrt(2) * world.noise) ** world.cells
        case Level():
            return _level(condition, world)
        case Difference(test=Test() as test):
            return _tested(condition, test, world)
        case Equivalent():
            return _equivalent(condition, world)
        case First() | Difference() | Agreement() | Projected() | Both() | Either():
            return None
        case _:
            assert_never(condition)


def _level(condition: Level, world: Supposed) -> float | None:
    """The value itself against a bound, on the mean or in every cell."""
    match condition.statistic:
        case Statistic.MEAN:
            error = math.hypot(world.error(1), world.shared / math.sqrt(world.cells))
            return _reached(condition.bound, world, error)
        case Statistic.EVERY if not world.host:
            return _reached(condition.bound, world, math.hypot(world.noise, world.shared)) ** world.cells
        case _:
            return None


def _equivalent(condition: Equivalent, world: Supposed) -> float | None:
    """The power of two one-sided tests."""
    test, margin = condition.test, float(condition.margin) + world.allowance
    if test.method is Method.SIGMA:
        room = margin - _reach(test, world)
        return _between(-room, room, -world.lead, world.error(2)) if room > 0 else 0.0
    if test.method is Method.T and not world.host and world.cells > 1:
        freedom = world.cells - 1
        return equivalence(t_quantile(float(test.confidence), freedom), freedom, -world.lead, margin, world.error(2))
    return None


def _placed(count: int, per_host: bool, world: Supposed) -> float:
    """A place among the best, overall or on any host; what happens on different hosts is independent."""
    if not per_host:
        return slippage(world.rivals, count, world.lead / world.error(1))
    error = math.sqrt(world.noise**2 / world.seeds + world.host**2)
    return 1 - (1 - slippage(world.rivals, count, world.lead / error)) ** world.hosts


def _bound(condition: Difference, world: Supposed) -> tuple[float, Bound]:
    """The true difference on the condition's side, and its bound."""
    return -world.lead if condition.side is Side.GAP else world.lead, condition.bound


def _inside(condition: Difference, world: Supposed, error: float) -> float:
    """A normal difference against a bound."""
    true, bound = _bound(condition, world)
    value = float(bound.value)
    match bound.kind:
        case BoundKind.AT_MOST:
            return NORMAL.cdf((value + world.allowance - true) / error)
        case BoundKind.AT_LEAST:
            return NORMAL.cdf((true - value + world.allowance) / error)
        case BoundKind.WITHIN:
            return _between(-value - world.allowance, value + world.allowance, true, error)
        case _:
            assert_never(bound.kind)


def _reached(bound: Bound, world: Supposed, error: float) -> float:
    """How often a value with this error lies inside its bound."""
    limit = float(bound.value)
    match bound.kind:
        case BoundKind.AT_MOST:
            return NORMAL.cdf((limit - world.value) / error)
        case BoundKind.AT_LEAST:
            return NORMAL.cdf((world.value - limit) / error)
        case BoundKind.WITHIN:
            return _between(-limit, limit, world.value, error)
        case _:
            assert_never(bound.kind)


def _between(low: float, high: float, true: float, error: float) -> float:
    return max(0.0, NORMAL.cdf((high - true) / error) - NORMAL.cdf((low - true) / error))


def _tested(condition: Difference, test: Test, world: Supposed) -> float | None:
    """The power of a one-sided test on paired differences."""
    true, bound = _bound(condition, world)
    if bound.kind is BoundKind.WITHIN:
        return None
    below = bound.kind is BoundKind.AT_MOST
    room = (float(bound.value) - true if below else true - float(bound.value)) + world.allowance
    if test.method is Method.SIGMA:
        return NORMAL.cdf((room - _reach(test, world)) / world.error(2))
    if test.method is Method.T and not world.host and world.cells > 1:
        freedom = world.cells - 1
        return 1 - noncentral_t(t_quantile(float(test.confidence), freedom), freedom, room / world.error(2))
    if test.method in (Method.SIGN_FLIP, Method.WILCOXON) and not world.host:
        limit = _rank_limit(test, world.cells)
        return None if limit is None else signed_ranks(world.cells, -room / (math.sqrt(2) * world.noise), limit)
    return None


def _rank_limit(test: Test, cells: int) -> int | None:
    """
    The largest positive rank sum at which a permutation test speaks.

    Of all assignments of signs, that without a positive one has the least sum, then those with the smallest alone and
    the second smallest alone; up to these three, whether a sum of values or of ranks is counted makes no difference.
    """
    level = 1 - test.confidence
    if test.method is Method.WILCOXON:
        return rank_sum_limit(cells, level)
    few = math.floor(level * 2**cells)
    return few - 1 if few <= 3 else None


def _reach(test: Test, world: Supposed) -> float:
    assert test.sigma is not None
    return NORMAL.inv_cdf(float(test.confidence)) * float(test.sigma) * math.sqrt(2 / world.cells)


def noncentral_t(value: float, degrees: int, shift: float) -> float:
    """
    Probability that noncentral t lies below *value*.

    Args:
        value: where.
        degrees: of freedom, at least 1.
        shift: the noncentrality, the mean of the normal in the numerator.

    Source:
        Owen (1965), "A special case of a bivariate non-central t-distribution", equation 1: a normal tail averaged over
        the estimated standard deviation; integrated by Simpson's rule.
    """
    # With s the estimate over the true standard deviation, degrees x s^2 is chi-square.
    scale = math.log(2) * (1 - degrees / 2) + degrees / 2 * math.log(degrees) - math.lgamma(degrees / 2)

    def density(s: float) -> float:
        return math.exp(scale + (degrees - 1) * math.log(s) - degrees * s * s / 2)

    low, high = max(0.0, 1 - 9 / math.sqrt(degrees)), 1 + 9 / math.sqrt(degrees)
    return _integral(lambda s: density(s) * NORMAL.cdf(value * s - shift) if s > 0 else 0.0, low, high, degrees)


def equivalence(quantile: float, degrees: int, true: float, margin: float, error: float) -> float:
    """
    Power of two one-sided t tests.

    Args:
        quantile: of Student's t, by which both bounds of the mean are taken.
        degrees: of freedom, at least 1.
        true: the true mean difference, in the measure's unit.
        margin: both bounds must lie inside it.
        error: true standard error of the mean difference.

    Source:
        Owen (1965) and Phillips (1990), "Power of the two one-sided tests procedure in bioequivalence": the chance that
        the mean lies between both shrunk margins, averaged over the estimated standard deviation.
    """
    most = margin / (quantile * error)
    scale = math.log(2) * (1 - degrees / 2) + degrees / 2 * math.log(degrees) - math.lgamma(degrees / 2)

    def part(s: float) -> float:
        if s <= 0:
            return 0.0
        room = margin - quantile * s * error
        weight = math.exp(scale + (degrees - 1) * math.log(s) - degrees * s * s / 2)
        return weight * _between(-room, room, true, error)

    low, high = max(0.0, 1 - 9 / math.sqrt(degrees)), min(1 + 9 / math.sqrt(degrees), most)
    return _integral(part, low, high, degrees) if high > low else 0.0


def signed_ranks(cells: int, shift: float, limit: int) -> float:
    """
    Probability that the ranks of the positive ones among normal numbers sum to *limit* at most.

    Built up from the smallest size to the largest: the density that the j-th smallest size is x, with so much rank sum
    among the first j, is that of a negative x behind the same sum or of a positive x behind a sum smaller by j.

    Args:
        cells: how many numbers.
        shift: their mean; their standard deviation is 1.
        limit: of the rank sum; below 0 nothing reaches it.
    """
    if limit < 0:
        return 0.0
    x = np.linspace(0.0, abs(shift) + 9.0, 8001)
    negative, positive = (np.exp(-((x - mean) ** 2) / 2) / math.sqrt(2 * math.pi) for mean in (-shift, shift))
    below = {0: np.ones_like(x)}
    for rank in range(1, cells + 1):
        reached: dict[int, NDArray[np.float64]] = {}
        for total, before in below.items():
            for then, density in ((total, negative), (total + rank, positive)):
                if then <= limit:
                    part = rank * density * before
                    slices = (part[1:] + part[:-1]) / 2 * (x[1] - x[0])
                    reached[then] = reached.get(then, 0) + np.concatenate(([0.0], np.cumsum(slices)))
        below = reached
    return float(sum(one[-1] for one in below.values()))


def _integral(function: Callable[[float], float], low: float, high: float, degrees: int) -> float:
    """Simpson's rule; where the density is no zero at 0, with one degree, the point there is taken as its limit."""
    steps = 4096
    width = (high - low) / steps
    first = function(low if low > 0 or degrees > 1 else width * 1e-6)
    inner = sum((4 if number % 2 else 2) * function(low + number * width) for number in range(1, steps))
    return (first + inner + function(high)) * width / 3


def slippage(k: int, keep: int, shift: float) -> float:
    """
    Probability that the one better candidate of *k* is among the best *keep*.

    Args:
        k: candidates, all equal but one.
        keep: places.
        shift: lead of the better one in standard errors of one candidate's mean.

    Source:
        Bechhofer (1954), indifference-zone selection; integrated by the trapezoid rule on -9..9.
    """
    if keep >= k:
        return 1.0
    step, total = 1 / 64, 0.0
    for place in range(-9 * 64, 9 * 64 + 1):
        z = place * step
        ahead = NORMAL.cdf(z - shift)
        few = sum(math.comb(k - 1, j) * ahead**j * (1 - ahead) ** (k - 1 - j) for j in range(keep))
        total += NORMAL.pdf(z) * few * step
    return total
