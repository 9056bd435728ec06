"""
An execution plan: every run that may happen, and what it costs.

All times are whole seconds.  A run's identity is a digest of what it trains, for how long, on what, with which seed
and runner; it does not depend on the stage's name or on how the spec is laid out.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

from attrs import frozen

from promo.base.codec import Count, Digest, Name, from_json
from promo.base.shown import Shown
from promo.study.values import Budget, Study


@frozen(eq=False, repr=False)
class PlannedRun(Shown):
    """One training run that a stage may need."""

    ROW: ClassVar = True

    id: Name
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
    """A compiled study, as it is stored and as `promo plan --json` prints it."""

    FORM: ClassVar = ("promo_plan", 2)

    digest: Digest
    """Of the study, the seals and the identities of all runs; plans of equal digests are the same plan."""
    study: Study
    """What the study means: whatever may be written in any order stands in one order."""
    order: tuple[str, ...] | None
    """Candidates as declared, where a gate breaks ties by that."""
    seals: Mapping[str, Digest]
    """Frozen gate or rule -> digest of its closure."""
    stages: tuple[StagePlan, ...]
    run_count: Bounds
    device_s: Bounds
    wall_s: Count
    price_usd: Fraction | None
    """Planned price in dollars; None when no host has one."""
    suppositions: tuple[Supposition, ...]

    def stage(self, name: str) -> StagePlan:
        """The stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)

    @property
    def device_unit(self) -> str:
        """What an hour of its hosts is called."""
        return self.study.device_unit


@frozen(eq=False, repr=False, slots=False)
class SavedPlan(Shown):
    """A plan in a file of its own, with the spec that it is of; `promo run` starts it once."""

    FORM: ClassVar = ("promo_saved_plan", 1)

    spec: str
    """Path of the spec."""
    plan: Plan


def plan_from_json(stored: object) -> Plan:
    """
    A stored plan, also one that was saved with its spec.

    Raises:
        ValueError: it is no plan of this version.
    """
    saved = isinstance(stored, dict) and "promo_saved_plan" in stored
    return from_json(SavedPlan, stored).plan if saved else from_json(Plan, stored)
