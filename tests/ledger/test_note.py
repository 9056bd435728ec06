"""Signed notes and the signatures below them, against published vectors and against damage."""

import pytest

from promo.ledger.ed25519 import ORDER, verifies
from promo.ledger.note import Algorithm, NoteKey, Signature, joined, read_key, split

# RFC 8032, section 7.1, tests 1 to 3: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_published_signatures_verify_and_no_changed_one_does(public, message, signature):
    key, text, made = (bytes.fromhex(part) for part in (public, message, signature))

    assert verifies(key, text, made)
    assert not verifies(key, text + b"x", made)
    for place in range(0, 64, 5):
        changed = bytearray(made)
        changed[place] ^= 1 << (place % 8)
        assert not verifies(key, text, bytes(changed)), place


def test_a_signature_has_one_spelling_only():
    key, text, made = (bytes.fromhex(part) for part in VECTORS[1])
    again = int.from_bytes(made[32:], "little") + ORDER

    assert not verifies(key, text, made[:32] + again.to_bytes(32, "little"))
    assert not verifies(key, text, made[:-1])
    assert not verifies(b"\xff" * 32, text, made)


def test_a_key_of_notes_is_read_as_it_is_written_and_refused_when_its_parts_do_not_fit():
    key = NoteKey("witness.example.org/w1", Algorithm.COSIGNATURE, bytes(range(32)))

    assert read_key(f"{key}\n") == key
    for wrong in ("", "a", str(key).replace("w1", "w2"), str(key)[:-4], "a+00000000+AAAA"):
        with pytest.raises(ValueError, match="no key"):
            read_key(wrong)


def test_a_note_comes_apart_and_together_byte_for_byte():
    text = b"promo/trial\n1\nAAAA\n"
    signatures = (Signature("one", b"\0" * 68), Signature("two", b"\1" * 76))
    note = joined(text, signatures)

    assert split(note) == (text, signatures)
    for wrong in (b"", text, note[:-1], note + b"\n", note.replace("— ".encode(), b"- "), b"\xff" + note):
        with pytest.raises(ValueError, match="no signed note"):
            split(wrong)
