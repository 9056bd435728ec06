"""
Conditions on evidence: whether each holds for a candidate, and the numbers that make it so.

A condition can also be undecidable, because the candidate or its reference lacks a value; `not`, `and`, `or` carry
that on unless the rest already settles the answer.
"""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from attrs import field, frozen

from promo.base.canonical import exact, from_exact
from promo.decision.stats import half_width, sign_flip_p, summarise, tau_b, tau_is_at_least, wilcoxon_p
from promo.decision.values import Finding
from promo.evidence.values import Evidence, Row
from promo.study.describe import describe_condition
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
    Side,
    Statistic,
    Test,
    Top,
)
from promo.study.values import Measure
from promo.syntax.clauses import LEADER

Values = Mapping[tuple[str, int], Fraction]


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

    @property
    def better(self) -> int:
        """1 when lower is better, else -1: times a value, smaller is better."""
        return 1 if self.measure.lower_is_better else -1

    def values(self, candidate: str) -> Values | None:
        """A candidate's values by cell; None when one is missing."""
        row = self.evidence.row(candidate)
        return None if row is None else complete(row)

    def statistic(self, candidate: str, host: str | None = None) -> Fraction | None:
        """What a candidate is ranked by, over all cells or over those of one host."""
        values = self.values(candidate)
        if values is None:
            return None
        chosen = [value for (where, _), value in values.items() if host in (None, where)]
        return summarise(chosen, self.rank_by, lower_is_better=self.measure.lower_is_better)


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


def _finding(condition: Condition, candidate: str, table: Table) -> Finding:
    words = describe_condition(condition, table.measure)
    match condition:
        case Top():
            return _place(words, condition.count, condition.per_host, candidate, table)
        case Best():
            count = math.ceil(condition.share * len(table.contenders))
            return _place(words, count, condition.per_host, candidate, table)
        case Level():
            return _level(words, condition, candidate, table)
        case Difference():
            return _difference(words, condition, candidate, table)
        case Equivalent():
            return _equivalent(words, condition, candidate, table)
        case Agreement():
            return agreement(words, condition, table)
        case First():
            return _first(words, candidate, table)
        case _:
            raise AssertionError(condition)


def _place(words: str, count: int, per_host: bool, candidate: str, table: Table) -> Finding:
    """Among the best *count* of the contenders, overall or on any host."""
    hosts: Sequence[str | None] = [None]
    if per_host:
        hosts = list(dict.fromkeys(host for host, _ in table.evidence.cells))
    if candidate not in table.contenders:
        return Finding(words, holds=False, details=(("place", "none: it does not compete for one"),))
    details: list[tuple[str, str]] = []
    margins: list[Fraction] = []
    kept = False
    for host in hosts:
        order = table.contenders if host is None else _by_host(table, host)
        place = order.index(candidate) + 1
        kept = kept or place <= count
        details.append((f"place on {host}" if host else "place", f"{place} of {len(order)}"))
        margin = _to_the_cut(table, order, count, candidate, host)
        if margin is not None:
            margins.append(margin)
    return Finding(words, holds=kept, margin=exact(max(margins)) if margins else None, details=tuple(details))


def _by_host(table: Table, host: str) -> list[str]:
    def key(name: str) -> tuple[bool, Fraction, int]:
        value = table.statistic(name, host)
        return value is None, table.better * (value or Fraction(0)), table.tie_order[name]

    return sorted(table.contenders, key=key)


def _to_the_cut(table: Table, order: Sequence[str], count: int, candidate: str, host: str | None) -> Fraction | None:
    """How much better a candidate is than the first behind the cut, or how much worse than the last before it."""
    inside = order.index(candidate) < count
    if (inside and len(order) <= count) or (not inside and count == 0):
        return None
    mine, other = table.statistic(candidate, host), table.statistic(order[count if inside else count - 1], host)
    return None if mine is None or other is None else table.better * (other - mine)


def _level(words: str, condition: Level, candidate: str, table: Table) -> Finding:
    values = table.values(candidate)
    if values is None:
        return Finding(words, holds=None)
    return _against(words, condition.statistic, list(values.values()), condition.bound, worst_is_large=table.better > 0)


def _difference(words: str, condition: Difference, candidate: str, table: Table) -> Finding:
    reference = table.leader if condition.reference == LEADER else condition.reference or table.reference
    found = differences(table, condition.side, candidate, reference)
    details = (("reference", str(reference)),)
    if found is None:
        return Finding(words, holds=None, details=details)
    bound = _widened(condition.bound, table.allowance)
    if reference == candidate:
        return Finding(words, holds=True, statistic="0", details=(("reference", "itself"),))
    if condition.test is None:
        plain = _against(words, condition.statistic, found, bound, worst_is_large=condition.side is Side.GAP)
        return Finding(words, plain.holds, plain.statistic, plain.margin, (*details, *plain.details))
    return _tested(words, condition.test, found, bound, details)


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


