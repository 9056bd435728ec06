"""Effects at one stage of a design of two levels, from its table alone."""

from promo.evidence.effects import fit_observed
from promo.evidence.observed import observe
from promo.evidence.terms import Columns
from promo.study.coding import of_two


def fit_stage(effects, factors, points, evidence):
    """The fit; *points* lead from candidates to their rows of -1 and +1, zeros at the centre."""
    return fit_observed(effects, Columns(of_two(factors)), evidence.stage, observe(evidence, points))
