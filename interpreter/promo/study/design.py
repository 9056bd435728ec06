"""
Two-level designs: rows, defining relation, word lengths, aliases, blocks.

A regular fraction lives in GF(2)^m.  Every factor is a column, that is a set of base factors (a bit mask); an
alias declares the column of a further factor as a signed product.  A word is a set of factors whose product is
constant in every row; the shortest word's length is the resolution.  Signs are kept throughout.

What does not need the group is computed from the rows themselves, so that it also holds for a design that was folded
over, halved, or lost rows to a constraint: a column is then the set of rows in which its product is low.

Source: Box & Hunter (1961), "The 2^(k-p) fractional factorial designs"; Wu & Hamada (2009), "Experiments", ch. 5.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations

from promo.base.classes import frozen

Word = tuple[int, tuple[str, ...]]
"""(sign, factors): the product of these factors equals the sign in every row."""

Rows = Sequence[tuple[int, ...]]
"""Shape (rows, factors) of -1 and +1."""

MOST_WORDS = 12
"""Up to so many aliases every word is listed; beyond, those of three and four factors."""


def standard_rows(factors: Sequence[str], aliases: Mapping[str, Word]) -> tuple[tuple[int, ...], ...]:
    """
    Rows of the design in standard (Yates) order.

    Args:
        factors: all k factors in declaration order; those without an alias are the base factors.
        aliases: further factor -> (sign, base factors whose product it is).

    Returns:
        Shape (2^(k - p), k) of -1 and +1; the first base factor alternates fastest.
    """
    base = [factor for factor in factors if factor not in aliases]
    rows = []
    for number in range(2 ** len(base)):
        levels = {factor: 1 if number >> place & 1 else -1 for place, factor in enumerate(base)}
        for factor, (sign, product) in aliases.items():
            level = sign
            for other in product:
                level *= levels[other]
            levels[factor] = level
        rows.append(tuple(levels[factor] for factor in factors))
    return tuple(rows)


def defining_relation(factors: Sequence[str], aliases: Mapping[str, Word]) -> tuple[Word, ...]:
    """
    Words of the design, shortest first: all products of the aliases' own words.

    Args:
        factors: all factors in declaration order.
        aliases: as in `standard_rows`; p of them give 2^p - 1 words.  Beyond `MOST_WORDS` aliases only the words of
            three and four factors are listed, which a fraction that small always has.
    """
    place = {factor: number for number, factor in enumerate(factors)}
    if len(aliases) > MOST_WORDS:
        found = _short_words(standard_rows(factors, aliases), factors)
    else:
        generators = [
            (sign, 1 << place[factor] | sum(1 << place[other] for other in product))
            for factor, (sign, product) in aliases.items()
        ]
        words: list[tuple[int, int]] = [(1, 0)]
        for sign, mask in generators:
            words += [(sign * other_sign, mask ^ other) for other_sign, other in words]
        found = [(sign, tuple(factor for factor in factors if mask >> place[factor] & 1)) for sign, mask in words[1:]]
    return tuple(sorted(found, key=lambda word: (len(word[1]), [place[factor] for factor in word[1]])))


def _short_words(rows: Rows, factors: Sequence[str]) -> list[Word]:
    everywhere = (1 << len(rows)) - 1
    columns = dict(zip(factors, _columns(rows), strict=True))
    found: list[Word] = []
    for size in (3, 4):
        for chosen in combinations(factors, size):
            column = 0
            for factor in chosen:
                column ^= columns[factor]
            if column in (0, everywhere):
                found.append((-1 if column else 1, chosen))
    return found


def resolution(words: Sequence[Word]) -> int | None:
    """Length of the shortest word; None for a full factorial, which has none."""
    return min((len(factors) for _, factors in words), default=None)


def flipped(words: Iterable[Word], on: Iterable[str]) -> tuple[Word, ...]:
    """Words of a fraction once the signs of some factors are reversed in every row."""
    reversed_ = frozenset(on)
    return tuple((sign * (-1) ** len(reversed_ & set(factors)), factors) for sign, factors in words)


def folded(factors: Sequence[str], rows: Rows, on: Iterable[str]) -> tuple[tuple[int, ...], ...]:
    """The rows with the signs of some factors reversed."""
    reversed_ = frozenset(on)
    signs = [-1 if factor in reversed_ else 1 for factor in factors]
    return tuple(tuple(sign * level for sign, level in zip(signs, row, strict=True)) for row in rows)


def other_rows(count: int, rows: Rows) -> tuple[tuple[int, ...], ...]:
    """Every row of the full factorial in *count* factors that is not among *rows*, in standard order."""
    names = [str(number) for number in range(count)]
    taken = set(rows)
    return tuple(row for row in standard_rows(names, {}) if row not in taken)


def word_lengths(rows: Rows, *, regular: bool) -> tuple[Fraction, ...]:
    """
    The (generalised) word-length pattern, from the distances between rows.

    Args:
        rows: shape (n, k), each row once or more often.
        regular: every row sees the others at the same distances, so the first one's are enough.

    Returns:
        Shape (k + 1,): A_0 = 1, A_1, ..., A_k.  In a regular fraction A_j counts words of j factors.

    Source:
        MacWilliams (1963) for regular fractions; Xu & Wu (2001), "Generalized minimum aberration for asymmetrical
        fractional factorial designs", theorem 4, for any array: A(z) = n^-2 sum over pairs of
        (1 - z)^d (1 + z)^(k - d), where d is the distance of the pair.
    """
    count, width = len(rows), len(rows[0])
    masks = [sum(1 << place for place, level in enumerate(row) if level < 0) for row in rows]
    at = [0] * (width + 1)
    for first in masks[:1] if regular else masks:
        for other in masks:
            at[(first ^ other).bit_count()] += 1
    total = [0] * (width + 1)
    for distance, pairs in enumerate(at):
        if pairs:
            polynomial = _binomial_product(distance, width - distance)
            total = [one + pairs * more for one, more in zip(total, polynomial, strict=True)]
    return tuple(Fraction(one, count if regular else count * count) for one in total)


def _binomial_product(minus: int, plus: int) -> list[int]:
    """Coefficients of (1 - z)^minus (1 + z)^plus, lowest first."""
    found = [1]
    for sign in [-1] * minus + [1] * plus:
        found = [one + sign * before for one, before in zip([*found, 0], [0, *found], strict=True)]
    return found


# --- aliases -----------------------------------------------------------------------------------------------


def _columns(rows: Rows) -> list[int]:
    """Each factor's column as a set of rows: a bit for every row in which it is low."""
    found = [0] * len(rows[0])
    for number, row in enumerate(rows):
        for place, level in enumerate(row):
            if level < 0:
                found[place] |= 1 << number
    return found


