"""
Fractions of minimum aberration: which columns to give to further factors, and which factor gets which column.

The word-length pattern (A3, A4, ...) of a fraction should be smallest in lexicographic order.  Which columns do that is
read from a table; `tests/study/fractions.py` searches for them, and a test holds the table to what it finds.

Source: Fries & Hunter (1980), "Minimum aberration 2^(k-p) designs"; Chen, Sun & Wu (1993), "A catalogue of two-level
and three-level fractional factorial designs with small runs", against whose patterns the table is tested.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache

from promo.base.resources import design_table
from promo.study.design import Word, clear_pairs, standard_rows

MOST_FACTORS = {2: 3, 3: 7, 4: 15, 5: 31, 6: 32, 7: 23}
"""Base factors (rows are 2 to their number) -> most factors in the table."""


@cache
def _table() -> Mapping[str, Mapping[str, Sequence[Sequence[int]]]]:
    stored: Mapping[str, Mapping[str, Sequence[Sequence[int]]]] = json.loads(design_table().read_bytes())
    return stored


def known_fractions(factors: int, rows: int) -> tuple[tuple[int, ...], ...]:
    """
    Columns of the factors beyond the base ones, best design first; none when the table has no such fraction.

    Args:
        factors: number of factors.
        rows: a power of two.
    """
    found = _table().get(str(rows), {})
    designs = found.get(str(factors), ()) if isinstance(found, Mapping) else ()
    return tuple(tuple(columns) for columns in designs)


def known_sizes() -> tuple[int, ...]:
    """Numbers of rows in the table, smallest first."""
    return tuple(2**base for base in MOST_FACTORS)


def placed(
    factors: Sequence[str], rows: int, columns: Sequence[int], clear: Sequence[tuple[str, str]]
) -> dict[str, Word] | None:
    """Aliases that give the factors these columns, with clear interactions where they are wanted; None if none do."""
    base = rows.bit_length() - 1
    all_columns = [1 << place for place in range(base)] + list(columns)
    names = [str(place) for place in range(len(all_columns))]
    places = {
        str(place): (1, tuple(str(b) for b in range(base) if column >> b & 1))
        for place, column in enumerate(all_columns)
        if place >= base
    }
    allowed: set[frozenset[int]] = set()
    if clear:
        allowed = {frozenset(map(int, pair)) for pair in clear_pairs(names, standard_rows(names, places))}
    chosen = _embedded(factors, clear, allowed, len(all_columns))
    if chosen is None:
        return None
    at = {place: factor for factor, place in chosen.items()}
    return {
        at[place]: (1, tuple(at[b] for b in range(base) if column >> b & 1))
        for place, column in enumerate(all_columns)
        if place >= base
    }


def _embedded(
    factors: Sequence[str], wanted: Sequence[tuple[str, str]], allowed: set[frozenset[int]], places: int
) -> dict[str, int] | None:
    """Places for factors so that each wanted pair lies on an allowed pair of places; the others keep their order."""
    busy = sorted({name for pair in wanted for name in pair}, key=list(factors).index)

    def extend(chosen: dict[str, int]) -> dict[str, int] | None:
        if len(chosen) == len(busy):
            return chosen
        name = busy[len(chosen)]
        partners = [pair[0] if pair[1] == name else pair[1] for pair in wanted if name in pair]
        for place in range(places):
            if place in chosen.values():
                continue
            if all(frozenset((place, chosen[one])) in allowed for one in partners if one in chosen):
                found = extend({**chosen, name: place})
                if found is not None:
                    return found
        return None

    chosen = extend({})
    if chosen is None:
        return None
    left = [place for place in range(places) if place not in chosen.values()]
    rest = [factor for factor in factors if factor not in chosen]
    return {**chosen, **dict(zip(rest, left, strict=True))}
