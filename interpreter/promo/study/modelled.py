"""
The model of effects to its columns in given rows, and to what of it these rows cannot estimate.

Whether a model can be estimated is a question of rank, and asked before anything is paid for.  Runs are compared within
blocks, so a block's indicator is a column like any other.  A rank that is full modulo a prime is full, and few rows are
enough to show that; where it is not, least squares say in whole numbers what depends on what.

Effects that have one column make up a chain, of which the first stands for all: an estimate of their signed sum.  Two
main effects in one chain are not told apart, and neither is what never changes.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import accumulate, count
from math import gcd

from promo.base.canonical import exact_sum
from promo.base.classes import frozen
from promo.base.least_squares import Blocks, Moments, solve
from promo.study.coding import Coding, Effect
from promo.study.design import Word, effects_up_to
from promo.study.values import Effects

PRIME = (1 << 61) - 1
"""Of Mersenne's: a rank modulo it is never above the rank."""
Rows = Sequence[tuple[int, ...]]


@frozen
class Bound:
    """A combination of effects that is the same in all rows of a block, so that none of them can be estimated."""

    terms: tuple[tuple[Fraction, Effect], ...]
    """The last of them depends on those before it."""
    constant: Fraction | None
    """What the combination is in every row; None where it differs between blocks."""

    @property
    def effects(self) -> tuple[Effect, ...]:
        """The effects in it."""
        return tuple(effect for _, effect in self.terms)


def modelled(effects: Effects, factors: Sequence[str]) -> list[Effect]:
    """Terms of the model: main effects, interactions of two factors if asked for, and those that are named."""
    found = effects_up_to(factors, 2 if effects.pairs else 1)
    return [*found, *(term for term in effects.terms if term not in found)]


def columns_in(coding: Coding, effects: Sequence[Effect], rows: Rows) -> list[list[int]]:
    """Columns of effects in rows, and a last one for runs at the centre where there are any."""
    columns = [coding.column(effect, rows) for effect in effects]
    centred = [int(0 in row) for row in rows]
    return [*columns, centred] if any(centred) else columns


def once_each(parts: Sequence[Rows]) -> Moments:
    """One run of each row; every part is a block."""
    ends = list(accumulate(map(len, parts)))
    blocks = (
        Blocks(dict.fromkeys(range(end - len(part), end), 1), (0,)) for part, end in zip(parts, ends, strict=True)
    )
    runs = sum(map(len, parts))
    return Moments([1] * runs, [0] * runs, 0, tuple(blocks))


def rank_of(coding: Coding, terms: Iterable[Effect], parts: Sequence[Rows]) -> int:
    """
    Degrees of freedom that a model takes, blocks aside.

    Args:
        coding: the columns.
        terms: of the model, smaller ones first.
        parts: the rows that are estimated together; of blocks with the same rows one is enough.
    """
    rows = [row for part in parts for row in part]
    effects = [effect for term in terms for effect in coding.named(term)]
    chains = coding.chains([row for row in rows if 0 not in row], effects)
    columns = columns_in(coding, [chain[0][1] for chain in chains if chain[0][1]], rows)
    return solve(columns, once_each(parts), variances=False).rank


def not_estimable(coding: Coding, terms: Iterable[Effect], parts: Sequence[Rows]) -> tuple[Bound, ...]:
    """
    All that keeps the effects of a model from being estimated together; nothing where each chain has an estimate.

    Args:
        coding: the columns.
        terms: of the model, smaller ones first.
        parts: the rows that are estimated together, shape (blocks, any, k); of blocks with the same rows one is enough.
    """
    effects = [effect for term in terms for effect in coding.named(term)]
    if not coding.plain and _is_full_rank(coding, effects, parts):
        return ()
    chains = coding.chains([row for part in parts for row in part if 0 not in row], effects)
    leaders = [chain[0][1] for chain in chains if chain[0][1]]
    corner = next((row for part in parts for row in part if 0 not in row), None)
    found = [bound for chain in chains if corner for bound in _of_chain(coding, chain, corner)]
    if _is_full_rank(coding, leaders, parts):
        return tuple(found)
    chained = {chain[0][1]: [effect for _, effect in chain[1:]] for chain in chains}
    for one in _dependent(coding, leaders, parts):
        alone = one.effects if len(one.terms) == 1 else ()
        same = [effect for leader in alone for effect in chained[leader]]
        found += [one, *(Bound(((Fraction(1), effect),), one.constant) for effect in same)]
    return tuple(found)


def _of_chain(coding: Coding, chain: Sequence[Word], corner: tuple[int, ...]) -> Iterable[Bound]:
    """Effects that never change, and main effects that change together; *corner* is any of the rows."""
    (_, first), *others = chain
    for sign, effect in others:
        if not first:
            yield Bound(((Fraction(1), effect),), Fraction(*coding.column(effect, (corner,))))
        elif len(first) == len(effect) == 1:
            much = sign * coding.scale(effect) / coding.scale(first)
            yield Bound(((-much, first), (Fraction(1), effect)), Fraction(0))


def _is_full_rank(coding: Coding, effects: Sequence[Effect], parts: Sequence[Rows]) -> bool:
    """Whether no combination of columns is constant within every block, by elimination row by row."""
    numbered = _scattered(list(dict.fromkeys((block, row) for block, part in enumerate(parts) for row in part)))
    centred = any(0 in row for _, row in numbered)
    wanted = len(parts) + len(effects) + centred
    pivots: list[tuple[int, list[int]]] = []
    for block, row in numbered if len(numbered) >= wanted else ():
        line = [int(block == one) for one in range(len(parts))]
        line += [0 in row] if centred else []
        line += (column[0] for column in (coding.column(effect, (row,)) for effect in effects))
        for place, pivot in pivots:
            much = line[place]
            if much:
                line = [(one - much * other) % PRIME for one, other in zip(line, pivot, strict=True)]
        first = next((place for place, one in enumerate(line) if one % PRIME), None)
        if first is not None:
            inverse = pow(line[first], -1, PRIME)
            pivots.append((first, [one * inverse % PRIME for one in line]))
            if len(pivots) == wanted:
                return True
    return False


def _scattered(rows: list[tuple[int, tuple[int, ...]]]) -> list[tuple[int, tuple[int, ...]]]:
    """All rows in an order that jumps about, since those that follow each other in a factorial vary few factors."""
    step = next(one for one in count(max(len(rows) * 618 // 1000, 1)) if gcd(one, len(rows) or 1) == 1)
    return [rows[number * step % len(rows)] for number in range(len(rows))]


def _dependent(coding: Coding, effects: Sequence[Effect], parts: Sequence[Rows]) -> Iterable[Bound]:
    """What depends on what, exactly."""
    rows = [row for part in parts for row in part]
    columns = columns_in(coding, effects, rows)
    ends = list(accumulate(map(len, parts)))
    for vector in solve(columns, once_each(parts), variances=False).null:
        values = [
            exact_sum(much * column[end - 1] for much, column in zip(vector, columns, strict=True) if much)
            for end in ends
        ]
        terms = tuple((much, effect) for much, effect in zip(vector, effects, strict=False) if much)
        centred = len(vector) > len(effects) and bool(vector[-1])
        if terms:
            yield Bound(terms, values[0] if len(set(values)) == 1 and not centred else None)
