"""
A quantity whose unit nobody knows, to the quantity that was meant: `1h30min` is `90min`, `1Mtok` is `1_000_000tok`.

A proposal says as much as what was written, or none is made: a unit that differs from a known one by more than a slip
of the pen, or by what may be a prefix, is not replaced by it.
"""

import re
from collections.abc import Collection, Iterator
from fractions import Fraction

from promo.base.canonical import exact
from promo.base.classes import frozen
from promo.base.units import CURRENCIES, RESEMBLING, UNITS, sure_unit

PREFIXES = {"k": 3, "K": 3, "M": 6, "G": 9, "B": 9, "T": 12, "P": 15, "E": 18}
"""Powers of ten; B stands for a billion, as in the names of models.  There is no m: a thousandth, or a million?"""

SHORTEST_MISSPELLED = 3
"""Of shorter units another one is never far: a slip in `h` can be any of them."""

LONGEST_PLAIN = 12
"""Digits up to which a whole number is written out."""

_PART = re.compile(r"([0-9][0-9_]*(?:\.[0-9][0-9_]*)?)([A-Za-z_%]+)")


@frozen
class Proposal:
    """A quantity as it should be written; *sure* when nothing else can be meant."""

    text: str
    sure: bool


def proposal(text: str, number: str, unit: str, own: str | None) -> Proposal | None:
    """
    What a quantity with an unknown unit can only, or most likely, mean.

    Args:
        text: the quantity as it is written.
        number: its number, without underscores.
        unit: its unit, which is none.
        own: the unit of the study's measure, if it is known.

    Returns:
        A quantity of the same size, or None when there is none to propose.
    """
    resembled = RESEMBLING.get(unit.lower() if len(unit) > 1 else unit)
    if resembled:
        return Proposal(number + resembled, sure_unit(unit))
    if unit.lower() in UNITS and len(unit) >= SHORTEST_MISSPELLED:
        return Proposal(number + unit.lower(), True)
    parts = _parts(text)
    if parts is not None:
        return parts
    known = {**{one: one for one in UNITS}, **RESEMBLING, **({own: own} if own else {})}
    for name in sorted(known, key=len, reverse=True):
        prefix = unit.removesuffix(name)
        if prefix in PREFIXES and prefix + name == unit and name != "m":
            return Proposal(_scaled(Fraction(number), PREFIXES[prefix]) + known[name], False)
    words = [one for one in (*UNITS, own or "") if len(one) >= SHORTEST_MISSPELLED and one not in CURRENCIES]
    near = list(_one_slip_away(unit, words))  # a slip in a currency may be any of a dozen
    return Proposal(number + near[0], False) if len(near) == 1 else None


def _parts(text: str) -> Proposal | None:
    """`1h30min` as one quantity in the smallest of its units, when each unit is smaller than the one before."""
    found = _PART.findall(text)
    if len(found) < 2 or "".join(map("".join, found)) != text:
        return None
    units = [one if one in UNITS else RESEMBLING.get(one, "") for _, one in found]
    if "" in units or len({UNITS[one][0] for one in units}) != 1:
        return None
    sizes = [UNITS[one][1] for one in units]
    if sizes != sorted(set(sizes), reverse=True):
        return None
    total = sum(
        (Fraction(number.replace("_", "")) * size for (number, _), size in zip(found, sizes, strict=True)),
        start=Fraction(0),
    )
    written = exact(total / sizes[-1])
    sure = all(sure_unit(one) for _, one in found)
    return None if "/" in written else Proposal(written + units[-1], sure)


def _scaled(number: Fraction, power: int) -> str:
    """A number times a power of ten, written out while that is short."""
    value = number * 10**power
    if value.denominator == 1 and value < 10**LONGEST_PLAIN:
        return f"{value.numerator:_}"
    return f"{exact(number)}e{power}"


def _one_slip_away(word: str, known: Collection[str]) -> Iterator[str]:
    """
    Known words that differ by one letter too many, too few, another, or two that changed places.

    A letter too many at the beginning may be a prefix (`mtok`), unless it is there twice.
    """
    spots = range(len(word))
    without = {word[:at] + word[at + 1 :] for at in spots if at or word[:1] == word[1:2]}
    swapped = {word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :] for at in spots}
    for one in known:
        shorter = {one[:at] + one[at + 1 :] for at in range(len(one))}
        replaced = len(one) == len(word) and sum(a != b for a, b in zip(one, word, strict=True)) == 1
        if one in without or one in swapped or word in shorter or replaced:
            yield one
