"""`promo simulate`: what the gates would do, before anything is spent."""

import csv
import json
from pathlib import Path

import pytest

pytest.importorskip("numpy")

from support import INLINE, promo, spec

SPECS = Path(__file__).parents[2] / "specs"


def test_a_world_is_said_and_its_figures_have_errors(capsys):
    assert (
        promo("simulate", SPECS / "staged_promotion.promo", "--noise", "0.006", "--near", "0.001", "--draws", "2000")
        == 0
    )
    said = capsys.readouterr().out

    assert "screen_1 (depth 8, aspect 48, matrix_lr 0.02) is truly best" in said
    assert "the default: one standard deviation of the noise" in said
    assert "2,000 simulated studies" in said
    assert "97.21%" in said  # by formula
    assert "of studies it is behind by less than 0.001 bpb." in said
    assert "GPU-hours: expected 169.2, budget 169.2, bound 899.389" in said


def table_lines(said):
    """Lines that have columns, which a terminal would break anywhere."""
    return [line for line in said.splitlines() if "  " in line.strip() or line.startswith(" " * 8)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("staged_promotion", ("--vary", "noise", "0.01,0.02")),
        ("replay_prefix", ("--vary", "noise", "0.01,0.02")),
        ("staged_screening", ()),
    ],
)
def test_tables_fit_80_columns(capsys, name, words):
    assert promo("simulate", SPECS / f"{name}.promo", "--noise", "0.02", "--draws", "50", *words) == 0
    lines = table_lines(capsys.readouterr().out)

    assert len(lines) > 7
    assert [line for line in lines if len(line) > 80] == []


def test_json_says_what_changed(capsys):
    assert promo("simulate", SPECS / "quickstart.promo", "--noise", "0.02", "--draws", "50", "--json") == 0
    found = json.loads(capsys.readouterr().out)

    assert found["changed"]["shallow"] == "depth 1, aspect 32"
    assert {*found["changed"]} < {*found["found"][0]["figures"]["gates"][0]["kept"]}


def test_sweeps_are_tables_and_pictures(workplace, capsys):
    quick = SPECS / "quickstart.promo"
    words = ["--noise", "0.02", "--draws", "300", "--vary", "seeds", "1..3", "--plot", "out.svg"]
    assert promo("simulate", quick, *words) == 0
    said = capsys.readouterr().out

    assert said.count("%") > 9
    assert "Best kept so far:" in said
    assert "Wrongly promoted:" in said
    assert "seeds" in said
    drawn = (workplace / "out.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<?xml")
    assert all(words in drawn for words in ("best kept", "wrongly promoted", "seeds", "pick_three"))
    assert promo("simulate", quick, *words[:-1], "again.svg") == 0
    assert (workplace / "again.svg").read_text(encoding="utf-8") == drawn
    capsys.readouterr()
    assert promo("simulate", quick, "--noise", "0.02", "--draws", "300", "--vary", "keep", "1,2,3", "--json") == 0
    found = json.loads(capsys.readouterr().out)["found"]
    assert [one["setting"] for one in found] == ["1", "2", "3"]
    assert found[0]["figures"]["budget_s"] < found[2]["figures"]["budget_s"]


def test_margins_and_the_pace_of_relaxing_are_varied_too(workplace, capsys):
    keep = "keep mean gap to base at most 0.5pt"
    (workplace / "trial.promo").write_text(spec().replace("keep top 1", keep), encoding="utf-8")
    common = ("--noise", "0.5", "--gap", "0.2", "--relax", "1", "--draws", "2000", "--json", "--vary")

    assert promo("simulate", "trial.promo", *common, "margin", "0x,1x,4x") == 0
    found = [one["figures"]["gates"][0] for one in json.loads(capsys.readouterr().out)["found"]]
    promoted = [one["promoted"]["value"] for one in found]
    assert promoted == sorted(promoted)
    assert promoted[0] < promoted[2]

    assert promo("simulate", "trial.promo", *common, "exponent", "0.1,0.5,2") == 0
    assert len(json.loads(capsys.readouterr().out)["found"]) == 3
    (workplace / "top.promo").write_text(spec(), encoding="utf-8")
    assert promo("simulate", "top.promo", *common, "margin", "2x") == 2
    assert "needs gates that keep by a difference" in capsys.readouterr().err


