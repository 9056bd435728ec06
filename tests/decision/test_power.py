"""Power of effects before anything runs, against tables in print and draws of the very analysis."""

import json
import random
from fractions import Fraction
from itertools import combinations

import pytest
from scipy.stats import t as student

from fitted import fit_stage
from grids import drawn as drawn_levels
from promo.base.classes import evolve
from promo.decision.power import MOST_SEEDS, Supposed, power_at, power_of, powers
from promo.decision.unreplicated import found_by_lenth, power_by_lenth
from promo.evidence.effects import estimate_effects, fit_observed
from promo.evidence.estimates import Method
from promo.evidence.observed import observe
from promo.evidence.statements import NoError
from promo.evidence.terms import columns_of
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from recheck.test_effects import drawn as drawn_two
from study.test_blocked import text as blocked
from support import promo, spec, study_of

DESIGN = "design grid full {{\n{vary}\n}}\n\ncohort rows {{\n  rows grid all\n}}\n\n"
STAGE = "stage s {{\n  train rows for 1s\n  on box\n  seeds 101..{last}\n  report only\n}}\n\n"
EFFECTS = "effects asked {{\n  from s\n  model {model}\n  block {block}\n  family {family}\n  rate 5%\n}}"
THREE = {"quality": (0, 1), "size": (9, 17), "ratio": (1, 4)}


def asked(vary=THREE, seeds=2, model="main, pairs", block="host, seed", family="all", more=""):
    """The text of a study with a factorial, a stage that trains its rows, and effects of it."""
    lines = "\n".join(f"  vary {name} low {low} high {high}" for name, (low, high) in vary.items()) + more
    parts = DESIGN.format(vary=lines) + STAGE.format(last=100 + seeds)
    return spec(extra=parts + EFFECTS.format(model=model, block=block, family=family))


def supposed(size=None, noise=1.0, wanted=0.8, hosts=None, seeds=None):
    return Supposed(noise, size, wanted, hosts, seeds)


@pytest.mark.parametrize(("size", "runs"), [(0.2, 394), (0.5, 64), (0.8, 26)])
def test_seeds_for_two_means_are_those_in_print(size, runs):
    """Cohen (1992), "A power primer", Psychological Bulletin 112, table 2: runs of each group for power .80 at
    alpha .05, two-sided, of a small, medium and large difference of two means: 393, 64 and 26.  They are rounded to the
    nearest there; the first is 393.4, so that 393 runs have power .7995."""
    study = study_of(asked({"size": (8, 16)}, model="main", block="none", family="main"))

    ((found,),) = [one.found for one in powers(study, ["grid"], supposed(size))]

    assert found.seeds_most == found.seeds_least == runs


def test_power_of_a_medium_difference_of_two_means_is_that_in_print():
    """Cohen (1988), "Statistical power analysis for the behavioral sciences", table 2.3.5: d = .50, n = 64: .80."""
    study = study_of(asked({"size": (8, 16)}, seeds=64, model="main", block="none", family="main"))

    ((found,),) = [one.found for one in powers(study, ["grid"], supposed(0.5))]

    assert found.most == pytest.approx(0.8015, abs=5e-5)


def test_an_effect_of_a_whole_factorial_has_the_error_of_its_runs():
    (found,) = powers(study_of(asked(seeds=4)), ["grid"], supposed(noise=3.0))

    assert (found.runs, found.degrees, found.family) == (32, 32 - 4 - 6, 6)
    assert [one.error for one in found.found] == [pytest.approx(2 * 3 / 32**0.5)]


def test_power_is_how_often_the_analysis_finds_the_effect():
    """A thousand studies drawn and analysed: one real effect alone in its family, so the lower figure bounds it."""
    study = study_of(asked(seeds=2, family="main"))
    (found,) = powers(study, ["grid"], supposed(1.5))
    mains = next(one for one in found.found if one.family)
    rng, hits, alone = random.Random(5), 0, 0
    design, effects = study.designs["grid"], study.effects["asked"]
    for _ in range(1000):
        rows = tuple(
            Row(
                name,
                tuple(
                    Cell("box", seed, "x", CellStatus.OK, f"{rng.gauss(0.75 * row[0], 1):.6f}", 1, "e")
                    for seed in (1, 2)
                ),
            )
            for name, row in design.points.items()
        )
        table = Evidence("s", "loss", (("box", 1), ("box", 2)), rows)
        first = fit_stage(effects, design.factors, design.points, table).estimates[0]
        hits += first.discovered
        alone += float(first.p or 1) <= 0.05

    assert alone / 1000 == pytest.approx(mains.most, abs=0.05)
    assert mains.least - 0.05 <= hits / 1000 <= mains.most + 0.05


