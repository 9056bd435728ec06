"""
Two-level designs: rows, defining relation, resolution.

A regular fraction lives in GF(2)^m.  Every factor is a column, that is a set of base factors (a bit mask); an
alias declares the column of a further factor as a signed product.  A word is a set of factors whose product is
constant in every row; the shortest word's length is the resolution.  Signs are kept throughout.

Source: Box & Hunter (1961), "The 2^(k-p) fractional factorial designs".
"""

from collections.abc import Mapping, Sequence

Word = tuple[int, tuple[str, ...]]
"""(sign, factors): the product of these factors equals the sign in every row."""


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
    Every word of the design, shortest first: all products of the aliases' own words.

    Args:
        factors: all factors in declaration order.
        aliases: as in `standard_rows`; p of them give 2^p - 1 words.
    """
    place = {factor: number for number, factor in enumerate(factors)}
    generators = [
        (sign, 1 << place[factor] | sum(1 << place[other] for other in product))
        for factor, (sign, product) in aliases.items()
    ]
    words: list[tuple[int, int]] = [(1, 0)]
    for sign, mask in generators:
        words += [(sign * other_sign, mask ^ other) for other_sign, other in words]
    named = [(sign, tuple(factor for factor in factors if mask >> place[factor] & 1)) for sign, mask in words[1:]]
    return tuple(sorted(named, key=lambda word: (len(word[1]), [place[factor] for factor in word[1]])))


def resolution(words: Sequence[Word]) -> int | None:
    """Length of the shortest word; None for a full factorial, which has none."""
    return min((len(factors) for _, factors in words), default=None)
