"""Estimated effects as a report shows them: tables, what they stand for, changes between stages, how rankings agree."""

from collections.abc import Iterable
from fractions import Fraction
from typing import assert_never

from promo.base.canonical import exact, from_exact
from promo.base.floats import nearest
from promo.base.tails import half_normal
from promo.evidence.estimates import ORDERS, Change, Curvature, Estimate, Fit, Method
from promo.evidence.statements import DiffersBetweenHosts, FollowUp, Name, Statement
from promo.report.across import effects_across, flip_lines, rank_lines, ranks_across
from promo.report.blocks import block_words
from promo.report.declared import describe_level
from promo.report.design import MOST_PARTS, chain_text, effect_name, parts_text
from promo.report.figures import figure as _figure
from promo.report.figures import plain as _plain
from promo.report.figures import short as _short
from promo.report.figures import statistic
from promo.report.hosts import host_lines
from promo.report.levels import (
    STEPS,
    TERMS,
    comparing_sentence,
    level_findings,
    step_row,
    term_row,
)
from promo.report.pictures import Bar, Contrast, Margins, effects_svg, half_normal_svg
from promo.report.record import Record
from promo.report.statements import GROUNDS, statement_words, untested
from promo.report.values import EffectsView, FitView
from promo.report.words import NONE, between, listed, plural, points, share_text, within
from promo.study.design import effects_up_to
from promo.study.estimable import Information, dependence_text, sum_text
from promo.study.families import Procedure, Rest
from promo.study.space import Array, Design
from promo.study.values import Effects
from promo.study.varied import rows_of, varied

SHOWN = 12
WIDEST = 64
"""Denominator up to which a part of an effect is shown as a fraction."""
REST = {
    Rest.USUAL: "",
    Rest.ERROR: " and all else in the error",
    Rest.LISTED: " and all else listed beside it, out of the error",
}
"""What becomes of what a model leaves out, where that is declared."""
LISTED = ("left out of the model, listed", "size", "SE", "df", "t", "p", "interval")
COLUMNS = ("effect", "high - low", "SE", "df", "t", "p", "adjusted p", "interval")
"""What a table of effects has before its hosts."""
SIZE = "size"
"""In place of the second of them, where factors have more than two levels."""
HOST_COLUMNS = ("p of factor x host", "adjusted", "cells agree")
CHANGES = ("effect", "from, to", "change", "SE", "df", "t", "p", "interval", "runs at both")


# --- the story -------------------------------------------------------------------------------------------------------


def effects_story(record: Record) -> Iterable[str]:
    """What was discovered, one sentence a stage."""
    for name, table in record.effects.items():
        effects = record.study.effects[name]
        for fit in table.fits:
            words, where = findings(record, effects, fit), fit_place(effects, fit)
            tested = [one for one in fit.estimates if one.adjusted is not None]
            if words:
                said = f"{name} discovered at {where}: {'; '.join(words)}"
            elif tested:
                said = f"{name} discovered none of the {plural(len(tested), 'effect')} that it tested at {where}"
            else:
                said = f"{name} could test no effect at {where}: {untested(fit.statements)}"
            lacking = _untried(effects, fit) if tested else []
            yield f"{said}{f'; not tested: {listed(lacking)}' if lacking else ''}{_candidates(fit)}."


def fit_place(effects: Effects, fit: Fit) -> str:
    """Where effects were estimated: a stage, or several together."""
    return f"{listed(effects.stages)} together" if effects.pooled else fit.stage


def _candidates(fit: Fit) -> str:
    """Contrasts to follow up, as the end of a sentence."""
    names = [effect_name(name) for one in fit.statements if isinstance(one, FollowUp) for name, _ in one.contrasts]
    return f"; its model leaves out {listed(names)}, beyond the margin for all contrasts at once" if names else ""


def findings(record: Record, effects: Effects, fit: Fit) -> list[str]:
    """What was discovered at a stage, a phrase each, with what it is not separated from."""
    first = varied(record.study, effects)[0]
    if not isinstance(first, Array):
        found = [one for one in fit.estimates if one.discovered]
        return [f"{finding_words(record, effects, one)}{_mixed(one)}{_by_host(fit, one)}" for one in found]
    told = level_findings(record.study.measure, first, effects.contrasts, fit)
    return [f"{words}{_mixed(*those)}{_by_host(fit, *those)}" for words, those in told]


