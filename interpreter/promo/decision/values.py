"""
Decisions: what a gate, rule, reduction or step of a walk found, and what follows from it.

All four give one value.  It holds nothing that does not follow from its rule and its evidence, so that anyone can
derive it again and compare bytes.  Numbers are exact where they can be: statistics, gaps and margins are rationals kept
as text.  Reasons are structure; sentences about them are made in the report.
"""

from enum import Enum
from fractions import Fraction
from functools import cached_property
from typing import ClassVar, assert_never

from promo.base.classes import frozen
from promo.base.codec import value_digest
from promo.base.fields import Count, Digest, Measured
from promo.evidence.values import Cell
from promo.ledger.outcomes import Because, Held, Outcome, Stopped, Turn
from promo.ledger.values import Verdict as RecordedVerdict
from promo.study.given import Level
from promo.study.judgement import Answer, Condition


class Verdict(Enum):
    """What a gate does with a candidate."""

    PROMOTED = "promoted"
    DROPPED = "dropped"


class Ground(Enum):
    """Why."""

    TOP = "top"
    """Among the best."""
    MET = "met"
    """The condition holds."""
    ALWAYS = "always"
    SAMPLE = "sample"
    """Drawn from the dropped."""
    CUT = "cut"
    """Behind the cut."""
    NOT_MET = "not met"
    """The condition does not hold."""
    MISSING = "missing"
    """A value is missing."""
    CRASHED = "crashed"
    """A run failed by its own fault."""
    STOPPED = "stopped"
    """The gate stopped the study."""
    HELD = "held"
    """A person has to decide."""
    PERSON = "person"
    """A person decided."""


# --- findings ----------------------------------------------------------------------------------------------------


@frozen
class Place:
    """Place among those who compete for one, on a host or over all cells; None for who does not compete."""

    TAG: ClassVar = "place"

    host: str | None
    place: Count | None
    of: Count


@frozen
class Reference:
    """Whom a candidate was compared with; itself where it is the reference."""

    TAG: ClassVar = "reference"

    candidate: str | None


@frozen
class About:
    """Whom a finding is about, where its rule is about several."""

    TAG: ClassVar = "about"

    candidate: str


@frozen
class Bounded:
    """One-sided confidence bound of a mean difference."""

    TAG: ClassVar = "bound"

    upper: bool
    confidence: Fraction
    value: Measured
    cells: Count


@frozen
class Chance:
    """P of a permutation test."""

    TAG: ClassVar = "chance"

    p: Fraction
    cells: Count


@frozen
class Between:
    """Two-sided confidence interval of a mean difference."""

    TAG: ClassVar = "interval"

    confidence: Fraction
    low: Measured
    high: Measured
    cells: Count


@frozen
class LeastAgreement:
    """The two rankings that agree least; *undefined* where one of them ranks fewer than two apart."""

    TAG: ClassVar = "agreement"

    one: str
    other: str
    undefined: bool


@frozen
class CellsWon:
    """Cells in which a candidate is alone in front."""

    TAG: ClassVar = "won"

    won: Count
    of: Count


Detail = Place | Reference | About | Bounded | Chance | Between | LeastAgreement | CellsWon


@frozen
class Finding:
    """One condition on one candidate: whether it holds (None: it cannot be told) and by how much."""

    condition: Condition
    holds: bool | None
    statistic: Measured | None = None
    margin: Measured | None = None
    """How far inside its bound; negative beyond it."""
    details: tuple[Detail, ...] = ()


# --- what was found ----------------------------------------------------------------------------------------------


@frozen
class Standing:
    """A candidate before a gate."""

    candidate: str
    cells: tuple[Cell, ...]
    statistic: Measured | None
    """Exact, in the measure's unit; None when a cell has no value."""
    rank: Count | None
    """Place among all candidates that can be ranked, 1 is best; ties are broken as the gate says."""
    verdict: Verdict
    ground: Ground
    margin: Measured | None
    """Margin of the gate's condition where that is a single one."""
    tied_with: tuple[str, ...]
    """Candidates of equal statistic, which the gate's `ties` clause distinguished."""
    findings: tuple[Finding, ...]


@frozen
class Ranking:
    """What a gate found."""

    TAG: ClassVar = "gate"

    stage: str
    target: str
    demands: tuple[Finding, ...]
    keep: Condition
    """What candidates were kept by: the gate's own condition, or that of an unmet demand."""
    standings: tuple[Standing, ...]
    """Best first; those without a statistic last, by name."""


@frozen
class Comparison:
    """One cell of a rule: both values and how much worse the judged candidate is."""

    candidate: str
    host: str
    seed: int
    judged: Measured | None
    reference: Measured | None
    difference: Measured | None


@frozen
class Judgement:
    """What a rule found."""

    TAG: ClassVar = "rule"

    stage: str
    judged: tuple[str, ...]
    """Whom it was about, sorted; nobody when all who could be promoted were dropped."""
    answer: Answer
    undecided: Because | None
    """Why it is undecided; None where it is not."""
    comparisons: tuple[Comparison, ...]
    findings: tuple[Finding, ...]


class Fate(Enum):
    """What becomes of a factor before a reduction; every one but the first leaves it in the search."""

    FIXED = "fixed"
    NOT_ESTIMABLE = "not estimable"
    TOGETHER = "changed together"
    NOT_DISCOVERED = "not discovered"
    SMALL = "small"
    INCONSISTENT = "inconsistent"
    """Its better level is not the same at every stage."""


@frozen
class Seen:
    """A factor's main effect at one stage."""

    stage: str
    effect: Measured | None
    adjusted: Measured | None
    """P, adjusted in the family of the effects."""
    discovered: bool


