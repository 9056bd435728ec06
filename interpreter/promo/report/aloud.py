"""Gates and rules as one would read them aloud."""

from collections.abc import Iterator
from fractions import Fraction
from typing import assert_never

from promo.base.canonical import exact
from promo.report.declared import stack_words
from promo.report.describe import (
    describe_bound,
    describe_distance,
    describe_guard,
    describe_judged,
    describe_kept,
    describe_tolerance,
)
from promo.report.words import between, plural, share_text, span_text
from promo.study.judgement import (
    Agreement,
    Best,
    BestOf,
    Both,
    BoundKind,
    Condition,
    Difference,
    Either,
    Equivalent,
    First,
    Gate,
    Handling,
    Isnt,
    Level,
    Method,
    Projected,
    Reduction,
    Rule,
    Side,
    Statistic,
    Test,
    Then,
    Top,
)
from promo.study.laws import Forecast, Otherwise, Schedule
from promo.study.limits import ALLOWANCE_S, ATTEMPTS
from promo.study.values import Grow, Study
from promo.syntax.clauses import LEADER

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
TESTS = {
    Method.T: "by Student's t",
    Method.SIGN_FLIP: "by the exact sign-flip test",
    Method.WILCOXON: "by Wilcoxon's signed ranks",
    Method.SIGMA: "with the declared sigma",
}


def count(number: int) -> str:
    """A small number as a word."""
    return WORDS[number] if number < len(WORDS) else str(number)


