"""
Reduction and effects to decision: which factors are fixed where, and which rows of the next design agree with that.

Like `decide` this is pure, and it reads the effects of its own stages and nothing else.  A factor is fixed only when
every stage says the same of it: its main effect is discovered there (inside the family that the effects declare), is of
the declared size, and favours the same level.  One that relaxes below the size, or turns around, stays in the search.
"""

from collections.abc import Mapping

from promo.base.canonical import digest, from_exact
from promo.decision.values import Fixing, ReduceDecision
from promo.evidence.effects import EffectTable, Estimate, Fit
from promo.evidence.values import Evidence
from promo.study.describe import describe_level, describe_reduction
from promo.study.judgement import Reduction, Then
from promo.study.lock import closure
from promo.study.values import Study


def decide_reduction(
    study: Study,
    reduction: Reduction,
    table: EffectTable,
    evidence: Mapping[str, Evidence],
    around: tuple[str, ...] = (),
) -> ReduceDecision:
    """
    Fix factors, and let on the rows that agree.

    Args:
        study: the resolved study.
        reduction: one of its reductions.
        table: the effects it reads.
        evidence: stage -> evidence, for the stages of those effects.
        around: whom a gate promoted, when what goes on are neighbours of those.
    """
    effects = study.effects[reduction.effects]
    design = study.designs[effects.designs[0]]
    factors = tuple(
        _fixing(study, reduction, table, factor, (describe_level(low), describe_level(high)))
        for factor, low, high in zip(design.factors, design.low, design.high, strict=True)
    )
    fixed = {one.factor: one.level for one in factors if one.level is not None}
    rows = study.neighbourhoods[reduction.into].of_any(around) if reduction.around else reduction.rows
    promoted = tuple(sorted(name for name in rows if _agrees(study, name, fixed)))
    why, then = _lacking(study, reduction, evidence)
    ends = then in (Then.STOP, Then.HOLD)
    return ReduceDecision(
        reduction=reduction.name,
        seal=digest(closure(study, reduction)) if reduction.frozen else None,
        effects=table.digest,
        stages=tuple((stage, evidence[stage].digest) for stage in reduction.sources),
        around=tuple(sorted(around)),
        clauses=tuple((word, str(said)) for word, said in describe_reduction(reduction, study.measure).items()),
        factors=factors,
        into=reduction.into,
        promoted=() if ends else promoted,
        left=tuple(sorted(rows)) if ends else tuple(sorted(set(rows) - set(promoted))),
        stopped=f"{why}, and the reduction says: stop" if then is Then.STOP else "",
        held=f"{why}, and the reduction says: hold" if then is Then.HOLD else "",
    )


def _agrees(study: Study, candidate: str, fixed: Mapping[str, str]) -> bool:
    levels = {factor: describe_level(level) for factor, level in study.candidates[candidate].levels}
    return all(levels[factor] == level for factor, level in fixed.items())


def _lacking(study: Study, reduction: Reduction, evidence: Mapping[str, Evidence]) -> tuple[str, Then | None]:
    """Runs of the rows without a value, and what follows; nothing when none is missing or that is permitted."""
    points = {name for design in study.effects[reduction.effects].designs for name in study.designs[design].points}
    for stage in reduction.sources:
        rows = [row for row in evidence[stage].rows if row.candidate in points and row.missing]
        if rows and reduction.missing.then is not Then.SKIP:
            count = sum(len(row.missing) for row in rows)
            lack = "run lacks" if count == 1 else "runs lack"
            return f"{count} {lack} a value at {stage}", reduction.missing.then
    return "", None


def _fixing(study: Study, reduction: Reduction, table: EffectTable, factor: str, levels: tuple[str, str]) -> Fixing:
    """What the stages together say of one factor; *levels* are its low and its high one."""
    found = [(fit, _main(fit, factor)) for fit in table.fits]
    seen = tuple(
        (fit.stage, one.value, one.adjusted, one.discovered) if one else (fit.stage, None, None, False)
        for fit, one in found
    )
    better: set[str] = set()
    for fit, one in found:
        if one is None or one.value is None:
            return Fixing(factor, None, f"not estimable at {fit.stage}", seen)
        together = [name for _, (name, *more) in one.chain if not more and name != factor]
        if together:
            return Fixing(factor, None, f"it changed together with {together[0]}", seen)
        if not one.discovered:
            return Fixing(factor, None, f"not discovered at {fit.stage}", seen)
        value = from_exact(one.value)
        if reduction.least is not None and abs(value) < reduction.least:
            return Fixing(factor, None, f"smaller than asked at {fit.stage}", seen)
        better.add(levels[(value < 0) is study.measure.lower_is_better])
    if len(better) > 1:
        return Fixing(factor, None, "its better level is not the same at every stage", seen)
    return Fixing(factor, better.pop(), "discovered at every stage, always in favour of this level", seen)


def _main(fit: Fit, factor: str) -> Estimate | None:
    """The estimate whose chain holds a main effect."""
    return next((one for one in fit.estimates if any(effect == (factor,) for _, effect in one.chain)), None)
