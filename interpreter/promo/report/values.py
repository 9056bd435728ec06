"""What a report shows, as plain texts and numbers that templates only lay out."""

from collections.abc import Mapping

from promo.base.canonical import Json
from promo.base.classes import frozen
from promo.report.answer import AnswerLine
from promo.report.curves import CurvesView
from promo.report.environment import EnvironmentView, StartView
from promo.report.ladder import LadderView
from promo.report.landscape import NOTHING, LandscapeView
from promo.report.overview import RuleRow
from promo.report.ranks import FlowView
from promo.report.reruns import RerunsView
from promo.report.vouching import VouchingView


@frozen
class PictureView:
    """A picture, and what has to be said of it."""

    svg: str
    """Empty where there is nothing to draw."""
    caption: str


NO_PICTURE = PictureView("", "")


@frozen
class Cell:
    """One cell of a table: shown text, and whether a value is missing."""

    text: str
    missing: bool = False


@frozen
class StandingView:
    """A candidate before a gate."""

    candidate: str
    colour: int
    rank: str
    cells: tuple[Cell, ...]
    statistic: str
    promoted: bool
    verdict: str
    """`promoted`, `dropped`, or `open` while a person has to decide."""
    reason: str


@frozen
class SealView:
    """When and as what a rule was frozen."""

    frozen: bool
    digest: str
    said: str
    """When it was sealed and with how many results known, by the lock's own word; empty without a seal."""


@frozen
class GateView:
    """A gate: its rule, its seal, and what it did with everyone."""

    name: str
    documentation: str
    sentence: str
    seal: SealView
    decided: bool
    result: str
    statistic: str
    demands: tuple[str, ...]
    columns: tuple[str, ...]
    standings: tuple[StandingView, ...]
    rest: str
    """Who is not in the table; empty when everybody is."""
    evidence: str
    decision: str
    amended: tuple[str, ...] = ()
    """Amendments, and the verdicts of every wording, in sentences."""
    kind: str = "Gate"
    told: tuple[str, ...] = ()
    """Of a growth: the ways, how sure the choice is, and what it cost with the parent, in sentences."""
    landscape: LandscapeView = NOTHING
    """Of a growth whose ways came to their end: their ranks along the lag, and what each look was worth."""
    picture: PictureView = NO_PICTURE
    """Every cell of every candidate, the cut, and who was promoted."""


@frozen
class ComparisonView:
    """One cell of a rule."""

    cell: str
    judged: str
    reference: str
    difference: str


@frozen
class RuleView:
    """A rule: its claim, its seal, and what was found."""

    name: str
    documentation: str
    sentence: str
    seal: SealView
    decided: bool
    answer: str
    result: str
    judged: str
    reference: str
    side: str
    findings: tuple[str, ...]
    comparisons: tuple[ComparisonView, ...]
    evidence: str
    decision: str
    amended: tuple[str, ...] = ()


@frozen
class RulesView:
    """Rules that ask the same of the same candidates, at one stage each: they share a table."""

    judged: str
    reference: str
    """Empty where they compare with nobody."""
    side: str
    rules: tuple[RuleView, ...]
    picture: PictureView = NO_PICTURE
    """Differences in cells, the figure that decides, its interval and its bound."""


@frozen
class ReductionView:
    """A reduction: its rule, its seal, what became of every factor, and who goes on."""

    name: str
    documentation: str
    sentence: str
    seal: SealView
    decided: bool
    result: str
    stages: tuple[str, ...]
    factors: tuple[tuple[str, ...], ...]
    """Factor, what became of it, why, and its effect at each stage."""
    promoted: tuple[str, ...]
    dropped: tuple[str, ...]
    rows: str
    """Both in words; that they are open while a person has to decide."""
    effects: str
    decision: str
    amended: tuple[str, ...] = ()


@frozen
class SpreadView:
    """A candidate at a stage: mean and range over its cells."""

    candidate: str
    colour: int
    mean: str
    lowest: str
    highest: str
    cells: str


@frozen
class StageView:
    """A stage: what was planned, what happened, its learning curves."""

    name: str
    documentation: str
    budget: str
    entrants: str
    cells: str
    runs: str
    spent: str
    spreads: tuple[SpreadView, ...]
    curves: CurvesView
    strip: PictureView = NO_PICTURE
    """Every run by its value, where no gate shows that and nothing was measured on the way."""


@frozen
class FitView:
    """Effects at one stage."""

    stage: str
    summary: str
    picture: str
    """SVG; empty when nothing was estimated."""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """One an effect, each as wide as the columns."""
    contrasts: tuple[tuple[str, ...], ...]
    """Numbers of a half-normal plot: contrast, size, quantile; empty without one."""
    discovered: tuple[str, ...]
    verdict: str
    """What was discovered, with its direction and what it is not separated from; or that nothing was tested."""
    aliases: tuple[str, ...]
    """What estimates stand for, where that is more than the effect."""
    curvature: str
    """Empty without runs at the centre."""
    blocks: str
    """What blocks differ by; empty with one or none."""
    term_columns: tuple[str, ...]
    terms: tuple[tuple[str, ...], ...]
    """Every factor and interaction with all its contrasts; empty where each has one."""
    rest_columns: tuple[str, ...]
    rest: tuple[tuple[str, ...], ...]
    """What the model leaves out, where it is listed."""
    step_columns: tuple[str, ...]
    steps: tuple[tuple[str, ...], ...]
    """From level to level of each trend."""
    statements: tuple[str, ...]


