"""
Effects and the rows, hosts and seeds behind them to how often a study without any effect would discover one.

What a spread of conditions between hosts does is known (`evidence.spread`) where every condition runs with each seed on
each of its hosts, once, and where hosts are blocks: either every host has all rows, or each has rows of its own.
"""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise

from promo.base.least_squares import solve
from promo.decision.power import chains_and_runs
from promo.evidence.estimates import ORDERS
from promo.evidence.lenth import orthogonal
from promo.evidence.spread import Screened
from promo.evidence.terms import columns_of
from promo.study.coding import Coding
from promo.study.families import Rest
from promo.study.values import Effects, Stage, Study
from promo.study.varied import rows_of

Row = tuple[int, ...]
NEAR = 1e-9
"""Correlations that are none but for rounding."""


def planned(study: Study, effects: Effects, stages: Sequence[str]) -> Screened | None:
    """How large a study is planned to be; None where it is not known what a spread between hosts does to it."""
    points = rows_of(study, effects)
    parts = [[points[name] for name in study.entrants[stage].possible if name in points] for stage in stages]
    there = [study.stages[stage] for stage in stages]
    if not _each_apart(there) or len({len(stage.seeds) for stage in there}) > 1:
        return None
    return screened(effects, columns_of(study, effects).coding, parts, len(there[0].hosts), len(there[0].seeds))


def _each_apart(stages: Sequence[Stage]) -> bool:
    """One stage, or several of one host each, no two of them the same."""
    apart = len({stage.hosts for stage in stages}) == len(stages) and all(len(stage.hosts) == 1 for stage in stages)
    return len(stages) == 1 or apart


def screened(
    effects: Effects, coding: Coding, parts: Sequence[Sequence[Row]], hosts: int, seeds: int
) -> Screened | None:
    """
    The size of a study of which no run is missing; None where it is not known what a spread between hosts does to it.

    Args:
        effects: model, blocks and family.
        coding: the columns of effects.
        parts: the rows of each stage.
        hosts: on which each part runs.
        seeds: with which it runs on each of them.
    """
    rows = [row for part in parts for row in part]
    by_lenth = coding.plain and len(parts) * hosts * seeds == 1 and effects.rest is not Rest.ERROR
    if by_lenth or len(set(rows)) < max(len(rows), 2) or "host" not in effects.block:
        return None
    chains, columns, moments = chains_and_runs(effects, coding, parts)
    solved = solve(columns, moments)
    gone = {place for vector in solved.null for place, much in enumerate(vector) if much}
    last = {max(place for place, much in enumerate(vector) if much) for vector in solved.null}
    basis = [place for place in range(len(columns)) if place not in last]
    inside = {place for place, chain in enumerate(chains) if len(chain[0][1]) in ORDERS[effects.family]} - gone
    family = [number for number, place in enumerate(basis) if place in inside]
    conditions, listed = len(rows) - len(parts) + 1, effects.rest is Rest.LISTED
    if listed and not orthogonal(columns, moments, solved):
        return None
    found = Screened(
        conditions=conditions,
        hosts=hosts,
        seeds=seeds,
        model=conditions - 1 if listed else solved.rank,
        family=len(family),
        unblocked=0 if "seed" in effects.block else len(parts) * hosts * (seeds - 1),
        correlations=_correlations([columns[place] for place in basis], parts, family),
    )
    return found if family and found.mixed + found.pure > 0 else None


def _correlations(
    columns: Sequence[Sequence[int]], parts: Sequence[Sequence[Row]], family: Sequence[int]
) -> tuple[tuple[float, ...], ...]:
    """Of the estimates of a family; none where they are independent."""
    ends = [0, *accumulate(map(len, parts))]
    within: list[list[float]] = []
    for column in columns:
        line: list[float] = []
        for start, end in pairwise(ends):
            mean = sum(column[start:end]) / (end - start)
            line += [one - mean for one in column[start:end]]
        size = math.sqrt(sum(one * one for one in line))
        within.append([one / size for one in line])
    products = [[sum(map(float.__mul__, one, other)) for other in within] for one in within]
    covariances = _inverse(products)
    roots = [math.sqrt(covariances[one][one]) for one in family]
    found = tuple(
        tuple(covariances[one][other] / mine / theirs for other, theirs in zip(family, roots, strict=True))
        for one, mine in zip(family, roots, strict=True)
    )
    apart = (abs(one) for place, line in enumerate(found) for one in line[:place])
    return found if max(apart, default=0.0) > NEAR else ()


def _inverse(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    """Of a positive definite matrix with ones on its diagonal, by elimination."""
    size = len(matrix)
    lines = [[*line, *(float(place == other) for other in range(size))] for place, line in enumerate(matrix)]
    for place in range(size):
        pivot = lines[place][place]
        lines[place] = [one / pivot for one in lines[place]]
        for other in range(size):
            if other != place and (much := lines[other][place]):
                lines[other] = [one - much * more for one, more in zip(lines[other], lines[place], strict=True)]
    return [line[size:] for line in lines]
