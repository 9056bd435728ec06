"""
What decides under a name, and where evidence comes from, to its decision: the one place that knows every decider.

A study on disk reads evidence from its files, a rehearsal from memory; what is decided is the same.
"""

from collections.abc import Callable
from typing import assert_never

from promo.decision.decide import decide_gate, decide_rule
from promo.decision.reduce import decide_reduction
from promo.decision.values import Decision
from promo.decision.walk import decide_step
from promo.evidence.estimates import EffectTable
from promo.evidence.values import Evidence
from promo.ledger.state import State
from promo.study.judgement import Gate, Reduction, Rule, also_read
from promo.study.values import Study


def decide(
    study: Study,
    name: str,
    evidence: Callable[[str], Evidence],
    effects: Callable[[str], EffectTable],
    state: State,
    *,
    recorded: bool,
) -> Decision:
    """
    Let a gate, rule, reduction, step of a walk, forecast or schedule decide.

    Args:
        study: each rule in the wording that decides.
        name: who decides.
        evidence: of a stage, by its name; of none that is not read.
        effects: by their name.
        state: what the ledger says, for whom a gate promoted.
        recorded: whether values were read from recorded curves, which laws are told.
    """
    if name in study.steps:
        return decide_step(study, study.steps[name], {stage: evidence(stage) for stage in study.read_by(name)})
    if name in study.told_by:
        from promo.decision.foretell import decide_by_law  # only studies with laws pay for it

        seen = {stage: evidence(stage) for stage in study.read_by(name)}
        return decide_by_law(study, name, seen, recorded=recorded)
    rule = study.deciding[name]
    match rule:
        case Gate():
            others = {stage: evidence(stage) for stage in also_read(rule)}
            return decide_gate(study, rule, evidence(rule.source), others, recorded=recorded)
        case Rule():
            others = {stage: evidence(stage) for stage in also_read(rule)}
            return decide_rule(study, rule, evidence(rule.stage), others, recorded=recorded)
        case Reduction():
            through = state.promoted(rule.around) if rule.around else ()
            seen = {stage: evidence(stage) for stage in rule.sources}
            return decide_reduction(study, rule, effects(rule.effects), seen, through)
        case _:
            assert_never(rule)
