"""
Reduction and effects to decision: which factors are fixed where, and which rows of the next design agree with that.

Like `decide` this is pure, and it reads the effects of its own stages and nothing else.  A factor is fixed only when
every stage says the same of it: its main effect is discovered there (inside the family that the effects declare), is of
the declared size, and favours the same level.  One that relaxes below the size, or turns around, stays in the search.
"""

from collections.abc import Mapping

from promo.base.canonical import from_exact
from promo.base.codec import value_digest
from promo.decision.values import Decision, Fate, Fixing, Input, Reducing, Seen
from promo.evidence.estimates import EffectTable, Estimate, Fit
from promo.evidence.values import Evidence
from promo.ledger.outcomes import Because, Held, Outcome, RunsLacking, Settled, Stopped
from promo.study.closure import closure
from promo.study.given import Level
from promo.study.judgement import Reduction, Then
from promo.study.values import Study


def decide_reduction(
    study: Study,
    reduction: Reduction,
    table: EffectTable,
    evidence: Mapping[str, Evidence],
    around: tuple[str, ...] = (),
) -> Decision:
    """Fix factors, and let on the rows that agree."""
    effects = study.effects[reduction.effects]
    design = study.designs[effects.designs[0]]
    factors = tuple(
        _fixing(study, reduction, table, factor, (low, high))
        for factor, low, high in zip(design.factors, design.low, design.high, strict=True)
    )
    fixed = {one.factor: one.level for one in factors if one.level is not None}
    rows = study.neighbourhoods[reduction.into].of_any(around) if reduction.around else reduction.rows
    agreeing = tuple(sorted(name for name in rows if _agrees(study, name, fixed)))
    outcome = _outcome(study, reduction, evidence)
    promoted = agreeing if isinstance(outcome, Settled) else ()
    return Decision(
        name=reduction.name,
        seal=value_digest(closure(study, reduction)) if reduction.frozen else None,
        inputs=(
            Input(table.name, table.digest),
            *(Input(stage, evidence[stage].digest) for stage in reduction.sources),
        ),
        outcome=outcome,
        promoted=promoted,
        found=Reducing(
            stages=reduction.sources,
            around=tuple(sorted(around)),
            factors=factors,
            into=reduction.into,
            dropped=tuple(sorted(set(rows) - set(promoted))),
        ),
    )


def _agrees(study: Study, candidate: str, fixed: Mapping[str, Level]) -> bool:
    levels = dict(study.candidates[candidate].levels)
    return all(levels[factor] == level for factor, level in fixed.items())


def _outcome(study: Study, reduction: Reduction, evidence: Mapping[str, Evidence]) -> Outcome:
    """What runs of the rows without a value lead to; nothing when none is missing or that is permitted."""
    points = {name for design in study.effects[reduction.effects].designs for name in study.designs[design].points}
    then = reduction.missing.then
    for stage in reduction.sources:
        rows = [row for row in evidence[stage].rows if row.candidate in points and row.missing]
        if rows and then in (Then.STOP, Then.HOLD):
            why: Because = RunsLacking(sum(len(row.missing) for row in rows), stage)
            return Stopped(why) if then is Then.STOP else Held(why)
    return Settled()


def _fixing(study: Study, reduction: Reduction, table: EffectTable, factor: str, levels: tuple[Level, Level]) -> Fixing:
    """What the stages together say of one factor; *levels* are its low and its high one."""
    found = [(fit, _main(fit, factor)) for fit in table.fits]
    seen = tuple(
        Seen(fit.stage, one.value, one.adjusted, one.discovered)
        if one
        else Seen(fit.stage, None, None, discovered=False)
        for fit, one in found
    )
    better: set[Level] = set()
    for fit, one in found:
        if one is None or one.value is None:
            return Fixing(factor, None, Fate.NOT_ESTIMABLE, fit.stage, seen)
        together = [name for _, (name, *more) in one.chain if not more and name != factor]
        if together:
            return Fixing(factor, None, Fate.TOGETHER, together[0], seen)
        if not one.discovered:
            return Fixing(factor, None, Fate.NOT_DISCOVERED, fit.stage, seen)
        value = from_exact(one.value)
        if reduction.least is not None and abs(value) < reduction.least:
            return Fixing(factor, None, Fate.SMALL, fit.stage, seen)
        better.add(levels[(value < 0) is study.measure.lower_is_better])
    if len(better) > 1:
        return Fixing(factor, None, Fate.INCONSISTENT, None, seen)
    return Fixing(factor, better.pop(), Fate.FIXED, None, seen)


def _main(fit: Fit, factor: str) -> Estimate | None:
    """The estimate whose chain holds a main effect."""
    return next((one for one in fit.estimates if any(effect == (factor,) for _, effect in one.chain)), None)
