"""
Effects of factors with more than two levels, against dense algebra that knows no contrast.

The oracle has a column for every block, every level of every factor, and every pair of levels of the interactions in
the model, and a pseudo-inverse.  What promo calls an effect is there a difference of mean predictions over the whole
grid of levels: weights on the levels of each factor, which are made anew here (by QR, for polynomials).
"""

import math
import random
from fractions import Fraction
from itertools import pairwise, product
from types import SimpleNamespace

import pytest
from scipy import stats as reference

from grids import drawn
from promo.base.classes import evolve
from promo.base.least_squares import solve
from promo.evidence.effects import estimate_effects
from promo.evidence.estimates import Method
from promo.evidence.observed import moments, observe
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.study.coding import coding_of
from promo.study.modelled import modelled
from promo.study.space import Array, Trend
from promo.study.values import Effects

np = pytest.importorskip("numpy")


def weights(levels, way):
    """Contrasts of a factor by name: weights on its levels, in an effect's unit."""
    count = len(levels)
    if way is None:
        return [np.array([-1.0, 1.0])]
    if not isinstance(way, Trend):
        against = levels.index(way.level)
        return [np.eye(count)[one] - np.eye(count)[against] for one in range(count) if one != against]
    places = np.array([float(one) for one in levels])
    places = np.log(places) if way.log else places
    places = (places - places.min()) / (places.max() - places.min())
    columns, _ = np.linalg.qr(np.vander(places, increasing=True))
    found = []
    for degree in range(1, count):
        column = columns[:, degree] * np.sign(np.polyfit(places, columns[:, degree], degree)[0])
        found.append(column * (column.max() - column.min()))
    return found


class Dense:
    """Blocks, levels and pairs of levels, each with a column."""

    def __init__(self, array, asked, runs):
        self.levels = [range(1, len(some) + 1) for some in array.levels]
        self.terms = [[array.factors.index(name) for name in term] for term in modelled(asked, array.factors)]
        said = [tuple({"host": host, "seed": seed}[part] for part in asked.block) for _, (host, seed), _ in runs]
        blocks = list(dict.fromkeys(said))
        inside = np.array([[float(block == one) for one in blocks] for block in said])
        self.grid = np.array(list(product(*self.levels)))
        lines = {row: self.line(row) for row in product(*self.levels)}
        columns = np.array([lines[tuple(row)] for row, _, _ in runs])
        self.columns = np.hstack([inside, columns])
        self.first = len(blocks)
        self.values = np.array([value for *_, value in runs])
        self.normal = self.columns.T @ self.columns
        self.inverse = np.linalg.pinv(self.normal, rcond=1e-10, hermitian=True)
        self.rank = np.linalg.matrix_rank(self.columns)
        self.found = self.inverse @ self.columns.T @ self.values
        self.degrees = len(runs) - self.rank
        self.residual = float(((self.values - self.columns @ self.found) ** 2).sum())
        self.lines = np.array(list(lines.values()))

    def line(self, row):
        return [
            float(all(row[place] == one for place, one in zip(term, some, strict=True)))
            for term in self.terms
            for some in product(*(self.levels[place] for place in term))
        ]

    def effect(self, parts):
        """What of the predictions an effect is; *parts* are the places of its factors with their weights."""
        much = np.prod([weight[self.grid[:, place] - 1] for place, weight in parts], axis=0)
        others = math.prod(len(some) for place, some in enumerate(self.levels) if place not in dict(parts))
        line = np.zeros(self.columns.shape[1])
        line[self.first :] = much @ self.lines / others / 2 ** (len(parts) - 1)
        return line

    def tells(self, line):
        return np.allclose(line @ self.inverse @ self.normal, line, atol=1e-7)


def runs_of(array, evidence):
    points = array.points
    return [
        (points[line.candidate], (cell.host, cell.seed), float(cell.value))
        for line in evidence.rows
        for cell in line.cells
        if cell.value is not None
    ]


@pytest.mark.parametrize("part", range(4))
def test_two_hundred_random_designs_of_more_levels_are_fitted_as_by_dense_algebra(part):
    compared = 0
    for seed in range(1000 + 60 * part, 1060 + 60 * part):
        study, asked, evidence = drawn(seed)
        array, runs = study.arrays["x"], runs_of(study.arrays["x"], evidence["s"])
        fit = estimate_effects(study, evolve(asked, stages=("s",)), evidence).fits[0]
        if not fit.estimates:
            continue
        compared += 1
        dense = Dense(array, asked, runs)
        _agrees(array, asked, fit, dense)
        _exactly(array, asked, evidence["s"], dense)
    assert compared >= 50


def effects_of(array, asked):
    """Name of every effect of the model, with the places and weights of its factors."""
    ways = {one.factor: one for one in asked.contrasts}
    coded = coding_of(array, asked.contrasts)
    known = {
        contrast.name: (place, weight)
        for place, (factor, levels) in enumerate(zip(array.factors, array.levels, strict=True))
        for contrast, weight in zip(coded.of[factor], weights(levels, ways.get(factor)), strict=True)
    }
    names = [name for term in modelled(asked, array.factors) for name in coded.named(term)]
    return {name: [known[one] for one in name] for name in names}


