"""
How effects and the ranking of conditions change from budget to budget: in words, and in two pictures.

A ranking of noisy scores cannot agree with another one perfectly even if the truth behind both is the same, so each
agreement stands beside what the noise would leave of it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from promo.base.canonical import from_exact
from promo.decision.stats import tau_b
from promo.evidence.across import moves, turns
from promo.evidence.effects import ORDERS, EffectTable, Estimate
from promo.evidence.values import Evidence
from promo.report.canvas import CHARACTER_IN, INK, LINE, belongs, figure_of, look, svg_of
from promo.report.design import effect_name
from promo.report.record import Record
from promo.report.words import listed, number
from promo.spec.describe import describe_budget
from promo.spec.values import Effects

MOST_LINES = 10
"""So many effects are drawn; the largest of the family at any stage, if it has more."""
ROW_IN = 0.2


def flip_lines(record: Record, effects: Effects, table: EffectTable) -> Iterable[str]:
    """Effects that flip from one stage to the next, and whether the stages share runs."""
    turned = list(turns(table))
    for one in turned:
        how = "both intervals leave zero out" if one.clear else "an interval holds zero, so noise alone may do that"
        yield (
            f"{effect_name(one.effect)} changes its sign: {number(one.first, signed=True)} at {one.before}, "
            f"{number(one.second, signed=True)} at {one.after}; {how}."
        )
    moved = list(moves(table, effects.family))
    for before, after in pairwise(effects.stages):
        here = [one for one in moved if (one.before, one.after) == (before, after)]
        if here:
            words = listed([f"{effect_name(one.effect)} from place {one.first} to {one.second}" for one in here])
            yield f"Of {here[0].count} effects by size, {words}, between {before} and {after}."
    if len(table.fits) > 1 and not turned and not moved:
        yield "No effect changes its sign or its place in the order of sizes from stage to stage."
    for before, after in pairwise(effects.stages):
        if before in (stage.name for stage in record.study.carried_on(after)):
            yield (
                f"{after} carries the runs of {before} on, so what they share cancels in a change, and its error, "
                "which takes the stages as independent, is as a rule too large."
            )


def effects_across(record: Record, effects: Effects, table: EffectTable) -> str:
    """The effects of the family over the stages as a picture; empty where there is one stage."""
    known: dict[tuple[str, ...], list[tuple[int, Estimate]]] = {}
    for place, fit in enumerate(table.fits):
        for one in fit.estimates:
            if one.value is not None and len(one.effect) in ORDERS[effects.family]:
                known.setdefault(one.effect, []).append((place, one))
    lines = {effect: points for effect, points in known.items() if len(points) > 1}
    if not lines:
        return ""
    largest = sorted(lines, key=lambda effect: -max(abs(float(one.value or 0)) for _, one in lines[effect]))
    shown = [effect for effect in lines if effect in largest[:MOST_LINES]]
    figure, (place,) = figure_of(1, height=3.2, top=0.15, bottom=0.55, left=0.85)
    for count, effect in enumerate(shown):
        style, aside = look(count), 0.02 * (count - (len(shown) - 1) / 2)
        xs = [at + aside for at, _ in lines[effect]]
        ys = [float(one.value or 0) for _, one in lines[effect]]
        place.plot(xs, ys, **style, markersize=5, linewidth=1.2, label=effect_name(effect))
        for x, (_, one) in zip(xs, lines[effect], strict=True):
            if one.low is not None and one.high is not None:
                place.plot([x, x], [float(one.low), float(one.high)], color=style["color"], linewidth=0.9, alpha=0.6)
    place.axhline(0.0, color=LINE, linewidth=1.0)
    _stage_axis(record, place, effects.stages, right=0.6)
    place.set_ylabel(f"effect ({record.study.measure.unit})")
    place.legend(loc="upper right", frameon=False, fontsize=9)
    words = "; ".join(
        f"{effect_name(effect)} " + ", ".join(f"{float(one.value or 0):+.4g}" for _, one in lines[effect])
        for effect in shown
    )
    return svg_of(figure, f"Effects from {listed(effects.stages)}: {words}")


def ranks_across(record: Record, effects: Effects) -> str:
    """Ranks of the conditions over the stages as a picture; empty where no condition is at two."""
    points = {name for design in effects.designs for name in record.study.designs[design].points}
    way = 1 if record.study.measure.lower_is_better else -1
    means = [_means(record.evidence[stage], points) for stage in effects.stages]
    orders = [sorted(some, key=lambda name: (way * some[name], name)) for some in means]
    at = {
        name: [(place, order.index(name) + 1) for place, order in enumerate(orders) if name in order]
        for name in sorted(set().union(*orders))
    }
    lines = {name: ranks for name, ranks in at.items() if len(ranks) > 1}
    if len(lines) < 3:
        return ""
    most = max(map(len, orders))
    figure, (place,) = figure_of(1, height=ROW_IN * most + 0.9, top=0.15, bottom=0.55, left=0.6)
    for name, ranks in lines.items():
        candidate = record.candidates.index(name)
        xs, ys = zip(*ranks, strict=True)
        (line,) = place.plot(xs, ys, **look(candidate), markersize=5, linewidth=1.2)
        belongs(line, candidate)
        place.text(xs[-1] + 0.03, ys[-1], name, va="center", fontsize=8.5, color=INK)
    place.set_ylim(most + 0.6, 0.4)
    longest = max(map(len, lines))
    _stage_axis(record, place, effects.stages, right=0.1 + longest * CHARACTER_IN * len(effects.stages) / 9)
    place.set_ylabel("rank")
    words = "; ".join(f"{stage}: {listed(order)}" for stage, order in zip(effects.stages, orders, strict=True))
    return svg_of(figure, f"Ranks of conditions, best first. {words}", record.candidates)


def _stage_axis(record: Record, place: Any, stages: Sequence[str], *, right: float) -> None:
    """Stages side by side with their budgets, and room for what stands on the right."""
    texts = [f"{name}\n{describe_budget(record.study.stages[name].budget)}" for name in stages]
    place.set_xticks(range(len(stages)), texts)
    place.set_xlim(-0.25, len(stages) - 1 + right)


def rank_lines(record: Record, effects: Effects) -> Iterable[str]:
    """Agreement of the rankings of conditions at consecutive stages, beside what noise alone would allow."""
    points = {name for design in effects.designs for name in record.study.designs[design].points}
    for before, after in pairwise(effects.stages):
        first, second = record.evidence[before], record.evidence[after]
        one, other = _means(first, points), _means(second, points)
        both = sorted(one.keys() & other.keys())
        if len(both) < 3:
            continue
        score, left, right = tau_b([one[name] for name in both], [other[name] for name in both])
        tau = score / math.sqrt(left * right) if left and right else 0.0
        few = max(len(both) // 4, 1)
        way = 1 if record.study.measure.lower_is_better else -1
        tops = [_best(means, both, few, way) for means in (one, other)]
        share = len(tops[0] & tops[1])
        reliability = [_reliability(evidence, points) for evidence in (first, second)]
        known = [value for value in reliability if value is not None]
        ceiling = ""
        if len(known) == 2:
            # Two noisy copies of one normal ranking: tau = 2/pi asin(r) (Kendall & Gibbons 1990, section 10.8).
            most = 2 / math.pi * math.asin(math.sqrt(known[0] * known[1]))
            ceiling = (
                f"; if the true rankings were the same, the noise between cells would still keep it near {most:.2f}"
            )
        yield (
            f"{before} and {after} rank {len(both)} conditions with Kendall's tau-b {tau:.2f}{ceiling}. "
            f"Of the best {few} they share {share}; by chance {few * few / len(both):.1f}."
        )


def _best(means: Mapping[str, Fraction], names: Iterable[str], count: int, way: int) -> set[str]:
    return set(sorted(names, key=lambda name: (way * means[name], name))[:count])


def _means(evidence: Evidence, points: set[str]) -> dict[str, Fraction]:
    found = {}
    for row in evidence.rows:
        values = [from_exact(cell.value) for cell in row.cells if cell.value is not None]
        if row.candidate in points and values and not row.missing:
            found[row.candidate] = sum(values, Fraction(0)) / len(values)
    return found


def _reliability(evidence: Evidence, points: set[str]) -> float | None:
    """Share of the variance of condition means that is not noise: 1 - 1/F of conditions against cells."""
    table = [
        [from_exact(cell.value or "0") for cell in row.cells]
        for row in evidence.rows
        if row.candidate in points and not row.missing
    ]
    rows, columns = len(table), len(evidence.cells)
    if rows < 2 or columns < 2:
        return None
    grand = sum((sum(row, Fraction(0)) for row in table), Fraction(0)) / (rows * columns)
    means = [sum(row, Fraction(0)) / columns for row in table]
    cells = [sum((row[place] for row in table), Fraction(0)) / rows for place in range(columns)]
    between = columns * sum(((mean - grand) ** 2 for mean in means), Fraction(0)) / (rows - 1)
    left = (
        (value - mean - cell + grand) ** 2
        for row, mean in zip(table, means, strict=True)
        for value, cell in zip(row, cells, strict=True)
    )
    error = sum(left, Fraction(0)) / ((rows - 1) * (columns - 1))
    return float(max(1 - error / between, Fraction(0))) if between else None