def _by_host(fit: Fit, *some: Estimate) -> str:
    """That an effect differs between hosts, with what it is on each, in brackets: no one figure stands for them."""
    differs = {said.effect for said in fit.statements if isinstance(said, DiffersBetweenHosts)}
    parts = [
        f"{effect_name(one.effect)} {listed([f'{_figure(value, signed=True)} on {host}' for host, value in told])}"
        for one in some
        if one.effect in differs and (told := [(host, value) for host, value in one.hosts if value is not None])
    ]
    return f" (differs between hosts: {'; '.join(parts)})" if parts else ""


def finding_words(record: Record, effects: Effects, one: Estimate) -> str:
    """An effect with its direction and half its interval: `depth: 10 worse than 8 by 0.36 ± 0.02 bpb`."""
    study, value = record.study, from_exact(one.value or "0")
    wide = ""
    if one.low and one.high:
        wide = f" ± {_figure(exact((from_exact(one.high) - from_exact(one.low)) / 2))}"
    unit = study.measure.unit
    if len(one.effect) > 1:
        return f"{effect_name(one.effect)} {between(f'{_figure(one.value, signed=True)}{wide}', unit)}"
    size = between(f"{_figure(exact(abs(value)))}{wide}", unit)
    return f"{one.effect[0]}: {direction_words(record, effects, one, size)}"


def direction_words(record: Record, effects: Effects, one: Estimate, size: str) -> str:
    """Which level of a factor is better, and by how much, if any is: `10 worse than 8 by 0.36 bpb`."""
    first = varied(record.study, effects)[0]
    place = first.factors.index(one.effect[0])
    levels = first.levels[place] if isinstance(first, Array) else (first.low[place], first.high[place])
    low, high = map(describe_level, levels)
    if not from_exact(one.value or "0"):
        return f"{high} level with {low}"
    how = "better" if (from_exact(one.value or "0") < 0) is record.study.measure.lower_is_better else "worse"
    return f"{high} {how} than {low} by {size}"


def _mixed(*some: Estimate) -> str:
    """What estimates do not separate from their effects, in brackets; of many that are in them in part the largest."""
    whole = dict.fromkeys(effect for one in some for _, effect in one.chain[1:])
    parts: dict[Name, Fraction] = {}
    for one in some:
        for much, effect in one.aliases:
            parts[effect] = max(parts.get(effect, Fraction(0)), abs(much))
    largest = sorted(parts, key=lambda effect: -parts[effect])
    shown = largest if len(largest) <= MOST_PARTS else largest[: MOST_PARTS - 1]
    names = [*map(effect_name, whole), *(effect_name(one) for one in parts if one in shown)]
    more = len(parts) - len(shown)
    return f" (not separated from {listed([*names, *([f'{more} more'] if more else [])])})" if names else ""


def alias_limits(record: Record) -> Iterable[str]:
    """What discovered effects stand for, where that is more than they are called, and on how few hosts that is so."""
    for name, table in record.effects.items():
        effects = record.study.effects[name]
        for fit in table.fits:
            mixed = [stands_for(one) for one in fit.estimates if one.discovered and one.aliased]
            if mixed:
                yield (
                    f"At {fit_place(effects, fit)} {name} estimates sums of effects, which these runs do not separate: "
                    f"{'; '.join(mixed)}."
                )
        yield from host_lines(record, effects, table)


def stands_for(one: Estimate) -> str:
    """What is estimated: `a = b * c`, or `a + 1/3 b * c` where others are in it in part."""
    if len(one.aliases) > MOST_PARTS or any(much.denominator > WIDEST for much, _ in one.aliases):
        return f"{chain_text(one.chain)} {parts_text(one.aliases)}"
    return " ".join((chain_text(one.chain), *(_plus(much, effect) for much, effect in one.aliases)))


def _plus(much: Fraction, effect: Name) -> str:
    return f"{'-' if much < 0 else '+'} {sum_text([(abs(much), effect)])}"


# --- the section -----------------------------------------------------------------------------------------------------


