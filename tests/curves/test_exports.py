"""Tables that the tools themselves have written (`tests/bench/exports.py`), read as they are."""

from fractions import Fraction
from pathlib import Path

import pytest

from promo.base.canonical import digest_bytes
from promo.base.errors import PromoError
from promo.curves.collect import collect_curves
from promo.curves.layouts import rearranged
from promo.curves.read import read_sheet
from promo.curves.values import Column, Settings
from promo.driver.study import StudyFolder
from promo.ledger.values import RunStatus
from support import promo, recorded

EXPORTS = Path(__file__).parent / "exports"


def curves(name: str, **asked: str):
    sheet, columns = rearranged(name.partition("_")[0], read_sheet(f"{name}.csv", content(name)), "val_bpb")
    columns = {**columns, **{Column(key): column for key, column in asked.items()}}
    found, faults = collect_curves(sheet, Settings(columns=columns), "val_bpb", "bpb")
    assert faults == ()
    return found


def content(name: str) -> bytes:
    return (EXPORTS / f"{name}.csv").read_bytes()


@pytest.mark.parametrize("name", ["mlflow", "wandb_history", "wandb_chart"])
def test_runs_have_their_points_and_what_is_no_number_ended_its_run(name):
    found = {one.config: one for one in curves(name)}

    assert set(found) == {"shallow", "deep"}
    assert [point.at[Column.STEP] for point in found["shallow"].points] == [0, 10, 20, 30]
    assert found["shallow"].points[3].value == Fraction("1.9")
    assert [point.at[Column.STEP] for point in found["deep"].points] == [0, 10, 20]
    assert [found[one].status for one in ("shallow", "deep")] == ["ok", "nan"]


@pytest.mark.parametrize("name", ["mlflow", "wandb_history"])
def test_the_clock_of_a_tool_rises_along_a_run(name):
    for one in curves(name):
        clock = [point.at[Column.SECONDS] for point in one.points]
        assert clock == sorted(clock)
        assert 0 < clock[1] < 60


def test_trials_that_were_pruned_or_failed_do_not_come_to_the_end():
    found = {one.config: (one.status, len(one.points)) for one in curves("optuna")}

    assert found == {
        "trial_0": ("ok", 3), "trial_1": ("ok", 3), "trial_2": ("ok", 3),
        "trial_3": ("killed", 2), "trial_4": ("crash", 2), "trial_5": ("ok", 3),
    }  # fmt: skip


def test_parameters_of_an_export_can_be_config_and_seed():
    found = {(one.config, one.seed): one.run for one in curves("optuna", config="params_depth", seed="params_seed")}

    assert found["4", "1"] == "trial_2"
    assert found["4", "2"] == "trial_5"


def test_an_export_is_replayed_and_a_pruned_trial_has_no_value_at_the_end(workplace):
    stages = """stage end {
  train   three for 30steps
  cap     1min
  on      box
  seeds   1, 2 shared
}

stage after {
  after   pick
  train   promoted for 30steps
  cap     1min
  on      box
  seeds   1, 2 shared
  report  only
}

frozen gate pick {
  from     end to after
  rank     by mean val_bpb over host, seed
  keep     top 2
  missing  drop
  crash    worst
  ties     by name
}
"""
    spec = recorded("three", stages, one="1", two="2", four="4").replace("loss in pt", "val_bpb in bpb")
    (workplace / "trial.promo").write_text(spec, encoding="utf-8")
    (workplace / "optuna.csv").write_bytes(content("optuna"))
    named = ("--column", "config=params_depth", "--column", "seed=params_seed")

    assert promo("replay", "trial.promo", "--curves", "optuna.csv", "--from", "optuna", *named, "--quiet") == 0
    state = StudyFolder(workplace / "trial.study").state()
    # Depth 1 was pruned in one seed, which is a missing value; depth 2 failed by itself in one, and is ranked last.
    assert state.promoted("pick") == state.decisions["pick"].verdict.promoted == ("four", "two")
    assert {(one.candidate, one.status) for one in state.every_attempt("end") if one.status is not RunStatus.OK} == {
        ("one", RunStatus.KILLED),
        ("two", RunStatus.CRASH),
    }
    assert state.frozen.replay.digest == digest_bytes(content("optuna"))
    assert promo("verify", "trial.promo") == 3


@pytest.mark.parametrize(
    ("layout", "header", "hint"),
    [
        ("mlflow", "run_id,status,metrics.val_bpb", "search_runs has no more than the last value of a metric"),
        ("optuna", "number,value,datetime_start,params_lr,state", "trials_dataframe(attrs="),
    ],
)
def test_an_export_without_curves_is_refused_with_the_one_that_has_them(layout, header, hint):
    with pytest.raises(PromoError) as refused:
        rearranged(layout, read_sheet("t.csv", f"{header}\n{header}\n".encode()), "val_bpb")

    assert hint in str(refused.value.hint)
