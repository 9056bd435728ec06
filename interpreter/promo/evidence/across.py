"""
Effects of several stages to what flips between them: a sign, or a place in the order of sizes.

A screen at a short budget is trusted as far as its effects stay what they are at the next one; each that does not is
named, and whether the errors of both estimates leave room for no flip at all.
"""

from collections.abc import Iterable
from itertools import pairwise

from promo.base.classes import frozen
from promo.evidence.estimates import ORDERS, EffectTable, Estimate, Fit
from promo.evidence.statements import Name


@frozen
class Turn:
    """An effect whose estimate has the other sign at the next stage."""

    effect: Name
    before: str
    after: str
    first: str
    second: str
    clear: bool
    """Both intervals leave zero out."""


@frozen
class Move:
    """An effect that has another place, by size among those of its family, at the next stage."""

    effect: Name
    before: str
    after: str
    first: int
    second: int
    count: int
    """So many effects of the family are estimated at both stages."""


def turns(table: EffectTable) -> Iterable[Turn]:
    """Effects that change their sign from one stage to the next."""
    for before, after, one, other in _pairs(table):
        first, second = float(one.value or 0), float(other.value or 0)
        if first * second < 0:
            clear = _apart(one) and _apart(other)
            yield Turn(one.effect, before.stage, after.stage, str(one.value), str(other.value), clear)


def moves(table: EffectTable, family: str) -> Iterable[Move]:
    """Effects of a family that change their place by size from one stage to the next."""
    for before, after in pairwise(table.fits):
        both = [
            (one, other)
            for first, second, one, other in _pairs(table)
            if (first, second) == (before, after) and len(one.effect) in ORDERS[family]
        ]
        sizes = [[abs(float(one.value or 0)) for one in those] for those in zip(*both, strict=True)]
        for number, (one, _) in enumerate(both):
            first, second = (1 + sum(size > some[number] for size in some) for some in sizes)
            if first != second:
                yield Move(one.effect, before.stage, after.stage, first, second, len(both))


def _pairs(table: EffectTable) -> Iterable[tuple[Fit, Fit, Estimate, Estimate]]:
    """Estimates of the same chain at consecutive stages."""
    for before, after in pairwise(table.fits):
        known = {one.chain: one for one in before.estimates if one.value is not None}
        for other in after.estimates:
            if other.value is not None and other.chain in known:
                yield before, after, known[other.chain], other


def _apart(one: Estimate) -> bool:
    """The interval leaves zero out."""
    return one.low is not None and one.high is not None and float(one.low) * float(one.high) > 0
