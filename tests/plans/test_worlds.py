"""Bounds against random ladders in random worlds, counted run by run; `tests/bench/bounds.py` takes thousands."""

from ladders import sound_ladder
from worlds import judge

LADDERS = 300
REACHED = 0.25
"""Share of ladders, at least, in which some world comes as far as a bound says: one that is never reached is none."""


def test_no_world_leaves_the_bounds_of_its_plan_and_many_reach_them():
    reached = {"most": 0, "planned": 0, "fewest": 0}
    for seed in range(LADDERS):
        found = sound_ladder(seed)
        verdict = judge(*found.sound(), seed)

        assert verdict.breaches == (), f"{verdict.breaches[0]}, in\n{found.source.text}"
        for name in reached:
            reached[name] += getattr(verdict, name)

    assert all(count > REACHED * LADDERS for count in reached.values()), reached