def _agrees(array, asked, fit, dense):
    """What is kept, six digits of it; logarithms are kept to as many."""
    assert fit.degrees == dense.degrees
    known = effects_of(array, asked)
    for one in fit.estimates:
        line = dense.effect(known[one.effect])
        if len(one.chain) == 1:
            assert (one.value is not None) == dense.tells(line), one.effect
        if one.value is None or len(one.chain) > 1:
            continue
        value = float(line @ dense.found)
        assert float(one.value) == pytest.approx(value, rel=2e-5, abs=1e-5)
        if one.error is None or fit.method is Method.LENTH:
            continue
        error = math.sqrt(dense.residual / dense.degrees * (line @ dense.inverse @ line))
        assert float(one.error) == pytest.approx(error, rel=2e-5)
        assert float(one.p) == pytest.approx(2 * reference.t.sf(abs(value / error), dense.degrees), rel=1e-3, abs=1e-9)
    for one in fit.joints if fit.sigma else ():
        names = [name for name in known if tuple(part.partition(":")[0] for part in name) == one.term]
        lines = np.array([dense.effect(known[name]) for name in names])
        if len(names) == one.degrees:
            values, spread = lines @ dense.found, lines @ dense.inverse @ lines.T
            f = values @ np.linalg.solve(spread, values) / one.degrees / (dense.residual / dense.degrees)
            assert float(one.f) == pytest.approx(f, rel=1e-4, abs=1e-6)
            assert float(one.p) == pytest.approx(reference.f.sf(f, one.degrees, dense.degrees), rel=2e-3, abs=1e-9)
    places = {factor: place for place, factor in enumerate(array.factors)}
    for one in fit.steps:
        levels = array.levels[places[one.factor]]
        weight = np.array([float(level == one.upper) - float(level == one.lower) for level in levels])
        line = dense.effect([(places[one.factor], weight)])
        assert dense.tells(line)
        assert float(one.value) == pytest.approx(float(line @ dense.found), rel=1e-5, abs=1e-6)
        if one.error is not None and fit.method is Method.LEAST_SQUARES:
            error = math.sqrt(dense.residual / dense.degrees * (line @ dense.inverse @ line))
            assert float(one.error) == pytest.approx(error, rel=1e-5)


def _exactly(array, asked, evidence, dense):
    """To 1e-9 before digits are cut off, where no logarithm was."""
    if any(isinstance(one, Trend) and one.log for one in asked.contrasts):
        return
    seen, coded, known = observe(evidence, array.points), coding_of(array, asked.contrasts), effects_of(array, asked)
    rows, hosts = list(dict.fromkeys(seen.rows)), list(seen.hosts().values())
    columns = [coded.column(name, rows) * len(hosts) for name in known]
    solved = solve(columns, moments(hosts, rows, asked.block))
    if solved.null or dense.degrees <= 0 or not solved.residual:
        return
    for name, value, variance in zip(known, solved.coefficients, solved.variances, strict=True):
        line, scale = dense.effect(known[name]), float(coded.scale(name))
        mine, spread = scale * float(value) / seen.unit, math.sqrt(solved.residual / dense.degrees) / seen.unit
        assert mine == pytest.approx(float(line @ dense.found), rel=1e-9, abs=1e-9)
        error = math.sqrt(dense.residual / dense.degrees * (line @ dense.inverse @ line))
        assert scale * spread * math.sqrt(variance) == pytest.approx(error, rel=1e-9)


def test_a_factor_of_many_uneven_levels_has_small_columns_and_the_f_test_of_its_groups():
    """Exact polynomials of fourteen uneven levels have numbers of hundreds of digits, whose squares are no floats."""
    levels = tuple(map(Fraction, (1, 2, 4, 5, 9, 11, 13, 17, 19, 23, 29, 31, 37, 41)))
    design = Array("x", "full", ("a",), (levels,), tuple((one,) for one in range(14)), where={})
    asked = Effects(
        "e", ("s",), ("x",), False, (), (), "all", Fraction(5, 100), "", where={}, contrasts=(Trend("a", True),)
    )
    draw, cells = random.Random(3), (("h", 1), ("h", 2), ("h", 3))
    groups = [[f"{draw.gauss(one % 3, 1):.4f}" for _ in cells] for one in range(14)]
    rows = tuple(
        Row(name, tuple(Cell(*cell, "x", CellStatus.OK, text, 1, "e") for cell, text in zip(cells, some, strict=True)))
        for name, some in zip(design.points, groups, strict=True)
    )
    (fit,) = estimate_effects(
        SimpleNamespace(designs={}, arrays={"x": design}), asked, {"s": Evidence("s", "y", cells, rows)}
    ).fits
    f, p = reference.f_oneway(*([float(text) for text in some] for some in groups))

    codes = [code for one in coding_of(design, asked.contrasts).of["a"] for code in one.codes.values()]
    assert max(map(abs, codes)) <= 10**12
    assert all(sum(one.codes.values()) == 0 for one in coding_of(design, asked.contrasts).of["a"])
    assert [(one.degrees, float(one.f), float(one.p)) for one in fit.joints] == [
        (13, pytest.approx(f, rel=1e-5), pytest.approx(p, rel=1e-4))
    ]
    assert len([one for one in fit.estimates if one.error]) == 13
    means = [sum(map(float, some)) / 3 for some in groups]
    assert [float(one.value) for one in fit.steps] == pytest.approx(
        [high - low for low, high in pairwise(means)], rel=1e-4, abs=1e-4
    )
