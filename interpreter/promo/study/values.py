"""
A resolved experiment: what a spec means once names, units and defaults are settled.

Everything is exact (integers, rationals, names) and in declaration order.  Durations and time of slots are
whole seconds.  `where` remembers the place of each clause for later diagnostics and never takes part in equality.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from fractions import Fraction
from typing import Annotated, assert_never

from promo.base.classes import evolve, frozen
from promo.base.fields import Large, Remark, Silent, Unstored
from promo.study.account import Account
from promo.study.data import Curves, Data
from promo.study.families import Procedure, Rest
from promo.study.given import Level, Several
from promo.study.host import Host
from promo.study.judgement import Chooser, Deciding, Gate, Reduction, Rule, Step
from promo.study.laws import Forecast, Law, Schedule
from promo.study.limits import ATTEMPTS, TIMED, Allowance, Budget, BudgetKind
from promo.study.looks import MOST_LOOKS, Looks, Turn
from promo.study.money import Money
from promo.study.places import Where, place
from promo.study.rivals import Baseline
from promo.study.space import Array, Comparing, Design, Factor, Neighbourhood

__all__ = ["TIMED", "Budget", "BudgetKind"]


@frozen
class Measure:
    """The metric that decides, its unit, and which way is better."""

    metric: str
    unit: str
    lower_is_better: bool

    @property
    def sign(self) -> int:
        """1 where lower is better, else -1: of values times it, the smaller is the better."""
        return 1 if self.lower_is_better else -1


@frozen
class RunnerChoice:
    """The runner a study names; one kept in a *file* is known by the *digest* of everything it consists of."""

    name: str
    version: int
    digest: str | None = None
    file: Annotated[str | None, Unstored(None)] = None


class Role(Enum):
    """What a candidate is there for."""

    REFERENCE = "reference"
    COMPARATOR = "comparator"
    SENTINEL = "sentinel"
    CONTROL = "control"
    """As large as another, so that its size and its recipe can be told apart."""
    PLAIN = "plain"


HISTORY = "grown"
"""The setting of a grown model that no runner resolves: where it comes from."""


@frozen
class Effective:
    """
    What a condition really trains, as the runner resolves it.

    *settings* are sorted by name; *parameters* counts weights; *flops_per_token* counts forward and backward.
    """

    settings: tuple[tuple[str, int | str], ...]
    parameters: Large
    flops_per_token: Large
    fixed_bytes: int = 0
    """Memory of weights, gradients and optimizer; 0 where the runner declares none."""
    row_bytes: int = 0
    """Memory that each row at once adds while it trains."""

    @property
    def trained(self) -> dict[str, int | str]:
        """What a trainer is asked for: what the runner resolved, without where a grown model comes from."""
        return {name: value for name, value in self.settings if name != HISTORY}


@frozen
class Candidate:
    """A condition under a name: one level for every factor, and what the runner makes of it."""

    name: str
    role: Role
    levels: tuple[tuple[str, Level], ...]
    effective: Effective
    origin: Remark
    """Where it was declared, in words: `candidate`, or `row 4 of screen`."""
    follows: str | None
    """The schedule by which its shape changes while it trains; None for one that keeps its shape."""
    control_of: str | None
    """The candidate whose size a control has."""
    documentation: Remark
    where: Where = place()


class Mode(Enum):
    """Where the runs of a stage begin; one mode for a stage, so one for every gate that reads it."""

    FRESH = "fresh"
    """From nothing."""
    CONTINUE = "continue"
    """From the end of an earlier stage's runs; the rates rise again to where the whole budget puts them."""
    BRANCH = "branch"
    """From the constant-rate trunk of an earlier stage's runs, before it cooled down."""


