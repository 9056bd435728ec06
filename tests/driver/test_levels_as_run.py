"""A grid of learning rates and widths, and an orthogonal array, from the spec to both verifiers and every report."""

import csv
import json

import pytest

from support import promo, rechecked

NOT_ANCHORED = 3
"""Exit code of a verifier that found everything as it should be, and nobody outside who says when."""
GRID = """promo 1

study grid {
  title    "Learning rates and widths"
  measure  val_bpb in bpb, lower is better
  runner   recorded
}

factor lr: rate in [0.001, 0.003, 0.01]

factor width: units in [64, 128, 256, 512]

factor act: kind in ["relu", "gelu", "silu"]

host box {
  device   "CPU" on linux
  slots    2
}

design grid DESIGN {
  vary     lr
  vary     width
  vary     act in ["relu", "gelu"]
}

cohort rowed {
  rows     grid all
}

stage trained {
  train    rowed for 100steps
  on       box
  cap      1min
  seeds    1, 2
}

effects eff {
  from     trained
  model    MODEL
CONTRASTS  family   main
  rate     5%
}
"""
LR, WIDTH = {"0.001": 0, "0.003": -2, "0.01": -1.5}, {"64": 0, "128": -3, "256": -4.5, "512": -5.25}
ACT = {"relu": 0, "gelu": -1, "silu": 0}
SWING = (0.002, -0.001, -0.002, 0.003, -0.001, -0.001)
"""Of runs; small beside every effect."""


def spec_of(*, design="full", model="main, pairs", contrasts="  contrast lr log trend\n"):
    return GRID.replace("DESIGN", design).replace("MODEL", model).replace("CONTRASTS", contrasts)


def table(path):
    """Every combination with two seeds; each effect is known."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["lr", "width", "act", "seed", "step", "val_bpb"])
        number = 0
        for lr, one in LR.items():
            for width, two in WIDTH.items():
                for act, three in ACT.items():
                    for seed in (1, 2):
                        number += 7
                        value = 1 + (one + two + three) / 100 + SWING[number % len(SWING)] + 0.05 * seed
                        out.writerow([lr, width, act, seed, 100, f"{value:.5f}"])


def replayed(folder, text, capsys):
    """The effects of a replay, and its study's folder; both verifiers agree with it."""
    spec = folder / "grid.promo"
    spec.write_text(text, encoding="utf-8")
    table(folder / "grid.csv")
    assert promo("replay", spec, "--curves", folder / "grid.csv") == 0
    said, study = capsys.readouterr().out, folder / "grid.study"
    assert promo("verify", study) == NOT_ANCHORED
    done = rechecked(study)
    assert (done.returncode, "1 effect," in done.stdout) == (NOT_ANCHORED, True), done.stdout
    capsys.readouterr()
    assert promo("show", "effects", study) == 0
    shown = capsys.readouterr().out
    return json.loads(shown[shown.index("{") :])["eff"]["fits"][0], study, said


def test_a_grid_of_rates_and_widths_is_told_with_its_levels_in_words(workplace, capsys):
    fit, _, said = replayed(workplace, spec_of(), capsys)
    found = {" * ".join(one["effect"]): one for one in fit["estimates"]}
    steps = {(one["factor"], one["lower"], one["upper"]): float(one["value"]) for one in fit["steps"]}

    assert steps["lr", "0.001", "0.003"] == pytest.approx(-0.02, abs=0.002)
    assert steps["width", "64", "128"] == pytest.approx(-0.03, abs=0.002)
    assert {name for name, one in found.items() if one["discovered"]} >= {
        "lr:linear", "lr:quadratic", "width:linear", "width:quadratic", "act"
    }  # fmt: skip
    assert [(one["term"], one["degrees"]) for one in fit["joints"]][:3] == [(["lr"], 2), (["width"], 3), (["act"], 1)]
    assert "lr: 0.003 better than 0.001 by 0.0" in said
    assert "it turns, lowest at 0.003" in said
    assert "width: 128 better than 64 by 0.0" in said
    assert "the fall flattens" in said
    assert "act: gelu better than relu by 0.0" in said


def test_every_form_of_the_report_has_contrasts_terms_and_steps(workplace, capsys):
    fit, study, _ = replayed(workplace, spec_of(), capsys)
    for form in ("md", "json", "csv", "html"):
        assert promo("report", study, "--format", form) == 0
    capsys.readouterr()
    with (study / "report.effects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = [row["kind"] for row in rows]
    lr = next(row for row in rows if (row["kind"], row["effect"]) == ("term", "lr"))
    step = next(row for row in rows if (row["kind"], row["effect"]) == ("step", "width 128 - 64"))
    view = json.loads((study / "report.json").read_text(encoding="utf-8"))["effects"][0]["fits"][0]

    assert (kinds.count("effect"), kinds.count("term"), kinds.count("step")) == (17, 6, 5)
    assert (lr["degrees"], lr["f"], lr["p"]) == ("2", fit["joints"][0]["f"], fit["joints"][0]["p"])
    assert (step["value"], step["low"]) == (fit["steps"][2]["value"], fit["steps"][2]["low"])
    assert (len(view["terms"]), len(view["steps"]), view["columns"][1]) == (6, 5, "size")
    for name in ("report.md", "report.html"):
        text = (study / name).read_text(encoding="utf-8")
        assert all(words in text for words in ("factor or interaction", "lr quadratic", "0.003, 0.01", "flattens"))


def test_levels_against_one_of_them(workplace, capsys):
    contrasts = "  contrast lr against 0.003\n  contrast width against 128\n"
    fit, _, said = replayed(workplace, spec_of(model="main", contrasts=contrasts), capsys)

    assert [one["effect"] for one in fit["estimates"]] == [
        ["lr:0.001"], ["lr:0.01"], ["width:64"], ["width:256"], ["width:512"], ["act"]
    ]  # fmt: skip
    assert "steps" not in fit
    assert "width: 256 better than 128 by 0.0" in said
    assert "lr: 0.001 worse than 0.003 by 0.0" in said


def test_an_array_tells_how_much_of_interactions_is_in_its_main_effects(workplace, capsys):
    text = spec_of(design="array 9", model="main")
    text = text.replace("  vary     width\n", "  vary     width in [64, 128, 256]\n")
    text = text.replace('  vary     act in ["relu", "gelu"]\n', "  vary     act\n")
    fit, study, said = replayed(workplace, text, capsys)
    found = {" * ".join(one["effect"]): one for one in fit["estimates"]}
    assert promo("report", study, "--format", "md") == 0

    assert list(found) == ["lr:linear", "lr:quadratic", "width:linear", "width:quadratic", "act:gelu", "act:silu"]
    assert all(one["aliases"] for one in found.values())
    assert not any(part.startswith("lr") for _, name in found["lr:linear"]["aliases"] for part in name)
    assert "(not separated from " in said
    assert "Not separated, one estimate of the sum: lr linear " in (study / "report.md").read_text(encoding="utf-8")
