"""What programs say of themselves: numbers are read strictly, and what is none is told with its line."""

import json
import math
import os
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promo.ledger.values import RunStatus
from promo.run.program import Summary, Which
from promo.run.runners.files.figures import Lines, NoNumberError, from_file, number, points_fault, points_of

FIGURES = {"train_s": "seconds", "tokens": "M * 1e6"}
SUMMARY = Summary("", ":", False, None, {"loss": "loss"}, FIGURES, {"FAIL": RunStatus.NAN})


def read(*lines, which=None, after=""):
    lines_of = Lines(Summary(after, ":", False, which, SUMMARY.metrics, SUMMARY.figures, SUMMARY.failures))
    for line in lines:
        lines_of.line(line)
    return lines_of.end()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_read_as_it_is_printed(value):
    assert number(repr(value)) == number(f" {value!r}\n") == number(value) == value


@pytest.mark.parametrize(
    "text", ["9,75", "1,000", "1_000", "1 000", "0x10", "", "1e", "--1", "1.2.3", "about 3", "٣", "½"]
)
def test_what_is_no_plain_number_is_refused(text):
    with pytest.raises(NoNumberError):
        number(text)
    assert f"'loss: {text.strip()}' in its summary is no number" in read(f"loss: {text}").unread


@pytest.mark.parametrize("value", [True, False, None, [], {}, 1j, b"1", object()])
def test_what_a_function_returns_and_is_no_number_is_refused(value):
    with pytest.raises(NoNumberError):
        number(value)


def test_numbers_of_other_libraries_are_taken():
    numpy = pytest.importorskip("numpy")
    assert number(numpy.float32(1.5)) == number(numpy.array(1.5)) == number(numpy.int64(3)) / 2 == 1.5
    with pytest.raises(NoNumberError):
        number(numpy.bool_(True))
    with pytest.raises(NoNumberError):
        number(numpy.array([1.5]))
    torch = pytest.importorskip("torch")
    assert number(torch.tensor(1.5)) == 1.5
    assert number(10**400) == math.inf


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan", "inf", "-Infinity", "+INF"])
def test_a_metric_that_is_not_finite_is_how_the_run_ended_whatever_follows(text):
    for lines in ([f"loss: {text}"], [f"loss: {text}", "loss: 2.5"], ["loss: 2.5", f"loss: {text}"]):
        for which in (None, *Which):
            assert read(*lines, which=which).status is RunStatus.NAN


@pytest.mark.parametrize(
    ("which", "value"), [(Which.FIRST, 2.9), (Which.LAST, 2.1), (Which.LOWEST, 1.5), (Which.HIGHEST, 2.9)]
)
def test_which_of_several_values_counts_is_declared_and_without_that_none_does(which, value):
    lines = ["loss: 2.9", "loss: 1.5", "loss: 2.1"]

    assert read(*lines, which=which).metrics == {"loss": value}
    assert "it printed 'loss' 3 times" in read(*lines).unread
    assert read("loss: 2.9", "---", *lines[2:], after="---").metrics == {"loss": 2.1}


WITHIN = {
    "step 100 | val_loss: 2.31 | loss: 9": ":",
    "loss: 9 val_loss: 2.31, lr: 0.1": ":",
    "{'step': 3, 'val_loss': 2.31}": ":",
    '{"val_loss":2.31,"lr":0.1}': ":",
    "2026-11-29 17:00:00,123 - train - INFO - val_loss: 2.31": ":",
    "INFO:root:val_loss: 2.31": ":",
    "100%|####| 10/10 [00:01<00:00,  9.9it/s, loss=9, val_loss=2.31]": "=",
    "\r 0%| | val_loss=9.9]\r100%|#| val_loss=2.31]": "=",
    "\x1b[32mval_loss = 2.31\x1b[0m": "=",
    "step 3 val_loss   2.31 (best 2.2)": " ",
    "it ended at val_loss 2.31.": " ",
    "val_loss -> 2.31": "->",
}


def within(*lines, separator=":", which=Which.LAST):
    lines_of = Lines(Summary("", separator, True, which, {"loss": "val_loss"}, {}, {}))
    for line in lines:
        lines_of.line(line)
    return lines_of.end()


@pytest.mark.parametrize(("line", "separator"), WITHIN.items(), ids=str)
def test_a_value_is_found_wherever_in_a_line_its_name_stands(line, separator):
    assert within("started", line, "done", separator=separator).metrics == {"loss": 2.31}


