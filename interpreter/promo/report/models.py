"""
Effects that read a design to what their error will be: its degrees of freedom, and what it means to have it of them.

Said before anything is paid for, of the rows, hosts and seeds that are declared.
"""

from collections.abc import Iterator, Sequence
from typing import assert_never

from promo.base.canonical import Json
from promo.base.classes import evolve
from promo.decision.power import Powers, Supposed, power_at
from promo.report.words import listed, plural
from promo.study.families import Rest
from promo.study.space import Design
from promo.study.values import Effects, Study
from promo.study.varied import varied

ONE = Supposed(noise=1.0, size=None, wanted=0.8, hosts=None, seeds=None)
"""Degrees of freedom do not depend on what is supposed."""


def model_lines(study: Study, designs: Sequence[str]) -> Iterator[str]:
    """What the error of every effects declaration that reads one of some designs will be, a paragraph each."""
    for effects, planned, repeated in _planned(study, designs):
        where = f"effects {effects.name} at {listed(planned.stages)}"
        count = sum(len(some.chains) for some in planned.found)
        yield f"{where}: {plural(planned.runs, 'run')}, {plural(count, 'estimate')}"
        yield f"  {_error(study, effects, planned, max(repeated, 0))}"


def models_json(study: Study, designs: Sequence[str]) -> list[Json]:
    """The same as JSON."""
    return [
        {
            "effects": effects.name,
            "stages": list(planned.stages),
            "runs": planned.runs,
            "rest": effects.rest.value,
            "estimates": sum(len(some.chains) for some in planned.found),
            "error_degrees": max(planned.degrees, 0),
            "repeated_degrees": max(repeated, 0),
        }
        for effects, planned, repeated in _planned(study, designs)
    ]


def _planned(study: Study, designs: Sequence[str]) -> Iterator[tuple[Effects, Powers, int]]:
    """Effects, what is planned for them at once, and the degrees of freedom of repeated runs."""
    for effects in study.effects.values():
        if set(designs).isdisjoint(effects.designs):
            continue
        for stages in (effects.stages,) if effects.pooled else ((stage,) for stage in effects.stages):
            there = [study.stages[stage] for stage in stages]
            repeated = power_at(study, evolve(effects, rest=Rest.LISTED), there, ONE)
            yield effects, power_at(study, effects, there, ONE), repeated.degrees


def _error(study: Study, effects: Effects, planned: Powers, repeated: int) -> str:
    """Where the error comes from, and what that means."""
    of_two = isinstance(varied(study, effects)[0], Design)
    lenths = "the error is Lenth's, over all contrasts, most of which must have no effect"
    degrees = f"{plural(planned.degrees, 'degree')} of freedom, {repeated} of them of repeated runs"
    match effects.rest:
        case Rest.USUAL if planned.degrees > 0:
            return f"what the model leaves out is part of the error: {degrees}"
        case Rest.ERROR if planned.degrees > 0:
            return (
                f"what the model leaves out is declared to be error: {degrees}; any effect in it inflates the error "
                f"and hides effects in the model"
            )
        case Rest.ERROR:
            return "the model takes every degree of freedom, so there is no error and no test: leave terms out of it"
        case Rest.LISTED if planned.degrees > 0:
            return (
                f"what the model leaves out is listed, and the error is that of repeated runs, "
                f"{plural(planned.degrees, 'degree')} of freedom; listed contrasts are not part of the family"
            )
        case Rest.USUAL | Rest.LISTED if of_two or effects.rest is Rest.USUAL:
            return f"no run is repeated, so {lenths}"
        case Rest.USUAL | Rest.LISTED:
            return "no run is repeated, so there is no error and no test: take more seeds, or write: rest in error"
        case _:
            assert_never(effects.rest)
