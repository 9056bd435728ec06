"""Amounts of the measure are written alike in every sentence of a report: number, space, unit."""

import re
from pathlib import Path

import pytest

REPORTS = sorted((Path(__file__).parents[1] / "golden" / "steady").glob("*.report.md"))
"""What `driver/test_steady.py` compares with the reports that are made."""


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.name)
def test_every_amount_of_the_measure_in_a_report_stands_apart_from_its_unit(path):
    text = path.read_text(encoding="utf-8")
    unit = re.search(r"^\S+ · \S+ in (\S+), (?:lower|higher) is better", text, re.MULTILINE)[1]

    assert re.findall(rf"\S*\d{unit}\b", text) == []
    assert re.search(rf"\d {unit}\b", text)
