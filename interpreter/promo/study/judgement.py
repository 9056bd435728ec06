"""
Gates and rules as values: what is asked of candidates, and what follows from the answer.

A condition is a closed union; every pass that meets one handles all of its kinds.  Bounds are exact rationals in the
measure's unit unless a kind says otherwise.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from fractions import Fraction
from typing import Annotated, ClassVar

from promo.base.classes import frozen
from promo.base.fields import Remark, Unstored
from promo.study.places import Where, place


class Statistic(Enum):
    """How the values of a candidate's cells become one number."""

    MEAN = "mean"
    MEDIAN = "median"
    WORST = "worst"
    EVERY = "every"


class Then(Enum):
    """What happens to a candidate, or to the study."""

    DROP = "drop"
    STOP = "stop"
    SKIP = "skip"
    WORST = "worst"
    HOLD = "hold"


class TieBreak(Enum):
    """What orders candidates whose statistic is equal."""

    NAME = "name"
    ORDER = "order"
    PARAMETERS = "parameters"


@frozen
class Handling:
    """How often a run is repeated, and what then follows."""

    reruns: int
    then: Then


class Side(Enum):
    """`gap`: how much worse than the reference; `gain`: how much better."""

    GAP = "gap"
    GAIN = "gain"


class BoundKind(Enum):
    """How a number is held against its bound; `within` looks at both sides."""

    WITHIN = "within"
    AT_MOST = "at most"
    AT_LEAST = "at least"


@frozen
class Bound:
    """A limit."""

    kind: BoundKind
    value: Fraction


class Method(Enum):
    """How confidence about a difference over cells is reached."""

    T = "t"
    """Student's t on paired differences."""
    SIGN_FLIP = "sign_flip"
    """Exact: every assignment of signs to the paired differences is as likely."""
    WILCOXON = "wilcoxon"
    """Exact signed ranks."""
    SIGMA = "sigma"
    """The standard deviation of a single run is known and declared."""


@frozen
class Test:
    """A one-sided demand for confidence; *confidence* lies between 1/2 and 1."""

    confidence: Fraction
    method: Method
    sigma: Fraction | None = None


@frozen
class Top:
    """Among the best *count*; per host: among the best on at least one host."""

    TAG: ClassVar = "top"

    count: int
    per_host: bool = False


@frozen
class Best:
    """Among the best share of those who compete for a place, rounded up."""

    TAG: ClassVar = "best"

    share: Fraction
    per_host: bool = False


@frozen
class Level:
    """A statistic of the metric itself against a bound."""

    TAG: ClassVar = "level"

    statistic: Statistic
    bound: Bound


@frozen
class Difference:
    """
    How much worse or better than a reference, paired by cell.

    *reference* is a candidate or `LEADER`; None stands for the one a rule names.
    """

    TAG: ClassVar = "difference"

    statistic: Statistic
    side: Side
    reference: str | None
    bound: Bound
    test: Test | None = None


@frozen
class Equivalent:
    """Two one-sided tests: the mean difference lies inside the margin with confidence."""

    TAG: ClassVar = "equivalent"

    reference: str | None
    margin: Fraction
    test: Test


@frozen
class Agreement:
    """Kendall's tau-b between the rankings of each two hosts, or stages, against a plain number."""

    TAG: ClassVar = "agreement"

    between: tuple[str, ...]
    of_hosts: bool
    bound: Bound


@frozen
class First:
    """Alone in front in every cell."""

    TAG: ClassVar = "first"


@frozen
class Projected:
    """
    The whole interval of what a law foretells of the candidate at another stage, against a bound.

    It cannot be told where the bound lies inside the interval, or where no law is identified.
    *stages* are those that the law is fitted to.
    """

    TAG: ClassVar = "projected"

    law: str
    stages: tuple[str, ...]
    stage: str
    bound: Bound


@frozen
class Isnt:
    """The opposite."""

    TAG: ClassVar = "not"

    condition: "Condition"


@frozen
class Both:
    """All of them."""

    TAG: ClassVar = "and"

    conditions: tuple["Condition", ...]


@frozen
class Either:
    """At least one of them."""

    TAG: ClassVar = "or"

    conditions: tuple["Condition", ...]


Simple = Top | Best | Level | Difference | Equivalent | Agreement | First | Projected
"""A condition that has no other inside."""
Condition = Simple | Isnt | Both | Either


def primitives(condition: Condition) -> Iterator[Simple]:
    """The conditions that a condition is made of, in order, without not, and, or."""
    match condition:
        case Isnt():
            yield from primitives(condition.condition)
        case Both() | Either():
            for part in condition.conditions:
                yield from primitives(part)
        case _:
            yield condition


@frozen
class Demand:
    """Something that must be so before a gate may decide, and what else is done if it is not."""

    condition: Condition
    otherwise: Condition | Then


class Watched(Enum):
    """What of a run a guard looks at."""

    THROUGHPUT = "throughput"
    CONTENTION = "contention"
    SECONDS = "seconds"


class Against(Enum):
    """Whose median a guard's share is of; always at one stage and on one host."""

    HOST = "host"
    """All runs there: works where a candidate has one run, but flags candidates that are slow by right."""
    CANDIDATE = "candidate"
    """The same candidate's runs there: leaves out what a candidate costs, and is blind where it has one run."""


@frozen
class Guard:
    """
    A run that its machine did not serve well is set aside before the gate.

    *phase* is the phase whose seconds are watched.  A bound that is against something is a share of that median; None
    holds the value against the bound itself.
    """

    watched: Watched
    phase: str
    bound: Bound
    against: Against | None
    handling: Handling


@frozen
class Sample:
    """*count* of the dropped go on all the same, drawn with *seed*, so that wrong drops can be estimated."""

    count: int
    seed: int


