"""
Ways to grow, judged by where they ended: ranks right after growing, along the lag and at the end, and what they cost.

A growth chooses at the end of its lag.  Where a later stage trains its ways to the end, chosen or not, every earlier
look can be judged by that end: how far its order agrees with the last one, and what the way that led there lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from promo.base.canonical import exact_sum, from_exact, rounded
from promo.base.classes import frozen
from promo.base.floats import root
from promo.decision.stats import spearman, tau_b
from promo.evidence.values import Evidence
from promo.report.flows import ranks_svg
from promo.report.ranks import means, ranking
from promo.report.record import Record
from promo.report.words import NONE, PLACES, between, listed, plural, size
from promo.study.values import Grow

Where = tuple[str, int]
"""A cell: host and seed."""
Table = Mapping[str, Mapping[Where, Fraction]]
"""Way -> its value in each cell."""


@frozen
class Look:
    """A point of the lag, or its end, at which a way could be chosen."""

    step: int
    values: Table


@frozen
class Judged:
    """A look, judged by the end."""

    step: int
    first: str
    """The way with the best mean there."""
    ranks: Mapping[str, int]
    means: Mapping[str, Fraction]
    rho: float | None
    """Spearman's coefficient of its means and those at the end; None where all of one side are equal."""
    tau: float | None
    """Kendall's tau-b likewise."""
    by_cell: tuple[float | None, ...]
    """Spearman's coefficient in each cell."""
    regret: Fraction
    """By how much the way that led here ended behind the best, in the unit of the measure."""
    extra: int
    """Steps in each cell that choosing here would cost: those of the ways that are not chosen."""


@frozen
class LandscapeView:
    """What a report shows of the ways of a growth along its lag and at their end."""

    picture: str
    """SVG of ranks; empty when there is no end to judge by."""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Way, and its rank and mean at each look and at the end."""
    agreement_columns: tuple[str, ...]
    agreement: tuple[tuple[str, ...], ...]
    """Look, who led, coefficients, regret, cost."""


NOTHING = LandscapeView("", (), (), (), ())


def judged(looks: Sequence[Look], end: Table, tried: int, *, lower_is_better: bool) -> tuple[Judged, ...]:
    """
    Judge looks by the end.

    Args:
        looks: in the order of their steps; each has a value of every way in every cell.
        end: the values of the same ways in the same cells at the end.
        tried: ways that were tried, whether they came to an end or not; all of them cost steps.
        lower_is_better: which way the metric is better.

    Source:
        Karp et al. (2024), "Landscape-aware growing", for the question; Kendall & Gibbons (1990) for the coefficients.
    """
    last = _means(end)
    best = last[ranking(last, lower_is_better=lower_is_better)[0]]
    found = []
    for look in looks:
        here = _means(look.values)
        order = ranking(here, lower_is_better=lower_is_better)
        names, cells = sorted(here), sorted(next(iter(end.values())))
        pairs = ([here[one] for one in names], [last[one] for one in names])
        found.append(
            Judged(
                step=look.step,
                first=order[0],
                ranks={name: rank for rank, name in enumerate(order, 1)},
                means=here,
                rho=_coefficient(spearman(*pairs)),
                tau=_coefficient(tau_b(*pairs)),
                by_cell=tuple(
                    _coefficient(spearman(*([table[one][cell] for one in names] for table in (look.values, end))))
                    for cell in cells
                ),
                regret=abs(last[order[0]] - best),
                extra=(tried - 1) * look.step,
            )
        )
    return tuple(found)


def _coefficient(parts: tuple[int, int, int]) -> float | None:
    score, first, second = parts
    return score / root(Fraction(first * second)) if first and second else None


def _means(table: Table) -> dict[str, Fraction]:
    return {name: exact_sum(cells.values()) / len(cells) for name, cells in table.items()}


# --- what a record holds -------------------------------------------------------------------------------------


def audit_stage(record: Record, grow: Grow) -> str | None:
    """The last stage besides the growth's own that has a value of two of its ways or more; None when none has."""
    stages = [one.name for one in record.plan.stages if one.name not in grow.stages and one.name in record.evidence]
    those = [name for name in stages if len(means(record.evidence[name], grow.ways)) > 1]
    return those[-1] if those else None