def test_noise_is_measured_where_it_was_recorded(workplace, capsys):
    with (workplace / "runs.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["config", "run", "step", "val_bpb"])
        for config in ("a", "b"):
            for run, value in enumerate((1.0, 1.1, 0.9)):
                rows.writerows([[config, run, 1, 5.0], [config, run, 2, value]])
    quick = SPECS / "quickstart.promo"

    assert promo("simulate", quick, "--noise-from", "runs.csv", "--draws", "100") == 0
    assert "sd 0.1 bpb (measured from runs.csv: 2 groups, 4 degrees of freedom)" in capsys.readouterr().out
    (workplace / "finals.tsv").write_text("config\trun\tval_bpb\n" + "a\tr1\t1.0\na\tr2\t1.2\na\tr3\t1.1\na\tr4\t0.9\n")
    assert promo("simulate", quick, "--noise-from", "finals.tsv", "--draws", "100") == 0
    assert "measured from finals.tsv: 1 group, 3 degrees of freedom" in capsys.readouterr().out
    (workplace / "bad.csv").write_text("config,run,step,val_bpb\na,r,1,nan\n", encoding="utf-8")
    assert promo("simulate", quick, "--noise-from", "bad.csv") == 1
    assert "row 2: column 'val_bpb' is nan, which is not finite" in capsys.readouterr().err
    (workplace / "trial.promo").write_text(spec(host=INLINE), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 0
    capsys.readouterr()
    assert promo("simulate", "trial.promo", "--noise-from", "trial.study", "--draws", "100") == 2
    assert "repeats too little" in capsys.readouterr().err


def test_a_level_is_asked_for_only_where_it_is_said_where_values_lie(workplace, capsys):
    keep = spec().replace("keep top 1", "keep mean loss at most 3pt")
    (workplace / "trial.promo").write_text(keep, encoding="utf-8")

    assert promo("simulate", "trial.promo", "--noise", "0.5") == 2
    assert "pick asks for a value of loss itself" in capsys.readouterr().err
    assert promo("simulate", "trial.promo", "--noise", "0.5", "--level", "3", "--json") == 0
    (gate,) = json.loads(capsys.readouterr().out)["found"][0]["figures"]["gates"]
    assert abs(gate["kept"]["poor"]["value"] - 0.5) < 4 * gate["kept"]["poor"]["error"]
    assert abs(gate["best_kept"]["value"] - gate["best_kept_exactly"]) < 4 * gate["best_kept"]["error"]


def test_one_cell_is_refused_where_t_needs_two(workplace, capsys):
    keep = spec().replace("keep top 1", "keep mean gap to base at most 1pt at 90% over cells")
    (workplace / "trial.promo").write_text(keep, encoding="utf-8")

    assert promo("simulate", "trial.promo", "--noise", "0.5", "--draws", "50", "--vary", "seeds", "1,2") == 2
    assert "pick has one cell at short, which has no spread" in capsys.readouterr().err


def test_agreement_of_hosts_is_refused_where_one_is_not_there(workplace, capsys):
    hosts = 'host box {\n  device "cpu" on any\n  slots 2\n}\n\nhost crate {\n  device "cpu" on any\n  slots 2\n}'
    text = spec(host=hosts).replace("on box", "on box, crate")
    text = text.replace(
        "  ties by name", "  demand rank agreement of box, crate at least 0 else stop\n  ties by name", 1
    )
    (workplace / "trial.promo").write_text(text, encoding="utf-8")

    assert promo("simulate", "trial.promo", "--noise", "0.5", "--draws", "50", "--vary", "hosts", "1,2") == 2
    assert "pick asks for agreement of crate, which short is not on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--noise", "-1"), "are not negative"),
        (("--noise", "nan"), "not negative"),
        (("--noise", "1", "--gap", "inf"), "not negative"),
        (("--noise", "1", "--vary", "gap", "nan"), "cannot read nan"),
        (("--noise", "1", "--vary", "noise", "1,1e-300"), "0, or from 1e-100 to 1e+100"),
        (("--noise", "1", "--vary", "exponent", "1,400"), "--exponent is not negative, and at most 10"),
        (("--noise", "1", "--near", "0"), "--near is a distance above zero"),
        (("--noise", "1", "--vary", "share", "25%"), "needs gates that keep a best share"),
        (("--noise", "1", "--draws", "0"), "--draws is at least 1"),
        (("--noise", "1", "--vary", "colour", "1,2"), "--vary takes one of"),
        (("--noise", "1", "--vary", "seeds", "0..2"), "cannot read 0..2"),
        (("--noise", "1", "--vary", "hosts", "2"), "has 1 hosts, not 2"),
        (("--noise", "1", "--best", "nobody"), "trains no 'nobody'"),
        (("--noise-from", "none.csv"), "there is no file none.csv"),
        (("--noise-from", ".", "--column", "loss"), "the noise is not measured from one"),
        (("--noise", "1", "--column", "loss"), "the noise is not measured from one"),
        (("--column", "loss"), "the noise is not measured from one"),
    ],
)
def test_what_cannot_be_simulated_is_one_clear_message(workplace, capsys, words, said):
    assert promo("simulate", SPECS / "quickstart.promo", *words) == 2
    assert said in capsys.readouterr().err


