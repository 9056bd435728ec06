"""
What conditions that differ from host to host do to discoveries: how often a study without any effect would have one.

Blocks take away what all runs of a host share, not what one condition has on it alone.  Over the few hosts of a study
such differences do not average out: they enter every estimate, and the error only in part, since seeds on one host
share them.  In a design that every cell of H hosts and S seeds runs as a whole, a contrast between n conditions has the
variance s^2 + S h^2, and so have the (H - 1)(n - 1) contrasts between hosts, where s is the standard deviation of seeds
and h that of a condition on a host; the H (S - 1)(n - 1) between seeds have s^2.  Given what is left over, the effects
of a family are independent, and the chance that a procedure such as Benjamini and Hochberg's rejects none is one of
order statistics; what is left over is a sum of two chi-squared numbers, over which that chance is integrated.

A centre is a condition like any other, with a column of its own in the model.  Effects of more than two levels may be
correlated, as where each level is held against the same one; then the chance given what is left over is counted in
draws of all estimates together.

Source: Scheffe (1959), "The analysis of variance", chapter 8, for the mean squares of the mixed model; Shorack &
Wellner (1986), "Empirical processes with applications to statistics", section 9.3, for Bolshev's recursion.
"""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from itertools import islice
from math import comb, erf, exp, log, sqrt

from promo.base.classes import frozen
from promo.base.draws import normals
from promo.base.tails import t_quantile
from promo.evidence.family import levels
from promo.study.families import Procedure

NODES = 24
"""Of an integral over one number."""
SPREADS = (0.25, 0.5, 1.0)
"""Standard deviation of a condition on a host over that of seeds, for which a report says what follows."""
DRAWS, SEED = 10_000, 1959
"""Of correlated estimates; a share of so many draws has a standard error of at most 0.005."""

Matrix = tuple[tuple[float, ...], ...]


@frozen
class Screened:
    """How large a study is: conditions of the design, hosts, seeds, columns of the model, effects of the family."""

    conditions: int
    hosts: int
    seeds: int
    model: int
    family: int
    unblocked: int = 0
    """Degrees of freedom between seeds, where these are no blocks."""
    correlations: Matrix = ()
    """Of the estimates of the family; none where they are independent."""

    @property
    def mixed(self) -> int:
        """Degrees of freedom of the error that conditions on hosts enter."""
        between = self.conditions - 1
        return between - self.model + (self.hosts - 1) * between

    @property
    def pure(self) -> int:
        """Degrees of freedom between seeds on one host."""
        return self.hosts * (self.seeds - 1) * (self.conditions - 1) + self.unblocked


def false_discoveries(
    study: Screened, rate: float, spread: float, procedure: Procedure = Procedure.BENJAMINI_HOCHBERG
) -> float:
    """
    The share of studies without any effect that discover one.

    Args:
        study: its size; the model leaves degrees of freedom.
        rate: false discovery rate of the family.
        spread: h / s.
        procedure: by which the family shares its rate.

    Raises:
        ValueError: no degree of freedom is left, or the family is empty.
    """
    mixed, pure = study.mixed, study.pure
    if mixed + pure <= 0 or study.family < 1:
        raise ValueError(f"nothing to test in {study}")
    inflated, count = 1 + study.seeds * spread**2, study.family
    # Something is rejected where the i-th largest t reaches the quantile at the i-th level, for any i.
    reach = tuple(t_quantile(1 - level / 2, mixed + pure) for level in levels(procedure, rate, count))
    farthest = _farthest(study.correlations, reach) if study.correlations else ()
    none = weight = 0.0
    for one, much in _chi(mixed):
        for other, more in _chi(pure):
            residual = inflated * one**2 + other**2
            ratio = sqrt(residual / inflated / (mixed + pure))
            if farthest:
                chance = bisect_left(farthest, ratio) / len(farthest)
            else:
                chance = below([erf(least * ratio / sqrt(2)) for least in reversed(reach)])
            none += much * more * chance
            weight += much * more
    return 1 - none / weight


@cache
def _farthest(correlations: Matrix, reach: Sequence[float]) -> Sequence[float]:
    """
    Of every draw the largest error, in that of an estimate, with which anything is discovered; smallest first.

    Args:
        correlations: of the estimates.
        reach: by how many errors the largest of them is to lie off, the second largest, and so on.
    """
    root, stream = _triangle(correlations), normals(SEED)
    found = []
    for _ in range(DRAWS):
        drawn = list(islice(stream, len(reach)))
        sizes = sorted((abs(sum(map(float.__mul__, line, drawn))) for line in root), reverse=True)
        found.append(max(map(float.__truediv__, sizes, reach)))
    return tuple(sorted(found))


def _triangle(correlations: Matrix) -> list[list[float]]:
    """Cholesky's lower triangle; what depends on earlier ones adds nothing of its own."""
    found: list[list[float]] = []
    for place, line in enumerate(correlations):
        mine: list[float] = []
        for other in range(place):
            left = line[other] - sum(map(float.__mul__, mine, found[other]))
            mine.append(left / found[other][other] if found[other][other] else 0.0)
        mine.append(sqrt(max(line[place] - sum(one * one for one in mine), 0.0)))
        found.append(mine)
    return found


def _chi(degrees: int) -> list[tuple[float, float]]:
    """Places of a chi distribution with weights in proportion to its density; 0 alone without degrees of freedom."""
    if not degrees:
        return [(0.0, 1.0)]
    low, high = max(sqrt(degrees) - 5, 0.0), sqrt(degrees) + 5
    places = [low + (number + 0.5) * (high - low) / NODES for number in range(NODES)]
    most = (degrees - 1) * log(sqrt(degrees)) - degrees / 2
    return [(place, exp((degrees - 1) * log(place) - place**2 / 2 - most)) for place in places]


def below(bounds: Sequence[float]) -> float:
    """
    The chance that sorted uniform numbers lie below bounds, each below its own.

    Args:
        bounds: one for each number, smallest first.
    """
    known = [1.0]
    for count in range(1, len(bounds) + 1):
        above = (comb(count, k) * known[k] * (1 - bounds[k]) ** (count - k) for k in range(count))
        known.append(1 - sum(above))
    return known[-1]