def audited(record: Record, grow: Grow) -> frozenset[str]:
    """Ways that have an end."""
    stage = audit_stage(record, grow)
    return frozenset() if stage is None else frozenset(means(record.evidence[stage], grow.ways))


def planned_audit(record: Record, grow: Grow) -> bool:
    """Whether a stage besides the growth's own may train two of its ways or more."""
    entered = (there.possible for name, there in record.study.entrants.items() if name not in grow.stages)
    return any(len(set(one) & set(grow.ways)) > 1 for one in entered)


def judged_growth(record: Record, grow: Grow) -> tuple[tuple[Judged, ...], Table]:
    """
    The looks of a growth and the values at the end, of the ways and cells that have both.

    Returns:
        Nothing of both when fewer than two ways came to an end.
    """
    stage = audit_stage(record, grow)
    if stage is None or grow.name not in record.evidence:
        return (), {}
    lag, last = _table(record.evidence[grow.name]), _table(record.evidence[stage])
    ways = [name for name in grow.ways if name in audited(record, grow) and name in means(record.evidence[grow.name])]
    cells = record.evidence[stage].cells
    if len(ways) < 2 or any(cell not in lag[name] for name in ways for cell in cells):
        return (), {}
    end = {name: {cell: last[name][cell] for cell in cells} for name in ways}
    looks = [*_looks(record, grow, ways, cells), Look(grow.lag.amount, {name: lag[name] for name in ways})]
    kept = [Look(one.step, {name: {cell: one.values[name][cell] for cell in cells} for name in ways}) for one in looks]
    return judged(kept, end, len(grow.ways), lower_is_better=record.study.measure.lower_is_better), end


def _table(evidence: Evidence) -> dict[str, dict[Where, Fraction]]:
    return {
        row.candidate: {(one.host, one.seed): from_exact(one.value) for one in row.cells if one.value is not None}
        for row in evidence.rows
    }


def _looks(record: Record, grow: Grow, ways: Sequence[str], cells: Sequence[Where]) -> Iterable[Look]:
    """Points of the lag before its end that the runs of all ways recorded in all cells."""
    metric = record.study.measure.metric
    found: dict[int, dict[str, dict[Where, Fraction]]] = {}
    for run in record.plan.stage(grow.name).runs:
        for point in record.points.get(run.id, ()):
            if metric in point.metrics and point.step is not None and point.step < grow.lag.amount:
                at = found.setdefault(point.step, {name: {} for name in ways})
                if run.candidate in at:
                    at[run.candidate][run.host, run.seed] = from_exact(point.metrics[metric])
    for step, values in sorted(found.items()):
        if all(cell in of_way for of_way in values.values() for cell in cells):
            yield Look(step, values)


# --- words ---------------------------------------------------------------------------------------------------


def landscape_lines(record: Record, grow: Grow, chosen: str) -> Iterable[str]:
    """Whether the choice was right, in sentences; that it cannot be told where the ways did not come to an end."""
    ended = audited(record, grow)
    left = [way for name, way in grow.ways.items() if name not in ended]
    if len(grow.ways) < 2:
        return
    if not planned_audit(record, grow):
        yield (f"Whether {grow.name} chose right is not known: no stage trains the other ways to their end.")
        return
    looks, end = judged_growth(record, grow)
    if left or not looks:
        why = f"{listed(left)} without a value in every cell" if ended and left else "no stage of theirs has ended"
        yield f"Whether {grow.name} chose right is not known: not all ways have come to their end ({why})."
        return
    yield _verdict(record, grow, chosen, end)
    yield from _before(record, grow, looks, chosen)
    yield (
        f"Choosing after {plural(grow.lag.amount, 'step')} cost {plural(looks[-1].extra, 'step')} in each cell: the "
        "lag of the ways that were not chosen."
    )