def _against(
    words: str, statistic: Statistic, values: Sequence[Fraction], bound: Bound, *, worst_is_large: bool
) -> Finding:
    """A statistic against a bound; for `every`, the value nearest to the bound or furthest beyond it."""
    if statistic is Statistic.EVERY:
        value = min(values, key=lambda one: inside(bound, one))
    else:
        value = summarise(values, statistic, lower_is_better=worst_is_large)
    margin = inside(bound, value)
    return Finding(words, margin >= 0, exact(value), exact(margin))


def _tested(
    words: str, test: Test, values: Sequence[Fraction], bound: Bound, details: tuple[tuple[str, str], ...]
) -> Finding:
    """A one-sided demand for confidence about paired differences."""
    below = bound.kind is BoundKind.AT_MOST
    mean = summarise(values, Statistic.MEAN, lower_is_better=True)
    if test.method in (Method.T, Method.SIGMA):
        reach = half_width(values, test.confidence, test.sigma)
        end = float(mean) + (reach if below else -reach)
        margin = (float(bound.value) - end) if below else (end - float(bound.value))
        name = "upper" if below else "lower"
        more = ((f"{name} {exact(test.confidence * 100)}% bound", number(end)), ("cells", str(len(values))))
        return Finding(words, margin >= 0, exact(mean), number(margin), (*details, *more))
    shifted = [(one - bound.value) if below else (bound.value - one) for one in values]
    p = sign_flip_p(shifted) if test.method is Method.SIGN_FLIP else wilcoxon_p(shifted)
    middle = mean if test.method is Method.SIGN_FLIP else summarise(values, Statistic.MEDIAN, lower_is_better=True)
    more = (("p", f"{exact(p)} = {number(float(p))}"), ("cells", str(len(values))))
    return Finding(words, p <= 1 - test.confidence, exact(middle), exact(inside(bound, middle)), (*details, *more))


def _equivalent(words: str, condition: Equivalent, candidate: str, table: Table) -> Finding:
    """Both one-sided bounds of the mean difference inside the margin."""
    reference = table.leader if condition.reference == LEADER else condition.reference or table.reference
    found = differences(table, Side.GAP, candidate, reference)
    if found is None:
        return Finding(words, holds=None, details=(("reference", str(reference)),))
    mean = summarise(found, Statistic.MEAN, lower_is_better=True)
    reach = half_width(found, condition.test.confidence, condition.test.sigma)
    low, high = float(mean) - reach, float(mean) + reach
    margin = float(condition.margin + table.allowance)
    level = exact((2 * condition.test.confidence - 1) * 100)
    details = (
        ("reference", str(reference)),
        (f"{level}% interval", f"{number(low)} to {number(high)}"),
        ("cells", str(len(found))),
    )
    room = min(margin - high, low + margin)
    return Finding(words, room >= 0, exact(mean), number(room), details)


def agreement(words: str, condition: Agreement, table: Table) -> Finding:
    """The least agreement between any two of the rankings."""
    rankings = _rankings(condition, table)
    least: tuple[float, tuple[str, str]] | None = None
    reached, undefined = True, ""
    for place, one in enumerate(condition.between):
        for other in condition.between[:place]:
            common = sorted(set(rankings[one]) & set(rankings[other]))
            parts = tau_b([rankings[one][name] for name in common], [rankings[other][name] for name in common])
            reached = reached and tau_is_at_least(parts, condition.bound.value)
            score, first, second = parts
            if not first or not second:
                undefined = f"{other} or {one} ranks fewer than two apart, so agreement is taken as 0 and not reached"
            tau = score / math.sqrt(first * second) if first and second else 0.0
            if least is None or tau < least[0]:
                least = tau, (other, one)
    assert least is not None
    details: tuple[tuple[str, str], ...] = (("least agreement", f"{least[1][0]} and {least[1][1]}"),)
    if undefined:
        details = (*details, ("undefined", undefined))
    margin = least[0] - float(condition.bound.value)
    return Finding(words, reached, number(least[0]), number(margin), details)


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


def _first(words: str, candidate: str, table: Table) -> Finding:
    """Alone in front in every cell, against everyone who has a value there."""
    mine = table.values(candidate)
    if mine is None:
        return Finding(words, holds=None)
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
    details = (("cells won", f"{won} of {len(table.evidence.cells)}"),)
    return Finding(words, won == len(table.evidence.cells), None, None if lead is None else exact(lead), details)


def number(value: float) -> str:
    """A computed float as stored: six significant digits, the same on every machine."""
    text = f"{value:.6g}"
    return "0" if text == "-0" else text
