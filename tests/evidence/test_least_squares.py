"""Exact least squares on sums against plain least squares on every run, with a column for every block."""

import math
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitted import fit_stage
from promo.base.least_squares import solve
from promo.evidence.estimates import Method
from promo.evidence.observed import moments, observe
from promo.evidence.values import Cell, Evidence, Row
from promo.study.design import standard_rows
from promo.study.values import Effects

np = pytest.importorskip("numpy")
reference = pytest.importorskip("scipy.stats")

FACTORS = ("a", "b", "c")
HALF = standard_rows(FACTORS, {"c": (-1, ("a", "b"))})
FULL = standard_rows(FACTORS, {})
BLOCKS = (("host", "seed"), ("host",), ("seed",), ())
TERMS = [chosen for size in (1, 2) for chosen in combinations(range(3), size)]


@st.composite
def tables(draw):
    """A table of runs, some rows twice and some runs missing, with the same as (row, host, seed, value)."""
    rows = [*draw(st.sampled_from((HALF, FULL))), *draw(st.lists(st.sampled_from(FULL), max_size=2))]
    cells = tuple(
        (host, seed) for seed in range(draw(st.integers(1, 3))) for host in draw(st.sampled_from(("g", "gh")))
    )
    wide = st.integers(-999, 999).map(lambda one: f"{one / 100}") | st.sampled_from(("2", "1e-05", "0.125"))
    values = st.none() | draw(st.sampled_from((wide, st.integers(-2, 2).map(str))))
    found, runs = [], []
    for number, row in enumerate(rows):
        texts = draw(st.lists(values, min_size=len(cells), max_size=len(cells)))
        there = tuple(Cell(*cell, "x", "ok", text, 1, "e") for cell, text in zip(cells, texts, strict=True))
        found.append(Row(f"r{number}", there))
        runs += [(row, *cell, float(text)) for cell, text in zip(cells, texts, strict=True) if text is not None]
    points = {one.candidate: row for one, row in zip(found, rows, strict=True)}
    return Evidence("s", "y", cells, tuple(found)), points, runs


def key(block, host, seed):
    return host if "host" in block else "", seed if "seed" in block else ""


def dense(runs, block):
    """Indicators of blocks, columns of effects, and values, run by run."""
    names = sorted({key(block, host, seed) for _, host, seed, _ in runs})
    blocks = np.array([[key(block, host, seed) == name for name in names] for _, host, seed, _ in runs], float)
    terms = np.array([[math.prod(row[place] for place in term) for term in TERMS] for row, _, _, _ in runs], float)
    return blocks, terms, np.array([value for *_, value in runs])


@given(tables(), st.sampled_from(BLOCKS))
def test_sums_give_what_every_run_gives(table, block):
    evidence, points, runs = table
    seen = observe(evidence, points)
    rows = list(dict.fromkeys(seen.rows))
    parts = list(seen.hosts().values())
    columns = [[math.prod(row[place] for place in term) for row in rows] for term in TERMS]
    further = [[0] * len(rows) + columns[0]] if len(parts) == 2 else []

    found = solve([one * len(parts) for one in columns], moments(parts, rows, block), further=[further])

    if not runs:
        assert (found.rank, found.residual, len(found.null)) == (0, 0, len(TERMS))
        return
    blocks, terms, values = dense(runs, block)
    every = np.hstack([blocks, terms])
    # Nothing is known of what the columns have in common; among the rest the answer is one.
    for vector in found.null:
        constant = terms @ np.array([float(one) for one in vector])
        assert np.abs(constant - blocks @ np.linalg.lstsq(blocks, constant)[0]).max() < 1e-9
    assert found.rank == np.linalg.matrix_rank(every) - blocks.shape[1]
    chosen = [number for number, one in enumerate(found.variances) if one]
    small = np.hstack([blocks, terms[:, chosen]])
    fitted, _, rank, _ = np.linalg.lstsq(small, values)
    assert rank == small.shape[1]
    for place, number in enumerate(chosen):
        at = blocks.shape[1] + place
        assert float(found.coefficients[number] / seen.unit) == pytest.approx(fitted[at], abs=1e-10)
        assert float(found.variances[number]) == pytest.approx(np.linalg.inv(small.T @ small)[at, at], rel=1e-10)
    left = float(((values - small @ fitted) ** 2).sum())
    assert float(found.residual / seen.unit**2) == pytest.approx(left, abs=1e-9)
    if further:
        more = np.hstack([small, terms[:, :1] * np.array([[host == parts[1].cells[0][0]] for _, host, _, _ in runs])])
        again = float(((values - more @ np.linalg.lstsq(more, values)[0]) ** 2).sum())
        assert found.gains[0][0] == np.linalg.matrix_rank(more) - rank
        assert float(found.gains[0][1] / seen.unit**2) == pytest.approx(left - again, abs=1e-8)


