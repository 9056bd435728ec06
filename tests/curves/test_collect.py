"""Tables to curves: every fault is found and told with its row."""

import gzip
import io
import time
from fractions import Fraction

import pytest

from promo.base.errors import BadTable, PromoError
from promo.curves.collect import collect_curves
from promo.curves.read import read_sheet
from promo.curves.replay import build_replay, read_curves
from promo.curves.values import Column, Settings
from promo.study.values import Measure
from support import recorded, study_of

HEADER = "config,run,seed,step,seconds,loss\n"
GOOD = HEADER + "a,a1,1,10,5,3.50\na,a1,1,20,10,3.25\nb,b1,1,10,6,3.4\nb,b1,1,20,12,3.3\n"


def faults(text: str, settings: Settings = Settings(), name: str = "t.csv") -> list[tuple[int, str]]:  # noqa: B008
    _, found = collect_curves(read_sheet(name, text.encode()), settings, "loss", "pt")
    return [(one.row, one.message) for one in found]


def test_a_sound_table_becomes_exact_curves():
    curves, found = collect_curves(read_sheet("t.csv", GOOD.encode()), Settings(), "loss", "pt")

    assert found == ()
    assert [(one.config, one.run, one.seed) for one in curves] == [("a", "a1", "1"), ("b", "b1", "1")]
    assert [one.value for one in curves[0].points] == [Fraction("3.5"), Fraction("3.25")]
    assert curves[1].points[1].at == {Column.STEP: 20, Column.SECONDS: 12}
    assert [one.row for one in curves[1].points] == [4, 5]


FAULTS = {
    "time falls": ("a,a1,1,30,9,3\n", 6, "seconds 9 falls from 10 in row 3"),
    "time twice": ("a,a1,1,20,11,3\n", 6, "step 20 is there twice, first in row 3"),
    "not finite": ("a,a1,1,30,15,nan\n", 6, "column 'loss' is nan, which is not finite"),
    "infinite": ("a,a1,1,30,15,-Infinity\n", 6, "column 'loss' is -Infinity, which is not finite"),
    "too large": ("a,a1,1,30,15,1e999\n", 6, "column 'loss' is 1e999, which is larger than any floating number"),
    "largest": (
        "a,a1,1,30,15,-1.7976931348623157e+308\n",
        6,
        "column 'loss' is -1.7976931348623157e+308, which some tools write for infinity",
    ),
    "largest of 32 bits": (
        "a,a1,1,30,15,3.4028235e+38\n",
        6,
        "column 'loss' is 3.4028235e+38, which some tools write for infinity",
    ),
    "empty": ("a,a1,1,30,,3\n", 6, "column 'seconds' is empty"),
    "no config": (",a1,1,30,15,3\n", 6, "column 'config' is empty"),
    "no number": ("a,a1,1,30,15,three\n", 6, "column 'loss' is 'three', which is no number"),
    "before the start": ("c,c1,1,-1,15,3\n", 6, "column 'step' is -1, and a run starts at 0"),
    "another seed": ("a,a1,2,30,15,3\n", 6, "run 'a1' changes its host, seed or attempt here"),
    "a short row": ("a,a1,1,30\n", 6, "4 cells under 6 columns"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_with_its_row(name):
    line, row, message = FAULTS[name]

    (found,) = faults(GOOD + line)
    assert found[0] == row
    assert message in found[1]


def test_all_faults_are_found_in_one_go():
    found = faults(GOOD + FAULTS["time falls"][0] + FAULTS["not finite"][0] + FAULTS["no number"][0])

    assert [row for row, _ in found] == [6, 7, 8]


def test_twenty_faults_are_shown_and_the_rest_is_counted():
    lines = "".join(f"a,a1,1,{30 + one},15,nan\n" for one in range(25))
    with pytest.raises(BadTable) as caught:
        build_replay(STUDY, "t.csv", (GOOD + lines).encode(), Settings())

    assert caught.value.message == "the table t.csv has 25 faults"
    assert len(caught.value.details) == 21
    assert caught.value.details[0] == "t.csv, row 6: column 'loss' is nan, which is not finite"
    assert caught.value.details[-1] == "and 5 more"


def test_a_missing_column_is_named_with_the_ones_there_are():
    (found,) = faults(GOOD.replace("loss", "score"))

    assert found[0] == 0
    assert "there is no column 'loss' for the value; name it with --column value=NAME" in found[1]
    assert "config, run, seed, step, seconds, score" in found[1]


def test_columns_and_units_are_taken_as_they_are_said():
    settings = Settings(columns={Column.VALUE: "score"}, units={Column.SECONDS: "min"})
    sheet = read_sheet("t.csv", GOOD.replace("loss", "score").encode())
    curves, found = collect_curves(sheet, settings, "loss", "pt")

    assert found == ()
    assert curves[0].points[0].at[Column.SECONDS] == 300


def test_a_unit_of_another_kind_is_refused():
    (found,) = faults(GOOD, Settings(units={Column.SECONDS: "tok"}))

    assert "'tok' is not a unit of the seconds" in found[1]


def test_gzip_and_plain_text_are_one_table():
    plain = read_sheet("t.csv", GOOD.encode())
    packed = read_sheet("t.csv.gz", gzip.compress(GOOD.encode()))

    assert packed.rows == plain.rows


def test_parquet_reads_like_text():
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"config": ["a", "a"], "run": ["a1", "a1"], "seed": [1, 1], "step": [10, 20], "loss": [3.5, 3.25]}
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file)
    curves, found = collect_curves(read_sheet("t.parquet", file.getvalue()), Settings(), "loss", "pt")

    assert found == ()
    assert [one.value for one in curves[0].points] == [Fraction("3.5"), Fraction("3.25")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.txt", b"a", "is no table that promo reads"),
        ("t.csv", b"", "has no header"),
        ("t.csv", b"config,loss\n", "has no rows under its header"),
        ("t.csv", b"config,config\na,b\n", "several columns called 'config'"),
        ("t.csv", b"config\n\xff\n", "is not UTF-8 text: byte 7"),
        ("t.csv.gz", b"no gzip", "is no sound gzip file"),
        ("t.csv", b'config\n"a\n', "row"),
    ],
)
def test_what_is_no_table_is_refused(name, content, message):
    with pytest.raises(PromoError, match=message):
        read_sheet(name, content)