@frozen
class Gate:
    """A promotion rule between two stages."""

    TAG: ClassVar = "gate"

    name: str
    frozen: bool
    seal: Annotated[str | None, Unstored(None)]
    source: str
    target: str
    statistic: Statistic
    metric: str
    keep: Condition
    allowance: Fraction
    """Widens every margin of this gate, for penalties that a longer budget relaxes."""
    always: tuple[str, ...]
    demands: tuple[Demand, ...]
    guards: tuple[Guard, ...]
    sample: Sample | None
    missing: Handling
    crash: Handling | None
    """What a run that failed by its own fault leads to; None: as missing."""
    ties: tuple[TieBreak, ...]
    documentation: Remark
    where: Where = place()

    @property
    def on_crash(self) -> Handling:
        """How a crash is handled."""
        return self.crash or self.missing

    @property
    def sources(self) -> tuple[str, ...]:
        """Stages that it reads."""
        return (self.source,)

    @property
    def ways(self) -> tuple["Condition", ...]:
        """What it may keep by: its own condition, and those of demands that are not met."""
        instead = (one.otherwise for one in self.demands if not isinstance(one.otherwise, Then))
        return (self.keep, *instead)

    @property
    def asked(self) -> tuple["Condition", ...]:
        """Every condition that it may ask for."""
        return (*self.ways, *(one.condition for one in self.demands))

    @property
    def needs(self) -> tuple[str, ...]:
        """Stages that must have ended before it decides."""
        return self.sources


@frozen
class Promoted:
    """Everyone at a rule's stage whom its gate let through; not the reference, and not whom the stage names itself."""

    TAG: ClassVar = "promoted"


@frozen
class BestOf:
    """Who has the best mean over the cells of a stage, the reference aside; of equals the first by name."""

    TAG: ClassVar = "best of"

    stage: str


Judged = str | Promoted | BestOf
"""Whom a rule is about: a candidate by name, or those that are known only from results."""


class Answer(Enum):
    """What a rule found."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"


@frozen
class Rule:
    """A claim about a candidate at one stage, or about each of several, on its own or against another."""

    TAG: ClassVar = "rule"

    name: str
    frozen: bool
    seal: Annotated[str | None, Unstored(None)]
    judged: Judged
    reference: str | None
    stage: str
    require: Condition
    missing: Handling
    crash: Handling | None
    absent: Then | None
    """What follows when a gate did not promote one of the two to the stage; None: as *missing* says."""
    otherwise: Then | None
    """What follows when the claim does not hold; None: nothing."""
    answers: Annotated[Mapping[Answer, str], Unstored({})]
    """What it says to the question of the study's title, in the spec's own words; no part of what the rule means."""
    documentation: Remark
    where: Where = place()

    @property
    def on_crash(self) -> Handling:
        """How a crash is handled."""
        return self.crash or self.missing

    @property
    def sources(self) -> tuple[str, ...]:
        """Stages that it reads."""
        return (self.stage,)


@frozen
class Reduction:
    """
    A gate over factors: fixes those whose effect is clear, and lets on the rows of a design that agree with that.

    A factor is fixed at its better level when its main effect is discovered, and at least *least* in size, at every
    stage that the effects are of, and always in the same direction; any other factor stays in the search.
    """

    TAG: ClassVar = "reduction"

    name: str
    frozen: bool
    seal: Annotated[str | None, Unstored(None)]
    effects: str
    sources: tuple[str, ...]
    """Stages that the effects are of."""
    least: Fraction | None
    into: str
    """The design or neighbourhood whose conditions go on."""
    around: str | None
    """The gate whose promoted *into* is the neighbourhood of; None for rows that are known beforehand."""
    rows: tuple[str, ...]
    """All that may go on, as candidates."""
    needs: tuple[str, ...]
    """Stages that must have ended before it decides: its sources, and that of *around*."""
    missing: Handling
    documentation: Remark
    where: Where = place()

    @property
    def on_crash(self) -> Handling:
        """How a crash is handled: like any missing value."""
        return self.missing


@frozen
class Step:
    """Who enters the next stage of a greedy walk; the name is that stage's."""

    name: str
    baseline: str
    sources: tuple[str, ...]
    """The stages of the walk before it."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Stages that must have ended before it is known."""
        return self.sources


Chooser = Gate | Reduction | Step
"""What says who enters a stage."""

Deciding = Gate | Rule | Reduction
"""Everything that decides from evidence, and can be frozen."""


def also_read(one: Gate | Rule) -> tuple[str, ...]:
    """
    Stages whose evidence a gate or rule reads besides that of its own, sorted.

    It ranks them, finds the best of them, or asks a law that is fitted to them.
    """
    asked = one.asked if isinstance(one, Gate) else (one.require,)
    names: set[str] = set()
    for part in (part for condition in asked for part in primitives(condition)):
        if isinstance(part, Agreement) and not part.of_hosts:
            names.update(part.between)
        elif isinstance(part, Projected):
            names.update(part.stages)
    if isinstance(one, Rule) and isinstance(one.judged, BestOf):
        names.add(one.judged.stage)
    return tuple(sorted(names))


def margins(conditions: Mapping[str, Condition]) -> dict[str, Fraction]:
    """Smallest margin of each named condition, for comparing it with the noise."""
    found: dict[str, Fraction] = {}
    for name, condition in conditions.items():
        for part in primitives(condition):
            if isinstance(part, Difference):
                found[name] = min(abs(part.bound.value), found.get(name, abs(part.bound.value)))
            elif isinstance(part, Equivalent):
                found[name] = min(part.margin, found.get(name, part.margin))
    return found
