"""
False discoveries under a declared spread between hosts, against studies that are drawn run by run.

The oracle draws what a condition has on a host and what a run has of its own, fits by a pseudo-inverse with columns for
every block, and adjusts p by scipy.
"""

import math

import pytest
from scipy import stats as reference

from promo.decision.screened import planned
from promo.evidence.spread import Screened, false_discoveries
from promo.evidence.terms import columns_of
from promo.report.hosts import supposed_lines
from promo.study.varied import rows_of
from support import promo, study_of

np = pytest.importorskip("numpy")

HEAD = (
    'promo 1\n\nstudy grid {\n  title "Grid"\n  measure loss in bpb, lower is better\n  runner recorded\n}\n\n'
    'host g {\n  device "CPU" on linux\n  slots 1\n}\n\nhost h {\n  device "CPU" on linux\n  slots 1\n}\n\n'
    'factor lr: rate in [0.001, 0.002, 0.003, 0.01]\n\nfactor act: kind in ["relu", "gelu", "silu"]\n\n'
    "factor a: of in [-1, 0, 1]\n\nfactor b: of in [-1, 0, 1]\n\nfactor c: of in [-1, 0, 1]\n\n"
)
REST = (
    "cohort rows {{\n  rows d all\n}}\n\nstage s {{\n  train rows for 100steps\n  on g, h\n  cap 1min\n"
    "  seeds {seeds}\n  report only\n}}\n\n"
    "effects e {{\n  from s\n  model {model}\n{more}  family {family}\n  rate 5%\n}}\n"
)
GRID = "design d full {\n  vary lr in [0.001, 0.003, 0.01]\n  vary act\n}\n\n"
EVEN = "design d full {\n  vary lr in [0.001, 0.002, 0.003]\n  vary a in [-1, 0, 1]\n}\n\n"
CENTRE = "design d full {\n" + "".join(f"  vary {name} low -1 high 1 centre 0\n" for name in "abc") + "}\n\n"
SOME = "design d sample 9 seed 7 {\n  vary lr\n  vary act\n}\n\n"


def asked(design, *, model="main", more="", family="main", seeds="1, 2, 3"):
    return study_of(HEAD + design + REST.format(model=model, more=more, family=family, seeds=seeds))


def by_draws(study, spread, draws=8000):
    """The share of drawn studies without any effect in which one is discovered."""
    effects, stage = study.effects["e"], study.stages["s"]
    coding, points = columns_of(study, effects).coding, list(rows_of(study, effects).values())
    names = [name for factor in coding.factors for name in coding.named((factor,))]
    if effects.pairs:
        names = coding.up_to(2)
    columns = [coding.column(name, points) for name in names]
    if any(0 in row for row in points):
        columns.append([int(0 in row) for row in points])
    cells = [(host, seed) for host in range(len(stage.hosts)) for seed in range(len(stage.seeds))]
    many = len(points)
    blocks = [cell if "seed" in effects.block else cell[0] for cell in cells]
    inside = np.array([[float(block == one) for one in dict.fromkeys(blocks)] for block in blocks for _ in points])
    design = np.hstack([inside, np.tile(np.array(columns, float).T, (len(cells), 1))])
    inverse = np.linalg.pinv(design)
    rng = np.random.default_rng(11)
    runs = rng.standard_normal((draws, len(cells), many))
    between = spread * rng.standard_normal((draws, len(stage.hosts), many))
    values = (runs + between[:, [host for host, _ in cells]]).reshape(draws, -1)
    found = values @ inverse.T
    free = len(cells) * many - np.linalg.matrix_rank(design)
    left = ((values - found @ design.T) ** 2).sum(axis=1) / free
    first = inside.shape[1]
    family = [first + at for at, name in enumerate(names) if effects.family == "all" or len(name) == 1]
    errors = np.sqrt(np.outer(left, (inverse**2).sum(axis=1)[family]))
    tails = 2 * reference.t.sf(np.abs(found[:, family] / errors), free)
    ordered = np.sort(tails, axis=1) * len(family) / np.arange(1, len(family) + 1)
    return float((ordered.min(axis=1) <= 0.05).mean())


CASES = {
    "trends of even levels": (EVEN, {}),
    "words held against the first": (GRID, {}),
    "interactions of a grid": (GRID, {"model": "main, pairs", "family": "all"}),
    "some rows of a grid": (SOME, {}),
    "a centre": (CENTRE, {"model": "main, pairs", "family": "all"}),
    "seeds that are no blocks": (GRID, {"more": "  block host\n"}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
def test_the_rate_of_grids_and_of_centres_is_that_of_drawn_studies(name, spread):
    design, more = CASES[name]
    study = asked(design, **more)
    size = planned(study, study.effects["e"], ("s",))
    due = by_draws(study, spread)

    share = false_discoveries(size, 0.05, spread)

    assert share == pytest.approx(due, abs=4 * math.sqrt(due * (1 - due) * (1 / 8000 + 1 / 10_000)) + 1e-3)


def test_independent_estimates_are_integrated_and_others_drawn():
    trends, words = (asked(design) for design in (EVEN, GRID))
    sizes = [planned(study, study.effects["e"], ("s",)) for study in (trends, words)]

    assert [bool(size.correlations) for size in sizes] == [False, True]
    assert [(size.conditions, size.model, size.family) for size in sizes] == [(9, 4, 4)] * 2
    assert "over 10,000 draws" in "".join(supposed_lines(words, 1.0, 0.5))
    assert "over 10,000 draws" not in "".join(supposed_lines(trends, 1.0, 0.5))


def test_draws_of_independent_estimates_come_to_the_integral():
    size = Screened(conditions=16, hosts=2, seeds=4, model=15, family=5)
    drawn = Screened(16, 2, 4, 15, 5, 0, tuple(tuple(float(one == two) for two in range(5)) for one in range(5)))

    for spread in (0.25, 0.5, 1.0):
        assert false_discoveries(drawn, 0.05, spread) == pytest.approx(false_discoveries(size, 0.05, spread), abs=0.015)


def test_of_a_centre_the_column_is_one_of_the_model():
    study = asked(CENTRE)
    size = planned(study, study.effects["e"], ("s",))

    assert (size.conditions, size.model, size.family, size.correlations) == (9, 4, 3, ())


def test_simulate_says_the_rate_of_a_grid(workplace, capsys):
    (workplace / "grid.promo").write_text(
        HEAD + GRID + REST.format(model="main", more="", family="main", seeds="1, 2, 3"), encoding="utf-8"
    )
    assert promo("simulate", workplace / "grid.promo", "--noise", "0.1", "--host-noise", "0.05") == 0
    said = capsys.readouterr().out

    assert "where conditions differ between hosts by 0.5 times the noise" in said
    assert "is not known" not in said