STUDY = study_of(
    recorded(
        "both",
        """stage short {
  train   both for 10steps
  cap     1min
  on      box
  seeds   1
  report  only
}
""",
        base="a",
        other="b",
    )
)


WIDE = {
    "table": ("config,seed,step,loss", "a,1,{row},1.5", "c{column}"),
    "wandb": ("Step", "{row}", "r{column} - loss"),
    "optuna": ("number,state,value", "{row},COMPLETE,1.5", "intermediate_values_{column}"),
}


def wide(layout, columns):
    """Processor seconds for a table of three rows and so many columns."""
    known, row, more = WIDE[layout]
    header = ",".join([known, *(more.format(column=number) for number in range(columns))])
    rows = [",".join([row.format(row=number), *["1.5"] * columns]) for number in range(3)]
    content = "\n".join([header, *rows, ""]).encode()
    measure, began = Measure("loss", "pt", lower_is_better=True), time.process_time()
    assert read_curves(measure, "t.csv", content, Settings(layout=layout))
    return time.process_time() - began


@pytest.mark.parametrize("layout", WIDE)
def test_sixteen_times_the_columns_take_sixteen_times_the_time_and_not_its_square(layout):
    found = []
    for _ in range(8):  # the square is 256 times as long at every moment; a busy one slows either of them down
        found.append(wide(layout, 16_000) / max(wide(layout, 1_000), 0.001))
        if found[-1] < 80:
            return

    pytest.fail(f"times that of a sixteenth of the columns: {found}")


def long(points):
    """Processor seconds for a plain table with a row for each of so many points."""
    rows = [f"a{number // 3},{number % 3},1.5" for number in range(points)]
    content = "\n".join(["config,step,loss", *rows, ""]).encode()
    measure, began = Measure("loss", "pt", lower_is_better=True), time.process_time()
    assert read_curves(measure, "t.csv", content, Settings())
    return time.process_time() - began


@pytest.mark.parametrize("layout", ["wandb", "optuna"])
def test_a_point_of_a_wide_table_costs_about_what_one_of_a_plain_table_costs(layout):
    found = []
    for _ in range(8):  # side by side, until a moment comes in which nothing else slows one of them down
        found.append(wide(layout, 16_000) / long(48_000))
        if found[-1] < 3:
            return

    assert min(found) < 3


def test_values_near_the_end_of_floats_are_read_as_they_are():
    header = "config,run,seed,step,seconds,loss\n"
    sheet = read_sheet("t.csv", (header + "a,a1,1,10,5,1e300\na,a1,1,20,10,-1.7e308\na,a1,1,30,15,5e-324\n").encode())
    (curve,), faults = collect_curves(sheet, Settings(), "loss", "pt")

    assert not faults
    assert [one.value for one in curve.points] == [Fraction(10) ** 300, -17 * Fraction(10) ** 307, Fraction("5e-324")]
