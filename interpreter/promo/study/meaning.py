"""
Study to its meaning: whatever may be written in any order stands in one order.

Equal meanings are equal values, and so equal bytes and equal digests, however their texts are laid out.  Nothing is
lost that can move a verdict: where a gate breaks ties by the order of declarations, `order_of` keeps it.
"""

from promo.base.classes import evolve
from promo.base.codec import value_digest
from promo.study.judgement import Gate, TieBreak
from promo.study.values import Effects, Stage, Study


def meaning(study: Study) -> Study:
    """The study with stages, gates, effects and what can enter in one order; names of declarations need none."""
    return evolve(
        study,
        stages={name: _stage(stage) for name, stage in study.stages.items()},
        gates={name: gate_meaning(gate) for name, gate in study.gates.items()},
        effects={name: _effects(one) for name, one in study.effects.items()},
        entrants={name: evolve(one, possible=tuple(sorted(one.possible))) for name, one in study.entrants.items()},
    )


def _stage(stage: Stage) -> Stage:
    return evolve(
        stage,
        candidates=tuple(sorted(stage.candidates)),
        hosts=tuple(sorted(stage.hosts)),
        seeds=tuple(sorted(stage.seeds)),
        grown_at=tuple(sorted(stage.grown_at)),
        rests_on=tuple(sorted(stage.rests_on)),
    )


def gate_meaning(gate: Gate) -> Gate:
    """A gate with `always` sorted, and without the tie-breaks behind the first that leaves no tie."""
    total = next((place for place, one in enumerate(gate.ties) if one is not TieBreak.PARAMETERS), len(gate.ties) - 1)
    return evolve(gate, always=tuple(sorted(gate.always)), ties=gate.ties[: total + 1])


def _effects(effects: Effects) -> Effects:
    return evolve(effects, block=tuple(sorted(effects.block)))


def order_of(study: Study) -> tuple[str, ...] | None:
    """Candidates in the order of their declarations, if a gate breaks ties by it."""
    asked = any(TieBreak.ORDER in gate_meaning(gate).ties for gate in study.gates.values())
    return tuple(study.candidates) if asked else None


def pin_of(study: Study) -> str:
    """What `use ... pinned` holds on to: digest of what a file means, titles aside, 64 hex digits."""
    return value_digest(evolve(meaning(study), title=""))