def effects_view(record: Record, effects: Effects) -> EffectsView:
    """Everything that is shown of some effects."""
    table = record.effects.get(effects.name)
    rankings, places = ranks_across(record, effects) if table else ("", ())
    return EffectsView(
        name=effects.name,
        documentation=effects.documentation,
        sentence=_sentence(record, effects),
        fits=tuple(_fit(record, effects, fit) for fit in table.fits) if table else (),
        change_columns=CHANGES,
        changes=tuple(map(_change, table.changes)) if table else (),
        hosts=tuple(host_lines(record, effects, table)) if table else (),
        across=effects_across(record, effects, table) if table else "",
        flips=tuple(flip_lines(effects, table)) if table else (),
        ranks=tuple(rank_lines(record, effects)) if table else (),
        rankings=rankings,
        places=places,
        digest=table.digest[:SHOWN] if table else "",
    )


def _change(one: Change) -> tuple[str, ...]:
    interval = f"{_figure(one.low, signed=True)} .. {_figure(one.high, signed=True)}" if one.low and one.high else NONE
    shared = str(one.runs) if one.runs else "none: independent stages"
    stages = f"{one.before}, {one.after}"
    return (
        effect_name(one.effect),
        stages,
        _figure(one.change, signed=True),
        _figure(one.error),
        _plain(one.freedom),
        statistic(one.t),
        _short(one.p),
        interval,
        shared,
    )


def _sentence(record: Record, effects: Effects) -> str:
    within, array = within_words(effects.block), isinstance(varied(record.study, effects)[0], Array)
    better = "low" if record.study.measure.lower_is_better else "high"
    family = {"main": "The main effects", "pairs": "The interactions of two factors", "all": "All effects"}[
        effects.family
    ]
    terms = f", {', '.join(map(effect_name, effects.terms))}" if effects.terms else ""
    model = f"main effects{', interactions of two factors' if effects.pairs else ''}{terms}"
    return (
        f"Effects of the rows of {listed(effects.designs)} on {record.study.measure.metric}, "
        f"{within}, with {model} in the model{REST[effects.rest]}: {_measured(effects, better, array=array)} "
        f"{family} {_of_stages(effects)} share a {rate_words(effects)}; intervals have "
        f"{share_text(1 - effects.rate)}, each for itself."
    )


def rate_words(effects: Effects) -> str:
    """The rate of a family, and of what it is one: `false discovery rate of 5% (Benjamini and Hochberg)`."""
    match effects.procedure:
        case Procedure.BENJAMINI_HOCHBERG:
            what, who = "false discovery rate", "Benjamini and Hochberg"
        case Procedure.HOLM:
            what, who = "family-wise error rate", "Holm"
        case Procedure.HOCHBERG:
            what, who = "family-wise error rate", "Hochberg"
        case _:
            assert_never(effects.procedure)
    return f"{what} of {share_text(effects.rate)} ({who})"


def _measured(effects: Effects, better: str, *, array: bool) -> str:
    """What an effect is, and which way is better."""
    sign = "negative" if better == "low" else "positive"
    if not effects.contrasts and array:
        return f"mean at the second of its levels less mean at the first, so a {sign} effect favours the second."
    if not effects.contrasts:
        return f"mean at the high level less mean at the low one, so a {sign} effect favours the high level."
    return f"{comparing_sentence(effects.contrasts)} A {sign} difference favours the level that is named first."


def within_words(block: tuple[str, ...]) -> str:
    """What runs are compared within."""
    if not block:
        return "without blocks"
    return f"within each {'cell of ' if len(block) > 1 else ''}{listed(block)}"


def _of_stages(effects: Effects) -> str:
    """Whose estimates are read together."""
    return f"of {listed(effects.stages)}, estimated together," if effects.pooled else "of a stage"


