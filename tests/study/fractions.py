"""
Fractions of minimum aberration, searched for: `python tests/study/fractions.py` writes promo's table of them.

Columns are added one at a time and a beam of the best patterns is kept.  Adding column c makes exactly as many new
words of length j + 1 as there are sets of j columns whose product is c, so a design carries these counts for every
column and a further column costs nothing to judge.  Isomorphic designs are recognised by counts that do not depend on
names.
"""

import json
from collections.abc import Iterator, Sequence

from promo.base.classes import frozen
from promo.base.resources import design_table
from promo.study.aberration import MOST_FACTORS

BEAM = 48
"""Designs that are kept for each number of factors."""
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


def search(base: int, most: int) -> Iterator[tuple[int, list[tuple[int, ...]]]]:
    """
    Good fractions with 2^base rows.

    Args:
        base: number of base factors.
        most: most factors wanted, at most 2^base - 1.

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
        states = _extended(states, size)
        best, clearest = states[0], max(states, key=lambda one: one.clear)
        chosen = [best] if clearest.clear <= best.clear else [best, clearest]
        yield count, [one.columns[base:] for one in chosen]


def _extended(states: Sequence[_State], size: int) -> list[_State]:
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
        if len(kept) == BEAM:
            break
    return list(kept.values())


def derive() -> dict[str, object]:
    """The whole table, as stored: rows -> factors -> designs, each a list of columns as bit masks of base factors."""
    table: dict[str, object] = {"promo_designs": VERSION}
    for base, most in MOST_FACTORS.items():
        table[str(2**base)] = {str(count): [list(one) for one in found] for count, found in search(base, most)}
    return table


def table_text() -> str:
    """The table's file, derived anew."""
    return json.dumps(derive(), separators=(",", ":")).replace('},"', '},\n"') + "\n"


if __name__ == "__main__":
    design_table().write_text(table_text(), encoding="utf-8")
