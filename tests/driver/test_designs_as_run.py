"""
Designs whose rows do not support what their columns seem to say: each is refused, or told with its figures.

The tables beside the specs were made with known effects, which stand in the tests.
"""

import csv
import json
import shutil
from pathlib import Path

import pytest

from support import promo, rechecked

NOT_ANCHORED = 3
"""Exit code of a verifier that found everything as it should be, and nobody outside who says when."""
CASES = Path(__file__).parents[1] / "cases" / "designs"


@pytest.fixture
def case(workplace):
    """A folder with all cases in it."""
    for path in CASES.iterdir():
        shutil.copy(path, workplace)
    return workplace


def replayed(case, name, capsys, *, change=lambda text: text):
    """The effects of a replay, its report as Markdown, and what was said; both verifiers agree with it."""
    spec = case / f"{name}.promo"
    spec.write_text(change(spec.read_text(encoding="utf-8")), encoding="utf-8")
    assert promo("replay", spec, "--curves", case / f"{name}.csv") == 0
    said = capsys.readouterr().out
    folder = case / f"{name}.study"
    assert promo("report", folder, "--format", "md") == 0
    capsys.readouterr()
    assert promo("verify", folder) == NOT_ANCHORED
    assert rechecked(folder).returncode == NOT_ANCHORED
    assert promo("show", "effects", folder) == 0
    shown = capsys.readouterr().out
    found = json.loads(shown[shown.index("{") :])["eff"]
    return found, (folder / "report.md").read_text(encoding="utf-8"), said


def estimates(fit):
    return {" * ".join(one["effect"]): one for one in fit["estimates"]}


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("wo_e", "P0709", "a * b is not clear in the 6 rows that remain: there a * b = -1 - a - b"),
        ("gram", "P0702", "resolution 4 is required, and the 6 rows that remain have resolution 3"),
    ],
)
def test_a_guarantee_that_the_rows_left_do_not_keep_is_refused_with_its_loss(case, capsys, name, code, words):
    assert promo("check", case / f"{name}.promo") == 1
    said = capsys.readouterr()
    assert code in said.out + said.err
    assert words in said.out + said.err


def test_without_the_guarantee_a_model_that_loses_by_it_is_refused(case, capsys):
    spec = case / "wo_e.promo"
    spec.write_text(spec.read_text(encoding="utf-8").replace("  clear a * b\n", ""), encoding="utf-8")

    assert promo("check", spec) == 1
    said = capsys.readouterr().err
    assert "the 6 rows that enter 's' cannot estimate 3 effects of this model: a, b, a * b" in said
    assert "write: model main, a * c, b * c" in said


def lost_instead(case, text):
    """All eight rows are planned, and the runs of those where a and b are high broke off half-way."""
    with (case / "wo_e.csv").open("a", encoding="utf-8") as table:
        table.writelines(f"screen_{row},x{row}{seed},{seed},lab,5,9.0\n" for row in (4, 8) for seed in (1, 2, 3))
    return text.replace("  clear a * b\n", "").replace("  without a high, b high\n", "")


def test_with_runs_lost_the_loss_is_printed_and_nothing_lost_is_estimated(case, capsys):
    found, report, said = replayed(case, "wo_e", capsys, change=lambda text: lost_instead(case, text))
    told = estimates(found["fits"][0])

    assert [told[name]["value"] for name in ("a", "b", "a * b")] == [None] * 3
    assert "Cannot be distinguished with the runs there are: a, b, a \\* b" in report
    assert "no effect" not in said + report


def test_a_design_tells_what_its_rows_leave_clear(case, capsys):
    spec = case / "wo_e.promo"
    text = spec.read_text(encoding="utf-8").replace("  clear a * b\n", "")
    spec.write_text(text.replace("model main, pairs", "model main, a * c, b * c"), encoding="utf-8")

    assert promo("design", spec) == 0
    assert "clear interactions: 2 of 3: a * c, b * c" in capsys.readouterr().out


def test_a_semifold_names_what_its_main_effects_take_up(case, capsys):
    """a is 4, c * d is 3; main effects alone give a + 1/3 a * b - 1/3 c * d = 3."""
    found, report, said = replayed(case, "semi_m", capsys)
    told = estimates(found["fits"][0])

    assert told["a"]["aliases"] == [["1/3", ["a", "b"]], ["-1/3", ["c", "d"]]]
    assert told["b"]["aliases"] == []
    assert "(not separated from a * b and c * d)" in said
    assert "a + 1/3 a \\* b - 1/3 c \\* d" in report
    limits = report[report.index("## Limitations") :]
    assert "estimates sums of effects, which these runs do not separate: a + 1/3" in limits


def test_all_interactions_in_the_model_free_the_main_effect(case, capsys):
    found, _, said = replayed(
        case, "semi_m", capsys, change=lambda text: text.replace("model main", "model main, pairs")
    )
    told = estimates(found["fits"][0])

    assert float(told["a"]["value"]) == pytest.approx(4, abs=0.2)
    assert float(told["c * d"]["value"]) == pytest.approx(3, abs=0.2)
    assert "not separated" not in said


def test_runs_at_the_centre_count_and_the_curvature_is_tested(case, capsys):
    found, report, said = replayed(case, "cent", capsys)
    fit = found["fits"][0]

    assert (fit["runs"], fit["planned"], fit["degrees"]) == (15, 15, 15 - 3 - 4)
    assert "15 of 15 planned runs have a value" in report
    assert fit["curvature"]["runs"] == 3
    assert float(fit["curvature"]["value"]) == pytest.approx(-2.917417, abs=1e-5)
    assert all(fit["curvature"][name] for name in ("error", "t", "p", "low", "high"))
    assert "a: 1 better than -1 by 4.4308" in said