def test_more_seeds_never_lower_the_power_and_the_fewest_are_named():
    (few,) = powers(study_of(asked()), ["grid"], supposed(1.0))
    enough = few.found[0].seeds_most

    (there,) = powers(study_of(asked()), ["grid"], supposed(1.0, seeds=enough))
    (below,) = powers(study_of(asked()), ["grid"], supposed(1.0, seeds=enough - 1))

    assert below.found[0].most < 0.8 <= there.found[0].most


def test_an_effect_that_no_seeds_find_has_none():
    (found,) = powers(study_of(asked()), ["grid"], supposed(1e-6))

    assert (found.found[0].seeds_least, MOST_SEEDS) == (None, 10_000)


def test_without_any_error_no_power_is_told_but_seeds_are():
    """Six of eight rows have no contrasts of a design, so that Lenth's error is not taken either."""
    more = "\n  without quality high, size high"
    study = study_of(asked(seeds=1, model="main, quality * ratio, size * ratio", more=more))

    (found,) = powers(study, ["grid"], supposed(2.0))

    assert (found.degrees, found.contrasts) == (0, 0)
    assert {(one.most, one.smallest) for one in found.found} == {(None, None)}
    assert found.found[0].seeds_most >= 2


def test_effects_that_rows_do_not_separate_have_no_power():
    """A text with such a model is refused, unless hosts that run different rows give the effect up."""
    study = study_of(asked(model="main", family="main", more="\n  without quality high, size high"))
    one = next(iter(study.effects.values()))

    found = power_at(study, evolve(one, pairs=True), [study.stages[one.stages[0]]], supposed(1.0))

    assert ("quality", "size") in found.lost
    assert all(chain[0][1] != ("quality", "size") for one in found.found for chain in one.chains)


def test_a_design_that_no_effects_read_is_told_for_one_run_a_row():
    text = asked().partition("effects asked")[0]

    (found,) = powers(study_of(text), ["grid"], supposed(1.0))

    assert (found.stages, found.hosts, found.seeds, found.degrees, found.effects.rate) == (
        (),
        1,
        1,
        0,
        Fraction(1, 20),
    )


def test_the_command_says_power_in_words_and_in_json(workplace, capsys):
    (workplace / "t.promo").write_text(asked(), encoding="utf-8")

    assert promo("design", "t.promo", "--power", "--size", "2", "--noise", "1") == 0
    said = capsys.readouterr().out
    assert promo("design", "t.promo", "grid", "--power", "--noise", "1", "--json") == 0
    found = json.loads(capsys.readouterr().out)

    assert "power of asked at s: 1 host x 2 seeds, 16 runs" in said
    assert "within each cell of host and seed, 8 degrees of freedom, false discovery rate of 5% (Benjamini" in said
    assert "0.687 to 0.937" in said  # noncentral t, 4 standard errors, at 5% of 6 and at 5%
    assert (found["found"][0]["power"][0]["most"], found["found"][0]["draws"]) == (None, None)
    assert found["found"][0]["power"][0]["error"] == "0.5"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "nothing says how noisy a run is"),
        (("--noise", "-1"), "--noise is not negative"),
        (("--noise", "0"), "--noise is a size from"),
        (("--noise", "1", "--size", "inf"), "--size is a size from"),
        (("--noise", "1", "--wanted", "1"), "--wanted is a power from 0.5"),
        (("--noise", "1", "--seeds", "0"), "--hosts and --seeds are from 1"),
    ],
)
def test_what_cannot_be_supposed_is_refused(workplace, capsys, words, complaint):
    (workplace / "t.promo").write_text(asked(), encoding="utf-8")

    assert promo("design", "t.promo", "--power", *words) == 2
    assert complaint in capsys.readouterr().err


RECORDED = (
    'promo 1\n\nstudy grid {\n  title "Grid"\n  measure loss in bpb, lower is better\n  runner recorded\n}\n\n'
    'host box {\n  device "CPU" on linux\n  slots 2\n}\n\n'
)
LEVELS = 'factor lr: rate in [0.001, 0.003, 0.01]\n\nfactor act: kind in ["relu", "gelu", "silu"]\n\n'
STEPS = STAGE.replace("for 1s", "for 100steps").replace("on box", "on box\n  cap 1min")
GRID = "design grid full {\n  vary lr\n  vary act\n}\n\n"


