"""
Evidence of a stage to what seeds alone make of its values.

Runs of one candidate on one host differ by nothing but their seeds, so their variances, pooled over candidates and
hosts by degrees of freedom, are an estimate of what seeds make.  The difference of two means over n cells each then
has the standard error sqrt(2 / n) times the standard deviation of a run; cells that share more than their host are
closer to each other than that, so the error is not too small for paired cells.

Source: Box, Hunter & Hunter (2005), "Statistics for Experimenters", section 4.4, for pooling.
"""

from collections.abc import Iterable
from fractions import Fraction

from promo.base.canonical import exact_sum, from_exact
from promo.base.classes import frozen
from promo.base.floats import root
from promo.evidence.values import Evidence, Row

FEWEST_DEGREES = 3
"""Degrees of freedom below which a spread says next to nothing: with 2, the truth may be six times as large."""


@frozen
class SeedNoise:
    """What seeds make of a run's value."""

    variance: Fraction
    """Of a single run, exact, in the square of the metric's unit."""
    degrees: int
    """Degrees of freedom of the estimate; 0 where the study declares it."""
    groups: int
    """Candidates on a host that have more than one seed; 0 where the study declares it."""

    @property
    def declared(self) -> bool:
        """Whether it is the study's word and not measured."""
        return not self.degrees

    def error(self, cells: int) -> Fraction:
        """
        Standard error of the difference of two means.

        Args:
            cells: that each of the means is over; at least one.

        Returns:
            In the metric's unit.
        """
        return Fraction(root(2 * self.variance / cells))


def seed_noise(evidence: Evidence, declared: Fraction | None) -> SeedNoise | None:
    """
    What seeds make at a stage: measured where that is possible, else as declared; None where it is not known.

    Args:
        evidence: of the stage.
        declared: standard deviation between seeds by the study's word, in the metric's unit.
    """
    squares, degrees, groups = Fraction(0), 0, 0
    for values in _repeated(evidence.rows):
        mean = exact_sum(values) / len(values)
        squares += exact_sum((one - mean) ** 2 for one in values)
        degrees += len(values) - 1
        groups += 1
    if degrees >= FEWEST_DEGREES:
        return SeedNoise(squares / degrees, degrees, groups)
    return None if declared is None else SeedNoise(declared**2, 0, 0)


def _repeated(rows: Iterable[Row]) -> Iterable[list[Fraction]]:
    """Values that differ by their seeds alone."""
    for row in rows:
        hosts: dict[str, list[Fraction]] = {}
        for cell in row.cells:
            if cell.value is not None:
                hosts.setdefault(cell.host, []).append(from_exact(cell.value))
        yield from (values for values in hosts.values() if len(values) > 1)
