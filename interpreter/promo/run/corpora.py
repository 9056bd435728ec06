"""
Text to bytes to train and score on.

A corpus is a list of documents.  Which of them are held out depends on their own digest alone, so the split stays
put when documents are added.  What comes out is two streams of bytes, or of tokens where the data block names a
tokenizer, and a manifest with digests of everything; a study keeps these beside its runs and every worker reads them.
"""

import hashlib
import sysconfig
from array import array
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from promo.base.canonical import Json, digest, digest_bytes, parse_json
from promo.base.classes import evolve, frozen
from promo.base.differences import differences
from promo.base.errors import PromoError
from promo.base.reading import LARGE, NotPlainError, open_plain, read_plain, unpacked
from promo.ledger.sources import Text, TokenText
from promo.run.tokens import Tokenizer, read_tokenizer, shard
from promo.study.data import Data

SYNTH_BYTES = 2_000_000
SHINGLE = 48
STRIDE = 32
PLACES = 1000
MOST_OVERLAP = Fraction(2, 100)
"""More of the held-out text than this in the training text, too, is warned about."""
SEPARATOR = b"\n\n"
LEAVE_OUT = frozenset(
    {"__pycache__", "dist-packages", "encodings", "idlelib", "lib2to3", "site-packages", "test", "tests", "turtledemo"}
)
"""Folders of the standard library that are no part of it everywhere, or tables that repeat each other."""


@frozen
class Corpus:
    """Documents in a fixed order, by name."""

    documents: tuple[tuple[str, bytes], ...]
    encoded: bool = False
    """Whether they hold tokens already."""


@frozen
class Prepared:
    """The two streams of a corpus, and what is recorded of them."""

    train: bytes
    validation: bytes
    manifest: Text
    lengths: bytes | None = None
    """Bytes that each token stands for, 32 bits each; None where every byte is a token."""


