"""
The columns of effects, and their contrasts to one test of every factor and interaction.

A factor of s levels has s - 1 contrasts, of which each has its own test; whether the factor does anything at all is one
F test with s - 1 degrees of freedom, of how much the residual grows without it.

Source: Montgomery (2013), "Design and analysis of experiments", chapters 3 and 5.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from promo.base.classes import evolve, frozen
from promo.base.least_squares import Moments, solve
from promo.base.tails import f_tail
from promo.evidence.digits import Digits
from promo.evidence.estimates import Joint
from promo.evidence.family import adjusted
from promo.evidence.statements import Name
from promo.study.coding import Coding, Pair, coding_of, of_two, steps_of
from promo.study.design import Word
from promo.study.families import Procedure
from promo.study.space import Array, Trend
from promo.study.values import Effects, Study
from promo.study.varied import varied

Column = Sequence[int]


@frozen
class Columns:
    """The columns of effects, and the same with every trend as steps from level to level."""

    coding: Coding
    steps: Coding | None = None
    """None where no factor has a trend."""
    pairs: Mapping[str, Pair] = {}
    """Step -> its factor and levels."""

    @property
    def signed(self) -> tuple[str, ...]:
        """Factors, where each has two levels and rows are of -1 and +1; none elsewhere."""
        return self.coding.factors if self.coding.plain else ()


def columns_of(study: Study, effects: Effects) -> Columns:
    """The columns of effects, by what the levels of their factors are compared by."""
    first = varied(study, effects)[0]
    if not isinstance(first, Array):
        return Columns(of_two(first.factors))
    trends = any(isinstance(one, Trend) for one in effects.contrasts)
    steps, pairs = steps_of(first, effects.contrasts) if trends else (None, {})
    return Columns(coding_of(first, effects.contrasts), steps, pairs)


@frozen
class Term:
    """A factor or an interaction with the numbers of its contrasts in a model."""

    factors: Name
    places: tuple[int, ...]


def terms_of(model: Sequence[Name], coding: Coding, chains: Sequence[tuple[Word, ...]], lost: set[int]) -> list[Term]:
    """Terms of which every contrast is estimated; one that another one stands for is no contrast of its own."""
    place = {chain[0][1]: number for number, chain in enumerate(chains)}
    found = []
    for factors in model:
        places = tuple(place[name] for name in coding.named(factors) if name in place)
        if places and lost.isdisjoint(places):
            found.append(Term(factors, places))
    return found


def joint_tests(
    terms: Sequence[Term],
    columns: Sequence[Column],
    moments: Moments,
    residual: Fraction | None,
    degrees: int,
    sizes: Sequence[int],
    procedure: Procedure,
    digits: Digits,
    unit: Fraction,
) -> tuple[Joint, ...]:
    """
    Test each term beside all others.

    Args:
        terms: of the model.
        columns: of the whole model.
        moments: of the runs.
        residual: sum of squares that the model leaves, in squares of the moments' unit; None where there is no error.
        degrees: of freedom of it.
        sizes: how many factors the terms of the family have.
        procedure: by which they share their rate.
        digits: how numbers are kept.
        unit: so many of the moments' units make one of the digits'.
    """
    found = []
    for term in terms:
        others = [column for number, column in enumerate(columns) if number not in term.places]
        solved = solve(others, moments, variances=False, further=[[columns[number] for number in term.places]])
        ((rank, fall),) = solved.gains
        if not rank:
            continue
        one = Joint(term.factors, rank, _square(digits, fall / unit**2), None, None, None)
        if residual:
            f = float(fall / rank / (residual / degrees))
            one = evolve(one, f=digits.bare(f), p=digits.bare(f_tail(f, rank, degrees)))
        found.append(one)
    family = [number for number, one in enumerate(found) if len(one.term) in sizes and one.p is not None]
    tails = adjusted([float(found[number].p or 1) for number in family], procedure)
    for number, p in zip(family, tails, strict=True):
        found[number] = evolve(found[number], adjusted=digits.bare(p))
    return tuple(found)


def _square(digits: Digits, number: Fraction) -> str:
    """A sum of squares, which is counted in the square of the power of ten of values."""
    return evolve(digits, shift=2 * digits.shift).text(float(number))
