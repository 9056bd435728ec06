"""Fold-overs of fold-overs: their rows, what all of them tell together, and a published experiment in three steps."""

from fractions import Fraction

import pytest

from evidence.test_published import FIVE, REACTOR
from promo.base.diagnostics import errors
from promo.evidence.effects import fit_pooled
from promo.evidence.observed import observe
from promo.evidence.terms import Columns
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.report.design import design_json, design_text
from promo.study.coding import of_two
from promo.study.design import standard_rows
from promo.study.space import lineage
from promo.study.values import Effects
from support import compiled

FACTORS = "\n".join(f"factor {name}: of in [-1, 1]" for name in FIVE)
TEXT = f"""promo 1
study nested {{
  title "Fold-overs of fold-overs"
  measure y in u, higher is better
  runner recorded
}}
host plant {{
  device "cpu" on any
  slots 1
}}
{FACTORS}
design quarter fraction 2^(5 - 2) {{
  vary a low -1 high 1
  vary b low -1 high 1
  vary c low -1 high 1
  vary d low -1 high 1
  vary e low -1 high 1
  alias d = a * b
  alias e = a * c
}}
design last foldover of half on e {{
}}
design half foldover of quarter {{
}}
cohort rowed {{
  rows quarter all
  rows half all
  rows last all
}}
stage s {{
  train rowed for 1min
  on plant
  seeds 1
  report only
}}
effects eff {{
  from s
  model main, pairs
  family all
  rate 5%
}}
"""


@pytest.fixture(scope="module")
def designs():
    found = compiled(TEXT)
    assert found.study is not None, [one.message for one in errors(found.diagnostics)]
    return found.study.designs


def test_a_fold_over_of_a_fold_over_reverses_all_rows_before_it(designs):
    assert [len(designs[name].rows) for name in ("quarter", "half", "last")] == [8, 8, 16]
    assert [one.name for one in lineage(designs["last"], designs)] == ["quarter", "half", "last"]
    every = {row for one in designs.values() for row in one.rows}
    assert every == set(standard_rows(FIVE, {}))
    assert [designs[name].resolution for name in ("quarter", "half", "last")] == [3, 4, None]


def test_what_is_said_of_it_holds_for_all_rows(designs):
    half, last = (design_json(designs[name], designs, 2) for name in ("half", "last"))

    assert half["words"] == [[1, ["b", "c", "d", "e"]]]
    assert (last["words"], last["resolution"], len(last["clear"])) == ([], None, 10)
    said = design_text(designs["last"], designs, 2)
    assert "it follows quarter and half, and the figures below are for all 32 rows together" in said


def test_the_reactor_experiment_run_in_three_steps(designs):
    """
    Box, Hunter & Hunter (1978), table 12.1b.

    Each step is orthogonal to the effects of up to two factors, so that all three together, each lifted by an amount of
    its own, give the printed effects of the whole 2^5.
    """
    printed = {"a": -1.375, "b": 19.5, "c": -0.625, "d": 10.75, "e": -6.25, "bd": 13.25, "de": -11.0, "ab": 1.375}
    full = dict(zip(standard_rows(FIVE, {}), REACTOR, strict=True))
    names, points, tables = ("quarter", "half", "last"), {}, []
    for place, name in enumerate(names):
        points |= designs[name].points
        rows = tuple(
            Row(one, (Cell("plant", place, "x", CellStatus.OK, str(full[row] + 7 * place), 1, "e"),))
            for one, row in sorted(designs[name].points.items())
        )
        tables.append(Evidence(name, "y", (("plant", place),), rows))
    asked = Effects("e", names, tuple(designs), True, (), ("stage",), "all", Fraction(1, 20), "", where={})

    fit = fit_pooled(asked, Columns(of_two(tuple(FIVE))), [observe(table, points) for table in tables])
    told = {"".join(one.effect): float(one.value) for one in fit.estimates}

    assert (fit.runs, len(told)) == (32, 15)
    assert {name: told[name] for name in printed} == pytest.approx(printed)
    assert sorted(one.stage for one in fit.blocks.shifts) == sorted(names)
    assert {frozenset(effect) for column in fit.blocks.confounded for effect in column} >= {frozenset("bcde")}
