"""
Two records to one view: what two studies have in common, where they decided differently, and on what they ran.

It compares and does not pool: the studies may have run on other machines, at other times, under amended rules.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import assert_never

from promo.base.canonical import from_exact
from promo.base.classes import frozen
from promo.decision.stats import summarise, tau_b
from promo.decision.values import Decision, Forecasting, Judgement, Ranking, Reducing, Scheduling, Walking
from promo.evidence.values import Evidence
from promo.report.amendments import amendment_lines
from promo.report.change import plan_changes
from promo.report.environment import Environments
from promo.report.people import result_words
from promo.report.record import Record
from promo.report.replay import replay_line
from promo.report.runs import facts
from promo.report.words import NONE, listed, number, plural, with_sign
from promo.study.judgement import Statistic

MOST_CHANGES = 40


@frozen
class PairRow:
    """A candidate at a stage in both studies."""

    candidate: str
    """As it is called."""
    first: str
    second: str
    difference: str


@frozen
class PairStage:
    """A stage that both studies have evidence of."""

    name: str
    rows: tuple[PairRow, ...]
    agreement: str
    """How far the two rankings agree, in words."""


@frozen
class PairDecision:
    """A gate or rule in both studies."""

    name: str
    same: bool
    first: str
    second: str


@frozen
class BesideView:
    """Two studies side by side."""

    title: str
    first: str
    second: str
    story: tuple[str, ...]
    changes: tuple[str, ...]
    """What differs between the two plans, in words."""
    stages: tuple[PairStage, ...]
    decisions: tuple[PairDecision, ...]
    alone: tuple[tuple[str, str, str], ...]
    """What only one has decided: gate or rule, first, second."""
    places: tuple[tuple[str, str, str], ...]
    """Where they ran: study, its attempts, machine with device and software."""
    amendments: tuple[tuple[str, str], ...]
    """Study, and what its amendments say."""
    facts: tuple[tuple[str, str, str], ...]
    """Facts that are not the same in both: name, first, second."""


def build_beside(first: Record, second: Record) -> BesideView:
    """
    Say what two studies show beside each other.

    Args:
        first: a study.
        second: another study, usually of the same spec.
    """
    changes = tuple(plan_changes(first.plan, second.plan))
    stages = tuple(_stages(first, second))
    decisions = tuple(_decisions(first, second))
    other = [one.name for one in decisions if not one.same]
    return BesideView(
        title=first.study.title,
        first=first.folder,
        second=second.folder,
        story=tuple(_story(first, second, changes, decisions, other)),
        changes=_shown(changes),
        stages=stages,
        decisions=decisions,
        alone=tuple(_alone(first, second)),
        places=tuple(_places(first, second)),
        amendments=tuple(_amendments(first, second)),
        facts=tuple(_facts(first, second)),
    )


def _shown(changes: tuple[str, ...]) -> tuple[str, ...]:
    more = len(changes) - MOST_CHANGES
    return (*changes[:MOST_CHANGES], *((f"and {more} more",) if more > 0 else ()))


def _alone(first: Record, second: Record) -> Iterable[tuple[str, str, str]]:
    for name in dict.fromkeys((*first.decisions, *second.decisions)):
        if (name in first.decisions) != (name in second.decisions):
            yield name, _result(first, name), _result(second, name)


def _result(record: Record, name: str) -> str:
    decision = record.decisions.get(name)
    return result_words(decision, record.study, record.state, record.call) if decision else "not decided"


def _places(first: Record, second: Record) -> Iterable[tuple[str, str, str]]:
    for which, record in (("first", first), ("second", second)):
        for one in Environments(record).views():
            yield which, one.runs, "; ".join(f"{name} {value}" for name, value in one.rows)


def _amendments(first: Record, second: Record) -> Iterable[tuple[str, str]]:
    for which, record in (("first", first), ("second", second)):
        for one, at in zip(record.state.amendments, record.state.amended_at, strict=True):
            yield which, " ".join(amendment_lines(one, at))


def _story(
    first: Record, second: Record, changes: tuple[str, ...], decisions: tuple[PairDecision, ...], other: list[str]
) -> Iterable[str]:
    if changes:
        differ = "differs" if len(changes) == 1 else "differ"
        yield f"The two studies have different specs: {plural(len(changes), 'part')} of their plans {differ}."
    else:
        yield "Both studies are of the same spec, with the same rules, budgets, hosts and seeds."
    for which, record in (("first", first), ("second", second)):
        if replay := replay_line(record.state):
            yield f"The {which} study is a {replay}."
    if not decisions:
        yield "No gate and no rule has decided in both."
    elif other:
        yield f"They decided differently at {listed(other)}; {len(decisions) - len(other)} decisions are the same."
    else:
        yield f"All {len(decisions)} decisions are the same."
    missing = [record.folder for record in (first, second) if len(record.decisions) < len(_rules(record))]
    if missing:
        yield f"Not finished: {listed(missing)}."
    places = [{one.fixed for one in Environments(record).views()} for record in (first, second)]
    if all(places):
        alike = places[0] == places[1]
        yield f"Machines and software {'are of one kind in both' if alike else 'are not the same'}."
    changed = [
        f"the {which} {plural(len(record.state.amendments), 'time')}"
        for which, record in (("first", first), ("second", second))
        if record.state.amendments
    ]
    yield f"Rules were amended after the freeze: {' and '.join(changed)}." if changed else "Neither was amended."
    yield "Values of the two studies are shown side by side and never pooled."


def _rules(record: Record) -> tuple[str, ...]:
    return (*record.study.deciding, *record.study.steps, *record.study.told_by)


def _stages(first: Record, second: Record) -> Iterable[PairStage]:
    for name in first.evidence:
        if name not in second.evidence:
            continue
        one, two = (_means(record, record.evidence[name]) for record in (first, second))
        both = [candidate for candidate in one if candidate in two]
        sign = first.study.measure.sign
        better = sorted(one, key=lambda candidate: sign * one[candidate])
        rows = tuple(
            _row(name, (first if name in one else second).call(name), one, two)
            for name in [*better, *(extra for extra in two if extra not in one)]
        )
        yield PairStage(name, rows, _agreement([one[name] for name in both], [two[name] for name in both]))


def _means(record: Record, evidence: Evidence) -> dict[str, Fraction]:
    """Means of the candidates that have a value in every cell; others are of other cells, and compare with nobody's."""
    lower = record.study.measure.lower_is_better
    found = {}
    for row in evidence.rows:
        values = [from_exact(cell.value) for cell in row.cells if cell.value is not None]
        if len(values) == len(row.cells):
            found[row.candidate] = summarise(values, Statistic.MEAN, lower_is_better=lower)
    return found


