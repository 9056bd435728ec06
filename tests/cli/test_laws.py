"""`promo laws`: what a law foretells, of recorded runs and of a study, and what the points do not tell."""

import csv
import json
from pathlib import Path

import pytest
from promo.templates import recheck

from support import promo, recorded
from tampered.forger import NOBODY

STEPS = (100, 200, 400, 1600)
NOISE = {1: 1.001, 2: 0.999, 3: 1.0}
"""Seed -> by what its losses are multiplied."""
TRUTH = {"a": (2.0, 30.0, 0.5), "b": (1.5, 8.0, 0.25)}
"""Config -> floor, factor and exponent."""


def law(form: str = "compute", test: str = "  test     last\n", of: str = "two", extra: str = "") -> str:
    stages = "".join(
        f"""
stage {name} {{
  train   two for {steps}steps
  cap     1min
  on      box
  seeds   1, 2, 3 shared
  report  only
}}
"""
        for name, steps in zip(("first", "second", "third", "last"), STEPS, strict=True)
    )
    return recorded(
        "two",
        f"""{stages}
## What the short budgets say of the long one.
law by_steps {{
  of       {of}
  from     first, second, third
  form     {form}
{test}  reach    4 times
  draws    50 seed 1
}}
{extra}""",
        left="a",
        right="b",
    )


def loss(config: str, steps: int) -> float:
    floor, factor, exponent = TRUTH[config]
    return floor + factor * steps**-exponent


def write(place: Path, spec: str, truth=loss) -> tuple[Path, Path]:
    lines = ["config,run,seed,step,seconds,loss"]
    for config in TRUTH:
        for seed, by in NOISE.items():
            for steps in STEPS:
                lines.append(f"{config},{config}{seed},{seed},{steps},{steps / 100},{truth(config, steps) * by:.9f}")
    (place / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (place / "trial.promo").write_text(spec, encoding="utf-8")
    return place / "trial.promo", place / "t.csv"


def test_a_law_foretells_what_lies_on_it(workplace, capsys):
    spec, curves = write(workplace, law())

    assert promo("laws", spec, "--curves", curves, "--json") == 0
    found = json.loads(capsys.readouterr().out)["laws"]["by_steps"]

    assert [(one["candidate"], one["changed"]) for one in found] == [("left", None), ("right", "config b")]
    for one, config in zip(found, TRUTH, strict=True):
        (told,) = one["foretold"]
        assert (told["candidate"], told["changed"]) == (one["candidate"], one["changed"])
        assert one["points"] == 9
        assert one["unsure"] == []
        assert float(told["value"]) == pytest.approx(loss(config, 1600), rel=1e-3)
        assert float(told["low"]) <= loss(config, 1600) <= float(told["high"])
        assert float(told["came"]) == pytest.approx(loss(config, 1600), rel=1e-6)
        assert float(one["parameters"]["b"]) == pytest.approx(TRUTH[config][2], rel=0.02)


def test_it_reads_aloud(workplace, capsys):
    spec, curves = write(workplace, law())

    assert promo("laws", spec, "--curves", curves) == 0
    said = capsys.readouterr().out

    assert "by_steps: A law of compute, E + A C^-b, fitted to loss at first, second and third" in said
    assert "The stage last tests it: no run of that stage is among its points." in said
    assert "2 of 2 outcomes inside the interval; outcomes differ from forecasts by 0.00%." in said
    assert "left" in said
    assert "2 + 30 C^-0.5" in said


def test_a_study_has_its_laws_in_its_report_and_both_verifiers_take_it(workplace, capsys):
    spec, curves = write(workplace, law())
    assert promo("replay", spec, "--curves", curves, "--quiet") == 0
    assert promo("laws", spec, "--json") == 0
    of_study = json.loads("{" + capsys.readouterr().out.rpartition("\n{")[2])
    assert promo("laws", spec, "--curves", curves, "--json") == 0

    assert json.loads(capsys.readouterr().out)["laws"] == of_study["laws"]
    assert promo("report", spec, "--format", "md") == 0
    page = (workplace / "trial.study" / "report.md").read_text(encoding="utf-8")
    assert "## Laws\n\n### by\\_steps" in page or "## Laws\n\n### by_steps" in page
    assert "a point before the end of a recorded run is a checkpoint" in page
    assert promo("verify", spec) == 3
    assert recheck.check(workplace / "trial.study", NOBODY, print) == 3


def test_the_law_of_one_recorded_run_is_not_told_for_every_draw_of_it_is_the_same(workplace, capsys):
    forecast = "forecast far {\n  of left, right\n  at last\n  law by_steps\n}\n"
    text = law(test="", extra=forecast).replace("seeds   1, 2, 3 shared", "seeds   1 shared")
    spec, curves = write(workplace, text)
    assert promo("replay", spec, "--curves", curves, "--quiet") == 0
    capsys.readouterr()

    assert promo("laws", spec) == 0
    said = capsys.readouterr().out
    assert "The runs of left do not identify E, A and b" in said
    assert " to " not in said.partition("study  ")[2].partition("left")[2].splitlines()[0]
    assert "None of the forecasts of 2 outcomes has an interval" in said
    assert promo("laws", spec, "--json") == 0
    assert '"inside": null' in capsys.readouterr().out
    assert promo("verify", spec) == 3
    assert recheck.check(workplace / "trial.study", NOBODY, print) == 3


def test_a_law_through_every_run_has_no_interval(workplace, capsys):
    spec, curves = write(workplace, law())
    lines = curves.read_text(encoding="utf-8").splitlines()
    curves.write_text("\n".join(lines[:1] + [one for one in lines if "1,1," in one]) + "\n", encoding="utf-8")

    assert promo("laws", spec, "--curves", curves) == 0
    said = capsys.readouterr().out
    assert "No forecast has an interval; outcomes differ from forecasts by" in said
    assert "2.7527 to" not in said


def test_what_the_points_do_not_tell_is_said(workplace, capsys):
    """Losses that fall as a straight line in logarithms have no floor."""
    spec, curves = write(workplace, law(), truth=lambda _, steps: 30.0 * steps**-0.3)

    assert promo("laws", spec, "--curves", curves) == 0
    assert "The runs of left do not identify E: other values fit as well" in capsys.readouterr().out


def test_runs_without_a_value_leave_too_few_points_and_that_is_said(workplace, capsys):
    spec, curves = write(workplace, law())
    lines = [line for line in curves.read_text(encoding="utf-8").splitlines() if ",400," not in line]
    curves.write_text("\n".join(line for line in lines if ",1600," not in line) + "\n", encoding="utf-8")

    assert promo("laws", spec, "--curves", curves) == 0
    said = capsys.readouterr().out
    assert "The law of left has 3 parameters and runs at 2 places: it is not fitted." in said
    assert "too few budgets with a value" in said


def test_a_spec_without_a_law_says_how_one_is_written(workplace, capsys):
    spec, curves = write(workplace, law())
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text[: text.index("## What the short")], encoding="utf-8")

    assert promo("laws", spec, "--curves", curves) == 2
    assert "the spec has no law" in capsys.readouterr().err
    assert promo("laws", spec) == 2
    assert "there is no study" in capsys.readouterr().err


