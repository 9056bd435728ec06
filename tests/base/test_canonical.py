import json
import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promo.base.canonical import canonical, digest, exact, from_exact, parse_canonical, parse_json, rounded

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="abcxyz_0"), inner),
    max_leaves=20,
)


@given(values)
def test_canonical_bytes_survive_a_round_trip(value):
    assert parse_json(canonical(value)) == value
    assert canonical(parse_json(canonical(value))) == canonical(value)


@given(st.dictionaries(st.text(alphabet="abc"), st.integers(0, 9)))
def test_the_order_of_keys_leaves_no_trace(value):
    assert canonical(value) == canonical(dict(reversed(value.items())))


def test_canonical_form_is_that_of_rfc_8785_for_the_values_promo_stores():
    # The example of RFC 8785, section 3.2.3, without its floats.
    value = {"string": '€$\u000f\nA\'B"\\"/', "literals": [None, True, False], "1": 1}

    assert canonical(value) == (
        b'{"1":1,"literals":[null,true,false],"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\"/"}'
    )


@pytest.mark.parametrize("value", [1.5, float("nan"), {"a": {1, 2}}, b"bytes"])
def test_inexact_and_foreign_values_are_refused(value):
    with pytest.raises(TypeError):
        canonical({"value": value})


def test_an_integer_that_a_double_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="2\\^53"):
        canonical(2**53)


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', "[NaN]", "[Infinity]", "{", ""])
def test_parsing_is_strict(text):
    with pytest.raises(ValueError):
        parse_json(text)


@pytest.mark.parametrize("read", [parse_json, parse_canonical])
def test_what_nests_too_deep_is_refused_as_anything_else_is(read):
    with pytest.raises(ValueError, match="nests too deep"):
        read(b"[" * 100_000 + b"]" * 100_000)


@pytest.mark.parametrize(
    "text", ['{"b":1,"a":2}', '{"a":1,"a":1}', "[1, 2]", "[1.0]", "[-0]", '"\\u0041"', '"\\ud800"', "1\n"]
)
def test_what_is_not_in_canonical_form_is_refused(text):
    with pytest.raises(ValueError):
        parse_canonical(text.encode())


@given(values)
def test_canonical_bytes_are_read_as_such(value):
    assert parse_canonical(canonical(value)) == value


def test_json_dumps_alone_would_not_do():
    assert json.dumps(120.0) != canonical(120).decode()


@given(st.fractions())
def test_exact_text_names_its_number(number):
    assert from_exact(exact(number)) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [(Fraction(1, 100), "0.01"), (Fraction(-1, 3), "-1/3"), (Fraction(169200, 1000), "169.2"), (7, "7"), (0, "0")],
)
def test_exact_texts(number, text):
    assert exact(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_survives_as_its_repr(number):
    assert float(from_exact(repr(number))) == number


@pytest.mark.parametrize(
    ("number", "places", "text"),
    [
        (Fraction(1, 2), 0, "1"),
        (Fraction(-1, 2), 0, "-1"),
        (Fraction(2, 3), 3, "0.667"),
        (Fraction(-1, 1000), 2, "0.00"),
        (Fraction(999, 1000), 2, "1.00"),
    ],
)
def test_rounding_is_half_away_from_zero(number, places, text):
    assert rounded(number, places) == text


def test_equal_values_have_equal_digests_and_others_not():
    assert digest({"a": 1}) == digest({"a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})


def test_little_is_hashed_without_openssl_and_much_with_it_and_both_are_sha_256():
    code = """
import sys
from promo.base.canonical import FEW, digest_bytes
texts = [b"", b"abc", b"x" * 1000, b"y" * FEW, b"abc"]
found = [(digest_bytes(one), "hashlib" in sys.modules) for one in texts]
import hashlib
assert [one for one, _ in found] == [hashlib.sha256(one).hexdigest() for one in texts]
print([there for _, there in found])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[False, False, False, True, True]\n"
