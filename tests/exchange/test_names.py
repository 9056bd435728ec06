"""Names for places that do not take every text: safe, and never one name for two texts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promo.exchange.names import file_name, metric_name

ODD = [
    "",
    ".",
    "..",
    "...",
    "a/b",
    "a\\b",
    "A",
    "a",
    "a ",
    " a",
    "con",
    "con.txt",
    "CON",
    "%",
    "%25",
    "a%2fb",
    "é",
    "e\u0301",
]
ODD += ["loss", "loss/val", "loss:2f", "val loss", "\u202eevil", "\x00", "\ud800", "a" * 121, "a" * 122, "/" * 300]


@pytest.mark.parametrize("named", [file_name, metric_name])
def test_odd_texts_get_names_of_their_own(named):
    names = [named(text) for text in ODD]

    assert len({name.lower() if named is file_name else name for name in names}) == len(ODD)
    assert named("val_bpb") == "val_bpb"


@given(st.text(max_size=200), st.text(max_size=200))
def test_two_texts_never_share_a_name(one, other):
    for named in (file_name, metric_name):
        assert (named(one) == named(other)) == (one == other)


@given(st.text(max_size=400))
def test_names_are_such_as_any_system_and_mlflow_take(text):
    file, metric = file_name(text), metric_name(text)

    assert re.fullmatch(r"[a-z0-9_%-][a-z0-9_.%-]{0,119}", file)
    assert not file.endswith(".")
    assert not re.fullmatch(r"(con|nul|aux|prn|com\d|lpt\d)(\..*)?", file)
    assert re.fullmatch(r"[\w. :-]{1,120}", metric, re.ASCII)
    assert not metric.startswith((".", "/"))
