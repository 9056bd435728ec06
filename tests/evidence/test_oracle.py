"""
Effects of 200 random designs with lost runs against dense algebra and the library's t.

The oracle knows nothing of sums or exact numbers: a column for every block, effect and centre, a pseudo-inverse, and
ranks by singular values.  Coefficients to 1e-9 are held by `test_least_squares`; here what is kept is compared, six
digits of it.
"""

import math

import pytest
from scipy import stats as reference

from fitted import fit_stage
from promo.evidence.effects import estimate_effects
from promo.evidence.estimates import Method
from promo.study.design import effects_up_to
from promo.study.modelled import modelled
from recheck.test_effects import FACTORS, drawn

np = pytest.importorskip("numpy")


def product(row, effect):
    return math.prod(row[FACTORS.index(factor)] for factor in effect)


def dense(asked, runs, effects):
    """Columns of blocks, then of effects and of the centre if there is one; and the values."""
    blocks = [
        tuple(part for part, name in zip(cell, ("host", "seed"), strict=True) if name in asked.block)
        for _, cell, _ in runs
    ]
    named = list(dict.fromkeys(blocks))
    columns = [[float(block == one) for block in blocks] for one in named]
    columns += [[float(product(row, effect)) for row, _, _ in runs] for effect in effects]
    if any(0 in row for row, _, _ in runs):
        columns.append([float(0 in row) for row, _, _ in runs])
    return len(named), np.array(columns).T, np.array([value for *_, value in runs])


@pytest.mark.parametrize("part", range(4))
def test_two_hundred_random_designs_with_lost_runs_are_fitted_as_by_dense_algebra(part):
    compared = 0
    for seed in range(1000 + 110 * part, 1110 + 110 * part):
        study, asked, evidence = drawn(seed)
        points = {name: row for one in study.designs.values() for name, row in one.points.items()}
        runs = [
            (points[line.candidate], (cell.host, cell.seed), float(cell.value))
            for line in evidence["s"].rows
            for cell in line.cells
            if cell.value is not None
        ]
        fit = fit_stage(asked, FACTORS, points, evidence["s"])
        if not fit.estimates or max(abs(value) for *_, value in runs) > 1e9 or max(abs(v) for *_, v in runs) < 1e-9:
            continue
        compared += 1
        first, columns, values = dense(asked, runs, [one.effect for one in fit.estimates])
        _agrees(fit, asked.rate, first, columns, values)
        _aliases_agree(asked, fit, first, columns, runs)
    assert compared >= 50


def _agrees(fit, rate, first, columns, values):
    inverse = np.linalg.pinv(columns, rcond=1e-9)
    rank = np.linalg.matrix_rank(columns)
    solved, spread = inverse @ values, inverse @ inverse.T
    degrees = len(values) - rank
    residual = float(((values - columns @ solved) ** 2).sum())
    assert fit.degrees == degrees
    for place, one in enumerate(fit.estimates, start=first):
        rest = np.linalg.matrix_rank(np.delete(columns, place, axis=1))
        assert (one.value is not None) == (rest == rank - 1)
        if one.value is None:
            continue
        assert float(one.value) == pytest.approx(2 * solved[place], rel=1e-5, abs=1e-8)
        if one.error is None or fit.method is Method.LENTH:
            continue
        error = 2 * math.sqrt(residual / degrees * spread[place, place])
        assert float(one.error) == pytest.approx(error, rel=1e-5)
        t = 2 * solved[place] / error
        assert float(one.p) == pytest.approx(2 * reference.t.sf(abs(t), degrees), rel=1e-4, abs=1e-12)
        reach = reference.t.ppf(1 - float(rate) / 2, degrees) * error
        assert float(one.high) == pytest.approx(2 * solved[place] + reach, rel=1e-5, abs=1e-5 * reach)
        assert float(one.low) == pytest.approx(2 * solved[place] - reach, rel=1e-5, abs=1e-5 * reach)
    if fit.blocks is not None and fit.method is Method.LEAST_SQUARES:
        _blocks_agree(fit, first, columns, values, residual / degrees if degrees else 0)
    if fit.curvature is not None and fit.curvature.error and fit.method is Method.LEAST_SQUARES:
        assert float(fit.curvature.value) == pytest.approx(-solved[-1], rel=1e-5, abs=1e-8)
        assert float(fit.curvature.error) == pytest.approx(math.sqrt(residual / degrees * spread[-1, -1]), rel=1e-5)


