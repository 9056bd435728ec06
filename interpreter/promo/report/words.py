"""Sentences about decisions: what a person would say aloud about a gate, a candidate or a rule."""

from fractions import Fraction

from promo.base.canonical import from_exact, rounded
from promo.base.units import HOUR
from promo.decision.values import Answer, GateDecision, Ground, RuleDecision, Standing, Verdict
from promo.spec.describe import describe_bound
from promo.spec.values import Gate, Missing, Rule, Side, Statistic, Study, Then

NONE = "–"
"""What stands where there is no number."""
PLACES = 4
"""Decimals of a metric that a reader is shown; the exact value is in the evidence."""


def number(text: str | None, *, signed: bool = False) -> str:
    """An exact number for people: four decimals; a dash when there is none."""
    if text is None:
        return NONE
    value = from_exact(text)
    shown = rounded(value, PLACES)
    return f"+{shown}" if signed and value > 0 else shown


def listed(names: tuple[str, ...] | list[str]) -> str:
    """`a`, `a and b`, `a, b and c`; `nobody` for none."""
    if not names:
        return "nobody"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


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


def missing_sentence(missing: Missing) -> str:
    """What follows a run without a value."""
    then = {
        Then.DROP: "drop its candidate",
        Then.STOP: "stop the study",
        Then.SKIP: "leave the rule undecided",
    }[missing.then]
    return (
        f"rerun it {'once' if missing.reruns == 1 else f'{missing.reruns} times'}, then {then}"
        if missing.reruns
        else then
    )


def gate_sentence(gate: Gate, study: Study) -> str:
    """A gate's rule as one sentence."""
    best = "lowest" if study.measure.lower_is_better else "highest"
    always = f" and always {listed(gate.always)}" if gate.always else ""
    ties = ", then ".join(one.value for one in gate.ties)
    return (
        f"After {gate.source}, rank by {gate.statistic.value} {gate.metric} over all hosts and seeds, {best} first; "
        f"keep the best {gate.keep}{always} for {gate.target}. If a run has no value, "
        f"{missing_sentence(gate.missing)}. Ties are broken by {ties}."
    )


def rule_sentence(rule: Rule, study: Study) -> str:
    """A rule's claim as one sentence."""
    side = "worse" if rule.side is Side.GAP else "better"
    bound = describe_bound(rule.bound, study.measure)
    over = {
        Statistic.EVERY: "in every cell",
        Statistic.MEAN: "on the mean over all cells",
        Statistic.MEDIAN: "on the median over all cells",
        Statistic.WORST: "in its worst cell",
    }[rule.statistic]
    return (
        f"At {rule.stage}, {rule.judged} is {bound} {side} than {rule.reference}, {over}. "
        f"If a run has no value, {missing_sentence(rule.missing)}."
    )


def gate_result(decision: GateDecision) -> str:
    """What a gate did, in one sentence."""
    if decision.stopped:
        return f"{decision.gate} stopped the study: {decision.stopped}"
    dropped = [one.candidate for one in decision.standings if one.verdict is Verdict.DROPPED]
    tail = f"; dropped {listed(dropped)}" if dropped else ""
    return f"{decision.gate} promoted {listed(_by_rank(decision))} to {decision.target}{tail}"


def _by_rank(decision: GateDecision) -> list[str]:
    return [one.candidate for one in decision.standings if one.verdict is Verdict.PROMOTED]


def standing_reason(standing: Standing, decision: GateDecision, unit: str) -> str:
    """Why a candidate was kept or dropped, with its margin."""
    tie = f"; tied with {listed(standing.tied_with)}, told apart by the rule's tie-break" if standing.tied_with else ""
    match standing.ground:
        case Ground.ALWAYS:
            place = f"would rank {standing.rank}" if standing.rank else "has no value"
            return f"always kept; {place}, and takes no place of the others"
        case Ground.TOP:
            if standing.margin is None:
                return f"among the best {_places(decision)}; nobody was behind the cut{tie}"
            margin = f"{number(standing.margin)} {unit} better than the first behind the cut"
            return f"among the best {_places(decision)}; {margin}{tie}"
        case Ground.CUT:
            gap = number(standing.margin.removeprefix("-")) if standing.margin else None
            by = f" by {gap} {unit}" if gap else ""
            return f"behind the cut{by}{tie}"
        case Ground.MISSING:
            causes = [
                f"{cell.host} seed {cell.seed}: {cell.cause or cell.status}"
                for cell in standing.cells
                if cell.value is None
            ]
            return "no value for " + "; ".join(causes)
        case Ground.STOPPED:
            return "the study stopped before anyone was promoted"


def _places(decision: GateDecision) -> str:
    return dict(decision.rule)["keep"].removeprefix("top ")


def rule_result(decision: RuleDecision, rule: Rule, study: Study) -> str:
    """What a rule found, in one sentence."""
    if decision.answer is Answer.UNDECIDED:
        return f"{rule.name} is undecided: {decision.why}"
    bound = describe_bound(rule.bound, study.measure)
    unit = study.measure.unit
    verb = "holds" if decision.answer is Answer.HOLDS else "fails"
    margin = number(decision.margin.removeprefix("-")) if decision.margin else "0"
    inside = "inside" if decision.answer is Answer.HOLDS else "beyond"
    to = "to" if rule.side is Side.GAP else "over"
    return (
        f"{rule.name} {verb}: the {rule.statistic.value} {rule.side.value} of {rule.judged} {to} {rule.reference} is "
        f"{number(decision.statistic, signed=True)} {unit}, {margin} {inside} the bound ({bound})"
    )