def _row(candidate: str, called: str, one: Mapping[str, Fraction], two: Mapping[str, Fraction]) -> PairRow:
    a, b = one.get(candidate), two.get(candidate)
    gap = None if a is None or b is None else str(b - a)
    shown = ("" if value is None else str(value) for value in (a, b))
    first, second = (number(text) if text else NONE for text in shown)
    return PairRow(called, first, second, number(gap, signed=True))


def _agreement(one: list[Fraction], two: list[Fraction]) -> str:
    score, untied_one, untied_two = tau_b(one, two)
    if not untied_one or not untied_two:
        return "too few candidates in both to compare rankings"
    tau = score / (untied_one * untied_two) ** 0.5
    return f"rankings of {len(one)} candidates agree with tau-b {with_sign(Fraction(tau), 2)}"


def _decisions(first: Record, second: Record) -> Iterable[PairDecision]:
    ones, twos = first.verdicts, second.verdicts
    for name, one in ones.items():
        if (two := twos.get(name)) is not None:
            said = (
                result_words(record.decisions[name], record.study, record.state, record.call)
                for record in (first, second)
            )
            yield PairDecision(name, _outcome(one) == _outcome(two), *said)


def _outcome(decision: Decision) -> object:
    found = decision.found
    match found:
        case Ranking():
            return frozenset(decision.promoted), decision.stopped, decision.held
        case Walking():
            return found.place, decision.promoted
        case Reducing():
            fixed = frozenset((one.factor, one.level) for one in found.fixed)
            return fixed, decision.stopped, decision.held
        case Judgement():
            return found.answer
        case Forecasting():
            return found.foretold
        case Scheduling():
            return found.path, decision.held
        case _:
            assert_never(found)


def _facts(first: Record, second: Record) -> Iterable[tuple[str, str, str]]:
    one, two = dict(facts(first)), dict(facts(second))
    for name in [*one, *(extra for extra in two if extra not in one)]:
        if one.get(name) != two.get(name):
            yield name, one.get(name, NONE), two.get(name, NONE)
