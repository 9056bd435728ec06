"""
A fitted model to the contrasts beside it that are worth a follow-up: those beyond the margin of all of them at once.

Source: Box & Meyer (1986), "An analysis for unreplicated fractional factorials", for why they are looked at at all.
"""

from collections.abc import Collection, Sequence
from fractions import Fraction

from promo.base.floats import root
from promo.base.least_squares import Solved
from promo.base.tails import t_quantile
from promo.evidence.observed import Levels
from promo.evidence.statements import Name
from promo.study.coding import Coding
from promo.study.design import contrasts


def beside(coding: Coding, corners: Sequence[Levels], left_out: Sequence[Name], taken: Collection[Name]) -> list[Name]:
    """
    Contrasts beside the model: of two levels all others, if the rows are a whole design; else those of pairs.

    Args:
        coding: the columns.
        corners: rows that differ, without those at the centre.
        left_out: interactions of two factors that the model leaves out.
        taken: effects that it has.
    """
    named = contrasts(coding.factors, corners) if coding.plain else {}
    balanced = all(2 * column.bit_count() == len(corners) for column in named)
    if coding.plain and balanced and len(named) == len(corners) - 1:
        return [effects[0] for effects in named.values() if not any(effect in taken for effect in effects)]
    return [name for name in left_out if name not in taken]


def beyond_their_margin(
    names: Sequence[tuple[int, Name]], solved: Solved, room: int, coding: Coding, rate: Fraction
) -> list[tuple[Name, Fraction]]:
    """
    Of contrasts beside a model those beyond their margin, by what runs of one condition differ, with their sizes.

    Args:
        names: of contrasts, with the number of the column of each.
        solved: the model with these columns behind it.
        room: runs less blocks.
        coding: the columns.
        rate: of any false alarm among them.
    """
    freedom = room - solved.rank
    lost = {number for vector in solved.null for number, one in enumerate(vector) if one}
    if freedom <= 0 or not solved.residual or (lost and not coding.plain):
        return []
    spread = root(solved.residual / freedom)
    reach = t_quantile((1 + (1 - float(rate)) ** (1 / len(names))) / 2, freedom)
    found = []
    for number, name in names:
        scale = coding.scale(name)
        size, width = scale * solved.coefficients[number], root(scale**2 * solved.variances[number])
        if number not in lost and abs(float(size)) > reach * spread * width:
            found.append((name, size))
    return found