def _blocks_agree(fit, first, columns, values, square):
    """The F test of the blocks' terms: how much the residual grows without them, of columns that blocks leave."""
    kept = []
    for place in range(first, columns.shape[1]):
        tried = columns[:, [*range(first), *kept, place]]
        if np.linalg.matrix_rank(tried) == tried.shape[1]:
            kept.append(place)
    bare = np.column_stack([np.ones(len(values)), columns[:, kept]])
    left = float(((values - bare @ (np.linalg.pinv(bare, rcond=1e-9) @ values)) ** 2).sum())
    within = columns[:, [*range(first), *kept]]
    solved = np.linalg.pinv(within, rcond=1e-9) @ values
    rest = values - columns[:, kept] @ solved[first:]
    levels = [float(rest[columns[:, place] > 0].mean()) for place in range(first)]
    due = sorted(level - sum(levels) / first for level in levels)
    assert (fit.blocks.blocks, fit.blocks.degrees) == (first, first - 1)
    assert sorted(float(one.value) for one in fit.blocks.shifts) == pytest.approx(due, rel=1e-4, abs=1e-7)
    if fit.blocks.f is not None:
        f = (left - float(((rest - columns[:, :first] @ solved[:first]) ** 2).sum())) / (first - 1) / square
        assert float(fit.blocks.f) == pytest.approx(f, rel=1e-4, abs=1e-8)
        assert float(fit.blocks.p) == pytest.approx(reference.f.sf(f, first - 1, fit.degrees), rel=1e-3, abs=1e-12)


def _aliases_agree(asked, fit, first, columns, runs):
    """Partial aliases are rows of the alias matrix, of effects of two factors that no chain of the model has."""
    taken = {effect for one in fit.estimates for _, effect in one.chain} | set(modelled(asked, FACTORS))
    inverse = np.linalg.pinv(columns, rcond=1e-9)
    for effect in effects_up_to(FACTORS, 2):
        if effect in taken:
            continue
        due = inverse @ np.array([float(product(row, effect)) for row, _, _ in runs])
        for place, one in enumerate(fit.estimates, start=first):
            known = {name: much for much, name in one.aliases}
            if one.value is not None and effect in known:
                assert float(known[effect]) == pytest.approx(due[place], abs=1e-9)
            elif one.value is not None and not any(_same(runs, effect, name) for name in known):
                assert due[place] == pytest.approx(0, abs=1e-9)


def _same(runs, first, other):
    """Two effects have one column up to the sign, at the corners."""
    signs = {product(row, first) * product(row, other) for row, _, _ in runs if 0 not in row}
    return len(signs) == 1


def test_of_every_change_t_its_degrees_of_freedom_p_and_interval_are_of_one_test():
    kinds = set()
    for seed in range(160):
        study, asked, evidence = drawn(seed)
        for one in estimate_effects(study, asked, evidence).changes:
            if one.error is None:
                assert (one.freedom, one.t, one.p, one.low, one.high) == (None,) * 5
                continue
            change, error, t, freedom = (float(text) for text in (one.change, one.error, one.t, one.freedom))
            wide = reference.t.isf(float(asked.rate) / 2, freedom) * error
            kinds.add((bool(one.runs), freedom.is_integer()))
            assert t == pytest.approx(change / error, rel=2e-4, abs=1e-4)
            assert float(one.p) == pytest.approx(2 * reference.t.sf(abs(t), freedom), rel=1e-3, abs=1e-12)
            assert float(one.high) - float(one.low) == pytest.approx(2 * wide, rel=1e-3)

    assert {(True, True), (False, False)} <= kinds
