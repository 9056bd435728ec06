"""
An unreplicated design that lost a run: what the model leaves over is its error, to both verifiers and to power.

Montgomery (2013), example 6.2, whose active effects are a, c, d, a * c and a * d.
"""

import json
import math
from fractions import Fraction
from types import SimpleNamespace

import pytest
from promo.templates import recheck
from scipy import stats as reference

from evidence.test_published import FILTRATION
from promo.base.classes import evolve
from promo.base.codec import to_json
from promo.decision.power import Supposed, power_of
from promo.evidence.effects import estimate_effects
from promo.evidence.estimates import Method
from promo.evidence.statements import FollowUp, PartOfDesign
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.study.coding import of_two
from promo.study.design import effects_up_to, standard_rows
from promo.study.families import Rest
from promo.study.values import Effects
from recheck.test_effects import FACTORS, derived, design

np = pytest.importorskip("numpy")
ROWS = standard_rows(FACTORS, {})
ASKED = Effects("e", ("s",), ("x",), True, (), ("host", "seed"), "all", Fraction(5, 100), "", where={})
ONE, TWO = [("h", 1)] * 16, [("h", 1 + (math.prod(row) > 0)) for row in ROWS]
"""One block; and two, of which one has the rows with a * b * c * d high."""


def table(names, where, lost):
    """One run of each row, in the cell that it has; the row of number *lost* has no value."""
    cells = tuple(sorted(set(where)))
    rows = []
    for number, (name, own, value) in enumerate(zip(names, where, FILTRATION, strict=True)):
        there = [cell == own and number != lost for cell in cells]
        line = (
            Cell(*cell, "x", CellStatus.OK if one else CellStatus.NOT_RUN, str(value) if one else None, 1, "e")
            for cell, one in zip(cells, there, strict=True)
        )
        rows.append(Row(name, tuple(line)))
    return Evidence("s", "y", cells, tuple(rows))


def analysed(asked, where, lost):
    """The fit by promo, which the second verifier derives alike."""
    study = SimpleNamespace(designs={"x": design("x", ROWS, centre=False)}, arrays={})
    evidence = {"s": table(study.designs["x"].points, where, lost)}
    found = estimate_effects(study, asked, evidence)
    stored = json.loads(json.dumps(to_json(found)))
    assert recheck.first_difference(derived(study, asked, evidence, stored), stored) == ""
    return found.fits[0]


def dense(where, lost, names):
    """Least squares with a column for each block: values, errors, p and degrees of freedom."""
    kept = [number for number in range(16) if number != lost]
    blocks = sorted(set(where))
    columns = [[float(where[number] == block) for number in kept] for block in blocks]
    for name in names:
        columns.append([np.prod([ROWS[number][FACTORS.index(one)] for one in name]) / 2 for number in kept])
    matrix, values = np.array(columns).T, np.array([FILTRATION[number] for number in kept], float)
    found, *_ = np.linalg.lstsq(matrix, values, rcond=None)
    degrees = len(kept) - np.linalg.matrix_rank(matrix)
    spread = ((values - matrix @ found) ** 2).sum() / degrees
    errors = np.sqrt(spread * np.diag(np.linalg.inv(matrix.T @ matrix)))
    p = 2 * reference.t.sf(abs(found / errors), degrees)
    return [some[len(blocks) :] for some in (found, errors, p)], degrees


@pytest.mark.parametrize("where", [ONE, TWO], ids=["one block", "two blocks"])
@pytest.mark.parametrize("pairs", [True, False])
@pytest.mark.parametrize("lost", range(0, 16, 3))
def test_what_the_model_leaves_over_is_the_error_as_by_dense_algebra(where, pairs, lost):
    fit = analysed(evolve(ASKED, pairs=pairs, family="all" if pairs else "main"), where, lost)
    names = [one.effect for one in fit.estimates]
    (values, errors, tails), degrees = dense(where, lost, names)

    assert (fit.method, fit.degrees, fit.runs, fit.planned) == (Method.LEAST_SQUARES, degrees, 15, 16 * len(set(where)))
    assert names == [one for one in effects_up_to(FACTORS, 2) if pairs or len(one) == 1]
    assert [float(one.value) for one in fit.estimates] == pytest.approx(list(values), rel=1e-5, abs=1e-4)
    assert [float(one.error) for one in fit.estimates] == pytest.approx(list(errors), rel=1e-5)
    assert [float(one.p) for one in fit.estimates] == pytest.approx(list(tails), rel=1e-4)


def test_active_interactions_that_the_model_leaves_out_are_named_although_a_run_was_lost():
    """They are most of the error of main effects, and a * c and a * d are the two to follow up."""
    fit = analysed(evolve(ASKED, pairs=False, family="main"), ONE, 6)

    (told,) = [one for one in fit.statements if isinstance(one, FollowUp)]
    assert {name for name, _ in told.contrasts} == {("a", "c"), ("a", "d")}


@pytest.mark.parametrize(("where", "rest"), [(TWO, Rest.USUAL), (TWO, Rest.ERROR), (ONE, Rest.ERROR)])
def test_where_each_row_ran_once_they_are_named_by_lenths_margin_if_the_rest_is_error(where, rest):
    """a * c is -18.125 and a * d 16.625; the margin of all contrasts is 13.70, that of those within blocks 17.18."""
    fit = analysed(evolve(ASKED, pairs=False, family="main", rest=rest), where, None)

    assert fit.method is Method.LEAST_SQUARES
    assert fit.degrees == 16 - len(set(where)) - 4
    (told,) = [one for one in fit.statements if isinstance(one, FollowUp)]
    more = {} if where is TWO else {("a", "d"): "16.625"}
    assert dict(told.contrasts) == {("a", "c"): "-18.125", **more}


def test_a_model_that_leaves_nothing_over_has_no_error():
    """Fifteen runs, and fourteen effects beside the mean."""
    more = tuple(name for name in effects_up_to(FACTORS, 3) if len(name) == 3)
    fit = analysed(evolve(ASKED, terms=more), ONE, 6)

    assert (fit.degrees, fit.sigma, fit.freedom) == (0, None, None)
    assert [one for one in fit.statements if isinstance(one, PartOfDesign)]
    assert all(one.p is None for one in fit.estimates)


@pytest.mark.parametrize(("rest", "pairs"), [(Rest.USUAL, True), (Rest.USUAL, False), (Rest.ERROR, True)])
@pytest.mark.parametrize("where", [ONE, TWO], ids=["one block", "two blocks"])
def test_power_of_the_rows_that_are_left_supposes_that_error(where, rest, pairs):
    """Power is told for rows, so a row that is not there is left out of its part; it is not lost."""
    asked = evolve(ASKED, pairs=pairs, rest=rest, family="all" if pairs else "main")
    fit = analysed(asked, where, 6)
    parts = [[row for number, row in enumerate(ROWS) if number != 6 and where[number] == one] for one in set(where)]
    found = power_of(asked, of_two(FACTORS), parts, Supposed(1.0, 4.0, 0.8, 1, 1))

    assert (found.degrees, found.contrasts) == (fit.degrees, 0)
    errors = {name: power.error for power in found.found for ((_, name),) in power.chains}
    assert errors == pytest.approx({one.effect: float(one.error) / float(fit.sigma) for one in fit.estimates}, rel=1e-4)
