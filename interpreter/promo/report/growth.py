"""Growths as a report tells them: the ways that were tried, what was chosen, and what it cost with the parent."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import islice

from promo.base.canonical import exact_sum, from_exact, rounded
from promo.decision.values import Standing
from promo.report.aloud import count
from promo.report.declared import stack_words
from promo.report.landscape import landscape_lines
from promo.report.record import Record
from promo.report.words import PLACES, behind, between, listed, number, plural, size, span_text
from promo.study.looks import Looks
from promo.study.values import Grow


def growth_lines(record: Record) -> Iterable[str]:
    """Sentences about every growth that has chosen a way."""
    for grow in record.study.grows.values():
        yield from growth_of(record, grow)


def growth_in_short(record: Record) -> Iterable[str]:
    """What each growth did, and whether it chose right: the sentences of `growth_lines` that say so."""
    for grow in record.study.grows.values():
        decision = record.decisions.get(grow.name)
        if decision is not None and decision.ranking is not None:
            yield next(iter(growth_of(record, grow)))
            verdict = landscape_lines(record, grow, decision.promoted[0]) if decision.promoted else ()
            yield from islice(verdict, 1)


def _lag_values(grow: Grow, standings: Iterable[Standing], unit: str) -> str:
    """`interleave 1.7815 and copy_top 2.5315 pt; identity has no value`."""
    valued = [f"{grow.ways[one.candidate]} {number(one.statistic)}" for one in standings if one.statistic is not None]
    lacking = [grow.ways[one.candidate] for one in standings if one.statistic is None]
    none = f"{listed(lacking)} {'has' if len(lacking) == 1 else 'have'} no value"
    return "; ".join(([f"{listed(valued)}{behind(unit)}"] if valued else []) + ([none] if lacking else []))


def growth_of(record: Record, grow: Grow) -> Iterable[str]:
    """Sentences about one growth; none before it has chosen."""
    decision = record.decisions.get(grow.name)
    if decision is None or decision.ranking is None:
        return
    standings = decision.ranking.standings
    unit = record.study.measure.unit
    cells = len(record.study.stages[grow.name].cells)
    lag = plural(grow.lag.amount, "step")
    yield (
        f"{grow.name} grew {record.call(grow.parent)} from {grow.stage} ({stack_words(grow)}) in "
        f"{plural(len(grow.strategies), 'way')} and trained {'each' if grow.looks is None else 'them'} for "
        f"{'' if grow.looks is None else 'up to '}{lag} in {plural(cells, 'cell')}; mean "
        f"{record.study.measure.metric} after the lag: {_lag_values(grow, standings, unit)}."
    )
    if grow.looks is not None:
        yield _stopped(record, grow, grow.looks)
    spread = _spread(standings)
    if spread is not None:
        first, second = (grow.ways[one.candidate] for one in standings[:2])
        apart, within = spread
        less = "less than" if apart < within else "not less than"
        range_of_one = between(rounded(within, PLACES), unit)
        if apart:
            yield (
                f"After the lag {first} is {between(size(apart), unit)} better than {second}, {less} the largest range "
                f"over the cells of one way ({range_of_one})."
            )
        else:
            yield (
                f"After the lag {first} and {second} are level; the largest range over the cells of one way is "
                f"{range_of_one}."
            )
    if decision.promoted:
        yield from landscape_lines(record, grow, decision.promoted[0])
        yield from _cost(record, grow, decision.promoted[0])


def _stopped(record: Record, grow: Grow, looks: Looks) -> str:
    """At which look the order had been the same for long enough, and what that saved."""
    for place, stage in enumerate(grow.stages[:-1], 1):
        decision, after = record.decisions.get(stage), place * looks.every
        ranking = None if decision is None else decision.ranking
        if decision is None or ranking is None:
            continue
        if not decision.promoted:
            return f"After {plural(after, 'step')} no way had a value in every cell."
        left = len([one for one in ranking.standings if one.statistic is not None]) - 1
        if len(decision.promoted) == 1 and left:
            saved = left * (grow.lag.amount - after)
            return (
                f"The order of the ways was stable for {plural(looks.stable, 'look')} after {plural(after, 'step')}; "
                f"{plural(left, 'other way')} stopped there, which saved {plural(saved, 'step')} in each cell. Whether "
                "the order would have changed later is not known."
            )
    return f"The order of the ways was never stable for {plural(looks.stable, 'look')}, so all had the whole lag."


def _spread(standings: Sequence[Standing]) -> tuple[Fraction, Fraction] | None:
    """How far the first way is ahead of the second, and how far apart the cells of one way lie at most."""
    known = [one.statistic for one in standings if one.statistic is not None]
    if len(known) < 2:
        return None
    values = [[from_exact(cell.value) for cell in one.cells if cell.value is not None] for one in standings]
    within = max((max(those) - min(those) for those in values if len(those) > 1), default=None)
    if within is None:
        return None
    return abs(from_exact(known[1]) - from_exact(known[0])), within


def _cost(record: Record, grow: Grow, chosen: str) -> Iterable[str]:
    """What one run of the grown candidate rests on, and what choosing took."""
    before = _behind(record, grow)
    lag = _lag(record, grow, chosen)
    tried = exact_sum(record.runs_s(stage) for stage in grow.stages)
    yield (
        f"Trying {count(len(grow.strategies))} {'way' if len(grow.strategies) == 1 else 'ways'} took "
        f"{span_text(tried)} of training in all."
    )
    for stage in record.study.stages.values():
        if record.study.growth_of(grow.becomes) is not grow or grow.becomes not in record.state.opened.get(
            stage.name, ()
        ):
            continue
        own = _paid(record, grow.becomes, stage.name)
        parts = (before, lag, own)
        if None in parts or stage.continues:
            continue
        total = exact_sum(one for one in parts if one is not None)
        others = tried / len(record.study.stages[grow.name].cells) - (lag or Fraction(0))
        share = f", {rounded(others / total * 100, 0)}% of that" if total else ""
        besides = f" Trying the other ways took another {_s(others)} a cell{share}." if len(grow.ways) > 1 else ""
        yield (
            f"On average a run of {record.call(grow.becomes)} trains for {_s(own)} at {stage.name}, after "
            f"{_s(before)} of {record.call(grow.parent)} at {grow.stage} and {_s(lag)} of the lag: {_s(total)} in "
            f"all.{besides}"
        )


def _lag(record: Record, grow: Grow, way: str) -> Fraction | None:
    """What a way was trained for in all looks of its lag; None where one of them has no result."""
    parts = [_paid(record, way, stage) for stage in grow.stages]
    known = [one for one in parts if one is not None]
    return exact_sum(known) if len(known) == len(parts) else None


def _whole(record: Record, candidate: str, stage: str) -> Fraction | None:
    """The same with all that these runs carried on or grew from."""
    said = record.study.stages[stage]
    grow = record.study.growth_of(candidate)
    parts = [_paid(record, candidate, stage)]
    if said.continues is not None:
        parts.append(_whole(record, candidate, said.continues))
    elif grow is not None:
        chosen = (candidate,) if candidate in grow.ways else record.state.promoted(grow.name)
        parts += [_behind(record, grow), _lag(record, grow, chosen[0]) if chosen else None]
    known = [one for one in parts if one is not None]
    return exact_sum(known) if len(known) == len(parts) else None


def _behind(record: Record, grow: Grow) -> Fraction | None:
    """What a parent's runs were trained for up to the state that is grown, with all that they rest on."""
    stage = record.study.stages[grow.stage]
    whole, own = _whole(record, grow.parent, stage.name), _paid(record, grow.parent, stage.name)
    if stage.trunk is None or whole is None or own is None:
        return whole
    cooled = record.study.whole(stage.name) - stage.trunk  # nothing rests on what cooled down
    return whole - own * Fraction(cooled, stage.budget.amount)


def _s(seconds: Fraction | None) -> str:
    known = seconds or Fraction(0)
    return span_text(known) if known >= 60 else f"{rounded(known, 2)} s"


def _paid(record: Record, candidate: str, stage: str) -> Fraction | None:
    """Mean seconds that the budget of a candidate's counting runs at a stage paid for."""
    counting = (record.state.accepted(one.run) for one in record.attempts(stage) if one.candidate == candidate)
    runs = {one.run: one for one in counting if one is not None}
    found = [record.results.get((one.run, one.number)) for one in runs.values()]
    seconds = [from_exact(one.charged_s) for one in found if one is not None]
    if not seconds:
        return None
    return exact_sum(seconds) / len(seconds)
