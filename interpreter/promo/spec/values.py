"""
A resolved experiment: what a spec means once names, units and defaults are settled.

Everything is exact (integers, rationals, names) and in declaration order.  Durations and device time are whole
seconds.  `where` remembers the place of each clause for later diagnostics and never takes part in equality.
"""

from collections.abc import Mapping
from enum import Enum
from fractions import Fraction

from attrs import field, frozen

from promo.base.shown import Shown
from promo.spec.judgement import Gate, Rule
from promo.spec.places import Where

Level = Fraction | str
"""A factor's value: an exact number, or a word such as a window pattern."""


def _where() -> Where:
    return field(eq=False, repr=False)  # type: ignore[no-any-return]


@frozen(repr=False)
class Measure(Shown):
    """The metric that decides, its unit, and which way is better."""

    metric: str
    unit: str
    lower_is_better: bool


@frozen(repr=False)
class RunnerChoice(Shown):
    """The runner a study names; one kept in a *file* is known by the *digest* of everything it consists of."""

    name: str
    version: int
    digest: str | None = None
    file: str | None = None


@frozen(repr=False)
class Data(Shown):
    """The text that is trained on: its source, the share held out, and the windows that score a model."""

    name: str
    source: str
    pinned: str | None
    holdout: Fraction
    score_tokens: int
    window: int
    where: Where = _where()


@frozen(repr=False)
class Host(Shown):
    """A kind of machine and how many runs it takes at once; *price* is in dollars an hour and slot."""

    name: str
    device: str
    system: str
    slots: int
    threads: int
    price: Fraction | None
    executor: str
    documentation: str
    where: Where = _where()

    @property
    def is_cpu(self) -> bool:
        """Whether runs here train on the processor."""
        return self.device.lower() == "cpu"


@frozen(repr=False)
class Interval(Shown):
    """Every number from *low* to *high*, both included."""

    low: Fraction
    high: Fraction

    def __contains__(self, level: object) -> bool:
        return isinstance(level, Fraction) and self.low <= level <= self.high


@frozen(repr=False)
class Factor(Shown):
    """Something that may differ between runs, the values it may take, and the one it takes unless told."""

    name: str
    unit: str
    domain: Interval | tuple[Level, ...]
    default: Level
    documentation: str
    where: Where = _where()


class Role(Enum):
    """What a candidate is there for."""

    REFERENCE = "reference"
    COMPARATOR = "comparator"
    SENTINEL = "sentinel"
    PLAIN = "plain"


@frozen(repr=False)
class Effective(Shown):
    """
    What a condition really trains, as the runner resolves it.

    *settings* are sorted by name; *parameters* counts weights; *flops_per_token* counts forward and backward.
    """

    settings: tuple[tuple[str, int | str], ...]
    parameters: int
    flops_per_token: int
    fixed_bytes: int = 0
    """Memory of weights, gradients and optimizer; 0 where the runner declares none."""
    row_bytes: int = 0
    """Memory that each row at once adds while it trains."""


@frozen(repr=False)
class Candidate(Shown):
    """A condition under a name: one level for every factor, and what the runner makes of it."""

    name: str
    role: Role
    levels: tuple[tuple[str, Level], ...]
    effective: Effective
    origin: str
    """Where it was declared, in words: `candidate`, or `row 4 of screen`."""
    documentation: str
    where: Where = _where()


@frozen(repr=False)
class Design(Shown):
    """
    A two-level design; *rows* hold +1 (high) and -1 (low) for each factor.

    A design that follows a *parent* (fold-over, semifold, completion) has the further rows only; what is estimated is
    estimated from both.
    """

    name: str
    factors: tuple[str, ...]
    low: tuple[Level, ...]
    high: tuple[Level, ...]
    numbers: tuple[int, ...]
    """Number of each row in standard order; a constraint leaves gaps."""
    rows: tuple[tuple[int, ...], ...]
    centre: tuple[Level, ...] | None
    """Levels of the centre point, if there is one."""
    words: tuple[tuple[int, tuple[str, ...]], ...]
    """Defining relation: (sign, factors whose product is that sign in every row)."""
    generators: tuple[tuple[str, tuple[int, tuple[str, ...]]], ...]
    """Factor -> the signed product of others that its column is."""
    chosen: bool
    """The generators were chosen by promo, for minimum aberration."""
    clear: tuple[tuple[str, str], ...]
    """Interactions that must be clear."""
    kind: str
    """`fraction`, `full`, `foldover`, `semifold` or `completion`."""
    parent: str | None
    resolution: int | None
    """Of the rows, together with the parent's; None for a full factorial."""
    where: Where = _where()

    @property
    def points(self) -> Mapping[str, tuple[int, ...]]:
        """Candidate -> its row; the centre point has a zero for every factor."""
        found = {f"{self.name}_{number}": row for number, row in zip(self.numbers, self.rows, strict=True)}
        if self.centre is not None:
            found[f"{self.name}_centre"] = (0,) * len(self.factors)
        return found

    @property
    def full_regular(self) -> bool:
        """Whether the rows are a whole fraction or factorial, as laid out."""
        return self.kind in ("fraction", "full") and self.numbers == tuple(range(1, len(self.rows) + 1))


