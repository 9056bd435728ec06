"""Texts: the same bytes everywhere, a split that stays put, and clear words when a text will not do."""

import gzip
from fractions import Fraction

import pytest

from promo.base.canonical import digest, digest_bytes
from promo.base.errors import PromoError
from promo.run.corpora import Corpus, files, overlap, prepare, read, split, synthetic
from promo.study.data import Data

TENTH = Fraction(1, 10)


def data(source, *, holdout=TENTH, score=512, window=32, pinned=None):
    return Data("text", source, pinned, holdout, score, window, where={})


def test_the_synthetic_text_has_one_digest_on_every_machine():
    """Seen under Python 3.10 to 3.13; integers only, so that it cannot depend on the platform."""
    corpus = synthetic(100_000)

    assert digest([[name, digest_bytes(content)] for name, content in corpus.documents]) == (
        "b1bfbd130392f578c66678b168d8f29b4a65f1e6b8cb9a61e39e350d1f3c5e26"
    )


def test_the_built_in_text_is_two_million_bytes():
    assert sum(len(content) for _, content in read("builtin:synth/1", None).documents) >= 2_000_000


def test_the_standard_library_is_real_text():
    corpus = read("stdlib", None)

    assert "argparse.py" in dict(corpus.documents)
    assert not any("test" in name.split("/") for name, _ in corpus.documents)


def test_a_document_stays_where_it_is_when_others_are_added():
    documents = synthetic(60_000).documents
    _, few = split(Corpus(documents[: len(documents) // 2]), TENTH)
    _, many = split(Corpus(documents), TENTH)

    assert many.startswith(few)


def test_the_share_held_out_is_about_what_was_asked_for():
    train, held = split(synthetic(400_000), Fraction(1, 5))

    assert 0.15 < len(held) / (len(train) + len(held)) < 0.25


def test_overlap_finds_copies_and_only_copies():
    documents = [content for _, content in synthetic(40_000).documents]
    half = len(documents) // 2
    train, held = b"".join(documents[:half]), b"".join(documents[half:])

    assert overlap(train, held) < 0.05
    assert overlap(train + held, held) == 1.0
    assert overlap(train + held[: len(held) // 2], held) == pytest.approx(0.5, abs=0.1)


def test_text_files_below_the_spec(tmp_path):
    for number in range(40):
        (tmp_path / f"{number}.txt").write_text(f"text number {number} " * 40, encoding="utf-8")
    prepared = prepare(data("*.txt"), tmp_path)

    assert prepared.manifest.documents == 40
    assert prepared.manifest.validation_digest == digest_bytes(prepared.validation)


def test_one_long_file_is_split_at_its_paragraphs(tmp_path):
    text = "\n\n".join(f"paragraph {number} " * 60 for number in range(300))
    (tmp_path / "book.txt").write_text(text, encoding="utf-8")
    prepared = prepare(data("book.txt"), tmp_path)

    assert prepared.manifest.documents > 20
    assert len(prepared.train) + len(prepared.validation) + 2 == len(text.encode())


@pytest.mark.parametrize(
    ("source", "words"),
    [("none/*.txt", "no file matches"), ("/etc/passwd", "is not a path below"), ("", "not a path below")],
)
def test_a_text_that_is_not_there(tmp_path, source, words):
    with pytest.raises(PromoError, match=words):
        prepare(data(source), tmp_path)


def test_a_text_that_is_not_utf_8(tmp_path):
    (tmp_path / "bad.txt").write_bytes(b"abc\xff\xfe")

    with pytest.raises(PromoError, match=r"not UTF-8 text \(byte 3\)"):
        prepare(data("bad.txt"), tmp_path)


def test_a_text_too_short_for_its_split(tmp_path):
    (tmp_path / "short.txt").write_text("short\n\n" * 30, encoding="utf-8")

    with pytest.raises(PromoError, match="512 are scored"):
        prepare(data("short.txt"), tmp_path)


def test_a_pinned_text_must_be_that_text(tmp_path):
    for number in range(40):
        (tmp_path / f"{number}.txt").write_text(f"text number {number} " * 40, encoding="utf-8")
    known = prepare(data("*.txt"), tmp_path).manifest.digest

    assert prepare(data("*.txt", pinned=f"sha256:{known[:12]}"), tmp_path)
    (tmp_path / "3.txt").write_text("changed", encoding="utf-8")
    with pytest.raises(PromoError, match="not the one that is pinned"):
        prepare(data("*.txt", pinned=f"sha256:{known[:12]}"), tmp_path)


def test_lines_of_json_are_documents_packed_or_not(tmp_path):
    lines = '{"text": "one\\u00e9"}\n\n{"text": "two", "more": 1}\n'
    (tmp_path / "a.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(b"three", mtime=0))

    corpus = files("*", tmp_path)

    assert corpus.documents == (
        ("a.jsonl#0", "one\u00e9".encode()),
        ("a.jsonl#1", b"two"),
        ("b.jsonl.gz#0", "one\u00e9".encode()),
        ("b.jsonl.gz#1", b"two"),
        ("c.txt.gz#0", b"three"),
    )


def test_rows_of_parquet_are_documents(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"id": [1, 2], "text": ["one", "two"]}), tmp_path / "a.parquet")
    assert files("a.parquet", tmp_path).documents == (("a.parquet#0", b"one"), ("a.parquet#1", b"two"))

    parquet.write_table(pyarrow.table({"words": ["one"]}), tmp_path / "b.parquet")
    with pytest.raises(PromoError, match="no column text"):
        files("b.parquet", tmp_path)
    parquet.write_table(pyarrow.table({"text": ["one", None]}), tmp_path / "c.parquet")
    with pytest.raises(PromoError, match="row 2 holds no text"):
        files("c.parquet", tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", b'{"text": "one"}\n{"text": \n', "line 2 is not JSON"),
        ("a.jsonl", b'{"txt": "one"}\n', 'line 1 has no "text"'),
        ("a.jsonl", b'{"text": "\\ud800"}\n', "half a surrogate"),
        ("a.jsonl", b"\xff\n", "not UTF-8"),
        ("a.txt.gz", b"no gzip", "not a complete gzip file"),
        ("a.txt.gz", gzip.compress(b"text" * 99, mtime=0)[:-9], "not a complete gzip file"),
        ("a.parquet", b"PAR1 and no more", "not a parquet file"),
    ],
)
def test_a_text_file_that_is_broken_is_one_clear_message(tmp_path, name, content, words):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)

    with pytest.raises(PromoError, match=words):
        files(name, tmp_path)
