"""
An execution plan: every run that may happen, and what it costs.

All times are whole seconds.  A run's identity is a digest of what it trains, for how long, on what, with which seed
and runner; it does not depend on the stage's name or on how the spec is laid out.
"""

from collections.abc import Mapping

from attrs import frozen

from promo.base.canonical import Json
from promo.base.shown import Shown
from promo.study.values import Budget


@frozen(eq=False, repr=False)
class PlannedRun(Shown):
    """One training run that a stage may need."""

    id: str
    stage: str
    candidate: str
    host: str
    seed: int


@frozen(eq=False, repr=False, slots=False)
class Bounds(Shown):
    """
    An amount that scores and failures can move: *planned* is the most that can be needed when no run fails (what a
    gate keeps may depend on scores), *fewest* what is needed when everyone goes that may go, *most* when every run is
    repeated as often as its gate allows.
    """

    fewest: int
    planned: int
    most: int


@frozen(eq=False, repr=False, slots=False)
class StagePlan(Shown):
    """One stage: who may enter, every run that may follow, and the cost."""

    name: str
    after: str | None
    continues: str | None
    budget: Budget
    hosts: tuple[str, ...]
    seeds: tuple[int, ...]
    reruns: int
    report_only: bool
    entrants: Bounds
    runs: tuple[PlannedRun, ...]
    """Every possible run in execution order: seed by seed, candidates and hosts in an order drawn by identity."""
    run_count: Bounds
    device_s: Bounds
    device_s_by_host: Mapping[str, int]
    """Host -> planned device seconds."""
    starts_s: int
    """Planned wall-clock seconds from the start of the study until the stage can begin and has ended."""
    ends_s: int


@frozen(eq=False, repr=False, slots=False)
class Supposition(Shown):
    """A continuation that is priced and never run, and what the plan saves against it."""

    gate: str
    stage: str
    candidates: int
    cells: int
    device_s: int
    """candidates x cells x the stage's budget."""
    branch_s: int
    """What the plan spends at that stage."""
    kept_s: int
    """What the plan spends on the stages that this continuation would still need."""


@frozen(eq=False, repr=False, slots=False)
class Plan(Shown):
    """A compiled study."""

    study: str
    parts: Mapping[str, Json]
    """The study in canonical words; two plans of equal parts are the same plan."""
    seals: Mapping[str, str]
    """Frozen gate or rule -> full digest."""
    stages: tuple[StagePlan, ...]
    run_count: Bounds
    device_s: Bounds
    device_unit: str
    wall_s: int
    price: str | None
    """Planned price in dollars, exactly; None when no host has one."""
    suppositions: tuple[Supposition, ...]
    digest: str

    def stage(self, name: str) -> StagePlan:
        """The stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)
