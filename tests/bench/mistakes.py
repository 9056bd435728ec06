"""
Mistakes injected into the published spec: how many are reported, and how many other lines with them.

    python tests/bench/mistakes.py [--files 400] [--slips 5000]

A word of a line is deleted, replaced or put in; only what is an error by itself counts.  Once on lines that are a
clause, once on any line, heads of blocks included.  Then what edits that call themselves sure do to the number of
errors of texts with slips of many kinds.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "plugin")]
SLIPPED = ("quickstart", "grow_small", "staged_promotion", "screen_small")

from injected import any_lines, clause_lines, found_of_injected, sure_edits
from support import spec


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=400)
    options.add_argument("--slips", type=int, default=5000)
    chosen = options.parse_args()
    files = chosen.files
    lines = (ROOT / "specs" / "staged_promotion.promo").read_text(encoding="utf-8").splitlines()
    print(f"{'lines':10} {'mistakes':>8} {'reported':>9} {'false lines a file':>19}")
    for name, where in (("clauses", clause_lines(lines)), ("any", any_lines(lines))):
        for mistakes in (1, 3, 10):
            reported, false = found_of_injected(lines, where, mistakes, files, seed=mistakes)
            print(f"{name:10} {mistakes:8} {reported:9.2%} {false:19.3f}")
    specs = [(ROOT / "specs" / f"{name}.promo").read_text(encoding="utf-8") for name in SLIPPED]
    seen = sure_edits([*specs, spec()], ROOT / "specs", chosen.slips, seed=1)
    print(
        f"sure edits of {chosen.slips} texts with slips:", ", ".join(f"{what} {n}" for what, n in sorted(seen.items()))
    )


if __name__ == "__main__":
    main()
