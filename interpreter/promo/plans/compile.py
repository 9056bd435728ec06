"""
Study to plan: list every run that may happen, order the runs, price them.

How many a gate keeps at most is known before anything is trained even though the names are not: a later stage lists the
runs of everyone who may be promoted, and its budget is that of as many as the rules can promote.
"""

from collections.abc import Mapping
from operator import attrgetter

from promo.base.canonical import Json, canonical, digest, digest_bytes, exact_sum, sha256_for
from promo.base.classes import define, field, frozen
from promo.base.codec import to_json, value_digest
from promo.plans.bounds import certain_stages
from promo.plans.occupancy import Occupancy, occupancies
from promo.plans.sharing import MOST, PLANNED, Sharing, budget_of, continued_s
from promo.plans.values import Bill, Bounds, HostBill, Plan, PlannedRun, StagePlan, Supposition
from promo.study.closure import closure
from promo.study.lock import frozen_rules
from promo.study.meaning import meaning, order_of
from promo.study.money import of_devices
from promo.study.values import Stage, Study

RUN_TAG = "promo-run-2"
ID_LENGTH = 16
BYTES_HASHED = 300
"""About so many for the identity of a run."""


def compile_plan(study: Study) -> Plan:
    """
    Compile a study.

    Returns:
        The plan; equal studies give equal plans, byte for byte.
    """
    ladder = _Ladder(study, _Identities(study), certain_stages(study), occupancies(study, 0), Sharing(study))
    stages = tuple(ladder.stage(stage) for stage in study.stages.values())
    return Plan(
        study=meaning(study),
        order=order_of(study),
        seals={rule.name: value_digest(closure(study, rule)) for rule in frozen_rules(study)},
        stages=stages,
        run_count=Bounds(len(ladder.begun), ladder.runs, ladder.attempts),
        budget_s=sum(stage.added_s for stage in stages),
        bound_s=sum(sum(stage.bound_s_by_host.values()) for stage in stages),
        wall_s=max(stage.ends_s for stage in stages),
        money=_bill(study, stages),
        suppositions=_suppositions(study, stages),
    )


class _Identities:
    """Run identities; what many runs share is hashed once."""

    def __init__(self, study: Study) -> None:
        self.study = study
        data = None if study.data is None else to_json(study.data)
        common = digest({"runner": to_json(study.runner), "data": data})
        self.models = {
            name: f"{RUN_TAG}\n{digest(dict(candidate.effective.settings))}{common}\n".encode()
            for name, candidate in study.candidates.items()
        }
        self.machines = {name: value_digest(host.machine) for name, host in study.hosts.items()}
        self.alike = all(stage.devices is None for stage in study.stages.values())
        """Whether what a run begins from is told alike for all hosts, since each gives all of its runs as much."""
        self.known: dict[str, _Heads] = {}

    def heads(self, host: str) -> "_Heads":
        """What identities of runs on a host begin with: who they are, and what they grew from and are led by."""
        key = "" if self.alike else host
        if key not in self.known:
            self.known[key] = self._heads(host)
        return self.known[key]

    def _heads(self, host: str) -> "_Heads":
        study, heads, tried = self.study, dict(self.models), dict[str, bytes]()
        for grow in study.grows.values():
            before = self.spent(study.stages[grow.stage], host)
            said: Json = {"grow": to_json(grow), "before": before, "parent": _identity(heads[grow.parent])}
            line = f"{digest(said)}\n".encode()
            heads[grow.becomes] += line
            for name in grow.ways:
                tried[name] = heads[name] + line
                heads[name] += line + line  # it begins from what it left itself
        for schedule in study.schedules.values():
            shapes: Json = [_identity(heads[name]) for name in schedule.shapes]
            law = study.laws[schedule.law]
            points: Json = [self._point(study.stages[name]) for name in law.stages]
            line = f"{digest([to_json(schedule), to_json(law), shapes, points])}\n".encode()
            for name in study.followers(schedule.name):
                heads[name] += line
        return _Heads(heads, tried)

    def _point(self, stage: Stage) -> Json:
        """What a law reads at a stage: what runs there have spent, and on which hosts."""
        return [*dict.fromkeys(self.spent(stage, host) for host in stage.hosts), *stage.hosts]

    def runs(self, stage: Stage, host: str, seed: int, spent: str) -> list[PlannedRun]:
        """The runs of all who may enter a stage, in one of its cells; *spent* is what they have by their end there."""
        tail = "\n".join((spent, host, self.machines[host], str(seed))).encode()
        known, tries = self.heads(host), self.study.growth_at(stage.name) is not None
        heads = known.tried if tries else known.heads
        name, possible = stage.name, self.study.entrants[stage.name].possible
        sha256 = sha256_for(len(possible) * BYTES_HASHED)  # `_identity`, without its call for every run
        return [
            PlannedRun(sha256(heads[candidate] + tail).hexdigest()[:ID_LENGTH], name, candidate, host, seed)
            for candidate in possible
        ]

    def spent(self, stage: Stage, host: str) -> str:
        """
        A run's budget behind those of the runs that it carries on, each with its trunk, as canonical text.

        Where a stage gives its runs other devices than the host does, they stand beside its budget.
        """
        parts = (*reversed(self.study.carried_on(stage.name)), stage)
        given = self.study.hosts[host].devices
        budgets = list[Json]()
        for one in parts:
            devices = self.study.devices(one.name, host)
            trunk = None if one.trunk is None else str(one.trunk)
            budgets.append([to_json(one.budget), trunk, *([] if devices == given else [devices])])
        return canonical(budgets).decode()


