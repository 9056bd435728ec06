"""
How far the rankings of stages agree, and how candidates move between them.

Agreement is shown beside what noise alone would allow: two rankings of the same true order, each from a few noisy
cells, do not agree fully either.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction

from promo.base.canonical import exact_sum, from_exact
from promo.base.classes import frozen
from promo.decision.stats import tau_b
from promo.evidence.values import Evidence
from promo.report.flows import ranks_svg
from promo.report.record import Record
from promo.report.words import NONE, number, plural, two_places

MOST_LINES = 48
"""Candidates of one picture."""


@frozen
class Stability:
    """How far two rankings of the same candidates agree."""

    count: int
    tau: float
    """Kendall's tau-b, 1 for the same order and -1 for the reverse."""
    few: int
    """How many of the best are compared."""
    shared: int
    """How many of those are among the best in both."""
    ceiling: float | None
    """Tau that noise between cells would leave of rankings that are truly the same; None when cells are too few."""


@frozen
class FlowView:
    """Ranks from stage to stage."""

    picture: str
    """SVG; empty when no two stages have candidates in common."""
    said: tuple[str, ...]
    """Agreement of stages, in sentences."""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Candidate, and its rank and mean at each stage."""


def means(evidence: Evidence, names: Collection[str] | None = None) -> dict[str, Fraction]:
    """
    Mean of every candidate that has all its cells.

    Args:
        evidence: of a stage.
        names: candidates that are wanted; None for all.
    """
    found = {}
    for row in evidence.rows:
        values = [from_exact(cell.value) for cell in row.cells if cell.value is not None]
        if (names is None or row.candidate in names) and values and not row.missing:
            found[row.candidate] = exact_sum(values) / len(values)
    return found


def ranking(values: Mapping[str, Fraction], *, lower_is_better: bool) -> list[str]:
    """Names by value, best first; equal ones by name."""
    way = 1 if lower_is_better else -1
    return sorted(values, key=lambda name: (way * values[name], name))


def stability(
    before: Evidence, after: Evidence, *, lower_is_better: bool, names: Collection[str] | None = None
) -> Stability | None:
    """
    How far two stages rank alike.

    Args:
        before: evidence of one stage.
        after: evidence of another.
        lower_is_better: which way the metric is better.
        names: candidates that are wanted; None for all.

    Returns:
        None when fewer than two candidates have all their cells in both.

    Source:
        Kendall & Gibbons (1990), Rank Correlation Methods, chapter 3 for tau-b and section 10.8 for tau = 2/pi asin(r),
        of two noisy copies of one normal ranking.
    """
    one, other = means(before, names), means(after, names)
    both = sorted(one.keys() & other.keys())
    if len(both) < 2:
        return None
    score, left, right = tau_b([one[name] for name in both], [other[name] for name in both])
    few = max(len(both) // 4, 1)
    tops = [
        set(ranking({name: values[name] for name in both}, lower_is_better=lower_is_better)[:few])
        for values in (one, other)
    ]
    known = [value for evidence in (before, after) if (value := _reliability(evidence, both)) is not None]
    most = 2 / math.pi * math.asin(math.sqrt(known[0] * known[1])) if len(known) == 2 else None
    tau = score / math.sqrt(left * right) if left and right else 0.0
    return Stability(len(both), tau, few, len(tops[0] & tops[1]), most)


def _reliability(evidence: Evidence, names: Collection[str]) -> float | None:
    """Share of the variance of means that is not noise: 1 - 1/F of candidates against cells."""
    table = [
        [from_exact(cell.value or "0") for cell in row.cells]
        for row in evidence.rows
        if row.candidate in names and not row.missing
    ]
    rows, columns = len(table), len(evidence.cells)
    if rows < 2 or columns < 2:
        return None
    grand = exact_sum(exact_sum(row) for row in table) / (rows * columns)
    middle = [exact_sum(row) / columns for row in table]
    cells = [exact_sum(row[place] for row in table) / rows for place in range(columns)]
    between = columns * exact_sum((mean - grand) ** 2 for mean in middle) / (rows - 1)
    left = (
        (value - mean - cell + grand) ** 2
        for row, mean in zip(table, middle, strict=True)
        for value, cell in zip(row, cells, strict=True)
    )
    error = exact_sum(left) / ((rows - 1) * (columns - 1))
    return float(max(1 - error / between, Fraction(0))) if between else None


def stability_words(before: str, after: str, found: Stability, who: str) -> str:
    """Agreement of two stages in sentences; *who* is ranked, in the plural."""
    if found.count == 2:
        order = "the same" if found.tau > 0 else "the opposite"
        return f"{before} and {after} rank their two common {who} in {order} order."
    ceiling = ""
    if found.ceiling is not None:
        ceiling = (
            f"; if the true rankings were the same, the noise between cells would still keep it near "
            f"{found.ceiling:.2f}"
        )
    chance = f"by chance {found.few * found.few / found.count:.1f}"
    best = f"Of the best {found.few} they share {found.shared}; {chance}."
    if found.few == 1:
        best = "They agree on the best." if found.shared else "They do not agree on the best."
    return (
        f"{before} and {after} rank {found.count} {who} with Kendall's tau-b {two_places(found.tau)}{ceiling}. {best}"
    )


def flow_view(record: Record) -> FlowView:
    """Ranks of candidates at every stage that has some in common with another."""
    lower = record.study.measure.lower_is_better
    every = {stage.name: means(record.evidence[stage.name]) for stage in record.plan.stages if _has(record, stage.name)}
    pairs = list(_pairs(every))
    stages = [name for name in every if any(name in pair for pair in pairs)]
    if not stages:
        return FlowView("", (), (), ())
    orders = {name: ranking(every[name], lower_is_better=lower) for name in stages}
    ranks = {name: {candidate: rank for rank, candidate in enumerate(orders[name], 1)} for name in stages}
    names = record.candidates
    number_of = {name: index for index, name in enumerate(names)}
    moving = [name for name in names if sum(name in ranks[stage] for stage in stages) > 1]
    moving.sort(key=lambda name: (-sum(name in ranks[stage] for stage in stages), number_of[name]))
    said = list(_said(record, pairs, lower=lower))
    if len(moving) > MOST_LINES:
        said.append(f"Drawn: {MOST_LINES} of {len(moving)} candidates, those at most stages first.")
    lines = [(number_of[name], tuple(ranks[stage].get(name) for stage in stages)) for name in moving[:MOST_LINES]]
    words = "Ranks from stage to stage. " + "; ".join(
        f"{record.called[number_of[name]]}: {', '.join(NONE if rank is None else str(rank) for rank in line)}"
        for name, (_, line) in zip(moving, lines, strict=False)
    )
    return FlowView(
        picture=ranks_svg(stages, lines, record.called, words),
        said=tuple(said),
        columns=("candidate", *(f"{stage}: {what}" for stage in stages for what in ("rank", "mean"))),
        rows=tuple((record.called[number_of[name]], *_row(name, stages, ranks, every)) for name in moving),
    )


def _has(record: Record, stage: str) -> bool:
    return stage in record.evidence and not record.study.stages[stage].report_only


def _pairs(every: Mapping[str, Mapping[str, Fraction]]) -> Iterable[tuple[str, str]]:
    """Each stage with the nearest one before it that has two candidates or more in common with it."""
    names = list(every)
    for place, name in enumerate(names):
        before = (one for one in reversed(names[:place]) if len(every[one].keys() & every[name].keys()) > 1)
        found = next(before, None)
        if found is not None:
            yield found, name


def _said(record: Record, pairs: Sequence[tuple[str, str]], *, lower: bool) -> Iterable[str]:
    for before, after in pairs:
        found = stability(record.evidence[before], record.evidence[after], lower_is_better=lower)
        if found is not None:
            yield stability_words(before, after, found, "candidates")
    narrowed = [
        after for before, after in pairs if len(record.evidence[after].rows) < len(record.evidence[before].rows)
    ]
    if narrowed:
        yield (
            "Promoted candidates are closer to each other than all entrants were, which by itself lowers the agreement "
            f"({plural(len(narrowed), 'stage')})."
        )


def _row(
    name: str,
    stages: Sequence[str],
    ranks: Mapping[str, Mapping[str, int]],
    every: Mapping[str, Mapping[str, Fraction]],
) -> tuple[str, ...]:
    cells = []
    for stage in stages:
        rank, mean = ranks[stage].get(name), every[stage].get(name)
        cells += [NONE if rank is None else str(rank), NONE if mean is None else number(str(mean))]
    return tuple(cells)
