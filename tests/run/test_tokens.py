"""Tokenizers that are data, and shards of tokens: true byte lengths, and clear words when a file will not do."""

import base64
import json
from array import array
from fractions import Fraction

import pytest

from promo.base.canonical import digest_bytes
from promo.base.errors import PromoError
from promo.run.corpora import files, prepare, synthetic
from promo.run.tokens import numbers, read_tokenizer
from promo.study.data import Data, Tokens

RANKS = (*(bytes([one]) for one in range(256)), b"th", b"the", b" the", "\u00e9".encode(), b"ing")
PATTERN = r" ?\w+|\s+|[^\w\s]+"
SPECIAL = len(RANKS)


def data(source, *, tokenizer="bpe.json", size=SPECIAL + 1, pinned=None, score=256):
    return Data("text", source, None, Fraction(1, 5), score, 32, {}, Tokens(tokenizer, pinned, size))


def tokenizer(folder, name="bpe.json", size=SPECIAL + 1, ranks=RANKS):
    encoded = [base64.b64encode(one).decode() for one in ranks]
    lines = "".join(f"{text} {rank}\n" for rank, text in enumerate(encoded))
    stored = json.dumps({"promo_tokenizer": 1, "pattern": PATTERN, "tokens": encoded})
    (folder / name).write_text(stored if name.endswith(".json") else lines, encoding="utf-8")
    return read_tokenizer(Tokens(name, None, size), folder)


def shard(path, tokens, *, magic=20240520, version=1, count=None, code="H"):
    header = array("I", [magic, version, len(tokens) if count is None else count, *[0] * 253])
    path.write_bytes(header.tobytes() + array(code, tokens).tobytes())


def write_texts(folder, many=40):
    texts = [content for _, content in synthetic(30_000).documents][:many]
    for number, text in enumerate(texts):
        (folder / f"{number:02}.txt").write_bytes("th\u00e9 ".encode() + text)


def test_a_text_of_tokens_is_the_text_and_counts_its_bytes(tmp_path):
    pytest.importorskip("tiktoken")
    made = tokenizer(tmp_path)
    write_texts(tmp_path)

    prepared = prepare(data("*.txt"), tmp_path)

    tokens = numbers(prepared.train + prepared.validation, "H")
    lengths = numbers(prepared.lengths, "I")
    back = b"".join(RANKS[one] for one in tokens if one != SPECIAL)
    whole = b"".join(sorted(path.read_bytes() for path in tmp_path.glob("*.txt")))
    assert sorted(back) == sorted(whole)
    assert len(tokens) < 0.95 * len(whole)
    assert list(tokens).count(SPECIAL) == 40
    assert sum(lengths[one] for one in tokens) == len(whole) == prepared.manifest.bytes
    assert prepared.manifest.tokens.train_bytes + prepared.manifest.tokens.validation_bytes == len(whole)
    assert prepared.manifest.tokens.tokenizer_digest == made.digest


def test_a_document_is_held_out_whatever_the_tokenizer(tmp_path):
    pytest.importorskip("tiktoken")
    tokenizer(tmp_path)
    write_texts(tmp_path)
    plain = prepare(Data("text", "*.txt", None, Fraction(1, 5), 256, 32, where={}), tmp_path)

    held = numbers(prepare(data("*.txt"), tmp_path).validation, "H")

    assert b"".join(RANKS[one] for one in held if one != SPECIAL) == plain.validation.replace(b"\n\n", b"")


def test_without_a_special_token_documents_end_as_bytes_do(tmp_path):
    pytest.importorskip("tiktoken")
    made = tokenizer(tmp_path, size=SPECIAL)

    assert b"".join(RANKS[one] for one in numbers(made.encode([b"one", b"two"]), "H")) == b"one\n\ntwo\n\n"


def test_another_tokenizer_is_another_text(tmp_path):
    pytest.importorskip("tiktoken")
    tokenizer(tmp_path)
    write_texts(tmp_path)
    before = prepare(data("*.txt"), tmp_path).manifest
    tokenizer(tmp_path, ranks=(*RANKS[:-1], b"ed"))

    after = prepare(data("*.txt"), tmp_path).manifest

    assert before.digest != after.digest
    assert before.train_digest != after.train_digest
    assert before.tokens.tokenizer_digest != after.tokens.tokenizer_digest


def test_a_tokenizer_that_rustbpe_trained_is_read(tmp_path):
    """The way that `interpreter/README.md` shows."""
    rustbpe, _ = pytest.importorskip("rustbpe"), pytest.importorskip("tiktoken")
    write_texts(tmp_path)
    trained = rustbpe.Tokenizer()
    trained.train_from_iterator((path.read_text(encoding="utf-8") for path in tmp_path.glob("*.txt")), vocab_size=400)
    ranks = [base64.b64encode(bytes(token)).decode() for token, _ in trained.get_mergeable_ranks()]
    stored = {"promo_tokenizer": 1, "pattern": trained.get_pattern(), "tokens": ranks}
    (tmp_path / "bpe.json").write_text(json.dumps(stored), encoding="utf-8")

    made = read_tokenizer(Tokens("bpe.json", None, 401), tmp_path)

    text = "the cat sat in th\u00e9 house"
    assert list(numbers(made.encode([text.encode()]), "H")) == [400, *trained.encode(text)]


def test_shards_are_documents_between_special_tokens(tmp_path):
    made = tokenizer(tmp_path, "gpt.tiktoken")
    shard(tmp_path / "a.bin", [SPECIAL, 104, 105, SPECIAL, 257, 32, SPECIAL])

    read = files("a.bin", tmp_path, made)

    assert [list(numbers(content, "H")) for _, content in read.documents] == [[104, 105], [257, 32]]
    assert read.encoded