@pytest.mark.parametrize(
    "line",
    ["val_loss: 1,234.5", "val_loss: 31%", "val_loss: 3/10", "val_loss: tensor(2.3)", "val_loss: 2.3s", "val_loss: a"],
)
def test_a_value_in_a_longer_line_is_read_as_strictly(line):
    said = within(f"step 3 | {line} | lr: 0.1")

    assert (said.metrics, "is no number" in said.unread) == ({}, True)


@pytest.mark.parametrize("name", ["my_val_loss", "val_loss_ema", "x/val_loss", "best-val_loss", "val_loss.2"])
def test_a_name_in_a_longer_line_is_found_as_a_whole(name):
    assert within(f"step 3 | {name}: 2.3").metrics == {}


def test_a_name_that_stands_twice_in_a_line_is_told_and_nan_ends_the_run():
    assert "stands 2 times in its line: val_loss: 1 val_loss: 2" in within("val_loss: 1 val_loss: 2").unread
    assert within("a val_loss: nan", "a val_loss: 2").status is RunStatus.NAN


def test_figures_are_exact_and_from_zero_up():
    said = read("loss: 1", "seconds: 0.1", "M: 12.5")

    assert said.figures == {"train_s": Fraction(1, 10), "tokens": 12_500_000}
    for bad in ("-1", "nan", "1,5"):
        assert f"'seconds: {bad}' in its summary is no number from 0 up" in read("loss: 1", f"seconds: {bad}").unread


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"metrics": {"loss": NaN}}', "nan"),
        ('{"metrics": {"loss": -Infinity}}', "nan"),
        ('{"metrics": {"loss": 1e999}}', "nan"),
        ('{"metrics": {"loss": true}}', "'loss: True' in its result file is no number"),
        ('{"metrics": {"loss": "2,5"}}', "'loss: 2,5' in its result file is no number"),
        ('{"metrics": {"loss": null}}', "'loss: None' in its result file is no number"),
        ('{"metrics": {"loss": 1}, "steps": true}', "'steps: True' in its result file is no number from 0 up"),
        ('{"metrics": {"loss": 1}, "train_s": -3600}', "'train_s: -3600' in its result file is no number from 0 up"),
        ('{"metrics": {"loss": 1}, "status": "fine"}', "'status: fine' in its result file is none of: ok, nan"),
        ('{"metrics": [1]}', 'its result file has no "metrics"'),
        ('{"metrics"', "its result file is not JSON"),
        ('{"metrics": {"loss": 1.0, "loss": 2.0}}', "'loss' is in its result file more than once"),
        ('{"metrics": {"loss": 1.0}, "train_s": 1, "train_s": 1}', "'train_s' is in its result file more than once"),
        ("[" * 100_000, "its result file is not JSON"),
    ],
)
def test_a_result_file_is_read_as_strictly(tmp_path, content, said):
    (tmp_path / "r.json").write_text(content, encoding="utf-8")
    found = from_file(tmp_path / "r.json")

    assert found.status is RunStatus.NAN if said == "nan" else found.unread.startswith(said)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkfifo, "a pipe"),
        (os.mkdir, "a folder"),
        (lambda path: path.symlink_to("nowhere"), "a link"),
        (lambda path: path.symlink_to("."), "a link"),
        (lambda path: path.symlink_to("whole"), "a link"),
    ],
)
def test_what_is_no_file_is_not_opened_and_is_named(tmp_path, make, words):
    (tmp_path / "whole").write_text('{"metrics": {"loss": 1}}', encoding="utf-8")
    make(tmp_path / "f")

    assert from_file(tmp_path / "f").unread == f"its result file cannot be read: it is {words}, not a file"
    assert points_fault(tmp_path / "f") == f"its points file cannot be read: it is {words}, not a file"
    assert list(points_of(tmp_path / "f")) == []
    assert (points_fault(tmp_path / "whole"), points_fault(tmp_path / "absent")) == ("", "")


def test_points_are_taken_as_far_as_they_are_numbers(tmp_path):
    lines = ['{"step": 1, "loss": 2.5, "self": 3, "a": true}', "no JSON", "[" * 9999, '{"step": NaN, "loss": 1e999}']
    (tmp_path / "p.jsonl").write_text("\n".join(lines), encoding="utf-8")

    assert list(points_of(tmp_path / "p.jsonl")) == [{"step": 1, "loss": 2.5, "self": 3}, {}]


def test_any_name_of_a_summary_that_nothing_asks_for_is_kept_up_to_a_number():
    said = read("loss: 1", *(f"name {number}: {json.dumps(number)}" for number in range(5_000)))

    assert said.metrics == {"loss": 1.0}
    assert 900 < len(said.other) < 1_001
