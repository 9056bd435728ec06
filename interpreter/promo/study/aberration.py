"""
Fractions of minimum aberration: which columns to give to further factors, and which factor gets which column.

The word-length pattern (A3, A4, ...) of a fraction should be smallest in lexicographic order.  Columns are added one
at a time and a beam of the best patterns is kept.  Adding column c makes exactly as many new words of length j + 1 as
there are sets of j columns whose product is c, so a design carries these counts for every column and a further column
costs nothing to judge.  Isomorphic designs are recognised by counts that do not depend on names.

`python -m promo.study.aberration` writes the table beside this file; a test derives it again.

Source: Fries & Hunter (1980), "Minimum aberration 2^(k-p) designs"; Chen, Sun & Wu (1993), "A catalogue of two-level
and three-level fractional factorial designs with small runs", against whose patterns the table is tested.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from promo.base.classes import frozen
from promo.base.resources import design_table
from promo.study.design import Word, clear_pairs, standard_rows

MOST_FACTORS = {2: 3, 3: 7, 4: 15, 5: 31, 6: 32, 7: 23}
"""Base factors (rows are 2 to their number) -> most factors in the table."""
BEAM = 48
VERSION = 1


@frozen
class _State:
    columns: tuple[int, ...]
    ways: tuple[tuple[int, ...], ...]
    """ways[j][c]: sets of j columns whose product is c."""
    pattern: tuple[int, ...]
    """A3, A4, ..."""

    def with_column(self, column: int, pattern: tuple[int, ...]) -> "_State":
        """One factor more."""
        below = ((0,) * len(self.ways[0]), *self.ways)
        above = (*self.ways, (0,) * len(self.ways[0]))
        ways = tuple(
            tuple(now + before[place ^ column] for place, now in enumerate(here))
            for before, here in zip(below, above, strict=True)
        )
        return _State((*self.columns, column), ways, pattern)

    @property
    def kind(self) -> tuple[object, ...]:
        """Equal for isomorphic designs, and seldom for others."""
        ways = self.ways[2:5]
        return self.pattern, tuple(sorted(tuple(way[column] for way in ways) for column in self.columns))

    @property
    def clear(self) -> int:
        """Number of clear interactions of two factors."""
        single, pairs = self.ways[1], self.ways[2]
        return sum(pairs[c] == 1 and not single[c] for c in range(1, len(pairs)))


def search(base: int, most: int, beam: int = BEAM) -> Iterator[tuple[int, list[tuple[int, ...]]]]:
    """
    Good fractions with 2^base rows.

    Args:
        base: number of base factors.
        most: most factors wanted, at most 2^base - 1.
        beam: designs kept for each number of factors.

    Yields:
        Number of factors, and the columns of the factors beyond the base ones: the pattern of minimum aberration
        first, then the design with most clear interactions where that is another one.
    """
    size = 2**base
    nothing = tuple(int(column == 0) for column in range(size))
    state = _State((), (nothing,), ())
    for place in range(base):
        state = state.with_column(1 << place, (*state.pattern, *((0,) if place >= 2 else ())))
    states = [state]
    for count in range(base + 1, most + 1):
        states = _extended(states, size, beam)
        best, clearest = states[0], max(states, key=lambda one: one.clear)
        chosen = [best] if clearest.clear <= best.clear else [best, clearest]
        yield count, [one.columns[base:] for one in chosen]


def _extended(states: Sequence[_State], size: int, beam: int) -> list[_State]:
    options: list[tuple[tuple[int, ...], int, int]] = []
    for number, state in enumerate(states):
        seen = set()
        for column in range(1, size):
            if column in state.columns:
                continue
            new = tuple(way[column] for way in state.ways[2:])
            if new not in seen:
                seen.add(new)
                pattern = tuple(a + b for a, b in zip((*state.pattern, 0), new, strict=True))
                options.append((pattern, number, column))
    kept: dict[object, _State] = {}
    for pattern, number, column in sorted(options):
        grown = states[number].with_column(column, pattern)
        kept.setdefault(grown.kind, grown)
        if len(kept) == beam:
            break
    return list(kept.values())


def derive() -> dict[str, object]:
    """The whole table, as stored: rows -> factors -> designs, each a list of columns as bit masks of base factors."""
    table: dict[str, object] = {"promo_designs": VERSION}
    for base, most in MOST_FACTORS.items():
        table[str(2**base)] = {str(count): [list(one) for one in found] for count, found in search(base, most)}
    return table


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


def table_text() -> str:
    """The table's file, derived anew."""
    return json.dumps(derive(), separators=(",", ":")).replace('},"', '},\n"') + "\n"


if __name__ == "__main__":
    design_table().write_text(table_text(), encoding="utf-8")


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