@frozen
class Stage:
    """
    One rung of the ladder: which candidates train, for how long, in which cells.

    Behind a gate, *after*, those that it promotes enter if *promoted*, and the neighbours of those; *candidates* enter
    in any case.  A stage that continues another one has its cells, and *budget* is what it adds.
    """

    name: str
    after: str | None
    promoted: bool
    candidates: tuple[str, ...]
    beside: str | None
    """The stage whose cost a baseline's stage has; it begins once that one has ended."""
    around: str | None
    """Neighbourhood of the gate *after* whose conditions enter."""
    budget: Budget
    hosts: tuple[str, ...]
    seeds: tuple[int, ...]
    shared_seeds: bool
    report_only: bool
    expected_runs: int | None
    continues: str | None
    """The stage whose trained runs this one carries on; None for runs that start afresh."""
    documentation: Remark
    where: Where = place()
    trunk: Large | None = None
    """Amount of the whole budget at which the constant rate ends and the cool-down begins; None without a trunk."""
    cooldown: Fraction | None = None
    """Share of the whole budget that cools down."""
    grown_at: tuple[str, ...] = ()
    """Stages that must have ended because what they trained grows here: a parent's, or those where ways to grow are
    tried."""
    devices: Annotated[Several | None, Silent(None)] = None
    """Devices that its runs have on each of their nodes; None for as many as their host gives."""
    rests_on: tuple[str, ...] = ()
    """Stages that must have ended because laws are fitted to them that foretell this one, or change shapes in it."""

    @property
    def mode(self) -> Mode:
        """Where its runs begin."""
        if self.continues is None:
            return Mode.FRESH
        return Mode.CONTINUE if self.trunk is None else Mode.BRANCH

    @property
    def cells(self) -> tuple[tuple[str, int], ...]:
        """Every (host, seed) a candidate runs in, seeds outermost."""
        return tuple((host, seed) for seed in self.seeds for host in self.hosts)


def earlier(stages: Mapping[str, Stage], stage: Stage) -> int:
    """What the runs of one of some stages have spent where they begin, in the unit of its budget; see `Study`."""
    before = stages.get(stage.continues or "")
    if before is None:
        return 0
    return whole(stages, before) if before.trunk is None else before.trunk


def whole(stages: Mapping[str, Stage], stage: Stage) -> int:
    """What the runs of one of some stages have spent at its end, in the unit of its budget; see `Study`."""
    return earlier(stages, stage) + stage.budget.amount


