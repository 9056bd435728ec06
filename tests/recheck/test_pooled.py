"""Effects of several stages estimated together: against print, against dense algebra, and by both verifiers."""

import json
import math
import random
from argparse import Namespace
from fractions import Fraction

import pytest
from promo.templates import recheck

from promo.base.classes import evolve
from promo.base.codec import to_json
from promo.evidence.effects import estimate_effects, fit_pooled
from promo.evidence.estimates import Method
from promo.evidence.observed import observe
from promo.evidence.terms import Columns
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.study.coding import of_two
from promo.study.design import folded, standard_rows
from promo.study.values import Effects
from recheck.test_effects import derived, drawn
from support import compiled, promo

NOBODY = Namespace(key=[], authority=[], anchor=[])
SEVEN = "abcdefg"
ALIASES = {"d": (1, ("a", "b")), "e": (1, ("a", "c")), "f": (1, ("b", "c")), "g": (1, ("a", "b", "c"))}
# Montgomery (2013), example 8.7: time to focus the eye, a 2^(7-4) and its fold-over, in standard order of the first.
FIRST = ("85.5", "75.1", "93.2", "145.4", "83.7", "77.6", "95.0", "141.8")
SECOND = ("91.3", "136.7", "82.4", "73.4", "94.1", "143.8", "87.3", "71.9")


def stage(name, rows, seed, values):
    """The table of a stage, and its candidates' rows."""
    points = {f"{name}_{number}": row for number, row in enumerate(rows, start=1)}
    lines = (
        Row(one, (Cell("box", seed, "x", CellStatus.OK, value, 1, "e"),))
        for one, value in zip(points, values, strict=True)
    )
    return Evidence(name, "y", (("box", seed),), tuple(lines)), points


def test_a_fold_over_that_ran_later_is_estimated_jointly_with_its_parent():
    """Montgomery (2013), example 8.7: A 1.48, B 38.05, C -1.80, D 29.38, E 0.13, F 0.50, G 0.13; BD (with A's former
    aliases) 19.15."""
    rows = standard_rows(SEVEN, ALIASES)
    asked = Effects("e", ("s", "t"), ("d",), True, (), ("host", "seed", "stage"), "all", Fraction(1, 20), "", where={})
    (one, points), (two, more) = stage("s", rows, 1, FIRST), stage("t", folded(SEVEN, rows, SEVEN), 2, SECOND)

    fit = fit_pooled(asked, Columns(of_two(SEVEN)), [observe(table, points | more) for table in (one, two)])
    told = {"".join(some.effect): float(some.value) for some in fit.estimates if some.value is not None}

    assert (fit.runs, fit.planned, fit.stage) == (16, 16, "t")
    printed = {"a": 1.48, "b": 38.05, "c": -1.80, "d": 29.38, "e": 0.13, "f": 0.50, "g": 0.13, "bd": 19.15}
    assert {name: told[name] for name in printed} == pytest.approx(printed, abs=0.0051)


def pooled(seed):
    """A study of two stages that are estimated together, with random rows, hosts, blocks and lost runs."""
    study, asked, evidence = drawn(seed)
    return study, evolve(asked, block=(*asked.block, "stage")), evidence


def test_both_verifiers_estimate_stages_together_alike():
    for seed in range(2000, 2150):
        study, asked, evidence = pooled(seed)
        table = estimate_effects(study, asked, evidence)
        stored = json.loads(json.dumps(to_json(table)))

        assert (len(table.fits), table.changes) == (1, ())
        assert recheck.first_difference(derived(study, asked, evidence, stored), stored) == "", seed


def test_stages_together_are_fitted_as_by_dense_algebra():
    np = pytest.importorskip("numpy")
    compared = 0
    for seed in range(3000, 3120):
        study, asked, evidence = pooled(seed)
        points = {name: row for one in study.designs.values() for name, row in one.points.items()}
        (fit,) = estimate_effects(study, asked, evidence).fits
        runs = [
            (points[line.candidate], {"host": cell.host, "seed": cell.seed, "stage": name}, float(cell.value))
            for name, table in evidence.items()
            for line in table.rows
            for cell in line.cells
            if cell.value is not None
        ]
        largest = max((abs(value) for *_, value in runs), default=0)
        if fit.sigma is None or fit.method is Method.LENTH or not 1e-9 < largest < 1e9:
            continue
        blocks = [tuple(said[name] for name in asked.block) for _, said, _ in runs]
        columns = [[float(block == one) for block in blocks] for one in dict.fromkeys(blocks)]
        first = len(columns)
        for one in fit.estimates:
            places = ["abcd".index(factor) for factor in one.effect]
            columns.append([float(math.prod(row[place] for place in places)) for row, _, _ in runs])
        if any(0 in row for row, _, _ in runs):
            columns.append([float(0 in row) for row, _, _ in runs])
        dense, values = np.array(columns).T, np.array([value for *_, value in runs])
        solved = np.linalg.pinv(dense, rcond=1e-9) @ values
        degrees = len(values) - np.linalg.matrix_rank(dense)
        compared += 1

        assert fit.degrees == degrees
        sigma = math.sqrt(((values - dense @ solved) ** 2).sum() / degrees)
        assert float(fit.sigma) == pytest.approx(sigma, rel=1e-4, abs=1e-8)
        for place, one in enumerate(fit.estimates, start=first):
            if one.value is not None:
                assert float(one.value) == pytest.approx(2 * solved[place], rel=1e-5, abs=1e-8)

    assert compared >= 40