# --- laws of size and data ----------------------------------------------------------------------------------------

SIZES = (1_000_000, 2_000_000, 4_000_000, 16_000_000)
TOKENS = (10_000_000, 20_000_000, 40_000_000, 160_000_000)
BY_SIZE = (1.7, 400.0, 0.34, 410.0, 0.28)
"""E, A, a, B and b."""


def of_size(size: int, tokens: int) -> float:
    floor, factor, power, other, rate = BY_SIZE
    return floor + factor * size**-power + other * tokens**-rate


def by_size(place: Path, *, unit: str = "parameters", labelled: bool = False) -> tuple[Path, Path]:
    """A spec of four sizes, of which the largest is foretold, and its table, which has sizes or not."""
    named = "name" if labelled else "size"  # a column of sizes is none of the spec's where a label names conditions
    lines = [f"config,{named},seed,tokens,loss"]
    lines += [
        f"m{size},{size},{seed},{tokens},{of_size(size, tokens) * by:.9f}"
        for size in SIZES
        for tokens in TOKENS
        for seed, by in NOISE.items()
    ]
    (place / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    label = '\n  config = "m{size}"' if labelled else ""
    levels = [f"size = {size}{label.format(size=size)}" for size in SIZES]
    config = (
        'factor config: label in ["m1000000", "m2000000", "m4000000", "m16000000"] default "m1000000"\n'
        if labelled
        else ""
    )
    candidates = "".join(f"candidate m{size} {{\n  {said}\n}}\n" for size, said in zip(SIZES, levels, strict=True))
    stages = "".join(
        f"stage at_{tokens} {{\n  train {'m16000000' if tokens == TOKENS[-1] else 'm1000000, m2000000, m4000000'} "
        f"for {tokens}tok\n  cap 1min\n  on box\n  seeds 1, 2, 3 shared\n  report only\n}}\n"
        for tokens in TOKENS
    )
    (place / "trial.promo").write_text(
        'promo 1\n\nstudy trial {\n  title "A trial"\n  measure loss in pt, lower is better\n  runner recorded\n}\n'
        'host box {\n  device "cpu" on any\n  slots 1\n}\n'
        f"factor size: {unit} in [{', '.join(map(str, SIZES))}]\n{config}{candidates}{stages}"
        "law falling {\n  of m1000000, m2000000, m4000000\n  from at_10000000, at_20000000, at_40000000\n"
        "  form size, data\n  reach 4 times\n  draws 50 seed 1\n}\n"
        "forecast before {\n  of m16000000\n  at at_160000000\n  law falling\n}\n",
        encoding="utf-8",
    )
    return place / "trial.promo", place / "t.csv"


@pytest.mark.parametrize("labelled", [False, True], ids=["size is a column", "size beside config"])
def test_a_law_of_size_and_data_is_fitted_to_a_table_whose_factor_of_parameters_tells_the_size(
    workplace, capsys, labelled
):
    spec, curves = by_size(workplace, labelled=labelled)

    assert promo("laws", spec, "--curves", curves, "--json") == 0
    ((one,),) = json.loads(capsys.readouterr().out)["laws"].values()
    assert (one["points"], one["places"], one["unsure"]) == (27, 9, [])
    found = [float(one["parameters"][name]) for name in "EAaBb"]
    assert found == pytest.approx(BY_SIZE, rel=0.1)

    assert promo("replay", spec, "--curves", curves, "--quiet") == 0
    assert promo("verify", spec) == 3
    assert recheck.check(workplace / "trial.study", NOBODY, print) == 3
    capsys.readouterr()
    assert promo("laws", spec, "--json") == 0
    of_study = json.loads(capsys.readouterr().out)
    assert of_study["laws"]["falling"][0]["parameters"] == one["parameters"]
    ((told),) = of_study["forecasts"]
    assert float(told["value"]) == pytest.approx(of_size(SIZES[-1], TOKENS[-1]), rel=2e-3)
    assert told["inside"] is True


def test_a_table_without_a_size_has_no_law_of_size(workplace, capsys):
    spec, curves = by_size(workplace, unit="units")

    assert promo("laws", spec, "--curves", curves) == 1
    assert "declare a factor whose unit is parameters" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ([("factor size:", "factor other: parameters in [1, 2]\nfactor size:")], "tells the size of a model as well"),
        ([("[1000000,", "[0.5, 1000000,"), ("size = 1000000", "size = 0.5")], "has a whole number of parameters"),
    ],
    ids=["two sizes", "half a parameter"],
)
def test_a_size_is_one_whole_number(workplace, capsys, change, said):
    spec, curves = by_size(workplace)
    text = spec.read_text(encoding="utf-8")
    for old, new in change:
        text = text.replace(old, new)
    spec.write_text(text, encoding="utf-8")

    assert promo("laws", spec, "--curves", curves) == 1
    assert said in capsys.readouterr().err