@frozen
class EffectsView:
    """What factors do: a table a stage, and how effects change from one to the next."""

    name: str
    documentation: str
    sentence: str
    fits: tuple[FitView, ...]
    change_columns: tuple[str, ...]
    changes: tuple[tuple[str, ...], ...]
    """How effects change from stage to stage."""
    hosts: tuple[str, ...]
    """What few hosts leave open."""
    across: str
    """Picture of effects over the stages."""
    flips: tuple[str, ...]
    ranks: tuple[str, ...]
    rankings: str
    """Picture of the ranks of conditions over the stages."""
    places: tuple[tuple[str, ...], ...]
    """The same in numbers: headings, then a row a condition; empty without a picture."""
    digest: str


@frozen
class TableView:
    """A table of its own."""

    label: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int
    """How many columns, from the first on, are no numbers."""


@frozen
class LawView:
    """A law, a forecast or a schedule: one row for each candidate, and what has to be said of it."""

    name: str
    documentation: str
    sentence: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    statements: tuple[str, ...]
    tables: tuple[TableView, ...] = ()
    picture: str = ""
    """SVG; empty where there is none."""
    caption: tuple[str, ...] = ()
    candidates: tuple[int, ...] = ()
    """Who is in the picture."""


@frozen
class CostRow:
    """One line of the account."""

    name: str
    runs: str
    budget: str
    spent: str
    """Training, as measured, or as it was recorded."""
    taken: str
    """Slots, in all phases, as measured; empty for a replay, which takes none."""
    bound: str
    """Empty for a replay, for which none holds."""


@frozen
class SavingView:
    """One way of stating a saving."""

    name: str
    formula: str
    share: str
    meaning: str


@frozen
class SuppositionView:
    """A continuation that never ran."""

    sentence: str
    savings: tuple[SavingView, ...]


@frozen
class RunView:
    """One run with its attempts."""

    stage: str
    candidate: str
    colour: int
    host: str
    seed: str
    status: str
    good: bool
    value: str
    steps: str
    tokens: str
    trained: str
    phases: tuple[str, ...]
    """Seconds of each of `RunsView.phases`."""
    speed: str
    memory: str
    attempts: str
    cause: str
    run: str
    environment: str
    """Number of the environment it ran in."""


@frozen
class RunsView:
    """All runs: one by one, or counted when they are too many."""

    rows: tuple[RunView, ...]
    """Empty when they are counted."""
    common: Mapping[str, str]
    """Column -> what all of several runs have there, which is said once."""
    phases: tuple[str, ...]
    """What of an attempt is timed beside its training."""
    counted: tuple[tuple[str, ...], ...]
    """Stage, host, status, runs, attempts, mean seconds trained, range of results."""


@frozen
class FactView:
    """One line below the answer."""

    name: str
    said: str


@frozen
class AnswerView:
    """The first screen."""

    outcome: str
    """`holds`, `fails`, `undecided`, `open`, or `mixed` where rules differ."""
    headline: str
    note: str
    """Whose words the headline is, where they are the spec's; empty otherwise."""
    lines: tuple[AnswerLine, ...]
    """One a rule, where there are several."""
    rest: str
    """How many rules are told further below; empty when none is."""
    standing: tuple[str, ...]
    """What has to be known of a study that is not finished as it was planned, in sentences."""
    facts: tuple[FactView, ...]


@frozen
class ReportView:
    """Everything a report says."""

    name: str
    title: str
    documentation: str
    measure: str
    state: str
    finished: bool
    answer: AnswerView
    short: tuple[str, ...]
    """The study in five sentences at most."""
    story: tuple[str, ...]
    """A sentence for everything; the same where that is few."""
    ladder: LadderView
    legend: tuple[tuple[str, int, str, str], ...]
    """Candidate, colour, what it is, and by what it differs from what others are compared with."""
    gates: tuple[GateView, ...]
    overview: tuple[RuleRow, ...]
    rules: tuple[RulesView, ...]
    reductions: tuple[ReductionView, ...]
    effects: tuple[EffectsView, ...]
    laws: tuple[LawView, ...]
    flow: FlowView
    reruns: RerunsView
    vouching: VouchingView
    stages: tuple[StageView, ...]
    """Those that have begun."""
    not_begun: str
    """The others, in a sentence; empty where there are none."""
    cost: tuple[CostRow, ...]
    cost_unit: str
    cost_note: str
    """What has to be said of runs that several stages have in common; empty where none have."""
    account: tuple[str, ...]
    """What gates saved and may have cost, in sentences."""
    money: Json
    """What it has cost, exactly, for programs; None where nothing has a price."""
    suppositions: tuple[SuppositionView, ...]
    notes: tuple[str, ...]
    limits: tuple[str, ...]
    beside: tuple[str, ...]
    """Ends of the names of files beside the report that hold what its tables leave out."""
    runs: RunsView
    facts: tuple[tuple[str, str], ...]
    """Digests, versions, machine: what it takes to derive the report again."""
    commands: tuple[str, ...]
    environments: tuple[EnvironmentView, ...]
    starts: tuple[StartView, ...]
    replay: str = ""
    """Says of a replay that it is one; empty for a study that trained."""
    faults: tuple[str, ...] = ()
    """What is damaged; empty when the study is whole."""
