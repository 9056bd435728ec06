"""`promo compare`: own gates and other methods on the same recorded runs, worked by hand."""

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest

from support import promo, recorded

SPEC = recorded(
    "three",
    """stage short {
  train   three for 10s
  on      box
  seeds   1, 2 shared
}

stage long {
  after   pick
  train   promoted for 30s
  on      box
  seeds   1, 2 shared
  report  only
}

frozen gate pick {
  from     short to long
  rank     by mean loss over host, seed
  keep     top 1
  always   base
  missing  drop
  crash    as missing
  ties     by name
}
""",
    base="a",
    early="b",
    poor="c",
)
VALUES = {"a": ("4.0", "2.0"), "b": ("3.0", "2.6"), "c": ("5.0", "4.0")}
"""Losses at 10 s and at 30 s: b leads early, a in the end."""


def write(place: Path, spec: str = SPEC) -> tuple[Path, Path]:
    lines = ["config,run,seed,seconds,loss"]
    for config, values in VALUES.items():
        for seed in (1, 2):
            points = zip((10, 30), values, strict=True)
            lines += [f"{config},{config}{seed},{seed},{at},{value}" for at, value in points]
    (place / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (place / "trial.promo").write_text(spec, encoding="utf-8")
    return place / "trial.promo", place / "t.csv"


def compared(place: Path, capsys, *words: object, spec: str = SPEC) -> dict[str, dict]:
    path, curves = write(place, spec)
    assert promo("compare", path, "--curves", curves, "--json", "--draws", 50, *words) == 0
    return {one["name"]: one for one in json.loads(capsys.readouterr().out)["methods"]}


def test_every_method_is_charged_for_what_it_trained(workplace, capsys):
    found = compared(workplace, capsys)

    # Two cells each.  This spec: three for 10 s, then two for 30 s anew.  Halving: three for 10 s, one for 20 s more.
    assert found["this spec"]["spent_s"] == str(2 * (3 * 10 + 2 * 30))
    assert found["successive halving, rungs alone"]["spent_s"] == str(2 * (3 * 10 + 20))
    # With the hours of this spec it trains the other two on, 20 s more each.
    assert found["successive halving"]["spent_s"] == str(2 * 3 * 30)
    assert all(Fraction(one["spent_s"]) <= 180 for name, one in found.items() if not name.endswith("alone"))
    # All that random search may spend pays for three at the full budget.
    assert found["random search"]["spent_s"] == str(2 * 3 * 30)
    # All are one factor away from the reference.
    assert found["greedy walk"]["spent_s"] == str(2 * 3 * 30)


def test_hours_are_those_of_all_devices_that_a_run_has(workplace, capsys):
    plain = compared(workplace, capsys)
    wide = SPEC.replace('device  "cpu" on any', 'device  "H100" on any\n  devices 8')
    found = compared(workplace, capsys, spec=wide)

    assert wide != SPEC
    assert {name: Fraction(one["spent_s"]) for name, one in found.items()} == {
        name: 8 * Fraction(one["spent_s"]) for name, one in plain.items()
    }
    assert [one["regret"] for one in found.values()] == [one["regret"] for one in plain.values()]


def test_hours_behind_a_gate_are_those_of_the_devices_that_its_stage_has(workplace, capsys):
    """One device to 10 s and eight from there to 30 s, or from the start of a run that is made for 30 s."""
    text = SPEC.replace("  slots   1\n", "  slots   8\n").replace("for 30s\n", "for 30s\n  devices 8\n")
    found = compared(workplace, capsys, spec=text)

    assert found["this spec"]["spent_s"] == str(2 * (3 * 10 + 2 * 30 * 8))
    assert found["successive halving, rungs alone"]["spent_s"] == str(2 * (3 * 10 + 20 * 8))
    assert found["greedy walk"]["spent_s"] == str(2 * 2 * 30 * 8)


def test_regret_is_what_a_choice_is_worse_than_the_best(workplace, capsys):
    found = compared(workplace, capsys)

    assert found["this spec"]["regret"] == "0"  # the gate keeps base in any case
    alone = found["successive halving, rungs alone"]
    assert alone["regret"] == "0.6"  # the early leader, 2.6 against 2.0
    assert alone["regret_interval"] == ["0.6", "0.6"]
    assert found["successive halving"]["regret"] == "0"
    assert found["random search"]["regret"] == "0"


def test_a_gate_that_keeps_only_the_early_leader_has_its_regret(workplace, capsys):
    found = compared(workplace, capsys, spec=SPEC.replace("  always   base\n", ""))

    assert found["this spec"]["regret"] == "0.6"
    assert found["this spec"]["over_spec"] == "0"
    # Halving alone makes the same mistake in every draw; random search has hours for two of three.
    alone, random = found["successive halving, rungs alone"], found["random search"]
    assert (alone["over_spec"], alone["over_spec_interval"]) == ("0", ["0", "0"])
    assert Fraction(random["over_spec"]) == Fraction(random["regret"]) - Fraction("0.6")


def test_higher_may_be_better(workplace, capsys):
    found = compared(workplace, capsys, spec=SPEC.replace("lower is better", "higher is better"))

    assert found["successive halving, rungs alone"]["regret"] == "0"  # c leads at 10 s and at 30 s


def test_the_same_seed_gives_the_same_comparison(workplace, capsys):
    assert compared(workplace, capsys, "--seed", 7) == compared(workplace, capsys, "--seed", 7)


def test_the_table_says_that_nothing_was_trained(workplace, capsys):
    path, curves = write(workplace)

    assert promo("compare", path, "--curves", curves, "--draws", 20) == 0
    said = capsys.readouterr().out
    assert "Recorded curves: nothing was trained." in said
    assert "at the full budget over all recorded cells, than base, the best there" in " ".join(said.split())
    assert not (workplace / "trial.study").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--eta", "1"), "--eta is at least 2"),
        (("--draws", "0"), "--draws is from 1"),
        (("--rungs", "10,x"), "is neither A,B,C nor LEAST..MOST"),
        (("--rungs", "30,10"), "do not rise"),
        (("--rungs", "10..20"), "20 is not 10 times a power of 3"),
        (("--rungs", "10,20"), "the last rung is 20, and the largest budget of the spec is 30"),
    ],
)
def test_wrong_options_are_exit_code_2(workplace, capsys, words, message):
    path, curves = write(workplace)

    assert promo("compare", path, "--curves", curves, *words) == 2
    assert message in capsys.readouterr().err