LADDER = Path(__file__).parent.parent / "evidence" / "olmo_ladder.csv"
"""Whence it is, `evidence/test_ladder.py` says."""
PRINTED = {"7B-4T": 0.020, "13B-5T": 0.038}
"""By how much the published law misses the large runs."""


def test_a_published_ladder_foretells_its_large_runs_from_their_table(workplace, capsys):
    with LADDER.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["point"] == "end"]
    small = [row for row in rows if row["run"].partition("-")[0] in ("190M", "370M", "760M", "1B") and row["c4_mean"]]
    large = [row for row in rows if row["run"] in PRINTED]
    name = {row["run"]: "run_" + row["run"].lower().replace("-", "_") for row in (*small, *large)}
    labels = ", ".join(f'"{row["run"]}"' for row in (*small, *large))
    sizes = sorted({int(row["parameters"]) for row in (*small, *large)})
    text = (
        'promo 1\n\nstudy ladder {\n  title "A ladder"\n  measure c4_mean in nats, lower is better\n'
        '  runner recorded\n}\nhost box {\n  device "cpu" on any\n  slots 1\n}\n'
        'curves {\n  column config "run"\n  column run "run"\n}\n'
        f'factor config: label in [{labels}] default "{small[0]["run"]}"\n'
        f"factor size: parameters in [{', '.join(map(str, sizes))}]\n"
    )
    for row in (*small, *large):
        at = name[row["run"]]
        text += f'candidate {at} {{\n  config = "{row["run"]}"\n  size = {row["parameters"]}\n}}\n'
        text += f"stage to_{at} {{\n  train {at} for {row['tokens']}tok\n  cap 1min\n  on box\n  seeds 1 shared\n"
        text += "  report only\n}\n"
    names = [name[row["run"]] for row in small]
    text += (
        f"law falling {{\n  of {', '.join(names)}\n  from {', '.join(f'to_{one}' for one in names)}\n"
        "  form size, data\n  reach 100 times\n  draws 20 seed 1\n}\n"
    )
    for row in large:
        at = name[row["run"]]
        text += f"forecast of_{at} {{\n  of {at}\n  at to_{at}\n  law falling\n}}\n"
    (workplace / "trial.promo").write_text(text, encoding="utf-8")
    table = "".join(f"{row['run']},{row['tokens']},{row['c4_mean']}\n" for row in (*small, *large))
    (workplace / "t.csv").write_text(f"run,tokens,c4_mean\n{table}", encoding="utf-8")

    assert promo("replay", "trial.promo", "--curves", "t.csv", "--quiet") == 0
    capsys.readouterr()
    assert promo("laws", "trial.promo", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["laws"]["falling"][0]["points"] == 16
    missed = {one["candidate"]: float(one["value"]) / float(one["came"]) - 1 for one in found["forecasts"]}
    assert len(missed) == 2
    for run, printed in PRINTED.items():
        assert abs(missed[name[run]]) <= printed + 5e-4