def joined(names: tuple[str, ...] | list[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return f" {word} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def read_start(study: Study) -> tuple[str, ...]:
    """What holds of every run before any gate, a sentence each; none for most studies."""
    said = ["Nothing runs before an outside party attests to what was frozen."] if study.anchor else []
    if study.draw is not None:
        value = "the first receipt recorded after that" if study.draw.published is None else study.draw.published
        said.append(f"Seeds are drawn from what was frozen and from {value}; they cannot be known earlier.")
    if study.order_seed is not None:
        said.append(f"Inside each block of a stage, runs come in an order drawn with seed {study.order_seed}.")
    return (*said, *_read_limits(study))


def _read_limits(study: Study) -> Iterator[str]:
    """What a study says of its attempts where that is not as usual, a sentence each."""
    if study.attempts != ATTEMPTS:
        yield f"A run gets {count(study.attempts)} attempts, lost ones included, or more where gates allow more."
    for stage in study.stages.values():
        budget = stage.budget
        if stage.devices is not None:
            yield f"A run of {stage.name} has {plural(stage.devices, 'device')}."
        if budget.allowance_s != ALLOWANCE_S:
            yield f"An attempt of {stage.name} may take {span_text(budget.allowance_s)} in addition to training."
        if budget.tolerance is not None:
            yield f"A run of {stage.name} may miss its budget by at most {describe_tolerance(budget.tolerance)}."


def read_gate(gate: Gate, study: Study) -> str:
    """A gate in one sentence."""
    if gate.name in study.grows:
        return read_grow(study.grows[gate.name], study)
    always = f", always {joined(gate.always)}" if gate.always else ""
    unit = study.measure.unit
    parts = [
        f"{'Frozen gate' if gate.frozen else 'Gate'} {gate.name}: from {gate.source} to {gate.target}, rank by "
        f"{gate.statistic.value} {gate.metric} over host and seed, keep {kept(gate.keep, study)}{always}",
        f"allow {between(exact(gate.allowance), unit)} on every margin" if gate.allowance else "",
        *(
            f"demand that {claimed(demand.condition, study)}, else "
            + (
                demand.otherwise.value
                if isinstance(demand.otherwise, Then)
                else f"keep {kept(demand.otherwise, study)}"
            )
            for demand in gate.demands
        ),
        *(f"guard {describe_guard(guard)}" for guard in gate.guards),
        f"promote {count(gate.sample.count)} of the dropped as well, drawn with seed {gate.sample.seed}"
        if gate.sample
        else "",
        f"missing: {handled(gate.missing)}",
        f"crash: {handled(gate.crash) if gate.crash else 'as missing'}",
        f"ties by {', then '.join(one.value for one in gate.ties)}",
    ]
    return "; ".join(part for part in parts if part) + "."


def read_grow(grow: Grow, study: Study) -> str:
    """A growth in one sentence."""
    ways = joined([*grow.strategies], "or")
    lag = f"{grow.lag.amount} steps at a constant rate" if grow.lag.amount else "no step at all"
    if grow.looks is not None:
        lag += (
            f", in looks of {grow.looks.every}, and stop all but the best once {count(grow.looks.stable)} looks in a "
            "row have ranked the ways alike"
        )
    best = "lowest" if grow.lowest else "highest"
    return (
        f"Growth {grow.name}: in each cell, take {grow.parent} {describe_kept(study, grow)}; grow it, "
        f"{stack_words(grow)}, by {ways}; train each way for {lag}; choose the way with the {best} mean "
        f"{study.measure.metric} over host and seed, where a way with a missing value is out; ties by name; in each "
        f"cell, {grow.becomes} begins from the chosen way's state with the rates of its own stage."
    )


def read_rule(rule: Rule, study: Study) -> str:
    """A rule in one sentence."""
    against = f" against {rule.reference}" if rule.reference else ""
    judged = describe_judged(rule.judged)
    who = judged if isinstance(rule.judged, str) else "it" if isinstance(rule.judged, BestOf) else "each of them"
    parts = [
        f"{'Frozen rule' if rule.frozen else 'Rule'} {rule.name}: judge {judged}{against} at {rule.stage}",
        f"require that {claimed(rule.require, study, who, rule.reference)}",
        f"missing: {handled(rule.missing)}",
        f"crash: {handled(rule.crash)}" if rule.crash else "",
        f"absent: {rule.absent.value}" if rule.absent else "",
        f"else {rule.otherwise.value}" if rule.otherwise else "",
    ]
    return "; ".join(part for part in parts if part) + "."


def read_reduction(reduction: Reduction, study: Study) -> str:
    """A reduction in one sentence."""
    effects = f"{reduction.effects} at {joined(reduction.sources)}"
    least = (
        f" and at least {between(exact(reduction.least), study.measure.unit)} in size"
        if reduction.least is not None
        else ""
    )
    pooled = study.effects[reduction.effects].pooled
    several = len(reduction.sources) > 1 and not pooled
    stages = "at each of these stages" if several else "there, estimated together" if pooled else "there"
    always = ", always in favour of the same level," if several else ""
    return (
        f"{'Frozen reduction' if reduction.frozen else 'Reduction'} {reduction.name}: from {effects}, each factor "
        f"whose main effect is discovered{least} {stages}{always} is fixed at its better level; the rows of "
        f"{reduction.into} that have all fixed levels are promoted; missing: {handled(reduction.missing)}."
    )


def read_all(study: Study) -> list[str]:
    """What has to be there first, and everything that decides, a sentence each."""
    return [
        *read_start(study),
        *(read_gate(gate, study) for gate in study.gates.values()),
        *(read_rule(rule, study) for rule in study.rules.values()),
        *(read_reduction(reduction, study) for reduction in study.reductions.values()),
        *(read_forecast(forecast, study) for forecast in study.forecasts.values()),
        *(read_schedule(schedule, study) for schedule in study.schedules.values()),
    ]


def read_forecast(forecast: Forecast, study: Study) -> str:
    """A forecast in one sentence."""
    stages = joined(list(study.laws[forecast.law].stages))
    return (
        f"Forecast {forecast.name}: what the law {forecast.law}, fitted to {stages}, forecasts of "
        f"{joined(list(forecast.candidates))} at {forecast.stage}, with its interval; recorded before that stage opens."
    )


def read_schedule(schedule: Schedule, study: Study) -> str:
    """A schedule in one sentence."""
    way = f", by {schedule.way}" if schedule.way else ""
    stages = joined(list(study.laws[schedule.law].stages))
    kept = {
        Otherwise.HOLD: "a person decides which static shape to train",
        Otherwise.BEST: "the static shape with the best forecast is trained",
        Otherwise.LARGEST: "the largest static shape is trained",
    }
    return (
        f"Schedule {schedule.name}: {joined(list(study.followers(schedule.name)))} begins with the shape of "
        f"{schedule.shapes[0]} and continues with that of {', then '.join(schedule.shapes[1:])}{way}, where the laws "
        f"of {schedule.law}, fitted to {stages}, fall equally fast at equal loss; if they do not determine it within a "
        f"factor of two in compute, {kept[schedule.otherwise]}."
    )


def handled(handling: Handling) -> str:
    """`rerun one, then drop`."""
    return f"rerun {count(handling.reruns)}, then {handling.then.value}" if handling.reruns else handling.then.value


def kept(condition: Condition, study: Study) -> str:
    """Whom a condition keeps: `the top three`, `those that ...`."""
    match condition:
        case Top():
            return f"the top {count(condition.count)}" + (" on each host" if condition.per_host else "")
        case Best():
            return f"the best {share_text(condition.share)}" + (" on each host" if condition.per_host else "")
        case Both() | Either():
            word = "and at the same time" if isinstance(condition, Both) else "or"
            return f" {word} ".join(kept(part, study) for part in condition.conditions)
        case Isnt():
            return f"all but {kept(condition.condition, study)}"
        case Difference() | Equivalent() | First():
            return f"any candidate that {claimed(condition, study, '').lstrip()}"
        case Level() | Agreement() | Projected():
            return f"any candidate of which it holds that {claimed(condition, study, 'it')}"
        case _:
            assert_never(condition)


def claimed(condition: Condition, study: Study, who: str = "it", reference: str | None = None) -> str:
    """What a condition claims of somebody."""
    measure = study.measure
    match condition:
        case Top() | Best():
            return f"{who} is among {kept(condition, study)}"
        case Level():
            over = _over(condition.statistic)
            return f"the {measure.metric} of {who} is {describe_bound(condition.bound, measure)} {over}"
        case Difference():
            return _difference(condition, study, who, reference)
        case Equivalent():
            other = _other(condition.reference, reference)
            margin = between(exact(condition.margin), measure.unit)
            return f"{who} is shown to lie within {margin} of {other}, {_confidence(condition.test, study)}"
        case Agreement():
            names = joined(condition.between)
            return f"the rankings of {names} agree with a tau-b of at least {exact(condition.bound.value)}"
        case Projected():
            bound = describe_bound(condition.bound, measure)
            return f"the forecast of {condition.law} for {who} at {condition.stage}, with its interval, is {bound}"
        case First():
            return f"{who} is strictly the best in every cell"
        case Isnt():
            return f"it is not the case that {claimed(condition.condition, study, who, reference)}"
        case Both() | Either():
            word = "and" if isinstance(condition, Both) else "or"
            return f", {word} ".join(claimed(part, study, who, reference) for part in condition.conditions)
        case _:
            assert_never(condition)


def _difference(condition: Difference, study: Study, who: str, reference: str | None) -> str:
    other = _other(condition.reference, reference)
    over = _over(condition.statistic)
    bound = describe_distance(condition.bound, study.measure)
    if condition.bound.kind is BoundKind.WITHIN:
        return f"{who} lies {bound} of {other} {over}"
    side = "worse" if condition.side is Side.GAP else "better"
    sure = f", {_confidence(condition.test, study)}" if condition.test else ""
    room = _room(condition)
    if condition.test and room is not None:
        margin = between(exact(room), study.measure.unit)
        return f"{who} is shown to be at most {margin} worse than {other} {over}{sure}"
    level = condition.bound.kind is (BoundKind.AT_MOST if condition.side is Side.GAP else BoundKind.AT_LEAST)
    if level and not condition.bound.value and condition.test is None:
        return f"{who} is no worse than {other} {over}{sure}"
    return f"{who} is {bound} {side} than {other} {over}{sure}"


def _room(condition: Difference) -> Fraction | None:
    """The margin of a claim of not being worse (non-inferiority): some loss is allowed, and more is ruled out."""
    gap = condition.side is Side.GAP and condition.bound.kind is BoundKind.AT_MOST
    gain = condition.side is Side.GAIN and condition.bound.kind is BoundKind.AT_LEAST
    room = condition.bound.value if gap else -condition.bound.value
    return room if (gap or gain) and room > 0 else None


def _other(reference: str | None, judged_against: str | None) -> str:
    return "the leader" if reference == LEADER else reference or judged_against or "the reference"


def _over(statistic: Statistic) -> str:
    match statistic:
        case Statistic.MEAN | Statistic.MEDIAN:
            return f"on the {statistic.value} over cells"
        case Statistic.WORST:
            return "in its worst cell"
        case Statistic.EVERY:
            return "in every cell"
        case _:
            assert_never(statistic)


def _confidence(test: Test, study: Study) -> str:
    sigma = f" of {between(exact(test.sigma), study.measure.unit)}" if test.sigma else ""
    return f"with {share_text(test.confidence)} confidence {TESTS[test.method]}{sigma}"
