"""Baselines as a report tells them: what they tried, at which price, and where they came out."""

from collections.abc import Iterable
from fractions import Fraction

from promo.base.canonical import exact_sum, rounded
from promo.decision.conditions import complete
from promo.decision.walk import walk
from promo.evidence.values import Evidence
from promo.report.changed import called_list
from promo.report.plan import device_words
from promo.report.record import Record
from promo.report.words import PLACES, behind, between, plural, size
from promo.study.rivals import Baseline


def baseline_lines(record: Record) -> Iterable[str]:
    """Sentences about every baseline that has come to an end."""
    for baseline in record.study.baselines.values():
        if all(stage in record.evidence for stage in baseline.stages):
            yield from _lines(record, baseline)


def _lines(record: Record, baseline: Baseline) -> Iterable[str]:
    unit = record.study.measure.unit
    means: dict[str, Fraction | None] = {}
    for stage in baseline.stages:
        means |= _means(record.evidence[stage])
    budget = sum(record.plan.stage(stage).budget_s for stage in baseline.stages)
    tried = f"{plural(len(means), 'condition')} of the {2 ** len(_factors(record, baseline))} of {baseline.space}"
    price = f"with the budget of {baseline.matched}, {device_words(budget, record.plan, of_what=False)}"
    if baseline.seed is not None:
        yield f"{baseline.name} drew {tried} with seed {baseline.seed}, {price}."
        best = _best(record, means)
    else:
        assert baseline.start is not None
        values = {baseline.conditions[name]: mean for name, mean in means.items()}
        lower = record.study.measure.lower_is_better
        found = walk(baseline.conditions[baseline.start], values, lower_is_better=lower)
        names = {row: name for name, row in baseline.conditions.items()}
        best = names[found.place]
        moved = (
            f"moved to {called_list([names[row] for row in found.moves], record.call)}"
            if found.moves
            else "never moved"
        )
        ended = "every single change had been tried" if found.next is None else "its hours were spent"
        began = f"{baseline.name} began at {record.call(baseline.start)}"
        yield f"{began}, tried {tried} and {moved}, until {ended}; {price}."
    matched = _means(record.evidence[baseline.matched]) if baseline.matched in record.evidence else {}
    leader = _best(record, matched)
    if best is None or leader is None:
        return
    mine, theirs = means[best], matched[leader]
    assert mine is not None and theirs is not None
    way = -record.study.measure.sign
    gain = way * (mine - theirs)
    apart = f"{between(size(gain), unit)} {'better' if gain > 0 else 'worse'} than"
    beside = apart if gain else "the same as"
    yield (
        f"{baseline.name} ended at {record.call(best)} with {rounded(mine, PLACES)}{behind(unit)}, {beside} the best "
        f"of {baseline.matched}, {record.call(leader)} with {rounded(theirs, PLACES)}. Both are the best of several "
        "and look better than they are; neither says which factor mattered."
    )


def _factors(record: Record, baseline: Baseline) -> tuple[str, ...]:
    return record.study.designs[baseline.space].factors


def _means(evidence: Evidence) -> dict[str, Fraction | None]:
    found: dict[str, Fraction | None] = {}
    for row in evidence.rows:
        values = complete(row)
        found[row.candidate] = exact_sum(values.values()) / len(values) if values else None
    return found


def _best(record: Record, means: dict[str, Fraction | None]) -> str | None:
    sign = record.study.measure.sign
    known = {name: sign * mean for name, mean in means.items() if mean is not None}
    return min(known, key=lambda name: (known[name], name), default=None)