TEXT = """promo 1

study trial {
  title "A fraction and its fold-over"
  measure y in u, lower is better
  runner recorded
}

host lab {
  device "cpu" on any
  slots 1
}

factor a: level in [-1, 1]
factor b: level in [-1, 1]
factor c: level in [-1, 1]

design screen fraction 2^(3 - 1) {
  vary a low -1 high 1
  vary b low -1 high 1
  vary c low -1 high 1
}

design again foldover of screen on a, b, c {
}

cohort one {
  rows screen all
}

cohort two {
  rows again all
}

stage first {
  train one for 10s
  on lab
  seeds 1, 2
  report only
}

stage second {
  train two for 10s
  on lab
  seeds 1, 2 shared
  report only
}

effects of_both {
  from first, second
  model main, pairs
  block host, seed, stage
  family all
  rate 5%
}
"""


def table():
    """a is worth 2, a * b is worth 1, and the second stage lies 5 above the first."""
    draw, lines = random.Random(4), ["seconds,seed,a,b,c,y"]
    for a, b, c in standard_rows("abc", {}):
        for seed in (1, 2):
            later = 5 * (a * b * c < 0)
            lines.append(f"10,{seed},{a},{b},{c},{10 + a + a * b / 2 + later + draw.gauss(0, 0.05):.4f}")
    return "\n".join(lines) + "\n"


def test_a_study_says_what_its_stages_tell_together_and_both_verify_it(workplace, capsys):
    (workplace / "trial.promo").write_text(TEXT, encoding="utf-8")
    (workplace / "table.csv").write_text(table(), encoding="utf-8")

    assert promo("replay", "trial.promo", "--curves", "table.csv", "--quiet") == 0
    said = capsys.readouterr().out
    assert promo("report", "trial.study", "--format", "md") == 0
    report = (workplace / "trial.study" / "report.md").read_text(encoding="utf-8")

    assert "a: 1 worse than -1 by 2.0" in said
    assert "within each cell of host, seed and stage" in report
    assert "of first and second, estimated together, share a false discovery rate of 5%" in report
    assert "At first and second together: 16 of 16 planned runs have a value" in report
    assert "Each condition ran once" not in report
    assert promo("verify", "trial.study") == 3
    assert recheck.check(workplace / "trial.study", NOBODY, lambda _: None) == 3


def test_one_run_of_each_row_in_two_blocks_says_what_its_error_is_and_what_the_model_leaves_out(workplace, capsys):
    text = TEXT.replace("model main, pairs", "model main").replace("seeds 1, 2", "seeds 1")
    (workplace / "trial.promo").write_text(text.replace("family all", "family main"), encoding="utf-8")
    (workplace / "table.csv").write_text(table(), encoding="utf-8")

    assert promo("replay", "trial.promo", "--curves", "table.csv", "--quiet") == 0
    said = capsys.readouterr().out
    assert promo("report", "trial.study", "--format", "md") == 0
    report = (workplace / "trial.study" / "report.md").read_text(encoding="utf-8")

    assert "its model leaves out a * b, beyond the margin for all contrasts at once" in said
    assert "Each condition ran once, so the error is the residual of the model" in report
    assert "At first and second together: 8 of 8 planned runs have a value" in report
    assert promo("verify", "trial.study") == 3
    assert recheck.check(workplace / "trial.study", NOBODY, lambda _: None) == 3


def test_power_of_stages_together_counts_the_runs_of_all(workplace, capsys):
    (workplace / "trial.promo").write_text(TEXT, encoding="utf-8")

    assert promo("design", "trial.promo", "--power", "--noise", "1", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["found"]

    assert (found["stages"], found["runs"], found["degrees"]) == (["first", "second"], 16, 16 - 4 - 6)
    assert found["power"][0]["error"] == "0.5"


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("from first, second", "from first", "'first' is the only stage, so it cannot be a block"),
        ("train two for", "train one, two for", "runs that share their seed are not independent"),
    ],
)
def test_stages_that_are_no_blocks_are_refused(before, after, complaint):
    found = compiled(TEXT.replace(before, after)).diagnostics

    assert [(one.code, complaint in one.message) for one in found] == [("P0721", True)]