def _verdict(record: Record, grow: Grow, chosen: str, end: Table) -> str:
    unit, lower = record.study.measure.unit, record.study.measure.lower_is_better
    last, stage = _means(end), audit_stage(record, grow)
    order = ranking(last, lower_is_better=lower)
    best = order[0] if last[order[0]] != last[chosen] else chosen
    other = next(one for one in order if one != chosen) if best == chosen else best
    apart = abs(last[other] - last[chosen])
    spread = max(max(cells.values()) - min(cells.values()) for cells in end.values())
    noise = ""
    if len(next(iter(end.values()))) > 1:
        less = "less than" if apart < spread else "not less than"
        noise = (
            f" That is {less} the largest range over the cells of one way ({between(rounded(spread, PLACES), unit)})."
        )
    way, rival, by = grow.ways[chosen], grow.ways[other], f"{between(size(apart), unit)} better"
    winner, loser = (chosen, other) if best == chosen else (other, chosen)
    ahead = sum(
        (value < end[loser][cell]) is lower and value != end[loser][cell] for cell, value in end[winner].items()
    )
    cells = f"on the mean, and better in {ahead} of {plural(len(end[winner]), 'cell')}"
    if not apart:
        level = f"{way} and {rival} are level on the mean, the best of {len(order)} ways"
        return f"The choice after the lag was not wrong: at the end of {stage}, {level}."
    if best == chosen:
        return (
            f"The choice after the lag was right: at the end of {stage}, {way} is the best of {len(order)} ways, {by} "
            f"than {rival} {cells}.{noise}"
        )
    return (
        f"The choice after the lag was not right: at the end of {stage}, {way} ranks {order.index(chosen) + 1} of "
        f"{len(order)}; {rival} is {by} {cells}.{noise}"
    )


def _before(record: Record, grow: Grow, looks: Sequence[Judged], chosen: str) -> Iterable[str]:
    """What the first look would have chosen."""
    first, unit = looks[0], record.study.measure.unit
    if len(looks) < 2:
        return
    when, way = look_name(first.step), grow.ways[first.first]
    if first.first == chosen:
        yield f"The lag changed nothing: {way} was the best {when} as well."
        return
    ended = f"{between(size(first.regret), unit)} worse than the best" if first.regret else "as the best"
    yield f"{when[0].upper()}{when[1:]}, {way} was the best; it ended {ended}."


def look_name(step: int) -> str:
    """A look in words."""
    return f"after {plural(step, 'step')}" if step else "right after growing"


def landscape_view(record: Record, grow: Grow) -> LandscapeView:
    """The tables and the picture of a growth whose ways came to their end; empty ones before that."""
    looks, end = judged_growth(record, grow)
    if not looks:
        return NOTHING
    last = _means(end)
    order = ranking(last, lower_is_better=record.study.measure.lower_is_better)
    ends = {name: rank for rank, name in enumerate(order, 1)}
    unit = record.study.measure.unit
    return LandscapeView(
        picture=_picture(record, grow, looks, ends),
        columns=("way", *(look_name(one.step) for one in looks), "at the end"),
        rows=tuple(
            (
                grow.ways[name],
                *(_place(one.ranks[name], one.means[name]) for one in looks),
                _place(ends[name], last[name]),
            )
            for name in order
        ),
        agreement_columns=(
            "choosing", "led", "Spearman", "in each cell", "Kendall", f"regret, {unit}", "extra steps a cell",
        ),
        agreement=tuple(
            (
                look_name(one.step),
                grow.ways[one.first],
                _two(one.rho),
                ", ".join(map(_two, one.by_cell)),
                _two(one.tau),
                rounded(one.regret, PLACES),
                f"{one.extra:,}",
            )
            for one in looks
        ),
    )  # fmt: skip


def _place(rank: int, mean: Fraction) -> str:
    return f"{rank} ({rounded(mean, PLACES)})"


def _two(coefficient: float | None) -> str:
    return NONE if coefficient is None else rounded(Fraction(coefficient), 2)


def _picture(record: Record, grow: Grow, looks: Sequence[Judged], ends: Mapping[str, int]) -> str:
    colours = {name: number for number, name in enumerate(record.candidates)}
    lines = [(colours[name], (*(one.ranks[name] for one in looks), ends[name])) for name in ends]
    stages = [*(look_name(one.step).replace(" after ", "\nafter ") for one in looks), "at the end"]
    said = "; ".join(
        f"{grow.ways[name]}: {', '.join(map(str, ranks))}" for name, (_, ranks) in zip(ends, lines, strict=True)
    )
    names = [grow.ways.get(name, name) for name in record.candidates]
    return ranks_svg(stages, lines, names, f"Ranks of the ways of {grow.name} along the lag and at the end. {said}")
