"""
Effects of random designs with lost runs against statsmodels, to 1e-9: values, errors, t, p, intervals and F.

What is compared are all digits of a float, not the six that are stored.  The library gets plain columns: one for every
block, effect and centre, or for every level and pair of levels, and never a sum over runs or a contrast of promo's.
"""

import pytest

from evidence.test_levels import Dense, effects_of, runs_of
from evidence.test_oracle import dense
from grids import drawn as drawn_levels
from promo.base.classes import evolve
from promo.evidence.effects import fit_observed
from promo.evidence.estimates import Method
from promo.evidence.observed import observe
from promo.evidence.terms import columns_of
from recheck.test_effects import drawn as drawn_two

np = pytest.importorskip("numpy")

ALL = 17
"""Digits of a float."""


def near(value):
    return pytest.approx(value, rel=1e-9, abs=1e-11)


class Oracle:
    """The library's fit; columns that depend on others are given to it as an orthonormal basis of all."""

    def __init__(self, columns, values):
        # Imported here: with pandas it takes most of a second, in every process that collects the tests.
        models = pytest.importorskip("statsmodels.regression.linear_model")
        left, sizes, right = np.linalg.svd(columns, full_matrices=False)
        rank = int((sizes > 1e-9 * sizes[0]).sum())
        self.way, self.right = right[:rank].T / sizes[:rank], right[:rank]
        self.fit = models.OLS(values, left[:, :rank]).fit()

    def tells(self, line):
        return np.allclose(line @ self.right.T @ self.right, line, atol=1e-7)

    def tested(self, line, rate):
        """Value, error, t, p, and both ends of the interval, of a sum of coefficients."""
        one = self.fit.t_test(line @ self.way)
        numbers = (one.effect, one.sd, one.tvalue, one.pvalue, one.conf_int(float(rate)))
        return [float(end) for number in numbers for end in np.ravel(number)]

    def jointly(self, lines):
        """F and p of several sums of coefficients."""
        one = self.fit.f_test(np.array(lines) @ self.way)
        return float(one.fvalue), float(one.pvalue)


def kept(one):
    """The numbers that are kept of an estimate, a step or a curvature."""
    return [float(text) for text in (one.value, one.error, one.t, one.p, one.low, one.high)]


def asked_for(study, asked, evidence):
    """The fit of the first stage with all digits; None where nothing is tested by what runs leave over."""
    every = [*study.designs.values(), *study.arrays.values()]
    points = {name: row for one in every for name, row in one.points.items()}
    fit = fit_observed(asked, columns_of(study, asked), "s", observe(evidence["s"], points), figures=ALL)
    return fit if fit.sigma and fit.method is Method.LEAST_SQUARES else None


def two_levels(study, asked, evidence):
    """The fit of a design of two levels, which agrees; None where there is nothing to test."""
    study.arrays = {}
    fit = asked_for(study, asked, evidence)
    points = {name: row for one in study.designs.values() for name, row in one.points.items()}
    runs = [
        (points[line.candidate], (cell.host, cell.seed), float(cell.value))
        for line in evidence["s"].rows
        for cell in line.cells
        if cell.value is not None
    ]
    if fit is None or not 1e-9 < max(abs(value) for *_, value in runs) < 1e9:
        return None
    first, columns, values = dense(asked, runs, [one.effect for one in fit.estimates])
    oracle = Oracle(columns, values)
    assert fit.degrees == oracle.fit.df_resid
    assert float(fit.sigma) == near(oracle.fit.mse_resid**0.5)
    lines = np.eye(columns.shape[1])
    for line, one in zip(lines[first:], fit.estimates, strict=False):
        assert (one.value is not None) == oracle.tells(line)
        if one.value is not None:
            assert kept(one) == near(oracle.tested(2 * line, asked.rate))
    if fit.curvature is not None:
        assert kept(fit.curvature) == near(oracle.tested(-lines[-1], asked.rate))
    if fit.blocks is not None and all(one.value is not None for one in fit.estimates):
        assert (float(fit.blocks.f), float(fit.blocks.p)) == near(oracle.jointly(lines[1:first] - lines[0]))
    return fit


def more_levels(study, asked, evidence):
    """The same of a design of two levels and more."""
    asked = evolve(asked, stages=("s",))
    array = study.arrays["x"]
    fit = asked_for(study, asked, evidence)
    if fit is None:
        return None
    plain = Dense(array, asked, runs_of(array, evidence["s"]))
    oracle, known = Oracle(plain.columns, plain.values), effects_of(array, asked)
    assert fit.degrees == oracle.fit.df_resid
    for one in fit.estimates:
        if one.value is not None and len(one.chain) == 1:
            assert kept(one) == near(oracle.tested(plain.effect(known[one.effect]), asked.rate))
    for one in fit.joints:
        names = [name for name in known if tuple(part.partition(":")[0] for part in name) == one.term]
        if len(names) == one.degrees:
            tested = oracle.jointly([plain.effect(known[name]) for name in names])
            assert (float(one.f), float(one.p)) == near(tested)
    for one in fit.steps:
        place = array.factors.index(one.factor)
        weight = [float(level == one.upper) - float(level == one.lower) for level in array.levels[place]]
        assert kept(one) == near(oracle.tested(plain.effect([(place, np.array(weight))]), asked.rate))
    return fit


def lacking(evidence):
    return any(cell.value is None for line in evidence.rows for cell in line.cells)


@pytest.mark.parametrize(("agree", "drawn", "count"), [(two_levels, drawn_two, 160), (more_levels, drawn_levels, 40)])
def test_two_hundred_random_designs_with_lost_runs_have_the_effects_errors_and_p_of_statsmodels(agree, drawn, count):
    fits, seed = [], 3000
    while len(fits) < count:
        seed += 1
        case = drawn(seed)
        if lacking(case[2]["s"]) and (fit := agree(*case)):
            fits.append(fit)

    assert all(fit.runs < fit.planned for fit in fits)
    several = [fit for fit in fits if fit.blocks is not None]
    assert 5 < len(several) < count - 5
    assert sum(fit.curvature is not None or bool(fit.steps) for fit in fits) > 10