def test_shards_of_32_bits_and_without_special_tokens(tmp_path):
    made = tokenizer(tmp_path, "gpt.tiktoken", SPECIAL)
    shard(tmp_path / "a.bin", [7] * 5000, magic=20240801, version=7, code="I")

    lengths = [len(numbers(content, "H")) for _, content in files("*.bin", tmp_path, made).documents]

    assert lengths == [4096, 904]


def test_a_prepared_shard_says_how_many_bytes_it_stands_for(tmp_path):
    tokenizer(tmp_path, "gpt.tiktoken")
    documents = [[SPECIAL, *([257, one % 256] * 20)] for one in range(200)]
    shard(tmp_path / "a.bin", [token for one in documents for token in one])

    manifest = prepare(data("*.bin", tokenizer="gpt.tiktoken"), tmp_path).manifest

    assert manifest.bytes == 200 * 20 * (3 + 1)
    assert manifest.tokens.train_tokens + manifest.tokens.validation_tokens == 200 * 41
    assert manifest.documents == 200


@pytest.mark.parametrize(
    ("tokens", "words", "changed"),
    [
        ([1, 2], r"announces 3 tokens and holds 4 bytes", {"count": 3}),
        ([1, 2], r"not a token shard: it begins with 1 and 1", {"magic": 1}),
        ([1, SPECIAL + 1], rf"holds token {SPECIAL + 1}, and the tokenizer has {SPECIAL + 1}", {}),
    ],
)
def test_a_shard_that_will_not_do(tmp_path, tokens, words, changed):
    made = tokenizer(tmp_path)
    shard(tmp_path / "a.bin", tokens, **changed)

    with pytest.raises(PromoError, match=words):
        files("a.bin", tmp_path, made)


def test_a_shard_needs_a_tokenizer_and_is_not_mixed_with_texts(tmp_path):
    shard(tmp_path / "a.bin", [1, 2])
    (tmp_path / "a.txt").write_bytes(b"text")

    with pytest.raises(PromoError, match="names no tokenizer"):
        files("*.bin", tmp_path)
    with pytest.raises(PromoError, match="matches token shards and other files"):
        files("a.*", tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("bpe.pkl", b"\x80\x04.", "would have to be unpickled"),
        ("none.json", None, "cannot be read: No such file"),
        ("../bpe.json", None, "is not a path below the spec"),
        ("bpe.json", b"{", "is not a tokenizer"),
        ("bpe.json", b'{"model": {}}', 'has no "promo_tokenizer": 1'),
        ("bpe.json", b'{"promo_tokenizer": 1, "tokens": []}', 'has no "pattern"'),
        ("bpe.json", b'{"promo_tokenizer": 1, "pattern": "x", "tokens": ["?"]}', "token 0 is no base64"),
        ("bpe.json", b'{"promo_tokenizer": 1, "pattern": "x", "tokens": ["IQ=="]}', "none of its tokens is the byte 0"),
        (
            "bpe.json",
            b'{"promo_tokenizer": 1, "pattern": "x", "tokens": ["IQ==", "IQ=="]}',
            "it contains a token twice",
        ),
        ("bpe.tiktoken", b"IQ== 0\nIg== 2\n", "line 2 is not a token in base64 and the rank 1"),
    ],
)
def test_a_tokenizer_that_will_not_do(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(PromoError, match=words):
        read_tokenizer(Tokens(name, None, 300), tmp_path)


def test_a_tokenizer_is_the_one_declared(tmp_path):
    made = tokenizer(tmp_path)

    assert read_tokenizer(Tokens("bpe.json", f"sha256:{made.digest[:12]}", SPECIAL), tmp_path).ranks == RANKS
    with pytest.raises(PromoError, match="not the one that is pinned"):
        read_tokenizer(Tokens("bpe.json", "sha256:000000000000", SPECIAL), tmp_path)
    with pytest.raises(PromoError, match=f"has {SPECIAL} tokens, and the data block says 256"):
        read_tokenizer(Tokens("bpe.json", None, 256), tmp_path)
    with pytest.raises(PromoError, match="the data block says 8192"):
        read_tokenizer(Tokens("bpe.json", None, 8192), tmp_path)


def test_ranks_without_a_pattern_encode_no_text(tmp_path):
    pytest.importorskip("tiktoken")

    with pytest.raises(PromoError, match="does not say how text is cut"):
        tokenizer(tmp_path, "gpt.tiktoken").encode([b"text"])


def test_a_pattern_that_is_none_is_said(tmp_path):
    pytest.importorskip("tiktoken")
    stored = json.loads(tokenizer(tmp_path) and (tmp_path / "bpe.json").read_text(encoding="utf-8"))
    (tmp_path / "bpe.json").write_text(json.dumps({**stored, "pattern": "("}), encoding="utf-8")

    with pytest.raises(PromoError, match="tiktoken refuses the tokenizer"):
        read_tokenizer(Tokens("bpe.json", None, SPECIAL), tmp_path).encode([b"text"])


def test_a_text_without_a_tokenizer_is_its_bytes():
    prepared = prepare(Data("text", "builtin:synth/1", None, Fraction(1, 20), 2048, 32, where={}), None)

    assert prepared.lengths is None
    assert prepared.manifest.tokens is None
    assert prepared.manifest.train_digest == digest_bytes(prepared.train)
    assert prepared.manifest.validation_digest == digest_bytes(prepared.validation)
