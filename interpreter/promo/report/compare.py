"""A comparison of methods as text, as JSON, and as a view for a page."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from textwrap import fill

from promo.base.canonical import Json, exact, rounded
from promo.base.classes import frozen
from promo.base.units import HOUR
from promo.decision.comparators import Comparison, MethodResult
from promo.report.describe import time_of_slots
from promo.report.plan import GPU_HOURS
from promo.report.words import NONE, between, counted_in, listed, plural, points, span_text, with_sign, within
from promo.study.values import Study

WIDTH = 110
COLUMNS = ("method", "regret", "95% of draws", "hours", "95% of draws", "candidates", "no choice")


@frozen
class CompareView:
    """What a page of a comparison shows."""

    title: str
    name: str
    table: str
    """The table of curves and its digest."""
    story: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    how: tuple[str, ...]


def comparison_view(found: Comparison, study: Study, table: str, *, eta: int, seed: int) -> CompareView:
    """Everything in words and rounded figures."""
    unit = study.measure.unit
    time = GPU_HOURS if study.on_gpus else time_of_slots(study)
    columns = (COLUMNS[0], f"regret{within(points(unit))}", COLUMNS[2], time, *COLUMNS[4:])
    return CompareView(
        title=study.title or study.name,
        name=study.name,
        table=table,
        story=tuple(_story(found, study)),
        columns=columns,
        rows=tuple(_row(one, study) for one in found.methods),
        how=tuple(_how(found, study, eta, seed)),
    )


def comparison_text(view: CompareView) -> str:
    """For a terminal."""
    from tabulate import tabulate

    table = tabulate(view.rows, headers=view.columns, disable_numparse=True)
    paragraphs = ("\n".join(fill(sentence, WIDTH) for sentence in part) for part in (view.story, view.how))
    return "\n\n".join([table, *paragraphs])


def _row(one: MethodResult, study: Study) -> tuple[str, ...]:
    return (
        one.name,
        NONE if one.regret is None else rounded(one.regret, 4),
        NONE if one.regret_interval is None else _range(one.regret_interval, 4),
        _spent(one.spent_s, study),
        " .. ".join(_spent(end, study) for end in one.spent_interval),
        rounded(one.trained, 1),
        str(one.without) if one.without else "",
    )


def _spent(seconds: Fraction, study: Study) -> str:
    """Time of slots in a table of them."""
    return rounded(seconds / HOUR, 2) if study.on_gpus else span_text(seconds)


def _range(ends: Sequence[Fraction], digits: int) -> str:
    return f"{rounded(ends[0], digits)} .. {rounded(ends[1], digits)}"


def _story(found: Comparison, study: Study) -> Iterable[str]:
    yield (
        f"Regret: how much worse a choice is, at the full budget over all recorded cells, than {found.best}, the best "
        "there."
    )
    own = found.methods[0]
    known = [one for one in found.methods[1:] if one.regret is not None]
    if own.regret is not None and known:
        unit = study.measure.unit
        better = [one.name for one in known if one.over_spec is not None and one.over_spec < 0]
        yield (
            f"This spec's regret is {between(rounded(own.regret, 4), unit)} for {_spent(own.spent_s, study)} "
            f"{GPU_HOURS if study.on_gpus else f'of {time_of_slots(study)}'}; less regret on average: "
            f"{listed(better) if better else 'no other method'}."
        )
        apart = "; ".join(
            f"{one.name} {with_sign(one.over_spec)} ({_range(one.over_spec_interval, 4)})"
            for one in known
            if one.over_spec is not None and one.over_spec_interval is not None
        )
        if apart:
            counts = counted_in(points(unit))
            yield f"Regret minus that of this spec in the same draw{counts}, with 95% of draws: {apart}."
    if found.stopped or found.held:
        yield (
            f"In {plural(found.stopped, 'draw')} a gate or rule of this spec stopped the study, and in "
            f"{found.held} one waited for a person; no candidate was promoted there."
        )
    if found.unknown:
        yield (
            f"{listed(found.unknown)} {'has' if len(found.unknown) == 1 else 'have'} no value at the full budget: "
            "the effect of choosing or not choosing them is unknown."
        )


def _how(found: Comparison, study: Study, eta: int, seed: int) -> Iterable[str]:
    cells = plural(found.cells[0], "cell")
    if len(set(found.cells)) > 1:
        cells = f"{', '.join(map(str, found.cells))} cells"
    yield (
        f"{plural(found.draws, 'draw')} (seed {seed}); rungs {', '.join(map(str, found.rungs))} with {cells}; "
        f"eta {eta}. Recorded curves: nothing was trained."
    )
    yield (
        "This spec goes through its gates, guards, reruns and samples as in promo replay, and then takes the best mean "
        "at its largest budget; a dropped candidate that is only audited is paid for but not chosen."
    )
    yield (
        "In each draw every other method may spend as much as this spec does. The walk changes one factor at a time "
        "from the "
        "reference. Methods with rungs start with as many candidates as those hours pay for, and spend the rest on "
        "training the best of their dropped candidates to the full budget; 'rungs alone' is without that, at "
        "whatever cost. Hyperband makes one pass over its brackets."
    )
    yield (
        "The other methods draw candidates without replacement, read this spec's hosts and seeds at each rung, pay "
        "only for what is added when a run is resumed, and rerun nothing."
    )
    yield "A recorded curve cut at a short budget is not a run that was planned to be short."


def comparison_json(found: Comparison) -> dict[str, Json]:
    """With exact figures."""
    return {
        "promo_comparison": 1,
        "best": found.best,
        "rungs": list(found.rungs),
        "cells": list(found.cells),
        "draws": found.draws,
        "stopped": found.stopped,
        "held": found.held,
        "unknown": list(found.unknown),
        "methods": [_method(one) for one in found.methods],
    }


def _method(one: MethodResult) -> dict[str, Json]:
    return {
        "name": one.name,
        "regret": None if one.regret is None else exact(one.regret),
        "regret_interval": None if one.regret_interval is None else [exact(end) for end in one.regret_interval],
        "spent_s": exact(one.spent_s),
        "spent_interval": [exact(end) for end in one.spent_interval],
        "trained": exact(one.trained),
        "without_choice": one.without,
        "over_spec": None if one.over_spec is None else exact(one.over_spec),
        "over_spec_interval": None
        if one.over_spec_interval is None
        else [exact(end) for end in one.over_spec_interval],
    }
