"""The first screen of `promo plan`: a headline, the ladder as a tree, and 80 columns without broken words."""

import re
from pathlib import Path

import pytest

from promo.cli.spec import compile_file
from promo.report.planned import WIDTH, headline, plan_lines, plan_text
from support import SOUND, compiled, plan_of, promo, spec, study_of

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.promo"))


def text_of(text: str) -> str:
    return plan_text(study_of(text), plan_of(text))


def said(text: str) -> str:
    """The screen on one line."""
    return " ".join(text_of(text).split())


@pytest.mark.parametrize("path", SPECS, ids=[path.stem for path in SPECS])
def test_every_spec_fits_80_columns(path):
    study, plan = compile_file(str(path)).sound()
    lines = plan_text(study, plan, path.name).splitlines()

    assert max(map(len, lines)) <= WIDTH
    assert lines[-1] == f"next: promo run {path.name}"


@pytest.mark.parametrize("wide", [40, 60])
@pytest.mark.parametrize("path", SPECS, ids=[path.stem for path in SPECS])
def test_every_spec_fits_a_narrower_terminal_and_no_word_is_broken(path, wide):
    study, plan = compile_file(str(path)).sound()
    lines = [line.text for line in plan_lines(study, plan, "x.promo", wide=wide)]
    words = {*plan_text(study, plan, "x.promo").split()}

    assert max(map(len, lines)) <= wide
    assert {*" ".join(lines).split()} <= words


def test_names_that_are_long_are_whole_and_their_figures_stand_below():
    name = "a_stage_whose_name_is_longer_than_a_column_of_a_table_can_be"
    text = spec().replace("long", name)
    lines = text_of(text).splitlines()

    assert any(line.endswith(f"   {name}") for line in lines)
    for line in lines:
        assert len(line) <= WIDTH or name in line


def test_the_ladder_is_a_tree_of_gates_with_counts_and_budgets():
    ladder = text_of(spec()).partition("\nLadder\n")[2].partition("\n\n")[0].splitlines()

    assert [re.sub(" {2,}", "  ", line) for line in ladder] == [
        "short  4 x 2 cells  1 s  8 runs  8 s",
        "└─ pick: keep the top one, always base",
        "  long  2 of 4 x 2 cells  2 s  4 runs  8 s",
        "aside  1 x 1 cell  1 s  1 run  1 s",
        "total: 13 runs, 17 s of slot time",
    ]


def test_the_headline_says_how_long_budgets_of_seconds_take_where_that_is_less_than_their_caps():
    text = spec(stage_short="stage short {\n  train four for 1s cpu\n  cap 20s\n  on box\n  seeds 1, 2\n}")

    assert headline(study_of(text), plan_of(text)) == (
        "13 runs on 1 host: about 17 s of training, a budget of 2 min 49 s, never more than 5 h 50 min of slot time "
        "with start-up, failures and reruns."
    )


@pytest.mark.parametrize(
    ("budget", "cap", "said"),
    [
        ("1s", "20min", "13 runs on 1 host: about 17 s of training"),
        ("2h", "3h", "about 16 h of training, a budget of 24 h, never more than 125 h 37 min of slot time"),
    ],
)
def test_what_the_headline_expects_has_a_unit_beside_a_budget_of_hours(budget, cap, said):
    text = spec(stage_short=f"stage short {{\n  train four for {budget} cpu\n  cap {cap}\n  on box\n  seeds 1, 2\n}}")

    assert said in headline(study_of(text), plan_of(text))


@pytest.mark.parametrize("change", [("for 1s", "for 5steps\n  cap 20s"), ("slots 2", "slots 2\n  threads 2")])
def test_nobody_says_how_long_what_no_clock_counts(change):
    short = "stage short {\n  train four for 1s cpu\n  cap 20s\n  on box\n  seeds 1, 2\n}"
    text = spec(stage_short=short if "slots" in change[0] else SOUND["stage short"]).replace(*change)

    assert "about" not in headline(study_of(text), plan_of(text))


def test_it_says_what_stops_the_study_and_what_waits():
    held = SOUND["rule"].replace("absent skip", "absent skip\n  else hold")
    gate = SOUND["gate"].replace("crash as missing", "crash hold")
    words = said(spec(rule=held, gate=gate))

    assert "close stops the study if a run leaves no value." in words
    assert "pick waits for a person if a run leaves no value." in words
    assert "close waits for a person if the claim fails." in words


def test_money_is_said_or_said_to_be_unknown():
    priced = SOUND["host"].replace("slots 2", "slots 2\n  price 3.60usd")

    assert "price: unknown, no host declares one" in text_of(spec())
    assert "price of the budget: 0.02 usd" in text_of(spec(host=priced))
    assert re.search(r"^box  cpu  2 slots  17 s  3.60 usd an hour$", text_of(spec(host=priced)), re.MULTILINE)


def test_numbers_too_long_to_read_are_rounded_here_and_whole_in_json():
    many = SOUND["stage short"].replace("for 1s", "for 437_522_426_880tok\n  cap 20s")
    found = compiled(spec(stage_short=many))

    assert "4.375e11 tokens, cap 20 s" in plan_text(*found.sound())
    assert found.sound()[1].stage("short").budget.amount == 437_522_426_880


def test_headings_are_bold_on_a_terminal_only(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.promo").write_text(spec(), encoding="utf-8")

    assert promo("plan", "t.promo") == 0
    assert "\033[" not in capsys.readouterr().out
    assert {line.style for line in plan_lines(study_of(spec()), plan_of(spec()), "t.promo")} == {"", "bold", "dim"}
