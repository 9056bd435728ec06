"""
Study to what every world has in common: the runs that begin whatever happens.

A world is one course of a study: some scores, some failures, a person's word where one is asked.  Nothing is sure of it
but this: a stage is reached unless the study can end before it, and whoever is sure to enter there is tried at least
once in each cell.  How long that takes nobody can say beforehand, since an attempt may fail at once; so what is sure is
a number of attempts and never an amount of time.  A study whose budget is used up has not ended: it waits for a larger
one.
"""

from collections.abc import Iterator, Mapping
from typing import assert_never

from promo.study.judgement import Difference, Equivalent, Gate, Reduction, Rule, Then, primitives
from promo.study.values import Entrants, Study
from promo.syntax.clauses import LEADER

ENDS = frozenset({Then.STOP, Then.HOLD})
"""What can be the end of a study: it stops, or it waits for a person who may stop it."""


def certain_stages(study: Study) -> frozenset[str]:
    """
    Stages that have ended before anything can end the study.

    A decision falls once the stages that it reads have ended, with all that those wait for; it can cut off every other
    stage, those too that are under way beside them.
    """
    before = _behind(study)
    certain = frozenset(study.stages)
    for sources in _endings(study):
        certain &= frozenset().union(*(before[source] for source in sources))
    return certain


def _behind(study: Study) -> Mapping[str, frozenset[str]]:
    """Stage -> itself and all stages that must have ended before it begins."""
    found: dict[str, frozenset[str]] = {}
    for name in study.stages:  # in an order in which they can run
        found[name] = frozenset({name}).union(*(found[one] for one in study.waits_for(name)))
    return found


def _endings(study: Study) -> Iterator[tuple[str, ...]]:
    """For everything that may end the study, the stages that it reads."""
    for one in study.deciding.values():
        if not ENDS.isdisjoint(_answers(one, study.entrants)):
            yield one.sources


def _answers(one: Gate | Rule | Reduction, entrants: Mapping[str, Entrants]) -> Iterator[Then]:
    """What may follow from a decision for the whole study."""
    yield one.missing.then
    yield one.on_crash.then
    match one:
        case Gate():
            yield from (guard.handling.then for guard in one.guards)
            yield from (demand.otherwise for demand in one.demands if isinstance(demand.otherwise, Then))
            if _compares(one):
                yield Then.STOP  # nobody can be compared once a value of the reference is missing
        case Rule():
            known = isinstance(one.judged, str)  # of those whom only results tell there may be nobody
            named = {name for name in (one.judged, one.reference) if isinstance(name, str)}
            if not known or not named <= entrants[one.stage].sure:
                yield one.absent or one.missing.then
            if one.otherwise is not None:
                yield one.otherwise
        case Reduction():
            pass
        case _:
            assert_never(one)


def _compares(gate: Gate) -> bool:
    """Whether it keeps by a comparison with a candidate of a name."""
    parts = (part for way in gate.ways for part in primitives(way))
    return any(isinstance(part, Difference | Equivalent) and part.reference not in (None, LEADER) for part in parts)
