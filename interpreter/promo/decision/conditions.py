"""
Conditions on evidence: whether each holds for a candidate, and the numbers that make it so.

A condition can also be undecidable, because the candidate or its reference lacks a value; `not`, `and`, `or` carry
that on unless the rest already settles the answer.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import assert_never

from promo.base.canonical import exact, from_exact
from promo.base.classes import field, frozen
from promo.base.floats import nearest, significant, six_digits
from promo.decision.stats import half_width, sign_flip_p, summarise, tau_b, tau_is_at_least, wilcoxon_p
from promo.decision.values import (
    Between,
    Bounded,
    CellsWon,
    Chance,
    Detail,
    Finding,
    LeastAgreement,
    Place,
    Reference,
)
from promo.evidence.values import Evidence, Row
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
    Method,
    Projected,
    Side,
    Simple,
    Statistic,
    Test,
    Top,
)
from promo.study.values import Measure
from promo.syntax.clauses import LEADER

TOLD_AT, TOLD_DIGITS = Fraction(19, 20), 5
"""Level of the intervals of what laws foretell, and digits that whoever fits them again finds as well."""

Values = Mapping[tuple[str, int], Fraction]


Foretell = Callable[[str, str, str], tuple[float, float, float, int] | None]
"""What a law says of a candidate at a stage: value, ends of its interval, and its points; None of too few."""


def _nothing(law: str, stage: str, candidate: str) -> None:
    """Nobody can be asked."""


@frozen
class Table:
    """
    Evidence as conditions see it.

    *contenders* compete for places, best first; *leader* is the best of all; *others* is the evidence of earlier
    stages; *allowance* widens every margin.
    """

    measure: Measure
    evidence: Evidence
    contenders: tuple[str, ...]
    leader: str | None
    rank_by: Statistic
    tie_order: Mapping[str, int]
    """Candidate -> its place among equals."""
    reference: str | None = None
    allowance: Fraction = Fraction(0)
    others: Mapping[str, Evidence] = field(factory=dict)
    foretold: Foretell = _nothing

    @property
    def better(self) -> int:
        """1 when lower is better, else -1: times a value, smaller is better."""
        return self.measure.sign

    def values(self, candidate: str) -> Values | None:
        """A candidate's values by cell; None when one is missing."""
        row = self.evidence.row(candidate)
        return None if row is None else complete(row)

    def statistic(self, candidate: str, host: str | None = None) -> Fraction | None:
        """What a candidate is ranked by, over all cells or over those of one host."""
        if (candidate, host) not in self.known:
            values, found = self.values(candidate), None
            if values is not None:
                chosen = [value for (where, _), value in values.items() if host in (None, where)]
                found = summarise(chosen, self.rank_by, lower_is_better=self.measure.lower_is_better)
            self.known[candidate, host] = found
        return self.known[candidate, host]

    @cached_property
    def known(self) -> dict[tuple[str, str | None], Fraction | None]:
        """Statistics that were asked for: each candidate is compared with the same others."""
        return {}


def complete(row: Row) -> Values | None:
    """Values of a row by cell; None when one is missing."""
    if row.missing:
        return None
    return {(cell.host, cell.seed): from_exact(cell.value) for cell in row.cells if cell.value is not None}


Answer = tuple[bool | None, tuple[Finding, ...]]


def holds(condition: Condition, candidate: str, table: Table) -> Answer:
    """Whether a condition holds for a candidate, with a finding for each of its parts."""
    match condition:
        case Isnt():
            answer, findings = holds(condition.condition, candidate, table)
            return (None if answer is None else not answer), findings
        case Both() | Either():
            answers = [holds(part, candidate, table) for part in condition.conditions]
            settles = isinstance(condition, Either)
            found = tuple(finding for _, findings in answers for finding in findings)
            if any(answer is settles for answer, _ in answers):
                return settles, found
            return (None if any(answer is None for answer, _ in answers) else not settles), found
        case _:
            finding = _finding(condition, candidate, table)
            return finding.holds, (finding,)


def _finding(condition: Simple, candidate: str, table: Table) -> Finding:
    match condition:
        case Top():
            return _place(condition, condition.count, candidate, table)
        case Best():
            return _place(condition, math.ceil(condition.share * len(table.contenders)), candidate, table)
        case Level():
            return _level(condition, candidate, table)
        case Difference():
            return _difference(condition, candidate, table)
        case Equivalent():
            return _equivalent(condition, candidate, table)
        case Agreement():
            return agreement(condition, table)
        case First():
            return _first(condition, candidate, table)
        case Projected():
            return _projected(condition, candidate, table)
        case _:
            assert_never(condition)


