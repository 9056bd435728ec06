"""
Rules to gain plots: the difference in each cell, the figure that decides, its interval, and the bound.

The interval is that of the rule's own test.  Where a rule asks for none it is the one that seeds give: 95% of the
differences of two means that differ by their seeds alone, which is what the first screen holds an effect against.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import assert_never

from promo.base.canonical import from_exact, rounded
from promo.base.classes import frozen
from promo.base.floats import nearest
from promo.base.tails import t_quantile
from promo.decision.decide import side_of
from promo.decision.values import (
    About,
    Between,
    Bounded,
    CellsWon,
    Chance,
    Detail,
    Finding,
    Judgement,
    LeastAgreement,
    Place,
    Reference,
)
from promo.evidence.noise import SeedNoise, seed_noise
from promo.report.describe import describe_condition
from promo.report.record import Record
from promo.report.standing import sampling
from promo.report.strips import MOST_ROWS, Bounds, Strip, Strips, strips_svg, words_of
from promo.report.words import PLACES, behind, between, counted_in, points, short_number, within
from promo.study.judgement import (
    Agreement,
    Best,
    Both,
    Bound,
    BoundKind,
    Condition,
    Difference,
    Either,
    Equivalent,
    First,
    Isnt,
    Level,
    Projected,
    Rule,
    Side,
    Statistic,
    Top,
)

LEVEL = 0.95
"""Of the interval that seeds give."""
NORMAL = 1.959964
"""Quantile of the normal distribution for it, where the noise is declared."""
OWN, SEEDS = "the test's interval", "95% interval by seed noise"


@frozen
class Judged:
    """One finding of a rule about one candidate."""

    rule: Rule
    finding: Finding
    candidate: str
    outcome: str


def gain_picture(record: Record, group: Sequence[tuple[Rule, Judgement]]) -> tuple[str, str]:
    """
    The picture of rules that compare the same candidates, and what has to be said of it.

    Args:
        record: the study.
        group: rules that have decided, with what they found, values of a leader filled in.
    """
    judged = [one for rule, found in group for one in _judged(record, rule, found)]
    apart = [one for one in judged if isinstance(one.finding.condition, Difference | Equivalent)]
    some = apart or [one for one in judged if isinstance(one.finding.condition, Level)]
    if not some:
        return "", ""
    hosts = tuple(dict.fromkeys(cell.host for _, found in group for cell in found.comparisons))
    comparisons = {rule.name: found for rule, found in group}
    rows = [_strip(record, one, comparisons[one.rule.name], hosts) for one in some[:MOST_ROWS]]
    unit = record.study.measure.unit
    strips = Strips(
        rows=tuple(rows),
        hosts=hosts if any(row.values for row in rows) else (),
        counts=_counts(record, some[0].rule, differences=bool(apart)),
        figure=" or ".join(sorted(_statistics(some))),
        interval=" or ".join(dict.fromkeys(said for one in some if (said := _whose(record, one)))),
        zero=bool(apart),
    )
    words = f"{strips.counts}, a row a finding. {words_of(strips, unit)}"
    picture, beyond = strips_svg(strips, words, record.called)
    return picture, " ".join(_said(strips, len(some) - len(rows), beyond, differences=bool(apart)))


def _said(strips: Strips, hidden: int, beyond: int, *, differences: bool) -> Iterable[str]:
    yield "A mark is the difference in a cell." if differences else "A mark is a run."
    yield "A rule holds if its bar lies in the shaded area; the interval of a test must lie there as well."
    yield from sampling(strips, hidden, beyond, "finding")


def _statistics(judged: Iterable[Judged]) -> set[str]:
    asked = (one.finding.condition for one in judged)
    return {one.statistic.value if isinstance(one, Difference | Level) else Statistic.MEAN.value for one in asked}


def _judged(record: Record, rule: Rule, found: Judgement) -> Iterable[Judged]:
    """The findings of a rule whose candidate can be named."""
    for finding in found.findings:
        about = next((one.candidate for one in finding.details if isinstance(one, About)), None)
        name = about or (found.judged[0] if len(found.judged) == 1 else None)
        if name in record.candidates and finding.statistic is not None and not _itself(finding, name):
            alone = len(found.findings) == 1
            holds = {True: "holds", False: "does not hold", None: "cannot be told"}[finding.holds]
            yield Judged(rule, finding, name, found.answer.value if alone else holds)


def _itself(finding: Finding, name: str) -> bool:
    return any(isinstance(one, Reference) and one.candidate == name for one in finding.details)


def _counts(record: Record, rule: Rule, *, differences: bool) -> str:
    measure = record.study.measure
    if not differences:
        return f"{measure.metric}{within(measure.unit)}, {'lower' if measure.lower_is_better else 'higher'} is better"
    against = f" than {record.call(rule.reference)}" if rule.reference else ""
    if side_of(rule) is Side.GAIN:
        return f"gain{counted_in(points(measure.unit))}: right of 0 is better{against}"
    return f"gap{counted_in(points(measure.unit))}: left of 0 is better{against}"


def _amount(condition: Condition, value: Fraction, unit: str) -> str:
    if isinstance(condition, Level):
        return f"{short_number(value)}{behind(unit)}"
    return between(short_number(value, signed=True), unit)


def _strip(record: Record, one: Judged, found: Judgement, hosts: Sequence[str]) -> Strip:
    condition, value = one.finding.condition, from_exact(one.finding.statistic or "0")
    turned = isinstance(condition, Difference) and condition.side is not side_of(one.rule)
    own = [cell for cell in found.comparisons if cell.candidate == one.candidate]
    texts = [cell.judged if isinstance(condition, Level) else cell.difference for cell in own]
    reach, asked = _reach(record, one), _asked(one.finding)
    unit = record.study.measure.unit
    return Strip(
        candidate=record.candidates.index(one.candidate),
        name=one.rule.name,
        beside=f"{_who(record, one)}: {describe_condition(condition, record.study.measure)}",
        values=tuple(
            (hosts.index(cell.host), from_exact(text))
            for cell, text in zip(own, texts, strict=True)
            if text is not None
        ),
        figure=-value if turned else value,
        reach=_turned(reach) if turned and reach else reach,
        asked=_turned(asked) if turned and asked else asked,
        said=(_amount(condition, value, unit), one.outcome),
        kept=one.finding.holds is True,
    )


def _who(record: Record, one: Judged) -> str:
    others = (it.candidate for it in one.finding.details if isinstance(it, Reference))
    against = next((f" against {record.call(other)}" for other in others if other is not None), "")
    return f"{record.call(one.candidate)}{against}"


def _turned(ends: Bounds) -> Bounds:
    """The same of a gap as of a gain."""
    return Bounds(*(None if end is None else -end for end in (ends.high, ends.low)))


def _asked(finding: Finding) -> Bounds | None:
    condition = finding.condition
    match condition:
        case Equivalent():
            return Bounds(-condition.margin, condition.margin)
        case Difference() | Level():
            return _of_bound(condition.bound)
        case Top() | Best() | Agreement() | First() | Projected() | Isnt() | Both() | Either():
            return None
        case _:
            assert_never(condition)


def _of_bound(bound: Bound) -> Bounds:
    if bound.kind is BoundKind.WITHIN:
        return Bounds(-bound.value, bound.value)
    return Bounds(None, bound.value) if bound.kind is BoundKind.AT_MOST else Bounds(bound.value, None)


# --- intervals -----------------------------------------------------------------------------------------------------


def _reach(record: Record, one: Judged) -> Bounds | None:
    return test_interval(one.finding) or seed_interval(record, one.rule, one.finding)


def _whose(record: Record, one: Judged) -> str:
    """What the interval of a row is; empty where it has none."""
    if test_interval(one.finding) is not None:
        return OWN
    return SEEDS if seed_interval(record, one.rule, one.finding) is not None else ""


def test_interval(finding: Finding) -> Bounds | None:
    """The bound or interval of the test that a condition asks for; None where it asks for none, or for a chance."""
    return next((ends for one in finding.details if (ends := _ends(one)) is not None), None)


def _ends(detail: Detail) -> Bounds | None:
    match detail:
        case Bounded():
            end = from_exact(detail.value)
            return Bounds(None, end) if detail.upper else Bounds(end, None)
        case Between():
            return Bounds(from_exact(detail.low), from_exact(detail.high))
        case Place() | Reference() | About() | Chance() | LeastAgreement() | CellsWon():
            return None
        case _:
            assert_never(detail)


def seed_interval(record: Record, rule: Rule, finding: Finding) -> Bounds | None:
    """
    The 95% interval that seeds alone give a difference of means; None where that is not known.

    Args:
        record: the study.
        rule: that compares.
        finding: what it found; one about means.
    """
    condition, evidence = finding.condition, record.evidence.get(rule.stage)
    if not isinstance(condition, Difference) or condition.statistic is not Statistic.MEAN:
        return None
    if evidence is None or condition.test is not None or finding.statistic is None or _alone(finding):
        return None
    noise = seed_noise(evidence, record.study.noise)
    if noise is None:
        return None
    value, half = from_exact(finding.statistic), _half(noise, len(evidence.cells))
    return Bounds(value - half, value + half)


def _alone(finding: Finding) -> bool:
    """Whether a finding compares with nobody, or a candidate with itself."""
    itself = finding.statistic == "0" and finding.margin is None
    return itself or not any(isinstance(one, Reference) and one.candidate is not None for one in finding.details)


def _half(noise: SeedNoise, cells: int) -> Fraction:
    quantile = NORMAL if noise.declared else t_quantile((1 + LEVEL) / 2, noise.degrees)
    return Fraction(nearest(noise.error(cells) * Fraction(quantile)))


def interval_words(record: Record, rule: Rule, finding: Finding) -> str:
    """The interval that seeds give, for a table, which says that no test was asked for; empty without one."""
    found = seed_interval(record, rule, finding)
    if found is None or found.low is None or found.high is None:
        return ""
    return f"no test asked; {SEEDS} {rounded(found.low, PLACES)} to {rounded(found.high, PLACES)}"
