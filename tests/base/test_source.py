from hypothesis import given
from hypothesis import strategies as st

from promo.base.diagnostics import suggestion
from promo.base.differences import differences
from promo.base.source import Source
from promo.base.units import UNITS, duration


@given(st.text(alphabet="ab\n\t\U0001f600", max_size=60), st.data())
def test_positions_agree_with_splitting_the_text(text, data):
    offset = data.draw(st.integers(0, len(text)))
    line, column = Source("x", text).position(offset)

    before = text[:offset].split("\n")

    assert (len(before), len(before[-1]) + 1) == (line, column)


def test_a_line_comes_without_its_end():
    source = Source("x", "one\r\ntwo\nthree")

    assert [source.line(number) for number in (1, 2, 3)] == ["one", "two", "three"]


def test_there_is_no_unit_m():
    assert "m" not in UNITS


def test_durations_are_written_in_the_largest_whole_unit():
    assert [duration(seconds) for seconds in (1, 90, 120, 3600, 43200, 86400, 172800)] == [
        "1s",
        "90s",
        "2min",
        "1h",
        "12h",
        "24h",
        "2d",
    ]


def test_differences_are_sentences():
    old = {"gate": {"pick": {"keep": "top 3", "ties": "name"}}, "seeds": [1, 2]}
    new = {"gate": {"pick": {"keep": "top 4"}}, "seeds": [1, 3], "host": {"a": 1}}

    assert list(differences(old, new)) == [
        "gate pick, keep: top 3 -> top 4",
        "gate pick, ties is gone (was name)",
        "seeds: 1, 2 -> 1, 3",
        "host is new: a 1",
    ]


def test_a_near_name_is_suggested_and_a_far_one_is_not():
    assert suggestion("brigde", ["bridge", "greedy"]) == "bridge"
    assert suggestion("xyz", ["bridge", "greedy"]) is None