def _place(condition: Top | Best, count: int, candidate: str, table: Table) -> Finding:
    """Among the best *count* of the contenders, overall or on any host."""
    hosts: Sequence[str | None] = [None]
    if condition.per_host:
        hosts = list(dict.fromkeys(host for host, _ in table.evidence.cells))
    if candidate not in table.contenders:
        return Finding(condition, holds=False, details=(Place(None, None, len(table.contenders)),))
    details: list[Detail] = []
    margins: list[Fraction] = []
    kept = False
    for host in hosts:
        order = table.contenders if host is None else _by_host(table, host)
        place = order.index(candidate) + 1
        kept = kept or place <= count
        details.append(Place(host, place, len(order)))
        margin = _to_the_cut(table, order, count, candidate, host)
        if margin is not None:
            margins.append(margin)
    return Finding(condition, holds=kept, margin=exact(max(margins)) if margins else None, details=tuple(details))


def _by_host(table: Table, host: str) -> list[str]:
    def key(name: str) -> tuple[bool, Fraction, int]:
        value = table.statistic(name, host)
        return value is None, table.better * (value or Fraction(0)), table.tie_order[name]

    return sorted(table.contenders, key=key)


def _to_the_cut(table: Table, order: Sequence[str], count: int, candidate: str, host: str | None) -> Fraction | None:
    """How much better a candidate is than the first below the cut, or how much worse than the last before it."""
    inside = order.index(candidate) < count
    if (inside and len(order) <= count) or (not inside and count == 0):
        return None
    mine, other = table.statistic(candidate, host), table.statistic(order[count if inside else count - 1], host)
    return None if mine is None or other is None else table.better * (other - mine)


def _level(condition: Level, candidate: str, table: Table) -> Finding:
    values = table.values(candidate)
    if values is None:
        return Finding(condition, holds=None)
    held, value, margin = _against(
        condition.statistic, list(values.values()), condition.bound, worst_is_large=table.better > 0
    )
    return Finding(condition, held, value, margin)


def _difference(condition: Difference, candidate: str, table: Table) -> Finding:
    reference = table.leader if condition.reference == LEADER else condition.reference or table.reference
    found = differences(table, condition.side, candidate, reference)
    details = (Reference(reference),)
    if found is None:
        return Finding(condition, holds=None, details=details)
    bound = _widened(condition.bound, table.allowance)
    if reference == candidate:
        return Finding(condition, holds=True, statistic="0", details=details)
    if condition.test is None:
        worst_is_large = condition.side is Side.GAP
        return Finding(condition, *_against(condition.statistic, found, bound, worst_is_large=worst_is_large), details)
    return _tested(condition, condition.test, found, bound, details)


def differences(table: Table, side: Side, candidate: str, reference: str | None) -> list[Fraction] | None:
    """Gaps or gains of a candidate, paired by cell; None when a value is missing."""
    mine = table.values(candidate)
    other = table.values(reference) if reference is not None else None
    if mine is None or other is None:
        return None
    sign = table.better if side is Side.GAP else -table.better
    return [sign * (mine[cell] - other[cell]) for cell in table.evidence.cells]


def _widened(bound: Bound, allowance: Fraction) -> Bound:
    return Bound(bound.kind, bound.value + (-allowance if bound.kind is BoundKind.AT_LEAST else allowance))


def inside(bound: Bound, value: Fraction) -> Fraction:
    """How far a value lies inside a bound; negative beyond it."""
    match bound.kind:
        case BoundKind.WITHIN:
            return bound.value - abs(value)
        case BoundKind.AT_MOST:
            return bound.value - value
        case BoundKind.AT_LEAST:
            return value - bound.value
        case _:
            assert_never(bound.kind)


def _against(
    statistic: Statistic, values: Sequence[Fraction], bound: Bound, *, worst_is_large: bool
) -> tuple[bool, str, str]:
    """Whether a statistic is inside a bound, it, and its margin; for `every`, of the value that is least inside."""
    if statistic is Statistic.EVERY:
        value = min(values, key=lambda one: inside(bound, one))
    else:
        value = summarise(values, statistic, lower_is_better=worst_is_large)
    margin = inside(bound, value)
    return margin >= 0, exact(value), exact(margin)


def _tested(
    condition: Difference, test: Test, values: Sequence[Fraction], bound: Bound, details: tuple[Detail, ...]
) -> Finding:
    """A one-sided demand for confidence about paired differences."""
    below = bound.kind is BoundKind.AT_MOST
    mean = summarise(values, Statistic.MEAN, lower_is_better=True)
    if test.method in (Method.T, Method.SIGMA):
        reach = half_width(values, test.confidence, test.sigma)
        end = nearest(nearest(mean) + (reach if below else -reach))
        margin = (nearest(bound.value) - end) if below else (end - nearest(bound.value))
        more = Bounded(below, test.confidence, six_digits(end), len(values))
        return Finding(condition, margin >= 0, exact(mean), six_digits(margin), (*details, more))
    shifted = [(one - bound.value) if below else (bound.value - one) for one in values]
    p = sign_flip_p(shifted) if test.method is Method.SIGN_FLIP else wilcoxon_p(shifted)
    middle = mean if test.method is Method.SIGN_FLIP else summarise(values, Statistic.MEDIAN, lower_is_better=True)
    found = (*details, Chance(p, len(values)))
    return Finding(condition, p <= 1 - test.confidence, exact(middle), exact(inside(bound, middle)), found)


