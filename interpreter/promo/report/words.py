"""Sentences about decisions: what a person would say about a gate, a candidate or a rule, and numbers as shown."""

from fractions import Fraction

from promo.base.canonical import from_exact, rounded
from promo.base.units import HOUR
from promo.decision.values import (
    Answer,
    Comparison,
    Finding,
    GateDecision,
    Ground,
    ReduceDecision,
    RuleDecision,
    Standing,
    StepDecision,
    Verdict,
)
from promo.study.judgement import Rule
from promo.study.values import Grow, Study

NONE = "–"
"""What stands where there is no number."""
AGREEMENT = "rank agreement"
"""How a condition begins whose statistic, tau-b, has no unit."""
PLACES = 4
"""Decimals of a metric that a reader is shown; the exact value is in the evidence."""


def number(text: str | None, *, signed: bool = False) -> str:
    """An exact number for people: four decimals; a dash when there is none."""
    if text is None:
        return NONE
    value = from_exact(text)
    shown = rounded(value, PLACES)
    return f"+{shown}" if signed and value > 0 else shown


MOST_LISTED = 24
"""Names that a sentence lists."""


def listed(names: tuple[str, ...] | list[str]) -> str:
    """`a`, `a and b`, `a, b and c`; `nobody` for none; of very many the first, and how many more there are."""
    if not names:
        return "nobody"
    if len(names) > MOST_LISTED:
        names = [*names[: MOST_LISTED - 1], f"{len(names) - MOST_LISTED + 1:,} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def seeds_text(seeds: tuple[int, ...]) -> str:
    """`1, 2`; three and more in a row as `1..9`."""
    parts: list[str] = []
    left = list(seeds)
    while left:
        row = 1
        while row < len(left) and left[row] == left[0] + row:
            row += 1
        parts += [f"{left[0]}..{left[row - 1]}"] if row > 2 else [str(seed) for seed in left[:row]]
        left = left[row:]
    return ", ".join(parts)


def plural(count: int, word: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def span_text(seconds: Fraction | float) -> str:
    """A length of time for people: `42 s`, `2 min 13 s`, `85 h 12 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    minutes = whole % HOUR // 60
    return f"{whole // HOUR} h {minutes} min" if minutes else f"{whole // HOUR} h"


def gate_result(decision: GateDecision) -> str:
    """What a gate did, in one sentence."""
    if decision.stopped:
        return f"{decision.gate} stopped the study: {decision.stopped}"
    if decision.held:
        return f"{decision.gate} waits for a person: {decision.held}"
    dropped = [one.candidate for one in decision.standings if one.verdict is Verdict.DROPPED]
    promoted = [one.candidate for one in decision.standings if one.verdict is Verdict.PROMOTED]
    tail = f"; dropped {listed(dropped)}" if dropped else ""
    return f"{decision.gate} promoted {listed(promoted)} to {decision.target}{tail}"


def growth_result(grow: Grow, decision: GateDecision) -> str:
    """Which way a growth chose, in one sentence."""
    ways = [grow.ways[one.candidate] for one in decision.standings]
    if not decision.promoted:
        return f"{grow.name} chose no way, because none has a value in every cell; {grow.becomes} has no beginning"
    others = f", before {listed(ways[1:])}" if len(ways) > 1 else ""
    return f"{grow.name} chose {grow.ways[decision.promoted[0]]} for {grow.becomes}{others}"


def standing_reason(standing: Standing, decision: GateDecision, unit: str) -> str:
    """Why a candidate was kept or dropped, with its margin."""
    tie = f"; tied with {listed(standing.tied_with)}, told apart by the rule's tie-break" if standing.tied_with else ""
    match standing.ground:
        case Ground.ALWAYS:
            place = f"would rank {standing.rank}" if standing.rank else "has no value"
            return f"always kept; {place}, and takes no place of the others"
        case Ground.TOP:
            if standing.margin is None:
                return f"among the {decision.kept_by}; nobody was behind the cut{tie}"
            margin = f"{number(standing.margin)} {unit} better than the first behind the cut"
            return f"among the {decision.kept_by}; {margin}{tie}"
        case Ground.CUT:
            by = f" by {number(standing.margin.removeprefix('-'))} {unit}" if standing.margin else ""
            return f"behind the cut{by}{tie}"
        case Ground.SAMPLE:
            return "behind the cut; drawn from the dropped, to see how often a drop is wrong"
        case Ground.MISSING | Ground.CRASHED:
            lacking = [cell for cell in standing.cells if cell.value is None]
            causes = [f"{cell.host} seed {cell.seed}: {cell.cause or cell.status}" for cell in lacking]
            return "no value for " + "; ".join(causes)
        case Ground.STOPPED:
            return "the study stopped before anyone was promoted"
        case Ground.HELD:
            return "nobody is promoted before a person has decided"
        case Ground.PERSON:
            return "decided by a person"
        case Ground.MET | Ground.NOT_MET:
            return "; ".join(finding_words(finding, unit, allowance_of(decision)) for finding in standing.findings)


def allowance_of(decision: GateDecision) -> str:
    """By how much a gate widens the margins of its differences, with its unit; empty where it does not."""
    return dict(decision.rule).get("allow", "")


def demand_words(decision: GateDecision, unit: str) -> tuple[str, ...]:
    """What was demanded before a gate may decide, and what came of it when it was not met."""
    said = [finding_words(one, unit, allowance_of(decision)) for one in decision.demands]
    keep = dict(decision.rule)["keep"]
    if decision.kept_by != keep:
        unmet = next(place for place, one in enumerate(decision.demands) if not one.holds)
        said[unmet] += f"; so the gate kept {decision.kept_by} in place of {keep}"
    return tuple(said)


def finding_words(finding: Finding, unit: str, allowance: str = "") -> str:
    """A condition, whether it holds, and by how much; *allowance* is what a gate widens differences by."""
    verdict = {True: "holds", False: "does not hold", None: "cannot be told"}[finding.holds]
    of = "" if finding.condition.startswith(AGREEMENT) else f" {unit}"
    numbers = f": {number(finding.statistic, signed=True)}{of}" if finding.statistic is not None else ""
    if finding.margin is not None and finding.holds is not None:
        side = "inside" if finding.holds else "beyond"
        numbers += f", {number(finding.margin.removeprefix('-'))} {side}"
    widened = [f"with the {allowance} that the gate allows"] if allowance and _widened(finding) else []
    details = ", ".join([*(f"{name} {once(value)}" for name, value in finding.details), *widened])
    return f"{finding.condition} {verdict}{numbers}" + (f" ({details})" if details else "")


def once(text: str) -> str:
    """`1/3 = 0.333333`, but `0.03125` and not `0.03125 = 0.03125`."""
    exactly, _, rounded_off = text.partition(" = ")
    return exactly if exactly == rounded_off else text


def _widened(finding: Finding) -> bool:
    """Whether a condition is one of a difference to another candidate, which an allowance widens."""
    reference = dict(finding.details).get("reference")
    return reference is not None and reference != "itself"


def rule_result(decision: RuleDecision, rule: Rule, study: Study) -> str:
    """What a rule found, in one sentence."""
    if decision.answer is Answer.UNDECIDED:
        return f"{rule.name} is undecided: {decision.why}"
    verb = "holds" if decision.answer is Answer.HOLDS else "fails"
    judged = listed(list(decision.judged))
    who = f"{judged} against {rule.reference}" if rule.reference else judged
    parts = "; ".join(_measured(finding, study.measure.unit) for finding in decision.findings)
    return f"{rule.name} {verb} for {who}: {parts}"


def of_candidate(decision: RuleDecision, one: Comparison) -> str:
    """`, good`: whose values a comparison has, where a rule is about more than one candidate."""
    return f", {one.candidate}" if len(decision.judged) > 1 else ""


def reduction_result(decision: ReduceDecision) -> str:
    """What a reduction did, in one sentence."""
    if decision.stopped:
        return f"{decision.reduction} stopped the study: {decision.stopped}"
    if decision.held:
        return f"{decision.reduction} waits for a person: {decision.held}"
    fixed = [f"{one.factor} at {one.level}" for one in decision.fixed]
    free = [one.factor for one in decision.factors if one.level is None]
    stay = f"left {listed(free)} in the search" if free else "left no factor in the search"
    on, rows = len(decision.promoted), len(decision.promoted) + len(decision.left)
    fixed_words = f"fixed {listed(fixed)}" if fixed else "fixed no factor"
    rows_words = f"{on} of {plural(rows, 'row')} of {decision.into} {'goes' if on == 1 else 'go'} on"
    return f"{decision.reduction} {fixed_words} and {stay}: {rows_words}"


def step_result(decision: StepDecision) -> str:
    """What a greedy walk tries next."""
    tries = f"tries {decision.promoted[0]}" if decision.promoted else "has nothing left to try"
    return f"{decision.baseline} stands at {decision.place} and {tries}"


def _measured(finding: Finding, unit: str) -> str:
    """A finding as a rule reports it: what was asked, what was seen, how far apart."""
    if finding.statistic is None:
        return finding_words(finding, unit)
    margin = number(finding.margin.removeprefix("-")) if finding.margin else number("0")
    side = "inside" if finding.holds else "beyond"
    shown = number(finding.statistic, signed=True)
    of = "" if finding.condition.startswith(AGREEMENT) else f" {unit}"
    details = [f"{name} {once(value)}" for name, value in finding.details if name != "reference"]
    more = f" ({', '.join(details)})" if details else ""
    return f"required {finding.condition}, seen {shown}{of}, {margin} {side} the bound{more}"
