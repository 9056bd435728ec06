"""Reductions as a report shows them: what was asked, what became of each factor, and which rows went on."""

from promo.decision.values import Fixing
from promo.report.aloud import read_reduction
from promo.report.amendments import amended_lines, undecided
from promo.report.decided import fate_words
from promo.report.declared import describe_level
from promo.report.figures import short
from promo.report.people import result_words, settled
from promo.report.record import Record
from promo.report.seal import SHOWN, seal_view
from promo.report.values import ReductionView
from promo.report.words import NONE, listed, number
from promo.study.judgement import Reduction


def reduction_view(record: Record, reduction: Reduction) -> ReductionView:
    """Everything that is shown of a reduction."""
    decision = record.decisions.get(reduction.name)
    found = decision.reducing if decision else None
    shown = settled(decision, record.state) if decision else None
    promoted = tuple(map(record.call, shown.promoted)) if shown else ()
    dropped = tuple(map(record.call, shown.reducing.dropped)) if shown and shown.reducing and not shown.held else ()
    pooled = record.study.effects[reduction.effects].pooled
    return ReductionView(
        name=reduction.name,
        documentation=reduction.documentation,
        sentence=read_reduction(reduction, record.study),
        seal=seal_view(record, reduction),
        decided=decision is not None,
        result=result_words(decision, record.study, record.state, record.call) + "."
        if decision
        else undecided(record, reduction.name),
        stages=(f"{listed(reduction.sources)} together",) if pooled else reduction.sources,
        factors=tuple(_factor(one) for one in found.factors) if found else (),
        promoted=promoted,
        dropped=dropped,
        rows="Open until a person has decided."
        if shown and shown.held
        else f"Promoted: {', '.join(promoted) or 'none'}. Dropped: {', '.join(dropped) or 'none'}.",
        effects=decision.inputs[0].digest[:SHOWN] if decision else "",
        decision=decision.digest[:SHOWN] if decision else "",
        amended=tuple(amended_lines(record.study, record.state, reduction.name, record.call)),
    )


def _factor(one: Fixing) -> tuple[str, ...]:
    fate = "stays in the search" if one.level is None else f"fixed at {describe_level(one.level)}"
    return one.factor, fate, fate_words(one), *(seen_text(seen.effect, seen.adjusted) for seen in one.seen)


def seen_text(value: str | None, adjusted: str | None) -> str:
    """An effect and its adjusted p."""
    if value is None:
        return NONE
    return f"{number(value, signed=True)} (adjusted p {short(adjusted)})"
