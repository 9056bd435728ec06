"""
Study to plan: list every run that may happen, order the runs, price them.

A gate keeps a fixed number of candidates, so the number of runs behind it is known before anything is trained even
though the names are not: a later stage lists the runs of everyone who may be promoted and counts those who will be.
"""

import hashlib
import heapq
from collections.abc import Iterable, Mapping
from fractions import Fraction
from operator import attrgetter

from promo.base.canonical import Json, canonical, digest
from promo.base.codec import to_json, value_digest
from promo.base.units import HOUR
from promo.plan.values import Bounds, Plan, PlannedRun, StagePlan, Supposition
from promo.study.closure import closure
from promo.study.lock import frozen_rules
from promo.study.meaning import meaning, order_of
from promo.study.values import Stage, Study

RUN_TAG = "promo-run-2"
ID_LENGTH = 16


def compile_plan(study: Study) -> Plan:
    """
    Compile a study.

    Args:
        study: a resolved study without errors.

    Returns:
        The plan; equal studies give equal plans, byte for byte.
    """
    identities = _Identities(study)
    ends: dict[str, int] = {}
    free = {host.name: [0] * host.slots for host in study.hosts.values()}
    stages = tuple(_stage(study, stage, identities, free, ends) for stage in study.stages.values())
    meant, order = meaning(study), order_of(study)
    seals = {rule.name: value_digest(closure(study, rule)) for rule in frozen_rules(study)}
    runs: Json = [[stage.name, [run.id for run in stage.runs]] for stage in stages]
    return Plan(
        digest=digest({"study": to_json(meant), "order": order, "seals": seals, "runs": runs}),
        study=meant,
        order=order,
        seals=seals,
        stages=stages,
        run_count=_total(stage.run_count for stage in stages),
        device_s=_total(stage.device_s for stage in stages),
        wall_s=max(stage.ends_s for stage in stages),
        price_usd=_price(study, stages),
        suppositions=_suppositions(study, stages),
    )


class _Identities:
    """Run identities; what many runs share is hashed once."""

    def __init__(self, study: Study) -> None:
        self.study = study
        data = None if study.data is None else to_json(study.data)
        common = digest({"runner": to_json(study.runner), "data": data})
        self.heads = {
            name: f"{RUN_TAG}\n{digest(dict(candidate.effective.settings))}{common}\n".encode()
            for name, candidate in study.candidates.items()
        }
        self.machines = {name: value_digest(host.machine) for name, host in study.hosts.items()}
        for grow in study.grows.values():
            before = self.spent(study.stages[grow.stage])
            said: Json = {"grow": to_json(grow), "before": before, "parent": _identity(self.heads[grow.parent])}
            for name in (grow.becomes, *grow.ways):
                self.heads[name] += f"{digest(said)}\n".encode()

    def runs(self, stage: Stage, budget: str, host: str, seed: int) -> list[PlannedRun]:
        """The runs of all who may enter a stage, in one of its cells; *budget* is what `spent` says of the stage."""
        tail = "\n".join((budget, host, self.machines[host], str(seed))).encode()
        heads, name, sha256 = self.heads, stage.name, hashlib.sha256  # `_identity`, without its call for every run
        return [
            PlannedRun(sha256(heads[candidate] + tail).hexdigest()[:ID_LENGTH], name, candidate, host, seed)
            for candidate in self.study.entrants[name].possible
        ]

    def spent(self, stage: Stage) -> str:
        """A run's budget behind those of the runs that it carries on, each with its trunk, as canonical text."""
        parts = (*reversed(self.study.carried_on(stage.name)), stage)
        budgets: Json = [[to_json(one.budget), None if one.trunk is None else str(one.trunk)] for one in parts]
        return canonical(budgets).decode()


def _identity(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:ID_LENGTH]


