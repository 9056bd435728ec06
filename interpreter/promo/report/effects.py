"""Estimated effects as a report shows them: tables, aliases, changes between stages, and how far rankings can agree."""

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import pairwise

from promo.base.canonical import exact, from_exact, rounded
from promo.base.tails import half_normal
from promo.decision.stats import tau_b
from promo.evidence.effects import EffectTable, Estimate, Fit
from promo.evidence.values import Evidence
from promo.report.design import chain_text, effect_name
from promo.report.pictures import effects_svg, half_normal_svg
from promo.report.record import Record
from promo.report.values import EffectsView, FitView
from promo.report.words import NONE, listed, number, plural
from promo.spec.values import Effects

SHOWN = 12


def effects_story(record: Record) -> Iterable[str]:
    """What was discovered, one sentence a stage."""
    for name, table in record.effects.items():
        for fit in table.fits:
            found = [one for one in fit.estimates if one.discovered]
            words = [f"{effect_name(one.effect)} ({_signed(one.value)} {record.study.measure.unit})" for one in found]
            yield f"{name} discovered {listed(words) if words else 'no effect'} at {fit.stage}."


def effects_view(record: Record, effects: Effects) -> EffectsView:
    """Everything that is shown of some effects."""
    table = record.effects.get(effects.name)
    return EffectsView(
        name=effects.name,
        documentation=effects.documentation,
        sentence=_sentence(record, effects),
        fits=tuple(_fit(record, fit) for fit in table.fits) if table else (),
        aliases=_aliases(table) if table else (),
        relaxations=tuple(
            (effect_name(one.effect), f"{one.before}, {one.after}", _signed(one.change), number(one.error))
            for one in table.relaxations
        )
        if table
        else (),
        ranks=tuple(_ranks(record, effects)) if table else (),
        digest=table.digest[:SHOWN] if table else "",
    )


def _sentence(record: Record, effects: Effects) -> str:
    within = {2: "within each cell of host and seed", 1: f"within each {', '.join(effects.block)}"}
    better = "low" if record.study.measure.lower_is_better else "high"
    family = {"main": "main effects", "pairs": "interactions", "all": "all effects"}[effects.family]
    return (
        f"Effects of the rows of {listed(effects.designs)} on {record.study.measure.metric}, "
        f"{within.get(len(effects.block), 'without blocks')}: mean at the high level less mean at the low one, so a "
        f"{'negative' if better == 'low' else 'positive'} effect favours the high level. The {family} of a stage share "
        f"a false discovery rate of {exact(effects.rate * 100)}%."
    )


def _fit(record: Record, fit: Fit) -> FitView:
    hosts = next((tuple(host for host, _ in one.hosts) for one in fit.estimates if one.hosts), ())
    if fit.method == "lenth":
        error = f"Lenth's pseudo standard error {number(fit.pse)}, margin {number(fit.margin)}"
        error += f", simultaneous {number(fit.simultaneous)}"
    else:
        error = f"standard deviation of a run {number(fit.sigma)}, {fit.degrees} degrees of freedom"
    curvature = f"; corners less centre {_signed(fit.curvature)}" if fit.curvature else ""
    return FitView(
        stage=fit.stage,
        summary=f"{fit.runs} of {plural(fit.planned, 'planned run')} have a value; {error}{curvature}.",
        picture=_picture(record, fit),
        hosts=hosts,
        rows=tuple(_row(one, hosts) for one in fit.estimates),
        discovered=tuple(effect_name(one.effect) for one in fit.estimates if one.discovered),
        statements=tuple(said[:1].upper() + said[1:] + "." for said in fit.statements),
    )


def _row(one: Estimate, hosts: tuple[str, ...]) -> tuple[str, ...]:
    by_host = dict(one.hosts)
    return (
        effect_name(one.effect),
        _signed(one.value) if one.value else "not estimable",
        number(one.error),
        _short(one.p),
        _short(one.adjusted),
        f"{_signed(one.low)} .. {_signed(one.high)}" if one.low and one.high else NONE,
        *(_signed(by_host.get(host)) for host in hosts),
        _short(one.host_p),
        f"{one.agree[0]} of {one.agree[1]}" if one.agree else NONE,
    )


def _picture(record: Record, fit: Fit) -> str:
    unit = record.study.measure.unit
    shown = [one for one in fit.estimates if one.value is not None]
    if not shown:
        return ""
    if fit.method == "lenth":
        sizes = [(name, abs(float(size))) for name, size in fit.contrasts]
        words = "Half-normal plot of all contrasts; largest: " + ", ".join(name for name, _ in sizes[::-1][:3])
        return half_normal_svg(sizes, half_normal(len(sizes)), float(fit.pse or 0), f"size ({unit})", words)
    bars = [
        (
            effect_name(one.effect),
            float(one.value or 0),
            float(one.low or one.value or 0),
            float(one.high or one.value or 0),
        )
        for one in shown
    ]
    words = f"Effects at {fit.stage}: " + ", ".join(f"{name} {value:+.4g}" for name, value, _, _ in bars)
    return effects_svg(bars, f"effect ({unit})", words)


def _aliases(table: EffectTable) -> tuple[str, ...]:
    chains = {chain_text(one.chain): None for fit in table.fits for one in fit.estimates if len(one.chain) > 1}
    return tuple(chains)


def _ranks(record: Record, effects: Effects) -> Iterable[str]:
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


def _signed(text: str | None) -> str:
    return number(text, signed=True)


def _short(text: str | None) -> str:
    if text is None:
        return NONE
    return "<0.0001" if float(text) < 1e-4 else rounded(from_exact(text), 4)
