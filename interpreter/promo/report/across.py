"""
How effects and the ranking of conditions change from budget to budget: in words, and in two pictures.

A ranking of noisy scores cannot agree with another one perfectly even if the truth behind both is the same, so each
agreement stands beside what the noise would leave of it.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from promo.base.floats import nearest
from promo.evidence.across import moves, turns
from promo.evidence.estimates import ORDERS, EffectTable, Estimate
from promo.report.amounts import a_run_words
from promo.report.design import effect_name
from promo.report.flows import ranks_svg
from promo.report.pictures import Trend, Trends, trends_svg
from promo.report.ranks import means, ranking, stability, stability_words
from promo.report.record import Record
from promo.report.words import NONE, listed, number
from promo.study.values import Effects
from promo.study.varied import rows_of

MOST_LINES = 10
"""So many effects are drawn; the largest of the family at any stage, if it has more."""


def flip_lines(effects: Effects, table: EffectTable) -> Iterable[str]:
    """Effects that flip from one stage to the next."""
    turned = list(turns(table))
    for one in turned:
        how = "both intervals exclude zero" if one.clear else "an interval includes zero, so noise alone may explain it"
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
    largest = sorted(lines, key=lambda effect: -max(abs(nearest(one.value or 0)) for _, one in lines[effect]))
    shown = [effect for effect in lines if effect in largest[:MOST_LINES]]
    trends = tuple(Trend(effect_name(effect), tuple(map(_point, lines[effect]))) for effect in shown)
    words = "; ".join(
        f"{effect_name(effect)} " + ", ".join(f"{nearest(one.value or 0):+.4g}" for _, one in lines[effect])
        for effect in shown
    )
    counts = f"effect ({record.study.measure.unit}); bars: intervals"
    return trends_svg(
        Trends(counts, tuple(_titles(record, effects.stages)), trends),
        f"Effects from {listed(effects.stages)}: {words}",
    )


def _point(found: tuple[int, Estimate]) -> tuple[int, float, tuple[float, float] | None]:
    place, one = found
    interval = None if one.low is None or one.high is None else (nearest(one.low), nearest(one.high))
    return place, nearest(one.value or 0), interval


def ranks_across(record: Record, effects: Effects) -> tuple[str, tuple[tuple[str, ...], ...]]:
    """Ranks of the conditions over the stages, as a picture and in rows; empty where fewer than three are at two."""
    points = _points(record, effects)
    lower = record.study.measure.lower_is_better
    seen = [stage for stage in effects.stages if stage in record.evidence]
    orders = [ranking(means(record.evidence[stage], points), lower_is_better=lower) for stage in seen]
    ranks = {
        name: tuple(order.index(name) + 1 if name in order else None for order in orders)
        for name in sorted(set().union(*orders))
    }
    number_of = {name: index for index, name in enumerate(record.candidates)}
    moving = {name: line for name, line in ranks.items() if sum(rank is not None for rank in line) > 1}
    if len(moving) < 3:
        return "", ()
    words = "; ".join(f"{stage}: {listed(order)}" for stage, order in zip(seen, orders, strict=True))
    lines = [(number_of[name], line) for name, line in moving.items()]
    titles = _titles(record, seen)
    picture = ranks_svg(titles, lines, record.called, f"Ranks of conditions, best first. {words}")
    head = ("condition", *(f"rank at {stage}" for stage in seen))
    rows = (
        (record.call(name), *(NONE if rank is None else str(rank) for rank in line)) for name, line in moving.items()
    )
    return picture, (head, *rows)


def _points(record: Record, effects: Effects) -> set[str]:
    return set(rows_of(record.study, effects))


def _titles(record: Record, stages: Sequence[str]) -> list[str]:
    """Stages with their budgets."""
    return [f"{name}\n{a_run_words(record.study.stages[name], capped=False)}" for name in stages]


def rank_lines(record: Record, effects: Effects) -> Iterable[str]:
    """Agreement of the rankings of conditions at consecutive stages, beside what noise alone would allow."""
    points, lower = _points(record, effects), record.study.measure.lower_is_better
    for before, after in pairwise(stage for stage in effects.stages if stage in record.evidence):
        found = stability(record.evidence[before], record.evidence[after], lower_is_better=lower, names=points)
        if found is not None and found.count > 2:
            yield stability_words(before, after, found, "conditions")