def test_without_a_noise_a_range_is_shown_with_what_tells_them_apart(workplace, capsys):
    (workplace / "trial.promo").write_text(spec(), encoding="utf-8")  # its rule asks for half a point
    assert promo("simulate", "trial.promo", "--draws", "2000") == 0
    said = capsys.readouterr().out
    assert promo("simulate", "trial.promo", "--draws", "2000", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert promo("simulate", "trial.promo", "--draws", "2000", "--gap", "2", "--json") == 0
    with_gap = json.loads(capsys.readouterr().out)

    assert "noise between seeds: sd 0.5 pt (assumed, since none is declared" in said
    assert "The noise of a run is not known. Measure it: --noise-from STUDY" in said
    assert told["vary"] == ["noise", "0.125,0.25,0.5,1,2"]
    assert [one["world"]["noise"] for one in told["found"]] == [0.125, 0.25, 0.5, 1.0, 2.0]
    assert {one["world"]["gap"] for one in told["found"]} == {0.5}
    kept = [one["figures"]["best_at_end"]["value"] for one in told["found"]]
    assert kept == sorted(kept, reverse=True) and kept[0] > kept[-1]
    assert [one["world"]["noise"] for one in with_gap["found"]] == [0.5, 1.0, 2.0, 4.0, 8.0]


def test_fewer_studies_than_asked_for_are_explained_and_as_many_are_not(workplace, capsys):
    judged = spec().replace("judge good", "judge promoted")  # who that is, arrays cannot know beforehand
    (workplace / "trial.promo").write_text(judged, encoding="utf-8")
    assert promo("simulate", "trial.promo", "--draws", "600", "--noise", "0.5") == 0
    fewer = capsys.readouterr().out.splitlines()[0]
    assert promo("simulate", "trial.promo", "--draws", "200", "--noise", "0.5") == 0
    all_of_them = capsys.readouterr().out.splitlines()[0]

    why = "since this spec needs the full decision procedure for each, which is slow"
    assert fewer == f"trial: 500 simulated studies of 600 asked for, {why}, seed 1; ± is one standard error"
    assert all_of_them == "trial: 200 simulated studies, seed 1; ± is one standard error"


def test_a_growth_is_simulated_by_its_lag(capsys):
    grows = SPECS / "grow_small.promo"
    words = ["--spread", "0.008", "--draws", "2000"]
    assert promo("simulate", grows, *words, "--noise", "0.012", "--correlation", "0,1") == 0
    said = capsys.readouterr().out

    assert "taller: 4 ways, identity, copy_block, interleave and copy_top; one is chosen by the mean of 3 cells" in said
    assert "0.008235 bpb" in said  # 1.02938 spreads
    assert "1.00  0.76" in said
    assert "Not simulated, because they judge grown models: the_lag_pays and the_lag_is_enough." in said
    assert promo("simulate", grows, *words, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["noise"] == 0
    assert found["found"][0]["chances"][-1] == {
        "correlation": 1.0, "seen": 1.0, "best": 1.0, "error": 0.0, "exactly": None, "regret": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "nothing says how far apart the ways lie"),
        (["--spread", "1", "--gap", "1"], "--gap is about gates"),
        (["--spread", "1", "--correlation", "2"], "--correlation cannot read 2"),
        (["--spread", "1", "--correlation", "high"], "--correlation cannot read high"),
        (["--spread", "-1"], "noise, gaps and spreads are not negative"),
        (["--spread", "1", "--draws", "0"], "--draws is from 1"),
    ],
)
def test_what_says_nothing_of_a_lag_is_refused(capsys, words, says):
    assert promo("simulate", SPECS / "grow_small.promo", *words) == 2
    assert says in capsys.readouterr().err


def test_a_correlation_without_a_growth_is_refused(capsys):
    assert promo("simulate", SPECS / "quickstart.promo", "--correlation", "0.5", "--noise", "0.01") == 2
    assert "is for growths, and this spec has none" in capsys.readouterr().err