def _stage(
    study: Study, stage: Stage, identities: _Identities, free: Mapping[str, list[int]], ends: dict[str, int]
) -> StagePlan:
    there = study.entrants[stage.name]
    reruns = study.reruns_at(stage.name)
    entrants = Bounds(there.fewest, there.planned, there.planned)
    cells = len(stage.hosts) * len(stage.seeds)
    runs = Bounds(there.fewest * cells, there.planned * cells, there.planned * cells * (1 + reruns))
    cap_s = stage.budget.cap_s
    ready = max((ends[before] for before in study.waits_for(stage.name)), default=0)
    for host in stage.hosts:
        _occupy(free[host], there.planned * len(stage.seeds), cap_s, ready)
    ends[stage.name] = max(max(free[host]) for host in stage.hosts)
    return StagePlan(
        name=stage.name,
        after=stage.after,
        continues=stage.continues,
        budget=stage.budget,
        hosts=stage.hosts,
        seeds=stage.seeds,
        reruns=reruns,
        report_only=stage.report_only,
        entrants=entrants,
        runs=_in_order(study, stage, identities),
        run_count=runs,
        device_s=Bounds(runs.fewest * cap_s, runs.planned * cap_s, runs.most * cap_s),
        device_s_by_host={host: there.planned * len(stage.seeds) * cap_s for host in stage.hosts},
        starts_s=ready,
        ends_s=ends[stage.name],
    )


def _in_order(study: Study, stage: Stage, identities: _Identities) -> tuple[PlannedRun, ...]:
    """
    Seeds are blocks; inside a block candidates and hosts come in the order of their identities.

    An identity is a hash, so the order is as good as drawn, is the same for everyone, and follows neither the text
    nor the size of the models.  With a seed, it is that of the hashes of seed and identity.
    """
    salt = None if study.order_seed is None else str(study.order_seed)
    place = attrgetter("id") if salt is None else (lambda run: digest([salt, run.id]))
    ordered: list[PlannedRun] = []
    budget = identities.spent(stage)
    for seed in stage.seeds:
        block = [run for host in stage.hosts for run in identities.runs(stage, budget, host, seed)]
        ordered.extend(sorted(block, key=place))
    return tuple(ordered)


def _occupy(slots: list[int], runs: int, seconds: int, ready: int) -> None:
    """Give *runs* equal runs to the slots that are free first, none before *ready*."""
    heapq.heapify(slots)
    for _ in range(runs):
        heapq.heapreplace(slots, max(slots[0], ready) + seconds)


def _total(amounts: Iterable[Bounds]) -> Bounds:
    parts = list(amounts)
    return Bounds(sum(p.fewest for p in parts), sum(p.planned for p in parts), sum(p.most for p in parts))


def _price(study: Study, stages: tuple[StagePlan, ...]) -> Fraction | None:
    if all(host.price is None for host in study.hosts.values()):
        return None
    total = Fraction(0)
    for stage in stages:
        for host, seconds in stage.device_s_by_host.items():
            total += (study.hosts[host].price or 0) * Fraction(seconds, HOUR)
    return total


def _suppositions(study: Study, stages: tuple[StagePlan, ...]) -> tuple[Supposition, ...]:
    planned = {stage.name: stage for stage in stages}
    found = []
    for suppose in study.account.supposes if study.account else ():
        gate, stage = study.gates[suppose.gate], study.stages[suppose.stage]
        candidates = study.entrants[gate.target].planned
        cells = len(stage.cells)
        skipped = _behind(study, gate.target)
        found.append(
            Supposition(
                gate=gate.name,
                stage=stage.name,
                candidates=candidates,
                cells=cells,
                device_s=candidates * cells * stage.budget.cap_s,
                branch_s=planned[stage.name].device_s.planned,
                kept_s=sum(one.device_s.planned for one in stages if one.name not in skipped),
            )
        )
    return tuple(found)


def _behind(study: Study, stage: str) -> set[str]:
    """Stages that can only be reached through *stage*."""
    behind: set[str] = set()
    for name in study.stages:
        if not {stage, *behind}.isdisjoint(study.waits_for(name)):
            behind.add(name)
    return behind
