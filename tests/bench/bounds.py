"""
Bounds of plans against random ladders in random worlds, by the thousand: what the gate's own test does for hundreds.

    python tests/bench/bounds.py [--ladders 2000] [--from 0]

Exits with 1 when a world leaves the bounds of its plan; the ladder is printed.
"""

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "plugin")]

from ladders import sound_ladder
from worlds import MOODS, judge


def main() -> int:
    """Judge and count."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--ladders", type=int, default=2000)
    options.add_argument("--from", type=int, default=0, dest="first", help="seed of the first ladder")
    asked = options.parse_args()
    began, broken = time.process_time(), 0
    reached = {"most": 0, "planned": 0, "fewest": 0}
    gates = rules = stages = 0
    for seed in range(asked.first, asked.first + asked.ladders):
        found = sound_ladder(seed)
        study, plan = found.sound()
        verdict = judge(study, plan, seed)
        gates, rules, stages = gates + len(study.gates), rules + len(study.rules), stages + len(study.stages)
        for name in reached:
            reached[name] += getattr(verdict, name)
        if verdict.breaches:
            broken += 1
            print(found.source.text, *verdict.breaches, sep="\n")
    print(f"{asked.ladders} ladders: {stages} stages, {gates} gates, {rules} rules; {len(MOODS)} worlds each")
    print(f"{broken} ladders with a world outside the bounds")
    print("reached by some world: " + ", ".join(f"{name} in {count}" for name, count in reached.items()))
    print(f"{time.process_time() - began:.0f} s of processor time")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