@pytest.mark.parametrize("model", ["main", "main, pairs"])
def test_effects_of_three_levels_have_the_errors_that_the_analysis_gives_them(model):
    """The error of every contrast is that of the fit, in standard deviations of a run."""
    rows = "cohort rows {\n  rows grid all\n}\n\n"
    text = LEVELS + GRID + rows + STEPS.format(last=103) + EFFECTS.format(model=model, block="seed", family="main")
    study = study_of(RECORDED + text)
    (found,) = powers(study, ["grid"], supposed(0.5))
    draw = random.Random(7)
    cells = tuple(("box", seed) for seed in (101, 102, 103))
    table = tuple(
        Row(name, tuple(Cell(*cell, "x", CellStatus.OK, f"{draw.gauss(0, 1):.6f}", 1, "e") for cell in cells))
        for name in study.arrays["grid"].points
    )
    ((fit,),) = [estimate_effects(study, study.effects["asked"], {"s": Evidence("s", "loss", cells, table)}).fits]
    errors = {chain[0][1]: one.error for one in found.found for chain in one.chains}

    assert (found.runs, found.degrees, found.family) == (27, fit.degrees, 4)
    assert {one.effect: float(one.error) / float(fit.sigma) for one in fit.estimates} == {
        effect: pytest.approx(error, rel=1e-4) for effect, error in errors.items()
    }


