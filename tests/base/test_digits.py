"""Numbers are written in the digits 0 to 9, wherever a text becomes one: Python would take those of any script."""

import re
from pathlib import Path

import pytest

import promo
from promo.base.errors import PromoError
from promo.base.units import float_of, is_digits, whole_of
from promo.curves.assign import _natural
from promo.curves.collect import collect_curves
from promo.curves.layouts import rearranged
from promo.curves.read import read_sheet
from promo.curves.settings import seed_of
from promo.curves.values import Settings
from promo.ledger.checkpoint import from_note
from promo.run.runners.files.program import literal
from support import promo as command

THREE, SUPERSCRIPT = "\u0663", "\u00b2"  # Arabic-Indic; a digit to `str.isdigit`, and no number to `int`
ASCII_FORMS = {
    "base/fields.py",
    "ledger/attempts.py",
    "run/runners/files/figures.py",
    "study/money.py",
}
"""Whose patterns are compiled with `re.ASCII`."""
HOUSE = Path(promo.__file__).parent


@pytest.mark.parametrize("text", [THREE, SUPERSCRIPT, f"1{THREE}", "\uff11", "", "-1"])
def test_digits_of_other_scripts_are_no_number(text):
    assert not is_digits(text)
    if text != "-1":
        for read in (whole_of, float_of):
            with pytest.raises(ValueError, match=r"number|literal|convert"):
                read(text)


def test_numbers_are():
    assert (whole_of("-12"), float_of("1.5e3"), is_digits("0123")) == (-12, 1500.0, True)


@pytest.mark.parametrize("column", ["step", "val_bpb"])
def test_a_table_with_such_digits_has_a_fault(column):
    cells = {"step": "1", "val_bpb": "1.5"} | {column: THREE}
    sheet = read_sheet("t.csv", f"config,{','.join(cells)}\na,{','.join(cells.values())}\n".encode())
    _, faults = collect_curves(sheet, Settings(), "val_bpb", "bpb")

    assert [one.message for one in faults] == [f"column '{column}' is '{THREE}', which is no number"]


def test_a_time_of_mlflow_with_such_digits_is_none():
    sheet = read_sheet("t.csv", f"run_id,key,value,timestamp,step\nr,val_bpb,1.5,{THREE},1\n".encode())
    with pytest.raises(PromoError, match="is no Unix time"):
        rearranged("mlflow", sheet, "val_bpb")


@pytest.mark.parametrize("label", [SUPERSCRIPT, THREE, f"s{THREE}"])
def test_a_label_with_such_digits_is_ordered_as_a_word(label):
    assert _natural(label) == [(-1, label)]
    with pytest.raises(PromoError, match="is not a seed"):
        seed_of(label)


def test_a_setting_with_such_digits_is_a_word():
    assert (literal(THREE), literal("3")) == (THREE, 3)


def test_a_checkpoint_with_such_digits_is_none():
    with pytest.raises(ValueError, match="not a checkpoint"):
        from_note(f"promo/x\n{THREE}\nAAAA\n".encode())


@pytest.mark.parametrize("option", ["--draws", "--gap"])
def test_an_option_with_such_digits_is_refused(capsys, option):
    assert command("simulate", "x.promo", option, THREE) == 2
    assert f"'{THREE}' is no" in capsys.readouterr().err


def test_nothing_in_the_house_asks_python_what_a_digit_is():
    asks = re.compile(r"\.isdigit\(|\.isdecimal\(|\.isnumeric\(|type=(?:int|float)\b|(?<!\\W)\\d")
    found = {
        path.relative_to(HOUSE).as_posix()
        for path in HOUSE.rglob("*.py")
        if asks.search(path.read_text(encoding="utf-8"))
    } - {"templates/recheck.py"}  # which lies there where promo is installed, and takes its own care

    assert found == {"base/units.py", *ASCII_FORMS}
    for name in ASCII_FORMS:
        text = (HOUSE / name).read_text(encoding="utf-8")
        assert "re.ASCII" in text or "Form(" in text
