"""Random designs of factors with two levels or more, effects asked of them, and tables with lost runs."""

import random
from fractions import Fraction
from itertools import combinations
from types import SimpleNamespace

from promo.base.classes import evolve
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.study.arrays import array_of, full_of
from promo.study.space import Against, Array, Trend
from promo.study.values import Effects

NUMBERS = (
    (Fraction(1), Fraction(2), Fraction(3)), (Fraction(64), Fraction(256), Fraction(128)), (Fraction(0), Fraction(3)),
    (Fraction(1, 1000), Fraction(3, 1000), Fraction(1, 100)), (Fraction(-2), Fraction(0), Fraction(1), Fraction(7)),
    (Fraction(1), Fraction(2), Fraction(4), Fraction(5), Fraction(9), Fraction(11)), ("relu", "gelu", "silu"),
)  # fmt: skip
BLOCKS = (("host", "seed"), ("host",), ("seed",), ())


def comparing(draw, factor, levels):
    """One of the ways to compare the levels of a factor."""
    numbers = not isinstance(levels[0], str)
    if not numbers or draw.random() < 0.3:
        return Against(factor, draw.choice(levels))
    return Trend(factor, min(levels) > 0 and draw.random() < 0.5)


def array(draw):
    """A grid, an orthogonal array, or some rows of one."""
    factors = "abcd"[: draw.choice([2, 2, 3, 4])]
    levels = tuple(draw.choice(NUMBERS if len(factors) < 4 else NUMBERS[:4]) for _ in factors)
    counts = [len(one) for one in levels]
    rows = full_of(counts)
    sizes = [size for size in (9, 16, 18, 36) if array_of(size, counts)]
    if len(rows) > 36 or (sizes and draw.random() < 0.4):
        some = tuple(row for row in rows if draw.random() < 40 / len(rows))
        rows = array_of(sizes[0], counts) if sizes else some
    if draw.random() < 0.2:
        rows = tuple(row for row in rows if draw.random() < 0.8) or rows
    return Array("x", "full", tuple(factors), levels, rows, where={})


def saturated(draw):
    """An array whose main effects take all degrees of freedom."""
    counts = draw.choice([[3] * 4, [2] * 7, [2] * 11])
    levels = tuple(draw.choice([one for one in NUMBERS if len(one) == count]) for count in counts)
    rows = array_of({4: 9, 7: 8, 11: 12}[len(counts)], counts)
    return Array("x", "array", tuple("abcdefghijk"[: len(counts)]), levels, rows, where={})


def asked_of(draw, design):
    """Effects of a design, at two stages."""
    compared = tuple(
        comparing(draw, factor, levels)
        for factor, levels in zip(design.factors, design.levels, strict=True)
        if len(levels) > 2
    )
    size = 1
    for one in design.levels:
        size *= len(one)
    pairs = draw.random() < 0.4 and size < 60
    terms = tuple(one for one in combinations(design.factors, 2) if not pairs and draw.random() < 0.2)
    family, rate = draw.choice(["main", "all"] + ["pairs"] * pairs), Fraction(draw.choice([1, 5, 20]), 100)
    return Effects(
        "e", ("s", "t"), ("x",), pairs, terms, draw.choice(BLOCKS), family, rate, "", where={}, contrasts=compared
    )


def values(draw, points, cells, base, *, whole=False):
    """A table; *base* holds what each run has at every stage."""
    places, missing = draw.choice([0, 1, 4, 9]), 0 if whole else draw.choice([0, 0, 0.1, 0.4])
    told = {}
    rows = []
    for name, row in sorted(points.items()):
        line = []
        for host, seed in cells:
            value = sum(told.setdefault((place, one), draw.gauss(0, 2)) for place, one in enumerate(row))
            value += base.setdefault((name, host, seed), draw.gauss(0, 1)) + draw.gauss(0, 0.1)
            gone = draw.random() < missing
            text = None if gone else f"{value:.{places}f}"
            line.append(Cell(host, seed, "x", CellStatus.NOT_RUN if gone else CellStatus.OK, text, 1, "e"))
        rows.append(Row(name, tuple(line)))
    return tuple(rows)


def drawn(seed):
    """A study, effects, and evidence of two stages that share all runs, some, or none."""
    draw = random.Random(f"levels {seed}")
    full = draw.random() < 0.06
    design = saturated(draw) if full else array(draw)
    asked = asked_of(draw, design)
    if full:
        asked = evolve(asked, pairs=False, terms=(), family="main")
    hosts, count, base = draw.choice(["h", "hg"]), draw.choice([1, 1, 2, 3]), {}
    hosts, count = ("h", 1) if full else (hosts, count)
    evidence = {}
    for stage, first in (("s", 1), ("t", draw.choice([1, 1, 2, 50]))):
        cells = tuple((host, seed) for seed in range(first, first + count) for host in hosts)
        evidence[stage] = Evidence(stage, "y", cells, values(draw, design.points, cells, base, whole=full))
    return SimpleNamespace(designs={}, arrays={"x": design}), asked, evidence
