"""Tables of other tools, each with what is peculiar to it."""

from fractions import Fraction

import pytest

from promo.base.errors import BadTable, PromoError
from promo.curves.collect import collect_curves
from promo.curves.layouts import LAYOUTS, rearranged
from promo.curves.read import read_sheet
from promo.curves.replay import read_curves
from promo.curves.values import Column, Settings
from promo.study.values import Measure

MEASURE = Measure("val_bpb", "bpb", lower_is_better=True)


def curves(layout: str, text: str, metric: str = "val_bpb", name: str = "t.csv"):
    sheet, columns = rearranged(layout, read_sheet(name, text.encode()), metric)
    found, faults = collect_curves(sheet, Settings(columns=columns), metric, "bpb")
    assert faults == ()
    return {one.run: one for one in found}


def test_autoresearch_has_one_score_after_five_minutes_and_crashes_have_none():
    text = (
        "commit\tval_bpb\tmemory_gb\tstatus\tdescription\nabc\t0.99\t44\tkeep\tbase\ndef\t0.000000\t0\tcrash\twider\n"
    )
    kept, crashed = curves("autoresearch", text, name="results.tsv").values()

    assert (kept.config, kept.points[0].at[Column.SECONDS], kept.points[0].value) == ("abc", 300, Fraction("0.99"))
    assert (crashed.config, crashed.status, crashed.points) == ("def", "crash", ())


def test_a_chart_of_wandb_has_a_column_for_each_run_and_its_bounds_are_left_out():
    text = "Step,one - val_bpb,one - val_bpb__MIN,two - val_bpb\n10,1.5,1.4,\n20,1.25,1.2,1.75\n"
    found = curves("wandb", text)

    assert {name: [(one.at[Column.STEP], one.value) for one in curve.points] for name, curve in found.items()} == {
        "one": [(10, Fraction("1.5")), (20, Fraction("1.25"))],
        "two": [(20, Fraction("1.75"))],
    }


def test_a_history_of_wandb_leaves_out_rows_that_logged_something_else():
    text = "run,_step,_runtime,val_bpb\none,10,5.5,1.5\none,11,6,\none,20,11,1.25\n"
    (one,) = curves("wandb", text).values()

    assert [point.at[Column.SECONDS] for point in one.points] == [Fraction("5.5"), 11]


def test_mlflow_counts_seconds_from_the_first_value_of_any_key():
    text = "run_id,key,value,timestamp,step\nr,lr,0.1,1000,0\nr,val_bpb,1.5,3500,10\nr,val_bpb,1.25,6000,20\n"
    (one,) = curves("mlflow", text).values()

    assert [(point.at[Column.STEP], point.at[Column.SECONDS]) for point in one.points] == [
        (10, Fraction("2.5")),
        (20, 5),
    ]


def test_mlflow_without_steps_has_only_a_clock():
    text = "run_id,key,value,timestamp,step\nr,val_bpb,1.5,1000,0\nr,val_bpb,1.25,6000,0\n"
    (one,) = curves("mlflow", text).values()

    assert [set(point.at) for point in one.points] == [{Column.SECONDS}] * 2


def test_optuna_trials_end_where_they_were_pruned():
    text = "number,state,intermediate_values_1,intermediate_values_10\n0,COMPLETE,2,1.5\n1,PRUNED,3,\n2,FAIL,4,\n"
    found = curves("optuna", text)

    assert {name: [point.at[Column.STEP] for point in one.points] for name, one in found.items()} == {
        "trial_0": [1, 10],
        "trial_1": [1],
        "trial_2": [1],
    }
    assert [one.status for one in found.values()] == ["ok", "killed", "crash"]


OWN = {
    "wandb": "run,_step,val_bpb,config\nr1,10,1.5,a\n",
    "mlflow": "run_id,key,value,timestamp,step,config\nr1,val_bpb,1.5,1000,10,a\n",
    "optuna": "number,state,intermediate_values_1,config\n0,COMPLETE,2,a\n",
    "autoresearch": "commit,val_bpb,memory_gb,status,description,config\nabc,0.99,44,keep,base,a\n",
}


def test_each_tool_has_a_table_with_a_column_of_its_own():
    assert OWN.keys() == LAYOUTS.keys()


@pytest.mark.parametrize("text", [*OWN.items(), ("mlflow", OWN["mlflow"].replace(",10,a", ",0,a"))])
def test_a_column_that_is_named_is_the_table_s_own_whatever_the_tool_makes_of_its_runs(text):
    layout, content = text
    named = Settings(layout, {Column.CONFIG: "config"})
    (with_it,), (without,) = (
        read_curves(MEASURE, "t.csv", content.encode(), settings) for settings in (named, Settings(layout))
    )

    assert with_it.config == "a"
    assert without.config != "a"
    assert [(one.at, one.value) for one in with_it.points] == [(one.at, one.value) for one in without.points]


@pytest.mark.parametrize("column", ["config", "Step"])
def test_a_column_of_a_chart_is_refused(column):
    content = b"Step,one - val_bpb,config\n10,1.5,a\n"
    with pytest.raises(PromoError, match=f"column '{column}' of t.csv cannot be read"):
        read_curves(MEASURE, "t.csv", content, Settings("wandb", {Column.CONFIG: column}))


def test_a_column_of_conditions_is_refused_where_factors_name_them():
    named = Settings(columns={Column.CONFIG: "name"})
    content = b"name,kind,step,val_bpb\na,x,1,1.5\n"
    with pytest.raises(BadTable) as refused:
        read_curves(MEASURE, "t.csv", content, named, factors=("kind",))

    assert refused.value.details == (
        "t.csv: column 'name' is given for the config, and here conditions are named by their factors: 'kind';"
        " leave it out",
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_table_of_something_else_is_refused_as_a_whole(layout):
    with pytest.raises(PromoError, match=r"t.csv is not .*: its columns are alpha, beta"):
        rearranged(layout, read_sheet("t.csv", b"alpha,beta\n1,2\n"), "val_bpb")