def effects_up_to(factors: Sequence[str], order: int) -> list[tuple[str, ...]]:
    """Main effects, then interactions of two factors and so on, each in declaration order."""
    return [effect for size in range(1, order + 1) for effect in combinations(factors, size)]


def alias_chains(factors: Sequence[str], rows: Rows, order: int = 2) -> tuple[tuple[Word, ...], ...]:
    """
    Effects that the rows cannot tell apart, because they have one column.

    Args:
        factors: the k factors.
        rows: shape (n, k).
        order: interactions of up to so many factors are named.

    Returns:
        One chain for each column: its effects with the sign by which each equals the first.  A chain that begins with
        the empty effect holds those that are the same in every row, and come out as part of the mean.
    """
    return chains_of(factors, rows, effects_up_to(factors, order))


def chains_of(factors: Sequence[str], rows: Rows, effects: Iterable[tuple[str, ...]]) -> tuple[tuple[Word, ...], ...]:
    """The same of some effects; those named earlier come first in their chain."""
    everywhere = (1 << len(rows)) - 1
    columns = dict(zip(factors, _columns(rows), strict=True))
    chains: dict[int, tuple[int, list[Word]]] = {}
    for effect in [(), *effects]:
        column = 0
        for factor in effect:
            column ^= columns[factor]
        key = min(column, column ^ everywhere)
        first, chain = chains.setdefault(key, (column, []))
        chain.append((1 if column == first else -1, effect))
    found = [tuple(chain) for _, chain in chains.values()]
    return tuple(chain for chain in found if chain[0][1] or len(chain) > 1)


def clear_pairs(factors: Sequence[str], rows: Rows) -> tuple[tuple[str, ...], ...]:
    """
    Interactions of two factors that share their column with no main effect and no other such interaction.

    Of a whole regular fraction; of other rows `promo.study.estimable` tells.

    Source:
        Wu & Chen (1992), "A graph-aided method for planning two-level experiments when certain interactions are
        important".
    """
    return tuple(chain[0][1] for chain in alias_chains(factors, rows) if len(chain) == 1 and len(chain[0][1]) == 2)


Correlated = tuple[tuple[str, ...], tuple[str, ...], Fraction]
"""Two effects, and the correlation of their columns."""


def correlations(factors: Sequence[str], rows: Rows) -> tuple[Correlated, ...]:
    """Pairs of effects of up to two factors that are neither aliased nor orthogonal."""
    columns = dict(zip(factors, _columns(rows), strict=True))
    leading = [chain[0][1] for chain in alias_chains(factors, rows)]
    found = []
    for first, second in combinations([effect for effect in leading if effect], 2):
        column = 0
        for factor in (*first, *second):
            column ^= columns[factor]
        agreement = Fraction(len(rows) - 2 * column.bit_count(), len(rows))
        if agreement:
            found.append((first, second, agreement))
    return tuple(found)


