"""
Whether main effects differ between hosts: an F test for each, read together, where the runs can tell.

An effect's difference between hosts is a contrast like any other.  Where hosts run different rows of a design it is
aliased with effects, as where a host runs the rows in which a * b * c is high: there a on the one host less a on the
other is what b * c does.  Neither can a difference be told where the runs of one host do not separate the
effect from others: there it may be theirs that differs.  Such a contrast is not tested; it is said what it is aliased
with.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from promo.base.classes import frozen
from promo.base.least_squares import Solved
from promo.base.tails import adjust, f_tail
from promo.evidence.digits import Digits
from promo.evidence.statements import DiffersBetweenHosts, HostsAliased, Name, Statement

HOST_ALPHA = 0.05
"""A factor whose effect differs between hosts at this level, over all that are tested, is to be read host by host."""

Vector = Sequence[Fraction]


@frozen
class Between:
    """Main effects, by number, with p and adjusted p of the test that they are the same on every host."""

    tails: Mapping[int, tuple[str, str]]
    statements: tuple[Statement, ...]


def between_hosts(
    effects: Sequence[Name],
    omitted: Sequence[Name],
    mains: Sequence[int],
    lost: set[int],
    solved: Solved,
    degrees: int,
    null: Sequence[Vector],
    own: Sequence[Sequence[Vector]],
    digits: Digits,
) -> Between:
    """
    Test every main effect that the runs separate from others on each host.

    Args:
        effects: those of the model.
        omitted: those of two factors that the model leaves out.
        mains: numbers of the main effects in the model.
        lost: numbers of those that cannot be estimated.
        solved: the model, with the columns of every main effect on each host but the first as further ones.
        degrees: of freedom that the model leaves.
        null: combinations that are constant in every block, of the columns of the model, those left out, and those of
            each main effect on each host but the first.
        own: of each host, combinations of the model's columns that are constant in all of its blocks.
        digits: how numbers are kept.
    """
    columns = [*effects, *omitted]
    aliased = _aliased(columns, mains, len(solved.coefficients) + len(omitted), null, len(effects))
    said: list[Statement] = []
    tails: dict[int, float] = {}
    for place, number in enumerate(mains):
        added, fall = solved.gains[place]
        if number in lost:
            continue
        if number in aliased:
            said += [HostsAliased(effects[number], *aliased[number])] if any(aliased[number]) else []
            continue
        there = _mixed_on_a_host(effects, number, own)
        if there is not None:
            said += [HostsAliased(effects[number], (), there)] if there else []
            continue
        freedom, residual = degrees - added, solved.residual - fall
        if added and freedom > 0 and residual:
            tails[number] = f_tail(float(fall / added / (residual / freedom)), added, freedom)
    adjusted = dict(zip(tails, adjust(list(tails.values())), strict=True))
    said += [DiffersBetweenHosts(effects[n], digits.bare(p)) for n, p in adjusted.items() if p < HOST_ALPHA]
    return Between({n: (digits.bare(p), digits.bare(adjusted[n])) for n, p in tails.items()}, tuple(said))


def _mixed_on_a_host(effects: Sequence[Name], number: int, own: Sequence[Sequence[Vector]]) -> tuple[Name, ...] | None:
    """What some host's runs do not separate an effect from, besides its blocks; None where each host has it alone."""
    mixed = [vector for null in own for vector in null if vector[number]]
    if not mixed:
        return None
    return tuple(
        name for place, name in enumerate(effects) if place != number and any(vector[place] for vector in mixed)
    )


def _aliased(
    columns: Sequence[Name], mains: Sequence[int], first: int, null: Sequence[Vector], modelled: int
) -> dict[int, tuple[tuple[Name, ...], tuple[Name, ...]]]:
    """Main effects whose difference between hosts depends on effects, or on how others differ between hosts."""
    found: dict[int, tuple[tuple[Name, ...], tuple[Name, ...]]] = {}
    for vector in null:
        each = (len(vector) - first) // len(mains)
        differing = [
            number
            for place, number in enumerate(mains)
            if any(vector[first + place * each : first + (place + 1) * each])
        ]
        # The model's last column may be the centre's; those left out stand behind it.
        centre = first - len(columns)
        places = [*range(modelled), *range(modelled + centre, first)]
        others = tuple(name for name, place in zip(columns, places, strict=True) if vector[place])
        for number in differing:
            rest = tuple(columns[one] for one in differing if one != number)
            found.setdefault(number, (tuple(name for name in others if name != columns[number]), rest))
    return found