def _fit(record: Record, effects: Effects, fit: Fit) -> FitView:
    hosts = next((tuple(host for host, _ in one.hosts) for one in fit.estimates if one.hosts), ())
    return FitView(
        stage=fit_place(effects, fit),
        summary=f"{fit.runs} of {plural(fit.planned, 'planned run')} have a value; {_error(fit)}.",
        picture=_picture(record, effects, fit),
        columns=(COLUMNS[0], SIZE if fit.joints else COLUMNS[1], *COLUMNS[2:], *hosts, *HOST_COLUMNS),
        rows=tuple(_row(one, fit, hosts) for one in fit.estimates),
        contrasts=tuple(
            (effect_name(name), _figure(size, signed=True), f"{quantile:.3f}")
            for (name, size), quantile in zip(fit.contrasts, half_normal(len(fit.contrasts)), strict=True)
        )
        if fit.method is Method.LENTH
        else (),
        discovered=tuple(effect_name(one.effect) for one in fit.estimates if one.discovered),
        verdict=_verdict(record, effects, fit),
        aliases=tuple(stands_for(one) for one in (*fit.estimates, *fit.rest) if one.value is not None and one.aliased),
        curvature=_curvature(record, fit.curvature, fit.freedom) if fit.curvature else "",
        blocks=block_words(fit, lambda text: _figure(text, signed=True), _short),
        term_columns=TERMS,
        terms=tuple(map(term_row, fit.joints)),
        rest_columns=LISTED,
        rest=tuple((*row[:6], row[7]) for row in (_row(one, fit, ()) for one in fit.rest)),
        step_columns=STEPS,
        steps=tuple(step_row(one, fit) for one in fit.steps),
        statements=(
            *(_statement(fit, one) for one in fit.statements),
            *_left_over(record, effects, fit),
            *_promised(record, effects, effects.stages if effects.pooled else (fit.stage,)),
        ),
    )


def _statement(fit: Fit, one: Statement) -> str:
    """A sentence; a difference between hosts is one of all that the effect is not separated from."""
    said = statement_words(one)
    if isinstance(one, DiffersBetweenHosts):
        said += "".join(_mixed(about) for about in fit.estimates if about.effect == one.effect)
    return f"{said[:1].upper()}{said[1:]}."


def _left_over(record: Record, effects: Effects, fit: Fit) -> Iterable[str]:
    """That the error is nothing but what the model leaves out, where no condition was repeated."""
    if fit.sigma is None or fit.method is Method.LENTH:
        return
    points, stages = rows_of(record.study, effects), effects.stages if effects.pooled else (fit.stage,)
    rows = [row for stage in stages for row in record.evidence[stage].rows if row.candidate in points]
    runs = [points[row.candidate] for row in rows for cell in row.cells if cell.value is not None]
    if len(runs) == len(set(runs)):
        yield "Each condition ran once, so the error is the residual of the model: effects outside it make it larger."


def _promised(record: Record, effects: Effects, stages: tuple[str, ...]) -> Iterable[str]:
    """Interactions that a design keeps clear, where the runs that have a value at these stages do not."""
    designs = [one for one in varied(record.study, effects) if isinstance(one, Design)]
    points = {name: row for one in designs for name, row in one.points.items()}
    lines = [row for stage in stages for row in record.evidence[stage].rows]
    there = [row.candidate for row in lines if any(cell.value is not None for cell in row.cells)]
    rows = [points[name] for name in there if 0 not in points.get(name, (0,))]
    wanted = dict.fromkeys(pair for one in designs for pair in one.clear)
    if not rows or not wanted:
        return
    lost = Information(designs[0].factors, rows).lost(effects_up_to(designs[0].factors, 2))
    for pair in wanted:
        if pair in lost:
            left, right = dependence_text(lost[pair], pair)
            yield f"{left} had to be clear, but is not in the {len(rows)} rows with a value: there {left} = {right}."


def _verdict(record: Record, effects: Effects, fit: Fit) -> str:
    """What was discovered, or of how many effects none was, or that nothing was tested."""
    found = findings(record, effects, fit)
    tested = [one for one in fit.estimates if one.adjusted is not None]
    lacking = _untried(effects, fit)
    said = (
        f"Discovered: {'; '.join(found)}." if found else f"Discovered none of {plural(len(tested), 'tested effect')}."
    )
    if not tested:
        known = any(isinstance(one, GROUNDS) for one in fit.statements)  # they follow, each in a sentence
        return "Nothing was tested." if known else f"Nothing was tested: {untested(())}."
    return f"{said} Not tested: {listed(lacking)}." if lacking else said


