"""
Rows to what can be estimated from them: the information matrix of the rows that there are.

Whether columns differ says little once rows are missing or were added: in three of the four rows of a factorial of two
factors all columns differ, and a * b = -1 - a - b.  So everything that a design is said to guarantee is asked of the
information matrix of its rows, in whole numbers: which effects depend on others there, what an effect that is left out
of a model adds to the estimates of those in it (the alias matrix), and how much wider the errors are than in an
orthogonal design of as many runs.  The same least squares answer when a text is checked and when effects are estimated.

Effects that have one column make up a chain, of which the first stands for all.  Columns that are orthogonal to each
other do not meet in any answer, so the matrix falls into parts, most of them of one column, and each part is
eliminated for itself.

Source: Box & Wilson (1951), "On the experimental attainment of optimum conditions", for the alias matrix; Webb (1968),
"Non-orthogonal designs of even resolution", Technometrics 10, for the resolution of any rows.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from math import comb, sqrt

from promo.base.canonical import exact_sum
from promo.base.classes import frozen
from promo.base.least_squares import Blocks, Moments, solve
from promo.study.design import Rows, effects_up_to

Effect = tuple[str, ...]
"""Factors of an effect."""

MOST_COLUMNS = 400
"""Resolution is followed up to so many effects; what is asked of a design has two factors, seldom three."""


@frozen
class Dependence:
    """A combination of effects that is the same in every row, so that none of them can be estimated for itself."""

    terms: tuple[tuple[Fraction, Effect], ...]
    constant: Fraction

    @property
    def effects(self) -> tuple[Effect, ...]:
        """The effects in it."""
        return tuple(effect for _, effect in self.terms)


class Information:
    """
    The information in some rows on effects, with a mean.

    Args:
        factors: the k factors.
        rows: shape (n, k) of -1 and +1; a row may be there more than once.
    """

    def __init__(self, factors: Sequence[str], rows: Rows) -> None:
        self.counts = Counter(rows)
        self.rows = tuple(self.counts)
        self.size = len(rows)
        self._low = {
            factor: sum(1 << number for number, row in enumerate(self.rows) if row[place] < 0)
            for place, factor in enumerate(factors)
        }
        self._alike = len(set(self.counts.values())) == 1

    def column(self, effect: Effect) -> list[int]:
        """The sign of an effect in every distinct row."""
        bits = self._bits(effect)
        return [-1 if bits >> number & 1 else 1 for number in range(len(self.rows))]

    def dependences(self, effects: Sequence[Effect]) -> list[Dependence]:
        """
        All that keeps effects from being estimated together: a basis of the combinations that are constant.

        An effect can be estimated, whatever the others are, when it stands in none of them.
        """
        found: list[Dependence] = []
        chains = self._chains(effects)
        for leader, chain in chains.items():
            if not leader:
                found += [Dependence(((Fraction(1), effect),), Fraction(sign)) for sign, effect in chain]
            else:
                found += [
                    Dependence(((Fraction(1), leader), (Fraction(-sign), effect)), Fraction(0))
                    for sign, effect in chain[1:]
                ]
        for part in self._parts([leader for leader in chains if leader]):
            found += self._within(part)
        return found

    def lost(self, effects: Sequence[Effect]) -> dict[Effect, Dependence]:
        """Effects that cannot be estimated together with the others, each with what it depends on."""
        found: dict[Effect, Dependence] = {}
        for one in self.dependences(effects):
            for effect in one.effects:
                found.setdefault(effect, one)
        return found

    def aliases(
        self, model: Sequence[Effect], omitted: Iterable[Effect]
    ) -> dict[Effect, tuple[tuple[Fraction, Effect], ...]]:
        """
        The alias matrix: what an estimate of each effect of the model is of, beside that effect.

        Args:
            model: effects that are estimated, none of them dependent on others in it.
            omitted: effects that are not; each adds its effect times the coefficient to the estimate.
        """
        left_out = [effect for effect in omitted if effect not in model]
        found: dict[Effect, list[tuple[Fraction, Effect]]] = {effect: [] for effect in model}
        for part in self._parts([*model, *left_out]):
            inside = [effect for effect in part if effect in found]
            outside = [effect for effect in part if effect not in found]
            if inside and outside:
                columns = [self.column(effect) for effect in inside]
                solved = solve(
                    columns, self._moments(), variances=False, omitted=[self.column(effect) for effect in outside]
                )
                for effect, biases in zip(outside, solved.biases, strict=True):
                    for mine, much in zip(inside, biases, strict=True):
                        if much:
                            found[mine].append((much, effect))
        order = {effect: number for number, effect in enumerate(left_out)}
        return {effect: tuple(sorted(some, key=lambda one: order[one[1]])) for effect, some in found.items()}

    def widths(self, effects: Sequence[Effect]) -> dict[Effect, float]:
        """
        The standard error of every effect that can be estimated together with the others, over that in an orthogonal
        design of as many rows: the root of the variance inflation factor.
        """
        gone = self.lost(effects)
        found: dict[Effect, float] = {}
        for part in self._parts([leader for leader in self._chains(effects) if leader]):
            solved = solve([self.column(effect) for effect in part], self._moments())
            found |= {
                effect: sqrt(variance * self.size) for effect, variance in zip(part, solved.variances, strict=True)
            }
        return {effect: found[effect] for effect in effects if effect not in gone}

    # --- the matrix and its parts ----------------------------------------------------------------------------

    def _bits(self, effect: Effect) -> int:
        """The rows in which an effect's sign is negative."""
        found = 0
        for factor in effect:
            found ^= self._low[factor]
        return found

    def _chains(self, effects: Iterable[Effect]) -> dict[Effect, list[tuple[int, Effect]]]:
        """
        Effects by their column: the first with it -> all of it, with the sign by which each equals the first.

        Those that are the same in every row stand under the empty effect, with their sign.
        """
        everywhere = (1 << len(self.rows)) - 1
        first: dict[int, tuple[int, Effect]] = {0: (0, ())}
        found: dict[Effect, list[tuple[int, Effect]]] = {}
        for effect in effects:
            bits = self._bits(effect)
            known, leader = first.setdefault(min(bits, bits ^ everywhere), (bits, effect))
            found.setdefault(leader, []).append((1 if bits == known else -1, effect))
        return found

    def _product(self, first: int, other: int) -> int:
        """Sum over the rows of the product of two columns, given as sets of rows."""
        bits = first ^ other
        if self._alike:
            return self.size - 2 * (self.size // len(self.rows)) * bits.bit_count()
        return sum(-count if bits >> place & 1 else count for place, count in enumerate(self.counts.values()))

    def _parts(self, effects: Sequence[Effect]) -> Iterator[list[Effect]]:
        """Effects that meet, directly or through others, in the information matrix; the mean is projected out."""
        bits = [self._bits(effect) for effect in effects]
        sums = [self._product(one, 0) for one in bits]
        part = list(range(len(effects)))

        def root(place: int) -> int:
            while part[place] != place:
                place = part[place]
            return place

        for first, second in combinations(range(len(effects)), 2):
            if self.size * self._product(bits[first], bits[second]) != sums[first] * sums[second]:
                one, other = sorted((root(first), root(second)))
                part[other] = one
        found: dict[int, list[Effect]] = {}
        for place, effect in enumerate(effects):
            found.setdefault(root(place), []).append(effect)
        yield from found.values()

    def _moments(self) -> Moments:
        counts = list(self.counts.values())
        return Moments(counts, [0] * len(counts), 0, (Blocks(dict(enumerate(counts)), (0,)),))

    def _within(self, part: Sequence[Effect]) -> Iterator[Dependence]:
        if len(part) == 1:
            return
        columns = [self.column(effect) for effect in part]
        for vector in solve(columns, self._moments(), variances=False).null:
            terms = [(much, effect) for much, effect in zip(vector, part, strict=True) if much]
            constant = exact_sum(much * column[0] for much, column in zip(vector, columns, strict=True))
            yield Dependence(tuple(terms), constant)


def webb_resolution(factors: Sequence[str], rows: Rows) -> int | None:
    """
    The resolution of any rows; None when all effects can be estimated together.

    At 2 t + 1 effects of up to t factors can be estimated where larger ones are nil; at 2 t those of up to t - 1
    factors, whatever those of t are.  In a regular fraction it is the length of the shortest word.  It is followed up
    to `MOST_COLUMNS` effects.

    Source:
        Webb (1968), "Non-orthogonal designs of even resolution", Technometrics 10.
    """
    if len(set(rows)) == 2 ** len(factors):
        return None
    information = Information(factors, rows)
    held, order = 1, 0
    while order < len(factors):
        order += 1
        if order > 1 and sum(comb(len(factors), size) for size in range(1, order + 1)) > MOST_COLUMNS:
            return held
        gone = information.lost(effects_up_to(factors, order))
        if any(len(effect) < order for effect in gone):
            return held
        held = 2 * order
        if gone:
            return held
        held = 2 * order + 1
    return held


def dependence_text(one: Dependence, about: Effect) -> tuple[str, str]:
    """A dependence solved for one of its effects: `a * b`, and `-1 - a - b`."""
    share = next(much for much, effect in one.terms if effect == about)
    parts: list[tuple[Fraction, Effect]] = [(one.constant / share, ())] if one.constant else []
    parts += [(-much / share, effect) for much, effect in one.terms if effect != about]
    return " * ".join(about), sum_text(parts) or "0"


def sum_text(terms: Iterable[tuple[Fraction, Effect]]) -> str:
    """A sum of effects with their coefficients: `1/3 c * d - a`."""
    found = ""
    for much, effect in terms:
        size = "" if abs(much) == 1 and effect else str(abs(much))
        word = " ".join(part for part in (size, " * ".join(effect)) if part)
        sign = ("-" if much < 0 else "") if not found else (" - " if much < 0 else " + ")
        found += sign + word
    return found


def named(effects: Iterable[Effect]) -> str:
    """Effects in a row, for a message."""
    return ", ".join(" * ".join(effect) for effect in effects)