@frozen
class Fixing:
    """A factor before a reduction: fixed at a level, or left in the search, and why."""

    factor: str
    level: Level | None
    """Where it is fixed; None when it stays free."""
    fate: Fate
    at: str | None
    """The stage that says so, or the factor that it changed together with."""
    seen: tuple[Seen, ...]


@frozen
class Reducing:
    """What a reduction found."""

    TAG: ClassVar = "reduction"

    stages: tuple[str, ...]
    around: tuple[str, ...]
    """Candidates whose neighbours may go on, where that is for a gate to say; sorted."""
    factors: tuple[Fixing, ...]
    into: str
    dropped: tuple[str, ...]
    """Rows that do not agree with what is fixed."""

    @property
    def fixed(self) -> tuple[Fixing, ...]:
        """Factors that are out of the search."""
        return tuple(one for one in self.factors if one.level is not None)


@frozen
class Walking:
    """How far a greedy walk has come."""

    TAG: ClassVar = "step"

    stages: tuple[str, ...]
    """The steps that it read."""
    baseline: str
    place: str
    statistic: Measured | None
    moves: tuple[str, ...]


@frozen
class FitOf:
    """A law as fitted for a candidate, or for all of them together where that is None."""

    candidate: str | None
    points: Count
    parameters: tuple[Measured, ...]
    """In the order of the law's form; none where there were too few places."""
    unsure: tuple[str, ...]
    """Parameters that the points do not tell."""


@frozen
class Told:
    """What a law foretells of a candidate at a stage, with the ends of its interval."""

    candidate: str
    stage: str
    value: Measured
    low: Measured
    high: Measured


@frozen
class Forecasting:
    """What a forecast says."""

    TAG: ClassVar = "forecast"

    stages: tuple[str, ...]
    """Those that its law is fitted to."""
    fits: tuple[FitOf, ...]
    foretold: tuple[Told, ...]
    """None of a candidate whose law could not be fitted."""


@frozen
class Switch:
    """Where training should go on with the next shape, in the unit of the budgets, with the ends of its interval."""

    before: str
    after: str
    at: Measured | None
    """None: nowhere within the law's reach."""
    low: Measured
    """0: perhaps from the beginning."""
    high: Measured | None
    """None: perhaps never."""


class Grounds(Enum):
    """Why a schedule goes the way that it goes."""

    TOLD = "told"
    """The laws tell where to change."""
    WIDE = "wide"
    """The interval of a change spans more than a factor of two."""
    NOWHERE = "nowhere"
    """A change is due from the beginning, or not within reach."""
    UNSURE = "unsure"
    """The points do not tell a law."""
    FEW = "few"
    """A law has too few points."""


@frozen
class Scheduling:
    """What a schedule found."""

    TAG: ClassVar = "schedule"

    stages: tuple[str, ...]
    """Those that its law is fitted to."""
    fits: tuple[FitOf, ...]
    switches: tuple[Switch, ...]
    grounds: Grounds
    path: tuple[Turn, ...]
    """Shapes that are trained, and from where on; none where a person has to say."""
    foretold: tuple[Told, ...]
    """Of what follows the schedule, and of each shape that is kept, at the stages that train what follows it."""


Found = Ranking | Judgement | Reducing | Walking | Forecasting | Scheduling


@frozen
class Input:
    """Something that was read, by the digest of its stored form: the evidence of a stage, or a table of effects."""

    of: str
    """A stage, or effects."""
    digest: Digest


@frozen
class Decision:
    """What a gate, rule, reduction, step of a walk, forecast or schedule decided."""

    FORM: ClassVar = ("promo_decision", 2)

    name: str
    seal: Digest | None
    """Digest of a frozen rule's closure; None for one that is not frozen."""
    inputs: tuple[Input, ...]
    outcome: Outcome
    promoted: tuple[str, ...]
    """Sorted; nobody where the outcome is not settled, and by a rule."""
    found: Found

    @property
    def kind(self) -> str:
        """`gate`, `rule`, `reduction`, `step`, `forecast` or `schedule`."""
        return self.found.TAG

    @property
    def stopped(self) -> bool:
        """Whether the study ends here."""
        return isinstance(self.outcome, Stopped)

    @property
    def held(self) -> bool:
        """Whether a person has to decide."""
        return isinstance(self.outcome, Held)

    @property
    def ranking(self) -> Ranking | None:
        """What a gate found; None for the other kinds."""
        return self.found if isinstance(self.found, Ranking) else None

    @property
    def judgement(self) -> Judgement | None:
        """What a rule found; None for the other kinds."""
        return self.found if isinstance(self.found, Judgement) else None

    @property
    def reducing(self) -> Reducing | None:
        """What a reduction found; None for the other kinds."""
        return self.found if isinstance(self.found, Reducing) else None

    @cached_property
    def digest(self) -> str:
        """Digest of its stored form."""
        return value_digest(self)


def _said(found: Found) -> tuple[Answer | None, tuple[Fixing, ...], tuple[Turn, ...]]:
    """What an event tells beside an outcome: a rule's answer, what a reduction fixed, where a schedule goes."""
    match found:
        case Judgement():
            return found.answer, (), ()
        case Reducing():
            return None, found.fixed, ()
        case Scheduling():
            return None, (), found.path
        case Ranking() | Walking() | Forecasting():
            return None, (), ()
        case _:
            assert_never(found)


def verdict_of(decision: Decision, wording: int) -> RecordedVerdict:
    """A decision as an event tells it; *wording* is 0 as it was frozen, else the number of an amendment."""
    answer, fixed, path = _said(decision.found)
    return RecordedVerdict(
        wording=wording,
        decision=decision.digest,
        outcome=decision.outcome,
        promoted=decision.promoted,
        answer=answer,
        fixed=tuple((one.factor, one.level) for one in fixed if one.level is not None),
        path=path,
    )