def _untried(effects: Effects, fit: Fit) -> list[str]:
    """Effects of the family that have no test."""
    family = (one for one in fit.estimates if len(one.effect) in ORDERS[effects.family])
    return [effect_name(one.effect) for one in family if one.adjusted is None]


def _error(fit: Fit) -> str:
    if fit.method is Method.LENTH:
        whose, free = " of a run" if fit.joints else "", "degree" if fit.freedom == "1" else "degrees"
        return (
            f"Lenth's pseudo standard error{whose} {_figure(fit.pse)} with {_plain(fit.freedom)} {free} of freedom, "
            f"margin {_figure(fit.margin)}, for all contrasts at once {_figure(fit.simultaneous)}"
        )
    if fit.sigma is None:
        return "no standard deviation of a run"
    return f"standard deviation of a run {_figure(fit.sigma)}, {plural(fit.degrees, 'degree')} of freedom"


def _curvature(record: Record, one: Curvature, freedom: str | None) -> str:
    value = between(_figure(one.value, signed=True), record.study.measure.unit)
    said = f"Curvature: corners less centre {value}, {plural(one.runs, 'run')} at the centre"
    if one.error is None:
        return f"{said}; not tested, for lack of an error."
    ends = f"{_figure(one.low, signed=True)} .. {_figure(one.high, signed=True)}"
    return (
        f"{said}; standard error {_figure(one.error)}, {_plain(freedom)} degrees of freedom, "
        f"t {statistic(one.t)}, p {_short(one.p)}, interval {ends}."
    )


def _row(one: Estimate, fit: Fit, hosts: tuple[str, ...]) -> tuple[str, ...]:
    by_host = dict(one.hosts)
    return (
        effect_name(one.effect),
        _figure(one.value, signed=True) if one.value else "not estimable",
        _figure(one.error),
        _plain(fit.freedom) if one.error else NONE,
        statistic(one.t),
        _short(one.p),
        _short(one.adjusted),
        f"{_figure(one.low, signed=True)} .. {_figure(one.high, signed=True)}" if one.low and one.high else NONE,
        *(_figure(by_host.get(host), signed=True) for host in hosts),
        _short(one.host_p),
        _short(one.host_adjusted),
        f"{one.agree[0]} of {one.agree[1]}" if one.agree else NONE,
    )


def _picture(record: Record, effects: Effects, fit: Fit) -> str:
    unit = record.study.measure.unit
    shown = [one for one in fit.estimates if one.value is not None]
    if not shown:
        return ""
    if fit.method is Method.LENTH:
        found: set[Name] = {effect for one in shown if one.discovered for _, effect in one.chain}
        sizes = [Contrast(effect_name(name), abs(nearest(size)), name in found) for name, size in fit.contrasts]
        words = "Half-normal plot of all contrasts; largest: " + ", ".join(one.name for one in sizes[::-1][:3])
        margins = Margins(*(nearest(text or 0) for text in (fit.pse, fit.margin, fit.simultaneous)))
        size = "size over its error in runs" if fit.joints else "size"
        return half_normal_svg(sizes, half_normal(len(sizes)), margins, f"{size}{within(points(unit))}", words)
    bars = [_bar(record, effects, one) for one in shown]
    better = "left" if record.study.measure.lower_is_better else "right"
    words = f"Effects at {fit.stage}: " + "; ".join(f"{bar.name}, {bar.said}" for bar in bars)
    what = "contrast of levels" if fit.joints else "mean at the high level less mean at the low one"
    return effects_svg(bars, f"{what}{within(points(unit))}; {better} of 0 is better", words)


def _bar(record: Record, effects: Effects, one: Estimate) -> Bar:
    """An effect with its direction in words."""
    unit, value = record.study.measure.unit, from_exact(one.value or "0")
    said = between(_figure(one.value, signed=True), unit)
    if len(one.effect) == 1 and not effects.contrasts:
        said = direction_words(record, effects, one, between(_figure(exact(abs(value))), unit))
    return Bar(effect_name(one.effect), nearest(value), _interval(one), one.discovered, said)


def _interval(one: Estimate) -> tuple[float, float] | None:
    return None if one.low is None or one.high is None else (nearest(one.low), nearest(one.high))