class BudgetKind(Enum):
    """What a stage pays its runs in."""

    WALL = "wall"
    CPU = "cpu"
    UPSTREAM = "upstream"
    """Wall-clock seconds that leave the first eleven steps free, as the autoresearch loop counts; for comparisons."""
    STEPS = "steps"
    TOKENS = "tokens"
    FLOPS = "flops"


@frozen(repr=False)
class Budget(Shown):
    """
    What one run may spend: *amount* in seconds (wall, cpu) or in steps, tokens or operations.

    *cap_s* bounds its training time in whole wall-clock seconds; a wall budget is its own cap.
    """

    kind: BudgetKind
    amount: int
    cap_s: int


class Mode(Enum):
    """Where the runs of a stage begin; one mode for a stage, so one for every gate that reads it."""

    FRESH = "fresh"
    """From nothing."""
    CONTINUE = "continue"
    """From the end of an earlier stage's runs; the rates rise again to where the whole budget puts them."""
    BRANCH = "branch"
    """From the constant-rate trunk of an earlier stage's runs, before it cooled down."""


@frozen(repr=False)
class Stage(Shown):
    """
    One rung of the ladder: which candidates train, for how long, in which cells.

    *candidates* is empty when the stage trains what the gate named by *after* promoted.  A stage that continues
    another one has its cells, and *budget* is what it adds.
    """

    name: str
    after: str | None
    candidates: tuple[str, ...]
    budget: Budget
    hosts: tuple[str, ...]
    seeds: tuple[int, ...]
    shared_seeds: bool
    report_only: bool
    expected_runs: int | None
    continues: str | None
    """The stage whose trained runs this one carries on; None for runs that start afresh."""
    documentation: str
    where: Where = _where()
    trunk: int | None = None
    """Amount of the whole budget at which the constant rate ends and the cool-down begins; None without a trunk."""
    cooldown: Fraction | None = None
    """Share of the whole budget that cools down."""

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


@frozen(repr=False)
class Suppose(Shown):
    """A continuation that is priced and never run: all that *gate* promotes go on to *stage*."""

    gate: str
    stage: str
    costs_s: int
    where: Where = _where()


@frozen(repr=False)
class Account(Shown):
    """What is counted, what is expected to come out, and which continuations are priced beside it."""

    count: tuple[str, ...]
    supposes: tuple[Suppose, ...]
    expected_s: int | None
    notes: tuple[str, ...]
    where: Where = _where()


@frozen(repr=False)
class Grow(Shown):
    """Ways to make a trained model larger, one of which is chosen after a short lag."""

    name: str
    parent: str
    stage: str
    factor: str
    old: Level
    new: Level
    strategies: tuple[str, ...]
    lowest: bool
    lag: Budget
    becomes: str
    where: Where = _where()


@frozen(repr=False)
class Schedule(Shown):
    """Shapes a model goes through while it trains, changed where the fitted laws fall equally fast."""

    name: str
    factor: str
    shapes: tuple[Level, ...]
    laws_from: tuple[str, ...]
    limit: int
    otherwise: str
    where: Where = _where()


@frozen(repr=False)
class Baseline(Shown):
    """Another way to choose from the same space, given as much device time as a stage has."""

    name: str
    space: str
    matched: str
    seed: int | None
    where: Where = _where()