def _equivalent(condition: Equivalent, candidate: str, table: Table) -> Finding:
    """Both one-sided bounds of the mean difference inside the margin."""
    reference = table.leader if condition.reference == LEADER else condition.reference or table.reference
    found = differences(table, Side.GAP, candidate, reference)
    if found is None:
        return Finding(condition, holds=None, details=(Reference(reference),))
    mean = summarise(found, Statistic.MEAN, lower_is_better=True)
    reach = half_width(found, condition.test.confidence, condition.test.sigma)
    low, high = nearest(nearest(mean) - reach), nearest(nearest(mean) + reach)
    margin = nearest(condition.margin + table.allowance)
    interval = Between(2 * condition.test.confidence - 1, six_digits(low), six_digits(high), len(found))
    room = min(margin - high, low + margin)
    return Finding(condition, room >= 0, exact(mean), six_digits(room), (Reference(reference), interval))


def agreement(condition: Agreement, table: Table) -> Finding:
    """The least agreement between any two of the rankings."""
    rankings = _rankings(condition, table)
    least: tuple[float, tuple[str, str]] | None = None
    reached, undefined = True, False
    for place, one in enumerate(condition.between):
        for other in condition.between[:place]:
            common = sorted(set(rankings[one]) & set(rankings[other]))
            parts = tau_b([rankings[one][name] for name in common], [rankings[other][name] for name in common])
            reached = reached and tau_is_at_least(parts, condition.bound.value)
            score, first, second = parts
            undefined = undefined or not first or not second
            tau = score / math.sqrt(first * second) if first and second else 0.0
            if least is None or tau < least[0]:
                least = tau, (other, one)
    assert least is not None
    margin = least[0] - float(condition.bound.value)
    return Finding(
        condition, reached, six_digits(least[0]), six_digits(margin), (LeastAgreement(*least[1], undefined),)
    )


def _rankings(condition: Agreement, table: Table) -> dict[str, dict[str, Fraction]]:
    """Host or stage -> candidate -> what it is ranked by there; candidates without a value are left out."""
    found: dict[str, dict[str, Fraction]] = {}
    for name in condition.between:
        found[name] = {}
        evidence = table.evidence if condition.of_hosts else table.others.get(name, table.evidence)
        for row in evidence.rows:
            values = complete(row)
            if values is None:
                continue
            chosen = [value for (host, _), value in values.items() if not condition.of_hosts or host == name]
            lower = table.measure.lower_is_better
            found[name][row.candidate] = summarise(chosen, table.rank_by, lower_is_better=lower)
    return found


def _projected(condition: Projected, candidate: str, table: Table) -> Finding:
    """The whole interval inside the bound, or the whole of it beyond; else it cannot be told."""
    told = table.foretold(condition.law, condition.stage, candidate)
    if told is None:
        return Finding(condition, holds=None)
    value, low, high, points = told
    below, bound = condition.bound.kind is BoundKind.AT_MOST, nearest(condition.bound.value)
    least, most = (bound - high, bound - low) if below else (low - bound, high - bound)
    holds_there = True if least >= 0 else False if most < 0 else None
    shown, margin = significant(value, TOLD_DIGITS), bound - value if below else value - bound
    interval = Between(TOLD_AT, significant(low, TOLD_DIGITS), significant(high, TOLD_DIGITS), points)
    return Finding(condition, holds_there, shown, significant(margin, TOLD_DIGITS), (interval,))


def _first(condition: First, candidate: str, table: Table) -> Finding:
    """Alone in front in every cell, against everyone who has a value there."""
    mine = table.values(candidate)
    if mine is None:
        return Finding(condition, holds=None)
    won = 0
    lead: Fraction | None = None
    for cell in table.evidence.cells:
        rivals = [
            table.better * from_exact(other.value)
            for row in table.evidence.rows
            if row.candidate != candidate
            for other in row.cells
            if (other.host, other.seed) == cell and other.value is not None
        ]
        ahead = min(rivals) - table.better * mine[cell] if rivals else None
        won += ahead is None or ahead > 0
        if ahead is not None:
            lead = ahead if lead is None else min(lead, ahead)
    count = len(table.evidence.cells)
    return Finding(condition, won == count, None, None if lead is None else exact(lead), (CellsWon(won, count),))
