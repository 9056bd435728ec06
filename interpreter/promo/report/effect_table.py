"""
Estimated effects as a tidy table for other programs: all that a report says of them, a row for each thing that is said.

Numbers are as stored; a stage is several, in words, where they are estimated together.  An effect outside of the family
has no adjusted p, and the value of a term is its sum of squares with the degrees of freedom that it takes.
"""

from collections.abc import Iterable, Iterator, Mapping

from promo.base.canonical import exact
from promo.evidence.estimates import Change, EffectTable, Estimate, Fit, Method
from promo.evidence.statements import FollowUp
from promo.report.blocks import names_of
from promo.report.declared import describe_level
from promo.report.design import effect_name
from promo.report.effects import effects_view, fit_place, stands_for
from promo.report.record import Record
from promo.report.values import EffectsView, FitView
from promo.study.values import Effects

EFFECT_COLUMNS = (
    "effects", "family", "procedure", "rate", "stage", "kind", "effect", "host", "stands_for", "value", "error",
    "degrees", "t", "f", "p", "adjusted_p", "low", "high", "discovered", "method", "before", "runs", "words",
)  # fmt: skip

Said = Mapping[str, str | None]


def effect_rows(record: Record) -> Iterable[tuple[str, ...]]:
    """Every estimate, test, error, block, change and sentence, a row of `EFFECT_COLUMNS`."""
    for name, table in record.effects.items():
        effects = record.study.effects[name]
        about: Said = {
            "effects": name,
            "family": effects.family,
            "procedure": effects.procedure.value,
            "rate": exact(effects.rate),
        }
        for said in _of(effects, table, effects_view(record, effects)):
            yield tuple(about.get(column) or said.get(column) or "" for column in EFFECT_COLUMNS)


def _of(effects: Effects, table: EffectTable, view: EffectsView) -> Iterator[Said]:
    yield {"kind": "asked", "words": view.sentence}
    for fit, shown in zip(table.fits, view.fits, strict=True):
        place: Said = {"stage": fit_place(effects, fit), "method": fit.method.value, "runs": str(fit.runs)}
        for said in (*_errors(fit), *_estimates(fit), *_beside(fit), *_terms(fit), *_sentences(shown)):
            yield {**place, **said}
    yield from map(_change, table.changes)
    yield from ({"kind": "said", "words": words} for words in (*view.hosts, *view.flips, *view.ranks))


def _errors(fit: Fit) -> Iterator[Said]:
    """What tests rest on."""
    if fit.method is Method.LENTH:
        yield {"kind": "error", "value": fit.pse, "degrees": fit.freedom}
        yield {"kind": "margin", "value": fit.margin}
        yield {"kind": "margin of all at once", "value": fit.simultaneous}
    elif fit.sigma is not None:
        yield {"kind": "error", "value": fit.sigma, "degrees": fit.freedom}


def _estimates(fit: Fit) -> Iterator[Said]:
    for one in fit.estimates:
        yield {**_estimate("effect", fit, one), "discovered": "yes" if one.discovered else "no"}
        name = effect_name(one.effect)
        yield from ({"kind": "on a host", "effect": name, "host": host, "value": value} for host, value in one.hosts)
        if one.host_p is not None:
            yield {"kind": "factor x host", "effect": name, "p": one.host_p, "adjusted_p": one.host_adjusted}
        if one.agree is not None:
            same, cells = map(str, one.agree)
            yield {"kind": "cells that agree", "effect": name, "value": same, "runs": cells}
    yield from (_estimate("listed", fit, one) for one in fit.rest)


def _estimate(kind: str, fit: Fit, one: Estimate) -> Said:
    return {
        "kind": kind,
        "effect": effect_name(one.effect),
        "stands_for": stands_for(one),
        "value": one.value,
        "error": one.error,
        "degrees": fit.freedom if one.error else None,
        "t": one.t,
        "p": one.p,
        "adjusted_p": one.adjusted,
        "low": one.low,
        "high": one.high,
    }


def _beside(fit: Fit) -> Iterator[Said]:
    """Contrasts of Lenth's error, those that are left out and beyond its margin, blocks, and runs at the centre."""
    for effect, size in fit.contrasts:
        yield {"kind": "contrast", "effect": effect_name(effect), "value": size, "error": fit.pse}
    for effect, size in (one for said in fit.statements if isinstance(said, FollowUp) for one in said.contrasts):
        yield {"kind": "left out", "effect": effect_name(effect), "value": size}
    if (apart := fit.blocks) is not None:
        confounded = "; ".join(" = ".join(map(effect_name, effects)) for effects in apart.confounded)
        tested = {"degrees": str(apart.degrees), "f": apart.f, "p": apart.p}
        yield {"kind": "blocks", "stands_for": confounded, **tested}
        for block, shift in zip(names_of(apart.shifts), apart.shifts, strict=True):
            yield {"kind": "block", "effect": block, "host": shift.host, "value": shift.value}
    if (bent := fit.curvature) is not None:
        tests = {"value": bent.value, "error": bent.error, "degrees": fit.freedom if bent.error else None, "t": bent.t}
        ends = {"p": bent.p, "low": bent.low, "high": bent.high, "runs": str(bent.runs)}
        yield {"kind": "curvature", **tests, **ends}


def _terms(fit: Fit) -> Iterator[Said]:
    for one in fit.joints:
        tests = {"degrees": str(one.degrees), "f": one.f, "p": one.p, "adjusted_p": one.adjusted}
        yield {"kind": "term", "effect": effect_name(one.term), "value": one.squares, **tests}
    for step in fit.steps:
        between = f"{step.factor} {describe_level(step.upper)} - {describe_level(step.lower)}"
        tests = {"error": step.error, "degrees": fit.freedom if step.error else None, "t": step.t, "p": step.p}
        yield {"kind": "step", "effect": between, "value": step.value, **tests, "low": step.low, "high": step.high}


def _sentences(shown: FitView) -> Iterator[Said]:
    yield {"kind": "said", "words": shown.summary}
    yield {"kind": "verdict", "words": shown.verdict}
    yield from ({"kind": "said", "words": words} for words in shown.statements)


def _change(one: Change) -> Said:
    return {
        "stage": one.after,
        "kind": "change",
        "effect": effect_name(one.effect),
        "value": one.change,
        "error": one.error,
        "degrees": one.freedom,
        "t": one.t,
        "p": one.p,
        "low": one.low,
        "high": one.high,
        "before": one.before,
        "runs": str(one.runs),
    }
