"""Estimated effects as a report shows them: tables, aliases, changes between stages, and how far rankings can agree."""

from collections.abc import Iterable

from promo.base.canonical import exact, from_exact, rounded
from promo.base.floats import nearest
from promo.base.tails import half_normal
from promo.evidence.effects import EffectTable, Estimate, Fit, Method
from promo.report.across import effects_across, flip_lines, rank_lines, ranks_across
from promo.report.design import chain_text, effect_name
from promo.report.pictures import Bar, effects_svg, half_normal_svg
from promo.report.record import Record
from promo.report.statements import statement_words
from promo.report.values import EffectsView, FitView
from promo.report.words import NONE, listed, number, plural
from promo.study.values import Effects

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
    rankings, places = ranks_across(record, effects) if table else ("", ())
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
        across=effects_across(record, effects, table) if table else "",
        flips=tuple(flip_lines(record, effects, table)) if table else (),
        ranks=tuple(rank_lines(record, effects)) if table else (),
        rankings=rankings,
        places=places,
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
    if fit.method is Method.LENTH:
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
        contrasts=tuple(
            (effect_name(name), number(size, signed=True), f"{quantile:.3f}")
            for (name, size), quantile in zip(fit.contrasts, half_normal(len(fit.contrasts)), strict=True)
        )
        if fit.method is Method.LENTH
        else (),
        discovered=tuple(effect_name(one.effect) for one in fit.estimates if one.discovered),
        statements=tuple(f"{said[:1].upper()}{said[1:]}." for said in map(statement_words, fit.statements)),
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
    if fit.method is Method.LENTH:
        sizes = [(effect_name(name), abs(nearest(size))) for name, size in fit.contrasts]
        words = "Half-normal plot of all contrasts; largest: " + ", ".join(name for name, _ in sizes[::-1][:3])
        return half_normal_svg(sizes, half_normal(len(sizes)), nearest(fit.pse or 0), f"size ({unit})", words)
    bars = [Bar(effect_name(one.effect), nearest(one.value or 0), _interval(one)) for one in shown]
    words = f"Effects at {fit.stage}: " + ", ".join(f"{bar.name} {bar.value:+.4g}" for bar in bars)
    return effects_svg(bars, f"effect ({unit})", words)


def _interval(one: Estimate) -> tuple[float, float] | None:
    return None if one.low is None or one.high is None else (nearest(one.low), nearest(one.high))


def _aliases(table: EffectTable) -> tuple[str, ...]:
    chains = {chain_text(one.chain): None for fit in table.fits for one in fit.estimates if len(one.chain) > 1}
    return tuple(chains)


def _signed(text: str | None) -> str:
    return number(text, signed=True)


def _short(text: str | None) -> str:
    if text is None:
        return NONE
    return "<0.0001" if float(text) < 1e-4 else rounded(from_exact(text), 4)