@frozen
class Grow:
    """
    Ways to make a trained model larger, one of which is chosen after a short lag.

    The ways are candidates of a stage of the growth's own name, in the cells of the parent's stage; a gate of that name
    chooses one of them, and what it becomes begins in each cell from that way's state there.  A way that another stage
    trains, too, begins there from its own state, chosen or not.

    With *looks* the lag is a stage for each look, each carrying the one before on, and the last has the growth's name.
    A gate behind a look lets all ways on, or the best alone once the order has been the same for long enough; that one
    is trained to the end of the lag.
    """

    name: str
    parent: str
    stage: str
    stack: tuple[Turn, ...]
    """The first is the factor that the ways are of."""
    strategies: tuple[str, ...]
    lowest: bool
    lag: Budget
    """The whole lag; with looks its cap is that of one look."""
    looks: Looks | None
    becomes: str
    where: Where = place()

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages of its lag, in order; the last has its own name."""
        early = range(self.looks.every, self.lag.amount, self.looks.every)[:MOST_LOOKS] if self.looks else ()
        return (*(f"{self.name}_at_{steps}" for steps in early), self.name)

    @property
    def ways(self) -> Mapping[str, str]:
        """Candidate -> the way to grow that it tries."""
        return {f"{self.name}_{way}": way for way in self.strategies}

    @property
    def grown(self) -> tuple[str, ...]:
        """Candidates that begin from what grew: the one that it becomes, and its ways."""
        return (self.becomes, *self.ways)


@frozen
class Effects:
    """Effects that are estimated from the rows of designs, stage by stage, once those stages have closed."""

    name: str
    stages: tuple[str, ...]
    designs: tuple[str, ...]
    """Designs, or arrays, whose rows the stages train; their factors and levels agree."""
    pairs: bool
    """Interactions of two factors are in the model besides main effects."""
    terms: tuple[tuple[str, ...], ...]
    """Interactions that the model names one by one; each in the order of the factors."""
    block: tuple[str, ...]
    """What every run is compared within: host, seed, both (cells), or nothing; with `stage`, all stages are estimated
    together, each of them a block."""
    family: str
    """`main`, `pairs` or `all`: the effects that share one rate, stage by stage."""
    rate: Fraction
    documentation: Remark
    where: Where = place()
    procedure: Annotated[Procedure, Silent(Procedure.BENJAMINI_HOCHBERG)] = Procedure.BENJAMINI_HOCHBERG
    contrasts: Annotated[tuple[Comparing, ...], Silent(())] = ()
    """What the effects of each factor of more than two levels are, in the order of the factors."""
    rest: Annotated[Rest, Silent(Rest.USUAL)] = Rest.USUAL

    @property
    def pooled(self) -> bool:
        """Whether all stages are estimated together."""
        return "stage" in self.block


@frozen
class Entrants:
    """
    Who may enter a stage.

    *planned* is the most that do by the rules alone; a person who is asked may let on more, *most* at most.
    """

    possible: tuple[str, ...]
    planned: int
    most: int
    sure: frozenset[str]
    """Candidates that enter the stage whenever it is reached, whatever the scores."""


@frozen
class Draw:
    """Seeds that nobody knew when the study was frozen: drawn from what was frozen and a value from after it."""

    published: str | None
    """Where the value is published, in words; None: it is the first receipt that was recorded."""


@frozen
class Study:
    """The whole resolved experiment."""

    name: str
    title: str
    measure: Measure
    runner: RunnerChoice
    budget_s: int | None
    """The largest budget that the stages may ask for, in seconds of devices."""
    money: Annotated[Money | None, Silent(None)]
    """The most that its attempts may cost."""
    data: Data | None
    hosts: Mapping[str, Host]
    factors: Mapping[str, Factor]
    designs: Mapping[str, Design]
    arrays: Mapping[str, Array]
    neighbourhoods: Mapping[str, Neighbourhood]
    candidates: Mapping[str, Candidate]
    cohorts: Mapping[str, tuple[str, ...]]
    stages: Mapping[str, Stage]
    """In an order in which they can run: a stage stands after the gate it waits for."""
    gates: Mapping[str, Gate]
    rules: Mapping[str, Rule]
    reductions: Mapping[str, Reduction]
    account: Account | None
    curves: Curves | None
    grows: Mapping[str, Grow]
    schedules: Mapping[str, Schedule]
    baselines: Mapping[str, Baseline]
    steps: Mapping[str, Step]
    """Choices of greedy walks, by the stage that follows."""
    laws: Mapping[str, Law]
    forecasts: Mapping[str, Forecast]
    effects: Mapping[str, Effects]
    noise: Fraction | None
    """Declared standard deviation of the metric between seeds."""
    anchor: bool
    """Whether somebody outside has to vouch for what was frozen before anything runs."""
    draw: Draw | None
    """What the seeds of runs are drawn from; None: the numbers of the spec are the seeds."""
    order_seed: int | None
    """Of the order of runs inside each block; None: the order of their identities."""
    entrants: Mapping[str, Entrants]
    """Stage -> who may enter it."""
    documentation: Remark
    where: Where = place()
    attempts: int = ATTEMPTS
    """How often a run is tried in all, over every start of promo."""

    @property
    def currency(self) -> str:
        """The currency that it counts in; empty where nothing has a price."""
        prices = (host.price.currency for host in self.hosts.values() if host.price is not None)
        return self.money.currency if self.money is not None else next(prices, "")

    def devices(self, stage: str, host: str) -> int:
        """Devices that a run of a stage has on each of its nodes: as many as its stage says, or else its host."""
        said = self.stages[stage].devices if stage in self.stages else None
        return self.hosts[host].devices if said is None else said

    def width(self, stage: str, host: str) -> int:
        """Devices of a run on all its nodes; 1 where a forged ledger names a host that is not there."""
        return self.devices(stage, host) * self.hosts[host].nodes if host in self.hosts else 1

    def gates_from(self, stage: str) -> tuple[Gate, ...]:
        """Gates that read a stage, in declaration order."""
        return tuple(gate for gate in self.gates.values() if gate.source == stage)

    @property
    def deciding(self) -> Mapping[str, Deciding]:
        """Gates, rules and reductions by name, in this order."""
        return {**self.gates, **self.rules, **self.reductions}

    def with_rule(self, rule: Deciding) -> "Study":
        """The study with the gate, rule or reduction of that name in another wording."""
        match rule:
            case Gate():
                return evolve(self, gates={**self.gates, rule.name: rule})
            case Rule():
                return evolve(self, rules={**self.rules, rule.name: rule})
            case Reduction():
                return evolve(self, reductions={**self.reductions, rule.name: rule})
            case _:
                assert_never(rule)

    def chooser(self, stage: str) -> Chooser | None:
        """The gate, reduction or step that says who enters a stage, if one does."""
        after = self.stages[stage].after or ""
        return self.gates.get(after) or self.reductions.get(after) or self.steps.get(after)

    def entering(self, stage: str, promoted: Iterable[str]) -> tuple[str, ...]:
        """Who enters a stage once its gate or reduction has promoted somebody, sorted."""
        said, through = self.stages[stage], tuple(promoted)
        near = self.neighbourhoods[said.around].of_any(through) if said.around else ()
        return tuple(sorted({*said.candidates, *(through if said.promoted else ()), *near}))

    @property
    def beyond_gates(self) -> tuple[str, ...]:
        """What chooses otherwise than by a ranking: reductions, neighbourhoods of the promoted, baselines."""
        near = (name for name, one in self.neighbourhoods.items() if one.gate)
        return (*self.reductions, *near, *self.baselines)

    def waits_for(self, stage: str) -> tuple[str, ...]:
        """Stages that must have ended before another one begins."""
        chooser, said = self.chooser(stage), self.stages[stage]
        others = (one for one in (said.continues, said.beside) if one)
        return (*(chooser.needs if chooser else ()), *others, *said.grown_at, *said.rests_on)

    def awaited(self, stage: str) -> tuple[str, ...]:
        """Forecasts and schedules that are settled before a stage opens: what laws say of it is put down first."""
        foretold = (name for name, one in self.forecasts.items() if one.stage == stage)
        followed = {self.candidates[name].follows for name in self.stages[stage].candidates}
        return (*foretold, *(name for name in self.schedules if name in followed))

    @property
    def told_by(self) -> Mapping[str, Law]:
        """Forecast or schedule -> the law that it rests on."""
        asked: dict[str, Forecast | Schedule] = {**self.forecasts, **self.schedules}
        return {name: self.laws[one.law] for name, one in asked.items()}

    def read_by(self, name: str) -> tuple[str, ...]:
        """Stages that something reads that decides: a gate, rule, reduction, step, forecast or schedule."""
        if name in self.told_by:
            return self.told_by[name].stages
        return self.steps[name].sources if name in self.steps else self.deciding[name].sources

    def followers(self, schedule: str) -> tuple[str, ...]:
        """Candidates whose shape changes by a schedule."""
        return tuple(name for name, one in self.candidates.items() if one.follows == schedule)

    def size_of(self, candidate: str) -> int:
        """Parameters of a candidate; of one that follows a schedule those of the last shape that it may come to."""
        schedule = self.schedules.get(self.candidates[candidate].follows or "")
        return self.candidates[candidate if schedule is None else schedule.shapes[-1]].effective.parameters

    def growth_at(self, stage: str) -> Grow | None:
        """The growth whose ways a stage tries, if it does; such a stage and its gate have the same name."""
        return next((grow for grow in self.grows.values() if stage in grow.stages), None)

    def growth_of(self, candidate: str) -> Grow | None:
        """The growth that a candidate comes from, if it does."""
        return next((grow for grow in self.grows.values() if candidate in grow.grown), None)

    def carried_on(self, stage: str) -> tuple[Stage, ...]:
        """The stages whose runs a stage carries on, the last one first."""
        before = self.stages.get(self.stages[stage].continues or "")
        return () if before is None else (before, *self.carried_on(before.name))

    def earlier(self, stage: str) -> int:
        """What the runs of a stage have spent where they begin: a trunk, or a whole earlier run; 0 for fresh ones."""
        return earlier(self.stages, self.stages[stage])

    def whole(self, stage: str) -> int:
        """What the runs of a stage have spent at its end, with all that they carry on."""
        return whole(self.stages, self.stages[stage])

    def allowance_at(self, stage: str) -> Allowance:
        """How often a run of a stage may be tried: for each reason, the most that a gate or rule on it allows."""
        readers = [one for one in self.deciding.values() if stage in one.sources]
        guards = [guard for gate in self.gates_from(stage) for guard in gate.guards]
        return Allowance(
            missing=max((one.missing.reruns for one in readers), default=0),
            crash=max((one.on_crash.reruns for one in readers), default=0),
            guard=max((guard.handling.reruns for guard in guards), default=0),
            attempts=self.attempts,
        )

    @property
    def on_gpus(self) -> bool:
        """Whether each slot is a GPU, so that its time counts in GPU-hours; one of a processor is a share of it."""
        return not any(host.is_cpu for host in self.hosts.values())