@frozen(repr=False)
class Effects(Shown):
    """Effects that are estimated from the rows of designs, stage by stage, once those stages have closed."""

    name: str
    stages: tuple[str, ...]
    designs: tuple[str, ...]
    """Designs whose rows the stages train; their factors and levels agree."""
    pairs: bool
    """Interactions of two factors are in the model besides main effects."""
    block: tuple[str, ...]
    """What every run is compared within: host, seed, both (cells), or nothing."""
    family: str
    """`main`, `pairs` or `all`: the effects that share one false discovery rate, stage by stage."""
    rate: Fraction
    documentation: str
    where: Where = _where()


@frozen(repr=False)
class Entrants(Shown):
    """
    Who may enter a stage.

    *planned* is how many do when no run fails, *fewest* how many are sure to when runs fail and are dropped.
    """

    possible: tuple[str, ...]
    planned: int
    fewest: int
    sure: frozenset[str]
    """Candidates that reach the stage whatever the scores."""


@frozen(repr=False)
class Study(Shown):
    """The whole resolved experiment."""

    name: str
    title: str
    measure: Measure
    runner: RunnerChoice
    budget_s: int | None
    """Most device time the plan may need, in seconds."""
    data: Data | None
    hosts: Mapping[str, Host]
    factors: Mapping[str, Factor]
    designs: Mapping[str, Design]
    candidates: Mapping[str, Candidate]
    cohorts: Mapping[str, tuple[str, ...]]
    stages: Mapping[str, Stage]
    """In an order in which they can run: a stage stands after the gate it waits for."""
    gates: Mapping[str, Gate]
    rules: Mapping[str, Rule]
    account: Account | None
    grows: Mapping[str, Grow]
    schedules: Mapping[str, Schedule]
    baselines: Mapping[str, Baseline]
    effects: Mapping[str, Effects]
    noise: Fraction | None
    """Declared standard deviation of the metric between seeds."""
    entrants: Mapping[str, Entrants]
    """Stage -> who may enter it."""
    documentation: str
    where: Where = _where()

    def gates_from(self, stage: str) -> tuple[Gate, ...]:
        """Gates that read a stage, in declaration order."""
        return tuple(gate for gate in self.gates.values() if gate.source == stage)

    def rules_at(self, stage: str) -> tuple[Rule, ...]:
        """Rules that judge at a stage, in declaration order."""
        return tuple(rule for rule in self.rules.values() if rule.stage == stage)

    def carried_on(self, stage: str) -> tuple[Stage, ...]:
        """The stages whose runs a stage carries on, the last one first."""
        before = self.stages.get(self.stages[stage].continues or "")
        return () if before is None else (before, *self.carried_on(before.name))

    def earlier(self, stage: str) -> int:
        """What the runs of a stage have spent where they begin: a trunk, or a whole earlier run; 0 for fresh ones."""
        before = self.stages.get(self.stages[stage].continues or "")
        if before is None:
            return 0
        return self.whole(before.name) if before.trunk is None else before.trunk

    def whole(self, stage: str) -> int:
        """What the runs of a stage have spent at its end, with all that they carry on."""
        return self.earlier(stage) + self.stages[stage].budget.amount

    def reruns_at(self, stage: str) -> int:
        """How often a failed run of a stage may be repeated at most, for whatever reason."""
        return max(self.missing_reruns_at(stage), self.crash_reruns_at(stage), self.guard_reruns_at(stage))

    def missing_reruns_at(self, stage: str) -> int:
        """How often a run without a value is repeated: the most that a gate or rule on the stage allows."""
        return max((one.missing.reruns for one in self._readers(stage)), default=0)

    def crash_reruns_at(self, stage: str) -> int:
        """How often a run that failed by its own fault is repeated."""
        return max((one.on_crash.reruns for one in self._readers(stage)), default=0)

    def guard_reruns_at(self, stage: str) -> int:
        """How often a run that a guard set aside is repeated."""
        guards = (guard for gate in self.gates_from(stage) for guard in gate.guards)
        return max((guard.handling.reruns for guard in guards), default=0)

    def _readers(self, stage: str) -> tuple[Gate | Rule, ...]:
        return (*self.gates_from(stage), *self.rules_at(stage))

    @property
    def device_unit(self) -> str:
        """What an hour of these hosts is called."""
        kinds = {host.is_cpu for host in self.hosts.values()}
        return {frozenset({True}): "CPU-hours", frozenset({False}): "GPU-hours"}.get(frozenset(kinds), "device-hours")