# --- blocks ------------------------------------------------------------------------------------------------


@frozen
class Split:
    """A design divided over hosts: which products tell the hosts apart, and which effects that costs."""

    parts: int
    words: tuple[tuple[str, ...], ...]
    """Products that are constant on each host, shortest form, generators first."""
    lost: tuple[tuple[str, ...], ...]
    """Effects of one or two factors that cannot be told from a difference between hosts."""


def best_split(factors: Sequence[str], rows: Rows, parts: int, keep: Iterable[tuple[str, ...]] = ()) -> Split | None:
    """
    The division over *parts* hosts that costs least: main effects, then interactions of two, then of three.

    Among equals the interaction of the factors declared last is given up; one in *keep* before none other.

    Args:
        factors: the k factors.
        rows: shape (n, k) of a regular fraction or full factorial.
        parts: a power of two.
        keep: interactions that should not be lost.

    Returns:
        None when *parts* is no power of two, or there are not rows enough.

    Source:
        Bisgaard (1994), "Blocking generators for small 2^(k-p) designs".
    """
    generators = parts.bit_length() - 1
    if parts < 2 or parts != 1 << generators or len(rows) < 2 * parts:
        return None
    named = contrasts(factors, rows)
    kept = {frozenset(effect) for effect in keep}
    cost = {column: _cost(effects, kept, factors) for column, effects in named.items()}
    everywhere = (1 << len(rows)) - 1
    chosen = _cheapest(cost, generators, everywhere)
    span = _spanned(chosen, everywhere)
    columns = [*chosen, *(column for column in span[1:] if column not in chosen)]
    lost = [effect for column in columns for effect in named[column] if len(effect) <= 2]
    return Split(parts, tuple(named[column][0] for column in columns), tuple(lost))


Cost = tuple[tuple[int, ...], tuple[int, ...]]
"""Amounts to be small in this order, and what decides among equals."""


MOST_JOINT = 127
"""Up to so many contrasts, the first two block generators are chosen together; further ones one at a time."""


def _cheapest(cost: Mapping[int, Cost], generators: int, everywhere: int) -> list[int]:
    together = 2 if generators > 1 and len(cost) <= MOST_JOINT else 1
    chosen: tuple[int, ...] = min(combinations(cost, together), key=lambda some: _total(some, cost, everywhere))
    while len(chosen) < generators:
        taken = _spanned(chosen, everywhere)
        options = [(*chosen, column) for column in cost if column not in taken]
        chosen = min(options, key=lambda some: _total(some, cost, everywhere))
    return list(chosen)


def _spanned(chosen: Sequence[int], everywhere: int) -> list[int]:
    span = [0]
    for column in chosen:
        span += [_normal(column ^ other, everywhere) for other in span]
    return span


def _total(chosen: Sequence[int], cost: Mapping[int, Cost], everywhere: int) -> tuple[object, ...]:
    costs = [cost[column] for column in _spanned(chosen, everywhere)[1:]]
    return tuple(map(sum, zip(*(one[0] for one in costs), strict=True))), [one[1] for one in costs]


def _normal(column: int, everywhere: int) -> int:
    return min(column, column ^ everywhere)


def _cost(effects: Sequence[tuple[str, ...]], keep: set[frozenset[str]], factors: Sequence[str]) -> Cost:
    sizes = [len(effect) for effect in effects]
    last = tuple(-factors.index(factor) for factor in effects[0])
    wanted = sum(frozenset(effect) in keep for effect in effects)
    return (sizes.count(1), wanted, sizes.count(2), sizes.count(3), -min(sizes)), last


def contrasts(factors: Sequence[str], rows: Rows) -> dict[int, list[tuple[str, ...]]]:
    """
    Every contrast between rows that is a product of factors.

    Returns:
        Column, as a set of rows, -> the effects that it stands for: all of up to three factors, else one of the
        shortest.  A regular fraction of n rows has n - 1.
    """
    everywhere = (1 << len(rows)) - 1
    columns = dict(zip(factors, _columns(rows), strict=True))
    named: dict[int, list[tuple[str, ...]]] = {}
    for size in range(1, len(factors) + 1):
        if size > 3 and len(named) >= len(rows) - 1:
            break
        for effect in combinations(factors, size):
            column = 0
            for factor in effect:
                column ^= columns[factor]
            column = _normal(column, everywhere)
            if column and (size <= 3 or column not in named):
                named.setdefault(column, []).append(effect)
    return named