def test_stages_may_have_other_seeds_and_every_rung_has_those_of_its_stage(workplace, capsys):
    spec = SPEC.replace("seeds   1, 2 shared\n  report  only", "seeds   3\n  report  only").replace(" shared", "")
    path, curves = write(workplace, spec)
    lines = [f"{config},{config}3,3,30,{values[1]}" for config, values in VALUES.items()]
    curves.write_text(curves.read_text() + "\n".join(lines) + "\n")

    assert promo("compare", path, "--curves", curves, "--json", "--draws", 20) == 0
    found = json.loads(capsys.readouterr().out)
    methods = {one["name"]: one for one in found["methods"]}
    assert found["cells"] == [2, 1]
    assert methods["this spec"]["spent_s"] == str(3 * 2 * 10 + 2 * 30)
    # A new seed carries nothing on: three in two cells for 10 s, then one in another cell for 30 s.
    assert methods["successive halving, rungs alone"]["spent_s"] == str(3 * 2 * 10 + 30)
    assert methods["successive halving"]["spent_s"] == str(3 * 2 * 10 + 2 * 30)


def test_candidates_that_nobody_trained_to_the_end_are_named(workplace, capsys):
    path, curves = write(workplace)
    curves.write_text("".join(line for line in curves.read_text().splitlines(True) if not line.startswith("c,c2")))

    assert promo("compare", path, "--curves", curves, "--seeds", "label", "--draws", 20) == 0
    assert "poor has no value at the full budget" in capsys.readouterr().out


def test_a_gate_that_holds_lets_nobody_go_on_and_that_is_counted(workplace, capsys):
    spec = SPEC.replace("  missing  drop", "  demand   mean loss at most 1pt else hold\n  missing  drop")
    path, curves = write(workplace, spec)

    assert promo("compare", path, "--curves", curves, "--draws", 20) == 0
    said = capsys.readouterr().out
    assert "in 20 one waited for a person" in " ".join(said.split())
    assert re.search(r"this spec +–", said)


def test_a_page_is_written_whole_and_fetches_nothing(workplace, capsys):
    path, curves = write(workplace, SPEC.replace("A trial", "A <b>trial</b>"))

    assert promo("compare", path, "--curves", curves, "--draws", 20, "--html", "out.html") == 0
    page = (workplace / "out.html").read_text(encoding="utf-8")
    assert "<h1>A &lt;b&gt;trial&lt;/b&gt;</h1>" in page
    assert "successive halving" in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_budget_of_another_kind_is_refused_by_name(workplace, capsys):
    path, curves = write(workplace, SPEC.replace("promoted for 30s", "promoted for 30steps\n  cap 1min"))
    text = curves.read_text().replace("seed,seconds", "seed,step,seconds")
    curves.write_text(text.replace(",10,", ",10,10,").replace(",30,", ",30,30,"))

    assert promo("compare", path, "--curves", curves) == 2
    assert "the stages have several: wall (short), steps (long)" in capsys.readouterr().err


def test_a_table_without_a_clock_is_refused(workplace, capsys):
    path, curves = write(workplace, SPEC.replace("10s", "10steps\n  cap 1min").replace("30s", "30steps\n  cap 1min"))
    curves.write_text(curves.read_text().replace("seconds", "step"))

    assert promo("compare", path, "--curves", curves) == 2
    assert "no column of seconds" in capsys.readouterr().err