@frozen
class _Heads:
    """Candidate -> what identities of its runs begin with."""

    heads: Mapping[str, bytes]
    tried: Mapping[str, bytes]
    """For ways to grow, in the stage where they are tried."""


def _identity(content: bytes) -> str:
    return digest_bytes(content)[:ID_LENGTH]


@define
class _Ladder:
    """What stages share, from the first to the last."""

    study: Study
    identities: "_Identities"
    certain: frozenset[str]
    free: Mapping[str, Occupancy[int]]
    """Host -> when its slots and devices are free."""
    sharing: Sharing
    allowed: dict[str, int] = field(factory=dict)
    """Stage -> the largest number of attempts of each of its runs."""
    ends: dict[str, int] = field(factory=dict)
    begun: set[str] = field(factory=set)
    """Runs that begin in any case; one that several stages have in common begins once."""
    runs: int = 0
    """Planned runs of all stages so far, each once."""
    attempts: int = 0
    """The largest number of attempts of them."""

    def stage(self, stage: Stage) -> StagePlan:
        """The next stage."""
        there, allowance = self.study.entrants[stage.name], self.study.allowance_at(stage.name)
        self.allowed[stage.name] = allowance.most
        runs = _in_order(self.study, stage, self.identities)
        sure = there.sure if stage.name in self.certain else frozenset()
        begun = {run.id for run in runs if run.candidate in sure} - self.begun if sure else set()
        self.begun |= begun
        cells, cap_s = len(stage.hosts) * len(stage.seeds), stage.budget.cap_s
        planned, most = there.planned * cells, there.most * cells * allowance.most
        wide = {host: self.study.width(stage.name, host) for host in stage.hosts}
        widths = sum(wide.values()) * len(stage.seeds)
        added, tried = self._added(stage, runs)
        ready = max((self.ends[before] for before in self.study.waits_for(stage.name)), default=0)
        for host in stage.hosts:
            self.free[host].add(added[host], self.study.devices(stage.name, host), cap_s, ready)
        self.ends[stage.name] = max(ready, *(self.free[host].until for host in stage.hosts))
        return StagePlan(
            name=stage.name,
            after=stage.after,
            continues=stage.continues,
            budget=stage.budget,
            hosts=stage.hosts,
            seeds=stage.seeds,
            allowance=allowance,
            report_only=stage.report_only,
            entrants=Bounds(len(sure), there.planned, there.most),
            runs=runs,
            run_count=Bounds(len(begun), planned, most),
            budget_s=there.planned * widths * cap_s,
            bound_s=there.most * allowance.most * widths * stage.budget.longest_s,
            added_s_by_host={host: many * wide[host] * cap_s for host, many in added.items()},
            bound_s_by_host={host: many * wide[host] * stage.budget.longest_s for host, many in tried.items()},
            starts_s=ready,
            ends_s=self.ends[stage.name],
            shared=planned - sum(added.values()),
        )

    def _added(self, stage: Stage, runs: tuple[PlannedRun, ...]) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Host -> planned runs that no earlier stage asks for, and the attempts that none allows; counts both."""
        self.sharing.add(stage.name, [run.id for run in runs])
        added = self.sharing.counted(stage, runs, PLANNED, lambda _: 1)
        tried = self.sharing.counted(stage, runs, MOST, self.allowed.__getitem__)
        self.runs += sum(added.values())
        self.attempts += sum(tried.values())
        return added, tried


def _in_order(study: Study, stage: Stage, identities: _Identities) -> tuple[PlannedRun, ...]:
    """
    Seeds are blocks; inside a block candidates and hosts come in the order of their identities.

    An identity is a hash, so the order is as good as drawn, is the same for everyone, and follows neither the text
    nor the size of the models.  With a seed, it is that of the hashes of seed and identity.
    """
    salt = None if study.order_seed is None else str(study.order_seed)
    place = attrgetter("id") if salt is None else (lambda run: digest([salt, run.id]))
    ordered: list[PlannedRun] = []
    spent = {host: identities.spent(stage, host) for host in stage.hosts}
    for seed in stage.seeds:
        block = [run for host in stage.hosts for run in identities.runs(stage, host, seed, spent[host])]
        ordered.extend(sorted(block, key=place))
    return tuple(ordered)


def _bill(study: Study, stages: tuple[StagePlan, ...]) -> Bill | None:
    """What budget and bound cost, host by host."""
    found = dict[str, HostBill]()
    for name, host in study.hosts.items():
        price = host.price
        if price is not None:
            budget_s = sum(stage.added_s_by_host.get(name, 0) for stage in stages)
            bound_s = sum(stage.bound_s_by_host.get(name, 0) for stage in stages)
            full = of_devices(budget_s, price.hour), of_devices(bound_s, price.hour)
            spot = price.spot
            less = (None, None, None) if spot is None else (spot.hour, of_devices(budget_s, spot.hour), spot.until)
            found[name] = HostBill(price.hour, *full, *less)
    if not found:
        return None
    every = found.values()
    totals = exact_sum(one.budget for one in every), exact_sum(one.bound for one in every)
    return Bill(study.currency, found, *totals)


def _suppositions(study: Study, stages: tuple[StagePlan, ...]) -> tuple[Supposition, ...]:
    planned = {stage.name: stage for stage in stages}
    found = []
    for suppose in study.account.supposes if study.account else ():
        gate, stage = study.gates[suppose.gate], study.stages[suppose.stage]
        candidates = study.entrants[gate.target].planned
        cells = len(stage.cells)
        widths = sum(study.width(stage.name, host) for host in stage.hosts) * len(stage.seeds)
        skipped = {stage.name, *_behind(study, gate.target)}
        kept, costs_s = [one for one in stages if one.name not in skipped], candidates * widths * stage.budget.cap_s
        found.append(
            Supposition(
                gate=gate.name,
                stage=stage.name,
                candidates=candidates,
                cells=cells,
                costs_s=costs_s,
                branch_s=planned[stage.name].budget_s,
                kept_s=budget_of(study, kept),
                shared_s=costs_s - continued_s(study, kept, planned[stage.name], candidates),
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
