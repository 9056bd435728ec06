"""Checkpoints: the root is that of RFC 6962, and a note is read back byte for byte or refused."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promo.ledger.checkpoint import checkpoint_of, from_note, merkle_root, to_note

LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
}
"""Known answers of the Certificate Transparency test vectors."""


def by_definition(leaves):
    """RFC 6962, section 2.1, word for word: split at the largest power of two below the length."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    return hashlib.sha256(b"\1" + by_definition(leaves[:half]) + by_definition(leaves[half:])).digest()


@pytest.mark.parametrize("count", ROOTS)
def test_the_root_is_that_of_the_known_answers(count):
    assert merkle_root(LEAVES[:count]).hex() == ROOTS[count]


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_root_is_that_of_the_definition(leaves):
    assert merkle_root(leaves) == by_definition(leaves)


def test_a_note_is_read_back():
    made = checkpoint_of("trial", LEAVES)

    assert from_note(to_note(made)) == made


@pytest.mark.parametrize("spoil", [b"\n", b" ", b"\xff", b"x\n"])
def test_a_note_with_anything_more_is_none(spoil):
    with pytest.raises(ValueError):
        from_note(to_note(checkpoint_of("trial", LEAVES)) + spoil)
