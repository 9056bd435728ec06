"""
A confidence bound to the test behind it: t, its degrees of freedom and p, or z and p where sigma is known.

All of it follows from what is stored: the mean, the bound's end, its confidence and the number of cells tell the
standard error, and the margin tells the limit that was asked for.  p is that of the one-sided test of that limit; of
two one-sided tests the larger.
"""

import math
from statistics import NormalDist

from promo.base.canonical import from_exact
from promo.base.floats import nearest
from promo.base.tails import t_quantile, t_tails
from promo.decision.values import Between, Bounded, Finding
from promo.report.figures import tail
from promo.report.words import two_places
from promo.study.judgement import Difference, Equivalent, Method

NORMAL = NormalDist()
FEWEST_DIGITS = 1e-4
"""A bound has six digits; where its distance from the mean is so small a share of it, too few of them tell that."""


def certainty(finding: Finding, one: Bounded | Between) -> tuple[str, ...]:
    """
    `t -2.13`, `df 3`, `p 0.061`; nothing for what is no test of a mean, or where all cells agree exactly.

    Args:
        finding: with its statistic and its margin.
        one: its bound or interval.
    """
    test = finding.condition.test if isinstance(finding.condition, Difference | Equivalent) else None
    if test is None or finding.statistic is None or finding.margin is None:
        return ()
    mean, room = nearest(from_exact(finding.statistic)), nearest(from_exact(finding.margin))
    if isinstance(one, Bounded):
        upper, end = one.upper, nearest(from_exact(one.value))
    else:
        upper = mean >= 0  # the limit that is nearer
        end = nearest(from_exact(one.high if upper else one.low))
    limit, far = end + room if upper else end - room, abs(end - mean)
    if far <= FEWEST_DIGITS * abs(end) or not math.isfinite((mean - limit) / far):  # beyond what floats tell
        return ()
    if test.method is Method.T:
        freedom = one.cells - 1
        t = (mean - limit) / far * t_quantile(float(test.confidence), freedom)
        words, beyond = [f"t {two_places(t)}", f"df {freedom}"], t_tails(t, freedom) / 2
    else:
        t = (mean - limit) / far * NORMAL.inv_cdf(float(test.confidence))
        words, beyond = [f"z {two_places(t)}"], NORMAL.cdf(-abs(t))
    inside = t <= 0 if upper else t >= 0
    return (*words, f"p {tail(beyond if inside else 1 - beyond)}")


def certainty_words(finding: Finding, one: Bounded | Between) -> str:
    """The same in brackets, behind a bound; empty where nothing is known."""
    words = certainty(finding, one)
    return f" ({', '.join(words)})" if words else ""