def prepare(data: Data, spec_folder: Path) -> Prepared:
    """
    Read, split and measure a corpus.

    Raises:
        PromoError: the source is missing, not text, not as pinned, or too short for its split.
    """
    tokenizer = None if data.tokens is None else read_tokenizer(data.tokens, spec_folder)
    corpus = read(data.source, spec_folder, tokenizer)
    corpus_digest = digest([[name, digest_bytes(content)] for name, content in corpus.documents])
    if data.pinned and not corpus_digest.startswith(data.pinned.removeprefix("sha256:")):
        message = f"the text '{data.source}' is not the one that is pinned: it is sha256:{corpus_digest[:12]}"
        raise PromoError(message, hint="restore the text, or pin this one")
    train, held = split(corpus, data.holdout, tokenizer)
    _long_enough(data, *(len(part) // _width(tokenizer) for part in (train, held)))
    texts = (train, held) if tokenizer is None or corpus.encoded else split(corpus, data.holdout)
    text = Text(
        source=data.source,
        documents=len(corpus.documents),
        bytes=sum(len(content) for _, content in corpus.documents),
        digest=corpus_digest,
        train_bytes=len(train),
        train_digest=digest_bytes(train),
        validation_bytes=len(held),
        validation_digest=digest_bytes(held),
        overlap=f"{overlap(*texts):.4f}",
        tokens=None,
    )
    return Prepared(train, held, text) if tokenizer is None else _of_tokens(corpus, tokenizer, train, held, text)


def _of_tokens(corpus: Corpus, tokenizer: Tokenizer, train: bytes, held: bytes, text: Text) -> Prepared:
    """The same for a text of tokens."""
    width = _width(tokenizer)
    tokens = TokenText(
        train_bytes=tokenizer.bytes_of(train),
        validation_bytes=tokenizer.bytes_of(held),
        train_tokens=len(train) // width,
        validation_tokens=len(held) // width,
        tokenizer=tokenizer.path,
        tokenizer_digest=tokenizer.digest,
        vocabulary=tokenizer.vocabulary,
        token_width=width,
        token_lengths_digest=digest_bytes(tokenizer.lengths),
    )
    # Another tokenizer, or another version of what encodes, makes another text of the same documents.
    value = digest([text.digest, tokenizer.digest, text.train_digest, text.validation_digest])
    size = tokens.train_bytes + tokens.validation_bytes if corpus.encoded else text.bytes
    return Prepared(train, held, evolve(text, digest=value, bytes=size, tokens=tokens), tokenizer.lengths)


def changed_source(data: Data, recorded: Text, spec_folder: Path) -> Iterator[str]:
    """
    Where the files of a text are not those that it was prepared from; nothing where they are not here.

    A study that keeps the prepared text needs them no more, but going on beside others would hide that they changed.
    """
    generated = data.source == "stdlib" or data.source.startswith("builtin:")
    try:
        if generated or not any(path.is_file() for path in spec_folder.glob(data.source)):
            return
        tokenizer = None if data.tokens is None else read_tokenizer(data.tokens, spec_folder)
    except (
        PromoError,
        ValueError,
        NotImplementedError,
    ):  # no such path (pathlib), or no such tokenizer, on this machine
        return
    documents = read(data.source, spec_folder, tokenizer).documents
    value = digest([[name, digest_bytes(content)] for name, content in documents])
    if tokenizer is not None:
        value = digest([value, tokenizer.digest, recorded.train_digest, recorded.validation_digest])
    if value != recorded.digest:
        size = sum(len(content) for _, content in documents)
        was: dict[str, Json] = {"documents": recorded.documents, "bytes": recorded.bytes, "digest": recorded.digest}
        yield from differences(was, {"documents": len(documents), "bytes": size, "digest": value})


def _width(tokenizer: Tokenizer | None) -> int:
    """Bytes of a stream that one token takes."""
    return 1 if tokenizer is None else array(tokenizer.code).itemsize


def _long_enough(data: Data, train: int, held: int) -> None:
    what = "bytes" if data.tokens is None else "tokens"
    if held < data.score_tokens + 1 or held < data.window + 1:
        message = f"the held-out part of '{data.source}' has {held} {what}, and {data.score_tokens} are scored"
        raise PromoError(message, hint="hold out a larger share, or score fewer tokens")
    if train < 4 * data.window:
        raise PromoError(f"the training part of '{data.source}' has only {train} {what}")


def read(source: str, spec_folder: Path, tokenizer: Tokenizer | None = None) -> Corpus:
    """The documents of a source: `stdlib`, a built-in generator, or files."""
    if source == "stdlib":
        return standard_library()
    if source == "builtin:synth/1":
        return synthetic(SYNTH_BYTES)
    return files(source, spec_folder, tokenizer)


def standard_library() -> Corpus:
    """
    The source text of the running Python's own library, without its tests.

    Real text that every installation has; its digest differs from one Python version to the next.
    """
    root = Path(sysconfig.get_path("stdlib"))
    documents = []
    for path in sorted(root.rglob("*.py"), key=lambda one: one.relative_to(root).as_posix()):
        place = path.relative_to(root)
        if LEAVE_OUT.isdisjoint(place.parts) and not place.parts[0].startswith("config-"):
            documents.append((place.as_posix(), read_plain(path, LARGE)))
    if not documents:
        raise PromoError("this Python carries no source text of its library", hint='use: source "builtin:synth/1"')
    return Corpus(tuple(documents))


def files(pattern: str, spec_folder: Path, tokenizer: Tokenizer | None = None) -> Corpus:
    """Text files that match a path or pattern below the spec's folder, or token shards of the tokenizer."""
    try:
        found = sorted(path for path in spec_folder.glob(pattern) if not path.is_dir())
    except (ValueError, NotImplementedError) as fault:
        raise PromoError(f"'{pattern}' is not a path below the spec: {fault}") from fault
    if not found:
        folder = any(path.is_dir() for path in spec_folder.glob(pattern))
        hint = f'write: source "{pattern}/*"' if folder else "correct the path in the data block"
        raise PromoError(f"no file matches '{pattern}' in {spec_folder}", hint=hint)
    documents: list[tuple[str, bytes]] = []
    encoded = {path.suffix.lower() == ".bin" for path in found}
    if len(encoded) > 1:
        raise PromoError(f"'{pattern}' matches token shards and other files", hint="name one kind of them")
    for path in found:
        name = path.relative_to(spec_folder).as_posix()
        documents.extend((f"{name}#{number}", part) for number, part in enumerate(_documents(path, tokenizer)))
    return Corpus(tuple(documents), encoded == {True})


def _documents(path: Path, tokenizer: Tokenizer | None) -> Iterator[bytes]:
    """
    Documents of a file: of a shard `.bin`, rows of `.parquet`, lines of `.jsonl` (`text` in both), else passages.

    `.gz` behind the name of a text or of lines is unpacked.
    """
    name = path.name.lower()
    if name.endswith(".bin"):
        if tokenizer is None:
            hint = 'add: tokenizer "gpt2.tiktoken" of 50_257tok'
            raise PromoError(f"{path} holds tokens, and the data block names no tokenizer", hint=hint)
        return shard(path, tokenizer)
    if name.endswith(".parquet"):
        return _rows(path)
    if name.endswith((".jsonl", ".jsonl.gz")):
        return _lines(path)
    return _pieces(_text(path, _content(path)))


def _content(path: Path) -> bytes:
    try:
        content = read_plain(path, LARGE)
    except OSError as fault:
        raise PromoError(f"{path} cannot be read: {fault.strerror or fault}") from fault
    return _unpacked(path, content) if path.name.lower().endswith(".gz") else content


def _unpacked(path: Path, content: bytes) -> bytes:
    try:
        plain = unpacked(content, LARGE)
    except ValueError as fault:
        raise PromoError(f"{path} is not a complete gzip file: {fault}") from fault
    if len(plain) > LARGE:
        raise PromoError(f"{path} unpacks to more than {LARGE // 2**20} MiB, the limit for a text")
    return plain


def _text(path: Path, content: bytes) -> bytes:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as fault:
        message = f"{path} is not UTF-8 text (byte {fault.start})"
        raise PromoError(message, hint="convert it to UTF-8, or name another file") from fault
    return content


def _lines(path: Path) -> Iterator[bytes]:
    for number, line in enumerate(_text(path, _content(path)).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            stored = parse_json(line)
        except ValueError as fault:
            raise PromoError(f"{path}, line {number} is not JSON: {fault}") from fault
        text = stored.get("text") if isinstance(stored, dict) else None
        if not isinstance(text, str):
            raise PromoError(f'{path}, line {number} has no "text"', hint="each line is an object with a field text")
        yield _encoded(path, number, text)


def _rows(path: Path) -> Iterator[bytes]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as fault:
        raise PromoError(f"{path} needs pyarrow, which is not installed", hint="pip install pyarrow") from fault
    try:
        with open_plain(path) as opened:
            file = parquet.ParquetFile(opened)
            if "text" not in file.schema_arrow.names:
                names = ", ".join(file.schema_arrow.names)
                raise PromoError(f"{path} has no column text", hint=f"its columns: {names}")
            number = 0
            for batch in file.iter_batches(columns=["text"]):
                for text in batch.column(0).to_pylist():
                    number += 1
                    if not isinstance(text, str):
                        raise PromoError(f"{path}, row {number} holds no text")
                    yield _encoded(path, number, text)
    except NotPlainError as fault:
        raise PromoError(f"{path} cannot be read: {fault.strerror}") from fault
    except (ArrowException, OSError) as fault:
        raise PromoError(f"{path} is not a parquet file: {str(fault).splitlines()[0]}") from fault


def _encoded(path: Path, number: int, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as fault:
        raise PromoError(f"{path}, document {number} holds half a surrogate pair") from fault


def _pieces(content: bytes) -> Iterator[bytes]:
    """A file's paragraphs, gathered into documents of about 4 kB, so that one long file can be split too."""
    gathered: list[bytes] = []
    size = 0
    for paragraph in content.split(SEPARATOR):
        gathered.append(paragraph)
        size += len(paragraph)
        if size >= 4096:
            yield SEPARATOR.join(gathered)
            gathered, size = [], 0
    if gathered:
        yield SEPARATOR.join(gathered)


def split(corpus: Corpus, holdout: Fraction, tokenizer: Tokenizer | None = None) -> tuple[bytes, bytes]:
    """
    Training and held-out stream; a document is held out when its digest, as a fraction, lies below *holdout*.

    Bytes without a tokenizer, tokens with one; shards are made of tokens already.
    """
    limit = int(holdout * 2**64)
    train: list[bytes] = []
    held: list[bytes] = []
    for _, content in corpus.documents:
        part = held if int.from_bytes(hashlib.sha256(content).digest()[:8], "big") < limit else train
        part.append(content)
    if tokenizer is None:
        return SEPARATOR.join(train), SEPARATOR.join(held)
    if corpus.encoded:
        before = tokenizer.separator
        return b"".join(before + part for part in train), b"".join(before + part for part in held)
    return tokenizer.encode(train), tokenizer.encode(held)


def overlap(train: bytes, held: bytes) -> float:
    """
    Share of the held-out text that also stands in the training text, by passages.

    The training text is cut at every 32nd byte into passages of 48; a place of the held-out text counts when one of
    the 32 passages that begin there or just after is among them, so a copy of 79 bytes is always found.

    Args:
        train: the training stream.
        held: the held-out stream; a thousand evenly spread places of it are looked at.
    """
    last = len(held) - SHINGLE - STRIDE
    if last <= 0:
        return 0.0
    known = {train[at : at + SHINGLE] for at in range(0, len(train) - SHINGLE, STRIDE)}
    places = range(0, last, max(last // PLACES, 1))
    copied = sum(any(held[at + more : at + more + SHINGLE] in known for more in range(STRIDE)) for at in places)
    return copied / len(places)


# --- the synthetic text --------------------------------------------------------------------------------------

_MASK = 2**64 - 1


class _Draws:
    """
    Random integers that are the same on every Python and machine.

    Source: Steele, Lea & Flood (2014), SplitMix64.
    """

    def __init__(self, seed: int) -> None:
        self.state = seed & _MASK

    def below(self, limit: int) -> int:
        """An integer from 0 up to, not including, *limit*."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return (mixed ^ (mixed >> 31)) % limit

    def choice(self, items: Sequence[str]) -> str:
        """One of the items."""
        return items[self.below(len(items))]

    def frequent(self, items: Sequence[str]) -> str:
        """One of the items, early ones more often: ranks are uniform on a logarithmic scale (Zipf's law)."""
        bits = self.below(len(items).bit_length())
        return items[min((1 << bits) - 1 + self.below(1 << bits), len(items) - 1)]


@lru_cache(maxsize=1)
def synthetic(size: int, seed: int = 1) -> Corpus:
    """
    Generator `synth`, version 1: text with something to learn at every scale.

    An invented vocabulary with Zipf-like frequencies, topics that last a document, agreement in number, names that
    are given and asked back, sums, sorted lists and nested brackets.

    Args:
        size: bytes, at least; the last document is finished.
        seed: of the generator.
    """
    draws = _Draws(seed)
    lexicon = _lexicon(draws, 1200)
    documents: list[tuple[str, bytes]] = []
    written = 0
    while written < size:
        text = _document(draws, lexicon).encode()
        documents.append((f"synth-{len(documents)}", text))
        written += len(text)
    return Corpus(tuple(documents))


_ONSETS = ("b", "br", "d", "f", "g", "gr", "k", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "tr", "v")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ou")
_CODAS = ("", "", "n", "r", "s", "l", "m", "t")


def _lexicon(draws: _Draws, size: int) -> tuple[str, ...]:
    words: dict[str, None] = {}
    while len(words) < size:
        syllables = 1 + draws.below(3)
        word = "".join(draws.choice(_ONSETS) + draws.choice(_VOWELS) + draws.choice(_CODAS) for _ in range(syllables))
        words[word] = None
    return tuple(words)


def _document(draws: _Draws, lexicon: tuple[str, ...]) -> str:
    nouns, verbs, adjectives = lexicon[:600], lexicon[600:900], lexicon[900:]
    topic = tuple(draws.frequent(nouns) for _ in range(8))
    names = tuple(draws.choice(nouns).capitalize() for _ in range(3))
    places = {name: draws.frequent(nouns) for name in names}
    sentences = [f"{name} lives in the {place}." for name, place in places.items()]
    for _ in range(6 + draws.below(10)):
        kind = draws.below(8)
        if kind < 4:
            sentences.append(_statement(draws, topic, nouns, verbs, adjectives))
        elif kind == 4:
            name = draws.choice(names)
            sentences.append(f"Where does {name} live? In the {places[name]}.")
        elif kind == 5:
            left, right = draws.below(60), draws.below(60)
            sentences.append(f"{left} + {right} = {left + right}.")
        elif kind == 6:
            picked = sorted({draws.choice(topic) for _ in range(4)})
            sentences.append(f"In order: {', '.join(picked)}.")
        else:
            sentences.append(_nested(draws, topic, 3) + ".")
    return " ".join(sentences)


def _statement(
    draws: _Draws, topic: Sequence[str], nouns: Sequence[str], verbs: Sequence[str], adjectives: Sequence[str]
) -> str:
    subject = draws.choice(topic) if draws.below(3) else draws.frequent(nouns)
    thing, verb, adjective = draws.frequent(nouns), draws.frequent(verbs), draws.frequent(adjectives)
    plural = draws.below(2) == 1
    ending = ("", "s") if plural else ("s", "")
    which = f" that the {draws.choice(topic)} {draws.frequent(verbs)}s" if draws.below(4) == 0 else ""
    article = "The" if plural else "A"
    return f"{article} {adjective} {subject}{ending[1]}{which} {verb}{ending[0]} the {thing}."


def _nested(draws: _Draws, topic: Sequence[str], depth: int) -> str:
    word = draws.choice(topic)
    if depth == 0 or draws.below(3) == 0:
        return word
    return (
        f"({word} {_nested(draws, topic, depth - 1)})"
        if draws.below(2)
        else f"[{_nested(draws, topic, depth - 1)} {word}]"
    )
