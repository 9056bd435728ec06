"""Columns as an editor counts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from promo.server.values import Positions

TEXT = "a\n🎯é b\r\n\u2028c\rlast"


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 6), ("utf-16", 3), ("utf-32", 2)])
def test_a_column_counts_units_of_the_agreed_encoding(encoding, column):
    positions = Positions(TEXT, encoding)
    offset = TEXT.index(" b")

    assert positions.at(offset) == types.Position(1, column)
    assert positions.offset(types.Position(1, column)) == offset


def test_only_the_three_line_ends_of_the_protocol_end_a_line():
    assert Positions(TEXT).at(len(TEXT)) == types.Position(3, 4)


@pytest.mark.parametrize("position", [types.Position(99, 0), types.Position(3, 99)])
def test_a_position_behind_the_text_is_its_end(position):
    assert Positions(TEXT).offset(position) == len(TEXT)


def test_a_position_behind_its_line_is_the_end_of_the_line():
    assert Positions(TEXT).offset(types.Position(1, 99)) == TEXT.index("\r\n")


@given(st.text(st.sampled_from("ab é🎯\n"), max_size=30), st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_every_offset_survives_the_way_to_a_position_and_back(text, encoding):
    positions = Positions(text, encoding)

    assert [positions.offset(positions.at(offset)) for offset in range(len(text) + 1)] == list(range(len(text) + 1))
