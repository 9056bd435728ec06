"""
Tests of a family to what they say together: p adjusted by a procedure, and the levels by which that rejects.

Benjamini and Hochberg bound the share of false discoveries among all; Holm, and Hochberg, the chance of any.
"""

from collections.abc import Sequence
from typing import assert_never

from promo.base.classes import evolve
from promo.base.tails import adjust, adjust_down, adjust_up
from promo.evidence.digits import Digits
from promo.evidence.estimates import ORDERS, Estimate
from promo.study.families import Procedure
from promo.study.values import Effects


def adjusted(values: Sequence[float], procedure: Procedure) -> list[float]:
    """Each p adjusted for its family; an effect is discovered where that is at most the rate."""
    match procedure:
        case Procedure.BENJAMINI_HOCHBERG:
            return adjust(values)
        case Procedure.HOLM:
            return adjust_down(values)
        case Procedure.HOCHBERG:
            return adjust_up(values)
        case _:
            assert_never(procedure)


def judged(estimates: Sequence[Estimate], effects: Effects, digits: Digits) -> tuple[Estimate, ...]:
    """P adjusted inside the family, and what is discovered at its rate."""
    sizes = ORDERS[effects.family]
    family = [n for n, one in enumerate(estimates) if len(one.effect) in sizes and one.p is not None]
    tails = adjusted([float(estimates[number].p or 1) for number in family], effects.procedure)
    found = list(estimates)
    for number, p in zip(family, tails, strict=True):
        found[number] = evolve(found[number], adjusted=digits.bare(p), discovered=p <= float(effects.rate))
    return tuple(found)


def levels(procedure: Procedure, rate: float, count: int) -> list[float]:
    """
    Something is discovered where the i-th smallest p of a family is at most the i-th of these, for any i.

    Args:
        procedure: by which the family shares its rate.
        rate: of the family.
        count: how many tests it has.
    """
    match procedure:
        case Procedure.BENJAMINI_HOCHBERG:
            return [rate * (place + 1) / count for place in range(count)]
        case Procedure.HOLM:
            return [rate / count] * count
        case Procedure.HOCHBERG:
            return [rate / (count - place) for place in range(count)]
        case _:
            assert_never(procedure)