def test_changes_between_stages_that_share_their_runs_are_paired(case, capsys):
    found, *_ = replayed(case, "two", capsys)
    change = {" * ".join(one["effect"]): one for one in found["changes"]}["a"]
    alone = [float(estimates(fit)["a"]["error"]) for fit in found["fits"]]

    assert change["runs"] == 32
    assert float(change["error"]) < 0.1 * sum(one**2 for one in alone) ** 0.5
    assert float(change["change"]) == pytest.approx(-0.06045, abs=1e-5)
    assert float(change["high"]) < 0


def test_every_format_has_aliases_changes_and_errors(case, capsys):
    replayed(case, "two", capsys)
    folder = case / "two.study"
    for form in ("html", "json", "csv"):
        assert promo("report", folder, "--format", form) == 0
    html = (folder / "report.html").read_text(encoding="utf-8")
    shown = json.loads((folder / "report.json").read_text(encoding="utf-8"))["effects"][0]
    rows = list(csv.DictReader((folder / "report.effects.csv").read_text(encoding="utf-8").splitlines()))

    assert "a * b = c * d" in html
    assert "-0.06045" in html
    assert "a * b = c * d" in shown["fits"][0]["aliases"]
    assert len(shown["changes"]) == 7
    numbers = {"effect", "change", "blocks", "block", "error", "on a host", "factor x host", "cells that agree"}
    assert {row["kind"] for row in rows} == numbers | {"asked", "said", "verdict"}
    assert {row["family"] for row in rows} == {"main"}
    assert next(row for row in rows if row["effect"] == "a * b")["stands_for"] == "a * b = c * d"
    assert all(row["error"] for row in rows if row["kind"] in ("effect", "change"))
    assert [row["effect"] for row in rows if row["kind"] == "block"][:2] == ["h1, seed 1", "h1, seed 2"]


def test_a_guarantee_that_lost_runs_break_is_said_to_be_broken(case, capsys):
    """The spec plans all eight rows; the runs where a and b are both high broke off half-way."""
    with (case / "wo_e.csv").open("a", encoding="utf-8") as table:
        table.writelines(f"screen_{row},x{row}{seed},{seed},lab,5,9.0\n" for row in (4, 8) for seed in (1, 2, 3))
    _, report, _ = replayed(case, "wo_e", capsys, change=lambda text: text.replace("  without a high, b high\n", ""))

    assert "a \\* b had to be clear, but is not in the 6 rows with a value: there a \\* b = -1 - a - b." in report


def test_simulate_says_what_a_spread_between_hosts_does_to_effects(case, capsys):
    gate = """
gate pick {
  from short to long
  rank by mean y over host, seed
  keep top 2
  missing drop
  crash as missing
  ties by name
}
"""
    text = (case / "two.promo").read_text(encoding="utf-8")
    text = text.replace(
        "stage long {\n  train all_rows for 20s", "stage long {\n  after pick\n  train promoted for 20s"
    )
    text = (
        text.replace("  report only\n", "", 1)
        .replace("from short, long\n", "from short\n")
        .replace("1, 2 shared", "1, 2", 1)
    )
    (case / "two.promo").write_text(text.replace("seeds 1, 2 shared", "seeds 3, 4") + gate, encoding="utf-8")

    assert promo("simulate", case / "two.promo", "--noise", "1", "--host-noise", "0.5", "--draws", "20") == 0
    said = capsys.readouterr().out

    assert "at short: where conditions differ between hosts by 0.5 times the noise, 9.8% of studies without" in said


def test_a_discovery_that_differs_between_hosts_is_told_for_each_of_them_with_what_it_stands_for(case, capsys):
    """The effect of b, which is a * d here, is 0.2 on h1 and 1 on h2."""
    text = (case / "two.promo").read_text(encoding="utf-8").replace("alias d = a * b * c", "alias d = a * b")
    text = text.replace("from short, long", "from short").replace("model main, pairs", "model main")
    (case / "split.promo").write_text(text, encoding="utf-8")
    swing, lines = (0.01, -0.02, 0.015, -0.005, 0.0), ["config,run,seed,host,seconds,y"]
    for number in range(8):
        high = number >> 1 & 1
        for run, (host, seed) in enumerate((("h1", 1), ("h1", 2), ("h2", 1), ("h2", 2))):
            for seconds in (10, 20):
                value = 3 + high * (0.2 if host == "h1" else 1) + swing[len(lines) % 5]
                lines.append(f"screen_{number + 1},r{run},{seed},{host},{seconds},{value:.3f}")
    (case / "split.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    _, report, said = replayed(case, "split", capsys)

    assert "(not separated from a * d) (differs between hosts: b +0.2" in said
    assert "so read it host by host: b (not separated from a \\* d)." in report


def test_what_the_runs_there_are_cannot_test_is_in_the_first_sentence(case, capsys):
    """Without the rows where a and b are high, a * b is no effect of its own."""
    _, report, said = replayed(case, "wo_e", capsys, change=lambda text: lost_instead(case, text))

    assert "; not tested: a, b and a * b" in said
    assert "Not tested: a, b and a \\* b." in report
