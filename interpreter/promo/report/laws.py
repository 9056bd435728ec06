"""Fitted laws as a report tells them: the law of each candidate, what it foretold of a larger budget, what came."""

from collections.abc import Iterable, Mapping

from promo.base.canonical import Json
from promo.evidence.extrapolate import Fitted, Foretold, fit_laws
from promo.evidence.values import Evidence
from promo.report.changed import Call
from promo.report.declared import describe_form, formula
from promo.report.record import Record
from promo.report.told import guess_words
from promo.report.values import LawView
from promo.report.words import listed, percent, plural
from promo.study.laws import LEVEL, Law
from promo.study.values import Study

CHECKPOINTS = (
    "These runs were recorded elsewhere: a point before the end of a recorded run is a checkpoint, and lies on the law "
    "only if the rate was constant until then, which the table does not say."
)
UNTOLD = "needs runs of three sizes and three amounts of data, and one of these sizes at two amounts"
HEADINGS = ("candidate", "law", "runs", "forecast", f"{LEVEL:.0%} interval", "outcome", "missed by")
FITTED = 3
"""Columns of a law that no stage tests."""


def laws_view(record: Record) -> Iterable[LawView]:
    """Every law whose first stages have closed."""
    for law in record.study.laws.values():
        if any(stage in record.evidence for stage in law.stages):
            yield law_view(record.study, law, record.evidence, record.call, recorded=record.state.replay)


def law_view(study: Study, law: Law, evidence: Mapping[str, Evidence], call: Call, *, recorded: bool) -> LawView:
    """A law, fitted to what is known."""
    found = fit_laws(study, law, evidence, recorded=recorded)
    columns = FITTED if law.held is None else len(HEADINGS)
    return LawView(
        name=law.name,
        documentation=law.documentation,
        sentence=_sentence(study, law),
        headings=HEADINGS[:columns],
        rows=tuple(row[:columns] for one in found for row in _rows(law, one, call)),
        statements=(*_statements(law, found, call), *((CHECKPOINTS,) if recorded else ())),
    )


def _sentence(study: Study, law: Law) -> str:
    form = describe_form(law.form)
    text = (
        f"{form[0].upper()}{form[1:]}, fitted to {study.measure.metric} at {listed(law.stages)}"
        f"{' for all candidates together' if law.form.arguments > 1 else ''}; intervals from {law.draws} draws of the "
        f"runs, seed {law.seed}, and the noise of new ones. It makes no forecast above {law.reach} times the largest "
        f"of these budgets or below the smallest divided by {law.reach}."
    )
    return (
        text if law.held is None else f"{text} The stage {law.held} tests it: no run of that stage is among its points."
    )


def _rows(law: Law, one: Fitted, call: Call) -> Iterable[tuple[str, ...]]:
    few = "too few budgets with a value" if one.places < len(law.form.names) else "not fitted"
    words = few if one.law is None else formula(one.law)
    who = call(one.candidate) if one.candidate else "all"
    if not one.foretold:
        yield who, words, str(one.points), "", "", "", ""
    for told in one.foretold:
        came = "" if told.came is None else f"{told.came:.4f}"
        missed = "" if told.missed_by is None else percent(told.missed_by)
        interval = f"{told.low:.4f} to {told.high:.4f}" if _spare(law, one) else ""
        yield call(told.candidate), words, str(one.points), f"{told.value:.4f}", interval, came, missed


def _statements(law: Law, found: Iterable[Fitted], call: Call) -> Iterable[str]:
    for one in found:
        who = call(one.candidate) if one.candidate else "all candidates together"
        if one.law is None:
            need = len(law.form.names)
            why = f"has {need} parameters and runs at {plural(one.places, 'place')}"
            if one.places >= need:
                why = "has losses that no law fits" if one.told else UNTOLD
            yield f"The law of {who} {why}: it is not fitted."
        elif one.unsure:
            yield guess_words(who, one.unsure)
    told = [one for each in found for one in each.foretold if one.came is not None]
    if told:
        yield _record_of(told, [one for each in found if _spare(law, each) for one in each.foretold])


def _spare(law: Law, one: Fitted) -> bool:
    """Whether runs are left over to tell how far outcomes lie from the law; else it goes through every run."""
    return one.points > len(law.form.names)


def _record_of(told: list[Foretold], ranged: list[Foretold]) -> str:
    ranged = [one for one in told if one in ranged]
    inside = sum(one.low <= one.came <= one.high for one in ranged if one.came is not None)
    misses = sorted(one.missed_by for one in told if one.missed_by is not None)
    missed = " to ".join(dict.fromkeys((percent(misses[0]), percent(misses[-1]))))
    within = (
        f"{inside} of {plural(len(ranged), 'outcome')} inside the interval" if ranged else "No forecast has an interval"
    )
    return f"{within}; outcomes differ from forecasts by {missed}."


# --- promo laws ----------------------------------------------------------------------------------------------------


def law_text(study: Study, law: Law, evidence: Mapping[str, Evidence], call: Call, *, recorded: bool) -> str:
    """A law for a terminal."""
    from tabulate import tabulate  # which reports do without

    view = law_view(study, law, evidence, call, recorded=recorded)
    shown = tabulate(view.rows, headers=view.headings, disable_numparse=True)
    return "\n".join((f"{view.name}: {view.sentence}", "", shown, *view.statements))


def laws_json(law: Law, found: Iterable[Fitted], changed: Mapping[str, str]) -> list[Json]:
    """A law for programs; numbers as text of twelve digits.  *changed*: what changed in each candidate."""
    return [
        {
            "candidate": one.candidate,
            "changed": changed.get(one.candidate or "") or None,
            "points": one.points,
            "places": one.places,
            "parameters": dict(zip(law.form.names, map(_digits, one.law.parameters), strict=True)) if one.law else None,
            "unsure": list(one.unsure),
            "foretold": [
                {
                    "stage": told.stage,
                    "candidate": told.candidate,
                    "changed": changed.get(told.candidate) or None,
                    "value": _digits(told.value),
                    "low": _digits(told.low),
                    "high": _digits(told.high),
                    "came": None if told.came is None else _digits(told.came),
                }
                for told in one.foretold
            ],
        }
        for one in found
    ]


def _digits(value: float) -> str:
    return f"{value:.12g}"
