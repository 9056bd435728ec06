"""
An execution plan: every run that may happen, and what it costs.

Three words for cost are never mixed.  The *budget* is what stages ask for: planned runs, trained up to their caps.
The *bound* is what cannot be exceeded, start-up and scoring, reruns and lost attempts included.  What was *spent* is
measured, and no part of a plan.  All are whole seconds of devices: of a slot of a host, times the devices of a run.

A run's identity is a digest of what it trains, for how long, on what, with which seed
and runner; it does not depend on the stage's name or on how the spec is laid out.
"""

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, ClassVar, cast

from promo.base.canonical import Json, digest, exact_sum
from promo.base.classes import frozen
from promo.base.codec import from_json, to_json
from promo.base.fields import Count, Digest, Name, Silent
from promo.study.limits import Allowance
from promo.study.money import Day
from promo.study.values import Budget, Study


@frozen
class PlannedRun:
    """One training run that a stage may need."""

    ROW: ClassVar = True

    id: Name
    stage: str
    candidate: str
    host: str
    seed: int


@frozen
class Bounds:
    """
    A number that scores, failures and people can move.

    No world has less than *fewest*, of attempts or of entrants, and none more than *most*: one in which runs fail, are
    lost and are repeated as often as may be, and whoever is asked lets everybody on.  *planned* is the most where no
    run fails and nobody is asked; what a gate keeps may depend on scores.
    """

    fewest: int
    planned: int
    most: int


@frozen
class StagePlan:
    """One stage: who may enter, every run that may follow, and the cost."""

    name: str
    after: str | None
    continues: str | None
    budget: Budget
    hosts: tuple[str, ...]
    seeds: tuple[int, ...]
    allowance: Allowance
    report_only: bool
    entrants: Bounds
    runs: tuple[PlannedRun, ...]
    """Every possible run in execution order: seed by seed, candidates and hosts in an order drawn by identity."""
    run_count: Bounds
    """Attempts: one for each planned run, and how many a world has at least and at most."""
    budget_s: int
    """What it asks for: every planned run, trained up to its cap."""
    bound_s: int
    """What it cannot exceed: every attempt that any world has, each as long as one can keep its slot."""
    added_s_by_host: Mapping[str, int]
    """Its budget without the runs that earlier stages ask for as well: those are trained once, and paid there."""
    bound_s_by_host: Mapping[str, int]
    """Its bound without the attempts that earlier stages allow those."""
    starts_s: int
    """Planned wall-clock seconds from the start of the study until the stage can begin and has ended."""
    ends_s: int
    shared: Annotated[int, Silent(0)] = 0
    """Planned runs that earlier stages ask for as well."""

    @property
    def added_s(self) -> int:
        """What it adds to the budget of the study."""
        return sum(self.added_s_by_host.values())


@frozen
class Supposition:
    """A continuation that is priced and never run, and what the plan saves against it."""

    gate: str
    stage: str
    candidates: int
    cells: int
    costs_s: int
    """candidates x cells x the cap of the stage's budget x the devices of a run."""
    branch_s: int
    """The budget of that stage."""
    kept_s: int
    """The budget of the other stages that this continuation would still need."""
    shared_s: Annotated[int, Silent(0)] = 0
    """What runs cost that those stages and the continuation have in common: they would be trained once."""


@frozen
class HostBill:
    """What the runs of a host cost at its price; *spot_budget*: at its spot price, to the end of the day *until*."""

    hour: Fraction
    budget: Fraction
    bound: Fraction
    spot: Annotated[Fraction | None, Silent(None)]
    spot_budget: Annotated[Fraction | None, Silent(None)]
    until: Annotated[Day | None, Silent(None)]

    def on(self, moment: str) -> Fraction:
        """What its budget costs if all of it runs on that day; as `Price.on`."""
        return self.spot_budget if self.is_spot(moment) and self.spot_budget is not None else self.budget

    def is_spot(self, moment: str) -> bool:
        """Whether its spot price holds on that day; as `Price.on`."""
        return bool(moment) and self.until is not None and moment[:10] <= self.until


@frozen
class Bill:
    """What a plan costs, host by host, for those that have a price; *budget* and *bound* without spot prices."""

    currency: str
    hosts: Mapping[str, HostBill]
    budget: Fraction
    bound: Fraction

    def on(self, moment: str) -> Fraction:
        """What the budget costs if all of it runs on that day; as `Price.on`."""
        return exact_sum(one.on(moment) for one in self.hosts.values())


@frozen
class Plan:
    """A compiled study, as it is stored and as `promo plan --json` prints it."""

    FORM: ClassVar = ("promo_plan", 3)
    DERIVED: ClassVar = {"digest": Digest}

    study: Study
    """What the study means: whatever may be written in any order stands in one order."""
    order: tuple[str, ...] | None
    """Candidates as declared, where a gate breaks ties by that."""
    seals: Mapping[str, Digest]
    """Frozen gate or rule -> digest of its closure."""
    stages: tuple[StagePlan, ...]
    run_count: Bounds
    """Attempts; a run that several stages ask for is one."""
    budget_s: Count
    """What its stages ask for, in seconds; a run that several of them ask for is trained once."""
    bound_s: Count
    """What no course of the study can exceed, in seconds."""
    wall_s: Count
    money: Bill | None
    """What budget and bound cost; None when no host has a price."""
    suppositions: tuple[Supposition, ...]

    @cached_property
    def digest(self) -> str:
        """
        Of the study, the seals and the identities of all runs; plans of equal digests are the same plan.

        Made when it is asked for: a check of a spec, which asks for prices and seals, has no use for it.
        """
        runs: Json = [[stage.name, [run.id for run in stage.runs]] for stage in self.stages]
        return digest({"study": to_json(self.study), "order": self.order, "seals": self.seals, "runs": runs})

    def stage(self, name: str) -> StagePlan:
        """The stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)


@frozen
class SavedPlan:
    """A plan in a file of its own, with the spec that it is of; `promo run` starts it once."""

    FORM: ClassVar = ("promo_saved_plan", 1)

    spec: str
    """Path of the spec."""
    plan: Plan


def plan_from_json(stored: object) -> Plan:
    """
    A stored plan, also one that was saved with its spec.

    Raises:
        ValueError: it is no plan of this version, or its digest is not that of what it holds.
    """
    if isinstance(stored, dict) and "promo_saved_plan" in stored:
        return saved_from_json(stored).plan
    return _vouched(from_json(Plan, stored), stored)


def saved_from_json(stored: object) -> SavedPlan:
    """A stored plan with its spec; as `plan_from_json`."""
    saved = from_json(SavedPlan, stored)
    _vouched(saved.plan, cast("Any", stored)["plan"])
    return saved


def _vouched(plan: Plan, stored: Any) -> Plan:
    if plan.digest != stored["digest"]:
        raise ValueError("its digest is not that of what it holds")
    return plan
