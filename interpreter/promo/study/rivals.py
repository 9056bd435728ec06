"""Baselines as values: what a search by a ladder is held against; `baselines` reads them."""

from collections.abc import Mapping

from promo.base.classes import frozen
from promo.base.fields import Remark
from promo.study.places import Where, place


@frozen
class Baseline:
    """Another way to choose from the same space, given the budget that a stage has."""

    name: str
    space: str
    matched: str
    seed: int | None
    """Of the draws; None for a walk from the defaults."""
    stages: tuple[str, ...]
    """What it comes to: one stage, or the steps of a walk."""
    start: str | None
    """Where a walk begins."""
    conditions: Mapping[str, tuple[int, ...]]
    """Candidate that it may train -> its row of signs, in the order of the design's factors."""
    documentation: Remark
    where: Where = place()
