"""Estimated effects as values: what each factor does at each stage, and how that changes from one to the next."""

from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from typing import Annotated, ClassVar

from promo.base.classes import frozen
from promo.base.codec import value_digest
from promo.base.fields import Count, Digest, Measured, Silent
from promo.evidence.statements import Name, Statement
from promo.study.design import Word
from promo.study.given import Level

ORDERS = {"main": (1,), "pairs": (2,), "all": (1, 2, 3)}
"""Family -> how many factors its effects have."""


class Method(Enum):
    """Where the error of effects comes from."""

    LEAST_SQUARES = "least squares"
    LENTH = "lenth"


@frozen
class Estimate:
    """
    One effect at one stage; numbers are decimal text, None where there is none.

    A value has six digits, or one place more than the values of the runs where that is more; other numbers have six.
    """

    effect: Name
    chain: tuple[Word, ...]
    """Effects with the same column, this one first; the estimate is of their signed sum."""
    aliases: tuple[tuple[Fraction, Name], ...]
    """Effects that the model leaves out and the estimate takes up in part: so much of each is in it."""
    value: Measured | None
    error: Measured | None
    t: Measured | None
    p: Measured | None
    adjusted: Measured | None
    """p adjusted inside the family, by its procedure; None outside of it."""
    low: Measured | None
    high: Measured | None
    hosts: tuple[tuple[str, Measured | None], ...]
    """Estimate on each host alone; for main effects where there are two hosts or more."""
    host_p: Measured | None
    """p of the F test that the effect is the same on every host."""
    host_adjusted: Measured | None
    """The same after Benjamini and Hochberg over all effects that are tested so."""
    agree: tuple[Count, Count] | None
    """Cells in which the plain contrast has the sign of the estimate, of how many; where factors have more than two
    levels, of main effects."""
    discovered: bool

    @property
    def aliased(self) -> tuple[Name, ...]:
        """Effects that the estimate does not separate from this one, wholly or in part."""
        return (*(effect for _, effect in self.chain[1:]), *(effect for _, effect in self.aliases))


@frozen
class Curvature:
    """Mean of the design's corners less the mean of its centre, both within blocks."""

    runs: Count
    """At the centre."""
    value: Measured
    error: Measured | None
    t: Measured | None
    p: Measured | None
    low: Measured | None
    high: Measured | None


@frozen
class BlockShift:
    """
    How far a block's runs lie above the mean of all blocks, the model taken out.

    A block is told by what its runs have in common; what they do not is None.
    """

    host: str | None
    seed: int | None
    stage: str | None
    value: Measured


@frozen
class BlockTest:
    """What blocks differ by, beside the model."""

    blocks: Count
    degrees: int
    """Of freedom of the differences."""
    f: Measured | None
    """Against the error of the effects; None where there is none."""
    p: Measured | None
    shifts: tuple[BlockShift, ...]
    """Of every block, where there are few."""
    confounded: tuple[tuple[Name, ...], ...]
    """Effects that are constant within every block, so that they are not separated from a difference between blocks:
    each with all that have its column."""


@frozen
class Joint:
    """All contrasts of a factor or an interaction, tested together."""

    term: Name
    degrees: Count
    """Of freedom that the term takes."""
    squares: Measured
    """Sum of squares by which the residual grows without it."""
    f: Measured | None
    p: Measured | None
    adjusted: Measured | None
    """p adjusted by its procedure over the terms of the family; None outside of it."""


@frozen
class Step:
    """From one level of a factor with a trend to the next higher one: mean there less mean at the lower."""

    factor: str
    lower: Level
    upper: Level
    value: Measured
    error: Measured | None
    t: Measured | None
    p: Measured | None
    low: Measured | None
    high: Measured | None


@frozen
class Fit:
    """The effects at one stage."""

    stage: str
    runs: Count
    """With a value, those at the centre among them."""
    planned: Count
    degrees: int
    """Of freedom left for the error."""
    freedom: Measured | None
    """Degrees of freedom that tests and intervals rest on; those of Lenth's error are a third of its contrasts."""
    sigma: Measured | None
    """Standard deviation of a run, within blocks."""
    method: Method
    pse: Measured | None
    margin: Measured | None
    """Lenth's margin of error, and for all contrasts at once."""
    simultaneous: Measured | None
    contrasts: tuple[tuple[Name, Measured], ...]
    """Lenth: every contrast with its size, smallest first."""
    estimates: tuple[Estimate, ...]
    curvature: Curvature | None
    blocks: BlockTest | None
    """None with one block or none."""
    statements: tuple[Statement, ...]
    joints: Annotated[tuple[Joint, ...], Silent(())] = ()
    """Every term, where factors have more than two levels."""
    steps: Annotated[tuple[Step, ...], Silent(())] = ()
    rest: Annotated[tuple[Estimate, ...], Silent(())] = ()
    """What the model leaves out, where it is listed: estimated beside it, and no part of the family."""


@frozen
class Change:
    """How an effect changed from one stage to the next."""

    effect: Name
    before: str
    after: str
    change: Measured
    error: Measured | None
    freedom: Measured | None
    """Degrees of freedom that the test and the interval rest on."""
    t: Measured | None
    p: Measured | None
    low: Measured | None
    high: Measured | None
    runs: Count
    """So many runs are at both stages, and the change is estimated from what they gained; 0: the stages share none, and
    are independent."""


@frozen
class EffectTable:
    """Everything that `effects` estimates."""

    FORM: ClassVar = ("promo_effects", 5)

    name: str
    fits: tuple[Fit, ...]
    changes: tuple[Change, ...]
    evidence: Mapping[str, Digest]
    """Stage -> digest of the evidence that was read."""

    @property
    def digest(self) -> str:
        """Digest of its stored form."""
        return value_digest(self)

    def discovered(self, stage: str) -> tuple[Name, ...]:
        """Effects that are discovered at a stage."""
        fit = next(fit for fit in self.fits if fit.stage == stage)
        return tuple(one.effect for one in fit.estimates if one.discovered)