def test_a_grid_that_no_effects_read_has_its_power(workplace, capsys):
    (workplace / "grid.promo").write_text("promo 1\n\n" + LEVELS + GRID, encoding="utf-8")
    assert promo("design", workplace / "grid.promo", "--power", "--noise", "0.1", "--seeds", "2", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["found"]

    assert (found["degrees"], found["family"]) == (18 - 2 - 8, 8)
    assert [1, ["lr:linear"]] in [chain[0] for one in found["power"] for chain in one["effects"]]


def test_a_study_of_a_grid_is_told_its_power_by_simulate(workplace, capsys):
    rows = "cohort rows {\n  rows grid all\n}\n\n"
    text = LEVELS + GRID + rows + STEPS.format(last=102) + EFFECTS.format(model="main", block="seed", family="main")
    (workplace / "grid.promo").write_text(RECORDED + text, encoding="utf-8")
    assert promo("simulate", workplace / "grid.promo", "--noise", "0.1", "--size", "0.2") == 0

    told = capsys.readouterr().out
    assert "lr linear" in told
    assert [line for line in told.splitlines() if "  " in line.strip() and len(line) > 80] == []
    assert promo("simulate", workplace / "grid.promo", "--noise", "0.1", "--host-noise", "0.1") == 0
    assert (
        "effects asked at s: the effect of conditions that differ between hosts is not known" in capsys.readouterr().out
    )


def test_runs_that_are_not_repeated_are_tested_by_lenths_error():
    """As the analysis does: one run of each condition has Lenth's error, though the model leaves some columns over."""
    (found,) = powers(study_of(asked(seeds=1, model="main", family="main")), ["grid"], supposed(1.0))
    (more,) = powers(study_of(asked(seeds=2, model="main", family="main")), ["grid"], supposed(1.0))

    assert (found.degrees, found.contrasts) == (0, 7)
    assert (more.degrees, more.contrasts) == (16 - 2 - 3, 0)


def by_arrays(contrasts, delta, level, draws=40_000):
    """How often Lenth's error finds an effect of so many standard errors, by numpy's own draws and medians."""
    np = pytest.importorskip("numpy")
    sizes = np.random.default_rng(3).standard_normal((draws, contrasts))
    sizes[:, 0] += delta
    sizes = np.abs(sizes)
    small = np.where(sizes < 3.75 * np.median(sizes, axis=1, keepdims=True), sizes, np.nan)
    bound = student.ppf(1 - level / 2, contrasts / 3) * 1.5 * np.nanmedian(small, axis=1)
    return float((sizes[:, 0] > bound).mean())


@pytest.mark.parametrize("contrasts", [3, 7, 14])
@pytest.mark.parametrize("delta", [0.0, 2.0, 4.0])
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_the_power_of_lenths_test_is_that_of_other_draws(contrasts, delta, level):
    due = by_arrays(contrasts, delta, level)
    error = (due * (1 - due) / 10_000) ** 0.5

    assert power_by_lenth(delta, contrasts, level) == pytest.approx(due, abs=4.5 * error + 1e-3)


def test_the_smallest_effect_of_lenths_test_has_the_wanted_power():
    assert by_arrays(15, found_by_lenth(0.8, 15, 0.05), 0.05) == pytest.approx(0.8, abs=0.02)


def test_the_power_of_an_unreplicated_factorial_is_how_often_its_analysis_finds_the_effect():
    """Five hundred studies of eight runs, drawn and analysed."""
    study = study_of(asked(seeds=1, family="main"))
    (found,) = powers(study, ["grid"], supposed(4.0))
    mains = next(one for one in found.found if one.family)
    rng, alone = random.Random(5), 0
    design, effects = study.designs["grid"], study.effects["asked"]
    for _ in range(500):
        rows = tuple(
            Row(name, (Cell("box", 1, "x", CellStatus.OK, f"{rng.gauss(2 * row[0], 1):.6f}", 1, "e"),))
            for name, row in design.points.items()
        )
        first = fit_stage(effects, design.factors, design.points, Evidence("s", "loss", (("box", 1),), rows))
        alone += float(first.estimates[0].p or 1) <= 0.05

    assert found.contrasts == 7
    assert alone / 500 == pytest.approx(mains.most, abs=0.08)
    assert mains.least < mains.most


def split(model):
    """Sixteen rows, of which each host runs one half: a * b * c is the difference between them."""
    more = {"effects": f"  model {model}\n"}
    found = blocked("abcd", block="a * b * c * d", effects=more["effects"])
    return found.replace("  model main\n", "", 1).replace("seeds 1, 2", "seeds 1")


def test_in_two_blocks_lenths_error_has_the_contrasts_within_them():
    triples = ", ".join(" * ".join(some) for some in combinations("abcd", 3))
    (found,) = powers(study_of(split(f"main, pairs, {triples}")), ["screen"], supposed(4.0))
    (fewer,) = powers(study_of(split("main, pairs")), ["screen"], supposed(4.0))

    assert (found.degrees, found.contrasts, found.runs) == (0, 14, 16)
    assert found.found[0].most == pytest.approx(by_arrays(14, 8, 0.05), abs=0.01)
    assert (fewer.degrees, fewer.contrasts) == (4, 0)


def test_a_saturated_array_of_three_levels_has_the_power_of_its_standardised_contrasts():
    """Nine runs of four factors: eight contrasts, each with an error of its own."""
    factors = "".join(f"factor {name}: of in [1, 2, 3]\n" for name in "abcd")
    design = "design nine array 9 {\n" + "".join(f"  vary {name}\n" for name in "abcd") + "}\n"
    rows = "cohort rows {\n  rows nine all\n}\n\n"
    text = factors + design + rows + STEPS.format(last=101) + EFFECTS.format(model="main", block="seed", family="main")
    (found,) = powers(study_of(RECORDED + text), ["nine"], supposed(4.0))

    assert (found.degrees, found.contrasts) == (0, 8)
    for one in found.found:
        assert one.most == pytest.approx(by_arrays(8, 4 / one.error, 0.05), abs=0.02)


def test_power_supposes_the_error_that_the_analysis_takes():
    """Random designs without a lost run: the same method, contrasts, degrees of freedom and family."""
    seen = set()
    for kind, count in ((drawn_two, 120), (drawn_levels, 30)):
        for seed in range(count):
            study, asked, tables = kind(seed)
            study.arrays = getattr(study, "arrays", {})
            table, every = tables["s"], [*study.designs.values(), *study.arrays.values()]
            points = {name: row for one in every for name, row in one.points.items()}
            columns = columns_of(study, asked)
            fit = fit_observed(asked, columns, "s", observe(table, points))
            lost = any(cell.value is None for row in table.rows for cell in row.cells)
            if lost or not fit.estimates or NoError(perfect=True) in fit.statements:
                continue
            hosts, seeds = ({cell[at] for cell in table.cells} for at in (0, 1))
            rows = [points[row.candidate] for row in table.rows]
            found = power_of(asked, columns.coding, [rows], supposed(hosts=len(hosts), seeds=len(seeds)))

            assert found.contrasts == (len(fit.contrasts) if fit.method is Method.LENTH else 0)
            assert found.degrees == (fit.degrees if fit.sigma else 0)
            tested = {one.effect for one in fit.estimates if one.adjusted}
            inside = {chain[0][1] for one in found.found if one.family for chain in one.chains}
            assert tested == (inside if found.contrasts or found.degrees else set())
            seen.add((fit.method, bool(fit.sigma)))
    assert seen == {(Method.LENTH, False), (Method.LEAST_SQUARES, True), (Method.LEAST_SQUARES, False)}