@given(tables(), st.sampled_from(BLOCKS))
def test_effects_are_tested_as_with_every_run(table, block):
    evidence, points, runs = table
    asked = Effects("e", ("s",), ("d",), True, (), block, "all", Fraction(5, 100), "", where={})

    fit = fit_stage(asked, FACTORS, points, evidence)

    assert (fit.runs, fit.planned) == (len(runs), sum(len(row.cells) for row in evidence.rows))
    told = [one for one in fit.estimates if one.value is not None]
    if fit.method is not Method.LEAST_SQUARES or not told:
        return
    blocks, terms, values = dense(runs, block)
    places = [TERMS.index(tuple(FACTORS.index(factor) for factor in one.effect)) for one in fit.estimates]
    design = np.hstack([blocks, terms[:, places]])
    fitted = np.linalg.pinv(design) @ values
    degrees = len(values) - np.linalg.matrix_rank(design)
    residual = float(((values - design @ fitted) ** 2).sum())
    assert fit.degrees == degrees
    for place, one in enumerate(fit.estimates):
        if one.value is None:
            continue
        value = 2 * fitted[blocks.shape[1] + place]
        assert float(one.value) == pytest.approx(value, rel=1e-5, abs=1e-9)
        assert one.agree == _signs(runs, terms[:, places[place]], Fraction(one.value))
        if one.error is None:
            continue
        spread = np.linalg.pinv(design.T @ design)[blocks.shape[1] + place, blocks.shape[1] + place]
        error = 2 * math.sqrt(residual / degrees * spread)
        assert float(one.error) == pytest.approx(error, rel=1e-5)
        assert float(one.p) == pytest.approx(2 * reference.t.sf(abs(value / error), degrees), rel=1e-4, abs=1e-6)
        reach = reference.t.ppf(0.975, degrees) * error
        assert float(one.low) == pytest.approx(value - reach, rel=1e-4, abs=1e-5)
        if one.host_p is not None:
            apart = terms[:, places[place], None] * np.array([[host == "h"] for _, host, _, _ in runs])
            more = np.hstack([design, apart])
            left = float(((values - more @ np.linalg.pinv(more) @ values) ** 2).sum())
            ratio = (residual - left) / (left / (degrees - 1))
            assert float(one.host_p) == pytest.approx(reference.f.sf(ratio, 1, degrees - 1), rel=1e-4, abs=1e-6)


def _signs(runs, column, value):
    """In how many cells the contrast of plain means has the sign of an estimate, of how many."""
    contrasts = []
    for cell in {run[1:3] for run in runs}:
        inside = [(sign, Fraction(str(run[3]))) for run, sign in zip(runs, column, strict=True) if run[1:3] == cell]
        high, low = ([one for sign, one in inside if sign == wanted] for wanted in (1, -1))
        if high and low:
            contrasts.append(sum(high) / len(high) - sum(low) / len(low))
    return sum(one * value > 0 for one in contrasts), len(contrasts)
