"""`promo laws`: what a law foretells, of recorded runs and of a study, and what the points do not tell."""

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

    assert [one["candidate"] for one in found] == ["left", "right"]
    for one, config in zip(found, TRUTH, strict=True):
        (told,) = one["foretold"]
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
    assert "2 of 2 outcomes within the interval; what came lies 0.00% off what was foretold." in said
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
    assert "The points of left do not tell E, A and b" in capsys.readouterr().out
    assert promo("verify", spec) == 3
    assert recheck.check(workplace / "trial.study", NOBODY, print) == 3


def test_what_the_points_do_not_tell_is_said(workplace, capsys):
    """Losses that fall as a straight line in logarithms have no floor."""
    spec, curves = write(workplace, law(), truth=lambda _, steps: 30.0 * steps**-0.3)

    assert promo("laws", spec, "--curves", curves) == 0
    assert "The points of left do not tell E: other values fit as well" in capsys.readouterr().out


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
